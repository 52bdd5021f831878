use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// What tells one card from every other: bytes of its production data, shown in hex.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CardSerial(Vec<u8>);

impl CardSerial {
    /// The most bytes a serial has.
    pub const MAX_LENGTH: usize = 32;

    /// From its bytes.
    ///
    /// # Errors
    ///
    /// [`CardSerialError`] for none or more than 32 bytes, and for bytes that are all 00 or all
    /// FF: those were never written and are the same on every card.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, CardSerialError> {
        let bytes = bytes.into();
        if bytes.is_empty() || bytes.len() > Self::MAX_LENGTH {
            return Err(CardSerialError::Length {
                length: bytes.len(),
            });
        }
        if [0x00, 0xFF]
            .iter()
            .any(|blank| bytes.iter().all(|byte| byte == blank))
        {
            return Err(CardSerialError::Blank);
        }
        Ok(Self(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for CardSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_upper(&self.0))
    }
}

impl FromStr for CardSerial {
    type Err = CardSerialError;

    fn from_str(text: &str) -> Result<Self, CardSerialError> {
        Self::new(hex::decode(text).map_err(|_| CardSerialError::NotHex)?)
    }
}

impl Serialize for CardSerial {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CardSerial {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// Why something is no card serial.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CardSerialError {
    /// All 00 or all FF.
    #[error("the card serial is blank")]
    Blank,
    /// No bytes, or too many.
    #[error("a card serial of {length} bytes, 1 to 32 were expected")]
    Length {
        /// Bytes given.
        length: usize,
    },
    /// Not hex digits.
    #[error("a card serial is an even number of hex digits")]
    NotHex,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blank_empty_and_long_serials_are_refused() {
        assert_eq!("0000".parse::<CardSerial>(), Err(CardSerialError::Blank));
        assert_eq!("FFFF".parse::<CardSerial>(), Err(CardSerialError::Blank));
        assert_eq!(
            "".parse::<CardSerial>(),
            Err(CardSerialError::Length { length: 0 })
        );
        assert_eq!(
            CardSerial::new([1; 33]),
            Err(CardSerialError::Length { length: 33 })
        );
        assert_eq!("12X4".parse::<CardSerial>(), Err(CardSerialError::NotHex));
    }

    proptest! {
        #[test]
        fn a_serial_reads_back_from_its_display(bytes in proptest::collection::vec(any::<u8>(), 1..=32)) {
            if let Ok(serial) = CardSerial::new(bytes) {
                prop_assert_eq!(serial.to_string().parse::<CardSerial>().unwrap(), serial);
            }
        }

        #[test]
        fn any_text_parses_or_gives_a_typed_error(text in ".{0,80}") {
            let _ = text.parse::<CardSerial>();
        }
    }
}
