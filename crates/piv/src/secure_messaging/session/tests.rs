use iso7816::ber::Tag;
use iso7816::{Channel, Disposition, Expected, Instruction, Link, LinkError, Protocol, Reset};
use proptest::prelude::*;

use super::*;
use crate::secure_messaging::test_card::TestCard;

fn keys(suite: CipherSuite) -> SessionKeys {
    let key = |fill| SessionKey::new(&vec![fill; suite.key_size()]).unwrap();
    SessionKeys {
        confirmation: key(1),
        command_mac: key(2),
        encryption: key(3),
        response_mac: key(4),
    }
}

fn pair(suite: CipherSuite) -> (Session, TestCard) {
    (Session::new(suite, keys(suite)), TestCard::new(keys(suite)))
}

fn verify() -> Command {
    Command::new(0x00, Instruction::VERIFY, 0x00, 0x80)
}

/// A session that awaits the response to a VERIFY, and that response.
fn answered(data: &[u8], status: StatusWord) -> (Session, Response) {
    let (mut session, mut card) = pair(CipherSuite::Cs2);
    let command = session.protect(&verify()).unwrap();
    card.open(&[command]).unwrap();
    (session, card.seal(data, status))
}

/// Asserts that the session refuses the response with that error, and is over.
fn assert_ends(mut session: Session, response: &Response, error: SmError) {
    assert_eq!(session.unprotect(response), Err(error));
    assert!(!session.is_open());
    assert_eq!(session.state(), None);
    assert_eq!(session.protect(&verify()), Err(SmError::Ended));
    assert_eq!(session.unprotect(response), Err(SmError::Ended));
}

#[test]
fn verify_without_data_is_a_mac_alone() {
    let (mut session, _) = pair(CipherSuite::Cs2);
    let bytes = session.protect(&verify()).unwrap().to_short().unwrap();
    assert_eq!(bytes[..7], [0x0C, 0x20, 0x00, 0x80, 0x0A, 0x8E, 0x08]);
    assert_eq!((bytes.len(), bytes[15]), (16, 0x00));
}

#[test]
fn an_error_inside_is_a_plain_response_and_the_session_goes_on() {
    let (mut session, mut card) = pair(CipherSuite::Cs7);
    for status in [0x63C7, 0x6982, 0x6987, 0x6988, 0x6882] {
        let command = session.protect(&verify()).unwrap();
        card.open(&[command]).unwrap();
        let plain = session.unprotect(&card.seal(&[], StatusWord(status)));
        assert_eq!(plain, Ok(Response::status(StatusWord(status))));
    }
    assert_eq!(session.state().unwrap().counter, 6);
}

#[test]
fn an_error_outside_ends_the_session_whatever_comes_with_it() {
    for (status, error) in [
        (0x6882, SmError::NotSupported),
        (0x6982, SmError::NoSessionKeys),
        (0x6987, SmError::ObjectsMissing),
        (0x6988, SmError::ObjectsIncorrect),
        (
            0x6F00,
            SmError::Unprotected {
                status: StatusWord::UNKNOWN_ERROR,
            },
        ),
    ] {
        let (session, mut response) = answered(&[], StatusWord::OK);
        response.status = StatusWord(status);
        assert_eq!(error.status(), Some(response.status));
        assert_ends(session, &response, error);
    }
}

#[test]
fn missing_misplaced_and_trailing_objects_end_the_session() {
    let cases: [(&str, SmError); 10] = [
        ("", SmError::MissingObject { tag: Tag(0x87) }),
        ("99029000", SmError::MissingObject { tag: Tag(0x8E) }),
        (
            "8E080102030405060708",
            SmError::UnexpectedObject {
                expected: Tag(0x87),
                actual: Tag(0x8E),
            },
        ),
        (
            "990290008702010199029000",
            SmError::UnexpectedObject {
                expected: Tag(0x8E),
                actual: Tag(0x87),
            },
        ),
        (
            "990290008E0801020304050607088E080102030405060708",
            SmError::TrailingObject { tag: Tag(0x8E) },
        ),
        (
            "9901908E080102030405060708",
            SmError::Length {
                tag: Tag(0x99),
                length: 1,
                expected: "2",
            },
        ),
        (
            "990290008E0701020304050607",
            SmError::Length {
                tag: Tag(0x8E),
                length: 7,
                expected: "8, written in one byte",
            },
        ),
        (
            "990290008E81080102030405060708",
            SmError::Length {
                tag: Tag(0x8E),
                length: 8,
                expected: "8, written in one byte",
            },
        ),
        ("990290008E080102030405060708", SmError::Mac),
        (
            "87110100112233445566778899AABBCCDDEEFF990290008E080102030405060708",
            SmError::Mac,
        ),
    ];
    for (objects, error) in cases {
        let (session, _) = answered(&[], StatusWord::OK);
        let response = Response::new(hex::decode(objects).unwrap(), StatusWord::OK);
        assert_ends(session, &response, error);
    }
    let (session, _) = answered(&[], StatusWord::OK);
    let response = Response::new([0x99, 0x05], StatusWord::OK);
    let mut session = session;
    assert!(matches!(
        session.unprotect(&response),
        Err(SmError::Malformed(_))
    ));
    assert!(!session.is_open());
}

