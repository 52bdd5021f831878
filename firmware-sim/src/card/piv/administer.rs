//! The vendor command that replaces the administration key. SP 800-73 has none, and leaves card
//! management to each maker; this one is what most PIV products and tools have agreed on.

use ::piv::words::{Algorithm, KeyReference};
use iso7816::{Command, StatusWord};
use zeroize::Zeroizing;

use crate::card::PivChip;
use crate::card::nvm::{Cell, Transaction};
use crate::card::session::{Answer, done};

impl PivChip {
    /// `00 FF FF FF Lc algorithm 9B length key`, after authentication with the key in force,
    /// which stays authenticated.
    pub(super) fn set_management_key(&mut self, command: &Command) -> Answer {
        if (command.p1, command.p2) != (0xFF, 0xFF) {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        self.check_contact()?;
        if !self.session.status.administrator {
            return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED.into());
        }
        let &[algorithm, reference, length, ref key @ ..] = command.data.as_slice() else {
            return Err(StatusWord::WRONG_DATA.into());
        };
        let algorithm = Algorithm::from_byte(algorithm)
            .filter(|known| self.model.administration.algorithms.contains(known))
            .filter(|known| known.symmetric_key_size() == Some(key.len()))
            .ok_or(StatusWord::WRONG_DATA)?;
        if reference != KeyReference::Administration.byte() || usize::from(length) != key.len() {
            return Err(StatusWord::WRONG_DATA.into());
        }
        let mut value = Zeroizing::new(Vec::with_capacity(1 + key.len()));
        value.push(algorithm.byte());
        value.extend_from_slice(key);
        self.memory.commit(
            Transaction::new().set(Cell::Key(KeyReference::Administration), value.as_slice()),
        )?;
        done()
    }
}
