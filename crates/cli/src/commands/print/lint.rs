use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use face::{
    Example, Finding, Fonts, Limits, Photo, PhotoLimits, Severity, Side, Template, worst_text,
};
use issuance::request::{MAX_NAME, MAX_ORGANISATION, Request, Survey};
use serde::Serialize;

use crate::faces;
use crate::output::{BAD, Ending, FAINT, Failure, GOOD, Output, WARNING, chain};

/// Check a template, and the requests that shall be printed with it
///
/// Without a request file the texts that have to fit are a name of 51 characters and an organisation
/// of 64, the longest a request may have, made of wide letters; with one they are those of its rows,
/// and its photos are looked at too.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright print lint examples/templates/wave.svg
  cardwright print lint examples/templates/back.svg --side back
  cardwright --json print lint builtin --requests examples/requests.csv

Exit codes: 0 nothing or warnings only, 1 errors (or warnings with --strict), 2 a file cannot be read")]
pub(super) struct Lint {
    /// The SVG template, or `builtin`
    #[arg(value_name = "TEMPLATE")]
    template: PathBuf,

    /// The side of the card it is for
    #[arg(long, value_enum, default_value_t = SideWord::Front)]
    side: SideWord,

    /// Try the texts and photos of this request file
    #[arg(long, value_name = "CSV")]
    requests: Option<PathBuf>,

    /// Thresholds in place of the built-in ones (as crates/face/data/limits.toml)
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,

    /// Warnings end with exit code 1 too
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SideWord {
    /// With the contacts of the chip.
    Front,
    /// Without.
    Back,
}

/// What was found.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Report {
    template: String,
    findings: Vec<Finding>,
    requests: Option<RequestReport>,
    errors: usize,
    warnings: usize,
}

/// What was found in a request file.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct RequestReport {
    file: String,
    /// Rows that can be used.
    usable: usize,
    findings: Vec<RequestFinding>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct RequestFinding {
    severity: Severity,
    rule: &'static str,
    row: u64,
    request: Option<String>,
    what: String,
    next: Option<&'static str>,
}

impl Lint {
    pub(super) fn run(&self, output: Output) -> Result<Ending, Failure> {
        let limits = faces::limits(self.limits.as_deref())?;
        let (name, svg) = if self.template == Path::new("builtin") {
            ("builtin".to_owned(), Template::BUILTIN.to_owned())
        } else {
            let svg = Template::read(&self.template)?;
            (self.template.display().to_string(), svg)
        };
        let survey = self.requests.as_deref().map(Survey::read_csv).transpose()?;
        let findings = self.findings(&svg, survey.as_ref(), &limits);
        let requests = match (&self.requests, survey) {
            (Some(path), Some(survey)) => Some(examined(path, &survey, &limits.photo)),
            _ => None,
        };
        let of_requests = requests.iter().flat_map(|requests| &requests.findings);
        let severities: Vec<Severity> = findings
            .iter()
            .map(|finding| finding.severity)
            .chain(of_requests.map(|finding| finding.severity))
            .collect();
        let count = |wanted| severities.iter().filter(|found| **found == wanted).count();
        let report = Report {
            template: name,
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            findings,
            requests,
        };
        if output.is_json() {
            output.document(&report)?;
        } else {
            report.print(output)?;
        }
        let bad = report.errors > 0 || self.strict && report.warnings > 0;
        Ok(if bad { Ending::Findings } else { Ending::Done })
    }

    fn findings(&self, svg: &str, survey: Option<&Survey>, limits: &Limits) -> Vec<Finding> {
        let examples = match survey {
            Some(survey) => examples_of(survey),
            None => worst_examples(),
        };
        let folder = match self.template.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let fonts = Fonts::builtin();
        let lint = face::Lint {
            fonts: &fonts,
            limits: &limits.template,
            side: match self.side {
                SideWord::Front => Side::Front,
                SideWord::Back => Side::Back,
            },
            base: Some(folder),
            examples: &examples,
        };
        lint.check(svg)
    }
}

