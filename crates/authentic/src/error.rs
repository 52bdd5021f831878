use std::fmt;

use ground::{Blame, Blamed};
use iso7816::{ChannelError, LinkError, StatusWord};
use thiserror::Error;

use crate::{Applet, FilePath, KeyId, Role};

/// What the host was doing when a command failed, in words for the operator.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// SELECT of the application.
    SelectApplet(Applet),
    /// Reading the card's serial from the card manager.
    ReadSerial,
    /// GET CHALLENGE.
    ReadChallenge,
    /// GET DATA of a credential's policy.
    ReadPolicy(Role),
    /// SELECT of a file.
    Select(FilePath),
    /// READ BINARY.
    Read(FilePath),
    /// UPDATE BINARY.
    Update(FilePath),
    /// READ RECORD, record from 1.
    ReadRecord(FilePath, u8),
    /// APPEND RECORD.
    AppendRecord(FilePath),
    /// UPDATE RECORD, record from 1.
    UpdateRecord(FilePath, u8),
    /// DELETE RECORD, record from 1.
    DeleteRecord(FilePath, u8),
    /// CREATE FILE.
    Create(FilePath),
    /// DELETE FILE.
    Delete(FilePath),
    /// LIST FILES.
    List(FilePath),
    /// VERIFY.
    Verify(Role),
    /// VERIFY without data, or whatever else tells the tries left.
    ReadTries(Role),
    /// CHANGE REFERENCE DATA.
    Change(Role),
    /// Setting a passcode where there was none.
    Define(Role),
    /// RESET RETRY COUNTER.
    Unblock,
    /// LOG OUT.
    LogOut,
    /// MANAGE SECURITY ENVIRONMENT.
    ChooseKey(KeyId),
    /// PERFORM SECURITY OPERATION, signature.
    Sign(KeyId),
    /// PERFORM SECURITY OPERATION, decipher.
    Decipher(KeyId),
    /// GENERATE ASYMMETRIC KEY PAIR.
    Generate(KeyId),
    /// Writing a private key made elsewhere.
    Import(KeyId),
    /// Reading the public half of a key.
    ReadPublicKey(KeyId),
    /// Deleting a key.
    DeleteKey(KeyId),
    /// Writing a certificate.
    WriteCertificate(KeyId),
    /// Deleting a certificate.
    DeleteCertificate(KeyId),
    /// Creating the file structure on a blank card.
    Initialise,
    /// Deleting all keys, certificates and data.
    Clear,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SelectApplet(applet) => write!(f, "select the {applet} application"),
            Self::ReadChallenge => f.write_str("get random bytes from the card"),
            Self::ReadPolicy(role) => write!(f, "read the rules of the {role}"),
            Self::ReadSerial => f.write_str("read the card's serial"),
            Self::Select(path) => write!(f, "select file {path}"),
            Self::Read(path) => write!(f, "read file {path}"),
            Self::Update(path) => write!(f, "write file {path}"),
            Self::ReadRecord(path, number) => write!(f, "read record {number} of file {path}"),
            Self::AppendRecord(path) => write!(f, "append a record to file {path}"),
            Self::UpdateRecord(path, number) => write!(f, "write record {number} of file {path}"),
            Self::DeleteRecord(path, number) => write!(f, "delete record {number} of file {path}"),
            Self::Create(path) => write!(f, "create file {path}"),
            Self::Delete(path) => write!(f, "delete file {path}"),
            Self::List(path) => write!(f, "list the files of {path}"),
            Self::Verify(role) => write!(f, "verify the {role}"),
            Self::ReadTries(role) => write!(f, "read the tries left for the {role}"),
            Self::Change(role) => write!(f, "change the {role}"),
            Self::Define(role) => write!(f, "set the {role}"),
            Self::Unblock => f.write_str("unlock the card with a new passcode"),
            Self::LogOut => f.write_str("log out"),
            Self::ChooseKey(key) => write!(f, "choose {key}"),
            Self::Sign(key) => write!(f, "sign with {key}"),
            Self::Decipher(key) => write!(f, "decipher with {key}"),
            Self::Generate(key) => write!(f, "generate {key}"),
            Self::Import(key) => write!(f, "import {key}"),
            Self::ReadPublicKey(key) => write!(f, "read the public half of {key}"),
            Self::DeleteKey(key) => write!(f, "delete {key}"),
            Self::WriteCertificate(key) => write!(f, "write the certificate of {key}"),
            Self::DeleteCertificate(key) => write!(f, "delete the certificate of {key}"),
            Self::Initialise => f.write_str("initialise the card"),
            Self::Clear => f.write_str("clear the card"),
        }
    }
}

