mod evidence;
mod numbers;
mod probing;

use std::fmt;

use globalplatform::{GlobalPlatformError, ProductionData};
use ground::{Blame, Blamed};
use iso7816::{Channel, ChannelError};
use jiff::civil::Date;
use serde::Serialize;
use thiserror::Error;

use crate::{Operation, Profiles, Refusal};

pub use evidence::Evidence;
pub use probing::{Answer, Applet};

/// Says which series a card may be of, and why.
///
/// The answer to reset nominates profiles; then applications are asked for in a fixed order, each
/// by one SELECT: PIV in full, PIV truncated, AuthentIC v3, AuthentIC v2, whatever else the
/// profiles name; where one of those after PIV answered, an application that does not exist, as
/// cards that say yes to everything would otherwise be taken for any; last the card manager, and GET DATA for the production data
/// ([`globalplatform::read_production_data`]). No passcode is tried and nothing is written, but
/// the security status of the card is lost, as with any SELECT. At the end the application that
/// decided is selected again.
///
/// # Errors
///
/// [`IdentifyError`] when a command got no answer. A card that refuses everything is no error.
pub fn identify(
    channel: &mut Channel,
    profiles: &Profiles,
) -> Result<Identification, IdentifyError> {
    let atr = channel.link().atr().to_vec();
    let answers = probing::ask(channel, profiles)?;
    let identification = evidence::weigh(atr, answers, profiles);
    if let Some(applet) = &identification.selected {
        probing::select(channel, &applet.label, &applet.aid)?;
    }
    Ok(identification)
}

/// What a card answered and what follows from it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Identification {
    /// The answer to reset, hexadecimal in JSON.
    #[serde(serialize_with = "hexadecimal")]
    pub atr: Vec<u8>,
    /// What follows.
    pub conclusion: Conclusion,
    /// Why, in order.
    pub reasons: Vec<String>,
    /// Evidence that does not fit together. Empty for a card as it should be.
    pub contradictions: Vec<String>,
    /// What was seen, in the order it was seen.
    pub evidence: Vec<Evidence>,
    /// The application that is selected now; `None` when none of interest answered.
    pub selected: Option<Answer>,
    /// The card manager, and what it tells of the card's production. In JSON `cplc` (the chip's
    /// part taken out, and all of it as `raw`), `iin` and `cin`, upper-case hexadecimal.
    #[serde(serialize_with = "numbers::serialize")]
    pub numbers: ProductionData,
}

impl Identification {
    /// The profiles the card may be of, most likely first; more than one when it cannot be told.
    #[must_use]
    pub fn candidates(&self) -> Vec<&str> {
        match &self.conclusion {
            Conclusion::Series { profile, .. } => vec![profile],
            Conclusion::OneOf { profiles, .. } => profiles.iter().map(String::as_str).collect(),
            Conclusion::GenericPiv => vec![Profiles::GENERIC_PIV],
            Conclusion::Unknown => Vec::new(),
        }
    }

    /// The chip's own number: IC serial number (4 bytes) and IC batch (2 bytes) of the production
    /// data. The serial number alone repeats from batch to batch. `None` if the card does not
    /// tell, or the chip was never numbered: a serial number of all zeros or all ones.
    #[must_use]
    pub fn chip_number(&self) -> Option<[u8; 6]> {
        numbers::chip_number(&self.numbers)
    }

    /// The application that decided and is selected now, if cardwright has an engine for it.
    #[must_use]
    pub fn applet(&self) -> Option<Applet> {
        self.selected.as_ref().and_then(Answer::applet)
    }

    /// Why an operation is not done with this card on this day, if it is withdrawn. Of a card that
    /// may be of several series it is refused if all of them are, from the latest of their days.
    #[must_use]
    pub fn refusal(
        &self,
        profiles: &Profiles,
        operation: Operation,
        today: Date,
    ) -> Option<Refusal> {
        let refusals: Option<Vec<Refusal>> = self
            .candidates()
            .into_iter()
            .map(|id| profiles.get(id).ok()?.permits(operation, today).err())
            .collect();
        refusals?.into_iter().reduce(Refusal::or)
    }

    /// Whether the card may be what an operator or rig says it is: the named profile is among
    /// the candidates.
    #[must_use]
    pub fn admits(&self, profile: &str) -> bool {
        self.candidates().contains(&profile)
    }
}

/// What a card is taken for.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Conclusion {
    /// The evidence leaves one profile.
    Series {
        /// Its id.
        profile: String,
        /// How sure that is.
        confidence: Confidence,
    },
    /// The evidence leaves several profiles.
    OneOf {
        /// Their ids.
        profiles: Vec<String>,
        /// How sure it is that it is one of them.
        confidence: Confidence,
    },
    /// The PIV application answers and nothing points to a series.
    GenericPiv,
    /// Nothing known answers.
    Unknown,
}

impl fmt::Display for Conclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Series {
                profile,
                confidence,
            } => write!(f, "{confidence} {profile}"),
            Self::OneOf {
                profiles,
                confidence,
            } => write!(f, "{confidence} one of {}", profiles.join(", ")),
            Self::GenericPiv => f.write_str("a PIV card of no known series"),
            Self::Unknown => f.write_str("an unknown card"),
        }
    }
}

/// How sure it is that a card is of a series.
///
/// There is no certainty here on purpose: other issuers buy the same chips with the same
/// applications, and nothing a card answers without a key proves whose it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// One kind of evidence, or a pattern that is only inferred to be the series'.
    Possibly,
    /// A pattern that its source states to be the series', and the application answers too.
    Probably,
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Possibly => "possibly",
            Self::Probably => "probably",
        })
    }
}

/// Why a card could not be identified.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum IdentifyError {
    /// The card was lost while an application was asked for.
    #[error("failed to ask the card for {asked}: {source}")]
    Application {
        /// What was asked for.
        asked: String,
        /// What came between.
        source: ChannelError,
    },
    /// The card was lost while its production data was read.
    #[error("failed to ask the card for its production data: {0}")]
    ProductionData(#[from] GlobalPlatformError),
}

impl Blamed for IdentifyError {
    fn blame(&self) -> Blame {
        match self {
            Self::Application { source, .. } => source.blame(),
            Self::ProductionData(source) => source.blame(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Application { source, .. } => source.hint(),
            Self::ProductionData(source) => source.hint(),
        }
    }
}

pub(crate) fn hexadecimal<S: serde::Serializer>(
    bytes: &[u8],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode_upper(bytes))
}
