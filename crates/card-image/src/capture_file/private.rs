//! A new file only its owner may read: a capture holds personal data, and with the passcode
//! biometrics. The one place that knows how each system says so.

use std::fs::File;
use std::io;
use std::path::Path;

/// Creates a file that was not there, with mode 0600.
#[cfg(unix)]
pub(super) fn create_new(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Creates a file that was not there; it inherits the permissions of its folder.
#[cfg(not(unix))]
pub(super) fn create_new(path: &Path) -> io::Result<File> {
    File::create_new(path)
}
