//! Keys: made on the card or elsewhere, their public halves, signing and deciphering.

use iso7816::Command;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{RsaPrivateKey, RsaPublicKey};
use sha1::{Digest as _, Sha1};
use zeroize::Zeroizing;

use super::layout::{Entry, ObjectId, PrivateKeyAttributes, PublicKeyAttributes, UNDATED};
use super::objects::impossible;
use super::{Client, FileInfo, FileKind, commands, structure};
use crate::key_value::{fixed_width, of_size, public_key, to_import};
use crate::words::v2::{class, object_flag, private_key};
use crate::{Action, AuthenticError, Digest, KeyId, KeySpec, KeyUsage};

/// Bits of the keys that are made. The application also has 512, which protect nothing.
const SIZES: [u16; 2] = [1024, 2048];

/// READ and WRITE COMPONENT of a public key.
const MODULUS: u8 = 1;
const EXPONENT: u8 = 2;

fn private(key: KeyId) -> ObjectId {
    ObjectId::new(class::PRIVATE_KEY, key.0)
}

fn public(key: KeyId) -> ObjectId {
    ObjectId::new(class::PUBLIC_KEY, key.0)
}

impl Client {
    /// The entry of a key's private half.
    pub(super) fn key_entry(
        &mut self,
        action: &Action,
        key: KeyId,
    ) -> Result<Entry, AuthenticError> {
        let opened = self.open(action, true)?;
        opened
            .entry(private(key))
            .ok_or_else(|| AuthenticError::KeyAbsent {
                action: action.clone(),
                key,
            })
    }

    pub(super) fn generate_key(&mut self, spec: &KeySpec) -> Result<RsaPublicKey, AuthenticError> {
        let action = Action::Generate(spec.id);
        self.prepare(&action, spec)?;
        let directory = structure::objects(true);
        let temporary = structure::TEMPORARY_PUBLIC_KEY;
        self.delete_if_there(&directory.child(temporary))?;
        let file = structure::public_key_file(temporary, spec.bits);
        self.create(&directory, &file, 0)?;
        self.enter(&directory)?;
        self.done(&action, &commands::generate(temporary, private(spec.id).0))?;
        let path = directory.child(temporary);
        let public = self.public_key_of(&action, &path)?;
        self.delete(&path)?;
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
        let parts = components(key)
            .ok_or_else(|| impossible("the key has not exactly two primes".to_owned()))?;
        self.prepare(&action, spec)?;
        self.of_kind(&structure::object(private(spec.id)), FileKind::PrivateKey)?;
        self.parts(&action, &parts)?;
        self.list_key(&action, spec, &key.to_public_key(), false)
    }

    /// An empty file for a private key, if there is no such key. What a broken run left goes.
    fn prepare(&mut self, action: &Action, spec: &KeySpec) -> Result<(), AuthenticError> {
        let impossible = |detail| AuthenticError::Impossible {
            action: action.clone(),
            detail,
        };
        if !SIZES.contains(&spec.bits) {
            return Err(impossible(format!(
                "keys are of {} bits, not of {}",
                SIZES.map(|bits| bits.to_string()).join(" or "),
                spec.bits
            )));
        }
        if spec.id.0 == 0 {
            return Err(impossible("keys have the numbers 1 to 255".to_owned()));
        }
        let privates = self.open(action, true)?;
        if privates.entry(private(spec.id)).is_some() {
            return Err(AuthenticError::KeyExists {
                action: action.clone(),
                key: spec.id,
            });
        }
        self.has_place(action, &privates)?;
        let publics = self.open(action, false)?;
        if publics.entry(public(spec.id)).is_some() {
            self.unlist_object(action, public(spec.id))?;
        } else {
            self.has_place(action, &publics)?;
        }
        self.delete_files(public(spec.id))?;
        self.delete_files(private(spec.id))?;
        let file = structure::private_key_file(private(spec.id).0, spec.bits, spec.usage);
        self.create(&structure::objects(true), &file, 0)
    }

    /// Writes the public half, the attributes of both, the container, and the entries: the
    /// private half is listed last, when all of it is there.
    fn list_key(
        &mut self,
        action: &Action,
        spec: &KeySpec,
        key: &RsaPublicKey,
        made_on_card: bool,
    ) -> Result<(), AuthenticError> {
        let (private, public) = (private(spec.id), public(spec.id));
        let [of_private, of_public] = flags(spec.usage, made_on_card);
        let modulus = key.n_bytes();
        let attributes = |flags| PublicKeyAttributes {
            flags,
            label: spec.label.clone(),
            id: Sha1::digest(&modulus).to_vec(),
            start: UNDATED,
            end: UNDATED,
            subject: Vec::new(),
        };
        let bytes = PrivateKeyAttributes {
            common: attributes(of_private),
            modulus: modulus.to_vec(),
            exponent: key.e_bytes().to_vec(),
        }
        .encode()
        .map_err(impossible(action))?;
        let file = structure::private_attributes(private.attributes(), bytes.len());
        self.write_file(private, &file, &bytes)?;

        let directory = structure::objects(false);
        let file = structure::public_key_file(public.0, spec.bits);
        self.create(&directory, &file, 0)?;
        self.of_kind(&structure::object(public), FileKind::PublicKey)?;
        for (number, value) in [(MODULUS, &modulus), (EXPONENT, &key.e_bytes())] {
            let parts = commands::write_component(commands::PUBLIC, number, value);
            self.parts(action, &parts)?;
        }
        let bytes = attributes(of_public).encode().map_err(impossible(action))?;
        let file = structure::public_file(public.attributes(), bytes.len());
        self.write_file(public, &file, &bytes)?;

        self.put_in_container(action, spec.id, spec.usage)?;
        let size = spec.bits;
        self.list_object(action, Entry { id: public, size }, None)?;
        self.list_object(action, Entry { id: private, size }, None)
    }

