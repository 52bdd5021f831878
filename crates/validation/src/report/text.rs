//! The report for people at a terminal.

use std::fmt::Write;

use super::{Outcome, Report};
use crate::Verdict;

impl Report {
    /// The report as plain text: the findings in full, the rest counted. `all` lists every
    /// outcome.
    #[must_use]
    pub fn to_text(&self, all: bool) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_text(&mut text, all);
        text
    }

    fn write_text(&self, text: &mut String, all: bool) -> std::fmt::Result {
        let card = &self.card;
        writeln!(text, "Card")?;
        writeln!(text, "  reader     {}", card.reader)?;
        writeln!(text, "  series     {}", card.series)?;
        if let Some(profile) = &card.judged_by {
            writeln!(text, "  judged by  {profile}")?;
        }
        for name in &card.names {
            writeln!(text, "  number     {name}")?;
        }
        if all {
            writeln!(text, "\nAssertions")?;
            for outcome in &self.outcomes {
                writeln!(text, "  {}", line(outcome))?;
            }
        }
        let mut findings = self.findings().peekable();
        if findings.peek().is_some() {
            writeln!(text, "\nFindings")?;
        }
        for outcome in findings {
            self.write_finding(text, outcome)?;
        }
        let differences = &self.aftermath.differences;
        writeln!(text, "\nThe card afterwards")?;
        match (differences.is_empty(), self.aftermath.compared_objects) {
            (true, true) => writeln!(text, "  as it was, every object read again")?,
            (true, false) => writeln!(text, "  as it was: nothing was written, no try spent")?,
            (false, _) => {}
        }
        for difference in differences {
            writeln!(text, "  changed: {difference}")?;
        }
        let summary = &self.summary;
        writeln!(text, "\nSummary")?;
        writeln!(
            text,
            "  {} pass, {} fail, {} warning, {} explained, {} not applicable, {} skipped; {} exchanges",
            summary.pass,
            summary.fail,
            summary.warning,
            summary.explained,
            summary.not_applicable,
            summary.skipped,
            self.exchanges.len()
        )
    }

    fn write_finding(&self, text: &mut String, outcome: &Outcome) -> std::fmt::Result {
        writeln!(text, "  {}", line(outcome))?;
        writeln!(text, "      {} {}", outcome.standard, outcome.clause)?;
        for deviation in &outcome.deviations {
            writeln!(text, "      expected  {}", deviation.expected)?;
            writeln!(text, "      observed  {}", deviation.observed)?;
        }
        if outcome.verdict == Verdict::Explained {
            writeln!(text, "      known     {}", outcome.reason)?;
        }
        for affected in &outcome.clients {
            writeln!(text, "      {}: {}", affected.client, affected.consequence)?;
        }
        // An object's content is in the report files; commands and status words fit a terminal.
        if outcome.object.is_some() {
            return Ok(());
        }
        let exchanges: Vec<_> = self.exchanges_of(outcome).collect();
        let left_out = exchanges.len().saturating_sub(MOST_EXCHANGES);
        if left_out > 0 {
            writeln!(
                text,
                "      {left_out} exchanges before these are in the report files"
            )?;
        }
        for exchange in &exchanges[left_out..] {
            writeln!(text, "      > {}", shortened(&exchange.command.to_string()))?;
            if let Some(response) = &exchange.response {
                writeln!(text, "      < {}", shortened(&response.to_string()))?;
            }
        }
        Ok(())
    }
}

/// The exchanges of one finding shown at a terminal: the last ones, which the card failed at.
const MOST_EXCHANGES: usize = 4;
/// The digits of an APDU shown at a terminal.
const MOST_DIGITS: usize = 72;
/// The last digits of a response are its status word.
const STATUS_DIGITS: usize = 4;

/// An APDU as far as it fits a line: its beginning, its size and its last two bytes.
fn shortened(digits: &str) -> String {
    let (Some(start), Some(end)) = (
        digits.get(..MOST_DIGITS - STATUS_DIGITS),
        digits.get(digits.len().saturating_sub(STATUS_DIGITS)..),
    ) else {
        return digits.to_owned();
    };
    match digits.len() > MOST_DIGITS {
        true => format!("{start} .. {end} ({} bytes)", digits.len() / 2),
        false => digits.to_owned(),
    }
}

fn line(outcome: &Outcome) -> String {
    let about = match &outcome.object {
        Some(object) => format!("{object}: "),
        None => String::new(),
    };
    let reason = match outcome.verdict {
        Verdict::NotApplicable | Verdict::Skipped => format!(" ({})", outcome.reason),
        _ => String::new(),
    };
    format!(
        "{:<14} {:<40} {about}{}{reason}",
        outcome.verdict, outcome.id, outcome.title
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_apdu_shows_its_beginning_its_end_and_its_size() {
        assert_eq!(shortened("9000"), "9000");
        let exactly = "A".repeat(MOST_DIGITS);
        assert_eq!(shortened(&exactly), exactly);
        let long = format!("{}9000", "5C".repeat(200));
        let short = shortened(&long);
        assert!(
            short.starts_with("5C5C") && short.ends_with(".. 9000 (202 bytes)"),
            "{short}"
        );
    }
}
