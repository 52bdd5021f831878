//! Keys: the objects themselves and what the directories say of them and of other objects.
//!
//! The order of writing is such that the directories never name what is not there: an object is
//! made before its record, a record goes before its object.

use iso7816::{Command, Expected, Instruction, StatusWord};
use rsa::{RsaPrivateKey, RsaPublicKey};

use super::access::AccessPair;
use super::control::FileControl;
use super::records::{LOCAL, is, private_record, public_is, public_record, public_value};
use super::{Client, sdo};
use crate::key_value::{of_size, to_import};
use crate::pkcs15::{
    Directory, DirectoryEntry, DirectoryKind, Entry, Id, Place, PrivateKey, PublicKey, Record,
    rewrite,
};
use crate::words::v3::{
    CERTIFICATES, DATA_OBJECTS, MECHANISMS, OBJECT_DIRECTORY, PKCS15, PRIVATE_KEYS, PUBLIC_KEYS,
    SDO_PUT_DATA, USER_CREDENTIAL,
};
use crate::{Action, AuthenticError, FilePath, KeyId, KeySpec, KeyUsage};

/// Object exists already.
const EXISTS: StatusWord = StatusWord(0x6A89);

/// Who may do what with a new key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyRules {
    pairs: [AccessPair; 6],
}

impl KeyRules {
    /// The holder's passcode for everything, and nothing at all where the usage has no use for it:
    /// a signing key never deciphers. Never `00 00`, which lets a key sign without a passcode.
    #[must_use]
    pub fn for_usage(usage: KeyUsage) -> Self {
        let user = AccessPair::any_of(&[USER_CREDENTIAL]);
        let decipher = match usage {
            KeyUsage::Authentication => user,
            KeyUsage::Signing => AccessPair::NEVER,
        };
        Self {
            pairs: [user, user, decipher, user, user, user],
        }
    }

    /// Update, delete, decipher, sign, internal authenticate, generate.
    #[must_use]
    pub fn pairs(&self) -> &[AccessPair; 6] {
        &self.pairs
    }
}

/// A directory file with its bytes.
pub(super) struct Opened<T> {
    pub(super) path: FilePath,
    pub(super) bytes: Vec<u8>,
    pub(super) directory: Directory<T>,
}

fn absent(action: &Action) -> impl Fn(AuthenticError) -> AuthenticError + '_ {
    |error| match error {
        AuthenticError::NotFound { .. } => AuthenticError::NotInitialised {
            action: action.clone(),
        },
        error => error,
    }
}

impl Client {
    /// The directory of a kind of objects, by the object directory, else where it is by default.
    pub(super) fn open<T: Record>(
        &mut self,
        action: &Action,
        kind: DirectoryKind,
    ) -> Result<Opened<T>, AuthenticError> {
        let base = FilePath::below_master(&[PKCS15]);
        let object_directory = base.child(OBJECT_DIRECTORY);
        let bytes = self.read(&object_directory).map_err(absent(action))?;
        let entries = Directory::<DirectoryEntry>::read(&bytes);
        let entry = entries.values().find(|entry| entry.kind == kind);
        let path = match entry.map(|entry| &entry.place) {
            None => base.child(match kind {
                DirectoryKind::PrivateKeys => PRIVATE_KEYS,
                DirectoryKind::PublicKeys => PUBLIC_KEYS,
                DirectoryKind::Certificates => CERTIFICATES,
                _ => DATA_OBJECTS,
            }),
            Some(Place::File(reference)) if reference.index.unwrap_or(0) == 0 => {
                reference.path.absolute()
            }
            Some(_) => {
                return Err(AuthenticError::MalformedFile {
                    path: object_directory,
                    detail: format!("the directory of {kind} is not a file of its own"),
                });
            }
        };
        if path == object_directory {
            return Err(AuthenticError::MalformedFile {
                path,
                detail: format!("it leads back to itself as the directory of {kind}"),
            });
        }
        let bytes = self.read(&path).map_err(absent(action))?;
        let directory = Directory::read(&bytes);
        Ok(Opened {
            path,
            bytes,
            directory,
        })
    }

