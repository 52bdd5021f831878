//! A panel as ink values, and how those are packed or compressed.

use super::bitmap::{Bitmap, Coding};
use super::panel::{Levels, Panel};
use super::words::{DOTS, LINES};

/// Rows of a picture that are placed together; a line has a whole number of them.
const BAND: usize = 8;

/// A panel as ink values, 1016 lines of 648 dots, 0 to [`Levels::full`].
#[derive(Clone, Eq, PartialEq)]
pub struct Dots {
    levels: Levels,
    values: Vec<u8>,
}

impl Dots {
    /// Without ink.
    #[must_use]
    pub fn blank(levels: Levels) -> Self {
        Self {
            levels,
            values: vec![0; LINES * DOTS],
        }
    }

    /// From a landscape picture of 1016 x 648 dots, upright: `row` writes the ink of one row of it,
    /// from the left. Line `x` of the panel is column `x` of the picture from its lower end up;
    /// `turned` puts the picture on the card upside down. (Compared with jobs of the vendor's
    /// library.)
    pub fn of_picture(
        levels: Levels,
        turned: bool,
        mut row: impl FnMut(usize, &mut [u8; LINES]),
    ) -> Self {
        let mut dots = Self::blank(levels);
        // Eight rows at a time: written across the lines one by one, every dot would touch another
        // part of memory.
        let mut band = [[0; LINES]; BAND];
        for first in (0..DOTS).step_by(BAND) {
            for (y, values) in (first..).zip(&mut band) {
                row(y, values);
            }
            let columns = (0..LINES).map(|x| std::array::from_fn(|y| band[y][x]));
            for (x, column) in columns.enumerate() {
                let column: [u8; BAND] = column;
                if turned {
                    dots.line_mut(LINES - 1 - x)[first..first + BAND].copy_from_slice(&column);
                } else {
                    let end = DOTS - first;
                    let mut eight = column;
                    eight.reverse();
                    dots.line_mut(x)[end - BAND..end].copy_from_slice(&eight);
                }
            }
        }
        dots
    }

    /// The ink at a place of the picture it was made from.
    ///
    /// # Panics
    ///
    /// Outside the picture of 1016 x 648 dots.
    #[must_use]
    pub fn of_place(&self, x: usize, y: usize, turned: bool) -> u8 {
        if turned {
            self.line(LINES - 1 - x)[y]
        } else {
            self.line(x)[DOTS - 1 - y]
        }
    }

    pub(super) fn of_values(levels: Levels, values: Vec<u8>) -> Self {
        debug_assert_eq!(values.len(), LINES * DOTS);
        Self { levels, values }
    }

    /// How many shades.
    #[must_use]
    pub fn levels(&self) -> Levels {
        self.levels
    }

    /// All values, line by line.
    #[must_use]
    pub fn values(&self) -> &[u8] {
        &self.values
    }

    /// One line.
    ///
    /// # Panics
    ///
    /// Outside the panel.
    #[must_use]
    pub fn line(&self, line: usize) -> &[u8] {
        &self.values[line * DOTS..][..DOTS]
    }

    /// One line to be changed. Values above [`Levels::full`] are cut when packed.
    ///
    /// # Panics
    ///
    /// Outside the panel.
    pub fn line_mut(&mut self, line: usize) -> &mut [u8] {
        &mut self.values[line * DOTS..][..DOTS]
    }

