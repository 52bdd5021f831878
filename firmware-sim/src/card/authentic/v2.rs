//! AuthentIC v2.2.

use iso7816::{Command, Instruction, StatusWord};

use super::AuthenticChip;
use crate::card::Condition;
use crate::card::nvm::Transaction;
use crate::card::session::{Answer, done};

/// What the application remembers until it is selected again.
#[derive(Default)]
pub(super) struct State {}

/// The commands that may come in parts.
pub(super) fn is_chainable(_instruction: Instruction) -> bool {
    false
}

/// What the application of a new card holds.
pub(super) fn add_to(
    cells: Transaction,
    _model: &super::AuthenticModel,
    _number: u64,
    _condition: Condition,
) -> Transaction {
    cells
}

impl AuthenticChip {
    /// The application was selected by its identifier.
    pub(super) fn select_v2(&mut self) -> Answer {
        self.session.v2 = State::default();
        done()
    }

    pub(super) fn run_v2(&mut self, _command: &Command) -> Answer {
        Err(StatusWord::INSTRUCTION_NOT_SUPPORTED.into())
    }
}
