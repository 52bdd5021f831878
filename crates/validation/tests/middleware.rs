//! What clients need of a card: the files built in, files of an engineer, and what becomes of them
//! in a report.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may stop it as the test itself may"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firmware_sim::card::{Interface, Model, PivChip};
use firmware_sim::contacts::{Chip, Contacts};
use iso7816::{Link, Reader};
use proptest::prelude::*;
use validation::{
    Middleware, MiddlewareError, Outcome, Report, Settings, Standard, Verdict, assertions, validate,
};

/// A card that answers commands like this in its own way, and counts what it is sent.
struct Odd {
    chip: PivChip,
    answers: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether the assertions and probes have begun.
    armed: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Chip for Odd {
    fn power_on(&mut self) -> Vec<u8> {
        self.chip.power_on()
    }

    fn power_off(&mut self) {
        self.chip.power_off();
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.seen.lock().unwrap().push(command.to_vec());
        let armed = self.armed.load(Ordering::Relaxed);
        let mut answers = self.answers.iter().filter(|_| armed);
        match answers.find(|(like, _)| command.starts_with(like)) {
            Some((_, answer)) => answer.clone(),
            None => self.chip.transmit(command),
        }
    }
}

fn bytes(digits: &str) -> Vec<u8> {
    hex::decode(digits.replace(' ', "")).unwrap()
}

fn run(
    model: &Model,
    interface: Interface,
    answers: &[(&str, &str)],
    settings: &Settings,
) -> (Report, Vec<Vec<u8>>) {
    let mut chip = PivChip::personalised(model, 5);
    chip.set_interface(interface).unwrap();
    let seen = Arc::default();
    let armed: Arc<AtomicBool> = Arc::default();
    let mut contacts = Contacts::new("sim:test");
    contacts.close_on(Box::new(Odd {
        chip,
        answers: answers
            .iter()
            .map(|(like, answer)| (bytes(like), bytes(answer)))
            .collect(),
        armed: Arc::clone(&armed),
        seen: Arc::clone(&seen),
    }));
    let link: Box<dyn Link> = contacts.connect(Duration::ZERO).unwrap();
    let report = validate(
        link,
        settings,
        &ground::System::shared(),
        &mut |_, _, next| {
            let about_the_card = ["reading the card", "looking at the card again"];
            armed.store(!about_the_card.contains(&next), Ordering::Relaxed);
        },
    )
    .unwrap();
    let seen = seen.lock().unwrap().clone();
    (report, seen)
}

fn only(patterns: &[&str]) -> Settings {
    Settings {
        only: patterns.iter().map(|it| (*it).to_owned()).collect(),
        ..Settings::default()
    }
}

fn outcome<'a>(report: &'a Report, id: &str) -> &'a Outcome {
    report.outcomes.iter().find(|it| it.id == id).unwrap()
}

fn clients(outcome: &Outcome) -> Vec<&str> {
    outcome
        .clients
        .iter()
        .map(|it| it.client.as_str())
        .collect()
}

#[test]
fn every_expectation_built_in_is_about_an_assertion_that_exists() {
    let all = Middleware::built_in();
    let ids: Vec<&str> = all.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["windows", "macos", "opensc"]);
    for middleware in &all {
        assert!(!middleware.probes.is_empty());
        for expectation in &middleware.expects {
            let about = |it: &validation::Assertion| it.id.starts_with(&expectation.assertion);
            assert!(assertions().any(about), "{}", expectation.assertion);
            assert!(!expectation.consequence.is_empty() && !expectation.source.is_empty());
        }
    }
}

#[test]
fn every_client_gets_on_with_a_sound_card() {
    for (model, interface) in [
        (Model::series10(), Interface::Contact),
        (Model::series9(), Interface::Contact),
        (Model::series10(), Interface::Contactless),
    ] {
        let (report, _) = run(&model, interface, &[], &only(&["client."]));
        assert!(report.outcomes.len() >= 12);
        for outcome in &report.outcomes {
            assert_eq!(outcome.standard, Standard::Estate);
            let fits = outcome.verdict == Verdict::Pass
                || interface == Interface::Contactless && outcome.verdict == Verdict::NotApplicable;
            assert!(fits, "{}: {:?}", outcome.id, outcome.deviations);
            assert_eq!(outcome.clients, []);
        }
    }
}

