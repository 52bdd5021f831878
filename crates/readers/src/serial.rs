//! Serial lines. The only module that knows of the `serialport` crate.

use std::io::{self, Read, Write};
use std::time::Duration;

use ccid::serial::BAUD_RATE;
use serialport::{DataBits, FlowControl, Parity, SerialPort, StopBits};

/// How long a write may take before the line counts as stuck.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);
/// The shortest wait an operating system is asked for.
const SHORTEST: Duration = Duration::from_millis(1);

/// A line to a reader: bytes both ways. Waiting is done by the operating system inside a call,
/// with the limit the caller gives.
pub trait Line: Send {
    /// Writes all bytes.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] when the line takes no more; others from the operating system.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Reads what has come, at least one byte.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] when nothing came for `within`, [`io::ErrorKind::UnexpectedEof`]
    /// when the other side is gone; others from the operating system.
    fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize>;
}

/// A serial port with the settings of a GemPC Twin: 115200 baud, 8 data bits, no parity, 2 stop
/// bits, no flow control.
pub(crate) struct Port(Box<dyn SerialPort>);

impl Port {
    /// Opens it for this program alone.
    pub(crate) fn open(path: &str) -> Result<Self, serialport::Error> {
        let mut port = serialport::new(path, BAUD_RATE)
            .data_bits(DataBits::Eight)
            .parity(Parity::None)
            .stop_bits(StopBits::Two)
            .flow_control(FlowControl::None)
            .timeout(WRITTEN_WITHIN)
            .open()?;
        // RTS low keeps the reader from sending its plug-and-play text. A pseudo-terminal has no
        // such line, and a reader on one no such text.
        let _no_such_line = port.write_request_to_send(false);
        Ok(Self(port))
    }
}

impl Line for Port {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.set_timeout(WRITTEN_WITHIN)?;
        self.0.write_all(bytes)?;
        self.0.flush()
    }

    fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize> {
        self.0.set_timeout(within.max(SHORTEST))?;
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => Ok(count),
        }
    }
}

/// The serial ports there are, as they are named in a selector.
pub(crate) fn ports() -> Vec<String> {
    // A system that cannot list them has none to suggest.
    let found = serialport::available_ports().unwrap_or_default();
    found.into_iter().map(|port| port.port_name).collect()
}
