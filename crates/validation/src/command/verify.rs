//! VERIFY (SP 800-73-5 Part 2, 3.2.1).

use iso7816::{Command, Instruction, StatusWord};
use piv::commands;
use piv::words::{Edition, ObjectId, PinReference};

use super::proof::{Proof, get, is_error, pin_status, room};
use super::restore::{block, giving_tries_back, unblocking, verify_wrong};
use super::{CONTACT, PASSCODE, Proved, TEST_PASSCODE, TEST_PUK, assertion};
use crate::bench::ALL_TRIES;
use crate::{Assertion, Bench, Judgement, Standard};

pub(super) const ASSERTIONS: &[Assertion] = &[
    assertion(
        "verify.tells-tries",
        "VERIFY without data tells how many tries are left",
        "Part 2, 3.2.1",
        tells_tries,
    )
    .needs(CONTACT),
    assertion(
        "verify.asking-costs-nothing",
        "asking how many tries are left costs none",
        "Part 2, 3.2.1",
        asking_costs_nothing,
    )
    .needs(CONTACT),
    assertion(
        "verify.at-most-ten-tries",
        "no more than ten tries are given",
        "4.3.1",
        at_most_ten_tries,
    )
    .of(Standard::Fips201)
    .needs(CONTACT),
    assertion(
        "verify.unknown-reference",
        "a reference the card does not have is answered with 6A88",
        "AS05.22B (SP 800-73-5 Part 2, 3.2.1)",
        |bench| unknown_reference(bench, 0x85),
    )
    .of(Standard::Sp80085A)
    .needs(CONTACT),
    assertion(
        "verify.puk-cannot-be-verified",
        "the PUK cannot be verified: 6A88",
        "AS05.22B (SP 800-73-5 Part 2, 3.2.1)",
        |bench| unknown_reference(bench, PinReference::Unblocking.byte()),
    )
    .of(Standard::Sp80085A)
    .needs(CONTACT),
    assertion(
        "verify.key-cannot-be-verified",
        "a key reference is no passcode: 6A88",
        "AS05.22B (SP 800-73-5 Part 2, 3.2.1)",
        |bench| unknown_reference(bench, 0x9B),
    )
    .of(Standard::Sp80085A)
    .needs(CONTACT),
    assertion(
        "verify.global-pin-follows-policy",
        "the Global PIN can be verified if, and only if, the Discovery Object says so",
        "AS05.13 (SP 800-73-5 Part 2, 3.2.1)",
        |bench| {
            let named = bench.evidence().policy().is_some_and(|p| p.global_pin());
            follows_policy(bench, PinReference::Global, named)
        },
    )
    .of(Standard::Sp80085A)
    .needs(CONTACT),
    assertion(
        "verify.fingers-follow-policy",
        "a finger can be compared if, and only if, the Discovery Object says so",
        "AS05.13A-R4 (SP 800-73-5 Part 2, 3.2.1)",
        |bench| {
            let policy = bench.evidence().policy();
            let named = policy.is_some_and(|p| p.on_card_comparison());
            follows_policy(bench, PinReference::PrimaryFinger, named)
        },
    )
    .of(Standard::Sp80085A)
    .needs(CONTACT),
    assertion(
        "verify.pairing-code-follows-policy",
        "a pairing code is known only where the Discovery Object names a virtual contact interface",
        "AS05.13B-R4 (SP 800-73-5 Part 2, 3.2.1)",
        pairing_code_follows_policy,
    )
    .of(Standard::Sp80085A)
    .needs(CONTACT),
    assertion(
        "verify.wrong-p1",
        "P1 other than 00 and FF is answered with 6A86",
        "Part 2, 3.2.1",
        wrong_p1,
    )
    .needs(CONTACT),
    assertion(
        "verify.log-out-costs-nothing",
        "resetting a status that is not set is answered with 9000 and costs no try",
        "AS05.22C (SP 800-73-5 Part 2, 3.2.1)",
        log_out_costs_nothing,
    )
    .of(Standard::Sp80085A)
    .needs(CONTACT),
    assertion(
        "verify.right-passcode",
        "the right passcode is answered with 9000 and stays verified",
        "AS05.14 (SP 800-73-5 Part 2, 3.2.1)",
        right_passcode,
    )
    .of(Standard::Sp80085A)
    .needs(PASSCODE),
    assertion(
        "verify.log-out",
        "P1 FF resets the status of the passcode and leaves its tries alone",
        "AS05.22C (SP 800-73-5 Part 2, 3.2.1)",
        log_out,
    )
    .of(Standard::Sp80085A)
    .needs(PASSCODE),
    assertion(
        "verify.refusal-keeps-status",
        "the passcode stays verified when an unknown reference or P1 is refused",
        "Part 2, 3.2.1",
        refusal_keeps_status,
    )
    .needs(PASSCODE),
    assertion(
        "verify.wrong-passcode-costs-one-try",
        "a wrong passcode is answered with 63CX and costs one try",
        "AS05.19 (SP 800-73-5 Part 2, 3.2.1)",
        |bench| giving_tries_back(bench, wrong_passcode_costs_one_try),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PASSCODE)
    .spends(1),
    assertion(
        "verify.wrong-passcode-clears-status",
        "a wrong passcode resets the status the right one had set",
        "AS05.19 (SP 800-73-5 Part 2, 2.4.2)",
        |bench| giving_tries_back(bench, wrong_passcode_clears_status),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PASSCODE)
    .spends(1),
    assertion(
        "verify.right-passcode-gives-tries-back",
        "the right passcode gives all tries back",
        "Part 2, 3.2.1",
        |bench| giving_tries_back(bench, right_passcode_gives_tries_back),
    )
    .needs(TEST_PASSCODE)
    .spends(1),
    assertion(
        "verify.tries-survive-reset",
        "a try that was spent stays spent over a reset",
        "Part 2, 3.2.1",
        |bench| giving_tries_back(bench, tries_survive_reset),
    )
    .needs(TEST_PASSCODE)
    .spends(1),
    assertion(
        "verify.malformed-passcode",
        "a passcode of other characters is refused: 6A80 and nothing changes, or 63CX and one try",
        "AS05.22A, AS05.22D (SP 800-73-5 Part 2, 3.2.1)",
        |bench| giving_tries_back(bench, |bench| malformed(bench, b"12AB56\xFF\xFF")),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PASSCODE)
    .spends(1),
    assertion(
        "verify.short-passcode",
        "a passcode of five digits is refused: 6A80 and nothing changes, or 63CX and one try",
        "AS05.22A, AS05.22D (SP 800-73-5 Part 2, 3.2.1)",
        |bench| giving_tries_back(bench, |bench| malformed(bench, b"12345\xFF\xFF\xFF")),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PASSCODE)
    .spends(1),
    assertion(
        "verify.wrong-padding",
        "the right passcode padded with zeros is not the right passcode",
        "AS05.22A, AS05.22D (SP 800-73-5 Part 2, 2.4.3)",
        |bench| giving_tries_back(bench, wrong_padding),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PASSCODE)
    .spends(1),
    assertion(
        "verify.wrong-length",
        "the right passcode without its padding is refused",
        "AS05.22A (SP 800-73-5 Part 2, 2.4.3)",
        |bench| giving_tries_back(bench, wrong_length),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PASSCODE)
    .spends(1),
    assertion(
        "verify.last-try",
        "the last wrong passcode is answered with 63C0",
        "AS05.19 (SP 800-73-5 Part 2, 3.2.1)",
        |bench| unblocking(bench, last_try),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PUK)
    .spends(ALL_TRIES)
    .writes(),
    assertion(
        "verify.blocked",
        "with no tries left even the right passcode is answered with 6983",
        "AS05.17 (SP 800-73-5 Part 2, 3.2.1)",
        |bench| unblocking(bench, blocked),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PUK)
    .spends(ALL_TRIES)
    .writes(),
];

