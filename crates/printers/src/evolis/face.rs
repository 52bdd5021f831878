//! The picture of a side as large as the panels are, which is larger than the card.

use plastic::{Bitmap, HEIGHT, Raster, Separation, WIDTH};

use super::dots::Dots;
use super::job::BuildError;
use super::panel::{Levels, Panel};
use super::words::{DOTS, LINES};

/// Rows of the panel above the face of a card, and below it.
const MARGIN: u32 = (DOTS as u32 - HEIGHT) / 2;

/// One side, landscape and upright, 1016 x 648 dots: what dye, resin and varnish each lay down.
///
/// The panels are six dots wider than a face of 642 dots, which lies in their middle. At 300 dpi a
/// card of 53.98 mm has 637.6 dots, so those rows pass beside the card; they repeat the edge of the
/// face, so that a card that lies a little to one side has no white edge.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Face {
    /// Dye: the colour of every dot.
    pub colour: Raster,
    /// Resin black.
    pub black: Bitmap,
    /// Varnish.
    pub overlay: Bitmap,
}

impl Default for Face {
    /// A bare white side.
    fn default() -> Self {
        Self {
            colour: Raster::white(LINES as u32, DOTS as u32),
            black: Bitmap::blank(LINES as u32, DOTS as u32),
            overlay: Bitmap::blank(LINES as u32, DOTS as u32),
        }
    }
}

impl Face {
    /// From a separation of 1016 x 642 dots; with `overcoat` under varnish but for its holes. A
    /// hole that reaches the edge of the face goes on beside it.
    ///
    /// # Errors
    ///
    /// [`BuildError::Size`].
    pub fn of(separation: &Separation, overcoat: bool) -> Result<Self, BuildError> {
        let (colour, black) = (&separation.colour, &separation.black);
        for (width, height) in [
            (colour.width(), colour.height()),
            (black.width(), black.height()),
        ] {
            if (width, height) != (WIDTH, HEIGHT) {
                return Err(BuildError::Size { width, height });
            }
        }
        let mut face = Self::default();
        for y in 0..DOTS as u32 {
            let from = y.saturating_sub(MARGIN).min(HEIGHT - 1);
            face.colour.row_mut(y).copy_from_slice(colour.row(from));
            face.black.row_mut(y).copy_from_slice(black.row(from));
            if overcoat {
                let holes = &separation.overcoat_holes;
                for (x, varnish) in (0..).zip(face.overlay.row_mut(y)) {
                    *varnish = !holes.iter().any(|hole| hole.contains(x, from));
                }
            }
        }
        Ok(face)
    }

    /// What the panels of a side lay down. Of two of one dye the later one counts.
    #[must_use]
    pub fn of_panels(panels: &[(Panel, Dots)], turned: bool) -> Self {
        let mut face = Self::default();
        for (panel, dots) in panels {
            let full = u32::from(dots.levels().full());
            for y in 0..DOTS {
                for x in 0..LINES {
                    let ink = dots.of_place(x, y, turned);
                    let row = y as u32;
                    match panel.channel() {
                        Some(channel) => {
                            let share = (u32::from(ink) * 255 + full / 2) / full;
                            face.colour.row_mut(row)[3 * x + channel] = 255 - share as u8;
                        }
                        None if *panel == Panel::Overlay => {
                            face.overlay.row_mut(row)[x] = ink > 0;
                        }
                        None => face.black.row_mut(row)[x] = ink > 0,
                    }
                }
            }
        }
        face
    }

    /// The part of it that is the face of a card, 1016 x 642 dots. Holes of the overcoat are in
    /// [`Face::overcoat`].
    #[must_use]
    pub fn separation(&self) -> Separation {
        let mut colour = Raster::white(WIDTH, HEIGHT);
        let mut black = Bitmap::blank(WIDTH, HEIGHT);
        for y in 0..HEIGHT {
            colour
                .row_mut(y)
                .copy_from_slice(self.colour.row(y + MARGIN));
            black.row_mut(y).copy_from_slice(self.black.row(y + MARGIN));
        }
        Separation {
            colour,
            black,
            overcoat_holes: Vec::new(),
        }
    }

    /// Where the face of a card is under varnish, 1016 x 642 dots.
    #[must_use]
    pub fn overcoat(&self) -> Bitmap {
        let mut overcoat = Bitmap::blank(WIDTH, HEIGHT);
        for y in 0..HEIGHT {
            overcoat
                .row_mut(y)
                .copy_from_slice(self.overlay.row(y + MARGIN));
        }
        overcoat
    }

