//! Signatures of the issuer on a card: the CHUID's own, the Security Object's and those of the
//! biometrics (SP 800-73-5 Part 1, 3.1.2 and 3.1.7; SP 800-76-2, Table 14).
//!
//! All are CMS SignedData (RFC 5652) by the content signer. [`sign_chuid`],
//! [`sign_security_object`] and [`sign_biometric`] make them, [`verify_chuid`],
//! [`SecurityObject::verify`] and [`verify_biometric`] verify them, [`check_chuid`],
//! [`SecurityObject::check`] and [`check_biometric`] list everything worth telling about them.
//!
//! That an object belongs to its card shows only in what the objects say of each other:
//! [`check_identifiers`] compares FASC-N and UUIDs, [`check_dates`] the dates,
//! [`check_certificate`] holds a certificate against its profile. Whether a certificate may be
//! trusted (its path and revocation) is not decided here.

mod algorithm;
mod biometric;
mod certificate;
mod chuid;
mod cms;
mod dates;
mod identifiers;
mod security;
mod signer;
mod subject_names;

use const_oid::ObjectIdentifier;
use ground::{Blame, Blamed};
use thiserror::Error;

pub use algorithm::{HashAlgorithm, verify_signature};
pub use biometric::{BiometricSignature, check_biometric, sign_biometric, verify_biometric};
pub use certificate::{
    CertificateAspect, CertificateRole, CertificateRules, check_certificate,
    check_certificate_aspect,
};
pub use chuid::{check_chuid, sign_chuid, verify_chuid, verify_chuid_bytes};
pub use dates::{CardDates, check_dates};
pub use identifiers::{Identifiers, check_identifiers};
pub use security::{DataGroup, LdsSecurityObject, sign_security_object};
pub use signer::{ContentSigner, SigningKey};
pub use subject_names::SubjectNames;

#[cfg(doc)]
use crate::objects::SecurityObject;

/// Object identifiers of PIV in signed objects and certificates (SP 800-73-5 Part 1, Appendix D;
/// FIPS 201-3, Appendix A).
pub mod oid {
    use const_oid::ObjectIdentifier;

    /// id-PIV-CHUIDSecurityObject: the content type of the CHUID's signature.
    pub const CHUID_SECURITY_OBJECT: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.6.1");
    /// id-PIV-biometricObject: the content type of a signed biometric.
    pub const BIOMETRIC_OBJECT: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.6.2");
    /// pivCardholder-Name.
    pub const CARDHOLDER_NAME: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.6.3");
    /// pivSigner-DN: the signed attribute with the signer's name.
    pub const SIGNER_DN: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.6.5");
    /// pivFASC-N: signed attribute and otherName with the FASC-N.
    pub const FASC_N: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.6.6");
    /// piv-interim: certificate extension, whether the background check was still open.
    pub const PIV_INTERIM: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.6.9.1");
    /// id-PIV-content-signing: extended key usage of the content signer.
    pub const CONTENT_SIGNING: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.6.7");
    /// id-PIV-cardAuth: extended key usage of the Card Authentication certificate.
    pub const CARD_AUTHENTICATION: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.6.8");
    /// id-fpki-pivi-content-signing: the same for issuers outside the government.
    pub const PIVI_CONTENT_SIGNING: ObjectIdentifier =
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.8.7");
    /// id-icao-ldsSecurityObject: the content type of the Security Object.
    pub const LDS_SECURITY_OBJECT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.27.1.1.1");
    /// entryUUID: signed attribute with the card's UUID.
    pub const ENTRY_UUID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.1.16.4");
}

/// Why a signed object does not verify, or cannot be made.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SignedError {
    /// There is no signature.
    #[error("the object is not signed")]
    Unsigned,
    /// Not the ASN.1 it should be.
    #[error("{what} cannot be read: {detail}")]
    Structure {
        /// What was to be read.
        what: &'static str,
        /// What the decoder says.
        detail: String,
    },
    /// Another content type.
    #[error("content type `{actual}`, expected `{expected}`")]
    ContentType {
        /// The content type of this kind of object.
        expected: ObjectIdentifier,
        /// The one found.
        actual: ObjectIdentifier,
    },
    /// Not exactly one signer.
    #[error("{actual} signers, expected 1")]
    Signers {
        /// Signers found.
        actual: usize,
    },
    /// Not exactly one certificate where the signer's must be.
    #[error("{actual} certificates, expected 1")]
    Certificates {
        /// Certificates found.
        actual: usize,
    },
    /// A signed attribute is missing, there twice or wrong.
    #[error("signed attribute `{name}` is missing or wrong")]
    Attribute {
        /// Its name.
        name: &'static str,
    },
    /// The signature names another certificate.
    #[error("the signature was made with another certificate than `{certificate}`")]
    OtherSigner {
        /// The subject of the certificate at hand.
        certificate: String,
    },
    /// The content is not what was signed.
    #[error("the content was changed after it was signed: its {algorithm} digest differs")]
    Digest {
        /// The digest algorithm.
        algorithm: HashAlgorithm,
    },
    /// An algorithm that SP 800-78-5 does not allow, or that does not fit the key.
    #[error("algorithm `{oid}` is not allowed for {what}")]
    Algorithm {
        /// Its object identifier.
        oid: ObjectIdentifier,
        /// What it was used for.
        what: &'static str,
    },
    /// The certificate's key is no RSA, P-256 or P-384 key.
    #[error("the signer's certificate holds no RSA, P-256 or P-384 key")]
    Key,
    /// The signature is not the key's.
    #[error("the signature does not verify")]
    Signature,
    /// The signature block does not settle on a length its header can count.
    #[error("a signature block of {length} bytes cannot be counted in its header")]
    Length {
        /// The length of the last one made.
        length: usize,
    },
    /// The private key does not belong to the certificate.
    #[error("the private key does not belong to certificate `{certificate}`")]
    KeyMismatch {
        /// The certificate's subject.
        certificate: String,
    },
    /// The private key cannot be read or is of a size that does not sign.
    #[error("the private key is no RSA-2048, RSA-3072, P-256 or P-384 key in PKCS#8")]
    PrivateKey,
}

impl SignedError {
    fn structure(what: &'static str) -> impl Fn(der::Error) -> Self {
        move |error| Self::Structure {
            what,
            detail: error.to_string(),
        }
    }
}

impl Blamed for SignedError {
    fn blame(&self) -> Blame {
        match self {
            Self::KeyMismatch { .. } | Self::PrivateKey | Self::Length { .. } => {
                Blame::OperatorMistake
            }
            _ => Blame::CardMisbehaved,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unsigned => "the card was not personalised to the end; issue it again",
            Self::Digest { .. } | Self::Signature | Self::OtherSigner { .. } => {
                "set the card aside: an object was changed or comes from another card"
            }
            Self::KeyMismatch { .. } => "name the key and the certificate of one content signer",
            Self::PrivateKey => "export the key as unencrypted PKCS#8",
            Self::Length { .. } => "take a content signer with a smaller certificate",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
