use std::io;
use std::time::Duration;

use serialport::{DataBits, FlowControl, Parity, SerialPort, StopBits};

use super::{Connection, closed, is_timeout, timed_out};

/// What a printer on a serial line uses.
pub(super) const BAUD_RATES: [u32; 5] = [9600, 19200, 38400, 57600, 115_200];
/// What Evolis printers start with.
pub(super) const DEFAULT_BAUD_RATE: u32 = 9600;
/// The shortest wait an operating system is asked for.
const SHORTEST: Duration = Duration::from_millis(1);
/// What is handed to the port in one piece. A port that says it takes bytes takes at least as many,
/// so that the call does not wait beyond its limit.
const PIECE: usize = 64;

/// A printer on a serial line: 8 data bits, no parity, 1 stop bit, no flow control.
pub struct SerialConnection {
    name: String,
    path: String,
    baud_rate: u32,
    /// `None` after it could not be opened again.
    port: Option<Box<dyn SerialPort>>,
}

impl SerialConnection {
    /// Opens the port for this program alone, with `baud_rate` bits a second.
    ///
    /// # Errors
    ///
    /// From the operating system: no such port, no permission, or another program has it.
    pub fn open(path: &str, baud_rate: u32) -> io::Result<Self> {
        Ok(Self {
            name: format!("serial:{path},{baud_rate}"),
            path: path.to_owned(),
            baud_rate,
            port: Some(opened(path, baud_rate)?),
        })
    }

    fn port(&mut self) -> io::Result<&mut dyn SerialPort> {
        match &mut self.port {
            Some(port) => Ok(port.as_mut()),
            None => Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "the port could not be opened again",
            )),
        }
    }
}

impl std::fmt::Debug for SerialConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SerialConnection({})", self.name)
    }
}

impl Connection for SerialConnection {
    fn name(&self) -> &str {
        &self.name
    }

    fn write_all(&mut self, bytes: &[u8], within: Duration) -> io::Result<()> {
        let port = self.port()?;
        port.set_timeout(within.max(SHORTEST))?;
        for mut piece in bytes.chunks(PIECE) {
            while !piece.is_empty() {
                match port.write(piece) {
                    Ok(0) => return Err(closed()),
                    Ok(written) => piece = &piece[written..],
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if is_timeout(&error) => {
                        return Err(timed_out("the printer takes no more bytes"));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize> {
        let port = self.port()?;
        port.set_timeout(within.max(SHORTEST))?;
        loop {
            return match port.read(buffer) {
                Ok(0) => Err(closed()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if is_timeout(&error) => Err(timed_out("the printer sent nothing")),
                other => other,
            };
        }
    }

    fn reconnect(&mut self) -> io::Result<()> {
        // It is open for this program alone, so the old one must go first.
        self.port = None;
        self.port = Some(opened(&self.path, self.baud_rate)?);
        Ok(())
    }
}

fn opened(path: &str, baud_rate: u32) -> io::Result<Box<dyn SerialPort>> {
    let port = serialport::new(path, baud_rate)
        .data_bits(DataBits::Eight)
        .parity(Parity::None)
        .stop_bits(StopBits::One)
        .flow_control(FlowControl::None)
        .timeout(SHORTEST)
        .open();
    port.map_err(io::Error::from)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};
    use std::thread;

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const LATER: Duration = Duration::from_secs(20);

    /// The printer's end of a pseudo-terminal, and the path of ours.
    fn line() -> (File, String) {
        let given = "the system gives pseudo-terminals";
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect(given);
        grantpt(&master).expect(given);
        unlockpt(&master).expect(given);
        let path = ptsname(&master, Vec::new()).expect(given);
        let path = path.into_string().expect("its path is ASCII");
        (File::from(master), path)
    }

    #[test]
    fn bytes_go_both_ways_unchanged_and_silence_is_a_timeout() {
        let (mut printer, path) = line();
        let mut here = SerialConnection::open(&path, 115_200).unwrap();
        assert_eq!(here.name(), format!("serial:{path},115200"));
        // Every byte, those a terminal would take for itself too.
        let job: Vec<u8> = (0..=255).collect();
        here.write_all(&job, LATER).unwrap();
        let mut got = [0; 256];
        printer.read_exact(&mut got).unwrap();
        assert_eq!(got[..], job);
        let error = here.read(&mut [0; 8], SOON).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        printer.write_all(b"\x06\r\n\x11\x13").unwrap();
        let mut answer = Vec::new();
        while answer.len() < 5 {
            let mut piece = [0; 8];
            let count = here.read(&mut piece, LATER).unwrap();
            answer.extend_from_slice(&piece[..count]);
        }
        assert_eq!(answer, b"\x06\r\n\x11\x13");
    }

    #[test]
    fn a_printer_that_reads_in_small_pieces_gets_everything() {
        let (mut printer, path) = line();
        let mut here = SerialConnection::open(&path, 9600).unwrap();
        let job: Vec<u8> = (0..=255).cycle().take(300_000).collect();
        let expected = job.clone();
        let other_side = thread::spawn(move || {
            let mut got = Vec::new();
            let mut piece = [0; 61];
            while got.len() < expected.len() {
                let count = printer.read(&mut piece).unwrap();
                got.extend_from_slice(&piece[..count]);
            }
            assert!(got == expected);
        });
        here.write_all(&job, LATER).unwrap();
        other_side.join().unwrap();
    }

    #[test]
    fn a_printer_that_takes_nothing_more_is_a_timeout_not_a_hang() {
        let (_printer, path) = line();
        let mut here = SerialConnection::open(&path, 9600).unwrap();
        let error = here.write_all(&vec![0; 1 << 20], SOON).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_line_that_is_gone_is_an_error_and_cannot_be_opened_again() {
        let (printer, path) = line();
        let mut here = SerialConnection::open(&path, 9600).unwrap();
        here.reconnect().unwrap();
        drop(printer);
        assert_ne!(
            here.read(&mut [0; 8], LATER).unwrap_err().kind(),
            io::ErrorKind::TimedOut
        );
        here.write_all(b"job", LATER).unwrap_err();
        here.reconnect().unwrap_err();
        let error = here.write_all(b"job", LATER).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);
    }

    #[test]
    fn a_port_is_for_one_program() {
        let (_printer, path) = line();
        let _here = SerialConnection::open(&path, 9600).unwrap();
        SerialConnection::open(&path, 9600).unwrap_err();
    }
}
