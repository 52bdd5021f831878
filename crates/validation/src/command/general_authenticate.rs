//! GENERAL AUTHENTICATE (SP 800-73-5 Part 2, 3.2.4): the asymmetric keys, then key 9B.

use iso7816::ber::Tag;
use iso7816::{Command, StatusWord};
use piv::secure_messaging::{CipherSuite, HostEphemeral};
use piv::words::{Algorithm, Edition, KeyReference, ObjectId, PinReference};
use piv::{AdminAuthentication, PublicKey, commands};

use super::keys::Challenge;
use super::proof::{Proof, get, is_error};
use super::put_data::{is_administrator, same_object};
use super::{ADMIN, CONTACT, PASSCODE, Proved, TEST_ADMIN, assertion};
use crate::{Assertion, Bench, Judgement, Standard, ValidationError};

pub(super) const ASSERTIONS: &[Assertion] = &[
    assertion(
        "key.9e-matches-certificate",
        "key 9E is the key of its certificate and needs no passcode",
        "AS05.34 (SP 800-73-5 Part 1, Table 4)",
        |bench| matches_certificate(bench, KeyReference::CardAuthentication),
    )
    .of(Standard::Sp80085A)
    .checks(&["PKIX.11"]),
    assertion(
        "key.9a-matches-certificate",
        "key 9A is the key of its certificate",
        "AS05.34 (SP 800-73-5 Part 1, 3.2.1)",
        |bench| matches_after_passcode(bench, KeyReference::Authentication),
    )
    .of(Standard::Sp80085A)
    .checks(&["PKIX.11"])
    .needs(PASSCODE),
    assertion(
        "key.9c-matches-certificate",
        "key 9C is the key of its certificate",
        "AS05.34 (SP 800-73-5 Part 1, 3.2.2)",
        |bench| matches_after_passcode(bench, KeyReference::Signature),
    )
    .of(Standard::Sp80085A)
    .checks(&["PKIX.11"])
    .needs(PASSCODE),
    assertion(
        "key.9d-matches-certificate",
        "key 9D is the key of its certificate",
        "AS05.34 (SP 800-73-5 Part 1, 3.2.3)",
        |bench| matches_after_passcode(bench, KeyReference::KeyManagement),
    )
    .of(Standard::Sp80085A)
    .checks(&["PKIX.11"])
    .needs(PASSCODE),
    assertion(
        "key.retired-match-certificates",
        "each retired key is the key of its certificate",
        "AS05.34 (SP 800-73-5 Part 1, 3.3.3)",
        retired_match,
    )
    .of(Standard::Sp80085A)
    .needs(PASSCODE),
    assertion(
        "key.9a-needs-passcode",
        "key 9A is not used before the passcode: 6982",
        "AS05.36B (SP 800-73-5 Part 2, 3.2.4)",
        |bench| needs_passcode(bench, KeyReference::Authentication),
    )
    .of(Standard::Sp80085A)
    .needs(CONTACT),
    assertion(
        "key.9c-needs-passcode",
        "key 9C is not used before the passcode: 6982",
        "AS05.36B (SP 800-73-5 Part 2, 3.2.4)",
        |bench| needs_passcode(bench, KeyReference::Signature),
    )
    .of(Standard::Sp80085A)
    .needs(CONTACT),
    assertion(
        "key.9d-needs-passcode",
        "key 9D is not used before the passcode: 6982",
        "AS05.36B (SP 800-73-5 Part 2, 3.2.4)",
        |bench| needs_passcode(bench, KeyReference::KeyManagement),
    )
    .of(Standard::Sp80085A)
    .needs(CONTACT),
    assertion(
        "key.retired-need-passcode",
        "no retired key is used before the passcode: 6982",
        "AS05.36B (SP 800-73-5 Part 2, 3.2.4)",
        retired_need_passcode,
    )
    .of(Standard::Sp80085A)
    .needs(CONTACT),
    assertion(
        "key.9a-again",
        "key 9A is used more than once after one passcode",
        "Part 1, Table 4",
        used_again,
    )
    .needs(PASSCODE),
    assertion(
        "key.9c-passcode-always",
        "key 9C is used once for each time the passcode is verified",
        "Part 1, 3.2.2 and Table 4",
        passcode_always,
    )
    .needs(PASSCODE),
    assertion(
        "key.9c-passcode-just-before",
        "key 9C is not used when another command came after the passcode",
        "Part 1, 3.2.2",
        passcode_just_before,
    )
    .needs(PASSCODE),
    assertion(
        "key.log-out-closes",
        "key 9A is not used after the status of the passcode was reset",
        "AS05.22C (SP 800-73-5 Part 2, 3.2.1)",
        log_out_closes,
    )
    .of(Standard::Sp80085A)
    .needs(PASSCODE),
    assertion(
        "key.no-agreement-with-9e",
        "key 9E agrees on no secrets",
        "Part 2, 3.2.4",
        |bench| no_agreement(bench, KeyReference::CardAuthentication),
    ),
    assertion(
        "key.no-agreement-with-9a",
        "key 9A agrees on no secrets",
        "Part 2, 3.2.4",
        |bench| {
            let mut proof = Proof::new();
            if proof.log_in(bench)? {
                proof.add(no_agreement(bench, KeyReference::Authentication)?);
            }
            proof.done()
        },
    )
    .needs(PASSCODE),
    assertion(
        "key.point-off-the-curve",
        "key 9D agrees on nothing with a point that is not on its curve",
        "Part 2, 3.2.4; SP 800-56A Rev. 3, 5.6.2.3",
        point_off_the_curve,
    )
    .needs(PASSCODE),
    assertion(
        "general-authenticate.unknown-key",
        "a key reference that does not exist is answered with 6A86",
        "AS05.36 (SP 800-73-5 Part 2, 3.2.4)",
        unknown_key,
    )
    .of(Standard::Sp80085A),
    assertion(
        "general-authenticate.unknown-algorithm",
        "an algorithm that does not exist is answered with 6A86",
        "AS05.36 (SP 800-73-5 Part 2, 3.2.4)",
        unknown_algorithm,
    )
    .of(Standard::Sp80085A),
    assertion(
        "general-authenticate.other-algorithm",
        "an algorithm that is not the key's is refused",
        "AS05.36 (SP 800-73-5 Part 2, 3.2.4)",
        other_algorithm,
    )
    .of(Standard::Sp80085A),
    assertion(
        "general-authenticate.malformed-template",
        "a data field that is no dynamic authentication template is answered with 6A80",
        "AS05.36A (SP 800-73-5 Part 2, 3.2.4)",
        malformed_template,
    )
    .of(Standard::Sp80085A),
    assertion(
        "administration.challenge-is-random",
        "key 9B gives challenges of its block size, never the same twice",
        "Part 2, 3.2.4 and A.1",
        challenge_is_random,
    )
    .needs(CONTACT),
    assertion(
        "administration.no-oracle",
        "key 9B encrypts nothing for a host that is not authenticated",
        "Part 2, 3.2.4",
        no_oracle,
    )
    .needs(CONTACT),
    assertion(
        "administration.right-key",
        "the administration key authenticates, and the card proves that it has it where it can",
        "AS05.34 (SP 800-73-5 Part 2, A.1)",
        right_key,
    )
    .of(Standard::Sp80085A)
    .needs(ADMIN),
    assertion(
        "administration.external",
        "the host alone can be authenticated, by a challenge of the card",
        "Part 2, A.1",
        external,
    )
    .needs(TEST_ADMIN)
    .writes(),
    assertion(
        "administration.wrong-answer",
        "a wrong answer to a challenge of key 9B authenticates nobody",
        "Part 2, 2.4.2 and 3.2.4",
        wrong_answer,
    )
    .needs(TEST_ADMIN)
    .writes(),
    assertion(
        "administration.answer-once",
        "an answer counts for the challenge just given and for no earlier one",
        "Part 2, 2.4.2 and 3.2.4",
        answer_once,
    )
    .needs(TEST_ADMIN)
    .writes(),
];

