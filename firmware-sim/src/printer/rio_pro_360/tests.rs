use std::sync::Arc;
use std::time::Duration;

use ground::{Ambient, Virtual};
use plastic::{Area, CONTACTS, HEIGHT, Raster, Separation, WIDTH};
use printers::rio_pro_360::{Profile, RioPro360 as Driver};
use printers::{
    CardPosition, Connection, FaultKind, Job, Position, Printer, PrinterError, Readiness,
    TcpConnection,
};
use proptest::prelude::*;

use super::*;
use crate::printer::{
    Family, Machine, Motion, Place, PrinterServer, Scripted, SimConnection, SimPrinter, Transport,
    Trouble,
};

const LATER: Duration = Duration::from_secs(20);

fn ambient() -> Arc<dyn Ambient> {
    Arc::new(Virtual::new(3))
}

fn printer() -> SimPrinter {
    let model = Family::find("rio-pro-360")
        .unwrap()
        .model(Options::default())
        .unwrap();
    let transport = Transport::new(1, 9, ambient());
    SimPrinter::new(
        Machine::new(model.setup, transport, ambient()),
        model.firmware,
    )
}

fn asking() -> Profile {
    let mut profile = Profile::rio_pro_360();
    profile.status_queries.value = true;
    profile
}

fn driver(printer: &SimPrinter, profile: Profile) -> Driver<SimConnection> {
    Driver::new(printer.connection(), profile, ambient())
}

/// Colours of all kinds, black among them, something in every corner.
fn picture(seed: u32) -> Raster {
    let mut picture = Raster::white(WIDTH, HEIGHT);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let value = (x / 7).wrapping_mul(y / 5 + seed) ^ seed;
            let colour = match value % 5 {
                0 => [0; 3],
                1 => [255; 3],
                _ => [value % 256, x % 256, y % 256].map(|c| u8::try_from(c).unwrap()),
            };
            picture.set(x, y, colour);
        }
    }
    picture
}

fn job(front: Separation, back: Option<Separation>) -> Job {
    Job {
        front: Some(front),
        back,
        overcoat: true,
        copies: 1,
    }
}

/// The printed part of a picture: the column at the left edge and two at the right are white.
fn cut(picture: &Raster) -> Raster {
    let mut cut = picture.clone();
    for y in 0..HEIGHT {
        for x in [0, WIDTH - 2, WIDTH - 1] {
            cut.set(x, y, [255; 3]);
        }
    }
    cut
}

fn check_printed(printer: &SimPrinter, front: &Separation, back: &Separation) {
    let machine = printer.machine();
    let card = machine.printed(1).unwrap();
    let printed = card.front.as_ref().unwrap();
    assert!(printed.picture() == cut(&front.composed()));
    assert!(card.back.as_ref().unwrap().picture() == cut(&back.composed()));
    assert_eq!(printed.missed, 0);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let covered = (1..=1013).contains(&x) && !CONTACTS.contains(x, y);
            assert_eq!(printed.overcoat.get(x, y), covered, "{x}, {y}");
        }
    }
    assert_eq!(machine.transport().place_of(1), Some(Place::Output));
}

fn sides() -> (Separation, Separation) {
    let mut front = Separation::of_pure_black(&picture(3));
    front.overcoat_holes.push(CONTACTS);
    (front, Separation::of_pure_black(&picture(8)))
}

#[test]
fn a_job_prints_what_was_rendered() {
    let printer = printer();
    let (front, back) = sides();
    let mut driver = driver(&printer, Profile::rio_pro_360());
    let printed = driver
        .print(&job(front.clone(), Some(back.clone())))
        .unwrap();
    // Nobody has said how the printer would say that it is done.
    assert_eq!(printed.card, CardPosition::Unknown);
    check_printed(&printer, &front, &back);
}

#[test]
fn a_job_over_tcp_is_waited_for_by_the_counter() {
    let printer = printer();
    let server = PrinterServer::start(printer.clone(), "127.0.0.1:0").unwrap();
    let connection = TcpConnection::open(&server.address().to_string(), LATER).unwrap();
    let (front, back) = sides();
    let mut driver = Driver::new(connection, asking(), ground::System::shared());
    let printed = driver
        .print(&job(front.clone(), Some(back.clone())))
        .unwrap();
    assert_eq!(printed.card, CardPosition::At(Position::Output));
    check_printed(&printer, &front, &back);
    assert_eq!(driver.counters().unwrap().cards, Some(1));
}

