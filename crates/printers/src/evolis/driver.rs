mod exchange;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ground::Ambient;
use plastic::Separation;

use super::job::{self, BuildError, JobOptions};
use super::panel::Panel;
use super::profile::{Connected, Fitting, Profile, Ribbon};
use super::reply::{Reply, StatusWords};
use super::stream::Stream;
use super::words::{ERR_CARD, ERR_NEED_CLEANING, NO_CARD};
use crate::{
    Answer, Capabilities, CardPosition, Connection, Counters, Fault, FaultKind, Film, Identity,
    Job, Position, Printed, Printer, PrinterError, Readiness, Status,
};

/// An Evolis Primacy, Zenius, Badgy or a relative.
///
/// The driver knows where the card is from what it did itself and what the printer says of it
/// (status words where the profile has them read, else only whether a card is inside). After a
/// time-out or an answer that was not expected it says [`CardPosition::Unknown`].
pub struct Evolis<C> {
    name: String,
    connection: C,
    profile: Profile,
    ambient: Arc<dyn Ambient>,
    /// What the printer said of itself when it was opened; `None` if it cannot answer.
    identity: Option<Identity>,
    /// The ribbon the printer named last.
    ribbon: Option<Ribbon>,
    /// The same if the profile does not have it.
    strange_ribbon: Option<String>,
    /// The status words that came last.
    words: Option<StatusWords>,
    card: CardPosition,
    link: exchange::Link,
}

/// What the printer says of the card.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Seen {
    /// Its status words say exactly this.
    Exactly(CardPosition),
    /// A sensor sees a card.
    Card,
    /// The sensors see none; not every place has one.
    NoCard,
    /// Nothing that can be understood.
    Nothing,
}

impl<C: Connection> Evolis<C> {
    /// Takes charge of the printer behind `connection` and asks it who it is and what it has. Over
    /// a connection that cannot answer (a file) it prints and does nothing else.
    ///
    /// # Errors
    ///
    /// [`PrinterError::Timeout`] when the printer does not answer; others of [`PrinterError`].
    pub fn open(
        connection: C,
        profile: Profile,
        ambient: Arc<dyn Ambient>,
    ) -> Result<Self, PrinterError> {
        let mut printer = Self {
            name: connection.name().to_owned(),
            connection,
            profile,
            ambient,
            identity: None,
            ribbon: None,
            strange_ribbon: None,
            words: None,
            card: CardPosition::Unknown,
            link: exchange::Link::default(),
        };
        if printer.connection.two_way() {
            printer.identity = Some(printer.who()?);
            printer.read_words()?;
            printer.read_ribbon()?;
        }
        Ok(printer)
    }

    /// The job of one card for this printer and the ribbon it has, without sending it.
    ///
    /// # Errors
    ///
    /// [`PrinterError::Lacks`] and [`PrinterError::BadJob`] as [`Printer::print`].
    pub fn draw(&self, job: &Job) -> Result<Stream, PrinterError> {
        self.check(job)?;
        let configured = self.profile.ribbon(&self.profile.ribbon.value);
        let known = self.ribbon.as_ref().or(configured);
        if let (None, Some(strange)) = (known, &self.strange_ribbon) {
            return Err(PrinterError::BadJob {
                detail: format!(
                    "the printer has ribbon `{strange}`, which profile `{}` does not describe",
                    self.profile.name
                ),
            });
        }
        let ribbon = known
            .or_else(|| self.profile.ribbon_for(job))
            .ok_or_else(|| self.lacks("ribbon with all the job needs"))?;
        let options = JobOptions::new(&self.profile, ribbon, self.time());
        job::build(job, &options).map_err(|error| match error {
            BuildError::Ribbon { panel, .. } => self.lacks(match panel {
                "resin black" => "resin black on its ribbon",
                "varnish" => "varnish on its ribbon",
                _ => "colour on its ribbon",
            }),
            error => PrinterError::BadJob {
                detail: error.to_string(),
            },
        })
    }

    /// Seconds since 1970 as the job has them, in 32 bits.
    fn time(&self) -> u32 {
        u32::try_from(self.ambient.now().as_second()).unwrap_or(0)
    }

