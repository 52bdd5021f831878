//! The firmware of a Matica XID.
//!
//! It greets, hears who prints, and takes commands and images, one answer each. Whatever the notes
//! it was written from leave open is the simulator's own idea: an answer comes when the motion is
//! done, `03` gives up what trouble struck in, and whatever an operator would have to do first is
//! taken as done.
//!
//! Ink lies on the film of a connection until a transfer lays it on the card, and that is when the
//! mechanics print a side: a card comes under the film, and film can run out then.

mod film;
mod frames;
mod session;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

pub use frames::{Message, Messages};

use super::family::{Model, Options};
use super::firmware::{Firmware, Session};
use super::setup::Setup;
use session::MaticaSession;

/// What is particular to a printer of this family.
#[derive(Clone, Debug)]
pub struct Matica {
    /// Whether it prints 600 dots an inch, 300 else.
    pub fine: bool,
    /// Whether images come turned by 180 degrees.
    pub turned: bool,
    /// Whether the printer turns a card upside down when it flips it.
    pub back_turned: bool,
    /// The word of the last jam. A printer knows that for longer than a connection.
    jam: Arc<AtomicU32>,
}

impl Default for Matica {
    fn default() -> Self {
        Self {
            fine: true,
            turned: true,
            back_turned: false,
            jam: Arc::default(),
        }
    }
}

impl Firmware for Matica {
    fn session(&self) -> Box<dyn Session> {
        Box::new(MaticaSession::new(self.clone()))
    }
}

/// An XID8600 with everything.
pub(super) fn matica_xid(_options: &mut Options) -> Model {
    Model {
        setup: Setup {
            model: "XID8600".to_owned(),
            serial: "unsaid".to_owned(),
            firmware: "unsaid".to_owned(),
            antenna: true,
            reject_tray: true,
            film: "YMCK".to_owned(),
            film_sides: 1000,
            clean_every: 1000,
            ..Setup::default()
        },
        firmware: Arc::new(Matica::default()),
    }
}

#[cfg(test)]
mod tests;
