use clap::{Args, Subcommand};
use readers::features::Features;
use readers::{CardState, ReaderInfo, Service};
use serde_json::{Value, json};

use crate::output::{BAD, Ending, FAINT, Failure, GOOD, Output, WARNING};
use crate::selector::SIMULATED;

mod doctor;

/// List the readers there are and what is in them, or find out why one cannot be used
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright readers
  cardwright --json readers
  cardwright readers doctor
  cardwright readers doctor --station station.toml

A reader is named in other commands as `pcsc:NAME`, where NAME may be a part of the name, or a
pattern of the whole name in which `*` stands for anything: `pcsc:OMNIKEY*00 00`.
Simulated cards need no reader: `sim:series10`.")]
pub(crate) struct Readers {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Doctor(doctor::Doctor),
}

impl Readers {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        match &self.command {
            Some(Command::Doctor(doctor)) => doctor.run(output),
            None => list(output),
        }
    }
}

fn list(output: Output) -> Result<Ending, Failure> {
    let service = Service::new();
    let found = service.list()?;
    // A reader whose card another program holds cannot be asked; that is no reason not to list it.
    let features = |reader: &ReaderInfo| service.features_of(&reader.name).ok();
    if output.is_json() {
        let list: Vec<Value> = found
            .iter()
            .map(|reader| as_json(reader, features(reader).as_ref()))
            .collect();
        output.document(&json!({ "readers": list, "simulated": SIMULATED }))?;
        return Ok(Ending::Done);
    }
    if found.is_empty() {
        output.line("no PC/SC reader is connected (`cardwright readers doctor` looks for why)")?;
    }
    for reader in &found {
        output.line(&format!("pcsc:{}  {}", reader.name, card(&reader.card)))?;
        if let Some(features) = features(reader).filter(|it| !it.list.is_empty()) {
            output.line(&format!("    {FAINT}{}{FAINT:#}", in_words(&features)))?;
        }
    }
    for (selector, what) in SIMULATED {
        output.line(&format!("{selector}  {FAINT}{what}{FAINT:#}"))?;
    }
    Ok(Ending::Done)
}

/// What a reader can do, on one line.
fn in_words(features: &Features) -> String {
    let names: Vec<String> = features.list.iter().map(ToString::to_string).collect();
    let pad = if features.has_pin_pad() {
        "PIN pad; "
    } else {
        ""
    };
    let mut line = format!("{pad}{}", names.join(", "));
    let properties = features.properties.as_ref();
    let sizes = properties.and_then(|it| Some((it.shortest_pin?, it.longest_pin?)));
    if let Some((shortest, longest)) = sizes {
        line.push_str(&format!("; PINs of {shortest} to {longest} digits"));
    }
    if let Some(firmware) = properties.and_then(|it| it.firmware.as_ref()) {
        line.push_str(&format!("; firmware {firmware}"));
    }
    line
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

fn as_json(reader: &ReaderInfo, features: Option<&Features>) -> Value {
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
        "pin-pad": features.map(Features::has_pin_pad),
        "features": features.map(|it| &it.list),
        "pin-properties": features.map(|it| it.pin),
        "properties": features.map(|it| &it.properties),
    })
}

#[cfg(test)]
mod tests {
    use readers::features::{Feature, TlvProperties};

    use super::*;

    fn pin_pad() -> Features {
        Features {
            list: vec![Feature::VERIFY_PIN_DIRECT, Feature::MODIFY_PIN_DIRECT],
            pin: None,
            properties: Some(TlvProperties {
                shortest_pin: Some(4),
                longest_pin: Some(16),
                firmware: Some("V1.20".to_owned()),
                ..TlvProperties::default()
            }),
        }
    }

    #[test]
    fn what_a_pin_pad_can_do_is_on_one_line() {
        assert_eq!(
            in_words(&pin_pad()),
            "PIN pad; FEATURE_VERIFY_PIN_DIRECT, FEATURE_MODIFY_PIN_DIRECT; PINs of 4 to 16 \
             digits; firmware V1.20"
        );
    }

    #[test]
    fn json_names_the_features_and_knows_a_reader_that_was_not_asked() {
        let reader = ReaderInfo {
            name: "Pad".to_owned(),
            card: CardState::Empty,
        };
        let asked = as_json(&reader, Some(&pin_pad()));
        assert_eq!(asked["pin-pad"], true);
        assert_eq!(asked["features"][0], "FEATURE_VERIFY_PIN_DIRECT");
        assert_eq!(asked["properties"]["longest-pin"], 16);
        let not_asked = as_json(&reader, None);
        assert!(not_asked["features"].is_null() && not_asked["pin-pad"].is_null());
    }
}
