//! The contactless interface and the virtual contact interface (SP 800-73-5 Part 1, 5.5).

use iso7816::{Command, Instruction, StatusWord};
use piv::commands;
use piv::objects::PairingCode;
use piv::secure_messaging::Session;
use piv::words::{Algorithm, KeyReference, ObjectId, PinReference};

use super::establishment::twins;
use super::generate::{spare, tell};
use super::keys::Challenge;
use super::proof::{Proof, get, is_error, pin_status};
use super::secure_messaging::opened;
use super::{CONTACTLESS, Proved, assertion};
use crate::{Assertion, Bench, Judgement, Need, Standard, ValidationError};

pub(super) const ASSERTIONS: &[Assertion] = &[
    assertion(
        "contactless.free-objects",
        "what everybody may read without contact is returned",
        "AS05.12A (SP 800-73-5 Part 1, Table 2)",
        free_objects,
    )
    .of(Standard::Sp80085A)
    .needs(CONTACTLESS),
    assertion(
        "contactless.other-objects",
        "no other object is returned in clear without contact",
        "AS05.12A (SP 800-73-5 Part 1, Table 2)",
        other_objects,
    )
    .of(Standard::Sp80085A)
    .needs(CONTACTLESS),
    assertion(
        "contactless.passcode",
        "the passcode cannot be verified in clear without contact",
        "AS05.18 (SP 800-73-5 Part 2, 3.2.1)",
        passcode_in_clear,
    )
    .of(Standard::Sp80085A)
    .needs(CONTACTLESS),
    assertion(
        "contactless.log-out",
        "no status is reset in clear without contact",
        "AS05.18 (SP 800-73-5 Part 2, 3.2.1)",
        log_out_in_clear,
    )
    .of(Standard::Sp80085A)
    .needs(CONTACTLESS),
    assertion(
        "contactless.keys",
        "keys 9A, 9C and 9D are not used in clear without contact",
        "Part 1, Table 4",
        keys_in_clear,
    )
    .needs(CONTACTLESS),
    assertion(
        "contactless.administration",
        "key 9B gives no challenge without contact",
        "Part 1, Table 4",
        administration,
    )
    .needs(CONTACTLESS),
    assertion(
        "contactless.session-alone",
        "secure messaging without the pairing code opens nothing where the policy asks for one",
        "Part 1, 5.5",
        session_alone,
    )
    .needs(&[Need::Contactless, Need::SecureMessaging]),
    assertion(
        "contactless.wrong-pairing-code",
        "a wrong pairing code is answered with 6300 and opens nothing",
        "AS05.16 (SP 800-73-5 Part 2, 3.2.1)",
        wrong_pairing_code,
    )
    .of(Standard::Sp80085A)
    .needs(&[Need::Contactless, Need::SecureMessaging, Need::TestCard]),
    assertion(
        "vci.opens-objects",
        "the virtual contact interface opens what is open over the contacts",
        "AS05.13B-R4 (SP 800-73-5 Part 1, 5.5)",
        vci_opens_objects,
    )
    .of(Standard::Sp80085A)
    .needs(VCI),
    assertion(
        "vci.protected-objects",
        "an object under the passcode needs it over the virtual contact interface as well",
        "Part 1, Table 2",
        vci_protected_objects,
    )
    .needs(VCI),
    assertion(
        "vci.tells-tries",
        "VERIFY without data tells the tries left over the virtual contact interface",
        "Part 2, 3.2.1",
        vci_tells_tries,
    )
    .needs(VCI),
    assertion(
        "vci.key",
        "key 9A is used over the virtual contact interface after the passcode",
        "Part 1, Table 4",
        vci_key,
    )
    .needs(&[
        Need::Contactless,
        Need::SecureMessaging,
        Need::PairingCode,
        Need::Passcode,
    ]),
    assertion(
        "vci.in-clear-again",
        "a command in clear has no part in the virtual contact interface",
        "Part 1, 5.5",
        vci_in_clear_again,
    )
    .needs(VCI),
    assertion(
        "contactless.change",
        "the passcode is not changed in clear without contact",
        "AS05.24A-R4 (SP 800-73-5 Part 2, 3.2.2)",
        change_in_clear,
    )
    .of(Standard::Sp80085A)
    .needs(&[Need::Contactless, Need::TestCard, Need::Passcode])
    .writes(),
    assertion(
        "contactless.unblock",
        "the PUK does nothing in clear without contact",
        "Part 2, 3.2.3",
        unblock_in_clear,
    )
    .needs(&[Need::Contactless, Need::TestCard, Need::Passcode, Need::Puk])
    .writes(),
    assertion(
        "contactless.put-data",
        "no object is written in clear without contact",
        "Part 2, 3.3.1",
        put_data_in_clear,
    )
    .needs(&[Need::Contactless, Need::TestCard])
    .writes(),
    assertion(
        "contactless.generate",
        "no key is made in clear without contact",
        "Part 2, 3.3.2",
        generate_in_clear,
    )
    .needs(&[Need::Contactless, Need::TestCard, Need::SpareKey])
    .writes(),
];

