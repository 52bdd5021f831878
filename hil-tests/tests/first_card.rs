//! A card issued through pcscd is read by programs nobody here wrote, and they agree about it.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use hil_tests::{Background, Desk, Program, VPCD_PORT, VPCD_READER};
use serde_json::Value;

type TestResult = Result<(), Box<dyn Error>>;

/// The passcode in `examples/passcode.txt`.
const PASSCODE: &str = "246813";

/// The printer address in `examples/station-pcsc.toml`.
const PRINTER_PORT: &str = "29100";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn vpcd_address() -> String {
    format!("127.0.0.1:{VPCD_PORT}")
}

/// Issues the example requests at a simulated station behind pcscd and returns the report.
fn issue(state: &Path, data: &Path) -> Result<Value, Box<dyn Error>> {
    let mut station = Background::start(
        Program::ours("firmware-sim")?
            .args([
                "station", "--model", "series10", "--hopper", "10", "--seed", "1",
            ])
            .args(["--printer-port", PRINTER_PORT, "--vpcd", &vpcd_address()])
            .arg("--state")
            .arg(state)
            .arg("--out")
            .arg(state.join("printed")),
    )?;
    station.wait_for(PRINTER_PORT)?;
    let issued = Program::ours("cardwright")?
        .in_folder(&workspace())
        .args(["--json", "issue", "examples/requests-series-10.csv"])
        .args(["--station", "examples/station-pcsc.toml"])
        .args(["--passcode-file", "examples/passcode.txt"])
        .arg("--data")
        .arg(data)
        .succeed()?;
    Ok(serde_json::from_str(&issued.stdout())?)
}

fn pkcs11_tool() -> Program {
    Program::foreign("pkcs11-tool")
        .env("PASSCODE", PASSCODE)
        .args(["--login", "--pin", "env:PASSCODE"])
}

fn openssl(arguments: &[&str], files: &[&Path]) -> Program {
    // Options that take a file end with `=`; the files follow in their order.
    let mut files = files.iter();
    let mut program = Program::foreign("openssl");
    for argument in arguments {
        program = match argument.strip_suffix('=') {
            Some(option) => {
                let program = if option.is_empty() {
                    program
                } else {
                    program.arg(option)
                };
                program.arg(files.next().expect("one file for every `=`"))
            }
            None => program.arg(argument),
        };
    }
    program
}

#[test]
fn foreign_programs_agree_about_a_card_issued_through_pcscd() -> TestResult {
    let desk = Desk::take()?;
    let folder = tempfile::tempdir()?;
    let (state, data) = (folder.path().join("station"), folder.path().join("data"));
    let report = issue(&state, &data)?;

    let cards = report["cards"]
        .as_array()
        .ok_or("no list of cards in the report")?;
    assert!(cards.len() >= 3, "{report:#}");
    for card in cards {
        assert_eq!(card["state"], "issued", "{card:#}");
        let picture = card["face"].as_str().ok_or("no picture of the face")?;
        assert!(Path::new(picture).is_file(), "{picture} is not there");
    }

    // The hopper counts its blanks from 1, so this is the first card.
    let card = Program::ours("firmware-sim")?.args(["card", "--state"]);
    let _card = desk.insert(card.arg(state.join("card-1.card")))?;

    // As a card engineer would see it.
    let authority = data.join("authority");
    let proved = Program::ours("cardwright")?
        .env("CARDWRIGHT_PASSCODE", PASSCODE)
        .args(["validate", "--reader", &format!("pcsc:{VPCD_READER}")])
        .args(["--with-passcode", "--trust"])
        .arg(authority.join("root.pem"))
        .arg("--intermediate")
        .arg(authority.join("issuing.pem"))
        .outcome()?;
    assert_eq!(proved.code(), Some(0), "{proved}");

    let name = Program::foreign("opensc-tool")
        .arg("--name")
        .succeed()?
        .stdout();
    assert!(
        name.contains("PIV") || name.contains("Personal Identity Verification"),
        "{name}"
    );

    let objects = pkcs11_tool().arg("--list-objects").succeed()?.stdout();
    for label in [
        "Certificate for PIV Authentication",
        "Certificate for Digital Signature",
    ] {
        assert!(objects.contains(label), "no `{label}` in:\n{objects}");
    }

    // An authentication signature, verified against the certificate on the card.
    let at = |name: &str| folder.path().join(name);
    fs::write(at("challenge"), b"who are you")?;
    pkcs11_tool()
        .args([
            "--sign",
            "--id",
            "01",
            "--mechanism",
            "SHA256-RSA-PKCS",
            "--input-file",
        ])
        .arg(at("challenge"))
        .arg("--output-file")
        .arg(at("signature"))
        .succeed()?;
    for (id, name) in [("01", "authentication"), ("02", "signing")] {
        Program::foreign("pkcs11-tool")
            .args([
                "--read-object",
                "--type",
                "cert",
                "--id",
                id,
                "--output-file",
            ])
            .arg(at(&format!("{name}.der")))
            .succeed()?;
        openssl(
            &["x509", "-inform", "DER", "-in=", "-out="],
            &[&at(&format!("{name}.der")), &at(&format!("{name}.pem"))],
        )
        .succeed()?;
    }
    let key = openssl(
        &["x509", "-noout", "-pubkey", "-in="],
        &[&at("authentication.pem")],
    )
    .succeed()?;
    fs::write(at("authentication.pub"), key.stdout_bytes())?;
    openssl(
        &["dgst", "-sha256", "-verify=", "-signature=", "="],
        &[
            &at("authentication.pub"),
            &at("signature"),
            &at("challenge"),
        ],
    )
    .succeed()?;

    // The chain, to the test authority's root.
    for certificate in ["authentication.pem", "signing.pem"] {
        openssl(
            &["verify", "-CAfile=", "-untrusted=", "="],
            &[
                &authority.join("root.pem"),
                &authority.join("issuing.pem"),
                &at(certificate),
            ],
        )
        .succeed()?;
    }
    Ok(())
}

