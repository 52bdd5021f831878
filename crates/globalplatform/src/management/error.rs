use ground::{Blame, Blamed};
use iso7816::StatusWord;
use iso7816::ber::{Tag, TlvError};
use thiserror::Error;

use crate::scp03::Scp03Error;

/// Why a card could not be managed.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ManagementError {
    /// The secure channel failed.
    #[error(transparent)]
    Scp03(#[from] Scp03Error),
    /// The card refused a command.
    #[error("the card refused {command}: {status}")]
    Refused {
        /// The command.
        command: &'static str,
        /// What the card answered.
        status: StatusWord,
    },
    /// The card refused a block of STORE DATA.
    #[error(
        "the card refused block {block} of STORE DATA: {status}; the blocks before it are stored"
    )]
    BlockRefused {
        /// The block, from 0.
        block: u8,
        /// What the card answered.
        status: StatusWord,
    },
    /// An answer is no BER-TLV.
    #[error("the answer to {command} is malformed: {source}")]
    Malformed {
        /// The command.
        command: &'static str,
        /// What is wrong with it.
        source: TlvError,
    },
    /// GET STATUS answered with something else than entries.
    #[error("the answer to GET STATUS has tag {tag}, E3 was expected")]
    UnexpectedTag {
        /// The tag.
        tag: Tag,
    },
    /// An entry of GET STATUS lacks what every entry has.
    #[error("an entry of GET STATUS lacks tag {tag}")]
    EntryLacks {
        /// The tag.
        tag: Tag,
    },
    /// GET STATUS announces more entries without end.
    #[error("the card goes on announcing entries after {entries}")]
    EndlessList {
        /// Entries received.
        entries: usize,
    },
    /// The card took the keys and confirms others.
    #[error(
        "the card confirms other check values than those of the keys sent as version {version:02X}"
    )]
    CheckValues {
        /// The version of the keys.
        version: u8,
    },
    /// No version of a key set.
    #[error("key version {version:02X} cannot be written, 01 to 7F can")]
    Version {
        /// What was asked for.
        version: u8,
    },
    /// An identifier that is none.
    #[error("an application identifier of {length} bytes, 5 to 16 were expected")]
    AidLength {
        /// Bytes given.
        length: usize,
    },
    /// No blocks, or more than can be counted.
    #[error("{count} blocks of STORE DATA, 1 to 256 were expected")]
    Blocks {
        /// Blocks given.
        count: usize,
    },
    /// A block does not fit one command of this session.
    #[error("block {block} of STORE DATA has {length} bytes, the limit of this session is {limit}")]
    BlockTooLong {
        /// The block, from 0.
        block: usize,
        /// Its bytes.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// The card would be unusable for good.
    #[error("this would terminate the card for good")]
    Terminates,
}

impl Blamed for ManagementError {
    fn blame(&self) -> Blame {
        match self {
            Self::Scp03(error) => error.blame(),
            Self::Version { .. }
            | Self::AidLength { .. }
            | Self::Blocks { .. }
            | Self::BlockTooLong { .. }
            | Self::Terminates => Blame::OperatorMistake,
            _ => Blame::CardMisbehaved,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Scp03(error) => error.hint(),
            Self::CheckValues { .. } => {
                Some("do not use this card further: its keys are unknown".to_owned())
            }
            _ => None,
        }
    }
}
