use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use ground::{Ambient, Blame, Blamed};
use iso7816::{Channel, ChannelError, Link, Response};
use piv::signed::CertificateRules;
use piv::words::{ObjectId, PinReference};
use piv::{Client, PivError, Tries};
use series::{Identification, Profile, identify};

use crate::bench::{Bench, guard_tries};
use crate::logbook::Logbook;
use crate::middleware::{Probing, probings};
use crate::report::{Aftermath, CardIdentity, Outcome, Report};
use crate::{
    Assertion, Check, Evidence, Judgement, Need, ObjectState, Settings, ValidationError, assertions,
};

/// Proves every assertion that can be proved with what is given and permitted.
///
/// Each data object is read once; then the assertions are judged in the order of
/// [`assertions`]. `progress` is told how many of how many are done and which one is next.
/// Without [`Permits`](crate::Permits) nothing is written and no try is spent.
///
/// # Errors
///
/// [`ValidationError`] when the card is none to validate, or the run cannot be finished. What is
/// wrong with the card is in the report.
pub fn validate(
    link: Box<dyn Link>,
    settings: &Settings,
    ambient: &Arc<dyn Ambient>,
    progress: &mut dyn FnMut(usize, usize, &str),
) -> Result<Report, ValidationError> {
    let (wanted, probes) = selection(settings)?;
    let total = wanted.len() + probes.len();
    let (logbook, link) = Logbook::over(link, ambient);
    let (mut client, mut evidence) = approach(link, settings, ambient)?;
    progress(0, total, "reading the card");
    evidence.read_open_objects(&mut client, &logbook, settings.retired)?;
    // Before the passcode: which card it is decides whether a try may be spent on it.
    let test_card = is_test_card(&evidence, settings)?;
    // Contactless, no passcode can be sent in clear (SP 800-73-5 Part 1, Table 4).
    let contact = !evidence.is_contactless();
    if let Some(passcode) = settings.passcode.as_ref().filter(|_| contact) {
        guard_tries(&mut client)?;
        match client.verify(PinReference::Application, passcode) {
            Ok(()) => evidence.passcode_verified = true,
            Err(PivError::WrongPasscode { tries_left, .. }) => {
                let left = tries_left.unwrap_or_default();
                return Err(ValidationError::WrongPasscode { left });
            }
            Err(error) => return Err(error.into()),
        }
    }
    evidence.read_guarded_objects(&mut client, &logbook)?;
    evidence.rules = certificate_rules(&evidence, settings);

    let mut bench = Bench::new(client, logbook, &evidence, settings, Arc::clone(ambient));
    let mut outcomes = Vec::new();
    let mut changed = false;
    for (index, assertion) in wanted.iter().enumerate() {
        progress(index, total, assertion.title);
        let obstacle = obstacle(assertion, &evidence, settings, test_card);
        let is_command = matches!(assertion.check, Check::Command(_));
        changed |= obstacle.is_none() && (assertion.writes || assertion.pin_tries > 0);
        match obstacle {
            Some(reason) => outcomes.push(outcome(
                assertion,
                &evidence,
                None,
                Judgement::skipped(reason),
                0..0,
            )),
            None if is_command => outcomes.push(command_outcome(assertion, &mut bench)?),
            None => outcomes.extend(data_outcomes(assertion, &evidence)),
        }
    }
    let mut sent = BTreeMap::new();
    for (index, probing) in probes.iter().enumerate() {
        progress(wanted.len() + index, total, &probing.probe.title);
        let mut outcome = probe_outcome(probing, &mut bench, &mut sent)?;
        outcome.explain(evidence.profile.as_ref());
        outcomes.push(outcome);
    }
    for outcome in &mut outcomes {
        outcome.name_clients(&settings.middleware);
    }
    progress(total, total, "looking at the card again");
    let logbook = bench.logbook().clone();
    let told = bench.differences().to_vec();
    let mut client = bench.into_client();
    let mut aftermath = look_again(&mut client, &evidence, settings, &logbook, changed)?;
    aftermath.differences.extend(told);
    client
        .into_channel()
        .disconnect(iso7816::Disposition::Reset)?;
    Ok(Report::new(
        CardIdentity::of(&evidence),
        ambient.now(),
        outcomes,
        aftermath,
        logbook.finish()?,
    ))
}

