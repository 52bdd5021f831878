//! Leaving the card as it was, whatever became of the proof.

use ground::{Blame, Blamed};
use iso7816::StatusWord;
use piv::commands;
use piv::secrets::Passcode;
use piv::words::PinReference;

use super::Proved;
use super::proof::{Proof, is_error, room};
use crate::{Bench, Judgement, ValidationError};

/// Carries out a proof, then puts right what it changed, also when it broke off. What cannot be
/// put right is a deviation of its own.
pub(super) fn restoring(
    bench: &mut Bench<'_>,
    prove: impl FnOnce(&mut Bench<'_>) -> Proved,
    restore: impl FnOnce(&mut Bench<'_>) -> Proved,
) -> Proved {
    let proved = prove(bench);
    match restore(bench) {
        Ok(restored) => Ok(proved?.and(restored)),
        // Without a card in the reader there is nothing to put right.
        Err(error) if error.blame() == Blame::ReaderFault => Err(error),
        Err(error) => {
            bench.note_difference(format!("the card may not be as it was: {error}"));
            Ok(proved?.and(Judgement::fail(
                "the card put back as it was",
                error.to_string(),
            )))
        }
    }
}

/// Restores by the right passcode, which gives the tries back.
pub(super) fn giving_tries_back(
    bench: &mut Bench<'_>,
    prove: impl FnOnce(&mut Bench<'_>) -> Proved,
) -> Proved {
    restoring(bench, prove, |bench| {
        let status = bench.give_tries_back()?;
        let mut proof = Proof::new();
        proof.answers("VERIFY with the right passcode", status, &[StatusWord::OK]);
        proof.done()
    })
}

/// Restores the holder's passcode by CHANGE REFERENCE DATA. If the card took a change and did not
/// carry it out, that costs a try.
pub(super) fn changing_back(
    bench: &mut Bench<'_>,
    prove: impl FnOnce(&mut Bench<'_>) -> Proved,
) -> Proved {
    restoring(bench, prove, |bench| {
        let mut proof = Proof::new();
        let other = other_passcode(bench);
        if bench.passcode_is(&other) {
            let back = change(bench, other, bench.passcode().padded())?;
            if !back.is_ok() {
                bench.note_difference(format!(
                    "the passcode may be {}: it could not be changed back ({back})",
                    *other_digits(bench)
                ));
            }
        }
        let status = bench.give_tries_back()?;
        proof.answers(
            "VERIFY with the passcode put back",
            status,
            &[StatusWord::OK],
        );
        proof.done()
    })
}

/// Restores the holder's passcode and its tries with the PUK.
pub(super) fn unblocking(
    bench: &mut Bench<'_>,
    prove: impl FnOnce(&mut Bench<'_>) -> Proved,
) -> Proved {
    restoring(bench, prove, |bench| {
        let status = unblock(bench, bench.passcode())?;
        let mut proof = Proof::new();
        let done = proof.answers(
            "RESET RETRY COUNTER with the PUK",
            status,
            &[StatusWord::OK],
        );
        match done {
            true => {
                let status = bench.give_tries_back()?;
                proof.answers("VERIFY with the right passcode", status, &[StatusWord::OK]);
            }
            false => bench.note_difference("the passcode may be blocked or changed"),
        }
        proof.done()
    })
}

/// RESET RETRY COUNTER with the right PUK.
pub(super) fn unblock(
    bench: &mut Bench<'_>,
    passcode: &Passcode,
) -> Result<StatusWord, ValidationError> {
    let command = commands::reset_retry_counter(bench.puk(), passcode);
    Ok(bench.transmit(&command)?.status)
}

/// CHANGE REFERENCE DATA of the PIV PIN.
pub(super) fn change(
    bench: &mut Bench<'_>,
    old: [u8; 8],
    new: &[u8; 8],
) -> Result<StatusWord, ValidationError> {
    let command = commands::change_reference(PinReference::Application, &old, new);
    Ok(bench.transmit(&command)?.status)
}

/// A well-formed passcode that is not the holder's: its last digit is one more.
pub(super) fn wrong_passcode(bench: &Bench<'_>) -> Passcode {
    let mut digits = bench.passcode().digits();
    let last = digits.pop().map_or(0, |digit| digit as u8 - b'0');
    digits.push(char::from(b'0' + (last + 1) % 10));
    Passcode::new(&digits).expect("as many digits as before")
}

/// Sends a wrong passcode and returns the answer.
pub(super) fn verify_wrong(bench: &mut Bench<'_>) -> Result<StatusWord, ValidationError> {
    let wrong = wrong_passcode(bench);
    Ok(bench
        .transmit(&commands::verify(PinReference::Application, &wrong))?
        .status)
}

/// The passcode a card has between being changed and being changed back. Fixed, so that a card
/// torn out in between is not lost.
pub(super) fn other_digits(bench: &Bench<'_>) -> zeroize::Zeroizing<String> {
    const OTHERS: [&str; 2] = ["13572468", "86427531"];
    let current = bench.passcode().digits();
    let other = OTHERS.iter().find(|other| **other != current.as_str());
    zeroize::Zeroizing::new((*other.expect("one of two differs")).to_owned())
}

pub(super) fn other_passcode(bench: &Bench<'_>) -> [u8; 8] {
    *another_passcode(bench).padded()
}

pub(super) fn another_passcode(bench: &Bench<'_>) -> Passcode {
    Passcode::new(&other_digits(bench)).expect("eight digits")
}

/// Spends all tries. The answers to the wrong passcodes, in order; else why the card was left
/// alone. The PUK is proved first.
pub(super) fn block(
    bench: &mut Bench<'_>,
) -> Result<Result<Vec<StatusWord>, Judgement>, ValidationError> {
    let permitted = bench.settings().permits.pin_tries;
    let too_many = |left: u8| {
        (left > permitted).then(|| {
            Judgement::skipped(format!(
                "it spends all {left} tries; --spend-pin-tries {left} permits that"
            ))
        })
    };
    let left = match room(bench, 0)? {
        Ok(left) => left,
        Err(judgement) => return Ok(Err(judgement)),
    };
    if let Some(judgement) = too_many(left) {
        return Ok(Err(judgement));
    }
    let proved = unblock(bench, bench.passcode())?;
    if !proved.is_ok() {
        return Ok(Err(Judgement::skipped(format!(
            "a card is blocked only where the PUK is known to unblock it: {proved}"
        ))));
    }
    // Now there may be more than before.
    let left = match room(bench, 0)? {
        Ok(left) => left,
        Err(judgement) => return Ok(Err(judgement)),
    };
    if let Some(judgement) = too_many(left) {
        return Ok(Err(judgement));
    }
    let mut answers = Vec::new();
    // A card that does not count is not asked for ever.
    for _ in 0..left {
        let status = verify_wrong(bench)?;
        answers.push(status);
        if is_error(status) {
            break;
        }
    }
    Ok(Ok(answers))
}