    /// What a person sees, 1016 x 648 dots: resin over dye.
    #[must_use]
    pub fn picture(&self) -> Raster {
        let whole = Separation {
            colour: self.colour.clone(),
            black: self.black.clone(),
            overcoat_holes: Vec::new(),
        };
        whole.composed()
    }

    /// The ink of one panel. A dye has `levels` shades, resin and varnish two.
    #[must_use]
    pub fn dots(&self, panel: Panel, levels: Levels, turned: bool) -> Dots {
        let (bitmap, levels) = match (panel, panel.channel()) {
            (_, Some(channel)) => {
                let unused = 8 - levels.bits();
                return Dots::of_picture(levels, turned, |y, values| {
                    let row = self.colour.row(y as u32).as_chunks::<3>().0;
                    for (value, dot) in values.iter_mut().zip(row) {
                        *value = (255 - dot[channel]) >> unused;
                    }
                });
            }
            (Panel::Overlay, None) => (&self.overlay, Levels::Two),
            (_, None) => (&self.black, Levels::Two),
        };
        Dots::of_picture(levels, turned, |y, values| {
            for (value, ink) in values.iter_mut().zip(bitmap.row(y as u32)) {
                *value = u8::from(*ink);
            }
        })
    }

    /// Whether the picture is as large as the panels.
    pub(super) fn fits(&self) -> Result<(), BuildError> {
        let sizes = [
            (self.colour.width(), self.colour.height()),
            (self.black.width(), self.black.height()),
            (self.overlay.width(), self.overlay.height()),
        ];
        match sizes
            .into_iter()
            .find(|size| *size != (LINES as u32, DOTS as u32))
        {
            Some((width, height)) => Err(BuildError::Size { width, height }),
            None => Ok(()),
        }
    }

    /// Parts of a hundred of the dots that are neither under dye nor under resin, rounded.
    pub(super) fn bare_percent(&self) -> u64 {
        let dots = self.colour.bytes().as_chunks::<3>().0;
        let bare = dots
            .iter()
            .zip(self.black.dots())
            .filter(|(dot, black)| **dot == [255; 3] && !**black)
            .count();
        rounded(bare as u64 * 100)
    }
}

impl Dots {
    /// The mean ink of all dots, rounded.
    pub(super) fn mean(&self) -> u64 {
        rounded(self.values().iter().map(|value| u64::from(*value)).sum())
    }
}

/// A sum over all dots as their mean.
fn rounded(sum: u64) -> u64 {
    let dots = (LINES * DOTS) as u64;
    (2 * sum + dots) / (2 * dots)
}

#[cfg(test)]
mod tests {
    use plastic::{Area, CONTACTS};

    use super::*;

    #[test]
    fn a_face_lies_in_the_middle_and_its_edges_go_on() {
        let mut picture = Raster::white(WIDTH, HEIGHT);
        picture.set(5, 0, [1, 2, 3]);
        picture.set(6, 641, [0; 3]);
        picture.set(7, 300, [9, 9, 9]);
        let mut separation = Separation::of_pure_black(&picture);
        let top = Area {
            x: 900,
            y: 0,
            width: 10,
            height: 20,
        };
        separation.overcoat_holes = vec![CONTACTS, top];
        let face = Face::of(&separation, true).unwrap();
        for y in 0..=3 {
            assert_eq!(face.colour.get(5, y), [1, 2, 3]);
            assert!(!face.overlay.get(905, y));
            assert!(face.black.get(6, 647 - y));
        }
        assert_eq!(face.colour.get(5, 4), [255; 3]);
        assert_eq!(face.colour.get(7, 303), [9; 3]);
        assert!(!face.overlay.get(CONTACTS.x, CONTACTS.y + MARGIN));
        assert!(face.overlay.get(CONTACTS.x, CONTACTS.y + MARGIN - 1));
        let again = face.separation();
        assert_eq!(
            (again.colour, again.black),
            (separation.colour.clone(), separation.black.clone())
        );
        assert_eq!(face.overcoat().count(), 1016 * 642 - 114 * 111 - 200);
        assert_eq!(Face::of(&separation, false).unwrap().overlay.count(), 0);
    }

    #[test]
    fn a_picture_of_another_size_is_refused() {
        let small = Separation::of_pure_black(&Raster::white(100, 50));
        assert_eq!(
            Face::of(&small, false),
            Err(BuildError::Size {
                width: 100,
                height: 50
            })
        );
    }
}
