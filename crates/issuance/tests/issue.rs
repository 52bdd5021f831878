//! Whole cards through a simulated station: printer, encoder and chips in this process.
#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test fail it like the test itself"
)]

#[path = "issue/authentic_cards.rs"]
mod authentic_cards;
#[path = "issue/bench.rs"]
mod bench;
#[path = "issue/manager.rs"]
mod manager;
#[path = "issue/mortal_store.rs"]
mod mortal_store;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bench::{Bench, request};
use firmware_sim::card::{Condition, Model, PivChip};
use firmware_sim::printer::{Movement, Trouble};
use ground::{Blame, Blamed};
use iso7816::Transcript;
use issuance::issue::{IssueError, IssueEvent, ReadBackError};
use issuance::keys::Purpose;
use issuance::store::{BlankState, CardState, Handover, StepKind};
use series::Profiles;

const ONE: &str = "555253521108";
const TWO: &str = "555253521116";

fn printed(bench: &Bench) -> usize {
    bench
        .sim
        .log()
        .iter()
        .filter(|entry| matches!(entry.movement, Movement::Printed { .. }))
        .count()
}

#[test]
fn two_requests_become_two_cards_and_running_again_does_nothing() {
    let mut bench = Bench::new(Model::series10(), 5);
    let requests = [request(&bench, "R1", ONE), request(&bench, "R2", TWO)];
    // Each step takes a second.
    let ambient = bench.ambient.clone();
    let batch = bench
        .run_observed(&requests, &mut |event: &IssueEvent<'_>| {
            if let IssueEvent::StepBegun { .. } = event {
                ambient.sleep(Duration::from_secs(1));
            }
        })
        .unwrap();
    assert!(batch.is_complete(), "{:?}", batch.failed);
    assert_eq!(batch.issued.len(), 2);
    let [first, second] = &batch.issued[..] else {
        panic!("{:?}", batch.issued)
    };
    assert_ne!(first.blank, second.blank);
    assert_eq!(first.series, "series-10");
    assert_eq!(first.handover, Handover::Held);
    assert_eq!(first.certificates.len(), 2);
    assert_eq!(first.took, Duration::from_secs(17));
    assert!(first.face.as_ref().unwrap().exists());
    assert_eq!(printed(&bench), 2);

    let motions = bench.sim.log().len();
    let again = bench.run(&requests).unwrap();
    assert!(again.issued.is_empty() && again.is_complete());
    assert_eq!(bench.sim.log().len(), motions, "no card has moved");
    assert_eq!(again.already_issued.len(), 2);
    assert_eq!(
        again.already_issued[0], *first,
        "the journal knows all of it"
    );
}

#[test]
fn a_card_with_the_built_in_profile_is_issued() {
    let mut bench = Bench::with_profiles(Model::series10(), 1, Profiles::builtin());
    let batch = bench.run(&[request(&bench, "R1", ONE)]).unwrap();
    assert!(batch.is_complete(), "{:?}", batch.failed);
}

#[test]
fn the_transcript_is_complete_and_holds_no_secret() {
    let mut bench = Bench::new(Model::series10(), 1);
    let batch = bench.run(&[request(&bench, "R1", ONE)]).unwrap();
    let text = std::fs::read_to_string(&batch.issued[0].transcript).unwrap();
    let transcript = Transcript::read(text.as_bytes()).unwrap();
    assert!(transcript.complete);
    assert!(transcript.exchanges().count() > 30);
    let upper = text.to_uppercase();
    for secret in [
        hex::encode_upper(bench::PASSCODE),
        hex::encode_upper("123456"),
        hex::encode_upper("12345678"),
        "0102030405060708".to_owned(),
    ] {
        assert!(!upper.contains(&secret), "{secret} is in the transcript");
    }
}

