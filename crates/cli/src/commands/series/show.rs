use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use series::{Certainty, Profile, Profiles, Stated, Unknown};

use crate::output::{BAD, Ending, FAINT, Failure, HEADING, Output, WARNING};

/// Show every value of a series' profile: what is not public first, then the rest
///
/// Each value has its source and its certainty, and what other sources say instead. A value of
/// certainty `unknown` is a default to work with until somebody knows.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright series show 10
  cardwright series show generic-piv
  cardwright series show --file my-series.toml
  cardwright --json series show 8")]
pub(crate) struct Show {
    /// The series, such as `10`, `series-10` or `generic-piv`
    #[arg(
        value_name = "SERIES",
        required_unless_present = "file",
        conflicts_with = "file"
    )]
    series: Option<String>,

    /// A profile file to show instead of a built-in one
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown<'a> {
    id: &'a str,
    series: Option<u8>,
    name: &'a str,
    unknown: Vec<Stated>,
    questions: &'a [Unknown],
    known: Vec<Stated>,
}

impl<'a> Shown<'a> {
    fn of(profile: &'a Profile) -> Self {
        let (unknown, mut known): (Vec<_>, Vec<_>) = profile
            .stated()
            .into_iter()
            .partition(|stated| stated.certainty == Certainty::Unknown);
        // The less sure first; within one certainty in the order of the file format.
        known.sort_by_key(|stated| std::cmp::Reverse(stated.certainty));
        Self {
            id: &profile.id,
            series: profile.series,
            name: profile.name(),
            unknown,
            questions: &profile.unknown,
            known,
        }
    }
}

impl Show {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        let profiles = Profiles::builtin();
        let loaded;
        let profile = match (&self.file, &self.series) {
            (Some(path), _) => {
                loaded = Profile::load(path)?;
                &loaded
            }
            (None, Some(word)) => profiles.get(word)?,
            (None, None) => return Err(Failure::mistake("which series? Name one, or a --file")),
        };
        let shown = Shown::of(profile);
        if output.is_json() {
            output.document(&shown)?;
        } else {
            output.line(render(&shown).trim_end())?;
        }
        Ok(Ending::Done)
    }
}

fn render(shown: &Shown<'_>) -> String {
    let mut text = format!("{HEADING}{}{HEADING:#} ({})\n", shown.name, shown.id);
    heading(
        &mut text,
        "Not public: defaults to work with",
        shown.unknown.len(),
    );
    for stated in &shown.unknown {
        value(&mut text, stated);
    }
    heading(
        &mut text,
        "Not public: without even a default",
        shown.questions.len(),
    );
    for question in shown.questions {
        line(&mut text, "  ", &question.what);
        line(
            &mut text,
            "      ",
            format_args!("{BAD}unknown{BAD:#}: {}", question.source),
        );
    }
    for (certainty, title) in [
        (Certainty::Inferred, "Inferred from public sources"),
        (Certainty::Public, "Stated by a public source"),
    ] {
        let of_this = || shown.known.iter().filter(|it| it.certainty == certainty);
        heading(&mut text, title, of_this().count());
        for stated in of_this() {
            value(&mut text, stated);
        }
    }
    text
}

fn heading(text: &mut String, title: &str, count: usize) {
    text.push('\n');
    line(
        text,
        "",
        format_args!("{HEADING}{title}{HEADING:#} ({count})"),
    );
}

fn value(text: &mut String, stated: &Stated) {
    line(
        text,
        "  ",
        format_args!("{} = {}", stated.path, stated.value),
    );
    let style = match stated.certainty {
        Certainty::Unknown => BAD,
        Certainty::Inferred => WARNING,
        Certainty::Public => FAINT,
    };
    line(
        text,
        "      ",
        format_args!("{style}{}{style:#}: {}", stated.certainty, stated.source),
    );
    for (other, source) in &stated.conflicts {
        line(
            text,
            "      ",
            format_args!("{WARNING}conflict{WARNING:#}: {other}, says {source}"),
        );
    }
}

fn line(text: &mut String, indent: &str, content: impl std::fmt::Display) {
    text.push_str(&format!("{indent}{content}\n"));
}
