use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;
use crate::StatusWord;

mod secured;

/// A link that expects commands and gives answers, in hex.
struct Scripted {
    protocol: Protocol,
    exchanges: VecDeque<(String, String)>,
}

impl Link for Scripted {
    fn name(&self) -> &str {
        "sim:scripted"
    }

    fn atr(&self) -> &[u8] {
        &[0x3B, 0x00]
    }

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        let (expected, answer) = self.exchanges.pop_front().expect("no more commands");
        assert_eq!(hex::encode_upper(command), expected);
        Ok(hex::decode(answer).unwrap())
    }

    fn reset(&mut self, _: Reset) -> Result<(), LinkError> {
        Ok(())
    }

    fn disconnect(self: Box<Self>, _: Disposition) -> Result<(), LinkError> {
        assert!(
            self.exchanges.is_empty(),
            "commands left: {:?}",
            self.exchanges
        );
        Ok(())
    }
}

fn run(
    protocol: Protocol,
    limits: Limits,
    command: &Command,
    exchanges: &[(&str, &str)],
) -> Result<(String, u16), ChannelError> {
    let link = Scripted {
        protocol,
        exchanges: exchanges
            .iter()
            .map(|(command, answer)| (command.replace(' ', ""), answer.replace(' ', "")))
            .collect(),
    };
    let mut channel = Channel::with_limits(Box::new(link), limits);
    let response = channel.transmit(command);
    channel.disconnect(Disposition::Leave).unwrap();
    response.map(|response| (hex::encode_upper(&*response.data), response.status.0))
}

const EXTENDED: Limits = Limits {
    command_data: 1016,
    response_data: 32_767,
};

fn get_data(expected: Expected) -> Command {
    Command::new(0x00, Instruction::GET_DATA, 0x3F, 0xFF)
        .with_data([0x5C, 0x01, 0x7E])
        .with_expected(expected)
}

#[test]
fn more_data_is_fetched_whether_the_card_says_6100_or_61ff() {
    for (status, le, piece) in [("6100", "00", 256), ("61FF", "FF", 255)] {
        let piece = "AB".repeat(piece);
        let response = run(
            Protocol::T1,
            Limits::SHORT,
            &get_data(Expected::SHORT_MAX),
            &[
                ("00CB3FFF 03 5C017E 00", &format!("{piece} {status}")),
                (&format!("00C00000 {le}"), &format!("{piece} 6103")),
                ("00C00000 03", "010203 9000"),
            ],
        );
        assert_eq!(response, Ok((format!("{piece}{piece}010203"), 0x9000)));
    }
}

#[test]
fn t0_sends_no_le_after_data() {
    let response = run(
        Protocol::T0,
        Limits::SHORT,
        &get_data(Expected::SHORT_MAX),
        &[("00CB3FFF 03 5C017E", "6102"), ("00C00000 02", "AABB 9000")],
    );
    assert_eq!(response, Ok(("AABB".to_owned(), 0x9000)));
}

#[test]
fn t0_chains_even_where_extended_length_is_allowed() {
    let command = Command::new(0x00, Instruction::PUT_DATA, 0x3F, 0xFF).with_data([0x53; 256]);
    let response = run(
        Protocol::T0,
        EXTENDED,
        &command,
        &[
            (&format!("10DB3FFF FF {}", "53".repeat(255)), "9000"),
            ("00DB3FFF 01 53", "9000"),
        ],
    );
    assert_eq!(response, Ok((String::new(), 0x9000)));
}

#[test]
fn a_small_ne_takes_no_more_than_that() {
    // The card of the trace in the SP 800-73 facts gives 8 bytes and says that more wait.
    let response = run(
        Protocol::T1,
        Limits::SHORT,
        &get_data(Expected::new(8)),
        &[("00CB3FFF 03 5C017E 08", "53820B1B3019D650 6100")],
    );
    assert_eq!(response, Ok(("53820B1B3019D650".to_owned(), 0x6100)));
    let response = run(
        Protocol::T0,
        Limits::SHORT,
        &get_data(Expected::new(8)),
        &[
            ("00CB3FFF 03 5C017E", "6120"),
            ("00C00000 08", "53820B1B3019D650 6118"),
        ],
    );
    assert_eq!(response, Ok(("53820B1B3019D650".to_owned(), 0x6118)));
}