#[test]
fn secrets_of_the_blank_are_replaced() {
    let mut bench = Bench::new(Model::series10(), 1);
    bench.run(&[request(&bench, "R1", ONE)]).unwrap();
    let mut client = bench.client_of(1);
    use piv::words::PinReference::Application;
    let passcode = |digits: &str| piv::secrets::Passcode::new(digits).unwrap();
    client
        .verify(Application, &passcode(bench::PASSCODE))
        .unwrap();
    client.logout(Application).unwrap();
    assert!(client.verify(Application, &passcode("123456")).is_err());
    let transport = piv::secrets::AdminKey::as_delivered(
        piv::words::Algorithm::Aes192,
        &[1, 2, 3, 4, 5, 6, 7, 8].repeat(3),
    )
    .unwrap();
    assert!(
        client
            .authenticate_admin(&transport, &*bench.ambient)
            .is_err()
    );
}

#[test]
fn every_step_is_reported_in_order_and_as_json() {
    let mut bench = Bench::new(Model::series10(), 1);
    let requests = [request(&bench, "R1", ONE)];
    let mut lines = Vec::new();
    bench
        .run_observed(&requests, &mut |event: &IssueEvent<'_>| {
            lines.push(serde_json::to_value(event).unwrap());
        })
        .unwrap();
    let begun: Vec<_> = lines
        .iter()
        .filter(|line| line["event"] == "step-begun")
        .map(|line| {
            (
                line["number"].as_u64().unwrap(),
                line["of"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        begun,
        (1..=17).map(|number| (number, 17)).collect::<Vec<_>>()
    );
    assert_eq!(lines.last().unwrap()["event"], "issued");
    assert_eq!(lines.last().unwrap()["request"], "R1");
}

#[test]
fn a_doubtful_photo_is_told_and_stops_nothing() {
    let mut bench = Bench::new(Model::series10(), 1);
    // Its photo is white all over.
    let requests = [request(&bench, "R1", ONE)];
    let mut told = Vec::new();
    let batch = bench
        .run_observed(&requests, &mut |event: &IssueEvent<'_>| {
            if let IssueEvent::Warning { message, .. } = event {
                told.push(message.clone());
            }
        })
        .unwrap();
    assert!(batch.is_complete());
    assert!(
        told.iter()
            .any(|message| message.contains("little contrast")),
        "{told:?}"
    );
}

#[test]
fn a_blank_of_another_series_is_refused_unharmed() {
    let mut bench = Bench::new(Model::series9(), 2);
    let requests = [request(&bench, "R1", ONE), request(&bench, "R2", TWO)];
    let batch = bench.run(&requests).unwrap();
    let failure = &batch.failed[0];
    assert!(
        matches!(failure.error, IssueError::WrongSeries { .. }),
        "{failure}"
    );
    assert_eq!(failure.step, Some(StepKind::Identify));
    assert_eq!(failure.blame(), Blame::OperatorMistake);
    assert_eq!(batch.not_begun, [requests[1].id.clone()]);
    assert_eq!(printed(&bench), 0);
    let card = &bench.cards()[0];
    assert!(
        matches!(card.state, CardState::Released { .. }),
        "{}",
        card.state
    );
}

#[test]
fn an_empty_hopper_uses_nothing_and_says_what_to_do() {
    let mut bench = Bench::new(Model::series10(), 1);
    let requests = [request(&bench, "R1", ONE), request(&bench, "R2", TWO)];
    let batch = bench.run(&requests).unwrap();
    assert_eq!(batch.issued.len(), 1);
    let failure = &batch.failed[0];
    assert_eq!(failure.blame(), Blame::PrinterFault);
    assert_eq!(failure.step, Some(StepKind::Feed));
    assert_eq!(failure.blank, None);
    assert!(
        failure.to_string().contains("the hopper is empty"),
        "{failure}"
    );
    assert_eq!(failure.hint().unwrap(), "load blank cards and continue",);

    bench.sim.load(1).unwrap();
    bench.sim.clear().unwrap();
    let batch = bench.run(&requests).unwrap();
    assert_eq!((batch.already_issued.len(), batch.issued.len()), (1, 1));
}

#[test]
fn a_card_pulled_out_midway_is_spoiled_by_number_and_the_request_stays_open() {
    let mut bench = Bench::new(Model::series10(), 2);
    let requests = [request(&bench, "R1", ONE)];
    bench.yank_at(Some(0x47));
    let batch = bench.run(&requests).unwrap();
    let failure = &batch.failed[0];
    assert_eq!(failure.blame(), Blame::ReaderFault);
    assert_eq!(
        failure.step,
        Some(StepKind::GenerateKey(series::Slot::Authentication))
    );
    let spoiled = failure.blank.clone().unwrap();
    assert!(
        failure
            .outcome
            .contains(&format!("blank {spoiled} is spoiled")),
        "{failure}"
    );

    bench.yank_at(None);
    let batch = bench.run(&requests).unwrap();
    assert_ne!(batch.issued[0].blank, spoiled);
    let blanks = bench.blanks();
    let state = |number| {
        &blanks
            .iter()
            .find(|blank| blank.number == number)
            .unwrap()
            .state
    };
    assert!(matches!(state(spoiled), BlankState::Spoiled { .. }));
    assert!(matches!(
        state(batch.issued[0].blank.clone()),
        BlankState::Bound { .. }
    ));
}

/// When the program dies in a step.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Death {
    /// The intent is recorded and nothing has happened.
    BeforeEffect,
    /// It has happened and the outcome is not recorded.
    AfterEffect,
}

