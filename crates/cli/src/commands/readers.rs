use clap::Args;
use readers::{CardState, ReaderInfo};
use serde_json::{Value, json};

use crate::output::{BAD, Ending, FAINT, Failure, GOOD, Output, WARNING};
use crate::selector::SIMULATED;

/// List the readers there are and what is in them
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright readers
  cardwright --json readers

A reader is named in other commands as `pcsc:NAME`, where NAME may be a part of the name.
Simulated cards need no reader: `sim:series10`.")]
pub(crate) struct Readers {}

impl Readers {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        let found = readers::list()?;
        if output.is_json() {
            let list: Vec<Value> = found.iter().map(as_json).collect();
            output.document(&json!({ "readers": list, "simulated": SIMULATED }))?;
            return Ok(Ending::Done);
        }
        if found.is_empty() {
            output.line("no PC/SC reader is connected")?;
        }
        for reader in &found {
            output.line(&format!("pcsc:{}  {}", reader.name, card(&reader.card)))?;
        }
        for (selector, what) in SIMULATED {
            output.line(&format!("{selector}  {FAINT}{what}{FAINT:#}"))?;
        }
        Ok(Ending::Done)
    }
}

fn card(state: &CardState) -> String {
    match state {
        CardState::Present { atr } => format!("{GOOD}card{GOOD:#} {}", hex::encode_upper(atr)),
        CardState::InUse { atr } => {
            format!(
                "{WARNING}card in use by another program{WARNING:#} {}",
                hex::encode_upper(atr)
            )
        }
        CardState::Mute => format!("{BAD}card that does not answer{BAD:#}"),
        CardState::Empty => format!("{FAINT}empty{FAINT:#}"),
    }
}

fn as_json(reader: &ReaderInfo) -> Value {
    let (state, atr) = match &reader.card {
        CardState::Present { atr } => ("present", Some(atr)),
        CardState::InUse { atr } => ("in-use", Some(atr)),
        CardState::Mute => ("mute", None),
        CardState::Empty => ("empty", None),
    };
    json!({
        "name": reader.name,
        "selector": format!("pcsc:{}", reader.name),
        "card": state,
        "atr": atr.map(hex::encode_upper),
    })
}
