use iso7816::ber::{self, Tag};
use iso7816::{Command, Instruction, StatusWord};
use piv::words::{KeyReference, PinReference};
use zeroize::Zeroizing;

use crate::{Settings, ValidationError};

/// What an assertion declares that spends all the tries there are: cards of the estate have three.
/// On a card with more it needs permission for as many.
pub(crate) const ALL_TRIES: u8 = 3;

/// What the assertion in hand may do to the card. Every command is held against it before it is
/// sent, so that a mistake in an assertion costs a report and not a card.
pub(crate) struct Licence {
    writes: bool,
    /// Whether any try may be spent, and how many at a time.
    pin_tries: u8,
    /// Wrong passcodes since the right one.
    spent: u8,
    puk_spent: bool,
    /// The PUK the operator gave was refused.
    puk_doubtful: bool,
    /// The passcode as it stands on the card now, as it goes over the wire.
    passcode: Option<Zeroizing<[u8; 8]>>,
    puk: Option<Zeroizing<[u8; 8]>>,
    permitted_tries: u8,
    spare_key: Option<u8>,
}

/// What a command would do to a card.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Harm {
    /// Compares a passcode.
    Compares,
    /// Compares reference data and replaces it if it was right.
    Replaces,
    /// Makes a new key in the place of another.
    Generates,
    /// Answers a challenge of key 9B, which some cards count.
    Authenticates,
    /// Changes what is stored, or may.
    Writes,
}

/// What a command would do to a card; `None` for what every client does to every card.
///
/// Instructions of card management and of vendors that are not known to be harmless count as
/// writing.
pub(crate) fn harm(command: &Command) -> Option<Harm> {
    const READ_BINARY_ODD: Instruction = Instruction(0xB1);
    /// Unassigned in ISO/IEC 7816-4 and in no PIV product: to ask for an unknown instruction.
    const UNASSIGNED: Instruction = Instruction(0x0F);
    /// Asks a YubiKey for its version.
    const VENDOR_VERSION: Instruction = Instruction(0xFD);
    match command.instruction {
        Instruction::VERIFY => (!command.data.is_empty()).then_some(Harm::Compares),
        Instruction::CHANGE_REFERENCE_DATA | Instruction::RESET_RETRY_COUNTER => {
            Some(Harm::Replaces)
        }
        Instruction::GENERATE_ASYMMETRIC_KEY_PAIR => Some(Harm::Generates),
        Instruction::GENERAL_AUTHENTICATE => {
            answers_administration(command).then_some(Harm::Authenticates)
        }
        Instruction::SELECT
        | Instruction::GET_DATA
        | Instruction::GET_DATA_P1P2
        | Instruction::GET_RESPONSE
        | Instruction::GET_CHALLENGE
        | Instruction::READ_BINARY
        | READ_BINARY_ODD => None,
        UNASSIGNED | VENDOR_VERSION
            if (command.p1, command.p2) == (0, 0) && command.data.is_empty() =>
        {
            None
        }
        _ => Some(Harm::Writes),
    }
}

impl Licence {
    pub(super) fn new(settings: &Settings) -> Self {
        let spare_key = settings.permits.spare_key;
        Self {
            writes: false,
            pin_tries: 0,
            spent: 0,
            puk_spent: false,
            puk_doubtful: false,
            passcode: settings
                .passcode
                .as_ref()
                .map(|passcode| Zeroizing::new(*passcode.padded())),
            puk: settings
                .puk
                .as_ref()
                .map(|puk| Zeroizing::new(*puk.bytes())),
            permitted_tries: settings.permits.pin_tries,
            spare_key: spare_key.map(|key| key.byte()),
        }
    }

    /// For the next assertion. What was spent before stays spent.
    pub(super) fn grant(&mut self, writes: bool, pin_tries: u8) {
        self.writes = writes;
        self.pin_tries = match pin_tries {
            ALL_TRIES => self.permitted_tries,
            declared => declared.min(self.permitted_tries),
        };
        self.puk_spent = false;
    }

