use clap::Args;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;
use series::{Profile, Profiles};

use crate::output::{Ending, Failure, Output};

/// List the series there are: state, engine, and how much of each is not public
#[derive(Args, Debug)]
#[command(after_help = "Example:
  cardwright series list")]
pub(crate) struct List {}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Entry<'a> {
    id: &'a str,
    series: Option<u8>,
    name: &'a str,
    state: series::State,
    engine: series::Engine,
    retired: Option<jiff::civil::Date>,
    values: usize,
    unknown: usize,
}

impl<'a> Entry<'a> {
    fn of(profile: &'a Profile) -> Self {
        Self {
            id: &profile.id,
            series: profile.series,
            name: profile.name(),
            state: profile.state.value,
            engine: profile.engine.value,
            retired: profile.retirement.as_ref().map(|it| it.blocked.value),
            values: profile.stated().len(),
            unknown: profile.unknowns().len(),
        }
    }
}

impl List {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        let profiles = Profiles::builtin();
        let entries: Vec<Entry<'_>> = profiles.iter().map(Entry::of).collect();
        if output.is_json() {
            output.document(&entries)?;
            return Ok(Ending::Done);
        }
        let mut table = Table::new();
        table.load_style(NOTHING).set_header([
            "id",
            "name",
            "state",
            "engine",
            "blocked from",
            "not public",
        ]);
        for entry in &entries {
            table.add_row([
                entry.id.to_owned(),
                entry.name.to_owned(),
                entry.state.to_string(),
                entry.engine.to_string(),
                entry.retired.map_or("-".to_owned(), |day| day.to_string()),
                format!("{} of {}", entry.unknown, entry.values),
            ]);
        }
        output.line(&table.to_string())?;
        Ok(Ending::Done)
    }
}
