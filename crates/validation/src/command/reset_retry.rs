//! RESET RETRY COUNTER (SP 800-73-5 Part 2, 3.2.3).

use iso7816::{Command, Instruction, StatusWord};
use piv::commands;
use piv::secrets::Puk;
use piv::words::PinReference;

use super::proof::{Proof, is_error, room};
use super::restore::{another_passcode, block, unblock, unblocking, verify_wrong};
use super::{Proved, TEST_PUK, assertion};
use crate::bench::ALL_TRIES;
use crate::{Assertion, Bench, Judgement, Standard};

pub(super) const ASSERTIONS: &[Assertion] = &[
    assertion(
        "reset-retry.gives-tries-back",
        "the PUK gives all tries of the passcode back",
        "AS05.31 (SP 800-73-5 Part 2, 3.2.3)",
        |bench| unblocking(bench, gives_tries_back),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PUK)
    .spends(1)
    .writes(),
    assertion(
        "reset-retry.sets-passcode",
        "the passcode sent with the PUK is the right one from then on",
        "AS05.31 (SP 800-73-5 Part 2, 3.2.3)",
        |bench| unblocking(bench, sets_passcode),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PUK)
    .writes(),
    assertion(
        "reset-retry.does-not-verify",
        "the passcode does not count as verified after the PUK",
        "Part 2, 3.2.3",
        |bench| unblocking(bench, does_not_verify),
    )
    .needs(TEST_PUK)
    .writes(),
    assertion(
        "reset-retry.keeps-status",
        "a passcode that is verified stays verified after the PUK",
        "Part 2, 3.2.3",
        |bench| unblocking(bench, keeps_status),
    )
    .needs(TEST_PUK)
    .writes(),
    assertion(
        "reset-retry.unblocks",
        "the PUK unblocks a blocked passcode",
        "AS05.31 (SP 800-73-5 Part 2, 3.2.3)",
        |bench| unblocking(bench, unblocks),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PUK)
    .spends(ALL_TRIES)
    .writes(),
    assertion(
        "reset-retry.malformed-passcode",
        "a malformed passcode is answered with 6A80 and nothing changes",
        "AS05.33 (SP 800-73-5 Part 2, 3.2.3)",
        |bench| unblocking(bench, malformed_passcode),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PUK)
    .writes(),
    assertion(
        "reset-retry.wrong-length",
        "a data field that is not 16 bytes is refused",
        "Part 2, 3.2.3",
        |bench| unblocking(bench, wrong_length),
    )
    .needs(TEST_PUK)
    .writes(),
    assertion(
        "reset-retry.wrong-p1",
        "P1 other than 00 is refused",
        "Part 2, 3.2.3",
        |bench| unblocking(bench, wrong_p1),
    )
    .needs(TEST_PUK)
    .writes(),
    assertion(
        "reset-retry.other-reference",
        "the PUK resets the PIV PIN alone: any other reference is answered with 6A88",
        "AS05.29 (SP 800-73-5 Part 2, 3.2.3)",
        |bench| unblocking(bench, other_reference),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PUK)
    .writes(),
    assertion(
        "reset-retry.wrong-puk",
        "a wrong PUK is answered with 63CX and resets the status of the passcode",
        "AS05.32 (SP 800-73-5 Part 2, 3.2.3)",
        |bench| unblocking(bench, wrong_puk),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PUK)
    .spends(1)
    .writes(),
];

const APPLICATION: PinReference = PinReference::Application;

fn gives_tries_back(bench: &mut Bench<'_>) -> Proved {
    let before = match room(bench, 1)? {
        Ok(left) => left,
        Err(judgement) => return Ok(judgement),
    };
    verify_wrong(bench)?;
    let mut proof = Proof::new();
    let status = unblock(bench, bench.passcode())?;
    if proof.answers("RESET RETRY COUNTER", status, &[StatusWord::OK]) {
        proof.left(bench, before)?;
    }
    proof.done()
}

fn sets_passcode(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    let other = another_passcode(bench);
    let status = unblock(bench, &other)?;
    if proof.answers("RESET RETRY COUNTER", status, &[StatusWord::OK]) {
        let status = bench
            .transmit(&commands::verify(APPLICATION, &other))?
            .status;
        proof.answers("VERIFY with the new passcode", status, &[StatusWord::OK]);
    }
    proof.done()
}

fn does_not_verify(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    let status = unblock(bench, bench.passcode())?;
    if proof.answers("RESET RETRY COUNTER", status, &[StatusWord::OK]) {
        proof.not_verified(bench)?;
    }
    proof.done()
}

