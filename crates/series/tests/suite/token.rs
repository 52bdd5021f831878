//! An AuthentIC application in memory, by the promises of [`Token`] alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use authentic::secrets::{NewPasscode, OfficerPasscode, Passcode};
use authentic::{
    Action, Applet, AuthenticError, Contents, Digest, Initialisation, KeyId, KeySpec, LastTry,
    Role, Token, Tries,
};
use iso7816::Channel;
use rsa::{RsaPrivateKey, RsaPublicKey};
use zeroize::Zeroizing;

/// What is on the card, for tests to look at while a `Card` owns the token.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) passcode: Vec<u8>,
    pub(crate) officer: Vec<u8>,
    pub(crate) left: [u8; 2],
    pub(crate) verified: bool,
    pub(crate) keys: BTreeMap<KeyId, u16>,
    pub(crate) certificates: BTreeMap<KeyId, Vec<u8>>,
    /// What was tried, in order.
    pub(crate) tried: Vec<Role>,
}

pub(crate) struct MemoryToken {
    pub(crate) channel: Channel,
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) public: RsaPublicKey,
}

impl MemoryToken {
    fn attempt(&self, role: Role, given: &[u8], last: LastTry) -> Result<(), AuthenticError> {
        let action = Action::Verify(role);
        let mut state = self.state.lock().unwrap();
        let index = usize::from(role == Role::Officer);
        match state.left[index] {
            0 => return Err(AuthenticError::Blocked { action, role }),
            1 if last == LastTry::Refuse => {
                return Err(AuthenticError::LastTryRefused { action, role });
            }
            _ => {}
        }
        state.tried.push(role);
        let right = match role {
            Role::User => given == state.passcode,
            Role::Officer => given == state.officer,
        };
        if right {
            state.left[index] = 3;
            state.verified |= role == Role::User;
            return Ok(());
        }
        state.left[index] -= 1;
        Err(AuthenticError::WrongPasscode {
            action,
            role,
            tries_left: Some(state.left[index]),
        })
    }

    fn needs_passcode(&self, action: Action) -> Result<(), AuthenticError> {
        match self.state.lock().unwrap().verified {
            true => Ok(()),
            false => Err(AuthenticError::from_status(
                action,
                iso7816::StatusWord::SECURITY_STATUS_NOT_SATISFIED,
            )),
        }
    }
}

impl Token for MemoryToken {
    fn applet(&self) -> Applet {
        Applet::V3
    }

    fn channel_mut(&mut self) -> &mut Channel {
        &mut self.channel
    }

    fn into_channel(self: Box<Self>) -> Channel {
        self.channel
    }

    fn is_initialised(&mut self) -> Result<bool, AuthenticError> {
        Ok(true)
    }

    fn initialise(&mut self, _: &Initialisation) -> Result<(), AuthenticError> {
        unreachable!("no test initialises it")
    }

    fn contents(&mut self) -> Result<Contents, AuthenticError> {
        Ok(Contents::default())
    }

    fn tries(&mut self, role: Role) -> Result<Tries, AuthenticError> {
        let index = usize::from(role == Role::Officer);
        Ok(Tries::left(self.state.lock().unwrap().left[index]))
    }

    fn verify(&mut self, passcode: &Passcode, last: LastTry) -> Result<(), AuthenticError> {
        self.attempt(Role::User, passcode.bytes(), last)
    }

    fn verify_officer(
        &mut self,
        passcode: &OfficerPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError> {
        self.attempt(Role::Officer, passcode.bytes(), last)
    }

    fn set_passcode(&mut self, _: &NewPasscode, _: u8) -> Result<(), AuthenticError> {
        unreachable!("no test sets a first passcode")
    }

    fn change_passcode(
        &mut self,
        old: &Passcode,
        new: &NewPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError> {
        self.attempt(Role::User, old.bytes(), last)?;
        self.state.lock().unwrap().passcode = new.as_passcode().bytes().to_vec();
        Ok(())
    }

    fn change_officer(
        &mut self,
        _: &OfficerPasscode,
        _: &OfficerPasscode,
        _: LastTry,
    ) -> Result<(), AuthenticError> {
        unreachable!("no test changes the officer's passcode")
    }

    fn unlock(
        &mut self,
        officer: &OfficerPasscode,
        new: &NewPasscode,
        last: LastTry,
    ) -> Result<(), AuthenticError> {
        self.attempt(Role::Officer, officer.bytes(), last)?;
        let mut state = self.state.lock().unwrap();
        state.passcode = new.as_passcode().bytes().to_vec();
        state.left[0] = 3;
        Ok(())
    }

    fn generate(&mut self, spec: &KeySpec) -> Result<RsaPublicKey, AuthenticError> {
        let action = Action::Generate(spec.id);
        self.needs_passcode(action.clone())?;
        let mut state = self.state.lock().unwrap();
        if state.keys.insert(spec.id, spec.bits).is_some() {
            return Err(AuthenticError::KeyExists {
                action,
                key: spec.id,
            });
        }
        Ok(self.public.clone())
    }

    fn import_key(&mut self, spec: &KeySpec, _: &RsaPrivateKey) -> Result<(), AuthenticError> {
        self.generate(spec).map(drop)
    }

    fn write_certificate(&mut self, key: KeyId, der: &[u8], _: &str) -> Result<(), AuthenticError> {
        let mut state = self.state.lock().unwrap();
        if !state.keys.contains_key(&key) {
            return Err(AuthenticError::KeyAbsent {
                action: Action::WriteCertificate(key),
                key,
            });
        }
        state.certificates.insert(key, der.to_vec());
        Ok(())
    }

    fn certificate(&mut self, key: KeyId) -> Result<Option<Vec<u8>>, AuthenticError> {
        Ok(self.state.lock().unwrap().certificates.get(&key).cloned())
    }

    fn delete_certificate(&mut self, key: KeyId) -> Result<(), AuthenticError> {
        self.state.lock().unwrap().certificates.remove(&key);
        Ok(())
    }

    fn delete_key(&mut self, key: KeyId) -> Result<(), AuthenticError> {
        self.needs_passcode(Action::DeleteKey(key))?;
        self.state.lock().unwrap().keys.remove(&key);
        Ok(())
    }

    fn sign(&mut self, key: KeyId, digest: Digest) -> Result<Vec<u8>, AuthenticError> {
        self.needs_passcode(Action::Sign(key))?;
        Ok([&[key.0], &digest.digest_info()[..]].concat())
    }

    fn decipher(&mut self, _: KeyId, _: &[u8]) -> Result<Zeroizing<Vec<u8>>, AuthenticError> {
        unreachable!("no test deciphers")
    }

    fn clear(&mut self) -> Result<(), AuthenticError> {
        self.needs_passcode(Action::Clear)?;
        let mut state = self.state.lock().unwrap();
        state.keys.clear();
        state.certificates.clear();
        Ok(())
    }

    fn reselect(&mut self) -> Result<(), AuthenticError> {
        self.log_out()
    }

    fn log_out(&mut self) -> Result<(), AuthenticError> {
        self.state.lock().unwrap().verified = false;
        Ok(())
    }
}
