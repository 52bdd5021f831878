use serde::Serialize;

use crate::StatusWord;

/// The historical bytes (ISO/IEC 7816-4, 12.1.1).
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Historical {
    /// The bytes as they came, the category indicator first.
    #[serde(serialize_with = "crate::hexed::serialize")]
    pub raw: Vec<u8>,
    /// The COMPACT-TLV objects of categories 00 and 80; empty for other categories and where the
    /// bytes do not follow that coding.
    pub objects: Vec<HistoricalObject>,
}

impl Historical {
    /// The first byte: 00 and 80 announce COMPACT-TLV, 10 a DIR data reference, others are
    /// proprietary or reserved. None without historical bytes.
    #[must_use]
    pub fn category(&self) -> Option<u8> {
        self.raw.first().copied()
    }

    /// Reads the bytes, leniently: the second value says what is wrong with them.
    pub(super) fn parse(raw: &[u8]) -> (Self, Option<&'static str>) {
        let (objects, finding) = match raw {
            [0x00, body @ ..] => match body.split_last_chunk::<3>() {
                Some((objects, &[life_cycle, sw1, sw2])) => {
                    let (mut objects, finding) = read_compact(objects);
                    objects.push(HistoricalObject::Status {
                        life_cycle: Some(LifeCycle(life_cycle)),
                        status: StatusWord::from([sw1, sw2]).0.into(),
                    });
                    (objects, finding)
                }
                None => (
                    Vec::new(),
                    Some("category 00 needs a status indicator of 3 bytes"),
                ),
            },
            // Some cards end category 80 with SW1-SW2 bare, as category 00 would.
            [0x80, objects @ .., 0x90, 0x00] if read_compact(objects).1.is_none() => {
                let (mut objects, _) = read_compact(objects);
                if objects.is_empty() || !ends_with_status(raw) {
                    objects.push(HistoricalObject::Status {
                        life_cycle: None,
                        status: Some(0x9000),
                    });
                    (
                        objects,
                        Some("status word without the tag of a status indicator"),
                    )
                } else {
                    read_compact(&raw[1..])
                }
            }
            [0x80, objects @ ..] => read_compact(objects),
            _ => (Vec::new(), None),
        };
        (
            Self {
                raw: raw.to_vec(),
                objects,
            },
            finding,
        )
    }
}

/// Whether the bytes after the category read cleanly with a tagged status indicator as the last.
fn ends_with_status(raw: &[u8]) -> bool {
    let (objects, finding) = read_compact(&raw[1..]);
    finding.is_none() && matches!(objects.last(), Some(HistoricalObject::Status { .. }))
}

