//! The report for build servers, in the form JUnit made common.

use std::fmt::Write;

use super::{Outcome, Report};
use crate::Verdict;

impl Report {
    /// The report as a JUnit file: one test case an outcome, in one suite for each standard.
    /// Warnings and explained deviations pass, with what is to be said in their output.
    #[must_use]
    pub fn to_junit(&self) -> String {
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        // Writing to a string cannot fail.
        let _ = self.write_junit(&mut xml);
        xml
    }

    fn write_junit(&self, xml: &mut String) -> std::fmt::Result {
        let summary = &self.summary;
        let skipped = summary.skipped + summary.not_applicable;
        writeln!(
            xml,
            "<testsuites name=\"cardwright validate\" tests=\"{}\" failures=\"{}\" skipped=\"{skipped}\">",
            self.outcomes.len(),
            summary.fail
        )?;
        let mut standards: Vec<_> = self.outcomes.iter().map(|o| o.standard).collect();
        standards.sort();
        standards.dedup();
        for standard in standards {
            let outcomes: Vec<&Outcome> = self
                .outcomes
                .iter()
                .filter(|outcome| outcome.standard == standard)
                .collect();
            let count = |verdicts: &[Verdict]| {
                outcomes
                    .iter()
                    .filter(|o| verdicts.contains(&o.verdict))
                    .count()
            };
            writeln!(
                xml,
                "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" timestamp=\"{}\">",
                escape(&standard.to_string()),
                outcomes.len(),
                count(&[Verdict::Fail]),
                count(&[Verdict::Skipped, Verdict::NotApplicable]),
                self.time
            )?;
            for outcome in &outcomes {
                self.write_case(xml, outcome)?;
            }
            writeln!(xml, "  </testsuite>")?;
        }
        writeln!(xml, "</testsuites>")
    }

    fn write_case(&self, xml: &mut String, outcome: &Outcome) -> std::fmt::Result {
        let name = match &outcome.object {
            Some(object) => format!("{} ({object})", outcome.title),
            None => outcome.title.clone().into_owned(),
        };
        write!(
            xml,
            "    <testcase classname=\"{}\" name=\"{}\"",
            escape(&outcome.id),
            escape(&name)
        )?;
        match outcome.verdict {
            Verdict::Pass => writeln!(xml, "/>"),
            Verdict::Fail => writeln!(
                xml,
                "><failure message=\"{}\">{}</failure></testcase>",
                escape(&format!("{} {}", outcome.standard, outcome.clause)),
                escape(&self.told(outcome))
            ),
            Verdict::Warning | Verdict::Explained => writeln!(
                xml,
                "><system-out>{}: {}</system-out></testcase>",
                outcome.verdict,
                escape(&self.told(outcome))
            ),
            Verdict::NotApplicable | Verdict::Skipped => writeln!(
                xml,
                "><skipped message=\"{}\"/></testcase>",
                escape(&format!("{}: {}", outcome.verdict, outcome.reason))
            ),
        }
    }

    /// What an outcome has to say, exchanges included.
    fn told(&self, outcome: &Outcome) -> String {
        let mut lines = Vec::new();
        for deviation in &outcome.deviations {
            lines.push(format!("expected {}", deviation.expected));
            lines.push(format!("observed {}", deviation.observed));
        }
        if !outcome.reason.is_empty() {
            lines.push(outcome.reason.clone());
        }
        for affected in &outcome.clients {
            lines.push(format!("{}: {}", affected.client, affected.consequence));
        }
        for exchange in self.exchanges_of(outcome) {
            lines.push(format!("> {}", exchange.command));
            if let Some(response) = &exchange.response {
                lines.push(format!("< {response}"));
            }
        }
        lines.join("\n")
    }
}

/// Text for an XML attribute or element. Characters XML has no place for become `?`.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            character if character.is_control() || matches!(character, '\u{FFFE}' | '\u{FFFF}') => {
                escaped.push('?');
            }
            character => escaped.push(character),
        }
    }
    escaped
}
