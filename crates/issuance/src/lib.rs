//! Issuing cards.
//!
//! From a file of requests to a card in the output tray: [`request`] reads who a card is for,
//! [`store`] keeps the journal of everything done to a card, [`keys`] derives each card's own
//! secrets, [`authority`] certifies their keys, and [`issue`] goes the way of one card step by
//! step. A [`DataDir`] holds it all.

pub mod authority;
mod data_dir;
pub mod issue;
pub mod keys;
mod private_file;
pub mod request;
pub mod store;

pub use data_dir::{DataDir, DataDirError};
