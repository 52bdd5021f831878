//! Whole cards through a dispenser with an encoder and without a printer: chips only.
#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test fail it like the test itself"
)]

#[path = "issue/mortal_store.rs"]
mod mortal_store;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use face::{Fonts, Renderer, Template};
use firmware_sim::card::{Condition, Model, SimCard};
use firmware_sim::contacts::{Chip, Contacts};
use firmware_sim::dispenser::{Config, SimDispenser, SimLine};
use firmware_sim::printer::Place;
use ground::{Ambient, Blame, Blamed, Virtual};
use iso7816::{Channel, Reader};
use issuance::DataDir;
use issuance::authority::TestAuthority;
use issuance::issue::{Batch, IssueEvent, Issuer, Observer, Station};
use issuance::keys::{KeyRing, Purpose};
use issuance::request::{Request, RequestId};
use issuance::store::{CardState, Handover, Outcome, SqliteStore, StepKind};
use piv::secrets::Passcode;
use piv::words::Algorithm;
use plastic::Raster;
use printers::{Job, Printer, PrinterError};
use readers::crt591::Profile;
use readers::{Crt591, Line};
use series::Profiles;
use tempfile::TempDir;

use mortal_store::MortalStore;

const PASSCODE: &str = "90817263";
const ONE: &str = "555253521108";
const TWO: &str = "555253521116";

/// The simulated line, as the driver wants it.
struct Wire(SimLine);

impl Line for Wire {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn read(&mut self, buffer: &mut [u8], within: Duration) -> io::Result<usize> {
        self.0.read(buffer, within)
    }

    fn set_speed(&mut self, baud: u32) -> io::Result<()> {
        self.0.set_speed(baud);
        Ok(())
    }
}

struct Bench {
    folder: TempDir,
    sim: SimDispenser,
    ambient: Arc<dyn Ambient>,
    /// The serial port; none for the line inside this process.
    port: Option<PathBuf>,
    die_after: Arc<Mutex<Option<StepKind>>>,
    /// `None` while the program is down.
    running: Option<(Issuer, Station)>,
}

impl Bench {
    fn new(blanks: u64) -> Self {
        let mut bench = Self::stopped(blanks, Arc::new(Virtual::new(11)));
        bench.restart();
        bench
    }

    /// The dispenser is on and the program is not.
    fn stopped(blanks: u64, ambient: Arc<dyn Ambient>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sim = dispenser(&folder, blanks, &ambient);
        Self {
            folder,
            sim,
            ambient,
            port: None,
            die_after: Arc::default(),
            running: None,
        }
    }

    /// Ends the program, if it still runs, and starts it again beside the same dispenser.
    fn restart(&mut self) {
        self.running = None;
        let ambient = &self.ambient;
        let data = DataDir::open(&self.folder.path().join("data")).unwrap();
        let authority =
            TestAuthority::open_or_create(&data.authority(), Arc::clone(ambient)).unwrap();
        let issuer = Issuer {
            store: Box::new(MortalStore::new(
                SqliteStore::open(&data.journal()).unwrap(),
                Arc::clone(&self.die_after),
            )),
            keys: KeyRing::open_or_create_test(&data.keys(), &**ambient).unwrap(),
            authority: Box::new(authority),
            profiles: quick_profiles(),
            series: vec!["series-10".to_owned()],
            renderer: Renderer::new(Fonts::builtin()),
            limits: face::Limits::builtin().clone(),
            template: Template::builtin(),
            data,
            handover: Handover::Held,
            ambient: Arc::clone(ambient),
        };
        let profile = Profile::builtin();
        let opened = match &self.port {
            Some(path) => Crt591::open(path.to_str().unwrap(), profile, Arc::clone(ambient)),
            None => {
                let line = Box::new(Wire(self.sim.line()));
                Crt591::over("twin", line, profile, Arc::clone(ambient))
            }
        };
        let (mover, encoder) = opened.unwrap();
        let station = Station {
            name: "chips only".to_owned(),
            purpose: Purpose::Test,
            printer: Box::new(mover),
            encoder: Box::new(encoder),
            card_within: Duration::from_secs(1),
            witness: None,
        };
        self.running = Some((issuer, station));
    }

