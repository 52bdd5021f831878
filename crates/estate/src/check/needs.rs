//! What a machine needs beside its client: middleware, Credential Management, a printer that lasts.

use std::sync::Arc;

use super::checker::{ask, disputed};
use super::finding::{Finding, Severity};
use crate::Version;
use crate::day::Day;
use crate::inventory::Machine;
use crate::register::{Client, Software, SoftwareColumn, Thing};
use crate::words::{names, plain, shown};

pub(super) fn software(
    day: Day<'_>,
    machine: &Machine,
    client: Option<&Client>,
    findings: &mut Vec<Arc<Finding>>,
) {
    let middleware = machine.middleware.as_deref().map(plain);
    let mut oldest: Option<(&Software, &Version)> = None;
    for need in day.register().software() {
        if !concerns(need, machine, client) {
            continue;
        }
        match need.column {
            SoftwareColumn::Middleware => {
                let Some(installed) = &middleware else {
                    continue;
                };
                if names(installed, &need.phrases.0) == need.unwanted {
                    findings.push(Arc::new(lacking(day, need, "", Thing::Middleware)));
                }
            }
            SoftwareColumn::CredentialManagement => {
                let (Some(installed), Some(least)) =
                    (&machine.credential_management, &need.at_least)
                else {
                    continue;
                };
                let enough = installed
                    .as_ref()
                    .is_some_and(|found| *found >= least.value);
                let most = oldest.is_none_or(|(_, known)| least.value > *known);
                if !enough && most {
                    oldest = Some((need, &least.value));
                }
            }
        }
    }
    // The highest version asked for answers the others, too.
    if let Some((need, _)) = oldest {
        let found = match machine
            .credential_management
            .as_ref()
            .and_then(Option::as_ref)
        {
            Some(version) => format!("; {version} is installed"),
            None => "; it is not installed".to_owned(),
        };
        findings.push(Arc::new(lacking(
            day,
            need,
            &found,
            Thing::CredentialManagement,
        )));
    }
}

fn concerns(need: &Software, machine: &Machine, client: Option<&Client>) -> bool {
    let series = machine.series;
    let of_series = need.series.is_empty() || series.is_some_and(|s| need.series.contains(&s));
    let of_client =
        need.clients.is_empty() || client.is_some_and(|client| need.clients.contains(&client.id));
    of_series && of_client
}

fn lacking(day: Day<'_>, need: &Software, found: &str, thing: Thing) -> Finding {
    let due = need.due.as_ref().and_then(|id| day.register().event(id));
    let severity = match due {
        _ if need.unwanted => Severity::Warned,
        Some(event) if !event.holds(day.date()) => Severity::Deadline,
        _ => Severity::Stopped,
    };
    let at_least = need.at_least.as_ref();
    let others = at_least.into_iter().flat_map(|known| &known.conflicts);
    let mut disputes = disputed(&need.why);
    disputes.extend(others.map(|other| format!("{} [{}]", other.value, other.source)));
    Finding {
        severity,
        says: format!("{}{found}", need.why.value),
        advice: need.advice.clone(),
        date: due.and_then(|event| event.day()),
        event: due.map(|event| event.id.clone()),
        source: need.why.source.clone(),
        certainty: at_least.map_or(need.why.certainty, |known| {
            known.certainty.max(need.why.certainty)
        }),
        disputed: disputes,
        replaces: Some(thing),
    }
}

pub(super) fn printers(day: Day<'_>, machine: &Machine, findings: &mut Vec<Arc<Finding>>) {
    let Some(model) = machine.printer.as_deref().filter(|model| !model.is_empty()) else {
        return;
    };
    let words = plain(model);
    let known = day.register().printers();
    for printer in known.filter(|printer| names(&words, &printer.phrases.0)) {
        let told = |severity, replaces| Finding {
            severity,
            says: printer.says.value.clone(),
            advice: printer.advice.clone(),
            date: None,
            event: None,
            source: printer.says.source.clone(),
            certainty: printer.says.certainty,
            disputed: disputed(&printer.says),
            replaces: Some(replaces),
        };
        if printer.end_of_life {
            findings.push(Arc::new(told(Severity::Warned, Thing::Printers)));
        }
        if printer.needs_credential_management {
            match &machine.credential_management {
                Some(Some(_)) => {}
                Some(None) => {
                    let finding = told(Severity::Stopped, Thing::CredentialManagement);
                    findings.push(Arc::new(finding));
                }
                None => findings.push(Arc::new(ask(
                    format!(
                        "{}, and whether it is installed beside `{}` is not stated",
                        printer.says.value,
                        shown(model)
                    ),
                    "state the version of Credential Management, or `none`".to_owned(),
                ))),
            }
        }
    }
}