    /// Whether there is no ink at all.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.values.iter().all(|value| *value == 0)
    }

    /// As a bitmap command for `panel`.
    #[must_use]
    pub fn to_bitmap(&self, panel: Panel, coding: Coding) -> Bitmap {
        let data = match (coding, self.levels) {
            (Coding::Packed, _) => self.packed(),
            (Coding::Compressed, Levels::Two) => self.lines_pressed(),
            (Coding::Compressed, _) => self.runs_pressed(),
        };
        Bitmap::of_dots(panel, self.levels, coding, data)
    }

    fn packed(&self) -> Vec<u8> {
        if self.levels == Levels::TwoHundredFiftySix {
            return self.values.clone();
        }
        if self.levels == Levels::Two {
            return self.values.as_chunks::<8>().0.iter().map(packed8).collect();
        }
        let (bits, full) = (self.levels.bits(), self.levels.full());
        let mut out = Vec::with_capacity(self.levels.panel_bytes());
        // Eight dots are `bits` whole bytes.
        for eight in self.values.as_chunks::<8>().0 {
            let word = eight.iter().fold(0_u64, |word, value| {
                word << bits | u64::from((*value).min(full))
            });
            out.extend_from_slice(&word.to_be_bytes()[8 - bits..]);
        }
        out
    }

    /// One byte a line: 00 white, FF black, else how many bytes of the line follow.
    fn lines_pressed(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for line in self.values.chunks_exact(DOTS) {
            let bytes: Vec<u8> = line.as_chunks::<8>().0.iter().map(packed8).collect();
            let used = bytes
                .iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |at| at + 1);
            if used == DOTS / 8 && bytes.iter().all(|byte| *byte == 0xFF) {
                out.push(0xFF);
            } else {
                out.push(u8::try_from(used).expect("a line has 81 bytes"));
                out.extend_from_slice(&bytes[..used]);
            }
        }
        out
    }

    /// Runs as `80 | value`, count; single dots as themselves; a blank line as a run of none.
    fn runs_pressed(&self) -> Vec<u8> {
        let bits = self.levels.bits() as u32;
        let mut out = Vec::new();
        for line in self.values.chunks_exact(DOTS) {
            if line.iter().all(|value| *value == 0) {
                out.extend([0x80, 0]);
                continue;
            }
            let mut rest = line;
            while let Some(&value) = rest.first() {
                let same = rest.iter().take_while(|other| **other == value).count();
                let count = run(same.min(longest_run(self.levels)));
                rest = &rest[count..];
                let value = value.min(self.levels.full().min(0x7F));
                if count == 1 {
                    out.push(value);
                } else {
                    // Each bit that is free adds 256: one of them, or both.
                    let above: u8 = [0, 0b01, 0b11][count >> 8];
                    out.push(0x80 | value | above.checked_shl(bits).unwrap_or(0));
                    out.push((count & 0xFF) as u8);
                }
            }
        }
        out
    }
}

impl std::fmt::Debug for Dots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inked = self.values.iter().filter(|value| **value != 0).count();
        write!(
            f,
            "Dots({:?}, {inked} of {} inked)",
            self.levels,
            LINES * DOTS
        )
    }
}

/// Eight dots of one bit as a byte, the first in its top bit.
fn packed8(dots: &[u8; 8]) -> u8 {
    // Each dot is 0 or something; as a word its lowest bit is moved to its place by one
    // multiplication.
    let ones = u64::from_be_bytes(dots.map(|dot| u8::from(dot != 0)));
    (ones.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
}

/// The longest run that can be written: a byte of count, and 256 more for each bit that is free
/// beside the mark and the value. (Programming guide A5013, 4.)
const fn longest_run(levels: Levels) -> usize {
    match levels {
        Levels::ThirtyTwo => DOTS,
        Levels::SixtyFour => 511,
        _ => 255,
    }
}

/// A run that is written as one: a count of 0 in its byte is a blank line, so one of 256 or 512 is
/// cut short.
const fn run(count: usize) -> usize {
    if count.is_multiple_of(256) {
        count - 1
    } else {
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_lies_across_the_lines_and_can_be_turned() {
        let row = |y: usize, values: &mut [u8; LINES]| {
            for (x, value) in values.iter_mut().enumerate() {
                *value = ((3 * x + 5 * y) % 251) as u8;
            }
        };
        for turned in [false, true] {
            let dots = Dots::of_picture(Levels::TwoHundredFiftySix, turned, row);
            for (x, y) in [(0, 0), (1015, 0), (0, 647), (1015, 647), (100, 9), (7, 640)] {
                let (line, dot) = if turned { (1015 - x, y) } else { (x, 647 - y) };
                let expected = ((3 * x + 5 * y) % 251) as u8;
                assert_eq!(dots.line(line)[dot], expected, "{x}, {y}");
                assert_eq!(dots.of_place(x, y, turned), expected, "{x}, {y}");
            }
        }
    }

    #[test]
    fn runs_longer_than_a_byte_have_a_free_bit_for_each_256() {
        let mut dots = Dots::blank(Levels::ThirtyTwo);
        dots.line_mut(0)[..300].fill(3);
        dots.line_mut(1).fill(5);
        dots.line_mut(2)[..256].fill(7);
        let bitmap = dots.to_bitmap(Panel::Cyan, Coding::Compressed);
        assert_eq!(
            bitmap.data()[..14],
            [
                0b1010_0011,
                44,
                0b1010_0000,
                92, // 300 and the rest of 348
                0b1110_0101,
                136, // 648
                0b1000_0111,
                255,
                7,
                0b1010_0000,
                136, // 255 and one, and 392 without
                0x80,
                0,
                0x80,
            ]
        );
        assert_eq!(bitmap.dots(), Ok(dots));
    }
}
