//! Evolis Primacy, Zenius, Badgy and their relatives: the codec.
//!
//! The language is one of commands (`1B`, name, parameters, `0D`), with counted bitmaps among
//! them. A [`Stream`] takes any run of it apart and gives the same bytes back; a [`Bitmap`] is one
//! panel, packed or compressed.

mod bitmap;
mod command;
mod stream;
pub mod words;

pub use bitmap::{Bitmap, BitmapError, Coding, Dots, Levels, Panel};
pub use command::Command;
pub use stream::{DecodeError, Item, Stream};
