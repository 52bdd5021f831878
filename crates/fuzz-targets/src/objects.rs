//! What a PIV card holds: data objects, biometric records, certificates, keys.

use der::Decode;
use jiff::civil::Date;
use piv::biometric::{
    BiometricKind, BiometricRecord, CbeffHeader, FaceRecord, IrisRecord, MinutiaeRecord,
};
use piv::cvc::{Cvc, Signer};
use piv::objects::{
    BiometricInformationTemplates, BiometricObject, CardCapabilityContainer, CertificateObject,
    Chuid, Discovery, KeyHistory, PairingCode, PrintedInformation, SecureMessagingSigner,
    SecurityObject,
};
use piv::signed::{self, CardDates, CertificateRole, CertificateRules, Identifiers};
use piv::words::Edition;
use piv::{ApplicationProperties, Parsed, PublicKey, Severity};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::Certificate;

/// Any bytes are kept; those nothing is wrong with are written back as they were; and judging by
/// an edition changes findings alone.
fn holds<T, E: std::fmt::Display>(
    bytes: &[u8],
    parsed: Result<Parsed<T>, E>,
    encode: impl Fn(&T) -> Vec<u8>,
) -> Option<T> {
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let _ = error.to_string();
            return None;
        }
    };
    assert_eq!(parsed.raw, bytes);
    for finding in &parsed.findings {
        let _ = finding.to_string();
    }
    let fine = parsed
        .findings
        .iter()
        .all(|finding| finding.severity == Severity::Info);
    if fine {
        assert_eq!(encode(&parsed.value), bytes);
    }
    let most = parsed.findings.len();
    let judged = parsed.judged_by(Some(Edition::Fourth));
    assert!(judged.findings.len() <= most);
    Some(judged.value)
}

pub(crate) fn application(bytes: &[u8]) {
    let properties = ApplicationProperties::parse(bytes);
    assert_eq!(properties.raw, bytes);
    if let Some(extended) = properties.extended_length {
        let _ = (extended.command_data(), extended.response_data());
    }
}

pub(crate) fn chuid(bytes: &[u8]) {
    let Some(chuid) = holds(bytes, Chuid::parse(bytes), Chuid::encode) else {
        return;
    };
    let _ = signed::verify_chuid_bytes(bytes);
    let _ = signed::verify_chuid(&chuid);
    if let Ok(parsed) = Chuid::parse(bytes) {
        let _ = signed::check_chuid(&parsed);
    }
    let _ = signed::check_identifiers(&chuid, &[Identifiers::of_chuid(&chuid)]);
    let dates = CardDates {
        chuid: chuid.expiry,
        ..CardDates::default()
    };
    let _ = signed::check_dates(&dates, Some(Date::constant(2026, 1, 1)));
}

pub(crate) fn card_capability_container(bytes: &[u8]) {
    let parsed = CardCapabilityContainer::parse(bytes);
    holds(bytes, parsed, CardCapabilityContainer::encode);
}

pub(crate) fn certificate_object(bytes: &[u8]) {
    for parsed in [
        CertificateObject::parse(bytes),
        CertificateObject::parse_retired(bytes),
    ] {
        if let Some(object) = holds(bytes, parsed, CertificateObject::encode) {
            let _ = object.certificate();
            if let Ok(der) = object.der() {
                assert!(der.len() <= (16 << 10).max(bytes.len()));
            }
        }
    }
}

pub(crate) fn security_object(bytes: &[u8]) {
    let parsed = SecurityObject::parse(bytes);
    if let Some(security) = holds(bytes, parsed, SecurityObject::encode) {
        let _ = security.hashes();
        let _ = security.covers().count();
    }
}

pub(crate) fn discovery(bytes: &[u8]) {
    holds(bytes, Discovery::parse(bytes), Discovery::encode);
}

pub(crate) fn key_history(bytes: &[u8]) {
    holds(bytes, KeyHistory::parse(bytes), KeyHistory::encode);
}

pub(crate) fn printed_information(bytes: &[u8]) {
    let parsed = PrintedInformation::parse(bytes);
    holds(bytes, parsed, PrintedInformation::encode);
}

pub(crate) fn bit_group(bytes: &[u8]) {
    let parsed = BiometricInformationTemplates::parse(bytes);
    holds(bytes, parsed, BiometricInformationTemplates::encode);
}

