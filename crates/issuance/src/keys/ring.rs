use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use authentic::secrets::OfficerPasscode;
use globalplatform::scp03::{AesKey, KeyLengthError, StaticKeys};
use ground::{Ambient, Blame, Blamed};
use piv::secrets::{AdminKey, Passcode, Puk, SecretError};
use piv::words::Algorithm;
use serde::Deserialize;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::kdf::{self, MasterKey};
use crate::private_file;
use crate::store::BlankNumber;

/// The secrets of an issuer: master keys, and the transport secrets of blanks.
///
/// Kept as a TOML file only its owner may read:
///
/// ```toml
/// version = 1
/// purpose = "test"            # or "live"
/// name = "test-1a2b3c4d"      # goes into the journal, so that a card's keys can be found again
/// admin-master = "…"          # 32 bytes in hexadecimal
/// puk-master = "…"            # 32 bytes in hexadecimal
/// manager-master = "…"        # 32 bytes; only where profiles have card managers' keys replaced
///
/// [[transport]]               # one for each kind of blank
/// series = "series-10"        # the profile's id, or "*" for any not named
/// admin-algorithm = "aes-192" # 3des, aes-128, aes-192, aes-256
/// admin-key = "…"             # hexadecimal
/// passcode = "123456"
/// puk = "12345678"            # 8 characters
/// officer-passcode = "…"      # of AuthentIC blanks; only where profiles use it
/// manager-keys = ["…", "…", "…"] # Key-ENC, Key-MAC, Key-DEK of the card manager, or one for all;
///                             # only where profiles use it
/// ```
pub struct KeyRing {
    purpose: Purpose,
    name: String,
    admin_master: MasterKey,
    puk_master: MasterKey,
    manager_master: Option<MasterKey>,
    transport: Vec<Transport>,
}

/// What a key ring may be used for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Simulated cards and test cards: the values may be known to anybody.
    Test,
    /// Cards for people.
    Live,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Test => "test",
            Self::Live => "live",
        })
    }
}

/// The secrets a kind of blank is delivered with.
#[derive(Clone)]
pub struct Transport {
    series: String,
    admin_key: AdminKey,
    passcode: Passcode,
    puk: Puk,
    officer_passcode: Option<OfficerPasscode>,
    manager_keys: Option<StaticKeys>,
}

impl Transport {
    /// The administration key.
    #[must_use]
    pub fn admin_key(&self) -> &AdminKey {
        &self.admin_key
    }

    /// The passcode.
    #[must_use]
    pub fn passcode(&self) -> &Passcode {
        &self.passcode
    }

    /// The PUK.
    #[must_use]
    pub fn puk(&self) -> &Puk {
        &self.puk
    }

    /// The security officer's passcode of AuthentIC blanks.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::NoOfficerPasscode`] when the ring has none for these blanks.
    pub fn officer_passcode(&self) -> Result<&OfficerPasscode, KeyRingError> {
        let missing = || KeyRingError::NoOfficerPasscode {
            series: self.series.clone(),
        };
        self.officer_passcode.as_ref().ok_or_else(missing)
    }

    /// The keys of the card manager, or the master keys they are made from.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::NoManagerKeys`] when the ring has none for these blanks.
    pub fn manager_keys(&self) -> Result<&StaticKeys, KeyRingError> {
        let missing = || KeyRingError::NoManagerKeys {
            what: format!(
                "`manager-keys` in the transport secrets of `{}`",
                self.series
            ),
        };
        self.manager_keys.as_ref().ok_or_else(missing)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transport({}, ..)", self.series)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({}, {}, ..)", self.name, self.purpose)
    }
}

impl KeyRing {
    /// Reads a key ring.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::File`] when it cannot be read or others may read it,
    /// [`KeyRingError::Content`] when it is malformed. No error shows a secret.
    pub fn open(path: &Path) -> Result<Self, KeyRingError> {
        let text = private_file::read(path).map_err(|source| KeyRingError::File {
            path: path.to_owned(),
            source,
        })?;
        let text = Zeroizing::new(text);
        Self::parse(&text).map_err(|detail| KeyRingError::Content {
            path: path.to_owned(),
            detail,
        })
    }