#[test]
fn a_cryptogram_with_a_good_mac_must_still_be_whole_and_padded() {
    let suite = CipherSuite::Cs2;
    let mac_over = |objects: &[u8]| {
        let mac = keys(suite).response_mac.cmac(&[&[0; 16], objects]);
        let mut data = objects.to_vec();
        data.extend([0x8E, 0x08]);
        data.extend(&mac[..8]);
        Response::new(data, StatusWord::OK)
    };
    let cryptogram = |indicator: u8, padded: &[u8]| {
        let key = keys(suite).encryption;
        let mut value = padded.to_vec();
        key.cbc_encrypt(&message::response_iv(&key, 1), &mut value);
        let mut objects = vec![0x87, value.len() as u8 + 1, indicator];
        objects.extend(value);
        objects.extend([0x99, 0x02, 0x90, 0x00]);
        mac_over(&objects)
    };
    let awaiting = || answered(&[], StatusWord::OK).0;

    let length = |length| SmError::Length {
        tag: Tag(0x87),
        length,
        expected: "1 and a multiple of 16",
    };
    assert_ends(
        awaiting(),
        &mac_over(&[0x87, 0x00, 0x99, 0x02, 0x90, 0x00]),
        length(0),
    );
    assert_ends(
        awaiting(),
        &mac_over(&[0x87, 0x01, 0x01, 0x99, 0x02, 0x90, 0x00]),
        length(1),
    );
    assert_ends(awaiting(), &cryptogram(0x01, &[0x80; 15]), length(16));
    assert_ends(
        awaiting(),
        &cryptogram(0x02, &[0x80; 16]),
        SmError::PaddingIndicator { indicator: 0x02 },
    );
    assert_ends(awaiting(), &cryptogram(0x01, &[0x00; 16]), SmError::Padding);
    assert_ends(awaiting(), &cryptogram(0x01, &[0x81; 16]), SmError::Padding);
    // 80 and 16 zeros: one more than padding can have.
    let mut long = [0; 32];
    long[15] = 0x80;
    assert_ends(awaiting(), &cryptogram(0x01, &long), SmError::Padding);
    // A block of nothing but padding is an empty message.
    let mut empty = [0; 16];
    empty[0] = 0x80;
    assert_eq!(
        awaiting().unprotect(&cryptogram(0x01, &empty)),
        Ok(Response::status(StatusWord::OK))
    );
}

#[test]
fn another_class_is_refused_and_leaves_the_session_as_it_was() {
    let (mut session, _) = pair(CipherSuite::Cs2);
    let before = session.state();
    for class in [0x01, 0x0C, 0x10, 0x1C, 0x80, 0xFF] {
        let command = Command::new(class, Instruction::VERIFY, 0x00, 0x80);
        assert_eq!(session.protect(&command), Err(SmError::Class { class }));
    }
    assert_eq!(session.state(), before);
}

#[test]
fn a_command_without_an_answer_ends_the_session() {
    let (mut session, _) = pair(CipherSuite::Cs2);
    session.protect(&verify()).unwrap();
    assert_eq!(session.protect(&verify()), Err(SmError::Unanswered));
    assert_eq!(session.protect(&verify()), Err(SmError::Ended));
}

#[test]
fn a_response_nobody_asked_for_ends_the_session() {
    let (_, response) = answered(&[], StatusWord::OK);
    let (session, _) = pair(CipherSuite::Cs2);
    assert_ends(session, &response, SmError::NothingAsked);
}

#[test]
fn a_response_played_again_is_refused() {
    let (mut session, response) = answered(b"data", StatusWord::OK);
    assert_eq!(session.unprotect(&response).unwrap().data[..], *b"data");
    session.protect(&verify()).unwrap();
    assert_ends(session, &response, SmError::Mac);
}

#[test]
fn long_commands_are_protected_first_and_split_after() {
    let (mut session, mut card) = pair(CipherSuite::Cs2);
    let plain = Command::new(0x00, Instruction::PUT_DATA, 0x3F, 0xFF).with_data(vec![0xA5; 1000]);
    let parts = message::parts(&session.protect(&plain).unwrap());
    // 87 82 03 F1 01, 1008 bytes, 8E 08, 8 bytes: 1023 = 4 * 255 + 3.
    let lengths: Vec<_> = parts.iter().map(|part| part.data.len()).collect();
    assert_eq!(lengths, [255, 255, 255, 255, 3]);
    let classes: Vec<_> = parts.iter().map(|part| part.class).collect();
    assert_eq!(classes, [0x1C, 0x1C, 0x1C, 0x1C, 0x0C]);
    assert_eq!(card.open(&parts), Some((vec![0xA5; 1000], false)));
    session.unprotect(&card.seal(&[], StatusWord::OK)).unwrap();
    // The parts count as one command.
    assert_eq!(session.state().unwrap().counter, 2);
}

