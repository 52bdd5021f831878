#![doc = include_str!("../README.md")]

mod error;
mod link;
mod name;
mod reader;

pub use link::PcscLink;
pub use name::choose;
pub use reader::{CardState, PcscReader, ReaderInfo, list};
