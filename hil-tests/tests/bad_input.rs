//! Every bad input gets one clear message and the right exit code, and leaves nothing half-done.

#[path = "common/bench.rs"]
mod bench;

use std::error::Error;
use std::fs;
use std::thread;
use std::time::Duration;

use firmware_sim::card::{Condition, Model, PivChip};
use firmware_sim::contacts::Chip;
use hil_tests::{Background, Desk, Program, VPCD_PORT};

use bench::{Bench, HEADER, PASSCODE, assert_refused, grey_png};

type TestResult = Result<(), Box<dyn Error>>;

const USAGE: i32 = 2;
const DEVICE: i32 = 3;
const STORE: i32 = 4;

/// The factory PIN of a blank, padded as it goes to the card.
const TRANSPORT_PIN: [u8; 8] = *b"123456\xFF\xFF";

#[test]
fn a_bad_request_file_is_refused_by_row_and_column_before_anything_is_made() -> TestResult {
    let bench = Bench::new()?;
    let name = "A".repeat(200);
    let amara = "R-1,555102348712,Amara,amara.png,Riverside";
    let cases: &[(&str, String, &[&str])] = &[
        (
            "missing column",
            "request,uuid,name,photo\nR-1,555102348712,Amara,amara.png\n".into(),
            &["row 1", "`organisation`", "missing"],
        ),
        (
            "unknown column",
            format!("{HEADER},colour\n{amara},red\n"),
            &["row 1", "`colour`", "known columns"],
        ),
        (
            "UUID twice",
            format!("{HEADER}\n{amara}\nR-2,555102348712,Bea,amara.png,Riverside\n"),
            &["row 3", "`uuid`", "555102348712", "row 2"],
        ),
        (
            "request twice",
            format!("{HEADER}\n{amara}\nR-1,555277160922,Bea,amara.png,Riverside\n"),
            &["row 3", "`request`", "`R-1`", "row 2"],
        ),
        (
            "UUID of 11 digits, UUID with letters",
            format!(
                "{HEADER}\nR-1,55510234871,Amara,amara.png,Riverside\n\
                 R-2,5551O2348712,Bea,amara.png,Riverside\n"
            ),
            &["row 2", "row 3", "12 digits", "`5551O2348712`"],
        ),
        (
            "long name",
            format!("{HEADER}\nR-1,555102348712,{name},amara.png,Riverside\n"),
            &["row 2", "`name`", "200 characters", "at most 51"],
        ),
        (
            "photo that is no image",
            format!("{HEADER}\nR-1,555102348712,Amara,notes.png,Riverside\n"),
            &["row 2", "`photo`", "notes.png", "neither PNG nor JPEG"],
        ),
        (
            "photo too wide",
            format!("{HEADER}\nR-1,555102348712,Amara,wide.png,Riverside\n"),
            &["row 2", "wide.png", "20000 x 2", "8192"],
        ),
        (
            "missing photo",
            format!("{HEADER}\nR-1,555102348712,Amara,gone.png,Riverside\n"),
            &["row 2", "`photo`", "gone.png", "No such file"],
        ),
        ("empty", String::new(), &["the file is empty", "`uuid`"]),
        ("header only", format!("{HEADER}\n"), &["no requests"]),
        (
            "binary",
            "PK\u{3}\u{4}\0\0\u{1}\n\n,,\"".into(),
            &["no text", "save it as CSV"],
        ),
    ];
    bench.write("notes.png", "these are notes")?;
    bench.write("wide.png", grey_png(20_000, 2))?;
    for (what, content, expected) in cases {
        bench.write("bad.csv", content)?;
        let outcome = bench.issue("bad.csv")?.outcome()?;
        assert_refused(&outcome, USAGE, expected, what);
        assert!(outcome.stderr().contains("bad.csv"), "{what}: {outcome}");
        assert!(!bench.data().exists(), "{what}: a data folder was made");
    }
    let outcome = bench.issue("nowhere.csv")?.outcome()?;
    assert_refused(&outcome, USAGE, &["nowhere.csv", "No such file"], "no file");
    Ok(())
}

#[test]
fn a_wrong_check_digit_only_warns() -> TestResult {
    let bench = Bench::new()?;
    bench.write(
        "r.csv",
        format!("{HEADER}\nR-1,555102348713,Amara,amara.png,Riverside\n"),
    )?;
    let outcome = bench.issue("r.csv")?.succeed()?;
    assert_eq!(outcome.stderr().matches("warning").count(), 1, "{outcome}");
    assert!(outcome.stderr().contains("row 2"), "{outcome}");
    assert!(outcome.stdout().contains("1 issued"), "{outcome}");
    // The face is where the report says, though the data folder was named by a relative path.
    let report = bench.json("r.csv")?;
    let face = report["cards"][0]["face"].as_str().ok_or("no face")?;
    assert!(bench.path(face).is_file(), "{face} is not there");
    Ok(())
}

