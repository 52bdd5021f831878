use std::fmt;
use std::sync::Arc;

use ground::{Blame, Blamed};
use thiserror::Error;

use super::firmware::Firmware;
use super::magicard;
use super::setup::Setup;

/// The families, by the names the host's drivers have for them.
const FAMILIES: &[Family] = &[
    Family::new("magicard-enduro", magicard::enduro),
    Family::new("magicard-rio-tango", magicard::rio_tango),
];

/// A family of printers that can be simulated.
#[derive(Clone, Copy)]
pub struct Family {
    /// Its name, such as `magicard-enduro`.
    pub name: &'static str,
    model: fn(&mut Options) -> Model,
}

/// A printer of a family, as it comes out of the box.
#[derive(Clone, Debug)]
pub struct Model {
    /// How it is built.
    pub setup: Setup,
    /// What speaks its protocol.
    pub firmware: Arc<dyn Firmware>,
}

/// What only some families have. A family takes what it knows.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Options {
    /// Where the print head sits across the card, in the family's own unit.
    pub head_position: Option<u32>,
}

impl Family {
    const fn new(name: &'static str, model: fn(&mut Options) -> Model) -> Self {
        Self { name, model }
    }

    /// All of them.
    #[must_use]
    pub fn all() -> &'static [Self] {
        FAMILIES
    }

    /// The family of that name.
    ///
    /// # Errors
    ///
    /// [`FamilyError::Unknown`].
    pub fn find(name: &str) -> Result<Self, FamilyError> {
        let mut families = FAMILIES.iter();
        let found = families.find(|family| family.name == name);
        found.copied().ok_or_else(|| FamilyError::Unknown {
            name: name.to_owned(),
        })
    }

    /// The usual printer of the family.
    ///
    /// # Errors
    ///
    /// [`FamilyError::Option`] for an option the family does not have.
    pub fn model(self, mut options: Options) -> Result<Model, FamilyError> {
        let model = (self.model)(&mut options);
        match options {
            Options {
                head_position: None,
            } => Ok(model),
            _ => Err(FamilyError::Option {
                family: self.name,
                option: "head position",
            }),
        }
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Family").field(&self.name).finish()
    }
}

/// Why a printer of a family cannot be had.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum FamilyError {
    /// No such family.
    #[error(
        "there is no simulated printer of family `{name}` (known: {})",
        FAMILIES.iter().map(|family| family.name).collect::<Vec<_>>().join(", ")
    )]
    Unknown {
        /// What was given.
        name: String,
    },
    /// The family lacks an option that was given.
    #[error("printers of family `{family}` have no {option}")]
    Option {
        /// The family.
        family: &'static str,
        /// The option, in words.
        option: &'static str,
    },
}

impl Blamed for FamilyError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_found_by_its_own_name_and_others_are_refused() {
        for family in Family::all() {
            let found = Family::find(family.name).unwrap();
            assert_eq!(found.name, family.name);
            found.model(Options::default()).unwrap();
        }
        let error = Family::find("typewriter").unwrap_err();
        assert!(error.to_string().contains("magicard-enduro"), "{error}");
    }
}
