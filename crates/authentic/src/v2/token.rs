//! [`Token`] over this version.

use iso7816::Channel;
use rsa::{RsaPrivateKey, RsaPublicKey};
use zeroize::Zeroizing;

use super::{Client, structure};
use crate::secrets::{NewPasscode, OfficerPasscode, Passcode};
use crate::{
    Action, Applet, AuthenticError, Contents, Digest, FilePath, Initialisation, KeyId, KeySpec,
    LastTry, Role, Token, Tries,
};

/// Most rounds of listing and deleting: a card lists at most 32 files at a time.
const ROUNDS: usize = 64;

impl Client {
    /// Lists first, so that they never name what is gone; then the containers; then every file in
    /// the dedicated files of objects, listed or not.
    fn clear_objects(&mut self) -> Result<(), AuthenticError> {
        let action = Action::Clear;
        if !self.has_structure()? {
            return Err(AuthenticError::NotInitialised { action });
        }
        for private in [true, false] {
            let path = structure::list_of(private);
            let (_, bytes) = self.read_leniently(&path)?;
            if bytes.iter().any(|byte| *byte != 0) {
                self.update(&path, 0, &vec![0; bytes.len()])?;
            }
        }
        let path = structure::containers();
        if self.find(&path)?.is_some() {
            for number in (1..=self.read_records(&path)?.len()).rev() {
                // A file has at most 254 records.
                self.delete_record(&path, number as u8)?;
            }
        }
        for private in [true, false] {
            self.empty(&structure::objects(private))?;
        }
        Ok(())
    }

    fn empty(&mut self, directory: &FilePath) -> Result<(), AuthenticError> {
        for _ in 0..ROUNDS {
            let files = self.list(directory)?;
            if files.is_empty() {
                return Ok(());
            }
            for identifier in files {
                self.delete(&directory.child(identifier))?;
            }
        }
        Err(AuthenticError::MalformedAnswer {
            action: Action::List(directory.clone()),
            detail: "it goes on listing files that were deleted".to_owned(),
        })
    }
}

impl Token for Client {
    fn applet(&self) -> Applet {
        Applet::V2
    }

    fn channel_mut(&mut self) -> &mut Channel {
        self.channel_mut()
    }

    fn into_channel(self: Box<Self>) -> Channel {
        (*self).into_channel()
    }

    fn is_initialised(&mut self) -> Result<bool, AuthenticError> {
        self.has_structure()
    }

    /// The format has no place for a serial number: the chip's own is the card's.
    fn initialise(&mut self, what: &Initialisation) -> Result<(), AuthenticError> {
        self.make_structure(what)
    }

    fn contents(&mut self) -> Result<Contents, AuthenticError> {
        if !self.enter_domain()? {
            return Err(AuthenticError::NotInitialised {
                action: Action::List(FilePath::master()),
            });
        }
        self.read_contents()
    }

    fn tries(&mut self, role: Role) -> Result<Tries, AuthenticError> {
        self.tries_of(role)
    }

    fn verify(&mut self, passcode: &Passcode, last: LastTry) -> Result<(), AuthenticError> {
        self.verify_user(passcode, last)
    }

    fn verify_officer(
        &mut self,
        passcode: &OfficerPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError> {
        self.verify_so(passcode, last)
    }

    fn set_passcode(&mut self, new: &NewPasscode, tries: u8) -> Result<(), AuthenticError> {
        self.define_user(new, tries)
    }

    fn change_passcode(
        &mut self,
        old: &Passcode,
        new: &NewPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError> {
        self.change_user(old, new, last)
    }

    fn change_officer(
        &mut self,
        old: &OfficerPasscode,
        new: &OfficerPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError> {
        self.change_so(old, new, last)
    }

    fn unlock(
        &mut self,
        officer: &OfficerPasscode,
        new: &NewPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError> {
        self.unblock(officer, new, last)
    }

    fn generate(&mut self, spec: &KeySpec) -> Result<RsaPublicKey, AuthenticError> {
        self.generate_key(spec)
    }

    fn import_key(&mut self, spec: &KeySpec, key: &RsaPrivateKey) -> Result<(), AuthenticError> {
        self.store_key(spec, key)
    }

    fn write_certificate(
        &mut self,
        key: KeyId,
        der: &[u8],
        label: &str,
    ) -> Result<(), AuthenticError> {
        self.put_certificate(key, der, label)
    }

    fn certificate(&mut self, key: KeyId) -> Result<Option<Vec<u8>>, AuthenticError> {
        self.read_certificate(key)
    }

    fn delete_certificate(&mut self, key: KeyId) -> Result<(), AuthenticError> {
        self.erase_certificate(key)
    }

    fn delete_key(&mut self, key: KeyId) -> Result<(), AuthenticError> {
        self.erase_key(key)
    }

    fn sign(&mut self, key: KeyId, digest: Digest) -> Result<Vec<u8>, AuthenticError> {
        self.sign_with(key, digest)
    }

    fn decipher(
        &mut self,
        key: KeyId,
        cryptogram: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, AuthenticError> {
        self.decipher_with(key, cryptogram)
    }

    fn clear(&mut self) -> Result<(), AuthenticError> {
        self.clear_objects()
    }

    fn reselect(&mut self) -> Result<(), AuthenticError> {
        self.select_application()
    }

    fn log_out(&mut self) -> Result<(), AuthenticError> {
        self.log_all_out()
    }
}
