//! Biometrics, certificates and identifiers of published test cards: all signatures verify, and
//! what is found is what is known of these cards.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where its data is not as it should be"
)]

#[path = "support/cards.rs"]
mod cards;

use std::collections::BTreeMap;
use std::fs;

use const_oid::ObjectIdentifier;
use der::Decode;
use jiff::civil::date;
use piv::biometric::{BiometricKind, BiometricRecord, FaceRecord, MinutiaeRecord};
use piv::cvc::{Cvc, Signer};
use piv::objects::{
    BiometricObject, CertificateObject, Chuid, PrintedInformation, SecureMessagingSigner,
};
use piv::signed::{
    CardDates, CertificateRole, CertificateRules, Identifiers, SignedError, check_biometric,
    check_certificate, check_dates, check_identifiers, verify_biometric, verify_chuid_bytes,
};
use piv::words::ObjectId;
use piv::{Finding, Parsed};
use x509_cert::Certificate;

use cards::{Card, ICAM, SD33, cards, data, icam_card, icam_with, pem, sd33_card, sd33_with};

const KINDS: [BiometricKind; 3] = [
    BiometricKind::Fingerprints,
    BiometricKind::Face,
    BiometricKind::Iris,
];

const ROLES: [(CertificateRole, ObjectId); 4] = [
    (
        CertificateRole::Authentication,
        ObjectId::AuthenticationCertificate,
    ),
    (
        CertificateRole::CardAuthentication,
        ObjectId::CardAuthenticationCertificate,
    ),
    (CertificateRole::Signature, ObjectId::SignatureCertificate),
    (
        CertificateRole::KeyManagement,
        ObjectId::KeyManagementCertificate,
    ),
];

fn biometrics(card: &Card) -> Vec<(BiometricKind, Parsed<BiometricRecord>)> {
    let there = KINDS
        .into_iter()
        .filter_map(|kind| Some((kind, card.get(&kind.object())?)));
    there
        .map(|(kind, value)| {
            let object = BiometricObject::parse(kind, value).unwrap().value;
            (kind, object.record().unwrap())
        })
        .collect()
}

fn certificates(card: &Card) -> Vec<(CertificateRole, Certificate)> {
    ROLES
        .into_iter()
        .filter_map(|(role, object)| {
            let object = CertificateObject::parse(card.get(&object)?).unwrap().value;
            Some((role, object.certificate().unwrap()))
        })
        .collect()
}

fn shown(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| format!("{}: {}", finding.severity, finding.message))
        .collect()
}

#[test]
fn every_biometric_verifies_and_has_no_findings_but_known_ones() {
    let cards = cards();
    let mut verified = 0;
    for (name, card) in &cards {
        let chuid_signer = verify_chuid_bytes(&card[&ObjectId::Chuid]).unwrap();
        for (kind, record) in biometrics(card) {
            // The record of two fingers on the ICAM cards, the same on all, numbers its views
            // through instead of by finger.
            let expected: &[&str] = match kind {
                BiometricKind::Fingerprints => &[
                    "violation: minutiae record: view 2: view number 1 of the only view of its \
                     finger, expected 0",
                ],
                _ => &[],
            };
            assert_eq!(shown(&record.findings), expected, "{name} {kind}");
            let signature = verify_biometric(&record.value, Some(&chuid_signer))
                .unwrap_or_else(|error| panic!("{name} {kind}: {error}"));
            assert_eq!(
                signature.fasc_n, record.value.header.fasc_n,
                "{name} {kind}"
            );
            let findings = check_biometric(kind, &record, Some(&chuid_signer));
            // The one card whose biometrics have a signer of their own.
            let expected: &[&str] = match name.as_str() {
                "SD33 03" => &[
                    "warning: signature of the facial image: another signer than the CHUID's, \
                     which is deprecated",
                ],
                _ => &[],
            };
            assert_eq!(shown(&findings), expected, "{name} {kind}");
            verified += 1;
        }
    }
    if cards.len() == 8 {
        assert_eq!(verified, 12);
    }
}

#[test]
fn a_changed_biometric_does_not_verify() {
    for (name, card) in cards() {
        let chuid_signer = verify_chuid_bytes(&card[&ObjectId::Chuid]).unwrap();
        for (kind, record) in biometrics(&card) {
            let mut changed = record.value.clone();
            *changed.data.last_mut().unwrap() ^= 0x01;
            let error = verify_biometric(&changed, Some(&chuid_signer)).unwrap_err();
            assert!(matches!(error, SignedError::Digest { .. }), "{name} {kind}");
            let mut redated = record.value;
            redated.header.not_after.0[1] ^= 0x01;
            let error = verify_biometric(&redated, Some(&chuid_signer)).unwrap_err();
            assert!(matches!(error, SignedError::Digest { .. }), "{name} {kind}");
        }
    }
}

