//! How long things took.

use series::DiffPlan;

use super::{Differ, What};
use crate::{Class, Section, TimingRatio};

/// What was measured on both cards. One command that is slower by more than the profile tolerates
/// is a difference; a ratio of two times that are both short says nothing.
pub(super) fn compare(differ: &mut Differ<'_>) -> Vec<TimingRatio> {
    let plan = differ
        .profile
        .and_then(|profile| profile.diff.as_ref())
        .map_or_else(Limits::default, Limits::of);
    let (a, b) = (&differ.a.timings, &differ.b.timings);
    let mut ratios = Vec::new();
    for one in a {
        let Some(other) = b.iter().find(|other| other.what == one.what) else {
            continue;
        };
        let (a, b) = (one.microseconds, other.microseconds);
        ratios.push(TimingRatio {
            what: one.what.clone(),
            a,
            b,
            // Times are far below 2^52 microseconds.
            ratio: (a > 0).then(|| b as f64 / a as f64),
        });
        if plan.is_slower(a, b) {
            let what = What::new(
                Section::Timing,
                format!("timing.{}", one.what),
                format!("{} takes longer", one.what),
            )
            .a(format!("{a} µs"))
            .b(format!("{b} µs"));
            let why = format!("more than {} % and {} ms", plan.percent, plan.floor / 1000);
            differ.note(Class::Regression, what, &why);
        }
    }
    if a.is_empty() != b.is_empty() {
        differ.not_compared("timing", b.is_empty());
    }
    ratios
}

/// From when on a command is slower.
struct Limits {
    /// B's time in percent of A's.
    percent: u64,
    /// Microseconds B has to be slower by.
    floor: u64,
}

impl Default for Limits {
    /// Without a profile: three times as long, and 50 ms that somebody could notice.
    fn default() -> Self {
        Self {
            percent: 300,
            floor: 50_000,
        }
    }
}

impl Limits {
    fn of(plan: &DiffPlan) -> Self {
        Self {
            percent: plan.slower_percent.value.into(),
            floor: u64::from(plan.slower_ms.value) * 1000,
        }
    }

    fn is_slower(&self, a: u64, b: u64) -> bool {
        b.saturating_sub(a) > self.floor
            && u128::from(b) * 100 > u128::from(a) * u128::from(self.percent)
    }
}
