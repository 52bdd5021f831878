//! GENERATE ASYMMETRIC KEY PAIR (SP 800-73-5 Part 2, 3.3.2), only in the place the operator says
//! may be lost.

use iso7816::ber::{self, Tag};
use iso7816::{Command, StatusWord};
use piv::words::{Algorithm, KeyReference};
use piv::{PublicKey, commands};

use super::keys::Challenge;
use super::proof::{Proof, is_error};
use super::{Proved, TEST_ADMIN, TEST_SPARE, TEST_SPARE_ADMIN, assertion};
use crate::{Assertion, Bench, Judgement, Need, Standard, ValidationError};

pub(super) const ASSERTIONS: &[Assertion] = &[
    assertion(
        "generate.needs-administrator",
        "no key is made before authentication with the administration key: 6982",
        "Part 2, 3.3.2",
        needs_administrator,
    )
    .needs(TEST_SPARE)
    .writes(),
    assertion(
        "generate.unknown-key",
        "a key reference that does not exist is refused",
        "Part 2, 3.3.2",
        unknown_key,
    )
    .needs(TEST_ADMIN)
    .writes(),
    assertion(
        "generate.unknown-mechanism",
        "a mechanism that does not exist is answered with 6A80",
        "Part 2, 3.3.2",
        unknown_mechanism,
    )
    .needs(TEST_SPARE_ADMIN)
    .writes(),
    assertion(
        "generate.new-key",
        "a key that was made is new, of the algorithm asked for, and the card has its private half",
        "AS05.38 (SP 800-73-5 Part 2, 3.3.2)",
        new_key,
    )
    .of(Standard::Sp80085A)
    .needs(&[
        Need::Contact,
        Need::TestCard,
        Need::SpareKey,
        Need::AdminKey,
        Need::Passcode,
    ])
    .writes(),
];

/// The place, and the algorithm of the key there; P-256 where that is not known.
pub(super) fn spare(bench: &Bench<'_>) -> (KeyReference, Algorithm) {
    let key = bench
        .settings()
        .permits
        .spare_key
        .expect("an assertion that makes a key names it among its needs");
    let certificate = bench.evidence().certificates.get(&key);
    let algorithm = certificate
        .and_then(|held| {
            PublicKey::from_spki(held.tbs_certificate().subject_public_key_info()).ok()
        })
        .and_then(|public| public.algorithm());
    (key, algorithm.unwrap_or(Algorithm::P256))
}

/// Tells of a key that was made where none should have been.
pub(super) fn tell(bench: &mut Bench<'_>, status: StatusWord) {
    if status.is_ok() || status.waiting().is_some() {
        let (key, _) = spare(bench);
        bench.note_difference(format!(
            "key {key} is a new one; a certificate for it is of the old one"
        ));
    }
}

fn needs_administrator(bench: &mut Bench<'_>) -> Proved {
    let (key, algorithm) = spare(bench);
    let status = bench.transmit(&commands::generate(key, algorithm))?.status;
    tell(bench, status);
    Ok(Judgement::status(
        "GENERATE ASYMMETRIC KEY PAIR",
        status,
        &[StatusWord::SECURITY_STATUS_NOT_SATISFIED],
    ))
}

fn unknown_key(bench: &mut Bench<'_>) -> Proved {
    bench.authenticate_admin()?;
    let command = Command {
        p2: 0x7A,
        ..commands::generate(KeyReference::KeyManagement, Algorithm::P256)
    };
    let status = bench.transmit(&command)?.status;
    let mut proof = Proof::new();
    proof.refused(
        "GENERATE ASYMMETRIC KEY PAIR for key 7A",
        status,
        &[StatusWord::WRONG_P1P2],
    );
    proof.done()
}

fn unknown_mechanism(bench: &mut Bench<'_>) -> Proved {
    bench.authenticate_admin()?;
    let (key, algorithm) = spare(bench);
    let command =
        commands::generate(key, algorithm).with_data(ber::object(Tag(0xAC), &[0x80, 0x01, 0x7A]));
    let status = bench.transmit(&command)?.status;
    tell(bench, status);
    let mut proof = Proof::new();
    proof.refused(
        "GENERATE ASYMMETRIC KEY PAIR with mechanism 7A",
        status,
        &[StatusWord::WRONG_DATA],
    );
    proof.done()
}

fn generate(bench: &mut Bench<'_>) -> Result<Result<PublicKey, Judgement>, ValidationError> {
    let (key, algorithm) = spare(bench);
    let response = bench.transmit(&commands::generate(key, algorithm))?;
    tell(bench, response.status);
    if !response.status.is_ok() {
        return Ok(Err(Judgement::status(
            "GENERATE ASYMMETRIC KEY PAIR",
            response.status,
            &[StatusWord::OK],
        )));
    }
    Ok(PublicKey::parse(&response.data).map_err(|error| {
        Judgement::fail(
            format!("a {algorithm} public key in a template 7F49"),
            error.to_string(),
        )
    }))
}

fn new_key(bench: &mut Bench<'_>) -> Proved {
    let (key, algorithm) = spare(bench);
    if key == KeyReference::SecureMessaging {
        return Ok(Judgement::not_applicable(
            "key 04 proves itself only with a certificate of its own",
        ));
    }
    bench.authenticate_admin()?;
    let mut keys = Vec::new();
    for _ in 0..2 {
        match generate(bench)? {
            Ok(public) => keys.push(public),
            Err(judgement) => return Ok(judgement),
        }
    }
    let mut proof = Proof::new();
    proof.holds(keys[0] != keys[1], "another key the second time", || {
        "the same key".to_owned()
    });
    let made = keys.remove(1);
    proof.holds(
        made.algorithm() == Some(algorithm),
        format!("a {algorithm} key"),
        || match made.algorithm() {
            Some(other) => format!("a {other} key"),
            None => "a key of another size".to_owned(),
        },
    );
    let challenge = match Challenge::new(bench.ambient(), key, made) {
        Ok(challenge) => challenge,
        Err(judgement) => return Ok(judgement),
    };
    if proof.log_in(bench)? {
        let response = bench.transmit(&challenge.command)?;
        proof.holds(
            !is_error(response.status),
            "the new key can be used",
            || response.status.to_string(),
        );
        proof.add(challenge.judge(&response));
    }
    proof.done()
}
