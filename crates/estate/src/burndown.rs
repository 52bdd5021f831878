use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use crate::check::Summary;
use crate::register::Thing;

/// What remains to be replaced before each deadline.
#[derive(Clone, Debug, Serialize)]
pub struct BurnDown {
    /// The day from which on.
    pub on: Date,
    /// The deadlines to come, by date; several events of one day are one deadline.
    pub deadlines: Vec<Deadline>,
    /// One for each kind of thing, those with nothing left out.
    pub curves: Vec<Curve>,
    /// How many things a week have to be replaced from the day on, at least, for every deadline
    /// to be met; `None` when no deadline is to come. What is overdue is not in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace_a_week: Option<f64>,
}

/// A date by which things have to be replaced.
#[derive(Clone, Debug, Serialize)]
pub struct Deadline {
    /// The first day on which they no longer work.
    pub date: Date,
    /// What happens then, in plain words.
    pub what: Vec<String>,
    /// How many things have to be replaced by then and not before.
    pub due: u64,
}

/// What remains of one kind of thing.
#[derive(Clone, Debug, Serialize)]
pub struct Curve {
    /// The kind.
    pub thing: Thing,
    /// How many have a deadline to come.
    pub open: u64,
    /// How many have passed theirs.
    pub overdue: u64,
    /// How many have none.
    pub undated: u64,
    /// Deadlines to come and how many remain after each.
    pub steps: Vec<(Date, u64)>,
}

impl BurnDown {
    /// What a checked inventory leaves to be done.
    #[must_use]
    pub fn of(summary: &Summary) -> Self {
        let on = summary.on;
        let mut by_date: BTreeMap<Date, Deadline> = BTreeMap::new();
        for count in summary.deadlines.iter().filter(|count| count.date > on) {
            let deadline = by_date.entry(count.date).or_insert_with(|| Deadline {
                date: count.date,
                what: Vec::new(),
                due: 0,
            });
            deadline.what.push(count.what.clone());
            deadline.due += count.things.values().sum::<u64>();
        }
        let deadlines: Vec<Deadline> = by_date.into_values().collect();
        let curves = Thing::ALL
            .into_iter()
            .filter_map(|thing| curve(summary, thing));
        Self {
            on,
            pace_a_week: pace_a_week(on, &deadlines),
            curves: curves.collect(),
            deadlines,
        }
    }

    /// How many things have a deadline to come.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.curves.iter().map(|curve| curve.open).sum()
    }

    /// How many things have passed theirs.
    #[must_use]
    pub fn overdue(&self) -> u64 {
        self.curves.iter().map(|curve| curve.overdue).sum()
    }
}

fn curve(summary: &Summary, thing: Thing) -> Option<Curve> {
    let due = |to_come: bool| {
        let counts = summary.deadlines.iter();
        counts
            .filter(move |count| (count.date > summary.on) == to_come)
            .filter_map(move |count| Some((count.date, *count.things.get(&thing)?)))
    };
    let open: u64 = due(true).map(|(_, quantity)| quantity).sum();
    let overdue = due(false).map(|(_, quantity)| quantity).sum();
    let undated = summary.undated.get(&thing).copied().unwrap_or(0);
    let mut steps: Vec<(Date, u64)> = Vec::new();
    let mut left = open;
    for (date, quantity) in due(true) {
        left -= quantity;
        match steps.last_mut() {
            Some(last) if last.0 == date => last.1 = left,
            _ => steps.push((date, left)),
        }
    }
    (open + overdue + undated > 0).then_some(Curve {
        thing,
        open,
        overdue,
        undated,
        steps,
    })
}

/// The steepest of the lines from nothing done today to everything done by a deadline.
fn pace_a_week(on: Date, deadlines: &[Deadline]) -> Option<f64> {
    let mut done = 0;
    let paces = deadlines.iter().map(|deadline| {
        done += deadline.due;
        done as f64 / f64::from(days(on, deadline.date)) * 7.0
    });
    paces.reduce(f64::max)
}

/// Days from one day to a later one, at least 1.
pub(crate) fn days(from: Date, to: Date) -> i32 {
    (to - from).get_days().max(1)
}
