use iso7816::ber::Tag;
use jiff::Timestamp;
use piv::words::{Algorithm, KeyReference};
use piv::{Finding, PublicKey};
use serde::Serialize;
use x509_cert::Certificate;
use x509_cert::ext::pkix::{CertificatePolicies, KeyUsage};
use x509_cert::time::Time;

use crate::{Profile, Slot};

mod estate;

/// Where the profile's own values are cited in findings.
const PROFILE: &str = "series profile, [certificate]";

/// One certificate on the card.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CertificateReport {
    /// The tag of the object it is kept in.
    pub object: String,
    /// The key it belongs to, such as `9A`.
    pub key: String,
    /// What the key is for, if the card's profile says so.
    pub slot: Option<Slot>,
    /// Subject, most specific part first (RFC 4514).
    pub subject: String,
    /// Issuer, most specific part first (RFC 4514).
    pub issuer: String,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// Algorithm and size of the public key, such as `RSA-2048`.
    pub public_key: String,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
    /// Where the time of inspection lies.
    pub validity: Validity,
    /// Key usages (RFC 5280, 4.2.1.3), in the order of their bits.
    pub key_usage: Vec<&'static str>,
    /// Certificate policies, dotted decimal.
    pub policies: Vec<String>,
}

/// Where a moment lies against a certificate's validity.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Validity {
    /// Before notBefore.
    NotYetValid,
    /// In between.
    Valid,
    /// After notAfter.
    Expired,
}

/// Describes the certificate of a PIV key. What is wrong goes to `findings`.
pub(super) fn report(
    key: KeyReference,
    object: Tag,
    certificate: &Certificate,
    profile: Option<&Profile>,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) -> CertificateReport {
    let slot = profile
        .and_then(|profile| profile.piv.as_ref())
        .and_then(|plan| plan.slot_of(key));
    let described = describe_certificate(certificate, now, findings);
    let report = CertificateReport {
        object: object.to_string(),
        key: key.to_string(),
        slot,
        ..described.report
    };
    let public_key = described.public_key.as_ref();
    judge_validity(&report, profile, now, findings);
    judge_key(key, slot, public_key, profile, findings);
    judge_usage(key, described.usage.as_ref(), &report.public_key, findings);
    report
}

/// Describes the certificate of an AuthentIC key. What is wrong goes to `findings`.
pub(super) fn report_authentic(
    key: &str,
    file: &str,
    slot: Option<Slot>,
    certificate: &Certificate,
    profile: Option<&Profile>,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) -> CertificateReport {
    let described = describe_certificate(certificate, now, findings);
    let report = CertificateReport {
        object: file.to_owned(),
        key: key.to_owned(),
        slot,
        ..described.report
    };
    judge_validity(&report, profile, now, findings);
    match described.public_key.as_ref().and_then(PublicKey::algorithm) {
        Some(Algorithm::Rsa1024 | Algorithm::Rsa2048) => {}
        _ => findings.push(Finding::violation(
            "series profile, [authentic.slots]",
            format!(
                "{} where RSA-1024 or RSA-2048 is expected",
                report.public_key
            ),
        )),
    }
    if let (Some(slot), Some(profile)) = (slot, profile) {
        estate::judge(
            slot,
            &profile.certificate,
            certificate,
            &report,
            now,
            findings,
        );
    }
    report
}

/// A certificate by itself, wherever it lies.
struct Described {
    report: CertificateReport,
    usage: Option<KeyUsage>,
    public_key: Option<PublicKey>,
}

fn describe_certificate(
    certificate: &Certificate,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) -> Described {
    let tbs = certificate.tbs_certificate();
    let not_before = timestamp(&tbs.validity().not_before);
    let not_after = timestamp(&tbs.validity().not_after);
    let validity = match now {
        now if now < not_before => Validity::NotYetValid,
        now if now > not_after => Validity::Expired,
        _ => Validity::Valid,
    };
    let public_key = PublicKey::from_spki(tbs.subject_public_key_info()).ok();
    let usage = match tbs.get_extension::<KeyUsage>() {
        Ok(usage) => usage.map(|(_, usage)| usage),
        Err(error) => {
            findings.push(malformed_extension("key usage", &error));
            None
        }
    };
    let policies = match tbs.get_extension::<CertificatePolicies>() {
        Ok(policies) => policies.map_or_else(Vec::new, |(_, policies)| {
            let identifiers = policies.0.iter();
            identifiers
                .map(|policy| policy.policy_identifier.to_string())
                .collect()
        }),
        Err(error) => {
            findings.push(malformed_extension("certificate policies", &error));
            Vec::new()
        }
    };
    let report = CertificateReport {
        object: String::new(),
        key: String::new(),
        slot: None,
        subject: tbs.subject().to_string(),
        issuer: tbs.issuer().to_string(),
        serial: serial(tbs.serial_number().as_bytes()),
        public_key: match &public_key {
            Some(key) => describe(key),
            None => format!("algorithm {}", tbs.subject_public_key_info().algorithm.oid),
        },
        not_before,
        not_after,
        validity,
        key_usage: usage.as_ref().map_or_else(Vec::new, usages),
        policies,
    };
    Described {
        report,
        usage,
        public_key,
    }
}

