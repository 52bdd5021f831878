use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ground::{Ambient, Virtual};
use plastic::{Area, Bitmap, HEIGHT, Raster, Separation, WIDTH};
use printers::magicard::{
    Enduro, Halftone, Head, JobOptions, Layout, Overcoat, Profile, build, resin_only,
};
use printers::magicard::{Format, Side as JobSide};
use printers::{Connection, Job, Printer, PrinterError, TcpConnection};
use proptest::prelude::*;

use super::*;
use crate::printer::{
    Encoder, Machine, Place, PrinterServer, SimConnection, SimPrinter, Transport, Trouble,
};

const LATER: Duration = Duration::from_secs(20);

fn ambient() -> Arc<dyn Ambient> {
    Arc::new(Virtual::new(3))
}

fn printer(magicard: Magicard) -> SimPrinter {
    built(magicard, Setup::default())
}

fn built(magicard: Magicard, setup: Setup) -> SimPrinter {
    let transport = Transport::new(1, 50, ambient());
    let machine = Machine::new(setup, transport, ambient());
    SimPrinter::new(machine, Arc::new(magicard))
}

fn driver(printer: &SimPrinter) -> Enduro<SimConnection> {
    Enduro::open(printer.connection(), Profile::enduro(), ambient()).unwrap()
}

/// Blocks of colour and black, sharp edges, and something in every corner.
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

/// A dye dot has 64 steps: at most 3 of 255 are lost.
fn close(printed: &Raster, wanted: &Raster) -> bool {
    let dots = printed.bytes().iter().zip(wanted.bytes());
    printed.bytes().len() == wanted.bytes().len()
        && dots.into_iter().all(|(a, b)| a.abs_diff(*b) <= 3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    #[test]
    fn what_the_driver_renders_is_what_lands_on_both_sides_of_the_card(
        front: u32, back: u32, position in 35_u32..70, overcoat: bool, back_turned: bool,
        head_type in 0_u32..3,
    ) {
        let printer = printer(Magicard {
            head_position: position,
            head_type,
            back_turned,
            ..Magicard::default()
        });
        let mut profile = Profile::enduro();
        profile.back_turned.value = back_turned;
        let mut driver = Enduro::open(printer.connection(), profile, ambient()).unwrap();
        let mut separations = [front, back].map(|seed| Separation::of_pure_black(&picture(seed)));
        separations[0].overcoat_holes.push(plastic::CONTACTS);
        let [front, back] = separations;
        driver
            .print(&Job { front: Some(front.clone()), back: Some(back.clone()), overcoat, copies: 1 })
            .unwrap();
        let machine = printer.machine();
        let card = machine.printed(1).unwrap();
        for (printed, wanted) in [(&card.front, &front), (&card.back, &back)] {
            let printed = printed.as_ref().unwrap();
            prop_assert!(close(&printed.picture(), &wanted.composed()));
            prop_assert!(printed.resin == wanted.black);
            prop_assert_eq!(printed.missed, 0);
            let covered = Bitmap::from_fn(WIDTH, HEIGHT, |x, y| {
                overcoat && !wanted.overcoat_holes.iter().any(|hole| hole.contains(x, y))
            });
            prop_assert!(printed.overcoat == covered);
        }
    }

    #[test]
    fn a_turned_side_and_its_holes_land_upside_down(seed: u32, kee: bool, position in 36_u32..70) {
        let (head, layout) = if kee { (Head::Kee, Layout::Kee) } else { (Head::Kge2, Layout::Kge2) };
        let options = JobOptions {
            head,
            margin: layout.margin(position, 0),
            ..JobOptions::new("1.0", 0)
        };
        let mut separation = Separation::of_pure_black(&picture(seed));
        let hole = Area { x: 30, y: 40, width: 100, height: 50 };
        separation.overcoat_holes.push(hole);
        let side = JobSide {
            separation: &separation,
            format: Format::Ymck,
            black_as_dye: false,
            turned: true,
            overcoat: Some(Overcoat::default()),
        };
        let job = build(&options, Some(&side), None).unwrap().encode();
        let printer = printer(Magicard { head_position: position, ..Magicard::default() });
        printer.connection().write_all(&job, LATER).unwrap();
        let machine = printer.machine();
        let upside_down = machine.printed(1).unwrap().front.as_ref().unwrap();
        prop_assert!(!upside_down.overcoat.get(WIDTH - 1 - 30, HEIGHT - 1 - 40));
        let printed = upside_down.turned();
        prop_assert!(close(&printed.picture(), &separation.composed()));
        prop_assert!(!printed.overcoat.get(30, 40) && printed.overcoat.get(29, 40));
        prop_assert!(!printed.overcoat.get(129, 89) && printed.overcoat.get(130, 89));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_leave_a_printer_that_answers(
        pieces in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..60),
                "\u{5}{0,9}\u{1},?(REQ,)?(INF|ERR|EJT|OKY|FEED[0-9]|CHP(UP|DOWN)|STA,[A-Zé]{0,5}|RST),?\u{1c}\u{3}"
                    .prop_map(String::into_bytes),
                "\u{1},NOC[0-9]{1,3},KGE2,DPX(ON|OFF),PAG[0-3](,SZ[BGRK]0){0,2}\u{1c}(\u{1c}[BGRK]:){0,2}\u{3}"
                    .prop_map(String::into_bytes),
            ],
            0..12,
        )
    ) {
        let printer = printer(Magicard::default());
        let mut connection = printer.connection();
        for piece in pieces {
            connection.write_all(&piece, LATER).unwrap();
        }
        // Whatever frame or page is under way ends with this.
        connection.write_all(&vec![0; 4 * 600_000], LATER).unwrap();
        connection.write_all(b"\x1c\x03\x01,REQ,INF,\x1c\x03", LATER).unwrap();
        let mut answers = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count) = connection.read(&mut buffer, Duration::ZERO) {
            answers.extend_from_slice(&buffer[..count]);
        }
        let start = answers.windows(6).rposition(|bytes| bytes == b"\x01STA$$").unwrap();
        prop_assert!(printers::magicard::Inf::parse(&answers[start..]).is_ok());
    }
}