#[test]
fn each_probe_fails_on_a_card_that_answers_oddly() {
    // Command, odd answer, probes that must notice.
    let table: &[(&str, &str, &[&str])] = &[
        (
            "00A404000BA000000397",
            "9000",
            &["client.windows.plug-and-play-application"],
        ),
        (
            "00CA7F68",
            "0102 9000",
            &["client.windows.plug-and-play-identifier"],
        ),
        (
            "00A4040009A000000397",
            "6A81",
            &["client.windows.gids-application"],
        ),
        (
            "00A4040009A000000308",
            "6A82",
            &["client.windows.piv-after-gids"],
        ),
        (
            "00CB3FFF055C035FC102",
            "6A82",
            &["client.windows.chuid", "client.macos.chuid"],
        ),
        (
            "00CB3FFF055C035FC105",
            "6A82",
            &[
                "client.windows.certificate-9a",
                "client.macos.certificate-9a",
            ],
        ),
        (
            "00CB3FFF055C035FC10B",
            "6982",
            &["client.macos.certificate-9d"],
        ),
        (
            "00200080",
            "6D00",
            &[
                "client.opensc.muscle-application",
                "client.opensc.login-state",
            ],
        ),
        (
            "00FD",
            "050203 9000",
            &["client.opensc.version-of-another-product"],
        ),
        (
            "00CB3FFF055C035FC10208",
            "6700",
            &["client.opensc.first-eight-bytes"],
        ),
        ("00CB3FFF035C017E", "6D00", &["client.opensc.discovery"]),
    ];
    for (like, answer, ids) in table {
        let settings = Settings {
            // Which explains nothing.
            profile: Some("generic-piv".to_owned()),
            ..only(&["client."])
        };
        let answers: &[(&str, &str)] = &[(like, answer)];
        let (report, _) = run(&Model::series10(), Interface::Contact, answers, &settings);
        for id in *ids {
            let outcome = outcome(&report, id);
            let tripped = matches!(outcome.verdict, Verdict::Fail | Verdict::Warning);
            assert!(tripped, "{id}: {}", outcome.verdict);
            assert_eq!(outcome.clients.len(), 1, "{id}");
            assert!(!outcome.clients[0].consequence.is_empty());
            assert!(outcome.exchanges.end > outcome.exchanges.start, "{id}");
        }
    }
    let noticed: Vec<&&str> = table.iter().flat_map(|(_, _, ids)| *ids).collect();
    for middleware in Middleware::built_in() {
        for probe in middleware.probes {
            let id = format!("client.{}.{}", middleware.id, probe.id);
            assert!(noticed.contains(&&id.as_str()), "{id} is in no row");
        }
    }
}

#[test]
fn what_two_clients_ask_alike_is_asked_once() {
    let same = |id: &str, client: &str| {
        Middleware::parse(
            "test.toml",
            &format!(
                r#"
                id = "{id}"
                client = "{client}"
                version = "1"
                source = "test"
                [[probe]]
                id = "version"
                title = "the version is refused"
                send = ["00 FD 00 00 00"]
                expect = ["6Dxx"]
                consequence = "none"
                source = "test"
                certainty = "public"
                "#
            ),
        )
        .unwrap()
    };
    let settings = Settings {
        middleware: vec![same("one", "One"), same("two", "Two")],
        ..only(&["client."])
    };
    let (report, seen) = run(&Model::series10(), Interface::Contact, &[], &settings);
    let asked = seen.iter().filter(|command| command[1] == 0xFD).count();
    assert_eq!(asked, 1);
    assert_eq!(
        outcome(&report, "client.one.version").exchanges,
        outcome(&report, "client.two.version").exchanges
    );
}

#[test]
fn a_failing_assertion_names_the_clients_that_trip_over_it() {
    let unknown_taken = [("00A4040009F0", "9000")];
    let (report, _) = run(
        &Model::series10(),
        Interface::Contact,
        &unknown_taken,
        &only(&["select.unknown-application"]),
    );
    let outcome = outcome(&report, "select.unknown-application");
    assert_eq!(outcome.verdict, Verdict::Fail);
    let named = clients(outcome);
    assert_eq!(
        named,
        ["OpenSC", "Windows inbox minidriver", "macOS CryptoTokenKit"]
    );
    // It is in every form of the report.
    let text = report.to_text(false);
    assert!(text.contains("Windows inbox minidriver: it asks for other applications first"));
    let json = serde_json::to_value(&report).unwrap();
    let clients = &json["outcomes"][0]["clients"];
    assert_eq!(clients.as_array().unwrap().len(), 3);
}

#[test]
fn an_assertion_that_holds_names_no_client() {
    let (report, _) = run(
        &Model::series10(),
        Interface::Contact,
        &[],
        &only(&["select.", "client.windows"]),
    );
    for outcome in &report.outcomes {
        assert_eq!(outcome.clients, [], "{}", outcome.id);
    }
}

