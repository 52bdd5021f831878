//! The TOML form.

use std::collections::BTreeSet;

use iso7816::Command;
use iso7816::ber::Tag;
use piv::words::ObjectId;
use serde::Deserialize;
use series::Certainty;
use toml::Spanned;

use super::{Expectation, Middleware, MiddlewareError, Probe, ProbeInterface};
use crate::assertions;
use crate::bench::harm;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    id: Spanned<String>,
    client: String,
    version: String,
    source: String,
    #[serde(default)]
    expects: Vec<RawExpectation>,
    #[serde(default)]
    probe: Vec<RawProbe>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExpectation {
    assertion: Spanned<String>,
    #[serde(default)]
    objects: Vec<Spanned<String>>,
    says: Option<String>,
    consequence: String,
    source: String,
    certainty: Certainty,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProbe {
    id: Spanned<String>,
    title: String,
    send: Spanned<Vec<Spanned<String>>>,
    expect: Spanned<Vec<Spanned<String>>>,
    interface: Option<ProbeInterface>,
    consequence: String,
    source: String,
    certainty: Certainty,
}

pub(super) fn parse(file: &str, text: &str) -> Result<Middleware, MiddlewareError> {
    let place = Place { file, text };
    let raw: RawFile = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        place.wrong(at, error.message().replace('\n', ", "))
    })?;
    let id = place.id(raw.id)?;
    let expects = raw
        .expects
        .into_iter()
        .map(|expectation| place.expectation(expectation))
        .collect::<Result<_, _>>()?;
    let mut seen = BTreeSet::new();
    let mut probes = Vec::with_capacity(raw.probe.len());
    for probe in raw.probe {
        let at = probe.id.span().start;
        let probe = place.probe(probe)?;
        if !seen.insert(probe.id.clone()) {
            return Err(place.wrong(at, format!("a second probe with the id `{}`", probe.id)));
        }
        probes.push(probe);
    }
    Ok(Middleware {
        id,
        client: raw.client,
        version: raw.version,
        source: raw.source,
        expects,
        probes,
    })
}

/// A file, to say where in it something is wrong.
struct Place<'a> {
    file: &'a str,
    text: &'a str,
}

impl Place<'_> {
    fn expectation(&self, raw: RawExpectation) -> Result<Expectation, MiddlewareError> {
        let at = raw.assertion.span().start;
        let assertion = raw.assertion.into_inner();
        if assertion.is_empty() || !assertions().any(|it| it.id.starts_with(&assertion)) {
            return Err(self.wrong(at, format!("no assertion is called `{assertion}`")));
        }
        let objects = raw.objects.into_iter().map(|tag| {
            let at = tag.span().start;
            let tag = tag.into_inner();
            u32::from_str_radix(&tag, 16)
                .ok()
                .and_then(|number| ObjectId::from_tag(Tag(number)))
                .ok_or_else(|| self.wrong(at, format!("`{tag}` is the tag of no PIV data object")))
        });
        Ok(Expectation {
            objects: objects.collect::<Result<_, _>>()?,
            says: raw.says,
            assertion,
            consequence: raw.consequence,
            source: raw.source,
            certainty: raw.certainty,
        })
    }

    fn probe(&self, raw: RawProbe) -> Result<Probe, MiddlewareError> {
        let id = self.id(raw.id)?;
        if raw.send.get_ref().is_empty() {
            return Err(self.wrong(raw.send.span().start, "a probe sends at least one command"));
        }
        if raw.expect.get_ref().is_empty() {
            return Err(self.wrong(
                raw.expect.span().start,
                "a probe expects at least one status pattern",
            ));
        }
        let send = raw.send.into_inner();
        let expect = raw.expect.into_inner();
        Ok(Probe {
            id,
            title: raw.title,
            send: send
                .into_iter()
                .map(|command| self.command(command))
                .collect::<Result<_, _>>()?,
            expect: expect
                .into_iter()
                .map(|pattern| {
                    let at = pattern.span().start;
                    let parsed = pattern.into_inner().parse();
                    parsed.map_err(|error: &str| self.wrong(at, error))
                })
                .collect::<Result<_, _>>()?,
            interface: raw.interface,
            consequence: raw.consequence,
            source: raw.source,
            certainty: raw.certainty,
        })
    }

    fn command(&self, raw: Spanned<String>) -> Result<Command, MiddlewareError> {
        let at = raw.span().start;
        let digits: String = raw.get_ref().split_whitespace().collect();
        let bytes =
            hex::decode(digits).map_err(|error| self.wrong(at, format!("a command: {error}")))?;
        let command = Command::parse(&bytes).map_err(|error| self.wrong(at, error.to_string()))?;
        match harm(&command) {
            None => Ok(command),
            Some(_) => Err(self.wrong(
                at,
                format!(
                    "instruction {:02X} writes, compares a passcode or may do either: no probe \
                     sends it",
                    command.instruction.0
                ),
            )),
        }
    }

    fn id(&self, raw: Spanned<String>) -> Result<String, MiddlewareError> {
        let at = raw.span().start;
        let id = raw.into_inner();
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        match !id.is_empty() && id.chars().all(good) {
            true => Ok(id),
            false => Err(self.wrong(
                at,
                format!("`{id}` is no id: small letters, digits and hyphens"),
            )),
        }
    }

    fn wrong(&self, at: usize, detail: impl Into<String>) -> MiddlewareError {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        MiddlewareError::Malformed {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            detail: detail.into(),
        }
    }
}