    fn who(&mut self) -> Result<Identity, PrinterError> {
        let questions = &self.profile.questions;
        let [model, serial, firmware] = [&questions.model, &questions.serial, &questions.firmware]
            .map(|question| question.value.clone());
        Ok(Identity {
            model: self.value(&model)?.unwrap_or_else(unsaid),
            serial: self.value(&serial)?.unwrap_or_else(unsaid),
            firmware: self.value(&firmware)?.unwrap_or_else(unsaid),
        })
    }

    /// The answer to a question, unless the printer does not know it or has nothing to say.
    fn value(&mut self, question: &str) -> Result<Option<String>, PrinterError> {
        if question.is_empty() {
            return Ok(None);
        }
        Ok(match self.ask(question)? {
            Reply::Text(text)
                if !text.is_empty() && self.profile.fault_kind(&text) == FaultKind::Unknown =>
            {
                Some(text)
            }
            _ => None,
        })
    }

    fn number(&mut self, question: &str) -> Result<Option<u32>, PrinterError> {
        let value = self.value(question)?;
        Ok(value.and_then(|text| text.trim().parse().ok()))
    }

    fn read_ribbon(&mut self) -> Result<Option<String>, PrinterError> {
        let question = self.profile.questions.ribbon.value.clone();
        let said = self.value(&question)?;
        let known = said.as_ref().and_then(|said| self.profile.ribbon(said));
        self.ribbon = known.cloned();
        self.strange_ribbon = said.clone().filter(|_| self.ribbon.is_none());
        Ok(said)
    }

    /// Looks where the card is.
    fn look(&mut self) -> Result<Seen, PrinterError> {
        if let Some(words) = self.read_words()? {
            return Ok(match self.profile.places_by(&words).as_slice() {
                [] => Seen::Exactly(CardPosition::None),
                [place] => Seen::Exactly(CardPosition::At(*place)),
                // Two sensors at once: between two places, or two cards.
                _ => Seen::Exactly(CardPosition::Inside),
            });
        }
        let question = self.profile.questions.presence.value.clone();
        if question.is_empty() {
            return Ok(Seen::Nothing);
        }
        Ok(match self.ask(&question)? {
            Reply::Text(text) if text == NO_CARD => Seen::NoCard,
            Reply::Text(text) if text == ERR_CARD => Seen::Card,
            _ => Seen::Nothing,
        })
    }

    /// What the driver knows with what the printer says.
    fn with_seen(&self, seen: Seen) -> CardPosition {
        match (seen, self.card) {
            (Seen::Exactly(card), _) => card,
            // No sensor may see a card on the contacts, so this is no contradiction.
            (Seen::NoCard, CardPosition::At(place)) => CardPosition::At(place),
            (Seen::NoCard, _) => CardPosition::None,
            (Seen::Card, CardPosition::At(place)) if is_inside(place) => CardPosition::At(place),
            (Seen::Card, _) => CardPosition::Inside,
            (Seen::Nothing, card) => card,
        }
    }

    /// Moves a card: `before`, `texts` and, whatever happened, `after`.
    fn moved(
        &mut self,
        [before, texts, after]: [&[String]; 3],
        limit: Duration,
        what: &'static str,
    ) -> Result<(), PrinterError> {
        let reply = self.profile.limits_ms.reply.duration();
        let mut outcome = self.send_all(before, reply, "answer");
        if outcome.is_ok() {
            // Until the printer has answered, the card can be anywhere.
            self.card = CardPosition::Unknown;
            outcome = self.send_all(texts, limit, what);
        }
        self.ended(outcome, after)
    }

    /// Gives the treatment of errors back to the printer and finds out where a card went that did
    /// not get where it should. Of two errors the first is told.
    fn ended(
        &mut self,
        outcome: Result<(), PrinterError>,
        after: &[String],
    ) -> Result<(), PrinterError> {
        let reply = self.profile.limits_ms.reply.duration();
        let given_back = self.send_all(after, reply, "answer");
        match outcome {
            Ok(()) => given_back,
            Err(PrinterError::Faulted { printer, fault }) => {
                let seen = self.look().unwrap_or(Seen::Nothing);
                self.card = match seen {
                    Seen::Exactly(card) => card,
                    Seen::Card => CardPosition::Inside,
                    Seen::NoCard if fault.kind.card() == CardPosition::None => CardPosition::None,
                    Seen::NoCard | Seen::Nothing => CardPosition::Unknown,
                };
                let fault = fault.with_card(self.card);
                Err(PrinterError::Faulted { printer, fault })
            }
            Err(error) => Err(error),
        }
    }

