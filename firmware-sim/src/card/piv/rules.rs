//! The rules of SP 800-73-5 on state and answers over the contact interface, one test each.
//! `P1` and `P2` are its Parts 1 and 2.

use ::piv::words::{Algorithm, KeyReference, PinReference};
use p256::elliptic_curve::sec1::ToSec1Point;
use signature::hazmat::PrehashVerifier;

use crate::card::cipher::BlockKey;
use crate::card::nvm::Cell;
use crate::card::{Model, PivChip, Reference};
use crate::contacts::Chip;

const PIN: &[u8] = b"123456\xFF\xFF";
const OTHER_PIN: &[u8] = b"654321\xFF\xFF";
const PUK: &[u8] = b"12345678";
const SELECT: &str = "00A404000BA00000030800001000010000";

/// A card under test.
struct Card(PivChip);

impl Card {
    fn blank() -> Self {
        Self::of(PivChip::blank(&Model::series10(), 7))
    }

    fn personalised() -> Self {
        Self::of(PivChip::personalised(&Model::series10(), 7))
    }

    /// Powered up, PIV selected.
    fn of(mut chip: PivChip) -> Self {
        chip.power_on();
        let mut card = Self(chip);
        assert_eq!(card.status(SELECT), 0x9000);
        card
    }

    fn send_bytes(&mut self, command: &[u8]) -> (Vec<u8>, u16) {
        let mut answer = self.0.transmit(command);
        let status = answer.split_off(answer.len() - 2);
        (answer, u16::from_be_bytes([status[0], status[1]]))
    }

    fn send(&mut self, command: &str) -> (Vec<u8>, u16) {
        self.send_bytes(&hex::decode(command.replace(' ', "")).unwrap())
    }

    fn status(&mut self, command: &str) -> u16 {
        self.send(command).1
    }

    /// Sends and fetches all of the answer.
    fn whole(&mut self, command: &str) -> (Vec<u8>, u16) {
        let (mut data, mut status) = self.send(command);
        while status >> 8 == 0x61 {
            let (more, next) = self.send("00C0000000");
            data.extend(more);
            status = next;
        }
        (data, status)
    }

    fn with_data(&mut self, header: &str, data: &[u8]) -> (Vec<u8>, u16) {
        let command = format!("{header}{:02X}{}", data.len(), hex::encode(data));
        self.send(&command)
    }

    fn verify(&mut self, pin: &[u8]) -> u16 {
        self.with_data("00200080", pin).1
    }

    fn pin_state(&mut self) -> u16 {
        self.status("00200080")
    }

    fn change(&mut self, old: &[u8], new: &[u8]) -> u16 {
        self.with_data("00240080", &[old, new].concat()).1
    }

    fn unblock(&mut self, puk: &[u8], new: &[u8]) -> u16 {
        self.with_data("002C0080", &[puk, new].concat()).1
    }

    fn tries(&self, reference: PinReference) -> u8 {
        self.0.memory().get(Cell::Tries(reference)).unwrap()[0]
    }

    fn admin_key(&self) -> BlockKey {
        let cell = Cell::Key(KeyReference::Administration);
        BlockKey::from_cell(self.0.memory().get(cell).unwrap()).unwrap()
    }

    /// External authentication with key 9B.
    fn authenticate(&mut self) -> u16 {
        let key = self.admin_key();
        let p1 = key.algorithm().byte();
        let (answer, status) = self.send(&format!("0087{p1:02X}9B047C02810000"));
        assert_eq!(status, 0x9000);
        self.answer_challenge(&key.encrypt(&answer[4..]))
    }

    fn answer_challenge(&mut self, response: &[u8]) -> u16 {
        let p1 = self.admin_key().algorithm().byte();
        let size = response.len();
        let mut data = vec![0x7C, size as u8 + 2, 0x82, size as u8];
        data.extend_from_slice(response);
        self.with_data(&format!("0087{p1:02X}9B"), &data).1
    }

