//! A simulated GemPC Twin: a CCID reader on a serial line, with whatever lies on the
//! [`contacts`](crate::contacts) as its card.
//!
//! [`Twin`] is the reader: it takes the bytes of the host and gives its own, and knows nothing of
//! where they go. [`serve`] puts one on a pseudo-terminal, where Unix has them. The card's side of
//! PPS, T=0 and T=1 is here too, because the reader hands blocks through as they are: PPS and T=1
//! are between host and card.

mod block;
mod card;
mod fault;
mod intake;
#[cfg(unix)]
mod pty;
#[cfg(unix)]
mod serve;
mod twin;
mod work;

pub use block::{BlockSide, Turn};
pub use fault::{Fault, FaultError, Faults, Moment, Scripted};
#[cfg(unix)]
pub use pty::{Pty, PtyError};
#[cfg(unix)]
pub use serve::serve;
pub use twin::{FIRMWARE, Sink, Twin};
