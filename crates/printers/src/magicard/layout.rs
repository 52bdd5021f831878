//! Where a dot of the head lies in the bytes of a plane, and how planes are packed.

use thiserror::Error;

use super::header::Head;
use super::words::{DOTS, DYE_BITS, LINES, PICTURE_DOTS};

/// One panel of the film.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Ink {
    /// `B`: takes blue away.
    Yellow,
    /// `G`: takes green away.
    Magenta,
    /// `R`: takes red away.
    Cyan,
    /// `K`: resin black.
    Black,
}

impl Ink {
    /// The dyes in the order of the wire.
    pub const DYES: [Self; 3] = [Self::Yellow, Self::Magenta, Self::Cyan];

    /// The letter on the wire.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Yellow => 'B',
            Self::Magenta => 'G',
            Self::Cyan => 'R',
            Self::Black => 'K',
        }
    }

    /// From the letter on the wire.
    #[must_use]
    pub const fn from_letter(letter: char) -> Option<Self> {
        match letter {
            'B' => Some(Self::Yellow),
            'G' => Some(Self::Magenta),
            'R' => Some(Self::Cyan),
            'K' => Some(Self::Black),
            _ => None,
        }
    }

    /// Which byte of a red, green, blue dot this dye takes away; `None` for resin.
    #[must_use]
    pub const fn channel(self) -> Option<usize> {
        match self {
            Self::Yellow => Some(2),
            Self::Magenta => Some(1),
            Self::Cyan => Some(0),
            Self::Black => None,
        }
    }

    /// Bit-planes of a line.
    #[must_use]
    pub const fn bits(self) -> usize {
        match self {
            Self::Black => 1,
            _ => DYE_BITS,
        }
    }

    /// The most ink a dot can have.
    #[must_use]
    pub const fn full(self) -> u8 {
        match self {
            Self::Black => 1,
            _ => 63,
        }
    }
}

/// The arrangement of dots in a plane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Layout {
    /// Enduro family: two halves of the head interleaved, 96 bytes a bit-plane.
    Kge2,
    /// Rio and Tango: dots in order, 84 bytes a bit-plane.
    Kee,
}

impl Layout {
    /// The layout a head word stands for; `None` for the 1000-line layout of [`Head::Kge`].
    #[must_use]
    pub const fn of(head: Head) -> Option<Self> {
        match head {
            // KEE1 and KEE4 name heads of the Enduro family; the line stays as it is.
            Head::Kge2 | Head::Kee1 | Head::Kee4 => Some(Self::Kge2),
            Head::Kee => Some(Self::Kee),
            Head::Kge => None,
        }
    }

    /// Bytes of one bit-plane of one line.
    #[must_use]
    pub const fn line_bytes(self) -> usize {
        match self {
            Self::Kge2 => 96,
            Self::Kee => DOTS / 8,
        }
    }

    /// Bytes of a whole plane.
    #[must_use]
    pub const fn plane_bytes(self, ink: Ink) -> usize {
        LINES * ink.bits() * self.line_bytes()
    }

    /// The byte of a bit-plane line and the mask in it where dot `dot` (below 672) lies.
    #[must_use]
    pub const fn place(self, dot: usize) -> (usize, u8) {
        match self {
            // The first 288 dots have the even bits from byte 24 on, the others the odd bits.
            Self::Kge2 if dot < FIRST_HALF => (24 + dot / 4, 0x80 >> (2 * (dot % 4))),
            Self::Kge2 => {
                let dot = dot - FIRST_HALF;
                (dot / 4, 0x40 >> (2 * (dot % 4)))
            }
            Self::Kee => (dot / 8, 0x80 >> (dot % 8)),
        }
    }

    /// The first dot of the picture. `head_position` is field 16 of the status reply (0 counts as
    /// 50), `adjustment` the operator's own correction in dots, -15 to 15.
    #[must_use]
    pub fn margin(self, head_position: u32, adjustment: i32) -> usize {
        let position = match i64::from(head_position) {
            0 => 50,
            position => position,
        };
        let margin = (65 - (position - i64::from(adjustment))).clamp(0, 30);
        let margin = usize::try_from(margin).expect("clamped to 0..=30");
        match self {
            Self::Kge2 => margin,
            Self::Kee => margin + 1,
        }
    }

