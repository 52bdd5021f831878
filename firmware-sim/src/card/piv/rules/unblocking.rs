//! RESET RETRY COUNTER (P2 3.2.3).

use super::*;

/// P2 3.2.3: rule 23.
#[test]
fn a_wrong_puk_counts_and_takes_the_pin_status_away_until_it_is_blocked() {
    let mut card = Card::blank();
    card.verify(OTHER_PIN);
    card.verify(PIN);
    for left in (0..10).rev() {
        assert_eq!(card.unblock(b"00000000", OTHER_PIN), 0x63C0 | left);
    }
    assert_eq!(card.pin_state(), 0x63C3);
    assert_eq!(card.unblock(PUK, OTHER_PIN), 0x6983);
    assert_eq!(card.verify(PIN), 0x9000);
    assert_eq!(card.with_data("002C0081", &[0; 16]).1, 0x6A88);
}

/// P2 3.2.3: rule 24.
#[test]
fn a_malformed_new_pin_changes_nothing() {
    let mut card = Card::blank();
    card.verify(PIN);
    assert_eq!(card.unblock(PUK, b"1234\xFF\xFF\xFF\xFF"), 0x6A80);
    assert_eq!(card.unblock(b"00000000", b"1234\xFF\xFF\xFF\xFF"), 0x6A80);
    assert_eq!(card.tries(PinReference::Unblocking), 10);
    assert_eq!(card.pin_state(), 0x9000);
}

/// P2 3.2.3: rule 25.
#[test]
fn success_restores_the_pin_counter_and_leaves_the_pin_status() {
    let mut card = Card::blank();
    for _ in 0..3 {
        card.verify(OTHER_PIN);
    }
    card.unblock(b"00000000", OTHER_PIN);
    assert_eq!(card.unblock(PUK, OTHER_PIN), 0x9000);
    assert_eq!(card.pin_state(), 0x63C3);
    assert_eq!(card.tries(PinReference::Unblocking), 10);
    assert_eq!(card.verify(OTHER_PIN), 0x9000);
    assert_eq!(card.unblock(PUK, PIN), 0x9000);
    assert_eq!(card.pin_state(), 0x9000);
}

/// P2 3.2.3: rule 26.
#[test]
fn the_field_has_sixteen_bytes() {
    let mut card = Card::blank();
    assert_eq!(card.with_data("002C0080", b"12345678123456").1, 0x6A80);
    assert_eq!(card.tries(PinReference::Unblocking), 10);
}
