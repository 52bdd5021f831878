use ground::{Blame, Blamed};
use iso7816::{ChannelError, StatusWord};
use thiserror::Error;

use super::MAX_DATA;

/// Why a secure channel could not be opened, or ended.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Scp01Error {
    /// No whole answer came.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The card refused a command of the opening.
    #[error("the card refused {command}: {status}")]
    Refused {
        /// The command.
        command: &'static str,
        /// What the card answered.
        status: StatusWord,
    },
    /// The answer to INITIALIZE UPDATE has another length.
    #[error("the card answered INITIALIZE UPDATE with {length} bytes, 28 were expected")]
    UpdateLength {
        /// Bytes received.
        length: usize,
    },
    /// The card speaks another secure channel protocol.
    #[error("the card speaks secure channel protocol {actual:02X}, 01 was expected")]
    Protocol {
        /// The protocol's number.
        actual: u8,
    },
    /// The card cryptogram is not that of the keys. The card has lost no try.
    #[error(
        "the keys are not those of the card, key version {version:02X}: its cryptogram does not match"
    )]
    WrongKeys {
        /// The version of the card's keys.
        version: u8,
    },
    /// The card found a command's MAC missing or wrong and has ended the session.
    #[error("the card ended the secure channel: {status}")]
    CommandMac {
        /// What the card answered.
        status: StatusWord,
    },
    /// The session ended before.
    #[error("the secure channel has ended")]
    Ended,
    /// The command carries more than fits when it is protected. Nothing was sent.
    #[error("the command has {length} data bytes, a protected one has at most {MAX_DATA}")]
    TooLong {
        /// Bytes of data.
        length: usize,
    },
}

impl Blamed for Scp01Error {
    fn blame(&self) -> Blame {
        match self {
            Self::Channel(error) => error.blame(),
            Self::WrongKeys { .. } | Self::Ended | Self::TooLong { .. } => Blame::OperatorMistake,
            _ => Blame::CardMisbehaved,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Channel(error) => return error.hint(),
            Self::WrongKeys { .. } => {
                "the card has lost no try: check key set, key version and diversification"
            }
            Self::Refused {
                command: "EXTERNAL AUTHENTICATE",
                ..
            } => "do not repeat it: the card counts failures and locks for good",
            Self::CommandMac { .. } | Self::Ended => {
                "read back what the card holds, then open a new channel"
            }
            Self::TooLong { .. } => "send it in parts",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// Why bytes are no key to be used here.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum KeyError {
    /// A key set of another length.
    #[error("a key set of {length} bytes, 16 (a master key) or 48 (three keys) were expected")]
    Length {
        /// Bytes given.
        length: usize,
    },
    /// A key everybody knows.
    #[error("a published test key, which protects nothing")]
    Published,
}

impl Blamed for KeyError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Length { .. } => return None,
            Self::Published => {
                "published keys open test cards, at a station that is for tests only"
            }
        };
        Some(hint.to_owned())
    }
}
