//! Changing a directory file so that it can be read after every single write.
//!
//! A card takes one UPDATE BINARY whole or not at all, but power can go between two of them. So
//! new records are written from their end to their start, old ones filled with zeros likewise, and
//! what stays is not moved. Records are found behind zeros, by OpenSC too, but not behind zeros at
//! the very start of a file: there something else is put first.

use super::directory::{Directory, Entry, Record};

/// Bytes to be written at an offset, in one command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Write {
    /// Where.
    pub offset: usize,
    /// What.
    pub bytes: Vec<u8>,
}

/// Adds a record to a file of this size. `None` if there is no room.
#[must_use]
pub fn append<T: Record>(file: &[u8], record: &[u8], most: usize) -> Option<Vec<Write>> {
    let directory = Directory::<T>::read(file);
    let mut free = 0;
    for entry in &directory.entries {
        if entry.offset.saturating_sub(free) >= record.len() {
            break;
        }
        free = entry.offset + entry.raw.len();
    }
    (file.len().checked_sub(free)? >= record.len()).then(|| from_the_end(free, record, most))
}

/// Puts a record in the place of another: in one write where both are as long and fit one, else
/// beside it first. `None` if there is no room for both.
#[must_use]
pub fn replace<T: Record>(
    file: &[u8],
    old: &Entry<T>,
    record: &[u8],
    most: usize,
) -> Option<Vec<Write>> {
    if record.len() == old.raw.len() && record.len() <= most {
        return Some(vec![Write {
            offset: old.offset,
            bytes: record.to_vec(),
        }]);
    }
    let mut writes = append::<T>(file, record, most)?;
    let mut after = file.to_vec();
    apply(&mut after, &writes);
    writes.extend(remove::<T>(&after, old.offset, most));
    Some(writes)
}

/// Removes the record at this offset.
#[must_use]
pub fn remove<T: Record>(file: &[u8], offset: usize, most: usize) -> Vec<Write> {
    let directory = Directory::<T>::read(file);
    let Some(old) = directory
        .entries
        .iter()
        .find(|entry| entry.offset == offset)
    else {
        return Vec::new();
    };
    let zeros = vec![0; old.raw.len()];
    let others = || {
        directory
            .entries
            .iter()
            .filter(|entry| entry.offset > offset)
    };
    if offset > 0 || others().next().is_none() {
        return from_the_end(offset, &zeros, most);
    }
    // Something has to stand at the start: a record that fits, twice for a moment.
    if old.raw.len() <= most
        && let Some(other) = others().find(|entry| entry.raw.len() <= old.raw.len())
    {
        let mut bytes = other.raw.clone();
        bytes.resize(old.raw.len(), 0);
        let mut writes = vec![Write { offset: 0, bytes }];
        writes.extend(from_the_end(other.offset, &vec![0; other.raw.len()], most));
        return writes;
    }
    // Nothing fits: all of it anew, which is the one change that must not be broken off.
    let mut whole: Vec<u8> = others().flat_map(|entry| entry.raw.clone()).collect();
    let end = directory
        .entries
        .last()
        .map_or(0, |entry| entry.offset + entry.raw.len());
    whole.resize(end, 0);
    whole
        .chunks(most)
        .enumerate()
        .map(|(n, bytes)| Write {
            offset: n * most,
            bytes: bytes.to_vec(),
        })
        .collect()
}

/// The file as it is after these writes.
pub fn apply(file: &mut [u8], writes: &[Write]) {
    for write in writes {
        file[write.offset..write.offset + write.bytes.len()].copy_from_slice(&write.bytes);
    }
}

fn from_the_end(offset: usize, bytes: &[u8], most: usize) -> Vec<Write> {
    let chunks = bytes.chunks(most).enumerate();
    let mut writes: Vec<_> = chunks
        .map(|(n, bytes)| Write {
            offset: offset + n * most,
            bytes: bytes.to_vec(),
        })
        .collect();
    writes.reverse();
    writes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pkcs15::{DirectoryEntry, DirectoryKind, Place};

    const FILE: usize = 700;

    fn record(length: usize) -> DirectoryEntry {
        DirectoryEntry {
            kind: DirectoryKind::DataObjects,
            place: Place::Here(vec![0xA5; length]),
        }
    }

    fn read(file: &[u8]) -> Vec<DirectoryEntry> {
        Directory::read(file).values().cloned().collect()
    }

    proptest! {
        /// Whatever is added and removed and wherever power goes, the other records are there.
        #[test]
        fn records_that_stay_are_readable_after_every_write(
            steps in proptest::collection::vec((any::<bool>(), 0_usize..200, any::<prop::sample::Index>()), 1..20),
            most in prop_oneof![Just(239_usize), Just(255)],
        ) {
            let mut file = vec![0; FILE];
            for (add, length, which) in steps {
                let before = read(&file);
                let directory = Directory::<DirectoryEntry>::read(&file);
                let (writes, stay) = if add || before.is_empty() {
                    let Some(writes) = append::<DirectoryEntry>(&file, &record(length).encode(), most) else {
                        continue;
                    };
                    (writes, before.clone())
                } else {
                    let entry = &directory.entries[which.index(directory.entries.len())];
                    let writes = remove::<DirectoryEntry>(&file, entry.offset, most);
                    let mut stay = before.clone();
                    let gone = entry.value.clone().expect("all can be read");
                    let at = stay.iter().position(|value| *value == gone).expect("it is there");
                    stay.remove(at);
                    (writes, stay)
                };
                let whole_file = writes.len() > 1 && writes[0].offset == 0 && writes[1].offset == most;
                for write in &writes {
                    apply(&mut file, std::slice::from_ref(write));
                    let now = read(&file);
                    for value in &stay {
                        prop_assert!(whole_file || now.contains(value), "{value:?}");
                    }
                    // OpenSC stops at a file that starts with zeros.
                    prop_assert!(stay.is_empty() || file[0] != 0);
                }
                let expected = before.len() + usize::from(stay.len() == before.len()) - usize::from(stay.len() < before.len());
                prop_assert_eq!(read(&file).len(), expected);
            }
        }
    }

    #[test]
    fn a_record_of_the_same_length_is_replaced_in_one_write() {
        let mut file = vec![0; FILE];
        apply(
            &mut file,
            &append::<DirectoryEntry>(&[0; FILE], &record(10).encode(), 255).unwrap(),
        );
        let old = Directory::<DirectoryEntry>::read(&file).entries.remove(0);
        let mut new = record(10).encode();
        new[0] = 0xA1;
        let writes = replace(&file, &old, &new, 255).unwrap();
        assert_eq!(writes.len(), 1);
        let longer = replace(&file, &old, &record(11).encode(), 255).unwrap();
        apply(&mut file, &longer);
        assert_eq!(read(&file), [record(11)]);
        assert!(append::<DirectoryEntry>(&file, &[0xA7; FILE], 255).is_none());
    }
}
