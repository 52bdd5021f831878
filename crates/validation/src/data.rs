//! Assertions about what was read. Nothing here sends a command.
//!
//! Each is one rule and is judged for every object it is about. A rule that cannot be applied,
//! because what it looks at is missing or cannot be read, is not applicable: that it is missing is
//! another rule's finding.

mod application;
mod biometric;
mod certificate;
mod chuid;
mod conforms;
mod identity;
mod minutiae;
mod objects;
mod path;
mod pictures;
mod reading;
mod security;
mod signature;
mod signed_attributes;
mod structure;

use piv::words::ObjectId;

use crate::{Assertion, Check, Evidence, Judgement, Need, Objects, Standard};

/// The groups, in the order they are proved.
pub(crate) const GROUPS: &[&[Assertion]] = &[
    application::ASSERTIONS,
    structure::ASSERTIONS,
    chuid::ASSERTIONS,
    objects::ASSERTIONS,
    biometric::ASSERTIONS,
    minutiae::ASSERTIONS,
    pictures::ASSERTIONS,
    signature::ASSERTIONS,
    signed_attributes::ASSERTIONS,
    security::ASSERTIONS,
    certificate::ASSERTIONS,
    identity::ASSERTIONS,
    path::ASSERTIONS,
    conforms::ASSERTIONS,
];

/// Whose rule it is, and where in the document.
type Clause = (Standard, &'static str);

/// How one object is judged.
type JudgeObject = fn(&Evidence, ObjectId) -> Judgement;

/// A rule about objects.
const fn rule(
    id: &'static str,
    title: &'static str,
    clause: Clause,
    checks: &'static [&'static str],
    objects: Objects,
    judge: JudgeObject,
) -> Assertion {
    Assertion {
        id,
        title,
        standard: clause.0,
        clause: clause.1,
        needs: &[],
        writes: false,
        pin_tries: 0,
        checks,
        check: Check::Object(objects, judge),
    }
}

/// A rule about the card as a whole.
const fn card_rule(
    id: &'static str,
    title: &'static str,
    clause: Clause,
    checks: &'static [&'static str],
    judge: fn(&Evidence) -> Judgement,
) -> Assertion {
    Assertion {
        check: Check::Card(judge),
        ..rule(id, title, clause, checks, Objects::These(&[]), never)
    }
}

/// The same with something that must be given.
const fn needing(needs: &'static [Need], assertion: Assertion) -> Assertion {
    Assertion { needs, ..assertion }
}

/// Stands where a rule about the card has no rule about an object.
fn never(_: &Evidence, _: ObjectId) -> Judgement {
    Judgement::not_applicable("it is about the card")
}
