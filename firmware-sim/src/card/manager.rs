//! A minimal card manager: the issuer security domain as far as it can be asked without keys
//! (GlobalPlatform Card Specification 2.3, 11.3 and Annex H).

use iso7816::ber::{self, Tag};
use iso7816::{Command, Instruction, StatusWord};
use zeroize::Zeroizing;

use super::PivChip;
use super::session::Answer;

/// The issuer security domain.
const AID: [u8; 8] = [0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00];

/// The shortest beginning of an application identifier that selects: the RID.
const SHORTEST: usize = 5;

/// Whether SELECT with this identifier means the card manager: none at all, the whole one, or
/// its beginning.
pub(super) fn is_named_by(aid: &[u8]) -> bool {
    aid.is_empty() || (aid.len() >= SHORTEST && AID.starts_with(aid))
}

/// `6F { 84 identifier, A5 { 9F6E production data, 9F65 longest data field } }`.
pub(super) fn control_information() -> Vec<u8> {
    let mut proprietary = Vec::new();
    ber::write(&mut proprietary, Tag(0x9F65), &[0xFF]);
    let mut template = ber::object(Tag(0x84), &AID);
    ber::write(&mut template, Tag(0xA5), &proprietary);
    ber::object(Tag(0x6F), &template)
}

impl PivChip {
    pub(super) fn run_card_manager(&self, command: &Command) -> Answer {
        match command.instruction {
            Instruction::GET_DATA_P1P2 => self.get_issuer_data(command),
            Instruction::GET_RESPONSE => Err(StatusWord::CONDITIONS_NOT_SATISFIED.into()),
            _ => Err(StatusWord::INSTRUCTION_NOT_SUPPORTED.into()),
        }
    }

    fn get_issuer_data(&self, command: &Command) -> Answer {
        const ISSUER_IDENTIFICATION: u16 = 0x0042;
        const CARD_IMAGE: u16 = 0x0045;
        const PRODUCTION_LIFE_CYCLE: u16 = 0x9F7F;
        let tag = u16::from_be_bytes([command.p1, command.p2]);
        let value = match tag {
            ISSUER_IDENTIFICATION => self.model.card_manager.issuer_identification.clone(),
            CARD_IMAGE => self.number.to_be_bytes().to_vec(),
            PRODUCTION_LIFE_CYCLE => self.production_life_cycle().to_vec(),
            _ => return Err(StatusWord::REFERENCE_NOT_FOUND.into()),
        };
        Ok(Zeroizing::new(ber::object(Tag(u32::from(tag)), &value)))
    }

    /// Card production life cycle data: 42 bytes, of which a simulated card has the maker, the
    /// type, the operating system and a serial made of the card's number.
    fn production_life_cycle(&self) -> [u8; 42] {
        let manager = &self.model.card_manager;
        let [batch_high, batch_low, serial @ ..] = last_six(self.number);
        let mut data = [0; 42];
        data[0..2].copy_from_slice(&manager.ic_fabricator);
        data[2..4].copy_from_slice(&manager.ic_type);
        data[4..6].copy_from_slice(&manager.operating_system);
        data[12..16].copy_from_slice(&serial);
        data[16..18].copy_from_slice(&[batch_high, batch_low]);
        data
    }
}

fn last_six(number: u64) -> [u8; 6] {
    let [_, _, six @ ..] = number.to_be_bytes();
    six
}
