//! What is wrong with an answer to reset.

use std::fmt;

use ground::{Blame, Blamed};
use serde::Serialize;
use thiserror::Error;

use super::MAX_LENGTH;

/// Something wrong with an answer to reset that could be read nevertheless.
#[derive(Clone, Debug, Eq, Error, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "finding")]
#[non_exhaustive]
pub enum AtrFinding {
    /// TCK is wrong.
    #[error("check byte is {found:02X}, {expected:02X} is right")]
    WrongCheck {
        /// TCK as it came.
        found: u8,
        /// What makes the exclusive-or zero.
        expected: u8,
    },
    /// No TCK, although a protocol other than T=0 is offered.
    #[error("check byte missing, {expected:02X} is right")]
    MissingCheck {
        /// What TCK would be.
        expected: u8,
    },
    /// Bytes after the end.
    #[error("{length} bytes after the end")]
    Trailing {
        /// How many.
        length: usize,
    },
    /// More bytes than ISO/IEC 7816-3 allows.
    #[error("{length} bytes, at most {MAX_LENGTH} are allowed")]
    TooLong {
        /// How many.
        length: usize,
    },
    /// Protocols not in ascending order, T=15 last (ISO/IEC 7816-3, 8.2.3).
    #[error("protocol T={next} offered after T={previous}")]
    ProtocolOrder {
        /// The protocol before.
        previous: u8,
        /// The protocol out of order.
        next: u8,
    },
    /// Fi or Di is a value reserved for future use.
    #[error("TA1 {ta1:02X} uses a reserved speed value")]
    ReservedSpeed {
        /// TA1.
        ta1: u8,
    },
    /// Historical bytes that do not follow the coding their first byte announces.
    #[error("historical bytes: {detail}")]
    Historical {
        /// What is wrong.
        detail: &'static str,
    },
}

/// Why bytes are no answer to reset, or values make none.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum AtrError {
    /// No bytes at all.
    #[error("no answer to reset")]
    Empty,
    /// TS is neither 3B nor 3F.
    #[error("answer to reset starts with {found:02X}, 3B or 3F was expected")]
    InitialCharacter {
        /// The first byte.
        found: u8,
    },
    /// The bytes end where an announced byte should be.
    #[error("answer to reset of {length} bytes ends before {missing}")]
    Cut {
        /// The byte or bytes announced.
        missing: Missing,
        /// Bytes given.
        length: usize,
    },
    /// More than 15 historical bytes cannot be announced.
    #[error("{length} historical bytes do not fit, the limit is 15")]
    HistoricalTooLong {
        /// Historical bytes given.
        length: usize,
    },
    /// The answer would be longer than 33 bytes.
    #[error("an answer to reset of {length} bytes is too long, the limit is {MAX_LENGTH}")]
    TooLong {
        /// Bytes it would have.
        length: usize,
    },
    /// The groups given make no chain.
    #[error("interface group {index}: {detail}")]
    Group {
        /// The group, counted from 1.
        index: usize,
        /// What is wrong with it.
        detail: &'static str,
    },
}

impl Blamed for AtrError {
    fn blame(&self) -> Blame {
        match self {
            Self::Empty | Self::InitialCharacter { .. } | Self::Cut { .. } => Blame::CardMisbehaved,
            _ => Blame::OperatorMistake,
        }
    }

    fn hint(&self) -> Option<String> {
        (self.blame() == Blame::CardMisbehaved)
            .then(|| "clean the contacts and try again, then try another reader".to_owned())
    }
}

/// An announced byte that is not there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Missing {
    /// T0.
    Format,
    /// TA, TB, TC or TD of a group.
    Interface {
        /// `A` to `D`.
        letter: char,
        /// The group, counted from 1.
        group: usize,
    },
    /// Some of the historical bytes.
    Historical {
        /// How many were announced.
        announced: u8,
    },
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format => f.write_str("T0"),
            Self::Interface { letter, group } => write!(f, "T{letter}{group}"),
            Self::Historical { announced } => {
                write!(f, "the last of {announced} historical bytes")
            }
        }
    }
}
