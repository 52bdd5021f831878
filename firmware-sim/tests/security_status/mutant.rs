//! Cards with one fault each, made by altering what passes between a right card and its host.
//! Each has to be told from a right card, or the judging is worth nothing.

use firmware_sim::card::{Interface, PivChip};
use firmware_sim::contacts::Chip;

use crate::rig::Specimen;

/// What is wrong with a card.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// Rule 4: a reset leaves all status as it was.
    ResetKeepsStatus,
    /// Rule 2: SELECT of what is not there deselects PIV.
    AbsentSelectDeselects,
    /// Rule 3: SELECT of another application is only said to have been done.
    OtherSelectIgnored,
    /// Rule 10: VERIFY with P1 FF is only said to have been done.
    ForgetIgnored,
    /// Rule 14: a wrong PIN is not compared, and always said to leave three tries.
    WrongPinUncounted,
    /// Rule 13: a malformed PIN uses up a try and is said not to have.
    MalformedPinCounted,
    /// Rule 22: the status is FALSE after a change.
    ChangeForgets,
    /// Rule 25: unblocking verifies the new PIN.
    UnblockVerifies,
    /// Rule 28: key 9C signs as often as wanted after one VERIFY.
    SignsWithoutVerify,
    /// Rule 30: a chain goes on after another command.
    ChainSurvives,
    /// Rule 18: over the antenna everything is as over the contacts.
    ContactlessIsContact,
    /// Rule 33: what is not there behind the PIN is told without it.
    AbsenceLeaks,
    /// Rule 6: the administrator needs no right answer.
    WrongAnswerTaken,
    /// More data than Le asks for.
    TooMuchData,
}

impl Fault {
    pub(crate) const ALL: [Self; 14] = [
        Self::ResetKeepsStatus,
        Self::AbsentSelectDeselects,
        Self::OtherSelectIgnored,
        Self::ForgetIgnored,
        Self::WrongPinUncounted,
        Self::MalformedPinCounted,
        Self::ChangeForgets,
        Self::UnblockVerifies,
        Self::SignsWithoutVerify,
        Self::ChainSurvives,
        Self::ContactlessIsContact,
        Self::AbsenceLeaks,
        Self::WrongAnswerTaken,
        Self::TooMuchData,
    ];
}

/// A card with a fault.
pub(crate) struct Mutant {
    chip: PivChip,
    fault: Fault,
    on: bool,
    /// What the fault needs to remember: a PIN command, or parts of a chain.
    kept: Vec<u8>,
}

impl Mutant {
    pub(crate) fn new(chip: PivChip, fault: Fault) -> Self {
        Self {
            chip,
            fault,
            on: false,
            kept: Vec::new(),
        }
    }

