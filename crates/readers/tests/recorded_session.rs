//! The session recorded between pcscd with libccid's serial driver and a reader: our codec makes
//! and understands every frame of it, and our driver does the same with the same cards.
//!
//! The recording is in the folder `CARDWRIGHT_DATA` names; without it these tests say so and pass.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may stop it as the test itself may"
)]

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::ccid::{HEADER, Request, SEQUENCE_AT, Voltage};
use ground::{Ambient, Virtual};
use iso7816::atr::{Convention, ErrorDetection};
use iso7816::{Link, LinkError, Reader, Reset};
use readers::ccid::{Answer, Command, Heard, Parameters, Receiver, frame};
use readers::{GemPcTwin, Line};

const SOON: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Entry {
    ToReader(Vec<u8>),
    FromReader(Vec<u8>),
    Remark(String),
}

fn session() -> Option<Vec<Entry>> {
    let data = std::env::var_os("CARDWRIGHT_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        Into::into,
    );
    let path = data.join("gempc-twin/session-1.txt");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("{} is not there: nothing compared", path.display());
        return None;
    };
    let hexadecimal = |text: &str| {
        let (bytes, _note) = text.split_once(';').unwrap_or((text, ""));
        hex::decode(bytes.replace(' ', "")).unwrap()
    };
    let entries = text.lines().filter_map(|line| {
        if let Some(remark) = line.strip_prefix("# @ ") {
            return Some(Entry::Remark(remark.to_owned()));
        }
        let (seconds, rest) = line.split_once(' ')?;
        if seconds == "#" {
            return None;
        }
        if let Some(bytes) = rest.strip_prefix("H>R ") {
            return Some(Entry::ToReader(hexadecimal(bytes)));
        }
        let bytes = rest.strip_prefix("R>H ")?;
        Some(Entry::FromReader(hexadecimal(bytes)))
    });
    Some(entries.collect())
}

/// The command a recorded message is.
fn command(message: &[u8]) -> Command {
    let data = &message[HEADER..];
    match Request::from_byte(message[0]).unwrap() {
        Request::IccPowerOn => {
            assert_eq!(message[7], Voltage::Five.byte());
            Command::PowerOn(Voltage::Five)
        }
        Request::IccPowerOff => Command::PowerOff,
        Request::GetSlotStatus => Command::GetSlotStatus,
        Request::Escape => Command::Escape(data.to_vec()),
        Request::XfrBlock => Command::TransferBlock {
            waiting: message[7],
            data: data.to_vec().into(),
        },
        Request::SetParameters => Command::SetParameters(match *data {
            [speed, 0x00, guard_time, waiting, clock_stop] => Parameters::T0 {
                speed,
                convention: Convention::Direct,
                guard_time,
                waiting,
                clock_stop,
            },
            [
                speed,
                0x10,
                guard_time,
                waiting,
                clock_stop,
                information,
                node,
            ] => Parameters::T1 {
                speed,
                convention: Convention::Direct,
                error_detection: ErrorDetection::Lrc,
                guard_time,
                waiting,
                clock_stop,
                information,
                node,
            },
            _ => panic!("parameters {data:02X?}"),
        }),
        other => panic!("{other:?} is not in the recording"),
    }
}

#[test]
fn every_frame_of_the_host_is_made_and_every_answer_understood() {
    let Some(session) = session() else { return };
    let (mut made, mut answers, mut others) = (0, 0, 0);
    let mut asked = Vec::new();
    let mut receiver = Receiver::new();
    for entry in session {
        match entry {
            Entry::Remark(_) => {}
            Entry::ToReader(bytes) => {
                let message = &bytes[2..bytes.len() - 1];
                let again = command(message).encode(message[SEQUENCE_AT]).unwrap();
                assert_eq!(frame(&again)[..], bytes[..]);
                asked = message.to_vec();
                made += 1;
            }
            Entry::FromReader(bytes) => {
                receiver.push(&bytes);
                let heard = receiver.hear().expect("whole lines were recorded");
                assert!(!receiver.is_waiting());
                match heard {
                    Heard::Message(told) if told[..] == asked[..] => {}
                    Heard::Message(told) => {
                        let answer = Answer::parse(&told).unwrap();
                        assert_eq!(answer.sequence, asked[SEQUENCE_AT]);
                        let request = Request::from_byte(asked[0]).unwrap();
                        assert_eq!(answer.reply, request.reply());
                        answers += 1;
                    }
                    Heard::Damaged(error) => panic!("{error}: {bytes:02X?}"),
                    Heard::Nak | Heard::CardMoved { .. } | Heard::TimeRequest => others += 1,
                }
            }
        }
    }
    assert!(made > 100, "{made}");
    // One request was refused, all others answered.
    assert_eq!((answers, others), (made - 1, 8));
}

/// The recorded reader. It answers what the host there asked too, whatever its sequence number,
/// and passes over what our driver does not ask.
struct Recorded {
    session: VecDeque<Entry>,
    said: VecDeque<u8>,
    ambient: Arc<dyn Ambient>,
}