const VCI: &[Need] = &[Need::Contactless, Need::SecureMessaging, Need::PairingCode];

/// Readable by everybody, always (SP 800-73-5 Part 1, Table 2).
const FREE: [ObjectId; 5] = [
    ObjectId::Chuid,
    ObjectId::CardAuthenticationCertificate,
    ObjectId::Discovery,
    ObjectId::BiometricInformationTemplates,
    ObjectId::SecureMessagingSigner,
];

/// Behind the virtual contact interface, and mandatory.
const BEHIND: ObjectId = ObjectId::AuthenticationCertificate;

fn free_objects(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    for object in FREE {
        let status = get(bench, object)?.status;
        proof.holds(
            status.is_ok() || status == StatusWord::NOT_FOUND,
            format!("GET DATA of the {object} answered with 9000, or 6A82 where there is none"),
            || status.to_string(),
        );
    }
    proof.done()
}

fn other_objects(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    let others = ObjectId::all().filter(|object| {
        !FREE.contains(object) && !matches!(object, ObjectId::RetiredCertificate(_))
    });
    for object in others {
        let response = get(bench, object)?;
        proof.holds(
            is_error(response.status) && response.data.is_empty(),
            format!("GET DATA of the {object} refused"),
            || format!("{} and {} bytes", response.status, response.data.len()),
        );
    }
    proof.done()
}

fn passcode_in_clear(bench: &mut Bench<'_>) -> Proved {
    let status = pin_status(bench)?;
    // Since the errata of 2016 no status word is fixed; 6982 and 6A81 both occur.
    let mut proof = Proof::new();
    proof.holds(
        is_error(status) && status != StatusWord::BLOCKED,
        "VERIFY without data refused",
        || status.to_string(),
    );
    proof.remark(format!("answered with {status}"));
    proof.done()
}

fn log_out_in_clear(bench: &mut Bench<'_>) -> Proved {
    let status = bench
        .transmit(&commands::log_out(PinReference::Application))?
        .status;
    Ok(Judgement::require(
        is_error(status),
        "VERIFY with P1 FF refused",
        || status.to_string(),
    ))
}

/// The certificates cannot be read, so the algorithms are tried that cards of today have.
fn keys_in_clear(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    for key in [
        KeyReference::Authentication,
        KeyReference::Signature,
        KeyReference::KeyManagement,
    ] {
        for (algorithm, size) in [(Algorithm::P256, 32), (Algorithm::Rsa2048, 256)] {
            let input = vec![0x5A; size];
            let command = commands::private_key_operation(algorithm, key, &input);
            let response = bench.transmit(&command)?;
            proof.holds(
                is_error(response.status) && response.data.is_empty(),
                format!("{algorithm} with key {key} refused"),
                || format!("{} and {} bytes", response.status, response.data.len()),
            );
        }
    }
    proof.done()
}

fn administration(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    for algorithm in [Algorithm::Aes128, Algorithm::Aes192, Algorithm::TripleDes] {
        let response = bench.transmit(&commands::request_challenge(algorithm))?;
        proof.holds(
            is_error(response.status) && response.data.is_empty(),
            format!("a challenge of key 9B for {algorithm} refused"),
            || format!("{} and {} bytes", response.status, response.data.len()),
        );
    }
    proof.done()
}

fn refused_behind(
    proof: &mut Proof,
    bench: &mut Bench<'_>,
    session: &mut Session,
) -> Result<(), ValidationError> {
    let command = commands::get_data(BEHIND.tag());
    let answer = bench.transmit_secured(session, &command)?;
    if let Some(response) = opened(proof, "GET DATA", answer) {
        proof.answers(
            &format!("GET DATA of the {BEHIND} without the pairing code"),
            response.status,
            &[StatusWord::SECURITY_STATUS_NOT_SATISFIED],
        );
    }
    Ok(())
}

fn session_alone(bench: &mut Bench<'_>) -> Proved {
    let policy = bench.evidence().policy();
    if policy.is_some_and(|policy| policy.virtual_contact() && !policy.pairing_code()) {
        return Ok(Judgement::not_applicable(
            "the policy asks for no pairing code",
        ));
    }
    let [mut session, _] = match twins(bench)? {
        Ok(twins) => twins,
        Err(judgement) => return Ok(judgement),
    };
    let mut proof = Proof::new();
    refused_behind(&mut proof, bench, &mut session)?;
    proof.done()
}

