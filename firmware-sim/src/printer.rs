//! Simulated card printers.
//!
//! A [`Machine`] is what printers of all families have in common: it moves numbered cards, prints
//! pictures on them and has [`Trouble`]. A [`Firmware`] speaks the protocol of one family and moves
//! cards with the verbs of the machine; [`Family`] is the table of them. A firmware reads what it
//! gets with its own parser, written from the wire format and not from the encoder, so that each
//! checks the other.

mod connection;
mod family;
mod firmware;
mod log;
mod machine;
pub mod magicard;
mod printed;
mod script;
mod server;
mod setup;
mod transport;
mod trouble;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ground::Ambient;

pub use connection::SimConnection;
pub use family::{Family, FamilyError, Model, Options};
pub use firmware::{Firmware, Reply, Session};
pub use log::{Entry, Movement, Side};
pub use machine::{Machine, PrintedCard};
pub use magicard::FAULT_TABLE;
pub use printed::{PrintedSide, Shown};
pub use script::{Mishap, Motion, Scripted, ScriptedError};
pub use server::PrinterServer;
pub use setup::{Setup, Timing};
pub use transport::{Counters, Encoder, Place, StateError, Transport};
pub use trouble::Trouble;

/// A simulated printer that connections, a server and a test share.
#[derive(Clone)]
pub struct SimPrinter {
    machine: Arc<Mutex<Machine>>,
    firmware: Arc<dyn Firmware>,
    ambient: Arc<dyn Ambient>,
}

impl SimPrinter {
    /// A machine with a firmware.
    #[must_use]
    pub fn new(machine: Machine, firmware: Arc<dyn Firmware>) -> Self {
        Self {
            ambient: machine.ambient(),
            machine: Arc::new(Mutex::new(machine)),
            firmware,
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

    fn firmware(&self) -> &dyn Firmware {
        &*self.firmware
    }

    /// The clock, which can be waited on without holding the machine.
    fn ambient(&self) -> Arc<dyn Ambient> {
        Arc::clone(&self.ambient)
    }
}

#[cfg(test)]
mod tests;