    fn request(&self, id: &str, user: &str) -> Request {
        let photo = self.folder.path().join("photo.png");
        if !photo.exists() {
            Raster::white(600, 750).write_png(&photo).unwrap();
        }
        Request {
            id: RequestId::new(id).unwrap(),
            user: user.parse().unwrap(),
            name: "Zoë O’Neill-Müller".to_owned(),
            photo,
            organisation: "Example NHS Trust".to_owned(),
            series: None,
        }
    }

    fn run(&mut self, requests: &[Request]) -> Batch {
        self.run_observed(requests, &mut |_: &IssueEvent<'_>| {})
    }

    fn run_observed(&mut self, requests: &[Request], observer: &mut dyn Observer) -> Batch {
        let mut passcodes = |_: &Request| Ok(Passcode::new(PASSCODE).unwrap());
        let (issuer, station) = self.running.as_mut().unwrap();
        issuer
            .issue_all(station, requests, &mut passcodes, observer)
            .unwrap()
    }

    fn cards(&self) -> Vec<issuance::store::CardRecord> {
        self.running.as_ref().unwrap().0.store.cards().unwrap()
    }

    fn printer(&mut self) -> &mut dyn Printer {
        &mut *self.running.as_mut().unwrap().1.printer
    }

    fn at(&self, place: Place) -> Vec<u64> {
        self.sim.twin().transport().cards_at(place)
    }

    fn fault(&self, text: &str) {
        self.sim.twin().faults().script(text.parse().unwrap());
    }
}

/// A dispenser that remembers its cards in the folder, and whose chips do so, too.
fn dispenser(folder: &TempDir, blanks: u64, ambient: &Arc<dyn Ambient>) -> SimDispenser {
    let state = folder.path().join("dispenser");
    let config = Config {
        state: Some(state.clone()),
        ..Config::new(blanks, Arc::clone(ambient))
    };
    SimDispenser::open(config, move |number| {
        let path = state.join(format!("card-{number}.card"));
        let card = SimCard::open(&path, &Model::series10().into(), number, Condition::Blank)?;
        Ok(Box::new(card) as Box<dyn Chip>)
    })
    .unwrap()
}

/// Series 10 with keys that are made quickly.
fn quick_profiles() -> Profiles {
    let mut profiles = Profiles::builtin();
    let mut profile = profiles.get("series-10").unwrap().clone();
    let slots = &mut profile.piv.as_mut().unwrap().slots;
    slots.authentication.algorithm.value = Algorithm::P256;
    slots.signing.algorithm.value = Algorithm::P384;
    profiles.put(profile);
    profiles
}

/// The card of that number, taken from the gate into another reader, takes the passcode.
fn opens(sim: &SimDispenser, number: u64) -> bool {
    let mut reader = Contacts::new("sim:desk");
    reader.close_on(sim.take(number).unwrap().unwrap());
    let channel = Channel::new(reader.connect(Duration::ZERO).unwrap());
    let mut client = piv::Client::select(channel).unwrap();
    let passcode = Passcode::new(PASSCODE).unwrap();
    client
        .verify(piv::words::PinReference::Application, &passcode)
        .is_ok()
}

#[test]
fn chips_are_issued_without_a_face_and_the_journal_says_so() {
    let mut bench = Bench::new(3);
    let requests = [bench.request("R1", ONE), bench.request("R2", TWO)];
    let mut steps = Vec::new();
    let batch = bench.run_observed(&requests, &mut |event: &IssueEvent<'_>| {
        if let IssueEvent::StepBegun {
            step, number, of, ..
        } = event
        {
            steps.push((*step, *number, *of));
        }
    });
    assert!(batch.is_complete(), "{:?}", batch.failed);
    assert_eq!(batch.issued.len(), 2);
    assert!(batch.issued.iter().all(|card| card.face.is_none()));
    assert!(steps.iter().all(|(step, ..)| !step.is_of_the_face()));
    assert!(steps.iter().all(|(_, _, of)| *of == 15));
    assert_eq!(steps[14].1, 15);
    assert_eq!(steps[14].0, StepKind::HandOver(Handover::Held));

    let cards = bench.cards();
    let eject = cards[0].steps.iter().find(|it| it.kind == StepKind::Eject);
    let Some((Outcome::Done { detail }, _)) = &eject.unwrap().outcome else {
        panic!("{eject:?}");
    };
    assert_eq!(detail, "the face is blank: `crt591:twin` does not print");
    assert_eq!(bench.at(Place::Output), [1, 2]);

