//! A simulated card of a retired series: answer to reset and card manager, and no application that
//! anybody here speaks. It is there to be recognised and refused.

mod model;

use std::fmt;
use std::path::Path;

use iso7816::{Command, Instruction, Protocol, StatusWord};
use zeroize::Zeroizing;

use super::nvm::{Cell, Memory, StateError, Transaction};
use super::session::{Answer, Stop};
use super::state::{self, Found, Kept};
use super::transport::{
    self, Carrier, Endpoint, Exchange, Performed, Received, names_another_channel,
};
use super::{Power, manager};
use crate::contacts::Chip;

pub use self::model::RetiredModel;

/// The issuer security domain of GlobalPlatform cards before 2.2, whose beginning names the card
/// manager of Open Platform.
const ISSUER_DOMAIN: [u8; 8] = [0xA0, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00];

/// P1 of SELECT: by application identifier.
const BY_NAME: u8 = 0x04;
/// P2 of SELECT: no answer data is wanted.
const NO_DATA: u8 = 0x0C;

/// The chip of a card of a retired series. There is no blank of one: none is issued any more.
///
/// ```
/// use firmware_sim::card::{RetiredChip, RetiredModel};
/// use firmware_sim::contacts::Chip;
///
/// let mut chip = RetiredChip::new(&RetiredModel::series5(), 1);
/// assert!(chip.power_on().ends_with(b"JCOP41V22\xAF"));
/// let select_piv = [0x00, 0xA4, 0x04, 0x00, 0x05, 0xA0, 0, 0, 3, 8];
/// assert_eq!(chip.transmit(&select_piv), [0x6A, 0x82]);
/// ```
pub struct RetiredChip {
    model: RetiredModel,
    number: u64,
    memory: Memory,
    power: Power,
    exchange: Exchange,
}

impl RetiredChip {
    /// A card with this number, which lives as long as the process.
    #[must_use]
    pub fn new(model: &RetiredModel, number: u64) -> Self {
        let mut memory = Memory::volatile();
        memory
            .commit(factory(model, number))
            .expect("memory without a hook takes every write");
        Self::over(model.clone(), number, memory)
    }

    /// The card in a state file. A new file gets a card of this model and number; an existing one
    /// is taken as it is and must be of this model and number.
    ///
    /// # Errors
    ///
    /// [`StateError`].
    pub fn open(path: &Path, model: &RetiredModel, number: u64) -> Result<Self, StateError> {
        match state::open(path, || factory(model, number))? {
            Found::Made(memory) => Ok(Self::over(model.clone(), number, memory)),
            Found::Kept(kept) => {
                let chip = Self::from_kept(kept, path)?;
                let (asked, found) = ((&*model.name, number), (&*chip.model.name, chip.number));
                state::expect_same(path, asked, found)?;
                Ok(chip)
            }
        }
    }

    pub(super) fn from_kept(kept: Kept, path: &Path) -> Result<Self, StateError> {
        let model = RetiredModel::parse(&kept.model).map_err(|source| StateError::Model {
            path: path.display().to_string(),
            source,
        })?;
        Ok(Self::over(model, kept.number, kept.memory))
    }

    fn over(model: RetiredModel, number: u64, memory: Memory) -> Self {
        Self {
            model,
            number,
            memory,
            power: Power::Off,
            exchange: Exchange::default(),
        }
    }

    /// What kind of card it is.
    #[must_use]
    pub fn model(&self) -> &RetiredModel {
        &self.model
    }

    /// The card's number: its serial.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    fn run(&self, command: &Command) -> Answer {
        if names_another_channel(command.class, true) {
            return Err(StatusWord::LOGICAL_CHANNEL_NOT_SUPPORTED.into());
        }
        match (command.class, command.instruction) {
            (0x00, Instruction::SELECT) => select(command),
            (0x00 | 0x80, Instruction::GET_DATA_P1P2) => {
                let manager = &self.model.card_manager;
                manager::issuer_object(&self.memory, manager, self.number, command)
            }
            (0x00, Instruction::GET_RESPONSE) => Err(StatusWord::CONDITIONS_NOT_SATISFIED.into()),
            (0x00 | 0x80, _) => Err(StatusWord::INSTRUCTION_NOT_SUPPORTED.into()),
            _ => Err(StatusWord::CLASS_NOT_SUPPORTED.into()),
        }
    }
}