/// Why something asked of an AuthentIC card was not done.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum AuthenticError {
    /// No whole answer came.
    #[error("failed to {action}: {source}")]
    Channel {
        /// What was being done.
        action: Action,
        /// What happened on the way.
        source: ChannelError,
    },
    /// The card does not have the application.
    #[error("the card has no {applet} application: it answered {status}")]
    NoApplet {
        /// The application asked for.
        applet: Applet,
        /// The card's answer.
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
    /// There is no such file, record or object.
    #[error("failed to {action}: the card has no such file or object, it answered {status}")]
    NotFound {
        /// What was being done.
        action: Action,
        /// The card's answer.
        status: StatusWord,
    },
    /// The access conditions are not met.
    #[error("failed to {action}: access denied, the card answered {status}{}", condition(needs.as_deref()))]
    AccessDenied {
        /// What was being done.
        action: Action,
        /// The card's answer.
        status: StatusWord,
        /// The access condition in words, where the file told it.
        needs: Option<String>,
    },
    /// The passcode is not the card's.
    #[error("failed to {action}: wrong {role}, {}", tries(*tries_left))]
    WrongPasscode {
        /// What was being done.
        action: Action,
        /// Whose it is.
        role: Role,
        /// Tries left, if the card counts them. 0 means blocked from now on.
        tries_left: Option<u8>,
    },
    /// No tries left.
    #[error("failed to {action}: the {role} is blocked")]
    Blocked {
        /// What was being done.
        action: Action,
        /// Whose it is.
        role: Role,
    },
    /// One try is left and the caller did not say to spend it. Nothing was sent.
    #[error("did not {action}: only one try is left for the {role}, nothing was sent")]
    LastTryRefused {
        /// What was to be done.
        action: Action,
        /// Whose it is.
        role: Role,
    },
    /// The card has no such passcode yet.
    #[error("failed to {action}: the card has no {role} yet")]
    PasscodeAbsent {
        /// What was being done.
        action: Action,
        /// Whose it is.
        role: Role,
    },
    /// The card has no file structure.
    #[error("failed to {action}: the card is blank, it has no file structure")]
    NotInitialised {
        /// What was being done.
        action: Action,
    },
    /// The card has a file structure already.
    #[error("failed to {action}: the card has a file structure already, `{present}`")]
    AlreadyInitialised {
        /// What was being done.
        action: Action,
        /// A file that is there.
        present: FilePath,
    },
    /// What a file holds cannot be used.
    #[error("file {path} is malformed: {detail}")]
    MalformedFile {
        /// The file.
        path: FilePath,
        /// Expected and actual.
        detail: String,
    },
    /// The card's answer has not the form it must have.
    #[error("failed to {action}: the card's answer is malformed: {detail}")]
    MalformedAnswer {
        /// What was being done.
        action: Action,
        /// Expected and actual.
        detail: String,
    },
    /// Two readings of the same thing differ.
    #[error("failed to {action}: the card changes its mind about {what}: two readings differ")]
    ChangedItsMind {
        /// What was being done.
        action: Action,
        /// What was read twice.
        what: String,
    },
    /// A file holds less than its size says.
    #[error("file {path} is shorter than the card says: {actual} bytes of {stated}")]
    ShortFile {
        /// The file.
        path: FilePath,
        /// Bytes the card says it has.
        stated: usize,
        /// Bytes that could be read.
        actual: usize,
    },
    /// No room on the card, or in one of its files.
    #[error("failed to {action}: no room: {detail}")]
    NoRoom {
        /// What was being done.
        action: Action,
        /// Where room is missing.
        detail: String,
    },
    /// There is a key in that place already.
    #[error("failed to {action}: the card has {key} already")]
    KeyExists {
        /// What was being done.
        action: Action,
        /// The key.
        key: KeyId,
    },
    /// There is no such key.
    #[error("failed to {action}: the card has no {key}")]
    KeyAbsent {
        /// What was being done.
        action: Action,
        /// The key.
        key: KeyId,
    },
    /// What was to be written is no certificate, or not one of that key.
    #[error("did not {action}: {detail}")]
    NoCertificate {
        /// What was to be done.
        action: Action,
        /// Why not.
        detail: String,
    },
    /// The caller asked for something that cannot be sent. Nothing was sent.
    #[error("cannot {action}: {detail}")]
    Impossible {
        /// What was to be done.
        action: Action,
        /// Expected and actual.
        detail: String,
    },
}

