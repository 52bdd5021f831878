use const_oid::ObjectIdentifier;
use der::asn1::{Any, BitString};
use der::{Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;

use super::CvcError;
use crate::{MessageDigest, PublicKey};

/// How a CVC is signed (SP 800-73-5 Part 2, 4.1.5, `DigitalSignature`).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SignatureAlgorithm {
    /// ecdsa-with-SHA256, by a P-256 key: CVCs of cards with CS2.
    EcdsaSha256,
    /// ecdsa-with-SHA384, by a P-384 key: CVCs of cards with CS7.
    EcdsaSha384,
    /// sha256WithRSAEncryption, PKCS#1 v1.5: Intermediate CVCs.
    RsaSha256,
}

impl SignatureAlgorithm {
    const ALL: [Self; 3] = [Self::EcdsaSha256, Self::EcdsaSha384, Self::RsaSha256];

    /// The name of its object identifier.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcdsaSha256 => "ecdsa-with-SHA256",
            Self::EcdsaSha384 => "ecdsa-with-SHA384",
            Self::RsaSha256 => "sha256WithRSAEncryption",
        }
    }

    /// Its object identifier.
    #[must_use]
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::EcdsaSha256 => const_oid::db::rfc5912::ECDSA_WITH_SHA_256,
            Self::EcdsaSha384 => const_oid::db::rfc5912::ECDSA_WITH_SHA_384,
            Self::RsaSha256 => const_oid::db::rfc5912::SHA_256_WITH_RSA_ENCRYPTION,
        }
    }

    /// The algorithm a key signs CVCs with.
    #[must_use]
    pub const fn of_signer(key: &PublicKey) -> Self {
        match key {
            PublicKey::P256(_) => Self::EcdsaSha256,
            PublicKey::P384(_) => Self::EcdsaSha384,
            PublicKey::Rsa(_) => Self::RsaSha256,
        }
    }

    pub(super) fn digest(self, message: &[u8]) -> MessageDigest {
        match self {
            Self::EcdsaSha256 | Self::RsaSha256 => MessageDigest::sha256(message),
            Self::EcdsaSha384 => MessageDigest::sha384(message),
        }
    }

    /// NULL for RSA, absent for ECDSA.
    fn parameters(self) -> Option<Any> {
        match self {
            Self::RsaSha256 => Some(Any::null()),
            Self::EcdsaSha256 | Self::EcdsaSha384 => None,
        }
    }
}

/// The signature of a CVC (tag 5F37).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CvcSignature {
    /// The object identifier of the algorithm as found.
    pub oid: ObjectIdentifier,
    /// The algorithm, if it is one of the three.
    pub algorithm: Option<SignatureAlgorithm>,
    /// Whether the parameters are as they must be: NULL for RSA, absent for ECDSA.
    pub parameters_conform: bool,
    /// `ECDSA-Sig-Value` in DER, or the RSA signature.
    pub value: Vec<u8>,
}

impl CvcSignature {
    /// Parses the value of tag 5F37.
    pub(super) fn parse(der: &[u8]) -> Result<Self, der::Error> {
        let parsed = DigitalSignature::from_der(der)?;
        let oid = parsed.algorithm.oid;
        let algorithm = SignatureAlgorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.oid() == oid);
        Ok(Self {
            oid,
            algorithm,
            parameters_conform: algorithm
                .is_some_and(|algorithm| algorithm.parameters() == parsed.algorithm.parameters),
            value: parsed
                .value
                .as_bytes()
                .ok_or_else(|| der::Error::from(der::ErrorKind::Failed))?
                .to_vec(),
        })
    }

    /// The value of tag 5F37.
    pub(super) fn encode(algorithm: SignatureAlgorithm, value: &[u8]) -> Result<Vec<u8>, CvcError> {
        let encode = || {
            DigitalSignature {
                algorithm: AlgorithmIdentifierOwned {
                    oid: algorithm.oid(),
                    parameters: algorithm.parameters(),
                },
                value: BitString::from_bytes(value)?,
            }
            .to_der()
        };
        encode().map_err(|_| CvcError::Signature)
    }
}

#[derive(Sequence)]
struct DigitalSignature {
    algorithm: AlgorithmIdentifierOwned,
    value: BitString,
}
