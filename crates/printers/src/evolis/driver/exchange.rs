//! Commands and their answers over the two kinds of wire.

use std::io;
use std::time::Duration;

use super::Evolis;
use crate::evolis::command::Command;
use crate::evolis::profile::Connected;
use crate::evolis::reply::{MAX_REPLY, Reply, StatusWords};
use crate::evolis::stream::{Item, Stream};
use crate::evolis::words::NUL;
use crate::{Connection, PrinterError};

/// The most bytes thrown away before a command, so that a printer that never stops talking is no
/// endless loop.
const MAX_STALE: usize = 64 * 1024;

/// What the driver has to remember of its connection.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// The exchange of this connection has been.
    used: bool,
    /// An answer nobody waits for any more may still come on the line.
    late: bool,
    /// The line broke in the middle of a command: what comes next, the printer takes for its rest.
    torn: bool,
}

impl<C: Connection> Evolis<C> {
    /// Asks, as often as the profile says.
    pub(super) fn ask(&mut self, question: &str) -> Result<Reply, PrinterError> {
        let bytes = encoded(question);
        let limit = self.profile.limits_ms.reply.duration();
        let mut last = None;
        for _ in 0..self.profile.tries.value {
            match self.exchange(&bytes, limit, "answer") {
                Ok(reply) => return Ok(reply),
                Err(error @ PrinterError::Timeout { .. }) => last = Some(error),
                Err(PrinterError::Connection { source, .. }) if has_closed(&source) => {
                    if !self.link.torn && self.profile.connected.value == Connected::Line {
                        self.reconnect()?;
                    }
                    last = Some(self.broken(source));
                }
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| self.too_late("answer", limit)))
    }

    /// Sends a command once and waits for its answer.
    pub(super) fn command(
        &mut self,
        text: &str,
        limit: Duration,
        what: &'static str,
    ) -> Result<Reply, PrinterError> {
        self.exchange(&encoded(text), limit, what)
    }

    /// Asks for the status words, if the profile says how they come; keeps the last ones.
    pub(super) fn read_words(&mut self) -> Result<Option<StatusWords>, PrinterError> {
        let order = match self.profile.status_words.value.order() {
            Some(order) if self.profile.connected.value == Connected::Network => order,
            _ => return Ok(None),
        };
        let limit = self.profile.limits_ms.reply.duration();
        let bytes = self.over_network(&[], limit, "answer")?;
        self.words = StatusWords::parse(&bytes, order);
        Ok(self.words)
    }

    /// Sends a card in one exchange.
    pub(super) fn print_in_one(&mut self, card: &Stream) -> Result<(), PrinterError> {
        let limit = self.profile.limits_ms.print.duration();
        let reply = self.exchange(&card.encode(), limit, "print the card")?;
        self.done(&reply)
    }

    /// Sends a card command by command, each when the one before has been answered.
    pub(super) fn print_by_command(&mut self, card: &Stream) -> Result<(), PrinterError> {
        let print = self.profile.limits_ms.print.duration();
        let mut limit = self.profile.limits_ms.reply.duration();
        let mut bytes = Vec::new();
        for item in &card.items {
            item.write(&mut bytes);
            match item {
                // Not answered: they go with what follows.
                Item::Tags(_) | Item::Filling(_) => continue,
                Item::Command(command) if command.name() == b"Ss" => limit = print,
                Item::Command(_) | Item::Bitmap(_) => {}
            }
            let reply = self.exchange(&bytes, limit, "print the card")?;
            self.done(&reply)?;
            bytes.clear();
        }
        if !bytes.is_empty() {
            self.send(&bytes)?;
        }
        Ok(())
    }

    fn exchange(
        &mut self,
        bytes: &[u8],
        limit: Duration,
        what: &'static str,
    ) -> Result<Reply, PrinterError> {
        let reply = match self.profile.connected.value {
            Connected::Network => {
                let mut request = bytes.to_vec();
                request.push(NUL);
                let answer = self.over_network(&request, limit, what)?;
                if answer.is_empty() {
                    let closed = io::ErrorKind::UnexpectedEof.into();
                    return Err(self.broken(closed));
                }
                Reply::of_exchange(&answer)
            }
            Connected::Line => return self.over_line(bytes, limit, what),
        };
        reply.map_err(|error| self.gibberish(error.to_string()))
    }

