//! The published ICAM card images on a simulated card: read by programs nobody here wrote, and by
//! every command that takes an image.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use hil_tests::{Background, Desk, Program, RigError, VPCD_READER};
use serde_json::Value;

type TestResult = Result<(), Box<dyn Error>>;

/// The PIN of a simulated series 10 card.
const PIN: &str = "123456";

/// Tenths of a second a card may take to appear in the reader.
const APPEARS_WITHIN_TENTHS: u32 = 200;

const FIRST: &str = "01_Golden_PIV";
const LAST: &str = "46_Golden_FIPS_201-2_PIV";
const CARDS: [&str; 4] = [
    FIRST,
    "02_Golden_PIV-I",
    "37_Golden_FIPS_201-2_PIV_PPS_F=512_D=64",
    LAST,
];

/// The published card images, or `None` with a plain word where one of these is not there.
fn published_with(names: &[&str]) -> Option<PathBuf> {
    let folder = published()?;
    for name in names {
        if !folder.join(name).is_dir() {
            println!("skipped: no card {name}");
            return None;
        }
    }
    Some(folder)
}

/// The published card images, or `None` with a plain word where there are none.
fn published() -> Option<PathBuf> {
    let data = std::env::var_os("CARDWRIGHT_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let folder = data.join("icam");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no test data at {}", folder.display());
    None
}

/// Puts the card of an image into the virtual reader.
fn insert(desk: &Desk, image: &Path) -> Result<Background, RigError> {
    let card = Program::ours("firmware-sim")?.args(["card", "--image"]);
    desk.insert(card.arg(image))
}

/// Takes the card out and waits until the service has seen that.
fn take_out(card: Background) -> TestResult {
    drop(card);
    for _ in 0..APPEARS_WITHIN_TENTHS {
        let atr = Program::foreign("opensc-tool").arg("--atr").outcome()?;
        if atr.code() != Some(0) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Err("the card does not leave the virtual reader".into())
}

fn cardwright() -> Result<Program, Box<dyn Error>> {
    Ok(Program::ours("cardwright")?)
}

fn json(text: &str) -> Result<Value, Box<dyn Error>> {
    Ok(serde_json::from_str(text)?)
}

/// `openssl`, with the public key of a certificate file and the certificate in DER.
fn certificate(file: &Path, folder: &Path) -> Result<(PathBuf, Vec<u8>), Box<dyn Error>> {
    let key = Program::foreign("openssl")
        .args(["x509", "-noout", "-pubkey", "-in"])
        .arg(file)
        .succeed()?;
    let path = folder.join("key.pem");
    fs::write(&path, key.stdout_bytes())?;
    let der = Program::foreign("openssl")
        .args(["x509", "-outform", "DER", "-in"])
        .arg(file)
        .succeed()?;
    Ok((path, der.stdout_bytes().to_vec()))
}

#[test]
fn foreign_programs_read_a_published_card_and_its_key_signs() -> TestResult {
    let Some(published) = published_with(&[LAST]) else {
        return Ok(());
    };
    let desk = Desk::take()?;
    let image = published.join(LAST);
    let _card = insert(&desk, &image)?;
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);

    let name = Program::foreign("opensc-tool")
        .arg("--name")
        .succeed()?
        .stdout();
    assert!(
        name.contains("PIV") || name.contains("Personal Identity Verification"),
        "{name}"
    );

    let listed = Program::foreign("pkcs15-tool")
        .arg("--list-certificates")
        .succeed()?
        .stdout();
    for label in [
        "PIV Authentication",
        "Digital Signature",
        "Key Management",
        "Card Authentication",
    ] {
        assert!(listed.contains(label), "no `{label}` in:\n{listed}");
    }

    let pkcs11_tool = || {
        Program::foreign("pkcs11-tool")
            .env("PIN", PIN)
            .args(["--login", "--pin", "env:PIN"])
    };
    let objects = pkcs11_tool().arg("--list-objects").succeed()?.stdout();
    for label in [
        "Certificate for PIV Authentication",
        "Card Holder Unique Identifier",
    ] {
        assert!(objects.contains(label), "no `{label}` in:\n{objects}");
    }

    let file = image.join("3 - ICAM_PIV_Auth_SP_800-73-4.crt");
    let (key, der) = certificate(&file, folder.path())?;
    Program::foreign("pkcs11-tool")
        .args([
            "--read-object",
            "--type",
            "cert",
            "--id",
            "01",
            "--output-file",
        ])
        .arg(at("read.der"))
        .succeed()?;
    assert_eq!(
        fs::read(at("read.der"))?,
        der,
        "not the published certificate"
    );

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
    Program::foreign("openssl")
        .args(["dgst", "-sha256", "-verify"])
        .arg(&key)
        .arg("-signature")
        .arg(at("signature"))
        .arg(at("challenge"))
        .succeed()?;
    Ok(())
}

