use std::sync::Arc;

use ground::Ambient;
use iso7816::StatusWord;

use super::{Client, commands, verified};
use crate::cvc::{Cvc, Signer};
use crate::objects::{Discovery, PairingCode, PinUsagePolicy, SecureMessagingSigner};
use crate::secure_messaging::{CipherSuite, Established, HostEphemeral};
use crate::words::{ObjectId, PinReference};
use crate::{Action, Finding, Parsed, PivError};

/// The card at the other end of secure messaging.
#[derive(Clone, Debug)]
pub struct SecuredCard {
    /// The cipher suite in use.
    pub suite: CipherSuite,
    /// The card's certificate, with findings of its own. Its subject is the Card UUID, to be
    /// compared with the GUID of the CHUID.
    pub cvc: Parsed<Cvc>,
    /// Whether a signer was given and the certificate is its.
    pub verified: bool,
    /// What is worth telling about the establishment itself.
    pub findings: Vec<Finding>,
}

/// Secure messaging and the virtual contact interface (SP 800-73-5 Part 2, 4; Part 1, 5.5).
impl Client {
    /// Establishes secure messaging with the suite the card lists. From then on GET DATA, VERIFY,
    /// CHANGE REFERENCE DATA and GENERAL AUTHENTICATE go protected; everything else in clear.
    ///
    /// With a signer the card's certificate must be its. [`Client::read_messaging_signer`] reads
    /// the one the card names; whether that may be trusted is for the caller to find out. Without
    /// one the session may be with anybody, which the findings say.
    ///
    /// A session there was before is ended first, on both sides.
    ///
    /// # Errors
    ///
    /// [`PivError::Impossible`] when the card lists no suite, [`PivError::SecureMessaging`] when
    /// it refuses or is not what its certificate says.
    pub fn establish_secure_messaging(
        &mut self,
        signer: Option<&Signer>,
        ambient: &Arc<dyn Ambient>,
    ) -> Result<SecuredCard, PivError> {
        let action = Action::EstablishSecureMessaging;
        let suite = self
            .application
            .secure_messaging()
            .and_then(CipherSuite::from_algorithm)
            .ok_or_else(|| PivError::Impossible {
                action,
                what: "the card lists no cipher suite in its answer to SELECT".to_owned(),
            })?;
        self.end_secure_messaging();
        let host = HostEphemeral::generate(suite, ambient);
        let response = self.send(action, &host.command())?;
        let Established {
            session,
            cvc,
            verified,
            findings,
        } = host
            .establish(&response, signer)
            .map_err(|source| PivError::SecureMessaging { action, source })?;
        self.channel.begin_secure_messaging(Box::new(session));
        Ok(SecuredCard {
            suite,
            cvc,
            verified,
            findings,
        })
    }

    /// Ends secure messaging on this side; the card notices with the next establishment.
    pub fn end_secure_messaging(&mut self) {
        self.channel.end_secure_messaging();
    }

    /// Whether commands go protected.
    #[must_use]
    pub fn is_secured(&self) -> bool {
        self.channel.is_secured()
    }

    /// Who signed the card's secure messaging certificate (5FC122), readable by everybody; `None`
    /// when the card holds no such object or an empty one.
    ///
    /// # Errors
    ///
    /// [`PivError::Malformed`], [`PivError::Refused`].
    pub fn read_messaging_signer(
        &mut self,
    ) -> Result<Option<Parsed<SecureMessagingSigner>>, PivError> {
        let object = ObjectId::SecureMessagingSigner;
        let value = self.get_data(object)?.filter(|value| !value.is_empty());
        value
            .map(|value| SecureMessagingSigner::parse(&value))
            .transpose()
            .map_err(|error| PivError::Malformed {
                action: Action::Read(object),
                what: error.to_string(),
            })
    }

    /// Verifies the pairing code (98), which turns secure messaging into the virtual contact
    /// interface on cards that ask for one. It has no counter: a wrong one costs nothing.
    ///
    /// # Errors
    ///
    /// [`PivError::Impossible`] without secure messaging: the code is not for others to hear.
    /// [`PivError::WrongPasscode`], [`PivError::Refused`].
    pub fn verify_pairing_code(&mut self, code: &PairingCode) -> Result<(), PivError> {
        let reference = PinReference::PairingCode;
        let action = Action::Verify(reference);
        if !self.is_secured() {
            return Err(PivError::Impossible {
                action,
                what: "the pairing code goes under secure messaging only".to_owned(),
            });
        }
        let response = self.send(action, &commands::verify(reference, code.passcode()))?;
        verified(action, reference, response.status)
    }

    /// Whether the conditions of the virtual contact interface are met (Part 1, 5.5): secure
    /// messaging, bit 4 of the PIN usage policy, and either bit 3 of it or the pairing code.
    ///
    /// Reads the Discovery Object and, where it decides, asks the card whether the pairing code
    /// was verified. The standard leaves open what a card answers to that; only 9000 counts. Over
    /// the contacts it means nothing: there all is open that the interface could open.
    ///
    /// # Errors
    ///
    /// [`PivError::Malformed`] for a Discovery Object that cannot be read at all.
    pub fn is_vci(&mut self) -> Result<bool, PivError> {
        if !self.is_secured() {
            return Ok(false);
        }
        let Some(policy) = self.pin_usage_policy()? else {
            return Ok(false);
        };
        if !policy.pairing_code() {
            return Ok(policy.virtual_contact());
        }
        let reference = PinReference::PairingCode;
        let asked = self.send(
            Action::ReadTries(reference),
            &commands::read_tries(reference),
        )?;
        Ok(asked.status == StatusWord::OK)
    }

    fn pin_usage_policy(&mut self) -> Result<Option<PinUsagePolicy>, PivError> {
        let object = ObjectId::Discovery;
        let Some(value) = self.get_data(object)?.filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        let discovery = Discovery::parse(&value).map_err(|error| PivError::Malformed {
            action: Action::Read(object),
            what: error.to_string(),
        })?;
        Ok(discovery.value.policy)
    }
}
