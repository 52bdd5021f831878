//! Published test cards as evidence: GSA ICAM card images and the NIST SD33 captures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use card_image::CardImage;
use iso7816::ber::{self, Tag};
use jiff::Timestamp;
use piv::signed::CertificateRules;
use piv::words::ObjectId;
use validation::Evidence;

/// The test data, or `None` with a plain word where there is none.
pub(crate) fn data(what: &str) -> Option<PathBuf> {
    let data = std::env::var_os("CARDWRIGHT_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = data.join(what);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: no test data at {}", path.display());
    None
}

/// What GET DATA returns for these values.
pub(crate) fn wrapped(values: BTreeMap<ObjectId, Vec<u8>>) -> BTreeMap<ObjectId, Vec<u8>> {
    values
        .into_iter()
        .map(|(object, value)| {
            let tag = match object.is_bare() {
                true => object.tag(),
                false => Tag(0x53),
            };
            (object, ber::object(tag, &value))
        })
        .collect()
}

pub(crate) fn icam(folder: &str, rules: CertificateRules, now: Timestamp) -> Option<Evidence> {
    let path = data("icam")?.join(folder);
    if !path.is_dir() {
        println!("skipped: no card {folder}");
        return None;
    }
    let image = CardImage::load(path).unwrap();
    Some(Evidence::of_objects(
        folder,
        wrapped(image.values()),
        rules,
        now,
    ))
}

pub(crate) fn sd33(number: &str, rules: CertificateRules, now: Timestamp) -> Option<Evidence> {
    let file = data("sd33")?.join(format!("vci_vectors_sd33-{number}.json"));
    if !file.is_file() {
        println!("skipped: no card SD33 {number}");
        return None;
    }
    let text = std::fs::read_to_string(file).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let unhex = |value: &serde_json::Value| hex::decode(value.as_str().unwrap()).unwrap();
    let mut objects = BTreeMap::new();
    for object in json["vci_objects"].as_object().unwrap().values() {
        let tag = u32::from_str_radix(object["tag"].as_str().unwrap(), 16).unwrap();
        let object_id = ObjectId::from_tag(Tag(tag)).unwrap();
        objects.insert(object_id, unhex(&object["data_hex"]));
    }
    let discovery = unhex(&json["card_info"]["discovery_object"]);
    objects.insert(ObjectId::Discovery, discovery);
    let source = format!("SD33 {number}");
    Some(Evidence::of_objects(&source, objects, rules, now))
}