    /// Whether the command may be sent.
    pub(super) fn admit(&mut self, command: &Command) -> Result<(), ValidationError> {
        let refuse = |why: &str| {
            Err(ValidationError::NotPermitted {
                what: format!(
                    "{:02X} {:02X} {:02X} {:02X} {why}",
                    command.class, command.instruction.0, command.p1, command.p2
                ),
            })
        };
        let Some(harm) = harm(command) else {
            return Ok(());
        };
        if harm != Harm::Compares && !self.writes {
            return refuse("writes to the card, which the assertion does not declare");
        }
        if harm == Harm::Generates
            && PLACES.contains(&command.p2)
            && self.spare_key != Some(command.p2)
        {
            return refuse("replaces a key that is not the one that may be replaced");
        }
        if self.puk_doubtful && is_about_puk(command) {
            return Err(ValidationError::WrongSecret { what: "PUK" });
        }
        match self.costs(command) {
            Cost::Nothing => Ok(()),
            Cost::Passcode if self.spent >= self.pin_tries => {
                refuse("spends a try that is not declared and permitted")
            }
            Cost::Passcode => {
                self.spent += 1;
                Ok(())
            }
            Cost::Puk if self.puk_spent || self.pin_tries == 0 => {
                refuse("spends a try of the PUK that is not declared and permitted")
            }
            Cost::Puk => {
                self.puk_spent = true;
                Ok(())
            }
        }
    }

    /// Learns from the answer what the passcode is now.
    pub(super) fn note(&mut self, command: &Command, status: StatusWord) {
        if command.data.is_empty() {
            return;
        }
        let wrong = status.tries_left().is_some() || status == StatusWord::BLOCKED;
        if wrong && is_about_puk(command) && matches!(self.costs(command), Cost::Nothing) {
            self.puk_doubtful = true;
        }
        if !status.is_ok() {
            return;
        }
        let new = |data: &[u8]| data.get(8..16)?.try_into().ok().map(Zeroizing::new);
        match (command.instruction, PinReference::from_byte(command.p2)) {
            (Instruction::VERIFY, Some(PinReference::Application)) => {
                self.spent = 0;
                self.passcode = command.data[..].try_into().ok().map(Zeroizing::new);
            }
            (
                Instruction::CHANGE_REFERENCE_DATA | Instruction::RESET_RETRY_COUNTER,
                Some(PinReference::Application),
            ) => {
                self.spent = 0;
                self.passcode = new(&command.data);
            }
            (Instruction::CHANGE_REFERENCE_DATA, Some(PinReference::Unblocking)) => {
                self.puk = new(&command.data);
            }
            _ => {}
        }
    }

    /// Whether the passcode on the card is this one, as far as the card's answers tell.
    pub(super) fn passcode_is(&self, passcode: &[u8; 8]) -> bool {
        self.passcode
            .as_ref()
            .is_some_and(|current| **current == *passcode)
    }

    fn costs(&self, command: &Command) -> Cost {
        let starts_with = |value: &Option<Zeroizing<[u8; 8]>>| {
            value
                .as_ref()
                .is_some_and(|value| command.data.starts_with(&value[..]))
        };
        let reference = PinReference::from_byte(command.p2);
        match (command.instruction, reference) {
            // It has no counter.
            (Instruction::VERIFY, Some(PinReference::PairingCode)) => Cost::Nothing,
            (Instruction::VERIFY, _) => {
                match command.data.len() == 8 && starts_with(&self.passcode) {
                    true => Cost::Nothing,
                    false => Cost::Passcode,
                }
            }
            (Instruction::CHANGE_REFERENCE_DATA, Some(PinReference::Unblocking))
            | (Instruction::RESET_RETRY_COUNTER, _) => match starts_with(&self.puk) {
                true => Cost::Nothing,
                false => Cost::Puk,
            },
            (Instruction::CHANGE_REFERENCE_DATA, _) => match starts_with(&self.passcode) {
                true => Cost::Nothing,
                false => Cost::Passcode,
            },
            _ => Cost::Nothing,
        }
    }
}

/// Whether a GENERAL AUTHENTICATE may be an answer to key 9B: a response in the template, or a part
/// of which that cannot be told.
fn answers_administration(command: &Command) -> bool {
    const TEMPLATE: Tag = Tag(0x7C);
    const RESPONSE: Tag = Tag(0x82);
    const WITNESS: Tag = Tag(0x80);
    if command.p2 != KeyReference::Administration.byte() {
        return false;
    }
    let answers = |tag| {
        ber::expect(TEMPLATE, &command.data)
            .and_then(|template| ber::find(tag, template))
            .is_ok_and(|element| element.is_some_and(|value| !value.is_empty()))
    };
    command.is_chained() || answers(RESPONSE) || answers(WITNESS)
}

