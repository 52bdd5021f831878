use std::sync::{Arc, Mutex};

use ground::Virtual;
use iso7816::{Disposition, Link, LinkError, Protocol, Reset, SecureMessaging, StatusWord};
use proptest::prelude::*;

use super::*;

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
}

fn block(text: &str) -> [u8; 8] {
    hex(text).try_into().unwrap()
}

fn default_keys() -> StaticKeys {
    let bytes = hex("404142434445464748494A4B4C4D4E4F").repeat(3);
    let keys = CardKeys::for_tests(&bytes, TestStation::marked_by_operator()).unwrap();
    keys.of_card(&[0; 10])
}

fn command(text: &str) -> Command {
    Command::parse(&hex(text)).unwrap()
}

fn bytes(command: &Command) -> String {
    hex::encode_upper(command.to_short().unwrap())
}

/// Challenges, cryptograms and EXTERNAL AUTHENTICATE; plain commands and what went to the card.
type Recorded = ([&'static str; 5], [(&'static str, &'static str); 3]);

/// Two sessions of real Oberthur cards (Cosmo 16 RSA V3.5 and CosmopolIC) with the default key,
/// recorded by the project OPAL (pancanaka/opal, opal-library/src/test/resources,
/// HelloWorld-COSMO_16_RSA_V3_5-C_ENC_AND_MAC.txt and
/// HelloWorld-Oberthur_CosmopolIC-C_ENC_AND_MAC.txt).
const SESSIONS: [Recorded; 2] = [
    (
        [
            "CAC813B63A5A808F",
            "EF9B69E005911692",
            "35168B85BF3D75EF",
            "FF66A5D2753F8FF8",
            "8482030010FF66A5D2753F8FF8EA0EE336094C29B5",
        ],
        [
            (
                "80E602001609A00000006203010C0108A000000003000000000000",
                "84E6020020C75537550865B5A5125F066984B91E417831D3272BDE5F615CA517646C34C0DD",
            ),
            (
                "80E8000008C4820199010013DE",
                "84E8000018701F0EA8D2A619236F3F5C648B727CFDE56CEECB74627248",
            ),
            (
                "80E8000108CAFFED0102040001",
                "84E80001186327BC0DB8A3D2A14B2F1ECC1B1CC135CE005C805B0A357D",
            ),
        ],
    ),
    (
        [
            "262B483C4C0CA133",
            "C4087FFAC2653159",
            "973347F39BEA1399",
            "D78C8A1A6030C696",
            "8482030010D78C8A1A6030C696B5A6733D60B1EFB8",
        ],
        [
            (
                "80E602001609A00000006203010C0108A000000003000000000000",
                "84E6020020253C730F23B96695635CE73BFD76A4347490BD869925353F1CEE39332EC3C250",
            ),
            (
                "80E8000008C4820199010013DE",
                "84E800001828B1D1515A5FB66119448730287578 28304BEE7899DBA981",
            ),
            (
                "80E8000108CAFFED0102040001",
                "84E800011845E6BEDED0504F54C3ACA9A763910E6EBA9A358E0C13749F",
            ),
        ],
    ),
];

#[test]
fn the_sessions_of_real_oberthur_cards_are_reproduced() {
    for ([host, card, card_cryptogram, host_cryptogram, authenticate], commands) in SESSIONS {
        let mut session = Session::new(&default_keys(), block(host), block(card));
        assert_eq!(session.card_cryptogram(), block(card_cryptogram));
        assert_eq!(session.host_cryptogram(), block(host_cryptogram));
        let plain = Command::new(0x80, Instruction::EXTERNAL_AUTHENTICATE, 0x03, 0x00)
            .with_data(session.host_cryptogram());
        assert_eq!(bytes(&session.authenticate(&plain)), authenticate);
        for (plain, wire) in commands {
            let wrapped = session.wrap(&command(plain)).unwrap();
            assert_eq!(bytes(&wrapped), wire.replace(' ', ""));
        }
    }
}

#[test]
fn a_command_without_data_has_a_mac_alone_and_one_of_seven_bytes_no_padding() {
    let session = || Session::new(&default_keys(), [1; 8], [2; 8]);
    let wrapped = session().wrap(&command("80CA9F7F2D")).unwrap();
    assert_eq!(wrapped.data.len(), 8);
    assert_eq!(wrapped.expected, Some(Expected::new(0x2D)));
    assert_eq!(wrapped.class, 0x84);
    for (length, wire) in [(1, 16), (7, 16), (8, 24), (15, 24), (239, 248)] {
        let plain = Command::new(0x00, Instruction(0xD6), 0, 0).with_data(vec![0xA5; length]);
        assert_eq!(session().wrap(&plain).unwrap().data.len(), wire, "{length}");
    }
    let long = Command::new(0x00, Instruction(0xD6), 0, 0).with_data(vec![0xA5; 240]);
    let mut session = session();
    assert_eq!(
        session.wrap(&long).unwrap_err(),
        Scp01Error::TooLong { length: 240 }
    );
    assert_eq!(session.chain, [0; 8]);
}

#[test]
fn what_never_goes_protected_does_not() {
    let messaging = Scp01Messaging::new(Session::new(&default_keys(), [1; 8], [2; 8]));
    let wraps =
        |class, instruction| messaging.wraps(&Command::new(class, Instruction(instruction), 0, 0));
    for instruction in [0x22, 0x2A, 0x84, 0x88, 0xA4, 0xC0, 0xCA] {
        assert!(!wraps(0x00, instruction));
        assert!(!wraps(0x10, instruction));
        assert!(wraps(0x80, instruction));
    }
    assert!(!wraps(0x80, 0x50));
    assert!(!wraps(0x84, 0xE6));
    for instruction in [0x20, 0x24, 0x2C, 0x47, 0xB0, 0xD6, 0xDB, 0xE0, 0xE4] {
        assert!(wraps(0x00, instruction));
        assert!(wraps(0x10, instruction));
    }
}

#[test]
fn published_keys_are_for_stations_marked_for_tests() {
    let opensc: Vec<u8> = (0x10..0x20).collect();
    let default: Vec<u8> = (0x40..0x50).collect();
    let one_of_three = [vec![7; 16], vec![8; 16], default.clone()].concat();
    for bytes in [&opensc, &default, &one_of_three] {
        assert_eq!(CardKeys::new(bytes), Err(KeyError::Published));
        CardKeys::for_tests(bytes, TestStation::marked_by_operator()).unwrap();
    }
    let master: [u8; 16] = opensc.try_into().unwrap();
    assert_eq!(MasterKey::new(&master), Err(KeyError::Published));
    CardKeys::new(&[7; 16]).unwrap();
    CardKeys::new(&[7; 48]).unwrap();
    assert_eq!(
        CardKeys::new(&[7; 24]),
        Err(KeyError::Length { length: 24 })
    );
    let keys = format!("{:?}", CardKeys::new(&[7; 48]).unwrap());
    assert_eq!(keys.matches("DesKey(16 bytes)").count(), 3);
}

/// The blocks that are encrypted, decrypted again.
#[test]
fn diversified_keys_are_the_master_key_over_the_cards_own_bytes() {
    use cipher::{BlockCipherDecrypt, KeyInit};

    let master = [0x5A; 16];
    let data = [0, 1, 2, 3, 4, 5, 0xD6, 0xD7, 0xD8, 0xD9];
    let keys = MasterKey::new(&master).unwrap().of_card(&data);
    let cipher = des::TdesEde2::new_from_slice(&master).unwrap();
    for (number, key) in (1..).zip([&keys.encryption, &keys.mac, keys.data_encryption()]) {
        let mut blocks = *key.bytes();
        for half in blocks.chunks_exact_mut(8) {
            cipher.decrypt_block(half.try_into().unwrap());
        }
        assert_eq!(
            hex::encode_upper(blocks),
            format!("0000D6D7D8D9F00{number}0000D6D7D8D90F0{number}")
        );
    }
}

/// Answers INITIALIZE UPDATE so, and notes the instructions.
struct Answers(Vec<u8>, Arc<Mutex<Vec<u8>>>);

impl Link for Answers {
    fn name(&self) -> &str {
        "answers"
    }
    fn atr(&self) -> &[u8] {
        &[0x3B, 0x00]
    }
    fn protocol(&self) -> Protocol {
        Protocol::T1
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        self.1.lock().unwrap().push(command[1]);
        Ok(self.0.clone())
    }
    fn reset(&mut self, _: Reset) -> Result<(), LinkError> {
        Ok(())
    }
    fn disconnect(self: Box<Self>, _: Disposition) -> Result<(), LinkError> {
        Ok(())
    }
}

fn open_to(answer: Vec<u8>) -> (Scp01Error, Vec<u8>) {
    let sent = Arc::default();
    let mut channel = Channel::new(Box::new(Answers(answer, Arc::clone(&sent))));
    let keys = CardKeys::new(&[7; 16]).unwrap();
    let error = open_channel(&mut channel, &keys, &Virtual::new(1)).unwrap_err();
    let sent = sent.lock().unwrap().clone();
    (error, sent)
}

#[test]
fn wrong_keys_are_noticed_before_external_authenticate() {
    let mut answer = vec![0xA5; 28];
    answer[10..12].copy_from_slice(&[0xFF, 0x01]);
    answer.extend_from_slice(&[0x90, 0x00]);
    assert_eq!(
        open_to(answer.clone()),
        (Scp01Error::WrongKeys { version: 0xFF }, vec![0x50])
    );
    answer[11] = 0x02;
    assert_eq!(open_to(answer).0, Scp01Error::Protocol { actual: 2 });
    assert_eq!(
        open_to(vec![0x90, 0x00]).0,
        Scp01Error::UpdateLength { length: 0 }
    );
    assert_eq!(
        open_to(vec![0x69, 0x82]).0,
        Scp01Error::Refused {
            command: "INITIALIZE UPDATE",
            status: StatusWord::SECURITY_STATUS_NOT_SATISFIED
        }
    );
}

#[test]
fn a_session_the_card_ended_refuses_further_commands() {
    let mut messaging = Scp01Messaging::new(Session::new(&default_keys(), [1; 8], [2; 8]));
    let command = Command::new(0x00, Instruction(0xD6), 0, 0).with_data([1, 2, 3]);
    messaging.protect(&command).unwrap();
    let response = iso7816::Response::status(StatusWord::SM_OBJECTS_INCORRECT);
    let error = messaging.unprotect(&response).unwrap_err();
    assert_eq!(
        error.downcast_ref(),
        Some(&Scp01Error::CommandMac {
            status: StatusWord::SM_OBJECTS_INCORRECT
        })
    );
    assert!(!messaging.is_open());
    let error = messaging.protect(&command).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Scp01Error::Ended));
}

