//! READ, UPDATE, WRITE and ERASE BINARY, on the current transparent file.

use ::authentic::words::v3::file::{READ, UPDATE};
use iso7816::{Command, StatusWord};
use zeroize::Zeroizing;

use super::files::{File, Kind};
use crate::card::authentic::AuthenticChip;
use crate::card::authentic::files::{self, Place};
use crate::card::nvm::Transaction;
use crate::card::session::{Answer, Stop, done};

/// Ne of a command with Le 00.
const ALL: u32 = 256;

/// ISO/IEC 7816-4, 5.6: offset outside the file.
const OUTSIDE: StatusWord = StatusWord(0x6B00);

impl AuthenticChip {
    /// As much as was asked for, or with a Le of 00 or in extended form as much as there is.
    pub(super) fn read_binary_v3(&mut self, command: &Command) -> Answer {
        if !command.data.is_empty() {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        let (_, _, content) = self.current_file(READ)?;
        let there = content
            .get(offset(command)?..)
            .filter(|there| !there.is_empty())
            .ok_or(OUTSIDE)?;
        let asked = command.expected.map_or(ALL, |expected| expected.get());
        let asked = usize::try_from(asked).unwrap_or(usize::MAX);
        if asked < 256 && asked > there.len() {
            return Err(StatusWord::exact_length(there.len()).into());
        }
        Ok(Zeroizing::new(there[..there.len().min(asked)].to_vec()))
    }

    /// UPDATE BINARY, and WRITE BINARY, which on a file without a data coding byte does what the
    /// card's maker wants (ISO/IEC 7816-4, 7.4.3 and 7.4.11): here, the same.
    pub(super) fn update_binary_v3(&mut self, command: &Command) -> Answer {
        let (place, file, content) = self.current_file(UPDATE)?;
        let from = offset(command)?;
        if command.data.is_empty() {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        if from >= content.len() {
            return Err(OUTSIDE.into());
        }
        let mut content = content.to_vec();
        content
            .get_mut(from..from + command.data.len())
            .ok_or(StatusWord::NO_MEMORY)?
            .copy_from_slice(&command.data);
        self.write_content(place, &file, &content)
    }

    /// Zeroes from an offset to the end, or to before the offset in the data field (ISO/IEC
    /// 7816-4, 11.3.7).
    pub(super) fn erase_binary(&mut self, command: &Command) -> Answer {
        let (place, file, content) = self.current_file(UPDATE)?;
        let from = offset(command)?;
        let until = match command.data.as_slice() {
            [] => content.len(),
            &[high, low] => usize::from(u16::from_be_bytes([high, low])),
            _ => return Err(StatusWord::WRONG_LENGTH.into()),
        };
        let mut content = content.to_vec();
        content.get_mut(from..until).ok_or(OUTSIDE)?.fill(0);
        self.write_content(place, &file, &content)
    }

    /// The current file, if it may be used so, and its content.
    fn current_file(&self, position: usize) -> Result<(Place, File, &[u8]), Stop> {
        let place = self
            .session
            .v3
            .current
            .elementary
            .ok_or(StatusWord::COMMAND_NOT_ALLOWED)?;
        let file = self.files().get(place).ok_or(StatusWord::NOT_FOUND)?;
        let Kind::Transparent { access, .. } = file.kind else {
            return Err(StatusWord::COMMAND_NOT_ALLOWED.into());
        };
        self.demand(access[position])?;
        Ok((place, file, files::body(&self.memory, place)))
    }

    fn write_content(&mut self, place: Place, file: &File, content: &[u8]) -> Answer {
        let cell = file.to_cell(content);
        self.commit(Transaction::new().set(place.cell(), cell.as_slice()))?;
        done()
    }
}

/// The offset in P1-P2; a short file identifier in P1 is not known here.
fn offset(command: &Command) -> Result<usize, StatusWord> {
    const SHORT_IDENTIFIER: u8 = 0x80;
    if command.p1 & SHORT_IDENTIFIER != 0 {
        return Err(StatusWord::WRONG_P1P2);
    }
    Ok(u16::from_be_bytes([command.p1, command.p2]).into())
}
