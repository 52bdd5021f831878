//! Every assertion about commands holds on a sound card, and fails on a card with the one fault it
//! is there to find.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may stop it as the test itself may"
)]

mod cards;
mod faults;
mod spy;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use firmware_sim::card::nvm::Cell;
use firmware_sim::card::{Interface, Model, Suite};
use validation::{Assertion, Check, Outcome, Permits, Report, Settings, Verdict, assertions};

use cards::{
    Direct, Nothing, OverT0, bare, chip, everything, everything_on, link, published, run, run_sound,
};
use faults::{FAULTS, Fault, Faulty, cells};
use spy::Spy;

fn commands() -> impl Iterator<Item = &'static Assertion> {
    assertions().filter(|assertion| matches!(assertion.check, Check::Command(_)))
}

fn about_commands(report: &Report) -> impl Iterator<Item = &Outcome> {
    let ids: Vec<&str> = commands().map(|assertion| assertion.id).collect();
    report
        .outcomes
        .iter()
        .filter(move |outcome| ids.contains(&&*outcome.id))
}

/// Everything holds or says why it does not apply.
fn assert_sound(report: &Report) -> usize {
    let mut passed = 0;
    for outcome in about_commands(report) {
        match outcome.verdict {
            Verdict::Pass => passed += 1,
            Verdict::NotApplicable | Verdict::Skipped => {
                assert!(!outcome.reason.is_empty(), "{}", outcome.id);
                println!("{}: {} ({})", outcome.id, outcome.verdict, outcome.reason);
            }
            _ => panic!(
                "{}: {} {:?}",
                outcome.id, outcome.verdict, outcome.deviations
            ),
        }
    }
    passed
}

#[test]
fn there_are_eighty_assertions_or_more_about_commands() {
    assert!(commands().count() >= 80, "{}", commands().count());
}

#[test]
fn all_hold_on_a_sound_series_10_card_over_the_contacts() {
    let model = Model::series10();
    let report = run_sound(&model, Interface::Contact, &everything(&model));
    let passed = assert_sound(&report);
    assert!(passed >= 110, "{passed}");
    // The one thing that cannot be undone is told of.
    assert_eq!(
        report.aftermath.differences.len(),
        1,
        "{:?}",
        report.aftermath
    );
    assert!(report.aftermath.differences[0].contains("key 9D"));
}

#[test]
fn all_hold_on_a_sound_series_9_card() {
    let model = Model::series9();
    let report = run_sound(&model, Interface::Contact, &everything(&model));
    let passed = assert_sound(&report);
    assert!(passed >= 85, "{passed}");
}

#[test]
fn all_hold_on_a_sound_series_10_card_without_contact() {
    let model = Model::series10();
    let report = run_sound(&model, Interface::Contactless, &everything(&model));
    let passed = assert_sound(&report);
    assert!(passed >= 50, "{passed}");
    assert_eq!(report.aftermath.differences, [""; 0]);
}

#[test]
fn all_hold_without_contact_where_no_pairing_code_is_asked_for() {
    let mut model = Model::series10();
    model.pin_usage_policy = [0x4C, 0x00];
    let report = run_sound(&model, Interface::Contactless, &everything(&model));
    let passed = assert_sound(&report);
    assert!(passed >= 48, "{passed}");
}

#[test]
fn all_hold_with_the_other_cipher_suite() {
    let mut model = Model::series10();
    model.secure_messaging.as_mut().unwrap().suite = Suite::Cs7;
    for interface in [Interface::Contact, Interface::Contactless] {
        let report = run_sound(&model, interface, &everything(&model));
        assert_sound(&report);
        let secured = about_commands(&report)
            .filter(|it| it.id.starts_with("secure-messaging.") && it.verdict == Verdict::Pass);
        assert!(secured.count() >= 20);
    }
}

