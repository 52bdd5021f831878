use std::sync::Arc;
use std::sync::atomic::Ordering;

use printers::matica::words::{DOCUMENT_BYTES, command, host, printer};

use super::Matica;
use super::film::{BLACK, CYAN, Ink, MAGENTA, PEEL_OFF, UV, YELLOW};
use super::frames::{Message, Messages, answer};
use crate::printer::firmware::{Reply, Session};
use crate::printer::log::Side;
use crate::printer::machine::Machine;
use crate::printer::transport::Place;
use crate::printer::trouble::Trouble;

/// Error words.
const NO_CARDS: u32 = 0x0002_D000;
const BAD_COMMAND: u32 = 0x0005_2000;
const CARD_POSITION: u32 = 0x0005_2600;
const CANNOT_LOAD: u32 = 0x0005_2A00;
const JAM_HOPPER: u32 = 0x0003_9000;
const JAM_TURN_OVER: u32 = 0x0003_9100;
const JAM_TRANSFER: u32 = 0x0003_9300;
const JAM_DISCHARGE: u32 = 0x0003_9400;
const JAM_RETRANSFER: u32 = 0x0003_9500;

/// Positions.
const PRINT: u8 = 0;
const CONTACTS: u8 = 1;
const ANTENNA: u8 = 2;
const REJECT: u8 = 4;
const EJECT: u8 = 5;
/// The mode of a position when no card is inside.
const NO_CARD: u8 = 4;

/// Bits of the first byte of a motion.
const FLIP: u8 = 0x10;
const FILM: u8 = 0x80;

/// What a command brings: an error word, or data.
type Outcome = Result<Vec<u8>, u32>;

/// One connection to a printer of this family.
pub(super) struct MaticaSession {
    printer: Matica,
    messages: Messages,
    /// Whether it has been said who prints.
    introduced: bool,
    /// Images that were sent, by layer.
    sent: Vec<Ink>,
    /// Ink on the film.
    film: Vec<Ink>,
}

impl MaticaSession {
    pub(super) fn new(printer: Matica) -> Self {
        Self {
            printer,
            messages: Messages::default(),
            introduced: false,
            sent: Vec::new(),
            film: Vec::new(),
        }
    }

    fn take(&mut self, message: Message, machine: &mut Machine) -> Vec<u8> {
        let number = message.number;
        let done = match message.kind {
            host::DOCUMENT => {
                self.introduced = message.data.len() >= DOCUMENT_BYTES;
                let word = if self.introduced { 0 } else { BAD_COMMAND };
                return answer(printer::DOCUMENT, word, number, &[]);
            }
            _ if !self.introduced => Err(BAD_COMMAND),
            host::IMAGE => self.image(message.data),
            host::COMMAND => self.command(&message.data, machine),
            _ => Err(BAD_COMMAND),
        };
        match done {
            Ok(data) if data.is_empty() => answer(printer::DONE, 0, number, &[]),
            Ok(data) => answer(printer::DATA, 0, number, &data),
            Err(word) => answer(printer::NOT_DONE, word, number, &[]),
        }
    }

    /// Keeps an image: a word with the layer's bit on top, two lengths, pixels.
    fn image(&mut self, data: Vec<u8>) -> Outcome {
        let pixels = self.printer.pixels();
        let length = u32::try_from(pixels).expect("an image is small");
        let lengths = [(length + 4).to_be_bytes(), length.to_be_bytes()].concat();
        let known = [YELLOW, MAGENTA, CYAN, BLACK, PEEL_OFF, UV];
        let fits = data.len() == 12 + pixels
            && known.contains(&data[0])
            && data[1..4] == [0; 3]
            && data[4..12] == lengths;
        if !fits {
            return Err(BAD_COMMAND);
        }
        let layer = data[0];
        self.sent.retain(|ink| ink.layer != layer);
        self.sent.push(Ink {
            layer,
            pixels: data[12..].to_vec(),
        });
        Ok(Vec::new())
    }

