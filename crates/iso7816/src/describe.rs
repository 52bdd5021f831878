//! Exchanges in words, for people who read transcripts.
//!
//! [`fold`] joins what belongs together, [`command`] names a command, [`tlv_tree`] takes data
//! apart. What objects, applications and keys are called is asked of a [`Names`]: nothing here
//! knows a particular card.

mod fold;
mod particulars;
mod tlv;

use std::fmt;

use serde::Serialize;

use crate::ber::{self, Tag};
use crate::{Command, Instruction, Masked};

pub use fold::{Folded, fold};
pub use tlv::{TlvNode, tlv_tree};

/// What things on a card are called.
pub trait Names {
    /// A data object (`CHUID` for 5FC102).
    fn object(&self, tag: Tag) -> Option<String> {
        let _ = tag;
        None
    }

    /// An application, by its identifier or the start of one.
    fn application(&self, aid: &[u8]) -> Option<String> {
        GenericNames.application(aid)
    }

    /// A key or credential, by its reference (`PIV PIN` for 80).
    fn key(&self, reference: u8) -> Option<String> {
        let _ = reference;
        None
    }
}

/// Names of applications nearly every card has or is asked for; no objects, no keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct GenericNames;

impl Names for GenericNames {
    fn application(&self, aid: &[u8]) -> Option<String> {
        const KNOWN: [(&[u8], &str); 9] = [
            (
                &[0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00],
                "PIV",
            ),
            (
                &[0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00],
                "GlobalPlatform issuer security domain",
            ),
            (
                &[0xA0, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00],
                "card manager (Open Platform)",
            ),
            (
                &[0xA0, 0x00, 0x00, 0x00, 0x77, 0x01, 0x03, 0x03],
                "AuthentIC v2",
            ),
            (
                &[0xA0, 0x00, 0x00, 0x00, 0x77, 0x01, 0x00, 0x70, 0x0A],
                "AuthentIC v3",
            ),
            (&[0xA0, 0x00, 0x00, 0x00, 0x77, 0x01], "AuthentIC"),
            (
                &[
                    0xA0, 0x00, 0x00, 0x00, 0x63, 0x50, 0x4B, 0x43, 0x53, 0x2D, 0x31, 0x35,
                ],
                "PKCS#15",
            ),
            (
                &[0xA0, 0x00, 0x00, 0x03, 0x97, 0x43, 0x49, 0x44, 0x5F],
                "Windows plug and play",
            ),
            (
                &[0xA0, 0x00, 0x00, 0x03, 0x97, 0x42, 0x54, 0x46, 0x59],
                "GIDS",
            ),
        ];
        if aid.is_empty() {
            return Some("default application".to_owned());
        }
        KNOWN
            .iter()
            .find(|(known, _)| aid.starts_with(known))
            .map(|(_, name)| (*name).to_owned())
    }
}

/// A command APDU taken apart, withheld bytes and all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Apdu {
    /// CLA, INS, P1, P2.
    pub header: [u8; 4],
    /// The data field.
    pub data: Masked,
    /// Ne.
    pub expected: Option<u32>,
}

impl Apdu {
    /// Takes the bytes of a command APDU apart. None if they are none, or if header or length
    /// fields are withheld.
    #[must_use]
    pub fn parse(bytes: &Masked) -> Option<Self> {
        let filled = bytes.filled();
        let command = Command::parse(&filled).ok()?;
        // Le follows the data, in one byte or, behind an extended Lc, in two.
        let le = match (command.expected, filled.get(4)) {
            (Some(_), Some(0)) => 2,
            (Some(_), _) => 1,
            (None, _) => 0,
        };
        let end = if command.data.is_empty() {
            bytes.len()
        } else {
            bytes.len() - le
        };
        let start = end - command.data.len();
        let known = bytes.part(0..start).is_whole() && bytes.part(end..bytes.len()).is_whole();
        known.then_some(())?;
        Some(Self {
            header: [command.class, command.instruction.0, command.p1, command.p2],
            data: bytes.part(start..end),
            expected: command.expected.map(crate::Expected::get),
        })
    }
}

