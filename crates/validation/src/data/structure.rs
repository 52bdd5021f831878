//! The outer form of every object: wrapper, length fields, status word (SP 800-85B-4, 8).

use iso7816::ber;
use piv::words::ObjectId;

use crate::{Assertion, Check, Evidence, Judgement, Objects, Standard};

pub(super) const ASSERTIONS: &[Assertion] = &[Assertion {
    id: "object.wrapper",
    title: "an object is returned whole inside its own wrapper and nothing follows it",
    standard: Standard::Sp80073,
    clause: "Part 2, 3.1.2",
    needs: &[],
    writes: false,
    pin_tries: 0,
    checks: &[],
    check: Check::Object(Objects::All, wrapper),
}];

fn wrapper(evidence: &Evidence, object: ObjectId) -> Judgement {
    let tag = match object.is_bare() {
        true => object.tag(),
        false => ber::Tag(0x53),
    };
    let raw = evidence.raw(object).unwrap_or_default();
    match ber::expect(tag, raw) {
        Ok(_) => Judgement::pass(),
        Err(error) => Judgement::fail(format!("one object `{tag}`"), error.to_string()),
    }
}
