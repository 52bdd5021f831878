use der::Decode;
use serde::Serialize;
use x509_cert::Certificate;

use super::{Card, CardError};
use crate::inspect::{TriesState, not_after};
use crate::{Applet, Operation, OperationStatus, Slot};

/// What a card is and how it stands, without a passcode.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CardStatus {
    /// What the card is taken for, in words.
    pub series: String,
    /// The profile it is taken for.
    pub profile: Option<String>,
    /// The application that is spoken to.
    pub applet: Option<Applet>,
    /// The names it goes by; each of them names it to [`Card::claim`].
    pub names: Vec<String>,
    /// How the holder's passcode stands; `None` where nothing can be spoken to.
    pub passcode: Option<TriesState>,
    /// How the secret stands that unlocks the card; `None` where nothing can be spoken to.
    pub unlocking: Option<TriesState>,
    /// What is in the slots; empty where nothing can be spoken to.
    pub slots: Vec<SlotStatus>,
    /// What is refused to cards of this series, and why.
    pub refused: Vec<OperationStatus>,
    /// Evidence that does not fit together.
    pub contradictions: Vec<String>,
}

/// What is in a slot.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SlotStatus {
    /// Which.
    pub slot: Slot,
    /// Subject of its certificate (RFC 4514).
    pub subject: Option<String>,
    /// Last moment of its certificate.
    pub not_after: Option<jiff::Timestamp>,
    /// Why there is no certificate to tell of, where it is not simply absent.
    pub problem: Option<String>,
}

pub(super) fn read(card: &mut Card) -> Result<CardStatus, CardError> {
    let applet = card.applet();
    let (mut passcode, mut unlocking, mut slots) = (None, None, Vec::new());
    if applet.is_some() {
        passcode = Some(told(card.passcode())?);
        unlocking = Some(told(card.unlocking())?);
        for slot in Slot::ALL {
            slots.push(slot_status(card, slot)?);
        }
    }
    Ok(CardStatus {
        series: card.identification().conclusion.to_string(),
        profile: card.profile().map(|profile| profile.id.clone()),
        applet,
        names: card.names()?,
        passcode,
        unlocking,
        slots,
        refused: Operation::ALL
            .into_iter()
            .filter_map(|operation| Some(OperationStatus::new(operation, card.refusal(operation)?)))
            .collect(),
        contradictions: card.identification().contradictions.clone(),
    })
}

fn told(state: Result<TriesState, CardError>) -> Result<TriesState, CardError> {
    match state {
        Err(error) if !error.is_loss() => Ok(TriesState::NotTold),
        state => state,
    }
}

fn slot_status(card: &mut Card, slot: Slot) -> Result<SlotStatus, CardError> {
    let mut status = SlotStatus {
        slot,
        subject: None,
        not_after: None,
        problem: None,
    };
    match card.certificate(slot) {
        Ok(None) => {}
        Ok(Some(der)) => match Certificate::from_der(&der) {
            Ok(certificate) => {
                let tbs = certificate.tbs_certificate();
                status.subject = Some(tbs.subject().to_string());
                status.not_after = Some(not_after(&certificate));
            }
            Err(error) => status.problem = Some(format!("no certificate: {error}")),
        },
        Err(error) if error.is_loss() => return Err(error),
        Err(error) => status.problem = Some(error.to_string()),
    }
    Ok(status)
}
