//! Matica XID 8300, 8600 and 9300 retransfer printers: codec and driver.
//!
//! Host and printer exchange [`Frame`]s of 32-bit words over TCP port 50730. The printer greets, the
//! host answers with a document, then each [`Command`] and each image has one reply with an error
//! word. All of it was read in one program that drives such a printer and in the notes of its
//! author (revk/cardprint: `xidserver.c`, `eth.txt`, `xid8600.txt`); none of it was held against a
//! printer here. What error words mean, what each model takes and how long things last is in a
//! [`Profile`].

mod command;
mod driver;
mod frame;
mod image;
mod job;
mod profile;
mod session;
pub mod words;

pub use command::{Command, CommandError, Planes, Station};
pub use driver::Matica;
pub use frame::{Frame, FrameError};
pub use image::{Image, ImageError, Layer};
pub use job::{BuildError, Geometry, Job, JobError, Side, build, decode_sides};
pub use profile::{KnownWord, Limits, Model, Profile, Resolution};
pub use session::{Document, Greeting, GreetingError, Place, PlaceError};
