//! The host's T=1 against the simulated card's, over a line that loses and changes blocks.

use std::collections::VecDeque;

use firmware_sim::reader::{BlockSide, Turn};
use iso7816::atr::ErrorDetection;
use proptest::prelude::*;
use readers::t1::{Block, BlockCarrier, BlockProtocol, ProtocolError, Supervisory};
use zeroize::Zeroizing;

/// What happens to one block on its way.
#[derive(Clone, Copy, Debug)]
enum Way {
    Clear,
    Lost,
    /// One byte differs.
    Changed {
        at: usize,
        by: u8,
    },
    /// The end is missing.
    Cut {
        by: usize,
    },
}

fn ways() -> impl Strategy<Value = Way> {
    prop_oneof![
        4 => Just(Way::Clear),
        1 => Just(Way::Lost),
        1 => (any::<usize>(), 1_u8..).prop_map(|(at, by)| Way::Changed { at, by }),
        1 => (1_usize..5).prop_map(|by| Way::Cut { by }),
    ]
}

impl Way {
    fn pass(self, mut block: Vec<u8>) -> Option<Vec<u8>> {
        match self {
            Self::Clear => {}
            Self::Lost => return None,
            Self::Changed { at, by } => {
                let at = at % block.len();
                block[at] ^= by;
            }
            Self::Cut { by } => block.truncate(block.len().saturating_sub(by)),
        }
        Some(block)
    }
}

/// A card at the end of a bad line.
struct Line {
    card: BlockSide,
    ways: VecDeque<Way>,
    /// How often each command needs more time.
    slow: u8,
    waits: u8,
    /// The command under way.
    pending: Option<Vec<u8>>,
    /// All commands the chip carried out.
    carried_out: Vec<Vec<u8>>,
    blocks: usize,
}

/// What the chip answers: every command has its own answer, of any length.
fn answer(command: &[u8]) -> Vec<u8> {
    let length = command.len() * 7 % 1500 + 2;
    let sum = command
        .iter()
        .fold(0_u8, |sum, byte| sum.rotate_left(3) ^ byte);
    (0..length).map(|at| sum.wrapping_add(at as u8)).collect()
}

impl Line {
    fn finish(&mut self) -> Vec<u8> {
        if self.waits > 0 {
            self.waits -= 1;
            return self.card.need_time(2);
        }
        let command = self.pending.take().expect("a command is under way");
        let response = answer(&command);
        self.carried_out.push(command);
        self.card.respond(response)
    }
}

impl BlockCarrier for Line {
    type Error = std::convert::Infallible;

