use iso7816::{Command, Instruction, Response, SecureMessaging, SecureMessagingError, StatusWord};
use subtle::ConstantTimeEq;

use super::key::Block;
use super::message::{self, ProtectedResponse};
use super::{CipherSuite, SessionKey, SessionKeys, SmError};
use crate::words::KeyReference;

#[cfg(test)]
mod tests;

/// A secure messaging session, host side (SP 800-73-5 Part 2, 4.2).
///
/// Commands and responses alternate: [`Session::protect`], then [`Session::unprotect`]. Anything
/// that goes wrong with a response ends the session, as it does on the card: the keys are
/// zeroized and every further call gives [`SmError::Ended`]. A status word the card gave inside
/// the protected response is no such error, however bad.
#[derive(Debug)]
pub struct Session {
    suite: CipherSuite,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    encryption: SessionKey,
    command_mac: SessionKey,
    response_mac: SessionKey,
    state: SessionState,
    awaiting_response: bool,
}

/// Counter and chaining values of a session. Not secret: they follow from what is on the wire,
/// or can be shown with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionState {
    /// The encryption counter of the next command, or of the command not answered yet. 1 after
    /// establishment.
    pub counter: u128,
    /// The whole MAC of the last command, zeros before the first.
    pub command_chaining: Block,
    /// The whole MAC of the last response, zeros before the first.
    pub response_chaining: Block,
}

impl Session {
    /// A session right after establishment. The confirmation key is dropped.
    #[must_use]
    pub fn new(suite: CipherSuite, keys: SessionKeys) -> Self {
        Self {
            suite,
            open: Some(Open {
                encryption: keys.encryption,
                command_mac: keys.command_mac,
                response_mac: keys.response_mac,
                state: SessionState {
                    counter: 1,
                    command_chaining: Block::default(),
                    response_chaining: Block::default(),
                },
                awaiting_response: false,
            }),
        }
    }

    /// The cipher suite.
    #[must_use]
    pub fn suite(&self) -> CipherSuite {
        self.suite
    }

    /// Counter and chaining values; `None` once the session has ended.
    #[must_use]
    pub fn state(&self) -> Option<SessionState> {
        self.open.as_ref().map(|open| open.state)
    }

    /// Whether there are keys.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Zeroizes the keys. To be called on reset and whenever a protected command got no answer:
    /// the card may or may not have seen it.
    pub fn end(&mut self) {
        self.open = None;
    }

    /// The protected form of a command with class 00, whatever its length. It is sent in
    /// [`message::parts`], or by a channel that chains.
    ///
    /// # Errors
    ///
    /// [`SmError::Ended`]; [`SmError::Class`] for another class, which leaves the session as it
    /// is; [`SmError::Unanswered`] if the last command got no response, which ends it.
    pub fn protect(&mut self, command: &Command) -> Result<Command, SmError> {
        let open = self.open.as_mut().ok_or(SmError::Ended)?;
        if command.class != 0x00 {
            return Err(SmError::Class {
                class: command.class,
            });
        }
        if open.awaiting_response {
            self.end();
            return Err(SmError::Unanswered);
        }
        Ok(open.protect(command))
    }

    /// The plain response to the command last protected: decrypted data and the status word from
    /// inside. Give the whole response, all GET RESPONSE rounds together.
    ///
    /// # Errors
    ///
    /// [`SmError::Ended`]; all others end the session.
    pub fn unprotect(&mut self, response: &Response) -> Result<Response, SmError> {
        let open = self.open.as_mut().ok_or(SmError::Ended)?;
        let plain = open.unprotect(response);
        if plain.is_err() {
            self.end();
        }
        plain
    }
}

impl Open {
    fn protect(&mut self, command: &Command) -> Command {
        let iv = message::command_iv(&self.encryption, self.state.counter);
        let mut objects = message::encrypt(&self.encryption, &iv, &command.data);
        if command.expected.is_some() {
            iso7816::ber::write(&mut objects, message::LE, &[0x00]);
        }
        let header = [command.instruction.0, command.p1, command.p2];
        let chaining = &self.state.command_chaining;
        let mac = message::command_mac(&self.command_mac, chaining, header, &objects);
        self.state.command_chaining = mac;
        self.awaiting_response = true;
        message::command(command.instruction, command.p1, command.p2, objects, &mac)
    }

    fn unprotect(&mut self, response: &Response) -> Result<Response, SmError> {
        if !self.awaiting_response {
            return Err(SmError::NothingAsked);
        }
        match response.status {
            StatusWord::OK => {}
            StatusWord::SECURE_MESSAGING_NOT_SUPPORTED => return Err(SmError::NotSupported),
            StatusWord::SECURITY_STATUS_NOT_SATISFIED => return Err(SmError::NoSessionKeys),
            StatusWord::SM_OBJECTS_MISSING => return Err(SmError::ObjectsMissing),
            StatusWord::SM_OBJECTS_INCORRECT => return Err(SmError::ObjectsIncorrect),
            status => return Err(SmError::Unprotected { status }),
        }
        let protected = ProtectedResponse::parse(&response.data)?;
        let chaining = &self.state.response_chaining;
        let mac = message::response_mac(&self.response_mac, chaining, protected.covered);
        if !bool::from(mac[..message::MAC_SIZE].ct_eq(protected.mac)) {
            return Err(SmError::Mac);
        }
        let mut plain = Response::status(protected.status);
        if let Some(cryptogram) = protected.cryptogram {
            let iv = message::response_iv(&self.encryption, self.state.counter);
            plain.data = message::decrypt(&self.encryption, &iv, cryptogram)?;
        }
        self.state.response_chaining = mac;
        // One more for every answered command, also if nothing was encrypted.
        self.state.counter += 1;
        self.awaiting_response = false;
        Ok(plain)
    }
}

impl SecureMessaging for Session {
    /// GET DATA, VERIFY, CHANGE REFERENCE DATA and GENERAL AUTHENTICATE with class 00 (4.2), but
    /// not the establishment of another session. All others go in clear, as card management does
    /// on the contact interface.
    fn wraps(&self, command: &Command) -> bool {
        let establishes = command.instruction == Instruction::GENERAL_AUTHENTICATE
            && command.p2 == KeyReference::SecureMessaging.byte();
        command.class == 0x00
            && !establishes
            && matches!(
                command.instruction,
                Instruction::GET_DATA
                    | Instruction::VERIFY
                    | Instruction::CHANGE_REFERENCE_DATA
                    | Instruction::GENERAL_AUTHENTICATE
            )
    }

    fn protect(&mut self, command: &Command) -> Result<Command, SecureMessagingError> {
        self.protect(command).map_err(SecureMessagingError::new)
    }

    fn unprotect(&mut self, response: &Response) -> Result<Response, SecureMessagingError> {
        self.unprotect(response).map_err(SecureMessagingError::new)
    }

    fn end(&mut self) {
        self.end();
    }

    fn is_open(&self) -> bool {
        self.is_open()
    }
}