    fn is_administrator(&mut self) -> bool {
        // An empty mechanism is refused for its data only after the access rule.
        match self.status("0047009A02AC0000") {
            0x6982 => false,
            0x6A80 => true,
            other => panic!("{other:04X}"),
        }
    }

    fn sign(&mut self, key: u8) -> (Vec<u8>, u16) {
        self.send(&sign_command(key))
    }

    fn get(&mut self, tag: &str) -> (Vec<u8>, u16) {
        let size = tag.len() / 2;
        self.whole(&format!("00CB3FFF{:02X}5C{size:02X}{tag}00", size + 2))
    }

    fn put(&mut self, data: &str) -> u16 {
        self.with_data("00DB3FFF", &hex::decode(data).unwrap()).1
    }
}

fn sign_command(key: u8) -> String {
    format!("008711{key:02X}267C2482008120{}00", "5A".repeat(32))
}

fn with_global_pin() -> Card {
    let mut model = Model::series10();
    model.global_pin = Some(Reference::new("111111", 5));
    let mut card = Card::of(PivChip::personalised(&model, 7));
    assert_eq!(card.authenticate(), 0x9000);
    assert_eq!(card.put("7E124F0BA0000003080000100001005F2F026010"), 0x9000);
    card
}

mod selecting {
    use super::*;

    /// P2 3.1.1: rule 1.
    #[test]
    fn selecting_piv_again_leaves_every_status_unchanged() {
        let mut card = Card::blank();
        card.authenticate();
        card.verify(PIN);
        assert_eq!(card.status(SELECT), 0x9000);
        assert_eq!(card.status("00A4040009A0000003080000100000"), 0x9000);
        assert_eq!(card.pin_state(), 0x9000);
        assert!(card.is_administrator());
    }

    /// P2 3.1.1: rule 2.
    #[test]
    fn selecting_an_application_that_is_not_there_leaves_piv_and_status() {
        let mut card = Card::blank();
        card.authenticate();
        card.verify(PIN);
        for aid in [
            "A000000397425446590201",
            "A0000003974349445F0100",
            "A00000030800001001",
        ] {
            let command = format!("00A40400{:02X}{aid}00", aid.len() / 2);
            assert_eq!(card.status(&command), 0x6A82, "{aid}");
        }
        assert_eq!(card.pin_state(), 0x9000);
        assert!(card.is_administrator());
    }

    /// P2 3.1.1 and 2.4.2: rule 3.
    #[test]
    fn selecting_another_application_clears_application_status_and_keeps_the_global_pin() {
        let mut card = with_global_pin();
        card.verify(PIN);
        assert_eq!(card.with_data("00200000", b"111111\xFF\xFF").1, 0x9000);
        for aid in ["00A4040000", "00A4040008A00000015100000000"] {
            assert_eq!(card.status(aid), 0x9000);
            assert_eq!(card.status(SELECT), 0x9000);
            assert_eq!(card.pin_state(), 0x63C3);
            assert!(!card.is_administrator());
            assert_eq!(card.status("00200000"), 0x9000);
        }
    }

    /// ISO/IEC 7816-4, 12.1.1: rule 4.
    #[test]
    fn a_reset_clears_all_status() {
        let mut card = with_global_pin();
        card.verify(PIN);
        card.with_data("00200000", b"111111\xFF\xFF");
        let mut card = Card::of(card.0);
        assert_eq!(card.pin_state(), 0x63C3);
        assert_eq!(card.status("00200000"), 0x63C5);
        assert!(!card.is_administrator());
    }

    /// P2 2.3.1: which application is selected after a reset is the model's affair.
    #[test]
    fn the_model_says_what_is_selected_after_a_reset() {
        let mut manager = Card(PivChip::blank(&Model::series10(), 1));
        manager.0.power_on();
        assert_eq!(manager.status("80CA9F7F00"), 0x9000);
        assert_eq!(manager.pin_state(), 0x6D00);
        let mut piv = Card(PivChip::blank(&Model::series9(), 1));
        piv.0.power_on();
        assert_eq!(piv.status("80CA9F7F00"), 0x6E00);
        assert_eq!(piv.pin_state(), 0x63C3);
    }

