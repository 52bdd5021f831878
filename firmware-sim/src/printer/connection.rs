use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use printers::Connection;

use super::SimPrinter;
use super::stream::Stream;

/// A connection to a simulated printer in the same process.
pub struct SimConnection {
    printer: SimPrinter,
    stream: Stream,
    answers: VecDeque<u8>,
}

impl SimConnection {
    pub(super) fn new(printer: SimPrinter) -> Self {
        Self {
            printer,
            stream: Stream::default(),
            answers: VecDeque::new(),
        }
    }
}

impl Connection for SimConnection {
    fn name(&self) -> &str {
        "sim:printer"
    }

    fn write_all(&mut self, bytes: &[u8], _within: Duration) -> io::Result<()> {
        for event in self.stream.push(bytes) {
            let answer = self.printer.machine().take(event);
            self.answers.extend(answer);
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize> {
        if self.answers.is_empty() {
            // The printer answers at once or not at all; the time passes all the same.
            self.printer.machine().wait(within);
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the printer sent nothing",
            ));
        }
        let count = buffer.len().min(self.answers.len());
        for (place, byte) in buffer.iter_mut().zip(self.answers.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }

    fn reconnect(&mut self) -> io::Result<()> {
        self.stream = Stream::default();
        self.answers.clear();
        Ok(())
    }
}
