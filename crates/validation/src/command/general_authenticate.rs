//! GENERAL AUTHENTICATE with the asymmetric keys (SP 800-73-5 Part 2, 3.2.4).

use iso7816::{Command, StatusWord};
use piv::secure_messaging::{CipherSuite, HostEphemeral};
use piv::words::{Algorithm, Edition, KeyReference, ObjectId, PinReference};
use piv::{PublicKey, commands};

use super::keys::Challenge;
use super::proof::{Proof, get, is_error};
use super::{CONTACT, PASSCODE, Proved, assertion};
use crate::{Assertion, Bench, Judgement, Standard};

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
