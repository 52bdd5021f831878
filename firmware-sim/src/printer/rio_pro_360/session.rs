use std::sync::Arc;

use super::RioPro360;
use super::sheet::{Sheet, SheetSide};
use super::stream::{Event, Stream, checksum};
use crate::printer::firmware::{Reply, Session};
use crate::printer::machine::Machine;
use crate::printer::trouble::Trouble;

/// One connection to a printer of this family.
pub(super) struct RioSession {
    printer: RioPro360,
    stream: Stream,
}

impl RioSession {
    pub(super) fn new(printer: RioPro360) -> Self {
        Self {
            printer,
            stream: Stream::default(),
        }
    }

    fn print(&self, sheet: &Sheet, machine: &mut Machine) {
        if machine.trouble().is_some() {
            // The operator has to send the job again.
            return;
        }
        let of = |number| sheet.sides.iter().find(move |side| side.number == number);
        let (front, back) = (of(0), of(1));
        if back.is_some() && !machine.setup().duplex {
            machine.refuse(Trouble::BadJob, &"there is no duplex unit");
            return;
        }
        let printed = |side: &SheetSide| side.print(&self.printer);
        let front = front.map(|side| Arc::new(printed(side)));
        let back = back.map(|side| {
            let side = printed(side);
            Arc::new(if self.printer.back_turned {
                side.turned()
            } else {
                side
            })
        });
        // The trouble stays for whoever asks.
        let _: Result<(), Trouble> = machine.print(front, back, sheet.copies);
    }
}

impl Session for RioSession {
    fn push(&mut self, bytes: &[u8], machine: &mut Machine) -> Reply {
        let mut answer = Vec::new();
        for event in self.stream.push(bytes) {
            if machine.is_mute() {
                // It hears nothing of the rest.
                break;
            }
            match event {
                Event::Job(sheet) => self.print(&sheet, machine),
                Event::Asked(name) if self.printer.answers => {
                    answer.extend(answered(&name, &value(machine, &name)));
                }
                Event::Asked(_) => {}
                Event::Broken(error) => machine.refuse(Trouble::BadJob, &error),
            }
        }
        answer.into()
    }
}

fn value(machine: &Machine, name: &str) -> String {
    let setup = machine.setup();
    match name {
        "id_model_name" => setup.model.clone(),
        "id_printer_serial" => setup.serial.clone(),
        "id_capability_flags" => {
            (u32::from(setup.magnetic) | (u32::from(setup.duplex) << 1)).to_string()
        }
        "error_code" => machine.trouble().map_or(0, code).to_string(),
        "stats_total_cards" => machine.counters().cards_printed.to_string(),
        "dye_prints_remaining" => machine.film_left().to_string(),
        "clean_overdue" => u32::from(machine.cards_until_cleaning() == 0).to_string(),
        _ => String::new(),
    }
}

fn answered(name: &str, value: &str) -> Vec<u8> {
    // What was asked for is not known to be fit for text with tags.
    let name: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect();
    let mut bytes = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<prn>\n\t<binary-size>0</binary-size>\n\t<get>\n\
         \t\t<param id=\"{name}\">{value}</param>\n\t</get>\n</prn>\n\0"
    )
    .into_bytes();
    let sum = checksum(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// The error code, decimal.
const fn code(trouble: Trouble) -> u32 {
    match trouble {
        Trouble::MissingOption => 1024,
        Trouble::HopperEmpty | Trouble::CardNotDrawnIn => 1025,
        Trouble::Jam | Trouble::DoubleFeed => 1026,
        Trouble::BadJob => 1028,
        Trouble::WrongFilm => 1033,
        Trouble::CoverOpen => 1038,
        Trouble::FilmOut => 1042,
        Trouble::Storage => 1057,
        Trouble::HeadHot => 2050,
        Trouble::CleaningCard => 2052,
        Trouble::OutputFull | Trouble::RejectFull | Trouble::Silent | Trouble::PowerCut => 8191,
    }
}