    /// One exchange on a connection of its own: everything up to the end of input, everything back
    /// until it is closed.
    fn over_network(
        &mut self,
        bytes: &[u8],
        limit: Duration,
        what: &'static str,
    ) -> Result<Vec<u8>, PrinterError> {
        if self.link.used {
            self.reconnect()?;
        }
        self.link.used = true;
        let write = self.profile.limits_ms.write.duration();
        let sent = self
            .connection
            .write_all(bytes, write)
            .and_then(|()| self.connection.end_of_input());
        match sent {
            // It may have said why before it closed.
            Err(source) if !has_closed(&source) => return Err(self.broken(source)),
            _ => {}
        }
        let start = self.ambient.elapsed();
        let mut received = Vec::new();
        loop {
            let left = limit.saturating_sub(self.ambient.elapsed().saturating_sub(start));
            let mut buffer = [0; 512];
            match self.connection.read(&mut buffer, left) {
                Ok(count) => received.extend_from_slice(&buffer[..count]),
                Err(error) if has_closed(&error) => {
                    return match sent {
                        _ if !received.is_empty() => Ok(received),
                        Err(source) => Err(self.broken(source)),
                        Ok(()) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(received),
                        Ok(()) => Err(self.broken(error)),
                    };
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Err(self.too_late(what, limit));
                }
                Err(source) => return Err(self.broken(source)),
            }
            if received.len() > MAX_REPLY {
                return Err(self.gibberish(format!("{} bytes without an end", received.len())));
            }
        }
    }

    fn over_line(
        &mut self,
        bytes: &[u8],
        limit: Duration,
        what: &'static str,
    ) -> Result<Reply, PrinterError> {
        self.throw_away_stale()?;
        self.catch_up()?;
        self.send(bytes)?;
        self.line_reply(limit, what)
    }

    /// Waits for the next answer on the line.
    fn line_reply(&mut self, limit: Duration, what: &'static str) -> Result<Reply, PrinterError> {
        let start = self.ambient.elapsed();
        let mut received = Vec::new();
        loop {
            let next = Reply::next(&mut received);
            if let Some(reply) = next.map_err(|error| self.gibberish(error.to_string()))? {
                // More than one answer to one command: what the next command gets must be its own.
                self.link.late |= !received.iter().all(u8::is_ascii_whitespace);
                return Ok(reply);
            }
            let left = limit.saturating_sub(self.ambient.elapsed().saturating_sub(start));
            let mut buffer = [0; 512];
            match self.connection.read(&mut buffer, left) {
                Ok(count) => received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    self.link.late = true;
                    return Err(self.too_late(what, limit));
                }
                Err(source) => return Err(self.broken(source)),
            }
        }
    }

    /// Waits until every late answer is in: the printer answers in order, so they are all before
    /// that to a question whose answer is known.
    fn catch_up(&mut self) -> Result<(), PrinterError> {
        let Some(identity) = self.identity.clone().filter(|_| self.link.late) else {
            return Ok(());
        };
        let serial = Reply::Text(identity.serial);
        let question = self.profile.questions.serial.value.clone();
        self.send(&encoded(&question))?;
        let limit = self.profile.limits_ms.motion.duration();
        let start = self.ambient.elapsed();
        loop {
            let left = limit.saturating_sub(self.ambient.elapsed().saturating_sub(start));
            if self.line_reply(left, "answer")? == serial {
                self.link.late = false;
                return Ok(());
            }
        }
    }

    /// Answers to commands nobody waits for any more must not be taken for the next one's.
    fn throw_away_stale(&mut self) -> Result<(), PrinterError> {
        let mut thrown_away = 0;
        let mut buffer = [0; 512];
        while thrown_away < MAX_STALE {
            match self.connection.read(&mut buffer, Duration::ZERO) {
                Ok(count) => thrown_away += count,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Ok(()),
                Err(source) => return Err(self.broken(source)),
            }
        }
        Err(self.gibberish("bytes without end".to_owned()))
    }

    /// Writes on the line. If that fails half-way, nothing more can be said on it.
    fn send(&mut self, bytes: &[u8]) -> Result<(), PrinterError> {
        if self.link.torn {
            return Err(self.broken(io::Error::other(
                "an earlier command broke off half-way, so the printer would take this one for \
                 its rest; switch it off and on, then open it again",
            )));
        }
        let write = self.profile.limits_ms.write.duration();
        let sent = self.connection.write_all(bytes, write);
        sent.map_err(|source| {
            self.link.torn = true;
            self.broken(source)
        })
    }

    fn reconnect(&mut self) -> Result<(), PrinterError> {
        self.connection
            .reconnect()
            .map_err(|source| self.broken(source))
    }

    pub(super) fn broken(&self, source: io::Error) -> PrinterError {
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

    fn too_late(&self, what: &'static str, limit: Duration) -> PrinterError {
        PrinterError::Timeout {
            printer: self.name.clone(),
            what,
            seconds: limit.as_secs(),
        }
    }
}

/// A text of the profile as bytes.
fn encoded(text: &str) -> Vec<u8> {
    Command::new(text)
        .expect("a profile with other texts is refused")
        .to_bytes()
}

fn has_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::NotConnected
    )
}
