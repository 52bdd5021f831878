//! Damage to the outer form of objects, and to what the simple ones say.

use iso7816::StatusWord;
use piv::words::{ObjectId as O, RetiredKey};
use validation::{Evidence, ObjectState};

use crate::Row;
use crate::specimen;
use crate::specimen::Damage::{Elements, Known, Raw, Value};

const ORDER: &str = "object.element-order";
const PRESENT: &str = "object.elements-present";
const UNKNOWN: &str = "object.no-unknown-elements";
const EMPTY: &str = "object.error-detection-empty";
pub(crate) const REMOVED: &str = "object.no-removed-elements";
const TAG: &str = "object.under-its-tag";

pub(crate) const RETIRED: O = match RetiredKey::new(1) {
    Some(key) => O::RetiredCertificate(key),
    None => panic!(),
};

type List = specimen::Elements;

pub(crate) fn at(list: &List, tag: u32) -> usize {
    list.iter().position(|it| it.0 == tag).unwrap()
}

/// Moves an element before another.
fn before(list: &mut List, moved: u32, other: u32) {
    let element = list.remove(at(list, moved));
    let place = at(list, other);
    list.insert(place, element);
}

fn drop(list: &mut List, tag: u32) {
    list.remove(at(list, tag));
}

pub(crate) fn set(list: &mut List, tag: u32, value: &[u8]) {
    let place = at(list, tag);
    list[place].1 = value.to_vec();
}

/// Puts a new element before another.
pub(crate) fn add(list: &mut List, tag: u32, value: &[u8], other: u32) {
    let place = at(list, other);
    list.insert(place, (tag, value.to_vec()));
}

pub(crate) fn set_state(card: &mut Evidence, object: O, state: ObjectState) {
    card.readings.get_mut(&object).unwrap().state = state;
    card.contents.remove(&object);
}

