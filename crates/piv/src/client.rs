use iso7816::ber::{self, Tag};
use iso7816::{Channel, Command, Expected, Limits, Protocol, Reset, Response, StatusWord};
use zeroize::Zeroizing;

use crate::secrets::{Passcode, Puk};
use crate::words::{AID, AID_TRUNCATED, ObjectId, PinReference};
use crate::{Action, PivError};

mod administration;
mod application;
pub mod commands;
mod keys;
mod secure_messaging;

pub use administration::AdminAuthentication;
pub use application::{ApplicationProperties, ExtendedLength};
pub use secure_messaging::SecuredCard;

/// A selected PIV application: the host's side of SP 800-73-5 Part 2, section 3.
pub struct Client {
    channel: Channel,
    application: ApplicationProperties,
    /// Ne of every command that expects data of unforeseeable length.
    expected: Expected,
}

/// How a reference stands with the card, read without spending a try.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tries {
    /// Verified already in this session.
    Verified,
    /// This many tries left.
    Left(u8),
    /// None left.
    Blocked,
    /// The card has no such reference.
    NotPresent,
}

impl Client {
    /// Selects the PIV application: by its full identifier, and if the card refuses that, without
    /// the version.
    ///
    /// # Errors
    ///
    /// [`PivError::NotPiv`] when the card refuses both, [`PivError::Channel`] when bytes are lost.
    pub fn select(mut channel: Channel) -> Result<Self, PivError> {
        let application = Self::probe(&mut channel)?;
        Ok(Self::from_selected(channel, application))
    }

    /// Selects the PIV application on a channel the caller keeps, for identifying a card. Secure
    /// messaging there was before is ended.
    ///
    /// # Errors
    ///
    /// As [`Client::select`].
    pub fn probe(channel: &mut Channel) -> Result<ApplicationProperties, PivError> {
        channel.end_secure_messaging();
        let mut response = send(channel, Action::Select, &commands::select(&AID))?;
        if !response.status.is_ok() {
            response = send(channel, Action::Select, &commands::select(&AID_TRUNCATED))?;
        }
        match response.status {
            StatusWord::OK => Ok(ApplicationProperties::parse(&response.data)),
            status => Err(PivError::NotPiv { status }),
        }
    }

    /// A client on a channel where [`Client::probe`] has selected the application.
    #[must_use]
    pub fn from_selected(channel: Channel, application: ApplicationProperties) -> Self {
        Self {
            channel,
            application,
            expected: Expected::SHORT_MAX,
        }
    }

    /// What the card said about its application.
    #[must_use]
    pub fn application(&self) -> &ApplicationProperties {
        &self.application
    }

    /// Asks for extended length fields, or goes back to short ones. Returns whether extended ones
    /// are used from now on: only if the card announces them, in tag 7F66 or in its answer to
    /// reset, and the protocol is T=1. Without them long data is chained, which every card takes.
    pub fn use_extended(&mut self, wanted: bool) -> bool {
        let announced = self.application.extended_length.or_else(|| {
            application::atr_announces_extended(self.channel.link().atr())
                .then_some(ExtendedLength::UNLIMITED)
        });
        match announced {
            Some(length) if wanted && self.channel.link().protocol() == Protocol::T1 => {
                self.channel.set_limits(Limits {
                    command_data: length.command_data(),
                    ..Limits::SHORT
                });
                self.expected = Expected::new(length.response_data());
                true
            }
            _ => {
                self.channel.set_limits(Limits::SHORT);
                self.expected = Expected::SHORT_MAX;
                false
            }
        }
    }

    /// The channel, for commands outside the standard.
    pub fn channel_mut(&mut self) -> &mut Channel {
        &mut self.channel
    }

    /// Gives the channel back. The card keeps its security status.
    #[must_use]
    pub fn into_channel(self) -> Channel {
        self.channel
    }

    /// Resets the card and selects the application again. All security status is lost.
    ///
    /// # Errors
    ///
    /// [`PivError`].
    pub fn reset(&mut self, reset: Reset) -> Result<(), PivError> {
        self.channel
            .reset(reset)
            .map_err(|error| PivError::Channel {
                action: Action::Reset,
                source: error.into(),
            })?;
        self.reselect()
    }

