//! The driver: one card a job, followed to its end, given up rather than tried again.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ground::Ambient;
use ipp::prelude::{IppValue, Operation};
use plastic::Separation;

use super::http::Exchange;
use super::media;
use super::message::{ReplyError, Request, keyword, keywords, mime, name};
use super::page;
use super::profile::{Profile, Severity};
use super::raster::Colour;
use super::state::{JOB_ATTRIBUTES, JobPhase, JobState, Phase, QUEUE_ATTRIBUTES, QueueState};
use crate::{
    Capabilities, CardPosition, Fault, FaultKind, Film, Identity, Job, Position, Printed, Printer,
    PrinterError, Readiness, Status,
};

/// The one format jobs are sent in.
const FORMAT: &str = "image/pwg-raster";
/// Dots an inch of every face.
const RESOLUTION: [i32; 2] = [300, 300];

/// A print queue. It prints one card a job and can do nothing else.
pub struct Queue<E> {
    uri: String,
    exchange: E,
    profile: Profile,
    ambient: Arc<dyn Ambient>,
    /// What the queue said of itself when it was opened.
    opened: QueueState,
}

/// What a job looks like to this queue.
struct Plan {
    media: String,
    colour: Colour,
    sides: Option<String>,
    document: Vec<u8>,
}

impl<E: Exchange> Queue<E> {
    /// Asks the queue what it can do.
    ///
    /// # Errors
    ///
    /// [`PrinterError::Timeout`] and [`PrinterError::Connection`] when it does not answer,
    /// [`PrinterError::Gibberish`] when its answer is no IPP.
    pub fn open(
        mut exchange: E,
        profile: Profile,
        ambient: Arc<dyn Ambient>,
    ) -> Result<Self, PrinterError> {
        let uri = exchange.uri().to_owned();
        let opened = ask_state(&mut exchange, &uri, &profile)?;
        Ok(Self {
            uri,
            exchange,
            profile,
            ambient,
            opened,
        })
    }

    /// What the queue says of itself now.
    ///
    /// # Errors
    ///
    /// [`PrinterError`].
    pub fn state(&mut self) -> Result<QueueState, PrinterError> {
        ask_state(&mut self.exchange, &self.uri, &self.profile)
    }

    /// What the queue says of a job now.
    ///
    /// # Errors
    ///
    /// [`PrinterError`].
    pub fn job(&mut self, id: i32) -> Result<JobState, PrinterError> {
        let mut request = self.about_job(Operation::GetJobAttributes, id);
        request.operation("requested-attributes", keywords(JOB_ATTRIBUTES));
        let reply = self.send(&request, &[], "tell how the job stands")?;
        JobState::parse(&reply).map_err(|error| of_reply(&self.uri, error))
    }

    /// The raster document of a job as this queue takes it, without sending it.
    ///
    /// # Errors
    ///
    /// [`PrinterError::Lacks`] and [`PrinterError::BadJob`] as [`Printer::print`].
    pub fn draw(&self, job: &Job) -> Result<Vec<u8>, PrinterError> {
        Ok(self.plan(job, &self.opened)?.document)
    }

