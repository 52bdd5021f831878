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

/// Everything a card can go through: contacts, antenna, both sides, and out.
fn whole_way(machine: &mut Machine) -> Result<(), Trouble> {
    machine.to_contacts()?;
    machine.to_antenna()?;
    machine.print_side(Side::Front, side())?;
    machine.print_side(Side::Back, side())?;
    machine.eject()
}

/// For each trouble at each motion: what is reported, where the card is then, and where after the
/// operator has dealt with it.
#[test]
fn every_trouble_leaves_the_card_where_it_says() {
    use Place::{Antenna, Hopper, Output, PrintHead, Standby, TakenOut};
    for (script, trouble, then, cleared) in [
        (
            "draw:card-not-drawn-in",
            Trouble::CardNotDrawnIn,
            Hopper,
            Hopper,
        ),
        ("draw:hopper-empty", Trouble::HopperEmpty, Hopper, Hopper),
        ("draw:cover-open", Trouble::CoverOpen, Hopper, Hopper),
        ("draw:power-cut", Trouble::PowerCut, Hopper, Hopper),
        ("draw:jam", Trouble::Jam, Standby, TakenOut),
        ("draw:double-feed", Trouble::DoubleFeed, Standby, TakenOut),
        ("contacts:jam", Trouble::Jam, Standby, TakenOut),
        ("contacts:power-cut", Trouble::PowerCut, Standby, Standby),
        ("contacts:silent", Trouble::Silent, Standby, Standby),
        ("antenna:jam", Trouble::Jam, Standby, TakenOut),
        ("print:jam", Trouble::Jam, Antenna, TakenOut),
        ("print:film-out", Trouble::FilmOut, Antenna, Antenna),
        ("print:wrong-film", Trouble::WrongFilm, Antenna, Antenna),
        ("print:head-hot", Trouble::HeadHot, Antenna, Antenna),
        ("side:film-out", Trouble::FilmOut, PrintHead, PrintHead),
        ("side:jam", Trouble::Jam, PrintHead, TakenOut),
        ("side:power-cut", Trouble::PowerCut, PrintHead, PrintHead),
        ("side:cover-open", Trouble::CoverOpen, PrintHead, PrintHead),
        ("flip:jam", Trouble::Jam, PrintHead, TakenOut),
        ("flip:power-cut", Trouble::PowerCut, PrintHead, PrintHead),
        ("eject:jam", Trouble::Jam, PrintHead, TakenOut),
        (
            "eject:output-full",
            Trouble::OutputFull,
            PrintHead,
            PrintHead,
        ),
        ("eject:power-cut", Trouble::PowerCut, PrintHead, PrintHead),
    ] {
        let mut machine = machine(full());
        machine.script(script.parse().unwrap());
        assert_eq!(whole_way(&mut machine), Err(trouble), "{script}");
        assert_eq!(machine.trouble(), Some(trouble), "{script}");
        assert_eq!(machine.transport().place_of(1), Some(then), "{script}");
        // Nothing moves before somebody has dealt with it.
        let before = machine.transport().log().len();
        assert_eq!(machine.eject(), Err(trouble), "{script}");
        assert_eq!(machine.to_contacts(), Err(trouble), "{script}");
        assert_eq!(machine.transport().log().len(), before, "{script}");
        machine.clear().unwrap();
        assert_eq!(machine.trouble(), None, "{script}");
        assert_eq!(machine.transport().place_of(1), Some(cleared), "{script}");
        // And then the next card goes all the way.
        machine.eject().unwrap();
        whole_way(&mut machine).unwrap();
        let out = machine.transport().cards_at(Output);
        let expected = match (trouble, cleared) {
            (Trouble::DoubleFeed, _) => vec![3],
            (_, TakenOut) => vec![2],
            (_, Hopper) => vec![1],
            _ => vec![1, 2],
        };
        assert_eq!(out, expected, "{script}");
    }
}

#[test]
fn both_cards_of_a_double_feed_are_known_by_number_even_after_a_power_cut() {
    let mut machine = machine(full());
    machine.script("draw:double-feed".parse().unwrap());
    assert_eq!(machine.draw(), Err(Trouble::DoubleFeed));
    let places = |machine: &Machine| [1, 2].map(|card| machine.transport().place_of(card));
    let stuck = [Some(Place::Standby), Some(Place::Feeder)];
    assert_eq!(places(&machine), stuck);
    assert_eq!(machine.transport().next(), Some(3));
    machine.power_cycle();
    assert_eq!(machine.trouble(), Some(Trouble::DoubleFeed));
    assert_eq!(places(&machine), stuck);
    // The host asks to go on: both are taken out, and the next card is drawn.
    machine.retry().unwrap();
    assert_eq!(places(&machine), [Some(Place::TakenOut); 2]);
    assert_eq!(machine.draw(), Ok(3));
}

