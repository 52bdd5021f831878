//! CHANGE REFERENCE DATA (SP 800-73-5 Part 2, 3.2.2). The passcode a card has in between is
//! 13572468, or 86427531 if that is the holder's.

use iso7816::{Command, Instruction, StatusWord};
use piv::commands;
use piv::secrets::Puk;
use piv::words::PinReference;

use super::proof::{Proof, is_error, room};
use super::restore::{
    another_passcode, block, change, changing_back, giving_tries_back, other_passcode, restoring,
    unblocking, verify_wrong, wrong_passcode,
};
use super::{Proved, TEST_PASSCODE, TEST_PUK, assertion};
use crate::bench::ALL_TRIES;
use crate::{Assertion, Bench, Judgement, Standard};

pub(super) const ASSERTIONS: &[Assertion] = &[
    assertion(
        "change.to-and-back",
        "the passcode can be changed, and the new one is the right one from then on",
        "AS05.26 (SP 800-73-5 Part 2, 3.2.2)",
        |bench| changing_back(bench, to_and_back),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PASSCODE)
    .spends(1)
    .writes(),
    assertion(
        "change.old-passcode-is-void",
        "the old passcode is wrong after a change",
        "Part 2, 3.2.2",
        |bench| changing_back(bench, old_passcode_is_void),
    )
    .needs(TEST_PASSCODE)
    .spends(1)
    .writes(),
    assertion(
        "change.verifies",
        "the passcode counts as verified after a change",
        "AS05.26 (SP 800-73-5 Part 2, 3.2.2)",
        |bench| changing_back(bench, verifies),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PASSCODE)
    .spends(1)
    .writes(),
    assertion(
        "change.gives-tries-back",
        "a change gives all tries back",
        "AS05.26 (SP 800-73-5 Part 2, 3.2.2)",
        |bench| changing_back(bench, gives_tries_back),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PASSCODE)
    .spends(2)
    .writes(),
    assertion(
        "change.wrong-old-passcode",
        "a wrong old passcode is answered with 63CX, costs one try and changes nothing",
        "AS05.25A, AS05.27 (SP 800-73-5 Part 2, 3.2.2)",
        |bench| changing_back(bench, wrong_old_passcode),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PASSCODE)
    .spends(1)
    .writes(),
    assertion(
        "change.wrong-clears-status",
        "a wrong old passcode resets the status",
        "AS05.27 (SP 800-73-5 Part 2, 3.2.2)",
        |bench| giving_tries_back(bench, wrong_clears_status),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PASSCODE)
    .spends(1)
    .writes(),
    assertion(
        "change.malformed-new-passcode",
        "a malformed new passcode is answered with 6A80 and nothing changes",
        "AS05.25A (SP 800-73-5 Part 2, 3.2.2)",
        |bench| changing_back(bench, malformed_new_passcode),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PASSCODE)
    .spends(1)
    .writes(),
    assertion(
        "change.both-wrong",
        "a wrong old and a malformed new passcode are answered with 6A80 or 63CX",
        "AS05.25A (SP 800-73-5 Part 2, 3.2.2)",
        |bench| giving_tries_back(bench, both_wrong),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PASSCODE)
    .spends(1)
    .writes(),
    assertion(
        "change.wrong-length",
        "a data field that is not 16 bytes is refused and nothing changes",
        "Part 2, 3.2.2",
        |bench| changing_back(bench, wrong_length),
    )
    .needs(TEST_PASSCODE)
    .spends(1)
    .writes(),
    assertion(
        "change.wrong-p1",
        "P1 other than 00 is refused and nothing changes",
        "Part 2, 3.2.2",
        |bench| changing_back(bench, wrong_p1),
    )
    .needs(TEST_PASSCODE)
    .spends(1)
    .writes(),
    assertion(
        "change.unknown-reference",
        "a reference the card does not have is answered with 6A88",
        "AS05.28A (SP 800-73-5 Part 2, 3.2.2)",
        |bench| changing_back(bench, unknown_reference),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PASSCODE)
    .spends(1)
    .writes(),
    assertion(
        "change.blocked",
        "with no tries left a change is answered with 6983",
        "AS05.25 (SP 800-73-5 Part 2, 3.2.2)",
        |bench| unblocking(bench, blocked),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PUK)
    .spends(ALL_TRIES)
    .writes(),
    assertion(
        "change.puk",
        "the PUK can be changed, where the card lets it be",
        "AS05.23 (SP 800-73-5 Part 2, 3.2.2)",
        change_puk,
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PUK)
    .spends(1)
    .writes(),
];

