//! Keys and certificates: the objects themselves and what the directories say of them.
//!
//! The order of writing is such that the directories never name what is not there: an object is
//! made before its record, a record goes before its object.

use der::Decode;
use der::referenced::OwnedToRef;
use iso7816::{Command, Expected, Instruction, StatusWord};
use rsa::pkcs1::{DecodeRsaPublicKey, EncodeRsaPublicKey};
use rsa::traits::PublicKeyParts;
use rsa::{RsaPrivateKey, RsaPublicKey};
use sha1::{Digest as _, Sha1};
use x509_cert::spki::DecodePublicKey;

use super::access::AccessPair;
use super::control::FileControl;
use super::{Client, sdo};
use crate::pkcs15::{
    AccessModes, AccessRule, Certificate, Common, Directory, DirectoryEntry, DirectoryKind, Entry,
    Id, KeyAccessFlags, KeyAttributes, ObjectFlags, Place, PrivateKey, PublicKey, Record,
    Reference, UnknownOfKey, UsageFlags, Value, rewrite,
};
use crate::words::v3::{
    CERTIFICATES, DATA_OBJECTS, FIRST_CERTIFICATE, FIRST_KEY, MECHANISMS, OBJECT_DIRECTORY, PKCS15,
    PRIVATE_KEYS, PUBLIC_KEYS, SDO_PUT_DATA, USER_CREDENTIAL,
};
use crate::{Action, AuthenticError, FilePath, KeyId, KeySpec, KeyUsage};

