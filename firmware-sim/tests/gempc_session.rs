//! The simulated reader under the requests of pcscd and libccid's serial driver, as recorded with
//! another reader: it says the same, byte for byte. The cards are those of the recording.
//!
//! The recording is in the folder `CARDWRIGHT_DATA` names; without it this test says so and passes.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may stop it as the test itself may"
)]

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use firmware_sim::contacts::{Chip, Contacts};
use firmware_sim::reader::{FIRMWARE, Twin};
use iso7816::Protocol;

/// A card that knows what the recorded one answered, in its order.
struct RecordedChip {
    atr: Vec<u8>,
    protocol: Protocol,
    answers: VecDeque<(Vec<u8>, Vec<u8>)>,
}

impl Chip for RecordedChip {
    fn power_on(&mut self) -> Vec<u8> {
        self.atr.clone()
    }

    fn power_off(&mut self) {}

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        while let Some((expected, answer)) = self.answers.pop_front() {
            if expected == command {
                return answer;
            }
        }
        panic!("the recorded card was never told {command:02X?}");
    }
}

#[derive(Debug)]
enum Entry {
    ToReader(Vec<u8>),
    FromReader(Vec<u8>),
    Remark(String),
}

fn session() -> Option<Vec<Entry>> {
    let data = std::env::var_os("CARDWRIGHT_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        Into::into,
    );
    let path = data.join("gempc-twin/session-1.txt");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("{} is not there: nothing compared", path.display());
        return None;
    };
    let mut entries = Vec::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        match fields[..] {
            ["#", "@", _seconds, ref words @ ..] => entries.push(Entry::Remark(words.join(" "))),
            ["#", ..] => {}
            [_seconds, direction @ ("H>R" | "R>H"), ref bytes @ ..] => {
                let bytes = bytes
                    .iter()
                    .take_while(|byte| byte.len() == 2)
                    .map(|byte| u8::from_str_radix(byte, 16).unwrap())
                    .collect();
                entries.push(match direction {
                    "H>R" => Entry::ToReader(bytes),
                    _ => Entry::FromReader(bytes),
                });
            }
            _ => {}
        }
    }
    Some(entries)
}

/// What the card in the recording was told and answered: over T=0 in single frames, over T=1 as the
/// application saw it.
fn chip(session: &[Entry], protocol: Protocol) -> Box<dyn Chip> {
    let mut answers = VecDeque::new();
    let mut atr = Vec::new();
    let mut asked: &[u8] = &[];
    for entry in session {
        match entry {
            Entry::ToReader(bytes) => asked = bytes,
            Entry::FromReader(bytes) if bytes.len() > 12 && bytes[2] == 0x80 => {
                let data = bytes[12..bytes.len() - 1].to_vec();
                let is_t1 = data.get(2) == Some(&0x81);
                match asked[2] {
                    0x62 if is_t1 == (protocol == Protocol::T1) => atr = data,
                    0x6F if protocol == Protocol::T0 && !data.is_empty() => {
                        answers.push_back((asked[12..asked.len() - 1].to_vec(), data));
                    }
                    _ => {}
                }
            }
            Entry::FromReader(_) => {}
            Entry::Remark(_) if protocol == Protocol::T0 => {}
            Entry::Remark(words) => {
                if let Some(command) = words.strip_prefix("APDU> ") {
                    answers.push_back((hex::decode(command).unwrap(), Vec::new()));
                } else if let Some(answer) = words.strip_prefix("APDU< ")
                    && let (Ok(answer), Some(last)) = (hex::decode(answer), answers.back_mut())
                {
                    last.1 = answer;
                }
            }
        }
    }
    assert!(!atr.is_empty());
    Box::new(RecordedChip {
        atr,
        protocol,
        answers,
    })
}

#[test]
fn the_twin_answers_libccid_as_the_recorded_reader_did() {
    let Some(session) = session() else { return };
    let contacts = Contacts::new("recorded");
    let mut twin = Twin::new(contacts.clone()).with_patience(Duration::from_secs(60));
    let mut t0 = Some(chip(&session, Protocol::T0));
    let mut t1 = Some(chip(&session, Protocol::T1));
    let mut said = Vec::new();
    let mut compared = 0;
    for (at, entry) in session.iter().enumerate() {
        match entry {
            Entry::Remark(words) if words == "card removed" => t0 = contacts.open(),
            Entry::Remark(words) if words.starts_with("card inserted (T=0") => {
                contacts.close_on(t0.take().expect("it is out"));
            }
            Entry::Remark(words) if words.starts_with("card inserted (T=1") => {
                contacts.close_on(t1.take().expect("it is out"));
            }
            Entry::Remark(_) => {}
            Entry::ToReader(bytes) => {
                let expected: Vec<&[u8]> = session[at + 1..]
                    .iter()
                    .take_while(|entry| !matches!(entry, Entry::ToReader(_)))
                    .filter_map(|entry| match entry {
                        Entry::FromReader(bytes) => Some(&bytes[..]),
                        _ => None,
                    })
                    .collect();
                // What the recorded reader did on purpose.
                let faults = twin.faults();
                if expected.contains(&&[0x03, 0x15, 0x16][..]) {
                    faults.script("transfer:nak".parse().unwrap());
                }
                let waits = expected.iter().filter(|bytes| ***bytes == [0x81]).count();
                if waits > 0 {
                    faults.script(format!("transfer:time={waits}").parse().unwrap());
                }
                said.clear();
                let mut take = |bytes: &[u8]| {
                    said.extend_from_slice(bytes);
                    Ok(())
                };
                twin.receive(bytes, &mut take).unwrap();
                assert_eq!(said, expected.concat(), "to {bytes:02X?}");
                compared += 1;
            }
            Entry::FromReader(_) => {}
        }
    }
    assert!(compared > 100, "{compared}");
}

/// The only field that is a reader's own in the recording is its version, and ours happens to be
/// the same: another would differ there and nowhere else.
#[test]
fn the_version_is_the_one_the_recording_has() {
    assert_eq!(FIRMWARE, "GemTwin-V2.00-SIM");
}
