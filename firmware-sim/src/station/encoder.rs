use std::collections::BTreeMap;
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
    off_contacts: Arc<Mutex<BTreeMap<u64, Box<dyn Chip>>>>,
}

impl Chips {
    pub(crate) fn new(
        make: impl Fn(u64) -> Result<Box<dyn Chip>, ChipError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            make: Arc::new(make),
            off_contacts: Arc::default(),
        }
    }

    /// The chip of a card, made or read back if this is its first time.
    pub(crate) fn take(&self, number: u64) -> io::Result<Box<dyn Chip>> {
        match self.off_contacts().remove(&number) {
            Some(chip) => Ok(chip),
            None => (self.make)(number).map_err(io::Error::other),
        }
    }

    fn put(&self, number: u64, chip: Box<dyn Chip>) {
        self.off_contacts().insert(number, chip);
    }

    fn off_contacts(&self) -> MutexGuard<'_, BTreeMap<u64, Box<dyn Chip>>> {
        // Every change is a single insertion or removal, so a panic elsewhere leaves it whole.
        self.off_contacts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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

    fn open(&mut self) {
        let chip = self.contacts.open();
        if let (Some(number), Some(chip)) = (self.number.take(), chip) {
            self.chips.put(number, chip);
        }
    }
}
