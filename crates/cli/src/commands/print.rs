mod preview;

use clap::{Args, Subcommand};

use crate::output::{Ending, Failure, Output};

/// Look at faces and print jobs
#[derive(Args, Debug)]
pub(crate) struct Print {
    #[command(subcommand)]
    command: PrintCommand,
}

#[derive(Debug, Subcommand)]
enum PrintCommand {
    Preview(preview::Preview),
}

impl Print {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        match &self.command {
            PrintCommand::Preview(preview) => preview.run(output),
        }
    }
}
