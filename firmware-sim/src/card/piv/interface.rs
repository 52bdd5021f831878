//! Which interface a command came over, and what that lets it do (SP 800-73-5 Part 1, Tables 2
//! and 4; Part 2, 3). Contactless commands that only card management needs answer 6A81; the
//! others, where their condition is not met, 6982.

use ::piv::words::{KeyReference, ObjectId, PinReference};
use iso7816::StatusWord;

use crate::card::{Interface, PivChip};

/// How near the command in hand is to a contact reader.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Access {
    /// Contactless, in the clear.
    Plain,
    /// Contactless under secure messaging.
    Protected,
    /// Contactless, yet as good as over the contacts.
    VirtualContact,
    /// Over the contacts: secure messaging changes nothing there.
    Contact,
}

impl PivChip {
    /// For what only the contacts carry: card management and the PUK.
    pub(super) fn check_contact(&self) -> Result<(), StatusWord> {
        match self.interface {
            Interface::Contact => Ok(()),
            Interface::Contactless => Err(StatusWord::FUNCTION_NOT_SUPPORTED),
        }
    }

    /// For reading an object.
    pub(super) fn check_object(&self, object: ObjectId) -> Result<(), StatusWord> {
        let always = matches!(
            object,
            ObjectId::Chuid
                | ObjectId::CardAuthenticationCertificate
                | ObjectId::Discovery
                | ObjectId::BiometricInformationTemplates
                | ObjectId::SecureMessagingSigner
        );
        self.check(if always {
            Access::Plain
        } else {
            Access::VirtualContact
        })
    }

    /// For using a key.
    pub(super) fn check_key(&self, key: KeyReference) -> Result<(), StatusWord> {
        self.check(match key {
            KeyReference::SecureMessaging | KeyReference::CardAuthentication => Access::Plain,
            KeyReference::Administration => Access::Contact,
            _ => Access::VirtualContact,
        })
    }

    /// For verifying or changing a PIN or the pairing code.
    pub(super) fn check_reference(&self, reference: PinReference) -> Result<(), StatusWord> {
        match reference {
            PinReference::Unblocking => self.check_contact(),
            PinReference::PairingCode => self.check(Access::Protected),
            _ => self.check(Access::VirtualContact),
        }
    }

    /// Tries that no contactless command may use up.
    pub(super) fn kept_tries(&self) -> u8 {
        match (self.interface, &self.model.contactless) {
            (Interface::Contactless, Some(contactless)) => contactless.intermediate_retry_value,
            _ => 0,
        }
    }

    fn check(&self, least: Access) -> Result<(), StatusWord> {
        // What everybody may do needs no look at the Discovery Object.
        if least == Access::Plain || self.access() >= least {
            Ok(())
        } else {
            Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED)
        }
    }

    /// SP 800-73-5 Part 1, 5.5 for the virtual contact interface.
    fn access(&self) -> Access {
        const IMPLEMENTED: u8 = 0x08;
        const WITHOUT_PAIRING_CODE: u8 = 0x04;
        if self.interface == Interface::Contact {
            return Access::Contact;
        }
        if !self.session.protected {
            return Access::Plain;
        }
        let policy = self.pin_usage_policy().unwrap_or(0);
        let paired = self.session.status.pairing_code || policy & WITHOUT_PAIRING_CODE != 0;
        if policy & IMPLEMENTED != 0 && paired {
            Access::VirtualContact
        } else {
            Access::Protected
        }
    }
}
