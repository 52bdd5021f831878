//! The contactless interface and the virtual contact interface (P1 Tables 2 and 4, 5.5; P2 3).

use super::*;

const ALWAYS: [&str; 5] = ["5FC102", "5FC101", "7E", "7F61", "5FC122"];
const VIRTUAL_CONTACT: [&str; 7] = [
    "5FC107", "5FC105", "5FC106", "5FC10A", "5FC10B", "5FC10C", "5FC10D",
];
const VIRTUAL_CONTACT_AND_PIN: [&str; 5] = ["5FC103", "5FC108", "5FC109", "5FC121", "5FC123"];

/// Contactless, with the virtual contact interface open: no pairing code asked for.
fn virtual_contact() -> (Card, Session) {
    let mut card = with_policy([0x4C, 0x00]).contactless();
    let session = card.establish();
    (card, session)
}

/// ISO/IEC 14443 readers give an answer to reset of their own.
#[test]
fn a_contactless_card_has_another_answer_to_reset_and_a_card_with_contacts_only_none() {
    let mut card = Card::personalised().contactless();
    assert_eq!(
        card.0.power_on(),
        Model::series10().contactless.unwrap().atr
    );
    let mut card = card.contact();
    assert_eq!(card.0.power_on(), Model::series10().atr);
    let mut chip = PivChip::blank(&Model::series9(), 7);
    assert!(chip.set_interface(Interface::Contactless).is_err());
    assert_eq!(chip.interface(), Interface::Contact);
}

/// P2 2.4.2: rule 4, since going from one reader to another takes the power away.
#[test]
fn changing_the_interface_resets_the_card() {
    let mut card = Card::personalised();
    card.verify(PIN);
    card.0.set_interface(Interface::Contactless).unwrap();
    assert!(card.0.transmit(&[0, 0x20, 0, 0x80]).is_empty());
    let mut card = card.contact();
    assert_eq!(card.pin_state(), 0x63C3);
}

/// P1 Table 2: what is free to read contactless.
#[test]
fn contactless_reads_in_the_clear_only_what_is_free_for_all() {
    let mut card = Card::personalised().contactless();
    for tag in ALWAYS {
        assert!(matches!(card.get(tag).1, 0x9000 | 0x6A82), "{tag}");
    }
    for tag in ["5FC102", "5FC101", "7E", "5FC122"] {
        assert_eq!(card.get(tag).1, 0x9000, "{tag}");
    }
    for tag in VIRTUAL_CONTACT.into_iter().chain(VIRTUAL_CONTACT_AND_PIN) {
        assert_eq!(card.get(tag).1, 0x6982, "{tag}");
    }
}

/// P1 Table 2: secure messaging alone opens nothing more.
#[test]
fn contactless_secure_messaging_alone_reads_no_more() {
    let mut card = Card::personalised().contactless();
    let session = &mut card.establish();
    assert_eq!(card.secured_get(session, "5FC102").1, 0x9000);
    for tag in VIRTUAL_CONTACT.into_iter().chain(VIRTUAL_CONTACT_AND_PIN) {
        assert_eq!(card.secured_get(session, tag).1, 0x6982, "{tag}");
    }
}

/// P1 Table 2, 5.5: the virtual contact interface is as good as the contacts.
#[test]
fn the_virtual_contact_interface_reads_what_the_contacts_do() {
    let (mut card, mut session) = virtual_contact();
    for tag in VIRTUAL_CONTACT {
        let (_, status) = card.secured_get(&mut session, tag);
        assert!(matches!(status, 0x9000 | 0x6A82), "{tag}");
    }
    for tag in VIRTUAL_CONTACT_AND_PIN {
        assert_eq!(card.secured_get(&mut session, tag).1, 0x6982, "{tag}");
    }
    let (_, status) = card.secured_with(&mut session, "00200080", PIN);
    assert_eq!(status, 0x9000);
    assert_eq!(card.secured_get(&mut session, "5FC109").1, 0x9000);
    assert_eq!(card.secured_get(&mut session, "5FC103").1, 0x6A82);
    // In the clear it is contactless as before, in the middle of the session.
    assert_eq!(card.get("5FC109").1, 0x6982);
    assert_eq!(card.get("5FC105").1, 0x6982);
}

/// P1 5.5: bit 3 FALSE asks for the pairing code, under secure messaging.
#[test]
fn the_virtual_contact_interface_opens_with_the_pairing_code_where_that_is_asked_for() {
    let mut card = Card::personalised().contactless();
    let session = &mut card.establish();
    assert_eq!(card.secured_get(session, "5FC105").1, 0x6982);
    let code = card.pairing_code();
    assert_eq!(card.secured_with(session, "00200098", &code).1, 0x9000);
    assert_eq!(card.secured_get(session, "5FC105").1, 0x9000);
    assert_eq!(card.secured(session, "00200098").1, 0x9000);
    assert_eq!(card.secured(session, "00 20 FF 98").1, 0x9000);
    assert_eq!(card.secured(session, "00200098").1, 0x6300);
    assert_eq!(card.secured_get(session, "5FC105").1, 0x6982);
}

/// P1 5.5: bit 4 FALSE, no virtual contact interface, whatever else there is.
#[test]
fn without_bit_4_there_is_no_virtual_contact_interface() {
    for policy in [[0x40, 0x00], [0x44, 0x00]] {
        let mut card = with_policy(policy).contactless();
        let session = &mut card.establish();
        assert_eq!(card.secured_get(session, "5FC105").1, 0x6982);
        assert_eq!(
            card.secured_with(session, "00200098", b"00000000").1,
            0x6A88
        );
    }
}

