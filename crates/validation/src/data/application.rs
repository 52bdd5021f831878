//! The answer to reset and the answer to SELECT.

use iso7816::Atr;
use piv::Finding;

use super::card_rule;
use super::reading::judge;
use crate::{Assertion, Deviation, Evidence, Judgement, Standard};

const SELECT: (Standard, &str) = (Standard::Sp80073, "Part 2, 3.1.1, Table 3");

pub(super) const ASSERTIONS: &[Assertion] = &[
    card_rule(
        "atr.form",
        "the answer to reset is one, to its last byte",
        (Standard::Iso7816, "Part 3, 8.2"),
        &[],
        answer_to_reset,
    ),
    card_rule(
        "application.identifier",
        "the PIV application answers with its identifier, version 01 00",
        SELECT,
        &[],
        identifier,
    ),
    card_rule(
        "application.properties",
        "the answer to SELECT is an application property template with what it must hold",
        SELECT,
        &[],
        properties,
    ),
];

fn answer_to_reset(evidence: &Evidence) -> Judgement {
    if evidence.atr.is_empty() {
        return Judgement::not_applicable("no card was reset");
    }
    match Atr::parse(&evidence.atr) {
        Ok(atr) => {
            let wrong = atr.findings.iter();
            Judgement::broken(
                wrong
                    .map(|it| Deviation::new("none of this", it.to_string()))
                    .collect(),
            )
        }
        Err(error) => Judgement::fail("an answer to reset", error.to_string()),
    }
}

fn identifier(evidence: &Evidence) -> Judgement {
    if evidence.application.raw.is_empty() {
        return Judgement::not_applicable("no application was selected");
    }
    judge(findings(evidence, true))
}

fn properties(evidence: &Evidence) -> Judgement {
    if evidence.application.raw.is_empty() {
        return Judgement::not_applicable("no application was selected");
    }
    judge(findings(evidence, false))
}

/// Those about the identifier, or the others.
fn findings(evidence: &Evidence, of_identifier: bool) -> Vec<Finding> {
    let about = |finding: &&Finding| {
        let mut words = ["application identifier", "application version"].into_iter();
        words.any(|word| finding.message.starts_with(word)) == of_identifier
    };
    let all = evidence.application.findings.iter();
    all.filter(about).cloned().collect()
}
