use der::Encode;
use ground::{Blame, Blamed};
use jiff::Timestamp;
use piv::signed::SignedError;
use thiserror::Error;
use x509_cert::Certificate;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, KeyUsage, SubjectKeyIdentifier,
};

use super::signature;

/// Verifies a certificate up to a trusted root, as RFC 5280, section 6 has it, without revocation
/// and policies: signatures, names, key identifiers, validity at a moment, and that every issuer
/// may issue.
///
/// `chain` holds the issuer first and the root last; the root is trusted because the caller says
/// so, yet it has to be in order, too.
///
/// # Errors
///
/// [`ChainError`] for the first fault, naming the certificate.
pub fn verify_chain(
    certificate: &Certificate,
    chain: &[Certificate],
    at: Timestamp,
) -> Result<(), ChainError> {
    let mut subject = certificate;
    check_validity(subject, at)?;
    for (below, issuer) in chain.iter().enumerate() {
        check_issued(subject, issuer)?;
        check_may_issue(issuer, below)?;
        check_validity(issuer, at)?;
        subject = issuer;
    }
    if subject.tbs_certificate().subject() != subject.tbs_certificate().issuer() {
        return Err(ChainError::NoRoot {
            last: subject_of(subject),
        });
    }
    check_issued(subject, subject)
}

/// Why a certificate is not to be trusted.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ChainError {
    /// Issued by somebody else.
    #[error("certificate `{subject}` names `{named}` as its issuer, not `{issuer}`")]
    OtherIssuer {
        /// The certificate.
        subject: String,
        /// Whom it names.
        named: String,
        /// The issuer next in the chain.
        issuer: String,
    },
    /// Issued with another key of the issuer.
    #[error("certificate `{subject}` was issued with another key of `{issuer}`")]
    OtherKey {
        /// The certificate.
        subject: String,
        /// The issuer.
        issuer: String,
    },
    /// Not signed by its issuer.
    #[error("the signature of certificate `{subject}` is not accepted: {problem}")]
    Signature {
        /// The certificate.
        subject: String,
        /// What is wrong.
        problem: SignedError,
    },
    /// The issuer is no authority, or has too many below it.
    #[error("certificate `{issuer}` may not issue certificates: {detail}")]
    MayNotIssue {
        /// The issuer.
        issuer: String,
        /// Why not.
        detail: &'static str,
    },
    /// Too early or too late.
    #[error("certificate `{subject}` is not valid at {at}: it is from {from} to {to}")]
    NotValid {
        /// The certificate.
        subject: String,
        /// The moment.
        at: Timestamp,
        /// Its first moment.
        from: String,
        /// Its last moment.
        to: String,
    },
    /// The chain ends before a root.
    #[error("the chain ends at `{last}`, which is no root")]
    NoRoot {
        /// The last certificate.
        last: String,
    },
    /// An extension that does not parse.
    #[error("certificate `{subject}` is malformed: {detail}")]
    Malformed {
        /// The certificate.
        subject: String,
        /// The parser's words.
        detail: String,
    },
}

impl Blamed for ChainError {
    fn blame(&self) -> Blame {
        Blame::AuthorityFault
    }
}

fn check_issued(subject: &Certificate, issuer: &Certificate) -> Result<(), ChainError> {
    let (tbs, by) = (subject.tbs_certificate(), issuer.tbs_certificate());
    if tbs.issuer() != by.subject() {
        return Err(ChainError::OtherIssuer {
            subject: subject_of(subject),
            named: tbs.issuer().to_string(),
            issuer: by.subject().to_string(),
        });
    }
    let named = extension::<AuthorityKeyIdentifier>(subject)?.and_then(|aki| aki.key_identifier);
    let has = extension::<SubjectKeyIdentifier>(issuer)?.map(|ski| ski.0);
    if let (Some(named), Some(has)) = (named, has)
        && named != has
    {
        return Err(ChainError::OtherKey {
            subject: subject_of(subject),
            issuer: by.subject().to_string(),
        });
    }
    let wrong = |problem| ChainError::Signature {
        subject: subject_of(subject),
        problem,
    };
    if subject.signature_algorithm() != tbs.signature() {
        return Err(wrong(SignedError::Signature));
    }
    let signed = tbs.to_der().map_err(|error| malformed(subject, &error))?;
    let bits = subject.signature().as_bytes();
    signature::verify(
        by.subject_public_key_info(),
        subject.signature_algorithm(),
        &signed,
        bits.ok_or_else(|| wrong(SignedError::Signature))?,
    )
    .map_err(wrong)
}

/// `below` authorities stand between the issuer and the certificate in question.
fn check_may_issue(issuer: &Certificate, below: usize) -> Result<(), ChainError> {
    let may_not = |detail| ChainError::MayNotIssue {
        issuer: subject_of(issuer),
        detail,
    };
    match extension::<BasicConstraints>(issuer)? {
        Some(constraints) if constraints.ca => match constraints.path_len_constraint {
            Some(most) if below > usize::from(most) => {
                return Err(may_not("too many authorities stand below it"));
            }
            _ => {}
        },
        _ => return Err(may_not("it is no authority (basic constraints)")),
    }
    match extension::<KeyUsage>(issuer)? {
        Some(usage) if !usage.key_cert_sign() => {
            Err(may_not("its key usage has no certificate signing"))
        }
        _ => Ok(()),
    }
}

fn check_validity(certificate: &Certificate, at: Timestamp) -> Result<(), ChainError> {
    let validity = certificate.tbs_certificate().validity();
    let (from, to) = (validity.not_before, validity.not_after);
    let second = |time: x509_cert::time::Time| {
        i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
    };
    if (second(from)..=second(to)).contains(&at.as_second()) {
        return Ok(());
    }
    Err(ChainError::NotValid {
        subject: subject_of(certificate),
        at,
        from: from.to_string(),
        to: to.to_string(),
    })
}

fn extension<T>(certificate: &Certificate) -> Result<Option<T>, ChainError>
where
    T: for<'a> der::Decode<'a, Error = der::Error> + const_oid::AssociatedOid,
{
    certificate
        .tbs_certificate()
        .get_extension::<T>()
        .map(|found| found.map(|(_, value)| value))
        .map_err(|error| malformed(certificate, &error))
}

fn malformed(certificate: &Certificate, error: &dyn std::fmt::Display) -> ChainError {
    ChainError::Malformed {
        subject: subject_of(certificate),
        detail: error.to_string(),
    }
}

fn subject_of(certificate: &Certificate) -> String {
    certificate.tbs_certificate().subject().to_string()
}
