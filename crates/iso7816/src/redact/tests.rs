mod authentic;

use std::io::Write;
use std::sync::{Arc, Mutex};

use ground::Virtual;
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::transcript::{Header, SCHEMA, VERSION};
use crate::{Masked, Protocol, TraceEvent, TraceSink, Transcript, TranscriptWriter};

/// Judges a session of commands and responses in hex and writes both masked.
fn session(exchanges: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut redactor = Redactor::new();
    exchanges
        .iter()
        .map(|(command, response)| {
            let bytes = |text: &str| hex::decode(text.replace(' ', "")).unwrap();
            let (command, response) = (bytes(command), bytes(response));
            let redaction = redactor.judge(&command, Some(&response));
            (
                Masked::new(&command, &redaction.command).to_string(),
                Masked::new(&response, &redaction.response).to_string(),
            )
        })
        .collect()
}

fn one(command: &str, response: &str) -> (String, String) {
    session(&[(command, response)]).remove(0)
}

#[test]
fn passcodes_are_withheld_and_their_length_stays() {
    assert_eq!(
        one("00200080 08 313233343536FFFF", "63C2").0,
        "0020008008****************"
    );
    assert_eq!(one("00200080", "63C2").0, "00200080");
    assert_eq!(one("00240080 04 31323334", "9000").0, "0024008004********");
    assert_eq!(one("002C0080 04 31323334", "9000").0, "002C008004********");
    // Secure messaging, logical channel, GlobalPlatform class, extended length.
    assert_eq!(one("0C200080 02 8703", "9000").0, "0C20008002****");
    assert_eq!(one("01200080 02 3132", "9000").0, "0120008002****");
    assert_eq!(one("84250100 02 3132 00", "9000").0, "8425010002****00");
    assert_eq!(one("00200080 000002 3132", "9000").0, "00200080000002****");
}

/// SP 800-73-5 Part 2, 4.1.8 and 4.2: key establishment shows nothing secret; afterwards object 87
/// hides which object is read and what the template asks for.
#[test]
fn secure_messaging_is_shown_where_it_is_public_or_enciphered() {
    let establishment = (
        "00872704 08 7C06 8102 0004 8200 00",
        "7C06 8204 00112233 9000",
    );
    assert_eq!(
        one(establishment.0, establishment.1),
        (
            establishment.0.replace(' ', ""),
            establishment.1.replace(' ', "")
        )
    );
    let read = ("0CCB3FFF 04 8702 01AA 00", "8702 01BB 9902 9000 9000");
    assert_eq!(
        one(read.0, read.1),
        (read.0.replace(' ', ""), read.1.replace(' ', ""))
    );
    for key in ["9A", "9D", "9E"] {
        assert_eq!(
            one(&format!("0C8711{key} 04 8702 01AA 00"), "8702 01BB 9000").1,
            "********9000"
        );
    }
    assert_eq!(
        session(&[
            ("1C240080 02 8711", "9000"),
            ("0C240080 02 01AA 00", "9000")
        ])
        .iter()
        .map(|(command, _)| command.as_str())
        .collect::<Vec<_>>(),
        ["1C24008002****", "0C24008002****00"]
    );
}

#[test]
fn what_is_withheld_is_named_after_the_credential() {
    let what = |command: &str| {
        let command = hex::decode(command).unwrap();
        Redactor::new().judge(&command, None).command[0].what
    };
    assert_eq!(what("002000800131"), Secret::Pin);
    assert_eq!(what("002000980131"), Secret::PairingCode);
    assert_eq!(what("002000960131"), Secret::Biometric);
    assert_eq!(what("002400810131"), Secret::Puk);
    assert_eq!(what("002C00800131"), Secret::PukAndPin);
    assert_eq!(what("002000810131"), Secret::Pin);
    assert_eq!(what("002000840131"), Secret::Puk);
    assert_eq!(what("002C02010131"), Secret::Pin);
    assert_eq!(what(&format!("0024010142{}", "31".repeat(66))), Secret::Pin);
    assert_eq!(
        what(&format!("0024010154{}", "31".repeat(84))),
        Secret::PukAndPin
    );
    assert_eq!(what("80D800810131"), Secret::Key);
}

