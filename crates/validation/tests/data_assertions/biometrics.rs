//! Damage to headers and records of the biometrics.

use piv::biometric::CbeffDate;
use piv::words::ObjectId as O;

use crate::Row;
use crate::specimen::Damage::{Counted, Face, Header, Iris, Minutiae};
use crate::specimen::fasc_n;

pub(crate) const ROWS: &[Row] = &[
    // What cannot be counted cannot be cut: signature and record are not where they were signed.
    Row::new(
        "biometric.data-there",
        &["76.1"],
        &[
            "biometric.data-length",
            "biometric.total-length",
            "signature.signed-data",
        ],
        Counted(O::IrisImages, |it| it.data_length = 0),
    ),
    Row::new(
        "biometric.data-length",
        &["76.2"],
        &[
            "biometric.total-length",
            "face.images-complete",
            "signature.signed-data",
        ],
        Counted(O::FacialImage, |it| it.data_length += 1),
    ),
    Row::new(
        "biometric.signature-there",
        &["76.3"],
        &["biometric.total-length"],
        Counted(O::IrisImages, |it| it.signature_length = 0),
    ),
    Row::new(
        "biometric.signature-length",
        &["76.48"],
        &["biometric.total-length"],
        Counted(O::Fingerprints, |it| it.signature_length += 1),
    ),
    Row::new(
        "biometric.total-length",
        &["76.4"],
        &["signature.signed-data"],
        crate::specimen::Damage::Elements(O::Fingerprints, |it| it[0].1.push(0)),
    ),
    Row::new(
        "biometric.version",
        &["76.5"],
        &[],
        Header(O::Fingerprints, |it| it.version = 2),
    ),
    Row::new(
        "biometric.security-options",
        &["76.6"],
        &[],
        Header(O::FacialImage, |it| it.security = 0x0F),
    ),
    Row::new(
        "biometric.format-owner",
        &["76.7"],
        &[],
        Header(O::IrisImages, |it| it.format_owner = 0x1B),
    ),
    Row::new(
        "biometric.format-type",
        &["76.38"],
        &[],
        Header(O::Fingerprints, |it| it.format_type = 0x0501),
    ),
    Row::new(
        "biometric.creation-date",
        &["76.39"],
        &[],
        Header(O::FacialImage, |it| it.created.0[2] = 13),
    ),
    Row::new(
        "biometric.validity",
        &["76.40"],
        &[],
        Header(O::IrisImages, |it| it.not_before.0[2] = 13),
    ),
    Row::new(
        "biometric.validity",
        &["76.40"],
        &[],
        Header(O::IrisImages, |it| it.not_before.0[0] = 30),
    ),
    Row::new(
        "biometric.type",
        &["76.41"],
        &[],
        Header(O::Fingerprints, |it| it.biometric_type = [0, 0, 2]),
    ),
    Row::new(
        "biometric.data-type",
        &["76.42"],
        &[],
        Header(O::FacialImage, |it| it.data_type = 0x80),
    ),
    Row::new(
        "biometric.quality",
        &["76.43"],
        &[],
        Header(O::IrisImages, |it| it.quality = 101),
    ),
    Row::new(
        "biometric.creator",
        &["76.44"],
        &[],
        Header(O::Fingerprints, |it| it.creator.0 = [b'A'; 18]),
    ),
    Row::new(
        "biometric.fasc-n",
        &["76.45"],
        &["signature.fasc-n"],
        Header(O::FacialImage, |it| it.fasc_n = fasc_n(8)),
    ),
    Row::new(
        "biometric.reserved",
        &["76.46"],
        &[],
        Header(O::IrisImages, |it| it.reserved[3] = 1),
    ),
    Row::new(
        "biometric.outlives-the-card",
        &[],
        &[],
        Header(O::FacialImage, |it| {
            let CbeffDate(bytes) = &mut it.not_after;
            bytes[1] = 29;
        }),
    ),
    Row::new(
        "minutiae.format",
        &["76.9"],
        &[],
        Minutiae(|it| it.format[0] = b'X'),
    ),
    Row::new(
        "minutiae.version",
        &["76.10"],
        &[],
        Minutiae(|it| it.version[1] = b'3'),
    ),
    Row::new(
        "minutiae.version",
        &["76.10"],
        &[],
        Minutiae(|it| it.version[3] = b'0'),
    ),
    Row::new(
        "minutiae.length",
        &["76.11"],
        &["minutiae.views-complete"],
        Minutiae(|it| it.rest = vec![0; 1500]),
    ),
    Row::new(
        "minutiae.product",
        &["76.12"],
        &[],
        Minutiae(|it| it.product_type = 0),
    ),
    Row::new(
        "minutiae.equipment-compliance",
        &["76.13"],
        &[],
        Minutiae(|it| it.equipment = 1),
    ),
    Row::new(
        "minutiae.equipment",
        &["76.14"],
        &[],
        Minutiae(|it| it.equipment = 0x8000),
    ),
    Row::new(
        "minutiae.resolution",
        &["76.16"],
        &[],
        Minutiae(|it| it.y_resolution = 196),
    ),
    Row::new(
        "minutiae.two-views",
        &["76.17"],
        &[],
        Minutiae(|it| {
            it.views.pop();
            it.view_count = 1;
        }),
    ),
    Row::new(
        "minutiae.reserved",
        &["76.18"],
        &[],
        Minutiae(|it| it.reserved = 1),
    ),
    Row::new(
        "minutiae.views-complete",
        &["76.19"],
        &[],
        Minutiae(|it| it.rest = vec![0; 3]),
    ),
    Row::new(
        "minutiae.position",
        &["76.20"],
        &[],
        Minutiae(|it| it.views[0].position = 15),
    ),
    Row::new(
        "minutiae.view-number",
        &["76.21"],
        &[],
        Minutiae(|it| it.views[1].view = 0x10),
    ),
    Row::new(
        "minutiae.impression",
        &["76.22"],
        &[],
        Minutiae(|it| it.views[1].view = 0x01),
    ),
    Row::new(
        "minutiae.finger-quality",
        &["76.47"],
        &[],
        Minutiae(|it| it.views[0].quality = 50),
    ),
    Row::new(
        "minutiae.count",
        &["76.23"],
        &[],
        Minutiae(|it| {
            it.views.truncate(2);
            let one = it.views[0].minutiae[0];
            it.views[0].minutiae = vec![one; 129];
        }),
    ),
    Row::new(
        "minutiae.extended-data",
        &["76.28"],
        &[],
        Minutiae(|it| it.views[0].extended = vec![1]),
    ),
    Row::new(
        "minutiae.type",
        &["76.24"],
        &[],
        Minutiae(|it| it.views[0].minutiae[1].kind = 3),
    ),
    Row::new(
        "minutiae.place",
        &["76.25"],
        &[],
        Minutiae(|it| it.views[1].minutiae[1].x = 512),
    ),
    Row::new(
        "minutiae.angle",
        &["76.26"],
        &[],
        Minutiae(|it| it.views[1].minutiae[1].angle = 180),
    ),
    Row::new(
        "minutiae.quality",
        &["76.27"],
        &[],
        Minutiae(|it| it.views[1].minutiae[1].quality = 101),
    ),
    Row::new(
        "object.conforms",
        &[],
        &[],
        Minutiae(|it| it.views[1].minutiae[1].reserved = 1),
    ),
    Row::new(
        "face.format",
        &["76.29"],
        &[],
        Face(|it| it.format[0] = b'X'),
    ),
    Row::new(
        "face.version",
        &["76.30"],
        &[],
        Face(|it| it.version[1] = b'2'),
    ),
    Row::new(
        "face.image-there",
        &["76.31"],
        &[],
        Face(|it| {
            it.image_count = 0;
            it.images.clear();
        }),
    ),
    Row::new(
        "face.images-complete",
        &["76.32"],
        &[],
        Face(|it| it.image_count = 2),
    ),
    Row::new(
        "face.feature-points",
        &["73-4.25"],
        &[],
        Face(|it| it.images[0].features[0][3] = 240),
    ),
    Row::new(
        "face.image-type",
        &[],
        &[],
        Face(|it| it.images[0].image_type = 2),
    ),
    Row::new(
        "face.compression",
        &[],
        &[],
        Face(|it| it.images[0].data_type = 1),
    ),
    Row::new(
        "face.colour-space",
        &[],
        &[],
        Face(|it| it.images[0].colour_space = 2),
    ),
    Row::new("face.source", &[], &[], Face(|it| it.images[0].source = 1)),
    Row::new("iris.format", &[], &[], Iris(|it| it.version[1] = b'3')),
    Row::new(
        "iris.images-complete",
        &[],
        &[],
        Iris(|it| it.representation_count = 2),
    ),
    Row::new("iris.eyes", &[], &[], Iris(|it| it.eyes = 3)),
];
