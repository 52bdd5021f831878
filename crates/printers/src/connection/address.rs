use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use ground::{Ambient, Blame, Blamed};
use thiserror::Error;

use super::serial::{BAUD_RATES, DEFAULT_BAUD_RATE};
use super::{Connection, DeviceConnection, FileConnection, SerialConnection, TcpConnection};

/// Where a printer is, as it is written in a station file.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Address {
    /// `tcp:HOST:PORT`: on the network, raw TCP. An IPv6 address stands in brackets.
    Tcp(String),
    /// `device:PATH`: behind a device file, such as `/dev/usb/lp0`.
    Device(PathBuf),
    /// `serial:PATH[,BAUD]`: on a serial line, such as `/dev/ttyUSB0` or `COM3`.
    Serial {
        /// The port.
        path: String,
        /// Bits a second; `None` for what is usual (9600).
        baud: Option<u32>,
    },
    /// `file:PATH`: no printer at all, a file that takes the job.
    File(PathBuf),
    /// `ipp://HOST[:PORT]/PATH`: a print queue, which is no byte pipe.
    Ipp(String),
}

impl Address {
    /// Opens the connection. `within` limits how long a network address may take to answer.
    ///
    /// # Errors
    ///
    /// From the operating system; [`io::ErrorKind::Unsupported`] for a queue.
    pub fn open(
        &self,
        within: Duration,
        ambient: &Arc<dyn Ambient>,
    ) -> io::Result<Box<dyn Connection>> {
        Ok(match self {
            Self::Tcp(address) => Box::new(TcpConnection::open(address, within)?),
            Self::Device(path) => Box::new(DeviceConnection::open(path, Arc::clone(ambient))?),
            Self::Serial { path, baud } => {
                let baud_rate = baud.unwrap_or(DEFAULT_BAUD_RATE);
                Box::new(SerialConnection::open(path, baud_rate)?)
            }
            Self::File(path) => Box::new(FileConnection::create(path)?),
            Self::Ipp(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "a queue is no byte pipe",
                ));
            }
        })
    }
}

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

impl FromStr for Address {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = |why: String| BadAddress {
            address: text.to_owned(),
            why,
        };
        let (kind, rest) = text
            .split_once(':')
            .ok_or_else(|| bad("it does not say which kind of connection it is".to_owned()))?;
        let path = || {
            let path = (!rest.is_empty()).then(|| PathBuf::from(rest));
            path.ok_or_else(|| bad("the path is missing".to_owned()))
        };
        match kind {
            "tcp" => tcp(rest).map_err(bad),
            "device" => path().map(Self::Device),
            "serial" => serial(rest).map_err(bad),
            "file" => path().map(Self::File),
            "ipp" | "ipps" if rest.len() > 2 && rest.starts_with("//") => {
                Ok(Self::Ipp(text.to_owned()))
            }
            "ipp" | "ipps" => Err(bad("a queue is `ipp://HOST[:PORT]/PATH`".to_owned())),
            other => Err(bad(format!("`{other}` is no kind of connection"))),
        }
    }
}

fn tcp(address: &str) -> Result<Address, String> {
    let (host, port) = address
        .rsplit_once(':')
        .ok_or("the port is missing (tcp:HOST:PORT)")?;
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if host.is_empty() {
        return Err("the host is missing (tcp:HOST:PORT)".to_owned());
    }
    if host.contains(':') && !bracketed {
        return Err("an IPv6 address must stand in brackets, `[::1]:9100`".to_owned());
    }
    match port.parse::<u16>() {
        Ok(1..) => Ok(Address::Tcp(address.to_owned())),
        _ => Err(format!("`{port}` is no port (1 to 65535)")),
    }
}

fn serial(line: &str) -> Result<Address, String> {
    let (path, baud) = match line.rsplit_once(',') {
        None => (line, None),
        Some((path, rate)) => {
            let known = rate.parse().ok().filter(|rate| BAUD_RATES.contains(rate));
            let rates = BAUD_RATES.map(|rate| rate.to_string()).join(", ");
            let wrong = || format!("`{rate}` is no baud rate that is used here ({rates})");
            (path, Some(known.ok_or_else(wrong)?))
        }
    };
    if path.is_empty() {
        return Err("the path is missing".to_owned());
    }
    Ok(Address::Serial {
        path: path.to_owned(),
        baud,
    })
}

/// Why a text is no address of a printer.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{address}` is no address of a printer: {why}")]
pub struct BadAddress {
    /// The text.
    pub address: String,
    /// What is wrong with it.
    pub why: String,
}

impl Blamed for BadAddress {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        Some(
            "write `tcp:HOST:PORT`, `device:PATH`, `serial:PATH[,BAUD]`, `file:PATH` or \
             `ipp://HOST[:PORT]/PATH`"
                .to_owned(),
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_names_a_kind_and_a_place() {
        let serial = |path: &str, baud| Address::Serial {
            path: path.to_owned(),
            baud,
        };
        for (text, address) in [
            (
                "tcp:10.1.2.3:9100",
                Address::Tcp("10.1.2.3:9100".to_owned()),
            ),
            ("tcp:[::1]:9100", Address::Tcp("[::1]:9100".to_owned())),
            (
                "device:/dev/usb/lp0",
                Address::Device("/dev/usb/lp0".into()),
            ),
            ("serial:/dev/ttyS0", serial("/dev/ttyS0", None)),
            ("serial:COM3,115200", serial("COM3", Some(115_200))),
            (
                "ipp://q/printers/a",
                Address::Ipp("ipp://q/printers/a".to_owned()),
            ),
            ("file:C:\\job.prn", Address::File("C:\\job.prn".into())),
        ] {
            assert_eq!(text.parse(), Ok(address));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, why) in [
            ("printer", "which kind of connection"),
            ("usb:1", "`usb` is no kind"),
            ("tcp:printer", "port is missing"),
            ("tcp::9100", "host is missing"),
            ("tcp:printer:0", "`0` is no port"),
            ("tcp:printer:http", "`http` is no port"),
            ("tcp:::1:9100", "brackets"),
            ("device:", "path is missing"),
            ("file:", "path is missing"),
            ("ipp:queue", "ipp://HOST"),
            ("serial:,9600", "path is missing"),
            ("serial:/dev/ttyS0,300", "`300` is no baud rate"),
            (
                "serial:/dev/ttyS0,fast",
                "9600, 19200, 38400, 57600, 115200",
            ),
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn a_file_is_opened_by_its_address() {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("file:{}", folder.path().join("job.prn").display());
        let ambient = ground::System::shared();
        let address: Address = address.parse().unwrap();
        let mut file = address.open(Duration::ZERO, &ambient).unwrap();
        file.write_all(b"job", Duration::ZERO).unwrap();
        assert_eq!(file.name(), address.to_string());
    }

    proptest! {
        #[test]
        fn an_address_is_written_as_it_is_read(
            text in "(tcp|device|serial|file|x)?:?[a-z0-9\\[\\]:/,.]{0,20}"
        ) {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }
    }
}
