use ground::{Blame, Blamed};
use thiserror::Error;
use zeroize::Zeroize;

use crate::{
    Command, CommandError, Disposition, Expected, Instruction, Link, LinkError, Protocol, Reset,
    Response,
};

/// Typed commands over a link.
///
/// A channel sends a command whatever its length and returns the whole response: data fields
/// longer than the card takes are chained (ISO/IEC 7816-4, 5.3.3), 61XX is followed with GET
/// RESPONSE, 6CXX repeats the command with the length the card named.
pub struct Channel {
    link: Box<dyn Link>,
    limits: Limits,
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
        Self { link, limits }
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

    /// Resets the card.
    ///
    /// # Errors
    ///
    /// [`LinkError`].
    pub fn reset(&mut self, reset: Reset) -> Result<(), LinkError> {
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
    /// status word is then the card's 61XX. Any other Ne, and none, takes all there is.
    ///
    /// # Errors
    ///
    /// [`ChannelError::Link`] when bytes were lost; the others when the card breaks the rules of
    /// chaining or never stops answering.
    pub fn transmit(&mut self, command: &Command) -> Result<Response, ChannelError> {
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
}

impl Blamed for ChannelError {
    fn blame(&self) -> Blame {
        match self {
            Self::Link(error) => error.blame(),
            Self::Command(_) => Blame::OperatorMistake,
            Self::LengthNeverRight | Self::EndlessResponse { .. } => Blame::CardMisbehaved,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Link(error) => error.hint(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
