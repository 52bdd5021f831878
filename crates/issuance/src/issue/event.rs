use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use series::Slot;

use super::CardFailure;
use crate::request::RequestId;
use crate::store::{BlankNumber, CardId, Handover, StepKind};

/// What happens while cards are issued, for whoever shows it. In JSON every event has its name in
/// `event`; nothing in it is secret.
#[derive(Debug, Serialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    tag = "event"
)]
pub enum IssueEvent<'a> {
    /// A request is taken up.
    RequestBegun {
        /// The request.
        #[serde(serialize_with = "text")]
        request: &'a RequestId,
        /// Its place in the batch, from 1.
        number: usize,
        /// Requests in the batch.
        of: usize,
    },
    /// Something to look at that prevents nothing.
    Warning {
        /// The request.
        #[serde(serialize_with = "text")]
        request: &'a RequestId,
        /// In words.
        message: String,
    },
    /// A step is about to be done.
    StepBegun {
        /// The request.
        #[serde(serialize_with = "text")]
        request: &'a RequestId,
        /// The card.
        card: CardId,
        /// The step.
        step: StepKind,
        /// Its place in the order, from 1.
        number: usize,
        /// Steps a card takes.
        of: usize,
    },
    /// A step is done.
    StepDone {
        /// The request.
        #[serde(serialize_with = "text")]
        request: &'a RequestId,
        /// The card.
        card: CardId,
        /// The step.
        step: StepKind,
        /// What is worth knowing, may be empty.
        detail: &'a str,
        /// How long it took.
        #[serde(rename = "took-ms", serialize_with = "milliseconds")]
        took: Duration,
    },
    /// A card is issued.
    Issued(&'a IssuedCard),
    /// The person has had the card for this request since an earlier run; nothing was done.
    AlreadyIssued(&'a IssuedCard),
    /// A request was not fulfilled; it is open still.
    Failed(&'a CardFailure),
    /// A card an earlier run left unfinished was dealt with.
    Recovered(&'a Recovered),
}

/// Told everything that happens.
pub trait Observer {
    /// Takes note of one event.
    fn event(&mut self, event: &IssueEvent<'_>);
}

impl<F: FnMut(&IssueEvent<'_>)> Observer for F {
    fn event(&mut self, event: &IssueEvent<'_>) {
        self(event);
    }
}

/// A card that is issued.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct IssuedCard {
    /// The request it was made for.
    #[serde(serialize_with = "text")]
    pub request: RequestId,
    /// Its number in the journal.
    pub card: CardId,
    /// The blank it was made of.
    pub blank: BlankNumber,
    /// The id of its series' profile.
    pub series: String,
    /// Its certificates.
    pub certificates: Vec<IssuedCertificate>,
    /// What became of it.
    pub handover: Handover,
    /// From the first motion to the last.
    #[serde(rename = "took-ms", serialize_with = "milliseconds")]
    pub took: Duration,
    /// The picture of its face; none at a station that does not print.
    pub face: Option<PathBuf>,
    /// The transcript of its session.
    pub transcript: PathBuf,
}

/// A certificate of an issued card.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct IssuedCertificate {
    /// What its key is for.
    pub slot: Slot,
    /// Its serial number in upper-case hexadecimal.
    pub serial: String,
    /// When it expires.
    pub not_after: Timestamp,
}

/// What was done about a card an earlier run left unfinished.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Recovered {
    /// The request; open again unless the card could be finished.
    #[serde(serialize_with = "text")]
    pub request: RequestId,
    /// The card.
    pub card: CardId,
    /// The blank, if its chip had been read.
    pub blank: Option<BlankNumber>,
    /// What the journal said.
    pub found: String,
    /// What it says now.
    pub now: String,
    /// Where the plastic is.
    pub whereabouts: String,
}

pub(super) fn text<S: serde::Serializer>(
    value: impl std::fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&value)
}

fn milliseconds<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
}
