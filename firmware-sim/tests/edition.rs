//! A card made to SP 800-73-4 beside one made to SP 800-73-5 (SP 800-73-5 Part 1, Appendix G),
//! as the host's parsers see them.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may stop it as the test itself may"
)]

use firmware_sim::card::nvm::Cell;
use firmware_sim::card::{Model, PivChip, Reference};
use firmware_sim::contacts::Chip;
use iso7816::ber::{self, Tag};
use piv::objects::{CardCapabilityContainer, CertificateObject, Chuid, ObjectError};
use piv::signed;
use piv::words::{Edition, ObjectId};
use piv::{Finding, Parsed, Severity};

const SELECT: &str = "00A4040009A0000003080000100000";
const VERIFY: &str = "0020008008313233343536FFFF";
/// The generator of P-256, a point like any other.
const POINT: &str = "046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296\
                     4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5";

fn model(edition: Edition) -> Model {
    let mut model = Model::series10();
    model.edition = edition;
    model
}

fn object(chip: &PivChip, object: ObjectId) -> Vec<u8> {
    let held = chip.memory().get(Cell::Object(object.tag())).unwrap();
    ber::expect(Tag(0x53), held).unwrap().to_vec()
}

fn status(chip: &mut PivChip, command: &str) -> u16 {
    let answer = chip.transmit(&hex::decode(command).unwrap());
    u16::from_be_bytes(answer[answer.len() - 2..].try_into().unwrap())
}

/// The findings about what the fifth edition took away, judged by this edition.
fn removed<T>(
    parsed: Result<Parsed<T>, ObjectError>,
    edition: Option<Edition>,
) -> Vec<(Severity, String)> {
    let found = parsed.unwrap().judged_by(edition).findings.into_iter();
    found
        .filter(|finding| finding.since.is_some())
        .map(
            |Finding {
                 severity, message, ..
             }| (severity, message),
        )
        .collect()
}

#[test]
fn a_card_of_the_fourth_edition_has_the_elements_the_fifth_took_away() {
    let chip = PivChip::personalised(&model(Edition::Fourth), 7);
    let chuid = object(&chip, ObjectId::Chuid);
    let ccc = object(&chip, ObjectId::CardCapabilityContainer);
    let certificate = object(&chip, ObjectId::AuthenticationCertificate);
    for (edition, expected) in [
        (None, Some(Severity::Info)),
        (Some(Edition::Fourth), None),
        (Some(Edition::Fifth), Some(Severity::Violation)),
    ] {
        for (found, count) in [
            (removed(Chuid::parse(&chuid), edition), 3),
            (removed(CardCapabilityContainer::parse(&ccc), edition), 2),
            (removed(CertificateObject::parse(&certificate), edition), 1),
        ] {
            match expected {
                None => assert_eq!(found, []),
                Some(severity) => {
                    assert_eq!(found.len(), count, "{found:?}");
                    assert!(found.iter().all(|(actual, _)| *actual == severity));
                }
            }
        }
    }
    let parsed = Chuid::parse(&chuid).unwrap().value;
    assert_eq!(usize::from(parsed.buffer_length.unwrap()), chuid.len() - 4);
    // The signature does not cover EE.
    signed::verify_chuid_bytes(&chuid).unwrap();
}

#[test]
fn a_card_of_the_fifth_edition_has_none_of_them() {
    let chip = PivChip::personalised(&model(Edition::Fifth), 7);
    let fifth = Some(Edition::Fifth);
    assert_eq!(
        removed(Chuid::parse(&object(&chip, ObjectId::Chuid)), fifth),
        []
    );
    let ccc = object(&chip, ObjectId::CardCapabilityContainer);
    assert_eq!(removed(CardCapabilityContainer::parse(&ccc), fifth), []);
    for key in [
        ObjectId::AuthenticationCertificate,
        ObjectId::SignatureCertificate,
    ] {
        let certificate = object(&chip, key);
        assert_eq!(removed(CertificateObject::parse(&certificate), fifth), []);
    }
}

#[test]
fn keys_other_than_key_management_agree_in_the_fourth_edition_only() {
    for (edition, expected) in [(Edition::Fourth, 0x9000), (Edition::Fifth, 0x6A80)] {
        let mut chip = PivChip::personalised(&model(edition), 7);
        chip.power_on();
        assert_eq!(status(&mut chip, SELECT), 0x9000);
        for key in ["9A", "9C", "9E"] {
            let agree = format!("008711{key}477C4582008541{POINT}00");
            assert_eq!(status(&mut chip, VERIFY), 0x9000);
            assert_eq!(status(&mut chip, &agree), expected, "{edition}, {key}");
        }
        assert_eq!(
            status(&mut chip, &format!("0087119D477C4582008541{POINT}00")),
            0x9000
        );
    }
}

#[test]
fn a_pin_has_at_most_ten_tries_in_the_fifth_edition() {
    let text = |edition: &str, tries: &str| {
        include_str!("../src/card/models/series10.toml")
            .replace("edition = \"73-5\"", &format!("edition = \"{edition}\""))
            .replace(
                "value = \"123456\"\ntries = 3",
                &format!("value = \"123456\"\ntries = {tries}"),
            )
    };
    assert!(Model::parse(&text("73-4", "15")).is_ok());
    assert!(Model::parse(&text("73-5", "10")).is_ok());
    let error = Model::parse(&text("73-5", "11")).unwrap_err().to_string();
    assert!(error.contains("SP 800-73-5 allows at most 10"), "{error}");
    assert!(Model::parse(&text("73-3", "3")).is_err());
}

#[test]
fn a_model_that_does_not_say_is_of_the_fifth_edition() {
    let text = include_str!("../src/card/models/series10.toml").replace("edition = \"73-5\"", "");
    assert_eq!(Model::parse(&text).unwrap().edition, Edition::Fifth);
}

#[test]
fn change_reference_data_is_chained_in_neither_edition_without_comparison_on_the_card() {
    for edition in Edition::ALL {
        let mut model = model(edition);
        model.pin = Reference::new("123456", 3);
        let mut chip = PivChip::personalised(&model, 7);
        chip.power_on();
        assert_eq!(status(&mut chip, SELECT), 0x9000);
        let part = "1024008008313233343536FFFF";
        assert_eq!(status(&mut chip, part), 0x6884, "{edition}");
        assert_eq!(status(&mut chip, "00200080"), 0x63C3, "{edition}");
    }
}
