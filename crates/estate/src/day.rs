use jiff::civil::Date;
use serde::Serialize;
use series::Certainty;

use crate::register::{Client, Event, Function, Register, Rule, RuleKind};

/// The register seen on one day.
#[derive(Clone, Copy, Debug)]
pub struct Day<'r> {
    register: &'r Register,
    on: Date,
}

impl Register {
    /// The register seen on a day.
    #[must_use]
    pub fn on(&self, date: Date) -> Day<'_> {
        Day {
            register: self,
            on: date,
        }
    }

    /// The next day after this one on which something of the calendar happens, and what.
    #[must_use]
    pub fn next_change(&self, after: Date) -> Option<(Date, Vec<&Event>)> {
        let next = self
            .events
            .iter()
            .filter_map(Event::day)
            .filter(|&day| day > after)
            .min()?;
        let events = self.events.iter();
        Some((
            next,
            events.filter(|event| event.day() == Some(next)).collect(),
        ))
    }
}

/// Whether something may be done on a day. In this order a standing only ever rises with time.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// No rule says.
    NotStated,
    /// It will be allowed.
    NotYet,
    /// Allowed.
    Works,
    /// Works, and should not be relied on.
    Warned,
    /// Blocked, or its allowance has ended.
    Stopped,
}

impl Standing {
    /// Whether a card can be used so.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Works | Self::Warned)
    }
}

/// What one series may do with one client in one function on one day.
#[derive(Clone, Debug, Serialize)]
pub struct Answer<'r> {
    /// The series.
    pub series: u8,
    /// The client, by id.
    pub client: &'r str,
    /// The function.
    pub function: Function,
    /// Whether it may.
    pub standing: Standing,
    /// Why; empty when no rule says.
    pub because: Vec<Reason<'r>>,
    /// Since when it is stopped or warned, where that is a date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Date>,
    /// From when it is allowed, when it is not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// When it stops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stops: Option<Stop<'r>>,
    /// The least certain of what the answer rests on.
    pub certainty: Certainty,
    /// Sources that would answer otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disputes: Vec<Dispute<'r>>,
}

/// Why an answer is what it is.
#[derive(Clone, Debug, Serialize)]
pub struct Reason<'r> {
    /// The rule, by id.
    pub rule: &'r str,
    /// In plain words.
    pub says: &'r str,
    /// Who says so.
    pub source: &'r str,
    /// How far to trust it.
    pub certainty: Certainty,
}

/// When something stops.
#[derive(Clone, Debug, Serialize)]
pub struct Stop<'r> {
    /// The first day on which it no longer works.
    pub date: Date,
    /// The event, by id.
    pub event: &'r str,
    /// What happens, in plain words.
    pub what: &'r str,
    /// Who gives the date.
    pub source: &'r str,
}

/// A source that says otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct Dispute<'r> {
    /// The rule or event, by id.
    pub about: &'r str,
    /// What the other source says.
    pub says: String,
    /// Who says so.
    pub source: &'r str,
    /// Whether the answer on this very day depends on it.
    pub decides: bool,
}

/// Where an event stands on a day.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventState {
    /// Its day has come, and a source at least as late as that day states it.
    Happened,
    /// Its day has come, and every source is older: read one again.
    Unconfirmed,
    /// Its day is to come.
    Planned,
    /// Its day passed without it, and there is no other.
    Slipped,
}

impl EventState {
    /// The word in listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Happened => "happened",
            Self::Unconfirmed => "due, unconfirmed",
            Self::Planned => "planned",
            Self::Slipped => "slipped, no new date",
        }
    }
}

/// An event and where it stands.
#[derive(Clone, Debug, Serialize)]
pub struct EventOn<'r> {
    /// Where it stands.
    pub state: EventState,
    /// The event.
    #[serde(flatten)]
    pub event: &'r Event,
}

impl<'r> Day<'r> {
    /// The day.
    #[must_use]
    pub fn date(&self) -> Date {
        self.on
    }

