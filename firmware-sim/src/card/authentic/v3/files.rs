//! The files of v3: what CREATE FILE makes one of, what SELECT answers, and what is within reach of
//! what is selected. The tree itself is kept as that of the other version.

use std::collections::BTreeMap;

use ::authentic::words::v3::{TYPE_DF, TYPE_TRANSPARENT, df, file};
use ::authentic::words::{
    FCP_ACCESS, FCP_IDENTIFIER, FCP_SIZE, FCP_TYPE, FILE_CONTROL_INFORMATION,
    FILE_CONTROL_PARAMETERS, MASTER_FILE,
};
use iso7816::StatusWord;
use iso7816::ber::{self, Reader, Tag};
use zeroize::Zeroizing;

use super::access::{self, Pair};
use crate::card::authentic::files::{self, Header, MASTER, Place};
use crate::card::nvm::Memory;

/// ISO/IEC 7816-4, 7.4.3: DF name, a file control parameter.
const FCP_NAME: u8 = 0x84;
/// ISO/IEC 7816-4, 7.4.3 and 7.4.10: life cycle status, a file control parameter.
const FCP_LIFE_CYCLE: u8 = 0x8A;
/// Operational and activated.
const ACTIVATED: u8 = 0x05;

/// A file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct File {
    pub(super) identifier: u16,
    pub(super) parent: Place,
    pub(super) kind: Kind,
}

/// What a file is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Dedicated {
        access: [Pair; df::PAIRS],
        /// Up to 16 bytes; empty for none.
        name: Vec<u8>,
    },
    Transparent {
        size: u16,
        access: [Pair; file::PAIRS],
    },
}

impl File {
    /// From the data field of CREATE FILE, `62 { 80 size, 82 type, 83 identifier, 86 access }`, for
    /// a DF with `84 name` if it has one.
    ///
    /// # Errors
    ///
    /// 6A80 for anything else.
    pub(super) fn from_template(data: &[u8], parent: Place) -> Result<Self, StatusWord> {
        const WRONG: StatusWord = StatusWord::WRONG_DATA;
        let template = ber::expect(Tag(FILE_CONTROL_PARAMETERS.into()), data).map_err(|_| WRONG)?;
        let mut parameters: BTreeMap<u8, &[u8]> = BTreeMap::new();
        for parameter in Reader::new(template) {
            let parameter = parameter.map_err(|_| WRONG)?;
            let tag = u8::try_from(parameter.tag.0).map_err(|_| WRONG)?;
            if parameters.insert(tag, parameter.value).is_some() {
                return Err(WRONG);
            }
        }
        let mut take = |tag: u8| parameters.remove(&tag);
        let two = |bytes: &[u8]| bytes.try_into().map(u16::from_be_bytes).map_err(|_| WRONG);
        let identifier = two(take(FCP_IDENTIFIER).ok_or(WRONG)?)?;
        let kind = take(FCP_TYPE).ok_or(WRONG)?;
        let size = take(FCP_SIZE).map(two).transpose()?;
        let access = take(FCP_ACCESS).ok_or(WRONG)?;
        let name = take(FCP_NAME);
        let life_cycle = take(FCP_LIFE_CYCLE);
        if !parameters.is_empty()
            || is_reserved(identifier)
            || life_cycle.is_some_and(|value| value != [ACTIVATED])
        {
            return Err(WRONG);
        }
        let kind = match (kind, size, name) {
            (&[TYPE_TRANSPARENT], Some(size), None) => Kind::Transparent {
                size,
                access: access::pairs(access).ok_or(WRONG)?,
            },
            (&[TYPE_DF], _, name) => Kind::Dedicated {
                access: access::pairs(access).ok_or(WRONG)?,
                name: match name {
                    Some(name) if name.is_empty() || name.len() > 16 => return Err(WRONG),
                    name => name.unwrap_or_default().to_vec(),
                },
            },
            _ => return Err(WRONG),
        };
        Ok(Self {
            identifier,
            parent,
            kind,
        })
    }

    /// What SELECT answers: the file control information, or the file control parameters alone.
    pub(super) fn control(&self, tag: u8) -> Vec<u8> {
        let mut parameters = Vec::new();
        let mut write = |tag: u8, value: &[u8]| {
            ber::write(&mut parameters, Tag(tag.into()), value);
        };
        let access = match &self.kind {
            Kind::Dedicated { access, .. } => {
                write(FCP_TYPE, &[TYPE_DF]);
                access::bytes(access)
            }
            Kind::Transparent { size, access } => {
                write(FCP_SIZE, &size.to_be_bytes());
                write(FCP_TYPE, &[TYPE_TRANSPARENT]);
                access::bytes(access)
            }
        };
        write(FCP_IDENTIFIER, &self.identifier.to_be_bytes());
        if let Kind::Dedicated { name, .. } = &self.kind
            && !name.is_empty()
        {
            write(FCP_NAME, name);
        }
        write(FCP_LIFE_CYCLE, &[ACTIVATED]);
        write(FCP_ACCESS, &access);
        ber::object(Tag(tag.into()), &parameters)
    }

