//! GENERATE ASYMMETRIC KEY PAIR (SP 800-73-5 Part 2, 3.3.2).

use ::piv::words::{Algorithm, KeyReference};
use iso7816::ber::{self, Tag};
use iso7816::{Command, StatusWord};
use zeroize::Zeroizing;

use crate::card::PivChip;
use crate::card::keys::PrivateKey;
use crate::card::nvm::{Cell, Transaction};
use crate::card::session::{Answer, Stop};

const TEMPLATE: Tag = Tag(0xAC);
const MECHANISM: Tag = Tag(0x80);
const PARAMETER: Tag = Tag(0x81);

/// The only public exponent there is (SP 800-78-5, 3.1).
const EXPONENT: [u8; 3] = [0x01, 0x00, 0x01];

impl PivChip {
    pub(super) fn generate_key_pair(&mut self, command: &Command) -> Answer {
        let reference = KeyReference::from_byte(command.p2)
            .filter(|key| {
                matches!(
                    key,
                    KeyReference::Authentication
                        | KeyReference::Signature
                        | KeyReference::KeyManagement
                        | KeyReference::CardAuthentication
                ) || (*key == KeyReference::SecureMessaging
                    && self.model.secure_messaging.is_some())
            })
            .filter(|_| command.p1 == 0)
            .ok_or(StatusWord::WRONG_P1P2)?;
        self.check_contact()?;
        if !self.session.status.administrator {
            return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED.into());
        }
        let algorithm = self
            .read_mechanism(&command.data, reference)
            .ok_or(StatusWord::WRONG_DATA)?;
        let public = self.generate(reference, algorithm)?;
        Ok(Zeroizing::new(public))
    }

    /// Makes and keeps a key; returns its public key object, `7F49`.
    pub(in crate::card) fn generate(
        &mut self,
        reference: KeyReference,
        algorithm: Algorithm,
    ) -> Result<Vec<u8>, Stop> {
        let key = PrivateKey::generate(algorithm, self.random()?)
            .ok_or(StatusWord::FUNCTION_NOT_SUPPORTED)?;
        let value = key.to_cell().ok_or(StatusWord::UNKNOWN_ERROR)?;
        let mut cells = Transaction::new().set(Cell::Key(reference), value.as_slice());
        if reference == KeyReference::SecureMessaging {
            // The certificate was of the key before.
            cells = cells.set(Cell::Certificate, []);
            self.session.channel = None;
        }
        self.memory.commit(cells)?;
        let public = key.public_key_object();
        self.keys.insert(reference, key);
        Ok(public)
    }

    /// The algorithm of the key to be: for key 04 the curve of the card's cipher suite.
    fn read_mechanism(&self, data: &[u8], reference: KeyReference) -> Option<Algorithm> {
        let mut algorithm = None;
        let mut exponent = None;
        for object in ber::expect(TEMPLATE, data).map(ber::Reader::new).ok()? {
            let object = object.ok()?;
            match (object.tag, object.value) {
                (MECHANISM, &[byte]) if algorithm.is_none() => {
                    algorithm = Some(Algorithm::from_byte(byte)?);
                }
                (PARAMETER, value) if exponent.is_none() => exponent = Some(value),
                _ => return None,
            }
        }
        if reference == KeyReference::SecureMessaging {
            let suite = self.model.secure_messaging?.suite;
            return (algorithm == Some(suite.algorithm()) && exponent.is_none())
                .then(|| suite.curve());
        }
        let algorithm = algorithm.filter(|known| self.model.keys.algorithms.contains(known))?;
        match exponent {
            None => Some(algorithm),
            Some(value) if value == EXPONENT && is_rsa(algorithm) => Some(algorithm),
            Some(_) => None,
        }
    }
}

fn is_rsa(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::Rsa2048 | Algorithm::Rsa3072)
}
