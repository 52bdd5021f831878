//! Trust: which certificates lead to a trusted one, and which are revoked (RFC 5280, 6).
//!
//! Everything needed is given in files; nothing is fetched.

// `certval`, the library for this among the RustCrypto crates, is a release candidate that pins
// another RSA than the rest of the workspace uses; others are of the generation before.

mod load;
mod revocation;

use std::fmt;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280;
use der::Encode;
use jiff::Timestamp;
use piv::PublicKey;
use piv::signed::verify_signature;
use thiserror::Error;
use x509_cert::Certificate;
use x509_cert::crl::CertificateList;
use x509_cert::ext::pkix::{BasicConstraints, CertificatePolicies, KeyUsage, PolicyConstraints};
use x509_cert::time::Time;

pub use load::TrustError;
pub use revocation::Revocation;

/// Certificates and revocation lists to check a card's certificates against. Nothing is fetched.
#[derive(Clone, Debug, Default)]
pub struct TrustStore {
    /// Certificates that are trusted.
    pub anchors: Vec<Certificate>,
    /// Certificates that may be on the way to a trusted one.
    pub intermediates: Vec<Certificate>,
    /// Revocation lists.
    pub revocation_lists: Vec<CertificateList>,
}

/// From a certificate over those above it to a trusted one.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificatePath {
    /// The certificate first, each signed by the next, the trusted one last. Only one when the
    /// certificate itself is trusted.
    pub certificates: Vec<Certificate>,
}

impl fmt::Display for CertificatePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subjects = self
            .certificates
            .iter()
            .map(|it| it.tbs_certificate().subject());
        for (index, subject) in subjects.enumerate() {
            let arrow = if index == 0 { "" } else { " → " };
            write!(f, "{arrow}`{subject}`")?;
        }
        Ok(())
    }
}

/// Why no path leads to a trusted certificate: what was wrong where it got furthest.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum PathError {
    /// Nobody with the name of the issuer is among the certificates given.
    #[error("no certificate of `{issuer}` was given, which issued `{subject}`")]
    NoIssuer {
        /// The certificate's subject.
        subject: String,
        /// Its issuer.
        issuer: String,
    },
    /// Somebody with that name is, but his key did not sign it.
    #[error("`{subject}` was not signed by the key of the `{issuer}` that was given")]
    Signature {
        /// The certificate's subject.
        subject: String,
        /// Its issuer.
        issuer: String,
    },
    /// It may not issue certificates.
    #[error("`{subject}` may not issue certificates: {detail}")]
    NoAuthority {
        /// The certificate's subject.
        subject: String,
        /// What says so.
        detail: String,
    },
    /// An authority's certificate is not valid now.
    #[error("`{subject}` is valid from {from} until {until}")]
    NotValid {
        /// The certificate's subject.
        subject: String,
        /// Begin of its validity.
        from: String,
        /// End of its validity.
        until: String,
    },
    /// It demands what is not understood here.
    #[error("`{subject}` has a critical extension `{extension}` that is not understood")]
    Critical {
        /// The certificate's subject.
        subject: String,
        /// The extension.
        extension: ObjectIdentifier,
    },
    /// No policy is valid all the way.
    #[error("`{subject}` does not allow any of the policies the certificate names")]
    Policy {
        /// The authority's subject.
        subject: String,
    },
}

/// The most certificates in a path. Real ones have four.
const LONGEST: usize = 8;

/// Critical extensions whose meaning is applied or does not matter for what a card's certificates
/// are used for (RFC 5280, 4.2).
const UNDERSTOOD: [ObjectIdentifier; 8] = [
    rfc5280::ID_CE_BASIC_CONSTRAINTS,
    rfc5280::ID_CE_KEY_USAGE,
    rfc5280::ID_CE_CERTIFICATE_POLICIES,
    rfc5280::ID_CE_EXT_KEY_USAGE,
    rfc5280::ID_CE_SUBJECT_ALT_NAME,
    // Constrain what policies are left when none is demanded, which is not done here.
    rfc5280::ID_CE_POLICY_CONSTRAINTS,
    rfc5280::ID_CE_INHIBIT_ANY_POLICY,
    rfc5280::ID_CE_CRL_DISTRIBUTION_POINTS,
];

