//! What operating systems show of services, drivers and ports. The only module of the doctor that
//! knows any of them.

use std::path::{Path, PathBuf};

use super::{Drivers, Reach};

#[cfg(target_os = "linux")]
mod linux;

/// Where to look for what the operating system shows.
#[derive(Clone, Debug)]
pub struct System {
    /// What paths begin with: `/`, or a folder with files to look at instead.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "only Linux is looked into")
    )]
    root: PathBuf,
}

impl System {
    /// This machine.
    #[must_use]
    pub fn this() -> Self {
        Self::at(Path::new("/"))
    }

    /// A folder that looks like the root of a machine.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// How far one gets on the way to the smart card service.
    pub(super) fn reach(&self) -> Reach {
        #[cfg(target_os = "linux")]
        return linux::reach(&self.root);
        #[cfg(not(target_os = "linux"))]
        Reach::Unknown
    }

    /// Drivers and readers, where this system shows them.
    pub(super) fn drivers(&self) -> Option<Drivers> {
        #[cfg(target_os = "linux")]
        return Some(linux::drivers(&self.root));
        #[cfg(not(target_os = "linux"))]
        None
    }

    /// The group a port belongs to, and whether the user is in it without the session knowing.
    pub(super) fn group_of(&self, port: &str) -> (Option<String>, bool) {
        #[cfg(target_os = "linux")]
        return linux::group_of(&self.root, port);
        #[cfg(not(target_os = "linux"))]
        {
            let _no_groups = port;
            (None, false)
        }
    }
}
