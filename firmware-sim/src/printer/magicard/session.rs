use std::sync::Arc;

use printers::magicard::words::{ETX, SOH};

use super::Magicard;
use super::code::code;
use super::film;
use super::sheet::Sheet;
use super::stream::{Event, Stream};
use crate::printer::firmware::{Reply, Session};
use crate::printer::machine::Machine;
use crate::printer::printed::PrintedSide;
use crate::printer::setup::Setup;
use crate::printer::trouble::Trouble;

/// One connection to a printer of this family.
pub(super) struct MagicardSession {
    printer: Magicard,
    stream: Stream,
    /// The front of a card whose back has not come yet.
    first_page: Option<Box<Sheet>>,
}

impl MagicardSession {
    pub(super) fn new(printer: Magicard) -> Self {
        Self {
            printer,
            stream: Stream::default(),
            first_page: None,
        }
    }

    /// Takes what came over the stream; returns the bytes to answer with, often none.
    fn take(&mut self, event: Event, machine: &mut Machine) -> Vec<u8> {
        match event {
            Event::Asked(words) => return self.asked(&words, machine),
            Event::Page(sheet) => self.page(sheet, machine),
            Event::Broken(error) => machine.refuse(Trouble::BadJob, &error),
        }
        Vec::new()
    }

    fn asked(&mut self, words: &[String], machine: &mut Machine) -> Vec<u8> {
        let Some((verb, rest)) = words.split_first() else {
            return Vec::new();
        };
        match verb.as_str() {
            "INF" => return self.inf(machine),
            "ERR" => return err(machine),
            "STA" => return value(machine, rest.first().map_or("", String::as_str)),
            // Pages of text until one starts with this word: there are none.
            verb if verb.starts_with("QPR") || verb.starts_with("SNR") => return framed("END"),
            verb => {
                // Nothing is answered to a command; trouble is told to whoever asks for it.
                let _: Result<(), Trouble> = self.command(verb, machine);
            }
        }
        Vec::new()
    }

    fn command(&mut self, verb: &str, machine: &mut Machine) -> Result<(), Trouble> {
        match verb {
            "OKY" => machine.retry(),
            "CAN" | "RST" => {
                self.first_page = None;
                machine.cancel()
            }
            "EJT" => machine.eject(),
            "FLIP" => machine.flip(),
            "CLN" => machine.clean(),
            verb if verb == self.printer.engage => machine.to_contacts(),
            verb if verb == self.printer.release => machine.release_contacts(),
            verb if verb.starts_with("FEED") => machine.to_standby(),
            // Test cards and what nobody has described: nothing to see.
            _ => Ok(()),
        }
    }

    fn page(&mut self, sheet: Box<Sheet>, machine: &mut Machine) {
        if machine.trouble().is_some() {
            // The operator has to send the job again.
            self.first_page = None;
            return;
        }
        match (sheet.duplex, sheet.page, self.first_page.take()) {
            (true, 1, _) => self.first_page = Some(sheet),
            (true, 2, Some(front)) => self.print(Some(&front), Some(&sheet), machine),
            (false, 1, _) if sheet.back_only => self.print(None, Some(&sheet), machine),
            (false, 1, _) => self.print(Some(&sheet), None, machine),
            _ => machine.refuse(Trouble::BadJob, &"the pages do not belong together"),
        }
    }

    fn print(&self, front: Option<&Sheet>, back: Option<&Sheet>, machine: &mut Machine) {
        if back.is_some() && !machine.setup().duplex {
            machine.refuse(Trouble::BadJob, &"there is no duplex unit");
            return;
        }
        let position = self.printer.head_position;
        let side = |sheet: &Sheet, turned: bool| -> Arc<PrintedSide> {
            let side = film::print(sheet, position);
            Arc::new(if turned { side.turned() } else { side })
        };
        let copies = front.or(back).map_or(0, |sheet| sheet.copies);
        let front = front.map(|sheet| side(sheet, false));
        let back = back.map(|sheet| side(sheet, self.printer.back_turned));
        // As with any command: the trouble stays for whoever asks.
        let _: Result<(), Trouble> = machine.print(front, back, copies);
    }