    let moves = bench.sim.log().len();
    let again = bench.run(&requests);
    assert_eq!(again.already_issued, batch.issued);
    assert_eq!(bench.sim.log().len(), moves, "no card has moved");
    assert!(opens(&bench.sim, 1) && opens(&bench.sim, 2));
}

#[test]
fn a_name_no_font_has_is_no_hindrance_where_nothing_is_printed() {
    let mut bench = Bench::new(1);
    let mut request = bench.request("R1", ONE);
    request.name = "\u{10330}\u{10331}".to_owned();
    assert!(bench.run(&[request]).is_complete());
}

#[test]
fn a_print_job_is_refused() {
    let mut bench = Bench::new(1);
    let error = bench.printer().print(&Job::default()).unwrap_err();
    assert!(matches!(error, PrinterError::Lacks { .. }));
    assert_eq!(bench.sim.inside(), None);
}

/// When the program dies in a step.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Death {
    BeforeEffect,
    AfterEffect,
}

/// The program dies in every step in turn. Afterwards the person has exactly one card, and every
/// card that left the stacker lies in the gate or in the error bin.
#[test]
fn a_crash_in_any_step_loses_nothing_and_issues_nothing_twice() {
    for kind in StepKind::ORDER {
        let left_out = kind.is_of_the_face()
            || matches!(
                kind,
                StepKind::WriteSerial | StepKind::HandOver(Handover::Delivered)
            );
        if !left_out {
            crash(kind, Death::BeforeEffect, false);
            crash(kind, Death::AfterEffect, false);
        }
    }
}

/// The power of the whole place fails.
#[test]
fn a_dispenser_that_goes_down_with_the_program_keeps_its_cards() {
    for kind in [StepKind::Identify, StepKind::ReadBack, StepKind::Eject] {
        crash(kind, Death::BeforeEffect, true);
        crash(kind, Death::AfterEffect, true);
    }
}

fn crash(kind: StepKind, death: Death, everything: bool) {
    let place = format!("{death:?} of `{}`", kind.name());
    let mut bench = Bench::new(3);
    let requests = [bench.request("R1", ONE)];
    if death == Death::AfterEffect {
        *bench.die_after.lock().unwrap() = Some(kind);
    }
    let crashed = catch_unwind(AssertUnwindSafe(|| {
        bench.run_observed(&requests, &mut |event: &IssueEvent<'_>| {
            if let IssueEvent::StepBegun { step, .. } = event {
                let dies = death == Death::BeforeEffect && *step == kind;
                assert!(!dies, "the program dies here");
            }
        })
    }));
    assert!(crashed.is_err(), "not reached: {place}");
    *bench.die_after.lock().unwrap() = None;

    if everything {
        bench.running = None;
        // Its folder is free again only when nobody holds it any more.
        let placeholder = SimDispenser::open(Config::new(0, Arc::clone(&bench.ambient)), |_| {
            Err("there is no card".into())
        });
        bench.sim = placeholder.unwrap();
        bench.sim = dispenser(&bench.folder, 99, &bench.ambient);
    }
    bench.restart();
    let batch = bench.run(&requests);
    assert_eq!(batch.recovered.len(), 1, "{place}");
    assert!(batch.is_complete(), "{place}: {:?}", batch.failed);
    let cards = bench.cards();
    let count =
        |wanted: fn(&CardState) -> bool| cards.iter().filter(|card| wanted(&card.state)).count();
    assert_eq!(
        count(|state| matches!(state, CardState::Issued { .. })),
        1,
        "{place}"
    );
    assert_eq!(count(CardState::is_unfinished), 0, "{place}");
    let finished = kind >= StepKind::Eject;
    let spoiled = count(|state| matches!(state, CardState::Spoiled { .. }));
    assert_eq!(
        spoiled,
        usize::from(kind.marks_blank() && !finished),
        "{place}"
    );
    assert_eq!(bench.sim.inside(), None, "{place}");
    assert_eq!(bench.at(Place::Output).len(), 1, "{place}");
    let fed = kind != StepKind::Feed || death == Death::AfterEffect;
    assert_eq!(
        bench.at(Place::Reject).len(),
        usize::from(fed && !finished),
        "{place}"
    );
}

