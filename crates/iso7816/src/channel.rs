use ground::{Blame, Blamed};
use thiserror::Error;
use zeroize::Zeroize;

use crate::{
    Command, CommandError, Disposition, Expected, Instruction, Link, LinkError, Protocol, Reset,
    Response,
};

mod secure_messaging;

pub use secure_messaging::{SecureMessaging, SecureMessagingError};

/// Typed commands over a link.
///
/// A channel sends a command whatever its length and returns the whole response: data fields
/// longer than the card takes are chained (ISO/IEC 7816-4, 5.3.3), 61XX is followed with GET
/// RESPONSE, 6CXX repeats the command with the length the card named.
///
/// Between [`Channel::begin_secure_messaging`] and [`Channel::end_secure_messaging`] the commands
/// the protocol wraps are protected before all that, and their responses opened after it. A
/// session that breaks is not left silently: those commands are refused with
/// [`ChannelError::Protect`] until the caller ends it or begins another, so that no passcode goes
/// in clear that was meant to be protected.
pub struct Channel {
    link: Box<dyn Link>,
    limits: Limits,
    secure_messaging: Option<Box<dyn SecureMessaging>>,
}

/// What a card takes and gives in one APDU.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Most data bytes in one command APDU. Above 255 the card takes extended length fields.
    pub command_data: usize,
    /// Most data bytes a whole response may have, all GET RESPONSE rounds together.
    pub response_data: usize,
}

impl Limits {
    /// Short length fields and chaining, which every card must take.
    pub const SHORT: Self = Self {
        command_data: 255,
        // Twice the largest PIV container, rounded up: a card that never ends is cut off here.
        response_data: 32_767,
    };

    /// Whether extended length fields may be used.
    #[must_use]
    pub fn is_extended(self) -> bool {
        self.command_data > 255
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::SHORT
    }
}

impl Channel {
    /// A channel with short length fields.
    #[must_use]
    pub fn new(link: Box<dyn Link>) -> Self {
        Self::with_limits(link, Limits::SHORT)
    }

