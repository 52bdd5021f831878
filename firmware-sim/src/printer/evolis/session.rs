use std::sync::Arc;

use super::answer::{self, Answer, Failure};
use super::panel::Ink;
use super::parser::{Event, Parser, RawPanel};
use super::{Evolis, Wire};
use crate::printer::firmware::{Reply, Session};
use crate::printer::log::Side;
use crate::printer::machine::Machine;
use crate::printer::printed::PrintedSide;
use crate::printer::trouble::Trouble;

/// The first byte of what the vendor's library sends to find out whether a printer is of another
/// family; one of this hangs up.
const OTHER_FAMILY: u8 = 0x1C;

/// The ribbons: word, other names, and panels of each side.
const RIBBONS: [(&str, &[&str], [&str; 2]); 5] = [
    ("ymcko", &["0"], ["ymcko", "ymcko"]),
    ("ko", &["1"], ["ko", "ko"]),
    ("ymckos", &["3"], ["ko", "ko"]),
    ("ymckok", &["4"], ["ymcko", "k"]),
    ("k", &["100", "kb", "black"], ["k", "k"]),
];

/// One connection to a printer of this family.
pub(super) struct EvolisSession {
    printer: Evolis,
    parser: Parser,
    /// What has been loaded since `Ss`.
    sequence: Option<Sequence>,
    /// Anything came at all.
    heard: bool,
    /// On the network, the answer so far.
    answer: Answer,
    hung_up: bool,
}

/// Between `Ss` and `Se`.
#[derive(Default)]
struct Sequence {
    sides: [Option<PrintedSide>; 2],
    /// The side that is loaded, 0 the front.
    side: usize,
    /// The panels of each side on the ribbon the job is for.
    letters: [String; 2],
    /// The card is to stay inside.
    stays: bool,
    /// Something went wrong: the rest is passed over.
    failed: bool,
}

impl EvolisSession {
    pub(super) fn new(printer: Evolis) -> Self {
        Self {
            printer,
            parser: Parser::default(),
            sequence: None,
            heard: false,
            answer: Answer::Done,
            hung_up: false,
        }
    }

    fn take(&mut self, event: Event, machine: &mut Machine) -> Answer {
        let answer = match event {
            Event::Command(fields) => self.command(&fields, machine),
            Event::Panel(panel) => self.load(&panel, machine),
            Event::Broken(_) => Answer::Failed(Failure::COMMAND),
        };
        if let (Answer::Failed(_), Some(sequence)) = (&answer, &mut self.sequence) {
            sequence.failed = true;
        }
        answer
    }

    fn command(&mut self, fields: &[String], machine: &mut Machine) -> Answer {
        let name = fields.first().map_or("", String::as_str);
        let first = fields.get(1).map_or("", String::as_str);
        match name {
            "Rok" | "Rcr" => Answer::Done,
            name if name.starts_with('R') => self.value(name, first, machine),
            "Ss" => {
                self.sequence = Some(Sequence {
                    letters: self.letters(machine),
                    ..Sequence::default()
                });
                Answer::Done
            }
            "Sr" | "Sv" => match &mut self.sequence {
                Some(sequence) => {
                    sequence.side = usize::from(name == "Sv");
                    Answer::Done
                }
                None => Answer::Failed(Failure::COMMAND),
            },
            "Se" => match self.sequence.take() {
                Some(sequence) => self.print(sequence, machine).into(),
                None => machine.eject().into(),
            },
            "Sc" => self.again(first, machine),
            "Si" | "Sib" => machine.to_print_head().into(),
            "Sis" => machine.to_contacts().into(),
            "Sic" => machine.to_antenna().into(),
            "Sie" => machine.draw().and_then(|_| machine.eject()).into(),
            "Sce" => machine.eject().into(),
            "Ser" | "Seb" => machine.reject().into(),
            "Scp" => machine.clean().into(),
            "Scs" | "Srs" => {
                if name == "Srs" {
                    self.sequence = None;
                    *self.printer.memory(machine) = super::Memory {
                        boot: machine.boots(),
                        acknowledges: self.printer.acknowledges,
                        ..super::Memory::default()
                    };
                }
                machine.cancel().into()
            }
            // Printing a panel that is loaded, a delay, a test card: nothing to see.
            "Sp" | "Sdm" | "St" | "Stt" => Answer::Done,
            "Pr" => match ribbon(first) {
                Some((word, _)) => {
                    self.printer.memory(machine).ribbon = Some(word.to_owned());
                    Answer::Done
                }
                None => Answer::Failed(Failure::PARAMETER),
            },
            "Pem" => {
                if first == "4" {
                    self.printer.memory(machine).acknowledges = true;
                }
                Answer::Done
            }
            "Pneab" => {
                let stays = fields.get(2).is_some_and(|value| value == "0");
                if let Some(sequence) = &mut self.sequence {
                    sequence.stays = stays;
                }
                Answer::Done
            }
            // Settings nobody can see on a card, and those of other firmwares.
            name if name.starts_with('P') || name.starts_with('M') => Answer::Done,
            _ => Answer::Failed(Failure::COMMAND),
        }
    }

