//! APDUs, GET RESPONSE and command chaining (ISO/IEC 7816-4, 5.3 and 5.4).

use iso7816::{Command, Expected, Instruction, Response, StatusWord};
use piv::commands;
use piv::words::{KeyReference, ObjectId};

use super::keys::Challenge;
use super::proof::{Proof, get, is_error};
use super::{CONTACT, Proved, assertion};
use crate::{Assertion, Bench, Judgement, Standard, ValidationError};

pub(super) const ASSERTIONS: &[Assertion] = &[
    assertion(
        "transport.unknown-instruction",
        "an unknown instruction is answered with 6D00",
        "Part 4, 5.6",
        unknown_instruction,
    )
    .of(Standard::Iso7816),
    assertion(
        "transport.unknown-class",
        "an unknown class is answered with 6E00",
        "Part 4, 5.6",
        unknown_class,
    )
    .of(Standard::Iso7816),
    assertion(
        "transport.stable-answer-to-reset",
        "the answer to reset is the same after every reset",
        "Part 3, 8.1",
        stable_answer_to_reset,
    )
    .of(Standard::Iso7816),
    assertion(
        "transport.no-more-than-asked",
        "no more data come than Le asks for",
        "Part 4, 5.3.4",
        no_more_than_asked,
    )
    .of(Standard::Iso7816),
    assertion(
        "transport.announced-data-come",
        "the data announced by 61XX come by GET RESPONSE, no more and no fewer",
        "Part 2, 3.1.2; ISO/IEC 7816-4, 5.3.4",
        announced_data_come,
    ),
    assertion(
        "transport.nothing-pending",
        "GET RESPONSE returns no data when none are waiting",
        "Part 4, 5.3.4",
        nothing_pending,
    )
    .of(Standard::Iso7816),
    assertion(
        "transport.new-command-in-between",
        "another command in place of GET RESPONSE is carried out",
        "Part 4, 5.3.4",
        new_command_in_between,
    )
    .of(Standard::Iso7816),
    assertion(
        "transport.abandoned-data-are-gone",
        "data abandoned for another command are not given out later",
        "Part 4, 5.3.4",
        abandoned_data_are_gone,
    )
    .of(Standard::Iso7816),
    assertion(
        "transport.short-lengths-suffice",
        "the largest object can be read with short length fields",
        "Part 2, 3.1.2",
        short_lengths_suffice,
    )
    .needs(CONTACT),
    assertion(
        "transport.chain",
        "a GENERAL AUTHENTICATE in two parts does what it does in one",
        "Part 2, 3.2.4; ISO/IEC 7816-4, 5.3.3",
        chain,
    ),
    assertion(
        "transport.chain-parts-are-acknowledged",
        "each part of a chain but the last is answered with 9000 and no data",
        "Part 4, 5.3.3",
        chain_parts_are_acknowledged,
    )
    .of(Standard::Iso7816),
    assertion(
        "transport.command-in-a-chain",
        "a command that interrupts a chain is carried out",
        "AS05.36C (SP 800-73-5 Part 2, 3.2.4)",
        command_in_a_chain,
    )
    .of(Standard::Sp80085A),
    assertion(
        "transport.interrupted-chain-has-no-effect",
        "the last part of an interrupted chain does nothing by itself",
        "AS05.36C (SP 800-73-5 Part 2, 3.2.4)",
        interrupted_chain_has_no_effect,
    )
    .of(Standard::Sp80085A),
];

/// Few enough that any object has more.
const FEW: u32 = 8;

fn unknown_instruction(bench: &mut Bench<'_>) -> Proved {
    let response = bench.transmit(&Command::new(0x00, Instruction(0x0F), 0x00, 0x00))?;
    let mut proof = Proof::new();
    proof.refused(
        "instruction 0F",
        response.status,
        &[StatusWord::INSTRUCTION_NOT_SUPPORTED],
    );
    proof.done()
}

fn unknown_class(bench: &mut Bench<'_>) -> Proved {
    // Class A0 belongs to GSM, where B0 to BF would be free: some cards know no other refusal.
    let command = Command {
        class: 0xA0,
        ..commands::get_data(ObjectId::Chuid.tag())
    };
    let response = bench.transmit(&command)?;
    let mut proof = Proof::new();
    let listed = [
        StatusWord::CLASS_NOT_SUPPORTED,
        StatusWord::INSTRUCTION_NOT_SUPPORTED,
    ];
    proof.refused("class A0", response.status, &listed);
    proof.done()
}

