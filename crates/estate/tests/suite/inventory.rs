use estate::{
    BurnDown, Checked, HelloVerdict, InventoryError, ProblemKind, Register, Severity, Summary,
    Thing, Verdict, check_inventory, svg, to_png,
};
use jiff::civil::{Date, date};

const ON: Date = date(2026, 11, 1);
const EXAMPLE: &str = include_str!("../../../../examples/inventory.csv");

fn check_on(on: Date, text: &[u8]) -> Result<(Vec<Checked>, Summary), InventoryError> {
    let register = Register::builtin();
    let mut rows = Vec::new();
    let summary = check_inventory(text, register.on(on), |row| rows.push(row))?;
    Ok((rows, summary))
}

fn check(text: &str) -> (Vec<Checked>, Summary) {
    check_on(ON, text.as_bytes()).expect("it is an inventory")
}

fn says(row: &Checked) -> String {
    let findings = row.findings.iter();
    findings
        .map(|f| format!("{} {} -> {}\n", f.severity.name(), f.says, f.advice))
        .collect()
}

#[test]
fn each_row_of_the_example_says_what_to_do() {
    let (rows, summary) = check(EXAMPLE);
    let row = |id: &str| rows.iter().find(|row| row.machine.id == id).unwrap();
    let verdict = |id: &str| row(id).verdict;
    assert_eq!(verdict("RC-DESK-01"), Verdict::Act);
    assert_eq!(verdict("RC-WARD-01"), Verdict::Stopped);
    assert_eq!(
        verdict("RC-RA-01"),
        Verdict::Fine,
        "{}",
        says(row("RC-RA-01"))
    );
    assert_eq!(verdict("NP-TILL-01"), Verdict::Stopped);
    assert_eq!(
        verdict("NP-TILL-03"),
        Verdict::NotJudged,
        "{}",
        says(row("NP-TILL-03"))
    );

    let ward = says(row("RC-WARD-01"));
    for part in [
        "stopped Identity Agents before 2.4.10.0 are blocked",
        "needs Credential Management 1.4.2.0; 1.3.1.0 is installed",
        "warned Gemalto middleware",
        "deadline the Identity Agent ends",
    ] {
        assert!(ward.contains(part), "no `{part}` in\n{ward}");
    }
    let printer = says(row("RC-RA-02"));
    assert!(printer.contains("end of life"), "{printer}");
    let ten = says(row("NP-TILL-02"));
    assert!(
        ten.contains("stopped with the Identity Agent series 10 only authenticates"),
        "{ten}"
    );
    assert!(
        row("NP-TILL-02")
            .findings
            .iter()
            .any(|f| f.severity == Severity::Deadline)
    );
    assert!(!summary.is_clean());
    assert_eq!(summary.rows, 9);
    assert_eq!(summary.problems, 0);
}

#[test]
fn windows_hello_needs_tpm_2_windows_and_a_device_of_ones_own() {
    let (rows, summary) = check(EXAMPLE);
    let hello = |id: &str| {
        let row = rows.iter().find(|row| row.machine.id == id).unwrap();
        row.hello.clone().unwrap()
    };
    let desk = hello("RC-DESK-01");
    assert_eq!(desk.verdict, HelloVerdict::Eligible);
    assert_eq!(desk.ways, ["PIN", "face"]);
    assert!(
        desk.notes
            .iter()
            .any(|note| note.contains("CIS2 applications only"))
    );
    assert!(
        hello("RC-DESK-02")
            .notes
            .iter()
            .any(|note| note.contains("22H2"))
    );
    assert_eq!(hello("RC-WARD-01").verdict, HelloVerdict::NotEligible);
    let old = hello("NP-TILL-01");
    assert!(
        old.because.iter().any(|why| why.contains("TPM 1.2")),
        "{old:?}"
    );
    assert_eq!((summary.hello.eligible, summary.hello.not_eligible), (4, 4));
    let build = |build: &str| {
        let (rows, _) = check(&format!("id,windows build,tpm\na,{build},2.0\n"));
        rows[0].hello.clone().unwrap().verdict
    };
    assert_eq!(build("10240"), HelloVerdict::Eligible);
    assert_eq!(build("9600"), HelloVerdict::NotEligible);
    assert_eq!(build("20348"), HelloVerdict::NotEligible);
    assert_eq!(build(""), HelloVerdict::NotStated);
}

#[test]
fn bad_values_and_unknown_columns_are_findings_with_a_line() {
    let text = "\u{FEFF}ID;Series;Colour;Cards;series\r\n\
                a;8;red;3;9\r\n\
                \r\n\
                b;eleven;;many\r\n\
                ;8;;;;extra\r\n\
                a;8;;2\r\n";
    let (rows, summary) = check(text);
    let mut problems = summary.header_problems.clone();
    problems.extend(rows.iter().flat_map(|row| row.problems.clone()));
    let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        all,
        [
            "line 1: Colour: no such column, it is not read",
            "line 1: series: the column stands there already, only the first is read",
            "line 4: Series: `eleven` is not a series, 1 to 10; taken as not stated",
            "line 4: Cards: `many` is not a count of cards, 0 to 10000000; taken as not stated",
            "line 5: 6 cells where the header has 5; the last are not read",
            "line 5: the row has no id",
            "line 6: `a` with this series stands in line 2 already; its cards count twice",
        ]
    );
    assert_eq!(summary.problems, 7);
    assert_eq!(summary.cards, 3 + 1 + 1 + 2);
    assert!(!summary.is_clean());
}

