//! The host's side of T=1 (ISO/IEC 7816-3, clause 11), apart from what carries the blocks.

mod block;
mod protocol;

pub use block::{Block, BlockError, Supervisory};
pub use protocol::{BlockCarrier, BlockProtocol, ProtocolError, Unread};