    /// Selects the application again, after another was selected on the channel. All security
    /// status is lost.
    ///
    /// # Errors
    ///
    /// As [`Client::select`].
    pub fn reselect(&mut self) -> Result<(), PivError> {
        self.application = Self::probe(&mut self.channel)?;
        Ok(())
    }

    /// Reads an object: the value inside tag 53, or inside the object's own tag for the Discovery
    /// Object and the biometric information templates. `None` when the card says that there is no
    /// such object; an object created but not filled is empty.
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`], for instance before the PIN; [`PivError::Malformed`] when the
    /// wrapper is not there.
    pub fn get_data(&mut self, object: ObjectId) -> Result<Option<Vec<u8>>, PivError> {
        let wrapper = object.wrapper();
        let action = Action::Read(object);
        let response = self.read(action, object.tag())?;
        response
            .map(|bytes| unwrap(action, wrapper, &bytes))
            .transpose()
    }

    /// Reads an object as the card gives it, wrapper included.
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`].
    pub fn get_data_raw(&mut self, object: ObjectId) -> Result<Option<Vec<u8>>, PivError> {
        self.read(Action::Read(object), object.tag())
    }

    /// Reads an object outside the standard as the card gives it, wrapper included.
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`].
    pub fn get_tag_raw(&mut self, tag: Tag) -> Result<Option<Vec<u8>>, PivError> {
        self.read(Action::ReadTag(tag), tag)
    }

    /// Replaces an object. `value` is what [`Client::get_data`] will return; empty empties it.
    /// Needs [`Client::authenticate_admin`].
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`].
    pub fn put_data(&mut self, object: ObjectId, value: &[u8]) -> Result<(), PivError> {
        self.done(Action::Write(object), &commands::put_data(object, value))
    }

    /// Replaces an object outside the standard; `value` goes inside tag 53.
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`].
    pub fn put_tag(&mut self, tag: Tag, value: &[u8]) -> Result<(), PivError> {
        self.done(Action::WriteTag(tag), &commands::put_tag(tag, value))
    }

    /// Verifies a passcode or pairing code. A wrong one costs a try.
    ///
    /// # Errors
    ///
    /// [`PivError::WrongPasscode`], [`PivError::Blocked`], [`PivError::Refused`].
    pub fn verify(&mut self, reference: PinReference, passcode: &Passcode) -> Result<(), PivError> {
        let action = Action::Verify(reference);
        let response = self.send(action, &commands::verify(reference, passcode))?;
        verified(action, reference, response.status)
    }

    /// How many tries are left. Spends none.
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`] for an answer that says neither.
    pub fn tries(&mut self, reference: PinReference) -> Result<Tries, PivError> {
        let action = Action::ReadTries(reference);
        let status = self.send(action, &commands::read_tries(reference))?.status;
        match (status, status.tries_left()) {
            (StatusWord::OK, _) => Ok(Tries::Verified),
            (StatusWord::BLOCKED, _) | (_, Some(0)) => Ok(Tries::Blocked),
            (_, Some(left)) => Ok(Tries::Left(left)),
            (StatusWord::REFERENCE_NOT_FOUND, _) => Ok(Tries::NotPresent),
            _ => Err(PivError::Refused { action, status }),
        }
    }

    /// Makes the card forget that the reference was verified. Costs no try.
    ///
    /// # Errors
    ///
    /// [`PivError::Refused`] from cards older than SP 800-73-4.
    pub fn logout(&mut self, reference: PinReference) -> Result<(), PivError> {
        self.done(Action::LogOut(reference), &commands::log_out(reference))
    }

    /// Changes the PIV PIN. A wrong old one costs a try.
    ///
    /// # Errors
    ///
    /// As [`Client::verify`].
    pub fn change_passcode(&mut self, old: &Passcode, new: &Passcode) -> Result<(), PivError> {
        self.change(PinReference::Application, old.padded(), new.padded())
    }

    /// Changes the Global PIN. A wrong old one costs a try.
    ///
    /// # Errors
    ///
    /// As [`Client::verify`].
    pub fn change_global_passcode(
        &mut self,
        old: &Passcode,
        new: &Passcode,
    ) -> Result<(), PivError> {
        self.change(PinReference::Global, old.padded(), new.padded())
    }

    /// Changes the PUK. A wrong old one costs a try of the PUK.
    ///
    /// # Errors
    ///
    /// As [`Client::verify`], about the PUK.
    pub fn change_puk(&mut self, old: &Puk, new: &Puk) -> Result<(), PivError> {
        self.change(PinReference::Unblocking, old.bytes(), new.bytes())
    }

    /// Sets a new PIV PIN with the PUK and gives it all its tries back.
    ///
    /// # Errors
    ///
    /// As [`Client::verify`], about the PUK.
    pub fn reset_retry_counter(&mut self, puk: &Puk, new: &Passcode) -> Result<(), PivError> {
        let response = self.send(Action::Unblock, &commands::reset_retry_counter(puk, new))?;
        verified(Action::Unblock, PinReference::Unblocking, response.status)
    }

    fn change(
        &mut self,
        reference: PinReference,
        old: &[u8; 8],
        new: &[u8; 8],
    ) -> Result<(), PivError> {
        let action = Action::Change(reference);
        let response = self.send(action, &commands::change_reference(reference, old, new))?;
        verified(action, reference, response.status)
    }

    fn read(&mut self, action: Action, tag: Tag) -> Result<Option<Vec<u8>>, PivError> {
        let command = self.long(commands::get_data(tag));
        let response = self.send(action, &command)?;
        match response.status {
            StatusWord::OK => Ok(Some(response.data.to_vec())),
            StatusWord::NOT_FOUND => Ok(None),
            status => Err(PivError::Refused { action, status }),
        }
    }

    fn done(&mut self, action: Action, command: &Command) -> Result<(), PivError> {
        self.data(action, command).map(drop)
    }

    fn data(&mut self, action: Action, command: &Command) -> Result<Zeroizing<Vec<u8>>, PivError> {
        let response = self.send(action, command)?;
        match response.status {
            StatusWord::OK => Ok(response.data),
            status => Err(PivError::Refused { action, status }),
        }
    }

    fn send(&mut self, action: Action, command: &Command) -> Result<Response, PivError> {
        send(&mut self.channel, action, command)
    }

    /// The command, asking for as much as one response may hold.
    fn long(&self, command: Command) -> Command {
        command.with_expected(self.expected)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("channel", &self.channel)
            .field("label", &self.application.label)
            .finish_non_exhaustive()
    }
}