#[test]
fn a_malformed_command_is_withheld_after_its_header() {
    assert_eq!(one("00200080 08 3132", "6700").0, "00200080******");
    assert_eq!(one("00F10000 08 3132", "6700").0, "00F10000******");
    assert_eq!(one("002000", "6700").0, "******");
}

#[test]
fn the_administration_key_shows_its_template_only() {
    assert_eq!(
        session(&[
            (
                "0087039B 04 7C02 8100 00",
                "7C0A 8108 0102030405060708 9000"
            ),
            ("0087039B 0C 7C0A 8208 1112131415161718", "9000"),
        ]),
        [
            (
                "0087039B047C02810000".into(),
                "7C0A8108****************9000".into()
            ),
            ("0087039B0C7C0A8208****************".into(), "9000".into()),
        ]
    );
    // Chained or unreadable, nothing is shown.
    assert_eq!(one("1087039B 02 7C0A", "9000").0, "1087039B02****");
    assert_eq!(one("0087039B 03 7C0A81", "6A80").0, "0087039B03******");
}

#[test]
fn a_shared_secret_is_withheld_through_get_response() {
    let point = "AB".repeat(65);
    assert_eq!(
        session(&[
            (&format!("0087119D 47 7C45 8200 8541{point} 00"), "6124"),
            ("00C0000010", &format!("{} 6114", "CD".repeat(16))),
            ("00C0000014", &format!("{} 9000", "CD".repeat(20))),
            ("00C0000000", "AABB 9000"),
        ])
        .into_iter()
        .map(|(_, response)| response)
        .collect::<Vec<_>>(),
        [
            "6124".to_owned(),
            format!("{}6114", "**".repeat(16)),
            format!("{}9000", "**".repeat(20)),
            "AABB9000".to_owned(),
        ]
    );
}

#[test]
fn signatures_are_shown_and_deciphered_data_is_not() {
    let sign = |key: &str| {
        session(&[
            (&format!("108707{key} 06 7C0A 8200 8106"), "9000"),
            (
                &format!("008707{key} 06 010203040506 00"),
                "7C04 8202 AABB 9000",
            ),
        ])
        .remove(1)
        .1
    };
    assert_eq!(sign("9A"), "7C048202AABB9000");
    assert_eq!(sign("9C"), "7C048202AABB9000");
    assert_eq!(sign("9D"), "************9000");
    assert_eq!(sign("82"), "************9000");
    assert_eq!(one("002A8086 02 0011 00", "1122 9000").1, "****9000");
    assert_eq!(one("002A9E9A 02 0011 00", "1122 9000").1, "11229000");
}

#[test]
fn a_shared_secret_asked_for_in_parts_is_recognised() {
    let answers = session(&[
        ("1087119A 05 7C07 8200 85", "9000"),
        ("0087119A 04 03 040102 00", "7C04 8202 AABB 9000"),
    ]);
    assert_eq!(answers[1].1, "************9000");
}

#[test]
fn the_pairing_code_is_withheld_both_ways() {
    assert_eq!(
        one("00CB3FFF 05 5C03 5FC123 00", "5302 9900 9000"),
        ("00CB3FFF055C035FC12300".into(), "********9000".into())
    );
    assert_eq!(one("00CB3FFF 05 5C03 5FC102 00", "5300 9000").1, "53009000");
    assert_eq!(
        one("00DB3FFF 08 5C03 5FC123 53 01 31", "9000").0,
        "00DB3FFF085C035FC123******"
    );
    let parts = session(&[
        ("10DB3FFF 04 5C03 5FC1", "9000"),
        ("10DB3FFF 03 23 5302", "9000"),
        ("00DB3FFF 02 3132", "9000"),
    ]);
    assert_eq!(parts[0].0, "10DB3FFF045C035FC1");
    assert_eq!(parts[1].0, "10DB3FFF0323****");
    assert_eq!(parts[2].0, "00DB3FFF02****");
}

