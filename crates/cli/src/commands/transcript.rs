use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use iso7816::ber::Tag;
use iso7816::describe::{self, Apdu, Description, Folded, Names, TlvNode};
use iso7816::transcript::Entry;
use iso7816::{Instruction, Masked, StatusWord, Transcript as Recording};
use piv::words::{AID, AID_TRUNCATED, KeyReference, ObjectId, PinReference};
use serde_json::{Value, json};

use crate::devices::read_transcript;
use crate::output::{BAD, Ending, FAINT, Failure, GOOD, HEADING, Output, WARNING};

/// Most bytes of a value that are shown on a line; `--full` shows all.
const SHOWN_BYTES: usize = 32;

/// Read recorded conversations with cards
#[derive(Args, Debug)]
pub(crate) struct Transcript {
    #[command(subcommand)]
    command: TranscriptCommand,
}

#[derive(Debug, Subcommand)]
enum TranscriptCommand {
    Show(Show),
}

/// Print the exchanges with names, status words in words and data objects taken apart
///
/// Chained parts, GET RESPONSE and repeated commands are shown as the one command they make up.
/// Secrets were withheld when the transcript was written and appear as `**`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright inspect --reader sim:series10 --transcript card.jsonl
  cardwright transcript show card.jsonl
  cardwright transcript show --errors card.jsonl")]
struct Show {
    /// The transcript
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Only what did not end with 9000
    #[arg(long)]
    errors: bool,

    /// Whole values, however long
    #[arg(long)]
    full: bool,
}

impl Transcript {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        match &self.command {
            TranscriptCommand::Show(show) => show.run(output),
        }
    }
}

impl Show {
    fn run(&self, output: Output) -> Result<Ending, Failure> {
        let recording = read_transcript(&self.file)?;
        let wanted =
            |folded: &Folded| !self.errors || !folded.status.is_some_and(StatusWord::is_ok);
        let exchanges = describe::fold(recording.exchanges());
        let exchanges = exchanges.iter().filter(|folded| wanted(folded));
        if output.is_json() {
            let exchanges: Vec<Value> = exchanges.map(as_json).collect();
            output.document(&json!({
                "header": recording.header,
                "complete": recording.complete,
                "exchanges": exchanges,
            }))?;
            return Ok(Ending::Done);
        }
        let mut text = heading(&recording);
        for folded in exchanges {
            self.exchange(folded, &mut text);
        }
        if !recording.complete {
            let _ = write!(
                text,
                "\n{WARNING}the transcript has no end: its writer was stopped{WARNING:#}"
            );
        }
        output.line(text.trim_end())?;
        Ok(Ending::Done)
    }

    fn exchange(&self, folded: &Folded, text: &mut String) {
        let number = if folded.first == folded.last {
            folded.first.to_string()
        } else {
            format!("{}-{}", folded.first, folded.last)
        };
        let Description { name, details } = description(folded);
        let verdict = verdict(folded);
        let took = milliseconds(folded.took_us);
        let details = details.join(", ");
        let _ = writeln!(
            text,
            "{FAINT}{number:>7}{FAINT:#}  {HEADING}{name}{HEADING:#}  {details}"
        );
        if let Some(apdu) = folded.command.as_ref().filter(|apdu| !apdu.data.is_empty()) {
            self.data("sent", &apdu.data, command_objects(apdu), text);
        }
        if !folded.response.is_empty() {
            self.data(
                "got",
                &folded.response,
                describe::tlv_tree(&folded.response, &PivNames),
                text,
            );
        }
        let _ = writeln!(text, "         {verdict}  {FAINT}{took}{FAINT:#}");
    }

    fn data(&self, side: &str, data: &Masked, objects: Option<Vec<TlvNode>>, text: &mut String) {
        let _ = writeln!(text, "         {side:<4} {}", self.value(data));
        if let Some(nodes) = objects {
            self.nodes(&nodes, 2, text);
        }
    }

    fn nodes(&self, nodes: &[TlvNode], depth: usize, text: &mut String) {
        for node in nodes {
            let indent = "  ".repeat(depth);
            let name = node.name.as_deref().unwrap_or_default();
            let value = if node.children.is_empty() {
                self.value(&node.value)
            } else {
                format!("{FAINT}{} bytes{FAINT:#}", node.value.len())
            };
            let _ = writeln!(
                text,
                "          {indent}{} {FAINT}{name}{FAINT:#} {value}",
                node.tag
            );
            self.nodes(&node.children, depth + 1, text);
        }
    }

