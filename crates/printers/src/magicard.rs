//! Magicard Enduro, Enduro+ and their relatives: codec and driver.
//!
//! The codec is a [`Job`] of [`Page`]s with typed header [`Word`]s and packed [`Plane`]s, the
//! questions ([`Query`]) and the answers ([`Inf`], [`ErrReply`]). It was checked against jobs of the
//! vendor's own driver, dot by dot. The words that move a card to the contacts were not: they are
//! in a [`Profile`], each with its source and how certain it is, and a site can change them.

mod enduro;
mod header;
mod ink;
mod job;
mod layout;
mod page;
mod profile;
mod query;
mod reply;
mod value;
pub mod words;

pub use enduro::Enduro;
pub use header::{BackFormat, Format, Head, Rectangle, ResinQuality, Track, Word};
pub use ink::{Halftone, dye_only, landscape, luminance, of_channel, resin_only};
pub use job::{DecodeError, Job, Page, Plane};
pub use layout::{Dots, Ink, Layout, Placement, PlaneError};
pub use page::{BuildError, HoloKote, JobOptions, NORMAL, Overcoat, Side, build};
pub use profile::{Commands, HeadChoice, Profile};
pub use query::Query;
pub use reply::{Code, ErrReply, Features, Inf, MAX_REPLY, ReplyError};
pub use value::{StaKey, StaReply};
