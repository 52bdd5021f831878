//! The mechanics that every family shares.

mod action;

use std::collections::VecDeque;
use std::fmt::Display;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ground::Ambient;

use super::log::{Movement, Side};
use super::printed::PrintedSide;
use super::script::Scripted;
use super::setup::Setup;
use super::transport::{Counters, Place, Transport};
use super::trouble::Trouble;
use action::{Action, Sheets};

/// Printed cards that are kept in memory; a side is two megabytes.
const KEPT: usize = 4;

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

/// A printer without its firmware: hopper, stations, head and trays.
///
/// A firmware moves cards with the verbs ([`Machine::draw`] to [`Machine::clean`]). Nothing moves
/// while there is [`Trouble`]: a verb then fails with it. A verb during which trouble strikes fails
/// with it too, and is what [`Machine::retry`] does again. [`Trouble::MissingOption`] is the one
/// failure that does not stay.
pub struct Machine {
    setup: Setup,
    transport: Transport,
    ambient: Arc<dyn Ambient>,
    trouble: Option<Trouble>,
    /// More about the trouble than its name says.
    detail: Option<String>,
    script: Vec<Scripted>,
    /// What trouble struck in.
    under_way: Option<Action>,
    printed: VecDeque<PrintedCard>,
    /// The card inside, once it is counted as printed.
    counted: Option<u64>,
    /// How late answers are.
    lateness: Duration,
    /// How often the printer was switched on.
    boots: u64,
}

impl Machine {
    /// Switches a printer over a way of cards on. What it finds stuck in its feeder is trouble from
    /// the beginning.
    #[must_use]
    pub fn new(setup: Setup, transport: Transport, ambient: Arc<dyn Ambient>) -> Self {
        let mut machine = Self {
            setup,
            transport,
            ambient,
            trouble: None,
            detail: None,
            script: Vec::new(),
            under_way: None,
            printed: VecDeque::new(),
            counted: None,
            lateness: Duration::ZERO,
            boots: 0,
        };
        machine.boot();
        machine
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

    /// More about what is wrong than its name says.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// What the printer counts.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.transport.counters()
    }

    /// Sides the film can still print.
    #[must_use]
    pub fn film_left(&self) -> u32 {
        let used = self.counters().film_used;
        self.setup.film_sides.saturating_sub(used)
    }

    /// Cards until the printer asks to be cleaned; 0 when it does.
    #[must_use]
    pub fn cards_until_cleaning(&self) -> u32 {
        let since = self.counters().cards_since_cleaning;
        self.setup.clean_every.saturating_sub(since)
    }

    /// Whether the printer neither hears nor says anything.
    #[must_use]
    pub fn is_mute(&self) -> bool {
        self.trouble.is_some_and(Trouble::is_mute)
    }

    /// How much later than it could the printer answers.
    #[must_use]
    pub fn lateness(&self) -> Duration {
        self.lateness
    }

    pub(super) fn ambient(&self) -> Arc<dyn Ambient> {
        Arc::clone(&self.ambient)
    }

    /// How often it was switched on. What a connection knew before the last time is forgotten.
    pub(super) fn boots(&self) -> u64 {
        self.boots
    }

    /// Lets trouble strike now. Nothing but a power cut comes on top of other trouble, and that
    /// takes its place.
    pub fn fail(&mut self, trouble: Trouble) {
        match self.trouble {
            Some(there) if there == trouble || trouble != Trouble::PowerCut => return,
            _ => {}
        }
        if trouble == Trouble::PowerCut {
            self.under_way = None;
            self.detail = None;
            self.lateness = Duration::ZERO;
        }
        self.trouble = Some(trouble);
        self.transport.note(Movement::Faulted { trouble });
    }

    /// Lets trouble strike now, with a reason to show.
    pub fn refuse(&mut self, trouble: Trouble, why: &dyn Display) {
        let trouble = self.explained(trouble, why);
        self.fail(trouble);
    }

    /// Lets something go wrong once, later.
    pub fn script(&mut self, scripted: Scripted) {
        self.script.push(scripted);
    }

