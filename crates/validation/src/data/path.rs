//! Whether the certificates may be trusted: validity, path and revocation (RFC 5280, 6).

use jiff::Timestamp;
use piv::words::ObjectId;
use x509_cert::Certificate;

use super::reading::{certificate, nothing};
use super::{needing, rule};
use crate::trust::{Revocation, timestamp};
use crate::{Assertion, Deviation, Evidence, Judgement, Need, Objects, Standard};

/// Everything with a certificate; retired ones may have expired long ago.
const ALL: Objects = Objects::These(super::reading::CERTIFICATES);

pub(super) const ASSERTIONS: &[Assertion] = &[
    rule(
        "trust.valid-now",
        "the certificate is valid now",
        (Standard::Rfc5280, "4.1.2.5"),
        &["PKIX.26"],
        ALL,
        valid_now,
    ),
    needing(
        &[Need::TrustAnchors],
        rule(
            "trust.path",
            "a path leads from the certificate to a trusted one",
            (Standard::Rfc5280, "6.1"),
            &[],
            ALL,
            path,
        ),
    ),
    needing(
        &[Need::TrustAnchors],
        rule(
            "trust.not-revoked",
            "neither the certificate nor one above it is revoked",
            (Standard::Rfc5280, "6.3"),
            &[],
            ALL,
            not_revoked,
        ),
    ),
];

fn valid_now(evidence: &Evidence, object: ObjectId) -> Judgement {
    let Some(certificate) = certificate(evidence, object) else {
        return nothing("the certificate");
    };
    let (from, until) = validity(&certificate);
    let now = evidence.now;
    match (from, until) {
        (Some(from), _) if now < from => {
            Judgement::fail(format!("valid at {now}"), format!("valid from {from}"))
        }
        (_, Some(until)) if now > until => {
            Judgement::fail(format!("valid at {now}"), format!("valid until {until}"))
        }
        _ => Judgement::pass(),
    }
}

fn validity(certificate: &Certificate) -> (Option<Timestamp>, Option<Timestamp>) {
    let validity = certificate.tbs_certificate().validity();
    (
        timestamp(validity.not_before),
        timestamp(validity.not_after),
    )
}

fn path(evidence: &Evidence, object: ObjectId) -> Judgement {
    let Some(certificate) = certificate(evidence, object) else {
        return nothing("the certificate");
    };
    match evidence.trust.path(&certificate, evidence.now) {
        Ok(path) => Judgement {
            reason: path.to_string(),
            ..Judgement::pass()
        },
        Err(error) => Judgement::fail("a path to a trusted certificate", error.to_string()),
    }
}

fn not_revoked(evidence: &Evidence, object: ObjectId) -> Judgement {
    let Some(certificate) = certificate(evidence, object) else {
        return nothing("the certificate");
    };
    if evidence.trust.revocation_lists.is_empty() {
        return Judgement::skipped("no revocation list was given");
    }
    let Ok(path) = evidence.trust.path(&certificate, evidence.now) else {
        return Judgement::skipped("there is no path to a trusted certificate");
    };
    let mut judgement = Judgement::pass();
    for (subject, revocation) in evidence.trust.revocation(&path, evidence.now) {
        let next = match revocation {
            Revocation::Good => continue,
            Revocation::Revoked { since, reason } => Judgement::fail(
                format!("`{subject}` not revoked"),
                format!("revoked {since}, {reason}"),
            ),
            Revocation::Unknown(why) => Judgement {
                verdict: crate::Verdict::Warning,
                deviations: vec![Deviation::new(
                    format!("a current revocation list for `{subject}`"),
                    why,
                )],
                reason: String::new(),
            },
        };
        judgement = judgement.and(next);
    }
    judgement
}