    /// Refuses a job this queue cannot do, and draws any other.
    fn plan(&self, job: &Job, state: &QueueState) -> Result<Plan, PrinterError> {
        let bad = |detail: String| Err(PrinterError::BadJob { detail });
        let sides: Vec<&Separation> = job.front.iter().chain(&job.back).collect();
        if !state.formats.iter().any(|format| format == FORMAT) {
            return Err(self.lacks("way to take rasters (`image/pwg-raster`)"));
        }
        if !state.resolutions.is_empty() && !state.resolutions.contains(&RESOLUTION) {
            return Err(self.lacks("raster of 300 dpi"));
        }
        if job.overcoat {
            return Err(self.lacks("overcoat that can be asked for"));
        }
        if job.copies != 1 {
            return bad(format!(
                "it asks for {} cards; a queue is given one card a job, so that each is accounted for",
                job.copies
            ));
        }
        let Some(front) = &job.front else {
            return bad("it has no front; a queue prints the front, or front and back".to_owned());
        };
        let two_sided = &self.profile.two_sided.value;
        if job.back.is_some() && !state.sides.contains(two_sided) {
            return Err(self.lacks("two-sided printing of cards"));
        }
        let has_dye = sides
            .iter()
            .any(|side| side.colour.bytes().iter().any(|channel| *channel != 255));
        if has_dye && !prints_colour(state) {
            return Err(self.lacks("colour"));
        }
        let card = &self.profile.media.value;
        let tolerance = self.profile.media_tolerance.value;
        let Some(media) = media::choose(card, &state.media, tolerance) else {
            return Err(self.lacks("media of the size of a card"));
        };
        let taken = raster_types(state);
        let wanted: &[Colour] = if has_dye {
            &[Colour::Srgb8]
        } else {
            // What is black alone stays so in every kind; the smallest goes first.
            &[
                Colour::Black1,
                Colour::Black8,
                Colour::Sgray8,
                Colour::Srgb8,
            ]
        };
        let Some(colour) = wanted.iter().find(|colour| taken.contains(colour)) else {
            return Err(self.lacks("kind of raster this program writes"));
        };
        let tumble = two_sided == "two-sided-short-edge";
        let back = job.back.as_ref();
        let document = page::draw(front, back, *colour, &media, state.sheet_back, tumble);
        let Some(document) = document else {
            return bad(format!(
                "a side has not {} x {} dots",
                plastic::WIDTH,
                plastic::HEIGHT
            ));
        };
        let sides = back.map_or("one-sided", |_| two_sided);
        Ok(Plan {
            media,
            colour: *colour,
            sides: state.sides.iter().find(|known| *known == sides).cloned(),
            document: document.encode(),
        })
    }

    /// Refuses to send anything while the queue reports a fault, or would print a failed job again.
    fn ready(&self, state: &QueueState) -> Result<(), PrinterError> {
        let policy = &self.profile.error_policy.value;
        if let Some(other) = state.error_policy.as_ref().filter(|named| *named != policy) {
            return Err(PrinterError::BadJob {
                detail: format!(
                    "queue `{}` treats failed jobs by `{other}`, which can print a second card \
                     nobody asked for; set it to `{policy}` (lpadmin -p QUEUE -o \
                     printer-error-policy={policy})",
                    self.uri
                ),
            });
        }
        match self.readiness(state) {
            Readiness::Faulted(fault) => Err(self.faulted(fault)),
            _ => Ok(()),
        }
    }

    /// Sends the job, once. Returns its number.
    fn submit(&mut self, plan: &Plan, state: &QueueState) -> Result<i32, PrinterError> {
        let mut number = [0; 8];
        self.ambient.fill_random(&mut number);
        let job_name = format!("{}-{}", self.profile.job_name.value, hex::encode(number));
        let user = &self.profile.user.value;
        let mut request = Request::new(Operation::PrintJob, &self.uri, user);
        request.operation("job-name", name(&job_name));
        let fidelity = IppValue::Boolean(self.profile.fidelity.value);
        request.operation("ipp-attribute-fidelity", fidelity);
        request.operation("document-format", mime(FORMAT));
        let action = &self.profile.job_error_action.value;
        if state.job_error_actions.contains(action) {
            request.operation("job-error-action", keyword(action));
        }
        if state.copies {
            request.job("copies", IppValue::Integer(1));
        }
        request.job("media", keyword(&plan.media));
        if let Some(sides) = &plan.sides {
            request.job("sides", keyword(sides));
        }
        let mode = if plan.colour == Colour::Srgb8 {
            "color"
        } else {
            "monochrome"
        };
        if state.colour_modes.iter().any(|known| known == mode) {
            request.job("print-color-mode", keyword(mode));
        }
        let reply = match self.send(&request, &plan.document, "take the job") {
            Ok(reply) => reply,
            Err(error) => {
                // It may have arrived all the same, and must not be printed behind our back.
                return Err(match self.withdraw(&job_name) {
                    Ok(()) => error,
                    Err(why) => self.may_still_print(&format!("job `{job_name}`"), error, &why),
                });
            }
        };
        match JobState::parse(&reply) {
            Ok(job) => Ok(job.id),
            Err(error @ ReplyError::Refused { .. }) => Err(self.refused(error)),
            Err(error) => {
                let error = of_reply(&self.uri, error);
                Err(match self.withdraw(&job_name) {
                    Ok(()) => error,
                    Err(why) => self.may_still_print(&format!("job `{job_name}`"), error, &why),
                })
            }
        }
    }

