use std::sync::{Arc, Mutex};

use issuance::request::{Request, RequestId};
use issuance::store::{
    Blank, BlankNumber, CardId, CardRecord, CardState, CertificateRecord, Outcome, RequestRecord,
    SqliteStore, StepKind, Store, StoreError,
};
use jiff::Timestamp;

/// A journal whose program dies at a chosen moment.
pub(crate) struct MortalStore {
    inner: SqliteStore,
    last: Option<StepKind>,
    die_after: Arc<Mutex<Option<StepKind>>>,
}

impl MortalStore {
    pub(crate) fn new(inner: SqliteStore, die_after: Arc<Mutex<Option<StepKind>>>) -> Self {
        Self {
            inner,
            last: None,
            die_after,
        }
    }
}

impl Store for MortalStore {
    fn register(&mut self, request: &Request, at: Timestamp) -> Result<(), StoreError> {
        self.inner.register(request, at)
    }

    fn open_card(
        &mut self,
        request: &RequestId,
        station: &str,
        at: Timestamp,
    ) -> Result<CardId, StoreError> {
        self.inner.open_card(request, station, at)
    }

    fn bind_blank(
        &mut self,
        card: CardId,
        blank: &BlankNumber,
        series: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.inner.bind_blank(card, blank, series, at)
    }

    fn intend(&mut self, card: CardId, kind: StepKind, at: Timestamp) -> Result<(), StoreError> {
        self.last = Some(kind);
        self.inner.intend(card, kind, at)
    }

    fn conclude(
        &mut self,
        card: CardId,
        outcome: &Outcome,
        at: Timestamp,
    ) -> Result<CardState, StoreError> {
        let dies = self.last.is_some() && self.last == *self.die_after.lock().unwrap();
        assert!(!dies, "the program dies here");
        self.inner.conclude(card, outcome, at)
    }

    fn abandon(
        &mut self,
        card: CardId,
        reason: &str,
        at: Timestamp,
    ) -> Result<CardState, StoreError> {
        self.inner.abandon(card, reason, at)
    }

    fn record_certificate(
        &mut self,
        card: CardId,
        certificate: &CertificateRecord,
    ) -> Result<(), StoreError> {
        self.inner.record_certificate(card, certificate)
    }

    fn record_transcript(&mut self, card: CardId, path: &str) -> Result<(), StoreError> {
        self.inner.record_transcript(card, path)
    }

    fn card(&self, card: CardId) -> Result<CardRecord, StoreError> {
        self.inner.card(card)
    }

    fn cards(&self) -> Result<Vec<CardRecord>, StoreError> {
        self.inner.cards()
    }

    fn live_card(&self, request: &RequestId) -> Result<Option<CardRecord>, StoreError> {
        self.inner.live_card(request)
    }

    fn certificates(&self, card: CardId) -> Result<Vec<CertificateRecord>, StoreError> {
        self.inner.certificates(card)
    }

    fn transcripts(&self, card: CardId) -> Result<Vec<String>, StoreError> {
        self.inner.transcripts(card)
    }

    fn requests(&self) -> Result<Vec<RequestRecord>, StoreError> {
        self.inner.requests()
    }

    fn blanks(&self) -> Result<Vec<Blank>, StoreError> {
        self.inner.blanks()
    }
}
