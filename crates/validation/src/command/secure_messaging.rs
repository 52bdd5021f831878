//! Secure messaging (SP 800-73-5 Part 2, 4), also over the contacts, where it opens nothing that
//! is not open already.

use iso7816::ber::{self, Tag};
use iso7816::{Command, Expected, Response, StatusWord};
use piv::commands;
use piv::cvc::Signer;
use piv::objects::SecureMessagingSigner;
use piv::secure_messaging::{CipherSuite, HostEphemeral, Session, SmError, message};
use piv::words::{KeyReference, ObjectId, PinReference};

use super::general_authenticate::off_the_curve;
use super::keys::Challenge;
use super::proof::{Proof, get, is_error};
use super::{Proved, SECURED, assertion};
use crate::{Assertion, Bench, Judgement, Need, Standard, ValidationError};

pub(super) const ASSERTIONS: &[Assertion] = &[
    assertion(
        "secure-messaging.establishes",
        "the card establishes secure messaging and proves that it has the key of its certificate",
        "AS05.41-R4, AS05.42-R4 (SP 800-73-5 Part 2, 4.1)",
        establishes,
    )
    .of(Standard::Sp80085A)
    .needs(SECURED),
    assertion(
        "secure-messaging.certificate-is-signed",
        "the card's certificate is signed by the signer in 5FC122",
        "Part 2, 4.1.5",
        certificate_is_signed,
    )
    .needs(SECURED),
    assertion(
        "secure-messaging.fresh-nonce",
        "each establishment has a nonce of its own",
        "Part 2, 4.1.1",
        fresh_nonce,
    )
    .needs(SECURED),
    assertion(
        "secure-messaging.other-suite",
        "a cipher suite the card does not have is answered with 6A86",
        "AS05.36 (SP 800-73-5 Part 2, 4.1.8)",
        other_suite,
    )
    .of(Standard::Sp80085A)
    .needs(SECURED),
    assertion(
        "secure-messaging.control-byte",
        "a host that asks for persistent binding is answered with 6A80",
        "Part 2, 4.1.1",
        control_byte,
    )
    .needs(SECURED),
    assertion(
        "secure-messaging.point-off-the-curve",
        "an ephemeral key that is not on the curve is answered with 6A80",
        "Part 2, 4.1.1",
        point_off_the_curve,
    )
    .needs(SECURED),
    assertion(
        "secure-messaging.short-point",
        "an ephemeral key of another length is answered with 6A80",
        "Part 2, 4.1.8",
        short_point,
    )
    .needs(SECURED),
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

/// Two sessions with the same keys: what one has not sent, the other can.
pub(super) fn twins(
    bench: &mut Bench<'_>,
) -> Result<Result<[Session; 2], Judgement>, ValidationError> {
    let suite = bench.suite();
    let host = HostEphemeral::generate(suite, bench.ambient());
    let response = bench.transmit(&host.command())?;
    // That it cannot be established is the finding of `secure-messaging.establishes` alone.
    let refused = |error: String| {
        Err(Judgement::skipped(format!(
            "secure messaging cannot be established: {error}"
        )))
    };
    let parts = parts_of(suite, &response);
    let twin = parts.and_then(|(nonce, cvc)| {
        let card = piv::cvc::Cvc::parse(&cvc).ok()?.value.public_key?;
        let keys = host
            .agreement(&nonce, &cvc)
            .derive(&host.shared_secret(&card)?);
        Some(Session::new(suite, keys))
    });
    Ok(match (host.establish(&response, None), twin) {
        (Ok(established), Some(twin)) => Ok([established.session, twin]),
        (Err(error), _) => refused(error.to_string()),
        (Ok(_), None) => refused("the response cannot be taken apart twice".to_owned()),
    })
}

/// Nonce and certificate in the answer to an establishment.
fn parts_of(suite: CipherSuite, response: &Response) -> Option<(Vec<u8>, Vec<u8>)> {
    const CONTROL: usize = 1;
    const CRYPTOGRAM: usize = 16;
    let template = ber::expect(Tag(0x7C), &response.data).ok()?;
    let value = ber::find(Tag(0x82), template).ok()??;
    let nonce = value.get(CONTROL..CONTROL + suite.nonce_size())?;
    let cvc = value.get(CONTROL + suite.nonce_size() + CRYPTOGRAM..)?;
    Some((nonce.to_vec(), cvc.to_vec()))
}

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

fn establishes(bench: &mut Bench<'_>) -> Proved {
    match bench.establish()? {
        Ok(established) => {
            let mut proof = Proof::new();
            for finding in established.cvc.findings {
                proof.remark(finding.message);
            }
            proof.done()
        }
        Err(error) => Ok(Judgement::fail(
            "secure messaging established",
            error.to_string(),
        )),
    }
}

fn certificate_is_signed(bench: &mut Bench<'_>) -> Proved {
    let value = bench.evidence().value(ObjectId::SecureMessagingSigner);
    let parsed = value.and_then(|value| SecureMessagingSigner::parse(value).ok());
    let Some(held) = parsed.map(|parsed| parsed.value) else {
        return Ok(Judgement::not_applicable(
            "the signer of the certificate is not on the card",
        ));
    };
    let signer = held
        .certificate
        .certificate()
        .map_err(|error| error.to_string())
        .and_then(|certificate| {
            Signer::from_certificate(&certificate).map_err(|error| error.to_string())
        })
        .and_then(|content| match &held.intermediate {
            Some(intermediate) => piv::cvc::Cvc::parse(intermediate)
                .and_then(|cvc| Signer::from_intermediate(&cvc.value, &content))
                .map_err(|error| error.to_string()),
            None => Ok(content),
        });
    let signer = match signer {
        Ok(signer) => signer,
        Err(error) => {
            return Ok(Judgement::fail(
                "a content signer in the object 5FC122",
                error,
            ));
        }
    };
    let verified = match bench.establish()? {
        Ok(established) => established
            .cvc
            .value
            .verify(&signer)
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    Ok(Judgement::require(
        verified.is_ok(),
        "a certificate signed by the content signer",
        || verified.err().unwrap_or_default(),
    ))
}

fn fresh_nonce(bench: &mut Bench<'_>) -> Proved {
    let suite = bench.suite();
    let host = HostEphemeral::generate(suite, bench.ambient());
    let first = bench.transmit(&host.command())?;
    let second = bench.transmit(&host.command())?;
    let nonce = |response| parts_of(suite, response).map(|(nonce, _)| nonce);
    Ok(Judgement::require(
        matches!((nonce(&first), nonce(&second)), (Some(one), Some(other)) if one != other),
        "two different nonces to the same request",
        || match nonce(&second) {
            Some(nonce) => format!("{} twice", hex::encode_upper(nonce)),
            None => second.status.to_string(),
        },
    ))
}

fn other_suite(bench: &mut Bench<'_>) -> Proved {
    let other = match bench.suite() {
        CipherSuite::Cs2 => CipherSuite::Cs7,
        CipherSuite::Cs7 => CipherSuite::Cs2,
    };
    let host = HostEphemeral::generate(other, bench.ambient());
    let status = bench.transmit(&host.command())?.status;
    Ok(Judgement::status(
        &format!("establishment with {}", other.algorithm()),
        status,
        &[StatusWord::WRONG_P1P2],
    ))
}

/// An establishment with another challenge than it should have.
fn spoiled(bench: &mut Bench<'_>, sent: &str, spoil: impl FnOnce(&mut Vec<u8>)) -> Proved {
    const TO_CHALLENGE: usize = 4;
    let mut command = HostEphemeral::generate(bench.suite(), bench.ambient()).command();
    // 7C L 81 L, the challenge, 82 00.
    let end = command.data.len() - 2;
    let mut challenge = command.data[TO_CHALLENGE..end].to_vec();
    spoil(&mut challenge);
    let mut inner = ber::object(Tag(0x81), &challenge);
    ber::write(&mut inner, Tag(0x82), &[]);
    command.data = zeroize::Zeroizing::new(ber::object(Tag(0x7C), &inner));
    let status = bench.transmit(&command)?.status;
    let mut proof = Proof::new();
    proof.refused(sent, status, &[StatusWord::WRONG_DATA]);
    proof.done()
}

fn control_byte(bench: &mut Bench<'_>) -> Proved {
    spoiled(bench, "establishment with control byte 10", |challenge| {
        challenge[0] = 0x10;
    })
}

fn point_off_the_curve(bench: &mut Bench<'_>) -> Proved {
    /// CB_H and ID_sH.
    const BEFORE: usize = 9;
    spoiled(
        bench,
        "establishment with a point off the curve",
        |challenge| off_the_curve(&mut challenge[BEFORE..]),
    )
}

fn short_point(bench: &mut Bench<'_>) -> Proved {
    spoiled(bench, "establishment with a short point", |challenge| {
        challenge.pop();
    })
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
