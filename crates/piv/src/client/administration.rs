use ground::Ambient;
use iso7816::StatusWord;
use subtle::ConstantTimeEq;

use super::{Client, commands, template_element};
use crate::secrets::AdminKey;
use crate::words::Algorithm;
use crate::{Action, PivError};

/// What was proved by [`Client::authenticate_admin`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AdminAuthentication {
    /// Host and card have proved to each other that they know the key.
    Mutual,
    /// The host has proved it; the card does not offer to.
    External,
}

/// Key 9B.
impl Client {
    /// Authenticates with key 9B, mutually if the card can (SP 800-73-5 Part 2, A.1), else the
    /// host alone. The challenge is drawn from `ambient`.
    ///
    /// # Errors
    ///
    /// [`PivError::WrongAdminKey`] when the card does not accept the host,
    /// [`PivError::CardNotGenuine`] when the host does not accept the card, whatever else the card
    /// says; [`PivError::Refused`] and [`PivError::Malformed`].
    pub fn authenticate_admin(
        &mut self,
        key: &AdminKey,
        ambient: &dyn Ambient,
    ) -> Result<AdminAuthentication, PivError> {
        let action = Action::AuthenticateAdmin;
        let request = commands::request_witness(key.algorithm());
        let response = self.send(action, &request)?;
        match response.status {
            StatusWord::OK => self.authenticate_mutually(key, &response.data, ambient),
            // How cards say that they do not know the form, as opposed to the key.
            StatusWord::WRONG_DATA
            | StatusWord::FUNCTION_NOT_SUPPORTED
            | StatusWord::WRONG_P1P2
            | StatusWord::WRONG_LENGTH
            | StatusWord::CONDITIONS_NOT_SATISFIED => self.authenticate_externally(key),
            status => Err(PivError::Refused { action, status }),
        }
    }

    /// Replaces key 9B by the vendor command [`commands::set_admin_key`]. Needs
    /// [`Client::authenticate_admin`] with the old key.
    ///
    /// # Errors
    ///
    /// [`PivError::Impossible`] for a weak key, [`PivError::Refused`].
    pub fn set_admin_key(&mut self, key: &AdminKey) -> Result<(), PivError> {
        let action = Action::SetAdminKey;
        if key.is_weak() {
            return Err(PivError::Impossible {
                action,
                what: format!("the new {} key is weak", key.algorithm()),
            });
        }
        self.done(action, &commands::set_admin_key(key))
    }

    /// Random bytes from the card: a challenge of key 9B, of the block size of its algorithm. A
    /// card may refuse a second one in a row.
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`], [`PivError::Malformed`].
    pub fn challenge(&mut self, algorithm: Algorithm) -> Result<Vec<u8>, PivError> {
        let action = Action::Challenge;
        let data = self.data(action, &commands::request_challenge(algorithm))?;
        template_element(action, commands::CHALLENGE, &data)
    }

    fn authenticate_mutually(
        &mut self,
        key: &AdminKey,
        response: &[u8],
        ambient: &dyn Ambient,
    ) -> Result<AdminAuthentication, PivError> {
        let action = Action::AuthenticateAdmin;
        let mut witness = template_element(action, commands::WITNESS, response)?;
        one_block(action, key, "witness", &witness)?;
        key.decrypt(&mut witness);

        let mut challenge = vec![0; key.block_size()];
        ambient.fill_random(&mut challenge);
        let command = commands::answer_witness(key.algorithm(), &witness, &challenge);
        let response = self.send(action, &command)?;
        admin_accepted(action, response.status)?;

        let mut expected = challenge;
        key.encrypt(&mut expected);
        let cryptogram = template_element(action, commands::RESPONSE, &response.data)?;
        if bool::from(cryptogram.ct_eq(&expected)) {
            Ok(AdminAuthentication::Mutual)
        } else {
            Err(PivError::CardNotGenuine { action })
        }
    }

    fn authenticate_externally(&mut self, key: &AdminKey) -> Result<AdminAuthentication, PivError> {
        let action = Action::AuthenticateAdmin;
        let request = commands::request_challenge(key.algorithm());
        let mut block =
            template_element(action, commands::CHALLENGE, &self.data(action, &request)?)?;
        one_block(action, key, "challenge", &block)?;
        key.encrypt(&mut block);
        let answer = commands::answer_challenge(key.algorithm(), &block);
        let response = self.send(action, &answer)?;
        admin_accepted(action, response.status)?;
        Ok(AdminAuthentication::External)
    }
}

/// What the status word says about an answer made with key 9B.
fn admin_accepted(action: Action, status: StatusWord) -> Result<(), PivError> {
    match status {
        StatusWord::OK => Ok(()),
        StatusWord::SECURITY_STATUS_NOT_SATISFIED
        | StatusWord::VERIFICATION_FAILED
        | StatusWord::WRONG_DATA => Err(PivError::WrongAdminKey { action, status }),
        status if status.tries_left().is_some() => Err(PivError::WrongAdminKey { action, status }),
        status => Err(PivError::Refused { action, status }),
    }
}

fn one_block(action: Action, key: &AdminKey, what: &str, bytes: &[u8]) -> Result<(), PivError> {
    if bytes.len() == key.block_size() {
        return Ok(());
    }
    Err(PivError::Malformed {
        action,
        what: format!(
            "{what} of {} bytes, {} has {}",
            bytes.len(),
            key.algorithm(),
            key.block_size()
        ),
    })
}
