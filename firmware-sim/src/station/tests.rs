use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ground::Virtual;
use iso7816::{Link, LinkError, Reader};
use plastic::{Raster, Separation};
use printers::magicard::{Enduro, Profile};
use printers::{CardPosition, FaultKind, Job, Position, Printer, PrinterError, Readiness};

use super::*;
use crate::printer::{FAULT_TABLE, Motion, Movement, Side};

/// A chip that answers its number, and counts how often it was powered up.
struct Numbered {
    number: u64,
    powered: bool,
}

impl Chip for Numbered {
    fn power_on(&mut self) -> Vec<u8> {
        self.powered = true;
        vec![0x3B, 0x00]
    }

    fn power_off(&mut self) {
        self.powered = false;
    }

    fn transmit(&mut self, _command: &[u8]) -> Vec<u8> {
        assert!(self.powered);
        [&self.number.to_be_bytes()[..], &[0x90, 0x00]].concat()
    }
}

fn ambient() -> Arc<dyn Ambient> {
    Arc::new(Virtual::new(7))
}

fn chip(number: u64) -> Result<Box<dyn Chip>, ChipError> {
    Ok(Box::new(Numbered {
        number,
        powered: false,
    }))
}

fn station(blanks: u64) -> SimStation {
    SimStation::open(Config::new("sim:test", blanks, ambient()), chip).unwrap()
}

fn profile() -> Profile {
    Profile::enduro().with_faults(FAULT_TABLE).unwrap()
}

fn driver(station: &SimStation) -> Enduro<SimConnection> {
    Enduro::open(station.printer_connection(), profile(), ambient()).unwrap()
}

fn job() -> Job {
    let mut picture = Raster::white(plastic::WIDTH, plastic::HEIGHT);
    picture.set(10, 20, [0; 3]);
    Job {
        front: Some(Separation::of_pure_black(&picture)),
        back: None,
        overcoat: true,
        copies: 1,
    }
}

fn number_on(link: &mut dyn Link) -> u64 {
    let answer = link.transmit(&[0, 0, 0, 0]).unwrap();
    u64::from_be_bytes(answer[..8].try_into().unwrap())
}

fn fault(error: PrinterError) -> FaultKind {
    match error {
        PrinterError::Faulted { fault, .. } => fault.kind,
        other => panic!("{other}"),
    }
}

#[test]
fn a_card_can_be_spoken_to_only_while_the_printer_holds_it_on_the_contacts() {
    let station = station(3);
    let mut printer = driver(&station);
    let mut reader = station.contacts();
    let error = reader.connect(Duration::ZERO).map(drop).unwrap_err();
    assert!(matches!(error, LinkError::NoCard { .. }));
    printer.feed(Position::Contacts).unwrap();
    let mut link = reader.connect(Duration::ZERO).unwrap();
    assert_eq!(number_on(&mut *link), 1);
    printer.print(&job()).unwrap();
    let error = link.transmit(&[0, 0, 0, 0]).unwrap_err();
    assert!(matches!(error, LinkError::CardRemoved { .. }));
    let movements: Vec<_> = station.log().iter().map(|entry| entry.movement).collect();
    let moved = |from, to| Movement::Moved {
        number: 1,
        from,
        to,
    };
    assert_eq!(
        movements,
        [
            Movement::Loaded { count: 3 },
            moved(Place::Hopper, Place::Standby),
            moved(Place::Standby, Place::Contacts),
            Movement::ContactsClosed { number: 1 },
            Movement::ContactsOpened { number: 1 },
            moved(Place::Contacts, Place::Standby),
            moved(Place::Standby, Place::PrintHead),
            Movement::Printed {
                number: 1,
                side: Side::Front
            },
            moved(Place::PrintHead, Place::Output),
        ]
    );
}

#[test]
fn a_job_while_the_card_is_on_the_contacts_opens_them_before_it_moves() {
    let station = station(3);
    driver(&station).feed(Position::Contacts).unwrap();
    // Another driver knows nothing of the card and sends its job at once.
    let mut profile = profile();
    profile.commands.release_contacts.value.clear();
    let mut other = Enduro::open(station.printer_connection(), profile, ambient()).unwrap();
    other.print(&job()).unwrap();
    let log = station.log();
    let at = |wanted: Movement| log.iter().position(|entry| entry.movement == wanted);
    let opened = at(Movement::ContactsOpened { number: 1 }).unwrap();
    let moved = at(Movement::Moved {
        number: 1,
        from: Place::Contacts,
        to: Place::Standby,
    });
    assert!(opened < moved.unwrap());
    assert_eq!(station.place_of(1), Some(Place::Output));
}