    /// The slot of a dot: slots stand in the order in which their bits lie in a bit-plane line,
    /// from the lowest bit of the first byte. The interleaved layout has 96 without a dot.
    pub(super) const fn slot(self, dot: usize) -> usize {
        let (byte, mask) = self.place(dot);
        8 * byte + mask.trailing_zeros() as usize
    }

    /// Slots of a line.
    pub(super) const fn slots(self) -> usize {
        self.line_bytes() * 8
    }

    /// Packs one line of slots into `bits` bit-planes. `ink` turns eight source bytes into eight
    /// ink values. Returns whether there is any ink.
    pub(super) fn pack_line(
        self,
        slots: &[u8],
        bits: usize,
        ink: impl Fn(u64) -> u64,
        out: &mut [u8],
    ) -> bool {
        let mut turned = [[0; 8]; WIDEST];
        let mut any = 0;
        for (turned, eight) in turned.iter_mut().zip(slots.as_chunks::<8>().0) {
            let bytes = transposed(ink(u64::from_le_bytes(*eight)));
            any |= bytes;
            *turned = bytes.to_le_bytes();
        }
        for (bit, bit_plane) in out
            .chunks_exact_mut(self.line_bytes())
            .enumerate()
            .take(bits)
        {
            for (byte, turned) in bit_plane.iter_mut().zip(&turned) {
                *byte = turned[bit];
            }
        }
        any != 0
    }

    /// The reverse of [`Layout::pack_line`].
    fn unpack_line(self, packed: &[u8], slots: &mut [u8]) {
        let mut turned = [[0; 8]; WIDEST];
        for (bit, bit_plane) in packed.chunks_exact(self.line_bytes()).enumerate() {
            for (turned, byte) in turned.iter_mut().zip(bit_plane) {
                turned[bit] = *byte;
            }
        }
        for (eight, turned) in slots.as_chunks_mut::<8>().0.iter_mut().zip(turned) {
            *eight = transposed(u64::from_le_bytes(turned)).to_le_bytes();
        }
    }
}

/// Dots of the first of the two interleaved parts of a KGE2 head.
const FIRST_HALF: usize = 288;

/// Bytes of a bit-plane line of the wider layout.
const WIDEST: usize = 96;

/// Takes eight bytes as the rows of a matrix of bits and turns rows into columns: bit `p` of byte
/// `i` goes to bit `i` of byte `p`. So eight ink values become one byte of each bit-plane, and the
/// other way round. Blocks of one, two and four bits are swapped across the diagonal.
const fn transposed(rows: u64) -> u64 {
    let mut bits = rows;
    let swap = (bits ^ (bits >> 7)) & 0x00AA_00AA_00AA_00AA;
    bits ^= swap ^ (swap << 7);
    let swap = (bits ^ (bits >> 14)) & 0x0000_CCCC_0000_CCCC;
    bits ^= swap ^ (swap << 14);
    let swap = (bits ^ (bits >> 28)) & 0x0000_0000_F0F0_F0F0;
    bits ^ swap ^ (swap << 28)
}

/// A plane as ink values, 1016 lines of 672 dots: 0 to 63 for a dye, 0 or 1 for resin.
#[derive(Clone, Eq, PartialEq)]
pub struct Dots {
    ink: Ink,
    values: Vec<u8>,
}

impl Dots {
    /// Without ink.
    #[must_use]
    pub fn blank(ink: Ink) -> Self {
        Self {
            ink,
            values: vec![0; LINES * DOTS],
        }
    }

    /// Which panel.
    #[must_use]
    pub fn ink(&self) -> Ink {
        self.ink
    }

    /// The ink at a dot.
    ///
    /// # Panics
    ///
    /// Outside the plane.
    #[must_use]
    pub fn get(&self, line: usize, dot: usize) -> u8 {
        self.line(line)[dot]
    }

