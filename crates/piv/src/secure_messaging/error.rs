use ground::{Blame, Blamed};
use iso7816::StatusWord;
use iso7816::ber::{Tag, TlvError};
use thiserror::Error;

use super::CipherSuite;
use crate::cvc::CvcError;

/// Why a command could not be protected, or a response not be trusted.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SmError {
    /// The session ended before; its keys are gone.
    #[error("the secure messaging session has ended")]
    Ended,
    /// Only commands with class 00 are protected.
    #[error("a command with class {class:02X} cannot be protected, only class 00")]
    Class {
        /// The command's class byte.
        class: u8,
    },
    /// The command before got no response.
    #[error("the last protected command was not answered")]
    Unanswered,
    /// There is no command to which this could be the response.
    #[error("a protected response came without a command")]
    NothingAsked,
    /// 6882 outside: the card has no secure messaging.
    #[error("the card does not support secure messaging: it answered 6882")]
    NotSupported,
    /// 6982 outside: the card has no session keys (any more).
    #[error("the card has no secure messaging session: it answered 6982")]
    NoSessionKeys,
    /// 6987 outside: the card misses objects in the command.
    #[error("the card misses secure messaging objects in the command: it answered 6987")]
    ObjectsMissing,
    /// 6988 outside: the card could not verify or decrypt the command.
    #[error("the card could not verify or decrypt the command: it answered 6988")]
    ObjectsIncorrect,
    /// Any other status word outside.
    #[error("the card answered {status} unprotected")]
    Unprotected {
        /// The status word.
        status: StatusWord,
    },
    /// An object that must be there is not.
    #[error("the protected response has no object `{tag}`")]
    MissingObject {
        /// Its tag.
        tag: Tag,
    },
    /// Another object in the place of one.
    #[error("the protected response has object `{actual}` where `{expected}` belongs")]
    UnexpectedObject {
        /// The tag that belongs there.
        expected: Tag,
        /// The tag found.
        actual: Tag,
    },
    /// An object after the MAC.
    #[error("the protected response has object `{tag}` after the MAC")]
    TrailingObject {
        /// Its tag.
        tag: Tag,
    },
    /// The response is no BER-TLV.
    #[error("the protected response is malformed: {0}")]
    Malformed(#[from] TlvError),
    /// An object of the wrong length.
    #[error("object `{tag}` of the protected response has {length} bytes, expected {expected}")]
    Length {
        /// Its tag.
        tag: Tag,
        /// Bytes it has.
        length: usize,
        /// Bytes it should have.
        expected: &'static str,
    },
    /// The MAC is not over this response.
    #[error("the MAC of the protected response does not verify")]
    Mac,
    /// The first byte of object 87 is not 01.
    #[error("padding indicator {indicator:02X} in the protected response, expected 01")]
    PaddingIndicator {
        /// The byte found.
        indicator: u8,
    },
    /// The decrypted data do not end in 80 and up to 15 zeros.
    #[error("the decrypted response is not padded")]
    Padding,
}

impl SmError {
    /// The status word the card gave outside, if that was the error.
    #[must_use]
    pub const fn status(&self) -> Option<StatusWord> {
        Some(match self {
            Self::NotSupported => StatusWord::SECURE_MESSAGING_NOT_SUPPORTED,
            Self::NoSessionKeys => StatusWord::SECURITY_STATUS_NOT_SATISFIED,
            Self::ObjectsMissing => StatusWord::SM_OBJECTS_MISSING,
            Self::ObjectsIncorrect => StatusWord::SM_OBJECTS_INCORRECT,
            Self::Unprotected { status } => *status,
            _ => return None,
        })
    }
}

impl Blamed for SmError {
    fn blame(&self) -> Blame {
        match self {
            Self::Ended | Self::Class { .. } | Self::Unanswered | Self::NothingAsked => {
                Blame::OperatorMistake
            }
            _ => Blame::CardMisbehaved,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Ended | Self::Unanswered | Self::NoSessionKeys => {
                "establish secure messaging anew"
            }
            Self::Mac | Self::ObjectsIncorrect => {
                "something between host and card changed or added a message; establish secure \
                 messaging anew"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// Why no session could be established.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum EstablishmentError {
    /// The scalar given is no private key on the suite's curve.
    #[error("{length} bytes are no private key for {suite}")]
    Scalar {
        /// The suite.
        suite: CipherSuite,
        /// Bytes given.
        length: usize,
    },
    /// The card refused.
    #[error("the card refused key establishment: it answered {status}")]
    Refused {
        /// Its answer.
        status: StatusWord,
    },
    /// The response is no BER-TLV, or not `7C` holding `82`.
    #[error("the card's answer to key establishment is malformed: {0}")]
    Malformed(#[from] TlvError),
    /// `7C` holds no `82`.
    #[error("the card's answer to key establishment has no response (`82`)")]
    NoResponse,
    /// `82` is too short for what comes before the CVC.
    #[error(
        "the card's answer to key establishment has {length} bytes, expected more than {fixed}"
    )]
    Short {
        /// Bytes in `82`.
        length: usize,
        /// Bytes before the CVC.
        fixed: usize,
    },
    /// CB_ICC is not 00.
    #[error("the card's control byte is {actual:02X}, expected 00")]
    ControlByte {
        /// The byte found.
        actual: u8,
    },
    /// The CVC is malformed, incomplete, or not the signer's.
    #[error(transparent)]
    Cvc(#[from] CvcError),
    /// The card's key is on another curve.
    #[error("the card's secure messaging key does not fit {suite}")]
    Curve {
        /// The suite asked for.
        suite: CipherSuite,
    },
    /// The card does not have the private key of its CVC, or the response was changed.
    #[error("the card does not prove that it has the key of its card verifiable certificate")]
    Cryptogram,
}

impl Blamed for EstablishmentError {
    fn blame(&self) -> Blame {
        match self {
            Self::Scalar { .. } => Blame::OperatorMistake,
            Self::Cvc(error) => error.blame(),
            _ => Blame::CardMisbehaved,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Cvc(error) => return error.hint(),
            Self::Refused {
                status: StatusWord::WRONG_P1P2,
            } => "the card has another cipher suite; its answer to SELECT lists it under `AC`",
            Self::Cryptogram => "set the card aside: it may be a forgery",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
