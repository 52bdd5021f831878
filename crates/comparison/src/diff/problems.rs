//! What goes against the standard in one card's objects and not in the other's: an element out of
//! place, a signature that does not verify, an object that is not the one that was signed.

use card_image::{CardImage, Content};
use piv::biometric::BiometricKind;
use piv::objects::{
    BiometricInformationTemplates, BiometricObject, CardCapabilityContainer, CertificateObject,
    Chuid, Discovery, KeyHistory, ObjectError, PairingCode, PrintedInformation,
    SecureMessagingSigner, SecurityObject,
};
use piv::signed::{
    CertificateRole, Identifiers, check_biometric, check_chuid, check_identifiers,
    verify_chuid_bytes,
};
use piv::words::{KeyReference, ObjectId};
use piv::{Finding, Parsed, Severity};
use x509_cert::Certificate;

use super::{Differ, What};
use crate::{Class, Section};

pub(super) fn compare(differ: &mut Differ<'_>) {
    let (a, b) = (problems(differ.a), problems(differ.b));
    for problem in &b {
        if !a.iter().any(|other| problem.is(other)) && was_compared(differ, problem.object) {
            let what = problem.what().a("-").b(&problem.message);
            differ.note(Class::Regression, what, problem.clause);
        }
    }
    for problem in &a {
        if !b.iter().any(|other| problem.is(other)) && was_compared(differ, problem.object) {
            let what = problem.what().a(&problem.message).b("-");
            let why = format!("B is as the standard has it ({})", problem.clause);
            differ.note(Class::New, what, &why);
        }
    }
}

/// An object that only one card has is a difference by itself.
fn was_compared(differ: &Differ<'_>, object: ObjectId) -> bool {
    differ.a.object(object).is_some() && differ.b.object(object).is_some()
}

/// Something against the standard.
struct Problem {
    object: ObjectId,
    clause: &'static str,
    message: String,
}

impl Problem {
    /// The same problem, maybe with another number in it.
    fn is(&self, other: &Self) -> bool {
        self.object == other.object && shape(&self.message) == shape(&other.message)
    }

    fn what(&self) -> What {
        What::new(
            Section::Objects,
            format!("object.{}.problem", self.object.tag()),
            format!("{}, against the standard", self.object),
        )
    }
}

/// The message without the words that have digits in them: numbers, dates, identifiers.
fn shape(message: &str) -> String {
    let words = message.split(' ').map(|word| {
        if word.bytes().any(|byte| byte.is_ascii_digit()) {
            "#"
        } else {
            word
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn problems(image: &CardImage) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (object, content) in &image.objects {
        if let Content::Present(value) = content {
            take(&mut problems, *object, form(*object, value));
        }
    }
    let signer = image
        .object(ObjectId::Chuid)
        .and_then(|value| verify_chuid_bytes(value).ok());
    if let Some(Ok(chuid)) = image.object(ObjectId::Chuid).map(Chuid::parse) {
        take(&mut problems, ObjectId::Chuid, check_chuid(&chuid));
        take_identifiers(&mut problems, image, &chuid.value);
    }
    for kind in [
        BiometricKind::Fingerprints,
        BiometricKind::Face,
        BiometricKind::Iris,
    ] {
        take(
            &mut problems,
            kind.object(),
            biometric(image, kind, signer.as_ref()),
        );
    }
    if let (Some(Ok(security)), Some(signer)) = (
        image
            .object(ObjectId::SecurityObject)
            .map(SecurityObject::parse),
        signer,
    ) {
        let findings = security.value.check(&image.values(), &signer);
        take(&mut problems, ObjectId::SecurityObject, findings);
    }
    problems
}

fn take(problems: &mut Vec<Problem>, object: ObjectId, findings: Vec<Finding>) {
    for finding in findings {
        if finding.severity == Severity::Violation {
            problems.push(Problem {
                object,
                clause: finding.clause,
                message: finding.message,
            });
        }
    }
}

/// What is wrong with the form of an object.
fn form(object: ObjectId, value: &[u8]) -> Vec<Finding> {
    fn findings<T>(parsed: Result<Parsed<T>, ObjectError>) -> Vec<Finding> {
        match parsed {
            Ok(parsed) => parsed.findings,
            Err(error) => vec![malformed(&error)],
        }
    }
    match object {
        ObjectId::CardCapabilityContainer => findings(CardCapabilityContainer::parse(value)),
        ObjectId::Chuid => findings(Chuid::parse(value)),
        ObjectId::SecurityObject => findings(SecurityObject::parse(value)),
        ObjectId::PrintedInformation => findings(PrintedInformation::parse(value)),
        ObjectId::Discovery => findings(Discovery::parse(value)),
        ObjectId::KeyHistory => findings(KeyHistory::parse(value)),
        ObjectId::SecureMessagingSigner => findings(SecureMessagingSigner::parse(value)),
        ObjectId::BiometricInformationTemplates => {
            findings(BiometricInformationTemplates::parse(value))
        }
        ObjectId::PairingCode => match PairingCode::parse(value) {
            Ok((_, findings)) => findings,
            Err(error) => vec![malformed(&error)],
        },
        ObjectId::AuthenticationCertificate
        | ObjectId::CardAuthenticationCertificate
        | ObjectId::SignatureCertificate
        | ObjectId::KeyManagementCertificate
        | ObjectId::RetiredCertificate(_) => certificate_form(value),
        ObjectId::Fingerprints | ObjectId::FacialImage | ObjectId::IrisImages => {
            match BiometricKind::of(object) {
                Some(kind) => findings(BiometricObject::parse(kind, value)),
                None => Vec::new(),
            }
        }
    }
}

fn certificate_form(value: &[u8]) -> Vec<Finding> {
    match CertificateObject::parse(value) {
        Ok(parsed) => {
            let mut findings = parsed.findings;
            if let Err(error) = parsed.value.certificate() {
                findings.push(malformed(&error));
            }
            findings
        }
        Err(error) => vec![malformed(&error)],
    }
}

fn malformed(error: &dyn std::fmt::Display) -> Finding {
    Finding::violation("SP 800-73-5 Part 1, Appendix A", error.to_string())
}

fn biometric(image: &CardImage, kind: BiometricKind, signer: Option<&Certificate>) -> Vec<Finding> {
    let Some(Ok(parsed)) = image
        .object(kind.object())
        .map(|value| BiometricObject::parse(kind, value))
    else {
        return Vec::new();
    };
    match parsed.value.record() {
        Ok(record) => {
            let mut findings = record.findings.clone();
            findings.extend(check_biometric(kind, &record, signer));
            findings
        }
        Err(error) => vec![malformed(&error)],
    }
}

/// Whether the certificates are of the card of the CHUID. All of it counts: a certificate of
/// another card is one that was copied.
fn take_identifiers(problems: &mut Vec<Problem>, image: &CardImage, chuid: &Chuid) {
    for key in (0..=u8::MAX).filter_map(KeyReference::from_byte) {
        let (Some(object), Some(role)) = (key.certificate(), CertificateRole::of(key)) else {
            continue;
        };
        let certificate = image.object(object).and_then(certificate_in);
        let Some(Ok(names)) =
            certificate.map(|certificate| Identifiers::of_certificate(role, &certificate))
        else {
            continue;
        };
        for finding in check_identifiers(chuid, &[names]) {
            problems.push(Problem {
                object,
                clause: finding.clause,
                message: finding.message,
            });
        }
    }
}

/// The certificate in a certificate object.
pub(super) fn certificate_in(value: &[u8]) -> Option<Certificate> {
    CertificateObject::parse(value)
        .ok()?
        .value
        .certificate()
        .ok()
}
