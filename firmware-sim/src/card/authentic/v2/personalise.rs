//! What the application of a new card holds.

use ::authentic::words::{self, v2};
use zeroize::Zeroizing;

use super::passcode::Passcode;
use crate::card::Condition;
use crate::card::authentic::AuthenticModel;
use crate::card::authentic::files::{Header, MASTER};
use crate::card::nvm::{Cell, Transaction};

/// Access bytes of the master file: the officer builds and tears down, anybody looks.
const MASTER_ACCESS: [u8; 8] = [0x24, 0x24, 0x00, 0x24, 0x24, 0x00, 0x24, 0xFF];

/// A blank: the master file and the officer's passcode as delivered.
pub(in crate::card::authentic) fn add_to(
    cells: Transaction,
    model: &AuthenticModel,
    _number: u64,
    condition: Condition,
) -> Transaction {
    let master = Header {
        parent: MASTER,
        identifier: words::MASTER_FILE,
        kind: v2::TYPE_DF,
        coding: 0,
        size: 0,
        access: MASTER_ACCESS,
    };
    let officer = Passcode {
        domain: MASTER,
        limit: model.officer.tries,
        left: model.officer.tries,
        value: Zeroizing::new(model.officer.padded()),
        unblocking: None,
    };
    let cells = cells
        .set(MASTER.cell(), master.with(&[]).as_slice())
        .set(Cell::Credential(v2::SO_PIN), officer.to_cell().as_slice());
    match condition {
        Condition::Blank => cells,
        Condition::Personalised => cells,
    }
}
