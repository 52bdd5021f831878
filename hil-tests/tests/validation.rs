//! `cardwright validate` through pcscd, and what other programs say of the same card.

use std::error::Error;
use std::fs;
use std::path::Path;

use hil_tests::{Desk, Outcome, Program, RigError, VPCD_READER};
use serde_json::Value;

type TestResult = Result<(), Box<dyn Error>>;

/// The PIN of a simulated card.
const PIN: &str = "123456";

/// Runs `cardwright validate` on the card in the virtual reader.
fn validate(arguments: &[&str], folder: &Path) -> Result<Outcome, RigError> {
    Program::ours("cardwright")?
        .in_folder(folder)
        .env("CARDWRIGHT_PASSCODE", PIN)
        .args(["validate", "--reader", &format!("pcsc:{VPCD_READER}")])
        .args(arguments)
        .outcome()
}

fn simulated(arguments: &[&str]) -> Result<Program, RigError> {
    Ok(Program::ours("firmware-sim")?.arg("card").args(arguments))
}

fn piv_tool(action: &[&str]) -> Program {
    Program::foreign("yubico-piv-tool")
        .args(["--reader", VPCD_READER])
        .args(action)
}

#[test]
fn a_simulated_card_passes_and_every_report_is_written() -> TestResult {
    let desk = Desk::take()?;
    let _card = desk.insert(simulated(&["--seed", "3"])?)?;
    let folder = tempfile::tempdir()?;
    let outcome = validate(
        &[
            "--with-passcode",
            "--html",
            "report.html",
            "--junit",
            "report.xml",
            "--json",
            "report.json",
        ],
        folder.path(),
    )?;
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(outcome.stdout().contains("0 fail"), "{outcome}");

    let read = |name: &str| fs::read_to_string(folder.path().join(name));
    let report: Value = serde_json::from_str(&read("report.json")?)?;
    assert_eq!(report["summary"]["fail"], 0);
    assert!(
        report["summary"]["pass"].as_u64() > Some(100),
        "{}",
        report["summary"]
    );
    assert_eq!(report["aftermath"]["differences"], serde_json::json!([]));
    assert!(read("report.html")?.contains("</html>"));
    let junit = read("report.xml")?;
    assert!(junit.contains("failures=\"0\""), "{junit}");
    for name in ["report.json", "report.html", "report.xml"] {
        assert!(!read(name)?.contains(PIN), "the PIN is in {name}");
        assert!(
            !read(name)?.contains("313233343536"),
            "the PIN is in {name}"
        );
    }
    Ok(())
}

#[test]
fn a_wrong_passcode_ends_the_run_after_one_try() -> TestResult {
    let desk = Desk::take()?;
    let _card = desk.insert(simulated(&["--seed", "3"])?)?;
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("wrong"), "654321")?;
    let outcome = validate(&["--passcode-file", "wrong"], folder.path())?;
    assert_eq!(outcome.code(), Some(2), "{outcome}");
    assert!(outcome.stderr().contains("2 tries are left"), "{outcome}");
    // The next one would leave one try only, and that is never touched.
    let outcome = validate(&["--passcode-file", "wrong"], folder.path())?;
    assert!(outcome.stderr().contains("1 tries are left"), "{outcome}");
    let outcome = validate(&["--with-passcode"], folder.path())?;
    assert_eq!(outcome.code(), Some(2), "{outcome}");
    assert!(outcome.stderr().contains("only 1 tries"), "{outcome}");
    Ok(())
}

#[test]
fn another_card_than_the_one_named_is_not_written_to_and_loses_no_try() -> TestResult {
    let desk = Desk::take()?;
    let _card = desk.insert(simulated(&["--seed", "3"])?)?;
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("wrong"), "654321")?;
    let outcome = validate(
        &[
            "--test-card",
            "00000000-0000-0000-0000-000000000000",
            "--write",
            "--passcode-file",
            "wrong",
        ],
        folder.path(),
    )?;
    assert_eq!(outcome.code(), Some(2), "{outcome}");
    assert!(
        outcome.stderr().contains("was named as the test card"),
        "{outcome}"
    );
    // A wrong passcode on it would have cost a try.
    let outcome = validate(&["--passcode-file", "wrong"], folder.path())?;
    assert!(outcome.stderr().contains("2 tries are left"), "{outcome}");
    Ok(())
}

#[test]
fn a_contactless_card_is_validated_over_its_own_interface() -> TestResult {
    let desk = Desk::take()?;
    let _card = desk.insert(simulated(&["--seed", "3", "--contactless"])?)?;
    let folder = tempfile::tempdir()?;
    let outcome = validate(&["--json"], folder.path())?;
    let report: Value = serde_json::from_str(&outcome.stdout())?;
    assert_eq!(report["summary"]["fail"], 0, "{outcome}");
    Ok(())
}

#[test]
fn yubicos_tool_reads_the_card_verifies_the_pin_and_a_signature() -> TestResult {
    let desk = Desk::take()?;
    let _card = desk.insert(simulated(&["--seed", "3"])?)?;
    let folder = tempfile::tempdir()?;
    let status = piv_tool(&["--action", "status"]).succeed()?.stdout();
    for line in ["Slot 9a:", "Slot 9c:", "Slot 9d:", "Slot 9e:", "CHUID:"] {
        assert!(status.contains(line), "no `{line}` in:\n{status}");
    }
    let certificate = folder.path().join("9a.pem");
    piv_tool(&["--action", "read-certificate", "--slot", "9a", "--output"])
        .arg(&certificate)
        .succeed()?;
    // It asks for the PIN on standard input where none is an argument.
    let signed = piv_tool(&["--action", "verify-pin", "--action", "test-signature"])
        .args(["--slot", "9a", "--input"])
        .arg(&certificate)
        .input(format!("{PIN}\n"))
        .outcome()?;
    let said = format!("{}{}", signed.stdout(), signed.stderr());
    assert!(said.contains("Successfully verified PIN"), "{said}");
    assert!(said.contains("Successful ECDSA verification"), "{said}");
    Ok(())
}
