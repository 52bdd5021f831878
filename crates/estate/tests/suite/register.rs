use estate::{Certainty, EventState, Function, Register, RegisterError, Standing, calendar_text};
use jiff::civil::{Date, date};
use serde_json::Value;

fn standing(
    register: &Register,
    on: Date,
    series: u8,
    client: &str,
    function: Function,
) -> Standing {
    let client = register
        .clients()
        .find(|known| known.id == client)
        .expect("the register has it");
    register.on(on).answer(series, client, function).standing
}

#[test]
fn the_dates_of_the_sources_decide() {
    use Function::{AuthenticateCis1, AuthenticateCis2, Service, Sign};
    use Standing::{NotYet, Stopped, Warned, Works};
    let register = Register::builtin();
    let agent = "identity-agent-2.4.10.0";
    let older = "identity-agent-older";
    let connect = "smartcard-connect";
    for (on, series, client, function, expected) in [
        (date(2026, 3, 31), 4, agent, AuthenticateCis2, Works),
        (date(2026, 4, 1), 4, agent, AuthenticateCis2, Stopped),
        (date(2026, 5, 6), 6, agent, AuthenticateCis2, Works),
        (date(2026, 5, 7), 6, agent, AuthenticateCis2, Stopped),
        (date(2025, 9, 30), 5, agent, Service, Works),
        (date(2025, 10, 1), 5, agent, Service, Stopped),
        (date(2026, 2, 28), 8, agent, AuthenticateCis1, Works),
        (date(2026, 3, 1), 8, agent, AuthenticateCis1, Warned),
        (date(2027, 2, 27), 8, agent, Sign, Works),
        (date(2027, 2, 28), 8, agent, Sign, Stopped),
        (date(2026, 3, 30), 9, older, Sign, Warned),
        (date(2026, 3, 31), 9, older, Sign, Stopped),
        (date(2026, 3, 31), 10, agent, AuthenticateCis2, NotYet),
        (date(2026, 6, 1), 10, agent, AuthenticateCis2, Works),
        (date(2026, 6, 1), 10, agent, Sign, Stopped),
        (date(2026, 6, 1), 10, connect, Sign, Works),
        (date(2030, 1, 1), 10, connect, Sign, Works),
        (date(2026, 6, 1), 8, connect, AuthenticateCis1, Stopped),
        (date(2027, 2, 28), 9, "cis1", AuthenticateCis1, Stopped),
        (date(2027, 2, 28), 9, "cis2", AuthenticateCis2, Works),
        (date(2020, 1, 1), 2, agent, Service, Stopped),
    ] {
        let found = standing(&register, on, series, client, function);
        assert_eq!(
            found, expected,
            "series {series}, {client}, {function} on {on}"
        );
    }
}

#[test]
fn a_source_that_says_otherwise_is_shown_and_marked_when_it_decides() {
    let register = Register::builtin();
    let agent = register
        .clients()
        .find(|c| c.id == "identity-agent-2.4.10.0")
        .unwrap();
    let answer = |series, on| {
        register
            .on(on)
            .answer(series, agent, Function::AuthenticateCis2)
    };
    let before = answer(4, date(2026, 3, 31));
    assert!(
        before
            .disputes
            .iter()
            .any(|d| d.about == "series-4-blocked" && d.decides)
    );
    let after = answer(4, date(2026, 4, 1));
    assert!(after.disputes.iter().all(|d| !d.decides));
    let ten = answer(10, date(2026, 6, 1));
    assert!(
        ten.disputes
            .iter()
            .any(|d| d.source == "RS" && d.says.contains("Smartcard Connect only"))
    );
    assert_eq!(ten.certainty, Certainty::Inferred);
}

#[test]
fn an_event_is_confirmed_only_by_a_source_as_late_as_itself() {
    let register = Register::builtin();
    let state = |id: &str, on| {
        let event = register.events().find(|event| event.id == id).unwrap();
        register.on(on).state(event)
    };
    assert_eq!(
        state("series-4-blocked", date(2026, 11, 1)),
        EventState::Happened
    );
    // Stated by slides of November 2025 only.
    assert_eq!(
        state("cis1-without-sla", date(2026, 11, 1)),
        EventState::Unconfirmed
    );
    assert_eq!(
        state("cis1-removed", date(2026, 11, 1)),
        EventState::Planned
    );
    assert_eq!(
        state("cis1-removed", date(2027, 3, 1)),
        EventState::Unconfirmed
    );
    assert_eq!(state("cis1-bronze", date(2026, 11, 1)), EventState::Slipped);
}

#[test]
fn the_next_change_is_after_the_day() {
    let register = Register::builtin();
    let (next, events) = register.next_change(date(2026, 11, 1)).unwrap();
    assert_eq!(next, date(2027, 2, 28));
    assert_eq!(events.len(), 2);
    let (later, _) = register.next_change(next).unwrap();
    assert!(later > next);
    assert!(register.next_change(date(2090, 1, 1)).is_none());
}

