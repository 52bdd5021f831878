use super::*;
use crate::doctor::{Driver, worst};

fn reader(name: &str, card: CardState) -> ReaderInfo {
    ReaderInfo {
        name: name.to_owned(),
        card,
    }
}

fn present() -> CardState {
    CardState::Present { atr: vec![0x3B, 0] }
}

fn with_readers(readers: Vec<ReaderInfo>) -> Evidence {
    Evidence {
        readers,
        ..Evidence::default()
    }
}

fn pcsc(pattern: &str) -> Vec<Wanted> {
    vec![Wanted::Pcsc(pattern.to_owned())]
}

/// The findings of one check.
fn of(check: Check, findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|it| it.check == check).collect()
}

fn usb() -> UsbReader {
    UsbReader {
        vendor: 0x08E6,
        product: 0x3437,
        name: "PC Twin".to_owned(),
    }
}

fn driver(serves: &[(u16, u16)]) -> Driver {
    Driver {
        name: "ifd-ccid".to_owned(),
        version: "1.5.2".to_owned(),
        serves: serves.to_vec(),
    }
}

#[test]
fn a_healthy_machine_has_nothing_to_do() {
    let findings = examine(&with_readers(vec![reader("OMNIKEY 00 00", present())]), &[]);
    assert_eq!(worst(&findings), Verdict::Ok);
    assert!(findings.iter().all(|finding| finding.next.is_none()));
    let checks: Vec<Check> = findings.iter().map(|finding| finding.check).collect();
    assert_eq!(checks, [Check::Service, Check::Readers, Check::Cards]);
}

#[test]
fn every_way_a_service_fails_says_something_else_and_what_to_do() {
    let states = [
        ServiceState::Denied,
        ServiceState::Failed("internal error".to_owned()),
        ServiceState::Unreachable(Reach::NoSocket),
        ServiceState::Unreachable(Reach::NobodyListens),
        ServiceState::Unreachable(Reach::SocketDenied),
        ServiceState::Unreachable(Reach::SocketOpen),
        ServiceState::Unreachable(Reach::Unknown),
    ];
    let mut seen = Vec::new();
    for state in states {
        let evidence = Evidence {
            service: state,
            ..Evidence::default()
        };
        let findings = examine(&evidence, &[]);
        // What the service would have to say is not guessed.
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].verdict, Verdict::Problem);
        let next = findings[0].next.clone().unwrap();
        assert!(!seen.contains(&next), "{next}");
        seen.push(next);
    }
}

#[test]
fn no_reader_is_a_problem_unless_the_station_has_its_own_line() {
    let findings = examine(&with_readers(Vec::new()), &[]);
    assert_eq!(of(Check::Readers, &findings)[0].verdict, Verdict::Problem);

    let evidence = Evidence {
        service: ServiceState::Unreachable(Reach::NoSocket),
        port: Some(PortState {
            path: "/dev/ttyS0".to_owned(),
            use_of_it: PortUse::Opens,
        }),
        ..Evidence::default()
    };
    let findings = examine(&evidence, &[Wanted::Serial("/dev/ttyS0".to_owned())]);
    assert_eq!(worst(&findings), Verdict::Ok);
    assert_eq!(findings.len(), 1);
}

#[test]
fn a_reader_without_driver_is_named_with_its_numbers() {
    let evidence = |installed: Vec<Driver>| Evidence {
        drivers: Some(Drivers {
            installed,
            attached: vec![usb()],
        }),
        ..Evidence::default()
    };
    for installed in [Vec::new(), vec![driver(&[(0x076B, 0x3021)])]] {
        let findings = examine(&evidence(installed), &[]);
        let [finding] = of(Check::Drivers, &findings)[..] else {
            panic!("{findings:?}");
        };
        assert_eq!(finding.verdict, Verdict::Problem);
        assert!(finding.found.contains("08e6:3437"), "{}", finding.found);
    }
    // With one, it is the service that does not offer it.
    let findings = examine(&evidence(vec![driver(&[(0x08E6, 0x3437)])]), &[]);
    assert_eq!(of(Check::Drivers, &findings)[0].verdict, Verdict::Ok);
    let readers = of(Check::Readers, &findings)[0];
    assert!(readers.found.contains("not offered"), "{}", readers.found);
    // No driver and no reader: nothing is wrong yet.
    let nothing = Evidence {
        drivers: Some(Drivers::default()),
        ..with_readers(vec![reader("Virtual PCD 00 00", CardState::Empty)])
    };
    assert_eq!(worst(&examine(&nothing, &[])), Verdict::Warning);
}

