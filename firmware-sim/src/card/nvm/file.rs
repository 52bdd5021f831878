//! A log in a file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Medium, StateError};

/// The file holds the log and nothing else. Each append is one write to the operating system:
/// the log survives the death of this process at any instant. It is not forced to the disk,
/// because the power failures that matter here are the simulated ones.
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    length: usize,
}

impl LogFile {
    /// Opens or creates it and locks it against other processes.
    pub(super) fn open(path: &Path) -> Result<Self, StateError> {
        let failed = |source| StateError::File {
            path: path.display().to_string(),
            source,
        };
        let file = private::options()
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StateError::InUse {
                    path: path.display().to_string(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let length = file.metadata().map_err(failed)?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            length: usize::try_from(length).map_err(|error| failed(io::Error::other(error)))?,
        })
    }
}

impl Medium for LogFile {
    fn read(&mut self) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.length));
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut bytes)?;
        self.length = bytes.len();
        Ok(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let end = self.length as u64;
        self.file.seek(SeekFrom::Start(end))?;
        if let Err(error) = self.file.write_all(bytes) {
            // Part of it may be there: take it back, or later records would follow garbage.
            self.file.set_len(end)?;
            return Err(error);
        }
        self.length += bytes.len();
        Ok(())
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        let mut file = private::options().create(true).truncate(true).open(&name)?;
        // Locked before it has the name others look for.
        file.try_lock()?;
        file.write_all(bytes)?;
        std::fs::rename(&name, &self.path)?;
        self.file = file;
        self.length = bytes.len();
        Ok(())
    }

    fn truncate(&mut self, length: usize) -> io::Result<()> {
        self.file.set_len(length as u64)?;
        self.length = length;
        Ok(())
    }

    fn length(&self) -> usize {
        self.length
    }
}

/// Files only their owner can read, where the system has such a thing.
mod private {
    use super::OpenOptions;

    pub(super) fn options() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        options
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_file_is_its_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("card");
        LogFile::open(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
