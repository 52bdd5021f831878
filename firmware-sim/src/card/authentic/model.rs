//! What kind of AuthentIC card a chip is.

mod raw;
mod v3;

use serde::Deserialize;

use self::raw::RawModel;
pub(super) use self::v3::ChannelKeys;
pub use self::v3::{Lengths, SecureChannel, Version3};
use crate::card::model::Source;
use crate::card::{CardManager, ExtendedLength, ModelError, Reference, Transport};

/// What kind of AuthentIC card a chip is: everything that differs between products, as data.
///
/// A model is written in TOML, and the built-in files say of each value how well it is known.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, try_from = "RawModel")]
pub struct AuthenticModel {
    /// The short name, such as `series8-v2`.
    pub name: String,
    /// The product in words.
    pub description: String,
    /// Which application the chip carries.
    pub applet: AppletVersion,
    /// The answer to reset.
    pub atr: Vec<u8>,
    /// What is selected after a reset.
    pub default_application: DefaultApplication,
    /// Extended length fields, where the card takes them.
    pub extended_length: Option<ExtendedLength>,
    /// Sizes at the transport level.
    pub transport: Transport,
    /// The holder's passcode of a personalised card. A blank has none until it is set; the limit
    /// of tries is then what the command says.
    pub passcode: Reference,
    /// The security officer's passcode as delivered.
    pub officer: Reference,
    /// The unblocking code of a personalised card: v2 has one, of 16 characters.
    pub unblocking: Option<Reference>,
    /// What only v3 has.
    pub v3: Option<Version3>,
    /// The keys.
    pub keys: KeySizes,
    /// Sizes of the non-volatile memory.
    pub memory: FileCapacity,
    /// What the card manager says of the chip.
    pub card_manager: CardManager,
    /// The TOML it was read from, kept so that a state file can hold its own model.
    pub(crate) source: Source,
}

/// Which AuthentIC application a chip carries.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum AppletVersion {
    /// AuthentIC v2.2.
    V2,
    /// AuthentIC v3.2.2.
    V3,
}

/// What is selected after a reset.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum DefaultApplication {
    /// The card manager.
    CardManager,
    /// The AuthentIC application.
    Applet,
}

/// The RSA keys a chip can hold, in bits of the modulus.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySizes {
    /// All sizes there can be.
    pub sizes: Vec<u16>,
    /// The size of the keys of a personalised card.
    pub personalised: u16,
}

/// Sizes of the non-volatile memory.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileCapacity {
    /// Bytes for the contents of all files together.
    pub files: usize,
}

impl AuthenticModel {
    /// The names [`AuthenticModel::named`] knows.
    pub const NAMES: [&str; 2] = ["series8-v3", "series8-v2"];

    /// The series 8 card with AuthentIC v3.2.2.
    #[must_use]
    pub fn series8_v3() -> Self {
        Self::built_in(include_str!("../models/series8-v3.toml"))
    }

    /// The series 8 card with AuthentIC v2.2.
    #[must_use]
    pub fn series8_v2() -> Self {
        Self::built_in(include_str!("../models/series8-v2.toml"))
    }

    /// A built-in model by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            // Without a version, the one that is more likely.
            "series8-v3" | "series8" => Some(Self::series8_v3()),
            "series8-v2" => Some(Self::series8_v2()),
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

    /// The same with keys of this many bits on a personalised card.
    ///
    /// # Errors
    ///
    /// [`ModelError::Malformed`] for a size the chip cannot hold.
    pub fn with_keys(&self, bits: u16) -> Result<Self, ModelError> {
        // The text is what a state file keeps, so it is the text that changes.
        let lines = self.source.0.lines().map(|line| match line {
            _ if line.starts_with("personalised = ") => format!("personalised = {bits}\n"),
            _ => format!("{line}\n"),
        });
        Self::parse(&lines.collect::<String>())
    }

    fn built_in(text: &str) -> Self {
        Self::parse(text).expect("the built-in models parse, as the tests show")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_models_parse_under_their_names() {
        for name in AuthenticModel::NAMES {
            assert_eq!(AuthenticModel::named(name).unwrap().name, name);
        }
        assert!(AuthenticModel::named("series10").is_none());
    }

    #[test]
    fn the_size_of_personalised_keys_can_be_switched_to_what_the_chip_holds() {
        let model = AuthenticModel::series8_v2();
        assert_eq!(model.keys.personalised, 2048);
        let short = model.with_keys(1024).unwrap();
        assert_eq!(short.keys.personalised, 1024);
        assert_eq!(
            AuthenticModel::parse(&short.source.0)
                .unwrap()
                .keys
                .personalised,
            1024
        );
        let error = model.with_keys(3072).unwrap_err().to_string();
        assert!(error.contains("3072"), "{error}");
    }

    #[test]
    fn an_unblocking_code_of_another_length_is_refused() {
        let text = &AuthenticModel::series8_v2().source.0;
        let text = text.replace("0123456789ABCDEF", "0123456789");
        let error = AuthenticModel::parse(&text).unwrap_err().to_string();
        assert!(error.contains("`unblocking` must have 16"), "{error}");
    }

    #[test]
    fn secrets_are_not_in_the_debug_text() {
        let text = format!("{:?}", AuthenticModel::series8_v2());
        assert!(
            !text.contains("12345678") && !text.contains("87654321"),
            "{text}"
        );
    }
}
