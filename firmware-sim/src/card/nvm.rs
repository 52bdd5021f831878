//! The chip's non-volatile memory.
//!
//! The memory is a set of cells. What must change together is written as one [`Transaction`],
//! which reaches the medium as one checked record at the end of a log: a record cut short by a
//! power failure does not count, so at any cut each cell is old or new. Every write passes a
//! [`WriteHook`], which can let it through, lose it, or tear it.

mod file;
mod record;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use iso7816::ber::Tag;
use piv::words::{KeyReference, PinReference};
use thiserror::Error;
use zeroize::Zeroizing;

use self::file::LogFile;
use super::ModelError;

/// Where a value is kept.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Cell {
    /// The TOML text of the card's model.
    Model,
    /// The card's number, 8 bytes big endian.
    Number,
    /// How many streams of random bytes were begun, 8 bytes big endian.
    RandomStreams,
    /// The value of a PIN or PUK, 8 bytes.
    Reference(PinReference),
    /// The tries left for a PIN or PUK, 1 byte.
    Tries(PinReference),
    /// A key: algorithm identifier, then the key itself.
    Key(KeyReference),
    /// A data object as GET DATA returns it.
    Object(Tag),
    /// The card verifiable certificate of key 04, `7F21`; empty when the key is newer.
    Certificate,
    /// The status word an object that is not there is refused with, 2 bytes; otherwise it is 6A82.
    Refusal(Tag),
    /// The answer to reset, where the card has another than its model.
    AnswerToReset,
    /// The answer to SELECT of the PIV application, where the card has another than its model.
    SelectAnswer,
    /// A data object of the card manager as it gives it, where the card has another than its model.
    IssuerObject(u16),
    /// The key sets of the issuer security domain: for each one its version, the length of a key,
    /// ENC, MAC and DEK.
    KeySets,
    /// Failures left until the issuer security domain is locked, 1 byte.
    KeySetTries,
    /// The sequence counter of the issuer security domain, 3 bytes big endian.
    SequenceCounter,
    /// A file of the AuthentIC application by its place; empty when the place is free.
    File(u16),
    /// A passcode of the AuthentIC application by its reference, with its limit and counter.
    Credential(u8),
    /// A key object of AuthentIC v3 by its reference; empty when there is none.
    KeyObject(u8),
}

/// Values that are written together or not at all.
#[derive(Default)]
pub struct Transaction {
    pub(crate) cells: Vec<(Cell, Zeroizing<Vec<u8>>)>,
}

impl Transaction {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a cell's new value.
    #[must_use]
    pub fn set(mut self, cell: Cell, value: impl Into<Vec<u8>>) -> Self {
        self.cells.push((cell, Zeroizing::new(value.into())));
        self
    }

    /// The value a cell is to get.
    pub(crate) fn get(&self, cell: Cell) -> Option<&[u8]> {
        let mut cells = self.cells.iter().rev();
        let (_, value) = cells.find(|(of, _)| *of == cell)?;
        Some(value)
    }
}

/// Sees every write before it happens and decides what becomes of it.
pub trait WriteHook: Send {
    /// Decides. After anything but [`Fate::Commit`] the chip has lost power: it is mute until
    /// the next reset.
    fn on_write(&mut self, write: &Write<'_>) -> Fate;
}

impl<F: FnMut(&Write<'_>) -> Fate + Send> WriteHook for F {
    fn on_write(&mut self, write: &Write<'_>) -> Fate {
        self(write)
    }
}

/// One write about to happen.
#[derive(Debug)]
pub struct Write<'a> {
    /// Counts the writes since the hook was set, from 1.
    pub number: u64,
    /// The bytes that will be written, 1 or more.
    pub length: usize,
    /// The cells that will change; empty when the log is rewritten in short.
    pub cells: &'a [Cell],
}

/// What becomes of a write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fate {
    /// It happens.
    Commit,
    /// The power fails before the first byte.
    Lose,
    /// The power fails after this many bytes; with as many as there are, or more, the write has
    /// happened and only the answer is lost.
    Tear {
        /// Bytes that reach the medium.
        after: usize,
    },
}

