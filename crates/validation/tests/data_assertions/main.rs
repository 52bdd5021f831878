//! No assertion about data is one that cannot fail: for each there is a damaged object that makes
//! it fail, and no other but those named with it.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where its data is not as it should be"
)]

mod biometrics;
mod certificates;
mod contents;
mod profiles;
mod resigning;
mod signatures;
mod specimen;
mod structure;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use iso7816::StatusWord;
use piv::biometric::BiometricKind;
use piv::objects::{
    BiometricInformationTemplates, BiometricObject, CardCapabilityContainer, CertificateObject,
    Chuid, Discovery, KeyHistory, ObjectError, PairingCode, PrintedInformation,
    SecureMessagingSigner, SecurityObject,
};
use piv::signed::CertificateRules;
use piv::words::ObjectId;
use piv::{Finding, Parsed, Severity};
use proptest::prelude::*;

use validation::{Check, Evidence, ObjectState, Verdict, assertions, judge};

use specimen::{Damage, specimen};

/// A damage and what it makes fail.
struct Row {
    /// The assertion it is about.
    id: &'static str,
    /// The checks of that assertion it is about.
    checks: &'static [&'static str],
    /// Other assertions the same damage cannot but make fail.
    also: &'static [&'static str],
    damage: Damage,
}

impl Row {
    const fn new(
        id: &'static str,
        checks: &'static [&'static str],
        also: &'static [&'static str],
        damage: Damage,
    ) -> Self {
        Self {
            id,
            checks,
            also,
            damage,
        }
    }
}

fn rows() -> impl Iterator<Item = &'static Row> {
    let all = [
        structure::ROWS,
        contents::ROWS,
        biometrics::ROWS,
        signatures::ROWS,
        profiles::ROWS,
    ];
    all.into_iter().flatten()
}

/// The assertions that do not hold, with their objects.
fn findings(card: &Evidence) -> BTreeSet<(String, String)> {
    judge(card)
        .into_iter()
        .filter(|it| matches!(it.verdict, Verdict::Fail | Verdict::Warning))
        .map(|it| (it.id.to_string(), it.object.unwrap_or_default()))
        .collect()
}

#[test]
fn every_assertion_about_data_holds_of_a_card_without_a_fault() {
    let card = specimen(None);
    for outcome in judge(&card) {
        let held = matches!(outcome.verdict, Verdict::Pass | Verdict::NotApplicable);
        assert!(
            held,
            "{} {:?} {:?} {}",
            outcome.id, outcome.object, outcome.deviations, outcome.reason
        );
    }
    // Every assertion holds of something; a buffer length is none of this edition.
    let outcomes = judge(&card);
    for assertion in assertions().filter(|it| !matches!(it.check, Check::Command(_))) {
        let mut of_it = outcomes.iter().filter(|it| it.id == assertion.id);
        let held = of_it.any(|it| it.verdict == Verdict::Pass);
        assert!(
            held || assertion.id == "chuid.buffer-length",
            "`{}`",
            assertion.id
        );
    }
}