    /// Its memory cell: a transparent file with its content, a DF with its name.
    pub(super) fn to_cell(&self, content: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut access = [0; 8];
        let (kind, size, pairs, body) = match &self.kind {
            Kind::Dedicated { access, name } => (TYPE_DF, 0, &access[..], &name[..]),
            Kind::Transparent { size, access } => (TYPE_TRANSPARENT, *size, &access[..], content),
        };
        for (to, from) in access.iter_mut().zip(access::bytes(pairs)) {
            *to = from;
        }
        let header = Header {
            parent: self.parent,
            identifier: self.identifier,
            kind,
            coding: 0,
            size,
            access,
        };
        header.with(body)
    }

    /// From what its memory cell holds.
    fn read(header: &Header, body: &[u8]) -> Option<Self> {
        let kind = match header.kind {
            TYPE_DF => Kind::Dedicated {
                access: access::pairs(&header.access[..2 * df::PAIRS])?,
                name: body.to_vec(),
            },
            TYPE_TRANSPARENT => Kind::Transparent {
                size: header.size,
                access: access::pairs(&header.access)?,
            },
            _ => return None,
        };
        Some(Self {
            identifier: header.identifier,
            parent: header.parent,
            kind,
        })
    }

    /// Bytes of non-volatile memory it takes.
    pub(super) fn footprint(&self) -> usize {
        const HEADER: usize = 32;
        HEADER
            + match self.kind {
                Kind::Dedicated { .. } => 0,
                Kind::Transparent { size, .. } => usize::from(size),
            }
    }
}

/// The master file of a new card.
pub(super) fn master(access: [Pair; df::PAIRS]) -> File {
    File {
        identifier: MASTER_FILE,
        parent: MASTER,
        kind: Kind::Dedicated {
            access,
            name: Vec::new(),
        },
    }
}

/// What P2 of SELECT asks for.
pub(super) fn control_tag(p2: u8) -> Option<u8> {
    match p2 {
        0x00 => Some(FILE_CONTROL_INFORMATION),
        0x04 => Some(FILE_CONTROL_PARAMETERS),
        _ => None,
    }
}

/// ISO/IEC 7816-4, 7.2.2: identifiers no new file may have.
fn is_reserved(identifier: u16) -> bool {
    matches!(identifier, 0x0000 | MASTER_FILE | 0x3FFF | 0xFFFF)
}

/// What is selected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Current {
    pub(super) dedicated: Place,
    pub(super) elementary: Option<Place>,
}

impl Current {
    pub(super) const MASTER: Self = Self {
        dedicated: MASTER,
        elementary: None,
    };
}

impl Default for Current {
    fn default() -> Self {
        Self::MASTER
    }
}

/// The files of a card, to be looked up.
#[derive(Clone, Copy)]
pub(super) struct Tree<'a>(pub(super) &'a Memory);

impl<'a> Tree<'a> {
    pub(super) fn get(self, place: Place) -> Option<File> {
        let (header, body) = files::file(self.0, place)?;
        File::read(&header, body)
    }

    /// The file with this identifier immediately under a DF.
    pub(super) fn child(self, of: Place, identifier: u16) -> Option<Place> {
        files::child(self.0, of, identifier).map(|(place, _)| place)
    }

    /// What is selected after SELECT with an identifier alone: the master file, what lies in the
    /// current DF, that DF itself, its parent, or a DF beside it (ISO/IEC 7816-4, 11.2.2).
    pub(super) fn by_identifier(self, current: Current, identifier: u16) -> Option<Current> {
        if identifier == MASTER_FILE {
            return Some(Current::MASTER);
        }
        let here = current.dedicated;
        if let Some(place) = self.child(here, identifier) {
            return self.enter(place);
        }
        let dedicated = self.get(here)?;
        if dedicated.identifier == identifier {
            return self.enter(here);
        }
        if self.get(dedicated.parent)?.identifier == identifier {
            return self.enter(dedicated.parent);
        }
        let beside = self.child(dedicated.parent, identifier)?;
        matches!(self.get(beside)?.kind, Kind::Dedicated { .. })
            .then(|| self.enter(beside))
            .flatten()
    }

