use ground::{Blame, Blamed};
use jiff::civil::Date;
use serde::Serialize;
use thiserror::Error;

use super::{Engine, Operation};

/// Why something is not done with cards of a series.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// The series is withdrawn.
    #[error("{series} is retired, no {operation} since {since}: {reason} ({stated_by})")]
    Retired {
        /// The series; several when a card cannot be told apart.
        series: String,
        /// What is refused.
        operation: Operation,
        /// The first day on which it is refused; of several series the latest.
        since: Date,
        /// Why the series was withdrawn.
        reason: String,
        /// Who says so; of several series each.
        stated_by: String,
    },
    /// Cardwright recognises the series and cannot personalise it.
    #[error("{series} is recognised, but there is no engine to personalise it (engine `{engine}`)")]
    NoEngine {
        /// The series.
        series: String,
        /// What its profile asks for.
        engine: Engine,
    },
}

/// An operation that is refused.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct OperationStatus {
    /// Which.
    pub operation: Operation,
    /// The first day on which it is refused, where there is one.
    pub since: Option<Date>,
    /// Why, and who says so.
    pub reason: String,
}

impl OperationStatus {
    /// The operation, refused like this.
    #[must_use]
    pub fn new(operation: Operation, refusal: &Refusal) -> Self {
        Self {
            operation,
            since: match refusal {
                Refusal::Retired { since, .. } => Some(*since),
                Refusal::NoEngine { .. } => None,
            },
            reason: refusal.to_string(),
        }
    }
}

impl Refusal {
    /// What holds of a card that may be of either series: the later day, and both sources.
    #[must_use]
    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (
                Self::Retired {
                    series,
                    operation,
                    since,
                    reason,
                    stated_by,
                },
                Self::Retired {
                    series: other_series,
                    since: other_since,
                    reason: other_reason,
                    stated_by: other_source,
                    ..
                },
            ) => Self::Retired {
                stated_by: format!("{series}: {stated_by}; {other_series}: {other_source}"),
                series: format!("{series} or {other_series}, which cannot be told,"),
                operation,
                since: since.max(other_since),
                reason: match reason == other_reason {
                    true => reason,
                    false => format!("{reason}; {other_reason}"),
                },
            },
            // A day says more than that there is no engine.
            (Self::NoEngine { .. }, retired @ Self::Retired { .. }) => retired,
            (first, _) => first,
        }
    }
}

impl Blamed for Refusal {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Retired {
                    operation: Operation::Issue,
                    ..
                } => "take a blank of a series in use",
                Self::Retired { .. } => "give the holder a new card of a series in use",
                Self::NoEngine { .. } => "take a blank of series 8, 9 or 10",
            }
            .to_owned(),
        )
    }
}
