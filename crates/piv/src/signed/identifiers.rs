use uuid::Uuid;
use x509_cert::Certificate;

use super::{BiometricSignature, CertificateRole, SubjectNames};
use crate::biometric::{BiometricKind, CbeffHeader};
use crate::cvc::{Cvc, Subject};
use crate::objects::{Chuid, FascN};
use crate::{Finding, Severity};

const CLAUSE: &str = "SP 800-73-5 Part 1, 3.4";

/// What one place on a card says of the card's identity.
///
/// Signed objects are often not covered by the Security Object, so an object copied from another
/// card is found only by comparing these.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identifiers {
    /// Where it says so.
    pub place: String,
    /// Every FASC-N it states.
    pub fasc_n: Vec<FascN>,
    /// Every UUID it states; one of them must be the card's.
    pub uuids: Vec<Uuid>,
    /// How bad a disagreement is: the standard binds the certificates of 9A and 9E to the card,
    /// those of 9C and 9D may name it.
    pub severity: Severity,
}

impl Identifiers {
    /// Those in the CHUID.
    #[must_use]
    pub fn of_chuid(chuid: &Chuid) -> Self {
        Self::bound("CHUID", chuid.fasc_n, chuid.guid)
    }

    /// Those in the CBEFF header of a biometric: the FASC-N.
    #[must_use]
    pub fn of_header(kind: BiometricKind, header: &CbeffHeader) -> Self {
        Self::bound(format!("header of the {kind}"), Some(header.fasc_n), None)
    }

    /// Those in the signed attributes of a biometric.
    #[must_use]
    pub fn of_signature(kind: BiometricKind, signature: &BiometricSignature) -> Self {
        Self::bound(
            format!("signature of the {kind}"),
            Some(signature.fasc_n),
            Some(signature.card_uuid),
        )
    }

    /// Those in the subjectAltName of a certificate.
    ///
    /// # Errors
    ///
    /// What the decoder says of the subjectAltName.
    pub fn of_certificate(
        role: CertificateRole,
        certificate: &Certificate,
    ) -> Result<Self, der::Error> {
        let names = SubjectNames::of(certificate)?;
        Ok(Self {
            place: role.to_string(),
            fasc_n: names.fasc_n,
            uuids: names.uuids,
            severity: if role.names_the_card() {
                Severity::Violation
            } else {
                Severity::Warning
            },
        })
    }

    /// That in the card's CVC for secure messaging: the Card UUID.
    #[must_use]
    pub fn of_cvc(cvc: &Cvc) -> Self {
        let uuid = match cvc.subject {
            Some(Subject::Card(uuid)) => Some(uuid),
            _ => None,
        };
        Self::bound("card verifiable certificate", None, uuid)
    }

    fn bound(place: impl Into<String>, fasc_n: Option<FascN>, uuid: Option<Uuid>) -> Self {
        Self {
            place: place.into(),
            fasc_n: fasc_n.into_iter().collect(),
            uuids: uuid.into_iter().collect(),
            severity: Severity::Violation,
        }
    }
}

/// Compares FASC-N and Card UUID of the CHUID with those stated in other places. A place that
/// states none is not a disagreement: whether it must is its own profile's matter.
#[must_use]
pub fn check_identifiers(chuid: &Chuid, others: &[Identifiers]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for other in others {
        let mut note = |message: String| {
            findings.push(Finding {
                severity: other.severity,
                clause: CLAUSE,
                message: format!("{}: {message}", other.place),
                since: None,
            });
        };
        if let Some(expected) = chuid.fasc_n
            && let Some(actual) = other.fasc_n.iter().find(|actual| **actual != expected)
        {
            note(format!("FASC-N is {actual}, the CHUID has {expected}"));
        }
        if let Some(expected) = chuid.guid
            && let Some(actual) = other.uuids.first()
            && !other.uuids.contains(&expected)
        {
            note(format!("UUID is {actual}, the CHUID has {expected}"));
        } else if let Some(holder) = chuid.cardholder
            && let Some(actual) = other
                .uuids
                .iter()
                .find(|actual| Some(**actual) != chuid.guid && **actual != holder)
        {
            // Beside the card's UUID only the holder's may stand.
            note(format!(
                "second UUID is {actual}, the holder's in the CHUID is {holder}"
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::objects::FascNFields;

    fn chuid() -> Chuid {
        Chuid::new(FascN::non_federal(), Uuid::from_u128(7), date(2031, 12, 31))
    }

    fn other_number() -> FascN {
        let fields = FascN::non_federal().fields().unwrap();
        FascN::new(&FascNFields { issue: 2, ..fields }).unwrap()
    }

    #[test]
    fn equal_and_absent_identifiers_agree() {
        let alike = Identifiers::of_chuid(&chuid());
        let silent = Identifiers::bound("nothing", None, None);
        // Beside the card's UUID the holder's may stand.
        let mut both = alike.clone();
        both.uuids.insert(0, Uuid::from_u128(8));
        assert_eq!(
            check_identifiers(&chuid(), &[alike, silent, both.clone()]),
            []
        );

        let mut with_holder = chuid();
        with_holder.cardholder = Some(Uuid::from_u128(8));
        assert_eq!(check_identifiers(&with_holder, &[both.clone()]), []);
        with_holder.cardholder = Some(Uuid::from_u128(9));
        let findings = check_identifiers(&with_holder, &[both]);
        assert_eq!(
            findings[0].message,
            "CHUID: second UUID is 00000000-0000-0000-0000-000000000008, the holder's in the CHUID \
             is 00000000-0000-0000-0000-000000000009"
        );
    }

    #[test]
    fn each_disagreement_names_both_sides() {
        let mut copied = chuid();
        copied.guid = Some(Uuid::from_u128(9));
        copied.fasc_n = Some(other_number());
        let mut mild = Identifiers::of_chuid(&copied);
        mild.severity = Severity::Warning;
        let findings = check_identifiers(&chuid(), &[Identifiers::of_chuid(&copied), mild]);
        let shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), 4);
        assert_eq!(
            shown[0],
            "violation: CHUID: FASC-N is 9999-9999-999999-0-2-0000000000300001, the CHUID has \
             9999-9999-999999-0-1-0000000000300001 [SP 800-73-5 Part 1, 3.4]"
        );
        assert_eq!(
            shown[3],
            "warning: CHUID: UUID is 00000000-0000-0000-0000-000000000009, the CHUID has \
             00000000-0000-0000-0000-000000000007 [SP 800-73-5 Part 1, 3.4]"
        );
    }
}
