//! SELECT within the application.

use ::authentic::words::MASTER_FILE;
use iso7816::{Command, StatusWord};
use zeroize::Zeroizing;

use super::files::{self, Current};
use crate::card::authentic::AuthenticChip;
use crate::card::authentic::files::MASTER;
use crate::card::session::{Answer, done};

/// P1: by identifier, within reach of what is selected.
const BY_IDENTIFIER: u8 = 0x00;
/// P1: the parent of the current DF.
const PARENT: u8 = 0x03;
/// P1: by path from the master file.
const BY_PATH: u8 = 0x08;
/// P1: by path from the current DF.
const BY_PATH_FROM_HERE: u8 = 0x09;
/// P2: no answer data is wanted.
const NO_DATA: u8 = 0x0C;

impl AuthenticChip {
    /// Anything but the selection of an application. What is not there leaves what is selected as
    /// it is.
    pub(super) fn select_file_v3(&mut self, command: &Command) -> Answer {
        let files = self.files();
        let current = self.session.v3.current;
        let data = command.data.as_slice();
        let found = match (command.p1, data) {
            (BY_IDENTIFIER, []) => Some(Current::MASTER),
            (BY_IDENTIFIER, &[high, low]) => {
                files.by_identifier(current, u16::from_be_bytes([high, low]))
            }
            (PARENT, []) => files.parent(current),
            (BY_PATH | BY_PATH_FROM_HERE, path @ [_, ..]) => {
                let (path, []) = path.as_chunks::<2>() else {
                    return Err(StatusWord::WRONG_LENGTH.into());
                };
                match (command.p1, path) {
                    (BY_PATH_FROM_HERE, path) => files.by_path(current.dedicated, path),
                    // The master file may lead a path that begins in it, and need not.
                    (_, [first, rest @ ..]) if *first == MASTER_FILE.to_be_bytes() => {
                        files.by_path(MASTER, rest)
                    }
                    (_, path) => files.by_path(MASTER, path),
                }
            }
            (BY_IDENTIFIER | PARENT | BY_PATH | BY_PATH_FROM_HERE, _) => {
                return Err(StatusWord::WRONG_LENGTH.into());
            }
            _ => return Err(StatusWord::WRONG_P1P2.into()),
        };
        self.enter(found, command.p2)
    }

    /// SELECT by name, where the name is no application's: that of a DF.
    pub(in crate::card::authentic) fn select_v3_by_name(&mut self, command: &Command) -> Answer {
        let found = self.files().by_name(&command.data);
        self.enter(found, command.p2)
    }

    fn enter(&mut self, found: Option<Current>, p2: u8) -> Answer {
        if p2 != NO_DATA && files::control_tag(p2).is_none() {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let current = found.ok_or(StatusWord::NOT_FOUND)?;
        let place = current.elementary.unwrap_or(current.dedicated);
        let file = self.files().get(place).ok_or(StatusWord::NOT_FOUND)?;
        self.session.v3.current = current;
        match files::control_tag(p2) {
            Some(tag) => Ok(Zeroizing::new(file.control(tag))),
            None => done(),
        }
    }
}
