//! Transcripts: the versioned, redacted record of a card session.
//!
//! A transcript is JSON Lines. The first line is the [`Header`]; each further line is one
//! [`Entry`], in order. Secrets are withheld when a line is written, see [`crate::redact`]. The
//! last line is [`Entry::End`]; where it is missing, the program that wrote it was cut off.
//!
//! ```json
//! {"schema":"cardwright-transcript","version":1,"tool":"cardwright 0.1.0","time":"2026-01-05T09:00:00Z","reader":"sim:series10","atr":"3B8680018031C152411A7E","protocol":"T=1"}
//! {"kind":"exchange","seq":1,"at_us":0,"took_us":21000,"command":"0020008008****************","response":"63C2","redacted":[{"side":"command","at":5,"length":8,"what":"pin"}]}
//! {"kind":"end","at_us":30000,"exchanges":1}
//! ```

mod reader;
mod writer;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use reader::TranscriptError;
pub use writer::{TranscriptWriteError, TranscriptWriter};

use crate::{Disposition, LinkError, Masked, Protocol, Reset, Secret};

/// What [`Header::schema`] says.
pub const SCHEMA: &str = "cardwright-transcript";
/// The version written, and the only one read.
pub const VERSION: u32 = 1;

/// The record of one card session.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    /// The first line.
    pub header: Header,
    /// The further lines.
    pub entries: Vec<Entry>,
    /// Whether the last line is there and agrees with the number of exchanges.
    pub complete: bool,
}

impl Transcript {
    /// The exchanges alone.
    pub fn exchanges(&self) -> impl Iterator<Item = &Exchange> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Exchange(exchange) => Some(exchange),
            _ => None,
        })
    }
}

/// Who recorded what, and when.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Always [`VERSION`].
    pub version: u32,
    /// The recording program and its version.
    pub tool: String,
    /// Wall-clock time of the start.
    pub time: Timestamp,
    /// The link recorded, in the words of its selector.
    pub reader: String,
    /// The answer to reset at the start.
    #[serde(with = "crate::hexed")]
    pub atr: Vec<u8>,
    /// The transmission protocol.
    pub protocol: Protocol,
    /// The card's series, where known at the start (`series10`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// The card's serial number or other public name, where known at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
}

impl Header {
    /// A header for a link, series and card left open.
    #[must_use]
    pub fn new(tool: impl Into<String>, time: Timestamp, link: &dyn crate::Link) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            version: VERSION,
            tool: tool.into(),
            time,
            reader: link.name().to_owned(),
            atr: link.atr().to_vec(),
            protocol: link.protocol(),
            series: None,
            card: None,
        }
    }

    /// Names the series.
    #[must_use]
    pub fn with_series(mut self, series: impl Into<String>) -> Self {
        self.series = Some(series.into());
        self
    }

    /// Names the card.
    #[must_use]
    pub fn with_card(mut self, card: impl Into<String>) -> Self {
        self.card = Some(card.into());
        self
    }
}

/// One line after the header. Times are microseconds since the start.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Entry {
    /// A command and its answer.
    Exchange(Exchange),
    /// The card was reset.
    Reset {
        /// When.
        at_us: u64,
        /// How.
        reset: Reset,
        /// The new answer to reset, in hex; none if the reset failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        atr: Option<Masked>,
        /// Why the reset failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Failure>,
    },
    /// A card came.
    Inserted {
        /// When.
        at_us: u64,
        /// Its answer to reset, in hex.
        atr: Masked,
    },
    /// The card went.
    Removed {
        /// When.
        at_us: u64,
    },
    /// The link was ended.
    Disconnected {
        /// When.
        at_us: u64,
        /// What became of the card.
        disposition: Disposition,
    },
    /// A remark of the recording program.
    Note {
        /// When.
        at_us: u64,
        /// The remark.
        text: String,
    },
    /// The last line.
    End {
        /// When.
        at_us: u64,
        /// How many exchanges were recorded.
        exchanges: u64,
    },
}

/// A command and its answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Counted from 1.
    pub seq: u64,
    /// Microseconds from the start until the command was sent.
    pub at_us: u64,
    /// Microseconds until the answer had come.
    pub took_us: u64,
    /// The command APDU.
    pub command: Masked,
    /// The response APDU, SW1-SW2 included; none if none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Masked>,
    /// Why no response came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// What the withheld bytes are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redacted: Vec<Redacted>,
}

/// Consecutive bytes withheld.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Redacted {
    /// In which APDU.
    pub side: Side,
    /// Offset of the first byte in the APDU.
    pub at: usize,
    /// How many bytes.
    pub length: usize,
    /// What they are.
    pub what: Secret,
}

/// One of the two APDUs of an exchange.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The command.
    Command,
    /// The response.
    Response,
}

/// A [`LinkError`] as a transcript keeps it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Its kind: `card-removed`, `card-reset`, `card-mute`, `no-card`, `no-service`,
    /// `reader-gone`, `shared-elsewhere`, `timeout` or `failed`.
    pub error: String,
    /// The whole message.
    pub detail: String,
}

impl From<&LinkError> for Failure {
    fn from(error: &LinkError) -> Self {
        let kind = match error {
            LinkError::CardMute { .. } => "card-mute",
            LinkError::CardRemoved { .. } => "card-removed",
            LinkError::CardReset { .. } => "card-reset",
            LinkError::NoCard { .. } => "no-card",
            LinkError::NoService { .. } => "no-service",
            LinkError::ReaderGone { .. } => "reader-gone",
            LinkError::SharedElsewhere { .. } => "shared-elsewhere",
            LinkError::Timeout { .. } => "timeout",
            _ => "failed",
        };
        Self {
            error: kind.to_owned(),
            detail: error.to_string(),
        }
    }
}

impl Failure {
    /// The error again, as a link called `reader` would give it.
    #[must_use]
    pub fn to_link_error(&self, reader: &str) -> LinkError {
        let reader = reader.to_owned();
        match self.error.as_str() {
            "card-mute" => LinkError::CardMute { reader },
            "card-removed" => LinkError::CardRemoved { reader },
            "card-reset" => LinkError::CardReset { reader },
            "no-card" => LinkError::NoCard { reader },
            "no-service" => LinkError::NoService {
                detail: self.detail.clone(),
            },
            "reader-gone" => LinkError::ReaderGone { reader },
            "shared-elsewhere" => LinkError::SharedElsewhere { reader },
            _ => LinkError::Failed {
                reader,
                detail: self.detail.clone(),
            },
        }
    }
}

#[cfg(test)]
mod tests;
