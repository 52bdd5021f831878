//! `docs/coverage-85b.md` says what the registry does with the cases of SP 800-85B.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where its data is not as it should be"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use validation::coverage::{Case, table, unexplained};
use validation::{assertion, assertions};

/// Set to write the table instead of comparing it.
const WRITE: &str = "CARDWRIGHT_WRITE_COVERAGE";

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/coverage-85b.md")
}

/// The case list, or `None` with a plain word where there is none.
fn cases() -> Option<Vec<Case>> {
    let data = std::env::var_os("CARDWRIGHT_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = data.join("piv-85b-cases.tsv");
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: no test data at {}", path.display());
        return None;
    };
    Some(Case::read_all(&text).unwrap())
}

/// The page as it stands, after it was written where that is asked for.
fn written() -> String {
    static WRITTEN: Once = Once::new();
    WRITTEN.call_once(|| {
        if std::env::var_os(WRITE).is_some()
            && let Some(cases) = cases()
        {
            fs::write(page(), table(&cases)).unwrap();
        }
    });
    fs::read_to_string(page()).unwrap()
}

#[test]
fn the_table_is_what_registry_and_case_list_say() {
    let Some(cases) = cases() else { return };
    let made = table(&cases);
    let written = written();
    for (line, (made, written)) in made.lines().zip(written.lines()).enumerate() {
        assert_eq!(
            written,
            made,
            "line {}: stale, set {WRITE} to write it",
            line + 1
        );
    }
    assert!(made == written, "stale, set {WRITE} to write it");
}

#[test]
fn every_case_is_carried_out_or_has_a_reason_why_not() {
    let Some(cases) = cases() else { return };
    assert_eq!(cases.len(), 369 + 13);
    let silent: Vec<_> = unexplained(&cases).map(|case| &case.id).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn every_check_of_the_registry_is_one_of_the_list() {
    let Some(cases) = cases() else { return };
    let listed: BTreeSet<_> = cases
        .iter()
        .filter_map(|case| case.check.as_deref())
        .collect();
    for assertion in assertions() {
        for check in assertion.checks {
            assert!(listed.contains(check), "`{}`: {check}", assertion.id);
            // An assertion that says it does a check does it on some object it is asked for.
            let done = cases.iter().any(|case| {
                case.check.as_deref() == Some(check)
                    && case.covered_by().any(|by| by.id == assertion.id)
            });
            assert!(
                done,
                "`{}` does {check} on none of its objects",
                assertion.id
            );
        }
    }
}

/// Needs no case list: a page of another registry shows without one.
#[test]
fn the_table_names_the_assertions_there_are_and_all_their_checks() {
    let page = written();
    let (_, by_assertion) = page.split_once("## Checks by assertion").unwrap();
    let mut rows = BTreeSet::new();
    for row in by_assertion.lines().filter(|row| row.starts_with("| `")) {
        let mut columns = row.split('|').map(str::trim).skip(1);
        let id = columns.next().unwrap().trim_matches('`');
        let checks: Vec<_> = columns.next().unwrap().split(", ").collect();
        let assertion = assertion(id).unwrap_or_else(|| panic!("`{id}` is no assertion"));
        assert_eq!(checks, assertion.checks, "`{id}`");
        rows.insert(id);
    }
    for assertion in assertions().filter(|assertion| !assertion.checks.is_empty()) {
        assert!(
            rows.contains(assertion.id),
            "`{}` is not in the table",
            assertion.id
        );
    }
    let named = page.split('`').skip(1).step_by(2);
    for id in named.filter(|it| it.contains('.') && !it.contains(['/', ' '])) {
        let file = id.ends_with(".md") || id.starts_with('.');
        assert!(file || assertion(id).is_some(), "`{id}` is no assertion");
    }
}

#[test]
fn a_case_list_that_is_none_is_refused_with_the_line() {
    assert!(Case::read_all("").is_err());
    let header = "case_id\tkind\tobject_tag\tobject\tcheck\tstandard\tdescription\n";
    let error = |line: &str| {
        Case::read_all(&format!("{header}{line}"))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(error("1\tcase"), "line 2 has 2 columns, expected 7");
    assert_eq!(
        error("1\tmaybe\t\t\t\t\t"),
        "line 2 is of kind `maybe`, expected `heading`, `case` or `unspecified`"
    );
    assert_eq!(
        error("1\tcase\t5FC1FF\tx\ty\tz\tw"),
        "line 2 is about object `5FC1FF`, which does not exist"
    );
}
