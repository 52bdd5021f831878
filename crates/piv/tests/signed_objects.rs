//! The objects in `vectors/objects`: made again to the byte, and verified.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where its data is not as it should be"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use der::Decode;
use jiff::civil::date;
use piv::biometric::{
    BiometricKind, BiometricRecord, CbeffDate, CbeffHeader, Creator, FaceImage, FaceRecord,
    FingerView, IrisRecord, Minutia, MinutiaeRecord,
};
use piv::cvc::{Cvc, CvcContent, CvcError, Signer};
use piv::objects::{
    BiometricInformationTemplate, BiometricInformationTemplates, BiometricObject,
    CardCapabilityContainer, CertificateObject, Chuid, Discovery, FascN, KeyHistory, PairingCode,
    PinUsagePolicy, PrintedInformation, SecureMessagingSigner, SecurityObject,
};
use piv::signed::{
    ContentSigner, HashAlgorithm, Identifiers, SignedError, SigningKey, check_biometric,
    check_chuid, check_identifiers, sign_biometric, sign_chuid, sign_security_object,
    verify_biometric, verify_chuid, verify_chuid_bytes,
};
use piv::words::{Algorithm, ObjectId};
use proptest::prelude::*;
use uuid::Uuid;
use x509_cert::Certificate;

const SIGNERS: [&str; 4] = ["p256", "p384", "rsa2048", "rsa3072"];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../vectors/objects")
        .join(format!("{name}.hex"))
}

fn vector(name: &str) -> Vec<u8> {
    let text = fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    hex::decode(text.split_whitespace().collect::<String>()).unwrap()
}

/// Compares with a vector, or writes it where `CARDWRIGHT_WRITE_VECTORS` is set.
fn is_vector(name: &str, bytes: &[u8]) {
    if std::env::var_os("CARDWRIGHT_WRITE_VECTORS").is_some() {
        let lines: Vec<String> = bytes.chunks(32).map(hex::encode_upper).collect();
        fs::write(path(name), lines.join("\n") + "\n").unwrap();
    }
    assert_eq!(
        hex::encode_upper(bytes),
        hex::encode_upper(vector(name)),
        "{name}"
    );
}

fn signer(name: &str) -> ContentSigner {
    let certificate = vector(&format!("content-signer-{name}.certificate"));
    let key = vector(&format!("content-signer-{name}.key"));
    ContentSigner::new(
        Certificate::from_der(&certificate).unwrap(),
        SigningKey::from_pkcs8_der(&key).unwrap(),
    )
    .unwrap()
}

fn chuid() -> Chuid {
    Chuid {
        cardholder: Some(Uuid::from_u128(0x5b3f_8d0e_11c2_4e7a_8c55_fedc_ba98_7654)),
        ..Chuid::new(
            FascN::non_federal(),
            Uuid::from_u128(0x2f8d_1c5e_7a41_4c7f_9b1e_0123_4567_89ab),
            date(2031, 12, 31),
        )
    }
}

fn printed() -> PrintedInformation {
    PrintedInformation {
        name: Some("NIGHTINGALE FLORENCE".to_owned()),
        affiliation: Some("Employee".to_owned()),
        expiry: Some(date(2031, 12, 31)),
        serial: Some("0000123456".to_owned()),
        issuer: Some("CARDWRIGHT TEST".to_owned()),
        ..PrintedInformation::default()
    }
}

fn key_history() -> KeyHistory {
    KeyHistory {
        on_card: Some(3),
        off_card: Some(2),
        url: Some(format!("http://keys.example.org/{}", "5a".repeat(32))),
        extras: Vec::new(),
    }
}

fn discovery() -> Discovery {
    Discovery::new(PinUsagePolicy {
        rules: 0x68,
        preference: 0x10,
    })
}

fn card_uuid() -> Uuid {
    chuid().guid.unwrap()
}

fn templates() -> BiometricInformationTemplates {
    BiometricInformationTemplates::of(
        BiometricInformationTemplate::new(0x96, 0x05, (12, 60), 0x00),
        Some(BiometricInformationTemplate::new(
            0x97,
            0x09,
            (12, 60),
            0x00,
        )),
    )
}

