//! Establishment of secure messaging (SP 800-73-5 Part 2, 4.1).

use iso7816::ber::{self, Tag};
use iso7816::{Response, StatusWord};
use piv::cvc::Signer;
use piv::objects::SecureMessagingSigner;
use piv::secure_messaging::{CipherSuite, HostEphemeral, Session};
use piv::words::ObjectId;

use super::general_authenticate::off_the_curve;
use super::proof::Proof;
use super::{Proved, SECURED, assertion};
use crate::{Assertion, Bench, Judgement, Standard, ValidationError};

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
