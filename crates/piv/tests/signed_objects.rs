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
use piv::objects::{
    CardCapabilityContainer, CertificateObject, Chuid, Discovery, FascN, KeyHistory,
    PinUsagePolicy, PrintedInformation, SecurityObject,
};
use piv::signed::{
    ContentSigner, HashAlgorithm, SignedError, SigningKey, check_chuid, sign_chuid,
    sign_security_object, verify_chuid, verify_chuid_bytes,
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
