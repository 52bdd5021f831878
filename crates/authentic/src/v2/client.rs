use std::sync::Arc;

use ground::{Ambient, System};
use iso7816::{Channel, Command, Response, StatusWord};
use zeroize::Zeroizing;

use super::commands;
use crate::words::v2::AID;
use crate::{Action, Applet, AuthenticError, FilePath};

/// A selected AuthentIC v2 application.
pub struct Client {
    pub(super) channel: Channel,
    /// For the unblocking code, which a transcript of the card's own random bytes would show.
    pub(super) ambient: Arc<dyn Ambient>,
    /// The dedicated file selected last, if known.
    pub(super) directory: Option<FilePath>,
    /// A file in [`Client::directory`] selected since.
    pub(super) selected: Option<u16>,
    pub(super) serial: Option<[u8; 4]>,
}

/// What selecting the application tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Probe {
    /// The chip's serial, bytes 15 to 18 of the answer with the production data; `None` where the
    /// card manager does not tell.
    pub serial: Option<[u8; 4]>,
}

/// Where the chip's serial is in the answer to GET DATA for the production data.
const SERIAL: std::ops::Range<usize> = 15..19;

impl Client {
    /// Selects the card manager, reads the chip's serial, and selects the application and its
    /// master file. All security status is lost.
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
        Self {
            channel,
            ambient: System::shared(),
            directory: None,
            selected: None,
            serial: None,
        }
    }

    /// The application anew: every passcode is forgotten.
    pub(super) fn select_application(&mut self) -> Result<(), AuthenticError> {
        self.serial = Self::probe(&mut self.channel)?.serial;
        self.directory = None;
        self.selected = None;
        self.enter(&FilePath::master())
    }

    /// The same on a channel the caller keeps, without selecting a file: for identifying a card.
    /// Spends no try and writes nothing.
    ///
    /// # Errors
    ///
    /// As [`Client::select`].
    pub fn probe(channel: &mut Channel) -> Result<Probe, AuthenticError> {
        channel.end_secure_messaging();
        let lost = |source| AuthenticError::Channel {
            action: Action::ReadSerial,
            source,
        };
        let manager = channel
            .transmit(&commands::select_card_manager())
            .map_err(lost)?;
        let mut serial = None;
        if manager.status.is_ok() {
            let production = channel.transmit(&commands::get_cplc()).map_err(lost)?;
            if production.status.is_ok() {
                serial = production
                    .data
                    .get(SERIAL)
                    .and_then(|bytes| bytes.first_chunk().copied());
            }
        }
        let selected = channel
            .transmit(&commands::select_application(&AID))
            .map_err(|source| AuthenticError::Channel {
                action: Action::SelectApplet(Applet::V2),
                source,
            })?;
        match selected.status {
            StatusWord::OK => Ok(Probe { serial }),
            status => Err(AuthenticError::NoApplet {
                applet: Applet::V2,
                status,
            }),
        }
    }

    /// The chip's serial, where the card manager tells it.
    #[must_use]
    pub fn serial(&self) -> Option<[u8; 4]> {
        self.serial
    }

    /// The channel, for commands outside this crate. Whoever selects files with it breaks what the
    /// client knows of the current one.
    pub fn channel_mut(&mut self) -> &mut Channel {
        &mut self.channel
    }

    /// Gives the channel back. The card keeps its security status.
    #[must_use]
    pub fn into_channel(self) -> Channel {
        self.channel
    }

    /// With another source of randomness than the operating system's.
    #[must_use]
    pub fn with_ambient(self, ambient: Arc<dyn Ambient>) -> Self {
        Self { ambient, ..self }
    }

    /// Random bytes of the card.
    ///
    /// # Errors
    ///
    /// [`AuthenticError::Refused`], [`AuthenticError::MalformedAnswer`] for another number of
    /// bytes.
    pub fn challenge<const N: usize>(&mut self) -> Result<[u8; N], AuthenticError> {
        let action = Action::ReadChallenge;
        let bytes = self.data(&action, &commands::get_challenge(N))?;
        bytes[..]
            .try_into()
            .map_err(|_| AuthenticError::MalformedAnswer {
                action,
                detail: format!("{N} random bytes were expected, {} came", bytes.len()),
            })
    }

    pub(super) fn send(
        &mut self,
        action: &Action,
        command: &Command,
    ) -> Result<Response, AuthenticError> {
        self.channel.transmit(command).map_err(|source| {
            // Whether the card has changed its current file is not known.
            self.directory = None;
            self.selected = None;
            AuthenticError::Channel {
                action: action.clone(),
                source,
            }
        })
    }

    /// Sends a command that has to succeed.
    pub(super) fn done(
        &mut self,
        action: &Action,
        command: &Command,
    ) -> Result<(), AuthenticError> {
        self.data(action, command).map(drop)
    }

    /// Sends a command that has to succeed and returns its data.
    pub(super) fn data(
        &mut self,
        action: &Action,
        command: &Command,
    ) -> Result<Zeroizing<Vec<u8>>, AuthenticError> {
        let response = self.send(action, command)?;
        match response.status {
            StatusWord::OK => Ok(response.data),
            status => Err(AuthenticError::from_status(action.clone(), status)),
        }
    }

    /// Sends the parts of one command and returns the data of the last.
    pub(super) fn parts(
        &mut self,
        action: &Action,
        parts: &[Command],
    ) -> Result<Zeroizing<Vec<u8>>, AuthenticError> {
        let mut last = Zeroizing::new(Vec::new());
        for part in parts {
            last = self.data(action, part)?;
        }
        Ok(last)
    }

    /// Does something twice and compares.
    pub(super) fn twice<T: PartialEq>(
        &mut self,
        action: &Action,
        what: &str,
        mut read: impl FnMut(&mut Self) -> Result<T, AuthenticError>,
    ) -> Result<T, AuthenticError> {
        let first = read(self)?;
        if read(self)? == first {
            Ok(first)
        } else {
            Err(AuthenticError::ChangedItsMind {
                action: action.clone(),
                what: what.to_owned(),
            })
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("channel", &self.channel)
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}
