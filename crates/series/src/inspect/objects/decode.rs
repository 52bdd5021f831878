//! What the objects say.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use piv::biometric::BiometricKind;
use piv::objects::{
    BiometricInformationTemplates, BiometricObject, CardCapabilityContainer, CertificateObject,
    Chuid, Discovery, KeyHistory, Mapping, ObjectError, PinUsagePolicy, PrintedInformation,
    SecureMessagingSigner, SecurityObject,
};
use piv::signed::{
    self, CardDates, CertificateRole, HashAlgorithm, Identifiers, LdsSecurityObject, SignedError,
};
use piv::words::{KeyReference, ObjectId};
use piv::{Finding, Parsed};
use x509_cert::Certificate;

use super::{
    ChuidReport, DiscoveryReport, HashReport, HashState, Inspection, SecurityReport, SignatureState,
};
use crate::Profile;
use crate::inspect::certificate;

/// The clause an object that cannot be read at all goes against.
const UNREADABLE: &str = "SP 800-73-5 Part 1, Appendix A";

/// Decodes what was read: the values inside the wrappers.
pub(super) fn all(
    inspection: &mut Inspection,
    contents: &BTreeMap<ObjectId, Vec<u8>>,
    profile: Option<&Profile>,
) {
    let mut certificates = Vec::new();
    for (object, value) in contents {
        let mut findings = Vec::new();
        match object {
            ObjectId::Chuid => decode_chuid(inspection, value, &mut findings),
            ObjectId::SecurityObject => {
                decode_security(inspection, value, contents, &mut findings);
            }
            ObjectId::Discovery => {
                let discovery = keep(Discovery::parse(value), &mut findings);
                inspection.discovery = discovery.map(|d| discovery_report(&d.value));
            }
            ObjectId::CardCapabilityContainer => {
                keep(CardCapabilityContainer::parse(value), &mut findings);
            }
            ObjectId::KeyHistory => {
                keep(KeyHistory::parse(value), &mut findings);
            }
            ObjectId::PrintedInformation => {
                keep(PrintedInformation::parse(value), &mut findings);
            }
            ObjectId::BiometricInformationTemplates => {
                keep(BiometricInformationTemplates::parse(value), &mut findings);
            }
            ObjectId::SecureMessagingSigner => {
                keep(SecureMessagingSigner::parse(value), &mut findings);
            }
            object => {
                if let Some(kind) = BiometricKind::of(*object) {
                    keep(BiometricObject::parse(kind, value), &mut findings);
                } else if let Some(key) = key_of(*object) {
                    let decoded =
                        decode_certificate(inspection, key, *object, value, profile, &mut findings);
                    certificates.extend(CertificateRole::of(key).zip(decoded));
                }
            }
        }
        inspection.note(&object.to_string(), findings);
    }
    let identity = compare_identity(contents, &certificates);
    inspection.note("card identity", identity);
}

/// What the objects say of each other: an object copied from another card gives itself away here,
/// also where no hash covers it.
fn compare_identity(
    contents: &BTreeMap<ObjectId, Vec<u8>>,
    certificates: &[(CertificateRole, Certificate)],
) -> Vec<Finding> {
    let chuid = contents.get(&ObjectId::Chuid);
    let Some(Ok(chuid)) = chuid.map(|value| Chuid::parse(value)) else {
        return Vec::new();
    };
    let mut dates = CardDates {
        chuid: chuid.value.expiry,
        ..CardDates::default()
    };
    let mut identifiers = Vec::new();
    for (role, certificate) in certificates {
        dates.add_certificate(*role, certificate);
        // A subjectAltName that cannot be read is a finding of its certificate.
        identifiers.extend(Identifiers::of_certificate(*role, certificate));
    }
    let mut findings = signed::check_identifiers(&chuid.value, &identifiers);
    findings.extend(signed::check_dates(&dates, None));
    findings
}

fn decode_chuid(inspection: &mut Inspection, value: &[u8], findings: &mut Vec<Finding>) {
    let Some(chuid) = keep(Chuid::parse(value), findings) else {
        return;
    };
    let today = inspection.read_at.to_zoned(TimeZone::UTC).date();
    if let Some(expiry) = chuid.value.expiry.filter(|expiry| *expiry < today) {
        findings.push(Finding::violation(
            "SP 800-73-5 Part 1, 3.1.2",
            format!("the card expired on {expiry}"),
        ));
    }
    // That an empty signature is none is among the findings of the object.
    let is_signed = !chuid.value.signature.is_empty();
    if is_signed {
        findings.extend(signed::check_chuid(&chuid));
    }
    inspection.chuid = Some(ChuidReport {
        guid: chuid.value.guid.map(|guid| guid.to_string()),
        fasc_n: chuid.value.fasc_n.map(|number| number.to_string()),
        expiry: chuid.value.expiry.map(|expiry| expiry.to_string()),
        signature: match signed::verify_chuid_bytes(value) {
            _ if !is_signed => SignatureState::Absent,
            Ok(signer) => good(&signer),
            Err(error) => bad(&error),
        },
    });
}

