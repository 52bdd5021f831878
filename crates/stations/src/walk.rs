use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ground::{Ambient, Blamed};
use iso7816::{Channel, Disposition, Reader};
use printers::{CardPosition, Job, Position, Printer, Readiness};
use serde::{Serialize, Serializer};
use series::Profiles;

/// How often a reader is asked whether it holds a card.
const GLANCE: Duration = Duration::from_millis(50);

/// One card on its way from the hopper through every position of a station and out again.
///
/// The chip is asked who it is and nothing else: no passcode is tried, nothing is written.
pub struct Walk<'a> {
    /// Moves the card.
    pub printer: &'a mut dyn Printer,
    /// The reader that should be at its contacts.
    pub encoder: &'a mut dyn Reader,
    /// How long a card may take to appear in the encoder or to vanish from it.
    pub card_within: Duration,
    /// What to print on the card; `None` to leave it blank.
    pub job: Option<Job>,
    /// Where the card ends.
    pub ends: Ends,
    /// The names of the other readers that hold a card now. They are compared before and after the
    /// card is moved to the contacts, to say which reader it appeared in instead.
    pub elsewhere: &'a mut dyn FnMut() -> Vec<String>,
    /// Told of each leg when it is over.
    pub observer: &'a mut dyn FnMut(&Leg),
    /// Time.
    pub ambient: Arc<dyn Ambient>,
}

/// The tray the card ends in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Ends {
    /// The output tray.
    #[default]
    Output,
    /// The reject tray.
    Reject,
}

/// One leg of the walk.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Leg {
    /// What was done, such as `feed to the contacts`.
    pub what: &'static str,
    /// How long it took, milliseconds in JSON.
    #[serde(rename = "milliseconds", serialize_with = "milliseconds")]
    pub took: Duration,
    /// How it went.
    #[serde(flatten)]
    pub finding: Finding,
}

/// How a leg went.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Finding {
    /// As it should.
    Fine {
        /// What was found; may be empty.
        found: String,
    },
    /// It works, and somebody should look at it.
    Warning {
        /// What was found.
        found: String,
    },
    /// Not done, as this station has no such thing or it was not asked for.
    Skipped {
        /// Why.
        why: String,
    },
    /// Not as it should: the walk ended here.
    Wrong {
        /// What happened.
        found: String,
        /// What to do next.
        next: Option<String>,
    },
}

/// What a walk found.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct WalkReport {
    /// The legs in their order.
    pub legs: Vec<Leg>,
    /// The card's number, if its chip tells it; upper-case hexadecimal.
    pub card: Option<String>,
    /// Where the card is now, in words.
    pub whereabouts: String,
}

impl WalkReport {
    /// Whether the card went all the way.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        !self
            .legs
            .iter()
            .any(|leg| matches!(leg.finding, Finding::Wrong { .. }))
    }
}

/// Why a walk ended before its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stop {
    found: String,
    next: Option<String>,
}

impl Stop {
    fn new(found: impl Into<String>, next: &str) -> Self {
        Self {
            found: found.into(),
            next: Some(next.to_owned()),
        }
    }
}

impl<E: Blamed> From<E> for Stop {
    fn from(error: E) -> Self {
        Self {
            found: error.to_string(),
            next: error.hint(),
        }
    }
}

/// The state of a walk under way.
struct Under<'a, 'b> {
    walk: &'b mut Walk<'a>,
    legs: Vec<Leg>,
    card: Option<String>,
    /// Whether a card of ours may be inside.
    inside: bool,
}

impl Walk<'_> {
    /// Walks. Whatever goes wrong ends the walk and is in the report; then the card is put out if
    /// the printer still moves it.
    pub fn run(&mut self) -> WalkReport {
        let mut under = Under {
            walk: self,
            legs: Vec::new(),
            card: None,
            inside: false,
        };
        let whereabouts = match under.all() {
            Some(()) => match under.walk.ends {
                Ends::Output => "in the output tray".to_owned(),
                Ends::Reject => "in the reject tray".to_owned(),
            },
            None => under.put_out(),
        };
        WalkReport {
            legs: under.legs,
            card: under.card,
            whereabouts,
        }
    }
}