const APPLICATION: PinReference = PinReference::Application;

fn verify(reference: u8, data: &[u8]) -> Command {
    Command::new(0x00, Instruction::VERIFY, 0x00, reference).with_data(data)
}

fn tells_tries(bench: &mut Bench<'_>) -> Proved {
    let status = pin_status(bench)?;
    Ok(Judgement::require(
        status.tries_left().is_some(),
        "VERIFY without data answered with 63CX",
        || status.to_string(),
    ))
}

fn asking_costs_nothing(bench: &mut Bench<'_>) -> Proved {
    let first = pin_status(bench)?;
    let second = pin_status(bench)?;
    Ok(Judgement::require(
        first == second,
        format!("{first} again"),
        || second.to_string(),
    ))
}

fn at_most_ten_tries(bench: &mut Bench<'_>) -> Proved {
    if bench.evidence().edition == Some(Edition::Fourth) {
        return Ok(Judgement::not_applicable(
            "SP 800-73-4, which the card was made to, leaves it to the issuer",
        ));
    }
    let status = pin_status(bench)?;
    Ok(Judgement::require(
        status.tries_left().is_none_or(|left| left <= 10),
        "at most 10 tries",
        || status.to_string(),
    ))
}

fn unknown_reference(bench: &mut Bench<'_>, reference: u8) -> Proved {
    let response = bench.transmit(&Command::new(0x00, Instruction::VERIFY, 0x00, reference))?;
    Ok(Judgement::status(
        &format!("VERIFY of reference {reference:02X} without data"),
        response.status,
        &[StatusWord::REFERENCE_NOT_FOUND],
    ))
}

