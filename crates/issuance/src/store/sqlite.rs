mod rows;
mod schema;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, params};

use super::{
    Blank, BlankNumber, BlankState, CardId, CardRecord, CardState, CertificateRecord, FaultKind,
    OutOfOrder, Outcome, Refusal, RequestRecord, StepKind, Store, StoreError, StoreFault,
};
use crate::request::{Request, RequestId};
use rows::{
    all_cards, all_requests, blank_state, certificates_of, existing_card, existing_request,
    find_request, live_card, stock, transcripts_of,
};
use schema::SchemaError;

/// How long another program's transaction is waited for. Those of this program take milliseconds.
const BUSY: Duration = Duration::from_secs(2);

/// A journal in one SQLite file, durable at every commit (write-ahead log, synchronous FULL).
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    path: PathBuf,
}

impl SqliteStore {
    /// Opens the journal at `path`; a missing file becomes a new journal, an older schema the
    /// current one.
    ///
    /// # Errors
    ///
    /// [`StoreFault`]: the file cannot be opened or written, is held by another program, is no
    /// journal, or was written by a newer version.
    pub fn open(path: &Path) -> Result<Self, StoreFault> {
        let fault = |kind| StoreFault {
            path: path.to_owned(),
            kind,
        };
        let mut connection = Connection::open(path).map_err(|e| fault(kind_of(&e)))?;
        prepare(&mut connection).map_err(|error| match error {
            SchemaError::Database(error) => fault(kind_of(&error)),
            SchemaError::Kind(kind) => fault(kind),
        })?;
        Ok(Self {
            connection,
            path: path.to_owned(),
        })
    }

    /// Runs `act` in one transaction.
    fn write<T>(
        &mut self,
        act: impl FnOnce(&Transaction<'_>) -> Result<T, Trouble>,
    ) -> Result<T, StoreError> {
        let result = (|| {
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = act(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })();
        result.map_err(|trouble| self.explain(trouble))
    }

    /// Runs `act` on one consistent view.
    fn read<T>(
        &self,
        act: impl FnOnce(&Connection) -> Result<T, Trouble>,
    ) -> Result<T, StoreError> {
        let result = (|| {
            let transaction = self.connection.unchecked_transaction()?;
            act(&transaction)
        })();
        result.map_err(|trouble| self.explain(trouble))
    }

    fn explain(&self, trouble: Trouble) -> StoreError {
        let kind = match trouble {
            Trouble::Refused(refusal) => return refusal.into(),
            Trouble::Database(error) => kind_of(&error),
            Trouble::Damaged(detail) => FaultKind::Damaged { detail },
        };
        StoreFault {
            path: self.path.clone(),
            kind,
        }
        .into()
    }
}

impl Store for SqliteStore {
    fn register(&mut self, request: &Request, at: Timestamp) -> Result<(), StoreError> {
        self.write(|t| {
            let Some(recorded) = find_request(t, &request.id)? else {
                t.execute(
                    "INSERT INTO requests (id, user, name, organisation, photo, series, received)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    params![
                        request.id.as_str(),
                        request.user.as_str(),
                        request.name,
                        request.organisation,
                        request.photo.to_string_lossy(),
                        request.series,
                        at.to_string(),
                    ],
                )?;
                return Ok(());
            };
            if let Some(refusal) = changed(&recorded.request, request) {
                return Err(refusal.into());
            }
            t.execute(
                "UPDATE requests SET photo = ?2 WHERE id = ?1",
                params![request.id.as_str(), request.photo.to_string_lossy()],
            )?;
            Ok(())
        })
    }

    fn open_card(
        &mut self,
        request: &RequestId,
        station: &str,
        at: Timestamp,
    ) -> Result<CardId, StoreError> {
        self.write(|t| {
            let user = existing_request(t, request)?.request.user;
            if let Some(card) = live_card(t, user)? {
                return Err(Refusal::AlreadyIssued {
                    user,
                    card: card.id,
                    request: card.request,
                    blank: card.blank,
                }
                .into());
            }
            t.execute(
                "INSERT INTO cards (request, user, station, opened) VALUES (?1, ?2, ?3, ?4)",
                params![request.as_str(), user.as_str(), station, at.to_string()],
            )?;
            Ok(CardId(t.last_insert_rowid()))
        })
    }

    fn bind_blank(
        &mut self,
        card: CardId,
        blank: &BlankNumber,
        series: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|t| {
            let record = existing_card(t, card)?;
            if record.blank.is_some() || !record.state.is_unfinished() {
                return Err(out_of_order(
                    card,
                    OutOfOrder {
                        attempt: format!("binding blank {blank}"),
                        state: record.state.to_string(),
                    },
                ));
            }
            match blank_state(t, blank)? {
                BlankState::Free => {}
                BlankState::Spoiled { reason } => {
                    let blank = blank.clone();
                    return Err(Refusal::BlankSpoiled { blank, reason }.into());
                }
                BlankState::Bound { card } => {
                    return Err(Refusal::BlankInUse {
                        blank: blank.clone(),
                        card,
                        request: existing_card(t, card)?.request,
                    }
                    .into());
                }
            }
            t.execute(
                "INSERT INTO stock (number, series, seen) VALUES (?1, ?2, ?3)
                 ON CONFLICT (number) DO UPDATE SET series = excluded.series",
                params![blank.as_str(), series, at.to_string()],
            )?;
            t.execute(
                "UPDATE cards SET blank = ?2 WHERE id = ?1",
                params![card.0, blank.as_str()],
            )?;
            Ok(())
        })
    }

