//! A minimal card manager: the issuer security domain with what it tells anybody (GlobalPlatform
//! Card Specification 2.3, 11.3 and Annex H), and a secure channel to load its keys through
//! (Amendment D).
//!
//! A session ends with the first command that is not protected as it must be, with SELECT and
//! with a reset.

mod aes;
mod authenticate;
mod domain;
mod for_piv;
mod issuer_data;
mod keysets;
mod messaging;
mod put_key;
mod status;

use iso7816::ber::{self, Tag};
use iso7816::{Command, Instruction, StatusWord};

use super::PivChip;
use super::nvm::{Cell, Transaction};
use super::session::{Answer, Stop};

pub use self::domain::SecurityDomain;
pub(super) use self::issuer_data::{issuer_object, serial_number};
pub(super) use self::messaging::SecureSession;

/// The issuer security domain.
pub(super) const AID: [u8; 8] = [0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00];

/// The shortest beginning of an application identifier that selects: the RID.
const SHORTEST: usize = 5;

/// The card manager of Open Platform 2.0.1, which older cards have in its place.
pub(super) const OPEN_PLATFORM_AID: [u8; 7] = [0xA0, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00];

/// Whether SELECT with this identifier means the card manager called `own`: none at all, the whole
/// one, or its beginning.
pub(super) fn is_named_by(aid: &[u8], own: &[u8]) -> bool {
    aid.is_empty() || (aid.len() >= SHORTEST && own.starts_with(aid))
}

/// `6F { 84 identifier, A5 { 9F6E production data, 9F65 longest data field } }`.
pub(super) fn control_information(own: &[u8]) -> Vec<u8> {
    let mut proprietary = Vec::new();
    ber::write(&mut proprietary, Tag(0x9F65), &[0xFF]);
    let mut template = ber::object(Tag(0x84), own);
    ber::write(&mut template, Tag(0xA5), &proprietary);
    ber::object(Tag(0x6F), &template)
}

/// CLA bit 3 of class 8X: secure messaging of GlobalPlatform.
const SECURE_MESSAGING: u8 = 0x04;

const GET_STATUS: Instruction = Instruction(0xF2);

/// What the security domain of a new card holds.
pub(super) fn add_to(cells: Transaction, domain: &SecurityDomain) -> Transaction {
    let keys = keysets::KeySet::new(domain.key_version, &domain.keys)
        .expect("a model's keys are a key set");
    cells
        .set(Cell::KeySets, keysets::write(&[keys]).as_slice())
        .set(Cell::KeySetTries, [domain.tries])
}

impl PivChip {
    pub(super) fn run_card_manager(&mut self, command: &Command) -> Answer {
        let Some(domain) = self.model.card_manager.security_domain.clone() else {
            return self.run_in_clear(command);
        };
        match (command.class, command.instruction) {
            (0x84, Instruction::EXTERNAL_AUTHENTICATE) => {
                self.external_authenticate(&domain, command)
            }
            (0x84, _) => self.run_protected_for_issuer(command),
            (_, instruction) => {
                // Nothing goes unprotected between the commands of a session.
                let session = self.session.security_domain.take();
                match instruction {
                    Instruction::INITIALIZE_UPDATE if command.class == 0x80 => {
                        self.initialize_update(&domain, command)
                    }
                    Instruction::PUT_KEY | Instruction::STORE_DATA | GET_STATUS => {
                        Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED.into())
                    }
                    _ if session.is_some_and(|session| session.is_open()) => {
                        Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED.into())
                    }
                    _ => self.run_in_clear(command),
                }
            }
        }
    }

    fn run_protected_for_issuer(&mut self, command: &Command) -> Answer {
        self.under_session(command, |card, plain, session| match plain.instruction {
            Instruction::PUT_KEY => card.put_key(plain, session),
            GET_STATUS => status::get_status(plain),
            Instruction::STORE_DATA => card.store_issuer_data(plain),
            _ => card.run_in_clear(plain),
        })
    }

    /// Opens the command, carries it out, seals what it answers. The session is taken out
    /// meanwhile, so that it has ended if the command cannot be opened. An error is told in clear.
    fn under_session(
        &mut self,
        command: &Command,
        run: impl FnOnce(&mut Self, &Command, &SecureSession) -> Answer,
    ) -> Answer {
        let mut session = self
            .session
            .security_domain
            .take()
            .filter(SecureSession::is_open)
            .ok_or(StatusWord::SECURITY_STATUS_NOT_SATISFIED)?;
        let plain = session.open(command)?;
        let answer = run(self, &plain, &session);
        let answer = answer.map(|data| session.seal(data));
        if answer != Err(Stop::PowerCut) {
            self.session.security_domain = Some(session);
        }
        answer
    }

    fn run_in_clear(&self, command: &Command) -> Answer {
        match command.instruction {
            _ if command.class & SECURE_MESSAGING != 0 => {
                Err(StatusWord::CLASS_NOT_SUPPORTED.into())
            }
            Instruction::GET_DATA_P1P2 => {
                let manager = &self.model.card_manager;
                issuer_object(&self.memory, manager, self.number, command)
            }
            Instruction::GET_RESPONSE => Err(StatusWord::CONDITIONS_NOT_SATISFIED.into()),
            _ => Err(StatusWord::INSTRUCTION_NOT_SUPPORTED.into()),
        }
    }
}
