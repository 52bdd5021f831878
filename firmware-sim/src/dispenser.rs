//! A simulated CRT-591: a card dispenser with contacts, an antenna and an error bin, on a serial
//! line.
//!
//! [`Twin`] is the device: it takes the bytes of the host and gives its own, with a parser of its
//! own, written from the wire format. Its cards go the same way as those of the simulated printer
//! ([`Transport`]): the stacker is the hopper, the IC position the contacts, the error bin the
//! reject tray, and what leaves the gate lies in the output tray. [`SimDispenser`] puts chips into
//! the cards; [`SimLine`] is its line inside this process, [`serve`] puts it on a pseudo-terminal.
//!
//! What a real device does that no public document says is the simulator's own idea: that a card
//! that is stuck is seen by no sensor, for one.

mod fault;
mod intake;
mod line;
#[cfg(unix)]
mod serve;
mod twin;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ground::Ambient;

pub use fault::{Fault, FaultError, Faults, Moment, Scripted};
pub use line::SimLine;
#[cfg(unix)]
pub use serve::serve;
pub use twin::{Say, Setup, Twin};

use crate::contacts::{Chip, Contacts};
use crate::printer::{Entry, Place, Transport};
use crate::station::encoder::{Chips, ContactStation};
use crate::station::{ChipError, StationError};

/// How a dispenser is filled and where its state is kept.
#[derive(Clone, Debug)]
pub struct Config {
    /// The device.
    pub setup: Setup,
    /// The number of the first blank.
    pub first: u64,
    /// Blanks in the stacker at the very first start.
    pub blanks: u64,
    /// Where cards and stacker are remembered; `None` for as long as the dispenser lives.
    pub state: Option<PathBuf>,
    /// Time.
    pub ambient: Arc<dyn Ambient>,
}

impl Config {
    /// A dispenser with this many blanks, numbered from 1, that remembers nothing.
    #[must_use]
    pub fn new(blanks: u64, ambient: Arc<dyn Ambient>) -> Self {
        Self {
            setup: Setup::default(),
            first: 1,
            blanks,
            state: None,
            ambient,
        }
    }
}

/// A simulated dispenser with chips in its cards.
#[derive(Clone)]
pub struct SimDispenser {
    twin: Arc<Mutex<Twin>>,
    chips: Chips,
    ambient: Arc<dyn Ambient>,
}

impl SimDispenser {
    /// Switches it on. `make` makes the chip of a blank the first time the card lies on the
    /// contacts, and after a restart reads it back.
    ///
    /// # Errors
    ///
    /// [`StationError`].
    pub fn open(
        config: Config,
        make: impl Fn(u64) -> Result<Box<dyn Chip>, ChipError> + Send + Sync + 'static,
    ) -> Result<Self, StationError> {
        let contacts = Contacts::new("sim:dispenser");
        let chips = Chips::new(make, |_| {
            Err("a dispenser has cards of one model only".into())
        });
        let ambient = config.ambient;
        let mut transport = match &config.state {
            Some(folder) => {
                Transport::open(folder, config.first, config.blanks, Arc::clone(&ambient))?
            }
            None => Transport::new(config.first, config.blanks, Arc::clone(&ambient)),
        };
        let encoder = ContactStation::new(contacts.clone(), chips.clone());
        transport
            .attach(Box::new(encoder))
            .map_err(|source| StationError::Chip { source })?;
        Ok(Self {
            twin: Arc::new(Mutex::new(Twin::new(config.setup, transport, contacts))),
            chips,
            ambient,
        })
    }

    /// Its line inside this process. One at a time: what it says goes to whoever asks.
    #[must_use]
    pub fn line(&self) -> SimLine {
        SimLine::new(Arc::clone(&self.twin), Arc::clone(&self.ambient))
    }

    /// The device, to be [served](serve).
    #[must_use]
    pub fn shared(&self) -> &Mutex<Twin> {
        &self.twin
    }

    /// The device, for as long as the guard lives.
    pub fn twin(&self) -> MutexGuard<'_, Twin> {
        // A panic elsewhere leaves a dispenser in some state, which is what dispensers are for.
        self.twin.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that happened since it was opened.
    #[must_use]
    pub fn log(&self) -> Vec<Entry> {
        self.twin().transport().log().to_vec()
    }

    /// Where a card is; `None` for a number that was never loaded.
    #[must_use]
    pub fn place_of(&self, number: u64) -> Option<Place> {
        self.twin().transport().place_of(number)
    }

    /// The card inside and where.
    #[must_use]
    pub fn inside(&self) -> Option<(u64, Place)> {
        self.twin().transport().inside()
    }

    /// Puts more blanks into the stacker.
    ///
    /// # Errors
    ///
    /// When the state cannot be written.
    pub fn load(&self, count: u64) -> io::Result<()> {
        self.twin().transport_mut().load(count)
    }

    /// Takes a card that has left the stacker by hand, to put it into another reader. `None` if it
    /// is in the stacker or unknown.
    ///
    /// # Errors
    ///
    /// [`StationError`].
    pub fn take(&self, number: u64) -> Result<Option<Box<dyn Chip>>, StationError> {
        let chip_failed = |source| StationError::Chip { source };
        let taken = self.twin().transport_mut().take_out(number);
        if !taken.map_err(chip_failed)? {
            return Ok(None);
        }
        self.chips.take(number).map(Some).map_err(chip_failed)
    }
}

impl fmt::Debug for SimDispenser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimDispenser")
            .field("inside", &self.inside())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
