//! The transcripts under `vectors/transcripts`: that they are what today's writer writes, that
//! they replay, and what they look like in words.
//!
//! `CARDWRIGHT_BLESS=1 cargo test -p cardwright-iso7816 --test transcripts` writes them anew.

#![expect(
    clippy::unwrap_used,
    reason = "a test helper that fails is a failed test"
)]

#[path = "support/scripted.rs"]
mod scripted;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use ground::{Ambient, Virtual};
use iso7816::describe::{self, Names, fold, tlv_tree};
use iso7816::transcript::Header;
use iso7816::{
    Channel, ChannelError, Command, Disposition, Expected, Instruction, LinkError, Protocol,
    ReplayLink, Reset, Traced, Transcript, TranscriptWriter, ber,
};
use scripted::ScriptedCard;

const SELECT_PIV: [u8; 9] = [0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00];

/// One transcript: the card and what is done to it.
struct Scenario {
    file: &'static str,
    card: fn(Arc<dyn Ambient>) -> ScriptedCard,
    work: fn(&mut Channel),
}

const SCENARIOS: [Scenario; 3] = [
    Scenario {
        file: "piv-passcode-and-signature.jsonl",
        card: piv_card,
        work: use_piv_card,
    },
    Scenario {
        file: "admin-key-over-t0.jsonl",
        card: admin_card,
        work: use_admin_card,
    },
    Scenario {
        file: "production-data.jsonl",
        card: production_card,
        work: use_production_card,
    },
];

fn card(
    name: &'static str,
    atr: &str,
    protocol: Protocol,
    ambient: Arc<dyn Ambient>,
) -> ScriptedCard {
    ScriptedCard {
        name,
        atr: scripted::bytes(atr),
        protocol,
        script: VecDeque::new(),
        ambient,
    }
}

/// An object of 300 bytes in two pieces, a wrong and a right passcode, an RSA-2048 signature.
fn piv_card(ambient: Arc<dyn Ambient>) -> ScriptedCard {
    let object = chuid();
    let template = sign_template();
    let signature = [
        &[0x7C, 0x82, 0x01, 0x04, 0x82, 0x82, 0x01, 0x00][..],
        &[0x5A; 256],
    ]
    .concat();
    let hex = |bytes: &[u8]| hex::encode(bytes);
    card(
        "sim:series10",
        "3BD6960081B1FE451F878031C152411A2A",
        Protocol::T1,
        ambient,
    )
    .answers(
        "00A40400 09 A00000030800001000 00",
        "610F 4F06 000010000100 7905 4F03 A00000 9000",
    )
    .answers(
        "00CB3FFF 05 5C035FC102 00",
        &format!("{} 61{:02X}", hex(&object[..256]), object.len() - 256),
    )
    .answers(
        &format!("00C00000 {:02X}", object.len() - 256),
        &format!("{} 9000", hex(&object[256..])),
    )
    .answers("00200080 08 313131313131FFFF", "63C2")
    .answers("00200080 08 323232323232FFFF", "9000")
    .answers(&format!("1087079A FF {}", hex(&template[..255])), "9000")
    .answers(
        &format!("0087079A 0B {} 00", hex(&template[255..])),
        &format!("{} 6108", hex(&signature[..256])),
    )
    .answers("00C00000 08", &format!("{} 9000", hex(&signature[256..])))
}

fn chuid() -> Vec<u8> {
    let mut inside = ber::object(ber::Tag(0x30), &[0xD4; 25]);
    ber::write(&mut inside, ber::Tag(0x34), &[0x11; 16]);
    ber::write(&mut inside, ber::Tag(0x35), b"20301231");
    ber::write(&mut inside, ber::Tag(0x3E), &[0x00; 230]);
    ber::write(&mut inside, ber::Tag(0xFE), &[]);
    ber::object(ber::Tag(0x53), &inside)
}

fn sign_template() -> Vec<u8> {
    let mut inside = ber::object(ber::Tag(0x82), &[]);
    ber::write(&mut inside, ber::Tag(0x81), &[0x77; 256]);
    ber::object(ber::Tag(0x7C), &inside)
}

fn use_piv_card(channel: &mut Channel) {
    let select = Command::new(0x00, Instruction::SELECT, 0x04, 0x00)
        .with_data(SELECT_PIV)
        .with_expected(Expected::SHORT_MAX);
    assert!(channel.transmit(&select).unwrap().status.is_ok());
    let read = Command::new(0x00, Instruction::GET_DATA, 0x3F, 0xFF)
        .with_data([0x5C, 0x03, 0x5F, 0xC1, 0x02])
        .with_expected(Expected::SHORT_MAX);
    assert_eq!(*channel.transmit(&read).unwrap().data, chuid());
    for (passcode, status) in [(b"111111\xFF\xFF", 0x63C2), (b"222222\xFF\xFF", 0x9000)] {
        let verify = Command::new(0x00, Instruction::VERIFY, 0x00, 0x80).with_data(*passcode);
        assert_eq!(channel.transmit(&verify).unwrap().status.0, status);
    }
    let sign = Command::new(0x00, Instruction::GENERAL_AUTHENTICATE, 0x07, 0x9A)
        .with_data(sign_template())
        .with_expected(Expected::SHORT_MAX);
    assert_eq!(channel.transmit(&sign).unwrap().data.len(), 264);
}

