//! Keys: PUT DATA, GENERATE ASYMMETRIC KEY PAIR, MANAGE SECURITY ENVIRONMENT, and what is done
//! with a key once it is chosen.

use ::authentic::words::v3::{SDO_PUT_DATA, algorithm, df, key, sdo};
use ::authentic::words::{
    COMPUTE_SIGNATURE, CONFIDENTIALITY_TEMPLATE, DECIPHER, SIGNATURE_TEMPLATE,
};
use iso7816::{Command, StatusWord};
use zeroize::Zeroizing;

use super::ALREADY_EXISTS;
use super::sdo::{Generate, Header, Name, Put, Rules, public_key};
use crate::card::authentic::AuthenticChip;
use crate::card::authentic::rsa::RsaKey;
use crate::card::nvm::{Cell, Transaction};
use crate::card::session::{Answer, Stop, done};

/// P2 of MANAGE SECURITY ENVIRONMENT: the template for authentication (ISO/IEC 7816-4, 10.3.3).
const AUTHENTICATION_TEMPLATE: u8 = 0xA4;
/// P1 of MANAGE SECURITY ENVIRONMENT: set, for computing and deciphering.
const SET: u8 = 0x41;

/// The keys chosen, by purpose.
#[derive(Default)]
pub(super) struct Environment {
    signature: Option<Chosen>,
    confidentiality: Option<Chosen>,
    authentication: Option<Chosen>,
}

/// A key and what to do with it.
#[derive(Clone, Copy)]
struct Chosen {
    id: u8,
    algorithm: u8,
}

