use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ground::Ambient;
use plastic::Separation;

use super::build::{self, JobOptions, Overcoat, Side};
use super::profile::Profile;
use super::query::{Query, Reply};
use crate::{
    Capabilities, CardPosition, Connection, Counters, Fault, FaultKind, Film, Identity, Job,
    Position, Printed, Printer, PrinterError, Readiness, Status,
};

/// What the printer says when nothing is wrong.
const FINE: &str = "0";
/// The most bytes thrown away before a question.
const MAX_STALE: usize = 64 * 1024;

/// A Magicard Rio Pro 360.
///
/// It takes jobs and, as far as anybody has published, says nothing: a print returns when the job
/// is written, with the card's place unknown, and there is no status. With the status queries of
/// the [`Profile`] switched on it is asked for errors and counted cards, and a print returns when
/// the counter has risen.
pub struct RioPro360<C> {
    name: String,
    connection: C,
    profile: Profile,
    ambient: Arc<dyn Ambient>,
}

impl<C: Connection> RioPro360<C> {
    /// Takes charge of the printer behind `connection`. Nothing is sent.
    pub fn new(connection: C, profile: Profile, ambient: Arc<dyn Ambient>) -> Self {
        Self {
            name: connection.name().to_owned(),
            connection,
            profile,
            ambient,
        }
    }

    /// Draws the job without sending it.
    ///
    /// # Errors
    ///
    /// [`PrinterError::Lacks`] and [`PrinterError::BadJob`] as [`Printer::print`].
    pub fn draw(&self, job: &Job) -> Result<super::Job, PrinterError> {
        self.check(job)?;
        let side = |separation, back| Side {
            separation,
            black_as_dye: false,
            placement: self.profile.placement(back),
            overcoat: job.overcoat.then(Overcoat::default),
        };
        let front = job.front.as_ref().map(|front| side(front, false));
        let back = job.back.as_ref().map(|back| side(back, true));
        let options = JobOptions {
            copies: job.copies,
            ..JobOptions::new(u32::try_from(self.ambient.now().as_second()).unwrap_or(0))
        };
        build::build(&options, front.as_ref(), back.as_ref()).map_err(|error| {
            PrinterError::BadJob {
                detail: error.to_string(),
            }
        })
    }

    fn asks(&self) -> bool {
        self.profile.status_queries.value && self.connection.two_way()
    }

    /// Asks for a value.
    fn value(&mut self, name: &str) -> Result<String, PrinterError> {
        let query = Query::new(name).expect("the names of a profile are checked");
        match self.value_once(&query)? {
            Some(value) => Ok(value),
            None => Err(self.timed_out("answer", self.profile.limits_ms.reply.duration())),
        }
    }

    /// Asks for a value; `None` when no whole answer came in time.
    fn value_once(&mut self, query: &Query) -> Result<Option<String>, PrinterError> {
        let limit = self.profile.limits_ms.reply.duration();
        self.throw_away_stale()?;
        self.send(&query.to_bytes(), limit)?;
        let start = self.ambient.elapsed();
        let mut received = Vec::new();
        let mut buffer = [0; 1024];
        while !Reply::is_whole(&received) {
            let left = limit.saturating_sub(self.ambient.elapsed().saturating_sub(start));
            match self.connection.read(&mut buffer, left) {
                Ok(count) => received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Ok(None),
                Err(source) => return Err(self.broken(source)),
            }
            if received.len() > MAX_STALE {
                break;
            }
        }
        Reply::parse(&received, query)
            .map(|reply| Some(reply.value))
            .map_err(|error| self.gibberish(error.to_string()))
    }

    /// What is left of an answer nobody waits for any more must not be taken for the next one.
    fn throw_away_stale(&mut self) -> Result<(), PrinterError> {
        let mut thrown_away = 0;
        let mut buffer = [0; 1024];
        while thrown_away < MAX_STALE {
            match self.connection.read(&mut buffer, Duration::ZERO) {
                Ok(count) => thrown_away += count,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Ok(()),
                Err(source) => return Err(self.broken(source)),
            }
        }
        Err(self.gibberish("bytes without end".to_owned()))
    }

    fn number(&mut self, name: &str) -> Result<u32, PrinterError> {
        let value = self.value(name)?;
        value
            .parse()
            .map_err(|_| self.gibberish(format!("`{value}` as {name}, which is no number")))
    }

    /// The fault the printer reports, if any.
    fn fault(&mut self) -> Result<Option<Fault>, PrinterError> {
        let code = self.value(&self.profile.names.error.value.clone())?;
        Ok((code != FINE).then(|| Fault::new(self.profile.fault_kind(&code), code)))
    }

    fn fine(&mut self) -> Result<(), PrinterError> {
        match self.fault()? {
            None => Ok(()),
            Some(fault) => Err(PrinterError::Faulted {
                printer: self.name.clone(),
                fault,
            }),
        }
    }

