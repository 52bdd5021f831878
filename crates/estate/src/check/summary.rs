use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use serde::Serialize;

use super::finding::{Checked, Finding, Severity, Verdict};
use crate::day::Day;
use crate::hello::HelloVerdict;
use crate::inventory::{Column, Problem, ProblemKind};
use crate::register::Thing;

/// What an inventory comes to.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The day.
    pub on: Date,
    /// Rows.
    pub rows: u64,
    /// Cards in them.
    pub cards: u64,
    /// Rows and cards for each verdict.
    pub verdicts: Vec<VerdictCount>,
    /// What is to be replaced by which date, by date. Past dates are overdue.
    pub deadlines: Vec<DeadlineCount>,
    /// What is to be replaced and has no date.
    pub undated: BTreeMap<Thing, u64>,
    /// Machines by whether they qualify for Windows Hello.
    pub hello: HelloCounts,
    /// In how many rows a column says nothing, so that it was not checked. Columns the file does
    /// not have count every row.
    pub not_stated: BTreeMap<Column, u64>,
    /// What is wrong with the header.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub header_problems: Vec<Problem>,
    /// How many things are wrong with header and rows.
    pub problems: u64,
    /// Events behind the findings whose day has come without a source that confirms it, by id.
    pub unconfirmed: BTreeSet<String>,
    #[serde(skip)]
    columns: BTreeSet<Column>,
    #[serde(skip)]
    events: HashMap<String, String>,
    #[serde(skip)]
    stale: BTreeSet<String>,
    #[serde(skip)]
    seen: HashMap<String, Seen>,
}

/// Rows and cards with one verdict.
#[derive(Clone, Debug, Serialize)]
pub struct VerdictCount {
    /// The verdict.
    pub verdict: Verdict,
    /// Rows.
    pub rows: u64,
    /// Cards in them.
    pub cards: u64,
}

/// What is to be replaced by one date.
#[derive(Clone, Debug, Serialize)]
pub struct DeadlineCount {
    /// The first day on which it no longer works.
    pub date: Date,
    /// The event, by id.
    pub event: String,
    /// What happens, in plain words.
    pub what: String,
    /// How much of what.
    pub things: BTreeMap<Thing, u64>,
}

/// Machines by whether they qualify for Windows Hello.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct HelloCounts {
    /// They do.
    pub eligible: u64,
    /// They do not.
    pub not_eligible: u64,
    /// The inventory does not say enough.
    pub not_stated: u64,
}

/// A machine may have a row for each series of its cards; it is one machine.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// The line of the first row of each series.
    series: Vec<(Option<u8>, u64)>,
    things: BTreeSet<Thing>,
    hello: bool,
}

impl Summary {
    pub(super) fn new(
        day: Day<'_>,
        columns: impl Iterator<Item = Column>,
        header_problems: Vec<Problem>,
    ) -> Self {
        let count = |verdict| VerdictCount {
            verdict,
            rows: 0,
            cards: 0,
        };
        let events = day.register().events();
        Self {
            on: day.date(),
            rows: 0,
            cards: 0,
            verdicts: Verdict::ALL.map(count).to_vec(),
            deadlines: Vec::new(),
            undated: BTreeMap::new(),
            hello: HelloCounts::default(),
            not_stated: BTreeMap::new(),
            problems: header_problems.len() as u64,
            header_problems,
            unconfirmed: BTreeSet::new(),
            columns: columns.collect(),
            events: events
                .map(|event| (event.id.clone(), event.what.clone()))
                .collect(),
            stale: crate::text::unconfirmed(day)
                .into_iter()
                .map(|on| on.event.id.clone())
                .collect(),
            seen: HashMap::new(),
        }
    }

