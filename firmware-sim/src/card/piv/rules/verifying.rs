//! VERIFY (P2 3.2.1).

use super::*;

/// P2 2.4.2: rule 6, for the PIN and the administrator.
#[test]
fn a_failed_authentication_takes_the_status_away() {
    let mut card = Card::blank();
    card.verify(PIN);
    assert_eq!(card.verify(OTHER_PIN), 0x63C2);
    assert_eq!(card.pin_state(), 0x63C2);
    card.authenticate();
    card.send("00870A9B047C02810000");
    assert_eq!(card.answer_challenge(&[0; 16]), 0x6982);
    assert!(!card.is_administrator());
}

/// P2 2.4.2: rule 6, aborted.
#[test]
fn an_aborted_authentication_takes_the_status_away() {
    let mut card = Card::blank();
    card.authenticate();
    assert!(card.is_administrator());
    card.send("00870A9B047C02810000");
    assert!(!card.is_administrator());
}

/// P2 3.2.1: rule 7.
#[test]
fn other_p1_and_other_references_change_nothing() {
    let mut card = Card::blank();
    card.verify(PIN);
    assert_eq!(card.with_data("00200180", OTHER_PIN).1, 0x6A86);
    for reference in ["81", "96", "97", "98", "00", "04", "FF"] {
        let (_, status) = card.with_data(&format!("002000{reference}"), OTHER_PIN);
        assert_eq!(status, 0x6A88, "{reference}");
    }
    assert_eq!(card.pin_state(), 0x9000);
    assert_eq!(card.tries(PinReference::Unblocking), 10);
}

/// P2 3.2.1: rule 8.
#[test]
fn the_global_pin_counts_only_where_the_discovery_object_says_so() {
    let mut card = with_global_pin();
    assert_eq!(card.with_data("00200000", b"111111\xFF\xFF").1, 0x9000);
    assert_eq!(card.sign(0x9A).1, 0x9000);
    assert_eq!(card.put("7E124F0BA0000003080000100001005F2F024000"), 0x9000);
    assert_eq!(card.status("00200000"), 0x6A88);
    assert_eq!(card.sign(0x9A).1, 0x6982);
}

/// P2 3.2.1: rule 9.
#[test]
fn an_empty_verify_tells_the_tries_or_that_none_is_needed_and_changes_nothing() {
    let mut card = Card::blank();
    for _ in 0..5 {
        assert_eq!(card.pin_state(), 0x63C3);
    }
    card.verify(PIN);
    assert_eq!(card.pin_state(), 0x9000);
}

/// P2 3.2.1: rule 10.
#[test]
fn p1_ff_takes_the_status_away_and_leaves_the_counter() {
    let mut card = Card::blank();
    card.verify(PIN);
    assert_eq!(card.status("0020FF80"), 0x9000);
    assert_eq!(card.pin_state(), 0x63C3);
    card.verify(OTHER_PIN);
    assert_eq!(card.status("0020FF80"), 0x9000);
    assert_eq!(card.pin_state(), 0x63C2);
}

/// P2 3.2.1: rules 11 and 14.
#[test]
fn the_last_wrong_pin_gives_63c0_and_the_next_is_blocked_without_comparison() {
    let mut card = Card::blank();
    let answers: Vec<_> = (0..3).map(|_| card.verify(OTHER_PIN)).collect();
    assert_eq!(answers, [0x63C2, 0x63C1, 0x63C0]);
    assert_eq!(card.verify(PIN), 0x6983);
    assert_eq!(card.pin_state(), 0x63C0);
    // Blocked for good, also after a reset.
    let mut card = Card::of(card.0);
    assert_eq!(card.verify(PIN), 0x6983);
}

/// P2 3.2.1.1 and 2.4.3: rule 13, the first of the two answers allowed.
#[test]
fn a_malformed_pin_is_refused_without_counting() {
    let mut card = Card::blank();
    card.verify(PIN);
    for pin in [
        &b"12345\xFF\xFF\xFF"[..],
        b"1234567A",
        b"123456\xFF7",
        b"123456\x00\x00",
        b"123456",
        b"123456\xFF\xFF\xFF",
        b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
    ] {
        assert_eq!(card.verify(pin), 0x6A80, "{pin:?}");
    }
    assert_eq!(card.pin_state(), 0x9000);
    assert_eq!(card.tries(PinReference::Application), 3);
}

/// P2 3.2.1.1: rule 15.
#[test]
fn the_right_pin_restores_the_counter() {
    let mut card = Card::blank();
    card.verify(OTHER_PIN);
    card.verify(OTHER_PIN);
    assert_eq!(card.verify(PIN), 0x9000);
    assert_eq!(card.status("0020FF80"), 0x9000);
    assert_eq!(card.pin_state(), 0x63C3);
}

/// P2 3.2.1: no data goes with P1 FF.
#[test]
fn p1_ff_with_data_is_refused() {
    let mut card = Card::blank();
    card.verify(PIN);
    assert_eq!(card.with_data("0020FF80", PIN).1, 0x6A80);
    assert_eq!(card.pin_state(), 0x9000);
}