    /// The panels of each side that the ribbon has which the printer believes in.
    fn letters(&self, machine: &Machine) -> [String; 2] {
        let told = self.printer.memory(machine).ribbon.clone();
        let name = told.unwrap_or_else(|| machine.setup().film.clone());
        let sides = ribbon(&name).map_or(["", ""], |(_, sides)| sides);
        sides.map(str::to_owned)
    }

    fn value(&self, name: &str, first: &str, machine: &Machine) -> Answer {
        let counters = machine.counters();
        let setup = machine.setup();
        let value = match (name, first) {
            ("Rtp", _) => setup.model.clone(),
            ("Rsn", _) => setup.serial.clone(),
            ("Rfv", _) => setup.firmware.clone(),
            ("Rkn", _) => "00112233".to_owned(),
            // A Primacy knows its ribbon by the tag on it, whatever it was told.
            ("Rr", _) => match ribbon(&setup.film) {
                Some((word, _)) => word.to_owned(),
                None => setup.film.clone(),
            },
            ("Rco", "p") => counters.dye_panels.to_string(),
            ("Rco", "c") => counters.cards_printed.to_string(),
            ("Rco", "a" | "m") => setup.clean_every.to_string(),
            ("Rco", "n") => counters.cleanings.to_string(),
            ("Rco", "l") => machine.film_left().to_string(),
            ("Rlr", "") => {
                return match machine.trouble() {
                    Some(trouble) => Answer::Value(Failure::from(trouble).text.to_owned()),
                    None => Answer::Done,
                };
            }
            ("Rlr", "p") => match machine.transport().inside() {
                Some(_) => "ERR CARD".to_owned(),
                None => "NO CARD".to_owned(),
            },
            ("Rlr", "r") => match machine.cards_until_cleaning() {
                0 => "ERR NEED CLEANING".to_owned(),
                _ => return Answer::Done,
            },
            ("Rco" | "Rlr", _) => return Answer::Failed(Failure::PARAMETER),
            ("Rem" | "Roem" | "Rpst" | "Rzp" | "Rmi" | "Ros" | "Roc" | "Rse", _) => "0".to_owned(),
            _ => return Answer::Failed(Failure::COMMAND),
        };
        Answer::Value(value)
    }

    fn load(&mut self, panel: &RawPanel, machine: &Machine) -> Answer {
        let Some(sequence) = &mut self.sequence else {
            return Answer::Failed(Failure::COMMAND);
        };
        if sequence.failed {
            return Answer::Failed(Failure::PARAMETER);
        }
        if let Some(trouble) = machine.trouble() {
            return Answer::Failed(trouble.into());
        }
        match Ink::of(panel) {
            Ok(ink) => {
                let side = sequence.sides[sequence.side].get_or_insert_default();
                ink.lay_on(panel.letter, side);
                if sequence.letters[sequence.side].contains(panel.letter) {
                    Answer::Done
                } else {
                    Answer::Failed(Trouble::WrongFilm.into())
                }
            }
            Err(_) => Answer::Failed(Failure::PARAMETER),
        }
    }

