use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Atr {
    Atr::parse(&hex::decode(text).unwrap()).unwrap()
}

/// The candidates for the estate's cards, and cards of other makers with unusual parts.
const WITHOUT_FINDINGS: [&str; 14] = [
    "3BF91800008131FE454A434F503431563232AF",
    "3B6A00FF4A434F50343156323231",
    "3BDB180080B1FE451F830031C064C7FC1000019000FA",
    "3B7B1800000031C06477E30300829000",
    "3BD6960081B1FE451F878031C152411A2A",
    "3BD7970081B1FE451F878031C15351132012",
    "3BDB960081B1FE451F8380F9A0000003080000100098",
    "3BDF96008131FE4580738421E0554978000080830F90000C",
    "3B8680018031C152411A7E",
    // T=0 only, no TCK, no historical bytes.
    "3B00",
    "3B021450",
    // Inverse convention.
    "3F6525083304689000",
    // T=1 with capabilities and a name in ASCII.
    "3BF81300008131FE454A434F5076323431B7",
    "3BFD1300008131FE158073C021C057597562694B657940",
];

#[test]
fn known_answers_parse_without_findings() {
    for text in WITHOUT_FINDINGS {
        let atr = parse(text);
        assert_eq!(atr.findings, [], "{text}");
        assert!(!atr.explain().is_empty());
    }
}

#[test]
fn id_one_piv_is_taken_fully_apart() {
    let atr = parse("3BD6960081B1FE451F878031C152411A2A");
    assert_eq!(atr.speed().fi, Some(512));
    assert_eq!(atr.speed().di, Some(32));
    assert_eq!(atr.speed().clocks_per_bit(), Some(16.0));
    assert_eq!(atr.protocols(), [1]);
    assert_eq!(
        atr.block_protocol(),
        Some(BlockProtocol {
            information_field_size: 0xFE,
            block_waiting_integer: 4,
            character_waiting_integer: 5,
            error_detection: ErrorDetection::Lrc,
        })
    );
    assert_eq!(
        atr.electrical(),
        Electrical {
            clock_stop: ClockStop::High,
            class_a: true,
            class_b: true,
            class_c: true,
        }
    );
    assert_eq!(atr.specific_mode(), None);
    assert_eq!(
        atr.historical.objects,
        [
            HistoricalObject::Service(CardService::from(0xC1)),
            HistoricalObject::IssuerData(vec![0x41, 0x1A]),
        ]
    );
    assert_eq!(atr.check, Check::Right(0x2A));
}

#[test]
fn cosmo_x_states_capabilities_and_life_cycle() {
    let atr = parse("3BDF96008131FE4580738421E0554978000080830F90000C");
    let capabilities = atr.capabilities().unwrap();
    assert_eq!(capabilities.command_chaining(), Some(true));
    assert_eq!(capabilities.extended_length(), Some(true));
    assert_eq!(capabilities.logical_channels(), Some(1));
    assert_eq!(capabilities.data_unit(), Some(1));
    assert_eq!(
        atr.historical.objects.last(),
        Some(&HistoricalObject::Status {
            life_cycle: Some(LifeCycle(0x0F)),
            status: Some(0x9000),
        })
    );
}

#[test]
fn authentic_carries_the_start_of_its_application_identifier_and_a_bare_status_word() {
    let atr = parse("3BDD18008131FE4580F9A0000000770100700A90008B");
    assert_eq!(
        atr.historical.objects,
        [
            HistoricalObject::Application(hex::decode("A0000000770100700A").unwrap()),
            HistoricalObject::Status {
                life_cycle: None,
                status: Some(0x9000),
            },
        ]
    );
    assert_eq!(
        atr.findings,
        [AtrFinding::Historical {
            detail: "status word without the tag of a status indicator"
        }]
    );
}

#[test]
fn specific_mode_is_read_from_ta2() {
    // TA1 11, TD1 with TA2 for T=1, TA2 81, TD2 with TA3 for T=1.
    let groups = [
        InterfaceGroup {
            ta: Some(0x11),
            ..InterfaceGroup::default()
        },
        InterfaceGroup {
            protocol: Some(1),
            ta: Some(0x81),
            ..InterfaceGroup::default()
        },
        InterfaceGroup {
            protocol: Some(1),
            ta: Some(0x80),
            tc: Some(1),
            ..InterfaceGroup::default()
        },
    ];
    let atr = Atr::parse(&encode(Convention::Direct, &groups, &[]).unwrap()).unwrap();
    assert_eq!(
        atr.specific_mode(),
        Some(SpecificMode {
            protocol: 1,
            can_change: false,
            implicit_speed: false,
        })
    );
    assert_eq!(
        atr.block_protocol().unwrap().error_detection,
        ErrorDetection::Crc
    );
}

#[test]
fn proprietary_historical_bytes_stay_raw() {
    let atr = parse("3BF91800008131FE454A434F503431563232AF");
    assert_eq!(atr.historical.objects, []);
    assert!(
        atr.explain()
            .iter()
            .any(|line| line.meaning.contains("`JCOP41V22`"))
    );
}

#[test]
fn a_wrong_a_missing_and_a_trailing_byte_are_findings() {
    let wrong = parse("3B8680018031C152411A7F");
    assert_eq!(
        wrong.findings,
        [AtrFinding::WrongCheck {
            found: 0x7F,
            expected: 0x7E
        }]
    );
    let missing = parse("3B8680018031C152411A");
    assert_eq!(
        missing.findings,
        [AtrFinding::MissingCheck { expected: 0x7E }]
    );
    let trailing = parse("3B8680018031C152411A7E00");
    assert_eq!(trailing.findings, [AtrFinding::Trailing { length: 1 }]);
}