impl AuthenticChip {
    pub(super) fn put_key_data(&mut self, command: &Command) -> Answer {
        if (command.p1, command.p2) != SDO_PUT_DATA {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        match Put::parse(&command.data)? {
            Put::Create(name, rules) => self.create_key(name, rules),
            Put::Delete(name) => {
                let (header, _) = self.key_object(name)?;
                self.demand(header.rules.access[key::DELETE])?;
                self.commit(Transaction::new().set(Cell::KeyObject(name.id), []))?;
                done()
            }
            Put::Store(name, value) => {
                let (header, _) = self.key_object(name)?;
                self.demand(header.rules.access[key::UPDATE])?;
                self.store_key(name, &header, &value)?;
                done()
            }
        }
    }

    /// Who may create keys says the current DF.
    fn create_key(&mut self, name: Name, rules: Rules) -> Answer {
        self.demand(self.current_df()?[df::CRYPTO])?;
        if !self.model.keys.sizes.contains(&name.bits()) {
            return Err(StatusWord::WRONG_DATA.into());
        }
        let there = self.memory.get(Cell::KeyObject(name.id));
        if there.is_some_and(|cell| !cell.is_empty()) {
            return Err(ALREADY_EXISTS.into());
        }
        if self.memory_in_use() + footprint(name) > self.model.memory.files {
            return Err(StatusWord::NO_MEMORY.into());
        }
        let header = Header {
            mechanism: name.mechanism,
            rules,
        };
        let cell = header.to_cell(&[]);
        self.commit(Transaction::new().set(Cell::KeyObject(name.id), cell.as_slice()))?;
        done()
    }

    pub(super) fn generate_key(&mut self, command: &Command) -> Answer {
        if (command.p1, command.p2) != (0, 0) {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let Generate { name, exponent } = Generate::parse(&command.data)?;
        let (header, _) = self.key_object(name)?;
        self.demand(header.rules.access[key::GENERATE])?;
        let value = RsaKey::generate(name.bits(), exponent, self.random()?)
            .ok_or(StatusWord::WRONG_DATA)?;
        self.store_key(name, &header, &value)?;
        Ok(Zeroizing::new(public_key(&value)))
    }

    pub(super) fn manage_security_environment(&mut self, command: &Command) -> Answer {
        if command.p1 != SET {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let &[sdo::MECHANISM, 1, algorithm, sdo::REFERENCE, 1, id] = command.data.as_slice() else {
            return Err(StatusWord::WRONG_DATA.into());
        };
        let cell = self.memory.get(Cell::KeyObject(id)).unwrap_or_default();
        if cell.is_empty() {
            return Err(StatusWord::REFERENCE_NOT_FOUND.into());
        }
        match algorithm {
            algorithm::PKCS1 | algorithm::RAW => {}
            algorithm::OAEP | algorithm::ISO_9796 => {
                return Err(StatusWord::FUNCTION_NOT_SUPPORTED.into());
            }
            _ => return Err(StatusWord::WRONG_DATA.into()),
        }
        let environment = &mut self.session.v3.environment;
        let chosen = match command.p2 {
            SIGNATURE_TEMPLATE => &mut environment.signature,
            CONFIDENTIALITY_TEMPLATE => &mut environment.confidentiality,
            AUTHENTICATION_TEMPLATE => &mut environment.authentication,
            _ => return Err(StatusWord::WRONG_P1P2.into()),
        };
        *chosen = Some(Chosen { id, algorithm });
        done()
    }

    pub(super) fn perform_security_operation(&mut self, command: &Command) -> Answer {
        let environment = &self.session.v3.environment;
        match (command.p1, command.p2) {
            COMPUTE_SIGNATURE => {
                let chosen = environment.signature;
                self.sign_v3(chosen, key::SIGN, &command.data)
            }
            DECIPHER => {
                let chosen = environment.confidentiality;
                let cryptogram = &command.data;
                self.use_key(chosen, key::DECIPHER, |key, algorithm| {
                    if cryptogram.len() != size(key) {
                        return Err(StatusWord::WRONG_LENGTH);
                    }
                    match algorithm {
                        algorithm::RAW => key.raw(cryptogram),
                        _ => key.decipher(cryptogram),
                    }
                    .ok_or(StatusWord::WRONG_DATA)
                })
            }
            _ => Err(StatusWord::WRONG_P1P2.into()),
        }
    }

    pub(super) fn internal_authenticate(&mut self, command: &Command) -> Answer {
        if (command.p1, command.p2) != (0, 0) {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let chosen = self.session.v3.environment.authentication;
        self.sign_v3(chosen, key::INTERNAL_AUTHENTICATE, &command.data)
    }

    /// The host gives the DigestInfo; a bare digest gets one where the model says so. The whole
    /// block comes from the host with the algorithm that adds nothing.
    fn sign_v3(&mut self, chosen: Option<Chosen>, position: usize, data: &[u8]) -> Answer {
        let completes = self
            .model
            .v3
            .as_ref()
            .is_some_and(|v3| v3.completes_digests);
        self.use_key(chosen, position, |key, algorithm| match algorithm {
            algorithm::RAW if data.len() != size(key) => Err(StatusWord::WRONG_LENGTH),
            algorithm::RAW => key.raw(data).ok_or(StatusWord::WRONG_DATA),
            _ if data.is_empty() => Err(StatusWord::WRONG_LENGTH),
            _ => {
                let prefix = match data.len() {
                    20 if completes => SHA_1_INFO,
                    32 if completes => SHA_256_INFO,
                    _ => &[],
                };
                key.sign(&[prefix, data].concat())
                    .ok_or(StatusWord::WRONG_LENGTH)
            }
        })
    }

    /// Does something with the chosen key, if it may be used so. A counted use is written down
    /// before it happens, so that cutting the power gains none.
    fn use_key(
        &mut self,
        chosen: Option<Chosen>,
        position: usize,
        act: impl FnOnce(&RsaKey, u8) -> Result<Zeroizing<Vec<u8>>, StatusWord>,
    ) -> Answer {
        let Chosen { id, algorithm } = chosen.ok_or(StatusWord::CONDITIONS_NOT_SATISFIED)?;
        let cell = Cell::KeyObject(id);
        let (mut header, value) = Header::from_cell(self.memory.get(cell).unwrap_or_default())
            .ok_or(StatusWord::REFERENCE_NOT_FOUND)?;
        self.demand(header.rules.access[position])?;
        if value.is_empty() {
            return Err(StatusWord::CONDITIONS_NOT_SATISFIED.into());
        }
        if let Some(left) = header.rules.uses {
            let left = left
                .checked_sub(1)
                .ok_or(StatusWord::CONDITIONS_NOT_SATISFIED)?;
            header.rules.uses = Some(left);
            let counted = header.to_cell(value);
            self.commit(Transaction::new().set(cell, counted.as_slice()))?;
        }
        let key = self
            .key(cell, |cell| RsaKey::from_cell(cell.get(Header::SIZE..)?))
            .ok_or(StatusWord::MEMORY_FAILURE)?;
        Ok(act(key, algorithm)?)
    }

    /// The header and the value of the key a template names.
    fn key_object(&self, name: Name) -> Result<(Header, &[u8]), Stop> {
        let cell = self.memory.get(Cell::KeyObject(name.id));
        let object = Header::from_cell(cell.unwrap_or_default());
        match object {
            Some(object) if object.0.mechanism == name.mechanism => Ok(object),
            _ => Err(StatusWord::REFERENCE_NOT_FOUND.into()),
        }
    }

    fn store_key(&mut self, name: Name, header: &Header, key: &RsaKey) -> Result<(), Stop> {
        let value = key.to_cell().ok_or(StatusWord::WRONG_DATA)?;
        let cell = header.to_cell(&value);
        self.commit(Transaction::new().set(Cell::KeyObject(name.id), cell.as_slice()))
    }
}

/// What a key will take at most once it has a value: nine numbers, together five times the modulus.
fn footprint(name: Name) -> usize {
    Header::SIZE + usize::from(name.bits()) / 8 * 5
}

/// Bytes of the modulus.
fn size(key: &RsaKey) -> usize {
    usize::from(key.bits()) / 8
}

/// RFC 8017, 9.2, note 1: what a DigestInfo begins with.
const SHA_1_INFO: &[u8] = &[
    0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A, 0x05, 0x00, 0x04, 0x14,
];
const SHA_256_INFO: &[u8] = &[
    0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];
