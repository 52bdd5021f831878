#![doc = include_str!("../README.md")]

pub mod authority;
mod data_dir;
pub mod issue;
pub mod keys;
mod private_file;
pub mod request;
pub mod store;

pub use data_dir::{DataDir, DataDirError};
