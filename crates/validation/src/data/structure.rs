//! The outer form of every object: wrapper, length fields, elements and their order
//! (SP 800-85B-4, 8; SP 800-73-5 Part 1, Appendix A).

use iso7816::StatusWord;
use iso7816::ber::{self, Tag, TlvErrorKind};
use piv::objects::{Layout, Presence, Size};
use piv::words::{Edition, ObjectId};

use super::reading::{Elements, nothing};
use super::{card_rule, rule};
use crate::{Assertion, Deviation, Evidence, Judgement, ObjectState, Objects, Standard, Verdict};

const TABLES: (Standard, &str) = (Standard::Sp80073, "Part 1, Appendix A");
const ENCODING: (Standard, &str) = (Standard::Sp80085B, "8, Table 8-1");

/// Objects made of elements that a table of the standard lists.
const TABLED: Objects = Objects::TheseAndRetired(&[
    ObjectId::CardCapabilityContainer,
    ObjectId::Chuid,
    ObjectId::AuthenticationCertificate,
    ObjectId::Fingerprints,
    ObjectId::SecurityObject,
    ObjectId::FacialImage,
    ObjectId::CardAuthenticationCertificate,
    ObjectId::SignatureCertificate,
    ObjectId::KeyManagementCertificate,
    ObjectId::PrintedInformation,
    ObjectId::Discovery,
    ObjectId::KeyHistory,
    ObjectId::IrisImages,
    ObjectId::SecureMessagingSigner,
]);

/// The objects of Table 2 that every card has (SP 800-73-5 Part 1, 3.1).
const MANDATORY: [ObjectId; 7] = [
    ObjectId::CardCapabilityContainer,
    ObjectId::Chuid,
    ObjectId::AuthenticationCertificate,
    ObjectId::CardAuthenticationCertificate,
    ObjectId::Fingerprints,
    ObjectId::SecurityObject,
    ObjectId::FacialImage,
];

/// The element that ends every object.
const ERROR_DETECTION: u32 = 0xFE;
/// The Authentication Key Map, which has a rule of its own in the CHUID.
pub(super) const KEY_MAP: u32 = 0x3D;

pub(super) const ASSERTIONS: &[Assertion] = &[
    card_rule(
        "object.status-word",
        "what the card gives, it gives with status word 9000, and it gives what it may",
        (Standard::Sp80073, "Part 2, 3.1.2; Part 1, Table 3"),
        &["BERTLV.3"],
        status_words,
    ),
    card_rule(
        "card.mandatory-objects",
        "the seven mandatory objects are on the card",
        (Standard::Sp80073, "Part 1, 3.1 and Table 2"),
        &[],
        mandatory_objects,
    ),
    rule(
        "object.wrapper",
        "an object is returned whole inside its own wrapper and nothing follows it",
        (Standard::Sp80073, "Part 2, 3.1.2"),
        &[],
        Objects::All,
        wrapper,
    ),
    rule(
        "object.under-its-tag",
        "what is returned under a tag is the object of that tag",
        (Standard::Sp80073, "Part 1, Tables 2 and 3"),
        &["BERTLV.2", "73-4.2"],
        TABLED,
        under_its_tag,
    ),
    rule(
        "object.length-fields",
        "length fields have a form the encoding allows, the shortest one",
        ENCODING,
        &["BERTLV.1"],
        Objects::AllBut(&[ObjectId::PairingCode]),
        length_fields,
    ),
    rule(
        "object.readable-to-the-end",
        "element follows element to the end, empty ones too",
        ENCODING,
        &["BERTLV.4"],
        Objects::AllBut(&[ObjectId::PairingCode]),
        readable_to_the_end,
    ),
    rule(
        "object.elements-present",
        "the mandatory elements are there",
        TABLES,
        &[
            "73-4.3", "73-4.5", "73-4.10", "73-4.14", "73-4.19", "73-4.21", "73-4.25", "73-4.28",
            "73-4.30", "73-4.34", "73-4.40", "73-4.41", "73-4.44", "73-4.46", "73-4.48", "73-4.50",
        ],
        TABLED,
        elements_present,
    ),
    rule(
        "object.element-order",
        "the elements stand in the order of the object's table, each once",
        TABLES,
        &[
            "73-4.3", "73-4.4", "73-4.5", "73-4.9", "73-4.11", "73-4.13", "73-4.14", "73-4.19",
            "73-4.20", "73-4.21", "73-4.25", "73-4.28", "73-4.29", "73-4.30", "73-4.43", "73-4.45",
            "73-4.47", "73-4.49", "73-4.51", "73-4.52", "73-4.53", "73-4.54", "73-4.55", "73-4.56",
        ],
        TABLED,
        element_order,
    ),
    rule(
        "object.element-sizes",
        "the elements have the sizes of the object's table",
        TABLES,
        &["73-4.56"],
        TABLED,
        element_sizes,
    ),
    rule(
        "object.no-unknown-elements",
        "no other elements than those of the object's table are there",
        TABLES,
        &["73-4.17", "73-4.22", "73-4.26", "73-4.31", "73-4.35"],
        TABLED,
        no_unknown_elements,
    ),
    rule(
        "object.no-removed-elements",
        "elements that the card's edition of SP 800-73 no longer has are not there",
        (Standard::Sp80073, "Part 1, Appendix G"),
        &[],
        TABLED,
        no_removed_elements,
    ),
    rule(
        "object.error-detection-empty",
        "the error detection code `FE` is empty",
        TABLES,
        &["73-4.23"],
        TABLED,
        error_detection_empty,
    ),
];

