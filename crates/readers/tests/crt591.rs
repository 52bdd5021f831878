//! The driver of the CRT-591 against the simulated one, with everything that goes wrong.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may stop it as the test itself may"
)]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use firmware_sim::card::{Model, PivChip};
use firmware_sim::contacts::Chip;
use firmware_sim::dispenser::{Config, Setup, SimDispenser, SimLine};
use firmware_sim::printer::Place;
use ground::{Ambient, Blame, Blamed, Virtual};
use iso7816::{Channel, Command, Disposition, Link, LinkError, Protocol, Reader, Reset};
use printers::{
    Capabilities, CardPosition, FaultKind, Job, Position, Printer, PrinterError, Readiness,
};
use proptest::prelude::*;
use readers::crt591::{CardExchange, Crt591Error, HandOut, Profile};
use readers::{Crt591, Crt591Encoder, Crt591Mover, Line};

const SOON: Duration = Duration::from_secs(1);
const SELECT_PIV: [u8; 15] = [0, 0xA4, 4, 0, 9, 0xA0, 0, 0, 3, 8, 0, 0, 0x10, 0, 0];
const VERIFY_WRONG: &[u8] = b"\x00\x20\x00\x80\x08999999\xFF\xFF";
const TRIES_LEFT: [u8; 4] = [0, 0x20, 0, 0x80];

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
    sim: SimDispenser,
    ambient: Arc<dyn Ambient>,
}

impl Bench {
    fn new(blanks: u64) -> Self {
        Self::with(blanks, Setup::default(), Model::series10())
    }

    fn with(blanks: u64, setup: Setup, model: Model) -> Self {
        let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(1));
        let config = Config {
            setup,
            ..Config::new(blanks, Arc::clone(&ambient))
        };
        let sim = SimDispenser::open(config, move |number| {
            Ok(Box::new(PivChip::personalised(&model, number)) as Box<dyn Chip>)
        })
        .unwrap();
        Self { sim, ambient }
    }

    fn try_open(&self, profile: Profile) -> Result<(Crt591Mover, Crt591Encoder), Crt591Error> {
        let line = Box::new(Wire(self.sim.line()));
        Crt591::over("twin", line, profile, Arc::clone(&self.ambient))
    }

    fn open(&self) -> (Crt591Mover, Crt591Encoder) {
        self.try_open(Profile::builtin()).unwrap()
    }

    fn fault(&self, text: &str) {
        self.sim.twin().faults().script(text.parse().unwrap());
    }

    /// How many cards have left the stacker.
    fn drawn(&self, of: u64) -> u64 {
        of - self.sim.twin().transport().left()
    }
}

fn t0_model() -> Model {
    let mut model = Model::series10();
    model.atr = vec![0x3B, 0x13, 0x96, 0x53, 0x49, 0x4D];
    model.transport.protocol = Protocol::T0;
    model
}

fn kind(error: &PrinterError) -> FaultKind {
    match error {
        PrinterError::Faulted { fault, .. } => fault.kind,
        other => panic!("{other}"),
    }
}

#[test]
fn it_says_what_it_is_and_can() {
    let bench = Bench::new(3);
    let (mut mover, encoder) = bench.open();
    assert_eq!(mover.name(), "crt591:twin");
    assert_eq!(Reader::name(&encoder), "crt591:twin");
    assert_eq!(
        mover.capabilities(),
        Capabilities {
            moves_cards: true,
            contact_station: true,
            contactless_station: true,
            reject_tray: true,
            reports_position: true,
            counters: true,
            ..Capabilities::default()
        }
    );
    let identity = mover.identify().unwrap();
    assert_eq!(identity.model, Setup::default().model);
    assert_eq!(identity.serial, Setup::default().serial);
    assert_eq!(identity.firmware, Setup::default().version);
    let status = mover.status().unwrap();
    assert_eq!(status.readiness, Readiness::Ready);
    assert_eq!(status.card, CardPosition::None);
}

