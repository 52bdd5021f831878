//! The built-in profiles, and profiles an engineer writes.

use std::path::Path;

use jiff::civil::date;
use piv::words::{Algorithm, KeyReference};
use proptest::prelude::*;
use series::{
    AdminKeyChange, Certainty, Engine, Operation, PasscodeProblem, Profile, ProfileError, Profiles,
    Refusal, SerialWriting, Slot, Usage,
};

#[test]
fn every_file_of_the_folder_is_built_in() {
    let mut files: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let mut ids: Vec<String> = Profiles::builtin().iter().map(|p| p.id.clone()).collect();
    files.sort();
    ids.sort();
    assert_eq!(ids, files);
}

#[test]
fn every_value_has_a_source_and_a_certainty() {
    for profile in Profiles::builtin().iter() {
        let stated = profile.stated();
        assert!(stated.len() > 20, "{}", profile.id);
        for value in &stated {
            assert!(
                !value.source.trim().is_empty(),
                "{} {}",
                profile.id,
                value.path
            );
        }
        // Whatever has a value in the file is listed: none is written without its source.
        let text = std::fs::read_to_string(folder().join(format!("{}.toml", profile.id))).unwrap();
        let certainties = text.matches("certainty = ").count();
        assert_eq!(certainties, stated.len(), "{}", profile.id);
    }
}

#[test]
fn defaults_for_what_is_not_public_are_listed_as_unknown() {
    let profiles = Profiles::builtin();
    let unknowns = profiles.get("series-10").unwrap().unknowns();
    let change = unknowns
        .iter()
        .find(|u| u.what == "piv.admin.change")
        .unwrap();
    assert_eq!(change.default.as_ref().unwrap(), "set-management-key");
    let questions: Vec<_> = unknowns.iter().filter(|u| u.default.is_none()).collect();
    assert!(questions.iter().any(|u| u.what.starts_with("ATR")));
}

#[test]
fn sources_that_disagree_are_both_kept() {
    let profiles = Profiles::builtin();
    let sign = &profiles.get("series-10").unwrap().capabilities.sign;
    assert!(!sign.value);
    assert!(sign.conflicts[0].value);
    assert!(sign.conflicts[0].source.contains("roadshow"));
}

#[test]
fn series_9_and_10_sign_with_rsa_2048_in_9a_and_9c() {
    let profiles = Profiles::builtin();
    for id in ["series-9", "series-10", "generic-piv"] {
        let profile = profiles.get(id).unwrap();
        assert_eq!(
            Slot::ALL.map(|slot| profile.slot(slot).unwrap()),
            [
                (KeyReference::Authentication, Algorithm::Rsa2048),
                (KeyReference::Signature, Algorithm::Rsa2048),
            ]
        );
        let plan = profile.piv.as_ref().unwrap();
        assert_eq!(plan.slots.signing.key.certainty, Certainty::Inferred);
        assert_eq!(plan.admin.algorithm.value, Algorithm::Aes192);
        assert_eq!(plan.admin.change.value, AdminKeyChange::SetManagementKey);
        assert_eq!(plan.slot_of(KeyReference::Signature), Some(Slot::Signing));
        assert_eq!(profile.refusal(date(2026, 6, 1)), None);
        assert!(!profile.limits().is_extended());
    }
}