#[test]
fn the_debug_text_shows_no_key() {
    let suite = CipherSuite::Cs2;
    let mut marked = keys(suite);
    marked.encryption = SessionKey::new(&[0xE7; 16]).unwrap();
    let text = format!("{:?} {:?}", marked.clone(), Session::new(suite, marked));
    assert!(
        !text.contains("231") && !text.to_uppercase().contains("E7E7"),
        "{text}"
    );
}

/// Sends the data of each protected command back, 256 bytes at a time.
struct EchoLink {
    card: TestCard,
    parts: Vec<Command>,
    waiting: Vec<u8>,
}

impl EchoLink {
    fn next_bytes(&mut self) -> Vec<u8> {
        let rest = self.waiting.split_off(self.waiting.len().min(256));
        let sent = std::mem::replace(&mut self.waiting, rest);
        let status = match self.waiting.len() {
            0 => StatusWord::OK,
            waiting => StatusWord::more_data(waiting),
        };
        Response::new(sent, status).to_bytes()
    }
}

impl Link for EchoLink {
    fn name(&self) -> &str {
        "echo"
    }

    fn atr(&self) -> &[u8] {
        &[0x3B, 0x80, 0x01, 0x81]
    }

    fn protocol(&self) -> Protocol {
        Protocol::T1
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        let command = Command::parse(command).unwrap();
        if command.instruction == Instruction::GET_RESPONSE {
            assert_eq!(command.class, 0x00, "GET RESPONSE is in clear");
            return Ok(self.next_bytes());
        }
        let last = !command.is_chained();
        self.parts.push(command);
        if !last {
            return Ok(vec![0x90, 0x00]);
        }
        let parts = std::mem::take(&mut self.parts);
        let (data, _) = self.card.open(&parts).unwrap();
        self.waiting = self.card.seal(&data, StatusWord::OK).data.to_vec();
        Ok(self.next_bytes())
    }

    fn reset(&mut self, _: Reset) -> Result<(), LinkError> {
        Ok(())
    }

    fn disconnect(self: Box<Self>, _: Disposition) -> Result<(), LinkError> {
        Ok(())
    }
}

#[test]
fn a_channel_splits_and_collects_around_a_session() {
    for suite in [CipherSuite::Cs2, CipherSuite::Cs7] {
        let (session, card) = pair(suite);
        let mut channel = Channel::new(Box::new(EchoLink {
            card,
            parts: Vec::new(),
            waiting: Vec::new(),
        }));
        channel.begin_secure_messaging(Box::new(session));
        for length in [0, 1, 16, 225, 226, 240, 1000, 5000] {
            let plain = Command::new(0x00, Instruction::GET_DATA, 0x3F, 0xFF)
                .with_data(vec![0xA5; length])
                .with_expected(Expected::SHORT_MAX);
            let opened = channel.transmit(&plain).unwrap();
            assert_eq!(opened.data, plain.data, "{length} bytes");
        }
        channel.end_secure_messaging();
        assert!(!channel.is_secured());
    }
}

/// SP 800-73-5 Part 2, 4.2 and 4.1.8.
#[test]
fn only_the_commands_of_the_standard_are_protected() {
    let (session, _) = pair(CipherSuite::Cs2);
    let wraps = |class, instruction, p2| {
        SecureMessaging::wraps(&session, &Command::new(class, instruction, 0x00, p2))
    };
    for instruction in [
        Instruction::GET_DATA,
        Instruction::VERIFY,
        Instruction::CHANGE_REFERENCE_DATA,
        Instruction::GENERAL_AUTHENTICATE,
    ] {
        assert!(wraps(0x00, instruction, 0x9A));
        assert!(!wraps(0x80, instruction, 0x9A));
    }
    assert!(!wraps(0x00, Instruction::GENERAL_AUTHENTICATE, 0x04));
    for instruction in [
        Instruction::SELECT,
        Instruction::PUT_DATA,
        Instruction::GENERATE_ASYMMETRIC_KEY_PAIR,
        Instruction::RESET_RETRY_COUNTER,
    ] {
        assert!(!wraps(0x00, instruction, 0x80));
    }
}