/// P2 3.2.1: rule 17.
#[test]
fn a_wrong_pairing_code_is_told_and_never_blocked() {
    let mut card = Card::personalised();
    let code = card.pairing_code();
    assert_eq!(card.with_data("00200098", &code).1, 0x9000);
    for malformed in [&b"1234567"[..], b"12345678A", b"1234567\xFF"] {
        assert_eq!(card.with_data("00200098", malformed).1, 0x6A80);
    }
    assert_eq!(card.status("00200098"), 0x9000, "malformed changes nothing");
    let wrong: Vec<u8> = code.iter().map(|digit| (digit ^ 1).min(b'9')).collect();
    for _ in 0..20 {
        assert_eq!(card.with_data("00200098", &wrong).1, 0x6300);
        assert_eq!(card.status("00200098"), 0x6300);
    }
    assert_eq!(card.with_data("00200098", &code).1, 0x9000);
}

/// P2 3.2.1: rule 18.
#[test]
fn what_the_interface_does_not_carry_is_not_verified_and_changes_nothing() {
    let mut card = Card::personalised().contactless();
    for command in ["00200080", "0020FF80", "00200098"] {
        assert_eq!(card.status(command), 0x6982, "{command}");
    }
    assert_eq!(card.verify(OTHER_PIN), 0x6982);
    assert_eq!(card.verify(PIN), 0x6982);
    let code = card.pairing_code();
    assert_eq!(card.with_data("00200098", &code).1, 0x6982);
    let session = &mut card.establish();
    assert_eq!(card.secured_with(session, "00200080", PIN).1, 0x6982);
    assert_eq!(card.secured_with(session, "00200080", OTHER_PIN).1, 0x6982);
    assert_eq!(card.tries(PinReference::Application), 3);
}

/// P2 3.2.1: rule 12.
#[test]
fn the_last_tries_are_kept_for_the_contacts() {
    let (mut card, mut session) = virtual_contact();
    let mut verify =
        |card: &mut Card, pin: &[u8]| card.secured_with(&mut session, "00200080", pin).1;
    assert_eq!(verify(&mut card, OTHER_PIN), 0x63C2);
    assert_eq!(verify(&mut card, OTHER_PIN), 0x63C1);
    assert_eq!(verify(&mut card, OTHER_PIN), 0x6983);
    assert_eq!(verify(&mut card, PIN), 0x6983, "not even compared");
    let both = [PIN, OTHER_PIN].concat();
    assert_eq!(card.secured_with(&mut session, "00240080", &both).1, 0x6983);
    assert_eq!(card.tries(PinReference::Application), 1);
    let mut card = card.contact();
    assert_eq!(card.verify(PIN), 0x9000);
    let mut card = card.contactless();
    let session = &mut card.establish();
    assert_eq!(card.secured_with(session, "00200080", PIN).1, 0x9000);
}

/// P2 3.2.2: rule 19.
#[test]
fn a_pin_changes_over_the_virtual_contact_interface_and_the_puk_over_the_contacts_only() {
    let (mut card, mut session) = virtual_contact();
    let both = [PIN, OTHER_PIN].concat();
    assert_eq!(card.change(PIN, OTHER_PIN), 0x6982);
    assert_eq!(card.secured_with(&mut session, "00240080", &both).1, 0x9000);
    let puk = [PUK, PUK].concat();
    assert_eq!(card.with_data("00240081", &puk).1, 0x6A81);
    assert_eq!(card.secured_with(&mut session, "00240081", &puk).1, 0x6A81);
    assert_eq!(card.tries(PinReference::Unblocking), 10);
    let mut card = card.contact();
    assert_eq!(card.verify(OTHER_PIN), 0x9000);
}

/// P2 3: card management and the PUK are "no" in the column of the contactless interface.
#[test]
fn card_management_is_for_the_contacts_only() {
    let mut card = Card::personalised().contactless();
    assert_eq!(card.unblock(PUK, PIN), 0x6A81);
    assert_eq!(card.put("5C035FC1025300"), 0x6A81);
    assert_eq!(card.status("0047009A05AC0380011100"), 0x6A81);
    assert_eq!(card.status("00FFFFFF00"), 0x6A81);
    assert_eq!(card.status("00870A9B047C02810000"), 0x6982);
    assert_eq!(card.tries(PinReference::Unblocking), 10);
}

/// P1 Table 4: 9E is free, the others want the virtual contact interface and the PIN.
#[test]
fn keys_want_the_virtual_contact_interface_except_9e() {
    let (mut card, mut session) = virtual_contact();
    assert_eq!(card.sign(0x9E).1, 0x9000);
    assert_eq!(card.secured(&mut session, &sign_command(0x9E)).1, 0x9000);
    for key in [0x9A, 0x9C, 0x9D] {
        assert_eq!(card.sign(key).1, 0x6982, "{key:02X}");
        assert_eq!(card.secured(&mut session, &sign_command(key)).1, 0x6982);
        card.secured_with(&mut session, "00200080", PIN);
        assert_eq!(card.secured(&mut session, &sign_command(key)).1, 0x9000);
        assert_eq!(
            card.sign(key).1,
            0x6982,
            "{key:02X} with the PIN, in the clear"
        );
        card.secured(&mut session, "0020FF80");
    }
}

/// P1 Table 4, P2 3.2.4: "PIN Always" holds under secure messaging as well.
#[test]
fn key_9c_wants_the_pin_each_time_under_secure_messaging_too() {
    let (mut card, mut session) = virtual_contact();
    card.secured_with(&mut session, "00200080", PIN);
    assert_eq!(card.secured(&mut session, &sign_command(0x9C)).1, 0x9000);
    assert_eq!(card.secured(&mut session, &sign_command(0x9C)).1, 0x6982);
}
