//! GET STATUS (Card Specification 2.3.1, 11.4).

use ::piv::words::AID as PIV;
use iso7816::ber::{self, Tag};
use iso7816::{Command, StatusWord};
use zeroize::Zeroizing;

use super::AID;
use crate::card::session::Answer;

/// The life cycle of a card in use (11.1.1, Table 11-6) and of an application ready for it.
const SECURED: u8 = 0x0F;
const SELECTABLE: u8 = 0x07;

/// Security domain, card lock, card terminate, default selected, CVM management (11.1.2).
const MANAGER: [u8; 3] = [0x9E, 0x00, 0x00];
const ORDINARY: [u8; 3] = [0x00, 0x00, 0x00];

/// The entries that fit, in one response: there are few. Load files are not simulated.
pub(super) fn get_status(command: &Command) -> Answer {
    const TEMPLATES: u8 = 0x02;
    let (aid, state, privileges) = match (command.p1, command.p2) {
        (0x80, TEMPLATES) => (&AID[..], SECURED, MANAGER),
        (0x40, TEMPLATES) => (&PIV[..], SELECTABLE, ORDINARY),
        (0x10 | 0x20, TEMPLATES) => return Err(StatusWord::REFERENCE_NOT_FOUND.into()),
        _ => return Err(StatusWord::WRONG_P1P2.into()),
    };
    let asked = ber::find(Tag(0x4F), &command.data)
        .ok()
        .flatten()
        .ok_or(StatusWord::WRONG_DATA)?;
    if !aid.starts_with(asked) {
        return Err(StatusWord::REFERENCE_NOT_FOUND.into());
    }
    let mut entry = ber::object(Tag(0x4F), aid);
    ber::write(&mut entry, Tag(0x9F70), &[state]);
    ber::write(&mut entry, Tag(0xC5), &privileges);
    Ok(Zeroizing::new(ber::object(Tag(0xE3), &entry)))
}
