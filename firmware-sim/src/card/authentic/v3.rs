//! AuthentIC v3.2.2: files with access pairs, credentials with policies, keys as security data
//! objects, and SCP01 for whoever administers the card. What is known of it is how the drivers of
//! OpenSC speak to it.

mod access;
mod binary;
mod credential;
mod files;
mod keys;
mod manage;
mod messaging;
mod passcodes;
mod personalise;
mod pkcs15;
#[cfg(test)]
mod rules;
mod scp01;
mod sdo;
mod select;

use ::authentic::words::v3::{
    AID, ALWAYS, CREDENTIAL_POLICY, NEVER, SO_CREDENTIAL, USER_CREDENTIAL,
};
use ::authentic::words::{CREATE_FILE, DELETE_FILE, UPDATE_BINARY};
use iso7816::ber::{self, Tag};
use iso7816::{Command, Instruction, StatusWord};
use zeroize::Zeroizing;

use self::access::{Level, Pair, Shown, bit};
use self::credential::Policy;
use self::files::{Current, Tree};
use self::keys::Environment;
use self::scp01::SecureSession;
use super::files::MASTER;
use super::{AuthenticChip, AuthenticModel};
use crate::card::Condition;
use crate::card::manager;
use crate::card::nvm::{Cell, Transaction};
use crate::card::session::Answer;

/// File or object exists already.
const ALREADY_EXISTS: StatusWord = StatusWord(0x6A89);

const PERFORM_SECURITY_OPERATION: Instruction =
    Instruction(::authentic::words::PERFORM_SECURITY_OPERATION);
const INTERNAL_AUTHENTICATE: Instruction = Instruction(0x88);
const ERASE_BINARY: Instruction = Instruction(0x0E);
const WRITE_BINARY: Instruction = Instruction(0xD0);

/// What the application remembers until it is selected again.
#[derive(Default)]
pub(super) struct State {
    current: Current,
    /// The credentials verified, a bit for each.
    verified: u8,
    environment: Environment,
    /// From INITIALIZE UPDATE on.
    session: Option<SecureSession>,
    /// Of the command being carried out.
    protection: Option<Level>,
}

impl State {
    fn shown(&self) -> Shown {
        Shown {
            credentials: self.verified,
            protection: self.protection,
        }
    }
}

/// The commands that may come in parts.
pub(super) fn is_chainable(instruction: Instruction) -> bool {
    matches!(
        instruction,
        Instruction::PUT_DATA | PERFORM_SECURITY_OPERATION
    )
}

/// What the application of a new card holds.
pub(super) fn add_to(
    mut cells: Transaction,
    model: &AuthenticModel,
    number: u64,
    condition: Condition,
) -> Transaction {
    for policy in policies(model) {
        let reference = match policy.reference {
            SO_CREDENTIAL => &model.officer,
            _ if condition == Condition::Personalised => &model.passcode,
            _ => continue,
        };
        let field = Zeroizing::new(reference.padded::<LONGEST_PASSCODE>());
        cells = credential_cell(cells, &policy, &field[..policy.max_length.into()]);
    }
    if let Some(channel) = model.v3.as_ref().and_then(|v3| v3.secure_channel.as_ref()) {
        cells = cells.set(Cell::KeySetTries, [channel.tries]);
    }
    let master = files::master([by(SO_CREDENTIAL), Pair([NEVER, 0]), by(SO_CREDENTIAL)]);
    cells = cells.set(MASTER.cell(), master.to_cell(&[]).as_slice());
    match condition {
        Condition::Blank => cells,
        Condition::Personalised => personalise::add_to(cells, model, number),
    }
}

/// The longest passcode there can be, in characters.
pub(super) const LONGEST_PASSCODE: usize = 63;

/// Whoever has shown this credential.
fn by(reference: u8) -> Pair {
    Pair([ALWAYS[0], bit(reference)])
}