    /// What is selected after SELECT with a path from a DF: identifiers, one under the other.
    pub(super) fn by_path(self, from: Place, path: &[[u8; 2]]) -> Option<Current> {
        let end = path.iter().try_fold(from, |place, identifier| {
            self.child(place, u16::from_be_bytes(*identifier))
        })?;
        self.enter(end)
    }

    /// The parent of the current DF; of the master file itself there is none.
    pub(super) fn parent(self, current: Current) -> Option<Current> {
        if current.dedicated == MASTER {
            return None;
        }
        self.enter(self.get(current.dedicated)?.parent)
    }

    /// The DF with this name.
    pub(super) fn by_name(self, sought: &[u8]) -> Option<Current> {
        let (place, ..) = files::all(self.0).find(|(_, header, name)| {
            header.kind == TYPE_DF && !name.is_empty() && *name == sought
        })?;
        self.enter(place)
    }

    /// What is selected when this file is.
    fn enter(self, place: Place) -> Option<Current> {
        let file = self.get(place)?;
        Some(match file.kind {
            Kind::Dedicated { .. } => Current {
                dedicated: place,
                elementary: None,
            },
            Kind::Transparent { .. } => Current {
                dedicated: file.parent,
                elementary: Some(place),
            },
        })
    }

    /// Where a new file goes.
    ///
    /// # Errors
    ///
    /// 6A89 when its DF holds a file with this identifier, or another DF has its name; 6A84 when
    /// no place is left.
    pub(super) fn place_for(self, file: &File) -> Result<Place, StatusWord> {
        let named = match &file.kind {
            Kind::Dedicated { name, .. } => self.by_name(name).is_some(),
            Kind::Transparent { .. } => false,
        };
        if named || self.child(file.parent, file.identifier).is_some() {
            return Err(super::ALREADY_EXISTS);
        }
        files::free_place(self.0).ok_or(StatusWord::NO_MEMORY)
    }

