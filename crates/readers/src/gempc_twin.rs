//! The GemPC Twin on a serial line, without any service between.

mod activation;
mod carrier;
mod error;
mod link;
mod reader;
mod session;

pub use link::GemPcTwinLink;
pub use reader::{GemPcTwin, SERIAL_PREFIX};
