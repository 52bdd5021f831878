//! What is signed: signed attributes, digest and the signature itself (SP 800-73-5 Part 1, 3.1.2;
//! SP 800-85B-4, 10; RFC 5652, 5.3 to 5.6).

use cms::signed_data::SignerInfo;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST};
use const_oid::db::rfc5912;
use der::asn1::OctetString;
use der::{Decode, Encode, Tagged};
use piv::PublicKey;
use piv::objects::FascN;
use piv::signed::{HashAlgorithm, SignedError, oid, verify_signature};
use piv::words::ObjectId;
use uuid::Uuid;
use x509_cert::ext::pkix::ExtendedKeyUsage;
use x509_cert::name::Name;

use super::reading::{BIOMETRICS, Elements, chuid, nothing, record};
use super::rule;
use super::signature::{DETACHED, SIGNED, content_type, signed, signer, signer_of};
use crate::{Assertion, Evidence, Judgement, Objects, Standard};

const CLAUSE: (Standard, &str) = (Standard::Sp80073, "Part 1, 3.1.2 and 3.1.7");
const OF_BIOMETRICS: (Standard, &str) = (Standard::Fips201, "4.2.3");
const BIOMETRIC: Objects = Objects::These(BIOMETRICS);

pub(super) const ASSERTIONS: &[Assertion] = &[
    rule(
        "signature.message-digest",
        "the message digest is that of the object: it was not changed after it was signed",
        CLAUSE,
        &["CMS.11"],
        SIGNED,
        message_digest,
    ),
    rule(
        "signature.content-type",
        "the signed content type is the one of the object",
        (Standard::Sp80073, "Part 1, 3.1.2; RFC 5652, 5.3"),
        &[],
        SIGNED,
        |evidence, object| {
            signer(evidence, object, |info| {
                let stated: Option<ObjectIdentifier> = attribute(info, ID_CONTENT_TYPE);
                let expected = content_type(object);
                Judgement::require(stated == Some(expected), expected.to_string(), || {
                    shown(stated)
                })
            })
        },
    ),
    rule(
        "signature.signer-name",
        "pivSigner-DN is the subject of the signer's certificate",
        CLAUSE,
        &["CMS.12"],
        DETACHED,
        signer_name,
    ),
    rule(
        "signature.algorithm",
        "the signature algorithm is rsaEncryption, RSASSA-PSS or ECDSA with SHA-256 or SHA-384",
        (Standard::Sp80078, "Table 3"),
        &["CMS.13"],
        SIGNED,
        algorithm,
    ),
    rule(
        "signature.verifies",
        "the signature verifies with the signer's certificate",
        CLAUSE,
        &["CMS.14"],
        SIGNED,
        verifies,
    ),
    rule(
        "signature.content-signing",
        "the signer's certificate is for signing the content of PIV cards",
        (Standard::Fips201, "4.2.1; SP 800-73-5 Part 1, 3.1.2"),
        &["CMS.15"],
        BIOMETRIC,
        content_signing,
    ),
    rule(
        "signature.fasc-n",
        "the signed FASC-N is the CHUID's",
        OF_BIOMETRICS,
        &["CMS.29"],
        BIOMETRIC,
        fasc_n,
    ),
    rule(
        "signature.card-uuid",
        "the signed entryUUID is the GUID of the CHUID",
        OF_BIOMETRICS,
        &["CMS.30"],
        BIOMETRIC,
        card_uuid,
    ),
];

/// The only value of the only attribute with this identifier.
fn attribute<T: for<'a> Decode<'a>>(info: &SignerInfo, identifier: ObjectIdentifier) -> Option<T> {
    let attributes = info.signed_attrs.iter().flat_map(|set| set.iter());
    let mut fitting = attributes.filter(|attribute| attribute.oid == identifier);
    let (Some(attribute), None) = (fitting.next(), fitting.next()) else {
        return None;
    };
    let [value] = attribute.values.as_slice() else {
        return None;
    };
    T::from_der(&value.to_der().ok()?).ok()
}

fn shown(value: Option<impl ToString>) -> String {
    value.map_or_else(
        || "none, or not one that can be read".to_owned(),
        |value| value.to_string(),
    )
}

/// The bytes an object's signature is about, as they stand on the card.
fn covered(evidence: &Evidence, object: ObjectId) -> Option<Vec<u8>> {
    match object {
        ObjectId::Chuid => {
            let elements = Elements::of(evidence, object);
            // Neither the signature itself nor the buffer length is covered.
            let covered = elements
                .found
                .iter()
                .filter(|it| !matches!(it.tag.0, 0x3E | 0xEE));
            Some(covered.flat_map(|it| it.raw).copied().collect())
        }
        ObjectId::SecurityObject => super::security::content(evidence),
        _ => record(evidence, object).map(|(_, record)| record.value.covered()),
    }
}

fn message_digest(evidence: &Evidence, object: ObjectId) -> Judgement {
    let Some(content) = covered(evidence, object) else {
        return nothing("what is signed");
    };
    signer(evidence, object, |info| {
        let Some(hash) = HashAlgorithm::from_oid(info.digest_alg.oid) else {
            return nothing("the digest algorithm");
        };
        let stated: Option<OctetString> = attribute(info, ID_MESSAGE_DIGEST);
        let actual = hash.digest(&content);
        let same = stated.as_ref().map(OctetString::as_bytes) == Some(actual.as_bytes());
        Judgement::require(same, hex::encode_upper(actual.as_bytes()), || {
            shown(stated.map(|digest| hex::encode_upper(digest.as_bytes())))
        })
    })
}

