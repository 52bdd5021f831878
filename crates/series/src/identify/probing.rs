//! The commands of identification: SELECT and GET DATA, nothing else.

use iso7816::ber::{self, Tag};
use iso7816::{Channel, Command, Expected, Instruction, Response, StatusWord};
use serde::Serialize;

use super::{IdentifyError, hexadecimal};
use crate::Profiles;

/// The applications every card is asked for, in this order (9-byte PIV: SP 800-73-5 Part 1, 2.2).
const APPLICATIONS: [(&str, &[u8]); 4] = [
    ("PIV", &piv::words::AID),
    ("PIV (truncated)", &piv::words::AID_TRUNCATED),
    (
        "AuthentIC v3",
        &[
            0xA0, 0x00, 0x00, 0x00, 0x77, 0x01, 0x00, 0x70, 0x0A, 0x10, 0x00, 0xF1, 0x00, 0x00,
            0x01, 0x00,
        ],
    ),
    (
        "AuthentIC v2",
        &[
            0xA0, 0x00, 0x00, 0x00, 0x77, 0x01, 0x03, 0x03, 0x00, 0x00, 0x00, 0xF1, 0x00, 0x00,
            0x00, 0x02,
        ],
    ),
];

/// Card managers: GlobalPlatform's issuer security domain, and the older one of AuthentIC v2.
const CARD_MANAGERS: [(&str, &[u8]); 2] = [
    (
        "card manager",
        &[0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00],
    ),
    (
        "card manager (older)",
        &[0xA0, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00],
    ),
];

const CPLC: u16 = 0x9F7F;
const IIN: u16 = 0x0042;
const CIN: u16 = 0x0045;

/// What one SELECT brought.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answer {
    /// What was asked for.
    pub label: String,
    /// The application identifier asked for.
    #[serde(serialize_with = "hexadecimal")]
    pub aid: Vec<u8>,
    /// SW1-SW2.
    #[serde(serialize_with = "status")]
    pub status: StatusWord,
    /// The data answered.
    #[serde(serialize_with = "hexadecimal")]
    pub data: Vec<u8>,
}

impl Answer {
    /// Whether the application is there.
    ///
    /// For PIV the status word is not enough: some cards say 9000 to any SELECT, so the answer
    /// has to be an application property template naming PIV (SP 800-73-5 Part 1, Table 2).
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.status.is_ok() && (!is_piv(&self.aid) || names_piv(&self.data))
    }

    /// Whether PIV was asked for, in full or truncated.
    #[must_use]
    pub fn is_piv(&self) -> bool {
        is_piv(&self.aid)
    }
}

/// Everything the card was asked.
pub(super) struct Answers {
    pub(super) applications: Vec<Answer>,
    pub(super) managers: Vec<Answer>,
    pub(super) numbers: CardNumbers,
}

/// The numbers a card manager gives out to anyone.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CardNumbers {
    /// Card production life cycle data (tag 9F7F).
    pub cplc: Option<Cplc>,
    /// Issuer identification number (tag 42).
    #[serde(serialize_with = "optional_hexadecimal")]
    pub iin: Option<Vec<u8>>,
    /// Card image number (tag 45), which with the issuer's number is unique.
    #[serde(serialize_with = "optional_hexadecimal")]
    pub cin: Option<Vec<u8>>,
}

/// Asks for everything in the fixed order.
pub(super) fn ask(channel: &mut Channel, profiles: &Profiles) -> Result<Answers, IdentifyError> {
    let mut applications = Vec::new();
    for (label, aid) in APPLICATIONS {
        applications.push(select(channel, label, aid)?);
    }
    for probe in profiles.iter().flat_map(|profile| &profile.probes) {
        if !applications.iter().any(|answer| answer.aid == probe.aid) {
            applications.push(select(channel, &probe.label, &probe.aid)?);
        }
    }
    let mut managers = Vec::new();
    let mut numbers = CardNumbers::default();
    for (label, aid) in CARD_MANAGERS {
        let answer = select(channel, label, aid)?;
        let found = answer.status.is_ok();
        managers.push(answer);
        if found {
            numbers = read_numbers(channel)?;
            break;
        }
    }
    Ok(Answers {
        applications,
        managers,
        numbers,
    })
}