const APPLICATION: PinReference = PinReference::Application;

fn change_to_other(bench: &mut Bench<'_>) -> Result<StatusWord, crate::ValidationError> {
    let other = other_passcode(bench);
    change(bench, *bench.passcode().padded(), &other)
}

/// Changes the passcode. Returns whether the card says it has.
fn changed(proof: &mut Proof, bench: &mut Bench<'_>) -> Result<bool, crate::ValidationError> {
    let status = change_to_other(bench)?;
    Ok(proof.answers("CHANGE REFERENCE DATA", status, &[StatusWord::OK]))
}

fn to_and_back(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    if changed(&mut proof, bench)? {
        bench.fresh()?;
        let new = commands::verify(APPLICATION, &another_passcode(bench));
        let status = bench.transmit(&new)?.status;
        proof.answers("VERIFY with the new passcode", status, &[StatusWord::OK]);
    }
    proof.done()
}

fn old_passcode_is_void(bench: &mut Bench<'_>) -> Proved {
    let before = match room(bench, 1)? {
        Ok(left) => left,
        Err(judgement) => return Ok(judgement),
    };
    let mut proof = Proof::new();
    if changed(&mut proof, bench)? {
        let old = commands::verify(APPLICATION, bench.passcode());
        let status = bench.transmit(&old)?.status;
        proof.answers(
            "VERIFY with the old passcode",
            status,
            &[StatusWord::tries_left_word(before - 1)],
        );
        // The new one gives the try back before the passcode is changed back.
        bench.transmit(&commands::verify(APPLICATION, &another_passcode(bench)))?;
    }
    proof.done()
}

fn verifies(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    if changed(&mut proof, bench)? {
        proof.verified(bench)?;
    }
    proof.done()
}

fn gives_tries_back(bench: &mut Bench<'_>) -> Proved {
    let before = match room(bench, 2)? {
        Ok(left) => left,
        Err(judgement) => return Ok(judgement),
    };
    verify_wrong(bench)?;
    let mut proof = Proof::new();
    if changed(&mut proof, bench)? {
        bench.fresh()?;
        proof.left(bench, before)?;
    }
    proof.done()
}

fn wrong_old_passcode(bench: &mut Bench<'_>) -> Proved {
    let before = match room(bench, 1)? {
        Ok(left) => left,
        Err(judgement) => return Ok(judgement),
    };
    let wrong = *wrong_passcode(bench).padded();
    let other = other_passcode(bench);
    let status = change(bench, wrong, &other)?;
    let mut proof = Proof::new();
    let one_less = StatusWord::tries_left_word(before - 1);
    proof.answers(
        "CHANGE REFERENCE DATA with a wrong old passcode",
        status,
        &[one_less],
    );
    proof.left(bench, before - 1)?;
    proof.done()
}

fn wrong_clears_status(bench: &mut Bench<'_>) -> Proved {
    if let Err(judgement) = room(bench, 1)? {
        return Ok(judgement);
    }
    let mut proof = Proof::new();
    if proof.log_in(bench)? {
        let wrong = *wrong_passcode(bench).padded();
        let right = *bench.passcode().padded();
        // To the passcode it has: a card that takes it is not lost.
        change(bench, wrong, &right)?;
        proof.not_verified(bench)?;
    }
    proof.done()
}

const MALFORMED: [u8; 8] = *b"12\xFF\xFF\xFF\xFF\xFF\xFF";

fn malformed_new_passcode(bench: &mut Bench<'_>) -> Proved {
    let before = match room(bench, 1)? {
        Ok(left) => left,
        Err(judgement) => return Ok(judgement),
    };
    let right = *bench.passcode().padded();
    let status = change(bench, right, &MALFORMED)?;
    if status.is_ok() {
        // Nobody can type it; it has to go at once.
        change(bench, MALFORMED, &right)?;
    }
    let mut proof = Proof::new();
    proof.answers(
        "CHANGE REFERENCE DATA to a malformed passcode",
        status,
        &[StatusWord::WRONG_DATA],
    );
    bench.fresh()?;
    proof.left(bench, before)?;
    proof.done()
}

