use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use face::{FaceData, Photo};
use ground::System;
use plastic::Raster;
use printers::Job;
use readers::CardState;
use serde_json::json;
use stations::{Devices, Ends, Finding, Leg, StationFile, Walk, WalkReport};

use crate::faces;
use crate::output::{BAD, Ending, FAINT, Failure, GOOD, HEADING, Output, WARNING};

/// Check a print station
#[derive(Args, Debug)]
pub(crate) struct Station {
    #[command(subcommand)]
    command: StationCommand,
}

#[derive(Debug, Subcommand)]
enum StationCommand {
    Check(Check),
}

/// Walk one card through every position of a station and say how long each leg took
///
/// The card is fed to the contacts, has to appear in the encoder and in no other reader, is asked
/// who it is, and goes on to every position the printer has. Nothing is written to the chip and no
/// passcode is tried. Without --print the card comes out as blank as it went in.
///
/// The first thing that is wrong ends the walk; the card is then put out if the printer still moves
/// it. Exit code 0 if all is well, 1 if not.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright station check examples/station-pcsc.toml
  cardwright station check desk-3.toml --print       print a test face as well: spoils the card
  cardwright --json station check desk-3.toml --reject

The station file is checked first; every mistake in it is told with its line. With --file-only
nothing else is done.")]
struct Check {
    /// The station file
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Print a test face on the card
    #[arg(long)]
    print: bool,

    /// End in the reject tray instead of the output tray
    #[arg(long, conflicts_with = "print")]
    reject: bool,

    /// Check the file and touch no device
    #[arg(long, conflicts_with_all = ["print", "reject"])]
    file_only: bool,
}

impl Station {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        match &self.command {
            StationCommand::Check(check) => check.run(output),
        }
    }
}

impl Check {
    fn run(&self, output: Output) -> Result<Ending, Failure> {
        let station = StationFile::read(&self.file)?;
        let job = self.job(&station)?;
        if self.file_only {
            return self.file_is_fine(&station, output);
        }
        let ambient = System::shared();
        let Devices {
            mut printer,
            mut encoder,
        } = station.open(&ambient)?;
        if self.reject && !printer.capabilities().reject_tray {
            return Err(Failure::mistake(format!(
                "printer `{}` has no reject tray the card could end in",
                printer.name()
            )));
        }
        let readers = readers::Service::new();
        // Readers are looked at to help; a service that does not run is no fault of a station
        // whose encoder is on a serial port.
        let mut elsewhere = || {
            let list = readers.list().unwrap_or_default();
            list.into_iter()
                .filter(|reader| !matches!(reader.card, CardState::Empty))
                .map(|reader| reader.name)
                .collect()
        };
        let mut unwritten = None;
        let mut observer = |leg: &Leg| {
            if !output.is_json()
                && let Err(failure) = output.line(&line(leg))
            {
                unwritten = Some(failure);
            }
        };
        let report = Walk {
            printer: &mut *printer,
            encoder: &mut *encoder,
            card_within: station.encoder.card_within,
            job,
            ends: if self.reject {
                Ends::Reject
            } else {
                Ends::Output
            },
            elsewhere: &mut elsewhere,
            observer: &mut observer,
            ambient: Arc::clone(&ambient),
        }
        .run();
        if let Some(failure) = unwritten {
            return Err(failure);
        }
        self.tell(&station, &report, output)?;
        Ok(if report.is_fine() {
            Ending::Done
        } else {
            Ending::Findings
        })
    }

    /// The test face, drawn before anything moves.
    fn job(&self, station: &StationFile) -> Result<Option<Job>, Failure> {
        let template = faces::template(station.template.as_deref())?;
        let renderer = faces::renderer(station.icc.as_deref())?;
        faces::limits(station.photo_limits.as_deref())?;
        if !self.print {
            return Ok(None);
        }
        let person = FaceData {
            name: "Station Check".to_owned(),
            uuid: "000000000000".to_owned(),
            organisation: station.name.clone(),
            photo: Some(Photo::from_bytes(&test_photo()?)?),
            ..FaceData::default()
        };
        let rendered = renderer.render(&template, &person)?;
        Ok(Some(Job {
            front: Some(rendered.separation),
            ..Job::default()
        }))
    }

    fn file_is_fine(&self, station: &StationFile, output: Output) -> Result<Ending, Failure> {
        let shown = self.file.display().to_string();
        if output.is_json() {
            output.document(&json!({ "file": shown, "station": station.name, "fine": true }))?;
        } else {
            output.line(&format!(
                "{shown}: {GOOD}fine{GOOD:#}, station `{}`",
                station.name
            ))?;
        }
        Ok(Ending::Done)
    }

    fn tell(
        &self,
        station: &StationFile,
        report: &WalkReport,
        output: Output,
    ) -> Result<(), Failure> {
        if output.is_json() {
            return output.document(&json!({
                "file": self.file.display().to_string(),
                "station": station.name,
                "fine": report.is_fine(),
                "card": report.card,
                "whereabouts": report.whereabouts,
                "legs": report.legs,
            }));
        }
        let card = match &report.card {
            Some(number) => format!("card {number}"),
            None => "the card".to_owned(),
        };
        output.line(&format!(
            "{HEADING}{card}{HEADING:#}: {}",
            report.whereabouts
        ))
    }
}

/// In place of a photo: a ramp of each colour and of grey, which shows what the film does.
fn test_photo() -> Result<Vec<u8>, Failure> {
    const WIDTH: u32 = 320;
    const BAND: u32 = 100;
    let mut picture = Raster::white(WIDTH, 4 * BAND);
    for y in 0..picture.height() {
        for x in 0..WIDTH {
            let light = u8::try_from(x * 255 / (WIDTH - 1)).unwrap_or(u8::MAX);
            let colour = match y / BAND {
                0 => [light, 255, 255],
                1 => [255, light, 255],
                2 => [255, 255, light],
                _ => [light; 3],
            };
            picture.set(x, y, colour);
        }
    }
    picture
        .to_png()
        .map_err(|error| Failure::store(format!("failed to draw the test face: {error}")))
}

/// A leg as a line of text, with what to do next on a line of its own.
fn line(leg: &Leg) -> String {
    let time = match leg.finding {
        Finding::Skipped { .. } => "-".to_owned(),
        _ => format!("{:.2} s", leg.took.as_secs_f64()),
    };
    let (style, word, text) = match &leg.finding {
        Finding::Fine { found } => (GOOD, "ok", found),
        Finding::Warning { found } => (WARNING, "look", found),
        Finding::Skipped { why } => (FAINT, "skipped", why),
        Finding::Wrong { found, .. } => (BAD, "WRONG", found),
    };
    let mut line = format!(
        "{style}{word:<8}{style:#}{what:<28} {time:>9}  {text}",
        what = leg.what
    )
    .trim_end()
    .to_owned();
    if let Finding::Wrong {
        next: Some(next), ..
    } = &leg.finding
    {
        line.push_str(&format!("\n{WARNING}next{WARNING:#}:  {next}"));
    }
    line
}
