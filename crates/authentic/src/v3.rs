//! AuthentIC v3.2.2 on Cosmo v7: a PKCS#15 structure over transparent files, credentials with
//! policies, keys as security data objects.
//!
//! Everything is as OpenSC's driver speaks to the card (commit 14c80b0, `card-authentic.c`,
//! `pkcs15init/pkcs15-authentic.c`); none of it is confirmed on an NHS card.

pub mod access;
pub mod control;
pub mod sdo;

mod certificates;
mod contents;
mod files;
mod initialise;
mod objects;
mod passcodes;
mod records;
mod token;

use iso7816::{Channel, Command, Expected, Instruction, Response, StatusWord};

use crate::words::v3::AID;
use crate::{Action, Applet, AuthenticError, FilePath};

pub use self::objects::KeyRules;

/// A selected AuthentIC v3 application.
#[derive(Debug)]
pub struct Client {
    channel: Channel,
}

/// Most data bytes of a command that goes under SCP01; each part of a chain has a MAC of its own.
const MOST_SECURED: usize = 239;
/// Most data bytes behind a short Lc.
const MOST_PLAIN: usize = 255;

impl Client {
    /// Selects the application, then its master file.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::NoApplet`], [`AuthenticError::Channel`].
    pub fn select(channel: Channel) -> Result<Self, AuthenticError> {
        let mut client = Self::over(channel);
        client.select_application()?;
        Ok(client)
    }

    /// A client that has to select the application before anything else.
    pub(crate) fn over(channel: Channel) -> Self {
        Self { channel }
    }

    /// The application anew: every credential is forgotten.
    fn select_application(&mut self) -> Result<(), AuthenticError> {
        let command = Command::new(0x00, Instruction::SELECT, 0x04, 0x00)
            .with_data(AID)
            .with_expected(Expected::SHORT_MAX);
        let action = Action::SelectApplet(Applet::V3);
        let response = self.transmit(&action, &command)?;
        if !response.status.is_ok() {
            return Err(AuthenticError::NoApplet {
                applet: Applet::V3,
                status: response.status,
            });
        }
        self.file(&FilePath::master()).map(|_| ())
    }

    /// The channel, for secure messaging and for commands outside this crate.
    pub fn channel_mut(&mut self) -> &mut Channel {
        &mut self.channel
    }

    /// Gives the channel back. The card keeps its security status.
    #[must_use]
    pub fn into_channel(self) -> Channel {
        self.channel
    }

    /// Random bytes of the card: it always gives 24.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::Channel`], [`AuthenticError::Refused`],
    /// [`AuthenticError::MalformedAnswer`] for another number of bytes.
    pub fn challenge(&mut self) -> Result<[u8; CHALLENGE], AuthenticError> {
        let command = Command::new(0x00, Instruction::GET_CHALLENGE, 0x00, 0x00)
            .with_expected(Expected::new(CHALLENGE as u32));
        let action = Action::ReadChallenge;
        let response = self.succeed(&action, &command)?;
        let length = response.data.len();
        response.data[..]
            .try_into()
            .map_err(|_| AuthenticError::MalformedAnswer {
                action,
                detail: format!("{CHALLENGE} random bytes were expected, {length} came"),
            })
    }

    fn transmit(&mut self, action: &Action, command: &Command) -> Result<Response, AuthenticError> {
        self.channel
            .transmit(command)
            .map_err(|source| AuthenticError::Channel {
                action: action.clone(),
                source,
            })
    }

    /// The response to a command that must succeed.
    fn succeed(&mut self, action: &Action, command: &Command) -> Result<Response, AuthenticError> {
        let response = self.transmit(action, command)?;
        if response.status == StatusWord::OK {
            Ok(response)
        } else {
            Err(AuthenticError::from_status(action.clone(), response.status))
        }
    }

    /// Most data bytes of one command.
    fn most(&self) -> usize {
        if self.channel.is_secured() {
            MOST_SECURED
        } else {
            MOST_PLAIN
        }
    }

    /// A command of any length. Under secure messaging it is split here, since each part has a MAC
    /// of its own; the channel splits it otherwise.
    fn transmit_long(
        &mut self,
        action: &Action,
        command: &Command,
    ) -> Result<Response, AuthenticError> {
        if !self.channel.is_secured() {
            return self.transmit(action, command);
        }
        let mut rest = &command.data[..];
        while rest.len() > MOST_SECURED {
            let (part, after) = rest.split_at(MOST_SECURED);
            let class = command.class | Command::CHAINING;
            let link = Command::new(class, command.instruction, command.p1, command.p2);
            let response = self.transmit(action, &link.with_data(part))?;
            if !response.status.is_ok() {
                return Ok(response);
            }
            rest = after;
        }
        let last = Command::new(command.class, command.instruction, command.p1, command.p2);
        let last = Command {
            expected: command.expected,
            ..last.with_data(rest)
        };
        self.transmit(action, &last)
    }
}

const CHALLENGE: usize = crate::words::v3::CHALLENGE_SIZE;

#[cfg(test)]
mod tests;
