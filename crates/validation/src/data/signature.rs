//! The frame of the issuer's signatures: CMS SignedData with one signer (SP 800-73-5 Part 1, 3.1.2
//! and 3.1.7; SP 800-85B-4, 10; RFC 5652).

use cms::cert::CertificateChoices;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::ID_SIGNED_DATA;
use der::Decode;
use piv::signed::{HashAlgorithm, oid};
use piv::words::ObjectId;
use x509_cert::Certificate;

use super::reading::{Elements, nothing, record};
use super::rule;
use crate::{Assertion, Deviation, Evidence, Judgement, Objects, Standard, Verdict};

/// Objects with a signature of the issuer.
pub(super) const SIGNED: Objects = Objects::These(&[
    ObjectId::Chuid,
    ObjectId::Fingerprints,
    ObjectId::FacialImage,
    ObjectId::IrisImages,
    ObjectId::SecurityObject,
]);
/// Those whose signature is about bytes outside it.
pub(super) const DETACHED: Objects = Objects::These(&[
    ObjectId::Chuid,
    ObjectId::Fingerprints,
    ObjectId::FacialImage,
    ObjectId::IrisImages,
]);

const CLAUSE: (Standard, &str) = (Standard::Sp80073, "Part 1, 3.1.2 and 3.1.7");
const ALGORITHMS: (Standard, &str) = (Standard::Sp80078, "Table 2");

pub(super) const ASSERTIONS: &[Assertion] = &[
    rule(
        "signature.signed-data",
        "the issuer's signature is there, as CMS SignedData",
        CLAUSE,
        &["CMS.1", "CMS.10"],
        SIGNED,
        is_signed_data,
    ),
    rule(
        "signature.version",
        "the version of the SignedData is 3",
        CLAUSE,
        &["CMS.2", "CMS.18"],
        SIGNED,
        |evidence, object| {
            signed(evidence, object, |data| {
                Judgement::require(data.version == CmsVersion::V3, "3", || {
                    format!("version {}", data.version as u8)
                })
            })
        },
    ),
    rule(
        "signature.digest-algorithms",
        "the digest algorithms listed are SHA-256 or SHA-384",
        ALGORITHMS,
        &["CMS.3", "CMS.4"],
        SIGNED,
        digest_algorithms,
    ),
    rule(
        "signature.content",
        "the content is outside, and its type is the one of the object",
        CLAUSE,
        &["CMS.5"],
        DETACHED,
        content,
    ),
    rule(
        "signature.no-revocation-lists",
        "no revocation lists are inside",
        CLAUSE,
        &["CMS.6"],
        SIGNED,
        |evidence, object| {
            signed(evidence, object, |data| {
                Judgement::require(data.crls.is_none(), "no revocation lists", || {
                    "a field of revocation lists".to_owned()
                })
            })
        },
    ),
    rule(
        "signature.one-signer",
        "there is one signer",
        CLAUSE,
        &["CMS.7"],
        SIGNED,
        |evidence, object| {
            signed(evidence, object, |data| {
                let count = data.signer_infos.0.len();
                Judgement::require(count == 1, "1", || format!("{count} signers"))
            })
        },
    ),
    rule(
        "signature.signer-identifier",
        "the signer is named by issuer and serial number",
        CLAUSE,
        &["CMS.8"],
        SIGNED,
        |evidence, object| {
            signer(evidence, object, |info| {
                let named = matches!(info.sid, SignerIdentifier::IssuerAndSerialNumber(_));
                Judgement::require(named, "issuer and serial number", || {
                    "a subject key identifier".to_owned()
                })
            })
        },
    ),
    rule(
        "signature.names-its-signer",
        "issuer and serial number are those of the signer's certificate",
        CLAUSE,
        &["CMS.8", "CMS.9"],
        SIGNED,
        names_its_signer,
    ),
    rule(
        "signature.signer-digest",
        "the signer's digest algorithm is SHA-256 or SHA-384",
        ALGORITHMS,
        &["CMS.23"],
        SIGNED,
        |evidence, object| {
            signer(evidence, object, |info| {
                let algorithm = info.digest_alg.oid;
                let known = HashAlgorithm::from_oid(algorithm).is_some();
                Judgement::require(known, "SHA-256 or SHA-384", || format!("`{algorithm}`"))
            })
        },
    ),
    rule(
        "signature.digests-agree",
        "the digest algorithm listed is the signer's",
        CLAUSE,
        &["CMS.25"],
        SIGNED,
        digests_agree,
    ),
    rule(
        "signature.certificates",
        "the CHUID holds its signer's certificate, a biometric that or none",
        CLAUSE,
        &["CMS.14"],
        DETACHED,
        certificates,
    ),
    rule(
        "signature.same-signer",
        "the biometric has the CHUID's signer",
        (Standard::Fips201, "4.2.3.2"),
        &[],
        Objects::These(super::reading::BIOMETRICS),
        same_signer,
    ),
];

