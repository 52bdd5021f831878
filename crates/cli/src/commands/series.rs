use clap::{Args, Subcommand};

use crate::output::{Ending, Failure, Output};

pub(super) mod calendar;
mod list;
mod show;

/// What is known of the card series, where it comes from and how far to trust it
///
/// Nothing here needs a card or a reader.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright series list
  cardwright series show 10
  cardwright series show --file my-series.toml
  cardwright --json series show series-8

Exit codes: 0 done, 2 no such series or file")]
pub(crate) struct Series {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Calendar(calendar::Calendar),
    List(list::List),
    Show(show::Show),
}

impl Series {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        match &self.command {
            Command::Calendar(calendar) => calendar.run(output),
            Command::List(list) => list.run(output),
            Command::Show(show) => show.run(output),
        }
    }
}