    fn inf(&self, machine: &Machine) -> Vec<u8> {
        let counters = machine.counters();
        let (major, minor) = machine.trouble().map_or((0, 0), code);
        let Magicard {
            head_type,
            head_position,
            ..
        } = &self.printer;
        let setup = machine.setup();
        let features = features(setup);
        let Setup {
            model,
            serial,
            firmware,
            film,
            film_sides,
            clean_every,
            ..
        } = setup;
        framed(&format!(
            "STA$${features},{model},{head_type},{serial},PH03-1190,CB-00417,{firmware},2.1,0,\
             {cards},{cards},{panels},{cleanings},{panels_since},{cards_since},{clean_every},\
             {head_position},50,50,{major},{minor},\
             E00401501A2B3C4D,{film_sides},{used},{film},60,60,60,0,0,0,1,1,0,0,",
            cards = counters.cards_printed,
            panels = counters.dye_panels,
            cleanings = counters.cleanings,
            panels_since = counters.panels_since_cleaning,
            cards_since = counters.cards_since_cleaning,
            used = counters.film_used,
        ))
    }
}

impl Session for MagicardSession {
    fn push(&mut self, bytes: &[u8], machine: &mut Machine) -> Reply {
        let mut answer = Vec::new();
        for event in self.stream.push(bytes) {
            if machine.is_mute() {
                // It hears nothing of the rest.
                break;
            }
            answer.extend(self.take(event, machine));
        }
        answer.into()
    }
}

/// Field 0 of the status reply. The bit of the contacts is inferred.
fn features(setup: &Setup) -> u32 {
    u32::from(setup.magnetic) | u32::from(setup.duplex) << 1 | u32::from(setup.contacts) << 4
}

fn err(machine: &Machine) -> Vec<u8> {
    match machine.trouble() {
        None => framed("STAReady\n00:00\n(c0300)"),
        Some(trouble) => {
            let (major, minor) = code(trouble);
            let text = match machine.detail() {
                Some(detail) => format!("{}: {detail}", trouble.text()),
                None => trouble.text().to_owned(),
            };
            framed(&format!(
                "STA{text}\nError code - {major:02}:{minor:02}\n(c0201)"
            ))
        }
    }
}

fn value(machine: &Machine, key: &str) -> Vec<u8> {
    let counters = machine.counters();
    let setup = machine.setup();
    let value = match key {
        "MSR" => setup.serial.clone(),
        "PSR" => "PH03-1190".to_owned(),
        "BSR" => "CB-00417".to_owned(),
        "VRS" => setup.firmware.clone(),
        "MDL" => setup.model.clone(),
        "TCQ" | "TCP" => counters.cards_printed.to_string(),
        "TPQ" => counters.dye_panels.to_string(),
        "TCN" => counters.cleanings.to_string(),
        "CCQ" => counters.cards_since_cleaning.to_string(),
        "CPQ" => counters.panels_since_cleaning.to_string(),
        "CCP" => setup.clean_every.to_string(),
        "CLP" => u32::from(machine.cards_until_cleaning() == 0).to_string(),
        "DFR" => machine.film_left().to_string(),
        _ => String::new(),
    };
    // Keys are three letters; a longer one would not leave room for the value.
    let key: String = key.chars().take(3).collect();
    framed(&format!("STA,{key:<3}{value},"))
}

fn framed(text: &str) -> Vec<u8> {
    let mut bytes = vec![SOH];
    // One byte a character, as the printers write.
    bytes.extend(
        text.chars()
            .map(|character| u8::try_from(character).unwrap_or(b'?'))
            .map(|byte| {
                if byte == ETX || byte == SOH {
                    b'?'
                } else {
                    byte
                }
            }),
    );
    bytes.push(ETX);
    bytes
}
