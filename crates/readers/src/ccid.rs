//! The host's codec of a GemPC Twin: messages, and the frames they go in on a serial line.

mod answer;
mod command;
mod frame;

pub use answer::{Answer, AnswerError, Outcome};
pub use command::{Command, CommandError, Parameters};
pub use frame::{FrameError, Heard, Receiver, frame};