#[test]
fn a_card_goes_to_contacts_antenna_gate_and_bin() {
    let bench = Bench::new(3);
    let (mut mover, mut encoder) = bench.open();
    assert!(!encoder.card_present().unwrap());
    mover.feed(Position::Contacts).unwrap();
    assert!(encoder.card_present().unwrap());
    let at = |mover: &mut Crt591Mover| mover.status().unwrap().card;
    assert_eq!(at(&mut mover), CardPosition::At(Position::Contacts));
    // There already.
    mover.feed(Position::Contacts).unwrap();
    mover.feed(Position::Contactless).unwrap();
    assert_eq!(at(&mut mover), CardPosition::At(Position::Contactless));
    mover.eject().unwrap();
    assert_eq!(bench.sim.place_of(1), Some(Place::Output));
    mover.feed(Position::Contacts).unwrap();
    mover.reject().unwrap();
    assert_eq!(bench.sim.place_of(2), Some(Place::Reject));
    assert_eq!(mover.counters().unwrap().rejected, Some(1));
    assert_eq!(bench.drawn(3), 2);
    assert!(matches!(
        mover.feed(Position::PrintHead),
        Err(PrinterError::Lacks { .. })
    ));
}

#[test]
fn a_print_job_is_refused_before_a_card_moves() {
    let bench = Bench::new(2);
    let (mut mover, _encoder) = bench.open();
    let error = mover.print(&Job::default()).unwrap_err();
    assert!(matches!(error, PrinterError::Lacks { .. }), "{error}");
    assert_eq!(error.blame(), Blame::OperatorMistake);
    assert_eq!(bench.drawn(2), 0);
}

#[test]
fn both_protocols_and_all_ways_of_exchange_reach_the_chip() {
    for (model, protocol) in [
        (Model::series10(), Protocol::T1),
        (t0_model(), Protocol::T0),
    ] {
        for exchange in [CardExchange::ByProtocol, CardExchange::Automatic] {
            let bench = Bench::with(1, Setup::default(), model.clone());
            let mut profile = Profile::builtin();
            profile.exchange.value = exchange;
            let (mut mover, mut encoder) = bench.try_open(profile).unwrap();
            mover.feed(Position::Contacts).unwrap();
            let link = encoder.connect(SOON).unwrap();
            assert_eq!(link.protocol(), protocol);
            assert_eq!(link.atr(), model.atr);
            // The channel follows 61XX and 6CXX of T=0.
            let mut channel = Channel::new(link);
            let select = Command::parse(&SELECT_PIV).unwrap();
            assert!(channel.transmit(&select).unwrap().status.is_ok());
            channel.disconnect(Disposition::PowerOff).unwrap();
            mover.eject().unwrap();
        }
    }
}

#[test]
fn a_command_longer_than_a_frame_is_refused_and_one_that_fits_goes_through() {
    let bench = Bench::new(1);
    let (mut mover, mut encoder) = bench.open();
    mover.feed(Position::Contacts).unwrap();
    let mut link = encoder.connect(SOON).unwrap();
    link.transmit(&SELECT_PIV).unwrap();
    // PUT DATA without the administration key: refused by the card, after all of it came.
    let put = |data: u16| {
        let [high, low] = data.to_be_bytes();
        let mut command = vec![0, 0xDB, 0x3F, 0xFF, 0, high, low];
        command.extend([0x5C, 0x03, 0x5F, 0xC1, 0x05, 0x53, 0x82]);
        command.extend((data - 9).to_be_bytes());
        command.resize(7 + usize::from(data), 0x55);
        command
    };
    assert_eq!(link.transmit(&put(505)).unwrap(), [0x69, 0x82]);
    let error = link.transmit(&put(506)).unwrap_err();
    assert!(matches!(error, LinkError::Failed { .. }), "{error}");
    assert!(error.to_string().contains("513"), "{error}");
    // Nothing was sent, so the link lives.
    assert!(link.transmit(&SELECT_PIV).is_ok());
}

#[test]
fn a_reset_and_the_end_of_a_link_forget_the_passcode() {
    let bench = Bench::new(1);
    let (mut mover, mut encoder) = bench.open();
    mover.feed(Position::Contacts).unwrap();
    let verify = b"\x00\x20\x00\x80\x08123456\xFF\xFF";
    for end in [Some(Reset::Warm), Some(Reset::Cold), None] {
        let mut link = encoder.connect(SOON).unwrap();
        link.transmit(&SELECT_PIV).unwrap();
        assert_eq!(link.transmit(verify).unwrap(), [0x90, 0x00]);
        match end {
            Some(reset) => link.reset(reset).unwrap(),
            None => {
                drop(link);
                link = encoder.connect(SOON).unwrap();
            }
        }
        link.transmit(&SELECT_PIV).unwrap();
        assert_eq!(link.transmit(&TRIES_LEFT).unwrap()[0], 0x63);
    }
}

