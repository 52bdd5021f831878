//! What a printer does, one action at a time, so that it can be done again.

use std::sync::Arc;

use plastic::ImageError;

use super::{KEPT, Machine, PrintedCard};
use crate::printer::log::{Movement, Side};
use crate::printer::printed::{PrintedSide, Shown};
use crate::printer::script::{Mishap, Motion};
use crate::printer::transport::Place;
use crate::printer::trouble::Trouble;

/// Panels of dye on a coloured side.
const DYE_PANELS: u32 = 3;

/// What can be under way.
#[derive(Debug)]
pub(super) enum Action {
    Draw,
    Standby,
    Contacts,
    Release,
    Antenna,
    PrintHead,
    Flip,
    Side(Side, Arc<PrintedSide>),
    Print(Sheets),
    Eject,
    Reject,
    Clean,
}

/// Cards to print, all alike, and how far that is.
#[derive(Debug)]
pub(super) struct Sheets {
    front: Option<Arc<PrintedSide>>,
    back: Option<Arc<PrintedSide>>,
    left: u32,
    /// The card whose front is whole.
    front_on: Option<u64>,
}

impl Sheets {
    pub(super) fn new(
        front: Option<Arc<PrintedSide>>,
        back: Option<Arc<PrintedSide>>,
        copies: u32,
    ) -> Self {
        Self {
            front,
            back,
            left: copies,
            front_on: None,
        }
    }
}

impl Machine {
    /// Does something, unless something is wrong; trouble in it stays.
    pub(super) fn act(&mut self, mut action: Action) -> Result<(), Trouble> {
        if let Some(trouble) = self.trouble {
            return Err(trouble);
        }
        let mut outcome = self.perform(&mut action);
        if let Some(error) = self.transport.log_failure() {
            let log = format!("the log cannot be written: {error}");
            outcome = outcome.and(Err(self.storage(&log)));
        }
        if let Err(trouble) = outcome {
            self.under_way = Some(action);
            self.fail(trouble);
        }
        outcome
    }

    fn perform(&mut self, action: &mut Action) -> Result<(), Trouble> {
        if let Action::Clean = action {
            return self.clean_now();
        }
        if let Action::Release | Action::Eject | Action::Reject = action
            && self.transport.inside().is_none()
        {
            return Ok(());
        }
        match action {
            Action::Draw => self.draw_in().map(drop),
            Action::Standby => {
                self.draw_in()?;
                self.standby()
            }
            Action::Release => match self.transport.inside() {
                Some((_, Place::Contacts)) => self.standby(),
                _ => Ok(()),
            },
            Action::Contacts => {
                self.draw_in()?;
                self.carry(Motion::Contacts, Place::Contacts)
            }
            Action::Antenna => {
                self.draw_in()?;
                self.carry(Motion::Antenna, Place::Antenna)
            }
            Action::PrintHead => {
                self.draw_in()?;
                self.carry(Motion::Print, Place::PrintHead)
            }
            Action::Flip => {
                self.draw_in()?;
                self.turn_over()
            }
            Action::Side(side, printed) => {
                let number = self.draw_in()?;
                self.lay(number, *side, printed)
            }
            Action::Print(sheets) => self.print_all(sheets),
            Action::Eject => self.carry(Motion::Eject, Place::Output),
            Action::Reject => self.carry(Motion::Reject, Place::Reject),
            Action::Clean => Ok(()),
        }
    }

    fn print_all(&mut self, sheets: &mut Sheets) -> Result<(), Trouble> {
        while sheets.left > 0 {
            let number = self.draw_in()?;
            if let Some(front) = &sheets.front
                && sheets.front_on != Some(number)
            {
                self.lay(number, Side::Front, front)?;
                sheets.front_on = Some(number);
            }
            // An eject that failed is done again; the back is on the card then.
            if let Some(back) = &sheets.back
                && !self.has_whole(number, Side::Back, back)
            {
                self.lay(number, Side::Back, back)?;
            }
            self.carry(Motion::Eject, Place::Output)?;
            sheets.left -= 1;
        }
        Ok(())
    }