#[test]
fn what_is_not_known_is_said_plainly() {
    let printer = printer();
    let mut silent = driver(&printer, Profile::rio_pro_360());
    assert!(matches!(silent.status(), Err(PrinterError::Lacks { .. })));
    assert!(matches!(silent.counters(), Err(PrinterError::Lacks { .. })));
    assert_eq!(silent.identify().unwrap().serial, "unknown");
    assert!(!silent.capabilities().moves_cards && !silent.capabilities().contact_station);
    for position in [Position::Contacts, Position::PrintHead, Position::Output] {
        assert!(matches!(
            silent.feed(position),
            Err(PrinterError::Lacks { .. })
        ));
    }
    assert!(matches!(silent.reject(), Err(PrinterError::Lacks { .. })));
    let mut asking = driver(&printer, asking());
    assert_eq!(asking.identify().unwrap().serial, "70E0360");
    let status = asking.status().unwrap();
    assert_eq!(status.readiness, Readiness::Ready);
    assert_eq!(status.card, CardPosition::Unknown);
    assert_eq!(status.film.unwrap().remaining, Some(300));
}

#[test]
fn trouble_is_seen_as_what_it_is() {
    let (front, _) = sides();
    for (motion, trouble, kind) in [
        (Motion::Draw, Trouble::HopperEmpty, FaultKind::HopperEmpty),
        (Motion::Draw, Trouble::Jam, FaultKind::CardJam),
        (Motion::Print, Trouble::Jam, FaultKind::CardJam),
        (Motion::Side, Trouble::FilmOut, FaultKind::FilmOut),
        (Motion::Print, Trouble::WrongFilm, FaultKind::WrongFilm),
        (Motion::Eject, Trouble::Jam, FaultKind::CardJam),
        (Motion::Eject, Trouble::CoverOpen, FaultKind::CoverOpen),
        (Motion::Print, Trouble::HeadHot, FaultKind::HeadTemperature),
    ] {
        let printer = printer();
        printer.machine().script(Scripted {
            motion,
            card: None,
            mishap: trouble.into(),
        });
        let mut driver = driver(&printer, asking());
        let error = driver.print(&job(front.clone(), None)).unwrap_err();
        let PrinterError::Faulted { fault, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(fault.kind, kind, "{motion:?} {trouble}");
        let status = driver.status().unwrap();
        assert!(matches!(status.readiness, Readiness::Faulted(seen) if seen == fault));
    }
}

#[test]
fn a_printer_that_does_not_answer_is_a_time_out_before_the_job() {
    let printer = printer();
    printer.machine().fail(Trouble::Silent);
    let (front, _) = sides();
    let error = driver(&printer, asking())
        .print(&job(front, None))
        .unwrap_err();
    assert!(
        matches!(error, PrinterError::Timeout { seconds: 3, .. }),
        "{error}"
    );
    assert_eq!(printer.machine().counters().cards_printed, 0);
}

#[test]
fn more_holes_than_the_profile_allows_are_refused() {
    let (mut front, _) = sides();
    let printer = printer();
    for x in 0..4 {
        front.overcoat_holes.push(Area { x, ..CONTACTS });
    }
    let mut driver = driver(&printer, asking());
    let error = driver.print(&job(front, None)).unwrap_err();
    assert!(matches!(error, PrinterError::BadJob { .. }), "{error}");
    assert_eq!(printer.machine().transport().left(), 9);
}

#[test]
fn a_damaged_job_is_a_fault_and_prints_nothing() {
    let printer = printer();
    let (front, _) = sides();
    let mut bytes = driver(&printer, asking())
        .draw(&job(front, None))
        .unwrap()
        .encode();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    printer.connection().write_all(&bytes, LATER).unwrap();
    assert_eq!(printer.machine().trouble(), Some(Trouble::BadJob));
    assert_eq!(printer.machine().transport().left(), 9);
}

proptest! {
    #[test]
    fn any_bytes_survive(pieces in proptest::collection::vec(prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..60),
        Just(b"<?xml version=\"1.0\"?>".to_vec()),
        Just(b"<prn><binary-size>0</binary-size>".to_vec()),
        Just(b"<card><side-options side=\"1\"><panel-options panel=\"o\"><hole>".to_vec()),
        Just(b"<x>1</x>".to_vec()),
        Just(b"</prn>\r\0".to_vec()),
    ], 0..12)) {
        let printer = printer();
        let mut connection = printer.connection();
        for piece in pieces {
            connection.write_all(&piece, LATER).unwrap();
        }
        // The next connection is as good as new.
        printer.machine().clear().unwrap();
        prop_assert_eq!(driver(&printer, asking()).status().unwrap().readiness, Readiness::Ready);
    }
}
