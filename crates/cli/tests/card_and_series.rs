//! `cardwright card` and `cardwright series` as an operator or a script runs them.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::process::{Command, Output};

use serde_json::Value;

/// The number of the simulated cards, as `card status` shows it.
const NUMBER: &str = "000000010000";
const SERIES_8: &str = "sim:series8";
const SERIES_10: &str = "sim:series10";

#[test]
fn series_show_tells_what_is_not_public_first_with_source_and_certainty() {
    let text = stdout(&run(&["series", "show", "10"], &[]));
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    assert!(place("Not public: defaults") < place("Not public: without even a default"));
    assert!(place("without even a default") < place("Inferred from public sources"));
    assert!(place("Inferred from") < place("Stated by a public source"));
    for told in [
        "piv.admin.algorithm = \"aes-192\"",
        "unknown: default: SP 800-78-5",
        "ATR of NHS cards of this series",
        "conflict: false, says NHS England, IAM roadshow slides",
    ] {
        place(told);
    }
}

#[test]
fn series_show_has_a_json_form() {
    let shown = json(&run(&["--json", "series", "show", "series-8"], &[]));
    assert_eq!(shown["id"], "series-8");
    let unknown = shown["unknown"].as_array().unwrap();
    let applet = unknown.iter().find(|it| it["path"] == "authentic.applet");
    let applet = applet.unwrap();
    assert_eq!(applet["value"], "v3");
    assert_eq!(applet["conflicts"][0][0], "v2");
    for stated in shown["known"].as_array().unwrap() {
        assert_ne!(stated["certainty"], "unknown");
        assert!(!stated["source"].as_str().unwrap().is_empty());
    }
    assert!(!shown["questions"].as_array().unwrap().is_empty());
}

#[test]
fn a_profile_of_ones_own_is_shown_and_a_mistake_in_it_has_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    let built_in = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../series/profiles/series-9.toml"
    );
    let text = std::fs::read_to_string(built_in).unwrap();
    std::fs::write(&file, text.replace("Series 9 (Idemia PIV)", "My own")).unwrap();
    let path = file.to_str().unwrap();
    assert!(stdout(&run(&["series", "show", "--file", path], &[])).contains("My own"));
    std::fs::write(&file, text.replace("id = \"series-9\"", "id = \"Mine\"")).unwrap();
    let failed = run(&["series", "show", "--file", path], &[]);
    assert_eq!(failed.status.code(), Some(2));
    assert!(
        stderr(&failed).contains("mine.toml:4"),
        "{}",
        stderr(&failed)
    );
}

#[test]
fn series_list_has_every_series_and_its_end() {
    let listed = json(&run(&["--json", "series", "list"], &[]));
    let ids: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        ids,
        [
            "series-4",
            "series-5",
            "series-6",
            "series-8",
            "series-9",
            "series-10",
            "generic-piv"
        ]
    );
    assert_eq!(listed[0]["retired"], "2026-04-01");
    assert_eq!(listed[3]["engine"], "authentic");
    let text = stdout(&run(&["series", "list"], &[]));
    assert!(
        text.contains("2026-05-07") && text.contains("Series 8"),
        "{text}"
    );
    let failed = run(&["series", "show", "7"], &[]);
    assert_eq!(failed.status.code(), Some(2));
}

#[test]
fn status_is_told_of_cards_of_both_applications() {
    for (reader, application, tries) in [(SERIES_8, "AuthentIC v3", 5), (SERIES_10, "PIV", 0)] {
        let ran = run(&["card", "status", "--reader", reader], &[]);
        let text = stdout(&ran);
        assert_eq!(ran.status.code(), Some(0), "{text}");
        for told in [application, NUMBER, "3 tries left", "until 20"] {
            assert!(text.contains(told), "{told}: {text}");
        }
        let status = json(&run(&["--json", "card", "status", "--reader", reader], &[]));
        assert_eq!(status["passcode"]["tries"], 3);
        assert_eq!(status["slots"][1]["slot"], "signing");
        assert_eq!(status["unlocking"]["tries"].as_u64().unwrap_or(0), tries);
    }
}

