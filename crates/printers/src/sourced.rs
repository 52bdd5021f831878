//! Values that say where they come from: what a profile is made of.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ground::{Blame, Blamed};
use serde::Deserialize;
use thiserror::Error;

use crate::FaultKind;

/// A value that says where it comes from.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub source: String,
    /// How certain it is.
    pub certainty: Certainty,
    /// What else a site should know.
    pub note: Option<String>,
}

/// How certain a value is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// Compared with a capture or with the vendor's own driver.
    Public,
    /// Read in a public source or concluded from one.
    Inferred,
    /// A guess that has to start somewhere.
    Unknown,
}

/// A code of a printer whose meaning is known.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct KnownFault {
    /// The code as the printer writes it.
    pub code: String,
    /// What it means.
    pub kind: FaultKind,
    /// Where that is known from.
    pub source: String,
    /// How certain it is.
    pub certainty: Certainty,
}

impl Sourced<u32> {
    /// A limit in milliseconds as a duration.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_millis(u64::from(self.value))
    }

    /// Puts the limit a station file asks for, if it does, in place of this one in milliseconds.
    pub fn replace(&mut self, asked: Option<Duration>) {
        if let Some(asked) = asked {
            self.value = u32::try_from(asked.as_millis()).unwrap_or(u32::MAX);
            "the station file".clone_into(&mut self.source);
            self.note = None;
        }
    }
}

/// Reads a profile of any family from TOML.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, ProfileError> {
    toml::from_str(text).map_err(|error| ProfileError::Syntax {
        detail: error.to_string(),
    })
}

/// Reads the text of a profile from a file.
pub(crate) fn read(path: &Path) -> Result<String, ProfileError> {
    std::fs::read_to_string(path).map_err(|source| ProfileError::Read {
        path: path.to_owned(),
        source,
    })
}

/// Why a profile cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The file cannot be read.
    #[error("failed to read printer profile `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        source: std::io::Error,
    },
    /// No TOML, or a field is missing, unknown or of the wrong type.
    #[error("the printer profile cannot be read: {detail}")]
    Syntax {
        /// Where and why.
        detail: String,
    },
    /// A value makes no sense.
    #[error("the printer profile cannot be used: {what}")]
    Value {
        /// Which and why.
        what: String,
    },
}

impl Blamed for ProfileError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        Some("start from a copy of the profile that comes with the program".to_owned())
    }
}
