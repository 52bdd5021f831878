//! Card printers.
//!
//! A [`Printer`] moves cards and prints their faces; it knows nothing of the chip. Each family is
//! one module with its codec (jobs and replies as bytes) and its driver (the trait over a
//! connection). What a printer can do is in its [`Capabilities`]: a job that needs more is refused
//! before a card moves.

mod connection;
pub mod evolis;
mod family;
mod fault;
mod limits;
pub mod magicard;
mod open;
mod printer;
mod sourced;

pub use connection::{
    Address, BadAddress, Connection, DeviceConnection, FileConnection, TcpConnection,
};
pub use family::{Family, UnknownFamily};
pub use fault::{Fault, FaultKind};
pub use limits::{Limits, Timeouts};
pub use open::OpenPrinterError;
pub use printer::{
    Answer, Capabilities, CardPosition, Counters, Film, Identity, Job, Position, Printed, Printer,
    PrinterError, Readiness, Status,
};
pub use sourced::{Certainty, KnownFault, ProfileError, Sourced};

/// The examples of the README are compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