/// What is sent to a key, or why nothing can be.
macro_rules! challenge {
    ($bench:expr, $key:expr) => {
        match Challenge::for_key($bench, $key) {
            Ok(challenge) => challenge,
            Err(judgement) => return Ok(judgement),
        }
    };
}

fn matches_certificate(bench: &mut Bench<'_>, key: KeyReference) -> Proved {
    let challenge = challenge!(bench, key);
    let response = bench.transmit(&challenge.command)?;
    Ok(challenge.judge(&response))
}

fn matches_after_passcode(bench: &mut Bench<'_>, key: KeyReference) -> Proved {
    let challenge = challenge!(bench, key);
    let mut proof = Proof::new();
    if proof.log_in(bench)? {
        let response = bench.transmit(&challenge.command)?;
        proof.add(challenge.judge(&response));
    }
    proof.done()
}

fn retired(bench: &Bench<'_>) -> Vec<KeyReference> {
    let keys = bench.evidence().certificates.keys().copied();
    keys.filter(|key| matches!(key, KeyReference::Retired(_)))
        .collect()
}

fn no_retired() -> Judgement {
    Judgement::not_applicable("no certificate of a retired key could be read")
}

fn retired_match(bench: &mut Bench<'_>) -> Proved {
    let keys = retired(bench);
    if keys.is_empty() {
        return Ok(no_retired());
    }
    let mut proof = Proof::new();
    if proof.log_in(bench)? {
        for key in keys {
            proof.add(matches_certificate(bench, key)?);
        }
    }
    proof.done()
}