#[test]
fn a_bad_passcode_is_refused_and_never_repeated() -> TestResult {
    let bench = Bench::new()?;
    bench.requests(1)?;
    let cases = [
        ("73519", "6 to 8 digits"),
        ("7351904628", "6 to 8 digits"),
        ("qwertz", "digits only"),
        ("", "empty"),
        ("R-1,735194\nR-2", "line 2"),
    ];
    for (content, expected) in cases {
        bench.write("bad.txt", content)?;
        let outcome = bench.issue_with("requests.csv", "bad.txt")?.outcome()?;
        assert_refused(&outcome, USAGE, &["bad.txt", expected], content);
        let said = outcome.to_string();
        assert!(content.is_empty() || !said.contains(content), "{said}");
        assert!(!said.contains("735194"), "{said}");
    }
    let outcome = bench.issue_with("requests.csv", "gone.txt")?.outcome()?;
    assert_refused(&outcome, USAGE, &["gone.txt", "No such file"], "no file");

    let bare = || {
        bench.cardwright().map(|program| {
            program
                .args(["issue", "requests.csv", "--data"])
                .arg(bench.data())
        })
    };
    let outcome = bare()?.outcome()?;
    assert_refused(
        &outcome,
        USAGE,
        &["no passcode", "--passcode-file", "CARDWRIGHT_PASSCODE"],
        "no passcode, no terminal",
    );
    let outcome = bare()?.env("CARDWRIGHT_PASSCODE", "73519").outcome()?;
    assert_refused(&outcome, USAGE, &["CARDWRIGHT_PASSCODE"], "environment");
    assert!(!bench.data().exists(), "a data folder was made");
    Ok(())
}

#[test]
fn a_request_without_its_passcode_stays_open_and_the_others_get_their_cards() -> TestResult {
    let bench = Bench::new()?;
    bench.requests(2)?;
    bench.write("each.txt", format!("R-1,{PASSCODE}\n"))?;
    let outcome = bench.issue_with("requests.csv", "each.txt")?.outcome()?;
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    let report = outcome.stdout();
    for expected in [
        "request `R-2`",
        "no passcode for this card",
        "`R-2,PASSCODE`",
        "next",
    ] {
        assert_eq!(report.matches(expected).count(), 1, "{expected}: {outcome}");
    }
    assert!(!outcome.stderr().contains("no passcode"), "{outcome}");
    assert_eq!(bench.issued("requests.csv")?, ["R-1", "R-2"]);
    assert_eq!(bench.certificates()?, 4);
    bench.assert_no_secrets()
}

#[test]
fn a_second_run_does_nothing_and_a_person_gets_one_card() -> TestResult {
    let bench = Bench::new()?;
    bench.requests(1)?;
    bench.issue("requests.csv")?.succeed()?;
    let again = bench.issue("requests.csv")?.succeed()?;
    assert!(again.stdout().contains("nothing done"), "{again}");
    for (line, expected) in [
        (
            "R-9,555102348712,Amara,amara.png,Riverside",
            &["live card already", "`R-1`", "cancel"][..],
        ),
        (
            "R-1,555102348712,Anara,amara.png,Riverside",
            &["another name", "`Amara`", "`Anara`", "new reference"],
        ),
    ] {
        bench.write("other.csv", format!("{HEADER}\n{line}\n"))?;
        let outcome = bench.issue("other.csv")?.outcome()?;
        assert_eq!(outcome.code(), Some(1), "{outcome}");
        for text in expected {
            assert_eq!(outcome.stdout().matches(text).count(), 1, "{outcome}");
        }
        assert!(
            outcome.stdout().contains("no card was touched"),
            "{outcome}"
        );
    }
    assert_eq!(bench.certificates()?, 2);
    bench.assert_no_secrets()
}

#[test]
fn only_one_program_issues_with_a_data_folder() -> TestResult {
    let bench = Bench::new()?;
    bench.requests(1)?;
    fs::create_dir(bench.data())?;
    let lock = fs::File::create(bench.data().join("issuing.lock"))?;
    lock.lock()?;
    let outcome = bench.issue("requests.csv")?.outcome()?;
    assert_refused(&outcome, STORE, &["`data`", "in use"], "locked");
    drop(lock);

    // At the same time: whoever comes second is refused or finds the work done.
    let codes = thread::scope(|scope| {
        let run = || bench.issue("requests.csv")?.outcome();
        let two = [scope.spawn(run), scope.spawn(run)];
        two.map(|thread| thread.join().map(|outcome| outcome.map(|done| done.code())))
    });
    let mut codes: Vec<Option<i32>> = codes
        .into_iter()
        .map(|code| code.map_err(|_| "a thread panicked")?.map_err(Into::into))
        .collect::<Result<_, Box<dyn Error>>>()?;
    codes.sort_unstable();
    assert_eq!(codes[0], Some(0), "{codes:?}");
    assert!(matches!(codes[1], Some(0 | STORE)), "{codes:?}");
    assert_eq!(bench.certificates()?, 2);
    Ok(())
}

