use const_oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, SHA_256_WITH_RSA_ENCRYPTION,
    SHA_384_WITH_RSA_ENCRYPTION,
};
use der::asn1::{Any, Null};
use piv::words::Algorithm;
use piv::{MessageDigest, PublicKey, PublicKeyError};
use thiserror::Error;
use x509_cert::spki::{AlgorithmIdentifierOwned, ObjectIdentifier, SubjectPublicKeyInfoOwned};

/// Why a signature is not accepted.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SignatureProblem {
    /// The key is of no kind known here.
    #[error("{0}")]
    Key(PublicKeyError),
    /// The algorithm is not one of those accepted, or does not go with the key.
    #[error("signature algorithm `{algorithm}` is not accepted with this key")]
    Algorithm {
        /// Dotted decimal.
        algorithm: ObjectIdentifier,
    },
    /// Another key made it, or it is about something else.
    #[error("the signature is not the key's")]
    Wrong,
}

/// Verifies a signature as X.509 and PKCS#10 have it: RSA PKCS#1 v1.5 or ECDSA, with SHA-256 or
/// SHA-384.
pub(super) fn verify(
    key: &SubjectPublicKeyInfoOwned,
    algorithm: ObjectIdentifier,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureProblem> {
    let key = PublicKey::from_spki(key).map_err(SignatureProblem::Key)?;
    let is_rsa = matches!(key, PublicKey::Rsa(_));
    let digest = match algorithm {
        SHA_256_WITH_RSA_ENCRYPTION if is_rsa => MessageDigest::sha256(message),
        SHA_384_WITH_RSA_ENCRYPTION if is_rsa => MessageDigest::sha384(message),
        ECDSA_WITH_SHA_256 if !is_rsa => MessageDigest::sha256(message),
        ECDSA_WITH_SHA_384 if !is_rsa => MessageDigest::sha384(message),
        _ => return Err(SignatureProblem::Algorithm { algorithm }),
    };
    key.verify_digest(&digest, signature)
        .map_err(|_| SignatureProblem::Wrong)
}

/// The name of the signatures a card key makes over the digest customary for it
/// ([`MessageDigest::customary`]); `None` for algorithms that do not sign.
pub(super) fn customary(algorithm: Algorithm) -> Option<AlgorithmIdentifierOwned> {
    let (oid, parameters) = match algorithm {
        // RFC 4055, section 5: the parameters are NULL; RFC 5758, 3.2: there are none.
        Algorithm::Rsa1024 | Algorithm::Rsa2048 | Algorithm::Rsa3072 => {
            (SHA_256_WITH_RSA_ENCRYPTION, Some(Any::from(Null)))
        }
        Algorithm::P256 => (ECDSA_WITH_SHA_256, None),
        Algorithm::P384 => (ECDSA_WITH_SHA_384, None),
        _ => return None,
    };
    Some(AlgorithmIdentifierOwned { oid, parameters })
}
