//! Evolis Primacy, Zenius, Badgy and their relatives: codec and driver.
//!
//! The language is one of commands (`1B`, name, parameters, `0D`), with counted bitmaps among
//! them. A [`Stream`] takes any run of it apart and gives the same bytes back; a [`Bitmap`] is one
//! panel, packed or compressed. [`encode`] makes a job of the faces of a card in either of two
//! dialects and [`decode`] takes one apart; both were held against jobs of the vendor's library.
//! What no capture settles (the status words, the words for a contactless encoder, what a text
//! means) is in a [`Profile`], each value with its source and how certain it is.

mod bitmap;
mod command;
mod dots;
mod driver;
mod face;
mod job;
mod panel;
mod profile;
mod reply;
mod stream;
pub mod words;

pub use bitmap::{Bitmap, BitmapError, Coding};
pub use command::Command;
pub use dots::Dots;
pub use driver::Evolis;
pub use face::Face;
pub use job::{
    BuildError, DecodedSide, DecodedSides, Dialect, JobOptions, build, build_faces, decode,
    decode_sides, encode,
};
pub use panel::{Levels, Panel};
pub use profile::{
    BusyBit, Commands, Connected, Fitting, FittingBit, Limits, Model, PositionBit, Profile,
    Questions, Ribbon, Wire, WordsForm,
};
pub use reply::{ByteOrder, MAX_REPLY, Reply, ReplyError, StatusBit, StatusWords, WordName};
pub use stream::{DecodeError, Item, Stream};
