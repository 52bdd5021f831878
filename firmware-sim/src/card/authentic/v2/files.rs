//! CREATE FILE and DELETE FILE.

use ::authentic::words::{self, v2};
use iso7816::ber::{self, Tag};
use iso7816::{Command, StatusWord};

use super::{data, key, status};
use crate::card::authentic::AuthenticChip;
use crate::card::authentic::files::{self, Header, Place};
use crate::card::nvm::{Cell, Transaction};
use crate::card::session::{Answer, done};

/// Identifiers no file can have.
const RESERVED: [u16; 3] = [0x0000, 0x3FFF, 0xFFFF];

/// P1 of DELETE FILE: a dedicated file, or one that holds data or a key.
const DIRECTORY: u8 = 0x01;
const ELEMENTARY: u8 = 0x02;

impl AuthenticChip {
    /// The new file is current, unless it is a dedicated file: the driver selects those itself.
    pub(super) fn create_file(&mut self, command: &Command) -> Answer {
        // P2 is the number of records, which the data say nothing of; any number fits here.
        if command.p1 != 0 {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let directory = self.session.v2.directory;
        let header = read_parameters(directory, &command.data).ok_or(StatusWord::WRONG_DATA)?;
        if RESERVED.contains(&header.identifier) || header.identifier == words::MASTER_FILE {
            return Err(StatusWord::WRONG_DATA.into());
        }
        if is_key(header.kind) && !self.holds_key(&header) {
            return Err(StatusWord::WRONG_DATA.into());
        }
        self.directory_for(v2::df::CREATE)?;
        if files::child(&self.memory, directory, header.identifier).is_some() {
            return Err(status::EXISTS.into());
        }
        let needed = room_for(&header, 0);
        if self.used() + needed > self.model.memory.files {
            return Err(StatusWord::NO_MEMORY.into());
        }
        let place = files::free_place(&self.memory).ok_or(StatusWord::NO_MEMORY)?;
        let body = match header.kind {
            v2::TYPE_TRANSPARENT => vec![0; usize::from(header.size)],
            _ => Vec::new(),
        };
        let cells = Transaction::new().set(place.cell(), header.with(&body).as_slice());
        self.commit(cells)?;
        if header.kind != v2::TYPE_DF {
            self.session.v2.current = Some(place);
            self.session.v2.purpose = None;
        }
        done()
    }

    fn holds_key(&self, header: &Header) -> bool {
        match header.kind {
            v2::TYPE_DES_KEY => key::DES_BITS.contains(&header.size),
            _ => self.model.keys.sizes.contains(&header.size),
        }
    }

    /// By identifier, right under the current dedicated file. A dedicated file must be empty, and
    /// takes the passcodes it is the domain of with it.
    pub(super) fn delete_file(&mut self, command: &Command) -> Answer {
        if !matches!(command.p1, DIRECTORY | ELEMENTARY) || command.p2 != 0 {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let &[high, low] = command.data.as_slice() else {
            return Err(StatusWord::WRONG_LENGTH.into());
        };
        let identifier = u16::from_be_bytes([high, low]);
        let directory = self.session.v2.directory;
        let (place, _) = files::child(&self.memory, directory, identifier)
            .filter(|(_, header)| (header.kind == v2::TYPE_DF) == (command.p1 == DIRECTORY))
            .ok_or(StatusWord::NOT_FOUND)?;
        self.directory_for(v2::df::DELETE)?;
        if files::children(&self.memory, place).next().is_some() {
            return Err(StatusWord::CONDITIONS_NOT_SATISFIED.into());
        }
        let mut cells = Transaction::new().set(place.cell(), []);
        for reference in self.passcodes_of(place) {
            cells = cells.set(Cell::Credential(reference), []);
            self.session.v2.verified.set(reference, false);
        }
        self.commit(cells)?;
        if self.session.v2.current == Some(place) {
            self.session.v2.current = None;
            self.session.v2.purpose = None;
        }
        done()
    }

    /// Bytes taken by all files together.
    pub(super) fn used(&self) -> usize {
        files::all(&self.memory)
            .map(|(_, header, body)| room_for(&header, body.len()))
            .sum()
    }
}

pub(super) fn is_key(kind: u8) -> bool {
    matches!(
        kind,
        v2::TYPE_DES_KEY | v2::TYPE_PUBLIC_KEY | v2::TYPE_PRIVATE_KEY
    )
}

/// What a file takes of the memory: what it was created for, or the records there are.
fn room_for(header: &Header, records: usize) -> usize {
    let size = usize::from(header.size);
    match header.kind {
        v2::TYPE_TRANSPARENT => size,
        v2::TYPE_RECORDS => records,
        v2::TYPE_DES_KEY | v2::TYPE_PUBLIC_KEY => size / 8,
        // Two primes and three values of their size.
        v2::TYPE_PRIVATE_KEY => size / 16 * 5,
        _ => 0,
    }
}

/// `62 { 82 type, 83 identifier, 85 size, 86 access }`, each once and nothing else.
fn read_parameters(parent: Place, data: &[u8]) -> Option<Header> {
    let template = Tag(u32::from(words::FILE_CONTROL_PARAMETERS));
    let (mut kind, mut identifier, mut size, mut access) = (None, None, None, None);
    for object in ber::Reader::new(ber::expect(template, data).ok()?) {
        let object = object.ok()?;
        let two = || Some(u16::from_be_bytes(object.value.try_into().ok()?));
        match u8::try_from(object.tag.0).ok()? {
            words::FCP_TYPE if kind.is_none() => kind = Some(two()?.to_be_bytes()),
            words::FCP_IDENTIFIER if identifier.is_none() => identifier = Some(two()?),
            words::FCP_OTHER_SIZE | words::FCP_SIZE if size.is_none() => size = Some(two()?),
            words::FCP_ACCESS if access.is_none() => access = Some(object.value.try_into().ok()?),
            _ => return None,
        }
    }
    let [kind, coding] = kind?;
    let known = kind == v2::TYPE_DF
        || is_key(kind)
        || matches!(kind, v2::TYPE_TRANSPARENT | v2::TYPE_RECORDS);
    let header = Header {
        parent,
        identifier: identifier?,
        kind,
        coding,
        size: size?,
        access: access?,
    };
    // Offsets have 15 bits.
    let fits = kind != v2::TYPE_TRANSPARENT || header.size <= data::LARGEST;
    (known && fits).then_some(header)
}
