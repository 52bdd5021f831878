//! The Security Object: hashes of the other objects, signed (SP 800-73-5 Part 1, 3.1.7;
//! SP 800-85B-4, 10.4).

use piv::objects::{Mapping, SecurityObject};
use piv::signed::{HashAlgorithm, LdsSecurityObject, oid};
use piv::words::ObjectId;

use super::reading::nothing;
use super::rule;
use super::signature::{certificates_in, parse, signature_bytes, signed, signer};
use crate::{Assertion, Deviation, Evidence, Judgement, ObjectState, Objects, Standard};

const SECURITY: Objects = Objects::These(&[ObjectId::SecurityObject]);
const CLAUSE: (Standard, &str) = (Standard::Sp80073, "Part 1, 3.1.7");

/// Objects that carry no signature of their own.
const UNSIGNED: [ObjectId; 6] = [
    ObjectId::CardCapabilityContainer,
    ObjectId::PrintedInformation,
    ObjectId::Discovery,
    ObjectId::KeyHistory,
    ObjectId::BiometricInformationTemplates,
    ObjectId::PairingCode,
];

pub(super) const ASSERTIONS: &[Assertion] = &[
    rule(
        "security.mapping",
        "each data group is mapped to a container of its own that exists",
        CLAUSE,
        &[],
        SECURITY,
        mapping,
    ),
    rule(
        "security.objects-there",
        "every object mapped is on the card",
        CLAUSE,
        &["73-4.36"],
        SECURITY,
        objects_there,
    ),
    rule(
        "security.content",
        "the signed content is an LDSSecurityObject, version 0",
        CLAUSE,
        &["CMS.19", "CMS.20"],
        SECURITY,
        lds,
    ),
    rule(
        "security.no-certificates",
        "no certificate is inside: the CHUID's is to be used",
        CLAUSE,
        &["CMS.21"],
        SECURITY,
        |evidence, object| {
            signed(evidence, object, |data| {
                let count = certificates_in(data).len();
                Judgement::require(
                    data.certificates.is_none(),
                    "no field of certificates",
                    || format!("a field of {count} certificates"),
                )
            })
        },
    ),
    rule(
        "security.hash-algorithm",
        "the hashes are made by the signature's digest algorithm",
        CLAUSE,
        &[],
        SECURITY,
        hash_algorithm,
    ),
    rule(
        "security.groups",
        "data groups are hashed exactly as they are mapped",
        CLAUSE,
        &[],
        SECURITY,
        groups,
    ),
    rule(
        "security.hashes",
        "every hash is that of the object on the card",
        CLAUSE,
        &["73-4.37"],
        SECURITY,
        hashes,
    ),
    rule(
        "security.covers-unsigned-objects",
        "every object without a signature of its own is hashed",
        CLAUSE,
        &[],
        SECURITY,
        covers_unsigned,
    ),
];

/// The signed content, without the tag and length of its OCTET STRING.
pub(super) fn content(evidence: &Evidence) -> Option<Vec<u8>> {
    let data = parse(&signature_bytes(evidence, ObjectId::SecurityObject)?).ok()?;
    let content = data.encap_content_info.econtent?;
    Some(content.value().to_vec())
}

fn hashed(evidence: &Evidence) -> Option<LdsSecurityObject> {
    der::Decode::from_der(&content(evidence)?).ok()
}

fn mapped(evidence: &Evidence) -> Option<Vec<Mapping>> {
    let parsed = SecurityObject::parse(evidence.value(ObjectId::SecurityObject)?).ok()?;
    (!parsed.value.mapping.is_empty()).then_some(parsed.value.mapping)
}

fn mapping(evidence: &Evidence, object: ObjectId) -> Judgement {
    let elements = super::reading::Elements::of(evidence, object);
    let Some(bytes) = elements.get(0xBA) else {
        return nothing("the mapping");
    };
    let mut deviations = Vec::new();
    if bytes.len() % 3 != 0 || bytes.is_empty() {
        deviations.push(Deviation::new(
            "entries of 3 bytes",
            format!("a mapping of {} bytes", bytes.len()),
        ));
    }
    let entries = mapped(evidence).unwrap_or_default();
    for (index, entry) in entries.iter().enumerate() {
        let before = &entries[..index];
        if before.iter().any(|it| it.number == entry.number) {
            let what = format!("data group {} twice", entry.number);
            deviations.push(Deviation::new("each data group once", what));
        }
        if before.iter().any(|it| it.container == entry.container) {
            let what = format!("container {:04X} twice", entry.container);
            deviations.push(Deviation::new("each container once", what));
        }
        if entry.object().is_none() {
            let what = format!("container {:04X}", entry.container);
            deviations.push(Deviation::new("a container of the standard", what));
        }
    }
    Judgement::broken(deviations)
}

