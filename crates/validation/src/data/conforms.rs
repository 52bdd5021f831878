//! Whatever else the libraries that read the objects find in them.

use piv::biometric::BiometricKind;
use piv::objects::{
    BiometricInformationTemplates, BiometricObject, CardCapabilityContainer, CertificateObject,
    Chuid, Discovery, KeyHistory, ObjectError, PairingCode, PrintedInformation,
    SecureMessagingSigner, SecurityObject,
};
use piv::words::ObjectId;
use piv::{Finding, Parsed};

use super::reading::judge;
use super::rule;
use crate::{Assertion, Evidence, Judgement, Objects, Standard};

pub(super) const ASSERTIONS: &[Assertion] = &[rule(
    "object.conforms",
    "the object holds what the standard says, as far as no other assertion is about it",
    (Standard::Sp80073, "Part 1, 3 and Appendix A"),
    &[],
    Objects::All,
    conforms,
)];

fn conforms(evidence: &Evidence, object: ObjectId) -> Judgement {
    let Some(value) = evidence.value(object) else {
        return Judgement::not_applicable("its wrapper cannot be read");
    };
    match findings(object, value) {
        Ok(findings) => judge(
            findings
                .into_iter()
                .filter(|finding| !judged_elsewhere(object, finding))
                .filter_map(|finding| finding.judged_by(evidence.edition)),
        ),
        Err(error) => Judgement::fail("an object", error.to_string()),
    }
}

fn findings(object: ObjectId, value: &[u8]) -> Result<Vec<Finding>, ObjectError> {
    fn of<T>(parsed: Result<Parsed<T>, ObjectError>) -> Result<Vec<Finding>, ObjectError> {
        parsed.map(|parsed| parsed.findings)
    }
    match object {
        ObjectId::CardCapabilityContainer => of(CardCapabilityContainer::parse(value)),
        ObjectId::Chuid => of(Chuid::parse(value)),
        ObjectId::Fingerprints => of(BiometricObject::parse(BiometricKind::Fingerprints, value)),
        ObjectId::FacialImage => of(BiometricObject::parse(BiometricKind::Face, value)),
        ObjectId::IrisImages => of(BiometricObject::parse(BiometricKind::Iris, value)),
        ObjectId::SecurityObject => of(SecurityObject::parse(value)),
        ObjectId::PrintedInformation => of(PrintedInformation::parse(value)),
        ObjectId::Discovery => of(Discovery::parse(value)),
        ObjectId::KeyHistory => of(KeyHistory::parse(value)),
        ObjectId::BiometricInformationTemplates => of(BiometricInformationTemplates::parse(value)),
        ObjectId::SecureMessagingSigner => of(SecureMessagingSigner::parse(value)),
        // The code itself goes nowhere.
        ObjectId::PairingCode => PairingCode::parse(value).map(|(_, findings)| findings),
        ObjectId::AuthenticationCertificate
        | ObjectId::CardAuthenticationCertificate
        | ObjectId::SignatureCertificate
        | ObjectId::KeyManagementCertificate => of(CertificateObject::parse(value)),
        ObjectId::RetiredCertificate(_) => of(CertificateObject::parse_retired(value)),
    }
}

/// Whether another assertion of this crate is about what a finding says. A finding that is listed
/// here by mistake is lost, one that is missing here is told twice: the tests hold both against
/// damaged objects.
fn judged_elsewhere(object: ObjectId, finding: &Finding) -> bool {
    /// Of every object made of elements: `structure`.
    const ELEMENTS: &[&str] = &[
        "unknown element",
        "` is missing",
        "` is out of order",
        "` is there twice",
        "no error detection code",
        "error detection code `FE` is not empty",
        "after the error detection code",
        "is not in its shortest form",
        "cannot be read to its end",
        "is an element removed in",
    ];
    /// What begins like a size is one: `buffer length `EE` of 3 bytes, expected 2`.
    const SIZE: &str = " bytes, expected ";
    const CHUID: &[&str] = &[
        "expiration date",
        "buffer length",
        "the issuer's signature `3E` is empty",
        "FASC-N",
        "GUID ",
        "Cardholder UUID ",
    ];
    let message = finding.message.as_str();
    let any = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
    let of_fields = match object {
        ObjectId::Chuid => any(CHUID) || finding.clause.ends_with("3.4.1"),
        // Header and records are judged field by field, in `biometric`, `minutiae` and `pictures`.
        ObjectId::Fingerprints | ObjectId::FacialImage | ObjectId::IrisImages => {
            finding.clause.starts_with("SP 800-76-2") && !message.contains("reserved bits are set")
        }
        ObjectId::SecurityObject => any(&["mapping `BA`", "is mapped twice", "does not exist"]),
        ObjectId::CardCapabilityContainer => any(&["data model"]),
        ObjectId::PrintedInformation => any(&["expiration date"]),
        ObjectId::SecureMessagingSigner => any(&["`7F21` does not stand behind `71`"]),
        ObjectId::Discovery => any(&[
            "application identifier",
            "PIN usage policy",
            "is out of place",
            "unknown object",
        ]),
        _ => false,
    };
    let has_elements = !matches!(
        object,
        ObjectId::BiometricInformationTemplates | ObjectId::PairingCode
    );
    of_fields || has_elements && (any(ELEMENTS) || message.contains(SIZE))
}
