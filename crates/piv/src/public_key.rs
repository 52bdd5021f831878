use iso7816::ber::{self, Tag};
use p256::elliptic_curve::sec1::ToSec1Point;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, Pkcs1v15Sign, RsaPublicKey};
use sha2::{Digest, Sha256, Sha384};
use signature::hazmat::PrehashVerifier;
use spki::der::Decode;
use spki::{EncodePublicKey, SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef};
use thiserror::Error;

use crate::words::Algorithm;

/// The public half of a key pair on the card.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PublicKey {
    /// RSA of any size.
    Rsa(RsaPublicKey),
    /// A point on P-256, checked to be on the curve.
    P256(p256::PublicKey),
    /// A point on P-384, checked to be on the curve.
    P384(p384::PublicKey),
}

impl PublicKey {
    /// From modulus and exponent, big endian.
    ///
    /// # Errors
    ///
    /// [`PublicKeyError::Rsa`] outside 1024 to 8192 bits, for an even modulus and for exponents
    /// below 2, above 2^33 - 1 or even.
    pub fn from_rsa_parts(modulus: &[u8], exponent: &[u8]) -> Result<Self, PublicKeyError> {
        // The largest modulus taken; anything longer is no key but a way to burn time.
        if modulus.len() > 1025 || exponent.len() > 8 {
            return Err(PublicKeyError::Rsa);
        }
        RsaPublicKey::new(
            BoxedUint::from_be_slice_vartime(modulus),
            BoxedUint::from_be_slice_vartime(exponent),
        )
        .map(Self::Rsa)
        .map_err(|_| PublicKeyError::Rsa)
    }

    /// From an uncompressed point, 04 then X and Y: 65 bytes for P-256, 97 for P-384.
    ///
    /// # Errors
    ///
    /// [`PublicKeyError::Point`] for another length, another form, or a point not on the curve.
    pub fn from_point(point: &[u8]) -> Result<Self, PublicKeyError> {
        let wrong = PublicKeyError::Point {
            length: point.len(),
        };
        match point {
            [0x04, rest @ ..] if rest.len() == 64 => p256::PublicKey::from_sec1_bytes(point)
                .map(Self::P256)
                .map_err(|_| wrong),
            [0x04, rest @ ..] if rest.len() == 96 => p384::PublicKey::from_sec1_bytes(point)
                .map(Self::P384)
                .map_err(|_| wrong),
            _ => Err(wrong),
        }
    }

