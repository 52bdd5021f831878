//! What a queue says of itself and of a job (RFC 8011 sections 5.3 and 5.4), as far as it matters
//! for a card.

use ipp::prelude::DelimiterTag;

use super::message::{Reply, ReplyError};
use super::page::SheetBack;
use super::raster::Colour;

/// What of a queue is asked for.
pub(super) const QUEUE_ATTRIBUTES: &[&str] = &[
    "color-supported",
    "copies-supported",
    "document-format-supported",
    "job-error-action-supported",
    "marker-levels",
    "marker-low-levels",
    "marker-names",
    "media-supported",
    "operations-supported",
    "print-color-mode-supported",
    "printer-error-policy",
    "printer-firmware-string-version",
    "printer-is-accepting-jobs",
    "printer-make-and-model",
    "printer-serial-number",
    "printer-state",
    "printer-state-message",
    "printer-state-reasons",
    "pwg-raster-document-resolution-supported",
    "pwg-raster-document-sheet-back",
    "pwg-raster-document-type-supported",
    "sides-supported",
];

/// What of a job is asked for.
pub(super) const JOB_ATTRIBUTES: &[&str] = &[
    "job-id",
    "job-name",
    "job-state",
    "job-state-message",
    "job-state-reasons",
];

/// A queue at one moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct QueueState {
    /// Idle, printing or standing still.
    pub phase: Phase,
    /// `printer-state-reasons` as they are, without `none`.
    pub reasons: Vec<String>,
    /// What the queue says in words.
    pub message: Option<String>,
    /// Whether it takes jobs.
    pub accepting: bool,
    /// Document formats it takes.
    pub formats: Vec<String>,
    /// Media by name.
    pub media: Vec<String>,
    /// Ways of printing on two sides.
    pub sides: Vec<String>,
    /// Whether it prints in colour.
    pub colour: bool,
    /// `print-color-mode-supported`.
    pub colour_modes: Vec<String>,
    /// Whether it can be told how many copies to print.
    pub copies: bool,
    /// Kinds of raster it takes; those this program can write.
    pub raster_types: Vec<Colour>,
    /// Resolutions of rasters in dots an inch, across and along.
    pub resolutions: Vec<[i32; 2]>,
    /// How the back of a sheet is to be drawn.
    pub sheet_back: SheetBack,
    /// What becomes of a job that fails; `None` if the queue names no policy.
    pub error_policy: Option<String>,
    /// What it can be asked to do with a job that fails.
    pub job_error_actions: Vec<String>,
    /// Maker and model.
    pub model: Option<String>,
    /// Serial number of the printer.
    pub serial: Option<String>,
    /// Firmware of the printer.
    pub firmware: Option<String>,
    /// Names of what is used up.
    pub markers: Vec<String>,
    /// How full each is in percent; negative if not known.
    pub marker_levels: Vec<i32>,
    /// At how many percent each counts as low.
    pub marker_low_levels: Vec<i32>,
}

/// `printer-state`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// 3: takes the next job at once.
    Idle,
    /// 4: prints one.
    Processing,
    /// 5: stands still until somebody deals with the cause.
    Stopped,
}

