//! The driver of the GemPC Twin against the simulated one, with everything that goes wrong.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may stop it as the test itself may"
)]

mod common;

use std::time::Duration;

use firmware_sim::card::{Model, PivChip};
use firmware_sim::contacts::{Chip, Contacts};
use firmware_sim::reader::{FIRMWARE, Twin};
use ground::{Blame, Blamed};
use iso7816::{
    Channel, Command, Disposition, Expected, Instruction, Limits, Link, LinkError, Protocol,
    Reader, Reset,
};
use readers::GemPcTwin;

use common::Bench;

const SOON: Duration = Duration::from_secs(1);
const SELECT_PIV: [u8; 15] = [0, 0xA4, 4, 0, 9, 0xA0, 0, 0, 3, 8, 0, 0, 0x10, 0, 0];
const WRONG_PIN: &[u8] = b"\x00\x20\x00\x80\x08999999\xFF\xFF";
const TRIES_LEFT: [u8; 4] = [0, 0x20, 0, 0x80];

fn chip(protocol: Protocol) -> Box<dyn Chip> {
    let mut model = Model::series10();
    if protocol == Protocol::T0 {
        model = t0_model();
    }
    Box::new(PivChip::personalised(&model, 1))
}

/// A series 10 card that offers T=0 at its fastest.
fn t0_model() -> Model {
    let mut model = Model::series10();
    model.atr = vec![0x3B, 0x13, 0x96, 0x53, 0x49, 0x4D];
    model.transport.protocol = Protocol::T0;
    model
}

fn bench(protocol: Protocol) -> Bench {
    let contacts = Contacts::new("sim:reader");
    contacts.close_on(chip(protocol));
    Bench::new(Twin::new(contacts))
}

fn connect(reader: &mut GemPcTwin) -> Box<dyn Link> {
    reader.connect(SOON).unwrap()
}

fn tries(link: &mut dyn Link) -> u8 {
    let answer = link.transmit(&TRIES_LEFT).unwrap();
    assert_eq!(answer[0], 0x63, "{answer:02X?}");
    answer[1] & 0x0F
}

#[test]
fn a_card_is_found_activated_and_spoken_to_in_both_protocols() {
    for protocol in [Protocol::T1, Protocol::T0] {
        let bench = bench(protocol);
        let mut reader = bench.reader().unwrap();
        assert_eq!(reader.firmware(), FIRMWARE);
        assert_eq!(reader.name(), "serial:twin");
        assert!(reader.card_present().unwrap());
        let mut link = connect(&mut reader);
        assert_eq!(link.protocol(), protocol);
        let answer = link.transmit(&SELECT_PIV).unwrap();
        match protocol {
            Protocol::T1 => assert!(answer.ends_with(&[0x90, 0x00]), "{answer:02X?}"),
            // A Le behind data is not sent: the card says what it has.
            Protocol::T0 => assert_eq!(answer[0], 0x61, "{answer:02X?}"),
        }
        link.disconnect(Disposition::PowerOff).unwrap();
    }
}

#[test]
fn objects_longer_than_a_block_and_than_256_bytes_come_whole() {
    let read = |protocol: Protocol, limits: Limits| {
        let bench = bench(protocol);
        let mut reader = bench.reader().unwrap();
        let mut channel = Channel::with_limits(connect(&mut reader), limits);
        let select = Command::parse(&SELECT_PIV).unwrap();
        assert!(channel.transmit(&select).unwrap().status.is_ok());
        let get = Command::new(0, Instruction::GET_DATA, 0x3F, 0xFF)
            .with_data([0x5C, 0x03, 0x5F, 0xC1, 0x05])
            .with_expected(if limits.is_extended() {
                Expected::EXTENDED_MAX
            } else {
                Expected::SHORT_MAX
            });
        let response = channel.transmit(&get).unwrap();
        assert!(response.status.is_ok(), "{response:?}");
        response.data.to_vec()
    };
    let extended = Limits {
        command_data: 1000,
        ..Limits::SHORT
    };
    let whole = read(Protocol::T1, extended);
    assert!(whole.len() > 400, "{}", whole.len());
    assert_eq!(read(Protocol::T1, Limits::SHORT), whole);
    assert_eq!(read(Protocol::T0, Limits::SHORT), whole);
}

