use ground::Virtual;
use iso7816::{Disposition, Link, LinkError, Protocol, Reset, StatusWord};
use proptest::prelude::*;

use super::*;

/// Answers the same to everything, and tells what instruction it was sent last.
struct Constant(Vec<u8>, std::sync::Arc<std::sync::atomic::AtomicU8>);

impl Link for Constant {
    fn name(&self) -> &str {
        "constant"
    }
    fn atr(&self) -> &[u8] {
        &[0x3B, 0x00]
    }
    fn protocol(&self) -> Protocol {
        Protocol::T1
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        self.1
            .store(command[1], std::sync::atomic::Ordering::Relaxed);
        Ok(self.0.clone())
    }
    fn reset(&mut self, _: Reset) -> Result<(), LinkError> {
        Ok(())
    }
    fn disconnect(self: Box<Self>, _: Disposition) -> Result<(), LinkError> {
        Ok(())
    }
}

/// The error of opening a channel to a card with this answer, and the last instruction sent.
fn open_to(answer: &[u8], options: &ChannelOptions<'_>) -> (Scp03Error, u8) {
    let last = std::sync::Arc::default();
    let link = Constant(answer.to_vec(), std::sync::Arc::clone(&last));
    let mut channel = Channel::new(Box::new(link));
    let keys = StaticKeys::same(&AesKey::new(&[7; 16]).unwrap());
    let error = open_channel(
        &mut channel,
        &keys,
        SecurityLevel::Full,
        &Virtual::new(1),
        options,
    )
    .unwrap_err();
    (error, last.load(std::sync::atomic::Ordering::Relaxed))
}

fn answer(version: u8, protocol: u8, options: u8, rest: usize) -> Vec<u8> {
    let mut answer = vec![0; 10];
    answer.extend_from_slice(&[version, protocol, options]);
    answer.resize(13 + rest, 0xA5);
    answer.extend_from_slice(&[0x90, 0x00]);
    answer
}

#[test]
fn what_is_wrong_with_the_answer_is_said_before_external_authenticate() {
    let options = ChannelOptions {
        key_version: 0x30,
        ..ChannelOptions::default()
    };
    let cases = [
        (
            answer(0x30, 0x02, 0x70, 19),
            Scp03Error::Protocol { actual: 2 },
        ),
        (
            answer(0x30, 0x03, 0x70, 16),
            Scp03Error::UpdateLength { length: 29 },
        ),
        (
            answer(0x30, 0x03, 0x60, 19),
            Scp03Error::UpdateLength { length: 32 },
        ),
        (
            answer(0x30, 0x03, 0x71, 35),
            Scp03Error::OtherMode {
                expected: Mode::S8,
                actual: Mode::S16,
            },
        ),
        (
            answer(0x31, 0x03, 0x70, 19),
            Scp03Error::OtherVersion {
                expected: 0x30,
                actual: 0x31,
            },
        ),
        (
            answer(0x30, 0x03, 0x30, 19),
            Scp03Error::LevelNotOffered {
                level: 0x33,
                options: 0x30,
            },
        ),
        (
            answer(0x30, 0x03, 0x70, 19),
            Scp03Error::WrongKeys { version: 0x30 },
        ),
        (
            vec![0x6A, 0x88],
            Scp03Error::Refused {
                command: "INITIALIZE UPDATE",
                status: StatusWord::REFERENCE_NOT_FOUND,
            },
        ),
    ];
    for (answer, expected) in cases {
        let (error, last) = open_to(&answer, &options);
        assert_eq!(error, expected);
        assert_eq!(last, Instruction::INITIALIZE_UPDATE.0, "{error}");
    }
}

#[test]
fn levels_have_their_bytes_and_needs() {
    for level in SecurityLevel::ALL {
        assert_eq!(SecurityLevel::from_byte(level.byte()), Some(level));
        assert!(ProtocolOptions(0x60).offers(level));
    }
    assert_eq!(SecurityLevel::from_byte(0x30), None);
    assert!(ProtocolOptions(0x00).offers(SecurityLevel::CMacCEnc));
    assert!(!ProtocolOptions(0x00).offers(SecurityLevel::CMacRMac));
    assert!(!ProtocolOptions(0x20).offers(SecurityLevel::Full));
}

proptest! {
    #[test]
    fn any_answer_gives_a_typed_error_and_no_external_authenticate(
        bytes in proptest::collection::vec(any::<u8>(), 0..64),
        likely in (0_u8..0x80, 0_usize..40).prop_map(|(options, rest)| answer(1, 3, options, rest)),
        s16: bool,
    ) {
        let mode = if s16 { Mode::S16 } else { Mode::S8 };
        let options = ChannelOptions { mode, ..ChannelOptions::default() };
        for answer in [bytes, likely] {
            let (_, last) = open_to(&answer, &options);
            prop_assert_ne!(last, Instruction::EXTERNAL_AUTHENTICATE.0);
        }
    }
}
