//! GET DATA and PUT DATA (SP 800-73-5 Part 2, 3.1.2 and 3.3.1).

use ::piv::words::{AID, ObjectId};
use iso7816::ber::{self, Tag};
use iso7816::{Command, StatusWord};
use zeroize::Zeroizing;

use crate::card::PivChip;
use crate::card::nvm::{Cell, Transaction};
use crate::card::session::{Answer, done};

const TAG_LIST: Tag = Tag(0x5C);
const DATA: Tag = Tag(0x53);
const CERTIFICATE: Tag = Tag(0x7F21);

impl PivChip {
    pub(super) fn get_data(&self, command: &Command) -> Answer {
        check_p1p2(command)?;
        let list = ber::expect(TAG_LIST, &command.data).map_err(|_| StatusWord::WRONG_DATA)?;
        let object = read_tag(list).ok_or(StatusWord::NOT_FOUND)?;
        self.check_object(object)?;
        // Before existence: whether the object is there is nobody's business without the PIN.
        if object.needs_pin() && !self.pin_verified() {
            return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED.into());
        }
        match self.object(object.tag()) {
            Some(value) => Ok(Zeroizing::new(value.to_vec())),
            None => Err(self.refusal(object.tag()).into()),
        }
    }

    /// What an object that is not there is refused with: a card made from an image of which an
    /// object could not be read goes on refusing it.
    fn refusal(&self, tag: Tag) -> StatusWord {
        match self.memory.get(Cell::Refusal(tag)) {
            Some(&[sw1, sw2]) => StatusWord::from([sw1, sw2]),
            _ => StatusWord::NOT_FOUND,
        }
    }

    pub(super) fn put_data(&mut self, command: &Command) -> Answer {
        check_p1p2(command)?;
        self.check_contact()?;
        if !self.session.status.administrator {
            return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED.into());
        }
        if ber::expect(CERTIFICATE, &command.data).is_ok() {
            return self.put_certificate(&command.data);
        }
        let (object, value) = read_put(&command.data)?;
        let tag = object.tag();
        let taken: usize = self
            .memory
            .cells()
            .filter(|&(cell, _)| matches!(cell, Cell::Object(other) if other != tag))
            .map(|(_, value)| value.len())
            .sum();
        if taken + value.len() > self.model.memory.objects {
            return Err(StatusWord::NO_MEMORY.into());
        }
        self.memory
            .commit(Transaction::new().set(Cell::Object(tag), value))?;
        done()
    }

    /// Whether the Discovery Object lets the Global PIN open what needs a PIN: bit 6 of the first
    /// policy byte (SP 800-73-5 Part 1, 3.3.2).
    pub(super) fn global_pin_counts(&self) -> bool {
        const GLOBAL_PIN: u8 = 0x20;
        self.pin_usage_policy()
            .is_some_and(|policy| policy & GLOBAL_PIN != 0)
    }

    /// The first byte of the PIN usage policy, if there is a well-formed Discovery Object.
    pub(super) fn pin_usage_policy(&self) -> Option<u8> {
        const POLICY: Tag = Tag(0x5F2F);
        let object = self.object(ObjectId::Discovery.tag())?;
        let value = ber::expect(ObjectId::Discovery.tag(), object).ok()?;
        let aid = ber::find(Tag(0x4F), value).ok()??;
        let &[policy, _] = ber::find(POLICY, value).ok()?? else {
            return None;
        };
        (aid == AID).then_some(policy)
    }
}

fn check_p1p2(command: &Command) -> Result<(), StatusWord> {
    match (command.p1, command.p2) {
        (0x3F, 0xFF) => Ok(()),
        _ => Err(StatusWord::WRONG_P1P2),
    }
}

fn read_tag(bytes: &[u8]) -> Option<ObjectId> {
    if !(1..=3).contains(&bytes.len()) {
        return None;
    }
    let tag = bytes
        .iter()
        .fold(0, |tag, &byte| tag << 8 | u32::from(byte));
    ObjectId::from_tag(Tag(tag))
}

/// The object and what GET DATA will return of it: `5C tag` and `53 value`, or an object that
/// carries its own tag.
fn read_put(data: &[u8]) -> Result<(ObjectId, &[u8]), StatusWord> {
    let mut reader = ber::Reader::new(data);
    let mut next = || match reader.next() {
        Some(Ok(object)) => Ok(object),
        _ => Err(StatusWord::WRONG_DATA),
    };
    let first = next()?;
    let (object, raw) = if first.tag == TAG_LIST {
        let object = read_tag(first.value).filter(|object| !object.is_bare());
        let value = next()?;
        if value.tag != DATA {
            return Err(StatusWord::WRONG_DATA);
        }
        (object, value.raw)
    } else {
        let object = ObjectId::from_tag(first.tag).filter(|object| object.is_bare());
        (object, first.raw)
    };
    if !reader.rest().is_empty() {
        return Err(StatusWord::WRONG_DATA);
    }
    Ok((object.ok_or(StatusWord::FUNCTION_NOT_SUPPORTED)?, raw))
}
