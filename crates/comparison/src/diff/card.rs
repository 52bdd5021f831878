//! Answer to reset, answer to SELECT, production data.

use globalplatform::Cplc;
use piv::ApplicationProperties;
use piv::words::Algorithm;

use super::{Differ, GAINED, IDENTITY, LOST, What};
use crate::{Class, Section};

pub(super) fn compare(differ: &mut Differ<'_>) {
    answer_to_reset(differ);
    let (a, b) = (differ.a, differ.b);
    if let Some((a, b)) = differ.both("protocol", a.protocol.as_ref(), b.protocol.as_ref())
        && a != b
    {
        let what = What::new(Section::Card, "protocol", "transmission protocol");
        let why = "the reader chooses among those the answer to reset offers";
        differ.note(Class::Tolerated, what.a(a).b(b), why);
    }
    select(differ);
    production(differ);
}

fn answer_to_reset(differ: &mut Differ<'_>) {
    let (a, b) = (differ.a, differ.b);
    let Some((a, b)) = differ.both("answer to reset", a.atr.as_ref(), b.atr.as_ref()) else {
        return;
    };
    if a == b {
        return;
    }
    let named = differ
        .profile
        .is_some_and(|profile| profile.atr.iter().any(|pattern| pattern.matches(b)));
    let what = What::new(Section::Card, "atr", "answer to reset")
        .a(hex::encode_upper(a))
        .b(hex::encode_upper(b));
    if named {
        differ.note(Class::Tolerated, what, "B's is one the profile names");
    } else {
        let why = "middleware recognises a card by it";
        differ.note(Class::Regression, what, why);
    }
}

fn select(differ: &mut Differ<'_>) {
    let (a, b) = (differ.a, differ.b);
    let Some((a, b)) = differ.both("answer to SELECT", a.select.as_ref(), b.select.as_ref()) else {
        return;
    };
    if a == b {
        return;
    }
    if a.status != b.status {
        let what = What::new(Section::Card, "select", "status word of SELECT of PIV")
            .a(a.status)
            .b(b.status);
        let (class, why) = if a.status.is_ok() {
            (Class::Regression, "no program finds the PIV application")
        } else if b.status.is_ok() {
            (Class::New, GAINED)
        } else {
            (Class::Tolerated, "neither card has the PIV application")
        };
        return differ.note(class, what, why);
    }
    let found = differ.differences.len();
    let properties = (
        ApplicationProperties::parse(&a.data),
        ApplicationProperties::parse(&b.data),
    );
    application(differ, &properties.0, &properties.1);
    if differ.differences.len() == found {
        let what = What::new(Section::Card, "select.form", "form of the answer to SELECT")
            .a(hex::encode_upper(&a.data))
            .b(hex::encode_upper(&b.data));
        differ.note(Class::Tolerated, what, "it says the same");
    }
}

fn application(differ: &mut Differ<'_>, a: &ApplicationProperties, b: &ApplicationProperties) {
    let what = |path: &str, what: &str| What::new(Section::Card, format!("select.{path}"), what);
    if a.aid != b.aid {
        let difference = what("aid", "application identifier in the answer to SELECT")
            .a(hex::encode_upper(&a.aid))
            .b(hex::encode_upper(&b.aid));
        let (class, why) = if b.aid == piv::words::AID {
            (Class::Tolerated, "B's is the one of the standard")
        } else {
            (Class::Regression, "SP 800-73-5 Part 2, 3.1.1, Table 3")
        };
        differ.note(class, difference, why);
    }
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    for (path, name, a, b) in [
        ("label", "application label", &a.label, &b.label),
        ("url", "address of the documentation", &a.url, &b.url),
    ] {
        if a != b {
            let difference = what(path, name).a(text(a)).b(text(b));
            differ.note(Class::Tolerated, difference, "for people, not for programs");
        }
    }
    extended_length(differ, a, b);
    for (has, other, class, why) in [(a, b, Class::Regression, LOST), (b, a, Class::New, GAINED)] {
        for &byte in &has.algorithms {
            if other.algorithms.contains(&byte) {
                continue;
            }
            let name = Algorithm::from_byte(byte)
                .map_or_else(|| format!("{byte:02X}"), |algorithm| algorithm.to_string());
            let difference = What::new(
                Section::Algorithms,
                format!("algorithm.{byte:02X}"),
                format!("{name} announced in the answer to SELECT"),
            );
            let difference = match class {
                Class::New => difference.a("no").b("yes"),
                _ => difference.a("yes").b("no"),
            };
            differ.note(class, difference, why);
        }
    }
}

fn extended_length(differ: &mut Differ<'_>, a: &ApplicationProperties, b: &ApplicationProperties) {
    let shown = |length: Option<piv::ExtendedLength>| {
        length.map_or_else(
            || "-".to_owned(),
            |length| format!("{} bytes out, {} in", length.command, length.response),
        )
    };
    if a.extended_length == b.extended_length {
        return;
    }
    let what = What::new(
        Section::Card,
        "select.extended-length",
        "extended length announced",
    )
    .a(shown(a.extended_length))
    .b(shown(b.extended_length));
    let (class, why) = match (a.extended_length, b.extended_length) {
        (Some(_), None) => (Class::Regression, "long commands have to be chained"),
        (None, _) => (Class::New, GAINED),
        (Some(_), Some(_)) => (Class::Tolerated, "hosts take the lengths a card announces"),
    };
    differ.note(class, what, why);
}

fn production(differ: &mut Differ<'_>) {
    let (a, b) = (&differ.a.production, &differ.b.production);
    if *a == Default::default() || *b == Default::default() {
        // A folder, or a transcript without these commands: nobody asked.
        if a != b {
            let in_a = *b == Default::default();
            differ.not_compared("production data", in_a);
        }
        return;
    }
    for (path, name, a, b) in [
        ("cplc", "production data (CPLC)", &a.cplc, &b.cplc),
        (
            "iin",
            "issuer identification number",
            &a.issuer_identification,
            &b.issuer_identification,
        ),
        (
            "cin",
            "card image number",
            &a.card_image_number,
            &b.card_image_number,
        ),
    ] {
        if a == b {
            continue;
        }
        let shown = |value: &Option<Vec<u8>>| {
            value
                .as_ref()
                .map_or_else(|| "-".to_owned(), hex::encode_upper)
        };
        let what = What::new(Section::Card, format!("production.{path}"), name)
            .a(shown(a))
            .b(shown(b));
        match (a, b) {
            (Some(_), None) => differ.note(Class::Regression, what, LOST),
            (None, _) => differ.note(Class::New, what, GAINED),
            (Some(a), Some(b)) => {
                let kinds = (Cplc::parse(a), Cplc::parse(b));
                let other_chip = match (path, kinds) {
                    ("cplc", (Ok(a), Ok(b))) => chip(&a) != chip(&b),
                    _ => false,
                };
                if other_chip {
                    let why = "another chip or operating system; what it does is compared below";
                    differ.note(Class::Tolerated, what, why);
                } else {
                    differ.note(Class::Expected, what, IDENTITY);
                }
            }
        }
    }
}

/// What is the same for all cards of one make.
fn chip(cplc: &Cplc) -> [u16; 4] {
    [
        cplc.ic_fabricator,
        cplc.ic_type,
        cplc.operating_system,
        cplc.operating_system_release_level,
    ]
}
