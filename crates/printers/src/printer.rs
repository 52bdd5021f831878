use std::fmt;

use ground::{Blame, Blamed};
use plastic::Separation;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A device that takes a card from its hopper, holds it against the contacts of an encoder, prints
/// its faces and hands it out.
pub trait Printer: Send {
    /// What this printer can do.
    fn capabilities(&self) -> Capabilities;

    /// Model, serial number and firmware.
    ///
    /// # Errors
    ///
    /// [`PrinterError`].
    fn identify(&mut self) -> Result<Identity, PrinterError>;

    /// Readiness, fault, where the card is and what film is left. Never disturbs a job.
    ///
    /// # Errors
    ///
    /// [`PrinterError`].
    fn status(&mut self) -> Result<Status, PrinterError>;

    /// Moves a card to `position`: the next one from the hopper if the printer is empty, else the
    /// card that is inside. Returns when it lies there.
    ///
    /// # Errors
    ///
    /// [`PrinterError::Lacks`] without the capability, [`PrinterError::Faulted`] when the card did
    /// not get there.
    fn feed(&mut self, position: Position) -> Result<(), PrinterError>;

    /// Prints the card that is inside, or the next one from the hopper, and returns when the
    /// printer is done with it.
    ///
    /// # Errors
    ///
    /// [`PrinterError::Lacks`] before anything moves, [`PrinterError::Faulted`] when the card is
    /// spoiled or stuck.
    fn print(&mut self, job: &Job) -> Result<Printed, PrinterError>;

    /// Moves the card that is inside to the output tray. The chip must be powered off first.
    ///
    /// # Errors
    ///
    /// [`PrinterError`].
    fn eject(&mut self) -> Result<(), PrinterError>;

    /// Moves the card that is inside to the reject tray.
    ///
    /// # Errors
    ///
    /// [`PrinterError::Lacks`] if there is no reject tray.
    fn reject(&mut self) -> Result<(), PrinterError>;
}

/// What a printer can do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Capabilities {
    /// Can hold a card against the contacts of an encoder.
    pub contact_station: bool,
    /// Has dye panels.
    pub colour: bool,
    /// Has a resin black panel.
    pub resin_black: bool,
    /// Lays an overcoat.
    pub overcoat: bool,
    /// Prints both sides in one pass.
    pub duplex: bool,
    /// Has a reject tray.
    pub reject_tray: bool,
    /// Reports where the card is.
    pub reports_position: bool,
}

/// Places a card can lie in a printer.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// In the input hopper.
    Hopper,
    /// On the contacts of the encoder.
    Contacts,
    /// Under the print head.
    PrintHead,
    /// In the output tray.
    Output,
    /// In the reject tray.
    Reject,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hopper => "in the hopper",
            Self::Contacts => "on the contacts",
            Self::PrintHead => "under the print head",
            Self::Output => "in the output tray",
            Self::Reject => "in the reject tray",
        })
    }
}

/// What is known about the card inside.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CardPosition {
    /// No card inside.
    None,
    /// A card lies there.
    At(Position),
    /// The printer does not say.
    Unknown,
}

/// Who the printer says it is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Identity {
    /// Model name.
    pub model: String,
    /// Serial number.
    pub serial: String,
    /// Firmware version.
    pub firmware: String,
}

/// The printer at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// Ready, busy or faulted.
    pub readiness: Readiness,
    /// Where the card is.
    pub card: CardPosition,
    /// The film, if the printer reports it.
    pub film: Option<Film>,
}

/// Whether a printer takes a command.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    /// Takes the next command.
    Ready,
    /// Works on one.
    Busy,
    /// Needs help.
    Faulted(Fault),
}

/// The film, ribbon or cartridge.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Film {
    /// Its name, such as `LC1/D`.
    pub name: String,
    /// Sides it can still print.
    pub remaining: Option<u32>,
}

/// One vocabulary for what goes wrong in a printer, with the printer's own code kept.
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

