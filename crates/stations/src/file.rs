use std::fmt;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ground::{Blame, Blamed};
use printers::{Address, Family, Timeouts};
use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

/// The largest station file that is read, in bytes; a longer one is something else.
pub const MAX_BYTES: u64 = 64 * 1024;

/// Seconds a limit may be.
const SECONDS: RangeInclusive<u64> = 1..=3600;
/// Seconds a card may take to appear in the encoder when the file does not say.
const CARD_WITHIN: u64 = 30;

/// A station file, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct StationFile {
    /// What the station is called in the journal.
    pub name: String,
    /// Whether it issues test cards only.
    pub test: bool,
    /// The printer or dispenser.
    pub printer: PrinterEntry,
    /// The reader at its contact station.
    pub encoder: EncoderEntry,
    /// The reader of the operator's own card: a name or a pattern of the PC/SC service.
    pub operator: Option<String>,
    /// The SVG template of the face; `None` for the built-in one.
    pub template: Option<PathBuf>,
    /// The colour profile of the printer; `None` to send colours as they are.
    pub icc: Option<PathBuf>,
    /// What photos are held against; `None` for the built-in limits.
    pub photo_limits: Option<PathBuf>,
    /// Limits that differ from those of the family.
    pub timeouts: Timeouts,
}

/// Which printer, and how it is reached.
#[derive(Clone, Debug, PartialEq)]
pub struct PrinterEntry {
    /// Whose words it speaks.
    pub family: Family,
    /// Where it is.
    pub address: Address,
    /// A profile of the site's own; `None` for the built-in one.
    pub profile: Option<PathBuf>,
}

/// Which reader is at the contact station.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderEntry {
    /// The reader.
    pub reader: EncoderReader,
    /// How long a card may take to appear there after the printer has moved it to the contacts.
    pub card_within: Duration,
}

/// How the encoder is reached.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EncoderReader {
    /// A PC/SC reader: its name, a part of it or a pattern.
    Pcsc(String),
    /// A GemPC Twin on that serial port.
    Serial(String),
    /// The printer's own line, as with a dispenser that has an encoder built in.
    Device,
}

impl fmt::Display for EncoderReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pcsc(name) => write!(f, "pcsc:{name}"),
            Self::Serial(path) => write!(f, "serial:{path}"),
            Self::Device => f.write_str("device"),
        }
    }
}

/// Something wrong with a station file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Problem {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl StationFile {
    /// Reads and checks a station file. Paths in it are relative to its folder.
    ///
    /// # Errors
    ///
    /// [`StationFileError`]; every mistake in the file is in it.
    pub fn read(path: &Path) -> Result<Self, StationFileError> {
        let unreadable = |source| StationFileError::Read {
            path: path.to_owned(),
            source,
        };
        if fs::metadata(path).map_err(unreadable)?.len() > MAX_BYTES {
            return Err(StationFileError::TooLarge {
                path: path.to_owned(),
            });
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).map_err(|problems| StationFileError::Wrong {
            path: path.to_owned(),
            problems,
        })
    }

    /// Reads and checks the text of a station file that lies in `folder`.
    ///
    /// # Errors
    ///
    /// All mistakes, in the order of their lines; at least one.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, Vec<Problem>> {
        let mut checking = Checking {
            text,
            folder,
            problems: Vec::new(),
        };
        let raw: RawFile = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            vec![checking.problem(start, error.message().to_owned())]
        })?;
        let file = checking.file(&raw);
        let mut problems = checking.problems;
        problems.sort_by_key(|problem| problem.line);
        file.filter(|_| problems.is_empty()).ok_or(problems)
    }
}

/// A file on its way from text to values.
struct Checking<'a> {
    text: &'a str,
    folder: &'a Path,
    problems: Vec<Problem>,
}

