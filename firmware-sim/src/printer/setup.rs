use std::path::PathBuf;
use std::time::Duration;

use super::printed::Shown;

/// How a printer of any family is built and what it is loaded with.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// Model name.
    pub model: String,
    /// Serial number.
    pub serial: String,
    /// Firmware version.
    pub firmware: String,
    /// Whether it turns cards over.
    pub duplex: bool,
    /// Whether it takes a card to the contacts of an encoder.
    pub contacts: bool,
    /// Whether it takes a card over the antenna of an encoder.
    pub antenna: bool,
    /// Whether it writes magnetic stripes.
    pub magnetic: bool,
    /// Whether it has a reject tray.
    pub reject_tray: bool,
    /// Name of the film.
    pub film: String,
    /// Sides a new film prints.
    pub film_sides: u32,
    /// Cards after which the printer asks to be cleaned.
    pub clean_every: u32,
    /// Cards the output tray holds, `None` for any number.
    pub output_capacity: Option<usize>,
    /// Cards the reject tray holds, `None` for any number.
    pub reject_capacity: Option<usize>,
    /// How long everything takes.
    pub timing: Timing,
    /// Where pictures of printed cards go.
    pub out: Option<PathBuf>,
    /// What one more picture of each side shows beside the face; none is made for nothing.
    pub shown: Shown,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            model: "Enduro+".to_owned(),
            serial: "52P2207".to_owned(),
            firmware: "1.24".to_owned(),
            duplex: true,
            contacts: true,
            antenna: false,
            magnetic: true,
            reject_tray: false,
            film: "LC1/D".to_owned(),
            film_sides: 300,
            clean_every: 700,
            output_capacity: None,
            reject_capacity: None,
            timing: Timing::default(),
            out: None,
            shown: Shown::default(),
        }
    }
}

/// How long a printer takes. The default is no time at all.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Timing {
    /// A card from one place to the next, turning included.
    pub motion: Duration,
    /// A side with dye.
    pub colour_side: Duration,
    /// A side without.
    pub mono_side: Duration,
    /// A cleaning cycle.
    pub cleaning: Duration,
}