#[test]
fn a_wrong_length_is_corrected_once() {
    let command =
        Command::new(0x80, Instruction::GET_DATA_P1P2, 0x9F, 0x7F).with_expected(Expected::new(5));
    assert_eq!(
        run(
            Protocol::T0,
            Limits::SHORT,
            &command,
            &[("80CA9F7F 05", "6C02"), ("80CA9F7F 02", "AABB 9000")],
        ),
        Ok(("AABB".to_owned(), 0x9000))
    );
    assert_eq!(
        run(
            Protocol::T0,
            Limits::SHORT,
            &command,
            &[("80CA9F7F 05", "6C02"), ("80CA9F7F 02", "6C05")],
        ),
        Err(ChannelError::LengthNeverRight)
    );
    // Without Le there is nothing to correct: the card's word is handed on.
    let command = Command::new(0x80, Instruction::GET_DATA_P1P2, 0x9F, 0x7F);
    assert_eq!(
        run(
            Protocol::T0,
            Limits::SHORT,
            &command,
            &[("80CA9F7F", "6C02")]
        ),
        Ok((String::new(), 0x6C02))
    );
}

#[test]
fn a_wrong_length_of_get_response_is_corrected_too() {
    let response = run(
        Protocol::T0,
        Limits::SHORT,
        &get_data(Expected::SHORT_MAX),
        &[
            ("00CB3FFF 03 5C017E", "6100"),
            ("00C00000 00", "6C02"),
            ("00C00000 02", "AABB 9000"),
        ],
    );
    assert_eq!(response, Ok(("AABB".to_owned(), 0x9000)));
}

#[test]
fn rsa_operations_are_split_as_cards_expect_them() {
    for (algorithm, data, last) in [(0x07, 266, 11), (0x05, 394, 139)] {
        let command = Command::new(0x00, Instruction::GENERAL_AUTHENTICATE, algorithm, 0x9A)
            .with_data(vec![0x5A; data])
            .with_expected(Expected::SHORT_MAX);
        let response = run(
            Protocol::T1,
            Limits::SHORT,
            &command,
            &[
                (
                    &format!("1087{algorithm:02X}9A FF {}", "5A".repeat(255)),
                    "9000",
                ),
                (
                    &format!("0087{algorithm:02X}9A {last:02X} {} 00", "5A".repeat(last)),
                    &format!("{} 6108", "82".repeat(256)),
                ),
                ("00C00000 08", &format!("{} 9000", "82".repeat(8))),
            ],
        );
        assert_eq!(response, Ok(("82".repeat(264), 0x9000)));
    }
}

#[test]
fn a_chain_ends_with_the_first_refusal() {
    let command = Command::new(0x00, Instruction::PUT_DATA, 0x3F, 0xFF).with_data([0x53; 600]);
    let response = run(
        Protocol::T1,
        Limits::SHORT,
        &command,
        &[(&format!("10DB3FFF FF {}", "53".repeat(255)), "6982")],
    );
    assert_eq!(response, Ok((String::new(), 0x6982)));
}

#[test]
fn extended_length_is_used_up_to_its_limit_and_chained_above() {
    let command = Command::new(0x00, Instruction::PUT_DATA, 0x3F, 0xFF).with_data([0x53; 1017]);
    let response = run(
        Protocol::T1,
        EXTENDED,
        &command,
        &[
            (&format!("10DB3FFF 0003F8 {}", "53".repeat(1016)), "9000"),
            ("00DB3FFF 000001 53", "9000"),
        ],
    );
    assert_eq!(response, Ok((String::new(), 0x9000)));
    // What fits short length fields goes short.
    let response = run(
        Protocol::T1,
        EXTENDED,
        &get_data(Expected::SHORT_MAX),
        &[("00CB3FFF 03 5C017E 00", "7E00 9000")],
    );
    assert_eq!(response, Ok(("7E00".to_owned(), 0x9000)));
}

#[test]
fn get_response_goes_in_clear_on_the_channel_of_its_command() {
    let class_of = |class| {
        let command = Command::new(class, Instruction::GET_CHALLENGE, 0, 0)
            .with_expected(Expected::SHORT_MAX);
        let get_response = match class {
            0x00 | 0x0C | 0x80 | 0x84 => "00C0000001",
            0x01 | 0x81 => "01C0000001",
            0x43 | 0x63 => "43C0000001",
            _ => panic!("no expectation"),
        };
        run(
            Protocol::T1,
            Limits::SHORT,
            &command,
            &[
                (&format!("{class:02X}84000000"), "6101"),
                (get_response, "AA 9000"),
            ],
        )
    };
    for class in [0x00, 0x0C, 0x80, 0x84, 0x01, 0x81, 0x43, 0x63] {
        assert_eq!(class_of(class), Ok(("AA".to_owned(), 0x9000)));
    }
}

/// A card with `response` to give, `pieces` bytes at a time, announcing more as it likes.
struct Generous {
    protocol: Protocol,
    received: Arc<Mutex<Vec<u8>>>,
    response: Vec<u8>,
    given: usize,
    pieces: Vec<usize>,
    says_ff: bool,
}

