//! GENERAL AUTHENTICATE and the keys (P2 3.2.4).

use super::*;

/// P1 Table 5: rule 27.
#[test]
fn keys_behind_the_pin_are_refused_without_it_and_9e_is_not() {
    let mut card = Card::personalised();
    assert_eq!(card.sign(0x9A).1, 0x6982);
    assert_eq!(card.sign(0x9C).1, 0x6982);
    assert_eq!(card.sign(0x9D).1, 0x6982);
    assert_eq!(card.sign(0x9E).1, 0x9000);
    card.verify(PIN);
    for _ in 0..3 {
        assert_eq!(card.sign(0x9A).1, 0x9000);
    }
}

/// P1 Table 5: rule 28.
#[test]
fn key_9c_wants_the_pin_verified_by_the_command_just_before() {
    let mut card = Card::personalised();
    card.verify(PIN);
    assert_eq!(card.sign(0x9C).1, 0x9000);
    assert_eq!(card.sign(0x9C).1, 0x6982);
    card.verify(PIN);
    card.get("5FC102");
    assert_eq!(card.sign(0x9C).1, 0x6982);
    assert_eq!(card.pin_state(), 0x9000, "the PIN itself stays verified");
    card.verify(PIN);
    card.send("00FD000000");
    assert_eq!(card.sign(0x9C).1, 0x6982);
}

/// P1 Table 5 and P2 3.2.4: a chain is one command, so it uses up one VERIFY.
#[test]
fn key_9c_signs_over_a_chain_directly_after_verify() {
    let mut card = Card::personalised();
    card.verify(PIN);
    assert_eq!(
        card.status(&format!("1087119C067C2482008120{}", "")),
        0x9000
    );
    assert_eq!(
        card.status(&format!("0087119C20{}00", "5A".repeat(32))),
        0x9000
    );
}

/// P2 3.2.4: rule 29; P1 Table 7.
#[test]
fn a_card_without_secure_messaging_has_no_key_04_and_takes_no_protected_command() {
    let mut card = Card::of(PivChip::blank(&Model::series9(), 7));
    for p1 in ["11", "14", "07", "27", "2E"] {
        assert_eq!(
            card.status(&format!("0087{p1}04047C02810000")),
            0x6A86,
            "{p1}"
        );
    }
    assert_eq!(card.status("0CCB3FFF055C035FC10200"), 0x6882);
    assert_eq!(card.status("1C87119A055C035FC102"), 0x6882);
}

/// P2 3.2.4 (AS05.36C): rule 30.
#[test]
fn an_interrupted_chain_has_no_effect_and_the_interrupting_command_executes() {
    let mut card = Card::personalised();
    card.verify(PIN);
    assert_eq!(card.status("1087119A0A7C2482008120FFFFFFFF"), 0x9000);
    let (chuid, status) = card.get("5FC102");
    assert_eq!((chuid[0], status), (0x53, 0x9000));
    // The rest of the chain is now the beginning of nothing.
    assert_eq!(
        card.status(&format!("0087119A1C{}00", "5A".repeat(28))),
        0x6A80
    );
    assert_eq!(card.sign(0x9A).1, 0x9000);
}

/// ISO/IEC 7816-4, 5.3.3: other P1-P2 begin another command.
#[test]
fn a_chain_continues_only_with_the_same_parameters() {
    let mut card = Card::personalised();
    card.verify(PIN);
    assert_eq!(card.status("1087119A0A7C2482008120FFFFFFFF"), 0x9000);
    assert_eq!(card.sign(0x9E).1, 0x9000);
    assert_eq!(
        card.status(&format!("0087119A1C{}00", "5A".repeat(28))),
        0x6A80
    );
}

/// P2 3.2.4 (new in 73-5): rule 31.
#[test]
fn exponentiation_is_for_key_management_keys_only() {
    let mut card = Card::personalised();
    let host = p256::SecretKey::from_slice(&[7; 32]).unwrap();
    let point = hex::encode(host.public_key().to_sec1_point(false).as_bytes());
    let command = |key: &str| format!("008711{key}477C4582008541{point}00");
    for key in ["9A", "9C", "9E"] {
        card.verify(PIN);
        assert_eq!(card.status(&command(key)), 0x6A80, "{key}");
    }
    card.0
        .generate(KeyReference::from_byte(0x82).unwrap(), Algorithm::P256)
        .unwrap();
    for key in ["9D", "82"] {
        let (answer, status) = card.send(&command(key));
        assert_eq!(
            (&answer[..4], status),
            (&[0x7C, 0x22, 0x82, 0x20][..], 0x9000),
            "{key}"
        );
    }
}