#[test]
fn a_data_folder_that_is_something_else_is_refused() -> TestResult {
    let bench = Bench::new()?;
    bench.requests(1)?;
    bench.write("data", "a file")?;
    let outcome = bench.issue("requests.csv")?.outcome()?;
    assert_refused(&outcome, STORE, &["`data`", "no folder"], "file");
    fs::remove_file(bench.data())?;

    fs::create_dir(bench.data())?;
    let text = "this is no database ".repeat(100);
    fs::write(bench.data().join("journal.db"), &text)?;
    let outcome = bench.issue("requests.csv")?.outcome()?;
    assert_refused(&outcome, STORE, &["journal.db", "no database"], "journal");
    assert_eq!(
        fs::read_to_string(bench.data().join("journal.db"))?,
        text,
        "the file was changed"
    );
    assert!(!bench.data().join("keys.toml").exists(), "keys were made");
    Ok(())
}

#[test]
fn a_bad_station_file_or_template_is_refused() -> TestResult {
    let bench = Bench::new()?;
    bench.requests(1)?;
    bench.write("broken.svg", "<svg")?;
    let station = include_str!("../../examples/station-pcsc.toml");
    bench.write("typo.toml", station.replace("test = true", "tset = true"))?;
    bench.write("live.toml", station.replace("test = true", "test = false"))?;
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port();
    bench.write("closed.toml", station.replace("29100", &port.to_string()))?;
    let line = station
        .lines()
        .position(|line| line == "test = true")
        .ok_or("no `test = true` in the example")?
        + 1;
    let cases: [(&[&str], i32, &[&str]); 6] = [
        (
            &["--station", "typo.toml"],
            USAGE,
            &["typo.toml", &format!("line {line}"), "`tset`", "`test`"],
        ),
        (
            &["--station", "gone.toml"],
            USAGE,
            &["gone.toml", "No such file"],
        ),
        (
            &["--station", "closed.toml"],
            DEVICE,
            &[&format!("127.0.0.1:{port}"), "power, cable"],
        ),
        (
            &["--station", "live.toml"],
            USAGE,
            &["virtual reader", "test"],
        ),
        (&["--template", "broken.svg"], USAGE, &["broken.svg", "XML"]),
        (
            &["--template", "gone.svg"],
            USAGE,
            &["gone.svg", "No such file"],
        ),
    ];
    for (arguments, code, expected) in cases {
        let outcome = bench.issue("requests.csv")?.args(arguments).outcome()?;
        assert_refused(&outcome, code, expected, &arguments.join(" "));
    }
    assert_eq!(bench.certificates()?, 0);
    assert_eq!(bench.issued("requests.csv")?, ["R-1"]);
    Ok(())
}

/// Linux only: a small file system of its own, or a limit on the size of files.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named_and_each_card_is_issued_once_when_there_is_room() -> TestResult {
    let may_mount = Program::foreign("unshare")
        .args([
            "-m", "mount", "-t", "tmpfs", "-o", "size=1m", "none", "/mnt",
        ])
        .outcome()?
        .code()
        == Some(0);
    // From too small for the journal to too small for the first card's certificates.
    let sizes: &[u32] = if may_mount {
        &[32, 100, 160, 200, 240, 280]
    } else {
        &[8]
    };
    for size in sizes {
        let bench = Bench::new()?;
        bench.requests(2)?;
        fs::create_dir(bench.path("small"))?;
        let issue = "\"$0\" issue requests.csv --data small/data --passcode-file passcode.txt";
        let cardwright = bench.cardwright()?.path();
        let script = if may_mount {
            // What was there when the disk was full is carried over to a larger one.
            format!(
                "mount -t tmpfs -o size={size}k none small || exit 99; {issue}; code=$?; \
                 cp -a small/data data; exit $code"
            )
        } else {
            format!(
                "trap '' XFSZ; ulimit -f {size}; mkdir small; {issue}; code=$?; \
                 cp -a small/data data; exit $code"
            )
        };
        let shell = if may_mount {
            Program::foreign("unshare").args(["-m", "sh"])
        } else {
            Program::foreign("sh")
        };
        let full = shell
            .args(["-c", &script])
            .arg(&cardwright)
            .in_folder(bench.folder())
            .outcome()?;
        assert!(matches!(full.code(), Some(1 | STORE)), "{size}: {full}");
        let said = full.to_string();
        assert!(!said.contains("panicked"), "{size}: {said}");
        assert!(said.contains("small/data/"), "no file is named: {said}");
        assert!(said.contains("disk"), "{size}: {said}");
        assert!(said.contains("next"), "{size}: {said}");

        let report = bench.json("requests.csv")?;
        assert_eq!(report["complete"], true, "{size}: {report:#}");
        assert_eq!(bench.issued("requests.csv")?, ["R-1", "R-2"]);
        let cards = report["cards"].as_array().ok_or("no cards")?;
        let blanks: Vec<_> = cards.iter().map(|card| &card["blank"]).collect();
        assert!(blanks.len() == 2 && blanks[0] != blanks[1], "{report:#}");
        bench.assert_no_secrets()?;
    }
    Ok(())
}

