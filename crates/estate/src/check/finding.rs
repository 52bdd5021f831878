use std::sync::Arc;

use jiff::civil::Date;
use serde::{Serialize, Serializer};
use series::Certainty;

use crate::day::Standing;
use crate::hello::HelloAnswer;
use crate::inventory::{Machine, Problem};
use crate::register::{Function, Thing};

/// How much a finding presses. The first presses most.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It does not work on that day.
    Stopped,
    /// It works and should not be relied on.
    Warned,
    /// It works until a date.
    Deadline,
    /// The inventory does not say enough.
    Ask,
}

impl Severity {
    /// The word in listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Warned => "warned",
            Self::Deadline => "deadline",
            Self::Ask => "ask",
        }
    }
}

/// Something about one row, and what to do about it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// How much it presses.
    pub severity: Severity,
    /// What is so, in plain words.
    pub says: String,
    /// What to do.
    pub advice: String,
    /// Since when, or by when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// The event of the calendar behind the date, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Who says so.
    pub source: String,
    /// How far to trust it.
    pub certainty: Certainty,
    /// What other sources say, each with its source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disputed: Vec<String>,
    /// What is to be replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Thing>,
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Something does not work on that day.
    Stopped,
    /// Everything works; something is to be done.
    Act,
    /// The row does not say enough.
    NotJudged,
    /// Everything works and nothing known ends it.
    Fine,
}

impl Verdict {
    /// All of them, in the order of listings.
    pub const ALL: [Self; 4] = [Self::Stopped, Self::Act, Self::NotJudged, Self::Fine];

    /// The word in listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Act => "act",
            Self::NotJudged => "not judged",
            Self::Fine => "fine",
        }
    }
}

/// What a card of the row does on the day.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct FunctionOn {
    /// The function.
    pub function: Function,
    /// Whether it may.
    pub standing: Standing,
    /// When it stops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stops: Option<Date>,
}

/// A row that was checked.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// The row.
    pub machine: Machine,
    /// The client as the register knows it, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// What becomes of it.
    pub verdict: Verdict,
    /// What works with its series and client; empty when one is not known.
    pub functions: Vec<FunctionOn>,
    /// What stops, when, and what to do; what presses most first.
    #[serde(serialize_with = "shared")]
    pub findings: Vec<Arc<Finding>>,
    /// Whether it qualifies for Windows Hello, where the row says anything about that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hello: Option<HelloAnswer>,
    /// What is wrong with the row itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// Findings as if each were the row's own.
fn shared<S: Serializer>(findings: &[Arc<Finding>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(findings.iter().map(|finding| &**finding))
}