#[test]
fn the_records_inside_are_read_to_their_fields_and_written_back() {
    for (name, card) in cards() {
        for (kind, record) in biometrics(&card) {
            let header = record.value.header;
            assert_eq!(header.creator.text(), Some("NIST Creator"), "{name}");
            assert_eq!(header.quality, -2, "{name}");
            match kind {
                BiometricKind::Fingerprints => {
                    let minutiae = MinutiaeRecord::parse(&record.value.data).unwrap().value;
                    assert_eq!(minutiae.encode(), record.value.data, "{name}");
                    let counts: Vec<_> =
                        minutiae.views.iter().map(|it| it.minutiae.len()).collect();
                    assert_eq!(counts, [41, 50], "{name}");
                }
                BiometricKind::Face => {
                    let face = FaceRecord::parse(&record.value.data).unwrap().value;
                    assert_eq!(face.encode(), record.value.data, "{name}");
                    assert_eq!(face.images.len(), 1, "{name}");
                    let (width, height) = (face.images[0].width, face.images[0].height);
                    let sizes = [(256, 256), (200, 162), (480, 640)];
                    assert!(sizes.contains(&(width, height)), "{name}: {width} {height}");
                }
                BiometricKind::Iris => panic!("none of these cards has one"),
            }
        }
    }
}

/// Every place of a card that says whose it is.
fn identifiers(card: &Card, cvc: Option<&Cvc>) -> Vec<Identifiers> {
    let chuid_signer = verify_chuid_bytes(&card[&ObjectId::Chuid]).unwrap();
    let mut places = Vec::new();
    for (kind, record) in biometrics(card) {
        places.push(Identifiers::of_header(kind, &record.value.header));
        let signature = verify_biometric(&record.value, Some(&chuid_signer)).unwrap();
        places.push(Identifiers::of_signature(kind, &signature));
    }
    for (role, certificate) in certificates(card) {
        places.push(Identifiers::of_certificate(role, &certificate).unwrap());
    }
    places.extend(cvc.map(Identifiers::of_cvc));
    places
}

#[test]
fn identifiers_agree_but_where_the_cards_are_known_not_to() {
    for (name, card) in cards() {
        let chuid = Chuid::parse(&card[&ObjectId::Chuid]).unwrap().value;
        let findings = shown(&check_identifiers(&chuid, &identifiers(&card, None)));
        match name.as_str() {
            // The UUID in 9C and 9D is not the GUID of its CHUID.
            "01_Golden_PIV" => {
                assert_eq!(findings.len(), 2, "{findings:#?}");
                for (finding, certificate) in
                    findings.iter().zip(["Digital Signature", "Key Management"])
                {
                    assert!(
                        finding.starts_with(&format!(
                            "warning: certificate for {certificate}: UUID is \
                             4f12712f-8916-4792-a797-5e1b30ef671d"
                        )),
                        "{finding}"
                    );
                }
            }
            // The CHUID is another card's.
            "SD33 12" => {
                let places: Vec<_> = findings
                    .iter()
                    .map(|finding| {
                        let mut words = finding.split(": ");
                        let what = words.nth(2).unwrap().split(' ').next().unwrap();
                        let place = finding.split(": ").nth(1).unwrap();
                        format!("{place}: {what}")
                    })
                    .collect();
                assert_eq!(
                    places,
                    [
                        "header of the facial image: FASC-N",
                        "signature of the facial image: FASC-N",
                        "signature of the facial image: UUID",
                        "certificate for PIV Authentication: FASC-N",
                        "certificate for PIV Authentication: UUID",
                        "certificate for Card Authentication: FASC-N",
                        "certificate for Card Authentication: UUID",
                    ]
                );
            }
            _ => assert_eq!(findings, [""; 0], "{name}"),
        }
    }
}

