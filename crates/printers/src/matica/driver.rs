mod exchange;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ground::Ambient;
use plastic::Separation;

use self::exchange::Answer as Replied;
use super::command::{Command, Station};
use super::job::{self, Geometry, Side};
use super::profile::{Model, Profile};
use super::session::{Greeting, Place};
use super::words::host;
use crate::{
    Answer, Capabilities, CardPosition, Connection, Fault, FaultKind, Identity, Job, Position,
    Printed, Printer, PrinterError, Readiness, Status,
};

/// A Matica XID or a relative with the same words.
///
/// The printer says where its card is and is asked before and after each motion. A command that
/// moves a card is sent once: when its answer does not come, or the connection ends, the call fails
/// and the card's place is unknown until the printer is asked again.
pub struct Matica<C> {
    name: String,
    connection: C,
    profile: Profile,
    ambient: Arc<dyn Ambient>,
    greeting: Greeting,
    model: Model,
    /// Whether greeting and document have been exchanged on this connection.
    open: bool,
    /// Number of the next frame.
    sequence: u32,
    /// What has been received and belongs to no whole frame yet.
    received: Vec<u8>,
    /// Whether contacts or antenna are on the card, as far as this driver knows.
    engaged: Engaged,
    /// Where the card is, as far as the printer has said last.
    card: CardPosition,
}

/// What is on the card.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Engaged {
    No,
    Contacts,
    Antenna,
    Unknown,
}

impl<C: Connection> Matica<C> {
    /// Takes charge of the printer behind a connection that was just opened: it greets first.
    ///
    /// # Errors
    ///
    /// [`PrinterError::Timeout`] when it does not greet, [`PrinterError::Gibberish`] when it greets
    /// otherwise, [`PrinterError::BadJob`] when the profile does not know the model.
    pub fn open(
        connection: C,
        profile: Profile,
        ambient: Arc<dyn Ambient>,
    ) -> Result<Self, PrinterError> {
        let name = connection.name().to_owned();
        let model = profile.models.first().cloned();
        let Some(model) = model else {
            return Err(PrinterError::BadJob {
                detail: format!("profile `{}` has no model", profile.name),
            });
        };
        let mut printer = Self {
            name,
            connection,
            profile,
            ambient,
            greeting: Greeting {
                name: String::new(),
                address: [0; 4],
                model: String::new(),
            },
            model,
            open: false,
            sequence: 0,
            received: Vec::new(),
            engaged: Engaged::Unknown,
            card: CardPosition::Unknown,
        };
        if !printer.connection.two_way() {
            return Err(printer.lacks("way to greet over this connection"));
        }
        printer.greet()?;
        Ok(printer)
    }

    /// What the printer said when the connection opened.
    #[must_use]
    pub fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// Makes the printer begin anew, as after a jam that was cleared. Where the card goes then is
    /// not known; ask.
    ///
    /// # Errors
    ///
    /// [`PrinterError`].
    pub fn initialise(&mut self) -> Result<(), PrinterError> {
        self.card = CardPosition::Unknown;
        self.engaged = Engaged::Unknown;
        let limit = self.profile.limits_ms.ready.duration();
        let answer = self.command(&Command::Initialise, limit, "begin anew")?;
        self.accepted(&answer)?;
        self.wait_ready(true)
    }

    /// Draws the frames for one card that lies under the film, without sending them.
    ///
    /// # Errors
    ///
    /// [`PrinterError::Lacks`] and [`PrinterError::BadJob`] as [`Printer::print`].
    pub fn draw(&self, job: &Job) -> Result<super::Job, PrinterError> {
        self.check(job)?;
        let front = self.model.geometry();
        let back = front.turn(self.profile.back_turned.value);
        let side = |separation, geometry: Geometry| Side {
            separation,
            geometry,
            peel_off: job.overcoat && self.profile.peel_off.value,
        };
        let front = job.front.as_ref().map(|separation| side(separation, front));
        let back = job.back.as_ref().map(|separation| side(separation, back));
        let long = self.profile.long_transfer.value;
        job::build(front.as_ref(), back.as_ref(), long).map_err(|error| PrinterError::BadJob {
            detail: error.to_string(),
        })
    }