fn needs_passcode(bench: &mut Bench<'_>, key: KeyReference) -> Proved {
    let challenge = challenge!(bench, key);
    let response = bench.transmit(&challenge.command)?;
    Ok(Judgement::status(
        &format!("GENERAL AUTHENTICATE of key {key} before the passcode"),
        response.status,
        &[StatusWord::SECURITY_STATUS_NOT_SATISFIED],
    ))
}

fn retired_need_passcode(bench: &mut Bench<'_>) -> Proved {
    let keys = retired(bench);
    if keys.is_empty() {
        return Ok(no_retired());
    }
    let mut proof = Proof::new();
    for key in keys {
        proof.add(needs_passcode(bench, key)?);
    }
    proof.done()
}

fn used_again(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    let first = challenge!(bench, KeyReference::Authentication);
    let second = challenge!(bench, KeyReference::Authentication);
    if proof.log_in(bench)? {
        for challenge in [first, second] {
            let response = bench.transmit(&challenge.command)?;
            proof.add(challenge.judge(&response));
        }
    }
    proof.done()
}

fn passcode_always(bench: &mut Bench<'_>) -> Proved {
    let first = challenge!(bench, KeyReference::Signature);
    let second = challenge!(bench, KeyReference::Signature);
    let mut proof = Proof::new();
    if proof.log_in(bench)? {
        let response = bench.transmit(&first.command)?;
        proof.add(first.judge(&response));
        let again = bench.transmit(&second.command)?;
        proof.answers(
            "a second use of key 9C after one passcode",
            again.status,
            &[StatusWord::SECURITY_STATUS_NOT_SATISFIED],
        );
    }
    proof.done()
}

fn passcode_just_before(bench: &mut Bench<'_>) -> Proved {
    let challenge = challenge!(bench, KeyReference::Signature);
    let mut proof = Proof::new();
    if proof.log_in(bench)? {
        get(bench, ObjectId::Chuid)?;
        let response = bench.transmit(&challenge.command)?;
        proof.answers(
            "key 9C after a GET DATA that followed the passcode",
            response.status,
            &[StatusWord::SECURITY_STATUS_NOT_SATISFIED],
        );
    }
    proof.done()
}

fn log_out_closes(bench: &mut Bench<'_>) -> Proved {
    let challenge = challenge!(bench, KeyReference::Authentication);
    let mut proof = Proof::new();
    if proof.log_in(bench)? {
        bench.transmit(&commands::log_out(PinReference::Application))?;
        let response = bench.transmit(&challenge.command)?;
        proof.answers(
            "key 9A after the status was reset",
            response.status,
            &[StatusWord::SECURITY_STATUS_NOT_SATISFIED],
        );
    }
    proof.done()
}

/// The curve of a key, if it is on one.
fn curve(bench: &Bench<'_>, key: KeyReference) -> Option<(Algorithm, CipherSuite)> {
    let certificate = bench.evidence().certificates.get(&key)?;
    let spki = certificate.tbs_certificate().subject_public_key_info();
    match PublicKey::from_spki(spki).ok()?.algorithm()? {
        Algorithm::P256 => Some((Algorithm::P256, CipherSuite::Cs2)),
        Algorithm::P384 => Some((Algorithm::P384, CipherSuite::Cs7)),
        _ => None,
    }
}

fn no_curve(key: KeyReference) -> Judgement {
    Judgement::not_applicable(format!("key {key} is not known to be on a curve"))
}

/// SP 800-73-5 keeps element 85 to key management; the edition before let a card take it.
fn no_agreement(bench: &mut Bench<'_>, key: KeyReference) -> Proved {
    let edition = bench.evidence().edition;
    if edition == Some(Edition::Fourth) {
        return Ok(Judgement::not_applicable(
            "SP 800-73-4, which the card was made to, leaves it open",
        ));
    }
    let Some((algorithm, suite)) = curve(bench, key) else {
        return Ok(no_curve(key));
    };
    let host = HostEphemeral::generate(suite, bench.ambient());
    let response = bench.transmit(&commands::agree(algorithm, key, host.point()))?;
    let mut proof = Proof::new();
    if edition.is_none() && !is_error(response.status) {
        proof.remark("it does, which SP 800-73-5 ended; the card's edition is not known");
        return proof.done();
    }
    proof.refused(
        &format!("element 85 to key {key}"),
        response.status,
        &[StatusWord::WRONG_DATA],
    );
    proof.done()
}