/// Sends commands to the blank that the simulated station will feed first.
fn spoil_first_blank(bench: &Bench, commands: &[Vec<u8>], last: [u8; 2]) -> TestResult {
    let station = bench.data().join("station");
    fs::create_dir_all(&station)?;
    let path = station.join("card-1.card");
    let mut chip = PivChip::open(&path, &Model::series10(), 1, Condition::Blank)?;
    chip.power_on();
    let select = [0, 0xA4, 4, 0, 5, 0xA0, 0, 0, 3, 8, 0];
    let mut answer = chip.transmit(&select);
    for command in commands {
        answer = chip.transmit(command);
    }
    chip.power_off();
    assert!(answer.ends_with(&last), "{answer:02X?}");
    Ok(())
}

#[test]
fn a_blank_with_a_blocked_or_changed_pin_is_put_away_by_number_and_the_next_one_used() -> TestResult
{
    let verify = [&[0, 0x20, 0, 0x80, 8][..], b"999999\xFF\xFF"].concat();
    let change = [
        &[0, 0x24, 0, 0x80, 16][..],
        &TRANSPORT_PIN,
        b"777777\xFF\xFF",
    ]
    .concat();
    let cases = [
        (
            "blocked",
            vec![verify; 4],
            [0x69, 0x83],
            &["PIV PIN (80) is blocked"],
        ),
        ("changed", vec![change], [0x90, 0x00], &["PIV PIN (80)"]),
    ];
    for (what, commands, last, expected) in cases {
        let bench = Bench::new()?;
        bench.requests(1)?;
        spoil_first_blank(&bench, &commands, last)?;
        let outcome = bench.issue("requests.csv")?.outcome()?;
        assert_eq!(outcome.code(), Some(1), "{what}: {outcome}");
        let report = outcome.stdout();
        for text in expected {
            assert!(report.contains(text), "{what}: `{text}` in {outcome}");
        }
        for text in ["000000010000", "request is open", "set this blank aside"] {
            assert!(report.contains(text), "{what}: `{text}` in {outcome}");
        }
        assert!(!outcome.to_string().contains("panicked"), "{outcome}");

        let report = bench.json("requests.csv")?;
        assert_eq!(report["complete"], true, "{what}: {report:#}");
        assert_eq!(report["cards"][0]["blank"], "000000020000", "{report:#}");
        assert_eq!(bench.certificates()?, 2, "{what}");
        bench.assert_no_secrets()?;
    }
    Ok(())
}

#[test]
fn a_reader_that_could_be_two_is_refused_with_both_names() -> TestResult {
    let _desk = Desk::take()?;
    let _cards: Vec<Background> = [VPCD_PORT, VPCD_PORT + 1]
        .iter()
        .map(|port| {
            Background::start(Program::ours("firmware-sim")?.args([
                "card",
                "--vpcd",
                &format!("127.0.0.1:{port}"),
            ]))
        })
        .collect::<Result<_, _>>()?;
    for reader in ["0", "1"] {
        let there = (0..200).any(|_| {
            let atr = Program::foreign("opensc-tool").args(["--atr", "--reader", reader]);
            let there = atr.outcome().is_ok_and(|outcome| outcome.code() == Some(0));
            if !there {
                thread::sleep(Duration::from_millis(100));
            }
            there
        });
        assert!(there, "no card appears in reader {reader}");
    }
    let outcome = Program::ours("cardwright")?
        .args(["inspect", "--reader", "pcsc:Virtual"])
        .outcome()?;
    assert_refused(
        &outcome,
        USAGE,
        &["more than one", "Virtual PCD 00 00", "Virtual PCD 00 01"],
        "two readers",
    );
    Ok(())
}
