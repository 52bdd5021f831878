//! The simulated series 8 card with AuthentIC v3.2.2 as OpenSC of Debian sees it, by its own
//! `authentic` driver through pcscd and vpcd. Where that driver stops, the test says where and why;
//! `docs/opensc-series8.md` has the lines.

#[path = "common/opensc.rs"]
mod opensc;

use std::error::Error;
use std::fs;

use hil_tests::Outcome;

use opensc::{Bench, OFFICER, PASSCODE, TestResult};

/// The key pairs of a personalised card by their labels.
const AUTHENTICATION: &str = "Authentication";
const SIGNING: &str = "Content commitment";

/// The id by which OpenSC finds a key and its certificate.
fn id(bench: &Bench, label: &str) -> Result<String, Box<dyn Error>> {
    let keys = bench.succeed(&["pkcs15-tool", "--list-keys"])?;
    let (_, key) = keys
        .split_once(&format!("[{label}]"))
        .ok_or_else(|| format!("no key `{label}` in {keys}"))?;
    let line = key.lines().find(|line| line.trim().starts_with("ID "));
    let (_, id) = line.and_then(|line| line.split_once(": ")).ok_or("no id")?;
    Ok(id.trim().to_owned())
}

#[test]
fn opensc_recognises_the_card_and_lists_what_is_on_it() -> TestResult {
    let bench = Bench::new(&["--model", "series8-v3", "--number", "8"])?;
    let name = bench.succeed(&["opensc-tool", "--name"])?;
    assert!(name.contains("Oberthur AuthentIC 3.2.2"), "{name}");
    let serial = bench.succeed(&["opensc-tool", "--serial"])?;
    assert!(serial.contains("00 00 00 08"), "{serial}");

    let dump = bench.run(&["pkcs15-tool", "--dump"])?;
    let text = dump.stdout();
    assert_eq!(dump.code(), Some(0), "{dump}");
    for expected in [
        "PKCS#15 Card [Simulated series 8 card]",
        "PIN [User PIN]",
        "PIN [Security Officer PIN]",
        "Private RSA Key [Authentication]",
        "Private RSA Key [Content commitment]",
        "Public RSA Key [Authentication]",
        "X.509 Certificate [Content commitment]",
        "min_len:4, max_len:63",
        "Path           : 3f005015b002",
        "Key ref        : 129 (0x81)",
    ] {
        assert!(text.contains(expected), "no `{expected}` in {dump}");
    }
    bench.lists_both_pairs()
}

#[test]
fn both_keys_sign_and_openssl_verifies_against_the_certificate_on_the_card() -> TestResult {
    for bits in ["1024", "2048"] {
        let folder = tempfile::tempdir()?;
        let model = folder.path().join("model.toml");
        let text = include_str!("../../firmware-sim/src/card/models/series8-v3.toml");
        fs::write(
            &model,
            text.replace("personalised = 2048", &format!("personalised = {bits}")),
        )?;
        let model = model.to_str().ok_or("a path that is no text")?;
        let bench = Bench::new(&["--model", model])?;
        bench.digest_info()?;
        for label in [AUTHENTICATION, SIGNING] {
            let id = id(&bench, label)?;
            bench.public_key(&id)?;
            for (mechanism, input, digest) in [
                ("RSA-PKCS", "digest-info", "-sha256"),
                ("SHA1-RSA-PKCS", "message", "-sha1"),
                ("SHA256-RSA-PKCS", "message", "-sha256"),
            ] {
                let signed = bench.signer(&id, mechanism, input).outcome()?;
                assert_eq!(signed.code(), Some(0), "{signed}");
                assert!(bench.is_verified(digest)?, "{bits} {label} {mechanism}");
            }
        }
    }
    Ok(())
}

