use std::time::Duration;

use ground::Virtual;
use proptest::prelude::*;

use super::*;
use crate::card::NullChip;
use crate::printer::Movement;

/// T=1, without TB1.
const ATR: [u8; 6] = [0x3B, 0x90, 0x11, 0x81, 0x01, 0x01];

fn dispenser(blanks: u64) -> SimDispenser {
    opened(Config::new(blanks, Arc::new(Virtual::new(1))))
}

fn opened(config: Config) -> SimDispenser {
    SimDispenser::open(config, |_| Ok(Box::new(NullChip::new(ATR)))).unwrap()
}

fn frame(text: &[u8]) -> Vec<u8> {
    let mut frame = vec![0xF2, 0];
    frame.extend((text.len() as u16).to_be_bytes());
    frame.extend(text);
    frame.push(0x03);
    let sum = frame.iter().fold(0, |sum, byte| sum ^ byte);
    frame.push(sum);
    frame
}

/// Sends bytes; what comes back.
fn send(dispenser: &SimDispenser, bytes: &[u8]) -> Vec<u8> {
    let mut said = Vec::new();
    let mut say = |_, bytes: &[u8]| {
        said.extend_from_slice(bytes);
        Ok(())
    };
    dispenser.twin().receive(bytes, 9600, &mut say).unwrap();
    said
}

/// Sends a command and acknowledges the answer; its text.
fn ask(dispenser: &SimDispenser, text: &[u8]) -> Vec<u8> {
    let said = send(dispenser, &frame(text));
    assert_eq!(said[0], 0x06, "{said:02X?}");
    assert!(send(dispenser, &[0x06]).is_empty());
    said[5..said.len() - 2].to_vec()
}

#[test]
fn nothing_is_done_before_it_is_initialised() {
    let dispenser = dispenser(2);
    assert_eq!(ask(&dispenser, b"C21"), b"N21B0");
    assert_eq!(ask(&dispenser, b"C03")[..6], *b"P03010");
    assert_eq!(ask(&dispenser, b"C21"), b"P21210");
    assert_eq!(dispenser.inside(), Some((1, Place::Contacts)));
}

#[test]
fn a_card_goes_its_way_and_is_drawn_for_any_motion_if_none_is_inside() {
    let dispenser = dispenser(3);
    ask(&dispenser, b"C03");
    for (motion, inside) in [
        (b"C22", Some((1, Place::Antenna))),
        (b"C21", Some((1, Place::Contacts))),
        (b"C20", Some((1, Place::Standby))),
        (b"C29", None),
        // Into the bin with nothing inside: the next one.
        (b"C23", None),
        (b"C21", Some((3, Place::Contacts))),
    ] {
        assert_eq!(ask(&dispenser, motion)[0], b'P', "{motion:?}");
        assert_eq!(dispenser.inside(), inside);
    }
    assert_eq!(dispenser.place_of(1), Some(Place::Output));
    assert_eq!(dispenser.place_of(2), Some(Place::Reject));
    assert_eq!(ask(&dispenser, b"C29"), b"P29000");
    assert_eq!(ask(&dispenser, b"C21"), b"N21A0");
    assert_eq!(ask(&dispenser, b"C\xA50"), b"P\xA50000\x01\x00\x00");
}

#[test]
fn a_card_with_power_does_not_move() {
    let dispenser = dispenser(2);
    ask(&dispenser, b"C03");
    ask(&dispenser, b"C21");
    assert_eq!(ask(&dispenser, b"CQ9\0\xA4\0\0"), b"NQ965");
    assert_eq!(ask(&dispenser, b"CQ00"), b"NQ069");
    assert_eq!(ask(&dispenser, b"CQ03"), [&b"PQ02101"[..], &ATR].concat());
    assert_eq!(ask(&dispenser, b"C29"), b"N2905");
    assert_eq!(ask(&dispenser, b"CQ3\0\xA4\0\0"), b"NQ362");
    assert_eq!(ask(&dispenser, b"CQ4\0\xA4\0\0")[..6], *b"PQ4210");
    assert_eq!(ask(&dispenser, b"CQ1"), b"PQ1210");
    assert_eq!(ask(&dispenser, b"C29"), b"P29010");
}

#[test]
fn an_answer_is_said_again_when_asked_and_twice_by_itself() {
    let dispenser = dispenser(1);
    let said = send(&dispenser, &frame(b"C03"));
    assert_eq!(send(&dispenser, &[0x15]), said[1..]);
    let again = || {
        let mut said = Vec::new();
        let mut say = |_: Duration, bytes: &[u8]| {
            said.extend_from_slice(bytes);
            Ok(())
        };
        dispenser.twin().say_again(&mut say).unwrap();
        said
    };
    assert_eq!(again(), said[1..]);
    assert_eq!(again(), said[1..]);
    assert!(again().is_empty());
    assert_eq!(send(&dispenser, &[0x04]), [0x04]);
}

