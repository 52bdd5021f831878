//! The `firmware-sim` command: words to calls, one file a subcommand.

mod cli {
    //! One file a subcommand: its arguments and what it does.

    pub(crate) mod card;
    pub(crate) mod dispenser;
    pub(crate) mod printer;
    pub(crate) mod reader;
    pub(crate) mod station;
}

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ground::Blamed;

/// Simulated firmware of smart cards, card printers and print stations.
#[derive(Parser)]
#[command(version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Card(cli::card::Arguments),
    Dispenser(cli::dispenser::Arguments),
    Printer(cli::printer::Arguments),
    Reader(cli::reader::Arguments),
    Station(cli::station::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Card(arguments) => cli::card::run(&arguments),
        Command::Dispenser(arguments) => cli::dispenser::run(&arguments),
        Command::Printer(arguments) => cli::printer::run(&arguments),
        Command::Reader(arguments) => cli::reader::run(&arguments),
        Command::Station(arguments) => cli::station::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(error)) => {
            eprintln!("error: {error}");
            if let Some(hint) = error.hint() {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(error.blame().exit_code())
        }
    }
}

/// Any error that says whose fault it is.
struct Failure(Box<dyn Blamed>);

impl<E: Blamed + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}
