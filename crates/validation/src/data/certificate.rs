//! The profile of the certificates and of the content signer's (SP 800-85B-4, 11; SP 800-78-5).

use piv::signed::{
    CardDates, CertificateAspect, CertificateRole, check_certificate_aspect, check_dates,
};
use piv::words::ObjectId;

use super::reading::{CERTIFICATES, certificate, chuid, judge, nothing, role};
use super::rule;
use crate::{Assertion, Evidence, Judgement, Objects, Standard};

const ALL: Objects = Objects::These(CERTIFICATES);
/// Those that name the card and can be asked about over OCSP.
const OF_THE_CARD: Objects = Objects::These(&[
    ObjectId::AuthenticationCertificate,
    ObjectId::CardAuthenticationCertificate,
]);
const HOLDERS: Objects = Objects::These(&[
    ObjectId::AuthenticationCertificate,
    ObjectId::SignatureCertificate,
    ObjectId::KeyManagementCertificate,
    ObjectId::CardAuthenticationCertificate,
]);

const PROFILE: (Standard, &str) = (Standard::Sp80085B, "11");
const KEYS: (Standard, &str) = (Standard::Sp80078, "Table 1");

pub(super) const ASSERTIONS: &[Assertion] = &[
    rule(
        "certificate.key",
        "the key is RSA-2048, RSA-3072, P-256 or P-384, and may be used as long as it is valid",
        KEYS,
        &["78.1"],
        ALL,
        |evidence, object| aspect(evidence, object, CertificateAspect::Key),
    ),
    rule(
        "certificate.exponent",
        "the public exponent of an RSA key is 65537",
        KEYS,
        &["PKIX.14"],
        ALL,
        |evidence, object| aspect(evidence, object, CertificateAspect::Exponent),
    ),
    rule(
        "certificate.signature-algorithm",
        "the certificate is signed with an allowed algorithm, its parameters as they must be",
        (Standard::Sp80078, "Table 3"),
        &["78.3"],
        ALL,
        |evidence, object| aspect(evidence, object, CertificateAspect::SignatureAlgorithm),
    ),
    rule(
        "certificate.key-usage",
        "the key usage is that of the certificate's role and no other",
        PROFILE,
        &["PKIX.2", "PKIX.4"],
        ALL,
        |evidence, object| aspect(evidence, object, CertificateAspect::KeyUsage),
    ),
    rule(
        "certificate.policies",
        "the certificate names a policy its issuer must have for this role",
        PROFILE,
        &["PKIX.5", "PKIX.6"],
        ALL,
        policies,
    ),
    rule(
        "certificate.extended-key-usage",
        "the extended key usage is that of the certificate's role",
        PROFILE,
        &["PKIX.19", "PKIX.20"],
        Objects::These(&[
            ObjectId::CardAuthenticationCertificate,
            ObjectId::Chuid,
            ObjectId::SecureMessagingSigner,
        ]),
        |evidence, object| aspect(evidence, object, CertificateAspect::ExtendedKeyUsage),
    ),
    rule(
        "certificate.interim",
        "the extension piv-interim is there and a BOOLEAN",
        PROFILE,
        &["PKIX.10"],
        OF_THE_CARD,
        |evidence, object| of_the_common_policy(evidence, object, CertificateAspect::Interim),
    ),
    rule(
        "certificate.issuer-access",
        "the issuer's certificates can be fetched over HTTP, as a `.p7c` file",
        PROFILE,
        &["PKIX.7", "PKIX.22", "PKIX.25", "PKIX.29", "PKIX.30"],
        ALL,
        |evidence, object| of_the_common_policy(evidence, object, CertificateAspect::IssuerAccess),
    ),
    rule(
        "certificate.ocsp",
        "the authority can be asked about revocation over HTTP",
        PROFILE,
        &["PKIX.7", "PKIX.8", "PKIX.9", "PKIX.23"],
        OF_THE_CARD,
        |evidence, object| of_the_common_policy(evidence, object, CertificateAspect::Ocsp),
    ),
    rule(
        "certificate.revocation-lists",
        "revocation lists can be fetched over HTTP, as a `.crl` file",
        PROFILE,
        &["PKIX.24", "PKIX.31"],
        ALL,
        |evidence, object| {
            of_the_common_policy(evidence, object, CertificateAspect::RevocationLists)
        },
    ),
    rule(
        "certificate.ends-with-the-card",
        "the certificate does not outlive the card",
        (Standard::Fips201, "4.2.2"),
        &["PKIX.13"],
        HOLDERS,
        ends_with_the_card,
    ),
    rule(
        "certificate.signer-outlives-card",
        "the content signer's certificate outlives the one for Card Authentication",
        (Standard::Sp80073, "Part 1, 3.1.2"),
        &[],
        Objects::These(&[ObjectId::Chuid]),
        signer_outlives,
    ),
];

/// Judges one part of the profile.
fn aspect(evidence: &Evidence, object: ObjectId, aspect: CertificateAspect) -> Judgement {
    let (Some(role), Some(certificate)) = (role(object), certificate(evidence, object)) else {
        return nothing("the certificate");
    };
    let rules = &evidence.rules;
    judge(check_certificate_aspect(aspect, role, &certificate, rules))
}

/// Judges a part that the Common Policy demands of the agencies it binds, and nobody of others.
fn of_the_common_policy(
    evidence: &Evidence,
    object: ObjectId,
    part: CertificateAspect,
) -> Judgement {
    match evidence.rules.federal {
        true => aspect(evidence, object, part),
        false => Judgement::not_applicable("the issuer is no federal agency"),
    }
}

fn policies(evidence: &Evidence, object: ObjectId) -> Judgement {
    match role(object).is_some_and(|role| evidence.rules.policies.contains_key(&role)) {
        true => aspect(evidence, object, CertificateAspect::Policies),
        false => Judgement::not_applicable("no policies were named to demand"),
    }
}

fn ends_with_the_card(evidence: &Evidence, object: ObjectId) -> Judgement {
    let expiry = chuid(evidence).and_then(|chuid| chuid.expiry);
    let (Some(role), Some(certificate), Some(_)) =
        (role(object), certificate(evidence, object), expiry)
    else {
        return nothing("certificate or CHUID");
    };
    let mut dates = CardDates {
        chuid: expiry,
        ..CardDates::default()
    };
    dates.add_certificate(role, &certificate);
    judge(check_dates(&dates, None))
}

fn signer_outlives(evidence: &Evidence, object: ObjectId) -> Judgement {
    let card = certificate(evidence, ObjectId::CardAuthenticationCertificate);
    let (Some(signer), Some(card)) = (certificate(evidence, object), card) else {
        return nothing("one of the certificates");
    };
    let mut dates = CardDates::default();
    dates.add_certificate(CertificateRole::ContentSigner, &signer);
    dates.add_certificate(CertificateRole::CardAuthentication, &card);
    judge(check_dates(&dates, None))
}
