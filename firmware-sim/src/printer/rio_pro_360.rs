//! The firmware of a Magicard Rio Pro 360.
//!
//! It takes jobs and questions for one value from one byte stream. What a real printer answers to
//! such a question is not known; the answer here has the form the one public program that asks can
//! read. After bytes that are neither, nothing more of that connection is understood.

mod session;
mod sheet;
mod stream;

use std::sync::Arc;

pub use sheet::{Panel, Rectangle, Sheet, SheetError, SheetSide};
pub use stream::{Event, Stream};

use super::family::{Model, Options};
use super::firmware::{Firmware, Session};
use super::setup::Setup;
use session::RioSession;

/// What is particular to a printer of this family.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RioPro360 {
    /// The column of the card under the last line of a plane.
    pub first_column: u32,
    /// Whether the printer turns a card upside down when it flips it.
    pub back_turned: bool,
    /// Whether it answers questions.
    pub answers: bool,
}

impl Default for RioPro360 {
    fn default() -> Self {
        Self {
            first_column: 1,
            back_turned: false,
            answers: true,
        }
    }
}

impl Firmware for RioPro360 {
    fn session(&self) -> Box<dyn Session> {
        Box::new(RioSession::new(self.clone()))
    }
}

/// A Rio Pro 360 Duo.
pub(super) fn rio_pro_360(_options: &mut Options) -> Model {
    Model {
        setup: Setup {
            model: "Rio Pro 360 Duo".to_owned(),
            serial: "70E0360".to_owned(),
            firmware: "2.0".to_owned(),
            contacts: false,
            ..Setup::default()
        },
        firmware: Arc::new(RioPro360::default()),
    }
}

#[cfg(test)]
mod tests;
