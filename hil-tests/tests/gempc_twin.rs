//! The simulated GemPC Twin under pcscd with libccid's own serial driver and OpenSC on top, and
//! under our driver.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use hil_tests::{Background, Desk, Program};
use tempfile::TempDir;

type TestResult = Result<(), Box<dyn Error>>;

/// libccid's driver for readers on a serial line, where Debian and its relatives put it.
const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libccidtwin.so";
const READER: &str = "GemPC Twin";
const PASSCODE: &str = "123456";
const SELECT_PIV: &str = "00A404000BA00000030800001000010000";

/// Tenths of a second a moved card may take to be noticed.
const NOTICED_WITHIN_TENTHS: u32 = 100;

/// A simulated reader at a fixed path.
struct Bench {
    folder: TempDir,
    reader: Background,
}

impl Bench {
    fn start(arguments: &[&str]) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let mut reader = Background::start(
            Program::ours("firmware-sim")?
                .args(["reader", "--link"])
                .arg(folder.path().join("gempc"))
                .args(arguments),
        )?;
        reader.wait_for("\"reader\"")?;
        Ok(Self { folder, reader })
    }

    fn port(&self) -> PathBuf {
        self.folder.path().join("gempc")
    }

    fn tell(&mut self, line: &str) -> TestResult {
        self.reader.tell(line)?;
        let said = self.reader.wait_for(line)?;
        assert!(said.contains("done"), "{said}");
        Ok(())
    }

    /// pcscd with this reader and no other.
    fn desk(&self) -> Result<Desk, Box<dyn Error>> {
        assert!(
            Path::new(DRIVER).is_file(),
            "{DRIVER} is not there; `./test` installs libccid"
        );
        let configuration = self.folder.path().join("reader.conf");
        fs::write(
            &configuration,
            format!(
                "FRIENDLYNAME \"{READER}\"\nDEVICENAME {}\nLIBPATH {DRIVER}\n",
                self.port().display()
            ),
        )?;
        Ok(Desk::take_with_readers(&configuration, READER)?)
    }
}

fn opensc(arguments: &[&str]) -> Program {
    Program::foreign("opensc-tool").args(arguments)
}

