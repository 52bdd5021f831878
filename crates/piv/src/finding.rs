use std::fmt;

use serde::Serialize;

/// Something worth telling about a card: what it says, how bad that is, and which clause says so.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The standard, its part and section.
    pub clause: &'static str,
    /// What was found, and what was expected.
    pub message: String,
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

    fn new(severity: Severity, clause: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity,
            clause,
            message: message.into(),
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
}
