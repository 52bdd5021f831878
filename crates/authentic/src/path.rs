use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::words::MASTER_FILE;

/// A file on the card by the identifiers that lead to it, the master file first.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FilePath(Vec<u16>);

impl FilePath {
    /// Levels below the master file a path may have.
    pub const MAX_DEPTH: usize = 8;

    /// The master file.
    #[must_use]
    pub fn master() -> Self {
        Self(vec![MASTER_FILE])
    }

    /// From the identifiers below the master file.
    #[must_use]
    pub fn below_master(identifiers: &[u16]) -> Self {
        let mut path = vec![MASTER_FILE];
        path.extend_from_slice(identifiers);
        Self(path)
    }

    /// A file in this one.
    #[must_use]
    pub fn child(&self, identifier: u16) -> Self {
        let mut path = self.0.clone();
        path.push(identifier);
        Self(path)
    }

    /// The dedicated file this one is in; `None` of the master file.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, parent) = self.0.split_last()?;
        (!parent.is_empty()).then(|| Self(parent.to_vec()))
    }

    /// The file's own identifier.
    #[must_use]
    pub fn identifier(&self) -> u16 {
        self.0.last().copied().unwrap_or(MASTER_FILE)
    }

    /// All identifiers, the master file first.
    #[must_use]
    pub fn identifiers(&self) -> &[u16] {
        &self.0
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (level, identifier) in self.0.iter().enumerate() {
            if level > 0 {
                f.write_str("/")?;
            }
            write!(f, "{identifier:04X}")?;
        }
        Ok(())
    }
}

impl FromStr for FilePath {
    type Err = FilePathError;

    fn from_str(text: &str) -> Result<Self, FilePathError> {
        let path: Vec<u16> = text
            .split('/')
            .map(|part| {
                let digits = part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
                u16::from_str_radix(part, 16)
                    .ok()
                    .filter(|_| digits)
                    .ok_or(FilePathError::Identifier)
            })
            .collect::<Result<_, _>>()?;
        if path.first() != Some(&MASTER_FILE) {
            return Err(FilePathError::Root);
        }
        if path.len() > Self::MAX_DEPTH + 1 {
            return Err(FilePathError::Depth);
        }
        Ok(Self(path))
    }
}

impl Serialize for FilePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a text is no file path.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum FilePathError {
    /// A part that is not four hex digits.
    #[error("a file path is of parts of four hex digits with `/` between them")]
    Identifier,
    /// It does not start at the master file.
    #[error("a file path starts at the master file, `3F00`")]
    Root,
    /// Deeper than any card has files.
    #[error("a file path has at most 8 parts below the master file")]
    Depth,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_shown_with_slashes() {
        let path = FilePath::below_master(&[0x5011]).child(0x1000);
        assert_eq!(path.to_string(), "3F00/5011/1000");
        assert_eq!(path.identifier(), 0x1000);
        assert_eq!(path.parent().unwrap().to_string(), "3F00/5011");
        assert_eq!(FilePath::master().parent(), None);
        assert_eq!("5011/1000".parse::<FilePath>(), Err(FilePathError::Root));
        assert_eq!(
            "3F00/+101".parse::<FilePath>(),
            Err(FilePathError::Identifier)
        );
    }

    proptest! {
        #[test]
        fn a_path_reads_back_from_its_display(identifiers in proptest::collection::vec(any::<u16>(), 0..=8)) {
            let path = FilePath::below_master(&identifiers);
            prop_assert_eq!(path.to_string().parse::<FilePath>().unwrap(), path);
        }

        #[test]
        fn any_text_parses_or_gives_a_typed_error(text in ".{0,60}") {
            let _ = text.parse::<FilePath>();
        }
    }
}
