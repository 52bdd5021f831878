//! The `cardwright` command: look at smartcards, issue them, read what was recorded.
//!
//! This crate turns words into calls and results into text or JSON; it decides nothing about
//! cards, printers or the journal.
//!
//! Exit codes: 0 done, 1 findings or failed cards, 2 usage or input, 3 card, reader or printer,
//! 4 store or authority.

mod card_secrets;
mod commands;
mod devices;
mod faces;
mod output;
mod passcode;
mod selector;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::output::{Ending, Failure, Output, STDOUT};

/// Proves, issues and tests NHS smartcards
#[derive(Debug, Parser)]
#[command(
    name = "cardwright",
    version,
    after_help = "Examples:
  cardwright readers                             which readers are there
  cardwright inspect --reader sim:series10       look at a simulated card
  cardwright inspect --reader \"pcsc:OMNIKEY\"     look at the card in a real reader
  cardwright validate --reader sim:series10      prove it against the standards
  cardwright capture --reader pcsc: -o card.json save everything readable of a card
  cardwright diff golden.json card.json          say how one card departs from another
  cardwright issue examples/requests.csv         issue cards at a simulated station
  cardwright print lint TEMPLATE.svg             what is wrong with the design of a face
  cardwright card status --reader sim:series8    how one card stands: tries, slots, refusals
  cardwright series show 10                      what is known of a series, and what is not
  cardwright station check STATION.toml          walk a card through a print station
  cardwright transcript show run-data/transcripts/FILE.jsonl

Exit codes: 0 done, 1 findings or failed cards, 2 usage or input,
            3 card, reader or printer, 4 store or authority"
)]
struct Cli {
    /// Print JSON for machines instead of text
    // Of the same type as in `validate`, where a file may follow.
    #[arg(long, global = true, id = "json", num_args = 0, default_missing_value = STDOUT)]
    json: Option<String>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Capture(commands::capture::Capture),
    Card(Box<commands::card::Card>),
    Diff(commands::diff::Diff),
    Estate(commands::estate::Estate),
    Inspect(commands::inspect::Inspect),
    Issue(commands::issue::Issue),
    Print(commands::print::Print),
    Readers(commands::readers::Readers),
    Series(commands::series::Series),
    Station(commands::station::Station),
    Transcript(commands::transcript::Transcript),
    Validate(Box<commands::validate::Validate>),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.json.as_deref() == Some(STDOUT));
    match run(&cli.command, output) {
        Ok(ending) => ExitCode::from(ending.exit_code()),
        Err(failure) => {
            failure.report(output);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(command: &Command, output: Output) -> Result<Ending, Failure> {
    match command {
        Command::Capture(capture) => capture.run(output),
        Command::Card(card) => card.run(output),
        Command::Diff(diff) => diff.run(output),
        Command::Estate(estate) => estate.run(output),
        Command::Inspect(inspect) => inspect.run(output),
        Command::Issue(issue) => issue.run(output),
        Command::Print(print) => print.run(output),
        Command::Readers(readers) => readers.run(output),
        Command::Series(series) => series.run(output),
        Command::Station(station) => station.run(output),
        Command::Transcript(transcript) => transcript.run(output),
        Command::Validate(validate) => validate.run(output),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