/// Every value that has a source names one the register has, with a title and the day it was read.
#[test]
fn every_value_has_a_source() {
    fn walk(register: &Register, value: &Value, path: &str, count: &mut usize) {
        match value {
            Value::Array(all) => {
                for (index, value) in all.iter().enumerate() {
                    walk(register, value, &format!("{path}[{index}]"), count);
                }
            }
            Value::Object(table) => {
                if table.contains_key("value") {
                    assert!(table.contains_key("source"), "{path}");
                }
                if let Some(cited) = table.get("source") {
                    let cited = cited.as_str().unwrap();
                    let source = register
                        .source(cited)
                        .unwrap_or_else(|| panic!("{path}: {cited}"));
                    assert!(
                        !source.title.is_empty() && source.read >= source.as_of(),
                        "{path}"
                    );
                    *count += 1;
                }
                for (key, value) in table {
                    walk(register, value, &format!("{path}.{key}"), count);
                }
            }
            _ => {}
        }
    }
    let register = Register::builtin();
    let all = serde_json::json!({
        "events": register.events().collect::<Vec<_>>(),
        "clients": register.clients().collect::<Vec<_>>(),
        "rules": register.rules().collect::<Vec<_>>(),
        "software": register.software().collect::<Vec<_>>(),
        "printers": register.printers().collect::<Vec<_>>(),
        "hello": register.hello(),
    });
    let mut count = 0;
    walk(&register, &all, "register", &mut count);
    assert!(count > 80, "only {count} sources were looked at");
    // An entry without a source anywhere in it would have passed the walk.
    for (kind, entries) in all.as_object().unwrap() {
        for entry in entries.as_array().into_iter().flatten() {
            assert!(entry.to_string().contains("\"source\":"), "{kind}: {entry}");
        }
    }
}

#[test]
fn a_site_puts_its_own_entries_in_place_of_the_built_in_ones() {
    let own = r#"schema = 1
[[source]]
key = "US"
title = "our letter"
read = "2026-11-02"
[[event]]
id = "cis1-removed"
what = "CIS1 is removed"
date = { value = "2027-06-30", source = "US", certainty = "public", conflicts = [{ value = "2027-02-28", source = "RS" }] }
"#;
    let register = Register::with_text("own.toml", own).unwrap();
    let cis1 = |on| standing(&register, on, 8, "cis1", Function::AuthenticateCis1);
    assert_eq!(cis1(date(2027, 6, 29)), Standing::Warned);
    assert_eq!(cis1(date(2027, 6, 30)), Standing::Stopped);
}

#[test]
fn a_broken_register_is_answered_with_its_line() {
    let error = |text: &str| Register::with_text("own.toml", text).unwrap_err();
    let at = |text: &str, line: usize, says: &str| match error(text) {
        RegisterError::Inconsistent {
            line: l, detail, ..
        }
        | RegisterError::Malformed {
            line: l, detail, ..
        } => {
            assert_eq!(l, line, "{detail}");
            assert!(detail.contains(says), "{detail}");
        }
        other => panic!("{other}"),
    };
    at("schema = 2", 1, "schema 2");
    at("schema = 1\nsurprise = 1", 2, "surprise");
    let source = "schema = 1\n\n[[source]]\nkey = \"A\"\ntitle = \"a\"\nread = \"2026-13-01\"\n";
    at(source, 6, "");
    let event = "schema = 1\n\n[[event]]\nid = \"x\"\nwhat = \"x\"\ndate = { value = \"2026-01-01\", source = \"NOBODY\", certainty = \"public\" }\n";
    at(event, 3, "no source `NOBODY`");
    let rule = |more: &str| {
        format!(
            "schema = 1\n\n\n[[rule]]\nid = \"r\"\nkind = \"block\"\n{more}\nsays = {{ value = \"x\", source = \"RS\", certainty = \"public\" }}\n"
        )
    };
    at(&rule("begins = \"never\""), 4, "no event `never`");
    at(&rule("begins = \"cis1-bronze\""), 4, "has no date");
    at(&rule("ends = \"cis1-removed\""), 4, "only an allowance");
    at(&rule("clients = [\"fax\"]"), 4, "no client `fax`");
    at(&rule("series = [0]"), 4, "no series 0");
    let twice = rule("series = [8]").replace("block", "allow");
    at(&twice, 4, "allows authenticate-CIS1 with series 8");
    let empty = rule("").replace("\"RS\"", "\" \"");
    at(&empty, 8, "`source` is empty");
    assert!(matches!(
        Register::with_file("/no/such/register.toml"),
        Err(RegisterError::Unreadable { .. })
    ));
}

#[test]
fn the_calendar_reads_as_agreed() {
    let text = calendar_text(Register::builtin().on(date(2026, 11, 1)));
    let golden = include_str!("golden/calendar-2026-11-01.txt");
    assert_eq!(text, golden, "\n{text}");
}
