use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// Bytes some of which are withheld: written in hex with `**` for each byte withheld.
///
/// ```
/// use iso7816::Masked;
///
/// let command: Masked = "0020008002****".parse()?;
/// assert_eq!(command.len(), 7);
/// assert!(command.matches(&[0x00, 0x20, 0x00, 0x80, 0x02, 0x12, 0x34]));
/// assert_eq!(command.to_string(), "0020008002****");
/// # Ok::<(), iso7816::MaskedError>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Masked(Vec<Option<u8>>);

impl Masked {
    /// All bytes of `bytes` but those inside `spans`; a span's part beyond the end is ignored.
    pub fn new<'a>(bytes: &[u8], spans: impl IntoIterator<Item = &'a Span>) -> Self {
        let mut masked: Vec<Option<u8>> = bytes.iter().copied().map(Some).collect();
        for span in spans {
            let end = span.at.saturating_add(span.length).min(masked.len());
            if let Some(withheld) = masked.get_mut(span.at..end) {
                withheld.fill(None);
            }
        }
        Self(masked)
    }

    /// How many bytes there are, withheld ones counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Byte by byte, withheld ones as none.
    #[must_use]
    pub fn bytes(&self) -> &[Option<u8>] {
        &self.0
    }

    /// Whether no byte is withheld.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }

    /// The bytes with 00 in place of those withheld.
    #[must_use]
    pub fn filled(&self) -> Vec<u8> {
        self.0.iter().map(|byte| byte.unwrap_or(0)).collect()
    }

    /// Whether `bytes` are these, a withheld byte being equal to any.
    #[must_use]
    pub fn matches(&self, bytes: &[u8]) -> bool {
        self.len() == bytes.len()
            && self
                .0
                .iter()
                .zip(bytes)
                .all(|(own, byte)| own.is_none_or(|own| own == *byte))
    }

    /// A part of them; empty where the range lies outside.
    #[must_use]
    pub fn part(&self, range: std::ops::Range<usize>) -> Self {
        Self(self.0.get(range).unwrap_or_default().to_vec())
    }

    /// Appends other bytes.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }
}

impl From<&[u8]> for Masked {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes, [])
    }
}

impl fmt::Display for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| match byte {
            Some(byte) => write!(f, "{byte:02X}"),
            None => f.write_str("**"),
        })
    }
}

impl std::str::FromStr for Masked {
    type Err = MaskedError;

    fn from_str(text: &str) -> Result<Self, MaskedError> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if !rest.is_empty() {
            return Err(MaskedError::Odd { length: text.len() });
        }
        let digit = |digit: u8| char::from(digit).to_digit(16);
        pairs
            .iter()
            .enumerate()
            .map(|(at, &[high, low])| match (high, low) {
                (b'*', b'*') => Ok(None),
                _ => match (digit(high), digit(low)) {
                    (Some(high), Some(low)) => Ok(Some((high << 4 | low) as u8)),
                    _ => Err(MaskedError::Digit { at: at * 2 }),
                },
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl Serialize for Masked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Masked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// Why a text is no masked hex.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum MaskedError {
    /// An odd number of characters.
    #[error("{length} characters of hex, an even number was expected")]
    Odd {
        /// Characters given.
        length: usize,
    },
    /// Something that is neither two hex digits nor `**`.
    #[error("neither two hex digits nor `**` at offset {at}")]
    Digit {
        /// Offset in the text.
        at: usize,
    },
}

/// Consecutive bytes withheld, and what they are.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Offset of the first byte in the APDU.
    pub at: usize,
    /// How many bytes.
    pub length: usize,
    /// What they are.
    pub what: Secret,
}

/// What was withheld.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Secret {
    /// Challenge, witness or cryptogram of an administrative authentication.
    AdminCryptogram,
    /// Biometric data sent for comparison on the card.
    Biometric,
    /// What a private key decrypted or a key management key answered.
    Deciphered,
    /// A key, or parts of one.
    Key,
    /// A pairing code.
    PairingCode,
    /// GlobalPlatform personalisation data.
    PersonalisationData,
    /// A passcode, or an old and a new one.
    Pin,
    /// An unblocking code, or an old and a new one.
    Puk,
    /// An unblocking code and a new passcode.
    PukAndPin,
    /// An ECDH shared secret.
    SharedSecret,
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AdminCryptogram => "admin cryptogram",
            Self::Biometric => "biometric",
            Self::Deciphered => "deciphered data",
            Self::Key => "key",
            Self::PairingCode => "pairing code",
            Self::PersonalisationData => "personalisation data",
            Self::Pin => "PIN",
            Self::Puk => "PUK",
            Self::PukAndPin => "PUK and PIN",
            Self::SharedSecret => "shared secret",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn masked_hex_reads_back(bytes in proptest::collection::vec(any::<Option<u8>>(), 0..100)) {
            let masked = Masked(bytes);
            prop_assert_eq!(masked.to_string().parse::<Masked>().unwrap(), masked);
        }

        #[test]
        fn any_text_parses_or_gives_a_typed_error(text in ".{0,40}") {
            let _ = text.parse::<Masked>();
        }

        #[test]
        fn a_span_anywhere_withholds_what_it_covers(
            bytes in proptest::collection::vec(any::<u8>(), 0..40),
            at in 0_usize..60,
            length in prop_oneof![0_usize..60, Just(usize::MAX)],
        ) {
            let masked = Masked::new(&bytes, &[Span { at, length, what: Secret::Key }]);
            prop_assert_eq!(masked.len(), bytes.len());
            for (index, byte) in masked.bytes().iter().enumerate() {
                let covered = index >= at && index - at < length;
                prop_assert_eq!(byte.is_none(), covered);
            }
            prop_assert!(masked.matches(&bytes));
        }
    }
}
