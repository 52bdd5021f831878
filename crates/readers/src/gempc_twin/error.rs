use std::io;
use std::time::Duration;

use ccid::SlotError;
use iso7816::LinkError;
use thiserror::Error;

use crate::ccid::{AnswerError, CommandError, FrameError};
use crate::serial::is_gone;
use crate::t0::T0Error;
use crate::t1::ProtocolError;

/// Why the reader gave no answer.
#[derive(Debug, Error)]
pub(super) enum SessionError {
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    Line(#[from] io::Error),
    /// It said each time that what it was sent came damaged.
    #[error("it says that what it is sent comes damaged, {times} times in a row")]
    Refused { times: u32 },
    #[error("its answer came damaged: {0}")]
    Frame(FrameError),
    #[error("its answer makes no sense: {0}")]
    Answer(AnswerError),
    #[error("{}", if *echoed { "it repeats what it is told and does not answer" } else { "it says nothing" })]
    Silent { echoed: bool, within: Duration },
    #[error("it asks for more time again and again")]
    NeverReady,
    #[error("there is something on the line all the time")]
    Babble,
}

const CHECK_LINE: &str = "check the cable and that the port is one of a GemPC Twin (115200 baud, 8 data bits, no parity, 2 stop bits)";
const SWITCH: &str = "switch the reader off and on, then try again";

impl SessionError {
    /// The same in the words of a link to `reader`.
    pub(super) fn for_reader(self, reader: &str) -> LinkError {
        let reader = reader.to_owned();
        let detail = self.to_string();
        let out_of_order = |next| LinkError::OutOfOrder {
            reader: reader.clone(),
            detail: detail.clone(),
            next,
        };
        match self {
            Self::Command(_) => LinkError::Failed { reader, detail },
            Self::Line(error) if is_gone(&error) => LinkError::ReaderGone { reader },
            Self::Line(_) | Self::Refused { .. } | Self::Frame(_) | Self::Answer(_) => {
                out_of_order(CHECK_LINE)
            }
            Self::Silent {
                echoed: false,
                within,
            } => LinkError::Timeout {
                reader,
                milliseconds: u64::try_from(within.as_millis()).unwrap_or(u64::MAX),
            },
            Self::Silent { .. } | Self::NeverReady => out_of_order(SWITCH),
            Self::Babble => out_of_order(CHECK_LINE),
        }
    }
}

/// The block protocol's error in the words of a link to `reader`.
pub(super) fn of_protocol(error: ProtocolError<LinkError>, reader: &str) -> LinkError {
    match error {
        ProtocolError::Carrier(error) => error,
        other => garbled(reader, &other),
    }
}

/// The card does not keep to the rules.
pub(super) fn garbled(reader: &str, what: &dyn std::fmt::Display) -> LinkError {
    LinkError::CardGarbled {
        reader: reader.to_owned(),
        detail: what.to_string(),
    }
}

/// The reader could not do what it was asked with a card that is there.
pub(super) fn refused(reader: &str, doing: &str, error: SlotError) -> LinkError {
    LinkError::OutOfOrder {
        reader: reader.to_owned(),
        detail: format!("{doing}: {error}"),
        next: SWITCH,
    }
}

/// A command the protocol in force has no room for: not sent.
pub(super) fn not_sent(reader: &str, error: &T0Error) -> LinkError {
    LinkError::Failed {
        reader: reader.to_owned(),
        detail: error.to_string(),
    }
}
