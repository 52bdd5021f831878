//! The commands of identification: SELECT and GET DATA, nothing else.

use globalplatform::ProductionData;
use iso7816::ber::{self, Tag};
use iso7816::{Channel, Command, Expected, Instruction, StatusWord};
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
    pub(super) numbers: ProductionData,
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
    Ok(Answers {
        applications,
        numbers: globalplatform::read_production_data(channel)?,
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
    let response = channel
        .transmit(&command)
        .map_err(|source| IdentifyError::Application {
            asked: label.to_owned(),
            source,
        })?;
    Ok(Answer {
        label: label.to_owned(),
        aid: aid.to_vec(),
        status: response.status,
        data: response.data.to_vec(),
    })
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

fn status<S: serde::Serializer>(status: &StatusWord, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{:04X}", status.0))
}