#[test]
fn the_status_reply_says_what_the_driver_reads() {
    let printer = printer(Magicard::default());
    let mut driver = driver(&printer);
    let identity = driver.identify().unwrap();
    assert_eq!(identity.model, "Enduro+");
    assert_eq!(identity.serial, "52P2207");
    let can = driver.capabilities();
    assert!(can.contact_station && can.duplex && can.colour && !can.reject_tray);
    let before = driver.status().unwrap().film.unwrap().remaining;
    assert_eq!(before, Some(300));
    let text = resin_only(&picture(5), Halftone::Threshold);
    let job = Job {
        front: Some(text.clone()),
        back: Some(text),
        overcoat: false,
        copies: 1,
    };
    driver.print(&job).unwrap();
    let film = driver.status().unwrap().film.unwrap();
    assert_eq!(film.remaining, Some(298));
    assert_eq!(driver.inf().unwrap().cards_printed, Some(1));
}

#[test]
fn a_printer_with_the_other_meaning_of_up_and_down_works_with_an_edited_profile() {
    let printer = printer(Magicard {
        engage: "CHPUP".to_owned(),
        release: "CHPDOWN".to_owned(),
        ..Magicard::default()
    });
    struct Silent;
    impl Encoder for Silent {
        fn close_on(&mut self, _number: u64) -> io::Result<()> {
            Ok(())
        }
        fn open(&mut self) {}
    }
    let attached = printer.machine().transport_mut().attach(Box::new(Silent));
    attached.unwrap();
    let mut profile = Profile::enduro();
    profile.commands.feed_to_contacts.value = vec![",REQ,CHPUP,".to_owned()];
    profile.commands.release_contacts.value = vec![",REQ,CHPDOWN,".to_owned()];
    let mut driver = Enduro::open(printer.connection(), profile, ambient()).unwrap();
    driver.feed(printers::Position::Contacts).unwrap();
    let inside = printer.machine().transport().inside();
    assert_eq!(inside, Some((1, Place::Contacts)));
    driver.eject().unwrap();
    assert_eq!(
        printer.machine().transport().place_of(1),
        Some(Place::Output)
    );
}

