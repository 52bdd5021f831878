use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use ground::{Blame, Blamed};
use thiserror::Error;

use crate::store::CardId;

/// The folder a station keeps everything in.
///
/// | path | what |
/// |---|---|
/// | `journal.db` | the journal |
/// | `keys.toml` | the key ring |
/// | `authority/` | the test authority |
/// | `transcripts/` | one redacted transcript for each card |
/// | `faces/` | the face of each card as it was sent to the printer |
/// | `issuing.lock` | held by the one program that issues |
#[derive(Debug)]
pub struct DataDir {
    root: PathBuf,
    /// Released by the system when the program ends, however it ends.
    _lock: File,
}

impl DataDir {
    /// Opens the folder, or makes it, and keeps every other program from issuing with it.
    ///
    /// # Errors
    ///
    /// [`DataDirError`].
    pub fn open(root: &Path) -> Result<Self, DataDirError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| DataDirError::File { path, source }
        };
        for folder in [root, &root.join("transcripts"), &root.join("faces")] {
            std::fs::create_dir_all(folder).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                    DataDirError::NotAFolder {
                        path: folder.to_owned(),
                    }
                }
                _ => failed(folder)(error),
            })?;
        }
        let path = root.join("issuing.lock");
        let lock = File::options()
            .create(true)
            .write(true)
            .truncate(false)
            .open(&path)
            .map_err(failed(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                root: root.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse {
                root: root.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(DataDirError::File { path, source }),
        }
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.root.join("journal.db")
    }

    /// The key ring.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys.toml")
    }

    /// The folder of the test authority.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.root.join("authority")
    }

    /// The transcript of a card, relative to the folder.
    #[must_use]
    pub fn transcript(&self, card: CardId) -> PathBuf {
        Path::new("transcripts").join(format!("card-{card}.jsonl"))
    }

    /// The face of a card, relative to the folder.
    #[must_use]
    pub fn face(&self, card: CardId) -> PathBuf {
        Path::new("faces").join(format!("card-{card}.png"))
    }

    /// A path in the folder.
    #[must_use]
    pub fn join(&self, relative: &Path) -> PathBuf {
        self.root.join(relative)
    }
}

/// Why the folder cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// A folder or file cannot be made or opened.
    #[error("data directory: `{path}`: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// A file is where a folder should be.
    #[error("data directory: `{path}` is, or lies below, a file that is no folder")]
    NotAFolder {
        /// Which.
        path: PathBuf,
    },
    /// Two programs would spoil each other's cards.
    #[error("data directory `{root}` is in use: another program issues cards with it")]
    InUse {
        /// The folder.
        root: PathBuf,
    },
}

impl Blamed for DataDirError {
    fn blame(&self) -> Blame {
        Blame::StoreFault
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::File { .. } => {
                    "check the path, the room on the disk and the permissions of the data directory"
                }
                Self::NotAFolder { .. } => "name a folder, or a path where one can be made",
                Self::InUse { .. } => "wait for the other program to end, or name another folder",
            }
            .to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_the_place_of_the_folder_is_said_to_be_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        for path in [file.clone(), file.join("below")] {
            let error = DataDir::open(&path).unwrap_err();
            assert!(
                matches!(&error, DataDirError::NotAFolder { path: named } if *named == path),
                "{error}"
            );
        }
    }

    #[test]
    fn only_one_program_issues_with_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataDir::open(folder.path()).unwrap();
        assert!(matches!(
            DataDir::open(folder.path()),
            Err(DataDirError::InUse { .. })
        ));
        drop(first);
        assert!(DataDir::open(folder.path()).is_ok());
    }
}
