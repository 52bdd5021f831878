//! INITIALIZE UPDATE and EXTERNAL AUTHENTICATE (Amendment D, 7.1).

use iso7816::{Command, StatusWord};
use rand_core::Rng;
use zeroize::Zeroizing;

use super::messaging::SecureSession;
use super::{AID, SecurityDomain, aes, keysets};
use crate::card::PivChip;
use crate::card::nvm::{Cell, Transaction};
use crate::card::session::{Answer, Stop, done};

const SIXTEEN_BYTES: u8 = 0x01;
const CHALLENGE_DERIVED: u8 = 0x10;
const RESPONSE_MAC: u8 = 0x20;
const RESPONSE_ENCRYPTION: u8 = 0x40;

const PROTOCOL: u8 = 0x03;

impl PivChip {
    pub(super) fn initialize_update(
        &mut self,
        domain: &SecurityDomain,
        command: &Command,
    ) -> Answer {
        let options = domain.options;
        let length = if options & SIXTEEN_BYTES != 0 { 16 } else { 8 };
        if command.p2 != 0 {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        if command.data.len() != length {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        if self.domain_tries() == 0 {
            return Err(StatusWord::BLOCKED.into());
        }
        // A sequence number is used up even if nothing comes of it, so that no challenge repeats.
        let sequence = self.next_sequence()?;
        let random = if options & CHALLENGE_DERIVED == 0 {
            let mut random = vec![0; length];
            self.random()?.fill_bytes(&mut random);
            Some(random)
        } else {
            None
        };
        let cell = self.memory.get(Cell::KeySets).unwrap_or_default();
        let set = keysets::read(cell)
            .into_iter()
            .find(|set| command.p1 == 0 || command.p1 == set.version)
            .ok_or(StatusWord::REFERENCE_NOT_FOUND)?;
        let [encryption, _, _] = set.keys();
        let challenge = match random {
            Some(random) => random,
            None => aes::Engine::new(encryption)
                .ok_or(StatusWord::UNKNOWN_ERROR)?
                .derive(0x02, &[&sequence[..], &AID].concat(), length)
                .to_vec(),
        };
        let challenges = [&command.data[..], &challenge].concat();
        let session =
            SecureSession::begin(set.keys(), challenges).ok_or(StatusWord::UNKNOWN_ERROR)?;

        let mut answer = Zeroizing::new(vec![0, 0]);
        answer.extend_from_slice(&self.number.to_be_bytes());
        answer.extend_from_slice(&[set.version, PROTOCOL, options]);
        answer.extend_from_slice(&challenge);
        answer.extend_from_slice(&session.card_cryptogram());
        if options & CHALLENGE_DERIVED != 0 {
            answer.extend_from_slice(&sequence);
        }
        self.session.security_domain = Some(session);
        Ok(answer)
    }

    /// The counter goes down before anything is compared, so that cutting the power after a wrong
    /// cryptogram gains nothing.
    pub(super) fn external_authenticate(
        &mut self,
        domain: &SecurityDomain,
        command: &Command,
    ) -> Answer {
        let mut session = self
            .session
            .security_domain
            .take()
            .filter(|session| !session.is_open())
            .ok_or(StatusWord::CONDITIONS_NOT_SATISFIED)?;
        let offered = match command.p1 {
            0x01 | 0x03 => true,
            0x11 | 0x13 => domain.options & RESPONSE_MAC != 0,
            0x33 => domain.options & RESPONSE_ENCRYPTION != 0,
            _ => false,
        };
        if command.p2 != 0 || !offered {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let left = self
            .domain_tries()
            .checked_sub(1)
            .ok_or(StatusWord::BLOCKED)?;
        self.set_domain_tries(left)?;
        if !session.authenticate(command) {
            return Err(StatusWord::VERIFICATION_FAILED.into());
        }
        self.set_domain_tries(domain.tries)?;
        self.session.security_domain = Some(session);
        done()
    }

    fn domain_tries(&self) -> u8 {
        match self.memory.get(Cell::KeySetTries) {
            Some(&[tries]) => tries,
            _ => 0,
        }
    }

    fn set_domain_tries(&mut self, tries: u8) -> Result<(), Stop> {
        let cells = Transaction::new().set(Cell::KeySetTries, [tries]);
        Ok(self.memory.commit(cells)?)
    }

    /// The next value of the 3-byte sequence counter, written before it is used.
    fn next_sequence(&mut self) -> Result<[u8; 3], Stop> {
        let last = match self.memory.get(Cell::SequenceCounter) {
            Some(&[high, middle, low]) => u32::from_be_bytes([0, high, middle, low]),
            _ => 0,
        };
        let [0, next @ ..] = (last + 1).to_be_bytes() else {
            return Err(StatusWord::CONDITIONS_NOT_SATISFIED.into());
        };
        let cells = Transaction::new().set(Cell::SequenceCounter, next);
        self.memory.commit(cells)?;
        Ok(next)
    }
}
