//! Cards issued at a simulated station whose encoder is a serial reader: no PC/SC service runs.

#![cfg(unix)]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use hil_tests::{Background, Program};
use serde_json::Value;

type TestResult = Result<(), Box<dyn Error>>;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A station file for a printer at that address and an encoder on that line.
fn station_file(printer: &str, encoder: &Path) -> String {
    format!(
        "[station]\nname = \"serial\"\ntest = true\n\n\
         [printer]\nfamily = \"magicard-enduro\"\nconnection = \"tcp:{printer}\"\n\n\
         [encoder]\nreader = \"serial:{}\"\ncard_within = 30\n\n\
         [face]\ntemplate = \"builtin\"\n",
        encoder.display()
    )
}

/// The fault strikes at the first card: its request stays open, the card is accounted for, and the
/// others get theirs once the operator has dealt with it.
#[test]
fn a_station_without_pcscd_issues_cards_and_logs_every_movement() -> TestResult {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    let encoder = at("encoder");
    let mut station = Background::start(
        Program::ours("firmware-sim")?
            .args(["station", "--hopper", "6", "--fault", "contacts:mute"])
            .args(["--out".as_ref(), at("printed").as_os_str()])
            .args(["--state".as_ref(), at("state").as_os_str()])
            .args(["--log".as_ref(), at("motions.jsonl").as_os_str()])
            .args(["--encoder-link".as_ref(), encoder.as_os_str()]),
    )?;
    let line: Value = serde_json::from_str(&station.wait_for("printer")?)?;
    let printer = line["printer"].as_str().ok_or("no address")?;
    fs::write(at("station.toml"), station_file(printer, &encoder))?;
    let issue = || -> Result<_, Box<dyn Error>> {
        Ok(Program::ours("cardwright")?
            .in_folder(&workspace())
            .args(["--json", "issue", "examples/requests-series-10.csv"])
            .args(["--passcode-file", "examples/passcode.txt"])
            .args(["--station".as_ref(), at("station.toml").as_os_str()])
            .args(["--data".as_ref(), at("data").as_os_str()]))
    };
    let failed = issue()?.outcome()?;
    assert_ne!(failed.code(), Some(0), "{failed}");

    let report: Value = serde_json::from_str(&issue()?.succeed()?.stdout())?;
    let cards = report["cards"].as_array().ok_or("no cards")?;
    // Those after the mute card have theirs from the first run.
    let has_card = |card: &&Value| card["state"] == "issued" || card["state"] == "already-issued";
    let issued = cards.iter().filter(has_card).count();
    assert_eq!(issued, 4, "{report:#}");

    let mut ends = std::collections::BTreeMap::new();
    let mut printed = 0;
    for line in fs::read_to_string(at("motions.jsonl"))?.lines() {
        let entry: Value = serde_json::from_str(line)?;
        match entry["event"].as_str() {
            Some("moved") => {
                ends.insert(entry["card"].as_u64(), entry["to"].clone());
            }
            Some("printed") => printed += 1,
            _ => {}
        }
    }
    assert_eq!(printed, issued);
    // The mute one among them: it is out of the printer, with nothing on it.
    assert_eq!(ends.len(), issued + 1);
    assert!(ends.values().all(|place| place == "output"), "{ends:?}");
    assert!(!at("printed/card-1-front.png").exists());
    assert!(at("printed/card-2-front.png").exists());
    Ok(())
}
