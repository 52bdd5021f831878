//! Telling cards apart, and doing them no harm.

use crate::scripted::{
    AUTHENTIC_V2, AUTHENTIC_V3, CARD_MANAGER, PIV_TEMPLATE, ScriptedCard, Sent, bytes,
};
use proptest::prelude::*;
use series::{Applet, Conclusion, Confidence, Identification, Profile, Profiles, identify};

const JCOP41_T1: &str = "3BF91800008131FE454A434F503431563232AF";
const ID_ONE: &str = "3BD6970081B1FE451F878031C152411A2B";
const COSMO_X: &str = "3BDF96008131FE4580738421E0554978000080830F90000C";
const AUTHENTIC_322: &str = "3BDD18008131FE4580F9A0000000770100700A90008B";

/// Answers to reset with other speeds and life cycle states than the profiles spell, and the
/// series each has to nominate.
const NOMINATIONS: [(&str, &[&str]); 17] = [
    (JCOP41_T1, &["series-5", "series-6"]),
    (
        "3BF99600008131FE454A434F503431563232AF",
        &["series-5", "series-6"],
    ),
    ("3B6A00FF4A434F50343156323231", &["series-5", "series-6"]),
    (AUTHENTIC_322, &["series-8"]),
    (
        "3BDD96008131FE4580F9A0000000770100700A90008B",
        &["series-8"],
    ),
    (
        "3BDB180080B1FE451F830031C064C7FC1000019000FA",
        &["series-8"],
    ),
    (
        "3BDB960080B1FE451F830031C064BAFC10000F90000B",
        &["series-8"],
    ),
    (
        "3BDB960080B1FE451F830031C064B0FC1000079000FA",
        &["series-8"],
    ),
    ("3B7D180000003180718E6477E30100829000", &["series-8"]),
    ("3B7D960000003180718E6477E30200829000", &["series-8"]),
    ("3B7B1800000031C06477E30300829000", &["series-8"]),
    (
        "3BD6960081B1FE451F878031C152411A2A",
        &["series-9", "series-10"],
    ),
    (ID_ONE, &["series-9", "series-10"]),
    (
        "3BD6960081B1FE451F078031C1521118FF",
        &["series-9", "series-10"],
    ),
    (
        "3BD7970081B1FE451F878031C15351132012",
        &["series-9", "series-10"],
    ),
    ("3B8680018031C152411A7E", &["series-9", "series-10"]),
    (
        "3BDB960081B1FE451F8380F9A0000003080000100098",
        &["series-9"],
    ),
];

/// As public lists of cards have them: bank, transport, identity and PIV cards of others.
const FOREIGN: [&str; 8] = [
    "3BFD1300008131FE158073C021C057597562694B657940", // YubiKey 5
    "3B9F958131FE9F006646530551003171DF0000000000024F", // another PIV card
    "3BDB9600801F030031C064B0F3100007900080",         // an Oberthur card of other length
    "3B6E000080318066B084120C017783009000",
    "3BF81300008131FE454A434F5076323431B7",     // JCOP 2.4.1
    "3B8F8001804F0CA000000306030001000000006A", // MIFARE over PC/SC
    "3B7F96000080318065B0855956FB120FFE829000",
    "3B6800000073C84013009000",
];

#[test]
fn every_known_answer_to_reset_nominates_its_series() {
    for (atr, expected) in NOMINATIONS
        .into_iter()
        .chain([(COSMO_X, &["series-10"][..])])
    {
        let (identification, _) = ask(ScriptedCard::new(atr));
        assert_eq!(identification.evidence[0].speaks_for, expected, "{atr}");
    }
}

#[test]
fn an_application_and_its_answer_to_reset_leave_the_series() {
    let (identification, _) = ask(ScriptedCard::new(COSMO_X).with_piv());
    assert_eq!(
        identification.conclusion,
        Conclusion::Series {
            profile: "series-10".to_owned(),
            confidence: Confidence::Possibly,
        }
    );
    assert!(identification.contradictions.is_empty());
    assert!(identification.admits("series-10"));
    assert!(!identification.admits("series-9"));
}

#[test]
fn a_chip_used_in_two_series_leaves_both() {
    let (identification, _) = ask(ScriptedCard::new(ID_ONE).with_piv());
    assert_eq!(identification.candidates(), ["series-9", "series-10"]);
    assert!(matches!(
        identification.conclusion,
        Conclusion::OneOf { .. }
    ));
}

#[test]
fn a_retired_card_is_recognised_by_its_answer_to_reset_alone() {
    let (identification, _) = ask(ScriptedCard::new(JCOP41_T1));
    assert_eq!(identification.candidates(), ["series-5", "series-6"]);
    assert_eq!(identification.selected, None);
}

