use std::fmt;

use crate::words::v2::class;
use crate::{FilePath, Finding, KeyId, Parsed, Problem};

/// An object by the identifier of its file: class and index.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ObjectId(pub u16);

impl ObjectId {
    /// From class ([`class`]) and index.
    #[must_use]
    pub const fn new(class: u8, index: u8) -> Self {
        Self(u16::from_be_bytes([class, index]))
    }

    /// The class, the upper byte.
    #[must_use]
    pub const fn class(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// The index, the lower byte.
    #[must_use]
    pub const fn index(self) -> u8 {
        (self.0 & 0xFF) as u8
    }

    /// The index as a key's.
    #[must_use]
    pub const fn key(self) -> KeyId {
        KeyId(self.index())
    }

    /// The file with the object's attributes.
    #[must_use]
    pub const fn attributes(self) -> u16 {
        self.0 | 0x0100
    }

    /// Whether it is listed among the private objects; `None` for a class that is not known.
    #[must_use]
    pub const fn is_private(self) -> Option<bool> {
        match self.class() {
            class::PUBLIC_KEY | class::CERTIFICATE | class::PUBLIC_DATA | class::PUBLIC_DES_KEY => {
                Some(false)
            }
            class::PRIVATE_KEY | class::PRIVATE_DES_KEY | class::PRIVATE_DATA => Some(true),
            _ => None,
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "object {:04X}", self.0)
    }
}

/// An entry of an object list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The object.
    pub id: ObjectId,
    /// Bits of a key's modulus, bytes of anything else.
    pub size: u16,
}

/// A place in an object list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Slot {
    /// An object.
    Used(Entry),
    /// Free: never used, or deleted. The five bytes as they are.
    Free([u8; Slot::SIZE]),
}

impl Slot {
    /// Bytes of a place.
    pub const SIZE: usize = 5;
    /// First byte of a place in use.
    pub const USED: u8 = 0xFF;

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> [u8; Self::SIZE] {
        match self {
            Self::Used(entry) => {
                let [class, index] = entry.id.0.to_be_bytes();
                let [high, low] = entry.size.to_be_bytes();
                [Self::USED, class, index, high, low]
            }
            Self::Free(bytes) => *bytes,
        }
    }
}

/// An object list, file 4000 or 5000: places of five bytes, `FF id id size size`; a place whose
/// first byte is not FF is free.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ObjectList {
    /// The places, in order.
    pub slots: Vec<Slot>,
}

impl ObjectList {
    /// Reads it, leniently. A place of nothing but FF was never written and is taken as free.
    #[must_use]
    pub fn parse(file: &FilePath, bytes: &[u8]) -> Parsed<Self> {
        let mut findings = Vec::new();
        let mut slots = Vec::new();
        let (places, rest) = bytes.as_chunks::<{ Slot::SIZE }>();
        let mut seen = std::collections::HashSet::new();
        for (number, place) in places.iter().enumerate() {
            let at = number * Slot::SIZE;
            let [first, class, index, high, low] = *place;
            if first != Slot::USED || *place == [0xFF; Slot::SIZE] {
                slots.push(Slot::Free(*place));
                continue;
            }
            let id = ObjectId::new(class, index);
            if id.is_private().is_none() {
                findings.push(Finding::at(
                    file,
                    at,
                    Problem::Unexpected {
                        element: "object",
                        detail: format!("{id} is of no known class"),
                    },
                ));
            }
            if !seen.insert(id) {
                findings.push(Finding::at(
                    file,
                    at,
                    Problem::Duplicate {
                        what: id.to_string(),
                    },
                ));
            }
            slots.push(Slot::Used(Entry {
                id,
                size: u16::from_be_bytes([high, low]),
            }));
        }
        if rest.iter().any(|byte| !matches!(byte, 0x00 | 0xFF)) {
            findings.push(Finding::at(
                file,
                bytes.len() - rest.len(),
                Problem::Trailing { bytes: rest.len() },
            ));
        }
        Parsed {
            value: Self { slots },
            findings,
            raw: bytes.to_vec(),
        }
    }

    /// The bytes of the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.slots.iter().flat_map(Slot::bytes).collect()
    }

    /// The objects, in the order of their places.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Used(entry) => Some(*entry),
            Slot::Free(_) => None,
        })
    }

    /// The place of an object, from 0.
    #[must_use]
    pub fn position(&self, id: ObjectId) -> Option<usize> {
        self.slots
            .iter()
            .position(|slot| matches!(slot, Slot::Used(entry) if entry.id == id))
    }

    /// The first free place, from 0.
    #[must_use]
    pub fn free(&self) -> Option<usize> {
        self.slots
            .iter()
            .position(|slot| matches!(slot, Slot::Free(_)))
    }

    /// Whether it has places never written, which other software takes for objects.
    #[must_use]
    pub fn has_unwritten(&self) -> bool {
        self.slots.contains(&Slot::Free([0xFF; Slot::SIZE]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file() -> FilePath {
        FilePath::below_master(&[0x5011, 0x4000])
    }

    #[test]
    fn an_object_list_has_used_and_free_places() {
        let bytes =
            hex::decode("FF20010412 0020020333 FF10010800 FFFFFFFFFF 0000000000".replace(' ', ""));
        let bytes = bytes.unwrap();
        let parsed = ObjectList::parse(&file(), &bytes);
        assert_eq!(parsed.findings, []);
        let entries: Vec<_> = parsed.value.entries().map(|e| (e.id.0, e.size)).collect();
        assert_eq!(entries, [(0x2001, 0x0412), (0x1001, 2048)]);
        assert_eq!(parsed.value.free(), Some(1));
        assert_eq!(parsed.value.position(ObjectId(0x1001)), Some(2));
        assert!(parsed.value.has_unwritten());
        assert_eq!(parsed.value.encode(), bytes);
        assert_eq!(ObjectId(0x2001).attributes(), 0x2101);
    }

    #[test]
    fn unknown_classes_and_double_entries_are_found() {
        let bytes = hex::decode("FF80010010FF20010010FF20010010AB").unwrap();
        let found: Vec<_> = ObjectList::parse(&file(), &bytes)
            .findings
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            [
                "error: file 3F00/5011/4000, byte 0: object: object 8001 is of no known class",
                "warning: file 3F00/5011/4000, byte 10: two entries for object 2001",
                "warning: file 3F00/5011/4000, byte 15: 1 bytes after the last element",
            ]
        );
    }

    proptest! {
        #[test]
        fn any_list_is_written_back_as_it_was(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let parsed = ObjectList::parse(&file(), &bytes);
            prop_assert_eq!(&parsed.value.encode()[..], &bytes[..bytes.len() / 5 * 5]);
        }
    }
}