    /// The register.
    #[must_use]
    pub fn register(&self) -> &'r Register {
        self.register
    }

    /// Where an event stands.
    #[must_use]
    pub fn state(&self, event: &Event) -> EventState {
        let Some(date) = &event.date else {
            return EventState::Slipped;
        };
        if self.on < date.value {
            return EventState::Planned;
        }
        let confirmed = self
            .register
            .source(&date.source)
            .is_some_and(|source| source.as_of() >= date.value);
        if confirmed {
            EventState::Happened
        } else {
            EventState::Unconfirmed
        }
    }

    /// Every event and where it stands, by date.
    #[must_use]
    pub fn events(&self) -> Vec<EventOn<'r>> {
        let on = |event| EventOn {
            state: self.state(event),
            event,
        };
        self.register.events.iter().map(on).collect()
    }

    /// What every series may do with every client.
    #[must_use]
    pub fn answers(&self) -> Vec<Answer<'r>> {
        let mut all = Vec::new();
        for series in self.register.series() {
            for client in &self.register.clients {
                for function in Function::ALL {
                    all.push(self.answer(series, client, function));
                }
            }
        }
        all
    }

    /// What a series may do with a client.
    #[must_use]
    pub fn answer(&self, series: u8, client: &'r Client, function: Function) -> Answer<'r> {
        let rules: Vec<&'r Rule> = self
            .register
            .rules
            .iter()
            .filter(|rule| rule.covers(series, &client.id, function))
            .collect();
        let of_kind = |kind| rules.iter().copied().filter(move |rule| rule.kind == kind);
        let blocks: Vec<_> = of_kind(RuleKind::Block)
            .filter(|rule| self.began(rule))
            .collect();
        let warnings: Vec<_> = of_kind(RuleKind::Warn)
            .filter(|rule| self.began(rule))
            .collect();
        let allowed = of_kind(RuleKind::Allow).next();

        let (standing, because) = match allowed {
            _ if !blocks.is_empty() => (Standing::Stopped, blocks),
            None => (Standing::NotStated, Vec::new()),
            Some(rule) if self.ended(rule) => (Standing::Stopped, vec![rule]),
            Some(rule) if !self.began(rule) => (Standing::NotYet, vec![rule]),
            Some(rule) if warnings.is_empty() => (Standing::Works, vec![rule]),
            Some(_) => (Standing::Warned, warnings),
        };
        let since = match standing {
            Standing::Stopped | Standing::Warned => self.since(&because),
            _ => None,
        };
        let from = match standing {
            Standing::NotYet => because
                .iter()
                .filter_map(|rule| self.day(&rule.begins))
                .min(),
            _ => None,
        };
        let stops = standing.is_usable().then(|| self.stop(&rules)).flatten();
        Answer {
            series,
            client: &client.id,
            function,
            standing,
            certainty: self.certainty(&because),
            because: because.iter().map(|rule| Reason::of(rule)).collect(),
            since,
            from,
            stops,
            disputes: self.disputes(&rules),
        }
    }

    /// Whether a rule has begun.
    pub(crate) fn began(&self, rule: &Rule) -> bool {
        let holds = |id: &String| self.register.event(id).is_some_and(|e| e.holds(self.on));
        rule.begins.as_ref().is_none_or(holds)
    }

    fn ended(&self, rule: &Rule) -> bool {
        let holds = |id: &String| self.register.event(id).is_some_and(|e| e.holds(self.on));
        rule.ends.as_ref().is_some_and(holds)
    }

    fn day(&self, id: &Option<String>) -> Option<Date> {
        self.register.event(id.as_ref()?)?.day()
    }

    /// The first of the days on which these rules took hold; `None` if one always did.
    fn since(&self, rules: &[&Rule]) -> Option<Date> {
        let took_hold = |rule: &&Rule| match rule.kind {
            RuleKind::Allow => self.day(&rule.ends),
            _ => self.day(&rule.begins),
        };
        rules.iter().map(took_hold).min().flatten()
    }

    fn stop(&self, rules: &[&'r Rule]) -> Option<Stop<'r>> {
        let ending = |rule: &&'r Rule| match rule.kind {
            RuleKind::Allow => rule.ends.as_ref(),
            RuleKind::Block => rule.begins.as_ref(),
            RuleKind::Warn => None,
        };
        let events = rules.iter().filter_map(ending);
        let stops = events.filter_map(|id| {
            let event = self.register.event(id)?;
            let date = event.date.as_ref()?;
            (date.value > self.on).then_some(Stop {
                date: date.value,
                event: &event.id,
                what: &event.what,
                source: &date.source,
            })
        });
        stops.min_by_key(|stop| stop.date)
    }

    fn certainty(&self, rules: &[&Rule]) -> Certainty {
        let of_dates = |rule: &&Rule| {
            let ids = [rule.begins.clone(), rule.ends.clone()];
            let dates = ids.into_iter().flatten();
            dates
                .filter_map(|id| self.register.event(&id)?.date.as_ref())
                .map(|date| date.certainty)
                .max()
        };
        let said = rules.iter().map(|rule| rule.says.certainty);
        said.chain(rules.iter().filter_map(of_dates))
            .max()
            .unwrap_or(Certainty::Unknown)
    }

    fn disputes(&self, rules: &[&'r Rule]) -> Vec<Dispute<'r>> {
        let mut all = Vec::new();
        for rule in rules {
            for conflict in &rule.says.conflicts {
                all.push(Dispute {
                    about: &rule.id,
                    says: conflict.value.clone(),
                    source: &conflict.source,
                    decides: self.began(rule),
                });
            }
            for id in [&rule.begins, &rule.ends].into_iter().flatten() {
                if let Some(event) = self.register.event(id) {
                    self.dispute_event(event, &mut all);
                }
            }
        }
        all
    }

    fn dispute_event(&self, event: &'r Event, all: &mut Vec<Dispute<'r>>) {
        let Some(date) = &event.date else { return };
        for conflict in &date.conflicts {
            let known = |dispute: &Dispute<'_>| {
                dispute.about == event.id && dispute.source == conflict.source
            };
            if !all.iter().any(known) {
                all.push(Dispute {
                    about: &event.id,
                    says: format!(
                        "{} on {}, not on {}",
                        event.what, conflict.value, date.value
                    ),
                    source: &conflict.source,
                    decides: (self.on >= conflict.value) != (self.on >= date.value),
                });
            }
        }
    }
}

impl<'r> Reason<'r> {
    fn of(rule: &'r Rule) -> Self {
        Self {
            rule: &rule.id,
            says: &rule.says.value,
            source: &rule.says.source,
            certainty: rule.says.certainty,
        }
    }
}
