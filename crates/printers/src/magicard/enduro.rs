mod exchange;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ground::Ambient;
use plastic::Separation;

use super::header::{Format, Head};
use super::layout::Layout;
use super::page::{self, JobOptions, Overcoat, Side};
use super::profile::Profile;
use super::query::Query;
use super::reply::{Code, ErrReply, Inf};
use super::value::{StaKey, StaReply};
use crate::{
    Answer, Capabilities, CardPosition, Connection, Counters, Fault, FaultKind, Film, Identity,
    Job, Position, Printed, Printer, PrinterError, Readiness, Sourced, Status,
};

/// A Magicard Enduro, Enduro+ or a relative with the same words.
///
/// The printer never says where its card is. The driver knows what it did itself since it was
/// opened and says [`CardPosition::Unknown`] for everything else.
pub struct Enduro<C> {
    name: String,
    connection: C,
    profile: Profile,
    ambient: Arc<dyn Ambient>,
    /// What the printer said of itself when it was opened; `None` if it cannot answer.
    inf: Option<Inf>,
    card: CardPosition,
}

impl<C: Connection> Enduro<C> {
    /// Takes charge of the printer behind `connection` and asks it who it is. Over a connection
    /// that cannot answer (a file) it prints with the vendor's defaults and does nothing else.
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
            inf: None,
            card: CardPosition::Unknown,
        };
        if printer.connection.two_way() {
            printer.inf = Some(printer.inf()?);
        }
        Ok(printer)
    }

    /// Asks for the status reply.
    ///
    /// # Errors
    ///
    /// [`PrinterError`].
    pub fn inf(&mut self) -> Result<Inf, PrinterError> {
        self.ask(&Query::inf(), Inf::parse)
    }

    /// Asks for the error reply.
    ///
    /// # Errors
    ///
    /// [`PrinterError`].
    pub fn err(&mut self) -> Result<ErrReply, PrinterError> {
        self.ask(&Query::err(), ErrReply::parse)
    }

    /// Asks for one value of the printer's own table.
    ///
    /// # Errors
    ///
    /// [`PrinterError`].
    pub fn value(&mut self, key: StaKey) -> Result<String, PrinterError> {
        let reply = self.ask(&Query::value(key), StaReply::parse)?;
        if reply.key != key.name() {
            return Err(self.gibberish(format!(
                "the value of {} when asked for {}",
                reply.key,
                key.name()
            )));
        }
        Ok(reply.value)
    }

    /// Draws the job for this printer as it is now, without sending it.
    ///
    /// # Errors
    ///
    /// [`PrinterError::Lacks`] and [`PrinterError::BadJob`] as [`Printer::print`].
    pub fn draw(&self, job: &Job, inf: Option<&Inf>) -> Result<super::Job, PrinterError> {
        self.check(job)?;
        let head_type = inf.and_then(|inf| inf.head_type).unwrap_or(0);
        let head = self.profile.head.value.head(head_type);
        let layout = Layout::of(head).expect("a profile names no head without a layout");
        let position = inf.and_then(|inf| inf.head_position).unwrap_or(0);
        let mut version = self.profile.version.value.clone();
        // A Rio's job names the driver alone.
        if let Some(firmware) = inf.and_then(|inf| inf.firmware.as_deref())
            && head != Head::Kee
        {
            version = format!("{version}-{firmware}");
        }
        let options = JobOptions {
            copies: job.copies,
            language: self.profile.language.value.clone(),
            head,
            margin: layout.margin(position, i32::from(self.profile.head_adjustment.value)),
            ..JobOptions::new(version, self.time())
        };
        let side = |separation, turned| Side {
            separation,
            format: if has_dye(separation) {
                Format::Ymck
            } else {
                Format::K
            },
            black_as_dye: false,
            turned,
            overcoat: job.overcoat.then(Overcoat::default),
        };
        let front = job.front.as_ref().map(|front| side(front, false));
        let back = job
            .back
            .as_ref()
            .map(|back| side(back, self.profile.back_turned.value));
        page::build(&options, front.as_ref(), back.as_ref()).map_err(|error| PrinterError::BadJob {
            detail: error.to_string(),
        })
    }

    /// Seconds since 1970 as the job has them, in 32 bits.
    fn time(&self) -> u32 {
        u32::try_from(self.ambient.now().as_second()).unwrap_or(0)
    }

    /// Sends the texts of a command one after the other and waits for each.
    fn carry_out(&mut self, texts: &[String]) -> Result<(), PrinterError> {
        for text in texts {
            let query = Query::from_text(usize::from(self.profile.lead.value), text.as_bytes());
            // Until the printer has answered, the card can be anywhere.
            self.card = CardPosition::Unknown;
            self.send(&query.to_bytes(), self.profile.limits_ms.reply.duration())?;
            let limit = self.profile.limits_ms.motion.duration();
            self.wait(limit, "move the card", None)?;
        }
        Ok(())
    }

    /// Takes the card to a tray.
    fn hand_out(&mut self, texts: &[String]) -> Result<(), PrinterError> {
        if !self.connection.two_way() {
            return Err(self.lacks("way to answer"));
        }
        if self.card == CardPosition::None {
            return Ok(());
        }
        self.release_contacts()?;
        self.carry_out(texts)?;
        self.card = CardPosition::None;
        Ok(())
    }

    fn release_contacts(&mut self) -> Result<(), PrinterError> {
        let may_be_there = matches!(
            self.card,
            CardPosition::At(Position::Contacts) | CardPosition::Unknown
        );
        if self.capabilities().contact_station && may_be_there {
            let texts = self.profile.commands.release_contacts.value.clone();
            self.carry_out(&texts)?;
        }
        Ok(())
    }

    /// Waits until the printer answers, reports no error, and has counted `cards` cards if given.
    /// A printer that is busy does not answer, so silence is no error before the limit.
    fn wait(
        &mut self,
        limit: Duration,
        what: &'static str,
        cards: Option<u32>,
    ) -> Result<(), PrinterError> {
        let start = self.ambient.elapsed();
        loop {
            if let Some(reply) = self.ask_once(&Query::err(), ErrReply::parse)? {
                self.fine(reply)?;
                let counted = match cards {
                    None => true,
                    Some(cards) => self
                        .ask_once(&Query::inf(), Inf::parse)?
                        .and_then(|inf| inf.cards_printed)
                        .is_some_and(|count| count >= cards),
                };
                if counted {
                    return Ok(());
                }
            }
            if self.ambient.elapsed().saturating_sub(start) >= limit {
                return Err(PrinterError::Timeout {
                    printer: self.name.clone(),
                    what,
                    seconds: limit.as_secs(),
                });
            }
            self.ambient.sleep(self.profile.limits_ms.poll.duration());
        }
    }

    /// Refuses to go on while the printer reports an error.
    fn ready(&mut self) -> Result<(), PrinterError> {
        let reply = self.err()?;
        self.fine(reply)
    }

    fn fine(&mut self, reply: ErrReply) -> Result<(), PrinterError> {
        if reply.code.is_fine() {
            return Ok(());
        }
        let fault = self.fault(&reply.code, Some(reply.text));
        self.card = fault.card;
        Err(PrinterError::Faulted {
            printer: self.name.clone(),
            fault,
        })
    }

    fn fault(&self, code: &Code, text: Option<String>) -> Fault {
        Fault::new(self.profile.fault_kind(code), code.as_str()).with_text(text)
    }

    fn print_two_way(&mut self, job: &Job) -> Result<Printed, PrinterError> {
        self.check(job)?;
        self.ready()?;
        let inf = self.inf()?;
        let bytes = self.draw(job, Some(&inf))?.encode();
        self.release_contacts()?;
        self.card = CardPosition::Unknown;
        self.send(&bytes, self.profile.limits_ms.write.duration())?;
        let cards = inf
            .cards_printed
            .filter(|_| self.profile.count_cards.value)
            .map(|cards| cards.saturating_add(job.copies));
        let limit = self.profile.limits_ms.print.duration() * job.copies;
        self.wait(limit, "print the card", cards)?;
        let texts = self.profile.commands.after_print.value.clone();
        self.carry_out(&texts)?;
        self.card = CardPosition::None;
        Ok(Printed {
            card: CardPosition::At(Position::Output),
        })
    }
}