    /// Whether that very print is on the card.
    fn has_whole(&self, number: u64, side: Side, printed: &Arc<PrintedSide>) -> bool {
        let card = self.printed.back().filter(|card| card.number == number);
        let there = card.and_then(|card| match side {
            Side::Front => card.front.as_ref(),
            Side::Back => card.back.as_ref(),
        });
        there.is_some_and(|there| Arc::ptr_eq(there, printed))
    }

    /// Prints a side of the card inside.
    fn lay(&mut self, number: u64, side: Side, printed: &Arc<PrintedSide>) -> Result<(), Trouble> {
        if self.transport.facing() != side {
            self.turn_over()?;
        }
        self.carry(Motion::Print, Place::PrintHead)?;
        let mut counters = self.transport.counters();
        if counters.film_used >= self.setup.film_sides {
            return Err(Trouble::FilmOut);
        }
        let time = if printed.has_dye() {
            self.setup.timing.colour_side
        } else {
            self.setup.timing.mono_side
        };
        counters.film_used += 1;
        if printed.has_dye() {
            for panels in [
                &mut counters.dye_panels,
                &mut counters.panels_since_cleaning,
            ] {
                *panels = panels.saturating_add(DYE_PANELS);
            }
        }
        let trouble = self.trouble_at(Motion::Side, Some(number));
        if let Err(trouble) = trouble {
            self.ambient.sleep(time / 2);
            let counted = self.transport.count(counters);
            counted.map_err(|error| self.storage(&error))?;
            self.keep(number, side, Arc::new(printed.half()))?;
            self.transport
                .note(Movement::PartlyPrinted { number, side });
            return Err(trouble);
        }
        self.ambient.sleep(time);
        if self.counted != Some(number) {
            self.counted = Some(number);
            for cards in [
                &mut counters.cards_printed,
                &mut counters.cards_since_cleaning,
            ] {
                *cards = cards.saturating_add(1);
            }
        }
        let counted = self.transport.count(counters);
        counted.map_err(|error| self.storage(&error))?;
        self.keep(number, side, Arc::clone(printed))?;
        self.transport.note(Movement::Printed { number, side });
        Ok(())
    }

    /// Remembers what is on a side, and writes its pictures.
    fn keep(&mut self, number: u64, side: Side, printed: Arc<PrintedSide>) -> Result<(), Trouble> {
        if let Err(error) = self.write_pictures(number, side, &printed) {
            return Err(self.storage(&error));
        }
        if self.printed.back().is_none_or(|card| card.number != number) {
            self.printed.push_back(PrintedCard {
                number,
                front: None,
                back: None,
            });
        }
        if self.printed.len() > KEPT {
            self.printed.pop_front();
        }
        if let Some(card) = self.printed.back_mut() {
            match side {
                Side::Front => card.front = Some(printed),
                Side::Back => card.back = Some(printed),
            }
        }
        Ok(())
    }

    fn write_pictures(
        &self,
        number: u64,
        side: Side,
        printed: &PrintedSide,
    ) -> Result<(), ImageError> {
        let Some(out) = &self.setup.out else {
            return Ok(());
        };
        let file = |suffix| out.join(format!("card-{number}-{}{suffix}.png", side.name()));
        std::fs::create_dir_all(out).map_err(|source| ImageError::Write {
            path: out.clone(),
            source,
        })?;
        printed.picture().write_png(&file(""))?;
        printed.overcoat_picture().write_png(&file("-overcoat"))?;
        if self.setup.shown != Shown::default() {
            let shown = printed.shown(side, self.setup.shown);
            shown.write_png(&file("-shown"))?;
        }
        Ok(())
    }

    fn clean_now(&mut self) -> Result<(), Trouble> {
        if let Some((number, _)) = self.transport.inside() {
            let why = format!("card {number} is inside");
            return Err(self.explained(Trouble::CleaningCard, &why));
        }
        self.trouble_at(Motion::Clean, None)?;
        self.ambient.sleep(self.setup.timing.cleaning);
        let mut counters = self.transport.counters();
        counters.cleanings = counters.cleanings.saturating_add(1);
        counters.cards_since_cleaning = 0;
        counters.panels_since_cleaning = 0;
        let counted = self.transport.count(counters);
        counted.map_err(|error| self.storage(&error))?;
        self.transport.note(Movement::Cleaned);
        Ok(())
    }

