//! The data objects: which are there, and what of them.

use std::collections::BTreeSet;

use card_image::Content;
use iso7816::StatusWord;
use iso7816::ber::{self, Tag};
use piv::objects::{Discovery, SecurityObject};
use piv::words::ObjectId;

use super::{Differ, GAINED, IDENTITY, LOST, What};
use crate::{Class, Section};

/// Elements SP 800-73-5 removed: a card without them is none the worse.
const REMOVED: [(ObjectId, u32); 5] = [
    (ObjectId::Chuid, 0xEE),
    (ObjectId::Chuid, 0x32),
    (ObjectId::Chuid, 0x33),
    (ObjectId::CardCapabilityContainer, 0xE3),
    (ObjectId::CardCapabilityContainer, 0xB4),
];

pub(super) fn compare(differ: &mut Differ<'_>) {
    for object in ObjectId::all() {
        let (a, b) = (differ.a.objects.get(&object), differ.b.objects.get(&object));
        let name = format!("{object} (`{}`)", object.tag());
        let Some((a, b)) = differ.both(&name, a, b) else {
            continue;
        };
        if a == b {
            continue;
        }
        match (a, b) {
            (Content::Present(a), Content::Present(b)) => values(differ, object, a, b),
            _ => presence(differ, object, a, b),
        }
    }
}

fn path(object: ObjectId) -> String {
    format!("object.{}", object.tag())
}

fn shown(content: &Content) -> String {
    match content {
        Content::Present(value) => format!("{} bytes", value.len()),
        Content::Empty => "empty".to_owned(),
        Content::Refused(StatusWord::NOT_FOUND) => "absent".to_owned(),
        Content::Refused(StatusWord::SECURITY_STATUS_NOT_SATISFIED) => "protected".to_owned(),
        Content::Refused(status) => format!("refused: {status}"),
        Content::Malformed(answer) => format!("{} bytes that are not the object", answer.len()),
        Content::Withheld => "there, left out as a secret".to_owned(),
    }
}

/// Whether the object holds something, as far as the image shows.
fn holds(content: &Content) -> bool {
    matches!(content, Content::Present(_) | Content::Withheld)
}

fn holds_nothing(content: &Content) -> bool {
    *content == Content::Empty || content.is_absent()
}

fn presence(differ: &mut Differ<'_>, object: ObjectId, a: &Content, b: &Content) {
    let one_with_passcode = differ.a.with_passcode != differ.b.with_passcode;
    if one_with_passcode && object.needs_pin() && (a.is_protected() || b.is_protected()) {
        let text = format!("{object} (`{}`)", object.tag());
        differ.not_compared(&text, b.is_protected());
        return;
    }
    let what = What::new(Section::Objects, path(object), object.to_string())
        .a(shown(a))
        .b(shown(b));
    let (class, why) = match (a, b) {
        _ if holds(a) && holds(b) => (Class::Expected, IDENTITY),
        _ if holds_nothing(a) && holds_nothing(b) => (Class::Tolerated, "both hold nothing"),
        // The standard has the object behind the passcode.
        _ if object.needs_pin() && holds(b) && a.is_protected() => (
            Class::Regression,
            "SP 800-73-5 Part 1, Table 3: it is read without the passcode",
        ),
        _ if object.needs_pin() && holds(a) && b.is_protected() => (
            Class::Tolerated,
            "SP 800-73-5 Part 1, Table 3 has it behind the passcode",
        ),
        // Without the passcode nobody sees whether it is there.
        _ if object.needs_pin() && (a.is_protected() || b.is_protected()) => (
            Class::Tolerated,
            "SP 800-73-5 Part 2, 3.1.2 lets a card say either before the passcode",
        ),
        _ if holds(a) => (Class::Regression, "it can be read no longer"),
        _ if holds(b) => (Class::New, GAINED),
        (_, Content::Malformed(_)) => (Class::Regression, "SP 800-73-5 Part 2, 3.1.2"),
        (Content::Malformed(_), _) => (Class::Tolerated, "A's answer was not the object"),
        _ if holds_nothing(b) => (Class::Tolerated, "B says plainly that there is nothing"),
        _ => (Class::Regression, "SP 800-73-5 Part 2, 3.1.2: 6A82"),
    };
    differ.note(class, what, why);
}

/// Two values that differ.
fn values(differ: &mut Differ<'_>, object: ObjectId, a: &[u8], b: &[u8]) {
    let found = differ.differences.len();
    match object {
        ObjectId::Discovery => discovery(differ, a, b),
        ObjectId::BiometricInformationTemplates => {}
        _ => elements(differ, object, a, b),
    }
    if object == ObjectId::SecurityObject {
        coverage(differ, a, b);
    }
    if differ.differences.len() == found {
        let what = What::new(Section::Objects, path(object), object.to_string())
            .a(format!("{} bytes", a.len()))
            .b(format!("{} bytes", b.len()));
        differ.note(Class::Expected, what, IDENTITY);
    }
}