#[test]
fn every_card_is_drawn_once_and_an_empty_hopper_is_reported() {
    let station = station(2);
    let mut printer = driver(&station);
    for number in 1..=2 {
        printer.feed(Position::Contacts).unwrap();
        let mut link = station.contacts().connect(Duration::ZERO).unwrap();
        assert_eq!(number_on(&mut *link), number);
        printer.eject().unwrap();
        assert_eq!(station.place_of(number), Some(Place::Output));
    }
    assert_eq!(
        fault(printer.feed(Position::Contacts).unwrap_err()),
        FaultKind::HopperEmpty
    );
    station.clear().unwrap();
    assert!(matches!(
        printer.status().unwrap().readiness,
        Readiness::Faulted(_)
    ));
    station.load(1).unwrap();
    station.clear().unwrap();
    printer.feed(Position::Contacts).unwrap();
    assert_eq!(station.inside(), Some((3, Place::Contacts)));
}

#[test]
fn each_trouble_is_reported_in_the_drivers_words_and_can_be_dealt_with() {
    for (script, kind, place) in [
        (
            "draw:card-not-drawn-in",
            FaultKind::CardNotFed,
            Place::Hopper,
        ),
        ("draw:jam", FaultKind::CardJam, Place::Standby),
        ("contacts:1:jam", FaultKind::CardJam, Place::Standby),
        ("contacts:cover-open", FaultKind::CoverOpen, Place::Standby),
        ("print:film-out", FaultKind::FilmOut, Place::Standby),
        ("eject:jam", FaultKind::CardJam, Place::PrintHead),
    ] {
        let station = station(2);
        let mut printer = driver(&station);
        station.script(script.parse().unwrap());
        let outcome = printer
            .feed(Position::Contacts)
            .and_then(|()| printer.print(&job()).map(drop));
        assert_eq!(fault(outcome.unwrap_err()), kind, "{script}");
        assert_eq!(station.place_of(1), Some(place), "{script}");
        assert_eq!(station.contacts().insertion(), None, "{script}");
        // Nothing moves until somebody has dealt with it.
        assert_eq!(fault(printer.feed(Position::Contacts).unwrap_err()), kind);
        station.clear().unwrap();
        printer.feed(Position::Contacts).unwrap();
        let expected = if kind == FaultKind::CardJam { 2 } else { 1 };
        assert_eq!(
            station.inside(),
            Some((expected, Place::Contacts)),
            "{script}"
        );
    }
}

#[test]
fn a_silent_printer_is_a_timeout_and_the_card_position_unknown() {
    let station = station(2);
    let mut printer = driver(&station);
    station.script(Scripted {
        motion: Motion::Print,
        card: None,
        mishap: Trouble::Silent.into(),
    });
    let error = printer.print(&job()).unwrap_err();
    assert!(matches!(error, PrinterError::Timeout { .. }), "{error}");
    station.clear().unwrap();
    assert_eq!(printer.status().unwrap().card, CardPosition::Unknown);
}

#[test]
fn a_restart_finds_every_card_where_it_was_and_no_number_is_drawn_twice() {
    let folder = tempfile::tempdir().unwrap();
    let made = Arc::new(AtomicU64::new(0));
    let open = || {
        let made = Arc::clone(&made);
        let config = Config {
            state: Some(folder.path().to_owned()),
            first: 500,
            ..Config::new("sim:test", 5, ambient())
        };
        SimStation::open(config, move |number| {
            made.fetch_add(1, Ordering::Relaxed);
            chip(number)
        })
        .unwrap()
    };
    let station = open();
    let mut printer = driver(&station);
    printer.print(&job()).unwrap();
    printer.feed(Position::Contacts).unwrap();
    drop((station, printer));

    // As after a kill: the card lies on the contacts still, and can be spoken to.
    let station = open();
    assert_eq!(station.inside(), Some((501, Place::Contacts)));
    let mut link = station.contacts().connect(Duration::ZERO).unwrap();
    assert_eq!(number_on(&mut *link), 501);
    drop(link);
    let mut printer = driver(&station);
    assert_eq!(printer.status().unwrap().film.unwrap().remaining, Some(299));
    printer.eject().unwrap();
    printer.feed(Position::Contacts).unwrap();
    assert_eq!(station.inside(), Some((502, Place::Contacts)));
    assert_eq!(station.place_of(500), Some(Place::Output));
    assert_eq!(station.place_of(501), Some(Place::Output));
    // 500 was only printed: its chip was never needed.
    assert_eq!(made.load(Ordering::Relaxed), 3);
}

#[test]
fn a_card_taken_out_is_the_card_that_was_on_the_contacts() {
    let station = station(2);
    let mut printer = driver(&station);
    printer.feed(Position::Contacts).unwrap();
    printer.eject().unwrap();
    let mut chip = station.take(1).unwrap().unwrap();
    chip.power_on();
    assert_eq!(chip.transmit(&[])[7], 1);
    assert_eq!(station.place_of(1), Some(Place::TakenOut));
    assert!(station.take(2).unwrap().is_none());
}

#[test]
fn a_chip_that_cannot_be_made_is_told_with_its_reason() {
    let config = Config::new("sim:test", 2, ambient());
    let station = SimStation::open(config, |_| Err("the disk is full".into())).unwrap();
    let mut printer = driver(&station);
    let error = printer.feed(Position::Contacts).unwrap_err();
    assert!(error.to_string().contains("the disk is full"), "{error}");
}
