use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;
use series::Certainty;

use super::client::{Found, of_machine};
use super::finding::{Checked, Finding, FunctionOn, Severity, Verdict};
use super::needs;
use crate::day::Day;
use crate::inventory::{Applications, Machine};
use crate::register::{Client, Function, Rule, RuleKind};

/// Checks machines against the register on one day.
#[derive(Debug)]
pub struct Checker<'r> {
    day: Day<'r>,
    /// What the rules say of a series and a client, worked out once.
    pairs: HashMap<(Option<u8>, Option<&'r str>), Arc<Pair>>,
}

#[derive(Debug)]
struct Pair {
    functions: Vec<FunctionOn>,
    findings: Vec<Ruled>,
}

#[derive(Clone, Debug)]
struct Ruled {
    finding: Arc<Finding>,
    functions: Vec<Function>,
}

impl Ruled {
    /// A rule about one kind of application is about the machines that have one.
    fn concerns(&self, uses: Applications) -> bool {
        match self.functions.as_slice() {
            [Function::AuthenticateCis1] => uses.cis1 == Some(true),
            [Function::AuthenticateCis2] => uses.cis2 == Some(true),
            _ => true,
        }
    }
}

impl<'r> Checker<'r> {
    /// Checks on that day.
    #[must_use]
    pub fn new(day: Day<'r>) -> Self {
        Self {
            day,
            pairs: HashMap::new(),
        }
    }

    /// Checks one machine.
    #[must_use]
    pub fn check(&mut self, machine: Machine) -> Checked {
        let register = self.day.register();
        let (found, apart) = of_machine(register, &machine);
        let mut findings = Vec::new();
        let client = match found {
            Found::Known(client) => Some(client),
            Found::NotStated => None,
            Found::Unclear(says, advice) => {
                findings.push(Arc::new(ask(says, advice)));
                None
            }
        };
        for apart in apart {
            findings.push(Arc::new(Finding {
                severity: Severity::Warned,
                says: apart.says.value.clone(),
                advice: apart.advice.clone(),
                date: None,
                event: None,
                source: apart.says.source.clone(),
                certainty: apart.says.certainty,
                disputed: disputed(&apart.says),
                replaces: None,
            }));
        }
        let pair = self.pair(machine.series, client);
        let concerned = pair
            .findings
            .iter()
            .filter(|ruled| ruled.concerns(machine.applications));
        findings.extend(concerned.map(|ruled| Arc::clone(&ruled.finding)));
        needs::software(self.day, &machine, client, &mut findings);
        needs::printers(self.day, &machine, &mut findings);
        findings.sort_by_key(|finding| (finding.severity, finding.date));

        let asks_hello = machine.tpm.is_some()
            || machine.windows_build.is_some()
            || machine.camera.is_some()
            || machine.fingerprint.is_some();
        let hello = asks_hello.then(|| register.hello.check(&machine));
        Checked {
            verdict: verdict(&machine, client, &findings),
            client: client.map(|client| client.id.clone()),
            functions: pair.functions.clone(),
            findings,
            hello,
            machine,
            problems: Vec::new(),
        }
    }

    fn pair(&mut self, series: Option<u8>, client: Option<&'r Client>) -> Arc<Pair> {
        let day = self.day;
        let key = (series, client.map(|client| client.id.as_str()));
        let pair = self.pairs.entry(key).or_insert_with(|| {
            Arc::new(Pair {
                functions: functions(day, series, client),
                findings: ruled(day, series, client),
            })
        });
        Arc::clone(pair)
    }
}

fn functions<'r>(day: Day<'r>, series: Option<u8>, client: Option<&'r Client>) -> Vec<FunctionOn> {
    let (Some(series), Some(client)) = (series, client) else {
        return Vec::new();
    };
    let on = |function| {
        let answer = day.answer(series, client, function);
        FunctionOn {
            function,
            standing: answer.standing,
            stops: answer.stops.map(|stop| stop.date),
        }
    };
    Function::ALL.into_iter().map(on).collect()
}

/// What the rules find about a series and a client.
fn ruled(day: Day<'_>, series: Option<u8>, client: Option<&Client>) -> Vec<Ruled> {
    let client = client.map(|client| client.id.as_str());
    let covering = day
        .register()
        .rules()
        .filter(|rule| rule.covers_pair(series, client));
    let all: Vec<Ruled> = covering.filter_map(|rule| finding(day, rule)).collect();
    let today = day.date();
    all.iter()
        .filter(|one| !all.iter().any(|other| supersedes(other, one, today)))
        .cloned()
        .collect()
}

/// Whether nothing is left to say once the other has been said: the same thing is to be replaced
/// for everything already.
fn supersedes(other: &Ruled, one: &Ruled, today: Date) -> bool {
    let (by, about) = (&other.finding, &one.finding);
    let stopped_for_all = by.severity == Severity::Stopped && other.functions.is_empty();
    let to_come = about.date.is_some_and(|date| date > today);
    let narrower = about.severity > by.severity || !one.functions.is_empty();
    stopped_for_all
        && about.replaces.is_some()
        && by.replaces == about.replaces
        && narrower
        && !to_come
}

fn finding(day: Day<'_>, rule: &Rule) -> Option<Ruled> {
    let advice = rule.advice.clone()?;
    let event = rule.begins.as_ref().and_then(|id| day.register().event(id));
    let severity = match (rule.kind, day.began(rule)) {
        (RuleKind::Block, true) => Severity::Stopped,
        (RuleKind::Block, false) => Severity::Deadline,
        (RuleKind::Warn, true) => Severity::Warned,
        (RuleKind::Warn, false) | (RuleKind::Allow, _) => return None,
    };
    let mut disputes = disputed(&rule.says);
    let date = event.and_then(|event| event.date.as_ref());
    if let Some(date) = date {
        let others = date.conflicts.iter();
        disputes.extend(others.map(|other| format!("{} [{}]", other.value, other.source)));
    }
    let finding = Finding {
        severity,
        says: rule.says.value.clone(),
        advice,
        date: date.map(|date| date.value),
        event: event.map(|event| event.id.clone()),
        source: rule.says.source.clone(),
        certainty: date.map_or(rule.says.certainty, |date| {
            date.certainty.max(rule.says.certainty)
        }),
        disputed: disputes,
        replaces: rule.replaces,
    };
    Some(Ruled {
        finding: Arc::new(finding),
        functions: rule.functions.clone(),
    })
}

pub(super) fn disputed(known: &series::Known<String>) -> Vec<String> {
    let others = known.conflicts.iter();
    others
        .map(|other| format!("{} [{}]", other.value, other.source))
        .collect()
}

pub(super) fn ask(says: String, advice: String) -> Finding {
    Finding {
        severity: Severity::Ask,
        says,
        advice,
        date: None,
        event: None,
        source: "the inventory".to_owned(),
        certainty: Certainty::Unknown,
        disputed: Vec::new(),
        replaces: None,
    }
}

fn verdict(machine: &Machine, client: Option<&Client>, findings: &[Arc<Finding>]) -> Verdict {
    match findings.iter().map(|finding| finding.severity).min() {
        Some(Severity::Stopped) => Verdict::Stopped,
        Some(Severity::Warned | Severity::Deadline) => Verdict::Act,
        Some(Severity::Ask) => Verdict::NotJudged,
        // Fine is said only of what was looked at.
        None if machine.series.is_some() && client.is_some() => Verdict::Fine,
        None => Verdict::NotJudged,
    }
}