pub(super) fn select(
    channel: &mut Channel,
    label: &str,
    aid: &[u8],
) -> Result<Answer, IdentifyError> {
    let command = Command::new(0x00, Instruction::SELECT, 0x04, 0x00)
        .with_data(aid)
        .with_expected(Expected::SHORT_MAX);
    let response = transmit(channel, label, &command)?;
    Ok(Answer {
        label: label.to_owned(),
        aid: aid.to_vec(),
        status: response.status,
        data: response.data.to_vec(),
    })
}

fn read_numbers(channel: &mut Channel) -> Result<CardNumbers, IdentifyError> {
    let cplc = get_data(channel, "production life cycle data", CPLC)?;
    Ok(CardNumbers {
        cplc: cplc.and_then(|data| data.try_into().ok()).map(Cplc),
        iin: get_data(channel, "issuer identification number", IIN)?,
        cin: get_data(channel, "card image number", CIN)?,
    })
}

/// GET DATA of the card manager; `None` when it refuses or has nothing.
fn get_data(
    channel: &mut Channel,
    asked: &str,
    tag: u16,
) -> Result<Option<Vec<u8>>, IdentifyError> {
    let [p1, p2] = tag.to_be_bytes();
    let command =
        Command::new(0x80, Instruction::GET_DATA_P1P2, p1, p2).with_expected(Expected::SHORT_MAX);
    let response = transmit(channel, asked, &command)?;
    if !response.status.is_ok() {
        return Ok(None);
    }
    // Some cards leave the tag out.
    let value = ber::expect(Tag(tag.into()), &response.data).unwrap_or(&response.data);
    Ok(Some(value.to_vec()).filter(|value| !value.is_empty()))
}

fn transmit(
    channel: &mut Channel,
    asked: &str,
    command: &Command,
) -> Result<Response, IdentifyError> {
    channel.transmit(command).map_err(|source| IdentifyError {
        asked: asked.to_owned(),
        source,
    })
}

/// Card production life cycle data (tag 9F7F, 42 bytes): who made the chip, when, and its serial
/// number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cplc(pub [u8; 42]);

impl Cplc {
    /// Who made the integrated circuit.
    #[must_use]
    pub fn fabricator(&self) -> u16 {
        u16::from_be_bytes([self.0[0], self.0[1]])
    }

    /// Which integrated circuit it is.
    #[must_use]
    pub fn ic_type(&self) -> u16 {
        u16::from_be_bytes([self.0[2], self.0[3]])
    }

    /// Which operating system it runs.
    #[must_use]
    pub fn operating_system(&self) -> u16 {
        u16::from_be_bytes([self.0[4], self.0[5]])
    }

    /// The serial number of the integrated circuit, which the batch makes unique.
    #[must_use]
    pub fn serial(&self) -> [u8; 4] {
        [self.0[12], self.0[13], self.0[14], self.0[15]]
    }

    /// The batch the integrated circuit is from.
    #[must_use]
    pub fn batch(&self) -> u16 {
        u16::from_be_bytes([self.0[16], self.0[17]])
    }
}

impl Serialize for Cplc {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        struct Fields {
            fabricator: String,
            ic_type: String,
            operating_system: String,
            serial: String,
            batch: String,
            raw: String,
        }
        Fields {
            fabricator: format!("{:04X}", self.fabricator()),
            ic_type: format!("{:04X}", self.ic_type()),
            operating_system: format!("{:04X}", self.operating_system()),
            serial: hex::encode_upper(self.serial()),
            batch: format!("{:04X}", self.batch()),
            raw: hex::encode_upper(self.0),
        }
        .serialize(serializer)
    }
}

fn is_piv(aid: &[u8]) -> bool {
    aid.starts_with(&piv::words::AID_TRUNCATED)
}

/// Whether the answer is a template 61 whose 4F is the PIV AID, or its PIX alone as on some cards.
fn names_piv(data: &[u8]) -> bool {
    let pix = &piv::words::AID_TRUNCATED[5..];
    let template = ber::find(Tag(0x61), data).ok().flatten();
    template
        .and_then(|template| ber::find(Tag(0x4F), template).ok().flatten())
        .is_some_and(|aid| is_piv(aid) || aid.starts_with(pix))
}

fn optional_hexadecimal<S: serde::Serializer>(
    bytes: &Option<Vec<u8>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    bytes.as_ref().map(hex::encode_upper).serialize(serializer)
}

fn status<S: serde::Serializer>(status: &StatusWord, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{:04X}", status.0))
}
