use proptest::prelude::*;

use super::*;

const EXAMPLE: &str = include_str!("../../../../examples/station-pcsc.toml");

fn parse(text: &str) -> Result<StationFile, Vec<Problem>> {
    StationFile::parse(text, Path::new(""))
}

/// The line and the words of the only mistake after replacing a part of the example.
fn mistake(from: &str, to: &str) -> (String, String) {
    let text = EXAMPLE.replacen(from, to, 1);
    assert_ne!(text, EXAMPLE, "{from}");
    let problems = parse(&text).unwrap_err();
    let [problem] = &problems[..] else {
        panic!("{problems:?}");
    };
    let line = text.lines().nth(problem.line - 1).unwrap();
    (line.to_owned(), problem.what.clone())
}

#[test]
fn the_example_shows_every_setting() {
    let station = parse(EXAMPLE).unwrap();
    assert_eq!(station.printer.family, Family::MagicardEnduro);
    assert_eq!(
        station.printer.address,
        Address::Tcp("127.0.0.1:29100".to_owned())
    );
    assert_eq!(
        station.encoder.reader,
        EncoderReader::Pcsc("Virtual PCD 00 00".to_owned())
    );
    assert_eq!(station.operator.as_deref(), Some("Virtual PCD 00 01"));
    assert!(station.test);
    assert_eq!(station.timeouts.motion, Some(Duration::from_secs(30)));
    assert_eq!((&station.icc, &station.photo_limits), (&None, &None));
    for setting in [
        "profile",
        "template",
        "icc",
        "limits",
        "card_within",
        "connect",
        "reply",
        "print",
    ] {
        assert!(EXAMPLE.contains(setting), "{setting}");
    }
}

#[test]
fn a_mistake_is_told_with_its_line() {
    for (from, to, line, what) in [
        ("test = true", "tset = true", "tset", "unknown field"),
        ("test = true", "test = 1", "test = 1", "bool"),
        (
            "\"magicard-enduro\"",
            "\"magicard-endro\"",
            "family",
            "known families",
        ),
        (":29100", "", "connection", "tcp:HOST:PORT"),
        ("tcp:127.0.0.1:29100", "file:a.prn", "connection", "file"),
        (
            "pcsc:Virtual PCD 00 00",
            "replay:a.jsonl",
            "reader",
            "serial:PATH",
        ),
        (
            "pcsc:Virtual PCD 00 00",
            "device",
            "reader",
            "no encoder of its own",
        ),
        ("pcsc:Virtual PCD 00 01", "pcsc:", "reader", "needs a name"),
        ("00 01", "00 00", "reader", "the same reader"),
        (
            "template = \"builtin\"",
            "template = \"gone.svg\"",
            "gone.svg",
            "no template",
        ),
        ("motion = 30", "motion = 0", "motion", "1 to 3600"),
    ] {
        let (at, message) = mistake(from, to);
        assert!(at.contains(line), "{to}: {at}");
        assert!(message.contains(what), "{to}: {message}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_their_order() {
    let text = EXAMPLE
        .replacen("\"magicard-enduro\"", "\"fax\"", 1)
        .replacen("motion = 30", "motion = 9999", 1)
        .replacen("card_within = 30", "card_within = 0", 1);
    let problems = parse(&text).unwrap_err();
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(problems.is_sorted_by_key(|problem| problem.line));
}

#[test]
fn what_may_be_left_out_has_a_default() {
    let text = "[station]\nname = \"a\"\n[printer]\nfamily = \"evolis\"\n\
                connection = \"device:/dev/usb/lp0\"\n[encoder]\nreader = \"serial:COM3\"\n";
    let station = parse(text).unwrap();
    assert!(!station.test);
    assert_eq!(station.operator, None);
    assert_eq!(station.template, None);
    assert_eq!(station.encoder.card_within, Duration::from_secs(30));
    assert_eq!(station.timeouts, Timeouts::default());
}

#[test]
fn what_lies_beside_the_station_file_is_found_there() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["printer.icc", "limits.toml", "face.svg", "ours.toml"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let text = EXAMPLE
        .replace("# icc", "icc")
        .replace("# limits", "limits")
        .replace("# profile = \"our-enduro", "profile = \"ours")
        .replace("template = \"builtin\"", "template = \"face.svg\"");
    let station = StationFile::parse(&text, folder.path()).unwrap();
    let beside = |name| Some(folder.path().join(name));
    assert_eq!(station.icc, beside("printer.icc"));
    assert_eq!(station.photo_limits, beside("limits.toml"));
    assert_eq!(station.template, beside("face.svg"));
    assert_eq!(station.printer.profile, beside("ours.toml"));
    let problems = StationFile::parse(&text, Path::new("elsewhere")).unwrap_err();
    assert_eq!(problems.len(), 4, "{problems:?}");
}

#[test]
fn a_missing_file_and_one_that_is_too_large_are_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("station.toml");
    let message = StationFile::read(&path).unwrap_err().to_string();
    assert!(message.contains("station.toml"), "{message}");
    fs::write(&path, vec![b'#'; MAX_BYTES as usize + 1]).unwrap();
    let message = StationFile::read(&path).unwrap_err().to_string();
    assert!(message.contains("larger"), "{message}");
}

proptest! {
    #[test]
    fn any_text_is_a_station_file_or_has_a_line(text in "(\\[[a-z]{1,8}\\]|[a-z]{1,8} = .{0,12}|.{0,20}|\n){0,12}") {
        if let Err(problems) = parse(&text) {
            prop_assert!(!problems.is_empty());
            for problem in problems {
                prop_assert!(problem.line >= 1 && problem.line <= text.lines().count().max(1) + 1);
            }
        }
    }
}
