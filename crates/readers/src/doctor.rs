//! What keeps cards from being reached, found out one thing at a time: the service, readers and
//! their drivers, the serial port, the pairing of a station, the cards.
//!
//! [`Evidence::gather`] looks, and changes nothing; [`examine`] judges what was seen, and is the
//! same on every system. Where an operating system keeps its drivers is known to `doctor/system`
//! alone.

mod judge;
mod system;

use serde::Serialize;

pub use judge::examine;
pub use system::System;

use crate::listing::ReaderInfo;
use crate::serial::{self, Port};
use crate::service::Service;

/// How serious a finding is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Works, and deserves a look.
    Warning,
    /// Keeps cards from being reached.
    Problem,
}

/// What was looked at. This is the complete list, in the order of the looking.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The smart card service.
    Service,
    /// The drivers of the readers that are plugged in.
    Drivers,
    /// The readers the service offers.
    Readers,
    /// Whether the station's name fits exactly one reader.
    Pairing,
    /// The serial port of the station's reader.
    SerialPort,
    /// What is in the readers.
    Cards,
}

impl Check {
    /// What is shown for it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Drivers => "drivers",
            Self::Readers => "readers",
            Self::Pairing => "pairing",
            Self::SerialPort => "serial port",
            Self::Cards => "cards",
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// How serious it is.
    pub verdict: Verdict,
    /// What was found, in words.
    pub found: String,
    /// What to do about it.
    pub next: Option<String>,
}

/// How serious the worst of these findings is.
#[must_use]
pub fn worst(findings: &[Finding]) -> Verdict {
    let verdicts = findings.iter().map(|finding| finding.verdict);
    verdicts.max().unwrap_or(Verdict::Ok)
}

/// A reader a station wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Wanted {
    /// A PC/SC reader by name, part of it or pattern.
    Pcsc(String),
    /// A device on the serial port of this path.
    Serial(String),
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Whether the service answers.
    pub service: ServiceState,
    /// What the service lists; nothing if it does not answer.
    pub readers: Vec<ReaderInfo>,
    /// Drivers, where this system shows them.
    pub drivers: Option<Drivers>,
    /// The station's serial port, if it has one.
    pub port: Option<PortState>,
}

/// What the service does when it is spoken to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum ServiceState {
    /// It answers.
    #[default]
    Answers,
    /// It does not run, or cannot be reached.
    Unreachable(Reach),
    /// It does not let this user in.
    Denied,
    /// Something else.
    Failed(String),
}

/// How far one gets on the way to a service that does not answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// Its socket is not there.
    NoSocket,
    /// Its socket is there and nobody listens.
    NobodyListens,
    /// Its socket may not be opened.
    SocketDenied,
    /// Its socket takes connections.
    SocketOpen,
    /// This system does not show that.
    Unknown,
}

/// Drivers and what they are for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Drivers {
    /// Those installed.
    pub installed: Vec<Driver>,
    /// The readers that are plugged in.
    pub attached: Vec<UsbReader>,
}

/// An installed driver.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Driver {
    /// Its name.
    pub name: String,
    /// Its version, empty if it does not say.
    pub version: String,
    /// The readers it is for: vendor and product.
    pub serves: Vec<(u16, u16)>,
}

/// A reader on a USB port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UsbReader {
    /// Vendor.
    pub vendor: u16,
    /// Product.
    pub product: u16,
    /// What it calls itself.
    pub name: String,
}

/// A serial port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PortState {
    /// Its path.
    pub path: String,
    /// Whether it may be used.
    pub use_of_it: PortUse,
}

/// Whether a serial port may be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PortUse {
    /// It opens.
    Opens,
    /// There is none of that path.
    Missing {
        /// Those there are.
        present: Vec<String>,
    },
    /// This user may not open it.
    Denied {
        /// The group it belongs to, where this system has such.
        group: Option<String>,
        /// The user was put into the group after logging in.
        joined: bool,
    },
    /// Another program has it open.
    Busy,
    /// Something else.
    Failed(String),
}

impl Evidence {
    /// Looks at the service, at the system, and at what a station wants. A serial port is opened
    /// and closed again; nothing is sent to it.
    #[must_use]
    pub fn gather(service: &Service, wanted: &[Wanted], system: &System) -> Self {
        let (state, readers) = match service.probe() {
            Ok(()) => match service.list() {
                Ok(readers) => (ServiceState::Answers, readers),
                Err(error) => (ServiceState::Failed(error.to_string()), Vec::new()),
            },
            Err(error) => (state_of(error, system), Vec::new()),
        };
        let port = wanted.iter().find_map(|wanted| match wanted {
            Wanted::Serial(path) => Some(port_of(path, system)),
            Wanted::Pcsc(_) => None,
        });
        Self {
            service: state,
            readers,
            drivers: system.drivers(),
            port,
        }
    }
}

fn state_of(error: pcsc::Error, system: &System) -> ServiceState {
    match error {
        pcsc::Error::SecurityViolation => ServiceState::Denied,
        error if crate::error::needs_new_context(error) => {
            ServiceState::Unreachable(system.reach())
        }
        error => ServiceState::Failed(error.to_string()),
    }
}

fn port_of(path: &str, system: &System) -> PortState {
    let use_of_it = match Port::open(path) {
        Ok(_closed) => PortUse::Opens,
        Err(error) => match serial::of_opening(&error, path) {
            iso7816::LinkError::NoReader { present, .. } => PortUse::Missing { present },
            iso7816::LinkError::SharedElsewhere { .. } => PortUse::Busy,
            _ if serial::is_denied(&error) => {
                let (group, joined) = system.group_of(path);
                PortUse::Denied { group, joined }
            }
            _ => PortUse::Failed(error.to_string()),
        },
    };
    PortState {
        path: path.to_owned(),
        use_of_it,
    }
}
