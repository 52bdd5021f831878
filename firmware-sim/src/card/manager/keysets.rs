//! The key sets of the security domain in non-volatile memory.
//!
//! All of them are one cell, so that replacing one set, or giving it another version, is one
//! write: `{ version(1) length(1) ENC(length) MAC(length) DEK(length) }*`.

use zeroize::Zeroizing;

/// The most key sets a domain holds.
pub(super) const MOST: usize = 8;

/// One set, borrowed from the cell.
#[derive(Clone, Copy)]
pub(super) struct KeySet<'a> {
    pub(super) version: u8,
    /// ENC, MAC, DEK laid end to end.
    keys: &'a [u8],
}

impl<'a> KeySet<'a> {
    /// `None` unless these are three AES keys of one length.
    pub(super) fn new(version: u8, keys: &'a [u8]) -> Option<Self> {
        matches!(keys.len(), 48 | 72 | 96).then_some(Self { version, keys })
    }

    /// ENC, MAC, DEK.
    pub(super) fn keys(self) -> [&'a [u8]; 3] {
        let length = self.keys.len() / 3;
        let (encryption, rest) = self.keys.split_at(length);
        let (mac, data_encryption) = rest.split_at(length);
        [encryption, mac, data_encryption]
    }
}

/// The sets in a cell, in order.
pub(super) fn read(cell: &[u8]) -> Vec<KeySet<'_>> {
    let mut sets = Vec::new();
    let mut rest = cell;
    while let &[version, length, ref after @ ..] = rest {
        let Some((keys, after)) = after.split_at_checked(3 * usize::from(length)) else {
            break;
        };
        sets.extend(KeySet::new(version, keys));
        rest = after;
    }
    sets
}

/// A cell of these sets.
pub(super) fn write(sets: &[KeySet<'_>]) -> Zeroizing<Vec<u8>> {
    let length = sets.iter().map(|set| 2 + set.keys.len()).sum();
    let mut cell = Zeroizing::new(Vec::with_capacity(length));
    for set in sets {
        cell.push(set.version);
        // 16, 24 or 32.
        cell.push((set.keys.len() / 3) as u8);
        cell.extend_from_slice(set.keys);
    }
    cell
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sets_read_back(sets in proptest::collection::vec((any::<u8>(), prop_oneof![Just(48), Just(72), Just(96)]), 0..MOST)) {
            let keys: Vec<Vec<u8>> = sets.iter().map(|&(fill, length)| vec![fill; length]).collect();
            let sets: Vec<KeySet<'_>> = sets
                .iter()
                .zip(&keys)
                .map(|(&(version, _), keys)| KeySet::new(version, keys).unwrap())
                .collect();
            let cell = write(&sets);
            let back = read(&cell);
            prop_assert_eq!(back.len(), sets.len());
            for (left, right) in back.iter().zip(&sets) {
                prop_assert_eq!(left.version, right.version);
                prop_assert_eq!(left.keys(), right.keys());
            }
        }

        #[test]
        fn any_cell_reads(cell in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&cell);
        }
    }
}