#[test]
fn pictures_of_the_card_are_written_with_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup {
        out: Some(folder.path().to_owned()),
        ..Setup::default()
    };
    let printer = built(Magicard::default(), setup);
    let separation = Separation::of_pure_black(&picture(11));
    let job = Job {
        front: Some(separation.clone()),
        back: Some(separation.clone()),
        overcoat: true,
        copies: 1,
    };
    let mut driver = driver(&printer);
    for number in 1..=2 {
        driver.print(&job).unwrap();
        for side in ["front", "back"] {
            let path = folder.path().join(format!("card-{number}-{side}.png"));
            let printed = Raster::read_png(&path).unwrap();
            assert!(close(&printed, &separation.composed()), "{path:?}");
            assert!(
                folder
                    .path()
                    .join(format!("card-{number}-{side}-overcoat.png"))
                    .is_file()
            );
        }
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_a_fault_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, b"").unwrap();
    let setup = Setup {
        out: Some(blocked.join("out")),
        ..Setup::default()
    };
    let printer = built(Magicard::default(), setup);
    let job = Job {
        front: Some(resin_only(&picture(1), Halftone::Threshold)),
        back: None,
        overcoat: false,
        copies: 1,
    };
    let error = driver(&printer).print(&job).unwrap_err();
    let PrinterError::Faulted { fault, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(fault.code, "90:06");
    assert!(fault.text.unwrap().contains("failed to write"));
}

#[test]
fn a_job_over_tcp_with_a_question_in_front_is_answered_and_printed() {
    let printer = printer(Magicard::default());
    let server = PrinterServer::start(printer.clone(), "127.0.0.1:0").unwrap();
    let address = server.address().to_string();
    let mut connection = TcpConnection::open(&address, LATER).unwrap();
    let separation = Separation::of_pure_black(&picture(21));
    let side = JobSide {
        separation: &separation,
        format: Format::Ymck,
        black_as_dye: false,
        turned: false,
        overcoat: None,
    };
    let mut job = build(&JobOptions::new("1.0", 0), Some(&side), None).unwrap();
    job.queries.push(printers::magicard::Query::inf());
    let mut bytes = job.encode();
    bytes.extend(printers::magicard::Query::err().to_bytes());
    connection.write_all(&bytes, LATER).unwrap();
    let mut answers = Vec::new();
    while answers.iter().filter(|byte| **byte == 3).count() < 2 {
        let mut buffer = [0; 512];
        let count = connection.read(&mut buffer, LATER).unwrap();
        answers.extend_from_slice(&buffer[..count]);
    }
    assert!(answers.starts_with(b"\x01STA$$19,Enduro+"));
    assert!(answers.ends_with(b"\n00:00\n(c0300)\x03"));
    let machine = printer.machine();
    let printed = machine.printed(1).unwrap().front.as_ref().unwrap();
    assert!(close(&printed.picture(), &separation.composed()));
}

#[test]
fn a_driver_over_tcp_prints_and_the_server_ends_when_dropped() {
    let printer = printer(Magicard::default());
    let server = PrinterServer::start(printer.clone(), "127.0.0.1:0").unwrap();
    let address = server.address().to_string();
    let connection = TcpConnection::open(&address, LATER).unwrap();
    let mut driver = Enduro::open(connection, Profile::enduro(), ground::System::shared()).unwrap();
    let job = Job {
        front: Some(resin_only(&picture(1), Halftone::FloydSteinberg)),
        back: None,
        overcoat: false,
        copies: 1,
    };
    driver.print(&job).unwrap();
    assert!(printer.machine().printed(1).is_some());
    drop(server);
    assert!(matches!(
        driver.status(),
        Err(PrinterError::Connection { .. })
    ));
}

