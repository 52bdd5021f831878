use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ground::{Ambient, Blame, Blamed};
use serde::Serialize;
use thiserror::Error;

use super::{Entry, Exchange, Failure, Header, Redacted, Side};
use crate::redact::Redactor;
use crate::{LinkError, Masked, Span, TraceEvent, TraceSink};

/// Writes a transcript, secrets withheld.
///
/// A writer is a handle: clone it, give one to a [`crate::Traced`] link, keep the other to add
/// notes and to [`TranscriptWriter::finish`]. A write that fails does not disturb the card
/// session; nothing more is written then, and `finish` reports it.
#[derive(Clone)]
pub struct TranscriptWriter {
    inner: Arc<Mutex<Inner>>,
    ambient: Arc<dyn Ambient>,
}

struct Inner {
    output: Box<dyn Write + Send>,
    start: Duration,
    redactor: Redactor,
    exchanges: u64,
    state: State,
}

enum State {
    Open,
    Failed(TranscriptWriteError),
    Finished,
}

impl TranscriptWriter {
    /// Writes the header. Every line is flushed when it is written.
    #[must_use]
    pub fn new(output: Box<dyn Write + Send>, header: &Header, ambient: Arc<dyn Ambient>) -> Self {
        let mut inner = Inner {
            output,
            start: ambient.elapsed(),
            redactor: Redactor::new(),
            exchanges: 0,
            state: State::Open,
        };
        inner.write(header);
        Self {
            inner: Arc::new(Mutex::new(inner)),
            ambient,
        }
    }

    /// Adds a remark. It is written as it is: it must hold nothing secret.
    pub fn note(&self, text: impl Into<String>) {
        let at = self.ambient.elapsed();
        let mut inner = self.inner();
        let entry = Entry::Note {
            at_us: inner.since_start(at),
            text: text.into(),
        };
        inner.write(&entry);
    }

    /// Records that a card came, and its answer to reset.
    pub fn inserted(&self, atr: &[u8]) {
        let at = self.ambient.elapsed();
        let mut inner = self.inner();
        inner.redactor.reset();
        let entry = Entry::Inserted {
            at_us: inner.since_start(at),
            atr: Masked::from(atr),
        };
        inner.write(&entry);
    }

    /// Records that the card went.
    pub fn removed(&self) {
        let at = self.ambient.elapsed();
        let mut inner = self.inner();
        inner.redactor.reset();
        let entry = Entry::Removed {
            at_us: inner.since_start(at),
        };
        inner.write(&entry);
    }

    /// Writes the last line and returns the number of exchanges recorded. What is recorded
    /// through other handles afterwards is not written.
    ///
    /// # Errors
    ///
    /// [`TranscriptWriteError`], once, if any line could not be written.
    pub fn finish(self) -> Result<u64, TranscriptWriteError> {
        let at = self.ambient.elapsed();
        let mut inner = self.inner();
        let entry = Entry::End {
            at_us: inner.since_start(at),
            exchanges: inner.exchanges,
        };
        inner.write(&entry);
        match std::mem::replace(&mut inner.state, State::Finished) {
            State::Failed(error) => Err(error),
            State::Open | State::Finished => Ok(inner.exchanges),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic while holding the lock can at worst have left a line half written, which a
        // reader of the transcript notices.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TraceSink for TranscriptWriter {
    fn record(&mut self, event: &TraceEvent<'_>) {
        self.inner().record(event);
    }
}

impl fmt::Debug for TranscriptWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TranscriptWriter").finish_non_exhaustive()
    }
}

impl Inner {
    fn record(&mut self, event: &TraceEvent<'_>) {
        let entry = match *event {
            TraceEvent::Exchange {
                start,
                end,
                command,
                answer,
            } => self.exchange(start, end, command, answer),
            TraceEvent::Reset {
                start, reset, atr, ..
            } => {
                self.redactor.reset();
                Entry::Reset {
                    at_us: self.since_start(start),
                    reset,
                    atr: atr.ok().map(Masked::from),
                    error: atr.err().map(Failure::from),
                }
            }
            TraceEvent::Disconnected { at, disposition } => Entry::Disconnected {
                at_us: self.since_start(at),
                disposition,
            },
        };
        self.write(&entry);
    }

    fn exchange(
        &mut self,
        start: Duration,
        end: Duration,
        command: &[u8],
        answer: Result<&[u8], &LinkError>,
    ) -> Entry {
        let redaction = self.redactor.judge(command, answer.ok());
        self.exchanges += 1;
        let marked = |side, spans: &[Span]| -> Vec<Redacted> {
            spans
                .iter()
                .map(|span| Redacted {
                    side,
                    at: span.at,
                    length: span.length,
                    what: span.what,
                })
                .collect()
        };
        let mut redacted = marked(Side::Command, &redaction.command);
        redacted.extend(marked(Side::Response, &redaction.response));
        Entry::Exchange(Exchange {
            seq: self.exchanges,
            at_us: self.since_start(start),
            took_us: microseconds(end.saturating_sub(start)),
            command: Masked::new(command, &redaction.command),
            response: answer
                .ok()
                .map(|bytes| Masked::new(bytes, &redaction.response)),
            error: answer.err().map(Failure::from),
            redacted,
        })
    }

    fn since_start(&self, at: Duration) -> u64 {
        microseconds(at.saturating_sub(self.start))
    }

    fn write(&mut self, line: &impl Serialize) {
        if !matches!(self.state, State::Open) {
            return;
        }
        let written = serde_json::to_vec(line)
            .map_err(io::Error::from)
            .and_then(|mut bytes| {
                bytes.push(b'\n');
                self.output.write_all(&bytes)?;
                self.output.flush()
            });
        if let Err(error) = written {
            self.state = State::Failed(TranscriptWriteError {
                exchanges: self.exchanges,
                kind: error.kind(),
                detail: error.to_string(),
            });
        }
    }
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A transcript could not be written to its end.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("the transcript could not be written at exchange {exchanges}: {detail}")]
pub struct TranscriptWriteError {
    /// The exchanges up to the one that could not be written.
    pub exchanges: u64,
    /// The operating system's kind of error.
    pub kind: io::ErrorKind,
    /// The operating system's words.
    pub detail: String,
}

impl Blamed for TranscriptWriteError {
    fn blame(&self) -> Blame {
        Blame::StoreFault
    }

    fn hint(&self) -> Option<String> {
        Some("make room on the disk, or write the transcript elsewhere".to_owned())
    }
}
