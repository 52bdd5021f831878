use std::sync::Arc;

use ground::{Ambient, Blame, Blamed};
use iso7816::{LinkError, Reader};
use printers::{Address, Family, OpenPrinterError, Printer, ProfileError};
use readers::crt591::{self, Crt591, Crt591Error};
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
        if let Address::Serial { path, baud } = address
            && *family == Family::Crt591
        {
            return self.open_dispenser(path, *baud, ambient);
        }
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

    /// A dispenser moves cards and talks to them over one line.
    fn open_dispenser(
        &self,
        path: &str,
        baud: Option<u32>,
        ambient: &Arc<dyn Ambient>,
    ) -> Result<Devices, OpenError> {
        let mut profile = match &self.printer.profile {
            Some(path) => crt591::Profile::load(path)?,
            None => crt591::Profile::builtin(),
        };
        if let Some(baud) = baud {
            profile.speeds.value = vec![baud];
        }
        let limits = &mut profile.limits_ms;
        limits.reply.replace(self.timeouts.reply);
        limits.motion.replace(self.timeouts.motion);
        let (mover, encoder) = Crt591::open(path, profile, Arc::clone(ambient))?;
        Ok(Devices {
            printer: Box::new(mover),
            encoder: Box::new(encoder),
        })
    }
}

/// Why a device of a station cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The printer.
    #[error(transparent)]
    Printer(#[from] OpenPrinterError),
    /// The dispenser.
    #[error(transparent)]
    Dispenser(#[from] Crt591Error),
    /// The dispenser's profile cannot be used.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The encoder.
    #[error("the encoder: {0}")]
    Encoder(#[from] LinkError),
}

impl Blamed for OpenError {
    fn blame(&self) -> Blame {
        match self {
            Self::Printer(error) => error.blame(),
            Self::Dispenser(error) => error.blame(),
            Self::Profile(error) => error.blame(),
            Self::Encoder(error) => error.blame(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Printer(error) => error.hint(),
            Self::Dispenser(error) => error.hint(),
            Self::Profile(error) => error.hint(),
            Self::Encoder(error) => error.hint(),
        }
    }
}