fn keeps_status(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    if proof.log_in(bench)? {
        let status = unblock(bench, bench.passcode())?;
        if proof.answers("RESET RETRY COUNTER", status, &[StatusWord::OK]) {
            proof.verified(bench)?;
        }
    }
    proof.done()
}

fn unblocks(bench: &mut Bench<'_>) -> Proved {
    if let Err(judgement) = block(bench)? {
        return Ok(judgement);
    }
    let mut proof = Proof::new();
    let status = unblock(bench, bench.passcode())?;
    if proof.answers("RESET RETRY COUNTER", status, &[StatusWord::OK]) {
        let status = bench.give_tries_back()?;
        proof.answers("VERIFY with the right passcode", status, &[StatusWord::OK]);
    }
    proof.done()
}

fn malformed_passcode(bench: &mut Bench<'_>) -> Proved {
    let before = match room(bench, 0)? {
        Ok(left) => left,
        Err(judgement) => return Ok(judgement),
    };
    let command = Command::new(
        0x00,
        Instruction::RESET_RETRY_COUNTER,
        0x00,
        APPLICATION.byte(),
    )
    .with_data([&bench.puk().bytes()[..], b"12\xFF\xFF\xFF\xFF\xFF\xFF"].concat());
    let status = bench.transmit(&command)?.status;
    let mut proof = Proof::new();
    proof.answers(
        "RESET RETRY COUNTER to a malformed passcode",
        status,
        &[StatusWord::WRONG_DATA],
    );
    proof.left(bench, before)?;
    proof.done()
}

fn refused(bench: &mut Bench<'_>, sent: &str, command: &Command, listed: &[StatusWord]) -> Proved {
    let status = bench.transmit(command)?.status;
    let mut proof = Proof::new();
    proof.refused(sent, status, listed);
    proof.done()
}

fn wrong_length(bench: &mut Bench<'_>) -> Proved {
    let command = commands::reset_retry_counter(bench.puk(), bench.passcode());
    let shorter = Command {
        data: zeroize::Zeroizing::new(command.data[..15].to_vec()),
        ..command
    };
    let listed = [StatusWord::WRONG_DATA, StatusWord::WRONG_LENGTH];
    refused(
        bench,
        "RESET RETRY COUNTER with 15 bytes",
        &shorter,
        &listed,
    )
}

fn wrong_p1(bench: &mut Bench<'_>) -> Proved {
    let command = Command {
        p1: 0x01,
        ..commands::reset_retry_counter(bench.puk(), bench.passcode())
    };
    let listed = [StatusWord::WRONG_P1P2, StatusWord::FUNCTION_NOT_SUPPORTED];
    refused(bench, "RESET RETRY COUNTER with P1 01", &command, &listed)
}

fn other_reference(bench: &mut Bench<'_>) -> Proved {
    let command = Command {
        p2: PinReference::Unblocking.byte(),
        ..commands::reset_retry_counter(bench.puk(), bench.passcode())
    };
    let status = bench.transmit(&command)?.status;
    Ok(Judgement::status(
        "RESET RETRY COUNTER of reference 81",
        status,
        &[StatusWord::REFERENCE_NOT_FOUND],
    ))
}

/// The right PUK goes first, so that it is known and its own tries are all there; it goes again at
/// the end, which gives the try back on cards that do so, and CHANGE REFERENCE DATA of the PUK to
/// itself gives it back on the others.
fn wrong_puk(bench: &mut Bench<'_>) -> Proved {
    let proved = unblock(bench, bench.passcode())?;
    if !proved.is_ok() {
        return Ok(Judgement::skipped(format!(
            "a wrong PUK is sent only where the right one is known: {proved}"
        )));
    }
    let mut proof = Proof::new();
    if !proof.log_in(bench)? {
        return proof.done();
    }
    let mut wrong = *bench.puk().bytes();
    wrong[7] ^= 0x01;
    let command = commands::reset_retry_counter(&Puk::new(wrong), bench.passcode());
    let status = bench.transmit(&command)?.status;
    proof.holds(
        status.tries_left().is_some(),
        "RESET RETRY COUNTER with a wrong PUK answered with 63CX",
        || status.to_string(),
    );
    proof.not_verified(bench)?;
    let again = commands::change_reference(
        PinReference::Unblocking,
        bench.puk().bytes(),
        bench.puk().bytes(),
    );
    let again = bench.transmit(&again)?.status;
    if is_error(again) {
        proof.remark(format!(
            "the card does not let its PUK be changed ({again}): whether the try of the PUK came \
             back is not known"
        ));
    }
    proof.done()
}
