//! What the rules look at, taken out of what was read.

use iso7816::ber::{Object, Reader, TlvError};
use piv::biometric::{BiometricKind, BiometricRecord};
use piv::objects::{BiometricObject, Chuid};
use piv::signed::CertificateRole;
use piv::words::{KeyReference, ObjectId};
use piv::{Finding, Parsed, Severity};
use x509_cert::Certificate;

use crate::{Deviation, Evidence, Judgement, Verdict};

/// The biometrics.
pub(super) const BIOMETRICS: &[ObjectId] = &[
    ObjectId::Fingerprints,
    ObjectId::FacialImage,
    ObjectId::IrisImages,
];

/// The elements directly inside an object, as far as they can be read, and why not to the end.
pub(super) struct Elements<'a> {
    pub(super) found: Vec<Object<'a>>,
    pub(super) error: Option<TlvError>,
}

impl<'a> Elements<'a> {
    /// Tags have one byte inside most objects; only those with a tag of their own are BER
    /// throughout, and the Intermediate CVC among others (SP 800-73-5 Part 1, Appendix A).
    pub(super) fn of(evidence: &'a Evidence, object: ObjectId) -> Self {
        let mut rest = evidence.value(object).unwrap_or_default();
        let mut elements = Self {
            found: Vec::new(),
            error: None,
        };
        loop {
            let is_ber = object.is_bare()
                || object == ObjectId::SecureMessagingSigner && rest.starts_with(&[0x7F, 0x21]);
            let mut reader = match is_ber {
                true => Reader::new(rest),
                false => Reader::single_byte_tags(rest),
            };
            match reader.next() {
                Some(Ok(element)) => elements.found.push(element),
                Some(Err(error)) => {
                    elements.error = Some(error);
                    return elements;
                }
                None => return elements,
            }
            rest = reader.rest();
        }
    }

    /// The value of the first element with this tag.
    pub(super) fn get(&self, tag: u32) -> Option<&'a [u8]> {
        let mut found = self.found.iter();
        found
            .find(|element| element.tag.0 == tag)
            .map(|element| element.value)
    }
}

/// What the rule looks at is not there or cannot be read.
pub(super) fn nothing(what: &str) -> Judgement {
    Judgement::not_applicable(format!("{what} cannot be read"))
}

/// What the findings of a library amount to: those that only inform are a remark on a pass.
pub(super) fn judge(findings: impl IntoIterator<Item = Finding>) -> Judgement {
    let mut judgement = Judgement::pass();
    let mut remarks = Vec::new();
    for finding in findings {
        let verdict = match finding.severity {
            Severity::Info => {
                remarks.push(finding.message);
                continue;
            }
            Severity::Warning => Verdict::Warning,
            Severity::Violation => Verdict::Fail,
        };
        if judgement.verdict != Verdict::Fail {
            judgement.verdict = verdict;
        }
        judgement.deviations.push(deviation(&finding));
    }
    judgement.reason = remarks.join("; ");
    judgement
}

/// Findings say first where, then what is, and then what was expected.
fn deviation(finding: &Finding) -> Deviation {
    let message = match finding.message.split_once(": ") {
        // An outcome names its object itself.
        Some((place, rest)) if ObjectId::all().any(|object| object.to_string() == place) => rest,
        _ => &finding.message,
    };
    match message.rsplit_once(", expected ") {
        Some((observed, expected)) => Deviation::new(expected, observed),
        None => Deviation::new(format!("what {} demands", finding.clause), message),
    }
}

/// The CHUID, if it can be read.
pub(super) fn chuid(evidence: &Evidence) -> Option<&Chuid> {
    evidence.chuid.as_ref().map(|chuid| &chuid.value)
}

/// The record of a biometric object.
pub(super) fn record(
    evidence: &Evidence,
    object: ObjectId,
) -> Option<(BiometricKind, Parsed<BiometricRecord>)> {
    let kind = BiometricKind::of(object)?;
    let parsed = BiometricObject::parse(kind, evidence.value(object)?).ok()?;
    Some((kind, parsed.value.record().ok()?))
}

/// The certificates whose profile is known, by the object they are found in: the content signer's
/// stands in the CHUID, and in the secure messaging certificate signer.
pub(super) const CERTIFICATES: &[ObjectId] = &[
    ObjectId::AuthenticationCertificate,
    ObjectId::SignatureCertificate,
    ObjectId::KeyManagementCertificate,
    ObjectId::CardAuthenticationCertificate,
    ObjectId::Chuid,
    ObjectId::SecureMessagingSigner,
];

/// What the certificate in an object is for.
pub(super) fn role(object: ObjectId) -> Option<CertificateRole> {
    match object {
        ObjectId::Chuid | ObjectId::SecureMessagingSigner => Some(CertificateRole::ContentSigner),
        _ => key_of(object).and_then(CertificateRole::of),
    }
}

/// The certificate in an object, or in the signature of the CHUID whether or not that verifies.
pub(super) fn certificate(evidence: &Evidence, object: ObjectId) -> Option<Certificate> {
    match object {
        ObjectId::Chuid => super::signature::chuid_signer(evidence),
        ObjectId::SecureMessagingSigner => {
            let value = evidence.value(object)?;
            let signer = piv::objects::SecureMessagingSigner::parse(value).ok()?;
            signer.value.certificate.certificate().ok()
        }
        _ => evidence.certificates.get(&key_of(object)?).cloned(),
    }
}

fn key_of(object: ObjectId) -> Option<KeyReference> {
    (0..=u8::MAX)
        .filter_map(KeyReference::from_byte)
        .find(|key| key.certificate() == Some(object))
}