/// Waits until OpenSC sees this answer to reset.
fn wait_for_card(atr: &str) -> TestResult {
    let mut seen = String::new();
    for _ in 0..NOTICED_WITHIN_TENTHS {
        let told = opensc(&["--atr"]).outcome()?;
        seen = told.to_string();
        let digits: String = told
            .stdout()
            .chars()
            .filter(char::is_ascii_hexdigit)
            .collect();
        if digits.eq_ignore_ascii_case(atr) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Err(format!("no card with {atr}: {seen}").into())
}

fn wait_for_no_card() -> TestResult {
    for _ in 0..NOTICED_WITHIN_TENTHS {
        let listed = opensc(&["--list-readers"]).succeed()?.stdout();
        let line = listed.lines().find(|line| line.contains(READER));
        if line.is_some_and(|line| line.contains("No")) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Err("the card is still there".into())
}

/// Selects the PIV application; OpenSC shows the answer.
fn select() -> Result<String, Box<dyn Error>> {
    Ok(
        opensc(&["--card-driver", "default", "--send-apdu", SELECT_PIV])
            .succeed()?
            .stdout(),
    )
}

fn series10() -> String {
    firmware_sim::card::Model::series10()
        .atr
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect()
}

/// A model file with the series 10 card under another answer to reset.
fn model(bench: &Bench, name: &str, edits: &[(&str, &str)]) -> Result<PathBuf, Box<dyn Error>> {
    let mut text = include_str!("../../firmware-sim/src/card/models/series10.toml").to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    let path = bench.folder.path().join(name);
    fs::write(&path, text)?;
    Ok(path)
}

#[test]
fn opensc_reads_and_signs_through_libccids_serial_driver() -> TestResult {
    let mut bench = Bench::start(&[])?;
    let desk = bench.desk()?;
    wait_for_card(&series10())?;

    // Blocks longer than one, a login, a signature that openssl takes for that of the certificate.
    let at = |name: &str| bench.folder.path().join(name);
    let objects = Program::foreign("pkcs11-tool")
        .env("PASSCODE", PASSCODE)
        .args(["--login", "--pin", "env:PASSCODE", "--list-objects"])
        .succeed()?
        .stdout();
    assert!(
        objects.contains("Certificate for PIV Authentication"),
        "{objects}"
    );
    Program::foreign("pkcs11-tool")
        .args(["--read-object", "--type", "cert", "--id", "01"])
        .arg("--output-file")
        .arg(at("certificate.der"))
        .succeed()?;
    fs::write(at("challenge"), b"who are you")?;
    Program::foreign("pkcs11-tool")
        .env("PASSCODE", PASSCODE)
        .args(["--login", "--pin", "env:PASSCODE", "--sign", "--id", "01"])
        .args([
            "--mechanism",
            "ECDSA-SHA256",
            "--signature-format",
            "openssl",
        ])
        .arg("--input-file")
        .arg(at("challenge"))
        .arg("--output-file")
        .arg(at("signature"))
        .succeed()?;
    let key = Program::foreign("openssl")
        .args(["x509", "-inform", "DER", "-noout", "-pubkey", "-in"])
        .arg(at("certificate.der"))
        .succeed()?;
    fs::write(at("key.pem"), key.stdout_bytes())?;
    let verified = Program::foreign("openssl")
        .args(["dgst", "-sha256", "-verify"])
        .arg(at("key.pem"))
        .arg("-signature")
        .arg(at("signature"))
        .arg(at("challenge"))
        .succeed()?;
    assert!(verified.stdout().contains("Verified OK"), "{verified}");

    // Out and in again.
    bench.tell("remove")?;
    wait_for_no_card()?;
    bench.tell("insert")?;
    wait_for_card(&series10())?;

    // A card that needs time, a block damaged either way: libccid and the card get over it.
    for fault in [
        "transfer:time=2",
        "transfer:2:from-card",
        "transfer:2:to-card",
    ] {
        bench.tell(&format!("fault {fault}"))?;
        let selected = select()?;
        assert!(
            selected.contains("SW1=0x90, SW2=0x00"),
            "{fault}: {selected}"
        );
    }

    // Then the port is free, and our own driver finds the same card.
    drop(desk);
    let selector = format!("serial:{}", bench.port().display());
    let inspected = Program::ours("cardwright")?
        .args(["--json", "inspect", "--reader", &selector])
        .succeed()?
        .stdout();
    assert!(inspected.contains(&series10()), "{inspected}");
    let proved = Program::ours("cardwright")?
        .args(["validate", "--reader", &selector])
        .outcome()?;
    assert!(matches!(proved.code(), Some(0 | 1)), "{proved}");
    assert!(
        proved.stderr().is_empty() || proved.code() == Some(1),
        "{proved}"
    );
    Ok(())
}

#[test]
fn libccid_speaks_t0_and_the_other_check_code_to_the_simulated_card() -> TestResult {
    let mut bench = Bench::start(&["--empty"])?;
    let _desk = bench.desk()?;
    let original = format!("atr = \"{}\"", series10());

    // T=0 at 250,000 bits per second, which has to be agreed on.
    let t0 = "3B139653494D";
    let file = model(
        &bench,
        "t0.toml",
        &[
            (&original, &format!("atr = \"{t0}\"")),
            ("[transport]", "[transport]\nprotocol = \"T=0\""),
        ],
    )?;
    bench.tell(&format!("insert {}", file.display()))?;
    wait_for_card(t0)?;
    let selected = select()?;
    assert!(selected.contains("SW1=0x90, SW2=0x00"), "{selected}");
    // Time bytes on the line.
    bench.tell("fault transfer:time=2")?;
    assert!(select()?.contains("SW1=0x90, SW2=0x00"));
    bench.tell("remove")?;
    wait_for_no_card()?;

    // T=1 with a cyclic redundancy check at the end of each block: TC3 is there and odd.
    let crc = with_check("3BDF96008171FE450180738421E0554978000080830F9000");
    let file = model(
        &bench,
        "crc.toml",
        &[(&original, &format!("atr = \"{crc}\""))],
    )?;
    bench.tell(&format!("insert {}", file.display()))?;
    wait_for_card(&crc)?;
    let selected = select()?;
    assert!(selected.contains("SW1=0x90, SW2=0x00"), "{selected}");
    Ok(())
}

/// The answer to reset with its check byte.
fn with_check(atr: &str) -> String {
    let bytes: Vec<u8> = (2..atr.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&atr[at..at + 2], 16).expect("hexadecimal digits"))
        .collect();
    let check = bytes.iter().fold(0, |sum, byte| sum ^ byte);
    format!("{atr}{check:02X}")
}
