use clap::Args;
use series::{CardStatus, TriesState};

use super::target::Target;
use crate::output::{BAD, Ending, Failure, HEADING, Output, WARNING};

/// Show which card it is, how its passcode stands, what is in its slots, what is refused to it
///
/// Nothing is written and no try is spent.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright card status --reader sim:series8
  cardwright --json card status --reader \"pcsc:OMNIKEY\"")]
pub(crate) struct Status {
    #[command(flatten)]
    target: Target,
}

impl Status {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        let status = self.target.with(|card, _| Ok(card.status()?))?;
        if output.is_json() {
            output.document(&status)?;
        } else {
            output.line(render(&status).trim_end())?;
        }
        let good = status.refused.is_empty()
            && status.contradictions.is_empty()
            && status.passcode != Some(TriesState::Blocked);
        Ok(match good {
            true => Ending::Done,
            false => Ending::Findings,
        })
    }
}

fn render(status: &CardStatus) -> String {
    let mut text = format!("{HEADING}Card{HEADING:#}\n");
    let mut line = |name: &str, value: &str| {
        text.push_str(&format!("  {name:<16}  {value}\n"));
    };
    line("series", &status.series);
    match status.applet {
        Some(applet) => line("application", &applet.to_string()),
        None => line("application", "none that cardwright can speak to"),
    }
    for name in &status.names {
        line("number", &plain(name));
    }
    if let Some(passcode) = status.passcode {
        line("passcode", &tries(passcode));
    }
    if let Some(unlocking) = status.unlocking {
        line("PUK or SO PIN", &tries(unlocking));
    }
    for slot in &status.slots {
        let held = match (&slot.subject, &slot.problem, slot.not_after) {
            (Some(subject), _, Some(end)) => {
                format!("{}, until {}", plain(subject), end.strftime("%Y-%m-%d"))
            }
            (_, Some(problem), _) => format!("{WARNING}{}{WARNING:#}", plain(problem)),
            _ => "no certificate".to_owned(),
        };
        line(slot.slot.name(), &held);
    }
    for refused in &status.refused {
        let reason = format!("{BAD}refused{BAD:#}: {}", refused.reason);
        line(refused.operation.name(), &reason);
    }
    for contradiction in &status.contradictions {
        line(
            "contradiction",
            &format!("{WARNING}{contradiction}{WARNING:#}"),
        );
    }
    text
}

/// What a card says, without anything that moves the cursor.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect()
}

fn tries(state: TriesState) -> String {
    match state {
        TriesState::Left { tries: 1 } => format!("{WARNING}1 try left{WARNING:#}"),
        TriesState::Left { tries } => format!("{tries} tries left"),
        TriesState::Blocked => format!("{BAD}blocked{BAD:#}"),
        TriesState::Verified => "verified".to_owned(),
        TriesState::Absent => "not set".to_owned(),
        TriesState::NotTold => "the card does not say".to_owned(),
    }
}
