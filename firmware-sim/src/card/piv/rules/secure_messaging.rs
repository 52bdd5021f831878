//! Key 04, key establishment and secure messaging (P2 4), over the contact interface.

use super::*;

/// The request of a host with this CB_H, ID_sH and point.
fn request(suite: u8, control: u8, point: &[u8]) -> String {
    let challenge = [&[control][..], &[0; 8], point].concat();
    let size = challenge.len() as u8;
    let template = [&[0x7C, size + 4, 0x81, size][..], &challenge, &[0x82, 0x00]].concat();
    format!(
        "0087{suite:02X}04{:02X}{}00",
        size + 6,
        hex::encode(template)
    )
}

/// Any point of P-256, as a host would send.
fn point() -> Vec<u8> {
    let secret = p256::SecretKey::from_slice(&[9; 32]).unwrap();
    secret.public_key().to_sec1_point(false).as_bytes().to_vec()
}

fn cs7() -> Card {
    let mut model = Model::series10();
    model.secure_messaging.as_mut().unwrap().suite = Suite::Cs7;
    Card::of(PivChip::personalised(&model, 7))
}

/// P2 4.1.8: one answer, certificate and all; either order of the objects.
#[test]
fn an_establishment_is_answered_with_control_byte_nonce_cryptogram_and_certificate() {
    let mut card = Card::personalised();
    let (data, status) = card.whole(&request(0x27, 0x00, &point()));
    assert_eq!(status, 0x9000);
    assert_eq!(data[..2], [0x7C, 0x81]);
    assert_eq!(data[3..5], [0x82, 0x81]);
    assert_eq!(data[6], 0x00, "CB_ICC");
    assert_eq!(data[6 + 1 + 16 + 16..][..3], [0x7F, 0x21, 0x81]);
    let command = request(0x27, 0x00, &point());
    // Header, Lc, tag and length of the template; then 81, then 82.
    let (before, objects) = command.split_at(14);
    let challenge = objects.strip_suffix("820000").unwrap();
    let swapped = format!("{before}8200{challenge}00");
    assert_eq!(card.whole(&swapped).1, 0x9000);
}

/// P2 4.1.8: a fresh nonce each time, also after a reset.
#[test]
fn nonces_do_not_repeat() {
    let mut card = Card::personalised();
    let nonce = |card: &mut Card| card.whole(&request(0x27, 0x00, &point())).0[7..23].to_vec();
    let mut seen = vec![nonce(&mut card), nonce(&mut card)];
    let mut card = Card::of(card.0);
    seen.push(nonce(&mut card));
    assert_ne!(seen[0], seen[1]);
    assert!(!seen[..2].contains(&seen[2]));
}

/// P2 3.2.4: rule 29, algorithms.
#[test]
fn key_04_takes_its_own_cipher_suite_only() {
    for (mut card, right) in [(Card::personalised(), 0x27), (cs7(), 0x2E)] {
        for wrong in [0x11, 0x14, 0x07, 0x08, 0x27, 0x2E, 0xFF] {
            if wrong != right {
                assert_eq!(card.status(&request(wrong, 0x00, &point())), 0x6A86);
            }
        }
        card.establish();
    }
}

/// P2 4.1.2: rule 29, control byte and point.
#[test]
fn a_control_byte_with_a_high_nibble_and_a_point_off_the_curve_are_wrong_data() {
    let mut card = Card::personalised();
    for control in [0x10, 0x80, 0xF0, 0xFF] {
        assert_eq!(card.status(&request(0x27, control, &point())), 0x6A80);
    }
    assert_eq!(card.whole(&request(0x27, 0x0F, &point())).1, 0x9000);
    let mut off_curve = point();
    off_curve[64] ^= 1;
    let mut compressed = point();
    compressed[0] = 0x02;
    let mut longer = point();
    longer.push(0);
    for wrong in [&off_curve[..], &compressed, &longer, &[0x04; 65], &[0x00]] {
        assert_eq!(card.status(&request(0x27, 0x00, wrong)), 0x6A80);
    }
    for template in [
        "7C00",
        "7C028100",
        "7C028200",
        "7C0481008200",
        "7C0485008200",
    ] {
        let data = hex::decode(template).unwrap();
        assert_eq!(card.with_data("00872704", &data).1, 0x6A80, "{template}");
    }
}