#[test]
fn all_hold_on_a_sound_card_over_t_0() {
    let mut model = Model::series10();
    // Over T=0 there is no Le with data: the card says 61XX first.
    model.transport.data_without_le = false;
    let between = Arc::new(Mutex::new(Nothing));
    let link = link(chip(&model, Interface::Contact), &between);
    let report = run(
        Box::new(OverT0(link)),
        &everything(&model),
        &mut |_, _, _| {},
    )
    .unwrap();
    let passed = assert_sound(&report);
    assert!(passed >= 110, "{passed}");
}

/// RSA keys, retired ones among them, large objects, and whatever else real cards hold.
#[test]
fn all_hold_on_the_published_cards() {
    for (name, chip) in published() {
        let settings = everything_on(&chip);
        let between = Arc::new(Mutex::new(Direct));
        let report = run(link(chip, &between), &settings, &mut |_, _, _| {}).unwrap();
        println!("{name}");
        let passed = assert_sound(&report);
        assert!(passed >= 85, "{name}: {passed}");
        let held =
            |id: &str| about_commands(&report).any(|it| it.id == id && it.verdict == Verdict::Pass);
        assert!(held("key.9a-matches-certificate"), "{name}");
        assert!(held("key.9d-matches-certificate"), "{name}");
        assert!(held("generate.new-key"), "{name}");
        assert_eq!(
            held("key.retired-match-certificates"),
            name.starts_with("37"),
            "{name}"
        );
    }
}

#[test]
fn every_assertion_about_commands_has_a_fault_that_it_must_find() {
    for assertion in commands() {
        assert!(
            FAULTS.iter().any(|fault| fault.id == assertion.id),
            "no fault for `{}`",
            assertion.id
        );
    }
    for fault in FAULTS {
        assert!(commands().any(|it| it.id == fault.id), "`{}`", fault.id);
    }
}

/// Runs one assertion over its faulty card; the fault shows while it is proved. The report, and
/// what the card holds before and after.
fn run_faulty(fault: &'static Fault) -> (Report, [BTreeMap<Cell, Vec<u8>>; 2]) {
    let model = fault.card.model();
    let mut settings = fault.card.settings();
    let before = cells(&chip(&model, fault.card.interface()));
    settings.only = vec![fault.id.to_owned()];
    let between = Arc::new(Mutex::new(Faulty::new(fault)));
    let link = link(chip(&model, fault.card.interface()), &between);
    let title = validation::assertion(fault.id).unwrap().title;
    let report = run(link, &settings, &mut |_, _, next| {
        if !fault.from_the_start {
            between.lock().unwrap().armed = next == title;
        }
    })
    .unwrap_or_else(|error| panic!("{}: {error}", fault.id));
    let after = std::mem::take(&mut between.lock().unwrap().memory);
    (report, [before, after])
}

