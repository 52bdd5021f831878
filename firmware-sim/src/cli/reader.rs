//! `firmware-sim reader`: a GemPC Twin on a pseudo-terminal.

use std::path::PathBuf;

use clap::Args;

use crate::Failure;

/// Run a simulated GemPC Twin, a card reader on a serial line
///
/// It lives on a pseudo-terminal, which other programs open as they would a serial port: pcscd with
/// libccid's serial driver, or `cardwright inspect --reader serial:PATH`. Once it is there it writes
/// one line of JSON with the path to standard output.
///
/// On standard input it takes one command a line, and answers each with one line of JSON:
///
///   remove           takes the card out
///   insert           puts it in again
///   insert CARD      puts another in, named as for --card
///   fault FAULT      lets this go wrong once
///
/// It runs until it is killed, or until standard input ends with --until-eof.
#[derive(Args)]
#[command(after_long_help = "\
Examples:
  firmware-sim reader --link /tmp/gempc
          A personalised series 10 card in a reader at /tmp/gempc. PIN 123456.
  firmware-sim reader --card 4711.card --link /tmp/gempc --fault transfer:3:bad-lrc
          The card in a state file; the third answer from the card comes damaged.
  cardwright inspect --reader serial:/tmp/gempc
          Looks at the card in it.")]
pub(crate) struct Arguments {
    /// The card in the reader: series10, series9, a model file, or a state file of
    /// `firmware-sim card --state`
    #[arg(long, value_name = "MODEL|STATE", default_value = "series10")]
    card: String,

    /// The card's number, where it is not in a state file
    #[arg(long, visible_alias = "seed", value_name = "N", default_value_t = 1)]
    number: u64,

    /// The card as from the factory, where it is not in a state file
    #[arg(long)]
    blank: bool,

    /// Begin without a card
    #[arg(long)]
    empty: bool,

    /// Make a symbolic link to the pseudo-terminal
    #[arg(long, value_name = "PATH")]
    link: Option<PathBuf>,

    /// Let something go wrong once: MOMENT[:N]:FAULT. Moments: any, power, status, parameters,
    /// transfer, escape. Faults: nak, silent, deaf, dead, bad-lrc, bad-echo, cut, mute, parity,
    /// from-card, to-card, remove, time=N. May be given more than once
    #[arg(long, value_name = "FAULT")]
    fault: Vec<firmware_sim::reader::Scripted>,

    /// Do not repeat what the host sends, as other readers of the family do
    #[arg(long)]
    no_echo: bool,

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
    Err(NoPseudoTerminals.into())
}

#[cfg(not(unix))]
#[derive(Debug, thiserror::Error)]
#[error("this system has no pseudo-terminals to put a device on")]
pub(super) struct NoPseudoTerminals;

#[cfg(not(unix))]
impl ground::Blamed for NoPseudoTerminals {
    fn blame(&self) -> ground::Blame {
        ground::Blame::OperatorMistake
    }
}

#[cfg(unix)]
mod unix {
    use std::io::{self, BufRead};
    use std::path::Path;
    use std::thread;

    use firmware_sim::card::nvm::StateError;
    use firmware_sim::card::{Condition, Model, ModelError, PivChip};
    use firmware_sim::contacts::{Chip, Contacts};
    use firmware_sim::reader::{FaultError, Faults, Pty, Twin, serve};
    use firmware_sim::vpcd::Stop;
    use ground::{Blame, Blamed};
    use serde_json::{Value, json};
    use thiserror::Error;

    use super::Arguments;
    use crate::Failure;
    use crate::cli::printer::say;

    pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
        let contacts = Contacts::new("sim:reader");
        let mut drawer = Drawer {
            contacts: contacts.clone(),
            number: arguments.number,
            condition: if arguments.blank {
                Condition::Blank
            } else {
                Condition::Personalised
            },
            card: Some(arguments.card.clone()),
            out: None,
        };
        if !arguments.empty {
            drawer.insert(None)?;
        }
        let mut twin = Twin::new(contacts);
        if arguments.no_echo {
            twin = twin.without_echo();
        }
        let faults = twin.faults();
        arguments
            .fault
            .iter()
            .for_each(|fault| faults.script(*fault));
        let mut pty = Pty::open()?;
        if let Some(link) = &arguments.link {
            pty = pty.link(link)?;
        }
        say(&json!({ "reader": pty.path() }))?;
        let stop = Stop::new();
        let over = stop.clone();
        let until_eof = arguments.until_eof;
        thread::spawn(move || {
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                // Nobody reads any more: then nobody needs the reader either.
                if say(&drawer.obey(&line, &faults)).is_err() {
                    over.stop();
                }
            }
            if until_eof {
                over.stop();
            }
        });
        serve(&mut twin, &mut pty, &stop).map_err(|source| ReaderError::Line { source })?;
        Ok(())
    }

    /// The cards to put in.
    struct Drawer {
        contacts: Contacts,
        number: u64,
        condition: Condition,
        /// The card named at the start, until it was made.
        card: Option<String>,
        /// The chip that was taken out last.
        out: Option<Box<dyn Chip>>,
    }

    impl Drawer {
        /// What one line on standard input asks for, done.
        fn obey(&mut self, line: &str, faults: &Faults) -> Value {
            let (word, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
            let done = match (word, rest.trim()) {
                ("remove", "") => self.remove(),
                ("insert", "") => self.insert(None),
                ("insert", card) => self.insert(Some(card)),
                ("fault", fault) => fault
                    .parse()
                    .map(|fault| faults.script(fault))
                    .map_err(ReaderError::from),
                _ => Err(ReaderError::Word {
                    line: line.to_owned(),
                }),
            };
            match done {
                Ok(()) => json!({ "done": line.trim() }),
                Err(error) => json!({ "error": error.to_string() }),
            }
        }

        fn insert(&mut self, named: Option<&str>) -> Result<(), ReaderError> {
            if self.contacts.insertion().is_some() {
                return Err(ReaderError::Occupied);
            }
            let first;
            let chip = match (named, self.out.take()) {
                (None, Some(chip)) => chip,
                (Some(card), _) => self.make(card)?,
                (None, None) => {
                    first = self.card.take().ok_or(ReaderError::NoCard)?;
                    self.make(&first)?
                }
            };
            self.contacts.close_on(chip);
            Ok(())
        }

        fn remove(&mut self) -> Result<(), ReaderError> {
            let chip = self.contacts.open().ok_or(ReaderError::NoCard)?;
            self.out = Some(chip);
            Ok(())
        }

        /// The card in a state file, or a new one of a model.
        fn make(&self, card: &str) -> Result<Box<dyn Chip>, ReaderError> {
            let path = Path::new(card);
            if path.is_file() && path.extension().is_none_or(|end| end != "toml") {
                let chip = PivChip::resume(path)?.ok_or_else(|| ReaderError::NoState {
                    path: card.to_owned(),
                })?;
                return Ok(Box::new(chip));
            }
            let model = Model::find(card)?;
            Ok(Box::new(PivChip::new(&model, self.number, self.condition)))
        }
    }

    /// Why the command ended, or a line on standard input was not obeyed.
    #[derive(Debug, Error)]
    enum ReaderError {
        #[error(transparent)]
        State(#[from] StateError),
        #[error(transparent)]
        Model(#[from] ModelError),
        #[error(transparent)]
        Fault(#[from] FaultError),
        #[error("`{path}` holds no card")]
        NoState { path: String },
        #[error("there is a card in the reader already")]
        Occupied,
        #[error("there is no card")]
        NoCard,
        #[error("`{line}` is none of remove, insert, insert CARD, fault FAULT")]
        Word { line: String },
        #[error("the pseudo-terminal failed: {source}")]
        Line { source: io::Error },
    }

    impl Blamed for ReaderError {
        fn blame(&self) -> Blame {
            match self {
                Self::State(error) => error.blame(),
                Self::Line { .. } => Blame::ReaderFault,
                _ => Blame::OperatorMistake,
            }
        }

        fn hint(&self) -> Option<String> {
            match self {
                Self::State(error) => error.hint(),
                Self::Model(error) => error.hint(),
                Self::Fault(error) => error.hint(),
                _ => None,
            }
        }
    }
}
