//! The certificates, and the algorithms of their keys.

use std::collections::BTreeSet;

use piv::PublicKey;
use piv::objects::CertificateObject;
use piv::signed::SubjectNames;
use piv::words::KeyReference;
use x509_cert::Certificate;
use x509_cert::ext::pkix::{CertificatePolicies, KeyUsage};

use super::problems::certificate_in;
use super::{Differ, GAINED, IDENTITY, LOST, What};
use crate::{Class, Section};

pub(super) fn compare(differ: &mut Differ<'_>) {
    for key in (0..=u8::MAX).filter_map(KeyReference::from_byte) {
        let Some(object) = key.certificate() else {
            continue;
        };
        let (Some(a), Some(b)) = (differ.a.object(object), differ.b.object(object)) else {
            continue;
        };
        if a == b {
            continue;
        }
        // One that cannot be read is told by the problems of its object.
        if let (Some(one), Some(other)) = (certificate_in(a), certificate_in(b)) {
            let facts = (Facts::of(&one), Facts::of(&other));
            one_key(differ, key, &facts.0, &facts.1);
        }
        let compressed = |value| {
            CertificateObject::parse(value).is_ok_and(|object| object.value.is_compressed())
        };
        if compressed(a) != compressed(b) {
            let shown = |value| if compressed(value) { "gzip" } else { "plain" };
            let what = What::new(
                Section::Certificates,
                format!("certificate.{key}.compression"),
                format!("how the certificate of key {key} is stored"),
            );
            let why = "SP 800-73-5 Part 1, Appendix A allows both";
            differ.note(Class::Tolerated, what.a(shown(a)).b(shown(b)), why);
        }
    }
}

/// What is compared of a certificate.
struct Facts {
    subject: String,
    issuer: String,
    serial: String,
    from: String,
    until: String,
    signed_with: String,
    public_key: String,
    algorithm: String,
    usages: BTreeSet<String>,
    policies: BTreeSet<String>,
    extensions: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl Facts {
    fn of(certificate: &Certificate) -> Self {
        let tbs = certificate.tbs_certificate();
        let spki = tbs.subject_public_key_info();
        let algorithm = match PublicKey::from_spki(spki) {
            Ok(key) => key
                .algorithm()
                .map_or_else(|| "RSA of another size".to_owned(), |it| it.to_string()),
            Err(_) => spki.algorithm.oid.to_string(),
        };
        Self {
            subject: tbs.subject().to_string(),
            issuer: tbs.issuer().to_string(),
            serial: hex::encode_upper(tbs.serial_number().as_bytes()),
            from: tbs.validity().not_before.to_string(),
            until: tbs.validity().not_after.to_string(),
            signed_with: certificate.signature_algorithm().oid.to_string(),
            public_key: hex::encode_upper(spki.subject_public_key.raw_bytes()),
            algorithm,
            usages: usages(certificate),
            policies: policies(certificate),
            extensions: tbs
                .extensions()
                .into_iter()
                .flatten()
                .map(|extension| extension.extn_id.to_string())
                .collect(),
            names: names(certificate),
        }
    }
}

fn usages(certificate: &Certificate) -> BTreeSet<String> {
    match certificate.tbs_certificate().get_extension::<KeyUsage>() {
        Ok(Some((_, usage))) => usage
            .0
            .into_iter()
            .map(|usage| format!("{usage:?}"))
            .collect(),
        _ => BTreeSet::new(),
    }
}

fn policies(certificate: &Certificate) -> BTreeSet<String> {
    match certificate
        .tbs_certificate()
        .get_extension::<CertificatePolicies>()
    {
        Ok(Some((_, policies))) => policies
            .0
            .iter()
            .map(|policy| policy.policy_identifier.to_string())
            .collect(),
        _ => BTreeSet::new(),
    }
}

/// What [`SubjectNames`] calls the user principal name, by its identifier.
const USER_PRINCIPAL_NAME: &str = "otherName `1.3.6.1.4.1.311.20.2.3`";

/// The kinds of names in the subjectAltName; their values differ from card to card.
fn names(certificate: &Certificate) -> BTreeSet<String> {
    let Ok(names) = SubjectNames::of(certificate) else {
        return BTreeSet::new();
    };
    let mut kinds = BTreeSet::new();
    if !names.fasc_n.is_empty() {
        kinds.insert("FASC-N".to_owned());
    }
    if !names.uuids.is_empty() {
        kinds.insert("UUID".to_owned());
    }
    for other in names.others {
        let kind = match other.as_str() {
            USER_PRINCIPAL_NAME => "UPN",
            // What comes after the kind is the value.
            uri if uri.starts_with("URI `") => "URI",
            other => other,
        };
        kinds.insert(kind.to_owned());
    }
    kinds
}

fn one_key(differ: &mut Differ<'_>, key: KeyReference, a: &Facts, b: &Facts) {
    let what = |section, path: &str, name: &str| {
        What::new(
            section,
            format!("certificate.{key}.{path}"),
            format!("key {key}, {name}"),
        )
    };
    if a.algorithm != b.algorithm {
        let difference = what(Section::Algorithms, "algorithm", "algorithm");
        differ.note(
            Class::Regression,
            difference.a(&a.algorithm).b(&b.algorithm),
            "programs that use the first need not know the second",
        );
    }
    if a.signed_with != b.signed_with {
        let difference = what(
            Section::Algorithms,
            "signed-with",
            "algorithm the certificate is signed with",
        );
        differ.note(
            Class::Regression,
            difference.a(&a.signed_with).b(&b.signed_with),
            "programs that verify the first need not know the second",
        );
    }
    for (path, name, in_a, in_b) in [
        ("subject", "subject", &a.subject, &b.subject),
        ("serial", "serial number", &a.serial, &b.serial),
        ("not-before", "first moment of validity", &a.from, &b.from),
        ("not-after", "last moment of validity", &a.until, &b.until),
        ("public-key", "public key", &a.public_key, &b.public_key),
    ] {
        if in_a != in_b {
            let difference = what(Section::Certificates, path, name).a(in_a).b(in_b);
            differ.note(Class::Expected, difference, IDENTITY);
        }
    }
    if a.issuer != b.issuer {
        let difference = what(Section::Certificates, "issuer", "issuer");
        differ.note(
            Class::Tolerated,
            difference.a(&a.issuer).b(&b.issuer),
            "who issued it is the authority's matter, not the card's",
        );
    }
    for (path, name, in_a, in_b) in [
        ("usage", "key usage", &a.usages, &b.usages),
        ("policy", "certificate policy", &a.policies, &b.policies),
        ("extension", "extension", &a.extensions, &b.extensions),
        ("name", "name of the card", &a.names, &b.names),
    ] {
        for member in in_a.symmetric_difference(in_b) {
            let difference = what(
                Section::Certificates,
                &format!("{path}.{member}"),
                &format!("{name} {member}"),
            );
            if in_a.contains(member) {
                differ.note(Class::Regression, difference.a("yes").b("no"), LOST);
            } else {
                differ.note(Class::New, difference.a("no").b("yes"), GAINED);
            }
        }
    }
}
