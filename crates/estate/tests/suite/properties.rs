use estate::{Function, Inventory, InventoryError, Register, Standing, check_inventory};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use proptest::prelude::*;

/// Bytes that look like an inventory now and then.
fn csv_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "id", "series", "client", "tpm", "cards", "8", "Identity Agent", "2.4.10.0", "\"", ",",
            ";", "\t", "\r\n", "\n", "sep=;\n", "\u{FEFF}", "none", "Série", "-1", "",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn days() -> impl Strategy<Value = Date> {
    (0..9000_i32).prop_map(|days| date(2014, 1, 1).saturating_add(days.days()))
}

/// A register of one event a rule, on any days, beside the built-in one.
fn own_register() -> impl Strategy<Value = String> {
    let rule = (
        days(),
        any::<bool>(),
        prop::collection::vec(1..=10_u8, 0..3),
        0..5_usize,
    );
    prop::collection::vec(rule, 0..6).prop_map(|rules| {
        let mut text = "schema = 1\n".to_owned();
        let clients = ["identity-agent-2.4.10.0", "identity-agent-older", "smartcard-connect", "cis1", "cis2"];
        for (index, (day, warns, series, client)) in rules.into_iter().enumerate() {
            let kind = if warns { "warn" } else { "block" };
            text.push_str(&format!(
                "[[event]]\nid = \"e{index}\"\nwhat = \"e\"\ndate = {{ value = \"{day}\", source = \"RS\", certainty = \"public\" }}\n\
                 [[rule]]\nid = \"r{index}\"\nkind = \"{kind}\"\nseries = {series:?}\nclients = [\"{}\"]\nbegins = \"e{index}\"\n\
                 says = {{ value = \"r\", source = \"RS\", certainty = \"public\" }}\n",
                clients[client]
            ));
        }
        text
    })
}

proptest! {
    #[test]
    fn any_bytes_are_an_inventory_or_a_typed_error(bytes in csv_bytes()) {
        let register = Register::builtin();
        let mut rows = 0;
        let result = check_inventory(&*bytes, register.on(date(2026, 11, 1)), |_| rows += 1);
        match result {
            Ok(summary) => prop_assert_eq!(summary.rows, rows),
            Err(InventoryError::Read(error)) => prop_assert!(false, "{}", error),
            Err(_) => {}
        }
    }

    #[test]
    fn any_text_is_a_register_or_an_error_with_a_line(text in "(schema = 1\n)?[\\[\\]a-z =\"\n1{},.:-]{0,80}") {
        if let Err(error) = Register::with_text("own.toml", &text) {
            prop_assert!(error.to_string().starts_with("own.toml:"), "{}", error);
        }
    }

    #[test]
    fn what_is_blocked_stays_blocked(own in own_register(), mut on in prop::collection::vec(days(), 2..12)) {
        let register = Register::with_text("own.toml", &own).unwrap();
        on.sort();
        for series in register.series() {
            for client in register.clients() {
                for function in Function::ALL {
                    let mut last = Standing::NotStated;
                    for &day in &on {
                        let answer = register.on(day).answer(series, client, function);
                        prop_assert!(answer.standing >= last, "{:?} after {:?}", answer, last);
                        if let Some(stop) = &answer.stops {
                            let then = register.on(stop.date).answer(series, client, function);
                            prop_assert_eq!(then.standing, Standing::Stopped);
                            let eve = stop.date.saturating_sub(1.day());
                            let before = register.on(eve).answer(series, client, function);
                            prop_assert!(before.standing.is_usable());
                        }
                        last = answer.standing;
                    }
                }
            }
        }
    }

    #[test]
    fn the_separator_byte_order_mark_and_line_ends_change_nothing(
        separator in prop::sample::select(vec![b',', b';', b'\t']),
        mark in any::<bool>(), end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
    ) {
        let text = include_str!("../../../../examples/inventory.csv");
        let register = Register::builtin();
        let on = register.on(date(2026, 11, 1));
        let rows = |bytes: &[u8]| {
            let mut rows = Vec::new();
            check_inventory(bytes, on, |row| rows.push(serde_json::to_value(row).unwrap())).unwrap();
            rows
        };
        let expected = rows(text.as_bytes());
        let mut other = text.replace('\n', end).into_bytes();
        for byte in &mut other {
            if *byte == b',' { *byte = separator; }
        }
        if mark { other.splice(0..0, *b"\xEF\xBB\xBF"); }
        prop_assert_eq!(rows(&other), expected);
    }
}

#[test]
fn the_header_alone_is_an_inventory_without_rows() {
    let mut inventory = Inventory::new(&b"id\n"[..]).unwrap();
    assert!(inventory.next_machine().unwrap().is_none());
}
