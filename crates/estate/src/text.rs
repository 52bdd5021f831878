//! The calendar in words, for a terminal.

use std::fmt::Write as _;

use crate::day::{Answer, Day, EventOn, EventState, Standing};
use crate::register::{Function, Register};

/// What is true on the day, what comes next, what slipped and where sources disagree.
#[must_use]
pub fn calendar_text(day: Day<'_>) -> String {
    let mut text = String::new();
    let on = day.date();
    push(&mut text, &format!("What each series may do on {on}"));
    capabilities(&mut text, day);
    next(&mut text, day);
    calendar(&mut text, day);
    slipped(&mut text, day.register());
    disagreements(&mut text, day);
    sources(&mut text, day.register());
    text
}

fn push(text: &mut String, line: &str) {
    text.push_str(line.trim_end());
    text.push('\n');
}

fn capabilities(text: &mut String, day: Day<'_>) {
    let register = day.register();
    let mut lines = vec![row(
        "series",
        "client",
        Function::ALL.map(|f| f.words().to_owned()),
    )];
    let mut blocks: Vec<(Vec<u8>, Vec<Cells>)> = Vec::new();
    for series in register.series() {
        let block = clients_of(day, series);
        match blocks.last_mut() {
            Some((all, last)) if *last == block => all.push(series),
            _ => blocks.push((vec![series], block)),
        }
    }
    for (series, block) in blocks {
        let mut name: String = series
            .iter()
            .map(u8::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        for (clients, cells) in block {
            lines.push(row(&name, &clients, cells));
            name.clear();
        }
    }
    for line in aligned(&lines) {
        push(text, &format!("  {line}"));
    }
}

/// Clients, and what may be done with them, function by function.
type Cells = (String, [String; 4]);

/// The clients of a series and the cells of each; clients with the same cells in one line.
fn clients_of(day: Day<'_>, series: u8) -> Vec<Cells> {
    let mut lines: Vec<Cells> = Vec::new();
    for client in day.register().clients() {
        let cells = Function::ALL.map(|function| cell(&day.answer(series, client, function)));
        match lines.iter_mut().find(|(_, known)| *known == cells) {
            Some((names, _)) => {
                names.push_str(", ");
                names.push_str(&client.name.value);
            }
            None => lines.push((client.name.value.clone(), cells)),
        }
    }
    if let [(names, _)] = &mut lines[..] {
        "any".clone_into(names);
    }
    lines
}

fn cell(answer: &Answer<'_>) -> String {
    let mark = if answer.disputes.iter().any(|dispute| dispute.decides) {
        " (!)"
    } else {
        ""
    };
    let words = match (answer.standing, answer.since, answer.from, &answer.stops) {
        (Standing::NotStated, ..) => "-".to_owned(),
        (Standing::NotYet, _, Some(from), _) => format!("from {from}"),
        (Standing::NotYet, ..) => "not yet".to_owned(),
        (Standing::Works, _, _, Some(stop)) => format!("until {}", stop.date),
        (Standing::Works, ..) => "yes".to_owned(),
        (Standing::Warned, _, _, Some(stop)) => format!("warned, until {}", stop.date),
        (Standing::Warned, ..) => "warned".to_owned(),
        (Standing::Stopped, Some(since), ..) => format!("no, since {since}"),
        (Standing::Stopped, ..) => "no".to_owned(),
    };
    words + mark
}

fn row(series: &str, client: &str, cells: [String; 4]) -> Vec<String> {
    let mut row = vec![series.to_owned(), client.to_owned()];
    row.extend(cells);
    row
}

/// Lines with their columns below one another.
pub(crate) fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for (cell, &width) in row.iter().zip(&widths) {
            // Writing to a string does not fail.
            let _ = write!(line, "{cell:width$}  ");
        }
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn next(text: &mut String, day: Day<'_>) {
    push(text, "");
    match day.register().next_change(day.date()) {
        None => push(text, "Next: nothing has a date after this day"),
        Some((date, events)) => {
            let days = (date - day.date()).get_days();
            push(text, &format!("Next: {date}, in {days} days"));
            for event in events {
                push(text, &format!("  {}", event.what));
            }
        }
    }
}

fn calendar(text: &mut String, day: Day<'_>) {
    push(text, "");
    push(text, "Calendar");
    let rows: Vec<Vec<String>> = day.events().iter().map(|on| event_row(on)).collect();
    for line in aligned(&rows) {
        push(text, &format!("  {line}"));
    }
}

fn event_row(on: &EventOn<'_>) -> Vec<String> {
    let event = on.event;
    let date = match (event.day(), &event.as_written) {
        (Some(_), Some(written)) => written.clone(),
        (Some(day), None) => day.to_string(),
        (None, _) => "no date".to_owned(),
    };
    let source = match (&event.date, event.slipped.first()) {
        (Some(date), _) => format!("[{}] {}", date.source, date.certainty),
        (None, Some(slipped)) => format!("[{}]", slipped.source),
        (None, None) => String::new(),
    };
    vec![date, on.state.name().to_owned(), event.what.clone(), source]
}

fn slipped(text: &mut String, register: &Register) {
    push(text, "");
    push(text, "Slipped");
    for event in register.events() {
        for slipped in &event.slipped {
            let now = event
                .day()
                .map_or("no new date".to_owned(), |day| format!("now {day}"));
            push(
                text,
                &format!(
                    "  {}  {}: {now} [{}]",
                    slipped.value, event.what, slipped.source
                ),
            );
        }
    }
}

fn disagreements(text: &mut String, day: Day<'_>) {
    let register = day.register();
    push(text, "");
    push(text, "Where sources disagree");
    let mut line = |what: &str, one: (&str, &str), other: (&str, &str)| {
        push(text, &format!("  {what}"));
        push(text, &format!("    {} [{}]", one.0, one.1));
        push(text, &format!("    {} [{}]", other.0, other.1));
    };
    for event in register.events() {
        if let Some(date) = &event.date {
            for other in &date.conflicts {
                let (this, that) = (date.value.to_string(), other.value.to_string());
                line(&event.what, (&this, &date.source), (&that, &other.source));
            }
            for other in &event.disagreements {
                let this = date.value.to_string();
                line(
                    &event.what,
                    (&this, &date.source),
                    (&other.says, &other.source),
                );
            }
        }
    }
    for rule in register.rules() {
        for other in &rule.says.conflicts {
            let what = format!("rule {}", rule.id);
            let one = (rule.says.value.as_str(), rule.says.source.as_str());
            line(&what, one, (&other.value, &other.source));
        }
    }
    for software in register.software() {
        for other in software.at_least.iter().flat_map(|known| &known.conflicts) {
            let version = software
                .at_least
                .as_ref()
                .map(|known| known.value.to_string());
            let this = version.unwrap_or_default();
            let that = other.value.to_string();
            line(
                &software.why.value,
                (&this, &software.why.source),
                (&that, &other.source),
            );
        }
    }
}

fn sources(text: &mut String, register: &Register) {
    push(text, "");
    push(text, "Sources");
    let rows: Vec<Vec<String>> = register
        .sources()
        .map(|source| {
            let dated = source.dated.map_or(String::new(), |day| format!("{day}, "));
            let read = format!("{dated}read {}", source.read);
            vec![source.key.clone(), source.title.clone(), read]
        })
        .collect();
    for line in aligned(&rows) {
        push(text, &format!("  {line}"));
    }
    push(text, "");
    push(
        text,
        "warned: works, and should not be relied on. -: no source says. (!): a source says \
         otherwise, see below. A day after \"until\" or \"since\" is the first on which it is gone.",
    );
}

/// Events whose day has come and which nobody has confirmed.
#[must_use]
pub(crate) fn unconfirmed<'r>(day: Day<'r>) -> Vec<EventOn<'r>> {
    let mut all = day.events();
    all.retain(|on| on.state == EventState::Unconfirmed);
    all
}
