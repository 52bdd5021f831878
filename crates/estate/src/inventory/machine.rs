use serde::Serialize;

use super::{Column, ProblemKind};
use crate::Version;
use crate::words::shown;

/// One row of an inventory: a machine, and the cards of one series used at it. `None` is what the
/// row does not state.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Machine {
    /// Line of the file, from 1.
    pub line: u64,
    /// What it is called.
    pub id: String,
    /// Where it stands.
    pub site: Option<String>,
    /// The series of its cards.
    pub series: Option<u8>,
    /// The client, as the inventory names it.
    pub client: Option<String>,
    /// The version of the client.
    pub client_version: Option<Version>,
    /// What middleware is installed, in the inventory's words; empty for none.
    pub middleware: Option<String>,
    /// Credential Management: its version, or none installed.
    pub credential_management: Option<Option<Version>>,
    /// The printer, as the inventory names it; empty for none.
    pub printer: Option<String>,
    /// The Windows build.
    pub windows_build: Option<u32>,
    /// The TPM.
    pub tpm: Option<Tpm>,
    /// Whether there is a camera.
    pub camera: Option<bool>,
    /// Whether there is a fingerprint reader.
    pub fingerprint: Option<bool>,
    /// Whether several people use it.
    pub shared: Option<bool>,
    /// What its applications use.
    pub applications: Applications,
    /// How many cards.
    pub cards: u32,
}

/// What the Spine applications of a machine use.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Applications {
    /// Whether one uses CIS1.
    pub cis1: Option<bool>,
    /// Whether one uses CIS2.
    pub cis2: Option<bool>,
}

/// What an inventory says of a TPM.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tpm {
    /// There is none.
    Absent,
    /// There is one of no stated version.
    Present,
    /// There is one of this version.
    Version(Version),
}

impl Machine {
    /// The most cards one row may have: more than the estate has people.
    pub const MAX_CARDS: u32 = 10_000_000;

    /// Takes over a cell that is not empty.
    pub(super) fn set(&mut self, column: Column, cell: &str) -> Result<(), ProblemKind> {
        let bad = |expected| ProblemKind::BadValue {
            found: shown(cell),
            expected,
        };
        match column {
            Column::Id => cell.clone_into(&mut self.id),
            Column::Site => self.site = Some(cell.to_owned()),
            Column::Series => {
                let series = series(cell).ok_or_else(|| bad("a series, 1 to 10"))?;
                self.series = Some(series);
            }
            Column::Client => self.client = Some(cell.to_owned()),
            Column::ClientVersion => {
                let version = cell
                    .parse()
                    .map_err(|_| bad("a version such as 2.4.10.0"))?;
                self.client_version = Some(version);
            }
            Column::Middleware => self.middleware = Some(or_none(cell)),
            Column::CredentialManagement => {
                self.credential_management = Some(if is_none(cell) {
                    None
                } else {
                    let version = cell.parse();
                    Some(version.map_err(|_| bad("a version such as 1.4.2.0, or `none`"))?)
                });
            }
            Column::Printer => self.printer = Some(or_none(cell)),
            Column::WindowsBuild => {
                let build = windows_build(cell);
                self.windows_build =
                    Some(build.ok_or_else(|| bad("a Windows build such as 10.0.22631"))?);
            }
            Column::Tpm => {
                self.tpm = Some(tpm(cell).ok_or_else(|| bad("`2.0`, `1.2`, `yes` or `none`"))?);
            }
            Column::Camera => self.camera = Some(yes_or_no(cell).ok_or_else(|| bad(YES_OR_NO))?),
            Column::Fingerprint => {
                self.fingerprint = Some(yes_or_no(cell).ok_or_else(|| bad(YES_OR_NO))?);
            }
            Column::Shared => self.shared = Some(yes_or_no(cell).ok_or_else(|| bad(YES_OR_NO))?),
            Column::Applications => {
                let uses = applications(cell);
                self.applications = uses.ok_or_else(|| bad("`CIS1`, `CIS2` or both"))?;
            }
            Column::Cards => {
                let cards = cell.parse().ok().filter(|cards| *cards <= Self::MAX_CARDS);
                self.cards = cards.ok_or_else(|| bad("a count of cards, 0 to 10000000"))?;
            }
        }
        Ok(())
    }
}

