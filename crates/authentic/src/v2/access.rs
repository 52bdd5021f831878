use std::fmt;

use crate::words::v2::{self as words, ACCESS_BYTES};

/// What has to be proved before something may be done with a file: one access byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Condition {
    /// Nothing.
    Always,
    /// The holder's passcode.
    UserPin,
    /// The one-time passcode.
    OneTimePin,
    /// The security officer's passcode.
    OfficerPin,
    /// The holder's or the security officer's passcode.
    EitherPin,
    /// Secure messaging, with the byte that says which key and level: 60 to 7F.
    SecureMessaging(u8),
    /// It is never allowed.
    Never,
    /// A byte without known meaning.
    Unknown(u8),
}

impl Condition {
    /// From an access byte.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Self {
        match byte {
            words::ALWAYS => Self::Always,
            words::NEEDS_USER_PIN => Self::UserPin,
            words::NEEDS_ONE_TIME_PIN => Self::OneTimePin,
            words::NEEDS_SO_PIN => Self::OfficerPin,
            words::NEEDS_EITHER_PIN => Self::EitherPin,
            words::NEVER => Self::Never,
            0x60..=0x7F => Self::SecureMessaging(byte),
            _ => Self::Unknown(byte),
        }
    }

    /// The access byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Always => words::ALWAYS,
            Self::UserPin => words::NEEDS_USER_PIN,
            Self::OneTimePin => words::NEEDS_ONE_TIME_PIN,
            Self::OfficerPin => words::NEEDS_SO_PIN,
            Self::EitherPin => words::NEEDS_EITHER_PIN,
            Self::Never => words::NEVER,
            Self::SecureMessaging(byte) | Self::Unknown(byte) => byte,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("nothing"),
            Self::UserPin => f.write_str("the holder's passcode"),
            Self::OneTimePin => f.write_str("the one-time passcode"),
            Self::OfficerPin => f.write_str("the security officer's passcode"),
            Self::EitherPin => f.write_str("the holder's or the security officer's passcode"),
            Self::SecureMessaging(byte) => write!(f, "secure messaging ({byte:02X})"),
            Self::Never => f.write_str("what nobody has: it is never allowed"),
            Self::Unknown(byte) => write!(f, "an unknown condition ({byte:02X})"),
        }
    }
}

/// What a file is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FileKind {
    /// A dedicated file: holds others.
    Dedicated,
    /// A transparent data file.
    Transparent,
    /// A data file of records of variable length.
    Records,
    /// A DES key.
    DesKey,
    /// An RSA public key.
    PublicKey,
    /// An RSA private key.
    PrivateKey,
}

impl FileKind {
    /// From the type byte of the answer to SELECT.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            words::TYPE_DF => Some(Self::Dedicated),
            words::TYPE_TRANSPARENT => Some(Self::Transparent),
            words::TYPE_RECORDS => Some(Self::Records),
            words::TYPE_DES_KEY => Some(Self::DesKey),
            words::TYPE_PUBLIC_KEY => Some(Self::PublicKey),
            words::TYPE_PRIVATE_KEY => Some(Self::PrivateKey),
            _ => None,
        }
    }

    /// The type byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Dedicated => words::TYPE_DF,
            Self::Transparent => words::TYPE_TRANSPARENT,
            Self::Records => words::TYPE_RECORDS,
            Self::DesKey => words::TYPE_DES_KEY,
            Self::PublicKey => words::TYPE_PUBLIC_KEY,
            Self::PrivateKey => words::TYPE_PRIVATE_KEY,
        }
    }

    /// What can be done with such a file, by position of its access byte; `None` for positions
    /// without meaning.
    #[must_use]
    pub const fn operations(self) -> [Option<&'static str>; ACCESS_BYTES] {
        match self {
            Self::Dedicated => [
                Some("create files"),
                Some("generate keys"),
                Some("list files"),
                Some("delete files"),
                Some("set passcodes"),
                Some("change passcodes"),
                Some("unblock passcodes"),
                None,
            ],
            Self::Transparent | Self::Records => [
                Some("write"),
                Some("update"),
                Some("read"),
                Some("erase"),
                None,
                None,
                None,
                None,
            ],
            Self::DesKey => [
                Some("update"),
                Some("decipher"),
                Some("encipher"),
                Some("compute a MAC"),
                Some("check a MAC"),
                Some("authenticate internally"),
                Some("authenticate externally"),
                None,
            ],
            Self::PublicKey => [
                Some("update"),
                None,
                Some("encipher"),
                None,
                Some("verify signatures"),
                None,
                Some("authenticate externally"),
                None,
            ],
            Self::PrivateKey => [
                Some("update"),
                Some("decipher"),
                None,
                Some("sign"),
                None,
                Some("authenticate internally"),
                None,
                None,
            ],
        }
    }
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dedicated => "dedicated file",
            Self::Transparent => "transparent file",
            Self::Records => "file of records",
            Self::DesKey => "DES key",
            Self::PublicKey => "RSA public key",
            Self::PrivateKey => "RSA private key",
        })
    }
}

/// The access conditions of a file: eight bytes, whose meaning depends on the kind of file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Access([Condition; ACCESS_BYTES]);

impl Access {
    /// From the bytes of the answer to SELECT.
    #[must_use]
    pub fn from_bytes(bytes: [u8; ACCESS_BYTES]) -> Self {
        Self(bytes.map(Condition::from_byte))
    }

    /// Conditions in the order of the kind of file; what is not given is never allowed.
    #[must_use]
    pub fn new(given: &[(usize, Condition)]) -> Self {
        let mut access = [Condition::Never; ACCESS_BYTES];
        for (position, condition) in given {
            if let Some(place) = access.get_mut(*position) {
                *place = *condition;
            }
        }
        Self(access)
    }

    /// The bytes for CREATE FILE.
    #[must_use]
    pub fn bytes(&self) -> [u8; ACCESS_BYTES] {
        self.0.map(Condition::byte)
    }

    /// The condition at a position, see [`crate::words::v2`]; never, beyond the last.
    #[must_use]
    pub fn at(&self, position: usize) -> Condition {
        self.0.get(position).copied().unwrap_or(Condition::Never)
    }

    /// Operation and condition, in words: `sign: the holder's passcode`.
    #[must_use]
    pub fn explain(&self, kind: FileKind) -> Vec<String> {
        kind.operations()
            .iter()
            .zip(self.0)
            .filter_map(|(operation, condition)| {
                operation.map(|operation| match condition {
                    Condition::Never => format!("{operation}: never"),
                    Condition::Always => format!("{operation}: always"),
                    condition => format!("{operation}: {condition}"),
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_access_byte_is_written_back_as_it_was() {
        for byte in 0..=u8::MAX {
            assert_eq!(Condition::from_byte(byte).byte(), byte);
        }
    }

    #[test]
    fn conditions_are_explained_by_the_kind_of_file() {
        let access = Access::from_bytes([0x21, 0x21, 0xFF, 0x21, 0xFF, 0x25, 0xFF, 0xFF]);
        assert_eq!(
            access.explain(FileKind::PrivateKey),
            [
                "update: the holder's passcode",
                "decipher: the holder's passcode",
                "sign: the holder's passcode",
                "authenticate internally: the holder's or the security officer's passcode",
            ]
        );
        let access = Access::from_bytes([0x24, 0x68, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
        assert_eq!(
            access.explain(FileKind::Transparent),
            [
                "write: the security officer's passcode",
                "update: secure messaging (68)",
                "read: always",
                "erase: never",
            ]
        );
    }
}