    /// Reads the key ring, or creates one for tests if there is none: random master keys, and the
    /// published transport values simulated blanks come with.
    ///
    /// # Errors
    ///
    /// As [`KeyRing::open`].
    pub fn open_or_create_test(path: &Path, ambient: &dyn Ambient) -> Result<Self, KeyRingError> {
        let text = Zeroizing::new(test_ring(ambient));
        match private_file::create(path, text.as_bytes()) {
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
                Err(KeyRingError::File {
                    path: path.to_owned(),
                    source,
                })
            }
            _ => Self::open(path),
        }
    }

    /// What the ring may be used for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The ring's name, for the journal.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes sure that test keys never get on cards for people, nor live keys on test cards.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::WrongPurpose`].
    pub fn permit(&self, station: &str, purpose: Purpose) -> Result<(), KeyRingError> {
        if self.purpose == purpose {
            return Ok(());
        }
        Err(KeyRingError::WrongPurpose {
            ring: self.purpose,
            station: station.to_owned(),
            station_purpose: purpose,
        })
    }

    /// The administration key of the card made of that blank.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::Derived`].
    pub fn admin_key(
        &self,
        algorithm: Algorithm,
        blank: &BlankNumber,
    ) -> Result<AdminKey, KeyRingError> {
        Ok(kdf::admin_key(
            &self.admin_master,
            algorithm,
            &blank.bytes(),
        )?)
    }

    /// The PUK of the card made of that blank.
    #[must_use]
    pub fn puk(&self, blank: &BlankNumber) -> Puk {
        kdf::puk(&self.puk_master, &blank.bytes())
    }

    /// The officer's passcode of the AuthentIC card made of that blank, of that many characters.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::Officer`] for a length no officer's passcode has.
    pub fn officer_passcode(
        &self,
        blank: &BlankNumber,
        length: u8,
    ) -> Result<OfficerPasscode, KeyRingError> {
        Ok(kdf::officer_passcode(
            &self.puk_master,
            &blank.bytes(),
            length,
        )?)
    }

    /// The card manager's keys of the card made of that blank, each of `length` bytes.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::NoManagerKeys`] when the ring has no master key for them.
    pub fn manager_keys(
        &self,
        length: usize,
        blank: &BlankNumber,
    ) -> Result<StaticKeys, KeyRingError> {
        let master = self
            .manager_master
            .as_ref()
            .ok_or_else(|| KeyRingError::NoManagerKeys {
                what: "`manager-master`".to_owned(),
            })?;
        Ok(kdf::manager_keys(master, length, &blank.bytes())?)
    }

    /// The secrets blanks of a series are delivered with.
    ///
    /// # Errors
    ///
    /// [`KeyRingError::NoTransport`] when the ring has none for the series.
    pub fn transport(&self, series: &str) -> Result<&Transport, KeyRingError> {
        let with = |name: &str| self.transport.iter().find(|entry| entry.series == name);
        with(series)
            .or_else(|| with("*"))
            .ok_or_else(|| KeyRingError::NoTransport {
                series: series.to_owned(),
                known: self
                    .transport
                    .iter()
                    .map(|entry| format!("`{}`", entry.series))
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }

    fn parse(text: &str) -> Result<Self, String> {
        // The parser's own message quotes the line, which may be a key.
        let file: RingFile = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| {
                text[..span.start.min(text.len())].matches('\n').count() + 1
            });
            format!("line {line} is not as a key ring has it")
        })?;
        if file.version != 1 {
            return Err(format!(
                "version {}, this program reads version 1",
                file.version
            ));
        }
        let transport = file
            .transport
            .iter()
            .map(|entry| {
                entry
                    .parse()
                    .map_err(|detail| format!("transport secrets of `{}`: {detail}", entry.series))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            purpose: file.purpose,
            name: file.name.clone(),
            admin_master: master("admin-master", &file.admin_master)?,
            puk_master: master("puk-master", &file.puk_master)?,
            manager_master: file
                .manager_master
                .as_ref()
                .map(|text| master("manager-master", text))
                .transpose()?,
            transport,
        })
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RingFile {
    version: u32,
    purpose: Purpose,
    name: String,
    admin_master: Secret,
    puk_master: Secret,
    #[serde(default)]
    manager_master: Option<Secret>,
    #[serde(default)]
    transport: Vec<TransportEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TransportEntry {
    series: String,
    admin_algorithm: String,
    admin_key: Secret,
    passcode: Secret,
    puk: Secret,
    #[serde(default)]
    officer_passcode: Option<Secret>,
    #[serde(default)]
    manager_keys: Vec<Secret>,
}

#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
struct Secret(String);

impl TransportEntry {
    fn parse(&self) -> Result<Transport, String> {
        let algorithm = match self.admin_algorithm.as_str() {
            "3des" => Algorithm::TripleDes,
            "aes-128" => Algorithm::Aes128,
            "aes-192" => Algorithm::Aes192,
            "aes-256" => Algorithm::Aes256,
            other => {
                return Err(format!(
                    "unknown algorithm `{other}` (known: `3des`, `aes-128`, `aes-192`, `aes-256`)"
                ));
            }
        };
        let key = Zeroizing::new(
            hex::decode(&self.admin_key.0).map_err(|_| "`admin-key` is not hexadecimal")?,
        );
        let puk = <[u8; 8]>::try_from(self.puk.0.as_bytes())
            .map_err(|_| "`puk` has not exactly 8 characters")?;
        Ok(Transport {
            series: self.series.clone(),
            admin_key: AdminKey::as_delivered(algorithm, &key).map_err(|e| e.to_string())?,
            passcode: Passcode::new(&self.passcode.0).map_err(|e| e.to_string())?,
            puk: Puk::new(puk),
            officer_passcode: self
                .officer_passcode
                .as_ref()
                .map(|text| OfficerPasscode::new(text.0.as_bytes()))
                .transpose()
                .map_err(|error| format!("`officer-passcode`: {error}"))?,
            manager_keys: manager_keys(&self.manager_keys)?,
        })
    }
}

/// Three keys, or one for all three, or none.
fn manager_keys(texts: &[Secret]) -> Result<Option<StaticKeys>, String> {
    let keys = texts
        .iter()
        .map(|text| {
            let bytes = Zeroizing::new(hex::decode(&text.0).map_err(|_| "is not hexadecimal")?);
            AesKey::new(&bytes).map_err(|_| "does not have 16, 24 or 32 bytes")
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(|problem| format!("one of `manager-keys` {problem}"))?;
    match <[AesKey; 3]>::try_from(keys) {
        Ok([encryption, mac, data_encryption]) => StaticKeys::new(encryption, mac, data_encryption)
            .map(Some)
            .map_err(|_| "`manager-keys` are not of one length".to_owned()),
        Err(keys) => match &keys[..] {
            [] => Ok(None),
            [key] => Ok(Some(StaticKeys::same(key))),
            keys => Err(format!(
                "{} `manager-keys`, one or three were expected",
                keys.len()
            )),
        },
    }
}

fn master(field: &str, text: &Secret) -> Result<MasterKey, String> {
    let mut key = Zeroizing::new([0; 32]);
    hex::decode_to_slice(&text.0, &mut *key)
        .map_err(|_| format!("`{field}` is not 32 bytes in hexadecimal"))?;
    Ok(key)
}

fn test_ring(ambient: &dyn Ambient) -> String {
    let random = |size: usize| {
        let mut bytes = Zeroizing::new(vec![0; size]);
        ambient.fill_random(&mut bytes);
        Zeroizing::new(hex::encode(&*bytes))
    };
    format!(
        r#"# TEST KEYS. Good for simulated cards and test cards, never for cards of people:
# the transport values below are published, and this file was made by a program on its own.
version = 1
purpose = "test"
name = "test-{name}"
admin-master = "{admin}"
puk-master = "{puk}"
manager-master = "{manager}"

# What simulated blanks of every series are delivered with.
[[transport]]
series = "*"
admin-algorithm = "aes-192"
admin-key = "010203040506070801020304050607080102030405060708"
passcode = "123456"
puk = "12345678"
officer-passcode = "87654321"
manager-keys = ["404142434445464748494A4B4C4D4E4F"]
"#,
        name = *random(4),
        admin = *random(32),
        puk = *random(32),
        manager = *random(32),
    )
}

/// Why keys are not to be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// The file cannot be read or written.
    #[error("key ring `{path}`: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The file is malformed.
    #[error("key ring `{path}`: {detail}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, without any secret.
        detail: String,
    },
    /// Test keys for live cards, or the other way round.
    #[error("the key ring is for {ring} cards, station `{station}` is for {station_purpose} cards")]
    WrongPurpose {
        /// What the ring is for.
        ring: Purpose,
        /// The station.
        station: String,
        /// What the station is for.
        station_purpose: Purpose,
    },
    /// The ring does not know such blanks.
    #[error("the key ring has no transport secrets for series `{series}` (it has: {known})")]
    NoTransport {
        /// The series.
        series: String,
        /// Those it has.
        known: String,
    },
    /// The ring does not know the keys of a card manager.
    #[error("the key ring lacks {what}, which the profile needs")]
    NoManagerKeys {
        /// What is missing, in the words of the file.
        what: String,
    },
    /// The ring does not know the officer's passcode of such blanks.
    #[error(
        "the key ring lacks `officer-passcode` in the transport secrets of `{series}`, which the profile needs"
    )]
    NoOfficerPasscode {
        /// The table it is missing in.
        series: String,
    },
    /// An officer's passcode cannot have the length the profile asks for.
    #[error("the officer's passcode cannot be made: {0}")]
    Officer(#[from] authentic::secrets::SecretError),
    /// The keys of the card manager cannot have the length of those delivered.
    #[error("the derived keys of the card manager cannot be used: {0}")]
    ManagerKeyLength(#[from] KeyLengthError),
    /// The derived key cannot be used.
    #[error("the derived administration key cannot be used: {0}")]
    Derived(#[from] SecretError),
}

impl Blamed for KeyRingError {
    fn blame(&self) -> Blame {
        match self {
            Self::File { .. }
            | Self::Content { .. }
            | Self::Derived(_)
            | Self::ManagerKeyLength(_) => Blame::AuthorityFault,
            Self::WrongPurpose { .. }
            | Self::NoTransport { .. }
            | Self::NoOfficerPasscode { .. }
            | Self::Officer(_)
            | Self::NoManagerKeys { .. } => Blame::OperatorMistake,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::File { .. } => "check the path and the permissions of the key ring",
            Self::Content { .. } => {
                "correct the file; its form is in the documentation of key rings"
            }
            Self::WrongPurpose { .. } => {
                "use the data directory that belongs to this station; test keys go on simulated and test cards only"
            }
            Self::NoTransport { .. } => {
                "add a `[[transport]]` table with the values the supplier gave for these blanks"
            }
            Self::NoManagerKeys { .. } => {
                "add the keys of the card manager; their form is in the documentation of key rings"
            }
            Self::NoOfficerPasscode { .. } => {
                "add `officer-passcode` with the value the supplier gave for these blanks"
            }
            Self::Officer(_) => "correct `authentic.officer` in the profile: 4 to 63 characters",
            Self::Derived(_) | Self::ManagerKeyLength(_) => "set this blank aside and use another",
        };
        Some(hint.to_owned())
    }
}

#[cfg(test)]
mod tests;
