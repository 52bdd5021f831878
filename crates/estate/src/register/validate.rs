use series::Known;

use super::model::{Phrases, key};
use super::parse::{Named, Placed, Whole};
use super::{Function, Rule, RuleKind, SoftwareColumn};
use crate::RegisterError;

/// The highest series number there can be: two digits on the back of the card.
const MAX_SERIES: u8 = 99;

/// Whether the parts of the register fit together.
pub(super) fn whole(whole: &Whole) -> Result<(), RegisterError> {
    sources(whole)?;
    events(whole)?;
    clients(whole)?;
    for placed in &whole.rules {
        rule(placed, whole)?;
    }
    allowed_once(whole)?;
    for placed in &whole.apart {
        cited(placed, &placed.entry.says, whole)?;
        known_clients(placed, &placed.entry.clients, whole)?;
    }
    for placed in &whole.software {
        software(placed, whole)?;
    }
    for placed in &whole.printers {
        cited(placed, &placed.entry.says, whole)?;
        phrases(placed, &placed.entry.phrases)?;
    }
    hello(whole)
}

fn sources(whole: &Whole) -> Result<(), RegisterError> {
    for placed in &whole.sources {
        let source = &placed.entry;
        if source.key.is_empty() || source.key.contains(':') || source.key.trim() != source.key {
            return Err(placed.error("a key is a word without `:`"));
        }
        if source.title.trim().is_empty() {
            return Err(placed.error("`title` is empty"));
        }
        if source.dated.is_some_and(|dated| dated > source.read) {
            return Err(placed.error("it was read before it was written"));
        }
    }
    Ok(())
}

fn events(whole: &Whole) -> Result<(), RegisterError> {
    for placed in &whole.events {
        let event = &placed.entry;
        match &event.date {
            Some(date) => cited(placed, date, whole)?,
            None if event.slipped.is_empty() => {
                return Err(placed.error("neither `date` nor `slipped` is given"));
            }
            None => {}
        }
        for slipped in &event.slipped {
            source(placed, &slipped.source, whole)?;
        }
        for disagreement in &event.disagreements {
            source(placed, &disagreement.source, whole)?;
        }
    }
    Ok(())
}

fn clients(whole: &Whole) -> Result<(), RegisterError> {
    for placed in &whole.clients {
        cited(placed, &placed.entry.name, whole)?;
        phrases(placed, &placed.entry.phrases)?;
        if placed.entry.exactly.is_some() && placed.entry.below.is_some() {
            return Err(placed.error("`exactly` and `below` exclude each other"));
        }
    }
    Ok(())
}

fn rule(placed: &Placed<Rule>, whole: &Whole) -> Result<(), RegisterError> {
    let rule = &placed.entry;
    cited(placed, &rule.says, whole)?;
    known_clients(placed, &rule.clients, whole)?;
    series(placed, &rule.series)?;
    for id in [&rule.begins, &rule.ends].into_iter().flatten() {
        dated_event(placed, id, whole)?;
    }
    // What is blocked stays blocked, so only an allowance has an end.
    if rule.ends.is_some() && rule.kind != RuleKind::Allow {
        return Err(placed.error("only an allowance has an end"));
    }
    if rule.kind == RuleKind::Allow && rule.series.is_empty() {
        return Err(placed.error("an allowance names its series"));
    }
    if rule.replaces.is_some() && rule.advice.is_none() {
        return Err(placed.error("`replaces` without `advice`"));
    }
    Ok(())
}

/// Two allowances for one thing could end and open again.
fn allowed_once(whole: &Whole) -> Result<(), RegisterError> {
    let allowing: Vec<_> = whole
        .rules
        .iter()
        .filter(|placed| placed.entry.kind == RuleKind::Allow)
        .collect();
    for (index, placed) in allowing.iter().enumerate() {
        for &series in &placed.entry.series {
            for client in &whole.clients {
                for function in Function::ALL {
                    let covers = |rule: &Rule| rule.covers(series, client.entry.name(), function);
                    if !covers(&placed.entry) {
                        continue;
                    }
                    if let Some(first) = allowing[..index].iter().find(|p| covers(&p.entry)) {
                        return Err(placed.error(format!(
                            "`{}` allows {function} with series {series} and {} already",
                            first.entry.id,
                            client.entry.name()
                        )));
                    }
                }
            }
        }
    }
    Ok(())
}