    /// Where the printer says the card is.
    fn place(&mut self) -> Result<Place, PrinterError> {
        let limit = self.profile.limits_ms.reply.duration();
        let answer = self.command(&Command::Position, limit, "say where the card is")?;
        if answer.error != 0 {
            let fault = self.profile.fault(answer.error);
            self.card = fault.card;
            return Err(self.at_fault(fault));
        }
        let place =
            Place::parse(&answer.data).map_err(|error| self.gibberish(error.to_string()))?;
        self.card = match place {
            Place::None => CardPosition::None,
            Place::At(station) => position_of(station),
        };
        Ok(place)
    }

    /// The word that says what is wrong; 0 is nothing.
    fn word(&mut self) -> Result<u32, PrinterError> {
        let limit = self.profile.limits_ms.reply.duration();
        let answer = self.command(&Command::Status, limit, "say how it is")?;
        Ok(answer.error)
    }

    /// Waits until the printer does nothing and nothing is wrong. An empty hopper is nothing wrong
    /// for a card that is inside.
    fn wait_ready(&mut self, card_inside: bool) -> Result<(), PrinterError> {
        let limit = self.profile.limits_ms.ready.duration();
        let start = self.ambient.elapsed();
        loop {
            let word = self.word()?;
            if word == 0 {
                return Ok(());
            }
            if !self.profile.is_busy(word) {
                let fault = self.profile.fault(word);
                if card_inside && fault.kind == FaultKind::HopperEmpty {
                    return Ok(());
                }
                return Err(self.faulted(fault));
            }
            if self.ambient.elapsed().saturating_sub(start) >= limit {
                return Err(self.timed_out("become ready", limit));
            }
            self.ambient.sleep(self.profile.limits_ms.poll.duration());
        }
    }

    /// An error for an answer that says something is wrong.
    fn accepted(&mut self, answer: &Replied) -> Result<(), PrinterError> {
        if answer.error == 0 {
            return Ok(());
        }
        let fault = self.profile.fault(answer.error);
        Err(self.faulted(fault))
    }

    /// A fault that stopped something. Where it does not say where the card is, the printer may.
    fn faulted(&mut self, mut fault: Fault) -> PrinterError {
        self.card = fault.card;
        if matches!(fault.card, CardPosition::Unknown | CardPosition::Inside)
            && self.place().is_ok()
        {
            fault.card = self.card;
        }
        self.card = fault.card;
        self.at_fault(fault)
    }

    fn at_fault(&self, fault: Fault) -> PrinterError {
        PrinterError::Faulted {
            printer: self.name.clone(),
            fault,
        }
    }

    /// The printer contradicts itself, in words that can be understood.
    fn contradiction(&self, detail: String) -> PrinterError {
        PrinterError::Gibberish {
            printer: self.name.clone(),
            detail,
        }
    }

    /// Sends what moves a card, once, and waits until it is done. Whatever the answer, the printer
    /// is asked how it is: a busy word in it means that the motion goes on.
    fn carry_out(
        &mut self,
        command: &Command,
        limit: Duration,
        what: &'static str,
    ) -> Result<(), PrinterError> {
        self.card = CardPosition::Unknown;
        let answer = self.command(command, limit, what)?;
        if answer.error != 0 && !self.profile.is_busy(answer.error) {
            return self.accepted(&answer);
        }
        self.wait_ready(true)
    }

    /// Takes contacts and antenna off the card.
    fn disengage(&mut self) -> Result<(), PrinterError> {
        let antenna = match (self.engaged, self.card) {
            (Engaged::No, _) => return Ok(()),
            (Engaged::Contacts, _) => false,
            (Engaged::Antenna, _) => true,
            (Engaged::Unknown, CardPosition::At(Position::Contacts)) => false,
            (Engaged::Unknown, CardPosition::At(Position::Contactless)) => true,
            (Engaged::Unknown, _) => return Ok(()),
        };
        let limit = self.profile.limits_ms.motion.duration();
        let release = Command::Contacts {
            contactless: antenna,
            release: true,
        };
        self.carry_out(&release, limit, "release the card")?;
        self.engaged = Engaged::No;
        Ok(())
    }