/// Object exists already.
const EXISTS: StatusWord = StatusWord(0x6A89);
/// Bit of a key reference: local to the application.
const LOCAL: u8 = 0x80;
/// Certificates there is room for among the file identifiers.
const CERTIFICATE_FILES: u16 = 0xFF;

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

    fn append<T: Record>(
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

    fn replace<T: Record>(
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
    fn remove<T: Record>(
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
        let bits = public.n().bits();
        if bits != u32::from(spec.bits) {
            return Err(malformed(format!(
                "a key of {} bits was asked for, one of {bits} came",
                spec.bits
            )));
        }
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
        let bits = key.n().bits();
        if bits != u32::from(spec.bits) {
            return Err(impossible(format!(
                "the key has {bits} bits, {} were said",
                spec.bits
            )));
        }
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

    pub(super) fn put_certificate(
        &mut self,
        key: KeyId,
        der: &[u8],
        label: &str,
    ) -> Result<(), AuthenticError> {
        let action = Action::WriteCertificate(key);
        let none = |detail: String| AuthenticError::NoCertificate {
            action: action.clone(),
            detail,
        };
        let certificate = x509_cert::Certificate::from_der(der)
            .map_err(|error| none(format!("it is no certificate: {error}")))?;
        let certified =
            certified_key(&certificate).ok_or_else(|| none("its key is no RSA key".to_owned()))?;
        let (id, public) = self.link(&action, key)?;
        if public.is_some_and(|public| public != certified) {
            return Err(none(format!(
                "it is the certificate of another key than {key}"
            )));
        }
        let certificates: Opened<Certificate> = self.open(&action, DirectoryKind::Certificates)?;
        let old = certificates
            .directory
            .entries
            .iter()
            .find(|entry| entry.value.as_ref().is_some_and(|record| record.id == id));

        // The new one lies on the card whole before anything names it.
        let path = self.free_file(&action, &certificates)?;
        let size = u16::try_from(der.len())
            .ok()
            .filter(|size| *size < 0x8000)
            .ok_or_else(|| none(format!("{} bytes are more than a file holds", der.len())))?;
        let user = AccessPair::any_of(&[USER_CREDENTIAL]);
        let access = [AccessPair::ALWAYS, user, user, user];
        let parent = FilePath::below_master(&[PKCS15]);
        let control = FileControl::transparent(path.identifier(), size, access);
        self.create(&parent, &control)?;
        self.update(&path, 0, der)?;

        let value = Value::Indirect(Reference::whole((&path).into()));
        let record = Certificate::new(labelled(label, ObjectFlags::MODIFIABLE), id, value);
        let before = match old {
            Some(entry) => {
                self.replace(&action, &certificates, entry, &record)?;
                entry.value.as_ref().and_then(file_of)
            }
            None => {
                self.append(&action, &certificates, &record)?;
                None
            }
        };
        if let Some(before) = before.filter(|before| is_certificate_file(before)) {
            self.delete(&before)?;
        }
        self.stamp()
    }

    /// A file for a certificate that no record names. What a broken run left in it goes.
    fn free_file(
        &mut self,
        action: &Action,
        certificates: &Opened<Certificate>,
    ) -> Result<FilePath, AuthenticError> {
        let base = FilePath::below_master(&[PKCS15]);
        let taken: Vec<_> = certificates
            .directory
            .values()
            .filter_map(file_of)
            .collect();
        let free = (0..CERTIFICATE_FILES)
            .map(|n| base.child(FIRST_CERTIFICATE + n))
            .find(|path| !taken.contains(path))
            .ok_or_else(|| no_room(action, certificates, 0))?;
        self.delete(&free)?;
        Ok(free)
    }

    pub(super) fn erase_certificate(&mut self, key: KeyId) -> Result<(), AuthenticError> {
        let action = Action::DeleteCertificate(key);
        let (id, _) = match self.link(&action, key) {
            Ok(link) => link,
            Err(AuthenticError::KeyAbsent { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut certificates: Opened<Certificate> =
            self.open(&action, DirectoryKind::Certificates)?;
        let files: Vec<_> = certificates
            .directory
            .values()
            .filter(|record| record.id == id)
            .filter_map(file_of)
            .collect();
        if !self.remove(&mut certificates, |record| record.id == id)? {
            return Ok(());
        }
        for file in files.iter().filter(|file| is_certificate_file(file)) {
            self.delete(file)?;
        }
        self.stamp()
    }

    /// The certificate of a key, read twice.
    pub(super) fn read_certificate(
        &mut self,
        key: KeyId,
    ) -> Result<Option<Vec<u8>>, AuthenticError> {
        let action = Action::ReadPublicKey(key);
        let (id, _) = match self.link(&action, key) {
            Ok(link) => link,
            Err(AuthenticError::KeyAbsent { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let certificates: Opened<Certificate> = self.open(&action, DirectoryKind::Certificates)?;
        let Some(record) = certificates
            .directory
            .values()
            .find(|record| record.id == id)
        else {
            return Ok(None);
        };
        let (path, bytes) = match &record.value {
            Value::Direct(der) => (certificates.path.clone(), der.clone()),
            Value::Other(_) => {
                return Err(AuthenticError::MalformedFile {
                    path: certificates.path.clone(),
                    detail: format!("the certificate of {key} is not on the card"),
                });
            }
            Value::Indirect(reference) => {
                let path = reference.path.absolute();
                let first = self.read(&path)?;
                let second = self.read(&path)?;
                if first != second {
                    return Err(AuthenticError::ChangedItsMind {
                        action: Action::Read(path),
                        what: format!("the certificate of {key}"),
                    });
                }
                let part = crate::pkcs15::Structure::part(&first, reference).ok_or_else(|| {
                    AuthenticError::MalformedFile {
                        path: path.clone(),
                        detail: "its directory names bytes outside of it".to_owned(),
                    }
                })?;
                (path, part.to_vec())
            }
        };
        let der = first_element(&bytes);
        x509_cert::Certificate::from_der(der)
            .map_err(|error| AuthenticError::MalformedFile {
                path,
                detail: format!("it is no certificate: {error}"),
            })
            .map(|_| Some(der.to_vec()))
    }
}

/// The first TLV object of a file that may be longer than what it holds.
pub(super) fn first_element(bytes: &[u8]) -> &[u8] {
    match iso7816::ber::Reader::new(bytes).next() {
        Some(Ok(object)) => object.raw,
        _ => bytes,
    }
}

fn no_room<T>(action: &Action, opened: &Opened<T>, needed: usize) -> AuthenticError {
    AuthenticError::NoRoom {
        action: action.clone(),
        detail: format!(
            "a record of {needed} bytes does not fit file {}",
            opened.path
        ),
    }
}

/// The number of a key by its reference.
pub(super) fn number(key: &KeyAttributes) -> Option<KeyId> {
    let reference = u8::try_from(key.reference?).ok()?;
    Some(KeyId(reference & !LOCAL))
}

fn is(record: &PrivateKey, key: KeyId) -> bool {
    number(&record.key) == Some(key)
}

fn public_is(record: &PublicKey, key: KeyId) -> bool {
    number(&record.key) == Some(key)
}

/// The key in its record: raw, or in `SubjectPublicKeyInfo` under `A1`.
pub(super) fn public_value(record: &PublicKey) -> Option<RsaPublicKey> {
    let Value::Direct(value) = &record.value else {
        return None;
    };
    let object = iso7816::ber::read_one(value).ok()?;
    match object.tag.0 {
        0xA1 => {
            // The tag of SubjectPublicKeyInfo, or around it.
            let whole = iso7816::ber::object(iso7816::ber::Tag(0x30), object.value);
            RsaPublicKey::from_public_key_der(&whole)
                .or_else(|_| RsaPublicKey::from_public_key_der(object.value))
                .ok()
        }
        _ => RsaPublicKey::from_pkcs1_der(value).ok(),
    }
}

/// The RSA key of a certificate.
pub(super) fn certified_key(certificate: &x509_cert::Certificate) -> Option<RsaPublicKey> {
    let info = certificate.tbs_certificate().subject_public_key_info();
    RsaPublicKey::try_from(info.owned_to_ref()).ok()
}

fn file_of(record: &Certificate) -> Option<FilePath> {
    record
        .value
        .reference()
        .map(|reference| reference.path.absolute())
}

/// Whether a file is one of those certificates are in: what a record names elsewhere is left alone.
fn is_certificate_file(path: &FilePath) -> bool {
    matches!(path.identifiers(), [_, PKCS15, file] if file & 0xFF00 == FIRST_CERTIFICATE & 0xFF00)
}

/// SHA-1 of the modulus, as OpenSC makes identifiers.
fn identifier(public: &RsaPublicKey) -> Id {
    Id(Sha1::digest(public.n_bytes()).to_vec())
}

fn labelled(label: &str, flags: ObjectFlags) -> Common {
    Common {
        label: Some(label.to_owned()),
        flags: Some(flags),
        ..Common::default()
    }
}

fn usage_flags(usage: KeyUsage) -> UsageFlags {
    match usage {
        KeyUsage::Authentication => UsageFlags::SIGN
            .with(UsageFlags::SIGN_RECOVER)
            .with(UsageFlags::DECRYPT)
            .with(UsageFlags::UNWRAP),
        KeyUsage::Signing => UsageFlags::SIGN.with(UsageFlags::NON_REPUDIATION),
    }
}

fn attributes(spec: &KeySpec, public: &RsaPublicKey, usage: UsageFlags) -> KeyAttributes {
    KeyAttributes {
        reference: Some(u32::from((FIRST_KEY & LOCAL) | spec.id.0)),
        ..KeyAttributes::new(identifier(public), usage)
    }
}

fn private_record(spec: &KeySpec, public: &RsaPublicKey, made_on_card: bool) -> PrivateKey {
    let holder = Id(vec![USER_CREDENTIAL]);
    let mut used = AccessModes::SIGN
        .with(AccessModes::INTERNAL_AUTHENTICATE)
        .with(AccessModes::UPDATE)
        .with(AccessModes::DELETE)
        .with(AccessModes::EXECUTE);
    if spec.usage == KeyUsage::Authentication {
        used = used.with(AccessModes::DECIPHER);
    }
    let common = Common {
        auth_id: Some(holder.clone()),
        rules: vec![AccessRule {
            modes: used,
            auth_id: Some(holder),
            unknown: Vec::new(),
        }],
        ..labelled(
            &spec.label,
            ObjectFlags::PRIVATE.with(ObjectFlags::MODIFIABLE),
        )
    };
    let mut access = KeyAccessFlags::SENSITIVE;
    if made_on_card {
        access = access
            .with(KeyAccessFlags::ALWAYS_SENSITIVE)
            .with(KeyAccessFlags::NEVER_EXTRACTABLE)
            .with(KeyAccessFlags::LOCAL);
    }
    PrivateKey {
        common,
        key: KeyAttributes {
            access: Some(access),
            ..attributes(spec, public, usage_flags(spec.usage))
        },
        subject: None,
        value: Value::Indirect(Reference::whole(
            (&FilePath::below_master(&[PKCS15])).into(),
        )),
        modulus_length: spec.bits.into(),
        unknown: UnknownOfKey::default(),
    }
}

fn public_record(spec: &KeySpec, public: &RsaPublicKey, made_on_card: bool) -> PublicKey {
    let usage = match spec.usage {
        KeyUsage::Authentication => UsageFlags::VERIFY
            .with(UsageFlags::VERIFY_RECOVER)
            .with(UsageFlags::ENCRYPT)
            .with(UsageFlags::WRAP),
        KeyUsage::Signing => UsageFlags::VERIFY,
    };
    let mut access = KeyAccessFlags::EXTRACTABLE;
    if made_on_card {
        access = access.with(KeyAccessFlags::LOCAL);
    }
    let value = public
        .to_pkcs1_der()
        .expect("a public key the rsa crate made encodes");
    PublicKey {
        common: labelled(&spec.label, ObjectFlags::MODIFIABLE),
        key: KeyAttributes {
            native: false,
            access: Some(access),
            ..attributes(spec, public, usage)
        },
        subject: None,
        value: Value::Direct(value.as_bytes().to_vec()),
        modulus_length: spec.bits.into(),
        unknown: UnknownOfKey::default(),
    }
}
