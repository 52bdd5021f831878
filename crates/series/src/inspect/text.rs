//! The report as plain text: sections of aligned lines, the same for the same card.

use std::fmt;

use piv::words::Algorithm;

use super::certificate::{Validity, day};
use super::objects::{ObjectState, SignatureState};
use super::{Inspection, TriesState};
use crate::{Conclusion, SerialSource};

/// Width of the names before the values.
const NAME_WIDTH: usize = 16;

pub(super) fn render(inspection: &Inspection) -> String {
    let mut text = Text(String::new());
    sections(inspection, &mut text);
    text.0
}

fn sections(inspection: &Inspection, text: &mut Text) {
    card(inspection, text);
    evidence(inspection, text);
    answer_to_reset(inspection, text);
    application(inspection, text);
    token(inspection, text);
    objects(inspection, text);
    certificates(inspection, text);
    chuid(inspection, text);
    discovery(inspection, text);
    security(inspection, text);
    findings(inspection, text);
}

fn card(inspection: &Inspection, text: &mut Text) {
    text.section("Card");
    text.line("reader", &inspection.reader);
    text.line("series", &inspection.identification.conclusion);
    if !matches!(inspection.identification.conclusion, Conclusion::Unknown) {
        let profile = inspection.judged_by.as_deref().unwrap_or("-");
        match inspection.edition {
            Some(edition) => text.line("judged by", format!("{profile}, {edition}")),
            None => text.line("judged by", profile),
        }
    }
    if let Some(refusal) = &inspection.refusal {
        text.line("not issued", refusal);
    }
    let ended: Vec<String> = inspection
        .refused
        .iter()
        .filter_map(|refused| Some(format!("no {} since {}", refused.operation, refused.since?)))
        .collect();
    if !ended.is_empty() {
        text.line("withdrawn", ended.join(", "));
    }
    match &inspection.serial {
        Some(serial) => {
            let source = match serial.source {
                SerialSource::Cplc => "production data",
                SerialSource::IinCin => "issuer and card number",
                SerialSource::ChuidGuid => "CHUID",
                SerialSource::None => "nowhere",
            };
            text.line("serial", format_args!("{} ({source})", serial.value))
        }
        None => text.line("serial", "none read"),
    }
    if let Some(cplc) = &inspection.identification.numbers.cplc {
        text.line("production data", hex::encode_upper(cplc.to_bytes()));
    }
}

fn evidence(inspection: &Inspection, text: &mut Text) {
    text.section("Why");
    for reason in &inspection.identification.reasons {
        text.item(reason);
    }
    for evidence in &inspection.identification.evidence {
        match &evidence.speaks_for[..] {
            [] => text.item(&evidence.seen),
            ids => text.item(format_args!("{} -> {}", evidence.seen, ids.join(", "))),
        }
    }
}

fn answer_to_reset(inspection: &Inspection, text: &mut Text) {
    text.section("Answer to reset");
    text.line("bytes", hex::encode_upper(&inspection.atr.raw));
    for line in &inspection.atr.lines {
        match line.value.is_empty() {
            true => text.line(&line.name, &line.meaning),
            false => text.line(&line.name, format_args!("{}  {}", line.value, line.meaning)),
        }
    }
}

fn application(inspection: &Inspection, text: &mut Text) {
    let Some(application) = &inspection.application else {
        return;
    };
    text.section("PIV application");
    text.line("label", application.label.as_deref().unwrap_or("-"));
    text.line("AID", hex::encode_upper(&application.aid));
    let algorithms: Vec<String> = application
        .algorithms
        .iter()
        .map(|&byte| match Algorithm::from_byte(byte) {
            Some(algorithm) => algorithm.to_string(),
            None => format!("{byte:02X}"),
        })
        .collect();
    match &algorithms[..] {
        [] => text.line("algorithms", "none listed"),
        listed => text.line("algorithms", listed.join(", ")),
    }
    if let Some(length) = application.extended_length {
        text.line(
            "extended length",
            format_args!(
                "command {}, response {} bytes",
                length.command, length.response
            ),
        );
    }
    passcodes(inspection, text);
}

