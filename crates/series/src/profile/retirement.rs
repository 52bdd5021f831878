use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Operation;
use crate::Known;

/// When and why a series is withdrawn: each operation on a day of its own. Dates that slipped are
/// conflicts.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Retirement {
    /// Why.
    pub reason: Known<String>,
    /// The day from which cards no longer authenticate. From then on nothing else is done with
    /// them either.
    pub blocked: Known<Date>,
    /// The day from which no new card is issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issue_ended: Option<Known<Date>>,
    /// The day from which cards are no longer renewed or repaired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renewal_ended: Option<Known<Date>>,
    /// The day from which locked cards are no longer unlocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlock_ended: Option<Known<Date>>,
}

impl Retirement {
    /// The day from which an operation is refused.
    #[must_use]
    pub fn day(&self, operation: Operation) -> &Known<Date> {
        let own = match operation {
            Operation::Authentication => None,
            Operation::Issue => self.issue_ended.as_ref(),
            Operation::Renewal => self.renewal_ended.as_ref(),
            Operation::Unlock => self.unlock_ended.as_ref(),
        };
        own.unwrap_or(&self.blocked)
    }

    pub(super) fn inconsistency(&self) -> Option<(&'static str, String)> {
        let blocked = self.blocked.value;
        let late = Operation::ALL
            .into_iter()
            .find(|&operation| self.day(operation).value > blocked)?;
        let problem = format!("{late} would end after cards are blocked on {blocked}");
        Some(("retirement", problem))
    }
}
