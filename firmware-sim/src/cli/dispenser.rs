//! `firmware-sim dispenser`: a CRT-591 on a pseudo-terminal.

use std::path::PathBuf;

use clap::Args;

use crate::Failure;

/// Run a simulated CRT-591, a card dispenser with an encoder, on a serial line
///
/// A stacker of numbered blank cards, a contact station, an error bin and a gate. It lives on a
/// pseudo-terminal, which other programs open as they would a serial port. Once it is there it
/// writes one line of JSON with the path to standard output.
///
/// On standard input it takes one command a line, and answers each with one line of JSON:
///
///   fault FAULT      lets this go wrong once
///   clear            takes a stuck card out, puts the cable in again
///   load N           puts N more blanks into the stacker
///   empty-bin        takes the cards out of the error bin
///   cards            says where each card is that has left the stacker
///
/// With --state every card is where it was when the program starts again, killed or not. It runs
/// until it is killed, or until standard input ends with --until-eof.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  firmware-sim dispenser --link /tmp/crt591 --hopper 10
          Ten blank series 10 cards in a dispenser at /tmp/crt591.
  firmware-sim dispenser --link /tmp/crt591 --state dispenser --fault move:2:jam
          A dispenser that remembers its cards; the second motion gets stuck.
  firmware-sim dispenser --link /tmp/crt591 --fault move:silent --bin 1
          The answer to the first motion is lost, and the error bin takes one card.")]
pub(crate) struct Arguments {
    /// Blank cards in the stacker
    #[arg(long, value_name = "N", default_value_t = 100)]
    hopper: u64,

    /// Number of the first blank; the others follow
    #[arg(long, visible_alias = "seed", value_name = "N", default_value_t = 1)]
    first: u64,

    /// The kind of card: series10, series9, series8-v3, series8-v2, or the path of a
    /// model file
    #[arg(long, value_name = "NAME|FILE", default_value = "series10")]
    model: String,

    /// Make a symbolic link to the pseudo-terminal
    #[arg(long, value_name = "PATH")]
    link: Option<PathBuf>,

    /// Remember stacker and cards in DIR
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,

    /// The address of its switches, 0 to 15
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..16))]
    address: u8,

    /// The one speed it has, in baud: 9600, 19200, 38400 or 57600. Without, it finds the host's
    #[arg(long, value_name = "BAUD", value_parser = ["9600", "19200", "38400", "57600"])]
    speed: Option<String>,

    /// Cards the error bin takes
    #[arg(long, value_name = "N", default_value_t = 20)]
    bin: usize,

    /// Milliseconds a card takes from place to place
    #[arg(long, value_name = "MS", default_value_t = 0)]
    motion_time: u64,

    /// Let something go wrong once: MOMENT[:N]:FAULT. Moments: any, init, status, move, reset,
    /// transfer. Faults: nak, deaf, dead, no-ack, silent, mute, bad-bcc, always-bad-bcc, cut,
    /// twice, jam, contact, restart, code=XX, slow=MS. May be given more than once
    #[arg(long, value_name = "FAULT")]
    fault: Vec<firmware_sim::dispenser::Scripted>,

    /// End when standard input does
    #[arg(long)]
    until_eof: bool,
}

#[cfg(unix)]
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    unix::run(arguments)
}

#[cfg(not(unix))]
pub(crate) fn run(_arguments: &Arguments) -> Result<(), Failure> {
    Err(super::reader::NoPseudoTerminals.into())
}

#[cfg(unix)]
mod unix {
    use std::io::{self, BufRead};
    use std::thread;
    use std::time::Duration;

    use firmware_sim::card::{AnyModel, Condition, ModelError, SimCard};
    use firmware_sim::contacts::Chip;
    use firmware_sim::dispenser::{Config, FaultError, Setup, SimDispenser, serve};
    use firmware_sim::printer::Place;
    use firmware_sim::reader::Pty;
    use firmware_sim::station::ChipError;
    use firmware_sim::vpcd::Stop;
    use ground::{Blame, Blamed};
    use serde_json::{Value, json};
    use thiserror::Error;

    use super::Arguments;
    use crate::Failure;
    use crate::cli::printer::say;

    pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
        let model = AnyModel::find(&arguments.model)?;
        if !model.comes_blank() {
            let name = model.name().to_owned();
            return Err(ModelError::NoBlank { name }.into());
        }
        let config = Config {
            setup: Setup {
                address: arguments.address,
                // What is no number is refused before.
                speed: arguments.speed.as_deref().and_then(|it| it.parse().ok()),
                bin: arguments.bin,
                motion: Duration::from_millis(arguments.motion_time),
                ..Setup::default()
            },
            first: arguments.first,
            state: arguments.state.clone(),
            ..Config::new(arguments.hopper, ground::System::shared())
        };
        let folder = arguments.state.clone();
        let dispenser = SimDispenser::open(config, move |number| {
            let chip = match &folder {
                Some(folder) => {
                    let path = folder.join(format!("card-{number}.card"));
                    SimCard::open(&path, &model, number, Condition::Blank)?
                }
                None => SimCard::new(&model, number, Condition::Blank),
            };
            Ok::<Box<dyn Chip>, ChipError>(Box::new(chip))
        })?;
        let faults = dispenser.twin().faults();
        let scripted = arguments.fault.iter();
        scripted.for_each(|fault| faults.script(*fault));
        let mut pty = Pty::open()?;
        if let Some(link) = &arguments.link {
            pty = pty.link(link)?;
        }
        let (next, left) = {
            let twin = dispenser.twin();
            (twin.transport().next(), twin.transport().left())
        };
        say(&json!({
            "dispenser": pty.path(),
            "next": next,
            "left": left,
            "inside": dispenser.inside().map(|(number, _)| number),
        }))?;
        let stop = Stop::new();
        let over = stop.clone();
        let until_eof = arguments.until_eof;
        let operator = dispenser.clone();
        thread::spawn(move || {
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                // Nobody reads any more: then nobody needs the dispenser either.
                if say(&obey(&operator, &line)).is_err() {
                    over.stop();
                }
            }
            if until_eof {
                over.stop();
            }
        });
        serve(dispenser.shared(), &mut pty, &stop)
            .map_err(|source| DispenserError::Line { source })?;
        Ok(())
    }

    /// What one line on standard input asks for, done.
    fn obey(dispenser: &SimDispenser, line: &str) -> Value {
        let (word, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let done = match (word, rest.trim()) {
            ("fault", fault) => fault
                .parse()
                .map(|fault| dispenser.twin().faults().script(fault))
                .map_err(DispenserError::from),
            ("clear", "") => dispenser.twin().clear().map_err(DispenserError::from),
            ("empty-bin", "") => dispenser.twin().empty_bin().map_err(DispenserError::from),
            ("load", count) => match count.parse() {
                Ok(count) => dispenser.load(count).map_err(DispenserError::from),
                Err(_) => Err(DispenserError::Word {
                    line: line.to_owned(),
                }),
            },
            ("cards", "") => return json!({ "done": "cards", "cards": cards(dispenser) }),
            _ => Err(DispenserError::Word {
                line: line.to_owned(),
            }),
        };
        match done {
            Ok(()) => json!({ "done": line.trim() }),
            Err(error) => json!({ "error": error.to_string() }),
        }
    }

    /// Where the cards are that have left the stacker, by number.
    fn cards(dispenser: &SimDispenser) -> Value {
        let twin = dispenser.twin();
        let transport = twin.transport();
        let at = |place| json!(transport.cards_at(place));
        json!({
            "gate": at(Place::Standby),
            "contacts": at(Place::Contacts),
            "antenna": at(Place::Antenna),
            "out": at(Place::Output),
            "bin": at(Place::Reject),
            "taken-out": at(Place::TakenOut),
        })
    }

    /// Why the command ended, or a line on standard input was not obeyed.
    #[derive(Debug, Error)]
    enum DispenserError {
        #[error(transparent)]
        Fault(#[from] FaultError),
        #[error("the state cannot be written: {0}")]
        State(#[from] io::Error),
        #[error("`{line}` is none of fault FAULT, clear, load N, empty-bin, cards")]
        Word { line: String },
        #[error("the pseudo-terminal failed: {source}")]
        Line { source: io::Error },
    }

    impl Blamed for DispenserError {
        fn blame(&self) -> Blame {
            match self {
                Self::Line { .. } => Blame::PrinterFault,
                Self::State(_) => Blame::StoreFault,
                Self::Fault(_) | Self::Word { .. } => Blame::OperatorMistake,
            }
        }

        fn hint(&self) -> Option<String> {
            match self {
                Self::Fault(error) => error.hint(),
                _ => None,
            }
        }
    }
}
