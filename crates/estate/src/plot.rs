mod drawing;

use std::fmt::Write as _;

use face::{DrawError, Fonts};

use crate::BurnDown;
use drawing::Drawing;

/// A burn-down as SVG: quantity upwards, time to the right, deadlines as vertical lines, one
/// step-down line for each kind of thing, and the pace that meets every deadline.
#[must_use]
pub fn svg(burn_down: &BurnDown) -> String {
    let mut svg = String::new();
    // Writing to a string does not fail.
    let _ = write!(svg, "{}", Drawing::new(burn_down));
    svg
}

/// The same as PNG, `scale` dots for each unit of the SVG.
///
/// # Errors
///
/// [`DrawError`], for a scale that makes no picture.
pub fn to_png(burn_down: &BurnDown, scale: f32) -> Result<Vec<u8>, DrawError> {
    face::draw_svg(&svg(burn_down), &Fonts::builtin(), scale)
}
