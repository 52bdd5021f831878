use std::io;

use ground::{Blame, Blamed};
use thiserror::Error;

/// Why a register cannot be used.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum RegisterError {
    /// The file cannot be read.
    #[error("failed to read register `{file}`: {detail}")]
    Unreadable {
        /// The file.
        file: String,
        /// The operating system's words.
        detail: String,
    },
    /// The text is no register.
    #[error("{file}:{line}:{column}: {detail}")]
    Malformed {
        /// The file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong there.
        detail: String,
    },
    /// The parts of the register contradict one another.
    #[error("{file}:{line}: `{entry}`: {detail}")]
    Inconsistent {
        /// The file.
        file: String,
        /// Line, from 1, where the entry begins.
        line: usize,
        /// The id of the entry.
        entry: String,
        /// What is wrong.
        detail: String,
    },
}

impl Blamed for RegisterError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } => None,
            _ => Some("the README of cardwright-estate describes the register".to_owned()),
        }
    }
}

/// Why an inventory cannot be read at all. What is wrong in one row is a
/// [`Problem`](crate::Problem) instead.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InventoryError {
    /// The file cannot be read.
    #[error("failed to read the inventory: {0}")]
    Read(#[from] io::Error),
    /// A zero byte: UTF-16, or the file of an office program.
    #[error("line {line}: the inventory is no UTF-8 text")]
    NotText {
        /// Line, from 1.
        line: u64,
    },
    /// Nothing in it.
    #[error("the inventory is empty")]
    Empty,
    /// The header names no column that tells the rows apart.
    #[error("line {line}: no column `id`; the header names {}", named.join(", "))]
    NoId {
        /// Line, from 1.
        line: u64,
        /// What the header names.
        named: Vec<String>,
    },
    /// A row longer than any can be: a quotation mark that is never closed.
    #[error("line {line}: the row has more than {most} bytes; is a quotation mark left open?")]
    RowTooLong {
        /// Line, from 1.
        line: u64,
        /// The most bytes a row may have.
        most: usize,
    },
}

impl Blamed for InventoryError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Read(_) => "name a file that can be read",
                Self::NotText { .. } => "save it as `CSV UTF-8`",
                Self::Empty | Self::NoId { .. } => {
                    "the first line names the columns; examples/inventory.csv shows them all"
                }
                Self::RowTooLong { .. } => "close the quotation mark in that row",
            }
            .to_owned(),
        )
    }
}
