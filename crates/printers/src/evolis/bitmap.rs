//! One panel of a side as bytes: packed bits, or compressed, both ways.

use thiserror::Error;

use super::dots::Dots;
use super::panel::{Levels, Panel};
use super::words::{DOTS, LINES};

/// Bytes of a line of one bit a dot.
const LINE_BYTES: usize = DOTS / 8;
/// The most bytes of compressed data: as much as the largest panel, and a byte a line.
const MAX_COMPRESSED: usize = LINES * (DOTS + 1);

/// How the dots are written.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Coding {
    /// `Db`: all bits, one after the other.
    Packed,
    /// `Dbc`: compressed line by line.
    Compressed,
}

/// One bitmap command: a panel and its data as they stand on the wire.
#[derive(Clone, Eq, PartialEq)]
pub struct Bitmap {
    panel: Panel,
    levels: Levels,
    coding: Coding,
    data: Vec<u8>,
}

impl Bitmap {
    /// From the bytes on the wire.
    ///
    /// # Errors
    ///
    /// [`BitmapError::Size`] for packed data of the wrong length, [`BitmapError::TooLong`] for
    /// compressed data longer than any panel. What compressed data means is looked at by
    /// [`Bitmap::dots`].
    pub fn new(
        panel: Panel,
        levels: Levels,
        coding: Coding,
        data: Vec<u8>,
    ) -> Result<Self, BitmapError> {
        let actual = data.len();
        match coding {
            Coding::Packed if actual != levels.panel_bytes() => Err(BitmapError::Size {
                expected: levels.panel_bytes(),
                actual,
            }),
            Coding::Compressed if actual > MAX_COMPRESSED => Err(BitmapError::TooLong { actual }),
            _ => Ok(Self {
                panel,
                levels,
                coding,
                data,
            }),
        }
    }

    /// From data the dots were just written as.
    pub(super) fn of_dots(panel: Panel, levels: Levels, coding: Coding, data: Vec<u8>) -> Self {
        Self {
            panel,
            levels,
            coding,
            data,
        }
    }

    /// Which panel.
    #[must_use]
    pub fn panel(&self) -> Panel {
        self.panel
    }

    /// How many shades.
    #[must_use]
    pub fn levels(&self) -> Levels {
        self.levels
    }

    /// How the dots are written.
    #[must_use]
    pub fn coding(&self) -> Coding {
        self.coding
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The ink of every dot.
    ///
    /// # Errors
    ///
    /// [`BitmapError`] for compressed data that makes no panel.
    pub fn dots(&self) -> Result<Dots, BitmapError> {
        match (self.coding, self.levels) {
            (Coding::Packed, levels) => Ok(unpacked(levels, &self.data)),
            (Coding::Compressed, Levels::Two) => lines_unpressed(&self.data),
            (Coding::Compressed, levels) => runs_unpressed(levels, &self.data),
        }
    }

    /// The head of the command: `Db;k;2;`, `Dbc;k;2;83312;`.
    pub(super) fn head(&self) -> String {
        let (letter, levels) = (self.panel.letter(), self.levels.number());
        match self.coding {
            Coding::Packed => format!("Db;{letter};{levels};"),
            Coding::Compressed => format!("Dbc;{letter};{levels};{};", self.data.len()),
        }
    }

    /// Bytes of the whole command, from `1B` to `0D`.
    pub(super) fn command_bytes(&self) -> usize {
        self.head().len() + self.data.len() + 2
    }
}

impl std::fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bitmap({} {} bytes)", self.head(), self.data.len())
    }
}

fn unpacked(levels: Levels, data: &[u8]) -> Dots {
    let bits = levels.bits();
    let mut values = Vec::with_capacity(LINES * DOTS);
    for bytes in data.chunks_exact(bits) {
        let word = bytes
            .iter()
            .fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
        values.extend(
            (0..8)
                .rev()
                .map(|dot| (word >> (dot * bits)) as u8 & levels.full()),
        );
    }
    Dots::of_values(levels, values)
}

