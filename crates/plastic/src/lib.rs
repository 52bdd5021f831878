//! The face of a card as data.
//!
//! What `face` draws, `printers` encodes and a simulated printer prints is the same thing: a
//! [`Raster`] of colour dots, a [`Bitmap`] of resin-black dots and the [`Area`]s that must stay
//! free. They live here so that none of the three needs to know another.

mod area;
mod bitmap;
mod raster;
mod separation;

pub use area::{Area, CONTACTS, DPI, HEIGHT, WIDTH};
pub use bitmap::Bitmap;
pub use raster::{ImageError, Raster};
pub use separation::Separation;
