use std::path::Path;

use serde::Deserialize;

use super::header::Head;
use super::reply::Code;
use crate::{FaultKind, KnownFault, Limits, ProfileError, Sourced, sourced};

/// The profiles that come with this crate.
const ENDURO: &str = include_str!("../../profiles/magicard-enduro.toml");
const RIO_TANGO: &str = include_str!("../../profiles/magicard-rio-tango.toml");

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
    /// Which head the jobs are drawn for.
    pub head: Sourced<HeadChoice>,
    /// With this many sides left or fewer the film counts as low.
    pub film_low: Sourced<u8>,
    /// Error pairs whose meaning is known.
    #[serde(default)]
    pub faults: Vec<KnownFault>,
}

/// Which head the jobs are drawn for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub enum HeadChoice {
    /// Field 2 of the status reply says which of the Enduro family it is.
    #[serde(rename = "from-status")]
    FromStatus,
    /// Rio and Tango.
    #[serde(rename = "KEE")]
    Kee,
}

impl HeadChoice {
    /// The head word, with field 2 of the status reply.
    #[must_use]
    pub const fn head(self, head_type: u32) -> Head {
        match self {
            Self::FromStatus => Head::of_enduro(head_type),
            Self::Kee => Head::Kee,
        }
    }
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
    /// From wherever the card is to the antenna; empty if no word for it is known.
    pub feed_to_antenna: Sourced<Vec<String>>,
    /// To the output tray.
    pub eject: Sourced<Vec<String>>,
    /// To the reject tray; empty if no word for it is known.
    pub reject: Sourced<Vec<String>>,
    /// Starts the cleaning cycle.
    pub clean: Sourced<Vec<String>>,
    /// Answers a fault: go on.
    pub retry: Sourced<Vec<String>>,
    /// Answers a fault: give up.
    pub cancel: Sourced<Vec<String>>,
    /// After a job.
    pub after_print: Sourced<Vec<String>>,
}

impl Profile {
    /// The profile of the Enduro family that comes with this crate.
    #[must_use]
    pub fn enduro() -> Self {
        Self::parse(ENDURO).expect("the built-in profile is read by a test")
    }

    /// The profile of Rio and Tango that comes with this crate.
    #[must_use]
    pub fn rio_tango() -> Self {
        Self::parse(RIO_TANGO).expect("the built-in profile is read by a test")
    }

    /// Reads a profile.
    ///
    /// # Errors
    ///
    /// [`ProfileError`].
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        sourced::parse::<Self>(text)?.checked()
    }

    /// Reads a profile from a file.
    ///
    /// # Errors
    ///
    /// [`ProfileError`].
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        Self::parse(&sourced::read(path)?)
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
        for fault in sourced::parse::<Table>(text)?.faults {
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
            &commands.feed_to_antenna,
            &commands.eject,
            &commands.reject,
            &commands.clean,
            &commands.retry,
            &commands.cancel,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Certainty;

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
        for commands in [Profile::enduro().commands, Profile::rio_tango().commands] {
            for command in [
                commands.load,
                commands.engage,
                commands.feed_to_contacts,
                commands.feed_to_antenna,
                commands.release_contacts,
                commands.eject,
                commands.reject,
                commands.clean,
            ] {
                assert_ne!(command.certainty, Certainty::Public);
            }
        }
    }

    #[test]
    fn a_rio_has_a_head_of_its_own_whatever_its_status_says() {
        assert_eq!(Profile::rio_tango().head.value.head(1), Head::Kee);
        assert_eq!(Profile::enduro().head.value.head(1), Head::Kee1);
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
        let text = ENDURO.replace("[tries]", "[trys]");
        assert!(matches!(
            Profile::parse(&text),
            Err(ProfileError::Syntax { .. })
        ));
    }
}
