//! Parsing an object takes memory for what is kept of it and for nothing else: counted, not timed.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may stop it as the test itself may"
)]

use std::path::Path;

use allocation_counter::AllocationInfo;
use piv::Parsed;
use piv::objects::{
    CardCapabilityContainer, Chuid, Discovery, KeyHistory, ObjectError, PrintedInformation,
    SecurityObject,
};

fn vector(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/objects");
    let text = std::fs::read_to_string(folder.join(format!("{name}.hex"))).unwrap();
    hex::decode(text.split_whitespace().collect::<String>()).unwrap()
}

fn parsing<T>(
    name: &str,
    parse: impl Fn(&[u8]) -> Result<Parsed<T>, ObjectError>,
) -> (usize, AllocationInfo) {
    let value = vector(name);
    let mut kept = None;
    let info = allocation_counter::measure(|| kept = Some(parse(&value)));
    let parsed = kept.unwrap().unwrap();
    assert_eq!(parsed.raw, value);
    println!("{name}, {} bytes: {info:?}", value.len());
    (value.len(), info)
}

/// All that was allocated is still there, and that is the bytes as read and the elements.
fn assert_nothing_wasted<T>(name: &str, parse: impl Fn(&[u8]) -> Result<Parsed<T>, ObjectError>) {
    let (length, info) = parsing(name, parse);
    assert_eq!(
        info.count_total,
        info.count_current.unsigned_abs(),
        "{name}"
    );
    assert_eq!(
        info.bytes_total,
        info.bytes_current.unsigned_abs(),
        "{name}"
    );
    assert!(info.bytes_total <= 2 * length as u64, "{name}: {info:?}");
}

#[test]
fn objects_of_elements_allocate_only_what_they_keep() {
    for name in ["chuid-p256", "chuid-rsa3072"] {
        assert_nothing_wasted(name, Chuid::parse);
    }
    assert_nothing_wasted("card-capability-container", CardCapabilityContainer::parse);
    assert_nothing_wasted("printed-information", PrintedInformation::parse);
    assert_nothing_wasted("key-history", KeyHistory::parse);
    for name in ["security-object-p256", "security-object-rsa3072"] {
        assert_nothing_wasted(name, SecurityObject::parse);
    }
}

#[test]
fn the_discovery_object_wastes_a_few_bytes_at_most() {
    let (_, info) = parsing("discovery", Discovery::parse);
    assert!(
        info.bytes_total <= info.bytes_current.unsigned_abs() + 8,
        "{info:?}"
    );
}
