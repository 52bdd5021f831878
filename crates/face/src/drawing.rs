use std::sync::Arc;

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{self, Tree};
use thiserror::Error;

use crate::Fonts;
use crate::fonts::EMBEDDED_FAMILY;

/// The most dots a drawing may have: 100 MB of colours.
const MAX_DOTS: f32 = 25_000_000.0;

/// Why a drawing gives no picture.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum DrawError {
    /// It is no SVG.
    #[error("the drawing is no SVG: {0}")]
    NotSvg(String),
    /// It would have no dots, or more than are drawn.
    #[error("the drawing would have {width:.0} x {height:.0} dots")]
    Size {
        /// Width in dots.
        width: f32,
        /// Height in dots.
        height: f32,
    },
    /// The picture could not be written.
    #[error("the picture cannot be written as PNG: {0}")]
    NotWritten(String),
}

/// Draws an SVG that is no card face, such as a plot, on white as PNG, with no fonts but these;
/// `scale` is in dots for each unit of the SVG.
///
/// # Errors
///
/// [`DrawError`].
pub fn draw_svg(svg: &str, fonts: &Fonts, scale: f32) -> Result<Vec<u8>, DrawError> {
    let options = usvg::Options {
        font_family: EMBEDDED_FAMILY.to_owned(),
        fontdb: Arc::clone(fonts.database()),
        ..usvg::Options::default()
    };
    let tree = Tree::from_str(svg, &options).map_err(|e| DrawError::NotSvg(e.to_string()))?;
    let (width, height) = (tree.size().width() * scale, tree.size().height() * scale);
    let size = DrawError::Size { width, height };
    // Also false for what is no number.
    let drawable = width >= 1.0 && height >= 1.0 && width * height <= MAX_DOTS;
    if !drawable {
        return Err(size);
    }
    let mut pixmap = Pixmap::new(width.ceil() as u32, height.ceil() as u32).ok_or(size)?;
    pixmap.fill(Color::WHITE);
    resvg::render(
        &tree,
        Transform::from_scale(scale, scale),
        &mut pixmap.as_mut(),
    );
    pixmap
        .encode_png()
        .map_err(|error| DrawError::NotWritten(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOT: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">
<text x="2" y="15" font-size="14" fill="#000000">Wide</text></svg>"##;

    #[test]
    fn a_drawing_has_its_size_and_its_words() {
        let png = draw_svg(DOT, &Fonts::builtin(), 2.0).unwrap();
        let picture = image::load_from_memory(&png).unwrap().to_luma8();
        assert_eq!(picture.dimensions(), (80, 40));
        assert!(picture.pixels().any(|dot| dot.0[0] < 100));
    }

    #[test]
    fn what_is_no_drawing_is_refused() {
        let fonts = Fonts::builtin();
        assert!(matches!(
            draw_svg("x", &fonts, 1.0),
            Err(DrawError::NotSvg(_))
        ));
        for scale in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e9] {
            assert!(
                matches!(draw_svg(DOT, &fonts, scale), Err(DrawError::Size { .. })),
                "{scale}"
            );
        }
    }
}
