use tempfile::TempDir;

use super::*;
use crate::store::Handover;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_603_600 + second).unwrap()
}

fn store() -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("journal.db")).unwrap();
    (folder, store)
}

fn request(id: &str, user: &str) -> Request {
    Request {
        id: RequestId::new(id).unwrap(),
        user: user.parse().unwrap(),
        name: "Zoë Test".to_owned(),
        photo: "p.png".into(),
        organisation: "Example".to_owned(),
        series: Some(10),
    }
}

fn done() -> Outcome {
    Outcome::Done {
        detail: String::new(),
    }
}

fn failed() -> Outcome {
    Outcome::Failed(Failure {
        blame: Blame::CardMisbehaved,
        message: "the card answered 6F00".to_owned(),
        hint: Some("try another".to_owned()),
    })
}

const ONE: &str = "555253521108";
const TWO: &str = "555253521116";

/// A journal with a registered request and its open card.
fn with_card() -> (TempDir, SqliteStore, CardId) {
    let (folder, mut store) = store();
    let request = request("R1", ONE);
    store.register(&request, at(0)).unwrap();
    let card = store.open_card(&request.id, "here", at(1)).unwrap();
    (folder, store, card)
}

fn walk(store: &mut SqliteStore, card: CardId, blank: u8, steps: &[StepKind]) {
    for &step in steps {
        store.intend(card, step, at(2)).unwrap();
        if step == StepKind::Identify {
            store
                .bind_blank(card, &BlankNumber::new(&[blank]), "series10", at(2))
                .unwrap();
        }
        store.conclude(card, &done(), at(3)).unwrap();
    }
}

#[test]
fn what_was_recorded_is_read_back_after_reopening() {
    let (folder, mut store, card) = with_card();
    walk(&mut store, card, 7, &StepKind::ORDER[..3]);
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
fn a_request_may_be_registered_again_but_not_changed() {
    let (_folder, mut store) = store();
    store.register(&request("R1", ONE), at(0)).unwrap();
    let moved = Request {
        photo: "elsewhere/p.png".into(),
        ..request("R1", ONE)
    };
    store.register(&moved, at(1)).unwrap();
    assert_eq!(store.requests().unwrap().len(), 1);
    assert_eq!(store.requests().unwrap()[0].request.photo, moved.photo);

    let error = store.register(&request("R1", TWO), at(2)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("request `R1` is recorded with another UUID: `{ONE}`, now `{TWO}`")
    );
}

#[test]
fn a_person_with_a_live_card_gets_no_other() {
    let (_folder, mut store, card) = with_card();
    let again = request("R2", ONE);
    store.register(&again, at(3)).unwrap();
    let refused = |error: StoreError| matches!(error, StoreError::Refused(Refusal::AlreadyIssued { card: of, .. }) if of == card);
    assert!(refused(
        store.open_card(&again.id, "here", at(4)).unwrap_err()
    ));
    walk(&mut store, card, 7, &StepKind::ORDER[..17]);
    assert!(matches!(
        store.card(card).unwrap().state,
        CardState::Issued {
            handover: Handover::Delivered
        }
    ));
    assert!(refused(
        store.open_card(&again.id, "here", at(5)).unwrap_err()
    ));
    assert_eq!(store.live_card(&again.id).unwrap().unwrap().id, card);
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

#[test]
fn abandoning_opens_the_request_again_and_accounts_for_the_blank() {
    let (_folder, mut store, first) = with_card();
    let id = RequestId::new("R1").unwrap();
    let blank = BlankNumber::new(&[7]);

    walk(&mut store, first, 7, &StepKind::ORDER[..2]);
    store.abandon(first, "wrong series", at(5)).unwrap();
    assert_eq!(store.blanks().unwrap()[0].state, BlankState::Free);

    let second = store.open_card(&id, "here", at(6)).unwrap();
    walk(&mut store, second, 7, &StepKind::ORDER[..3]);
    assert_eq!(
        store.blanks().unwrap()[0].state,
        BlankState::Bound { card: second }
    );
    store.abandon(second, "pulled out", at(7)).unwrap();
    let reason = "pulled out".to_owned();
    assert_eq!(
        store.blanks().unwrap()[0].state,
        BlankState::Spoiled {
            reason: reason.clone()
        }
    );

    let third = store.open_card(&id, "here", at(8)).unwrap();
    store.intend(third, StepKind::Feed, at(9)).unwrap();
    let error = store
        .bind_blank(third, &blank, "series10", at(9))
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Refused(refusal) if refusal == Refusal::BlankSpoiled { blank, reason })
    );
}

#[test]
fn a_blank_that_is_somebodys_card_is_refused() {
    let (_folder, mut store, first) = with_card();
    walk(&mut store, first, 7, &StepKind::ORDER[..17]);
    let other = request("R2", TWO);
    store.register(&other, at(5)).unwrap();
    let second = store.open_card(&other.id, "here", at(6)).unwrap();
    let error = store
        .bind_blank(second, &BlankNumber::new(&[7]), "series10", at(7))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "blank 07 is card 1 already, made for request `R1`"
    );
}

#[test]
fn steps_out_of_order_are_refused_and_not_recorded() {
    let (_folder, mut store, card) = with_card();
    assert!(store.intend(card, StepKind::Print, at(2)).is_err());
    assert!(store.conclude(card, &done(), at(2)).is_err());
    store.intend(card, StepKind::Feed, at(2)).unwrap();
    let error = store.intend(card, StepKind::Identify, at(2)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "card 1: `identify` cannot follow: `feed` begun, outcome unknown"
    );
    assert_eq!(store.card(card).unwrap().steps.len(), 1);
    assert!(store.card(CardId(99)).is_err());
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