#[test]
fn the_last_card_comes_alone() {
    let mut transport = Transport::new(1, 1, ambient());
    transport.attach(Box::new(Anything)).unwrap();
    let mut machine = Machine::new(full(), transport, ambient());
    machine.script("draw:double-feed".parse().unwrap());
    assert_eq!(machine.draw(), Ok(1));
}

#[test]
fn a_side_that_ends_half_way_is_half_a_side_in_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    let mut machine = machine(Setup {
        out: Some(folder.path().to_owned()),
        shown: crate::printer::Shown {
            chip: true,
            overcoat: true,
        },
        ..full()
    });
    machine.script("side:film-out".parse().unwrap());
    let whole = side();
    let print = machine.print(Some(Arc::clone(&whole)), None, 1);
    assert_eq!(print, Err(Trouble::FilmOut));
    let read = |name: &str| plastic::Raster::read_png(&folder.path().join(name)).unwrap();
    assert_eq!(read("card-1-front.png"), whole.half().picture());
    let partly = Movement::PartlyPrinted {
        number: 1,
        side: Side::Front,
    };
    assert!(moves(&machine).contains(&partly));
    assert_eq!(machine.counters().cards_printed, 0);
    // With a new film the same card is printed whole.
    machine.retry().unwrap();
    assert_eq!(read("card-1-front.png"), whole.picture());
    let shown = whole.shown(Side::Front, machine.setup().shown);
    assert_eq!(read("card-1-front-shown.png"), shown);
    assert_eq!(machine.transport().cards_at(Place::Output), [1]);
    assert_eq!(machine.counters().cards_printed, 1);
}

#[test]
fn what_was_under_way_is_forgotten_without_power() {
    let mut machine = machine(full());
    machine.script("side:2:power-cut".parse().unwrap());
    let print = machine.print(Some(side()), None, 3);
    assert_eq!(print, Err(Trouble::PowerCut));
    // A word from the host is not heard.
    assert_eq!(machine.retry(), Err(Trouble::PowerCut));
    machine.clear().unwrap();
    machine.retry().unwrap();
    assert_eq!(
        machine.transport().inside(),
        Some((2, Place::PrintHead)),
        "it does not know the job any more"
    );
}

#[test]
fn trays_are_full_when_they_hold_what_they_can() {
    let mut machine = machine(Setup {
        output_capacity: Some(2),
        reject_capacity: Some(1),
        ..full()
    });
    machine.draw().unwrap();
    machine.reject().unwrap();
    machine.draw().unwrap();
    assert_eq!(machine.reject(), Err(Trouble::RejectFull));
    machine.clear().unwrap();
    assert_eq!(machine.transport().place_of(1), Some(Place::TakenOut));
    machine.reject().unwrap();
    assert_eq!(
        machine.print(Some(side()), None, 3),
        Err(Trouble::OutputFull)
    );
    assert_eq!(machine.transport().inside(), Some((5, Place::PrintHead)));
    machine.retry().unwrap();
    assert_eq!(machine.transport().cards_at(Place::Output), [5]);
    assert_eq!(
        machine.transport().cards_at(Place::TakenOut),
        [1, 3, 4],
        "the operator has emptied both trays"
    );
}

#[test]
fn a_log_that_cannot_be_written_is_trouble_with_its_reason() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("no space"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let transport = Transport::new(1, 3, ambient());
    let mut machine = Machine::new(full(), transport, ambient());
    assert!(machine.transport_mut().write_log(Box::new(Full)).is_err());
    struct Later(usize);
    impl io::Write for Later {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let left = self.0.checked_sub(1).ok_or(io::Error::other("no space"))?;
            self.0 = left;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    machine
        .transport_mut()
        .write_log(Box::new(Later(2)))
        .unwrap();
    assert_eq!(machine.draw(), Ok(1));
    assert_eq!(machine.eject(), Err(Trouble::Storage));
    assert!(machine.detail().unwrap().contains("no space"));
}
