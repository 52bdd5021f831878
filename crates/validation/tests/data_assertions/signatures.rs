//! Damage to the signatures and to the Security Object.

use cms::content_info::CmsVersion;
use cms::revocation::RevocationInfoChoices;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo, SignerInfos};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST};
use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ID_SHA_1, ID_SHA_384};
use der::asn1::{Any, OctetString, SetOfVec};
use der::{Decode, Encode};
use piv::signed::{LdsSecurityObject, oid};
use piv::words::ObjectId as O;
use x509_cert::ext::pkix::SubjectKeyIdentifier;

use crate::Row;
use crate::certificates::text;
use crate::resigning::{set_attribute, set_digest};
use crate::specimen::Damage::{Elements, Forged, Known, Signature, Value};
use crate::specimen::fasc_n;

/// Changes the signer.
fn signer(data: &mut SignedData, change: impl Fn(&mut SignerInfo)) {
    let mut infos = data.signer_infos.0.clone().into_vec();
    change(&mut infos[0]);
    data.signer_infos = SignerInfos(SetOfVec::try_from(infos).unwrap());
}

fn octets(bytes: &[u8]) -> Any {
    Any::encode_from(&OctetString::new(bytes).unwrap()).unwrap()
}

/// Changes the hashes in the Security Object, and their digest.
fn lds(data: &mut SignedData, change: impl Fn(&mut LdsSecurityObject)) {
    let content = data.encap_content_info.econtent.clone().unwrap();
    let mut lds = LdsSecurityObject::from_der(content.value()).unwrap();
    change(&mut lds);
    let der = lds.to_der().unwrap();
    data.encap_content_info.econtent = Some(octets(&der));
    set_digest(data, &der);
}