    /// What an operator does about the trouble, as [`Trouble`] lists it. What was under way is
    /// given up, and answers are no longer late. An empty hopper stays empty until it is loaded.
    ///
    /// # Errors
    ///
    /// When the state cannot be written.
    pub fn clear(&mut self) -> io::Result<()> {
        self.lateness = Duration::ZERO;
        self.deal_with_it()?;
        if self.trouble.is_none() {
            self.under_way = None;
        }
        Ok(())
    }

    /// The operator deals with the trouble, and the printer goes on with what it struck in.
    ///
    /// # Errors
    ///
    /// The trouble that is there still, or strikes now.
    pub fn retry(&mut self) -> Result<(), Trouble> {
        self.acknowledge()?;
        match self.under_way.take() {
            Some(action) => self.act(action),
            None => Ok(()),
        }
    }

    /// The operator deals with the trouble, and the printer gives up what it struck in.
    ///
    /// # Errors
    ///
    /// The trouble that is there still.
    pub fn cancel(&mut self) -> Result<(), Trouble> {
        self.acknowledge()?;
        self.under_way = None;
        Ok(())
    }

    /// Switches the printer off and on. What it was doing is forgotten, cards stay where they are.
    pub fn power_cycle(&mut self) {
        self.fail(Trouble::PowerCut);
        self.trouble = None;
        self.transport.note(Movement::Cleared {
            trouble: Trouble::PowerCut,
        });
        self.boot();
    }

    /// Draws a card from the hopper to standby unless there is one inside, which stays where it is.
    /// Returns its number.
    ///
    /// # Errors
    ///
    /// [`Trouble`].
    pub fn draw(&mut self) -> Result<u64, Trouble> {
        self.act(Action::Draw)?;
        self.transport
            .inside()
            .map(|(number, _)| number)
            .ok_or(Trouble::HopperEmpty)
    }

    /// Moves the card inside, or the next one, to standby. Contacts open.
    ///
    /// # Errors
    ///
    /// [`Trouble`].
    pub fn to_standby(&mut self) -> Result<(), Trouble> {
        self.act(Action::Standby)
    }

    /// Moves the card inside, or the next one, to the contacts and closes them.
    ///
    /// # Errors
    ///
    /// [`Trouble`]; [`Trouble::MissingOption`] without contacts or an encoder.
    pub fn to_contacts(&mut self) -> Result<(), Trouble> {
        self.needs(self.setup.contacts && self.transport.has_encoder())?;
        self.act(Action::Contacts)
    }

    /// Opens the contacts; the card goes back to standby. Nothing if no card lies there.
    ///
    /// # Errors
    ///
    /// [`Trouble`].
    pub fn release_contacts(&mut self) -> Result<(), Trouble> {
        self.act(Action::Release)
    }

    /// Moves the card inside, or the next one, over the antenna.
    ///
    /// # Errors
    ///
    /// [`Trouble`]; [`Trouble::MissingOption`] without an antenna.
    pub fn to_antenna(&mut self) -> Result<(), Trouble> {
        self.needs(self.setup.antenna)?;
        self.act(Action::Antenna)
    }

    /// Moves the card inside, or the next one, under the print head.
    ///
    /// # Errors
    ///
    /// [`Trouble`].
    pub fn to_print_head(&mut self) -> Result<(), Trouble> {
        self.act(Action::PrintHead)
    }

    /// Turns the card inside, or the next one, over; it lies in the flipper then.
    ///
    /// # Errors
    ///
    /// [`Trouble`]; [`Trouble::MissingOption`] without a flipper.
    pub fn flip(&mut self) -> Result<(), Trouble> {
        self.needs(self.setup.duplex)?;
        self.act(Action::Flip)
    }

    /// Prints one side of the card inside, or of the next one, turning it over first if the other
    /// side is up. It stays under the head. The card counts as printed with its first whole side.
    ///
    /// # Errors
    ///
    /// [`Trouble`]; [`Trouble::MissingOption`] if it would have to be turned without a flipper.
    pub fn print_side(&mut self, side: Side, printed: Arc<PrintedSide>) -> Result<(), Trouble> {
        let up = self.transport.inside().map(|_| self.transport.facing());
        self.needs(self.setup.duplex || up.unwrap_or(Side::Front) == side)?;
        self.act(Action::Side(side, printed))
    }

