//! The words both sides of the card edge speak: application identifier, object tags, key
//! references, algorithm identifiers. Plain data without behaviour, shared with the simulated
//! card.

use std::fmt;

use iso7816::ber::Tag;
use serde::{Deserialize, Serialize};

/// The full application identifier, version 01 00 (SP 800-73-5 Part 1, 2.2).
pub const AID: [u8; 11] = [
    0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00,
];

/// The right-truncated application identifier, without the version (SP 800-73-5 Part 1, 2.2).
pub const AID_TRUNCATED: [u8; 9] = [0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00];

/// The editions of SP 800-73 that cards in the field were made to.
///
/// Ordered by age. What the fifth took away, added or tightened stands in SP 800-73-5 Part 1,
/// Appendix G.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
pub enum Edition {
    /// SP 800-73-4, May 2015 with the errata of February 2016.
    #[serde(rename = "73-4")]
    Fourth,
    /// SP 800-73-5, July 2024.
    #[default]
    #[serde(rename = "73-5")]
    Fifth,
}

impl Edition {
    /// All, the oldest first.
    pub const ALL: [Self; 2] = [Self::Fourth, Self::Fifth];

    /// Its short name, `73-4` or `73-5`, as files and the command line have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fourth => "73-4",
            Self::Fifth => "73-5",
        }
    }

    /// The edition of this short name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|edition| edition.name() == name)
    }

    /// The most tries a PIN may have (SP 800-73-5 Part 2, 3.2.1; before, the counter's four bits).
    #[must_use]
    pub const fn most_pin_tries(self) -> u8 {
        match self {
            Self::Fourth => 15,
            Self::Fifth => 10,
        }
    }
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SP 800-{}", self.name())
    }
}

/// The 36 data objects of SP 800-73-5 Part 1, Table 2 and 3, in the order of the tables.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ObjectId {
    /// Card Capability Container, 5FC107.
    CardCapabilityContainer,
    /// Card Holder Unique Identifier, 5FC102.
    Chuid,
    /// X.509 certificate for PIV Authentication (key 9A), 5FC105.
    AuthenticationCertificate,
    /// Cardholder fingerprints, 5FC103.
    Fingerprints,
    /// Security Object, 5FC106.
    SecurityObject,
    /// Cardholder facial image, 5FC108.
    FacialImage,
    /// X.509 certificate for Card Authentication (key 9E), 5FC101.
    CardAuthenticationCertificate,
    /// X.509 certificate for Digital Signature (key 9C), 5FC10A.
    SignatureCertificate,
    /// X.509 certificate for Key Management (key 9D), 5FC10B.
    KeyManagementCertificate,
    /// Printed Information, 5FC109.
    PrintedInformation,
    /// Discovery Object, 7E.
    Discovery,
    /// Key History Object, 5FC10C.
    KeyHistory,
    /// Retired X.509 certificate for Key Management 1 to 20 (keys 82 to 95), 5FC10D to 5FC120.
    RetiredCertificate(RetiredKey),
    /// Cardholder iris images, 5FC121.
    IrisImages,
    /// Biometric Information Templates Group Template, 7F61.
    BiometricInformationTemplates,
    /// Secure Messaging Certificate Signer, 5FC122.
    SecureMessagingSigner,
    /// Pairing Code Reference Data Container, 5FC123.
    PairingCode,
}

impl ObjectId {
    /// All 36, in the order of the standard's tables.
    pub fn all() -> impl Iterator<Item = Self> {
        let first = [
            Self::CardCapabilityContainer,
            Self::Chuid,
            Self::AuthenticationCertificate,
            Self::Fingerprints,
            Self::SecurityObject,
            Self::FacialImage,
            Self::CardAuthenticationCertificate,
            Self::SignatureCertificate,
            Self::KeyManagementCertificate,
            Self::PrintedInformation,
            Self::Discovery,
            Self::KeyHistory,
        ];
        let last = [
            Self::IrisImages,
            Self::BiometricInformationTemplates,
            Self::SecureMessagingSigner,
            Self::PairingCode,
        ];
        first
            .into_iter()
            .chain(RetiredKey::all().map(Self::RetiredCertificate))
            .chain(last)
    }

