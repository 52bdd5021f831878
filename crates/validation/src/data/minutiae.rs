//! The record of two fingers (SP 800-76-2, 4; SP 800-85B-4, 9.4).

use piv::biometric::{FingerView, Minutia, MinutiaeRecord};
use piv::words::ObjectId;

use super::reading::{nothing, record};
use super::rule;
use crate::{Assertion, Deviation, Evidence, Judgement, Objects, Standard};

const FINGERS: Objects = Objects::These(&[ObjectId::Fingerprints]);
const CLAUSE: (Standard, &str) = (Standard::Sp80076, "4, Table 6");

/// The longest record: two fingers of 128 minutiae each.
const LONGEST: usize = 1574;
const HEAD: usize = 26;

pub(super) const ASSERTIONS: &[Assertion] = &[
    rule(
        "minutiae.format",
        "the format identifier is `FMR` and a zero",
        CLAUSE,
        &["76.9"],
        FINGERS,
        |evidence, _| {
            head(evidence, |it| {
                equal(
                    "format identifier",
                    hex::encode_upper(it.format),
                    "464D5200",
                )
            })
        },
    ),
    rule(
        "minutiae.version",
        "the version is ` 20` and a zero",
        CLAUSE,
        &["76.10"],
        FINGERS,
        |evidence, _| head(evidence, version),
    ),
    rule(
        "minutiae.length",
        "the record has 26 to 1574 bytes",
        CLAUSE,
        &["76.11"],
        FINGERS,
        length,
    ),
    rule(
        "minutiae.product",
        "owner and type of the product are named",
        CLAUSE,
        &["76.12"],
        FINGERS,
        |evidence, _| {
            head(evidence, |it| {
                let named = it.product_owner != 0 && it.product_type != 0;
                Judgement::require(named, "an owner and a type", || {
                    format!("product {:04X} {:04X}", it.product_owner, it.product_type)
                })
            })
        },
    ),
    rule(
        "minutiae.equipment-compliance",
        "the capture equipment complies",
        CLAUSE,
        &["76.13"],
        FINGERS,
        |evidence, _| {
            head(evidence, |it| {
                equal(
                    "equipment compliance",
                    format!("{:04b}", it.equipment >> 12),
                    "1000",
                )
            })
        },
    ),
    rule(
        "minutiae.equipment",
        "the capture equipment is named",
        CLAUSE,
        &["76.14"],
        FINGERS,
        |evidence, _| {
            head(evidence, |it| {
                Judgement::require(it.equipment & 0x0FFF != 0, "an identifier", || {
                    "equipment identifier 000".to_owned()
                })
            })
        },
    ),
    rule(
        "minutiae.resolution",
        "the resolution is 197 pixels a centimetre both ways",
        CLAUSE,
        &["76.16"],
        FINGERS,
        |evidence, _| {
            head(evidence, |it| {
                let actual = format!("{} by {}", it.x_resolution, it.y_resolution);
                equal("resolution", actual, "197 by 197")
            })
        },
    ),
    rule(
        "minutiae.two-views",
        "two fingers are there",
        CLAUSE,
        &["76.17"],
        FINGERS,
        |evidence, _| {
            head(evidence, |it| {
                equal("views", it.view_count.to_string(), "2")
            })
        },
    ),
    rule(
        "minutiae.reserved",
        "the reserved byte is zero",
        CLAUSE,
        &["76.18"],
        FINGERS,
        |evidence, _| {
            head(evidence, |it| {
                equal("reserved byte", it.reserved.to_string(), "0")
            })
        },
    ),
    rule(
        "minutiae.views-complete",
        "every finger counted has a whole view, and nothing follows the last",
        CLAUSE,
        &["76.19"],
        FINGERS,
        |evidence, _| head(evidence, complete),
    ),
    rule(
        "minutiae.position",
        "finger positions are 0 to 14",
        CLAUSE,
        &["76.20"],
        FINGERS,
        |evidence, _| {
            views(evidence, "0 to 14", |view, _| {
                (view.position > 14).then(|| format!("finger position {}", view.position))
            })
        },
    ),
    rule(
        "minutiae.view-number",
        "the only view of a finger has number 0",
        CLAUSE,
        &["76.21"],
        FINGERS,
        |evidence, _| {
            views(
                evidence,
                "0 for the only view of a finger",
                |view, record| {
                    let of_finger = |other: &&FingerView| other.position == view.position;
                    let alone = record.views.iter().filter(of_finger).count() == 1;
                    (alone && view.number() != 0).then(|| format!("view number {}", view.number()))
                },
            )
        },
    ),
    rule(
        "minutiae.impression",
        "impressions are plain, live or not",
        CLAUSE,
        &["76.22"],
        FINGERS,
        |evidence, _| {
            views(evidence, "0 or 2", |view, _| {
                let plain = matches!(view.impression(), 0 | 2);
                (!plain).then(|| format!("impression type {}", view.impression()))
            })
        },
    ),
    rule(
        "minutiae.finger-quality",
        "finger qualities are 20, 40, 60, 80, 100, 254 or 255",
        CLAUSE,
        &["76.47"],
        FINGERS,
        |evidence, _| {
            views(evidence, "20, 40, 60, 80, 100, 254 or 255", |view, _| {
                let known = matches!(view.quality, 20 | 40 | 60 | 80 | 100 | 254 | 255);
                (!known).then(|| format!("finger quality {}", view.quality))
            })
        },
    ),
    rule(
        "minutiae.count",
        "a finger has at most 128 minutiae",
        CLAUSE,
        &["76.23"],
        FINGERS,
        |evidence, _| {
            views(evidence, "at most 128", |view, _| {
                let count = view.minutiae.len();
                (count > 128).then(|| format!("{count} minutiae"))
            })
        },
    ),
    rule(
        "minutiae.extended-data",
        "a finger has no extended data",
        CLAUSE,
        &["76.28"],
        FINGERS,
        |evidence, _| {
            views(evidence, "none", |view, _| {
                let length = view.extended.len();
                (length > 0).then(|| format!("{length} bytes of extended data"))
            })
        },
    ),
    rule(
        "minutiae.type",
        "minutiae are ridge endings, bifurcations or others",
        CLAUSE,
        &["76.24"],
        FINGERS,
        |evidence, _| {
            minutiae(evidence, "00, 01 or 10", |it, _| {
                (it.kind > 2).then(|| format!("type {:02b}", it.kind))
            })
        },
    ),
    rule(
        "minutiae.place",
        "minutiae lie inside the picture",
        CLAUSE,
        &["76.25"],
        FINGERS,
        |evidence, _| {
            minutiae(evidence, "a place inside the picture", |it, record| {
                let outside = it.x >= record.width || it.y >= record.height;
                outside.then(|| {
                    format!(
                        "{}, {} of {} by {}",
                        it.x, it.y, record.width, record.height
                    )
                })
            })
        },
    ),
    rule(
        "minutiae.angle",
        "angles are 0 to 179 units of two degrees",
        CLAUSE,
        &["76.26"],
        FINGERS,
        |evidence, _| {
            minutiae(evidence, "0 to 179", |it, _| {
                (it.angle > 179).then(|| format!("angle {}", it.angle))
            })
        },
    ),
    rule(
        "minutiae.quality",
        "qualities of minutiae are 0 to 100",
        CLAUSE,
        &["76.27"],
        FINGERS,
        |evidence, _| {
            minutiae(evidence, "0 to 100", |it, _| {
                (it.quality > 100).then(|| format!("quality {}", it.quality))
            })
        },
    ),
];