fn status_words(evidence: &Evidence) -> Judgement {
    let deviations = evidence.readings.iter().filter_map(|(object, reading)| {
        let ObjectState::Refused(status) = reading.state else {
            return None;
        };
        let locked = is_locked(evidence, *object);
        (!locked || status != StatusWord::SECURITY_STATUS_NOT_SATISFIED).then(|| {
            let expected = match locked {
                true => "6982 as long as it is not to be read, or 6A82",
                false => "9000, or 6A82 if it is not on the card",
            };
            Deviation::new(expected, format!("{object}: {status}"))
        })
    });
    Judgement::broken(deviations.collect())
}

/// Whether the card must not give an object: before the passcode, or without contact and a virtual
/// contact interface (SP 800-73-5 Part 1, Table 3).
fn is_locked(evidence: &Evidence, object: ObjectId) -> bool {
    let free_without_contact = matches!(
        object,
        ObjectId::Chuid
            | ObjectId::CardAuthenticationCertificate
            | ObjectId::Discovery
            | ObjectId::BiometricInformationTemplates
            | ObjectId::SecureMessagingSigner
    );
    object.needs_pin() && !evidence.passcode_verified
        || evidence.is_contactless() && !free_without_contact
}

fn mandatory_objects(evidence: &Evidence) -> Judgement {
    let missing = MANDATORY.iter().filter_map(|object| {
        let state = &evidence.readings.get(object)?.state;
        let what = match state {
            ObjectState::Absent => "not on the card",
            ObjectState::Empty => "empty",
            _ => return None,
        };
        Some(Deviation::new(
            format!("{object} `{}`", object.tag()),
            format!("it is {what}"),
        ))
    });
    Judgement::broken(missing.collect())
}

fn wrapper(evidence: &Evidence, object: ObjectId) -> Judgement {
    let tag = object.wrapper();
    let raw = evidence.raw(object).unwrap_or_default();
    match ber::expect(tag, raw) {
        Ok(_) => Judgement::pass(),
        // What stands there may be digits of the pairing code.
        Err(_) if object == ObjectId::PairingCode => {
            Judgement::fail(format!("one object `{tag}`"), "something else")
        }
        Err(error) => Judgement::fail(format!("one object `{tag}`"), error.to_string()),
    }
}

fn under_its_tag(evidence: &Evidence, object: ObjectId) -> Judgement {
    let rows = rows(object);
    let elements = Elements::of(evidence, object);
    if elements.found.is_empty() {
        return nothing("its first element");
    }
    let known = |tag: u32| rows.iter().any(|row| row.tag == tag);
    // One stray element is another rule's finding; an object of another kind has none of its own.
    let own = elements.found.iter().any(|element| known(element.tag.0));
    Judgement::require(own, format!("{object} under `{}`", object.tag()), || {
        let tags: Vec<_> = elements.found.iter().map(|it| it.tag.to_string()).collect();
        format!("an object of the elements `{}`", tags.join("`, `"))
    })
}

