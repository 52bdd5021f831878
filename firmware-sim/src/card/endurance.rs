//! Properties that hold for any bytes and any power failure.

use std::sync::{Arc, Mutex, PoisonError};

use ::piv::secure_messaging::{CipherSuite, HostEphemeral, Session};
use ::piv::words::{KeyReference, ObjectId, PinReference};
use iso7816::{Command, Instruction, Response};
use proptest::prelude::*;

use super::cipher::BlockKey;
use super::keys::PrivateKey;
use super::nvm::{Cell, Fate, Write};
use super::{Condition, Model, PivChip};
use crate::contacts::Chip;

const SELECT: [u8; 15] = [0, 0xA4, 4, 0, 9, 0xA0, 0, 0, 3, 8, 0, 0, 0x10, 0, 0];

/// What a host does, as far as it changes what a card remembers.
#[derive(Clone, Debug)]
enum Act {
    Verify(Pin),
    Change(Pin, Pin),
    ChangePuk(bool),
    Unblock(bool, Pin),
    Authenticate,
    SetManagementKey(u8),
    Put(u8, usize),
    Generate,
    GenerateSecured,
    PutCertificate(u8),
    VerifySecured(Pin),
    ChangeSecured(Pin, Pin),
    Challenge,
    Reset,
}

#[derive(Clone, Copy, Debug)]
enum Pin {
    First,
    Second,
    Wrong,
}

impl Pin {
    fn bytes(self) -> &'static [u8; 8] {
        match self {
            Self::First => b"123456\xFF\xFF",
            Self::Second => b"87654321",
            Self::Wrong => b"000000\xFF\xFF",
        }
    }
}

fn pins() -> impl Strategy<Value = Pin> {
    prop_oneof![Just(Pin::First), Just(Pin::Second), Just(Pin::Wrong)]
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => pins().prop_map(Act::Verify),
        2 => (pins(), pins()).prop_map(|(old, new)| Act::Change(old, new)),
        1 => any::<bool>().prop_map(Act::ChangePuk),
        2 => (any::<bool>(), pins()).prop_map(|(right, new)| Act::Unblock(right, new)),
        3 => Just(Act::Authenticate),
        1 => any::<u8>().prop_map(Act::SetManagementKey),
        2 => (any::<u8>(), 0_usize..300).prop_map(|(fill, size)| Act::Put(fill, size)),
        1 => Just(Act::Generate),
        1 => Just(Act::GenerateSecured),
        1 => any::<u8>().prop_map(Act::PutCertificate),
        2 => pins().prop_map(Act::VerifySecured),
        2 => (pins(), pins()).prop_map(|(old, new)| Act::ChangeSecured(old, new)),
        1 => Just(Act::Challenge),
        1 => Just(Act::Reset),
    ]
}

