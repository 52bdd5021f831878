use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Connection;

/// A file that takes jobs: to look at, to keep, or to send by other means. It never answers.
#[derive(Debug)]
pub struct FileConnection {
    name: String,
    path: PathBuf,
    file: File,
}

impl FileConnection {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    ///
    /// From the operating system.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            name: format!("file:{}", path.display()),
            path: path.to_owned(),
            file: File::create(path)?,
        })
    }
}

impl Connection for FileConnection {
    fn name(&self) -> &str {
        &self.name
    }

    fn two_way(&self) -> bool {
        false
    }

    fn write_all(&mut self, bytes: &[u8], _within: Duration) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.flush()
    }

    fn read(&mut self, _buffer: &mut [u8], _within: Duration) -> io::Result<usize> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "a file does not answer",
        ))
    }

    /// Goes on at the end of what is there.
    fn reconnect(&mut self) -> io::Result<()> {
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_lies_in_the_file_and_reopening_appends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("job.prn");
        let mut file = FileConnection::create(&path).unwrap();
        file.write_all(b"one", Duration::ZERO).unwrap();
        file.reconnect().unwrap();
        file.write_all(b"two", Duration::ZERO).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"onetwo");
        assert!(!file.two_way());
        let error = file.read(&mut [0; 1], Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        let error = file.end_of_input().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    }
}
