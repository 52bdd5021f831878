#![doc = include_str!("../README.md")]

mod ambient;
mod blame;

pub use ambient::{Ambient, AmbientRng, System, Virtual};
pub use blame::{Blame, Blamed};
