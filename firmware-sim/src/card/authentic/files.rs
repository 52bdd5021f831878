//! The files of an AuthentIC application in the chip's memory: a tree of dedicated files, one cell
//! a file.
//!
//! ```text
//! cell  parent(2) identifier(2) type(1) coding(1) size(2) access(8) body
//! ```
//!
//! Numbers are big endian. A cell without content is a place that is free again.

use zeroize::Zeroizing;

use crate::card::nvm::{Cell, Memory};

/// Where a file is kept; the place of the master file is the first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Place(pub(super) u16);

/// The master file.
pub(super) const MASTER: Place = Place(0);

/// Bytes before the body.
pub(super) const HEADER: usize = 16;

impl Place {
    pub(super) fn cell(self) -> Cell {
        Cell::File(self.0)
    }
}

/// All of a file but its content.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Header {
    pub(super) parent: Place,
    pub(super) identifier: u16,
    /// The file descriptor byte of the application's version.
    pub(super) kind: u8,
    /// The byte after it.
    pub(super) coding: u8,
    /// As the file was created with: bytes, or bits for a key.
    pub(super) size: u16,
    pub(super) access: [u8; 8],
}

impl Header {
    /// The file as its cell holds it.
    pub(super) fn with(&self, body: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut cell = Zeroizing::new(Vec::with_capacity(HEADER + body.len()));
        cell.extend_from_slice(&self.parent.0.to_be_bytes());
        cell.extend_from_slice(&self.identifier.to_be_bytes());
        cell.extend_from_slice(&[self.kind, self.coding]);
        cell.extend_from_slice(&self.size.to_be_bytes());
        cell.extend_from_slice(&self.access);
        cell.extend_from_slice(body);
        cell
    }

    fn read(cell: &[u8]) -> Option<(Self, &[u8])> {
        let (
            &[
                parent_high,
                parent_low,
                high,
                low,
                kind,
                coding,
                size_high,
                size_low,
                access @ ..,
            ],
            body,
        ) = cell.split_first_chunk::<HEADER>()?;
        let header = Self {
            parent: Place(u16::from_be_bytes([parent_high, parent_low])),
            identifier: u16::from_be_bytes([high, low]),
            kind,
            coding,
            size: u16::from_be_bytes([size_high, size_low]),
            access,
        };
        Some((header, body))
    }
}

/// The file at a place.
pub(super) fn file(memory: &Memory, place: Place) -> Option<(Header, &[u8])> {
    Header::read(memory.get(place.cell())?)
}

/// Its body; empty when there is no such file.
pub(super) fn body(memory: &Memory, place: Place) -> &[u8] {
    file(memory, place).map_or(&[], |(_, body)| body)
}

/// All files, by their places.
pub(super) fn all(memory: &Memory) -> impl Iterator<Item = (Place, Header, &[u8])> {
    memory.cells().filter_map(|(cell, value)| match cell {
        Cell::File(place) => {
            let (header, body) = Header::read(value)?;
            Some((Place(place), header, body))
        }
        _ => None,
    })
}

/// The files right under a dedicated file, in the order of their places.
pub(super) fn children(memory: &Memory, parent: Place) -> impl Iterator<Item = (Place, Header)> {
    all(memory).filter_map(move |(place, header, _)| {
        // The master file is its own parent.
        (header.parent == parent && place != MASTER).then_some((place, header))
    })
}

/// The file of this identifier right under a dedicated file.
pub(super) fn child(memory: &Memory, parent: Place, identifier: u16) -> Option<(Place, Header)> {
    children(memory, parent).find(|(_, header)| header.identifier == identifier)
}

/// Whether a file is `ancestor` or somewhere under it.
pub(super) fn is_within(memory: &Memory, mut place: Place, ancestor: Place) -> bool {
    // A tree of the files of a chip is no deeper than there are files.
    for _ in 0..=all(memory).count() {
        if place == ancestor {
            return true;
        }
        match file(memory, place) {
            Some((header, _)) if place != MASTER => place = header.parent,
            _ => return false,
        }
    }
    false
}

/// A place for another file; `None` when all are taken.
pub(super) fn free_place(memory: &Memory) -> Option<Place> {
    (1..=u16::MAX)
        .map(Place)
        .find(|place| memory.get(place.cell()).is_none_or(<[u8]>::is_empty))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::card::nvm::Transaction;

    proptest! {
        #[test]
        fn a_file_reads_back(
            parent: u16, identifier: u16, kind: u8, coding: u8, size: u16, access: [u8; 8],
            content in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let header = Header { parent: Place(parent), identifier, kind, coding, size, access };
            let mut memory = Memory::volatile();
            let place = Place(7);
            memory.commit(Transaction::new().set(place.cell(), header.with(&content).to_vec())).unwrap();
            prop_assert_eq!(file(&memory, place), Some((header, &content[..])));
            prop_assert_eq!(body(&memory, place), &content[..]);
        }

        /// Whatever parents cells name, loops among them too.
        #[test]
        fn any_cells_are_walked_to_an_end(
            cells in proptest::collection::vec((0_u16..6, proptest::collection::vec(0_u8..6, 0..20)), 0..8),
            from in 0_u16..6, to in 0_u16..6,
        ) {
            let mut memory = Memory::volatile();
            for (place, cell) in cells {
                memory.commit(Transaction::new().set(Cell::File(place), cell)).unwrap();
            }
            let _ = is_within(&memory, Place(from), Place(to));
            prop_assert!(children(&memory, MASTER).all(|(place, _)| place != MASTER));
        }
    }

    #[test]
    fn a_free_place_is_used_again() {
        let mut memory = Memory::volatile();
        let header = Header {
            parent: MASTER,
            identifier: 0x5011,
            kind: 0x38,
            coding: 0,
            size: 0,
            access: [0; 8],
        };
        for place in [MASTER, Place(1), Place(2)] {
            let cells = Transaction::new().set(place.cell(), header.with(&[]).to_vec());
            memory.commit(cells).unwrap();
        }
        assert_eq!(free_place(&memory), Some(Place(3)));
        memory
            .commit(Transaction::new().set(Place(1).cell(), []))
            .unwrap();
        assert_eq!(free_place(&memory), Some(Place(1)));
        assert_eq!(children(&memory, MASTER).count(), 1);
    }
}