#[test]
fn extended_commands_are_chained_in_blocks() {
    let bench = bench(Protocol::T1);
    let mut reader = bench.reader().unwrap();
    let mut link = connect(&mut reader);
    // PUT DATA without the administration key: refused, after all of it came.
    let mut command = vec![0, 0xDB, 0x3F, 0xFF, 0, 3, 0];
    command.extend([0x5C, 0x03, 0x5F, 0xC1, 0x05, 0x53, 0x82, 0x02, 0xF7]);
    command.resize(7 + 768, 0x55);
    link.transmit(&SELECT_PIV).unwrap();
    assert_eq!(link.transmit(&command).unwrap(), [0x69, 0x82]);
}

#[test]
fn over_t0_a_wrong_length_is_corrected_and_more_data_fetched_by_the_channel() {
    let bench = bench(Protocol::T0);
    let mut reader = bench.reader().unwrap();
    let mut link = connect(&mut reader);
    link.transmit(&SELECT_PIV).unwrap();
    // Case 2 with another Le than there is: GET RESPONSE for less, then for too much.
    let more = link.transmit(&SELECT_PIV).unwrap();
    assert_eq!(more[0], 0x61);
    let wrong = link.transmit(&[0, 0xC0, 0, 0, more[1] + 1]).unwrap();
    assert_eq!(wrong, [0x6C, more[1]]);
    let right = link.transmit(&[0, 0xC0, 0, 0, more[1]]).unwrap();
    assert_eq!(right.len(), usize::from(more[1]) + 2);
}

#[test]
fn a_reset_and_the_end_of_a_link_forget_the_passcode() {
    let bench = bench(Protocol::T1);
    let mut reader = bench.reader().unwrap();
    let verify = b"\x00\x20\x00\x80\x08123456\xFF\xFF";
    for reset in [Some(Reset::Warm), Some(Reset::Cold), None] {
        let mut link = connect(&mut reader);
        link.transmit(&SELECT_PIV).unwrap();
        assert_eq!(link.transmit(verify).unwrap(), [0x90, 0x00]);
        assert_eq!(link.transmit(&TRIES_LEFT).unwrap(), [0x90, 0x00]);
        match reset {
            Some(reset) => link.reset(reset).unwrap(),
            None => {
                drop(link);
                link = connect(&mut reader);
            }
        }
        link.transmit(&SELECT_PIV).unwrap();
        assert_eq!(tries(&mut *link), 3);
    }
}

#[test]
fn a_card_has_one_user_at_a_time() {
    let bench = bench(Protocol::T1);
    let mut reader = bench.reader().unwrap();
    let link = connect(&mut reader);
    assert!(matches!(
        reader.connect(SOON),
        Err(LinkError::SharedElsewhere { .. })
    ));
    drop(link);
    assert!(reader.connect(SOON).is_ok());
}

#[test]
fn an_empty_reader_and_a_card_that_comes_are_told() {
    let contacts = Contacts::new("sim:reader");
    let bench = Bench::new(Twin::new(contacts.clone()));
    let mut reader = bench.reader().unwrap();
    assert!(!reader.card_present().unwrap());
    assert!(matches!(
        reader.connect(SOON),
        Err(LinkError::NoCard { .. })
    ));
    contacts.close_on(chip(Protocol::T1));
    assert!(reader.card_present().unwrap());
    let mut link = connect(&mut reader);
    // Out and in again between two commands: another card, perhaps.
    let chip = contacts.open().unwrap();
    contacts.close_on(chip);
    assert!(matches!(
        link.transmit(&SELECT_PIV),
        Err(LinkError::CardRemoved { .. })
    ));
}

/// Each fault that only concerns the line to the reader is mended without anybody noticing, and
/// costs no try.
#[test]
fn faults_of_the_line_are_mended_and_a_wrong_passcode_costs_one_try() {
    for fault in [
        "transfer:nak",
        "transfer:bad-lrc",
        "transfer:cut",
        "transfer:silent",
        "transfer:deaf",
        "transfer:bad-echo",
        "transfer:mute",
        "transfer:parity",
        "transfer:from-card",
        "transfer:to-card",
        "transfer:time=3",
    ] {
        let bench = bench(Protocol::T1);
        let mut reader = bench.reader().unwrap();
        let mut link = connect(&mut reader);
        link.transmit(&SELECT_PIV).unwrap();
        assert_eq!(tries(&mut *link), 3, "{fault}");
        bench.fault(fault);
        assert_eq!(link.transmit(WRONG_PIN).unwrap(), [0x63, 0xC2], "{fault}");
        assert_eq!(tries(&mut *link), 2, "{fault}");
    }
}