    pub(super) fn append<T: Record>(
        &mut self,
        action: &Action,
        opened: &Opened<T>,
        record: &T,
    ) -> Result<(), AuthenticError> {
        let record = record.encode();
        let writes = rewrite::append::<T>(&opened.bytes, &record, self.most())
            .ok_or_else(|| no_room(action, opened, record.len()))?;
        self.write(&opened.path, &writes)
    }

    pub(super) fn replace<T: Record>(
        &mut self,
        action: &Action,
        opened: &Opened<T>,
        old: &Entry<T>,
        record: &T,
    ) -> Result<(), AuthenticError> {
        let record = record.encode();
        let writes = rewrite::replace(&opened.bytes, old, &record, self.most())
            .ok_or_else(|| no_room(action, opened, record.len()))?;
        self.write(&opened.path, &writes)
    }

    /// Removes the records of which this holds, and tells whether there was one.
    pub(super) fn remove<T: Record>(
        &mut self,
        opened: &mut Opened<T>,
        unwanted: impl Fn(&T) -> bool,
    ) -> Result<bool, AuthenticError> {
        let mut removed = false;
        loop {
            let directory = Directory::<T>::read(&opened.bytes);
            let Some(entry) = directory
                .entries
                .iter()
                .rev()
                .find(|entry| entry.value.as_ref().is_some_and(&unwanted))
            else {
                return Ok(removed);
            };
            let writes = rewrite::remove::<T>(&opened.bytes, entry.offset, self.most());
            self.write(&opened.path, &writes)?;
            rewrite::apply(&mut opened.bytes, &writes);
            removed = true;
        }
    }

    /// The dedicated file the keys are in becomes current.
    pub(super) fn enter(&mut self, action: &Action) -> Result<FileControl, AuthenticError> {
        self.file(&FilePath::below_master(&[PKCS15]))
            .map_err(absent(action))
    }

    /// PUT DATA of a key.
    fn put(&mut self, action: &Action, data: &[u8]) -> Result<StatusWord, AuthenticError> {
        let (p1, p2) = SDO_PUT_DATA;
        let command = Command::new(0x00, Instruction::PUT_DATA, p1, p2).with_data(data);
        Ok(self.transmit_long(action, &command)?.status)
    }

    /// An empty key, if there is none in that place.
    fn create_key(&mut self, action: &Action, spec: &KeySpec) -> Result<u8, AuthenticError> {
        let mechanism = sdo::mechanism(spec.bits).ok_or_else(|| AuthenticError::Impossible {
            action: action.clone(),
            detail: format!(
                "the card has RSA keys of {} bits, not of {}",
                MECHANISMS.map(|(_, bits)| bits.to_string()).join(", "),
                spec.bits
            ),
        })?;
        if !(1..LOCAL).contains(&spec.id.0) {
            return Err(AuthenticError::Impossible {
                action: action.clone(),
                detail: format!("keys have the numbers 1 to 127, not {}", spec.id.0),
            });
        }
        let key = spec.id;
        let exists = || AuthenticError::KeyExists {
            action: action.clone(),
            key,
        };
        let private: Opened<PrivateKey> = self.open(action, DirectoryKind::PrivateKeys)?;
        if private.directory.values().any(|record| is(record, key)) {
            return Err(exists());
        }
        self.enter(action)?;
        let rules = KeyRules::for_usage(spec.usage);
        match self.put(action, &sdo::create(mechanism, key.0, rules.pairs()))? {
            StatusWord::OK => Ok(mechanism),
            EXISTS => Err(exists()),
            status => Err(AuthenticError::from_status(action.clone(), status)),
        }
    }

    pub(super) fn generate_key(&mut self, spec: &KeySpec) -> Result<RsaPublicKey, AuthenticError> {
        let action = Action::Generate(spec.id);
        let mechanism = self.create_key(&action, spec)?;
        let command = Command::new(0x00, Instruction::GENERATE_ASYMMETRIC_KEY_PAIR, 0x00, 0x00)
            .with_data(sdo::generate(mechanism, spec.id.0))
            .with_expected(Expected::SHORT_MAX);
        let response = self.succeed(&action, &command)?;
        let malformed = |detail| AuthenticError::MalformedAnswer {
            action: action.clone(),
            detail,
        };
        let public =
            sdo::public_key(&response.data).map_err(|error| malformed(error.to_string()))?;
        of_size(&action, spec, &public)?;
        self.list_key(&action, spec, &public, true)?;
        Ok(public)
    }

