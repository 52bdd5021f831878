use comfy_table::{ContentArrangement, Table, presets};
use ground::Blamed;
use issuance::issue::{Batch, IssuedCard};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use series::Slot;

use crate::output::{BAD, Failure, GOOD, HEADING, Output, WARNING};

/// Prints what became of a batch.
pub(super) fn print(batch: &Batch, output: Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.document(&as_json(batch));
    }
    let cards: Vec<(&IssuedCard, bool)> = batch
        .issued
        .iter()
        .map(|card| (card, true))
        .chain(batch.already_issued.iter().map(|card| (card, false)))
        .collect();
    if !cards.is_empty() {
        output.line(&table(&cards))?;
    }
    for failure in &batch.failed {
        output.line(&format!("{BAD}failed{BAD:#}  {failure}"))?;
        for note in &failure.notes {
            output.line(&format!("        {note}"))?;
        }
        if let Some(hint) = failure.hint() {
            output.line(&format!("{WARNING}next{WARNING:#}    {hint}"))?;
        }
    }
    for request in &batch.not_begun {
        output.line(&format!(
            "{WARNING}open{WARNING:#}    request `{request}` was not begun"
        ))?;
    }
    output.line(&summary(batch))
}

fn table(cards: &[(&IssuedCard, bool)]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header([
            "request",
            "card serial",
            "series",
            "authentication certificate",
            "signing certificate",
            "time",
            "printed face",
        ]);
    for (card, now) in cards {
        let time = if *now {
            format!("{:.1} s", card.took.as_secs_f64())
        } else {
            "issued before".to_owned()
        };
        table.add_row([
            card.request.to_string(),
            card.blank.to_string(),
            card.series.trim_start_matches("series-").to_owned(),
            certificate(card, Slot::Authentication),
            certificate(card, Slot::Signing),
            time,
            card.face
                .as_ref()
                .map_or_else(|| "none".to_owned(), |face| face.display().to_string()),
        ]);
    }
    table.to_string()
}

fn certificate(card: &IssuedCard, slot: Slot) -> String {
    card.certificates
        .iter()
        .find(|certificate| certificate.slot == slot)
        .map_or_else(
            || "none".to_owned(),
            |certificate| {
                format!(
                    "{}\nuntil {}",
                    certificate.serial,
                    day(certificate.not_after)
                )
            },
        )
}

fn day(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%d")
        .to_string()
}

fn summary(batch: &Batch) -> String {
    let (issued, before) = (batch.issued.len(), batch.already_issued.len());
    let open = batch.failed.len() + batch.not_begun.len();
    let mut parts = Vec::new();
    if issued > 0 {
        parts.push(format!(
            "{GOOD}{issued} issued, read back and verified{GOOD:#}"
        ));
    }
    if before > 0 {
        parts.push(format!("{before} issued already, nothing done"));
    }
    if open > 0 {
        parts.push(format!("{BAD}{open} still open{BAD:#}"));
    }
    if parts.is_empty() {
        parts.push("no requests".to_owned());
    }
    format!("{HEADING}{}{HEADING:#}", parts.join("; "))
}

fn as_json(batch: &Batch) -> Value {
    let card = |card: &IssuedCard, state: &str| {
        let mut value = json!(card);
        value["state"] = json!(state);
        value
    };
    let cards: Vec<Value> = batch
        .issued
        .iter()
        .map(|issued| card(issued, "issued"))
        .chain(
            batch
                .already_issued
                .iter()
                .map(|before| card(before, "already-issued")),
        )
        .collect();
    let failed: Vec<Value> = batch
        .failed
        .iter()
        .map(|failure| {
            let mut value = json!(failure);
            value["blame"] = json!(failure.blame().name());
            value["hint"] = json!(failure.hint());
            value
        })
        .collect();
    json!({
        "cards": cards,
        "failed": failed,
        "not-begun": batch.not_begun.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "recovered": batch.recovered,
        "complete": batch.is_complete(),
    })
}
