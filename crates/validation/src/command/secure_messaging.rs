//! Commands under secure messaging (SP 800-73-5 Part 2, 4.2 and 4.3), also over the contacts, where
//! it opens nothing that is not open already.

use iso7816::ber::Tag;
use iso7816::{Command, Expected, Response, StatusWord};
use piv::commands;
use piv::secure_messaging::{Session, SmError, message};
use piv::words::{KeyReference, ObjectId, PinReference};

use super::establishment::twins;
use super::keys::Challenge;
use super::proof::{Proof, get, is_error};
use super::{Proved, SECURED, assertion};
use crate::{Assertion, Bench, Judgement, Need, ValidationError};

pub(super) const ASSERTIONS: &[Assertion] = &[
    assertion(
        "secure-messaging.same-data",
        "an object read under secure messaging is the object read in clear",
        "Part 2, 4.2",
        same_data,
    )
    .needs(SECURED),
    assertion(
        "secure-messaging.error-inside",
        "a refusal comes protected",
        "Part 2, 4.2.5",
        error_inside,
    )
    .needs(SECURED),
    assertion(
        "secure-messaging.many-commands",
        "a session lasts over many commands",
        "Part 2, 4.2",
        many_commands,
    )
    .needs(SECURED),
    assertion(
        "secure-messaging.key",
        "key 9E is used under secure messaging",
        "Part 2, 4.2",
        key_under_session,
    )
    .needs(SECURED),
    assertion(
        "secure-messaging.chain",
        "a protected command in two parts does what it does in one",
        "Part 2, 4.2.4",
        chain,
    )
    .needs(SECURED),
    assertion(
        "secure-messaging.mixed-chain",
        "a chain that begins under secure messaging does not go on in clear",
        "Part 2, 4.2",
        mixed_chain,
    )
    .needs(SECURED),
    assertion(
        "secure-messaging.no-session",
        "a protected command without a session is answered with 6982",
        "Part 2, 4.3",
        no_session,
    )
    .needs(SECURED),
    assertion(
        "secure-messaging.wrong-mac",
        "a wrong MAC is answered with 6988 and ends the session",
        "Part 2, 4.3",
        wrong_mac,
    )
    .needs(SECURED),
    assertion(
        "secure-messaging.no-mac",
        "a command without a MAC is answered with 6987 and ends the session",
        "Part 2, 4.3",
        no_mac,
    )
    .needs(SECURED),
    assertion(
        "secure-messaging.replay",
        "a command sent a second time is answered with 6988",
        "Part 2, 4.2.3",
        replay,
    )
    .needs(SECURED),
    assertion(
        "secure-messaging.plain-between",
        "a command in clear in the middle of a session is carried out in clear",
        "Part 2, 4.2",
        plain_between,
    )
    .needs(SECURED),
    assertion(
        "secure-messaging.reset-ends",
        "a reset ends the session",
        "Part 2, 4.3",
        reset_ends,
    )
    .needs(SECURED),
    assertion(
        "secure-messaging.new-session-ends-old",
        "another establishment ends the session before",
        "Part 2, 4.3",
        new_session_ends_old,
    )
    .needs(SECURED),
    assertion(
        "secure-messaging.select-is-not-carried",
        "SELECT is not carried under secure messaging",
        "Part 2, 4.2",
        select_is_not_carried,
    )
    .needs(SECURED),
    assertion(
        "secure-messaging.passcode",
        "the passcode can be verified under secure messaging over the contacts",
        "Part 2, 3.2.1 and 4.2",
        passcode,
    )
    .needs(&[Need::Contact, Need::SecureMessaging, Need::Passcode]),
    assertion(
        "secure-messaging.opens-nothing",
        "secure messaging over the contacts opens nothing that needs the passcode",
        "Part 1, Table 2",
        opens_nothing,
    )
    .needs(&[Need::Contact, Need::SecureMessaging]),
];

macro_rules! session {
    ($bench:expr) => {
        match twins($bench)? {
            Ok([session, _]) => session,
            Err(judgement) => return Ok(judgement),
        }
    };
}

