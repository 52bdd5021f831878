use std::sync::Arc;

use ground::{Ambient, Blame, Blamed};
use iso7816::{LinkError, Reader};
use printers::{OpenPrinterError, Printer};
use readers::{GemPcTwin, PcscReader};
use thiserror::Error;

use crate::{EncoderReader, PrinterEntry, StationFile};

/// The devices of a station, open.
pub struct Devices {
    /// Moves and prints the card.
    pub printer: Box<dyn Printer>,
    /// Talks to the chip while the card lies on the contacts.
    pub encoder: Box<dyn Reader>,
}

impl StationFile {
    /// Opens the printer and the encoder. No card moves.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn open(&self, ambient: &Arc<dyn Ambient>) -> Result<Devices, OpenError> {
        let PrinterEntry {
            family,
            address,
            profile,
        } = &self.printer;
        let printer = family.open(address, profile.as_deref(), self.timeouts, ambient)?;
        let encoder: Box<dyn Reader> = match &self.encoder.reader {
            EncoderReader::Pcsc(name) => Box::new(PcscReader::open(name, Arc::clone(ambient))?),
            EncoderReader::Serial(path) => Box::new(GemPcTwin::open(path, Arc::clone(ambient))?),
            EncoderReader::Device => {
                return Err(OpenPrinterError::NotHere { family: *family }.into());
            }
        };
        Ok(Devices { printer, encoder })
    }
}

/// Why a device of a station cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The printer.
    #[error(transparent)]
    Printer(#[from] OpenPrinterError),
    /// The encoder.
    #[error("the encoder: {0}")]
    Encoder(#[from] LinkError),
}

impl Blamed for OpenError {
    fn blame(&self) -> Blame {
        match self {
            Self::Printer(error) => error.blame(),
            Self::Encoder(error) => error.blame(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Printer(error) => error.hint(),
            Self::Encoder(error) => error.hint(),
        }
    }
}