/// Recorded from card 04 of NIST Special Database 33: VERIFY of the pairing code.
#[test]
fn the_first_command_of_a_real_card_is_reproduced() {
    let key = |hex| SessionKey::new(&hex::decode(hex).unwrap()).unwrap();
    let mut session = Session::new(
        CipherSuite::Cs2,
        SessionKeys {
            confirmation: key("0289E4F143787186613679AFA2BB9FE1"),
            command_mac: key("AED7520D4E5C0D8C34FB4FB36DF1489B"),
            encryption: key("612E8170C3DB2841E0D00F0A8B8AB115"),
            response_mac: key("87290A94C43E9C0403B79E93DF66EB1D"),
        },
    );
    let verify = Command::new(0x00, Instruction::VERIFY, 0x00, 0x98).with_data(*b"00000004");
    let protected = session.protect(&verify).unwrap().to_short().unwrap();
    assert_eq!(
        hex::encode_upper(protected),
        "0C2000981D871101A1ADEA640D947C09C5123946D4A8DB238E08F50210986EDC453000"
    );
    assert_eq!(
        hex::encode_upper(session.state().unwrap().command_chaining),
        "F50210986EDC45309D1853BB4FF3AAB9"
    );
    let response = hex::decode("990290008E083003B41DEA2D3F32").unwrap();
    assert_eq!(
        session.unprotect(&Response::new(response, StatusWord::OK)),
        Ok(Response::status(StatusWord::OK))
    );
}

fn suites() -> impl Strategy<Value = CipherSuite> {
    prop_oneof![Just(CipherSuite::Cs2), Just(CipherSuite::Cs7)]
}

fn plain_commands() -> impl Strategy<Value = Command> {
    (
        any::<[u8; 3]>(),
        proptest::collection::vec(any::<u8>(), 0..700),
        any::<bool>(),
    )
        .prop_map(|([instruction, p1, p2], data, le)| Command {
            expected: le.then_some(Expected::SHORT_MAX),
            ..Command::new(0x00, Instruction(instruction), p1, p2).with_data(data)
        })
}

proptest! {
    #[test]
    fn what_one_side_protects_the_other_reads(
        suite in suites(),
        exchanges in proptest::collection::vec(
            (plain_commands(), proptest::collection::vec(any::<u8>(), 0..700), any::<u16>()),
            1..6,
        ),
    ) {
        let (mut session, mut card) = pair(suite);
        for (number, (command, data, status)) in exchanges.into_iter().enumerate() {
            prop_assert_eq!(session.state().unwrap().counter, number as u128 + 1);
            let protected = session.protect(&command).unwrap();
            let parts = message::parts(&protected);
            for part in &parts {
                prop_assert!(part.to_short().is_ok());
            }
            let opened = card.open(&parts);
            prop_assert_eq!(opened, Some((command.data.to_vec(), command.expected.is_some())));
            let response = Response::new(data, StatusWord(status));
            let sealed = card.seal(&response.data, response.status);
            prop_assert_eq!(session.unprotect(&sealed), Ok(response));
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_in_a_response_is_refused(
        data in proptest::collection::vec(any::<u8>(), 0..300),
        bit in any::<prop::sample::Index>(),
    ) {
        let (mut session, sealed) = answered(&data, StatusWord::OK);
        let mut bytes = sealed.to_bytes();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let changed = Response::parse(&bytes).unwrap();
        prop_assert!(session.unprotect(&changed).is_err());
        prop_assert!(!session.is_open());
    }

    #[test]
    fn any_bytes_as_a_response_give_a_typed_error(
        data in proptest::collection::vec(any::<u8>(), 0..400),
        object in prop_oneof![Just(0x87_u8), Just(0x99), Just(0x8E)],
    ) {
        let (mut session, _) = answered(&[], StatusWord::OK);
        prop_assert!(session.unprotect(&Response::new(data.clone(), StatusWord::OK)).is_err());
        let (mut session, _) = answered(&[], StatusWord::OK);
        let data = [&[object][..], &data].concat();
        prop_assert!(session.unprotect(&Response::new(data, StatusWord::OK)).is_err());
    }

    #[test]
    fn decrypting_any_bytes_never_panics(value in proptest::collection::vec(any::<u8>(), 0..100)) {
        let key = keys(CipherSuite::Cs7).encryption;
        let _ = message::decrypt(&key, &[0; 16], &value);
    }
}

#[test]
fn every_single_bit_of_a_short_response_counts() {
    let (_, sealed) = answered(b"0123456789ABCDEF", StatusWord(0x63C3));
    let bytes = sealed.to_bytes();
    for bit in 0..bytes.len() * 8 {
        let (mut session, _) = answered(&[], StatusWord::OK);
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let changed = Response::parse(&changed).unwrap();
        assert!(session.unprotect(&changed).is_err(), "bit {bit}");
    }
    let (mut session, _) = answered(&[], StatusWord::OK);
    assert!(session.unprotect(&sealed).is_ok());
}