pub(crate) const ROWS: &[Row] = &[
    Row::new(
        "signature.signed-data",
        &["CMS.1"],
        &[],
        Elements(O::FacialImage, |it| {
            // The first byte of the signature block, after header and record.
            let record = &mut it[0].1;
            let place = record.len() - usize::from(u16::from_be_bytes([record[6], record[7]]));
            record[place] = 0x31;
        }),
    ),
    Row::new(
        "signature.signed-data",
        &["CMS.10"],
        &[],
        Elements(O::SecurityObject, |it| it[1].1[0] = 0x31),
    ),
    Row::new(
        "signature.version",
        &["CMS.2"],
        &[],
        Signature(O::Chuid, |it| it.version = CmsVersion::V1),
    ),
    Row::new(
        "signature.version",
        &["CMS.18"],
        &[],
        Signature(O::SecurityObject, |it| it.version = CmsVersion::V1),
    ),
    Row::new(
        "signature.digest-algorithms",
        &["CMS.3"],
        &["signature.digests-agree"],
        Signature(O::FacialImage, sha1_listed),
    ),
    Row::new(
        "signature.digest-algorithms",
        &["CMS.4"],
        &["signature.digests-agree"],
        Signature(O::IrisImages, sha1_listed),
    ),
    Row::new(
        "signature.content",
        &["CMS.5"],
        &[],
        Signature(O::Chuid, |it| {
            it.encap_content_info.econtent = Some(octets(b"inside"));
        }),
    ),
    Row::new(
        "signature.content",
        &["CMS.5"],
        &[],
        Signature(O::Fingerprints, |it| {
            it.encap_content_info.econtent_type = oid::CHUID_SECURITY_OBJECT;
        }),
    ),
    Row::new(
        "signature.no-revocation-lists",
        &["CMS.6"],
        &[],
        Signature(O::Fingerprints, |it| {
            it.crls = Some(RevocationInfoChoices(SetOfVec::new()));
        }),
    ),
    Row::new(
        "signature.one-signer",
        &["CMS.7"],
        &[],
        Signature(O::IrisImages, |it| {
            let one = it.signer_infos.0.get(0).unwrap().clone();
            let mut other = one.clone();
            other.digest_alg.oid = ID_SHA_384;
            it.signer_infos = SignerInfos(SetOfVec::try_from(vec![one, other]).unwrap());
        }),
    ),
    Row::new(
        "signature.signer-identifier",
        &["CMS.8"],
        &[],
        Signature(O::SecurityObject, |it| {
            signer(it, |info| {
                let identifier = OctetString::new([1; 20]).unwrap();
                info.sid = SignerIdentifier::SubjectKeyIdentifier(SubjectKeyIdentifier(identifier));
            });
        }),
    ),
    Row::new(
        "signature.names-its-signer",
        &["CMS.8", "CMS.9"],
        &[],
        Signature(O::FacialImage, |it| {
            signer(it, |info| {
                let SignerIdentifier::IssuerAndSerialNumber(named) = &mut info.sid else {
                    panic!("it is named so");
                };
                named.serial_number = 8_u32.into();
            });
        }),
    ),
    Row::new(
        "signature.signer-digest",
        &["CMS.23"],
        &["signature.digests-agree"],
        Signature(O::Chuid, |it| {
            signer(it, |info| info.digest_alg.oid = ID_SHA_1);
        }),
    ),
    Row::new(
        "signature.digests-agree",
        &["CMS.25"],
        &[],
        Signature(O::Chuid, |it| {
            let mut other = it.digest_algorithms.get(0).unwrap().clone();
            other.oid = ID_SHA_384;
            it.digest_algorithms = SetOfVec::try_from(vec![other]).unwrap();
        }),
    ),
    Row::new(
        "signature.certificates",
        &["CMS.14"],
        &[],
        Signature(O::Chuid, |it| {
            // The last in the order of DER, so that the right one is still the first.
            let long = crate::certificates::raw(oid::PIV_INTERIM, false, &text(&"x".repeat(999)));
            let other = crate::specimen::authority().certificate(vec![long]);
            let mut set = it.certificates.clone().unwrap().0.into_vec();
            set.push(cms::cert::CertificateChoices::Certificate(other));
            let set = SetOfVec::try_from(set).unwrap();
            it.certificates = Some(cms::signed_data::CertificateSet(set));
        }),
    ),
    Row::new(
        "signature.same-signer",
        &[],
        &[
            "signature.names-its-signer",
            "signature.signer-name",
            "signature.algorithm",
            "signature.content-signing",
        ],
        Signature(O::FacialImage, own_certificate),
    ),
    Row::new(
        "signature.message-digest",
        &["CMS.11"],
        &[],
        Signature(O::Fingerprints, |it| {
            set_attribute(it, ID_MESSAGE_DIGEST, octets(&[0; 32]));
        }),
    ),
    Row::new(
        "signature.content-type",
        &[],
        &[],
        Signature(O::SecurityObject, |it| {
            set_attribute(
                it,
                ID_CONTENT_TYPE,
                Any::encode_from(&oid::BIOMETRIC_OBJECT).unwrap(),
            );
        }),
    ),
    Row::new(
        "signature.signer-name",
        &["CMS.12"],
        &[],
        Signature(O::Chuid, |it| {
            set_attribute(it, oid::SIGNER_DN, text("somebody"));
        }),
    ),
    Row::new(
        "signature.algorithm",
        &["CMS.13"],
        &[],
        Signature(O::IrisImages, |it| {
            signer(it, |info| {
                info.signature_algorithm.oid = ECDSA_WITH_SHA_256;
                info.signature_algorithm.parameters = None;
            });
        }),
    ),
    Row::new(
        "signature.verifies",
        &["CMS.14"],
        &[],
        Forged(O::SecurityObject, |it| {
            signer(it, |info| {
                let mut bytes = info.signature.as_bytes().to_vec();
                bytes[9] ^= 1;
                info.signature = OctetString::new(bytes).unwrap();
            });
        }),
    ),
    Row::new(
        "signature.content-signing",
        &["CMS.15"],
        &["certificate.extended-key-usage"],
        Known(|card| {
            card.rules.content_signing = vec![oid::PIVI_CONTENT_SIGNING];
        }),
    ),
    Row::new(
        "signature.fasc-n",
        &["CMS.29"],
        &[],
        Signature(O::IrisImages, |it| {
            set_attribute(it, oid::FASC_N, octets(fasc_n(8).bytes()));
        }),
    ),
    Row::new(
        "signature.card-uuid",
        &["CMS.30"],
        &[],
        Signature(O::FacialImage, |it| {
            set_attribute(it, oid::ENTRY_UUID, octets(&[7; 16]));
        }),
    ),
    // The Security Object.
    Row::new(
        "security.mapping",
        &[],
        &["security.covers-unsigned-objects"],
        Elements(O::SecurityObject, |it| it[0].1[1] = 0xFF),
    ),
    Row::new(
        "security.objects-there",
        &["73-4.36"],
        &["card.mandatory-objects"],
        Known(|card| {
            let object = O::CardCapabilityContainer;
            card.readings.get_mut(&object).unwrap().state = validation::ObjectState::Absent;
            card.contents.remove(&object);
        }),
    ),
    Row::new(
        "security.content",
        &["CMS.19"],
        &[],
        Signature(O::SecurityObject, |it| {
            it.encap_content_info.econtent_type = ObjectIdentifier::new_unwrap("1.3.27.1.1.2");
        }),
    ),
    Row::new(
        "security.content",
        &["CMS.20"],
        &[],
        Signature(O::SecurityObject, |it| lds(it, |lds| lds.version = 1)),
    ),
    Row::new(
        "security.no-certificates",
        &["CMS.21"],
        &[],
        Signature(O::SecurityObject, own_certificate),
    ),
    Row::new(
        "security.hash-algorithm",
        &[],
        &["security.hashes"],
        Signature(O::SecurityObject, |it| {
            lds(it, |lds| lds.hash_algorithm.oid = ID_SHA_384);
        }),
    ),
    Row::new(
        "security.groups",
        &[],
        &[],
        Signature(O::SecurityObject, |it| {
            lds(it, |lds| {
                lds.data_groups.pop();
            });
        }),
    ),
    Row::new(
        "security.hashes",
        &["73-4.37"],
        &[],
        Value(O::PrintedInformation, |value| value[2] ^= 1),
    ),
    Row::new(
        "security.covers-unsigned-objects",
        &[],
        &["security.groups"],
        Elements(O::SecurityObject, |it| {
            it[0].1.truncate(3);
        }),
    ),
];

fn sha1_listed(data: &mut SignedData) {
    let mut other = data.digest_algorithms.get(0).unwrap().clone();
    other.oid = ID_SHA_1;
    data.digest_algorithms = SetOfVec::try_from(vec![other]).unwrap();
}

fn own_certificate(data: &mut SignedData) {
    let own = crate::specimen::authority().certificate(Vec::new());
    let choice = cms::cert::CertificateChoices::Certificate(own);
    let set = SetOfVec::try_from(vec![choice]).unwrap();
    data.certificates = Some(cms::signed_data::CertificateSet(set));
}