fn send(channel: &mut Channel, action: Action, command: &Command) -> Result<Response, PivError> {
    channel
        .transmit(command)
        .map_err(|source| PivError::Channel { action, source })
}

/// What the status word says about a passcode that was sent.
fn verified(action: Action, reference: PinReference, status: StatusWord) -> Result<(), PivError> {
    match (status, status.tries_left()) {
        (StatusWord::OK, _) => Ok(()),
        (StatusWord::BLOCKED, _) => Err(PivError::Blocked {
            action,
            what: reference,
        }),
        (StatusWord::VERIFICATION_FAILED, tries_left) | (_, tries_left @ Some(_)) => {
            Err(PivError::WrongPasscode {
                action,
                reference,
                tries_left,
            })
        }
        _ => Err(PivError::Refused { action, status }),
    }
}

fn unwrap(action: Action, wrapper: Tag, bytes: &[u8]) -> Result<Vec<u8>, PivError> {
    ber::expect(wrapper, bytes)
        .map(<[u8]>::to_vec)
        .map_err(|error| PivError::Malformed {
            action,
            what: error.to_string(),
        })
}

/// An element of the dynamic authentication template `7C`.
fn template_element(action: Action, tag: Tag, bytes: &[u8]) -> Result<Vec<u8>, PivError> {
    let malformed = |what| PivError::Malformed { action, what };
    let element = ber::expect(commands::TEMPLATE, bytes)
        .and_then(|inner| ber::find(tag, inner))
        .map_err(|error| malformed(error.to_string()))?;
    element
        .map(<[u8]>::to_vec)
        .ok_or_else(|| malformed(format!("no element `{tag}` in the template `7C`")))
}

#[cfg(test)]
mod tests;
