use ground::{Blame, Blamed};
use iso7816::{ChannelError, StatusWord};
use thiserror::Error;

use super::Mode;

/// Why a secure channel could not be opened, or ended.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Scp03Error {
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
    /// The answer to INITIALIZE UPDATE is not what its option byte announces.
    #[error(
        "the card answered INITIALIZE UPDATE with {length} bytes, 29 or 32 (S8), 45 or 48 (S16) were expected to fit its options"
    )]
    UpdateLength {
        /// Bytes received.
        length: usize,
    },
    /// The card speaks another secure channel protocol.
    #[error("the card speaks secure channel protocol {actual:02X}, 03 was expected")]
    Protocol {
        /// The protocol's number.
        actual: u8,
    },
    /// The card works with other lengths.
    #[error("the card works in {actual} mode, {expected} was asked for")]
    OtherMode {
        /// What was asked for.
        expected: Mode,
        /// What the card has.
        actual: Mode,
    },
    /// The card answered with keys of another version.
    #[error("the card answered with key version {actual:02X}, {expected:02X} was asked for")]
    OtherVersion {
        /// What was asked for.
        expected: u8,
        /// What came.
        actual: u8,
    },
    /// The card has not what the security level needs.
    #[error("security level {level:02X} is not offered by a card with options {options:02X}")]
    LevelNotOffered {
        /// What was asked for.
        level: u8,
        /// The card's byte `i`.
        options: u8,
    },
    /// The card cryptogram is not that of the keys. The card has lost no try.
    #[error(
        "the keys are not those of the card, key version {version:02X}: its cryptogram does not match"
    )]
    WrongKeys {
        /// The version of the card's keys.
        version: u8,
    },
    /// The card challenge is not that of Key-ENC and the security domain. The card has lost no
    /// try.
    #[error(
        "the card challenge does not match the encryption key, key version {version:02X}, and the security domain"
    )]
    WrongChallenge {
        /// The version of the card's keys.
        version: u8,
    },
    /// The card found a command's MAC missing or wrong and has ended the session.
    #[error("the card ended the secure channel: {status}")]
    CommandMac {
        /// What the card answered.
        status: StatusWord,
    },
    /// A response's MAC is wrong: it was changed on its way, or the card counts otherwise.
    #[error("the MAC of the response {status} is wrong; the secure channel has ended")]
    ResponseMac {
        /// The status word that came with it.
        status: StatusWord,
    },
    /// A response is too short to hold its MAC.
    #[error("the response {status} of {length} bytes has no MAC; the secure channel has ended")]
    ResponseMacMissing {
        /// The status word that came with it.
        status: StatusWord,
        /// Data bytes received.
        length: usize,
    },
    /// An authenticated response does not decrypt to padded data.
    #[error("the response does not decrypt to padded data; the secure channel has ended")]
    ResponsePadding,
    /// Data came with an error, which has no MAC.
    #[error(
        "{length} unprotected bytes came with the error {status}; the secure channel has ended"
    )]
    UnprotectedData {
        /// The status word.
        status: StatusWord,
        /// Data bytes received.
        length: usize,
    },
    /// The session ended before.
    #[error("the secure channel has ended")]
    Ended,
    /// The protected command does not fit short length fields. Nothing was sent.
    #[error("the protected command would have {length} data bytes, the limit is {limit}")]
    TooLong {
        /// Bytes with padding and MAC.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// A command of another class than 00 or 80. Nothing was sent.
    #[error("a command of class {class:02X} cannot be protected, only 00 and 80 can")]
    Class {
        /// The class.
        class: u8,
    },
}

impl Blamed for Scp03Error {
    fn blame(&self) -> Blame {
        match self {
            Self::Channel(error) => error.blame(),
            Self::OtherMode { .. }
            | Self::LevelNotOffered { .. }
            | Self::WrongKeys { .. }
            | Self::WrongChallenge { .. }
            | Self::Ended
            | Self::TooLong { .. }
            | Self::Class { .. } => Blame::OperatorMistake,
            _ => Blame::CardMisbehaved,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Channel(error) => return error.hint(),
            Self::WrongKeys { .. } | Self::WrongChallenge { .. } => {
                "the card has lost no try: check key set, key version and diversification"
            }
            Self::Refused {
                command: "EXTERNAL AUTHENTICATE",
                ..
            } => "do not repeat it: the card counts failures and locks for good",
            Self::OtherMode { .. } => "ask for the card's mode",
            Self::LevelNotOffered { .. } => "ask for a lower security level",
            Self::CommandMac { .. }
            | Self::ResponseMac { .. }
            | Self::ResponseMacMissing { .. }
            | Self::UnprotectedData { .. }
            | Self::ResponsePadding
            | Self::Ended => "read back what the card holds, then open a new channel",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// Why bytes are no AES key.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("an AES key of {length} bytes, 16, 24 or 32 were expected")]
pub struct KeyLengthError {
    /// Bytes given.
    pub length: usize,
}

impl Blamed for KeyLengthError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }
}

/// Why three keys are no key set.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum KeySetError {
    /// They are of different lengths.
    #[error(
        "keys of {}, {} and {} bytes are no key set, all must have one length",
        lengths[0], lengths[1], lengths[2]
    )]
    Lengths {
        /// Bytes of ENC, MAC and DEK.
        lengths: [usize; 3],
    },
}

impl Blamed for KeySetError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }
}
