//! Magicard Rio Pro 360: codec and driver.
//!
//! A [`Job`] is an XML [`Header`], the planes as bytes of ink, and a checksum. All of it was read in
//! the vendor's published driver of 2018 and has never been held against a captured job or a
//! printer. What that source leaves open (which way up a picture lies, which columns go) is in a
//! [`Profile`].
//!
//! No words that move a card are public, so a printer of this family only prints. A [`Query`] for
//! one of its values was found in one public program; the profile has it switched off.

mod build;
mod driver;
mod header;
mod job;
mod placement;
mod profile;
mod query;
pub mod words;

pub use build::{BuildError, JobOptions, NORMAL, Overcoat, Side, build};
pub use driver::RioPro360;
pub use header::{CardSize, Header, Ink, OvercoatOptions, Panel, SideOptions};
pub use job::{DecodeError, Job, Plane, decode_sides};
pub use placement::Placement;
pub use profile::{Limits, Names, Profile};
pub use query::{Query, Reply, ReplyError};
