//! [`Token`] over this version.

use iso7816::{Channel, Command, Expected, Instruction, StatusWord};
use rsa::{RsaPrivateKey, RsaPublicKey};
use zeroize::Zeroizing;

use super::Client;
use super::contents::is_in_structure;
use crate::secrets::{NewPasscode, OfficerPasscode, Passcode};
use crate::words::v3::algorithm;
use crate::words::{
    COMPUTE_SIGNATURE, CONFIDENTIALITY_TEMPLATE, DECIPHER, PERFORM_SECURITY_OPERATION,
    SIGNATURE_TEMPLATE,
};
use crate::{
    Action, Applet, AuthenticError, Contents, Digest, FilePath, Finding, Initialisation, KeyId,
    KeySpec, LastTry, Problem, Role, Token, Tries,
};

/// P1 of MANAGE SECURITY ENVIRONMENT: set.
const SET: u8 = 0x41;

impl Client {
    /// MANAGE SECURITY ENVIRONMENT with the key, RSA with PKCS#1 v1.5.
    fn choose(&mut self, key: KeyId, template: u8) -> Result<(), AuthenticError> {
        let action = Action::ChooseKey(key);
        self.enter(&action)?;
        let data = [0x80, 0x01, algorithm::PKCS1, 0x83, 0x01, key.0];
        let command = Command::new(
            0x00,
            Instruction::MANAGE_SECURITY_ENVIRONMENT,
            SET,
            template,
        )
        .with_data(data);
        match self.transmit(&action, &command)?.status {
            StatusWord::OK => Ok(()),
            StatusWord::REFERENCE_NOT_FOUND => Err(AuthenticError::KeyAbsent { action, key }),
            status => Err(AuthenticError::from_status(action, status)),
        }
    }

