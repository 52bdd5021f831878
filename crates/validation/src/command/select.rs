//! SELECT (SP 800-73-5 Part 2, 3.1.1).

use iso7816::{Response, StatusWord};
use piv::words::{AID, AID_TRUNCATED, ObjectId};
use piv::{ApplicationProperties, Severity, commands};

use super::proof::{Proof, get, pin_status};
use super::{PASSCODE, Proved, assertion};
use crate::{Assertion, Bench, Deviation, Judgement, Standard, ValidationError, Verdict};

pub(super) const ASSERTIONS: &[Assertion] = &[
    assertion(
        "select.full-identifier",
        "the full application identifier selects the PIV application",
        "AS05.05, AS05.07 (SP 800-73-5 Part 1, 2.2)",
        |bench| selects(bench, &AID),
    )
    .of(Standard::Sp80085A),
    assertion(
        "select.truncated-identifier",
        "the identifier without its version selects the PIV application and is answered in full",
        "AS05.07 (SP 800-73-5 Part 2, 3.1.1)",
        |bench| selects(bench, &AID_TRUNCATED),
    )
    .of(Standard::Sp80085A),
    assertion(
        "select.template",
        "the answer is an application property template with identifier and authority",
        "Part 2, 3.1.1, Table 3",
        template,
    ),
    assertion(
        "select.unknown-application",
        "an application the card does not have is answered with 6A82",
        "Part 2, 3.1.1",
        |bench| is_unknown(bench, &NOBODY),
    ),
    assertion(
        "select.unknown-version",
        "a version of the PIV application that does not exist is answered with 6A82",
        "Part 2, 3.1.1",
        |bench| {
            let mut other = AID;
            other[9] = 0x7F;
            is_unknown(bench, &other)
        },
    ),
    assertion(
        "select.longer-identifier",
        "an identifier that goes on behind the PIV application's is answered with 6A82",
        "Part 2, 3.1.1",
        |bench| is_unknown(bench, &[&AID[..], &[0x00]].concat()),
    ),
    assertion(
        "select.unknown-keeps-application",
        "the PIV application stays selected when an unknown one is asked for",
        "AS05.10 (SP 800-73-5 Part 2, 3.1.1)",
        unknown_keeps_application,
    )
    .of(Standard::Sp80085A),
    assertion(
        "select.unknown-keeps-status",
        "the passcode stays verified when an unknown application is asked for",
        "AS05.10 (SP 800-73-5 Part 2, 3.1.1)",
        |bench| keeps_status(bench, &NOBODY, StatusWord::NOT_FOUND),
    )
    .of(Standard::Sp80085A)
    .needs(PASSCODE),
    assertion(
        "select.again-keeps-status",
        "the passcode stays verified when the selected application is selected again",
        "AS05.09 (SP 800-73-5 Part 2, 3.1.1)",
        |bench| keeps_status(bench, &AID, StatusWord::OK),
    )
    .of(Standard::Sp80085A)
    .needs(PASSCODE),
    assertion(
        "select.again-truncated-keeps-status",
        "the passcode stays verified when the application is selected again without its version",
        "AS05.09 (SP 800-73-5 Part 2, 3.1.1)",
        |bench| keeps_status(bench, &AID_TRUNCATED, StatusWord::OK),
    )
    .of(Standard::Sp80085A)
    .needs(PASSCODE),
    assertion(
        "select.other-application-clears-status",
        "the passcode is no longer verified after another application was selected",
        "AS01.16, AS05.11 (SP 800-73-5 Part 2, 2.4.2)",
        other_application_clears_status,
    )
    .of(Standard::Sp80085A)
    .needs(PASSCODE),
    assertion(
        "select.reset-clears-status",
        "the passcode is no longer verified after a reset",
        "Part 2, 2.4.2",
        reset_clears_status,
    )
    .needs(PASSCODE),
];

/// A registered application provider nobody uses: the national prefix F is unregistered.
const NOBODY: [u8; 9] = [0xF0, 0x63, 0x61, 0x72, 0x64, 0x77, 0x00, 0x00, 0x01];

/// Issuer security domains of GlobalPlatform cards.
const CARD_MANAGERS: [&[u8]; 2] = [
    &[0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00],
    &[0xA0, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00],
];

fn select(bench: &mut Bench<'_>, aid: &[u8]) -> Result<Response, ValidationError> {
    bench.transmit(&commands::select(aid))
}

fn selects(bench: &mut Bench<'_>, aid: &[u8]) -> Proved {
    let response = select(bench, aid)?;
    let mut proof = Proof::new();
    if proof.answers("SELECT", response.status, &[StatusWord::OK]) {
        let found = ApplicationProperties::parse(&response.data).aid;
        let extension = &AID[5..];
        proof.holds(
            found == AID || found == extension,
            format!("object 4F is `{}`", hex::encode_upper(AID)),
            || hex::encode_upper(&found),
        );
        if found == extension {
            proof.remark(
                "object 4F leaves the provider out, as the text of the standard may be read",
            );
        }
    }
    proof.done()
}

fn template(bench: &mut Bench<'_>) -> Proved {
    let response = select(bench, &AID)?;
    let properties = ApplicationProperties::parse(&response.data);
    let mut judgement = Judgement::status("SELECT", response.status, &[StatusWord::OK]);
    for finding in properties.findings {
        let verdict = match finding.severity {
            Severity::Violation => Verdict::Fail,
            Severity::Warning => Verdict::Warning,
            Severity::Info => continue,
        };
        judgement = judgement.and(Judgement {
            verdict,
            deviations: vec![Deviation::new(finding.clause, finding.message)],
            reason: String::new(),
        });
    }
    Ok(judgement)
}

fn is_unknown(bench: &mut Bench<'_>, aid: &[u8]) -> Proved {
    let response = select(bench, aid)?;
    Ok(Judgement::status(
        "SELECT of an unknown application",
        response.status,
        &[StatusWord::NOT_FOUND],
    ))
}

fn unknown_keeps_application(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    select(bench, &NOBODY)?;
    let chuid = get(bench, ObjectId::Chuid)?;
    proof.answers(
        "GET DATA of the CHUID after it",
        chuid.status,
        &[StatusWord::OK, StatusWord::NOT_FOUND],
    );
    let pin = pin_status(bench)?;
    // Without contact VERIFY is refused, but not as by an application that has no PIN at all.
    proof.holds(
        pin != StatusWord::INSTRUCTION_NOT_SUPPORTED && pin != StatusWord::CLASS_NOT_SUPPORTED,
        "the PIV application is still there to answer VERIFY",
        || pin.to_string(),
    );
    proof.done()
}

fn keeps_status(bench: &mut Bench<'_>, aid: &[u8], answer: StatusWord) -> Proved {
    let mut proof = Proof::new();
    if proof.log_in(bench)? {
        let response = select(bench, aid)?;
        proof.answers("SELECT", response.status, &[answer]);
        proof.verified(bench)?;
    }
    proof.done()
}

fn other_application_clears_status(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    if !proof.log_in(bench)? {
        return proof.done();
    }
    for other in CARD_MANAGERS {
        if select(bench, other)?.status.is_ok() {
            let back = select(bench, &AID)?;
            proof.answers(
                "SELECT of the PIV application",
                back.status,
                &[StatusWord::OK],
            );
            proof.not_verified(bench)?;
            return proof.done();
        }
    }
    Ok(Judgement::not_applicable(
        "the card has no other application that is known to select",
    ))
}

fn reset_clears_status(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    if proof.log_in(bench)? {
        bench.fresh()?;
        proof.not_verified(bench)?;
    }
    proof.done()
}