/// Why a write did not happen.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The power failed.
    #[error("the power failed during a write")]
    PowerCut,
    /// The medium failed; the memory is as before.
    #[error("the state file cannot be written: {0}")]
    Medium(#[from] io::Error),
}

impl ground::Blamed for CommitError {
    fn blame(&self) -> ground::Blame {
        match self {
            Self::PowerCut => ground::Blame::CardMisbehaved,
            Self::Medium(_) => ground::Blame::StoreFault,
        }
    }
}

/// Why a state file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StateError {
    /// The file cannot be opened, read or written.
    #[error("state file `{path}` cannot be used: {source}")]
    File {
        /// The file.
        path: String,
        /// The operating system's words.
        source: io::Error,
    },
    /// Another process simulates this card.
    #[error("state file `{path}` is in use by another process")]
    InUse {
        /// The file.
        path: String,
    },
    /// Not a state file, or one of another version.
    #[error("`{path}` is no card state file of version {expected}")]
    Format {
        /// The file.
        path: String,
        /// The version this program writes.
        expected: u16,
    },
    /// A complete record whose check does not match, or that holds an unknown cell.
    #[error("state file `{path}` is damaged at byte {offset}")]
    Damaged {
        /// The file.
        path: String,
        /// Where.
        offset: usize,
    },
    /// The file holds a card of a model this program cannot read.
    #[error("state file `{path}` was written by another version: {source}")]
    Model {
        /// The file.
        path: String,
        /// What is wrong with the model in it.
        source: ModelError,
    },
    /// The file holds a card where a new one was to be put.
    #[error("state file `{path}` holds a card already")]
    Occupied {
        /// The file.
        path: String,
    },
    /// The file holds another card than the one asked for.
    #[error("state file `{path}` holds {what} `{actual}`, not `{expected}`")]
    OtherCard {
        /// The file.
        path: String,
        /// Model or number.
        what: &'static str,
        /// What was asked for.
        expected: String,
        /// What is there.
        actual: String,
    },
}

impl ground::Blamed for StateError {
    fn blame(&self) -> ground::Blame {
        match self {
            Self::File { .. } | Self::Damaged { .. } => ground::Blame::StoreFault,
            _ => ground::Blame::OperatorMistake,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::File { .. } => "check the path and its permissions",
                Self::InUse { .. } => "stop the other process, or take another file",
                Self::Format { .. } | Self::Damaged { .. } | Self::Model { .. } => {
                    "take another file, or delete this one: it holds a simulated card"
                }
                Self::Occupied { .. } => {
                    "leave the image out to go on with that card, or take another file"
                }
                Self::OtherCard { .. } => "leave the option out, or take another file",
            }
            .to_owned(),
        )
    }
}

/// The non-volatile memory of one chip.
pub struct Memory {
    cells: BTreeMap<Cell, Zeroizing<Vec<u8>>>,
    medium: Box<dyn Medium>,
    hook: Option<Box<dyn WriteHook>>,
    writes: u64,
    /// Length of the log at which it is rewritten in short.
    compact_at: usize,
}

/// Bytes kept in order, as a flash memory or a file keeps them.
trait Medium: Send {
    /// Everything written so far.
    fn read(&mut self) -> io::Result<Zeroizing<Vec<u8>>>;
    /// Adds bytes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Puts other bytes in the place of all there are, at once or not at all.
    fn replace(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Drops everything after `length` bytes.
    fn truncate(&mut self, length: usize) -> io::Result<()>;
    /// How many bytes there are.
    fn length(&self) -> usize;
}

impl Memory {
    /// The log may grow by this many bytes before it is rewritten.
    const SLACK: usize = 256 * 1024;

    /// An empty memory that lives as long as the process.
    #[must_use]
    pub fn volatile() -> Self {
        Self::over(Box::new(Ram::default()))
    }

    /// The memory kept in a file; empty when the file is new. The file is locked against other
    /// processes and readable by its owner only. A record cut short at its end is dropped.
    ///
    /// # Errors
    ///
    /// [`StateError`].
    pub fn in_file(path: &Path) -> Result<Self, StateError> {
        let mut memory = Self::over(Box::new(LogFile::open(path)?));
        memory.reload().map_err(|error| error.at(path))?;
        Ok(memory)
    }

