//! The contacts under which a card may or may not lie.
//!
//! A printer closes the contacts on a card and opens them again; an in-process link or a virtual
//! PC/SC reader sees the chip only in between.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use iso7816::{Disposition, Link, LinkError, Protocol, Reader, Reset};

/// The chip of a card: what it answers when powered and spoken to.
pub trait Chip: Send {
    /// Powers the chip up (or resets it, if powered) and returns its answer to reset.
    fn power_on(&mut self) -> Vec<u8>;

    /// Takes the power away; security status is lost.
    fn power_off(&mut self);

    /// The protocol it speaks while powered. What is sent to a chip is a whole APDU over T=1, and
    /// over T=0 a TPDU: the header of five bytes and the data, if any.
    fn protocol(&self) -> Protocol {
        Protocol::T1
    }

    /// Answers one command with a response APDU.
    fn transmit(&mut self, command: &[u8]) -> Vec<u8>;
}

/// One set of contacts, shared between whoever moves cards and whoever talks to them.
#[derive(Clone)]
pub struct Contacts {
    name: Arc<str>,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    chip: Option<Box<dyn Chip>>,
    /// Counts insertions, so that a link notices that its card has gone even if another came.
    insertion: u64,
    in_use: bool,
}

impl Contacts {
    /// Open contacts. `name` is how links over them call themselves, such as `sim:series10`.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            shared: Arc::new(Shared {
                state: Mutex::default(),
                changed: Condvar::new(),
            }),
        }
    }

    /// Closes the contacts on a chip.
    ///
    /// # Panics
    ///
    /// If a chip lies there already: two cards on one set of contacts is a bug of the simulator.
    pub fn close_on(&self, chip: Box<dyn Chip>) {
        let mut state = self.state();
        assert!(
            state.chip.is_none(),
            "the contacts are closed on a card already"
        );
        state.chip = Some(chip);
        state.insertion += 1;
        state.in_use = false;
        self.shared.changed.notify_all();
    }

    /// Opens the contacts and hands the chip back, powered off.
    #[must_use]
    pub fn open(&self) -> Option<Box<dyn Chip>> {
        let mut state = self.state();
        let mut chip = state.chip.take();
        if let Some(chip) = &mut chip {
            chip.power_off();
        }
        state.in_use = false;
        self.shared.changed.notify_all();
        chip
    }

    /// The number of the insertion whose chip lies there now.
    #[must_use]
    pub fn insertion(&self) -> Option<u64> {
        let state = self.state();
        state.chip.is_some().then_some(state.insertion)
    }

    /// Waits at most `within` until [`Contacts::insertion`] is no longer `seen`, and returns it.
    #[must_use]
    pub fn wait_for_change(&self, seen: Option<u64>, within: Duration) -> Option<u64> {
        let now = |state: &State| state.chip.is_some().then_some(state.insertion);
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(self.state(), within, |state| now(state) == seen)
            .unwrap_or_else(PoisonError::into_inner);
        now(&state)
    }

    /// Does something with the chip of the given insertion; `None` when it lies there no longer.
    pub fn with_chip<T>(&self, insertion: u64, act: impl FnOnce(&mut dyn Chip) -> T) -> Option<T> {
        let mut state = self.state();
        if state.insertion != insertion {
            return None;
        }
        state.chip.as_mut().map(|chip| act(&mut **chip))
    }

    /// Takes the chip of the given insertion for oneself; `None` when it lies there no longer or
    /// somebody has it.
    pub(crate) fn occupy(&self, insertion: u64) -> Option<Hold> {
        let mut state = self.state();
        if state.insertion != insertion || state.chip.is_none() || state.in_use {
            return None;
        }
        state.in_use = true;
        Some(Hold {
            contacts: self.clone(),
            insertion,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader for Contacts {
    fn name(&self) -> &str {
        &self.name
    }

    fn card_present(&mut self) -> Result<bool, LinkError> {
        Ok(self.insertion().is_some())
    }

    fn connect(&mut self, within: Duration) -> Result<Box<dyn Link>, LinkError> {
        let reader = self.name.to_string();
        let Some(insertion) = self.wait_for_change(None, within) else {
            return Err(LinkError::NoCard { reader });
        };
        let Some(hold) = self.occupy(insertion) else {
            return Err(LinkError::SharedElsewhere { reader });
        };
        match hold.with_chip(|chip| chip.power_on()) {
            Some(atr) if !atr.is_empty() => {
                let protocol = hold.with_chip(|chip| chip.protocol());
                Ok(Box::new(ContactLink {
                    hold,
                    atr,
                    protocol: protocol.unwrap_or(Protocol::T1),
                }))
            }
            Some(_) => Err(LinkError::CardMute { reader }),
            None => Err(LinkError::CardRemoved { reader }),
        }
    }
}

/// The sole use of the chip of one insertion; ends when dropped.
pub(crate) struct Hold {
    contacts: Contacts,
    insertion: u64,
}

impl Hold {
    /// Does something with the chip; `None` when it lies there no longer.
    pub(crate) fn with_chip<T>(&self, act: impl FnOnce(&mut dyn Chip) -> T) -> Option<T> {
        self.contacts.with_chip(self.insertion, act)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.contacts.state();
        if state.insertion == self.insertion {
            state.in_use = false;
        }
    }
}

/// A link to the chip of one insertion.
struct ContactLink {
    hold: Hold,
    atr: Vec<u8>,
    protocol: Protocol,
}

impl ContactLink {
    fn with_chip<T>(&self, act: impl FnOnce(&mut dyn Chip) -> T) -> Result<T, LinkError> {
        self.hold
            .with_chip(act)
            .ok_or_else(|| LinkError::CardRemoved {
                reader: self.hold.contacts.name.to_string(),
            })
    }
}

impl Link for ContactLink {
    fn name(&self) -> &str {
        &self.hold.contacts.name
    }

    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn protocol(&self) -> Protocol {
        self.protocol
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        match self.with_chip(|chip| chip.transmit(command))? {
            answer if answer.is_empty() => Err(LinkError::CardMute {
                reader: self.hold.contacts.name.to_string(),
            }),
            answer => Ok(answer),
        }
    }

    fn reset(&mut self, reset: Reset) -> Result<(), LinkError> {
        (self.atr, self.protocol) = self.with_chip(|chip| {
            if reset == Reset::Cold {
                chip.power_off();
            }
            let atr = chip.power_on();
            (atr, chip.protocol())
        })?;
        Ok(())
    }

    fn disconnect(self: Box<Self>, disposition: Disposition) -> Result<(), LinkError> {
        match disposition {
            Disposition::Leave => Ok(()),
            // A card that has left by itself is powered off already.
            Disposition::PowerOff | Disposition::Reset => {
                self.with_chip(|chip| chip.power_off()).or(Ok(()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::NullChip;

    const SOON: Duration = Duration::from_millis(1);

    fn chip() -> Box<dyn Chip> {
        Box::new(NullChip::new([0x3B, 0x00]))
    }

    #[test]
    fn a_chip_has_one_user_at_a_time() {
        let mut contacts = Contacts::new("sim:null");
        contacts.close_on(chip());
        let link = contacts.connect(SOON).unwrap();
        assert!(matches!(
            contacts.connect(SOON),
            Err(LinkError::SharedElsewhere { .. })
        ));
        drop(link);
        assert!(contacts.connect(SOON).is_ok());
    }

    #[test]
    fn a_link_notices_that_another_card_lies_there() {
        let mut contacts = Contacts::new("sim:null");
        contacts.close_on(chip());
        let mut old = contacts.connect(SOON).unwrap();
        assert!(contacts.open().is_some());
        contacts.close_on(chip());
        assert!(matches!(
            old.transmit(&[0, 0, 0, 0]),
            Err(LinkError::CardRemoved { .. })
        ));
        // And its end does not free the new card for a second user.
        let _new = contacts.connect(SOON).unwrap();
        drop(old);
        assert!(contacts.connect(SOON).is_err());
    }

    #[test]
    fn open_contacts_hold_no_card() {
        let mut contacts = Contacts::new("sim:null");
        assert!(matches!(
            contacts.connect(SOON),
            Err(LinkError::NoCard { .. })
        ));
        assert!(contacts.open().is_none());
    }
}