    /// The object with this BER tag.
    #[must_use]
    pub fn from_tag(tag: Tag) -> Option<Self> {
        Self::all().find(|object| object.tag() == tag)
    }

    /// The BER tag it is asked for by.
    #[must_use]
    pub fn tag(self) -> Tag {
        Tag(match self {
            Self::CardAuthenticationCertificate => 0x5F_C101,
            Self::Chuid => 0x5F_C102,
            Self::Fingerprints => 0x5F_C103,
            Self::AuthenticationCertificate => 0x5F_C105,
            Self::SecurityObject => 0x5F_C106,
            Self::CardCapabilityContainer => 0x5F_C107,
            Self::FacialImage => 0x5F_C108,
            Self::PrintedInformation => 0x5F_C109,
            Self::SignatureCertificate => 0x5F_C10A,
            Self::KeyManagementCertificate => 0x5F_C10B,
            Self::KeyHistory => 0x5F_C10C,
            Self::RetiredCertificate(key) => 0x5F_C10C + u32::from(key.number()),
            Self::IrisImages => 0x5F_C121,
            Self::SecureMessagingSigner => 0x5F_C122,
            Self::PairingCode => 0x5F_C123,
            Self::Discovery => 0x7E,
            Self::BiometricInformationTemplates => 0x7F61,
        })
    }

    /// The container identifier used in the Security Object.
    #[must_use]
    pub fn container(self) -> u16 {
        match self {
            Self::CardCapabilityContainer => 0xDB00,
            Self::Chuid => 0x3000,
            Self::AuthenticationCertificate => 0x0101,
            Self::Fingerprints => 0x6010,
            Self::SecurityObject => 0x9000,
            Self::FacialImage => 0x6030,
            Self::CardAuthenticationCertificate => 0x0500,
            Self::SignatureCertificate => 0x0100,
            Self::KeyManagementCertificate => 0x0102,
            Self::PrintedInformation => 0x3001,
            Self::Discovery => 0x6050,
            Self::KeyHistory => 0x6060,
            Self::RetiredCertificate(key) => 0x1000 + u16::from(key.number()),
            Self::IrisImages => 0x1015,
            Self::BiometricInformationTemplates => 0x1016,
            Self::SecureMessagingSigner => 0x1017,
            Self::PairingCode => 0x1018,
        }
    }

    /// The outermost tag of what GET DATA returns: 53, or the object's own.
    #[must_use]
    pub fn wrapper(self) -> Tag {
        match self.is_bare() {
            true => self.tag(),
            false => Tag(0x53),
        }
    }

    /// Whether the object carries its own tag instead of the 53 wrapper.
    #[must_use]
    pub fn is_bare(self) -> bool {
        matches!(self, Self::Discovery | Self::BiometricInformationTemplates)
    }

    /// Whether reading needs the PIN (SP 800-73-5 Part 1, Table 3).
    #[must_use]
    pub fn needs_pin(self) -> bool {
        matches!(
            self,
            Self::Fingerprints
                | Self::FacialImage
                | Self::PrintedInformation
                | Self::IrisImages
                | Self::PairingCode
        )
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CardCapabilityContainer => "Card Capability Container",
            Self::Chuid => "CHUID",
            Self::AuthenticationCertificate => "certificate for PIV Authentication",
            Self::Fingerprints => "fingerprints",
            Self::SecurityObject => "Security Object",
            Self::FacialImage => "facial image",
            Self::CardAuthenticationCertificate => "certificate for Card Authentication",
            Self::SignatureCertificate => "certificate for Digital Signature",
            Self::KeyManagementCertificate => "certificate for Key Management",
            Self::PrintedInformation => "Printed Information",
            Self::Discovery => "Discovery Object",
            Self::KeyHistory => "Key History Object",
            Self::RetiredCertificate(key) => {
                return write!(f, "retired certificate {}", key.number());
            }
            Self::IrisImages => "iris images",
            Self::BiometricInformationTemplates => "biometric information templates",
            Self::SecureMessagingSigner => "secure messaging certificate signer",
            Self::PairingCode => "pairing code reference data",
        })
    }
}