/// P2 3.3.2, 4.1.5: generated on the card; usable once its certificate is there.
#[test]
fn key_04_is_generated_for_the_suite_and_waits_for_its_certificate() {
    let certificate = {
        let card = Card::personalised();
        card.0.memory().get(Cell::Certificate).unwrap().to_vec()
    };
    let mut card = Card::blank();
    assert_eq!(card.status(&request(0x27, 0x00, &point())), 0x6A86);
    assert_eq!(card.status("0047000405AC0380012700"), 0x6982);
    card.authenticate();
    for wrong in [
        "05AC0380011100",
        "05AC0380012E00",
        "0AAC08800127810301000100",
    ] {
        assert_eq!(card.status(&format!("00470004{wrong}")), 0x6A80);
    }
    let (public, status) = card.send("0047000405AC0380012700");
    assert_eq!(
        (public[..5].to_vec(), status),
        (vec![0x7F, 0x49, 0x43, 0x86, 0x41], 0x9000)
    );
    assert_eq!(card.status(&request(0x27, 0x00, &point())), 0x6A86);
    assert_eq!(card.with_data("00DB3FFF", &certificate).1, 0x9000);
    assert_eq!(card.whole(&request(0x27, 0x00, &point())).1, 0x9000);
    // A new key has no certificate.
    assert_eq!(card.status("0047000405AC0380012700"), 0x9000);
    assert_eq!(card.status(&request(0x27, 0x00, &point())), 0x6A86);
}

/// The model says whether this kind of card stores certificates so, and the administrator alone.
#[test]
fn the_certificate_is_stored_by_the_administrator_where_the_model_allows() {
    let object = hex::decode("7F210142").unwrap();
    let mut card = Card::blank();
    assert_eq!(card.with_data("00DB3FFF", &object).1, 0x6982);
    let mut model = Model::series10();
    model.secure_messaging.as_mut().unwrap().put_certificate = false;
    let mut card = Card::of(PivChip::blank(&model, 7));
    card.authenticate();
    assert_eq!(card.with_data("00DB3FFF", &object).1, 0x6A81);
}

/// P1 Table 7: no keys, no secure messaging.
#[test]
fn without_a_session_protected_commands_are_refused() {
    let mut card = Card::personalised();
    assert_eq!(card.status("0CCB3FFF0A8E08000000000000000000"), 0x6982);
    assert_eq!(card.status("1C87119A0A8E080000000000000000"), 0x6982);
}

/// P2 4.2: secure messaging is for four commands.
#[test]
fn other_commands_are_not_carried_and_end_the_session() {
    for command in [
        "0C47009A0A8E08000000000000000000",
        "0CDB3FFF0A8E08000000000000000000",
        "0C2C00800A8E08000000000000000000",
        "0CA404000A8E08000000000000000000",
        "0CFD00000A8E08000000000000000000",
    ] {
        let mut card = Card::personalised();
        let session = &mut card.establish();
        assert_eq!(card.secured_get(session, "5FC102").1, 0x9000);
        assert_eq!(card.status(command), 0x6882, "{command}");
        assert_eq!(card.status("0CCB3FFF0A8E08000000000000000000"), 0x6982);
    }
}

/// P2 4.2.1: 6987 without a MAC, 6988 with a wrong one; either ends the session.
#[test]
fn objects_missing_or_wrong_end_the_session_in_the_clear() {
    for (command, status) in [
        ("0CCB3FFF00", 0x6987),
        ("0CCB3FFF0397010000", 0x6987),
        ("0CCB3FFF0A8E08000000000000000000", 0x6988),
        ("0CCB3FFF01FF00", 0x6988),
        ("0CCB3FFFFF00", 0x6700),
        ("1CCB3FFF0A8E080000000000000000", 0x6884),
    ] {
        let mut card = Card::personalised();
        card.establish();
        assert_eq!(card.send(command), (vec![], status), "{command}");
        assert_eq!(card.status("0CCB3FFF0A8E08000000000000000000"), 0x6982);
        // In the clear the card goes on as if nothing had been.
        assert_eq!(card.get("5FC102").1, 0x9000);
    }
}

/// P2 4.2.4: what a command itself is refused with comes back protected.
#[test]
fn refusals_come_protected_and_the_session_goes_on() {
    let mut card = Card::personalised();
    let session = &mut card.establish();
    assert_eq!(card.secured_get(session, "5FC109"), (vec![], 0x6982));
    assert_eq!(card.secured_get(session, "5FC103"), (vec![], 0x6982));
    assert_eq!(card.secured_with(session, "00200080", OTHER_PIN).1, 0x63C2);
    assert_eq!(card.secured(session, "00200080"), (vec![], 0x63C2));
    assert_eq!(card.secured(session, "0087FF9A00").1, 0x6A86);
    assert_eq!(card.secured_get(session, "5FC102").1, 0x9000);
}

/// P2 4.2: over the contacts secure messaging changes no access rule; status gained in the clear
/// holds inside, and the other way round.
#[test]
fn the_contacts_allow_the_same_inside_and_outside() {
    let mut card = Card::personalised();
    card.verify(PIN);
    let session = &mut card.establish();
    assert_eq!(card.secured_get(session, "5FC109").1, 0x9000);
    assert_eq!(card.secured_get(session, "5FC109").0, card.get("5FC109").0);
    card.secured(session, "0020FF80");
    assert_eq!(card.pin_state(), 0x63C3);
    card.secured_with(session, "00200080", PIN);
    assert_eq!(card.pin_state(), 0x9000);
    let both = [PIN, OTHER_PIN].concat();
    assert_eq!(card.secured_with(session, "00240080", &both).1, 0x9000);
    assert_eq!(card.verify(OTHER_PIN), 0x9000);
}