#[test]
fn the_card_verifiable_certificate_names_the_same_card_but_on_card_12() {
    for number in SD33 {
        let Some(sd33) = sd33_with(number) else {
            continue;
        };
        let card = sd33_card(&sd33, number);
        let chuid = Chuid::parse(&card[&ObjectId::Chuid]).unwrap().value;
        let text =
            fs::read_to_string(sd33.join(format!("vci_vectors_sd33-{number}.json"))).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let cvc = hex::decode(json["opacity"]["cvc_raw"].as_str().unwrap()).unwrap();
        let cvc = Cvc::parse(&cvc).unwrap().value;
        let findings = check_identifiers(&chuid, &[Identifiers::of_cvc(&cvc)]);
        assert_eq!(findings.len(), usize::from(number == "12"), "{findings:?}");
    }
}

/// The policies of the test cards, which are not those of production cards.
fn rules(name: &str) -> CertificateRules {
    if name == "02_Golden_PIV-I" {
        return CertificateRules {
            rsa_2048_until: date(2040, 12, 31),
            ..CertificateRules::non_federal()
        };
    }
    let test = |policy: &str| {
        let arc = "2.16.840.1.101.3.2.1.48";
        vec![ObjectIdentifier::new_unwrap(&format!("{arc}.{policy}"))]
    };
    let policies = match name.starts_with("SD33") {
        true => BTreeMap::new(),
        false => BTreeMap::from([
            (CertificateRole::Authentication, test("11")),
            (CertificateRole::CardAuthentication, test("13")),
            (CertificateRole::Signature, test("9")),
            (CertificateRole::KeyManagement, test("9")),
            (CertificateRole::ContentSigner, test("86")),
        ]),
    };
    CertificateRules {
        policies,
        // The RSA-2048 keys of all these cards outlive 2030 by design.
        rsa_2048_until: date(2040, 12, 31),
        ..CertificateRules::common()
    }
}

fn profile(name: &str, card: &Card, rules: &CertificateRules) -> Vec<String> {
    let mut findings = Vec::new();
    for (role, certificate) in certificates(card) {
        findings.extend(shown(&check_certificate(role, &certificate, rules)));
    }
    let signer = verify_chuid_bytes(&card[&ObjectId::Chuid])
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let role = CertificateRole::ContentSigner;
    findings.extend(shown(&check_certificate(role, &signer, rules)));
    findings
}

#[test]
fn certificates_meet_their_profiles_but_where_the_cards_are_known_not_to() {
    for (name, card) in cards() {
        let findings = profile(&name, &card, &rules(&name));
        let upn = "info: certificate for PIV Authentication: also otherName \
                   `1.3.6.1.4.1.311.20.2.3` in the subjectAltName";
        let mut expected = match name.as_str() {
            // In the style of FIPS 201-1, with the FASC-N alone.
            "01_Golden_PIV" => vec![
                "violation: certificate for PIV Authentication: no UUID in the subjectAltName",
                "violation: certificate for Card Authentication: no UUID in the subjectAltName",
            ],
            "46_Golden_FIPS_201-2_PIV" | "SD33 04" | "SD33 12" => vec![upn],
            _ => Vec::new(),
        };
        expected
            .push("warning: certificate of the content signer: key usage without NonRepudiation");
        assert_eq!(findings, expected, "{name}");
    }
}

#[test]
fn dates_fit_on_every_card() {
    for (name, card) in cards() {
        let chuid = Chuid::parse(&card[&ObjectId::Chuid]).unwrap().value;
        let printed = PrintedInformation::parse(&card[&ObjectId::PrintedInformation]).unwrap();
        let mut dates = CardDates {
            chuid: chuid.expiry,
            printed: printed.value.expiry,
            ..CardDates::default()
        };
        for (role, certificate) in certificates(&card) {
            dates.add_certificate(role, &certificate);
        }
        let signer = verify_chuid_bytes(&card[&ObjectId::Chuid]).unwrap();
        dates.add_certificate(CertificateRole::ContentSigner, &signer);
        for (kind, record) in biometrics(&card) {
            dates.add_biometric(kind, &record.value.header);
        }
        let findings = check_dates(&dates, Some(date(2026, 1, 1)));
        assert_eq!(shown(&findings), [""; 0], "{name}");
        // The day after the last of them everything has expired.
        let after = check_dates(&dates, Some(date(2041, 1, 1)));
        assert_eq!(after.len(), 1 + dates.certificates.len(), "{name}");
    }
}