#[test]
fn series_8_is_found_by_either_application() {
    for aid in [AUTHENTIC_V3, AUTHENTIC_V2] {
        let card = ScriptedCard::new(AUTHENTIC_322).with_application(aid, "6F009000");
        let (identification, _) = ask(card);
        assert_eq!(identification.candidates(), ["series-8"]);
        assert_eq!(identification.selected.unwrap().aid, bytes(aid));
    }
}

#[test]
fn foreign_cards_are_no_series_with_piv_or_without() {
    for atr in FOREIGN {
        let (identification, _) = ask(ScriptedCard::new(atr));
        assert_eq!(identification.conclusion, Conclusion::Unknown, "{atr}");
        let (identification, _) = ask(ScriptedCard::new(atr).with_piv());
        assert_eq!(identification.conclusion, Conclusion::GenericPiv, "{atr}");
    }
}

#[test]
fn the_same_chip_in_another_issuers_hands_is_never_more_than_possible() {
    // Peru's identity card has the answer to reset and the application of AuthentIC 3.2.2.
    let card = ScriptedCard::new(AUTHENTIC_322).with_application(AUTHENTIC_V3, "6F009000");
    let (identification, _) = ask(card);
    assert!(matches!(
        identification.conclusion,
        Conclusion::Series {
            confidence: Confidence::Possibly,
            ..
        }
    ));
    assert!(
        identification
            .reasons
            .iter()
            .any(|r| r.contains("no public source"))
    );
}

#[test]
fn an_answer_to_reset_whose_application_is_missing_is_a_contradiction() {
    let (identification, _) = ask(ScriptedCard::new(ID_ONE));
    assert_eq!(identification.conclusion, Conclusion::Unknown);
    assert_eq!(
        identification.contradictions,
        [
            "the answer to reset is one of series-9, but no application of series-9 answers",
            "the answer to reset is one of series-10, but no application of series-10 answers",
        ]
    );
}

#[test]
fn the_application_decides_against_the_answer_to_reset() {
    let (identification, _) = ask(ScriptedCard::new(AUTHENTIC_322).with_piv());
    assert_eq!(identification.conclusion, Conclusion::GenericPiv);
    assert!(
        identification
            .contradictions
            .iter()
            .any(|text| text == "PIV answers, which is no application of series-8"),
        "{:?}",
        identification.contradictions
    );
}

#[test]
fn two_applications_on_one_card_are_reported() {
    let card = ScriptedCard::new(ID_ONE)
        .with_piv()
        .with_application(AUTHENTIC_V3, "6F009000");
    let (identification, _) = ask(card);
    assert!(
        identification
            .contradictions
            .contains(&"PIV and another known application answer on one card".to_owned())
    );
}

#[test]
fn a_card_that_says_9000_to_everything_is_no_piv_card() {
    let mut card = ScriptedCard::new(ID_ONE);
    card.otherwise = bytes("9000");
    let (identification, _) = ask(card);
    assert!(!identification.admits("series-9"));
    assert_ne!(identification.conclusion, Conclusion::GenericPiv);
}

#[test]
fn a_card_that_says_9000_to_everything_is_no_authentic_card() {
    let mut card = ScriptedCard::new(AUTHENTIC_322);
    card.otherwise = bytes("9000");
    let (identification, sent) = ask(card);
    assert_eq!(identification.conclusion, Conclusion::Unknown);
    assert_eq!(identification.applet(), None);
    assert!(
        identification
            .contradictions
            .iter()
            .any(|text| text.contains("an application that does not exist")),
        "{:?}",
        identification.contradictions
    );
    assert!(is_harmless(&sent));
}

#[test]
fn an_application_that_does_not_exist_is_asked_for_after_those_that_do() {
    let card = ScriptedCard::new(AUTHENTIC_322).with_application(AUTHENTIC_V3, "9000");
    let (identification, sent) = ask(card);
    assert_eq!(identification.candidates(), ["series-8"]);
    let sent: Vec<String> = sent.lock().unwrap().iter().map(hex::encode_upper).collect();
    assert_eq!(
        sent[2..5],
        [
            "00A4040010A0000000770100700A1000F10000010000",
            "00A4040010A000000077010303000000F10000000200",
            "00A4040008F03C91E75A0DB24600",
        ]
    );
    assert_eq!(sent.last().unwrap(), &sent[2]);
    assert_eq!(
        identification.applet(),
        Some(Applet::Authentic(authentic::Applet::V3))
    );
}