/// What kind of fault.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// No card in the hopper.
    HopperEmpty,
    /// The card was not drawn in.
    CardNotFed,
    /// A card is stuck.
    CardJam,
    /// No film, or it has run out.
    FilmOut,
    /// The film does not fit the job or the printer.
    WrongFilm,
    /// The cover is open.
    CoverOpen,
    /// The print head is too hot or warming up.
    HeadTemperature,
    /// A code nobody has explained yet.
    Unknown,
}

impl FaultKind {
    /// What the operator should do.
    #[must_use]
    pub const fn action(self) -> &'static str {
        match self {
            Self::HopperEmpty => "load blank cards and continue",
            Self::CardNotFed => "take the cards out, fan them, load them again and continue",
            Self::CardJam => "open the cover, take the card out and set it aside by its number",
            Self::FilmOut => "load a new film",
            Self::WrongFilm => "load the film the job needs",
            Self::CoverOpen => "close the cover",
            Self::HeadTemperature => "wait until the head has the right temperature",
            Self::Unknown => "read the printer's display and its manual for this code",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            FaultKind::HopperEmpty => "the hopper is empty",
            FaultKind::CardNotFed => "the card was not drawn in",
            FaultKind::CardJam => "a card is stuck",
            FaultKind::FilmOut => "the film is missing or has run out",
            FaultKind::WrongFilm => "the film does not fit the job",
            FaultKind::CoverOpen => "the cover is open",
            FaultKind::HeadTemperature => "the print head is outside its temperature",
            FaultKind::Unknown => "the printer reports a fault nobody has explained yet",
        })?;
        write!(f, " (code {}", self.code)?;
        if let Some(text) = &self.text {
            write!(f, ", `{text}`")?;
        }
        f.write_str(")")
    }
}

/// What to print on one card.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The front, upright in landscape, 1016 x 642 dots.
    pub front: Option<Separation>,
    /// The back, upright in landscape, 1016 x 642 dots.
    pub back: Option<Separation>,
    /// Whether to lay an overcoat, with the holes the separations name.
    pub overcoat: bool,
}

/// How a print ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Printed {
    /// Where the card is now.
    pub card: CardPosition,
}

/// Why a printer did not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PrinterError {
    /// The printer cannot do that at all; nothing has moved.
    #[error("printer `{printer}` has no {what}")]
    Lacks {
        /// The printer.
        printer: String,
        /// The missing capability, in words.
        what: &'static str,
    },
    /// The job fits no card of this printer; nothing has moved.
    #[error("the job cannot be printed: {detail}")]
    BadJob {
        /// What is wrong with it.
        detail: String,
    },
    /// The printer reports a fault.
    #[error("printer `{printer}`: {fault}")]
    Faulted {
        /// The printer.
        printer: String,
        /// The fault.
        fault: Fault,
    },
    /// The printer answered something that cannot be understood.
    #[error("printer `{printer}` answered something that cannot be understood: {detail}")]
    Gibberish {
        /// The printer.
        printer: String,
        /// What was received.
        detail: String,
    },
    /// The printer did not answer or finish in time. Where the card is, is not known.
    #[error("printer `{printer}` did not {what} within {seconds} s")]
    Timeout {
        /// The printer.
        printer: String,
        /// What it should have done.
        what: &'static str,
        /// The limit in seconds.
        seconds: u64,
    },
    /// The connection failed.
    #[error("the connection to printer `{printer}` failed: {source}")]
    Connection {
        /// The printer.
        printer: String,
        /// The operating system's words.
        source: std::io::Error,
    },
}

impl Blamed for PrinterError {
    fn blame(&self) -> Blame {
        match self {
            Self::Lacks { .. } | Self::BadJob { .. } => Blame::OperatorMistake,
            _ => Blame::PrinterFault,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Faulted { fault, .. } => Some(fault.kind.action().to_owned()),
            Self::Timeout { .. } => Some("look where the card is before going on".to_owned()),
            Self::Connection { .. } => {
                Some("check power, cable and the address in the station file".to_owned())
            }
            _ => None,
        }
    }
}
