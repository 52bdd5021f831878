//! VERIFY, CHANGE REFERENCE DATA (which also defines a passcode), RESET RETRY COUNTER, LOG OUT.
//!
//! A counter goes down in non-volatile memory before anything is compared, so that cutting the
//! power after a wrong try gains nothing.

use ::authentic::words::v2;
use iso7816::{Command, StatusWord};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::card::authentic::AuthenticChip;
use crate::card::authentic::files::{self, MASTER, Place};
use crate::card::nvm::{Cell, Transaction};
use crate::card::session::{Answer, Stop, done};

/// A reference in the domain of the current dedicated file, not the master file.
const LOCAL: u8 = 0x80;
/// The fewest characters of a passcode.
const SHORTEST: usize = 4;
/// P1 of CHANGE REFERENCE DATA: the data define the passcode anew.
const DEFINE: u8 = 0x01;
/// What LOG OUT adds to the number of a passcode.
const LOG_OUT_FLAG: u8 = 0x20;

/// Which passcodes were verified since the application was selected.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Verified {
    pub(super) user: bool,
    /// Lasts until a command needed it.
    pub(super) one_time: bool,
    pub(super) officer: bool,
    pub(super) local_officer: bool,
}

impl Verified {
    pub(super) fn set(&mut self, reference: u8, verified: bool) {
        match reference {
            v2::USER_PIN => self.user = verified,
            v2::ONE_TIME_PIN => self.one_time = verified,
            v2::SO_PIN => self.officer = verified,
            v2::PUK => self.local_officer = verified,
            _ => {}
        }
    }

    fn get(self, reference: u8) -> bool {
        match reference {
            v2::USER_PIN => self.user,
            v2::ONE_TIME_PIN => self.one_time,
            v2::SO_PIN => self.officer,
            v2::PUK => self.local_officer,
            _ => false,
        }
    }
}

/// A passcode as its cell holds it:
///
/// ```text
/// domain(2) limit(1) left(1) value(64) unblocking { limit(1) left(1) codes(16)* }
/// ```
pub(super) struct Passcode {
    /// The dedicated file it was defined in.
    pub(super) domain: Place,
    pub(super) limit: u8,
    pub(super) left: u8,
    pub(super) value: Zeroizing<[u8; v2::PIN_FIELD]>,
    pub(super) unblocking: Option<Unblocking>,
}

/// What unblocks a passcode.
pub(super) struct Unblocking {
    pub(super) limit: u8,
    pub(super) left: u8,
    /// Codes of 16 bytes laid end to end, of which any one does.
    pub(super) codes: Zeroizing<Vec<u8>>,
}

impl Passcode {
    pub(super) fn to_cell(&self) -> Zeroizing<Vec<u8>> {
        let codes = self.unblocking.as_ref().map_or(0, |it| 2 + it.codes.len());
        let mut cell = Zeroizing::new(Vec::with_capacity(4 + v2::PIN_FIELD + codes));
        cell.extend_from_slice(&self.domain.0.to_be_bytes());
        cell.extend_from_slice(&[self.limit, self.left]);
        cell.extend_from_slice(&*self.value);
        if let Some(unblocking) = &self.unblocking {
            cell.extend_from_slice(&[unblocking.limit, unblocking.left]);
            cell.extend_from_slice(&unblocking.codes);
        }
        cell
    }

    pub(super) fn from_cell(cell: &[u8]) -> Option<Self> {
        let (&[high, low, limit, left], rest) = cell.split_first_chunk()?;
        let (value, rest) = rest.split_first_chunk()?;
        let unblocking = match rest {
            [] => None,
            &[limit, left, ref codes @ ..] => Some(Unblocking {
                limit,
                left,
                codes: Zeroizing::new(codes.to_vec()),
            }),
            _ => return None,
        };
        Some(Self {
            domain: Place(u16::from_be_bytes([high, low])),
            limit,
            left,
            value: Zeroizing::new(*value),
            unblocking,
        })
    }
}