/// Plays one act; whether the card carried it out, `None` when it went mute.
fn play(chip: &mut PivChip, act: &Act) -> Option<bool> {
    let send = |chip: &mut PivChip, header: [u8; 4], data: &[u8]| {
        let mut command = header.to_vec();
        command.push(u8::try_from(data.len()).unwrap());
        command.extend_from_slice(data);
        let answer = chip.transmit(&command);
        (!answer.is_empty()).then_some(answer)
    };
    let ok = |answer: Vec<u8>| matches!(answer[answer.len() - 2], 0x90 | 0x61);
    Some(match act {
        Act::Verify(pin) => ok(send(chip, [0, 0x20, 0, 0x80], pin.bytes())?),
        Act::Change(old, new) => ok(send(
            chip,
            [0, 0x24, 0, 0x80],
            &[*old.bytes(), *new.bytes()].concat(),
        )?),
        Act::ChangePuk(right) => {
            let old = if *right { b"12345678" } else { b"wrongpuk" };
            ok(send(
                chip,
                [0, 0x24, 0, 0x81],
                &[*old, *b"12345678"].concat(),
            )?)
        }
        Act::Unblock(right, new) => {
            let puk = if *right { b"12345678" } else { b"wrongpuk" };
            ok(send(
                chip,
                [0, 0x2C, 0, 0x80],
                &[*puk, *new.bytes()].concat(),
            )?)
        }
        Act::Authenticate => {
            let cell = chip.memory().get(Cell::Key(KeyReference::Administration));
            let key = BlockKey::from_cell(cell.unwrap()).unwrap();
            let p1 = key.algorithm().byte();
            let asked = chip.transmit(&[0, 0x87, p1, 0x9B, 4, 0x7C, 2, 0x81, 0, 0]);
            if asked.is_empty() {
                return None;
            }
            let response = key.encrypt(&asked[4..20]);
            let template = [&[0x7C, 0x12, 0x82, 0x10][..], &response].concat();
            ok(send(chip, [0, 0x87, p1, 0x9B], &template)?)
        }
        Act::SetManagementKey(fill) => {
            let data = [&[0x0C, 0x9B, 0x20][..], &[*fill; 32]].concat();
            ok(send(chip, [0, 0xFF, 0xFF, 0xFF], &data)?)
        }
        Act::Put(fill, size) => {
            let content = vec![*fill; *size];
            let [high, low] = u16::try_from(*size).unwrap().to_be_bytes();
            let data = [
                &[0x5C, 3, 0x5F, 0xC1, 0x02, 0x53, 0x82, high, low][..],
                &content,
            ]
            .concat();
            let (first, last) = data.split_at(data.len() / 2);
            send(chip, [0x10, 0xDB, 0x3F, 0xFF], first)?;
            ok(send(chip, [0, 0xDB, 0x3F, 0xFF], last)?)
        }
        Act::Generate => ok(send(chip, [0, 0x47, 0, 0x9A], &[0xAC, 3, 0x80, 1, 0x11])?),
        Act::GenerateSecured => ok(send(chip, [0, 0x47, 0, 0x04], &[0xAC, 3, 0x80, 1, 0x27])?),
        // The host takes no such certificate for one.
        Act::PutCertificate(fill) => ok(send(
            chip,
            [0, 0xDB, 0x3F, 0xFF],
            &[0x7F, 0x21, 0x01, *fill],
        )?),
        Act::VerifySecured(pin) => secured(chip, Instruction::VERIFY, pin.bytes())?,
        Act::ChangeSecured(old, new) => secured(
            chip,
            Instruction::CHANGE_REFERENCE_DATA,
            &[*old.bytes(), *new.bytes()].concat(),
        )?,
        Act::Challenge => {
            let answer = chip.transmit(&[0, 0x87, 0x0A, 0x9B, 4, 0x7C, 2, 0x81, 0, 0]);
            if answer.is_empty() {
                return None;
            }
            ok(answer)
        }
        Act::Reset => {
            chip.power_off();
            start(chip);
            true
        }
    })
}

/// A session of its own for one command about the PIN.
fn secured(chip: &mut PivChip, instruction: Instruction, data: &[u8]) -> Option<bool> {
    match establish(chip)? {
        Some(mut session) => secured_in(&mut session, chip, instruction, data),
        None => Some(false),
    }
}

/// `Some(None)` when the card has no key 04 that the host would agree with.
fn establish(chip: &mut PivChip) -> Option<Option<Session>> {
    let host = HostEphemeral::from_scalar(CipherSuite::Cs2, &[7; 32]).unwrap();
    let answer = chip.transmit(&host.command().to_short().unwrap());
    let response = Response::parse(&answer).ok()?;
    Some(host.establish(&response, None).ok().map(|it| it.session))
}

fn secured_in(
    session: &mut Session,
    chip: &mut PivChip,
    instruction: Instruction,
    data: &[u8],
) -> Option<bool> {
    let plain = Command::new(0x00, instruction, 0x00, 0x80).with_data(data);
    let protected = session.protect(&plain).unwrap();
    let answer = chip.transmit(&protected.to_short().unwrap());
    let response = Response::parse(&answer).ok()?;
    Some(session.unprotect(&response).unwrap().status.is_ok())
}

