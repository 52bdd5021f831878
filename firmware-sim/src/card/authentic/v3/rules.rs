//! The application as a whole, through its contacts.

mod administering;
mod files;
mod keys;
mod passcodes;

use std::sync::{Mutex, MutexGuard, PoisonError};

use proptest::prelude::*;

use crate::card::authentic::{AuthenticChip, AuthenticModel};
use crate::card::nvm::{Cell, Fate, Write};
use crate::contacts::Chip;

const USER: &[u8] = b"12345678";
const OFFICER: &[u8] = b"87654321";
const FIELD: u8 = 63;

/// A card in use.
struct Card(AuthenticChip);

impl Card {
    fn new(mut chip: AuthenticChip) -> Self {
        chip.power_on();
        Self(chip)
    }

    fn blank() -> Self {
        Self::new(AuthenticChip::blank(&AuthenticModel::series8_v3(), 7))
    }

    /// With keys of 1024 bits, which are quickly made.
    fn personalised() -> Self {
        let model = AuthenticModel::series8_v3().with_keys(1024).unwrap();
        Self::new(AuthenticChip::personalised(&model, 7))
    }

    /// The response data and the status word to a command in hexadecimal digits and a data field.
    fn send(&mut self, header: &str, data: &[u8]) -> (Vec<u8>, u16) {
        self.exchange(&command_of(header, data))
    }

    fn exchange(&mut self, command: &[u8]) -> (Vec<u8>, u16) {
        let mut answer = self.0.transmit(command);
        let status = answer.split_off(answer.len() - 2);
        (answer, u16::from_be_bytes([status[0], status[1]]))
    }

    fn status(&mut self, header: &str, data: &[u8]) -> u16 {
        self.send(header, data).1
    }

    /// As the status word, or the data when it is 9000.
    fn data(&mut self, header: &str, data: &[u8]) -> Result<Vec<u8>, u16> {
        match self.send(header, data) {
            (data, 0x9000) => Ok(data),
            (_, status) => Err(status),
        }
    }

    fn verify(&mut self, reference: u8, passcode: &[u8]) -> u16 {
        self.status(&format!("002000{reference:02X}"), &field(passcode))
    }

    fn log_out(&mut self) {
        let aid = ::authentic::words::v3::AID;
        assert_eq!(self.status("00A40400", &aid), 0x9000);
    }

    fn select(&mut self, path: &str) -> u16 {
        self.status("00A40800", &hex::decode(path).unwrap())
    }
}

fn command_of(header: &str, data: &[u8]) -> Vec<u8> {
    let mut command = hex::decode(header).unwrap();
    if !data.is_empty() {
        command.push(u8::try_from(data.len()).unwrap());
        command.extend_from_slice(data);
    }
    command
}

fn field(passcode: &[u8]) -> Vec<u8> {
    let mut field = passcode.to_vec();
    field.resize(FIELD.into(), 0xFF);
    field
}

/// What any bytes are tried on: made once, it may be as broken as they make it.
static CARD: Mutex<Option<Card>> = Mutex::new(None);

fn shared() -> MutexGuard<'static, Option<Card>> {
    CARD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes that look like a command more often than not.
