//! A simulated AuthentIC card: the card manager of Open Platform, which tells production data, and
//! one of two applications, v2.2 or v3.2.2, whose difference is everything behind SELECT.

mod authority;
mod certificates;
mod dispatch;
mod files;
mod model;
mod rsa;
mod session;
mod v2;
mod v3;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use iso7816::Protocol;
use rand_chacha::ChaCha20Rng;

use self::rsa::RsaKey;
use self::session::Session;
use super::nvm::{Cell, Memory, StateError, Transaction, WriteHook};
use super::random::Lots;
use super::session::Stop;
use super::state::{self, Found, Kept};
use super::{Condition, Power, transport};
use crate::contacts::Chip;

pub use self::authority::test_authority;
pub use self::model::{
    AppletVersion, AuthenticModel, DefaultApplication, FileCapacity, KeySizes, Lengths,
    SecureChannel, Version3,
};

/// The chip of an AuthentIC card.
///
/// After a reset the application named by [`AuthenticModel::default_application`] is selected.
///
/// ```
/// use firmware_sim::card::authentic::{AuthenticChip, AuthenticModel};
/// use firmware_sim::contacts::Chip;
///
/// let mut chip = AuthenticChip::blank(&AuthenticModel::series8_v2(), 1);
/// assert!(chip.power_on().starts_with(&[0x3B]));
/// let select = [0x00, 0xA4, 0x04, 0x0C, 0x07, 0xA0, 0, 0, 0, 3, 0, 0];
/// assert!(chip.transmit(&select).ends_with(&[0x90, 0x00]));
/// ```
pub struct AuthenticChip {
    model: AuthenticModel,
    number: u64,
    memory: Memory,
    power: Power,
    session: Session,
    lots: Lots,
    /// Keys already taken apart, by the cell they are in, so that using one costs its arithmetic
    /// alone.
    keys: BTreeMap<Cell, RsaKey>,
}

impl AuthenticChip {
    /// A blank card with this number.
    #[must_use]
    pub fn blank(model: &AuthenticModel, number: u64) -> Self {
        Self::new(model, number, Condition::Blank)
    }

    /// A personalised card with this number.
    #[must_use]
    pub fn personalised(model: &AuthenticModel, number: u64) -> Self {
        Self::new(model, number, Condition::Personalised)
    }

    /// A card in this condition, which lives as long as the process.
    #[must_use]
    pub fn new(model: &AuthenticModel, number: u64, condition: Condition) -> Self {
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
        model: &AuthenticModel,
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

    pub(super) fn from_kept(kept: Kept, path: &Path) -> Result<Self, StateError> {
        let model = AuthenticModel::parse(&kept.model).map_err(|source| StateError::Model {
            path: path.display().to_string(),
            source,
        })?;
        Ok(Self::over(model, kept.number, kept.memory))
    }

    fn over(model: AuthenticModel, number: u64, memory: Memory) -> Self {
        Self {
            session: Session::new(model.default_application),
            model,
            number,
            memory,
            power: Power::Off,
            lots: Lots::default(),
            keys: BTreeMap::new(),
        }
    }

    /// What kind of card it is.
    #[must_use]
    pub fn model(&self) -> &AuthenticModel {
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

    /// Random bytes, see [`Lots`].
    fn random(&mut self) -> Result<&mut ChaCha20Rng, Stop> {
        Ok(self.lots.draw(&mut self.memory, self.number)?)
    }

    /// Writes all of it or nothing.
    fn commit(&mut self, cells: Transaction) -> Result<(), Stop> {
        for (cell, _) in &cells.cells {
            self.keys.remove(cell);
        }
        Ok(self.memory.commit(cells)?)
    }

    /// The key in a cell, taken apart once by `read`.
    fn key(&mut self, cell: Cell, read: impl FnOnce(&[u8]) -> Option<RsaKey>) -> Option<&RsaKey> {
        if !self.keys.contains_key(&cell) {
            let key = read(self.memory.get(cell)?)?;
            self.keys.insert(cell, key);
        }
        self.keys.get(&cell)
    }
}

impl Chip for AuthenticChip {
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
        self.model.atr.clone()
    }

    fn power_off(&mut self) {
        if self.power == Power::On {
            self.power = Power::Off;
        }
        self.session = Session::new(self.model.default_application);
    }

    fn protocol(&self) -> Protocol {
        self.model.transport.protocol
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

impl fmt::Debug for AuthenticChip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticChip")
            .field("model", &self.model.name)
            .field("number", &self.number)
            .field("power", &self.power)
            .finish_non_exhaustive()
    }
}

/// What a new card's memory holds.
fn factory(model: &AuthenticModel, number: u64, condition: Condition) -> Transaction {
    let cells = Transaction::new()
        .set(Cell::Model, model.source.0.as_bytes())
        .set(Cell::Number, number.to_be_bytes());
    match model.applet {
        AppletVersion::V2 => v2::add_to(cells, model, number, condition),
        AppletVersion::V3 => v3::add_to(cells, model, number, condition),
    }
}
