//! The objects of published test cards: GSA ICAM card images and the NIST SD33 captures.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use der::{DecodePem, Encode};
use piv::objects::CertificateObject;
use piv::words::{ObjectId, RetiredKey};
use x509_cert::Certificate;

pub(crate) const ICAM: [&str; 4] = [
    "01_Golden_PIV",
    "02_Golden_PIV-I",
    "37_Golden_FIPS_201-2_PIV_PPS_F=512_D=64",
    "46_Golden_FIPS_201-2_PIV",
];
pub(crate) const SD33: [&str; 4] = ["03", "04", "05", "12"];

/// The test data, or `None` with a plain word where there is none.
pub(crate) fn data(folder: &str) -> Option<PathBuf> {
    let data = std::env::var_os("CARDWRIGHT_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = data.join(folder);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no test data at {}", folder.display());
    None
}

/// The ICAM cards' folder where each of these is in it; `None` with a plain word where not.
pub(crate) fn icam_with(names: &[&str]) -> Option<PathBuf> {
    let icam = data("icam")?;
    let there = |name: &&&str| data(&format!("icam/{name}")).is_some();
    (names.iter().filter(there).count() == names.len()).then_some(icam)
}

/// The SD33 cards' folder where this one is in it; `None` with a plain word where not.
pub(crate) fn sd33_with(number: &str) -> Option<PathBuf> {
    let folder = data("sd33")?;
    if sd33_file(&folder, number).is_file() {
        return Some(folder);
    }
    println!("skipped: no card SD33 {number}");
    None
}

fn sd33_file(folder: &Path, number: &str) -> PathBuf {
    folder.join(format!("vci_vectors_sd33-{number}.json"))
}

/// The objects of one card: the value of each, without its wrapper.
pub(crate) type Card = BTreeMap<ObjectId, Vec<u8>>;

pub(crate) fn pem(path: &Path) -> Certificate {
    let text = fs::read_to_string(path).unwrap();
    // OpenSSL writes "Bag Attributes" before some of them.
    let start = text.find("-----BEGIN CERTIFICATE-----").unwrap();
    Certificate::from_pem(&text[start..]).unwrap()
}

fn icam_object(number: &str) -> Option<ObjectId> {
    Some(match number {
        "1" => ObjectId::Discovery,
        "2" => ObjectId::SecurityObject,
        "3" => ObjectId::AuthenticationCertificate,
        "4" => ObjectId::SignatureCertificate,
        "5" => ObjectId::KeyManagementCertificate,
        "6" => ObjectId::CardAuthenticationCertificate,
        "7" => ObjectId::CardCapabilityContainer,
        "8" => ObjectId::Chuid,
        "9" => ObjectId::Fingerprints,
        "10" => ObjectId::FacialImage,
        "11" => ObjectId::PrintedInformation,
        "13" => ObjectId::KeyHistory,
        _ => {
            let retired = number.parse::<u8>().ok()?.checked_sub(13)?;
            ObjectId::RetiredCertificate(RetiredKey::new(retired)?)
        }
    })
}

pub(crate) fn icam_card(folder: &Path) -> Card {
    let mut card = Card::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some((number, _)) = name.split_once(" - ") else {
            continue;
        };
        let object = icam_object(number).unwrap();
        let value = match path.extension().and_then(|extension| extension.to_str()) {
            Some("p12") => continue,
            Some("crt") => CertificateObject::plain(pem(&path).to_der().unwrap()).encode(),
            _ => fs::read(&path).unwrap(),
        };
        let value = match value.strip_prefix(&[0x7E, 0x12]) {
            Some(inside) if object == ObjectId::Discovery => inside.to_vec(),
            _ => value,
        };
        card.insert(object, value);
    }
    card
}

pub(crate) fn sd33_card(folder: &Path, number: &str) -> Card {
    let text = fs::read_to_string(sd33_file(folder, number)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let unhex = |value: &serde_json::Value| hex::decode(value.as_str().unwrap()).unwrap();
    let mut card = Card::new();
    for object in json["vci_objects"].as_object().unwrap().values() {
        let tag = u32::from_str_radix(object["tag"].as_str().unwrap(), 16).unwrap();
        let bytes = unhex(&object["data_hex"]);
        let value = iso7816::ber::expect(iso7816::ber::Tag(0x53), &bytes).unwrap();
        let object = ObjectId::from_tag(iso7816::ber::Tag(tag)).unwrap();
        card.insert(object, value.to_vec());
    }
    let discovery = unhex(&json["card_info"]["discovery_object"]);
    let value = iso7816::ber::expect(ObjectId::Discovery.tag(), &discovery).unwrap();
    card.insert(ObjectId::Discovery, value.to_vec());
    card
}

/// The eight cards of which it is known what is to be found, as far as they are there, with their
/// names.
pub(crate) fn cards() -> Vec<(String, Card)> {
    let known = |name: &str| {
        ICAM.contains(&name)
            || name
                .strip_prefix("SD33 ")
                .is_some_and(|it| SD33.contains(&it))
    };
    let mut cards = every_card();
    cards.retain(|(name, _)| known(name));
    cards
}

/// Every card there is among the test data, with its name.
pub(crate) fn every_card() -> Vec<(String, Card)> {
    let mut cards = Vec::new();
    if let Some(icam) = data("icam") {
        for name in names_in(&icam) {
            let folder = icam.join(&name);
            if folder.join("8 - CHUID Object").is_file() {
                cards.push((name, icam_card(&folder)));
            }
        }
    }
    if let Some(sd33) = data("sd33") {
        for name in names_in(&sd33) {
            let number = name.strip_prefix("vci_vectors_sd33-");
            if let Some(number) = number.and_then(|it| it.strip_suffix(".json")) {
                cards.push((format!("SD33 {number}"), sd33_card(&sd33, number)));
            }
        }
    }
    cards
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
