use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use ground::{Ambient, System};
use iso7816::transcript::Header;
use iso7816::{Channel, Disposition, Link, Traced, TranscriptWriter};
use piv::Severity;
use piv::words::Edition;
use series::{InspectOptions, Inspection, Profiles, inspect};

use crate::devices;
use crate::output::{BAD, Ending, Failure, GOOD, HEADING, Output, WARNING};
use crate::selector::{FORMS, Selector};

/// Look at a card: what it is, what it holds, where it departs from the standard
///
/// Nothing is written, no passcode is asked for and no try is spent: how many tries are left is
/// read with a VERIFY that carries no passcode.
#[derive(Args, Debug)]
#[command(after_help = format!("Examples:
  cardwright inspect --reader sim:series10
  cardwright inspect --reader \"pcsc:Virtual PCD 00 00\" --transcript card.jsonl
  cardwright --json inspect --reader replay:card.jsonl

Readers: {FORMS}

Exit codes: 0 nothing to complain about, 1 the card breaks a rule, 2 no such reader or card,
            3 the card or the reader failed"))]
pub(crate) struct Inspect {
    /// Where the card is; the only PC/SC reader there is if left out
    #[arg(long, value_name = "READER", default_value = "pcsc:")]
    reader: Selector,

    /// Judge the card by this series (such as `10` or `generic-piv`) whatever it seems to be
    #[arg(long, value_name = "SERIES")]
    profile: Option<String>,

    /// Judge the card by this edition of SP 800-73, 73-4 or 73-5, whatever the series says
    #[arg(long, value_name = "EDITION", value_parser = edition)]
    edition: Option<Edition>,

    /// Record every exchange in this file, secrets left out
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,

    /// Seconds to wait for a card
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    wait: u64,
}

impl Inspect {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        let ambient = System::shared();
        let link = devices::connect(&self.reader, Duration::from_secs(self.wait), &ambient)?;
        let inspection = match &self.transcript {
            Some(path) => self.inspect_recorded(link, path, &ambient)?,
            None => self.inspect(link, &ambient)?,
        };
        if output.is_json() {
            output.document(&inspection)?;
        } else {
            output.line(&coloured(&inspection.to_text()))?;
        }
        let broken = inspection
            .findings
            .iter()
            .any(|found| found.finding.severity == Severity::Violation);
        Ok(if broken {
            Ending::Findings
        } else {
            Ending::Done
        })
    }

    fn inspect(
        &self,
        link: Box<dyn Link>,
        ambient: &Arc<dyn Ambient>,
    ) -> Result<Inspection, Failure> {
        let options = InspectOptions {
            profile: self.profile.clone(),
            edition: self.edition,
            ..InspectOptions::default()
        };
        let (inspection, channel) = inspect(
            Channel::new(link),
            &Profiles::builtin(),
            &options,
            ambient.now(),
        )?;
        channel.disconnect(Disposition::Reset)?;
        Ok(inspection)
    }

    fn inspect_recorded(
        &self,
        link: Box<dyn Link>,
        path: &Path,
        ambient: &Arc<dyn Ambient>,
    ) -> Result<Inspection, Failure> {
        let shown = path.display();
        let unwritable = |error: &dyn std::fmt::Display| {
            Failure::store(format!("failed to write transcript `{shown}`: {error}"))
        };
        let file = File::create(path).map_err(|error| unwritable(&error))?;
        let tool = concat!("cardwright ", env!("CARGO_PKG_VERSION"));
        let header = Header::new(tool, ambient.now(), &*link);
        let writer =
            TranscriptWriter::new(Box::new(BufWriter::new(file)), &header, Arc::clone(ambient));
        let traced = Traced::new(link, Arc::clone(ambient), writer.clone());
        let inspection = self.inspect(Box::new(traced), ambient);
        let written = writer.finish();
        let inspection = inspection?;
        written.map_err(|error| unwritable(&error))?;
        Ok(inspection)
    }
}

pub(super) fn edition(name: &str) -> Result<Edition, String> {
    Edition::from_name(name).ok_or_else(|| {
        let known = Edition::ALL.map(Edition::name).join(" or ");
        format!("no such edition, it is {known}")
    })
}

/// Headings bold, verdicts in colour. The terminal layer takes both away where there is none.
fn coloured(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let style = match line {
            line if !line.starts_with(' ') && !line.is_empty() => Some(HEADING),
            line if line.contains("violation") => Some(BAD),
            line if line.contains("warning") => Some(WARNING),
            line if line.contains("signature verifies") => Some(GOOD),
            _ => None,
        };
        lines.push(match style {
            Some(style) => format!("{style}{line}{style:#}"),
            None => line.to_owned(),
        });
    }
    lines.join("\n")
}
