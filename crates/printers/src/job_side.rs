//! What a job of a family with whole bytes of ink says of one side, for looking at it.

use plastic::{Bitmap, Raster};

/// One side of a job, taken apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JobSide {
    /// Whether it is the back.
    pub back: bool,
    /// The panels as they are in the job, upright as the face.
    pub planes: Vec<JobPlane>,
    /// What a person sees on the card, upright in landscape, 1016 x 642 dots; what the job does not
    /// reach is white.
    pub picture: Raster,
    /// Where overcoat lies, if the job says so.
    pub overcoat: Option<Bitmap>,
}

/// The ink of one panel, upright as the face.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JobPlane {
    /// Its name: `yellow`, `magenta`, `cyan`, `black`, `uv`.
    pub name: &'static str,
    /// Dots across.
    pub width: u32,
    /// Dots down.
    pub height: u32,
    /// Row by row from the upper left corner: 0 none, 255 all.
    pub ink: Vec<u8>,
}

/// The picture ink makes on white: each dye takes one channel away, resin covers all.
pub(crate) fn pictured(
    mut ink: impl FnMut(u32, u32) -> [u8; 4],
    width: u32,
    height: u32,
) -> Raster {
    let mut picture = Raster::white(width, height);
    for y in 0..height {
        for (x, dot) in (0..width).zip(picture.row_mut(y).chunks_exact_mut(3)) {
            let [yellow, magenta, cyan, black] = ink(x, y);
            for (channel, ink) in dot.iter_mut().zip([cyan, magenta, yellow]) {
                *channel = if black >= 0x80 { 0 } else { 255 - ink };
            }
        }
    }
    picture
}