#[test]
fn every_fault_is_found_by_its_assertion() {
    let mut missed = Vec::new();
    for (index, fault) in FAULTS.iter().enumerate() {
        let (report, _) = run_faulty(fault);
        let outcome = report.outcomes.iter().find(|it| it.id == fault.id).unwrap();
        if outcome.verdict != Verdict::Fail {
            missed.push(format!(
                "{index} {}: {} {} {:?}",
                fault.id, outcome.verdict, outcome.reason, outcome.deviations
            ));
        } else {
            assert!(!outcome.deviations.is_empty(), "{}", fault.id);
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// The card of a faulty assertion may be lost to a fault; nobody may be left to find that out.
#[test]
fn a_faulty_card_is_left_as_it_was_or_the_report_says_what_differs() {
    for (index, fault) in FAULTS.iter().enumerate() {
        let (report, [before, after]) = run_faulty(fault);
        let differing: Vec<&Cell> = before
            .keys()
            .chain(after.keys())
            .filter(|cell| before.get(cell) != after.get(cell))
            .collect();
        let told = &report.aftermath.differences;
        assert!(
            differing.is_empty() || !told.is_empty(),
            "{index} {}: {differing:?} differ and nothing is told",
            fault.id
        );
    }
}

#[test]
fn no_secret_is_in_a_report() {
    let model = Model::series10();
    let settings = everything(&model);
    let code = settings.pairing_code.as_ref().unwrap().passcode();
    let code = hex::encode_upper(code.padded());
    for interface in [Interface::Contact, Interface::Contactless] {
        let report = run_sound(&model, interface, &settings);
        let forms = [
            serde_json::to_string(&report).unwrap(),
            report.to_text(true),
            report.to_html(),
            report.to_junit(),
        ];
        for form in forms {
            for secret in [
                // The passcode, wrong ones made of it, the PUK; those in between; key 9B.
                "3132333435",
                "3133353732343638",
                "3234363831333537",
                "0102030405060708",
                &code,
            ] {
                let found = form.to_uppercase().find(secret);
                assert_eq!(
                    found,
                    None,
                    "{secret} in {:?}",
                    found.map(|at| &form[at - 40..at + 40])
                );
            }
        }
    }
}

/// Runs with a spy in between.
fn spied(model: &Model, interface: Interface, settings: &Settings) -> (Report, Spy) {
    let between = Arc::new(Mutex::new(Spy::new()));
    let link = link(chip(model, interface), &between);
    let report = run(link, settings, &mut |_, _, _| {}).unwrap();
    let spy = std::mem::replace(&mut *between.lock().unwrap(), Spy::new());
    (report, spy)
}

#[test]
fn without_permission_nothing_is_written_and_no_try_is_spent() {
    for (model, interface) in [
        (Model::series10(), Interface::Contact),
        (Model::series10(), Interface::Contactless),
        (Model::series9(), Interface::Contact),
    ] {
        let given = Settings {
            permits: Permits::default(),
            ..everything(&model)
        };
        for settings in [bare(), given] {
            let (report, spy) = spied(&model, interface, &settings);
            assert_eq!(spy.writing, [""; 0]);
            assert_eq!((spy.wrong_verifies, spy.spent()), (0, (0, 0)));
            assert_eq!(report.aftermath.differences, [""; 0]);
        }
    }
}

#[test]
fn a_permission_for_no_card_in_particular_permits_nothing() {
    let model = Model::series10();
    let mut settings = everything(&model);
    settings.permits.test_card = None;
    let (_, spy) = spied(&model, Interface::Contact, &settings);
    assert_eq!(spy.writing, [""; 0]);
    assert_eq!((spy.wrong_verifies, spy.spent()), (0, (0, 0)));
}

#[test]
fn no_more_tries_are_spent_than_permitted() {
    let model = Model::series10();
    for permitted in 0..=3 {
        for write in [false, true] {
            let mut settings = everything(&model);
            settings.permits.pin_tries = permitted;
            settings.permits.write = write;
            let (_, spy) = spied(&model, Interface::Contact, &settings);
            let (pin, puk) = spy.spent();
            assert!(pin <= permitted, "{pin} of {permitted}");
            assert!(puk <= u8::from(permitted > 0 && write), "{puk}");
            assert_eq!(spy.writing.is_empty(), !write);
        }
    }
}

#[test]
fn no_assertion_does_more_than_it_declares_and_each_leaves_the_card_as_it_was() {
    let model = Model::series10();
    for assertion in commands() {
        for interface in [Interface::Contact, Interface::Contactless] {
            let mut settings = everything(&model);
            settings.only = vec![assertion.id.to_owned()];
            let (report, spy) = spied(&model, interface, &settings);
            let (pin, puk) = spy.spent();
            // The id of one may be the beginning of another's.
            let run = || commands().filter(|it| it.id.starts_with(assertion.id));
            let declared = run().map(|it| it.pin_tries).max().unwrap();
            assert!(pin <= declared, "{}: {pin}", assertion.id);
            assert!(puk <= declared.min(1), "{}: {puk}", assertion.id);
            if run().all(|it| !it.writes) {
                assert_eq!(spy.writing, [""; 0], "{}", assertion.id);
            }
            if assertion.id != "generate.new-key" {
                let differences = &report.aftermath.differences;
                assert_eq!(differences, &[""; 0], "{}", assertion.id);
            }
        }
    }
}
