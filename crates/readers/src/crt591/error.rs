use std::io;
use std::time::Duration;

use ground::{Blame, Blamed};
use iso7816::LinkError;
use printers::{CardPosition, Fault, PrinterError};
use thiserror::Error;

use super::answer::ErrorCode;
use super::session::SessionError;
use crate::serial::is_gone;

const CHECK_LINE: &str =
    "check the cable, the power and the address switches of the dispenser, and the port";
const LOOK: &str = "look where the card is before going on";

/// Why a CRT-591 did not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Crt591Error {
    /// Its port cannot be opened.
    #[error(transparent)]
    Port(LinkError),
    /// The line failed.
    #[error("the line to dispenser `{device}` failed: {source}")]
    Line {
        /// The dispenser.
        device: String,
        /// The operating system's words.
        source: io::Error,
    },
    /// It acknowledges nothing.
    #[error("dispenser `{device}` does not answer")]
    Silent {
        /// The dispenser.
        device: String,
    },
    /// It says that what it is sent comes damaged; it has done nothing.
    #[error("dispenser `{device}` says {times} times in a row that what it is sent comes damaged")]
    Refused {
        /// The dispenser.
        device: String,
        /// How often it was sent.
        times: u32,
    },
    /// Its answers cannot be understood.
    #[error("dispenser `{device}` cannot be understood: {detail}")]
    Garbled {
        /// The dispenser.
        device: String,
        /// What came.
        detail: String,
    },
    /// Its answer was lost, so that whether it did what it was asked is not known.
    #[error(
        "dispenser `{device}` was to {what} and did not answer within {} s; whether it did is not known",
        within.as_secs()
    )]
    Lost {
        /// The dispenser.
        device: String,
        /// What it was to do.
        what: &'static str,
        /// How long it was waited for.
        within: Duration,
    },
    /// It reports a fault.
    #[error("dispenser `{device}`: {fault}")]
    Faulted {
        /// The dispenser.
        device: String,
        /// Its own code.
        code: ErrorCode,
        /// What that means, and where the card is.
        fault: Fault,
    },
    /// More bytes than a frame holds; nothing was sent.
    #[error("{length} bytes do not fit one frame of dispenser `{device}`, which takes 512 at most")]
    TooLong {
        /// The dispenser.
        device: String,
        /// Bytes.
        length: usize,
    },
}

impl Crt591Error {
    pub(super) fn new(error: SessionError, device: &str, what: &'static str) -> Self {
        let device = device.to_owned();
        match error {
            SessionError::Line(source) => Self::Line { device, source },
            SessionError::Frame(error) => match error {
                super::frame::FrameError::TooLong { length } => Self::TooLong { device, length },
                other => Self::Garbled {
                    device,
                    detail: other.to_string(),
                },
            },
            SessionError::Silent => Self::Silent { device },
            SessionError::Refused { times } => Self::Refused { device, times },
            SessionError::Lost { within, .. } => Self::Lost {
                device,
                what,
                within,
            },
            SessionError::Damaged(error) => Self::Garbled {
                device,
                detail: format!("its answer came damaged: {error}"),
            },
            SessionError::Answer(error) => Self::Garbled {
                device,
                detail: format!("its answer makes no sense: {error}"),
            },
            SessionError::Babble => Self::Garbled {
                device,
                detail: "there is something on the line all the time".to_owned(),
            },
        }
    }

    /// Whether the device itself says no, and which code it gave.
    #[must_use]
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Faulted { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// The same in the words of a printer.
    pub(super) fn for_printer(self, printer: &str) -> PrinterError {
        let printer = printer.to_owned();
        match self {
            Self::Faulted { fault, .. } => PrinterError::Faulted { printer, fault },
            Self::Line { source, .. } => PrinterError::Connection { printer, source },
            Self::Lost { what, within, .. } => PrinterError::Timeout {
                printer,
                what,
                seconds: within.as_secs(),
            },
            error @ Self::Silent { .. } => PrinterError::Connection {
                printer,
                source: io::Error::new(io::ErrorKind::TimedOut, error.to_string()),
            },
            Self::Garbled { detail, .. } => PrinterError::Gibberish { printer, detail },
            other => PrinterError::Connection {
                printer,
                source: io::Error::other(other.to_string()),
            },
        }
    }

    /// The same in the words of a link over the device's contacts.
    pub(super) fn for_link(self, reader: &str) -> LinkError {
        let reader = reader.to_owned();
        let detail = self.to_string();
        match self {
            Self::Port(error) => error,
            Self::Line { source, .. } if is_gone(&source) => LinkError::ReaderGone { reader },
            Self::Line { .. }
            | Self::Silent { .. }
            | Self::Refused { .. }
            | Self::Garbled { .. } => LinkError::OutOfOrder {
                reader,
                detail,
                next: CHECK_LINE,
            },
            Self::Lost { .. } => LinkError::OutOfOrder {
                reader,
                detail,
                next: LOOK,
            },
            Self::TooLong { .. } => LinkError::Failed { reader, detail },
            Self::Faulted { code, fault, .. } => of_card(reader, code, &fault),
        }
    }
}

/// What a code of the device says about the card.
fn of_card(reader: String, code: ErrorCode, fault: &Fault) -> LinkError {
    match &code.0 {
        b"61" | b"69" => LinkError::CardMute { reader },
        b"45" | b"16" => LinkError::CardRemoved { reader },
        b"65" => LinkError::CardReset { reader },
        b"60" | b"62" | b"66" => LinkError::CardGarbled {
            reader,
            detail: fault.to_string(),
        },
        b"63" | b"64" | b"67" | b"68" => LinkError::CardGarbled {
            reader,
            detail: format!("{fault}; whether it carried the command out is not known"),
        },
        b"B0" => LinkError::OutOfOrder {
            reader,
            detail: "it was switched off and on in the middle of the work".to_owned(),
            next: LOOK,
        },
        _ => LinkError::OutOfOrder {
            reader,
            detail: fault.to_string(),
            next: fault.kind.action(),
        },
    }
}

impl Blamed for Crt591Error {
    fn blame(&self) -> Blame {
        match self {
            Self::Port(error) => error.blame(),
            _ => Blame::PrinterFault,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Port(error) => error.hint(),
            Self::Faulted { fault, .. } => Some(match fault.card {
                CardPosition::None | CardPosition::Unknown => fault.kind.action().to_owned(),
                card => format!("{} ({card})", fault.kind.action()),
            }),
            Self::Lost { .. } => Some(LOOK.to_owned()),
            Self::TooLong { .. } => Some("chain the command".to_owned()),
            _ => Some(CHECK_LINE.to_owned()),
        }
    }
}
