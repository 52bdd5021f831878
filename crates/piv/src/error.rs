use std::fmt;

use ground::{Blame, Blamed};
use iso7816::{ChannelError, LinkError, StatusWord};
use thiserror::Error;

use crate::secure_messaging::EstablishmentError;
use crate::words::{Algorithm, KeyReference, ObjectId, PinReference};

/// What the host was doing when a command failed, in words for the operator.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// SELECT.
    Select,
    /// GET DATA.
    Read(ObjectId),
    /// GET DATA of an object outside the standard.
    ReadTag(iso7816::ber::Tag),
    /// PUT DATA.
    Write(ObjectId),
    /// PUT DATA of an object outside the standard.
    WriteTag(iso7816::ber::Tag),
    /// VERIFY.
    Verify(PinReference),
    /// VERIFY without data.
    ReadTries(PinReference),
    /// VERIFY with P1 = FF.
    LogOut(PinReference),
    /// CHANGE REFERENCE DATA.
    Change(PinReference),
    /// RESET RETRY COUNTER.
    Unblock,
    /// GENERAL AUTHENTICATE with key 9B.
    AuthenticateAdmin,
    /// SET MANAGEMENT KEY.
    SetAdminKey,
    /// GENERATE ASYMMETRIC KEY PAIR.
    Generate(KeyReference, Algorithm),
    /// GENERAL AUTHENTICATE, signature.
    Sign(KeyReference, Algorithm),
    /// GENERAL AUTHENTICATE, decryption.
    Decipher(KeyReference, Algorithm),
    /// GENERAL AUTHENTICATE, key agreement.
    Agree(KeyReference, Algorithm),
    /// GENERAL AUTHENTICATE, request for a challenge.
    Challenge,
    /// GENERAL AUTHENTICATE, key establishment.
    EstablishSecureMessaging,
    /// Reset.
    Reset,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Select => f.write_str("select the PIV application"),
            Self::Read(object) => write!(f, "read {object} (`{}`)", object.tag()),
            Self::ReadTag(tag) => write!(f, "read object `{tag}`"),
            Self::Write(object) => write!(f, "write {object} (`{}`)", object.tag()),
            Self::WriteTag(tag) => write!(f, "write object `{tag}`"),
            Self::Verify(reference) => write!(f, "verify {reference}"),
            Self::ReadTries(reference) => write!(f, "read the tries left for {reference}"),
            Self::LogOut(reference) => write!(f, "log out of {reference}"),
            Self::Change(reference) => write!(f, "change {reference}"),
            Self::Unblock => f.write_str("unblock the PIV PIN (80) with the PUK"),
            Self::AuthenticateAdmin => f.write_str("authenticate with the administration key (9B)"),
            Self::SetAdminKey => f.write_str("replace the administration key (9B)"),
            Self::Generate(key, algorithm) => {
                write!(f, "generate a key pair {algorithm} in key {key}")
            }
            Self::Sign(key, algorithm) => write!(f, "sign with key {key} ({algorithm})"),
            Self::Decipher(key, algorithm) => write!(f, "decipher with key {key} ({algorithm})"),
            Self::Agree(key, algorithm) => {
                write!(f, "agree on a secret with key {key} ({algorithm})")
            }
            Self::Challenge => f.write_str("get a challenge"),
            Self::EstablishSecureMessaging => f.write_str("establish secure messaging"),
            Self::Reset => f.write_str("reset the card"),
        }
    }
}

/// Why something asked of a PIV card was not done.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum PivError {
    /// No whole answer came.
    #[error("failed to {action}: {source}")]
    Channel {
        /// What was being done.
        action: Action,
        /// What happened on the way.
        source: ChannelError,
    },
    /// The card has no PIV application.
    #[error("the card has no PIV application: it answered {status}")]
    NotPiv {
        /// The card's answer to the truncated AID, the last one tried.
        status: StatusWord,
    },
    /// The card refused.
    #[error("failed to {action}: the card answered {status}")]
    Refused {
        /// What was being done.
        action: Action,
        /// The card's answer.
        status: StatusWord,
    },
    /// The passcode, PUK or pairing code is not the card's.
    #[error("failed to {action}: wrong {reference}, {}", tries(*tries_left))]
    WrongPasscode {
        /// What was being done.
        action: Action,
        /// Which secret was wrong.
        reference: PinReference,
        /// Tries left, if the card counts them. 0 means blocked from now on.
        tries_left: Option<u8>,
    },
    /// No tries left.
    #[error("failed to {action}: {what} is blocked")]
    Blocked {
        /// What was being done.
        action: Action,
        /// What is blocked.
        what: PinReference,
    },
    /// The card does not accept the host's administration key.
    #[error("failed to {action}: the key is not this card's, it answered {status}")]
    WrongAdminKey {
        /// What was being done.
        action: Action,
        /// The card's answer.
        status: StatusWord,
    },
    /// The card could not prove that it knows the administration key.
    #[error("failed to {action}: the card does not prove that it knows the key")]
    CardNotGenuine {
        /// What was being done.
        action: Action,
    },
    /// The card does not establish secure messaging as it should.
    #[error("failed to {action}: {source}")]
    SecureMessaging {
        /// What was being done.
        action: Action,
        /// Why not.
        source: EstablishmentError,
    },
    /// The card's answer has not the form it must have.
    #[error("failed to {action}: the card's answer is malformed: {what}")]
    Malformed {
        /// What was being done.
        action: Action,
        /// Expected and actual.
        what: String,
    },
    /// The host was asked for something that cannot be sent.
    #[error("cannot {action}: {what}")]
    Impossible {
        /// What was to be done.
        action: Action,
        /// Expected and actual.
        what: String,
    },
}

