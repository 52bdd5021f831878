//! How the types of other crates are spelt in profile files and JSON.

use std::fmt::Display;

use iso7816::ber::Tag;
use piv::words::{Algorithm, KeyReference, ObjectId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A type spelt as one word.
pub(crate) trait Word: Sized {
    /// Reads the word.
    fn read(word: &str) -> Result<Self, String>;
    /// Writes the word.
    fn write(&self) -> String;
}

impl Word for KeyReference {
    fn read(word: &str) -> Result<Self, String> {
        u8::from_str_radix(word, 16)
            .ok()
            .and_then(Self::from_byte)
            .ok_or_else(|| {
                format!("`{word}` is no PIV key reference; they are 04, 82 to 95, 9A to 9E")
            })
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

impl Word for Algorithm {
    fn read(word: &str) -> Result<Self, String> {
        let all = || (1..=u8::MAX).filter_map(Self::from_byte);
        all()
            .find(|algorithm| algorithm.write() == word)
            .ok_or_else(|| {
                let known: Vec<_> = all().map(|algorithm| algorithm.write()).collect();
                format!(
                    "`{word}` is no algorithm; they are spelt {}",
                    known.join(", ")
                )
            })
    }

    fn write(&self) -> String {
        self.to_string().to_lowercase()
    }
}

impl Word for ObjectId {
    fn read(word: &str) -> Result<Self, String> {
        u32::from_str_radix(word, 16)
            .ok()
            .and_then(|tag| Self::from_tag(Tag(tag)))
            .ok_or_else(|| {
                format!("`{word}` is the tag of no PIV data object; they are written as 5FC102")
            })
    }

    fn write(&self) -> String {
        self.tag().to_string()
    }
}

/// A passcode reference of an application outside PIV, as two hexadecimal digits.
impl Word for u8 {
    fn read(word: &str) -> Result<Self, String> {
        match word.len() {
            2 => Self::from_str_radix(word, 16).ok(),
            _ => None,
        }
        .ok_or_else(|| format!("`{word}` is no byte in two hexadecimal digits"))
    }

    fn write(&self) -> String {
        format!("{self:02X}")
    }
}

impl Word for authentic::Applet {
    fn read(word: &str) -> Result<Self, String> {
        match word {
            "v2" => Ok(Self::V2),
            "v3" => Ok(Self::V3),
            _ => Err(format!(
                "`{word}` is no AuthentIC application; they are v2 and v3"
            )),
        }
    }

    fn write(&self) -> String {
        match self {
            Self::V2 => "v2",
            Self::V3 => "v3",
        }
        .to_owned()
    }
}

/// An optional value spelt as one word.
pub(crate) mod word {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Word, custom};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Word>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|word| T::read(&word).map_err(custom))
            .transpose()
    }

    pub(crate) fn serialize<S: Serializer, T: Word>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(T::write).serialize(serializer)
    }
}

/// `Known<T>` with a value spelt as one word.
pub(crate) mod known_word {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Word, custom};
    use crate::Known;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Word>(
        deserializer: D,
    ) -> Result<Known<T>, D::Error> {
        Known::<String>::deserialize(deserializer)?
            .try_map(|word| T::read(&word))
            .map_err(custom)
    }

    pub(crate) fn serialize<S: Serializer, T: Word>(
        known: &Known<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        known.map_ref(T::write).serialize(serializer)
    }
}

/// `Known<Vec<T>>` with every member spelt as one word.
pub(crate) mod known_words {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Word, custom};
    use crate::Known;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Word>(
        deserializer: D,
    ) -> Result<Known<Vec<T>>, D::Error> {
        Known::<Vec<String>>::deserialize(deserializer)?
            .try_map(|words| words.iter().map(|word| T::read(word)).collect())
            .map_err(custom)
    }

    pub(crate) fn serialize<S: Serializer, T: Word>(
        known: &Known<Vec<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        known
            .map_ref(|members| members.iter().map(T::write).collect::<Vec<_>>())
            .serialize(serializer)
    }
}

/// Bytes as upper-case hexadecimal digits; blanks may stand between them.
pub(crate) mod bytes {
    use super::{Deserialize, Deserializer, Serializer, custom};

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        let digits: String = String::deserialize(deserializer)?
            .chars()
            .filter(|c| !c.is_ascii_whitespace())
            .collect();
        hex::decode(&digits).map_err(|error| custom(format!("`{digits}`: {error}")))
    }

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode_upper(bytes))
    }
}

fn custom<E: serde::de::Error>(message: impl Display) -> E {
    E::custom(message)
}