impl Checking<'_> {
    fn problem(&self, at: usize, what: String) -> Problem {
        let before = self.text.as_bytes().iter().take(at);
        Problem {
            line: 1 + before.filter(|&&byte| byte == b'\n').count(),
            what,
        }
    }

    /// Notes a mistake at a value.
    fn wrong<T>(&mut self, at: &Spanned<T>, what: String) {
        let problem = self.problem(at.span().start, what);
        self.problems.push(problem);
    }

    /// The whole file; `None` only after a mistake was noted.
    fn file(&mut self, raw: &RawFile) -> Option<StationFile> {
        let name = self.name(&raw.station.name);
        let printer = self.printer(&raw.printer);
        let encoder = self.encoder(&raw.encoder, printer.as_ref());
        let operator = raw
            .operator
            .as_ref()
            .map(|operator| self.operator(&operator.reader, encoder.as_ref()));
        let face = raw.face.as_ref();
        let template = face.and_then(|face| self.template(face));
        let mut beside = |path: fn(&RawFace) -> &Option<Spanned<String>>, what| {
            let path = path(face?).as_ref()?;
            Some(self.existing(path, what))
        };
        let icc = beside(|face| &face.icc, "colour profile");
        let photo_limits = beside(|face| &face.limits, "table of limits for photos");
        let timeouts = self.timeouts(&raw.timeouts);
        Some(StationFile {
            name: name?,
            test: raw.station.test,
            printer: printer?,
            encoder: encoder?,
            operator: match operator {
                Some(operator) => Some(operator?),
                None => None,
            },
            template,
            icc,
            photo_limits,
            timeouts,
        })
    }

    fn name(&mut self, name: &Spanned<String>) -> Option<String> {
        let shown = name.get_ref().trim();
        if shown.is_empty() || shown.len() > 100 {
            self.wrong(name, "a station has a name of 1 to 100 bytes".to_owned());
            return None;
        }
        Some(shown.to_owned())
    }

    fn printer(&mut self, raw: &RawPrinter) -> Option<PrinterEntry> {
        let family = raw.family.get_ref().parse::<Family>();
        if let Err(error) = &family {
            self.wrong(&raw.family, error.to_string());
        }
        let address = raw.connection.get_ref().parse::<Address>();
        if let Err(error) = &address {
            self.wrong(&raw.connection, format!("printer connection: {error}"));
        }
        let profile = raw
            .profile
            .as_ref()
            .map(|profile| self.existing(profile, "printer profile"));
        let (family, address) = (family.ok()?, address.ok()?);
        if let Err(reason) = family.reached_by(&address) {
            self.wrong(&raw.connection, reason);
            return None;
        }
        Some(PrinterEntry {
            family,
            address,
            profile,
        })
    }

    fn encoder(
        &mut self,
        raw: &RawEncoder,
        printer: Option<&PrinterEntry>,
    ) -> Option<EncoderEntry> {
        let card_within = match &raw.card_within {
            Some(seconds) => self.seconds(seconds, "card_within"),
            None => Some(Duration::from_secs(CARD_WITHIN)),
        };
        let text = raw.reader.get_ref();
        let reader = match text.split_once(':') {
            Some(("pcsc", name)) => EncoderReader::Pcsc(name.trim().to_owned()),
            Some(("serial", path)) if !path.is_empty() => EncoderReader::Serial(path.to_owned()),
            None if text == "device" => EncoderReader::Device,
            _ => {
                self.wrong(
                    &raw.reader,
                    format!(
                        "encoder reader `{text}` is none of `pcsc:NAME`, `serial:PATH` and `device`"
                    ),
                );
                return None;
            }
        };
        if let Some(printer) = printer
            && (reader == EncoderReader::Device) != printer.family.has_encoder()
        {
            let what = match reader {
                EncoderReader::Device => format!(
                    "a {} has no encoder of its own; name the reader wired to its contact station",
                    printer.family
                ),
                _ => format!(
                    "a {} has its encoder built in; write reader = \"device\"",
                    printer.family
                ),
            };
            self.wrong(&raw.reader, what);
            return None;
        }
        Some(EncoderEntry {
            reader,
            card_within: card_within?,
        })
    }

    fn operator(
        &mut self,
        reader: &Spanned<String>,
        encoder: Option<&EncoderEntry>,
    ) -> Option<String> {
        let text = reader.get_ref();
        let Some(name) = text.strip_prefix(readers::SELECTOR_PREFIX) else {
            self.wrong(
                reader,
                format!("operator reader `{text}` is no `pcsc:NAME`"),
            );
            return None;
        };
        let name = name.trim();
        if name.is_empty() {
            self.wrong(
                reader,
                "the operator's reader needs a name: the encoder is a reader, too".to_owned(),
            );
            return None;
        }
        if encoder.is_some_and(|encoder| encoder.reader == EncoderReader::Pcsc(name.to_owned())) {
            self.wrong(
                reader,
                "the operator's reader and the encoder are the same reader".to_owned(),
            );
            return None;
        }
        Some(name.to_owned())
    }

    fn template(&mut self, raw: &RawFace) -> Option<PathBuf> {
        let template = raw.template.as_ref()?;
        (template.get_ref() != "builtin").then(|| self.existing(template, "template"))
    }

    /// The path of a file that should be there.
    fn existing(&mut self, path: &Spanned<String>, what: &str) -> PathBuf {
        let path_here = self.folder.join(path.get_ref());
        if !path_here.is_file() {
            self.wrong(
                path,
                format!("there is no {what} `{}`", path_here.display()),
            );
        }
        path_here
    }

    fn timeouts(&mut self, raw: &RawTimeouts) -> Timeouts {
        let mut limit = |seconds: &Option<Spanned<u64>>, what| {
            seconds
                .as_ref()
                .and_then(|seconds| self.seconds(seconds, what))
        };
        Timeouts {
            connect: limit(&raw.connect, "timeouts.connect"),
            reply: limit(&raw.reply, "timeouts.reply"),
            motion: limit(&raw.motion, "timeouts.motion"),
            print: limit(&raw.print, "timeouts.print"),
        }
    }

    fn seconds(&mut self, seconds: &Spanned<u64>, what: &str) -> Option<Duration> {
        let value = *seconds.get_ref();
        if !SECONDS.contains(&value) {
            self.wrong(
                seconds,
                format!(
                    "{what} is {value}; it is {} to {} seconds",
                    SECONDS.start(),
                    SECONDS.end()
                ),
            );
            return None;
        }
        Some(Duration::from_secs(value))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    station: RawStation,
    printer: RawPrinter,
    encoder: RawEncoder,
    operator: Option<RawOperator>,
    face: Option<RawFace>,
    #[serde(default)]
    timeouts: RawTimeouts,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStation {
    name: Spanned<String>,
    #[serde(default)]
    test: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPrinter {
    family: Spanned<String>,
    connection: Spanned<String>,
    profile: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEncoder {
    reader: Spanned<String>,
    card_within: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOperator {
    reader: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFace {
    template: Option<Spanned<String>>,
    icc: Option<Spanned<String>>,
    limits: Option<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTimeouts {
    connect: Option<Spanned<u64>>,
    reply: Option<Spanned<u64>>,
    motion: Option<Spanned<u64>>,
    print: Option<Spanned<u64>>,
}

/// Why a station file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StationFileError {
    /// The file cannot be read.
    #[error("failed to read station file `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's words.
        source: std::io::Error,
    },
    /// The file is longer than any station file.
    #[error(
        "station file `{}` is larger than {MAX_BYTES} bytes: is it a station file?",
        path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file says something that cannot be.
    #[error("station file `{}`, {}", path.display(), listed(problems))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problems: Vec<Problem>,
    },
}

fn listed(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n  ")
}

impl Blamed for StationFileError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        Some("examples/station-pcsc.toml shows every setting".to_owned())
    }
}

#[cfg(test)]
mod tests;