#[test]
fn rsa_2048_is_named_where_a_certificate_outlives_it() {
    for (name, card) in cards() {
        let strict = CertificateRules {
            rsa_2048_until: date(2030, 12, 31),
            ..rules(&name)
        };
        let findings = profile(&name, &card, &strict);
        let named = findings
            .iter()
            .filter(|finding| finding.contains("RSA-2048 key may not be used after 2030-12-31"))
            .count();
        let expected = match name.as_str() {
            "01_Golden_PIV" | "02_Golden_PIV-I" | "46_Golden_FIPS_201-2_PIV" => 5,
            // Its Card Authentication key is on P-256.
            "37_Golden_FIPS_201-2_PIV_PPS_F=512_D=64" => 4,
            "SD33 03" | "SD33 12" => 3,
            _ => 0,
        };
        assert_eq!(named, expected, "{name}: {findings:#?}");
    }
}

#[test]
fn rules_of_another_issuer_find_what_is_missing() {
    let Some(icam) = icam_with(&[ICAM[1]]) else {
        return;
    };
    let card = icam_card(&icam.join(ICAM[1]));
    let findings = profile(ICAM[1], &card, &CertificateRules::common());
    let about = |what: &str| findings.iter().filter(|it| it.contains(what)).count();
    assert_eq!(about("no FASC-N in the subjectAltName"), 2);
    assert_eq!(about("no piv-interim extension"), 2);
    assert_eq!(about("policies are [2.16.840.1.101.3.2.1.48."), 5);
    assert_eq!(about("extended key usage is [2.16.840.1.101.3.8.7]"), 1);
}

#[test]
fn each_departure_from_a_profile_is_named() {
    let Some(icam) = icam_with(&[ICAM[3]]) else {
        return;
    };
    let card = icam_card(&icam.join(ICAM[3]));
    let rules = rules(ICAM[3]);
    let found = |object: ObjectId, role, from: &[u8], to: &[u8]| {
        let object = CertificateObject::parse(&card[&object]).unwrap().value;
        let mut der = object.der().unwrap();
        let places: Vec<_> = (0..der.len())
            .filter(|at| der[*at..].starts_with(from))
            .collect();
        assert!(!places.is_empty(), "{}", String::from_utf8_lossy(from));
        for at in places {
            der[at..at + to.len()].copy_from_slice(to);
        }
        let findings = check_certificate(role, &Certificate::from_der(&der).unwrap(), &rules);
        let messages = findings
            .iter()
            .filter(|finding| finding.severity == piv::Severity::Violation)
            .map(|finding| finding.message.clone());
        messages.collect::<Vec<_>>().join("; ")
    };
    let card_auth = |from: &[u8], to: &[u8]| {
        let role = CertificateRole::CardAuthentication;
        found(ObjectId::CardAuthenticationCertificate, role, from, to)
            .replace("certificate for Card Authentication: ", "")
    };
    assert_eq!(card_auth(b".crl", b".crl"), "");
    assert_eq!(
        card_auth(b"Gen3SigningCA.crl", b"Gen3SigningCA.crx"),
        "address of revocation lists is \
         `http://http.apl-test.cite.fpki-lab.gov/crls/ICAMTestCardGen3SigningCA.crx`, expected \
         `http://....crl`"
    );
    assert!(card_auth(b".p7c", b".p7b").starts_with("address of the issuer's certificates"));
    assert!(card_auth(b"http://ocsp", b"ldap://ocsp").starts_with("address of OCSP is `ldap"));
    // RSA exponent 65537 to 65539.
    assert_eq!(
        card_auth(&[0x02, 0x03, 1, 0, 1], &[0x02, 0x03, 1, 0, 3]),
        "public exponent of the RSA key is not 65537"
    );
    // The last arc of piv-interim, pivFASC-N, the card's policy, id-PIV-cardAuth.
    let arc = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x06];
    let of = |last: &[u8]| [&arc, last].concat();
    assert_eq!(
        card_auth(&of(&[9, 1]), &of(&[9, 2])),
        "no piv-interim extension"
    );
    assert_eq!(
        card_auth(&of(&[6]), &of(&[16])),
        "no FASC-N in the subjectAltName; also otherName `2.16.840.1.101.3.6.16` in the \
         subjectAltName"
    );
    assert_eq!(
        card_auth(&of(&[8]), &of(&[7])),
        "extended key usage is [2.16.840.1.101.3.6.7], expected id-PIV-cardAuth alone"
    );
    assert_eq!(
        card_auth(b"urn:uuid:", b"urn:uvid:"),
        "no UUID in the subjectAltName; also URI \
         `urn:uvid:94e28c68-84db-44db-8a0e-f502d6689b14` in the subjectAltName"
    );
    let policy = |last| [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x02, 0x01, 0x30, last];
    assert_eq!(
        card_auth(&policy(13), &policy(11)),
        "policies are [2.16.840.1.101.3.2.1.48.11], expected one of [2.16.840.1.101.3.2.1.48.13]"
    );
    // Key usage digitalSignature to nonRepudiation.
    assert_eq!(
        card_auth(&[0x03, 0x02, 0x07, 0x80], &[0x03, 0x02, 0x06, 0x40]),
        "key usage is NonRepudiation, expected DigitalSignature"
    );
    // sha256WithRSAEncryption to sha1WithRSAEncryption, inside and outside.
    let rsa = |last| [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, last];
    assert_eq!(
        card_auth(&rsa(11), &rsa(5)),
        "signature algorithm `1.2.840.113549.1.1.5` is not allowed"
    );
}

