use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ground::{Ambient, Virtual};
use plastic::{Bitmap, HEIGHT, Raster, Separation, WIDTH};
use printers::evolis::{Connected, Profile, WordsForm};
use printers::{
    Answer as Deed, CardPosition, Connection, FaultKind, Job, Position, Printer, PrinterError,
    Readiness, TcpConnection,
};
use proptest::prelude::*;

use super::*;
use crate::printer::{
    Encoder, Machine, Motion, Place, PrinterServer, Scripted, SimConnection, SimPrinter, Transport,
    Trouble,
};

type Driver = printers::evolis::Evolis<SimConnection>;

const LATER: Duration = Duration::from_secs(20);

struct NoChip;

impl Encoder for NoChip {
    fn close_on(&mut self, _number: u64) -> io::Result<()> {
        Ok(())
    }

    fn open(&mut self) {}
}

fn ambient() -> Arc<dyn Ambient> {
    Arc::new(Virtual::new(3))
}

fn printer(evolis: Evolis, film: &str) -> SimPrinter {
    let setup = Setup {
        film: film.to_owned(),
        ..model(evolis.wire).setup
    };
    let ambient = ambient();
    let mut transport = Transport::new(1, 50, Arc::clone(&ambient));
    transport.attach(Box::new(NoChip)).unwrap();
    SimPrinter::new(Machine::new(setup, transport, ambient), Arc::new(evolis))
}

/// The profile that fits how the printer is connected and answers.
fn profile(evolis: &Evolis) -> Profile {
    let mut profile = Profile::evolis();
    profile.connected.value = match evolis.wire {
        Wire::Network => Connected::Network,
        Wire::Line => Connected::Line,
    };
    profile.status_words.value = match evolis.status_words {
        StatusForm::Byte => WordsForm::None,
        StatusForm::Big => WordsForm::BigEndian,
        StatusForm::Little => WordsForm::LittleEndian,
    };
    profile.back_turned.value = evolis.back_turned;
    profile.fitted.value.extend([
        printers::evolis::Fitting::Antenna,
        printers::evolis::Fitting::RejectTray,
    ]);
    profile
}

fn driver(printer: &SimPrinter, evolis: &Evolis) -> Driver {
    let ambient = printer.ambient();
    Driver::open(printer.connection(), profile(evolis), ambient).unwrap()
}

/// Every kind of printer there is.
fn all() -> Vec<Evolis> {
    let network = |status_words| Evolis {
        status_words,
        ..Evolis::default()
    };
    let line = |acknowledges| Evolis {
        wire: Wire::Line,
        acknowledges,
        ..Evolis::default()
    };
    vec![
        network(StatusForm::Byte),
        network(StatusForm::Big),
        network(StatusForm::Little),
        line(false),
        line(true),
    ]
}

/// Blocks of colour and black, and something in every corner.
fn picture(seed: u32) -> Raster {
    let mut picture = Raster::white(WIDTH, HEIGHT);
    let mut state = seed | 1;
    let mut random = |below: u32| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) % below
    };
    for _ in 0..40 {
        let (x, y) = (random(WIDTH), random(HEIGHT));
        let (right, bottom) = ((x + random(200)).min(WIDTH), (y + random(120)).min(HEIGHT));
        let colour = match random(4) {
            0 => [0; 3],
            _ => [random(256), random(256), random(256)].map(|c| u8::try_from(c).unwrap()),
        };
        for y in y..bottom {
            for x in x..right {
                picture.set(x, y, colour);
            }
        }
    }
    picture.set(0, 0, [255, 0, 0]);
    picture.set(WIDTH - 1, 0, [0; 3]);
    picture.set(0, HEIGHT - 1, [0, 255, 0]);
    picture.set(WIDTH - 1, HEIGHT - 1, [0, 0, 255]);
    picture
}

fn text_job() -> Job {
    let mut separation = Separation::of_pure_black(&picture(5));
    separation.colour = Raster::white(WIDTH, HEIGHT);
    Job {
        front: Some(separation),
        ..Job::default()
    }
}

