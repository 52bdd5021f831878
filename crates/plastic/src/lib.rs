#![doc = include_str!("../README.md")]

mod area;
mod bitmap;
mod raster;
mod separation;

pub use area::{Area, CONTACTS, DPI, HEIGHT, WIDTH};
pub use bitmap::Bitmap;
pub use raster::{ImageError, Raster};
pub use separation::Separation;