impl<C: Connection> Printer for Enduro<C> {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        let drawing = Capabilities {
            prints: true,
            colour: true,
            resin_black: true,
            overcoat: true,
            duplex: true,
            magnetic_stripe: true,
            ..Capabilities::default()
        };
        let Some(inf) = &self.inf else {
            return drawing;
        };
        let panel = |length: Option<u32>| {
            !self.profile.panels_from_status.value || length.is_none_or(|length| length > 0)
        };
        let commands = &self.profile.commands;
        let known = |command: &Sourced<Vec<String>>| !command.value.is_empty();
        Capabilities {
            moves_cards: known(&commands.load) && known(&commands.eject),
            contact_station: inf.features().chip() && known(&commands.feed_to_contacts),
            contactless_station: inf.features().chip() && known(&commands.feed_to_antenna),
            magnetic_stripe: inf.features().magnetic(),
            colour: panel(inf.colour_panel),
            resin_black: panel(inf.resin_panel),
            overcoat: panel(inf.overcoat_panel),
            duplex: inf.features().duplex(),
            reject_tray: known(&commands.reject),
            counters: true,
            cleaning: known(&commands.clean),
            answers_faults: known(&commands.retry),
            ..drawing
        }
    }

    fn identify(&mut self) -> Result<Identity, PrinterError> {
        let unsaid = || "unknown".to_owned();
        if !self.connection.two_way() {
            return Ok(Identity {
                model: self.profile.name.clone(),
                serial: unsaid(),
                firmware: unsaid(),
            });
        }
        let inf = self.inf()?;
        Ok(Identity {
            model: inf.model.unwrap_or_else(unsaid),
            serial: inf.printer_serial.unwrap_or_else(unsaid),
            firmware: inf.firmware.unwrap_or_else(unsaid),
        })
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
        let reply = self.err()?;
        let inf = self.inf()?;
        let readiness = if reply.code.is_fine() {
            Readiness::Ready
        } else {
            Readiness::Faulted(self.fault(&reply.code, Some(reply.text)))
        };
        let remaining = inf.film_remaining();
        let mut warnings = Vec::new();
        if inf.cards_until_cleaning() == Some(0) {
            warnings.push(Fault::new(FaultKind::NeedsCleaning, "INF 14 >= INF 15"));
        }
        let low = u32::from(self.profile.film_low.value);
        if remaining.is_some_and(|remaining| remaining <= low) {
            warnings.push(Fault::new(FaultKind::FilmLow, "INF 23"));
        }
        Ok(Status {
            readiness,
            card: self.card,
            warnings,
            film: inf.film_name.map(|name| Film { name, remaining }),
        })
    }

    fn feed(&mut self, position: Position) -> Result<(), PrinterError> {
        let texts = match position {
            Position::Contacts if !self.capabilities().contact_station => {
                return Err(self.lacks("contact station"));
            }
            Position::Contacts => self.profile.commands.feed_to_contacts.value.clone(),
            Position::Contactless if !self.capabilities().contactless_station => {
                return Err(self.lacks("contactless station"));
            }
            Position::Contactless => self.profile.commands.feed_to_antenna.value.clone(),
            Position::PrintHead if self.connection.two_way() => {
                self.profile.commands.load.value.clone()
            }
            Position::PrintHead => return Err(self.lacks("way to answer")),
            Position::Output => return self.eject(),
            Position::Reject => return self.reject(),
            Position::Hopper => return Err(self.lacks("way back into the hopper")),
            Position::Feeder | Position::Flipper => {
                return Err(self.lacks("command to stop a card there"));
            }
        };
        self.ready()?;
        if self.card == CardPosition::At(position) {
            // Moving it again would take the power from a chip somebody may be talking to.
            return Ok(());
        }
        if position != Position::Contacts {
            self.release_contacts()?;
        }
        self.carry_out(&texts)?;
        self.card = CardPosition::At(position);
        Ok(())
    }

    fn check(&self, job: &Job) -> Result<(), PrinterError> {
        let can = self.capabilities();
        let sides: Vec<&Separation> = job.front.iter().chain(&job.back).collect();
        let needs = [
            (job.back.is_some() && !can.duplex, "duplex unit"),
            (job.overcoat && !can.overcoat, "overcoat on its film"),
            (
                !can.colour && sides.iter().any(|side| has_dye(side)),
                "colour on its film",
            ),
            (
                !can.resin_black && sides.iter().any(|side| side.black.dots().contains(&true)),
                "resin black on its film",
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
        let most = usize::from(self.profile.overcoat_holes.value);
        for side in sides.iter().filter(|_| job.overcoat) {
            let holes = side.overcoat_holes.len();
            if holes > most {
                return Err(PrinterError::BadJob {
                    detail: format!(
                        "a side has {holes} overcoat holes, profile `{}` allows {most}",
                        self.profile.name
                    ),
                });
            }
        }
        Ok(())
    }

    fn print(&mut self, job: &Job) -> Result<Printed, PrinterError> {
        if self.connection.two_way() {
            return self.print_two_way(job);
        }
        let bytes = self.draw(job, None)?.encode();
        self.send(&bytes, self.profile.limits_ms.write.duration())?;
        Ok(Printed {
            card: CardPosition::Unknown,
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
        if !self.connection.two_way() {
            return Err(self.lacks("way to answer"));
        }
        let inf = self.inf()?;
        Ok(Counters {
            cards: inf.cards_printed,
            cards_on_head: inf.cards_on_head,
            panels: inf.dye_panels,
            cleanings: inf.cleanings,
            cards_since_cleaning: inf.cards_since_cleaning,
            cards_until_cleaning: inf.cards_until_cleaning(),
            rejected: None,
        })
    }

    fn clean(&mut self) -> Result<(), PrinterError> {
        if !self.capabilities().cleaning {
            return Err(self.lacks("way to start cleaning from here"));
        }
        self.ready()?;
        // A cleaning card goes the way of any other: whatever lies inside has to leave first.
        if !matches!(self.card, CardPosition::None | CardPosition::Unknown) {
            return Err(PrinterError::BadJob {
                detail: format!("{}, so the printer cannot be cleaned", self.card),
            });
        }
        let texts = self.profile.commands.clean.value.clone();
        let before = self.card;
        self.carry_out(&texts)?;
        self.card = before;
        Ok(())
    }

    fn answer(&mut self, answer: Answer) -> Result<(), PrinterError> {
        if !self.capabilities().answers_faults {
            return Err(self.lacks("way to answer a fault from here"));
        }
        let commands = &self.profile.commands;
        let texts = match answer {
            Answer::Retry => &commands.retry,
            Answer::Cancel => &commands.cancel,
        };
        let texts = texts.value.clone();
        let before = self.card;
        self.carry_out(&texts)?;
        self.card = before;
        Ok(())
    }
}

impl<C> fmt::Debug for Enduro<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enduro")
            .field("name", &self.name)
            .field("profile", &self.profile.name)
            .field("card", &self.card)
            .finish_non_exhaustive()
    }
}

/// Whether any dot needs dye: the lightest four steps of a channel are no ink.
fn has_dye(separation: &Separation) -> bool {
    separation
        .colour
        .bytes()
        .iter()
        .any(|channel| super::of_channel(*channel) > 0)
}

#[cfg(test)]
mod tests;