fn jam(motion: Motion) -> Scripted {
    Scripted {
        motion,
        card: None,
        mishap: Trouble::Jam.into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    #[test]
    fn what_the_driver_renders_is_what_lands_on_both_sides_of_the_card(
        front: u32, back: u32, kind in 0..5_usize, back_turned: bool, overcoat: bool,
    ) {
        let evolis = Evolis { back_turned, ..all()[kind].clone() };
        let printer = printer(evolis.clone(), "YMCKO");
        let mut separations = [front, back].map(|seed| Separation::of_pure_black(&picture(seed)));
        separations[0].overcoat_holes.push(plastic::CONTACTS);
        let [front, back] = separations;
        driver(&printer, &evolis)
            .print(&Job { front: Some(front.clone()), back: Some(back.clone()), overcoat, copies: 1 })
            .unwrap();
        let machine = printer.machine();
        let card = machine.printed(1).unwrap();
        for (printed, wanted) in [(&card.front, &front), (&card.back, &back)] {
            let printed = printed.as_ref().unwrap();
            prop_assert!(printed.picture() == wanted.composed());
            prop_assert!(printed.dye == wanted.colour);
            prop_assert!(printed.resin == wanted.black);
            let covered = Bitmap::from_fn(WIDTH, HEIGHT, |x, y| {
                overcoat && !wanted.overcoat_holes.iter().any(|hole| hole.contains(x, y))
            });
            prop_assert!(printed.overcoat == covered);
        }
    }

    #[test]
    fn any_bytes_in_any_pieces_are_survived_and_lose_no_card(
        bytes in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..60),
                "\u{1b}(Ss|Sr|Sv|Se|Sis|Sic|Si|Sce|Ser|Scp|Scs|Srs|Sc;2|Pr;[a-z]{1,2}|Rlr;[pr]|Rr|Pem;4)\r"
                    .prop_map(String::into_bytes),
                "\u{1b}Db(c?;[ymcko];(2|32|256);[0-9]{0,4};?|p;k)".prop_map(String::into_bytes),
                "<[A-Z ]{0,9}>?".prop_map(String::into_bytes),
                Just(vec![0; 3]),
            ], 0..12),
        piece in 1..40_usize, on_line: bool,
    ) {
        let wire = if on_line { Wire::Line } else { Wire::Network };
        let evolis = Evolis { wire, ..Evolis::default() };
        let printer = printer(evolis, "YMCKO");
        let bytes = bytes.concat();
        let mut connection = printer.connection();
        for piece in bytes.chunks(piece) {
            if connection.write_all(piece, LATER).is_err() {
                break;
            }
        }
        connection.end_of_input().unwrap();
        let machine = printer.machine();
        let transport = machine.transport();
        let accounted = (1..=50_u64).filter(|number| transport.place_of(*number).is_some());
        prop_assert_eq!(accounted.count(), 50);
        // However it is cut, it is the same.
        let events = |piece: usize| {
            let mut parser = Parser::default();
            bytes.chunks(piece).flat_map(|piece| parser.push(piece)).collect::<Vec<_>>()
        };
        prop_assert_eq!(events(piece), events(1));
    }

    #[test]
    fn a_status_poll_between_any_two_motions_changes_nothing(
        verbs in proptest::collection::vec(0..7_u8, 1..7), kind in 0..3_usize,
        trouble in proptest::option::of((0..4_usize, 0..2_usize)),
    ) {
        let run = |polled: bool| {
            let evolis = all()[kind].clone();
            let printer = printer(evolis.clone(), "YMCKO");
            if let Some((motion, trouble)) = trouble {
                let motion = [Motion::Draw, Motion::Contacts, Motion::Print, Motion::Eject][motion];
                let trouble = [Trouble::Jam, Trouble::CoverOpen][trouble];
                printer.machine().script(Scripted { motion, card: None, mishap: trouble.into() });
            }
            let mut driver = driver(&printer, &evolis);
            let mut other = polled.then(|| self::driver(&printer, &evolis));
            let mut outcomes = Vec::new();
            for verb in &verbs {
                if let Some(other) = &mut other {
                    other.status().unwrap();
                }
                let outcome = match verb {
                    0 => driver.feed(Position::Contacts),
                    1 => driver.feed(Position::Contactless),
                    2 => driver.feed(Position::PrintHead),
                    3 => driver.print(&text_job()).map(drop),
                    4 => driver.eject(),
                    5 => driver.reject(),
                    _ => driver.answer(Deed::Retry),
                };
                outcomes.push(format!("{outcome:?}"));
            }
            let machine = printer.machine();
            let log = machine.transport().log().iter().map(|entry| entry.movement);
            (outcomes, log.collect::<Vec<_>>(), machine.trouble())
        };
        prop_assert_eq!(run(true), run(false));
    }
}

