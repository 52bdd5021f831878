//! Serial lines. The only module that knows of the `serialport` crate.

use std::io::{self, Read, Write};
use std::time::Duration;

use ccid::serial::BAUD_RATE;
use iso7816::LinkError;
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

    /// Sets the speed in baud, both ways. Lines that have none take any.
    ///
    /// # Errors
    ///
    /// From the operating system, for a speed the port does not have.
    fn set_speed(&mut self, _baud: u32) -> io::Result<()> {
        Ok(())
    }
}

/// A serial port: 8 data bits, no parity, no flow control.
pub(crate) struct Port(Box<dyn SerialPort>);

impl Port {
    /// Opens it for this program alone, as a GemPC Twin wants it: 115200 baud, 2 stop bits.
    pub(crate) fn open(path: &str) -> Result<Self, serialport::Error> {
        Self::open_at(path, BAUD_RATE, StopBits::Two)
    }

    /// Opens it for this program alone, as a CRT-591 wants it: 1 stop bit, the speed to be found.
    pub(crate) fn open_one_stop_bit(path: &str, baud: u32) -> Result<Self, serialport::Error> {
        Self::open_at(path, baud, StopBits::One)
    }

    fn open_at(path: &str, baud: u32, stop_bits: StopBits) -> Result<Self, serialport::Error> {
        let mut port = serialport::new(path, baud)
            .data_bits(DataBits::Eight)
            .parity(Parity::None)
            .stop_bits(stop_bits)
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

    fn set_speed(&mut self, baud: u32) -> io::Result<()> {
        Ok(self.0.set_baud_rate(baud)?)
    }
}

/// The serial ports there are, as they are named in a selector.
pub(crate) fn ports() -> Vec<String> {
    // A system that cannot list them has none to suggest.
    let found = serialport::available_ports().unwrap_or_default();
    found.into_iter().map(|port| port.port_name).collect()
}

/// A port whose other end went away: what the operating system says differs.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    /// ENXIO, EIO and ENODEV, which have no kind of their own.
    const GONE: [i32; 3] = [6, 5, 19];
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::NotFound
    ) || cfg!(unix)
        && error
            .raw_os_error()
            .is_some_and(|code| GONE.contains(&code))
}

/// Why the port of a selector cannot be opened.
pub(crate) fn of_opening(error: &serialport::Error, path: &str) -> LinkError {
    let reader = path.to_owned();
    let (kind, detail) = (error.kind(), error.to_string());
    match kind {
        serialport::ErrorKind::NoDevice if detail.contains("busy") || detail.contains("Busy") => {
            LinkError::SharedElsewhere { reader }
        }
        serialport::ErrorKind::NoDevice | serialport::ErrorKind::Io(io::ErrorKind::NotFound) => {
            LinkError::NoReader {
                reader,
                present: ports(),
            }
        }
        serialport::ErrorKind::Io(io::ErrorKind::PermissionDenied) => LinkError::OutOfOrder {
            reader,
            detail: "its port may not be opened".to_owned(),
            next: "get the right to use the port (on Linux, membership of the group `dialout`)",
        },
        serialport::ErrorKind::Io(io::ErrorKind::ResourceBusy) => {
            LinkError::SharedElsewhere { reader }
        }
        _ => LinkError::OutOfOrder {
            reader,
            detail: format!("its port cannot be opened: {detail}"),
            next: "check that the path is that of a serial port",
        },
    }
}

/// Whether the operating system denies this user the port.
pub(crate) fn is_denied(error: &serialport::Error) -> bool {
    match error.kind() {
        serialport::ErrorKind::Io(kind) => kind == io::ErrorKind::PermissionDenied,
        // What the library says where it has no kind of its own.
        serialport::ErrorKind::NoDevice => error.to_string().to_lowercase().contains("denied"),
        _ => false,
    }
}
