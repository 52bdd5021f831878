//! Chips in state files: what is the same for every kind.

use std::io;
use std::path::Path;

use super::nvm::{Cell, Memory, StateError, Transaction};

/// A chip as its file has it.
pub(super) struct Kept {
    pub(super) memory: Memory,
    pub(super) number: u64,
    /// The TOML of its model.
    pub(super) model: String,
}

/// What a state file was found to hold.
pub(super) enum Found {
    /// A new chip was put into it.
    Made(Memory),
    /// This was there.
    Kept(Kept),
}

/// The chip in the file, or a new one from the factory if there is none.
pub(super) fn open(
    path: &Path,
    factory: impl FnOnce() -> Transaction,
) -> Result<Found, StateError> {
    let mut memory = Memory::in_file(path)?;
    if memory.get(Cell::Number).is_some() {
        return read(memory, path).map(Found::Kept);
    }
    put(&mut memory, path, factory())?;
    Ok(Found::Made(memory))
}

/// The chip in the file; `None` when there is none yet.
pub(super) fn resume(path: &Path) -> Result<Option<Kept>, StateError> {
    if !path.exists() {
        return Ok(None);
    }
    let memory = Memory::in_file(path)?;
    match memory.get(Cell::Number) {
        None => Ok(None),
        Some(_) => read(memory, path).map(Some),
    }
}

/// Writes what a new chip holds.
pub(super) fn put(
    memory: &mut Memory,
    path: &Path,
    contents: Transaction,
) -> Result<(), StateError> {
    memory.commit(contents).map_err(|error| StateError::File {
        path: path.display().to_string(),
        source: io::Error::other(error),
    })
}

fn read(memory: Memory, path: &Path) -> Result<Kept, StateError> {
    let damaged = || StateError::Damaged {
        path: path.display().to_string(),
        offset: 0,
    };
    let number = memory
        .get(Cell::Number)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u64::from_be_bytes)
        .ok_or_else(damaged)?;
    let text = memory.get(Cell::Model).ok_or_else(damaged)?;
    let model = std::str::from_utf8(text).map_err(|_| damaged())?.to_owned();
    Ok(Kept {
        memory,
        number,
        model,
    })
}

/// A chip that was found must be the one asked for: model by name, and number.
pub(super) fn expect_same(
    path: &Path,
    asked: (&str, u64),
    found: (&str, u64),
) -> Result<(), StateError> {
    let other = |what, expected: String, actual: String| {
        Err(StateError::OtherCard {
            path: path.display().to_string(),
            what,
            expected,
            actual,
        })
    };
    if found.1 != asked.1 {
        return other("number", asked.1.to_string(), found.1.to_string());
    }
    if found.0 != asked.0 {
        return other("model", asked.0.to_owned(), found.0.to_owned());
    }
    Ok(())
}