    /// Parses the answer to GENERATE ASYMMETRIC KEY PAIR, `7F49` with `81` modulus and `82`
    /// exponent, or `86` point (SP 800-73-5 Part 2, 3.3.2).
    ///
    /// # Errors
    ///
    /// [`PublicKeyError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, PublicKeyError> {
        let inner = ber::expect(Tag(0x7F49), bytes)?;
        if let Some(point) = ber::find(Tag(0x86), inner)? {
            return Self::from_point(point);
        }
        match (ber::find(Tag(0x81), inner)?, ber::find(Tag(0x82), inner)?) {
            (Some(modulus), Some(exponent)) => Self::from_rsa_parts(modulus, exponent),
            _ => Err(PublicKeyError::Elements),
        }
    }

    /// From a certificate's or certificate request's SubjectPublicKeyInfo.
    ///
    /// # Errors
    ///
    /// [`PublicKeyError::Spki`] for other algorithms and curves or a malformed key.
    pub fn from_spki(spki: &SubjectPublicKeyInfoOwned) -> Result<Self, PublicKeyError> {
        use spki::der::Encode;
        let der = spki.to_der().map_err(|_| PublicKeyError::Spki)?;
        let spki = SubjectPublicKeyInfoRef::from_der(&der).map_err(|_| PublicKeyError::Spki)?;
        p256::PublicKey::try_from(spki.clone())
            .map(Self::P256)
            .or_else(|_| p384::PublicKey::try_from(spki.clone()).map(Self::P384))
            .or_else(|_| RsaPublicKey::try_from(spki).map(Self::Rsa))
            .map_err(|_| PublicKeyError::Spki)
    }

    /// The SubjectPublicKeyInfo for certificates and certificate requests (RFC 5280, 4.1.2.7).
    #[must_use]
    pub fn to_spki(&self) -> SubjectPublicKeyInfoOwned {
        SubjectPublicKeyInfoOwned::from_der(&self.to_spki_der())
            .expect("what was just encoded decodes")
    }

    /// The SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn to_spki_der(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => key.to_public_key_der(),
            Self::P256(key) => key.to_public_key_der(),
            Self::P384(key) => key.to_public_key_der(),
        }
        .expect("a checked key encodes")
        .into_vec()
    }

    /// The answer a card gives to GENERATE ASYMMETRIC KEY PAIR for this key.
    #[must_use]
    pub fn to_template(&self) -> Vec<u8> {
        let mut inner = Vec::new();
        match self {
            Self::Rsa(key) => {
                ber::write(&mut inner, Tag(0x81), &key.n_bytes());
                ber::write(&mut inner, Tag(0x82), &key.e_bytes());
            }
            Self::P256(_) | Self::P384(_) => {
                ber::write(&mut inner, Tag(0x86), &self.point().unwrap_or_default());
            }
        }
        ber::object(Tag(0x7F49), &inner)
    }

    /// The uncompressed point, 04 then X and Y; `None` for RSA.
    #[must_use]
    pub fn point(&self) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(_) => None,
            Self::P256(key) => Some(key.to_sec1_point(false).as_bytes().to_vec()),
            Self::P384(key) => Some(key.to_sec1_point(false).as_bytes().to_vec()),
        }
    }

    /// The card's word for the key; `None` for RSA sizes outside the standard.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        match self {
            Self::Rsa(key) => match key.size() {
                128 => Some(Algorithm::Rsa1024),
                256 => Some(Algorithm::Rsa2048),
                384 => Some(Algorithm::Rsa3072),
                _ => None,
            },
            Self::P256(_) => Some(Algorithm::P256),
            Self::P384(_) => Some(Algorithm::P384),
        }
    }

    /// Verifies a signature as [`crate::Client::sign_digest`] returns it: RSA PKCS#1 v1.5, or
    /// ECDSA in DER.
    ///
    /// # Errors
    ///
    /// [`PublicKeyError::Signature`].
    pub fn verify_digest(
        &self,
        digest: &MessageDigest,
        signature: &[u8],
    ) -> Result<(), PublicKeyError> {
        match self {
            Self::Rsa(key) => key
                .verify(
                    Pkcs1v15Sign::new_unprefixed(),
                    &digest.digest_info(),
                    signature,
                )
                .map_err(|_| PublicKeyError::Signature),
            Self::P256(key) => p256::ecdsa::Signature::from_der(signature)
                .and_then(|signature| {
                    p256::ecdsa::VerifyingKey::from(key)
                        .verify_prehash(digest.as_bytes(), &signature)
                })
                .map_err(|_| PublicKeyError::Signature),
            Self::P384(key) => p384::ecdsa::Signature::from_der(signature)
                .and_then(|signature| {
                    p384::ecdsa::VerifyingKey::from(key)
                        .verify_prehash(&digest.fitted(48), &signature)
                })
                .map_err(|_| PublicKeyError::Signature),
        }
    }
}

/// A message digest to be signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MessageDigest {
    /// SHA-256.
    Sha256([u8; 32]),
    /// SHA-384.
    Sha384([u8; 48]),
}

impl MessageDigest {
    /// SHA-256 of `message`.
    #[must_use]
    pub fn sha256(message: &[u8]) -> Self {
        Self::Sha256(Sha256::digest(message).into())
    }

    /// SHA-384 of `message`.
    #[must_use]
    pub fn sha384(message: &[u8]) -> Self {
        Self::Sha384(Sha384::digest(message).into())
    }

    /// The digest customary for a key: SHA-384 for P-384, else SHA-256
    /// (SP 800-78-5, Table 2).
    #[must_use]
    pub fn customary(algorithm: Algorithm, message: &[u8]) -> Self {
        match algorithm {
            Algorithm::P384 => Self::sha384(message),
            _ => Self::sha256(message),
        }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Sha256(bytes) => bytes,
            Self::Sha384(bytes) => bytes,
        }
    }

    /// The DER DigestInfo of PKCS#1 v1.5 (RFC 8017, 9.2, note 1).
    #[must_use]
    pub fn digest_info(&self) -> Vec<u8> {
        const SHA256: [u8; 19] = [
            0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
            0x01, 0x05, 0x00, 0x04, 0x20,
        ];
        const SHA384: [u8; 19] = [
            0x30, 0x41, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
            0x02, 0x05, 0x00, 0x04, 0x30,
        ];
        let prefix = match self {
            Self::Sha256(_) => SHA256,
            Self::Sha384(_) => SHA384,
        };
        [&prefix, self.as_bytes()].concat()
    }

    /// The block an RSA card signs: PKCS#1 v1.5 padding to `size` bytes (RFC 8017, 9.2). `None`
    /// when `size` has no room for it.
    #[must_use]
    pub fn padded(&self, size: usize) -> Option<Vec<u8>> {
        let info = self.digest_info();
        let fill = size.checked_sub(info.len() + 3).filter(|fill| *fill >= 8)?;
        let mut block = Vec::with_capacity(size);
        block.extend_from_slice(&[0x00, 0x01]);
        block.resize(2 + fill, 0xFF);
        block.push(0x00);
        block.extend_from_slice(&info);
        Some(block)
    }

    /// The input of ECDSA for a curve of `size` bytes: the leftmost bytes of a longer digest
    /// (FIPS 186-5, 6.4.1), a shorter one filled with zeros on the left.
    #[must_use]
    pub fn fitted(&self, size: usize) -> Vec<u8> {
        let bytes = self.as_bytes();
        match size.checked_sub(bytes.len()) {
            Some(missing) => [&vec![0; missing], bytes].concat(),
            None => bytes[..size].to_vec(),
        }
    }
}