#[test]
fn each_operation_ends_on_a_day_of_its_own_with_reason_and_source() {
    let profiles = Profiles::builtin();
    let service = date(2025, 10, 1);
    for (id, blocked) in [
        ("series-4", date(2026, 4, 1)),
        ("series-5", date(2026, 5, 7)),
        ("series-6", date(2026, 5, 7)),
    ] {
        let profile = profiles.get(id).unwrap();
        for (operation, day, source) in [
            (Operation::Issue, service, "default"),
            (Operation::Renewal, service, "IAM roadshow"),
            (Operation::Unlock, service, "IAM roadshow"),
            (Operation::Authentication, blocked, "deprecation notice"),
        ] {
            let refusal = profile.permits(operation, day).unwrap_err();
            let Refusal::Retired {
                since,
                operation: refused,
                stated_by,
                ..
            } = &refusal
            else {
                panic!("{refusal}");
            };
            assert_eq!((*refused, *since), (operation, day));
            assert!(stated_by.contains(source), "{stated_by}");
            let text = refusal.to_string();
            assert!(
                text.contains(&format!("no {operation} since {day}")),
                "{text}"
            );
            assert!(text.contains("SHA-256"), "{text}");
            assert_eq!(profile.permits(operation, day.yesterday().unwrap()), Ok(()));
        }
        // The day before it is not retired, and still nothing cardwright could issue.
        let before = profile.refusal(service.yesterday().unwrap()).unwrap();
        assert!(matches!(
            before,
            Refusal::NoEngine {
                engine: Engine::None,
                ..
            }
        ));
    }
}

#[test]
fn series_8_is_issued_through_authentic_and_says_what_is_a_guess() {
    let profiles = Profiles::builtin();
    let profile = profiles.get("8").unwrap();
    assert_eq!(profile.slot(Slot::Signing), None);
    let plan = profile.issuable(date(2026, 6, 1)).unwrap();
    let plan = plan.authentic().unwrap();
    assert_eq!(plan.applet.certainty, Certainty::Unknown);
    assert_eq!(plan.applet.conflicts[0].value, authentic::Applet::V2);
    assert_eq!(plan.slot(Slot::Authentication), (1, 2048));
    assert_eq!(plan.slot_of(2), Some(Slot::Signing));
    for applet in [authentic::Applet::V2, authentic::Applet::V3] {
        assert!(plan.words(applet).is_some(), "{applet}");
    }
    for path in [
        "authentic.applet",
        "authentic.slots.signing.key",
        "authentic.v3.admin",
        "authentic.officer.scheme",
    ] {
        let unknowns = profile.unknowns();
        let known = profile.stated();
        let stated = known.iter().find(|it| it.path == path).unwrap();
        let listed = unknowns.iter().any(|it| it.what == path);
        assert_eq!(listed, stated.certainty == Certainty::Unknown, "{path}");
    }
}

#[test]
fn an_older_passcode_is_verified_and_never_set() {
    let profiles = Profiles::builtin();
    let eight = &profiles.get("series-8").unwrap().passcode;
    for old in ["Ab3x", "1234", "letters1"] {
        assert!(eight.check(old.as_bytes()).is_err(), "{old}");
        assert_eq!(eight.check_existing(old.as_bytes()), Ok(()), "{old}");
    }
    assert_eq!(eight.check(b"123456"), Ok(()));
    for never in ["abc", "with blank", ""] {
        assert!(eight.check_existing(never.as_bytes()).is_err(), "{never}");
    }
    // PIV has no place for anything but digits (SP 800-73-5 Part 2, 2.4.3).
    let ten = &profiles.get("series-10").unwrap().passcode;
    assert!(ten.check_existing(b"Ab3x").is_err());
}

#[test]
fn what_a_signing_certificate_looks_like_is_that_of_the_test_estate() {
    for id in ["8", "9", "10"] {
        let profiles = Profiles::builtin();
        let certificate = &profiles.get(id).unwrap().certificate;
        let usage = certificate.usage(Slot::Signing).unwrap();
        assert_eq!(usage.value, [Usage::NonRepudiation], "{id}");
        let policy = certificate.signing_policy_critical.as_ref().unwrap();
        assert!(policy.value, "{id}");
        let life = certificate.signing_key_life_percent.as_ref().unwrap();
        assert_eq!(life.value, 70, "{id}");
    }
}

