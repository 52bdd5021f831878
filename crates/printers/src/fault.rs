//! One vocabulary for what goes wrong in a printer of any family.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::CardPosition;

/// What goes wrong in a printer, with the printer's own code kept.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Fault {
    /// What kind of fault.
    pub kind: FaultKind,
    /// The printer's own code, as it sent it.
    pub code: String,
    /// The printer's own words, if it sent any.
    pub text: Option<String>,
    /// Where the card is, as far as the fault tells.
    pub card: CardPosition,
}

impl Fault {
    /// A fault of this kind without words of the printer. Where the card is follows from the kind.
    #[must_use]
    pub fn new(kind: FaultKind, code: impl Into<String>) -> Self {
        Self {
            kind,
            code: code.into(),
            text: None,
            card: kind.card(),
        }
    }

    /// With the printer's own words; empty ones are none.
    #[must_use]
    pub fn with_text(mut self, text: Option<String>) -> Self {
        self.text = text.filter(|text| !text.is_empty());
        self
    }

    /// With a place the printer names itself.
    #[must_use]
    pub fn with_card(mut self, card: CardPosition) -> Self {
        self.card = card;
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {}", self.kind.words(), self.code)?;
        if let Some(text) = &self.text {
            write!(f, ", `{text}`")?;
        }
        f.write_str(")")
    }
}