fn length_fields(evidence: &Evidence, object: ObjectId) -> Judgement {
    let raw = evidence.raw(object).unwrap_or_default();
    let outer = ber::Reader::new(raw).next();
    let elements = Elements::of(evidence, object);
    let errors = [
        outer.and_then(Result::err).map(|error| error.kind),
        elements.error.map(|error| error.kind),
    ];
    for error in errors.into_iter().flatten() {
        if matches!(
            error,
            TlvErrorKind::LengthForm { .. } | TlvErrorKind::LengthCut
        ) {
            return Judgement::fail(
                "`00` to `7F`, `81 xx`, `82 xxxx` or `83 xxxxxx`",
                error.to_string(),
            );
        }
    }
    let inner = elements.found.iter().copied();
    let all = outer.and_then(Result::ok).into_iter().chain(inner);
    let long = all.filter(|it| it.raw.len() != ber::object(it.tag, it.value).len());
    let deviations = long.map(|it| {
        let header = it.raw.len() - it.value.len() - it.tag.to_bytes().len();
        Deviation::new(
            "the shortest length field",
            format!("{header} bytes for {} in `{}`", it.value.len(), it.tag),
        )
    });
    let mut judgement = Judgement::broken(deviations.collect());
    if judgement.verdict == Verdict::Fail {
        judgement.verdict = Verdict::Warning;
    }
    judgement
}

fn readable_to_the_end(evidence: &Evidence, object: ObjectId) -> Judgement {
    match Elements::of(evidence, object).error {
        None => Judgement::pass(),
        Some(error) if matches!(error.kind, TlvErrorKind::LengthForm { .. }) => {
            nothing("its length")
        }
        Some(error) => Judgement::fail("elements that fill the object", error.to_string()),
    }
}

/// One row of an object's table.
struct Row {
    tag: u32,
    name: &'static str,
    size: Size,
    presence: Presence,
}

/// The table of an object. The two whose elements have BER tags are written down here.
fn rows(object: ObjectId) -> Vec<Row> {
    let row = |tag, name, size, presence| Row {
        tag,
        name,
        size,
        presence,
    };
    let mut rows: Vec<Row> = Layout::of(object)
        .into_iter()
        .flat_map(|layout| layout.elements)
        .map(|spec| row(spec.tag.into(), spec.name, spec.size, spec.presence))
        .collect();
    match object {
        ObjectId::Discovery => {
            rows.extend([
                row(
                    0x4F,
                    "application identifier",
                    Size::Fixed(11),
                    Presence::Mandatory,
                ),
                row(
                    0x5F2F,
                    "PIN usage policy",
                    Size::Fixed(2),
                    Presence::Mandatory,
                ),
            ]);
        }
        ObjectId::SecureMessagingSigner => {
            rows.push(row(
                0x7F21,
                "Intermediate CVC",
                Size::UpTo(601),
                Presence::Optional,
            ));
        }
        _ => {}
    }
    if !object.is_bare() {
        rows.push(row(
            ERROR_DETECTION,
            "error detection code",
            Size::UpTo(usize::MAX),
            Presence::Mandatory,
        ));
    }
    rows
}

fn elements_present(evidence: &Evidence, object: ObjectId) -> Judgement {
    if evidence.value(object).is_none() {
        return nothing("its wrapper");
    }
    let elements = Elements::of(evidence, object);
    let missing = rows(object)
        .into_iter()
        .filter(|row| row.presence == Presence::Mandatory && elements.get(row.tag).is_none());
    let deviations = missing
        .map(|row| Deviation::new(format!("{} `{}`", row.name, Tag(row.tag)), "it is missing"));
    Judgement::broken(deviations.collect())
}

