use std::fs::File;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use estate::{BurnDown, Checked, Finding, Summary, Verdict, check_inventory, svg, to_png};
use jiff::civil::Date;
use serde_json::json;

use super::series::calendar::{register, today};
use crate::output::{BAD, Ending, FAINT, Failure, GOOD, HEADING, Output, WARNING};

/// What is to be done at an estate's machines, and by when
#[derive(Args, Debug)]
pub(crate) struct Estate {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(Check),
}

/// Check a list of machines and cards: what works, what stops when, and what to do
///
/// The list is CSV in UTF-8; cells are separated by commas, semicolons or tabs. The first line
/// names the columns, in any order, case and spacing; only `id` has to be there: id, site, series,
/// client, client version, middleware, credential management, printer, windows build, tpm, camera,
/// fingerprint reader, shared, applications, cards. A cell that is empty is not checked.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright estate check examples/inventory.csv
  cardwright estate check examples/inventory.csv --on 2027-03-01 --all
  cardwright estate check examples/inventory.csv --plot burn-down.png

Exit codes: 0 nothing to do, 1 something to do or to correct, 2 no inventory or a broken register,
            4 the plot cannot be written")]
struct Check {
    /// The list
    #[arg(value_name = "INVENTORY")]
    inventory: PathBuf,

    /// The day, today if left out
    #[arg(long, value_name = "DATE")]
    on: Option<Date>,

    /// A site's own register: its entries take the place of built-in ones of the same id
    #[arg(long, value_name = "FILE")]
    register: Option<PathBuf>,

    /// Draw what remains to be replaced before each deadline, as .svg or .png
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,

    /// Show the rows with nothing to do, too
    #[arg(long)]
    all: bool,
}

impl Estate {
    pub(crate) fn run(&self, output: Output) -> Result<Ending, Failure> {
        match &self.command {
            Command::Check(check) => check.run(output),
        }
    }
}

impl Check {
    fn run(&self, output: Output) -> Result<Ending, Failure> {
        let register = register(self.register.as_ref())?;
        let day = register.on(self.on.unwrap_or_else(today));
        let shown = self.inventory.display().to_string();
        let file = File::open(&self.inventory)
            .map_err(|error| Failure::mistake(format!("failed to read `{shown}`: {error}")))?;
        let mut rows = Vec::new();
        let mut printed = Ok(());
        let summary = check_inventory(file, day, |row| {
            if output.is_json() {
                rows.push(row);
            } else if printed.is_ok() && (self.all || !is_quiet(&row)) {
                printed = output.line(&row_text(&row));
            }
        })
        .map_err(|error| Failure::from(error).about(&shown))?;
        printed?;
        let burn_down = BurnDown::of(&summary);
        if output.is_json() {
            output.document(&json!({
                "rows": rows,
                "summary": summary,
                "burn-down": burn_down,
                "sources": register.sources().collect::<Vec<_>>(),
            }))?;
        } else {
            output.line(&summary_text(&summary, &burn_down))?;
        }
        if let Some(path) = &self.plot {
            draw(path, &burn_down)?;
        }
        Ok(if summary.is_clean() {
            Ending::Done
        } else {
            Ending::Findings
        })
    }
}

fn draw(path: &Path, burn_down: &BurnDown) -> Result<(), Failure> {
    let extension = path
        .extension()
        .map(|extension| extension.to_ascii_lowercase());
    let bytes = match extension.as_ref().and_then(|extension| extension.to_str()) {
        Some("svg") => svg(burn_down).into_bytes(),
        Some("png") => to_png(burn_down, 2.0)
            .map_err(|error| Failure::mistake(format!("the plot cannot be drawn: {error}")))?,
        _ => {
            return Err(Failure::mistake(format!(
                "`{}` is neither .svg nor .png",
                path.display()
            )));
        }
    };
    std::fs::write(path, bytes)
        .map_err(|error| Failure::store(format!("failed to write `{}`: {error}", path.display())))
}

fn is_quiet(row: &Checked) -> bool {
    row.verdict == Verdict::Fine && row.problems.is_empty()
}

