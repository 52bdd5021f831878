use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use clap::Args;
use face::{FaceError, Photo, PhotoHint, PhotoLimits, Rendered};
use ground::{Ambient, Blamed, System};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use issuance::request::{Request, Survey};
use serde::Serialize;

use crate::faces;
use crate::output::{BAD, Ending, FAINT, Failure, Output, WARNING, chain};

/// Render the face of every request of a file, each into a PNG named after its reference
///
/// A request that cannot be rendered is reported and the others go on. Nothing is printed and no
/// journal is written.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright print batch --requests examples/requests.csv -o faces
  cardwright --json print batch --requests people.csv -o faces --jobs 2 > summary.json

Exit codes: 0 every request has its face, 1 some have not, 2 arguments or files, 4 a face cannot be written")]
pub(super) struct Batch {
    /// The request file
    #[arg(long, value_name = "CSV")]
    requests: PathBuf,

    /// Folder for the pictures; made if it is not there, pictures in it are replaced
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,

    /// SVG template; the built-in one if left out
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,

    /// ICC profile (RGB) of the printer; the pictures have the colours as they would be sent
    #[arg(long, value_name = "FILE")]
    icc: Option<PathBuf>,

    /// Thresholds for hints about photos in place of the built-in ones
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,

    /// How many threads; as many as there are processors if left out
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// What became of the requests.
#[derive(Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Summary {
    rendered: Vec<Face>,
    failed: Vec<Failed>,
    /// From the first request to the last, without reading the file.
    seconds: f64,
    faces_per_second: f64,
    threads: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Face {
    row: u64,
    request: String,
    picture: String,
    warnings: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Failed {
    row: u64,
    /// `None` where the row itself cannot be read.
    request: Option<String>,
    error: String,
    hint: Option<String>,
}

/// What the threads share.
struct Shared<'a> {
    folder: &'a Path,
    sent: bool,
    limits: &'a PhotoLimits,
    bar: ProgressBar,
    output: Output,
    summary: Mutex<Summary>,
    /// What stopped the run.
    stopped: Mutex<Option<Failure>>,
}

impl Batch {
    pub(super) fn run(&self, output: Output) -> Result<Ending, Failure> {
        let survey = Survey::read_csv(&self.requests)?;
        let template = faces::template(self.template.as_deref())?;
        let renderer = faces::renderer(self.icc.as_deref())?;
        let limits = faces::limits(self.limits.as_deref())?;
        fs::create_dir_all(&self.output).map_err(|error| {
            Failure::store(format!(
                "failed to make folder `{}`: {error}",
                self.output.display()
            ))
        })?;
        for warning in &survey.warnings {
            output.warn(&format!("{}: {warning}", self.requests.display()));
        }
        let threads = self.threads(survey.requests.len());
        let shared = Shared {
            folder: &self.output,
            sent: self.icc.is_some(),
            limits: &limits.photo,
            bar: bar(output, survey.requests.len()),
            output,
            summary: Mutex::default(),
            stopped: Mutex::default(),
        };
        for problem in &survey.problems {
            shared.failed(Failed {
                row: problem.row,
                request: None,
                error: problem.to_string(),
                hint: None,
            });
        }

        let batch = face::Batch {
            renderer: &renderer,
            template: &template,
            threads,
        };
        let ambient = System::new();
        let begun = ambient.elapsed();
        // A photo is measured while it is at hand; the hints go along with the data.
        let hints: Vec<Mutex<Vec<PhotoHint>>> =
            survey.requests.iter().map(|_| Mutex::default()).collect();
        let items = survey.requests.iter().zip(&hints);
        batch.run(
            items,
            |((_, request), hints)| {
                let photo = Photo::load(&request.photo)?;
                *locked(hints) = photo.hints(shared.limits);
                Ok(faces::data(request, photo))
            },
            |_, ((row, request), hints), face| shared.done(*row, request, &locked(hints), face),
        )?;
        let seconds = ambient.elapsed().saturating_sub(begun).as_secs_f64();
        shared.bar.finish_and_clear();
        if let Some(failure) = locked(&shared.stopped).take() {
            return Err(failure);
        }

        let mut summary = std::mem::take(&mut *locked(&shared.summary));
        summary.rendered.sort_by_key(|face| face.row);
        summary.failed.sort_by_key(|failed| failed.row);
        summary.seconds = seconds;
        summary.faces_per_second = summary.rendered.len() as f64 / seconds.max(1e-9);
        summary.threads = threads.get();
        summary.report(&self.output, output)?;
        Ok(if summary.failed.is_empty() {
            Ending::Done
        } else {
            Ending::Findings
        })
    }

