//! A directory file: records laid end to end, zeros or FF behind them.

use iso7816::ber::{self, Tag, TlvError};

use super::element::{RecordError, Writer};

/// Something a directory file holds.
pub trait Record: Sized {
    /// Reads the value of a record with this tag.
    ///
    /// # Errors
    ///
    /// [`RecordError`]; [`RecordError::UnknownTag`] for a record of another kind.
    fn decode(tag: Tag, value: &[u8]) -> Result<Self, RecordError>;

    /// The record in DER.
    fn encode(&self) -> Vec<u8>;
}

/// Most records read of one file.
const MOST_RECORDS: usize = 256;

/// A directory file as it was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Directory<T> {
    /// The records, also those that could not be read.
    pub entries: Vec<Entry<T>>,
    /// What is wrong with the file.
    pub findings: Vec<DirectoryFinding>,
}

/// A record with the bytes it was read from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry<T> {
    /// Offset in the file.
    pub offset: usize,
    /// Tag, length and value as they stood.
    pub raw: Vec<u8>,
    /// What it holds, if that could be read.
    pub value: Option<T>,
}

/// Something wrong with a directory file, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DirectoryFinding {
    /// Offset in the file.
    pub offset: usize,
    /// What.
    pub kind: DirectoryFault,
}

/// What is wrong with a directory file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryFault {
    /// The file ends inside a record, or its bytes are none. What follows is not read.
    #[error("cut short or no record: {0}")]
    Cut(TlvError),
    /// A record that cannot be read; it is kept as it is.
    #[error("a record that cannot be read: {0}")]
    Unreadable(RecordError),
    /// A record that DER writes otherwise: other clients may stumble over it.
    #[error("a record that is not DER")]
    NotDer,
    /// Records after zeros, which not all clients find.
    #[error("{length} zero bytes between records")]
    Gap {
        /// How many.
        length: usize,
    },
    /// More records than are read.
    #[error("more than {MOST_RECORDS} records")]
    TooMany,
}

impl std::fmt::Display for DirectoryFinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at offset {}", self.kind, self.offset)
    }
}

impl<T> Default for Directory<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            findings: Vec::new(),
        }
    }
}

impl<T: Record> Directory<T> {
    /// Reads a file. Anything is a directory, if need be one without records and with findings.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let mut directory = Self::default();
        let end = bytes.len() - filling(bytes);
        let mut offset = 0;
        while offset < end {
            let rest = &bytes[offset..];
            let zeros = rest.iter().take_while(|byte| **byte == 0).count();
            if zeros > 0 {
                directory.find(offset, DirectoryFault::Gap { length: zeros });
                offset += zeros;
                continue;
            }
            if directory.entries.len() == MOST_RECORDS {
                directory.find(offset, DirectoryFault::TooMany);
                break;
            }
            // The filling may be the end of a record.
            match ber::Reader::new(rest).next() {
                Some(Ok(object)) => {
                    let value = match T::decode(object.tag, object.value) {
                        Ok(value) => {
                            if value.encode() != object.raw {
                                directory.find(offset, DirectoryFault::NotDer);
                            }
                            Some(value)
                        }
                        Err(error) => {
                            directory.find(offset, DirectoryFault::Unreadable(error));
                            None
                        }
                    };
                    directory.entries.push(Entry {
                        offset,
                        raw: object.raw.to_vec(),
                        value,
                    });
                    offset += object.raw.len();
                }
                Some(Err(error)) => {
                    directory.find(offset, DirectoryFault::Cut(error));
                    break;
                }
                None => break,
            }
        }
        directory
    }

    /// The records that could be read.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().filter_map(|entry| entry.value.as_ref())
    }

    /// Adds a record at the end.
    pub fn push(&mut self, value: T) {
        let raw = value.encode();
        self.entries.push(Entry {
            offset: self.to_bytes().len(),
            raw,
            value: Some(value),
        });
    }

    /// Removes the records of which this holds. Those that cannot be read stay.
    pub fn remove(&mut self, mut unwanted: impl FnMut(&T) -> bool) {
        self.entries
            .retain(|entry| !entry.value.as_ref().is_some_and(&mut unwanted));
    }

    /// The records laid end to end, each as it was read: what is not understood is kept.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::default();
        for entry in &self.entries {
            out.raw(&[&entry.raw]);
        }
        out.finish()
    }

    fn find(&mut self, offset: usize, kind: DirectoryFault) {
        self.findings.push(DirectoryFinding { offset, kind });
    }
}

/// How many bytes at the end were never written: all zeros, or all FF.
fn filling(bytes: &[u8]) -> usize {
    match bytes.last() {
        Some(last @ (0x00 | 0xFF)) => bytes.iter().rev().take_while(|byte| *byte == last).count(),
        _ => 0,
    }
}