impl TrustStore {
    /// A path from a certificate to a trusted one, at a moment: every name is the subject of the
    /// next, every signature verifies, every certificate between is an authority's, valid and
    /// within its path length, no critical extension is left unread, and a policy the certificate
    /// names is allowed all the way where authorities name policies.
    ///
    /// Names are compared byte by byte. Policy mappings are not followed: an authority that maps
    /// policies allows any. A critical extension of name constraints is one that is not
    /// understood. That the certificate itself is valid is not asked, nor that a trusted one is.
    ///
    /// # Errors
    ///
    /// [`PathError`] of the path that got furthest.
    pub fn path(
        &self,
        certificate: &Certificate,
        now: Timestamp,
    ) -> Result<CertificatePath, PathError> {
        if self.anchors.contains(certificate) {
            return Ok(CertificatePath {
                certificates: vec![certificate.clone()],
            });
        }
        no_unknown_critical(certificate)?;
        let mut climbed = vec![certificate];
        match self.climb(&mut climbed, now) {
            Ok(()) => Ok(CertificatePath {
                certificates: climbed.into_iter().cloned().collect(),
            }),
            Err((_, error)) => Err(error),
        }
    }

    /// Goes on from the last certificate. The error says how far it got.
    fn climb<'a>(
        &'a self,
        climbed: &mut Vec<&'a Certificate>,
        now: Timestamp,
    ) -> Result<(), (usize, PathError)> {
        let last = *climbed.last().expect("it starts with one certificate");
        let tbs = last.tbs_certificate();
        let (subject, issuer) = (tbs.subject().to_string(), tbs.issuer().to_string());
        let depth = climbed.len();
        let mut furthest = (
            depth,
            PathError::NoIssuer {
                subject: subject.clone(),
                issuer: issuer.clone(),
            },
        );
        let anchors = self.anchors.iter().map(|anchor| (anchor, true));
        let others = self.intermediates.iter().map(|other| (other, false));
        let named = anchors
            .chain(others)
            .filter(|(next, _)| next.tbs_certificate().subject() == tbs.issuer());
        for (next, is_anchor) in named {
            if depth >= LONGEST || climbed.contains(&next) {
                continue;
            }
            if !is_signed_by(last, next) {
                if furthest.0 == depth && matches!(furthest.1, PathError::NoIssuer { .. }) {
                    furthest.1 = PathError::Signature {
                        subject: subject.clone(),
                        issuer: issuer.clone(),
                    };
                }
                continue;
            }
            let outcome = match is_anchor {
                true => may_issue(next, depth - 1).map_err(|error| (depth + 1, error)),
                false => authority(next, climbed, now).map_err(|error| (depth + 1, error)),
            };
            let outcome = outcome.and_then(|()| {
                climbed.push(next);
                match is_anchor {
                    true => Ok(()),
                    false => self.climb(climbed, now).inspect_err(|_| {
                        climbed.truncate(depth);
                    }),
                }
            });
            match outcome {
                Ok(()) => return Ok(()),
                Err(error) if error.0 > furthest.0 => furthest = error,
                Err(_) => {}
            }
        }
        Err(furthest)
    }
}

/// Whether the key of one certificate signed another.
pub(crate) fn is_signed_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    let key = PublicKey::from_spki(issuer.tbs_certificate().subject_public_key_info());
    let (Ok(key), Ok(signed)) = (key, certificate.tbs_certificate().to_der()) else {
        return false;
    };
    verify_signature(
        &key,
        certificate.signature_algorithm(),
        None,
        &signed,
        certificate.signature().raw_bytes(),
    )
    .is_ok()
}

/// Whether a certificate may stand above those climbed so far.
fn authority(
    certificate: &Certificate,
    climbed: &[&Certificate],
    now: Timestamp,
) -> Result<(), PathError> {
    let tbs = certificate.tbs_certificate();
    no_unknown_critical(certificate)?;
    let validity = tbs.validity();
    let (from, until) = (
        timestamp(validity.not_before),
        timestamp(validity.not_after),
    );
    if from.is_none_or(|from| now < from) || until.is_none_or(|until| now > until) {
        return Err(PathError::NotValid {
            subject: tbs.subject().to_string(),
            from: validity.not_before.to_string(),
            until: validity.not_after.to_string(),
        });
    }
    may_issue(certificate, climbed.len() - 1)?;
    allows_policy(certificate, climbed)
}