fn objects_there(evidence: &Evidence, _: ObjectId) -> Judgement {
    let Some(entries) = mapped(evidence) else {
        return nothing("the mapping");
    };
    let objects = entries.iter().filter_map(|entry| entry.object());
    let deviations = objects.filter_map(|object| {
        let what = match evidence.readings.get(&object)?.state {
            ObjectState::Absent => "it is not on the card",
            ObjectState::Empty => "it is empty",
            _ => return None,
        };
        Some(Deviation::new(format!("{object} on the card"), what))
    });
    Judgement::broken(deviations.collect())
}

fn lds(evidence: &Evidence, object: ObjectId) -> Judgement {
    signed(evidence, object, |data| {
        let kind = data.encap_content_info.econtent_type;
        if kind != oid::LDS_SECURITY_OBJECT {
            let expected = format!("content type `{}`", oid::LDS_SECURITY_OBJECT);
            return Judgement::fail(expected, format!("content type `{kind}`"));
        }
        match hashed(evidence) {
            None => Judgement::fail("an LDSSecurityObject", "content that is none"),
            Some(lds) => {
                Judgement::require(lds.version == 0, "0", || format!("version {}", lds.version))
            }
        }
    })
}

fn hash_algorithm(evidence: &Evidence, object: ObjectId) -> Judgement {
    let Some(lds) = hashed(evidence) else {
        return nothing("the hashes");
    };
    signer(evidence, object, |info| {
        let (actual, expected) = (lds.hash_algorithm.oid, info.digest_alg.oid);
        let allowed = HashAlgorithm::from_oid(actual).is_some();
        Judgement::require(allowed && actual == expected, expected.to_string(), || {
            format!("hash algorithm `{actual}`")
        })
    })
}

fn groups(evidence: &Evidence, _: ObjectId) -> Judgement {
    let (Some(lds), Some(entries)) = (hashed(evidence), mapped(evidence)) else {
        return nothing("hashes or mapping");
    };
    let mut deviations = Vec::new();
    for entry in &entries {
        let of_number = lds
            .data_groups
            .iter()
            .filter(|it| it.number == entry.number);
        let count = of_number.count();
        if count != 1 {
            deviations.push(Deviation::new(
                format!("one hash of data group {}", entry.number),
                format!("{count} hashes"),
            ));
        }
    }
    for group in &lds.data_groups {
        if !entries.iter().any(|entry| entry.number == group.number) {
            deviations.push(Deviation::new(
                format!("a mapping of data group {}", group.number),
                "it is not mapped",
            ));
        }
    }
    Judgement::broken(deviations)
}

fn hashes(evidence: &Evidence, _: ObjectId) -> Judgement {
    let (Some(lds), Some(entries)) = (hashed(evidence), mapped(evidence)) else {
        return nothing("hashes or mapping");
    };
    let Some(algorithm) = HashAlgorithm::from_oid(lds.hash_algorithm.oid) else {
        return nothing("the hash algorithm");
    };
    let mut judgement = Judgement::pass();
    let mut unread = Vec::new();
    for entry in entries {
        let mut of_number = lds
            .data_groups
            .iter()
            .filter(|it| it.number == entry.number);
        let (Some(group), Some(object)) = (of_number.next(), entry.object()) else {
            continue;
        };
        let Some(value) = evidence.value(object) else {
            unread.push(object.to_string());
            continue;
        };
        if algorithm.digest(value).as_bytes() != group.hash.as_bytes() {
            judgement = judgement.and(Judgement::fail(
                format!("the {object} that was hashed"),
                "another, or one changed since",
            ));
        }
    }
    if !unread.is_empty() && judgement.reason.is_empty() {
        judgement.reason = format!("covered and not read: {}", unread.join(", "));
    }
    judgement
}

fn covers_unsigned(evidence: &Evidence, _: ObjectId) -> Judgement {
    let Some(entries) = mapped(evidence) else {
        return nothing("the mapping");
    };
    let there = UNSIGNED
        .iter()
        .filter(|object| evidence.raw(**object).is_some());
    let uncovered =
        there.filter(|object| !entries.iter().any(|entry| entry.object() == Some(**object)));
    let deviations =
        uncovered.map(|object| Deviation::new(format!("a hash of the {object}"), "there is none"));
    Judgement::broken(deviations.collect())
}
