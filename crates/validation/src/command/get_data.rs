//! GET DATA (SP 800-73-5 Part 2, 3.1.2).

use iso7816::ber::{self, Tag};
use iso7816::{Command, Expected, Instruction, StatusWord};
use piv::commands;
use piv::words::{ObjectId, PinReference};

use super::proof::{Proof, get};
use super::{CONTACT, PASSCODE, Proved, assertion};
use crate::{Assertion, Bench, Judgement, ObjectState, Standard};

pub(super) const ASSERTIONS: &[Assertion] = &[
    assertion(
        "get-data.whole-object",
        "an object is returned whole and nothing follows it",
        "Part 2, 3.1.2",
        whole_object,
    ),
    assertion(
        "get-data.same-twice",
        "the same object read twice is the same",
        "Part 2, 3.1.2",
        same_twice,
    ),
    assertion(
        "get-data.unknown-object",
        "an object the card cannot have is answered with 6A82",
        "Part 2, 3.1.2",
        |bench| is_unknown(bench, Tag(0x5F_C1FF)),
    ),
    assertion(
        "get-data.unknown-template",
        "an unknown object with a tag of two bytes is answered with 6A82",
        "Part 2, 3.1.2",
        |bench| is_unknown(bench, Tag(0x7F62)),
    ),
    assertion(
        "get-data.unknown-keeps-status",
        "the passcode stays verified when an unknown object is asked for",
        "Part 2, 2.4.2",
        unknown_keeps_status,
    )
    .needs(PASSCODE),
    assertion(
        "get-data.wrong-parameters",
        "P1-P2 other than 3FFF are refused",
        "Part 2, 3.1.2",
        wrong_parameters,
    ),
    assertion(
        "get-data.no-tag-list",
        "a command without a tag list is refused",
        "Part 2, 3.1.2",
        no_tag_list,
    ),
    assertion(
        "get-data.discovery-in-its-own-tag",
        "the Discovery Object is returned in its own tag 7E and not in 53",
        "Part 2, 3.1.2; Part 1, 3.3.2",
        discovery_in_its_own_tag,
    ),
    assertion(
        "get-data.free-before-passcode",
        "an object everybody may read is returned before the passcode",
        "AS05.12A (SP 800-73-5 Part 1, Table 2)",
        free_before_passcode,
    )
    .of(Standard::Sp80085A)
    .needs(CONTACT),
    assertion(
        "get-data.protected-before-passcode",
        "an object under the passcode is answered with 6982 before it, whether it is there or not",
        "AS05.12A (SP 800-73-5 Part 2, 3.1.2)",
        protected_before_passcode,
    )
    .of(Standard::Sp80085A)
    .needs(CONTACT),
    assertion(
        "get-data.protected-after-passcode",
        "an object under the passcode is returned after it",
        "AS05.12A (SP 800-73-5 Part 1, Table 2)",
        protected_after_passcode,
    )
    .of(Standard::Sp80085A)
    .needs(PASSCODE),
    assertion(
        "get-data.protected-after-log-out",
        "an object under the passcode is answered with 6982 again once the status is reset",
        "AS05.22C (SP 800-73-5 Part 2, 3.2.1)",
        protected_after_log_out,
    )
    .of(Standard::Sp80085A)
    .needs(PASSCODE),
];

fn is_protected(object: &ObjectId) -> bool {
    object.needs_pin()
}

fn whole_object(bench: &mut Bench<'_>) -> Proved {
    let response = get(bench, ObjectId::Chuid)?;
    let mut proof = Proof::new();
    if response.status == StatusWord::NOT_FOUND {
        return Ok(Judgement::not_applicable("there is no CHUID on the card"));
    }
    if proof.answers("GET DATA of the CHUID", response.status, &[StatusWord::OK]) {
        let parsed = ber::expect(Tag(0x53), &response.data);
        proof.holds(parsed.is_ok(), "one object 53", || {
            parsed
                .err()
                .map_or_else(String::new, |error| error.to_string())
        });
    }
    proof.done()
}

fn same_twice(bench: &mut Bench<'_>) -> Proved {
    let first = get(bench, ObjectId::Chuid)?;
    let second = get(bench, ObjectId::Chuid)?;
    Ok(Judgement::require(
        first == second,
        "the same answer to the same GET DATA",
        || format!("{first:?}, then {second:?}"),
    ))
}