fn follows_policy(bench: &mut Bench<'_>, reference: PinReference, named: bool) -> Proved {
    let status = bench.transmit(&commands::read_tries(reference))?.status;
    let sent = format!("VERIFY of the {reference} without data");
    if !named {
        return Ok(Judgement::status(
            &sent,
            status,
            &[StatusWord::REFERENCE_NOT_FOUND],
        ));
    }
    Ok(Judgement::require(
        status.is_ok() || status.tries_left().is_some() || status == StatusWord::BLOCKED,
        format!("{sent} answered with 63CX, 6983 or 9000: the policy names it"),
        || status.to_string(),
    ))
}

fn pairing_code_follows_policy(bench: &mut Bench<'_>) -> Proved {
    let policy = bench.evidence().policy();
    if policy.is_some_and(|policy| policy.virtual_contact()) {
        return Ok(Judgement::not_applicable(
            "the policy names a virtual contact interface; what a card answers then is left open",
        ));
    }
    follows_policy(bench, PinReference::PairingCode, false)
}

fn wrong_p1(bench: &mut Bench<'_>) -> Proved {
    let response = bench.transmit(&Command {
        p1: 0x01,
        ..commands::read_tries(APPLICATION)
    })?;
    Ok(Judgement::status(
        "VERIFY with P1 01 and no data",
        response.status,
        &[StatusWord::WRONG_P1P2],
    ))
}

fn log_out_costs_nothing(bench: &mut Bench<'_>) -> Proved {
    let before = pin_status(bench)?;
    let status = bench.transmit(&commands::log_out(APPLICATION))?.status;
    let after = pin_status(bench)?;
    let mut proof = Proof::new();
    proof.answers("VERIFY with P1 FF", status, &[StatusWord::OK]);
    proof.holds(before == after, format!("{before} as before"), || {
        after.to_string()
    });
    proof.done()
}

fn right_passcode(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    if proof.log_in(bench)? {
        proof.verified(bench)?;
    }
    proof.done()
}

fn log_out(bench: &mut Bench<'_>) -> Proved {
    let before = pin_status(bench)?;
    let mut proof = Proof::new();
    if proof.log_in(bench)? {
        let status = bench.transmit(&commands::log_out(APPLICATION))?.status;
        proof.answers("VERIFY with P1 FF", status, &[StatusWord::OK]);
        let after = pin_status(bench)?;
        proof.holds(
            after == before,
            format!("not verified, and the tries left alone: {before}"),
            || after.to_string(),
        );
    }
    proof.done()
}

fn refusal_keeps_status(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    if proof.log_in(bench)? {
        bench.transmit(&verify(0x85, &[]))?;
        proof.verified(bench)?;
        bench.transmit(&Command {
            p1: 0x01,
            ..commands::read_tries(APPLICATION)
        })?;
        proof.verified(bench)?;
    }
    proof.done()
}

fn wrong_passcode_costs_one_try(bench: &mut Bench<'_>) -> Proved {
    let before = match room(bench, 1)? {
        Ok(left) => left,
        Err(judgement) => return Ok(judgement),
    };
    let status = verify_wrong(bench)?;
    let mut proof = Proof::new();
    proof.answers(
        "VERIFY with a wrong passcode",
        status,
        &[StatusWord::tries_left_word(before - 1)],
    );
    proof.left(bench, before - 1)?;
    proof.done()
}

