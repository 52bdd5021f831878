mod model;
mod parse;
mod validate;

use std::path::Path;

use crate::RegisterError;

pub use model::{
    Apart, Client, Disagreement, Event, Function, Hello, Printer, Rule, RuleKind, Software,
    SoftwareColumn, Source, Thing, Windows,
};

use parse::Part;

/// What is known of the estate: the calendar, what each series may do with which client, and what
/// machines need. Data, every value with its source.
#[derive(Clone, Debug)]
pub struct Register {
    pub(crate) sources: Vec<Source>,
    pub(crate) events: Vec<Event>,
    pub(crate) clients: Vec<Client>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) apart: Vec<Apart>,
    pub(crate) software: Vec<Software>,
    pub(crate) printers: Vec<Printer>,
    pub(crate) hello: Hello,
}

/// File name and text of the built-in register.
const BUILTIN: [(&str, &str); 3] = [
    ("calendar.toml", include_str!("../register/calendar.toml")),
    (
        "capabilities.toml",
        include_str!("../register/capabilities.toml"),
    ),
    (
        "workstation.toml",
        include_str!("../register/workstation.toml"),
    ),
];

impl Register {
    /// The file format this library reads.
    pub const SCHEMA: u8 = 1;

    /// What the published sources say of the estate in England.
    #[must_use]
    pub fn builtin() -> Self {
        let parts =
            BUILTIN.map(|(file, text)| Part::parse(file, text).expect("the tests read every part"));
        let whole = parse::merged(parts).expect("the tests check that `hello` is there once");
        validate::whole(&whole).expect("the tests check the built-in register");
        whole.register()
    }

    /// The built-in register with a site's own entries: an entry with the id (or source key) of a
    /// built-in one takes its place, others are added.
    ///
    /// # Errors
    ///
    /// [`RegisterError::Unreadable`], and what [`Register::with_text`] says.
    pub fn with_file(path: impl AsRef<Path>) -> Result<Self, RegisterError> {
        let path = path.as_ref();
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| RegisterError::Unreadable {
            file: file.clone(),
            detail: error.to_string(),
        })?;
        Self::with_text(&file, &text)
    }

    /// As [`Register::with_file`], from text; `file` is the name errors give it.
    ///
    /// # Errors
    ///
    /// [`RegisterError::Malformed`] with line and column, [`RegisterError::Inconsistent`] with the
    /// line of the entry.
    pub fn with_text(file: &str, text: &str) -> Result<Self, RegisterError> {
        let own = Part::parse(file, text)?;
        let builtin =
            BUILTIN.map(|(file, text)| Part::parse(file, text).expect("the tests read every part"));
        let whole = parse::merged(builtin.into_iter().chain([own]))?;
        validate::whole(&whole)?;
        Ok(whole.register())
    }

    /// Every document the register draws on.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter()
    }

    /// The events of the calendar, by date; those without one last.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.iter()
    }

    /// The clients, in the order of the register.
    pub fn clients(&self) -> impl Iterator<Item = &Client> {
        self.clients.iter()
    }

    /// The rules, in the order of the register.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    /// What machines need, in the order of the register.
    pub fn software(&self) -> impl Iterator<Item = &Software> {
        self.software.iter()
    }

    /// What is known of printers.
    pub fn printers(&self) -> impl Iterator<Item = &Printer> {
        self.printers.iter()
    }

    /// Who may use Windows Hello.
    #[must_use]
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// The document a citation such as `RS: another slide` names.
    #[must_use]
    pub fn source(&self, cited: &str) -> Option<&Source> {
        let key = model::key(cited);
        self.sources.iter().find(|source| source.key == key)
    }

    /// The series the register has rules for, ascending.
    #[must_use]
    pub fn series(&self) -> Vec<u8> {
        let mut all: Vec<u8> = self
            .rules
            .iter()
            .flat_map(|rule| rule.series.iter().copied())
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    pub(crate) fn event(&self, id: &str) -> Option<&Event> {
        self.events.iter().find(|event| event.id == id)
    }
}

impl Default for Register {
    fn default() -> Self {
        Self::builtin()
    }
}
