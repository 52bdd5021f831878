//! MANAGE SECURITY ENVIRONMENT, PERFORM SECURITY OPERATION and GET CHALLENGE.

use ::authentic::words::{self, v2};
use iso7816::ber::{self, Tag};
use iso7816::{Command, StatusWord};
use rand_core::Rng;
use zeroize::Zeroizing;

use super::key::{self, DesKey};
use crate::card::authentic::AuthenticChip;
use crate::card::authentic::files;
use crate::card::session::{Answer, done};

/// P1 of MANAGE SECURITY ENVIRONMENT: set, for computation and decipherment.
const SET: u8 = 0x41;
/// Algorithm reference: DES, of as many keys as the file holds, in CBC mode.
const ALGORITHM_DES: u8 = 0x01;
/// Bytes of a challenge whose length the host leaves to the card.
const CHALLENGE: usize = 8;

/// What the current key file was set up for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    Sign,
    Decipher,
    /// With a DES key, from this initial value.
    DecipherDes([u8; 8]),
}

impl AuthenticChip {
    /// `80 algorithm [87 initial value]` for the current key file. Another file, or a new key in
    /// it, ends it.
    pub(super) fn set_environment(&mut self, command: &Command) -> Answer {
        self.session.v2.purpose = None;
        if command.p1 != SET {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let (algorithm, initial) = read_template(&command.data).ok_or(StatusWord::WRONG_DATA)?;
        let (_, header) = self.current()?;
        let purpose = match (command.p2, header.kind, algorithm, initial) {
            (words::SIGNATURE_TEMPLATE, v2::TYPE_PRIVATE_KEY, v2::ALGORITHM_PKCS1, None) => {
                Purpose::Sign
            }
            (words::CONFIDENTIALITY_TEMPLATE, v2::TYPE_PRIVATE_KEY, v2::ALGORITHM_PKCS1, None) => {
                Purpose::Decipher
            }
            (words::CONFIDENTIALITY_TEMPLATE, v2::TYPE_DES_KEY, ALGORITHM_DES, initial) => {
                Purpose::DecipherDes(initial.unwrap_or_default())
            }
            (words::SIGNATURE_TEMPLATE | words::CONFIDENTIALITY_TEMPLATE, ..) => {
                return Err(StatusWord::CONDITIONS_NOT_SATISFIED.into());
            }
            _ => return Err(StatusWord::WRONG_P1P2.into()),
        };
        self.session.v2.purpose = Some(purpose);
        done()
    }

    pub(super) fn perform_operation(&mut self, command: &Command) -> Answer {
        match (command.p1, command.p2) {
            words::COMPUTE_SIGNATURE => self.sign(command),
            words::DECIPHER => self.decipher(command),
            _ => Err(StatusWord::WRONG_P1P2.into()),
        }
    }

    /// The host makes the DigestInfo, the card pads.
    fn sign(&mut self, command: &Command) -> Answer {
        if self.session.v2.purpose != Some(Purpose::Sign) {
            return Err(StatusWord::CONDITIONS_NOT_SATISFIED.into());
        }
        let (place, header) = self.current()?;
        self.check_access(&header, v2::private_key::SIGN)?;
        if !(1..=v2::DIGEST_INFO_MAX).contains(&command.data.len()) {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        self.key(place.cell(), key::private_key)
            .ok_or(StatusWord::REFERENCE_NOT_FOUND)?
            .sign(&command.data)
            .ok_or(StatusWord::WRONG_LENGTH.into())
    }

    /// The card takes the padding away.
    fn decipher(&mut self, command: &Command) -> Answer {
        let purpose = self
            .session
            .v2
            .purpose
            .ok_or(StatusWord::CONDITIONS_NOT_SATISFIED)?;
        let (place, header) = self.current()?;
        match purpose {
            Purpose::Sign => Err(StatusWord::CONDITIONS_NOT_SATISFIED.into()),
            Purpose::Decipher => {
                self.check_access(&header, v2::private_key::DECIPHER)?;
                if command.data.len() != usize::from(header.size) / 8 {
                    return Err(StatusWord::WRONG_LENGTH.into());
                }
                self.key(place.cell(), key::private_key)
                    .ok_or(StatusWord::REFERENCE_NOT_FOUND)?
                    .decipher(&command.data)
                    .ok_or(StatusWord::WRONG_DATA.into())
            }
            Purpose::DecipherDes(initial) => {
                self.check_access(&header, v2::private_key::DECIPHER)?;
                let key = DesKey::new(files::body(&self.memory, place))
                    .ok_or(StatusWord::REFERENCE_NOT_FOUND)?;
                decrypt(&key, initial, &command.data)
            }
        }
    }

    /// As many random bytes as the host asks for, or eight.
    pub(super) fn give_challenge(&mut self, command: &Command) -> Answer {
        if (command.p1, command.p2) != (0, 0) {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        if !command.data.is_empty() {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        let asked = command.expected.map(|expected| expected.get());
        let size = match asked {
            Some(size @ 1..=255) => size as usize,
            _ => CHALLENGE,
        };
        let mut challenge = Zeroizing::new(vec![0; size]);
        self.random()?.fill_bytes(&mut challenge);
        Ok(challenge)
    }
}

/// CBC without padding.
fn decrypt(key: &DesKey, initial: [u8; 8], cryptogram: &[u8]) -> Answer {
    let (blocks, []) = cryptogram.as_chunks::<8>() else {
        return Err(StatusWord::WRONG_LENGTH.into());
    };
    if blocks.is_empty() {
        return Err(StatusWord::WRONG_LENGTH.into());
    }
    let mut plain = Zeroizing::new(Vec::with_capacity(cryptogram.len()));
    let mut before = initial;
    for block in blocks {
        let decrypted = key.decrypt(*block);
        plain.extend(
            decrypted
                .iter()
                .zip(before)
                .map(|(left, right)| left ^ right),
        );
        before = *block;
    }
    Ok(plain)
}

/// Algorithm, and initial value if there is one.
fn read_template(data: &[u8]) -> Option<(u8, Option<[u8; 8]>)> {
    let (mut algorithm, mut initial) = (None, None);
    for object in ber::Reader::new(data) {
        let object = object.ok()?;
        match (object.tag, object.value) {
            (Tag(0x80), &[reference]) if algorithm.is_none() => algorithm = Some(reference),
            (Tag(0x87), value) if initial.is_none() => initial = Some(value.try_into().ok()?),
            _ => return None,
        }
    }
    Some((algorithm?, initial))
}