pub(crate) fn secure_messaging_signer(bytes: &[u8]) {
    let parsed = SecureMessagingSigner::parse(bytes);
    holds(bytes, parsed, SecureMessagingSigner::encode);
}

pub(crate) fn pairing_code(bytes: &[u8]) {
    if let Ok((Some(code), findings)) = PairingCode::parse(bytes)
        && findings.is_empty()
    {
        assert_eq!(code.encode()[..], *bytes);
    }
}

pub(crate) fn fingerprints_object(bytes: &[u8]) {
    biometric(BiometricKind::Fingerprints, bytes);
}

pub(crate) fn face_object(bytes: &[u8]) {
    biometric(BiometricKind::Face, bytes);
}

pub(crate) fn iris_object(bytes: &[u8]) {
    biometric(BiometricKind::Iris, bytes);
}

fn biometric(kind: BiometricKind, bytes: &[u8]) {
    let parsed = BiometricObject::parse(kind, bytes);
    holds(bytes, parsed, BiometricObject::encode);
}

/// Header, data block and signature block, as they stand inside `BC`.
pub(crate) fn cbeff(bytes: &[u8]) {
    if let Some(header) = bytes.first_chunk::<{ CbeffHeader::LENGTH }>() {
        let header = CbeffHeader::from_bytes(header);
        for kind in KINDS {
            let _ = header.check(kind);
            let _ = Identifiers::of_header(kind, &header);
        }
    }
    for kind in KINDS {
        let Ok(parsed) = BiometricRecord::parse(kind, bytes) else {
            continue;
        };
        assert_eq!(parsed.raw, bytes);
        assert!(parsed.value.covered().len() <= bytes.len().max(CbeffHeader::LENGTH));
        let _ = signed::verify_biometric(&parsed.value, None);
        let _ = signed::check_biometric(kind, &parsed, None);
    }
}

const KINDS: [BiometricKind; 3] = [
    BiometricKind::Fingerprints,
    BiometricKind::Face,
    BiometricKind::Iris,
];

pub(crate) fn minutiae_record(bytes: &[u8]) {
    if let Ok(parsed) = MinutiaeRecord::parse(bytes) {
        assert_eq!(parsed.raw, bytes);
    }
}

pub(crate) fn face_record(bytes: &[u8]) {
    if let Ok(parsed) = FaceRecord::parse(bytes) {
        assert_eq!(parsed.raw, bytes);
    }
}

pub(crate) fn iris_record(bytes: &[u8]) {
    if let Ok(parsed) = IrisRecord::parse(bytes) {
        assert_eq!(parsed.raw, bytes);
    }
}

pub(crate) fn cvc(bytes: &[u8]) {
    let Ok(parsed) = Cvc::parse(bytes) else {
        return;
    };
    assert_eq!(parsed.raw, bytes);
    let _ = Identifiers::of_cvc(&parsed.value);
    if let Some(key) = &parsed.value.public_key {
        let _ = key.point();
    }
}

const ROLES: [CertificateRole; 5] = [
    CertificateRole::Authentication,
    CertificateRole::CardAuthentication,
    CertificateRole::Signature,
    CertificateRole::KeyManagement,
    CertificateRole::ContentSigner,
];

pub(crate) fn certificate(bytes: &[u8]) {
    let _ = Signer::from_certificate_der(bytes);
    let Ok(certificate) = Certificate::from_der(bytes) else {
        return;
    };
    let mut dates = CardDates::default();
    for role in ROLES {
        let _ = signed::check_certificate(role, &certificate, &CertificateRules::common());
        let _ = Identifiers::of_certificate(role, &certificate);
        dates.add_certificate(role, &certificate);
    }
    let _ = signed::check_dates(&dates, None);
    let spki = certificate.tbs_certificate().subject_public_key_info();
    if let Ok(key) = PublicKey::from_spki(spki) {
        let _ = key.algorithm();
    }
}

pub(crate) fn public_key(bytes: &[u8]) {
    if let Ok(key) = PublicKey::parse(bytes) {
        let again = PublicKey::parse(&key.to_template()).expect("what is written is parsed");
        assert_eq!(again, key);
        assert_eq!(
            PublicKey::from_spki(&key.to_spki()).expect("what is written is read"),
            key
        );
    }
    if let Ok(spki) = SubjectPublicKeyInfoOwned::from_der(bytes) {
        let _ = PublicKey::from_spki(&spki);
    }
}
