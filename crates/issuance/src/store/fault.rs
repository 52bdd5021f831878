use std::path::PathBuf;

use ground::{Blame, Blamed};
use thiserror::Error;

use super::{BlankNumber, CardId, OutOfOrder};
use crate::request::{RequestId, UserId};

/// Why the journal did not take something.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The journal cannot be kept.
    #[error(transparent)]
    Fault(#[from] StoreFault),
    /// The journal can be kept, and what it holds forbids this.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Blamed for StoreError {
    fn blame(&self) -> Blame {
        match self {
            Self::Fault(fault) => fault.blame(),
            Self::Refused(refusal) => refusal.blame(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Fault(fault) => fault.hint(),
            Self::Refused(refusal) => refusal.hint(),
        }
    }
}

/// The journal cannot be read or written.
#[derive(Debug, Error)]
#[error("journal `{path}`: {kind}")]
pub struct StoreFault {
    /// The journal's file.
    pub path: PathBuf,
    /// What is wrong.
    pub kind: FaultKind,
}

/// What is wrong with a journal.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// No room left.
    #[error("the disk is full")]
    DiskFull,
    /// The file or its folder cannot be written.
    #[error("the file is read-only")]
    ReadOnly,
    /// Another program holds it.
    #[error("the file is in use by another program")]
    Locked,
    /// The file is something else.
    #[error("the file is no database")]
    NotADatabase,
    /// The file is a database of something else.
    #[error("the file is a database, but no journal of cardwright")]
    NotAJournal,
    /// Written by a newer version.
    #[error("the journal has schema version {found}, this program knows versions up to {known}")]
    NewerSchema {
        /// The version found.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// The file is missing or its folder is.
    #[error("the file cannot be opened: {detail}")]
    CannotOpen {
        /// The database's words.
        detail: String,
    },
    /// The content contradicts itself.
    #[error("the content is damaged: {detail}")]
    Damaged {
        /// What was found.
        detail: String,
    },
    /// Anything else.
    #[error("{detail}")]
    Other {
        /// The database's words.
        detail: String,
    },
}

impl Blamed for StoreFault {
    fn blame(&self) -> Blame {
        Blame::StoreFault
    }

    fn hint(&self) -> Option<String> {
        let hint = match &self.kind {
            FaultKind::DiskFull => "free some space on the disk and start again",
            FaultKind::ReadOnly => "check the permissions of the file and of its folder",
            FaultKind::Locked => "end the other program that uses the journal and start again",
            FaultKind::NotADatabase | FaultKind::NotAJournal => {
                "name the right data directory, or an empty one to begin a new journal"
            }
            FaultKind::NewerSchema { .. } => "use the newer program that wrote the journal",
            FaultKind::CannotOpen { .. } => "check that the folder exists and can be written",
            FaultKind::Damaged { .. } => {
                "keep the file as it is and go on with a copy of the last good backup"
            }
            FaultKind::Other { .. } => {
                "check the disk the journal is on and the room left there, and start again"
            }
        };
        Some(hint.to_owned())
    }
}

/// What the journal forbids.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// A person gets one card.
    #[error(
        "user {user} has a live card already: card {card}{} for request `{request}`",
        of_blank(blank.as_ref())
    )]
    AlreadyIssued {
        /// The person.
        user: UserId,
        /// The card they have.
        card: CardId,
        /// The request it was issued for.
        request: RequestId,
        /// The blank it is made of, if that is known yet.
        blank: Option<BlankNumber>,
    },
    /// A reference stands for one request.
    #[error("request `{request}` is recorded with another {field}: `{recorded}`, now `{now}`")]
    RequestChanged {
        /// The reference.
        request: RequestId,
        /// What differs.
        field: &'static str,
        /// As recorded.
        recorded: String,
        /// As given now.
        now: String,
    },
    /// No such request.
    #[error("request `{request}` is not in the journal")]
    UnknownRequest {
        /// The reference.
        request: RequestId,
    },
    /// No such card.
    #[error("card {card} is not in the journal")]
    UnknownCard {
        /// The number.
        card: CardId,
    },
    /// The blank is accounted for as unusable.
    #[error("blank {blank} is spoiled: {reason}")]
    BlankSpoiled {
        /// Its number.
        blank: BlankNumber,
        /// Why.
        reason: String,
    },
    /// The blank is somebody's card.
    #[error("blank {blank} is card {card} already, made for request `{request}`")]
    BlankInUse {
        /// Its number.
        blank: BlankNumber,
        /// The card.
        card: CardId,
        /// The request.
        request: RequestId,
    },
    /// The card's state does not allow it.
    #[error("card {card}: {source}")]
    OutOfOrder {
        /// The card.
        card: CardId,
        /// What cannot follow what.
        source: OutOfOrder,
    },
}

impl Blamed for Refusal {
    fn blame(&self) -> Blame {
        match self {
            Self::OutOfOrder { .. } | Self::UnknownCard { .. } => Blame::StoreFault,
            _ => Blame::OperatorMistake,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::AlreadyIssued { .. } => "cancel that card first if this person needs another",
            Self::RequestChanged { .. } => "give a changed request a new reference",
            Self::BlankSpoiled { .. } => "take the card out of the stock and destroy it",
            Self::BlankInUse { .. } => "take the card out of the stock: it is not a blank",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn of_blank(blank: Option<&BlankNumber>) -> String {
    blank.map_or_else(String::new, |blank| format!(" (blank {blank})"))
}
