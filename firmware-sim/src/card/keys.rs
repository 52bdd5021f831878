//! The private keys of the card and what they do (SP 800-78-5, 3.1).

use std::fmt;

use ::piv::words::Algorithm;
use iso7816::ber::{self, Tag};
use p256::elliptic_curve::Generate;
use p256::elliptic_curve::sec1::ToSec1Point;
use rand_chacha::ChaCha20Rng;
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey};
use rsa::pkcs8::DecodePrivateKey;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, RsaPrivateKey};
use signature::hazmat::PrehashSigner;
use zeroize::Zeroizing;

/// A private key ready for use.
pub(super) enum PrivateKey {
    P256(Box<p256::SecretKey>, Box<p256::ecdsa::SigningKey>),
    P384(Box<p384::SecretKey>, Box<p384::ecdsa::SigningKey>),
    Rsa2048(Box<RsaPrivateKey>),
    Rsa3072(Box<RsaPrivateKey>),
}

impl PrivateKey {
    /// A new key; `None` for an algorithm without private keys.
    pub(super) fn generate(algorithm: Algorithm, random: &mut ChaCha20Rng) -> Option<Self> {
        Some(match algorithm {
            Algorithm::P256 => Self::p256(p256::SecretKey::generate_from_rng(random)),
            Algorithm::P384 => Self::p384(p384::SecretKey::generate_from_rng(random)),
            Algorithm::Rsa2048 => Self::Rsa2048(Box::new(RsaPrivateKey::new(random, 2048).ok()?)),
            Algorithm::Rsa3072 => Self::Rsa3072(Box::new(RsaPrivateKey::new(random, 3072).ok()?)),
            _ => return None,
        })
    }

    /// From a memory cell, as [`PrivateKey::to_cell`] wrote it.
    pub(super) fn from_cell(cell: &[u8]) -> Option<Self> {
        let (&algorithm, key) = cell.split_first()?;
        let rsa = || RsaPrivateKey::from_pkcs1_der(key).ok().map(Box::new);
        Some(match Algorithm::from_byte(algorithm)? {
            Algorithm::P256 => Self::p256(p256::SecretKey::from_slice(key).ok()?),
            Algorithm::P384 => Self::p384(p384::SecretKey::from_slice(key).ok()?),
            Algorithm::Rsa2048 => Self::Rsa2048(rsa()?),
            Algorithm::Rsa3072 => Self::Rsa3072(rsa()?),
            _ => return None,
        })
    }

    /// From PKCS #8 in DER; `None` for a key no such card has.
    pub(super) fn from_pkcs8(der: &[u8]) -> Option<Self> {
        if let Ok(key) = p256::SecretKey::from_pkcs8_der(der) {
            return Some(Self::p256(key));
        }
        if let Ok(key) = p384::SecretKey::from_pkcs8_der(der) {
            return Some(Self::p384(key));
        }
        let key = Box::new(RsaPrivateKey::from_pkcs8_der(der).ok()?);
        match key.size() {
            256 => Some(Self::Rsa2048(key)),
            384 => Some(Self::Rsa3072(key)),
            _ => None,
        }
    }

    /// For a memory cell: algorithm identifier, then the scalar or the PKCS #1 structure.
    pub(super) fn to_cell(&self) -> Option<Zeroizing<Vec<u8>>> {
        let key = match self {
            Self::P256(secret, _) => Zeroizing::new(secret.to_bytes().to_vec()),
            Self::P384(secret, _) => Zeroizing::new(secret.to_bytes().to_vec()),
            Self::Rsa2048(key) | Self::Rsa3072(key) => key.to_pkcs1_der().ok()?.to_bytes(),
        };
        let mut cell = Zeroizing::new(Vec::with_capacity(1 + key.len()));
        cell.push(self.algorithm().byte());
        cell.extend_from_slice(&key);
        Some(cell)
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match self {
            Self::P256(..) => Algorithm::P256,
            Self::P384(..) => Algorithm::P384,
            Self::Rsa2048(_) => Algorithm::Rsa2048,
            Self::Rsa3072(_) => Algorithm::Rsa3072,
        }
    }

    pub(super) fn is_rsa(&self) -> bool {
        matches!(self, Self::Rsa2048(_) | Self::Rsa3072(_))
    }

