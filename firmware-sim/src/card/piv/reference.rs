//! VERIFY, CHANGE REFERENCE DATA and RESET RETRY COUNTER (SP 800-73-5 Part 2, 3.2.1 to 3.2.3).
//!
//! A counter goes down in non-volatile memory before anything is compared, so that cutting the
//! power after a wrong try gains nothing.

use ::piv::words::{ObjectId, PinReference};
use iso7816::ber::{self, Tag};
use iso7816::{Command, StatusWord};
use subtle::ConstantTimeEq;

use crate::card::PivChip;
use crate::card::nvm::{Cell, Transaction};
use crate::card::session::{Answer, Stop, done};

/// Bytes of a PIN or PUK on the wire.
const LENGTH: usize = 8;

impl PivChip {
    pub(super) fn verify(&mut self, command: &Command) -> Answer {
        let reset_status = match command.p1 {
            0x00 => false,
            0xFF => true,
            _ => return Err(StatusWord::WRONG_P1P2.into()),
        };
        let reference = match PinReference::from_byte(command.p2) {
            Some(PinReference::Application) => PinReference::Application,
            Some(PinReference::Global) if self.has_global_pin() => PinReference::Global,
            Some(PinReference::PairingCode) if self.pairing_code().is_some() => {
                PinReference::PairingCode
            }
            _ => return Err(StatusWord::REFERENCE_NOT_FOUND.into()),
        };
        self.check_reference(reference)?;
        let data = command.data.as_slice();
        if reset_status {
            if !data.is_empty() {
                return Err(StatusWord::WRONG_DATA.into());
            }
            self.set_verified(reference, false);
            return done();
        }
        if data.is_empty() {
            return match reference {
                _ if self.is_verified(reference) => done(),
                PinReference::PairingCode => Err(StatusWord::VERIFICATION_FAILED.into()),
                _ => Err(StatusWord::tries_left_word(self.tries(reference)).into()),
            };
        }
        if reference == PinReference::PairingCode {
            return self.verify_pairing_code(data);
        }
        self.check_not_blocked(reference)?;
        if !is_pin(data) {
            return Err(StatusWord::WRONG_DATA.into());
        }
        self.compare(reference, data)?;
        self.memory.commit(
            Transaction::new().set(Cell::Tries(reference), [self.initial_tries(reference)]),
        )?;
        self.set_verified(reference, true);
        self.session.moment.pin_just_verified = true;
        done()
    }

    /// Without a counter: a pairing code cannot be blocked (SP 800-73-5 Part 2, 3.2.1).
    fn verify_pairing_code(&mut self, data: &[u8]) -> Answer {
        if !is_pairing_code(data) {
            return Err(StatusWord::WRONG_DATA.into());
        }
        let right = self
            .pairing_code()
            .is_some_and(|code| code.ct_eq(data).into());
        self.set_verified(PinReference::PairingCode, right);
        if right {
            done()
        } else {
            Err(StatusWord::VERIFICATION_FAILED.into())
        }
    }