    /// Waits for the end of a job. A job that stands still is given up: it would be printed when
    /// somebody has dealt with the cause, and nobody would know of the card.
    fn follow(&mut self, id: i32) -> Result<Printed, PrinterError> {
        let limit = self.profile.limits_ms.print.duration();
        let start = self.ambient.elapsed();
        loop {
            match self.job(id) {
                Ok(job) if job.phase == JobPhase::Completed => return Ok(self.printed()),
                Ok(job) if job.phase.is_over() => {
                    let state = self.state()?;
                    return Err(self.faulted(self.fault_of(&job, &state)));
                }
                Ok(job) => {
                    let state = self.state()?;
                    let stands = matches!(job.phase, JobPhase::Held | JobPhase::Stopped)
                        || state.phase == Phase::Stopped;
                    if stands {
                        let error = self.faulted(self.fault_of(&job, &state));
                        return self.give_up(id, error);
                    }
                }
                // Asking again is harmless, and the queue may be back in time.
                Err(PrinterError::Timeout { .. } | PrinterError::Connection { .. }) => {}
                Err(other) => return self.give_up(id, other),
            }
            if self.ambient.elapsed().saturating_sub(start) >= limit {
                let error = self.timeout("print the card", limit);
                return self.give_up(id, error);
            }
            self.ambient.sleep(self.profile.limits_ms.poll.duration());
        }
    }

    /// Cancels a job that ends with `error`, and waits until it is over. It may have been printed
    /// all the same meanwhile, which is then the outcome.
    fn give_up(&mut self, id: i32, error: PrinterError) -> Result<Printed, PrinterError> {
        match self.cancel(id) {
            Ok(JobPhase::Completed) => Ok(self.printed()),
            Ok(_) => Err(error),
            Err(why) => Err(self.may_still_print(&format!("job {id}"), error, &why)),
        }
    }

    /// Cancels a job and returns how it ended.
    fn cancel(&mut self, id: i32) -> Result<JobPhase, PrinterError> {
        let request = self.about_job(Operation::CancelJob, id);
        // A refusal is that of a job which is over already: the state tells.
        self.send(&request, &[], "cancel the job")?;
        let limit = self.profile.limits_ms.motion.duration();
        let start = self.ambient.elapsed();
        loop {
            let phase = self.job(id)?.phase;
            if phase.is_over() {
                return Ok(phase);
            }
            if self.ambient.elapsed().saturating_sub(start) >= limit {
                return Err(self.timeout("end the cancelled job", limit));
            }
            self.ambient.sleep(self.profile.limits_ms.poll.duration());
        }
    }

    /// Cancels a job whose number was never told, if the queue has it.
    fn withdraw(&mut self, job_name: &str) -> Result<(), PrinterError> {
        let mut request = Request::new(Operation::GetJobs, &self.uri, &self.profile.user.value);
        request.operation("requested-attributes", keywords(JOB_ATTRIBUTES));
        let reply = self.send(&request, &[], "list its jobs")?;
        let jobs = JobState::parse_all(&reply).map_err(|error| of_reply(&self.uri, error))?;
        for job in jobs {
            if job.name.as_deref() == Some(job_name) {
                self.cancel(job.id)?;
            }
        }
        Ok(())
    }

    fn about_job(&self, operation: Operation, id: i32) -> Request {
        Request::about_job(operation, &self.uri, &self.profile.user.value, id)
    }

    fn send(
        &mut self,
        request: &Request,
        document: &[u8],
        what: &'static str,
    ) -> Result<Vec<u8>, PrinterError> {
        let limits = &self.profile.limits_ms;
        let within = if document.is_empty() {
            &limits.reply
        } else {
            &limits.write
        };
        let within = within.duration();
        send(
            &mut self.exchange,
            &self.uri,
            request,
            document,
            within,
            what,
        )
    }

