use ground::{Blame, Blamed};
use iso7816::{ChannelError, LinkError, TranscriptError, TranscriptWriteError};
use piv::PivError;
use series::{IdentifyError, ProfileError};
use thiserror::Error;

/// Why a card could not be validated to the end. What is wrong with a card is no error.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ValidationError {
    /// The card stopped answering while it was identified.
    #[error(transparent)]
    Identify(#[from] IdentifyError),
    /// The card stopped answering, or answered what no client can go on with.
    #[error(transparent)]
    Piv(#[from] PivError),
    /// A command got no whole response.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The reader failed.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// A profile cannot be used.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// There is no PIV application to validate.
    #[error("the card in `{reader}` has no PIV application: {conclusion}")]
    NotPiv {
        /// The reader.
        reader: String,
        /// What the card seems to be.
        conclusion: String,
    },
    /// Writing or spending tries was asked for, on a card that is not the one named.
    #[error("`{named}` was named as the test card, but the card in the reader is `{found}`")]
    OtherCard {
        /// What the operator named.
        named: String,
        /// The card's GUID and serial number, as far as it tells them.
        found: String,
    },
    /// The passcode given is wrong.
    #[error("the passcode is wrong; {left} tries are left, and no other is spent")]
    WrongPasscode {
        /// Tries left.
        left: u8,
    },
    /// Too few tries are left to verify the passcode with.
    #[error("only {left} tries of the passcode are left, and {reserve} are never touched")]
    FewTries {
        /// Tries left.
        left: u8,
        /// Tries kept in reserve.
        reserve: u8,
    },
    /// An assertion was about to do what it does not declare or the operator does not permit.
    #[error("stopped before it was sent: {what}")]
    NotPermitted {
        /// The command, and why.
        what: String,
    },
    /// A secret the operator gave was refused by the card.
    #[error("the {what} given is wrong and is not sent again")]
    WrongSecret {
        /// Which one.
        what: &'static str,
    },
    /// No assertion fits what was asked for.
    #[error("no assertion is called `{pattern}`")]
    NoAssertion {
        /// What was asked for.
        pattern: String,
    },
    /// The record of exchanges could not be kept.
    #[error("the record of exchanges is unusable: {0}")]
    Record(#[from] TranscriptError),
    /// The record of exchanges could not be written.
    #[error("the record of exchanges is incomplete: {0}")]
    Write(#[from] TranscriptWriteError),
}

impl Blamed for ValidationError {
    fn blame(&self) -> Blame {
        match self {
            Self::Identify(error) => error.blame(),
            Self::Piv(error) => error.blame(),
            Self::Channel(error) => error.blame(),
            Self::Link(error) => error.blame(),
            Self::Profile(error) => error.blame(),
            Self::NotPiv { .. }
            | Self::OtherCard { .. }
            | Self::WrongPasscode { .. }
            | Self::FewTries { .. }
            | Self::NotPermitted { .. }
            | Self::WrongSecret { .. }
            | Self::NoAssertion { .. } => Blame::OperatorMistake,
            Self::Record(_) | Self::Write(_) => Blame::StoreFault,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Identify(error) => return error.hint(),
            Self::Piv(error) => return error.hint(),
            Self::Channel(error) => return error.hint(),
            Self::Link(error) => return error.hint(),
            Self::Profile(error) => return error.hint(),
            Self::NotPiv { .. } => "`cardwright inspect` tells what the card is",
            Self::OtherCard { .. } => "put in the card you named, or name this one",
            Self::WrongPasscode { .. } => "make sure which card it is before you try another",
            Self::FewTries { .. } => {
                "verify the right passcode in another program first, or unblock the card"
            }
            Self::WrongSecret { .. } => "a card takes few wrong ones; make sure which card it is",
            Self::NotPermitted { .. } => {
                "the card has not seen it; leave this assertion out and report it"
            }
            Self::NoAssertion { .. } => "`cardwright validate --list` lists them",
            Self::Record(_) | Self::Write(_) => return None,
        };
        Some(hint.to_owned())
    }
}
