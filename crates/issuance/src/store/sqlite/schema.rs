//! The schema of the journal and how older ones become it.

use rusqlite::{Connection, TransactionBehavior};

use crate::store::FaultKind;

/// Marks a database file as a journal (`CWJL`), in the place SQLite keeps for it.
const APPLICATION_ID: i64 = 0x4357_4A4C;

/// Each brings the schema from the version of its place to the next. Never change one that has
/// been released: add another.
const MIGRATIONS: [&str; 1] = ["
CREATE TABLE requests (
    id           TEXT PRIMARY KEY,
    user         TEXT NOT NULL,
    name         TEXT NOT NULL,
    organisation TEXT NOT NULL,
    photo        TEXT NOT NULL,
    series       INTEGER,
    received     TEXT NOT NULL
) STRICT;

-- The stock: every blank whose chip has been read.
CREATE TABLE stock (
    number TEXT PRIMARY KEY,
    series TEXT NOT NULL,
    seen   TEXT NOT NULL
) STRICT;

CREATE TABLE cards (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    request TEXT NOT NULL REFERENCES requests (id),
    user    TEXT NOT NULL,
    station TEXT NOT NULL,
    blank   TEXT REFERENCES stock (number),
    opened  TEXT NOT NULL,
    -- Why and when the card was ended without being issued; a card without is live.
    ended_reason TEXT,
    ended_at     TEXT,
    CHECK ((ended_reason IS NULL) = (ended_at IS NULL))
) STRICT;
CREATE UNIQUE INDEX one_live_card_per_user ON cards (user) WHERE ended_reason IS NULL;
CREATE UNIQUE INDEX one_live_card_per_blank ON cards (blank) WHERE ended_reason IS NULL;
CREATE INDEX cards_of_request ON cards (request);

CREATE TABLE steps (
    card      INTEGER NOT NULL REFERENCES cards (id),
    number    INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    intended  TEXT NOT NULL,
    outcome   TEXT CHECK (outcome IN ('done', 'failed')),
    concluded TEXT,
    detail    TEXT,
    blame     TEXT,
    hint      TEXT,
    PRIMARY KEY (card, number),
    CHECK ((outcome IS NULL) = (concluded IS NULL)),
    CHECK ((outcome IS NULL) = (detail IS NULL)),
    CHECK ((outcome IS 'failed') = (blame IS NOT NULL))
) STRICT;

CREATE TABLE certificates (
    card      INTEGER NOT NULL REFERENCES cards (id),
    slot      TEXT NOT NULL,
    serial    TEXT NOT NULL UNIQUE,
    not_after TEXT NOT NULL,
    der       BLOB NOT NULL,
    PRIMARY KEY (card, slot)
) STRICT;

CREATE TABLE transcripts (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    card INTEGER NOT NULL REFERENCES cards (id),
    path TEXT NOT NULL
) STRICT;
"];

/// The version this program writes.
pub(super) const VERSION: i64 = MIGRATIONS.len() as i64;

/// Why the schema could not be brought up to date.
pub(super) enum SchemaError {
    Database(rusqlite::Error),
    Kind(FaultKind),
}

impl From<rusqlite::Error> for SchemaError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// Makes a new file a journal, and an older journal a current one.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), SchemaError> {
    // Immediate, so that two programs that start together do not both migrate.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let pragma = |name: &str| transaction.query_row(&format!("PRAGMA {name}"), [], |r| r.get(0));
    let found: i64 = pragma("user_version")?;
    let application: i64 = pragma("application_id")?;
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))?;
    if application != APPLICATION_ID && (application != 0 || found != 0 || tables != 0) {
        return Err(SchemaError::Kind(FaultKind::NotAJournal));
    }
    if found > VERSION {
        return Err(SchemaError::Kind(FaultKind::NewerSchema {
            found,
            known: VERSION,
        }));
    }
    let done = usize::try_from(found).map_err(|_| SchemaError::Kind(FaultKind::NotAJournal))?;
    for migration in &MIGRATIONS[done..] {
        transaction.execute_batch(migration)?;
    }
    transaction.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
    ))?;
    transaction.commit()?;
    Ok(())
}
