use std::io::{self, BufRead, Read};

use ground::{Blame, Blamed};
use serde::Deserialize;
use thiserror::Error;

use super::{Entry, Header, SCHEMA, Side, Transcript, VERSION};

/// The longest line read, in bytes: a command and a response of extended length in hex take
/// about 263,000.
const LINE_LIMIT: u64 = 1 << 20;
/// The most lines read.
const ENTRY_LIMIT: usize = 1_000_000;

/// Only what tells whether the rest can be understood.
#[derive(Deserialize)]
struct Identity {
    schema: Option<String>,
    version: Option<u64>,
}

impl Transcript {
    /// Reads a transcript.
    ///
    /// A last line that was cut off while it was written is left out, and the transcript is then
    /// not [`Transcript::complete`].
    ///
    /// # Errors
    ///
    /// [`TranscriptError`] for anything that is no transcript of version 1.
    pub fn read(mut input: impl BufRead) -> Result<Self, TranscriptError> {
        let mut line = Vec::new();
        if !read_line(&mut input, &mut line, 1)? {
            return Err(TranscriptError::Empty);
        }
        let identity: Identity =
            serde_json::from_slice(&line).map_err(|_| TranscriptError::NotATranscript)?;
        if identity.schema.as_deref() != Some(SCHEMA) {
            return Err(TranscriptError::NotATranscript);
        }
        match identity.version {
            Some(version) if version == u64::from(VERSION) => {}
            Some(version) => return Err(TranscriptError::Version { version }),
            None => return Err(TranscriptError::NotATranscript),
        }
        let header: Header =
            serde_json::from_slice(&line).map_err(|error| TranscriptError::line(1, &error))?;

        let mut entries = Vec::new();
        let mut exchanges = 0;
        let mut complete = false;
        for number in 2.. {
            if !read_line(&mut input, &mut line, number)? {
                break;
            }
            if complete {
                return Err(TranscriptError::AfterEnd { line: number });
            }
            if entries.len() == ENTRY_LIMIT {
                return Err(TranscriptError::TooManyLines { limit: ENTRY_LIMIT });
            }
            let cut = !line.ends_with(b"\n");
            let entry: Entry = match serde_json::from_slice(&line) {
                Ok(entry) => entry,
                Err(error) if cut && error.is_eof() => break,
                Err(error) => return Err(TranscriptError::line(number, &error)),
            };
            if let Some(problem) = check(&entry, exchanges) {
                return Err(TranscriptError::Line {
                    line: number,
                    detail: problem.to_owned(),
                });
            }
            match entry {
                Entry::Exchange(_) => exchanges += 1,
                Entry::End { .. } => complete = true,
                _ => {}
            }
            entries.push(entry);
        }
        Ok(Self {
            header,
            entries,
            complete,
        })
    }
}

/// What is wrong with an entry that follows `exchanges` exchanges.
fn check(entry: &Entry, exchanges: u64) -> Option<&'static str> {
    match entry {
        Entry::Exchange(exchange) => {
            if exchange.seq != exchanges + 1 {
                return Some("sequence number out of order");
            }
            if exchange.response.is_some() == exchange.error.is_some() {
                return Some("an exchange has either a response or an error");
            }
            // What is marked and what is withheld must agree, or a secret may be in the file.
            let is_withheld = |side, at: usize, length: usize| {
                let bytes = match side {
                    Side::Command => Some(&exchange.command),
                    Side::Response => exchange.response.as_ref(),
                };
                let end = at.checked_add(length)?;
                let part = bytes?.bytes().get(at..end)?;
                part.iter().all(Option::is_none).then_some(length)
            };
            let mut marked = 0_usize;
            for span in &exchange.redacted {
                match is_withheld(span.side, span.at, span.length) {
                    Some(length) => marked = marked.saturating_add(length),
                    None => return Some("a byte marked as redacted is not withheld"),
                }
            }
            let withheld = std::iter::once(&exchange.command)
                .chain(&exchange.response)
                .flat_map(|masked| masked.bytes())
                .filter(|byte| byte.is_none())
                .count();
            (withheld != marked).then_some("a byte withheld is not marked as redacted")
        }
        Entry::Reset { atr, error, .. } if atr.is_some() == error.is_some() => {
            Some("a reset has either an answer or an error")
        }
        Entry::Reset { atr: Some(atr), .. } | Entry::Inserted { atr, .. } if !atr.is_whole() => {
            Some("an answer to reset is never withheld")
        }
        Entry::End {
            exchanges: counted, ..
        } if *counted != exchanges => Some("the count at the end does not agree"),
        _ => None,
    }
}

/// Reads one line with its line feed. False at the end of the input.
fn read_line(
    input: &mut impl BufRead,
    line: &mut Vec<u8>,
    number: usize,
) -> Result<bool, TranscriptError> {
    line.clear();
    input
        .by_ref()
        .take(LINE_LIMIT)
        .read_until(b'\n', line)
        .map_err(|error| TranscriptError::Unreadable {
            line: number,
            kind: error.kind(),
            detail: error.to_string(),
        })?;
    if line.len() as u64 == LINE_LIMIT && !line.ends_with(b"\n") {
        return Err(TranscriptError::LineTooLong {
            line: number,
            limit: LINE_LIMIT,
        });
    }
    Ok(!line.is_empty())
}

/// Why something is no transcript that can be read.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum TranscriptError {
    /// Nothing there.
    #[error("the transcript is empty")]
    Empty,
    /// The first line is not a transcript's.
    #[error("this is no transcript: the first line does not name the schema `{SCHEMA}`")]
    NotATranscript,
    /// A version this program does not know.
    #[error("transcript version {version} is not known (known versions: {VERSION})")]
    Version {
        /// The version in the file.
        version: u64,
    },
    /// A line that is none of a transcript's.
    #[error("line {line} of the transcript: {detail}")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        detail: String,
    },
    /// A line too long to be one of a transcript.
    #[error("line {line} of the transcript is longer than {limit} bytes")]
    LineTooLong {
        /// The line, counted from 1.
        line: usize,
        /// The limit.
        limit: u64,
    },
    /// More lines than are read.
    #[error("the transcript has more than {limit} lines")]
    TooManyLines {
        /// The limit.
        limit: usize,
    },
    /// Something follows the end line.
    #[error("line {line} of the transcript comes after its end")]
    AfterEnd {
        /// The line, counted from 1.
        line: usize,
    },
    /// The file could not be read.
    #[error("line {line} of the transcript cannot be read: {detail}")]
    Unreadable {
        /// The line, counted from 1.
        line: usize,
        /// The operating system's kind of error.
        kind: io::ErrorKind,
        /// The operating system's words.
        detail: String,
    },
}

impl TranscriptError {
    fn line(line: usize, error: &serde_json::Error) -> Self {
        Self::Line {
            line,
            detail: error.to_string(),
        }
    }
}

impl Blamed for TranscriptError {
    fn blame(&self) -> Blame {
        match self {
            Self::Unreadable { .. } => Blame::StoreFault,
            _ => Blame::OperatorMistake,
        }
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::Version { .. })
            .then(|| "it was written by a newer program; use that one to read it".to_owned())
    }
}