    pub(super) fn store_key(
        &mut self,
        spec: &KeySpec,
        key: &RsaPrivateKey,
    ) -> Result<(), AuthenticError> {
        let action = Action::Import(spec.id);
        let impossible = |detail| AuthenticError::Impossible {
            action: action.clone(),
            detail,
        };
        to_import(&action, spec, key)?;
        // Made before anything is sent.
        let mechanism = sdo::mechanism(spec.bits).unwrap_or_default();
        let data = sdo::store(mechanism, spec.id.0, key)
            .ok_or_else(|| impossible("the key has not exactly two primes".to_owned()))?;
        self.create_key(&action, spec)?;
        match self.put(&action, &data)? {
            StatusWord::OK => {}
            status => return Err(AuthenticError::from_status(action, status)),
        }
        self.list_key(&action, spec, &key.to_public_key(), false)
    }

    /// Public half first: a private key is listed last, when all of it is there.
    fn list_key(
        &mut self,
        action: &Action,
        spec: &KeySpec,
        public: &RsaPublicKey,
        made_on_card: bool,
    ) -> Result<(), AuthenticError> {
        let mut publics: Opened<PublicKey> = self.open(action, DirectoryKind::PublicKeys)?;
        // What a broken run left.
        let number = spec.id;
        self.remove(&mut publics, |record| public_is(record, number))?;
        let record = public_record(spec, public, made_on_card);
        self.append(action, &publics, &record)?;
        let privates: Opened<PrivateKey> = self.open(action, DirectoryKind::PrivateKeys)?;
        let record = private_record(spec, public, made_on_card);
        self.append(action, &privates, &record)?;
        self.stamp()
    }

    pub(super) fn erase_key(&mut self, key: KeyId) -> Result<(), AuthenticError> {
        let action = Action::DeleteKey(key);
        let mut privates: Opened<PrivateKey> = self.open(&action, DirectoryKind::PrivateKeys)?;
        let bits = privates
            .directory
            .values()
            .find(|record| is(record, key))
            .map(|record| record.modulus_length);
        let listed = self.remove(&mut privates, |record| is(record, key))?;
        self.enter(&action)?;
        // A key that is not listed may be there all the same, of any size.
        let known = bits.and_then(|bits| sdo::mechanism(u16::try_from(bits).ok()?));
        let mechanisms = known.map_or_else(
            || {
                MECHANISMS
                    .iter()
                    .rev()
                    .map(|(mechanism, _)| *mechanism)
                    .collect()
            },
            |mechanism| vec![mechanism],
        );
        for mechanism in mechanisms {
            match self.put(&action, &sdo::delete(mechanism, key.0))? {
                StatusWord::OK => break,
                StatusWord::REFERENCE_NOT_FOUND => {}
                // Of another size than this.
                StatusWord::WRONG_DATA if known.is_none() => {}
                status => return Err(AuthenticError::from_status(action, status)),
            }
        }
        let mut publics: Opened<PublicKey> = self.open(&action, DirectoryKind::PublicKeys)?;
        let public = self.remove(&mut publics, |record| public_is(record, key))?;
        if listed || public {
            self.stamp()?;
        }
        Ok(())
    }

    /// The identifier that links a key to its certificate, and its public half.
    pub(super) fn link(
        &mut self,
        action: &Action,
        key: KeyId,
    ) -> Result<(Id, Option<RsaPublicKey>), AuthenticError> {
        let privates: Opened<PrivateKey> = self.open(action, DirectoryKind::PrivateKeys)?;
        let record = privates
            .directory
            .values()
            .find(|record| is(record, key))
            .ok_or_else(|| AuthenticError::KeyAbsent {
                action: action.clone(),
                key,
            })?;
        let id = record.key.id.clone();
        let publics: Opened<PublicKey> = self.open(action, DirectoryKind::PublicKeys)?;
        let public = publics
            .directory
            .values()
            .find(|record| record.key.id == id)
            .and_then(public_value);
        Ok((id, public))
    }
}

pub(super) fn no_room<T>(action: &Action, opened: &Opened<T>, needed: usize) -> AuthenticError {
    AuthenticError::NoRoom {
        action: action.clone(),
        detail: format!(
            "a record of {needed} bytes does not fit file {}",
            opened.path
        ),
    }
}