fn passcodes(inspection: &Inspection, text: &mut Text) {
    for tries in &inspection.tries {
        match tries.state {
            TriesState::Left { tries: 1 } => text.line(&tries.reference, "1 try left"),
            TriesState::Left { tries: left } => {
                text.line(&tries.reference, format_args!("{left} tries left"));
            }
            TriesState::Blocked => text.line(&tries.reference, "blocked"),
            TriesState::Verified => text.line(&tries.reference, "verified"),
            TriesState::Absent => text.line(&tries.reference, "not on this card"),
            TriesState::NotTold => text.line(&tries.reference, "the card does not say"),
        }
    }
}

fn token(inspection: &Inspection, text: &mut Text) {
    let Some(token) = &inspection.token else {
        return;
    };
    text.section(format_args!("{} application", token.applet));
    if token.blank {
        text.line("state", "blank, without a file structure");
    }
    for (name, value) in [
        ("label", &token.label),
        ("token serial", &token.serial),
        ("manufacturer", &token.manufacturer),
    ] {
        if let Some(value) = value {
            text.line(name, value);
        }
    }
    passcodes(inspection, text);
    if token.blank {
        return;
    }
    text.section("Keys");
    for key in &token.keys {
        let slot = key.slot.map_or(String::new(), |slot| format!(" ({slot})"));
        let origin = match key.made_on_card {
            Some(true) => ", made on the card",
            Some(false) => ", made elsewhere",
            None => "",
        };
        let half = match key.private {
            true => "",
            false => ", public half only",
        };
        text.item(format_args!(
            "key {}{slot}: RSA-{}, {}{origin}{half}  {}",
            key.id,
            key.bits,
            uses(&key.uses),
            key.label
        ));
    }
    if token.keys.is_empty() {
        text.item("none");
    }
    if !token.data.is_empty() {
        text.section("Data objects");
    }
    for data in &token.data {
        let size = match data.size {
            Some(size) => format!("{size} bytes"),
            None => "not readable without the passcode".to_owned(),
        };
        text.item(format_args!(
            "{} ({}): {size}",
            data.label, data.application
        ));
    }
}

fn uses(uses: &authentic::Uses) -> String {
    let named: Vec<&str> = [
        (uses.sign, "sign"),
        (uses.sign_recover, "sign with recovery"),
        (uses.non_repudiation, "non-repudiation"),
        (uses.decrypt, "decrypt"),
        (uses.unwrap, "unwrap"),
        (uses.derive, "derive"),
        (uses.encrypt, "encrypt"),
        (uses.wrap, "wrap"),
        (uses.verify, "verify"),
        (uses.verify_recover, "verify with recovery"),
    ]
    .into_iter()
    .filter_map(|(set, name)| set.then_some(name))
    .collect();
    match &named[..] {
        [] => "for nothing".to_owned(),
        named => named.join(", "),
    }
}

fn objects(inspection: &Inspection, text: &mut Text) {
    if inspection.objects.is_empty() {
        return;
    }
    text.section("Objects");
    let absent = |state: &ObjectState| *state == ObjectState::Absent;
    let unread = |state: &ObjectState| *state == ObjectState::NotRead;
    let there = |state: &ObjectState| !absent(state) && !unread(state);
    for object in inspection.objects.iter().filter(|o| there(&o.state)) {
        let state = match &object.state {
            ObjectState::Present { size: 1 } => "1 byte".to_owned(),
            ObjectState::Present { size } => format!("{size} bytes"),
            ObjectState::Empty => "empty".to_owned(),
            ObjectState::Absent => "absent".to_owned(),
            ObjectState::NotRead => "not asked for".to_owned(),
            ObjectState::Protected => "protected by the passcode".to_owned(),
            ObjectState::Refused { status } => format!("refused with {status}"),
            ObjectState::Malformed { problem } => format!("malformed: {problem}"),
        };
        text.item(format_args!(
            "{:<6}  {:<40}  {state}",
            object.tag, object.name
        ));
    }
    let count = inspection
        .objects
        .iter()
        .filter(|o| absent(&o.state))
        .count();
    match count {
        0 => {}
        1 => text.item("1 object is absent"),
        count => text.item(format_args!("{count} objects are absent")),
    }
    let count = inspection
        .objects
        .iter()
        .filter(|o| unread(&o.state))
        .count();
    if count > 0 {
        text.item(format_args!(
            "{count} retired certificates were not asked for, as the card has no Key History Object"
        ));
    }
}