fn judge_validity(
    report: &CertificateReport,
    profile: Option<&Profile>,
    now: Timestamp,
    findings: &mut Vec<Finding>,
) {
    const CLAUSE: &str = "RFC 5280, 4.1.2.5";
    match report.validity {
        Validity::Expired => findings.push(Finding::violation(
            CLAUSE,
            format!("expired on {}", day(report.not_after)),
        )),
        Validity::NotYetValid => findings.push(Finding::violation(
            CLAUSE,
            format!("not valid before {}", day(report.not_before)),
        )),
        Validity::Valid => {
            let window = profile.map(|profile| profile.certificate.renewal_window_days.value);
            let left = report.not_after.duration_since(now).as_hours() / 24;
            if let Some(window) = window.filter(|window| left < i64::from(*window)) {
                findings.push(Finding::info(
                    PROFILE,
                    format!("{left} days left, can be renewed since {window} days before the end"),
                ));
            }
        }
    }
}

fn judge_key(
    key: KeyReference,
    slot: Option<Slot>,
    public_key: Option<&PublicKey>,
    profile: Option<&Profile>,
    findings: &mut Vec<Finding>,
) {
    let Some(algorithm) = public_key.and_then(PublicKey::algorithm) else {
        findings.push(Finding::violation(
            "SP 800-78-5, Table 9",
            "public key is none of RSA-1024, RSA-2048, RSA-3072, P-256, P-384",
        ));
        return;
    };
    if algorithm == Algorithm::Rsa1024 && !matches!(key, KeyReference::Retired(_)) {
        findings.push(Finding::violation(
            "SP 800-78-5, Table 9",
            "RSA-1024 is for retired keys only",
        ));
    }
    let planned = slot
        .zip(profile)
        .and_then(|(slot, profile)| profile.slot(slot));
    if let Some((_, planned)) = planned.filter(|(_, planned)| *planned != algorithm) {
        findings.push(Finding::info(
            "series profile, [piv.slots]",
            format!("{algorithm}, the profile has {planned}"),
        ));
    }
}

fn judge_usage(
    key: KeyReference,
    usage: Option<&KeyUsage>,
    public_key: &str,
    findings: &mut Vec<Finding>,
) {
    const CLAUSE: &str = "SP 800-85B-4 draft, section 7";
    let Some(usage) = usage else {
        findings.push(Finding::warning(CLAUSE, "no key usage extension"));
        return;
    };
    let fits = match key {
        KeyReference::Authentication | KeyReference::CardAuthentication => {
            usage.digital_signature()
        }
        // The estate's signing certificates have nonRepudiation alone.
        KeyReference::Signature => usage.digital_signature() || usage.non_repudiation(),
        KeyReference::KeyManagement | KeyReference::Retired(_) => {
            usage.key_encipherment() || usage.key_agreement()
        }
        KeyReference::SecureMessaging | KeyReference::Administration => true,
    };
    if !fits {
        findings.push(Finding::warning(
            CLAUSE,
            format!(
                "key usage {} does not fit key {key} ({public_key})",
                usages(usage).join(", ")
            ),
        ));
    }
}

fn usages(usage: &KeyUsage) -> Vec<&'static str> {
    [
        (usage.digital_signature(), "digitalSignature"),
        (usage.non_repudiation(), "nonRepudiation"),
        (usage.key_encipherment(), "keyEncipherment"),
        (usage.data_encipherment(), "dataEncipherment"),
        (usage.key_agreement(), "keyAgreement"),
        (usage.key_cert_sign(), "keyCertSign"),
        (usage.crl_sign(), "cRLSign"),
        (usage.encipher_only(), "encipherOnly"),
        (usage.decipher_only(), "decipherOnly"),
    ]
    .into_iter()
    .filter_map(|(set, name)| set.then_some(name))
    .collect()
}

fn describe(key: &PublicKey) -> String {
    match key.algorithm() {
        Some(algorithm) => algorithm.to_string(),
        None => "RSA of another size".to_owned(),
    }
}

fn malformed_extension(what: &str, error: &der::Error) -> Finding {
    Finding::violation("RFC 5280, 4.2", format!("malformed {what}: {error}"))
}

/// Hexadecimal, without the byte that only keeps a DER integer positive.
fn serial(bytes: &[u8]) -> String {
    match bytes {
        [0, rest @ ..] if !rest.is_empty() => hex::encode_upper(rest),
        bytes => hex::encode_upper(bytes),
    }
}

/// The UTC day.
pub(super) fn day(timestamp: Timestamp) -> String {
    timestamp.strftime("%Y-%m-%d").to_string()
}

/// The last moment of a certificate's validity.
pub(crate) fn not_after(certificate: &Certificate) -> Timestamp {
    timestamp(&certificate.tbs_certificate().validity().not_after)
}

fn timestamp(time: &Time) -> Timestamp {
    // X.509 times lie between 1950 and 9999; those before 1970 cannot be decoded by `der`.
    i64::try_from(time.to_unix_duration().as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or(Timestamp::MAX)
}
