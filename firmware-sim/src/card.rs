//! A simulated smart card: a PIV application (SP 800-73-5) and a minimal card manager on one
//! chip, with non-volatile memory that can be cut off at any write.
//!
//! [`PivChip`] is what lies on the [`contacts`](crate::contacts). What kind of card it is stands
//! in its [`Model`]; everything secret or random comes from its number, so two chips of the same
//! model and number are the same chip.

pub mod authentic;
mod cipher;
mod dispatch;
#[cfg(test)]
mod endurance;
mod fascn;
mod image;
mod key_hook;
mod keys;
mod kinds;
mod manager;
mod model;
mod null;
pub mod nvm;
mod personalise;
mod piv;
mod random;
mod retired;
mod secure_messaging;
mod session;
mod state;
mod transport;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use ::piv::words::{KeyReference, PinReference};
use iso7816::Protocol;
use iso7816::ber::Tag;
use rand_chacha::ChaCha20Rng;

use self::keys::PrivateKey;
use self::nvm::{Cell, Memory, StateError, Transaction, WriteHook};
use self::random::Lots;
use self::session::{Session, Stop};
use self::state::{Found, Kept};
use crate::contacts::Chip;

pub use self::image::ImageCardError;
pub use self::key_hook::KeyHook;
pub use self::kinds::{AnyModel, SimCard};
pub use self::manager::SecurityDomain;
pub use self::model::{
    Administration, Application, Capacity, CardManager, Contactless, ExtendedLength, Keys, Model,
    ModelError, Reference, SecureMessaging, Transport,
};
pub use self::null::NullChip;
pub use self::personalise::test_authority;
pub use self::retired::{RetiredChip, RetiredModel};
pub use self::secure_messaging::Suite;

/// How a new card comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Condition {
    /// As from the factory: delivered PIN, PUK and administration key, no objects, no other keys.
    Blank,
    /// With P-256 keys 9A, 9C, 9D and 9E, their certificates from a simulated test authority,
    /// CHUID, CCC, Discovery Object and Printed Information; with key 04, its certificate and its
    /// signer's where the model has secure messaging, and a pairing code where its PIN usage
    /// policy names a virtual contact interface.
    Personalised,
}

/// The side from which a chip is spoken to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Interface {
    /// Through its contacts.
    #[default]
    Contact,
    /// Through its antenna: less is allowed (SP 800-73-5 Part 1, 5.5).
    Contactless,
}

/// The chip of a PIV card.
///
/// After a reset the application named by [`Model::default_application`] is selected.
///
/// ```
/// use firmware_sim::card::{Model, PivChip};
/// use firmware_sim::contacts::Chip;
///
/// let mut chip = PivChip::personalised(&Model::series10(), 1);
/// assert!(chip.power_on().starts_with(&[0x3B]));
/// let select = [0x00, 0xA4, 0x04, 0x00, 0x09, 0xA0, 0, 0, 3, 8, 0, 0, 0x10, 0, 0];
/// assert!(chip.transmit(&select).ends_with(&[0x90, 0x00]));
/// ```
pub struct PivChip {
    model: Model,
    number: u64,
    memory: Memory,
    interface: Interface,
    power: Power,
    session: Session,
    key_hook: Option<Box<dyn KeyHook>>,
    /// Keys already taken apart, so that using one costs its arithmetic alone.
    keys: BTreeMap<KeyReference, PrivateKey>,
    lots: Lots,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Power {
    Off,
    On,
    /// Lost in the middle of a write: mute until the next power-up, which reads the memory back.
    Cut,
}

impl PivChip {
    /// A blank card with this number.
    #[must_use]
    pub fn blank(model: &Model, number: u64) -> Self {
        Self::new(model, number, Condition::Blank)
    }

    /// A personalised card with this number.
    #[must_use]
    pub fn personalised(model: &Model, number: u64) -> Self {
        Self::new(model, number, Condition::Personalised)
    }

    /// A card in this condition, which lives as long as the process.
    #[must_use]
    pub fn new(model: &Model, number: u64, condition: Condition) -> Self {
        let mut memory = Memory::volatile();
        memory
            .commit(factory(model, number, condition))
            .expect("memory without a hook takes every write");
        Self::over(model.clone(), number, memory)
    }

    /// The card in a state file. A new file gets a card of this model, number and condition; an
    /// existing one is taken as it is and must be of this model and number.
    ///
    /// # Errors
    ///
    /// [`StateError`].
    pub fn open(
        path: &Path,
        model: &Model,
        number: u64,
        condition: Condition,
    ) -> Result<Self, StateError> {
        match state::open(path, || factory(model, number, condition))? {
            Found::Made(memory) => Ok(Self::over(model.clone(), number, memory)),
            Found::Kept(kept) => {
                let chip = Self::from_kept(kept, path)?;
                let (asked, found) = ((&*model.name, number), (&*chip.model.name, chip.number));
                state::expect_same(path, asked, found)?;
                Ok(chip)
            }
        }
    }