    /// Takes contacts and antenna off the card and moves it; a printer without a card draws one.
    /// Returns where the printer says that the card was.
    fn bring(&mut self, to: Station) -> Result<(), PrinterError> {
        let place = self.place()?;
        self.wait_ready(place != Place::None)?;
        if place == Place::At(to) {
            return Ok(());
        }
        let limit = self.profile.limits_ms.motion.duration();
        let (flip, film) = (false, false);
        let command = match place {
            Place::None => {
                self.engaged = Engaged::No;
                Command::Load { to, flip, film }
            }
            Place::At(_) => {
                self.disengage()?;
                Command::Move { to, flip, film }
            }
        };
        self.carry_out(&command, limit, "move the card")?;
        let now = self.place()?;
        if now == Place::At(to) {
            return Ok(());
        }
        Err(self.contradiction(format!("{now:?} after a card was moved to {to:?}")))
    }

    fn hand_out(&mut self, to: Station) -> Result<(), PrinterError> {
        let place = self.place()?;
        self.wait_ready(true)?;
        if place == Place::None {
            return Ok(());
        }
        self.disengage()?;
        let command = Command::Move {
            to,
            flip: false,
            film: false,
        };
        let limit = self.profile.limits_ms.motion.duration();
        self.carry_out(&command, limit, "hand out the card")?;
        self.gone()
    }

    /// Makes sure that the card has left.
    fn gone(&mut self) -> Result<(), PrinterError> {
        match self.place()? {
            Place::None => Ok(()),
            place => Err(self.contradiction(format!("{place:?} after the card was handed out"))),
        }
    }

    /// Sends the frames of one card that lies under the film, each once, and waits for each.
    fn send_job(&mut self, job: &super::Job) -> Result<(), PrinterError> {
        let (reply, print) = (
            self.profile.limits_ms.reply.duration(),
            self.profile.limits_ms.print.duration(),
        );
        for frame in &job.frames {
            if frame.kind == host::IMAGE {
                let answer =
                    self.exchange(frame.kind, frame.data().to_vec(), reply, "take an image")?;
                if answer.error != 0 && !self.profile.is_busy(answer.error) {
                    self.accepted(&answer)?;
                }
                continue;
            }
            self.card = CardPosition::Unknown;
            let data = frame.data().to_vec();
            let answer = self.exchange(frame.kind, data, print, "print the card")?;
            if answer.error != 0 && !self.profile.is_busy(answer.error) {
                self.accepted(&answer)?;
            }
            self.wait_ready(true)?;
        }
        Ok(())
    }

    fn timed_out(&self, what: &'static str, limit: Duration) -> PrinterError {
        PrinterError::Timeout {
            printer: self.name.clone(),
            what,
            seconds: limit.as_secs(),
        }
    }
}

