//! Random commands against the security status as SP 800-73-5 Part 2 has it: PIV PIN, Global PIN,
//! PUK, pairing code, administrator and secure messaging, contact and contactless.
//!
//! [`standard`] is written from the standard and knows every answer it allows; [`rig`] does the
//! steps that [`step`] draws; [`mutant`] has cards with one fault each, which must all be found.

#![expect(
    clippy::expect_used,
    reason = "the helpers of a test may stop it as the test itself may"
)]

mod mutant;
mod rig;
mod standard;
mod step;

use std::cell::RefCell;
use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use self::mutant::{Fault, Mutant};
use self::rig::{KINDS, Rig, card};
use self::standard::Rule;
use self::step::{Step, steps};

fn case() -> impl Strategy<Value = (u8, Vec<Step>)> {
    (0..KINDS, steps())
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_card_answers_as_the_standard_allows((kind, steps) in case()) {
        let (mut chip, issued) = card(kind);
        Rig::new(&mut chip, issued).run(&steps).map_err(TestCaseError::fail)?;
    }
}

/// The same steps on every run, so that what they reach can be told.
fn runner(cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Every rule the judging knows that a right card can meet.
const RULES: &[Rule] = &[
    "1 select",
    "2 select nothing",
    "3 select another",
    "4 stale keys",
    "6 authenticated",
    "6 challenge",
    "6 interface",
    "6 no challenge",
    "6 wrong answer",
    "7 P1",
    "7 reference",
    "9 tries left",
    "9 verified",
    "9 pairing code",
    "10 forget",
    "11 blocked",
    "13 malformed PIN",
    "14 wrong PIN",
    "15 right PIN",
    "17 malformed",
    "17 paired",
    "17 wrong",
    "18 interface",
    "19 interface",
    "19 reference",
    "20 malformed",
    "20 new malformed",
    "20 old wrong",
    "22 changed",
    "23 interface",
    "23 reference",
    "23 wrong PUK",
    "24 new malformed",
    "24 both wrong",
    "25 unblocked",
    "27 9E",
    "27 interface",
    "27 signed",
    "27 without PIN",
    "28 not just verified",
    "28 signed",
    "29 establish",
    "30 overfull chain",
    "30 part",
    "30 rest of a chain",
    "33 interface",
    "33 without PIN",
    "34 absent",
    "35 generate",
    "35 interface",
    "35 put",
    "35 refused",
    "get response",
    "no pending",
    "not selected",
    "read",
    "unknown",
];

#[test]
fn the_random_commands_reach_every_rule() {
    let seen = RefCell::new(BTreeSet::new());
    runner(200)
        .run(&case(), |(kind, steps)| {
            let (mut chip, issued) = card(kind);
            let mut rig = Rig::new(&mut chip, issued);
            rig.run(&steps).map_err(TestCaseError::fail)?;
            seen.borrow_mut().append(&mut rig.standard.seen);
            Ok(())
        })
        .expect("the card answers as the standard allows");
    let seen = seen.into_inner();
    let missed: Vec<_> = RULES.iter().filter(|rule| !seen.contains(*rule)).collect();
    assert!(missed.is_empty(), "never met: {missed:?}");
}

#[test]
fn every_faulty_card_is_found_and_its_fault_shrunk_to_a_few_commands() {
    for fault in Fault::ALL {
        let result = runner(300).run(&case(), |(kind, steps)| {
            let (chip, issued) = card(kind);
            let mut mutant = Mutant::new(chip, fault);
            Rig::new(&mut mutant, issued)
                .run(&steps)
                .map_err(TestCaseError::fail)
        });
        match result {
            Err(TestError::Fail(reason, (_, steps))) => {
                println!("{fault:?}: {} steps: {reason}", steps.len());
                assert!(steps.len() <= 6, "{fault:?}: {steps:?}");
            }
            other => panic!("{fault:?} was not found: {other:?}"),
        }
    }
}