fn element_order(evidence: &Evidence, object: ObjectId) -> Judgement {
    let rows = rows(object);
    let elements = Elements::of(evidence, object);
    let mut deviations = Vec::new();
    let mut furthest: Option<usize> = None;
    let mut seen = Vec::new();
    for element in &elements.found {
        let Some(place) = rows.iter().position(|row| row.tag == element.tag.0) else {
            continue;
        };
        let named = format!("{} `{}`", rows[place].name, element.tag);
        if seen.contains(&place) {
            deviations.push(Deviation::new(format!("{named} once"), "it is there twice"));
        } else if let Some(before) = furthest.filter(|furthest| place < *furthest) {
            let before = Tag(rows[before].tag);
            deviations.push(Deviation::new(
                format!("{named} before `{before}`"),
                format!("it stands behind `{before}`"),
            ));
        }
        seen.push(place);
        furthest = furthest.max(Some(place));
    }
    Judgement::broken(deviations)
}

fn element_sizes(evidence: &Evidence, object: ObjectId) -> Judgement {
    let rows = rows(object);
    let elements = Elements::of(evidence, object);
    let mut judgement = Judgement::pass();
    for element in &elements.found {
        let Some(row) = rows.iter().find(|row| row.tag == element.tag.0) else {
            continue;
        };
        let actual = element.value.len();
        let (verdict, expected) = match row.size {
            Size::Fixed(size) if actual != size => (Verdict::Fail, format!("{size} bytes")),
            Size::FixedOrEmpty(size) if actual != size && actual != 0 => {
                (Verdict::Fail, format!("{size} bytes or none"))
            }
            // A recommendation: larger ones occur and are allowed.
            Size::UpTo(size) if actual > size => {
                (Verdict::Warning, format!("at most {size} bytes"))
            }
            _ => continue,
        };
        let named = format!("{} `{}` of {actual} bytes", row.name, element.tag);
        let deviation = Deviation::new(expected, named);
        judgement = judgement.and(Judgement {
            verdict,
            deviations: vec![deviation],
            reason: String::new(),
        });
    }
    judgement
}

fn no_unknown_elements(evidence: &Evidence, object: ObjectId) -> Judgement {
    let rows = rows(object);
    let elements = Elements::of(evidence, object);
    let unknown = elements.found.iter().filter(|element| {
        let tag = element.tag.0;
        let judged_elsewhere = object == ObjectId::Chuid && tag == KEY_MAP;
        !judged_elsewhere && !rows.iter().any(|row| row.tag == tag)
    });
    let tags: Vec<_> = rows.iter().map(|row| Tag(row.tag).to_string()).collect();
    let deviations = unknown.map(|element| {
        Deviation::new(
            format!("no others than `{}`", tags.join("`, `")),
            format!("`{}` of {} bytes", element.tag, element.value.len()),
        )
    });
    Judgement::broken(deviations.collect())
}

/// As long as the card's edition is not known, they are a remark.
fn no_removed_elements(evidence: &Evidence, object: ObjectId) -> Judgement {
    let elements = Elements::of(evidence, object);
    let removed = rows(object)
        .into_iter()
        .filter(|row| row.presence == Presence::Removed && elements.get(row.tag).is_some());
    let named: Vec<_> = removed
        .map(|row| format!("{} `{}`", row.name, Tag(row.tag)))
        .collect();
    match evidence.edition {
        Some(Edition::Fourth) => Judgement::pass(),
        Some(Edition::Fifth) => Judgement::require(
            named.is_empty(),
            "no element that SP 800-73-5 removed",
            || named.join(", "),
        ),
        None if named.is_empty() => Judgement::pass(),
        None => Judgement {
            reason: format!("removed in SP 800-73-5: {}", named.join(", ")),
            ..Judgement::pass()
        },
    }
}

fn error_detection_empty(evidence: &Evidence, object: ObjectId) -> Judgement {
    if object.is_bare() {
        return Judgement::not_applicable("it has no error detection code");
    }
    match Elements::of(evidence, object).get(ERROR_DETECTION) {
        None => nothing("the error detection code"),
        Some(code) => Judgement::require(code.is_empty(), "`FE 00`", || {
            format!("`FE` of {} bytes", code.len())
        }),
    }
}