impl Under<'_, '_> {
    /// Every leg; `None` when one of them ended the walk.
    fn all(&mut self) -> Option<()> {
        self.leg("ask what the printer can", Self::can_walk)?;
        self.leg("ask the printer", Self::ask)?;
        self.leg("look into the encoder", Self::encoder_is_empty)?;
        let before = (self.walk.elsewhere)();
        self.leg("feed to the contacts", |it| it.feed(Position::Contacts))?;
        self.leg("card appears in the encoder", |it| it.appears(&before))?;
        self.leg("answer to reset, identity", Self::identify)?;
        let can = self.walk.printer.capabilities();
        if can.contactless_station {
            self.leg("move to the antenna", |it| it.feed(Position::Contactless))?;
        } else {
            self.skip("move to the antenna", "the printer has no such station");
        }
        if !can.prints {
            self.skip("move under the print head", "the device prints nothing");
            self.skip("print", "the device prints nothing");
        } else {
            self.leg("move under the print head", |it| {
                it.feed(Position::PrintHead)
            })?;
            match self.walk.job.clone() {
                Some(job) => self.leg("print", |it| it.print(&job))?,
                None => self.skip("print", "not asked for"),
            }
        }
        if self.inside {
            match self.walk.ends {
                Ends::Reject => self.leg("move to the reject tray", |it| {
                    it.walk.printer.reject()?;
                    Ok(Finding::fine(""))
                })?,
                Ends::Output => self.leg("move to the output tray", |it| {
                    it.walk.printer.eject()?;
                    Ok(Finding::fine(""))
                })?,
            }
            self.inside = false;
        }
        self.leg("card leaves the encoder", Self::vanishes)?;
        self.leg("ask the printer again", Self::ask)
    }

    /// Does a leg, times it and keeps what it found.
    fn leg(
        &mut self,
        what: &'static str,
        act: impl FnOnce(&mut Self) -> Result<Finding, Stop>,
    ) -> Option<()> {
        let started = self.walk.ambient.elapsed();
        let done = act(self);
        let took = self.walk.ambient.elapsed().saturating_sub(started);
        let (finding, goes_on) = match done {
            Ok(finding) => (finding, Some(())),
            Err(Stop { found, next }) => (Finding::Wrong { found, next }, None),
        };
        self.note(Leg {
            what,
            took,
            finding,
        });
        goes_on
    }

    fn skip(&mut self, what: &'static str, why: &str) {
        self.note(Leg {
            what,
            took: Duration::ZERO,
            finding: Finding::Skipped {
                why: why.to_owned(),
            },
        });
    }

    fn note(&mut self, leg: Leg) {
        (self.walk.observer)(&leg);
        self.legs.push(leg);
    }

    fn can_walk(&mut self) -> Result<Finding, Stop> {
        let can = self.walk.printer.capabilities();
        let name = self.walk.printer.name();
        for (has, lacks) in [
            (can.moves_cards, "moves no card when told to"),
            (can.contact_station, "holds no card on the contacts"),
        ] {
            if !has {
                return Err(Stop::new(
                    format!("printer `{name}` {lacks}, so no chip can be personalised in it"),
                    "personalise cards in another reader and print them afterwards, or use another \
                     printer",
                ));
            }
        }
        if let Some(job) = &self.walk.job {
            self.walk.printer.check(job)?;
        }
        Ok(Finding::fine(name))
    }

    fn ask(&mut self) -> Result<Finding, Stop> {
        let printer = &mut *self.walk.printer;
        let identity = printer.identify()?;
        let status = printer.status()?;
        match status.readiness {
            Readiness::Ready => {}
            Readiness::Busy => {
                return Err(Stop::new(
                    "the printer is busy",
                    "wait until it is done, and check again",
                ));
            }
            Readiness::Faulted(fault) => {
                return Err(Stop {
                    found: fault.to_string(),
                    next: Some(fault.kind.action().to_owned()),
                });
            }
        }
        if let card @ (CardPosition::At(_) | CardPosition::Inside) = status.card {
            return Err(Stop::new(
                card.to_string(),
                "take it out, account for it by its number, and check again",
            ));
        }
        let film = match &status.film {
            Some(film) => match film.remaining {
                Some(remaining) => format!(", film {} for {remaining} more sides", film.name),
                None => format!(", film {}", film.name),
            },
            None => String::new(),
        };
        let found = format!(
            "{}, serial {}, firmware {}{film}",
            identity.model, identity.serial, identity.firmware
        );
        let warnings: Vec<String> = status.warnings.iter().map(ToString::to_string).collect();
        Ok(if warnings.is_empty() {
            Finding::fine(&found)
        } else {
            Finding::Warning {
                found: format!("{found}; {}", warnings.join("; ")),
            }
        })
    }