/// The card with five retired keys: a foreign program finds them by the Key History Object.
#[test]
fn foreign_programs_find_the_retired_certificates_of_a_published_card() -> TestResult {
    let Some(published) = published_with(&[CARDS[2]]) else {
        return Ok(());
    };
    let desk = Desk::take()?;
    let _card = insert(&desk, &published.join(CARDS[2]))?;
    let listed = Program::foreign("pkcs11-tool")
        .args(["--list-objects", "--type", "cert"])
        .succeed()?
        .stdout();
    assert_eq!(listed.matches("Certificate Object").count(), 9, "{listed}");
    for number in 1..=5 {
        let label = format!("Retired Certificate for Key Management {number}");
        assert!(listed.contains(&label), "no `{label}` in:\n{listed}");
    }
    Ok(())
}

#[test]
fn a_capture_through_pcscd_equals_the_folder_the_card_was_made_of() -> TestResult {
    let Some(published) = published_with(&[LAST]) else {
        return Ok(());
    };
    let desk = Desk::take()?;
    let image = published.join(LAST);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("card.json");
    let capture = || -> Result<Program, Box<dyn Error>> {
        Ok(cardwright()?
            .env("CARDWRIGHT_PASSCODE", PIN)
            .args(["capture", "--with-passcode"])
            .args(["--reader", &format!("pcsc:{VPCD_READER}"), "-o"])
            .arg(&file))
    };
    let card = insert(&desk, &image)?;
    capture()?.succeed()?;
    let again = capture()?.outcome()?;
    assert_eq!(again.code(), Some(2), "{again}");
    assert!(again.stderr().contains("exists already"), "{again}");
    assert!(again.stderr().contains("--force"), "{again}");
    capture()?.arg("--force").succeed()?;
    take_out(card)?;
    let compared = cardwright()?
        .args(["--json", "diff"])
        .arg(&image)
        .arg(&file)
        .succeed()?;
    assert_eq!(
        json(&compared.stdout())?["differences"],
        Value::Array(Vec::new())
    );

    // The capture on a card of its own, through the service once more.
    let _card = insert(&desk, &file)?;
    let compared = cardwright()?
        .args(["--json", "diff"])
        .arg(&file)
        .arg(format!("pcsc:{VPCD_READER}"))
        .outcome()?;
    assert_eq!(compared.code(), Some(0), "{compared}");
    let compared = json(&compared.stdout())?;
    assert_eq!(compared["differences"], Value::Array(Vec::new()));
    Ok(())
}

#[test]
fn diff_tells_a_regression_by_its_exit_code() -> TestResult {
    let Some(published) = published_with(&[FIRST, LAST]) else {
        return Ok(());
    };
    let diff = |a: &str, b: &str| {
        Ok::<_, Box<dyn Error>>(
            cardwright()?
                .arg("diff")
                .arg(published.join(a))
                .arg(published.join(b))
                .outcome()?,
        )
    };
    let same = diff(LAST, LAST)?;
    assert_eq!(same.code(), Some(0), "{same}");
    assert!(
        same.stdout()
            .contains("0 regression, 0 new, 0 tolerated, 0 expected"),
        "{same}"
    );
    let better = diff(FIRST, LAST)?;
    assert!(
        better.stdout().contains("name of the card UUID"),
        "{better}"
    );
    let worse = diff(LAST, FIRST)?;
    assert_eq!(worse.code(), Some(1), "{worse}");
    let absent = diff(LAST, "no such card")?;
    assert_eq!(absent.code(), Some(2), "{absent}");
    assert!(absent.stderr().contains("no such card"), "{absent}");
    Ok(())
}

#[test]
fn diff_takes_readers_captures_and_transcripts() -> TestResult {
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    cardwright()?
        .args(["capture", "--reader", "sim:series10", "-o"])
        .arg(at("card.json"))
        .succeed()?;
    cardwright()?
        .args(["inspect", "--reader", "sim:series10", "--transcript"])
        .arg(at("card.jsonl"))
        .outcome()?;
    let (capture, transcript) = (at("card.json"), at("card.jsonl"));
    let (capture, transcript) = (capture.to_string_lossy(), transcript.to_string_lossy());
    let others = [
        capture.to_string(),
        format!("sim:{capture}"),
        transcript.to_string(),
        format!("replay:{transcript}"),
    ];
    for other in &others {
        let compared = cardwright()?
            .args(["--json", "diff", "sim:series10", other])
            .outcome()?;
        assert_eq!(compared.code(), Some(0), "{other}: {compared}");
        let compared = json(&compared.stdout())?;
        assert_eq!(compared["differences"], Value::Array(Vec::new()), "{other}");
    }
    Ok(())
}

#[test]
fn a_capture_without_the_passcode_says_what_is_missing() -> TestResult {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("card.json");
    let taken = cardwright()?
        .args(["capture", "--reader", "sim:series10", "-o"])
        .arg(&file)
        .succeed()?;
    assert!(taken.stdout().contains("behind the passcode"), "{taken}");
    let text = fs::read_to_string(&file)?;
    assert_eq!(json(&text)?["schema"], 1);
    fs::remove_file(&file)?;
    let taken = cardwright()?
        .env("CARDWRIGHT_PASSCODE", PIN)
        .args([
            "capture",
            "--with-passcode",
            "--reader",
            "sim:series10",
            "-o",
        ])
        .arg(&file)
        .succeed()?;
    assert!(
        taken.stdout().contains("pairing code is a secret"),
        "{taken}"
    );
    let wrong = cardwright()?
        .env("CARDWRIGHT_PASSCODE", "999999")
        .args([
            "capture",
            "--with-passcode",
            "--reader",
            "sim:series10",
            "-o",
        ])
        .arg(folder.path().join("other.json"))
        .outcome()?;
    assert_eq!(wrong.code(), Some(2), "{wrong}");
    assert!(!folder.path().join("other.json").exists());
    Ok(())
}

