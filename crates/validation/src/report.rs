//! What came out of a validation, and the forms it is written in.

mod html;
mod junit;
mod text;

use std::borrow::Cow;
use std::ops::Range;

use iso7816::transcript::Exchange;
use jiff::Timestamp;
use piv::words::ObjectId;
use serde::Serialize;
use series::{Explained, Profile};

use crate::middleware::{Middleware, Probing};
use crate::{Assertion, Deviation, Evidence, Judgement, Need, Standard, Verdict};

/// What came out of a validation.
///
/// Its JSON form is versioned by `schema`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// Version of the JSON form, 1.
    pub schema: u8,
    /// The program and its version.
    pub tool: &'static str,
    /// When it was finished.
    pub time: Timestamp,
    /// The card.
    pub card: CardIdentity,
    /// How many came out how.
    pub summary: Summary,
    /// The outcomes, in the order they were proved.
    pub outcomes: Vec<Outcome>,
    /// How the card was left.
    pub aftermath: Aftermath,
    /// Every exchange, secrets withheld; outcomes refer to them by number.
    pub exchanges: Vec<Exchange>,
}

/// Which card was validated.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CardIdentity {
    /// The reader, in the words of its selector.
    pub reader: String,
    /// The answer to reset, hexadecimal.
    pub atr: String,
    /// What it seems to be.
    pub series: String,
    /// The id of the profile it was judged by.
    pub judged_by: Option<String>,
    /// What the card calls its application.
    pub label: Option<String>,
    /// The GUID of the CHUID and the serial numbers it tells.
    pub names: Vec<String>,
}

impl CardIdentity {
    pub(crate) fn of(evidence: &Evidence) -> Self {
        Self {
            reader: evidence.reader.clone(),
            atr: hex::encode_upper(&evidence.atr),
            series: evidence.identification.conclusion.to_string(),
            judged_by: evidence.profile.as_ref().map(|profile| profile.id.clone()),
            label: evidence.application.label.clone(),
            names: evidence.names(),
        }
    }
}

/// How many outcomes there are of each verdict.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// It holds.
    pub pass: usize,
    /// It does not, which is known and accepted.
    pub explained: usize,
    /// It should hold and does not.
    pub warning: usize,
    /// It must hold and does not.
    pub fail: usize,
    /// It says nothing about this card.
    pub not_applicable: usize,
    /// It was not proved.
    pub skipped: usize,
}

impl Summary {
    fn of(outcomes: &[Outcome]) -> Self {
        let mut summary = Self::default();
        for outcome in outcomes {
            *match outcome.verdict {
                Verdict::Pass => &mut summary.pass,
                Verdict::Explained => &mut summary.explained,
                Verdict::Warning => &mut summary.warning,
                Verdict::Fail => &mut summary.fail,
                Verdict::NotApplicable => &mut summary.not_applicable,
                Verdict::Skipped => &mut summary.skipped,
            } += 1;
        }
        summary
    }
}

/// How one assertion came out, for one object if it is about objects.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outcome {
    /// The assertion; `client.` and the ids of client and probe for what a client asks.
    pub id: Cow<'static, str>,
    /// What it holds.
    pub title: Cow<'static, str>,
    /// Whose rule it is.
    pub standard: Standard,
    /// Part and section, or the source of a rule.
    pub clause: Cow<'static, str>,
    /// What it needs.
    pub needs: &'static [Need],
    /// Whether it writes.
    pub writes: bool,
    /// The object, such as `CHUID`.
    pub object: Option<String>,
    /// The same, for whoever decides by it.
    #[serde(skip)]
    pub about: Option<ObjectId>,
    /// How it came out.
    pub verdict: Verdict,
    /// What differs.
    pub deviations: Vec<Deviation>,
    /// Why it is not applicable or was skipped; why a deviation is known and accepted.
    pub reason: String,
    /// The exchanges that show it, by their numbers.
    pub exchanges: Range<u64>,
    /// The clients that would trip over it.
    pub clients: Vec<Affected>,
}

/// A client that would trip over a finding.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Affected {
    /// Its name.
    pub client: String,
    /// What happens to it.
    pub consequence: String,
}

