//! Card printers.
//!
//! A [`Printer`] moves cards and prints their faces; it knows nothing of the chip. Each family is
//! one module with its codec (jobs and replies as bytes) and its driver (the trait over a
//! connection). What a printer can do is in its [`Capabilities`]: a job that needs more is refused
//! before a card moves.

mod connection;
pub mod evolis;
mod fault;
mod job_side;
pub mod magicard;
pub mod matica;
mod printer;
pub mod rio_pro_360;
mod sourced;

pub use connection::{Connection, DeviceConnection, FileConnection, TcpConnection};
pub use fault::{Fault, FaultKind};
pub use job_side::{JobPlane, JobSide};
pub use printer::{
    Answer, Capabilities, CardPosition, Counters, Film, Identity, Job, Position, Printed, Printer,
    PrinterError, Readiness, Status,
};
pub use sourced::{Certainty, KnownFault, ProfileError, Sourced};

/// The examples of the README are compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
