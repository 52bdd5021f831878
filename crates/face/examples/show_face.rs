//! Renders one card and writes what it will look like.
//!
//! `show_face OUT.png [TEMPLATE.svg [PHOTO [NAME]]]`

use std::path::Path;

use face::{FaceData, Photo, PreviewOptions, Renderer, Template};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let out = arguments.next().ok_or("where to write the PNG?")?;
    let template = match arguments.next() {
        Some(path) if path != "builtin" => Template::load(Path::new(&path))?,
        _ => Template::builtin(),
    };
    let photo = match arguments.next() {
        Some(path) if path != "none" => Some(Photo::load(Path::new(&path))?),
        _ => None,
    };
    let data = FaceData {
        name: arguments
            .next()
            .unwrap_or("Dr Ŵyn Featherstonehaugh-O’Neill".to_owned()),
        uuid: "555123456789".to_owned(),
        organisation: "Riverside Community Hospital Trust".to_owned(),
        photo,
        extra: [("role".to_owned(), "Community pharmacist".to_owned())].into(),
    };
    let rendered = Renderer::default().render(&template, &data)?;
    for warning in &rendered.warnings {
        println!("warning: {warning}");
    }
    for field in &rendered.fields {
        println!("{}: {:?} at {} dots", field.name, field.lines, field.size);
    }
    let marks = PreviewOptions {
        chip: true,
        overcoat: true,
        corners: true,
        ..PreviewOptions::default()
    };
    rendered.preview(marks).write_png(Path::new(&out))?;
    Ok(())
}
