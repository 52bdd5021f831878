//! Layers: links that wrap a link.
//!
//! Each does one thing and passes everything else through, so that a stack of them stays
//! readable: link, then wire trace, then whatever a rig puts on top.

mod traced;

pub use traced::{TraceEvent, TraceSink, Traced};
