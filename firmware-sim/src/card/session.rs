//! What the chip remembers until the next reset.

use iso7816::{Command, Instruction, StatusWord};
use zeroize::Zeroizing;

use super::Application;
use super::manager::SecureSession;
use super::nvm::CommitError;
use super::secure_messaging::{SECURED, SecureChannel};
use super::transport::{Carrier, Exchange};

/// Volatile state: the selected application, security status, and exchanges in progress.
pub(super) struct Session {
    pub(super) selected: Application,
    pub(super) status: SecurityStatus,
    /// The Global PIN's status, which outlives the selection of another application
    /// (SP 800-73-5 Part 2, 2.4.2).
    pub(super) global_pin: bool,
    pub(super) moment: Moment,
    /// The issuer's secure channel, from INITIALIZE UPDATE on.
    pub(super) security_domain: Option<SecureSession>,
    pub(super) exchange: Exchange,
    /// The secure messaging session, between key establishment and its end.
    pub(super) channel: Option<SecureChannel>,
    /// The command being carried out came under secure messaging.
    pub(super) protected: bool,
}

impl Session {
    pub(super) fn new(selected: Application) -> Self {
        Self {
            selected,
            status: SecurityStatus::default(),
            global_pin: false,
            moment: Moment::default(),
            security_domain: None,
            exchange: Exchange::default(),
            channel: None,
            protected: false,
        }
    }
}

/// The application security status indicators of the PIV application that anything depends on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct SecurityStatus {
    /// 80: the PIV PIN was verified.
    pub(super) pin: bool,
    /// 98: the pairing code was verified.
    pub(super) pairing_code: bool,
    /// 9B: the administrator was authenticated.
    pub(super) administrator: bool,
}

/// What holds for the very next command only.
#[derive(Default)]
pub(super) struct Moment {
    /// The PIN was verified by the command just before, as key 9C asks for.
    pub(super) pin_just_verified: bool,
    /// A challenge or witness of key 9B waits for its answer.
    pub(super) challenge: Option<Challenge>,
}

/// What was given out for the authentication with key 9B.
pub(super) enum Challenge {
    /// The host has to encrypt this.
    External(Zeroizing<Vec<u8>>),
    /// The host has to decrypt what it got to this.
    Mutual(Zeroizing<Vec<u8>>),
}

/// The parts of a command chain that have come so far.
pub(super) struct Chain {
    class: u8,
    instruction: Instruction,
    p1: u8,
    p2: u8,
    data: Zeroizing<Vec<u8>>,
    limit: usize,
}

impl Chain {
    /// A chain without parts yet, with room for all there may be: growing would leave copies of
    /// what is sent in parts behind.
    pub(super) fn begin(command: &Command, carrier: &Carrier) -> Self {
        Self {
            class: command.class,
            instruction: command.instruction,
            p1: command.p1,
            p2: command.p2,
            data: Zeroizing::new(Vec::with_capacity(carrier.chain_buffer)),
            limit: carrier.chain_buffer,
        }
    }

    /// Adds a part.
    pub(super) fn extend(&mut self, command: &Command) -> Result<(), StatusWord> {
        if self.data.len() + command.data.len() > self.limit {
            return Err(StatusWord::NO_MEMORY);
        }
        self.data.extend_from_slice(&command.data);
        Ok(())
    }

    /// The command as a whole, with its last part.
    pub(super) fn finish(mut self, last: &Command) -> Result<Command, StatusWord> {
        self.extend(last)?;
        Ok(Command {
            class: last.class,
            instruction: last.instruction,
            p1: last.p1,
            p2: last.p2,
            data: self.data,
            expected: last.expected,
        })
    }

    /// Whether the command is another part of it (ISO/IEC 7816-4, 5.3.3: same INS P1 P2).
    pub(super) fn continues_with(&self, command: &Command) -> bool {
        (self.instruction, self.p1, self.p2) == (command.instruction, command.p1, command.p2)
    }

    /// Whether its parts come under secure messaging.
    pub(super) fn is_protected(&self) -> bool {
        self.class & SECURED == SECURED
    }
}

/// Response data that waits for GET RESPONSE.
pub(super) struct Pending {
    pub(super) data: Zeroizing<Vec<u8>>,
    pub(super) given: usize,
    /// What comes with the last of it: success, or a warning.
    pub(super) status: StatusWord,
}

impl Pending {
    pub(super) fn new(data: Zeroizing<Vec<u8>>) -> Self {
        Self {
            data,
            given: 0,
            status: StatusWord::OK,
        }
    }
}

/// A command's response data, or why there is none.
pub(super) type Answer = Result<Zeroizing<Vec<u8>>, Stop>;

/// Success without data.
pub(super) fn done() -> Answer {
    Ok(Zeroizing::new(Vec::new()))
}

/// Why a command ends early.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stop {
    /// With this status word.
    Refused(StatusWord),
    /// Without any answer: the power failed.
    PowerCut,
}

impl From<StatusWord> for Stop {
    fn from(status: StatusWord) -> Self {
        Self::Refused(status)
    }
}

impl From<CommitError> for Stop {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::PowerCut => Self::PowerCut,
            CommitError::Medium(_) => Self::Refused(StatusWord::MEMORY_FAILURE),
        }
    }
}
