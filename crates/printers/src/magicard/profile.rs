use std::path::{Path, PathBuf};
use std::time::Duration;

use ground::{Blame, Blamed};
use serde::Deserialize;
use thiserror::Error;

use super::reply::Code;
use crate::FaultKind;

/// The profile that comes with this crate.
const BUILT_IN: &str = include_str!("../../profiles/magicard-enduro.toml");

/// What the driver does that the wire format does not settle, as data a site can change.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name, for messages.
    pub name: String,
    /// What moves a card.
    pub commands: Commands,
    /// Filling bytes before a question or command.
    pub lead: Sourced<u8>,
    /// How long things may take.
    pub limits_ms: Limits,
    /// How often a question is asked before silence is an error.
    pub tries: Sourced<u8>,
    /// Whether a print is over only when the card counter has risen.
    pub count_cards: Sourced<bool>,
    /// The driver version in the job.
    pub version: Sourced<String>,
    /// The language in the job.
    pub language: Sourced<String>,
    /// Whether the back is printed upside down.
    pub back_turned: Sourced<bool>,
    /// The most overcoat holes a side may have.
    pub overcoat_holes: Sourced<u8>,
    /// Whether panel lengths of 0 in the status reply mean that the film has no such panel.
    pub panels_from_status: Sourced<bool>,
    /// The operator's correction of the head position in dots.
    pub head_adjustment: Sourced<i8>,
    /// Error pairs whose meaning is known.
    #[serde(default)]
    pub faults: Vec<KnownFault>,
}

/// Texts that move a card, each list in the order it is sent.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Commands {
    /// From the hopper to standby; nothing if a card is there.
    pub load: Sourced<Vec<String>>,
    /// Closes the contacts on the card inside.
    pub engage: Sourced<Vec<String>>,
    /// From wherever the card is to closed contacts.
    pub feed_to_contacts: Sourced<Vec<String>>,
    /// Opens the contacts.
    pub release_contacts: Sourced<Vec<String>>,
    /// To the output tray.
    pub eject: Sourced<Vec<String>>,
    /// After a job.
    pub after_print: Sourced<Vec<String>>,
}

/// Limits in milliseconds.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// For a connection to open.
    pub connect: Sourced<u32>,
    /// For an answer.
    pub reply: Sourced<u32>,
    /// Between two questions while waiting.
    pub poll: Sourced<u32>,
    /// For one motion of a card.
    pub motion: Sourced<u32>,
    /// For a whole print.
    pub print: Sourced<u32>,
    /// Without the printer taking a byte of a job.
    pub write: Sourced<u32>,
}

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

/// An error pair whose meaning is known.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct KnownFault {
    /// The pair as the printer writes it.
    pub code: String,
    /// What it means.
    pub kind: FaultKind,
    /// Where that is known from.
    pub source: String,
    /// How certain it is.
    pub certainty: Certainty,
}

impl Profile {
    /// The profile of the Enduro family that comes with this crate.
    #[must_use]
    pub fn enduro() -> Self {
        Self::parse(BUILT_IN).expect("the built-in profile is read by a test")
    }

    /// Reads a profile.
    ///
    /// # Errors
    ///
    /// [`ProfileError`].
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let profile: Self = toml::from_str(text).map_err(|error| ProfileError::Syntax {
            detail: error.to_string(),
        })?;
        profile.checked()
    }

    /// Reads a profile from a file.
    ///
    /// # Errors
    ///
    /// [`ProfileError`].
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        let text = std::fs::read_to_string(path).map_err(|source| ProfileError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text)
    }

    /// Adds a table of error pairs, a TOML file with `[[faults]]`. A pair that is known already is
    /// replaced.
    ///
    /// # Errors
    ///
    /// [`ProfileError`].
    pub fn with_faults(mut self, text: &str) -> Result<Self, ProfileError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            faults: Vec<KnownFault>,
        }
        let table: Table = toml::from_str(text).map_err(|error| ProfileError::Syntax {
            detail: error.to_string(),
        })?;
        for fault in table.faults {
            self.faults.retain(|known| known.code != fault.code);
            self.faults.push(fault);
        }
        self.checked()
    }

    /// What an error pair means.
    #[must_use]
    pub fn fault_kind(&self, code: &Code) -> FaultKind {
        self.faults
            .iter()
            .find(|known| known.code == code.as_str())
            .map_or(FaultKind::Unknown, |known| known.kind)
    }

    fn checked(self) -> Result<Self, ProfileError> {
        let bad = |what: String| Err(ProfileError::Value { what });
        let commands = &self.commands;
        let texts = [
            &commands.load,
            &commands.engage,
            &commands.feed_to_contacts,
            &commands.release_contacts,
            &commands.eject,
            &commands.after_print,
        ];
        for text in texts.into_iter().flat_map(|command| &command.value) {
            if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                return bad(format!("command `{text}` is not plain printable text"));
            }
        }
        for known in &self.faults {
            let normal = Code::parse(&known.code);
            if normal.as_ref().map(Code::as_str) != Some(&known.code) {
                return bad(format!(
                    "error pair `{}` is not of the form `11:01`",
                    known.code
                ));
            }
        }
        if self.tries.value == 0 {
            return bad("`tries` is 0, at least 1 is needed".to_owned());
        }
        if self.limits_ms.poll.value == 0 {
            return bad("`limits_ms.poll` is 0, waiting would never end".to_owned());
        }
        Ok(self)
    }
}

impl Sourced<u32> {
    /// A limit as a duration.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_millis(u64::from(self.value))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_profile_is_read_and_knows_the_one_public_pair() {
        let profile = Profile::enduro();
        let kind = |code| profile.fault_kind(&Code::parse(code).unwrap());
        assert_eq!(kind("11:01"), FaultKind::CardNotFed);
        assert_eq!(kind("12:01"), FaultKind::Unknown);
        assert_eq!(profile.faults.len(), 1);
    }

    #[test]
    fn nothing_that_moves_a_card_claims_to_be_verified() {
        let commands = Profile::enduro().commands;
        for command in [
            commands.load,
            commands.engage,
            commands.feed_to_contacts,
            commands.release_contacts,
            commands.eject,
        ] {
            assert_ne!(command.certainty, Certainty::Public);
        }
    }

    #[test]
    fn a_site_adds_pairs_and_a_misspelt_one_is_refused() {
        let entry = |code: &str| {
            format!(
                "[[faults]]\ncode = \"{code}\"\nkind = \"card-jam\"\nsource = \"seen here\"\n\
                 certainty = \"inferred\"\n"
            )
        };
        let profile = Profile::enduro().with_faults(&entry("12:01")).unwrap();
        assert_eq!(
            profile.fault_kind(&Code::parse("12:01").unwrap()),
            FaultKind::CardJam
        );
        for wrong in ["12-01", "1:1", ""] {
            assert!(Profile::enduro().with_faults(&entry(wrong)).is_err());
        }
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        let text = BUILT_IN.replace("[tries]", "[trys]");
        assert!(matches!(
            Profile::parse(&text),
            Err(ProfileError::Syntax { .. })
        ));
    }
}