    /// P2 3.1.1: the template names the whole identifier however it was asked for.
    #[test]
    fn the_template_names_the_whole_identifier() {
        let mut card = Card::blank();
        let (full, _) = card.send(SELECT);
        let (truncated, _) = card.send("00A4040009A0000003080000100000");
        assert_eq!(full, truncated);
        assert!(hex::encode_upper(&full).starts_with("61224F0BA0000003080000100001007907"));
        // Extended length information stands after the template.
        assert!(hex::encode_upper(&full).ends_with("7F6608020203F802027FFF"));
    }
}

mod verifying {
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
}

mod changing {
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
}

mod unblocking {
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
}

mod authenticating {
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

    /// P2 3.2.4: rule 29, as far as a card without secure messaging can follow it.
    #[test]
    fn the_secure_messaging_key_is_not_there_for_any_algorithm() {
        let mut card = Card::blank();
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
}

mod objects {
    use super::*;

    /// P2 3.1.2, P1 Table 2: rule 33.
    #[test]
    fn what_needs_the_pin_is_refused_before_it_is_looked_for() {
        let mut card = Card::personalised();
        for tag in ["5FC103", "5FC108", "5FC109", "5FC121", "5FC123"] {
            assert_eq!(card.get(tag).1, 0x6982, "{tag}");
        }
        card.verify(PIN);
        assert_eq!(card.get("5FC103").1, 0x6A82);
        assert_eq!(card.get("5FC109").1, 0x9000);
    }

    /// P1 4.1.1: rule 34.
    #[test]
    fn an_object_without_content_is_there_and_one_never_created_is_not() {
        let mut card = Card::blank();
        assert_eq!(card.get("5FC102").1, 0x6A82);
        card.authenticate();
        assert_eq!(card.put("5C035FC1025300"), 0x9000);
        assert_eq!(card.get("5FC102"), (vec![0x53, 0x00], 0x9000));
    }

    /// P2 3.3.1 and 3.3.2: rule 35.
    #[test]
    fn writing_and_generating_need_the_administrator() {
        let mut card = Card::blank();
        card.verify(PIN);
        assert_eq!(card.put("5C035FC1025300"), 0x6982);
        assert_eq!(card.status("0047009A05AC0380011100"), 0x6982);
        assert_eq!(card.status("0047009A05AC0380010700"), 0x6982);
    }

    /// P2 3.3.1: the bare objects carry their own tag, all others come in 53.
    #[test]
    fn objects_are_replaced_whole_and_come_back_as_they_were_written() {
        let mut card = Card::blank();
        card.authenticate();
        for (tag, put, got) in [
            ("5FC102", "5C035FC1025302AABB", "5302AABB"),
            ("5FC102", "5C035FC1025301CC", "5301CC"),
            ("7E", "7E0100", "7E0100"),
            ("7F61", "7F6103020100", "7F6103020100"),
        ] {
            assert_eq!(card.put(put), 0x9000);
            assert_eq!(card.get(tag), (hex::decode(got).unwrap(), 0x9000));
        }
        for wrong in [
            "5C035FC102",
            "5302AABB",
            "5C017E530100",
            "5C035FC10253020A",
            "5C035FC102530000",
        ] {
            assert!(matches!(card.put(wrong), 0x6A80 | 0x6A81), "{wrong}");
        }
        assert_eq!(card.put("5C035FFF005300"), 0x6A81);
        assert_eq!(card.get("5FC102").0, [0x53, 0x01, 0xCC]);
    }

    /// P2 3.3.1: 6A84.
    #[test]
    fn a_full_card_says_so_and_keeps_what_it_has() {
        let mut model = Model::series10();
        model.memory.objects = 20;
        let mut card = Card::of(PivChip::blank(&model, 1));
        card.authenticate();
        assert_eq!(card.put("5C035FC102530A00000000000000000000"), 0x9000);
        assert_eq!(card.put("5C035FC105530A00000000000000000000"), 0x6A84);
        assert_eq!(
            card.put("5C035FC102531000000000000000000000000000000000"),
            0x9000
        );
        assert_eq!(card.get("5FC105").1, 0x6A82);
    }

