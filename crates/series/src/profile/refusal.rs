use ground::{Blame, Blamed};
use jiff::civil::Date;
use thiserror::Error;

use super::Engine;

/// Why no card of a series is issued.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// The series is withdrawn.
    #[error("{series} is retired since {since}: {reason} ({stated_by})")]
    Retired {
        /// The series.
        series: String,
        /// The first day on which its cards are refused.
        since: Date,
        /// Why it was withdrawn.
        reason: String,
        /// Who says so.
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

impl Blamed for Refusal {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Retired { .. } => "take a blank of a series in use",
                Self::NoEngine { .. } => "take a blank of series 9 or 10",
            }
            .to_owned(),
        )
    }
}
