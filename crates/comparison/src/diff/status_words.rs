//! VERIFY without data, and the probes.

use std::collections::BTreeSet;

use iso7816::StatusWord;
use piv::words::PinReference;

use super::{Differ, GAINED, LOST, What};
use crate::gather::UNVERIFIED;
use crate::probes::{PROBES, StandardSays, plain};
use crate::{Class, Section};

const CHUNKS: &str = "the same answer in other pieces: hosts follow 61XX";

pub(super) fn compare(differ: &mut Differ<'_>) {
    references(differ);
    probes(differ);
}

fn references(differ: &mut Differ<'_>) {
    for reference in (0..=u8::MAX).filter_map(PinReference::from_byte) {
        let (a, b) = (
            differ.a.references.get(&reference),
            differ.b.references.get(&reference),
        );
        let Some((&a, &b)) = differ.both(&format!("state of the {reference}"), a, b) else {
            continue;
        };
        if a == b {
            continue;
        }
        let what = What::new(
            Section::StatusWords,
            format!("reference.{:02X}", reference.byte()),
            format!("VERIFY without data, {reference}"),
        )
        .a(a)
        .b(b);
        let (class, why) = judge_reference(reference, a, b);
        differ.note(class, what, why);
    }
}

fn judge_reference(reference: PinReference, a: StatusWord, b: StatusWord) -> (Class, &'static str) {
    const CLAUSE: &str = "SP 800-73-5 Part 2, 3.2.1";
    if reference == PinReference::Unblocking {
        return (
            Class::Tolerated,
            "SP 800-73-5 has no VERIFY for the PUK: what a card answers is its own affair",
        );
    }
    match (State::of(a), State::of(b)) {
        (State::Known, State::Known) => (
            Class::Expected,
            "how many tries are left is the state of the card, not its kind",
        ),
        (State::Known, State::Absent) => (Class::Regression, LOST),
        (State::Absent, State::Known) => (Class::New, GAINED),
        (State::Other, State::Known | State::Absent) => {
            (Class::Tolerated, "B is as the standard has it")
        }
        (_, State::Other) if State::of(a) != State::Other => (Class::Regression, CLAUSE),
        _ => (Class::Tolerated, "neither is as the standard has it"),
    }
}

/// What VERIFY without data says.
#[derive(Clone, Copy, Eq, PartialEq)]
enum State {
    /// The card has the reference.
    Known,
    /// It has not.
    Absent,
    /// Something the standard does not have.
    Other,
}

impl State {
    fn of(status: StatusWord) -> Self {
        match status {
            StatusWord::OK | StatusWord::BLOCKED | StatusWord::VERIFICATION_FAILED => Self::Known,
            StatusWord::REFERENCE_NOT_FOUND => Self::Absent,
            status if status.tries_left().is_some() => Self::Known,
            _ => Self::Other,
        }
    }
}

fn probes(differ: &mut Differ<'_>) {
    let (a, b) = (differ.a, differ.b);
    let mut names: Vec<&str> = PROBES.iter().map(|probe| probe.name).collect();
    let others: BTreeSet<&str> = a
        .probes
        .iter()
        .chain(&b.probes)
        .map(|probe| probe.name.as_str())
        .filter(|name| !names.contains(name))
        .collect();
    names.extend(others);
    let mut only = (Vec::new(), Vec::new());
    for name in names {
        match (a.probe(name), b.probe(name)) {
            (Some(a), Some(b)) => one_probe(differ, name, a.status, b.status),
            (Some(_), None) => only.0.push(name),
            (None, Some(_)) => only.1.push(name),
            (None, None) => {}
        }
    }
    for (names, in_a) in [(only.0, true), (only.1, false)] {
        if !names.is_empty() {
            differ.not_compared(&format!("probes {}", names.join(", ")), in_a);
        }
    }
}

fn one_probe(differ: &mut Differ<'_>, name: &str, a: StatusWord, b: StatusWord) {
    if a == b {
        return;
    }
    let known = PROBES.iter().find(|probe| probe.name == name);
    let (asks, standard) = match (known, name.strip_prefix(UNVERIFIED)) {
        (Some(probe), _) => (probe.asks.to_owned(), probe.standard),
        (None, Some(tag)) => (
            format!("GET DATA of `{tag}` before the passcode"),
            StandardSays::OneOf(&[0x6982, 0x6A82], "SP 800-73-5 Part 1, Table 3"),
        ),
        (None, None) => (name.to_owned(), StandardSays::Nothing),
    };
    let what = What::new(Section::StatusWords, format!("probe.{name}"), asks)
        .a(a)
        .b(b);
    let clause = standard.clause().unwrap_or("no standard");
    let (class, why) = match (standard.allows(a), standard.allows(b)) {
        _ if plain(a) == plain(b) => (Class::Tolerated, CHUNKS.to_owned()),
        (Some(true), Some(true)) => (Class::Tolerated, format!("{clause} allows both")),
        (Some(false), Some(true)) => (
            Class::Tolerated,
            format!("B is as the standard has it ({clause})"),
        ),
        (Some(true), Some(false)) => (Class::Regression, clause.to_owned()),
        (Some(false), Some(false)) => (Class::Tolerated, format!("neither is as {clause} has it")),
        _ => (
            Class::Tolerated,
            "the standard leaves it to the card".to_owned(),
        ),
    };
    differ.note(class, what, &why);
}
