//! Every fault of the station while a card is issued: the card is accounted for, and the request
//! is still to be done.

use std::collections::BTreeSet;

use firmware_sim::card::Model;
use firmware_sim::printer::{Movement, Place};
use ground::{Blame, Blamed};
use issuance::issue::{Batch, IssueError};
use issuance::store::{BlankState, CardState, StepKind};

use crate::bench::{Bench, request};

const PERSON: &str = "555253521108";
const BLANKS: u64 = 5;

/// Where a fault leaves the physical card, and what it does to the blank.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Blank {
    /// Nothing was written: it can be used still, or was never read.
    Unharmed,
    /// Writing had begun: its number is spoiled.
    Spoiled,
}

/// The numbers of cards at a place.
fn at(bench: &Bench, place: Place) -> Vec<u64> {
    (1..=BLANKS)
        .filter(|number| bench.sim.place_of(*number) == Some(place))
        .collect()
}

fn run(bench: &mut Bench) -> Batch {
    let requests = [request(bench, "R1", PERSON)];
    bench.run(&requests).unwrap()
}

fn count(bench: &Bench, wanted: fn(&CardState) -> bool) -> usize {
    let cards = bench.cards();
    cards.iter().filter(|card| wanted(&card.state)).count()
}

fn no_card_is_lost(bench: &Bench, script: &str) {
    for number in 1..=BLANKS {
        assert!(bench.sim.place_of(number).is_some(), "{script}: {number}");
    }
}

fn fault(script: &str, step: StepKind, blank: Blank) {
    let mut bench = Bench::new(Model::series10(), BLANKS);
    bench.sim.script(script.parse().unwrap());
    let batch = run(&mut bench);
    assert!(batch.issued.is_empty(), "{script}");
    let failure = &batch.failed[0];
    assert_eq!(failure.step, Some(step), "{script}: {failure}");
    let machines = [
        Blame::PrinterFault,
        Blame::ReaderFault,
        Blame::CardMisbehaved,
    ];
    assert!(machines.contains(&failure.blame()), "{script}: {failure}");
    no_card_is_lost(&bench, script);
    assert_eq!(
        count(&bench, |state| matches!(state, CardState::Issued { .. })),
        0
    );
    assert_eq!(
        count(&bench, CardState::is_unfinished),
        0,
        "{script}: {failure}"
    );
    let spoiled = |bench: &Bench| {
        let blanks = bench.blanks();
        let spoiled = blanks
            .iter()
            .filter(|blank| matches!(blank.state, BlankState::Spoiled { .. }));
        spoiled.count()
    };
    let expected = usize::from(blank == Blank::Spoiled);
    assert_eq!(spoiled(&bench), expected, "{script}: {failure}");
    // What was touched has left the hopper, and nothing is said about the rest.
    let drawn: BTreeSet<u64> = bench
        .sim
        .log()
        .iter()
        .filter_map(|entry| match entry.movement {
            Movement::Moved {
                number,
                from: Place::Hopper,
                ..
            } => Some(number),
            _ => None,
        })
        .collect();
    let hopper = at(&bench, Place::Hopper);
    assert_eq!((drawn.len() + hopper.len()) as u64, BLANKS, "{script}");

    // The operator deals with it and starts the program again. A card that lies in the printer
    // still may have to be put away first, which costs one more run.
    bench.sim.clear().unwrap();
    bench.restart();
    let mut batch = run(&mut bench);
    if !batch.is_complete() {
        bench.restart();
        batch = run(&mut bench);
    }
    assert!(batch.is_complete(), "{script}: {:?}", batch.failed);
    assert_eq!(
        count(&bench, |state| matches!(state, CardState::Issued { .. })),
        1,
        "{script}"
    );
    assert_eq!(count(&bench, CardState::is_unfinished), 0, "{script}");
    assert_eq!(bench.sim.inside(), None, "{script}: a card is left inside");
    assert_eq!(spoiled(&bench), expected, "{script}: spoiled twice");
    no_card_is_lost(&bench, script);
    // The issued card is one that was printed whole, once.
    let whole = |number: u64| {
        bench
            .sim
            .log_of(number)
            .iter()
            .filter(|movement| matches!(movement, Movement::Printed { .. }))
            .count()
    };
    let printed: Vec<usize> = (1..=BLANKS).map(whole).collect();
    let issued = batch.issued.len() + batch.already_issued.len();
    assert_eq!(issued, 1, "{script}");
    assert!(
        printed.iter().all(|times| *times <= 1),
        "{script}: {printed:?}"
    );
}

