//! What file and key commands say in their data fields.

use super::plural;
use crate::Masked;
use crate::ber::{self, Tag};

/// Identifier, kind and size of the file a CREATE FILE makes (ISO/IEC 7816-4, 7.4.3).
pub(super) fn created(data: &Masked) -> Vec<String> {
    let filled = readable(data);
    let Ok(parameters) = ber::expect(Tag(0x62), &filled) else {
        return Vec::new();
    };
    let value = |tag| value(parameters, tag);
    let kind = value(0x82).and_then(|descriptor| descriptor.first().copied());
    let name = value(0x83).map(|identifier| match kind {
        Some(0x38) => format!("directory {}", hex::encode_upper(identifier)),
        _ => file(identifier),
    });
    // AuthentIC v2 has key files, whose size is that of the key.
    let (kind, unit) = match kind {
        Some(0x11) => (Some("for a DES key"), "bit"),
        Some(0x12) => (Some("for an RSA public key"), "bit"),
        Some(0x14) => (Some("for an RSA private key"), "bit"),
        Some(0x04) => (Some("of records"), "byte"),
        _ => (None, "byte"),
    };
    let size = value(0x80)
        .or_else(|| value(0x85))
        .and_then(number)
        .filter(|&size| size > 0)
        .map(|size| plural(size, unit));
    [name, kind.map(str::to_owned), size]
        .into_iter()
        .flatten()
        .collect()
}

/// The file a DELETE FILE is for.
pub(super) fn deleted(p1: u8, data: &Masked) -> Vec<String> {
    match (data.len(), p1) {
        (0, _) => vec!["the selected file".to_owned()],
        (_, 0x01) => vec![format!("directory {data}")],
        _ => vec![format!("file {data}")],
    }
}

/// The files or the key of a key pair to generate. None where the reference is in P2.
pub(super) fn generated(data: &Masked) -> Option<Vec<String>> {
    let filled = readable(data);
    if let Ok(template) = ber::expect(Tag(0xAC), &filled) {
        let key = value(template, 0x83)?;
        let mut details = vec![format!("key {}", hex::encode_upper(key))];
        if let Some(mechanism) = value(template, 0x80) {
            details.push(format!("mechanism {}", hex::encode_upper(mechanism)));
        }
        return Some(details);
    }
    let [public, private] = [filled.get(..2)?, filled.get(2..4)?].map(hex::encode_upper);
    Some(vec![
        format!("public key in file {public}"),
        format!("private key in file {private}"),
    ])
}

/// Algorithm and key of a MANAGE SECURITY ENVIRONMENT (ISO/IEC 7816-4, 10.3.1).
pub(super) fn environment(data: &Masked) -> Vec<String> {
    let filled = readable(data);
    let named = |tag, name: &str| {
        value(&filled, tag).map(|value| format!("{name} {}", hex::encode_upper(value)))
    };
    [
        named(0x80, "algorithm"),
        named(0x81, "file"),
        named(0x83, "key"),
        named(0x84, "key"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn file(identifier: &[u8]) -> String {
    format!("file {}", hex::encode_upper(identifier))
}

/// The data, or nothing where some of it is withheld.
fn readable(data: &Masked) -> Vec<u8> {
    if data.is_whole() {
        data.filled()
    } else {
        Vec::new()
    }
}

/// The value of the first object with a tag.
fn value(objects: &[u8], tag: u32) -> Option<&[u8]> {
    ber::Reader::new(objects)
        .map_while(Result::ok)
        .find(|object| object.tag == Tag(tag))
        .map(|object| object.value)
}

/// A number of at most four bytes.
fn number(bytes: &[u8]) -> Option<usize> {
    (bytes.len() <= 4).then(|| {
        bytes
            .iter()
            .fold(0, |number, &byte| number << 8 | usize::from(byte))
    })
}