#[test]
fn the_chip_is_switched_off_before_the_card_moves_and_its_link_ends() {
    let bench = Bench::new(2);
    let (mut mover, mut encoder) = bench.open();
    mover.feed(Position::Contacts).unwrap();
    let mut link = encoder.connect(SOON).unwrap();
    assert!(matches!(
        encoder.connect(SOON),
        Err(LinkError::SharedElsewhere { .. })
    ));
    mover.eject().unwrap();
    mover.feed(Position::Contacts).unwrap();
    // Another card lies there now.
    assert!(matches!(
        link.transmit(&SELECT_PIV),
        Err(LinkError::CardRemoved { .. })
    ));
    link.disconnect(Disposition::PowerOff).unwrap();
    assert!(encoder.connect(SOON).is_ok());
}

#[test]
fn a_card_that_does_not_answer_at_the_first_voltage_is_tried_at_the_next() {
    let bench = Bench::new(1);
    let (mut mover, mut encoder) = bench.open();
    mover.feed(Position::Contacts).unwrap();
    bench.fault("reset:contact");
    drop(encoder.connect(SOON).unwrap());
    bench.fault("reset:contact");
    bench.fault("reset:contact");
    let error = encoder.connect(SOON).err().unwrap();
    assert!(matches!(error, LinkError::CardMute { .. }), "{error}");
    mover.reject().unwrap();
    assert!(matches!(
        encoder.connect(SOON),
        Err(LinkError::NoCard { .. })
    ));
}

#[test]
fn the_speed_is_found() {
    for speed in [9600, 19_200, 38_400, 57_600] {
        let setup = Setup {
            speed: Some(speed),
            ..Setup::default()
        };
        let bench = Bench::with(1, setup, Model::series10());
        let (mut mover, _encoder) = bench.open();
        mover.feed(Position::Contacts).unwrap();
    }
}

#[test]
fn only_the_device_of_that_address_answers() {
    let setup = Setup {
        address: 7,
        ..Setup::default()
    };
    let bench = Bench::with(1, setup, Model::series10());
    let error = bench.try_open(Profile::builtin()).unwrap_err();
    assert!(matches!(error, Crt591Error::Silent { .. }), "{error}");
    assert!(error.hint().unwrap().contains("address"));
    let mut profile = Profile::builtin();
    profile.address.value = 7;
    assert!(bench.try_open(profile).is_ok());
}

#[test]
fn both_letters_of_a_bad_answer_are_understood() {
    for failed in [b'N', b'E'] {
        let setup = Setup {
            failed,
            ..Setup::default()
        };
        let bench = Bench::with(0, setup, Model::series10());
        let (mut mover, _encoder) = bench.open();
        let error = mover.feed(Position::Contacts).unwrap_err();
        assert_eq!(kind(&error), FaultKind::HopperEmpty);
        assert!(error.to_string().contains("A0"), "{error}");
        assert_eq!(error.hint().unwrap(), "load blank cards and continue");
    }
}

