use ground::{Blame, Blamed};
use plastic::{Area, Raster, Separation};
use thiserror::Error;

/// By how many levels of 255 a channel of dye may differ from what was asked: the printers have 64
/// steps of ink, so a level is met to within 4.
pub const DYE_TOLERANCE: u8 = 4;

/// How a printed face differs from what was asked.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum FaceMismatch {
    /// The pictures have different sizes.
    #[error(
        "the printed face is {} x {} dots, expected {} x {}",
        printed.0, printed.1, expected.0, expected.1
    )]
    Size {
        /// Dots across and down that were asked for.
        expected: (u32, u32),
        /// Dots across and down that were printed.
        printed: (u32, u32),
    },
    /// Some dots differ.
    #[error(
        "{dots} dots of the printed face differ (worst by {worst} levels), first in {} x {} dots at {}, {}: expected {expected:?}, printed {printed:?}",
        area.width, area.height, area.x, area.y
    )]
    Dots {
        /// How many dots differ.
        dots: usize,
        /// How many of them should have been resin black.
        resin: usize,
        /// The largest difference of a channel, in levels.
        worst: u8,
        /// The rectangle around the first differing dot, row by row, and all that touch it.
        area: Area,
        /// What the first differing dot should have been.
        expected: [u8; 3],
        /// What it is.
        printed: [u8; 3],
    },
}

impl Blamed for FaceMismatch {
    fn blame(&self) -> Blame {
        Blame::PrinterFault
    }
}

/// Compares what a simulated printer left on the plastic with what was asked of it.
///
/// A dot of resin has to be pure black; a dot of dye may differ by `tolerance` levels in each
/// channel, [`DYE_TOLERANCE`] for the printers known.
///
/// # Errors
///
/// [`FaceMismatch`].
pub fn check_face(
    expected: &Separation,
    printed: &Raster,
    tolerance: u8,
) -> Result<(), FaceMismatch> {
    let (width, height) = (expected.colour.width(), expected.colour.height());
    if (printed.width(), printed.height()) != (width, height) {
        return Err(FaceMismatch::Size {
            expected: (width, height),
            printed: (printed.width(), printed.height()),
        });
    }
    let mut differs = vec![false; expected.black.dots().len()];
    let (mut dots, mut resin, mut worst, mut first) = (0, 0, 0, None);
    let asked = expected.colour.bytes().chunks_exact(3);
    let found = printed.bytes().chunks_exact(3);
    for (index, ((asked, found), &ink)) in asked.zip(found).zip(expected.black.dots()).enumerate() {
        let asked = if ink { &[0; 3][..] } else { asked };
        let allowed = if ink { 0 } else { tolerance };
        let difference = asked
            .iter()
            .zip(found)
            .map(|(asked, found)| asked.abs_diff(*found))
            .max()
            .unwrap_or(0);
        if difference > allowed {
            differs[index] = true;
            dots += 1;
            resin += usize::from(ink);
            worst = worst.max(difference);
            first.get_or_insert((
                index,
                [asked[0], asked[1], asked[2]],
                [found[0], found[1], found[2]],
            ));
        }
    }
    match first {
        None => Ok(()),
        Some((index, expected, printed)) => Err(FaceMismatch::Dots {
            dots,
            resin,
            worst,
            area: region(differs, width as usize, index),
            expected,
            printed,
        }),
    }
}

/// The rectangle around all dots that hang together with `start`, corners included.
fn region(mut dots: Vec<bool>, width: usize, start: usize) -> Area {
    let height = dots.len() / width;
    let (mut left, mut right) = (start % width, start % width);
    let (mut top, mut bottom) = (start / width, start / width);
    let mut open = vec![start];
    dots[start] = false;
    while let Some(index) = open.pop() {
        let (x, y) = (index % width, index / width);
        (left, right) = (left.min(x), right.max(x));
        (top, bottom) = (top.min(y), bottom.max(y));
        for near_y in y.saturating_sub(1)..=(y + 1).min(height - 1) {
            for near_x in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                let near = near_y * width + near_x;
                if std::mem::take(&mut dots[near]) {
                    open.push(near);
                }
            }
        }
    }
    let dots = |count: usize| u32::try_from(count).expect("the sides of a raster are u32");
    Area {
        x: dots(left),
        y: dots(top),
        width: dots(right - left + 1),
        height: dots(bottom - top + 1),
    }
}

#[cfg(test)]
mod tests {
    use plastic::Bitmap;

    use super::*;

    fn face() -> Separation {
        let mut colour = Raster::white(20, 10);
        colour.set(3, 3, [100, 150, 200]);
        let mut black = Bitmap::blank(20, 10);
        black.set(10, 5, true);
        Separation {
            colour,
            black,
            overcoat_holes: Vec::new(),
        }
    }

    #[test]
    fn what_was_asked_passes() {
        assert_eq!(check_face(&face(), &face().composed(), 0), Ok(()));
    }

    #[test]
    fn dye_may_differ_within_the_tolerance_and_no_further() {
        let mut printed = face().composed();
        printed.set(3, 3, [104, 146, 200]);
        assert_eq!(check_face(&face(), &printed, 4), Ok(()));
        printed.set(3, 3, [105, 146, 200]);
        assert_eq!(
            check_face(&face(), &printed, 4),
            Err(FaceMismatch::Dots {
                dots: 1,
                resin: 0,
                worst: 5,
                area: Area {
                    x: 3,
                    y: 3,
                    width: 1,
                    height: 1
                },
                expected: [100, 150, 200],
                printed: [105, 146, 200],
            })
        );
    }

    #[test]
    fn resin_must_be_exact() {
        let mut printed = face().composed();
        printed.set(10, 5, [1, 0, 0]);
        let error = check_face(&face(), &printed, 255).unwrap_err();
        assert!(
            matches!(error, FaceMismatch::Dots { resin: 1, .. }),
            "{error}"
        );
    }

    #[test]
    fn the_first_area_is_what_hangs_together_and_all_dots_are_counted() {
        let mut printed = face().composed();
        for (x, y) in [(7, 1), (6, 2), (5, 3), (15, 8)] {
            printed.set(x, y, [0; 3]);
        }
        let error = check_face(&face(), &printed, DYE_TOLERANCE).unwrap_err();
        assert_eq!(
            error.to_string(),
            "4 dots of the printed face differ (worst by 255 levels), first in 3 x 3 dots at 5, 1: expected [255, 255, 255], printed [0, 0, 0]"
        );
    }

    #[test]
    fn another_size_is_told() {
        let error = check_face(&face(), &Raster::white(20, 11), 4).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the printed face is 20 x 11 dots, expected 20 x 10"
        );
    }
}
