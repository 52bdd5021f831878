//! CHANGE REFERENCE DATA (P2 3.2.2).

use super::*;

/// P2 3.2.2: rule 19.
#[test]
fn pin_and_puk_can_be_changed_and_nothing_else() {
    let mut card = Card::blank();
    assert_eq!(card.change(PIN, OTHER_PIN), 0x9000);
    let both = [PUK, &b"\x00abcdef\xFF"[..]].concat();
    assert_eq!(card.with_data("00240081", &both).1, 0x9000);
    assert_eq!(card.unblock(b"\x00abcdef\xFF", PIN), 0x9000);
    let both = [PIN, OTHER_PIN].concat();
    for reference in ["00", "96", "98", "9B"] {
        let (_, status) = card.with_data(&format!("002400{reference}"), &both);
        assert_eq!(status, 0x6A88, "{reference}");
    }
}

/// P2 3.2.2: rules 20 and 21.
#[test]
fn malformed_is_6a80_and_free_wrong_is_63cx_and_counts() {
    let mut card = Card::blank();
    card.verify(PIN);
    assert_eq!(card.change(PIN, b"12345\xFF\xFF\xFF"), 0x6A80);
    assert_eq!(card.change(b"12345\xFF\xFF\xFF", PIN), 0x6A80);
    assert_eq!(card.with_data("00240080", PIN).1, 0x6A80);
    assert_eq!(card.pin_state(), 0x9000);
    assert_eq!(card.change(OTHER_PIN, OTHER_PIN), 0x63C2);
    assert_eq!(card.pin_state(), 0x63C2);
    assert_eq!(card.verify(PIN), 0x9000, "the old PIN still holds");
}

/// P2 3.2.2: rule 21, counter 0.
#[test]
fn a_blocked_pin_cannot_be_changed() {
    let mut card = Card::blank();
    for _ in 0..3 {
        card.change(OTHER_PIN, OTHER_PIN);
    }
    assert_eq!(card.change(PIN, OTHER_PIN), 0x6983);
}

/// P2 3.2.2: rule 22.
#[test]
fn success_sets_the_status_and_restores_the_counter() {
    let mut card = Card::blank();
    card.verify(OTHER_PIN);
    assert_eq!(card.change(PIN, OTHER_PIN), 0x9000);
    assert_eq!(card.pin_state(), 0x9000);
    assert_eq!(card.tries(PinReference::Application), 3);
    assert_eq!(card.verify(PIN), 0x63C2);
    assert_eq!(card.verify(OTHER_PIN), 0x9000);
}
