use std::io;
use std::time::Duration;

use iso7816::Reader;
use plastic::Raster;
use printers::Printer;

use crate::keys::Purpose;

/// A printer and the encoder that belongs to it.
pub struct Station {
    /// What the station is called in the journal. Never give two stations of one journal the same
    /// name: what one leaves unfinished the other would put away.
    pub name: String,
    /// Whether its cards are for people.
    pub purpose: Purpose,
    /// Moves and prints the card.
    pub printer: Box<dyn Printer>,
    /// Talks to the chip while the printer holds the card on the contacts.
    pub encoder: Box<dyn Reader>,
    /// How long the encoder may take to notice the card on the contacts.
    pub card_within: Duration,
    /// Gives back what was printed, where something can.
    pub witness: Option<Box<dyn FaceWitness>>,
}

/// Something that sees what a printer has laid down: a simulated printer, a camera over the tray.
pub trait FaceWitness: Send {
    /// The front of the card printed last, upright, or nothing if it was not seen.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from looking.
    fn last_face(&mut self) -> io::Result<Option<Raster>>;
}

impl<F: FnMut() -> io::Result<Option<Raster>> + Send> FaceWitness for F {
    fn last_face(&mut self) -> io::Result<Option<Raster>> {
        self()
    }
}

impl std::fmt::Debug for Station {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Station")
            .field("name", &self.name)
            .field("purpose", &self.purpose)
            .field("encoder", &self.encoder.name())
            .finish_non_exhaustive()
    }
}
