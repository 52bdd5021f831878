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
        let at = self.slot(dot);
        match self {
            // The first half of the slots has the even bits, the second the odd ones.
            Self::Kge2 => {
                let (half, at) = (at / HALF, at % HALF);
                (at / 4, 0x80 >> (2 * (at % 4) + half))
            }
            Self::Kee => (at / 8, 0x80 >> (at % 8)),
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

    /// Slots of a line: the dots, and for the interleaved layout the 96 bits nobody uses.
    pub(super) const fn slots(self) -> usize {
        self.line_bytes() * 8
    }

    /// The slot of a dot. The interleaved layout leaves the first 96 slots free.
    pub(super) const fn slot(self, dot: usize) -> usize {
        self.slots() - DOTS + dot
    }

    /// Packs one line. `slots` has a value for every slot, `lanes` says which bits of which
    /// bit-plane a value sets; `out` takes `bits` bit-planes. Returns whether there is any ink.
    pub(super) fn pack_line(
        self,
        slots: &[u8],
        lanes: &Lanes,
        bits: usize,
        out: &mut [u8],
    ) -> bool {
        let width = self.line_bytes();
        let mut any = 0;
        let mut store = |at: usize, packed: u64| {
            any |= packed;
            let lanes = packed.to_le_bytes();
            for (bit, lane) in lanes.iter().enumerate().take(bits) {
                out[bit * width + at] = *lane;
            }
        };
        let lane = |value: u8| lanes.0[usize::from(value)];
        match self {
            Self::Kge2 => {
                let (first, second) = slots.split_at(HALF);
                let quads = first
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .zip(second.as_chunks::<4>().0);
                for (at, (a, b)) in quads.enumerate() {
                    store(
                        at,
                        lane(a[0])
                            | lane(b[0]) >> 1
                            | lane(a[1]) >> 2
                            | lane(b[1]) >> 3
                            | lane(a[2]) >> 4
                            | lane(b[2]) >> 5
                            | lane(a[3]) >> 6
                            | lane(b[3]) >> 7,
                    );
                }
            }
            Self::Kee => {
                for (at, dots) in slots.as_chunks::<8>().0.iter().enumerate() {
                    let packed = dots
                        .iter()
                        .enumerate()
                        .fold(0, |packed, (shift, dot)| packed | lane(*dot) >> shift);
                    store(at, packed);
                }
            }
        }
        any != 0
    }
}

/// Slots in each of the two interleaved halves of a KGE2 line.
const HALF: usize = 384;

/// For each byte value of the source, its ink spread out: bit-plane `p` is the top bit of byte
/// `p`, so that eight dots are packed into six bytes by shifting and or-ing eight table entries.
pub(super) struct Lanes([u64; 256]);

impl Lanes {
    /// From the ink of each source value.
    pub(super) const fn new(ink: [u8; 256]) -> Self {
        let mut lanes = [0; 256];
        let mut value = 0;
        while value < 256 {
            let mut bit = 0;
            while bit < 8 {
                lanes[value] |= ((ink[value] as u64 >> bit) & 1) << (8 * bit + 7);
                bit += 1;
            }
            value += 1;
        }
        Self(lanes)
    }

    /// The source is the ink itself.
    pub(super) const fn identity() -> Self {
        let mut ink = [0; 256];
        let mut value = 0;
        while value < 256 {
            ink[value] = value as u8;
            value += 1;
        }
        Self::new(ink)
    }
}

static IDENTITY: Lanes = Lanes::identity();

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
        let stride = self.ink.bits() * layout.line_bytes();
        let lines = self.values.chunks_exact(DOTS);
        for (dots, out) in lines.zip(bytes.chunks_exact_mut(stride)) {
            slots[layout.slot(0)..].copy_from_slice(dots);
            layout.pack_line(&slots, &IDENTITY, self.ink.bits(), out);
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
        let places: Vec<_> = (0..DOTS).map(|dot| layout.place(dot)).collect();
        let mut used = vec![0_u8; layout.line_bytes()];
        for (byte, mask) in &places {
            used[*byte] |= mask;
        }
        let mut dots = Self::blank(ink);
        let bit_planes = bytes.chunks_exact(layout.line_bytes());
        for (index, bit_plane) in bit_planes.enumerate() {
            let (line, bit) = (index / ink.bits(), index % ink.bits());
            if let Some(byte) = (0..bit_plane.len()).find(|&at| bit_plane[at] & !used[at] != 0) {
                return Err(PlaneError::StrayBit {
                    offset: index * layout.line_bytes() + byte,
                });
            }
            let values = &mut dots.values[line * DOTS..][..DOTS];
            for (value, (byte, mask)) in values.iter_mut().zip(&places) {
                *value |= u8::from(bit_plane[*byte] & mask != 0) << bit;
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
