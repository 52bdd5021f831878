use std::fmt;

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5912 as oid, rfc5912::ID_RSASSA_PSS};
use der::{Decode, Encode};
use rsa::pkcs1::RsaPssParamsOwned;
use rsa::{Pss, RsaPublicKey};
use serde::Serialize;
use sha2::{Sha256, Sha384};
use spki::AlgorithmIdentifierOwned;

use super::SignedError;
use crate::{MessageDigest, PublicKey};

/// The digest algorithms of SP 800-78-5 for signed objects.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HashAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
}

impl HashAlgorithm {
    /// By object identifier.
    #[must_use]
    pub fn from_oid(algorithm: ObjectIdentifier) -> Option<Self> {
        [Self::Sha256, Self::Sha384]
            .into_iter()
            .find(|known| known.oid() == algorithm)
    }

    /// Its object identifier.
    #[must_use]
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha256 => oid::ID_SHA_256,
            Self::Sha384 => oid::ID_SHA_384,
        }
    }

    /// The digest of `message`.
    #[must_use]
    pub fn digest(self, message: &[u8]) -> MessageDigest {
        match self {
            Self::Sha256 => MessageDigest::sha256(message),
            Self::Sha384 => MessageDigest::sha384(message),
        }
    }

    /// The algorithm identifier, without parameters (RFC 5754, 2).
    pub(super) fn identifier(self) -> AlgorithmIdentifierOwned {
        AlgorithmIdentifierOwned {
            oid: self.oid(),
            parameters: None,
        }
    }

    pub(super) fn required(
        algorithm: &AlgorithmIdentifierOwned,
        what: &'static str,
    ) -> Result<Self, SignedError> {
        Self::from_oid(algorithm.oid).ok_or(SignedError::Algorithm {
            oid: algorithm.oid,
            what,
        })
    }
}

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
        })
    }
}

/// How a signature is made.
enum Scheme {
    /// RSA PKCS#1 v1.5, or ECDSA: which one, the key says.
    Plain(HashAlgorithm),
    /// RSASSA-PSS with MGF1 over the same hash.
    Pss { hash: HashAlgorithm, salt: usize },
}

/// Verifies a signature over `message`: RSA PKCS#1 v1.5, RSASSA-PSS, or ECDSA on P-256 and P-384,
/// each with SHA-256 or SHA-384 (SP 800-78-5, Table 3). Certificates and certificate requests are
/// verified with it too.
///
/// `digest` is the separately stated digest algorithm of CMS, needed where `algorithm` is
/// rsaEncryption and says nothing of it.
///
/// # Errors
///
/// [`SignedError::Algorithm`] for others, and where algorithm and key do not fit together;
/// [`SignedError::Signature`].
pub fn verify_signature(
    key: &PublicKey,
    algorithm: &AlgorithmIdentifierOwned,
    digest: Option<HashAlgorithm>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignedError> {
    let unfit = SignedError::Algorithm {
        oid: algorithm.oid,
        what: "this signature",
    };
    let scheme = scheme(key, algorithm, digest).ok_or_else(|| unfit.clone())?;
    match (scheme, key) {
        (Scheme::Plain(hash), key) => key
            .verify_digest(&hash.digest(message), signature)
            .map_err(|_| SignedError::Signature),
        (Scheme::Pss { hash, salt }, PublicKey::Rsa(key)) => {
            verify_pss(key, hash, salt, message, signature)
        }
        (Scheme::Pss { .. }, _) => Err(unfit),
    }
}

fn scheme(
    key: &PublicKey,
    algorithm: &AlgorithmIdentifierOwned,
    digest: Option<HashAlgorithm>,
) -> Option<Scheme> {
    use HashAlgorithm::{Sha256, Sha384};
    let is_rsa = matches!(key, PublicKey::Rsa(_));
    let plain = match algorithm.oid {
        oid::RSA_ENCRYPTION if is_rsa => digest?,
        oid::SHA_256_WITH_RSA_ENCRYPTION if is_rsa => Sha256,
        oid::SHA_384_WITH_RSA_ENCRYPTION if is_rsa => Sha384,
        oid::ECDSA_WITH_SHA_256 if !is_rsa => Sha256,
        oid::ECDSA_WITH_SHA_384 if !is_rsa => Sha384,
        ID_RSASSA_PSS if is_rsa => return pss(algorithm),
        _ => return None,
    };
    Some(Scheme::Plain(plain))
}

fn pss(algorithm: &AlgorithmIdentifierOwned) -> Option<Scheme> {
    let parameters = algorithm.parameters.as_ref()?.to_der().ok()?;
    let parameters = RsaPssParamsOwned::from_der(&parameters).ok()?;
    let hash = HashAlgorithm::from_oid(parameters.hash.oid)?;
    let mask = parameters.mask_gen;
    let mask_hash = mask.parameters.as_ref().map(|hash| hash.oid);
    (mask.oid == oid::ID_MGF_1 && mask_hash == Some(hash.oid())).then_some(Scheme::Pss {
        hash,
        salt: parameters.salt_len.into(),
    })
}

fn verify_pss(
    key: &RsaPublicKey,
    hash: HashAlgorithm,
    salt: usize,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignedError> {
    let digest = hash.digest(message);
    let digest = digest.as_bytes();
    match hash {
        HashAlgorithm::Sha256 => key.verify(Pss::<Sha256>::new_with_salt(salt), digest, signature),
        HashAlgorithm::Sha384 => key.verify(Pss::<Sha384>::new_with_salt(salt), digest, signature),
    }
    .map_err(|_| SignedError::Signature)
}
