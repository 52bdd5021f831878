use iso7816::{Command, Instruction, Response, SecureMessaging, SecureMessagingError, StatusWord};

use super::Scp01Error;
use super::session::{SECURE_MESSAGING, Session};

/// An open session: protects commands, passes responses on. For
/// [`Channel::begin_secure_messaging`](iso7816::Channel::begin_secure_messaging).
#[derive(Debug)]
pub struct Scp01Messaging {
    session: Session,
    open: bool,
}

/// Instructions of class 00 that never go protected: MANAGE SECURITY ENVIRONMENT, PERFORM SECURITY
/// OPERATION, GET CHALLENGE, INTERNAL AUTHENTICATE, SELECT, GET RESPONSE, GET DATA.
const NEVER_WRAPPED: [u8; 7] = [0x22, 0x2A, 0x84, 0x88, 0xA4, 0xC0, 0xCA];

impl Scp01Messaging {
    pub(super) fn new(session: Session) -> Self {
        Self {
            session,
            open: true,
        }
    }
}

impl SecureMessaging for Scp01Messaging {
    /// All commands but those that never go protected. Each part of a chain has a MAC of its own,
    /// so a caller splits what is longer than [`MAX_DATA`](super::MAX_DATA) itself.
    fn wraps(&self, command: &Command) -> bool {
        let never = match command.class & !Command::CHAINING {
            0x00 => NEVER_WRAPPED.contains(&command.instruction.0),
            0x80 => command.instruction == Instruction::INITIALIZE_UPDATE,
            _ => false,
        };
        command.class & SECURE_MESSAGING == 0 && !never
    }

    fn protect(&mut self, command: &Command) -> Result<Command, SecureMessagingError> {
        if !self.open {
            return Err(SecureMessagingError::new(Scp01Error::Ended));
        }
        self.session
            .wrap(command)
            .map_err(SecureMessagingError::new)
    }

    fn unprotect(&mut self, response: &Response) -> Result<Response, SecureMessagingError> {
        match response.status {
            status @ (StatusWord::SM_OBJECTS_MISSING | StatusWord::SM_OBJECTS_INCORRECT) => {
                self.open = false;
                Err(SecureMessagingError::new(Scp01Error::CommandMac { status }))
            }
            _ => Ok(response.clone()),
        }
    }

    fn end(&mut self) {
        self.open = false;
    }

    fn is_open(&self) -> bool {
        self.open
    }
}