    fn printed(&self) -> Printed {
        Printed {
            card: if self.profile.completed_in_tray.value {
                CardPosition::At(Position::Output)
            } else {
                CardPosition::Unknown
            },
        }
    }

    fn readiness(&self, state: &QueueState) -> Readiness {
        let stopped = state.phase == Phase::Stopped;
        if let Some(fault) = self.faults(&state.reasons, stopped, Severity::Stops).next() {
            return Readiness::Faulted(fault.with_text(state.message.clone()));
        }
        let fault = |kind, code: &str| {
            Readiness::Faulted(Fault::new(kind, code).with_text(state.message.clone()))
        };
        match state.phase {
            Phase::Stopped => fault(FaultKind::Unknown, "stopped"),
            _ if !state.accepting => fault(FaultKind::Locked, "not-accepting-jobs"),
            Phase::Processing => Readiness::Busy,
            Phase::Idle => Readiness::Ready,
        }
    }

    fn faults<'a>(
        &'a self,
        reasons: &'a [String],
        stopped: bool,
        wanted: Severity,
    ) -> impl Iterator<Item = Fault> + 'a {
        reasons.iter().filter_map(move |reason| {
            let (kind, severity) = self.profile.reason(reason, stopped);
            (severity == wanted).then(|| Fault::new(kind, reason))
        })
    }

    /// What has stopped a job: the printer's reason where it names one, else the job's.
    fn fault_of(&self, job: &JobState, state: &QueueState) -> Fault {
        let stopped = state.phase == Phase::Stopped;
        let printers = self.faults(&state.reasons, stopped, Severity::Stops);
        let jobs = self.faults(&job.reasons, true, Severity::Stops);
        let all: Vec<Fault> = printers.chain(jobs).collect();
        // One that is understood says more than one that is not.
        let known = all.iter().find(|fault| fault.kind != FaultKind::Unknown);
        let fault = known.or(all.first()).cloned().unwrap_or_else(|| {
            let code = match job.phase {
                JobPhase::Cancelled => "job-canceled",
                JobPhase::Held => "job-held",
                JobPhase::Stopped => "job-stopped",
                _ => "job-aborted",
            };
            Fault::new(FaultKind::Unknown, code)
        });
        fault.with_text(job.message.clone().or_else(|| state.message.clone()))
    }

    fn faulted(&self, fault: Fault) -> PrinterError {
        PrinterError::Faulted {
            printer: self.uri.clone(),
            fault,
        }
    }

    /// What a refused job says: nothing has been printed.
    fn refused(&self, error: ReplyError) -> PrinterError {
        let ReplyError::Refused { code, .. } = error else {
            return of_reply(&self.uri, error);
        };
        match code {
            // Not accepting jobs, busy, temporary.
            0x0505..=0x0507 => {
                let fault = Fault::new(FaultKind::Locked, format!("{code:04X}"));
                self.faulted(fault.with_text(Some(error.to_string())))
            }
            0x0400..=0x04FF => PrinterError::BadJob {
                detail: error.to_string(),
            },
            _ => {
                let fault = Fault::new(FaultKind::Unknown, format!("{code:04X}"));
                self.faulted(fault.with_text(Some(error.to_string())))
            }
        }
    }

    /// The job could not be taken back: that matters more than why it failed.
    fn may_still_print(&self, job: &str, error: PrinterError, why: &PrinterError) -> PrinterError {
        let words = format!(
            "{error}; {job} could not be cancelled ({why}) and may still be printed: cancel it at \
             the queue"
        );
        let fault = match error {
            PrinterError::Faulted { fault, .. } => fault,
            _ => Fault::new(FaultKind::Unknown, "job-not-canceled"),
        };
        self.faulted(
            fault
                .with_card(CardPosition::Unknown)
                .with_text(Some(words)),
        )
    }

    fn timeout(&self, what: &'static str, limit: Duration) -> PrinterError {
        PrinterError::Timeout {
            printer: self.uri.clone(),
            what,
            seconds: limit.as_secs(),
        }
    }
}

impl<E: Exchange> Printer for Queue<E> {
    fn name(&self) -> &str {
        &self.uri
    }