    fn print(&self, sequence: Sequence, machine: &mut Machine) -> Result<(), Trouble> {
        if sequence.failed {
            // What it failed of has been told; the card that is inside stays there.
            return Err(machine.trouble().unwrap_or(Trouble::BadJob));
        }
        let fitted = ribbon(&machine.setup().film).map(|(_, sides)| sides);
        let needed = &sequence.letters;
        if fitted.is_none_or(|fitted| needed.iter().zip(fitted).any(|(job, film)| job != film)) {
            machine.refuse(Trouble::WrongFilm, &"the job is for another ribbon");
            return Err(machine.trouble().unwrap_or(Trouble::WrongFilm));
        }
        let [front, back] = sequence.sides;
        let back = back.map(|back| {
            if self.printer.back_turned {
                back.turned()
            } else {
                back
            }
        });
        let sides = [front, back].map(|side| side.map(Arc::new));
        self.printer.memory(machine).last = Some(sides.clone());
        let [front, back] = sides;
        if !sequence.stays {
            return machine.print(front, back, 1);
        }
        machine.draw()?;
        for (side, printed) in [(Side::Front, front), (Side::Back, back)] {
            if let Some(printed) = printed {
                machine.print_side(side, printed)?;
            }
        }
        Ok(())
    }

    fn again(&self, copies: &str, machine: &mut Machine) -> Answer {
        let copies = match copies {
            "" => 1,
            digits => match digits.parse() {
                Ok(copies) if copies <= 1000 => copies,
                _ => return Answer::Failed(Failure::PARAMETER),
            },
        };
        let last = self.printer.memory(machine).last.clone();
        match last {
            Some([front, back]) => machine.print(front, back, copies).into(),
            None => Answer::Failed(Failure::COMMAND),
        }
    }
}

impl Session for EvolisSession {
    fn push(&mut self, bytes: &[u8], machine: &mut Machine) -> Reply {
        let network = self.printer.wire == Wire::Network;
        if network && !self.heard && bytes.first() == Some(&OTHER_FAMILY) {
            self.hung_up = true;
        }
        self.heard |= !bytes.is_empty();
        if self.hung_up {
            return Reply::default().and_close();
        }
        let mut out = Vec::new();
        for event in self.parser.push(bytes) {
            if machine.is_mute() {
                // It hears nothing of the rest.
                break;
            }
            if network {
                // What went wrong first is what is answered.
                if !matches!(self.answer, Answer::Failed(_)) {
                    self.answer = self.take(event, machine);
                }
            } else {
                // Before the command, which may change it.
                let acknowledges = self.printer.memory(machine).acknowledges;
                out.extend(self.take(event, machine).on_line(acknowledges));
            }
        }
        out.into()
    }

    fn end(&mut self, machine: &mut Machine) -> Reply {
        if self.printer.wire == Wire::Line || self.hung_up {
            return Reply::default().and_close();
        }
        if !self.heard {
            let words = answer::status(self.printer.status_words, machine);
            return Reply::from(words).and_close();
        }
        if self.parser.is_inside() && !matches!(self.answer, Answer::Failed(_)) {
            self.answer = Answer::Failed(Failure::COMMAND);
        }
        Reply::from(self.answer.on_network()).and_close()
    }
}

/// The ribbon of a word, name or number: its word, and its panels for front and back.
fn ribbon(name: &str) -> Option<(&'static str, [&'static str; 2])> {
    let name = name.to_ascii_lowercase();
    RIBBONS
        .into_iter()
        .find(|(word, names, _)| *word == name || names.contains(&name.as_str()))
        .map(|(word, _, sides)| (word, sides))
}