/// The assertions and probes asked for.
fn selection(
    settings: &Settings,
) -> Result<(Vec<&'static Assertion>, Vec<Probing<'_>>), ValidationError> {
    let is = |id: &str, pattern: &String| id.starts_with(pattern.as_str());
    let probes = || probings(&settings.middleware);
    let unknown = settings.only.iter().find(|pattern| {
        !assertions().any(|assertion| is(assertion.id, pattern))
            && !probes().any(|probing| is(&probing.id, pattern))
    });
    if let Some(pattern) = unknown {
        return Err(ValidationError::NoAssertion {
            pattern: pattern.clone(),
        });
    }
    let wanted =
        |id: &str| settings.only.is_empty() || settings.only.iter().any(|pattern| is(id, pattern));
    Ok((
        assertions().filter(|it| wanted(it.id)).collect(),
        probes().filter(|it| wanted(&it.id)).collect(),
    ))
}

/// What was answered to a probe's commands, and the exchanges that show it.
type Sent = BTreeMap<Vec<Vec<u8>>, (Response, Range<u64>)>;

/// Sends a probe, unless another has sent the same.
fn probe_outcome(
    probing: &Probing<'_>,
    bench: &mut Bench<'_>,
    sent: &mut Sent,
) -> Result<Outcome, ValidationError> {
    if let Some(reason) = probing.obstacle(bench.evidence()) {
        let judgement = Judgement::not_applicable(reason);
        return Ok(Outcome::of_probe(probing, judgement, 0..0));
    }
    let commands: Vec<Vec<u8>> = probing
        .commands()
        .iter()
        .map(|command| Ok(command.to_extended()?.to_vec()))
        .collect::<Result<_, _>>()
        .map_err(ChannelError::Command)?;
    if let Some((response, exchanges)) = sent.get(&commands) {
        let judgement = probing.judge(response);
        return Ok(Outcome::of_probe(probing, judgement, exchanges.clone()));
    }
    bench.lend_harmless()?;
    let before = bench.logbook().position();
    let response = match probing.send(bench) {
        Ok(response) => response,
        Err(error) if error.blame() == Blame::CardMisbehaved => {
            let judgement = Judgement::fail("an answer a host can go on with", error.to_string());
            let exchanges = bench.logbook().since(before);
            return Ok(Outcome::of_probe(probing, judgement, exchanges));
        }
        Err(error) => return Err(error),
    };
    let exchanges = bench.logbook().since(before);
    let outcome = Outcome::of_probe(probing, probing.judge(&response), exchanges.clone());
    sent.insert(commands, (response, exchanges));
    Ok(outcome)
}

/// Identifies the card, selects its PIV application and asks how the references stand.
fn approach(
    link: Box<dyn Link>,
    settings: &Settings,
    ambient: &Arc<dyn Ambient>,
) -> Result<(Client, Evidence), ValidationError> {
    let mut channel = Channel::new(link);
    let reader = channel.link().name().to_owned();
    let atr = channel.link().atr().to_vec();
    let protocol = channel.link().protocol();
    let identification = identify(&mut channel, &settings.profiles)?;
    let profile = judging_profile(&identification, settings)?;
    let edition = settings
        .edition
        .or_else(|| profile.as_ref().and_then(Profile::edition));
    let is_piv = identification
        .selected
        .as_ref()
        .is_some_and(|answer| answer.is_piv());
    if !is_piv {
        return Err(ValidationError::NotPiv {
            reader,
            conclusion: identification.conclusion.to_string(),
        });
    }
    let mut client = Client::select(channel)?;
    client.use_extended(true);
    let mut tries = BTreeMap::new();
    for reference in REFERENCES {
        tries.insert(reference, tries_of(&mut client, reference)?);
    }
    let evidence = Evidence {
        reader,
        atr,
        protocol,
        identification,
        profile,
        application: client.application().clone(),
        tries,
        passcode_verified: false,
        readings: BTreeMap::new(),
        contents: BTreeMap::new(),
        chuid: None,
        signer: None,
        discovery: None,
        certificates: BTreeMap::new(),
        now: ambient.now(),
        trust: settings.trust.clone(),
        rules: CertificateRules::common(),
        edition,
    };
    Ok((client, evidence))
}

/// The references whose tries are asked for.
const REFERENCES: [PinReference; 3] = [
    PinReference::Application,
    PinReference::Global,
    PinReference::Unblocking,
];

fn told_tries(tries: Option<Tries>) -> String {
    match tries {
        Some(Tries::Left(left)) => format!("{left} tries left"),
        Some(Tries::Blocked) => "blocked".to_owned(),
        Some(Tries::Verified) => "verified".to_owned(),
        Some(Tries::NotPresent) => "not on the card".to_owned(),
        None => "not told".to_owned(),
    }
}