impl Generous {
    fn give(&mut self, asked: usize) -> Vec<u8> {
        let most = if self.says_ff { 255 } else { 256 };
        let piece = self.pieces.pop().unwrap_or(most).clamp(1, most);
        let end = (self.given + piece.min(asked)).min(self.response.len());
        let mut answer = self.response[self.given..end].to_vec();
        self.given = end;
        answer.extend(match self.response.len() - end {
            0 => [0x90, 0x00],
            waiting @ 1..256 => [0x61, waiting as u8],
            _ => [0x61, if self.says_ff { 0xFF } else { 0x00 }],
        });
        answer
    }
}

impl Link for Generous {
    fn name(&self) -> &str {
        "sim:generous"
    }

    fn atr(&self) -> &[u8] {
        &[0x3B, 0x00]
    }

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        let command = Command::parse(command).expect("a well-formed command");
        let asked = command
            .expected
            .map_or(0, |expected| expected.get() as usize);
        if command.instruction == Instruction::GET_RESPONSE {
            let waiting = self.response.len() - self.given;
            assert!(asked <= waiting.max(256), "asked {asked} of {waiting}");
            return Ok(self.give(asked));
        }
        self.received
            .lock()
            .unwrap()
            .extend_from_slice(&command.data);
        if command.is_chained() {
            assert_eq!(command.expected, None);
            return Ok(vec![0x90, 0x00]);
        }
        Ok(self.give(asked))
    }

    fn reset(&mut self, _: Reset) -> Result<(), LinkError> {
        Ok(())
    }

    fn disconnect(self: Box<Self>, _: Disposition) -> Result<(), LinkError> {
        Ok(())
    }
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_whole(
        data in proptest::collection::vec(any::<u8>(), 0..1200),
        response in proptest::collection::vec(any::<u8>(), 0..3000),
        pieces in proptest::collection::vec(1_usize..=256, 0..8),
        says_ff: bool,
        t0: bool,
        extended: bool,
    ) {
        let received = Arc::default();
        let link = Generous {
            protocol: if t0 { Protocol::T0 } else { Protocol::T1 },
            received: Arc::clone(&received),
            response: response.clone(),
            given: 0,
            pieces,
            says_ff,
        };
        let limits = if extended { EXTENDED } else { Limits::SHORT };
        let mut channel = Channel::with_limits(Box::new(link), limits);
        let command = Command::new(0x00, Instruction::GET_DATA, 0x3F, 0xFF)
            .with_data(data.clone())
            .with_expected(Expected::SHORT_MAX);
        let answer = channel.transmit(&command).unwrap();
        prop_assert_eq!(&*answer.data, &response);
        prop_assert_eq!(answer.status, StatusWord::OK);
        prop_assert_eq!(&*received.lock().unwrap(), &data);
    }
}

/// A card that never stops announcing more.
struct Endless(usize);

impl Link for Endless {
    fn name(&self) -> &str {
        "sim:endless"
    }

    fn atr(&self) -> &[u8] {
        &[0x3B, 0x00]
    }

    fn protocol(&self) -> Protocol {
        Protocol::T1
    }

    fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, LinkError> {
        Ok([&vec![0xAA; self.0][..], &[0x61, 0x00]].concat())
    }

    fn reset(&mut self, _: Reset) -> Result<(), LinkError> {
        Ok(())
    }

    fn disconnect(self: Box<Self>, _: Disposition) -> Result<(), LinkError> {
        Ok(())
    }
}

#[test]
fn a_card_that_never_stops_is_cut_off() {
    for (piece, most) in [(0, 0), (1, 32_768), (256, 32_767 + 256)] {
        let mut channel = Channel::new(Box::new(Endless(piece)));
        match channel.transmit(&get_data(Expected::SHORT_MAX)) {
            Err(ChannelError::EndlessResponse { received }) => assert!(received <= most),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_answer_without_status_word_is_an_error() {
    struct Short;
    impl Link for Short {
        fn name(&self) -> &str {
            "sim:short"
        }
        fn atr(&self) -> &[u8] {
            &[]
        }
        fn protocol(&self) -> Protocol {
            Protocol::T1
        }
        fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, LinkError> {
            Ok(vec![0x90])
        }
        fn reset(&mut self, _: Reset) -> Result<(), LinkError> {
            Ok(())
        }
        fn disconnect(self: Box<Self>, _: Disposition) -> Result<(), LinkError> {
            Ok(())
        }
    }
    assert_eq!(
        Channel::new(Box::new(Short)).transmit(&get_data(Expected::SHORT_MAX)),
        Err(ChannelError::Link(LinkError::ShortAnswer { length: 1 }))
    );
}
