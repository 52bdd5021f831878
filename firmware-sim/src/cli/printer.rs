//! `firmware-sim printer`: a card printer on a TCP port.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::Args;
use firmware_sim::printer::{
    Family, FamilyError, Machine, Model, Options, PrinterServer, Scripted, Setup, SimPrinter,
    Timing, Transport,
};
use firmware_sim::vpcd::VpcdError;
use ground::{Blame, Blamed};
use thiserror::Error;

use crate::Failure;

/// Run a simulated Magicard Enduro on a TCP port
///
/// It answers the printer's questions and commands, prints every job it gets into PNG files, and
/// counts cards and film. Once it listens it writes one line of JSON with its address to standard
/// output, so that a script can wait for it. It runs until it is killed.
///
/// What it answers to the words that move a card to an encoder is its own idea: nobody outside
/// the vendor knows what a real printer does.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  firmware-sim printer --out printed
          Listen on any free port; print into printed/card-1-front.png and so on.
  firmware-sim printer --port 9100 --hopper 3 --fault print:2:film-out
          Three cards on the usual port; the film runs out at card 2.
  firmware-sim printer --until-eof < /dev/null
          Start, say the address, and end: shows what the line looks like.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    build: Build,

    /// TCP port to listen on, on this computer only; 0 takes any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
}

/// What a printer and a station have in common.
#[derive(Args)]
pub(super) struct Build {
    /// Blank cards in the hopper
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(super) hopper: u64,

    /// Number of the first blank; the others follow
    #[arg(long, visible_alias = "seed", value_name = "N", default_value_t = 1)]
    pub(super) first: u64,

    /// Write a picture of each printed side, and of its overcoat, to DIR
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Family of the printer: magicard-enduro, magicard-rio-tango
    #[arg(long, value_name = "NAME", default_value = "magicard-enduro")]
    family: String,

    /// Head position a Magicard reports, which shifts what is printed; 50 is the middle
    #[arg(long, value_name = "N")]
    head_position: Option<u32>,

    /// Sides the film prints
    #[arg(long, value_name = "N", default_value_t = 300)]
    film_sides: u32,

    /// Milliseconds a card takes from place to place
    #[arg(long, value_name = "MS", default_value_t = 0)]
    motion_time: u64,

    /// Milliseconds a side takes to print
    #[arg(long, value_name = "MS", default_value_t = 0)]
    print_time: u64,

    /// Let trouble strike once: MOTION[:CARD]:TROUBLE. Motions: draw, contacts, print, eject.
    /// Troubles: hopper-empty, card-not-drawn-in, jam, film-out, cover-open, silent. The word OKY
    /// deals with it. May be given more than once
    #[arg(long, value_name = "FAULT")]
    pub(super) fault: Vec<Scripted>,

    /// End when standard input does
    #[arg(long)]
    until_eof: bool,
}

impl Build {
    pub(super) fn model(&self) -> Result<Model, FamilyError> {
        let options = Options {
            head_position: self.head_position,
        };
        let mut model = Family::find(&self.family)?.model(options)?;
        model.setup = Setup {
            film_sides: self.film_sides,
            timing: Timing {
                motion: Duration::from_millis(self.motion_time),
                colour_side: Duration::from_millis(self.print_time),
                mono_side: Duration::from_millis(self.print_time),
                cleaning: Duration::ZERO,
            },
            out: self.out.clone(),
            ..model.setup
        };
        Ok(model)
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let build = &arguments.build;
    let ambient = ground::System::shared();
    let transport = Transport::new(build.first, build.hopper, ambient.clone());
    let model = build.model()?;
    let mut machine = Machine::new(model.setup, transport, ambient);
    build.fault.iter().for_each(|fault| machine.script(*fault));
    let server = listen(SimPrinter::new(machine, model.firmware), arguments.port)?;
    say(&serde_json::json!({ "printer": server.address() }))?;
    until_over(build, |_| {})
}

pub(super) fn listen(printer: SimPrinter, port: u16) -> Result<PrinterServer, PrinterCommandError> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    PrinterServer::start(printer, &address.to_string())
        .map_err(|source| PrinterCommandError::Port { address, source })
}

/// One line on standard output, at once.
pub(super) fn say(line: &serde_json::Value) -> Result<(), PrinterCommandError> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|source| PrinterCommandError::Output { source })
}

/// How a thread tells that the program is over.
pub(super) type Over = mpsc::Sender<Result<(), VpcdError>>;

/// Waits for standard input to end, if asked to, or for whatever `start` starts; else for ever.
pub(super) fn until_over(build: &Build, start: impl FnOnce(&Over)) -> Result<(), Failure> {
    // One sender stays here, so that nobody ending is no end.
    let (over, ended) = mpsc::channel();
    start(&over);
    if build.until_eof {
        let over = over.clone();
        thread::spawn(move || {
            let mut rest = [0; 256];
            let mut input = io::stdin().lock();
            while input.read(&mut rest).is_ok_and(|count| count > 0) {}
            // If the program ends for another reason nobody listens any more.
            let _ = over.send(Ok(()));
        });
    }
    ended.recv().unwrap_or(Ok(())).map_err(Failure::from)
}

/// Why the command ended.
#[derive(Debug, Error)]
pub(super) enum PrinterCommandError {
    /// The port cannot be had.
    #[error("failed to listen on {address}: {source}")]
    Port {
        /// Where.
        address: SocketAddr,
        /// The operating system's words.
        source: io::Error,
    },
    /// Standard output is closed.
    #[error("failed to write the address to standard output: {source}")]
    Output {
        /// The operating system's words.
        source: io::Error,
    },
}

impl Blamed for PrinterCommandError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Port { .. } => Some("give another port, or 0 for any free one".to_owned()),
            Self::Output { .. } => None,
        }
    }
}