    /// The card in a state file, whatever it is; `None` when there is none yet.
    ///
    /// # Errors
    ///
    /// [`StateError`].
    pub fn resume(path: &Path) -> Result<Option<Self>, StateError> {
        match state::resume(path)? {
            None => Ok(None),
            Some(kept) => Self::from_kept(kept, path).map(Some),
        }
    }

    fn from_kept(kept: Kept, path: &Path) -> Result<Self, StateError> {
        let model = Model::parse(&kept.model).map_err(|source| StateError::Model {
            path: path.display().to_string(),
            source,
        })?;
        Ok(Self::over(model, kept.number, kept.memory))
    }

    fn over(model: Model, number: u64, memory: Memory) -> Self {
        Self {
            session: Session::new(model.default_application),
            model,
            number,
            memory,
            interface: Interface::Contact,
            power: Power::Off,
            key_hook: None,
            keys: BTreeMap::new(),
            lots: Lots::default(),
        }
    }

    /// What kind of card it is.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The card's number: its serial, and the seed of all it draws by lot.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The non-volatile memory, for looking at what a test left behind.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Lets every write to the non-volatile memory pass `hook`; `None` takes the hook away.
    pub fn set_write_hook(&mut self, hook: Option<Box<dyn WriteHook>>) {
        self.memory.set_hook(hook);
    }

    /// Lets `hook` stand in for the private keys; `None` takes it away.
    pub fn set_key_hook(&mut self, hook: Option<Box<dyn KeyHook>>) {
        self.key_hook = hook;
    }

    /// The side it is spoken to from.
    #[must_use]
    pub fn interface(&self) -> Interface {
        self.interface
    }

    /// Takes the card out of the reader it is in and holds it to one of the other kind: it is off
    /// until the next [`Chip::power_on`].
    ///
    /// # Errors
    ///
    /// [`ModelError::NoContactless`].
    pub fn set_interface(&mut self, interface: Interface) -> Result<(), ModelError> {
        if interface == Interface::Contactless && self.model.contactless.is_none() {
            return Err(ModelError::NoContactless {
                name: self.model.name.clone(),
            });
        }
        self.power_off();
        self.interface = interface;
        Ok(())
    }

    /// Random bytes, see [`Lots`].
    fn random(&mut self) -> Result<&mut ChaCha20Rng, Stop> {
        Ok(self.lots.draw(&mut self.memory, self.number)?)
    }

    /// The key, taken apart once.
    fn key(&mut self, reference: KeyReference) -> Option<&PrivateKey> {
        if !self.keys.contains_key(&reference) {
            let key = PrivateKey::from_cell(self.memory.get(Cell::Key(reference))?)?;
            self.keys.insert(reference, key);
        }
        self.keys.get(&reference)
    }

    fn object(&self, tag: Tag) -> Option<&[u8]> {
        self.memory.get(Cell::Object(tag))
    }
}

impl Chip for PivChip {
    fn power_on(&mut self) -> Vec<u8> {
        if self.power == Power::Cut {
            self.keys.clear();
            if self.memory.reload().is_err() {
                // A chip that cannot read its memory gives no answer to reset.
                return Vec::new();
            }
        }
        self.power = Power::On;
        self.lots = Lots::default();
        self.session = Session::new(self.model.default_application);
        match (self.interface, &self.model.contactless) {
            (Interface::Contactless, Some(contactless)) => contactless.atr.clone(),
            _ => match self.memory.get(Cell::AnswerToReset) {
                Some(atr) => atr.to_vec(),
                None => self.model.atr.clone(),
            },
        }
    }

    fn power_off(&mut self) {
        if self.power == Power::On {
            self.power = Power::Off;
        }
        self.session = Session::new(self.model.default_application);
    }

    fn protocol(&self) -> Protocol {
        self.protocol_in_use()
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        if self.power != Power::On {
            return Vec::new();
        }
        transport::execute(self, command).unwrap_or_else(|| {
            self.power = Power::Cut;
            Vec::new()
        })
    }
}

impl fmt::Debug for PivChip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PivChip")
            .field("model", &self.model.name)
            .field("number", &self.number)
            .field("interface", &self.interface)
            .field("power", &self.power)
            .finish_non_exhaustive()
    }
}

/// What a new card's memory holds.
fn factory(model: &Model, number: u64, condition: Condition) -> Transaction {
    let mut key = vec![model.administration.algorithm.byte()];
    key.extend_from_slice(&model.administration.key);
    let mut cells = Transaction::new()
        .set(Cell::Model, model.source.0.as_bytes())
        .set(Cell::Number, number.to_be_bytes())
        .set(Cell::Key(KeyReference::Administration), key);
    let references = [
        (PinReference::Application, Some(&model.pin)),
        (PinReference::Unblocking, Some(&model.puk)),
        (PinReference::Global, model.global_pin.as_ref()),
    ];
    for (reference, value) in references {
        if let Some(value) = value {
            cells = cells
                .set(Cell::Reference(reference), value.padded::<8>())
                .set(Cell::Tries(reference), [value.tries]);
        }
    }
    if let Some(domain) = &model.card_manager.security_domain {
        cells = manager::add_to(cells, domain);
    }
    match condition {
        Condition::Blank => cells,
        Condition::Personalised => personalise::add_to(cells, model, number),
    }
}