    /// No more threads than requests.
    fn threads(&self, requests: usize) -> NonZeroUsize {
        let wanted = self
            .jobs
            .or_else(|| std::thread::available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN);
        NonZeroUsize::new(requests).map_or(NonZeroUsize::MIN, |most| wanted.min(most))
    }
}

impl Shared<'_> {
    /// Takes note of a request and writes its face.
    fn done(
        &self,
        row: u64,
        request: &Request,
        hints: &[PhotoHint],
        face: Result<Rendered, FaceError>,
    ) -> ControlFlow<()> {
        let flow = match face {
            Err(error) => {
                self.failed(Failed {
                    row,
                    request: Some(request.id.to_string()),
                    hint: error.hint(),
                    error: chain(&error),
                });
                ControlFlow::Continue(())
            }
            Ok(face) => self.write(row, request, hints, &face),
        };
        self.bar.inc(1);
        flow
    }

    fn write(
        &self,
        row: u64,
        request: &Request,
        hints: &[PhotoHint],
        face: &Rendered,
    ) -> ControlFlow<()> {
        let path = self.folder.join(format!("{}.png", request.id));
        let written = if self.sent {
            face.separation.composed().write_png(&path)
        } else {
            face.picture.write_png(&path)
        };
        // What keeps one from being written keeps all.
        if let Err(error) = written {
            locked(&self.stopped).get_or_insert_with(|| Failure::store(chain(&error)));
            return ControlFlow::Break(());
        }
        let warnings: Vec<String> = face
            .warnings
            .iter()
            .map(ToString::to_string)
            .chain(hints.iter().map(ToString::to_string))
            .collect();
        for warning in &warnings {
            self.say(&format!(
                "{WARNING}warning{WARNING:#} {}: {warning}",
                request.id
            ));
        }
        locked(&self.summary).rendered.push(Face {
            row,
            request: request.id.to_string(),
            picture: path.display().to_string(),
            warnings,
        });
        ControlFlow::Continue(())
    }

    fn failed(&self, failed: Failed) {
        let request = failed.request.as_deref().unwrap_or("row");
        self.say(&format!("{BAD}failed{BAD:#} {request}: {}", failed.error));
        if let Some(hint) = &failed.hint {
            self.say(&format!("  {FAINT}next: {hint}{FAINT:#}"));
        }
        locked(&self.summary).failed.push(failed);
    }

    fn say(&self, line: &str) {
        if !self.output.is_json() {
            self.bar.suspend(|| {
                // The summary counts it, even if nobody can see this.
                drop(writeln!(anstream::stderr(), "{line}"));
            });
        }
    }
}

impl Summary {
    fn report(&self, folder: &Path, output: Output) -> Result<(), Failure> {
        if output.is_json() {
            return output.document(self);
        }
        output.line(&format!(
            "{} of {} faces in `{}`: {:.1} s on {} thread(s), {:.0} a second",
            self.rendered.len(),
            self.rendered.len() + self.failed.len(),
            folder.display(),
            self.seconds,
            self.threads,
            self.faces_per_second
        ))
    }
}

fn bar(output: Output, requests: usize) -> ProgressBar {
    let target = if output.shows_progress() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("[{bar:24}] {pos}/{len} faces, {per_sec}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ");
    ProgressBar::with_draw_target(Some(requests as u64), target).with_style(style)
}

/// The lock, even after a thread ended badly: what it guards is only counted.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