impl<C: Connection> Printer for Matica<C> {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            prints: true,
            moves_cards: true,
            contact_station: self.profile.contacts.value,
            contactless_station: self.profile.contactless.value,
            colour: true,
            resin_black: true,
            // The film that carries the print covers the card.
            overcoat: true,
            duplex: self.profile.duplex.value,
            reject_tray: true,
            reports_position: true,
            // Given up, that is; there is no way to go on.
            answers_faults: true,
            ..Capabilities::default()
        }
    }

    fn identify(&mut self) -> Result<Identity, PrinterError> {
        self.connect()?;
        let unsaid = || "unknown".to_owned();
        Ok(Identity {
            model: self.greeting.model.clone(),
            serial: unsaid(),
            firmware: unsaid(),
        })
    }

    fn status(&mut self) -> Result<Status, PrinterError> {
        let word = self.word()?;
        let asked = self.place();
        let card = match asked {
            Ok(_) => self.card,
            // What is wrong is in the word already.
            Err(PrinterError::Faulted { fault, .. }) => fault.card,
            Err(error) => return Err(error),
        };
        let mut warnings = Vec::new();
        let readiness = if word == 0 {
            Readiness::Ready
        } else if self.profile.is_busy(word) {
            Readiness::Busy
        } else {
            let mut fault = self.profile.fault(word);
            let inside = matches!(card, CardPosition::At(_) | CardPosition::Inside);
            if fault.kind == FaultKind::HopperEmpty && inside {
                warnings.push(fault);
                Readiness::Ready
            } else {
                if fault.card == CardPosition::Unknown || fault.card == CardPosition::Inside {
                    fault.card = card;
                }
                Readiness::Faulted(fault)
            }
        };
        Ok(Status {
            readiness,
            card,
            film: None,
            warnings,
        })
    }

    fn feed(&mut self, position: Position) -> Result<(), PrinterError> {
        let can = self.capabilities();
        let (to, engaged) = match position {
            Position::PrintHead => (Station::Print, Engaged::No),
            Position::Contacts if can.contact_station => (Station::Contacts, Engaged::Contacts),
            Position::Contacts => return Err(self.lacks("contacts of an encoder")),
            Position::Contactless if can.contactless_station => {
                (Station::Contactless, Engaged::Antenna)
            }
            Position::Contactless => return Err(self.lacks("antenna of an encoder")),
            Position::Output => return self.eject(),
            Position::Reject => return self.reject(),
            Position::Hopper => return Err(self.lacks("way back into the hopper")),
            Position::Feeder | Position::Flipper => {
                return Err(self.lacks("command to stop a card there"));
            }
        };
        self.bring(to)?;
        if engaged == self.engaged || engaged == Engaged::No {
            // Closing again would take the power from a chip somebody may be talking to.
            return Ok(());
        }
        let command = Command::Contacts {
            contactless: engaged == Engaged::Antenna,
            release: false,
        };
        self.engaged = Engaged::Unknown;
        let limit = self.profile.limits_ms.motion.duration();
        self.carry_out(&command, limit, "close the contacts")?;
        self.engaged = engaged;
        self.place().map(drop)
    }

    fn check(&self, job: &Job) -> Result<(), PrinterError> {
        if job.back.is_some() && !self.profile.duplex.value {
            return Err(self.lacks("unit that turns cards over"));
        }
        let holes = |side: &Separation| !side.overcoat_holes.is_empty();
        let mut sides = job.front.iter().chain(&job.back);
        if job.overcoat && sides.any(holes) && !self.profile.peel_off.value {
            return Err(self.lacks("panel on its ribbon that leaves holes in the film"));
        }
        if job.copies == 0 {
            return Err(PrinterError::BadJob {
                detail: "it asks for no copy at all".to_owned(),
            });
        }
        Ok(())
    }

    fn print(&mut self, job: &Job) -> Result<Printed, PrinterError> {
        // Whatever cannot be drawn is refused before anything moves.
        let drawn = self.draw(job)?;
        for _ in 0..job.copies {
            self.bring(Station::Print)?;
            self.send_job(&drawn)?;
            self.engaged = Engaged::No;
            self.gone()?;
        }
        Ok(Printed {
            card: CardPosition::At(Position::Output),
        })
    }

    fn eject(&mut self) -> Result<(), PrinterError> {
        self.hand_out(Station::Eject)
    }

    fn reject(&mut self) -> Result<(), PrinterError> {
        self.hand_out(Station::Reject)
    }

    fn answer(&mut self, answer: Answer) -> Result<(), PrinterError> {
        match answer {
            Answer::Retry => Err(self.lacks("way to go on with what a fault ended")),
            Answer::Cancel => self.initialise(),
        }
    }
}

/// Our place for a station of the printer.
fn position_of(station: Station) -> CardPosition {
    match station {
        Station::Print => CardPosition::At(Position::PrintHead),
        Station::Contacts => CardPosition::At(Position::Contacts),
        Station::Contactless => CardPosition::At(Position::Contactless),
        // No place of ours: it is on its way.
        Station::Stripe => CardPosition::Inside,
        Station::Reject => CardPosition::At(Position::Reject),
        Station::Eject => CardPosition::At(Position::Output),
    }
}

impl<C> fmt::Debug for Matica<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matica")
            .field("name", &self.name)
            .field("model", &self.greeting.model)
            .field("card", &self.card)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