    fn operate(
        &mut self,
        action: Action,
        key: KeyId,
        (p1, p2): (u8, u8),
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, AuthenticError> {
        let command = Command::new(0x00, Instruction(PERFORM_SECURITY_OPERATION), p1, p2)
            .with_data(data)
            .with_expected(Expected::SHORT_MAX);
        let response = self.transmit(&action, &command)?;
        match response.status {
            StatusWord::OK => Ok(response.data),
            StatusWord::REFERENCE_NOT_FOUND => Err(AuthenticError::KeyAbsent { action, key }),
            status => Err(AuthenticError::from_status(action, status)),
        }
    }

    /// Whether a key signs without a passcode: logs out and lets it sign a digest of zeros.
    ///
    /// A card whose keys were made with `00 00` where "never" was meant does. Nothing is changed
    /// on the card and no try is spent, but every passcode has to be verified anew.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::KeyAbsent`], [`AuthenticError::Refused`] for an answer that says neither
    /// yes nor no.
    pub fn signs_without_passcode(
        &mut self,
        key: KeyId,
    ) -> Result<Option<Finding>, AuthenticError> {
        self.select_application()?;
        let signed = match self.choose(key, SIGNATURE_TEMPLATE) {
            Ok(()) => {
                let info = Digest::Sha256([0; 32]).digest_info();
                self.operate(Action::Sign(key), key, COMPUTE_SIGNATURE, &info)
            }
            Err(error) => Err(error),
        };
        match signed {
            Ok(_) => Ok(Some(Finding::of(
                &crate::pkcs15::Structure::dedicated_file(),
                Problem::NoPasscodeForKey {
                    key,
                    detail: "it did so when asked without one".to_owned(),
                },
            ))),
            Err(AuthenticError::AccessDenied { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Token for Client {
    fn applet(&self) -> Applet {
        Applet::V3
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

    fn initialise(&mut self, what: &Initialisation) -> Result<(), AuthenticError> {
        self.make_structure(what)
    }

    fn contents(&mut self) -> Result<Contents, AuthenticError> {
        if !self.exists(&FilePath::below_master(&[crate::words::v3::PKCS15]))? {
            return Err(AuthenticError::NotInitialised {
                action: Action::List(FilePath::master()),
            });
        }
        let mut contents = self.read_contents()?;
        contents.token.passcode_set = Some(self.state(Role::User)?.set);
        Ok(contents)
    }

    fn tries(&mut self, role: Role) -> Result<Tries, AuthenticError> {
        self.tries_with_limit(role)
    }

    fn verify(&mut self, passcode: &Passcode, last: LastTry) -> Result<(), AuthenticError> {
        self.verify_as(Role::User, passcode, last)
    }

    fn verify_officer(
        &mut self,
        passcode: &OfficerPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError> {
        self.verify_as(Role::Officer, passcode, last)
    }

    /// The card's own policy sets the try limit.
    fn set_passcode(&mut self, new: &NewPasscode, _: u8) -> Result<(), AuthenticError> {
        self.reset_to(Action::Define(Role::User), new)
    }

    fn change_passcode(
        &mut self,
        old: &Passcode,
        new: &NewPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError> {
        self.change_as(Role::User, old, new.as_passcode(), last)
    }

    fn change_officer(
        &mut self,
        old: &OfficerPasscode,
        new: &OfficerPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError> {
        self.change_as(Role::Officer, old, new, last)
    }

    fn unlock(
        &mut self,
        officer: &OfficerPasscode,
        new: &NewPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError> {
        self.officer_may_reset()?;
        self.verify_as(Role::Officer, officer, last)?;
        self.reset_to(Action::Unblock, new)
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
        self.choose(key, SIGNATURE_TEMPLATE)?;
        let action = Action::Sign(key);
        let info = digest.digest_info();
        let signature = self.operate(action.clone(), key, COMPUTE_SIGNATURE, &info)?;
        if signature.len() < 128 || !signature.len().is_multiple_of(32) {
            return Err(AuthenticError::MalformedAnswer {
                action,
                detail: format!("a signature of {} bytes", signature.len()),
            });
        }
        Ok(signature.to_vec())
    }

    fn decipher(
        &mut self,
        key: KeyId,
        cryptogram: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, AuthenticError> {
        let action = Action::Decipher(key);
        if cryptogram.len() < 128 || cryptogram.len() > 256 {
            return Err(AuthenticError::Impossible {
                action,
                detail: format!(
                    "a cryptogram has 128 to 256 bytes, this one has {}",
                    cryptogram.len()
                ),
            });
        }
        self.choose(key, CONFIDENTIALITY_TEMPLATE)?;
        self.operate(action, key, DECIPHER, cryptogram)
    }

    fn clear(&mut self) -> Result<(), AuthenticError> {
        let contents = self.contents()?;
        for key in &contents.keys {
            self.erase_certificate(key.id)?;
            self.erase_key(key.id)?;
        }
        // What is listed without a key, and what is no longer understood, goes with the lists.
        for kind in [
            crate::pkcs15::DirectoryKind::Certificates,
            crate::pkcs15::DirectoryKind::DataObjects,
            crate::pkcs15::DirectoryKind::PublicKeys,
            crate::pkcs15::DirectoryKind::PrivateKeys,
        ] {
            let opened = self.open::<crate::pkcs15::Certificate>(&Action::Clear, kind)?;
            if opened.bytes.iter().any(|byte| *byte != 0) {
                self.erase(&opened.path)?;
            }
        }
        for file in contents.data.iter().map(|data| &data.file).chain(
            contents
                .certificates
                .iter()
                .map(|certificate| &certificate.file),
        ) {
            if is_in_structure(file) && is_object_file(file) {
                self.delete(file)?;
            }
        }
        self.stamp()
    }

    fn log_out(&mut self) -> Result<(), AuthenticError> {
        self.select_application()
    }
}

/// Whether a file is an object's own: directories are below 8000, and the change stamp is none.
fn is_object_file(path: &FilePath) -> bool {
    let file = path.identifier();
    file >= 0xA000
}