fn start(chip: &mut PivChip) {
    assert!(
        !chip.power_on().is_empty(),
        "a card always answers to reset"
    );
    assert!(chip.transmit(&SELECT).ends_with(&[0x90, 0x00]));
}

type Snapshot = Vec<(Cell, Vec<u8>)>;

fn snapshot(chip: &PivChip) -> Snapshot {
    chip.memory()
        .cells()
        // How many random streams were begun is nobody's data.
        .filter(|(cell, _)| *cell != Cell::RandomStreams)
        .map(|(cell, value)| (cell, value.to_vec()))
        .collect()
}

fn tries(snapshot: &Snapshot, reference: PinReference) -> u8 {
    snapshot
        .iter()
        .find(|(cell, _)| *cell == Cell::Tries(reference))
        .map_or(0, |(_, value)| value[0])
}

/// A card that went through `acts`, with what it held before the last of them, and after it when
/// nothing goes wrong; and how many writes that last one takes.
fn before_and_after(condition: Condition, acts: &[Act]) -> (Snapshot, Snapshot, u64) {
    let (last, first) = acts.split_last().unwrap();
    let mut chip = PivChip::new(&Model::series10(), 3, condition);
    start(&mut chip);
    for act in first {
        play(&mut chip, act).unwrap();
    }
    let before = snapshot(&chip);
    let writes = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&writes);
    chip.set_write_hook(Some(Box::new(move |write: &Write<'_>| {
        *counted.lock().unwrap_or_else(PoisonError::into_inner) = write.number;
        Fate::Commit
    })));
    play(&mut chip, last).unwrap();
    let count = *writes.lock().unwrap_or_else(PoisonError::into_inner);
    (before, snapshot(&chip), count)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The power fails at every write of the last act, before it, in it and after it.
    #[test]
    fn a_power_failure_at_any_write_leaves_each_value_old_or_new(
        condition in prop_oneof![Just(Condition::Blank), Just(Condition::Personalised)],
        acts in proptest::collection::vec(acts(), 1..8),
        tear in 1_usize..60,
    ) {
        let (before, after, writes) = before_and_after(condition, &acts);
        let (last, first) = acts.split_last().unwrap();
        for number in 1..=writes {
            for fate in [Fate::Lose, Fate::Tear { after: tear }, Fate::Tear { after: usize::MAX }] {
                let mut chip = PivChip::new(&Model::series10(), 3, condition);
                start(&mut chip);
                for act in first {
                    play(&mut chip, act).unwrap();
                }
                chip.set_write_hook(Some(Box::new(move |write: &Write<'_>| {
                    if write.number == number { fate } else { Fate::Commit }
                })));
                prop_assert_eq!(play(&mut chip, last), None, "mute after the cut");
                prop_assert_eq!(chip.transmit(&SELECT), Vec::<u8>::new(), "and until the reset");
                chip.set_write_hook(None);
                start(&mut chip);
                let found = snapshot(&chip);

                // Nothing appears that is neither old nor new, but for counters on their way down.
                for (cell, value) in &found {
                    let old = before.iter().find(|(known, _)| known == cell).map(|(_, value)| value);
                    let new = after.iter().find(|(known, _)| known == cell).map(|(_, value)| value);
                    let on_its_way = matches!(cell, Cell::Tries(_))
                        && old.is_some_and(|old| value[0] + 1 == old[0]);
                    prop_assert!(Some(value) == old || Some(value) == new || on_its_way, "{:?}", cell);
                }
                // Nothing is lost.
                for (cell, _) in &before {
                    prop_assert!(found.iter().any(|(known, _)| known == cell), "{:?}", cell);
                }
                // A counter rises only where the act would have succeeded.
                for reference in [PinReference::Application, PinReference::Unblocking] {
                    let (old, new) = (tries(&before, reference), tries(&after, reference));
                    prop_assert!(tries(&found, reference) <= old.max(new));
                }
                // A new key 04 never comes with the certificate of the old one.
                let cell = |snapshot: &Snapshot, cell| {
                    snapshot
                        .iter()
                        .find(|(known, _)| *known == cell)
                        .map(|(_, value)| value.clone())
                };
                let key = Cell::Key(KeyReference::SecureMessaging);
                if cell(&found, key) != cell(&before, key) {
                    prop_assert_eq!(cell(&found, Cell::Certificate), Some(Vec::new()));
                }
                // A PIN and its counter change together: a new PIN never comes with used-up tries.
                let pin = Cell::Reference(PinReference::Application);
                if cell(&found, pin) != cell(&before, pin) {
                    prop_assert_eq!(tries(&found, PinReference::Application), 3);
                }
                // What keys there are can be used, and the card does its work again.
                for (cell, value) in &found {
                    if let Cell::Key(reference) = cell {
                        let usable = match reference {
                            KeyReference::Administration => BlockKey::from_cell(value).is_some(),
                            _ => PrivateKey::from_cell(value).is_some(),
                        };
                        prop_assert!(usable);
                    }
                }
                prop_assert_eq!(play(&mut chip, &Act::Authenticate), Some(true));
                prop_assert_eq!(play(&mut chip, &Act::Put(1, 10)), Some(true));
            }
        }
    }
}

