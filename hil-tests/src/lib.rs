//! The rig for everything that runs the workspace against a counterpart nobody here wrote:
//! pcscd with its virtual reader, OpenSC, openssl.
//!
//! A [`Desk`] owns the machine's smart card service for the time of one test: it starts `pcscd`
//! if none runs, keeps other tests away, and stops what it started. [`Program`] runs a command
//! (ours or a foreign one) and judges its exit; [`Background`] keeps one running and ends it, by
//! its own process, when the test is over. A counterpart that is missing fails the test.

mod background;
mod desk;
mod program;

pub use background::Background;
pub use desk::{Desk, VPCD_PORT, VPCD_READER};
pub use program::{Outcome, Program, RigError};