    /// P2 3.3.2: mechanisms, parameters and references.
    #[test]
    fn generating_refuses_what_it_does_not_know() {
        let mut card = Card::blank();
        card.authenticate();
        for data in [
            "05AC03800106",
            "05AC038001FF",
            "02AC00",
            "08AC06800111810103",
            "0AAC088001078103010003",
        ] {
            assert_eq!(card.status(&format!("0047009A{data}00")), 0x6A80, "{data}");
        }
        for reference in ["04", "9B", "82", "80"] {
            assert_eq!(
                card.status(&format!("004700{reference}05AC0380011100")),
                0x6A86
            );
        }
        assert_eq!(card.status("0047019A05AC0380011100"), 0x6A86);
        assert_eq!(card.whole("0047009A0AAC08 800107 8103010001 00").1, 0x9000);
    }

    /// P2 3.3.2: the new key takes the old one's place.
    #[test]
    fn a_generated_key_replaces_the_one_before() {
        let mut card = Card::personalised();
        card.verify(PIN);
        let (before, _) = card.sign(0x9A);
        card.authenticate();
        assert_eq!(card.status("0047009A05AC0380011100"), 0x9000);
        let (after, status) = card.sign(0x9A);
        assert_eq!(status, 0x9000);
        assert_ne!(before, after);
        // And is still there after a reset, where it is read back from memory.
        let mut card = Card::of(card.0);
        card.verify(PIN);
        assert_eq!(card.sign(0x9A).0, after);
    }
}

mod transport {
    use super::*;

    /// ISO/IEC 7816-4, 5.4.1; interoperability with hosts that probe.
    #[test]
    fn unknown_classes_and_instructions_get_their_own_words() {
        let mut card = Card::blank();
        assert_eq!(card.status("00FD0000"), 0x6D00);
        assert_eq!(card.status("00FD000000"), 0x6D00);
        assert_eq!(card.status("00CA7F6800"), 0x6D00);
        assert_eq!(card.status("80CA9F7F00"), 0x6E00);
        assert_eq!(card.status("A0A40000023F00"), 0x6E00);
        assert_eq!(card.status("00A40000023F00"), 0x6A82);
        assert_eq!(card.status("00B0000000"), 0x6D00);
        assert_eq!(card.status("00CB3FFE055C035FC10200"), 0x6A86);
        assert_eq!(card.status("00CB3FFF055C035FFF0000"), 0x6A82);
        assert_eq!(card.status("00CB3FFF0253 0000"), 0x6A80);
        assert_eq!(card.status("1020008008313233343536FFFF"), 0x6884);
        assert_eq!(card.status("00"), 0x6700);
        assert_eq!(card.status("00A4040005A0"), 0x6700);
    }

    /// ISO/IEC 7816-4, 5.3.4.
    #[test]
    fn no_more_is_returned_than_asked_for_and_61xx_tells_what_waits() {
        let mut card = Card::blank();
        card.authenticate();
        let content = "5A".repeat(252);
        assert_eq!(card.status("10DB3FFF075C035FC1025382"), 0x9000);
        assert_eq!(card.status(&format!("10DB3FFFFE012C{content}")), 0x9000);
        assert_eq!(
            card.status(&format!("00DB3FFF30{}", "5A".repeat(48))),
            0x9000
        );
        let (piece, status) = card.send("00CB3FFF055C035FC10208");
        assert_eq!((piece.len(), status), (8, 0x6100));
        let (piece, status) = card.send("00C0000010");
        assert_eq!((piece.len(), status), (16, 0x6100));
        let (piece, status) = card.send("00C0000000");
        assert_eq!((piece.len(), status), (256, 0x6118));
        let (piece, status) = card.send("00C0000000");
        assert_eq!((piece.len(), status), (24, 0x9000));
        assert_eq!(card.status("00C0000000"), 0x6985);
    }

