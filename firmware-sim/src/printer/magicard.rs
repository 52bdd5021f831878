//! The firmware of a Magicard Enduro, Rio or Tango.
//!
//! It takes questions, commands and jobs from one byte stream. What a real printer answers to the
//! words that move a card is not known; what happens here is the simulator's own idea. `OKY` makes
//! the printer go on with what trouble struck in, `CAN` and `RST` make it give that up; whatever an
//! operator would have to do first is taken as done.

mod code;
mod film;
mod session;
mod sheet;
mod stream;

use std::sync::Arc;

pub use code::FAULT_TABLE;
pub use sheet::{Corners, HeadKind, Sheet, SheetError, SheetPlane};
pub use stream::{Event, Stream};

use super::family::{Model, Options};
use super::firmware::{Firmware, Session};
use super::setup::Setup;
use session::MagicardSession;

/// What is particular to a printer of this family.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Magicard {
    /// Field 2 of the status reply: 0, 1 or 2.
    pub head_type: u32,
    /// Field 16: where the head sits, 50 is the middle.
    pub head_position: u32,
    /// Whether the printer turns a card upside down when it flips it, so that a back must be sent
    /// upside down.
    pub back_turned: bool,
    /// The word that closes the contacts. Nobody outside the vendor knows whether it is this one
    /// or the other.
    pub engage: String,
    /// The word that opens them.
    pub release: String,
}

impl Default for Magicard {
    fn default() -> Self {
        Self {
            head_type: 0,
            head_position: 50,
            back_turned: true,
            engage: "CHPDOWN".to_owned(),
            release: "CHPUP".to_owned(),
        }
    }
}

impl Firmware for Magicard {
    fn session(&self) -> Box<dyn Session> {
        Box::new(MagicardSession::new(self.clone()))
    }
}

/// An Enduro+ with everything.
pub(super) fn enduro(options: &mut Options) -> Model {
    model(options, Setup::default())
}

/// A Tango. Its jobs say themselves how dots lie in a plane.
pub(super) fn rio_tango(options: &mut Options) -> Model {
    let setup = Setup {
        model: "Tango2e".to_owned(),
        serial: "31T0815".to_owned(),
        ..Setup::default()
    };
    model(options, setup)
}

fn model(options: &mut Options, setup: Setup) -> Model {
    let mut firmware = Magicard::default();
    if let Some(position) = options.head_position.take() {
        firmware.head_position = position;
    }
    Model {
        setup,
        firmware: Arc::new(firmware),
    }
}

#[cfg(test)]
mod tests;
