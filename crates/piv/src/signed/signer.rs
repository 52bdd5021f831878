use std::fmt;

use const_oid::db::rfc5912;
use der::asn1::Any;
use ecdsa::hazmat::sign_prehashed_rfc6979;
use p256::pkcs8::DecodePrivateKey;
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use sha2::{Sha256, Sha384};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;

use super::{HashAlgorithm, SignedError};
use crate::PublicKey;

/// Who signs the objects of a card: a certificate and its private key.
#[derive(Clone, Debug)]
pub struct ContentSigner {
    certificate: Certificate,
    key: SigningKey,
}

impl ContentSigner {
    /// Binds a certificate and its private key.
    ///
    /// # Errors
    ///
    /// [`SignedError::KeyMismatch`] when they do not belong together, [`SignedError::Key`] when
    /// the certificate's key is of another kind.
    pub fn new(certificate: Certificate, key: SigningKey) -> Result<Self, SignedError> {
        let tbs = certificate.tbs_certificate();
        let public =
            PublicKey::from_spki(tbs.subject_public_key_info()).map_err(|_| SignedError::Key)?;
        if public != key.public_key() {
            return Err(SignedError::KeyMismatch {
                certificate: tbs.subject().to_string(),
            });
        }
        Ok(Self { certificate, key })
    }

    /// The certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The private key.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }
}

/// A private key in this computer's memory that signs: RSA-2048, RSA-3072, P-256 or P-384. It
/// zeroizes on drop.
#[derive(Clone)]
pub enum SigningKey {
    /// ECDSA on P-256 with SHA-256.
    P256(p256::ecdsa::SigningKey),
    /// ECDSA on P-384 with SHA-384.
    P384(p384::ecdsa::SigningKey),
    /// RSA PKCS#1 v1.5 with SHA-256.
    Rsa(Box<RsaPrivateKey>),
}

impl SigningKey {
    /// Reads an unencrypted PKCS#8 key in DER.
    ///
    /// # Errors
    ///
    /// [`SignedError::PrivateKey`] for anything but RSA-2048, RSA-3072, P-256 and P-384.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, SignedError> {
        if let Ok(key) = p256::SecretKey::from_pkcs8_der(der) {
            return Ok(Self::P256(key.into()));
        }
        if let Ok(key) = p384::SecretKey::from_pkcs8_der(der) {
            return Ok(Self::P384(key.into()));
        }
        RsaPrivateKey::from_pkcs8_der(der)
            .ok()
            .filter(|key| matches!(key.size(), 256 | 384))
            .map(|key| Self::Rsa(Box::new(key)))
            .ok_or(SignedError::PrivateKey)
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        match self {
            Self::P256(key) => PublicKey::P256(key.verifying_key().into()),
            Self::P384(key) => PublicKey::P384(key.verifying_key().into()),
            Self::Rsa(key) => PublicKey::Rsa(key.to_public_key()),
        }
    }

    /// The hash it signs with.
    #[must_use]
    pub fn hash(&self) -> HashAlgorithm {
        match self {
            Self::P384(_) => HashAlgorithm::Sha384,
            Self::P256(_) | Self::Rsa(_) => HashAlgorithm::Sha256,
        }
    }

    /// Signs a message: PKCS#1 v1.5, or ECDSA in DER with the nonce of RFC 6979.
    ///
    /// # Errors
    ///
    /// [`SignedError::PrivateKey`] when an RSA key does not work.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignedError> {
        self.sign_variant(message, 0)
    }

    /// The same with one of 256 ECDSA signatures: a variant other than 0 enters the nonce as the
    /// additional data of RFC 6979, 3.6. A DER signature has one length or another by chance; where
    /// its length is itself signed, another variant is the way out.
    pub(super) fn sign_variant(&self, message: &[u8], variant: u8) -> Result<Vec<u8>, SignedError> {
        let more: &[u8] = match variant {
            0 => &[],
            _ => &[variant],
        };
        let digest = self.hash().digest(message);
        match self {
            Self::P256(key) => {
                let (signature, _) = sign_prehashed_rfc6979::<p256::NistP256, Sha256>(
                    key.as_nonzero_scalar(),
                    digest.as_bytes(),
                    more,
                );
                Ok(signature.to_der().as_bytes().to_vec())
            }
            Self::P384(key) => {
                let (signature, _) = sign_prehashed_rfc6979::<p384::NistP384, Sha384>(
                    key.as_nonzero_scalar(),
                    digest.as_bytes(),
                    more,
                );
                Ok(signature.to_der().as_bytes().to_vec())
            }
            Self::Rsa(key) => {
                let digest = digest.digest_info();
                key.sign(Pkcs1v15Sign::new_unprefixed(), &digest)
                    .map_err(|_| SignedError::PrivateKey)
            }
        }
    }

    /// The signature algorithm in CMS: rsaEncryption, ecdsa-with-SHA256 or -SHA384
    /// (SP 800-78-5, Table 3).
    pub(super) fn cms_algorithm(&self) -> AlgorithmIdentifierOwned {
        let (oid, parameters) = match self {
            Self::P256(_) => (rfc5912::ECDSA_WITH_SHA_256, None),
            Self::P384(_) => (rfc5912::ECDSA_WITH_SHA_384, None),
            Self::Rsa(_) => (rfc5912::RSA_ENCRYPTION, Some(Any::null())),
        };
        AlgorithmIdentifierOwned { oid, parameters }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P256(_) => "SigningKey(P-256, ..)",
            Self::P384(_) => "SigningKey(P-384, ..)",
            Self::Rsa(_) => "SigningKey(RSA, ..)",
        })
    }
}