/// An invented biometric of each kind, not signed.
fn biometric(kind: BiometricKind) -> BiometricRecord {
    let data = match kind {
        BiometricKind::Fingerprints => {
            let view = |position: u8| FingerView {
                position,
                view: 0x00,
                quality: 80,
                minutiae: (0..12_u8)
                    .map(|place| Minutia {
                        kind: 1 + place % 2,
                        x: 40 * u16::from(place),
                        reserved: 0,
                        y: 30 * u16::from(place) + u16::from(position),
                        angle: 14 * place,
                        quality: 60,
                    })
                    .collect(),
                extended: Vec::new(),
            };
            MinutiaeRecord::new((1, 1), 1, (512, 480), vec![view(2), view(7)])
                .unwrap()
                .encode()
        }
        BiometricKind::Face => {
            // Only the first and last marker of a JPEG: the frame is made here, no picture.
            let picture = vec![0xFF, 0xD8, 0xFF, 0xD9];
            FaceRecord::new(FaceImage::full_frontal(picture, 240, 320))
                .unwrap()
                .encode()
        }
        BiometricKind::Iris => IrisRecord::new(1, vec![vec![0x00; 50]]).unwrap().encode(),
    };
    let day = |year| CbeffDate::new(date(year, 12, 31).at(8, 30, 0, 0)).unwrap();
    let creator = Creator::new("CARDWRIGHT").unwrap();
    let valid = (day(2025), day(2031));
    let header = CbeffHeader::new(kind, FascN::non_federal(), creator, day(2025), valid);
    BiometricRecord::new(header, data).unwrap()
}

/// Everything a Security Object must cover, and a signed object on top.
fn objects() -> BTreeMap<ObjectId, Vec<u8>> {
    BTreeMap::from([
        (
            ObjectId::CardCapabilityContainer,
            CardCapabilityContainer::default().encode(),
        ),
        (ObjectId::Chuid, vector("chuid-p256")),
        (ObjectId::PrintedInformation, printed().encode()),
        (ObjectId::Discovery, discovery().encode()),
        (ObjectId::KeyHistory, key_history().encode()),
    ])
}

#[test]
fn the_unsigned_objects_are_made_again_to_the_byte() {
    is_vector("chuid-unsigned", &chuid().encode());
    is_vector("printed-information", &printed().encode());
    is_vector("key-history", &key_history().encode());
    is_vector("discovery", &discovery().encode());
    is_vector(
        "card-capability-container",
        &CardCapabilityContainer::default().encode(),
    );
}

#[test]
fn the_vectors_are_read_to_the_value_they_were_made_from() {
    assert_eq!(
        Chuid::parse(&vector("chuid-unsigned")).unwrap().value,
        chuid()
    );
    let read = PrintedInformation::parse(&vector("printed-information")).unwrap();
    assert_eq!((read.value, read.findings), (printed(), Vec::new()));
    let read = KeyHistory::parse(&vector("key-history")).unwrap();
    assert_eq!((read.value, read.findings), (key_history(), Vec::new()));
    let read = Discovery::parse(&vector("discovery")).unwrap();
    assert_eq!((read.value, read.findings), (discovery(), Vec::new()));
}

#[test]
fn a_certificate_compressed_by_gzip_is_unpacked() {
    let packed = CertificateObject::parse(&vector("certificate-gzip")).unwrap();
    assert_eq!(packed.findings, []);
    assert!(packed.value.is_compressed());
    let der = vector("content-signer-rsa2048.certificate");
    assert_eq!(packed.value.der().unwrap(), der);
    assert_eq!(CertificateObject::compressed(&der).der().unwrap(), der);
}

#[test]
fn every_kind_of_key_signs_a_chuid_that_verifies() {
    for name in SIGNERS {
        let signer = signer(name);
        let signed = sign_chuid(&chuid(), &signer).unwrap();
        is_vector(&format!("chuid-{name}"), &signed.encode());

        let parsed = Chuid::parse(&vector(&format!("chuid-{name}"))).unwrap();
        assert_eq!(parsed.findings, [], "{name}");
        assert_eq!(check_chuid(&parsed), [], "{name}");
        assert_eq!(verify_chuid(&parsed.value).unwrap(), *signer.certificate());
        assert_eq!(signed.covered(), chuid().covered());
    }
}