    fn intend(&mut self, card: CardId, kind: StepKind, at: Timestamp) -> Result<(), StoreError> {
        self.write(|t| {
            let record = existing_card(t, card)?;
            record
                .state
                .intend(kind)
                .map_err(|source| out_of_order(card, source))?;
            t.execute(
                "INSERT INTO steps (card, number, kind, intended) VALUES (?1, ?2, ?3, ?4)",
                params![
                    card.0,
                    number(record.steps.len()),
                    kind.name(),
                    at.to_string()
                ],
            )?;
            Ok(())
        })
    }

    fn conclude(
        &mut self,
        card: CardId,
        outcome: &Outcome,
        at: Timestamp,
    ) -> Result<CardState, StoreError> {
        self.write(|t| {
            let record = existing_card(t, card)?;
            let state = record
                .state
                .conclude(outcome)
                .map_err(|source| out_of_order(card, source))?;
            let (word, detail, blame, hint) = match outcome {
                Outcome::Done { detail } => ("done", detail, None, None),
                Outcome::Failed(failure) => (
                    "failed",
                    &failure.message,
                    Some(failure.blame.name()),
                    failure.hint.as_deref(),
                ),
            };
            t.execute(
                "UPDATE steps SET outcome = ?3, concluded = ?4, detail = ?5, blame = ?6, hint = ?7
                 WHERE card = ?1 AND number = ?2",
                params![
                    card.0,
                    number(record.steps.len().saturating_sub(1)),
                    word,
                    at.to_string(),
                    detail,
                    blame,
                    hint
                ],
            )?;
            Ok(state)
        })
    }

    fn abandon(
        &mut self,
        card: CardId,
        reason: &str,
        at: Timestamp,
    ) -> Result<CardState, StoreError> {
        self.write(|t| {
            let record = existing_card(t, card)?;
            let state = record
                .state
                .abandon(&record.steps, reason)
                .map_err(|source| out_of_order(card, source))?;
            t.execute(
                "UPDATE cards SET ended_reason = ?2, ended_at = ?3 WHERE id = ?1",
                params![card.0, reason, at.to_string()],
            )?;
            Ok(state)
        })
    }

    fn record_certificate(
        &mut self,
        card: CardId,
        certificate: &CertificateRecord,
    ) -> Result<(), StoreError> {
        self.write(|t| {
            existing_card(t, card)?;
            t.execute(
                "INSERT INTO certificates (card, slot, serial, not_after, der)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    card.0,
                    certificate.slot.name(),
                    certificate.serial,
                    certificate.not_after.to_string(),
                    certificate.der
                ],
            )?;
            Ok(())
        })
    }

    fn record_transcript(&mut self, card: CardId, path: &str) -> Result<(), StoreError> {
        self.write(|t| {
            existing_card(t, card)?;
            t.execute(
                "INSERT INTO transcripts (card, path) VALUES (?1, ?2)",
                params![card.0, path],
            )?;
            Ok(())
        })
    }

    fn card(&self, card: CardId) -> Result<CardRecord, StoreError> {
        self.read(|c| existing_card(c, card))
    }

    fn cards(&self) -> Result<Vec<CardRecord>, StoreError> {
        self.read(all_cards)
    }

    fn live_card(&self, request: &RequestId) -> Result<Option<CardRecord>, StoreError> {
        self.read(|c| live_card(c, existing_request(c, request)?.request.user))
    }

    fn certificates(&self, card: CardId) -> Result<Vec<CertificateRecord>, StoreError> {
        self.read(|c| certificates_of(c, card))
    }

    fn transcripts(&self, card: CardId) -> Result<Vec<String>, StoreError> {
        self.read(|c| transcripts_of(c, card))
    }

    fn requests(&self) -> Result<Vec<RequestRecord>, StoreError> {
        self.read(all_requests)
    }

    fn blanks(&self) -> Result<Vec<Blank>, StoreError> {
        self.read(stock)
    }
}

/// What goes wrong inside a transaction.
enum Trouble {
    Database(rusqlite::Error),
    Refused(Refusal),
    Damaged(String),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

fn prepare(connection: &mut Connection) -> Result<(), SchemaError> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    schema::migrate(connection)?;
    // Only once the file is known to be ours: this writes to it.
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    Ok(())
}

fn kind_of(error: &rusqlite::Error) -> FaultKind {
    let detail = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => FaultKind::DiskFull,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => FaultKind::ReadOnly,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => FaultKind::Locked,
        Some(ErrorCode::NotADatabase) => FaultKind::NotADatabase,
        Some(ErrorCode::CannotOpen) => FaultKind::CannotOpen { detail },
        Some(ErrorCode::DatabaseCorrupt) => FaultKind::Damaged { detail },
        _ => FaultKind::Other { detail },
    }
}

fn out_of_order(card: CardId, source: OutOfOrder) -> Trouble {
    Refusal::OutOfOrder { card, source }.into()
}

fn number(count: usize) -> i64 {
    i64::try_from(count).expect("a card has a few dozen steps at most")
}

fn changed(recorded: &Request, now: &Request) -> Option<Refusal> {
    let series = |request: &Request| {
        request
            .series
            .map_or("any".to_owned(), |series| series.to_string())
    };
    [
        ("UUID", recorded.user.to_string(), now.user.to_string()),
        ("name", recorded.name.clone(), now.name.clone()),
        (
            "organisation",
            recorded.organisation.clone(),
            now.organisation.clone(),
        ),
        ("series", series(recorded), series(now)),
    ]
    .into_iter()
    .find(|(_, before, after)| before != after)
    .map(|(field, recorded, after)| Refusal::RequestChanged {
        request: now.id.clone(),
        field,
        recorded,
        now: after,
    })
}

#[cfg(test)]
mod tests;
