//! Does the steps to a card and has the standard judge each answer.

use aes::Aes192;
use aes::cipher::{Block, BlockCipherEncrypt, KeyInit};
use firmware_sim::card::nvm::Cell;
use firmware_sim::card::{Interface, Model, PivChip, Reference};
use firmware_sim::contacts::Chip;
use iso7816::ber::Tag;
use iso7816::{Command, Response, StatusWord};
use piv::secure_messaging::{CipherSuite, HostEphemeral, Session};

use crate::standard::{Issued, PAIRING_CODE, PUK, Standard, new_value};
use crate::step::{Action, New, Object, Step, Target, Value};

/// A card that can be held to readers of both kinds.
pub(crate) trait Specimen: Chip {
    fn hold(&mut self, interface: Interface);
}

impl Specimen for PivChip {
    fn hold(&mut self, interface: Interface) {
        self.set_interface(interface)
            .expect("the model has both interfaces");
    }
}

/// The kinds of card that are tried: all have all there is, and differ in what the issuer decided.
pub(crate) const KINDS: u8 = 3;

/// A card of one of the [`KINDS`], and what its issuer decided.
pub(crate) fn card(kind: u8) -> (PivChip, Issued) {
    let mut model = match kind {
        0 | 1 => Model::series10(),
        // PIV is selected after a reset.
        _ => {
            let mut model = Model::series9();
            model.secure_messaging = Model::series10().secure_messaging;
            model.contactless = Model::series10().contactless;
            model
        }
    };
    model.pin_usage_policy = match kind {
        // With the Global PIN and a pairing code; the first without, both without.
        0 => [0x68, 0x10],
        1 => [0x6C, 0x20],
        _ => [0x48, 0x00],
    };
    model.pin = Reference::new("123456", 3);
    model.puk = Reference::new("87654321", 4);
    model.global_pin = Some(Reference::new("1111111", 5));
    let chip = PivChip::personalised(&model, 7);
    let pairing_code = chip
        .memory()
        .get(Cell::Object(Tag(0x5F_C123)))
        .map(|object| object[4..12].try_into().expect("eight digits"))
        .expect("these cards have a pairing code");
    let issued = Issued {
        pin: (*b"123456\xFF\xFF", 3),
        global_pin: (*b"1111111\xFF", 5),
        puk: (*b"87654321", 4),
        pairing_code,
        policy: model.pin_usage_policy[0],
        intermediate: 1,
        selected_by_default: kind >= 2,
    };
    (chip, issued)
}

/// Whoever does the steps, with what a host remembers.
pub(crate) struct Rig<'a> {
    card: &'a mut dyn Specimen,
    interface: Interface,
    pub(crate) standard: Standard,
    session: Option<Session>,
    /// A session the card has no more.
    stale: Option<Session>,
    /// The last challenge of key 9B.
    challenge: Vec<u8>,
}

impl<'a> Rig<'a> {
    /// Powers the card up.
    pub(crate) fn new(card: &'a mut dyn Specimen, issued: Issued) -> Self {
        card.power_on();
        Self {
            card,
            interface: Interface::Contact,
            standard: Standard::new(issued),
            session: None,
            stale: None,
            challenge: vec![0; 16],
        }
    }

    /// Does all of them, up to the first answer the standard does not allow.
    pub(crate) fn run(&mut self, steps: &[Step]) -> Result<(), String> {
        self.select(Target::Piv)?;
        for (number, step) in steps.iter().enumerate() {
            self.perform(step)
                .map_err(|reason| format!("step {number}, {step:?}: {reason}"))?;
        }
        Ok(())
    }

