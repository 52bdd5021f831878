#![doc = include_str!("../README.md")]

pub mod atr;
pub mod ber;
pub mod block;
mod channel;
mod command;
pub mod describe;
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
pub use channel::{Channel, ChannelError, Limits, SecureMessaging, SecureMessagingError};
pub use command::{Command, CommandError, Expected, Instruction};
pub use layer::{TraceEvent, TraceSink, Traced};
pub use link::{Disposition, Link, LinkError, Protocol, Reader, Reset};
pub use masked::{Masked, MaskedError, Secret, Span};
pub use replay::{ReplayLink, ReplayReader};
pub use response::Response;
pub use status::StatusWord;
pub use transcript::{Transcript, TranscriptError, TranscriptWriteError, TranscriptWriter};