#[test]
fn a_poll_on_a_connection_of_its_own_does_not_disturb_a_job_half_sent() {
    let evolis = Evolis::default();
    let printer = printer(evolis.clone(), "YMCKO");
    let mut polling = driver(&printer, &evolis);
    let job = polling.draw(&text_job()).unwrap().encode();
    let mut connection = printer.connection();
    for piece in job.chunks(job.len() / 5 + 1) {
        connection.write_all(piece, LATER).unwrap();
        polling.status().unwrap();
    }
    connection.end_of_input().unwrap();
    let mut answer = [0; 8];
    let count = connection.read(&mut answer, LATER).unwrap();
    assert_eq!(&answer[..count], b"OK\0");
    assert!(printer.machine().printed(1).is_some());
}

#[test]
fn a_card_goes_by_way_of_every_station_on_every_kind_of_printer() {
    for evolis in all() {
        let printer = printer(evolis.clone(), "YMCKO");
        let mut driver = driver(&printer, &evolis);
        let identity = driver.identify().unwrap();
        assert_eq!(identity.model, "Evolis Primacy");
        for (position, place) in [
            (Position::Contacts, Place::Contacts),
            (Position::Contactless, Place::Antenna),
            (Position::PrintHead, Place::PrintHead),
            (Position::Contacts, Place::Contacts),
        ] {
            driver.feed(position).unwrap();
            assert_eq!(printer.machine().transport().inside(), Some((1, place)));
            let status = driver.status().unwrap();
            assert_eq!(status.card, CardPosition::At(position), "{evolis:?}");
            assert_eq!(status.readiness, Readiness::Ready);
        }
        driver.print(&text_job()).unwrap();
        driver.feed(Position::Contacts).unwrap();
        driver.reject().unwrap();
        assert_eq!(driver.status().unwrap().card, CardPosition::None);
        driver.clean().unwrap();
        let counters = driver.counters().unwrap();
        assert_eq!((counters.cards, counters.cleanings), (Some(1), Some(1)));
        let film = driver.status().unwrap().film.unwrap();
        assert_eq!((film.name.as_str(), film.remaining), ("YMCKO", Some(299)));
        let machine = printer.machine();
        assert_eq!(machine.transport().place_of(1), Some(Place::Output));
        assert_eq!(machine.transport().place_of(2), Some(Place::Reject));
    }
}

#[test]
fn every_trouble_is_told_with_its_kind_and_where_the_card_is() {
    for evolis in all() {
        for (motion, trouble, kinds, place) in [
            (
                Motion::Draw,
                Trouble::CardNotDrawnIn,
                &[FaultKind::CardNotFed, FaultKind::CardJam][..],
                Place::Hopper,
            ),
            (
                Motion::Draw,
                Trouble::Jam,
                &[FaultKind::CardJam],
                Place::Standby,
            ),
            (
                Motion::Contacts,
                Trouble::Jam,
                &[FaultKind::CardJam],
                Place::Standby,
            ),
            (
                Motion::Contacts,
                Trouble::CoverOpen,
                &[FaultKind::CoverOpen],
                Place::Standby,
            ),
        ] {
            let printer = printer(evolis.clone(), "YMCKO");
            printer.machine().script(Scripted {
                motion,
                card: None,
                mishap: trouble.into(),
            });
            let mut driver = driver(&printer, &evolis);
            let error = driver.feed(Position::Contacts).unwrap_err();
            let PrinterError::Faulted { fault, .. } = error else {
                panic!("{error}");
            };
            assert!(kinds.contains(&fault.kind), "{fault} {evolis:?}");
            assert_eq!(printer.machine().transport().place_of(1), Some(place));
            let told = match (evolis.status_words, place) {
                (StatusForm::Byte, Place::Hopper) if fault.kind == FaultKind::CardNotFed => {
                    CardPosition::None
                }
                // Timed out, and no sensor sees a card.
                (StatusForm::Byte, Place::Hopper) => CardPosition::Unknown,
                (StatusForm::Byte, _) => CardPosition::Inside,
                (_, Place::Hopper) => CardPosition::None,
                (_, _) => CardPosition::At(Position::PrintHead),
            };
            assert_eq!(fault.card, told, "{fault} {trouble} {evolis:?}");
            let status = driver.status().unwrap();
            assert!(matches!(status.readiness, Readiness::Faulted(_)));
            // The operator deals with it, and the next card is issued.
            printer.machine().clear().unwrap();
            driver.feed(Position::Contacts).unwrap();
            driver.eject().unwrap();
        }
    }
}

