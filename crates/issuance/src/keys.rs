//! The keys of cards.
//!
//! Every card gets an administration key and a PUK of its own, derived from a master key and the
//! number of its chip ([`kdf`]), so that nothing has to be stored for a card and no card opens
//! another. The master keys stand in a [`KeyRing`], together with the transport secrets blanks
//! are delivered with.

pub mod kdf;
mod ring;

pub use ring::{KeyRing, KeyRingError, Purpose, Transport};