    fn perform(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Reset { cold, select } => {
                if *cold {
                    self.card.power_off();
                }
                self.reset(*select)
            }
            Step::Hold(interface) => {
                self.card.hold(*interface);
                self.interface = *interface;
                self.reset(true)
            }
            Step::Select(target) => self.select(*target),
            Step::Establish => self.establish(),
            Step::Stale => self.send_stale(),
            Step::Send {
                secured: true,
                action,
            } => {
                if self.session.is_none() {
                    self.establish()?;
                }
                match self.session.take() {
                    Some(session) => self.send_secured(session, action),
                    None => Ok(()),
                }
            }
            Step::Send { action, .. } => self.send(action),
        }
    }

    fn reset(&mut self, select: bool) -> Result<(), String> {
        self.card.power_on();
        self.standard.was_reset(self.interface);
        self.end_session();
        if select {
            self.select(Target::Piv)?;
        }
        Ok(())
    }

    fn select(&mut self, target: Target) -> Result<(), String> {
        let command = match target {
            Target::Piv => "00A404000BA00000030800001000010000",
            Target::PivWithoutVersion => "00A4040009A0000003080000100000",
            Target::AnotherApplication => "00A4040008A00000015100000000",
            Target::Nothing => "00A4040009A0000003974254465900",
        };
        let (_, status) = self.transmit(&unhex(command))?;
        self.standard.selected(target, status)?;
        if matches!(target, Target::AnotherApplication) {
            self.end_session();
        }
        Ok(())
    }

    fn establish(&mut self) -> Result<(), String> {
        let host = HostEphemeral::from_scalar(CipherSuite::Cs2, &[7; 32])
            .map_err(|error| error.to_string())?;
        let command = host
            .command()
            .to_short()
            .map_err(|error| error.to_string())?;
        let (data, status) = self.whole(&command)?;
        self.standard.established(status)?;
        self.end_session();
        if status == 0x9000 {
            let response = Response::new(data, StatusWord(status));
            let established = host
                .establish(&response, None)
                .map_err(|error| error.to_string())?;
            self.session = Some(established.session);
        }
        Ok(())
    }

    fn send_stale(&mut self) -> Result<(), String> {
        let made_up =
            || unhex("0CCB3FFF19970100 8E08 0102030405060708 8E08 0102030405060708 970100");
        let command = match self.stale.take() {
            Some(mut session) => {
                let plain = Command::parse(&unhex("00CB3FFF055C035FC10200"))
                    .map_err(|error| error.to_string())?;
                match session.protect(&plain) {
                    Ok(command) => command
                        .to_short()
                        .map_err(|error| error.to_string())?
                        .to_vec(),
                    Err(_) => made_up(),
                }
            }
            None => made_up(),
        };
        let (_, status) = self.transmit(&command)?;
        self.end_session();
        self.standard.was_stale(status)
    }

    fn send(&mut self, action: &Action) -> Result<(), String> {
        let (data, status) = self.transmit(&self.bytes(action))?;
        let most = match action {
            Action::ReadLittle => 8,
            Action::More { le } if *le > 0 => usize::from(*le),
            _ => 256,
        };
        if data.len() > most {
            return Err(format!("{} bytes for Le {most}", data.len()));
        }
        if matches!(action, Action::Challenge) && status == 0x9000 {
            self.challenge = data.get(4..).unwrap_or_default().to_vec();
        }
        self.standard.answered(action, false, status)
    }

    fn send_secured(&mut self, mut session: Session, action: &Action) -> Result<(), String> {
        let words = |error: &dyn std::error::Error| error.to_string();
        let plain = Command::parse(&self.bytes(action)).map_err(|error| words(&error))?;
        let protected = session.protect(&plain).map_err(|error| words(&error))?;
        let (data, status) = self.whole(&protected.to_short().map_err(|error| words(&error))?)?;
        let response = session
            .unprotect(&Response::new(data, StatusWord(status)))
            .map_err(|error| words(&error))?;
        self.session = Some(session);
        self.standard.answered(action, true, response.status.0)
    }

    fn end_session(&mut self) {
        if let Some(session) = self.session.take() {
            self.stale = Some(session);
        }
    }

    fn transmit(&mut self, command: &[u8]) -> Result<(Vec<u8>, u16), String> {
        let mut answer = self.card.transmit(command);
        let at = answer
            .len()
            .checked_sub(2)
            .ok_or("the card is mute".to_owned())?;
        let status = answer.split_off(at);
        Ok((answer, u16::from_be_bytes([status[0], status[1]])))
    }

    fn whole(&mut self, command: &[u8]) -> Result<(Vec<u8>, u16), String> {
        let (mut data, mut status) = self.transmit(command)?;
        while status >> 8 == 0x61 {
            let (more, next) = self.transmit(&unhex("00C0000000"))?;
            data.extend(more);
            status = next;
        }
        Ok((data, status))
    }

    fn bytes(&self, action: &Action) -> Vec<u8> {
        match *action {
            Action::Verify { reference, value } => {
                with_data([0x00, 0x20, 0x00, reference], &self.given(reference, value))
            }
            Action::Query { reference } => vec![0x00, 0x20, 0x00, reference],
            Action::Forget { reference } => vec![0x00, 0x20, 0xFF, reference],
            Action::VerifyWithP1 { p1 } => vec![0x00, 0x20, p1, 0x80],
            Action::Change {
                reference,
                old,
                new,
            } => {
                let data = [self.given(reference, old), new_bytes(reference, new)].concat();
                with_data([0x00, 0x24, 0x00, reference], &data)
            }
            Action::Unblock {
                reference,
                puk,
                new,
            } => {
                let data = [self.given(PUK, puk), new_bytes(0x80, new)].concat();
                with_data([0x00, 0x2C, 0x00, reference], &data)
            }
            Action::Challenge => unhex("00870A9B047C02810000"),
            Action::Answer { right } => {
                let mut response = encrypt(&self.challenge);
                if !right {
                    response[0] ^= 0x01;
                }
                let data = [&[0x7C, 0x12, 0x82, 0x10], &response[..]].concat();
                with_data([0x00, 0x87, 0x0A, 0x9B], &data)
            }
            Action::Sign { key } => {
                let mut command = with_data([0x00, 0x87, 0x11, key], &signature_data());
                command.push(0x00);
                command
            }
            Action::Begin { key } => with_data([0x10, 0x87, 0x11, key], &signature_data()[..20]),
            Action::Finish { key } => {
                let mut command = with_data([0x00, 0x87, 0x11, key], &signature_data()[20..]);
                command.push(0x00);
                command
            }
            Action::Read(object) => unhex(match object {
                Object::Free => "00CB3FFF055C035FC10200",
                Object::Certificate => "00CB3FFF055C035FC10500",
                Object::Printed => "00CB3FFF055C035FC10900",
                Object::AbsentBehindPin => "00CB3FFF055C035FC12100",
                Object::Absent => "00CB3FFF055C035FC12000",
            }),
            Action::ReadLittle => unhex("00CB3FFF055C035FC10508"),
            Action::More { le } => vec![0x00, 0xC0, 0x00, 0x00, le],
            Action::Write => unhex("00DB3FFF0A5C035FC10D5303700100"),
            Action::Generate => unhex("0047009D05AC0380011100"),
            Action::Unknown { class, instruction } => vec![class, instruction, 0x00, 0x00],
        }
    }

    fn given(&self, reference: u8, value: Value) -> Vec<u8> {
        let right = self.standard.value(reference);
        match value {
            Value::Right => right.to_vec(),
            Value::Wrong => {
                let mut wrong = right;
                wrong[0] = b'0' + right[0].wrapping_add(1) % 10;
                wrong.to_vec()
            }
            Value::Malformed(kind) => malformed(reference, kind, right),
        }
    }
}