/// A command in words.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Description {
    /// The command's name in its standard (`GET DATA`).
    pub name: String,
    /// What it is about, in order of importance (`CHUID (5FC102)`).
    pub details: Vec<String>,
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.details.is_empty() {
            write!(f, " {}", self.details.join(", "))?;
        }
        Ok(())
    }
}

/// Names a command and says what it is about.
#[must_use]
pub fn command(apdu: &Apdu, names: &dyn Names) -> Description {
    let [class, instruction, p1, p2] = apdu.header;
    let data = &apdu.data;
    let key = || match names.key(p2) {
        Some(name) => format!("{name} ({p2:02X})"),
        None => format!("key {p2:02X}"),
    };
    let reference = || match names.key(p2) {
        Some(name) => format!("{name} ({p2:02X})"),
        None => format!("reference {p2:02X}"),
    };
    let sized = || plural(data.len(), "byte");
    let proprietary = class & 0x80 != 0;
    let (name, mut details) = match instruction {
        0x20 | 0x21 if p1 == 0xFF => ("VERIFY", vec![reference(), "log out".to_owned()]),
        0x20 | 0x21 if data.is_empty() => ("VERIFY", vec![reference(), "ask state".to_owned()]),
        0x20 | 0x21 => ("VERIFY", vec![reference()]),
        0x22 => (
            "MANAGE SECURITY ENVIRONMENT",
            [vec![environment(p2)], particulars::environment(data)].concat(),
        ),
        // Tries, length and 64 bytes: AuthentIC v2. A new passcode alone has no more than 64.
        0x24 if (p1, p2) == (0x01, 0x01) && data.len() >= 66 => (
            "CHANGE REFERENCE DATA",
            vec!["define the passcode and its tries".to_owned()],
        ),
        0x24 if p1 == 0x01 => (
            "CHANGE REFERENCE DATA",
            vec![reference(), "without the old one".to_owned()],
        ),
        0x24 => ("CHANGE REFERENCE DATA", vec![reference()]),
        0x25 => ("UPDATE KEY", vec![key()]),
        0x2A => ("PERFORM SECURITY OPERATION", vec![operation(p1, p2)]),
        0x2C if p1 == 0x02 => (
            "RESET RETRY COUNTER",
            vec![reference(), "new value alone".to_owned()],
        ),
        0x2C if p1 == 0x03 => (
            "RESET RETRY COUNTER",
            vec![reference(), "counter alone".to_owned()],
        ),
        0x2C | 0x2D => ("RESET RETRY COUNTER", vec![reference()]),
        0x2E if proprietary => ("LOG OUT", vec![format!("passcode {:X}", p2 & 0x0F)]),
        0x32 if proprietary => ("DELETE RECORD", vec![format!("record {p1}")]),
        0x34 if proprietary => ("LIST FILES", vec![]),
        0x44 => ("ACTIVATE FILE", vec![]),
        0x46 | 0x47 => (
            "GENERATE ASYMMETRIC KEY PAIR",
            Some(data)
                .filter(|_| p2 == 0)
                .and_then(particulars::generated)
                .unwrap_or_else(|| vec![key()]),
        ),
        0x50 if proprietary => ("INITIALIZE UPDATE", vec![format!("key version {p1:02X}")]),
        0x70 => ("MANAGE CHANNEL", vec![]),
        0x82 if proprietary => (
            "EXTERNAL AUTHENTICATE",
            vec![format!("security level {p1:02X}")],
        ),
        0x82 => ("EXTERNAL AUTHENTICATE", vec![key()]),
        0x84 => ("GET CHALLENGE", vec![]),
        0x86 | 0x87 => ("GENERAL AUTHENTICATE", authentication(apdu, key())),
        0x88 => ("INTERNAL AUTHENTICATE", vec![key()]),
        0xA4 => ("SELECT", vec![selection(apdu, names)]),
        0xB0 => ("READ BINARY", vec![place(p1, p2)]),
        0xB2 => ("READ RECORD", vec![format!("record {p1}")]),
        0xB4 if proprietary => ("READ COMPONENT", vec![component(p1)]),
        0xC0 => ("GET RESPONSE", vec![]),
        // No tag of BER-TLV goes on like this after 5F (ISO/IEC 8825-1, 8.1.2.4).
        0xCA if p1 == 0x5F && p2 < 0x1F => (
            "GET DATA",
            vec![match names.key(p2) {
                Some(name) => format!("policy of {name} ({p2:02X})"),
                None => format!("policy of credential {p2:02X}"),
            }],
        ),
        0xCA => {
            let tag = if p1 == 0 {
                u32::from(p2)
            } else {
                u32::from(p1) << 8 | u32::from(p2)
            };
            ("GET DATA", vec![object(Tag(tag), names)])
        }
        0xCB => ("GET DATA", objects(data, names)),
        0xD0 => ("WRITE BINARY", vec![place(p1, p2), sized()]),
        0xD6 => ("UPDATE BINARY", vec![place(p1, p2), sized()]),
        // Keys of GlobalPlatform are numbered from 1 to 3.
        0xD8 if proprietary && p2 == 0x04 => {
            ("WRITE COMPONENT", vec![format!("component {p1}"), sized()])
        }
        0xD8 => ("PUT KEY", vec![format!("key version {p1:02X}")]),
        0xDB | 0xDA => ("PUT DATA", [objects(data, names), vec![sized()]].concat()),
        0xDC => ("UPDATE RECORD", vec![format!("record {p1}"), sized()]),
        0xE0 => ("CREATE FILE", particulars::created(data)),
        0xE2 if !proprietary => ("APPEND RECORD", vec![sized()]),
        0xE2 => ("STORE DATA", vec![format!("block {p2}"), sized()]),
        0xE4 if !proprietary => ("DELETE FILE", particulars::deleted(p1, data)),
        0xE4 => ("DELETE", vec![]),
        0xE6 if proprietary => ("INSTALL", vec![install(p1).to_owned()]),
        0xE8 if proprietary => ("LOAD", vec![format!("block {p2}"), sized()]),
        0xF0 if proprietary => ("SET STATUS", vec![]),
        0xF2 if proprietary => ("GET STATUS", vec![status_of(p1).to_owned()]),
        0xFE => ("IMPORT KEY", vec![key()]),
        0xFF => ("SET MANAGEMENT KEY", vec![]),
        _ => {
            let details = vec![format!("P1 {p1:02X}"), format!("P2 {p2:02X}")];
            return Description {
                name: format!("INS {instruction:02X}"),
                details: [details, class_words(class)].concat(),
            };
        }
    };
    details.extend(class_words(class));
    Description {
        name: name.to_owned(),
        details,
    }
}

