//! Production data read from scripted and recorded cards.

#![expect(
    clippy::unwrap_used,
    reason = "a test helper that fails is a failed test"
)]

use std::collections::VecDeque;
use std::path::Path;

use globalplatform::{ProductionData, read_production_data};
use ground::Blamed;
use iso7816::{Channel, Disposition, Link, LinkError, Protocol, ReplayLink, Reset, Transcript};
use proptest::prelude::*;

/// Answers commands by what they start with; everything else is refused with `otherwise`.
struct Card {
    answers: VecDeque<(&'static str, Vec<u8>)>,
    otherwise: [u8; 2],
}

impl Link for Card {
    fn name(&self) -> &str {
        "sim:test"
    }

    fn atr(&self) -> &[u8] {
        &[0x3B, 0x00]
    }

    fn protocol(&self) -> Protocol {
        Protocol::T1
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        let command = hex::encode_upper(command);
        let answer = self
            .answers
            .iter()
            .find(|(start, _)| command.starts_with(start));
        Ok(answer.map_or(self.otherwise.to_vec(), |(_, answer)| answer.clone()))
    }

    fn reset(&mut self, _: Reset) -> Result<(), LinkError> {
        Ok(())
    }

    fn disconnect(self: Box<Self>, _: Disposition) -> Result<(), LinkError> {
        Ok(())
    }
}

fn read(answers: &[(&'static str, &str)], otherwise: [u8; 2]) -> ProductionData {
    let answers = answers
        .iter()
        .map(|(command, answer)| (*command, hex::decode(answer.replace(' ', "")).unwrap()))
        .collect();
    read_production_data(&mut Channel::new(Box::new(Card { answers, otherwise }))).unwrap()
}

#[test]
fn a_recorded_card_gives_all_it_has() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../vectors/transcripts/production-data.jsonl");
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let link = ReplayLink::new(Transcript::read(file).unwrap());
    let data = read_production_data(&mut Channel::new(Box::new(link))).unwrap();

    let domain = data.issuer_security_domain.as_ref().unwrap();
    assert_eq!(hex::encode_upper(&domain.aid), "A000000151000000");
    assert!(!domain.locked);
    assert_eq!(data.cplc.unwrap().ic_serial_number, 0x1234_5678);
    assert_eq!(
        data.chip_serial().unwrap().to_string(),
        "479051684791635801006349123456789ABC"
    );
    assert_eq!(
        data.issuer_serial().unwrap().to_string(),
        "010203040506070800112233445566778899"
    );
    assert_eq!(data.serial(), data.chip_serial());
    assert_eq!(data.findings, []);
}

#[test]
fn a_card_that_refuses_everything_has_nothing() {
    for otherwise in [[0x6A, 0x82], [0x6E, 0x00], [0x6D, 0x00], [0x69, 0x82]] {
        let data = read(&[], otherwise);
        assert_eq!(data.issuer_security_domain, None);
        assert_eq!(data.cplc, None);
        assert_eq!(data.serial(), None);
        assert_eq!(data.findings, []);
    }
}

#[test]
fn the_card_manager_and_the_default_application_are_tried_too() {
    let by_old_name = read(&[("00A4040007A0000000030000", "9000")], [0x6A, 0x82]);
    let domain = by_old_name.issuer_security_domain.unwrap();
    assert_eq!(hex::encode_upper(domain.aid), "A0000000030000");
    let by_default = read(&[("00A4040000", "6F05 8403 A00001 9000")], [0x6A, 0x82]);
    assert_eq!(
        by_default.issuer_security_domain.unwrap().aid,
        [0xA0, 0x00, 0x01]
    );
    // A default application that does not say who it is, is not taken for one.
    let other = read(&[("00A4040000", "9000")], [0x6A, 0x82]);
    assert_eq!(other.issuer_security_domain, None);
}

#[test]
fn a_locked_card_is_still_read() {
    let data = read(
        &[("00A4040008", "6283"), ("80CA0045", "4501AA 9000")],
        [0x6A, 0x88],
    );
    assert!(data.issuer_security_domain.unwrap().locked);
    assert_eq!(data.card_image_number, Some(vec![0xAA]));
}

#[test]
fn get_data_falls_back_to_the_interindustry_class() {
    let data = read(&[("00CA0042", "4202 0102 9000")], [0x6E, 0x00]);
    assert_eq!(data.issuer_identification_number, Some(vec![1, 2]));
}

#[test]
fn malformed_objects_are_findings_and_keep_their_bytes() {
    let data = read(
        &[("80CA9F7F", "9F7F02 0102 9000"), ("80CA0042", "4305 9000")],
        [0x6A, 0x88],
    );
    assert_eq!(data.cplc, None);
    let findings: Vec<_> = data
        .findings
        .iter()
        .map(|finding| (finding.object, finding.raw.len()))
        .collect();
    assert_eq!(findings, [("CPLC", 5), ("IIN", 2)]);
}

#[test]
fn a_blank_serial_identifies_no_card() {
    let cplc = format!("9F7F2A {} {} 9000", "4790".repeat(6), "00".repeat(30));
    let data = read(
        &[("80CA9F7F", &cplc), ("80CA0042", "420101 9000")],
        [0x6A, 0x88],
    );
    assert!(data.cplc.is_some());
    assert_eq!(data.chip_serial(), None);
    // An issuer number alone is the same on all of its cards.
    assert_eq!(data.serial(), None);
}

#[test]
fn a_lost_card_is_an_error_with_blame() {
    struct Gone;
    impl Link for Gone {
        fn name(&self) -> &str {
            "sim:gone"
        }
        fn atr(&self) -> &[u8] {
            &[]
        }
        fn protocol(&self) -> Protocol {
            Protocol::T1
        }
        fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, LinkError> {
            Err(LinkError::CardRemoved {
                reader: self.name().to_owned(),
            })
        }
        fn reset(&mut self, _: Reset) -> Result<(), LinkError> {
            Ok(())
        }
        fn disconnect(self: Box<Self>, _: Disposition) -> Result<(), LinkError> {
            Ok(())
        }
    }
    let error = read_production_data(&mut Channel::new(Box::new(Gone))).unwrap_err();
    assert_eq!(error.blame(), ground::Blame::ReaderFault);
    assert!(error.hint().is_some());
}

proptest! {
    #[test]
    fn any_answers_are_read(
        select in proptest::collection::vec(any::<u8>(), 0..40),
        cplc in proptest::collection::vec(any::<u8>(), 0..60),
        number in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let ok = |bytes: Vec<u8>| [&bytes[..], &[0x90, 0x00]].concat();
        let answers = VecDeque::from([
            ("00A4", ok(select)),
            ("80CA9F7F", ok(cplc)),
            ("80CA0042", ok(number.clone())),
            ("80CA0045", ok(number)),
        ]);
        let card = Card { answers, otherwise: [0x6D, 0x00] };
        let data = read_production_data(&mut Channel::new(Box::new(card))).unwrap();
        prop_assert!(data.findings.len() <= 3);
        let _ = data.serial();
    }
}
