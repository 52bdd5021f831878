//! Every object of published test cards: GSA ICAM card images and the NIST SD33 captures.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where its data is not as it should be"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use der::{Decode, DecodePem};
use piv::objects::{
    CardCapabilityContainer, CertificateObject, Chuid, Discovery, KeyHistory, PrintedInformation,
    SecurityObject,
};
use piv::signed::{check_chuid, verify_chuid, verify_chuid_bytes, verify_signature};
use piv::words::{ObjectId, RetiredKey};
use piv::{Finding, Parsed, PublicKey, Severity};
use x509_cert::Certificate;

const ICAM: [&str; 4] = [
    "01_Golden_PIV",
    "02_Golden_PIV-I",
    "37_Golden_FIPS_201-2_PIV_PPS_F=512_D=64",
    "46_Golden_FIPS_201-2_PIV",
];
const SD33: [&str; 4] = ["03", "04", "05", "12"];

/// The test data, or `None` with a plain word where there is none.
fn data(folder: &str) -> Option<PathBuf> {
    let data = std::env::var_os("CARDWRIGHT_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = data.join(folder);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no test data at {}", folder.display());
    None
}

/// The objects of one card: the value of each, without its wrapper.
type Card = BTreeMap<ObjectId, Vec<u8>>;

fn pem(path: &Path) -> Certificate {
    let text = fs::read_to_string(path).unwrap();
    // OpenSSL writes "Bag Attributes" before some of them.
    let start = text.find("-----BEGIN CERTIFICATE-----").unwrap();
    Certificate::from_pem(&text[start..]).unwrap()
}

fn icam_object(number: &str) -> Option<ObjectId> {
    Some(match number {
        "1" => ObjectId::Discovery,
        "2" => ObjectId::SecurityObject,
        "3" => ObjectId::AuthenticationCertificate,
        "4" => ObjectId::SignatureCertificate,
        "5" => ObjectId::KeyManagementCertificate,
        "6" => ObjectId::CardAuthenticationCertificate,
        "7" => ObjectId::CardCapabilityContainer,
        "8" => ObjectId::Chuid,
        "9" => ObjectId::Fingerprints,
        "10" => ObjectId::FacialImage,
        "11" => ObjectId::PrintedInformation,
        "13" => ObjectId::KeyHistory,
        _ => {
            let retired = number.parse::<u8>().ok()?.checked_sub(13)?;
            ObjectId::RetiredCertificate(RetiredKey::new(retired)?)
        }
    })
}

fn icam_card(folder: &Path) -> Card {
    let mut card = Card::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some((number, _)) = name.split_once(" - ") else {
            continue;
        };
        let object = icam_object(number).unwrap();
        let value = match path.extension().and_then(|extension| extension.to_str()) {
            Some("p12") => continue,
            Some("crt") => {
                use der::Encode;
                CertificateObject::plain(pem(&path).to_der().unwrap()).encode()
            }
            _ => fs::read(&path).unwrap(),
        };
        let value = match value.strip_prefix(&[0x7E, 0x12]) {
            Some(inside) if object == ObjectId::Discovery => inside.to_vec(),
            _ => value,
        };
        card.insert(object, value);
    }
    card
}

fn sd33_card(folder: &Path, number: &str) -> Card {
    let text = fs::read_to_string(folder.join(format!("vci_vectors_sd33-{number}.json"))).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let unhex = |value: &serde_json::Value| hex::decode(value.as_str().unwrap()).unwrap();
    let mut card = Card::new();
    for object in json["vci_objects"].as_object().unwrap().values() {
        let tag = u32::from_str_radix(object["tag"].as_str().unwrap(), 16).unwrap();
        let bytes = unhex(&object["data_hex"]);
        let value = iso7816::ber::expect(iso7816::ber::Tag(0x53), &bytes).unwrap();
        let object = ObjectId::from_tag(iso7816::ber::Tag(tag)).unwrap();
        card.insert(object, value.to_vec());
    }
    let discovery = unhex(&json["card_info"]["discovery_object"]);
    let value = iso7816::ber::expect(ObjectId::Discovery.tag(), &discovery).unwrap();
    card.insert(ObjectId::Discovery, value.to_vec());
    card
}

/// All eight cards with their names.
fn cards() -> Vec<(String, Card)> {
    let mut cards = Vec::new();
    if let Some(icam) = data("icam") {
        cards.extend(ICAM.map(|name| (name.to_owned(), icam_card(&icam.join(name)))));
    }
    if let Some(sd33) = data("sd33") {
        cards.extend(SD33.map(|number| (format!("SD33 {number}"), sd33_card(&sd33, number))));
    }
    cards
}

