//! The calendar and the inventory check, as the built command answers a person.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use hil_tests::Program;
use serde_json::Value;

type TestResult = Result<(), Box<dyn Error>>;

fn cardwright() -> Result<Program, Box<dyn Error>> {
    Ok(Program::ours("cardwright")?)
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/inventory.csv")
}

#[test]
fn the_calendar_is_printed_and_given_as_json() -> TestResult {
    let text = cardwright()?
        .args(["series", "calendar", "--on", "2026-11-01"])
        .succeed()?
        .stdout();
    for part in [
        "What each series may do on 2026-11-01",
        "Next: 2027-02-28, in 119 days",
        "Slipped",
        "Where sources disagree",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    let json = cardwright()?
        .args(["--json", "series", "calendar", "--on", "2026-04-01"])
        .succeed()?
        .stdout();
    let json: Value = serde_json::from_str(&json)?;
    let capabilities = json["capabilities"].as_array().ok_or("no capabilities")?;
    let series_4 = capabilities.iter().find(|answer| {
        answer["series"] == 4
            && answer["client"] == "identity-agent-2.4.10.0"
            && answer["function"] == "authenticate-CIS2"
    });
    let series_4 = series_4.ok_or("no answer about series 4")?;
    assert_eq!(series_4["standing"], "stopped");
    assert_eq!(series_4["since"], "2026-04-01");
    Ok(())
}

#[test]
fn the_example_is_checked_and_drawn() -> TestResult {
    let folder = tempfile::tempdir()?;
    for (name, start) in [("plot.svg", "<svg".as_bytes()), ("plot.png", b"\x89PNG")] {
        let plot = folder.path().join(name);
        let checked = cardwright()?
            .args(["estate", "check", "--on", "2026-11-01", "--plot"])
            .arg(&plot)
            .arg(example())
            .outcome()?;
        assert_eq!(checked.code(), Some(1), "{}", checked.stderr());
        let text = checked.stdout();
        assert!(text.contains("9 rows, 65 cards"), "{text}");
        assert!(
            text.contains("by 2027-02-28, the Identity Agent ends"),
            "{text}"
        );
        assert!(fs::read(&plot)?.starts_with(start));
    }
    Ok(())
}

#[test]
fn exit_codes_say_whether_there_is_something_to_do() -> TestResult {
    let folder = tempfile::tempdir()?;
    let list = folder.path().join("list.csv");
    let code = |text: &str| -> Result<Option<i32>, Box<dyn Error>> {
        fs::write(&list, text)?;
        let check = cardwright()?.args(["estate", "check", "--on", "2026-11-01"]);
        Ok(check.arg(&list).outcome()?.code())
    };
    assert_eq!(code("id,series,client\na,10,Smartcard Connect\n")?, Some(0));
    assert_eq!(code("id,series,client\na,6,Smartcard Connect\n")?, Some(1));
    assert_eq!(code("series\n8\n")?, Some(2));
    assert_eq!(code("")?, Some(2));
    let broken = folder.path().join("register.toml");
    fs::write(&broken, "schema = 1\n\n[[event]]\nid = \"x\"\n")?;
    let outcome = cardwright()?
        .args(["series", "calendar", "--register"])
        .arg(&broken)
        .outcome()?;
    assert_eq!(outcome.code(), Some(2));
    assert!(
        outcome.stderr().contains("register.toml:3:"),
        "{}",
        outcome.stderr()
    );
    Ok(())
}