fn read(evidence: &Evidence) -> Option<(MinutiaeRecord, usize)> {
    let (_, record) = record(evidence, ObjectId::Fingerprints)?;
    let minutiae = MinutiaeRecord::parse(&record.value.data).ok()?;
    Some((minutiae.value, record.value.data.len()))
}

fn head(evidence: &Evidence, judge: impl Fn(&MinutiaeRecord) -> Judgement) -> Judgement {
    match read(evidence) {
        Some((record, _)) => judge(&record),
        None => nothing("the minutiae record"),
    }
}

fn equal(what: &str, actual: String, expected: &str) -> Judgement {
    Judgement::require(actual == expected, expected, || format!("{what} {actual}"))
}

fn version(record: &MinutiaeRecord) -> Judgement {
    let actual = hex::encode_upper(record.version);
    match actual.as_str() {
        // A procedure of SP 800-85B asks for it; its assertions and real cards do not.
        "20323030" => Judgement::warning("20323000", format!("version {actual}")),
        _ => equal("version", actual, "20323000"),
    }
}

fn length(evidence: &Evidence, _: ObjectId) -> Judgement {
    let Some((record, actual)) = read(evidence) else {
        return nothing("the minutiae record");
    };
    if usize::from(record.length) != actual {
        // The header of the object counts it too, and has an assertion about that.
        return nothing("its end");
    }
    Judgement::require(
        (HEAD..=LONGEST).contains(&actual),
        "26 to 1574 bytes",
        || format!("{actual} bytes"),
    )
}

fn complete(record: &MinutiaeRecord) -> Judgement {
    let (read, counted) = (record.views.len(), usize::from(record.view_count));
    if read != counted {
        return Judgement::fail(format!("{counted} views"), format!("{read} whole ones"));
    }
    Judgement::require(
        record.rest.is_empty(),
        "nothing after the last view",
        || format!("{} bytes after the last view", record.rest.len()),
    )
}

fn views(
    evidence: &Evidence,
    expected: &str,
    wrong: impl Fn(&FingerView, &MinutiaeRecord) -> Option<String>,
) -> Judgement {
    head(evidence, |record| {
        let found = record.views.iter().enumerate().filter_map(|(index, view)| {
            let what = wrong(view, record)?;
            Some(Deviation::new(
                expected,
                format!("view {}: {what}", index + 1),
            ))
        });
        Judgement::broken(found.collect())
    })
}

fn minutiae(
    evidence: &Evidence,
    expected: &str,
    wrong: impl Fn(&Minutia, &MinutiaeRecord) -> Option<String>,
) -> Judgement {
    views(evidence, expected, |view, record| {
        let mut places = view.minutiae.iter().enumerate();
        places.find_map(|(place, minutia)| {
            Some(format!(
                "minutia {}: {}",
                place + 1,
                wrong(minutia, record)?
            ))
        })
    })
}
