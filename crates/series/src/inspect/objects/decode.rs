//! What the objects say.

use jiff::tz::TimeZone;
use piv::objects::{
    CardCapabilityContainer, CertificateObject, Chuid, Discovery, KeyHistory, ObjectError,
    PinUsagePolicy, SecurityObject,
};
use piv::words::{KeyReference, ObjectId};
use piv::{Finding, Parsed};

use super::{
    ChuidReport, DiscoveryReport, HashReport, HashState, Inspection, SecurityReport, SignatureState,
};
use crate::Profile;
use crate::inspect::certificate;

/// The clause an object that cannot be read at all goes against.
const UNREADABLE: &str = "SP 800-73-5 Part 1, Appendix A";

pub(super) fn all(
    inspection: &mut Inspection,
    contents: &[(ObjectId, Vec<u8>)],
    profile: Option<&Profile>,
) {
    for (object, value) in contents {
        let mut findings = Vec::new();
        one(inspection, *object, value, profile, &mut findings);
        inspection.note(&object.to_string(), findings);
    }
}

fn one(
    inspection: &mut Inspection,
    object: ObjectId,
    value: &[u8],
    profile: Option<&Profile>,
    findings: &mut Vec<Finding>,
) {
    match object {
        ObjectId::Chuid => {
            let chuid = keep(Chuid::parse(value), findings);
            judge_expiry(inspection, chuid.as_ref(), findings);
            inspection.chuid = chuid.as_ref().map(chuid_report);
        }
        ObjectId::Discovery => {
            let discovery = keep(Discovery::parse(value), findings);
            inspection.discovery = discovery.as_ref().map(discovery_report);
        }
        ObjectId::SecurityObject => {
            let security = keep(SecurityObject::parse(value), findings);
            inspection.security = security.as_ref().map(security_report);
        }
        ObjectId::CardCapabilityContainer => {
            keep(CardCapabilityContainer::parse(value), findings);
        }
        ObjectId::KeyHistory => {
            keep(KeyHistory::parse(value), findings);
        }
        object => {
            let Some(key) = key_of(object) else { return };
            let held = keep(CertificateObject::parse(value), findings);
            // What keeps it from being a certificate is among the findings of its object.
            let decoded = held.and_then(|held| held.certificate().ok());
            let now = inspection.read_at;
            inspection.certificates.extend(decoded.map(|decoded| {
                certificate::report(key, object.tag(), &decoded, profile, now, findings)
            }));
        }
    }
}

/// The value, its findings put with the others.
fn keep<T>(parsed: Result<Parsed<T>, ObjectError>, findings: &mut Vec<Finding>) -> Option<T> {
    match parsed {
        Ok(parsed) => {
            findings.extend(parsed.findings);
            Some(parsed.value)
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

fn judge_expiry(inspection: &Inspection, chuid: Option<&Chuid>, findings: &mut Vec<Finding>) {
    let today = inspection.read_at.to_zoned(TimeZone::UTC).date();
    let expiry = chuid.and_then(|chuid| chuid.expiry);
    if let Some(expiry) = expiry.filter(|expiry| *expiry < today) {
        findings.push(Finding::violation(
            "SP 800-73-5 Part 1, 3.1.2",
            format!("the card expired on {expiry}"),
        ));
    }
}

fn chuid_report(chuid: &Chuid) -> ChuidReport {
    ChuidReport {
        guid: chuid.guid.map(|guid| guid.to_string()),
        fasc_n: chuid.fasc_n.map(|number| number.to_string()),
        expiry: chuid.expiry.map(|expiry| expiry.to_string()),
        signature: match chuid.signature.is_empty() {
            true => SignatureState::Absent,
            false => unchecked(),
        },
    }
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

fn security_report(security: &SecurityObject) -> SecurityReport {
    let hashes = security.mapping.iter().map(|entry| HashReport {
        object: match entry.object() {
            Some(object) => object.to_string(),
            None => format!("container {:04X}", entry.container),
        },
        state: HashState::NotCompared,
    });
    SecurityReport {
        signature: match security.signed.is_empty() {
            true => SignatureState::Absent,
            false => unchecked(),
        },
        hashes: hashes.collect(),
    }
}

fn unchecked() -> SignatureState {
    SignatureState::Unchecked {
        reason: "signatures are not verified".to_owned(),
    }
}