impl PivError {
    /// The card's status word, if it gave one that is an error.
    #[must_use]
    pub fn status(&self) -> Option<StatusWord> {
        match self {
            Self::NotPiv { status }
            | Self::Refused { status, .. }
            | Self::WrongAdminKey { status, .. } => Some(*status),
            Self::WrongPasscode { tries_left, .. } => Some(match tries_left {
                Some(tries) => StatusWord::tries_left_word(*tries),
                None => StatusWord::VERIFICATION_FAILED,
            }),
            Self::Blocked { .. } => Some(StatusWord::BLOCKED),
            Self::SecureMessaging {
                source: EstablishmentError::Refused { status },
                ..
            } => Some(*status),
            _ => None,
        }
    }

    /// What was being done.
    #[must_use]
    pub fn action(&self) -> Action {
        match self {
            Self::NotPiv { .. } => Action::Select,
            Self::Channel { action, .. }
            | Self::Refused { action, .. }
            | Self::WrongPasscode { action, .. }
            | Self::Blocked { action, .. }
            | Self::WrongAdminKey { action, .. }
            | Self::CardNotGenuine { action }
            | Self::SecureMessaging { action, .. }
            | Self::Malformed { action, .. }
            | Self::Impossible { action, .. } => *action,
        }
    }

    /// Whether it is unknown if the card carried the command out: bytes were lost on the way.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        matches!(self, Self::Channel { source, .. } if !matches!(
            source,
            ChannelError::Command(_)
                | ChannelError::Protect(_)
                | ChannelError::Link(LinkError::NoCard { .. })
        ))
    }
}

impl Blamed for PivError {
    fn blame(&self) -> Blame {
        match self {
            Self::Channel { source, .. } => source.blame(),
            Self::SecureMessaging { source, .. } => source.blame(),
            Self::NotPiv { .. }
            | Self::WrongPasscode { .. }
            | Self::Blocked { .. }
            | Self::WrongAdminKey { .. }
            | Self::Impossible { .. } => Blame::OperatorMistake,
            Self::Refused { .. } | Self::CardNotGenuine { .. } | Self::Malformed { .. } => {
                Blame::CardMisbehaved
            }
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Channel { source, .. } => return source.hint(),
            Self::SecureMessaging { source, .. } => return source.hint(),
            Self::NotPiv { .. } => "check that this is a card of series 9 or 10",
            Self::WrongPasscode {
                reference: PinReference::Unblocking,
                tries_left: Some(0),
                ..
            } => "the PUK is now blocked; the card has to be reissued",
            Self::WrongPasscode {
                tries_left: Some(0),
                ..
            }
            | Self::Blocked {
                what: PinReference::Application | PinReference::Global,
                ..
            } => "unblock the card with the PUK and a new passcode",
            Self::WrongPasscode { .. } => "ask the holder before trying again",
            Self::Blocked { .. } => "the card has to be reissued",
            Self::WrongAdminKey { .. } => {
                "check that the key belongs to this card; repeated failures may lock it"
            }
            Self::CardNotGenuine { .. } => {
                "set the card aside: it may be a forgery, or its key was changed halfway"
            }
            Self::Refused { action, status } => return refusal_hint(*action, *status),
            Self::Malformed { .. } => "set the card aside and keep the transcript",
            Self::Impossible { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

fn refusal_hint(action: Action, status: StatusWord) -> Option<String> {
    let writes = matches!(
        action,
        Action::Write(_) | Action::WriteTag(_) | Action::Generate(..) | Action::SetAdminKey
    );
    let hint = match status {
        StatusWord::SECURITY_STATUS_NOT_SATISFIED if writes => {
            "authenticate with the administration key first"
        }
        StatusWord::SECURITY_STATUS_NOT_SATISFIED => match action {
            Action::Sign(KeyReference::Signature, _) => {
                "verify the PIN immediately before each signature with key 9C"
            }
            _ => "verify the PIN first",
        },
        StatusWord::NO_MEMORY => "the card is full; use another one",
        StatusWord::REFERENCE_NOT_FOUND | StatusWord::NOT_FOUND => {
            "this card was not made with that key, reference or object"
        }
        StatusWord::WRONG_P1P2 => "the card's key may be of another algorithm",
        StatusWord::FUNCTION_NOT_SUPPORTED
        | StatusWord::INSTRUCTION_NOT_SUPPORTED
        | StatusWord::CLASS_NOT_SUPPORTED => "this card does not offer that command",
        _ => return None,
    };
    Some(hint.to_owned())
}

fn tries(left: Option<u8>) -> String {
    match left {
        None => "the card does not say how many tries are left".to_owned(),
        Some(0) => "no tries left".to_owned(),
        Some(1) => "1 try left".to_owned(),
        Some(left) => format!("{left} tries left"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_object_the_status_in_words_and_the_remedy() {
        let error = PivError::Refused {
            action: Action::Read(ObjectId::PrintedInformation),
            status: StatusWord::SECURITY_STATUS_NOT_SATISFIED,
        };
        assert_eq!(
            error.to_string(),
            "failed to read Printed Information (`5FC109`): the card answered 6982 (security \
             status not satisfied)"
        );
        assert_eq!(error.hint().as_deref(), Some("verify the PIN first"));
        assert_eq!(error.blame(), Blame::CardMisbehaved);
    }

    #[test]
    fn a_wrong_passcode_says_how_many_tries_are_left() {
        let error = PivError::WrongPasscode {
            action: Action::Verify(PinReference::Application),
            reference: PinReference::Application,
            tries_left: Some(1),
        };
        assert_eq!(
            error.to_string(),
            "failed to verify PIV PIN (80): wrong PIV PIN (80), 1 try left"
        );
        assert_eq!(error.status(), Some(StatusWord(0x63C1)));
    }
}
