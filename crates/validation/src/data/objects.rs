//! What is special to the container, the printed information, the Discovery Object, the key
//! history and the signer of secure messaging certificates.

use iso7816::ber::Tag;
use piv::Tries;
use piv::objects::{
    BiometricInformationTemplates, KeyHistory, PrintedInformation, SecureMessagingSigner,
};
use piv::signed::{CardDates, check_dates};
use piv::words::{AID, ObjectId, PinReference, RetiredKey};

use super::reading::{Elements, chuid, judge, nothing};
use super::rule;
use crate::{Assertion, Deviation, Evidence, Judgement, ObjectState, Objects, Standard};

pub(super) const ASSERTIONS: &[Assertion] = &[
    rule(
        "ccc.data-model",
        "the registered data model number is 10",
        (Standard::Sp80073, "Part 1, 3.1.1"),
        &["73-4.1"],
        Objects::These(&[ObjectId::CardCapabilityContainer]),
        data_model,
    ),
    rule(
        "printed.expiration-date",
        "the printed expiration date is a date like 2031DEC31",
        (Standard::Sp80073, "Part 1, 3.2.3"),
        &[],
        Objects::These(&[ObjectId::PrintedInformation]),
        printed_date,
    ),
    rule(
        "printed.expires-with-the-card",
        "the printed expiration date is the CHUID's",
        (Standard::Sp80073, "Part 1, 3.2.3"),
        &[],
        Objects::These(&[ObjectId::PrintedInformation]),
        printed_expires,
    ),
    rule(
        "discovery.application",
        "the Discovery Object names the PIV application, version 01 00",
        (Standard::Sp80073, "Part 1, 3.3.2"),
        &["73-4.40"],
        Objects::These(&[ObjectId::Discovery]),
        discovery_application,
    ),
    rule(
        "discovery.policy",
        "the PIN usage policy is one of those the standard allows",
        (Standard::Sp80073, "Part 1, 3.3.2"),
        &["73-4.41"],
        Objects::These(&[ObjectId::Discovery]),
        discovery_policy,
    ),
    rule(
        "discovery.matches-the-card",
        "what the PIN usage policy announces is on the card",
        (Standard::Sp80073, "Part 1, 3.3"),
        &["73-4.42"],
        Objects::These(&[ObjectId::Discovery]),
        discovery_matches,
    ),
    rule(
        "key-history.matches-the-card",
        "as many retired certificates are on the card as the key history says, from the first on",
        (Standard::Sp80073, "Part 1, 3.3.3"),
        &[],
        Objects::These(&[ObjectId::KeyHistory]),
        key_history,
    ),
    rule(
        "secure-messaging-signer.chain",
        "the certificate signs cards' CVCs, or verifies the Intermediate CVC that does",
        (Standard::Sp80073, "Part 1, 3.3.7; Part 2, 4.1.5"),
        &[],
        Objects::These(&[ObjectId::SecureMessagingSigner]),
        messaging_signer,
    ),
];

fn data_model(evidence: &Evidence, object: ObjectId) -> Judgement {
    match Elements::of(evidence, object).get(0xF5) {
        Some(&[number]) => Judgement::require(number == 0x10, "10", || {
            format!("data model number {number:02X}")
        }),
        _ => nothing("the data model number"),
    }
}

fn printed(evidence: &Evidence) -> Option<PrintedInformation> {
    let value = evidence.value(ObjectId::PrintedInformation)?;
    Some(PrintedInformation::parse(value).ok()?.value)
}

fn printed_date(evidence: &Evidence, object: ObjectId) -> Judgement {
    let Some(text) = Elements::of(evidence, object).get(0x04) else {
        return nothing("the expiration date");
    };
    if text.len() != 9 {
        return nothing("the expiration date");
    }
    let is_date = printed(evidence).is_some_and(|printed| printed.expiry.is_some());
    Judgement::require(is_date, "a date like 2031DEC31", || {
        text.escape_ascii().to_string()
    })
}

fn printed_expires(evidence: &Evidence, _: ObjectId) -> Judgement {
    let dates = CardDates {
        chuid: chuid(evidence).and_then(|chuid| chuid.expiry),
        printed: printed(evidence).and_then(|printed| printed.expiry),
        ..CardDates::default()
    };
    match (dates.chuid, dates.printed) {
        (Some(_), Some(_)) => judge(check_dates(&dates, None)),
        _ => nothing("one of the dates"),
    }
}