#[test]
fn an_empty_hopper_is_told_until_it_is_loaded() {
    for evolis in all() {
        let printer = printer(evolis.clone(), "YMCKO");
        let mut driver = driver(&printer, &evolis);
        for _ in 0..50 {
            driver.feed(Position::Contacts).unwrap();
            driver.eject().unwrap();
        }
        let error = driver.feed(Position::Contacts).unwrap_err();
        let PrinterError::Faulted { fault, .. } = error else {
            panic!("{error}");
        };
        let told = if evolis.acknowledges {
            FaultKind::CardNotFed
        } else {
            FaultKind::HopperEmpty
        };
        assert_eq!((fault.kind, fault.card), (told, CardPosition::None));
        printer.machine().transport_mut().load(1).unwrap();
        driver.answer(Deed::Retry).unwrap();
        driver.feed(Position::Contacts).unwrap();
    }
}

#[test]
fn a_jam_while_printing_spoils_the_card_and_nothing_is_done_twice() {
    for evolis in all() {
        let printer = printer(evolis.clone(), "YMCKO");
        printer.machine().script(jam(Motion::Side));
        let mut driver = driver(&printer, &evolis);
        let error = driver.print(&text_job()).unwrap_err();
        let PrinterError::Faulted { fault, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(fault.kind, FaultKind::CardJam);
        driver.answer(Deed::Cancel).unwrap();
        let place = printer.machine().transport().place_of(1);
        assert_eq!(place, Some(Place::TakenOut));
        assert_eq!(driver.status().unwrap().card, CardPosition::None);
        driver.print(&text_job()).unwrap();
        assert_eq!(printer.machine().counters().cards_printed, 1);
    }
}

#[test]
fn a_silent_printer_is_a_time_out_and_its_card_is_nowhere_known() {
    for evolis in all() {
        let printer = printer(evolis.clone(), "YMCKO");
        printer.machine().script(Scripted {
            motion: Motion::Contacts,
            card: None,
            mishap: Trouble::Silent.into(),
        });
        let mut driver = driver(&printer, &evolis);
        assert!(matches!(
            driver.feed(Position::Contacts),
            Err(PrinterError::Timeout { .. })
        ));
        printer.machine().clear().unwrap();
        // On the network with words it says so itself.
        let card = driver.status().unwrap().card;
        let told = match evolis.status_words {
            StatusForm::Byte => CardPosition::Inside,
            _ => CardPosition::At(Position::PrintHead),
        };
        assert_eq!(card, told, "{evolis:?}");
        driver.eject().unwrap();
        assert_eq!(
            printer.machine().transport().place_of(1),
            Some(Place::Output)
        );
    }
}

#[test]
fn what_is_not_fitted_is_refused_by_the_driver_or_by_the_printer() {
    let evolis = Evolis {
        status_words: StatusForm::Big,
        ..Evolis::default()
    };
    let bare = || {
        let setup = Setup {
            duplex: false,
            contacts: false,
            antenna: false,
            reject_tray: false,
            ..model(Wire::Network).setup
        };
        let machine = Machine::new(setup, Transport::new(1, 5, ambient()), ambient());
        SimPrinter::new(machine, Arc::new(evolis.clone()))
    };
    let printer = bare();
    let mut told = driver(&printer, &evolis);
    let duplex = Job {
        back: text_job().front,
        ..text_job()
    };
    assert!(matches!(
        told.feed(Position::Contacts),
        Err(PrinterError::Lacks { .. })
    ));
    assert!(matches!(
        told.print(&duplex),
        Err(PrinterError::Lacks { .. })
    ));
    // A profile that believes more than there is.
    let printer = bare();
    let mut profile = profile(&evolis);
    profile.status_words.value = WordsForm::None;
    let mut believing = Driver::open(printer.connection(), profile, ambient()).unwrap();
    let outcomes = [
        believing.feed(Position::Contacts),
        believing.feed(Position::Contactless),
        believing.print(&duplex).map(drop),
    ];
    for outcome in outcomes {
        let Err(PrinterError::Faulted { fault, .. }) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(fault.kind, FaultKind::MissingOption);
    }
    assert_eq!(printer.machine().transport().left(), 5);
}

#[test]
fn a_job_for_another_ribbon_prints_nothing() {
    let evolis = Evolis::default();
    let printer = printer(evolis.clone(), "black");
    let mut profile = profile(&evolis);
    // Does not ask and takes the usual one.
    profile.questions.ribbon.value.clear();
    let mut driver = Driver::open(printer.connection(), profile, ambient()).unwrap();
    let error = driver.print(&text_job()).unwrap_err();
    let PrinterError::Faulted { fault, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(fault.kind, FaultKind::FilmError);
    assert_eq!(printer.machine().transport().left(), 50);
    // Asked, it says what it has; a black ribbon prints text.
    printer.machine().clear().unwrap();
    let mut driver = self::driver(&printer, &evolis);
    driver.print(&text_job()).unwrap();
}

#[test]
fn copies_are_cards_all_alike_and_sc_prints_the_last_one_again() {
    let evolis = Evolis::default();
    let printer = printer(evolis.clone(), "YMCKO");
    let mut driver = driver(&printer, &evolis);
    driver
        .print(&Job {
            copies: 2,
            ..text_job()
        })
        .unwrap();
    let mut connection = printer.connection();
    connection.write_all(b"\x1bSc;1\r\0", LATER).unwrap();
    connection.end_of_input().unwrap();
    let machine = printer.machine();
    let card = |number| machine.printed(number).unwrap().front.clone().unwrap();
    assert!(card(1) == card(2) && card(2) == card(3));
    assert_eq!(machine.transport().cards_at(Place::Output), [1, 2, 3]);
}

#[test]
fn a_library_of_another_family_is_hung_up_on_and_one_of_this_goes_on() {
    let printer = printer(Evolis::default(), "YMCKO");
    let mut connection = printer.connection();
    connection.write_all(b"\x1c\x6e\0\0\0\0", LATER).unwrap();
    let error = connection.read(&mut [0; 8], LATER).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    // Insert, eject and reject as it sends them, and the empty exchange.
    for (sent, answer) in [
        (&b"\x1bRok\r\0"[..], &b"OK\0"[..]),
        (b"\x1bPsid;7;45\r\0", b"OK\0"),
        (b"\x1bPem;2\r\0", b"OK\0"),
        (b"\x1bSis\r\0", b"OK\0"),
        (b"\x1bSce\r\0", b"OK\0"),
        (b"\x1bXyz\r\0", b"ERROR CDE\0"),
        (b"\x1bSis", b"ERROR CDE\0"),
        (b"", b"\0"),
    ] {
        connection.reconnect().unwrap();
        connection.write_all(sent, LATER).unwrap();
        connection.end_of_input().unwrap();
        let mut buffer = [0; 64];
        let count = connection.read(&mut buffer, LATER).unwrap();
        assert_eq!(&buffer[..count], answer, "{}", sent.escape_ascii());
    }
    assert_eq!(
        printer.machine().transport().place_of(1),
        Some(Place::Output)
    );
}

#[test]
fn over_tcp_a_card_is_fed_printed_and_polled_from_elsewhere() {
    for evolis in all() {
        let printer = printer(evolis.clone(), "YMCKO");
        let server = PrinterServer::start(printer.clone(), "127.0.0.1:0").unwrap();
        let address = server.address().to_string();
        let connection = TcpConnection::open(&address, LATER).unwrap();
        let clock = ground::System::shared();
        let mut driver =
            printers::evolis::Evolis::open(connection, profile(&evolis), clock).unwrap();
        driver.feed(Position::Contacts).unwrap();
        driver.status().unwrap();
        let separation = Separation::of_pure_black(&picture(9));
        driver
            .print(&Job {
                front: Some(separation.clone()),
                ..Job::default()
            })
            .unwrap();
        let printed = printer.machine().printed(1).unwrap().front.clone().unwrap();
        assert!(printed.picture() == separation.composed());
        drop(driver);
        drop(server);
    }
}

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("CARDWRIGHT_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let folder = folder.join("evolis");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no test data at {}", folder.display());
    None
}

#[test]
fn every_job_of_the_vendors_library_prints_to_its_picture() {
    let Some(folder) = data() else { return };
    for (name, film, darkest, varnish) in [
        ("e1-chart-colour", "YMCKO", None, true),
        ("e2-badge-black", "YMCKO", Some(18), true),
        ("e3-text-mono", "black", Some(381), false),
        ("e4-duplex-ko", "KO", Some(381), true),
    ] {
        let printer = printer(Evolis::default(), film);
        let packed = std::fs::read(folder.join(format!("{name}.prn.zst"))).unwrap();
        let job = zstd::decode_all(packed.as_slice()).unwrap();
        let mut connection = printer.connection();
        for piece in job.chunks(8191) {
            connection.write_all(piece, LATER).unwrap();
        }
        connection.end_of_input().unwrap();
        let mut answer = [0; 8];
        let count = connection.read(&mut answer, LATER).unwrap();
        assert_eq!(&answer[..count], b"OK\0", "{name}");
        let machine = printer.machine();
        let card = machine.printed(1).unwrap();
        for (suffix, printed) in [("", &card.front), (".back", &card.back)] {
            let path = folder.join(format!("{name}{suffix}.png"));
            assert_eq!(printed.is_some(), path.is_file(), "{name}{suffix}");
            let Some(printed) = printed else { continue };
            let picture = Raster::read_png(&path).unwrap();
            let portrait = picture.width() < picture.height();
            let seen = printed.picture();
            for y in 0..HEIGHT {
                for x in 0..WIDTH {
                    // The face is the middle of a picture of 648 rows.
                    let wanted = if portrait {
                        picture.get(y + 3, WIDTH - 1 - x)
                    } else {
                        picture.get(x, y + 3)
                    };
                    let sum: u32 = wanted.iter().map(|channel| u32::from(*channel)).sum();
                    let black = darkest.is_some_and(|darkest| sum <= darkest);
                    let wanted = match (black, darkest) {
                        (true, _) => [0; 3],
                        // A ribbon without dye leaves the rest white.
                        (false, Some(381)) => [255; 3],
                        (false, _) => wanted,
                    };
                    assert_eq!(printed.resin.get(x, y), black, "{name} {x}, {y}");
                    assert_eq!(seen.get(x, y), wanted, "{name} {x}, {y}");
                }
            }
            let covered = if varnish { WIDTH * HEIGHT } else { 0 };
            assert_eq!(printed.overcoat.count(), covered as usize, "{name}");
        }
    }
}

#[test]
fn shades_are_unpacked_however_they_are_packed() {
    use printers::evolis::{Coding, Dots, Item, Levels, Panel, Stream};
    for levels in Levels::ALL {
        for coding in [Coding::Packed, Coding::Compressed] {
            if levels == Levels::TwoHundredFiftySix && coding == Coding::Compressed {
                continue;
            }
            let mut dots = Dots::blank(levels);
            for line in 0..1016 {
                for (dot, value) in dots.line_mut(line).iter_mut().enumerate() {
                    // Long runs, single dots and lines without ink.
                    let shade = (line / 3 + dot / (1 + line % 400)) % 300;
                    *value = (shade as u8).min(levels.full()) * u8::from(line % 7 != 0);
                }
            }
            let bitmap = dots.to_bitmap(Panel::Magenta, coding);
            let stream = Stream {
                items: vec![Item::Bitmap(bitmap)],
            };
            let events = Parser::default().push(&stream.encode());
            let [Event::Panel(panel)] = events.as_slice() else {
                panic!("{events:?}");
            };
            let ink = Ink::of(panel).unwrap();
            let mut side = PrintedSide::default();
            ink.lay_on('k', &mut side);
            for x in 0..WIDTH {
                for y in 0..HEIGHT {
                    let inked = dots.line(x as usize)[(HEIGHT + 2 - y) as usize] > 0;
                    assert_eq!(
                        side.resin.get(x, y),
                        inked,
                        "{levels:?} {coding:?} {x}, {y}"
                    );
                }
            }
        }
    }
}
