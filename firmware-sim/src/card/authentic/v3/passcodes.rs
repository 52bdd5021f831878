//! VERIFY, CHANGE REFERENCE DATA and RESET RETRY COUNTER.

use ::authentic::words::v3::credential::{CHANGE, RESET, VERIFY};
use iso7816::{Command, StatusWord};
use zeroize::Zeroizing;

use super::access::{Shown, bit};
use super::credential::{self, Policy};
use crate::card::authentic::AuthenticChip;
use crate::card::nvm::{Cell, Transaction};
use crate::card::session::{Answer, Stop, done};

/// P1 of CHANGE REFERENCE DATA: the old value, then the new one.
const OLD_AND_NEW: u8 = 0x00;
/// P1 of CHANGE REFERENCE DATA: the new value alone.
const NEW_ALONE: u8 = 0x01;
/// P1 of RESET RETRY COUNTER: a new value.
const NEW_VALUE: u8 = 0x02;
/// P1 of RESET RETRY COUNTER: the counter alone.
const COUNTER_ALONE: u8 = 0x03;

impl AuthenticChip {
    /// Without data it tells the state and changes nothing.
    pub(super) fn verify_v3(&mut self, command: &Command) -> Answer {
        let policy = self.policy(command)?;
        if command.p1 != 0 {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let tries = self.tries(&policy)?;
        if command.data.is_empty() {
            return match tries {
                0 => Err(StatusWord::BLOCKED.into()),
                _ if self.session.v3.verified & bit(policy.reference) != 0 => done(),
                _ => Err(StatusWord::tries_left_word(tries).into()),
            };
        }
        policy.check_length(&command.data)?;
        self.demand(policy.access[VERIFY])?;
        self.compare_v3(&policy, &command.data)?;
        self.session.v3.verified |= bit(policy.reference);
        done()
    }

    /// A changed passcode has to be verified anew.
    pub(super) fn change_reference_data(&mut self, command: &Command) -> Answer {
        let policy = self.policy(command)?;
        match command.p1 {
            OLD_AND_NEW => {
                let field = usize::from(policy.max_length);
                let (old, new) = command
                    .data
                    .split_at_checked(field)
                    .ok_or(StatusWord::WRONG_LENGTH)?;
                policy.check_new(new)?;
                // Who knows the old value has shown it.
                let shown = self.session.v3.shown();
                let shown = Shown {
                    credentials: shown.credentials | bit(policy.reference),
                    ..shown
                };
                if !policy.access[CHANGE].is_met(shown) {
                    return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED.into());
                }
                self.compare_v3(&policy, old)?;
                self.set_passcode(&policy, new)
            }
            NEW_ALONE => {
                self.demand(policy.access[CHANGE])?;
                policy.check_new(&command.data)?;
                self.set_passcode(&policy, &command.data)
            }
            _ => Err(StatusWord::WRONG_P1P2.into()),
        }
    }

    /// Whoever the policy names gives a passcode its tries back, and a new value if wanted.
    pub(super) fn reset_retry_counter(&mut self, command: &Command) -> Answer {
        let policy = self.policy(command)?;
        match command.p1 {
            NEW_VALUE => {
                self.demand(policy.access[RESET])?;
                policy.check_new(&command.data)?;
                self.set_passcode(&policy, &command.data)
            }
            COUNTER_ALONE => {
                self.demand(policy.access[RESET])?;
                if !command.data.is_empty() {
                    return Err(StatusWord::WRONG_LENGTH.into());
                }
                self.tries(&policy)?;
                self.set_tries(&policy, policy.tries)?;
                self.session.v3.verified &= !bit(policy.reference);
                done()
            }
            _ => Err(StatusWord::WRONG_P1P2.into()),
        }
    }

    /// The rules of the passcode in P2.
    fn policy(&self, command: &Command) -> Result<Policy, Stop> {
        let policy = super::policies(&self.model)
            .into_iter()
            .find(|policy| policy.reference == command.p2);
        Ok(policy.ok_or(StatusWord::REFERENCE_NOT_FOUND)?)
    }

    /// Tries left; 6A88 while the passcode has no value.
    fn tries(&self, policy: &Policy) -> Result<u8, Stop> {
        match self.memory.get(Cell::Credential(policy.reference)) {
            Some(&[tries, ..]) => Ok(tries),
            _ => Err(StatusWord::REFERENCE_NOT_FOUND.into()),
        }
    }

    /// The counter goes down before anything is compared, so that cutting the power after a wrong
    /// value gains nothing.
    fn compare_v3(&mut self, policy: &Policy, field: &[u8]) -> Result<(), Stop> {
        let left = self
            .tries(policy)?
            .checked_sub(1)
            .ok_or(StatusWord::BLOCKED)?;
        self.set_tries(policy, left)?;
        let cell = self.memory.get(Cell::Credential(policy.reference));
        let right = cell.is_some_and(|cell| credential::same(&cell[1..], field));
        if !right {
            self.session.v3.verified &= !bit(policy.reference);
            return Err(StatusWord::tries_left_word(left).into());
        }
        self.set_tries(policy, policy.tries)
    }

    fn set_tries(&mut self, policy: &Policy, tries: u8) -> Result<(), Stop> {
        let cell = Cell::Credential(policy.reference);
        let mut value = Zeroizing::new(self.memory.get(cell).unwrap_or_default().to_vec());
        if let Some(counter) = value.first_mut() {
            *counter = tries;
        }
        self.commit(Transaction::new().set(cell, value.as_slice()))
    }

    fn set_passcode(&mut self, policy: &Policy, field: &[u8]) -> Answer {
        let cells = super::credential_cell(Transaction::new(), policy, field);
        self.commit(cells)?;
        self.session.v3.verified &= !bit(policy.reference);
        done()
    }
}