const YES_OR_NO: &str = "`yes` or `no`";

fn is_none(cell: &str) -> bool {
    ["none", "no", "n", "-", "absent", "not installed", "n/a"]
        .iter()
        .any(|word| cell.eq_ignore_ascii_case(word))
}

/// The words, or nothing when they say that there is none.
fn or_none(cell: &str) -> String {
    if is_none(cell) {
        String::new()
    } else {
        cell.to_owned()
    }
}

fn yes_or_no(cell: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| cell.eq_ignore_ascii_case(word));
    if is(&["yes", "y", "true", "1"]) {
        Some(true)
    } else if is(&["no", "n", "false", "0", "none"]) {
        Some(false)
    } else {
        None
    }
}

fn series(cell: &str) -> Option<u8> {
    let cell = cell.to_ascii_lowercase();
    let number = cell.strip_prefix("series").unwrap_or(&cell);
    let number = number.trim_start_matches([' ', '-', '_']);
    let digits = (1..=2).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    number
        .parse()
        .ok()
        .filter(|series| digits && (1..=10).contains(series))
}

/// The build of `22631`, `10.0.22631` or `10.0.22631.4169`, with or without `Windows` before it.
fn windows_build(cell: &str) -> Option<u32> {
    let cell = cell.to_ascii_lowercase();
    let number = cell.trim_start_matches(|c: char| !c.is_ascii_digit());
    let version: Version = number.parse().ok()?;
    let version = version.to_string();
    let mut parts = version.split('.').map(str::parse::<u32>);
    match (parts.next()?.ok()?, parts.next(), parts.next()) {
        (10, Some(Ok(0)), Some(Ok(build))) => Some(build),
        (build, None, None) => Some(build),
        // `22631.4169`, build and revision.
        (build, Some(Ok(_)), None) => Some(build),
        _ => None,
    }
    // Builds before Windows 10 have four digits; a single `10` or `11` is no build.
    .filter(|build| (1_000..1_000_000).contains(build))
}

fn tpm(cell: &str) -> Option<Tpm> {
    if is_none(cell) {
        return Some(Tpm::Absent);
    }
    if let Some(present) = yes_or_no(cell).filter(|_| cell != "1") {
        return Some(if present { Tpm::Present } else { Tpm::Absent });
    }
    let cell = cell.to_ascii_lowercase();
    let number = cell.strip_prefix("tpm").unwrap_or(&cell).trim_start();
    number.parse().ok().map(Tpm::Version)
}

fn applications(cell: &str) -> Option<Applications> {
    let mut uses = Applications {
        cis1: Some(false),
        cis2: Some(false),
    };
    for word in cell.split(|c: char| !c.is_ascii_alphanumeric()) {
        match word.to_ascii_lowercase().as_str() {
            "" | "and" => {}
            "cis1" => uses.cis1 = Some(true),
            "cis2" => uses.cis2 = Some(true),
            "both" => {
                uses = Applications {
                    cis1: Some(true),
                    cis2: Some(true),
                }
            }
            _ => return None,
        }
    }
    (uses.cis1 == Some(true) || uses.cis2 == Some(true)).then_some(uses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_people_write_them() {
        assert_eq!(series("Series 08"), Some(8));
        assert_eq!(series("11"), None);
        assert_eq!(series("+8"), None);
        assert_eq!(windows_build("10.0.22631.4169"), Some(22631));
        assert_eq!(windows_build("Windows build 19045"), Some(19045));
        assert_eq!(windows_build("Windows 11"), None);
        assert_eq!(tpm("TPM 2.0"), Some(Tpm::Version("2".parse().unwrap())));
        assert_eq!(tpm("no"), Some(Tpm::Absent));
        assert_eq!(tpm("maybe"), None);
        let both = applications("CIS1 + CIS2").unwrap();
        assert_eq!((both.cis1, both.cis2), (Some(true), Some(true)));
        assert_eq!(applications("none of them"), None);
    }

    #[test]
    fn a_bad_value_leaves_the_machine_as_it_was() {
        let mut machine = Machine::default();
        assert!(machine.set(Column::Series, "eight").is_err());
        assert!(machine.set(Column::Cards, "-3").is_err());
        assert_eq!((machine.series, machine.cards), (None, 0));
    }
}