#[test]
fn a_fault_while_the_card_is_drawn_or_brought_to_the_contacts_harms_no_blank() {
    for script in [
        "draw:card-not-drawn-in",
        "draw:hopper-empty",
        "draw:cover-open",
        "draw:jam",
        "draw:double-feed",
        "draw:silent",
        "draw:power-cut",
        "draw:slow=60000",
        "contacts:jam",
        "contacts:cover-open",
        "contacts:silent",
        "contacts:power-cut",
    ] {
        fault(script, StepKind::Feed, Blank::Unharmed);
    }
    fault("contacts:mute", StepKind::Identify, Blank::Unharmed);
}

#[test]
fn a_fault_while_the_card_is_printed_spoils_its_blank_by_number() {
    for script in [
        "print:jam",
        "print:film-out",
        "print:wrong-film",
        "print:head-hot",
        "print:cover-open",
        "print:silent",
        "print:power-cut",
        "side:film-out",
        "side:jam",
        "side:cover-open",
        "side:power-cut",
        "eject:jam",
        "eject:output-full",
        "eject:silent",
        "eject:power-cut",
    ] {
        fault(script, StepKind::Print, Blank::Spoiled);
    }
}

#[test]
fn both_cards_of_a_double_feed_are_set_aside_and_neither_is_issued() {
    let mut bench = Bench::new(Model::series10(), BLANKS);
    bench.sim.script("draw:double-feed".parse().unwrap());
    assert!(run(&mut bench).issued.is_empty());
    assert_eq!(at(&bench, Place::Standby), [1]);
    assert_eq!(at(&bench, Place::Feeder), [2]);
    bench.sim.clear().unwrap();
    assert_eq!(at(&bench, Place::TakenOut), [1, 2]);
    bench.restart();
    assert!(run(&mut bench).is_complete());
    assert_eq!(at(&bench, Place::Output), [3]);
}

#[test]
fn a_card_of_another_model_in_the_hopper_is_refused_unharmed_and_handed_out() {
    let mut bench = Bench::new(Model::series10(), BLANKS);
    bench.sim.script("draw:other-model".parse().unwrap());
    let batch = run(&mut bench);
    let failure = &batch.failed[0];
    assert_eq!(failure.step, Some(StepKind::Identify), "{failure}");
    assert!(
        matches!(
            failure.error,
            IssueError::Identify(_) | IssueError::WrongSeries { .. }
        ),
        "{failure}"
    );
    assert_eq!(at(&bench, Place::Output), [1]);
    assert!(
        bench
            .blanks()
            .iter()
            .all(|blank| !matches!(blank.state, BlankState::Spoiled { .. }))
    );
    assert!(run(&mut bench).is_complete());
    assert_eq!(at(&bench, Place::Output), [1, 2]);
}

#[test]
fn a_printer_that_answers_late_is_waited_for() {
    let mut bench = Bench::new(Model::series10(), BLANKS);
    for script in ["draw:slow=1500", "print:slow=1900"] {
        bench.sim.script(script.parse().unwrap());
    }
    let batch = run(&mut bench);
    assert!(batch.is_complete(), "{:?}", batch.failed);
    assert_eq!(at(&bench, Place::Output), [1]);
}

/// At the speed of a real printer a card takes at least as long as its printing alone.
#[test]
fn a_card_at_a_printer_as_quick_as_published_takes_its_time() {
    let mut bench = Bench::at_published_speed(Model::series10(), BLANKS);
    let batch = run(&mut bench);
    let took = batch.issued[0].took;
    assert!(took >= std::time::Duration::from_secs(35), "{took:?}");
    assert!(took <= std::time::Duration::from_secs(60), "{took:?}");
}
