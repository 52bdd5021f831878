//! One way to open a printer of any family.

use std::path::Path;
use std::sync::Arc;

use ground::{Ambient, Blame, Blamed};
use thiserror::Error;

use crate::evolis::{self, Evolis};
use crate::ipp;
use crate::limits::replace;
use crate::magicard::{self, Enduro};
use crate::matica::{self, Matica};
use crate::rio_pro_360::{self, RioPro360};
use crate::{Address, Family, Printer, PrinterError, ProfileError, Sourced, Timeouts};

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
        let connect = |within: &Sourced<u32>| {
            address
                .open(within.duration(), ambient)
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
                let connection = connect(&profile.limits_ms.connect)?;
                Box::new(Enduro::open(connection, profile, ambient)?)
            }
            Self::Evolis => {
                let mut profile = match (profile, address) {
                    (Some(path), _) => evolis::Profile::read(path)?,
                    // On the network these printers take one exchange a connection.
                    (None, Address::Tcp(_)) => evolis::Profile::evolis(),
                    (None, _) => evolis::Profile::evolis_line(),
                };
                let limits = &mut profile.limits_ms;
                replace(&mut limits.connect, timeouts.connect);
                replace(&mut limits.reply, timeouts.reply);
                replace(&mut limits.motion, timeouts.motion);
                replace(&mut limits.print, timeouts.print);
                let connection = connect(&limits.connect)?;
                Box::new(Evolis::open(connection, profile, ambient)?)
            }
            Self::RioPro360 => {
                let mut profile = match profile {
                    Some(path) => rio_pro_360::Profile::read(path)?,
                    None => rio_pro_360::Profile::rio_pro_360(),
                };
                let limits = &mut profile.limits_ms;
                replace(&mut limits.connect, timeouts.connect);
                replace(&mut limits.reply, timeouts.reply);
                replace(&mut limits.print, timeouts.print);
                let connection = connect(&limits.connect)?;
                Box::new(RioPro360::new(connection, profile, ambient))
            }
            Self::MaticaXid => {
                let mut profile = match profile {
                    Some(path) => matica::Profile::read(path)?,
                    None => matica::Profile::matica_xid(),
                };
                let limits = &mut profile.limits_ms;
                replace(&mut limits.connect, timeouts.connect);
                replace(&mut limits.reply, timeouts.reply);
                replace(&mut limits.motion, timeouts.motion);
                replace(&mut limits.print, timeouts.print);
                let connection = connect(&limits.connect)?;
                Box::new(Matica::open(connection, profile, ambient)?)
            }
            Self::Ipp => {
                let mut profile = match profile {
                    Some(path) => ipp::Profile::read(path)?,
                    None => ipp::Profile::any_queue(),
                };
                profile.limits_ms = profile.limits_ms.with(timeouts);
                let within = profile.limits_ms.connect.duration();
                let queue = ipp::Http::new(&address.to_string(), within)?;
                Box::new(ipp::Queue::open(queue, profile, ambient)?)
            }
            Self::Crt591 => return Err(OpenPrinterError::NotHere { family: self }),
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
    /// Its address names no queue.
    #[error(transparent)]
    Queue(#[from] ipp::AddressError),
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
            Self::Queue(error) => error.blame(),
            Self::Printer(error) => error.blame(),
            Self::NotHere { .. } => Blame::OperatorMistake,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Profile(error) => error.hint(),
            Self::Queue(error) => error.hint(),
            Self::Printer(error) => error.hint(),
            Self::NotHere { .. } => None,
        }
    }
}
