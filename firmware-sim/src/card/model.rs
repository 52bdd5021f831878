pub(in crate::card) mod raw;

use std::fmt;
use std::path::Path;

use ground::{Blame, Blamed};
use iso7816::Protocol;
use piv::words::{Algorithm, Edition};
use serde::Deserialize;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use self::raw::RawModel;
use super::kinds::AnyModel;
use super::manager::SecurityDomain;
use super::secure_messaging::Suite;

/// What kind of card a chip is: everything that differs between products, as data.
///
/// A model is written in TOML; [`Model::series10`] and [`Model::series9`] are built in, and
/// their files say of each value how well it is known.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, try_from = "RawModel")]
pub struct Model {
    /// The short name, such as `series10`.
    pub name: String,
    /// The product in words.
    pub description: String,
    /// The edition of SP 800-73 the PIV application was made to: the fifth where the model says
    /// nothing. A card of the fourth agrees on keys with 9A, 9C and 9E too, may have more than
    /// ten tries for a PIN, and is personalised with the elements the fifth took away.
    pub edition: Edition,
    /// The answer to reset.
    pub atr: Vec<u8>,
    /// What is selected after a reset.
    pub default_application: Application,
    /// The application label, tag 50 of the application property template.
    pub label: String,
    /// The shortest beginning of the PIV application identifier that selects it, 5 to 9 bytes.
    pub shortest_aid: usize,
    /// The PIN usage policy in the Discovery Object of a personalised card (SP 800-73-5 Part 1,
    /// 3.3.2). What counts on any card is the object it holds.
    pub pin_usage_policy: [u8; 2],
    /// Extended length fields, where the card takes them.
    pub extended_length: Option<ExtendedLength>,
    /// Key 04 and what it is for, where the card has it.
    pub secure_messaging: Option<SecureMessaging>,
    /// The contactless interface, where the card has one.
    pub contactless: Option<Contactless>,
    /// Sizes at the transport level.
    pub transport: Transport,
    /// The PIV Card Application PIN (reference 80).
    pub pin: Reference,
    /// The PIN Unblocking Key (reference 81).
    pub puk: Reference,
    /// The Global PIN (reference 00), where the card has one.
    pub global_pin: Option<Reference>,
    /// The administration key 9B.
    pub administration: Administration,
    /// The asymmetric keys.
    pub keys: Keys,
    /// Sizes of the non-volatile memory.
    pub memory: Capacity,
    /// What the card manager says of the chip.
    pub card_manager: CardManager,
    /// The TOML it was read from, kept so that a state file can hold its own model.
    pub(crate) source: Source,
}

impl Model {
    /// The names [`Model::named`] knows.
    pub const NAMES: [&str; 2] = ["series10", "series9"];

    /// The series 10 card: PIV on Idemia Cosmo X.
    #[must_use]
    pub fn series10() -> Self {
        Self::built_in(include_str!("models/series10.toml"))
    }

    /// The series 9 card: PIV on Oberthur Cosmo v7.
    #[must_use]
    pub fn series9() -> Self {
        Self::built_in(include_str!("models/series9.toml"))
    }

    /// A built-in model by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "series10" => Some(Self::series10()),
            "series9" => Some(Self::series9()),
            _ => None,
        }
    }

    /// Reads a model.
    ///
    /// # Errors
    ///
    /// [`ModelError::Malformed`] with the parser's words, which name the line and the value.
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        let mut model: Self = toml::from_str(text).map_err(|error| ModelError::Malformed {
            detail: error.to_string(),
        })?;
        model.source = Source(text.to_owned());
        Ok(model)
    }

    /// A built-in model by its name, or else a model file by its path.
    ///
    /// # Errors
    ///
    /// [`ModelError`] when it is neither or does not parse.
    pub fn find(name_or_path: &str) -> Result<Self, ModelError> {
        match Self::named(name_or_path) {
            Some(model) => Ok(model),
            None => Self::parse(&read(name_or_path)?),
        }
    }

    fn built_in(text: &str) -> Self {
        Self::parse(text).expect("the built-in models parse, as the tests show")
    }
}

