//! PUT KEY for a whole key set of SCP03 (Card Specification 2.3.1, 11.8; Amendment D, 7.2).

use iso7816::{Command, StatusWord};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::aes::{BLOCK, Engine};
use super::domain::INITIAL_KEYS;
use super::keysets::{self, KeySet};
use super::messaging::SecureSession;
use crate::card::PivChip;
use crate::card::nvm::{Cell, Transaction};
use crate::card::session::Answer;

/// P2: several keys in one command, the first with identifier 01.
const WHOLE_SET: u8 = 0x81;

impl PivChip {
    /// Writes a new set beside the others, or in the place of one: all three keys or none.
    pub(super) fn put_key(&mut self, command: &Command, session: &SecureSession) -> Answer {
        if command.p2 != WHOLE_SET || command.p1 > 0x7F {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let loaded =
            Loaded::read(&command.data, &session.data_encryption).ok_or(StatusWord::WRONG_DATA)?;
        let new = KeySet::new(loaded.version, &loaded.keys).ok_or(StatusWord::WRONG_DATA)?;
        let cell = self.memory.get(Cell::KeySets).unwrap_or_default();
        let mut sets = keysets::read(cell);
        let replaced = match command.p1 {
            // Initial keys make way for the first set put beside them.
            0 => sets.iter().position(|set| set.version == INITIAL_KEYS),
            version => Some(
                sets.iter()
                    .position(|set| set.version == version)
                    .ok_or(StatusWord::REFERENCE_NOT_FOUND)?,
            ),
        };
        let place = match replaced {
            Some(place) => {
                sets[place] = new;
                place
            }
            None if sets.len() == keysets::MOST => return Err(StatusWord::NO_MEMORY.into()),
            None => {
                sets.push(new);
                sets.len() - 1
            }
        };
        let taken = |(at, set): (usize, &KeySet<'_>)| at != place && set.version == new.version;
        if sets.iter().enumerate().any(taken) {
            return Err(StatusWord::WRONG_DATA.into());
        }
        let cell = keysets::write(&sets);
        self.memory
            .commit(Transaction::new().set(Cell::KeySets, cell.as_slice()))?;
        Ok(Zeroizing::new(loaded.confirmation))
    }
}

/// The data field taken apart and decrypted.
struct Loaded {
    version: u8,
    keys: Zeroizing<Vec<u8>>,
    /// Version and check values.
    confirmation: Vec<u8>,
}

impl Loaded {
    /// `None` for another layout, another kind of key, or a check value that does not match.
    fn read(data: &[u8], data_encryption: &Engine) -> Option<Self> {
        const AES: u8 = 0x88;
        let (&version, mut rest) = data.split_first()?;
        if !(0x01..=0x7F).contains(&version) {
            return None;
        }
        let mut keys = Zeroizing::new(Vec::with_capacity(96));
        let mut confirmation = vec![version];
        // All three keys of a set have one length.
        let &[_, _, length, ..] = rest else {
            return None;
        };
        for _ in 0..3 {
            let &[AES, block_length, key_length, ref after @ ..] = rest else {
                return None;
            };
            if key_length != length {
                return None;
            }
            let key_length = usize::from(key_length);
            let block_length = usize::from(block_length).checked_sub(1)?;
            if block_length != key_length.next_multiple_of(BLOCK) {
                return None;
            }
            let (block, after) = after.split_at_checked(block_length)?;
            let &[3, ref after @ ..] = after else {
                return None;
            };
            let (check_value, after) = after.split_at_checked(3)?;
            let key = data_encryption.decrypt_blocks([0; BLOCK], block)?;
            let key = &key[..key_length];
            let expected = Engine::new(key)?.encrypt([0x01; BLOCK]);
            if !bool::from(expected[..3].ct_eq(check_value)) {
                return None;
            }
            keys.extend_from_slice(key);
            confirmation.extend_from_slice(check_value);
            rest = after;
        }
        rest.is_empty().then_some(Self {
            version,
            keys,
            confirmation,
        })
    }
}