    fn command(&mut self, data: &[u8], machine: &mut Machine) -> Outcome {
        let (code, parameters) = match data {
            [code, length, rest @ ..] => match rest.get(..usize::from(*length)) {
                Some(parameters) => (*code, parameters),
                None => return Err(BAD_COMMAND),
            },
            _ => return Err(BAD_COMMAND),
        };
        match (code, parameters) {
            (command::STATUS, [0, 0]) => self.status(machine),
            (command::POSITION, [0, 0]) => self.position(machine),
            (command::INITIALISE, [0, 0]) => {
                self.sent.clear();
                self.film.clear();
                let given_up = machine.cancel();
                self.moved(JAM_HOPPER, given_up)
            }
            (command::LOAD, [flags, to]) => {
                self.fine(machine)?;
                self.load(*flags, *to, machine)
            }
            (command::MOVE, [flags, to]) => {
                self.fine(machine)?;
                self.inside(machine)?;
                self.go(*flags, *to, machine)
            }
            (command::PRINT, [_, planes]) => {
                self.fine(machine)?;
                self.print(*planes)
            }
            (command::TRANSFER, [flags, to, rest @ ..]) if rest.iter().all(|byte| *byte == 0) => {
                self.fine(machine)?;
                self.inside(machine)?;
                self.transfer(*flags, *to, machine)
            }
            (command::CONTACTS, [what, 0]) => {
                self.fine(machine)?;
                self.contacts(*what, machine)
            }
            _ => Err(BAD_COMMAND),
        }
    }

    /// The word for what is wrong.
    fn word(&self, trouble: Trouble) -> u32 {
        match trouble {
            Trouble::HopperEmpty | Trouble::CardNotDrawnIn => NO_CARDS,
            Trouble::Jam | Trouble::DoubleFeed => match self.printer.jam.load(Ordering::Relaxed) {
                0 => JAM_HOPPER,
                word => word,
            },
            Trouble::FilmOut => 0x0003_B200,
            Trouble::WrongFilm => 0x0003_B000,
            Trouble::CoverOpen => 0x0002_D100,
            Trouble::HeadHot => 0x0002_F800,
            // No word for a tray is noted: nothing can be discharged.
            Trouble::OutputFull | Trouble::RejectFull => JAM_DISCHARGE,
            Trouble::MissingOption | Trouble::BadJob => BAD_COMMAND,
            Trouble::CleaningCard | Trouble::Storage | Trouble::Silent | Trouble::PowerCut => {
                0x0002_D800
            }
        }
    }

    /// The outcome of a motion; a jam in it is remembered with that word.
    fn moved<T>(&self, jam: u32, moved: Result<T, Trouble>) -> Outcome {
        match moved {
            Ok(_) => Ok(Vec::new()),
            Err(trouble) => {
                if matches!(trouble, Trouble::Jam | Trouble::DoubleFeed) {
                    // What was there before goes on to be what is wrong.
                    self.printer.jam.store(jam, Ordering::Relaxed);
                }
                Err(self.word(trouble))
            }
        }
    }

    fn fine(&self, machine: &Machine) -> Result<(), u32> {
        machine
            .trouble()
            .map_or(Ok(()), |trouble| Err(self.word(trouble)))
    }

    fn inside(&self, machine: &Machine) -> Result<Place, u32> {
        let inside = machine.transport().inside();
        inside.map(|(_, place)| place).ok_or(CARD_POSITION)
    }

    fn status(&self, machine: &Machine) -> Outcome {
        self.fine(machine)?;
        if machine.transport().left() == 0 {
            return Err(NO_CARDS);
        }
        Ok(Vec::new())
    }

    fn position(&self, machine: &Machine) -> Outcome {
        if let Some(trouble @ (Trouble::Jam | Trouble::DoubleFeed)) = machine.trouble() {
            return Err(self.word(trouble));
        }
        let (mode, position) = match machine.transport().inside() {
            None => (NO_CARD, 0),
            Some((_, Place::Contacts | Place::Standby)) => (0, CONTACTS),
            Some((_, Place::Antenna)) => (0, ANTENNA),
            Some(_) => (0, PRINT),
        };
        Ok(vec![1, 2, mode, position])
    }

    fn load(&mut self, flags: u8, to: u8, machine: &mut Machine) -> Outcome {
        if machine.transport().inside().is_some() {
            return Err(CARD_POSITION);
        }
        if [REJECT, EJECT].contains(&to) {
            return Err(CANNOT_LOAD);
        }
        if machine.transport().left() == 0 {
            return Err(NO_CARDS);
        }
        let drawn = machine.draw();
        self.moved(JAM_HOPPER, drawn)?;
        self.go(flags, to, machine)
    }

