use std::path::Path;

use crate::{Profile, ProfileError};

/// The profiles a program knows: the built-in ones and those an engineer added.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Profiles(Vec<Profile>);

/// File name and text of the built-in profiles, in the order of listings.
const BUILTIN: [(&str, &str); 7] = [
    ("series-4.toml", include_str!("../profiles/series-4.toml")),
    ("series-5.toml", include_str!("../profiles/series-5.toml")),
    ("series-6.toml", include_str!("../profiles/series-6.toml")),
    ("series-8.toml", include_str!("../profiles/series-8.toml")),
    ("series-9.toml", include_str!("../profiles/series-9.toml")),
    ("series-10.toml", include_str!("../profiles/series-10.toml")),
    (
        "generic-piv.toml",
        include_str!("../profiles/generic-piv.toml"),
    ),
];

impl Profiles {
    /// The id of the profile for PIV cards of no known series.
    pub const GENERIC_PIV: &'static str = "generic-piv";

    /// Series 4, 5, 6, 8, 9, 10 and PIV cards of no known series.
    #[must_use]
    pub fn builtin() -> Self {
        let parse = |(file, text)| {
            Profile::parse(file, text).expect("the tests read every built-in profile")
        };
        Self(BUILTIN.into_iter().map(parse).collect())
    }

    /// Adds a profile, in place of a built-in one if it has the same id.
    pub fn put(&mut self, profile: Profile) {
        match self.0.iter_mut().find(|known| known.id == profile.id) {
            Some(known) => *known = profile,
            None => self.0.push(profile),
        }
    }

    /// Adds every `*.toml` of a folder, in the order of their names.
    ///
    /// # Errors
    ///
    /// [`ProfileError::Unreadable`] for the folder, whatever [`Profile::load`] says of a file, and
    /// [`ProfileError::Duplicate`] when two files of the folder have the same id.
    pub fn put_folder(&mut self, folder: impl AsRef<Path>) -> Result<(), ProfileError> {
        let folder = folder.as_ref();
        let unreadable = |error: std::io::Error| ProfileError::Unreadable {
            file: folder.display().to_string(),
            detail: error.to_string(),
        };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                files.push(path);
            }
        }
        files.sort();
        let mut seen: Vec<String> = Vec::new();
        for file in files {
            let profile = Profile::load(file)?;
            if seen.contains(&profile.id) {
                return Err(ProfileError::Duplicate { id: profile.id });
            }
            seen.push(profile.id.clone());
            self.put(profile);
        }
        Ok(())
    }

    /// The profile with this id, or of the NHS series with this number: `series-10` or `10`.
    ///
    /// # Errors
    ///
    /// [`ProfileError::Absent`].
    pub fn get(&self, id: &str) -> Result<&Profile, ProfileError> {
        let number = id.parse::<u8>().ok();
        self.iter()
            .find(|profile| profile.id == id)
            .or_else(|| {
                self.iter()
                    .find(|profile| number.is_some() && profile.series == number)
            })
            .ok_or_else(|| ProfileError::Absent {
                id: id.to_owned(),
                known: self.iter().map(|profile| profile.id.clone()).collect(),
            })
    }

    /// All of them, in the order of listings.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.0.iter()
    }
}

impl Default for Profiles {
    fn default() -> Self {
        Self::builtin()
    }
}
