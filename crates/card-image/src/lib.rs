#![doc = include_str!("../README.md")]

mod capture_file;
mod error;
mod folder;
mod image;
mod key;

pub use error::ImageError;
pub use image::{Answer, CardImage, Content, Probe, Production, Timing};
pub use key::PrivateKey;