fn certificates(inspection: &Inspection, text: &mut Text) {
    for certificate in &inspection.certificates {
        let slot = certificate
            .slot
            .map_or(String::new(), |slot| format!(" ({slot})"));
        text.section(format_args!("Certificate {}{slot}", certificate.key));
        text.line("subject", &certificate.subject);
        text.line("issuer", &certificate.issuer);
        text.line("serial", &certificate.serial);
        text.line("key", &certificate.public_key);
        let validity = match certificate.validity {
            Validity::Valid => "valid",
            Validity::Expired => "EXPIRED",
            Validity::NotYetValid => "NOT YET VALID",
        };
        text.line(
            "validity",
            format_args!(
                "{} to {}, {validity}",
                day(certificate.not_before),
                day(certificate.not_after)
            ),
        );
        let usage = match &certificate.key_usage[..] {
            [] => "-".to_owned(),
            usage => usage.join(", "),
        };
        text.line("key usage", usage);
    }
}

fn chuid(inspection: &Inspection, text: &mut Text) {
    let Some(chuid) = &inspection.chuid else {
        return;
    };
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    text.section("CHUID");
    text.line("GUID", shown(&chuid.guid));
    text.line("FASC-N", shown(&chuid.fasc_n));
    text.line("expiry", shown(&chuid.expiry));
    text.line("signature", signature(&chuid.signature))
}

fn discovery(inspection: &Inspection, text: &mut Text) {
    let Some(discovery) = &inspection.discovery else {
        return;
    };
    text.section("Discovery Object");
    text.line("policy", discovery.policy.as_deref().unwrap_or("-"));
    for meaning in &discovery.meaning {
        text.item(meaning);
    }
}

fn security(inspection: &Inspection, text: &mut Text) {
    let Some(security) = &inspection.security else {
        return;
    };
    text.section("Security Object");
    text.line("signature", signature(&security.signature));
    for hash in &security.hashes {
        text.item(format_args!("{:<40}  {}", hash.object, hash.state));
    }
}

fn findings(inspection: &Inspection, text: &mut Text) {
    text.section("Findings");
    if inspection.findings.is_empty() {
        text.item("none");
        return;
    }
    for finding in &inspection.findings {
        text.item(format_args!("{}: {}", finding.about, finding.finding));
    }
}

fn signature(state: &SignatureState) -> String {
    match state {
        SignatureState::Absent => "none".to_owned(),
        SignatureState::Good { signer } => format!("good, by {signer}"),
        SignatureState::Bad { reason } => format!("BAD: {reason}"),
        SignatureState::Unchecked { reason } => format!("not checked: {reason}"),
    }
}

struct Text(String);

impl Text {
    fn section(&mut self, title: impl fmt::Display) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.push("", title);
    }

    fn line(&mut self, name: &str, value: impl fmt::Display) {
        self.item(format_args!("{name:<NAME_WIDTH$}  {value}"));
    }

    fn item(&mut self, value: impl fmt::Display) {
        self.push("  ", value);
    }

    /// Names come from the card: nothing in them may move the cursor or forge a line.
    fn push(&mut self, indent: &str, value: impl fmt::Display) {
        let control = |c: char| if c.is_control() { '\u{FFFD}' } else { c };
        self.0.push_str(indent);
        self.0.extend(value.to_string().chars().map(control));
        self.0.push('\n');
    }
}
