#![doc = include_str!("../README.md")]

pub mod ccid;
pub mod crt591;
pub mod doctor;
mod error;
pub mod features;
mod gempc_twin;
mod link;
mod listing;
mod name;
pub mod pps;
mod reader;
mod serial;
mod service;
pub mod t0;
pub mod t1;

pub use crt591::{CRT591_PREFIX, Crt591, Crt591Encoder, Crt591Mover};
pub use gempc_twin::{GemPcTwin, GemPcTwinLink, SERIAL_PREFIX};
pub use link::PcscLink;
pub use listing::{CardState, ReaderInfo, list};
pub use name::{SELECTOR_PREFIX, choose};
pub use reader::{Canceller, PcscReader, Sharing};
pub use serial::Line;
pub use service::Service;
