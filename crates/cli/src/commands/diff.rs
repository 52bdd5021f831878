use std::path::Path;
use std::time::Duration;

use card_image::CardImage;
use clap::Args;
use comparison::{CaptureOptions, Class, capture, diff, image_of, likely_profile};
use ground::System;
use series::{Profile, Profiles};

use super::capture::PROGRAM;
use crate::devices::{self, read_transcript};
use crate::output::{BAD, Ending, FAINT, Failure, GOOD, HEADING, Output, WARNING};
use crate::selector::{FORMS, Selector};

/// Say how one card departs from another
///
/// A and B are readers, card images (folders), captures or transcripts. Each difference is
/// expected (what must differ between two cards of one series), tolerated (the profile lists it,
/// or no program depends on it), a regression (B is worse) or new (B has more). A card in a reader
/// is read as `cardwright capture` reads it, without a passcode.
#[derive(Args, Debug)]
#[command(after_help = format!("Examples:
  cardwright diff golden.json suspect.json
  cardwright diff golden.json \"pcsc:OMNIKEY\"
  cardwright diff images/01_Golden_PIV images/46_Golden_FIPS_201-2_PIV
  cardwright diff --profile 10 sim:series10 recorded.jsonl

Readers: {FORMS}

Exit codes: 0 no regression, 1 B is worse in something, 2 no such reader, card or file,
            3 the card or the reader failed"))]
pub(crate) struct Diff {
    /// The card that is compared with
    #[arg(value_name = "A")]
    a: String,

    /// The card that is judged
    #[arg(value_name = "B")]
    b: String,

    /// The series or profile file that says what is tolerated; A's by its answer to reset if left
    /// out
    #[arg(long, value_name = "NAME|FILE")]
    profile: Option<String>,

    /// Count what is expected or tolerated and show it not; JSON has all
    #[arg(long)]
    brief: bool,

    /// Seconds to wait for a card
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    wait: u64,
}

impl Diff {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        let named = self.profile.as_deref().map(profile).transpose()?;
        let a = self.image(&self.a)?;
        let b = self.image(&self.b)?;
        let builtin = Profiles::builtin();
        let judge = named.as_ref().or_else(|| likely_profile(&a, &builtin));
        let comparison = diff(&a, &b, judge);
        if output.is_json() {
            output.document(&comparison)?;
        } else if self.brief {
            output.line(&coloured(comparison.to_brief_text().trim_end()))?;
        } else {
            output.line(&coloured(comparison.to_text().trim_end()))?;
        }
        Ok(if comparison.has_regressions() {
            Ending::Findings
        } else {
            Ending::Done
        })
    }

    /// The image of whatever was named.
    fn image(&self, named: &str) -> Result<CardImage, Failure> {
        match named.parse() {
            Ok(Selector::Replay(path)) => Ok(image_of(&read_transcript(&path)?)),
            Ok(selector) => {
                let ambient = System::shared();
                let within = Duration::from_secs(self.wait);
                let link = devices::connect(&selector, within, &ambient)?;
                Ok(capture(link, &CaptureOptions::new(PROGRAM), &ambient)?)
            }
            Err(forms) => {
                let path = Path::new(named);
                if !path.exists() {
                    return Err(
                        Failure::mistake(format!("there is no file or folder `{named}`"))
                            .with_hint(format!(
                                "name a card image, a capture or a transcript; {forms}"
                            )),
                    );
                }
                if path
                    .extension()
                    .is_some_and(|extension| extension == "jsonl")
                {
                    return Ok(image_of(&read_transcript(path)?));
                }
                Ok(CardImage::load(path)?)
            }
        }
    }
}

/// A built-in profile by number or name, or a file.
fn profile(named: &str) -> Result<Profile, Failure> {
    let profiles = Profiles::builtin();
    let by_number = format!("series-{named}");
    for id in [named, &by_number] {
        if let Ok(found) = profiles.get(id) {
            return Ok(found.clone());
        }
    }
    if Path::new(named).exists() {
        return Ok(Profile::load(named)?);
    }
    Ok(profiles.get(named).cloned()?)
}

/// Headings bold, classes in colour. The terminal layer takes both away where there is none.
fn coloured(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let style = match line.trim_start() {
            _ if !line.starts_with(' ') && !line.is_empty() => HEADING,
            difference if difference.starts_with(Class::Regression.name()) => BAD,
            difference if difference.starts_with(Class::Tolerated.name()) => WARNING,
            difference if difference.starts_with(Class::New.name()) => GOOD,
            difference if difference.starts_with(Class::Expected.name()) => FAINT,
            _ => {
                lines.push(line.to_owned());
                continue;
            }
        };
        lines.push(format!("{style}{line}{style:#}"));
    }
    lines.join("\n")
}
