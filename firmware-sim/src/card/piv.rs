//! The PIV Card Application (SP 800-73-5 Part 2, 3).

mod administer;
mod authenticate;
mod data;
mod establish;
mod generate;
mod interface;
mod reference;
#[cfg(test)]
mod rules;
mod select;

use iso7816::{Command, Instruction, StatusWord};

use super::PivChip;
use super::session::{Answer, Moment};

/// The vendor command SET MANAGEMENT KEY.
const SET_MANAGEMENT_KEY: Instruction = Instruction(0xFF);

impl PivChip {
    pub(super) fn run_piv(&mut self, command: &Command, moment: Moment) -> Answer {
        match command.instruction {
            Instruction::GET_DATA => self.get_data(command),
            Instruction::VERIFY => self.verify(command),
            Instruction::CHANGE_REFERENCE_DATA => self.change_reference_data(command),
            Instruction::RESET_RETRY_COUNTER => self.reset_retry_counter(command),
            Instruction::GENERAL_AUTHENTICATE => self.general_authenticate(command, moment),
            Instruction::PUT_DATA => self.put_data(command),
            Instruction::GENERATE_ASYMMETRIC_KEY_PAIR => self.generate_key_pair(command),
            // Nothing is pending, or it would have been handed out.
            Instruction::GET_RESPONSE => Err(StatusWord::CONDITIONS_NOT_SATISFIED.into()),
            SET_MANAGEMENT_KEY if self.model.administration.set_management_key => {
                self.set_management_key(command)
            }
            _ => Err(StatusWord::INSTRUCTION_NOT_SUPPORTED.into()),
        }
    }

    /// Whether the access rule "PIN" is met: by the PIV PIN, or by the Global PIN where the
    /// Discovery Object says so (SP 800-73-5 Part 1, 3.3.2).
    fn pin_verified(&self) -> bool {
        self.session.status.pin || (self.session.global_pin && self.global_pin_counts())
    }
}
