//! The journal: what was meant to be done to a card, and what came of it.
//!
//! Everything physical is recorded twice: the intent before, the outcome after, each durable
//! before the next thing happens. What a card is now is never stored but folded from its steps
//! ([`CardState::fold`]), the same for every backend. [`SqliteStore`] keeps the journal in one
//! file.

#[cfg(test)]
mod contract;
mod fault;
mod record;
mod sqlite;
mod state;
mod step;

use jiff::Timestamp;

pub use fault::{FaultKind, Refusal, StoreError, StoreFault};
pub use record::{
    Blank, BlankNumber, BlankState, CardId, CardRecord, CertificateRecord, RequestRecord,
};
pub use sqlite::SqliteStore;
pub use state::{CardState, OutOfOrder};
pub use step::{Failure, Handover, Outcome, Step, StepKind};

use crate::request::{Request, RequestId};

/// Where the journal is kept.
///
/// Every method is one transaction, durable when it returns. An implementation adds no rules of
/// its own: what may follow what is decided by [`CardState`], who may have a card by the
/// refusals named here.
pub trait Store: Send {
    /// Records a request, or finds that it is recorded already.
    ///
    /// # Errors
    ///
    /// [`Refusal::RequestChanged`] when the reference stands for another person or content.
    fn register(&mut self, request: &Request, at: Timestamp) -> Result<(), StoreError>;

    /// Opens a card for a request: from here on the person has a card in the making.
    ///
    /// # Errors
    ///
    /// [`Refusal::AlreadyIssued`] when the person has a live card, finished or not;
    /// [`Refusal::UnknownRequest`].
    fn open_card(
        &mut self,
        request: &RequestId,
        station: &str,
        at: Timestamp,
    ) -> Result<CardId, StoreError>;

    /// Ties a card to the blank it is made of, once its chip has been read.
    ///
    /// # Errors
    ///
    /// [`Refusal::BlankSpoiled`] and [`Refusal::BlankInUse`]; [`Refusal::OutOfOrder`] when the
    /// card has a blank already.
    fn bind_blank(
        &mut self,
        card: CardId,
        blank: &BlankNumber,
        series: &str,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Records that a step is about to be done.
    ///
    /// # Errors
    ///
    /// [`Refusal::OutOfOrder`] when the card's state does not allow it.
    fn intend(&mut self, card: CardId, kind: StepKind, at: Timestamp) -> Result<(), StoreError>;

    /// Records what came of the step intended last, and returns the card's state.
    ///
    /// # Errors
    ///
    /// [`Refusal::OutOfOrder`] when no step is under way.
    fn conclude(
        &mut self,
        card: CardId,
        outcome: &Outcome,
        at: Timestamp,
    ) -> Result<CardState, StoreError>;

    /// Ends a card that will not be issued: its blank is spoiled if anything was done to it that
    /// cannot be taken back, and free again otherwise. The person's request is open again.
    ///
    /// # Errors
    ///
    /// [`Refusal::OutOfOrder`] when the card has ended or is issued.
    fn abandon(
        &mut self,
        card: CardId,
        reason: &str,
        at: Timestamp,
    ) -> Result<CardState, StoreError>;

    /// Records a certificate as the authority issued it, before it is written to the card.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    fn record_certificate(
        &mut self,
        card: CardId,
        certificate: &CertificateRecord,
    ) -> Result<(), StoreError>;

    /// Records where the transcript of a card's session is kept, relative to the data directory.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    fn record_transcript(&mut self, card: CardId, path: &str) -> Result<(), StoreError>;

    /// One card with its steps.
    ///
    /// # Errors
    ///
    /// [`Refusal::UnknownCard`].
    fn card(&self, card: CardId) -> Result<CardRecord, StoreError>;

    /// Every card, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    fn cards(&self) -> Result<Vec<CardRecord>, StoreError>;

    /// The cards of a station that are neither issued nor ended: what a crash left behind.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    fn unfinished(&self, station: &str) -> Result<Vec<CardRecord>, StoreError> {
        Ok(self
            .cards()?
            .into_iter()
            .filter(|card| card.station == station && card.state.is_unfinished())
            .collect())
    }

    /// The live card of the person a request is for, if there is one.
    ///
    /// # Errors
    ///
    /// [`Refusal::UnknownRequest`].
    fn live_card(&self, request: &RequestId) -> Result<Option<CardRecord>, StoreError>;

    /// The certificates of a card, in the order they were recorded.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    fn certificates(&self, card: CardId) -> Result<Vec<CertificateRecord>, StoreError>;

    /// The transcripts of a card, in the order they were recorded.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    fn transcripts(&self, card: CardId) -> Result<Vec<String>, StoreError>;

    /// Every request, in the order it was recorded.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    fn requests(&self) -> Result<Vec<RequestRecord>, StoreError>;

    /// Every blank ever seen, by number.
    ///
    /// # Errors
    ///
    /// [`StoreFault`].
    fn blanks(&self) -> Result<Vec<Blank>, StoreError>;
}
