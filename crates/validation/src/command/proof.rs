use iso7816::{Response, StatusWord};
use piv::commands;
use piv::words::{ObjectId, PinReference};

use super::Proved;
use crate::{Bench, Judgement, Permits, ValidationError};

/// A judgement in the making: what an assertion finds one thing after another.
pub(super) struct Proof {
    judgement: Judgement,
    remarks: Vec<String>,
}

impl Proof {
    pub(super) fn new() -> Self {
        Self {
            judgement: Judgement::pass(),
            remarks: Vec::new(),
        }
    }

    /// The card must have answered with one of these. Returns whether it has.
    pub(super) fn answers(
        &mut self,
        sent: &str,
        actual: StatusWord,
        allowed: &[StatusWord],
    ) -> bool {
        self.add(Judgement::status(sent, actual, allowed));
        if allowed.len() > 1 && allowed.contains(&actual) {
            self.remark(format!("{sent}: {actual}"));
        }
        allowed.contains(&actual)
    }

    /// The card must have refused, and should have done so with one of these.
    pub(super) fn refused(
        &mut self,
        sent: &str,
        actual: StatusWord,
        listed: &[StatusWord],
    ) -> bool {
        if listed.contains(&actual) {
            return true;
        }
        let judgement = Judgement::status(sent, actual, listed);
        if !is_error(actual) {
            self.add(judgement);
            return false;
        }
        self.add(Judgement {
            verdict: crate::Verdict::Warning,
            ..judgement
        });
        true
    }

    /// Something that must hold of what the card did.
    pub(super) fn holds(
        &mut self,
        condition: bool,
        expected: impl Into<String>,
        observed: impl FnOnce() -> String,
    ) -> bool {
        self.add(Judgement::require(condition, expected, observed));
        condition
    }

    /// The reference must not be verified: VERIFY without data tells how many tries are left.
    pub(super) fn not_verified(&mut self, bench: &mut Bench<'_>) -> Result<(), ValidationError> {
        let status = pin_status(bench)?;
        self.holds(
            status.tries_left().is_some() || status == StatusWord::BLOCKED,
            "the passcode is not verified: VERIFY without data answered with 63CX",
            || status.to_string(),
        );
        Ok(())
    }

    /// The passcode must be verified.
    pub(super) fn verified(&mut self, bench: &mut Bench<'_>) -> Result<(), ValidationError> {
        let status = pin_status(bench)?;
        self.answers(
            "the passcode is verified: VERIFY without data",
            status,
            &[StatusWord::OK],
        );
        Ok(())
    }

    /// So many tries must be left.
    pub(super) fn left(
        &mut self,
        bench: &mut Bench<'_>,
        expected: u8,
    ) -> Result<(), ValidationError> {
        let status = pin_status(bench)?;
        self.answers(
            "VERIFY without data",
            status,
            &[StatusWord::tries_left_word(expected)],
        );
        Ok(())
    }

    /// A malformed passcode is refused for its form, and nothing changes; or compared and found
    /// wrong, and a try is gone of those there were before.
    pub(super) fn refused_or_compared(
        &mut self,
        bench: &mut Bench<'_>,
        sent: &str,
        status: StatusWord,
        before: u8,
    ) -> Result<(), ValidationError> {
        let compared = StatusWord::tries_left_word(before - 1);
        self.answers(sent, status, &[StatusWord::WRONG_DATA, compared]);
        let expected = match status == compared {
            true => before - 1,
            false => before,
        };
        self.left(bench, expected)
    }

    /// Verifies the passcode. Returns whether the card took it.
    pub(super) fn log_in(&mut self, bench: &mut Bench<'_>) -> Result<bool, ValidationError> {
        let status = bench.log_in()?;
        Ok(self.answers("VERIFY with the right passcode", status, &[StatusWord::OK]))
    }

    /// What is worth telling although it holds.
    pub(super) fn remark(&mut self, remark: impl Into<String>) {
        self.remarks.push(remark.into());
    }

    pub(super) fn add(&mut self, judgement: Judgement) {
        let so_far = std::mem::replace(&mut self.judgement, Judgement::pass());
        self.judgement = so_far.and(judgement);
    }

    pub(super) fn done(mut self) -> Proved {
        if self.judgement.verdict == crate::Verdict::Pass {
            self.judgement.reason = self.remarks.join("; ");
        }
        Ok(self.judgement)
    }
}

/// Whether a status word says that the command was not carried out.
pub(super) fn is_error(status: StatusWord) -> bool {
    matches!(status.sw1(), 0x64..=0x6B | 0x6D..=0x6F)
}

/// VERIFY of the PIV PIN without data.
pub(super) fn pin_status(bench: &mut Bench<'_>) -> Result<StatusWord, ValidationError> {
    let command = commands::read_tries(PinReference::Application);
    Ok(bench.transmit(&command)?.status)
}

/// The tries left, if `spend` of them can be spent and leave the reserve alone; else why not.
pub(super) fn room(
    bench: &mut Bench<'_>,
    spend: u8,
) -> Result<Result<u8, Judgement>, ValidationError> {
    let status = pin_status(bench)?;
    Ok(match status.tries_left() {
        Some(left) if left >= spend + Permits::RESERVE => Ok(left),
        Some(left) => Err(Judgement::skipped(format!("only {left} tries are left"))),
        None => Err(Judgement::fail(
            "VERIFY without data answered with 63CX",
            status.to_string(),
        )),
    })
}

/// GET DATA of an object, with short length fields.
pub(super) fn get(bench: &mut Bench<'_>, object: ObjectId) -> Result<Response, ValidationError> {
    bench.transmit(&commands::get_data(object.tag()))
}
