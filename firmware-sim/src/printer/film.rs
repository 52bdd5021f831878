use plastic::{Bitmap, HEIGHT, Raster, WIDTH};

use super::sheet::{Corners, HeadKind, Sheet};

/// Dots of the print head.
const HEAD_DOTS: usize = 672;

/// One side of a card after printing, as it lies in the printer: upright in landscape for a
/// picture that was not turned.
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

impl PrintedSide {
    /// Prints a sheet with the head at the position the status reply gives.
    #[must_use]
    pub fn of(sheet: &Sheet, head_position: u32) -> Self {
        let first = first_dot(sheet.head, head_position);
        let mut side = Self {
            dye: Raster::white(WIDTH, HEIGHT),
            resin: Bitmap::blank(WIDTH, HEIGHT),
            overcoat: overcoat(sheet),
            missed: 0,
        };
        for plane in sheet.planes.iter().filter(|plane| !plane.data.is_empty()) {
            side.transfer(sheet.head, first, plane.letter, &plane.data);
        }
        side
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

    /// Goes through the bits of a plane as the head does and lays each dot on the card.
    fn transfer(&mut self, head: HeadKind, first: usize, letter: char, data: &[u8]) {
        let bits = if letter == 'K' { 1 } else { 6 };
        let dots = head_dots(head);
        for (line, bytes) in (0..WIDTH).zip(data.chunks_exact(bits * head.stride())) {
            // The card goes in with its right edge first.
            let x = WIDTH - 1 - line;
            let mut heat = [0_u8; HEAD_DOTS];
            for (level, bit_plane) in bytes.chunks_exact(head.stride()).enumerate() {
                for (byte, dots) in bit_plane.iter().zip(&dots) {
                    for (bit, dot) in dots.iter().enumerate() {
                        if byte << bit & 0x80 != 0
                            && let Some(dot) = dot
                        {
                            heat[*dot] |= 1 << level;
                        }
                    }
                }
            }
            for (dot, heat) in heat.into_iter().enumerate().filter(|(_, heat)| *heat > 0) {
                let y = dot.checked_sub(first).and_then(|y| u32::try_from(y).ok());
                let Some(y) = y.filter(|y| *y < HEIGHT) else {
                    self.missed += 1;
                    continue;
                };
                if letter == 'K' {
                    self.resin.set(x, y, true);
                    continue;
                }
                let mut colour = self.dye.get(x, y);
                let light = 255 - u32::from(heat) * 255 / 63;
                let channel = match letter {
                    'R' => 0,
                    'G' => 1,
                    _ => 2,
                };
                colour[channel] = u8::try_from(light).expect("at most 255");
                self.dye.set(x, y, colour);
            }
        }
    }
}

/// For every bit of a bit-plane, from the top bit of its first byte, the dot it heats.
fn head_dots(head: HeadKind) -> Vec<[Option<usize>; 8]> {
    (0..head.stride())
        .map(|byte| {
            std::array::from_fn(|bit| match head {
                HeadKind::InOrder => Some(8 * byte + bit),
                HeadKind::Interleaved => {
                    // 24 words of 32 bits: even bits are the first part of the head, which starts
                    // in word 6, odd bits the second, which starts at dot 288.
                    let (word, place) = (byte / 4, 8 * (byte % 4) + bit);
                    match place % 2 {
                        0 => word.checked_sub(6).map(|word| 16 * word + place / 2),
                        _ => Some(288 + 16 * word + place / 2),
                    }
                }
            })
        })
        .collect()
}

/// The dot that prints the upper edge of the card.
fn first_dot(head: HeadKind, position: u32) -> usize {
    let position = if position == 0 { 50 } else { position };
    let shift = usize::try_from(65_u32.saturating_sub(position).min(30)).expect("at most 30");
    match head {
        HeadKind::Interleaved => shift,
        HeadKind::InOrder => shift + 1,
    }
}

fn overcoat(sheet: &Sheet) -> Bitmap {
    let inside = |area: &Corners, x: u32, from_bottom: u32| {
        (area.left..=area.right).contains(&x) && (area.lower..=area.upper).contains(&from_bottom)
    };
    Bitmap::from_fn(WIDTH, HEIGHT, |x, y| {
        let from_bottom = HEIGHT - 1 - y;
        sheet
            .overcoat
            .is_some_and(|area| inside(&area, x, from_bottom))
            && !sheet.holes.iter().any(|hole| inside(hole, x, from_bottom))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interleaved_head_has_the_captured_places() {
        let dots = head_dots(HeadKind::Interleaved);
        for (byte, mask, dot) in [
            (24, 0x80_u8, 0),
            (24, 0x20, 1),
            (25, 0x80, 4),
            (27, 0x02, 15),
            (28, 0x80, 16),
            (95, 0x02, 287),
            (0, 0x40, 288),
            (0, 0x10, 289),
            (95, 0x01, 671),
        ] {
            let bit = mask.leading_zeros() as usize;
            assert_eq!(dots[byte][bit], Some(dot));
        }
        let unused = dots.iter().flatten().filter(|dot| dot.is_none()).count();
        assert_eq!(unused, 96);
    }

    #[test]
    fn the_card_edge_follows_the_head_position() {
        for (position, first) in [(0, 15), (30, 30), (40, 25), (50, 15), (60, 5), (70, 0)] {
            assert_eq!(first_dot(HeadKind::Interleaved, position), first);
        }
    }
}
