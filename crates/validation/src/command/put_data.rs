//! PUT DATA (SP 800-73-5 Part 2, 3.3.1). What is written is what is there, but in the one
//! assertion that must see a difference, which writes the old value back.

use iso7816::ber::{self, Tag};
use iso7816::{Command, Instruction, StatusWord};
use piv::commands;
use piv::words::ObjectId;

use super::proof::{Proof, get, is_error};
use super::restore::restoring;
use super::{Proved, TEST_ADMIN, TEST_CARD, TEST_PASSCODE, assertion};
use crate::{Assertion, Bench, Judgement, Standard, ValidationError};

pub(super) const ASSERTIONS: &[Assertion] = &[
    assertion(
        "put-data.needs-administrator",
        "nothing is written before authentication with the administration key: 6982",
        "AS05.37 (SP 800-73-5 Part 2, 3.3.1)",
        |bench| is_administrator(bench, false),
    )
    .of(Standard::Sp80085A)
    .needs(TEST_CARD)
    .writes(),
    assertion(
        "put-data.passcode-is-not-enough",
        "nothing is written after the passcode alone: 6982",
        "AS05.37 (SP 800-73-5 Part 2, 3.3.1)",
        passcode_is_not_enough,
    )
    .of(Standard::Sp80085A)
    .needs(TEST_PASSCODE)
    .writes(),
    assertion(
        "put-data.reset-clears-administrator",
        "nothing is written after a reset: 6982",
        "Part 2, 2.4.2",
        reset_clears_administrator,
    )
    .needs(TEST_ADMIN)
    .writes(),
    assertion(
        "put-data.write-and-read",
        "what is written is what is read, and the old value can be written back",
        "AS05.37 (SP 800-73-5 Part 2, 3.3.1)",
        write_and_read,
    )
    .of(Standard::Sp80085A)
    .needs(TEST_ADMIN)
    .writes(),
    assertion(
        "put-data.emptied-object",
        "an object written without content is empty, or as if it had never been",
        "Part 1, 4.1.1; Part 2, 3.3.1",
        emptied_object,
    )
    .needs(TEST_ADMIN)
    .writes(),
    assertion(
        "put-data.chain",
        "an object of more than 255 bytes is written by a chain of commands",
        "Part 2, 3.3.1",
        chain,
    )
    .needs(TEST_ADMIN)
    .writes(),
    assertion(
        "put-data.interrupted-chain",
        "a chain that is not finished writes nothing",
        "Part 2, 3.3.1; ISO/IEC 7816-4, 5.3.3",
        interrupted_chain,
    )
    .needs(TEST_ADMIN)
    .writes(),
    assertion(
        "put-data.wrong-parameters",
        "P1-P2 other than 3FFF are refused",
        "Part 2, 3.3.1",
        wrong_parameters,
    )
    .needs(TEST_ADMIN)
    .writes(),
];

/// Objects that a card in use can do without for a moment, and everybody may read.
const EXPENDABLE: [ObjectId; 2] = [ObjectId::CardCapabilityContainer, ObjectId::KeyHistory];

/// An object to write and what it holds.
fn expendable<'a>(bench: &Bench<'a>) -> Option<(ObjectId, &'a [u8])> {
    let evidence = bench.evidence();
    EXPENDABLE
        .into_iter()
        .find_map(|object| Some((object, evidence.value(object)?)))
}

fn nothing_to_write() -> Judgement {
    Judgement::not_applicable(
        "there is neither a Card Capability Container nor a Key History Object to write",
    )
}

/// A command that writes what is there already.
pub(super) fn same_object(bench: &Bench<'_>) -> Option<Command> {
    let (object, value) = expendable(bench)?;
    Some(commands::put_data(object, value))
}

/// Whether the card lets objects be written, as it must or must not.
pub(super) fn is_administrator(bench: &mut Bench<'_>, expected: bool) -> Proved {
    let Some(put) = same_object(bench) else {
        return Ok(nothing_to_write());
    };
    let status = bench.transmit(&put)?.status;
    Ok(Judgement::status(
        "PUT DATA",
        status,
        &[match expected {
            true => StatusWord::OK,
            false => StatusWord::SECURITY_STATUS_NOT_SATISFIED,
        }],
    ))
}

fn passcode_is_not_enough(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    if proof.log_in(bench)? {
        proof.add(is_administrator(bench, false)?);
    }
    proof.done()
}

fn reset_clears_administrator(bench: &mut Bench<'_>) -> Proved {
    bench.authenticate_admin()?;
    let mut proof = Proof::new();
    proof.add(is_administrator(bench, true)?);
    bench.fresh()?;
    proof.add(is_administrator(bench, false)?);
    proof.done()
}

/// Writes an object's old value back, whatever the security status is by then.
fn write_back(bench: &mut Bench<'_>, object: ObjectId, value: &[u8]) -> Proved {
    bench.fresh()?;
    bench.authenticate_admin()?;
    let status = bench.transmit(&commands::put_data(object, value))?.status;
    let held = get(bench, object)?;
    let mut proof = Proof::new();
    let written = proof.answers(
        &format!("PUT DATA of the old {object}"),
        status,
        &[StatusWord::OK],
    );
    let restored = proof.holds(
        Some(&held.data[..]) == bench.evidence().raw(object),
        format!("the {object} as it was"),
        || format!("{} bytes and {}", held.data.len(), held.status),
    );
    if !(written && restored) {
        bench.note_difference(format!("the {object} could not be put back"));
    }
    proof.done()
}

