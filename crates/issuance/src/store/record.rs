use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use series::Slot;

use super::{CardState, Step};
use crate::request::{Request, RequestId, UserId};

/// The number of a card in the journal.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct CardId(pub i64);

impl fmt::Display for CardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number by which a blank is accounted for: the serial number its chip reports, in upper-case
/// hexadecimal.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct BlankNumber(String);

impl BlankNumber {
    /// From the bytes the chip reports.
    #[must_use]
    pub fn new(serial: &[u8]) -> Self {
        Self(hex::encode_upper(serial))
    }

    /// From the text form; `None` if it is not hexadecimal.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        hex::decode(text).ok().map(|serial| Self::new(&serial))
    }

    /// The number as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The bytes the chip reports.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        hex::decode(&self.0).expect("the text is hexadecimal by construction")
    }
}

impl fmt::Display for BlankNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A request as it stands in the journal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RequestRecord {
    /// What was asked for.
    pub request: Request,
    /// When it was recorded.
    pub received: Timestamp,
}

/// A card as it stands in the journal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CardRecord {
    /// Its number in the journal.
    pub id: CardId,
    /// The request it is for.
    pub request: RequestId,
    /// The person it is for.
    pub user: UserId,
    /// The station that makes it.
    pub station: String,
    /// The blank it is made of, once its chip has been read.
    pub blank: Option<BlankNumber>,
    /// When it was opened.
    pub opened: Timestamp,
    /// What was done, in order.
    pub steps: Vec<Step>,
    /// What it is now.
    pub state: CardState,
}

/// A blank as it stands in the journal.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Blank {
    /// Its number.
    pub number: BlankNumber,
    /// The series it was identified as.
    pub series: String,
    /// When its chip was first read.
    pub seen: Timestamp,
    /// What became of it.
    pub state: BlankState,
}

/// What became of a blank.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum BlankState {
    /// Nothing yet.
    Free,
    /// It is, or is being made, somebody's card.
    Bound {
        /// The card.
        card: CardId,
    },
    /// It cannot be used.
    Spoiled {
        /// Why.
        reason: String,
    },
}

/// A certificate of a card.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertificateRecord {
    /// What its key is for.
    pub slot: Slot,
    /// Its serial number in upper-case hexadecimal.
    pub serial: String,
    /// When it expires.
    pub not_after: Timestamp,
    /// The certificate in DER.
    pub der: Vec<u8>,
}
