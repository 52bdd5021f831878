//! GET DATA and STORE DATA of the issuer security domain (Card Specification 2.3.1, 11.3, 11.11).

use iso7816::ber::{self, Tag};
use iso7816::{Command, StatusWord};
use zeroize::Zeroizing;

use crate::card::nvm::{Cell, Memory, Transaction};
use crate::card::session::{Answer, done};
use crate::card::{CardManager, PivChip};

const ISSUER_IDENTIFICATION: u16 = 0x0042;
const CARD_IMAGE: u16 = 0x0045;
const PRODUCTION_LIFE_CYCLE: u16 = 0x9F7F;

/// The most bytes of either number that are stored.
const LONGEST_NUMBER: usize = 16;

/// GET DATA: an object as it is stored, or as the model and the card's number have it.
pub(in crate::card) fn issuer_object(
    memory: &Memory,
    manager: &CardManager,
    number: u64,
    command: &Command,
) -> Answer {
    let tag = u16::from_be_bytes([command.p1, command.p2]);
    if let Some(object) = memory.get(Cell::IssuerObject(tag)) {
        return Ok(Zeroizing::new(object.to_vec()));
    }
    let value = match tag {
        ISSUER_IDENTIFICATION if manager.numbered => manager.issuer_identification.clone(),
        CARD_IMAGE if manager.numbered => number.to_be_bytes().to_vec(),
        PRODUCTION_LIFE_CYCLE => production_life_cycle(manager, number).to_vec(),
        _ => return Err(StatusWord::REFERENCE_NOT_FOUND.into()),
    };
    Ok(Zeroizing::new(ber::object(Tag(u32::from(tag)), &value)))
}

impl PivChip {
    /// One block of whole BER-TLV objects, of which the two numbers are kept: both at once.
    pub(super) fn store_issuer_data(&mut self, command: &Command) -> Answer {
        const LAST: u8 = 0x80;
        const BER_TLV: u8 = 0x10;
        if command.p1 != LAST | BER_TLV || command.p2 != 0 {
            return Err(StatusWord::WRONG_P1P2.into());
        }
        let mut cells = Transaction::new();
        let mut any = false;
        for object in ber::Reader::new(&command.data) {
            let object = object.map_err(|_| StatusWord::WRONG_DATA)?;
            let tag = match u16::try_from(object.tag.0) {
                Ok(tag @ (ISSUER_IDENTIFICATION | CARD_IMAGE)) => tag,
                _ => return Err(StatusWord::WRONG_DATA.into()),
            };
            if !(1..=LONGEST_NUMBER).contains(&object.value.len()) {
                return Err(StatusWord::WRONG_DATA.into());
            }
            cells = cells.set(Cell::IssuerObject(tag), object.raw);
            any = true;
        }
        if !any {
            return Err(StatusWord::WRONG_DATA.into());
        }
        self.memory.commit(cells)?;
        done()
    }
}

/// Card production life cycle data: 42 bytes, of which a simulated card has the maker, the type,
/// the operating system and a serial made of the card's number.
fn production_life_cycle(manager: &CardManager, number: u64) -> [u8; 42] {
    let [batch_high, batch_low, serial @ ..] = last_six(number);
    let mut data = [0; 42];
    data[0..2].copy_from_slice(&manager.ic_fabricator);
    data[2..4].copy_from_slice(&manager.ic_type);
    data[4..6].copy_from_slice(&manager.operating_system);
    data[12..16].copy_from_slice(&serial);
    data[16..18].copy_from_slice(&[batch_high, batch_low]);
    data
}

/// The serial number in the production data: the last bytes of the card's number.
pub(in crate::card) fn serial_number(number: u64) -> [u8; 4] {
    let [_, _, serial @ ..] = last_six(number);
    serial
}

fn last_six(number: u64) -> [u8; 6] {
    let [_, _, six @ ..] = number.to_be_bytes();
    six
}