#[test]
fn codes_are_kept_and_name_the_kind_the_place_and_what_to_do() {
    for (code, expected, card) in [
        ("10", FaultKind::CardJam, CardPosition::Inside),
        ("51", FaultKind::Mechanical, CardPosition::None),
        ("12", FaultKind::Hardware, CardPosition::None),
        ("13", FaultKind::CardJam, CardPosition::Inside),
        ("77", FaultKind::Unknown, CardPosition::None),
    ] {
        let bench = Bench::new(1);
        let (mut mover, _encoder) = bench.open();
        bench.fault(&format!("move:code={code}"));
        let error = mover.feed(Position::Contacts).unwrap_err();
        let PrinterError::Faulted { fault, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!((fault.kind, fault.card), (expected, card), "{code}");
        assert_eq!(fault.code, code);
        assert!(error.hint().is_some());
    }
}

#[test]
fn a_stuck_card_stays_known_until_somebody_has_taken_it_out() {
    let bench = Bench::new(2);
    let (mut mover, _encoder) = bench.open();
    mover.feed(Position::Contacts).unwrap();
    bench.fault("move:jam");
    assert_eq!(kind(&mover.eject().unwrap_err()), FaultKind::CardJam);
    // No sensor sees it.
    let status = mover.status().unwrap();
    assert_eq!(status.card, CardPosition::Inside);
    assert!(matches!(status.readiness, Readiness::Faulted(_)));
    assert!(mover.reject().is_err());
    assert_eq!(bench.sim.inside(), Some((1, Place::Standby)));
    assert_eq!(bench.drawn(2), 1);
    bench.sim.twin().clear().unwrap();
    // The first motion after it notices; nothing is drawn for it.
    assert!(mover.reject().is_err());
    assert_eq!(mover.status().unwrap().card, CardPosition::None);
    assert_eq!(bench.drawn(2), 1);
    mover.feed(Position::Contacts).unwrap();
    assert_eq!(bench.sim.inside(), Some((2, Place::Contacts)));
}

#[test]
fn a_full_bin_is_said_before_the_card_moves() {
    let setup = Setup {
        bin: 1,
        ..Setup::default()
    };
    let bench = Bench::with(2, setup, Model::series10());
    let (mut mover, _encoder) = bench.open();
    mover.feed(Position::Contacts).unwrap();
    mover.reject().unwrap();
    let warnings = mover.status().unwrap().warnings;
    assert!(warnings.iter().any(|it| it.kind == FaultKind::RejectFull));
    mover.feed(Position::Contacts).unwrap();
    assert_eq!(kind(&mover.reject().unwrap_err()), FaultKind::RejectFull);
    assert_eq!(bench.sim.inside(), Some((2, Place::Contacts)));
    bench.sim.twin().empty_bin().unwrap();
    mover.reject().unwrap();
}

#[test]
fn a_card_held_in_the_gate_is_not_taken_back_in_as_a_blank() {
    let bench = Bench::new(2);
    let mut profile = Profile::builtin();
    profile.hand_out.value = HandOut::Hold;
    let (mut mover, _encoder) = bench.try_open(profile).unwrap();
    mover.feed(Position::Contacts).unwrap();
    mover.eject().unwrap();
    assert_eq!(
        mover.status().unwrap().card,
        CardPosition::At(Position::Output)
    );
    let error = mover.feed(Position::Contacts).unwrap_err();
    assert_eq!(kind(&error), FaultKind::OutputFull);
    assert_eq!(bench.drawn(2), 1);
    let _taken = bench.sim.take(1).unwrap().unwrap();
    mover.feed(Position::Contacts).unwrap();
    assert_eq!(bench.sim.inside(), Some((2, Place::Contacts)));
}

/// The device draws a card for any motion if none is inside.
#[test]
fn with_nothing_inside_nothing_is_sent_out_or_put_away() {
    let bench = Bench::new(2);
    let (mut mover, _encoder) = bench.open();
    assert!(mover.eject().is_err());
    assert!(mover.reject().is_err());
    assert_eq!(bench.drawn(2), 0);
}

#[test]
fn a_dispense_whose_answer_is_lost_draws_one_card() {
    for fault in [
        "silent",
        "mute",
        "no-ack",
        "cut",
        "bad-bcc",
        "always-bad-bcc",
        "twice",
        "nak",
    ] {
        let bench = Bench::new(5);
        let (mut mover, mut encoder) = bench.open();
        bench.fault(&format!("move:{fault}"));
        mover.feed(Position::Contacts).unwrap();
        assert_eq!(bench.drawn(5), 1, "{fault}");
        assert_eq!(bench.sim.inside(), Some((1, Place::Contacts)), "{fault}");
        assert!(encoder.connect(SOON).is_ok(), "{fault}");
    }
}

#[test]
fn a_dispense_the_device_never_heard_is_repeated_once() {
    let bench = Bench::new(5);
    let (mut mover, _encoder) = bench.open();
    bench.fault("move:deaf");
    mover.feed(Position::Contacts).unwrap();
    assert_eq!(bench.drawn(5), 1);
    mover.eject().unwrap();
    bench.fault("move:deaf");
    bench.fault("move:deaf");
    assert!(matches!(
        mover.feed(Position::Contacts),
        Err(PrinterError::Timeout { .. })
    ));
    assert_eq!(bench.drawn(5), 1);
}

#[test]
fn a_lost_answer_to_a_dispense_that_failed_is_no_reason_to_try_again() {
    // It acknowledged, drew a card that got stuck, and its answer was lost: no sensor sees a card.
    let bench = Bench::new(5);
    let (mut mover, _encoder) = bench.open();
    bench.fault("move:jam");
    bench.fault("move:silent");
    assert!(mover.feed(Position::Contacts).is_err());
    assert_eq!(bench.drawn(5), 1);
    // The empty stacker is seen by the sensors.
    let bench = Bench::new(0);
    let (mut mover, _encoder) = bench.open();
    bench.fault("move:silent");
    let error = mover.feed(Position::Contacts).unwrap_err();
    assert_eq!(kind(&error), FaultKind::HopperEmpty);
}

#[test]
fn lost_answers_to_the_way_out_and_into_the_bin_move_no_second_card() {
    for fault in ["silent", "mute", "deaf", "always-bad-bcc"] {
        let bench = Bench::new(5);
        let (mut mover, _encoder) = bench.open();
        mover.feed(Position::Contacts).unwrap();
        bench.fault(&format!("move:{fault}"));
        mover.eject().unwrap();
        assert_eq!(bench.sim.place_of(1), Some(Place::Output), "{fault}");
        mover.feed(Position::Contacts).unwrap();
        bench.fault(&format!("move:{fault}"));
        mover.reject().unwrap();
        assert_eq!(bench.sim.place_of(2), Some(Place::Reject), "{fault}");
        assert_eq!(bench.drawn(5), 2, "{fault}");
    }
}

#[test]
fn slow_motions_are_waited_for_and_endless_ones_given_up() {
    let bench = Bench::new(2);
    let (mut mover, _encoder) = bench.open();
    bench.fault("move:slow=25000");
    mover.feed(Position::Contacts).unwrap();
    // Over the limit: the sensors say that it arrived all the same.
    bench.fault("move:slow=40000");
    mover.eject().unwrap();
    assert_eq!(bench.drawn(2), 1);
    assert_eq!(bench.sim.place_of(1), Some(Place::Output));
}

#[test]
fn a_command_to_the_card_is_never_repeated_when_its_answer_is_lost() {
    for fault in ["silent", "mute", "always-bad-bcc"] {
        let bench = Bench::new(1);
        let (mut mover, mut encoder) = bench.open();
        mover.feed(Position::Contacts).unwrap();
        let mut link = encoder.connect(SOON).unwrap();
        link.transmit(&SELECT_PIV).unwrap();
        let before = link.transmit(&TRIES_LEFT).unwrap()[1];
        bench.fault(&format!("transfer:{fault}"));
        let error = link.transmit(VERIFY_WRONG).unwrap_err();
        assert!(matches!(error, LinkError::OutOfOrder { .. }), "{error}");
        // The link is dead, and says the same again.
        assert_eq!(link.transmit(&SELECT_PIV).unwrap_err(), error);
        drop(link);
        let mut link = encoder.connect(SOON).unwrap();
        link.transmit(&SELECT_PIV).unwrap();
        let after = link.transmit(&TRIES_LEFT).unwrap()[1];
        assert_eq!(after, before - 1, "{fault}");
    }
}

#[test]
fn a_damaged_answer_of_the_card_is_asked_for_again_and_costs_no_try() {
    for fault in ["bad-bcc", "cut", "twice", "nak", "no-ack"] {
        let bench = Bench::new(1);
        let (mut mover, mut encoder) = bench.open();
        mover.feed(Position::Contacts).unwrap();
        let mut link = encoder.connect(SOON).unwrap();
        link.transmit(&SELECT_PIV).unwrap();
        let before = link.transmit(&TRIES_LEFT).unwrap()[1];
        bench.fault(&format!("transfer:{fault}"));
        assert_eq!(link.transmit(VERIFY_WRONG).unwrap()[0], 0x63, "{fault}");
        let after = link.transmit(&TRIES_LEFT).unwrap()[1];
        assert_eq!(after, before - 1, "{fault}");
    }
}

#[test]
fn a_card_that_stops_answering_is_switched_off() {
    let bench = Bench::new(1);
    let (mut mover, mut encoder) = bench.open();
    mover.feed(Position::Contacts).unwrap();
    let mut link = encoder.connect(SOON).unwrap();
    bench.fault("transfer:contact");
    let error = link.transmit(&SELECT_PIV).unwrap_err();
    assert!(matches!(error, LinkError::CardGarbled { .. }), "{error}");
    assert!(error.to_string().contains("63"), "{error}");
}

#[test]
fn a_device_that_was_switched_off_in_between_is_initialised_again() {
    let bench = Bench::new(2);
    let (mut mover, mut encoder) = bench.open();
    bench.fault("status:restart");
    mover.feed(Position::Contacts).unwrap();
    bench.fault("move:restart");
    mover.feed(Position::Contactless).unwrap();
    mover.feed(Position::Contacts).unwrap();
    let mut link = encoder.connect(SOON).unwrap();
    bench.fault("transfer:restart");
    let error = link.transmit(&SELECT_PIV).unwrap_err();
    assert!(error.to_string().contains("switched off"), "{error}");
    drop(link);
    assert!(encoder.connect(SOON).is_ok());
    assert_eq!(bench.drawn(2), 1);
}

#[test]
fn a_cable_that_is_pulled_is_told_and_the_card_found_again() {
    let bench = Bench::new(2);
    let (mut mover, mut encoder) = bench.open();
    mover.feed(Position::Contacts).unwrap();
    bench.fault("any:dead");
    assert!(mover.eject().is_err());
    assert!(mover.status().is_err());
    assert!(encoder.card_present().is_err());
    drop((mover, encoder));
    assert!(bench.try_open(Profile::builtin()).is_err());
    bench.sim.twin().clear().unwrap();
    // A new program finds the card where the old one left it.
    let (mut mover, mut encoder) = bench.open();
    assert_eq!(mover.status().unwrap().card, CardPosition::Inside);
    assert!(encoder.connect(SOON).is_ok());
    mover.reject().unwrap();
    assert_eq!(bench.drawn(2), 1);
}

#[test]
fn a_profile_of_the_site_is_read_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.toml");
    let text = include_str!("../profiles/crt591.toml").replace(
        "[exchange]\nvalue = \"by-protocol\"",
        "[exchange]\nvalue = \"automatic\"",
    );
    std::fs::write(&path, text).unwrap();
    let profile = Profile::load(&path).unwrap();
    assert_eq!(profile.exchange.value, CardExchange::Automatic);
    assert!(Profile::load(&folder.path().join("none.toml")).is_err());
}

