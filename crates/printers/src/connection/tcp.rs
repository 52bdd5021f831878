use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::{Connection, closed, is_timeout, timed_out};

/// The shortest time-out a socket takes on every platform.
const SHORTEST: Duration = Duration::from_millis(1);

/// A printer on the network, raw TCP.
#[derive(Debug)]
pub struct TcpConnection {
    name: String,
    address: String,
    within: Duration,
    stream: TcpStream,
}

impl TcpConnection {
    /// Connects to `address` (`host:port`), waiting at most `within` for each address the name
    /// stands for.
    ///
    /// # Errors
    ///
    /// From the resolver or the operating system.
    pub fn open(address: &str, within: Duration) -> io::Result<Self> {
        Ok(Self {
            name: format!("tcp:{address}"),
            address: address.to_owned(),
            within,
            stream: connect(address, within)?,
        })
    }
}

impl Connection for TcpConnection {
    fn name(&self) -> &str {
        &self.name
    }

    fn write_all(&mut self, mut bytes: &[u8], within: Duration) -> io::Result<()> {
        self.stream.set_write_timeout(Some(within.max(SHORTEST)))?;
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(0) => return Err(closed()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => {
                    return Err(timed_out("the printer takes no more bytes"));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(within.max(SHORTEST)))?;
        loop {
            return match self.stream.read(buffer) {
                Ok(0) => Err(closed()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if is_timeout(&error) => Err(timed_out("the printer sent nothing")),
                other => other,
            };
        }
    }

    fn end_of_input(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    fn reconnect(&mut self) -> io::Result<()> {
        self.stream = connect(&self.address, self.within)?;
        Ok(())
    }
}

fn connect(address: &str, within: Duration) -> io::Result<TcpStream> {
    let mut last = None;
    for candidate in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&candidate, within.max(SHORTEST)) {
            Ok(stream) => {
                // Questions are a few bytes each and must not wait for more.
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| {
        io::Error::new(
            io::ErrorKind::AddrNotAvailable,
            format!("`{address}` stands for no address"),
        )
    }))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const LATER: Duration = Duration::from_secs(20);

    #[test]
    fn bytes_go_both_ways_and_silence_is_a_timeout() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut here = TcpConnection::open(&address, LATER).unwrap();
        let (mut there, _) = listener.accept().unwrap();
        here.write_all(b"job", LATER).unwrap();
        let mut got = [0; 3];
        there.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"job");
        let error = here.read(&mut [0; 8], SOON).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        there.write_all(b"ok").unwrap();
        let mut answer = [0; 8];
        let count = here.read(&mut answer, LATER).unwrap();
        assert!(count > 0 && b"ok".starts_with(&answer[..count]));
    }

    #[test]
    fn a_printer_that_takes_nothing_more_is_a_timeout_not_a_hang() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut here = TcpConnection::open(&address, LATER).unwrap();
        let (_there, _) = listener.accept().unwrap();
        let error = here.write_all(&vec![0; 64 << 20], SOON).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_closed_connection_says_so_and_can_be_opened_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut here = TcpConnection::open(&address, LATER).unwrap();
        drop(listener.accept().unwrap());
        let error = here.read(&mut [0; 8], LATER).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        here.reconnect().unwrap();
        let (mut there, _) = listener.accept().unwrap();
        here.write_all(b"x", LATER).unwrap();
        there.read_exact(&mut [0; 1]).unwrap();
    }

    #[test]
    fn after_the_end_of_input_the_printer_answers_and_nothing_more_can_be_written() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut here: Box<dyn Connection> = Box::new(TcpConnection::open(&address, LATER).unwrap());
        let (mut there, _) = listener.accept().unwrap();
        here.write_all(b"Rtp", LATER).unwrap();
        here.end_of_input().unwrap();
        let mut asked = Vec::new();
        there.read_to_end(&mut asked).unwrap();
        assert_eq!(asked, b"Rtp");
        assert!(here.write_all(b"more", LATER).is_err());
        there.write_all(b"Primacy").unwrap();
        drop(there);
        let mut answer = Vec::new();
        let end = loop {
            let mut buffer = [0; 3];
            match here.read(&mut buffer, LATER) {
                Ok(count) => answer.extend_from_slice(&buffer[..count]),
                Err(error) => break error,
            }
        };
        assert_eq!(answer, b"Primacy");
        assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
        here.reconnect().unwrap();
        let (mut there, _) = listener.accept().unwrap();
        here.write_all(b"x", LATER).unwrap();
        there.read_exact(&mut [0; 1]).unwrap();
    }
}