/// The plain answer, or a deviation.
pub(super) fn opened(
    proof: &mut Proof,
    sent: &str,
    answer: Result<Response, SmError>,
) -> Option<Response> {
    match answer {
        Ok(response) => Some(response),
        Err(error) => {
            proof.holds(false, format!("{sent} answered under the session"), || {
                error.to_string()
            });
            None
        }
    }
}

fn chuid() -> Command {
    commands::get_data(ObjectId::Chuid.tag())
}

fn same_data(bench: &mut Bench<'_>) -> Proved {
    let plain = get(bench, ObjectId::Chuid)?;
    let mut session = session!(bench);
    let answer = bench.transmit_secured(&mut session, &chuid())?;
    let mut proof = Proof::new();
    if let Some(secured) = opened(&mut proof, "GET DATA", answer) {
        proof.holds(
            secured == plain,
            format!("{} bytes and {}", plain.data.len(), plain.status),
            || format!("{} bytes and {}", secured.data.len(), secured.status),
        );
    }
    proof.done()
}

fn error_inside(bench: &mut Bench<'_>) -> Proved {
    let mut session = session!(bench);
    let unknown = commands::get_data(Tag(0x5F_C1FF));
    let answer = bench.transmit_secured(&mut session, &unknown)?;
    let mut proof = Proof::new();
    if let Some(response) = opened(&mut proof, "GET DATA of an unknown object", answer) {
        proof.answers(
            "GET DATA of an unknown object under the session",
            response.status,
            &[StatusWord::NOT_FOUND],
        );
    }
    proof.done()
}

fn many_commands(bench: &mut Bench<'_>) -> Proved {
    let mut session = session!(bench);
    let mut proof = Proof::new();
    for _ in 0..20 {
        let answer = bench.transmit_secured(&mut session, &chuid())?;
        if opened(&mut proof, "GET DATA", answer).is_none() {
            break;
        }
    }
    proof.done()
}

fn key_under_session(bench: &mut Bench<'_>) -> Proved {
    let challenge = match Challenge::for_key(bench, KeyReference::CardAuthentication) {
        Ok(challenge) => challenge,
        Err(judgement) => return Ok(judgement),
    };
    let mut session = session!(bench);
    let answer = bench.transmit_secured(&mut session, &challenge.command)?;
    let mut proof = Proof::new();
    if let Some(response) = opened(&mut proof, "GENERAL AUTHENTICATE", answer) {
        proof.add(challenge.judge(&response));
    }
    proof.done()
}

/// A challenge to key 9E under the session, and its two parts. The last has the class given.
fn split(
    bench: &Bench<'_>,
    session: &mut Session,
    last: u8,
) -> Result<(Challenge, Command, Command), Judgement> {
    let challenge = Challenge::for_key(bench, KeyReference::CardAuthentication)?;
    let whole = session
        .protect(&challenge.command)
        .map_err(|error| Judgement::skipped(error.to_string()))?;
    // The longest, of RSA-3072, is of some 430 bytes.
    let (first, second) = whole.data.split_at(whole.data.len() / 2);
    let header = |class| Command::new(class, whole.instruction, whole.p1, whole.p2);
    Ok((
        challenge,
        header(message::CLASS | Command::CHAINING).with_data(first),
        header(last)
            .with_data(second)
            .with_expected(Expected::SHORT_MAX),
    ))
}

fn chain(bench: &mut Bench<'_>) -> Proved {
    let mut session = session!(bench);
    let (challenge, first, second) = match split(bench, &mut session, message::CLASS) {
        Ok(parts) => parts,
        Err(judgement) => return Ok(judgement),
    };
    let mut proof = Proof::new();
    let acknowledged = bench.transmit_once(&first)?.status;
    proof.answers("the first part", acknowledged, &[StatusWord::OK]);
    let response = bench.transmit(&second)?;
    let answer = session.unprotect(&response);
    if let Some(response) = opened(&mut proof, "the last part", answer) {
        proof.add(challenge.judge(&response));
    }
    proof.done()
}