fn new_bytes(reference: u8, new: New) -> Vec<u8> {
    match new {
        New::Good(number) => new_value(reference, number).to_vec(),
        New::Malformed(kind) => malformed(reference, kind, *b"123456\xFF\xFF"),
    }
}

/// Not of the form the reference asks for. Of the PUK only the length can be wrong; no two wrong
/// lengths make up the right one of a command.
fn malformed(reference: u8, kind: u8, right: [u8; 8]) -> Vec<u8> {
    let mut value = right.to_vec();
    match kind {
        0 => value.truncate(7),
        1 => value.resize(20, 0xFF),
        _ if reference == PUK => value.truncate(usize::from(kind)),
        2 => value[7] = b'A',
        3 => value[5] = 0xFF,
        4 => value[..5].fill(0x00),
        _ if reference == PAIRING_CODE => value.fill(0xFF),
        _ => value[6..].fill(0x00),
    }
    value
}

fn signature_data() -> Vec<u8> {
    [
        &[0x7C, 0x24, 0x82, 0x00, 0x81, 0x20][..],
        &[0x5A_u8; 32][..],
    ]
    .concat()
}

/// The published key the model delivers its cards with, AES-192.
fn encrypt(challenge: &[u8]) -> Vec<u8> {
    let key: Vec<u8> = (1..=8).cycle().take(24).collect();
    let cipher = Aes192::new_from_slice(&key).expect("24 bytes");
    let mut block = Block::<Aes192>::default();
    block.copy_from_slice(challenge);
    cipher.encrypt_block(&mut block);
    block.to_vec()
}

fn with_data(header: [u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(data.len()).expect("short commands");
    [&header[..], &[length], data].concat()
}

fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).expect("hexadecimal")
}