    /// Takes the printer's word that a card has arrived, unless its status words say otherwise.
    fn arrived(&mut self, expected: CardPosition) -> Result<(), PrinterError> {
        if self.profile.status_words.value.order().is_none() {
            self.card = expected;
            return Ok(());
        }
        self.card = match self.look()? {
            Seen::Exactly(CardPosition::At(Position::Output)) => CardPosition::None,
            Seen::Exactly(card) => card,
            _ => expected,
        };
        if self.card == expected {
            return Ok(());
        }
        Err(self.gibberish(format!("the command was carried out, but {}", self.card)))
    }

    fn send_all(
        &mut self,
        texts: &[String],
        limit: Duration,
        what: &'static str,
    ) -> Result<(), PrinterError> {
        for text in texts {
            let reply = self.command(text, limit, what)?;
            // Some lists read a setting before they change it.
            if !(text.starts_with('R') && matches!(reply, Reply::Text(_))) {
                self.done(&reply)?;
            }
        }
        Ok(())
    }

    /// Whether a command was carried out.
    fn done(&self, reply: &Reply) -> Result<(), PrinterError> {
        if *reply == Reply::Done {
            return Ok(());
        }
        let code = reply.to_string();
        Err(PrinterError::Faulted {
            printer: self.name.clone(),
            fault: Fault::new(self.profile.fault_kind(&code), code),
        })
    }

    /// Takes the card to a tray.
    fn hand_out(&mut self, texts: &[String]) -> Result<(), PrinterError> {
        if !self.connection.two_way() {
            return Err(self.lacks("way to answer"));
        }
        if self.card == CardPosition::None {
            return Ok(());
        }
        let limit = self.profile.limits_ms.motion.duration();
        self.moved([&[], texts, &[]], limit, "move the card")?;
        self.arrived(CardPosition::None)
    }

    fn print_card(&mut self, card: &Stream) -> Result<(), PrinterError> {
        let wire = self.profile.wire();
        let before = wire.before_print.value.clone();
        let after = wire.after_print.value.clone();
        let reply = self.profile.limits_ms.reply.duration();
        let mut outcome = self.send_all(&before, reply, "answer");
        if outcome.is_ok() {
            self.card = CardPosition::Unknown;
            outcome = match self.profile.connected.value {
                Connected::Network => self.print_in_one(card),
                Connected::Line => self.print_by_command(card),
            };
        }
        self.ended(outcome, &after)?;
        self.arrived(CardPosition::None)
    }

    fn fitted(&self) -> Vec<Fitting> {
        let mut fitted = match &self.words {
            Some(words) => self.profile.fitted_by(words),
            None => self.profile.fitted.value.clone(),
        };
        if let Some(identity) = &self.identity {
            for model in &self.profile.models {
                if identity.model.contains(&model.name) {
                    fitted.retain(|fitting| !model.cannot.contains(fitting));
                }
            }
        }
        fitted
    }
}

