use std::fmt;

use ground::{Blame, Blamed};
use plastic::Separation;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Fault;

/// A device that takes a card from its hopper, holds it against the contacts of an encoder, prints
/// its faces and hands it out.
pub trait Printer: Send {
    /// Where it is reached, in words fit for a message (`tcp:10.1.2.3:9100`).
    fn name(&self) -> &str;

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

    /// Whether this printer, as it was found when it was opened, can print a job. Nothing moves:
    /// ask before the first card does.
    ///
    /// # Errors
    ///
    /// [`PrinterError::Lacks`] and [`PrinterError::BadJob`], as [`Printer::print`] would.
    fn check(&self, job: &Job) -> Result<(), PrinterError>;

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

    /// What the printer has counted.
    ///
    /// # Errors
    ///
    /// [`PrinterError::Lacks`] if it does not say.
    fn counters(&mut self) -> Result<Counters, PrinterError> {
        Err(self.lacks("counters"))
    }

    /// Starts the cleaning cycle; the cleaning card must be in its place. Returns when it is over.
    ///
    /// # Errors
    ///
    /// [`PrinterError::Lacks`] if cleaning cannot be started from here,
    /// [`PrinterError::Faulted`] without the right cleaning card.
    fn clean(&mut self) -> Result<(), PrinterError> {
        Err(self.lacks("way to start cleaning from here"))
    }

    /// Answers a standing fault, after the operator has dealt with its cause.
    ///
    /// # Errors
    ///
    /// [`PrinterError::Lacks`] if that is done at the printer only.
    fn answer(&mut self, _answer: Answer) -> Result<(), PrinterError> {
        Err(self.lacks("way to answer a fault from here"))
    }

    /// The error for something this printer cannot do at all.
    fn lacks(&self, what: &'static str) -> PrinterError {
        PrinterError::Lacks {
            printer: self.name().to_owned(),
            what,
        }
    }
}

/// What a printer can do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Capabilities {
    /// Prints faces. A dispenser does not.
    pub prints: bool,
    /// Moves a card when told to. A printer behind a print queue does not.
    pub moves_cards: bool,
    /// Can hold a card against the contacts of an encoder.
    pub contact_station: bool,
    /// Can hold a card over the antenna of an encoder.
    pub contactless_station: bool,
    /// Writes magnetic stripes.
    pub magnetic_stripe: bool,
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
    /// Reports what it has counted.
    pub counters: bool,
    /// Can be told to clean itself.
    pub cleaning: bool,
    /// A standing fault can be answered from here.
    pub answers_faults: bool,
}

/// Places a card can lie in a printer.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// In the input hopper.
    Hopper,
    /// Half drawn in, at the feeder.
    Feeder,
    /// On the contacts of the encoder.
    Contacts,
    /// Over the antenna of the encoder.
    Contactless,
    /// Under the print head.
    PrintHead,
    /// In the unit that turns it over.
    Flipper,
    /// In the output tray.
    Output,
    /// In the reject tray.
    Reject,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hopper => "in the hopper",
            Self::Feeder => "at the feeder",
            Self::Contacts => "on the contacts",
            Self::Contactless => "over the antenna",
            Self::Flipper => "in the flipper",
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
    /// A card is inside; where, the printer does not say.
    Inside,
    /// The printer does not say whether there is one.
    Unknown,
}

impl fmt::Display for CardPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no card is in the printer"),
            Self::At(position) => write!(f, "the card is {position}"),
            Self::Inside => f.write_str("the card is somewhere in the printer"),
            Self::Unknown => f.write_str("whether a card is in the printer is not known"),
        }
    }
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
    /// What does not stop the printer yet.
    pub warnings: Vec<Fault>,
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

/// What a printer has counted; `None` for what it does not say.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Counters {
    /// Cards printed in all.
    pub cards: Option<u32>,
    /// Cards printed with this head.
    pub cards_on_head: Option<u32>,
    /// Panels of film printed in all.
    pub panels: Option<u32>,
    /// Cleanings in all.
    pub cleanings: Option<u32>,
    /// Cards since the last cleaning.
    pub cards_since_cleaning: Option<u32>,
    /// Cards until the printer asks for the next cleaning.
    pub cards_until_cleaning: Option<u32>,
    /// Cards in the reject tray since it was emptied.
    pub rejected: Option<u32>,
}

/// What to do about a standing fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// Go on with what was under way.
    Retry,
    /// Give it up.
    Cancel,
}

/// What to print.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The front, upright in landscape, 1016 x 642 dots.
    pub front: Option<Separation>,
    /// The back, upright in landscape, 1016 x 642 dots.
    pub back: Option<Separation>,
    /// Whether to lay an overcoat, with the holes the separations name.
    pub overcoat: bool,
    /// Cards to print, all alike; at least one.
    pub copies: u32,
}

impl Default for Job {
    /// One card with nothing on it yet.
    fn default() -> Self {
        Self {
            front: None,
            back: None,
            overcoat: false,
            copies: 1,
        }
    }
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
            Self::Faulted { fault, .. } => Some(match fault.card {
                CardPosition::None | CardPosition::Unknown => fault.kind.action().to_owned(),
                card => format!("{} ({card})", fault.kind.action()),
            }),
            Self::Timeout { .. } => Some("look where the card is before going on".to_owned()),
            Self::Connection { .. } => {
                Some("check power, cable and the address in the station file".to_owned())
            }
            _ => None,
        }
    }
}
