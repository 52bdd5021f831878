//! GENERAL AUTHENTICATE with the administration key 9B (SP 800-73-5 Part 2, 3.2.4 and A.1).

use iso7816::StatusWord;
use iso7816::ber::{self, Tag};
use piv::words::{Algorithm, KeyReference, ObjectId};
use piv::{AdminAuthentication, commands};

use super::proof::{Proof, get, is_error};
use super::put_data::{is_administrator, same_object};
use super::{ADMIN, CONTACT, Proved, TEST_ADMIN, assertion};
use crate::{Assertion, Bench, Judgement, Standard, ValidationError};

pub(super) const ASSERTIONS: &[Assertion] = &[
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
            let challenge = ber::expect(Tag(0x7C), &response.data)
                .and_then(|inner| ber::expect(Tag(0x81), inner));
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
