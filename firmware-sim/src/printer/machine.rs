use std::collections::VecDeque;
use std::fmt::Display;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ground::Ambient;
use plastic::ImageError;
use printers::magicard::words::{ETX, SOH};

use super::film::PrintedSide;
use super::sheet::Sheet;
use super::stream::Event;
use super::transport::{Counters, Movement, Place, Side, Transport};
use super::trouble::{Motion, Scripted, Trouble};

/// Printed cards that are kept in memory; a side is two megabytes.
const KEPT: usize = 4;

/// How the printer is built and what it is loaded with.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// Model name.
    pub model: String,
    /// Serial number.
    pub serial: String,
    /// Firmware version.
    pub firmware: String,
    /// Field 0 of the status reply: 1 magnetic, 2 duplex, 16 contacts.
    pub features: u32,
    /// Field 2: 0, 1 or 2.
    pub head_type: u32,
    /// Field 16: where the head sits, 50 is the middle.
    pub head_position: u32,
    /// Name of the film.
    pub film: String,
    /// Sides a new film prints.
    pub film_sides: u32,
    /// Whether the printer turns a card upside down when it flips it, so that a back must be sent
    /// upside down.
    pub back_turned: bool,
    /// The word that closes the contacts. Nobody outside the vendor knows whether it is this one
    /// or the other.
    pub engage: String,
    /// The word that opens them.
    pub release: String,
    /// How long a card takes from place to place.
    pub motion: Duration,
    /// How long a side takes to print.
    pub printing: Duration,
    /// Where pictures of printed cards go.
    pub out: Option<PathBuf>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            model: "Enduro+".to_owned(),
            serial: "52P2207".to_owned(),
            firmware: "1.24".to_owned(),
            features: 0x13,
            head_type: 0,
            head_position: 50,
            film: "LC1/D".to_owned(),
            film_sides: 300,
            back_turned: true,
            engage: "CHPDOWN".to_owned(),
            release: "CHPUP".to_owned(),
            motion: Duration::ZERO,
            printing: Duration::ZERO,
            out: None,
        }
    }
}

/// A card after printing.
#[derive(Clone, Debug, PartialEq)]
pub struct PrintedCard {
    /// Its number.
    pub number: u64,
    /// The face with the contacts.
    pub front: Option<Arc<PrintedSide>>,
    /// The other one, the way up it is read.
    pub back: Option<Arc<PrintedSide>>,
}

/// The printer behind its connector.
pub struct Machine {
    setup: Setup,
    transport: Transport,
    ambient: Arc<dyn Ambient>,
    trouble: Option<Trouble>,
    /// More about the trouble than its code says.
    detail: Option<String>,
    script: Vec<Scripted>,
    /// The front of a card whose back has not come yet.
    first_page: Option<Box<Sheet>>,
    printed: VecDeque<PrintedCard>,
}

impl Machine {
    /// A printer over a way of cards.
    #[must_use]
    pub fn new(setup: Setup, transport: Transport, ambient: Arc<dyn Ambient>) -> Self {
        Self {
            setup,
            transport,
            ambient,
            trouble: None,
            detail: None,
            script: Vec::new(),
            first_page: None,
            printed: VecDeque::new(),
        }
    }

    /// Takes what came over a stream; returns the bytes to answer with, often none.
    pub fn take(&mut self, event: Event) -> Vec<u8> {
        if self.trouble == Some(Trouble::Silent) {
            return Vec::new();
        }
        let answer = match event {
            Event::Asked(words) => self.asked(&words),
            Event::Page(sheet) => {
                self.page(sheet);
                Vec::new()
            }
            Event::Broken(error) => {
                let trouble = self.explained(Trouble::BadJob, &error);
                self.fail(trouble);
                Vec::new()
            }
        };
        if self.trouble == Some(Trouble::Silent) {
            return Vec::new();
        }
        answer
    }

    /// The way of the cards.
    #[must_use]
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The way of the cards, to load the hopper or take a card out.
    pub fn transport_mut(&mut self) -> &mut Transport {
        &mut self.transport
    }

    /// How the printer is built.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The last printed card of that number, if it is kept still.
    #[must_use]
    pub fn printed(&self, number: u64) -> Option<&PrintedCard> {
        self.printed.iter().rev().find(|card| card.number == number)
    }