#[test]
fn objects_are_shown_and_key_templates_are_not() {
    assert_eq!(
        one("00DB3FFF 07 5C03 5FC102 5300", "9000").0,
        "00DB3FFF075C035FC1025300"
    );
    let parts = session(&[
        ("10DB3FFF 03 A1 82 01", "9000"),
        ("00DB3FFF 02 7F48", "9000"),
        ("00DB3FFF 03 7E 01 00", "9000"),
    ]);
    assert_eq!(parts[0].0, "10DB3FFF03******");
    assert_eq!(parts[1].0, "00DB3FFF02****");
    assert_eq!(parts[2].0, "00DB3FFF037E0100");
}

#[test]
fn a_long_object_is_shown_to_its_end() {
    let part = format!("10DB3FFF FF {}", "00".repeat(255));
    let mut exchanges = vec![("10DB3FFF 05 5C03 5FC108", "9000")];
    exchanges.extend(std::iter::repeat_n((part.as_str(), "9000"), 40));
    assert!(
        session(&exchanges)
            .iter()
            .all(|(command, _)| !command.contains('*'))
    );
}

#[test]
fn initialize_update_shows_diversification_data_and_key_information() {
    let scp02 = format!("{} FF02 {} 9000", "AA".repeat(10), "55".repeat(16));
    let (_, response) = one("8050000008 0102030405060708 00", &scp02);
    assert_eq!(
        response,
        format!("{}FF02{}9000", "AA".repeat(10), "**".repeat(16))
    );
    let scp03 = format!("{} FF0370 {} 9000", "AA".repeat(10), "55".repeat(16));
    let (_, response) = one("8050000008 0102030405060708 00", &scp03);
    assert_eq!(
        response,
        format!("{}FF0370{}9000", "AA".repeat(10), "**".repeat(16))
    );
    let parts = session(&[
        ("8050000008 0102030405060708", "611D"),
        ("00C0000005", "0102030405 6118"),
        (
            "00C0000018",
            &format!("0607080910 FF0370 {} 9000", "55".repeat(16)),
        ),
    ]);
    assert_eq!(parts[1].1, "01020304056118");
    assert_eq!(
        parts[2].1,
        format!("0607080910FF0370{}9000", "**".repeat(16))
    );
}

#[test]
fn a_new_command_ends_the_wait_for_get_response() {
    let parts = session(&[
        ("00CB3FFF 05 5C03 5FC123 00", "6110"),
        ("00A40400", "9000"),
        ("00C0000010", "AABB 9000"),
    ]);
    assert_eq!(parts[2].1, "AABB9000");
}

