mod schema;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ground::Blame;
use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, Row, Transaction, TransactionBehavior, params};
use series::Slot;

use super::{
    Blank, BlankNumber, BlankState, CardId, CardRecord, CardState, CertificateRecord, Failure,
    FaultKind, OutOfOrder, Outcome, Refusal, RequestRecord, Step, StepKind, Store, StoreError,
    StoreFault,
};
use crate::request::{Request, RequestId, UserId};
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
        self.read(|c| select_cards(c, "1 ORDER BY id", []))
    }

    fn live_card(&self, request: &RequestId) -> Result<Option<CardRecord>, StoreError> {
        self.read(|c| live_card(c, existing_request(c, request)?.request.user))
    }

    fn certificates(&self, card: CardId) -> Result<Vec<CertificateRecord>, StoreError> {
        self.read(|c| {
            let mut statement = c.prepare(
                "SELECT slot, serial, not_after, der FROM certificates WHERE card = ?1 ORDER BY rowid",
            )?;
            let rows = statement.query_and_then([card.0], |row| {
                let slot: String = row.get(0)?;
                Ok(CertificateRecord {
                    slot: Slot::ALL
                        .into_iter()
                        .find(|known| known.name() == slot)
                        .ok_or_else(|| Trouble::Damaged(format!("unknown slot `{slot}`")))?,
                    serial: row.get(1)?,
                    not_after: timestamp(row, 2)?,
                    der: row.get(3)?,
                })
            })?;
            rows.collect()
        })
    }

    fn transcripts(&self, card: CardId) -> Result<Vec<String>, StoreError> {
        self.read(|c| {
            let mut statement =
                c.prepare("SELECT path FROM transcripts WHERE card = ?1 ORDER BY id")?;
            let rows = statement.query_map([card.0], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    fn requests(&self) -> Result<Vec<RequestRecord>, StoreError> {
        self.read(|c| {
            let mut statement = c.prepare(&format!("{SELECT_REQUEST} ORDER BY rowid"))?;
            statement.query_and_then([], request_of)?.collect()
        })
    }

    fn blanks(&self) -> Result<Vec<Blank>, StoreError> {
        self.read(|c| {
            let mut statement =
                c.prepare("SELECT number, series, seen FROM stock ORDER BY number")?;
            let rows = statement.query_and_then([], |row| {
                let number = blank_number(row.get(0)?)?;
                Ok::<_, Trouble>(Blank {
                    state: blank_state(c, &number)?,
                    number,
                    series: row.get(1)?,
                    seen: timestamp(row, 2)?,
                })
            })?;
            rows.collect()
        })
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

const SELECT_REQUEST: &str =
    "SELECT id, user, name, organisation, photo, series, received FROM requests";

fn find_request(c: &Connection, id: &RequestId) -> Result<Option<RequestRecord>, Trouble> {
    let mut statement = c.prepare_cached(&format!("{SELECT_REQUEST} WHERE id = ?1"))?;
    let mut rows = statement.query_and_then([id.as_str()], request_of)?;
    rows.next().transpose()
}

fn existing_request(c: &Connection, id: &RequestId) -> Result<RequestRecord, Trouble> {
    find_request(c, id)?.ok_or_else(|| {
        Refusal::UnknownRequest {
            request: id.clone(),
        }
        .into()
    })
}

fn request_of(row: &Row<'_>) -> Result<RequestRecord, Trouble> {
    Ok(RequestRecord {
        request: Request {
            id: request_id(row.get(0)?)?,
            user: user_id(row.get(1)?)?,
            name: row.get(2)?,
            organisation: row.get(3)?,
            photo: PathBuf::from(row.get::<_, String>(4)?),
            series: row.get(5)?,
        },
        received: timestamp(row, 6)?,
    })
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

fn select_cards(
    c: &Connection,
    condition: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<CardRecord>, Trouble> {
    let mut statement = c.prepare_cached(&format!(
        "SELECT id, request, user, station, blank, opened, ended_reason FROM cards WHERE {condition}"
    ))?;
    let rows = statement.query_and_then(parameters, |row| {
        let id = CardId(row.get(0)?);
        let steps = steps_of(c, id)?;
        let ended: Option<String> = row.get(6)?;
        Ok::<_, Trouble>(CardRecord {
            id,
            request: request_id(row.get(1)?)?,
            user: user_id(row.get(2)?)?,
            station: row.get(3)?,
            blank: row
                .get::<_, Option<String>>(4)?
                .map(blank_number)
                .transpose()?,
            opened: timestamp(row, 5)?,
            state: CardState::fold(&steps, ended.as_deref())
                .map_err(|error| Trouble::Damaged(format!("card {id}: {error}")))?,
            steps,
        })
    })?;
    rows.collect()
}

fn existing_card(c: &Connection, card: CardId) -> Result<CardRecord, Trouble> {
    select_cards(c, "id = ?1", [card.0])?
        .pop()
        .ok_or_else(|| Refusal::UnknownCard { card }.into())
}

fn live_card(c: &Connection, user: UserId) -> Result<Option<CardRecord>, Trouble> {
    Ok(select_cards(c, "user = ?1 AND ended_reason IS NULL", [user.as_str()])?.pop())
}

fn blank_state(c: &Connection, blank: &BlankNumber) -> Result<BlankState, Trouble> {
    let cards = select_cards(c, "blank = ?1 ORDER BY id", [blank.as_str()])?;
    for card in cards {
        match card.state {
            CardState::Released { .. } => {}
            CardState::Spoiled { reason } => return Ok(BlankState::Spoiled { reason }),
            _ => return Ok(BlankState::Bound { card: card.id }),
        }
    }
    Ok(BlankState::Free)
}

fn steps_of(c: &Connection, card: CardId) -> Result<Vec<Step>, Trouble> {
    let mut statement = c.prepare_cached(
        "SELECT kind, intended, outcome, concluded, detail, blame, hint
         FROM steps WHERE card = ?1 ORDER BY number",
    )?;
    let rows = statement.query_and_then([card.0], |row| {
        let kind: String = row.get(0)?;
        let outcome: Option<String> = row.get(2)?;
        Ok::<_, Trouble>(Step {
            kind: StepKind::from_name(&kind)
                .ok_or_else(|| Trouble::Damaged(format!("unknown step `{kind}`")))?,
            intended: timestamp(row, 1)?,
            outcome: match outcome.as_deref() {
                None => None,
                Some("done") => {
                    let detail = row.get(4)?;
                    Some((Outcome::Done { detail }, timestamp(row, 3)?))
                }
                Some(_) => {
                    let failure = Failure {
                        blame: blame(row.get(5)?)?,
                        message: row.get(4)?,
                        hint: row.get(6)?,
                    };
                    Some((Outcome::Failed(failure), timestamp(row, 3)?))
                }
            },
        })
    })?;
    rows.collect()
}

fn timestamp(row: &Row<'_>, column: usize) -> Result<Timestamp, Trouble> {
    let text: String = row.get(column)?;
    text.parse()
        .map_err(|_| Trouble::Damaged(format!("`{text}` is no time")))
}

fn request_id(text: String) -> Result<RequestId, Trouble> {
    RequestId::new(text.clone())
        .map_err(|_| Trouble::Damaged(format!("`{text}` is no request reference")))
}

fn user_id(text: String) -> Result<UserId, Trouble> {
    text.parse()
        .map_err(|_| Trouble::Damaged(format!("`{text}` is no UUID")))
}

fn blank_number(text: String) -> Result<BlankNumber, Trouble> {
    BlankNumber::from_text(&text)
        .ok_or_else(|| Trouble::Damaged(format!("`{text}` is no blank number")))
}

fn blame(name: String) -> Result<Blame, Trouble> {
    [
        Blame::AuthorityFault,
        Blame::CardMisbehaved,
        Blame::OperatorMistake,
        Blame::PrinterFault,
        Blame::ReaderFault,
        Blame::StoreFault,
    ]
    .into_iter()
    .find(|blame| blame.name() == name)
    .ok_or_else(|| Trouble::Damaged(format!("unknown blame `{name}`")))
}

#[cfg(test)]
mod tests;