    /// What is wrong now.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble
    }

    /// Lets trouble strike now.
    pub fn fail(&mut self, trouble: Trouble) {
        if self.trouble.is_none() {
            self.trouble = Some(trouble);
            self.transport.note(Movement::Faulted { trouble });
        }
    }

    /// Lets trouble strike once, later.
    pub fn script(&mut self, scripted: Scripted) {
        self.script.push(scripted);
    }

    /// Deals with the trouble as an operator would: a stuck card is taken out, a new film put in,
    /// the cover closed. An empty hopper stays empty until it is loaded.
    ///
    /// # Errors
    ///
    /// When the state cannot be written.
    pub fn clear(&mut self) -> io::Result<()> {
        let Some(trouble) = self.trouble else {
            return Ok(());
        };
        match trouble {
            Trouble::HopperEmpty if self.transport.left() == 0 => return Ok(()),
            Trouble::Jam => self.transport.move_to(Place::TakenOut)?,
            Trouble::FilmOut => {
                let counters = Counters {
                    film_used: 0,
                    ..self.transport.counters()
                };
                self.transport.count(counters)?;
            }
            _ => {}
        }
        self.trouble = None;
        self.detail = None;
        self.transport.note(Movement::Cleared { trouble });
        Ok(())
    }

    /// Lets time pass on the clock of the simulation.
    pub(super) fn wait(&self, time: Duration) {
        self.ambient.sleep(time);
    }

    fn asked(&mut self, words: &[String]) -> Vec<u8> {
        let Some((verb, rest)) = words.split_first() else {
            return Vec::new();
        };
        match verb.as_str() {
            "INF" => self.inf(),
            "ERR" => self.err(),
            "STA" => self.value(rest.first().map_or("", String::as_str)),
            // Pages of text until one starts with this word: there are none.
            verb if verb.starts_with("QPR") || verb.starts_with("SNR") => framed("END"),
            "OKY" | "CAN" | "RST" => {
                let outcome = self.clear().map_err(|error| self.storage(&error));
                self.settle(outcome);
                Vec::new()
            }
            verb => {
                // Nothing moves while something is wrong.
                if self.trouble.is_none() {
                    let outcome = self.command(verb);
                    self.settle(outcome);
                }
                Vec::new()
            }
        }
    }

    fn command(&mut self, verb: &str) -> Result<(), Trouble> {
        if verb == self.setup.engage && self.transport.has_encoder() {
            self.draw()?;
            self.carry(Motion::Contacts, Place::Contacts)
        } else if verb == self.setup.release {
            match self.transport.inside() {
                Some((_, Place::Contacts)) => self.standby(),
                _ => Ok(()),
            }
        } else if verb.starts_with("FEED") {
            self.draw()?;
            self.standby()
        } else if verb == "EJT" {
            self.carry(Motion::Eject, Place::Output)
        } else {
            // Cleaning, test cards and what nobody has described: nothing to see.
            Ok(())
        }
    }

    fn page(&mut self, sheet: Box<Sheet>) {
        if self.trouble.is_some() {
            // The operator has to send the job again.
            self.first_page = None;
            return;
        }
        let outcome = match (sheet.duplex, sheet.page, self.first_page.take()) {
            (true, 1, _) => {
                self.first_page = Some(sheet);
                Ok(())
            }
            (true, 2, Some(front)) => self.print(Some(&front), Some(&sheet)),
            (false, 1, _) if sheet.back_only => self.print(None, Some(&sheet)),
            (false, 1, _) => self.print(Some(&sheet), None),
            _ => Err(self.explained(Trouble::BadJob, &"the pages do not belong together")),
        };
        self.settle(outcome);
    }

    fn print(&mut self, front: Option<&Sheet>, back: Option<&Sheet>) -> Result<(), Trouble> {
        let duplex = self.setup.features & 0x02 != 0;
        if back.is_some() && !duplex {
            return Err(self.explained(Trouble::BadJob, &"there is no duplex unit"));
        }
        let position = self.setup.head_position;
        let front_side = front.map(|sheet| Arc::new(PrintedSide::of(sheet, position)));
        let back_side = back.map(|sheet| {
            let side = PrintedSide::of(sheet, position);
            Arc::new(if self.setup.back_turned {
                side.turned()
            } else {
                side
            })
        });
        let copies = front.or(back).map_or(0, |sheet| sheet.copies);
        for _ in 0..copies {
            let number = self.draw()?;
            self.carry(Motion::Print, Place::PrintHead)?;
            let sides = [(Side::Front, &front_side), (Side::Back, &back_side)];
            for (side, printed) in sides {
                if let Some(printed) = printed {
                    self.print_side(number, side, printed)?;
                }
            }
            self.printed.push_back(PrintedCard {
                number,
                front: front_side.clone(),
                back: back_side.clone(),
            });
            if self.printed.len() > KEPT {
                self.printed.pop_front();
            }
            let counters = self.transport.counters();
            let counted = self.transport.count(Counters {
                cards_printed: counters.cards_printed.saturating_add(1),
                ..counters
            });
            counted.map_err(|error| self.storage(&error))?;
            self.carry(Motion::Eject, Place::Output)?;
        }
        Ok(())
    }

    fn print_side(
        &mut self,
        number: u64,
        side: Side,
        printed: &PrintedSide,
    ) -> Result<(), Trouble> {
        let mut counters = self.transport.counters();
        if counters.film_used >= self.setup.film_sides {
            return Err(Trouble::FilmOut);
        }
        self.ambient.sleep(self.setup.printing);
        counters.film_used += 1;
        self.transport
            .count(counters)
            .map_err(|error| self.storage(&error))?;
        if let Some(out) = &self.setup.out {
            let name = match side {
                Side::Front => "front",
                Side::Back => "back",
            };
            let file = |suffix| out.join(format!("card-{number}-{name}{suffix}.png"));
            let written = std::fs::create_dir_all(out)
                .map_err(|source| ImageError::Write {
                    path: out.clone(),
                    source,
                })
                .and_then(|()| printed.picture().write_png(&file("")))
                .and_then(|()| printed.overcoat_picture().write_png(&file("-overcoat")));
            written.map_err(|error| self.storage(&error))?;
        }
        self.transport.note(Movement::Printed { number, side });
        Ok(())
    }

    /// Makes sure that there is a card inside; returns its number.
    fn draw(&mut self) -> Result<u64, Trouble> {
        if let Some((number, _)) = self.transport.inside() {
            return Ok(number);
        }
        let next = self.transport.next().ok_or(Trouble::HopperEmpty)?;
        self.ambient.sleep(self.setup.motion);
        let trouble = self.struck(Motion::Draw, next);
        if let Some(trouble) = trouble.filter(|trouble| *trouble != Trouble::Jam) {
            return Err(trouble);
        }
        let drawn = self
            .transport
            .draw()
            .map_err(|error| self.storage(&error))?;
        match trouble {
            // Stuck half-way: it is in the printer now.
            Some(trouble) => Err(trouble),
            None => drawn.ok_or(Trouble::HopperEmpty),
        }
    }

    fn standby(&mut self) -> Result<(), Trouble> {
        self.ambient.sleep(self.setup.motion);
        self.transport
            .move_to(Place::Standby)
            .map_err(|error| self.storage(&error))
    }

    /// Moves the card inside, if there is one and it does not lie there.
    fn carry(&mut self, motion: Motion, to: Place) -> Result<(), Trouble> {
        let Some((number, from)) = self.transport.inside() else {
            return Ok(());
        };
        if from == to {
            return Ok(());
        }
        // Whatever lies on the contacts is free before anything can go wrong with it.
        if from == Place::Contacts {
            self.standby()?;
        }
        self.ambient.sleep(self.setup.motion);
        if let Some(trouble) = self.struck(motion, number) {
            return Err(trouble);
        }
        self.transport
            .move_to(to)
            .map_err(|error| self.storage(&error))
    }

    /// The scripted trouble for this motion, which strikes once.
    fn struck(&mut self, motion: Motion, number: u64) -> Option<Trouble> {
        let at = self.script.iter().position(|scripted| {
            scripted.motion == motion && scripted.card.is_none_or(|card| card == number)
        })?;
        Some(self.script.remove(at).trouble)
    }

    fn storage(&mut self, error: &dyn Display) -> Trouble {
        self.explained(Trouble::Storage, error)
    }

    /// Keeps why, for the reply to `ERR`, unless something is wrong already.
    fn explained(&mut self, trouble: Trouble, why: &dyn Display) -> Trouble {
        if self.trouble.is_none() {
            self.detail = Some(why.to_string());
        }
        trouble
    }

    fn settle(&mut self, outcome: Result<(), Trouble>) {
        if let Err(trouble) = outcome {
            self.fail(trouble);
        }
    }

    fn inf(&self) -> Vec<u8> {
        let counters = self.transport.counters();
        let cards = counters.cards_printed;
        let (major, minor) = self.trouble.map_or((0, 0), Trouble::code);
        let Setup {
            features,
            model,
            head_type,
            serial,
            firmware,
            head_position,
            film,
            film_sides,
            ..
        } = &self.setup;
        let panels = counters.film_used.saturating_mul(3);
        framed(&format!(
            "STA$${features},{model},{head_type},{serial},PH03-1190,CB-00417,{firmware},2.1,0,\
             {cards},{cards},{panels},0,{panels},{cards},700,{head_position},50,50,{major},{minor},\
             E00401501A2B3C4D,{film_sides},{used},{film},60,60,60,0,0,0,1,1,0,0,",
            used = counters.film_used,
        ))
    }

    fn err(&self) -> Vec<u8> {
        match self.trouble {
            None => framed("STAReady\n00:00\n(c0300)"),
            Some(trouble) => {
                let (major, minor) = trouble.code();
                let text = match &self.detail {
                    Some(detail) => format!("{}: {detail}", trouble.text()),
                    None => trouble.text().to_owned(),
                };
                framed(&format!(
                    "STA{text}\nError code - {major:02}:{minor:02}\n(c0201)"
                ))
            }
        }
    }

    fn value(&self, key: &str) -> Vec<u8> {
        let counters = self.transport.counters();
        let value = match key {
            "MSR" => self.setup.serial.clone(),
            "PSR" => "PH03-1190".to_owned(),
            "BSR" => "CB-00417".to_owned(),
            "VRS" => self.setup.firmware.clone(),
            "MDL" => self.setup.model.clone(),
            "TCQ" | "TCP" | "CCQ" => counters.cards_printed.to_string(),
            "DFR" => (self.setup.film_sides.saturating_sub(counters.film_used)).to_string(),
            _ => String::new(),
        };
        // Keys are three letters; a longer one would not leave room for the value.
        let key: String = key.chars().take(3).collect();
        framed(&format!("STA,{key:<3}{value},"))
    }
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