fn mixed_chain(bench: &mut Bench<'_>) -> Proved {
    let mut session = session!(bench);
    let (_, first, second) = match split(bench, &mut session, 0x00) {
        Ok(parts) => parts,
        Err(judgement) => return Ok(judgement),
    };
    bench.transmit_once(&first)?;
    let response = bench.transmit(&second)?;
    // Some say that secure messaging objects are missing, some that the data are wrong.
    let mut proof = Proof::new();
    proof.holds(
        is_error(response.status) && response.data.is_empty(),
        "the last part in clear refused",
        || format!("{} and {} bytes", response.status, response.data.len()),
    );
    proof.remark(format!("answered with {}", response.status));
    proof.done()
}

/// A protected command on its own must find no keys.
fn has_no_keys(
    proof: &mut Proof,
    bench: &mut Bench<'_>,
    session: &mut Session,
) -> Result<(), ValidationError> {
    let Ok(protected) = session.protect(&chuid()) else {
        return Ok(());
    };
    let status = bench.transmit(&protected)?.status;
    proof.refused(
        "a protected command after the session has ended",
        status,
        &[StatusWord::SECURITY_STATUS_NOT_SATISFIED],
    );
    Ok(())
}

fn no_session(bench: &mut Bench<'_>) -> Proved {
    let mut session = session!(bench);
    bench.fresh()?;
    let mut proof = Proof::new();
    has_no_keys(&mut proof, bench, &mut session)?;
    let plain = get(bench, ObjectId::Chuid)?.status;
    proof.holds(
        plain.is_ok() || plain == StatusWord::NOT_FOUND,
        "a command in clear carried out afterwards",
        || plain.to_string(),
    );
    proof.done()
}

fn broken(
    bench: &mut Bench<'_>,
    sent: &str,
    expected: StatusWord,
    spoil: impl FnOnce(&mut Vec<u8>),
) -> Proved {
    let [mut session, mut twin] = match twins(bench)? {
        Ok(twins) => twins,
        Err(judgement) => return Ok(judgement),
    };
    let mut proof = Proof::new();
    let Ok(mut command) = session.protect(&chuid()) else {
        return Ok(Judgement::skipped("the session could not be used"));
    };
    let mut data = command.data.to_vec();
    spoil(&mut data);
    command.data = zeroize::Zeroizing::new(data);
    let response = bench.transmit(&command)?;
    proof.answers(sent, response.status, &[expected]);
    proof.holds(response.data.is_empty(), "no data", || {
        format!("{} bytes", response.data.len())
    });
    // What the twin sends would be right if the card had kept its keys.
    has_no_keys(&mut proof, bench, &mut twin)?;
    proof.done()
}

fn wrong_mac(bench: &mut Bench<'_>) -> Proved {
    broken(
        bench,
        "a wrong MAC",
        StatusWord::SM_OBJECTS_INCORRECT,
        |data| {
            if let Some(last) = data.last_mut() {
                *last ^= 0x01;
            }
        },
    )
}

fn no_mac(bench: &mut Bench<'_>) -> Proved {
    broken(bench, "no MAC", StatusWord::SM_OBJECTS_MISSING, |data| {
        data.truncate(data.len() - 2 - message::MAC_SIZE)
    })
}

fn replay(bench: &mut Bench<'_>) -> Proved {
    let mut session = session!(bench);
    let Ok(command) = session.protect(&chuid()) else {
        return Ok(Judgement::skipped("the session could not be used"));
    };
    let first = bench.transmit(&command)?;
    let second = bench.transmit(&command)?;
    let mut proof = Proof::new();
    let answer = session.unprotect(&first);
    opened(&mut proof, "the command", answer);
    proof.answers(
        "the same command again",
        second.status,
        &[StatusWord::SM_OBJECTS_INCORRECT],
    );
    proof.done()
}

