//! What every journal has to do, whatever keeps it: each backend runs all of these on empty
//! journals of its own.

use ground::Blame;
use jiff::Timestamp;

use super::*;
use crate::request::Request;

/// A thing every journal does.
type Promise = fn(&mut dyn Store);

/// All of them by name.
pub(super) const PROMISES: [(&str, Promise); 5] = [
    (
        "a_request_may_be_registered_again_but_not_changed",
        a_request_may_be_registered_again_but_not_changed,
    ),
    (
        "a_person_with_a_live_card_gets_no_other",
        a_person_with_a_live_card_gets_no_other,
    ),
    (
        "abandoning_opens_the_request_again_and_accounts_for_the_blank",
        abandoning_opens_the_request_again_and_accounts_for_the_blank,
    ),
    (
        "a_blank_that_is_somebodys_card_is_refused",
        a_blank_that_is_somebodys_card_is_refused,
    ),
    (
        "steps_out_of_order_are_refused_and_not_recorded",
        steps_out_of_order_are_refused_and_not_recorded,
    ),
];

fn a_request_may_be_registered_again_but_not_changed(store: &mut dyn Store) {
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

fn a_person_with_a_live_card_gets_no_other(store: &mut dyn Store) {
    let card = open_card(store);
    let again = request("R2", ONE);
    store.register(&again, at(3)).unwrap();
    let refused = |error: StoreError| matches!(error, StoreError::Refused(Refusal::AlreadyIssued { card: of, .. }) if of == card);
    assert!(refused(
        store.open_card(&again.id, "here", at(4)).unwrap_err()
    ));
    walk(store, card, 7, &StepKind::ORDER[..18]);
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

fn abandoning_opens_the_request_again_and_accounts_for_the_blank(store: &mut dyn Store) {
    let first = open_card(store);
    let id = RequestId::new("R1").unwrap();
    let blank = BlankNumber::new(&[7]);

    // A serial number on it makes a blank nobody's.
    walk(store, first, 7, &StepKind::ORDER[..3]);
    store.abandon(first, "wrong series", at(5)).unwrap();
    assert_eq!(store.blanks().unwrap()[0].state, BlankState::Free);

    let second = store.open_card(&id, "here", at(6)).unwrap();
    walk(store, second, 7, &StepKind::ORDER[..4]);
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

fn a_blank_that_is_somebodys_card_is_refused(store: &mut dyn Store) {
    let first = open_card(store);
    walk(store, first, 7, &StepKind::ORDER[..18]);
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

fn steps_out_of_order_are_refused_and_not_recorded(store: &mut dyn Store) {
    let card = open_card(store);
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

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_603_600 + second).unwrap()
}

pub(super) fn request(id: &str, user: &str) -> Request {
    Request {
        id: RequestId::new(id).unwrap(),
        user: user.parse().unwrap(),
        name: "Zoë Test".to_owned(),
        photo: "p.png".into(),
        organisation: "Example".to_owned(),
        series: Some(10),
    }
}

pub(super) fn done() -> Outcome {
    Outcome::Done {
        detail: String::new(),
    }
}

pub(super) fn failed() -> Outcome {
    Outcome::Failed(Failure {
        blame: Blame::CardMisbehaved,
        message: "the card answered 6F00".to_owned(),
        hint: Some("try another".to_owned()),
    })
}

pub(super) const ONE: &str = "555253521108";
pub(super) const TWO: &str = "555253521116";

/// Registers a request and opens its card.
pub(super) fn open_card(store: &mut dyn Store) -> CardId {
    let request = request("R1", ONE);
    store.register(&request, at(0)).unwrap();
    store.open_card(&request.id, "here", at(1)).unwrap()
}

pub(super) fn walk(store: &mut dyn Store, card: CardId, blank: u8, steps: &[StepKind]) {
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
