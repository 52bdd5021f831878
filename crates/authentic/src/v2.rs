//! AuthentIC v2.2: the host's side. The file system with its access conditions, passcodes, RSA,
//! and the layout of object lists, containers and attributes that Oberthur's and OpenSC's software
//! keep in it.
//!
//! Facts as the `oberthur` driver of OpenSC (commit 14c80b0) has them; none is confirmed on an NHS
//! card.

mod access;
mod certificates;
mod client;
pub mod commands;
mod contents;
mod file;
mod files;
mod initialise;
mod keys;
pub mod layout;
mod objects;
mod passcodes;
mod structure;
mod token;

pub use access::{Access, Condition, FileKind};
pub use client::{Client, Probe};
pub use file::{FileInfo, FileInfoError, NewFile};

#[cfg(test)]
mod tests;