/// The longest texts a request may have. A UUID has twelve digits always, so one that does not fit
/// fits on no card; names so long are rare, and refused when they come.
fn worst_examples() -> Vec<Example> {
    let example = |field: &str, text: String, origin: String, severity| Example {
        field: field.to_owned(),
        text,
        origin,
        severity,
    };
    vec![
        example(
            "name",
            worst_text(MAX_NAME),
            format!("a name of {MAX_NAME} characters"),
            Severity::Warning,
        ),
        example(
            "organisation",
            worst_text(MAX_ORGANISATION),
            format!("an organisation of {MAX_ORGANISATION} characters"),
            Severity::Warning,
        ),
        example(
            "uuid",
            "0".repeat(12),
            "a UUID of 12 digits".to_owned(),
            Severity::Error,
        ),
    ]
}

/// The texts of all rows, each once.
fn examples_of(survey: &Survey) -> Vec<Example> {
    let mut seen = BTreeSet::new();
    let mut examples = Vec::new();
    for (row, request) in &survey.requests {
        let texts = [
            ("name", request.name.as_str()),
            ("organisation", request.organisation.as_str()),
            ("uuid", request.user.as_str()),
        ];
        for (field, text) in texts {
            if seen.insert((field, text.to_owned())) {
                examples.push(Example {
                    field: field.to_owned(),
                    text: text.to_owned(),
                    origin: format!("request {} (row {row})", request.id),
                    severity: Severity::Error,
                });
            }
        }
    }
    examples
}

/// What is wrong with the rows and photos of a file.
fn examined(path: &Path, survey: &Survey, limits: &PhotoLimits) -> RequestReport {
    let mut findings: Vec<RequestFinding> = Vec::new();
    for problem in &survey.problems {
        findings.push(RequestFinding {
            severity: Severity::Error,
            rule: "row",
            row: problem.row,
            request: None,
            what: problem.to_string(),
            next: Some("correct the row"),
        });
    }
    for warning in &survey.warnings {
        findings.push(RequestFinding {
            severity: Severity::Warning,
            rule: "row",
            row: warning.row,
            request: None,
            what: warning.to_string(),
            next: None,
        });
    }
    for (row, request) in &survey.requests {
        findings.extend(examined_photo(*row, request, limits));
    }
    findings.sort_by_key(|finding| finding.row);
    RequestReport {
        file: path.display().to_string(),
        usable: survey.requests.len(),
        findings,
    }
}

fn examined_photo(row: u64, request: &Request, limits: &PhotoLimits) -> Vec<RequestFinding> {
    let finding = |severity, rule, what, next| RequestFinding {
        severity,
        rule,
        row,
        request: Some(request.id.to_string()),
        what,
        next: Some(next),
    };
    match Photo::load(&request.photo) {
        Err(error) => vec![finding(
            Severity::Error,
            "photo",
            chain(&error),
            "give a photo as JPEG or PNG",
        )],
        Ok(photo) => photo
            .hints(limits)
            .into_iter()
            .map(|hint| {
                finding(
                    Severity::Warning,
                    hint.rule(),
                    hint.to_string(),
                    hint.advice(),
                )
            })
            .collect(),
    }
}

impl Report {
    fn print(&self, output: Output) -> Result<(), Failure> {
        for finding in &self.findings {
            let line = finding
                .line
                .map_or_else(String::new, |line| format!(":{line}"));
            let element = finding
                .element
                .as_ref()
                .map_or_else(String::new, |element| format!(" `{element}`"));
            let place = format!("{}{line}{element}", self.template);
            told(
                output,
                finding.severity,
                &place,
                &finding.what,
                Some(&finding.next),
            )?;
        }
        if let Some(requests) = &self.requests {
            for finding in &requests.findings {
                let request = finding
                    .request
                    .as_ref()
                    .map_or_else(String::new, |request| format!(" {request}"));
                let place = format!("{}:{}{request}", requests.file, finding.row);
                told(
                    output,
                    finding.severity,
                    &place,
                    &finding.what,
                    finding.next,
                )?;
            }
        }
        let summary = match (self.errors, self.warnings) {
            (0, 0) => format!("{GOOD}nothing found{GOOD:#}"),
            (errors, warnings) => format!("{errors} error(s), {warnings} warning(s)"),
        };
        output.line(&summary)
    }
}

fn told(
    output: Output,
    severity: Severity,
    place: &str,
    what: &str,
    next: Option<&str>,
) -> Result<(), Failure> {
    let style = match severity {
        Severity::Error => BAD,
        Severity::Warning => WARNING,
    };
    output.line(&format!("{style}{severity}{style:#} {place}: {what}"))?;
    match next {
        Some(next) => output.line(&format!("  {FAINT}next: {next}{FAINT:#}")),
        None => Ok(()),
    }
}
