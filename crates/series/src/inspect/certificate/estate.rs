//! Whether a certificate looks as the estate's do: the profile's own values, so that every
//! departure is told and none is a violation.

use der::Encode;
use jiff::Timestamp;
use piv::Finding;
use x509_cert::Certificate;
use x509_cert::ext::pkix::{CertificatePolicies, KeyUsage, PrivateKeyUsagePeriod};

use super::{CertificateReport, PROFILE, day, malformed_extension};
use crate::{Certainty, CertificateProfile, Known, Slot};

/// Percent of a life by which the end of the private key's usage may lie elsewhere.
const TOLERANCE: i64 = 5;

pub(super) fn judge(
    slot: Slot,
    expected: &CertificateProfile,
    certificate: &Certificate,
    report: &CertificateReport,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) {
    judge_usage(slot, expected, certificate, report, findings);
    if slot == Slot::Signing {
        judge_policy(expected, certificate, report, findings);
        judge_key_life(expected, certificate, report, now, findings);
    }
}

/// What a source states is missed with a warning, what is inferred or a default with a remark.
fn departure<T>(known: &Known<T>, message: String) -> Finding {
    match known.certainty {
        Certainty::Public => Finding::warning(PROFILE, message),
        Certainty::Inferred | Certainty::Unknown => Finding::info(PROFILE, message),
    }
}

fn judge_usage(
    slot: Slot,
    expected: &CertificateProfile,
    certificate: &Certificate,
    report: &CertificateReport,
    findings: &mut Vec<Finding>,
) {
    if let Some(usage) = expected.usage(slot) {
        let names: Vec<&str> = usage.value.iter().map(|usage| usage.name()).collect();
        if names != report.key_usage {
            let shown = match &report.key_usage[..] {
                [] => "none".to_owned(),
                names => names.join(", "),
            };
            let message = format!(
                "key usage is {shown}, the profile has {} for {slot}",
                names.join(", ")
            );
            findings.push(departure(usage, message));
        }
    }
    let critical = certificate.tbs_certificate().get_extension::<KeyUsage>();
    if let (Some(expected), Ok(Some((critical, _)))) = (&expected.usage_critical, critical)
        && critical != expected.value
    {
        let message = format!("key usage is {}", criticality(critical));
        findings.push(departure(expected, message));
    }
}

fn judge_policy(
    expected: &CertificateProfile,
    certificate: &Certificate,
    report: &CertificateReport,
    findings: &mut Vec<Finding>,
) {
    let Some(policy) = &expected.signing_policy else {
        return;
    };
    if !report.policies.contains(&policy.value) {
        let shown = match &report.policies[..] {
            [] => "none".to_owned(),
            policies => policies.join(", "),
        };
        let message = format!("policy is {shown}, the profile has {}", policy.value);
        findings.push(departure(policy, message));
        return;
    }
    // A malformed extension has been told.
    let tbs = certificate.tbs_certificate();
    let Ok(Some((critical, policies))) = tbs.get_extension::<CertificatePolicies>() else {
        return;
    };
    if let Some(expected) = &expected.signing_policy_critical
        && critical != expected.value
    {
        let message = format!("the policy is {}", criticality(critical));
        findings.push(departure(expected, message));
    }
    if let Some(expected) = &expected.signing_cps {
        let named = policies
            .0
            .iter()
            .flat_map(|policy| policy.policy_qualifiers.iter().flatten())
            .filter_map(|qualifier| qualifier.qualifier.as_ref()?.to_der().ok())
            .any(|der| der.ends_with(expected.value.as_bytes()));
        if !named {
            let message = format!("the policy does not name {}", expected.value);
            findings.push(departure(expected, message));
        }
    }
}

fn judge_key_life(
    expected: &CertificateProfile,
    certificate: &Certificate,
    report: &CertificateReport,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) {
    let tbs = certificate.tbs_certificate();
    let period = match tbs.get_extension::<PrivateKeyUsagePeriod>() {
        Ok(period) => period.and_then(|(_, period)| period.not_after),
        Err(error) => {
            findings.push(malformed_extension("private key usage period", &error));
            return;
        }
    };
    let share = expected.signing_key_life_percent.as_ref();
    let Some(end) = period else {
        findings.extend(share.map(|share| {
            let message = format!(
                "no private key usage period, the profile has one of {} % of the life",
                share.value
            );
            departure(share, message)
        }));
        return;
    };
    let end = i64::try_from(end.to_unix_duration().as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or(Timestamp::MAX);
    if end > report.not_after {
        let message = format!(
            "the key may sign until {}, after the certificate's end",
            day(end)
        );
        findings.push(Finding::warning("RFC 3280, 4.2.1.4", message));
    } else if end < now && now < report.not_after {
        let message = format!("the key may not sign any more since {}", day(end));
        findings.push(Finding::warning("RFC 3280, 4.2.1.4", message));
    }
    let seconds = |from: Timestamp, to: Timestamp| to.duration_since(from).as_secs();
    let life = seconds(report.not_before, report.not_after);
    if let Some(share) = share.filter(|_| life > 0) {
        let actual = seconds(report.not_before, end).saturating_mul(100) / life;
        if (actual - i64::from(share.value)).abs() > TOLERANCE {
            let message = format!(
                "the key may sign for {actual} % of the certificate's life, the profile has {} %",
                share.value
            );
            findings.push(departure(share, message));
        }
    }
}

const fn criticality(critical: bool) -> &'static str {
    match critical {
        true => "critical",
        false => "not critical",
    }
}
