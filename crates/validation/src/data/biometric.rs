//! The header of the biometrics and the lengths it counts (SP 800-76-2, Table 14; SP 800-85B-4,
//! 9.1 to 9.3).

use cms::content_info::ContentInfo;
use der::{Decode, Reader, SliceReader};
use piv::biometric::{
    BiometricKind, BiometricRecord, CbeffHeader, FaceRecord, IrisRecord, MinutiaeRecord,
};
use piv::objects::FascN;
use piv::signed::{CardDates, check_dates};
use piv::words::ObjectId;

use super::reading::{BIOMETRICS, Elements, chuid, judge, nothing, record};
use super::rule;
use crate::{Assertion, Evidence, Judgement, Objects, Standard};

const ALL: Objects = Objects::These(BIOMETRICS);
const TABLE: (Standard, &str) = (Standard::Sp80076, "Table 14");

pub(super) const ASSERTIONS: &[Assertion] = &[
    rule(
        "biometric.data-there",
        "the header counts data",
        TABLE,
        &["76.1"],
        ALL,
        |evidence, object| {
            header(evidence, object, |header, _| {
                Judgement::require(header.data_length > 0, "bytes of data", || {
                    "the header counts none".to_owned()
                })
            })
        },
    ),
    rule(
        "biometric.data-length",
        "the header counts the bytes the record inside says it has",
        TABLE,
        &["76.2"],
        ALL,
        data_length,
    ),
    rule(
        "biometric.signature-there",
        "the header counts a signature block",
        TABLE,
        &["76.3"],
        ALL,
        |evidence, object| {
            header(evidence, object, |header, _| {
                Judgement::require(header.signature_length > 0, "a signature block", || {
                    "the header counts none".to_owned()
                })
            })
        },
    ),
    rule(
        "biometric.signature-length",
        "the header counts the bytes of the signature block",
        TABLE,
        &["76.48"],
        ALL,
        signature_length,
    ),
    rule(
        "biometric.total-length",
        "header, data and signature block fill the object",
        TABLE,
        &["76.4"],
        ALL,
        total_length,
    ),
    rule(
        "biometric.version",
        "the patron header version is 03",
        TABLE,
        &["76.5"],
        ALL,
        |evidence, object| {
            field(evidence, object, |header| {
                hex::encode_upper([header.version])
            })
        },
    ),
    rule(
        "biometric.security-options",
        "the data is signed and not encrypted",
        TABLE,
        &["76.6"],
        ALL,
        |evidence, object| {
            field(evidence, object, |header| {
                hex::encode_upper([header.security])
            })
        },
    ),
    rule(
        "biometric.format-owner",
        "the format's owner is the one for this biometric",
        TABLE,
        &["76.7"],
        ALL,
        |evidence, object| {
            field(evidence, object, |header| {
                format!("{:04X}", header.format_owner)
            })
        },
    ),
    rule(
        "biometric.format-type",
        "the format is the one for this biometric",
        TABLE,
        &["76.38"],
        ALL,
        |evidence, object| {
            field(evidence, object, |header| {
                format!("{:04X}", header.format_type)
            })
        },
    ),
    rule(
        "biometric.creation-date",
        "the creation date is a date in eight bytes",
        TABLE,
        &["76.39"],
        ALL,
        |evidence, object| {
            header(evidence, object, |header, _| {
                Judgement::require(header.created.datetime().is_some(), "a date", || {
                    hex::encode_upper(header.created.0)
                })
            })
        },
    ),
    rule(
        "biometric.validity",
        "the validity runs from one date to a later one",
        TABLE,
        &["76.40"],
        ALL,
        |evidence, object| header(evidence, object, validity),
    ),
    rule(
        "biometric.type",
        "the biometric type is the one for this biometric",
        TABLE,
        &["76.41"],
        ALL,
        |evidence, object| {
            field(evidence, object, |header| {
                hex::encode_upper(header.biometric_type)
            })
        },
    ),
    rule(
        "biometric.data-type",
        "the data is processed as far as this biometric is",
        TABLE,
        &["76.42"],
        ALL,
        // The five lower bits are free.
        |evidence, object| {
            field(evidence, object, |header| {
                format!("{:03b}xxxxx", header.data_type >> 5)
            })
        },
    ),
    rule(
        "biometric.quality",
        "the quality is 0 to 100, or -2 for not assessed",
        TABLE,
        &["76.43"],
        ALL,
        |evidence, object| {
            header(evidence, object, |header, _| {
                let good = matches!(header.quality, -2 | 0..=100);
                Judgement::require(good, "-2 or 0 to 100", || {
                    format!("quality {}", header.quality)
                })
            })
        },
    ),
    rule(
        "biometric.creator",
        "the creator is ASCII that ends in a zero",
        TABLE,
        &["76.44"],
        ALL,
        |evidence, object| {
            header(evidence, object, |header, _| {
                let good = header.creator.text().is_some();
                Judgement::require(good, "up to 17 ASCII characters and a zero", || {
                    hex::encode_upper(header.creator.0)
                })
            })
        },
    ),
    rule(
        "biometric.fasc-n",
        "the FASC-N in the header is the CHUID's",
        TABLE,
        &["76.45"],
        ALL,
        fasc_n,
    ),
    rule(
        "biometric.reserved",
        "the reserved field is zero",
        TABLE,
        &["76.46"],
        ALL,
        |evidence, object| {
            field(evidence, object, |header| {
                hex::encode_upper(header.reserved)
            })
        },
    ),
    rule(
        "biometric.outlives-the-card",
        "the biometric is valid as long as the card",
        TABLE,
        &[],
        ALL,
        outlives,
    ),
];

