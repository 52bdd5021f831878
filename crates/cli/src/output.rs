//! What goes to the terminal: text for people, JSON for machines, colour only on a terminal.

use std::error::Error;
use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use ground::{Blame, Blamed};
use serde::Serialize;
use serde_json::json;

/// Heading of a section.
pub(crate) const HEADING: Style = Style::new().bold();
/// What is as it should be.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// What deserves a look.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();
/// What is wrong.
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
/// What is there for completeness.
pub(crate) const FAINT: Style = Style::new().dimmed();

/// What `--json` is given when no file follows: JSON goes to standard output.
pub(crate) const STDOUT: &str = "-";

/// How a command ended, as an exit code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// 0: done.
    Done,
    /// 1: findings, or cards that failed.
    Findings,
    /// 3: something keeps cards, readers or printers from being reached.
    Unreachable,
}

impl Ending {
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Findings => 1,
            Self::Unreachable => 3,
        }
    }
}

/// What ended a command: the message a person reads and who is to blame.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    blame: Blame,
}

impl Failure {
    /// A mistake in what the operator asked for.
    pub(crate) fn mistake(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            blame: Blame::OperatorMistake,
        }
    }

    /// A failure of the disk.
    pub(crate) fn store(message: impl Into<String>) -> Self {
        Self {
            blame: Blame::StoreFault,
            ..Self::mistake(message)
        }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Puts before the message what it is about, unless it says so itself.
    pub(crate) fn about(mut self, subject: &str) -> Self {
        if !self.message.contains(subject) {
            self.message = format!("{subject}: {}", self.message);
        }
        self
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.blame.exit_code()
    }

    /// Prints the failure where the command's output goes: JSON on standard output, text on
    /// standard error.
    pub(crate) fn report(&self, output: Output) {
        let written = if output.json {
            writeln!(
                io::stdout(),
                "{}",
                json!({ "error": {
                    "message": self.message,
                    "blame": self.blame.name(),
                    "hint": self.hint,
                    "exit_code": self.exit_code(),
                } })
            )
        } else {
            let mut err = anstream::stderr().lock();
            writeln!(err, "{BAD}error{BAD:#}: {}", self.message).and_then(|()| match &self.hint {
                Some(hint) => writeln!(err, "{WARNING}next{WARNING:#}:  {hint}"),
                None => Ok(()),
            })
        };
        // Nobody is left to tell when the terminal itself is gone.
        drop(written);
    }
}

impl<E: Blamed> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            message: chain(&error),
            hint: error.hint(),
            blame: error.blame(),
        }
    }
}

/// An error with its causes, each once.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        cause = error.source();
    }
    message
}

/// Where and how a command speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Whether a person watches progress.
    pub(crate) fn shows_progress(self) -> bool {
        !self.json && io::stderr().is_terminal()
    }

    /// Prints one JSON document.
    pub(crate) fn document(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::mistake(format!("the result is no JSON: {error}")))?;
        self.line(&text)
    }

    /// Prints a line of text to standard output.
    pub(crate) fn line(self, text: &str) -> Result<(), Failure> {
        match writeln!(anstream::stdout(), "{text}") {
            // `cardwright ... | head` closes the pipe early; that is no failure.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::store(format!(
                "failed to write the result: {error}"
            ))),
            Ok(()) => Ok(()),
        }
    }

    /// Prints a warning to standard error, text mode only.
    pub(crate) fn warn(self, text: &str) {
        if !self.json {
            // A lost warning must not stop the work it warns about.
            drop(writeln!(
                anstream::stderr(),
                "{WARNING}warning{WARNING:#}: {text}"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use iso7816::LinkError;

    use super::*;

    #[test]
    fn a_failure_carries_blame_and_hint_into_the_exit_code_and_text() {
        let failure = Failure::from(LinkError::NoService {
            detail: "refused".to_owned(),
        });
        assert_eq!(failure.exit_code(), 3);
        assert!(
            failure
                .hint
                .is_some_and(|hint| hint.contains("start the service"))
        );
    }

    #[test]
    fn what_a_failure_is_about_is_named_once() {
        let message = |failure: Failure| failure.about("template `a.svg`").message;
        assert_eq!(
            message(Failure::mistake("no XML")),
            "template `a.svg`: no XML"
        );
        assert_eq!(
            message(Failure::mistake("failed to read template `a.svg`")),
            "failed to read template `a.svg`"
        );
    }

    #[test]
    fn causes_are_named_once() {
        let inner = std::io::Error::other("no space left");
        let outer = printers::PrinterError::Connection {
            printer: "p".to_owned(),
            source: inner,
        };
        assert_eq!(chain(&outer).matches("no space left").count(), 1);
    }
}