impl QueueState {
    /// Reads the reply to Get-Printer-Attributes.
    ///
    /// # Errors
    ///
    /// [`ReplyError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ReplyError> {
        let reply = Reply::parse(bytes)?.successful()?;
        let said = reply.first(DelimiterTag::PrinterAttributes);
        let missing = |attribute| ReplyError::Missing { attribute };
        let phase = match said.integer("printer-state") {
            Some(3) => Phase::Idle,
            Some(4) => Phase::Processing,
            Some(5) => Phase::Stopped,
            _ => return Err(missing("printer-state")),
        };
        let types = said.texts("pwg-raster-document-type-supported");
        let colours: Vec<Colour> = types
            .iter()
            .filter_map(|name| Colour::from_name(name))
            .collect();
        let sheet_back = said.text("pwg-raster-document-sheet-back");
        Ok(Self {
            phase,
            reasons: reasons(said.texts("printer-state-reasons")),
            message: said.text("printer-state-message"),
            accepting: said
                .boolean("printer-is-accepting-jobs")
                .ok_or(missing("printer-is-accepting-jobs"))?,
            formats: said.texts("document-format-supported"),
            media: said.texts("media-supported"),
            sides: said.texts("sides-supported"),
            colour: said.boolean("color-supported").unwrap_or(false),
            colour_modes: said.texts("print-color-mode-supported"),
            copies: said.has("copies-supported"),
            raster_types: colours,
            resolutions: said.resolutions("pwg-raster-document-resolution-supported"),
            sheet_back: sheet_back
                .and_then(|name| SheetBack::from_name(&name))
                .unwrap_or_default(),
            error_policy: said.text("printer-error-policy"),
            job_error_actions: said.texts("job-error-action-supported"),
            model: said.text("printer-make-and-model"),
            serial: said.text("printer-serial-number"),
            firmware: said.text("printer-firmware-string-version"),
            markers: said.texts("marker-names"),
            marker_levels: said.integers("marker-levels"),
            marker_low_levels: said.integers("marker-low-levels"),
        })
    }
}

/// A job at one moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JobState {
    /// Its number in the queue.
    pub id: i32,
    /// What it is called, where that was asked for.
    pub name: Option<String>,
    /// How far it is.
    pub phase: JobPhase,
    /// `job-state-reasons` as they are, without `none`.
    pub reasons: Vec<String>,
    /// What the queue says in words.
    pub message: Option<String>,
}

/// `job-state`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JobPhase {
    /// 3: waits for its turn.
    Pending,
    /// 4: waits until somebody releases it.
    Held,
    /// 5: is printed.
    Processing,
    /// 6: was being printed; the printer has stopped.
    Stopped,
    /// 7: somebody has cancelled it.
    Cancelled,
    /// 8: the queue has given it up.
    Aborted,
    /// 9: is printed.
    Completed,
}

impl JobState {
    /// Reads the reply to Print-Job or Get-Job-Attributes.
    ///
    /// # Errors
    ///
    /// [`ReplyError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ReplyError> {
        let jobs = Self::parse_all(bytes)?;
        let first = jobs.into_iter().next();
        first.ok_or(ReplyError::Missing {
            attribute: "job-id",
        })
    }

    /// Reads the reply to Get-Jobs.
    ///
    /// # Errors
    ///
    /// [`ReplyError`].
    pub fn parse_all(bytes: &[u8]) -> Result<Vec<Self>, ReplyError> {
        let reply = Reply::parse(bytes)?.successful()?;
        let jobs = reply.all(DelimiterTag::JobAttributes);
        jobs.map(|said| {
            let missing = |attribute| ReplyError::Missing { attribute };
            let state = said.integer("job-state");
            Ok(Self {
                id: said.integer("job-id").ok_or(missing("job-id"))?,
                name: said.text("job-name"),
                phase: state.and_then(JobPhase::of).ok_or(missing("job-state"))?,
                reasons: reasons(said.texts("job-state-reasons")),
                message: said.text("job-state-message"),
            })
        })
        .collect()
    }
}

impl JobPhase {
    /// Whether nothing more will happen to the job.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Cancelled | Self::Aborted | Self::Completed)
    }

    const fn of(state: i32) -> Option<Self> {
        match state {
            3 => Some(Self::Pending),
            4 => Some(Self::Held),
            5 => Some(Self::Processing),
            6 => Some(Self::Stopped),
            7 => Some(Self::Cancelled),
            8 => Some(Self::Aborted),
            9 => Some(Self::Completed),
            _ => None,
        }
    }
}

fn reasons(mut reasons: Vec<String>) -> Vec<String> {
    reasons.retain(|reason| reason != "none");
    reasons
}
