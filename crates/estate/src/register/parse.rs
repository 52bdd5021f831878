use serde::Deserialize;
use toml::Spanned;

use super::{Apart, Client, Event, Hello, Printer, Register, Rule, Software, Source};
use crate::RegisterError;

/// One file of the register.
#[derive(Debug)]
pub(super) struct Part {
    sources: Vec<Placed<Source>>,
    events: Vec<Placed<Event>>,
    clients: Vec<Placed<Client>>,
    rules: Vec<Placed<Rule>>,
    apart: Vec<Placed<Apart>>,
    software: Vec<Placed<Software>>,
    printers: Vec<Placed<Printer>>,
    hello: Option<Placed<Hello>>,
}

/// An entry and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub(super) entry: T,
    pub(super) file: String,
    pub(super) line: usize,
}

impl<T: Named> Placed<T> {
    pub(super) fn error(&self, detail: impl Into<String>) -> RegisterError {
        RegisterError::Inconsistent {
            file: self.file.clone(),
            line: self.line,
            entry: self.entry.name().to_owned(),
            detail: detail.into(),
        }
    }
}

/// What tells an entry from the others of its kind.
pub(super) trait Named {
    fn name(&self) -> &str;
}

macro_rules! named {
    ($($kind:ident by $field:ident),*) => {
        $(impl Named for $kind {
            fn name(&self) -> &str {
                &self.$field
            }
        })*
    };
}

named!(
    Source by key, Event by id, Client by id, Rule by id, Apart by id, Software by id,
    Printer by id
);

impl Named for Hello {
    fn name(&self) -> &'static str {
        "hello"
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPart {
    schema: Spanned<u8>,
    #[serde(default)]
    source: Vec<Spanned<Source>>,
    #[serde(default)]
    event: Vec<Spanned<Event>>,
    #[serde(default)]
    client: Vec<Spanned<Client>>,
    #[serde(default)]
    rule: Vec<Spanned<Rule>>,
    #[serde(default)]
    apart: Vec<Spanned<Apart>>,
    #[serde(default)]
    software: Vec<Spanned<Software>>,
    #[serde(default)]
    printer: Vec<Spanned<Printer>>,
    hello: Option<Spanned<Hello>>,
}

impl Part {
    pub(super) fn parse(file: &str, text: &str) -> Result<Self, RegisterError> {
        let raw: RawPart = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            malformed(file, text, start, error.message().replace('\n', ", "))
        })?;
        if *raw.schema.get_ref() != Register::SCHEMA {
            let (found, expected) = (raw.schema.get_ref(), Register::SCHEMA);
            let detail = format!("schema {found} where {expected} is expected");
            return Err(malformed(file, text, raw.schema.span().start, detail));
        }
        let at = At { file, text };
        Ok(Self {
            sources: at.distinct(raw.source)?,
            events: at.distinct(raw.event)?,
            clients: at.distinct(raw.client)?,
            rules: at.distinct(raw.rule)?,
            apart: at.distinct(raw.apart)?,
            software: at.distinct(raw.software)?,
            printers: at.distinct(raw.printer)?,
            hello: raw.hello.map(|hello| at.placed(hello)),
        })
    }
}

struct At<'a> {
    file: &'a str,
    text: &'a str,
}

impl At<'_> {
    fn placed<T>(&self, spanned: Spanned<T>) -> Placed<T> {
        let (line, _) = place(self.text, spanned.span().start);
        Placed {
            entry: spanned.into_inner(),
            file: self.file.to_owned(),
            line,
        }
    }

    fn distinct<T: Named>(&self, all: Vec<Spanned<T>>) -> Result<Vec<Placed<T>>, RegisterError> {
        let mut placed: Vec<Placed<T>> = Vec::new();
        for spanned in all {
            let next = self.placed(spanned);
            if let Some(first) = placed.iter().find(|p| p.entry.name() == next.entry.name()) {
                return Err(next.error(format!("stands already in line {}", first.line)));
            }
            placed.push(next);
        }
        Ok(placed)
    }
}

/// The parts together; what comes later takes the place of what has the same name.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) sources: Vec<Placed<Source>>,
    pub(super) events: Vec<Placed<Event>>,
    pub(super) clients: Vec<Placed<Client>>,
    pub(super) rules: Vec<Placed<Rule>>,
    pub(super) apart: Vec<Placed<Apart>>,
    pub(super) software: Vec<Placed<Software>>,
    pub(super) printers: Vec<Placed<Printer>>,
    pub(super) hello: Placed<Hello>,
}

pub(super) fn merged(parts: impl IntoIterator<Item = Part>) -> Result<Whole, RegisterError> {
    let mut sources = Vec::new();
    let mut events = Vec::new();
    let mut clients = Vec::new();
    let mut rules = Vec::new();
    let mut apart = Vec::new();
    let mut software = Vec::new();
    let mut printers = Vec::new();
    let mut hello = None;
    for part in parts {
        put_all(&mut sources, part.sources);
        put_all(&mut events, part.events);
        put_all(&mut clients, part.clients);
        put_all(&mut rules, part.rules);
        put_all(&mut apart, part.apart);
        put_all(&mut software, part.software);
        put_all(&mut printers, part.printers);
        hello = part.hello.or(hello);
    }
    let hello = hello.ok_or_else(|| RegisterError::Inconsistent {
        file: "register".to_owned(),
        line: 1,
        entry: "hello".to_owned(),
        detail: "no table `[hello]`".to_owned(),
    })?;
    Ok(Whole {
        sources,
        events,
        clients,
        rules,
        apart,
        software,
        printers,
        hello,
    })
}

fn put_all<T: Named>(known: &mut Vec<Placed<T>>, more: Vec<Placed<T>>) {
    for next in more {
        match known
            .iter_mut()
            .find(|placed| placed.entry.name() == next.entry.name())
        {
            Some(placed) => *placed = next,
            None => known.push(next),
        }
    }
}

impl Whole {
    pub(super) fn register(self) -> Register {
        let mut events = entries(self.events);
        events.sort_by_key(|event| event.day().map_or((1, None), |day| (0, Some(day))));
        Register {
            sources: entries(self.sources),
            events,
            clients: entries(self.clients),
            rules: entries(self.rules),
            apart: entries(self.apart),
            software: entries(self.software),
            printers: entries(self.printers),
            hello: self.hello.entry,
        }
    }
}

fn entries<T>(placed: Vec<Placed<T>>) -> Vec<T> {
    placed.into_iter().map(|placed| placed.entry).collect()
}

fn malformed(file: &str, text: &str, offset: usize, detail: String) -> RegisterError {
    let (line, column) = place(text, offset);
    RegisterError::Malformed {
        file: file.to_owned(),
        line,
        column,
        detail,
    }
}

/// Line and column, both from 1, of a byte offset.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}