#[test]
fn every_kind_of_key_signs_a_security_object_that_verifies() {
    for name in SIGNERS {
        let signer = signer(name);
        let security = sign_security_object(&objects(), &signer).unwrap();
        is_vector(&format!("security-object-{name}"), &security.encode());

        let parsed = SecurityObject::parse(&vector(&format!("security-object-{name}"))).unwrap();
        assert_eq!(parsed.findings, [], "{name}");
        let hashes = parsed.value.verify(signer.certificate()).unwrap();
        assert_eq!(hashes.data_groups.len(), 5);
        let expected = if name == "p384" {
            HashAlgorithm::Sha384
        } else {
            HashAlgorithm::Sha256
        };
        assert_eq!(hashes.hash_algorithm.oid, expected.oid());
        assert_eq!(
            parsed.value.check(&objects(), signer.certificate()),
            [],
            "{name}"
        );
    }
}

#[test]
fn the_objects_of_two_fingers_and_the_pairing_code_are_made_again_to_the_byte() {
    is_vector("biometric-information-templates", &templates().encode());
    let read = BiometricInformationTemplates::parse(&vector("biometric-information-templates"));
    let read = read.unwrap();
    assert_eq!((read.value, read.findings), (templates(), Vec::new()));

    let code = PairingCode::new("93817264").unwrap();
    is_vector("pairing-code", &code.encode());
    let (read, findings) = PairingCode::parse(&vector("pairing-code")).unwrap();
    assert_eq!((read, findings), (Some(code), Vec::new()));
}

#[test]
fn the_signer_of_secure_messaging_is_the_certificate_or_the_intermediate() {
    let own = |name: &str| {
        let certificate = vector(&format!("content-signer-{name}.certificate"));
        CertificateObject::plain(certificate)
    };
    let p256 = signer("p256");
    let rsa = signer("rsa2048");
    let rsa_names = Signer::from_certificate(rsa.certificate()).unwrap();

    let direct = SecureMessagingSigner {
        certificate: own("p256"),
        intermediate: None,
    };
    // The key of the content signer on P-256 serves as the intermediate's.
    let content = CvcContent::intermediate(rsa_names.identifier, p256.key().public_key()).unwrap();
    let cvc = content.encode(&rsa.key().sign(&content.covered()).unwrap());
    let through = SecureMessagingSigner {
        certificate: own("rsa2048"),
        intermediate: Some(cvc.unwrap()),
    };
    for (name, object) in [
        ("secure-messaging-signer-direct", &direct),
        ("secure-messaging-signer-intermediate", &through),
    ] {
        is_vector(name, &object.encode());
        let parsed = SecureMessagingSigner::parse(&vector(name)).unwrap();
        assert_eq!((&parsed.value, parsed.findings), (object, Vec::new()));

        // A card's CVC verifies with whichever key the object leads to.
        let names = parsed.value.signer().unwrap();
        assert_eq!(names.key, p256.key().public_key());
        let content =
            CvcContent::card(names.identifier, card_uuid(), p256.key().public_key()).unwrap();
        let cvc = content
            .encode(&p256.key().sign(&content.covered()).unwrap())
            .unwrap();
        let cvc = Cvc::parse(&cvc).unwrap().value;
        cvc.verify(&names).unwrap();
        let agree = check_identifiers(&chuid(), &[Identifiers::of_cvc(&cvc)]);
        assert_eq!(agree, []);
    }

    // An intermediate that another key signed leads nowhere.
    let forged = SecureMessagingSigner {
        certificate: own("rsa3072"),
        ..through
    };
    assert!(matches!(forged.signer(), Err(CvcError::OtherSigner { .. })));
}

#[test]
fn every_kind_of_key_signs_every_kind_of_biometric() {
    for (kind, file) in [
        (BiometricKind::Fingerprints, "fingerprints"),
        (BiometricKind::Face, "face"),
        (BiometricKind::Iris, "iris"),
    ] {
        for name in SIGNERS {
            let signer = signer(name);
            // The record of another signer than the CHUID's brings its certificate.
            let alone = kind == BiometricKind::Iris;
            let signed = sign_biometric(&biometric(kind), card_uuid(), &signer, alone).unwrap();
            let object = BiometricObject::new(kind, &signed);
            is_vector(&format!("{file}-{name}"), &object.encode());

            let parsed = BiometricObject::parse(kind, &object.encode()).unwrap();
            assert_eq!(
                (parsed.value.clone(), parsed.findings),
                (object, Vec::new())
            );
            let record = parsed.value.record().unwrap();
            let chuid_signer = (!alone).then(|| signer.certificate());
            let signature = verify_biometric(&record.value, chuid_signer).unwrap();
            assert_eq!(signature.card_uuid, card_uuid());
            assert_eq!(signature.fasc_n, FascN::non_federal());
            assert_eq!(signature.signer, *signer.certificate());
            assert_eq!(
                check_biometric(kind, &record, chuid_signer),
                [],
                "{kind} {name}"
            );
        }
    }
}