    /// Prints `copies` cards, all alike, beginning with the one inside, and ejects each.
    ///
    /// # Errors
    ///
    /// [`Trouble`]; [`Trouble::MissingOption`] for a back without a flipper.
    pub fn print(
        &mut self,
        front: Option<Arc<PrintedSide>>,
        back: Option<Arc<PrintedSide>>,
        copies: u32,
    ) -> Result<(), Trouble> {
        self.needs(self.setup.duplex || back.is_none())?;
        self.act(Action::Print(Sheets::new(front, back, copies)))
    }

    /// Moves the card inside, if there is one, to the output tray.
    ///
    /// # Errors
    ///
    /// [`Trouble`].
    pub fn eject(&mut self) -> Result<(), Trouble> {
        self.act(Action::Eject)
    }

    /// Moves the card inside, if there is one, to the reject tray.
    ///
    /// # Errors
    ///
    /// [`Trouble`]; [`Trouble::MissingOption`] without a reject tray.
    pub fn reject(&mut self) -> Result<(), Trouble> {
        self.needs(self.setup.reject_tray)?;
        self.act(Action::Reject)
    }

    /// Cleans rollers and head with the cleaning card, which is always at hand.
    ///
    /// # Errors
    ///
    /// [`Trouble`]; [`Trouble::CleaningCard`] while another card is inside.
    pub fn clean(&mut self) -> Result<(), Trouble> {
        self.act(Action::Clean)
    }

    /// Looks what is there after switching on.
    fn boot(&mut self) {
        self.boots += 1;
        if !self.transport.cards_at(Place::Feeder).is_empty() {
            self.fail(Trouble::DoubleFeed);
        }
    }

    fn needs(&self, fitted: bool) -> Result<(), Trouble> {
        match self.trouble {
            Some(trouble) => Err(trouble),
            None if fitted => Ok(()),
            None => Err(Trouble::MissingOption),
        }
    }

    /// Deals with the trouble on a word from the host, which a printer that hears nothing does not
    /// get.
    fn acknowledge(&mut self) -> Result<(), Trouble> {
        if !self.is_mute()
            && let Err(error) = self.deal_with_it()
        {
            self.detail = Some(error.to_string());
            self.trouble = Some(Trouble::Storage);
        }
        self.trouble.map_or(Ok(()), Err)
    }

    fn deal_with_it(&mut self) -> io::Result<()> {
        let Some(trouble) = self.trouble else {
            return Ok(());
        };
        match trouble {
            Trouble::HopperEmpty if self.transport.left() == 0 => return Ok(()),
            Trouble::Jam => self.transport.move_to(Place::TakenOut)?,
            Trouble::DoubleFeed => {
                self.transport.move_to(Place::TakenOut)?;
                self.empty(Place::Feeder)?;
            }
            Trouble::FilmOut | Trouble::WrongFilm => {
                let counters = Counters {
                    film_used: 0,
                    ..self.transport.counters()
                };
                self.transport.count(counters)?;
            }
            Trouble::OutputFull => self.empty(Place::Output)?,
            Trouble::RejectFull => self.empty(Place::Reject)?,
            _ => {}
        }
        self.trouble = None;
        self.detail = None;
        self.transport.note(Movement::Cleared { trouble });
        if trouble == Trouble::PowerCut {
            self.boot();
        }
        Ok(())
    }

    /// Takes all cards out of a place by hand.
    fn empty(&mut self, place: Place) -> io::Result<()> {
        for number in self.transport.cards_at(place) {
            self.transport.take_out(number)?;
        }
        Ok(())
    }

    fn storage(&mut self, error: &dyn Display) -> Trouble {
        self.explained(Trouble::Storage, error)
    }

    /// Keeps why, for whoever asks, unless something is wrong already.
    fn explained(&mut self, trouble: Trouble, why: &dyn Display) -> Trouble {
        if self.trouble.is_none() {
            self.detail = Some(why.to_string());
        }
        trouble
    }
}

#[cfg(test)]
mod tests;
