use std::sync::Arc;

use ground::Ambient;
use iso7816::{Command, Reset, Response};
use piv::secrets::Passcode;
use piv::words::PinReference;
use piv::{Client, Tries};

use crate::logbook::Logbook;
use crate::{Evidence, Permits, Settings, ValidationError};

/// A card in a reader, for assertions that send commands.
///
/// Everything sent is recorded. A bench lends the card out with the PIV application selected and
/// no security status; how an assertion leaves it does not matter to the next one.
pub struct Bench<'a> {
    client: Client,
    logbook: Logbook,
    evidence: &'a Evidence,
    settings: &'a Settings,
    ambient: Arc<dyn Ambient>,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(
        client: Client,
        logbook: Logbook,
        evidence: &'a Evidence,
        settings: &'a Settings,
        ambient: Arc<dyn Ambient>,
    ) -> Self {
        Self {
            client,
            logbook,
            evidence,
            settings,
            ambient,
        }
    }

    pub(crate) fn into_client(self) -> Client {
        self.client
    }

    pub(crate) fn logbook(&self) -> &Logbook {
        &self.logbook
    }

    /// What was read before.
    #[must_use]
    pub fn evidence(&self) -> &'a Evidence {
        self.evidence
    }

    /// What the operator gave and permits.
    #[must_use]
    pub fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// Time and randomness.
    #[must_use]
    pub fn ambient(&self) -> &Arc<dyn Ambient> {
        &self.ambient
    }

    /// The selected application.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Resets the card and selects the PIV application: no security status is left.
    ///
    /// # Errors
    ///
    /// [`ValidationError`] when the card does not come back.
    pub fn fresh(&mut self) -> Result<(), ValidationError> {
        Ok(self.client.reset(Reset::Warm)?)
    }

    /// Sends a command as any client would: long data chained, 61XX followed.
    ///
    /// # Errors
    ///
    /// [`ValidationError::Channel`].
    pub fn transmit(&mut self, command: &Command) -> Result<Response, ValidationError> {
        Ok(self.client.channel_mut().transmit(command)?)
    }

    /// Sends these bytes and nothing else.
    ///
    /// # Errors
    ///
    /// [`ValidationError::Link`].
    pub fn transmit_raw(&mut self, apdu: &[u8]) -> Result<Response, ValidationError> {
        let answer = self.client.channel_mut().link_mut().transmit(apdu)?;
        Ok(Response::parse(&answer)?)
    }

    /// Verifies the holder's passcode, which has been verified once before.
    ///
    /// # Errors
    ///
    /// [`ValidationError::FewTries`] before a try of the reserve is spent;
    /// [`ValidationError::Piv`].
    ///
    /// # Panics
    ///
    /// When the assertion does not name [`Need::Passcode`](crate::Need::Passcode).
    pub fn verify_passcode(&mut self) -> Result<(), ValidationError> {
        let passcode = self.passcode();
        guard_tries(&mut self.client)?;
        Ok(self.client.verify(PinReference::Application, passcode)?)
    }

    /// The holder's passcode.
    ///
    /// # Panics
    ///
    /// As [`Bench::verify_passcode`].
    #[must_use]
    pub fn passcode(&self) -> &'a Passcode {
        self.settings
            .passcode
            .as_ref()
            .expect("an assertion that uses the passcode names it among its needs")
    }
}

/// Refuses to go on when the next wrong passcode would touch the reserve.
pub(crate) fn guard_tries(client: &mut Client) -> Result<(), ValidationError> {
    let left = match client.tries(PinReference::Application)? {
        Tries::Left(left) => left,
        Tries::Blocked => 0,
        Tries::Verified | Tries::NotPresent => return Ok(()),
    };
    match left > Permits::RESERVE {
        true => Ok(()),
        false => Err(ValidationError::FewTries {
            left,
            reserve: Permits::RESERVE,
        }),
    }
}
