//! Frames over a byte pipe on which answers may come late, torn or not at all.

use std::io;
use std::time::Duration;

use super::{Engaged, Matica};
use crate::matica::command::Command;
use crate::matica::frame::{Frame, FrameError};
use crate::matica::session::{Document, Greeting};
use crate::matica::words::{DOCUMENT_SEQUENCE, host, printer};
use crate::{CardPosition, Connection, PrinterError};

/// The longest frame of a printer that is read.
const MAX_REPLY: usize = 4096;
/// The most frames for something else that are passed over while waiting for an answer.
const MAX_OTHERS: usize = 64;

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    /// The error word; 0 is none.
    pub(super) error: u32,
    pub(super) data: Vec<u8>,
}

impl<C: Connection> Matica<C> {
    /// Opens the connection again if it ended. Nothing that was sent on the old one is repeated.
    pub(super) fn connect(&mut self) -> Result<(), PrinterError> {
        if self.open {
            return Ok(());
        }
        self.received.clear();
        if let Err(source) = self.connection.reconnect() {
            return Err(self.broken(source));
        }
        self.greet()
    }

    /// Reads the greeting of a new connection and answers it.
    pub(super) fn greet(&mut self) -> Result<(), PrinterError> {
        let limit = self.profile.limits_ms.reply.duration();
        let frame = self.receive(limit, "greet", |frame| frame.kind == printer::GREETING)?;
        let greeting =
            Greeting::parse(&frame).map_err(|error| self.gibberish(error.to_string()))?;
        let Some(model) = self.profile.model(&greeting.model).cloned() else {
            return Err(PrinterError::BadJob {
                detail: format!(
                    "profile `{}` does not know printers of model `{}`",
                    self.profile.name, greeting.model
                ),
            });
        };
        let document = Document {
            parameter: model.document.value,
            time: self.ambient.now(),
            owner: self.profile.owner.value.clone(),
            title: self.profile.title.value.clone(),
        };
        self.greeting = greeting;
        self.model = model;
        self.sequence = 0;
        self.engaged = Engaged::Unknown;
        self.send(&document.to_frame())?;
        let answer = self.receive(limit, "take the document", |frame| {
            frame.kind == printer::DOCUMENT && frame.sequence == DOCUMENT_SEQUENCE
        })?;
        if answer.parameter != 0 {
            let fault = self.profile.fault(answer.parameter);
            return Err(self.at_fault(fault));
        }
        self.open = true;
        Ok(())
    }

    pub(super) fn command(
        &mut self,
        command: &Command,
        limit: Duration,
        what: &'static str,
    ) -> Result<Answer, PrinterError> {
        self.exchange(host::COMMAND, command.to_bytes(), limit, what)
    }

    /// Sends a frame, once, and waits for its answer. Answers to earlier frames, which nobody waits
    /// for any more, are passed over by their number.
    pub(super) fn exchange(
        &mut self,
        kind: u32,
        data: Vec<u8>,
        limit: Duration,
        what: &'static str,
    ) -> Result<Answer, PrinterError> {
        self.connect()?;
        let sequence = self.sequence;
        self.sequence = match sequence.wrapping_add(1) {
            // The number of the document is no other frame's.
            DOCUMENT_SEQUENCE => DOCUMENT_SEQUENCE + 1,
            next => next,
        };
        self.send(&Frame::new(kind, 0, sequence, data))?;
        let kinds = [printer::DONE, printer::NOT_DONE, printer::DATA];
        let frame = self.receive(limit, what, |frame| {
            frame.sequence == sequence && kinds.contains(&frame.kind)
        })?;
        Ok(Answer {
            error: frame.parameter,
            data: frame.data().to_vec(),
        })
    }

    fn send(&mut self, frame: &Frame) -> Result<(), PrinterError> {
        let limit = self.profile.limits_ms.write.duration();
        let sent = self.connection.write_all(&frame.to_bytes(), limit);
        sent.map_err(|source| self.broken(source))
    }

    /// Reads frames until the one that is wanted.
    fn receive(
        &mut self,
        limit: Duration,
        what: &'static str,
        wanted: impl Fn(&Frame) -> bool,
    ) -> Result<Frame, PrinterError> {
        let start = self.ambient.elapsed();
        let mut others = 0;
        loop {
            while let Some(frame) = self.next_frame()? {
                if wanted(&frame) {
                    return Ok(frame);
                }
                others += 1;
                if others > MAX_OTHERS {
                    return Err(self.gibberish(format!("{frame:?} and others before it")));
                }
            }
            let left = limit.saturating_sub(self.ambient.elapsed().saturating_sub(start));
            let mut buffer = [0; 1024];
            match self.connection.read(&mut buffer, left) {
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    self.card = CardPosition::Unknown;
                    return Err(self.timed_out(what, limit));
                }
                Err(source) => return Err(self.broken(source)),
            }
        }
    }

    /// Takes a whole frame off what has been received.
    fn next_frame(&mut self) -> Result<Option<Frame>, PrinterError> {
        match Frame::size_of(&self.received) {
            Ok(Some(size)) if size > MAX_REPLY => {
                return Err(self.gibberish(format!("a frame of {size} bytes")));
            }
            Ok(_) => {}
            Err(error) => return Err(self.gibberish(error.to_string())),
        }
        match Frame::read(&self.received) {
            Ok((frame, size)) => {
                self.received.drain(..size);
                Ok(Some(frame))
            }
            Err(FrameError::Truncated { .. }) => Ok(None),
            Err(error) => Err(self.gibberish(error.to_string())),
        }
    }

    /// The connection is over. What was sent last may have been done or not.
    fn broken(&mut self, source: io::Error) -> PrinterError {
        self.lost();
        PrinterError::Connection {
            printer: self.name.clone(),
            source,
        }
    }

    /// What came cannot be understood; where the next frame starts is not known either.
    pub(super) fn gibberish(&mut self, detail: String) -> PrinterError {
        self.lost();
        PrinterError::Gibberish {
            printer: self.name.clone(),
            detail,
        }
    }

    fn lost(&mut self) {
        self.open = false;
        self.card = CardPosition::Unknown;
        self.engaged = Engaged::Unknown;
    }
}
