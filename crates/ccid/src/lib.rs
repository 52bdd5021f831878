#![doc = include_str!("../README.md")]

mod error;
pub mod serial;
mod words;

pub use error::SlotError;
pub use words::{CardStatus, CommandStatus, Reply, Request, Voltage, escape};

/// Bytes of the header that every message begins with.
pub const HEADER: usize = 10;

/// The longest message of a GemPC Twin, header included, in bytes.
pub const LONGEST_MESSAGE: usize = 271;

/// Sequence number of a message within its header, both ways.
pub const SEQUENCE_AT: usize = 6;