    /// Waits until the printer has counted the cards. While it prints it may not answer.
    fn wait(&mut self, cards: u32, limit: Duration) -> Result<(), PrinterError> {
        let start = self.ambient.elapsed();
        let error = Query::new(&self.profile.names.error.value);
        let counter = Query::new(&self.profile.names.cards.value);
        let (Some(error), Some(counter)) = (error, counter) else {
            return Err(self.lacks("name for its values"));
        };
        loop {
            if let Some(code) = self.value_once(&error)? {
                if code != FINE {
                    let fault = Fault::new(self.profile.fault_kind(&code), code);
                    return Err(PrinterError::Faulted {
                        printer: self.name.clone(),
                        fault,
                    });
                }
                let counted = self.value_once(&counter)?;
                if counted.is_some_and(|count| count.parse().is_ok_and(|count: u32| count >= cards))
                {
                    return Ok(());
                }
            }
            if self.ambient.elapsed().saturating_sub(start) >= limit {
                return Err(self.timed_out("print the card", limit));
            }
            self.ambient.sleep(self.profile.limits_ms.poll.duration());
        }
    }

    fn send(&mut self, bytes: &[u8], within: Duration) -> Result<(), PrinterError> {
        self.connection
            .write_all(bytes, within)
            .map_err(|source| self.broken(source))
    }

    fn broken(&self, source: io::Error) -> PrinterError {
        PrinterError::Connection {
            printer: self.name.clone(),
            source,
        }
    }

    fn gibberish(&self, detail: String) -> PrinterError {
        PrinterError::Gibberish {
            printer: self.name.clone(),
            detail,
        }
    }

    fn timed_out(&self, what: &'static str, limit: Duration) -> PrinterError {
        PrinterError::Timeout {
            printer: self.name.clone(),
            what,
            seconds: limit.as_secs(),
        }
    }
}

impl<C: Connection> Printer for RioPro360<C> {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            prints: true,
            colour: true,
            resin_black: true,
            overcoat: true,
            duplex: self.profile.duplex.value,
            counters: self.asks(),
            ..Capabilities::default()
        }
    }

    fn identify(&mut self) -> Result<Identity, PrinterError> {
        let unsaid = || "unknown".to_owned();
        let mut identity = Identity {
            model: self.profile.name.clone(),
            serial: unsaid(),
            firmware: unsaid(),
        };
        if self.asks() {
            identity.model = self.value(&self.profile.names.model.value.clone())?;
            identity.serial = self.value(&self.profile.names.serial.value.clone())?;
        }
        Ok(identity)
    }

    fn status(&mut self) -> Result<Status, PrinterError> {
        if !self.asks() {
            return Err(self.lacks("publicly known way to say its status"));
        }
        let readiness = match self.fault()? {
            None => Readiness::Ready,
            Some(fault) => Readiness::Faulted(fault),
        };
        let remaining = self.number(&self.profile.names.film.value.clone())?;
        let low = remaining <= u32::from(self.profile.film_low.value);
        let warning = || Fault::new(FaultKind::FilmLow, format!("{remaining} prints left"));
        Ok(Status {
            readiness,
            card: CardPosition::Unknown,
            film: Some(Film {
                name: "unknown".to_owned(),
                remaining: Some(remaining),
            }),
            warnings: low.then(warning).into_iter().collect(),
        })
    }

    fn feed(&mut self, _position: Position) -> Result<(), PrinterError> {
        Err(self.lacks("publicly known command to move a card"))
    }

    fn check(&self, job: &Job) -> Result<(), PrinterError> {
        if job.back.is_some() && !self.profile.duplex.value {
            return Err(self.lacks("duplex unit"));
        }
        let bad = |detail: String| Err(PrinterError::BadJob { detail });
        if job.copies == 0 {
            return bad("it asks for no copy at all".to_owned());
        }
        let most = usize::from(self.profile.overcoat_holes.value);
        let holes = |side: &Separation| side.overcoat_holes.len();
        let holes = job.front.iter().chain(&job.back).map(holes).max();
        match holes {
            Some(holes) if job.overcoat && holes > most => bad(format!(
                "a side has {holes} overcoat holes, profile `{}` allows {most}",
                self.profile.name
            )),
            _ => Ok(()),
        }
    }

    fn print(&mut self, job: &Job) -> Result<Printed, PrinterError> {
        let bytes = self.draw(job)?.encode();
        let write = self.profile.limits_ms.write.duration();
        if !self.asks() {
            self.send(&bytes, write)?;
            return Ok(Printed {
                card: CardPosition::Unknown,
            });
        }
        self.fine()?;
        let before = self.number(&self.profile.names.cards.value.clone())?;
        self.send(&bytes, write)?;
        let limit = self.profile.limits_ms.print.duration() * job.copies;
        self.wait(before.saturating_add(job.copies), limit)?;
        Ok(Printed {
            card: CardPosition::At(Position::Output),
        })
    }

    fn eject(&mut self) -> Result<(), PrinterError> {
        Err(self.lacks("publicly known command to move a card"))
    }

    fn reject(&mut self) -> Result<(), PrinterError> {
        Err(self.lacks("reject tray"))
    }

    fn counters(&mut self) -> Result<Counters, PrinterError> {
        if !self.asks() {
            return Err(self.lacks("counters that can be read"));
        }
        Ok(Counters {
            cards: Some(self.number(&self.profile.names.cards.value.clone())?),
            ..Counters::default()
        })
    }
}

impl<C> fmt::Debug for RioPro360<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RioPro360")
            .field("name", &self.name)
            .field("profile", &self.profile.name)
            .finish_non_exhaustive()
    }
}