/// Over T=0 nothing can ask for an answer again: what the card may have done is not done twice.
#[test]
fn over_t0_a_lost_answer_is_an_error_and_costs_one_try_at_most() {
    for (fault, cost) in [
        ("transfer:bad-lrc", 1),
        ("transfer:cut", 1),
        ("transfer:silent", 1),
        ("transfer:deaf", 0),
        ("transfer:mute", 0),
        ("transfer:parity", 0),
        ("transfer:to-card", 0),
    ] {
        let bench = bench(Protocol::T0);
        let mut reader = bench.reader().unwrap();
        let mut link = connect(&mut reader);
        link.transmit(&SELECT_PIV).unwrap();
        bench.fault(fault);
        let error = link.transmit(WRONG_PIN).unwrap_err();
        assert!(error.to_string().contains("not known"), "{fault}: {error}");
        assert!(error.hint().is_some(), "{fault}");
        assert_eq!(tries(&mut *link), 3 - cost, "{fault}");
    }
    for fault in ["transfer:nak", "transfer:bad-echo", "transfer:time=3"] {
        let bench = bench(Protocol::T0);
        let mut reader = bench.reader().unwrap();
        let mut link = connect(&mut reader);
        link.transmit(&SELECT_PIV).unwrap();
        bench.fault(fault);
        assert_eq!(link.transmit(WRONG_PIN).unwrap(), [0x63, 0xC2], "{fault}");
    }
}

/// Whatever is not for the card is asked again.
#[test]
fn opening_and_activation_survive_any_single_fault() {
    let moments = ["escape", "status", "power", "parameters"];
    let faults = ["nak", "silent", "deaf", "bad-lrc", "bad-echo", "cut"];
    for moment in moments {
        for fault in faults {
            for nth in 1..=2 {
                let bench = bench(Protocol::T1);
                bench.fault(&format!("{moment}:{nth}:{fault}"));
                let mut reader = bench.reader().unwrap();
                let mut link = connect(&mut reader);
                let answer = link.transmit(&SELECT_PIV).unwrap();
                assert!(answer.ends_with(&[0x90, 0x00]), "{moment}:{fault}");
            }
        }
    }
}

#[test]
fn a_card_that_refuses_its_own_speed_is_spoken_to_as_it_is_after_a_reset() {
    let bench = bench(Protocol::T1);
    let mut reader = bench.reader().unwrap();
    // The first transfer is the choice of protocol and speed.
    bench.fault("transfer:mute");
    let mut link = connect(&mut reader);
    let answer = link.transmit(&SELECT_PIV).unwrap();
    assert!(answer.ends_with(&[0x90, 0x00]));
}

#[test]
fn a_card_that_leaves_in_the_middle_is_a_removed_card() {
    for protocol in [Protocol::T0, Protocol::T1] {
        let bench = bench(protocol);
        let mut reader = bench.reader().unwrap();
        let mut link = connect(&mut reader);
        link.transmit(&SELECT_PIV).unwrap();
        bench.fault("transfer:remove");
        let error = link.transmit(WRONG_PIN).unwrap_err();
        assert!(matches!(error, LinkError::CardRemoved { .. }), "{error}");
        assert!(!reader.card_present().unwrap());
        let chip = bench.twin.lock().unwrap().take_removed().unwrap();
        drop(link);
        bench.twin.lock().unwrap().contacts().close_on(chip);
        let mut link = connect(&mut reader);
        link.transmit(&SELECT_PIV).unwrap();
        assert_eq!(tries(&mut *link), 2);
    }
}

#[test]
fn a_dead_reader_is_told_with_what_to_do() {
    let bench = bench(Protocol::T1);
    let mut reader = bench.reader().unwrap();
    let mut link = connect(&mut reader);
    bench.fault("any:dead");
    let error = link.transmit(&SELECT_PIV).unwrap_err();
    assert!(matches!(error, LinkError::Timeout { .. }), "{error}");
    assert_eq!(error.blame(), Blame::ReaderFault);
    assert!(error.hint().unwrap().contains("cable"));
    assert!(matches!(
        reader.card_present(),
        Err(LinkError::Timeout { .. })
    ));
}

