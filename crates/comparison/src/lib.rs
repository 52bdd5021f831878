#![doc = include_str!("../README.md")]

mod capture;
mod comparison;
mod diff;
mod gather;
mod probes;
mod text;

pub use capture::{CaptureError, CaptureOptions, capture};
pub use comparison::{Class, Comparison, Difference, Section, Side, TimingRatio};
pub use diff::{diff, likely_profile};
pub use gather::image_of;
pub use probes::{PROBES, Probe, StandardSays};
