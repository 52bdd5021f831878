use std::fmt;

use iso7816::StatusWord;
use serde::Serialize;

use crate::{FilePath, KeyId};

/// Something wrong or strange in what a card holds: where, and what.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// The file.
    pub file: FilePath,
    /// Bytes from the start of the file, or of the record; `None` where it is about the whole.
    pub offset: Option<usize>,
    /// What.
    pub problem: Problem,
}

impl Finding {
    /// About a whole file.
    #[must_use]
    pub fn of(file: &FilePath, problem: Problem) -> Self {
        Self {
            file: file.clone(),
            offset: None,
            problem,
        }
    }

    /// About something at an offset in a file.
    #[must_use]
    pub fn at(file: &FilePath, offset: usize, problem: Problem) -> Self {
        Self {
            offset: Some(offset),
            ..Self::of(file, problem)
        }
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.problem.severity()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: file {}", self.severity(), self.file)?;
        if let Some(offset) = self.offset {
            write!(f, ", byte {offset}")?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// How bad a [`Finding`] is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Allowed, but worth knowing.
    Info,
    /// Other software may stumble over it.
    Warning,
    /// Wrong: something on the card cannot be used.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// What is wrong or strange.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Problem {
    /// A file that something refers to is not there.
    Absent,
    /// The card did not let the file be read.
    Unreadable {
        /// Its answer, as a number.
        #[serde(serialize_with = "status_word")]
        status: StatusWord,
    },
    /// The file holds less than its size says.
    ShorterThanStated {
        /// Bytes the card says it has.
        stated: usize,
        /// Bytes that could be read.
        actual: usize,
    },
    /// An element goes on beyond the end.
    Truncated {
        /// The element.
        element: &'static str,
        /// Bytes it should have.
        needed: usize,
        /// Bytes there are.
        left: usize,
    },
    /// A length field longer than its element can be, but right modulo 256: OpenSC writes elements
    /// above 255 bytes so.
    CutModulo256 {
        /// The element.
        element: &'static str,
        /// Bytes the length field says.
        stated: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// Bytes after the last element that are no filler.
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// An element has a value it cannot have.
    Unexpected {
        /// The element.
        element: &'static str,
        /// Expected and actual.
        detail: String,
    },
    /// A directory leads to itself.
    Loop,
    /// More entries than are read.
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// Not DER where DER was expected.
    NotDer {
        /// The element.
        element: &'static str,
        /// What the parser says.
        detail: String,
    },
    /// A certificate file that holds no certificate.
    NotACertificate {
        /// What the parser says.
        detail: String,
    },
    /// Two entries for the same thing.
    Duplicate {
        /// The thing.
        what: String,
    },
    /// An entry that refers to what is not there.
    Dangling {
        /// What it refers to.
        what: String,
    },
    /// Two places contradict each other.
    Contradiction {
        /// How.
        detail: String,
    },
    /// A key that can be used without the holder's passcode.
    NoPasscodeForKey {
        /// The key.
        key: KeyId,
        /// How it is known.
        detail: String,
    },
    /// Known to the format, but not understood here.
    NotUnderstood {
        /// What.
        what: String,
    },
}

impl Problem {
    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::NotUnderstood { .. } => Severity::Info,
            Self::Trailing { .. }
            | Self::CutModulo256 { .. }
            | Self::Duplicate { .. }
            | Self::Contradiction { .. } => Severity::Warning,
            Self::Absent
            | Self::Unreadable { .. }
            | Self::ShorterThanStated { .. }
            | Self::Truncated { .. }
            | Self::Unexpected { .. }
            | Self::Loop
            | Self::TooMany { .. }
            | Self::NotDer { .. }
            | Self::NotACertificate { .. }
            | Self::NoPasscodeForKey { .. }
            | Self::Dangling { .. } => Severity::Error,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("it is not there"),
            Self::Unreadable { status } => write!(f, "it cannot be read: {status}"),
            Self::ShorterThanStated { stated, actual } => {
                write!(f, "{actual} bytes, the card says {stated}")
            }
            Self::Truncated {
                element,
                needed,
                left,
            } => write!(f, "{element} of {needed} bytes, only {left} are left"),
            Self::CutModulo256 {
                element,
                stated,
                actual,
            } => write!(f, "{element} says {stated} bytes but has {actual}"),
            Self::Trailing { bytes } => write!(f, "{bytes} bytes after the last element"),
            Self::Unexpected { element, detail } => write!(f, "{element}: {detail}"),
            Self::Loop => f.write_str("it leads back to itself"),
            Self::TooMany { limit } => write!(f, "more than {limit} entries"),
            Self::NotDer { element, detail } => write!(f, "{element} is not DER: {detail}"),
            Self::NotACertificate { detail } => write!(f, "it is no certificate: {detail}"),
            Self::Duplicate { what } => write!(f, "two entries for {what}"),
            Self::Dangling { what } => write!(f, "it refers to {what}, which is not there"),
            Self::Contradiction { detail } => f.write_str(detail),
            Self::NoPasscodeForKey { key, detail } => {
                write!(f, "{key} signs without a passcode: {detail}")
            }
            Self::NotUnderstood { what } => write!(f, "{what} is not understood"),
        }
    }
}

/// What a lenient parser made of a file or record: the value as far as it could be understood,
/// what is wrong with it, and the bytes it came from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Parsed<T> {
    /// The value. Elements that could not be understood are absent from it.
    pub value: T,
    /// What is worth telling, in the order of the bytes.
    pub findings: Vec<Finding>,
    /// The bytes as they were read.
    pub raw: Vec<u8>,
}

fn status_word<S: serde::Serializer>(
    status: &StatusWord,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{:04X}", status.0))
}