/// The elements of an object: which there are, and which differ.
fn elements(differ: &mut Differ<'_>, object: ObjectId, a: &[u8], b: &[u8]) {
    let read = |value| -> Option<Vec<(u32, Vec<u8>)>> {
        ber::Reader::single_byte_tags(value)
            .map(|element| element.ok().map(|it| (it.tag.0, it.value.to_vec())))
            .collect()
    };
    // What cannot be read is told by the problems of the object.
    let (Some(a), Some(b)) = (read(a), read(b)) else {
        return;
    };
    let tags: BTreeSet<u32> = a.iter().chain(&b).map(|(tag, _)| *tag).collect();
    let value = |elements: &[(u32, Vec<u8>)], tag| {
        let found = elements.iter().find(|(other, _)| *other == tag);
        found.map(|(_, value)| value.clone())
    };
    for tag in tags {
        let (a, b) = (value(&a, tag), value(&b, tag));
        if a == b {
            continue;
        }
        let hexed = |value: &Option<Vec<u8>>| match value {
            Some(value) if value.is_empty() => "empty".to_owned(),
            Some(value) => hex::encode_upper(value),
            None => "absent".to_owned(),
        };
        let what = What::new(
            Section::Objects,
            format!("{}.{}", path(object), Tag(tag)),
            format!("{object}, element `{}`", Tag(tag)),
        )
        .a(hexed(&a))
        .b(hexed(&b));
        let (class, why) = judge_element(object, tag, a.is_some(), b.is_some());
        differ.note(class, what, why);
    }
}

fn judge_element(object: ObjectId, tag: u32, in_a: bool, in_b: bool) -> (Class, &'static str) {
    const CARD_IDENTIFIER: u32 = 0xF0;
    match (in_a, in_b) {
        (true, false) if REMOVED.contains(&(object, tag)) => {
            (Class::Tolerated, "SP 800-73-5 removed the element")
        }
        (true, false) => (Class::Regression, LOST),
        (false, _) => (Class::New, GAINED),
        (true, true) if object == ObjectId::CardCapabilityContainer && tag != CARD_IDENTIFIER => {
            (Class::Tolerated, "no program depends on it")
        }
        (true, true) => (Class::Expected, IDENTITY),
    }
}

/// The PIN usage policy, right by right.
fn discovery(differ: &mut Differ<'_>, a: &[u8], b: &[u8]) {
    let policy = |value| {
        let parsed = Discovery::parse(value).ok()?;
        parsed.value.policy
    };
    let (Some(a), Some(b)) = (policy(a), policy(b)) else {
        return;
    };
    let rights = [
        ("global-pin", a.global_pin(), b.global_pin()),
        (
            "on-card-comparison",
            a.on_card_comparison(),
            b.on_card_comparison(),
        ),
        ("virtual-contact", a.virtual_contact(), b.virtual_contact()),
        ("pairing-code", a.pairing_code(), b.pairing_code()),
    ];
    for (name, in_a, in_b) in rights {
        if in_a == in_b {
            continue;
        }
        let yes_no = |yes| if yes { "yes" } else { "no" };
        let what = What::new(
            Section::Objects,
            format!("{}.{name}", path(ObjectId::Discovery)),
            format!("Discovery Object, PIN usage policy: {name}"),
        )
        .a(yes_no(in_a))
        .b(yes_no(in_b));
        if in_a {
            differ.note(Class::Regression, what, LOST);
        } else {
            differ.note(Class::New, what, GAINED);
        }
    }
    if a.primary() != b.primary() {
        let what = What::new(
            Section::Objects,
            format!("{}.primary", path(ObjectId::Discovery)),
            "Discovery Object, PIN usage policy: primary PIN",
        )
        .a(format!("{:?}", a.primary()))
        .b(format!("{:?}", b.primary()));
        differ.note(Class::Regression, what, "a host asks for another PIN");
    }
}

/// Which objects the Security Object vouches for.
fn coverage(differ: &mut Differ<'_>, a: &[u8], b: &[u8]) {
    let covered = |value| -> Option<BTreeSet<ObjectId>> {
        let parsed = SecurityObject::parse(value).ok()?;
        Some(parsed.value.covers().collect())
    };
    let (Some(a), Some(b)) = (covered(a), covered(b)) else {
        return;
    };
    for &object in a.symmetric_difference(&b) {
        let what = What::new(
            Section::Objects,
            format!("{}.covers.{}", path(ObjectId::SecurityObject), object.tag()),
            format!("Security Object vouches for {object}"),
        );
        if a.contains(&object) {
            differ.note(Class::Regression, what.a("yes").b("no"), LOST);
        } else {
            differ.note(Class::New, what.a("no").b("yes"), GAINED);
        }
    }
}