fn lines_unpressed(data: &[u8]) -> Result<Dots, BitmapError> {
    let mut dots = Dots::blank(Levels::Two);
    let mut at = 0;
    for line in 0..LINES {
        let count = *data.get(at).ok_or(BitmapError::Ends { line })?;
        at += 1;
        let out = dots.line_mut(line);
        match usize::from(count) {
            0 => {}
            0xFF => out.fill(1),
            count if count <= LINE_BYTES => {
                let bytes = data.get(at..at + count).ok_or(BitmapError::Ends { line })?;
                at += count;
                for (eight, byte) in out.as_chunks_mut::<8>().0.iter_mut().zip(bytes) {
                    *eight = std::array::from_fn(|bit| byte >> (7 - bit) & 1);
                }
            }
            _ => return Err(BitmapError::Count { line, count }),
        }
    }
    whole(data, at, dots)
}

fn runs_unpressed(levels: Levels, data: &[u8]) -> Result<Dots, BitmapError> {
    let mut dots = Dots::blank(levels);
    let mut at = 0;
    let mask = levels.full().min(0x7F);
    for line in 0..LINES {
        let mut done = 0;
        while done < DOTS {
            let byte = *data.get(at).ok_or(BitmapError::Ends { line })?;
            at += 1;
            let out = dots.line_mut(line);
            if byte & 0x80 == 0 {
                out[done] = byte & mask;
                done += 1;
                continue;
            }
            let low = *data.get(at).ok_or(BitmapError::Ends { line })?;
            at += 1;
            let above = (byte & 0x7F & !mask).count_ones() as usize;
            let count = above * 256 + usize::from(low);
            match count {
                0 if done == 0 => break,
                0 => return Err(BitmapError::Count { line, count: low }),
                _ if count > DOTS - done => return Err(BitmapError::Overlong { line }),
                _ => out[done..done + count].fill(byte & mask),
            }
            done += count;
        }
    }
    whole(data, at, dots)
}

fn whole(data: &[u8], at: usize, dots: Dots) -> Result<Dots, BitmapError> {
    if at == data.len() {
        Ok(dots)
    } else {
        Err(BitmapError::Left {
            bytes: data.len() - at,
        })
    }
}

