use std::fmt;
use std::io;
use std::time::Duration;

use iso7816::Protocol;

use super::fault::{Fault, Faults};
use super::intake::{Intake, Taken};
use crate::contacts::{Contacts, Hold};
use crate::printer::{Movement, Place, Transport, Trouble};

/// The speeds the device can find, in baud.
const SPEEDS: [u32; 4] = [9600, 19_200, 38_400, 57_600];
/// The longest answer of a card that fits a frame.
const LONGEST_ANSWER: usize = 512;
/// How often an answer nobody acknowledges is said again.
const REPEATS: u32 = 2;

/// What the device says, and how long after it was asked.
pub type Say<'a> = dyn FnMut(Duration, &[u8]) -> io::Result<()> + 'a;

/// How the device is built.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Setup {
    /// What it says when it is initialised.
    pub model: String,
    /// Serial number.
    pub serial: String,
    /// Firmware version.
    pub version: String,
    /// The address of its switches, 0 to 15.
    pub address: u8,
    /// The one speed it has, in baud; `None` for one that finds the host's.
    pub speed: Option<u32>,
    /// Cards in the stacker from which on it has enough.
    pub few_below: u64,
    /// Cards the error bin takes.
    pub bin: usize,
    /// Begins bad answers: `N` or `E`.
    pub failed: u8,
    /// How long a card takes from place to place.
    pub motion: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            model: "CRT-591-M001 V1.0-SIM".to_owned(),
            serial: "591SIM0001".to_owned(),
            version: "M001-1.0-SIM".to_owned(),
            address: 0,
            speed: None,
            few_below: 10,
            bin: 20,
            failed: b'N',
            motion: Duration::ZERO,
        }
    }
}

/// The two characters of a bad answer.
type Code = [u8; 2];

/// A simulated CRT-591.
pub struct Twin {
    setup: Setup,
    transport: Transport,
    contacts: Contacts,
    intake: Intake,
    faults: Faults,
    /// The speed it found or has.
    speed: Option<u32>,
    initialised: bool,
    /// The chip with power.
    powered: Option<(Hold, Protocol)>,
    /// The card inside is stuck between the sensors.
    stuck: bool,
    /// Cards may be put in at the gate.
    entry: bool,
    /// Cards the bin held when its counter was last set to nothing.
    bin_base: usize,
    /// The last answer, and how often it may be said again by itself.
    last: Vec<u8>,
    unacknowledged: u32,
    /// Every answer is damaged until the host gives up on this one.
    damages: bool,
    dead: bool,
}

impl Twin {
    /// A device over a way of cards. `contacts` are those the encoder of `transport` closes.
    #[must_use]
    pub fn new(setup: Setup, transport: Transport, contacts: Contacts) -> Self {
        Self {
            intake: Intake::new(setup.address),
            speed: setup.speed,
            setup,
            transport,
            contacts,
            faults: Faults::default(),
            initialised: false,
            powered: None,
            stuck: false,
            entry: false,
            bin_base: 0,
            last: Vec::new(),
            unacknowledged: 0,
            damages: false,
            dead: false,
        }
    }

