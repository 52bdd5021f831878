use std::ffi::CString;
use std::fmt;
use std::time::Duration;

use iso7816::{Disposition, Link, LinkError, Protocol, Reset};
use pcsc::{Card, Error, Protocols, ShareMode};
use zeroize::Zeroize;

use crate::error::{During, link_error};
use crate::listing::CardState;
use crate::reader::Sharing;
use crate::service::Service;

/// Room for the longest extended response and its status word (ISO/IEC 7816-4, 5.1).
const LONGEST_ANSWER: usize = 65_536 + 2;

/// How long the service may take to notice that a card has gone.
const NOTICED_WITHIN: Duration = Duration::from_secs(1);

/// A connection to the card in a PC/SC reader.
///
/// A link dropped without [`Link::disconnect`] resets the card, so that no verified passcode is
/// left behind.
pub struct PcscLink {
    /// None once the card could not be had back after [`Link::lock`] failed.
    card: Option<Card>,
    service: Service,
    reader: CString,
    name: String,
    plain: String,
    atr: Vec<u8>,
    protocol: Protocol,
    sharing: Sharing,
    /// Between [`Link::lock`] and [`Link::unlock`].
    locked: bool,
    /// Card or reader have gone: nothing is sent any more, even if both come back.
    dead: Option<LinkError>,
    /// For answers: made once, because it is as long as the longest extended answer.
    buffer: Vec<u8>,
}

impl PcscLink {
    pub(crate) fn new(
        card: Card,
        service: Service,
        reader: CString,
        name: String,
        plain: String,
        sharing: Sharing,
    ) -> Result<Self, LinkError> {
        let mut link = Self {
            card: Some(card),
            service,
            reader,
            name,
            plain,
            atr: Vec::new(),
            protocol: Protocol::T1,
            sharing,
            locked: false,
            dead: None,
            buffer: vec![0; LONGEST_ANSWER],
        };
        link.refresh()?;
        Ok(link)
    }

    /// Takes answer to reset and protocol from the service.
    fn refresh(&mut self) -> Result<(), LinkError> {
        let status = self
            .card()?
            .status2_owned()
            .map_err(|error| self.error(error))?;
        self.atr = status.atr().to_vec();
        self.protocol = match status.protocol2() {
            Some(pcsc::Protocol::T0) => Protocol::T0,
            Some(pcsc::Protocol::T1) => Protocol::T1,
            other => {
                return Err(LinkError::Failed {
                    reader: self.plain.clone(),
                    detail: format!("the card is spoken to in protocol {other:?}, not T=0 or T=1"),
                });
            }
        };
        Ok(())
    }

    fn mode(&self) -> ShareMode {
        match (self.sharing, self.locked) {
            (Sharing::Exclusive, _) | (Sharing::Shared, true) => ShareMode::Exclusive,
            (Sharing::Shared, false) => ShareMode::Shared,
        }
    }

    /// Leaves the card as it is and connects to it anew.
    ///
    /// Reconnecting would do it in one step, but with pcsc-lite it waits without end for an
    /// exclusive connection while others are connected, and back from an exclusive one it keeps
    /// all others waiting.
    fn change_mode(&mut self, mode: ShareMode) -> Result<(), LinkError> {
        // A card that was removed or reset in the meantime must not be taken for the same one.
        self.refresh()?;
        if let Some(card) = self.card.take()
            && let Err((card, error)) = card.disconnect(pcsc::Disposition::LeaveCard)
        {
            self.card = Some(card);
            return Err(self.error(error));
        }
        match self.connect(mode) {
            Ok(card) => {
                self.card = Some(card);
                Ok(())
            }
            Err(error) => {
                // Should this be refused too, it has the same cause, which the error names.
                self.card = self.connect(ShareMode::Shared).ok();
                Err(self.error(error))
            }
        }
    }

    fn card(&self) -> Result<&Card, LinkError> {
        if let Some(error) = &self.dead {
            return Err(error.clone());
        }
        self.card.as_ref().ok_or_else(|| LinkError::CardRemoved {
            reader: self.plain.clone(),
        })
    }