proptest! {
    #[test]
    fn any_answer_gives_a_typed_error_and_no_external_authenticate(
        answer in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let (_, sent) = open_to(answer);
        prop_assert!(!sent.contains(&Instruction::EXTERNAL_AUTHENTICATE.0));
    }

    /// Decrypted, the data is behind its length, and padded only if need be.
    #[test]
    fn protected_data_decrypts_to_itself(
        data in proptest::collection::vec(any::<u8>(), 1..=MAX_DATA),
        host: [u8; 8],
        card: [u8; 8],
    ) {
        use cipher::{BlockCipherDecrypt, KeyInit};

        let mut session = Session::new(&default_keys(), host, card);
        let reference = Session::new(&default_keys(), host, card);
        let plain = Command::new(0x00, Instruction(0xD6), 0x12, 0x34).with_data(data.clone());
        let wrapped = session.wrap(&plain).unwrap();
        let (body, mac) = wrapped.data.split_last_chunk::<8>().unwrap();
        prop_assert_eq!(mac, &session.chain);
        let cipher = des::TdesEde2::new_from_slice(session.encryption.bytes()).unwrap();
        let mut before = [0; 8];
        let mut opened = Vec::new();
        for block in body.as_chunks::<8>().0 {
            let mut clear = *block;
            cipher.decrypt_block((&mut clear).into());
            opened.extend(clear.iter().zip(before).map(|(byte, before)| byte ^ before));
            before = *block;
        }
        prop_assert_eq!(usize::from(opened[0]), data.len());
        prop_assert_eq!(&opened[1..=data.len()], &data[..]);
        let padding = &opened[1 + data.len()..];
        prop_assert!(padding.is_empty() || (padding[0] == 0x80 && padding.len() < 8
            && padding[1..].iter().all(|byte| *byte == 0)));
        let header = [0x04, 0xD6, 0x12, 0x34, data.len() as u8 + 8];
        let input = [&header[..], &data].concat();
        prop_assert_eq!(reference.mac.mac(&[0; 8], &input), session.chain);
    }
}