/// The program dies in every step in turn. Afterwards the person has exactly one card, and every
/// blank on which writing was begun is accounted for.
#[test]
fn a_crash_in_any_step_loses_nothing_and_issues_nothing_twice() {
    for &kind in &StepKind::ORDER {
        for death in [Death::BeforeEffect, Death::AfterEffect] {
            if kind != StepKind::HandOver(Handover::Delivered) {
                crash(kind, death);
            }
        }
    }
}

fn crash(kind: StepKind, death: Death) {
    let place = format!("{death:?} of `{}`", kind.name());
    // Only a blank without a serial number takes the step that writes one.
    let mut bench = match kind {
        StepKind::WriteSerial => {
            Bench::with_profile(manager::unnumbered(), 2, manager::numbering())
        }
        _ => Bench::new(Model::series10(), 2),
    };
    let requests = [request(&bench, "R1", ONE)];
    if death == Death::AfterEffect {
        bench.die_after(Some(kind));
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
    bench.die_after(None);

    bench.restart();
    let batch = bench.run(&requests).unwrap();
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
    // Only what had to leave the printer is finished; nothing else is assumed.
    let finished = kind >= StepKind::Eject;
    let spoiled = count(|state| matches!(state, CardState::Spoiled { .. }));
    assert_eq!(
        spoiled,
        usize::from(kind.marks_blank() && !finished),
        "{place}"
    );
    assert_eq!(batch.already_issued.len(), usize::from(finished), "{place}");
    assert_eq!(
        bench.sim.inside(),
        None,
        "{place}: a card was left in the printer"
    );
}

#[test]
fn somebodys_card_in_the_hopper_is_refused_unharmed() {
    let mut bench = Bench::in_condition(Model::series10(), 1, Condition::Personalised);
    let batch = bench.run(&[request(&bench, "R1", ONE)]).unwrap();
    assert!(
        matches!(batch.failed[0].error, IssueError::NotABlank { .. }),
        "{}",
        batch.failed[0]
    );
    assert!(batch.failed[0].outcome.contains("is unharmed"));
}

#[test]
fn a_transport_key_that_does_not_fit_spoils_nothing() {
    let mut bench = Bench::new(Model::series10(), 1);
    let ring = bench.folder.path().join("data/keys.toml");
    let text = std::fs::read_to_string(&ring).unwrap();
    std::fs::write(&ring, text.replace("\"0102", "\"FF02")).unwrap();
    bench.restart();
    let batch = bench.run(&[request(&bench, "R1", ONE)]).unwrap();
    assert!(
        matches!(batch.failed[0].error, IssueError::TransportKey { .. }),
        "{}",
        batch.failed[0]
    );
    assert_eq!(bench.blanks()[0].state, BlankState::Free);
}

#[test]
fn a_misprint_is_found_and_the_card_not_issued() {
    let mut bench = Bench::new(Model::series10(), 1);
    bench.station().witness = Some(Box::new(|| {
        Ok(Some(plastic::Raster::white(
            plastic::WIDTH,
            plastic::HEIGHT,
        )))
    }));
    let batch = bench.run(&[request(&bench, "R1", ONE)]).unwrap();
    let failure = &batch.failed[0];
    assert!(
        matches!(failure.error, IssueError::Mismatch(_)),
        "{failure}"
    );
    assert!(failure.outcome.contains("is spoiled"), "{failure}");
    assert!(failure.outcome.contains("in the output tray"), "{failure}");
}

#[test]
fn a_face_that_cannot_be_drawn_touches_no_card_and_stops_nobody_else() {
    let mut bench = Bench::new(Model::series10(), 1);
    let mut impossible = request(&bench, "R1", ONE);
    impossible.name = "\u{10330}\u{10331}".to_owned();
    let batch = bench
        .run(&[impossible, request(&bench, "R2", TWO)])
        .unwrap();
    assert!(matches!(batch.failed[0].error, IssueError::Face(_)));
    assert_eq!(batch.failed[0].card, None);
    assert_eq!(batch.issued.len(), 1);
}

#[test]
fn a_printer_fault_between_chip_and_print_spoils_the_blank() {
    let mut bench = Bench::new(Model::series10(), 2);
    bench.sim.script("print:film-out".parse().unwrap());
    let batch = bench.run(&[request(&bench, "R1", ONE)]).unwrap();
    let failure = &batch.failed[0];
    assert_eq!(failure.step, Some(StepKind::Print));
    assert_eq!(failure.blame(), Blame::PrinterFault);
    assert!(failure.outcome.contains("is spoiled"), "{failure}");
    assert!(bench.sim.log().iter().any(|entry| matches!(
        entry.movement,
        Movement::Faulted {
            trouble: Trouble::FilmOut
        }
    )));
}

#[test]
fn test_keys_and_test_certificates_are_refused_on_a_live_station() {
    let mut bench = Bench::new(Model::series10(), 1);
    bench.station().purpose = Purpose::Live;
    let error = bench.run(&[request(&bench, "R1", ONE)]).unwrap_err();
    assert!(matches!(error, IssueError::Keys(_)), "{error}");
    assert!(bench.cards().is_empty());
}

#[test]
fn a_request_without_a_passcode_touches_no_card() {
    let mut bench = Bench::new(Model::series10(), 1);
    let requests = [request(&bench, "R1", ONE)];
    bench.passcode = None;
    let batch = bench.run(&requests).unwrap();
    assert!(matches!(batch.failed[0].error, IssueError::NoPasscode(_)));
    assert!(bench.cards().is_empty());
}

#[test]
fn a_card_in_the_encoder_that_the_printer_did_not_feed_is_not_touched() {
    let mut bench = Bench::new(Model::series10(), 1);
    let stray = PivChip::blank(&Model::series10(), 99);
    bench.sim.contacts().close_on(Box::new(stray));
    let batch = bench.run(&[request(&bench, "R1", ONE)]).unwrap();
    let failure = &batch.failed[0];
    assert!(
        matches!(failure.error, IssueError::EncoderOccupied { .. }),
        "{failure}"
    );
    assert_eq!(
        (failure.step, &failure.blank),
        (Some(StepKind::Feed), &None)
    );
    assert!(
        failure.outcome.contains("not drawn from the hopper"),
        "{failure}"
    );
}

/// The chip takes the first certificate and gives back another: nobody but a reader notices.
#[test]
fn a_card_that_does_not_keep_what_it_was_given_is_found_by_reading_back() {
    let mut bench = Bench::new(Model::series10(), 1);
    // GET DATA of the CHUID, 5FC102, after the reset of the read-back.
    bench.corrupt(Some([0x5F, 0xC1, 0x02]));
    let batch = bench.run(&[request(&bench, "R1", ONE)]).unwrap();
    let failure = &batch.failed[0];
    assert_eq!(failure.step, Some(StepKind::ReadBack), "{failure}");
    assert!(
        matches!(
            failure.error,
            IssueError::ReadBack(ReadBackError::Signed { .. } | ReadBackError::Violation { .. })
        ),
        "{failure}"
    );
    assert_eq!(failure.blame(), Blame::CardMisbehaved);
    assert_eq!(printed(&bench), 0, "nothing is printed on a bad card");
}
