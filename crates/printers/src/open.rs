//! One way to open a printer of any family.

use std::path::Path;
use std::sync::Arc;

use ground::{Ambient, Blame, Blamed};
use thiserror::Error;

use crate::magicard::{self, Enduro};
use crate::{Address, Family, Limits, Printer, PrinterError, ProfileError, Timeouts};

impl Family {
    /// Opens the printer of this family at an address, with a profile of the site's own if one is
    /// named. No card moves.
    ///
    /// # Errors
    ///
    /// [`OpenPrinterError`].
    pub fn open(
        self,
        address: &Address,
        profile: Option<&Path>,
        timeouts: Timeouts,
        ambient: &Arc<dyn Ambient>,
    ) -> Result<Box<dyn Printer>, OpenPrinterError> {
        let connect = |limits: &Limits| {
            address
                .open(limits.connect.duration(), ambient)
                .map_err(|source| PrinterError::Connection {
                    printer: address.to_string(),
                    source,
                })
        };
        let ambient = Arc::clone(ambient);
        Ok(match self {
            Self::MagicardEnduro | Self::MagicardRioTango => {
                let mut profile = match (profile, self) {
                    (Some(path), _) => magicard::Profile::read(path)?,
                    (None, Self::MagicardEnduro) => magicard::Profile::enduro(),
                    (None, _) => magicard::Profile::rio_tango(),
                };
                profile.limits_ms = profile.limits_ms.with(timeouts);
                Box::new(Enduro::open(
                    connect(&profile.limits_ms)?,
                    profile,
                    ambient,
                )?)
            }
            _ => return Err(OpenPrinterError::NotHere { family: self }),
        })
    }
}

/// Why a printer cannot be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenPrinterError {
    /// Its profile cannot be used.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// It does not answer as it should.
    #[error(transparent)]
    Printer(#[from] PrinterError),
    /// A device that is no printer.
    #[error("a {family} is no printer of this crate")]
    NotHere {
        /// Its family.
        family: Family,
    },
}

impl Blamed for OpenPrinterError {
    fn blame(&self) -> Blame {
        match self {
            Self::Profile(error) => error.blame(),
            Self::Printer(error) => error.blame(),
            Self::NotHere { .. } => Blame::OperatorMistake,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Profile(error) => error.hint(),
            Self::Printer(error) => error.hint(),
            Self::NotHere { .. } => None,
        }
    }
}