#[test]
fn a_passcode_is_verified_on_the_card_that_was_named_and_no_other() {
    for (reader, passcode) in [(SERIES_8, "12345678"), (SERIES_10, "123456")] {
        let right = [("CARDWRIGHT_PASSCODE", passcode)];
        let verify = ["card", "verify", "--reader", reader, "--card"];
        let ran = run(&[&verify[..], &[NUMBER]].concat(), &right);
        assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
        let ran = run(&[&verify[..], &["00000001FFFF"]].concat(), &right);
        assert_eq!(ran.status.code(), Some(2));
        assert!(
            stderr(&ran).contains("this is not the card"),
            "{}",
            stderr(&ran)
        );
        let wrong = [("CARDWRIGHT_PASSCODE", "99999999")];
        let ran = run(&[&verify[..], &[NUMBER]].concat(), &wrong);
        assert_eq!(ran.status.code(), Some(2));
        assert!(stderr(&ran).contains("2 tries left"), "{}", stderr(&ran));
        assert!(!stderr(&ran).contains("99999999"));
        // Without a name nothing is even asked of the card.
        let ran = run(&verify[..4], &right);
        assert_eq!(ran.status.code(), Some(2));
        // And without a passcode nothing is sent: no terminal, no try.
        let ran = run(&[&verify[..], &[NUMBER]].concat(), &[]);
        assert!(stderr(&ran).contains("--passcode-file"), "{}", stderr(&ran));
    }
}

#[test]
fn passcodes_are_changed_and_cards_unlocked_with_their_own_kind_of_secret() {
    let new = ("CARDWRIGHT_NEW_PASSCODE", "24681357");
    let on = |what: &'static str, reader: &'static str| {
        ["--json", "card", what, "--reader", reader, "--card", NUMBER]
    };
    for (reader, passcode, secret) in [
        (SERIES_8, "12345678", ("CARDWRIGHT_SO_PIN", "87654321")),
        (SERIES_10, "123456", ("CARDWRIGHT_PUK", "12345678")),
    ] {
        let change = on("change-passcode", reader);
        let ran = run(&change, &[("CARDWRIGHT_PASSCODE", passcode), new]);
        assert_eq!(json(&ran)["done"], "change-passcode");
        let unlock = on("unlock", reader);
        assert_eq!(json(&run(&unlock, &[secret, new]))["done"], "unlock");
        let ran = run(&unlock, &[(secret.0, "00000000"), new]);
        assert_eq!(ran.status.code(), Some(2), "{}", stdout(&ran));
        assert!(
            json(&ran)["error"]["message"]
                .as_str()
                .unwrap()
                .contains("wrong")
        );
        let ran = run(&unlock, &[secret, ("CARDWRIGHT_NEW_PASSCODE", "Ab3x")]);
        assert_eq!(ran.status.code(), Some(2));
    }
}

#[test]
fn cards_are_cleared_and_cancelled() {
    let key = "aes-192 010203040506070801020304050607080102030405060708";
    for what in ["clear", "cancel"] {
        for (reader, secret) in [
            (SERIES_8, ("CARDWRIGHT_SO_PIN", "87654321")),
            (SERIES_8, ("CARDWRIGHT_PASSCODE", "12345678")),
            (SERIES_10, ("CARDWRIGHT_ADMIN_KEY", key)),
        ] {
            let arguments = ["--json", "card", what, "--reader", reader, "--card", NUMBER];
            let ran = run(&arguments, &[secret]);
            assert_eq!(
                ran.status.code(),
                Some(0),
                "{what} {reader}: {}",
                stdout(&ran)
            );
            assert_eq!(json(&ran)["done"], what);
            let nameless = run(&arguments[..5], &[secret]);
            assert_eq!(nameless.status.code(), Some(2));
        }
    }
}

#[test]
fn certificates_are_read_and_a_file_is_signed() {
    let folder = tempfile::tempdir().unwrap();
    let (message, signature, der) = (
        folder.path().join("message"),
        folder.path().join("signature"),
        folder.path().join("certificate.der"),
    );
    std::fs::write(&message, "sign me").unwrap();
    for (reader, passcode) in [(SERIES_8, "12345678"), (SERIES_10, "123456")] {
        let secret = [("CARDWRIGHT_PASSCODE", passcode)];
        let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
        let read = ["card", "certificate", "--reader", reader, "-o", &path(&der)];
        assert_eq!(run(&read, &[]).status.code(), Some(0));
        // The simulated series 10 card has a key on an elliptic curve, where SHA-1 is refused.
        let hashes: &[&str] = match reader {
            SERIES_8 => &["sha256", "sha1"],
            _ => &["sha256"],
        };
        for &hash in hashes {
            let sign = [
                "card",
                "sign",
                "--reader",
                reader,
                "--card",
                NUMBER,
                "--hash",
                hash,
                &path(&message),
                "-o",
                &path(&signature),
            ];
            let ran = run(&sign, &secret);
            assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
            // OpenSSL judges it against the certificate from the card.
            let key = Command::new("openssl")
                .args([
                    "x509",
                    "-inform",
                    "DER",
                    "-noout",
                    "-pubkey",
                    "-in",
                    &path(&der),
                ])
                .output()
                .expect("openssl is installed");
            let pem = folder.path().join("key.pem");
            std::fs::write(&pem, key.stdout).unwrap();
            let verified = Command::new("openssl")
                .args(["dgst", &format!("-{hash}"), "-verify", &path(&pem)])
                .args(["-signature", &path(&signature), &path(&message)])
                .output()
                .expect("openssl is installed");
            let told = String::from_utf8_lossy(&verified.stdout).into_owned();
            assert!(told.contains("Verified OK"), "{reader} {hash}: {told}");
        }
    }
}

