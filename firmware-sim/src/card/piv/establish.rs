//! Key establishment with key 04 (SP 800-73-5 Part 2, 4.1), and the certificate it needs.

use ::piv::words::{Algorithm, KeyReference};
use iso7816::{Command, StatusWord};
use rand_core::Rng;
use zeroize::Zeroizing;

use super::authenticate::{RESPONSE, Template, in_template};
use crate::card::PivChip;
use crate::card::nvm::{Cell, Transaction};
use crate::card::secure_messaging::Agreement;
use crate::card::session::{Answer, Stop, done};

/// Bytes of CB_H and ID_sH.
const CONTROL: usize = 1;
const IDENTIFIER: usize = 8;

impl PivChip {
    /// `7C { 81 { CB_H, ID_sH, point }, 82 }` to `7C { 82 { CB_ICC, N_ICC, cryptogram, CVC } }`.
    ///
    /// Asking ends the session there was, whatever comes of it. Inside a session it is refused:
    /// the answer would have to go out under keys that are no more.
    pub(super) fn establish(&mut self, algorithm: Algorithm, command: &Command) -> Answer {
        let wrong_key = StatusWord::WRONG_P1P2;
        let suite = self.model.secure_messaging.ok_or(wrong_key)?.suite;
        if suite.algorithm() != algorithm || self.session.protected {
            return Err(wrong_key.into());
        }
        self.session.channel = None;
        let certificate = self
            .memory
            .get(Cell::Certificate)
            .filter(|certificate| !certificate.is_empty())
            .ok_or(wrong_key)?
            .to_vec();

        let wrong_data = StatusWord::WRONG_DATA;
        let Template {
            challenge: Some(challenge),
            response: Some([]),
            witness: None,
            exponentiation: None,
        } = Template::read(&command.data)?
        else {
            return Err(wrong_data.into());
        };
        if challenge.len() != CONTROL + IDENTIFIER + suite.point_size() {
            return Err(wrong_data.into());
        }
        let (identity, point) = challenge.split_at(CONTROL + IDENTIFIER);
        let host_control = identity[0];
        // Persistent binding, which the high bits ask for, does not exist any more.
        let card_control = host_control & 0xF0;
        if card_control != 0x00 {
            return Err(wrong_data.into());
        }

        let hooked = match &mut self.key_hook {
            Some(hook) => hook.agree(KeyReference::SecureMessaging, point),
            None => None,
        };
        let key = self
            .key(KeyReference::SecureMessaging)
            .filter(|key| key.algorithm() == suite.curve())
            .ok_or(wrong_key)?;
        // The point is checked also where the result is known already.
        let agreed = key.agree(point).ok_or(wrong_data)?;
        let secret = hooked.map_or(agreed, Zeroizing::new);
        let nonce = self.nonce(suite.nonce_size())?;
        let (channel, cryptogram) = Agreement {
            suite,
            host_control,
            card_control,
            host_identifier: &identity[CONTROL..],
            host_coordinates: &point[1..],
            nonce: &nonce,
            certificate: &certificate,
        }
        .conclude(&secret);
        self.session.channel = Some(channel);
        let response = [&[card_control][..], &nonce, &cryptogram, &certificate].concat();
        Ok(in_template(RESPONSE, &response))
    }

    /// Keeps the certificate of key 04, `7F21`, unless this kind of card gets it another way.
    /// What is in it is the issuer's business: a host that finds another key than the card's in
    /// it will not agree with the card on anything.
    pub(super) fn put_certificate(&mut self, certificate: &[u8]) -> Answer {
        if !self
            .model
            .secure_messaging
            .is_some_and(|it| it.put_certificate)
        {
            return Err(StatusWord::FUNCTION_NOT_SUPPORTED.into());
        }
        self.memory
            .commit(Transaction::new().set(Cell::Certificate, certificate))?;
        done()
    }

    fn nonce(&mut self, size: usize) -> Result<Vec<u8>, Stop> {
        if let Some(hook) = &mut self.key_hook
            && let Some(nonce) = hook.nonce(size)
        {
            return Ok(nonce);
        }
        let mut nonce = vec![0; size];
        self.random()?.fill_bytes(&mut nonce);
        Ok(nonce)
    }
}
