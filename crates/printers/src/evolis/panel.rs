use super::words::{DOTS, LINES};

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
    /// All of them in the order of the wire.
    pub const ALL: [Self; 5] = [
        Self::Yellow,
        Self::Magenta,
        Self::Cyan,
        Self::Black,
        Self::Overlay,
    ];

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

    /// What it lays down, in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yellow => "yellow",
            Self::Magenta => "magenta",
            Self::Cyan => "cyan",
            Self::Black => "resin black",
            Self::Overlay => "varnish",
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
        LINES * DOTS / 8 * self.bits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_are_the_published_ones() {
        let sizes = Levels::ALL.map(Levels::panel_bytes);
        assert_eq!(sizes, [82_296, 411_480, 493_776, 576_072, 658_368]);
        assert_eq!(Levels::ALL.map(Levels::number), [2, 32, 64, 128, 256]);
        assert_eq!(Levels::from_number(3), None);
    }

    #[test]
    fn every_panel_has_a_letter_of_its_own() {
        for panel in Panel::ALL {
            assert_eq!(Panel::from_letter(panel.letter()), Some(panel));
        }
        assert_eq!(Panel::from_letter('s'), None);
    }
}
