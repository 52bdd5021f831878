use std::io;
use std::path::PathBuf;

use authentic::AuthenticError;
use face::{FaceError, FaceMismatch, PhotoError};
use globalplatform::GlobalPlatformError;
use globalplatform::management::ManagementError;
use globalplatform::scp03::Scp03Error;
use ground::{Blame, Blamed};
use iso7816::{LinkError, StatusWord};
use piv::PivError;
use printers::PrinterError;
use serde::Serialize;
use series::{IdentifyError, PasscodeProblem};
use thiserror::Error;

use super::event::text;
use super::read_back::ReadBackError;
use crate::authority::AuthorityError;
use crate::keys::KeyRingError;
use crate::request::RequestId;
use crate::store::{BlankNumber, CardId, Refusal, StepKind, StoreError};

/// A request that was not fulfilled. It is open still.
#[derive(Debug, Error, Serialize)]
#[error("request `{request}`: {}{}failed: {error}; {outcome}", shown(*step), of(blank.as_ref()))]
#[serde(rename_all = "kebab-case")]
pub struct CardFailure {
    /// The request.
    #[serde(serialize_with = "text")]
    pub request: RequestId,
    /// The card in the journal, if one was opened.
    pub card: Option<CardId>,
    /// The blank, if its chip was read.
    pub blank: Option<BlankNumber>,
    /// What was being done; `None` before the first step.
    pub step: Option<StepKind>,
    /// What happened.
    #[serde(serialize_with = "text")]
    pub error: IssueError,
    /// What became of the blank, in words.
    pub outcome: String,
    /// What else went wrong while the card was put away.
    pub notes: Vec<String>,
}

impl CardFailure {
    /// Whether the next request would fare no better: the fault is not in this card or request.
    #[must_use]
    pub fn stops_batch(&self) -> bool {
        if !self.notes.is_empty() {
            return true;
        }
        match self.error.blame() {
            // Before anything moved it is this request that is at fault; later, wrong blanks.
            Blame::OperatorMistake => self.step.is_some(),
            Blame::CardMisbehaved => false,
            _ => true,
        }
    }
}

impl Blamed for CardFailure {
    fn blame(&self) -> Blame {
        self.error.blame()
    }

    fn hint(&self) -> Option<String> {
        // What helps a holder does not help a blank: nobody knows its passcode but the supplier.
        if self.step == Some(StepKind::SetPasscodes)
            && let IssueError::Piv(PivError::WrongPasscode { .. } | PivError::Blocked { .. }) =
                self.error
        {
            return Some(
                "set this blank aside: its transport values are not those of the key ring; \
                 start again to use the next one"
                    .to_owned(),
            );
        }
        self.error.hint()
    }
}

fn shown(step: Option<StepKind>) -> String {
    step.map_or_else(|| "preparing ".to_owned(), |step| format!("{step} "))
}

fn of(blank: Option<&BlankNumber>) -> String {
    blank.map_or_else(String::new, |blank| format!("(blank {blank}) "))
}

