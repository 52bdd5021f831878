//! A simulated Magicard Enduro.
//!
//! It takes questions, commands and jobs from a byte stream, moves numbered cards and puts what
//! lands on the plastic into pictures. It reads jobs with its own parser, written from the wire
//! format and not from the encoder, so that each checks the other. What a real printer answers to
//! the words that move a card is not known; what happens here is the simulator's own idea.

mod connection;
mod film;
mod machine;
mod server;
mod sheet;
mod stream;
mod transport;
mod trouble;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use connection::SimConnection;
pub use film::PrintedSide;
pub use machine::{Machine, PrintedCard, Setup};
pub use server::PrinterServer;
pub use sheet::{Sheet, SheetError};
pub use stream::{Event, Stream};
pub use transport::{Counters, Encoder, Entry, Movement, Place, Side, StateError, Transport};
pub use trouble::{FAULT_TABLE, Motion, Scripted, ScriptedError, Trouble};

/// A simulated printer that connections, a server and a test share.
#[derive(Clone)]
pub struct SimPrinter {
    machine: Arc<Mutex<Machine>>,
}

impl SimPrinter {
    /// Switches the printer on.
    #[must_use]
    pub fn new(machine: Machine) -> Self {
        Self {
            machine: Arc::new(Mutex::new(machine)),
        }
    }

    /// A connection inside this process.
    #[must_use]
    pub fn connection(&self) -> SimConnection {
        SimConnection::new(self.clone())
    }

    /// The machine, for as long as the guard lives.
    pub fn machine(&self) -> MutexGuard<'_, Machine> {
        // A panic elsewhere leaves a printer in some state, which is what printers are for.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