#[test]
fn each_damage_makes_its_assertion_fail_and_those_named_with_it() {
    let mut wrong = Vec::new();
    for (number, row) in rows().enumerate() {
        let found = findings(&specimen(Some(row.damage)));
        let ids: BTreeSet<_> = found.iter().map(|(id, _)| id.as_str()).collect();
        let expected: BTreeSet<_> = row.also.iter().copied().chain([row.id]).collect();
        if ids != expected {
            let missing: Vec<_> = expected.difference(&ids).collect();
            let more: Vec<_> = ids.difference(&expected).collect();
            wrong.push(format!(
                "row {number} of `{}` {:?}: holds {missing:?}, fails too {more:?}",
                row.id, row.checks
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_assertion_about_data_and_every_check_of_it_has_a_damage() {
    for assertion in assertions().filter(|it| !matches!(it.check, Check::Command(_))) {
        let of_it: Vec<_> = rows().filter(|row| row.id == assertion.id).collect();
        assert!(!of_it.is_empty(), "`{}` cannot fail", assertion.id);
        let damaged: BTreeSet<_> = of_it.iter().flat_map(|row| row.checks).collect();
        let checks: BTreeSet<_> = assertion.checks.iter().collect();
        assert_eq!(damaged, checks, "`{}`", assertion.id);
    }
    for row in rows() {
        assert!(validation::assertion(row.id).is_some(), "`{}`", row.id);
    }
}

#[test]
fn only_what_may_be_read_must_be_given() {
    let refusing = |object, contactless: bool, passcode: bool| {
        let mut card = specimen(None);
        let refused = ObjectState::Refused(StatusWord::SECURITY_STATUS_NOT_SATISFIED);
        card.readings.get_mut(&object).unwrap().state = refused;
        card.passcode_verified = passcode;
        if contactless {
            card.atr = hex::decode("3B8080010101").unwrap();
        }
        let told = findings(&card);
        told.iter().any(|(id, _)| id == "object.status-word")
    };
    assert!(!refusing(ObjectId::Fingerprints, false, false));
    assert!(refusing(ObjectId::Fingerprints, false, true));
    assert!(refusing(ObjectId::SecurityObject, false, true));
    assert!(!refusing(ObjectId::SecurityObject, true, false));
    assert!(refusing(ObjectId::Chuid, true, false));
}

/// What a sound card returns for each object.
static SOUND: LazyLock<BTreeMap<ObjectId, Vec<u8>>> = LazyLock::new(|| {
    let card = specimen(None);
    let there = ObjectId::all().filter_map(|object| Some((object, card.raw(object)?.to_vec())));
    there.collect()
});

/// Something the libraries find against the standard.
fn violation(object: ObjectId, value: &[u8]) -> Option<String> {
    fn of<T>(parsed: Result<Parsed<T>, ObjectError>) -> Vec<Finding> {
        parsed.map(|parsed| parsed.findings).unwrap_or_default()
    }
    let findings = match object {
        ObjectId::CardCapabilityContainer => of(CardCapabilityContainer::parse(value)),
        ObjectId::Chuid => of(Chuid::parse(value)),
        ObjectId::SecurityObject => of(SecurityObject::parse(value)),
        ObjectId::PrintedInformation => of(PrintedInformation::parse(value)),
        ObjectId::Discovery => of(Discovery::parse(value)),
        ObjectId::KeyHistory => of(KeyHistory::parse(value)),
        ObjectId::BiometricInformationTemplates => of(BiometricInformationTemplates::parse(value)),
        ObjectId::SecureMessagingSigner => of(SecureMessagingSigner::parse(value)),
        ObjectId::PairingCode => {
            let read = PairingCode::parse(value);
            read.map(|(_, findings)| findings).unwrap_or_default()
        }
        _ => match BiometricKind::of(object) {
            Some(kind) => of(BiometricObject::parse(kind, value)),
            None => of(CertificateObject::parse(value)),
        },
    };
    let mut violations = findings
        .into_iter()
        .filter(|it| it.severity == Severity::Violation);
    violations.next().map(|finding| finding.message)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_a_card_returns_is_judged(
        changes in proptest::collection::vec(any::<(proptest::sample::Index, u8)>(), 1..4),
        object in any::<proptest::sample::Index>(),
        keep in proptest::option::weighted(0.2, any::<proptest::sample::Index>()),
    ) {
        let mut objects = SOUND.clone();
        let damaged = *object.get(&objects.keys().copied().collect::<Vec<_>>());
        let raw = objects.get_mut(&damaged).unwrap();
        for (place, change) in changes {
            let place = place.index(raw.len());
            raw[place] ^= change;
        }
        if let Some(keep) = keep {
            raw.truncate(keep.index(raw.len()));
        }
        let rules = CertificateRules::common();
        let card = Evidence::of_objects("damaged", objects, rules, specimen::now());
        let outcomes = judge(&card);
        prop_assert!(outcomes.len() > 100);
        // What the libraries find against the standard is told by one assertion or another, the
        // broken signature left aside.
        if let Some(violation) = card.value(damaged).and_then(|value| violation(damaged, value)) {
            let told = outcomes.iter().any(|outcome| {
                let about_form = !outcome.id.starts_with("signature.m")
                    && !outcome.id.starts_with("signature.verifies")
                    && !outcome.id.starts_with("trust.");
                let broken = matches!(outcome.verdict, Verdict::Fail | Verdict::Warning);
                about_form && broken && outcome.object == Some(damaged.to_string())
            });
            prop_assert!(told, "{damaged}: {violation}");
        }
    }
}