impl<C: Connection> Printer for Evolis<C> {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        let has = |panel| self.ribbon.as_ref().is_none_or(|ribbon| ribbon.has(panel));
        let fitted = self.fitted();
        let drawing = Capabilities {
            prints: true,
            colour: Panel::DYES.into_iter().all(has),
            resin_black: has(Panel::Black),
            overcoat: has(Panel::Overlay),
            duplex: fitted.contains(&Fitting::Duplex),
            magnetic_stripe: fitted.contains(&Fitting::Magnetic),
            ..Capabilities::default()
        };
        if !self.connection.two_way() {
            return drawing;
        }
        let commands = &self.profile.commands;
        let known = |texts: &crate::Sourced<Vec<String>>| !texts.value.is_empty();
        Capabilities {
            moves_cards: known(&commands.eject),
            contact_station: fitted.contains(&Fitting::Contacts)
                && known(&commands.feed_to_contacts),
            contactless_station: fitted.contains(&Fitting::Antenna)
                && known(&commands.feed_to_antenna),
            reject_tray: fitted.contains(&Fitting::RejectTray) && known(&commands.reject),
            reports_position: self.profile.status_words.value.order().is_some(),
            counters: !self.profile.questions.cards.value.is_empty(),
            cleaning: known(&commands.clean),
            answers_faults: known(&commands.retry),
            ..drawing
        }
    }

    fn identify(&mut self) -> Result<Identity, PrinterError> {
        if !self.connection.two_way() {
            return Ok(Identity {
                model: self.profile.name.clone(),
                serial: unsaid(),
                firmware: unsaid(),
            });
        }
        let identity = self.who()?;
        self.identity = Some(identity.clone());
        Ok(identity)
    }

    fn status(&mut self) -> Result<Status, PrinterError> {
        if !self.connection.two_way() {
            return Ok(Status {
                readiness: Readiness::Ready,
                card: CardPosition::Unknown,
                film: None,
                warnings: Vec::new(),
            });
        }
        let seen = self.look()?;
        self.card = self.with_seen(seen);
        let mut readiness = Readiness::Ready;
        let mut warnings = Vec::new();
        if let Some(words) = self.words {
            if self.profile.busy_by(&words) {
                readiness = Readiness::Busy;
            }
            for known in self.profile.faults_by(&words) {
                let fault = Fault::new(known.kind, known.code.clone());
                if known.code.starts_with("ERR") {
                    readiness = Readiness::Faulted(fault.with_card(self.card));
                } else {
                    warnings.push(fault);
                }
            }
        }
        let questions = self.profile.questions.clone();
        if !questions.last_answer.value.is_empty() && !matches!(readiness, Readiness::Faulted(_)) {
            let reply = self.ask(&questions.last_answer.value)?;
            if let Err(PrinterError::Faulted { fault, .. }) = self.done(&reply) {
                readiness = Readiness::Faulted(fault.with_card(self.card));
            }
        }
        if !questions.cleaning_due.value.is_empty()
            && self.ask(&questions.cleaning_due.value)? == Reply::Text(ERR_NEED_CLEANING.into())
        {
            warnings.push(Fault::new(FaultKind::NeedsCleaning, ERR_NEED_CLEANING));
        }
        let said = self.read_ribbon()?;
        let remaining = self.number(&questions.ribbon_left.value)?;
        let low = u32::from(self.profile.film_low.value);
        if remaining.is_some_and(|remaining| remaining <= low) {
            let code = questions.ribbon_left.value;
            warnings.push(Fault::new(FaultKind::FilmLow, code));
        }
        let ribbon = self.ribbon.as_ref().map(|ribbon| ribbon.name.clone());
        Ok(Status {
            readiness,
            card: self.card,
            film: ribbon.or(said).map(|name| Film { name, remaining }),
            warnings,
        })
    }

    fn feed(&mut self, position: Position) -> Result<(), PrinterError> {
        let can = self.capabilities();
        let commands = &self.profile.commands;
        let texts = match position {
            Position::Contacts if !can.contact_station => {
                return Err(self.lacks("contact station"));
            }
            Position::Contacts => commands.feed_to_contacts.value.clone(),
            Position::Contactless if !can.contactless_station => {
                return Err(self.lacks("contactless station"));
            }
            Position::Contactless => commands.feed_to_antenna.value.clone(),
            Position::PrintHead if self.connection.two_way() => commands.feed_to_head.value.clone(),
            Position::PrintHead => return Err(self.lacks("way to answer")),
            Position::Output => return self.eject(),
            Position::Reject => return self.reject(),
            Position::Hopper => return Err(self.lacks("way back into the hopper")),
            Position::Feeder | Position::Flipper => {
                return Err(self.lacks("command to stop a card there"));
            }
        };
        if self.card == CardPosition::At(position) {
            // Moving it again would take the power from a chip somebody may be talking to.
            return Ok(());
        }
        let before = commands.before_feed.value.clone();
        let after = commands.after_feed.value.clone();
        let limit = self.profile.limits_ms.motion.duration();
        self.moved([&before, &texts, &after], limit, "move the card")?;
        self.arrived(CardPosition::At(position))
    }

    fn check(&self, job: &Job) -> Result<(), PrinterError> {
        let can = self.capabilities();
        let sides: Vec<&Separation> = job.front.iter().chain(&job.back).collect();
        let dye = |side: &Separation| side.colour.bytes().iter().any(|channel| *channel != 255);
        let resin = |side: &Separation| side.black.dots().contains(&true);
        let needs = [
            (job.back.is_some() && !can.duplex, "duplex unit"),
            (job.overcoat && !can.overcoat, "varnish on its ribbon"),
            (
                !can.colour && sides.iter().any(|side| dye(side)),
                "colour on its ribbon",
            ),
            (
                !can.resin_black && sides.iter().any(|side| resin(side)),
                "resin black on its ribbon",
            ),
        ];
        for (lacks, what) in needs {
            if lacks {
                return Err(self.lacks(what));
            }
        }
        if job.copies == 0 {
            return Err(PrinterError::BadJob {
                detail: "it asks for no copy at all".to_owned(),
            });
        }
        Ok(())
    }

    fn print(&mut self, job: &Job) -> Result<Printed, PrinterError> {
        if !self.connection.two_way() {
            let card = self.draw(job)?.encode();
            let limit = self.profile.limits_ms.write.duration();
            for _ in 0..job.copies {
                self.connection
                    .write_all(&card, limit)
                    .map_err(|source| self.broken(source))?;
            }
            return Ok(Printed {
                card: CardPosition::Unknown,
            });
        }
        self.read_ribbon()?;
        let card = self.draw(job)?;
        for _ in 0..job.copies {
            self.print_card(&card)?;
        }
        Ok(Printed {
            card: CardPosition::At(Position::Output),
        })
    }

    fn eject(&mut self) -> Result<(), PrinterError> {
        let texts = self.profile.commands.eject.value.clone();
        self.hand_out(&texts)
    }

    fn reject(&mut self) -> Result<(), PrinterError> {
        if !self.capabilities().reject_tray {
            return Err(self.lacks("reject tray"));
        }
        let texts = self.profile.commands.reject.value.clone();
        self.hand_out(&texts)
    }

    fn counters(&mut self) -> Result<Counters, PrinterError> {
        if !self.capabilities().counters {
            return Err(self.lacks("counters"));
        }
        let questions = self.profile.questions.clone();
        Ok(Counters {
            cards: self.number(&questions.cards.value)?,
            panels: self.number(&questions.panels.value)?,
            cleanings: self.number(&questions.cleanings.value)?,
            ..Counters::default()
        })
    }

    fn clean(&mut self) -> Result<(), PrinterError> {
        if !self.capabilities().cleaning {
            return Err(self.lacks("way to start cleaning from here"));
        }
        // A cleaning card goes the way of any other: whatever lies inside has to leave first.
        if !matches!(self.card, CardPosition::None | CardPosition::Unknown) {
            return Err(PrinterError::BadJob {
                detail: format!("{}, so the printer cannot be cleaned", self.card),
            });
        }
        let texts = self.profile.commands.clean.value.clone();
        let before = self.card;
        let limit = self.profile.limits_ms.cleaning.duration();
        self.moved([&[], &texts, &[]], limit, "clean itself")?;
        self.card = before;
        Ok(())
    }

    fn answer(&mut self, answer: Answer) -> Result<(), PrinterError> {
        if !self.capabilities().answers_faults {
            return Err(self.lacks("way to answer a fault from here"));
        }
        let limit = self.profile.limits_ms.motion.duration();
        match answer {
            Answer::Retry => {
                let texts = self.profile.commands.retry.value.clone();
                self.send_all(&texts, limit, "clear its status")
            }
            Answer::Cancel => {
                let texts = self.profile.commands.cancel.value.clone();
                // What a printer does with its card while it starts again is its own affair.
                self.card = CardPosition::Unknown;
                // A printer that starts again need not answer before it does; a fault is an answer.
                let reset = self.send_all(&texts, limit, "reset itself");
                if let Err(fault @ PrinterError::Faulted { .. }) = reset {
                    return Err(fault);
                }
                self.who()?;
                let seen = self.look()?;
                self.card = self.with_seen(seen);
                Ok(())
            }
        }
    }
}

impl<C> fmt::Debug for Evolis<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evolis")
            .field("name", &self.name)
            .field("profile", &self.profile.name)
            .field("card", &self.card)
            .finish_non_exhaustive()
    }
}

const fn is_inside(place: Position) -> bool {
    !matches!(
        place,
        Position::Hopper | Position::Output | Position::Reject
    )
}

fn unsaid() -> String {
    "unknown".to_owned()
}

#[cfg(test)]
mod tests;
