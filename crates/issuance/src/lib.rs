//! Issuing cards.
//!
//! From a file of requests to a card in the output tray: [`request`] reads who a card is for,
//! [`store`] keeps the journal of everything done to a card, [`keys`] derives each card's own
//! secrets, [`authority`] certifies their keys.

pub mod authority;
pub mod keys;
mod private_file;
pub mod request;
pub mod store;