fn class_words(class: u8) -> Vec<String> {
    let mut words = Vec::new();
    let (further, secure, channel) = if class & 0x40 == 0 {
        (false, class & 0x0C != 0, class & 0x03)
    } else {
        (true, class & 0x20 != 0, 4 + (class & 0x0F))
    };
    if class & 0x80 == 0 && class & Command::CHAINING != 0 {
        words.push("to be continued".to_owned());
    }
    if secure {
        words.push("secure messaging".to_owned());
    }
    if further || channel != 0 {
        words.push(format!("channel {channel}"));
    }
    words
}

fn selection(apdu: &Apdu, names: &dyn Names) -> String {
    let [_, _, p1, _] = apdu.header;
    let data = &apdu.data;
    match p1 {
        0x00 if data.is_empty() || data.filled() == [0x3F, 0x00] => "master file".to_owned(),
        0x00 => format!("file {data}"),
        0x01 => format!("child directory {data}"),
        0x02 => format!("file {data} of this directory"),
        0x03 => "parent directory".to_owned(),
        0x04 => match names.application(&data.filled()) {
            Some(name) if data.is_empty() => name,
            Some(name) => format!("{name} ({data})"),
            None => format!("application {data}"),
        },
        0x08 => format!("path {data} from the master file"),
        0x09 => format!("path {data} from this directory"),
        _ => format!("{data} in way {p1:02X}"),
    }
}

/// The objects a data field is about: those of its tag list 5C, or the one it consists of.
fn objects(data: &Masked, names: &dyn Names) -> Vec<String> {
    let filled = data.filled();
    let first = ber::Reader::new(&filled).next();
    let Some(Ok(first)) = first else {
        // A part of a chain: only the tag can be read.
        return tags(&filled)
            .first()
            .map(|&tag| object(tag, names))
            .into_iter()
            .collect();
    };
    if first.tag == TAG_LIST {
        tags(first.value)
            .into_iter()
            .map(|tag| object(tag, names))
            .collect()
    } else {
        vec![object(first.tag, names)]
    }
}