/// Why bytes are no public key, or a signature is not the key's.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum PublicKeyError {
    /// The template is no BER-TLV.
    #[error("public key template: {0}")]
    Template(#[from] ber::TlvError),
    /// Neither point nor modulus and exponent.
    #[error("public key template has neither `86` nor `81` and `82`")]
    Elements,
    /// No RSA key of sane size and exponent.
    #[error("modulus or exponent is no RSA key of 1024 to 8192 bits")]
    Rsa,
    /// No point on P-256 or P-384.
    #[error("{length} bytes are no uncompressed point on P-256 (65) or P-384 (97)")]
    Point {
        /// Bytes given.
        length: usize,
    },
    /// Another algorithm or curve, or malformed.
    #[error("SubjectPublicKeyInfo holds no RSA, P-256 or P-384 key")]
    Spki,
    /// Not the key's signature.
    #[error("the signature does not verify")]
    Signature,
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_digest_is_padded_to_the_size_of_the_modulus() {
        let digest = MessageDigest::sha256(b"");
        let block = digest.padded(256).unwrap();
        assert_eq!(block.len(), 256);
        assert_eq!(block[..3], [0x00, 0x01, 0xFF]);
        assert!(block[2..204].iter().all(|byte| *byte == 0xFF));
        assert_eq!(block[204], 0x00);
        assert!(block.ends_with(&digest.digest_info()));
        // Eight bytes of filling at least (RFC 8017, 9.2).
        assert!(digest.padded(62).is_some());
        assert!(digest.padded(61).is_none());
    }

    #[test]
    fn a_digest_is_cut_or_filled_on_the_left() {
        let digest = MessageDigest::Sha384([0x11; 48]);
        assert_eq!(digest.fitted(32), [0x11; 32]);
        let digest = MessageDigest::Sha256([0x11; 32]);
        assert_eq!(digest.fitted(32), [0x11; 32]);
        assert_eq!(digest.fitted(48)[..17], [vec![0; 16], vec![0x11]].concat());
    }

    #[test]
    fn senseless_rsa_keys_are_refused() {
        let odd = [vec![0xC1; 127], vec![0x01]].concat();
        let even = [vec![0xC1; 127], vec![0x02]].concat();
        assert!(PublicKey::from_rsa_parts(&odd, &[1, 0, 1]).is_ok());
        for (modulus, exponent) in [
            (&odd[..], &[][..]),
            (&odd, &[0]),
            (&odd, &[1]),
            (&odd, &[2]),
            (&odd, &[0xFF; 9]),
            (&even, &[1, 0, 1]),
            (&odd[1..], &[1, 0, 1]),
            (&[], &[1, 0, 1]),
            (&[0; 256], &[1, 0, 1]),
        ] {
            assert_eq!(
                PublicKey::from_rsa_parts(modulus, exponent),
                Err(PublicKeyError::Rsa)
            );
        }
    }

    #[test]
    fn a_compressed_point_or_one_off_the_curve_is_refused() {
        for point in [vec![0x04; 65], vec![0x04; 97], vec![0x02; 33], vec![0x00]] {
            let length = point.len();
            assert_eq!(
                PublicKey::from_point(&point),
                Err(PublicKeyError::Point { length })
            );
        }
    }

    proptest! {
        #[test]
        fn any_template_is_a_key_or_a_typed_error(
            bytes in vec(any::<u8>(), 0..300),
            modulus in vec(any::<u8>(), 0..300),
            exponent in vec(any::<u8>(), 0..10),
        ) {
            let _ = PublicKey::parse(&bytes);
            if let Ok(key) = PublicKey::from_rsa_parts(&modulus, &exponent) {
                prop_assert_eq!(PublicKey::parse(&key.to_template()), Ok(key.clone()));
                prop_assert_eq!(PublicKey::from_spki(&key.to_spki()), Ok(key.clone()));
                let _ = key.verify_digest(&MessageDigest::Sha256([1; 32]), &bytes);
            }
        }
    }
}