    /// Lays ink at a dot; more than the panel can give counts as all it can.
    ///
    /// # Panics
    ///
    /// Outside the plane.
    pub fn set(&mut self, line: usize, dot: usize, value: u8) {
        assert!(dot < DOTS, "dot {dot} lies outside the head");
        self.values[line * DOTS + dot] = value.min(self.ink.full());
    }

    /// One line.
    ///
    /// # Panics
    ///
    /// Outside the plane.
    #[must_use]
    pub fn line(&self, line: usize) -> &[u8] {
        &self.values[line * DOTS..][..DOTS]
    }

    /// Whether there is no ink at all.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.values.iter().all(|value| *value == 0)
    }

    /// The bytes of the plane.
    #[must_use]
    pub fn pack(&self, layout: Layout) -> Vec<u8> {
        let mut bytes = vec![0; layout.plane_bytes(self.ink)];
        let mut slots = vec![0; layout.slots()];
        let places: Vec<_> = (0..DOTS).map(|dot| layout.slot(dot)).collect();
        let stride = self.ink.bits() * layout.line_bytes();
        let lines = self.values.chunks_exact(DOTS);
        for (dots, out) in lines.zip(bytes.chunks_exact_mut(stride)) {
            for (place, dot) in places.iter().zip(dots) {
                slots[*place] = *dot;
            }
            layout.pack_line(&slots, self.ink.bits(), |ink| ink, out);
        }
        bytes
    }

    /// From the bytes of a plane.
    ///
    /// # Errors
    ///
    /// [`PlaneError`]: the wrong number of bytes, or a bit set that no dot has.
    pub fn unpack(layout: Layout, ink: Ink, bytes: &[u8]) -> Result<Self, PlaneError> {
        let expected = layout.plane_bytes(ink);
        if bytes.len() != expected {
            return Err(PlaneError::Size {
                expected,
                actual: bytes.len(),
            });
        }
        let places: Vec<_> = (0..DOTS).map(|dot| layout.slot(dot)).collect();
        let mut slots = vec![0; layout.slots()];
        let mut dots = Self::blank(ink);
        let stride = ink.bits() * layout.line_bytes();
        let lines = dots.values.chunks_exact_mut(DOTS);
        for (line, (values, packed)) in lines.zip(bytes.chunks_exact(stride)).enumerate() {
            layout.unpack_line(packed, &mut slots);
            for (value, place) in values.iter_mut().zip(&places) {
                *value = std::mem::take(&mut slots[*place]);
            }
            // What is left belongs to no dot.
            if let Some(slot) = slots.iter().position(|left| *left != 0) {
                let bit_plane = slots[slot].trailing_zeros() as usize;
                return Err(PlaneError::StrayBit {
                    offset: line * stride + bit_plane * layout.line_bytes() + slot / 8,
                });
            }
        }
        Ok(dots)
    }
}

impl std::fmt::Debug for Dots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inked = self.values.iter().filter(|value| **value != 0).count();
        write!(f, "Dots({:?}, {inked} of {} inked)", self.ink, LINES * DOTS)
    }
}

/// Why bytes are no plane.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum PlaneError {
    /// The wrong number of bytes.
    #[error("the plane has {actual} bytes, expected {expected}")]
    Size {
        /// What the layout has.
        expected: usize,
        /// What is there.
        actual: usize,
    },
    /// A bit that belongs to no dot is set.
    #[error("a bit that belongs to no dot is set at byte {offset} of the plane")]
    StrayBit {
        /// Bytes from the start of the plane.
        offset: usize,
    },
}

/// Where an upright landscape picture goes on the head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Placement {
    /// The arrangement of dots.
    pub layout: Layout,
    /// The first dot of the picture, from [`Layout::margin`].
    pub margin: usize,
    /// Whether the picture is turned by 180 degrees.
    pub turned: bool,
}