fn write_and_read(bench: &mut Bench<'_>) -> Proved {
    let Some((object, value)) = expendable(bench) else {
        return Ok(nothing_to_write());
    };
    let mut other = value.to_vec();
    spoil(&mut other);
    restoring(
        bench,
        |bench| {
            bench.authenticate_admin()?;
            let mut proof = Proof::new();
            let status = bench.transmit(&commands::put_data(object, &other))?.status;
            if proof.answers("PUT DATA", status, &[StatusWord::OK]) {
                let held = get(bench, object)?;
                proof.holds(
                    held.data[..] == ber::object(Tag(0x53), &other),
                    format!("the {} bytes written", other.len()),
                    || format!("{} other bytes and {}", held.data.len(), held.status),
                );
            }
            proof.done()
        },
        |bench| write_back(bench, object, value),
    )
}

/// Makes an object another of the same form: a bit of the first element's value changes.
fn spoil(value: &mut [u8]) {
    let first = ber::Reader::single_byte_tags(value)
        .map_while(Result::ok)
        .find(|element| !element.value.is_empty())
        .map(|element| element.offset + element.raw.len() - 1);
    if let Some(byte) = first.and_then(|at| value.get_mut(at)) {
        *byte ^= 0x01;
    }
}

fn emptied_object(bench: &mut Bench<'_>) -> Proved {
    let Some((object, value)) = expendable(bench) else {
        return Ok(nothing_to_write());
    };
    restoring(
        bench,
        |bench| {
            bench.authenticate_admin()?;
            let mut proof = Proof::new();
            let status = bench.transmit(&commands::put_data(object, &[]))?.status;
            if proof.answers("PUT DATA without content", status, &[StatusWord::OK]) {
                let held = get(bench, object)?;
                let empty = held.data.is_empty() || held.data[..] == [0x53, 0x00];
                proof.holds(
                    empty && (held.status.is_ok() || held.status == StatusWord::NOT_FOUND),
                    "an empty object 53 and 9000, or 6A82",
                    || format!("{} bytes and {}", held.data.len(), held.status),
                );
                proof.remark(format!(
                    "an emptied object is answered with {}",
                    held.status
                ));
            }
            proof.done()
        },
        |bench| write_back(bench, object, value),
    )
}

/// A large object everybody may read.
fn large<'a>(bench: &Bench<'a>) -> Option<(ObjectId, &'a [u8])> {
    let evidence = bench.evidence();
    ObjectId::all()
        .filter(|object| !object.needs_pin() && !object.is_bare())
        .filter_map(|object| Some((object, evidence.value(object)?)))
        .find(|(_, value)| value.len() > 255)
}

fn no_large_object() -> Judgement {
    Judgement::not_applicable("there is no object of more than 255 bytes")
}

/// The parts of a PUT DATA, with short length fields.
fn parts(command: &Command) -> Vec<Command> {
    let mut parts: Vec<Command> = command
        .data
        .chunks(255)
        .map(|chunk| {
            Command::new(
                Command::CHAINING,
                Instruction::PUT_DATA,
                command.p1,
                command.p2,
            )
            .with_data(chunk)
        })
        .collect();
    if let Some(last) = parts.last_mut() {
        last.class = 0x00;
    }
    parts
}

fn chain(bench: &mut Bench<'_>) -> Proved {
    let Some((object, value)) = large(bench) else {
        return Ok(no_large_object());
    };
    bench.authenticate_admin()?;
    let mut proof = Proof::new();
    for part in parts(&commands::put_data(object, value)) {
        let status = bench.transmit_once(&part)?.status;
        proof.answers("a part of PUT DATA", status, &[StatusWord::OK]);
    }
    proof.add(is_unchanged(bench, object)?);
    proof.done()
}

/// The object must hold what it held before.
fn is_unchanged(bench: &mut Bench<'_>, object: ObjectId) -> Result<Judgement, ValidationError> {
    let held = get(bench, object)?;
    Ok(Judgement::require(
        Some(&held.data[..]) == bench.evidence().raw(object),
        format!("the {object} as it was"),
        || format!("{} bytes and {}", held.data.len(), held.status),
    ))
}

fn interrupted_chain(bench: &mut Bench<'_>) -> Proved {
    let Some((object, value)) = large(bench) else {
        return Ok(no_large_object());
    };
    bench.authenticate_admin()?;
    let mut proof = Proof::new();
    if let Some(first) = parts(&commands::put_data(object, value)).first() {
        let status = bench.transmit_once(first)?.status;
        proof.answers("the first part of PUT DATA", status, &[StatusWord::OK]);
    }
    proof.add(is_unchanged(bench, object)?);
    proof.done()
}

fn wrong_parameters(bench: &mut Bench<'_>) -> Proved {
    let Some(put) = same_object(bench) else {
        return Ok(nothing_to_write());
    };
    bench.authenticate_admin()?;
    let status = bench.transmit(&Command { p2: 0x01, ..put })?.status;
    Ok(Judgement::require(
        is_error(status),
        "PUT DATA with P1-P2 3F01 refused",
        || status.to_string(),
    ))
}