/// What kind of fault. The kinds are those an operator deals with differently.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FaultKind {
    /// No card in the hopper.
    HopperEmpty,
    /// The card was not drawn in.
    CardNotFed,
    /// A card is stuck.
    CardJam,
    /// A motor, roller or flipper does not do what it should.
    Mechanical,
    /// The film has run out.
    FilmOut,
    /// There is no film, or it cannot be read.
    FilmMissing,
    /// The film does not fit the job or the printer.
    WrongFilm,
    /// The film tears, sticks or is not found in its place.
    FilmError,
    /// The film is nearly used up; a warning.
    FilmLow,
    /// The cover is open.
    CoverOpen,
    /// The print head or a roller is too hot, too cold or warming up.
    HeadTemperature,
    /// The output tray is full, or a card waits in it to be taken.
    OutputFull,
    /// The reject tray is full.
    RejectFull,
    /// The printer waits for a card to be put in by hand.
    WaitsForCard,
    /// The magnetic stripe could not be written or read.
    Magnetic,
    /// The chip could not be reached or spoken to.
    Chip,
    /// The printer should be cleaned; often a warning.
    NeedsCleaning,
    /// The cleaning card is missing, the wrong one, or stuck.
    CleaningCard,
    /// The printer has to be calibrated.
    NeedsCalibration,
    /// The job asks for something the printer does not have.
    MissingOption,
    /// The printer did not understand the job or a command.
    BadJob,
    /// Memory, power supply or another part inside has failed.
    Hardware,
    /// The printer is locked, by a person or by another computer.
    Locked,
    /// A code nobody has explained yet.
    Unknown,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::HopperEmpty,
        Self::CardNotFed,
        Self::CardJam,
        Self::Mechanical,
        Self::FilmOut,
        Self::FilmMissing,
        Self::WrongFilm,
        Self::FilmError,
        Self::FilmLow,
        Self::CoverOpen,
        Self::HeadTemperature,
        Self::OutputFull,
        Self::RejectFull,
        Self::WaitsForCard,
        Self::Magnetic,
        Self::Chip,
        Self::NeedsCleaning,
        Self::CleaningCard,
        Self::NeedsCalibration,
        Self::MissingOption,
        Self::BadJob,
        Self::Hardware,
        Self::Locked,
        Self::Unknown,
    ];

    /// What the operator should do.
    #[must_use]
    pub const fn action(self) -> &'static str {
        match self {
            Self::HopperEmpty => "load blank cards and continue",
            Self::CardNotFed => "take the cards out, fan them, load them again and continue",
            Self::CardJam => "open the cover, take the card out and set it aside by its number",
            Self::Mechanical => {
                "open the cover, take out any card and set it aside by its number; if it happens \
                 again, have the printer looked at"
            }
            Self::FilmOut => "load a new film",
            Self::FilmMissing => "load a film",
            Self::WrongFilm => "load the film the job needs",
            Self::FilmError => "open the cover, tighten or mend the film and close the cover",
            Self::FilmLow => "have a new film ready",
            Self::CoverOpen => "close the cover",
            Self::HeadTemperature => "wait until the head has the right temperature",
            Self::OutputFull => "take the cards out of the output tray",
            Self::RejectFull => "empty the reject tray; account for each card in it by its number",
            Self::WaitsForCard => "put one card into the slot",
            Self::Magnetic => "set the card aside by its number; clean the magnetic head",
            Self::Chip => "set the card aside by its number; check the contacts of the encoder",
            Self::NeedsCleaning => "clean the printer with its cleaning card",
            Self::CleaningCard => "put the right cleaning card in and clean again",
            Self::NeedsCalibration => "calibrate the printer from its menu",
            Self::MissingOption => "use a printer that has what the job asks for",
            Self::BadJob => "send the card to another printer, and report the job with this code",
            Self::Hardware => "switch the printer off and on; if it stays, have it repaired",
            Self::Locked => "unlock the printer, or end the program that holds it",
            Self::Unknown => "read the printer's display and its manual for this code",
        }
    }

    /// Where the card is when nothing but the kind is known.
    #[must_use]
    pub const fn card(self) -> CardPosition {
        match self {
            Self::HopperEmpty | Self::CardNotFed | Self::WaitsForCard => CardPosition::None,
            Self::CardJam | Self::Magnetic | Self::Chip => CardPosition::Inside,
            _ => CardPosition::Unknown,
        }
    }

    /// What happened, in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::HopperEmpty => "the hopper is empty",
            Self::CardNotFed => "the card was not drawn in",
            Self::CardJam => "a card is stuck",
            Self::Mechanical => "a moving part does not do what it should",
            Self::FilmOut => "the film has run out",
            Self::FilmMissing => "there is no film, or it cannot be read",
            Self::WrongFilm => "the film does not fit the job",
            Self::FilmError => "the film is torn, slack or out of place",
            Self::FilmLow => "the film is nearly used up",
            Self::CoverOpen => "the cover is open",
            Self::HeadTemperature => "the print head is outside its temperature",
            Self::OutputFull => "the output tray is full or holds a card to be taken",
            Self::RejectFull => "the reject tray is full",
            Self::WaitsForCard => "the printer waits for a card to be put in by hand",
            Self::Magnetic => "the magnetic stripe could not be written or read",
            Self::Chip => "the chip could not be reached",
            Self::NeedsCleaning => "the printer should be cleaned",
            Self::CleaningCard => "the cleaning card is missing, wrong or stuck",
            Self::NeedsCalibration => "the printer has to be calibrated",
            Self::MissingOption => "the printer lacks what the job asks for",
            Self::BadJob => "the printer did not understand the job",
            Self::Hardware => "a part of the printer has failed",
            Self::Locked => "the printer is locked",
            Self::Unknown => "the printer reports a fault nobody has explained yet",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_words_and_an_action_of_its_own() {
        let texts = |of: fn(FaultKind) -> &'static str| -> HashSet<&str> {
            FaultKind::ALL.into_iter().map(of).collect()
        };
        assert_eq!(texts(FaultKind::words).len(), FaultKind::ALL.len());
        assert_eq!(texts(FaultKind::action).len(), FaultKind::ALL.len());
    }

    #[test]
    fn a_fault_names_what_happened_with_the_code_and_words_of_the_printer() {
        let fault = Fault::new(FaultKind::CardJam, "11:04").with_text(Some("Kartenstau".into()));
        assert_eq!(
            fault.to_string(),
            "a card is stuck (code 11:04, `Kartenstau`)"
        );
        assert_eq!(fault.card, CardPosition::Inside);
        let bare = Fault::new(FaultKind::HopperEmpty, "1025").with_text(Some(String::new()));
        assert_eq!(bare.to_string(), "the hopper is empty (code 1025)");
        assert_eq!(bare.card, CardPosition::None);
    }
}
