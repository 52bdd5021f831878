//! How one image departs from another, section by section.

mod card;
mod certificates;
mod objects;
mod problems;
mod status_words;
mod timing;

use card_image::CardImage;
use series::{Profile, Profiles};

use crate::{Class, Comparison, Difference, Section, Side};

/// Says how `b` departs from `a`. The profile tells what is tolerated on cards of its series;
/// without one only what no program depends on is.
#[must_use]
pub fn diff(a: &CardImage, b: &CardImage, profile: Option<&Profile>) -> Comparison {
    let mut differ = Differ {
        a,
        b,
        profile,
        differences: Vec::new(),
        not_compared: Vec::new(),
    };
    card::compare(&mut differ);
    objects::compare(&mut differ);
    problems::compare(&mut differ);
    certificates::compare(&mut differ);
    status_words::compare(&mut differ);
    let timings = timing::compare(&mut differ);
    let mut differences = differ.differences;
    differences.sort_by_key(|difference| difference.section);
    Comparison {
        schema: Comparison::SCHEMA,
        a: Side::of(a),
        b: Side::of(b),
        profile: profile.map(|profile| profile.id.clone()),
        differences,
        timings,
        not_compared: differ.not_compared,
    }
}

/// The profile to judge a card by when nobody says which: the first cardwright has an engine for
/// whose answers to reset have this card's, or else the one for PIV cards of no known series.
#[must_use]
pub fn likely_profile<'p>(image: &CardImage, profiles: &'p Profiles) -> Option<&'p Profile> {
    let nominated = |profile: &&Profile| {
        let named = |atr: &Vec<u8>| profile.atr.iter().any(|pattern| pattern.matches(atr));
        profile.piv.is_some() && image.atr.as_ref().is_some_and(named)
    };
    profiles
        .iter()
        .find(nominated)
        .or_else(|| profiles.get(Profiles::GENERIC_PIV).ok())
}

/// Two images, and what was found so far.
struct Differ<'a> {
    a: &'a CardImage,
    b: &'a CardImage,
    profile: Option<&'a Profile>,
    differences: Vec<Difference>,
    not_compared: Vec<String>,
}

/// What is different, before it is judged.
struct What {
    section: Section,
    path: String,
    what: String,
    a: String,
    b: String,
}

impl What {
    fn new(section: Section, path: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            section,
            path: path.into(),
            what: what.into(),
            a: "-".to_owned(),
            b: "-".to_owned(),
        }
    }

    fn a(mut self, a: impl ToString) -> Self {
        self.a = a.to_string();
        self
    }

    fn b(mut self, b: impl ToString) -> Self {
        self.b = b.to_string();
        self
    }
}

impl Differ<'_> {
    /// Adds a difference. A regression the profile lists is tolerated.
    fn note(&mut self, class: Class, what: What, why: &str) {
        let listed = self
            .profile
            .and_then(|profile| profile.diff.as_ref())
            .and_then(|plan| plan.tolerance(&what.path))
            .filter(|_| class == Class::Regression);
        let (class, why) = match listed {
            Some(tolerance) => (
                Class::Tolerated,
                format!("profile: {} ({})", tolerance.source, tolerance.certainty),
            ),
            None => (class, why.to_owned()),
        };
        self.differences.push(Difference {
            class,
            section: what.section,
            path: what.path,
            what: what.what,
            a: what.a,
            b: what.b,
            why,
        });
    }

    /// For what only one image says.
    fn not_compared(&mut self, what: &str, in_a: bool) {
        let other = if in_a { "B" } else { "A" };
        self.not_compared
            .push(format!("{what}: {other} does not say"));
    }

    /// What is in both images; what is in one is listed.
    fn both<'x, T>(
        &mut self,
        what: &str,
        a: Option<&'x T>,
        b: Option<&'x T>,
    ) -> Option<(&'x T, &'x T)> {
        match (a, b) {
            (Some(a), Some(b)) => Some((a, b)),
            (None, None) => None,
            (a, _) => {
                self.not_compared(what, a.is_some());
                None
            }
        }
    }
}

const IDENTITY: &str = "differs from card to card";
const LOST: &str = "B has it no longer";
const GAINED: &str = "A does not have it";