/// P2 3.2.4, SP 800-78-5: both sides agree on the same secret, and bad points are refused.
#[test]
fn key_agreement_gives_the_x_coordinate_and_refuses_points_off_the_curve() {
    let mut card = Card::personalised();
    card.authenticate();
    card.verify(PIN);
    let (public, _) = card.send("0047009D05AC0380011100");
    let card_key = p256::PublicKey::from_sec1_bytes(&public[5..]).unwrap();
    let host = p256::SecretKey::from_slice(&[7; 32]).unwrap();
    let mut point = host.public_key().to_sec1_point(false).as_bytes().to_vec();
    let command = |point: &[u8]| format!("0087119D477C4582008541{}00", hex::encode(point));
    let (answer, _) = card.send(&command(&point));
    let shared = host.diffie_hellman(&card_key);
    assert_eq!(answer[4..], shared.raw_secret_bytes()[..]);
    point[64] ^= 1;
    assert_eq!(card.status(&command(&point)), 0x6A80);
}

/// P2 Appendix A.1, 2.4.2: external authentication; no challenge serves twice.
#[test]
fn a_challenge_is_answered_by_the_next_command_or_not_at_all() {
    let mut card = Card::blank();
    assert!(!card.is_administrator());
    assert_eq!(card.authenticate(), 0x9000);
    assert!(card.is_administrator());

    let mut card = Card::blank();
    let key = card.admin_key();
    let (answer, _) = card.send("00870A9B047C02810000");
    assert_eq!(answer[..4], [0x7C, 0x12, 0x81, 0x10]);
    card.pin_state();
    assert_eq!(card.answer_challenge(&key.encrypt(&answer[4..])), 0x6A80);
    assert!(!card.is_administrator());
    let (again, _) = card.send("00870A9B047C02810000");
    assert_ne!(answer, again);
}

/// P2 3.2.4: fetching the challenge with GET RESPONSE is still the same command.
#[test]
fn a_challenge_fetched_in_pieces_can_be_answered() {
    let mut model = Model::series10();
    model.transport.data_without_le = false;
    let mut card = Card::of(PivChip::blank(&model, 7));
    let key = card.admin_key();
    assert_eq!(card.send("00870A9B047C028100"), (vec![], 0x6114));
    let (answer, status) = card.send("00C0000014");
    assert_eq!(status, 0x9000);
    assert_eq!(card.answer_challenge(&key.encrypt(&answer[4..])), 0x9000);
}

/// P2 Appendix A.2: mutual authentication.
#[test]
fn both_sides_prove_the_key_in_mutual_authentication() {
    let mut card = Card::blank();
    let key = card.admin_key();
    let cell = card
        .0
        .memory()
        .get(Cell::Key(KeyReference::Administration))
        .unwrap()
        .to_vec();
    let (answer, _) = card.send("00870A9B047C02800000");
    assert_eq!(answer[..4], [0x7C, 0x12, 0x80, 0x10]);
    let witness = decrypt_aes192(&cell[1..], &answer[4..]);
    let host_challenge = [0xA5; 16];
    let data = [
        &[0x7C, 0x26, 0x80, 0x10][..],
        &witness,
        &[0x81, 0x10],
        &host_challenge,
        &[0x82, 0x00],
    ]
    .concat();
    let (answer, status) = card.send(&format!("00870A9B28{}00", hex::encode(&data)));
    assert_eq!(status, 0x9000);
    assert_eq!(answer[4..], key.encrypt(&host_challenge)[..]);
    assert!(card.is_administrator());
}

/// The card encrypts nothing for a host that has not proved the key.
#[test]
fn key_9b_is_no_oracle() {
    let mut card = Card::blank();
    let block = "A5".repeat(16);
    assert_eq!(
        card.status(&format!("00870A9B167C148110{block}820000")),
        0x6A80
    );
    card.send("00870A9B047C02800000");
    let wrong = format!("00870A9B287C268010{block}8110{block}820000");
    assert_eq!(card.send(&wrong), (vec![], 0x6982));
    // Nor does it after that: internal authentication is not for 9B.
    card.authenticate();
    assert_eq!(
        card.status(&format!("00870A9B167C148110{block}820000")),
        0x6A80
    );
}