/// One of the 20 retired key management keys: number 1 to 20, reference 82 to 95.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RetiredKey(u8);

impl RetiredKey {
    /// By number; `None` outside 1 to 20.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            1..=20 => Some(Self(number)),
            _ => None,
        }
    }

    /// All twenty.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=20).map(Self)
    }

    /// 1 to 20.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// The asymmetric and symmetric keys of a PIV card (SP 800-73-5 Part 1, Table 4).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum KeyReference {
    /// 04: secure messaging.
    SecureMessaging,
    /// 82 to 95: retired key management.
    Retired(RetiredKey),
    /// 9A: PIV Authentication.
    Authentication,
    /// 9B: PIV Card Application Administration, symmetric.
    Administration,
    /// 9C: Digital Signature.
    Signature,
    /// 9D: Key Management.
    KeyManagement,
    /// 9E: Card Authentication.
    CardAuthentication,
}

impl KeyReference {
    /// The key with this reference byte.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0x04 => Self::SecureMessaging,
            0x82..=0x95 => Self::Retired(RetiredKey(byte - 0x81)),
            0x9A => Self::Authentication,
            0x9B => Self::Administration,
            0x9C => Self::Signature,
            0x9D => Self::KeyManagement,
            0x9E => Self::CardAuthentication,
            _ => return None,
        })
    }

    /// The reference byte, P2 of GENERAL AUTHENTICATE.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::SecureMessaging => 0x04,
            Self::Retired(key) => 0x81 + key.0,
            Self::Authentication => 0x9A,
            Self::Administration => 0x9B,
            Self::Signature => 0x9C,
            Self::KeyManagement => 0x9D,
            Self::CardAuthentication => 0x9E,
        }
    }

    /// Where the key's certificate is kept.
    #[must_use]
    pub const fn certificate(self) -> Option<ObjectId> {
        Some(match self {
            Self::SecureMessaging | Self::Administration => return None,
            Self::Retired(key) => ObjectId::RetiredCertificate(key),
            Self::Authentication => ObjectId::AuthenticationCertificate,
            Self::Signature => ObjectId::SignatureCertificate,
            Self::KeyManagement => ObjectId::KeyManagementCertificate,
            Self::CardAuthentication => ObjectId::CardAuthenticationCertificate,
        })
    }
}

impl fmt::Display for KeyReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}", self.byte())
    }
}

/// Passcodes and other reference data checked by VERIFY (SP 800-73-5 Part 1, Table 4).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PinReference {
    /// 00: Global PIN.
    Global,
    /// 80: PIV Card Application PIN.
    Application,
    /// 81: PIN Unblocking Key.
    Unblocking,
    /// 96: primary finger, on-card comparison.
    PrimaryFinger,
    /// 97: secondary finger, on-card comparison.
    SecondaryFinger,
    /// 98: pairing code.
    PairingCode,
}

impl PinReference {
    /// The reference data with this reference byte.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0x00 => Self::Global,
            0x80 => Self::Application,
            0x81 => Self::Unblocking,
            0x96 => Self::PrimaryFinger,
            0x97 => Self::SecondaryFinger,
            0x98 => Self::PairingCode,
            _ => return None,
        })
    }

    /// The reference byte, P2 of VERIFY.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Global => 0x00,
            Self::Application => 0x80,
            Self::Unblocking => 0x81,
            Self::PrimaryFinger => 0x96,
            Self::SecondaryFinger => 0x97,
            Self::PairingCode => 0x98,
        }
    }
}