    /// What lets faults strike, also while the device is at work on another thread.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.faults.clone()
    }

    /// The way of the cards.
    #[must_use]
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The way of the cards, to load the stacker.
    pub fn transport_mut(&mut self) -> &mut Transport {
        &mut self.transport
    }

    /// Whether a card may be put in at the gate.
    #[must_use]
    pub fn lets_cards_in(&self) -> bool {
        self.entry
    }

    /// Deals with the trouble as an operator would: a stuck card is taken out, and the cable is
    /// put in again.
    ///
    /// # Errors
    ///
    /// When the state cannot be written.
    pub fn clear(&mut self) -> io::Result<()> {
        if self.stuck {
            self.transport.move_to(Place::TakenOut)?;
            self.stuck = false;
            let trouble = Trouble::Jam;
            self.transport.note(Movement::Cleared { trouble });
        }
        self.dead = false;
        Ok(())
    }

    /// Takes the cards out of the error bin.
    ///
    /// # Errors
    ///
    /// When the state cannot be written.
    pub fn empty_bin(&mut self) -> io::Result<()> {
        for number in self.transport.cards_at(Place::Reject) {
            self.transport.take_out(number)?;
        }
        self.bin_base = 0;
        Ok(())
    }

    /// Takes bytes the host sent at a speed and says what there is to say to them.
    ///
    /// # Errors
    ///
    /// Those of `say`.
    pub fn receive(&mut self, bytes: &[u8], baud: u32, say: &mut Say<'_>) -> io::Result<()> {
        if self.dead || self.speed.is_some_and(|own| own != baud) {
            // At the wrong speed all bytes are noise.
            return Ok(());
        }
        for &byte in bytes {
            if let Some(taken) = self.intake.take(byte) {
                self.act(taken, baud, say)?;
            }
        }
        Ok(())
    }

    /// Whether a frame has begun and not ended.
    #[must_use]
    pub fn is_inside_frame(&self) -> bool {
        self.intake.is_inside()
    }

    /// Nothing came for a while: a frame that has begun is damaged.
    ///
    /// # Errors
    ///
    /// Those of `say`.
    pub fn pause(&mut self, say: &mut Say<'_>) -> io::Result<()> {
        match self.intake.pause() {
            Some(_) if !self.dead => say(Duration::ZERO, &[0x15]),
            _ => Ok(()),
        }
    }

    /// Nothing came for longer: an answer nobody has acknowledged is said again.
    ///
    /// # Errors
    ///
    /// Those of `say`.
    pub fn say_again(&mut self, say: &mut Say<'_>) -> io::Result<()> {
        if self.unacknowledged == 0 || self.dead {
            return Ok(());
        }
        self.unacknowledged -= 1;
        say(Duration::ZERO, &self.last)
    }

    fn act(&mut self, taken: Taken, baud: u32, say: &mut Say<'_>) -> io::Result<()> {
        match taken {
            Taken::Acknowledged => {
                self.unacknowledged = 0;
                Ok(())
            }
            Taken::Refused => {
                let mut again = self.last.clone();
                if self.damages
                    && let Some(check) = again.last_mut()
                {
                    *check ^= 0x40;
                }
                say(Duration::ZERO, &again)
            }
            Taken::Ended => {
                self.unacknowledged = 0;
                say(Duration::ZERO, &[0x04])
            }
            Taken::Damaged => say(Duration::ZERO, &[0x15]),
            Taken::Text(text) => self.obey(&text, baud, say),
        }
    }

    fn obey(&mut self, text: &[u8], baud: u32, say: &mut Say<'_>) -> io::Result<()> {
        let (command, parameter, data) = match *text {
            [b'C', command, parameter, ref data @ ..] => (command, parameter, data),
            // A frame that came whole and says nothing.
            _ => return say(Duration::ZERO, &[0x15]),
        };
        let fault = self.faults.strike(command, parameter);
        match fault {
            Some(Fault::Nak) => return say(Duration::ZERO, &[0x15]),
            Some(Fault::Deaf) => return Ok(()),
            Some(Fault::Dead) => {
                self.dead = true;
                return Ok(());
            }
            Some(Fault::Restart) => self.restart(),
            _ => {}
        }
        if !matches!(fault, Some(Fault::NoAck | Fault::Mute)) {
            say(Duration::ZERO, &[0x06])?;
        }
        let mut took = Duration::ZERO;
        let done = self.command(command, parameter, data, fault, &mut took);
        if command == 0x30 && done.is_ok() && self.speed.is_none() && SPEEDS.contains(&baud) {
            self.speed = Some(baud);
        }
        let frame = self.framed(command, parameter, done);
        self.last.clone_from(&frame);
        self.damages = fault == Some(Fault::AlwaysBadBcc);
        self.unacknowledged = match fault {
            Some(Fault::Silent | Fault::Mute) => 0,
            _ => REPEATS,
        };
        match fault {
            Some(Fault::Silent | Fault::Mute) => Ok(()),
            Some(Fault::BadBcc | Fault::AlwaysBadBcc) => {
                let mut changed = frame;
                if let Some(check) = changed.last_mut() {
                    *check ^= 0x40;
                }
                say(took, &changed)
            }
            Some(Fault::Cut) => say(took, &frame[..frame.len() - 3]),
            Some(Fault::Twice) => {
                say(took, &frame)?;
                say(took, &frame)
            }
            Some(Fault::Slow(longer)) => say(took + longer, &frame),
            _ => say(took, &frame),
        }
    }

    /// Switched off and on.
    fn restart(&mut self) {
        self.initialised = false;
        self.power_off();
        self.unacknowledged = 0;
    }

    fn framed(&self, command: u8, parameter: u8, done: Result<Vec<u8>, Code>) -> Vec<u8> {
        let text = match done {
            Ok(data) => {
                let mut text = vec![b'P', command, parameter];
                text.extend(self.sensors());
                text.extend(data);
                text
            }
            Err(code) => vec![self.setup.failed, command, parameter, code[0], code[1]],
        };
        let mut frame = vec![0xF2, self.setup.address];
        frame.extend((text.len() as u16).to_be_bytes());
        frame.extend(text);
        frame.push(0x03);
        let sum = frame.iter().fold(0, |sum, byte| sum ^ byte);
        frame.push(sum);
        frame
    }

    fn sensors(&self) -> [u8; 3] {
        let card = match self.transport.inside() {
            None => b'0',
            Some(_) if self.stuck => b'0',
            Some((_, Place::Contacts | Place::Antenna)) => b'2',
            // A card on no station is held in the gate.
            Some(_) => b'1',
        };
        let stacker = match self.transport.left() {
            0 => b'0',
            left if left < self.setup.few_below => b'1',
            _ => b'2',
        };
        let bin = if self.bin_is_full() { b'1' } else { b'0' };
        [card, stacker, bin]
    }

    fn bin_is_full(&self) -> bool {
        self.transport.cards_at(Place::Reject).len() >= self.setup.bin
    }

    fn command(
        &mut self,
        command: u8,
        parameter: u8,
        data: &[u8],
        fault: Option<Fault>,
        took: &mut Duration,
    ) -> Result<Vec<u8>, Code> {
        if let Some(Fault::Code(code)) = fault {
            return Err(code);
        }
        if command != 0x30 && !self.initialised {
            return Err(*b"B0");
        }
        match (command, parameter) {
            (0x30, 0x30 | 0x31 | 0x33 | 0x34 | 0x35 | 0x37) => {
                self.initialise(parameter, fault, took)
            }
            (0x31, 0x30) => Ok(Vec::new()),
            (0x31, 0x31) => Ok(self.every_sensor()),
            (0x32, 0x30 | 0x31 | 0x32 | 0x33 | 0x39) => {
                if self.transport.inside().is_none() {
                    self.draw(fault, took)?;
                }
                self.carry(parameter, fault, took).map(|()| Vec::new())
            }
            (0x33, 0x30 | 0x31) => {
                self.entry = parameter == 0x30;
                Ok(Vec::new())
            }
            (0x50, 0x30) => match self.on_contacts()? {
                Protocol::T0 => Ok(b"10".to_vec()),
                Protocol::T1 => Ok(b"11".to_vec()),
            },
            (0x51, _) => self.chip(parameter, data, fault),
            (0xA2, 0x30) => Ok(self.setup.serial.clone().into()),
            (0xA3, 0x30) => Ok(format!("A{:02}", self.setup.address).into()),
            (0xA4, 0x30) => Ok(self.setup.version.clone().into()),
            (0xA5, 0x30) => {
                let held = self.transport.cards_at(Place::Reject).len();
                let count = held.saturating_sub(self.bin_base) as u32;
                Ok(count.to_le_bytes()[..3].to_vec())
            }
            (0xA5, 0x31) => {
                self.bin_base = self.transport.cards_at(Place::Reject).len();
                Ok(Vec::new())
            }
            (0x30 | 0x31 | 0x32 | 0x33 | 0x50 | 0xA2..=0xA5, _) => Err(*b"01"),
            (0x52 | 0x53 | 0x54 | 0x60 | 0xA6, _) => Err(*b"03"),
            _ => Err(*b"00"),
        }
    }

    fn initialise(
        &mut self,
        parameter: u8,
        fault: Option<Fault>,
        took: &mut Duration,
    ) -> Result<Vec<u8>, Code> {
        self.power_off();
        if self.stuck {
            return Err(*b"10");
        }
        if self.transport.inside().is_some() {
            match parameter {
                0x30 | 0x34 => self.carry(0x30, fault, took)?,
                0x31 | 0x35 => self.carry(0x33, fault, took)?,
                _ => {}
            }
        }
        self.initialised = true;
        Ok(self.setup.model.clone().into())
    }

    /// Eight sensors along the way, as far as they are known: one in the gate, one inside, one
    /// under the stacker.
    fn every_sensor(&self) -> Vec<u8> {
        let [card, stacker, bin] = self.sensors();
        let seen = |yes| if yes { b'1' } else { b'0' };
        vec![
            seen(card == b'1'),
            seen(card == b'2'),
            seen(stacker != b'0'),
            seen(stacker == b'2'),
            bin,
        ]
    }

    /// Draws the next card, which is then inside.
    fn draw(&mut self, fault: Option<Fault>, took: &mut Duration) -> Result<(), Code> {
        if self.transport.left() == 0 {
            let trouble = Trouble::HopperEmpty;
            self.transport.note(Movement::Faulted { trouble });
            return Err(*b"A0");
        }
        *took += self.setup.motion;
        self.transport.draw().map_err(storage)?;
        if fault == Some(Fault::Jam) {
            return Err(self.jam());
        }
        Ok(())
    }

    fn carry(
        &mut self,
        parameter: u8,
        fault: Option<Fault>,
        took: &mut Duration,
    ) -> Result<(), Code> {
        if self.stuck {
            return Err(*b"10");
        }
        if self.powered.is_some() {
            return Err(*b"05");
        }
        if parameter == 0x33 && self.bin_is_full() {
            return Err(*b"A1");
        }
        *took += self.setup.motion;
        let place = match parameter {
            0x31 => Place::Contacts,
            0x32 => Place::Antenna,
            0x33 => Place::Reject,
            0x39 => Place::Output,
            _ => Place::Standby,
        };
        if fault == Some(Fault::Jam) {
            // Whatever lies on the contacts is free before it gets stuck.
            self.transport.move_to(Place::Standby).map_err(storage)?;
            return Err(self.jam());
        }
        self.transport.move_to(place).map_err(storage)?;
        Ok(())
    }

    fn jam(&mut self) -> Code {
        self.stuck = true;
        let trouble = Trouble::Jam;
        self.transport.note(Movement::Faulted { trouble });
        *b"10"
    }

    /// The protocol of the chip on the contacts.
    fn on_contacts(&self) -> Result<Protocol, Code> {
        let insertion = self.contacts.insertion().ok_or(*b"02")?;
        self.contacts
            .with_chip(insertion, |chip| chip.protocol())
            .ok_or(*b"02")
    }

    fn chip(&mut self, parameter: u8, data: &[u8], fault: Option<Fault>) -> Result<Vec<u8>, Code> {
        match parameter {
            0x30 => match data {
                [mode @ (0x30 | 0x33 | 0x35)] => self.power_on(*mode, fault),
                _ => Err(*b"04"),
            },
            0x31 => {
                self.power_off();
                Ok(Vec::new())
            }
            0x32 => Ok(vec![if self.powered.is_some() { b'1' } else { b'0' }]),
            0x38 => {
                let (hold, _) = self.powered.take().ok_or(*b"65")?;
                self.start(hold, fault)
            }
            0x33 | 0x34 | 0x39 => self.exchange(parameter, data, fault),
            _ => Err(*b"01"),
        }
    }

    fn power_on(&mut self, mode: u8, fault: Option<Fault>) -> Result<Vec<u8>, Code> {
        self.power_off();
        let insertion = self.contacts.insertion().ok_or(*b"02")?;
        let hold = self.contacts.occupy(insertion).ok_or(*b"02")?;
        let answer = self.start(hold, fault)?;
        if mode == 0x30 && !is_emv(&answer[1..]) {
            self.power_off();
            return Err(*b"69");
        }
        Ok(answer)
    }

    /// Resets the chip; the answer is its protocol and its answer to reset.
    fn start(&mut self, hold: Hold, fault: Option<Fault>) -> Result<Vec<u8>, Code> {
        if fault == Some(Fault::Contact) {
            return Err(*b"61");
        }
        let answer = hold.with_chip(|chip| (chip.power_on(), chip.protocol()));
        let Some((atr, protocol)) = answer.filter(|(atr, _)| !atr.is_empty()) else {
            return Err(*b"61");
        };
        self.powered = Some((hold, protocol));
        let mut said = vec![match protocol {
            Protocol::T0 => b'0',
            Protocol::T1 => b'1',
        }];
        said.extend(atr);
        Ok(said)
    }

    fn exchange(
        &mut self,
        parameter: u8,
        data: &[u8],
        fault: Option<Fault>,
    ) -> Result<Vec<u8>, Code> {
        let (hold, protocol) = self.powered.as_ref().ok_or(*b"65")?;
        match (parameter, protocol) {
            (0x33, Protocol::T1) | (0x34, Protocol::T0) => return Err(*b"62"),
            _ => {}
        }
        if data.len() < 4 {
            return Err(*b"04");
        }
        let answer = match fault {
            Some(Fault::Contact) => None,
            _ => hold.with_chip(|chip| chip.transmit(data)),
        };
        match answer {
            Some(answer) if answer.len() > LONGEST_ANSWER => Err(*b"67"),
            Some(answer) if !answer.is_empty() => Ok(answer),
            _ => {
                self.power_off();
                Err(*b"63")
            }
        }
    }

    fn power_off(&mut self) {
        if let Some((hold, _)) = self.powered.take() {
            // A chip that has left is off already.
            let _ = hold.with_chip(|chip| chip.power_off());
        }
    }
}

/// EMV 4.3, book 1, 8.3: TS is 3B, and TB1 is there.
fn is_emv(atr: &[u8]) -> bool {
    matches!(atr, [0x3B, format, ..] if format & 0x20 != 0)
}

fn storage(_error: io::Error) -> Code {
    // The simulator's files: there is no code for them, a sensor is the nearest.
    *b"12"
}

impl fmt::Debug for Twin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twin")
            .field("inside", &self.transport.inside())
            .field("faults", &self.faults)
            .field("stuck", &self.stuck)
            .finish_non_exhaustive()
    }
}