    /// Java Card API, `APDU.setOutgoing`: no Le is taken as 00 where the model says so.
    #[test]
    fn a_command_without_le_gets_its_data_where_the_model_says_so() {
        let mut card = Card::blank();
        let (data, status) = card.send("00A4040005A000000308");
        assert_eq!((data[0], status), (0x61, 0x9000));
        let mut model = Model::series10();
        model.transport.data_without_le = false;
        let mut card = Card::of(PivChip::blank(&model, 7));
        assert_eq!(card.send("00A4040005A000000308"), (vec![], 0x612F));
    }

    /// A new command instead of GET RESPONSE executes.
    #[test]
    fn a_new_command_abandons_what_waits() {
        let mut card = Card::personalised();
        let (_, status) = card.send("00CB3FFF055C035FC10508");
        assert_eq!(status >> 8, 0x61);
        assert_eq!(card.pin_state(), 0x63C3);
        assert_eq!(card.status("00C0000000"), 0x6985);
    }

    /// ISO/IEC 7816-4, 12.7.1.
    #[test]
    fn extended_length_is_taken_within_the_announced_limits_only() {
        let mut card = Card::personalised();
        let (whole, status) = card.send("00CB3FFF 000005 5C035FC105 0000");
        assert_eq!(status, 0x9000);
        assert_eq!(card.get("5FC105").0, whole);
        let (piece, status) = card.send("00CB3FFF 000005 5C035FC105 0010");
        assert_eq!((piece.len(), status), (16, 0x6100));
        let long = format!("00DB3FFF00{:04X}{}", 1010, "00".repeat(1010));
        assert_eq!(card.status(&long), 0x6700);
        let mut model = Model::series10();
        model.extended_length = None;
        let mut card = Card::of(PivChip::personalised(&model, 7));
        assert_eq!(card.status("00CB3FFF 000005 5C035FC105 0000"), 0x6700);
        assert!(!hex::encode_upper(card.send(SELECT).0).contains("7F66"));
    }

    /// A chain cannot eat more than the card has room for.
    #[test]
    fn a_chain_that_grows_too_long_is_refused() {
        let mut card = Card::blank();
        card.authenticate();
        let part = format!("10DB3FFFFF{}", "00".repeat(255));
        let refused = (0..100)
            .map(|_| card.status(&part))
            .find(|&status| status != 0x9000);
        assert_eq!(refused, Some(0x6A84));
    }

    /// GlobalPlatform 2.3, 11.3: the card manager tells who made the chip and which it is.
    #[test]
    fn the_card_manager_tells_the_serial_made_of_the_number() {
        let mut card = Card::of(PivChip::blank(&Model::series10(), 0x0102_0304_0506));
        card.status("00A4040008A00000015100000000");
        let (data, status) = card.send("80CA9F7F2D");
        assert_eq!((data.len(), status), (45, 0x9000));
        assert_eq!(data[..3], [0x9F, 0x7F, 0x2A]);
        assert_eq!(data[15..19], [3, 4, 5, 6]);
        assert_eq!(card.send("00CA004500").0[..2], [0x45, 0x08]);
        assert_eq!(card.status("80CA004200"), 0x9000);
        assert_eq!(card.status("00CA7F6800"), 0x6A88);
        assert_eq!(card.status("8050000008000000000000000000"), 0x6D00);
        assert_eq!(card.status("0CCA9F7F00"), 0x6E00);
    }
}

/// The host's side of mutual authentication.
fn decrypt_aes192(key: &[u8], block: &[u8]) -> Vec<u8> {
    use cipher::{Block, BlockCipherDecrypt, KeyInit};
    let cipher = aes::Aes192::new_from_slice(key).unwrap();
    let mut out = Block::<aes::Aes192>::default();
    out.copy_from_slice(block);
    cipher.decrypt_block(&mut out);
    out.to_vec()
}
