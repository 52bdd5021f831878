use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use iso7816::{Disposition, Link, LinkError, Protocol, Reader, Reset};
use zeroize::Zeroizing;

use super::Shared;
use super::answer::CardSensor;
use super::device::Activated;
use super::error::Crt591Error;
use crate::t0;

/// How often an empty position is looked at.
const AGAIN: Duration = Duration::from_millis(200);

/// The face of a CRT-591 that talks to the card at the IC position.
pub struct Crt591Encoder {
    shared: Arc<Shared>,
}

impl Crt591Encoder {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn wrong(&self, error: Crt591Error) -> LinkError {
        error.for_link(&self.shared.plain)
    }

    /// A link to the card, if there is one.
    fn try_connect(&self) -> Result<Option<Crt591Link>, LinkError> {
        let mut device = self.shared.device();
        let look = |device: &mut super::Device| {
            if device.sensors()?.card != CardSensor::Inside {
                return Ok(None);
            }
            device.power_on().map(Some)
        };
        let found = look(&mut device);
        let motions = device.motions();
        drop(device);
        let Some(card) = found.map_err(|error| self.wrong(error))? else {
            return Ok(None);
        };
        self.shared.in_use.store(true, Ordering::SeqCst);
        Ok(Some(Crt591Link {
            shared: Arc::clone(&self.shared),
            card,
            motions,
            dead: None,
            ended: false,
        }))
    }
}

impl Reader for Crt591Encoder {
    fn name(&self) -> &str {
        &self.shared.name
    }

    /// Whether a card is at the IC or the RF position; the sensors do not tell them apart.
    fn card_present(&mut self) -> Result<bool, LinkError> {
        let sensors = self.shared.device().sensors();
        let sensors = sensors.map_err(|error| self.wrong(error))?;
        Ok(sensors.card == CardSensor::Inside)
    }

    fn connect(&mut self, within: Duration) -> Result<Box<dyn Link>, LinkError> {
        let reader = self.shared.plain.clone();
        if self.shared.in_use.load(Ordering::SeqCst) {
            return Err(LinkError::SharedElsewhere { reader });
        }
        let ambient = Arc::clone(self.shared.device().ambient());
        let mut spent = Duration::ZERO;
        loop {
            if let Some(link) = self.try_connect()? {
                return Ok(Box::new(link));
            }
            if spent >= within {
                return Err(LinkError::NoCard { reader });
            }
            let rest = AGAIN.min(within.saturating_sub(spent));
            let before = ambient.elapsed();
            ambient.sleep(rest);
            // On a clock that stands still, the time has passed all the same.
            spent += ambient.elapsed().saturating_sub(before).max(rest);
        }
    }
}

impl fmt::Debug for Crt591Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crt591Encoder")
            .field("name", &self.shared.name)
            .finish_non_exhaustive()
    }
}

/// A connection to the card at the IC position.
///
/// It ends when the card is moved. A link dropped without [`Link::disconnect`] switches the card
/// off, so that no verified passcode is left behind.
pub struct Crt591Link {
    shared: Arc<Shared>,
    card: Activated,
    /// The motions of the device when the card was connected to.
    motions: u64,
    /// Why nothing more goes over it.
    dead: Option<LinkError>,
    /// The card was left as it was asked to be.
    ended: bool,
}

impl Crt591Link {
    /// Has the device do something with the card. What leaves the card in a state nobody knows
    /// ends the link.
    fn with_device<T>(
        &mut self,
        act: impl FnOnce(&mut super::Device) -> Result<T, Crt591Error>,
    ) -> Result<T, LinkError> {
        if let Some(error) = &self.dead {
            return Err(error.clone());
        }
        let mut device = self.shared.device();
        if device.motions() != self.motions {
            let reader = self.shared.plain.clone();
            return Err(LinkError::CardRemoved { reader });
        }
        let done = act(&mut device);
        let ends = match &done {
            Ok(_) | Err(Crt591Error::TooLong { .. } | Crt591Error::Refused { .. }) => false,
            Err(_) => true,
        };
        let done = done.map_err(|error| error.for_link(&self.shared.plain));
        if ends {
            // Whatever it was doing, it stops; that it cannot be told so adds nothing.
            let _off = device.power_off();
            self.dead = done.as_ref().err().cloned();
        }
        done
    }
}

impl Link for Crt591Link {
    fn name(&self) -> &str {
        &self.shared.name
    }

    fn atr(&self) -> &[u8] {
        &self.card.atr
    }

    fn protocol(&self) -> Protocol {
        self.card.protocol
    }

    /// Over T=0, 61XX and 6CXX are returned as they come and a Le behind data is not sent; see
    /// [`t0::tpdu`]. A command of more than 512 bytes is refused and has to be chained.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        let protocol = self.card.protocol;
        let bytes = match protocol {
            Protocol::T0 => t0::tpdu(command).map_err(|error| LinkError::Failed {
                reader: self.shared.plain.clone(),
                detail: error.to_string(),
            })?,
            Protocol::T1 => Zeroizing::new(command.to_vec()),
        };
        let mut answer = self.with_device(|device| device.pass(bytes, protocol))?;
        Ok(std::mem::take(&mut *answer))
    }

    fn reset(&mut self, reset: Reset) -> Result<(), LinkError> {
        self.card = self.with_device(|device| match reset {
            Reset::Cold => device.power_on(),
            Reset::Warm => device.reset(),
        })?;
        Ok(())
    }

    fn disconnect(mut self: Box<Self>, disposition: Disposition) -> Result<(), LinkError> {
        match disposition {
            Disposition::Leave => {
                self.ended = true;
                Ok(())
            }
            Disposition::PowerOff => {
                self.ended = true;
                match self.with_device(super::Device::power_off) {
                    // A card that was moved was switched off before.
                    Err(LinkError::CardRemoved { .. }) => Ok(()),
                    done => done,
                }
            }
            Disposition::Reset => {
                self.reset(Reset::Warm)?;
                self.ended = true;
                Ok(())
            }
        }
    }
}

impl Drop for Crt591Link {
    fn drop(&mut self) {
        let mut device = self.shared.device();
        if !self.ended && self.dead.is_none() && device.motions() == self.motions {
            // Nobody is left to be told that it did not work; the card is switched off before it
            // moves in any case.
            let _untold = device.power_off();
        }
        self.shared.in_use.store(false, Ordering::SeqCst);
    }
}

impl fmt::Debug for Crt591Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crt591Link")
            .field("name", &self.shared.name)
            .field("protocol", &self.card.protocol)
            .finish_non_exhaustive()
    }
}