fn plain_between(bench: &mut Bench<'_>) -> Proved {
    let before = get(bench, ObjectId::Chuid)?;
    let mut session = session!(bench);
    let answer = bench.transmit_secured(&mut session, &chuid())?;
    let mut proof = Proof::new();
    opened(&mut proof, "GET DATA", answer);
    let between = get(bench, ObjectId::Chuid)?;
    proof.holds(
        between == before,
        "GET DATA in clear answered as before",
        || format!("{} bytes and {}", between.data.len(), between.status),
    );
    // Part 1, Appendix B has the keys zeroized then; products keep them. Both are accepted.
    let after = bench.transmit_secured(&mut session, &chuid())?;
    proof.remark(match after {
        Ok(_) => "the session goes on after a command in clear",
        Err(_) => "a command in clear ends the session",
    });
    proof.done()
}

fn reset_ends(bench: &mut Bench<'_>) -> Proved {
    let mut session = session!(bench);
    let answer = bench.transmit_secured(&mut session, &chuid())?;
    let mut proof = Proof::new();
    opened(&mut proof, "GET DATA", answer);
    bench.fresh()?;
    has_no_keys(&mut proof, bench, &mut session)?;
    proof.done()
}

fn new_session_ends_old(bench: &mut Bench<'_>) -> Proved {
    let mut old = session!(bench);
    let mut new = session!(bench);
    let mut proof = Proof::new();
    let answer = bench.transmit_secured(&mut new, &chuid())?;
    opened(&mut proof, "GET DATA in the new session", answer);
    if let Ok(protected) = old.protect(&chuid()) {
        let status = bench.transmit(&protected)?.status;
        proof.answers(
            "a command of the session before",
            status,
            &[StatusWord::SM_OBJECTS_INCORRECT],
        );
    }
    proof.done()
}

fn select_is_not_carried(bench: &mut Bench<'_>) -> Proved {
    let mut session = session!(bench);
    let Ok(command) = session.protect(&commands::select(&piv::words::AID)) else {
        return Ok(Judgement::skipped("the session could not be used"));
    };
    let response = bench.transmit(&command)?;
    let mut proof = Proof::new();
    let listed = [
        StatusWord::SECURE_MESSAGING_NOT_SUPPORTED,
        StatusWord::CLASS_NOT_SUPPORTED,
    ];
    proof.refused("SELECT with class 0C", response.status, &listed);
    proof.done()
}

fn passcode(bench: &mut Bench<'_>) -> Proved {
    let mut session = session!(bench);
    let application = PinReference::Application;
    let mut proof = Proof::new();
    let asked = bench.transmit_secured(&mut session, &commands::read_tries(application))?;
    let Some(before) = opened(&mut proof, "VERIFY without data", asked) else {
        return proof.done();
    };
    proof.holds(
        before.status.tries_left().is_some(),
        "63CX inside to VERIFY without data",
        || before.status.to_string(),
    );
    if before.status.tries_left().is_none_or(|left| left < 2) {
        return proof.done();
    }
    let verify = commands::verify(application, bench.passcode());
    let answer = bench.transmit_secured(&mut session, &verify)?;
    if let Some(response) = opened(&mut proof, "VERIFY", answer) {
        proof.answers(
            "VERIFY with the right passcode under the session",
            response.status,
            &[StatusWord::OK],
        );
    }
    let printed = commands::get_data(ObjectId::PrintedInformation.tag());
    let answer = bench.transmit_secured(&mut session, &printed)?;
    if let Some(response) = opened(&mut proof, "GET DATA", answer) {
        proof.holds(
            response.status.is_ok() || response.status == StatusWord::NOT_FOUND,
            "the Printed Information after the passcode",
            || response.status.to_string(),
        );
    }
    proof.done()
}

fn opens_nothing(bench: &mut Bench<'_>) -> Proved {
    let mut session = session!(bench);
    let mut proof = Proof::new();
    for object in [ObjectId::PrintedInformation, ObjectId::PairingCode] {
        let command = commands::get_data(object.tag());
        let answer = bench.transmit_secured(&mut session, &command)?;
        if let Some(response) = opened(&mut proof, "GET DATA", answer) {
            proof.answers(
                &format!("GET DATA of the {object} under the session, before the passcode"),
                response.status,
                &[StatusWord::SECURITY_STATUS_NOT_SATISFIED],
            );
        }
    }
    proof.done()
}