/// The rules of both credentials. Each may verify itself; the officer resets the holder's, and
/// either of them changes it.
fn policies(model: &AuthenticModel) -> Vec<Policy> {
    const NOBODY: Pair = Pair([NEVER, 0]);
    let Some(v3) = &model.v3 else {
        return Vec::new();
    };
    let officer = by(SO_CREDENTIAL);
    let either = Pair([ALWAYS[0], bit(USER_CREDENTIAL) | bit(SO_CREDENTIAL)]);
    vec![
        Policy {
            reference: USER_CREDENTIAL,
            access: [Pair::ALWAYS, officer, either, officer, NOBODY],
            tries: model.passcode.tries,
            min_length: v3.passcode_length.min,
            max_length: v3.passcode_length.max,
        },
        Policy {
            reference: SO_CREDENTIAL,
            access: [Pair::ALWAYS, NOBODY, officer, NOBODY, NOBODY],
            tries: model.officer.tries,
            min_length: v3.officer_length.min,
            max_length: v3.officer_length.max,
        },
    ]
}

/// A passcode in its cell: tries left, then the padded field.
fn credential_cell(cells: Transaction, policy: &Policy, field: &[u8]) -> Transaction {
    let mut cell = Zeroizing::new(Vec::with_capacity(1 + field.len()));
    cell.push(policy.tries);
    cell.extend_from_slice(field);
    cells.set(Cell::Credential(policy.reference), cell.as_slice())
}

impl AuthenticChip {
    /// The application was selected by its identifier: nothing is verified and no session open,
    /// which is how one logs out.
    pub(super) fn select_v3(&mut self) -> Answer {
        self.session.v3 = State::default();
        let name = ber::object(Tag(0x84), &AID);
        Ok(Zeroizing::new(ber::object(Tag(0x6F), &name)))
    }

    pub(super) fn run_v3(&mut self, command: &Command) -> Answer {
        const CREATE: u8 = CREATE_FILE;
        const DELETE: u8 = DELETE_FILE;
        const UPDATE: u8 = UPDATE_BINARY;
        match (command.class, command.instruction) {
            (_, Instruction::GET_DATA_P1P2) => self.get_data(command),
            (0x80, Instruction::INITIALIZE_UPDATE) => self.initialize_update(command),
            (0x84, Instruction::EXTERNAL_AUTHENTICATE) => self.external_authenticate(command),
            (0x00, instruction) => match instruction {
                Instruction::SELECT => self.select_file_v3(command),
                Instruction::VERIFY => self.verify_v3(command),
                Instruction::CHANGE_REFERENCE_DATA => self.change_reference_data(command),
                Instruction::RESET_RETRY_COUNTER => self.reset_retry_counter(command),
                Instruction::GET_CHALLENGE => self.get_challenge(command),
                Instruction::READ_BINARY => self.read_binary_v3(command),
                Instruction(UPDATE) | WRITE_BINARY => self.update_binary_v3(command),
                ERASE_BINARY => self.erase_binary(command),
                Instruction(CREATE) => self.create_file_v3(command),
                Instruction(DELETE) => self.delete_file_v3(command),
                Instruction::PUT_DATA => self.put_key_data(command),
                Instruction::GENERATE_ASYMMETRIC_KEY_PAIR => self.generate_key(command),
                Instruction::MANAGE_SECURITY_ENVIRONMENT => {
                    self.manage_security_environment(command)
                }
                PERFORM_SECURITY_OPERATION => self.perform_security_operation(command),
                INTERNAL_AUTHENTICATE => self.internal_authenticate(command),
                Instruction::GET_RESPONSE => Err(StatusWord::CONDITIONS_NOT_SATISFIED.into()),
                _ => Err(StatusWord::INSTRUCTION_NOT_SUPPORTED.into()),
            },
            _ => Err(StatusWord::CLASS_NOT_SUPPORTED.into()),
        }
    }

    /// The policy of a credential, or what the card manager tells anybody; in class 80 alone where
    /// the model says so.
    fn get_data(&self, command: &Command) -> Answer {
        let v3 = self.model.v3.as_ref();
        let proprietary = v3.is_some_and(|v3| v3.proprietary_get_data);
        if !matches!(command.class, 0x00 | 0x80) || (proprietary && command.class == 0x00) {
            return Err(StatusWord::CLASS_NOT_SUPPORTED.into());
        }
        if command.p1 != CREDENTIAL_POLICY {
            let manager = &self.model.card_manager;
            return manager::issuer_object(&self.memory, manager, self.number, command);
        }
        let policies = policies(&self.model);
        let policy = policies
            .iter()
            .find(|policy| policy.reference == command.p2)
            .ok_or(StatusWord::REFERENCE_NOT_FOUND)?;
        Ok(Zeroizing::new(policy.object()))
    }

    /// The files there are.
    fn files(&self) -> Tree<'_> {
        Tree(&self.memory)
    }
}
