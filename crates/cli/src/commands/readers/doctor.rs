use std::path::PathBuf;

use clap::Args;
use printers::Address;
use readers::Service;
use readers::doctor::{Evidence, Finding, System, Verdict, Wanted, examine, worst};
use serde_json::json;
use stations::{EncoderReader, StationFile};

use crate::output::{BAD, Ending, FAINT, Failure, GOOD, Output, WARNING};

/// Find out what keeps cards from being reached
///
/// It looks at the smart card service, at drivers and readers, at what is in them, and with
/// --station at the reader that station wants. It changes nothing and sends nothing to a card; a
/// serial port is opened and closed again.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cardwright readers doctor
  cardwright readers doctor --station station.toml
  cardwright --json readers doctor

Exit codes: 0 all is well, 1 something deserves a look, 2 usage, 3 a card cannot be reached")]
pub(super) struct Doctor {
    /// Station file whose reader is looked for
    #[arg(long, value_name = "FILE")]
    station: Option<PathBuf>,
}

impl Doctor {
    pub(super) fn run(&self, output: Output) -> Result<Ending, Failure> {
        let file = self.station.as_deref().map(StationFile::read).transpose()?;
        let wanted: Vec<Wanted> = file.iter().filter_map(wanted).collect();
        let evidence = Evidence::gather(&Service::new(), &wanted, &System::this());
        let findings = examine(&evidence, &wanted);
        if output.is_json() {
            output.document(&json!({
                "verdict": worst(&findings),
                "findings": findings,
            }))?;
        } else {
            for line in findings.iter().flat_map(lines) {
                output.line(&line)?;
            }
        }
        Ok(ending(worst(&findings)))
    }
}

/// The reader a station wants; none where it is reached by the printer's own line and that is no
/// serial port.
fn wanted(file: &StationFile) -> Option<Wanted> {
    match (&file.encoder.reader, &file.printer.address) {
        (EncoderReader::Pcsc(name), _) => Some(Wanted::Pcsc(name.clone())),
        (EncoderReader::Serial(path), _)
        | (EncoderReader::Device, Address::Serial { path, .. }) => {
            Some(Wanted::Serial(path.clone()))
        }
        (EncoderReader::Device, _) => None,
    }
}

fn ending(verdict: Verdict) -> Ending {
    match verdict {
        Verdict::Ok => Ending::Done,
        Verdict::Warning => Ending::Findings,
        Verdict::Problem => Ending::Unreachable,
    }
}

/// A finding as it is shown: what was found, and below it what to do.
fn lines(finding: &Finding) -> Vec<String> {
    let word = match finding.verdict {
        Verdict::Ok => format!("{GOOD}ok{GOOD:#}     "),
        Verdict::Warning => format!("{WARNING}warning{WARNING:#}"),
        Verdict::Problem => format!("{BAD}problem{BAD:#}"),
    };
    let title = finding.check.title();
    let mut lines = vec![format!("{word}  {title:<11}  {}", finding.found)];
    let next = finding.next.iter();
    lines.extend(next.map(|next| format!("{:22}{FAINT}next:{FAINT:#} {next}", "")));
    lines
}

#[cfg(test)]
mod tests {
    use readers::doctor::Check;

    use super::*;

    #[test]
    fn the_worst_finding_is_the_exit_code() {
        for (verdict, code) in [
            (Verdict::Ok, 0),
            (Verdict::Warning, 1),
            (Verdict::Problem, 3),
        ] {
            assert_eq!(ending(verdict).exit_code(), code);
        }
    }

    #[test]
    fn what_to_do_stands_below_what_was_found() {
        let finding = |next: Option<&str>| Finding {
            check: Check::SerialPort,
            verdict: Verdict::Problem,
            found: "there is no serial port `/dev/ttyS9`".to_owned(),
            next: next.map(str::to_owned),
        };
        assert_eq!(lines(&finding(None)).len(), 1);
        let lines = lines(&finding(Some("plug it in")));
        assert!(lines[0].contains("serial port") && lines[0].contains("/dev/ttyS9"));
        assert!(lines[1].trim_start().ends_with("plug it in"));
    }
}