    pub(super) fn erase_key(&mut self, key: KeyId) -> Result<(), AuthenticError> {
        let action = Action::DeleteKey(key);
        for id in [private(key), public(key)] {
            self.unlist_object(&action, id)?;
        }
        for id in [private(key), public(key)] {
            self.take_from_containers(&action, id)?;
            self.delete_files(id)?;
        }
        Ok(())
    }

    /// The public half of a key: of its public key file, else of the attributes of its private
    /// half.
    pub(super) fn public_half(
        &mut self,
        action: &Action,
        entry: Entry,
    ) -> Result<Option<RsaPublicKey>, AuthenticError> {
        let id = public(entry.id.key());
        let publics = self.open(action, false)?;
        if publics.entry(id).is_some() {
            match self.public_key_of(action, &structure::object(id)) {
                Ok(key) => return Ok(Some(key)),
                Err(AuthenticError::NotFound { .. } | AuthenticError::MalformedAnswer { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let attributes = self.key_attributes(entry)?;
        Ok(attributes.and_then(|it| public_key(&it.modulus, &it.exponent)))
    }

    /// READ COMPONENT of a public key file.
    pub(super) fn public_key_of(
        &mut self,
        action: &Action,
        path: &crate::FilePath,
    ) -> Result<RsaPublicKey, AuthenticError> {
        self.of_kind(path, FileKind::PublicKey)?;
        let modulus = self.data(action, &commands::read_component(MODULUS))?;
        let exponent = self.data(action, &commands::read_component(EXPONENT))?;
        public_key(&modulus, &exponent).ok_or_else(|| AuthenticError::MalformedAnswer {
            action: action.clone(),
            detail: format!(
                "{} and {} bytes are no RSA public key",
                modulus.len(),
                exponent.len()
            ),
        })
    }

    pub(super) fn sign_with(
        &mut self,
        key: KeyId,
        digest: Digest,
    ) -> Result<Vec<u8>, AuthenticError> {
        let action = Action::Sign(key);
        let info = self.choose(&action, key, &commands::set_signature(), None)?;
        let signature = self
            .data(&action, &commands::sign(&digest.digest_info()))
            .map_err(|error| error.needing(info.access.at(private_key::SIGN)))?;
        if signature.len() != usize::from(info.size) / 8 {
            return Err(AuthenticError::MalformedAnswer {
                action,
                detail: format!(
                    "a signature of {} bytes by a key of {} bits",
                    signature.len(),
                    info.size
                ),
            });
        }
        Ok(signature.to_vec())
    }

    pub(super) fn decipher_with(
        &mut self,
        key: KeyId,
        cryptogram: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, AuthenticError> {
        let action = Action::Decipher(key);
        let size = Some(cryptogram.len());
        let info = self.choose(&action, key, &commands::set_decipherment(), size)?;
        self.parts(&action, &commands::decipher(cryptogram))
            .map_err(|error| error.needing(info.access.at(private_key::DECIPHER)))
    }

    /// Selects a key and says what for. `size` is that of a cryptogram.
    fn choose(
        &mut self,
        action: &Action,
        key: KeyId,
        environment: &Command,
        size: Option<usize>,
    ) -> Result<FileInfo, AuthenticError> {
        let path = structure::object(private(key));
        let info = self
            .of_kind(&path, FileKind::PrivateKey)
            .map_err(|error| match error {
                AuthenticError::NotFound { .. } => AuthenticError::KeyAbsent {
                    action: action.clone(),
                    key,
                },
                error => error,
            })?;
        let expected = usize::from(info.size) / 8;
        if let Some(size) = size.filter(|size| *size != expected) {
            return Err(AuthenticError::Impossible {
                action: action.clone(),
                detail: format!("a cryptogram of {key} has {expected} bytes, this one has {size}"),
            });
        }
        self.done(&Action::ChooseKey(key), environment)?;
        Ok(info)
    }
}

/// What a new key's attributes say: of the private half, of the public half.
fn flags(usage: KeyUsage, made_on_card: bool) -> [u16; 2] {
    use object_flag as of;
    let both = of::MODIFIABLE | if made_on_card { of::MADE_ON_CARD } else { 0 };
    let [private, public] = match usage {
        KeyUsage::Authentication => [
            of::DECRYPT | of::SIGN | of::SIGN_RECOVER | of::UNWRAP,
            of::ENCRYPT | of::VERIFY | of::VERIFY_RECOVER | of::WRAP,
        ],
        KeyUsage::Signing => [of::SIGN, of::VERIFY],
    };
    [private | both, public | both]
}

/// The Chinese remainder values of a private key, each of half the modulus, as WRITE COMPONENT
/// takes them; `None` for a key that has not exactly two primes.
fn components(key: &RsaPrivateKey) -> Option<Vec<Command>> {
    let mut key = key.clone();
    key.precompute().ok()?;
    let [p, q] = key.primes() else {
        return None;
    };
    let half = (key.n().bits() as usize).div_ceil(16);
    let coefficient = Zeroizing::new(key.crt_coefficient()?);
    let values = [p.as_ref(), q.as_ref(), &*coefficient, key.dp()?, key.dq()?];
    let mut commands = Vec::new();
    for (number, value) in (1..).zip(values) {
        let value = fixed_width(value, half)?;
        commands.extend(commands::write_component(commands::PRIVATE, number, &value));
    }
    Some(commands)
}