#[test]
fn an_authentic_plan_that_contradicts_itself_is_refused_with_its_line() {
    for (from, to, expected) in [
        ("key = { value = 2,", "key = { value = 1,", "slots"),
        ("key = { value = 2,", "key = { value = 0,", "slots"),
        ("bits = { value = 2048,", "bits = { value = 512,", "slots"),
        (
            "holder = { value = \"01\"",
            "holder = { value = \"02\"",
            "v3",
        ),
        ("[authentic.v3]", "[authentic.v4]", "unknown field `v4`"),
        (
            "engine = { value = \"authentic\"",
            "engine = { value = \"piv\"",
            "engine",
        ),
        (
            "life-percent = { value = 70",
            "life-percent = { value = 0",
            "life-percent",
        ),
        ("length = { value = 63", "length = { value = 3", "legacy"),
    ] {
        let text = text("series-8");
        assert!(text.contains(from), "{from}");
        let error = Profile::parse("own.toml", &text.replacen(from, to, 1)).unwrap_err();
        let told = error.to_string();
        assert!(told.contains(expected), "{from}: {told}");
    }
    // A secure channel only where there is one, and with its keys' origin.
    for version in ["v2", "v3"] {
        let text = text("series-8");
        let (before, after) = text.split_once(&format!("[authentic.{version}]")).unwrap();
        let after = after.replacen(
            "admin = { value = \"so-pin\"",
            "admin = { value = \"scp01\"",
            1,
        );
        let error = Profile::parse("own.toml", &format!("{before}[authentic.{version}]{after}"));
        let told = error.unwrap_err().to_string();
        let expected = match version {
            "v2" => "no secure channel",
            _ => "needs a `key-diversification`",
        };
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn nothing_ends_after_cards_are_blocked() {
    let text = text("series-4").replace(
        "unlock-ended = { value = \"2025-10-01\"",
        "unlock-ended = { value = \"2026-10-01\"",
    );
    let error = Profile::parse("own.toml", &text).unwrap_err();
    assert!(
        error.to_string().contains("unlock would end after"),
        "{error}"
    );
}

#[test]
fn a_series_is_found_by_its_number() {
    let profiles = Profiles::builtin();
    assert_eq!(profiles.get("10").unwrap().id, "series-10");
    assert!(profiles.get("7").is_err());
}

#[test]
fn only_numbered_series_are_nhs() {
    let nhs: Vec<_> = Profiles::builtin()
        .iter()
        .filter(|profile| profile.is_nhs())
        .filter_map(|profile| profile.series)
        .collect();
    assert_eq!(nhs, [4, 5, 6, 8, 9, 10]);
}

#[test]
fn passcodes_are_checked_without_showing_them() {
    let profiles = Profiles::builtin();
    let policy = &profiles.get("series-9").unwrap().passcode;
    assert_eq!(policy.tries.value, 3);
    assert_eq!(policy.check(b"246813"), Ok(()));
    assert_eq!(
        policy.check(b"2468").unwrap_err(),
        PasscodeProblem::Length {
            min: 6,
            max: 8,
            length: 4
        }
    );
    let problem = policy.check(b"24681x").unwrap_err();
    assert_eq!(
        problem.to_string(),
        "the passcode has characters other than digits"
    );
}

#[test]
fn a_mistake_in_a_file_is_named_by_line_and_column() {
    let text = text("series-9").replace(r#"key = { value = "9A""#, r#"key = { value = "9F""#);
    let line = 1 + text
        .lines()
        .position(|line| line.contains("\"9F\""))
        .unwrap();
    let ProfileError::Malformed {
        line: found,
        detail,
        file,
        ..
    } = Profile::parse("own.toml", &text).unwrap_err()
    else {
        panic!("not malformed");
    };
    assert_eq!((found, &*file), (line, "own.toml"));
    assert!(detail.contains("`9F` is no PIV key reference"), "{detail}");
}

#[test]
fn masks_values_and_sources_are_checked() {
    let faults = [
        ("mask  = \"FFFF00", "mask  = \"FF00", "bytes and `mask`"),
        (
            "certainty = \"public\"",
            "certainty = \"sure\"",
            "unknown variant `sure`",
        ),
        ("\"rsa-2048\"", "\"rsa-2000\"", "is no algorithm"),
        ("\"5FC107\"", "\"5FC1FF\"", "no PIV data object"),
        (
            "aid = \"A000000308000010000100\"",
            "aid = \"A0\"",
            "5 to 16 bytes",
        ),
        (
            "schema = 1\n",
            "schema = 1\ncolour = 3\n",
            "unknown field `colour`",
        ),
    ];
    for (from, to, expected) in faults {
        let text = text("series-9");
        assert!(text.contains(from), "{from}");
        let error = Profile::parse("own.toml", &text.replacen(from, to, 1)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn parts_that_contradict_one_another_are_refused_with_their_line() {
    let faults = [
        ("schema = 1", "schema = 2", "schema"),
        (
            "engine = { value = \"piv\"",
            "engine = { value = \"none\"",
            "engine",
        ),
        ("key = { value = \"9C\"", "key = { value = \"9A\"", "slots"),
        ("key = { value = \"9C\"", "key = { value = \"9B\"", "slots"),
        ("{ value = \"rsa-2048\"", "{ value = \"aes-128\"", "slots"),
        ("{ value = \"aes-192\"", "{ value = \"p-256\"", "admin"),
        (
            "max-length = { value = 8",
            "max-length = { value = 5",
            "passcode",
        ),
        (
            "min-length = { value = 6",
            "min-length = { value = 4",
            "passcode",
        ),
        (
            "command-data = { value = 255",
            "command-data = { value = 100",
            "channel",
        ),
        ("id = \"series-9\"", "id = \"Series 9\"", "id"),
    ];
    for (from, to, expected) in faults {
        let text = text("series-9");
        assert!(text.contains(from), "{from}");
        let text = text.replacen(from, to, 1);
        let error = Profile::parse("own.toml", &text).unwrap_err();
        let ProfileError::Inconsistent { key, line, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(key, expected, "{error}");
        assert!(
            text.lines().nth(line - 1).unwrap().contains(expected),
            "{error}"
        );
    }
}

#[test]
fn a_profile_of_ones_own_is_loaded_and_replaces_a_built_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    std::fs::write(
        &path,
        text("series-9").replace("Series 9 (Idemia PIV)", "Mine"),
    )
    .unwrap();
    let mut profiles = Profiles::builtin();
    profiles.put_folder(folder.path()).unwrap();
    assert_eq!(profiles.get("series-9").unwrap().name(), "Mine");
    assert_eq!(profiles.iter().count(), 7);

    std::fs::write(folder.path().join("again.toml"), text("series-9")).unwrap();
    let error = profiles.put_folder(folder.path()).unwrap_err();
    assert!(matches!(error, ProfileError::Duplicate { id } if id == "series-9"));
}

#[test]
fn an_absent_profile_is_answered_with_those_there_are() {
    let error = Profiles::builtin().get("series-7").unwrap_err();
    assert_eq!(
        error.to_string(),
        "no profile `series-7` (profiles: series-4, series-5, series-6, series-8, series-9, series-10, generic-piv)"
    );
    let error = Profile::load("nowhere/series-7.toml").unwrap_err();
    assert!(matches!(error, ProfileError::Unreadable { .. }));
}

#[test]
fn a_profile_survives_being_written_and_read() {
    for profile in Profiles::builtin().iter() {
        let text = toml::to_string(profile).unwrap();
        assert_eq!(Profile::parse("written", &text).unwrap(), *profile);
    }
}

proptest! {
    #[test]
    fn any_text_is_a_profile_or_a_typed_error(text in ".{0,400}") {
        let _ = Profile::parse("any", &text);
    }

    #[test]
    fn a_profile_with_any_line_left_out_is_a_profile_or_a_typed_error(line in 0_usize..120) {
        let text: Vec<_> = text("series-10").lines().map(str::to_owned).collect();
        let kept = text.iter().enumerate().filter(|(index, _)| *index != line);
        let kept: Vec<_> = kept.map(|(_, line)| line.clone()).collect();
        if let Err(error) = Profile::parse("any", &kept.join("\n")) {
            prop_assert!(error.to_string().starts_with("any:"), "{}", error);
        }
    }
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles")
}

fn text(id: &str) -> String {
    std::fs::read_to_string(folder().join(format!("{id}.toml"))).unwrap()
}

/// Series 10 is personalised as series 9 is, with what it has beyond, and stands in the estate
/// under flags of its own.
#[test]
fn series_10_is_a_superset_of_series_9_with_its_own_capability_flags() {
    let profiles = Profiles::builtin();
    let nine = profiles.get("series-9").unwrap();
    let ten = profiles.get("series-10").unwrap();
    let of_ten = ten.stated();
    let in_ten = |path: &str| of_ten.iter().find(|stated| stated.path == path);
    let mut compared = 0;
    for stated in nine.stated() {
        let path = &stated.path;
        let own = [
            "name",
            "state",
            "engine",
            // What the cards were made to, which of series 10 nobody states.
            "edition",
            "atr",
            "middleware",
            "capabilities",
        ];
        if own.iter().any(|part| path.starts_with(part)) {
            continue;
        }
        let same = in_ten(path).unwrap_or_else(|| panic!("series 10 has no `{path}`"));
        assert_eq!(same.value, stated.value, "{path}");
        compared += 1;
    }
    assert!(compared > 30, "{compared}");
    assert_eq!(nine.engine.value, ten.engine.value);
    // The chips of series 9 but for the one that names itself Cosmo v7.
    let labels = |profile: &Profile| {
        let stated = profile.stated();
        let atr = stated.iter().filter(|it| it.path.starts_with("atr["));
        atr.map(|it| it.value["label"].to_string())
            .collect::<Vec<_>>()
    };
    let (of_nine, of_ten_labels) = (labels(nine), labels(ten));
    let beyond: Vec<_> = of_nine
        .iter()
        .filter(|label| !of_ten_labels.contains(label))
        .collect();
    assert_eq!(beyond, ["\"Cosmo v7 + PIV\""]);
    // The same flags, each with a source of its own.
    let flags = ["authenticate-CIS1", "authenticate-CIS2", "sign", "service"]
        .map(|flag| format!("capabilities.{flag}"));
    for path in &flags {
        let here = in_ten(path).unwrap();
        let there = nine.stated();
        let there = there.iter().find(|stated| stated.path == *path).unwrap();
        assert_ne!(here.source, there.source, "{path}");
    }
    assert!(nine.capabilities.sign.value && !ten.capabilities.sign.value);
    // What is not known of series 9 is not known of series 10 either, and something more.
    let questions = |profile: &Profile| {
        let unknown = profile.unknowns().into_iter();
        unknown.map(|unknown| unknown.what).collect::<Vec<_>>()
    };
    let (of_nine, of_ten) = (questions(nine), questions(ten));
    for question in &of_nine {
        // A flag of series 9 nobody states is one somebody states of series 10.
        assert!(
            of_ten.contains(question) || flags.contains(question),
            "{question}"
        );
    }
    assert!(of_ten.contains(&"What series 10 has beyond series 9".to_owned()));
}

#[test]
fn everything_unknown_says_why_it_is_or_where_its_default_comes_from() {
    for profile in Profiles::builtin().iter() {
        for unknown in profile.unknowns() {
            let (what, source) = (&unknown.what, unknown.source.trim());
            assert!(source.len() > 6, "{}: {what}", profile.id);
            assert!(!what.trim().is_empty(), "{}", profile.id);
            if unknown.default.is_some() {
                assert!(
                    source.starts_with("default"),
                    "{}: {what} is a default that does not say so: {source}",
                    profile.id
                );
            }
        }
    }
    for id in ["series-9", "series-10"] {
        let unknowns = Profiles::builtin().get(id).unwrap().unknowns();
        // What the secure channel and its keys are is public nowhere.
        for path in [
            "piv.admin.algorithm",
            "piv.admin.change",
            "card-manager.protocol",
            "card-manager.key-version",
            "card-manager.security-level",
            "card-manager.diversification",
            "card-manager.keys",
            "card-manager.serial",
        ] {
            assert!(unknowns.iter().any(|it| it.what == path), "{id} {path}");
        }
    }
}

const THROUGH_THE_CARD_MANAGER: [(&str, &str); 3] = [
    (
        "change = { value = \"set-management-key\"",
        "change = { value = \"scp03-put-key\"",
    ),
    (
        "[piv.puk]",
        "[piv.admin.put-key]\n\
         p1 = { value = 0, source = \"supplier\", certainty = \"public\" }\n\
         p2 = { value = 0x9B, source = \"supplier\", certainty = \"public\" }\n\
         version = { value = 1, source = \"supplier\", certainty = \"public\" }\n\n[piv.puk]",
    ),
    (
        "serial = { value = \"leave\"",
        "iin = { value = \"4D000001\", source = \"issuer\", certainty = \"public\" }\n\
         serial = { value = \"write-if-absent\"",
    ),
];

fn series_10_with(changes: &[(&str, &str)]) -> Result<Profile, ProfileError> {
    let mut text = std::fs::read_to_string(folder().join("series-10.toml")).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    Profile::parse("changed.toml", &text)
}

#[test]
fn a_profile_can_ask_for_the_path_through_the_card_manager() {
    let profile = series_10_with(&THROUGH_THE_CARD_MANAGER).unwrap();
    let admin = &profile.piv.as_ref().unwrap().admin;
    assert_eq!(admin.change.value, AdminKeyChange::Scp03PutKey);
    assert_eq!(admin.put_key.as_ref().unwrap().p2.value, 0x9B);
    let manager = profile.card_manager.as_ref().unwrap();
    assert_eq!(manager.serial.value, SerialWriting::WriteIfAbsent);
    assert_eq!(manager.iin().unwrap(), [0x4D, 0x00, 0x00, 0x01]);
    assert_eq!(manager.security_level.value.byte(), 0x33);
}

#[test]
fn a_path_through_the_card_manager_that_is_not_whole_is_refused() {
    let [change, put_key, serial] = THROUGH_THE_CARD_MANAGER;
    let iin_alone = |iin: &str| {
        let text = format!(
            "iin = {{ value = \"{iin}\", source = \"issuer\", certainty = \"public\" }}\n\
             serial = {{ value = \"leave\""
        );
        series_10_with(&[("serial = { value = \"leave\"", &text)])
    };
    let bare = "serial = { value = \"write-if-absent\"";
    for (result, expected) in [
        (series_10_with(&[change]), "[piv.admin.put-key]"),
        (
            series_10_with(&[change, put_key, ("[card-manager]", "[card-managers]")]),
            "card-managers",
        ),
        (series_10_with(&[(serial.0, bare)]), "needs an `iin`"),
        (iin_alone("4D0"), "1 to 16 bytes"),
        (iin_alone(""), "1 to 16 bytes"),
        (
            series_10_with(&[("key-version = { value = 0", "key-version = { value = 200")]),
            "200 is no version of a key set",
        ),
    ] {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let mut profile = series_10_with(&[change, put_key]).unwrap();
    profile.card_manager = None;
    let text = toml::to_string(&profile).unwrap();
    let error = Profile::parse("changed.toml", &text)
        .unwrap_err()
        .to_string();
    assert!(error.contains("[card-manager]"), "{error}");
}

#[test]
fn the_path_through_the_card_manager_in_the_readme_is_a_profile() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let block = readme
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .find(|block| block.contains("[card-manager]"))
        .unwrap();
    let text = std::fs::read_to_string(folder().join("series-10.toml")).unwrap();
    let (before, rest) = text.split_once("[card-manager]").unwrap();
    let (_, after) = rest.split_once("[[middleware]]").unwrap();
    let text = format!("{before}{block}\n[[middleware]]{after}")
        .replace("\"set-management-key\"", "\"scp03-put-key\"");
    let profile = Profile::parse("readme.toml", &text).unwrap();
    assert_eq!(
        profile.card_manager.unwrap().iin().unwrap(),
        [0x4D, 0x00, 0x00, 0x01]
    );
    assert!(profile.piv.unwrap().admin.put_key.is_some());
}
