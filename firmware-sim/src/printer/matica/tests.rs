use std::io;
use std::sync::Arc;
use std::time::Duration;

use ground::{Ambient, Virtual};
use plastic::{CONTACTS, HEIGHT, Raster, Separation, WIDTH};
use printers::matica::{Frame, Matica as Driver, Profile};
use printers::{
    Answer, CardPosition, Connection, FaultKind, Job, Position, Printer, PrinterError, Readiness,
    TcpConnection,
};
use proptest::prelude::*;

use super::*;
use crate::printer::{
    Encoder, Family, Machine, Motion, Place, PrinterServer, Scripted, SimConnection, SimPrinter,
    Transport, Trouble,
};

const LATER: Duration = Duration::from_secs(20);

fn ambient() -> Arc<dyn Ambient> {
    Arc::new(Virtual::new(3))
}

struct NoChip;

impl Encoder for NoChip {
    fn close_on(&mut self, _number: u64) -> io::Result<()> {
        Ok(())
    }
    fn open(&mut self) {}
}

fn printer_with(cards: u64) -> SimPrinter {
    let model = Family::find("matica-xid")
        .unwrap()
        .model(Options::default())
        .unwrap();
    let mut transport = Transport::new(1, cards, ambient());
    transport.attach(Box::new(NoChip)).unwrap();
    SimPrinter::new(
        Machine::new(model.setup, transport, ambient()),
        model.firmware,
    )
}

fn driver(printer: &SimPrinter) -> Driver<SimConnection> {
    Driver::open(printer.connection(), profile(), ambient()).unwrap()
}

fn profile() -> Profile {
    let mut profile = Profile::matica_xid();
    profile.peel_off.value = true;
    profile
}

fn inside(printer: &SimPrinter) -> Option<(u64, Place)> {
    printer.machine().transport().inside()
}

fn place_of(printer: &SimPrinter, number: u64) -> Option<Place> {
    printer.machine().transport().place_of(number)
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

fn sides() -> (Separation, Separation) {
    let mut front = Separation::of_pure_black(&picture(3));
    front.overcoat_holes.push(CONTACTS);
    (front, Separation::of_pure_black(&picture(8)))
}

fn job(front: Separation, back: Option<Separation>) -> Job {
    Job {
        front: Some(front),
        back,
        overcoat: true,
        copies: 1,
    }
}

fn check_printed(printer: &SimPrinter, number: u64, front: &Separation, back: &Separation) {
    let machine = printer.machine();
    let card = machine.printed(number).unwrap();
    let printed = card.front.as_ref().unwrap();
    assert!(printed.picture() == front.composed());
    assert!(card.back.as_ref().unwrap().picture() == back.composed());
    assert_eq!(printed.missed, 0);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            assert_eq!(
                printed.overcoat.get(x, y),
                !CONTACTS.contains(x, y),
                "{x}, {y}"
            );
        }
    }
    assert_eq!(machine.transport().place_of(number), Some(Place::Output));
}

#[test]
fn a_card_goes_to_the_contacts_is_printed_on_both_sides_and_comes_out() {
    let printer = printer_with(9);
    let mut driver = driver(&printer);
    assert_eq!(driver.identify().unwrap().model, "XID8600");
    driver.feed(Position::Contacts).unwrap();
    assert_eq!(inside(&printer), Some((1, Place::Contacts)));
    let status = driver.status().unwrap();
    assert_eq!(status.readiness, Readiness::Ready);
    assert_eq!(status.card, CardPosition::At(Position::Contacts));
    // Already there: contacts stay closed.
    let moves = printer.machine().transport().log().len();
    driver.feed(Position::Contacts).unwrap();
    assert_eq!(printer.machine().transport().log().len(), moves);
    let (front, back) = sides();
    let printed = driver
        .print(&job(front.clone(), Some(back.clone())))
        .unwrap();
    assert_eq!(printed.card, CardPosition::At(Position::Output));
    check_printed(&printer, 1, &front, &back);
    assert_eq!(driver.status().unwrap().card, CardPosition::None);
}

#[test]
fn a_driver_over_tcp_is_greeted_and_prints() {
    let printer = printer_with(9);
    let server = PrinterServer::start(printer.clone(), "127.0.0.1:0").unwrap();
    let connection = TcpConnection::open(&server.address().to_string(), LATER).unwrap();
    let mut driver = Driver::open(connection, profile(), ground::System::shared()).unwrap();
    assert_eq!(driver.greeting().name, "PRINTER01");
    let (front, back) = sides();
    driver.feed(Position::Contacts).unwrap();
    driver
        .print(&job(front.clone(), Some(back.clone())))
        .unwrap();
    check_printed(&printer, 1, &front, &back);
}