    fn value(&self, value: &Masked) -> String {
        if self.full || value.len() <= SHOWN_BYTES {
            return value.to_string();
        }
        format!(
            "{}… {FAINT}({} bytes){FAINT:#}",
            value.part(0..SHOWN_BYTES),
            value.len()
        )
    }
}

/// The data objects of a command. The name in a SELECT is none, although it may read like some.
fn command_objects(apdu: &Apdu) -> Option<Vec<TlvNode>> {
    if Instruction(apdu.header[1]) == Instruction::SELECT {
        return None;
    }
    describe::tlv_tree(&apdu.data, &PivNames)
}

fn heading(recording: &Recording) -> String {
    let header = &recording.header;
    let mut text = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        let _ = writeln!(text, "{HEADING}{name:<9}{HEADING:#}{value}");
    };
    line("reader", &header.reader);
    line(
        "recorded",
        &format_args!("{} by {}", header.time, header.tool),
    );
    line(
        "ATR",
        &format_args!("{} ({})", hex::encode_upper(&header.atr), header.protocol),
    );
    if let Some(series) = &header.series {
        line("series", series);
    }
    if let Some(card) = &header.card {
        line("card", card);
    }
    let notes = recording.entries.iter().filter_map(|entry| match entry {
        Entry::Note { text, .. } => Some(text),
        _ => None,
    });
    for note in notes {
        line("note", note);
    }
    text.push('\n');
    text
}

fn description(folded: &Folded) -> Description {
    folded.command.as_ref().map_or_else(
        || Description {
            name: "no command APDU".to_owned(),
            details: Vec::new(),
        },
        |apdu| describe::command(apdu, &PivNames),
    )
}

fn verdict(folded: &Folded) -> String {
    match (folded.status, &folded.error) {
        (Some(status), _) if status.is_ok() => format!("{GOOD}{status}{GOOD:#}"),
        (Some(status), _) => format!("{WARNING}{status}{WARNING:#}"),
        (None, Some(failure)) => format!("{BAD}{}{BAD:#}", failure.detail),
        (None, None) => format!("{BAD}no answer{BAD:#}"),
    }
}

fn milliseconds(microseconds: u64) -> String {
    format!("{}.{:03} ms", microseconds / 1000, microseconds % 1000)
}

fn as_json(folded: &Folded) -> Value {
    let description = description(folded);
    json!({
        "first": folded.first,
        "last": folded.last,
        "at_us": folded.at_us,
        "took_us": folded.took_us,
        "name": description.name,
        "details": description.details,
        "header": folded.command.as_ref().map(|apdu| hex::encode_upper(apdu.header)),
        "data": folded.command.as_ref().map(|apdu| apdu.data.to_string()),
        "data_objects": folded.command.as_ref().and_then(command_objects),
        "response": folded.response.to_string(),
        "response_objects": describe::tlv_tree(&folded.response, &PivNames),
        "status": folded.status.map(|status| format!("{:04X}", status.0)),
        "meaning": folded.status.map(StatusWord::meaning),
        "error": folded.error,
    })
}

/// What PIV calls things.
struct PivNames;

impl Names for PivNames {
    fn object(&self, tag: Tag) -> Option<String> {
        ObjectId::from_tag(tag).map(|object| object.to_string())
    }

    fn application(&self, aid: &[u8]) -> Option<String> {
        if aid == AID || aid == AID_TRUNCATED {
            Some("PIV".to_owned())
        } else {
            describe::GenericNames.application(aid)
        }
    }

    fn key(&self, reference: u8) -> Option<String> {
        let key = KeyReference::from_byte(reference).map(|key| match key {
            KeyReference::SecureMessaging => "secure messaging key".to_owned(),
            KeyReference::Retired(retired) => format!("retired key {}", retired.number()),
            KeyReference::Authentication => "PIV Authentication key".to_owned(),
            KeyReference::Administration => "administration key".to_owned(),
            KeyReference::Signature => "Digital Signature key".to_owned(),
            KeyReference::KeyManagement => "Key Management key".to_owned(),
            KeyReference::CardAuthentication => "Card Authentication key".to_owned(),
        });
        let passcode = || {
            PinReference::from_byte(reference).map(|pin| match pin {
                PinReference::Global => "Global PIN".to_owned(),
                PinReference::Application => "PIV PIN".to_owned(),
                PinReference::Unblocking => "PUK".to_owned(),
                PinReference::PrimaryFinger => "primary finger".to_owned(),
                PinReference::SecondaryFinger => "secondary finger".to_owned(),
                PinReference::PairingCode => "pairing code".to_owned(),
            })
        };
        key.or_else(passcode)
    }
}
