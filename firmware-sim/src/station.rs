//! A simulated print station: a printer and an encoder that share the way of the cards.
//!
//! The hopper holds numbered blanks. A card can be spoken to only while the printer holds it on
//! the contacts, and the contacts open before it moves. With a state folder every card is where it
//! was when the program starts again, killed or not, and the hopper goes on with the next blank.
//!
//! ```
//! use std::time::Duration;
//!
//! use firmware_sim::card::{Model, PivChip};
//! use firmware_sim::station::{Config, SimStation};
//! use iso7816::Reader;
//! use printers::magicard::{Enduro, Profile};
//! use printers::{Position, Printer};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let ambient = std::sync::Arc::new(ground::Virtual::new(1));
//! let model = Model::series10();
//! let station = SimStation::open(
//!     Config::new("sim:series10", 10, ambient.clone()),
//!     move |number| Ok(Box::new(PivChip::blank(&model, number))),
//! )?;
//! let mut printer = Enduro::open(station.printer_connection(), Profile::enduro(), ambient)?;
//! let mut encoder = station.contacts();
//! assert!(!encoder.card_present()?);
//! printer.feed(Position::Contacts)?;
//! let link = encoder.connect(Duration::ZERO)?;
//! assert_eq!(link.atr()[0], 0x3B);
//! printer.eject()?;
//! assert!(!encoder.card_present()?);
//! # Ok(())
//! # }
//! ```

mod encoder;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use ground::{Ambient, Blame, Blamed};
use thiserror::Error;

use crate::contacts::{Chip, Contacts};
use crate::printer::magicard::Magicard;
use crate::printer::{
    Entry, Firmware, Machine, Place, PrintedCard, Scripted, Setup, SimConnection, SimPrinter,
    StateError, Transport, Trouble,
};
use encoder::{Chips, ContactStation};

/// Why a chip cannot be made or read back, in the words of whoever makes it.
pub type ChipError = Box<dyn std::error::Error + Send + Sync>;

/// How a station is built.
#[derive(Clone, Debug)]
pub struct Config {
    /// What links over the contacts call themselves, such as `sim:series10`.
    pub name: String,
    /// How the printer is built.
    pub printer: Setup,
    /// What speaks its protocol.
    pub firmware: Arc<dyn Firmware>,
    /// The number of the first blank.
    pub first: u64,
    /// Blanks in the hopper at the very first start.
    pub blanks: u64,
    /// Where cards and hopper are remembered; `None` for as long as the station lives.
    pub state: Option<PathBuf>,
    /// Time.
    pub ambient: Arc<dyn Ambient>,
}

impl Config {
    /// A station with this many blanks, numbered from 1, and a Magicard Enduro, that remembers
    /// nothing.
    #[must_use]
    pub fn new(name: &str, blanks: u64, ambient: Arc<dyn Ambient>) -> Self {
        Self {
            name: name.to_owned(),
            printer: Setup::default(),
            firmware: Arc::new(Magicard::default()),
            first: 1,
            blanks,
            state: None,
            ambient,
        }
    }
}

/// A simulated print station.
#[derive(Clone)]
pub struct SimStation {
    printer: SimPrinter,
    contacts: Contacts,
    chips: Chips,
}

impl SimStation {
    /// Switches the station on. `make` makes the chip of a blank the first time the card lies on
    /// the contacts, and after a restart reads it back; a chip that must survive the station has
    /// to keep its own state.
    ///
    /// # Errors
    ///
    /// [`StationError`].
    pub fn open(
        config: Config,
        make: impl Fn(u64) -> Result<Box<dyn Chip>, ChipError> + Send + Sync + 'static,
    ) -> Result<Self, StationError> {
        let contacts = Contacts::new(config.name);
        let chips = Chips::new(make);
        let ambient = &config.ambient;
        let mut transport = match &config.state {
            Some(folder) => {
                Transport::open(folder, config.first, config.blanks, Arc::clone(ambient))?
            }
            None => Transport::new(config.first, config.blanks, Arc::clone(ambient)),
        };
        let encoder = ContactStation::new(contacts.clone(), chips.clone());
        transport
            .attach(Box::new(encoder))
            .map_err(|source| StationError::Chip { source })?;
        let machine = Machine::new(config.printer, transport, config.ambient);
        Ok(Self {
            printer: SimPrinter::new(machine, config.firmware),
            contacts,
            chips,
        })
    }

    /// The encoder's contacts: a reader that has a card only while the printer holds one there.
    #[must_use]
    pub fn contacts(&self) -> Contacts {
        self.contacts.clone()
    }

    /// A connection to the printer.
    #[must_use]
    pub fn printer_connection(&self) -> SimConnection {
        self.printer.connection()
    }

    /// The printer itself.
    #[must_use]
    pub fn printer(&self) -> &SimPrinter {
        &self.printer
    }

    /// Everything that happened since the station was opened.
    #[must_use]
    pub fn log(&self) -> Vec<Entry> {
        self.printer.machine().transport().log().to_vec()
    }

    /// Where a card is; `None` for a number that was never loaded.
    #[must_use]
    pub fn place_of(&self, number: u64) -> Option<Place> {
        self.printer.machine().transport().place_of(number)
    }

    /// The card inside the printer and where.
    #[must_use]
    pub fn inside(&self) -> Option<(u64, Place)> {
        self.printer.machine().transport().inside()
    }

    /// What was printed on a card, if it is among the last four.
    #[must_use]
    pub fn printed(&self, number: u64) -> Option<PrintedCard> {
        self.printer.machine().printed(number).cloned()
    }

    /// Puts more blanks into the hopper.
    ///
    /// # Errors
    ///
    /// When the state cannot be written.
    pub fn load(&self, count: u64) -> io::Result<()> {
        self.printer.machine().transport_mut().load(count)
    }

    /// Lets trouble strike now.
    pub fn fail(&self, trouble: Trouble) {
        self.printer.machine().fail(trouble);
    }

    /// Lets trouble strike once, at a motion.
    pub fn script(&self, scripted: Scripted) {
        self.printer.machine().script(scripted);
    }

    /// Deals with the trouble as an operator would.
    ///
    /// # Errors
    ///
    /// When the state cannot be written.
    pub fn clear(&self) -> io::Result<()> {
        self.printer.machine().clear()
    }

    /// Takes a card that has left the hopper by hand, to put it into another reader. `None` if it
    /// is in the hopper or unknown.
    ///
    /// # Errors
    ///
    /// [`StationError`].
    pub fn take(&self, number: u64) -> Result<Option<Box<dyn Chip>>, StationError> {
        let chip_failed = |source| StationError::Chip { source };
        let taken = self.printer.machine().transport_mut().take_out(number);
        if !taken.map_err(chip_failed)? {
            return Ok(None);
        }
        self.chips.take(number).map(Some).map_err(chip_failed)
    }
}

impl fmt::Debug for SimStation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimStation")
            .field("inside", &self.inside())
            .finish_non_exhaustive()
    }
}

/// Why a station cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StationError {
    /// Its state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The chip of a card cannot be made or read back.
    #[error("failed to bring up the chip of a card: {source}")]
    Chip {
        /// Why.
        source: io::Error,
    },
}

impl Blamed for StationError {
    fn blame(&self) -> Blame {
        match self {
            Self::State(error) => error.blame(),
            Self::Chip { .. } => Blame::StoreFault,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::State(error) => error.hint(),
            Self::Chip { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