fn command() -> impl Strategy<Value = Vec<u8>> {
    let instruction = prop::sample::select(vec![
        0x0E_u8, 0x20, 0x22, 0x24, 0x2A, 0x2C, 0x47, 0x50, 0x82, 0x84, 0x88, 0xA4, 0xB0, 0xC0,
        0xCA, 0xD0, 0xD6, 0xDB, 0xE0, 0xE4,
    ]);
    let class = prop::sample::select(vec![0x00_u8, 0x04, 0x10, 0x14, 0x80, 0x84]);
    let p1p2 = prop::sample::select(vec![
        [0_u8, 0],
        [0, 1],
        [0, 2],
        [1, 1],
        [2, 1],
        [3, 1],
        [8, 0],
        [9, 0],
        [0x3F, 0xFF],
        [0x41, 0xB6],
        [0x41, 0xB8],
        [0x9E, 0x9A],
        [0x80, 0x86],
        [0x5F, 1],
        [0x9F, 0x7F],
        [2, 0],
        [0x7F, 0xFF],
    ]);
    let data = prop::collection::vec(
        prop_oneof![
            any::<u8>(),
            prop::sample::select(vec![0x62_u8, 0xA1, 0x80, 0x83, 0x86, 1, 2, 8])
        ],
        0..70,
    );
    (class, instruction, p1p2, data, any::<Option<u8>>()).prop_map(
        |(class, instruction, [p1, p2], data, le)| {
            let mut command = vec![class, instruction, p1, p2];
            if let Ok(length @ 1..) = u8::try_from(data.len()) {
                command.push(length);
                command.extend(data);
            }
            command.extend(le);
            command
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_get_a_status_word(
        commands in prop::collection::vec(
            prop_oneof![4 => command(), 1 => prop::collection::vec(any::<u8>(), 0..300)],
            1..8,
        ),
    ) {
        let mut card = shared();
        let card = card.get_or_insert_with(Card::personalised);
        for command in commands {
            let answer = card.0.transmit(&command);
            prop_assert!(answer.len() >= 2, "{command:02X?}");
            let first = answer[answer.len() - 2];
            prop_assert!(matches!(first, 0x61..=0x6F | 0x90), "{first:02X}");
        }
    }
}

/// Whatever is cut where, the next power-up finds each thing as before or as it was to be.
#[test]
fn a_power_cut_at_any_write_leaves_what_was_or_what_was_to_be() {
    let passcodes = [field(USER), field(b"24682468")].concat();
    let acts = [
        command_of("00240001", &passcodes),
        command_of("002C0201", &field(b"24682468")),
        command_of("00E00000", &hex::decode(files::TEMPLATE).unwrap()),
        command_of("00E40200", &[0xB0, 0x01]),
        command_of("00D60000", &[0x5A; 8]),
        command_of("00DB3FFF", &hex::decode(keys::CREATE).unwrap()),
    ];
    for act in acts {
        let mut whole = ready();
        let start = contents(&whole.0);
        assert_eq!(whole.exchange(&act).1, 0x9000, "{act:02X?}");
        let end = contents(&whole.0);
        assert_ne!(start, end);
        let mut cuts = 0;
        for number in 1.. {
            let mut card = ready();
            card.0
                .set_write_hook(Some(Box::new(move |write: &Write<'_>| {
                    match write.number == number {
                        true => Fate::Tear {
                            after: write.length / 2,
                        },
                        false => Fate::Commit,
                    }
                })));
            if !card.0.transmit(&act).is_empty() {
                break;
            }
            cuts += 1;
            card.0.set_write_hook(None);
            assert!(!card.0.power_on().is_empty());
            for (cell, value) in contents(&card.0) {
                let is_in = |cells: &[(Cell, Vec<u8>)]| cells.contains(&(cell, value.clone()));
                // A counter of tries may stand one lower, for the passcode as it was.
                let counted = matches!(cell, Cell::Credential(_))
                    && start
                        .iter()
                        .any(|(of, old)| *of == cell && old[1..] == value[1..]);
                assert!(is_in(&start) || is_in(&end) || counted, "{cell:?}");
            }
        }
        assert!(cuts > 0, "{act:02X?}");
    }
}

/// The holder and the officer verified, and the change stamp selected.
fn ready() -> Card {
    let mut card = Card::personalised();
    assert_eq!(card.verify(1, USER), 0x9000);
    assert_eq!(card.verify(2, OFFICER), 0x9000);
    assert_eq!(card.select("50159999"), 0x9000);
    card
}

fn contents(chip: &AuthenticChip) -> Vec<(Cell, Vec<u8>)> {
    chip.memory()
        .cells()
        .map(|(cell, value)| (cell, value.to_vec()))
        .collect()
}