/// The signature of an object, as it stands in it.
pub(super) fn signature_bytes(evidence: &Evidence, object: ObjectId) -> Option<Vec<u8>> {
    match object {
        ObjectId::Chuid => Elements::of(evidence, object).get(0x3E).map(<[u8]>::to_vec),
        ObjectId::SecurityObject => Elements::of(evidence, object).get(0xBB).map(<[u8]>::to_vec),
        _ => record(evidence, object).map(|(_, record)| record.value.signature),
    }
}

pub(super) fn parse(bytes: &[u8]) -> Result<SignedData, String> {
    let info = ContentInfo::from_der(bytes).map_err(|error| error.to_string())?;
    match info.content_type {
        ID_SIGNED_DATA => info
            .content
            .decode_as()
            .map_err(|error: der::Error| error.to_string()),
        other => Err(format!("content type `{other}`")),
    }
}

/// Judges the SignedData of an object.
pub(super) fn signed(
    evidence: &Evidence,
    object: ObjectId,
    judge: impl Fn(&SignedData) -> Judgement,
) -> Judgement {
    let parsed = signature_bytes(evidence, object).and_then(|bytes| parse(&bytes).ok());
    parsed.map_or_else(|| nothing("the signature"), |data| judge(&data))
}

/// Judges the only signer of an object.
pub(super) fn signer(
    evidence: &Evidence,
    object: ObjectId,
    judge: impl Fn(&SignerInfo) -> Judgement,
) -> Judgement {
    signed(evidence, object, |data| {
        match data.signer_infos.0.as_slice() {
            [info] => judge(info),
            _ => nothing("the one signer"),
        }
    })
}

/// The certificates in a SignedData.
pub(super) fn certificates_in(data: &SignedData) -> Vec<&Certificate> {
    let choices = data.certificates.iter().flat_map(|set| set.0.iter());
    choices
        .filter_map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => Some(certificate),
            CertificateChoices::Other(_) => None,
        })
        .collect()
}

/// The certificate in the CHUID, whether or not its signature verifies.
pub(super) fn chuid_signer(evidence: &Evidence) -> Option<Certificate> {
    let data = parse(&signature_bytes(evidence, ObjectId::Chuid)?).ok()?;
    certificates_in(&data).first().copied().cloned()
}

/// The certificate an object's signature is to be verified with: its own, or else the CHUID's.
pub(super) fn signer_of(
    evidence: &Evidence,
    object: ObjectId,
    data: &SignedData,
) -> Option<Certificate> {
    let own = match object {
        ObjectId::SecurityObject => None,
        _ => certificates_in(data).first().copied().cloned(),
    };
    own.or_else(|| chuid_signer(evidence))
}

/// The type of content an object's signature is about.
pub(super) fn content_type(object: ObjectId) -> ObjectIdentifier {
    match object {
        ObjectId::Chuid => oid::CHUID_SECURITY_OBJECT,
        ObjectId::SecurityObject => oid::LDS_SECURITY_OBJECT,
        _ => oid::BIOMETRIC_OBJECT,
    }
}

