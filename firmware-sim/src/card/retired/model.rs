use serde::Deserialize;

use crate::card::model::Source;
use crate::card::model::raw::{RawCardManager, answer_to_reset_for};
use crate::card::{CardManager, ModelError, Transport};

/// What kind of retired card a chip is.
///
/// A model is written in TOML, and the built-in files say of each value how well it is known.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, try_from = "RawModel")]
pub struct RetiredModel {
    /// The short name, such as `series5`.
    pub name: String,
    /// The product in words.
    pub description: String,
    /// The answer to reset.
    pub atr: Vec<u8>,
    /// Sizes at the transport level.
    pub transport: Transport,
    /// What the card manager says of the chip.
    pub card_manager: CardManager,
    /// The TOML it was read from, kept so that a state file can hold its own model.
    pub(crate) source: Source,
}

/// A model as written; [`RetiredModel`] is a model that cannot be wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawModel {
    name: String,
    description: String,
    #[expect(
        dead_code,
        reason = "there is one value, which tells the kind of model"
    )]
    applet: Applet,
    atr: String,
    transport: Transport,
    card_manager: RawCardManager,
}

/// The application of the card.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Applet {
    /// None that is known.
    None,
}

impl RetiredModel {
    /// The names [`RetiredModel::named`] knows.
    pub const NAMES: [&str; 3] = ["series4", "series5", "series6"];

    /// What `applet` is in the text of such a model.
    pub(in crate::card) const NO_APPLET: &str = "none";

    /// The series 4 card: a Gemplus chip, with a simulated answer to reset.
    #[must_use]
    pub fn series4() -> Self {
        Self::built_in(include_str!("../models/series4.toml"))
    }

    /// The series 5 card: JCOP41 over T=1.
    #[must_use]
    pub fn series5() -> Self {
        Self::built_in(include_str!("../models/series5.toml"))
    }

    /// The series 6 card: JCOP41 over T=0.
    #[must_use]
    pub fn series6() -> Self {
        Self::built_in(include_str!("../models/series6.toml"))
    }

    /// A built-in model by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "series4" => Some(Self::series4()),
            "series5" => Some(Self::series5()),
            "series6" => Some(Self::series6()),
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

    fn built_in(text: &str) -> Self {
        Self::parse(text).expect("the built-in models parse, as the tests show")
    }
}

impl TryFrom<RawModel> for RetiredModel {
    type Error = String;

    fn try_from(raw: RawModel) -> Result<Self, String> {
        Ok(Self {
            atr: answer_to_reset_for(&raw.atr, &raw.transport)?,
            name: raw.name,
            description: raw.description,
            transport: raw.transport,
            card_manager: raw.card_manager.try_into()?,
            source: Source(String::new()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_models_parse_under_their_names() {
        for name in RetiredModel::NAMES {
            assert_eq!(RetiredModel::named(name).unwrap().name, name);
        }
        assert!(RetiredModel::named("series8").is_none());
    }

    #[test]
    fn a_protocol_the_answer_to_reset_does_not_offer_is_refused() {
        let text = &RetiredModel::series5().source.0;
        let error = RetiredModel::parse(&text.replace("\"T=1\"", "\"T=0\"")).unwrap_err();
        assert!(error.to_string().contains("does not offer"), "{error}");
    }
}