/// The card manager is all that can be selected, and it is selected already.
fn select(command: &Command) -> Answer {
    if command.p1 != BY_NAME || !matches!(command.p2, 0x00 | NO_DATA) {
        return Err(StatusWord::WRONG_P1P2.into());
    }
    if !manager::is_named_by(&command.data, &ISSUER_DOMAIN) {
        return Err(StatusWord::NOT_FOUND.into());
    }
    Ok(Zeroizing::new(match command.p2 {
        NO_DATA => Vec::new(),
        _ => manager::control_information(&ISSUER_DOMAIN),
    }))
}

impl Endpoint for RetiredChip {
    fn carrier(&self) -> Carrier {
        let transport = &self.model.transport;
        Carrier {
            protocol: transport.protocol,
            response_chunk: transport.response_chunk,
            chain_buffer: transport.chain_buffer,
            data_without_le: transport.data_without_le,
            extended_length: None,
        }
    }

    fn exchange(&mut self) -> &mut Exchange {
        &mut self.exchange
    }

    fn perform(&mut self, received: &Received<'_>) -> Result<Performed, Stop> {
        let command = received.command(&self.carrier())?;
        if command.class & Command::CHAINING != 0 && command.class < 0x20 {
            return Err(StatusWord::CHAINING_NOT_SUPPORTED.into());
        }
        Performed::of(self.run(command), command)
    }
}

impl Chip for RetiredChip {
    fn power_on(&mut self) -> Vec<u8> {
        self.power = Power::On;
        self.exchange = Exchange::default();
        self.model.atr.clone()
    }

    fn power_off(&mut self) {
        self.power = Power::Off;
        self.exchange = Exchange::default();
    }

    fn protocol(&self) -> Protocol {
        self.model.transport.protocol
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        if self.power != Power::On {
            return Vec::new();
        }
        transport::execute(self, command).unwrap_or_default()
    }
}

impl fmt::Debug for RetiredChip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetiredChip")
            .field("model", &self.model.name)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// What the card's memory holds: which card it is.
fn factory(model: &RetiredModel, number: u64) -> Transaction {
    Transaction::new()
        .set(Cell::Model, model.source.0.as_bytes())
        .set(Cell::Number, number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cards() -> impl Iterator<Item = RetiredChip> {
        RetiredModel::NAMES.into_iter().map(|name| {
            let mut chip = RetiredChip::new(&RetiredModel::named(name).unwrap(), 7);
            chip.power_on();
            chip
        })
    }

    fn send(chip: &mut RetiredChip, command: &str) -> String {
        let command = hex::decode(command.replace(' ', "")).unwrap();
        hex::encode_upper(chip.transmit(&command))
    }

    #[test]
    fn no_application_but_the_card_manager_can_be_selected() {
        for mut chip in cards() {
            for aid in [
                "09 A00000030800001000",
                "10 A000000077010303000000F100000002",
                "10 A0000000770100700A1000F100000100",
                "0C A000000063504B43532D3135",
                "08 A000000151000000",
            ] {
                assert_eq!(send(&mut chip, &format!("00A40400{aid}")), "6A82", "{aid}");
            }
            for manager in ["07 A0000000030000", "08 A000000003000000"] {
                assert_eq!(send(&mut chip, &format!("00A4040C{manager}")), "9000");
            }
            assert_eq!(send(&mut chip, "00A40000023F00"), "6A86");
            assert_eq!(send(&mut chip, "0020008000"), "6D00");
        }
    }

    #[test]
    fn production_data_differ_from_card_to_card() {
        for chip in cards() {
            let data = |number| {
                let mut chip = RetiredChip::new(chip.model(), number);
                chip.power_on();
                send(&mut chip, "80CA9F7F2D")
            };
            assert!(data(1).starts_with("9F7F2A") && data(1).ends_with("9000"));
            assert_ne!(data(1), data(2));
        }
    }

    #[test]
    fn each_speaks_the_protocol_of_its_answer_to_reset() {
        let spoken: Vec<Protocol> = cards().map(|chip| chip.protocol()).collect();
        assert_eq!(spoken, [Protocol::T0, Protocol::T1, Protocol::T0]);
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(command in prop::collection::vec(any::<u8>(), 0..300)) {
            for mut chip in cards() {
                prop_assert!(chip.transmit(&command).len() >= 2);
            }
        }
    }
}
