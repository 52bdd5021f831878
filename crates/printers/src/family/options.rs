//! What can be asked for beside the faces.

use std::fmt;

use plastic::{Area, Raster, Separation};

use crate::evolis::Dialect;
use crate::magicard::{Halftone, Rectangle, ResinQuality, dye_only, resin_only};

/// How a job is written. What a family cannot be told is refused, so everything that has a usual
/// value is `None` until it is asked for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EncodeOptions {
    /// Which panels the job is for.
    pub panels: Panels,
    /// Whether black prints with the dye panels, though there is resin.
    pub black_as_dye: bool,
    /// How resin is laid down.
    pub resin: Option<ResinQuality>,
    /// Field 2 of a Magicard's status reply: 0, 1 or 2.
    pub head_type: Option<u32>,
    /// Field 16 of a Magicard's status reply.
    pub head_position: Option<u32>,
    /// The printer's firmware, which some jobs name.
    pub firmware: Option<String>,
    /// How the commands of an Evolis job are written; as on the network if not given.
    pub dialect: Option<Dialect>,
    /// Model of a Matica, such as `XID8300`; the first of its profile if not given.
    pub model: Option<String>,
    /// Holes in the overcoat of the front, beside those of the face.
    pub front_holes: Vec<Hole>,
    /// Holes in the overcoat of the back, beside those of the face.
    pub back_holes: Vec<Hole>,
    /// Which sides are turned by 180 degrees; as the family's profile says if not given.
    pub rotated: Option<Rotated>,
    /// Seconds since 1970, in jobs that have a time.
    pub time: u32,
}

/// What a job does not say of itself and its reading needs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DecodeOptions {
    /// Field 16 of the status reply of the Magicard the job was made for; 50 if not given.
    pub head_position: Option<u32>,
    /// Which sides were turned by 180 degrees; as the family's profile says if not given.
    pub rotated: Option<Rotated>,
}

/// Which sides are turned by 180 degrees.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rotated {
    /// The front.
    pub front: bool,
    /// The back.
    pub back: bool,
}

/// Which panels a job is for, and how a picture is separated for them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Panels {
    /// Dye, and resin for pure black.
    #[default]
    Colour,
    /// Dye alone, black too.
    Dye,
    /// Resin alone; greys are diffused.
    Mono,
    /// Resin alone; dark dots are printed, the others are not.
    Black,
}

impl Panels {
    /// Separates a picture for these panels.
    #[must_use]
    pub fn separate(self, picture: &Raster) -> Separation {
        match self {
            Self::Colour => Separation::of_pure_black(picture),
            Self::Dye => dye_only(picture),
            Self::Mono => resin_only(picture, Halftone::FloydSteinberg),
            Self::Black => resin_only(picture, Halftone::Threshold),
        }
    }
}

/// The vendor's holes in an overcoat. They lie where the card has the part, whichever way up its
/// face is printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hole {
    /// For the contacts of a chip.
    Chip,
    /// The same, larger.
    ChipLarge,
    /// For a magnetic stripe.
    Magnetic,
    /// The same, wider.
    MagneticWide,
}

impl Hole {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Chip,
        Self::ChipLarge,
        Self::Magnetic,
        Self::MagneticWide,
    ];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chip => "chip",
            Self::ChipLarge => "chip-large",
            Self::Magnetic => "magnetic",
            Self::MagneticWide => "magnetic-wide",
        }
    }

    /// As Magicard's driver has it: y from the bottom, both corners included.
    #[must_use]
    pub const fn rectangle(self) -> Rectangle {
        match self {
            Self::Chip => Rectangle::CHIP,
            Self::ChipLarge => Rectangle::CHIP_LARGE,
            Self::Magnetic => Rectangle::MAGNETIC,
            Self::MagneticWide => Rectangle::MAGNETIC_WIDE,
        }
    }

    /// The same on an upright face.
    #[must_use]
    pub fn area(self) -> Area {
        area(self.rectangle()).expect("the vendor's holes lie on the card")
    }
}

impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The part of a rectangle that lies on the card, from the upper left corner.
pub(super) fn area(rectangle: Rectangle) -> Option<Area> {
    let right = rectangle.x2.min(plastic::WIDTH - 1);
    let top = rectangle.y2.min(plastic::HEIGHT - 1);
    (rectangle.x1 <= right && rectangle.y1 <= top).then(|| Area {
        x: rectangle.x1,
        y: plastic::HEIGHT - 1 - top,
        width: right - rectangle.x1 + 1,
        height: top - rectangle.y1 + 1,
    })
}
