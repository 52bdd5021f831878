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
    let text = fs::read_to_string(folder.join(format!("vci_vectors_sd33-{number}.json"))).unwrap();
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

/// All eight cards with their names.
pub(crate) fn cards() -> Vec<(String, Card)> {
    let mut cards = Vec::new();
    if let Some(icam) = data("icam") {
        cards.extend(ICAM.map(|name| (name.to_owned(), icam_card(&icam.join(name)))));
    }
    if let Some(sd33) = data("sd33") {
        cards.extend(SD33.map(|number| (format!("SD33 {number}"), sd33_card(&sd33, number))));
    }
    cards
}
