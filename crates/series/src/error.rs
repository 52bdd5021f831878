use ground::{Blame, Blamed};
use thiserror::Error;

/// Why a profile cannot be used.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ProfileError {
    /// The file or folder cannot be read.
    #[error("failed to read profile `{file}`: {detail}")]
    Unreadable {
        /// The file.
        file: String,
        /// The operating system's words.
        detail: String,
    },
    /// The text is no profile.
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
    /// The parts of a profile contradict one another.
    #[error("{file}:{line}: `{key}`: {detail}")]
    Inconsistent {
        /// The file.
        file: String,
        /// Line, from 1, where the key first stands.
        line: usize,
        /// The key or table.
        key: String,
        /// What is wrong.
        detail: String,
    },
    /// Two profiles have the same id.
    #[error("two profiles have the id `{id}`")]
    Duplicate {
        /// The id.
        id: String,
    },
    /// No profile of that id.
    #[error("no profile `{id}` (profiles: {})", known.join(", "))]
    Absent {
        /// The id asked for.
        id: String,
        /// The ids there are.
        known: Vec<String>,
    },
}

impl ProfileError {
    pub(crate) fn malformed(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let start = error.span().map_or(0, |span| span.start);
        let (line, column) = place(text, start);
        Self::Malformed {
            file: file.to_owned(),
            line,
            column,
            detail: error.message().replace('\n', ", "),
        }
    }

    pub(crate) fn inconsistent(file: &str, text: &str, key: &str, detail: String) -> Self {
        Self::Inconsistent {
            file: file.to_owned(),
            line: line_of(text, key),
            key: key.to_owned(),
            detail,
        }
    }
}

impl Blamed for ProfileError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Absent { .. } => Some("`cardwright series list` shows the profiles".to_owned()),
            Self::Duplicate { .. } => Some("give your own profile another id".to_owned()),
            _ => None,
        }
    }
}

/// Line and column, both from 1, of a byte offset.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

/// The first line that sets the key or opens a table of that name; 1 if none does.
fn line_of(text: &str, key: &str) -> usize {
    let sets = |line: &str| {
        let line = line.trim_start();
        match line.strip_prefix('[') {
            Some(table) => table
                .trim_start_matches('[')
                .split(']')
                .next()
                .is_some_and(|name| name.split('.').any(|part| part.trim() == key)),
            None => line
                .split_once('=')
                .is_some_and(|(name, _)| name.split('.').any(|part| part.trim() == key)),
        }
    };
    text.lines().position(sets).map_or(1, |index| index + 1)
}
