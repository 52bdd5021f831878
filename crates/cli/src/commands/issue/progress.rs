use std::io::Write;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use issuance::issue::{IssueEvent, Observer};

use crate::output::{BAD, FAINT, GOOD, Output, WARNING};

/// Shows what happens while cards are issued: a bar on a terminal, a line a card elsewhere,
/// nothing with JSON.
pub(super) struct Progress {
    bar: ProgressBar,
    lines: bool,
}

impl Progress {
    pub(super) fn new(output: Output) -> Self {
        let target = if output.shows_progress() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let style = ProgressStyle::with_template("{prefix} [{bar:24}] {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        Self {
            bar: ProgressBar::with_draw_target(Some(1), target).with_style(style),
            lines: !output.is_json(),
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&self, line: &str) {
        if self.lines {
            self.bar.suspend(|| {
                // Progress is worth nothing to whoever cannot see it; the report follows anyway.
                drop(writeln!(anstream::stderr(), "{line}"));
            });
        }
    }
}

impl Observer for Progress {
    fn event(&mut self, event: &IssueEvent<'_>) {
        match event {
            IssueEvent::RequestBegun {
                request,
                number,
                of,
            } => {
                self.bar.set_position(0);
                self.bar.set_prefix(format!("{number}/{of} {request}"));
            }
            IssueEvent::StepBegun {
                step, number, of, ..
            } => {
                self.bar.set_length(*of as u64);
                self.bar.set_position(*number as u64 - 1);
                self.bar.set_message(step.to_string());
            }
            IssueEvent::StepDone { .. } => self.bar.inc(1),
            IssueEvent::Warning { request, message } => {
                self.say(&format!(
                    "{WARNING}warning{WARNING:#}: {request}: {message}"
                ));
            }
            IssueEvent::Issued(card) => self.say(&format!(
                "{GOOD}issued{GOOD:#} {} on card {}",
                card.request, card.blank
            )),
            IssueEvent::AlreadyIssued(card) => self.say(&format!(
                "{FAINT}already issued{FAINT:#} {} on card {}",
                card.request, card.blank
            )),
            IssueEvent::Failed(failure) => self.say(&format!(
                // The report says why, once.
                "{BAD}failed{BAD:#} {}",
                failure.request
            )),
            IssueEvent::Recovered(card) => self.say(&format!(
                "{WARNING}left unfinished{WARNING:#} {}: {}; {}; {}",
                card.request, card.found, card.now, card.whereabouts
            )),
        }
    }
}
