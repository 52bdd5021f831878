use std::collections::BTreeMap;
use std::path::Path;
use std::{fmt, fs};

use ground::{Blame, Blamed};
use iso7816::Command;
use piv::words::ObjectId;
use series::Certainty;
use thiserror::Error;

use crate::Deviation;
use crate::report::Affected;

mod file;
mod pattern;
mod probing;

pub use pattern::StatusPattern;

pub(crate) use probing::{Probing, probings};

/// What one client needs of a card and asks it for.
///
/// Written in TOML; those built in are [`Middleware::built_in`], and their files show the form:
///
/// - `id`, `client`, `version` and `source` at the top;
/// - an `[[expects]]` for each assertion, or group of assertions by the beginning of their ids,
///   that the client relies on; with `objects` and `says` of those objects and in those words
///   alone;
/// - a `[[probe]]` for each thing the client sends that no standard has an assertion for. What is
///   sent must be harmless: nothing that writes or compares a passcode is taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Middleware {
    /// Unique, lower case, in the ids of its probes: `client.windows.…`.
    pub id: String,
    /// Its name.
    pub client: String,
    /// Of which version this is known.
    pub version: String,
    /// Where most of it is taken from.
    pub source: String,
    /// The assertions it relies on.
    pub expects: Vec<Expectation>,
    /// What it sends.
    pub probes: Vec<Probe>,
}

/// A client relies on an assertion.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Expectation {
    /// Its id, or the beginning of several.
    pub assertion: String,
    /// The objects it matters of; all if none is named.
    pub objects: Vec<ObjectId>,
    /// A part of what the report says was expected and observed where it matters; anything if
    /// left out.
    pub says: Option<String>,
    /// What happens to the client if it does not hold.
    pub consequence: String,
    /// Where that is known from.
    pub source: String,
    /// How far that is known.
    pub certainty: Certainty,
}

/// Commands a client sends, and the answers it can go on with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Probe {
    /// Unique within its file.
    pub id: String,
    /// What is held of the last answer, as a statement.
    pub title: String,
    /// The commands in order, after a reset and SELECT of the PIV application.
    pub send: Vec<Command>,
    /// The answers to the last command that the client can go on with.
    pub expect: Vec<StatusPattern>,
    /// The interface it is sent over; both if not said.
    pub interface: Option<ProbeInterface>,
    /// What happens to the client otherwise.
    pub consequence: String,
    /// Where that is known from.
    pub source: String,
    /// How far that is known: a card that answers otherwise fails where it is public, and is
    /// warned of where it is not.
    pub certainty: Certainty,
}

/// How a card is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeInterface {
    /// Through its contacts.
    Contact,
    /// Without contact.
    Contactless,
}

impl Middleware {
    /// Windows with its own minidriver, macOS with CryptoTokenKit, and OpenSC.
    #[must_use]
    pub fn built_in() -> Vec<Self> {
        [
            ("windows.toml", include_str!("../middleware/windows.toml")),
            ("macos.toml", include_str!("../middleware/macos.toml")),
            ("opensc.toml", include_str!("../middleware/opensc.toml")),
        ]
        .into_iter()
        .map(|(file, text)| {
            Self::parse(file, text).expect("the files built in parse, as the tests show")
        })
        .collect()
    }

    /// Reads a file. `file` is what errors call it.
    ///
    /// # Errors
    ///
    /// [`MiddlewareError::Malformed`] with the line, for unknown keys, commands that are none or might do
    /// harm, and assertions that do not exist.
    pub fn parse(file: &str, text: &str) -> Result<Self, MiddlewareError> {
        file::parse(file, text)
    }

    /// Reads a file by its path.
    ///
    /// # Errors
    ///
    /// [`MiddlewareError`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, MiddlewareError> {
        let path = path.as_ref();
        let file = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| MiddlewareError::Unreadable {
            file: file.clone(),
            detail: error.to_string(),
        })?;
        Self::parse(&file, &text)
    }

    /// The clients that trip over an assertion which does not hold, for an object if it is about
    /// one.
    pub(crate) fn affected(
        all: &[Self],
        assertion: &str,
        object: Option<ObjectId>,
        deviations: &[Deviation],
    ) -> Vec<Affected> {
        // A client may have several reasons; each is told once.
        let mut found: BTreeMap<(&str, &str), Affected> = BTreeMap::new();
        for middleware in all {
            for expectation in &middleware.expects {
                if expectation.is_about(assertion) && expectation.is_hurt_by(object, deviations) {
                    let consequence = match expectation.certainty {
                        Certainty::Public => expectation.consequence.clone(),
                        certainty => format!("{} ({certainty})", expectation.consequence),
                    };
                    found.insert(
                        (&middleware.client, &expectation.consequence),
                        Affected {
                            client: middleware.client.clone(),
                            consequence,
                        },
                    );
                }
            }
        }
        found.into_values().collect()
    }
}

impl Expectation {
    /// Whether it is about this assertion. An id that is one assertion's is not the beginning of
    /// others'.
    fn is_about(&self, assertion: &str) -> bool {
        match crate::assertion(&self.assertion) {
            Some(_) => self.assertion == assertion,
            None => assertion.starts_with(&self.assertion),
        }
    }

    fn is_hurt_by(&self, object: Option<ObjectId>, deviations: &[Deviation]) -> bool {
        let is_of_it =
            self.objects.is_empty() || object.is_some_and(|object| self.objects.contains(&object));
        let is_said = self
            .says
            .as_deref()
            .is_none_or(|part| deviations.iter().any(|it| it.told().contains(part)));
        is_of_it && is_said
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)
    }
}

/// Why a file of middleware expectations cannot be used.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum MiddlewareError {
    /// The file cannot be read.
    #[error("failed to read middleware expectations `{file}`: {detail}")]
    Unreadable {
        /// The file.
        file: String,
        /// The operating system's words.
        detail: String,
    },
    /// The text is none.
    #[error("{file}:{line}:{column}: {detail}")]
    Malformed {
        /// The file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong there.
        detail: String,
    },
}

impl Blamed for MiddlewareError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        None
    }
}
