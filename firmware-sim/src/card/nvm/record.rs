//! The log's form: a header, then records.
//!
//! ```text
//! header   "CARDLOG" version(2)
//! record   length(4) !length(4) payload(length) check(8)
//! payload  { kind(1) number(3) size(4) value(size) }*
//! check    first 8 bytes of SHA-256(payload)
//! ```
//!
//! Numbers are big endian. Only the last record can be incomplete, so an incomplete one is a
//! torn end, and a complete one that does not check is damage.

use std::collections::BTreeMap;

use iso7816::ber::Tag;
use piv::words::{KeyReference, PinReference};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use super::Cell;

/// The version of the form.
pub(super) const VERSION: u16 = 1;

/// What a log begins with.
pub(super) const HEADER: [u8; 9] = *b"CARDLOG\x00\x01";

const CHECK: usize = 8;

/// A log as read back.
pub(super) struct Log {
    pub(super) cells: BTreeMap<Cell, Zeroizing<Vec<u8>>>,
    /// Up to where it is good.
    pub(super) length: usize,
}

/// Why bytes are no log.
#[derive(Debug, Error)]
pub(crate) enum LogError {
    #[error("no card state of version {VERSION}")]
    Format,
    #[error("damaged at byte {offset}")]
    Damaged { offset: usize },
}

/// Appends one record.
pub(super) fn write(out: &mut Vec<u8>, cells: &[(Cell, Zeroizing<Vec<u8>>)]) {
    let size: usize = cells.iter().map(|(_, value)| 8 + value.len()).sum();
    let length = length_word(size);
    // Room for everything at once: a growing vector would leave copies of keys behind.
    out.reserve(8 + size + CHECK);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&(!length).to_be_bytes());
    let start = out.len();
    for (cell, value) in cells {
        out.extend_from_slice(&cell_word(*cell).to_be_bytes());
        out.extend_from_slice(&length_word(value.len()).to_be_bytes());
        out.extend_from_slice(value);
    }
    let check = Sha256::digest(&out[start..]);
    out.extend_from_slice(&check[..CHECK]);
}

/// Reads a whole log.
pub(super) fn read(bytes: &[u8]) -> Result<Log, LogError> {
    let mut log = Log {
        cells: BTreeMap::new(),
        length: 0,
    };
    let Some(mut rest) = bytes.strip_prefix(&HEADER) else {
        // A header cut short is the torn end of a log without records.
        return if HEADER.starts_with(bytes) {
            Ok(log)
        } else {
            Err(LogError::Format)
        };
    };
    log.length = HEADER.len();
    while let Some(payload) =
        next_payload(rest).map_err(|()| LogError::Damaged { offset: log.length })?
    {
        read_cells(payload, &mut log.cells).ok_or(LogError::Damaged { offset: log.length })?;
        let size = 8 + payload.len() + CHECK;
        log.length += size;
        rest = &rest[size..];
    }
    if log.cells.is_empty() {
        // The header is written together with the first record.
        log.length = 0;
    }
    Ok(log)
}

/// The payload of the next record; `None` at the end or a torn end, an error for damage.
fn next_payload(bytes: &[u8]) -> Result<Option<&[u8]>, ()> {
    let Some((head, rest)) = bytes.split_first_chunk::<8>() else {
        return Ok(None);
    };
    let word = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if word(0) != !word(4) {
        return Err(());
    }
    let length = usize::try_from(word(0)).map_err(|_| ())?;
    let Some((payload, rest)) = rest.split_at_checked(length) else {
        return Ok(None);
    };
    let Some(check) = rest.first_chunk::<CHECK>() else {
        return Ok(None);
    };
    if Sha256::digest(payload)[..CHECK] != *check {
        return Err(());
    }
    Ok(Some(payload))
}

fn read_cells(mut payload: &[u8], cells: &mut BTreeMap<Cell, Zeroizing<Vec<u8>>>) -> Option<()> {
    while !payload.is_empty() {
        let (head, rest) = payload.split_first_chunk::<8>()?;
        let cell = cell_from(u32::from_be_bytes([head[0], head[1], head[2], head[3]]))?;
        let length = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        cells.insert(cell, Zeroizing::new(value.to_vec()));
        payload = rest;
    }
    Some(())
}

fn length_word(length: usize) -> u32 {
    u32::try_from(length).expect("what a card holds is far below 4 GiB")
}

fn cell_word(cell: Cell) -> u32 {
    let (kind, number) = match cell {
        Cell::Model => (1, 0),
        Cell::Number => (2, 0),
        Cell::RandomStreams => (3, 0),
        Cell::Reference(reference) => (4, u32::from(reference.byte())),
        Cell::Tries(reference) => (5, u32::from(reference.byte())),
        Cell::Key(key) => (6, u32::from(key.byte())),
        Cell::Object(tag) => (7, tag.0),
        Cell::Certificate => (8, 0),
        Cell::Refusal(tag) => (9, tag.0),
        Cell::AnswerToReset => (10, 0),
        Cell::SelectAnswer => (11, 0),
        Cell::IssuerObject(tag) => (12, u32::from(tag)),
        Cell::KeySets => (16, 0),
        Cell::KeySetTries => (17, 0),
        Cell::SequenceCounter => (18, 0),
        Cell::File(place) => (32, u32::from(place)),
        Cell::Credential(reference) => (33, u32::from(reference)),
        Cell::KeyObject(reference) => (34, u32::from(reference)),
    };
    kind << 24 | number
}

fn cell_from(word: u32) -> Option<Cell> {
    let number = word & 0x00FF_FFFF;
    let byte = || u8::try_from(number).ok();
    Some(match word >> 24 {
        1 => Cell::Model,
        2 => Cell::Number,
        3 => Cell::RandomStreams,
        4 => Cell::Reference(PinReference::from_byte(byte()?)?),
        5 => Cell::Tries(PinReference::from_byte(byte()?)?),
        6 => Cell::Key(KeyReference::from_byte(byte()?)?),
        7 => Cell::Object(Tag(number)),
        8 => Cell::Certificate,
        9 => Cell::Refusal(Tag(number)),
        10 => Cell::AnswerToReset,
        11 => Cell::SelectAnswer,
        12 => Cell::IssuerObject(u16::try_from(number).ok()?),
        16 => Cell::KeySets,
        17 => Cell::KeySetTries,
        18 => Cell::SequenceCounter,
        32 => Cell::File(u16::try_from(number).ok()?),
        33 => Cell::Credential(byte()?),
        34 => Cell::KeyObject(byte()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_ends_with_the_version() {
        assert_eq!(HEADER[7..], VERSION.to_be_bytes());
    }

    #[test]
    fn every_cell_survives_its_word() {
        let cells = [
            Cell::Model,
            Cell::Number,
            Cell::RandomStreams,
            Cell::Reference(PinReference::Unblocking),
            Cell::Tries(PinReference::Global),
            Cell::Key(KeyReference::Signature),
            Cell::Object(Tag(0x5F_C123)),
            Cell::Certificate,
            Cell::Refusal(Tag(0x5F_C121)),
            Cell::AnswerToReset,
            Cell::SelectAnswer,
            Cell::IssuerObject(0x9F7F),
            Cell::KeySets,
            Cell::KeySetTries,
            Cell::SequenceCounter,
            Cell::File(0x0102),
            Cell::Credential(0x81),
            Cell::KeyObject(0x82),
        ];
        for cell in cells {
            assert_eq!(cell_from(cell_word(cell)), Some(cell));
        }
    }
}
