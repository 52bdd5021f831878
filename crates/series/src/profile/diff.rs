use serde::{Deserialize, Serialize};

use crate::{Certainty, Known};

/// What may differ between two cards of the series without being a step back.
///
/// What must differ (serials, keys, dates, signatures) and what no program depends on needs no
/// mention here.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DiffPlan {
    /// A command is slower when it takes more than this much of the other card's time, in percent,
    /// 100 or more.
    pub slower_percent: Known<u32>,
    /// And when it takes this many milliseconds more.
    pub slower_ms: Known<u32>,
    /// Differences that are known and accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerated: Vec<Tolerance>,
}

/// One difference that is known and accepted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tolerance {
    /// The path of the difference, such as `probe.select-truncated`; all below a path when it ends
    /// with `.*`.
    pub path: String,
    /// Why it is accepted: document and section, or who says so.
    pub source: String,
    /// How far to trust that.
    pub certainty: Certainty,
}

impl Tolerance {
    /// Whether it is about this difference.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        match self.path.strip_suffix(".*") {
            Some(above) => path
                .strip_prefix(above)
                .is_some_and(|below| below.starts_with('.')),
            None => path == self.path,
        }
    }
}

impl DiffPlan {
    /// The tolerance for the difference with this path, if it is listed.
    #[must_use]
    pub fn tolerance(&self, path: &str) -> Option<&Tolerance> {
        self.tolerated
            .iter()
            .find(|tolerance| tolerance.covers(path))
    }

    pub(super) fn inconsistency(&self) -> Option<(&'static str, String)> {
        if self.slower_percent.value < 100 {
            let problem = format!(
                "`slower-percent` is {}, less than 100 would be faster",
                self.slower_percent.value
            );
            return Some(("diff", problem));
        }
        let empty = |text: &str| text.trim().is_empty();
        if self
            .tolerated
            .iter()
            .any(|tolerance| empty(&tolerance.path) || empty(&tolerance.source))
        {
            let problem = "a tolerance needs a path and a source".to_owned();
            return Some(("diff", problem));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_senseless_plan_is_refused_with_its_place() {
        let text = include_str!("../../profiles/series-10.toml");
        for (from, to, word) in [
            (
                "slower-percent = { value = 300",
                "slower-percent = { value = 50",
                "less than 100",
            ),
            (
                "path = \"probe.get-response-with-nothing-pending\"",
                "path = \" \"",
                "needs a path",
            ),
        ] {
            assert!(text.contains(from));
            let error = crate::Profile::parse("mine.toml", &text.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn a_star_stands_for_what_is_below_and_nothing_beside_it() {
        let tolerance = |path: &str| Tolerance {
            path: path.to_owned(),
            source: "test".to_owned(),
            certainty: Certainty::Public,
        };
        assert!(tolerance("timing.*").covers("timing.select"));
        assert!(!tolerance("timing.*").covers("timing"));
        assert!(!tolerance("probe.select.*").covers("probe.select-again"));
        assert!(tolerance("atr").covers("atr"));
        assert!(!tolerance("atr").covers("atr.ta1"));
    }
}