#[test]
fn structure_that_cannot_be_followed_says_which_byte_is_missing() {
    let error = |text: &str| {
        Atr::parse(&hex::decode(text).unwrap())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(error(""), "no answer to reset");
    assert_eq!(
        error("0300"),
        "answer to reset starts with 03, 3B or 3F was expected"
    );
    assert_eq!(error("3B"), "answer to reset of 1 bytes ends before T0");
    assert_eq!(
        error("3B8080"),
        "answer to reset of 3 bytes ends before TD2"
    );
    assert_eq!(
        error("3B024A"),
        "answer to reset of 3 bytes ends before the last of 2 historical bytes"
    );
}

#[test]
fn an_endless_chain_of_td_ends_with_the_bytes() {
    let bytes = [&[0x3B, 0x80][..], &[0x81; 400]].concat();
    assert!(matches!(Atr::parse(&bytes), Err(AtrError::Cut { .. })));
}

#[test]
fn every_line_of_an_explanation_has_a_name_and_a_meaning() {
    let text: Vec<String> = parse("3BD6960081B1FE451F878031C152411A2A")
        .explain()
        .into_iter()
        .map(|line| format!("{} {} {}", line.name, line.value, line.meaning))
        .collect();
    assert_eq!(
        text,
        [
            "TS 3B direct convention",
            "T0 D6 6 historical bytes",
            "TA1 96 Fi 512, Di 32: 16 clocks per bit, at most 5 MHz, then 312500 bit/s",
            "TC1 00 extra guard time of 0 etu",
            "TD1 81 protocol T=1 offered",
            "TD2 B1 protocol T=1 offered",
            "TA3 FE IFSC: information field of 254 bytes",
            "TB3 45 BWI 4, CWI 5: block waiting time 11 etu + 16 × 960 × 372 clocks, character waiting time 43 etu",
            "TD3 1F global interface bytes follow (T=15)",
            "TA4 87 classes A 5 V, B 3 V, C 1.8 V; clock stop in state H",
            "historical 8031C152411A COMPACT-TLV",
            "card service C1 select by full DF name, select by partial DF name, read by READ RECORD, without master file",
            "issuer data 411A meaning set by the card issuer",
            "TCK 2A check byte, right",
        ]
    );
}

#[test]
fn json_keeps_the_raw_bytes() {
    let json = serde_json::to_value(parse("3B8680018031C152411A7E")).unwrap();
    assert_eq!(json["raw"], "3B8680018031C152411A7E");
    assert_eq!(json["check"]["right"], 0x7E);
    assert_eq!(json["historical"]["objects"][1]["issuer-data"], "411A");
}

#[test]
fn what_makes_no_answer_is_refused() {
    let group = InterfaceGroup::default();
    let later = InterfaceGroup {
        protocol: Some(1),
        ta: Some(0),
        tb: Some(0),
        tc: Some(0),
    };
    let refused = |groups: &[InterfaceGroup], historical: &[u8]| {
        encode(Convention::Direct, groups, historical).unwrap_err()
    };
    assert!(matches!(
        refused(&[], &[]),
        AtrError::Group { index: 1, .. }
    ));
    assert!(matches!(
        refused(&[later], &[]),
        AtrError::Group { index: 1, .. }
    ));
    assert!(matches!(
        refused(&[group, group], &[]),
        AtrError::Group { index: 2, .. }
    ));
    assert_eq!(
        refused(&[group], &[0; 16]),
        AtrError::HistoricalTooLong { length: 16 }
    );
    let long = [&[group][..], &[later; 9]].concat();
    assert_eq!(refused(&long, &[]), AtrError::TooLong { length: 39 });
}

fn groups() -> impl Strategy<Value = Vec<InterfaceGroup>> {
    let bytes = any::<[Option<u8>; 3]>();
    (
        bytes.clone(),
        proptest::collection::vec((0_u8..16, bytes), 0..3),
    )
        .prop_map(|([ta, tb, tc], rest)| {
            let first = InterfaceGroup {
                protocol: None,
                ta,
                tb,
                tc,
            };
            std::iter::once(first)
                .chain(
                    rest.into_iter()
                        .map(|(protocol, [ta, tb, tc])| InterfaceGroup {
                            protocol: Some(protocol),
                            ta,
                            tb,
                            tc,
                        }),
                )
                .collect()
        })
}

proptest! {
    #[test]
    fn any_bytes_parse_or_give_a_typed_error(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(atr) = Atr::parse(&bytes) {
            prop_assert_eq!(&atr.raw, &bytes);
            let _ = atr.explain();
        }
    }

    #[test]
    fn any_bytes_after_ts_parse_or_give_a_typed_error(rest in proptest::collection::vec(any::<u8>(), 0..80)) {
        let bytes = [&[0x3B][..], &rest].concat();
        if let Ok(atr) = Atr::parse(&bytes) {
            let _ = (atr.explain(), atr.block_protocol(), atr.electrical(), atr.protocols());
        }
    }

    #[test]
    fn an_encoded_answer_parses_to_what_it_was_made_from(
        inverse: bool,
        groups in groups(),
        historical in proptest::collection::vec(any::<u8>(), 0..=15),
    ) {
        let convention = if inverse { Convention::Inverse } else { Convention::Direct };
        let bytes = encode(convention, &groups, &historical).unwrap();
        let atr = Atr::parse(&bytes).unwrap();
        prop_assert_eq!(&atr.groups, &groups);
        prop_assert_eq!(&atr.historical.raw, &historical);
        prop_assert_eq!(atr.convention, convention);
        let check_is_right = !matches!(atr.check, Check::Missing | Check::Wrong { .. });
        prop_assert!(check_is_right);
        let td = atr.explain().into_iter().filter(|line| line.name.starts_with("TD")).count();
        prop_assert_eq!(td, groups.len() - 1);
    }
}