fn signer_name(evidence: &Evidence, object: ObjectId) -> Judgement {
    signed(evidence, object, |data| {
        let (Some(certificate), [info]) = (
            signer_of(evidence, object, data),
            data.signer_infos.0.as_slice(),
        ) else {
            return nothing("the signer");
        };
        let stated: Option<Name> = attribute(info, oid::SIGNER_DN);
        let subject = certificate.tbs_certificate().subject();
        Judgement::require(
            stated.as_ref() == Some(subject),
            format!("`{subject}`"),
            || shown(stated),
        )
    })
}

fn algorithm(evidence: &Evidence, object: ObjectId) -> Judgement {
    signed(evidence, object, |data| {
        let (Some(certificate), [info]) = (
            signer_of(evidence, object, data),
            data.signer_infos.0.as_slice(),
        ) else {
            return nothing("the signer");
        };
        let spki = certificate.tbs_certificate().subject_public_key_info();
        let Ok(key) = PublicKey::from_spki(spki) else {
            return nothing("the signer's key");
        };
        let algorithm = &info.signature_algorithm;
        let none = algorithm.parameters.is_none();
        let null = none
            || algorithm
                .parameters
                .as_ref()
                .is_some_and(|it| it.tag() == der::Tag::Null);
        let (right, expected) = match key {
            PublicKey::Rsa(_) => (
                algorithm.oid == rfc5912::RSA_ENCRYPTION && null
                    || algorithm.oid == rfc5912::ID_RSASSA_PSS,
                "rsaEncryption or RSASSA-PSS",
            ),
            PublicKey::P256(_) => (
                algorithm.oid == rfc5912::ECDSA_WITH_SHA_256 && none,
                "ecdsa-with-SHA256",
            ),
            PublicKey::P384(_) => (
                algorithm.oid == rfc5912::ECDSA_WITH_SHA_384 && none,
                "ecdsa-with-SHA384",
            ),
        };
        Judgement::require(right, expected, || format!("`{}`", algorithm.oid))
    })
}

fn verifies(evidence: &Evidence, object: ObjectId) -> Judgement {
    signed(evidence, object, |data| {
        let [info] = data.signer_infos.0.as_slice() else {
            return nothing("the one signer");
        };
        let Some(certificate) = signer_of(evidence, object, data) else {
            return Judgement::fail(
                "the signer's certificate, here or in the CHUID",
                "there is none",
            );
        };
        let spki = certificate.tbs_certificate().subject_public_key_info();
        // The attributes are signed as a SET OF, not with the tag they stand under.
        let (Ok(key), Ok(attributes)) = (PublicKey::from_spki(spki), info.signed_attrs.to_der())
        else {
            return nothing("the signer's key");
        };
        let outcome = verify_signature(
            &key,
            &info.signature_algorithm,
            HashAlgorithm::from_oid(info.digest_alg.oid),
            &attributes,
            info.signature.as_bytes(),
        );
        match outcome {
            Ok(()) => Judgement::pass(),
            Err(SignedError::Algorithm { .. }) => nothing("the signature algorithm"),
            Err(error) => Judgement::fail("a signature that verifies", error.to_string()),
        }
    })
}

fn content_signing(evidence: &Evidence, object: ObjectId) -> Judgement {
    signed(evidence, object, |data| {
        let Some(certificate) = signer_of(evidence, object, data) else {
            return nothing("the signer's certificate");
        };
        let extension = certificate.tbs_certificate().get_extension();
        let usages = match extension {
            Ok(Some((_, ExtendedKeyUsage(usages)))) => usages,
            _ => Vec::new(),
        };
        let allowed = &evidence.rules.content_signing;
        let fits = usages.iter().any(|usage| allowed.contains(usage));
        let listed = |usages: &[ObjectIdentifier]| {
            let names: Vec<_> = usages.iter().map(ToString::to_string).collect();
            names.join(", ")
        };
        Judgement::require(fits, format!("one of [{}]", listed(allowed)), || {
            format!("extended key usage [{}]", listed(&usages))
        })
    })
}

fn fasc_n(evidence: &Evidence, object: ObjectId) -> Judgement {
    let Some(expected) = chuid(evidence).and_then(|chuid| chuid.fasc_n) else {
        return nothing("the FASC-N of the CHUID");
    };
    signer(evidence, object, |info| {
        let stated: Option<OctetString> = attribute(info, oid::FASC_N);
        let stated = stated
            .and_then(|octets| octets.as_bytes().try_into().ok())
            .map(FascN::from_bytes);
        Judgement::require(stated == Some(expected), expected.to_string(), || {
            format!("pivFASC-N {}", shown(stated))
        })
    })
}

fn card_uuid(evidence: &Evidence, object: ObjectId) -> Judgement {
    let Some(expected) = chuid(evidence).and_then(|chuid| chuid.guid) else {
        return nothing("the GUID of the CHUID");
    };
    signer(evidence, object, |info| {
        let stated: Option<OctetString> = attribute(info, oid::ENTRY_UUID);
        let stated = stated.and_then(|octets| Uuid::from_slice(octets.as_bytes()).ok());
        Judgement::require(stated == Some(expected), expected.to_string(), || {
            format!("entryUUID {}", shown(stated))
        })
    })
}