    /// Makes sure that there is a card inside; returns its number.
    fn draw_in(&mut self) -> Result<u64, Trouble> {
        if let Some((number, _)) = self.transport.inside() {
            return Ok(number);
        }
        let next = self.transport.next().ok_or(Trouble::HopperEmpty)?;
        self.counted = None;
        self.ambient.sleep(self.setup.timing.motion);
        let mishap = self.struck(Motion::Draw, Some(next));
        let (drawn, trouble) = match mishap {
            // Stuck half-way: it is in the printer now.
            Some(Mishap::Trouble(Trouble::Jam)) => (self.transport.draw(), Some(Trouble::Jam)),
            // The last card of the hopper has none behind it and comes alone.
            Some(Mishap::Trouble(Trouble::DoubleFeed)) if self.transport.left() > 1 => {
                (self.transport.draw_two(), Some(Trouble::DoubleFeed))
            }
            Some(Mishap::OtherModel) => (self.transport.draw_other_model(), None),
            Some(Mishap::Trouble(trouble)) if trouble != Trouble::DoubleFeed => {
                return Err(trouble);
            }
            _ => (self.transport.draw(), None),
        };
        let drawn = drawn.map_err(|error| self.storage(&error))?;
        match trouble {
            Some(trouble) => Err(trouble),
            None => drawn.ok_or(Trouble::HopperEmpty),
        }
    }

    fn standby(&mut self) -> Result<(), Trouble> {
        if let Some((_, Place::Standby)) = self.transport.inside() {
            return Ok(());
        }
        self.ambient.sleep(self.setup.timing.motion);
        self.transport
            .move_to(Place::Standby)
            .map_err(|error| self.storage(&error))
    }

    fn turn_over(&mut self) -> Result<(), Trouble> {
        // A card that was turned last lies in the flipper and is turned again there.
        if let Some((number, Place::Flipper)) = self.transport.inside() {
            self.ambient.sleep(self.setup.timing.motion);
            self.trouble_at(Motion::Flip, Some(number))?;
        } else {
            self.carry(Motion::Flip, Place::Flipper)?;
        }
        self.transport.turn().map_err(|error| self.storage(&error))
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
        let (capacity, full) = match to {
            Place::Output => (self.setup.output_capacity, Trouble::OutputFull),
            Place::Reject => (self.setup.reject_capacity, Trouble::RejectFull),
            _ => (None, Trouble::Jam),
        };
        if capacity.is_some_and(|capacity| self.transport.cards_at(to).len() >= capacity) {
            return Err(full);
        }
        self.ambient.sleep(self.setup.timing.motion);
        let mishap = self.trouble_at(motion, Some(number))?;
        let moved = match mishap {
            Some(Mishap::Mute) => self.transport.miss_contacts(),
            _ => self.transport.move_to(to),
        };
        moved.map_err(|error| self.storage(&error))
    }

    /// The scripted mishap of this motion; trouble is an error.
    fn trouble_at(&mut self, motion: Motion, card: Option<u64>) -> Result<Option<Mishap>, Trouble> {
        match self.struck(motion, card) {
            Some(Mishap::Trouble(trouble)) => Err(trouble),
            other => Ok(other),
        }
    }

    /// The scripted mishap of this motion, which strikes once. Slowness is taken note of.
    fn struck(&mut self, motion: Motion, card: Option<u64>) -> Option<Mishap> {
        loop {
            let at = self.script.iter().position(|scripted| {
                let its_card = scripted.card.is_none() || scripted.card == card;
                scripted.motion == motion && its_card
            })?;
            match self.script.remove(at).mishap {
                Mishap::Slow(late) => self.lateness = late,
                mishap => return Some(mishap),
            }
        }
    }
}
