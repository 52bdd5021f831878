//! Whose certificates they are: FASC-N and UUID in the subjectAltName (SP 800-73-5 Part 1, 3.4;
//! SP 800-85B-4, 11.1 and 11.4).

use piv::signed::{Identifiers, SubjectNames, check_identifiers};
use piv::words::ObjectId;

use super::reading::{certificate, chuid, judge, nothing, role};
use super::rule;
use crate::{Assertion, Evidence, Judgement, Objects, Standard};

const OF_THE_CARD: Objects = Objects::These(&[
    ObjectId::AuthenticationCertificate,
    ObjectId::CardAuthenticationCertificate,
]);
const CLAUSE: (Standard, &str) = (Standard::Sp80073, "Part 1, 3.4");

pub(super) const ASSERTIONS: &[Assertion] = &[
    rule(
        "certificate.fasc-n",
        "the FASC-N in the certificate is the CHUID's",
        CLAUSE,
        &["PKIX.12"],
        OF_THE_CARD,
        fasc_n,
    ),
    rule(
        "certificate.card-uuid",
        "the UUID in the certificate is the GUID of the CHUID",
        CLAUSE,
        &["PKIX.27"],
        OF_THE_CARD,
        card_uuid,
    ),
    rule(
        "certificate.other-names",
        "the certificate for Card Authentication has no other names",
        CLAUSE,
        &["PKIX.28"],
        Objects::These(&[ObjectId::CardAuthenticationCertificate]),
        other_names,
    ),
    rule(
        "certificate.names-this-card",
        "the holder's certificates name no other card",
        CLAUSE,
        &[],
        Objects::These(&[
            ObjectId::SignatureCertificate,
            ObjectId::KeyManagementCertificate,
        ]),
        names_this_card,
    ),
];

fn names(evidence: &Evidence, object: ObjectId) -> Option<SubjectNames> {
    SubjectNames::of(&certificate(evidence, object)?).ok()
}

fn fasc_n(evidence: &Evidence, object: ObjectId) -> Judgement {
    let expected = chuid(evidence).and_then(|chuid| chuid.fasc_n);
    let (Some(expected), Some(names)) = (expected, names(evidence, object)) else {
        return nothing("CHUID or subjectAltName");
    };
    match names.fasc_n[..] {
        // Issuers outside the government have the UUID alone.
        [] if !evidence.rules.federal => Judgement::pass(),
        [] => Judgement::fail(expected.to_string(), "no FASC-N in the subjectAltName"),
        [one] => Judgement::require(one == expected, expected.to_string(), || {
            format!("FASC-N {one}")
        }),
        _ => Judgement::fail("one FASC-N", format!("{} of them", names.fasc_n.len())),
    }
}

fn card_uuid(evidence: &Evidence, object: ObjectId) -> Judgement {
    let (Some(chuid), Some(names)) = (chuid(evidence), names(evidence, object)) else {
        return nothing("CHUID or subjectAltName");
    };
    let Some(expected) = chuid.guid else {
        return nothing("the GUID");
    };
    let shown: Vec<_> = names.uuids.iter().map(ToString::to_string).collect();
    let observed = || match shown.is_empty() {
        true => "no UUID in the subjectAltName".to_owned(),
        false => format!("UUID {}", shown.join(" and ")),
    };
    if !names.uuids.contains(&expected) {
        return Judgement::fail(expected.to_string(), observed());
    }
    // The holder's UUID may stand beside the card's in the certificate for PIV Authentication.
    let alone = object == ObjectId::CardAuthenticationCertificate;
    let others = names.uuids.iter().filter(|uuid| **uuid != expected);
    let strange = others.filter(|uuid| alone || chuid.cardholder.is_some_and(|it| it != **uuid));
    match strange.count() {
        0 if names.uuids.len() <= 2 => Judgement::pass(),
        _ if alone => Judgement::fail(format!("{expected} alone"), observed()),
        _ => Judgement::fail(
            format!("{expected}, and beside it the holder's"),
            observed(),
        ),
    }
}

fn other_names(evidence: &Evidence, object: ObjectId) -> Judgement {
    let Some(names) = names(evidence, object) else {
        return nothing("the subjectAltName");
    };
    Judgement::require(names.others.is_empty(), "FASC-N and UUID alone", || {
        names.others.join(", ")
    })
}

fn names_this_card(evidence: &Evidence, object: ObjectId) -> Judgement {
    let (Some(role), Some(certificate), Some(chuid)) =
        (role(object), certificate(evidence, object), chuid(evidence))
    else {
        return nothing("certificate or CHUID");
    };
    match Identifiers::of_certificate(role, &certificate) {
        Ok(identifiers) => judge(check_identifiers(chuid, &[identifiers])),
        Err(error) => Judgement::fail("a subjectAltName", error.to_string()),
    }
}
