//! GENERATE ASYMMETRIC KEY PAIR.

use ::authentic::words::v2;
use iso7816::{Command, StatusWord};

use super::key;
use crate::card::authentic::AuthenticChip;
use crate::card::authentic::files::{self, Header, Place};
use crate::card::authentic::rsa::{F4, RsaKey};
use crate::card::nvm::Transaction;
use crate::card::session::{Answer, done};

impl AuthenticChip {
    /// `public(2) private(2) [length exponent]`: files in the current dedicated file, of one size.
    /// Both get their key in one write.
    pub(super) fn generate_pair(&mut self, command: &Command) -> Answer {
        if (command.p1, command.p2) != (0, 0) {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let (&[public_high, public_low, private_high, private_low], rest) = command
            .data
            .split_first_chunk()
            .ok_or(StatusWord::WRONG_LENGTH)?;
        let exponent = read_exponent(rest).ok_or(StatusWord::WRONG_DATA)?;
        self.directory_for(v2::df::GENERATE)?;
        let mut pair = |identifier: [u8; 2], kind| {
            let (place, header) = self.key_file(u16::from_be_bytes(identifier), kind)?;
            self.check_access(&header, v2::private_key::UPDATE)?;
            Ok::<_, StatusWord>((place, header))
        };
        let (public, public_header) = pair([public_high, public_low], v2::TYPE_PUBLIC_KEY)?;
        let (private, private_header) = pair([private_high, private_low], v2::TYPE_PRIVATE_KEY)?;
        let bits = private_header.size;
        if public_header.size != bits {
            return Err(StatusWord::WRONG_DATA.into());
        }
        let key = RsaKey::generate(bits, exponent, self.random()?).ok_or(StatusWord::WRONG_DATA)?;
        let private_body = key::private_body(&key).ok_or(StatusWord::UNKNOWN_ERROR)?;
        let public_body = key::public_body(&key.modulus(), &key.exponent());
        let cells = Transaction::new()
            .set(
                private.cell(),
                private_header.with(&private_body).as_slice(),
            )
            .set(public.cell(), public_header.with(&public_body).as_slice());
        self.commit(cells)?;
        self.session.v2.purpose = None;
        done()
    }

    fn key_file(&self, identifier: u16, kind: u8) -> Result<(Place, Header), StatusWord> {
        files::child(&self.memory, self.session.v2.directory, identifier)
            .filter(|(_, header)| header.kind == kind)
            .ok_or(StatusWord::NOT_FOUND)
    }
}

/// The exponent named, or the usual one.
fn read_exponent(data: &[u8]) -> Option<u32> {
    let (&length, exponent) = match data.split_first() {
        None => return Some(F4),
        Some(split) => split,
    };
    if usize::from(length) != exponent.len() || !(1..=4).contains(&length) {
        return None;
    }
    let number = exponent
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte));
    (number >= 3 && number & 1 == 1).then_some(number)
}
