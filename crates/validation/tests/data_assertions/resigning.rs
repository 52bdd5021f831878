//! Signatures taken apart, changed and made again.

use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{CertificateSet, SignedData, SignerInfos};
use const_oid::db::rfc5911::ID_MESSAGE_DIGEST;
use der::asn1::{Any, BitString, OctetString, SetOfVec};
use der::{Decode, Encode};
use iso7816::ber::{self, Tag};
use piv::signed::{ContentSigner, HashAlgorithm, SigningKey};

use crate::specimen::authority;

/// Puts the digest of other content among the signed attributes.
pub(crate) fn set_digest(data: &mut SignedData, content: &[u8]) {
    let digest = HashAlgorithm::Sha256.digest(content);
    let digest = OctetString::new(digest.as_bytes()).unwrap();
    set_attribute(data, ID_MESSAGE_DIGEST, Any::encode_from(&digest).unwrap());
}

/// Replaces the value of a signed attribute.
pub(crate) fn set_attribute(
    data: &mut SignedData,
    identifier: const_oid::ObjectIdentifier,
    value: Any,
) {
    let mut infos = data.signer_infos.0.clone().into_vec();
    for info in &mut infos {
        let mut attributes = info.signed_attrs.clone().unwrap_or_default().into_vec();
        for attribute in attributes.iter_mut().filter(|it| it.oid == identifier) {
            attribute.values = SetOfVec::try_from(vec![value.clone()]).unwrap();
        }
        info.signed_attrs = Some(SetOfVec::try_from(attributes).unwrap());
    }
    data.signer_infos = SignerInfos(SetOfVec::try_from(infos).unwrap());
}

pub(crate) fn sign_again(data: &mut SignedData, signer: &ContentSigner) {
    let mut infos = data.signer_infos.0.clone().into_vec();
    for info in &mut infos {
        let attributes = info.signed_attrs.to_der().unwrap();
        let signature = signer.key().sign(&attributes).unwrap();
        info.signature = OctetString::new(signature).unwrap();
    }
    data.signer_infos = SignerInfos(SetOfVec::try_from(infos).unwrap());
}

/// A damaged certificate is still one of the authority's.
pub(crate) fn sign_certificate_again(der: &[u8]) -> Vec<u8> {
    let certificate = x509_cert::Certificate::from_der(der).unwrap();
    let signed = certificate.tbs_certificate().to_der().unwrap();
    let signature = SigningKey::P256(authority().key).sign(&signed).unwrap();
    let parts = [
        signed,
        certificate.signature_algorithm().to_der().unwrap(),
        BitString::from_bytes(&signature).unwrap().to_der().unwrap(),
    ];
    ber::object(Tag(0x30), &parts.concat())
}

pub(crate) fn change_certificate(data: &mut SignedData, change: fn(&mut Vec<u8>)) {
    let set = data.certificates.take().unwrap().0.into_vec();
    let changed = set.into_iter().map(|choice| {
        let mut der = choice.to_der().unwrap();
        change(&mut der);
        CertificateChoices::from_der(&sign_certificate_again(&der)).unwrap()
    });
    let changed: Vec<_> = changed.collect();
    data.certificates = Some(CertificateSet(SetOfVec::try_from(changed).unwrap()));
}

pub(crate) fn encode(data: &SignedData) -> Vec<u8> {
    ContentInfo {
        content_type: const_oid::db::rfc5911::ID_SIGNED_DATA,
        content: Any::encode_from(data).unwrap(),
    }
    .to_der()
    .unwrap()
}