fn stable_answer_to_reset(bench: &mut Bench<'_>) -> Proved {
    let before = bench.evidence().atr.clone();
    bench.fresh()?;
    let after = bench.atr();
    Ok(Judgement::require(
        after == before,
        hex::encode_upper(&before),
        || hex::encode_upper(&after),
    ))
}

/// Asks for the first few bytes of the CHUID and leaves the rest.
fn first_bytes(bench: &mut Bench<'_>) -> Result<Response, ValidationError> {
    bench
        .transmit_once(&commands::get_data(ObjectId::Chuid.tag()).with_expected(Expected::new(FEW)))
}

fn get_response(length: u16) -> Command {
    Command::new(0x00, Instruction::GET_RESPONSE, 0x00, 0x00)
        .with_expected(Expected::new(length.into()))
}

/// Why nothing is waiting that could be fetched or abandoned.
fn nothing_waits(status: StatusWord) -> Judgement {
    Judgement::not_applicable(format!(
        "the card does not answer in pieces when asked for {FEW} bytes: {status}"
    ))
}

fn no_more_than_asked(bench: &mut Bench<'_>) -> Proved {
    let response = first_bytes(bench)?;
    let length = response.data.len();
    Ok(Judgement::require(
        length <= FEW as usize,
        format!("at most {FEW} bytes to GET DATA with Le {FEW:02X}"),
        || format!("{length} bytes and {}", response.status),
    ))
}

fn announced_data_come(bench: &mut Bench<'_>) -> Proved {
    let whole = get(bench, ObjectId::Chuid)?;
    let first = first_bytes(bench)?;
    let Some(mut waiting) = first.status.waiting() else {
        return Ok(nothing_waits(first.status));
    };
    let mut proof = Proof::new();
    let mut data = first.data.to_vec();
    loop {
        let piece = bench.transmit_once(&get_response(waiting))?;
        proof.holds(
            piece.data.len() <= usize::from(waiting) && !piece.data.is_empty(),
            format!("1 to {waiting} bytes to GET RESPONSE"),
            || format!("{} bytes and {}", piece.data.len(), piece.status),
        );
        data.extend_from_slice(&piece.data);
        match piece.status.waiting() {
            Some(more) if data.len() <= whole.data.len() => waiting = more,
            _ => {
                proof.answers("the last GET RESPONSE", piece.status, &[StatusWord::OK]);
                break;
            }
        }
    }
    proof.holds(
        data == *whole.data,
        format!("the {} bytes that come at once", whole.data.len()),
        || format!("{} bytes", data.len()),
    );
    proof.done()
}

fn nothing_pending(bench: &mut Bench<'_>) -> Proved {
    let response = bench.transmit_once(&get_response(256))?;
    let mut proof = Proof::new();
    proof.holds(
        response.data.is_empty() && response.status.waiting().is_none(),
        "no data",
        || format!("{} bytes and {}", response.data.len(), response.status),
    );
    // Cards answer 6985, 6A80, 6D00 or 9000; no clause decides.
    proof.remark(format!("answered with {}", response.status));
    proof.done()
}

fn new_command_in_between(bench: &mut Bench<'_>) -> Proved {
    let whole = get(bench, ObjectId::Chuid)?;
    let first = first_bytes(bench)?;
    if first.status.waiting().is_none() {
        return Ok(nothing_waits(first.status));
    }
    let again = get(bench, ObjectId::Chuid)?;
    let mut proof = Proof::new();
    proof.answers(
        "GET DATA in place of GET RESPONSE",
        again.status,
        &[StatusWord::OK],
    );
    proof.holds(again.data == whole.data, "the whole CHUID", || {
        format!("{} bytes of {}", again.data.len(), whole.data.len())
    });
    proof.done()
}

fn abandoned_data_are_gone(bench: &mut Bench<'_>) -> Proved {
    let first = first_bytes(bench)?;
    if first.status.waiting().is_none() {
        return Ok(nothing_waits(first.status));
    }
    // An answer of a status word alone leaves nothing to fetch.
    bench.transmit_once(&commands::get_data(iso7816::ber::Tag(0x5F_C1FF)))?;
    let late = bench.transmit_once(&get_response(256))?;
    Ok(Judgement::require(
        late.data.is_empty(),
        "no data to GET RESPONSE after another command",
        || format!("{} bytes and {}", late.data.len(), late.status),
    ))
}

