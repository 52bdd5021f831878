//! Print jobs of every family as bytes, without a printer: faces to a job, and a job to its faces.
//!
//! [`Family::encode`] draws a job as the driver of the family would and returns what it would send.
//! [`Family::decode`] takes bytes apart: the words of the job as JSON, each panel as it lies under
//! the head, and each face as it is seen. So jobs can be looked at and compared.

mod evolis;
mod ipp;
mod magicard;
mod options;
mod retransfer;
mod side;

use std::fmt;
use std::str::FromStr;

use ground::{Blame, Blamed};
use serde::Serialize;
use thiserror::Error;

pub use options::{DecodeOptions, EncodeOptions, Hole, Panels, Rotated};
pub use side::{Plane, Side};

use crate::{Address, Capabilities, Job};

/// A family of printers that takes the same jobs.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Magicard Enduro, Enduro+ and relatives (head words `KGE2`, `KEE1`, `KEE4`).
    MagicardEnduro,
    /// Magicard Rio and Tango (head word `KEE`).
    MagicardRioTango,
    /// Magicard Rio Pro 360.
    #[serde(rename = "rio-pro-360")]
    RioPro360,
    /// Evolis Primacy, Zenius, Badgy and relatives.
    Evolis,
    /// Matica XID 8300, 8600, 9300.
    MaticaXid,
    /// Any print queue: one of CUPS or another IPP printer.
    Ipp,
    /// The CRT-591 card dispenser, which prints nothing.
    #[serde(rename = "crt-591")]
    Crt591,
}

/// A job, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// Whose job it is.
    pub family: Family,
    /// Everything that is not dots.
    pub header: serde_json::Value,
    /// The sides in their order.
    pub sides: Vec<Side>,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::MagicardEnduro,
        Self::MagicardRioTango,
        Self::RioPro360,
        Self::Evolis,
        Self::MaticaXid,
        Self::Ipp,
        Self::Crt591,
    ];

    /// The name in a station file and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MagicardEnduro => "magicard-enduro",
            Self::MagicardRioTango => "magicard-rio-tango",
            Self::RioPro360 => "rio-pro-360",
            Self::Evolis => "evolis",
            Self::MaticaXid => "matica-xid",
            Self::Ipp => "ipp",
            Self::Crt591 => "crt-591",
        }
    }

    /// Whether the device itself talks to the chip, so that no reader is wired to it.
    #[must_use]
    pub const fn has_encoder(self) -> bool {
        matches!(self, Self::Crt591)
    }

    /// Whether a device of this family can be behind such an address.
    ///
    /// # Errors
    ///
    /// In words, why not.
    pub fn reached_by(self, address: &Address) -> Result<(), String> {
        let fits = match address {
            Address::Ipp(_) => self == Self::Ipp,
            Address::Serial { .. } => {
                matches!(self, Self::Crt591 | Self::Evolis) || self.is_magicard()
            }
            Address::Tcp(_) | Address::Device(_) => !matches!(self, Self::Crt591 | Self::Ipp),
            Address::File(_) => false,
        };
        if fits {
            return Ok(());
        }
        let forms = match self {
            Self::Ipp => "ipp://HOST[:PORT]/PATH",
            Self::Crt591 => "serial:PATH[,BAUD]",
            Self::MaticaXid | Self::RioPro360 => "tcp:HOST:PORT or device:PATH",
            _ => "tcp:HOST:PORT, device:PATH or serial:PATH[,BAUD]",
        };
        Err(format!("a {self} is not behind `{address}` but {forms}"))
    }

    const fn is_magicard(self) -> bool {
        matches!(self, Self::MagicardEnduro | Self::MagicardRioTango)
    }

    /// What the jobs of the family can bring. A single printer may do less.
    #[must_use]
    pub fn capabilities(self) -> Capabilities {
        let card_printer = Capabilities {
            prints: true,
            colour: true,
            duplex: true,
            resin_black: true,
            overcoat: true,
            ..Capabilities::default()
        };
        match self {
            Self::Ipp => Capabilities {
                resin_black: false,
                overcoat: false,
                ..card_printer
            },
            Self::Crt591 => Capabilities::default(),
            _ => card_printer,
        }
    }

    /// Whose job the bytes are, from how they start. Nothing says that they are a whole job.
    #[must_use]
    pub fn recognise(bytes: &[u8]) -> Option<Self> {
        const ENQ: u8 = crate::magicard::words::ENQ;
        const SOH: u8 = crate::magicard::words::SOH;
        const ESC: u8 = crate::evolis::words::ESC;
        if bytes.starts_with(&crate::ipp::raster::SYNC) {
            return Some(Self::Ipp);
        }
        if bytes.starts_with(b"<?xml") {
            return Some(Self::RioPro360);
        }
        if crate::matica::Job::looks_like(bytes) {
            return Some(Self::MaticaXid);
        }
        match *bytes.iter().find(|byte| **byte != ENQ)? {
            SOH => Some(magicard::family(bytes)),
            ESC => Some(Self::Evolis),
            _ => None,
        }
    }

    /// The bytes that print `job` on a printer of this family.
    ///
    /// # Errors
    ///
    /// [`FamilyError::Option`] for what this family cannot be told, [`FamilyError::BadJob`] for a
    /// job that fits no card of it, [`FamilyError::PrintsNothing`] for a dispenser.
    pub fn encode(self, job: &Job, options: &EncodeOptions) -> Result<Vec<u8>, FamilyError> {
        if job.overcoat && !self.capabilities().overcoat {
            return Err(FamilyError::option(
                self,
                "overcoat",
                "its jobs cannot ask for one",
            ));
        }
        if job.front.is_none() && job.back.is_none() {
            return Err(FamilyError::bad_job("it has neither a front nor a back"));
        }
        if job.copies == 0 {
            return Err(FamilyError::bad_job("it asks for no copy at all"));
        }
        let holes = options.front_holes.len() + options.back_holes.len();
        if holes > 0 && !job.overcoat && self.capabilities().overcoat {
            return Err(FamilyError::bad_job(
                "it has holes in an overcoat it does not ask for",
            ));
        }
        if options.black_as_dye && matches!(options.panels, Panels::Mono | Panels::Black) {
            return Err(FamilyError::bad_job(
                "it prints with resin alone, so black cannot go as dye",
            ));
        }
        match self {
            Self::MagicardEnduro | Self::MagicardRioTango => magicard::encode(self, job, options),
            Self::Ipp => ipp::encode(job, options),
            Self::RioPro360 => retransfer::encode_rio_pro_360(job, options),
            Self::Evolis => evolis::encode(job, options),
            Self::MaticaXid => retransfer::encode_matica(job, options),
            Self::Crt591 => Err(FamilyError::PrintsNothing { family: self }),
        }
    }

    /// Takes a job apart.
    ///
    /// # Errors
    ///
    /// [`FamilyError`] with the place where the bytes stop being a job of this family.
    pub fn decode(self, bytes: &[u8], options: &DecodeOptions) -> Result<Decoded, FamilyError> {
        match self {
            Self::MagicardEnduro | Self::MagicardRioTango => magicard::decode(self, bytes, options),
            Self::Evolis => evolis::decode(bytes, options),
            Self::Ipp => ipp::decode(bytes, options),
            Self::RioPro360 => retransfer::decode_rio_pro_360(bytes, options),
            Self::MaticaXid => retransfer::decode_matica(bytes, options),
            Self::Crt591 => Err(FamilyError::PrintsNothing { family: self }),
        }
    }
}