/// OpenSC sends a bare digest where PKCS#11 asks for digest and signature in one, and the algorithm
/// it names is that of a DigestInfo: a card which signs what it gets makes a signature nobody
/// takes for one of the message.
#[test]
fn a_card_that_completes_no_digest_signs_digest_infos_only() -> TestResult {
    let folder = tempfile::tempdir()?;
    let model = folder.path().join("model.toml");
    let text = include_str!("../../firmware-sim/src/card/models/series8-v3.toml");
    fs::write(
        &model,
        text.replace("completes_digests = true", "completes_digests = false"),
    )?;
    let bench = Bench::new(&["--model", model.to_str().ok_or("a path that is no text")?])?;
    bench.digest_info()?;
    let id = id(&bench, SIGNING)?;
    bench.public_key(&id)?;
    assert_eq!(
        bench
            .signer(&id, "RSA-PKCS", "digest-info")
            .outcome()?
            .code(),
        Some(0)
    );
    assert!(bench.is_verified("-sha256")?);
    assert_eq!(
        bench
            .signer(&id, "SHA256-RSA-PKCS", "message")
            .outcome()?
            .code(),
        Some(0)
    );
    assert!(!bench.is_verified("-sha256")?);
    bench.succeed(&[
        "openssl",
        "pkeyutl",
        "-verifyrecover",
        "-pubin",
        "-inkey",
        "public.pem",
        "-in",
        "signature",
        "-out",
        "recovered",
    ])?;
    assert_eq!(bench.read("recovered")?, bench.read("digest")?);
    Ok(())
}

#[test]
fn the_authentication_key_deciphers_and_the_signing_key_does_not() -> TestResult {
    let bench = Bench::new(&["--model", "series8-v3"])?;
    for (label, deciphers) in [(AUTHENTICATION, true), (SIGNING, false)] {
        let id = id(&bench, label)?;
        bench.public_key(&id)?;
        let outcome = bench.decipher(&id)?;
        assert_eq!(outcome.code() == Some(0), deciphers, "{outcome}");
        let comes_out = bench.read("plain")? == bench.read("message")?;
        assert_eq!(comes_out, deciphers, "{label}");
    }
    Ok(())
}

#[test]
fn a_passcode_is_changed_blocked_and_unblocked_by_the_officer() -> TestResult {
    let bench = Bench::new(&["--model", "series8-v3"])?;
    let verify = |passcode: &str| {
        bench.run(&[
            "pkcs15-tool",
            "--verify-pin",
            "--auth-id",
            "01",
            "--pin",
            passcode,
        ])
    };
    // Letters, as in old passcodes.
    bench.succeed(&[
        "pkcs15-tool",
        "--change-pin",
        "--auth-id",
        "01",
        "--pin",
        PASSCODE,
        "--new-pin",
        "old1",
    ])?;
    assert_eq!(verify("old1")?.code(), Some(0));
    for _ in 0..3 {
        assert_ne!(verify(PASSCODE)?.code(), Some(0));
    }
    let blocked = verify("old1")?;
    assert!(blocked.stderr().contains("blocked"), "{blocked}");
    bench.succeed(&[
        "pkcs15-tool",
        "--unblock-pin",
        "--auth-id",
        "01",
        "--puk",
        OFFICER,
        "--new-pin",
        "24682468",
    ])?;
    assert_eq!(verify("24682468")?.code(), Some(0));
    Ok(())
}

#[test]
fn a_foreign_scp01_opens_the_channel_and_everything_goes_through_it() -> TestResult {
    let bench = Bench::new(&["--model", "series8-v3"])?;
    let configuration = |master: &str| {
        format!(
            "app default {{
                card_atr 3B:DD:18:00:81:31:FE:45:80:F9:A0:00:00:00:77:01:00:70:0A:90:00:8B {{
                    type = 11100;
                    driver = \"authentic\";
                    name = \"AuthentIC\";
                    secure_messaging = local_authentic;
                }}
                secure_messaging local_authentic {{
                    module_name = libsmm-local.so.8;
                    module_path = \"\";
                    mode = transmit;
                    flags = 0x78;
                    kmc = \"{master}\";
                }}
            }}"
        )
    };
    let right = "10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F";
    let wrong = "20:21:22:23:24:25:26:27:28:29:2A:2B:2C:2D:2E:2F";
    let path = bench.folder().join("opensc.conf");
    let verify = |master: &str| -> Result<Outcome, Box<dyn Error>> {
        fs::write(&path, configuration(master))?;
        Ok(bench
            .program("pkcs15-tool")
            .env("OPENSC_CONF", &path)
            .env("OPENSC_DEBUG", "9")
            .args(["--verify-pin", "--auth-id", "01", "--pin", PASSCODE])
            .outcome()?)
    };
    let outcome = verify(right)?;
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let log = outcome.stderr();
    for sent in [
        "\n84 82 03 00 10 ",
        "\n04 B0 00 00 08 ",
        "\n04 20 00 01 48 ",
    ] {
        assert!(log.contains(sent), "no `{sent}` was sent");
    }
    assert_ne!(verify(wrong)?.code(), Some(0), "with another master key");
    Ok(())
}

