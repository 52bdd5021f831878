//! One panel of a side as bytes: packed bits, or compressed, both ways.

use thiserror::Error;

use super::words::{DOTS, LINES};

/// Bytes of a line of one bit a dot.
const LINE_BYTES: usize = DOTS / 8;
/// The most bytes of compressed data: as much as the largest panel, and a byte a line.
const MAX_COMPRESSED: usize = LINES * (DOTS + 1);

/// One panel of the ribbon.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Panel {
    /// `y`: takes blue away.
    Yellow,
    /// `m`: takes green away.
    Magenta,
    /// `c`: takes red away.
    Cyan,
    /// `k`: resin black.
    Black,
    /// `o`: varnish.
    Overlay,
}

impl Panel {
    /// The dyes in the order of the wire.
    pub const DYES: [Self; 3] = [Self::Yellow, Self::Magenta, Self::Cyan];

    /// The letter on the wire.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Yellow => 'y',
            Self::Magenta => 'm',
            Self::Cyan => 'c',
            Self::Black => 'k',
            Self::Overlay => 'o',
        }
    }

    /// From the letter on the wire.
    #[must_use]
    pub const fn from_letter(letter: char) -> Option<Self> {
        match letter {
            'y' => Some(Self::Yellow),
            'm' => Some(Self::Magenta),
            'c' => Some(Self::Cyan),
            'k' => Some(Self::Black),
            'o' => Some(Self::Overlay),
            _ => None,
        }
    }

    /// Which byte of a red, green, blue dot this dye takes away; `None` for resin and varnish.
    #[must_use]
    pub const fn channel(self) -> Option<usize> {
        match self {
            Self::Yellow => Some(2),
            Self::Magenta => Some(1),
            Self::Cyan => Some(0),
            Self::Black | Self::Overlay => None,
        }
    }
}

/// How many shades a dot can have.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Levels {
    /// Ink or none.
    Two,
    /// 32 shades, five bits.
    ThirtyTwo,
    /// 64 shades, six bits.
    SixtyFour,
    /// 128 shades, seven bits.
    HundredTwentyEight,
    /// 256 shades, a byte.
    TwoHundredFiftySix,
}

impl Levels {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Two,
        Self::ThirtyTwo,
        Self::SixtyFour,
        Self::HundredTwentyEight,
        Self::TwoHundredFiftySix,
    ];

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u16 {
        1 << self.bits()
    }

    /// From the number on the wire.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|levels| u32::from(levels.number()) == number)
    }

    /// Bits of a dot.
    #[must_use]
    pub const fn bits(self) -> usize {
        match self {
            Self::Two => 1,
            Self::ThirtyTwo => 5,
            Self::SixtyFour => 6,
            Self::HundredTwentyEight => 7,
            Self::TwoHundredFiftySix => 8,
        }
    }

    /// The most ink a dot can have.
    #[must_use]
    pub const fn full(self) -> u8 {
        (self.number() - 1) as u8
    }

    /// Bytes of a whole panel, packed.
    #[must_use]
    pub const fn panel_bytes(self) -> usize {
        LINES * LINE_BYTES * self.bits()
    }
}

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
        Bitmap {
            panel,
            levels: self.levels,
            coding,
            data,
        }
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
            if used == LINE_BYTES && bytes.iter().all(|byte| *byte == 0xFF) {
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
        let mut out = Vec::new();
        for line in self.values.chunks_exact(DOTS) {
            if line.iter().all(|value| *value == 0) {
                out.extend([0x80, 0]);
                continue;
            }
            let mut rest = line;
            while let Some(&value) = rest.first() {
                let same = rest.iter().take_while(|other| **other == value).count();
                let count = same.min(longest_run(self.levels));
                rest = &rest[count..];
                let value = value.min(self.levels.full().min(0x7F));
                if count == 1 {
                    out.push(value);
                } else {
                    let above = count >> 8 << self.levels.bits();
                    out.push(0x80 | value | u8::try_from(above).unwrap_or(0));
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

/// The longest run: a byte of count, and two bits of it above five or six bits of value. A count
/// of 0 is a blank line, so 256 and 512 cannot be written.
const fn longest_run(levels: Levels) -> usize {
    match levels {
        // One bit is free beside six bits of value and the mark, two beside five.
        Levels::ThirtyTwo => DOTS,
        Levels::SixtyFour => 511,
        _ => 255,
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
    Dots { levels, values }
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
            let above = usize::from(byte & 0x7F & !mask) >> levels.bits();
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
    fn the_sizes_are_the_published_ones() {
        let sizes = Levels::ALL.map(Levels::panel_bytes);
        assert_eq!(sizes, [82_296, 411_480, 493_776, 576_072, 658_368]);
        assert_eq!(Levels::ALL.map(Levels::number), [2, 32, 64, 128, 256]);
        assert_eq!(Levels::from_number(3), None);
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