/// Judges the header of a record.
fn header(
    evidence: &Evidence,
    object: ObjectId,
    judge: impl Fn(&CbeffHeader, BiometricKind) -> Judgement,
) -> Judgement {
    match record(evidence, object) {
        Some((kind, record)) => judge(&record.value.header, kind),
        None => nothing("the header"),
    }
}

/// Compares a field with the one of a header as the standard demands it.
fn field(
    evidence: &Evidence,
    object: ObjectId,
    shown: impl Fn(&CbeffHeader) -> String,
) -> Judgement {
    header(evidence, object, |header, kind| {
        let demanded = CbeffHeader::new(
            kind,
            FascN::non_federal(),
            header.creator,
            header.created,
            (header.not_before, header.not_after),
        );
        let (actual, expected) = (shown(header), shown(&demanded));
        Judgement::require(actual == expected, expected, || actual)
    })
}

/// What the record inside says of its own length, whatever the header says.
fn own_length(kind: BiometricKind, data: &[u8]) -> Option<usize> {
    Some(match kind {
        BiometricKind::Fingerprints => MinutiaeRecord::parse(data).ok()?.value.length.into(),
        BiometricKind::Face => usize::try_from(FaceRecord::parse(data).ok()?.value.length).ok()?,
        BiometricKind::Iris => usize::try_from(IrisRecord::parse(data).ok()?.value.length).ok()?,
    })
}

fn data_length(evidence: &Evidence, object: ObjectId) -> Judgement {
    let Some((kind, record)) = record(evidence, object) else {
        return nothing("the header");
    };
    let after = &record.raw[CbeffHeader::LENGTH..];
    let Some(actual) = own_length(kind, after) else {
        return nothing("the record inside");
    };
    let stated = record.value.header.data_length;
    Judgement::require(
        usize::try_from(stated) == Ok(actual),
        format!("{actual}"),
        || format!("the header counts {stated} bytes of data"),
    )
}

/// The signature block as the record inside leaves it, whatever the header says.
fn after_data(record: &BiometricRecord, kind: BiometricKind, raw: &[u8]) -> Option<Vec<u8>> {
    let after = raw.get(CbeffHeader::LENGTH..)?;
    let length = own_length(kind, after).or_else(|| record.header.data_length.try_into().ok())?;
    Some(after.get(length..)?.to_vec())
}

fn signature_length(evidence: &Evidence, object: ObjectId) -> Judgement {
    let Some((kind, record)) = record(evidence, object) else {
        return nothing("the header");
    };
    let block = after_data(&record.value, kind, &record.raw).unwrap_or_default();
    let Some(actual) = der_length(&block) else {
        return nothing("the signature block");
    };
    let stated = record.value.header.signature_length;
    if stated == 0 {
        return nothing("its length");
    }
    Judgement::require(usize::from(stated) == actual, format!("{actual}"), || {
        format!("the header counts {stated} bytes of signature")
    })
}

/// The bytes of the structure at the beginning.
fn der_length(bytes: &[u8]) -> Option<usize> {
    let mut reader = SliceReader::new(bytes).ok()?;
    ContentInfo::decode(&mut reader).ok()?;
    usize::try_from(reader.position()).ok()
}

fn total_length(evidence: &Evidence, object: ObjectId) -> Judgement {
    let Some(bytes) = Elements::of(evidence, object).get(0xBC) else {
        return nothing("the record");
    };
    let Some((_, record)) = record(evidence, object) else {
        return nothing("the header");
    };
    let header = record.value.header;
    let counted = u64::from(header.data_length) + u64::from(header.signature_length) + 88;
    Judgement::require(
        Ok(counted) == u64::try_from(bytes.len()),
        format!("{}", bytes.len()),
        || format!("header, data and signature are counted as {counted} bytes"),
    )
}

fn validity(header: &CbeffHeader, _: BiometricKind) -> Judgement {
    let (from, until) = (header.not_before, header.not_after);
    match (from.datetime(), until.datetime()) {
        (Some(begin), Some(end)) => {
            Judgement::require(begin <= end, "an end after the begin", || {
                format!("valid from {begin} until {end}")
            })
        }
        _ => Judgement::fail(
            "two dates",
            format!(
                "{} and {}",
                hex::encode_upper(from.0),
                hex::encode_upper(until.0)
            ),
        ),
    }
}

fn fasc_n(evidence: &Evidence, object: ObjectId) -> Judgement {
    let Some(expected) = chuid(evidence).and_then(|chuid| chuid.fasc_n) else {
        return nothing("the FASC-N of the CHUID");
    };
    header(evidence, object, |header, _| {
        Judgement::require(header.fasc_n == expected, expected.to_string(), || {
            format!("FASC-N {}", header.fasc_n)
        })
    })
}

fn outlives(evidence: &Evidence, object: ObjectId) -> Judgement {
    let mut dates = CardDates {
        chuid: chuid(evidence).and_then(|chuid| chuid.expiry),
        ..CardDates::default()
    };
    if let Some((kind, record)) = record(evidence, object) {
        dates.add_biometric(kind, &record.value.header);
    }
    match dates.chuid.is_some() && !dates.biometrics.is_empty() {
        true => judge(check_dates(&dates, None)),
        false => nothing("one of the dates"),
    }
}
