//! A card of any kind, by the name of its model or from its state file.

use std::path::Path;

use iso7816::Protocol;

use super::authentic::{AuthenticChip, AuthenticModel};
use super::nvm::StateError;
use super::state;
use super::{Condition, Model, ModelError, PivChip, RetiredChip, RetiredModel, model};
use crate::contacts::Chip;

/// The model of a card of any kind.
#[derive(Clone, Debug)]
pub enum AnyModel {
    /// Of a PIV card.
    Piv(Box<Model>),
    /// Of an AuthentIC card.
    Authentic(Box<AuthenticModel>),
    /// Of a card of a retired series.
    Retired(Box<RetiredModel>),
}

impl AnyModel {
    /// The name of every built-in model.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let in_use = Model::NAMES.into_iter().chain(AuthenticModel::NAMES);
        in_use.chain(RetiredModel::NAMES)
    }

    /// A built-in model by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        None.or_else(|| Model::named(name).map(Self::from))
            .or_else(|| AuthenticModel::named(name).map(Self::from))
            .or_else(|| RetiredModel::named(name).map(Self::from))
    }

    /// Reads a model: one that says which `applet` the card has is of an AuthentIC card, or of a
    /// retired one if that is `none`.
    ///
    /// # Errors
    ///
    /// [`ModelError::Malformed`] with the parser's words, which name the line and the value.
    pub fn parse(text: &str) -> Result<Self, ModelError> {
        let malformed = |error: toml::de::Error| ModelError::Malformed {
            detail: error.to_string(),
        };
        let table: toml::Table = toml::from_str(text).map_err(malformed)?;
        match table.get("applet") {
            None => Model::parse(text).map(Self::from),
            Some(applet) if applet.as_str() == Some(RetiredModel::NO_APPLET) => {
                RetiredModel::parse(text).map(Self::from)
            }
            Some(_) => AuthenticModel::parse(text).map(Self::from),
        }
    }

    /// A built-in model by its name, or else a model file by its path.
    ///
    /// # Errors
    ///
    /// [`ModelError`] when it is neither or does not parse.
    pub fn find(name_or_path: &str) -> Result<Self, ModelError> {
        match Self::named(name_or_path) {
            Some(model) => Ok(model),
            None => Self::parse(&model::read(name_or_path)?),
        }
    }

    /// The short name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Piv(model) => &model.name,
            Self::Authentic(model) => &model.name,
            Self::Retired(model) => &model.name,
        }
    }

    /// The answer to reset.
    #[must_use]
    pub fn atr(&self) -> &[u8] {
        match self {
            Self::Piv(model) => &model.atr,
            Self::Authentic(model) => &model.atr,
            Self::Retired(model) => &model.atr,
        }
    }

    /// Whether there are blanks of it.
    #[must_use]
    pub fn comes_blank(&self) -> bool {
        !matches!(self, Self::Retired(_))
    }
}

impl From<Model> for AnyModel {
    fn from(model: Model) -> Self {
        Self::Piv(Box::new(model))
    }
}

impl From<AuthenticModel> for AnyModel {
    fn from(model: AuthenticModel) -> Self {
        Self::Authentic(Box::new(model))
    }
}

impl From<RetiredModel> for AnyModel {
    fn from(model: RetiredModel) -> Self {
        Self::Retired(Box::new(model))
    }
}

/// A card of any kind.
#[derive(Debug)]
pub enum SimCard {
    /// A PIV card.
    Piv(Box<PivChip>),
    /// An AuthentIC card.
    Authentic(Box<AuthenticChip>),
    /// A card of a retired series.
    Retired(Box<RetiredChip>),
}

impl SimCard {
    /// A card in this condition, which lives as long as the process. A retired one has no
    /// condition.
    #[must_use]
    pub fn new(model: &AnyModel, number: u64, condition: Condition) -> Self {
        match model {
            AnyModel::Piv(model) => PivChip::new(model, number, condition).into(),
            AnyModel::Authentic(model) => AuthenticChip::new(model, number, condition).into(),
            AnyModel::Retired(model) => RetiredChip::new(model, number).into(),
        }
    }

    /// The card of this name with this number: a model's name, or that and `-blank`.
    #[must_use]
    pub fn named(name: &str, number: u64) -> Option<Self> {
        let (name, condition) = match name.strip_suffix("-blank") {
            Some(name) => (name, Condition::Blank),
            None => (name, Condition::Personalised),
        };
        let model = AnyModel::named(name)?;
        if condition == Condition::Blank && !model.comes_blank() {
            return None;
        }
        Some(Self::new(&model, number, condition))
    }