    /// Bytes of non-volatile memory all files take.
    pub(super) fn footprint(self) -> usize {
        files::all(self.0)
            .filter_map(|(_, header, body)| File::read(&header, body))
            .map(|file| file.footprint())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::card::nvm::Transaction;

    const OPEN: [Pair; df::PAIRS] = [Pair::ALWAYS; df::PAIRS];

    fn transparent(parent: Place, identifier: u16) -> File {
        File {
            identifier,
            parent,
            kind: Kind::Transparent {
                size: 8,
                access: [Pair::ALWAYS; file::PAIRS],
            },
        }
    }

    fn dedicated(parent: Place, identifier: u16, name: &[u8]) -> File {
        File {
            identifier,
            parent,
            kind: Kind::Dedicated {
                access: OPEN,
                name: name.to_vec(),
            },
        }
    }

    fn add(memory: &mut Memory, file: &File) -> Result<Place, StatusWord> {
        let place = Tree(memory).place_for(file)?;
        let cell = file.to_cell(&[0; 8]).to_vec();
        memory
            .commit(Transaction::new().set(place.cell(), cell))
            .unwrap();
        Ok(place)
    }

    fn only_master() -> Memory {
        let mut memory = Memory::volatile();
        let cell = master(OPEN).to_cell(&[]).to_vec();
        memory
            .commit(Transaction::new().set(MASTER.cell(), cell))
            .unwrap();
        memory
    }

    /// MF { 2F00, 5015 { 5031, 5032 }, 6000 { 5031 } }
    fn sample() -> (Memory, Place, Place) {
        let mut memory = only_master();
        add(&mut memory, &transparent(MASTER, 0x2F00)).unwrap();
        let first = add(&mut memory, &dedicated(MASTER, 0x5015, b"PKCS-15")).unwrap();
        add(&mut memory, &transparent(first, 0x5031)).unwrap();
        add(&mut memory, &transparent(first, 0x5032)).unwrap();
        let second = add(&mut memory, &dedicated(MASTER, 0x6000, b"")).unwrap();
        add(&mut memory, &transparent(second, 0x5031)).unwrap();
        (memory, first, second)
    }

    /// The template OpenSC sends for a certificate.
    const TEMPLATE: &str = "62158002040082010183 02B00186080000000000010001";

    fn template() -> Vec<u8> {
        hex::decode(TEMPLATE.replace(' ', "")).unwrap()
    }

    #[test]
    fn the_template_of_a_transparent_file_is_read_and_answered() {
        let file = File::from_template(&template(), MASTER).unwrap();
        assert_eq!(file.identifier, 0xB001);
        let Kind::Transparent { size, access } = &file.kind else {
            panic!("{file:?}")
        };
        assert_eq!(*size, 0x0400);
        assert_eq!(access[file::UPDATE], Pair([0, 1]));
        let answer = file.control(FILE_CONTROL_PARAMETERS);
        assert_eq!(
            hex::encode_upper(answer),
            "6218800204008201018302B0018A010586080000000000010001"
        );
    }

    #[test]
    fn a_template_that_lacks_or_doubles_something_is_refused() {
        let whole = template();
        for (from, until) in [(2, 6), (6, 9), (9, 13), (13, 23)] {
            let mut cut = whole.clone();
            cut.drain(from..until);
            cut[1] = u8::try_from(cut.len() - 2).unwrap();
            assert_eq!(
                File::from_template(&cut, MASTER),
                Err(StatusWord::WRONG_DATA),
                "{cut:02X?}"
            );
            let mut doubled = whole.clone();
            doubled.extend_from_slice(&whole[from..until]);
            doubled[1] = u8::try_from(doubled.len() - 2).unwrap();
            assert_eq!(
                File::from_template(&doubled, MASTER),
                Err(StatusWord::WRONG_DATA)
            );
        }
        for identifier in [0x0000_u16, 0x3F00, 0x3FFF, 0xFFFF] {
            let mut reserved = whole.clone();
            reserved[11..13].copy_from_slice(&identifier.to_be_bytes());
            assert!(File::from_template(&reserved, MASTER).is_err());
        }
    }

    #[test]
    fn an_identifier_selects_what_is_near() {
        let (memory, first, second) = sample();
        let tree = Tree(&memory);
        let in_first = Current {
            dedicated: first,
            elementary: None,
        };
        let number = |identifier| tree.child(first, identifier);
        assert_eq!(
            tree.by_identifier(in_first, 0x5031),
            Some(Current {
                elementary: number(0x5031),
                ..in_first
            })
        );
        assert_eq!(tree.by_identifier(in_first, 0x5015), Some(in_first));
        assert_eq!(
            tree.by_identifier(in_first, 0x6000).map(|it| it.dedicated),
            Some(second)
        );
        assert_eq!(
            tree.by_identifier(in_first, MASTER_FILE),
            Some(Current::MASTER)
        );
        // A transparent file beside the current DF is not near.
        assert_eq!(tree.by_identifier(in_first, 0x2F00), None);
        assert_eq!(tree.by_identifier(Current::MASTER, 0x5031), None);
        assert_eq!(tree.parent(in_first), Some(Current::MASTER));
        assert_eq!(tree.parent(Current::MASTER), None);
        assert_eq!(tree.by_name(b"PKCS-15"), Some(in_first));
        assert_eq!(tree.by_name(b""), None);
    }

    #[test]
    fn a_path_goes_down_only() {
        let (memory, first, second) = sample();
        let tree = Tree(&memory);
        let end = tree.by_path(MASTER, &[[0x60, 0x00], [0x50, 0x31]]).unwrap();
        assert_eq!(end.dedicated, second);
        assert_eq!(end.elementary, tree.child(second, 0x5031));
        assert_eq!(tree.by_path(first, &[[0x60, 0x00]]), None);
        assert_eq!(tree.by_path(MASTER, &[[0x2F, 0x00], [0x50, 0x31]]), None);
    }

    #[test]
    fn identifiers_are_unique_in_their_df_and_numbers_are_used_again() {
        let (mut memory, first, second) = sample();
        assert_eq!(
            add(&mut memory, &transparent(first, 0x5031)),
            Err(super::super::ALREADY_EXISTS)
        );
        assert_eq!(
            add(&mut memory, &dedicated(second, 0x7000, b"PKCS-15")),
            Err(super::super::ALREADY_EXISTS)
        );
        let freed = Tree(&memory).child(first, 0x5032).unwrap();
        memory
            .commit(Transaction::new().set(freed.cell(), []))
            .unwrap();
        assert_eq!(add(&mut memory, &transparent(first, 0xB001)), Ok(freed));
    }

    proptest! {
        #[test]
        fn no_template_makes_it_panic(data in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _answer = File::from_template(&data, MASTER);
        }

        #[test]
        fn a_file_survives_its_cell(
            identifier: u16,
            parent: u16,
            is_dedicated: bool,
            name in proptest::collection::vec(any::<u8>(), 0..16),
        ) {
            let file = match is_dedicated {
                true => dedicated(Place(parent), identifier, &name),
                false => transparent(Place(parent), identifier),
            };
            let mut memory = Memory::volatile();
            let cell = file.to_cell(&[0x5A; 8]).to_vec();
            memory.commit(Transaction::new().set(Place(9).cell(), cell)).unwrap();
            prop_assert_eq!(Tree(&memory).get(Place(9)), Some(file));
            if !is_dedicated {
                prop_assert_eq!(files::body(&memory, Place(9)), [0x5A; 8]);
            }
        }
    }
}
