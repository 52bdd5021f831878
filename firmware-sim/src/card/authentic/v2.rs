//! AuthentIC v2.2.
//!
//! Made from what OpenSC's driver sends and reads; nobody has published the application's own
//! manual. Where the driver leaves a choice, the comment at the place says what was chosen.

mod access;
mod attributes;
mod crypto;
mod data;
mod files;
mod generate;
mod key;
mod passcode;
mod personalise;
mod select;

use ::authentic::words;
use iso7816::{Command, Instruction, StatusWord};

use self::crypto::Purpose;
use self::passcode::Verified;
use super::AuthenticChip;
use super::files::{MASTER, Place};
use crate::card::session::Answer;

pub(super) use self::personalise::add_to;

/// What the application remembers until it is selected again.
pub(super) struct State {
    /// The current dedicated file.
    directory: Place,
    /// The current file in it, if one is selected.
    current: Option<Place>,
    verified: Verified,
    /// What the current key file was set up for.
    purpose: Option<Purpose>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            directory: MASTER,
            current: None,
            verified: Verified::default(),
            purpose: None,
        }
    }
}

/// Status words that have no name in ISO/IEC 7816-4 as far as others need them.
mod status {
    use iso7816::StatusWord;

    /// The file ended before all that was asked for.
    pub(super) const END_REACHED: StatusWord = StatusWord(0x6282);
    /// There is no such record.
    pub(super) const NO_RECORD: StatusWord = StatusWord(0x6A83);
    /// There is a file of this identifier already.
    pub(super) const EXISTS: StatusWord = StatusWord(0x6A89);
    /// An offset behind the end of the file.
    pub(super) const WRONG_OFFSET: StatusWord = StatusWord(0x6B00);
}

/// The commands that may come in parts.
pub(super) fn is_chainable(instruction: Instruction) -> bool {
    matches!(
        instruction.0,
        words::PERFORM_SECURITY_OPERATION | words::v2::WRITE_COMPONENT
    )
}

/// Class of the commands ISO/IEC 7816 does not have, or has otherwise.
const PROPRIETARY: u8 = 0x80;

impl AuthenticChip {
    /// The application was selected by its identifier: passcodes are forgotten, the master file
    /// is current.
    pub(super) fn select_v2(&mut self) -> Answer {
        self.session.v2 = State::default();
        self.control_information(MASTER)
    }

    pub(super) fn run_v2(&mut self, command: &Command) -> Answer {
        match (command.class & PROPRIETARY, command.instruction.0) {
            (0, INS_SELECT) => self.select_file(command),
            (0, INS_READ_BINARY) => self.read_binary(command),
            (0, words::UPDATE_BINARY) => self.update_binary(command),
            (0, words::v2::READ_RECORD) => self.read_record(command),
            (0, words::v2::APPEND_RECORD) => self.append_record(command),
            (0, words::v2::UPDATE_RECORD) => self.update_record(command),
            (PROPRIETARY, words::v2::DELETE_RECORD) => self.delete_record(command),
            (0, words::CREATE_FILE) => self.create_file(command),
            (0, words::DELETE_FILE) => self.delete_file(command),
            (PROPRIETARY, words::LIST_FILES) => self.list_files(command),
            (0, INS_VERIFY) => self.verify(command),
            (0, INS_CHANGE) => self.change_or_define(command),
            (0, INS_UNBLOCK) => self.unblock(command),
            (PROPRIETARY, words::v2::LOG_OUT) => self.log_out(command),
            (0, INS_ENVIRONMENT) => self.set_environment(command),
            (0, words::PERFORM_SECURITY_OPERATION) => self.perform_operation(command),
            (0, INS_CHALLENGE) => self.give_challenge(command),
            (0, words::v2::GENERATE) => self.generate_pair(command),
            (PROPRIETARY, words::v2::READ_COMPONENT) => self.read_component(command),
            (PROPRIETARY, words::v2::WRITE_COMPONENT) => self.write_component(command),
            (0, INS_GET_RESPONSE) => Err(StatusWord::CONDITIONS_NOT_SATISFIED.into()),
            _ => Err(StatusWord::INSTRUCTION_NOT_SUPPORTED.into()),
        }
    }
}

const INS_SELECT: u8 = Instruction::SELECT.0;
const INS_READ_BINARY: u8 = Instruction::READ_BINARY.0;
const INS_VERIFY: u8 = Instruction::VERIFY.0;
const INS_CHANGE: u8 = Instruction::CHANGE_REFERENCE_DATA.0;
const INS_UNBLOCK: u8 = Instruction::RESET_RETRY_COUNTER.0;
const INS_ENVIRONMENT: u8 = Instruction::MANAGE_SECURITY_ENVIRONMENT.0;
const INS_CHALLENGE: u8 = Instruction::GET_CHALLENGE.0;
const INS_GET_RESPONSE: u8 = Instruction::GET_RESPONSE.0;