#[test]
fn a_half_dead_reader_that_only_repeats_is_told_apart_from_a_dead_one() {
    let bench = bench(Protocol::T1);
    let mut reader = bench.reader().unwrap();
    for _ in 0..3 {
        bench.fault("status:silent");
    }
    let error = reader.card_present().unwrap_err();
    assert!(
        matches!(error, LinkError::OutOfOrder { .. }) && error.to_string().contains("repeats"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("off and on"));
    // It is asked again, and has come back to life.
    assert!(reader.card_present().unwrap());
}

#[test]
fn a_line_too_bad_for_any_frame_is_the_readers_fault() {
    let bench = bench(Protocol::T1);
    let mut reader = bench.reader().unwrap();
    let mut link = connect(&mut reader);
    for _ in 0..3 {
        bench.fault("transfer:nak");
    }
    let error = link.transmit(&SELECT_PIV).unwrap_err();
    assert!(matches!(error, LinkError::OutOfOrder { .. }), "{error}");
    assert!(error.to_string().contains("damaged"), "{error}");
    assert_eq!(error.blame(), Blame::ReaderFault);
    // Nothing came of it: the next command finds card and protocol as they were.
    let answer = link.transmit(&SELECT_PIV).unwrap();
    assert!(answer.ends_with(&[0x90, 0x00]));
}

#[test]
fn a_card_that_only_sends_damaged_blocks_is_to_blame_itself() {
    let bench = bench(Protocol::T1);
    let mut reader = bench.reader().unwrap();
    let mut link = connect(&mut reader);
    for _ in 0..12 {
        bench.fault("transfer:from-card");
    }
    let error = link.transmit(&SELECT_PIV).unwrap_err();
    assert!(matches!(error, LinkError::CardGarbled { .. }), "{error}");
    assert_eq!(error.blame(), Blame::CardMisbehaved);
}

#[test]
fn a_reader_that_repeats_nothing_is_understood_too() {
    let contacts = Contacts::new("sim:reader");
    contacts.close_on(chip(Protocol::T1));
    let bench = Bench::new(Twin::new(contacts).without_echo());
    let mut reader = bench.reader().unwrap();
    let mut link = connect(&mut reader);
    link.transmit(&SELECT_PIV).unwrap();
    bench.fault("transfer:bad-lrc");
    assert_eq!(link.transmit(WRONG_PIN).unwrap(), [0x63, 0xC2]);
    assert_eq!(tries(&mut *link), 2);
}

#[test]
fn a_port_that_is_not_there_is_an_operators_mistake() {
    let error = GemPcTwin::open("serial:/nowhere/tty", ground::System::shared()).unwrap_err();
    assert!(matches!(error, LinkError::NoReader { .. }), "{error:?}");
    assert_eq!(error.blame(), Blame::OperatorMistake);
}

/// The whole way: a pseudo-terminal, the operating system's serial driver, real time.
#[cfg(unix)]
#[test]
fn over_a_pseudo_terminal_it_is_the_same() {
    use firmware_sim::reader::{Pty, serve};
    use firmware_sim::vpcd::Stop;

    let contacts = Contacts::new("sim:reader");
    contacts.close_on(chip(Protocol::T1));
    let mut twin = Twin::new(contacts);
    let mut pty = Pty::open().unwrap();
    let path = pty.path().to_str().unwrap().to_owned();
    /// A failed assertion must not leave the reader serving without end.
    struct AtTheEnd<'a>(&'a Stop);
    impl Drop for AtTheEnd<'_> {
        fn drop(&mut self) {
            self.0.stop();
        }
    }

    let stop = Stop::new();
    std::thread::scope(|scope| {
        let _end = AtTheEnd(&stop);
        scope.spawn(|| serve(&mut twin, &mut pty, &stop).unwrap());
        let mut reader = GemPcTwin::open(&path, ground::System::shared()).unwrap();
        let mut link = connect(&mut reader);
        let answer = link.transmit(&SELECT_PIV).unwrap();
        assert!(answer.ends_with(&[0x90, 0x00]));
        // The port belongs to one program.
        assert!(GemPcTwin::open(&path, ground::System::shared()).is_err());
        link.disconnect(Disposition::PowerOff).unwrap();
    });
}