impl AuthenticError {
    /// What the status word of a command without success means: no such file or object, no room,
    /// access denied, or another refusal.
    #[must_use]
    pub fn from_status(action: Action, status: StatusWord) -> Self {
        match status.0 {
            0x6A82 | 0x6A83 | 0x6A88 => Self::NotFound { action, status },
            0x6982 => Self::AccessDenied {
                action,
                status,
                needs: None,
            },
            0x6A84 => Self::NoRoom {
                action,
                detail: format!("the card answered {status}"),
            },
            _ => Self::Refused { action, status },
        }
    }

    /// What the status word of a command with a passcode means.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::WrongPasscode`], [`AuthenticError::Blocked`],
    /// [`AuthenticError::PasscodeAbsent`], and what [`AuthenticError::from_status`] makes of the
    /// others.
    pub fn verified(action: Action, role: Role, status: StatusWord) -> Result<(), Self> {
        match (status, status.tries_left()) {
            (StatusWord::OK, _) => Ok(()),
            (StatusWord::BLOCKED, _) => Err(Self::Blocked { action, role }),
            (StatusWord::REFERENCE_NOT_FOUND, _) => Err(Self::PasscodeAbsent { action, role }),
            (StatusWord::VERIFICATION_FAILED, tries_left) | (_, tries_left @ Some(_)) => {
                Err(Self::WrongPasscode {
                    action,
                    role,
                    tries_left,
                })
            }
            _ => Err(Self::from_status(action, status)),
        }
    }

    /// The same with the access condition that was not met, in words.
    #[must_use]
    pub fn needing(self, condition: impl fmt::Display) -> Self {
        match self {
            Self::AccessDenied { action, status, .. } => Self::AccessDenied {
                action,
                status,
                needs: Some(condition.to_string()),
            },
            other => other,
        }
    }