#[test]
fn inspect_reads_a_card_through_pcscd_without_spending_a_try() -> TestResult {
    let desk = Desk::take()?;
    let card = Program::ours("firmware-sim")?.args(["card", "--personalised", "--seed", "7"]);
    let _card = desk.insert(card)?;
    let inspect = || -> Result<Value, Box<dyn Error>> {
        let outcome = Program::ours("cardwright")?
            .args([
                "--json",
                "inspect",
                "--reader",
                &format!("pcsc:{VPCD_READER}"),
            ])
            .outcome()?;
        assert!(matches!(outcome.code(), Some(0 | 1)), "{outcome}");
        Ok(serde_json::from_str(&outcome.stdout())?)
    };
    let first = inspect()?;
    let second = inspect()?;
    assert_eq!(first["tries"][0]["tries"], 3, "{:#}", first["tries"]);
    assert_eq!(first["tries"], second["tries"], "a try was spent");
    Ok(())
}

#[test]
fn without_a_service_the_message_says_what_to_start() -> TestResult {
    let desk = Desk::without_service()?;
    if desk.is_served() {
        // A service that belongs to the machine is not ours to stop.
        eprintln!("skipped: pcscd runs here and was not started by this test");
        return Ok(());
    }
    let outcome = Program::ours("cardwright")?
        .args(["inspect", "--reader", "pcsc:Virtual"])
        .outcome()?;
    assert_eq!(outcome.code(), Some(3), "{outcome}");
    assert!(
        outcome.stderr().contains("service is not running"),
        "{outcome}"
    );
    assert!(outcome.stderr().contains("pcscd"), "{outcome}");
    Ok(())
}

#[test]
fn an_empty_reader_and_an_unknown_reader_are_told_apart() -> TestResult {
    let _desk = Desk::take()?;
    let inspect = |reader: &str| {
        Program::ours("cardwright")?
            .args(["inspect", "--wait", "0", "--reader", reader])
            .outcome()
    };
    let empty = inspect(&format!("pcsc:{VPCD_READER}"))?;
    assert_eq!(empty.code(), Some(2), "{empty}");
    assert!(empty.stderr().contains("no card in reader"), "{empty}");

    let unknown = inspect("pcsc:Nonesuch")?;
    assert_eq!(unknown.code(), Some(2), "{unknown}");
    assert!(unknown.stderr().contains("not found"), "{unknown}");
    assert!(unknown.stderr().contains(VPCD_READER), "{unknown}");

    let ambiguous = inspect("pcsc:Virtual PCD")?;
    assert_eq!(ambiguous.code(), Some(2), "{ambiguous}");
    assert!(ambiguous.stderr().contains("more than one"), "{ambiguous}");
    Ok(())
}
