//! Questions and answers over a byte pipe on which answers may come late, torn or not at all.

use std::io;
use std::time::Duration;

use super::Enduro;
use crate::magicard::query::Query;
use crate::magicard::reply::{MAX_REPLY, ReplyError};
use crate::magicard::words::{ETX, SOH};
use crate::{Connection, PrinterError};

/// The most bytes thrown away before a question, so that a printer that never stops talking is no
/// endless loop.
const MAX_STALE: usize = 64 * 1024;

impl<C: Connection> Enduro<C> {
    /// Asks as often as the profile says.
    pub(super) fn ask<T>(
        &mut self,
        query: &Query,
        parse: fn(&[u8]) -> Result<T, ReplyError>,
    ) -> Result<T, PrinterError> {
        for _ in 0..self.profile.tries.value {
            if let Some(answer) = self.ask_once(query, parse)? {
                return Ok(answer);
            }
        }
        Err(PrinterError::Timeout {
            printer: self.name.clone(),
            what: "answer",
            seconds: self.profile.limits_ms.reply.duration().as_secs(),
        })
    }

    /// Asks once; `None` when no answer of that kind came in time.
    pub(super) fn ask_once<T>(
        &mut self,
        query: &Query,
        parse: fn(&[u8]) -> Result<T, ReplyError>,
    ) -> Result<Option<T>, PrinterError> {
        let limit = self.profile.limits_ms.reply.duration();
        self.throw_away_stale()?;
        self.send(&query.to_bytes(), limit)?;
        let start = self.ambient.elapsed();
        let mut received = Vec::new();
        loop {
            let left = limit.saturating_sub(self.ambient.elapsed().saturating_sub(start));
            let mut buffer = [0; 512];
            match self.connection.read(&mut buffer, left) {
                Ok(count) => received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Ok(None),
                Err(error) if has_closed(&error) => {
                    self.reconnect()?;
                    return Ok(None);
                }
                Err(source) => return Err(self.broken(source)),
            }
            while let Some(reply) = next_frame(&mut received) {
                match parse(&reply) {
                    Ok(answer) => return Ok(Some(answer)),
                    // The late answer to an earlier question.
                    Err(ReplyError::NotThisReply { .. }) => {}
                    Err(error) => return Err(self.gibberish(error.to_string())),
                }
            }
            if received.len() > MAX_REPLY {
                return Err(self.gibberish(format!("{} bytes without an end", received.len())));
            }
        }
    }

    /// Answers to questions nobody waits for any more must not be taken for the next one's.
    fn throw_away_stale(&mut self) -> Result<(), PrinterError> {
        let mut thrown_away = 0;
        let mut buffer = [0; 512];
        while thrown_away < MAX_STALE {
            match self.connection.read(&mut buffer, Duration::ZERO) {
                Ok(count) => thrown_away += count,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Ok(()),
                Err(error) if has_closed(&error) => return self.reconnect(),
                Err(source) => return Err(self.broken(source)),
            }
        }
        Err(self.gibberish("bytes without end".to_owned()))
    }

    pub(super) fn send(&mut self, bytes: &[u8], within: Duration) -> Result<(), PrinterError> {
        self.connection
            .write_all(bytes, within)
            .map_err(|source| self.broken(source))
    }

    fn reconnect(&mut self) -> Result<(), PrinterError> {
        self.connection
            .reconnect()
            .map_err(|source| self.broken(source))
    }

    fn broken(&self, source: io::Error) -> PrinterError {
        PrinterError::Connection {
            printer: self.name.clone(),
            source,
        }
    }

    pub(super) fn gibberish(&self, detail: String) -> PrinterError {
        PrinterError::Gibberish {
            printer: self.name.clone(),
            detail,
        }
    }
}

/// Takes the first whole reply out of what has been received, with everything before it.
fn next_frame(received: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = received.iter().position(|byte| *byte == ETX)?;
    let frame: Vec<u8> = received.drain(..=end).collect();
    // Bytes before the frame are noise; without a start there is no frame at all, and the codec
    // says so.
    let start = frame.iter().rposition(|byte| *byte == SOH).unwrap_or(0);
    Some(frame[start..].to_vec())
}

fn has_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
    )
}
