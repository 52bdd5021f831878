use std::io;

use ground::{Blame, Blamed};
use thiserror::Error;

/// Why an image could not be read or written. Each says which file it is about.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The file or folder cannot be read.
    #[error("failed to read `{file}`: {source}")]
    Unreadable {
        /// The file or folder.
        file: String,
        /// The operating system's words.
        source: io::Error,
    },
    /// The file has more bytes than any such file needs.
    #[error("`{file}` has more than {most} bytes")]
    TooLarge {
        /// The file.
        file: String,
        /// The most that is read.
        most: usize,
    },
    /// The folder has no file of a card image.
    #[error("folder `{file}` holds no card image: no file is named as `8 - CHUID Object`")]
    NoImage {
        /// The folder.
        file: String,
    },
    /// A number before the dash that stands for no object.
    #[error("`{file}` is of no data object: number {number} has no meaning in a card image")]
    UnknownNumber {
        /// The file.
        file: String,
        /// The number before the dash.
        number: String,
    },
    /// Two files of one object.
    #[error("`{file}` is a second file of {what}")]
    Duplicate {
        /// The file.
        file: String,
        /// The object or key.
        what: String,
    },
    /// The file is not what its name says.
    #[error("`{file}` is {expected}: {detail}")]
    Malformed {
        /// The file.
        file: String,
        /// What it should be, negated: `no PEM certificate`.
        expected: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// The key file does not open with the empty password.
    #[error("`{file}` does not open with the empty password, or is damaged")]
    Password {
        /// The file.
        file: String,
    },
    /// The capture file is of another version.
    #[error("`{file}` is a capture of schema {actual}, expected {expected}")]
    Schema {
        /// The file.
        file: String,
        /// The version it says.
        actual: u64,
        /// The version this program reads.
        expected: u64,
    },
    /// There is such a file already.
    #[error("`{file}` exists already")]
    Exists {
        /// The file.
        file: String,
    },
    /// The file cannot be written.
    #[error("failed to write `{file}`: {source}")]
    Unwritable {
        /// The file.
        file: String,
        /// The operating system's words.
        source: io::Error,
    },
}

impl Blamed for ImageError {
    fn blame(&self) -> Blame {
        match self {
            Self::Unwritable { .. } => Blame::StoreFault,
            _ => Blame::OperatorMistake,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unreadable { .. } => "check the path and its permissions",
            Self::NoImage { .. } | Self::UnknownNumber { .. } | Self::Duplicate { .. } => {
                "an image folder has one file per data object, named `NUMBER - NAME`"
            }
            Self::Schema { .. } => "take the capture again with this program",
            Self::Exists { .. } => "name another file, or say that it is to be replaced",
            Self::Unwritable { .. } => "check the folder, its permissions and the space left",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