fn wrong_passcode_clears_status(bench: &mut Bench<'_>) -> Proved {
    if let Err(judgement) = room(bench, 1)? {
        return Ok(judgement);
    }
    let mut proof = Proof::new();
    if proof.log_in(bench)? {
        verify_wrong(bench)?;
        proof.not_verified(bench)?;
        let status = get(bench, ObjectId::PrintedInformation)?.status;
        proof.answers(
            "GET DATA of the Printed Information after a wrong passcode",
            status,
            &[StatusWord::SECURITY_STATUS_NOT_SATISFIED],
        );
    }
    proof.done()
}

fn right_passcode_gives_tries_back(bench: &mut Bench<'_>) -> Proved {
    let before = match room(bench, 1)? {
        Ok(left) => left,
        Err(judgement) => return Ok(judgement),
    };
    verify_wrong(bench)?;
    let status = bench.give_tries_back()?;
    let mut proof = Proof::new();
    proof.answers("VERIFY with the right passcode", status, &[StatusWord::OK]);
    bench.fresh()?;
    proof.left(bench, before)?;
    proof.done()
}

fn tries_survive_reset(bench: &mut Bench<'_>) -> Proved {
    let before = match room(bench, 1)? {
        Ok(left) => left,
        Err(judgement) => return Ok(judgement),
    };
    verify_wrong(bench)?;
    bench.fresh()?;
    let mut proof = Proof::new();
    proof.left(bench, before - 1)?;
    proof.done()
}

/// Both are right: refused for its form, and nothing changes; or compared and found wrong.
fn malformed(bench: &mut Bench<'_>, data: &[u8]) -> Proved {
    let before = match room(bench, 1)? {
        Ok(left) => left,
        Err(judgement) => return Ok(judgement),
    };
    let status = bench.transmit(&verify(APPLICATION.byte(), data))?.status;
    let mut proof = Proof::new();
    let sent = "VERIFY with a malformed passcode";
    proof.refused_or_compared(bench, sent, status, before)?;
    proof.done()
}

fn wrong_padding(bench: &mut Bench<'_>) -> Proved {
    let mut padded = zeroize::Zeroizing::new(*bench.passcode().padded());
    if padded[7] != 0xFF {
        return Ok(Judgement::not_applicable("the passcode has 8 digits"));
    }
    for byte in padded.iter_mut().filter(|byte| **byte == 0xFF) {
        *byte = 0x00;
    }
    malformed(bench, &padded[..])
}

fn wrong_length(bench: &mut Bench<'_>) -> Proved {
    if let Err(judgement) = room(bench, 1)? {
        return Ok(judgement);
    }
    let digits = &bench.passcode().padded()[..6];
    let status = bench.transmit(&verify(APPLICATION.byte(), digits))?.status;
    let mut proof = Proof::new();
    proof.holds(
        is_error(status) || status.tries_left().is_some(),
        "VERIFY with 6 bytes refused",
        || status.to_string(),
    );
    proof.not_verified(bench)?;
    proof.remark(format!("answered with {status}"));
    proof.done()
}

fn last_try(bench: &mut Bench<'_>) -> Proved {
    let answers = match block(bench)? {
        Ok(answers) => answers,
        Err(judgement) => return Ok(judgement),
    };
    let mut proof = Proof::new();
    for (index, status) in answers.iter().enumerate() {
        let left = u8::try_from(answers.len() - 1 - index).unwrap_or(u8::MAX);
        proof.answers(
            &format!("wrong passcode {}", index + 1),
            *status,
            &[StatusWord::tries_left_word(left)],
        );
    }
    proof.done()
}

fn blocked(bench: &mut Bench<'_>) -> Proved {
    if let Err(judgement) = block(bench)? {
        return Ok(judgement);
    }
    let status = bench.give_tries_back()?;
    let mut proof = Proof::new();
    proof.answers(
        "VERIFY with the right passcode and no tries left",
        status,
        &[StatusWord::BLOCKED],
    );
    proof.not_verified(bench)?;
    proof.done()
}