fn short_lengths_suffice(bench: &mut Bench<'_>) -> Proved {
    let evidence = bench.evidence();
    let largest = ObjectId::all()
        .filter(|object| !object.needs_pin())
        .filter_map(|object| Some((evidence.raw(object)?, object)))
        .max_by_key(|(raw, _)| raw.len());
    let Some((raw, object)) = largest.filter(|(raw, _)| raw.len() > 256) else {
        return Ok(Judgement::not_applicable(
            "the card holds no object of more than 256 bytes that everybody may read",
        ));
    };
    let mut command = commands::get_data(object.tag());
    let mut data = Vec::new();
    let mut proof = Proof::new();
    loop {
        let piece = bench.transmit_once(&command)?;
        data.extend_from_slice(&piece.data);
        match piece.status.waiting() {
            Some(waiting) if data.len() <= raw.len() => command = get_response(waiting),
            _ => {
                proof.answers("the last GET RESPONSE", piece.status, &[StatusWord::OK]);
                break;
            }
        }
    }
    proof.holds(
        data == raw,
        format!("the {} bytes of the {object}", raw.len()),
        || format!("{} other bytes", data.len()),
    );
    proof.done()
}

/// A challenge to key 9E, and its two parts.
fn split(bench: &mut Bench<'_>) -> Option<(Challenge, Command, Command)> {
    let challenge = Challenge::for_key(bench, KeyReference::CardAuthentication).ok()?;
    let whole = &challenge.command;
    // The longest, of RSA-3072, is of 394 bytes.
    let (first, second) = whole.data.split_at(whole.data.len() / 2);
    let header = |class| Command::new(class, whole.instruction, whole.p1, whole.p2);
    let parts = (
        header(Command::CHAINING).with_data(first),
        header(0x00)
            .with_data(second)
            .with_expected(Expected::SHORT_MAX),
    );
    Some((challenge, parts.0, parts.1))
}

fn no_challenge() -> Judgement {
    Judgement::not_applicable("no certificate of key 9E could be read")
}

fn chain(bench: &mut Bench<'_>) -> Proved {
    let Some((challenge, first, second)) = split(bench) else {
        return Ok(no_challenge());
    };
    bench.transmit_once(&first)?;
    let response = bench.transmit(&second)?;
    Ok(challenge.judge(&response))
}

fn chain_parts_are_acknowledged(bench: &mut Bench<'_>) -> Proved {
    let Some((_, first, _)) = split(bench) else {
        return Ok(no_challenge());
    };
    let response = bench.transmit_once(&first)?;
    let mut proof = Proof::new();
    proof.answers("the first part", response.status, &[StatusWord::OK]);
    proof.holds(
        response.data.is_empty(),
        "no data to the first part",
        || format!("{} bytes", response.data.len()),
    );
    proof.done()
}

fn command_in_a_chain(bench: &mut Bench<'_>) -> Proved {
    let Some((_, first, _)) = split(bench) else {
        return Ok(no_challenge());
    };
    let before = get(bench, ObjectId::Chuid)?;
    bench.transmit_once(&first)?;
    let between = get(bench, ObjectId::Chuid)?;
    let mut proof = Proof::new();
    proof.answers(
        "GET DATA in the middle of a chain",
        between.status,
        &[before.status],
    );
    proof.holds(between.data == before.data, "the whole CHUID", || {
        format!("{} bytes of {}", between.data.len(), before.data.len())
    });
    proof.done()
}

fn interrupted_chain_has_no_effect(bench: &mut Bench<'_>) -> Proved {
    let Some((challenge, first, second)) = split(bench) else {
        return Ok(no_challenge());
    };
    bench.transmit_once(&first)?;
    get(bench, ObjectId::Chuid)?;
    let late = bench.transmit(&second)?;
    let mut proof = Proof::new();
    proof.holds(
        is_error(late.status),
        "an error to the last part after an interruption",
        || format!("{} and {} bytes", late.status, late.data.len()),
    );
    // And what was interrupted can be done again.
    let again = bench.transmit(&challenge.command)?;
    proof.add(challenge.judge(&again));
    proof.done()
}
