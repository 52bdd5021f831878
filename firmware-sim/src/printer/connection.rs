use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use printers::Connection;

use super::SimPrinter;
use super::firmware::{Answer, Line};

/// A connection to a simulated printer in the same process.
///
/// It is over without the firmware hearing of it when it is dropped; a caller that has said
/// everything says so with [`Connection::end_of_input`].
pub struct SimConnection {
    printer: SimPrinter,
    line: Line,
    /// Answers that have not been read, and when they are there.
    answers: VecDeque<(Duration, VecDeque<u8>)>,
    /// Nothing can be written any more.
    ended: bool,
    /// The printer has closed.
    closed: bool,
}

impl SimConnection {
    pub(super) fn new(printer: SimPrinter) -> Self {
        let (line, greeting) = Line::open(&printer);
        let mut connection = Self {
            printer,
            line,
            answers: VecDeque::new(),
            ended: false,
            closed: false,
        };
        connection.take(greeting);
        connection
    }

    fn take(&mut self, answer: Answer) {
        if !answer.reply.bytes.is_empty() {
            let there = self.printer.ambient().elapsed() + answer.late;
            let bytes = answer.reply.bytes.into();
            self.answers.push_back((there, bytes));
        }
        self.closed |= answer.reply.close;
    }
}

impl Connection for SimConnection {
    fn name(&self) -> &str {
        "sim:printer"
    }

    fn write_all(&mut self, bytes: &[u8], _within: Duration) -> io::Result<()> {
        if self.ended || self.closed {
            return Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "the connection takes nothing more",
            ));
        }
        let answer = self.line.push(bytes);
        self.take(answer);
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize> {
        let ambient = self.printer.ambient();
        let Some((there, bytes)) = self.answers.front_mut() else {
            if self.closed || self.line.is_stale() {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the printer has closed the connection",
                ));
            }
            // The printer answers at once or not at all; the time passes all the same.
            ambient.sleep(within);
            return Err(silence());
        };
        let wait = there.saturating_sub(ambient.elapsed());
        if wait > within {
            ambient.sleep(within);
            return Err(silence());
        }
        ambient.sleep(wait);
        let count = buffer.len().min(bytes.len());
        for (place, byte) in buffer.iter_mut().zip(bytes.drain(..count)) {
            *place = byte;
        }
        if bytes.is_empty() {
            self.answers.pop_front();
        }
        Ok(count)
    }

    fn end_of_input(&mut self) -> io::Result<()> {
        if !self.ended && !self.closed {
            self.ended = true;
            let answer = self.line.end();
            self.take(answer);
        }
        Ok(())
    }

    fn reconnect(&mut self) -> io::Result<()> {
        *self = Self::new(self.printer.clone());
        Ok(())
    }
}

fn silence() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the printer sent nothing")
}