#[test]
fn any_damaged_certificate_is_taken() {
    let Some(icam) = icam_with(&[ICAM[3]]) else {
        return;
    };
    let card = icam_card(&icam.join(ICAM[3]));
    let rules = rules(ICAM[3]);
    let mut read = 0;
    for (role, object) in ROLES {
        let der = CertificateObject::parse(&card[&object])
            .unwrap()
            .value
            .der()
            .unwrap();
        for at in 0..der.len() {
            for change in [0x01, 0x20, 0x80, 0xFF] {
                let mut damaged = der.clone();
                damaged[at] ^= change;
                if let Ok(certificate) = Certificate::from_der(&damaged) {
                    let _ = check_certificate(role, &certificate, &rules);
                    let _ = Identifiers::of_certificate(role, &certificate);
                    CardDates::default().add_certificate(role, &certificate);
                    read += 1;
                }
            }
        }
    }
    assert!(read > 1000, "{read}");
}

#[test]
fn a_certificate_in_the_wrong_place_is_found() {
    let Some(icam) = icam_with(&[ICAM[3]]) else {
        return;
    };
    let card = icam_card(&icam.join(ICAM[3]));
    let rules = rules(ICAM[3]);
    let certificates = certificates(&card);
    for (place, _) in &certificates {
        for (role, certificate) in &certificates {
            let findings = check_certificate(*place, certificate, &rules);
            let bad = findings
                .iter()
                .any(|finding| finding.severity == piv::Severity::Violation);
            assert_eq!(bad, place != role, "{role} as {place}: {findings:?}");
        }
    }
}

#[test]
fn the_signers_of_secure_messaging_are_read_and_written_back() {
    let Some(anchors) = data("sd33/trust-anchors") else {
        return;
    };
    for number in ["4", "5"] {
        let folder = anchors.join(format!("card-{number}-direct"));
        let bytes = fs::read(folder.join("smcs-5fc122.bin")).unwrap();
        let value = iso7816::ber::expect(iso7816::ber::Tag(0x53), &bytes).unwrap();
        let parsed = SecureMessagingSigner::parse(value).unwrap();
        assert_eq!(parsed.findings, []);
        assert_eq!(parsed.value.encode(), value);
        assert_eq!(parsed.value.intermediate, None);
        let certificate = fs::read(folder.join("content-signing-certificate.der")).unwrap();
        assert_eq!(parsed.value.certificate.der().unwrap(), certificate);
        let signer = parsed.value.signer().unwrap();
        assert_eq!(signer, Signer::from_certificate_der(&certificate).unwrap());
        let cvc = fs::read(folder.join("secure-messaging-cvc-7f21.bin")).unwrap();
        Cvc::parse(&cvc).unwrap().value.verify(&signer).unwrap();
    }
}

#[test]
fn a_biometric_of_another_card_is_found_by_its_identifiers_alone() {
    let Some(icam) = icam_with(&[ICAM[2], ICAM[3]]) else {
        return;
    };
    let [mine, theirs] = [ICAM[2], ICAM[3]].map(|name| icam_card(&icam.join(name)));
    let chuid = Chuid::parse(&mine[&ObjectId::Chuid]).unwrap().value;
    // Both cards have the same content signer, so the signature says nothing.
    let signer = pem(&icam.join(ICAM[2]).join("CHUID_Signer.crt"));
    for (kind, record) in biometrics(&theirs) {
        assert_eq!(check_biometric(kind, &record, Some(&signer)), []);
        let signature = verify_biometric(&record.value, Some(&signer)).unwrap();
        let places = [
            Identifiers::of_header(kind, &record.value.header),
            Identifiers::of_signature(kind, &signature),
        ];
        assert_eq!(check_identifiers(&chuid, &places).len(), 3);
    }
}