    /// The card's status word, if it gave one that is an error.
    #[must_use]
    pub fn status(&self) -> Option<StatusWord> {
        match self {
            Self::NoApplet { status, .. }
            | Self::Refused { status, .. }
            | Self::NotFound { status, .. }
            | Self::AccessDenied { status, .. } => Some(*status),
            Self::WrongPasscode { tries_left, .. } => Some(match tries_left {
                Some(tries) => StatusWord::tries_left_word(*tries),
                None => StatusWord::VERIFICATION_FAILED,
            }),
            Self::Blocked { .. } => Some(StatusWord::BLOCKED),
            _ => None,
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

impl Blamed for AuthenticError {
    fn blame(&self) -> Blame {
        match self {
            Self::Channel { source, .. } => source.blame(),
            Self::NoApplet { .. }
            | Self::WrongPasscode { .. }
            | Self::Blocked { .. }
            | Self::LastTryRefused { .. }
            | Self::PasscodeAbsent { .. }
            | Self::NotInitialised { .. }
            | Self::AlreadyInitialised { .. }
            | Self::KeyExists { .. }
            | Self::KeyAbsent { .. }
            | Self::NoCertificate { .. }
            | Self::Impossible { .. } => Blame::OperatorMistake,
            Self::Refused { .. }
            | Self::NotFound { .. }
            | Self::AccessDenied { .. }
            | Self::MalformedFile { .. }
            | Self::MalformedAnswer { .. }
            | Self::ChangedItsMind { .. }
            | Self::ShortFile { .. }
            | Self::NoRoom { .. } => Blame::CardMisbehaved,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Channel { source, .. } => return source.hint(),
            Self::NoApplet { .. } => "check that this is a card of series 8",
            Self::WrongPasscode {
                role: Role::Officer,
                tries_left: Some(0),
                ..
            }
            | Self::Blocked {
                role: Role::Officer,
                ..
            } => "the card cannot be unlocked any more; it has to be replaced",
            Self::WrongPasscode {
                tries_left: Some(0),
                ..
            }
            | Self::Blocked { .. } => {
                "unlock the card with the security officer's passcode and a new passcode"
            }
            Self::WrongPasscode {
                role: Role::Officer,
                ..
            } => "check that the security officer's passcode was fetched for this very card",
            Self::WrongPasscode { .. } => "ask the holder before trying again",
            Self::LastTryRefused {
                role: Role::Officer,
                ..
            } => {
                "make sure that the security officer's passcode is this card's, then say that the \
                 last try may be spent; a wrong one makes the card useless"
            }
            Self::LastTryRefused { .. } => {
                "let the holder make sure of the passcode, then say that the last try may be \
                 spent; a wrong one blocks it"
            }
            Self::PasscodeAbsent { .. } | Self::NotInitialised { .. } => {
                "initialise the card and set its passcode first"
            }
            Self::AlreadyInitialised { .. } => {
                "clear a card that is used again instead of initialising it"
            }
            Self::AccessDenied { .. } => "verify the passcode that the access condition names",
            Self::NotFound { .. } => "this card was not made with that file or object",
            Self::MalformedFile { .. } | Self::MalformedAnswer { .. } => {
                "set the card aside and keep the transcript"
            }
            Self::ChangedItsMind { .. } => {
                "take the card out of the reader and put it back; if it happens again, set the \
                 card aside and keep the transcript"
            }
            Self::ShortFile { .. } => {
                "clean the contacts and read again; if it stays short, replace the card"
            }
            Self::NoRoom { .. } => "delete what is not needed on the card, or use another one",
            Self::KeyExists { .. } => "delete the key first, if it is not needed any more",
            Self::KeyAbsent { .. } => "generate or import the key first",
            Self::NoCertificate { .. } => "ask the authority for the certificate again",
            Self::Refused { status, .. } => return refusal_hint(*status),
            Self::Impossible { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

fn refusal_hint(status: StatusWord) -> Option<String> {
    let hint = match status {
        StatusWord::CONDITIONS_NOT_SATISFIED | StatusWord::COMMAND_NOT_ALLOWED => {
            "the key or file may be in a state in which this is not allowed"
        }
        StatusWord::FUNCTION_NOT_SUPPORTED
        | StatusWord::INSTRUCTION_NOT_SUPPORTED
        | StatusWord::CLASS_NOT_SUPPORTED => {
            "this card does not offer that command; it may have the other AuthentIC version"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn condition(condition: Option<&str>) -> String {
    condition.map_or_else(String::new, |condition| format!("; it needs {condition}"))
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
    fn a_denied_access_says_what_it_needs() {
        let path = FilePath::below_master(&[0x5011, 0x5000]);
        let error = AuthenticError::from_status(
            Action::Update(path),
            StatusWord::SECURITY_STATUS_NOT_SATISFIED,
        )
        .needing("the holder's passcode");
        assert_eq!(
            error.to_string(),
            "failed to write file 3F00/5011/5000: access denied, the card answered 6982 (security \
             status not satisfied); it needs the holder's passcode"
        );
        assert_eq!(error.blame(), Blame::CardMisbehaved);
    }

    #[test]
    fn a_wrong_officer_passcode_says_how_many_tries_are_left() {
        let error = AuthenticError::verified(
            Action::Verify(Role::Officer),
            Role::Officer,
            StatusWord(0x63C2),
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "failed to verify the security officer's passcode: wrong security officer's passcode, \
             2 tries left"
        );
        assert_eq!(error.status(), Some(StatusWord(0x63C2)));
        assert_eq!(error.blame(), Blame::OperatorMistake);
    }
}
