//! READ and UPDATE BINARY; READ, APPEND, UPDATE and DELETE RECORD.

use ::authentic::words::v2;
use iso7816::{Command, StatusWord};
use zeroize::Zeroizing;

use super::status;
use crate::card::authentic::AuthenticChip;
use crate::card::authentic::files::{self, Header, Place};
use crate::card::nvm::Transaction;
use crate::card::session::{Answer, Stop, done};

/// The longest transparent file: offsets have 15 bits.
pub(super) const LARGEST: u16 = 0x8000;

/// P2 of the record commands: P1 is a record number, in the current file.
const BY_NUMBER: u8 = 0x04;

/// The most records in a file: a number has one byte, and 00 and FF are none.
const MOST_RECORDS: usize = 254;

/// The longest record in bytes.
const LONGEST_RECORD: usize = 255;

impl AuthenticChip {
    pub(super) fn read_binary(&mut self, command: &Command) -> Answer {
        if !command.data.is_empty() {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        let offset = offset(command)?;
        let (place, _) = self.current_of(v2::TYPE_TRANSPARENT, v2::ef::READ)?;
        let content = files::body(&self.memory, place);
        let rest = content.get(offset..).ok_or(status::WRONG_OFFSET)?;
        let asked = command
            .expected
            .map_or(256, |expected| expected.get() as usize);
        // Le 00 is for as much as there is.
        let short = rest.len() < asked && asked != 256;
        let piece = Zeroizing::new(rest[..rest.len().min(asked)].to_vec());
        if short {
            self.session.warning = Some(status::END_REACHED);
        }
        Ok(piece)
    }

    pub(super) fn update_binary(&mut self, command: &Command) -> Answer {
        if command.data.is_empty() {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        let offset = offset(command)?;
        let (place, header) = self.current_of(v2::TYPE_TRANSPARENT, v2::ef::UPDATE)?;
        let mut content = Zeroizing::new(files::body(&self.memory, place).to_vec());
        if offset > content.len() {
            return Err(status::WRONG_OFFSET.into());
        }
        content
            .get_mut(offset..offset + command.data.len())
            .ok_or(StatusWord::NO_MEMORY)?
            .copy_from_slice(&command.data);
        self.write(place, &header, &content)
    }

    pub(super) fn read_record(&mut self, command: &Command) -> Answer {
        if !command.data.is_empty() {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        by_number(command)?;
        let (place, _) = self.current_of(v2::TYPE_RECORDS, v2::ef::READ)?;
        let records = Records::read(files::body(&self.memory, place));
        let record = records.get(command.p1).ok_or(status::NO_RECORD)?;
        Ok(Zeroizing::new(record.to_vec()))
    }

    pub(super) fn append_record(&mut self, command: &Command) -> Answer {
        // OpenSC gives 04 here, too, where ISO/IEC 7816-4 has a file identifier alone.
        if command.p1 != 0 || !matches!(command.p2, 0 | BY_NUMBER) {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        if !(1..=LONGEST_RECORD).contains(&command.data.len()) {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        let (place, header) = self.current_of(v2::TYPE_RECORDS, v2::ef::WRITE)?;
        let mut records = Records::read(files::body(&self.memory, place)).to_owned();
        if records.len() == MOST_RECORDS
            || self.used() + command.data.len() + 1 > self.model.memory.files
        {
            return Err(StatusWord::NO_MEMORY.into());
        }
        records.push(command.data.clone());
        self.write_records(place, &header, &records)
    }

    pub(super) fn update_record(&mut self, command: &Command) -> Answer {
        by_number(command)?;
        if !(1..=LONGEST_RECORD).contains(&command.data.len()) {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        let (place, header) = self.current_of(v2::TYPE_RECORDS, v2::ef::UPDATE)?;
        let mut records = Records::read(files::body(&self.memory, place)).to_owned();
        let record = numbered(&mut records, command.p1)?;
        let before = record.len();
        record.clone_from(&command.data);
        if self.used() - before + command.data.len() > self.model.memory.files {
            return Err(StatusWord::NO_MEMORY.into());
        }
        self.write_records(place, &header, &records)
    }

    /// The records behind it move up.
    pub(super) fn delete_record(&mut self, command: &Command) -> Answer {
        by_number(command)?;
        if !command.data.is_empty() {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        let (place, header) = self.current_of(v2::TYPE_RECORDS, v2::ef::ERASE)?;
        let mut records = Records::read(files::body(&self.memory, place)).to_owned();
        numbered(&mut records, command.p1)?;
        records.remove(usize::from(command.p1) - 1);
        self.write_records(place, &header, &records)
    }

    /// The current file, which must be of this type, with the condition at this position met.
    fn current_of(&mut self, kind: u8, position: usize) -> Result<(Place, Header), StatusWord> {
        let (place, header) = self.current()?;
        if header.kind != kind {
            return Err(StatusWord::COMMAND_NOT_ALLOWED);
        }
        self.check_access(&header, position)?;
        Ok((place, header))
    }

    pub(super) fn write(&mut self, place: Place, header: &Header, body: &[u8]) -> Answer {
        let cells = Transaction::new().set(place.cell(), header.with(body).as_slice());
        self.commit(cells)?;
        done()
    }

    fn write_records(
        &mut self,
        place: Place,
        header: &Header,
        records: &[Zeroizing<Vec<u8>>],
    ) -> Answer {
        self.write(place, header, &encode(records))
    }
}

fn offset(command: &Command) -> Result<usize, StatusWord> {
    const SHORT_IDENTIFIER: u8 = 0x80;
    if command.p1 & SHORT_IDENTIFIER != 0 {
        return Err(StatusWord::WRONG_P1P2);
    }
    Ok(usize::from(u16::from_be_bytes([command.p1, command.p2])))
}

fn by_number(command: &Command) -> Result<(), StatusWord> {
    match command.p2 {
        BY_NUMBER => Ok(()),
        _ => Err(StatusWord::WRONG_P1P2),
    }
}

fn numbered(
    records: &mut [Zeroizing<Vec<u8>>],
    number: u8,
) -> Result<&mut Zeroizing<Vec<u8>>, Stop> {
    usize::from(number)
        .checked_sub(1)
        .and_then(|index| records.get_mut(index))
        .ok_or(Stop::Refused(status::NO_RECORD))
}

/// Records in the body of a file: `{ length(1) record(length) }*`.
pub(super) struct Records<'a>(Vec<&'a [u8]>);

impl<'a> Records<'a> {
    pub(super) fn read(mut body: &'a [u8]) -> Self {
        let mut records = Vec::new();
        while let Some((&length, rest)) = body.split_first() {
            let Some((record, rest)) = rest.split_at_checked(usize::from(length)) else {
                break;
            };
            records.push(record);
            body = rest;
        }
        Self(records)
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn longest(&self) -> usize {
        self.0.iter().map(|record| record.len()).max().unwrap_or(0)
    }

    /// By its number, from 1.
    fn get(&self, number: u8) -> Option<&'a [u8]> {
        self.0.get(usize::from(number).checked_sub(1)?).copied()
    }

    fn to_owned(&self) -> Vec<Zeroizing<Vec<u8>>> {
        let records = self.0.iter();
        records.map(|it| Zeroizing::new(it.to_vec())).collect()
    }
}

/// The body of a file of these records, each of 1 to 255 bytes.
pub(super) fn encode(records: &[impl AsRef<[u8]>]) -> Zeroizing<Vec<u8>> {
    let mut body = Zeroizing::new(Vec::new());
    for record in records {
        let record = record.as_ref();
        body.push(record.len() as u8);
        body.extend_from_slice(record);
    }
    body
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn records_read_back(records in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 1..256), 0..20)
        ) {
            let body = encode(&records);
            let back = Records::read(&body);
            prop_assert_eq!(back.count(), records.len());
            prop_assert_eq!(back.longest(), records.iter().map(Vec::len).max().unwrap_or(0));
            for (number, record) in (1_u8..).zip(&records) {
                prop_assert_eq!(back.get(number), Some(record.as_slice()));
            }
            prop_assert_eq!(back.get(0), None);
        }

        #[test]
        fn any_body_reads(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Records::read(&body);
        }
    }
}