    /// `7F49 { 81 modulus, 82 exponent }` or `7F49 { 86 point }` (SP 800-73-5 Part 2, 3.3.2).
    pub(super) fn public_key_object(&self) -> Vec<u8> {
        let mut parts = Vec::new();
        if let Some(point) = self.point() {
            ber::write(&mut parts, Tag(0x86), &point);
        }
        match self {
            Self::P256(..) | Self::P384(..) => {}
            Self::Rsa2048(key) | Self::Rsa3072(key) => {
                ber::write(&mut parts, Tag(0x81), &key.n_bytes());
                ber::write(&mut parts, Tag(0x82), &key.e_bytes());
            }
        }
        ber::object(Tag(0x7F49), &parts)
    }

    /// The public point, 04, X, Y; RSA has none.
    pub(super) fn point(&self) -> Option<Vec<u8>> {
        match self {
            Self::P256(secret, _) => {
                Some(secret.public_key().to_sec1_point(false).as_bytes().to_vec())
            }
            Self::P384(secret, _) => {
                Some(secret.public_key().to_sec1_point(false).as_bytes().to_vec())
            }
            Self::Rsa2048(_) | Self::Rsa3072(_) => None,
        }
    }

    /// ECDSA of a digest, deterministic (RFC 6979), as a DER sequence. A digest longer than the
    /// curve, or shorter where `short_digests` does not allow it, gives `None`.
    pub(super) fn sign(&self, digest: &[u8], short_digests: bool) -> Option<Zeroizing<Vec<u8>>> {
        let filled = |size: usize| -> Option<Vec<u8>> {
            let missing = size.checked_sub(digest.len())?;
            if digest.is_empty() || (missing > 0 && !short_digests) {
                return None;
            }
            Some([&vec![0; missing], digest].concat())
        };
        let signature = match self {
            Self::P256(_, key) => {
                let signature: p256::ecdsa::DerSignature = key.sign_prehash(&filled(32)?).ok()?;
                signature.as_bytes().to_vec()
            }
            Self::P384(_, key) => {
                let signature: p384::ecdsa::DerSignature = key.sign_prehash(&filled(48)?).ok()?;
                signature.as_bytes().to_vec()
            }
            Self::Rsa2048(_) | Self::Rsa3072(_) => return None,
        };
        Some(Zeroizing::new(signature))
    }

    /// The X coordinate of the agreed point; `None` for a point that is not on the curve, not
    /// uncompressed, or of the other curve.
    pub(super) fn agree(&self, point: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        const UNCOMPRESSED: u8 = 0x04;
        if point.first() != Some(&UNCOMPRESSED) {
            return None;
        }
        let shared = match self {
            Self::P256(secret, _) => {
                let other = p256::PublicKey::from_sec1_bytes(point).ok()?;
                secret.diffie_hellman(&other).raw_secret_bytes().to_vec()
            }
            Self::P384(secret, _) => {
                let other = p384::PublicKey::from_sec1_bytes(point).ok()?;
                secret.diffie_hellman(&other).raw_secret_bytes().to_vec()
            }
            Self::Rsa2048(_) | Self::Rsa3072(_) => return None,
        };
        Some(Zeroizing::new(shared))
    }

    /// The RSA private key operation on a whole block; `None` for a block of another length or
    /// not smaller than the modulus.
    pub(super) fn raw(&self, block: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (Self::Rsa2048(key) | Self::Rsa3072(key)) = self else {
            return None;
        };
        if block.len() != key.size() {
            return None;
        }
        let input = BoxedUint::from_be_slice(block, key.n_bits_precision()).ok()?;
        // Blinding would hide timing from someone next to a real card; here it only costs.
        let output =
            rsa::hazmat::rsa_decrypt_and_check::<ChaCha20Rng>(key.as_ref(), None, &input).ok()?;
        Some(Zeroizing::new(output.to_be_bytes().to_vec()))
    }

    fn p256(secret: p256::SecretKey) -> Self {
        let signing = Box::new(p256::ecdsa::SigningKey::from(&secret));
        Self::P256(Box::new(secret), signing)
    }

    fn p384(secret: p384::SecretKey) -> Self {
        let signing = Box::new(p384::ecdsa::SigningKey::from(&secret));
        Self::P384(Box::new(secret), signing)
    }
}

impl From<&p256::ecdsa::SigningKey> for PrivateKey {
    fn from(key: &p256::ecdsa::SigningKey) -> Self {
        Self::p256(p256::SecretKey::from(key))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.algorithm())
    }
}