/// One COMPACT-TLV object of the historical bytes.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HistoricalObject {
    /// Tag 1: country code (ISO 3166-1) and further digits.
    Country(#[serde(serialize_with = "crate::hexed::serialize")] Vec<u8>),
    /// Tag 2: issuer identification number (ISO/IEC 7812-1).
    Issuer(#[serde(serialize_with = "crate::hexed::serialize")] Vec<u8>),
    /// Tag 3: card service data.
    Service(CardService),
    /// Tag 4: initial access data.
    InitialAccess(#[serde(serialize_with = "crate::hexed::serialize")] Vec<u8>),
    /// Tag 5: card issuer's data.
    IssuerData(#[serde(serialize_with = "crate::hexed::serialize")] Vec<u8>),
    /// Tag 6: pre-issuing data.
    PreIssuing(#[serde(serialize_with = "crate::hexed::serialize")] Vec<u8>),
    /// Tag 7: card capabilities.
    Capabilities(CardCapabilities),
    /// Tag 8, or the last three bytes of category 00: status indicator.
    Status {
        /// The life-cycle status byte.
        life_cycle: Option<LifeCycle>,
        /// SW1-SW2.
        status: Option<u16>,
    },
    /// Tag F: an application identifier or the start of one.
    Application(#[serde(serialize_with = "crate::hexed::serialize")] Vec<u8>),
    /// Any other tag, or a value of a length its tag does not have.
    Other {
        /// The tag, 0 to 15.
        tag: u8,
        /// The value.
        #[serde(serialize_with = "crate::hexed::serialize")]
        value: Vec<u8>,
    },
}

/// Card service data (ISO/IEC 7816-4, Table 117 of 2013; tag 43).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct CardService {
    /// The byte.
    pub raw: u8,
    /// Applications can be selected by full DF name.
    pub select_by_full_name: bool,
    /// Applications can be selected by partial DF name.
    pub select_by_partial_name: bool,
    /// There are data objects in EF.DIR.
    pub objects_in_dir: bool,
    /// There are data objects in EF.ATR/INFO.
    pub objects_in_atr: bool,
    /// EF.DIR and EF.ATR are read by READ BINARY (4), GET DATA (2) or READ RECORD (0).
    pub access: u8,
    /// The card has a master file.
    pub has_master_file: bool,
}

impl From<u8> for CardService {
    fn from(raw: u8) -> Self {
        Self {
            raw,
            select_by_full_name: raw & 0x80 != 0,
            select_by_partial_name: raw & 0x40 != 0,
            objects_in_dir: raw & 0x20 != 0,
            objects_in_atr: raw & 0x10 != 0,
            access: raw >> 1 & 7,
            has_master_file: raw & 1 == 0,
        }
    }
}

/// Card capabilities (ISO/IEC 7816-4, 12.1.1.9; tag 47): one to three software function tables.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct CardCapabilities {
    /// First table: how files are selected.
    pub selection: Selection,
    /// Second table, the data coding byte, where stated.
    pub data_coding: Option<u8>,
    /// Third table, where stated.
    pub third: Option<u8>,
}

impl CardCapabilities {
    /// Whether commands may be chained; none if the third table is not stated.
    #[must_use]
    pub fn command_chaining(self) -> Option<bool> {
        self.third.map(|byte| byte & 0x80 != 0)
    }

    /// Whether extended Lc and Le fields are taken; none if the third table is not stated.
    #[must_use]
    pub fn extended_length(self) -> Option<bool> {
        self.third.map(|byte| byte & 0x40 != 0)
    }

    /// Whether EF.ATR/INFO says how long APDUs may be; none if the third table is not stated.
    #[must_use]
    pub fn extended_length_information(self) -> Option<bool> {
        self.third.map(|byte| byte & 0x20 != 0)
    }

    /// The most logical channels, 8 meaning 8 or more; none if the third table is not stated.
    #[must_use]
    pub fn logical_channels(self) -> Option<u8> {
        self.third.map(|byte| (byte & 7) + 1)
    }

    /// Bytes per data unit of the second table, none if not stated or less than one byte.
    #[must_use]
    pub fn data_unit(self) -> Option<u16> {
        // The low half counts quartets as a power of two.
        let exponent = u32::from(self.data_coding? & 0x0F);
        1_u16.checked_shl(exponent.checked_sub(1)?)
    }
}

/// The first software function table: how files can be selected.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Selection(pub u8);

impl Selection {
    /// The ways, in words.
    #[must_use]
    pub fn ways(self) -> Vec<&'static str> {
        const WAYS: [&str; 8] = [
            "full DF name",
            "partial DF name",
            "path",
            "file identifier",
            "implicit",
            "short EF identifier",
            "record number",
            "record identifier",
        ];
        WAYS.into_iter()
            .enumerate()
            .filter(|(bit, _)| self.0 & 0x80 >> bit != 0)
            .map(|(_, way)| way)
            .collect()
    }
}

/// A life-cycle status byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct LifeCycle(pub u8);

impl LifeCycle {
    /// The meaning by ISO/IEC 7816-4 (Table 14 of 2013).
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self.0 {
            0 => "no information",
            1 => "creation",
            3 => "initialisation",
            4 | 6 => "operational, deactivated",
            5 | 7 => "operational, activated",
            0x0C..=0x0F => "termination",
            0x10..=0xFF => "proprietary",
            _ => "reserved",
        }
    }

    /// The card life cycle state by GlobalPlatform (Card Specification 2.3.1, 11.1.1), which
    /// cards of that kind often put here instead.
    #[must_use]
    pub const fn global_platform(self) -> Option<&'static str> {
        match self.0 {
            0x01 => Some("OP_READY"),
            0x07 => Some("INITIALIZED"),
            0x0F => Some("SECURED"),
            0x7F => Some("CARD_LOCKED"),
            0xFF => Some("TERMINATED"),
            _ => None,
        }
    }
}

fn read_compact(mut bytes: &[u8]) -> (Vec<HistoricalObject>, Option<&'static str>) {
    let mut objects = Vec::new();
    while let [header, rest @ ..] = bytes {
        let Some((value, rest)) = rest.split_at_checked(usize::from(header & 0x0F)) else {
            return (objects, Some("COMPACT-TLV object cut short"));
        };
        objects.push(object(header >> 4, value));
        bytes = rest;
    }
    (objects, None)
}

fn object(tag: u8, value: &[u8]) -> HistoricalObject {
    let owned = || value.to_vec();
    match (tag, value) {
        (1, _) => HistoricalObject::Country(owned()),
        (2, _) => HistoricalObject::Issuer(owned()),
        (3, &[service]) => HistoricalObject::Service(service.into()),
        (4, _) => HistoricalObject::InitialAccess(owned()),
        (5, _) => HistoricalObject::IssuerData(owned()),
        (6, _) => HistoricalObject::PreIssuing(owned()),
        (7, &[first, ref tables @ ..]) if tables.len() <= 2 => {
            HistoricalObject::Capabilities(CardCapabilities {
                selection: Selection(first),
                data_coding: tables.first().copied(),
                third: tables.get(1).copied(),
            })
        }
        (8, &[life_cycle]) => HistoricalObject::Status {
            life_cycle: Some(LifeCycle(life_cycle)),
            status: None,
        },
        (8, &[sw1, sw2]) => HistoricalObject::Status {
            life_cycle: None,
            status: Some(u16::from_be_bytes([sw1, sw2])),
        },
        (8, &[life_cycle, sw1, sw2]) => HistoricalObject::Status {
            life_cycle: Some(LifeCycle(life_cycle)),
            status: Some(u16::from_be_bytes([sw1, sw2])),
        },
        (15, _) => HistoricalObject::Application(owned()),
        (tag, _) => HistoricalObject::Other {
            tag,
            value: owned(),
        },
    }
}