/// The text of a model file.
pub(super) fn read(path: &str) -> Result<String, ModelError> {
    if !Path::new(path).exists() {
        return Err(ModelError::Unknown {
            name: path.to_owned(),
        });
    }
    std::fs::read_to_string(path).map_err(|error| ModelError::Malformed {
        detail: error.to_string(),
    })
}

/// The text a model was read from. It holds the delivered PIN and keys, hence its own `Debug`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Source(pub(crate) String);

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({} bytes)", self.0.len())
    }
}

/// An application on the chip.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Application {
    /// The GlobalPlatform issuer security domain.
    CardManager,
    /// The PIV Card Application.
    Piv,
}

/// The longest APDUs in extended form, announced in the 7F66 object after the SELECT response.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtendedLength {
    /// The longest command APDU in bytes.
    pub command: u16,
    /// The longest response APDU in bytes.
    pub response: u16,
}

/// Secure messaging (SP 800-73-5 Part 2, 4).
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecureMessaging {
    /// The one cipher suite of the card.
    pub suite: Suite,
    /// Whether PUT DATA with the object `7F21` stores the card verifiable certificate of key 04.
    /// SP 800-73 has no command for that.
    pub put_certificate: bool,
}

/// The contactless interface.
#[derive(Clone, Debug)]
pub struct Contactless {
    /// What a contactless reader gives in place of an answer to reset.
    pub atr: Vec<u8>,
    /// The intermediate retry value of both PINs: tries that are left for the contact interface
    /// (SP 800-73-5 Part 2, 3.2.1).
    pub intermediate_retry_value: u8,
}

/// Sizes at the transport level.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transport {
    /// The protocol over the contacts: T=1 where the model says nothing. The answer to reset must
    /// offer it.
    #[serde(default = "t1")]
    pub protocol: Protocol,
    /// The most response data in one piece of a 61XX exchange, 1 to 256 bytes.
    pub response_chunk: u16,
    /// The most data a chain of commands may bring together, in bytes.
    pub chain_buffer: usize,
    /// Whether a command without Le gets response data as if Le were 00; otherwise 61XX.
    pub data_without_le: bool,
}

fn t1() -> Protocol {
    Protocol::T1
}

/// A PIN or PUK as the card is delivered with.
#[derive(Clone, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    value: String,
    /// Consecutive wrong tries until it is blocked, 1 to 15.
    #[zeroize(skip)]
    pub tries: u8,
}

impl Reference {
    /// A value of at most 8 bytes and its tries.
    #[must_use]
    pub fn new(value: &str, tries: u8) -> Self {
        Self {
            value: value.to_owned(),
            tries,
        }
    }

    /// The value padded with FF to the length it has on the wire: 8 bytes for a PIV card
    /// (SP 800-73-5 Part 2, 2.4.3).
    pub(crate) fn padded<const LENGTH: usize>(&self) -> [u8; LENGTH] {
        let mut padded = [0xFF; LENGTH];
        for (to, from) in padded.iter_mut().zip(self.value.bytes()) {
            *to = from;
        }
        padded
    }
}

impl Reference {
    /// How many characters the value has.
    pub(crate) fn length(&self) -> usize {
        self.value.len()
    }

    /// Whether the value is printable ASCII.
    pub(crate) fn is_printable(&self) -> bool {
        self.value.bytes().all(|byte| (0x20..0x7F).contains(&byte))
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reference({} tries)", self.tries)
    }
}

/// The administration key 9B as delivered, and what may replace it.
#[derive(Clone)]
pub struct Administration {
    /// The algorithm of the delivered key.
    pub algorithm: Algorithm,
    pub(crate) key: zeroize::Zeroizing<Vec<u8>>,
    /// The algorithms a new key may have.
    pub algorithms: Vec<Algorithm>,
    /// Whether the card knows the vendor command SET MANAGEMENT KEY, `00 FF FF FF`.
    pub set_management_key: bool,
    /// Whether the security domain's secure channel can be opened while the PIV application is
    /// selected, and the key be replaced through it with PUT KEY, `84 D8 00 9B`.
    pub put_key: bool,
}

impl fmt::Debug for Administration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Administration")
            .field("algorithm", &self.algorithm)
            .field("algorithms", &self.algorithms)
            .field("set_management_key", &self.set_management_key)
            .field("put_key", &self.put_key)
            .finish_non_exhaustive()
    }
}