    fn carry(
        &mut self,
        block: &[u8],
        _waiting: u8,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Self::Error> {
        self.blocks += 1;
        let mut way = || self.ways.pop_front().unwrap_or(Way::Clear);
        let (there, back) = (way(), way());
        let Some(block) = there.pass(block.to_vec()) else {
            return Ok(None);
        };
        let said = match self.card.take(&block) {
            Turn::Answer(block) => block,
            Turn::Carry(command) => {
                self.pending = Some(command);
                self.waits = self.slow;
                self.finish()
            }
            Turn::GoOn => self.finish(),
        };
        Ok(back.pass(said).map(Zeroizing::new))
    }
}

fn line(check: ErrorDetection, card_size: u8, ways: Vec<Way>, slow: u8) -> Line {
    Line {
        card: BlockSide::new(check, card_size),
        ways: ways.into(),
        slow,
        waits: 0,
        pending: None,
        carried_out: Vec::new(),
        blocks: 0,
    }
}

fn checks() -> impl Strategy<Value = ErrorDetection> {
    prop_oneof![Just(ErrorDetection::Lrc), Just(ErrorDetection::Crc)]
}

fn commands() -> impl Strategy<Value = Vec<Vec<u8>>> {
    proptest::collection::vec(proptest::collection::vec(any::<u8>(), 4..900), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    /// Every command is answered right or with a typed error, and is carried out once at most:
    /// a passcode sent over a bad line costs one try.
    #[test]
    fn over_a_bad_line_no_answer_is_wrong_and_no_command_done_twice(
        check in checks(),
        card_size in 1_u8..=254,
        announced in proptest::option::of(1_u8..=254),
        ways in proptest::collection::vec(ways(), 0..60),
        slow in 0_u8..3,
        commands in commands(),
    ) {
        let mut line = line(check, card_size, ways, slow);
        let mut host = BlockProtocol::new(check, card_size);
        if let Some(size) = announced {
            // Whether it was agreed to or not, both sides must go on.
            let _ = host.announce_size(size, &mut line);
        }
        for command in &commands {
            line.carried_out.clear();
            match host.exchange(command, &mut line) {
                Ok(response) => {
                    prop_assert_eq!(&response, &answer(command));
                    prop_assert_eq!(&line.carried_out[..], std::slice::from_ref(command));
                }
                Err(ProtocolError::Lost { .. } | ProtocolError::OutcomeUnknown { .. }) => {
                    prop_assert!(line.carried_out.len() <= 1);
                    prop_assert!(line.carried_out.iter().all(|done| done == command));
                }
                Err(other) => prop_assert!(false, "{}", other),
            }
        }
        // Once the line is clear, everything works again.
        line.ways.clear();
        let response = host.exchange(&commands[0], &mut line).expect("a clear line");
        prop_assert_eq!(response, answer(&commands[0]));
        prop_assert!(line.blocks < 20_000);
    }

    #[test]
    fn over_a_clear_line_every_command_is_answered(
        check in checks(),
        card_size in 1_u8..=254,
        host_size in 1_u8..=254,
        slow in 0_u8..4,
        commands in commands(),
    ) {
        let mut line = line(check, card_size, Vec::new(), slow);
        let mut host = BlockProtocol::new(check, card_size);
        host.announce_size(host_size, &mut line).expect("a clear line");
        for command in &commands {
            let response = host.exchange(command, &mut line).expect("a clear line");
            prop_assert_eq!(response, answer(command));
        }
        prop_assert_eq!(line.carried_out, commands);
    }

    /// A card that answers any blocks at all brings the host to an end.
    #[test]
    fn any_answers_end_in_a_response_or_a_typed_error(
        check in checks(),
        answers in proptest::collection::vec(any_answer(), 0..400),
        command in proptest::collection::vec(any::<u8>(), 1..400),
    ) {
        struct Any(VecDeque<Option<Block>>, ErrorDetection);
        impl BlockCarrier for Any {
            type Error = std::convert::Infallible;
            fn carry(
                &mut self,
                _block: &[u8],
                _waiting: u8,
            ) -> Result<Option<Zeroizing<Vec<u8>>>, Self::Error> {
                Ok(self.0.pop_front().flatten().map(|block| block.encode(self.1)))
            }
        }
        let mut host = BlockProtocol::new(check, 32);
        if let Err(error) = host.exchange(&command, &mut Any(answers.into(), check)) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn a_block_parses_back_to_itself(check in checks(), block in blocks()) {
        prop_assert_eq!(Block::parse(&block.encode(check), check), Ok(block));
    }

    #[test]
    fn any_bytes_are_a_block_or_a_typed_error(
        check in checks(),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        if let Ok(block) = Block::parse(&bytes, check) {
            prop_assert_eq!(&block.encode(check)[..], &bytes[..]);
        }
    }
}

fn blocks() -> impl Strategy<Value = Block> {
    let about = || {
        prop_oneof![
            Just(Supervisory::Resynch),
            (1_u8..=254).prop_map(Supervisory::InformationSize),
            Just(Supervisory::Abort),
            any::<u8>().prop_map(Supervisory::WaitingTime),
        ]
    };
    prop_oneof![
        (
            any::<bool>(),
            any::<bool>(),
            proptest::collection::vec(any::<u8>(), 0..=254)
        )
            .prop_map(|(sequence, more, data)| Block::Information {
                sequence,
                more,
                data: data.into(),
            }),
        (any::<bool>(), 0_u8..3).prop_map(|(sequence, error)| Block::Ready { sequence, error }),
        about().prop_map(Block::Request),
        about().prop_map(Block::Response),
    ]
}

fn any_answer() -> impl Strategy<Value = Option<Block>> {
    proptest::option::weighted(0.9, blocks())
}

/// Resynchronisation, seen from outside: what both sides say.
#[test]
fn after_three_lost_answers_the_host_begins_anew_and_does_not_repeat_the_command() {
    let mut line = line(
        ErrorDetection::Lrc,
        254,
        vec![
            Way::Clear,
            Way::Lost,
            Way::Clear,
            Way::Lost,
            Way::Clear,
            Way::Lost,
        ],
        0,
    );
    let mut host = BlockProtocol::new(ErrorDetection::Lrc, 254);
    let error = host.exchange(&[0, 0x20, 0, 0x80], &mut line).unwrap_err();
    assert!(
        matches!(error, ProtocolError::OutcomeUnknown { .. }),
        "{error}"
    );
    assert_eq!(line.carried_out.len(), 1);
    // Command, two requests for its answer, resynchronisation.
    assert_eq!(line.blocks, 4);
}
