use iso7816::{Disposition, Link, LinkError, Protocol, Reset};
use pcsc::{Card, Protocols, ShareMode};
use zeroize::Zeroize;

use crate::error::link_error;

/// Room for the longest extended response and its status word (ISO/IEC 7816-4, 5.1).
const LONGEST_ANSWER: usize = 65_536 + 2;

/// An exclusive connection to the card in a PC/SC reader.
///
/// Dropping it leaves the card as it is; [`Link::disconnect`] says otherwise.
pub struct PcscLink {
    card: Card,
    name: String,
    plain: String,
    atr: Vec<u8>,
    protocol: Protocol,
    buffer: Vec<u8>,
}

impl PcscLink {
    pub(crate) fn new(card: Card, name: &str, plain: &str) -> Result<Self, LinkError> {
        let mut link = Self {
            card,
            name: name.to_owned(),
            plain: plain.to_owned(),
            atr: Vec::new(),
            protocol: Protocol::T1,
            buffer: vec![0; LONGEST_ANSWER],
        };
        link.read_status()?;
        Ok(link)
    }

    fn read_status(&mut self) -> Result<(), LinkError> {
        let status = self
            .card
            .status2_owned()
            .map_err(|error| self.error(error))?;
        self.atr = status.atr().to_vec();
        self.protocol = match status.protocol2() {
            Some(pcsc::Protocol::T0) => Protocol::T0,
            _ => Protocol::T1,
        };
        Ok(())
    }

    fn error(&self, error: pcsc::Error) -> LinkError {
        match link_error(error, &self.plain) {
            // There was a card when the link was made.
            LinkError::NoCard { reader } => LinkError::CardRemoved { reader },
            other => other,
        }
    }
}

impl Link for PcscLink {
    fn name(&self) -> &str {
        &self.name
    }

    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        let answer = self
            .card
            .transmit(command, &mut self.buffer)
            .map(<[u8]>::to_vec)
            .map_err(|error| self.error(error))?;
        // What was received may be a decrypted key.
        self.buffer[..answer.len()].zeroize();
        Ok(answer)
    }

    fn reset(&mut self, reset: Reset) -> Result<(), LinkError> {
        let how = match reset {
            Reset::Cold => pcsc::Disposition::UnpowerCard,
            Reset::Warm => pcsc::Disposition::ResetCard,
        };
        self.card
            .reconnect(ShareMode::Exclusive, Protocols::ANY, how)
            .map_err(|error| self.error(error))?;
        self.read_status()
    }

    fn disconnect(self: Box<Self>, disposition: Disposition) -> Result<(), LinkError> {
        let Self { card, plain, .. } = *self;
        let how = match disposition {
            Disposition::Leave => pcsc::Disposition::LeaveCard,
            Disposition::PowerOff => pcsc::Disposition::UnpowerCard,
            Disposition::Reset => pcsc::Disposition::ResetCard,
        };
        match card.disconnect(how) {
            Ok(()) => Ok(()),
            // A card that has left by itself is powered off already.
            Err((_, pcsc::Error::RemovedCard | pcsc::Error::NoSmartcard)) => Ok(()),
            Err((_, error)) => Err(link_error(error, &plain)),
        }
    }
}

impl std::fmt::Debug for PcscLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PcscLink")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