/// Administration key, a chained write, a new passcode, a reset, and the card taken out.
fn admin_card(ambient: Arc<dyn Ambient>) -> ScriptedCard {
    let object = [
        &[0x5C, 0x03, 0x5F, 0xC1, 0x05][..],
        &ber::object(ber::Tag(0x53), &[0x70; 300]),
    ]
    .concat();
    let hex = |bytes: &[u8]| hex::encode(bytes);
    card(
        "sim:series9",
        "3BDB960080B1FE451F8380F9A0000003080000100098",
        Protocol::T0,
        ambient,
    )
    .answers("00A40400 09 A00000030800001000", "6111")
    .answers(
        "00C00000 11",
        "610F 4F06 000010000100 7905 4F03 A00000 9000",
    )
    .answers("0087039B 04 7C028100", "610C")
    .answers("00C00000 0C", "7C0A 8108 A1A2A3A4A5A6A7A8 9000")
    .answers("0087039B 0C 7C0A 8208 B1B2B3B4B5B6B7B8", "9000")
    .answers(&format!("10DB3FFF FF {}", hex(&object[..255])), "9000")
    .answers(
        &format!(
            "00DB3FFF {:02X} {}",
            object.len() - 255,
            hex(&object[255..])
        ),
        "9000",
    )
    .answers("00240080 10 313131313131FFFF 323232323232FFFF", "9000")
    .answers("00A40400 09 A00000030800001000", "6A82")
    .goes_at("00200080")
}

fn use_admin_card(channel: &mut Channel) {
    let select = Command::new(0x00, Instruction::SELECT, 0x04, 0x00)
        .with_data(SELECT_PIV)
        .with_expected(Expected::SHORT_MAX);
    assert!(channel.transmit(&select).unwrap().status.is_ok());
    let authenticate = |data: &str| {
        Command::new(0x00, Instruction::GENERAL_AUTHENTICATE, 0x03, 0x9B)
            .with_data(scripted::bytes(data))
            .with_expected(Expected::SHORT_MAX)
    };
    let challenge = channel.transmit(&authenticate("7C028100")).unwrap();
    assert_eq!(challenge.data.len(), 12);
    let answer = authenticate("7C0A 8208 B1B2B3B4B5B6B7B8");
    assert!(channel.transmit(&answer).unwrap().status.is_ok());
    let object = [
        &[0x5C, 0x03, 0x5F, 0xC1, 0x05][..],
        &ber::object(ber::Tag(0x53), &[0x70; 300]),
    ]
    .concat();
    let put = Command::new(0x00, Instruction::PUT_DATA, 0x3F, 0xFF).with_data(object);
    assert!(channel.transmit(&put).unwrap().status.is_ok());
    let change = Command::new(0x00, Instruction::CHANGE_REFERENCE_DATA, 0x00, 0x80)
        .with_data(*b"111111\xFF\xFF222222\xFF\xFF");
    assert!(channel.transmit(&change).unwrap().status.is_ok());
    channel.reset(Reset::Cold).unwrap();
    assert_eq!(channel.transmit(&select).unwrap().status.0, 0x6A82);
    let state = Command::new(0x00, Instruction::VERIFY, 0x00, 0x80);
    assert!(matches!(
        channel.transmit(&state),
        Err(ChannelError::Link(LinkError::CardRemoved { .. }))
    ));
}

/// CPLC with a corrected length, issuer and card numbers.
fn production_card(ambient: Arc<dyn Ambient>) -> ScriptedCard {
    card(
        "sim:series10",
        "3BDF96008131FE4580738421E0554978000080830F90000C",
        Protocol::T1,
        ambient,
    )
    .answers(
        "00A40400 08 A000000151000000 00",
        "6F10 8408 A000000151000000 A504 9F6501FF 9000",
    )
    .answers("80CA9F7F 00", "6C2D")
    .answers(
        "80CA9F7F 2D",
        "9F7F2A 4790 5168 4791 6358 0100 6349 12345678 9ABC 4793 6350 4794 6351 4795 6352 00000001 4796 6353 00000002 9000",
    )
    .answers("80CA0042 00", "4208 0102030405060708 9000")
    .answers("80CA0045 00", "450A 00112233445566778899 9000")
}

