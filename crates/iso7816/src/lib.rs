//! Talking to a smart card as ISO/IEC 7816 has it.
//!
//! From the bottom up: a [`Link`] is a byte pipe to one card; a layer is a link that
//! wraps a link; a [`Channel`] sends typed [`Command`]s over a link and hides command chaining,
//! GET RESPONSE and wrong-length answers; [`ber`] reads and writes the TLV objects that travel in
//! them. Nothing here knows what a card is for.

pub mod atr;
pub mod ber;
mod channel;
mod command;
mod hexed;
pub mod layer;
mod link;
mod masked;
pub mod redact;
mod replay;
mod response;
mod status;
pub mod transcript;

pub use atr::{Atr, AtrError, AtrFinding};
pub use channel::{Channel, ChannelError, Limits};
pub use command::{Command, CommandError, Expected, Instruction};
pub use layer::{TraceEvent, TraceSink, Traced};
pub use link::{Disposition, Link, LinkError, Protocol, Reader, Reset};
pub use masked::{Masked, MaskedError, Secret, Span};
pub use replay::{ReplayLink, ReplayReader};
pub use response::Response;
pub use status::StatusWord;
pub use transcript::{Transcript, TranscriptError, TranscriptWriteError, TranscriptWriter};
