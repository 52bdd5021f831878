//! Every answer to reset of the list that pcsc-tools keeps, whoever's card it is.

use std::path::PathBuf;

use series::{Conclusion, Confidence, Identification, Profiles, identify};

use crate::scripted::{AUTHENTIC_V2, AUTHENTIC_V3, ScriptedCard, bytes};

/// Where the list may be besides [`DEBIAN`].
const VARIABLE: &str = "CARDWRIGHT_ATR_LIST";
/// Where Debian's pcsc-tools puts it.
const DEBIAN: &str = "/usr/share/pcsc/smartcard_list.txt";

#[test]
fn no_card_of_the_list_is_taken_for_an_nhs_card_with_certainty() {
    let Some(text) = list() else {
        return;
    };
    let entries = entries(&text);
    assert!(entries.len() > 3000, "{} entries", entries.len());
    let profiles = Profiles::builtin();
    let (mut nominated, mut named_nhs) = (0, 0);
    for (atr, names) in &entries {
        let silent = ask(ScriptedCard::new(atr), &profiles);
        let piv = ask(ScriptedCard::new(atr).with_piv(), &profiles);
        let v2 = ScriptedCard::new(atr).with_application(AUTHENTIC_V2, "9000");
        let v3 = ScriptedCard::new(atr).with_application(AUTHENTIC_V3, "6F009000");
        let mut yes = ScriptedCard::new(atr);
        yes.otherwise = bytes("9000");
        let yes = ask(yes, &profiles);
        let known = matching(atr, &profiles);
        for (card, answers) in [
            (&silent, "nothing"),
            (&piv, "PIV"),
            (&ask(v2, &profiles), "AuthentIC v2"),
            (&ask(v3, &profiles), "AuthentIC v3"),
            (&yes, "everything"),
        ] {
            assert_ne!(
                confidence(card),
                Some(Confidence::Probably),
                "{atr} {answers}"
            );
            assert!(!card.reasons.is_empty(), "{atr} {answers}");
            assert_eq!(card.evidence[0].speaks_for, known, "{atr} {answers}");
        }
        if known.is_empty() {
            // Nothing but PIV, or what its own application says, which is possible at most.
            assert_eq!(silent.conclusion, Conclusion::Unknown, "{atr}");
            assert_eq!(piv.conclusion, Conclusion::GenericPiv, "{atr}");
        } else {
            nominated += 1;
        }
        // A card that says yes to everything proves nothing by it.
        let by_answer = |id: &str| !profiles.get(id).unwrap().probes.is_empty();
        assert!(!yes.candidates().into_iter().any(by_answer), "{atr}");
        assert_eq!(yes.selected, None, "{atr}");
        assert!(
            yes.contradictions
                .iter()
                .any(|it| it.contains("does not exist")),
            "{atr}: {:?}",
            yes.contradictions
        );
        if names.contains("NHS") {
            named_nhs += 1;
            assert_eq!(
                silent.candidates(),
                ["series-5", "series-6"],
                "{atr}: {names}"
            );
        }
    }
    assert!(named_nhs >= 2, "the list names {named_nhs} NHS cards");
    assert!(
        (10..200).contains(&nominated),
        "{nominated} nominate a series"
    );
}

/// The text of the list. On a build server it has to be there.
fn list() -> Option<String> {
    let path = std::env::var_os(VARIABLE).map_or_else(|| PathBuf::from(DEBIAN), PathBuf::from);
    match std::fs::read(&path) {
        // Its remarks come from everywhere, in more than one character set.
        Ok(text) => Some(String::from_utf8_lossy(&text).into_owned()),
        Err(error) => {
            let asked = std::env::var_os(VARIABLE).is_some();
            let server = std::env::var_os("CI").is_some();
            assert!(
                !asked && !server,
                "failed to read `{}`: {error}; install pcsc-tools or set {VARIABLE}",
                path.display()
            );
            println!(
                "skipped: no list of answers to reset at `{}` ({error}); install pcsc-tools or \
                 set {VARIABLE}",
                path.display()
            );
            None
        }
    }
}

/// Answers to reset in hexadecimal with the names of the cards. Digits the list leaves open are
/// taken as 0 and as F.
fn entries(text: &str) -> Vec<(String, String)> {
    let mut entries = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut names = String::new();
    for line in text.lines().chain(["3B"]) {
        if line.starts_with("3B") || line.starts_with("3F") {
            entries.extend(open.drain(..).map(|atr| (atr, names.clone())));
            names.clear();
            open = spelt_out(line);
        } else if line.starts_with('\t') {
            names.push_str(line.trim());
            names.push('\n');
        }
    }
    entries
}

fn spelt_out(line: &str) -> Vec<String> {
    let mut spelt: Vec<String> = Vec::new();
    for filler in ["0", "F"] {
        // A class such as [0-9A-F] stands for one digit, as a dot does.
        let mut digits = String::new();
        let mut rest = line.trim();
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match c {
                '[' => {
                    let inside = rest.find(']').map_or(rest, |end| &rest[..end]);
                    rest = rest.get(inside.len() + 1..).unwrap_or_default();
                    digits.push(inside.chars().next().unwrap_or('0'));
                }
                '.' => digits.push_str(filler),
                c if c.is_ascii_hexdigit() => digits.push(c),
                _ => {}
            }
        }
        if digits.len().is_multiple_of(2) && !spelt.contains(&digits) {
            spelt.push(digits);
        }
    }
    spelt
}

/// The profiles whose patterns fit, found another way than identification does: by comparing
/// digits with the pattern as it is shown.
fn matching(atr: &str, profiles: &Profiles) -> Vec<String> {
    let fits = |shown: &str| {
        let shown = shown.as_bytes();
        shown.len() == atr.len()
            && std::iter::zip(shown, atr.to_uppercase().as_bytes())
                .all(|(pattern, digit)| *pattern == b'.' || pattern == digit)
    };
    profiles
        .iter()
        .filter(|profile| profile.atr.iter().any(|pattern| fits(&pattern.to_string())))
        .map(|profile| profile.id.clone())
        .collect()
}

fn confidence(card: &Identification) -> Option<Confidence> {
    match &card.conclusion {
        Conclusion::Series { confidence, .. } | Conclusion::OneOf { confidence, .. } => {
            Some(*confidence)
        }
        Conclusion::GenericPiv | Conclusion::Unknown => None,
    }
}

fn ask(card: ScriptedCard, profiles: &Profiles) -> Identification {
    let (mut channel, _) = card.channel();
    identify(&mut channel, profiles).unwrap()
}
