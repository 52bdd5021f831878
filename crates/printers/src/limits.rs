//! How long things may take: the part of a profile that every family has.

use std::time::Duration;

use serde::Deserialize;

use crate::Sourced;

/// Limits in milliseconds.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// For a connection to open.
    pub connect: Sourced<u32>,
    /// For an answer.
    pub reply: Sourced<u32>,
    /// Between two questions while waiting.
    pub poll: Sourced<u32>,
    /// For one motion of a card.
    pub motion: Sourced<u32>,
    /// For a whole print.
    pub print: Sourced<u32>,
    /// Without the printer taking a byte of a job.
    pub write: Sourced<u32>,
}

/// Limits a station file sets itself; `None` for those of the profile.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Timeouts {
    /// For a connection to open.
    pub connect: Option<Duration>,
    /// For an answer.
    pub reply: Option<Duration>,
    /// For one motion of a card.
    pub motion: Option<Duration>,
    /// For a whole print.
    pub print: Option<Duration>,
}

impl Limits {
    /// With the limits a station file sets in place of the profile's.
    #[must_use]
    pub fn with(mut self, timeouts: Timeouts) -> Self {
        let set = [
            (&mut self.connect, timeouts.connect),
            (&mut self.reply, timeouts.reply),
            (&mut self.motion, timeouts.motion),
            (&mut self.print, timeouts.print),
        ];
        for (limit, asked) in set {
            if let Some(asked) = asked {
                limit.value = u32::try_from(asked.as_millis()).unwrap_or(u32::MAX);
                "the station file".clone_into(&mut limit.source);
            }
        }
        self
    }
}