impl AuthenticChip {
    pub(super) fn verify(&mut self, command: &Command) -> Answer {
        if command.p1 != 0 {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let reference = self.resolve(command.p2)?;
        let passcode = self.passcode(reference)?;
        if command.data.is_empty() {
            // Over T=0 a question of five bytes.
            return match self.session.v2.verified.get(reference) {
                true => done(),
                false => Err(StatusWord::tries_left_word(passcode.left).into()),
            };
        }
        if passcode.left == 0 {
            return Err(StatusWord::BLOCKED.into());
        }
        let candidate: &[u8; v2::PIN_FIELD] = field(&command.data)?;
        self.compare(reference, passcode, candidate)?;
        self.session.v2.verified.set(reference, true);
        done()
    }

    pub(super) fn change_or_define(&mut self, command: &Command) -> Answer {
        match command.p1 {
            0 => self.change(command),
            DEFINE => self.define(command),
            _ => Err(StatusWord::WRONG_P1P2.into()),
        }
    }

    /// Old and new. The driver leaves the bit of a local reference out.
    fn change(&mut self, command: &Command) -> Answer {
        let reference = self.resolve(match command.p2 {
            0x01 | 0x02 => command.p2 | LOCAL,
            reference => reference,
        })?;
        let passcode = self.passcode(reference)?;
        let (old, new) = command
            .data
            .split_at_checked(v2::PIN_FIELD)
            .ok_or(StatusWord::WRONG_LENGTH)?;
        let (old, new) = (field(old)?, field(new)?);
        let domain = self.header(passcode.domain)?;
        self.check_access(&domain, v2::df::CHANGE_PIN)?;
        if passcode.left == 0 {
            return Err(StatusWord::BLOCKED.into());
        }
        if !is_passcode(new) {
            return Err(StatusWord::WRONG_DATA.into());
        }
        let mut passcode = self.compare(reference, passcode, old)?;
        *passcode.value = *new;
        self.put(reference, &passcode)?;
        self.session.v2.verified.set(reference, true);
        done()
    }

    /// In the current dedicated file: a passcode, its limit, and for the holder's the codes that
    /// unblock it. The number of the officer's passcode means the one of the master file there,
    /// and the one local to the domain anywhere else.
    fn define(&mut self, command: &Command) -> Answer {
        let directory = self.session.v2.directory;
        let reference = match (command.p2 & !LOCAL, directory) {
            (0x01, place) if place != MASTER => v2::USER_PIN,
            (0x02, place) if place != MASTER => v2::ONE_TIME_PIN,
            (0x04, MASTER) if command.p2 == v2::SO_PIN => v2::SO_PIN,
            (0x04, place) if place != MASTER => v2::PUK,
            _ => return Err(StatusWord::REFERENCE_NOT_FOUND.into()),
        };
        let passcode = read_definition(directory, &command.data)?;
        self.directory_for(v2::df::DEFINE_PIN)?;
        // Anything local has one domain on a card.
        if let Ok(old) = self.passcode(reference)
            && old.domain != directory
        {
            return Err(StatusWord::CONDITIONS_NOT_SATISFIED.into());
        }
        self.put(reference, &passcode)?;
        self.session.v2.verified.set(reference, false);
        done()
    }

    /// A code and the new passcode, with the officer's passcode verified where the domain asks
    /// for that.
    pub(super) fn unblock(&mut self, command: &Command) -> Answer {
        if command.p1 != 0 {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let reference = match command.p2 & !LOCAL {
            0x01 => self.resolve(v2::USER_PIN)?,
            0x02 => self.resolve(v2::ONE_TIME_PIN)?,
            _ => return Err(StatusWord::REFERENCE_NOT_FOUND.into()),
        };
        let mut passcode = self.passcode(reference)?;
        let (code, new) = command
            .data
            .split_at_checked(v2::PUK_FIELD)
            .ok_or(StatusWord::WRONG_LENGTH)?;
        let new = field(new)?;
        let domain = self.header(passcode.domain)?;
        self.check_reset_access(&domain)?;
        let unblocking = passcode
            .unblocking
            .as_mut()
            .ok_or(StatusWord::CONDITIONS_NOT_SATISFIED)?;
        let Some(left) = unblocking.left.checked_sub(1) else {
            return Err(StatusWord::BLOCKED.into());
        };
        if !is_passcode(new) {
            return Err(StatusWord::WRONG_DATA.into());
        }
        unblocking.left = left;
        let right: Choice = unblocking
            .codes
            .chunks_exact(v2::PUK_FIELD)
            .fold(Choice::from(0), |any, it| any | it.ct_eq(code));
        self.put(reference, &passcode)?;
        if !bool::from(right) {
            return Err(StatusWord::tries_left_word(left).into());
        }
        if let Some(unblocking) = &mut passcode.unblocking {
            unblocking.left = unblocking.limit;
        }
        passcode.left = passcode.limit;
        *passcode.value = *new;
        self.put(reference, &passcode)?;
        self.session.v2.verified.set(reference, false);
        done()
    }

    pub(super) fn log_out(&mut self, command: &Command) -> Answer {
        if command.p1 != 0 {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        if !command.data.is_empty() {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        let verified = &mut self.session.v2.verified;
        match command.p2.checked_sub(LOG_OUT_FLAG) {
            Some(0x01) => verified.user = false,
            Some(0x02) => verified.one_time = false,
            Some(0x04) => (verified.officer, verified.local_officer) = (false, false),
            _ => return Err(StatusWord::REFERENCE_NOT_FOUND.into()),
        }
        done()
    }

    /// The passcode that is meant. A local one is there for the dedicated file it was defined in
    /// and what is under that; without an officer's passcode of the domain's own, the local
    /// reference means that of the master file.
    fn resolve(&self, reference: u8) -> Result<u8, StatusWord> {
        if !matches!(
            reference,
            v2::USER_PIN | v2::ONE_TIME_PIN | v2::PUK | v2::SO_PIN
        ) {
            return Err(StatusWord::REFERENCE_NOT_FOUND);
        }
        match self.passcode(reference) {
            Ok(passcode) if reference == v2::SO_PIN || self.is_here(&passcode) => Ok(reference),
            _ if reference == v2::PUK && self.session.v2.directory != MASTER => {
                self.passcode(v2::SO_PIN).map(|_| v2::SO_PIN)
            }
            _ => Err(StatusWord::REFERENCE_NOT_FOUND),
        }
    }

    fn is_here(&self, passcode: &Passcode) -> bool {
        files::is_within(&self.memory, self.session.v2.directory, passcode.domain)
    }

    /// Whether what [`v2::PUK`] means was verified.
    pub(super) fn local_officer_verified(&self) -> bool {
        self.resolve(v2::PUK)
            .is_ok_and(|reference| self.session.v2.verified.get(reference))
    }

    /// The references of the passcodes whose domain this is.
    pub(super) fn passcodes_of(&self, domain: Place) -> Vec<u8> {
        let mut references = vec![v2::USER_PIN, v2::ONE_TIME_PIN, v2::PUK, v2::SO_PIN];
        references.retain(|reference| {
            self.passcode(*reference)
                .is_ok_and(|passcode| passcode.domain == domain)
        });
        references
    }

    fn passcode(&self, reference: u8) -> Result<Passcode, StatusWord> {
        self.memory
            .get(Cell::Credential(reference))
            .and_then(Passcode::from_cell)
            .ok_or(StatusWord::REFERENCE_NOT_FOUND)
    }

    fn put(&mut self, reference: u8, passcode: &Passcode) -> Result<(), Stop> {
        let cell = passcode.to_cell();
        self.commit(Transaction::new().set(Cell::Credential(reference), cell.as_slice()))
    }

    /// Counts the try, then compares. Right: the counter is at its limit again. Wrong: the status
    /// is lost and 63CX is the answer.
    fn compare(
        &mut self,
        reference: u8,
        mut passcode: Passcode,
        candidate: &[u8; v2::PIN_FIELD],
    ) -> Result<Passcode, Stop> {
        passcode.left = passcode.left.saturating_sub(1);
        self.put(reference, &passcode)?;
        if !bool::from(passcode.value.ct_eq(candidate)) {
            self.session.v2.verified.set(reference, false);
            return Err(StatusWord::tries_left_word(passcode.left).into());
        }
        passcode.left = passcode.limit;
        self.put(reference, &passcode)?;
        Ok(passcode)
    }
}

/// A passcode as it is on the wire.
fn field(data: &[u8]) -> Result<&[u8; v2::PIN_FIELD], StatusWord> {
    data.try_into().map_err(|_| StatusWord::WRONG_LENGTH)
}

/// Four characters or more, then FF to the end.
fn is_passcode(field: &[u8; v2::PIN_FIELD]) -> bool {
    let length = field.iter().take_while(|&&byte| byte != 0xFF).count();
    length >= SHORTEST && field[length..].iter().all(|&byte| byte == 0xFF)
}

/// `limit 40 passcode(64) [limit count code(16)*count]`; limits are 1 to 15, for 63CX.
fn read_definition(domain: Place, data: &[u8]) -> Result<Passcode, StatusWord> {
    let (&[limit, size], rest) = data.split_first_chunk().ok_or(StatusWord::WRONG_LENGTH)?;
    let (value, rest) = rest
        .split_first_chunk::<{ v2::PIN_FIELD }>()
        .ok_or(StatusWord::WRONG_LENGTH)?;
    let limits = 1..=15;
    if usize::from(size) != v2::PIN_FIELD || !limits.contains(&limit) || !is_passcode(value) {
        return Err(StatusWord::WRONG_DATA);
    }
    let unblocking = match rest {
        [] => None,
        &[limit, count, ref codes @ ..] => {
            if codes.len() != usize::from(count) * v2::PUK_FIELD {
                return Err(StatusWord::WRONG_LENGTH);
            }
            if count == 0 || !limits.contains(&limit) {
                return Err(StatusWord::WRONG_DATA);
            }
            Some(Unblocking {
                limit,
                left: limit,
                codes: Zeroizing::new(codes.to_vec()),
            })
        }
        _ => return Err(StatusWord::WRONG_LENGTH),
    };
    Ok(Passcode {
        domain,
        limit,
        left: limit,
        value: Zeroizing::new(*value),
        unblocking,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_passcode_reads_back(
            domain: u16, limit: u8, left: u8, fill: u8,
            codes in proptest::option::of((any::<u8>(), any::<u8>(), 0_usize..4)),
        ) {
            let passcode = Passcode {
                domain: Place(domain),
                limit,
                left,
                value: Zeroizing::new([fill; 64]),
                unblocking: codes.map(|(limit, left, count)| Unblocking {
                    limit, left, codes: Zeroizing::new(vec![fill; 16 * count]),
                }),
            };
            let cell = passcode.to_cell();
            let back = Passcode::from_cell(&cell).unwrap();
            prop_assert_eq!(back.to_cell(), cell);
            prop_assert_eq!((back.domain, back.limit, back.left), (Place(domain), limit, left));
        }

        #[test]
        fn any_cell_and_any_definition_read(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = Passcode::from_cell(&bytes);
            let _ = read_definition(MASTER, &bytes);
        }
    }
}
