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

pub(super) fn ambient() -> Arc<dyn Ambient> {
    Arc::new(Virtual::new(7))
}

pub(super) fn chip(number: u64) -> Result<Box<dyn Chip>, ChipError> {
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

#[test]
fn contacts_that_miss_the_chip_find_a_mute_card_once() {
    let station = station(2);
    let mut printer = driver(&station);
    station.script("contacts:mute".parse().unwrap());
    printer.feed(Position::Contacts).unwrap();
    let mut reader = station.contacts();
    assert!(reader.card_present().unwrap());
    let error = reader.connect(Duration::ZERO).map(drop).unwrap_err();
    assert!(matches!(error, LinkError::CardMute { .. }), "{error}");
    let missed = Movement::ContactsMissed { number: 1 };
    assert!(station.log_of(1).contains(&missed));
    // The chip is unharmed: the same card answers once it is touched.
    printer.feed(Position::PrintHead).unwrap();
    printer.feed(Position::Contacts).unwrap();
    let mut link = reader.connect(Duration::ZERO).unwrap();
    assert_eq!(number_on(&mut *link), 1);
}

#[test]
fn a_card_of_another_model_is_that_card_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let config = Config {
            state: Some(folder.path().to_owned()),
            ..Config::new("sim:test", 3, ambient())
        };
        SimStation::open_mixed(config, chip, |number| chip(900 + number)).unwrap()
    };
    let station = open();
    station.script("draw:2:other-model".parse().unwrap());
    let mut printer = driver(&station);
    for number in [1, 902] {
        printer.feed(Position::Contacts).unwrap();
        let mut link = station.contacts().connect(Duration::ZERO).unwrap();
        assert_eq!(number_on(&mut *link), number);
        if number == 1 {
            printer.eject().unwrap();
        }
    }
    assert!(
        station
            .log_of(2)
            .contains(&Movement::OtherModel { number: 2 })
    );
    drop((station, printer));
    let station = open();
    let mut link = station.contacts().connect(Duration::ZERO).unwrap();
    assert_eq!(number_on(&mut *link), 902);
    drop(link);
    driver(&station).eject().unwrap();
    let mut chip = station.take(2).unwrap().unwrap();
    chip.power_on();
    assert_eq!(chip.transmit(&[])[6..8], 902_u16.to_be_bytes());
}

#[test]
fn without_a_second_model_another_card_is_one_nobody_knows() {
    let station = station(1);
    station.script("draw:other-model".parse().unwrap());
    driver(&station).feed(Position::Contacts).unwrap();
    let mut link = station.contacts().connect(Duration::ZERO).unwrap();
    assert_eq!(link.transmit(&[0, 0xA4, 4, 0]).unwrap(), [0x6D, 0x00]);
}

#[test]
fn a_turned_card_has_no_chip_under_the_contacts() {
    let station = station(1);
    let mut machine = station.printer().machine();
    machine.flip().unwrap();
    machine.to_contacts().unwrap();
    drop(machine);
    let error = station.contacts().connect(Duration::ZERO).map(drop);
    assert!(matches!(error, Err(LinkError::CardMute { .. })));
    let mut machine = station.printer().machine();
    machine.flip().unwrap();
    machine.to_contacts().unwrap();
    drop(machine);
    assert!(station.contacts().connect(Duration::ZERO).is_ok());
}

#[test]
fn movements_are_written_as_they_happen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("motions.jsonl");
    let station = station(2);
    let file = std::fs::File::create(&path).unwrap();
    station.write_log(Box::new(file)).unwrap();
    let mut printer = driver(&station);
    printer.feed(Position::Contacts).unwrap();
    let events = || -> Vec<String> {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.ends_with('\n'));
        text.lines()
            .map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                assert!(line["time"].is_string() && line["elapsed_ms"].is_u64());
                format!("{} {} {}", line["event"], line["card"], line["to"])
            })
            .collect()
    };
    assert_eq!(
        events(),
        [
            "\"loaded\" null null",
            "\"moved\" 1 \"standby\"",
            "\"moved\" 1 \"contacts\"",
            "\"contacts-closed\" 1 null",
        ]
    );
    printer.print(&job()).unwrap();
    assert_eq!(events().last().unwrap(), "\"moved\" 1 \"output\"");
    assert_eq!(events().len(), station.log().len());
}

#[test]
fn a_printer_as_quick_as_published_takes_the_time_of_whole_cards() {
    let clock = ambient();
    let mut config = Config::new("sim:test", 2, Arc::clone(&clock));
    config.printer.timing = "published"
        .parse::<crate::printer::Pace>()
        .unwrap()
        .timing("magicard-enduro")
        .unwrap();
    let station = SimStation::open(config, chip).unwrap();
    let mut printer = driver(&station);
    printer.print(&job()).unwrap();
    // The picture of the job is resin alone, on a film that could print colour.
    assert_eq!(clock.elapsed(), Duration::from_secs(7));
}

#[test]
fn a_slow_printer_is_waited_for_and_a_very_slow_one_a_timeout() {
    for (script, fine) in [("contacts:slow=900", true), ("contacts:slow=60000", false)] {
        let clock = ambient();
        let config = Config::new("sim:test", 2, Arc::clone(&clock));
        let station = SimStation::open(config, chip).unwrap();
        station.script(script.parse().unwrap());
        let connection = station.printer_connection();
        let mut printer = Enduro::open(connection, profile(), Arc::clone(&clock)).unwrap();
        let fed = printer.feed(Position::Contacts);
        assert_eq!(fed.is_ok(), fine, "{script}: {fed:?}");
        // The card is there all the same; only nobody has heard of it.
        assert_eq!(station.inside(), Some((1, Place::Contacts)));
        assert!(clock.elapsed() >= Duration::from_millis(900));
        station.clear().unwrap();
        // What comes late on the old connection is still to come.
        let connection = station.printer_connection();
        let mut printer = Enduro::open(connection, profile(), Arc::clone(&clock)).unwrap();
        printer.eject().unwrap();
        assert_eq!(station.place_of(1), Some(Place::Output));
    }
}

#[test]
fn after_a_power_cut_the_driver_finds_the_printer_again_and_its_card_by_looking() {
    let station = station(2);
    let mut printer = driver(&station);
    station.script("side:power-cut".parse().unwrap());
    let error = printer.print(&job()).unwrap_err();
    assert!(matches!(error, PrinterError::Timeout { .. }), "{error}");
    assert_eq!(station.inside(), Some((1, Place::PrintHead)));
    station.clear().unwrap();
    let status = printer.status().unwrap();
    assert_eq!(status.readiness, Readiness::Ready);
    assert_eq!(status.card, CardPosition::Unknown);
    printer.eject().unwrap();
    assert_eq!(station.place_of(1), Some(Place::Output));
}