impl Placement {
    /// The line and dot of a picture dot (below 1016 x 642). `None` when it falls off the head,
    /// which happens to the last row at the largest margin of [`Layout::Kee`].
    #[must_use]
    pub const fn of(self, x: usize, y: usize) -> Option<(usize, usize)> {
        match self.dot(y) {
            Some(dot) => Some((self.line(x), dot)),
            None => None,
        }
    }

    /// The line of a column of the picture.
    pub(super) const fn line(self, x: usize) -> usize {
        if self.turned { x } else { LINES - 1 - x }
    }

    /// The dot of a row of the picture.
    pub(super) const fn dot(self, y: usize) -> Option<usize> {
        let dot = self.margin + if self.turned { PICTURE_DOTS - 1 - y } else { y };
        if dot < DOTS { Some(dot) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_interleaved_layout_has_the_captured_places() {
        for (dot, place) in [
            (0, (24, 0x80)),
            (1, (24, 0x20)),
            (4, (25, 0x80)),
            (15, (27, 0x02)),
            (16, (28, 0x80)),
            (287, (95, 0x02)),
            (288, (0, 0x40)),
            (289, (0, 0x10)),
            (671, (95, 0x01)),
        ] {
            assert_eq!(Layout::Kge2.place(dot), place, "dot {dot}");
        }
    }

    #[test]
    fn every_dot_has_a_bit_of_its_own() {
        for layout in [Layout::Kge2, Layout::Kee] {
            let places: HashSet<_> = (0..DOTS).map(|dot| layout.place(dot)).collect();
            assert_eq!(places.len(), DOTS);
            for (byte, mask) in places {
                assert!(byte < layout.line_bytes() && mask.is_power_of_two());
            }
        }
    }

    proptest! {
        #[test]
        fn transposing_puts_each_bit_where_its_row_and_column_change_places(rows: u64) {
            for (row, column) in (0..8).flat_map(|row| (0..8).map(move |column| (row, column))) {
                let before = rows >> (8 * row + column) & 1;
                prop_assert_eq!(transposed(rows) >> (8 * column + row) & 1, before);
            }
        }
    }

    #[test]
    fn plane_sizes_are_the_captured_ones() {
        assert_eq!(Layout::Kge2.plane_bytes(Ink::Cyan), 585_216);
        assert_eq!(Layout::Kge2.plane_bytes(Ink::Black), 97_536);
        assert_eq!(Layout::Kee.plane_bytes(Ink::Cyan), 512_064);
        assert_eq!(Layout::Kee.plane_bytes(Ink::Black), 85_344);
    }

    #[test]
    fn the_margin_follows_the_head_position() {
        for (position, margin) in [
            (0, 15),
            (30, 30),
            (40, 25),
            (47, 18),
            (50, 15),
            (60, 5),
            (70, 0),
        ] {
            assert_eq!(Layout::Kge2.margin(position, 0), margin);
            assert_eq!(Layout::Kee.margin(position, 0), margin + 1);
        }
        assert_eq!(Layout::Kge2.margin(50, 4), 19);
        assert_eq!(Layout::Kge2.margin(u32::MAX, i32::MIN), 0);
    }

    #[test]
    fn a_stray_bit_is_found_where_it_is() {
        let mut bytes = Dots::blank(Ink::Black).pack(Layout::Kge2);
        bytes[96 * 3 + 5] = 0x80;
        assert_eq!(
            Dots::unpack(Layout::Kge2, Ink::Black, &bytes),
            Err(PlaneError::StrayBit { offset: 96 * 3 + 5 })
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn unpacking_gives_back_what_was_packed(
            dots in proptest::collection::vec((0..LINES, 0..DOTS, 0_u8..64), 0..400),
            dye in any::<bool>(),
            kee in any::<bool>(),
        ) {
            let ink = if dye { Ink::Magenta } else { Ink::Black };
            let layout = if kee { Layout::Kee } else { Layout::Kge2 };
            let mut plane = Dots::blank(ink);
            for (line, dot, value) in dots {
                plane.set(line, dot, value);
            }
            prop_assert_eq!(Dots::unpack(layout, ink, &plane.pack(layout)), Ok(plane));
        }
    }
}