/// What an inspection finds against a published card, and nothing else: each is a fact about the
/// card, told in the notes of its publisher or seen in its files.
#[test]
fn inspection_of_a_published_card_finds_what_is_known_of_it() -> TestResult {
    const NO_CCC: &str = "does not cover the unsigned Card Capability Container";
    const NO_DISCOVERY: &str = "does not cover the unsigned Discovery Object";
    let Some(published) = published() else {
        return Ok(());
    };
    let known: [&[&str]; 4] = [
        // The UUID in two certificates is not the CHUID's.
        &[
            NO_CCC,
            NO_DISCOVERY,
            "certificate for Digital Signature: UUID is",
            "certificate for Key Management: UUID is",
        ],
        // The GUID has version 1 and the variant bits of no UUID.
        &[
            "GUID be127ea0-d180-124d-e044-000f202b235a",
            NO_CCC,
            NO_DISCOVERY,
        ],
        &["does not cover the unsigned Key History Object"],
        &[NO_CCC, NO_DISCOVERY],
    ];
    let there = |(name, _): &(&str, _)| published.join(name).is_dir();
    for (name, known) in CARDS.into_iter().zip(known).filter(there) {
        let reader = format!("sim:{}", published.join(name).display());
        let inspected = cardwright()?
            .args(["--json", "inspect", "--reader", &reader])
            .outcome()?;
        assert_eq!(inspected.code(), Some(1), "{inspected}");
        let inspected = json(&inspected.stdout())?;
        let found: Vec<&str> = inspected["findings"]
            .as_array()
            .ok_or("no findings")?
            .iter()
            .filter(|finding| finding["severity"] != "info")
            .filter_map(|finding| finding["message"].as_str())
            .collect();
        assert_eq!(found.len(), known.len(), "{name}: {found:#?}");
        for (found, known) in found.iter().zip(known) {
            assert!(found.contains(known), "{name}: {found}");
        }
        assert_eq!(inspected["chuid"]["signature"]["state"], "good", "{name}");
        assert_eq!(
            inspected["security"]["signature"]["state"], "good",
            "{name}"
        );
    }
    Ok(())
}

#[test]
fn what_is_no_card_image_is_refused_with_its_name() -> TestResult {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("notes.txt"), b"nothing")?;
    fs::write(folder.path().join("card.json"), b"{\"schema\": 9}")?;
    for (path, word) in [
        (folder.path().to_owned(), "holds no card image"),
        (folder.path().join("card.json"), "schema 9"),
        (folder.path().join("notes.txt"), "no capture of a card"),
        (folder.path().join("nowhere"), "there is no simulated card"),
    ] {
        let outcome = cardwright()?
            .args(["inspect", "--reader", &format!("sim:{}", path.display())])
            .outcome()?;
        assert_eq!(outcome.code(), Some(2), "{outcome}");
        assert!(outcome.stderr().contains(word), "{outcome}");
    }
    let outcome = Program::ours("firmware-sim")?
        .args(["card", "--image"])
        .arg(folder.path())
        .outcome()?;
    assert_eq!(outcome.code(), Some(2), "{outcome}");
    assert!(
        outcome.stderr().contains("holds no card image"),
        "{outcome}"
    );
    Ok(())
}

#[test]
fn what_departs_on_a_published_card_is_explained_in_its_profile() -> TestResult {
    let Some(folder) = published() else {
        return Ok(());
    };
    let profile =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/profiles/gsa-piv-test-cards.toml");
    // The second is no PIV card but PIV-I, by other rules.
    let there = |name: &&str| !name.contains("PIV-I") && folder.join(name).is_dir();
    for name in CARDS.into_iter().filter(there) {
        let outcome = cardwright()?
            .env("CARDWRIGHT_PASSCODE", PIN)
            .args(["validate", "--with-passcode", "--json", "--profile"])
            .arg(&profile)
            .arg("--trust")
            .arg(folder.join("ICAM_CA_and_Signer"))
            .arg("--reader")
            .arg(format!("sim:{}", folder.join(name).display()))
            .outcome()?;
        assert_eq!(outcome.code(), Some(0), "{name}: {outcome}");
        let summary = &json(&outcome.stdout())?["summary"];
        assert_eq!(summary["warning"], 0, "{name}: {summary}");
        assert!(summary["explained"].as_u64() > Some(0), "{name}: {summary}");
        assert!(summary["pass"].as_u64() > Some(400), "{name}: {summary}");
    }
    Ok(())
}
