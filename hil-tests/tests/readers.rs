//! `cardwright readers`, its doctor, names and patterns with the real service: pcscd with vpcd's
//! virtual readers, with a simulated reader on a serial line, without readers, and not running.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Duration;

use ground::System;
use hil_tests::{Background, Desk, Program, VPCD_READER};
use iso7816::{LinkError, Reader};
use readers::{PcscReader, Service};
use serde_json::Value;

type TestResult = Result<(), Box<dyn Error>>;

/// libccid's driver for readers on a serial line, where Debian and its relatives put it.
const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libccidtwin.so";
const SELECT_PIV: [u8; 15] = [0, 0xA4, 4, 0, 9, 0xA0, 0, 0, 3, 8, 0, 0, 0x10, 0, 0];

/// What the doctor says, and how it ends.
fn doctor(arguments: &[&str]) -> Result<(Value, Option<i32>), Box<dyn Error>> {
    let told = Program::ours("cardwright")?
        .args(["--json", "readers", "doctor"])
        .args(arguments)
        .outcome()?;
    let document =
        serde_json::from_str(&told.stdout()).map_err(|error| format!("{error}: {told}"))?;
    Ok((document, told.code()))
}

/// The verdicts of one check, and what was found.
fn of(document: &Value, check: &str) -> Vec<(String, String)> {
    let findings = document["findings"].as_array().cloned().unwrap_or_default();
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or("").to_owned();
    findings
        .iter()
        .filter(|finding| finding["check"] == check)
        .map(|finding| (text(finding, "verdict"), text(finding, "found")))
        .collect()
}

fn is(document: &Value, check: &str, verdict: &str) -> bool {
    let found = of(document, check);
    !found.is_empty() && found.iter().all(|(it, _)| it == verdict)
}

/// A station file whose encoder is this reader.
fn station(folder: &Path, reader: &str) -> Result<String, Box<dyn Error>> {
    let path = folder.join("station.toml");
    // Without the operator's reader, which needs the service.
    let text = include_str!("../../examples/station-pcsc.toml")
        .replace("[operator]\n", "")
        .replace("reader = \"pcsc:Virtual PCD 00 01\"\n", "")
        .replace(
            "reader = \"pcsc:Virtual PCD 00 00\"",
            &format!("reader = \"{reader}\""),
        );
    fs::write(&path, text)?;
    Ok(path.to_string_lossy().into_owned())
}

#[test]
fn without_a_service_the_doctor_says_so() -> TestResult {
    let desk = Desk::without_service()?;
    if desk.is_served() {
        eprintln!("skipped: a smart card service runs that is not ours to stop");
        return Ok(());
    }
    let (document, code) = doctor(&[])?;
    assert_eq!(code, Some(3), "{document}");
    assert!(is(&document, "service", "problem"), "{document}");
    assert!(of(&document, "readers").is_empty(), "{document}");
    let next = document["findings"][0]["next"].as_str();
    assert!(next.is_some_and(|it| it.contains("start")), "{document}");
    // In text, without colours where nobody looks.
    let told = Program::ours("cardwright")?
        .args(["readers", "doctor"])
        .outcome()?;
    assert!(told.stdout().starts_with("problem"), "{told}");
    assert!(told.stdout().contains("next: "), "{told}");
    Ok(())
}

#[test]
fn without_a_reader_the_doctor_says_so() -> TestResult {
    let folder = tempfile::tempdir()?;
    let configuration = folder.path().join("reader.conf");
    fs::write(&configuration, "# none\n")?;
    let _desk = Desk::take_with_configuration(&configuration)?;
    let (document, code) = doctor(&[])?;
    if !document["findings"]
        .to_string()
        .contains("there is no reader")
    {
        eprintln!("skipped: a real reader is plugged in: {document}");
        return Ok(());
    }
    assert_eq!(code, Some(3), "{document}");
    assert!(is(&document, "service", "ok"), "{document}");
    assert!(is(&document, "readers", "problem"), "{document}");
    Ok(())
}

