use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use ground::Ambient;
use thiserror::Error;

use super::{Connection, DeviceConnection, FileConnection, TcpConnection};

/// Where a printer is: `tcp:HOST:PORT`, `device:PATH`, `serial:PATH[,BAUD]`, `file:PATH`,
/// `ipp://HOST[:PORT]/PATH`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Address {
    /// On the network, raw TCP: `HOST:PORT`.
    Tcp(String),
    /// Behind a device file.
    Device(PathBuf),
    /// On a serial port.
    Serial {
        /// The port.
        path: String,
        /// Bits a second; `None` for the family's own.
        baud: Option<u32>,
    },
    /// A file that takes jobs and never answers.
    File(PathBuf),
    /// A queue, as a URI that starts with `ipp:` or `ipps:`.
    Ipp(String),
}

impl Address {
    /// Opens the pipe, waiting at most `within` for a network address to answer.
    ///
    /// # Errors
    ///
    /// From the operating system; [`io::ErrorKind::Unsupported`] for what is no byte pipe.
    pub fn open(
        &self,
        within: Duration,
        ambient: &Arc<dyn Ambient>,
    ) -> io::Result<Box<dyn Connection>> {
        Ok(match self {
            Self::Tcp(address) => Box::new(TcpConnection::open(address, within)?),
            Self::Device(path) => Box::new(DeviceConnection::open(path, Arc::clone(ambient))?),
            Self::File(path) => Box::new(FileConnection::create(path)?),
            Self::Serial { .. } | Self::Ipp(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "a queue is no byte pipe",
                ));
            }
        })
    }
}

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = |what| BadAddress {
            text: text.to_owned(),
            what,
        };
        let (scheme, rest) = text.split_once(':').ok_or_else(|| bad(FORMS))?;
        if rest.is_empty() {
            return Err(bad(FORMS));
        }
        match scheme {
            "tcp" => match rest.rsplit_once(':') {
                Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                    Ok(Self::Tcp(rest.to_owned()))
                }
                _ => Err(bad("tcp:HOST:PORT, with a port from 0 to 65535")),
            },
            "device" => Ok(Self::Device(rest.into())),
            "file" => Ok(Self::File(rest.into())),
            "ipp" | "ipps" if rest.starts_with("//") => Ok(Self::Ipp(text.to_owned())),
            "serial" => {
                let (path, baud) = match rest.split_once(',') {
                    Some((path, baud)) => (path, Some(baud)),
                    None => (rest, None),
                };
                let baud = baud
                    .map(|baud| baud.parse().map_err(|_| bad("serial:PATH,BAUD")))
                    .transpose()?;
                Ok(Self::Serial {
                    path: path.to_owned(),
                    baud,
                })
            }
            _ => Err(bad(FORMS)),
        }
    }
}

/// The forms there are.
const FORMS: &str = "tcp:HOST:PORT, device:PATH, serial:PATH[,BAUD], ipp://HOST[:PORT]/PATH";

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp:{address}"),
            Self::Device(path) => write!(f, "device:{}", path.display()),
            Self::Serial { path, baud: None } => write!(f, "serial:{path}"),
            Self::Serial {
                path,
                baud: Some(baud),
            } => write!(f, "serial:{path},{baud}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Ipp(uri) => f.write_str(uri),
        }
    }
}

/// A text that is no [`Address`].
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{text}` is not of the form {what}")]
pub struct BadAddress {
    /// What was given.
    pub text: String,
    /// The form it should have.
    pub what: &'static str,
}