#[test]
fn an_answer_that_names_another_application_is_none_of_authentic() {
    for (answer, there) in [
        ("9000", true),
        ("6F009000", true),
        ("6F1084109000", false), // cut off
        ("62048202380083023F009000", true),
        ("6F128410A0000000770100700A1000F1000001009000", true),
        ("6F098407A00000015100009000", false),
        ("61064F04A00000009000", false),
        ("FFFF9000", false),
    ] {
        let card = ScriptedCard::new(AUTHENTIC_322).with_application(AUTHENTIC_V3, answer);
        let (identification, _) = ask(card);
        assert_eq!(identification.admits("series-8"), there, "{answer}");
    }
}

#[test]
fn both_versions_of_authentic_on_one_card_are_reported() {
    let card = ScriptedCard::new(AUTHENTIC_322)
        .with_application(AUTHENTIC_V3, "6F009000")
        .with_application(AUTHENTIC_V2, "6F009000");
    let (identification, _) = ask(card);
    assert!(
        identification
            .contradictions
            .contains(&"AuthentIC v3 and AuthentIC v2 answer on one card".to_owned())
    );
}

#[test]
fn a_template_with_the_pix_alone_is_taken_as_piv() {
    let answer = "61084F060000100001009000";
    let card = ScriptedCard::new(ID_ONE).with_application("A000000308000010000100", answer);
    let (identification, _) = ask(card);
    assert_eq!(identification.candidates(), ["series-9", "series-10"]);
}

#[test]
fn production_data_tells_two_series_apart_once_a_profile_knows_it() {
    let cplc = "9F7F2A479050764041513200000000".to_owned()
        + "DEADBEEF1234"
        + &"00".repeat(42 - 12 - 6)
        + "9000";
    let data = &bytes(&cplc)[3..45];
    let mut profiles = Profiles::builtin();
    for (id, fabricator) in [("series-9", "4790"), ("series-10", "4791")] {
        let text = builtin_text(id) + &cplc_pattern(fabricator);
        profiles.put(Profile::parse("own.toml", &text).unwrap());
    }
    let (mut channel, _) = ScriptedCard::new(ID_ONE)
        .with_piv()
        .with_cplc(&cplc)
        .channel();
    let identification = identify(&mut channel, &profiles).unwrap();
    assert_eq!(identification.candidates(), ["series-9"]);
    assert_eq!(identification.numbers.cplc.unwrap().to_bytes(), data);
    assert_eq!(
        identification.chip_number().map(hex::encode_upper),
        Some("DEADBEEF1234".to_owned())
    );
    let struck = "production data is not that of series-10";
    assert!(identification.reasons.contains(&struck.to_owned()));
}

#[test]
fn identification_sends_select_and_get_data_in_a_fixed_order() {
    let cplc = "9F7F2A".to_owned() + &"11".repeat(42) + "9000";
    let (identification, sent) = ask(ScriptedCard::new(ID_ONE).with_piv().with_cplc(&cplc));
    let expected = [
        "00A404000BA00000030800001000010000",
        "00A4040009A0000003080000100000",
        "00A4040010A0000000770100700A1000F10000010000",
        "00A4040010A000000077010303000000F10000000200",
        "00A4040008A00000015100000000",
        "80CA9F7F00",
        "80CA004200",
        "80CA004500",
        "00A404000BA00000030800001000010000",
    ];
    let sent: Vec<String> = sent.lock().unwrap().iter().map(hex::encode_upper).collect();
    assert_eq!(sent, expected);
    assert_eq!(
        hex::encode_upper(identification.selected.unwrap().data),
        PIV_TEMPLATE
    );
}

#[test]
fn the_older_card_manager_is_asked_when_the_first_is_absent() {
    let older = "A0000000030000";
    let card = ScriptedCard::new(ID_ONE).with_application(older, "6F009000");
    let (identification, sent) = ask(card);
    let sent = sent.lock().unwrap();
    assert_eq!(hex::encode_upper(&sent[4][5..13]), CARD_MANAGER);
    assert_eq!(hex::encode_upper(&sent[5]), format!("00A4040007{older}00"));
    assert_eq!(hex::encode_upper(&sent[6]), "80CA9F7F00");
    assert_eq!(
        identification.evidence.last().unwrap().seen,
        format!("card manager {older}")
    );
}

#[test]
fn a_card_without_a_card_manager_has_no_numbers() {
    let (identification, _) = ask(ScriptedCard::new(ID_ONE).with_piv());
    assert_eq!(identification.chip_number(), None);
    assert_eq!(
        identification.evidence.last().unwrap().seen,
        "no card manager"
    );
    let json = serde_json::to_value(&identification).unwrap();
    assert_eq!(
        json["numbers"],
        serde_json::json!({ "cplc": null, "iin": null, "cin": null })
    );
}