/// Parses, and demands the same bytes back.
fn round_trip(object: ObjectId, value: &[u8]) -> Option<Vec<Finding>> {
    fn check<T>(
        value: &[u8],
        parsed: Result<Parsed<T>, piv::objects::ObjectError>,
        encode: impl Fn(&T) -> Vec<u8>,
    ) -> Vec<Finding> {
        let parsed = parsed.unwrap();
        assert_eq!(hex::encode(encode(&parsed.value)), hex::encode(value));
        parsed.findings
    }
    Some(match object {
        ObjectId::CardCapabilityContainer => check(
            value,
            CardCapabilityContainer::parse(value),
            CardCapabilityContainer::encode,
        ),
        ObjectId::Chuid => check(value, Chuid::parse(value), Chuid::encode),
        ObjectId::Discovery => check(value, Discovery::parse(value), Discovery::encode),
        ObjectId::KeyHistory => check(value, KeyHistory::parse(value), KeyHistory::encode),
        ObjectId::PrintedInformation => check(
            value,
            PrintedInformation::parse(value),
            PrintedInformation::encode,
        ),
        ObjectId::SecurityObject => {
            check(value, SecurityObject::parse(value), SecurityObject::encode)
        }
        ObjectId::AuthenticationCertificate
        | ObjectId::SignatureCertificate
        | ObjectId::KeyManagementCertificate
        | ObjectId::CardAuthenticationCertificate
        | ObjectId::SecureMessagingSigner
        | ObjectId::RetiredCertificate(_) => check(
            value,
            CertificateObject::parse(value),
            CertificateObject::encode,
        ),
        _ => return None,
    })
}

#[test]
fn every_object_of_every_card_is_written_back_as_it_was_read() {
    let cards = cards();
    let mut objects = 0;
    for (name, card) in &cards {
        for (object, value) in card {
            let Some(findings) = round_trip(*object, value) else {
                continue;
            };
            objects += 1;
            let violations: Vec<_> = findings
                .iter()
                .filter(|finding| finding.severity == Severity::Violation)
                .collect();
            assert!(violations.is_empty(), "{name} {object}: {violations:?}");
        }
    }
    if cards.len() == 8 {
        assert_eq!(objects, 71);
    }
}

#[test]
fn every_chuid_carries_a_signature_that_verifies() {
    for (name, card) in cards() {
        let value = &card[&ObjectId::Chuid];
        let parsed = Chuid::parse(value).unwrap();
        let signer = verify_chuid_bytes(value).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(verify_chuid(&parsed.value).unwrap(), signer, "{name}");
        let findings = check_chuid(&parsed);
        assert_eq!(findings, [], "{name}");
    }
}

#[test]
fn a_changed_chuid_does_not_verify() {
    for (name, card) in cards() {
        let mut chuid = Chuid::parse(&card[&ObjectId::Chuid]).unwrap().value;
        chuid.expiry = Some(jiff::civil::date(2050, 1, 1));
        let error = verify_chuid(&chuid).unwrap_err();
        assert!(
            matches!(error, piv::signed::SignedError::Digest { .. }),
            "{name}: {error}"
        );
    }
}

#[test]
fn the_signer_of_an_icam_chuid_is_the_published_one() {
    let Some(icam) = data("icam") else { return };
    for name in ICAM {
        let folder = icam.join(name);
        let chuid = fs::read(folder.join("8 - CHUID Object")).unwrap();
        assert_eq!(
            verify_chuid_bytes(&chuid).unwrap(),
            pem(&folder.join("CHUID_Signer.crt")),
            "{name}"
        );
    }
}

#[test]
fn every_security_object_verifies_and_its_hashes_match() {
    for (name, card) in cards() {
        let signer = verify_chuid_bytes(&card[&ObjectId::Chuid]).unwrap();
        let security = SecurityObject::parse(&card[&ObjectId::SecurityObject])
            .unwrap()
            .value;
        let hashes = security
            .verify(&signer)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(hashes.data_groups.len(), security.mapping.len(), "{name}");
        let findings = security.check(&card, &signer);
        let wrong: Vec<_> = findings
            .iter()
            .filter(|finding| finding.severity == Severity::Violation)
            .map(|finding| finding.message.as_str())
            .collect();
        // The older image sets leave unsigned objects uncovered, against the standard.
        let expected: &[&str] = match name.as_str() {
            "01_Golden_PIV" | "02_Golden_PIV-I" | "46_Golden_FIPS_201-2_PIV" => &[
                "Security Object: does not cover the unsigned Card Capability Container",
                "Security Object: does not cover the unsigned Discovery Object",
            ],
            "37_Golden_FIPS_201-2_PIV_PPS_F=512_D=64" => {
                &["Security Object: does not cover the unsigned Key History Object"]
            }
            _ => &[],
        };
        assert_eq!(wrong, expected, "{name}");

        let hashed_and_read = security
            .covers()
            .filter(|object| card.contains_key(object))
            .count();
        assert!(hashed_and_read >= 3, "{name}: {hashed_and_read}");
    }
}