fn is_signed_data(evidence: &Evidence, object: ObjectId) -> Judgement {
    let Some(bytes) = signature_bytes(evidence, object) else {
        return nothing("the signature");
    };
    if bytes.is_empty() {
        return Judgement::fail("a signature", "the object is not signed");
    }
    match parse(&bytes) {
        Ok(_) => Judgement::pass(),
        Err(error) => Judgement::fail("CMS SignedData", error),
    }
}

fn digest_algorithms(evidence: &Evidence, object: ObjectId) -> Judgement {
    signed(evidence, object, |data| {
        let listed = data.digest_algorithms.as_slice();
        if listed.is_empty() {
            return Judgement::fail("SHA-256 or SHA-384", "no digest algorithm");
        }
        let others = listed
            .iter()
            .filter(|algorithm| HashAlgorithm::from_oid(algorithm.oid).is_none());
        let deviations =
            others.map(|it| Deviation::new("SHA-256 or SHA-384", format!("`{}`", it.oid)));
        Judgement::broken(deviations.collect())
    })
}

fn content(evidence: &Evidence, object: ObjectId) -> Judgement {
    signed(evidence, object, |data| {
        let content = &data.encap_content_info;
        let expected = content_type(object);
        let inside = Judgement::require(content.econtent.is_none(), "no content inside", || {
            "content inside the signature".to_owned()
        });
        let kind = Judgement::require(
            content.econtent_type == expected,
            format!("content type `{expected}`"),
            || format!("content type `{}`", content.econtent_type),
        );
        inside.and(kind)
    })
}

fn names_its_signer(evidence: &Evidence, object: ObjectId) -> Judgement {
    signed(evidence, object, |data| {
        let Some(certificate) = signer_of(evidence, object, data) else {
            return nothing("the signer's certificate");
        };
        let [info] = data.signer_infos.0.as_slice() else {
            return nothing("the one signer");
        };
        let SignerIdentifier::IssuerAndSerialNumber(named) = &info.sid else {
            return nothing("issuer and serial number");
        };
        let tbs = certificate.tbs_certificate();
        let same = named.issuer == *tbs.issuer() && named.serial_number == *tbs.serial_number();
        Judgement::require(
            same,
            format!("`{}`, {}", tbs.issuer(), tbs.serial_number()),
            || format!("`{}`, {}", named.issuer, named.serial_number),
        )
    })
}

fn digests_agree(evidence: &Evidence, object: ObjectId) -> Judgement {
    signed(evidence, object, |data| {
        let [info] = data.signer_infos.0.as_slice() else {
            return nothing("the one signer");
        };
        let listed = data.digest_algorithms.as_slice();
        let agree = matches!(listed, [one] if one.oid == info.digest_alg.oid);
        Judgement::require(agree, format!("`{}` alone", info.digest_alg.oid), || {
            let listed: Vec<_> = listed.iter().map(|it| it.oid.to_string()).collect();
            format!("[{}]", listed.join(", "))
        })
    })
}

fn certificates(evidence: &Evidence, object: ObjectId) -> Judgement {
    signed(evidence, object, |data| {
        let count = certificates_in(data).len();
        let (right, expected) = match object {
            ObjectId::Chuid => (count == 1, "1"),
            _ => (count <= 1, "at most 1"),
        };
        Judgement::require(right, expected, || format!("{count} certificates"))
    })
}

fn same_signer(evidence: &Evidence, object: ObjectId) -> Judgement {
    signed(evidence, object, |data| {
        let (own, chuid) = (certificates_in(data), chuid_signer(evidence));
        match (own.first(), chuid) {
            (Some(own), Some(chuid)) if **own != chuid => Judgement::warning(
                "the CHUID's signer; others are deprecated",
                format!("signer `{}`", own.tbs_certificate().subject()),
            ),
            (Some(_), Some(_)) => Judgement {
                verdict: Verdict::Pass,
                deviations: Vec::new(),
                reason: "the certificate of the CHUID's signer is repeated".to_owned(),
            },
            _ => Judgement::pass(),
        }
    })
}
