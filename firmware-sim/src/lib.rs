//! Simulated firmware: the card, the printer, the dispenser, and the station that couples them.
//!
//! It stands beside the host crates. It shares their words (tags, key references, frame types,
//! the [`iso7816::Link`] interface) and none of their behaviour, so that a misreading on one side
//! is caught by the other.

pub mod card;
pub mod contacts;
pub mod dispenser;
pub mod printer;
pub mod reader;
pub mod station;
pub mod vpcd;

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