fn wrong_pairing_code(bench: &mut Bench<'_>) -> Proved {
    let policy = bench.evidence().policy();
    if !policy.is_some_and(|policy| policy.pairing_code()) {
        return Ok(Judgement::not_applicable(
            "the policy asks for no pairing code",
        ));
    }
    let [mut session, _] = match twins(bench)? {
        Ok(twins) => twins,
        Err(judgement) => return Ok(judgement),
    };
    let ambient = bench.ambient().clone();
    let right = bench.settings().pairing_code.as_ref();
    let wrong = loop {
        let code = PairingCode::random(&*ambient);
        if right.is_none_or(|right| right.passcode() != code.passcode()) {
            break code;
        }
    };
    let command = commands::verify(PinReference::PairingCode, wrong.passcode());
    let answer = bench.transmit_secured(&mut session, &command)?;
    let mut proof = Proof::new();
    if let Some(response) = opened(&mut proof, "VERIFY", answer) {
        proof.answers(
            "VERIFY with a wrong pairing code",
            response.status,
            &[StatusWord::VERIFICATION_FAILED],
        );
        refused_behind(&mut proof, bench, &mut session)?;
    }
    proof.done()
}

/// Opens the virtual contact interface; else why it cannot be, or was not.
fn open_vci(bench: &mut Bench<'_>) -> Result<Result<Session, Judgement>, ValidationError> {
    let policy = bench.evidence().policy();
    if !policy.is_some_and(|policy| policy.virtual_contact()) {
        return Ok(Err(Judgement::not_applicable(
            "the Discovery Object names no virtual contact interface",
        )));
    }
    let [mut session, _] = match twins(bench)? {
        Ok(twins) => twins,
        Err(judgement) => return Ok(Err(judgement)),
    };
    let asked = policy.is_some_and(|policy| policy.pairing_code());
    if let Some(code) = bench.settings().pairing_code.as_ref().filter(|_| asked) {
        let command = commands::verify(PinReference::PairingCode, code.passcode());
        let answer = bench.transmit_secured(&mut session, &command)?;
        let mut proof = Proof::new();
        if let Some(response) = opened(&mut proof, "VERIFY", answer) {
            proof.answers(
                "VERIFY with the pairing code",
                response.status,
                &[StatusWord::OK],
            );
        }
        let judgement = proof.done()?;
        if judgement.verdict == crate::Verdict::Fail {
            return Ok(Err(judgement));
        }
    }
    Ok(Ok(session))
}

macro_rules! vci {
    ($bench:expr) => {
        match open_vci($bench)? {
            Ok(session) => session,
            Err(judgement) => return Ok(judgement),
        }
    };
}

fn vci_opens_objects(bench: &mut Bench<'_>) -> Proved {
    let mut session = vci!(bench);
    let mut proof = Proof::new();
    for object in [
        BEHIND,
        ObjectId::CardCapabilityContainer,
        ObjectId::SecurityObject,
    ] {
        let command = commands::get_data(object.tag());
        let answer = bench.transmit_secured(&mut session, &command)?;
        if let Some(response) = opened(&mut proof, "GET DATA", answer) {
            proof.holds(
                response.status.is_ok() || response.status == StatusWord::NOT_FOUND,
                format!("GET DATA of the {object} answered with 9000, or 6A82 where there is none"),
                || response.status.to_string(),
            );
        }
    }
    proof.done()
}

fn vci_protected_objects(bench: &mut Bench<'_>) -> Proved {
    let mut session = vci!(bench);
    let mut proof = Proof::new();
    for object in ObjectId::all().filter(|object| object.needs_pin()) {
        let command = commands::get_data(object.tag());
        let answer = bench.transmit_secured(&mut session, &command)?;
        if let Some(response) = opened(&mut proof, "GET DATA", answer) {
            proof.answers(
                &format!("GET DATA of the {object} before the passcode"),
                response.status,
                &[StatusWord::SECURITY_STATUS_NOT_SATISFIED],
            );
        }
    }
    proof.done()
}

fn vci_tells_tries(bench: &mut Bench<'_>) -> Proved {
    let mut session = vci!(bench);
    let command = commands::read_tries(PinReference::Application);
    let answer = bench.transmit_secured(&mut session, &command)?;
    let mut proof = Proof::new();
    if let Some(response) = opened(&mut proof, "VERIFY without data", answer) {
        proof.holds(
            response.status.tries_left().is_some(),
            "63CX to VERIFY without data",
            || response.status.to_string(),
        );
    }
    proof.done()
}

