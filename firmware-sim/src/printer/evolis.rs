//! The firmware of an Evolis Primacy or a relative.
//!
//! It takes commands, counted bitmaps and tags, and answers each command: on a line at once, with
//! text or with ACK/NACK; on the network, where a connection is one exchange, once the caller has
//! said everything. Texts and codes are those of public sources as far as they go. Where those are
//! silent the simulator has its own idea: a card is printed when its sequence ends, a printer that
//! should treat errors itself answers them all the same, `Scs` and `Srs` take whatever an operator
//! would have to do first as done, and after what went wrong in a job its rest is passed over.

mod answer;
mod panel;
mod parser;
mod session;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use panel::{Ink, PanelError};
pub use parser::{Event, ParseError, Parser, RawPanel};

use super::family::{Model, Options};
use super::firmware::{Firmware, Session};
use super::machine::Machine;
use super::printed::PrintedSide;
use super::setup::Setup;
use session::EvolisSession;

/// What is particular to a printer of this family. Clones are the same printer.
#[derive(Clone, Debug, Default)]
pub struct Evolis {
    /// How it is connected.
    pub wire: Wire,
    /// Whether a line begins with the option ACK/NACK; `Pem;4` sets it too.
    pub acknowledges: bool,
    /// How it answers an empty exchange on the network; no public source has the real layout.
    pub status_words: StatusForm,
    /// Whether the printer turns a card upside down when it flips it, so that a back must be sent
    /// upside down. The vendor's library takes it that it does not.
    pub back_turned: bool,
    memory: Arc<Mutex<Memory>>,
}

/// How a printer is connected.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Wire {
    /// One exchange a connection.
    #[default]
    Network,
    /// USB or a serial line: one connection for everything.
    Line,
}

/// What answers an empty exchange.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum StatusForm {
    /// One byte, after which the vendor's library goes on without status.
    #[default]
    Byte,
    /// Four words, most significant byte first.
    Big,
    /// Four words, least significant byte first.
    Little,
}

/// What the printer remembers from one connection to the next, until it is switched off.
#[derive(Debug, Default)]
struct Memory {
    /// When it was switched on that remembers this.
    boot: u64,
    /// Commands are acknowledged with a byte.
    acknowledges: bool,
    /// The ribbon it was told, `Pr`; until then it believes the one that is fitted.
    ribbon: Option<String>,
    /// What `Sc` prints again.
    last: Option<[Option<Arc<PrintedSide>>; 2]>,
}

impl Evolis {
    /// A printer that is connected so.
    #[must_use]
    pub fn new(wire: Wire) -> Self {
        Self {
            wire,
            ..Self::default()
        }
    }

    fn memory(&self, machine: &Machine) -> MutexGuard<'_, Memory> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.boot != machine.boots() {
            *memory = Memory {
                boot: machine.boots(),
                acknowledges: self.acknowledges,
                ..Memory::default()
            };
        }
        memory
    }
}

impl Firmware for Evolis {
    fn session(&self) -> Box<dyn Session> {
        Box::new(EvolisSession::new(self.clone()))
    }
}

/// A Primacy with everything, on the network.
pub(super) fn network(_options: &mut Options) -> Model {
    model(Wire::Network)
}

/// The same on a line.
pub(super) fn line(_options: &mut Options) -> Model {
    model(Wire::Line)
}

fn model(wire: Wire) -> Model {
    Model {
        setup: Setup {
            model: "Evolis Primacy".to_owned(),
            serial: "10000123456".to_owned(),
            firmware: "1419".to_owned(),
            antenna: true,
            reject_tray: true,
            film: "YMCKO".to_owned(),
            film_sides: 300,
            clean_every: 1000,
            ..Setup::default()
        },
        firmware: Arc::new(Evolis::new(wire)),
    }
}

#[cfg(test)]
mod tests;