fn is_about_puk(command: &Command) -> bool {
    command.instruction == Instruction::RESET_RETRY_COUNTER
        || command.instruction == Instruction::CHANGE_REFERENCE_DATA
            && command.p2 == PinReference::Unblocking.byte()
}

/// The references GENERATE ASYMMETRIC KEY PAIR knows (SP 800-73-5 Part 2, 3.3.2), and those of
/// retired keys, which some products let it make.
const PLACES: [u8; 25] = [
    0x04, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8B, 0x8C, 0x8D, 0x8E, 0x8F, 0x90,
    0x91, 0x92, 0x93, 0x94, 0x95, 0x9A, 0x9C, 0x9D, 0x9E,
];

enum Cost {
    Nothing,
    Passcode,
    Puk,
}

#[cfg(test)]
mod tests {
    use piv::commands;
    use piv::secrets::{Passcode, Puk};
    use piv::words::{Algorithm, ObjectId};

    use super::*;
    use crate::Permits;

    const APPLICATION: PinReference = PinReference::Application;

    fn passcode(digits: &str) -> Passcode {
        Passcode::new(digits).unwrap()
    }

    fn licence(permitted_tries: u8) -> Licence {
        Licence::new(&Settings {
            passcode: Some(passcode("123456")),
            puk: Some(Puk::new(*b"12345678")),
            permits: Permits {
                pin_tries: permitted_tries,
                spare_key: Some(KeyReference::KeyManagement),
                ..Permits::default()
            },
            ..Settings::default()
        })
    }

    #[test]
    fn without_permission_the_right_passcode_passes_and_no_other() {
        let mut licence = licence(3);
        licence.grant(false, 0);
        assert!(licence.admit(&commands::read_tries(APPLICATION)).is_ok());
        for _ in 0..5 {
            let right = commands::verify(APPLICATION, &passcode("123456"));
            assert!(licence.admit(&right).is_ok());
            let wrong = commands::verify(APPLICATION, &passcode("123457"));
            assert!(licence.admit(&wrong).is_err());
        }
    }

    #[test]
    fn tries_are_counted_until_the_right_passcode_gives_them_back() {
        let mut licence = licence(4);
        let wrong = commands::verify(APPLICATION, &passcode("123457"));
        let right = commands::verify(APPLICATION, &passcode("123456"));
        licence.grant(false, 2);
        assert!(licence.admit(&wrong).is_ok());
        assert!(licence.admit(&wrong).is_ok());
        assert!(licence.admit(&wrong).is_err());
        // Another assertion gets no more.
        licence.grant(false, 1);
        assert!(licence.admit(&wrong).is_err());
        licence.note(&right, StatusWord::OK);
        assert!(licence.admit(&wrong).is_ok());
    }

    #[test]
    fn a_changed_passcode_is_the_right_one_from_then_on() {
        let mut licence = licence(0);
        licence.grant(true, 0);
        let (old, new) = (passcode("123456"), passcode("135724"));
        let change = commands::change_reference(APPLICATION, old.padded(), new.padded());
        assert!(licence.admit(&change).is_ok());
        licence.note(&change, StatusWord::OK);
        assert!(licence.admit(&commands::verify(APPLICATION, &new)).is_ok());
        assert!(licence.admit(&commands::verify(APPLICATION, &old)).is_err());
    }

    #[test]
    fn writing_is_for_those_that_declare_it_and_keys_are_made_in_the_spare_place_only() {
        let mut licence = licence(0);
        let put = commands::put_data(ObjectId::KeyHistory, &[]);
        let spare = commands::generate(KeyReference::KeyManagement, Algorithm::P256);
        let other = commands::generate(KeyReference::Authentication, Algorithm::P256);
        let vendor = Command::new(0x00, Instruction(0xFB), 0x00, 0x00);
        for command in [&put, &spare, &other, &vendor] {
            assert!(licence.admit(command).is_err(), "{command:?}");
        }
        licence.grant(true, 0);
        assert!(licence.admit(&put).is_ok());
        assert!(licence.admit(&spare).is_ok());
        assert!(licence.admit(&other).is_err());
    }
}
