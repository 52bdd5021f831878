//! `cardwright station check` over the simulated station behind pcscd.

use std::error::Error;
use std::fs;
use std::path::Path;

use hil_tests::{Background, Desk, Outcome, Program, VPCD_PORT, VPCD_READER};
use serde_json::Value;

type TestResult = Result<(), Box<dyn Error>>;

/// The printer's port; another than that of the tests that issue.
const PRINTER_PORT: &str = "29101";

fn station(faults: &[&str]) -> Result<Background, Box<dyn Error>> {
    let mut program = Program::ours("firmware-sim")?
        .args(["station", "--hopper", "5", "--printer-port", PRINTER_PORT])
        .args(["--vpcd", &format!("127.0.0.1:{VPCD_PORT}")]);
    for fault in faults {
        program = program.args(["--fault", fault]);
    }
    let mut station = Background::start(program)?;
    station.wait_for(PRINTER_PORT)?;
    Ok(station)
}

/// The example's station file with this encoder, another port and no patience.
fn station_file(folder: &Path, encoder: &str) -> Result<(), Box<dyn Error>> {
    let text = include_str!("../../examples/station-pcsc.toml")
        .replace("29100", PRINTER_PORT)
        .replace("[operator]\n", "")
        .replace("reader = \"pcsc:Virtual PCD 00 01\"\n", "")
        .replace(
            &format!("reader = \"pcsc:{VPCD_READER}\""),
            &format!("reader = \"{encoder}\""),
        )
        .replace("card_within = 30", "card_within = 4");
    fs::write(folder.join("station.toml"), text)?;
    Ok(())
}

fn check(folder: &Path, arguments: &[&str]) -> Result<Outcome, Box<dyn Error>> {
    let program = Program::ours("cardwright")?
        .in_folder(folder)
        .args(["station", "check", "station.toml"])
        .args(arguments);
    Ok(program.outcome()?)
}

fn leg<'a>(report: &'a Value, what: &str) -> &'a Value {
    let legs = report["legs"].as_array().expect("a list of legs");
    legs.iter()
        .find(|leg| leg["what"] == what)
        .unwrap_or_else(|| panic!("no leg `{what}` in {report:#}"))
}

#[test]
fn a_card_walks_through_a_station_and_a_wrong_pairing_is_found() -> TestResult {
    let _desk = Desk::take()?;
    let folder = tempfile::tempdir()?;
    let _station = station(&["draw:4:hopper-empty"])?;

    station_file(folder.path(), &format!("pcsc:{VPCD_READER}"))?;
    let outcome = check(folder.path(), &["--json"])?;
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let report: Value = serde_json::from_str(&outcome.stdout())?;
    assert_eq!(report["fine"], true);
    assert_eq!(report["whereabouts"], "in the output tray");
    assert!(report["card"].is_string(), "{report:#}");
    for what in [
        "feed to the contacts",
        "card appears in the encoder",
        "answer to reset, identity",
        "move under the print head",
        "move to the output tray",
        "card leaves the encoder",
    ] {
        assert_eq!(leg(&report, what)["verdict"], "fine", "{what}");
        assert!(leg(&report, what)["milliseconds"].is_number(), "{what}");
    }
    assert_eq!(leg(&report, "print")["verdict"], "skipped");

    // The second card, with the other reader named as the encoder.
    station_file(folder.path(), "pcsc:Virtual PCD 00 01")?;
    let outcome = check(folder.path(), &[])?;
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    let said = outcome.stdout();
    assert!(said.contains(VPCD_READER), "{outcome}");
    assert!(said.contains("name that reader"), "{outcome}");

    // The third is printed.
    station_file(folder.path(), &format!("pcsc:{VPCD_READER}"))?;
    let outcome = check(folder.path(), &["--print"])?;
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(outcome.stdout().contains("tray"), "{outcome}");

    // The fourth finds the hopper empty.
    station_file(folder.path(), &format!("pcsc:{VPCD_READER}"))?;
    let outcome = check(folder.path(), &[])?;
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    assert!(
        outcome.stdout().contains("feed to the contacts"),
        "{outcome}"
    );
    assert!(outcome.stdout().contains("next"), "{outcome}");
    Ok(())
}

#[test]
fn a_station_file_is_checked_before_any_device_is_asked_for() -> TestResult {
    let folder = tempfile::tempdir()?;
    let good = include_str!("../../examples/station-pcsc.toml");
    fs::write(folder.path().join("station.toml"), good)?;
    let outcome = check(folder.path(), &["--file-only"])?;
    assert_eq!(outcome.code(), Some(0), "{outcome}");

    let bad = good
        .replace("motion = 30", "motion = 0")
        .replace("\"magicard-enduro\"", "\"fax\"");
    fs::write(folder.path().join("station.toml"), &bad)?;
    let outcome = check(folder.path(), &[])?;
    assert_eq!(outcome.code(), Some(2), "{outcome}");
    for wrong in ["\"fax\"", "motion = 0"] {
        let line = bad.lines().position(|line| line.contains(wrong));
        let line = format!("line {}: ", line.expect("the line is there") + 1);
        assert!(outcome.stderr().contains(&line), "{line} {outcome}");
    }
    Ok(())
}
