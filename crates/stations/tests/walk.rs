//! The walk over simulated stations.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::sync::Arc;
use std::time::Duration;

use firmware_sim::card::{AnyModel, Condition, Model, PivChip, SimCard};
use firmware_sim::contacts::Contacts;
use firmware_sim::printer::Place;
use firmware_sim::station::{Config, SimStation};
use ground::{Ambient, Virtual};
use iso7816::Reader;
use plastic::{Raster, Separation};
use printers::magicard::{Enduro, Profile};
use printers::{FileConnection, Job, Printer};
use stations::{Ends, Finding, Leg, Walk, WalkReport};

struct Bench {
    ambient: Arc<dyn Ambient>,
    station: SimStation,
    printer: Box<dyn Printer>,
}

impl Bench {
    fn new() -> Self {
        let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
        let mut config = Config::new("sim:series10", 2, Arc::clone(&ambient));
        config.printer.timing.motion = Duration::from_secs(2);
        let model = Model::series10();
        let station = SimStation::open(config, move |number| {
            Ok(Box::new(PivChip::blank(&model, number)))
        })
        .unwrap();
        let profile = Profile::enduro()
            .with_faults(firmware_sim::printer::FAULT_TABLE)
            .unwrap();
        let printer =
            Enduro::open(station.printer_connection(), profile, Arc::clone(&ambient)).unwrap();
        Self {
            ambient,
            station,
            printer: Box::new(printer),
        }
    }

    fn walk(&mut self, encoder: &mut dyn Reader, job: Option<Job>) -> (WalkReport, Vec<Leg>) {
        let mut seen = Vec::new();
        let contacts = self.station.contacts();
        let mut elsewhere = move || {
            let mut contacts = contacts.clone();
            match contacts.card_present() {
                Ok(true) => vec!["the other reader".to_owned()],
                _ => Vec::new(),
            }
        };
        let report = Walk {
            printer: &mut *self.printer,
            encoder,
            card_within: Duration::from_secs(10),
            job,
            ends: Ends::Output,
            elsewhere: &mut elsewhere,
            observer: &mut |leg| seen.push(leg.clone()),
            ambient: Arc::clone(&self.ambient),
        }
        .run();
        (report, seen)
    }
}

fn wrong(report: &WalkReport) -> (&'static str, &str, &str) {
    let leg = report.legs.last().unwrap();
    let Finding::Wrong { found, next } = &leg.finding else {
        panic!("{leg:?}");
    };
    (leg.what, found, next.as_deref().unwrap_or_default())
}

#[test]
fn a_card_goes_through_every_position_and_comes_out_blank() {
    let mut bench = Bench::new();
    let (report, seen) = bench.walk(&mut bench.station.contacts(), None);
    assert!(report.is_fine(), "{report:?}");
    assert_eq!(report.legs, seen);
    assert_eq!(report.whereabouts, "in the output tray");
    assert!(report.card.is_some());
    let leg = |what| report.legs.iter().find(|leg| leg.what == what).unwrap();
    // Drawn, then to standby or to the contacts: two motions of two seconds at least.
    assert!(leg("feed to the contacts").took >= Duration::from_secs(4));
    assert!(matches!(leg("print").finding, Finding::Skipped { .. }));
    assert_eq!(
        bench
            .station
            .printer()
            .machine()
            .transport()
            .cards_at(Place::Output),
        [1]
    );
    assert!(bench.station.printed(1).is_none());
}

#[test]
fn a_test_face_is_printed_when_asked_for() {
    let mut bench = Bench::new();
    let mut picture = Raster::white(plastic::WIDTH, plastic::HEIGHT);
    picture.set(500, 300, [0, 0, 0]);
    let job = Job {
        front: Some(Separation::of_pure_black(&picture)),
        ..Job::default()
    };
    let (report, _) = bench.walk(&mut bench.station.contacts(), Some(job));
    assert!(report.is_fine(), "{report:?}");
    assert!(bench.station.printed(1).is_some());
}

#[test]
fn a_wrong_pairing_is_found_and_the_right_reader_named() {
    let mut bench = Bench::new();
    let mut wrong_reader = Contacts::new("pcsc:somewhere else");
    let (report, _) = bench.walk(&mut wrong_reader, None);
    let (what, found, next) = wrong(&report);
    assert_eq!(what, "card appears in the encoder");
    assert!(
        found.contains("somewhere else") && found.contains("the other reader"),
        "{found}"
    );
    assert!(next.contains("name that reader"), "{next}");
    assert!(report.whereabouts.contains("output tray"));
    assert!(bench.station.inside().is_none(), "the card was left inside");
}

#[test]
fn an_encoder_that_holds_a_card_ends_the_walk_before_any_is_fed() {
    let mut bench = Bench::new();
    let mut occupied = Contacts::new("pcsc:occupied");
    let model = AnyModel::from(Model::series10());
    occupied.close_on(Box::new(SimCard::new(&model, 9, Condition::Blank)));
    let (report, _) = bench.walk(&mut occupied, None);
    assert_eq!(wrong(&report).0, "look into the encoder");
    assert_eq!(report.whereabouts, "no card was fed");
    assert_eq!(bench.station.printer().machine().transport().left(), 2);
}

#[test]
fn a_fault_says_what_to_do_and_where_the_card_is() {
    for (fault, at, action) in [
        (
            "draw:hopper-empty",
            "feed to the contacts",
            "load blank cards",
        ),
        ("contacts:jam", "feed to the contacts", "take the card out"),
        (
            "eject:cover-open",
            "move to the output tray",
            "close the cover",
        ),
    ] {
        let mut bench = Bench::new();
        bench.station.script(fault.parse().unwrap());
        let (report, _) = bench.walk(&mut bench.station.contacts(), None);
        let (what, _, next) = wrong(&report);
        assert_eq!(what, at, "{fault}");
        assert!(next.contains(action), "{fault}: {next}");
        assert!(!report.is_fine());
        assert!(!report.whereabouts.is_empty());
    }
}

#[test]
fn a_printer_that_moves_no_card_is_told_before_anything_else() {
    let mut bench = Bench::new();
    let file = tempfile::tempdir().unwrap();
    let connection = FileConnection::create(&file.path().join("job.prn")).unwrap();
    let ambient = Arc::clone(&bench.ambient);
    bench.printer = Box::new(Enduro::open(connection, Profile::enduro(), ambient).unwrap());
    let (report, _) = bench.walk(&mut bench.station.contacts(), None);
    let (what, found, next) = wrong(&report);
    assert_eq!(what, "ask what the printer can");
    assert!(found.contains("moves no card"), "{found}");
    assert!(next.contains("another reader"), "{next}");
    assert_eq!(report.whereabouts, "no card was fed");
}
