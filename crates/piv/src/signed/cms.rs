//! CMS SignedData with one signer and signed attributes (RFC 5652), as far as PIV uses it.

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNED_DATA};
use der::asn1::{Any, OctetString, SetOfVec};
use der::{Decode, Encode, EncodeValue, Tagged};
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::name::Name;

use super::{ContentSigner, HashAlgorithm, SignedError, oid, verify_signature};
use crate::{Finding, PublicKey};

/// A SignedData with exactly one signer.
pub(super) struct Envelope {
    data: SignedData,
    signer: SignerInfo,
}

impl Envelope {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, SignedError> {
        if bytes.is_empty() {
            return Err(SignedError::Unsigned);
        }
        let info = ContentInfo::from_der(bytes).map_err(SignedError::structure("ContentInfo"))?;
        if info.content_type != ID_SIGNED_DATA {
            return Err(SignedError::ContentType {
                expected: ID_SIGNED_DATA,
                actual: info.content_type,
            });
        }
        let data: SignedData = info
            .content
            .decode_as()
            .map_err(SignedError::structure("SignedData"))?;
        match data.signer_infos.0.as_slice() {
            [signer] => Ok(Self {
                signer: signer.clone(),
                data,
            }),
            signers => Err(SignedError::Signers {
                actual: signers.len(),
            }),
        }
    }

    /// The certificates inside.
    pub(super) fn certificates(&self) -> Vec<&Certificate> {
        let set = self.data.certificates.iter().flat_map(|set| set.0.iter());
        set.filter_map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => Some(certificate),
            CertificateChoices::Other(_) => None,
        })
        .collect()
    }

    /// The only certificate inside.
    pub(super) fn certificate(&self) -> Result<&Certificate, SignedError> {
        match self.certificates()[..] {
            [certificate] => Ok(certificate),
            ref certificates => Err(SignedError::Certificates {
                actual: certificates.len(),
            }),
        }
    }

    /// The content inside, without the tag and length of its OCTET STRING.
    pub(super) fn content(&self) -> Result<Option<&[u8]>, SignedError> {
        match &self.data.encap_content_info.econtent {
            None => Ok(None),
            Some(any) if any.tag() == der::Tag::OctetString => Ok(Some(any.value())),
            Some(any) => Err(SignedError::Structure {
                what: "eContent",
                detail: format!("{}, expected OCTET STRING", any.tag()),
            }),
        }
    }

    /// The digest algorithm of the signature.
    pub(super) fn hash(&self) -> Result<HashAlgorithm, SignedError> {
        HashAlgorithm::required(&self.signer.digest_alg, "the message digest")
    }

    /// Verifies that `signer` signed `content` as an object of the type `kind`.
    pub(super) fn verify(
        &self,
        kind: ObjectIdentifier,
        content: &[u8],
        signer: &Certificate,
    ) -> Result<(), SignedError> {
        let actual = self.data.encap_content_info.econtent_type;
        if actual != kind {
            return Err(SignedError::ContentType {
                expected: kind,
                actual,
            });
        }
        if !self.names(signer) {
            return Err(SignedError::OtherSigner {
                certificate: signer.tbs_certificate().subject().to_string(),
            });
        }
        let stated: ObjectIdentifier = self.attribute(ID_CONTENT_TYPE, "contentType")?;
        if stated != kind {
            return Err(SignedError::Attribute {
                name: "contentType",
            });
        }
        let hash = self.hash()?;
        let digest: OctetString = self.attribute(ID_MESSAGE_DIGEST, "messageDigest")?;
        if digest.as_bytes() != hash.digest(content).as_bytes() {
            return Err(SignedError::Digest { algorithm: hash });
        }
        let key = PublicKey::from_spki(signer.tbs_certificate().subject_public_key_info())
            .map_err(|_| SignedError::Key)?;
        verify_signature(
            &key,
            &self.signer.signature_algorithm,
            Some(hash),
            &self.signed_bytes()?,
            self.signer.signature.as_bytes(),
        )
    }

    /// What the profile demands beyond a signature that verifies (SP 800-73-5 Part 1, 3.1.2 and
    /// 3.1.7).
    pub(super) fn profile(&self, object: &str, clause: &'static str) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut violation = |what: String| {
            findings.push(Finding::violation(clause, format!("{object}: {what}")));
        };
        if self.data.version != CmsVersion::V3 {
            violation(format!(
                "SignedData version {}, expected 3",
                self.data.version as u8
            ));
        }
        if !matches!(self.signer.sid, SignerIdentifier::IssuerAndSerialNumber(_)) {
            violation("the signer is not named by issuer and serial number".to_owned());
        } else if self.signer.version != CmsVersion::V1 {
            violation(format!(
                "SignerInfo version {}, expected 1",
                self.signer.version as u8
            ));
        }
        if self.data.crls.is_some() {
            violation("SignedData contains revocation lists".to_owned());
        }
        let digests = self.data.digest_algorithms.as_slice();
        if !matches!(digests, [one] if one.oid == self.signer.digest_alg.oid) {
            violation("digestAlgorithms is not exactly the signer's".to_owned());
        }
        findings
    }

    /// The name in the attribute pivSigner-DN.
    pub(super) fn signer_name(&self) -> Result<Name, SignedError> {
        self.attribute(oid::SIGNER_DN, "pivSigner-DN")
    }

    fn names(&self, certificate: &Certificate) -> bool {
        let tbs = certificate.tbs_certificate();
        match &self.signer.sid {
            SignerIdentifier::IssuerAndSerialNumber(name) => {
                name.issuer == *tbs.issuer() && name.serial_number == *tbs.serial_number()
            }
            SignerIdentifier::SubjectKeyIdentifier(identifier) => matches!(
                tbs.get_extension::<SubjectKeyIdentifier>(),
                Ok(Some((_, actual))) if actual == *identifier
            ),
        }
    }

    /// The only value of the only attribute with this identifier.
    pub(super) fn attribute<T: for<'a> Decode<'a>>(
        &self,
        identifier: ObjectIdentifier,
        name: &'static str,
    ) -> Result<T, SignedError> {
        let wrong = SignedError::Attribute { name };
        let attributes = self.signer.signed_attrs.iter().flat_map(|set| set.iter());
        let mut fitting = attributes.filter(|attribute| attribute.oid == identifier);
        let (Some(attribute), None) = (fitting.next(), fitting.next()) else {
            return Err(wrong);
        };
        let [value] = attribute.values.as_slice() else {
            return Err(wrong);
        };
        let der = value.to_der().map_err(|_| wrong.clone())?;
        T::from_der(&der).map_err(|_| wrong)
    }

    /// The signed attributes as a DER SET OF, not with the implicit tag they stand under
    /// (RFC 5652, 5.4).
    fn signed_bytes(&self) -> Result<Vec<u8>, SignedError> {
        self.signer
            .signed_attrs
            .to_der()
            .map_err(SignedError::structure("signedAttrs"))
    }
}

