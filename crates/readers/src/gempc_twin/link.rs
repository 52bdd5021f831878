use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use iso7816::{Disposition, Link, LinkError, Protocol, Reset};

use super::activation::{self, Activated, Talk};
use super::carrier::Slot;
use super::error::{not_sent, of_protocol};
use super::reader::Shared;
use crate::t0;

/// A connection to the card in a GemPC Twin.
///
/// A link dropped without [`Link::disconnect`] powers the card off, so that no verified passcode
/// is left behind.
pub struct GemPcTwinLink {
    shared: Arc<Shared>,
    card: Activated,
    /// The card was left as it was asked to be.
    ended: bool,
}

impl GemPcTwinLink {
    pub(super) fn new(shared: Arc<Shared>, card: Activated) -> Self {
        Self {
            shared,
            card,
            ended: false,
        }
    }
}

impl Link for GemPcTwinLink {
    fn name(&self) -> &str {
        &self.shared.name
    }

    fn atr(&self) -> &[u8] {
        &self.card.atr
    }

    fn protocol(&self) -> Protocol {
        self.card.talk.protocol()
    }

    /// Over T=0, 61XX and 6CXX are returned as they come and a Le behind data is not sent; see
    /// [`t0::tpdu`]. Over T=1 the command goes as it is, in as many blocks as it needs.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        let reader = self.shared.plain.as_str();
        let mut session = self.shared.session();
        let mut slot = Slot {
            session: &mut session,
            reader,
            within: self.card.within,
        };
        match &mut self.card.talk {
            Talk::T0 => {
                let tpdu = t0::tpdu(command).map_err(|error| not_sent(reader, &error))?;
                slot.send_tpdu(tpdu)
            }
            Talk::T1(protocol) => protocol
                .exchange(command, &mut slot)
                .map_err(|error| of_protocol(error, reader)),
        }
    }

    fn reset(&mut self, reset: Reset) -> Result<(), LinkError> {
        let reader = self.shared.plain.as_str();
        let mut session = self.shared.session();
        if session.take_removed() {
            return Err(LinkError::CardRemoved {
                reader: reader.to_owned(),
            });
        }
        self.card = match reset {
            Reset::Cold => activation::cold(&mut session, reader),
            Reset::Warm => activation::warm(&mut session, reader, self.card.voltage),
        }?;
        Ok(())
    }

    fn disconnect(mut self: Box<Self>, disposition: Disposition) -> Result<(), LinkError> {
        self.ended = true;
        match disposition {
            Disposition::Leave => Ok(()),
            Disposition::PowerOff => {
                activation::power_off(&mut self.shared.session(), &self.shared.plain)
            }
            Disposition::Reset => self.reset(Reset::Warm),
        }
    }
}

impl Drop for GemPcTwinLink {
    fn drop(&mut self) {
        if !self.ended {
            // Nobody is left to be told that it did not work; a reader that is gone powers
            // nothing.
            let _untold = activation::power_off(&mut self.shared.session(), &self.shared.plain);
        }
        self.shared.in_use.store(false, Ordering::SeqCst);
    }
}

impl fmt::Debug for GemPcTwinLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GemPcTwinLink")
            .field("name", &self.shared.name)
            .field("protocol", &self.protocol())
            .finish_non_exhaustive()
    }
}