/// The first thing a comparison writes is that a try was used, whatever will come of it: cutting
/// the power tells right from wrong only at the price of the try.
#[test]
fn a_try_is_counted_in_memory_before_the_comparison() {
    let pin = PinReference::Application;
    let puk = PinReference::Unblocking;
    for (act, reference) in [
        (Act::Verify(Pin::First), pin),
        (Act::Verify(Pin::Wrong), pin),
        (Act::Change(Pin::First, Pin::Second), pin),
        (Act::Change(Pin::Wrong, Pin::Second), pin),
        (Act::Unblock(true, Pin::Second), puk),
        (Act::Unblock(false, Pin::Second), puk),
    ] {
        let mut chip = PivChip::blank(&Model::series10(), 3);
        start(&mut chip);
        let before = tries(&snapshot(&chip), reference);
        chip.set_write_hook(Some(Box::new(|_: &Write<'_>| Fate::Tear {
            after: usize::MAX,
        })));
        assert_eq!(play(&mut chip, &act), None);
        chip.set_write_hook(None);
        start(&mut chip);
        assert_eq!(tries(&snapshot(&chip), reference), before - 1, "{act:?}");
    }
}

/// The same under secure messaging; and the session is gone with the power.
#[test]
fn a_try_under_secure_messaging_is_counted_in_memory_before_the_comparison() {
    for pin in [Pin::First, Pin::Wrong] {
        let mut chip = PivChip::personalised(&Model::series10(), 3);
        start(&mut chip);
        let mut session = establish(&mut chip).unwrap().unwrap();
        chip.set_write_hook(Some(Box::new(|_: &Write<'_>| Fate::Tear {
            after: usize::MAX,
        })));
        let verify = Instruction::VERIFY;
        assert_eq!(
            secured_in(&mut session, &mut chip, verify, pin.bytes()),
            None
        );
        chip.set_write_hook(None);
        start(&mut chip);
        assert_eq!(
            tries(&snapshot(&chip), PinReference::Application),
            2,
            "{pin:?}"
        );
        let protected = [&[0x0C, 0x20, 0, 0x80, 0x0A, 0x8E, 0x08][..], &[0; 9]].concat();
        assert_eq!(chip.transmit(&protected), [0x69, 0x82]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_answered_with_at_least_a_status_word(
        commands in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..12),
        personalised: bool,
    ) {
        let model = Model::series9();
        let mut chip = if personalised {
            PivChip::personalised(&model, 1)
        } else {
            PivChip::blank(&model, 1)
        };
        chip.power_on();
        for command in commands {
            prop_assert!(chip.transmit(&command).len() >= 2);
        }
    }

    /// Bytes that get further in: known instructions, likely parameters and template tags.
    #[test]
    fn likely_bytes_are_answered_with_at_least_a_status_word(
        commands in proptest::collection::vec(likely(), 1..30),
    ) {
        let mut chip = PivChip::personalised(&Model::series9(), 1);
        chip.power_on();
        play(&mut chip, &Act::Verify(Pin::First)).unwrap();
        play(&mut chip, &Act::Authenticate).unwrap();
        for command in commands {
            let asked = command.len();
            let answer = chip.transmit(&command);
            prop_assert!(answer.len() >= 2, "{} bytes", asked);
        }
    }
}

