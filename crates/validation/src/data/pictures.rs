//! The facial image and the iris images (SP 800-76-2, 6 and 7; SP 800-85B-4, 9.6 and 9.7).

use piv::biometric::{FaceImage, FaceRecord, IrisRecord};
use piv::words::ObjectId;

use super::reading::{nothing, record};
use super::rule;
use crate::{Assertion, Deviation, Evidence, Judgement, Objects, Standard};

const FACE: Objects = Objects::These(&[ObjectId::FacialImage]);
const IRIS: Objects = Objects::These(&[ObjectId::IrisImages]);
const OF_FACES: (Standard, &str) = (Standard::Sp80076, "7, Table 12");
const OF_IRISES: (Standard, &str) = (Standard::Sp80076, "6, Table 9");

pub(super) const ASSERTIONS: &[Assertion] = &[
    rule(
        "face.format",
        "the format identifier is `FAC` and a zero",
        OF_FACES,
        &["76.29"],
        FACE,
        |evidence, _| {
            face(evidence, |it| {
                equal("format identifier", &it.format, b"FAC\0")
            })
        },
    ),
    rule(
        "face.version",
        "the version is `010` and a zero",
        OF_FACES,
        &["76.30"],
        FACE,
        |evidence, _| face(evidence, |it| equal("version", &it.version, b"010\0")),
    ),
    rule(
        "face.image-there",
        "there is at least one image",
        OF_FACES,
        &["76.31"],
        FACE,
        |evidence, _| {
            face(evidence, |it| {
                Judgement::require(it.image_count > 0, "at least one image", || {
                    "no image".to_owned()
                })
            })
        },
    ),
    rule(
        "face.images-complete",
        "every image counted is whole, its feature points inside its block",
        OF_FACES,
        &["76.32"],
        FACE,
        |evidence, _| {
            face(evidence, |it| {
                complete(it.images.len(), it.image_count, &it.rest)
            })
        },
    ),
    rule(
        "face.feature-points",
        "feature points lie inside the picture",
        OF_FACES,
        &["73-4.25"],
        FACE,
        |evidence, _| images(evidence, "a place inside the picture", feature_outside),
    ),
    rule(
        "face.image-type",
        "the image is a full frontal one",
        OF_FACES,
        &[],
        FACE,
        |evidence, _| {
            images(evidence, "1", |it| {
                (it.image_type != 1).then(|| format!("image type {}", it.image_type))
            })
        },
    ),
    rule(
        "face.compression",
        "the picture is in JPEG or JPEG 2000, as its data type says",
        OF_FACES,
        &[],
        FACE,
        |evidence, _| images(evidence, "0 for JPEG or 1 for JPEG 2000", compression),
    ),
    rule(
        "face.colour-space",
        "the colour space is sRGB",
        OF_FACES,
        &[],
        FACE,
        |evidence, _| {
            images(evidence, "1", |it| {
                (it.colour_space != 1).then(|| format!("colour space {}", it.colour_space))
            })
        },
    ),
    rule(
        "face.source",
        "the picture comes from a still or a video camera",
        OF_FACES,
        &[],
        FACE,
        |evidence, _| {
            images(evidence, "2 or 6", |it| {
                (!matches!(it.source, 2 | 6)).then(|| format!("source type {}", it.source))
            })
        },
    ),
    rule(
        "iris.format",
        "the record is one of iris images, version 020",
        OF_IRISES,
        &[],
        IRIS,
        |evidence, _| {
            iris(evidence, |it| {
                equal(
                    "format and version",
                    &[it.format, it.version].concat(),
                    b"IIR\x00020\0",
                )
            })
        },
    ),
    rule(
        "iris.images-complete",
        "there is at least one representation, and every one counted is whole",
        OF_IRISES,
        &[],
        IRIS,
        |evidence, _| {
            iris(evidence, |it| {
                let there = Judgement::require(
                    it.representation_count > 0,
                    "at least one representation",
                    || "none".to_owned(),
                );
                let whole = complete(it.representations.len(), it.representation_count, &it.rest);
                there.and(whole)
            })
        },
    ),
    rule(
        "iris.eyes",
        "at most two eyes are there",
        OF_IRISES,
        &[],
        IRIS,
        |evidence, _| {
            iris(evidence, |it| {
                Judgement::require(it.eyes <= 2, "at most 2", || format!("{} eyes", it.eyes))
            })
        },
    ),
];

fn face(evidence: &Evidence, judge: impl Fn(&FaceRecord) -> Judgement) -> Judgement {
    let parsed = record(evidence, ObjectId::FacialImage)
        .and_then(|(_, record)| FaceRecord::parse(&record.value.data).ok());
    parsed.map_or_else(|| nothing("the face record"), |record| judge(&record.value))
}

fn iris(evidence: &Evidence, judge: impl Fn(&IrisRecord) -> Judgement) -> Judgement {
    let parsed = record(evidence, ObjectId::IrisImages)
        .and_then(|(_, record)| IrisRecord::parse(&record.value.data).ok());
    parsed.map_or_else(|| nothing("the iris record"), |record| judge(&record.value))
}

fn equal(what: &str, actual: &[u8], expected: &[u8]) -> Judgement {
    Judgement::require(actual == expected, hex::encode_upper(expected), || {
        format!("{what} {}", hex::encode_upper(actual))
    })
}

fn complete(read: usize, counted: u16, rest: &[u8]) -> Judgement {
    if read != usize::from(counted) {
        return Judgement::fail(format!("{counted} whole ones"), format!("{read}"));
    }
    Judgement::require(rest.is_empty(), "nothing after the last one", || {
        format!("{} bytes after the last one", rest.len())
    })
}

fn images(
    evidence: &Evidence,
    expected: &str,
    wrong: impl Fn(&FaceImage) -> Option<String>,
) -> Judgement {
    face(evidence, |record| {
        let found = record
            .images
            .iter()
            .enumerate()
            .filter_map(|(index, image)| {
                let what = wrong(image)?;
                Some(Deviation::new(
                    expected,
                    format!("image {}: {what}", index + 1),
                ))
            });
        Judgement::broken(found.collect())
    })
}

/// A feature point: type, major and minor code, x, y in two bytes each, two reserved
/// (INCITS 385-2004, 5.6).
fn feature_outside(image: &FaceImage) -> Option<String> {
    let places = image.features.iter().map(|point| {
        let [_, _, x1, x2, y1, y2, ..] = *point;
        (u16::from_be_bytes([x1, x2]), u16::from_be_bytes([y1, y2]))
    });
    let mut outside = places.filter(|(x, y)| *x >= image.width || *y >= image.height);
    let (x, y) = outside.next()?;
    Some(format!(
        "feature point at {x}, {y} of {} by {}",
        image.width, image.height
    ))
}

fn compression(image: &FaceImage) -> Option<String> {
    const JPEG: &[u8] = &[0xFF, 0xD8];
    const JPEG_2000: &[u8] = &[0x00, 0x00, 0x00, 0x0C, 0x6A, 0x50, 0x20, 0x20];
    let stated: &[u8] = match image.data_type {
        0 => JPEG,
        1 => JPEG_2000,
        other => return Some(format!("image data type {other}")),
    };
    (!image.picture.starts_with(stated)).then(|| {
        format!(
            "image data type {}, and a picture in another form",
            image.data_type
        )
    })
}