fn vci_key(bench: &mut Bench<'_>) -> Proved {
    let mut session = vci!(bench);
    let mut proof = Proof::new();
    let application = PinReference::Application;
    let asked = bench.transmit_secured(&mut session, &commands::read_tries(application))?;
    let left = opened(&mut proof, "VERIFY without data", asked)
        .and_then(|response| response.status.tries_left());
    if left.is_none_or(|left| left < 2) {
        return Ok(proof.done()?.and(Judgement::skipped(
            "too few tries are left to verify the passcode with",
        )));
    }
    let verify = commands::verify(application, bench.passcode());
    let answer = bench.transmit_secured(&mut session, &verify)?;
    if let Some(response) = opened(&mut proof, "VERIFY", answer) {
        proof.answers(
            "VERIFY with the right passcode",
            response.status,
            &[StatusWord::OK],
        );
    }
    let read = commands::get_data(BEHIND.tag());
    let answer = bench.transmit_secured(&mut session, &read)?;
    let challenge = opened(&mut proof, "GET DATA", answer)
        .and_then(|response| public_key(&response.data))
        .and_then(|public| {
            Challenge::new(bench.ambient(), KeyReference::Authentication, public).ok()
        });
    let Some(challenge) = challenge else {
        return Ok(proof.done()?.and(Judgement::not_applicable(
            "no certificate of key 9A can be read",
        )));
    };
    let answer = bench.transmit_secured(&mut session, &challenge.command)?;
    if let Some(response) = opened(&mut proof, "GENERAL AUTHENTICATE", answer) {
        proof.add(challenge.judge(&response));
    }
    proof.done()
}

/// The key in a certificate object as it is read.
fn public_key(object: &[u8]) -> Option<piv::PublicKey> {
    let value = iso7816::ber::expect(iso7816::ber::Tag(0x53), object).ok()?;
    let held = piv::objects::CertificateObject::parse(value).ok()?.value;
    let certificate = held.certificate().ok()?;
    piv::PublicKey::from_spki(certificate.tbs_certificate().subject_public_key_info()).ok()
}

fn vci_in_clear_again(bench: &mut Bench<'_>) -> Proved {
    let _session = vci!(bench);
    let response = get(bench, BEHIND)?;
    let pin = bench.transmit(&Command::new(
        0x00,
        Instruction::VERIFY,
        0x00,
        PinReference::Application.byte(),
    ))?;
    let mut proof = Proof::new();
    proof.holds(
        is_error(response.status) && response.data.is_empty(),
        format!("GET DATA of the {BEHIND} in clear refused"),
        || format!("{} and {} bytes", response.status, response.data.len()),
    );
    proof.holds(
        is_error(pin.status) && pin.status != StatusWord::BLOCKED,
        "VERIFY in clear refused",
        || pin.status.to_string(),
    );
    proof.done()
}

/// Whatever the card refuses it with: 6A81, or 6982 where it knows the command without contact for
/// card management.
fn must_refuse(bench: &mut Bench<'_>, sent: &str, command: &Command) -> Proved {
    let status = bench.transmit(command)?.status;
    Ok(Judgement::require(
        is_error(status),
        format!("{sent} refused"),
        || status.to_string(),
    ))
}

/// To the passcode it has: a card that takes it is as it was.
fn change_in_clear(bench: &mut Bench<'_>) -> Proved {
    let same = bench.passcode().padded();
    let command = commands::change_reference(PinReference::Application, same, same);
    must_refuse(bench, "CHANGE REFERENCE DATA", &command)
}

fn unblock_in_clear(bench: &mut Bench<'_>) -> Proved {
    let command = commands::reset_retry_counter(bench.puk(), bench.passcode());
    must_refuse(bench, "RESET RETRY COUNTER", &command)
}

fn put_data_in_clear(bench: &mut Bench<'_>) -> Proved {
    let Some(value) = bench.evidence().value(ObjectId::Chuid) else {
        return Ok(Judgement::not_applicable("there is no CHUID to write"));
    };
    let command = commands::put_data(ObjectId::Chuid, value);
    must_refuse(bench, "PUT DATA of the CHUID as it is", &command)
}

fn generate_in_clear(bench: &mut Bench<'_>) -> Proved {
    let (key, algorithm) = spare(bench);
    let command = commands::generate(key, algorithm);
    let status = bench.transmit(&command)?.status;
    tell(bench, status);
    Ok(Judgement::require(
        is_error(status),
        "GENERATE ASYMMETRIC KEY PAIR refused",
        || status.to_string(),
    ))
}
