//! CRT-591: a card dispenser with a contact station, an antenna and an error bin, on one serial
//! line.
//!
//! It is one device with two faces that share the line: a [`Crt591Mover`], which is a
//! [`printers::Printer`] that moves cards and does not print, and a [`Crt591Encoder`], which is an
//! [`iso7816::Reader`] whose card is the one at the IC position.
//!
//! A frame that moves a card is sent again only if the device said that it came damaged. When the
//! answer to it is lost, the sensors are asked first: what they show decides whether the card has
//! arrived, whether the move is repeated once, or whether somebody has to look.
//!
//! What the public protocol document (*CRT-591-M001 Communication Protocol*, 1.0) leaves open is in
//! a [`Profile`], each value with its source and how certain it is.

mod answer;
mod command;
mod device;
mod encoder;
mod error;
pub mod frame;
mod mover;
mod profile;
mod session;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ground::Ambient;

pub use answer::{Answer, AnswerError, CardSensor, ErrorCode, Outcome, Sensors, Stacker};
pub use command::{Carrier, Command, OnStart, Target, Voltage};
pub use encoder::{Crt591Encoder, Crt591Link};
pub use error::Crt591Error;
pub use mover::Crt591Mover;
pub use profile::{BinCounter, CardExchange, HandOut, Limits, Profile};

use crate::serial::{Line, Port};
use device::Device;
use session::Session;

/// Begins the name of a CRT-591 on a serial port.
pub const CRT591_PREFIX: &str = "crt591:";

/// A CRT-591 on a serial port.
#[derive(Debug)]
pub struct Crt591;

impl Crt591 {
    /// Opens the port, finds the speed and initialises the device, which leaves a card that is
    /// inside where it is. The path may begin with `crt591:` or `serial:`.
    ///
    /// Nothing else may use the port.
    ///
    /// # Errors
    ///
    /// [`Crt591Error::Port`] without such a port or when another program has it,
    /// [`Crt591Error::Silent`] when no CRT-591 answers on it at any speed,
    /// [`Crt591Error::Faulted`] when it cannot be initialised.
    pub fn open(
        path: &str,
        profile: Profile,
        ambient: Arc<dyn Ambient>,
    ) -> Result<(Crt591Mover, Crt591Encoder), Crt591Error> {
        let plain = path
            .strip_prefix(CRT591_PREFIX)
            .or_else(|| path.strip_prefix(crate::SERIAL_PREFIX))
            .unwrap_or(path);
        let first = profile.first_speed();
        let port = Port::open_one_stop_bit(plain, first)
            .map_err(|error| Crt591Error::Port(crate::serial::of_opening(&error, plain)))?;
        Self::over(plain, Box::new(port), profile, ambient)
    }

    /// The same over any line.
    ///
    /// # Errors
    ///
    /// As [`Crt591::open`].
    pub fn over(
        plain: &str,
        line: Box<dyn Line>,
        profile: Profile,
        ambient: Arc<dyn Ambient>,
    ) -> Result<(Crt591Mover, Crt591Encoder), Crt591Error> {
        let session = Session::new(line, &profile, ambient);
        let device = Device::start(plain, session, profile)?;
        let shared = Arc::new(Shared {
            device: Mutex::new(device),
            in_use: AtomicBool::new(false),
            name: format!("{CRT591_PREFIX}{plain}"),
            plain: plain.to_owned(),
        });
        Ok((
            Crt591Mover::new(Arc::clone(&shared)),
            Crt591Encoder::new(shared),
        ))
    }
}

/// What the two faces and the link to the card have in common.
struct Shared {
    device: Mutex<Device>,
    /// A link to the card exists.
    in_use: AtomicBool,
    /// With the prefix.
    name: String,
    /// The path alone, for messages.
    plain: String,
}

impl Shared {
    fn device(&self) -> MutexGuard<'_, Device> {
        // A session that a panic left in the middle settles the line before it goes on.
        self.device.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
