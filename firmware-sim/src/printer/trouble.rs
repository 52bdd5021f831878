use std::fmt;

use serde::{Serialize, Serializer};

/// What can go wrong in the printer, and stays wrong until somebody deals with it.
///
/// | Trouble | Where the card is | What dealing with it means |
/// |---|---|---|
/// | hopper-empty | there is none | nothing, until the hopper is loaded |
/// | card-not-drawn-in | in the hopper | the cards are fanned |
/// | jam | where it came from; at standby after `draw` | it is taken out by hand |
/// | double-feed | at standby, and the second one in the feeder behind it | both are taken out |
/// | film-out, wrong-film | where it came from | a new film is put in |
/// | cover-open | where it came from | the cover is closed |
/// | head-hot | where it came from | the head has cooled |
/// | output-full, reject-full | where it came from | all cards are taken out of that tray |
/// | cleaning-card | there is none | the right cleaning card is put in |
/// | power-cut | where it came from, in the hopper before `draw` | it is switched on again and has forgotten what it was doing |
/// | silent | where it came from | the cable is put back |
/// | bad-job, storage | where it was | it is acknowledged |
///
/// Trouble during `side` finds the card under the head with half of the side printed. On its way
/// to the output tray a card comes from the print head, or from wherever it lay.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Trouble {
    /// No card in the hopper.
    HopperEmpty,
    /// The card was not drawn in and lies in the hopper still.
    CardNotDrawnIn,
    /// The card is stuck on its way.
    Jam,
    /// Two cards were drawn at once and are stuck in the feeder.
    DoubleFeed,
    /// The film has run out.
    FilmOut,
    /// The film does not fit what is to be printed.
    WrongFilm,
    /// Somebody opened the cover.
    CoverOpen,
    /// The print head is too hot.
    HeadHot,
    /// The output tray is full.
    OutputFull,
    /// The reject tray is full.
    RejectFull,
    /// There is no cleaning card where it should be.
    CleaningCard,
    /// The printer does not have what it was told to use. Nothing has moved.
    MissingOption,
    /// A job that makes no sense.
    BadJob,
    /// The simulator cannot write its files.
    Storage,
    /// Says nothing at all, as with the cable pulled. It knows what it was doing.
    Silent,
    /// Has no power: hears and says nothing, and has forgotten what it was doing.
    PowerCut,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::HopperEmpty,
        Self::CardNotDrawnIn,
        Self::Jam,
        Self::DoubleFeed,
        Self::FilmOut,
        Self::WrongFilm,
        Self::CoverOpen,
        Self::HeadHot,
        Self::OutputFull,
        Self::RejectFull,
        Self::CleaningCard,
        Self::MissingOption,
        Self::BadJob,
        Self::Storage,
        Self::Silent,
        Self::PowerCut,
    ];

    /// Whether the printer neither hears nor says anything.
    #[must_use]
    pub const fn is_mute(self) -> bool {
        matches!(self, Self::Silent | Self::PowerCut)
    }

    /// What the printer's display says.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::HopperEmpty => "Hopper empty",
            Self::CardNotDrawnIn => "Card not drawn in",
            Self::Jam => "Card jam",
            Self::DoubleFeed => "Two cards drawn in",
            Self::FilmOut => "Film has run out",
            Self::WrongFilm => "Wrong film",
            Self::CoverOpen => "Cover open",
            Self::HeadHot => "Print head too hot",
            Self::OutputFull => "Output tray full",
            Self::RejectFull => "Reject tray full",
            Self::CleaningCard => "No cleaning card",
            Self::MissingOption => "Not fitted",
            Self::BadJob => "Job not understood",
            Self::Storage => "Simulator cannot write its files",
            Self::Silent => "Silent",
            Self::PowerCut => "No power",
        }
    }

    /// Its name on the command line and in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HopperEmpty => "hopper-empty",
            Self::CardNotDrawnIn => "card-not-drawn-in",
            Self::Jam => "jam",
            Self::DoubleFeed => "double-feed",
            Self::FilmOut => "film-out",
            Self::WrongFilm => "wrong-film",
            Self::CoverOpen => "cover-open",
            Self::HeadHot => "head-hot",
            Self::OutputFull => "output-full",
            Self::RejectFull => "reject-full",
            Self::CleaningCard => "cleaning-card",
            Self::MissingOption => "missing-option",
            Self::BadJob => "bad-job",
            Self::Storage => "storage",
            Self::Silent => "silent",
            Self::PowerCut => "power-cut",
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Trouble {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