#[test]
fn what_is_no_inventory_is_a_typed_error() {
    let error = |bytes: &[u8]| check_on(ON, bytes).unwrap_err();
    assert!(matches!(error(b""), InventoryError::Empty));
    assert!(matches!(error(b"\n , ,\n"), InventoryError::Empty));
    assert!(matches!(
        error(b"series,cards\n8,1\n"),
        InventoryError::NoId { line: 1, .. }
    ));
    let utf16: Vec<u8> = "id,series\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert!(matches!(error(&utf16), InventoryError::NotText { .. }));
    let mut open = b"id,series\na,8\n\"".to_vec();
    open.resize(4 << 20, b'x');
    assert!(
        matches!(error(&open), InventoryError::RowTooLong { line: 3, .. }),
        "{:?}",
        error(&open)
    );
}

#[test]
fn bytes_that_are_no_utf_8_spoil_only_their_cell() {
    let (rows, _) = check_on(ON, b"id,series,client\na,8,\xE9\n").unwrap();
    assert_eq!(rows[0].problems[0].kind, ProblemKind::NotUtf8);
    assert_eq!(rows[0].machine.series, Some(8));
}

#[test]
fn a_client_is_told_by_name_and_version() {
    let client = |cells: &str| {
        let (rows, _) = check(&format!("id,client,client version\na,{cells}\n"));
        (rows[0].client.clone(), says(&rows[0]))
    };
    assert_eq!(
        client("identity agent,2.4.10").0.as_deref(),
        Some("identity-agent-2.4.10.0")
    );
    assert_eq!(
        client("NHS Identity-Agent,2.4.9").0.as_deref(),
        Some("identity-agent-older")
    );
    assert_eq!(
        client("Smartcard Connect,").0.as_deref(),
        Some("smartcard-connect")
    );
    assert!(
        client("IA,")
            .1
            .contains("the version of the client is not stated")
    );
    assert!(client("IA,3.0").1.contains("the register knows no IA 3.0"));
    assert!(
        client("Imprivata,7")
            .1
            .contains("`Imprivata` is no client the register knows")
    );
    let both = client("Identity Agent and Smartcard Connect,2.4.10.0").1;
    assert!(both.contains("does not go beside"), "{both}");
}

#[test]
fn a_machine_with_two_series_is_one_machine() {
    let text = "id,series,client,client version,printer,cards\n\
                a,8,Identity Agent,2.4.10.0,DoH V2,5\n\
                a,9,Identity Agent,2.4.10.0,DoH V2,7\n";
    let (_, summary) = check(text);
    assert_eq!(summary.problems, 0);
    assert_eq!(summary.undated.get(&Thing::Printers), Some(&1));
    assert_eq!(summary.deadlines.len(), 1);
    assert_eq!(summary.deadlines[0].things.get(&Thing::Clients), Some(&1));
}

#[test]
fn the_burn_down_steps_at_the_deadlines_and_the_pace_meets_them() {
    let (_, summary) = check_on(date(2026, 3, 1), EXAMPLE.as_bytes()).unwrap();
    let burn = BurnDown::of(&summary);
    let cards = burn
        .curves
        .iter()
        .find(|c| c.thing == Thing::Cards)
        .unwrap();
    assert_eq!((cards.open, cards.overdue), (5, 0));
    assert_eq!(cards.steps, [(date(2026, 4, 1), 4), (date(2026, 5, 7), 0)]);
    let pace = burn.pace_a_week.unwrap();
    let mut due = 0;
    for deadline in &burn.deadlines {
        due += deadline.due;
        let weeks = f64::from((deadline.date - burn.on).get_days()) / 7.0;
        assert!(pace * weeks >= due as f64 - 1e-6, "{deadline:?}");
    }
    assert_eq!(due, burn.open());

    // A warning since March 2026 is no deadline; that CIS1 is removed is one.
    let (_, later) = check(EXAMPLE);
    let removed = later.deadlines.iter().find(|d| d.event == "cis1-removed");
    assert_eq!(removed.unwrap().things.get(&Thing::Applications), Some(&4));
    let later = BurnDown::of(&later);
    let cards = later
        .curves
        .iter()
        .find(|c| c.thing == Thing::Cards)
        .unwrap();
    assert_eq!((cards.open, cards.overdue), (0, 5));
}

#[test]
fn the_plot_is_drawn_even_when_nothing_is_to_come() {
    for on in [date(2026, 3, 1), ON, date(2030, 1, 1)] {
        let (_, summary) = check_on(on, EXAMPLE.as_bytes()).unwrap();
        let burn = BurnDown::of(&summary);
        let drawn = svg(&burn);
        for deadline in &burn.deadlines {
            assert!(drawn.contains(&format!("{}: {} due", deadline.date, deadline.due)));
        }
        assert!(to_png(&burn, 1.0).unwrap().starts_with(b"\x89PNG"));
    }
}
