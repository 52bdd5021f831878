//! Who may do what with a file, credential or key: pairs of a control byte and credentials.

use std::fmt;

use crate::words::v3::{NEVER, SM_FULL, SM_MAC, SM_MASK, SM_PLAIN};

/// One access condition, as the card has it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct AccessPair(pub [u8; 2]);

/// What an access condition asks for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Access {
    /// Nothing.
    Always,
    /// It is not allowed, whoever asks.
    Never,
    /// One of these credentials, bit n-1 for credential n. That one of several suffices is how
    /// OpenSC resets a passcode; nothing says so.
    Credentials(u8),
    /// Secure messaging at this level, with credentials.
    SecureMessaging {
        /// What is protected.
        level: Protection,
        /// Credentials, bit n-1 for credential n; may be none.
        credentials: u8,
    },
}

/// What secure messaging protects.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Protection {
    /// Nothing: a session is enough.
    Session,
    /// Commands have a MAC.
    Mac,
    /// Commands have a MAC and are encrypted.
    Full,
}

impl AccessPair {
    /// Always.
    pub const ALWAYS: Self = Self([0x00, 0x00]);
    /// Never. Some writers put [`AccessPair::ALWAYS`] where they mean this.
    pub const NEVER: Self = Self([NEVER, 0x00]);

    /// One of these credentials.
    #[must_use]
    pub fn any_of(credentials: &[u8]) -> Self {
        let bits = credentials
            .iter()
            .filter(|number| (1..=8).contains(*number))
            .fold(0, |bits, number| bits | 1 << (number - 1));
        Self([0x00, bits])
    }

    /// What it asks for. A control byte without meaning and no credential is never met, as the
    /// drivers read it.
    #[must_use]
    pub fn access(self) -> Access {
        match self.0 {
            [0x00, 0x00] => Access::Always,
            [NEVER, _] => Access::Never,
            [control, credentials] => match control & SM_MASK {
                SM_PLAIN => secured(Protection::Session, credentials),
                SM_MAC => secured(Protection::Mac, credentials),
                SM_FULL => secured(Protection::Full, credentials),
                _ if credentials == 0 => Access::Never,
                _ => Access::Credentials(credentials),
            },
        }
    }
}

fn secured(level: Protection, credentials: u8) -> Access {
    Access::SecureMessaging { level, credentials }
}

impl Access {
    /// Whether a credential is among those that meet it.
    #[must_use]
    pub fn names(self, credential: u8) -> bool {
        match self {
            Self::Always | Self::Never => false,
            Self::Credentials(bits)
            | Self::SecureMessaging {
                credentials: bits, ..
            } => (1..=8).contains(&credential) && bits & 1 << (credential - 1) != 0,
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("nothing"),
            Self::Never => f.write_str("what nobody can give: it is never allowed"),
            Self::Credentials(bits) => fmt_credentials(*bits, f),
            Self::SecureMessaging { level, credentials } => {
                f.write_str(match level {
                    Protection::Session => "a secure messaging session",
                    Protection::Mac => "secure messaging with a MAC",
                    Protection::Full => "secure messaging with encryption and a MAC",
                })?;
                if *credentials != 0 {
                    f.write_str(" and ")?;
                    fmt_credentials(*credentials, f)?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for AccessPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.access().fmt(f)
    }
}

fn fmt_credentials(bits: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut separator = "";
    for number in (1..=8).filter(|number| bits & 1 << (number - 1) != 0) {
        f.write_str(separator)?;
        match number {
            1 => f.write_str("the holder's passcode")?,
            2 => f.write_str("the security officer's passcode")?,
            other => write!(f, "credential {other}")?,
        }
        separator = " or ";
    }
    Ok(())
}

/// The pairs of an access field: two bytes each, what is over is left out.
#[must_use]
pub fn pairs(bytes: &[u8]) -> Vec<AccessPair> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|pair| AccessPair(*pair))
        .collect()
}

/// The bytes of pairs.
#[must_use]
pub fn to_bytes(pairs: &[AccessPair]) -> Vec<u8> {
    pairs.iter().flat_map(|pair| pair.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_told_in_words() {
        let words = |pair| AccessPair(pair).to_string();
        assert_eq!(words([0x00, 0x00]), "nothing");
        assert_eq!(
            words([0x00, 0x03]),
            "the holder's passcode or the security officer's passcode"
        );
        assert_eq!(words([0xFF, 0x01]), words([0x01, 0x00]));
        assert_eq!(
            words([0x60, 0x04]),
            "secure messaging with encryption and a MAC and credential 3"
        );
        assert_eq!(AccessPair::any_of(&[1, 2]), AccessPair([0x00, 0x03]));
        assert!(AccessPair([0x00, 0x02]).access().names(2));
        assert!(!AccessPair::NEVER.access().names(1));
    }
}