const TAG_LIST: Tag = Tag(0x5C);

/// Tags laid end to end; stops at the first byte that starts none.
fn tags(mut bytes: &[u8]) -> Vec<Tag> {
    let mut tags = Vec::new();
    while let Some(length) = ber::tag_length(bytes).ok().filter(|&n| n <= bytes.len()) {
        let (tag, rest) = bytes.split_at(length);
        tags.push(Tag(tag.iter().fold(0, |tag, &b| tag << 8 | u32::from(b))));
        bytes = rest;
    }
    tags
}

fn object(tag: Tag, names: &dyn Names) -> String {
    match names.object(tag) {
        Some(name) => format!("{name} ({tag})"),
        None => format!("object {tag}"),
    }
}

/// What a GENERAL AUTHENTICATE gives and asks for.
fn authentication(apdu: &Apdu, key: String) -> Vec<String> {
    let mut details = vec![key, format!("algorithm {:02X}", apdu.header[2])];
    let filled = apdu.data.filled();
    if let Ok(template) = ber::expect(Tag(0x7C), &filled) {
        let (mut gives, mut asks) = (Vec::new(), Vec::new());
        for element in ber::Reader::new(template).flatten() {
            let name = tlv::name_of(Some(Tag(0x7C)), element.tag).unwrap_or("an element");
            if element.value.is_empty() {
                asks.push(name);
            } else {
                gives.push(name);
            }
        }
        if !gives.is_empty() {
            details.push(format!("gives {}", gives.join(" and ")));
        }
        if !asks.is_empty() {
            details.push(format!("asks for {}", asks.join(" and ")));
        }
    }
    details
}

fn environment(p2: u8) -> String {
    match p2 {
        0xA4 => "authentication".to_owned(),
        0xAA => "hash".to_owned(),
        0xB4 => "checksum".to_owned(),
        0xB6 => "signature".to_owned(),
        0xB8 => "confidentiality".to_owned(),
        _ => format!("template {p2:02X}"),
    }
}

fn component(p1: u8) -> String {
    match p1 {
        1 => "modulus".to_owned(),
        2 => "public exponent".to_owned(),
        _ => format!("component {p1}"),
    }
}

fn operation(p1: u8, p2: u8) -> String {
    match (p1, p2) {
        (0x9E, 0x9A) => "sign".to_owned(),
        (0x80, 0x84 | 0x86) => "decipher".to_owned(),
        (0x84 | 0x86, 0x80) => "encipher".to_owned(),
        (0x90, _) => "hash".to_owned(),
        _ => format!("{p1:02X}{p2:02X}"),
    }
}

fn place(p1: u8, p2: u8) -> String {
    if p1 & 0x80 == 0 {
        format!("from offset {}", u16::from_be_bytes([p1, p2]))
    } else {
        format!("of short file {:02X} from offset {p2}", p1 & 0x1F)
    }
}

fn install(p1: u8) -> &'static str {
    match p1 {
        0x02 => "for load",
        0x04 => "for install",
        0x08 => "for make selectable",
        0x0C => "for install and make selectable",
        0x10 => "for extradition",
        0x20 => "for personalisation",
        0x40 => "for registry update",
        _ => "in several ways",
    }
}

fn status_of(p1: u8) -> &'static str {
    match p1 {
        0x80 => "of the issuer security domain",
        0x40 => "of applications and security domains",
        0x20 => "of load files",
        0x10 => "of load files and modules",
        _ => "of something else",
    }
}

fn plural(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

impl Instruction {
    /// The name of the command in ISO/IEC 7816-4 or GlobalPlatform, where it is known without
    /// class and parameters.
    #[must_use]
    pub fn name(self) -> Option<String> {
        let apdu = Apdu {
            header: [0x80, self.0, 0, 0],
            data: Masked::default(),
            expected: None,
        };
        let name = command(&apdu, &GenericNames).name;
        (!name.starts_with("INS ")).then_some(name)
    }
}

#[cfg(test)]
mod tests;