fn point_off_the_curve(bench: &mut Bench<'_>) -> Proved {
    let key = KeyReference::KeyManagement;
    let Some((algorithm, suite)) = curve(bench, key) else {
        return Ok(no_curve(key));
    };
    let mut point = HostEphemeral::generate(suite, bench.ambient())
        .point()
        .to_vec();
    off_the_curve(&mut point);
    let mut proof = Proof::new();
    if proof.log_in(bench)? {
        let response = bench.transmit(&commands::agree(algorithm, key, &point))?;
        proof.refused(
            "a point that is not on the curve",
            response.status,
            &[StatusWord::WRONG_DATA],
        );
    }
    proof.done()
}

/// Moves a point off its curve.
pub(super) fn off_the_curve(point: &mut [u8]) {
    if let Some(last) = point.last_mut() {
        *last ^= 0x06;
    }
    // By bad luck it may still be one.
    if PublicKey::from_point(point).is_ok()
        && let Some(last) = point.last_mut()
    {
        *last ^= 0x08;
    }
}

fn unknown_key(bench: &mut Bench<'_>) -> Proved {
    let challenge = challenge!(bench, KeyReference::CardAuthentication);
    let response = bench.transmit(&Command {
        p2: 0x7A,
        ..challenge.command
    })?;
    let mut proof = Proof::new();
    proof.refused(
        "GENERAL AUTHENTICATE of key 7A",
        response.status,
        &[StatusWord::WRONG_P1P2],
    );
    proof.done()
}

fn unknown_algorithm(bench: &mut Bench<'_>) -> Proved {
    let challenge = challenge!(bench, KeyReference::CardAuthentication);
    let response = bench.transmit(&Command {
        p1: 0x7A,
        ..challenge.command
    })?;
    let mut proof = Proof::new();
    proof.refused(
        "GENERAL AUTHENTICATE with algorithm 7A",
        response.status,
        &[StatusWord::WRONG_P1P2],
    );
    proof.done()
}

fn other_algorithm(bench: &mut Bench<'_>) -> Proved {
    let challenge = challenge!(bench, KeyReference::CardAuthentication);
    let other = match Algorithm::from_byte(challenge.command.p1) {
        Some(Algorithm::P256) => Algorithm::P384,
        _ => Algorithm::P256,
    };
    let response = bench.transmit(&Command {
        p1: other.byte(),
        ..challenge.command
    })?;
    let mut proof = Proof::new();
    proof.refused(
        &format!("key 9E with {other}"),
        response.status,
        &[StatusWord::WRONG_P1P2, StatusWord::WRONG_DATA],
    );
    proof.done()
}

fn malformed_template(bench: &mut Bench<'_>) -> Proved {
    let challenge = challenge!(bench, KeyReference::CardAuthentication);
    let response = bench.transmit(&Command {
        data: zeroize::Zeroizing::new(vec![0x7D, 0x02, 0x82, 0x00]),
        ..challenge.command
    })?;
    let mut proof = Proof::new();
    proof.refused(
        "a template 7D in place of 7C",
        response.status,
        &[StatusWord::WRONG_DATA],
    );
    proof.done()
}

/// The symmetric algorithms, the operator's first.
fn symmetric(bench: &Bench<'_>) -> Vec<Algorithm> {
    let known = bench
        .settings()
        .admin_key
        .as_ref()
        .map(|key| key.algorithm());
    let all = [
        Algorithm::Aes128,
        Algorithm::Aes192,
        Algorithm::Aes256,
        Algorithm::TripleDes,
    ];
    known
        .into_iter()
        .chain(all.into_iter().filter(|other| Some(*other) != known))
        .collect()
}

/// A challenge of key 9B and its algorithm.
fn challenge_of_9b(bench: &mut Bench<'_>) -> Result<Option<(Algorithm, Vec<u8>)>, ValidationError> {
    for algorithm in symmetric(bench) {
        let response = bench.transmit(&commands::request_challenge(algorithm))?;
        if response.status.is_ok() {
            let challenge = iso7816::ber::expect(Tag(0x7C), &response.data)
                .and_then(|inner| iso7816::ber::expect(Tag(0x81), inner));
            return Ok(Some((
                algorithm,
                challenge.map(<[u8]>::to_vec).unwrap_or_default(),
            )));
        }
    }
    Ok(None)
}

