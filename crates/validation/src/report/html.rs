//! The report for people in a browser: one file, no script, nothing fetched.

use std::fmt::Write;

use super::junit::escape;
use super::{Outcome, Report};
use crate::Verdict;

const STYLE: &str = "
:root { color-scheme: light dark; font: 16px/1.45 system-ui, sans-serif; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; }
dt { color: GrayText; } dd { margin: 0; overflow-wrap: anywhere; }
.counts { display: flex; flex-wrap: wrap; gap: .5rem; padding: 0; list-style: none; }
.counts li, .verdict { border-radius: .3rem; padding: .05rem .5rem; font-size: .85rem; white-space: nowrap; }
.pass { background: #d9f0dd; color: #12401d; } .fail { background: #f8d4d4; color: #6a1111; }
.warning { background: #fbe9c3; color: #5c4100; } .explained { background: #dde6f7; color: #1b3768; }
.none { background: #e6e6e6; color: #404040; }
article { border-left: .25rem solid #c33; margin: 1rem 0; padding: .1rem 1rem; }
article.warning-edge { border-color: #d79a10; } article.explained-edge { border-color: #5a82c8; }
article h3 { font-size: 1rem; margin: .4rem 0; }
pre { overflow-x: auto; font-size: .8rem; white-space: pre-wrap; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .25rem .5rem; border-bottom: 1px solid #8884; vertical-align: top; }
";

impl Report {
    /// The report as one HTML file that needs nothing else.
    #[must_use]
    pub fn to_html(&self) -> String {
        let mut html = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_html(&mut html);
        html
    }

    fn write_html(&self, html: &mut String) -> std::fmt::Result {
        let card = &self.card;
        writeln!(
            html,
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\">\
             <title>Validation of {}</title><style>{STYLE}</style></head><body>",
            escape(&card.reader)
        )?;
        writeln!(html, "<h1>Validation of a card</h1><dl>")?;
        let label = card.label.as_deref().unwrap_or("none");
        let judged_by = card.judged_by.as_deref().unwrap_or("none");
        let rows = [
            ("Reader", card.reader.as_str()),
            ("Series", card.series.as_str()),
            ("Judged by", judged_by),
            ("Application", label),
            ("Answer to reset", card.atr.as_str()),
        ];
        for (name, value) in rows {
            writeln!(html, "<dt>{name}</dt><dd>{}</dd>", escape(value))?;
        }
        for name in &card.names {
            writeln!(html, "<dt>Number</dt><dd>{}</dd>", escape(name))?;
        }
        writeln!(
            html,
            "<dt>Finished</dt><dd>{}, {}</dd></dl>",
            self.time, self.tool
        )?;
        self.write_counts(html)?;
        self.write_findings(html)?;
        self.write_aftermath(html)?;
        self.write_table(html)?;
        writeln!(html, "</body></html>")
    }

    fn write_counts(&self, html: &mut String) -> std::fmt::Result {
        let summary = &self.summary;
        let counts = [
            (summary.pass, Verdict::Pass),
            (summary.fail, Verdict::Fail),
            (summary.warning, Verdict::Warning),
            (summary.explained, Verdict::Explained),
            (summary.not_applicable, Verdict::NotApplicable),
            (summary.skipped, Verdict::Skipped),
        ];
        writeln!(html, "<ul class=\"counts\">")?;
        for (count, verdict) in counts {
            writeln!(
                html,
                "<li class=\"{}\">{count} {verdict}</li>",
                class(verdict)
            )?;
        }
        writeln!(html, "</ul>")
    }

    fn write_findings(&self, html: &mut String) -> std::fmt::Result {
        writeln!(html, "<h2>Findings</h2>")?;
        if self.findings().next().is_none() {
            writeln!(html, "<p>None.</p>")?;
        }
        for outcome in self.findings() {
            writeln!(
                html,
                "<article class=\"{}-edge\"><h3>{} {}</h3>",
                class(outcome.verdict),
                badge(outcome.verdict),
                escape(&heading(outcome))
            )?;
            writeln!(
                html,
                "<dl><dt>Assertion</dt><dd>{}</dd><dt>Clause</dt><dd>{} {}</dd>",
                outcome.id,
                outcome.standard,
                escape(&outcome.clause)
            )?;
            for deviation in &outcome.deviations {
                writeln!(
                    html,
                    "<dt>Expected</dt><dd>{}</dd><dt>Observed</dt><dd>{}</dd>",
                    escape(&deviation.expected),
                    escape(&deviation.observed)
                )?;
            }
            if !outcome.reason.is_empty() {
                writeln!(html, "<dt>Known</dt><dd>{}</dd>", escape(&outcome.reason))?;
            }
            for affected in &outcome.clients {
                writeln!(
                    html,
                    "<dt>{}</dt><dd>{}</dd>",
                    escape(&affected.client),
                    escape(&affected.consequence)
                )?;
            }
            writeln!(html, "</dl>")?;
            self.write_exchanges(html, outcome)?;
            writeln!(html, "</article>")?;
        }
        Ok(())
    }

    fn write_exchanges(&self, html: &mut String, outcome: &Outcome) -> std::fmt::Result {
        if outcome.exchanges.is_empty() {
            return Ok(());
        }
        writeln!(
            html,
            "<details><summary>What the card did, exchange by exchange ({})</summary><pre>",
            outcome.exchanges.end - outcome.exchanges.start
        )?;
        for exchange in self.exchanges_of(outcome) {
            writeln!(html, "&gt; {}", escape(&exchange.command.to_string()))?;
            if let Some(response) = &exchange.response {
                writeln!(html, "&lt; {}", escape(&response.to_string()))?;
            }
        }
        writeln!(html, "</pre></details>")
    }

    fn write_aftermath(&self, html: &mut String) -> std::fmt::Result {
        writeln!(html, "<h2>The card afterwards</h2>")?;
        let differences = &self.aftermath.differences;
        match (differences.is_empty(), self.aftermath.compared_objects) {
            (true, true) => writeln!(html, "<p>As it was; every object was read again.</p>"),
            (true, false) => {
                writeln!(html, "<p>As it was; nothing was written, no try spent.</p>")
            }
            (false, _) => {
                writeln!(html, "<ul>")?;
                for difference in differences {
                    writeln!(html, "<li>{}</li>", escape(difference))?;
                }
                writeln!(html, "</ul>")
            }
        }
    }

    fn write_table(&self, html: &mut String) -> std::fmt::Result {
        writeln!(
            html,
            "<h2>Every assertion</h2><table><thead><tr><th>Verdict</th><th>Assertion</th>\
             <th>Object</th><th>Clause</th></tr></thead><tbody>"
        )?;
        for outcome in &self.outcomes {
            let remark = match outcome.verdict {
                Verdict::NotApplicable | Verdict::Skipped => escape(&outcome.reason),
                _ => String::new(),
            };
            writeln!(
                html,
                "<tr><td>{}</td><td>{}<br><small>{} {remark}</small></td><td>{}</td><td>{} {}</td></tr>",
                badge(outcome.verdict),
                escape(&outcome.title),
                outcome.id,
                escape(outcome.object.as_deref().unwrap_or("")),
                outcome.standard,
                escape(&outcome.clause)
            )?;
        }
        writeln!(html, "</tbody></table>")
    }
}

fn heading(outcome: &Outcome) -> String {
    match &outcome.object {
        Some(object) => format!("{object}: {}", outcome.title),
        None => outcome.title.clone().into_owned(),
    }
}

fn badge(verdict: Verdict) -> String {
    format!(
        "<span class=\"verdict {}\">{verdict}</span>",
        class(verdict)
    )
}

const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Explained => "explained",
        Verdict::Warning => "warning",
        Verdict::Fail => "fail",
        Verdict::NotApplicable | Verdict::Skipped => "none",
    }
}