pub(crate) const ROWS: &[Row] = &[
    // The card as a whole.
    Row::new(
        "atr.form",
        &[],
        &[],
        Known(|card| card.atr = vec![0x3B, 0x01]),
    ),
    Row::new(
        "application.identifier",
        &[],
        &[],
        Known(|card| {
            reselect(card, "61164F0BA00000030800001000020079074F05A000000308");
        }),
    ),
    Row::new(
        "application.properties",
        &[],
        &[],
        Known(|card| {
            reselect(card, "610D4F0BA000000308000010000100");
        }),
    ),
    Row::new(
        "object.status-word",
        &["BERTLV.3"],
        &[],
        Known(|card| {
            let refused = ObjectState::Refused(StatusWord::SECURITY_STATUS_NOT_SATISFIED);
            set_state(card, O::IrisImages, refused);
        }),
    ),
    Row::new(
        "card.mandatory-objects",
        &[],
        &[],
        Known(|card| {
            set_state(card, O::FacialImage, ObjectState::Absent);
        }),
    ),
    // Wrapper and lengths.
    Row::new(
        "object.wrapper",
        &[],
        &[],
        Raw(O::KeyHistory, |raw| raw.push(0x00)),
    ),
    Row::new(
        TAG,
        &["BERTLV.2", "73-4.2"],
        &[PRESENT, UNKNOWN, "security.hashes"],
        Value(O::CardCapabilityContainer, |value| {
            *value = vec![0x01, 0x01, 0x00]
        }),
    ),
    Row::new(
        "object.length-fields",
        &["BERTLV.1"],
        &[],
        Raw(O::KeyHistory, |raw| {
            raw.splice(1..2, [0x81, raw[1]]);
        }),
    ),
    Row::new(
        "object.readable-to-the-end",
        &["BERTLV.4"],
        &["security.hashes", PRESENT],
        Value(O::CardCapabilityContainer, |value| {
            *value.last_mut().unwrap() = 5;
        }),
    ),
    // Mandatory elements.
    Row::new(
        PRESENT,
        &["73-4.3"],
        &[],
        Elements(O::CardCapabilityContainer, |it| drop(it, 0xF7)),
    ),
    Row::new(
        PRESENT,
        &["73-4.5"],
        &[],
        Elements(O::CardCapabilityContainer, |it| drop(it, 0xFE)),
    ),
    Row::new(
        PRESENT,
        &["73-4.10"],
        &[],
        Elements(O::Chuid, |it| drop(it, 0x30)),
    ),
    Row::new(
        PRESENT,
        &["73-4.44"],
        &[],
        Elements(O::Chuid, |it| drop(it, 0x34)),
    ),
    Row::new(
        PRESENT,
        &["73-4.46"],
        &[],
        Elements(O::Chuid, |it| drop(it, 0x35)),
    ),
    Row::new(
        PRESENT,
        &["73-4.48"],
        &["signature.verifies"],
        Elements(O::Chuid, |it| drop(it, 0x3E)),
    ),
    Row::new(
        PRESENT,
        &["73-4.14", "73-4.50"],
        &[],
        Elements(O::Chuid, |it| drop(it, 0xFE)),
    ),
    Row::new(
        PRESENT,
        &["73-4.19"],
        &[],
        Elements(O::SignatureCertificate, |it| drop(it, 0x71)),
    ),
    Row::new(
        PRESENT,
        &["73-4.21"],
        &[],
        Elements(O::KeyManagementCertificate, |it| drop(it, 0xFE)),
    ),
    Row::new(
        PRESENT,
        &["73-4.25"],
        &[],
        Elements(O::FacialImage, |it| drop(it, 0xFE)),
    ),
    Row::new(
        PRESENT,
        &["73-4.28"],
        &[],
        Elements(O::PrintedInformation, |it| drop(it, 0x02)),
    ),
    Row::new(
        PRESENT,
        &["73-4.30"],
        &[],
        Elements(O::PrintedInformation, |it| drop(it, 0xFE)),
    ),
    Row::new(
        PRESENT,
        &["73-4.34"],
        &[],
        Elements(O::SecurityObject, |it| drop(it, 0xBA)),
    ),
    Row::new(
        PRESENT,
        &["73-4.40"],
        &[],
        Elements(O::Discovery, |it| drop(it, 0x4F)),
    ),
    Row::new(
        PRESENT,
        &["73-4.41"],
        &[],
        Elements(O::Discovery, |it| drop(it, 0x5F2F)),
    ),
    // Their order.
    Row::new(
        ORDER,
        &["73-4.3"],
        &[],
        Elements(O::CardCapabilityContainer, |it| before(it, 0xF1, 0xF0)),
    ),
    Row::new(
        ORDER,
        &["73-4.4"],
        &[REMOVED],
        Elements(O::CardCapabilityContainer, |it| {
            add(it, 0xB4, &[], 0xFE);
            add(it, 0xE3, &[], 0xFE);
        }),
    ),
    Row::new(
        ORDER,
        &["73-4.5"],
        &[],
        Elements(O::CardCapabilityContainer, |it| before(it, 0xFE, 0xFD)),
    ),
    Row::new(
        ORDER,
        &["73-4.9"],
        &[REMOVED, "chuid.buffer-length"],
        Elements(O::Chuid, |it| add(it, 0xEE, &BUFFER, 0x34)),
    ),
    Row::new(
        ORDER,
        &["73-4.11"],
        &[REMOVED],
        Elements(O::Chuid, |it| {
            add(it, 0x33, b"123456789", 0x34);
            add(it, 0x32, b"1234", 0x34);
        }),
    ),
    Row::new(
        ORDER,
        &["73-4.13"],
        &[],
        Elements(O::Chuid, |it| before(it, 0x36, 0x35)),
    ),
    Row::new(
        ORDER,
        &["73-4.14", "73-4.51"],
        &[],
        Elements(O::Chuid, |it| before(it, 0xFE, 0x3E)),
    ),
    Row::new(
        ORDER,
        &["73-4.43", "73-4.45"],
        &[],
        Elements(O::Chuid, |it| before(it, 0x34, 0x30)),
    ),
    Row::new(
        ORDER,
        &["73-4.47"],
        &[],
        Elements(O::Chuid, |it| before(it, 0x35, 0x34)),
    ),
    Row::new(
        ORDER,
        &["73-4.49"],
        &[],
        Elements(O::Chuid, |it| before(it, 0x3E, 0x36)),
    ),
    Row::new(
        ORDER,
        &["73-4.19"],
        &[],
        Elements(O::CardAuthenticationCertificate, |it| {
            before(it, 0x71, 0x70)
        }),
    ),
    Row::new(
        ORDER,
        &["73-4.20"],
        &[REMOVED],
        Elements(O::AuthenticationCertificate, |it| add(it, 0x72, &[1], 0x71)),
    ),
    Row::new(
        ORDER,
        &["73-4.21"],
        &[],
        Elements(O::AuthenticationCertificate, |it| before(it, 0xFE, 0x71)),
    ),
    Row::new(
        ORDER,
        &["73-4.25"],
        &[],
        Elements(O::FacialImage, |it| before(it, 0xFE, 0xBC)),
    ),
    Row::new(
        ORDER,
        &["73-4.28", "73-4.52"],
        &[],
        Elements(O::PrintedInformation, |it| before(it, 0x02, 0x01)),
    ),
    Row::new(
        ORDER,
        &["73-4.29"],
        &[],
        Elements(O::PrintedInformation, |it| before(it, 0x08, 0x07)),
    ),
    Row::new(
        ORDER,
        &["73-4.30", "73-4.53"],
        &[],
        Elements(O::PrintedInformation, |it| before(it, 0xFE, 0x08)),
    ),
    Row::new(
        ORDER,
        &["73-4.54"],
        &[],
        Elements(O::SecurityObject, |it| before(it, 0xBB, 0xBA)),
    ),
    Row::new(
        ORDER,
        &["73-4.55"],
        &[],
        Elements(O::Discovery, |it| before(it, 0x5F2F, 0x4F)),
    ),
    Row::new(
        ORDER,
        &["73-4.56"],
        &[],
        Elements(O::KeyHistory, |it| add(it, 0xC1, &[1], 0xC2)),
    ),
    // Their sizes.
    Row::new(
        "object.element-sizes",
        &["73-4.56"],
        &[],
        Elements(O::PrintedInformation, |it| set(it, 0x06, b"SHORT")),
    ),
    Row::new(
        "object.element-sizes",
        &["73-4.56"],
        &[],
        Elements(O::CardCapabilityContainer, |it| set(it, 0xF0, &[1, 2])),
    ),
    Row::new(
        "object.element-sizes",
        &["73-4.56"],
        &[],
        Elements(O::PrintedInformation, |it| set(it, 0x02, &[b'A'; 21])),
    ),
    // Others.
    Row::new(
        UNKNOWN,
        &["73-4.17"],
        &[],
        Elements(O::Chuid, |it| add(it, 0x77, &[], 0x3E)),
    ),
    Row::new(
        UNKNOWN,
        &["73-4.22"],
        &[],
        Elements(O::SignatureCertificate, |it| add(it, 0x73, &[], 0xFE)),
    ),
    Row::new(
        UNKNOWN,
        &["73-4.26"],
        &[],
        Elements(O::FacialImage, |it| add(it, 0xBD, &[], 0xFE)),
    ),
    Row::new(
        UNKNOWN,
        &["73-4.31"],
        &[],
        Elements(O::PrintedInformation, |it| add(it, 0x09, b"X", 0xFE)),
    ),
    Row::new(
        UNKNOWN,
        &["73-4.35"],
        &[],
        Elements(O::SecurityObject, |it| add(it, 0xBD, &[], 0xFE)),
    ),
    Row::new(
        REMOVED,
        &[],
        &[],
        Elements(O::Chuid, |it| add(it, 0x32, b"1234", 0x34)),
    ),
    Row::new(
        EMPTY,
        &["73-4.23"],
        &[],
        Elements(O::Chuid, |it| set(it, 0xFE, &[0])),
    ),
    Row::new(
        EMPTY,
        &["73-4.23"],
        &[],
        Elements(RETIRED, |it| set(it, 0xFE, &[0])),
    ),
];

/// The CHUID without its buffer length has this many bytes; the signature is as long always.
const BUFFER: [u8; 2] = [0x00, 0x00];

fn reselect(card: &mut Evidence, answer: &str) {
    card.application = piv::ApplicationProperties::parse(&hex::decode(answer).unwrap());
}