#[test]
fn a_changed_object_is_found_by_its_hash() {
    for (name, mut card) in cards() {
        let signer = verify_chuid_bytes(&card[&ObjectId::Chuid]).unwrap();
        let security = SecurityObject::parse(&card[&ObjectId::SecurityObject])
            .unwrap()
            .value;
        card.get_mut(&ObjectId::PrintedInformation).unwrap()[2] ^= 0x01;
        let findings = security.check(&card, &signer);
        assert!(
            findings.iter().any(|finding| finding
                .message
                .contains("the Printed Information is not the one that was hashed")),
            "{name}: {findings:?}"
        );
    }
}

#[test]
fn the_certificate_of_another_signer_is_refused() {
    let cards = cards();
    let [(_, first), .., (_, last)] = &cards[..] else {
        return;
    };
    let signer = verify_chuid_bytes(&last[&ObjectId::Chuid]).unwrap();
    let security = SecurityObject::parse(&first[&ObjectId::SecurityObject])
        .unwrap()
        .value;
    assert!(matches!(
        security.verify(&signer),
        Err(piv::signed::SignedError::OtherSigner { .. })
    ));
}

#[test]
fn the_certificates_of_icam_cards_are_signed_by_their_authorities() {
    let Some(icam) = data("icam") else { return };
    let authorities: Vec<Certificate> = fs::read_dir(icam.join("ICAM_CA_and_Signer"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.ends_with(".crt") && name.contains("_CA_-_")
        })
        .map(|path| pem(&path))
        .collect();
    assert_eq!(authorities.len(), 4);
    let mut verified = 0;
    for name in ICAM {
        for value in icam_card(&icam.join(name)).values() {
            let Some(certificate) = CertificateObject::parse(value)
                .ok()
                .and_then(|object| object.value.certificate().ok())
            else {
                continue;
            };
            // Two of the authorities have the same name: one of them must have signed.
            let signed = authorities
                .iter()
                .filter(|authority| is_signed_by(&certificate, authority))
                .count();
            assert_eq!(
                signed,
                1,
                "{name} {}",
                certificate.tbs_certificate().subject()
            );
            verified += 1;
        }
    }
    assert_eq!(verified, 21);
}

fn is_signed_by(certificate: &Certificate, authority: &Certificate) -> bool {
    use der::Encode;
    let tbs = certificate.tbs_certificate();
    let issuer = authority.tbs_certificate();
    let key = PublicKey::from_spki(issuer.subject_public_key_info()).unwrap();
    issuer.subject() == tbs.issuer()
        && verify_signature(
            &key,
            certificate.signature_algorithm(),
            None,
            &tbs.to_der().unwrap(),
            certificate.signature().raw_bytes(),
        )
        .is_ok()
}

#[test]
fn the_certificates_of_sd33_cards_answer_for_their_keys() {
    // Card 05 signed a challenge with 9E and 9A in the capture; the signatures are in its log.
    let Some(sd33) = data("sd33") else { return };
    let card = sd33_card(&sd33, "05");
    let text = fs::read_to_string(sd33.join("vci_vectors_sd33-05.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut verified = 0;
    for exchange in json["apdu_exchanges"].as_array().unwrap() {
        let Some(command) = exchange["plain_command"].as_str() else {
            continue;
        };
        let command = hex::decode(command).unwrap();
        let object = match command[..4] {
            [_, 0x87, 0x11, 0x9E] => ObjectId::CardAuthenticationCertificate,
            [_, 0x87, 0x11, 0x9A] => ObjectId::AuthenticationCertificate,
            _ => continue,
        };
        let command = iso7816::Command::parse(&command).unwrap();
        let element = |tag, bytes: &[u8]| {
            let template = iso7816::ber::expect(iso7816::ber::Tag(0x7C), bytes).unwrap();
            iso7816::ber::find(iso7816::ber::Tag(tag), template)
                .unwrap()
                .unwrap()
                .to_vec()
        };
        let challenge = element(0x81, &command.data);
        let response = hex::decode(exchange["plain_response"].as_str().unwrap()).unwrap();
        let signature = element(0x82, &response);
        let certificate = CertificateObject::parse(&card[&object])
            .unwrap()
            .value
            .certificate()
            .unwrap();
        let key =
            PublicKey::from_spki(certificate.tbs_certificate().subject_public_key_info()).unwrap();
        let digest = piv::MessageDigest::Sha256(challenge.try_into().unwrap());
        key.verify_digest(&digest, &signature).unwrap();
        verified += 1;
    }
    assert_eq!(verified, 2);
}

#[test]
fn compressed_certificates_are_unpacked() {
    let Some(sd33) = data("sd33") else { return };
    let card = sd33_card(&sd33, "12");
    let object = CertificateObject::parse(&card[&ObjectId::AuthenticationCertificate])
        .unwrap()
        .value;
    assert!(object.is_compressed());
    let der = object.der().unwrap();
    assert!(der.len() > object.stored.len());
    assert!(Certificate::from_der(&der).is_ok());
}
