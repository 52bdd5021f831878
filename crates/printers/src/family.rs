use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use thiserror::Error;

use crate::Address;

/// Whose words a printer speaks: the name in a station file and on the command line.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Magicard Enduro, Enduro+ and the DoH printers.
    MagicardEnduro,
    /// Magicard Rio and Tango.
    MagicardRioTango,
    /// Magicard Rio Pro 360.
    #[serde(rename = "rio-pro-360")]
    RioPro360,
    /// Evolis Primacy, Zenius, Badgy.
    Evolis,
    /// Matica XID 8300, 8600, 9300.
    MaticaXid,
    /// A queue of CUPS or any other IPP printer.
    Ipp,
    /// The CRT-591 card dispenser, which prints nothing.
    #[serde(rename = "crt-591")]
    Crt591,
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

    /// Its name.
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
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Family {
    type Err = UnknownFamily;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|family| family.name() == name)
            .ok_or_else(|| UnknownFamily {
                name: name.to_owned(),
            })
    }
}

/// No family has this name.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error(
    "printer family `{name}` is not known (known families: {})",
    Family::ALL.map(Family::name).join(", ")
)]
pub struct UnknownFamily {
    /// What was given.
    pub name: String,
}