fn tries_of(client: &mut Client, reference: PinReference) -> Result<Option<Tries>, PivError> {
    match client.tries(reference) {
        Ok(tries) => Ok(Some(tries)),
        Err(PivError::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn judging_profile(
    identification: &Identification,
    settings: &Settings,
) -> Result<Option<Profile>, ValidationError> {
    if let Some(id) = &settings.profile {
        return Ok(Some(settings.profiles.get(id)?.clone()));
    }
    let mut candidates = settings
        .profiles
        .iter()
        .filter(|profile| profile.piv.is_some() && identification.admits(&profile.id));
    Ok(candidates.next().cloned())
}

/// What the operator demands of certificates, or else the profile: of a series whose issuer is no
/// agency of the United States less than of others.
fn certificate_rules(evidence: &Evidence, settings: &Settings) -> CertificateRules {
    if let Some(rules) = &settings.rules {
        return rules.clone();
    }
    let stated = evidence.profile.as_ref().map(|it| &it.certificate);
    let federal = match stated.and_then(|stated| stated.federal.as_ref()) {
        Some(federal) => federal.value,
        None => !evidence.is_of_no_agency(),
    };
    let mut rules = match federal {
        true => CertificateRules::common(),
        false => CertificateRules::non_federal(),
    };
    if let Some(policies) = stated.and_then(|stated| stated.policies.as_ref()) {
        let stated = policies.value.0.iter();
        rules.policies = stated
            .map(|(holder, policies)| (holder.role(), policies.clone()))
            .collect();
    }
    rules
}

/// Judges what was read, without a card: every assertion that needs no command, in the order of
/// [`assertions`]. What needs something else is skipped with the reason.
#[must_use]
pub fn judge(evidence: &Evidence) -> Vec<Outcome> {
    let by_data = assertions().filter(|assertion| !matches!(assertion.check, Check::Command(_)));
    by_data
        .flat_map(|assertion| match lacks(assertion, evidence) {
            Some(need) => {
                let judgement = Judgement::skipped(format!("it needs {need}"));
                vec![outcome(assertion, evidence, None, judgement, 0..0)]
            }
            None => data_outcomes(assertion, evidence),
        })
        .collect()
}

/// What an assertion about data needs and was not given.
fn lacks(assertion: &Assertion, evidence: &Evidence) -> Option<Need> {
    let mut needs = assertion.needs.iter().copied();
    needs.find(|need| match need {
        Need::TrustAnchors => evidence.trust.anchors.is_empty(),
        Need::SecureMessaging => evidence.application.secure_messaging().is_none(),
        _ => true,
    })
}

/// Whether the card is the one the operator named as a test card.
fn is_test_card(evidence: &Evidence, settings: &Settings) -> Result<bool, ValidationError> {
    let Some(named) = &settings.permits.test_card else {
        return Ok(false);
    };
    let names = evidence.names();
    match names.iter().any(|name| name.eq_ignore_ascii_case(named)) {
        true => Ok(true),
        false => Err(ValidationError::OtherCard {
            named: named.clone(),
            found: match names.is_empty() {
                true => "a card without GUID or serial number".to_owned(),
                false => names.join(", "),
            },
        }),
    }
}

/// Why an assertion is not proved, if so.
fn obstacle(
    assertion: &Assertion,
    evidence: &Evidence,
    settings: &Settings,
    test_card: bool,
) -> Option<String> {
    let permits = &settings.permits;
    if assertion.writes && !permits.write {
        return Some("it writes to the card; --write permits that".to_owned());
    }
    if assertion.pin_tries > permits.pin_tries {
        return Some(format!(
            "it spends up to {} tries of the passcode; --spend-pin-tries permits that",
            assertion.pin_tries
        ));
    }
    let missing = |need: &&Need| match need {
        Need::Passcode => settings.passcode.is_none(),
        Need::Puk => settings.puk.is_none(),
        Need::AdminKey => settings.admin_key.is_none(),
        Need::Contact => evidence.is_contactless(),
        Need::Contactless => !evidence.is_contactless(),
        Need::PairingCode => {
            settings.pairing_code.is_none()
                && evidence
                    .policy()
                    .is_some_and(|policy| policy.pairing_code())
        }
        Need::SecureMessaging => evidence.application.secure_messaging().is_none(),
        Need::TestCard => !test_card,
        Need::TrustAnchors => settings.trust.anchors.is_empty(),
        Need::SpareKey => permits.spare_key.is_none(),
    };
    let need = assertion.needs.iter().find(missing)?;
    Some(format!("it needs {need}"))
}

fn command_outcome(
    assertion: &'static Assertion,
    bench: &mut Bench<'_>,
) -> Result<Outcome, ValidationError> {
    let Check::Command(prove) = assertion.check else {
        unreachable!("only command assertions come here");
    };
    bench.lend(assertion)?;
    let before = bench.logbook().position();
    let judgement = match prove(bench) {
        Ok(judgement) => judgement,
        Err(error @ (ValidationError::FewTries { .. } | ValidationError::WrongSecret { .. })) => {
            Judgement::skipped(error.to_string())
        }
        // No answer a host can go on with is a finding; the next assertion begins with a reset.
        Err(error) if error.blame() == Blame::CardMisbehaved => {
            Judgement::fail("an answer a host can go on with", error.to_string())
        }
        Err(error) => return Err(error),
    };
    let exchanges = bench.logbook().since(before);
    Ok(outcome(
        assertion,
        bench.evidence(),
        None,
        judgement,
        exchanges,
    ))
}

fn data_outcomes(assertion: &'static Assertion, evidence: &Evidence) -> Vec<Outcome> {
    match assertion.check {
        Check::Object(objects, judge) => ObjectId::all()
            .filter(|object| objects.contains(*object))
            .filter_map(|object| {
                let reading = evidence.readings.get(&object)?;
                let judgement = match &reading.state {
                    ObjectState::Present(_) => judge(evidence, object),
                    ObjectState::Refused(status) => {
                        Judgement::skipped(format!("the card refuses to give it: {status}"))
                    }
                    ObjectState::Empty => Judgement::not_applicable("it is empty"),
                    ObjectState::Absent => Judgement::not_applicable("it is not on the card"),
                    ObjectState::NotRead => return None,
                };
                let exchanges = reading.exchanges.clone();
                Some(outcome(
                    assertion,
                    evidence,
                    Some(object),
                    judgement,
                    exchanges,
                ))
            })
            .collect(),
        Check::Card(judge) => vec![outcome(assertion, evidence, None, judge(evidence), 0..0)],
        Check::Command(_) => Vec::new(),
    }
}

fn outcome(
    assertion: &'static Assertion,
    evidence: &Evidence,
    object: Option<ObjectId>,
    judgement: Judgement,
    exchanges: Range<u64>,
) -> Outcome {
    let mut outcome = Outcome::new(assertion, object, judgement, exchanges);
    outcome.explain(evidence.profile.as_ref());
    outcome
}

/// Compares the card with what was read before. Objects are read again only if something may have
/// changed them.
fn look_again(
    client: &mut Client,
    evidence: &Evidence,
    settings: &Settings,
    logbook: &Logbook,
    changed: bool,
) -> Result<Aftermath, ValidationError> {
    client.reset(iso7816::Reset::Warm)?;
    client.use_extended(true);
    let mut differences = Vec::new();
    for (reference, before) in &evidence.tries {
        let after = tries_of(client, *reference)?;
        if after != *before {
            let (before, after) = (told_tries(*before), told_tries(after));
            differences.push(format!("{reference}: {before} before, {after} now"));
        }
    }
    if changed {
        let passcode = settings.passcode.as_ref();
        if let Some(passcode) = passcode.filter(|_| evidence.passcode_verified) {
            let verified = guard_tries(client)
                .and_then(|()| Ok(client.verify(PinReference::Application, passcode)?));
            match verified {
                Ok(()) => {}
                // The report is worth more than a comparison of what the passcode protects.
                Err(ValidationError::Piv(error @ PivError::Channel { .. })) => {
                    return Err(error.into());
                }
                Err(error) => differences.push(format!("the passcode is not accepted: {error}")),
            }
        }
        let mut after = evidence.clone();
        after.read_open_objects(client, logbook, settings.retired)?;
        after.read_guarded_objects(client, logbook)?;
        let objects: BTreeSet<&ObjectId> = after.readings.keys().collect();
        for object in objects {
            let state = |evidence: &Evidence| {
                let reading = evidence.readings.get(object);
                reading.map(|reading| reading.state.clone())
            };
            if state(evidence) != state(&after) {
                differences.push(format!("{object} differs from what it was"));
            }
        }
    }
    Ok(Aftermath {
        compared_objects: changed,
        differences,
    })
}