proptest! {
    /// Whatever goes wrong on the line: one feed draws one card at most, and the driver ends.
    #[test]
    fn a_feed_never_draws_two_cards(
        faults in proptest::collection::vec((1_u32..6, 0_usize..14), 0..5),
        feeds in 1_usize..4,
    ) {
        const NAMES: [&str; 14] = [
            "nak", "deaf", "no-ack", "silent", "mute", "bad-bcc", "always-bad-bcc", "cut", "twice",
            "jam", "restart", "slow=400", "code=51", "code=05",
        ];
        let bench = Bench::new(9);
        let (mut mover, _encoder) = bench.open();
        for (nth, which) in faults {
            bench.fault(&format!("any:{nth}:{}", NAMES[which]));
        }
        for _ in 0..feeds {
            let before = bench.drawn(9);
            let fed = mover.feed(Position::Contacts);
            let drawn = bench.drawn(9) - before;
            prop_assert!(drawn <= 1);
            if fed.is_ok() {
                prop_assert!(matches!(bench.sim.inside(), Some((_, Place::Contacts))));
            }
            let inside = bench.sim.inside();
            let ejected = mover.eject();
            prop_assert_eq!(bench.drawn(9) - before, drawn, "sending out draws nothing");
            if ejected.is_ok() {
                let (number, _) = inside.unwrap();
                prop_assert_eq!(bench.sim.place_of(number), Some(Place::Output));
            }
        }
    }
}
