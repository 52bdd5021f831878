use series::Slot;
use tempfile::TempDir;

use super::*;
use crate::store::contract::{ONE, PROMISES, at, failed, open_card, request, walk};

fn store() -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("journal.db")).unwrap();
    (folder, store)
}

/// A journal with a registered request and its open card.
fn with_card() -> (TempDir, SqliteStore, CardId) {
    let (folder, mut store) = store();
    let card = open_card(&mut store);
    (folder, store, card)
}

#[test]
fn it_does_what_every_journal_does() {
    for (name, promise) in PROMISES {
        println!("{name}");
        let (_folder, mut store) = store();
        promise(&mut store);
    }
}

#[test]
fn what_was_recorded_is_read_back_after_reopening() {
    let (folder, mut store, card) = with_card();
    let (feed, identify) = (StepKind::Feed, StepKind::Identify);
    walk(
        &mut store,
        card,
        7,
        &[feed, identify, StepKind::ReplaceAdminKey],
    );
    store.intend(card, StepKind::SetPasscodes, at(4)).unwrap();
    store.conclude(card, &failed(), at(5)).unwrap();
    let certificate = CertificateRecord {
        slot: Slot::Signing,
        serial: "0A1B".to_owned(),
        not_after: at(900),
        der: vec![0x30, 0x00],
    };
    store.record_certificate(card, &certificate).unwrap();
    store
        .record_transcript(card, "transcripts/1.jsonl")
        .unwrap();
    let before = store.card(card).unwrap();
    drop(store);

    let store = SqliteStore::open(&folder.path().join("journal.db")).unwrap();
    assert_eq!(store.card(card).unwrap(), before);
    assert_eq!(before.blank, Some(BlankNumber::new(&[7])));
    assert_eq!(before.steps.len(), 4);
    assert!(matches!(
        before.state,
        CardState::Failed {
            step: StepKind::SetPasscodes,
            ..
        }
    ));
    assert_eq!(store.certificates(card).unwrap(), [certificate]);
    assert_eq!(store.transcripts(card).unwrap(), ["transcripts/1.jsonl"]);
    assert_eq!(store.requests().unwrap()[0].request, request("R1", ONE));
    assert_eq!(store.unfinished("here").unwrap(), [before]);
    assert_eq!(store.unfinished("elsewhere").unwrap(), []);
}

#[test]
fn the_index_alone_refuses_a_second_live_card() {
    let (_folder, store, card) = with_card();
    let insert = "INSERT INTO cards (request, user, station, opened)
                  SELECT request, user, station, opened FROM cards WHERE id = ?1";
    let error = store.connection.execute(insert, [card.0]).unwrap_err();
    assert_eq!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation)
    );
}

fn fault(path: &Path) -> FaultKind {
    SqliteStore::open(path).unwrap_err().kind
}

#[test]
fn files_that_are_no_journal_are_named_for_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.db");
    std::fs::write(&text, "these are a few words and no database".repeat(30)).unwrap();
    assert!(matches!(fault(&text), FaultKind::NotADatabase));
    assert_eq!(
        std::fs::read_to_string(&text).unwrap().len(),
        37 * 30,
        "the file is left as it was"
    );

    let other = folder.path().join("other.db");
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE recipes (name TEXT)")
        .unwrap();
    assert!(matches!(fault(&other), FaultKind::NotAJournal));

    assert!(matches!(
        fault(&folder.path().join("missing/journal.db")),
        FaultKind::CannotOpen { .. }
    ));
}

#[test]
fn a_journal_of_a_newer_version_is_refused() {
    let (folder, store) = store();
    store
        .connection
        .pragma_update(None, "user_version", schema::VERSION + 1)
        .unwrap();
    drop(store);
    let error = SqliteStore::open(&folder.path().join("journal.db")).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("the journal has schema version 2, this program knows versions up to 1"),
        "{error}"
    );
}

#[test]
fn a_journal_held_by_another_program_is_locked() {
    let (folder, _store) = store();
    let other = Connection::open(folder.path().join("journal.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(
        fault(&folder.path().join("journal.db")),
        FaultKind::Locked
    ));
}

#[test]
fn a_full_disk_fails_the_write_and_keeps_what_was_there() {
    let (_folder, mut store, card) = with_card();
    let pages: i64 = store
        .connection
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    store
        .connection
        .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
        .unwrap();
    let certificate = CertificateRecord {
        slot: Slot::Signing,
        serial: "01".to_owned(),
        not_after: at(0),
        der: vec![0; 100_000],
    };
    let error = store.record_certificate(card, &certificate).unwrap_err();
    assert!(matches!(
        &error,
        StoreError::Fault(StoreFault {
            kind: FaultKind::DiskFull,
            ..
        })
    ));
    assert!(error.to_string().ends_with("the disk is full"));
    assert_eq!(store.certificates(card).unwrap(), []);
    assert!(store.card(card).is_ok());
}

#[test]
fn a_journal_that_cannot_be_written_is_read_only() {
    let (_folder, mut store, card) = with_card();
    store
        .connection
        .pragma_update(None, "query_only", true)
        .unwrap();
    let error = store.intend(card, StepKind::Feed, at(2)).unwrap_err();
    assert!(
        error.to_string().ends_with("the file is read-only"),
        "{error}"
    );
    assert!(store.card(card).is_ok());
}

#[test]
fn a_journal_with_an_impossible_sequence_is_damaged() {
    let (_folder, store, card) = with_card();
    store
        .connection
        .execute(
            "INSERT INTO steps (card, number, kind, intended) VALUES (?1, 0, 'print', ?2)",
            params![card.0, at(0).to_string()],
        )
        .unwrap();
    let error = store.card(card).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("the content is damaged: card 1: `print` cannot follow: nothing done yet"),
        "{error}"
    );
}
