//! The capture file: versioned JSON, all bytes in upper-case hexadecimal.

mod private;

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use iso7816::ber::Tag;
use iso7816::{Protocol, StatusWord};
use jiff::Timestamp;
use piv::words::{ObjectId, PinReference};
use serde::{Deserialize, Serialize};

use crate::folder::read_bounded;
use crate::image::{Answer, Production};
use crate::{CardImage, Content, ImageError, Probe, Timing};

/// The version written, and the only one read.
const SCHEMA: u64 = 1;

/// The most bytes of a capture file: 36 objects of the longest kind in hexadecimal, and the rest.
const MAX_FILE: usize = 4 * 1024 * 1024;

/// The longest answer to SELECT or GET DATA of the card manager in bytes.
const MAX_ANSWER: usize = CardImage::MAX_OBJECT;

const EXPECTED: &str = "no capture of a card";

impl CardImage {
    /// Reads a capture file.
    ///
    /// # Errors
    ///
    /// [`ImageError`].
    pub fn from_capture(path: &Path) -> Result<Self, ImageError> {
        let bytes = read_bounded(path, MAX_FILE)?;
        Self::parse_capture(&path.display().to_string(), &bytes)
    }

    /// Reads the text of a capture file; `file` is the name errors give it.
    ///
    /// # Errors
    ///
    /// [`ImageError::Schema`] for another version, [`ImageError::Malformed`] with line and column.
    pub fn parse_capture(file: &str, text: &[u8]) -> Result<Self, ImageError> {
        let malformed = |detail: String| ImageError::Malformed {
            file: file.to_owned(),
            expected: EXPECTED,
            detail,
        };
        if text.len() > MAX_FILE {
            return Err(ImageError::TooLarge {
                file: file.to_owned(),
                most: MAX_FILE,
            });
        }
        // The version first: what else there is depends on it.
        let version: Version =
            serde_json::from_slice(text).map_err(|error| malformed(error.to_string()))?;
        if version.schema != SCHEMA {
            return Err(ImageError::Schema {
                file: file.to_owned(),
                actual: version.schema,
                expected: SCHEMA,
            });
        }
        let capture: Capture =
            serde_json::from_slice(text).map_err(|error| malformed(error.to_string()))?;
        capture.into_image().map_err(malformed)
    }

    /// The text of a capture file. Private keys are left out.
    #[must_use]
    pub fn to_capture(&self) -> String {
        let mut text = serde_json::to_string_pretty(&Capture::of(self))
            .expect("strings, numbers and lists have a JSON form");
        text.push('\n');
        text
    }

    /// Writes a capture file, whole or not at all, which only its owner may read. Private keys are
    /// left out.
    ///
    /// # Errors
    ///
    /// [`ImageError::Exists`] unless `replace`; [`ImageError::Unwritable`].
    pub fn save(&self, path: &Path, replace: bool) -> Result<(), ImageError> {
        let file = || path.display().to_string();
        let unwritable = |source: io::Error| ImageError::Unwritable {
            file: file(),
            source,
        };
        if !replace && path.try_exists().map_err(unwritable)? {
            return Err(ImageError::Exists { file: file() });
        }
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".new");
        let unfinished = Path::new(&unfinished);
        // Left behind by a crash, if it is there: it was never whole.
        match fs::remove_file(unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritable(error)),
            _ => {}
        }
        let written = private::create_new(unfinished).and_then(|mut file| {
            file.write_all(self.to_capture().as_bytes())?;
            file.sync_all()
        });
        written
            .and_then(|()| fs::rename(unfinished, path))
            .map_err(|error| {
                // The half-written file is of no use; that it cannot be removed changes nothing.
                drop(fs::remove_file(unfinished));
                unwritable(error)
            })
    }
}

