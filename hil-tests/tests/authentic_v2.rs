//! The simulated series 8 card with AuthentIC v2.2 as OpenSC of Debian sees it, by its own
//! `oberthur` driver through pcscd and vpcd. Where that driver stops, the test says where and why;
//! `docs/opensc-series8.md` has the lines.

#[path = "common/opensc.rs"]
mod opensc;

use std::error::Error;
use std::fs;

use hil_tests::Outcome;

use opensc::{Bench, OFFICER, PASSCODE, TestResult};

/// The id OpenSC gives the holder's passcode: `SCM`, its domain.
const PASSCODE_ID: &str = "53434d";

/// A private key as OpenSC lists it.
struct Key {
    /// By which its certificate and its public key are found too.
    id: String,
    /// The identifier of its file in 3F00/5011/9002.
    file: String,
}

/// The private keys of the card, in its own order: that for authentication first.
fn keys(bench: &Bench) -> Result<Vec<Key>, Box<dyn Error>> {
    let listed = bench.succeed(&["pkcs15-tool", "--list-keys"])?;
    let value = |key: &str, name: &str| -> Result<String, Box<dyn Error>> {
        let line = key.lines().find(|line| line.trim().starts_with(name));
        let (_, value) = line
            .and_then(|line| line.split_once(": "))
            .ok_or("no value")?;
        Ok(value.trim().to_owned())
    };
    let listed = listed.split("Private RSA Key").skip(1);
    listed
        .map(|key| {
            let path = value(key, "Path ")?;
            let file = path.strip_prefix("3f0050119002").ok_or("another path")?;
            Ok(Key {
                id: value(key, "ID ")?,
                file: file.to_owned(),
            })
        })
        .collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// A passcode as the card takes it: 64 bytes.
fn field(passcode: &str) -> String {
    format!("{:F<128}", hexadecimal(passcode.as_bytes()))
}

/// Sends commands with OpenSC's own tool, each of which must succeed, and returns the data of the
/// last one's answer.
fn send(bench: &Bench, commands: &[String]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut tool = bench.program("opensc-tool");
    for command in commands {
        tool = tool.args(["--send-apdu", command]);
    }
    let outcome = tool.succeed()?;
    let text = outcome.stdout();
    let answers: Vec<&str> = text.split("Received (").skip(1).collect();
    assert_eq!(answers.len(), commands.len(), "{outcome}");
    for answer in &answers {
        assert!(answer.starts_with("SW1=0x90, SW2=0x00)"), "{outcome}");
    }
    // Sixteen bytes a line, three columns each, and what they are as text.
    let lines = answers.last().ok_or("nothing sent")?.lines().skip(1);
    let bytes = lines.flat_map(|line| {
        let columns = line.get(..48).unwrap_or(line);
        columns
            .split_whitespace()
            .map(|byte| u8::from_str_radix(byte, 16))
    });
    Ok(bytes.collect::<Result<_, _>>()?)
}

/// The commands by which the driver would sign the DigestInfo, if it came so far.
fn signing(bench: &Bench, key: &Key) -> Result<Vec<u8>, Box<dyn Error>> {
    let info = bench.read("digest-info")?;
    send(
        bench,
        &[
            "00A40000023F00".to_owned(),
            "00A40000025011".to_owned(),
            format!("0020008140{}", field(PASSCODE)),
            "00A40000029002".to_owned(),
            format!("00A4000002{}", key.file),
            "002241B603800111".to_owned(),
            format!("002A9E9A{:02X}{}00", info.len(), hexadecimal(&info)),
        ],
    )
}

fn verify(bench: &Bench, passcode: &str) -> Result<Outcome, Box<dyn Error>> {
    let line = ["--verify-pin", "--auth-id", PASSCODE_ID, "--pin", passcode];
    let program = bench.program("pkcs15-tool").env("OPENSC_DEBUG", "3");
    Ok(program.args(line).outcome()?)
}

#[test]
fn opensc_recognises_the_card_and_lists_what_is_on_it() -> TestResult {
    let bench = Bench::new(&["--model", "series8-v2", "--number", "8"])?;
    let name = bench.succeed(&["opensc-tool", "--name"])?;
    assert!(name.contains("AuthentIC v5"), "{name}");
    let serial = bench.succeed(&["opensc-tool", "--serial"])?;
    assert!(serial.contains("00 00 00 08"), "{serial}");

    let dump = bench.succeed(&["pkcs15-tool", "--dump"])?;
    for expected in [
        "PKCS#15 Card [SCM]",
        "Manufacturer ID: Oberthur/OpenSC",
        "Serial number  : 00000008",
        "PIN [SO PIN]",
        "PIN [SCM]",
        "Reference      : 129 (0x81)",
        "Path           : 3f00501190023001",
        "Path           : 3f00501190012002",
        "SIMULATED HOLDER 8]",
        "Usage          : [0x2E], decrypt, sign, signRecover, unwrap",
        "Usage          : [0x04], sign",
    ] {
        assert!(dump.contains(expected), "no `{expected}` in {dump}");
    }
    bench.lists_both_pairs()
}

/// The driver counts "no hash" among the hashes, which it refuses, and OpenSC asks for "no hash"
/// with every signature: the card is never asked. So the commands are sent one by one.
#[test]
fn both_keys_sign_and_openssl_verifies_against_the_certificate_on_the_card() -> TestResult {
    for bits in ["1024", "2048"] {
        let folder = tempfile::tempdir()?;
        let model = folder.path().join("model.toml");
        let text = include_str!("../../firmware-sim/src/card/models/series8-v2.toml");
        fs::write(
            &model,
            text.replace("personalised = 2048", &format!("personalised = {bits}")),
        )?;
        let bench = Bench::new(&["--model", model.to_str().ok_or("a path that is no text")?])?;
        bench.digest_info()?;
        let keys = keys(&bench)?;
        assert_eq!(keys.len(), 2);
        for key in keys {
            bench.public_key(&key.id)?;
            let signature = signing(&bench, &key)?;
            fs::write(bench.folder().join("signature"), signature)?;
            assert!(bench.is_verified("-sha256")?, "{bits} {}", key.file);
        }
    }
    Ok(())
}

#[test]
fn no_signature_of_pkcs_11_comes_as_far_as_the_card() -> TestResult {
    let bench = Bench::new(&["--model", "series8-v2"])?;
    bench.digest_info()?;
    let keys = keys(&bench)?;
    let key = keys.first().ok_or("no key")?;
    for (mechanism, input) in [("RSA-PKCS", "digest-info"), ("SHA256-RSA-PKCS", "message")] {
        let signer = bench.signer(&key.id, mechanism, input);
        let outcome = signer.env("OPENSC_DEBUG", "9").outcome()?;
        assert_ne!(outcome.code(), Some(0), "{outcome}");
        let log = outcome.stderr();
        let refused = "auth_set_security_env: No support for hashes.: -1408";
        assert!(log.contains(refused), "{mechanism}: {outcome}");
        assert!(!log.contains("\n00 22 41 B6"), "{mechanism}: {outcome}");
    }
    Ok(())
}

#[test]
fn the_authentication_key_deciphers_and_the_signing_key_does_not() -> TestResult {
    let bench = Bench::new(&["--model", "series8-v2"])?;
    for (key, deciphers) in keys(&bench)?.iter().zip([true, false]) {
        bench.public_key(&key.id)?;
        let outcome = bench.decipher(&key.id)?;
        assert_eq!(outcome.code() == Some(0), deciphers, "{outcome}");
        let comes_out = bench.read("plain")? == bench.read("message")?;
        assert_eq!(comes_out, deciphers, "{}", key.file);
    }
    Ok(())
}

/// The driver takes no card whose passcode is blocked, and unblocks none that is not: it compares
/// the reference 81 it has itself given the passcode with 01.
#[test]
fn a_passcode_is_changed_and_blocked_by_the_driver_and_unblocked_command_by_command() -> TestResult
{
    let bench = Bench::new(&["--model", "series8-v2"])?;
    // Letters, as in old passcodes.
    bench.succeed(&[
        "pkcs15-tool",
        "--change-pin",
        "--auth-id",
        PASSCODE_ID,
        "--pin",
        PASSCODE,
        "--new-pin",
        "old1",
    ])?;
    assert_eq!(verify(&bench, "old1")?.code(), Some(0));

    let unblocking = bench
        .program("pkcs15-tool")
        // At lower levels OpenSC says nothing of what happens inside a command with a PIN.
        .env("OPENSC_DEBUG", "9")
        .args(["--unblock-pin", "--auth-id", PASSCODE_ID])
        .args(["--puk", OFFICER, "--new-pin", "24682468"])
        .outcome()?;
    assert_ne!(unblocking.code(), Some(0), "{unblocking}");
    let log = unblocking.stderr();
    let refused = "'PIN RESET' failed: invalid PIN reference: -1300";
    assert!(log.contains(refused), "{unblocking}");

    for _ in 0..3 {
        assert_ne!(verify(&bench, PASSCODE)?.code(), Some(0));
    }
    let blocked = verify(&bench, "old1")?;
    assert_ne!(blocked.code(), Some(0), "{blocked}");
    let log = blocked.stderr();
    let refused = "cannot verify PIN: -1212 (Authentication method blocked)";
    assert!(log.contains(refused), "{blocked}");

    let code = send(
        &bench,
        &[
            "00A40000023F00".to_owned(),
            "00A40000025011".to_owned(),
            "00A40000022000".to_owned(),
            "00B0000010".to_owned(),
        ],
    )?;
    assert_eq!(code.len(), 16);
    send(
        &bench,
        &[
            "00A40000023F00".to_owned(),
            "00A40000025011".to_owned(),
            format!("0020008440{}", field(OFFICER)),
            format!("002C000150{}{}", hexadecimal(&code), field("24682468")),
        ],
    )?;
    assert_eq!(verify(&bench, "24682468")?.code(), Some(0));
    Ok(())
}

/// A blank is formatted and filled by `pkcs15-init`, which nobody here wrote.
#[test]
fn pkcs15_init_formats_a_blank_and_puts_keys_and_a_certificate_on_it() -> TestResult {
    let bench = Bench::new(&["--model", "series8-v2", "--blank", "--number", "9"])?;
    let initialise = |line: &[&str]| bench.program("pkcs15-init").args(line).succeed();
    let passcodes = ["--pin", PASSCODE, "--so-pin", OFFICER];
    let holders = ["--auth-id", PASSCODE_ID];
    initialise(
        &[
            &["--create-pkcs15", "--use-default-transport-keys"][..],
            &["--so-puk", "", "--store-pin", "--label", "SCM"],
            &["--puk", OFFICER],
            &holders,
            &passcodes,
        ]
        .concat(),
    )?;
    let pins = bench.succeed(&["pkcs15-tool", "--list-pins"])?;
    assert!(pins.contains("PIN [SCM]"), "{pins}");
    assert_eq!(verify(&bench, PASSCODE)?.code(), Some(0));

    let made = [
        "--generate-key",
        "rsa/2048",
        "--id",
        "45",
        "--label",
        "made",
    ];
    initialise(&[&made[..], &holders, &passcodes].concat())?;
    bench.self_signed("stored")?;
    let stored = ["--store-private-key", "key.pem", "--id", "47"];
    initialise(&[&stored[..], &["--label", "stored"], &holders, &passcodes].concat())?;
    let certificate = ["--store-certificate", "new.pem", "--id", "47"];
    initialise(
        &[
            &certificate[..],
            &["--label", "stored"],
            &holders,
            &passcodes,
        ]
        .concat(),
    )?;

    let keys = keys(&bench)?;
    let ids: Vec<&str> = keys.iter().map(|key| &*key.id).collect();
    assert_eq!(ids, ["45", "47"]);
    bench.succeed(&["pkcs15-tool", "--read-certificate", "47", "-o", "read.pem"])?;
    assert_eq!(
        bench.fingerprint("read.pem")?,
        bench.fingerprint("new.pem")?
    );

    // What was made on the card and what was brought to it both sign.
    bench.digest_info()?;
    for key in &keys {
        let read = [
            "pkcs15-tool",
            "--read-public-key",
            &key.id,
            "-o",
            "public.pem",
        ];
        bench.succeed(&read)?;
        fs::write(bench.folder().join("signature"), signing(&bench, key)?)?;
        assert!(bench.is_verified("-sha256")?, "{}", key.id);
    }
    Ok(())
}

/// By itself `--store-pin` does not show the officer's passcode, so the card refuses it.
#[test]
fn pkcs15_init_stores_a_passcode_only_while_it_formats_the_card() -> TestResult {
    let bench = Bench::new(&["--model", "series8-v2", "--blank"])?;
    bench
        .program("pkcs15-init")
        .args(["--create-pkcs15", "--use-default-transport-keys"])
        .args(["--so-pin", OFFICER, "--so-puk", ""])
        .succeed()?;
    let outcome = bench
        .program("pkcs15-init")
        .env("OPENSC_DEBUG", "9")
        .args(["--store-pin", "--auth-id", PASSCODE_ID, "--label", "SCM"])
        .args(["--pin", PASSCODE, "--puk", OFFICER, "--so-pin", OFFICER])
        .outcome()?;
    assert_ne!(outcome.code(), Some(0), "{outcome}");
    let log = outcome.stderr();
    let refused = "'CREATE_PIN' card specific command failed: -1211";
    assert!(log.contains(refused), "{outcome}");
    assert!(!log.contains("\n00 20 00 04 40"), "{outcome}");
    Ok(())
}