/// What is signed and how it travels.
pub(super) struct ToSign<'a> {
    pub(super) kind: ObjectIdentifier,
    pub(super) content: &'a [u8],
    /// Whether the content is put inside.
    pub(super) enclosed: bool,
    /// Whether the signer's certificate is put inside.
    pub(super) with_certificate: bool,
    /// Signed attributes beyond contentType, messageDigest and pivSigner-DN.
    pub(super) attributes: Vec<Attribute>,
    /// Which of the possible ECDSA signatures to make; 0 has the nonce of RFC 6979.
    pub(super) variant: u8,
}

/// Signs, with the attributes contentType, messageDigest, pivSigner-DN and those given.
pub(super) fn sign(what: &ToSign<'_>, signer: &ContentSigner) -> Result<Vec<u8>, SignedError> {
    let hash = signer.key().hash();
    let tbs = signer.certificate().tbs_certificate();
    let digest = OctetString::new(hash.digest(what.content).as_bytes())
        .map_err(SignedError::structure("messageDigest"))?;
    let mut attributes = vec![
        attribute(ID_CONTENT_TYPE, &what.kind)?,
        attribute(ID_MESSAGE_DIGEST, &digest)?,
        attribute(oid::SIGNER_DN, tbs.subject())?,
    ];
    attributes.extend(what.attributes.iter().cloned());
    let attributes =
        SetOfVec::try_from(attributes).map_err(SignedError::structure("signedAttrs"))?;
    let signed_bytes = attributes
        .to_der()
        .map_err(SignedError::structure("signedAttrs"))?;
    let signature = signer.key().sign_variant(&signed_bytes, what.variant)?;
    encode(what, signer, hash, attributes, &signature).map_err(SignedError::structure("SignedData"))
}

fn encode(
    what: &ToSign<'_>,
    signer: &ContentSigner,
    hash: HashAlgorithm,
    attributes: SetOfVec<Attribute>,
    signature: &[u8],
) -> der::Result<Vec<u8>> {
    let certificate = signer.certificate();
    let tbs = certificate.tbs_certificate();
    let info = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: tbs.issuer().clone(),
            serial_number: tbs.serial_number().clone(),
        }),
        digest_alg: hash.identifier(),
        signed_attrs: Some(attributes),
        signature_algorithm: signer.key().cms_algorithm(),
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    };
    let certificates = if what.with_certificate {
        let choice = CertificateChoices::Certificate(certificate.clone());
        Some(CertificateSet::try_from(vec![choice])?)
    } else {
        None
    };
    let content = if what.enclosed {
        Some(Any::new(der::Tag::OctetString, what.content)?)
    } else {
        None
    };
    let data = SignedData {
        // 3 because the content type is not id-data (RFC 5652, 5.1).
        version: CmsVersion::V3,
        digest_algorithms: SetOfVec::try_from(vec![hash.identifier()])?,
        encap_content_info: EncapsulatedContentInfo {
            econtent_type: what.kind,
            econtent: content,
        },
        certificates,
        crls: None,
        signer_infos: SignerInfos::try_from(vec![info])?,
    };
    ContentInfo {
        content_type: ID_SIGNED_DATA,
        content: Any::encode_from(&data)?,
    }
    .to_der()
}

/// An attribute with one value.
pub(super) fn attribute(
    identifier: ObjectIdentifier,
    value: &(impl EncodeValue + Tagged),
) -> Result<Attribute, SignedError> {
    let values = Any::encode_from(value).and_then(|value| SetOfVec::try_from(vec![value]));
    Ok(Attribute {
        oid: identifier,
        values: values.map_err(SignedError::structure("signed attribute"))?,
    })
}