/// Why bytes are no panel.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum BitmapError {
    /// Packed data of the wrong length.
    #[error("the panel has {actual} bytes, expected {expected}")]
    Size {
        /// What the shades need.
        expected: usize,
        /// What is there.
        actual: usize,
    },
    /// Compressed data longer than any panel.
    #[error("the compressed panel has {actual} bytes, at most {MAX_COMPRESSED} are read")]
    TooLong {
        /// What is there.
        actual: usize,
    },
    /// Compressed data that ends too early.
    #[error("the compressed panel ends in line {line} of {LINES}")]
    Ends {
        /// The line it ends in.
        line: usize,
    },
    /// A count no line can have.
    #[error("line {line} of the compressed panel has a count of {count}")]
    Count {
        /// The line.
        line: usize,
        /// The count.
        count: u8,
    },
    /// A run that goes beyond its line.
    #[error("line {line} of the compressed panel has more than {DOTS} dots")]
    Overlong {
        /// The line.
        line: usize,
    },
    /// Bytes behind the last line.
    #[error("{bytes} bytes are left behind the last line of the compressed panel")]
    Left {
        /// How many.
        bytes: usize,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dots(levels: Levels, spots: &[(usize, usize, usize, u8)]) -> Dots {
        let mut dots = Dots::blank(levels);
        for &(line, from, to, value) in spots {
            dots.line_mut(line)[from.min(to)..from.max(to)].fill(value.min(levels.full()));
        }
        dots
    }

    #[test]
    fn bits_are_packed_from_the_top() {
        let mut black = Dots::blank(Levels::Two);
        black.line_mut(0)[..9].copy_from_slice(&[1, 0, 0, 0, 0, 0, 1, 1, 1]);
        let packed = black.to_bitmap(Panel::Black, Coding::Packed);
        assert_eq!(&packed.data()[..3], [0x83, 0x80, 0]);
        let mut dye = Dots::blank(Levels::ThirtyTwo);
        dye.line_mut(0)[..3].copy_from_slice(&[0x1F, 0, 0x11]);
        let packed = dye.to_bitmap(Panel::Cyan, Coding::Packed);
        assert_eq!(&packed.data()[..2], [0b1111_1000, 0b0010_0010]);
        // More ink than the shades have is all they have, not the neighbour's.
        dye.line_mut(0)[1] = 0xFF;
        assert_eq!(dye.to_bitmap(Panel::Cyan, Coding::Packed).data()[0], 0xFF);
    }

    #[test]
    fn a_line_is_white_black_or_its_bytes() {
        let black = dots(Levels::Two, &[(1, 0, DOTS, 1), (2, 8, 9, 1)]);
        let pressed = black.to_bitmap(Panel::Black, Coding::Compressed);
        assert_eq!(&pressed.data()[..6], [0, 0xFF, 2, 0, 0x80, 0]);
        assert_eq!(pressed.head(), format!("Dbc;k;2;{};", LINES + 2));
        assert_eq!(pressed.dots(), Ok(black));
    }

    #[test]
    fn compressed_data_that_makes_no_panel_says_why() {
        let bitmap = |levels, data: &[u8]| {
            Bitmap::new(Panel::Black, levels, Coding::Compressed, data.to_vec())
                .unwrap()
                .dots()
                .unwrap_err()
        };
        let two = |data: &[u8]| bitmap(Levels::Two, data);
        assert_eq!(two(&[0, 0]), BitmapError::Ends { line: 2 });
        assert_eq!(two(&[0, 82]), BitmapError::Count { line: 1, count: 82 });
        assert_eq!(two(&[2, 1]), BitmapError::Ends { line: 0 });
        assert_eq!(two(&[0; LINES + 3]), BitmapError::Left { bytes: 3 });
        let runs = |data: &[u8]| bitmap(Levels::HundredTwentyEight, data);
        assert_eq!(
            runs(&[0x81, 255, 0x81, 255, 0x81, 255]),
            BitmapError::Overlong { line: 0 }
        );
        assert_eq!(
            runs(&[1, 0x80, 0]),
            BitmapError::Count { line: 0, count: 0 }
        );
        assert_eq!(runs(&[0x80, 0]), BitmapError::Ends { line: 1 });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_is_packed_or_compressed_comes_back(
            spots in proptest::collection::vec(
                (0..LINES, 0..=DOTS, 0..=DOTS, any::<u8>()), 0..40),
            levels in 0..5_usize, compressed: bool,
        ) {
            let levels = Levels::ALL[levels];
            // A byte of 256 shades has no room for the mark of a run.
            let compressed = compressed && levels != Levels::TwoHundredFiftySix;
            let coding = if compressed { Coding::Compressed } else { Coding::Packed };
            let drawn = dots(levels, &spots);
            let bitmap = drawn.to_bitmap(Panel::Magenta, coding);
            prop_assert_eq!(bitmap.dots(), Ok(drawn));
            let data = bitmap.data().to_vec();
            prop_assert_eq!(Bitmap::new(Panel::Magenta, levels, coding, data), Ok(bitmap));
        }

        #[test]
        fn any_compressed_data_is_a_panel_or_an_error(
            data in proptest::collection::vec(any::<u8>(), 0..3000), levels in 0..5_usize,
        ) {
            let levels = Levels::ALL[levels];
            let bitmap = Bitmap::new(Panel::Cyan, levels, Coding::Compressed, data);
            let _ = bitmap.map(|bitmap| bitmap.dots());
        }
    }
}