    fn encoder_is_empty(&mut self) -> Result<Finding, Stop> {
        // A service looks into its readers a few times a second only: the card of a moment ago
        // may still be in its books.
        if !self.wait(false)? {
            return Err(Stop::new(
                format!(
                    "`{}` holds a card before any was fed",
                    self.walk.encoder.name()
                ),
                "take the card out; if there is none, the reader named is not the one at the \
                 contacts of the printer",
            ));
        }
        Ok(Finding::fine(self.walk.encoder.name()))
    }

    fn feed(&mut self, position: Position) -> Result<Finding, Stop> {
        // Until the printer has said how it went, a card may be inside.
        self.inside = true;
        self.walk.printer.feed(position)?;
        Ok(Finding::fine(""))
    }

    fn appears(&mut self, before: &[String]) -> Result<Finding, Stop> {
        if self.wait(true)? {
            return Ok(Finding::fine(self.walk.encoder.name()));
        }
        let now = (self.walk.elsewhere)();
        let name = self.walk.encoder.name();
        let found = format!(
            "no card appeared in `{name}` within {} s",
            self.walk.card_within.as_secs()
        );
        let appeared: Vec<&str> = now
            .iter()
            .filter(|reader| !before.contains(reader))
            .map(String::as_str)
            .collect();
        Err(match appeared[..] {
            [] => Stop::new(
                found,
                "check that the card lies the right way round, that the reader's cable is in, and \
                 that the reader named is the one at the contacts of the printer",
            ),
            [other] => Stop::new(
                format!("{found}, but one did in `{other}`"),
                "name that reader as the encoder in the station file",
            ),
            _ => Stop::new(
                format!("{found}, but cards did in {}", appeared.join(", ")),
                "keep the other readers empty and check again",
            ),
        })
    }

    fn vanishes(&mut self) -> Result<Finding, Stop> {
        if self.wait(false)? {
            return Ok(Finding::fine(""));
        }
        Err(Stop::new(
            format!(
                "`{}` still holds a card {} s after it left the contacts",
                self.walk.encoder.name(),
                self.walk.card_within.as_secs()
            ),
            "look where the card is: the printer says it went out",
        ))
    }

    /// Waits until the encoder holds a card, or holds none; whether it did in time.
    fn wait(&mut self, present: bool) -> Result<bool, Stop> {
        let deadline = self
            .walk
            .ambient
            .elapsed()
            .saturating_add(self.walk.card_within);
        loop {
            if self.walk.encoder.card_present()? == present {
                return Ok(true);
            }
            if self.walk.ambient.elapsed() >= deadline {
                return Ok(false);
            }
            self.walk.ambient.sleep(GLANCE);
        }
    }

    fn identify(&mut self) -> Result<Finding, Stop> {
        let link = self.walk.encoder.connect(self.walk.card_within)?;
        let mut channel = Channel::new(link);
        let identified = series::identify(&mut channel, &Profiles::builtin());
        // The chip is without power before the card moves, whatever it answered.
        channel.into_link().disconnect(Disposition::PowerOff)?;
        let identification = identified?;
        self.card = identification.chip_number().map(hex::encode_upper);
        let number = match &self.card {
            Some(number) => format!("number {number}"),
            None => "it does not tell its number".to_owned(),
        };
        Ok(Finding::fine(&format!(
            "{}, {number}, answer to reset {}",
            identification.conclusion,
            hex::encode_upper(&identification.atr)
        )))
    }

    fn print(&mut self, job: &Job) -> Result<Finding, Stop> {
        let printed = self.walk.printer.print(job)?;
        if matches!(
            printed.card,
            CardPosition::None | CardPosition::At(Position::Output)
        ) {
            self.inside = false;
        }
        Ok(Finding::fine(&printed.card.to_string()))
    }

    /// Gets a card out after the walk ended early; says where it is.
    fn put_out(&mut self) -> String {
        if !self.inside {
            return "no card was fed".to_owned();
        }
        let printer = &mut *self.walk.printer;
        let (tray, moved) = if printer.capabilities().reject_tray {
            ("in the reject tray", printer.reject())
        } else {
            ("in the output tray, if one was drawn", printer.eject())
        };
        match moved {
            Ok(()) => tray.to_owned(),
            Err(error) => format!("perhaps still in the printer: {error}"),
        }
    }
}

impl Finding {
    fn fine(found: &str) -> Self {
        Self::Fine {
            found: found.to_owned(),
        }
    }
}

impl fmt::Debug for Walk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk")
            .field("printer", &self.printer.name())
            .field("encoder", &self.encoder.name())
            .finish_non_exhaustive()
    }
}

fn milliseconds<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u128(took.as_millis())
}