    pub(super) fn change_reference_data(&mut self, command: &Command) -> Answer {
        if command.p1 != 0x00 {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let reference = match PinReference::from_byte(command.p2) {
            Some(known @ (PinReference::Application | PinReference::Unblocking)) => known,
            Some(PinReference::Global) if self.has_global_pin() => PinReference::Global,
            _ => return Err(StatusWord::REFERENCE_NOT_FOUND.into()),
        };
        self.check_reference(reference)?;
        self.check_not_blocked(reference)?;
        let (old, new) = split(&command.data)?;
        if reference != PinReference::Unblocking && !(is_pin(old) && is_pin(new)) {
            return Err(StatusWord::WRONG_DATA.into());
        }
        self.compare(reference, old)?;
        self.memory.commit(
            Transaction::new()
                .set(Cell::Reference(reference), new)
                .set(Cell::Tries(reference), [self.initial_tries(reference)]),
        )?;
        self.set_verified(reference, true);
        done()
    }

    pub(super) fn reset_retry_counter(&mut self, command: &Command) -> Answer {
        if command.p1 != 0x00 {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        if PinReference::from_byte(command.p2) != Some(PinReference::Application) {
            return Err(StatusWord::REFERENCE_NOT_FOUND.into());
        }
        self.check_contact()?;
        self.check_not_blocked(PinReference::Unblocking)?;
        let (puk, new) = split(&command.data)?;
        if !is_pin(new) {
            return Err(StatusWord::WRONG_DATA.into());
        }
        if let Err(stop) = self.compare(PinReference::Unblocking, puk) {
            self.set_verified(PinReference::Application, false);
            return Err(stop);
        }
        let (pin, puk) = (PinReference::Application, PinReference::Unblocking);
        self.memory.commit(
            Transaction::new()
                .set(Cell::Reference(pin), new)
                .set(Cell::Tries(pin), [self.initial_tries(pin)])
                .set(Cell::Tries(puk), [self.initial_tries(puk)]),
        )?;
        done()
    }

    /// Counts the try, then compares. Wrong: the status becomes FALSE and 63CX is the answer.
    fn compare(&mut self, reference: PinReference, candidate: &[u8]) -> Result<(), Stop> {
        let left = self.tries(reference).saturating_sub(1);
        self.memory
            .commit(Transaction::new().set(Cell::Tries(reference), [left]))?;
        let value = self
            .memory
            .get(Cell::Reference(reference))
            .ok_or(StatusWord::REFERENCE_NOT_FOUND)?;
        if bool::from(value.ct_eq(candidate)) {
            return Ok(());
        }
        self.set_verified(reference, false);
        Err(StatusWord::tries_left_word(left).into())
    }

    fn check_not_blocked(&self, reference: PinReference) -> Result<(), StatusWord> {
        if self.tries(reference) > self.kept_tries() {
            Ok(())
        } else {
            Err(StatusWord::BLOCKED)
        }
    }

    fn tries(&self, reference: PinReference) -> u8 {
        match self.memory.get(Cell::Tries(reference)) {
            Some(&[tries]) => tries,
            _ => 0,
        }
    }

    fn initial_tries(&self, reference: PinReference) -> u8 {
        match reference {
            PinReference::Application => self.model.pin.tries,
            PinReference::Unblocking => self.model.puk.tries,
            _ => self.model.global_pin.as_ref().map_or(0, |pin| pin.tries),
        }
    }

    /// Whether the card has a Global PIN that the Discovery Object lets be used here.
    fn has_global_pin(&self) -> bool {
        self.model.global_pin.is_some() && self.global_pin_counts()
    }

    /// The pairing code, if the Discovery Object names a virtual contact interface and the card
    /// holds a code in its container. The container is all there is: PIV has no other way to set
    /// the code.
    fn pairing_code(&self) -> Option<&[u8]> {
        const VIRTUAL_CONTACT: u8 = 0x08;
        const CODE: Tag = Tag(0x99);
        self.pin_usage_policy()
            .filter(|policy| policy & VIRTUAL_CONTACT != 0)?;
        let object = self.object(ObjectId::PairingCode.tag())?;
        let value = ber::expect(Tag(0x53), object).ok()?;
        let code = ber::Reader::single_byte_tags(value)
            .map_while(Result::ok)
            .find(|element| element.tag == CODE)?;
        is_pairing_code(code.value).then_some(code.value)
    }

    fn is_verified(&self, reference: PinReference) -> bool {
        match reference {
            PinReference::Application => self.session.status.pin,
            PinReference::Global => self.session.global_pin,
            PinReference::PairingCode => self.session.status.pairing_code,
            _ => false,
        }
    }

    fn set_verified(&mut self, reference: PinReference, verified: bool) {
        match reference {
            PinReference::Application => self.session.status.pin = verified,
            PinReference::Global => self.session.global_pin = verified,
            PinReference::PairingCode => self.session.status.pairing_code = verified,
            // The indicator of the PUK opens nothing and can be asked for by nobody.
            _ => {}
        }
    }
}

/// Two values of 8 bytes each.
fn split(data: &[u8]) -> Result<(&[u8], &[u8]), StatusWord> {
    if data.len() == 2 * LENGTH {
        Ok(data.split_at(LENGTH))
    } else {
        Err(StatusWord::WRONG_DATA)
    }
}

/// Eight digits (SP 800-73-5 Part 2, 2.4.3).
fn is_pairing_code(data: &[u8]) -> bool {
    data.len() == LENGTH && data.iter().all(u8::is_ascii_digit)
}

/// Six to eight digits, then FF up to 8 bytes (SP 800-73-5 Part 2, 2.4.3).
fn is_pin(data: &[u8]) -> bool {
    let digits = data.iter().take_while(|byte| byte.is_ascii_digit()).count();
    data.len() == LENGTH && digits >= 6 && data[digits..].iter().all(|&byte| byte == 0xFF)
}
