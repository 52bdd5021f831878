//! CREATE FILE and DELETE FILE (ISO/IEC 7816-9).

use ::authentic::words::v3::{df, file};
use iso7816::{Command, StatusWord};

use super::access::Pair;
use super::files::{Current, File, Kind};
use crate::card::authentic::{AuthenticChip, files};
use crate::card::nvm::{Cell, Transaction};
use crate::card::session::{Answer, Stop, done};

/// P1 of DELETE FILE: a DF in the current DF.
const CHILD_DF: u8 = 0x01;
/// P1 of DELETE FILE: a transparent file in the current DF.
const CHILD_EF: u8 = 0x02;

impl AuthenticChip {
    /// In the current DF; the new file is then selected.
    pub(super) fn create_file_v3(&mut self, command: &Command) -> Answer {
        if (command.p1, command.p2) != (0, 0) {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let here = self.session.v3.current.dedicated;
        self.demand(self.current_df()?[df::CREATE])?;
        let file = File::from_template(&command.data, here)?;
        if self.memory_in_use() + file.footprint() > self.model.memory.files {
            return Err(StatusWord::NO_MEMORY.into());
        }
        let place = self.files().place_for(&file)?;
        let (size, current) = match file.kind {
            Kind::Dedicated { .. } => (0, (place, None)),
            Kind::Transparent { size, .. } => (size.into(), (here, Some(place))),
        };
        let cell = file.to_cell(&vec![0; size]);
        self.commit(Transaction::new().set(place.cell(), cell.as_slice()))?;
        let (dedicated, elementary) = current;
        self.session.v3.current = Current {
            dedicated,
            elementary,
        };
        done()
    }

    /// A transparent file, or a DF with nothing in it.
    pub(super) fn delete_file_v3(&mut self, command: &Command) -> Answer {
        if command.p2 != 0 || !matches!(command.p1, CHILD_DF | CHILD_EF) {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let &[high, low] = command.data.as_slice() else {
            return Err(StatusWord::WRONG_LENGTH.into());
        };
        let here = self.session.v3.current.dedicated;
        let place = self
            .files()
            .child(here, u16::from_be_bytes([high, low]))
            .ok_or(StatusWord::NOT_FOUND)?;
        match (self.files().get(place).map(|it| it.kind), command.p1) {
            (Some(Kind::Transparent { access, .. }), CHILD_EF) => {
                self.demand(access[file::DELETE])?;
            }
            (Some(Kind::Dedicated { access, .. }), CHILD_DF) => {
                self.demand(access[df::DELETE])?;
                if files::children(&self.memory, place).next().is_some() {
                    return Err(StatusWord::CONDITIONS_NOT_SATISFIED.into());
                }
            }
            _ => return Err(StatusWord::NOT_FOUND.into()),
        }
        self.commit(Transaction::new().set(place.cell(), []))?;
        self.session.v3.current = Current {
            dedicated: here,
            elementary: None,
        };
        done()
    }

    /// Who may do what in the current DF.
    pub(super) fn current_df(&self) -> Result<[Pair; df::PAIRS], StatusWord> {
        match self.files().get(self.session.v3.current.dedicated) {
            Some(File {
                kind: Kind::Dedicated { access, .. },
                ..
            }) => Ok(access),
            _ => Err(StatusWord::COMMAND_NOT_ALLOWED),
        }
    }

    /// Bytes that files and keys take.
    pub(super) fn memory_in_use(&self) -> usize {
        let keys = self.memory.cells().filter_map(|(cell, value)| match cell {
            Cell::KeyObject(_) => Some(value.len()),
            _ => None,
        });
        self.files().footprint() + keys.sum::<usize>()
    }

    /// Whether what the host has shown is enough for this.
    ///
    /// # Errors
    ///
    /// 6982.
    pub(super) fn demand(&self, pair: Pair) -> Result<(), Stop> {
        match pair.is_met(self.session.v3.shown()) {
            true => Ok(()),
            false => Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED.into()),
        }
    }
}