fn row_text(row: &Checked) -> String {
    let machine = &row.machine;
    let style = match row.verdict {
        Verdict::Stopped => BAD,
        Verdict::Act | Verdict::NotJudged => WARNING,
        Verdict::Fine => GOOD,
    };
    let series = machine.series.map_or(String::new(), |series| {
        format!(", series {series}, cards: {}", machine.cards)
    });
    let mut lines = vec![format!(
        "{HEADING}{}{HEADING:#}{series}  {style}{}{style:#}",
        machine.id,
        row.verdict.name()
    )];
    let works = row.functions.iter().filter(|on| on.standing.is_usable());
    let works: Vec<String> = works
        .map(|on| match on.stops {
            Some(date) => format!("{} until {date}", on.function.words()),
            None => on.function.words().to_owned(),
        })
        .collect();
    if !row.functions.is_empty() {
        let works = if works.is_empty() {
            "nothing".to_owned()
        } else {
            works.join(", ")
        };
        lines.push(format!("  works     {works}"));
    }
    for finding in &row.findings {
        lines.push(finding_text(finding));
        lines.push(format!(
            "            {FAINT}do:{FAINT:#} {}",
            finding.advice
        ));
    }
    if let Some(hello) = &row.hello {
        let words = match (hello.because.is_empty(), hello.ways.is_empty()) {
            (false, _) => format!("no: {}", hello.because.join("; ")),
            (true, false) => format!("eligible, by {}", hello.ways.join(" or ")),
            (true, true) => "not stated".to_owned(),
        };
        lines.push(format!("  Hello     {words}"));
        lines.extend(hello.notes.iter().map(|note| format!("            {note}")));
    }
    let problems = row.problems.iter();
    lines.extend(problems.map(|problem| format!("  {WARNING}input{WARNING:#}     {problem}")));
    lines.join("\n")
}

fn finding_text(finding: &Finding) -> String {
    let date = finding
        .date
        .map_or(String::new(), |date| format!(" ({date})"));
    let mut text = format!(
        "  {:<9} {}{date} [{}]",
        finding.severity.name(),
        finding.says,
        finding.source
    );
    for other in &finding.disputed {
        text.push_str(&format!("\n            another source: {other}"));
    }
    text
}

fn summary_text(summary: &Summary, burn_down: &BurnDown) -> String {
    let mut lines = vec![
        String::new(),
        format!("{HEADING}Summary, {}{HEADING:#}", summary.on),
    ];
    for problem in &summary.header_problems {
        lines.push(format!("  {WARNING}input{WARNING:#}     {problem}"));
    }
    lines.push(format!("  {} rows, {} cards", summary.rows, summary.cards));
    for count in summary.verdicts.iter().filter(|count| count.rows > 0) {
        let (name, rows, cards) = (count.verdict.name(), count.rows, count.cards);
        lines.push(format!("  {name:<12} {rows:>6} rows {cards:>8} cards"));
    }
    for deadline in &summary.deadlines {
        let things = deadline.things.iter();
        let things: Vec<String> = things
            .map(|(thing, quantity)| format!("{quantity} {}", thing.words()))
            .collect();
        let state = if deadline.date > summary.on {
            "by"
        } else {
            "overdue since"
        };
        let (date, what) = (deadline.date, &deadline.what);
        lines.push(format!("  {state} {date}, {what}: {}", things.join(", ")));
    }
    for (thing, quantity) in &summary.undated {
        lines.push(format!("  without a date: {quantity} {}", thing.words()));
    }
    if let Some(pace) = burn_down.pace_a_week {
        lines.push(format!(
            "  pace that meets every date: {pace:.1} things a week"
        ));
    }
    let hello = &summary.hello;
    lines.push(format!(
        "  Windows Hello: {} eligible, {} not, {} not stated",
        hello.eligible, hello.not_eligible, hello.not_stated
    ));
    for (column, rows) in &summary.not_stated {
        lines.push(format!(
            "  not checked, {} not stated: {rows} rows",
            column.name()
        ));
    }
    for event in &summary.unconfirmed {
        lines.push(format!(
            "  {WARNING}unconfirmed{WARNING:#}: no source is as late as `{event}`; read one again"
        ));
    }
    if summary.problems > 0 {
        lines.push(format!("  to correct in the list: {}", summary.problems));
    }
    lines.push("  sources: `cardwright series calendar`".to_owned());
    lines.join("\n")
}