/// A card is ejected and then the program dies before the next step is begun: nothing is between
/// reading back and ejecting at such a station.
#[test]
fn a_card_that_only_had_to_leave_is_finished() {
    let mut bench = Bench::new(2);
    let requests = [bench.request("R1", ONE)];
    let crashed = catch_unwind(AssertUnwindSafe(|| {
        bench.run_observed(&requests, &mut |event: &IssueEvent<'_>| {
            if let IssueEvent::StepDone { step, .. } = event {
                assert!(*step != StepKind::ReadBack, "the program dies here");
            }
        })
    }));
    assert!(crashed.is_err());
    bench.restart();
    let batch = bench.run(&requests);
    assert_eq!(batch.already_issued.len(), 1);
    assert_eq!(bench.at(Place::Output), [1]);
    assert!(opens(&bench.sim, 1));
}

#[test]
fn answers_lost_on_the_line_cost_no_card() {
    for fault in [
        "move:silent",
        "move:2:silent",
        "move:mute",
        "move:2:bad-bcc",
        "transfer:9:bad-bcc",
    ] {
        let mut bench = Bench::new(3);
        bench.fault(fault);
        let batch = bench.run(&[bench.request("R1", ONE)]);
        assert!(batch.is_complete(), "{fault}: {:?}", batch.failed);
        assert_eq!(bench.at(Place::Output), [1], "{fault}");
        assert_eq!(bench.sim.twin().transport().left(), 2, "{fault}");
    }
}

#[test]
fn a_command_whose_answer_is_lost_spoils_the_blank_by_number() {
    let mut bench = Bench::new(3);
    let requests = [bench.request("R1", ONE)];
    bench.fault("transfer:25:silent");
    let batch = bench.run(&requests);
    let failure = &batch.failed[0];
    assert_eq!(failure.blame(), Blame::ReaderFault, "{failure}");
    assert!(failure.outcome.contains("in the reject tray"), "{failure}");
    assert_eq!(bench.at(Place::Reject), [1]);
    assert!(bench.run(&requests).is_complete());
    assert_eq!(bench.at(Place::Output), [2]);
}

#[test]
fn troubles_of_the_dispenser_are_told_and_the_request_stays_open() {
    // What goes wrong, where the card is meanwhile, and how many cards it cost.
    for (fault, step, drawn) in [
        ("move:jam", StepKind::Feed, 1),
        ("move:code=51", StepKind::Feed, 0),
        ("move:2:jam", StepKind::Eject, 1),
        ("reset:code=61", StepKind::Identify, 0),
    ] {
        let mut bench = Bench::new(3);
        if fault.starts_with("reset") {
            // At the second voltage neither.
            bench.fault(fault);
        }
        bench.fault(fault);
        let requests = [bench.request("R1", ONE)];
        let batch = bench.run(&requests);
        let failure = &batch.failed[0];
        assert_eq!(failure.step, Some(step), "{failure}");
        bench.sim.twin().clear().unwrap();
        let batch = bench.run(&requests);
        assert!(batch.is_complete(), "{fault}: {:?}", batch.failed);
        assert_eq!(bench.at(Place::Output).len(), 1, "{fault}");
        assert_eq!(bench.at(Place::TakenOut).len(), drawn, "{fault}");
        assert_eq!(bench.sim.inside(), None, "{fault}");
    }
}

#[test]
fn an_empty_stacker_says_what_to_do() {
    let mut bench = Bench::new(0);
    let requests = [bench.request("R1", ONE)];
    let failure = bench.run(&requests).failed.remove(0);
    assert_eq!(failure.hint().unwrap(), "load blank cards and continue");
    bench.sim.load(1).unwrap();
    assert!(bench.run(&requests).is_complete());
}

/// The same over a serial port, on the clock of the machine.
#[cfg(unix)]
#[test]
fn a_card_is_issued_over_a_pseudo_terminal() {
    use firmware_sim::dispenser::serve;
    use firmware_sim::reader::Pty;
    use firmware_sim::vpcd::Stop;

    let mut bench = Bench::stopped(2, ground::System::shared());
    let mut pty = Pty::open().unwrap();
    bench.port = Some(pty.path().to_owned());
    let (stop, sim) = (Stop::new(), bench.sim.clone());
    let asked = stop.clone();
    let served = std::thread::spawn(move || serve(sim.shared(), &mut pty, &asked));
    bench.restart();
    bench.fault("move:bad-bcc");
    let batch = bench.run(&[bench.request("R1", ONE)]);
    assert!(batch.is_complete(), "{:?}", batch.failed);
    assert_eq!(bench.at(Place::Output), [1]);
    bench.running = None;
    stop.stop();
    served.join().unwrap().unwrap();
    assert!(opens(&bench.sim, 1));
}
