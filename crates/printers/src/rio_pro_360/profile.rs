use std::path::Path;

use serde::Deserialize;

use super::placement::Placement;
use super::query::Query;
use crate::{FaultKind, KnownFault, ProfileError, Sourced, sourced};

/// The profile that comes with this crate.
const BUILT_IN: &str = include_str!("../../profiles/rio-pro-360.toml");

/// What the driver does that the wire format does not settle, as data a site can change.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name, for messages.
    pub name: String,
    /// The column of the face that is the leftmost one printed, 0 to 3.
    pub first_column: Sourced<u32>,
    /// Whether pixels of a line are counted from the lower edge of a landscape face.
    pub from_below: Sourced<bool>,
    /// Whether the front is printed upside down.
    pub front_turned: Sourced<bool>,
    /// Whether the back is printed upside down.
    pub back_turned: Sourced<bool>,
    /// Whether the printer prints both sides.
    pub duplex: Sourced<bool>,
    /// The most overcoat holes a side may have.
    pub overcoat_holes: Sourced<u8>,
    /// Whether the printer is asked for its values at all.
    pub status_queries: Sourced<bool>,
    /// The names of the values it is asked for.
    pub names: Names,
    /// With this many prints left or fewer the film counts as low.
    pub film_low: Sourced<u8>,
    /// How long things may take.
    pub limits_ms: Limits,
    /// Codes whose meaning is known.
    #[serde(default)]
    pub faults: Vec<KnownFault>,
}

/// Names of values of the printer.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// The model.
    pub model: Sourced<String>,
    /// The serial number.
    pub serial: Sourced<String>,
    /// The error code; 0 is none.
    pub error: Sourced<String>,
    /// Cards printed in all.
    pub cards: Sourced<String>,
    /// Prints the film has left.
    pub film: Sourced<String>,
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
    /// For a whole print.
    pub print: Sourced<u32>,
    /// Without the printer taking a byte of a job.
    pub write: Sourced<u32>,
}

impl Profile {
    /// The profile that comes with this crate.
    #[must_use]
    pub fn rio_pro_360() -> Self {
        Self::parse(BUILT_IN).expect("the built-in profile is read by a test")
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

    /// Where a face lies in the planes.
    #[must_use]
    pub fn placement(&self, back: bool) -> Placement {
        Placement {
            first_column: self.first_column.value,
            from_below: self.from_below.value,
            turned: if back {
                self.back_turned.value
            } else {
                self.front_turned.value
            },
        }
    }

    /// What an error code means.
    #[must_use]
    pub fn fault_kind(&self, code: &str) -> FaultKind {
        self.faults
            .iter()
            .find(|known| known.code == code)
            .map_or(FaultKind::Unknown, |known| known.kind)
    }

    fn checked(self) -> Result<Self, ProfileError> {
        let bad = |what: String| Err(ProfileError::Value { what });
        if self.first_column.value > Placement::CUT {
            return bad(format!(
                "`first_column` is {}, at most {} columns of a face are cut",
                self.first_column.value,
                Placement::CUT
            ));
        }
        let names = &self.names;
        for name in [
            &names.model,
            &names.serial,
            &names.error,
            &names.cards,
            &names.film,
        ] {
            if Query::new(&name.value).is_none() {
                return bad(format!("`{}` is no name of a value", name.value));
            }
        }
        for known in &self.faults {
            let plain = known.code.bytes().all(|byte| byte.is_ascii_digit());
            if known.code.is_empty() || !plain {
                return bad(format!("code `{}` is no decimal number", known.code));
            }
        }
        if self.limits_ms.poll.value == 0 {
            return bad("`limits_ms.poll` is 0, waiting would never end".to_owned());
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::Certainty;

    #[test]
    fn the_built_in_profile_is_read_and_has_each_code_once() {
        let profile = Profile::rio_pro_360();
        assert_eq!(profile.fault_kind("1025"), FaultKind::HopperEmpty);
        assert_eq!(profile.fault_kind("1026"), FaultKind::CardJam);
        assert_eq!(profile.fault_kind("1038"), FaultKind::CoverOpen);
        assert_eq!(profile.fault_kind("1042"), FaultKind::FilmOut);
        assert_eq!(profile.fault_kind("7"), FaultKind::Unknown);
        let codes: HashSet<_> = profile.faults.iter().map(|known| &known.code).collect();
        assert_eq!(codes.len(), profile.faults.len());
    }

    #[test]
    fn nothing_claims_to_have_been_compared_with_a_printer() {
        let profile = Profile::rio_pro_360();
        let certain = [
            profile.first_column.certainty,
            profile.from_below.certainty,
            profile.back_turned.certainty,
            profile.status_queries.certainty,
        ];
        assert!(!certain.contains(&Certainty::Public));
        let certainty = |known: &KnownFault| known.certainty != Certainty::Public;
        assert!(profile.faults.iter().all(certainty));
        assert!(!profile.status_queries.value, "off until somebody tried it");
    }

    #[test]
    fn values_that_make_no_sense_are_refused() {
        for (from, to) in [
            ("[first_column]\nvalue = 1", "[first_column]\nvalue = 4"),
            ("id_model_name", "id model name"),
            ("\"1025\"", "\"10:25\""),
        ] {
            let text = BUILT_IN.replace(from, to);
            assert_ne!(text, BUILT_IN, "{from}");
            let refused = Profile::parse(&text);
            assert!(matches!(refused, Err(ProfileError::Value { .. })), "{from}");
        }
    }
}
