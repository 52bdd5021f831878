mod batch;
mod lint;
mod preview;

use clap::{Args, Subcommand};

use crate::output::{Ending, Failure, Output};

/// Look at faces, check templates, render many
#[derive(Args, Debug)]
pub(crate) struct Print {
    #[command(subcommand)]
    command: PrintCommand,
}

#[derive(Debug, Subcommand)]
enum PrintCommand {
    Batch(batch::Batch),
    Lint(lint::Lint),
    Preview(preview::Preview),
}

impl Print {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        match &self.command {
            PrintCommand::Batch(batch) => batch.run(output),
            PrintCommand::Lint(lint) => lint.run(output),
            PrintCommand::Preview(preview) => preview.run(output),
        }
    }
}
