//! Which cases of the case list of SP 800-85B the assertions carry out, and why not the others.
//!
//! The list itself is public test data and no part of this project; the table made from it is
//! `docs/coverage-85b.md`.

mod remarks;

use std::fmt::Write;

use ground::{Blame, Blamed};
use iso7816::ber::Tag;
use piv::words::ObjectId;
use thiserror::Error;

use crate::{Assertion, Check, assertions};

/// One row of the case list: a check of SP 800-85B on one object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Case {
    /// Its number, after the sections of the document.
    pub id: String,
    /// The object it reads.
    pub object: Option<ObjectId>,
    /// The object as the list names it.
    pub object_name: String,
    /// The number of the check; `None` for a case that is named and not defined.
    pub check: Option<String>,
    /// What is checked, in the list's words.
    pub description: String,
}

/// Why a case list cannot be read.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum CaseListError {
    /// The first line names other columns.
    #[error("line 1 is no header of a case list: `{header}`")]
    Header {
        /// The line.
        header: String,
    },
    /// A line has another number of columns.
    #[error("line {line} has {actual} columns, expected {COLUMNS}")]
    Columns {
        /// The line, counted from 1.
        line: usize,
        /// The columns it has.
        actual: usize,
    },
    /// A line is of a kind nobody knows.
    #[error("line {line} is of kind `{kind}`, expected `heading`, `case` or `unspecified`")]
    Kind {
        /// The line, counted from 1.
        line: usize,
        /// What stands there.
        kind: String,
    },
    /// A line is about an object nobody knows.
    #[error("line {line} is about object `{tag}`, which does not exist")]
    Object {
        /// The line, counted from 1.
        line: usize,
        /// What stands there.
        tag: String,
    },
}

impl Blamed for CaseListError {
    fn blame(&self) -> Blame {
        Blame::OperatorMistake
    }

    fn hint(&self) -> Option<String> {
        Some("the case list has seven columns, separated by tabs".to_owned())
    }
}

const COLUMNS: usize = 7;

/// The objects that assertions which send commands do their checks on.
const OF_COMMANDS: [(&str, ObjectId); 4] = [
    (
        "key.9a-matches-certificate",
        ObjectId::AuthenticationCertificate,
    ),
    ("key.9c-matches-certificate", ObjectId::SignatureCertificate),
    (
        "key.9d-matches-certificate",
        ObjectId::KeyManagementCertificate,
    ),
    (
        "key.9e-matches-certificate",
        ObjectId::CardAuthenticationCertificate,
    ),
];

impl Case {
    /// Reads a case list: lines of seven columns separated by tabs (case, kind, tag, object,
    /// check, standard, description) after one that names them. Headings are left out.
    ///
    /// # Errors
    ///
    /// [`CaseListError`] with the line.
    pub fn read_all(text: &str) -> Result<Vec<Self>, CaseListError> {
        let mut lines = text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line));
        let header = lines.next().map_or("", |(_, line)| line);
        if !header.starts_with("case_id\tkind\t") {
            return Err(CaseListError::Header {
                header: header.to_owned(),
            });
        }
        let mut cases = Vec::new();
        for (line, text) in lines {
            let columns: Vec<&str> = text.split('\t').collect();
            let &[id, kind, tag, object_name, check, _, description] = &columns[..] else {
                return Err(CaseListError::Columns {
                    line,
                    actual: columns.len(),
                });
            };
            let defined = match kind {
                "heading" => continue,
                "case" => true,
                "unspecified" => false,
                _ => {
                    return Err(CaseListError::Kind {
                        line,
                        kind: kind.to_owned(),
                    });
                }
            };
            let object = match tag {
                "" => None,
                tag => Some(object(tag).ok_or_else(|| CaseListError::Object {
                    line,
                    tag: tag.to_owned(),
                })?),
            };
            cases.push(Self {
                id: id.to_owned(),
                object,
                object_name: object_name.to_owned(),
                check: defined.then(|| check.to_owned()),
                description: description.to_owned(),
            });
        }
        Ok(cases)
    }

    /// The assertions that carry it out, in the order of the registry.
    pub fn covered_by(&self) -> impl Iterator<Item = &'static Assertion> {
        assertions().filter(|assertion| self.is_covered_by(assertion))
    }

    /// Whether an assertion carries it out: it does the check, and on this object. One about the
    /// whole card does its checks wherever they are asked for.
    fn is_covered_by(&self, assertion: &Assertion) -> bool {
        let (Some(check), Some(object)) = (&self.check, self.object) else {
            return false;
        };
        let does_it = assertion.checks.contains(&check.as_str());
        does_it
            && match assertion.check {
                Check::Object(objects, _) => objects.contains(object),
                Check::Card(_) => true,
                Check::Command(_) => OF_COMMANDS.contains(&(assertion.id, object)),
            }
    }
}

fn object(tag: &str) -> Option<ObjectId> {
    ObjectId::from_tag(Tag(u32::from_str_radix(tag, 16).ok()?))
}

/// The table of all cases in Markdown: which assertions carry out each, or why none does.
#[must_use]
pub fn table(cases: &[Case]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_table(cases, &mut text);
    text
}

fn write_table(cases: &[Case], text: &mut String) -> std::fmt::Result {
    let defined = || cases.iter().filter(|case| case.check.is_some());
    let covered = defined().filter(|case| case.covered_by().next().is_some());
    writeln!(
        text,
        "# Cases of SP 800-85B and the assertions that carry them out\n"
    )?;
    writeln!(
        text,
        "Made from the case list and the registry of assertions; a test fails when it is stale. \
         `crates/validation/README.md` says how to make it again.\n"
    )?;
    writeln!(
        text,
        "Of {} cases with a defined check, {} are carried out. {} more are named in the list \
         without one.\n",
        defined().count(),
        covered.count(),
        cases.len() - defined().count(),
    )?;
    writeln!(text, "| Case | Object | Check | Assertions | Remark |")?;
    writeln!(text, "|---|---|---|---|---|")?;
    for case in cases {
        let ids: Vec<_> = case
            .covered_by()
            .map(|assertion| format!("`{}`", assertion.id))
            .collect();
        let object = case
            .object
            .map_or(String::new(), |object| format!("`{}` ", object.tag()));
        let ids = match (ids.is_empty(), &case.check) {
            (false, _) => ids.join(", "),
            (true, Some(_)) => "**none**".to_owned(),
            (true, None) => "no check defined".to_owned(),
        };
        writeln!(
            text,
            "| {} | {object}{} | {} | {ids} | {} |",
            case.id,
            case.object_name,
            case.check.as_deref().unwrap_or("—"),
            remarks::of(case).unwrap_or_default(),
        )?;
    }
    writeln!(text, "\n## Checks by assertion\n")?;
    writeln!(text, "| Assertion | Checks |")?;
    writeln!(text, "|---|---|")?;
    for assertion in assertions().filter(|assertion| !assertion.checks.is_empty()) {
        writeln!(
            text,
            "| `{}` | {} |",
            assertion.id,
            assertion.checks.join(", ")
        )?;
    }
    Ok(())
}

/// The cases nothing is said about: neither carried out nor with a reason why not.
pub fn unexplained(cases: &[Case]) -> impl Iterator<Item = &Case> {
    cases
        .iter()
        .filter(|case| case.covered_by().next().is_none() && remarks::of(case).is_none())
}