    /// The answer of the right card to something else, where the fault has a say.
    fn alter(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        let ok = || Some(vec![0x90, 0x00]);
        let (header, data) = command.split_at_checked(5).unwrap_or((command, &[]));
        match (self.fault, header) {
            (Fault::AbsentSelectDeselects, [0x00, 0xA4, ..]) => {
                let answer = self.chip.transmit(command);
                if answer == [0x6A, 0x82] {
                    self.chip
                        .transmit(&[0x00, 0xA4, 0x04, 0x00, 0x05, 0xA0, 0x00, 0x00, 0x01, 0x51]);
                }
                Some(answer)
            }
            (Fault::OtherSelectIgnored, [0x00, 0xA4, ..])
                if data.starts_with(&[0xA0, 0, 0, 1, 0x51]) =>
            {
                ok()
            }
            (Fault::ForgetIgnored, [0x00, 0x20, 0xFF, 0x80, ..]) => {
                match self.chip.transmit(&[0x00, 0x20, 0x00, 0x80])[..] {
                    [0x90, 0x00] => ok(),
                    _ => None,
                }
            }
            (Fault::WrongPinUncounted, [0x00, 0x20, 0x00, 0x80, _]) => {
                // The first right one is remembered, and others never reach the card.
                let right = data == self.kept || self.kept.is_empty();
                if right {
                    let answer = self.chip.transmit(command);
                    if answer == [0x90, 0x00] {
                        self.kept = data.to_vec();
                    }
                    return Some(answer);
                }
                Some(vec![0x63, 0xC3])
            }
            (Fault::MalformedPinCounted, [0x00, 0x20, 0x00, 0x80, _]) => {
                let answer = self.chip.transmit(command);
                if answer == [0x6A, 0x80] {
                    self.chip.transmit(&[
                        0x00, 0x20, 0x00, 0x80, 0x08, 0x30, 0x30, 0x30, 0x30, 0x30, 0x39, 0xFF,
                        0xFF,
                    ]);
                }
                Some(answer)
            }
            (Fault::ChangeForgets, [0x00, 0x24, 0x00, 0x80, ..]) => {
                let answer = self.chip.transmit(command);
                if answer == [0x90, 0x00] {
                    self.chip.transmit(&[0x00, 0x20, 0xFF, 0x80]);
                }
                Some(answer)
            }
            (Fault::UnblockVerifies, [0x00, 0x2C, 0x00, 0x80, ..]) => {
                let answer = self.chip.transmit(command);
                if answer == [0x90, 0x00] {
                    let verify = [&[0x00, 0x20, 0x00, 0x80, 0x08], &data[8..]].concat();
                    self.chip.transmit(&verify);
                }
                Some(answer)
            }
            (Fault::SignsWithoutVerify, [0x00, 0x20, 0x00, 0x80, _]) => {
                let answer = self.chip.transmit(command);
                self.kept = match answer[..] {
                    [0x90, 0x00] => command.to_vec(),
                    _ => Vec::new(),
                };
                Some(answer)
            }
            (Fault::SignsWithoutVerify, [0x00, 0x87, 0x11, 0x9C, _]) if !self.kept.is_empty() => {
                let verify = self.kept.clone();
                self.chip.transmit(&verify);
                Some(self.chip.transmit(command))
            }
            (Fault::ChainSurvives, [0x10, 0x87, 0x11, 0x9A, _]) => {
                self.kept = command.to_vec();
                Some(self.chip.transmit(command))
            }
            (Fault::ChainSurvives, [0x00, 0x87, 0x11, 0x9A, 0x12]) if !self.kept.is_empty() => {
                let part = std::mem::take(&mut self.kept);
                // The right card may be in the middle of it: it is brought out of it first.
                self.chip.transmit(&[0x00, 0xFD, 0x00, 0x00]);
                self.chip.transmit(&part);
                Some(self.chip.transmit(command))
            }
            (Fault::AbsenceLeaks, [0x00, 0xCB, ..]) if data.ends_with(&[0xC1, 0x21, 0x00]) => {
                self.chip.transmit(command);
                Some(vec![0x6A, 0x82])
            }
            (Fault::WrongAnswerTaken, [0x00, 0x87, 0x0A, 0x9B, 0x14]) => {
                let answer = self.chip.transmit(command);
                match answer[..] {
                    [0x69, 0x82] => ok(),
                    _ => Some(answer),
                }
            }
            (Fault::TooMuchData, [0x00, 0xCB, ..]) => {
                let mut generous = command.to_vec();
                if let Some(le) = generous.last_mut() {
                    *le = 0;
                }
                Some(self.chip.transmit(&generous))
            }
            _ => None,
        }
    }
}

impl Chip for Mutant {
    fn power_on(&mut self) -> Vec<u8> {
        if self.fault == Fault::ResetKeepsStatus && self.on {
            return vec![0x3B, 0x00];
        }
        self.on = true;
        self.chip.power_on()
    }

    fn power_off(&mut self) {
        if self.fault != Fault::ResetKeepsStatus {
            self.chip.power_off();
        }
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        match self.alter(command) {
            Some(answer) => answer,
            None => self.chip.transmit(command),
        }
    }
}

impl Specimen for Mutant {
    fn hold(&mut self, interface: Interface) {
        if self.fault == Fault::ContactlessIsContact {
            self.chip.power_off();
        } else {
            self.on = false;
            self.chip.hold(interface);
        }
    }
}
