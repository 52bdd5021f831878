use iso7816::{
    Command, Expected, Instruction, Response, SecureMessaging, SecureMessagingError, StatusWord,
};

use super::session::Session;
use super::{Scp03Error, SecurityLevel};

/// An open session apart from its channel: protects commands and opens responses.
///
/// [`SecureChannel`](super::SecureChannel) holds one. As [`SecureMessaging`] it can also be given
/// to the [`Channel`](iso7816::Channel) itself, for a client that knows nothing of it; see
/// [`SecureChannel::into_messaging`](super::SecureChannel::into_messaging).
#[derive(Debug)]
pub struct Scp03Messaging {
    session: Session,
    level: SecurityLevel,
    state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Open,
    /// A command went out and its response has not come yet.
    AwaitingResponse,
    Ended,
}

impl Scp03Messaging {
    pub(super) fn new(session: Session, level: SecurityLevel) -> Self {
        Self {
            session,
            level,
            state: State::Open,
        }
    }

    /// The protected form of a command with class 00 or 80.
    ///
    /// # Errors
    ///
    /// [`Scp03Error::TooLong`] and [`Scp03Error::Class`], after which the session goes on;
    /// [`Scp03Error::Ended`], also when the command before got no response.
    pub fn protect(&mut self, command: &Command) -> Result<Command, Scp03Error> {
        if self.state != State::Open {
            self.end();
            return Err(Scp03Error::Ended);
        }
        let mut wrapped = self.session.wrap(command)?;
        if self.level.authenticates_responses() {
            // There is always a MAC to fetch.
            wrapped.expected = Some(Expected::SHORT_MAX);
        }
        self.state = State::AwaitingResponse;
        Ok(wrapped)
    }

    /// The response to the command protected last, checked and in clear.
    ///
    /// # Errors
    ///
    /// [`Scp03Error`]; every error ends the session.
    pub fn unprotect(&mut self, response: Response) -> Result<Response, Scp03Error> {
        if self.state != State::AwaitingResponse {
            self.end();
            return Err(Scp03Error::Ended);
        }
        self.state = State::Ended;
        if matches!(
            response.status,
            StatusWord::SM_OBJECTS_MISSING | StatusWord::SM_OBJECTS_INCORRECT
        ) {
            return Err(Scp03Error::CommandMac {
                status: response.status,
            });
        }
        let response = self.session.unwrap(response)?;
        self.state = State::Open;
        Ok(response)
    }

    /// Whether the session goes on.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Ends the session on this side. Its keys are zeroized when it is dropped.
    pub fn end(&mut self) {
        self.state = State::Ended;
    }
}

impl SecureMessaging for Scp03Messaging {
    /// All commands of classes 00 and 80 but SELECT, which ends the session on the card. A MAC is
    /// over one APDU and its Lc, so a command the channel would have to chain is refused.
    fn wraps(&self, command: &Command) -> bool {
        matches!(command.class, 0x00 | 0x80) && command.instruction != Instruction::SELECT
    }

    fn protect(&mut self, command: &Command) -> Result<Command, SecureMessagingError> {
        self.protect(command).map_err(SecureMessagingError::new)
    }

    fn unprotect(&mut self, response: &Response) -> Result<Response, SecureMessagingError> {
        self.unprotect(response.clone())
            .map_err(SecureMessagingError::new)
    }

    fn end(&mut self) {
        self.end();
    }

    fn is_open(&self) -> bool {
        self.is_open()
    }
}