#[test]
fn a_job_that_makes_no_sense_is_a_fault_until_somebody_says_okay() {
    let setup = Setup {
        duplex: false,
        ..Setup::default()
    };
    let printer = built(Magicard::default(), setup);
    let mut connection = printer.connection();
    for bad in [
        &b"\x01,NOC1,KGE,SZK97536\x1c\x03"[..],
        b"\x01,NOC1,KGE2,SZK5\x1c\x03",
        b"\x01,NOC1,KGE2,DPXON,PAG2\x1c\x03",
        b"\x01,NOC1,BSO,KGE2,PAG1\x1c\x03",
    ] {
        connection.write_all(bad, LATER).unwrap();
        assert_eq!(printer.machine().trouble(), Some(Trouble::BadJob));
        connection
            .write_all(b"\x01,REQ,OKY,\x1c\x03", LATER)
            .unwrap();
        assert_eq!(printer.machine().trouble(), None);
    }
    assert_eq!(printer.machine().transport().inside(), None);
}

/// The jobs of the vendor's own driver, printed: what lands on the card is the picture it was
/// given. Colour that runs under the edge of black cannot be seen.
#[test]
fn the_vendors_jobs_print_the_pictures_they_were_made_of() {
    let data = std::env::var_os("CARDWRIGHT_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let folder = data.join("magicard");
    if !folder.is_dir() {
        println!("skipped: no test data at {}", folder.display());
        return;
    }
    // Name, head position, whether the operator had the driver turn the picture.
    for (name, head_position, turned) in [
        ("d1-chart-ymc", 50, false),
        ("d2-badge-ymck", 50, false),
        ("d3-text-mono", 50, false),
        ("d4-badge-maghole", 40, false),
        ("d5-backonly-rot", 60, true),
        ("d6-field-blackymc", 50, false),
    ] {
        let packed = std::fs::read(folder.join(format!("{name}.prn.zst"))).unwrap();
        let job = zstd::decode_all(packed.as_slice()).unwrap();
        let wanted = Raster::read_png(&folder.join(format!("{name}.png"))).unwrap();
        let printer = printer(Magicard {
            head_position,
            ..Magicard::default()
        });
        printer.connection().write_all(&job, LATER).unwrap();
        let machine = printer.machine();
        let card = machine.printed(1).unwrap();
        let printed = card.front.as_ref().or(card.back.as_ref()).unwrap();
        assert_eq!(card.front.is_none(), name.contains("backonly"));
        assert_eq!(printed.missed, 0);
        let printed = if turned {
            printed.turned()
        } else {
            (**printed).clone()
        };
        let picture = printed.picture();
        let portrait = wanted.width() < wanted.height();
        // The driver draws lots for the border of a resin-only page.
        let border = u32::from(name.contains("mono"));
        for y in border..HEIGHT - border {
            for x in border..WIDTH - border {
                let wanted = if portrait {
                    wanted.get(HEIGHT - 1 - y, x)
                } else {
                    wanted.get(x, y)
                };
                let dot = picture.get(x, y);
                let near = dot.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= 3);
                assert!(near, "{name} at {x}, {y}: {dot:?}, expected {wanted:?}");
            }
        }
        let covered = printed.overcoat.count();
        let hole = if name.contains("maghole") {
            1016 * 171
        } else {
            0
        };
        let coated = !["d1-chart-ymc", "d3-text-mono"].contains(&name);
        assert_eq!(
            covered,
            if coated { 1016 * 642 - hole } else { 0 },
            "{name}"
        );
    }
}