#[test]
fn a_transcript_holds_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("card.jsonl");
    for (reader, secret) in [
        (SERIES_8, ("CARDWRIGHT_SO_PIN", "87654321")),
        (SERIES_10, ("CARDWRIGHT_PUK", "12345678")),
    ] {
        let ran = run(
            &[
                "card",
                "unlock",
                "--reader",
                reader,
                "--card",
                NUMBER,
                "--transcript",
                file.to_str().unwrap(),
            ],
            &[secret, ("CARDWRIGHT_NEW_PASSCODE", "24681357")],
        );
        assert_eq!(ran.status.code(), Some(0), "{}", stderr(&ran));
        let text = std::fs::read_to_string(&file).unwrap().to_uppercase();
        assert!(text.contains("00A4"), "{text}");
        for hidden in [secret.1, "24681357"] {
            assert!(!text.contains(hidden));
            assert!(!text.contains(&hex::encode(hidden)), "{reader}");
        }
    }
}

#[test]
fn retired_cards_are_shown_and_refused_with_each_operations_day() {
    for (reader, blocked) in [
        ("sim:series4", "2026-04-01"),
        ("sim:series5", "2026-05-07"),
        ("sim:series6", "2026-05-07"),
    ] {
        let ran = run(&["--json", "card", "status", "--reader", reader], &[]);
        assert_eq!(ran.status.code(), Some(1), "{}", stderr(&ran));
        let status = json(&ran);
        let days: Vec<(&str, &str)> = status["refused"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| {
                (
                    it["operation"].as_str().unwrap(),
                    it["since"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            days,
            [
                ("issue", "2025-10-01"),
                ("renewal", "2025-10-01"),
                ("unlock", "2025-10-01"),
                ("authentication", blocked)
            ],
            "{reader}"
        );
        let Some(number) = status["names"][0].as_str() else {
            continue;
        };
        for (what, day) in [("verify", blocked), ("unlock", "2025-10-01")] {
            let secrets = [
                ("CARDWRIGHT_PASSCODE", "123456"),
                ("CARDWRIGHT_PUK", "12345678"),
                ("CARDWRIGHT_NEW_PASSCODE", "24681357"),
            ];
            let ran = run(
                &["card", what, "--reader", reader, "--card", number],
                &secrets,
            );
            assert_eq!(ran.status.code(), Some(2));
            assert!(stderr(&ran).contains(day), "{}", stderr(&ran));
        }
    }
}

#[test]
fn inspect_shows_a_series_8_card() {
    let text = stdout(&run(&["inspect", "--reader", SERIES_8], &[]));
    for told in [
        "AuthentIC v3 application",
        "Keys",
        "Certificate key 2 (signing)",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
}

#[test]
fn every_help_text_has_an_example() {
    for command in [
        "status",
        "verify",
        "change-passcode",
        "unlock",
        "clear",
        "cancel",
        "sign",
        "certificate",
    ] {
        let text = stdout(&run(&["card", command, "--help"], &[]));
        assert!(
            text.contains(&format!("cardwright card {command}")),
            "{text}"
        );
        assert!(text.contains("Example"), "{text}");
    }
}

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cardwright"));
    command.args(arguments).stdin(std::process::Stdio::null());
    for name in [
        "CARDWRIGHT_PASSCODE",
        "CARDWRIGHT_NEW_PASSCODE",
        "CARDWRIGHT_PUK",
        "CARDWRIGHT_SO_PIN",
        "CARDWRIGHT_ADMIN_KEY",
    ] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    command.output().expect("the command runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

fn json(output: &Output) -> Value {
    let text = stdout(output);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{}", stderr(output)))
}
