//! `firmware-sim printer`: a card printer on a TCP port.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use firmware_sim::printer::{
    Family, Machine, Model, Options, Pace, PrinterServer, Scripted, Setup, Shown, SimPrinter,
    Timing, Transport,
};
use firmware_sim::vpcd::VpcdError;
use ground::{Blame, Blamed};
use thiserror::Error;

use crate::Failure;

/// Run a simulated card printer on a TCP port
///
/// It answers the printer's questions and commands, prints every job it gets into PNG files, and
/// counts cards, film and cleanings. Once it listens it writes one line of JSON with its address to
/// standard output, so that a script can wait for it. It runs until it is killed.
///
/// What a Magicard answers to the words that move a card to an encoder is the simulator's own idea:
/// nobody outside the vendor knows what a real printer does.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  firmware-sim printer --out printed
          Listen on any free port; print into printed/card-1-front.png and so on.
  firmware-sim printer --port 9100 --hopper 3 --fault print:2:film-out
          Three cards on the usual port; the film runs out at card 2.
  firmware-sim printer --time published --log motions.jsonl
          As slow as a real one; every movement of every card in motions.jsonl as it happens.
  firmware-sim printer --out printed --show-chip --show-overcoat
          One more picture of each side, with overcoat and chip drawn over the face.
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

    /// Draw the chip into one more picture of each side, card-1-front-shown.png
    #[arg(long, requires = "out")]
    show_chip: bool,

    /// Draw the overcoat into that picture
    #[arg(long, requires = "out")]
    show_overcoat: bool,

    /// Family of the printer
    #[arg(
        long,
        value_name = "NAME",
        default_value = "magicard-enduro",
        value_parser = PossibleValuesParser::new(Family::all().iter().map(|family| family.name)),
    )]
    family: String,

    /// Head position a Magicard reports, which shifts what is printed; 50 is the middle
    #[arg(long, value_name = "N")]
    head_position: Option<u32>,

    /// Sides the film prints
    #[arg(long, value_name = "N")]
    film_sides: Option<u32>,

    /// Cards after which the printer asks to be cleaned
    #[arg(long, value_name = "N")]
    clean_every: Option<u32>,

    /// Cards the output tray holds; any number unless given
    #[arg(long, value_name = "N")]
    output_tray: Option<usize>,

    /// Cards the reject tray holds; a printer that comes without one has one then
    #[arg(long, value_name = "N")]
    reject_tray: Option<usize>,

    /// How long everything takes: none, published (the vendor's figures), or a factor of those,
    /// such as 0.1
    #[arg(long, value_name = "PACE", default_value = "none")]
    time: Pace,

    /// Milliseconds a card takes from place to place, whatever --time says
    #[arg(long, value_name = "MS")]
    motion_time: Option<u64>,

    /// Milliseconds a side takes to print, whatever --time says
    #[arg(long, value_name = "MS")]
    print_time: Option<u64>,

    /// Let something go wrong once: MOTION[:CARD]:TROUBLE
    ///
    /// Motions: draw, contacts, antenna, flip, print (on the way under the head), side (half a side
    /// is printed), eject, reject, clean.
    ///
    /// Troubles, where they make sense: hopper-empty, card-not-drawn-in, jam, double-feed,
    /// film-out, wrong-film, cover-open, head-hot, output-full, reject-full, cleaning-card, silent,
    /// power-cut; slow=MS (answers come so much later from then on), mute (contacts beside the
    /// chip), other-model (another card than the hopper was filled with).
    ///
    /// The words the host has for retry and cancel deal with trouble as an operator would, except
    /// with silent and power-cut. May be given more than once
    #[arg(long, value_name = "FAULT")]
    pub(super) fault: Vec<Scripted>,

    /// Append every movement of every card to FILE, a line of JSON each, as it happens
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,

    /// End when standard input does
    #[arg(long)]
    until_eof: bool,
}

impl Build {
    /// The printer as the arguments want it.
    pub(super) fn model(&self) -> Result<Model, Failure> {
        let options = Options {
            head_position: self.head_position,
        };
        let mut model = Family::find(&self.family)?.model(options)?;
        let usual = model.setup;
        let timing = self.time.timing(&self.family)?;
        let print = self.print_time.map(Duration::from_millis);
        model.setup = Setup {
            film_sides: self.film_sides.unwrap_or(usual.film_sides),
            clean_every: self.clean_every.unwrap_or(usual.clean_every),
            output_capacity: self.output_tray,
            reject_tray: usual.reject_tray || self.reject_tray.is_some(),
            reject_capacity: self.reject_tray,
            timing: Timing {
                motion: self
                    .motion_time
                    .map_or(timing.motion, Duration::from_millis),
                colour_side: print.unwrap_or(timing.colour_side),
                mono_side: print.unwrap_or(timing.mono_side),
                ..timing
            },
            out: self.out.clone(),
            shown: Shown {
                chip: self.show_chip,
                overcoat: self.show_overcoat,
            },
            ..usual
        };
        Ok(model)
    }

    /// Sets what is to go wrong and where movements are written down.
    pub(super) fn prepare(&self, machine: &mut Machine) -> Result<(), PrinterCommandError> {
        if let Some(path) = &self.log {
            let failed = |source| PrinterCommandError::Log {
                path: path.clone(),
                source,
            };
            let file = append_to(path).map_err(failed)?;
            machine
                .transport_mut()
                .write_log(Box::new(file))
                .map_err(failed)?;
        }
        self.fault.iter().for_each(|fault| machine.script(*fault));
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<std::fs::File> {
    OpenOptions::new().create(true).append(true).open(path)
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let build = &arguments.build;
    let ambient = ground::System::shared();
    let transport = Transport::new(build.first, build.hopper, ambient.clone());
    let model = build.model()?;
    let mut machine = Machine::new(model.setup, transport, ambient);
    build.prepare(&mut machine)?;
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
pub(super) type Over = mpsc::Sender<Result<(), Ended>>;

/// Why something that ran beside the printer is over.
#[derive(Debug, Error)]
pub(super) enum Ended {
    /// The virtual reader.
    #[error(transparent)]
    Vpcd(#[from] VpcdError),
    /// The reader on a pseudo-terminal.
    #[cfg(unix)]
    #[error("the pseudo-terminal of the encoder failed: {0}")]
    Line(io::Error),
}

impl Blamed for Ended {
    fn blame(&self) -> Blame {
        match self {
            Self::Vpcd(error) => error.blame(),
            #[cfg(unix)]
            Self::Line(_) => Blame::ReaderFault,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Vpcd(error) => error.hint(),
            #[cfg(unix)]
            Self::Line(_) => None,
        }
    }
}

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
    /// The log cannot be written.
    #[error("failed to write log `{path}`: {source}")]
    Log {
        /// The file.
        path: PathBuf,
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
            Self::Log { .. } | Self::Output { .. } => None,
        }
    }
}
