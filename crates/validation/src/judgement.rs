use std::fmt;

use iso7816::StatusWord;
use serde::{Deserialize, Serialize};

/// How an assertion came out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not, and the profile says why that is known and accepted.
    Explained,
    /// It does not, and should.
    Warning,
    /// It does not, and must.
    Fail,
    /// It says nothing about this card.
    NotApplicable,
    /// It was not proved: something it needs was not given or not permitted.
    Skipped,
}

impl Verdict {
    /// All of them, best first.
    pub const ALL: [Self; 6] = [
        Self::Pass,
        Self::Explained,
        Self::Warning,
        Self::Fail,
        Self::NotApplicable,
        Self::Skipped,
    ];

    /// The word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Explained => "explained",
            Self::Warning => "warning",
            Self::Fail => "fail",
            Self::NotApplicable => "not applicable",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What an assertion found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Judgement {
    /// How it came out.
    pub verdict: Verdict,
    /// What differs, if it does not hold.
    pub deviations: Vec<Deviation>,
    /// Why it is not applicable or was skipped; a remark on a pass; empty otherwise.
    pub reason: String,
}

/// One difference between what must be and what is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deviation {
    /// What the clause demands.
    pub expected: String,
    /// What the card did or holds.
    pub observed: String,
}

impl Deviation {
    /// A difference in words.
    pub fn new(expected: impl Into<String>, observed: impl Into<String>) -> Self {
        Self {
            expected: expected.into(),
            observed: observed.into(),
        }
    }
}

impl Deviation {
    /// Both sides in one text, to look for words in.
    pub(crate) fn told(&self) -> String {
        format!("{}; {}", self.expected, self.observed)
    }
}

impl Judgement {
    /// It holds.
    #[must_use]
    pub const fn pass() -> Self {
        Self {
            verdict: Verdict::Pass,
            deviations: Vec::new(),
            reason: String::new(),
        }
    }

    /// It must hold and does not.
    pub fn fail(expected: impl Into<String>, observed: impl Into<String>) -> Self {
        Self::broken(vec![Deviation::new(expected, observed)])
    }

    /// It should hold and does not.
    pub fn warning(expected: impl Into<String>, observed: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Warning,
            ..Self::fail(expected, observed)
        }
    }

    /// It holds if nothing differs.
    #[must_use]
    pub fn broken(deviations: Vec<Deviation>) -> Self {
        Self {
            verdict: match deviations.is_empty() {
                true => Verdict::Pass,
                false => Verdict::Fail,
            },
            deviations,
            reason: String::new(),
        }
    }

    /// It holds if `condition` does.
    pub fn require(
        condition: bool,
        expected: impl Into<String>,
        observed: impl FnOnce() -> String,
    ) -> Self {
        match condition {
            true => Self::pass(),
            false => Self::fail(expected, observed()),
        }
    }

    /// It says nothing about this card.
    pub fn not_applicable(reason: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::NotApplicable,
            deviations: Vec::new(),
            reason: reason.into(),
        }
    }

    /// It was not proved.
    pub fn skipped(reason: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Skipped,
            deviations: Vec::new(),
            reason: reason.into(),
        }
    }

    /// It holds if the card answered with one of these status words to what was sent.
    pub fn status(sent: &str, actual: StatusWord, allowed: &[StatusWord]) -> Self {
        let names: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        Self::require(
            allowed.contains(&actual),
            format!("{sent} answered with {}", names.join(" or ")),
            || format!("{sent} answered with {actual}"),
        )
    }

    /// The worse of the two, with the deviations of both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        const fn badness(verdict: Verdict) -> u8 {
            match verdict {
                Verdict::NotApplicable => 0,
                Verdict::Pass => 1,
                Verdict::Explained => 2,
                Verdict::Skipped => 3,
                Verdict::Warning => 4,
                Verdict::Fail => 5,
            }
        }
        if badness(other.verdict) > badness(self.verdict) {
            self.verdict = other.verdict;
            self.reason = other.reason;
        }
        self.deviations.extend(other.deviations);
        self
    }
}