#[test]
fn a_pattern_must_fit_exactly_one_reader() {
    let evidence = with_readers(vec![
        reader("Twin 00 00", CardState::Empty),
        reader("Twin 00 01", CardState::Empty),
    ]);
    for (pattern, verdict, named) in [
        ("*00 01", Verdict::Ok, "Twin 00 01"),
        ("Twin*", Verdict::Problem, "2 readers"),
        ("OMNIKEY*", Verdict::Problem, "no reader"),
        ("", Verdict::Warning, "there are 2"),
    ] {
        let findings = examine(&evidence, &pcsc(pattern));
        let pairing = of(Check::Pairing, &findings)[0];
        assert_eq!(pairing.verdict, verdict, "{pattern}");
        assert!(pairing.found.contains(named), "{}", pairing.found);
        if let Some(next) = &pairing.next {
            assert!(next.contains("Twin 00 00"), "{next}");
        }
    }
}

#[test]
fn cards_that_are_mute_in_use_or_too_many_are_told() {
    let used = CardState::InUse { atr: vec![0x3B, 0] };
    for (cards, pattern, expected) in [
        (vec![CardState::Mute], None, vec![Verdict::Problem]),
        (vec![used.clone()], None, vec![Verdict::Warning]),
        (vec![present(), present()], None, vec![Verdict::Warning]),
        (vec![present(), present()], Some("R0"), vec![Verdict::Ok]),
        (
            vec![present(), CardState::Mute],
            Some("R0"),
            vec![Verdict::Ok],
        ),
        (
            vec![used, CardState::Mute],
            None,
            vec![Verdict::Warning, Verdict::Problem, Verdict::Warning],
        ),
        (vec![CardState::Empty], None, vec![Verdict::Ok]),
    ] {
        let shown = format!("{cards:?} {pattern:?}");
        let readers = cards.into_iter().enumerate();
        let readers = readers.map(|(at, card)| reader(&format!("R{at}"), card));
        let wanted = pattern.map(pcsc).unwrap_or_default();
        let findings = examine(&with_readers(readers.collect()), &wanted);
        let verdicts: Vec<Verdict> = of(Check::Cards, &findings)
            .iter()
            .map(|finding| finding.verdict)
            .collect();
        assert_eq!(verdicts, expected, "{shown}");
    }
}

#[test]
fn a_port_that_cannot_be_used_says_why_and_what_to_do() {
    let denied = |joined| PortUse::Denied {
        group: Some("dialout".to_owned()),
        joined,
    };
    for (use_of_it, verdict, next) in [
        (PortUse::Opens, Verdict::Ok, None),
        (PortUse::Busy, Verdict::Warning, Some("other program")),
        (denied(false), Verdict::Problem, Some("usermod -aG dialout")),
        (denied(true), Verdict::Problem, Some("log out")),
        (
            PortUse::Missing {
                present: vec!["/dev/ttyS1".to_owned()],
            },
            Verdict::Problem,
            Some("/dev/ttyS1"),
        ),
        (
            PortUse::Failed("odd".to_owned()),
            Verdict::Problem,
            Some("check"),
        ),
    ] {
        let evidence = Evidence {
            port: Some(PortState {
                path: "/dev/ttyS0".to_owned(),
                use_of_it,
            }),
            ..Evidence::default()
        };
        let findings = examine(&evidence, &[Wanted::Serial("/dev/ttyS0".to_owned())]);
        let port = of(Check::SerialPort, &findings)[0];
        assert_eq!(port.verdict, verdict);
        match next {
            Some(next) => assert!(port.next.as_ref().unwrap().contains(next), "{port:?}"),
            None => assert_eq!(port.next, None),
        }
    }
}
