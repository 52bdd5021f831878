//! Card verifiable certificates, `7F21` (SP 800-73-5 Part 2, 4.1.5).
//!
//! A card's CVC binds its secure messaging key (04) to its GUID and is signed by the content
//! signing key named in the Secure Messaging Certificate Signer object (5FC122). Where that key
//! is RSA, an Intermediate CVC stands between: signed by the RSA key, its own key signs the
//! card's CVC.
//!
//! [`Cvc::parse`] reads what a card gives, lenient, with findings; [`CvcContent`] holds only what
//! the standard allows and is what new CVCs are made from. Signing stays with whoever holds the
//! key: sign [`CvcContent::covered`], hand the signature to [`CvcContent::encode`].

mod content;
mod error;
mod parse;
mod signature;
mod signer;
#[cfg(test)]
mod tests;

use std::fmt;

use sha1::{Digest, Sha1};
use uuid::Uuid;

pub use content::CvcContent;
pub use error::CvcError;
pub use signature::{CvcSignature, SignatureAlgorithm};
pub use signer::Signer;

use crate::PublicKey;
use iso7816::ber::Tag;

pub(crate) const CVC: Tag = Tag(0x7F21);
const PROFILE: Tag = Tag(0x5F29);
const ISSUER: Tag = Tag(0x42);
const SUBJECT: Tag = Tag(0x5F20);
const PUBLIC_KEY: Tag = Tag(0x7F49);
const CURVE: Tag = Tag(0x06);
const POINT: Tag = Tag(0x86);
const ROLE: Tag = Tag(0x5F4C);
const SIGNATURE: Tag = Tag(0x5F37);

/// The only credential profile there is.
const PROFILE_VALUE: u8 = 0x80;

/// The clause of every finding here.
const CLAUSE: &str = "SP 800-73-5 Part 2, 4.1.5";

/// Eight bytes that name a signing key: the Issuer Identification Number of the CVCs it signs.
///
/// For a content signing certificate the leftmost 8 bytes of its subjectKeyIdentifier; for an
/// Intermediate CVC its subject identifier (SP 800-73-5 Part 2, 4.1.5).
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyIdentifier(pub [u8; 8]);

impl KeyIdentifier {
    /// The identifier of an Intermediate CVC's key: the leftmost 8 bytes of SHA-1 over the
    /// public-key object's value, 04 then X and Y. `None` for RSA.
    #[must_use]
    pub fn of_key(key: &PublicKey) -> Option<Self> {
        let point = key.point()?;
        Sha1::digest(point).first_chunk().map(|first| Self(*first))
    }
}

impl fmt::Display for KeyIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_upper(self.0))
    }
}

impl fmt::Debug for KeyIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyIdentifier({self})")
    }
}

/// Whom a CVC is for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Subject {
    /// A card, by its Card UUID (GUID).
    Card(Uuid),
    /// An intermediate signing key, by its identifier.
    Intermediate(KeyIdentifier),
}

/// What the key of a CVC is for (tag 5F4C).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Role {
    /// 00: card-application key, for key establishment.
    Card,
    /// 12: card-application root, signs the CVCs of cards.
    Intermediate,
    /// Any other value; none is allowed.
    Unknown(u8),
}

impl Role {
    /// The role with this byte.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Self {
        match byte {
            0x00 => Self::Card,
            0x12 => Self::Intermediate,
            other => Self::Unknown(other),
        }
    }

    /// The role identifier.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Card => 0x00,
            Self::Intermediate => 0x12,
            Self::Unknown(byte) => byte,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Card => f.write_str("card (00)"),
            Self::Intermediate => f.write_str("intermediate (12)"),
            Self::Unknown(byte) => write!(f, "unknown ({byte:02X})"),
        }
    }
}

/// A CVC as read from a card. Elements that are missing or could not be understood are `None`;
/// the findings beside it say why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cvc {
    /// Credential profile identifier, 80 in all there are.
    pub profile: Option<u8>,
    /// Issuer Identification Number: which key signed it.
    pub issuer: Option<KeyIdentifier>,
    /// Whom it is for; card or intermediate by the length of the identifier, 16 or 8 bytes.
    pub subject: Option<Subject>,
    /// The key it certifies, on the curve its OID names.
    pub public_key: Option<PublicKey>,
    /// What the key is for.
    pub role: Option<Role>,
    /// The signature.
    pub signature: Option<CvcSignature>,
    /// The bytes the signature covers: all elements but the signature, in their order, without
    /// the `7F21` header.
    pub covered: Vec<u8>,
}