/// The asymmetric keys.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The algorithms keys can be generated for.
    pub algorithms: Vec<Algorithm>,
    /// Whether ECDSA takes a digest shorter than the curve, filled with zeros on the left.
    pub short_digests: bool,
    /// Whether the elliptic-curve keys 9D and 82 to 95 also sign.
    pub sign_with_key_management: bool,
}

/// Sizes of the non-volatile memory.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// Bytes for all data objects together.
    pub objects: usize,
}

/// What the card manager says of the chip (CPLC and issuer data).
#[derive(Clone, Debug)]
pub struct CardManager {
    /// Issuer identification number, object 0042.
    pub issuer_identification: Vec<u8>,
    /// Whether cards are delivered with issuer identification and card image number (0042, 0045).
    /// Where not, the issuer writes them.
    pub numbered: bool,
    /// CPLC: fabricator of the integrated circuit.
    pub ic_fabricator: [u8; 2],
    /// CPLC: type of the integrated circuit.
    pub ic_type: [u8; 2],
    /// CPLC: operating system identifier.
    pub operating_system: [u8; 2],
    /// The secure channel of the issuer security domain, where the card has one.
    pub security_domain: Option<SecurityDomain>,
}

/// Why a model cannot be used.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ModelError {
    /// Neither a built-in model nor a file.
    #[error("card model `{name}` not found (built-in models: {}; or a path to a model file)", AnyModel::names().collect::<Vec<_>>().join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The file cannot be read or does not say what a model must say.
    #[error("card model is malformed: {detail}")]
    Malformed {
        /// The parser's words.
        detail: String,
    },
    /// A card of this kind holds no PIV objects.
    #[error("card model `{name}` has no PIV application")]
    NoPiv {
        /// The model's short name.
        name: String,
    },
    /// Cards of this kind are issued no more, so there are no blanks.
    #[error("card model `{name}` is of a retired series, which has no blanks")]
    NoBlank {
        /// The model's short name.
        name: String,
    },
    /// A card of this kind has contacts only.
    #[error("card model `{name}` has no contactless interface")]
    NoContactless {
        /// The model's short name.
        name: String,
    },
}

impl Blamed for ModelError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_models_parse_under_their_names() {
        for name in Model::NAMES {
            assert_eq!(Model::named(name).unwrap().name, name);
        }
        assert!(Model::named("series3").is_none());
    }

    /// ISO/IEC 7816-3, 8.2.5: all bytes from T0 to TCK add up to 0.
    #[test]
    fn the_check_byte_of_every_built_in_answer_to_reset_is_right() {
        for name in Model::NAMES {
            let model = Model::named(name).unwrap();
            for atr in model
                .contactless
                .iter()
                .map(|it| &it.atr)
                .chain([&model.atr])
            {
                assert_eq!(
                    atr[1..].iter().fold(0, |check, byte| check ^ byte),
                    0,
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn a_policy_the_chip_cannot_keep_is_refused() {
        let text = Model::series9().source.0.clone();
        for (policy, word) in [
            ("0000", "bit 7"),
            ("5000", "comparison"),
            ("4800", "secure messaging"),
            ("40", "2 bytes"),
        ] {
            let written = format!("pin_usage_policy = \"{policy}\"");
            let text = text.replace("pin_usage_policy = \"4000\"", &written);
            let error = Model::parse(&text).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_key_that_does_not_fit_its_algorithm_is_refused() {
        let text = Model::series10()
            .source
            .0
            .replace("algorithm = \"AES-192\"", "algorithm = \"AES-128\"");
        let error = Model::parse(&text).unwrap_err().to_string();
        assert!(
            error.contains("24 bytes, which does not fit AES-128"),
            "{error}"
        );
    }

    #[test]
    fn a_misspelt_value_is_refused() {
        let text = Model::series10()
            .source
            .0
            .replace("short_digests", "short_digest");
        assert!(Model::parse(&text).is_err());
    }

    #[test]
    fn secrets_are_not_in_the_debug_text() {
        let text = format!("{:?}", Model::series10());
        assert!(!text.contains("123456"), "{text}");
    }
}
