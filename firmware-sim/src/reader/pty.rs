//! Pseudo-terminals, where Unix has them: a serial port whose other end is this program.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use ground::{Blame, Blamed};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use thiserror::Error;

/// How long to rest while nobody has the port open.
const REST: Duration = Duration::from_millis(20);

/// A serial port that other programs can open by its path.
#[derive(Debug)]
pub struct Pty {
    master: fs::File,
    path: PathBuf,
    link: Option<PathBuf>,
}

impl Pty {
    /// Makes one.
    ///
    /// # Errors
    ///
    /// [`PtyError::Open`].
    pub fn open() -> Result<Self, PtyError> {
        let open = || -> io::Result<(OwnedFd, PathBuf)> {
            let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
            grantpt(&master)?;
            unlockpt(&master)?;
            let name = ptsname(&master, Vec::new())?;
            let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes())).to_owned();
            // Until the host sets the line as it wants it, nothing is echoed or translated.
            let slave = fs::File::options().read(true).write(true).open(&path)?;
            let mut settings = tcgetattr(&slave)?;
            settings.make_raw();
            tcsetattr(&slave, OptionalActions::Now, &settings)?;
            Ok((master, path))
        };
        let (master, path) = open().map_err(|source| PtyError::Open { source })?;
        Ok(Self {
            master: master.into(),
            path,
            link: None,
        })
    }

    /// Makes a symbolic link to it, for a path that stays the same. An old link is replaced;
    /// anything else there is left alone.
    ///
    /// # Errors
    ///
    /// [`PtyError::Link`].
    pub fn link(mut self, link: &Path) -> Result<Self, PtyError> {
        let failed = |source| PtyError::Link {
            link: link.to_owned(),
            source,
        };
        match fs::symlink_metadata(link) {
            Ok(found) if found.file_type().is_symlink() => {
                fs::remove_file(link).map_err(failed)?;
            }
            Ok(_) => return Err(failed(io::ErrorKind::AlreadyExists.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        symlink(&self.path, link).map_err(failed)?;
        self.link = Some(link.to_owned());
        Ok(self)
    }

    /// The path to open: the link if there is one.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.link.as_deref().unwrap_or(&self.path)
    }

    /// Reads what has come within `within`; 0 when nothing came or nobody has the port open.
    ///
    /// # Errors
    ///
    /// From the operating system.
    pub fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize> {
        let limit = Timespec::try_from(within).map_err(io::Error::other)?;
        let ready = {
            let mut fds = [PollFd::new(&self.master, PollFlags::IN)];
            match poll(&mut fds, Some(&limit)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(0),
                Ok(_) => fds[0].revents(),
                Err(error) => return Err(error.into()),
            }
        };
        if !ready.contains(PollFlags::IN) {
            // Hung up: no other end at the moment.
            thread::sleep(REST);
            return Ok(0);
        }
        match self.master.read(buffer) {
            // What Linux says when the last of the other side has gone in between.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
                Ok(0)
            }
            done => done,
        }
    }

    /// The speed the other side has set, in baud.
    ///
    /// # Errors
    ///
    /// From the operating system.
    pub fn speed(&self) -> io::Result<u32> {
        Ok(tcgetattr(&self.master)?.output_speed())
    }

    /// Writes all bytes.
    ///
    /// # Errors
    ///
    /// From the operating system.
    pub fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.master.write_all(bytes)
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // Only if it is still ours: another simulator may have taken the place.
        if let Some(link) = &self.link
            && fs::read_link(link).is_ok_and(|target| target == self.path)
        {
            let _gone = fs::remove_file(link);
        }
    }
}

/// Why there is no pseudo-terminal.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PtyError {
    /// The operating system gives none.
    #[error("failed to open a pseudo-terminal: {source}")]
    Open {
        /// Its words.
        source: io::Error,
    },
    /// The link cannot be made.
    #[error("failed to make the link `{}`: {source}", link.display())]
    Link {
        /// Where it was to be.
        link: PathBuf,
        /// The operating system's words.
        source: io::Error,
    },
}

impl Blamed for PtyError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Open { .. } => "check that /dev/pts is mounted and not full",
                Self::Link { .. } => "name a path that does not exist yet, in a folder that does",
            }
            .to_owned(),
        )
    }
}
