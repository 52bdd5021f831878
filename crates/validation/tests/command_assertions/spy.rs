//! A card that remembers what was asked of it.

use firmware_sim::card::PivChip;
use firmware_sim::card::nvm::Cell;
use piv::words::PinReference;

use crate::cards::{Between, pass};

/// Counts what may do harm, told by what goes over the wire and by the card's own counters: under
/// secure messaging the wire tells nothing.
#[derive(Debug)]
pub(crate) struct Spy {
    /// Least tries of the passcode left after any command.
    pub(crate) pin_tries: u8,
    /// Least tries of the PUK left after any command.
    pub(crate) puk_tries: u8,
    /// VERIFY with anything but the right passcode.
    pub(crate) wrong_verifies: usize,
    /// CHANGE REFERENCE DATA, RESET RETRY COUNTER, PUT DATA, GENERATE ASYMMETRIC KEY PAIR and
    /// everything that is in no list of harmless commands.
    pub(crate) writing: Vec<String>,
}

impl Spy {
    pub(crate) fn new() -> Self {
        Self {
            pin_tries: u8::MAX,
            puk_tries: u8::MAX,
            wrong_verifies: 0,
            writing: Vec::new(),
        }
    }

    pub(crate) fn spent(&self) -> (u8, u8) {
        // As the models have them.
        (3 - self.pin_tries, 10 - self.puk_tries)
    }
}

impl Between for Spy {
    fn answer(&mut self, chip: &mut PivChip, command: &[u8]) -> Vec<u8> {
        const RIGHT: &[u8] = b"\x00\x20\x00\x80\x08123456\xFF\xFF";
        match command[1] {
            0x20 if command[0] == 0 && command.len() > 5 => {
                self.wrong_verifies += usize::from(command != RIGHT);
            }
            // VERIFY, SELECT, GET DATA twice, GET RESPONSE, GENERAL AUTHENTICATE, GlobalPlatform
            // GET STATUS, an unassigned instruction, and the question for a version.
            0x20 | 0xA4 | 0xCA | 0xCB | 0xC0 | 0x87 | 0xF2 | 0x0F => {}
            0xFD if command[2..] == [0x00; 3] => {}
            _ => self.writing.push(hex::encode_upper(&command[..4])),
        }
        let answer = pass(chip, command);
        let left = |reference| chip.memory().get(Cell::Tries(reference)).unwrap()[0];
        self.pin_tries = self.pin_tries.min(left(PinReference::Application));
        self.puk_tries = self.puk_tries.min(left(PinReference::Unblocking));
        answer
    }
}
