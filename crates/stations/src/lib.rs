#![doc = include_str!("../README.md")]

mod file;
mod open;
mod walk;

pub use file::{
    EncoderEntry, EncoderReader, MAX_BYTES, PrinterEntry, Problem, StationFile, StationFileError,
};
pub use open::{Devices, OpenError};
pub use walk::{Ends, Finding, Leg, Stop, Walk, WalkReport};
