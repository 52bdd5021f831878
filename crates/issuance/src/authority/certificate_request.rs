//! Certificate requests (PKCS#10, RFC 2986), put together by the host and signed by the card.

use der::Encode;
use der::asn1::{BitString, SetOfVec};
use piv::signed::SignedError;
use piv::{MessageDigest, PublicKey};
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo, Version};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::signature;

/// A certificate request before the card has signed it.
#[derive(Clone, Debug)]
pub struct UnsignedRequest {
    info: CertReqInfo,
    algorithm: AlgorithmIdentifierOwned,
    digest: MessageDigest,
}

impl UnsignedRequest {
    /// Puts a request together; `None` when the key is of no algorithm that signs.
    #[must_use]
    pub fn new(subject: Name, key: &PublicKey) -> Option<Self> {
        let key_algorithm = key.algorithm()?;
        let info = CertReqInfo {
            version: Version::V1,
            subject,
            public_key: key.to_spki(),
            attributes: SetOfVec::new(),
        };
        let algorithm = signature::customary(key_algorithm)?;
        let der = info.to_der().expect("parts that were parsed encode again");
        Some(Self {
            digest: MessageDigest::customary(key_algorithm, &der),
            info,
            algorithm,
        })
    }

    /// What the card has to sign.
    #[must_use]
    pub fn digest(&self) -> &MessageDigest {
        &self.digest
    }

    /// Adds the card's signature.
    #[must_use]
    pub fn sign(self, signature: &[u8]) -> CertReq {
        CertReq {
            info: self.info,
            algorithm: self.algorithm,
            signature: BitString::from_bytes(signature)
                .expect("a signature has fewer bytes than DER can count"),
        }
    }
}

/// Whether the request is signed with the key it is about.
///
/// # Errors
///
/// [`SignedError`].
pub fn verify(request: &CertReq) -> Result<(), SignedError> {
    let info = request.info.to_der().map_err(|_| SignedError::Signature)?;
    let signature = request.signature.as_bytes().ok_or(SignedError::Signature)?;
    signature::verify(
        &request.info.public_key,
        &request.algorithm,
        &info,
        signature,
    )
}
