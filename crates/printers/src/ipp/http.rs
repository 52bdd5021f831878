//! One IPP exchange over HTTP (RFC 8010 section 4).

use std::io::{self, Cursor, Read};
use std::str::FromStr;
use std::time::Duration;

use ground::{Blame, Blamed};
use ipp::prelude::Uri;
use thiserror::Error;
use ureq::{Agent, SendBody};

use super::message::MAX_REPLY;

/// The port of IPP (RFC 8010).
const PORT: u16 = 631;

/// What carries a request to a queue and brings its reply.
pub trait Exchange: Send {
    /// Where the queue is, as an `ipp:` address.
    fn uri(&self) -> &str;

    /// Sends a request and the document behind it, once, and returns the reply.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] when it took longer than `within`; others from the connection.
    /// Whether the queue has acted is then not known.
    fn exchange(
        &mut self,
        request: Vec<u8>,
        document: &[u8],
        within: Duration,
    ) -> io::Result<Vec<u8>>;
}

/// HTTP to one queue. A connection is opened for each exchange, so that none is sent into one the
/// queue has closed meanwhile.
#[derive(Debug)]
pub struct Http {
    uri: String,
    url: String,
    agent: Agent,
}

impl Http {
    /// A queue by its address, `ipp://HOST[:PORT]/PATH`. Nothing is opened yet.
    ///
    /// # Errors
    ///
    /// [`AddressError`].
    pub fn new(address: &str, connect_within: Duration) -> Result<Self, AddressError> {
        let bad = |why| AddressError {
            address: address.to_owned(),
            why,
        };
        let uri = Uri::from_str(address).map_err(|_| bad("it is no address"))?;
        match uri.scheme_str() {
            Some("ipp") => {}
            Some("ipps") => return Err(bad("queues over TLS (`ipps:`) are not supported")),
            _ => return Err(bad("it does not start with `ipp:`")),
        }
        let authority = uri.authority().ok_or_else(|| bad("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("names and passwords are not supported"));
        }
        if uri.path().len() < 2 {
            return Err(bad(
                "it names no queue, such as `/printers/cards` or `/ipp/print`",
            ));
        }
        if address.len() > 1000 {
            return Err(bad("it is longer than 1000 characters"));
        }
        let (host, port) = (authority.host(), authority.port_u16().unwrap_or(PORT));
        let agent = Agent::config_builder()
            .timeout_connect(Some(connect_within))
            .max_idle_connections(0)
            .max_redirects(0)
            .proxy(None)
            .user_agent("cardwright")
            .build()
            .into();
        Ok(Self {
            uri: format!("ipp://{authority}{}", uri.path()),
            url: format!("http://{host}:{port}{}", uri.path()),
            agent,
        })
    }
}

impl Exchange for Http {
    fn uri(&self) -> &str {
        &self.uri
    }

    fn exchange(
        &mut self,
        request: Vec<u8>,
        document: &[u8],
        within: Duration,
    ) -> io::Result<Vec<u8>> {
        let length = request.len() + document.len();
        let mut body = Cursor::new(request).chain(document);
        let reply = self
            .agent
            .post(&self.url)
            .config()
            .timeout_global(Some(within))
            .build()
            .header("content-type", "application/ipp")
            .header("content-length", length.to_string())
            .send(SendBody::from_reader(&mut body))
            .map_err(of_http)?;
        let limit = MAX_REPLY as u64;
        let body = reply.into_body().into_with_config().limit(limit);
        body.read_to_vec().map_err(of_http)
    }
}

fn of_http(error: ureq::Error) -> io::Error {
    match error {
        ureq::Error::Io(error) => error,
        ureq::Error::Timeout(_) => io::Error::new(io::ErrorKind::TimedOut, error.to_string()),
        ureq::Error::HostNotFound => {
            io::Error::new(io::ErrorKind::NotFound, "the host has no address")
        }
        ureq::Error::StatusCode(401 | 403) => io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the queue asks for a name and a password or refuses this computer",
        ),
        ureq::Error::StatusCode(404) => {
            io::Error::new(io::ErrorKind::NotFound, "there is no queue of this name")
        }
        ureq::Error::StatusCode(426) => io::Error::other("the queue takes jobs over TLS only"),
        other => io::Error::other(other.to_string()),
    }
}

/// Why a text is no address of a queue.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{address}` is no address of a queue: {why}")]
pub struct AddressError {
    /// The text.
    pub address: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Blamed for AddressError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        Some("write `ipp://HOST[:PORT]/PATH`, such as `ipp://localhost/printers/cards`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_queue() {
        let http = |address| Http::new(address, Duration::from_secs(1));
        let queue = http("ipp://localhost/printers/cards").unwrap();
        assert_eq!(queue.uri(), "ipp://localhost/printers/cards");
        assert_eq!(queue.url, "http://localhost:631/printers/cards");
        assert_eq!(
            http("ipp://[::1]:8631/ipp/print").unwrap().url,
            "http://[::1]:8631/ipp/print"
        );
        for (address, why) in [
            ("localhost", "`ipp:`"),
            ("http://localhost/printers/a", "`ipp:`"),
            ("ipps://localhost/printers/a", "TLS"),
            ("ipp://localhost", "no queue"),
            ("ipp://me:secret@localhost/printers/a", "passwords"),
            ("ipp://local host/a", "no address"),
        ] {
            let message = http(address).unwrap_err().to_string();
            assert!(message.contains(why), "{message}");
        }
    }
}