impl Recorded {
    /// What the reader said to the next request like this one; the requests before it go.
    fn answer_to(&mut self, message: &[u8]) -> Option<Vec<Vec<u8>>> {
        let like = |recorded: &[u8]| {
            let other = &recorded[2..recorded.len() - 1];
            other[..SEQUENCE_AT] == message[..SEQUENCE_AT]
                && other[SEQUENCE_AT + 1..] == message[SEQUENCE_AT + 1..]
        };
        let found = self
            .session
            .iter()
            .position(|entry| matches!(entry, Entry::ToReader(recorded) if like(recorded)))?;
        self.session.drain(..=found);
        let mut said = Vec::new();
        while let Some(Entry::FromReader(bytes)) = self.session.front() {
            said.push(bytes.clone());
            self.session.pop_front();
            while matches!(self.session.front(), Some(Entry::Remark(_))) {
                self.session.pop_front();
            }
        }
        Some(said)
    }
}

impl Line for Recorded {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let message = &bytes[2..bytes.len() - 1];
        let Some(said) = self.answer_to(message) else {
            return Err(io::Error::other(format!(
                "not in the recording: {bytes:02X?}"
            )));
        };
        for mut frame in said {
            // Frames carry our sequence number, and the check byte that goes with it.
            if frame.len() > HEADER {
                let changed = frame[2 + SEQUENCE_AT] ^ message[SEQUENCE_AT];
                frame[2 + SEQUENCE_AT] ^= changed;
                *frame.last_mut().unwrap() ^= changed;
            }
            self.said.extend(frame);
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize> {
        if self.said.is_empty() {
            self.ambient.sleep(within);
            return Err(io::ErrorKind::TimedOut.into());
        }
        let count = buffer.len().min(self.said.len());
        for (place, byte) in buffer.iter_mut().zip(self.said.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }
}

/// The commands and responses an application saw between two remarks.
fn exchanges(session: &[Entry], from: &str, to: &str) -> Vec<(Vec<u8>, String)> {
    let remarks = session.iter().filter_map(|entry| match entry {
        Entry::Remark(text) => text.split_once(' ').map(|(_, text)| text),
        _ => None,
    });
    let mut exchanges = Vec::new();
    let mut command = Vec::new();
    for remark in remarks
        .skip_while(|text| !text.contains(from))
        .skip(1)
        .take_while(|text| !text.contains(to))
    {
        if let Some(text) = remark.strip_prefix("APDU> ") {
            command = hex::decode(text).unwrap();
        } else if let Some(text) = remark.strip_prefix("APDU< ") {
            exchanges.push((command.clone(), text.to_owned()));
        }
    }
    exchanges
}

fn reader_at(session: &[Entry], remark: &str) -> GemPcTwin {
    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
    let at = session
        .iter()
        .position(|entry| matches!(entry, Entry::Remark(text) if text.contains(remark)))
        .expect("the remark is in the recording");
    // The reader is opened once, at the beginning.
    let opening = session
        .iter()
        .take(6)
        .filter(|entry| !matches!(entry, Entry::Remark(_)));
    let line = Recorded {
        session: opening.chain(&session[at..]).cloned().collect(),
        said: VecDeque::new(),
        ambient: Arc::clone(&ambient),
    };
    GemPcTwin::over("recorded", Box::new(line), ambient).expect("the recorded reader opens")
}

#[test]
fn our_driver_gets_from_the_recorded_t1_card_what_the_application_got() {
    let Some(session) = session() else { return };
    let mut reader = reader_at(&session, "card inserted (T=1 card)");
    let mut link = reader.connect(SOON).unwrap();
    assert_eq!(hex::encode_upper(link.atr()), "3B8681314055535441544E314E");
    let expected = exchanges(&session, "connected, protocol 2", "end of the recording");
    assert_eq!(expected.len(), 5);
    for (command, response) in expected {
        let got = link.transmit(&command).unwrap();
        assert_eq!(hex::encode_upper(got), response);
    }
}

#[test]
fn our_driver_gets_from_the_recorded_t0_card_what_the_application_got() {
    let Some(session) = session() else { return };
    let mut reader = reader_at(&session, "card inserted (T=0 card)");
    let mut link = reader.connect(SOON).unwrap();
    let expected = exchanges(&session, "connected, protocol 1", "warm reset");
    assert!(expected.len() > 10);
    for (command, response) in expected {
        if response.starts_with("pcsc error") {
            // The reader refused the frame. The host there gave up; ours sends it again, which
            // the recording does not have.
            let error = link.transmit(&command).unwrap_err();
            assert!(
                matches!(
                    error,
                    LinkError::Failed { .. } | LinkError::OutOfOrder { .. }
                ),
                "{error}"
            );
            assert!(
                error.to_string().contains("not in the recording"),
                "{error}"
            );
            continue;
        }
        let got = link.transmit(&command).unwrap();
        assert_eq!(hex::encode_upper(got), response, "{command:02X?}");
    }
    // The card needed time for the last one, and said so in between.
    link.reset(Reset::Warm).unwrap();
    let answer = link.transmit(&[0, 0xB0, 0, 0, 8]).unwrap();
    assert_eq!(answer, [0x69, 0x85]);
}

#[test]
fn our_driver_takes_the_recorded_removal_for_one() {
    let Some(session) = session() else { return };
    let mut reader = reader_at(&session, "disconnect with unpower");
    let mut link = reader.connect(SOON).unwrap();
    let select = hex::decode("00A4040007F05457494E0001").unwrap();
    assert_eq!(link.transmit(&select).unwrap(), [0x61, 0x0D]);
    let error = link.transmit(&[0, 0xB0, 0, 0, 8]).unwrap_err();
    assert!(matches!(error, LinkError::CardRemoved { .. }), "{error}");
}
