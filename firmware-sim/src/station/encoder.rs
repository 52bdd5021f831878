use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ChipError;
use crate::contacts::{Chip, Contacts};
use crate::printer::Encoder;

type Make = dyn Fn(u64) -> Result<Box<dyn Chip>, ChipError> + Send + Sync;

/// The chips of all cards that were on the contacts once.
#[derive(Clone)]
pub(crate) struct Chips {
    make: Arc<Make>,
    /// Makes the chip of a card of another model.
    make_other: Arc<Make>,
    shared: Arc<Mutex<Drawer>>,
}

#[derive(Default)]
struct Drawer {
    off_contacts: BTreeMap<u64, Box<dyn Chip>>,
    other_model: BTreeSet<u64>,
}

impl Chips {
    pub(crate) fn new(
        make: impl Fn(u64) -> Result<Box<dyn Chip>, ChipError> + Send + Sync + 'static,
        make_other: impl Fn(u64) -> Result<Box<dyn Chip>, ChipError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            make: Arc::new(make),
            make_other: Arc::new(make_other),
            shared: Arc::default(),
        }
    }

    /// The chip of a card, made or read back if this is its first time.
    pub(crate) fn take(&self, number: u64) -> io::Result<Box<dyn Chip>> {
        let mut drawer = self.drawer();
        let other = drawer.other_model.contains(&number);
        match drawer.off_contacts.remove(&number) {
            Some(chip) => Ok(chip),
            None if other => (self.make_other)(number).map_err(io::Error::other),
            None => (self.make)(number).map_err(io::Error::other),
        }
    }

    fn put(&self, number: u64, chip: Box<dyn Chip>) {
        self.drawer().off_contacts.insert(number, chip);
    }

    fn is_of_another_model(&self, number: u64) {
        self.drawer().other_model.insert(number);
    }

    fn drawer(&self) -> MutexGuard<'_, Drawer> {
        // Every change is a single insertion or removal, so a panic elsewhere leaves it whole.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A card whose chip the contacts do not touch.
struct Untouched;

impl Chip for Untouched {
    fn power_on(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn power_off(&mut self) {}

    fn transmit(&mut self, _command: &[u8]) -> Vec<u8> {
        Vec::new()
    }
}

/// A card of a model nobody has asked for: it answers to reset and knows no command.
pub(super) struct Stranger;

impl Chip for Stranger {
    fn power_on(&mut self) -> Vec<u8> {
        vec![0x3B, 0x00]
    }

    fn power_off(&mut self) {}

    fn transmit(&mut self, _command: &[u8]) -> Vec<u8> {
        vec![0x6D, 0x00]
    }
}

/// The contact station at the way of the cards.
pub(crate) struct ContactStation {
    contacts: Contacts,
    chips: Chips,
    number: Option<u64>,
}

impl ContactStation {
    pub(crate) fn new(contacts: Contacts, chips: Chips) -> Self {
        Self {
            contacts,
            chips,
            number: None,
        }
    }
}

impl Encoder for ContactStation {
    fn close_on(&mut self, number: u64) -> io::Result<()> {
        self.contacts.close_on(self.chips.take(number)?);
        self.number = Some(number);
        Ok(())
    }

    fn miss(&mut self, _number: u64) -> io::Result<()> {
        self.contacts.close_on(Box::new(Untouched));
        Ok(())
    }

    fn other_model(&mut self, number: u64) {
        self.chips.is_of_another_model(number);
    }

    fn open(&mut self) {
        let chip = self.contacts.open();
        if let (Some(number), Some(chip)) = (self.number.take(), chip) {
            self.chips.put(number, chip);
        }
    }
}