    /// Printing, colour and both sides at most. Resin black cannot be asked for: black dots are
    /// sent as the darkest colour, and what prints them is the queue's choice.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            prints: true,
            colour: prints_colour(&self.opened),
            duplex: self.opened.sides.contains(&self.profile.two_sided.value),
            ..Capabilities::default()
        }
    }

    fn identify(&mut self) -> Result<Identity, PrinterError> {
        let state = self.state()?;
        let unsaid = || "unknown".to_owned();
        Ok(Identity {
            model: state.model.unwrap_or_else(unsaid),
            serial: state.serial.unwrap_or_else(unsaid),
            firmware: state.firmware.unwrap_or_else(unsaid),
        })
    }

    fn status(&mut self) -> Result<Status, PrinterError> {
        let state = self.state()?;
        let stopped = state.phase == Phase::Stopped;
        let mut warnings: Vec<Fault> = self
            .faults(&state.reasons, stopped, Severity::Warns)
            .collect();
        let levels = state.marker_levels.iter().zip(&state.marker_low_levels);
        for (marker, (level, low)) in state.markers.iter().zip(levels) {
            if (0..=*low).contains(level) {
                let text = format!("{marker} is at {level} percent");
                warnings
                    .push(Fault::new(FaultKind::FilmLow, "marker-levels").with_text(Some(text)));
            }
        }
        Ok(Status {
            readiness: self.readiness(&state),
            card: CardPosition::Unknown,
            film: (!state.markers.is_empty()).then(|| Film {
                name: state.markers.join(", "),
                // Levels are in percent, not in sides.
                remaining: None,
            }),
            warnings,
        })
    }

    fn feed(&mut self, _position: Position) -> Result<(), PrinterError> {
        Err(self.lacks("way to move a card"))
    }

    fn check(&self, job: &Job) -> Result<(), PrinterError> {
        self.plan(job, &self.opened).map(drop)
    }

    fn print(&mut self, job: &Job) -> Result<Printed, PrinterError> {
        let state = self.state()?;
        let plan = self.plan(job, &state)?;
        self.ready(&state)?;
        let id = self.submit(&plan, &state)?;
        self.follow(id)
    }

    fn eject(&mut self) -> Result<(), PrinterError> {
        Err(self.lacks("way to move a card"))
    }

    fn reject(&mut self) -> Result<(), PrinterError> {
        Err(self.lacks("reject tray"))
    }
}

fn ask_state<E: Exchange>(
    exchange: &mut E,
    uri: &str,
    profile: &Profile,
) -> Result<QueueState, PrinterError> {
    let operation = Operation::GetPrinterAttributes;
    let mut request = Request::new(operation, uri, &profile.user.value);
    request.operation("requested-attributes", keywords(QUEUE_ATTRIBUTES));
    let within = profile.limits_ms.reply.duration();
    let reply = send(exchange, uri, &request, &[], within, "tell what it can do")?;
    QueueState::parse(&reply).map_err(|error| of_reply(uri, error))
}

fn send<E: Exchange>(
    exchange: &mut E,
    uri: &str,
    request: &Request,
    document: &[u8],
    within: Duration,
    what: &'static str,
) -> Result<Vec<u8>, PrinterError> {
    exchange
        .exchange(request.to_bytes(), document, within)
        .map_err(|source| match source.kind() {
            io::ErrorKind::TimedOut => PrinterError::Timeout {
                printer: uri.to_owned(),
                what,
                seconds: within.as_secs(),
            },
            _ => PrinterError::Connection {
                printer: uri.to_owned(),
                source,
            },
        })
}

fn of_reply(uri: &str, error: ReplyError) -> PrinterError {
    PrinterError::Gibberish {
        printer: uri.to_owned(),
        detail: error.to_string(),
    }
}

/// A queue that lists none takes what the standard demands of every one.
fn raster_types(state: &QueueState) -> &[Colour] {
    if state.raster_types.is_empty() {
        &[Colour::Sgray8, Colour::Srgb8]
    } else {
        &state.raster_types
    }
}

fn prints_colour(state: &QueueState) -> bool {
    state.colour && raster_types(state).contains(&Colour::Srgb8)
}

#[cfg(test)]
mod tests;