#[test]
fn a_biometric_without_certificate_needs_the_chuid_signer() {
    let kind = BiometricKind::Face;
    let record = BiometricObject::parse(kind, &vector("face-p256"))
        .unwrap()
        .value
        .record()
        .unwrap();
    assert_eq!(
        verify_biometric(&record.value, None),
        Err(SignedError::Certificates { actual: 0 })
    );
    assert!(matches!(
        verify_biometric(&record.value, Some(signer("rsa2048").certificate())),
        Err(SignedError::OtherSigner { .. })
    ));
    let unsigned = biometric(kind);
    assert_eq!(
        verify_biometric(&unsigned, Some(signer("p256").certificate())),
        Err(SignedError::Unsigned)
    );
}

#[test]
fn each_oddity_of_a_signed_biometric_is_named() {
    let kind = BiometricKind::Fingerprints;
    let own = signer("p256");
    let messages = |record: &BiometricRecord, chuid: &str| {
        let parsed = BiometricRecord::parse(kind, &record.encode()).unwrap();
        assert_eq!(parsed.findings, []);
        let findings = check_biometric(kind, &parsed, Some(signer(chuid).certificate()));
        findings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let with = sign_biometric(&biometric(kind), card_uuid(), &own, true).unwrap();
    assert_eq!(
        messages(&with, "p256"),
        [
            "info: signature of the fingerprints: repeats the certificate of the CHUID's signer \
             [FIPS 201-3, 4.2.3; SP 800-85B-4, 10.2 to 10.5]"
        ]
    );
    assert_eq!(
        messages(&with, "p384"),
        [
            "warning: signature of the fingerprints: another signer than the CHUID's, which is \
             deprecated [FIPS 201-3, 4.2.3.2]"
        ]
    );
    // The header of another card over the signature of this one: digest and FASC-N tell.
    let mut moved = with;
    let fields = FascN::non_federal().fields().unwrap();
    moved.header.fasc_n = FascN::new(&piv::objects::FascNFields { issue: 2, ..fields }).unwrap();
    let found = messages(&moved, "p256");
    assert_eq!(found.len(), 3);
    assert!(found[0].contains("its SHA-256 digest differs"), "{found:?}");
    assert!(found[2].contains("pivFASC-N is"), "{found:?}");
}

#[test]
fn a_chuid_signature_in_place_of_a_biometric_signature_is_refused() {
    let mut record = biometric(BiometricKind::Face);
    record.signature = vector_signature("chuid-p256");
    assert!(matches!(
        verify_biometric(&record, None),
        Err(SignedError::ContentType { .. })
    ));
}

#[test]
fn a_chuid_signed_by_openssl_with_pss_verifies() {
    let parsed = Chuid::parse(&vector("chuid-rsa2048-pss-openssl")).unwrap();
    assert_eq!(
        verify_chuid(&parsed.value).unwrap(),
        *signer("rsa2048").certificate()
    );
    // OpenSSL knows nothing of the attribute PIV adds.
    let findings: Vec<String> = check_chuid(&parsed)
        .into_iter()
        .map(|finding| finding.message)
        .collect();
    assert_eq!(
        findings,
        ["signature of the CHUID: signed attribute `pivSigner-DN` is missing or wrong"]
    );

    let mut forged = parsed.value;
    let last = forged.signature.len() - 1;
    forged.signature[last] ^= 0x01;
    assert_eq!(verify_chuid(&forged), Err(SignedError::Signature));
}

#[test]
fn the_buffer_length_is_put_right_and_not_covered() {
    let old = Chuid {
        buffer_length: Some(0),
        ..chuid()
    };
    let signed = sign_chuid(&old, &signer("p256")).unwrap();
    let parsed = Chuid::parse(&signed.encode()).unwrap();
    assert!(parsed.conforms(), "{:?}", parsed.findings);
    assert_eq!(parsed.value.signature, vector_signature("chuid-p256"));
}

fn vector_signature(name: &str) -> Vec<u8> {
    Chuid::parse(&vector(name)).unwrap().value.signature
}

#[test]
fn an_unsigned_chuid_is_told_from_a_forged_one() {
    assert_eq!(
        verify_chuid_bytes(&vector("chuid-unsigned")),
        Err(SignedError::Unsigned)
    );
    let mut forged = Chuid::parse(&vector("chuid-p256")).unwrap().value;
    forged.guid = Some(Uuid::from_u128(1));
    assert_eq!(
        verify_chuid(&forged),
        Err(SignedError::Digest {
            algorithm: HashAlgorithm::Sha256
        })
    );
}

#[test]
fn a_security_object_in_place_of_a_chuid_signature_is_refused() {
    let security = SecurityObject::parse(&vector("security-object-p256")).unwrap();
    let forged = Chuid {
        signature: security.value.signed,
        ..chuid()
    };
    assert!(verify_chuid(&forged).is_err());
}

#[test]
fn a_security_object_of_another_signer_is_refused() {
    let security = SecurityObject::parse(&vector("security-object-p256")).unwrap();
    assert!(matches!(
        security.value.verify(signer("rsa2048").certificate()),
        Err(SignedError::OtherSigner { .. })
    ));
}

#[test]
fn each_disagreement_in_a_security_object_is_found() {
    let signer = signer("p256");
    let whole = sign_security_object(&objects(), &signer).unwrap();
    let messages = |security: &SecurityObject, objects: &BTreeMap<ObjectId, Vec<u8>>| {
        let findings = security.check(objects, signer.certificate());
        findings
            .into_iter()
            .map(|finding| finding.message)
            .collect::<Vec<_>>()
    };

    let mut changed = objects();
    changed.insert(ObjectId::KeyHistory, KeyHistory::on_card(1).encode());
    assert_eq!(
        messages(&whole, &changed),
        ["Security Object: the Key History Object is not the one that was hashed"]
    );

    let mut unread = objects();
    unread.remove(&ObjectId::PrintedInformation);
    assert_eq!(
        messages(&whole, &unread),
        ["Security Object: covers the Printed Information, which was not read"]
    );

    let mut unmapped = whole.clone();
    let entry = unmapped.mapping.pop().unwrap();
    assert_eq!(
        messages(&unmapped, &objects()),
        [
            format!("Security Object: data group {} is not mapped", entry.number),
            "Security Object: does not cover the unsigned Key History Object".to_owned(),
        ]
    );

    let mut unhashed = whole;
    unhashed.mapping.push(piv::objects::Mapping {
        number: 9,
        container: ObjectId::PairingCode.container(),
    });
    assert_eq!(
        messages(&unhashed, &objects()),
        ["Security Object: data group 9 is mapped but not hashed exactly once"]
    );
}

#[test]
fn key_and_certificate_of_a_content_signer_belong_together() {
    let certificate = signer("p256").certificate().clone();
    let key = signer("p384").key().clone();
    assert!(matches!(
        ContentSigner::new(certificate, key),
        Err(SignedError::KeyMismatch { .. })
    ));
    assert_eq!(
        SigningKey::from_pkcs8_der(&[0x30, 0x00]).unwrap_err(),
        SignedError::PrivateKey
    );
}

#[test]
fn a_private_key_does_not_show_in_debug() {
    for name in SIGNERS {
        let shown = format!("{:?}", signer(name).key());
        assert!(shown.ends_with(", ..)"), "{shown}");
    }
}

#[test]
fn public_keys_survive_certificate_and_card_template() {
    for (name, algorithm) in SIGNERS.into_iter().zip([
        Algorithm::P256,
        Algorithm::P384,
        Algorithm::Rsa2048,
        Algorithm::Rsa3072,
    ]) {
        let signer = signer(name);
        let spki = signer
            .certificate()
            .tbs_certificate()
            .subject_public_key_info();
        let key = piv::PublicKey::from_spki(spki).unwrap();
        assert_eq!(key.algorithm(), Some(algorithm));
        assert_eq!(key.to_spki(), *spki);
        assert_eq!(piv::PublicKey::parse(&key.to_template()).unwrap(), key);
        let sizes = [70, 102, 270, 398];
        assert!(sizes.contains(&key.to_template().len()), "{name}");

        let digest = piv::MessageDigest::customary(algorithm, b"message");
        let mut signature = signer.key().sign(b"message").unwrap();
        key.verify_digest(&digest, &signature).unwrap();
        let last = signature.len() - 1;
        signature[last] ^= 0x01;
        assert!(key.verify_digest(&digest, &signature).is_err());
    }
}

proptest! {
    // An integration test has no lib.rs beside it, where proptest would keep failures.
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_covered_bit_can_be_changed(at in 0_usize..80, bit in 0..8_u32) {
        let mut value = vector("chuid-p256");
        let before_signature = chuid().covered().len() - 2;
        let at = at % before_signature;
        value[at] ^= 1 << bit;
        prop_assert!(verify_chuid_bytes(&value).is_err());
    }

    #[test]
    fn a_biometric_of_any_length_counts_its_own_signature(
        picture in proptest::collection::vec(any::<u8>(), 0..200),
        uuid in any::<u128>(),
        at in any::<proptest::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let signer = signer("p256");
        let mut record = biometric(BiometricKind::Face);
        let face = FaceRecord::new(FaceImage::full_frontal(picture, 1, 1)).unwrap();
        record = BiometricRecord::new(record.header, face.encode()).unwrap();
        let signed = sign_biometric(&record, Uuid::from_u128(uuid), &signer, false).unwrap();
        prop_assert_eq!(usize::from(signed.header.signature_length), signed.signature.len());
        let certificate = Some(signer.certificate());
        let signature = verify_biometric(&signed, certificate).unwrap();
        prop_assert_eq!(signature.card_uuid.as_u128(), uuid);

        // No bit of header or data can be changed. A changed length may leave no record at all.
        let mut bytes = signed.encode();
        bytes[at.index(signed.covered().len())] ^= 1 << bit;
        if let Ok(damaged) = BiometricRecord::parse(BiometricKind::Face, &bytes) {
            prop_assert!(verify_biometric(&damaged.value, certificate).is_err());
        }
    }

    #[test]
    fn any_bytes_in_place_of_a_signature_block_are_refused(
        signature in proptest::collection::vec(any::<u8>(), 0..300),
        at in any::<proptest::sample::Index>(),
        to in any::<u8>(),
    ) {
        let certificate = signer("p256").certificate().clone();
        let mut record = biometric(BiometricKind::Face);
        record.signature = signature;
        prop_assert!(verify_biometric(&record, Some(&certificate)).is_err());

        let object = BiometricObject::parse(BiometricKind::Face, &vector("face-p256")).unwrap();
        let mut bytes = object.value.record;
        let at = at.index(bytes.len());
        bytes[at] = to;
        let damaged = BiometricRecord::parse(BiometricKind::Face, &bytes).unwrap();
        let _ = verify_biometric(&damaged.value, Some(&certificate));
        let _ = check_biometric(BiometricKind::Face, &damaged, Some(&certificate));
    }

    #[test]
    fn no_damage_to_a_signature_goes_unnoticed_where_it_matters(
        at in 0_usize..1000,
        to in any::<u8>(),
        cut in 0_usize..1000,
    ) {
        let mut signed = Chuid::parse(&vector("chuid-p256")).unwrap().value;
        let length = signed.signature.len();
        signed.signature[at % length] = to;
        // The certificate inside is not judged, so changing its own signature is harmless.
        let _ = verify_chuid(&signed);
        signed.signature.truncate(cut % length);
        prop_assert!(verify_chuid(&signed).is_err());

        let certificate = signer("p256").certificate().clone();
        let whole = SecurityObject::parse(&vector("security-object-p256")).unwrap().value;
        let mut security = whole.clone();
        let length = security.signed.len();
        security.signed[at % length] = to;
        // CMS leaves its version numbers and the list of digests unsigned: a change there leaves
        // the hashes as they were, and is a finding.
        if let Ok(hashes) = security.verify(&certificate) {
            prop_assert_eq!(hashes, whole.hashes().unwrap());
        }
        let findings = security.check(&objects(), &certificate);
        prop_assert_eq!(findings.is_empty(), security == whole);
    }
}
