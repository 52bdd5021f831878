use std::fmt;

use serde::Serialize;

use crate::words::Edition;

/// Something worth telling about a card: what it says, how bad that is, and which clause says so.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The standard, its part and section.
    pub clause: &'static str,
    /// What was found, and what was expected.
    pub message: String,
    /// The edition of SP 800-73 from which on this is against the standard; before, it was as it
    /// should be. `None` for what does not depend on the edition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Edition>,
}

impl Finding {
    /// Permitted, but worth knowing.
    #[must_use]
    pub fn info(clause: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Info, clause, message)
    }

    /// Permitted or recommended against; relying software may stumble.
    #[must_use]
    pub fn warning(clause: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, clause, message)
    }

    /// Against the clause.
    #[must_use]
    pub fn violation(clause: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Violation, clause, message)
    }

    /// Against the clause since this edition of SP 800-73. Of a card of an unknown edition it is
    /// [`Severity::Info`], until [`Finding::judged_by`] settles it.
    #[must_use]
    pub fn since(edition: Edition, clause: &'static str, message: impl Into<String>) -> Self {
        Self {
            since: Some(edition),
            ..Self::info(clause, message)
        }
    }

    /// Whether it says anything of a card made to this edition.
    #[must_use]
    pub fn applies_to(&self, edition: Edition) -> bool {
        self.since.is_none_or(|since| since <= edition)
    }

    /// What remains of it for a card made to this edition: nothing if it does not apply, a
    /// violation if it depends on the edition and does. Without an edition it stays as it is.
    #[must_use]
    pub fn judged_by(self, edition: Option<Edition>) -> Option<Self> {
        match (edition, self.since) {
            (Some(edition), _) if !self.applies_to(edition) => None,
            (Some(_), Some(_)) => Some(Self {
                severity: Severity::Violation,
                ..self
            }),
            _ => Some(self),
        }
    }

    fn new(severity: Severity, clause: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity,
            clause,
            message: message.into(),
            since: None,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.severity, self.message, self.clause)
    }
}

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Permitted, but worth knowing.
    Info,
    /// Permitted or recommended against; relying software may stumble.
    Warning,
    /// Against the clause.
    Violation,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Violation => "violation",
        })
    }
}

/// What a lenient parser made of an object: the value as far as it could be understood, what is
/// wrong with it, and the bytes it came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Parsed<T> {
    /// The value. Elements that could not be understood are absent from it.
    pub value: T,
    /// What is worth telling, in the order of the bytes.
    pub findings: Vec<Finding>,
    /// The bytes as they were read.
    pub raw: Vec<u8>,
}

impl<T> Parsed<T> {
    /// Whether nothing in it goes against the standard.
    #[must_use]
    pub fn conforms(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.severity < Severity::Violation)
    }

    /// The same with the findings that an object of this edition deserves
    /// ([`Finding::judged_by`]).
    #[must_use]
    pub fn judged_by(mut self, edition: Option<Edition>) -> Self {
        self.findings = self
            .findings
            .into_iter()
            .filter_map(|finding| finding.judged_by(edition))
            .collect();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_of_the_fifth_edition_says_nothing_of_a_card_of_the_fourth() {
        let finding = Finding::since(Edition::Fifth, "clause", "old element");
        assert_eq!(finding.severity, Severity::Info);
        assert!(!finding.applies_to(Edition::Fourth) && finding.applies_to(Edition::Fifth));
        assert_eq!(finding.clone().judged_by(None), Some(finding.clone()));
        assert_eq!(finding.clone().judged_by(Some(Edition::Fourth)), None);
        let judged = finding.judged_by(Some(Edition::Fifth)).unwrap();
        assert_eq!(judged.severity, Severity::Violation);
    }

    #[test]
    fn what_does_not_depend_on_the_edition_is_never_changed() {
        let finding = Finding::warning("clause", "strange");
        for edition in [None, Some(Edition::Fourth), Some(Edition::Fifth)] {
            assert_eq!(finding.clone().judged_by(edition), Some(finding.clone()));
        }
    }
}