#[test]
fn without_middleware_nothing_is_probed() {
    let settings = Settings {
        middleware: Vec::new(),
        ..Settings::default()
    };
    let (report, _) = run(&Model::series10(), Interface::Contact, &[], &settings);
    assert!(
        !report
            .outcomes
            .iter()
            .any(|it| it.id.starts_with("client."))
    );
}

const GOOD: &str = r#"id = "mine"
client = "My client"
version = "1"
source = "me"

[[expects]]
assertion = "select.unknown-application"
consequence = "it stops"
source = "me"
certainty = "public"

[[probe]]
id = "first"
title = "something"
send = ["00A40400 05 A000000308 00"]
expect = ["9000", "6A82"]
consequence = "it stops"
source = "me"
certainty = "inferred"
"#;

/// Line and words of what is wrong with a file.
fn wrong(text: &str) -> (usize, String) {
    match Middleware::parse("mine.toml", text).unwrap_err() {
        MiddlewareError::Malformed {
            file, line, detail, ..
        } => {
            assert_eq!(file, "mine.toml");
            (line, detail)
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Middleware::load("no such file.toml").unwrap_err();
    assert!(error.to_string().contains("`no such file.toml`"), "{error}");
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_line() {
    assert!(Middleware::parse("mine.toml", GOOD).is_ok());
    for (from, to, line, words) in [
        ("id = \"mine\"", "id = \"Mine\"", 1, "`Mine` is no id"),
        (
            "version = \"1\"",
            "edition = \"1\"",
            3,
            "unknown field `edition`",
        ),
        (
            "source = \"me\"\n\n[[expects]]",
            "\n[[expects]]",
            1,
            "missing field `source`",
        ),
        (
            "select.unknown-application",
            "select.unheard-of",
            7,
            "no assertion is called `select.unheard-of`",
        ),
        ("\"public\"", "\"certain\"", 10, "unknown variant `certain`"),
        ("title =", "name =", 14, "unknown field `name`"),
        (
            "send = [\"00A40400 05 A000000308 00\"]",
            "send = []",
            15,
            "at least one command",
        ),
        ("A000000308 00", "A00000030 00", 15, "Odd number of digits"),
        ("05 A000000308", "07 A000000308", 15, "length fields"),
        (
            "expect = [\"9000\", \"6A82\"]",
            "expect = []",
            16,
            "at least one status pattern",
        ),
        (
            "\"6A82\"]",
            "\"6A8\"]",
            16,
            "a status pattern is four digits",
        ),
        (
            "00A40400 05 A000000308 00",
            "00200080 08 3132333435363738",
            15,
            "instruction 20 writes, compares a passcode",
        ),
        (
            "00A40400 05 A000000308 00",
            "00DB3FFF 03 5C017E",
            15,
            "instruction DB",
        ),
        (
            "00A40400 05 A000000308 00",
            "00FB0000",
            15,
            "instruction FB",
        ),
        (
            "00A40400 05 A000000308 00",
            "0047009A 05 AC03800111 00",
            15,
            "instruction 47",
        ),
    ] {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        let (at, detail) = wrong(&text);
        assert_eq!(at, line, "{detail}");
        assert!(detail.contains(words), "{detail}");
    }
    let twice = format!("{GOOD}{}", &GOOD[GOOD.find("\n[[probe]]").unwrap()..]);
    assert!(
        wrong(&twice)
            .1
            .contains("a second probe with the id `first`")
    );
}

#[test]
fn an_answer_to_key_9b_is_no_probe() {
    let answer = "0087089B 14 7C12 8210 00112233445566778899AABBCCDDEEFF";
    let text = GOOD.replace("00A40400 05 A000000308 00", answer);
    let (_, detail) = wrong(&text);
    assert!(detail.contains("instruction 87"), "{detail}");
    // Asking it for a challenge is harmless.
    let text = GOOD.replace("00A40400 05 A000000308 00", "0087089B 04 7C028100 00");
    assert!(Middleware::parse("mine.toml", &text).is_ok());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_with_a_place_in_it(
        from in 0..GOOD.len(),
        to in 0..GOOD.len(),
        text in "\\PC{0,12}",
    ) {
        prop_assume!(GOOD.is_char_boundary(from) && GOOD.is_char_boundary(to));
        let spoilt = format!("{}{text}{}", &GOOD[..from], &GOOD[to..]);
        if let Err(MiddlewareError::Malformed { line, .. }) =
            Middleware::parse("spoilt.toml", &spoilt)
        {
            prop_assert!(line >= 1 && line <= spoilt.lines().count() + 1);
        }
    }
}