    /// Brings the card inside to a position. One at the contacts lies on standby until these close.
    fn go(&mut self, flags: u8, to: u8, machine: &mut Machine) -> Outcome {
        if flags & !(FLIP | FILM) != 0 {
            return Err(BAD_COMMAND);
        }
        if flags & FLIP != 0 {
            let flipped = machine.flip();
            self.moved(JAM_TURN_OVER, flipped)?;
        }
        match to {
            PRINT => {
                let there = machine.to_print_head();
                self.moved(JAM_RETRANSFER, there)
            }
            CONTACTS => {
                let there = machine.to_standby();
                self.moved(JAM_TRANSFER, there)
            }
            ANTENNA => {
                let there = machine.to_antenna();
                self.moved(JAM_TRANSFER, there)
            }
            REJECT => {
                let there = machine.reject();
                self.moved(JAM_DISCHARGE, there)
            }
            EJECT => {
                let there = machine.eject();
                self.moved(JAM_DISCHARGE, there)
            }
            _ => Err(BAD_COMMAND),
        }
    }

    fn print(&mut self, planes: u8) -> Outcome {
        let layers: u8 = self.sent.iter().fold(0, |bits, ink| bits | ink.layer);
        if planes == 0 || planes & !layers != 0 {
            return Err(BAD_COMMAND);
        }
        let (printed, kept) = std::mem::take(&mut self.sent)
            .into_iter()
            .partition(|ink| planes & ink.layer != 0);
        self.sent = kept;
        self.film.extend::<Vec<Ink>>(printed);
        Ok(Vec::new())
    }

    fn transfer(&mut self, flags: u8, to: u8, machine: &mut Machine) -> Outcome {
        if ![PRINT, EJECT].contains(&to) || flags & !FLIP != 0 {
            return Err(BAD_COMMAND);
        }
        if self.film.is_empty() {
            let there = machine.to_print_head();
            self.moved(JAM_RETRANSFER, there)?;
        } else {
            let side = machine.transport().facing();
            let upside_down = side == Side::Back && self.printer.back_turned;
            let printed = Arc::new(self.printer.transfer(&self.film, upside_down));
            self.film.clear();
            let laid = machine.print_side(side, printed);
            self.moved(JAM_RETRANSFER, laid)?;
        }
        if flags & FLIP != 0 || to == EJECT {
            return self.go(flags, to, machine);
        }
        Ok(Vec::new())
    }

    fn contacts(&self, what: u8, machine: &mut Machine) -> Outcome {
        match what {
            0x00 => {
                let place = self.inside(machine)?;
                if ![Place::Standby, Place::Contacts].contains(&place) {
                    return Err(CARD_POSITION);
                }
                let closed = machine.to_contacts();
                self.moved(JAM_TRANSFER, closed)
            }
            0x40 => {
                let released = machine.release_contacts();
                self.moved(JAM_TRANSFER, released)
            }
            // An antenna has nothing to close.
            0x10 if self.inside(machine)? == Place::Antenna => Ok(Vec::new()),
            0x10 => Err(CARD_POSITION),
            0x50 => Ok(Vec::new()),
            _ => Err(BAD_COMMAND),
        }
    }
}

impl Session for MaticaSession {
    /// A name, an address and a model at their places.
    fn greet(&mut self, machine: &mut Machine) -> Vec<u8> {
        let mut data = [0_u8; 104];
        let mut put = |at: usize, length: usize, text: &str, filling: u8| {
            let field = &mut data[at..at + length];
            field.fill(filling);
            for (place, byte) in field.iter_mut().zip(text.bytes()) {
                *place = byte;
            }
        };
        put(14, 10, "PRINTER01", 0);
        put(40, 16, &machine.setup().model, b' ');
        data[24..28].copy_from_slice(&[127, 0, 0, 1]);
        answer(printer::GREETING, 0, 0x0003_3118, &data)
    }

    fn push(&mut self, bytes: &[u8], machine: &mut Machine) -> Reply {
        self.messages.add(bytes);
        let mut answers = Vec::new();
        while !machine.is_mute() {
            match self.messages.take() {
                Ok(Some(message)) => answers.extend(self.take(message, machine)),
                Ok(None) => break,
                Err(_) => return Reply::from(answers).and_close(),
            }
        }
        answers.into()
    }
}