fn is_unknown(bench: &mut Bench<'_>, tag: Tag) -> Proved {
    let response = bench.transmit(&commands::get_data(tag))?;
    Ok(Judgement::status(
        &format!("GET DATA of {tag}"),
        response.status,
        &[StatusWord::NOT_FOUND],
    ))
}

fn unknown_keeps_status(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    if proof.log_in(bench)? {
        bench.transmit(&commands::get_data(Tag(0x5F_C1FF)))?;
        proof.verified(bench)?;
    }
    proof.done()
}

fn wrong_parameters(bench: &mut Bench<'_>) -> Proved {
    let command = Command {
        p2: 0x00,
        ..commands::get_data(ObjectId::Chuid.tag())
    };
    let response = bench.transmit(&command)?;
    let mut proof = Proof::new();
    // The standard lists no status word for it; ISO/IEC 7816-4 has these.
    let listed = [
        StatusWord::WRONG_P1P2,
        StatusWord::NOT_FOUND,
        StatusWord::FUNCTION_NOT_SUPPORTED,
        StatusWord::REFERENCE_NOT_FOUND,
    ];
    proof.refused("GET DATA with P1-P2 3F00", response.status, &listed);
    proof.done()
}

fn no_tag_list(bench: &mut Bench<'_>) -> Proved {
    let command = Command::new(0x00, Instruction::GET_DATA, 0x3F, 0xFF)
        .with_data([0x5D, 0x03, 0x5F, 0xC1, 0x02])
        .with_expected(Expected::SHORT_MAX);
    let response = bench.transmit(&command)?;
    let mut proof = Proof::new();
    let listed = [
        StatusWord::WRONG_DATA,
        StatusWord::NOT_FOUND,
        StatusWord::WRONG_LENGTH,
    ];
    proof.refused(
        "GET DATA with tag 5D in place of 5C",
        response.status,
        &listed,
    );
    proof.done()
}

fn discovery_in_its_own_tag(bench: &mut Bench<'_>) -> Proved {
    let response = get(bench, ObjectId::Discovery)?;
    if response.status == StatusWord::NOT_FOUND || response.data.is_empty() {
        return Ok(Judgement::not_applicable(
            "there is no Discovery Object on the card",
        ));
    }
    let first = ber::read_one(&response.data).map(|object| object.tag);
    Ok(Judgement::require(
        first == Ok(ObjectId::Discovery.tag()),
        "an object 7E",
        || match first {
            Ok(tag) => format!("an object {tag}"),
            Err(error) => error.to_string(),
        },
    ))
}

fn free_before_passcode(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    for object in ObjectId::all().filter(|object| !is_protected(object)) {
        let reading = bench.evidence().readings.get(&object);
        if reading.is_none_or(|reading| reading.state == ObjectState::NotRead) {
            continue;
        }
        let status = get(bench, object)?.status;
        if status != StatusWord::NOT_FOUND {
            proof.answers(
                &format!("GET DATA of the {object}"),
                status,
                &[StatusWord::OK],
            );
        }
    }
    proof.done()
}

fn protected_before_passcode(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    for object in ObjectId::all().filter(is_protected) {
        let status = get(bench, object)?.status;
        proof.answers(
            &format!("GET DATA of the {object} before the passcode"),
            status,
            &[StatusWord::SECURITY_STATUS_NOT_SATISFIED],
        );
    }
    proof.done()
}

fn protected_after_passcode(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    if !proof.log_in(bench)? {
        return proof.done();
    }
    for object in ObjectId::all().filter(is_protected) {
        let status = get(bench, object)?.status;
        if status != StatusWord::NOT_FOUND {
            proof.answers(
                &format!("GET DATA of the {object} after the passcode"),
                status,
                &[StatusWord::OK],
            );
        }
    }
    proof.done()
}

fn protected_after_log_out(bench: &mut Bench<'_>) -> Proved {
    let mut proof = Proof::new();
    if proof.log_in(bench)? {
        bench.transmit(&commands::log_out(PinReference::Application))?;
        let status = get(bench, ObjectId::PrintedInformation)?.status;
        proof.answers(
            "GET DATA of the Printed Information after the status was reset",
            status,
            &[StatusWord::SECURITY_STATUS_NOT_SATISFIED],
        );
    }
    proof.done()
}