/// How a secret of `length` bytes gets to the card or back.
#[derive(Clone, Copy, Debug)]
enum Way {
    Data([u8; 4]),
    AdminTemplate(u8),
    PutAfter(&'static [u8]),
    Answer(&'static [u8]),
    /// WRITE COMPONENT, each command type, length, value, 00.
    Component(u8),
    /// To a file just selected or created.
    Write([u8; 4], &'static [u8]),
    /// From a file just selected.
    Read(&'static [u8]),
    /// After key diversification data and key information of SCP01, with this key index.
    Initialize(u8),
}

const WAYS: [Way; 38] = [
    Way::Data([0x00, 0x20, 0x00, 0x81]),
    Way::Data([0x00, 0x24, 0x01, 0x01]),
    Way::Data([0x00, 0x2C, 0x00, 0x01]),
    Way::Data([0x00, 0x2C, 0x02, 0x02]),
    Way::Data([0x04, 0x20, 0x00, 0x01]),
    Way::Data([0x04, 0x24, 0x01, 0x02]),
    Way::Data([0x04, 0x2C, 0x02, 0x01]),
    Way::Data([0x84, 0xD8, 0x01, 0x04]),
    Way::Data([0x04, 0xDB, 0x3F, 0xFF]),
    Way::Component(1),
    Way::Component(5),
    Way::PutAfter(&[
        0xA1, 0x81, 0x9B, 0x80, 0x01, 0x0C, 0x83, 0x01, 0x01, 0xA5, 0x81, 0x92, 0x7F, 0x48,
    ]),
    Way::Write(
        [0x00, 0xD6, 0x00, 0x00],
        &[0x00, 0xA4, 0x00, 0x00, 0x02, 0x20, 0x00],
    ),
    Way::Write(
        [0x04, 0xD0, 0x00, 0x00],
        &[
            0x00, 0xE0, 0x00, 0x00, 0x06, 0x62, 0x04, 0x83, 0x02, 0x20, 0x00,
        ],
    ),
    Way::Read(&[0x00, 0xA4, 0x00, 0x0C, 0x02, 0x20, 0x00]),
    Way::Initialize(0),
    Way::Initialize(1),
    Way::Data([0x00, 0x20, 0x00, 0x80]),
    Way::Data([0x00, 0x20, 0x00, 0x98]),
    Way::Data([0x0C, 0x20, 0x00, 0x80]),
    Way::Data([0x00, 0x21, 0x00, 0x80]),
    Way::Data([0x00, 0x24, 0x00, 0x80]),
    Way::Data([0x03, 0x24, 0x01, 0x01]),
    Way::Data([0x00, 0x2C, 0x00, 0x80]),
    Way::Data([0x00, 0x2D, 0x00, 0x80]),
    Way::Data([0x84, 0x25, 0x01, 0x9B]),
    Way::Data([0x80, 0xD8, 0x00, 0x81]),
    Way::Data([0x00, 0xFE, 0x07, 0x9A]),
    Way::Data([0x00, 0xFF, 0xFF, 0xFF]),
    Way::Data([0x84, 0x82, 0x33, 0x00]),
    Way::Data([0x80, 0xE2, 0x80, 0x00]),
    Way::AdminTemplate(0x82),
    Way::PutAfter(&[0x5C, 0x03, 0x5F, 0xC1, 0x23]),
    Way::PutAfter(&[0xA1]),
    Way::Answer(&[0x00, 0xCB, 0x3F, 0xFF, 5, 0x5C, 3, 0x5F, 0xC1, 0x23, 0]),
    Way::Answer(&[0x00, 0x87, 0x11, 0x9D, 4, 0x7C, 2, 0x85, 0, 0]),
    Way::Answer(&[0x00, 0x87, 0x07, 0x85, 4, 0x7C, 2, 0x81, 0, 0]),
    Way::Answer(&[0x00, 0x2A, 0x80, 0x86, 1, 0, 0]),
];

/// The exchanges that carry `secret` in pieces of at most `part` bytes.
fn carry(way: Way, secret: &[u8], part: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let send = |header: [u8; 4], data: &[u8]| {
        let mut parts = data.chunks(part).peekable();
        let mut exchanges = Vec::new();
        while let Some(chunk) = parts.next() {
            let [class, instruction, p1, p2] = header;
            let class = if parts.peek().is_some() {
                class | Command::CHAINING
            } else {
                class
            };
            let command = Command::new(class, Instruction(instruction), p1, p2).with_data(chunk);
            exchanges.push((command.to_extended().unwrap().to_vec(), vec![0x90, 0x00]));
        }
        exchanges
    };
    let answer = |command: &[u8], data: &[u8]| {
        let mut exchanges = Vec::new();
        let mut sent = command.to_vec();
        let mut parts = data.chunks(part).peekable();
        while let Some(chunk) = parts.next() {
            let status = if parts.peek().is_some() {
                [0x61, 0x00]
            } else {
                [0x90, 0x00]
            };
            exchanges.push((sent, [chunk, &status].concat()));
            sent = vec![0x00, 0xC0, 0x00, 0x00, 0x00];
        }
        exchanges
    };
    match way {
        Way::Data(header) => send(header, secret),
        Way::AdminTemplate(tag) => {
            let value = ber::object(Tag(tag.into()), secret);
            send([0x00, 0x87, 0x0A, 0x9B], &ber::object(Tag(0x7C), &value))
        }
        Way::PutAfter(start) => send([0x00, 0xDB, 0x3F, 0xFF], &[start, secret].concat()),
        Way::Answer(command) => answer(command, secret),
        Way::Component(component) => {
            // Type, length and the byte after the value stand in each command.
            let mut parts = secret.chunks(part.min(252)).peekable();
            let mut exchanges = Vec::new();
            while let Some(chunk) = parts.next() {
                let class = if parts.peek().is_some() { 0x90 } else { 0x80 };
                let length = u8::try_from(chunk.len()).unwrap();
                let data = [&[0xA3, length][..], chunk, &[0x00]].concat();
                let command =
                    Command::new(class, Instruction(0xD8), component, 0x04).with_data(data);
                exchanges.push((command.to_extended().unwrap().to_vec(), vec![0x90, 0x00]));
            }
            exchanges
        }
        Way::Write(header, before) => {
            let mut exchanges = vec![(before.to_vec(), vec![0x90, 0x00])];
            exchanges.extend(send(header, secret));
            exchanges
        }
        Way::Read(before) => {
            let mut exchanges = vec![(before.to_vec(), vec![0x90, 0x00])];
            exchanges.extend(answer(&[0x00, 0xB0, 0x00, 0x00, 0x00], secret));
            exchanges
        }
        Way::Initialize(index) => {
            let known = [[0xAA; 10].as_slice(), &[0x01, index]].concat();
            answer(
                &[0x80, 0x50, 0x00, 0x00, 0x08, 1, 2, 3, 4, 5, 6, 7, 8, 0x1C],
                &[&known, secret].concat(),
            )
        }
    }
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The transcript file of the exchanges.
fn file(exchanges: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let memory = Memory::default();
    let header = Header {
        schema: SCHEMA.to_owned(),
        version: VERSION,
        tool: "test".to_owned(),
        time: Timestamp::UNIX_EPOCH,
        reader: "sim:test".to_owned(),
        atr: vec![0x3B, 0x00],
        protocol: Protocol::T1,
        series: None,
        card: None,
    };
    let ambient = Arc::new(Virtual::new(1));
    let mut writer = TranscriptWriter::new(Box::new(memory.clone()), &header, ambient);
    for (command, response) in exchanges {
        writer.record(&TraceEvent::Exchange {
            start: std::time::Duration::ZERO,
            end: std::time::Duration::ZERO,
            command,
            answer: Ok(response),
        });
    }
    writer.finish().unwrap();
    memory.0.lock().unwrap().clone()
}

proptest! {
    /// The strongest form of "the secret is not in the file": the file does not depend on it.
    #[test]
    fn two_secrets_of_one_length_leave_the_same_file(
        way in proptest::sample::select(&WAYS[..]),
        (one, other) in (1_usize..600).prop_flat_map(|length| (
            proptest::collection::vec(any::<u8>(), length),
            proptest::collection::vec(any::<u8>(), length),
        )),
        part in 1_usize..300,
    ) {
        let [one, other] = [one, other].map(|secret| file(&carry(way, &secret, part)));
        prop_assert_eq!(
            String::from_utf8(one).unwrap(),
            String::from_utf8(other).unwrap()
        );
    }

    #[test]
    fn a_passcode_is_nowhere_in_the_file(
        way in proptest::sample::select(&WAYS[..]),
        secret in proptest::collection::vec(any::<u8>(), 6..64),
        part in 6_usize..300,
    ) {
        let text = String::from_utf8(file(&carry(way, &secret, part))).unwrap();
        let digits = hex::encode_upper(&secret);
        for window in (0..=digits.len() - 12).step_by(2) {
            prop_assert!(!text.contains(&digits[window..window + 12]));
        }
    }

    #[test]
    fn any_exchanges_are_judged_and_the_file_reads_back(
        exchanges in proptest::collection::vec(
            (
                (
                    prop_oneof![Just(0x00_u8), Just(0x10), any::<u8>()],
                    prop_oneof![
                        proptest::sample::select(vec![
                            0x20_u8, 0x24, 0x87, 0xCB, 0xDB, 0xC0, 0xA4, 0xB0, 0x50,
                        ]),
                        any::<u8>(),
                    ],
                    proptest::collection::vec(any::<u8>(), 0..40),
                ),
                proptest::collection::vec(any::<u8>(), 0..40),
            ),
            0..12,
        ),
    ) {
        let exchanges: Vec<_> = exchanges
            .into_iter()
            .map(|((class, instruction, rest), response)| {
                ([&[class, instruction][..], &rest].concat(), response)
            })
            .collect();
        let transcript = Transcript::read(&file(&exchanges)[..]).unwrap();
        prop_assert!(transcript.complete);
        prop_assert_eq!(transcript.exchanges().count(), exchanges.len());
        for (entry, (command, response)) in transcript.exchanges().zip(&exchanges) {
            prop_assert!(entry.command.matches(command));
            prop_assert!(entry.response.as_ref().unwrap().matches(response));
        }
    }
}
