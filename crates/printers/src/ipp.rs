//! Any print queue that speaks IPP: a queue of CUPS, or a printer of its own (IPP Everywhere).
//!
//! Such a queue prints and does nothing else: no card is moved to an encoder, no resin black and no
//! overcoat can be asked for. Faces go as [`raster`] documents, one card a job. The queue must give
//! a failed job up (`abort-job`): one that tries again prints a card nobody knows of.
//!
//! IPP messages are written and read with the `ipp` crate, HTTP is `ureq`, without TLS.

mod http;
mod media;
mod message;
mod page;
mod profile;
mod queue;
pub mod raster;
mod state;

pub use http::{AddressError, Exchange, Http};
pub use message::ReplyError;
pub use page::{SheetBack, draw};
pub use profile::{Profile, Reason};
pub use queue::Queue;
pub use state::{JobPhase, JobState, Phase, QueueState};