/// Refuses the first option that is asked for and that the family has not: whether it is asked for,
/// its name, and why it is not there.
fn refuse(
    family: Family,
    options: &[(bool, &'static str, &'static str)],
) -> Result<(), FamilyError> {
    match options.iter().find(|(asked, ..)| *asked) {
        Some((_, option, why)) => Err(FamilyError::option(family, option, why)),
        None => Ok(()),
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Family {
    type Err = UnknownFamily;

    fn from_str(name: &str) -> Result<Self, UnknownFamily> {
        let mut all = Self::ALL.into_iter();
        all.find(|family| family.name() == name)
            .ok_or_else(|| UnknownFamily {
                name: name.to_owned(),
            })
    }
}

/// There is no family of this name.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error(
    "printer family `{name}` is not known (known families: {})",
    Family::ALL.map(Family::name).join(", ")
)]
pub struct UnknownFamily {
    /// The name.
    pub name: String,
}

/// Why a job cannot be written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FamilyError {
    /// The family cannot be told that.
    #[error("family {family} has no `{option}`: {why}")]
    Option {
        /// The family.
        family: Family,
        /// The option.
        option: &'static str,
        /// Why not.
        why: &'static str,
    },
    /// The job fits no card.
    #[error("the job cannot be printed: {detail}")]
    BadJob {
        /// What is wrong with it.
        detail: String,
    },
    /// A device that takes no print jobs.
    #[error("a {family} prints nothing")]
    PrintsNothing {
        /// The family.
        family: Family,
    },
    /// The job is one of another family.
    #[error("the job is one of family {found}, not of {family}")]
    OtherFamily {
        /// The family asked for.
        family: Family,
        /// Whose job it is.
        found: Family,
    },
    /// The bytes are no Magicard job.
    #[error(transparent)]
    Magicard(#[from] crate::magicard::DecodeError),
    /// A plane of a Magicard job is none.
    #[error("page {page}, plane `{ink}`: {source}")]
    MagicardPlane {
        /// The page, from 1.
        page: usize,
        /// The letter of the plane.
        ink: char,
        /// Why.
        source: crate::magicard::PlaneError,
    },
    /// The bytes are no Evolis job.
    #[error(transparent)]
    Evolis(#[from] crate::evolis::DecodeError),
    /// The bytes are no job of a Rio Pro 360.
    #[error(transparent)]
    RioPro360(#[from] crate::rio_pro_360::DecodeError),
    /// The bytes are no job of a Matica XID.
    #[error(transparent)]
    Matica(#[from] crate::matica::JobError),
    /// The bytes are no raster document.
    #[error(transparent)]
    Raster(#[from] crate::ipp::raster::RasterError),
}

impl FamilyError {
    fn option(family: Family, option: &'static str, why: &'static str) -> Self {
        Self::Option {
            family,
            option,
            why,
        }
    }

    fn bad_job(detail: impl Into<String>) -> Self {
        Self::BadJob {
            detail: detail.into(),
        }
    }
}

impl Blamed for FamilyError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Option { option, .. } => Some(format!("leave `{option}` out")),
            Self::OtherFamily { .. } => Some("leave the family out, it is recognised".to_owned()),
            Self::Magicard(error) => error.hint(),
            Self::Evolis(error) => error.hint(),
            Self::Raster(error) => error.hint(),
            Self::RioPro360(error) => error.hint(),
            Self::Matica(error) => error.hint(),
            Self::MagicardPlane { .. } => {
                Some("give a file with one whole job, as it was sent to the printer".to_owned())
            }
            Self::BadJob { .. } | Self::PrintsNothing { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
