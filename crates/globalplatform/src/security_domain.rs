use ground::{Blame, Blamed};
use iso7816::ber::{self, Tag};
use iso7816::{Channel, ChannelError, Command, Expected, Instruction, StatusWord};
use serde::Serialize;
use thiserror::Error;

/// The issuer security domain's identifier unless an issuer gave it another (GlobalPlatform Card
/// Specification 2.3.1, H.1.3).
pub const ISSUER_SECURITY_DOMAIN_AID: [u8; 8] = [0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00];

/// The card manager's identifier on cards of Open Platform 2.0, the AuthentIC generation.
pub const CARD_MANAGER_AID: [u8; 7] = [0xA0, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00];

/// A selected issuer security domain.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct IssuerSecurityDomain {
    /// Its identifier from the answer, tag 84; without one there, the identifier selected.
    #[serde(serialize_with = "hex::serialize_upper")]
    pub aid: Vec<u8>,
    /// Whether the card is locked: it answered 6283 (Card Specification 2.3.1, 11.9.3.2).
    pub locked: bool,
    /// The answer to SELECT.
    #[serde(serialize_with = "hex::serialize_upper")]
    pub response: Vec<u8>,
}

/// Selects the issuer security domain: by its usual identifier, by the card manager's, by none.
///
/// Whatever was selected before is deselected and loses its security status. `None` if the card
/// refuses all three, or the default application turns out to be none of GlobalPlatform.
///
/// # Errors
///
/// [`GlobalPlatformError::Channel`] when the card was lost.
pub fn select_issuer_security_domain(
    channel: &mut Channel,
) -> Result<Option<IssuerSecurityDomain>, GlobalPlatformError> {
    for aid in [
        &ISSUER_SECURITY_DOMAIN_AID[..],
        &CARD_MANAGER_AID[..],
        &[][..],
    ] {
        let select = Command::new(0x00, Instruction::SELECT, 0x04, 0x00)
            .with_data(aid)
            .with_expected(Expected::SHORT_MAX);
        let response = channel.transmit(&select)?;
        let locked = response.status == LOCKED;
        if !response.status.is_ok() && !locked {
            continue;
        }
        let named = named(&response.data);
        if aid.is_empty() && named.is_none() {
            // The default application, but no security domain.
            continue;
        }
        return Ok(Some(IssuerSecurityDomain {
            aid: named.unwrap_or(aid).to_vec(),
            locked,
            response: response.data.to_vec(),
        }));
    }
    Ok(None)
}

/// 6283: the card is locked, or the selected file deactivated.
const LOCKED: StatusWord = StatusWord(0x6283);

/// The identifier in file control information: 84 inside 6F.
fn named(response: &[u8]) -> Option<&[u8]> {
    let information = ber::find(Tag(0x6F), response).ok()??;
    ber::find(Tag(0x84), information).ok()?
}

/// Why a card could not be asked.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum GlobalPlatformError {
    /// No whole answer came.
    #[error(transparent)]
    Channel(#[from] ChannelError),
}

impl Blamed for GlobalPlatformError {
    fn blame(&self) -> Blame {
        match self {
            Self::Channel(error) => error.blame(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Channel(error) => error.hint(),
        }
    }
}