    /// Whether there is nothing to do and nothing to correct.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let fine = |count: &VerdictCount| count.verdict == Verdict::Fine || count.rows == 0;
        self.problems == 0 && self.verdicts.iter().all(fine)
    }

    /// The columns the inventory has.
    pub fn columns(&self) -> impl Iterator<Item = Column> {
        self.columns.iter().copied()
    }

    pub(super) fn add(&mut self, checked: &mut Checked) {
        self.rows += 1;
        self.cards += u64::from(checked.machine.cards);
        if let Some(count) = self
            .verdicts
            .iter_mut()
            .find(|c| c.verdict == checked.verdict)
        {
            count.rows += 1;
            count.cards += u64::from(checked.machine.cards);
        }
        for column in not_stated(checked) {
            *self.not_stated.entry(column).or_default() += 1;
        }
        let machine = &checked.machine;
        let key = match &machine.site {
            Some(site) => format!("{site}\n{}", machine.id),
            None => machine.id.clone(),
        };
        let mut seen = self.seen.remove(&key).unwrap_or_default();
        match seen
            .series
            .iter()
            .find(|(series, _)| *series == machine.series)
        {
            Some(&(_, first)) => checked.problems.push(Problem {
                line: machine.line,
                column: None,
                kind: ProblemKind::IdTwice {
                    id: crate::words::shown(&machine.id),
                    first,
                },
            }),
            None => seen.series.push((machine.series, machine.line)),
        }
        if let Some(hello) = checked.hello.as_ref().filter(|_| !seen.hello) {
            seen.hello = true;
            match hello.verdict {
                HelloVerdict::Eligible => self.hello.eligible += 1,
                HelloVerdict::NotEligible => self.hello.not_eligible += 1,
                HelloVerdict::NotStated => self.hello.not_stated += 1,
            }
        }
        self.count_things(checked, &mut seen);
        self.seen.insert(key, seen);
        self.problems += checked.problems.len() as u64;
    }

    /// Each thing of a row once, by its first date.
    fn count_things(&mut self, checked: &Checked, seen: &mut Seen) {
        for thing in Thing::ALL {
            let of_thing = checked
                .findings
                .iter()
                .filter(|f| f.replaces == Some(thing));
            let by_date = |finding: &&std::sync::Arc<Finding>| {
                deadline(finding).map_or((1, None), |(date, _)| (0, Some(date)))
            };
            let Some(first) = of_thing.min_by_key(by_date) else {
                continue;
            };
            let quantity = match thing {
                Thing::Cards => u64::from(checked.machine.cards),
                _ if seen.things.insert(thing) => 1,
                _ => continue,
            };
            match deadline(first) {
                Some((date, event)) => self.count_dated(date, event, thing, quantity),
                None => *self.undated.entry(thing).or_default() += quantity,
            }
        }
        for event in checked.findings.iter().filter_map(|f| f.event.as_ref()) {
            if self.stale.contains(event) && !self.unconfirmed.contains(event) {
                self.unconfirmed.insert(event.clone());
            }
        }
    }

    fn count_dated(&mut self, date: Date, event: &str, thing: Thing, quantity: u64) {
        let place = self
            .deadlines
            .binary_search_by(|known| (known.date, known.event.as_str()).cmp(&(date, event)));
        let place = match place {
            Ok(place) => place,
            Err(place) => {
                let what = self.events.get(event).cloned().unwrap_or_default();
                self.deadlines.insert(
                    place,
                    DeadlineCount {
                        date,
                        event: event.to_owned(),
                        what,
                        things: BTreeMap::new(),
                    },
                );
                place
            }
        };
        *self.deadlines[place].things.entry(thing).or_default() += quantity;
    }
}

/// The day from which something no longer works. What is only warned of still does.
fn deadline(finding: &Finding) -> Option<(Date, &str)> {
    let event = finding.event.as_deref()?;
    (finding.severity != Severity::Warned).then_some((finding.date?, event))
}

/// The columns of which the row says nothing and which a check would have used.
fn not_stated(checked: &Checked) -> impl Iterator<Item = Column> {
    let machine = &checked.machine;
    let absent = [
        (Column::Series, machine.series.is_none()),
        (Column::Client, machine.client.is_none()),
        (
            Column::ClientVersion,
            machine.client.is_some()
                && machine.client_version.is_none()
                && checked.client.is_none(),
        ),
        (Column::Middleware, machine.middleware.is_none()),
        (
            Column::CredentialManagement,
            machine.credential_management.is_none(),
        ),
        (Column::Printer, machine.printer.is_none()),
        (Column::WindowsBuild, machine.windows_build.is_none()),
        (Column::Tpm, machine.tpm.is_none()),
        (
            Column::Applications,
            machine.applications == Default::default(),
        ),
    ];
    absent
        .into_iter()
        .filter_map(|(column, absent)| absent.then_some(column))
}
