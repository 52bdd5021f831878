//! Byte pipes to a printer.
//!
//! A driver writes jobs and questions and reads answers; where they go is one of these. Waiting is
//! done by the operating system inside a call, with the limit the caller gives, so nothing here
//! reads a clock.

mod address;
mod device;
mod file;
mod tcp;

use std::io;
use std::time::Duration;

pub use address::{Address, BadAddress};
pub use device::DeviceConnection;
pub use file::FileConnection;
pub use tcp::TcpConnection;

/// A byte pipe to one printer.
pub trait Connection: Send {
    /// Where it leads, in words fit for a message (`tcp:10.1.2.3:9100`).
    fn name(&self) -> &str;

    /// Whether the printer can answer. A file takes a job and says nothing.
    fn two_way(&self) -> bool {
        true
    }

    /// Writes all bytes, in as many pieces as the pipe takes them.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] when not one byte could be written for `within`; others from
    /// the operating system. How many bytes the printer has taken is then unknown.
    fn write_all(&mut self, bytes: &[u8], within: Duration) -> io::Result<()>;

    /// Reads what has come, at least one byte.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] when nothing came for `within`, [`io::ErrorKind::UnexpectedEof`]
    /// when the other side has closed, [`io::ErrorKind::Unsupported`] on a one-way pipe.
    fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize>;

    /// Tells the other side that nothing more will be written, and goes on reading: a printer that
    /// takes one exchange a connection answers then. [`Connection::reconnect`] opens it for writing
    /// again.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`] on a pipe that cannot be closed in one direction alone;
    /// others from the operating system.
    fn end_of_input(&mut self) -> io::Result<()> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!("`{}` cannot be closed in one direction alone", self.name()),
        ))
    }

    /// Ends the pipe and opens it again. Answers still under way are lost.
    ///
    /// # Errors
    ///
    /// From the operating system.
    fn reconnect(&mut self) -> io::Result<()>;
}

impl Connection for Box<dyn Connection> {
    fn name(&self) -> &str {
        (**self).name()
    }
    fn two_way(&self) -> bool {
        (**self).two_way()
    }
    fn write_all(&mut self, bytes: &[u8], within: Duration) -> io::Result<()> {
        (**self).write_all(bytes, within)
    }
    fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize> {
        (**self).read(buffer, within)
    }
    fn end_of_input(&mut self) -> io::Result<()> {
        (**self).end_of_input()
    }
    fn reconnect(&mut self) -> io::Result<()> {
        (**self).reconnect()
    }
}

/// The one kind the callers look for, whatever the platform calls it: a socket time-out is
/// `WouldBlock` on Unix and `TimedOut` on Windows.
fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

fn timed_out(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

fn closed() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the other side has closed the connection",
    )
}