#[test]
fn a_printer_of_300_dots_an_inch_prints_the_same() {
    for (model, turned) in [("XID8300", true), ("XID9300", true), ("XID580i", false)] {
        let mut setup = Family::find("matica-xid")
            .unwrap()
            .model(Options::default())
            .unwrap()
            .setup;
        setup.model = model.to_owned();
        let transport = Transport::new(1, 5, ambient());
        let machine = Machine::new(setup, transport, ambient());
        let firmware = Matica {
            fine: false,
            turned,
            ..Matica::default()
        };
        let printer = SimPrinter::new(machine, Arc::new(firmware));
        let (front, back) = sides();
        driver(&printer)
            .print(&job(front.clone(), Some(back.clone())))
            .unwrap();
        check_printed(&printer, 1, &front, &back);
    }
}

#[test]
fn copies_are_cards_of_their_own_and_a_back_alone_is_turned_to() {
    let printer = printer_with(9);
    let mut driver = driver(&printer);
    let (front, back) = sides();
    let two = Job {
        copies: 2,
        ..job(front.clone(), Some(back.clone()))
    };
    driver.print(&two).unwrap();
    for number in [1, 2] {
        check_printed(&printer, number, &front, &back);
    }
    let only = Job {
        front: None,
        back: Some(back.clone()),
        ..Job::default()
    };
    driver.print(&only).unwrap();
    let machine = printer.machine();
    let card = machine.printed(3).unwrap();
    assert!(card.front.is_none());
    assert!(card.back.as_ref().unwrap().picture() == back.composed());
}

#[test]
fn cards_go_to_every_place_and_out_both_ways() {
    let printer = printer_with(9);
    let mut driver = driver(&printer);
    driver.feed(Position::Contactless).unwrap();
    assert_eq!(inside(&printer), Some((1, Place::Antenna)));
    assert_eq!(
        driver.status().unwrap().card,
        CardPosition::At(Position::Contactless)
    );
    driver.feed(Position::PrintHead).unwrap();
    assert_eq!(inside(&printer), Some((1, Place::PrintHead)));
    driver.feed(Position::Contacts).unwrap();
    assert_eq!(inside(&printer), Some((1, Place::Contacts)));
    driver.reject().unwrap();
    assert_eq!(place_of(&printer, 1), Some(Place::Reject));
    // Nothing inside: nothing moves.
    driver.reject().unwrap();
    driver.eject().unwrap();
    driver.feed(Position::Contacts).unwrap();
    driver.eject().unwrap();
    assert_eq!(place_of(&printer, 2), Some(Place::Output));
    assert_eq!(inside(&printer), None);
}

#[test]
fn a_driver_that_finds_a_card_on_closed_contacts_releases_it_first() {
    let printer = printer_with(9);
    driver(&printer).feed(Position::Contacts).unwrap();
    let mut next = driver(&printer);
    next.feed(Position::PrintHead).unwrap();
    assert_eq!(inside(&printer), Some((1, Place::PrintHead)));
    next.eject().unwrap();
    assert_eq!(place_of(&printer, 1), Some(Place::Output));
}

/// What is done when trouble strikes.
type Deed = fn(&mut Driver<SimConnection>) -> Result<(), PrinterError>;

fn print_both(driver: &mut Driver<SimConnection>) -> Result<(), PrinterError> {
    let (front, back) = sides();
    driver.print(&job(front, Some(back))).map(drop)
}

fn to_contacts(driver: &mut Driver<SimConnection>) -> Result<(), PrinterError> {
    driver.feed(Position::Contacts)
}

fn to_antenna(driver: &mut Driver<SimConnection>) -> Result<(), PrinterError> {
    driver.feed(Position::Contactless)
}

fn reject(driver: &mut Driver<SimConnection>) -> Result<(), PrinterError> {
    driver.feed(Position::PrintHead)?;
    driver.reject()
}

