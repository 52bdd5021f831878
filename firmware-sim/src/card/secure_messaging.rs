//! Secure messaging as the card does it: OPACITY ZKM and the protection of commands and responses
//! (SP 800-73-5 Part 2, 4). Made from the standard alone; it shares nothing with the host's side.

mod agreement;
mod channel;
mod key;

use ::piv::words::Algorithm;
use iso7816::Instruction;
use serde::Deserialize;

pub(super) use self::agreement::Agreement;
pub(super) use self::channel::SecureChannel;

/// CLA bits 4 and 3: secure messaging with the header under the MAC (ISO/IEC 7816-4, 5.4.1).
pub(super) const SECURED: u8 = 0x0C;

/// Whether secure messaging may carry the command (SP 800-73-5 Part 2, 4.2).
pub(super) fn may_carry(instruction: Instruction) -> bool {
    matches!(
        instruction,
        Instruction::GET_DATA
            | Instruction::VERIFY
            | Instruction::CHANGE_REFERENCE_DATA
            | Instruction::GENERAL_AUTHENTICATE
    )
}

/// A cipher suite of secure messaging (SP 800-73-5 Part 2, Table 14).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub enum Suite {
    /// P-256, SHA-256, AES-128: algorithm identifier 27.
    #[serde(rename = "CS2")]
    Cs2,
    /// P-384, SHA-384, AES-256: algorithm identifier 2E.
    #[serde(rename = "CS7")]
    Cs7,
}

impl Suite {
    /// The algorithm identifier, P1 of GENERAL AUTHENTICATE.
    #[must_use]
    pub fn algorithm(self) -> Algorithm {
        match self {
            Self::Cs2 => Algorithm::CipherSuite2,
            Self::Cs7 => Algorithm::CipherSuite7,
        }
    }

    /// The curve of key 04 and of the key that signs its certificate.
    #[must_use]
    pub fn curve(self) -> Algorithm {
        match self {
            Self::Cs2 => Algorithm::P256,
            Self::Cs7 => Algorithm::P384,
        }
    }

    /// Bytes of N_ICC.
    #[must_use]
    pub fn nonce_size(self) -> usize {
        match self {
            Self::Cs2 => 16,
            Self::Cs7 => 24,
        }
    }

    /// Bytes of an uncompressed point: 04, X, Y.
    #[must_use]
    pub fn point_size(self) -> usize {
        match self {
            Self::Cs2 => 65,
            Self::Cs7 => 97,
        }
    }

    /// Bytes of each session key.
    fn key_size(self) -> usize {
        match self {
            Self::Cs2 => 16,
            Self::Cs7 => 32,
        }
    }

    /// What each of the four keys is called in OtherInfo: AES-128 or AES-256.
    fn key_algorithm(self) -> u8 {
        match self {
            Self::Cs2 => 0x09,
            Self::Cs7 => 0x0D,
        }
    }
}
