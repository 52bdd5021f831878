use ground::Virtual;

use super::*;
use crate::printer::log::Entry;
use crate::printer::setup::Timing;

fn ambient() -> Arc<dyn Ambient> {
    Arc::new(Virtual::new(1))
}

fn full() -> Setup {
    Setup {
        antenna: true,
        reject_tray: true,
        ..Setup::default()
    }
}

struct Anything;

impl crate::printer::Encoder for Anything {
    fn close_on(&mut self, _number: u64) -> io::Result<()> {
        Ok(())
    }
    fn open(&mut self) {}
}

fn machine(setup: Setup) -> Machine {
    let mut transport = Transport::new(1, 10, ambient());
    transport.attach(Box::new(Anything)).unwrap();
    Machine::new(setup, transport, ambient())
}

fn side() -> Arc<PrintedSide> {
    let mut side = PrintedSide::default();
    for x in 0..plastic::WIDTH {
        side.dye.set(x, 9, [200, 10, 10]);
    }
    Arc::new(side)
}

fn moves(machine: &Machine) -> Vec<Movement> {
    let log = machine.transport().log();
    log.iter().map(|Entry { movement, .. }| *movement).collect()
}

#[test]
fn a_card_goes_wherever_a_verb_sends_it() {
    let mut machine = machine(full());
    type Verb = fn(&mut Machine) -> Result<(), Trouble>;
    for (verb, place) in [
        (Machine::to_standby as Verb, Place::Standby),
        (Machine::to_contacts, Place::Contacts),
        (Machine::release_contacts, Place::Standby),
        (Machine::to_antenna, Place::Antenna),
        (Machine::flip, Place::Flipper),
        (Machine::to_print_head, Place::PrintHead),
        (Machine::release_contacts, Place::PrintHead),
        (Machine::to_contacts, Place::Contacts),
        (Machine::reject, Place::Reject),
    ] {
        verb(&mut machine).unwrap();
        assert_eq!(machine.transport().place_of(1), Some(place));
    }
    assert_eq!(machine.draw(), Ok(2));
    assert_eq!(machine.draw(), Ok(2));
    machine.eject().unwrap();
    machine.eject().unwrap();
    assert_eq!(machine.transport().cards_at(Place::Output), [2]);
}

#[test]
fn what_is_not_fitted_moves_nothing_and_is_no_standing_trouble() {
    let mut machine = machine(Setup {
        duplex: false,
        contacts: false,
        ..Setup::default()
    });
    type Verb = fn(&mut Machine) -> Result<(), Trouble>;
    let verbs: [Verb; 6] = [
        Machine::to_contacts,
        Machine::to_antenna,
        Machine::flip,
        Machine::reject,
        |machine| machine.print(None, Some(side()), 1),
        |machine| machine.print_side(Side::Back, side()),
    ];
    for verb in verbs {
        assert_eq!(verb(&mut machine), Err(Trouble::MissingOption));
    }
    assert_eq!(machine.trouble(), None);
    assert_eq!(machine.transport().inside(), None);
}

#[test]
fn retry_goes_on_with_the_sides_and_copies_that_are_missing() {
    let mut machine = machine(Setup {
        film_sides: 3,
        ..full()
    });
    let print = machine.print(Some(side()), Some(side()), 2);
    assert_eq!(print, Err(Trouble::FilmOut));
    // The front of card 2 is printed, its back is not.
    assert_eq!(machine.counters().cards_printed, 2);
    assert!(machine.printed(2).unwrap().back.is_none());
    machine.retry().unwrap();
    assert_eq!(machine.transport().cards_at(Place::Output), [1, 2]);
    let sides = moves(&machine)
        .into_iter()
        .filter(|movement| matches!(movement, Movement::Printed { .. }));
    assert_eq!(sides.count(), 4);
    assert_eq!(machine.counters().film_used, 1);
    machine.retry().unwrap();
    assert_eq!(machine.transport().inside(), None);
}

#[test]
fn cancel_forgets_what_was_under_way() {
    let mut machine = machine(full());
    machine.script("eject:output-full".parse().unwrap());
    let print = machine.print(Some(side()), None, 3);
    assert_eq!(print, Err(Trouble::OutputFull));
    machine.cancel().unwrap();
    machine.retry().unwrap();
    assert_eq!(machine.transport().inside(), Some((1, Place::PrintHead)));
    machine.eject().unwrap();
    assert_eq!(machine.transport().next(), Some(2));
}

#[test]
fn cleaning_needs_an_empty_printer_and_is_counted() {
    let mut machine = machine(Setup {
        clean_every: 2,
        ..full()
    });
    machine.print(Some(side()), None, 2).unwrap();
    assert_eq!(machine.cards_until_cleaning(), 0);
    assert_eq!(machine.counters().panels_since_cleaning, 6);
    machine.draw().unwrap();
    assert_eq!(machine.clean(), Err(Trouble::CleaningCard));
    assert_eq!(machine.detail(), Some("card 3 is inside"));
    machine.cancel().unwrap();
    machine.eject().unwrap();
    machine.clean().unwrap();
    let counters = machine.counters();
    assert_eq!((counters.cleanings, counters.cards_since_cleaning), (1, 0));
    assert_eq!((counters.dye_panels, counters.cards_printed), (6, 2));
    assert_eq!(machine.cards_until_cleaning(), 2);
}

#[test]
fn everything_takes_the_time_it_is_said_to() {
    let seconds = Duration::from_secs;
    let ambient = ambient();
    let transport = Transport::new(1, 10, Arc::clone(&ambient));
    let timing = Timing {
        motion: seconds(1),
        colour_side: seconds(30),
        mono_side: seconds(5),
        cleaning: seconds(60),
    };
    let setup = Setup { timing, ..full() };
    let mut machine = Machine::new(setup, transport, Arc::clone(&ambient));
    let mono = Arc::new(PrintedSide::default());
    // Drawn, under the head, printed, turned, under the head, printed, out.
    machine.print(Some(side()), Some(mono), 1).unwrap();
    assert_eq!(ambient.elapsed(), seconds(1 + 1 + 30 + 1 + 1 + 5 + 1));
    machine.clean().unwrap();
    assert_eq!(ambient.elapsed(), seconds(100));
}