    fn connect(&self, mode: ShareMode) -> Result<Card, Error> {
        // Only what is spoken already: nothing is negotiated anew.
        let protocol = match self.protocol {
            Protocol::T0 => Protocols::T0,
            Protocol::T1 => Protocols::T1,
        };
        self.service
            .with(|context| context.connect(&self.reader, mode, protocol))
    }

    /// As [`PcscLink::error`]; what cannot be mended ends the link.
    fn fail(&mut self, error: Error) -> LinkError {
        let error = self.error(error);
        if matches!(
            error,
            LinkError::CardRemoved { .. }
                | LinkError::ReaderGone { .. }
                | LinkError::NoService { .. }
        ) {
            self.dead = Some(error.clone());
        }
        error
    }

    /// Drivers often know only that an exchange failed; what is in the reader then tells why. The
    /// service looks into the reader a few times a second, so it may need a moment to know.
    fn error(&self, error: Error) -> LinkError {
        let mapped = link_error(error, During::Talking, &self.plain, Duration::ZERO);
        if !matches!(mapped, LinkError::Failed { .. }) {
            return mapped;
        }
        let reader = || self.plain.clone();
        match self.service.next_state_of(&self.reader, NOTICED_WITHIN) {
            Ok(state) => match CardState::of(&state) {
                Some(CardState::Empty) => LinkError::CardRemoved { reader: reader() },
                Some(CardState::Mute) => LinkError::CardMute { reader: reader() },
                Some(_) => mapped,
                None => LinkError::ReaderGone { reader: reader() },
            },
            Err(Error::UnknownReader) => LinkError::ReaderGone { reader: reader() },
            // The failed exchange is what matters; that the look failed too adds nothing.
            Err(_) => mapped,
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
        self.card()?;
        let Some(card) = &self.card else {
            return self.card().map(|_| Vec::new());
        };
        let answer = match card.transmit(command, &mut self.buffer) {
            Ok(answer) => answer.to_vec(),
            Err(error) => return Err(self.fail(error)),
        };
        // What was received may be a decrypted key.
        self.buffer[..answer.len()].zeroize();
        Ok(answer)
    }

    fn reset(&mut self, reset: Reset) -> Result<(), LinkError> {
        let disposition = match reset {
            Reset::Cold => pcsc::Disposition::UnpowerCard,
            Reset::Warm => pcsc::Disposition::ResetCard,
        };
        let mode = self.mode();
        self.card()?;
        let Some(card) = &mut self.card else {
            return self.card().map(|_| ());
        };
        if let Err(error) = card.reconnect(mode, Protocols::ANY, disposition) {
            return Err(self.fail(error));
        }
        self.refresh()
    }

    fn lock(&mut self) -> Result<(), LinkError> {
        if self.sharing == Sharing::Shared && !self.locked {
            self.change_mode(ShareMode::Exclusive)?;
            self.locked = true;
        }
        Ok(())
    }

    fn unlock(&mut self) -> Result<(), LinkError> {
        if self.locked {
            self.change_mode(ShareMode::Shared)?;
            self.locked = false;
        }
        Ok(())
    }

    fn disconnect(self: Box<Self>, disposition: Disposition) -> Result<(), LinkError> {
        let disposition = match disposition {
            Disposition::Leave => pcsc::Disposition::LeaveCard,
            Disposition::PowerOff => pcsc::Disposition::UnpowerCard,
            Disposition::Reset => pcsc::Disposition::ResetCard,
        };
        let Self {
            card, plain, dead, ..
        } = *self;
        let Some(card) = card else {
            return Ok(());
        };
        if dead.is_some() {
            // What has gone has no power any more, and that it has gone was told.
            return Ok(());
        }
        match card.disconnect(disposition) {
            Ok(()) => Ok(()),
            // A card that has left by itself is powered off already.
            Err((_, Error::RemovedCard | Error::NoSmartcard)) => Ok(()),
            Err((_, error)) => Err(link_error(error, During::Talking, &plain, Duration::ZERO)),
        }
    }
}

impl fmt::Debug for PcscLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PcscLink")
            .field("name", &self.name)
            .field("protocol", &self.protocol)
            .field("sharing", &self.sharing)
            .finish_non_exhaustive()
    }
}