    fn over(medium: Box<dyn Medium>) -> Self {
        Self {
            cells: BTreeMap::new(),
            medium,
            hook: None,
            writes: 0,
            compact_at: Self::SLACK,
        }
    }

    /// The value of a cell that was ever written.
    #[must_use]
    pub fn get(&self, cell: Cell) -> Option<&[u8]> {
        self.cells.get(&cell).map(|value| value.as_slice())
    }

    /// The cells that were ever written, in order.
    pub fn cells(&self) -> impl Iterator<Item = (Cell, &[u8])> {
        self.cells
            .iter()
            .map(|(&cell, value)| (cell, value.as_slice()))
    }

    /// Lets every write from now on pass `hook`, and counts from 1 again.
    pub fn set_hook(&mut self, hook: Option<Box<dyn WriteHook>>) {
        self.hook = hook;
        self.writes = 0;
    }

    /// Writes all of it or nothing.
    ///
    /// # Errors
    ///
    /// [`CommitError`]. After [`CommitError::PowerCut`] the cells are what they will be found to
    /// be at the next power-up.
    pub fn commit(&mut self, transaction: Transaction) -> Result<(), CommitError> {
        if self.medium.length() >= self.compact_at {
            self.compact()?;
        }
        let mut record = Zeroizing::new(Vec::new());
        if self.medium.length() == 0 {
            record.extend_from_slice(&record::HEADER);
        }
        record::write(&mut record, &transaction.cells);
        let changed: Vec<Cell> = transaction.cells.iter().map(|&(cell, _)| cell).collect();
        let (length, power) = self.pass_hook(record.len(), &changed);
        // A torn end stays on the medium, as it would on a chip, until the next power-up.
        self.medium.append(&record[..length])?;
        if length == record.len() {
            self.cells.extend(transaction.cells);
        }
        power
    }

    /// Reads the cells back from the medium, as at power-up, and drops a torn end.
    ///
    /// # Errors
    ///
    /// [`ReadError`] when the medium fails or holds something else.
    pub(crate) fn reload(&mut self) -> Result<(), ReadError> {
        let bytes = self.medium.read()?;
        let log = record::read(&bytes)?;
        if log.length < bytes.len() {
            self.medium.truncate(log.length)?;
        }
        self.cells = log.cells;
        Ok(())
    }

    /// Writes the log anew with the current values alone.
    fn compact(&mut self) -> Result<(), CommitError> {
        let cells: Vec<_> = self
            .cells
            .iter()
            .map(|(&cell, value)| (cell, value.clone()))
            .collect();
        let mut log = Zeroizing::new(record::HEADER.to_vec());
        record::write(&mut log, &cells);
        let (length, power) = self.pass_hook(log.len(), &[]);
        // The new log takes the old one's place at once: cut before that, the old one stands.
        if length == log.len() {
            self.medium.replace(&log)?;
            self.compact_at = log.len() + Self::SLACK;
        }
        power
    }