#[test]
fn with_readers_and_a_card_nothing_is_wrong_and_a_pattern_must_fit_one() -> TestResult {
    let desk = Desk::take()?;
    let (document, _) = doctor(&[])?;
    assert!(is(&document, "service", "ok"), "{document}");
    assert!(is(&document, "readers", "ok"), "{document}");
    assert!(of(&document, "readers")[0].1.contains(VPCD_READER));
    assert!(
        of(&document, "cards")[0].1.contains("no card"),
        "{document}"
    );

    let _card = desk.insert(Program::ours("firmware-sim")?.arg("card"))?;
    let (document, _) = doctor(&[])?;
    assert!(is(&document, "cards", "ok"), "{document}");
    assert!(of(&document, "cards")[0].1.contains(VPCD_READER));

    let folder = tempfile::tempdir()?;
    for (reader, verdict, code) in [
        ("pcsc:Virtual*00 00", "ok", None),
        ("pcsc:Virtual*", "problem", Some(3)),
        ("pcsc:OMNIKEY*", "problem", Some(3)),
    ] {
        let file = station(folder.path(), reader)?;
        let (document, ended) = doctor(&["--station", &file])?;
        assert!(is(&document, "pairing", verdict), "{reader}: {document}");
        if let Some(code) = code {
            assert_eq!(ended, Some(code), "{reader}");
        }
    }

    // The same pattern opens the card.
    let seen = Program::ours("cardwright")?
        .args(["--json", "inspect", "--reader", "pcsc:virtual*00 00"])
        .succeed()?;
    assert!(seen.stdout().contains("series-10"), "{seen}");
    let told = Program::ours("cardwright")?
        .args(["--json", "inspect", "--reader", "pcsc:Virtual*"])
        .outcome()?;
    assert_eq!(told.code(), Some(2), "{told}");
    assert!(told.stdout().contains("Virtual PCD 00 01"), "{told}");

    // A virtual reader has no PIN pad, and says so.
    let listed = Program::ours("cardwright")?
        .args(["--json", "readers"])
        .succeed()?;
    let document: Value = serde_json::from_str(&listed.stdout())?;
    let first = &document["readers"][0];
    assert_eq!(first["pin-pad"], false, "{document}");
    assert_eq!(first["features"], serde_json::json!([]), "{document}");
    Ok(())
}

#[test]
fn a_serial_port_that_is_not_there_is_told() -> TestResult {
    let folder = tempfile::tempdir()?;
    let missing = folder.path().join("ttyS9");
    let file = station(folder.path(), &format!("serial:{}", missing.display()))?;
    let (document, code) = doctor(&["--station", &file])?;
    assert_eq!(code, Some(3), "{document}");
    assert!(is(&document, "serial-port", "problem"), "{document}");
    assert!(of(&document, "service").is_empty(), "{document}");

    let link = folder.path().join("gempc");
    let mut reader = Background::start(
        Program::ours("firmware-sim")?
            .args(["reader", "--link"])
            .arg(&link),
    )?;
    reader.wait_for("\"reader\"")?;
    let file = station(folder.path(), &format!("serial:{}", link.display()))?;
    let (document, code) = doctor(&["--station", &file])?;
    assert_eq!(code, Some(0), "{document}");
    assert!(is(&document, "serial-port", "ok"), "{document}");
    Ok(())
}

/// A reader is pulled out while its card is in use, and comes back.
#[test]
fn a_reader_that_goes_ends_its_link_and_is_found_again() -> TestResult {
    if !Path::new(DRIVER).is_file() {
        return Err(format!("{DRIVER} is not there; `./test` installs libccid").into());
    }
    let folder = tempfile::tempdir()?;
    let port = folder.path().join("gempc");
    let plug_in = || -> Result<Background, Box<dyn Error>> {
        let mut reader = Background::start(
            Program::ours("firmware-sim")?
                .args(["reader", "--link"])
                .arg(&port),
        )?;
        reader.wait_for("\"reader\"")?;
        Ok(reader)
    };
    let configuration = folder.path().join("reader.conf");
    fs::write(
        &configuration,
        format!(
            "FRIENDLYNAME \"GemPC Twin\"\nDEVICENAME {}\nLIBPATH {DRIVER}\n",
            port.display()
        ),
    )?;
    let twin = plug_in()?;
    let desk = Desk::take_with_readers(&configuration, "GemPC Twin")?;
    let service = Service::new();
    let mut reader = PcscReader::open_on(service.clone(), "GemPC*", System::shared())?;
    let mut link = reader.connect(Duration::from_secs(10))?;
    assert!(link.transmit(&SELECT_PIV)?.ends_with(&[0x90, 0x00]));

    drop(twin);
    let gone = link.transmit(&SELECT_PIV).expect_err("nobody can answer");
    eprintln!("told: {gone}");
    drop(desk);
    // The service went, too, and both come back.
    let ended = link.transmit(&SELECT_PIV).expect_err("nobody can answer");
    let _twin = plug_in()?;
    let _desk = Desk::take_with_readers(&configuration, "GemPC Twin")?;
    // The old link stays dead, whatever is there now.
    let still = link.transmit(&SELECT_PIV).expect_err("it was another life");
    assert!(
        matches!(
            still,
            LinkError::ReaderGone { .. }
                | LinkError::CardRemoved { .. }
                | LinkError::NoService { .. }
        ),
        "{ended}, then {still}"
    );
    let mut link = reader.connect(Duration::from_secs(20))?;
    assert!(link.transmit(&SELECT_PIV)?.ends_with(&[0x90, 0x00]));
    Ok(())
}

#[test]
fn a_reader_that_is_not_there_yet_is_waited_for() -> TestResult {
    let folder = tempfile::tempdir()?;
    let configuration = folder.path().join("reader.conf");
    fs::write(&configuration, "# none\n")?;
    let _desk = Desk::take_with_configuration(&configuration)?;
    let error = PcscReader::await_on(
        Service::new(),
        "Nobody*",
        Duration::from_millis(1200),
        System::shared(),
    )
    .expect_err("there is none");
    assert!(
        matches!(&error, LinkError::NoReader { reader, .. } if reader == "Nobody*"),
        "{error}"
    );
    Ok(())
}