fn no_challenges() -> Judgement {
    Judgement::not_applicable("key 9B gives no challenge for any algorithm of PIV")
}

fn challenge_is_random(bench: &mut Bench<'_>) -> Proved {
    let Some((algorithm, first)) = challenge_of_9b(bench)? else {
        return Ok(no_challenges());
    };
    // A card may refuse a second one while the first waits.
    bench.fresh()?;
    let second = challenge_of_9b(bench)?.map(|(_, challenge)| challenge);
    let mut proof = Proof::new();
    let size = algorithm.block_size().unwrap_or_default();
    proof.holds(
        first.len() == size,
        format!("a challenge of {size} bytes for {algorithm}"),
        || format!("{} bytes", first.len()),
    );
    proof.holds(
        second.is_some_and(|second| second != first),
        "another challenge the second time",
        || "the same or none".to_owned(),
    );
    proof.done()
}

fn no_oracle(bench: &mut Bench<'_>) -> Proved {
    let Some((algorithm, challenge)) = challenge_of_9b(bench)? else {
        return Ok(no_challenges());
    };
    bench.fresh()?;
    let elements: [(Tag, &[u8]); 2] = [(Tag(0x81), &challenge), (Tag(0x82), &[])];
    let command =
        commands::general_authenticate(algorithm, KeyReference::Administration, &elements);
    let response = bench.transmit(&command)?;
    Ok(Judgement::require(
        is_error(response.status),
        "a block to encrypt with key 9B is refused",
        || format!("{} and {} bytes", response.status, response.data.len()),
    ))
}

fn right_key(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    match bench.authenticate_admin() {
        Ok(AdminAuthentication::Mutual) => {}
        Ok(AdminAuthentication::External) => {
            proof.remark("the card does not offer to prove that it has the key");
        }
        Err(error @ ValidationError::WrongSecret { .. }) => {
            proof.holds(false, "the administration key accepted", || {
                error.to_string()
            });
        }
        Err(error) => return Err(error),
    }
    proof.done()
}

/// Answers a challenge of key 9B; `spoil` is added to the answer's first byte.
fn answer(
    bench: &mut Bench<'_>,
    challenge: &[u8],
    spoil: u8,
) -> Result<StatusWord, ValidationError> {
    let key = bench.admin_key();
    let mut block = challenge.to_vec();
    key.encrypt(&mut block);
    if let Some(first) = block.first_mut() {
        *first ^= spoil;
    }
    Ok(bench
        .transmit(&commands::answer_challenge(key.algorithm(), &block))?
        .status)
}

/// A challenge for the operator's key, which is known to be right.
macro_rules! proved_challenge {
    ($bench:expr) => {{
        $bench.authenticate_admin()?;
        $bench.fresh()?;
        let expected = $bench.admin_key().algorithm();
        match challenge_of_9b($bench)? {
            Some((algorithm, challenge)) if algorithm == expected => challenge,
            _ => return Ok(no_challenges()),
        }
    }};
}

fn external(bench: &mut Bench<'_>) -> Proved {
    let challenge = proved_challenge!(bench);
    let status = answer(bench, &challenge, 0x00)?;
    let mut proof = Proof::new();
    proof.answers("the right answer", status, &[StatusWord::OK]);
    match same_object(bench) {
        Some(put) => {
            let status = bench.transmit(&put)?.status;
            proof.answers("PUT DATA after it", status, &[StatusWord::OK]);
        }
        None => proof.remark("there is no object to prove it with"),
    }
    proof.done()
}

fn wrong_answer(bench: &mut Bench<'_>) -> Proved {
    let challenge = proved_challenge!(bench);
    let status = answer(bench, &challenge, 0x01)?;
    let mut proof = Proof::new();
    proof.holds(
        is_error(status) || status.sw1() == 0x63,
        "a wrong answer refused",
        || status.to_string(),
    );
    proof.remark(format!("answered with {status}"));
    proof.add(is_administrator(bench, false)?);
    // The right key gives back what a card may have counted.
    bench.authenticate_admin()?;
    proof.done()
}

fn answer_once(bench: &mut Bench<'_>) -> Proved {
    let challenge = proved_challenge!(bench);
    get(bench, ObjectId::Chuid)?;
    let status = answer(bench, &challenge, 0x00)?;
    let mut proof = Proof::new();
    proof.holds(
        is_error(status) || status.sw1() == 0x63,
        "an answer refused that comes after another command",
        || status.to_string(),
    );
    proof.remark(format!("answered with {status}"));
    proof.add(is_administrator(bench, false)?);
    bench.authenticate_admin()?;
    proof.done()
}
