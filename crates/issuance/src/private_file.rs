//! Files only their owner may read: the one place that knows how each system says so.
//!
//! On Unix a private file has mode 0600, and one that others may read is refused. Elsewhere the
//! file inherits the permissions of its folder, which the installer has to keep private.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// The most bytes a private file may have: a key ring with every series is a few thousand.
const MAX: u64 = 1024 * 1024;

/// Reads a private file as text.
///
/// # Errors
///
/// `PermissionDenied` when others may read it, too; `InvalidData` when it is too large or not
/// UTF-8; whatever the system reports.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    system::refuse_shared(&file)?;
    let mut content = Vec::new();
    file.take(MAX + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("the file has more than {MAX} bytes"),
        ));
    }
    String::from_utf8(content)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the file is not UTF-8"))
}

/// Writes a new private file, whole or not at all, durable when this returns.
///
/// # Errors
///
/// `AlreadyExists` when there is such a file; whatever the system reports.
pub(crate) fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    create_with(system::create_new, path, content)
}

/// As [`create`], for a file everybody may read.
///
/// # Errors
///
/// As [`create`].
pub(crate) fn create_public(path: &Path, content: &[u8]) -> io::Result<()> {
    create_with(|path| File::create_new(path), path, content)
}

fn create_with(open: fn(&Path) -> io::Result<File>, path: &Path, content: &[u8]) -> io::Result<()> {
    if path.try_exists()? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = Path::new(&unfinished);
    // Left behind by a crash, if it is there: it was never used.
    match std::fs::remove_file(unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = open(unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(unfinished, path)?;
    system::sync_folder(folder)
}

#[cfg(unix)]
mod system {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    use std::path::Path;

    pub(super) fn create_new(path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
    }

    pub(super) fn refuse_shared(file: &File) -> io::Result<()> {
        let mode = file.metadata()?.mode() & 0o777;
        if mode & 0o077 == 0 {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("others may read it (mode {mode:04o}); make it yours alone with `chmod 600`"),
        ))
    }

    pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }
}

#[cfg(not(unix))]
mod system {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::path::Path;

    pub(super) fn create_new(path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(path)
    }

    pub(super) fn refuse_shared(_: &File) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn sync_folder(_: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_created_is_read_back_and_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        create(&path, b"one").unwrap();
        assert_eq!(read(&path).unwrap(), "one");
        assert_eq!(
            create(&path, b"two").unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(read(&path).unwrap(), "one");
    }

    #[test]
    fn a_file_left_unfinished_by_a_crash_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret.new"), "half").unwrap();
        create(&folder.path().join("secret"), b"whole").unwrap();
        assert_eq!(read(&folder.path().join("secret")).unwrap(), "whole");
        assert!(!folder.path().join("secret.new").exists());
    }

    #[test]
    fn a_public_file_is_created_once_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("certificate");
        create_public(&path, b"one").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert!(create_public(&path, b"two").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_has_mode_0600_and_a_shared_one_is_refused() {
        use std::fs::Permissions;
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        create(&path, b"one").unwrap();
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let error = read(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(error.to_string().contains("mode 0640"), "{error}");
    }
}
