//! SELECT of a file and LIST FILES.

use ::authentic::words::{self, v2};
use iso7816::ber::{self, Tag};
use iso7816::{Command, StatusWord};
use zeroize::Zeroizing;

use super::data::Records;
use crate::card::authentic::AuthenticChip;
use crate::card::authentic::files::{self, MASTER, Place};
use crate::card::session::{Answer, done};

/// P1: by file identifier.
const BY_IDENTIFIER: u8 = 0x00;
/// P1: the parent of the current dedicated file.
const PARENT: u8 = 0x03;
/// P2: no answer data is wanted.
const NO_DATA: u8 = 0x0C;

impl AuthenticChip {
    pub(super) fn select_file(&mut self, command: &Command) -> Answer {
        if !matches!(command.p2, 0x00 | NO_DATA) {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let place = match (command.p1, command.data.as_slice()) {
            (BY_IDENTIFIER, []) => MASTER,
            (BY_IDENTIFIER, &[high, low]) => self
                .find(u16::from_be_bytes([high, low]))
                .ok_or(StatusWord::NOT_FOUND)?,
            (BY_IDENTIFIER, _) => return Err(StatusWord::WRONG_LENGTH.into()),
            (PARENT, []) => self.parent_of_directory()?,
            (PARENT, _) => return Err(StatusWord::WRONG_LENGTH.into()),
            // The driver goes one identifier at a time, so paths are taken to be unknown here.
            _ => return Err(StatusWord::WRONG_P1P2.into()),
        };
        let header = self.header(place)?;
        let state = &mut self.session.v2;
        state.purpose = None;
        if header.kind == v2::TYPE_DF {
            state.directory = place;
            state.current = None;
        } else {
            state.directory = header.parent;
            state.current = Some(place);
        }
        match command.p2 {
            NO_DATA => done(),
            _ => self.control_information(place),
        }
    }

    /// The master file, or what is right under the current dedicated file. ISO/IEC 7816-4, 7.3.1,
    /// would have a card look beside and above that too, which this one cannot do: before OpenSC
    /// makes object 2000 in 9001 or 3000 in 9002 it deletes what answers to that name there, and
    /// 5011 above holds files of both names.
    fn find(&self, identifier: u16) -> Option<Place> {
        if identifier == words::MASTER_FILE {
            return Some(MASTER);
        }
        let directory = self.session.v2.directory;
        files::child(&self.memory, directory, identifier).map(|(place, _)| place)
    }

    fn parent_of_directory(&self) -> Result<Place, StatusWord> {
        match self.session.v2.directory {
            MASTER => Err(StatusWord::NOT_FOUND),
            place => Ok(self.header(place)?.parent),
        }
    }

    /// `6F { 82 type, 83 identifier, 80 or 85 size, 86 access }`.
    pub(super) fn control_information(&self, place: Place) -> Answer {
        let (header, body) = files::file(&self.memory, place).ok_or(StatusWord::NOT_FOUND)?;
        let mut descriptor = vec![header.kind, header.coding];
        if header.kind == v2::TYPE_RECORDS {
            // How long the longest record is and how many there are now: the driver appends
            // behind that many.
            let records = Records::read(body);
            let longest = records.longest() as u16;
            descriptor.extend_from_slice(&longest.to_be_bytes());
            descriptor.push(records.count() as u8);
        }
        let size_tag = match header.kind {
            v2::TYPE_TRANSPARENT => words::FCP_SIZE,
            _ => words::FCP_OTHER_SIZE,
        };
        let mut parameters = Vec::with_capacity(32);
        for (tag, value) in [
            (words::FCP_TYPE, descriptor.as_slice()),
            (words::FCP_IDENTIFIER, &header.identifier.to_be_bytes()),
            (size_tag, &header.size.to_be_bytes()),
            (words::FCP_ACCESS, &header.access),
        ] {
            ber::write(&mut parameters, Tag(u32::from(tag)), value);
        }
        let tag = Tag(u32::from(words::FILE_CONTROL_INFORMATION));
        Ok(Zeroizing::new(ber::object(tag, &parameters)))
    }

    /// The identifiers of the files right under the current dedicated file.
    pub(super) fn list_files(&mut self, command: &Command) -> Answer {
        if (command.p1, command.p2) != (0, 0) {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        if !command.data.is_empty() {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        let directory = self.directory_for(v2::df::LIST)?;
        let mut list = Vec::new();
        for (_, header) in files::children(&self.memory, directory) {
            list.extend_from_slice(&header.identifier.to_be_bytes());
        }
        Ok(Zeroizing::new(list))
    }
}
