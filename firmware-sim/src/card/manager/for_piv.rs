//! The security domain as it serves the PIV application: a secure channel opened while that is
//! selected, and PUT KEY for its administration key (Card Specification 2.3.1, 7.3.2 and 11.8).
//!
//! SP 800-73 leaves this to each maker, and no maker's form is public. This one puts the key
//! reference into P2 and the rest where the specification has it for one key.

use ::piv::words::{Algorithm, KeyReference};
use iso7816::{Command, Instruction, StatusWord};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::aes::{BLOCK, Engine};
use super::messaging::SecureSession;
use crate::card::cipher::BlockKey;
use crate::card::nvm::{Cell, Transaction};
use crate::card::session::Answer;
use crate::card::{Interface, PivChip};

impl PivChip {
    /// Commands of classes 80 and 84 while the PIV application is selected.
    pub(in crate::card) fn run_domain_for_piv(&mut self, command: &Command) -> Answer {
        if self.interface == Interface::Contactless {
            return Err(StatusWord::FUNCTION_NOT_SUPPORTED.into());
        }
        let domain = self
            .model
            .card_manager
            .security_domain
            .clone()
            .ok_or(StatusWord::CLASS_NOT_SUPPORTED)?;
        match (command.class, command.instruction) {
            (0x84, Instruction::EXTERNAL_AUTHENTICATE) => {
                self.external_authenticate(&domain, command)
            }
            (0x84, _) => self.run_protected_for_piv(command),
            (_, instruction) => {
                self.session.security_domain = None;
                match instruction {
                    Instruction::INITIALIZE_UPDATE => self.initialize_update(&domain, command),
                    Instruction::PUT_KEY => Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED.into()),
                    _ => Err(StatusWord::INSTRUCTION_NOT_SUPPORTED.into()),
                }
            }
        }
    }

    fn run_protected_for_piv(&mut self, command: &Command) -> Answer {
        self.under_session(command, |card, plain, session| match plain.instruction {
            Instruction::PUT_KEY => card.put_administration_key(plain, session),
            _ => Err(StatusWord::INSTRUCTION_NOT_SUPPORTED.into()),
        })
    }

    fn put_administration_key(&mut self, command: &Command, session: &SecureSession) -> Answer {
        if (command.p1, command.p2) != (0x00, KeyReference::Administration.byte()) {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let loaded =
            Loaded::read(&command.data, &session.data_encryption).ok_or(StatusWord::WRONG_DATA)?;
        if !self
            .model
            .administration
            .algorithms
            .contains(&loaded.algorithm)
        {
            return Err(StatusWord::WRONG_DATA.into());
        }
        self.memory.commit(Transaction::new().set(
            Cell::Key(KeyReference::Administration),
            loaded.cell.as_slice(),
        ))?;
        // Whoever was authenticated was so with the key that is gone.
        self.session.status.administrator = false;
        Ok(Zeroizing::new(loaded.confirmation))
    }
}

/// The data field taken apart and decrypted.
struct Loaded {
    algorithm: Algorithm,
    /// As the memory has it: algorithm identifier, then the key.
    cell: Zeroizing<Vec<u8>>,
    /// Version and check value.
    confirmation: Vec<u8>,
}

impl Loaded {
    /// `None` for another layout or kind of key, or a check value that does not match.
    fn read(data: &[u8], data_encryption: &Engine) -> Option<Self> {
        const TRIPLE_DES: u8 = 0x80;
        const AES: u8 = 0x88;
        let &[
            version @ 0x01..=0x7F,
            kind,
            length,
            key_length,
            ref rest @ ..,
        ] = data
        else {
            return None;
        };
        let algorithm = match (kind, key_length) {
            (TRIPLE_DES, 24) => Algorithm::TripleDes,
            (AES, 16) => Algorithm::Aes128,
            (AES, 24) => Algorithm::Aes192,
            (AES, 32) => Algorithm::Aes256,
            _ => return None,
        };
        let in_blocks = usize::from(length).checked_sub(1)?;
        if in_blocks != usize::from(key_length).next_multiple_of(BLOCK) {
            return None;
        }
        let (blocks, check) = rest.split_at_checked(in_blocks)?;
        let &[3, ref check_value @ ..] = check else {
            return None;
        };
        let key = data_encryption.decrypt_blocks([0; BLOCK], blocks)?;
        let mut cell = Zeroizing::new(Vec::with_capacity(1 + usize::from(key_length)));
        cell.push(algorithm.byte());
        cell.extend_from_slice(&key[..usize::from(key_length)]);
        let block_key = BlockKey::from_cell(&cell)?;
        let fill = if kind == AES { 0x01 } else { 0x00 };
        let encrypted = block_key.encrypt(&vec![fill; block_key.block_size()]);
        if !bool::from(encrypted[..3].ct_eq(check_value)) {
            return None;
        }
        Some(Self {
            algorithm,
            cell,
            confirmation: [&[version], check_value].concat(),
        })
    }
}