/// P2 4.2: GET RESPONSE goes in the clear and counts for nothing; neither do plain commands.
#[test]
fn plain_commands_in_between_leave_the_session_as_it_is() {
    let mut card = Card::personalised();
    let session = &mut card.establish();
    let (certificate, status) = card.secured_get(session, "5FC105");
    assert_eq!(status, 0x9000);
    assert_eq!(card.sign(0x9E).1, 0x9000);
    assert_eq!(card.status("00FD0000"), 0x6D00);
    assert_eq!(card.status(SELECT), 0x9000);
    assert_eq!(card.secured_get(session, "5FC105").0, certificate);
}

/// P2 4.3: rule 4; and what ends the application's other security status (rule 3) ends this.
#[test]
fn a_reset_another_application_and_a_new_request_end_the_session() {
    let mut card = Card::personalised();
    card.establish();
    let mut card = Card::of(card.0);
    assert_eq!(card.status("0CCB3FFF0A8E08000000000000000000"), 0x6982);
    card.establish();
    card.status("00A4040008A00000015100000000");
    assert_eq!(card.status("0CCB3FFF0A8E08000000000000000000"), 0x6E00);
    card.status(SELECT);
    assert_eq!(card.status("0CCB3FFF0A8E08000000000000000000"), 0x6982);
    card.establish();
    assert_eq!(card.status(&request(0x27, 0xF0, &point())), 0x6A80);
    assert_eq!(card.status("0CCB3FFF0A8E08000000000000000000"), 0x6982);
    let mut first = card.establish();
    let second = &mut card.establish();
    assert_eq!(card.secured_get(second, "5FC102").1, 0x9000);
    let stale = Command::parse(&hex::decode("00CB3FFF055C035FC10200").unwrap()).unwrap();
    let stale = first.protect(&stale).unwrap().to_short().unwrap();
    assert_eq!(card.status(&hex::encode(stale)), 0x6988);
}

/// P2 4.1.8: an answer under keys that are no more is none; the session there is stays.
#[test]
fn a_session_is_not_established_inside_another() {
    let mut card = Card::personalised();
    let session = &mut card.establish();
    assert_eq!(
        card.secured(session, &request(0x27, 0x00, &point())).1,
        0x6A86
    );
    assert_eq!(card.secured_get(session, "5FC102").1, 0x9000);
}

/// P2 4.2.2: encrypted first, then split; the MAC is over the whole with class 0C.
#[test]
fn a_long_command_comes_in_parts_under_one_mac() {
    let mut card = Card::personalised();
    card.authenticate();
    assert_eq!(card.whole("0047009A05AC0380010700").1, 0x9000);
    let session = &mut card.establish();
    card.secured_with(session, "00200080", PIN);
    let block = "00".repeat(255) + "02";
    let command = format!("0087079A00010A7C8201068200 81820100{block}0000");
    let (data, status) = card.secured(session, &command);
    assert_eq!((data.len(), status), (264, 0x9000));
    assert_eq!(card.secured_get(session, "5FC102").1, 0x9000);
}

/// P2 4.2: rule 32.
#[test]
fn a_chain_begun_under_secure_messaging_does_not_go_on_in_the_clear() {
    for class in ["00", "10"] {
        let mut card = Card::personalised();
        card.establish();
        assert_eq!(card.status("1C87119E048711AABB"), 0x9000);
        assert_eq!(card.status(&format!("{class}87119E04 7C008200")), 0x6987);
        assert_eq!(card.status("0CCB3FFF0A8E08000000000000000000"), 0x6982);
    }
}

/// P2 3.2.4 (AS05.36C): rule 30, under secure messaging.
#[test]
fn an_interrupted_protected_chain_is_as_if_it_had_never_begun() {
    let mut card = Card::personalised();
    let session = &mut card.establish();
    assert_eq!(card.status("1C87119E048711AABB"), 0x9000);
    assert_eq!(card.get("5FC102").1, 0x9000);
    assert_eq!(card.secured_get(session, "5FC102").1, 0x9000);
    assert_eq!(card.status("1C87119E048711AABB"), 0x9000);
    assert_eq!(card.secured_get(session, "5FC102").1, 0x9000);
    // A chain in the clear that a protected command of the same kind comes into, likewise.
    assert_eq!(card.status("1087119E027C24"), 0x9000);
    assert_eq!(card.secured(session, &sign_command(0x9E)).1, 0x9000);
}

/// P2 4, Table 14.
#[test]
fn the_larger_suite_does_the_same() {
    let mut card = cs7();
    assert!(hex::encode_upper(card.send(SELECT).0).contains("AC0680012E060100"));
    let session = &mut card.establish();
    assert_eq!(card.secured_with(session, "00200080", PIN).1, 0x9000);
    assert_eq!(card.secured_get(session, "5FC109").1, 0x9000);
    assert_eq!(card.secured(session, &sign_command(0x9A)).1, 0x9000);
}