impl fmt::Display for PinReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Global => "Global PIN (00)",
            Self::Application => "PIV PIN (80)",
            Self::Unblocking => "PUK (81)",
            Self::PrimaryFinger => "primary finger (96)",
            Self::SecondaryFinger => "secondary finger (97)",
            Self::PairingCode => "pairing code (98)",
        })
    }
}

/// Algorithm identifiers (SP 800-78-5, Tables 9 and 10).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Algorithm {
    /// 03 (also 00): three-key Triple DES, ECB. Deprecated.
    TripleDes,
    /// 05: RSA-3072.
    Rsa3072,
    /// 06: RSA-1024, retired keys only.
    Rsa1024,
    /// 07: RSA-2048.
    Rsa2048,
    /// 08: AES-128, ECB.
    Aes128,
    /// 0A: AES-192, ECB.
    Aes192,
    /// 0C: AES-256, ECB.
    Aes256,
    /// 11: ECC P-256.
    P256,
    /// 14: ECC P-384.
    P384,
    /// 27: secure messaging cipher suite 2.
    CipherSuite2,
    /// 2E: secure messaging cipher suite 7.
    CipherSuite7,
}

impl Algorithm {
    /// The algorithm with this identifier.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0x00 | 0x03 => Self::TripleDes,
            0x05 => Self::Rsa3072,
            0x06 => Self::Rsa1024,
            0x07 => Self::Rsa2048,
            0x08 => Self::Aes128,
            0x0A => Self::Aes192,
            0x0C => Self::Aes256,
            0x11 => Self::P256,
            0x14 => Self::P384,
            0x27 => Self::CipherSuite2,
            0x2E => Self::CipherSuite7,
            _ => return None,
        })
    }

    /// The identifier, P1 of GENERAL AUTHENTICATE.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::TripleDes => 0x03,
            Self::Rsa3072 => 0x05,
            Self::Rsa1024 => 0x06,
            Self::Rsa2048 => 0x07,
            Self::Aes128 => 0x08,
            Self::Aes192 => 0x0A,
            Self::Aes256 => 0x0C,
            Self::P256 => 0x11,
            Self::P384 => 0x14,
            Self::CipherSuite2 => 0x27,
            Self::CipherSuite7 => 0x2E,
        }
    }

    /// The key size in bytes for a symmetric algorithm.
    #[must_use]
    pub const fn symmetric_key_size(self) -> Option<usize> {
        match self {
            Self::TripleDes | Self::Aes192 => Some(24),
            Self::Aes128 => Some(16),
            Self::Aes256 => Some(32),
            _ => None,
        }
    }

    /// The block size in bytes for a symmetric algorithm.
    #[must_use]
    pub const fn block_size(self) -> Option<usize> {
        match self {
            Self::TripleDes => Some(8),
            Self::Aes128 | Self::Aes192 | Self::Aes256 => Some(16),
            _ => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TripleDes => "3DES",
            Self::Rsa3072 => "RSA-3072",
            Self::Rsa1024 => "RSA-1024",
            Self::Rsa2048 => "RSA-2048",
            Self::Aes128 => "AES-128",
            Self::Aes192 => "AES-192",
            Self::Aes256 => "AES-256",
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::CipherSuite2 => "CS2",
            Self::CipherSuite7 => "CS7",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn there_are_thirty_six_objects_with_tags_and_containers_of_their_own() {
        let tags: HashSet<_> = ObjectId::all().map(ObjectId::tag).collect();
        let containers: HashSet<_> = ObjectId::all().map(ObjectId::container).collect();
        assert_eq!((tags.len(), containers.len()), (36, 36));
    }

    #[test]
    fn references_and_algorithms_survive_the_byte() {
        for byte in 0..=u8::MAX {
            if let Some(key) = KeyReference::from_byte(byte) {
                assert_eq!(key.byte(), byte);
            }
            if let Some(pin) = PinReference::from_byte(byte) {
                assert_eq!(pin.byte(), byte);
            }
            if let Some(algorithm) = Algorithm::from_byte(byte).filter(|_| byte != 0) {
                assert_eq!(algorithm.byte(), byte);
            }
        }
    }
}