/// Whether a certificate is an authority's with so many others below it. A trusted one without
/// extensions is trusted for what it is.
fn may_issue(certificate: &Certificate, below: usize) -> Result<(), PathError> {
    let tbs = certificate.tbs_certificate();
    let no = |detail: &str| PathError::NoAuthority {
        subject: tbs.subject().to_string(),
        detail: detail.to_owned(),
    };
    let constraints = tbs
        .get_extension::<BasicConstraints>()
        .map_err(|_| no("its basic constraints cannot be read"))?;
    match constraints {
        Some((_, constraints)) if constraints.ca => {
            let most = constraints.path_len_constraint.map(usize::from);
            if most.is_some_and(|most| below > most) {
                return Err(no("more authorities are below it than its path length"));
            }
        }
        _ => return Err(no("basic constraints do not say that it is an authority")),
    }
    let usage = tbs
        .get_extension::<KeyUsage>()
        .map_err(|_| no("its key usage cannot be read"))?;
    match usage {
        Some((_, usage)) if !usage.key_cert_sign() => Err(no("its key usage is another")),
        _ => Ok(()),
    }
}

fn no_unknown_critical(certificate: &Certificate) -> Result<(), PathError> {
    let extensions = certificate
        .tbs_certificate()
        .extensions()
        .into_iter()
        .flatten();
    let mut unknown = extensions.filter(|it| it.critical && !UNDERSTOOD.contains(&it.extn_id));
    match unknown.next() {
        None => Ok(()),
        Some(extension) => Err(PathError::Critical {
            subject: certificate.tbs_certificate().subject().to_string(),
            extension: extension.extn_id,
        }),
    }
}

/// Whether an authority allows one of the policies of the certificate at the bottom.
fn allows_policy(authority: &Certificate, climbed: &[&Certificate]) -> Result<(), PathError> {
    let policies = |certificate: &Certificate| -> Option<Vec<ObjectIdentifier>> {
        let (_, CertificatePolicies(all)) = certificate
            .tbs_certificate()
            .get_extension::<CertificatePolicies>()
            .ok()
            .flatten()?;
        Some(all.iter().map(|policy| policy.policy_identifier).collect())
    };
    let maps = |certificate: &Certificate| {
        let extensions = certificate
            .tbs_certificate()
            .extensions()
            .into_iter()
            .flatten();
        extensions
            .into_iter()
            .any(|it| it.extn_id == rfc5280::ID_CE_POLICY_MAPPINGS)
    };
    // Without such a demand a path is good whatever policies it names (RFC 5280, 6.1.1 (e)).
    if !demands_policy(authority) && !climbed.iter().any(|below| demands_policy(below)) {
        return Ok(());
    }
    if maps(authority) || climbed.iter().any(|below| maps(below)) {
        return Ok(());
    }
    let Some(wanted) = climbed.first().and_then(|bottom| policies(bottom)) else {
        return Ok(());
    };
    let allowed = policies(authority).unwrap_or_default();
    let fits = allowed.contains(&rfc5280::ANY_POLICY)
        || wanted.iter().any(|policy| allowed.contains(policy));
    match fits {
        true => Ok(()),
        false => Err(PathError::Policy {
            subject: authority.tbs_certificate().subject().to_string(),
        }),
    }
}

/// Whether an authority demands that those below name a policy it allows (RFC 5280, 4.2.1.11).
fn demands_policy(authority: &Certificate) -> bool {
    let constraints = authority
        .tbs_certificate()
        .get_extension::<PolicyConstraints>();
    matches!(constraints, Ok(Some((_, constraints))) if constraints.require_explicit_policy.is_some())
}

/// A time in a certificate; `None` beyond what a timestamp holds.
pub(crate) fn timestamp(time: Time) -> Option<Timestamp> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok()?;
    Timestamp::from_second(seconds).ok()
}
