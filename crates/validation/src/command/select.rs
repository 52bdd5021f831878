//! SELECT (SP 800-73-5 Part 2, 3.1.1).

use iso7816::StatusWord;
use piv::commands;

use crate::{Assertion, Bench, Check, Judgement, Standard, ValidationError};

pub(super) const ASSERTIONS: &[Assertion] = &[Assertion {
    id: "select.unknown-application",
    title: "an application the card does not have is answered with 6A82",
    standard: Standard::Sp80073,
    clause: "Part 2, 3.1.1",
    needs: &[],
    writes: false,
    pin_tries: 0,
    checks: &[],
    check: Check::Command(unknown_application),
}];

/// A registered application provider nobody uses: the national prefix F is unregistered.
const NOBODY: [u8; 9] = [0xF0, 0x63, 0x61, 0x72, 0x64, 0x77, 0x00, 0x00, 0x01];

fn unknown_application(bench: &mut Bench<'_>) -> Result<Judgement, ValidationError> {
    let response = bench.transmit(&commands::select(&NOBODY))?;
    Ok(Judgement::status(
        "SELECT of an unknown application",
        response.status,
        &[StatusWord::NOT_FOUND],
    ))
}