#[derive(Deserialize)]
struct Version {
    schema: u64,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Capture {
    schema: u64,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    taken_at: Option<Timestamp>,
    #[serde(default)]
    with_passcode: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    atr: Option<Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<Protocol>,
    #[serde(skip_serializing_if = "Option::is_none")]
    select: Option<SelectLine>,
    #[serde(default)]
    production: ProductionLine,
    #[serde(default)]
    objects: Vec<ObjectLine>,
    #[serde(default)]
    references: Vec<ReferenceLine>,
    #[serde(default)]
    probes: Vec<ProbeLine>,
    #[serde(default)]
    timings: Vec<TimingLine>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SelectLine {
    status: Status,
    data: Hex,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ProductionLine {
    #[serde(skip_serializing_if = "Option::is_none")]
    cplc: Option<Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iin: Option<Hex>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cin: Option<Hex>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ObjectLine {
    tag: String,
    /// For the reader of the file; the tag alone counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Hex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Present,
    Empty,
    Refused,
    Malformed,
    Withheld,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ReferenceLine {
    reference: String,
    status: Status,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ProbeLine {
    name: String,
    status: Status,
    length: usize,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct TimingLine {
    what: String,
    microseconds: u64,
}

/// Bytes as upper-case hexadecimal.
#[derive(Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
struct Hex(Vec<u8>);

impl TryFrom<String> for Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        hex::decode(&text)
            .map(Self)
            .map_err(|error| format!("no hexadecimal bytes: {error}"))
    }
}

impl From<Hex> for String {
    fn from(bytes: Hex) -> Self {
        hex::encode_upper(bytes.0)
    }
}

impl Clone for Hex {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// SW1-SW2 as four hexadecimal digits.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
struct Status(StatusWord);

impl TryFrom<String> for Status {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut bytes = [0; 2];
        hex::decode_to_slice(&text, &mut bytes)
            .map_err(|_| format!("`{text}` is no status word of four digits"))?;
        Ok(Self(StatusWord::from(bytes)))
    }
}

impl From<Status> for String {
    fn from(status: Status) -> Self {
        format!("{:04X}", status.0.0)
    }
}

impl Capture {
    fn of(image: &CardImage) -> Self {
        let hex = |bytes: &Option<Vec<u8>>| bytes.clone().map(Hex);
        Self {
            schema: SCHEMA,
            source: image.source.clone(),
            program: image.program.clone(),
            taken_at: image.taken_at,
            with_passcode: image.with_passcode,
            atr: hex(&image.atr),
            protocol: image.protocol,
            select: image.select.as_ref().map(|answer| SelectLine {
                status: Status(answer.status),
                data: Hex(answer.data.clone()),
            }),
            production: ProductionLine {
                cplc: hex(&image.production.cplc),
                iin: hex(&image.production.issuer_identification),
                cin: hex(&image.production.card_image_number),
            },
            objects: image.objects.iter().map(ObjectLine::of).collect(),
            references: image
                .references
                .iter()
                .map(|(reference, status)| ReferenceLine {
                    reference: format!("{:02X}", reference.byte()),
                    status: Status(*status),
                })
                .collect(),
            probes: image
                .probes
                .iter()
                .map(|probe| ProbeLine {
                    name: probe.name.clone(),
                    status: Status(probe.status),
                    length: probe.length,
                })
                .collect(),
            timings: image
                .timings
                .iter()
                .map(|timing| TimingLine {
                    what: timing.what.clone(),
                    microseconds: timing.microseconds,
                })
                .collect(),
        }
    }

    fn into_image(self) -> Result<CardImage, String> {
        let atr = self.atr.map(|atr| atr.0);
        if let Some(atr) = &atr
            && !(2..=iso7816::atr::MAX_LENGTH).contains(&atr.len())
        {
            return Err(format!(
                "`atr` has {} bytes, 2 to {} are allowed",
                atr.len(),
                iso7816::atr::MAX_LENGTH
            ));
        }
        let mut image = CardImage {
            source: self.source,
            program: self.program,
            taken_at: self.taken_at,
            with_passcode: self.with_passcode,
            atr,
            protocol: self.protocol,
            select: match self.select {
                Some(line) => Some(Answer {
                    status: line.status.0,
                    data: bounded("select", line.data, MAX_ANSWER)?,
                }),
                None => None,
            },
            production: self.production.read()?,
            ..CardImage::default()
        };
        for line in self.objects {
            let (object, content) = line.read()?;
            if image.objects.insert(object, content).is_some() {
                return Err(format!("object `{}` stands there twice", object.tag()));
            }
        }
        for line in self.references {
            let reference = u8::from_str_radix(&line.reference, 16)
                .ok()
                .and_then(PinReference::from_byte)
                .ok_or_else(|| format!("`{}` is no reference of VERIFY", line.reference))?;
            if image.references.insert(reference, line.status.0).is_some() {
                return Err(format!("reference `{}` stands there twice", line.reference));
            }
        }
        image.probes = self
            .probes
            .into_iter()
            .map(|line| Probe {
                name: line.name,
                status: line.status.0,
                length: line.length,
            })
            .collect();
        image.timings = self
            .timings
            .into_iter()
            .map(|line| Timing {
                what: line.what,
                microseconds: line.microseconds,
            })
            .collect();
        Ok(image)
    }
}

impl ProductionLine {
    fn read(self) -> Result<Production, String> {
        let part = |name, bytes: Option<Hex>| {
            bytes
                .map(|bytes| bounded(name, bytes, MAX_ANSWER))
                .transpose()
        };
        Ok(Production {
            cplc: part("cplc", self.cplc)?,
            issuer_identification: part("iin", self.iin)?,
            card_image_number: part("cin", self.cin)?,
        })
    }
}

impl ObjectLine {
    fn of((object, content): (&ObjectId, &Content)) -> Self {
        let mut line = Self {
            tag: object.tag().to_string(),
            name: Some(object.to_string()),
            state: State::Empty,
            value: None,
            status: None,
        };
        match content {
            Content::Present(value) => {
                line.state = State::Present;
                line.value = Some(Hex(value.clone()));
            }
            Content::Empty => {}
            Content::Refused(status) => {
                line.state = State::Refused;
                line.status = Some(Status(*status));
            }
            Content::Malformed(answer) => {
                line.state = State::Malformed;
                line.value = Some(Hex(answer.clone()));
            }
            Content::Withheld => line.state = State::Withheld,
        }
        line
    }

    fn read(self) -> Result<(ObjectId, Content), String> {
        let tag = self.tag;
        let object = u32::from_str_radix(&tag, 16)
            .ok()
            .and_then(|tag| ObjectId::from_tag(Tag(tag)))
            .ok_or_else(|| format!("`{tag}` is the tag of no PIV data object"))?;
        let wrong = |problem: &str| Err(format!("object `{tag}`: {problem}"));
        let content = match (self.state, self.value, self.status) {
            (State::Present, Some(value), None) => {
                match bounded(&tag, value, CardImage::MAX_OBJECT)? {
                    value if value.is_empty() => {
                        return wrong("no value; an empty object has the state `empty`");
                    }
                    value => Content::Present(value),
                }
            }
            (State::Malformed, Some(value), None) => {
                Content::Malformed(bounded(&tag, value, CardImage::MAX_OBJECT)?)
            }
            (State::Refused, None, Some(status)) => Content::Refused(status.0),
            (State::Empty, None, None) => Content::Empty,
            (State::Withheld, None, None) => Content::Withheld,
            _ => {
                return wrong(
                    "`value` stands with `present` and `malformed`, `status` with `refused`",
                );
            }
        };
        Ok((object, content))
    }
}

fn bounded(what: &str, bytes: Hex, most: usize) -> Result<Vec<u8>, String> {
    if bytes.0.len() > most {
        return Err(format!(
            "`{what}` has {} bytes, at most {most} are read",
            bytes.0.len()
        ));
    }
    Ok(bytes.0)
}

#[cfg(test)]
mod tests;
