//! What the CHUID says (SP 800-73-5 Part 1, 3.1.2).

use jiff::ToSpan;
use piv::words::ObjectId;
use uuid::{Uuid, Variant};

use super::reading::{Elements, chuid, nothing};
use super::rule;
use super::structure::KEY_MAP;
use crate::{Assertion, Evidence, Judgement, Objects, Standard};

const CHUID: Objects = Objects::These(&[ObjectId::Chuid]);
const CLAUSE: (Standard, &str) = (Standard::Sp80073, "Part 1, 3.1.2");

pub(super) const ASSERTIONS: &[Assertion] = &[
    rule(
        "chuid.fasc-n",
        "the FASC-N has all its fields, with parity, sentinels and check character",
        CLAUSE,
        &["73-4.12"],
        CHUID,
        fasc_n,
    ),
    rule(
        "chuid.guid",
        "the GUID is a UUID of version 1, 4 or 5",
        (Standard::Sp80073, "Part 1, 3.4.1"),
        &[],
        CHUID,
        |evidence, _| uuid(evidence, 0x34, "GUID"),
    ),
    rule(
        "chuid.cardholder-uuid",
        "the Cardholder UUID, if there is one, is a UUID of version 1, 4 or 5",
        (Standard::Sp80073, "Part 1, 3.4.2"),
        &["73-4.13"],
        CHUID,
        |evidence, _| uuid(evidence, 0x36, "Cardholder UUID"),
    ),
    rule(
        "chuid.expiration-date",
        "the expiration date is a date YYYYMMDD",
        CLAUSE,
        &["73-4.15"],
        CHUID,
        expiration_date,
    ),
    rule(
        "chuid.expiration-horizon",
        "the card expires within fifteen years",
        (Standard::Sp80085B, "8.2"),
        &["73-4.16"],
        CHUID,
        expiration_horizon,
    ),
    rule(
        "chuid.not-expired",
        "the card has not expired",
        (Standard::Fips201, "2.9.3"),
        &[],
        CHUID,
        not_expired,
    ),
    rule(
        "chuid.no-key-map",
        "the Authentication Key Map `3D`, retired since SP 800-73-3, is not there",
        CLAUSE,
        &["73-4.24"],
        CHUID,
        no_key_map,
    ),
    rule(
        "chuid.buffer-length",
        "the buffer length `EE`, if there is one, counts what follows it",
        (Standard::Sp80073, "Part 1, Appendix G"),
        &[],
        CHUID,
        buffer_length,
    ),
];

fn fasc_n(evidence: &Evidence, _: ObjectId) -> Judgement {
    let Some(number) = chuid(evidence).and_then(|chuid| chuid.fasc_n) else {
        return nothing("the FASC-N");
    };
    match number.fields() {
        Ok(_) => Judgement::pass(),
        Err(error) => Judgement::fail("a FASC-N of 40 characters of five bits", error.to_string()),
    }
}

fn uuid(evidence: &Evidence, tag: u32, name: &str) -> Judgement {
    let elements = Elements::of(evidence, ObjectId::Chuid);
    let Some(value) = elements.get(tag) else {
        return Judgement::not_applicable(format!("there is no {name}"));
    };
    let Ok(uuid) = Uuid::from_slice(value) else {
        return nothing(name);
    };
    if uuid.is_nil() {
        return Judgement::fail(format!("a {name}"), "all zeros");
    }
    // Published sample cards carry other variants (GSA ICAM card 02): a warning, no violation.
    let version = matches!(uuid.get_version_num(), 1 | 4 | 5);
    match uuid.get_variant() == Variant::RFC4122 && version {
        true => Judgement::pass(),
        false => Judgement::warning(
            "a UUID of version 1, 4 or 5 (RFC 4122)",
            format!("{name} {uuid}"),
        ),
    }
}

fn expiration_date(evidence: &Evidence, _: ObjectId) -> Judgement {
    let Some(digits) = Elements::of(evidence, ObjectId::Chuid).get(0x35) else {
        return nothing("the expiration date");
    };
    let is_date = chuid(evidence).is_some_and(|chuid| chuid.expiry.is_some());
    if digits.len() != 8 {
        return nothing("the expiration date");
    }
    Judgement::require(is_date, "a date YYYYMMDD", || {
        digits.escape_ascii().to_string()
    })
}

fn expiration_horizon(evidence: &Evidence, _: ObjectId) -> Judgement {
    let Some(expiry) = chuid(evidence).and_then(|chuid| chuid.expiry) else {
        return nothing("the expiration date");
    };
    // Dates end with the year 9999, and so do years from now.
    let horizon = evidence.today().saturating_add(15.years());
    Judgement::require(
        expiry <= horizon,
        format!("{horizon} at the latest"),
        || format!("the card expires {expiry}"),
    )
}

fn not_expired(evidence: &Evidence, _: ObjectId) -> Judgement {
    let Some(expiry) = chuid(evidence).and_then(|chuid| chuid.expiry) else {
        return nothing("the expiration date");
    };
    let today = evidence.today();
    Judgement::require(expiry >= today, format!("{today} or later"), || {
        format!("the card expired {expiry}")
    })
}

fn no_key_map(evidence: &Evidence, object: ObjectId) -> Judgement {
    let found = Elements::of(evidence, object).get(KEY_MAP).is_some();
    Judgement::require(!found, "no element `3D`", || {
        "an Authentication Key Map".to_owned()
    })
}

fn buffer_length(evidence: &Evidence, object: ObjectId) -> Judgement {
    let elements = Elements::of(evidence, object);
    let Some(stated) = elements.get(0xEE) else {
        return Judgement::not_applicable("there is none");
    };
    let &[high, low] = stated else {
        return nothing("the buffer length");
    };
    let stated = u16::from_be_bytes([high, low]);
    // Its own tag, length and value are not counted.
    let length = evidence
        .value(object)
        .map_or(0, <[u8]>::len)
        .saturating_sub(4);
    Judgement::require(usize::from(stated) == length, format!("{length}"), || {
        format!("buffer length {stated}")
    })
}
