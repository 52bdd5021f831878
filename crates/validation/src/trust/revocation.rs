use const_oid::db::rfc5280;
use der::Encode;
use jiff::Timestamp;
use piv::PublicKey;
use piv::signed::verify_signature;
use x509_cert::Certificate;
use x509_cert::crl::CertificateList;
use x509_cert::ext::pkix::crl::CrlReason;
use x509_cert::ext::pkix::{BasicConstraints, IssuingDistributionPoint, KeyUsage};

use super::{CertificatePath, TrustStore, timestamp};

/// What revocation lists say of a certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Revocation {
    /// A current list of its issuer does not name it.
    Good,
    /// One does.
    Revoked {
        /// Since when.
        since: String,
        /// Why, in the words of RFC 5280, 5.3.1.
        reason: String,
    },
    /// No list of its issuer can be relied on now, and why.
    Unknown(String),
}

impl TrustStore {
    /// What the lists given say of every certificate of a path but the trusted one, with its
    /// subject.
    #[must_use]
    pub fn revocation(&self, path: &CertificatePath, now: Timestamp) -> Vec<(String, Revocation)> {
        let pairs = path.certificates.windows(2);
        pairs
            .map(|pair| {
                let subject = pair[0].tbs_certificate().subject().to_string();
                (subject, self.look_up(&pair[0], &pair[1], now))
            })
            .collect()
    }

    fn look_up(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        now: Timestamp,
    ) -> Revocation {
        let name = certificate.tbs_certificate().issuer();
        let mut state = Revocation::Unknown(format!("no revocation list of `{name}` was given"));
        let lists = self.revocation_lists.iter();
        for list in lists.filter(|list| list.tbs_cert_list.issuer == *name) {
            match state_in(list, certificate, issuer, now) {
                revoked @ Revocation::Revoked { .. } => return revoked,
                Revocation::Good => state = Revocation::Good,
                unknown @ Revocation::Unknown(_) if state != Revocation::Good => state = unknown,
                Revocation::Unknown(_) => {}
            }
        }
        state
    }
}

fn state_in(
    list: &CertificateList,
    certificate: &Certificate,
    issuer: &Certificate,
    now: Timestamp,
) -> Revocation {
    if let Some(why) = unreliable(list, certificate, issuer, now) {
        return Revocation::Unknown(why);
    }
    let serial = certificate.tbs_certificate().serial_number();
    let entries = list.tbs_cert_list.revoked_certificates.iter().flatten();
    let mut of_it = entries.filter(|entry| entry.serial_number == *serial);
    match of_it.next() {
        None => Revocation::Good,
        Some(entry) => {
            let extensions = entry.crl_entry_extensions.iter().flatten();
            let reason = extensions
                .filter(|it| it.extn_id == rfc5280::ID_CE_CRL_REASONS)
                .find_map(|it| der::Decode::from_der(it.extn_value.as_bytes()).ok())
                .unwrap_or(CrlReason::Unspecified);
            Revocation::Revoked {
                since: entry.revocation_date.to_string(),
                reason: format!("{reason:?}"),
            }
        }
    }
}

/// Why a list says nothing of a certificate, if so.
fn unreliable(
    list: &CertificateList,
    certificate: &Certificate,
    issuer: &Certificate,
    now: Timestamp,
) -> Option<String> {
    let name = &list.tbs_cert_list.issuer;
    if !is_signed(list, issuer) {
        return Some(format!("the list of `{name}` was not signed by its key"));
    }
    let usage = issuer.tbs_certificate().get_extension::<KeyUsage>();
    if matches!(usage, Ok(Some((_, usage))) if !usage.crl_sign()) {
        return Some(format!("`{name}` may not sign revocation lists"));
    }
    let this = timestamp(list.tbs_cert_list.this_update);
    if this.is_none_or(|this| now < this) {
        let from = list.tbs_cert_list.this_update;
        return Some(format!("the list of `{name}` is valid from {from}"));
    }
    match list
        .tbs_cert_list
        .next_update
        .map(|next| (next, timestamp(next)))
    {
        Some((_, Some(moment))) if now <= moment => {}
        Some((next, _)) => return Some(format!("the list of `{name}` was valid until {next}")),
        None => {
            return Some(format!(
                "the list of `{name}` does not say until when it is valid"
            ));
        }
    }
    scope(list, certificate).map(|why| format!("the list of `{name}` {why}"))
}

fn is_signed(list: &CertificateList, issuer: &Certificate) -> bool {
    let key = PublicKey::from_spki(issuer.tbs_certificate().subject_public_key_info());
    let (Ok(key), Ok(signed)) = (key, list.tbs_cert_list.to_der()) else {
        return false;
    };
    verify_signature(
        &key,
        &list.signature_algorithm,
        None,
        &signed,
        list.signature.raw_bytes(),
    )
    .is_ok()
}

/// Why a list is not about a certificate (RFC 5280, 5.2.4 and 5.2.5).
fn scope(list: &CertificateList, certificate: &Certificate) -> Option<&'static str> {
    let extensions = list.tbs_cert_list.crl_extensions.iter().flatten();
    for extension in extensions.filter(|extension| extension.critical) {
        if extension.extn_id != rfc5280::ID_CE_ISSUING_DISTRIBUTION_POINT {
            return Some(match extension.extn_id {
                rfc5280::ID_CE_DELTA_CRL_INDICATOR => "holds changes only",
                _ => "has a critical extension that is not understood",
            });
        }
        let point: Result<IssuingDistributionPoint, _> =
            der::Decode::from_der(extension.extn_value.as_bytes());
        let Ok(point) = point else {
            return Some("has a distribution point that cannot be read");
        };
        let constraints = certificate
            .tbs_certificate()
            .get_extension::<BasicConstraints>();
        let is_authority = matches!(constraints, Ok(Some((_, it))) if it.ca);
        if point.indirect_crl || point.only_some_reasons.is_some() {
            return Some("is about some reasons, or other issuers");
        }
        if point.only_contains_attribute_certs
            || point.only_contains_ca_certs && !is_authority
            || point.only_contains_user_certs && is_authority
        {
            return Some("is about other certificates");
        }
    }
    None
}
