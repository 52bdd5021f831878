//! The station file: which printer, which encoder, which template.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use issuance::keys::Purpose;
use serde::Deserialize;

use crate::output::Failure;
use crate::selector::Selector;

/// The largest station file that is read; a longer one is something else.
const MAX_BYTES: u64 = 64 * 1024;

/// A station file, checked.
#[derive(Debug)]
pub(crate) struct StationFile {
    pub(crate) name: String,
    pub(crate) test: bool,
    pub(crate) printer: PrinterConnection,
    /// A PC/SC reader or one on a serial port.
    pub(crate) encoder: Selector,
    pub(crate) card_within: Duration,
    /// `None` for the built-in template.
    pub(crate) template: Option<PathBuf>,
    /// The colour profile of the printer; `None` to send colours as they are.
    pub(crate) icc: Option<PathBuf>,
    /// What photos are held against; `None` for the built-in limits.
    pub(crate) limits: Option<PathBuf>,
}

/// How the printer is reached.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum PrinterConnection {
    /// A device file.
    Device(PathBuf),
    /// A TCP address, `HOST:PORT`.
    Tcp(String),
}

impl StationFile {
    /// What the station issues.
    pub(crate) fn purpose(&self) -> Purpose {
        if self.test {
            Purpose::Test
        } else {
            Purpose::Live
        }
    }

    /// Reads and checks a station file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let unreadable = |error| {
            Failure::mistake(format!("failed to read station file `{shown}`: {error}"))
                .with_hint("check the path; examples/station-pcsc.toml is a station file")
        };
        if fs::metadata(path).map_err(unreadable)?.len() > MAX_BYTES {
            return Err(Failure::mistake(format!(
                "station file `{shown}` is larger than {MAX_BYTES} bytes: is it a station file?"
            )));
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).map_err(|message| {
            Failure::mistake(format!("station file `{shown}`: {message}"))
                .with_hint("examples/station-pcsc.toml shows every setting")
        })
    }

    fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        // The message of the TOML reader names line and column and shows the line.
        let raw: RawFile =
            toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        if raw.printer.family != "magicard-enduro" {
            return Err(format!(
                "printer family `{}` is not known (known families: magicard-enduro)",
                raw.printer.family
            ));
        }
        let printer = match raw.printer.connection.split_once(':') {
            Some(("tcp", address)) if address.contains(':') => {
                PrinterConnection::Tcp(address.to_owned())
            }
            Some(("device", path)) if !path.is_empty() => PrinterConnection::Device(path.into()),
            _ => {
                return Err(format!(
                    "printer connection `{}` is neither `tcp:HOST:PORT` nor `device:PATH`",
                    raw.printer.connection
                ));
            }
        };
        let encoder = match raw.encoder.reader.parse() {
            Ok(reader @ (Selector::Pcsc(_) | Selector::Serial(_))) => reader,
            _ => {
                return Err(format!(
                    "encoder reader `{}` is neither `pcsc:NAME` nor `serial:PATH`",
                    raw.encoder.reader
                ));
            }
        };
        Ok(Self {
            name: raw.station.name,
            test: raw.station.test,
            printer,
            encoder,
            card_within: Duration::from_secs(raw.encoder.card_within),
            template: match raw.face.template.as_str() {
                "builtin" => None,
                path => Some(folder.join(path)),
            },
            icc: raw.face.icc.map(|path| folder.join(path)),
            limits: raw.face.limits.map(|path| folder.join(path)),
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    station: RawStation,
    printer: RawPrinter,
    encoder: RawEncoder,
    #[serde(default)]
    face: RawFace,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStation {
    name: String,
    #[serde(default)]
    test: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrinter {
    family: String,
    connection: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEncoder {
    reader: String,
    #[serde(default = "default_card_within")]
    card_within: u64,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawFace {
    template: String,
    icc: Option<String>,
    limits: Option<String>,
}

impl Default for RawFace {
    fn default() -> Self {
        Self {
            template: "builtin".to_owned(),
            icc: None,
            limits: None,
        }
    }
}

fn default_card_within() -> u64 {
    30
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../../examples/station-pcsc.toml");

    #[test]
    fn the_example_is_a_station_file() {
        let station = StationFile::parse(EXAMPLE, Path::new("")).unwrap();
        assert_eq!(
            station.printer,
            PrinterConnection::Tcp("127.0.0.1:29100".to_owned())
        );
        assert_eq!(
            station.encoder,
            Selector::Pcsc("Virtual PCD 00 00".to_owned())
        );
        assert!(station.test);
    }

    #[test]
    fn a_colour_profile_and_limits_lie_beside_the_station_file() {
        let text = EXAMPLE.replace(
            "template = \"builtin\"",
            "icc = \"printer.icc\"\nlimits = \"limits.toml\"",
        );
        let station = StationFile::parse(&text, Path::new("desk")).unwrap();
        assert_eq!(station.template, None);
        assert_eq!(station.icc, Some(Path::new("desk").join("printer.icc")));
        assert_eq!(station.limits, Some(Path::new("desk").join("limits.toml")));
        let plain = StationFile::parse(EXAMPLE, Path::new("desk")).unwrap();
        assert_eq!((plain.icc, plain.limits), (None, None));
    }

    #[test]
    fn an_encoder_may_be_on_a_serial_port_and_is_no_recording() {
        let with = |reader: &str| EXAMPLE.replace("pcsc:Virtual PCD 00 00", reader);
        let station = StationFile::parse(&with("serial:/dev/ttyS0"), Path::new("")).unwrap();
        assert_eq!(station.encoder, Selector::Serial("/dev/ttyS0".to_owned()));
        let message = StationFile::parse(&with("replay:a.jsonl"), Path::new("")).unwrap_err();
        assert!(message.contains("serial:PATH"), "{message}");
    }

    #[test]
    fn an_unknown_setting_is_refused_with_its_line() {
        let text = EXAMPLE.replace("test = true", "tset = true");
        let message = StationFile::parse(&text, Path::new("")).unwrap_err();
        assert!(
            message.contains("line") && message.contains("tset"),
            "{message}"
        );
    }

    #[test]
    fn a_connection_without_a_port_is_refused() {
        let text = EXAMPLE.replace("tcp:127.0.0.1:29100", "tcp:printer");
        let message = StationFile::parse(&text, Path::new("")).unwrap_err();
        assert!(message.contains("tcp:HOST:PORT"), "{message}");
    }
}
