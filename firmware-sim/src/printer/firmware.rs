//! Where a family's firmware meets the shared mechanics.

use std::fmt;
use std::time::Duration;

use super::SimPrinter;
use super::machine::Machine;

/// What speaks a family's protocol and moves cards with the verbs of a [`Machine`].
pub trait Firmware: fmt::Debug + Send + Sync {
    /// Begins to listen on a new connection. A firmware remembers on a connection what a real one
    /// forgets when it ends or the power is cut, and nothing else.
    fn session(&self) -> Box<dyn Session>;
}

/// One connection to a printer, as its firmware sees it.
///
/// Bytes come as they are cut by the connection. Nothing calls a session while the printer is mute
/// ([`Machine::is_mute`]); one that becomes so while it works is not heard any more.
pub trait Session: Send {
    /// What the printer says before anything was asked.
    fn greet(&mut self, _machine: &mut Machine) -> Vec<u8> {
        Vec::new()
    }

    /// Takes bytes; never panics, whatever they are.
    fn push(&mut self, bytes: &[u8], machine: &mut Machine) -> Reply;

    /// Hears that the caller will send nothing more but reads on. Without a reply the connection is
    /// over.
    fn end(&mut self, _machine: &mut Machine) -> Reply {
        Reply::default().and_close()
    }
}

/// What a printer does in answer to bytes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reply {
    /// What it sends.
    pub bytes: Vec<u8>,
    /// Whether it closes the connection then.
    pub close: bool,
}

impl Reply {
    /// With the connection closed after it.
    #[must_use]
    pub fn and_close(mut self) -> Self {
        self.close = true;
        self
    }
}

impl From<Vec<u8>> for Reply {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            close: false,
        }
    }
}

/// The printer's end of one connection.
pub(super) struct Line {
    printer: SimPrinter,
    session: Box<dyn Session>,
    /// When the printer was switched on that this connection leads to.
    boot: u64,
}

/// A reply and how much later than it could it comes.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) reply: Reply,
    pub(super) late: Duration,
}

impl Line {
    /// A new connection, with what the printer says first.
    pub(super) fn open(printer: &SimPrinter) -> (Self, Answer) {
        let mut line = Self {
            printer: printer.clone(),
            session: printer.firmware().session(),
            boot: printer.machine().boots(),
        };
        let greeting = line.with(|session, machine| session.greet(machine).into());
        (line, greeting)
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Answer {
        self.with(|session, machine| session.push(bytes, machine))
    }

    pub(super) fn end(&mut self) -> Answer {
        self.with(|session, machine| session.end(machine))
    }

    /// Whether the printer was switched off and on since: it knows nothing of this connection.
    pub(super) fn is_stale(&self) -> bool {
        self.boot != self.printer.machine().boots()
    }

    fn with(&mut self, act: impl FnOnce(&mut dyn Session, &mut Machine) -> Reply) -> Answer {
        let mut machine = self.printer.machine();
        if machine.boots() != self.boot {
            return Answer {
                reply: Reply::default().and_close(),
                late: Duration::ZERO,
            };
        }
        if machine.is_mute() {
            return Answer::default();
        }
        let reply = act(&mut *self.session, &mut machine);
        if machine.is_mute() {
            return Answer::default();
        }
        Answer {
            reply,
            late: machine.lateness(),
        }
    }
}
