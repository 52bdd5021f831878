use std::fmt;

use crate::words::Algorithm;

/// A cipher suite of secure messaging (SP 800-73-5 Part 2, 4.1.4).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CipherSuite {
    /// 27: P-256, SHA-256, AES-128.
    Cs2,
    /// 2E: P-384, SHA-384, AES-256.
    Cs7,
}

impl CipherSuite {
    /// The suite with this algorithm identifier, as the card lists it under tag AC in its answer
    /// to SELECT.
    #[must_use]
    pub const fn from_algorithm(algorithm: Algorithm) -> Option<Self> {
        match algorithm {
            Algorithm::CipherSuite2 => Some(Self::Cs2),
            Algorithm::CipherSuite7 => Some(Self::Cs7),
            _ => None,
        }
    }

    /// Its algorithm identifier, P1 of GENERAL AUTHENTICATE.
    #[must_use]
    pub const fn algorithm(self) -> Algorithm {
        match self {
            Self::Cs2 => Algorithm::CipherSuite2,
            Self::Cs7 => Algorithm::CipherSuite7,
        }
    }

    /// The algorithm of the card's static key and the host's ephemeral one.
    #[must_use]
    pub const fn curve(self) -> Algorithm {
        match self {
            Self::Cs2 => Algorithm::P256,
            Self::Cs7 => Algorithm::P384,
        }
    }

    /// Bytes of one coordinate and of the shared secret Z: 32 or 48.
    #[must_use]
    pub const fn coordinate_size(self) -> usize {
        match self {
            Self::Cs2 => 32,
            Self::Cs7 => 48,
        }
    }

    /// Bytes of an uncompressed point: 65 or 97.
    #[must_use]
    pub const fn point_size(self) -> usize {
        1 + 2 * self.coordinate_size()
    }

    /// Bytes of each session key: 16 or 32.
    #[must_use]
    pub const fn key_size(self) -> usize {
        match self {
            Self::Cs2 => 16,
            Self::Cs7 => 32,
        }
    }

    /// Bytes of the card's nonce: 16 or 24.
    #[must_use]
    pub const fn nonce_size(self) -> usize {
        match self {
            Self::Cs2 => 16,
            Self::Cs7 => 24,
        }
    }

    /// How often the hash is computed to derive the four keys: 2 or 3.
    #[must_use]
    pub const fn kdf_rounds(self) -> u32 {
        match self {
            Self::Cs2 => 2,
            Self::Cs7 => 3,
        }
    }

    /// The byte that stands for AES-128 or AES-256 in OtherInfo (4.1.6).
    #[must_use]
    pub const fn key_algorithm(self) -> u8 {
        match self {
            Self::Cs2 => 0x09,
            Self::Cs7 => 0x0D,
        }
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.algorithm().fmt(f)
    }
}
