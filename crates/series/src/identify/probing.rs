//! The commands of identification: SELECT and GET DATA, nothing else.

use std::fmt;

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
    ("AuthentIC v3", &authentic::words::v3::AID),
    ("AuthentIC v2", &authentic::words::v2::AID),
];

/// An identifier that no application has: of the category without a registered provider
/// (ISO/IEC 7816-4, 8.2.1.2), and drawn by lot.
const NOBODY: [u8; 8] = [0xF0, 0x3C, 0x91, 0xE7, 0x5A, 0x0D, 0xB2, 0x46];
/// What the question for [`NOBODY`] is called.
const NOBODY_LABEL: &str = "an application that does not exist";

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

impl Answers {
    /// The answers of applications that are there: none but PIV on a card that says so of any.
    pub(super) fn there(&self) -> Vec<&Answer> {
        let to_all = self.answers_to_all();
        self.applications
            .iter()
            .filter(|answer| answer.is_there() && (answer.is_piv() || !to_all))
            .collect()
    }

    /// Whether the card says of an application that does not exist that it is there.
    pub(super) fn answers_to_all(&self) -> bool {
        self.nobody
            .as_ref()
            .is_some_and(|answer| answer.status.is_ok())
    }
}

impl Answer {
    /// Whether the application seems to be there by this answer alone.
    ///
    /// For PIV the status word is not enough: some cards say 9000 to any SELECT, so the answer
    /// has to be an application property template naming PIV (SP 800-73-5 Part 1, Table 2).
    /// AuthentIC need not answer with data. What it does answer is file control information
    /// (ISO/IEC 7816-4, 7.4.3), and a name in it is the application's own.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.status.is_ok()
            && match self.applet() {
                Some(Applet::Piv) => names_piv(&self.data),
                Some(Applet::Authentic(_)) => is_control_information(&self.data, &self.aid),
                None => true,
            }
    }

    /// Which application cardwright has an engine for was asked for, if any.
    #[must_use]
    pub fn applet(&self) -> Option<Applet> {
        if is_piv(&self.aid) {
            return Some(Applet::Piv);
        }
        [
            (&authentic::words::v2::AID, authentic::Applet::V2),
            (&authentic::words::v3::AID, authentic::Applet::V3),
        ]
        .into_iter()
        .find(|(aid, _)| aid[..] == self.aid[..])
        .map(|(_, version)| Applet::Authentic(version))
    }

    /// Whether PIV was asked for, in full or truncated.
    #[must_use]
    pub fn is_piv(&self) -> bool {
        is_piv(&self.aid)
    }
}

/// A card application that cardwright has an engine for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "application", content = "version")]
pub enum Applet {
    /// PIV.
    Piv,
    /// AuthentIC, of either version.
    Authentic(authentic::Applet),
}

impl fmt::Display for Applet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Piv => f.write_str("PIV"),
            Self::Authentic(version) => version.fmt(f),
        }
    }
}

/// Everything the card was asked.
pub(super) struct Answers {
    pub(super) applications: Vec<Answer>,
    /// The answer for an application that does not exist, where it was asked for.
    pub(super) nobody: Option<Answer>,
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
    // PIV proves itself by its answer. What others say is only worth something if the card can
    // also say no.
    let unproven = |answer: &Answer| answer.is_there() && !answer.is_piv();
    let nobody = match applications.iter().any(unproven) {
        true => Some(select(channel, NOBODY_LABEL, &NOBODY)?),
        false => None,
    };
    Ok(Answers {
        applications,
        nobody,
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

/// Whether an answer to SELECT is empty, or file control information without another's name.
fn is_control_information(data: &[u8], aid: &[u8]) -> bool {
    if data.is_empty() {
        return true;
    }
    let template = [Tag(0x6F), Tag(0x62)]
        .into_iter()
        .find_map(|tag| ber::find(tag, data).ok().flatten());
    let Some(template) = template else {
        return false;
    };
    // Inside 6F there may be parameters in 62, and either may be proprietary: only a name that is
    // there counts.
    match ber::find(Tag(0x84), template) {
        Ok(Some(name)) => name.starts_with(aid) || aid.starts_with(name),
        Ok(None) | Err(_) => true,
    }
}

fn status<S: serde::Serializer>(status: &StatusWord, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{:04X}", status.0))
}
