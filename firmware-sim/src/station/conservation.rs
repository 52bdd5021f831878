//! Whatever happens at a station, no card is lost, doubled or spoken to in the wrong place.

use std::collections::BTreeMap;
use std::time::Duration;

use iso7816::{LinkError, Reader};
use proptest::prelude::*;
use serde::Deserialize;

use super::tests::{ambient, chip};
use super::*;
use crate::printer::{Counters, Mishap, Motion, PrintedSide, Side};

const FIRST: u64 = 300;
const BLANKS: u64 = 6;

#[derive(Clone, Debug)]
enum Deed {
    Draw,
    Standby,
    Contacts,
    Release,
    Antenna,
    PrintHead,
    Flip,
    PrintSide(bool),
    Print(bool, bool, u32),
    Eject,
    Reject,
    Clean,
    Script(Scripted),
    Strike(Trouble),
    Clear,
    Retry,
    Cancel,
    PowerCycle,
    Restart,
    TakeOut(u64),
    Load(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    let scripted = any::<proptest::sample::Index>().prop_map(|index| {
        let mut all = Vec::new();
        let mishaps = Trouble::ALL.map(Mishap::from).into_iter();
        for mishap in mishaps.chain([Mishap::Mute, Mishap::OtherModel]) {
            for motion in Motion::ALL.into_iter().filter(|at| mishap.fits(*at)) {
                all.push(Scripted {
                    motion,
                    card: None,
                    mishap,
                });
            }
        }
        Deed::Script(*index.get(&all))
    });
    prop_oneof![
        2 => Just(Deed::Draw),
        1 => Just(Deed::Standby),
        4 => Just(Deed::Contacts),
        1 => Just(Deed::Release),
        1 => Just(Deed::Antenna),
        1 => Just(Deed::PrintHead),
        2 => Just(Deed::Flip),
        2 => any::<bool>().prop_map(Deed::PrintSide),
        2 => (any::<bool>(), any::<bool>(), 0..3_u32)
            .prop_map(|(front, back, copies)| Deed::Print(front, back, copies)),
        3 => Just(Deed::Eject),
        2 => Just(Deed::Reject),
        1 => Just(Deed::Clean),
        6 => scripted,
        1 => proptest::sample::select(&Trouble::ALL[..]).prop_map(Deed::Strike),
        4 => Just(Deed::Clear),
        3 => Just(Deed::Retry),
        1 => Just(Deed::Cancel),
        1 => Just(Deed::PowerCycle),
        3 => Just(Deed::Restart),
        1 => (FIRST..FIRST + BLANKS).prop_map(Deed::TakeOut),
        1 => (1..3_u64).prop_map(Deed::Load),
    ]
}

/// The state file, read by somebody else than the transport.
#[derive(Deserialize)]
struct Written {
    next: u64,
    left: u64,
    counters: Counters,
    cards: BTreeMap<u64, Place>,
    other_model: Vec<u64>,
}

fn open(folder: &std::path::Path) -> SimStation {
    let mut config = Config {
        state: Some(folder.to_owned()),
        first: FIRST,
        ..Config::new("sim:test", BLANKS, ambient())
    };
    config.printer.antenna = true;
    config.printer.reject_tray = true;
    config.printer.film_sides = 5;
    config.printer.output_capacity = Some(3);
    SimStation::open_mixed(config, chip, |number| chip(1000 + number)).unwrap()
}

fn do_it(station: &SimStation, deed: &Deed) {
    let side = || Arc::new(PrintedSide::default());
    let mut machine = station.printer().machine();
    // Trouble is what this is about: it is no failure of the test.
    let _: Result<(), Trouble> = match deed {
        Deed::Draw => machine.draw().map(drop),
        Deed::Standby => machine.to_standby(),
        Deed::Contacts => machine.to_contacts(),
        Deed::Release => machine.release_contacts(),
        Deed::Antenna => machine.to_antenna(),
        Deed::PrintHead => machine.to_print_head(),
        Deed::Flip => machine.flip(),
        Deed::PrintSide(front) => {
            let up = if *front { Side::Front } else { Side::Back };
            machine.print_side(up, side())
        }
        Deed::Print(front, back, copies) => {
            machine.print(front.then(side), back.then(side), *copies)
        }
        Deed::Eject => machine.eject(),
        Deed::Reject => machine.reject(),
        Deed::Clean => machine.clean(),
        Deed::Retry => machine.retry(),
        Deed::Cancel => machine.cancel(),
        Deed::Script(scripted) => {
            machine.script(*scripted);
            Ok(())
        }
        Deed::Strike(trouble) => {
            machine.fail(*trouble);
            Ok(())
        }
        Deed::Clear => {
            machine.clear().unwrap();
            Ok(())
        }
        Deed::PowerCycle => {
            machine.power_cycle();
            Ok(())
        }
        Deed::Load(count) => {
            machine.transport_mut().load(*count).unwrap();
            Ok(())
        }
        Deed::TakeOut(number) => {
            machine.transport_mut().take_out(*number).unwrap();
            Ok(())
        }
        Deed::Restart => Ok(()),
    };
}

/// Every card that ever was, and where it is.
fn places(station: &SimStation, total: u64) -> Vec<Place> {
    (FIRST..FIRST + total)
        .map(|number| station.place_of(number).expect("no card is lost"))
        .collect()
}

fn check(station: &SimStation, folder: &std::path::Path, total: u64) -> Result<(), TestCaseError> {
    let places = places(station, total);
    prop_assert_eq!(station.place_of(FIRST + total), None);
    let inside = places.iter().filter(|place| place.is_inside()).count();
    prop_assert!(inside <= 1);
    let machine = station.printer().machine();
    let transport = machine.transport();
    let in_hopper = places.iter().filter(|place| **place == Place::Hopper);
    prop_assert_eq!(in_hopper.count() as u64, transport.left());

    // The chip can be reached exactly while its card lies on the contacts, front up and touched.
    let on_contacts = transport
        .inside()
        .filter(|(_, place)| *place == Place::Contacts);
    let touched = transport
        .log()
        .iter()
        .rev()
        .find_map(|entry| match entry.movement {
            Movement::ContactsClosed { .. } => Some(true),
            Movement::ContactsMissed { .. } => Some(false),
            _ => None,
        });
    let mut contacts = station.contacts();
    prop_assert_eq!(contacts.insertion().is_some(), on_contacts.is_some());
    match (on_contacts, contacts.connect(Duration::ZERO)) {
        (Some((number, _)), Ok(mut link)) => {
            prop_assert_eq!(touched, Some(true));
            prop_assert_eq!(transport.facing(), Side::Front);
            let answer = link.transmit(&[0; 4]).unwrap();
            let answered = u64::from_be_bytes(answer[..8].try_into().unwrap());
            let other = transport
                .log()
                .iter()
                .any(|entry| entry.movement == Movement::OtherModel { number });
            // A restart forgets the log and not what the card is.
            prop_assert!(answered == number || answered == number + 1000);
            prop_assert!(!other || answered == number + 1000);
        }
        (Some(_), Err(error)) => {
            prop_assert!(matches!(error, LinkError::CardMute { .. }), "{}", error);
            prop_assert_eq!(touched, Some(false));
        }
        (None, outcome) => prop_assert!(outcome.is_err()),
    }

    let text = std::fs::read(folder.join("station.json")).unwrap();
    let written: Written = serde_json::from_slice(&text).unwrap();
    prop_assert_eq!(written.left, transport.left());
    prop_assert_eq!(written.next + written.left, FIRST + total);
    prop_assert_eq!(written.counters, transport.counters());
    let drawn: BTreeMap<u64, Place> = (FIRST..)
        .zip(&places)
        .filter(|(_, place)| **place != Place::Hopper)
        .map(|(number, place)| (number, *place))
        .collect();
    prop_assert_eq!(written.cards, drawn);
    prop_assert!(
        written
            .other_model
            .iter()
            .all(|number| *number < written.next)
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_card_is_ever_lost_or_in_two_places(
        deeds in proptest::collection::vec(deed(), 1..40)
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut station = open(folder.path());
        let mut total = BLANKS;
        for deed in &deeds {
            if let Deed::Restart = deed {
                let before = places(&station, total);
                let counters = station.printer().machine().counters();
                drop(station);
                station = open(folder.path());
                prop_assert_eq!(places(&station, total), before);
                prop_assert_eq!(station.printer().machine().counters(), counters);
            } else {
                do_it(&station, deed);
            }
            if let Deed::Load(count) = deed {
                total += count;
            }
            check(&station, folder.path(), total)?;
        }
    }
}