impl Outcome {
    pub(crate) fn new(
        assertion: &'static Assertion,
        object: Option<ObjectId>,
        judgement: Judgement,
        exchanges: Range<u64>,
    ) -> Self {
        Self {
            id: assertion.id.into(),
            title: assertion.title.into(),
            standard: assertion.standard,
            clause: assertion.clause.into(),
            needs: assertion.needs,
            writes: assertion.writes,
            object: object.map(|object| object.to_string()),
            about: object,
            verdict: judgement.verdict,
            deviations: judgement.deviations,
            reason: judgement.reason,
            exchanges,
            clients: Vec::new(),
        }
    }

    /// Names the clients that trip over it, if it does not hold: also where that is known of the
    /// card, for a client knows nothing of that.
    pub(crate) fn name_clients(&mut self, middleware: &[Middleware]) {
        if matches!(
            self.verdict,
            Verdict::Fail | Verdict::Warning | Verdict::Explained
        ) {
            self.clients.extend(Middleware::affected(
                middleware,
                &self.id,
                self.about,
                &self.deviations,
            ));
        }
    }

    /// How a client's probe came out.
    pub(crate) fn of_probe(
        probing: &Probing<'_>,
        judgement: Judgement,
        exchanges: Range<u64>,
    ) -> Self {
        let trips = matches!(judgement.verdict, Verdict::Fail | Verdict::Warning);
        Self {
            id: probing.id.clone().into(),
            title: probing.probe.title.clone().into(),
            standard: Standard::Estate,
            clause: probing.clause().into(),
            needs: &[],
            writes: false,
            object: None,
            about: None,
            verdict: judgement.verdict,
            deviations: judgement.deviations,
            reason: judgement.reason,
            exchanges,
            clients: trips.then(|| probing.affected()).into_iter().collect(),
        }
    }

    /// Looks whether the profile says why this is known and accepted: every deviation must be.
    pub(crate) fn explain(&mut self, profile: Option<&Profile>) {
        let is_finding = matches!(self.verdict, Verdict::Fail | Verdict::Warning);
        let Some(profile) = profile.filter(|_| is_finding) else {
            return;
        };
        let explained: Option<Vec<&Explained>> = self
            .deviations
            .iter()
            .map(|deviation| {
                let mut known = profile.explained.iter();
                known.find(|known| known.covers(&self.id, self.about, &deviation.told()))
            })
            .collect();
        let Some(mut explained) = explained.filter(|explained| !explained.is_empty()) else {
            return;
        };
        explained.dedup();
        let reasons: Vec<String> = explained
            .iter()
            .map(|known| format!("{} ({}, {})", known.why, known.source, known.certainty))
            .collect();
        self.verdict = Verdict::Explained;
        self.reason = reasons.join("; ");
    }
}

/// How the card was left.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Aftermath {
    /// Whether every object was read again; otherwise nothing was sent that could change one.
    pub compared_objects: bool,
    /// What differs from before.
    pub differences: Vec<String>,
}

impl Report {
    /// The version of the JSON form.
    pub const SCHEMA: u8 = 1;

    pub(crate) fn new(
        card: CardIdentity,
        time: Timestamp,
        outcomes: Vec<Outcome>,
        aftermath: Aftermath,
        exchanges: Vec<Exchange>,
    ) -> Self {
        Self {
            schema: Self::SCHEMA,
            tool: concat!("cardwright ", env!("CARGO_PKG_VERSION")),
            time,
            card,
            summary: Summary::of(&outcomes),
            outcomes,
            aftermath,
            exchanges,
        }
    }

    /// Whether nothing must be done: no assertion failed and the card is as it was.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.summary.fail == 0 && self.aftermath.differences.is_empty()
    }

    /// The outcomes that deserve a look: everything that does not hold.
    pub fn findings(&self) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(|outcome| {
            matches!(
                outcome.verdict,
                Verdict::Fail | Verdict::Warning | Verdict::Explained
            )
        })
    }

    /// The exchanges of an outcome.
    pub fn exchanges_of<'a>(&'a self, outcome: &'a Outcome) -> impl Iterator<Item = &'a Exchange> {
        self.exchanges
            .iter()
            .filter(|exchange| outcome.exchanges.contains(&exchange.seq))
    }
}
