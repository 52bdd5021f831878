use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ground::Ambient;

use crate::{Disposition, Link, LinkError, Protocol, Reset};

/// A layer that reports every exchange to a [`TraceSink`].
pub struct Traced<L: Link> {
    link: L,
    ambient: Arc<dyn Ambient>,
    sink: Box<dyn TraceSink>,
}

impl<L: Link> Traced<L> {
    /// Wraps `link`.
    pub fn new(link: L, ambient: Arc<dyn Ambient>, sink: impl TraceSink + 'static) -> Self {
        Self {
            link,
            ambient,
            sink: Box::new(sink),
        }
    }
}

impl<L: Link> Link for Traced<L> {
    fn name(&self) -> &str {
        self.link.name()
    }

    fn atr(&self) -> &[u8] {
        self.link.atr()
    }

    fn protocol(&self) -> Protocol {
        self.link.protocol()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        let start = self.ambient.elapsed();
        let answer = self.link.transmit(command);
        self.sink.record(&TraceEvent::Exchange {
            start,
            end: self.ambient.elapsed(),
            command,
            answer: answer.as_deref(),
        });
        answer
    }

    fn reset(&mut self, reset: Reset) -> Result<(), LinkError> {
        let start = self.ambient.elapsed();
        let done = self.link.reset(reset);
        self.sink.record(&TraceEvent::Reset {
            start,
            end: self.ambient.elapsed(),
            reset,
            atr: done.as_ref().map(|()| self.link.atr()),
        });
        done
    }

    fn lock(&mut self) -> Result<(), LinkError> {
        self.link.lock()
    }

    fn unlock(&mut self) -> Result<(), LinkError> {
        self.link.unlock()
    }

    fn disconnect(self: Box<Self>, disposition: Disposition) -> Result<(), LinkError> {
        let Self {
            link,
            ambient,
            mut sink,
        } = *self;
        let done = Box::new(link).disconnect(disposition);
        sink.record(&TraceEvent::Disconnected {
            at: ambient.elapsed(),
            disposition,
        });
        done
    }
}

impl<L: Link> fmt::Debug for Traced<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traced")
            .field("link", &self.link.name())
            .finish_non_exhaustive()
    }
}

/// Where a [`Traced`] link reports to.
///
/// A sink sees everything in clear, passcodes included: what it keeps is its responsibility. It
/// has no way to fail, because a full disk must not end a card session in the middle; a sink that
/// can fail remembers and tells its owner.
pub trait TraceSink: Send {
    /// Takes note of one event.
    fn record(&mut self, event: &TraceEvent<'_>);
}

impl<S: TraceSink> TraceSink for Arc<Mutex<S>> {
    fn record(&mut self, event: &TraceEvent<'_>) {
        self.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .record(event);
    }
}

/// What happened on a link. Times are those of [`Ambient::elapsed`].
#[derive(Clone)]
#[non_exhaustive]
pub enum TraceEvent<'a> {
    /// A command went out and an answer, or none, came back.
    Exchange {
        /// Before the command was sent.
        start: Duration,
        /// After the answer came.
        end: Duration,
        /// The command APDU.
        command: &'a [u8],
        /// The response APDU.
        answer: Result<&'a [u8], &'a LinkError>,
    },
    /// The card was reset through this link.
    Reset {
        /// Before.
        start: Duration,
        /// After.
        end: Duration,
        /// How.
        reset: Reset,
        /// The new answer to reset.
        atr: Result<&'a [u8], &'a LinkError>,
    },
    /// The link was ended.
    Disconnected {
        /// When.
        at: Duration,
        /// What became of the card.
        disposition: Disposition,
    },
}

/// Shows lengths only: the bytes may be secret.
impl fmt::Debug for TraceEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchange {
                command, answer, ..
            } => f
                .debug_struct("Exchange")
                .field("command", &command.len())
                .field("answer", &answer.map(<[u8]>::len))
                .finish_non_exhaustive(),
            Self::Reset { reset, .. } => f
                .debug_struct("Reset")
                .field("reset", reset)
                .finish_non_exhaustive(),
            Self::Disconnected { disposition, .. } => f
                .debug_struct("Disconnected")
                .field("disposition", disposition)
                .finish_non_exhaustive(),
        }
    }
}
