use std::io::{self, Write};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ground::Ambient;
use iso7816::transcript::{Exchange, Header};
use iso7816::{Link, TraceEvent, TraceSink, Traced, Transcript, TranscriptWriter};

use crate::ValidationError;

/// What the recording program calls itself.
const TOOL: &str = concat!("cardwright ", env!("CARGO_PKG_VERSION"));

/// The record of every exchange of a validation, secrets withheld, kept in memory so that a
/// finding can show what the card did.
#[derive(Clone)]
pub(crate) struct Logbook {
    writer: TranscriptWriter,
    lines: Buffer,
    exchanges: Arc<AtomicU64>,
}

impl Logbook {
    /// Puts a logbook over a link.
    pub(crate) fn over(link: Box<dyn Link>, ambient: &Arc<dyn Ambient>) -> (Self, Box<dyn Link>) {
        let lines = Buffer::default();
        let header = Header::new(TOOL, ambient.now(), &*link);
        let writer = TranscriptWriter::new(Box::new(lines.clone()), &header, Arc::clone(ambient));
        let logbook = Self {
            writer,
            lines,
            exchanges: Arc::default(),
        };
        let traced = Traced::new(link, Arc::clone(ambient), logbook.clone());
        (logbook, Box::new(traced))
    }

    /// How many exchanges there have been.
    pub(crate) fn position(&self) -> u64 {
        self.exchanges.load(Ordering::Relaxed)
    }

    /// The exchanges since a position. The first one is number 1.
    pub(crate) fn since(&self, position: u64) -> Range<u64> {
        position + 1..self.position() + 1
    }

    /// The exchanges in order.
    pub(crate) fn finish(self) -> Result<Vec<Exchange>, ValidationError> {
        self.writer.finish()?;
        let lines = self.lines.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transcript = Transcript::read(&lines[..])?;
        Ok(transcript.exchanges().cloned().collect())
    }
}

impl TraceSink for Logbook {
    fn record(&mut self, event: &TraceEvent<'_>) {
        if matches!(event, TraceEvent::Exchange { .. }) {
            self.exchanges.fetch_add(1, Ordering::Relaxed);
        }
        self.writer.record(event);
    }
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