    /// How many bytes the hook lets through, and whether there is power afterwards.
    fn pass_hook(&mut self, length: usize, cells: &[Cell]) -> (usize, Result<(), CommitError>) {
        self.writes += 1;
        let write = Write {
            number: self.writes,
            length,
            cells,
        };
        let fate = match &mut self.hook {
            Some(hook) => hook.on_write(&write),
            None => Fate::Commit,
        };
        match fate {
            Fate::Commit => (length, Ok(())),
            Fate::Lose => (0, Err(CommitError::PowerCut)),
            Fate::Tear { after } => (after.min(length), Err(CommitError::PowerCut)),
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("cells", &self.cells.len())
            .field("log_bytes", &self.medium.length())
            .finish_non_exhaustive()
    }
}

/// Why a medium cannot be read.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    #[error("{0}")]
    File(#[from] io::Error),
    #[error("{0}")]
    Log(#[from] record::LogError),
}

impl ReadError {
    fn at(self, path: &Path) -> StateError {
        let path = path.display().to_string();
        match self {
            Self::File(source) => StateError::File { path, source },
            Self::Log(record::LogError::Format) => StateError::Format {
                path,
                expected: record::VERSION,
            },
            Self::Log(record::LogError::Damaged { offset }) => StateError::Damaged { path, offset },
        }
    }
}

/// A medium that lives as long as the process.
#[derive(Default)]
struct Ram(Zeroizing<Vec<u8>>);

impl Medium for Ram {
    fn read(&mut self) -> io::Result<Zeroizing<Vec<u8>>> {
        Ok(self.0.clone())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0 = Zeroizing::new(bytes.to_vec());
        Ok(())
    }

    fn truncate(&mut self, length: usize) -> io::Result<()> {
        self.0.truncate(length);
        Ok(())
    }

    fn length(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: Cell = Cell::Tries(PinReference::Application);
    const B: Cell = Cell::Reference(PinReference::Application);

    fn pair(value: u8) -> Transaction {
        Transaction::new().set(A, [value]).set(B, [value; 8])
    }

    proptest! {
        #[test]
        fn a_transaction_cut_anywhere_is_there_in_whole_or_not_at_all(after in 0_usize..120) {
            let mut memory = Memory::volatile();
            memory.commit(pair(1)).unwrap();
            memory.set_hook(Some(Box::new(move |_: &Write<'_>| Fate::Tear { after })));
            assert!(matches!(memory.commit(pair(2)), Err(CommitError::PowerCut)));
            memory.reload().unwrap();
            let (a, b) = (memory.get(A).unwrap()[0], memory.get(B).unwrap());
            prop_assert!(a == 1 || a == 2);
            prop_assert_eq!(b, &[a; 8]);
            // And it can be written to again.
            memory.set_hook(None);
            memory.commit(pair(3)).unwrap();
            memory.reload().unwrap();
            prop_assert_eq!(memory.get(A), Some(&[3][..]));
        }

        #[test]
        fn any_bytes_in_a_state_file_open_or_give_a_typed_error(bytes in proptest::collection::vec(any::<u8>(), 0..200), header: bool) {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("card");
            let mut content = if header { record::HEADER.to_vec() } else { Vec::new() };
            content.extend(bytes);
            std::fs::write(&path, content).unwrap();
            let _ = Memory::in_file(&path);
        }
    }

    #[test]
    fn a_file_keeps_the_cells_and_drops_a_torn_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("card");
        {
            let mut memory = Memory::in_file(&path).unwrap();
            memory.commit(pair(1)).unwrap();
            memory.set_hook(Some(Box::new(|_: &Write<'_>| Fate::Tear { after: 9 })));
            assert!(memory.commit(pair(2)).is_err());
        }
        let mut memory = Memory::in_file(&path).unwrap();
        assert_eq!(memory.get(A), Some(&[1][..]));
        memory.commit(pair(3)).unwrap();
        drop(memory);
        let memory = Memory::in_file(&path).unwrap();
        assert_eq!(memory.get(B), Some(&[3; 8][..]));
    }

    #[test]
    fn a_growing_log_is_rewritten_and_keeps_every_cell() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("card");
        let mut memory = Memory::in_file(&path).unwrap();
        memory.commit(pair(7)).unwrap();
        let object = Cell::Object(Tag(0x5F_C102));
        for round in 0..10_u8 {
            let value = vec![round; 60_000];
            memory
                .commit(Transaction::new().set(object, value))
                .unwrap();
        }
        assert!(std::fs::metadata(&path).unwrap().len() < 500_000);
        drop(memory);
        let memory = Memory::in_file(&path).unwrap();
        assert_eq!(memory.get(A), Some(&[7][..]));
        assert_eq!(memory.get(object).unwrap()[0], 9);
    }

    #[test]
    fn a_flipped_bit_in_a_complete_record_is_reported() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("card");
        Memory::in_file(&path).unwrap().commit(pair(1)).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() - 12;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(
            Memory::in_file(&path),
            Err(StateError::Damaged { .. })
        ));
    }

    #[test]
    fn a_state_file_has_one_user() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("card");
        let _first = Memory::in_file(&path).unwrap();
        assert!(matches!(
            Memory::in_file(&path),
            Err(StateError::InUse { .. })
        ));
    }

    #[test]
    fn a_file_of_another_version_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("card");
        let mut header = record::HEADER;
        header[header.len() - 1] += 1;
        std::fs::write(&path, header).unwrap();
        assert!(matches!(
            Memory::in_file(&path),
            Err(StateError::Format { .. })
        ));
    }
}