fn discovery_application(evidence: &Evidence, object: ObjectId) -> Judgement {
    match Elements::of(evidence, object).get(0x4F) {
        Some(aid) => Judgement::require(aid == AID, hex::encode_upper(AID), || {
            format!("application identifier {}", hex::encode_upper(aid))
        }),
        None => nothing("the application identifier"),
    }
}

fn discovery_policy(evidence: &Evidence, _: ObjectId) -> Judgement {
    let Some(discovery) = &evidence.discovery else {
        return nothing("the Discovery Object");
    };
    if discovery.value.policy.is_none() {
        return nothing("the PIN usage policy");
    }
    let mut findings = discovery.findings.clone();
    findings.retain(|finding| finding.message.starts_with("PIN usage policy"));
    judge(findings)
}

fn discovery_matches(evidence: &Evidence, _: ObjectId) -> Judgement {
    let policy = evidence.discovery.as_ref().and_then(|it| it.value.policy);
    let Some(policy) = policy else {
        return nothing("the PIN usage policy");
    };
    let mut deviations = Vec::new();
    let mut missing = |capability: &str, what: String| {
        deviations.push(Deviation::new(
            format!("{what}, as the policy announces {capability}"),
            "it is not on the card",
        ));
    };
    let absent = |object: ObjectId| {
        let state = evidence.readings.get(&object).map(|reading| &reading.state);
        matches!(state, Some(ObjectState::Absent | ObjectState::Empty))
    };
    let global = evidence.tries.get(&PinReference::Global);
    if policy.global_pin() && matches!(global, Some(None | Some(Tries::NotPresent))) {
        missing("a Global PIN", "the Global PIN `00`".to_owned());
    }
    let mut needed = Vec::new();
    if policy.on_card_comparison() {
        needed.push((
            "on-card comparison",
            ObjectId::BiometricInformationTemplates,
        ));
    }
    if policy.virtual_contact() {
        needed.push((
            "a virtual contact interface",
            ObjectId::SecureMessagingSigner,
        ));
    }
    if policy.pairing_code() {
        needed.push(("a pairing code", ObjectId::PairingCode));
    }
    for (capability, object) in needed {
        if absent(object) {
            missing(capability, format!("{object} `{}`", object.tag()));
        }
    }
    if policy.on_card_comparison() && fingers(evidence) == Some(0) {
        missing("on-card comparison", "a template of a finger".to_owned());
    }
    Judgement::broken(deviations)
}

fn fingers(evidence: &Evidence) -> Option<u8> {
    let value = evidence.value(ObjectId::BiometricInformationTemplates)?;
    let templates = BiometricInformationTemplates::parse(value).ok()?;
    templates.value.fingers
}

fn key_history(evidence: &Evidence, object: ObjectId) -> Judgement {
    let history = evidence
        .value(object)
        .and_then(|value| KeyHistory::parse(value).ok());
    let Some(stated) = history.and_then(|history| history.value.on_card) else {
        return nothing("the number of keys with certificates on the card");
    };
    let state = |key| {
        let reading = evidence.readings.get(&ObjectId::RetiredCertificate(key))?;
        Some(&reading.state)
    };
    let unread = |state: Option<&ObjectState>| matches!(state, None | Some(ObjectState::NotRead));
    if stated > 0 && RetiredKey::all().all(|key| unread(state(key))) {
        return Judgement::skipped("the retired certificates were not read");
    }
    let deviations = RetiredKey::all().filter_map(|key| {
        let there = matches!(state(key), Some(ObjectState::Present(_)));
        let (expected, observed) = match (key.number() <= stated, there) {
            (true, false) => ("on the card", "it is not"),
            (false, true) => ("not counted and not on the card", "it is there"),
            _ => return None,
        };
        let name = ObjectId::RetiredCertificate(key);
        Some(Deviation::new(format!("{name} {expected}"), observed))
    });
    Judgement::broken(deviations.collect())
}

fn messaging_signer(evidence: &Evidence, object: ObjectId) -> Judgement {
    let parsed = evidence
        .value(object)
        .and_then(|value| SecureMessagingSigner::parse(value).ok());
    let Some(signer) = parsed else {
        return nothing("the object");
    };
    if signer.value.certificate.certificate().is_err() {
        return nothing("the certificate");
    }
    match signer.value.signer() {
        Ok(_) => Judgement::pass(),
        Err(error) => Judgement::fail(
            format!("a key that signs CVCs in `{}`", Tag(0x70)),
            error.to_string(),
        ),
    }
}
