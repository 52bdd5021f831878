use plastic::{Area, Bitmap, CONTACTS, HEIGHT, Raster, WIDTH};

use super::log::Side;

/// One side of a card after printing, upright in landscape, 1016 x 642 dots.
#[derive(Clone, Debug, PartialEq)]
pub struct PrintedSide {
    /// What the dye panels laid down.
    pub dye: Raster,
    /// What the resin panel laid down.
    pub resin: Bitmap,
    /// Where there is overcoat.
    pub overcoat: Bitmap,
    /// Dots with ink that missed the card.
    pub missed: usize,
}

/// What a picture of a card shows beside its face.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Shown {
    /// The contacts of the chip, on the front.
    pub chip: bool,
    /// A blue sheen where overcoat lies.
    pub overcoat: bool,
}

/// The plate of the chip and the lines between its contacts.
const GOLD: [u8; 3] = [212, 175, 55];
const GROOVE: [u8; 3] = [90, 70, 20];
/// What overcoat looks like.
const SHEEN: [u8; 3] = [120, 170, 255];

impl Default for PrintedSide {
    /// A bare white side.
    fn default() -> Self {
        Self {
            dye: Raster::white(WIDTH, HEIGHT),
            resin: Bitmap::blank(WIDTH, HEIGHT),
            overcoat: Bitmap::blank(WIDTH, HEIGHT),
            missed: 0,
        }
    }
}

impl PrintedSide {
    /// Whether any dye lies on it: such a side takes as long as a coloured one does.
    #[must_use]
    pub fn has_dye(&self) -> bool {
        self.dye.bytes().iter().any(|channel| *channel != 255)
    }

    /// What a person sees: resin over dye.
    #[must_use]
    pub fn picture(&self) -> Raster {
        let mut picture = self.dye.clone();
        for y in 0..HEIGHT {
            for (x, resin) in (0..WIDTH).zip(self.resin.row(y)) {
                if *resin {
                    picture.set(x, y, [0; 3]);
                }
            }
        }
        picture
    }

    /// The overcoat as a picture: grey where it lies, white where the card is bare.
    #[must_use]
    pub fn overcoat_picture(&self) -> Raster {
        let mut picture = Raster::white(WIDTH, HEIGHT);
        for y in 0..HEIGHT {
            for (x, covered) in (0..WIDTH).zip(self.overcoat.row(y)) {
                if *covered {
                    picture.set(x, y, [128; 3]);
                }
            }
        }
        picture
    }

    /// The face with overcoat and chip drawn over it, as far as asked for. The chip is on the front
    /// only, at the place ISO/IEC 7816-2 gives its contacts.
    #[must_use]
    pub fn shown(&self, side: Side, shown: Shown) -> Raster {
        let mut picture = self.picture();
        if shown.overcoat {
            for y in 0..HEIGHT {
                for (x, covered) in (0..WIDTH).zip(self.overcoat.row(y)) {
                    if *covered {
                        picture.set(x, y, quarter(picture.get(x, y), SHEEN));
                    }
                }
            }
        }
        if shown.chip && side == Side::Front {
            draw_chip(&mut picture);
        }
        picture
    }

    /// The same side seen by somebody who turned the card by 180 degrees.
    #[must_use]
    pub fn turned(&self) -> Self {
        let mut dye = Raster::white(WIDTH, HEIGHT);
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                dye.set(x, y, self.dye.get(WIDTH - 1 - x, HEIGHT - 1 - y));
            }
        }
        let turn = |bitmap: &Bitmap| {
            Bitmap::from_fn(WIDTH, HEIGHT, |x, y| {
                bitmap.get(WIDTH - 1 - x, HEIGHT - 1 - y)
            })
        };
        Self {
            dye,
            resin: turn(&self.resin),
            overcoat: turn(&self.overcoat),
            missed: self.missed,
        }
    }

    /// What is on the side when printing ends half-way: the right half, because a card goes under
    /// the head with its right edge first.
    #[must_use]
    pub fn half(&self) -> Self {
        let mut half = self.clone();
        for y in 0..HEIGHT {
            for x in 0..WIDTH / 2 {
                half.dye.set(x, y, [255; 3]);
                half.resin.set(x, y, false);
                half.overcoat.set(x, y, false);
            }
        }
        half
    }
}

/// One colour with a quarter of another.
fn quarter(below: [u8; 3], above: [u8; 3]) -> [u8; 3] {
    std::array::from_fn(|channel| {
        let mixed = 3 * u16::from(below[channel]) + u16::from(above[channel]);
        u8::try_from(mixed / 4).expect("a mean of two bytes")
    })
}

/// A plate with a groove around each of its eight contacts.
fn draw_chip(picture: &mut Raster) {
    let Area {
        x: left,
        y: top,
        width,
        height,
    } = CONTACTS;
    for y in 0..height {
        for x in 0..width {
            let middle = x >= width * 2 / 5 && x < width * 3 / 5;
            let edge = x == 0 || y == 0 || x == width - 1 || y == height - 1;
            let groove = edge
                || x == width * 2 / 5
                || x == width * 3 / 5
                || (!middle && (1..4).any(|row| y == row * height / 4));
            picture.set(left + x, top + y, if groove { GROOVE } else { GOLD });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chip_and_overcoat_are_drawn_where_they_are_and_only_when_asked_for() {
        let mut side = PrintedSide::default();
        side.resin.set(5, 6, true);
        side.overcoat.set(800, 600, true);
        let both = Shown {
            chip: true,
            overcoat: true,
        };
        assert_eq!(side.shown(Side::Front, Shown::default()), side.picture());
        let front = side.shown(Side::Front, both);
        let back = side.shown(Side::Back, both);
        let bare = side.picture();
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let expected = match (x, y) {
                    (800, 600) => quarter([255; 3], SHEEN),
                    _ => bare.get(x, y),
                };
                assert_eq!(back.get(x, y), expected, "{x}, {y}");
                if CONTACTS.contains(x, y) {
                    assert!([GOLD, GROOVE].contains(&front.get(x, y)), "{x}, {y}");
                } else {
                    assert_eq!(front.get(x, y), expected, "{x}, {y}");
                }
            }
        }
    }

    #[test]
    fn half_a_side_is_its_right_half() {
        let mut side = PrintedSide::default();
        for x in [0, WIDTH / 2 - 1, WIDTH / 2, WIDTH - 1] {
            side.resin.set(x, 10, true);
            side.dye.set(x, 11, [1, 2, 3]);
            side.overcoat.set(x, 12, true);
        }
        let half = side.half();
        for x in [0, WIDTH / 2 - 1, WIDTH / 2, WIDTH - 1] {
            let printed = x >= WIDTH / 2;
            assert_eq!(half.resin.get(x, 10), printed);
            assert_eq!(half.dye.get(x, 11) == [1, 2, 3], printed);
            assert_eq!(half.overcoat.get(x, 12), printed);
        }
        assert!(half.has_dye() && !PrintedSide::default().has_dye());
    }
}
