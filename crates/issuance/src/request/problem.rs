use std::fmt;
use std::io;
use std::path::PathBuf;

use face::PhotoError;
use ground::{Blame, Blamed};
use thiserror::Error;

use super::{COLUMNS, MAX_FILE_SIZE, MAX_NAME, MAX_ORGANISATION, RequestIdError, UserIdError};

/// Why a file of requests was not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RequestsError {
    /// The file cannot be read.
    #[error("failed to read requests from `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        source: io::Error,
    },
    /// The file is too large to be a list of requests.
    #[error("`{path}` has {bytes} bytes, at most {MAX_FILE_SIZE} are read")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
    },
    /// The content has faults. All of them are listed.
    #[error("`{path}` cannot be used:{}", list(problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Every problem, in the order of the file.
        problems: Vec<Problem>,
    },
}

impl Blamed for RequestsError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Read { .. } => "check the path and the permissions of the file".to_owned(),
            Self::TooLarge { .. } => "divide the file into smaller ones".to_owned(),
            Self::Invalid { .. } => {
                "correct the rows named above and start again; nothing has been issued".to_owned()
            }
        })
    }
}

/// One fault of a file of requests.
#[derive(Debug)]
pub struct Problem {
    /// The line the row starts on, the header being row 1.
    pub row: u64,
    /// The column, if one is to blame.
    pub column: Option<&'static str>,
    /// What is wrong.
    pub kind: ProblemKind,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, self.row, self.column)?;
        self.kind.fmt(f)
    }
}

/// What is wrong with a file of requests.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProblemKind {
    /// No header and no rows.
    #[error(
        "the file is empty; the first row must name the columns: {}",
        columns()
    )]
    NoHeader,
    /// A file that is no text, such as a spreadsheet or a picture.
    #[error("the file is no text; save it as CSV with the encoding UTF-8")]
    NotText,
    /// A header and no rows.
    #[error("there are no requests below the header")]
    NoRequests,
    /// One column, with semicolons or tabs inside.
    #[error("the columns are separated by {found}; save the file with commas between the columns")]
    WrongDelimiter {
        /// What separates them.
        found: &'static str,
    },
    /// The header names a column nobody knows.
    #[error("unknown column `{column}`; known columns: {}", columns())]
    UnknownColumn {
        /// As written.
        column: String,
    },
    /// The header names a column twice.
    #[error("the column is named twice")]
    RepeatedColumn,
    /// The header lacks a column.
    #[error("the column is missing")]
    MissingColumn,
    /// A row has more or fewer fields than the header.
    #[error("the row has {actual} fields, the header has {expected}")]
    FieldCount {
        /// Fields of the row.
        actual: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// Bytes that are not UTF-8.
    #[error("the text is not UTF-8; save the file with the encoding UTF-8")]
    NotUtf8,
    /// Nothing but spaces.
    #[error("the field is empty")]
    Empty,
    /// Line breaks, tabs or other characters that cannot be printed.
    #[error("the text contains a line break or another control character")]
    ControlCharacter,
    /// A bad reference.
    #[error("`{text}` is no request reference: {source}")]
    Reference {
        /// As written.
        text: String,
        /// The rule.
        source: RequestIdError,
    },
    /// A reference used before.
    #[error("request `{text}` stands in row {other} already")]
    RepeatedReference {
        /// The reference.
        text: String,
        /// Where it was first.
        other: u64,
    },
    /// A bad user number.
    #[error("`{text}` is no UUID: {source}")]
    User {
        /// As written.
        text: String,
        /// The rule.
        source: UserIdError,
    },
    /// A user named before.
    #[error("UUID `{text}` stands in row {other} already; a person gets one card")]
    RepeatedUser {
        /// The number.
        text: String,
        /// Where it was first.
        other: u64,
    },
    /// A name too long to certify.
    #[error(
        "the name has {actual} characters, at most {MAX_NAME} fit beside the UUID in a certificate"
    )]
    NameTooLong {
        /// Its characters.
        actual: usize,
    },
    /// An organisation too long to certify.
    #[error("the organisation has {actual} characters, at most {MAX_ORGANISATION} are allowed")]
    OrganisationTooLong {
        /// Its characters.
        actual: usize,
    },
    /// A photo that cannot be used.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// A series that is no number.
    #[error("`{text}` is no series; write a number such as 9 or 10, or leave the field empty")]
    Series {
        /// As written.
        text: String,
    },
}

/// Something to look at that prevents nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Warning {
    /// The line the row starts on, the header being row 1.
    pub row: u64,
    /// The column.
    pub column: Option<&'static str>,
    /// What to look at.
    pub kind: WarningKind,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, self.row, self.column)?;
        self.kind.fmt(f)
    }
}

/// What to look at.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum WarningKind {
    /// The last digit of a user number is not the one the others call for.
    #[error(
        "UUID `{text}` ends in {actual}, the other digits call for {expected}; is it mistyped?"
    )]
    CheckDigit {
        /// The number.
        text: String,
        /// Its last digit.
        actual: u8,
        /// The digit called for.
        expected: u8,
    },
}

fn write_place(f: &mut fmt::Formatter<'_>, row: u64, column: Option<&str>) -> fmt::Result {
    match column {
        Some(column) => write!(f, "row {row}, column `{column}`: "),
        None => write!(f, "row {row}: "),
    }
}

fn columns() -> String {
    COLUMNS.map(|column| format!("`{column}`")).join(", ")
}

fn list(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(|problem| format!("\n  {problem}"))
        .collect()
}