    /// A channel with the limits a profile or the card itself states.
    #[must_use]
    pub fn with_limits(link: Box<dyn Link>, limits: Limits) -> Self {
        Self {
            link,
            limits,
            secure_messaging: None,
        }
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Changes the limits, once the card has said what it takes.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The link below.
    #[must_use]
    pub fn link(&self) -> &dyn Link {
        &*self.link
    }

    /// The link below, for locking and unlocking.
    pub fn link_mut(&mut self) -> &mut dyn Link {
        &mut *self.link
    }

    /// Gives the link back.
    #[must_use]
    pub fn into_link(self) -> Box<dyn Link> {
        self.link
    }

    /// Puts the commands that follow under secure messaging. A session there was before is
    /// dropped.
    pub fn begin_secure_messaging(&mut self, session: Box<dyn SecureMessaging>) {
        self.secure_messaging = Some(session);
    }

    /// Drops the session and its keys: all commands go in clear again. The card is told nothing.
    pub fn end_secure_messaging(&mut self) {
        if let Some(mut session) = self.secure_messaging.take() {
            session.end();
        }
    }

    /// Whether there is a session with keys.
    #[must_use]
    pub fn is_secured(&self) -> bool {
        self.secure_messaging
            .as_ref()
            .is_some_and(|session| session.is_open())
    }

    /// Resets the card, which ends secure messaging.
    ///
    /// # Errors
    ///
    /// [`LinkError`].
    pub fn reset(&mut self, reset: Reset) -> Result<(), LinkError> {
        self.end_secure_messaging();
        self.link.reset(reset)
    }

    /// Ends the connection.
    ///
    /// # Errors
    ///
    /// [`LinkError`].
    pub fn disconnect(self, disposition: Disposition) -> Result<(), LinkError> {
        self.link.disconnect(disposition)
    }

    /// Sends one command and returns its whole response, whatever its status word.
    ///
    /// An Ne below 256 is a promise to take no more than that: GET RESPONSE stops there, and the
    /// status word is then the card's 61XX. Any other Ne, and none, takes all there is. The
    /// status word of a response that came protected is the one from inside.
    ///
    /// # Errors
    ///
    /// [`ChannelError::Link`] when bytes were lost; [`ChannelError::Protect`] when nothing was
    /// sent, because secure messaging has ended; [`ChannelError::Unprotect`] when the response is
    /// not to be trusted; the others when the card breaks the rules of chaining or never stops
    /// answering. Each of them ends secure messaging, but a command that fits no APDU.
    pub fn transmit(&mut self, command: &Command) -> Result<Response, ChannelError> {
        let Some(session) = &mut self.secure_messaging else {
            return self.transmit_as_is(command);
        };
        let wraps = session.wraps(command);
        let response = if wraps {
            let protected = session.protect(command).map_err(ChannelError::Protect)?;
            self.transmit_as_is(&protected)
        } else {
            self.transmit_as_is(command)
        };
        let Some(session) = &mut self.secure_messaging else {
            return response;
        };
        match response {
            Ok(response) if wraps => session.unprotect(&response).map_err(|error| {
                session.end();
                ChannelError::Unprotect(error)
            }),
            Ok(response) => Ok(response),
            Err(error) => {
                // The card may or may not have seen it, or may have been reset.
                if wraps || !matches!(error, ChannelError::Command(_)) {
                    session.end();
                }
                Err(error)
            }
        }
    }

    fn transmit_as_is(&mut self, command: &Command) -> Result<Response, ChannelError> {
        // T=0 has no extended length fields of its own (ISO/IEC 7816-3, 12.2): it chains.
        let extended = self.limits.is_extended()
            && self.link.protocol() != Protocol::T0
            && command.needs_extended();
        let part = if extended {
            self.limits.command_data.min(MAX_EXTENDED_DATA)
        } else {
            MAX_SHORT_DATA
        };
        let mut rest = &command.data[..];
        while let Some((chunk, after)) = rest
            .split_at_checked(part)
            .filter(|(_, after)| !after.is_empty())
        {
            let link_of_chain = Command {
                class: command.class | Command::CHAINING,
                expected: None,
                ..with_data_of(command, chunk)
            };
            let response = self.exchange(&link_of_chain, extended)?;
            if !response.status.is_ok() {
                return Ok(response);
            }
            rest = after;
        }
        let response = self.exchange_exact(&with_data_of(command, rest), extended)?;
        self.collect(command, response)
    }

    /// Sends one APDU and repeats it once if the card names another Le.
    fn exchange_exact(
        &mut self,
        command: &Command,
        extended: bool,
    ) -> Result<Response, ChannelError> {
        let response = self.exchange(command, extended)?;
        match response.status.corrected_length() {
            Some(length) if command.expected.is_some() => {
                let corrected = command.clone().with_expected(Expected::new(length.into()));
                let response = self.exchange(&corrected, extended)?;
                match response.status.corrected_length() {
                    Some(_) => Err(ChannelError::LengthNeverRight),
                    None => Ok(response),
                }
            }
            _ => Ok(response),
        }
    }

    /// Fetches what the card announces with 61XX until it stops, or all that was asked for came.
    fn collect(&mut self, command: &Command, first: Response) -> Result<Response, ChannelError> {
        let limit = self.limits.response_data;
        let asked = match command.expected {
            Some(expected) if expected < Expected::SHORT_MAX => expected.get() as usize,
            _ => usize::MAX,
        };
        let mut whole = first;
        while let Some(waiting) = whole.status.waiting() {
            let received = whole.data.len();
            if received >= asked {
                break;
            }
            // Never more than the card announced, nor more than was asked for.
            let next_length = usize::from(waiting).min(asked - received) as u32;
            let get_response = Command::new(
                get_response_class(command.class),
                Instruction::GET_RESPONSE,
                0,
                0,
            )
            .with_expected(Expected::new(next_length));
            let next = self.exchange_exact(&get_response, false)?;
            let received = received + next.data.len();
            if received > limit || (next.data.is_empty() && next.status.waiting().is_some()) {
                return Err(ChannelError::EndlessResponse { received });
            }
            // A growing vector would leave copies of a decrypted key behind.
            let mut data = Vec::with_capacity(received);
            data.extend_from_slice(&whole.data);
            data.extend_from_slice(&next.data);
            whole = Response::new(data, next.status);
        }
        Ok(whole)
    }

    fn exchange(&mut self, command: &Command, extended: bool) -> Result<Response, ChannelError> {
        let bytes = if extended {
            command.to_extended()?
        } else if self.link.protocol() == Protocol::T0 && !command.data.is_empty() {
            // T=0 has no room for Le after data: the card says 61XX and GET RESPONSE fetches it.
            Command {
                expected: None,
                ..command.clone()
            }
            .to_short()?
        } else {
            command.to_short()?
        };
        let mut answer = self.link.transmit(&bytes)?;
        let response = Response::parse(&answer);
        answer.zeroize();
        Ok(response?)
    }
}

/// Most data bytes behind a short Lc.
const MAX_SHORT_DATA: usize = 255;
/// Most data bytes behind an extended Lc.
const MAX_EXTENDED_DATA: usize = 65_535;

/// The same command with other data, without a copy of its own data.
fn with_data_of(command: &Command, data: &[u8]) -> Command {
    Command {
        expected: command.expected,
        ..Command::new(command.class, command.instruction, command.p1, command.p2).with_data(data)
    }
}

/// GET RESPONSE goes in clear on the logical channel of its command (ISO/IEC 7816-4, 5.4.1): an
/// interindustry class whatever the class of the command was, without secure messaging.
fn get_response_class(class: u8) -> u8 {
    if class & 0xC0 == 0x40 || class & 0xC0 == 0xC0 {
        0x40 | class & 0x0F
    } else {
        class & 0x03
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel")
            .field("link", &self.link.name())
            .field("limits", &self.limits)
            .field("secure_messaging", &self.secure_messaging)
            .finish()
    }
}

/// Why a command did not get a whole response.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ChannelError {
    /// The bytes did not get there and back.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The command fits no APDU.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The card answers 6CXX to the very length it named.
    #[error("the card answers 6Cxx to the length it named itself")]
    LengthNeverRight,
    /// The card announces more data without end.
    #[error("the card goes on announcing data after {received} bytes")]
    EndlessResponse {
        /// Bytes received so far.
        received: usize,
    },
    /// The command could not be protected; nothing was sent.
    #[error("the command was not sent: {0}")]
    Protect(#[source] SecureMessagingError),
    /// The response is not what secure messaging lets the card send.
    #[error(transparent)]
    Unprotect(SecureMessagingError),
}

impl ChannelError {
    /// The error of the secure messaging protocol, if it is one and of this type.
    #[must_use]
    pub fn secure_messaging<E: std::error::Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Protect(error) | Self::Unprotect(error) => error.downcast_ref(),
            _ => None,
        }
    }
}

impl Blamed for ChannelError {
    fn blame(&self) -> Blame {
        match self {
            Self::Link(error) => error.blame(),
            Self::Command(_) => Blame::OperatorMistake,
            Self::LengthNeverRight | Self::EndlessResponse { .. } => Blame::CardMisbehaved,
            Self::Protect(error) | Self::Unprotect(error) => error.blame(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Link(error) => error.hint(),
            Self::Protect(error) | Self::Unprotect(error) => error.hint(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