#[test]
fn a_chip_that_was_never_numbered_has_no_number() {
    for blank in ["00000000", "FFFFFFFF"] {
        let cplc = format!("9F7F2A{}{blank}{}9000", "47".repeat(12), "12".repeat(26));
        let (identification, _) = ask(ScriptedCard::new(ID_ONE).with_cplc(&cplc));
        assert!(identification.numbers.cplc.is_some());
        assert_eq!(identification.chip_number(), None, "{blank}");
    }
}

#[test]
fn json_shows_the_numbers_of_the_chip() {
    let data = "479050764041513200000000DEADBEEF1234".to_owned() + &"00".repeat(24);
    let cplc = format!("9F7F2A{data}9000");
    let (identification, _) = ask(ScriptedCard::new(ID_ONE).with_cplc(&cplc));
    let json = serde_json::to_value(&identification).unwrap();
    assert_eq!(
        json["numbers"]["cplc"],
        serde_json::json!({
            "fabricator": "4790",
            "ic-type": "5076",
            "operating-system": "4041",
            "serial": "DEADBEEF",
            "batch": "1234",
            "raw": data,
        })
    );
}

#[test]
fn an_application_named_by_an_own_profile_is_asked_for_too() {
    let text = builtin_text("series-9")
        .replace("series-9", "own")
        .replace("series = 9\n", "")
        + r#"
[[probes]]
label = "Own applet"
aid = "F04F574E0001"
source = "data sheet"
certainty = "public"
"#;
    let mut profiles = Profiles::builtin();
    profiles.put(Profile::parse("own.toml", &text).unwrap());
    let card = ScriptedCard::new("3B00").with_application("F04F574E0001", "9000");
    let (mut channel, _) = card.channel();
    let identification = identify(&mut channel, &profiles).unwrap();
    assert_eq!(identification.candidates(), ["own"]);
}

proptest! {
    #[test]
    fn no_answer_to_reset_alone_makes_a_card_probable(
        atr in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let (identification, sent) = ask(ScriptedCard::new(&hex::encode(atr)));
        prop_assert!(!is_probable(&identification));
        prop_assert!(is_harmless(&sent));
    }

    #[test]
    fn known_answers_to_reset_with_flipped_bytes_never_make_a_card_probable(
        index in 0..NOMINATIONS.len(),
        position in 0_usize..24,
        byte in any::<u8>(),
    ) {
        let mut atr = bytes(NOMINATIONS[index].0);
        if let Some(place) = atr.get_mut(position) {
            *place = byte;
        }
        let (identification, _) = ask(ScriptedCard::new(&hex::encode(atr)));
        prop_assert!(!is_probable(&identification));
    }

    #[test]
    fn any_answers_are_weighed_and_nothing_but_select_and_get_data_is_sent(
        atr in proptest::collection::vec(any::<u8>(), 0..40),
        data in proptest::collection::vec(any::<u8>(), 0..60),
        cplc in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let answer = hex::encode(&data) + "9000";
        let card = ScriptedCard::new(&hex::encode(&atr))
            .with_application("A000000308000010000100", &answer)
            .with_application(AUTHENTIC_V2, &answer)
            .with_cplc(&(hex::encode(cplc) + "9000"));
        let (identification, sent) = ask(card);
        prop_assert!(!is_probable(&identification));
        prop_assert!(is_harmless(&sent));
    }
}

fn ask(card: ScriptedCard) -> (Identification, Sent) {
    let (mut channel, sent) = card.channel();
    let identification = identify(&mut channel, &Profiles::builtin()).unwrap();
    (identification, sent)
}

fn is_probable(identification: &Identification) -> bool {
    matches!(
        identification.conclusion,
        Conclusion::Series {
            confidence: Confidence::Probably,
            ..
        } | Conclusion::OneOf {
            confidence: Confidence::Probably,
            ..
        }
    )
}

fn is_harmless(sent: &Sent) -> bool {
    sent.lock()
        .unwrap()
        .iter()
        .all(|command| matches!(command[..], [0x00, 0xA4, 0x04, ..] | [0x80, 0xCA, ..]))
}

fn builtin_text(id: &str) -> String {
    let path = format!("{}/profiles/{id}.toml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn cplc_pattern(fabricator: &str) -> String {
    format!(
        r#"
[[cplc]]
label = "own stock"
bytes = "{fabricator}{zeros}"
mask = "FFFF{zeros}"
source = "measured"
certainty = "inferred"
"#,
        zeros = "00".repeat(40)
    )
}
