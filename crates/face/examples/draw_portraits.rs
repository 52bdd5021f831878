//! Draws the portraits of `examples/portraits` from their SVG sources.
//!
//! Run it after a change to a source; the PNG files beside the sources are what the tests and the
//! other examples use.

use std::error::Error;
use std::path::Path;

use plastic::Raster;
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// Dots across and down of every portrait.
const SIZE: (u32, u32) = (600, 750);

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/portraits");
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "svg") {
            sources.push(path);
        }
    }
    sources.sort();
    for source in sources {
        let picture = source.with_extension("png");
        draw(&std::fs::read_to_string(&source)?)?.write_png(&picture)?;
        println!("{}", picture.display());
    }
    Ok(())
}

fn draw(svg: &str) -> Result<Raster, Box<dyn Error>> {
    let tree = Tree::from_str(svg, &Options::default())?;
    let (width, height) = SIZE;
    let mut pixmap = Pixmap::new(width, height).ok_or("the size is not zero")?;
    pixmap.fill(Color::WHITE);
    let scale = Transform::from_scale(
        width as f32 / tree.size().width(),
        height as f32 / tree.size().height(),
    );
    resvg::render(&tree, scale, &mut pixmap.as_mut());
    let bytes = pixmap
        .data()
        .chunks_exact(4)
        .flat_map(|dot| [dot[0], dot[1], dot[2]])
        .collect();
    Ok(Raster::from_bytes(width, height, bytes).ok_or("three bytes a dot were collected")?)
}
