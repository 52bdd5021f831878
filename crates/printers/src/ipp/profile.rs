use std::path::Path;

use serde::Deserialize;

use super::media::Size;
use crate::{Certainty, FaultKind, Limits, ProfileError, Sourced, sourced};

/// The profile that comes with this crate.
const ANY_QUEUE: &str = include_str!("../../profiles/ipp.toml");

/// What the driver does that the standards do not settle, as data a site can change.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name, for messages.
    pub name: String,
    /// The card by its self-describing media name (PWG 5101.1).
    pub media: Sourced<String>,
    /// How far a side of the queue's media may be from the card's, in hundredths of a millimetre.
    pub media_tolerance: Sourced<u32>,
    /// The only `printer-error-policy` a queue may have if it names one.
    pub error_policy: Sourced<String>,
    /// The `job-error-action` that is asked for where the queue knows it.
    pub job_error_action: Sourced<String>,
    /// Whether the queue must refuse a job it cannot print as asked (`ipp-attribute-fidelity`).
    pub fidelity: Sourced<bool>,
    /// How a card is printed on both sides, as `sides` has it.
    pub two_sided: Sourced<String>,
    /// Whether a completed job means that the card lies in the output tray.
    pub completed_in_tray: Sourced<bool>,
    /// What jobs are called, before a random number.
    pub job_name: Sourced<String>,
    /// In whose name they are sent.
    pub user: Sourced<String>,
    /// How long things may take. `motion` is how long a cancelled job may take to end, `write` a
    /// whole job to be sent.
    pub limits_ms: Limits,
    /// State reasons whose meaning is known.
    pub reasons: Vec<Reason>,
}

/// A state reason whose meaning is known.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// The keyword, without `-error`, `-warning` or `-report`.
    pub keyword: String,
    /// What it means.
    pub kind: FaultKind,
    /// Whether no card can be printed while it stands, whatever severity the queue gives it.
    pub stops: bool,
    /// Where that is known from.
    pub source: String,
    /// How certain it is.
    pub certainty: Certainty,
}

/// How grave a state reason is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Severity {
    Stops,
    Warns,
}

impl Profile {
    /// The profile that comes with this crate.
    #[must_use]
    pub fn any_queue() -> Self {
        Self::parse(ANY_QUEUE).expect("the built-in profile is read by a test")
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

    /// What a state reason means and how grave it is. What stops a printer does so whatever its
    /// suffix: queues differ in when they call it an error, and some go by whether a job is under
    /// way. `stopped` is whether the queue stands still, which decides for a reason nobody knows
    /// that has no suffix.
    pub(super) fn reason(&self, reason: &str, stopped: bool) -> (FaultKind, Severity) {
        let (keyword, said) = match reason.rsplit_once('-') {
            Some((keyword, "error")) => (keyword, Some(Severity::Stops)),
            Some((keyword, "warning" | "report")) => (keyword, Some(Severity::Warns)),
            _ => (reason, None),
        };
        // Some keywords end like a suffix: `document-format-error`.
        let known = |keyword: &str| self.reasons.iter().find(|known| known.keyword == keyword);
        match known(reason).or_else(|| known(keyword)) {
            Some(known) if known.stops => (known.kind, Severity::Stops),
            Some(known) => (known.kind, said.unwrap_or(Severity::Warns)),
            None if stopped => (FaultKind::Unknown, said.unwrap_or(Severity::Stops)),
            None => (FaultKind::Unknown, said.unwrap_or(Severity::Warns)),
        }
    }

    fn checked(self) -> Result<Self, ProfileError> {
        let bad = |what: String| Err(ProfileError::Value { what });
        if Size::of_name(&self.media.value).is_none() {
            return bad(format!(
                "`media` is `{}`, which names no size such as `custom_card_53.98x85.6mm`",
                self.media.value
            ));
        }
        for (name, value) in [
            ("job_name", &self.job_name.value),
            ("user", &self.user.value),
            ("job_error_action", &self.job_error_action.value),
        ] {
            let plain = value.bytes().all(|byte| byte.is_ascii_graphic());
            if value.is_empty() || value.len() > 100 || !plain {
                return bad(format!("`{name}` is not a word of at most 100 characters"));
            }
        }
        let two_sided = self.two_sided.value.as_str();
        if !matches!(two_sided, "two-sided-short-edge" | "two-sided-long-edge") {
            return bad(format!(
                "`two_sided` is `{two_sided}`, neither two-sided-short-edge nor two-sided-long-edge"
            ));
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

    #[test]
    fn a_reason_has_a_meaning_and_is_as_grave_as_it_must_be_taken() {
        let profile = Profile::any_queue();
        for (reason, kind, severity) in [
            ("media-jam", FaultKind::CardJam, Severity::Stops),
            ("media-jam-error", FaultKind::CardJam, Severity::Stops),
            ("media-jam-report", FaultKind::CardJam, Severity::Stops),
            ("marker-supply-low", FaultKind::FilmLow, Severity::Warns),
            (
                "marker-supply-low-report",
                FaultKind::FilmLow,
                Severity::Warns,
            ),
            ("marker-supply-empty", FaultKind::FilmOut, Severity::Stops),
            ("cover-open", FaultKind::CoverOpen, Severity::Stops),
            ("output-area-full", FaultKind::OutputFull, Severity::Stops),
            ("document-format-error", FaultKind::BadJob, Severity::Stops),
            ("vendor-smoke-error", FaultKind::Unknown, Severity::Stops),
            ("vendor-smoke", FaultKind::Unknown, Severity::Warns),
            ("vendor-smoke-report", FaultKind::Unknown, Severity::Warns),
        ] {
            assert_eq!(profile.reason(reason, false), (kind, severity), "{reason}");
        }
        let stopped = profile.reason("vendor-smoke", true);
        assert_eq!(stopped, (FaultKind::Unknown, Severity::Stops));
    }

    #[test]
    fn a_value_that_makes_no_sense_is_refused() {
        for (from, to) in [
            ("custom_card_53.98x85.6mm", "card"),
            ("value = 1000", "value = 0"),
            ("[fidelity]", "[fidelities]"),
        ] {
            assert!(
                Profile::parse(&ANY_QUEUE.replacen(from, to, 1)).is_err(),
                "{to}"
            );
        }
    }
}