fn use_production_card(channel: &mut Channel) {
    let select = Command::new(0x00, Instruction::SELECT, 0x04, 0x00)
        .with_data(scripted::bytes("A000000151000000"))
        .with_expected(Expected::SHORT_MAX);
    assert!(channel.transmit(&select).unwrap().status.is_ok());
    for (p1, p2, length) in [(0x9F, 0x7F, 45), (0x00, 0x42, 10), (0x00, 0x45, 12)] {
        let get = Command::new(0x80, Instruction::GET_DATA_P1P2, p1, p2)
            .with_expected(Expected::SHORT_MAX);
        assert_eq!(channel.transmit(&get).unwrap().data.len(), length);
    }
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn record(scenario: &Scenario) -> String {
    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
    let memory = Memory::default();
    let card = (scenario.card)(Arc::clone(&ambient));
    let header = Header::new("cardwright 0.1.0", ambient.now(), &card);
    let writer = TranscriptWriter::new(Box::new(memory.clone()), &header, Arc::clone(&ambient));
    writer.note("made with a scripted card");
    let link = Traced::new(card, ambient, writer.clone());
    let mut channel = Channel::new(Box::new(link));
    (scenario.work)(&mut channel);
    channel.disconnect(Disposition::PowerOff).unwrap();
    writer.finish().unwrap();
    let bytes = memory.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../vectors/transcripts")
        .join(file)
}

fn stored(file: &str) -> Transcript {
    let file = std::fs::File::open(path(file)).unwrap();
    Transcript::read(io::BufReader::new(file)).unwrap()
}

#[test]
fn the_stored_transcripts_are_what_the_writer_writes() {
    for scenario in &SCENARIOS {
        let text = record(scenario);
        if std::env::var_os("CARDWRIGHT_BLESS").is_some() {
            std::fs::write(path(scenario.file), &text).unwrap();
        }
        let stored = std::fs::read_to_string(path(scenario.file)).unwrap();
        assert_eq!(stored, text, "{}", scenario.file);
    }
}

#[test]
fn the_stored_transcripts_replay_to_their_end() {
    for scenario in &SCENARIOS {
        let transcript = stored(scenario.file);
        assert!(transcript.complete);
        let link = ReplayLink::new(transcript.clone());
        let mut channel = Channel::new(Box::new(link));
        (scenario.work)(&mut channel);
        // Nothing is left: any further command diverges at the end.
        let error = channel.link_mut().transmit(&[0, 0xA4, 4, 0]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("the end of the connection was expected"),
            "{error}"
        );
    }
}

#[test]
fn no_passcode_and_no_cryptogram_is_in_the_stored_transcripts() {
    for scenario in &SCENARIOS {
        let text = std::fs::read_to_string(path(scenario.file)).unwrap();
        for secret in ["313131", "323232", "A1A2A3", "B1B2B3"] {
            assert!(!text.contains(secret), "{secret} in {}", scenario.file);
        }
    }
}

struct Piv;

impl Names for Piv {
    fn object(&self, tag: ber::Tag) -> Option<String> {
        match tag.0 {
            0x5FC102 => Some("CHUID".to_owned()),
            0x5FC105 => Some("certificate of 9A".to_owned()),
            _ => None,
        }
    }
}

#[test]
fn the_stored_transcripts_read_as_a_story() {
    let story = |file| -> Vec<String> {
        let transcript = stored(file);
        fold(transcript.exchanges())
            .into_iter()
            .map(|one| {
                let command = describe::command(one.command.as_ref().unwrap(), &Piv);
                match one.status {
                    Some(status) => format!("{command}: {status}"),
                    None => format!("{command}: {}", one.error.unwrap().error),
                }
            })
            .collect()
    };
    assert_eq!(
        story("piv-passcode-and-signature.jsonl"),
        [
            "SELECT PIV (A00000030800001000): 9000 (done)",
            "GET DATA CHUID (5FC102): 9000 (done)",
            "VERIFY reference 80: 63C2 (verification failed, 2 tries left)",
            "VERIFY reference 80: 9000 (done)",
            "GENERAL AUTHENTICATE key 9A, algorithm 07, gives challenge, asks for response: 9000 (done)",
        ]
    );
    assert_eq!(
        story("admin-key-over-t0.jsonl"),
        [
            "SELECT PIV (A00000030800001000): 9000 (done)",
            "GENERAL AUTHENTICATE key 9B, algorithm 03, asks for challenge: 9000 (done)",
            "GENERAL AUTHENTICATE key 9B, algorithm 03, gives response: 9000 (done)",
            "PUT DATA certificate of 9A (5FC105), 309 bytes: 9000 (done)",
            "CHANGE REFERENCE DATA reference 80: 9000 (done)",
            "SELECT PIV (A00000030800001000): 6A82 (object or application not found)",
            "VERIFY reference 80, ask state: card-removed",
        ]
    );
}

#[test]
fn a_folded_object_is_taken_apart() {
    let transcript = stored("piv-passcode-and-signature.jsonl");
    let folded = fold(transcript.exchanges());
    let nodes = tlv_tree(&folded[1].response, &Piv).unwrap();
    let tags: Vec<&str> = nodes[0]
        .children
        .iter()
        .map(|node| node.tag.as_str())
        .collect();
    assert_eq!(tags, ["30", "34", "35", "3E", "FE"]);
}
