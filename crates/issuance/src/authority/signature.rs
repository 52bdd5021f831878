use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, SHA_256_WITH_RSA_ENCRYPTION};
use der::asn1::{Any, Null};
use piv::PublicKey;
use piv::signed::{SignedError, verify_signature};
use piv::words::Algorithm;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

/// Verifies a signature as X.509 and PKCS#10 have it.
pub(super) fn verify(
    key: &SubjectPublicKeyInfoOwned,
    algorithm: &AlgorithmIdentifierOwned,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignedError> {
    let key = PublicKey::from_spki(key).map_err(|_| SignedError::Key)?;
    verify_signature(&key, algorithm, None, message, signature)
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
