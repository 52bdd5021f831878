//! What the objects say.

use iso7816::ber::{self, Reader, Tag};
use jiff::Timestamp;
use piv::Finding;
use piv::words::{KeyReference, ObjectId};
use uuid::Uuid;

use super::{ChuidReport, DiscoveryReport, Inspection, SignatureState};
use crate::Profile;
use crate::inspect::certificate;

pub(super) fn all(
    inspection: &mut Inspection,
    contents: &[(ObjectId, Vec<u8>)],
    profile: Option<&Profile>,
) {
    let now = inspection.read_at;
    for (object, value) in contents {
        let mut findings = Vec::new();
        match object {
            ObjectId::Chuid => inspection.chuid = Some(chuid(value, now, &mut findings)),
            ObjectId::Discovery => inspection.discovery = Some(discovery(value, &mut findings)),
            object => {
                if let Some(key) = key_of(*object) {
                    let report = element(value, 0x70, &mut findings).and_then(|der| {
                        certificate::report(key, object.tag(), &der, profile, now, &mut findings)
                    });
                    inspection.certificates.extend(report);
                }
            }
        }
        inspection.note(&object.to_string(), findings);
    }
}

/// The key whose certificate an object holds.
fn key_of(object: ObjectId) -> Option<KeyReference> {
    (0..=u8::MAX)
        .filter_map(KeyReference::from_byte)
        .find(|key| key.certificate() == Some(object))
}

fn chuid(value: &[u8], now: Timestamp, findings: &mut Vec<Finding>) -> ChuidReport {
    const CLAUSE: &str = "SP 800-73-5 Part 1, 3.1.2";
    let guid = element(value, 0x34, findings).and_then(|guid| Uuid::from_slice(&guid).ok());
    let expiry = element(value, 0x35, findings).and_then(|text| {
        let text = String::from_utf8(text).ok()?;
        jiff::civil::Date::strptime("%Y%m%d", text).ok()
    });
    if expiry.is_some_and(|expiry| now.to_zoned(jiff::tz::TimeZone::UTC).date() > expiry) {
        findings.push(Finding::violation(CLAUSE, "the card has expired"));
    }
    ChuidReport {
        guid: guid.map(|guid| guid.to_string()),
        fasc_n: element(value, 0x30, findings).map(hex::encode_upper),
        expiry: expiry.map(|expiry| expiry.to_string()),
        signature: match element(value, 0x3E, findings) {
            Some(signature) if !signature.is_empty() => SignatureState::Unchecked {
                reason: "signatures are not verified yet".to_owned(),
            },
            _ => SignatureState::Absent,
        },
    }
}

fn discovery(value: &[u8], findings: &mut Vec<Finding>) -> DiscoveryReport {
    const CLAUSE: &str = "SP 800-73-5 Part 1, 3.3.2";
    let policy = ber::find(Tag(0x5F2F), value).ok().flatten();
    let Some(&[first, second]) = policy else {
        findings.push(Finding::violation(
            CLAUSE,
            "no PIN usage policy `5F2F` of 2 bytes",
        ));
        return DiscoveryReport {
            policy: None,
            meaning: Vec::new(),
        };
    };
    let bits = [
        (0x40, "the PIV PIN opens the card"),
        (0x20, "the Global PIN opens the card"),
        (0x10, "on-card comparison opens the card"),
        (0x08, "virtual contact interface"),
        (0x04, "virtual contact interface without pairing code"),
    ];
    DiscoveryReport {
        policy: Some(format!("{first:02X}{second:02X}")),
        meaning: bits
            .iter()
            .filter(|(bit, _)| first & bit != 0)
            .map(|(_, meaning)| (*meaning).to_owned())
            .collect(),
    }
}

/// The first element with this single-byte tag.
fn element(value: &[u8], tag: u32, findings: &mut Vec<Finding>) -> Option<Vec<u8>> {
    for object in Reader::single_byte_tags(value) {
        match object {
            Ok(object) if object.tag == Tag(tag) => return Some(object.value.to_vec()),
            Ok(_) => {}
            Err(error) => {
                findings.push(Finding::violation(
                    "SP 800-73-5 Part 1, Appendix A",
                    error.to_string(),
                ));
                return None;
            }
        }
    }
    None
}
