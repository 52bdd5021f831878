use std::sync::Arc;

use ground::Ambient;
use iso7816::{Command, Reset, Response, StatusWord};
use piv::secrets::{AdminKey, Passcode, Puk};
use piv::secure_messaging::{
    CipherSuite, Established, EstablishmentError, HostEphemeral, Session, SmError,
};
use piv::words::PinReference;
use piv::{AdminAuthentication, Client, PivError, Tries, commands};

use crate::logbook::Logbook;
use crate::{Assertion, Evidence, Permits, Settings, ValidationError};

mod licence;

pub(crate) use licence::{ALL_TRIES, Licence, harm};

/// A card in a reader, for assertions that send commands.
///
/// Everything sent is recorded, and looked at before it is sent: what the assertion in hand has
/// not declared does not reach the card. A bench lends the card out with the PIV application
/// selected and no security status; how an assertion leaves that does not matter to the next one.
pub struct Bench<'a> {
    client: Client,
    logbook: Logbook,
    evidence: &'a Evidence,
    settings: &'a Settings,
    ambient: Arc<dyn Ambient>,
    licence: Licence,
    differences: Vec<String>,
    /// What the card said to the right passcode when it refused it to the assertion in hand.
    passcode_refused: Option<StatusWord>,
    admin_key_refused: bool,
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
            licence: Licence::new(settings),
            differences: Vec::new(),
            passcode_refused: None,
            admin_key_refused: false,
        }
    }

    /// Lends the card out to an assertion.
    pub(crate) fn lend(&mut self, assertion: &Assertion) -> Result<(), ValidationError> {
        self.licence.grant(assertion.writes, assertion.pin_tries);
        self.passcode_refused = None;
        self.fresh()
    }

    /// Lends the card out to what declares nothing.
    pub(crate) fn lend_harmless(&mut self) -> Result<(), ValidationError> {
        self.licence.grant(false, 0);
        self.fresh()
    }

    pub(crate) fn into_client(self) -> Client {
        self.client
    }

    pub(crate) fn logbook(&self) -> &Logbook {
        &self.logbook
    }

    /// What assertions have changed for good and told of.
    pub(crate) fn differences(&self) -> &[String] {
        &self.differences
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

    /// Tells that the card will not be as it was, and how.
    pub fn note_difference(&mut self, difference: impl Into<String>) {
        let difference = difference.into();
        if !self.differences.contains(&difference) {
            self.differences.push(difference);
        }
    }

    /// Resets the card and selects the PIV application: no security status is left.
    ///
    /// # Errors
    ///
    /// [`ValidationError`] when the card does not come back.
    pub fn fresh(&mut self) -> Result<(), ValidationError> {
        Ok(self.client.reset(Reset::Warm)?)
    }

    /// The answer to reset of the last [`Bench::fresh`].
    #[must_use]
    pub fn atr(&mut self) -> Vec<u8> {
        self.client.channel_mut().link().atr().to_vec()
    }

    /// Sends a command as any client would: long data chained, 61XX followed.
    ///
    /// # Errors
    ///
    /// [`ValidationError::Channel`]; [`ValidationError::NotPermitted`] before it is sent.
    pub fn transmit(&mut self, command: &Command) -> Result<Response, ValidationError> {
        self.licence.admit(command)?;
        let response = self.client.channel_mut().transmit(command)?;
        self.licence.note(command, response.status);
        Ok(response)
    }

    /// Sends a command in one APDU with short length fields, and neither follows 61XX nor repeats
    /// it after 6CXX.
    ///
    /// # Errors
    ///
    /// As [`Bench::transmit`].
    pub fn transmit_once(&mut self, command: &Command) -> Result<Response, ValidationError> {
        let command = match self.client.channel_mut().link().protocol() {
            // T=0 has no room for Le after data (ISO/IEC 7816-3, 12.2).
            iso7816::Protocol::T0 if !command.data.is_empty() => Command {
                expected: None,
                ..command.clone()
            },
            _ => command.clone(),
        };
        let bytes = command.to_short().map_err(iso7816::ChannelError::Command)?;
        self.licence.admit(&command)?;
        let answer = self.client.channel_mut().link_mut().transmit(&bytes)?;
        let response = Response::parse(&answer)?;
        self.licence.note(&command, response.status);
        Ok(response)
    }

    /// Asks the card to establish secure messaging with the suite it lists. The session is the
    /// caller's: commands go under it by [`Bench::transmit_secured`].
    ///
    /// # Errors
    ///
    /// As [`Bench::transmit`]; the inner error when the card refuses or proves nothing.
    ///
    /// # Panics
    ///
    /// When the assertion does not name
    /// [`Need::SecureMessaging`](crate::Need::SecureMessaging).
    pub fn establish(
        &mut self,
    ) -> Result<Result<Established, EstablishmentError>, ValidationError> {
        let host = HostEphemeral::generate(self.suite(), &self.ambient);
        let response = self.transmit(&host.command())?;
        Ok(host.establish(&response, None))
    }

    /// The cipher suite the card lists.
    ///
    /// # Panics
    ///
    /// As [`Bench::establish`].
    #[must_use]
    pub fn suite(&self) -> CipherSuite {
        self.evidence
            .application
            .secure_messaging()
            .and_then(CipherSuite::from_algorithm)
            .expect("an assertion about secure messaging names it among its needs")
    }

    /// Sends a command under a session and opens its response.
    ///
    /// # Errors
    ///
    /// As [`Bench::transmit`]; the inner error when the answer is not protected as it must be.
    pub fn transmit_secured(
        &mut self,
        session: &mut Session,
        command: &Command,
    ) -> Result<Result<Response, SmError>, ValidationError> {
        self.licence.admit(command)?;
        let protected = match session.protect(command) {
            Ok(protected) => protected,
            Err(error) => return Ok(Err(error)),
        };
        let response = self.client.channel_mut().transmit(&protected)?;
        let opened = session.unprotect(&response);
        if let Ok(response) = &opened {
            self.licence.note(command, response.status);
        }
        Ok(opened)
    }

    /// Verifies the holder's passcode, which has been verified once before, and returns what the
    /// card says to it.
    ///
    /// # Errors
    ///
    /// [`ValidationError::FewTries`] before a try of the reserve is spent.
    ///
    /// # Panics
    ///
    /// When the assertion does not name [`Need::Passcode`](crate::Need::Passcode).
    pub fn log_in(&mut self) -> Result<StatusWord, ValidationError> {
        guard_tries(&mut self.client)?;
        self.give_tries_back()
    }

    /// As [`Bench::log_in`], after wrong passcodes were sent on purpose. A card that has refused the
    /// right one once is not asked again: the answer is the one it gave then.
    ///
    /// # Errors
    ///
    /// As [`Bench::transmit`].
    ///
    /// # Panics
    ///
    /// As [`Bench::log_in`].
    pub fn give_tries_back(&mut self) -> Result<StatusWord, ValidationError> {
        if let Some(status) = self.passcode_refused {
            return Ok(status);
        }
        let command = commands::verify(PinReference::Application, self.passcode());
        let status = self.transmit(&command)?.status;
        if !status.is_ok() && status != StatusWord::BLOCKED {
            self.passcode_refused = Some(status);
        }
        Ok(status)
    }

    /// Whether the passcode on the card is this one, as far as the card's answers tell.
    pub(crate) fn passcode_is(&self, padded: &[u8; 8]) -> bool {
        self.licence.passcode_is(padded)
    }

    /// Authenticates with the administration key.
    ///
    /// # Errors
    ///
    /// [`ValidationError::WrongSecret`] when the card refuses it, now or before: it is tried once;
    /// [`ValidationError::Piv`].
    ///
    /// # Panics
    ///
    /// When the assertion does not name [`Need::AdminKey`](crate::Need::AdminKey).
    pub fn authenticate_admin(&mut self) -> Result<AdminAuthentication, ValidationError> {
        let key = self.admin_key();
        const WRONG: ValidationError = ValidationError::WrongSecret {
            what: "administration key",
        };
        if self.admin_key_refused {
            return Err(WRONG);
        }
        let ambient = Arc::clone(&self.ambient);
        match self.client.authenticate_admin(key, &*ambient) {
            Err(PivError::WrongAdminKey { .. }) => {
                self.admin_key_refused = true;
                Err(WRONG)
            }
            outcome => Ok(outcome?),
        }
    }

    /// The administration key.
    ///
    /// # Panics
    ///
    /// As [`Bench::authenticate_admin`].
    #[must_use]
    pub fn admin_key(&self) -> &'a AdminKey {
        self.settings
            .admin_key
            .as_ref()
            .expect("an assertion that uses the administration key names it among its needs")
    }

    /// The PUK.
    ///
    /// # Panics
    ///
    /// When the assertion does not name [`Need::Puk`](crate::Need::Puk).
    #[must_use]
    pub fn puk(&self) -> &'a Puk {
        self.settings
            .puk
            .as_ref()
            .expect("an assertion that uses the PUK names it among its needs")
    }

    /// The holder's passcode.
    ///
    /// # Panics
    ///
    /// As [`Bench::log_in`].
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