fn likely() -> impl Strategy<Value = Vec<u8>> {
    let byte = |choices: &'static [u8]| proptest::sample::select(choices);
    (
        byte(&[0x00, 0x00, 0x00, 0x10, 0x0C, 0x80]),
        byte(&[
            0xA4, 0xCB, 0x20, 0x24, 0x2C, 0x87, 0xDB, 0x47, 0xC0, 0xFF, 0xCA,
        ]),
        byte(&[0x00, 0x04, 0x3F, 0xFF, 0x11, 0x14, 0x0A]),
        byte(&[0x00, 0xFF, 0x80, 0x81, 0x9A, 0x9B, 0x9C, 0x9D, 0x9E, 0x82]),
        proptest::collection::vec(
            prop_oneof![
                byte(&[
                    0x7C, 0x5C, 0x53, 0x80, 0x81, 0x82, 0x85, 0xAC, 0x00, 0x02, 0x11, 0x20, 0x7E
                ]),
                any::<u8>(),
            ],
            0..60,
        ),
        proptest::option::of(any::<u8>()),
    )
        .prop_map(|(class, instruction, p1, p2, data, le)| {
            let mut command = vec![class, instruction, p1, p2];
            if !data.is_empty() {
                command.push(u8::try_from(data.len()).unwrap());
                command.extend(data);
            }
            command.extend(le);
            command
        })
}

#[test]
fn the_same_number_and_commands_give_the_same_answers() {
    let run = |number| {
        let mut chip = PivChip::blank(&Model::series10(), number);
        start(&mut chip);
        let mut answers = vec![chip.transmit(&[0, 0x87, 0x0A, 0x9B, 4, 0x7C, 2, 0x81, 0, 0])];
        play(&mut chip, &Act::Authenticate).unwrap();
        answers.push(chip.transmit(&[0, 0x47, 0, 0x9A, 5, 0xAC, 3, 0x80, 1, 0x11, 0]));
        answers
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn challenges_do_not_repeat_after_a_reset_or_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("card");
    let mut seen = Vec::new();
    for _ in 0..3 {
        let mut chip = PivChip::open(&path, &Model::series10(), 1, Condition::Blank).unwrap();
        for _ in 0..2 {
            start(&mut chip);
            let answer = chip.transmit(&[0, 0x87, 0x0A, 0x9B, 4, 0x7C, 2, 0x81, 0, 0]);
            assert!(!seen.contains(&answer));
            seen.push(answer);
        }
    }
}

#[test]
fn a_state_file_keeps_the_card_and_refuses_to_be_another() {
    use super::StateError;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("card");
    let model = Model::series10();
    assert!(PivChip::resume(&path).unwrap().is_none());
    {
        let mut chip = PivChip::open(&path, &model, 9, Condition::Personalised).unwrap();
        start(&mut chip);
        assert_eq!(
            play(&mut chip, &Act::Change(Pin::First, Pin::Second)),
            Some(true)
        );
        play(&mut chip, &Act::Verify(Pin::Wrong));
    }
    for wrong in [
        PivChip::open(&path, &model, 8, Condition::Blank),
        PivChip::open(&path, &Model::series9(), 9, Condition::Blank),
    ] {
        assert!(matches!(wrong, Err(StateError::OtherCard { .. })));
    }
    let mut chip = PivChip::resume(&path).unwrap().unwrap();
    assert_eq!((chip.number(), chip.model().name.as_str()), (9, "series10"));
    assert!(chip.object(ObjectId::Chuid.tag()).is_some());
    start(&mut chip);
    assert_eq!(chip.transmit(&[0, 0x20, 0, 0x80]), [0x63, 0xC2]);
    assert_eq!(play(&mut chip, &Act::Verify(Pin::Second)), Some(true));
}
