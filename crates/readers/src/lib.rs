#![doc = include_str!("../README.md")]

mod error;
mod link;
mod listing;
mod name;
mod reader;
mod service;

pub use link::PcscLink;
pub use listing::{CardState, ReaderInfo, list};
pub use name::{SELECTOR_PREFIX, choose};
pub use reader::{Canceller, PcscReader, Sharing};
pub use service::Service;