/// What can go wrong on the way of one card.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The printer.
    #[error(transparent)]
    Printer(#[from] PrinterError),
    /// The encoder.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Identifying the series.
    #[error(transparent)]
    Identify(#[from] IdentifyError),
    /// The PIV application.
    #[error(transparent)]
    Piv(#[from] PivError),
    /// The AuthentIC application.
    #[error(transparent)]
    Authentic(#[from] AuthenticError),
    /// The journal.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key ring.
    #[error(transparent)]
    Keys(#[from] KeyRingError),
    /// The authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// Reading the card back.
    #[error(transparent)]
    ReadBack(#[from] ReadBackError),
    /// The face cannot be drawn.
    #[error(transparent)]
    Face(#[from] FaceError),
    /// The photo cannot be used.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// The printed face is not what was meant.
    #[error(transparent)]
    Mismatch(#[from] FaceMismatch),
    /// What was printed cannot be looked at.
    #[error("what was printed cannot be looked at: {0}")]
    Witness(io::Error),
    /// There is no passcode for the card.
    #[error("there is no passcode for this card: {0}")]
    NoPasscode(String),
    /// The passcode is not allowed for the series.
    #[error("the passcode cannot be used: {0}")]
    Passcode(PasscodeProblem),
    /// The profile forbids to issue the series.
    #[error(transparent)]
    Series(#[from] series::Refusal),
    /// The card is of no series that may be issued here.
    #[error("the card is {found}, expected {expected}")]
    WrongSeries {
        /// What it is taken for.
        found: String,
        /// What was asked for.
        expected: String,
    },
    /// A card is in the encoder that the printer has not put there.
    #[error("a card is in encoder `{encoder}` before the printer has fed one")]
    EncoderOccupied {
        /// The encoder.
        encoder: String,
    },
    /// The chip reports no number to account for it by.
    #[error("the chip reports no serial number (production life cycle data, tag `9F7F`)")]
    NoNumber,
    /// Somebody's card.
    #[error("the card is no blank: it holds {what}")]
    NotABlank {
        /// What was found.
        what: String,
    },
    /// The transport key does not open the blank.
    #[error("the blank does not take the transport key for `{series}`: it answered {status}")]
    TransportKey {
        /// The series.
        series: String,
        /// The card's answer.
        status: StatusWord,
    },
    /// The officer's passcode of the stock does not open the blank.
    #[error(
        "the blank does not take the officer's passcode of the stock for `{series}`; one of its tries is spent"
    )]
    TransportOfficer {
        /// The series.
        series: String,
    },
    /// The card manager's production data.
    #[error(transparent)]
    GlobalPlatform(#[from] GlobalPlatformError),
    /// The profile needs a card manager and none can be selected.
    #[error("the card has no card manager that can be selected, which the profile needs")]
    NoCardManager,
    /// The blank opens no secure channel with the transport keys.
    #[error("no secure channel to the card manager of the blank for `{series}`: {source}")]
    ManagerChannel {
        /// The series.
        series: String,
        /// Why not.
        source: Scp03Error,
    },
    /// A command of the card manager.
    #[error(transparent)]
    Management(#[from] ManagementError),
    /// The card does not show the serial number it was given.
    #[error("the card shows {actual} after {expected} was written")]
    SerialNotKept {
        /// What was written.
        expected: String,
        /// What is there.
        actual: String,
    },
    /// The certificate is not for the key on the card.
    #[error("the authority's certificate holds another key than the card generated")]
    OtherKey,
    /// Something that belongs together cannot be put together.
    #[error("failed to prepare {what}: {detail}")]
    Prepare {
        /// What.
        what: &'static str,
        /// Why.
        detail: String,
    },
    /// A file of the data directory cannot be written.
    #[error("`{path}`: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The transcript is incomplete.
    #[error("the transcript could not be written: {0}")]
    Transcript(#[from] iso7816::transcript::TranscriptWriteError),
}

impl IssueError {
    /// Whether it says that the person has a live card already.
    #[must_use]
    pub fn is_already_issued(&self) -> bool {
        matches!(
            self,
            Self::Store(StoreError::Refused(Refusal::AlreadyIssued { .. }))
        )
    }
}

impl Blamed for IssueError {
    fn blame(&self) -> Blame {
        match self {
            Self::Printer(error) => error.blame(),
            Self::Link(error) => error.blame(),
            Self::Identify(error) => error.blame(),
            Self::Piv(error) => error.blame(),
            Self::Authentic(error) => error.blame(),
            Self::Store(error) => error.blame(),
            Self::Keys(error) => error.blame(),
            Self::Authority(error) => error.blame(),
            Self::ReadBack(error) => error.blame(),
            Self::Mismatch(error) => error.blame(),
            Self::Series(error) => error.blame(),
            Self::Face(_)
            | Self::Photo(_)
            | Self::NoPasscode(_)
            | Self::Passcode(_)
            | Self::WrongSeries { .. }
            | Self::EncoderOccupied { .. }
            | Self::NotABlank { .. }
            | Self::TransportKey { .. }
            | Self::TransportOfficer { .. }
            | Self::Prepare { .. } => Blame::OperatorMistake,
            Self::GlobalPlatform(error) => error.blame(),
            Self::ManagerChannel { source, .. } => source.blame(),
            Self::Management(error) => error.blame(),
            Self::NoNumber | Self::NoCardManager | Self::SerialNotKept { .. } => {
                Blame::CardMisbehaved
            }
            Self::OtherKey => Blame::AuthorityFault,
            Self::Witness(_) => Blame::PrinterFault,
            Self::File { .. } | Self::Transcript(_) => Blame::StoreFault,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Printer(error) => return error.hint(),
            Self::Link(error) => return error.hint(),
            Self::Identify(error) => return error.hint(),
            Self::Piv(error) => return error.hint(),
            Self::Authentic(error) => return error.hint(),
            Self::Store(error) => return error.hint(),
            Self::Keys(error) => return error.hint(),
            Self::Authority(error) => return error.hint(),
            Self::ReadBack(error) => return error.hint(),
            Self::Face(error) => return error.hint(),
            Self::Photo(error) => return error.hint(),
            Self::Mismatch(error) => return error.hint(),
            Self::Series(error) => return error.hint(),
            Self::WrongSeries { .. } => "load blanks of the series the requests ask for",
            Self::NotABlank { .. } => "take the card out of the stock: somebody may be missing it",
            Self::TransportKey { .. } => {
                "compare the supplier's transport values with the key ring; the blank is not harmed"
            }
            Self::TransportOfficer { .. } => {
                "set this blank aside and compare the supplier's transport values with the key \
                 ring before the next one"
            }
            Self::EncoderOccupied { .. } => {
                "take the card out; if the reader is empty, the station file names the wrong reader"
            }
            Self::GlobalPlatform(error) => return error.hint(),
            Self::Management(error) => return error.hint(),
            Self::ManagerChannel {
                source: Scp03Error::WrongKeys { .. } | Scp03Error::WrongChallenge { .. },
                ..
            } => {
                "compare the supplier's keys of the card manager with the key ring; the blank is \
                 not harmed and has lost no try"
            }
            Self::ManagerChannel {
                source:
                    Scp03Error::Refused { .. }
                    | Scp03Error::Protocol { .. }
                    | Scp03Error::OtherMode { .. }
                    | Scp03Error::OtherVersion { .. }
                    | Scp03Error::LevelNotOffered { .. },
                ..
            } => "compare what the supplier says of the card manager with the profile",
            Self::ManagerChannel { source, .. } => return source.hint(),
            Self::NoCardManager => {
                "check the profile: it uses a card manager that this card does not show"
            }
            Self::NoNumber | Self::SerialNotKept { .. } => "set this blank aside and use another",
            Self::NoPasscode(_) => {
                "add the passcode of this request and start again; what is issued stays as it is"
            }
            Self::Passcode(_) => "give a passcode of 6 to 8 digits",
            Self::File { .. } | Self::Transcript(_) => {
                "check the room on the disk and the permissions of the data directory"
            }
            Self::Witness(_) | Self::OtherKey | Self::Prepare { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