#[test]
fn a_stuck_card_is_seen_by_nothing_until_it_is_taken_out() {
    let dispenser = dispenser(3);
    ask(&dispenser, b"C03");
    let faults = dispenser.twin().faults();
    faults.script("move:jam".parse().unwrap());
    assert_eq!(ask(&dispenser, b"C21"), b"N2110");
    assert_eq!(ask(&dispenser, b"C10"), b"P10010");
    assert_eq!(ask(&dispenser, b"C29"), b"N2910");
    assert_eq!(dispenser.inside(), Some((1, Place::Standby)));
    dispenser.twin().clear().unwrap();
    assert_eq!(dispenser.place_of(1), Some(Place::TakenOut));
    assert_eq!(ask(&dispenser, b"C21"), b"P21210");
    assert_eq!(dispenser.inside(), Some((2, Place::Contacts)));
}

#[test]
fn a_full_bin_takes_no_card_until_it_is_emptied() {
    let config = Config::new(3, Arc::new(Virtual::new(1)));
    let dispenser = opened(Config {
        setup: Setup {
            bin: 1,
            ..Setup::default()
        },
        ..config
    });
    ask(&dispenser, b"C03");
    ask(&dispenser, b"C21");
    assert_eq!(ask(&dispenser, b"C23"), b"P23011");
    ask(&dispenser, b"C21");
    assert_eq!(ask(&dispenser, b"C23"), b"N23A1");
    dispenser.twin().empty_bin().unwrap();
    assert_eq!(ask(&dispenser, b"C23"), b"P23011");
}

#[test]
fn it_finds_the_speed_of_the_first_host_and_keeps_it() {
    let dispenser = dispenser(1);
    let at = |baud| {
        let mut said = Vec::new();
        let mut say = |_: Duration, bytes: &[u8]| {
            said.extend_from_slice(bytes);
            Ok(())
        };
        let mut twin = dispenser.twin();
        twin.receive(&frame(b"C03"), baud, &mut say).unwrap();
        !said.is_empty()
    };
    assert!(at(38_400));
    assert!(!at(9600));
    assert!(at(38_400));
}

#[test]
fn cards_are_where_they_were_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        state: Some(folder.path().to_owned()),
        ..Config::new(3, Arc::new(Virtual::new(1)))
    };
    let first = opened(config.clone());
    ask(&first, b"C03");
    ask(&first, b"C21");
    drop(first);
    let second = opened(config);
    assert_eq!(ask(&second, b"C03")[..6], *b"P03210");
    assert_eq!(second.inside(), Some((1, Place::Contacts)));
    assert_eq!(ask(&second, b"CQ03")[..4], *b"PQ02");
}

proptest! {
    /// Whatever a host sends, each card is in one place, and on the contacts exactly when the log
    /// says so.
    #[test]
    fn no_card_is_lost_or_in_two_places(
        texts in proptest::collection::vec(
            (prop::sample::select(vec![0x30_u8, 0x31, 0x32, 0x33, 0x51, 0xA5]), 0x30_u8..0x3A, 0x30_u8..0x36),
            0..40,
        ),
        faults in proptest::collection::vec((1_u32..40, 0_usize..6), 0..4),
    ) {
        let dispenser = dispenser(4);
        for (nth, which) in faults {
            let fault = ["jam", "silent", "contact", "restart", "bad-bcc", "code=51"][which];
            let scripted = format!("any:{nth}:{fault}").parse().unwrap();
            dispenser.twin().faults().script(scripted);
        }
        send(&dispenser, &frame(b"C03"));
        for (command, parameter, data) in texts {
            let text = match (command, parameter) {
                (0x51, 0x30) => vec![b'C', command, parameter, data],
                _ => vec![b'C', command, parameter],
            };
            let _ = send(&dispenser, &frame(&text));
            let _ = send(&dispenser, &[0x06]);
            let twin = dispenser.twin();
            let transport = twin.transport();
            let inside = usize::from(transport.inside().is_some());
            let out = transport.cards_at(Place::Output).len() + transport.cards_at(Place::Reject).len();
            prop_assert_eq!(inside + out + transport.left() as usize, 4);
            let mut closed = None;
            for entry in transport.log() {
                match entry.movement {
                    Movement::ContactsClosed { number } => closed = Some(number),
                    Movement::ContactsOpened { .. } => closed = None,
                    _ => {}
                }
            }
            let on_contacts = match transport.inside() {
                Some((number, Place::Contacts)) => Some(number),
                _ => None,
            };
            prop_assert_eq!(closed, on_contacts);
        }
    }

    #[test]
    fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let dispenser = dispenser(1);
        let _ = send(&dispenser, &bytes);
        let mut line = dispenser.line();
        line.write_all(&bytes).unwrap();
        let mut buffer = [0; 64];
        while line.read(&mut buffer, Duration::from_millis(50)).is_ok() {}
    }
}
