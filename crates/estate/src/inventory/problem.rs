use serde::Serialize;
use thiserror::Error;

/// Something wrong with the inventory itself, at a line.
#[derive(Clone, Debug, Eq, Error, PartialEq, Serialize)]
#[error("line {line}: {}{kind}", column.as_ref().map_or(String::new(), |name| format!("{name}: ")))]
pub struct Problem {
    /// Line, from 1.
    pub line: u64,
    /// The column, as the header names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What is wrong.
    #[serde(flatten)]
    pub kind: ProblemKind,
}

/// What is wrong with an inventory.
#[derive(Clone, Debug, Eq, Error, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "problem")]
#[non_exhaustive]
pub enum ProblemKind {
    /// A column nobody knows; it is not read.
    #[error("no such column, it is not read")]
    UnknownColumn,
    /// A column the header names twice; the first is read.
    #[error("the column stands there already, only the first is read")]
    ColumnTwice,
    /// A row without what tells it apart. It is called by its line.
    #[error("the row has no id")]
    NoId,
    /// An id that stood in an earlier row for the same series.
    #[error("`{id}` with this series stands in line {first} already; its cards count twice")]
    IdTwice {
        /// The id.
        id: String,
        /// That line.
        first: u64,
    },
    /// A row with more cells than the header.
    #[error("{found} cells where the header has {expected}; the last are not read")]
    TooManyCells {
        /// In the row.
        found: usize,
        /// In the header.
        expected: usize,
    },
    /// Bytes that are no UTF-8.
    #[error("the cell is no UTF-8 text; save the file as `CSV UTF-8`")]
    NotUtf8,
    /// A value that cannot be one; the cell is taken as empty.
    #[error("`{found}` is not {expected}; taken as not stated")]
    BadValue {
        /// What stands there, shortened.
        found: String,
        /// What can stand there.
        expected: &'static str,
    },
    /// A cell with more characters than any can have.
    #[error("the cell has more than {most} bytes; taken as not stated")]
    CellTooLong {
        /// The most bytes.
        most: usize,
    },
}