fn software(placed: &Placed<super::Software>, whole: &Whole) -> Result<(), RegisterError> {
    let software = &placed.entry;
    cited(placed, &software.name, whole)?;
    cited(placed, &software.why, whole)?;
    if let Some(version) = &software.at_least {
        cited(placed, version, whole)?;
    }
    known_clients(placed, &software.clients, whole)?;
    series(placed, &software.series)?;
    if let Some(id) = &software.due {
        dated_event(placed, id, whole)?;
    }
    match software.column {
        SoftwareColumn::Middleware if software.at_least.is_some() => {
            Err(placed.error("middleware is told by name, not by version"))
        }
        SoftwareColumn::Middleware => phrases(placed, &software.phrases),
        SoftwareColumn::CredentialManagement if software.at_least.is_none() => {
            Err(placed.error("`at-least` is missing"))
        }
        SoftwareColumn::CredentialManagement if software.unwanted => {
            Err(placed.error("only middleware is to be taken off"))
        }
        SoftwareColumn::CredentialManagement => Ok(()),
    }
}

fn hello(whole: &Whole) -> Result<(), RegisterError> {
    let placed = &whole.hello;
    let hello = &placed.entry;
    cited(placed, &hello.tpm, whole)?;
    for known in [
        &hello.own_device,
        &hello.biometrics,
        &hello.applications,
        &hello.battery,
    ] {
        cited(placed, known, whole)?;
    }
    for windows in &hello.windows {
        cited(placed, &windows.eligible, whole)?;
        if let Some(note) = &windows.note {
            cited(placed, note, whole)?;
        }
        if windows
            .last_build
            .is_some_and(|last| last < windows.first_build)
        {
            return Err(placed.error(format!(
                "the builds of {} end before they begin",
                windows.name
            )));
        }
    }
    Ok(())
}

fn cited<T: Named, V>(
    placed: &Placed<T>,
    known: &Known<V>,
    whole: &Whole,
) -> Result<(), RegisterError> {
    source(placed, &known.source, whole)?;
    for conflict in &known.conflicts {
        source(placed, &conflict.source, whole)?;
    }
    Ok(())
}

fn source<T: Named>(placed: &Placed<T>, cited: &str, whole: &Whole) -> Result<(), RegisterError> {
    let key = key(cited);
    if whole.sources.iter().any(|source| source.entry.key == key) {
        return Ok(());
    }
    Err(placed.error(format!(
        "no source `{key}`; add a `[[source]]` with that key"
    )))
}

fn dated_event<T: Named>(placed: &Placed<T>, id: &str, whole: &Whole) -> Result<(), RegisterError> {
    match whole.events.iter().find(|event| event.entry.id == id) {
        None => Err(placed.error(format!("no event `{id}`"))),
        Some(event) if event.entry.date.is_none() => {
            Err(placed.error(format!("event `{id}` has no date")))
        }
        Some(_) => Ok(()),
    }
}

fn known_clients<T: Named>(
    placed: &Placed<T>,
    clients: &[String],
    whole: &Whole,
) -> Result<(), RegisterError> {
    for id in clients {
        if !whole.clients.iter().any(|client| client.entry.id == *id) {
            return Err(placed.error(format!("no client `{id}`")));
        }
    }
    Ok(())
}

fn series<T: Named>(placed: &Placed<T>, series: &[u8]) -> Result<(), RegisterError> {
    match series
        .iter()
        .find(|number| !(1..=MAX_SERIES).contains(*number))
    {
        Some(number) => Err(placed.error(format!("there is no series {number}"))),
        None => Ok(()),
    }
}

fn phrases<T: Named>(placed: &Placed<T>, phrases: &Phrases) -> Result<(), RegisterError> {
    if phrases.0.is_empty() || phrases.0.iter().any(|phrase| phrase.trim().is_empty()) {
        return Err(placed.error("`match` needs phrases with letters or digits"));
    }
    Ok(())
}
