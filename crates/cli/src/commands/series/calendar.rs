use std::path::PathBuf;

use clap::Args;
use estate::{Register, calendar_text};
use ground::{Ambient, System};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::output::{BAD, Ending, Failure, GOOD, HEADING, Output, WARNING};

/// What each series may do with which client on a day, and what comes next
///
/// What is true on the day, what comes next, what slipped, and where sources disagree. Every value
/// carries its source.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright series calendar
  cardwright series calendar --on 2027-03-01
  cardwright --json series calendar --register our-register.toml

Exit codes: 0 done, 2 no such day or a broken register")]
pub(crate) struct Calendar {
    /// The day, today if left out
    #[arg(long, value_name = "DATE")]
    on: Option<Date>,

    /// A site's own register: its entries take the place of built-in ones of the same id
    #[arg(long, value_name = "FILE")]
    register: Option<PathBuf>,
}

impl Calendar {
    pub(super) fn run(&self, output: Output) -> Result<Ending, Failure> {
        let register = register(self.register.as_ref())?;
        let day = register.on(self.on.unwrap_or_else(today));
        if !output.is_json() {
            output.line(&coloured(calendar_text(day).trim_end()))?;
            return Ok(Ending::Done);
        }
        let next = register.next_change(day.date());
        output.document(&json!({
            "on": day.date(),
            "capabilities": day.answers(),
            "next": next.map(|(date, events)| json!({ "date": date, "events": events })),
            "events": day.events(),
            "clients": register.clients().collect::<Vec<_>>(),
            "rules": register.rules().collect::<Vec<_>>(),
            "software": register.software().collect::<Vec<_>>(),
            "printers": register.printers().collect::<Vec<_>>(),
            "hello": register.hello(),
            "sources": register.sources().collect::<Vec<_>>(),
        }))?;
        Ok(Ending::Done)
    }
}

/// The built-in register, or a site's own over it.
pub(crate) fn register(file: Option<&PathBuf>) -> Result<Register, Failure> {
    match file {
        Some(file) => Ok(Register::with_file(file)?),
        None => Ok(Register::builtin()),
    }
}

/// Today where the program runs.
pub(crate) fn today() -> Date {
    System::new().now().to_zoned(TimeZone::system()).date()
}

fn coloured(text: &str) -> String {
    let styled = |line: &str| {
        let style = match line {
            line if !line.is_empty() && !line.starts_with(' ') => HEADING,
            line if line.contains("  slipped") => BAD,
            line if line.contains("  due, unconfirmed") => WARNING,
            line if line.contains("  happened") => GOOD,
            _ => return line.to_owned(),
        };
        format!("{style}{line}{style:#}")
    };
    text.lines().map(styled).collect::<Vec<_>>().join("\n")
}