fn both_wrong(bench: &mut Bench<'_>) -> Proved {
    let before = match room(bench, 1)? {
        Ok(left) => left,
        Err(judgement) => return Ok(judgement),
    };
    let wrong = *wrong_passcode(bench).padded();
    let status = change(bench, wrong, &MALFORMED)?;
    let mut proof = Proof::new();
    let sent = "CHANGE REFERENCE DATA with both passcodes wrong";
    proof.refused_or_compared(bench, sent, status, before)?;
    proof.done()
}

/// Sends what must be refused; the passcode is the same afterwards.
fn refused(bench: &mut Bench<'_>, sent: &str, command: &Command, listed: &[StatusWord]) -> Proved {
    if let Err(judgement) = room(bench, 1)? {
        return Ok(judgement);
    }
    let status = bench.transmit(command)?.status;
    let mut proof = Proof::new();
    proof.refused(sent, status, listed);
    proof.done()
}

fn wrong_length(bench: &mut Bench<'_>) -> Proved {
    let right = bench.passcode().padded();
    let command = Command::new(
        0x00,
        Instruction::CHANGE_REFERENCE_DATA,
        0x00,
        APPLICATION.byte(),
    )
    .with_data([&right[..], &right[..7]].concat());
    let listed = [StatusWord::WRONG_DATA, StatusWord::WRONG_LENGTH];
    refused(
        bench,
        "CHANGE REFERENCE DATA with 15 bytes",
        &command,
        &listed,
    )
}

fn wrong_p1(bench: &mut Bench<'_>) -> Proved {
    let right = bench.passcode().padded();
    let command = Command {
        p1: 0x01,
        ..commands::change_reference(APPLICATION, right, right)
    };
    let listed = [StatusWord::WRONG_P1P2, StatusWord::FUNCTION_NOT_SUPPORTED];
    refused(bench, "CHANGE REFERENCE DATA with P1 01", &command, &listed)
}

fn unknown_reference(bench: &mut Bench<'_>) -> Proved {
    let right = bench.passcode().padded();
    let command = Command {
        p2: 0x85,
        ..commands::change_reference(APPLICATION, right, right)
    };
    let status = bench.transmit(&command)?.status;
    Ok(Judgement::status(
        "CHANGE REFERENCE DATA of reference 85",
        status,
        &[StatusWord::REFERENCE_NOT_FOUND],
    ))
}

fn blocked(bench: &mut Bench<'_>) -> Proved {
    if let Err(judgement) = block(bench)? {
        return Ok(judgement);
    }
    let right = *bench.passcode().padded();
    let status = change(bench, right, &right)?;
    Ok(Judgement::status(
        "CHANGE REFERENCE DATA with no tries left",
        status,
        &[StatusWord::BLOCKED],
    ))
}

/// The PUK a card has between being changed and being changed back.
const OTHER_PUKS: [[u8; 8]; 2] = [*b"24681357", *b"75318642"];

fn change_puk(bench: &mut Bench<'_>) -> Proved {
    let unblocking = PinReference::Unblocking;
    let right = *bench.puk().bytes();
    let other = OTHER_PUKS[usize::from(OTHER_PUKS[0] == right)];
    let forth = commands::change_reference(unblocking, &right, &other);
    let back = commands::change_reference(unblocking, &other, &right);
    let mut taken = false;
    let proved = {
        let status = bench.transmit(&forth)?.status;
        if status == StatusWord::REFERENCE_NOT_FOUND {
            return Ok(Judgement::not_applicable(
                "the card does not let its PUK be changed",
            ));
        }
        taken |= status.is_ok();
        Judgement::status(
            "CHANGE REFERENCE DATA of the PUK",
            status,
            &[StatusWord::OK],
        )
    };
    if !taken {
        return Ok(proved);
    }
    restoring(
        bench,
        |bench| {
            let with_new = commands::reset_retry_counter(&Puk::new(other), bench.passcode());
            let status = bench.transmit(&with_new)?.status;
            Ok(proved.and(Judgement::status(
                "RESET RETRY COUNTER with the new PUK",
                status,
                &[StatusWord::OK],
            )))
        },
        |bench| {
            let status = bench.transmit(&back)?.status;
            if is_error(status) || !status.is_ok() {
                bench.note_difference("the PUK may be 24681357 or 75318642".to_owned());
            }
            Ok(Judgement::status(
                "CHANGE REFERENCE DATA of the PUK back",
                status,
                &[StatusWord::OK],
            ))
        },
    )
}
