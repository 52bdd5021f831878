//! Who a card is for and what goes on it.
//!
//! Requests come from a CSV file written by a person, so a file with faults is answered with all
//! of them at once, each with its row and column, and nothing of it is used.

mod csv_file;
mod problem;
mod user_id;

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use csv_file::{COLUMNS, MAX_FILE_SIZE};
pub use problem::{Problem, ProblemKind, RequestsError, Warning, WarningKind};
pub use user_id::{UserId, UserIdError};

/// The most characters a name may have.
///
/// The common name of a certificate holds 64 characters (RFC 5280, appendix A,
/// ub-common-name) and starts with the 12 digits of the user and an underscore.
pub const MAX_NAME: usize = 51;

/// The most characters an organisation may have (RFC 5280, appendix A, ub-organization-name).
pub const MAX_ORGANISATION: usize = 64;

/// One person's card, as asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// The reference of whoever asks; unique.
    pub id: RequestId,
    /// The user; at most one live card each.
    pub user: UserId,
    /// The name as it is printed and certified, at most [`MAX_NAME`] characters.
    pub name: String,
    /// The photo, as a path that can be opened from here.
    pub photo: PathBuf,
    /// The organisation, at most [`MAX_ORGANISATION`] characters.
    pub organisation: String,
    /// The series asked for (`10`), or none: any series that may be issued.
    pub series: Option<u8>,
}

/// The requests of one file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Requests {
    /// In the order of the file.
    pub requests: Vec<Request>,
    /// What a person should look at; nothing of it prevents issuing.
    pub warnings: Vec<Warning>,
}

impl Requests {
    /// Reads a CSV file. Photo paths count from the folder the file lies in.
    ///
    /// The first row names the columns, in any order: `request`, `uuid`, `name`, `photo`,
    /// `organisation` and optionally `series`. UTF-8, with or without a byte-order mark.
    ///
    /// # Errors
    ///
    /// [`RequestsError::Read`] and [`RequestsError::TooLarge`] for the file,
    /// [`RequestsError::Invalid`] with every problem of its content.
    pub fn read_csv(path: &Path) -> Result<Self, RequestsError> {
        csv_file::read(path)
    }
}

/// What can be used of a file of requests, and what is wrong with the rest.
///
/// For looking at a file, not for issuing: [`Requests::read_csv`] takes a file as a whole or not.
#[derive(Debug, Default)]
pub struct Survey {
    /// The requests without a problem, each with the line its row starts on, in the order of the
    /// file. Their photos have not been looked at.
    pub requests: Vec<(u64, Request)>,
    /// What is wrong with the other rows.
    pub problems: Vec<Problem>,
    /// What a person should look at.
    pub warnings: Vec<Warning>,
}

impl Survey {
    /// Reads a CSV file as [`Requests::read_csv`] does, but goes on where a row has a problem, and
    /// leaves the photos alone.
    ///
    /// # Errors
    ///
    /// [`RequestsError::Read`] and [`RequestsError::TooLarge`] for the file,
    /// [`RequestsError::Invalid`] if no row can be read, for want of text or of a header.
    pub fn read_csv(path: &Path) -> Result<Self, RequestsError> {
        csv_file::survey(path)
    }
}

/// The reference of a request: 1 to 40 letters, digits, `-`, `_` and `.`, starting with a letter
/// or digit, so that it can name files.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId(String);

impl RequestId {
    /// The most characters of a reference.
    pub const MAX: usize = 40;

    /// Checks a reference.
    ///
    /// # Errors
    ///
    /// [`RequestIdError`] when it has another form.
    pub fn new(text: impl Into<String>) -> Result<Self, RequestIdError> {
        let text = text.into();
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if text.len() <= Self::MAX
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(allowed)
        {
            Ok(Self(text))
        } else {
            Err(RequestIdError)
        }
    }

    /// The reference as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A reference of another form.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error(
    "a request reference is 1 to {} letters, digits, `-`, `_` or `.` and starts with a letter or digit",
    RequestId::MAX
)]
pub struct RequestIdError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_can_always_name_a_file() {
        for good in ["R1", "2026-0007", "a.b_c", &"x".repeat(40)] {
            assert!(RequestId::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            ".hidden",
            "-x",
            "a/b",
            "..",
            "a b",
            "é",
            &"x".repeat(41),
        ] {
            assert!(RequestId::new(bad).is_err(), "{bad}");
        }
    }
}