/// Certificates can be stored and deleted by `pkcs15-init`; keys cannot, by this version: it takes
/// the length of the access conditions it has made for an error.
#[test]
fn pkcs15_init_stores_certificates_and_fails_over_keys_by_itself() -> TestResult {
    let bench = Bench::new(&["--model", "series8-v3"])?;
    bench.self_signed("stored")?;
    bench.succeed(&[
        "pkcs15-init",
        "--store-certificate",
        "new.pem",
        "--auth-id",
        "01",
        "--id",
        "46",
        "--label",
        "stored",
        "--pin",
        PASSCODE,
    ])?;
    bench.succeed(&["pkcs15-tool", "--read-certificate", "46", "-o", "read.pem"])?;
    assert_eq!(
        bench.fingerprint("read.pem")?,
        bench.fingerprint("new.pem")?
    );
    bench.succeed(&[
        "pkcs15-init",
        "--delete-objects",
        "cert",
        "--id",
        "46",
        "--pin",
        PASSCODE,
    ])?;
    let gone = bench.run(&["pkcs15-tool", "--read-certificate", "46"])?;
    assert_ne!(gone.code(), Some(0), "{gone}");

    let outcome = bench
        .program("pkcs15-init")
        .env("OPENSC_DEBUG", "9")
        .args([
            "--generate-key",
            "rsa/2048",
            "--auth-id",
            "01",
            "--id",
            "45",
            "--pin",
            PASSCODE,
        ])
        .outcome()?;
    assert_ne!(outcome.code(), Some(0), "{outcome}");
    let log = outcome.stderr();
    assert!(
        log.contains("authentic_docp_set_acls: returning with: 12"),
        "{outcome}"
    );
    assert!(log.contains("Cannot set key ACLs from file"), "{outcome}");
    // It never came to a command.
    assert!(!log.contains("\n00 DB 3F FF"), "{outcome}");
    Ok(())
}

#[test]
fn a_blank_is_recognised_and_pkcs15_init_cannot_format_it() -> TestResult {
    let bench = Bench::new(&["--model", "series8-v3", "--blank"])?;
    let name = bench.succeed(&["opensc-tool", "--name"])?;
    assert!(name.contains("Oberthur AuthentIC 3.2.2"), "{name}");
    assert_ne!(bench.run(&["pkcs15-tool", "--dump"])?.code(), Some(0));
    let outcome = bench
        .program("pkcs15-init")
        .env("OPENSC_DEBUG", "3")
        .args([
            "--create-pkcs15",
            "--use-default-transport-keys",
            "--so-pin",
            "8765",
            "--so-puk",
            "",
        ])
        .outcome()?;
    assert_ne!(outcome.code(), Some(0), "{outcome}");
    let log = outcome.stderr();
    assert!(
        log.contains("authentic_pkcs15_init_card: returning with: -1408"),
        "{outcome}"
    );
    Ok(())
}

/// What a host does without `pkcs15-init`, sent by OpenSC's own tool: the officer makes a DF and
/// gives the holder a passcode, the holder makes a key and chooses it.
#[test]
fn a_blank_is_formatted_command_by_command() -> TestResult {
    let bench = Bench::new(&["--model", "series8-v3", "--blank"])?;
    let field = |passcode: &str| {
        let digits: String = passcode.bytes().map(|byte| format!("{byte:02X}")).collect();
        format!("3F{digits:F<126}")
    };
    let commands = [
        format!("00200002{}", field(OFFICER)),
        format!("002C0201{}", field(PASSCODE)),
        "00E0000011620F820138830250158606000000000000".to_owned(),
        format!("00200001{}", field(PASSCODE)),
        format!("00DB3FFF16A11480010C830101860C{}", "0001".repeat(6)),
        "0047000008AC0680010C83010100".to_owned(),
        "002241B606800111830101".to_owned(),
    ];
    let mut tool = bench.program("opensc-tool");
    for command in &commands {
        tool = tool.args(["--send-apdu", command]);
    }
    let outcome = tool.outcome()?;
    let answers = outcome.stdout().matches("SW1=0x90, SW2=0x00").count();
    assert_eq!(answers, commands.len(), "{outcome}");
    Ok(())
}
