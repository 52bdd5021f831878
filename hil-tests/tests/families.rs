//! One driver interface, several families: a card is checked and another issued and printed at a
//! station of each, with the encoder on a serial line. No smart card service is needed.
#![cfg(unix)]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use hil_tests::{Background, Outcome, Program};
use serde_json::Value;
use tempfile::TempDir;

type TestResult = Result<(), Box<dyn Error>>;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A simulated station of a family, and a station file for it.
struct Rig {
    folder: TempDir,
    _station: Background,
}

impl Rig {
    fn new(family: &str, profile: Option<&str>) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        let mut station = Background::start(
            Program::ours("firmware-sim")?
                .args(["station", "--family", family, "--hopper", "6"])
                .args(["--out".as_ref(), at("printed").as_os_str()])
                .args(["--encoder-link".as_ref(), at("encoder").as_os_str()]),
        )?;
        let line: Value = serde_json::from_str(&station.wait_for("printer")?)?;
        let printer = line["printer"].as_str().ok_or("no address")?;
        let mut file = format!(
            "[station]\nname = \"{family}\"\ntest = true\n\
             [encoder]\nreader = \"serial:{}\"\n\
             [printer]\nfamily = \"{family}\"\nconnection = \"tcp:{printer}\"\n",
            at("encoder").display()
        );
        if let Some(profile) = profile {
            fs::write(at("profile.toml"), profile)?;
            file.push_str("profile = \"profile.toml\"\n");
        }
        fs::write(at("station.toml"), file)?;
        Ok(Self {
            folder,
            _station: station,
        })
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn check(&self) -> Result<Outcome, Box<dyn Error>> {
        Ok(Program::ours("cardwright")?
            .args(["--json", "station", "check"])
            .arg(self.at("station.toml"))
            .outcome()?)
    }

    fn issue(&self) -> Result<Outcome, Box<dyn Error>> {
        Ok(Program::ours("cardwright")?
            .in_folder(&workspace())
            .args(["--json", "issue", "examples/requests-series-10.csv"])
            .args(["--passcode-file", "examples/passcode.txt"])
            .args(["--station".as_ref(), self.at("station.toml").as_os_str()])
            .args(["--data".as_ref(), self.at("data").as_os_str()])
            .outcome()?)
    }

    fn is_printed(&self, card: u8) -> bool {
        self.at(&format!("printed/card-{card}-front.png")).is_file()
    }
}

/// Walks one card through a station of this family and issues the next ones.
fn prove(family: &str, profile: Option<&str>) -> TestResult {
    let rig = Rig::new(family, profile)?;
    let walked = rig.check()?;
    assert_eq!(walked.code(), Some(0), "{family}: {walked}");
    let report: Value = serde_json::from_str(&walked.stdout())?;
    assert_eq!(report["whereabouts"], "in the output tray", "{report:#}");

    let issued = rig.issue()?;
    assert_eq!(issued.code(), Some(0), "{family}: {issued}");
    let report: Value = serde_json::from_str(&issued.stdout())?;
    let cards = report["cards"].as_array().ok_or("no list of cards")?;
    assert_eq!(cards.len(), 4, "{report:#}");
    // The first card went through the walk and came out blank.
    assert!(!rig.is_printed(1), "{family}");
    for card in 2..=5 {
        assert!(rig.is_printed(card), "{family}: card {card}");
    }
    Ok(())
}

#[test]
fn magicard_enduro() -> TestResult {
    prove("magicard-enduro", None)
}

#[test]
fn magicard_rio_tango() -> TestResult {
    prove("magicard-rio-tango", None)
}

#[test]
fn evolis() -> TestResult {
    prove("evolis", None)
}

/// With a ribbon that takes the film off the contacts again.
#[test]
fn matica_xid() -> TestResult {
    let profile = include_str!("../../crates/printers/profiles/matica-xid.toml");
    let with = profile.replacen("[peel_off]\nvalue = false", "[peel_off]\nvalue = true", 1);
    assert_ne!(with, profile);
    prove("matica-xid", Some(&with))
}

/// Without one film would cover the contacts: the job is refused before a card moves.
#[test]
fn a_face_the_printer_cannot_print_moves_no_card() -> TestResult {
    let rig = Rig::new("matica-xid", None)?;
    let refused = rig.issue()?;
    assert_ne!(refused.code(), Some(0), "{refused}");
    assert!(refused.to_string().contains("leaves holes"), "{refused}");
    // The first blank is still the first: it goes through the walk.
    let walked = rig.check()?;
    let report: Value = serde_json::from_str(&walked.stdout())?;
    assert_eq!(report["card"], "000000010000", "{report:#}");
    assert!(!rig.is_printed(1));
    Ok(())
}

/// The dispenser moves cards and talks to their chips; nothing is printed.
#[test]
fn a_dispenser_is_a_station_for_chips_alone() -> TestResult {
    let folder = tempfile::tempdir()?;
    let line = folder.path().join("crt591");
    let mut dispenser = Background::start(
        Program::ours("firmware-sim")?
            .args(["dispenser", "--hopper", "6"])
            .args(["--link".as_ref(), line.as_os_str()]),
    )?;
    dispenser.wait_for("dispenser")?;
    let file = format!(
        "[station]\nname = \"crt-591\"\ntest = true\n\
         [encoder]\nreader = \"device\"\n\
         [printer]\nfamily = \"crt-591\"\nconnection = \"serial:{}\"\n",
        line.display()
    );
    fs::write(folder.path().join("station.toml"), file)?;
    let rig = Rig {
        folder,
        _station: dispenser,
    };
    let walked = rig.check()?;
    assert_eq!(walked.code(), Some(0), "{walked}");
    let issued = rig.issue()?;
    assert_eq!(issued.code(), Some(0), "{issued}");
    let report: Value = serde_json::from_str(&issued.stdout())?;
    let cards = report["cards"].as_array().ok_or("no list of cards")?;
    assert_eq!(cards.len(), 4, "{report:#}");
    for card in cards {
        assert_eq!(card["state"], "issued", "{card:#}");
        assert!(card["face"].is_null(), "{card:#}");
    }
    Ok(())
}