    /// The card in a state file. A new file gets a card of this model, number and condition; an
    /// existing one is taken as it is and must be of this model and number.
    ///
    /// # Errors
    ///
    /// [`StateError`].
    pub fn open(
        path: &Path,
        model: &AnyModel,
        number: u64,
        condition: Condition,
    ) -> Result<Self, StateError> {
        // Whatever kind of card is there: a card of another kind is another card, not damage.
        if let Some(found) = Self::resume(path)? {
            let found_is = (found.model_name(), found.number());
            state::expect_same(path, (model.name(), number), found_is)?;
            return Ok(found);
        }
        match model {
            AnyModel::Piv(model) => PivChip::open(path, model, number, condition).map(Self::from),
            AnyModel::Authentic(model) => {
                AuthenticChip::open(path, model, number, condition).map(Self::from)
            }
            AnyModel::Retired(model) => RetiredChip::open(path, model, number).map(Self::from),
        }
    }

    /// The card in a state file, whatever it is; `None` when there is none yet.
    ///
    /// # Errors
    ///
    /// [`StateError`].
    pub fn resume(path: &Path) -> Result<Option<Self>, StateError> {
        let Some(kept) = state::resume(path)? else {
            return Ok(None);
        };
        let model = AnyModel::parse(&kept.model).map_err(|source| StateError::Model {
            path: path.display().to_string(),
            source,
        })?;
        let card = match model {
            AnyModel::Piv(_) => PivChip::from_kept(kept, path)?.into(),
            AnyModel::Authentic(_) => AuthenticChip::from_kept(kept, path)?.into(),
            AnyModel::Retired(_) => RetiredChip::from_kept(kept, path)?.into(),
        };
        Ok(Some(card))
    }

    /// The name of its model.
    #[must_use]
    pub fn model_name(&self) -> &str {
        match self {
            Self::Piv(chip) => &chip.model().name,
            Self::Authentic(chip) => &chip.model().name,
            Self::Retired(chip) => &chip.model().name,
        }
    }

    /// What kind of card it is.
    #[must_use]
    pub fn model(&self) -> AnyModel {
        match self {
            Self::Piv(chip) => chip.model().clone().into(),
            Self::Authentic(chip) => chip.model().clone().into(),
            Self::Retired(chip) => chip.model().clone().into(),
        }
    }

    /// The card's number: its serial, and the seed of all it draws by lot.
    #[must_use]
    pub fn number(&self) -> u64 {
        match self {
            Self::Piv(chip) => chip.number(),
            Self::Authentic(chip) => chip.number(),
            Self::Retired(chip) => chip.number(),
        }
    }

    fn chip(&mut self) -> &mut dyn Chip {
        match self {
            Self::Piv(chip) => &mut **chip,
            Self::Authentic(chip) => &mut **chip,
            Self::Retired(chip) => &mut **chip,
        }
    }
}

impl From<PivChip> for SimCard {
    fn from(chip: PivChip) -> Self {
        Self::Piv(Box::new(chip))
    }
}

impl From<AuthenticChip> for SimCard {
    fn from(chip: AuthenticChip) -> Self {
        Self::Authentic(Box::new(chip))
    }
}

impl From<RetiredChip> for SimCard {
    fn from(chip: RetiredChip) -> Self {
        Self::Retired(Box::new(chip))
    }
}

impl Chip for SimCard {
    fn power_on(&mut self) -> Vec<u8> {
        self.chip().power_on()
    }

    fn power_off(&mut self) {
        self.chip().power_off();
    }

    fn protocol(&self) -> Protocol {
        match self {
            Self::Piv(chip) => chip.protocol(),
            Self::Authentic(chip) => chip.protocol(),
            Self::Retired(chip) => chip.protocol(),
        }
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.chip().transmit(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_model_is_found_by_its_name_and_read_back_from_its_text() {
        for name in AnyModel::names() {
            let model = AnyModel::named(name).unwrap();
            assert_eq!(model.name(), name);
            let text = match &model {
                AnyModel::Piv(model) => &model.source.0,
                AnyModel::Authentic(model) => &model.source.0,
                AnyModel::Retired(model) => &model.source.0,
            };
            let read = AnyModel::parse(text).unwrap();
            assert_eq!((read.name(), read.atr()), (name, model.atr()));
        }
    }

    #[test]
    fn a_retired_card_is_had_by_name_but_not_as_a_blank() {
        for name in RetiredModel::NAMES {
            let card = SimCard::named(name, 3).unwrap();
            assert_eq!((card.model_name(), card.number()), (name, 3));
            assert!(SimCard::named(&format!("{name}-blank"), 3).is_none());
        }
    }

    #[test]
    fn a_retired_card_comes_back_from_its_state_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.card");
        let model = RetiredModel::series5().into();
        SimCard::open(&path, &model, 5, Condition::Personalised).unwrap();
        let found = SimCard::resume(&path).unwrap().unwrap();
        assert_eq!((found.model_name(), found.number()), ("series5", 5));
        let other = RetiredModel::series6().into();
        assert!(SimCard::open(&path, &other, 5, Condition::Personalised).is_err());
    }
}