fn decode_security(
    inspection: &mut Inspection,
    value: &[u8],
    contents: &BTreeMap<ObjectId, Vec<u8>>,
    findings: &mut Vec<Finding>,
) {
    let Some(security) = keep(SecurityObject::parse(value), findings) else {
        return;
    };
    let security = security.value;
    let signer = contents
        .get(&ObjectId::Chuid)
        .and_then(|chuid| signed::verify_chuid_bytes(chuid).ok());
    let signature = match &signer {
        _ if security.signed.is_empty() => SignatureState::Absent,
        None => SignatureState::Unchecked {
            reason: "the CHUID gives no signer to check it with".to_owned(),
        },
        Some(signer) => {
            findings.extend(security.check(contents, signer));
            match security.verify(signer) {
                Ok(_) => good(signer),
                Err(error) => bad(&error),
            }
        }
    };
    let hashes = security.hashes().ok();
    let compared = security.mapping.iter().map(|entry| HashReport {
        object: match entry.object() {
            Some(object) => object.to_string(),
            None => format!("container {:04X}", entry.container),
        },
        state: compare(*entry, hashes.as_ref(), contents),
    });
    inspection.security = Some(SecurityReport {
        signature,
        hashes: compared.collect(),
    });
}

/// Compares the hash of one mapped object with the object on the card.
fn compare(
    entry: Mapping,
    hashes: Option<&LdsSecurityObject>,
    contents: &BTreeMap<ObjectId, Vec<u8>>,
) -> HashState {
    let compared = || {
        let hashes = hashes?;
        let value = contents.get(&entry.object()?)?;
        let algorithm = HashAlgorithm::from_oid(hashes.hash_algorithm.oid)?;
        let group = hashes
            .data_groups
            .iter()
            .find(|group| group.number == entry.number)?;
        Some(algorithm.digest(value).as_bytes() == group.hash.as_bytes())
    };
    match compared() {
        Some(true) => HashState::Same,
        Some(false) => HashState::Different,
        None => HashState::NotCompared,
    }
}

fn decode_certificate(
    inspection: &mut Inspection,
    key: KeyReference,
    object: ObjectId,
    value: &[u8],
    profile: Option<&Profile>,
    findings: &mut Vec<Finding>,
) -> Option<Certificate> {
    let parsed = match object {
        ObjectId::RetiredCertificate(_) => CertificateObject::parse_retired(value),
        _ => CertificateObject::parse(value),
    };
    let held = keep(parsed, findings);
    // What keeps it from being a certificate is among the findings of its object.
    let decoded = held.and_then(|held| held.value.certificate().ok())?;
    let now = inspection.read_at;
    let report = certificate::report(key, object.tag(), &decoded, profile, now, findings);
    inspection.certificates.push(report);
    Some(decoded)
}

/// The object, its findings put with the others.
fn keep<T>(
    parsed: Result<Parsed<T>, ObjectError>,
    findings: &mut Vec<Finding>,
) -> Option<Parsed<T>> {
    match parsed {
        Ok(parsed) => {
            findings.extend(parsed.findings.iter().cloned());
            Some(parsed)
        }
        Err(error) => {
            findings.push(Finding::violation(UNREADABLE, error.to_string()));
            None
        }
    }
}

/// The key whose certificate an object holds.
fn key_of(object: ObjectId) -> Option<KeyReference> {
    (0..=u8::MAX)
        .filter_map(KeyReference::from_byte)
        .find(|key| key.certificate() == Some(object))
}

fn discovery_report(discovery: &Discovery) -> DiscoveryReport {
    let meanings = [
        (PinUsagePolicy::APPLICATION, "the PIV PIN opens the card"),
        (PinUsagePolicy::GLOBAL, "the Global PIN opens the card"),
        (
            PinUsagePolicy::ON_CARD_COMPARISON,
            "on-card comparison opens the card",
        ),
        (
            PinUsagePolicy::VIRTUAL_CONTACT,
            "virtual contact interface implemented",
        ),
        (
            PinUsagePolicy::NO_PAIRING_CODE,
            "virtual contact interface needs no pairing code",
        ),
    ];
    let rules = discovery.policy.map_or(0, |policy| policy.rules);
    DiscoveryReport {
        policy: discovery
            .policy
            .map(|policy| format!("{:02X}{:02X}", policy.rules, policy.preference)),
        meaning: meanings
            .into_iter()
            .filter(|(bit, _)| rules & bit != 0)
            .map(|(_, meaning)| meaning)
            .collect(),
    }
}

fn good(signer: &Certificate) -> SignatureState {
    SignatureState::Good {
        signer: signer.tbs_certificate().subject().to_string(),
    }
}

fn bad(error: &SignedError) -> SignatureState {
    SignatureState::Bad {
        reason: error.to_string(),
    }
}
