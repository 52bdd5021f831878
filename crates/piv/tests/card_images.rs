//! Every object of published test cards: GSA ICAM card images and the NIST SD33 captures.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where its data is not as it should be"
)]

#[path = "support/cards.rs"]
mod cards;

use std::fs;

use der::Decode;
use piv::biometric::BiometricKind;
use piv::objects::{
    BiometricInformationTemplates, BiometricObject, CardCapabilityContainer, CertificateObject,
    Chuid, Discovery, KeyHistory, PrintedInformation, SecureMessagingSigner, SecurityObject,
};
use piv::signed::{check_chuid, verify_chuid, verify_chuid_bytes, verify_signature};
use piv::words::ObjectId;
use piv::{Finding, Parsed, PublicKey, Severity};
use x509_cert::Certificate;

use cards::{ICAM, cards, data, every_card, icam_card, icam_with, pem, sd33_card, sd33_with};

/// Parses, and demands the same bytes back.
fn round_trip(object: ObjectId, value: &[u8]) -> Vec<Finding> {
    fn check<T>(
        value: &[u8],
        parsed: Result<Parsed<T>, piv::objects::ObjectError>,
        encode: impl Fn(&T) -> Vec<u8>,
    ) -> Vec<Finding> {
        let parsed = parsed.unwrap();
        assert_eq!(hex::encode(encode(&parsed.value)), hex::encode(value));
        parsed.findings
    }
    match object {
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
        | ObjectId::RetiredCertificate(_) => check(
            value,
            CertificateObject::parse(value),
            CertificateObject::encode,
        ),
        ObjectId::SecureMessagingSigner => check(
            value,
            SecureMessagingSigner::parse(value),
            SecureMessagingSigner::encode,
        ),
        ObjectId::BiometricInformationTemplates => check(
            value,
            BiometricInformationTemplates::parse(value),
            BiometricInformationTemplates::encode,
        ),
        ObjectId::Fingerprints | ObjectId::FacialImage | ObjectId::IrisImages => {
            let kind = BiometricKind::of(object).unwrap();
            let parsed = BiometricObject::parse(kind, value).unwrap();
            let record = parsed.value.record().unwrap().value;
            assert_eq!(BiometricObject::new(kind, &record).encode(), value);
            check(value, Ok(parsed), BiometricObject::encode)
        }
        ObjectId::PairingCode => panic!("none of these cards has a pairing code"),
    }
}

#[test]
fn every_object_of_every_card_is_written_back_as_it_was_read() {
    let cards = cards();
    let mut objects = 0;
    for (name, card) in &cards {
        for (object, value) in card {
            let findings = round_trip(*object, value);
            objects += 1;
            let violations: Vec<_> = findings
                .iter()
                .filter(|finding| finding.severity == Severity::Violation)
                .map(|finding| finding.message.as_str())
                .collect();
            // The fingerprints of the ICAM cards number their views through.
            let expected: &[&str] = match object {
                ObjectId::Fingerprints => &[
                    "minutiae record: view 2: view number 1 of the only view of its finger, \
                     expected 0",
                ],
                _ => &[],
            };
            assert_eq!(violations, expected, "{name} {object}");
        }
    }
    if cards.len() == 8 {
        assert_eq!(objects, 83);
    }
}

#[test]
fn every_chuid_carries_a_signature_that_verifies() {
    for (name, card) in every_card() {
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
    for (name, card) in every_card() {
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
    for name in ICAM.into_iter().filter(|name| icam.join(name).is_dir()) {
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
    let Some(icam) = icam_with(&ICAM) else { return };
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
    let Some(sd33) = sd33_with("05") else { return };
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
    let Some(sd33) = sd33_with("12") else { return };
    let card = sd33_card(&sd33, "12");
    let object = CertificateObject::parse(&card[&ObjectId::AuthenticationCertificate])
        .unwrap()
        .value;
    assert!(object.is_compressed());
    let der = object.der().unwrap();
    assert!(der.len() > object.stored.len());
    assert!(Certificate::from_der(&der).is_ok());
}