#[test]
fn trouble_at_each_motion_is_seen_with_the_place_of_the_card() {
    use CardPosition::{At, Inside, None, Unknown};
    use FaultKind::{CardJam, CoverOpen, FilmError, FilmOut, HeadTemperature, HopperEmpty};
    let cases: [(Motion, Trouble, Deed, FaultKind, CardPosition); 15] = [
        (
            Motion::Draw,
            Trouble::HopperEmpty,
            to_contacts,
            HopperEmpty,
            None,
        ),
        (
            Motion::Draw,
            Trouble::CardNotDrawnIn,
            to_contacts,
            HopperEmpty,
            None,
        ),
        (
            Motion::Draw,
            Trouble::Jam,
            to_contacts,
            CardJam,
            At(Position::Feeder),
        ),
        (
            Motion::Draw,
            Trouble::DoubleFeed,
            to_contacts,
            CardJam,
            At(Position::Feeder),
        ),
        (Motion::Contacts, Trouble::Jam, to_contacts, CardJam, Inside),
        (Motion::Antenna, Trouble::Jam, to_antenna, CardJam, Inside),
        (
            Motion::Flip,
            Trouble::Jam,
            print_both,
            CardJam,
            At(Position::Flipper),
        ),
        (
            Motion::Print,
            Trouble::Jam,
            print_both,
            CardJam,
            At(Position::PrintHead),
        ),
        (
            Motion::Side,
            Trouble::Jam,
            print_both,
            CardJam,
            At(Position::PrintHead),
        ),
        (
            Motion::Side,
            Trouble::FilmOut,
            print_both,
            FilmOut,
            At(Position::PrintHead),
        ),
        (
            Motion::Side,
            Trouble::WrongFilm,
            print_both,
            FilmError,
            At(Position::PrintHead),
        ),
        (
            Motion::Side,
            Trouble::HeadHot,
            print_both,
            HeadTemperature,
            At(Position::PrintHead),
        ),
        (Motion::Eject, Trouble::Jam, print_both, CardJam, Inside),
        (Motion::Reject, Trouble::Jam, reject, CardJam, Inside),
        (
            Motion::Contacts,
            Trouble::CoverOpen,
            to_contacts,
            CoverOpen,
            At(Position::Contacts),
        ),
    ];
    for (motion, trouble, deed, kind, card) in cases {
        let printer = printer_with(9);
        printer.machine().script(Scripted {
            motion,
            card: Option::None,
            mishap: trouble.into(),
        });
        let mut driver = driver(&printer);
        let error = deed(&mut driver).unwrap_err();
        let PrinterError::Faulted { fault, .. } = error else {
            panic!("{motion:?} {trouble}: {error}");
        };
        assert_eq!(
            (fault.kind, fault.card),
            (kind, card),
            "{motion:?} {trouble}"
        );
        // A status says the same and changes nothing.
        let moves = printer.machine().transport().log().len();
        let status = driver.status().unwrap();
        assert!(
            matches!(&status.readiness, Readiness::Faulted(seen) if seen.kind == kind),
            "{motion:?} {trouble}: {status:?}"
        );
        assert_ne!(status.card, Unknown, "{motion:?} {trouble}");
        // Nothing moves while something is wrong.
        driver.feed(Position::PrintHead).unwrap_err();
        assert_eq!(printer.machine().transport().log().len(), moves);
        // The operator sees to it, and the printer goes on with the next call.
        printer.machine().clear().unwrap();
        driver.feed(Position::Contacts).unwrap();
        assert!(matches!(inside(&printer), Some((_, Place::Contacts))));
    }
}

#[test]
fn initialising_gives_up_what_a_fault_ended() {
    let printer = printer_with(9);
    printer.machine().script(Scripted {
        motion: Motion::Print,
        card: Option::None,
        mishap: Trouble::Jam.into(),
    });
    let mut driver = driver(&printer);
    driver.feed(Position::PrintHead).unwrap_err();
    assert!(matches!(
        driver.answer(Answer::Retry),
        Err(PrinterError::Lacks { .. })
    ));
    driver.answer(Answer::Cancel).unwrap();
    assert_eq!(driver.status().unwrap().readiness, Readiness::Ready);
    assert_eq!(place_of(&printer, 1), Some(Place::TakenOut));
}