/// SP 800-78-5, Table 9: every algorithm for 9B, by the vendor command that sets it.
#[test]
fn the_administration_key_can_be_replaced_in_every_algorithm() {
    let mut card = Card::blank();
    let set = |algorithm: u8, size: usize| {
        format!(
            "00FFFFFF{:02X}{algorithm:02X}9B{size:02X}{}",
            size + 3,
            "1F".repeat(size)
        )
    };
    assert_eq!(card.status(&set(0x08, 16)), 0x6982);
    for (algorithm, size) in [(0x08, 16), (0x0A, 24), (0x0C, 32), (0x03, 24)] {
        assert_eq!(card.authenticate(), 0x9000);
        assert_eq!(card.status(&set(algorithm, size)), 0x9000);
        assert!(card.is_administrator());
        assert_eq!(card.authenticate(), 0x9000);
    }
    assert_eq!(card.status(&set(0x08, 24)), 0x6A80);
    let mut model = Model::series10();
    model.administration.set_management_key = false;
    let mut card = Card::of(PivChip::blank(&model, 1));
    card.authenticate();
    assert_eq!(card.status(&set(0x08, 16)), 0x6D00);
}

/// P2 3.2.4, Table 9 of SP 800-78-5: P1 must be the key's algorithm.
#[test]
fn another_algorithm_than_the_keys_is_6a86() {
    let mut card = Card::personalised();
    card.verify(PIN);
    assert_eq!(
        card.status(&sign_command(0x9A).replacen("008711", "008714", 1)),
        0x6A86
    );
    assert_eq!(card.status("0087089B047C02810000"), 0x6A86);
    assert_eq!(card.status("0087FF9A047C02810000"), 0x6A86);
    assert_eq!(card.status("00871199047C02810000"), 0x6A86);
    let mut blank = Card::blank();
    blank.verify(PIN);
    assert_eq!(blank.sign(0x9A).1, 0x6A86);
}

/// P2 Appendix A.4.2: the order of the objects in the template is free.
#[test]
fn a_signature_verifies_whatever_the_order_of_the_template() {
    let mut card = Card::blank();
    card.authenticate();
    for (mechanism, key, size) in [(0x11_u8, "9A", 32_usize), (0x14, "9E", 48)] {
        let (public, status) = card.whole(&format!("004700{key}05AC038001{mechanism:02X}00"));
        assert_eq!(status, 0x9000);
        card.verify(PIN);
        let digest = vec![0x5A; size];
        let hex_digest = hex::encode(&digest);
        let (outer, inner) = (size + 4, size);
        for template in [
            format!("7C{outer:02X}820081{inner:02X}{hex_digest}"),
            format!("7C{outer:02X}81{inner:02X}{hex_digest}8200"),
        ] {
            let length = template.len() / 2;
            let command = format!("0087{mechanism:02X}{key}{length:02X}{template}00");
            let (answer, status) = card.whole(&command);
            assert_eq!(status, 0x9000);
            let signature = &answer[4..];
            if mechanism == 0x11 {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&public[5..]).unwrap();
                let signature = p256::ecdsa::DerSignature::try_from(signature).unwrap();
                key.verify_prehash(&digest, &signature).unwrap();
            } else {
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(&public[5..]).unwrap();
                let signature = p384::ecdsa::DerSignature::try_from(signature).unwrap();
                key.verify_prehash(&digest, &signature).unwrap();
            }
        }
    }
}

/// P2 Appendix A.4.1: RSA works on the whole padded block, in chained commands and answers.
#[test]
fn rsa_signs_and_decrypts_raw_blocks_of_the_size_of_the_modulus() {
    let mut card = Card::blank();
    card.authenticate();
    let (public, status) = card.whole("0047009D05AC0380010700");
    assert_eq!((public.len(), status), (270, 0x9000));
    card.verify(PIN);
    let modulus = rsa::BoxedUint::from_be_slice(&public[9..265], 2048).unwrap();
    let exponent = rsa::BoxedUint::from(65_537_u64);
    let key = rsa::RsaPublicKey::new(modulus, exponent).unwrap();
    let mut block = vec![0x00, 0x01];
    block.resize(256, 0x5A);
    let template = format!("7C8201068200818201 00{}", hex::encode(&block)).replace(' ', "");
    let (first, last) = template.split_at(510);
    assert_eq!(card.status(&format!("1087079DFF{first}")), 0x9000);
    let (piece, status) = card.send(&format!("0087079D0B{last}00"));
    assert_eq!((piece.len(), status), (256, 0x6108));
    let (rest, status) = card.send("00C0000008");
    assert_eq!((rest.len(), status), (8, 0x9000));
    let result = [&piece[8..], &rest].concat();
    let result = rsa::BoxedUint::from_be_slice(&result, 2048).unwrap();
    let opened = rsa::hazmat::rsa_encrypt(&key, &result).unwrap();
    assert_eq!(opened.to_be_bytes().as_ref(), block);
    // A block that is not smaller than the modulus.
    let template = format!("7C820106820081820100{}", "FF".repeat(256));
    let (first, last) = template.split_at(510);
    card.status(&format!("1087079DFF{first}"));
    assert_eq!(card.status(&format!("0087079D0B{last}00")), 0x6A80);
}
