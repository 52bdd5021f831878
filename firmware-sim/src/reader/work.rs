//! One command under way in the chip. It runs on a thread of its own, so that whoever waits for it
//! can say in time that it takes longer.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::contacts::Hold;

/// A command under way, or its outcome.
pub(super) struct Work {
    outcome: Receiver<Option<Vec<u8>>>,
    /// How often still to pretend that it is not done.
    pretend: u32,
}

/// What waiting for a command brought.
pub(super) enum Waited {
    /// The chip's answer; none from a chip that has gone or went mute.
    Done(Option<Vec<u8>>),
    /// Not yet.
    StillAtIt,
}

impl Work {
    pub(super) fn start(hold: &Arc<Hold>, command: Vec<u8>, pretend: u32) -> Self {
        let (tell, outcome) = mpsc::channel();
        let hold = Arc::clone(hold);
        thread::spawn(move || {
            let answer = hold.with_chip(|chip| chip.transmit(&command));
            // Before the reader hears of it: it may want the contacts for itself at once.
            drop(hold);
            // A reader that powered the card off in the meantime does not listen any more.
            let _ = tell.send(answer.filter(|answer| !answer.is_empty()));
        });
        Self { outcome, pretend }
    }

    /// Waits at most `patience`.
    pub(super) fn wait(&mut self, patience: Duration) -> Waited {
        if self.pretend > 0 {
            self.pretend -= 1;
            return Waited::StillAtIt;
        }
        match self.outcome.recv_timeout(patience) {
            Ok(answer) => Waited::Done(answer),
            Err(RecvTimeoutError::Timeout) => Waited::StillAtIt,
            Err(RecvTimeoutError::Disconnected) => Waited::Done(None),
        }
    }
}