#[test]
fn the_last_card_is_done_to_its_end_and_then_the_hopper_is_empty() {
    let printer = printer_with(1);
    let mut driver = driver(&printer);
    driver.feed(Position::Contacts).unwrap();
    let status = driver.status().unwrap();
    assert_eq!(status.readiness, Readiness::Ready);
    assert_eq!(status.warnings[0].kind, FaultKind::HopperEmpty);
    let (front, back) = sides();
    driver
        .print(&job(front.clone(), Some(back.clone())))
        .unwrap();
    check_printed(&printer, 1, &front, &back);
    let error = driver.feed(Position::Contacts).unwrap_err();
    assert!(matches!(
        error,
        PrinterError::Faulted { fault, .. } if fault.kind == FaultKind::HopperEmpty
    ));
    printer.machine().transport_mut().load(1).unwrap();
    driver.feed(Position::Contacts).unwrap();
    assert_eq!(inside(&printer), Some((2, Place::Contacts)));
}

#[test]
fn a_power_cut_in_a_motion_is_reported_and_the_card_is_found_again() {
    let printer = printer_with(9);
    let mut driver = driver(&printer);
    driver.feed(Position::Contacts).unwrap();
    printer.machine().script(Scripted {
        motion: Motion::Print,
        card: Option::None,
        mishap: Trouble::PowerCut.into(),
    });
    let (front, back) = sides();
    let error = driver
        .print(&job(front.clone(), Some(back.clone())))
        .unwrap_err();
    assert!(
        matches!(
            error,
            PrinterError::Timeout { .. } | PrinterError::Connection { .. }
        ),
        "{error}"
    );
    printer.machine().clear().unwrap();
    // The old connection is gone; which call finds that out does not matter.
    let status = driver.status().or_else(|_| driver.status()).unwrap();
    assert_eq!(status.card, CardPosition::At(Position::Contacts));
    driver
        .print(&job(front.clone(), Some(back.clone())))
        .unwrap();
    check_printed(&printer, 1, &front, &back);
}

#[test]
fn what_the_profile_lacks_is_refused_before_anything_moves() {
    let printer = printer_with(9);
    let mut profile = Profile::matica_xid();
    profile.duplex.value = false;
    profile.contacts.value = false;
    profile.contactless.value = false;
    let mut driver = Driver::open(printer.connection(), profile, ambient()).unwrap();
    let (front, back) = sides();
    for job in [job(front.clone(), None), job(back.clone(), Some(back))] {
        assert!(matches!(
            driver.print(&job),
            Err(PrinterError::Lacks { .. })
        ));
    }
    for position in [Position::Contacts, Position::Contactless] {
        assert!(matches!(
            driver.feed(position),
            Err(PrinterError::Lacks { .. })
        ));
    }
    assert_eq!(printer.machine().transport().left(), 9);
}

#[test]
fn a_printer_without_an_encoder_says_so() {
    let model = Family::find("matica-xid")
        .unwrap()
        .model(Options::default())
        .unwrap();
    let machine = Machine::new(model.setup, Transport::new(1, 3, ambient()), ambient());
    let printer = SimPrinter::new(machine, model.firmware);
    let error = driver(&printer).feed(Position::Contacts).unwrap_err();
    assert!(matches!(
        error,
        PrinterError::Faulted { fault, .. } if fault.kind == FaultKind::BadJob
    ));
}

proptest! {
    #[test]
    fn any_bytes_survive(
        pieces in proptest::collection::vec(prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40),
            (0_u8..0x0C, 0_u8..8, proptest::collection::vec(prop_oneof![0_u8..6, any::<u8>()], 0..8))
                .prop_map(|(code, length, rest)| {
                    let data = [&[code, length], rest.as_slice()].concat();
                    Frame::new(0xF000_0100, 0, 1, data).to_bytes()
                }),
            proptest::collection::vec(any::<u8>(), 0..20)
                .prop_map(|data| Frame::new(0xF000_0200, 0, 2, data).to_bytes()),
            Just(Frame::new(0xF200_0300, 2, 0x9999_9999, vec![0; 108]).to_bytes()),
        ], 0..12)
    ) {
        let printer = printer_with(3);
        let mut connection = printer.connection();
        for piece in pieces {
            if connection.write_all(&piece, LATER).is_err() {
                // The printer has closed over nonsense.
                break;
            }
        }
        printer.machine().clear().unwrap();
        // The next connection is as good as new, and no card is lost.
        prop_assert!(driver(&printer).status().is_ok());
        let machine = printer.machine();
        let transport = machine.transport();
        let places = [Place::Output, Place::Reject, Place::TakenOut];
        let out: usize = places.into_iter().map(|place| transport.cards_at(place).len()).sum();
        let inside = usize::from(transport.inside().is_some());
        prop_assert_eq!(out + inside + usize::try_from(transport.left()).unwrap(), 3);
    }
}
