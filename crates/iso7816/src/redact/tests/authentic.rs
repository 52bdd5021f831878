//! The commands of AuthentIC v2 and v3, byte by byte.

use super::{one, session};

#[test]
fn the_unblocking_code_file_of_authentic_is_withheld_while_selected() {
    let parts = session(&[
        ("00A40000 02 2000", "9000"),
        ("00B0000010", "31323334 9000"),
        ("00A40000 02 1000", "6A82"),
        ("00D60000 02 3132", "9000"),
        ("00A40000 02 1000", "9000"),
        ("00B0000010", "31323334 9000"),
    ]);
    assert_eq!(parts[1].1, "********9000");
    assert_eq!(parts[3].0, "00D6000002****");
    assert_eq!(parts[5].1, "313233349000");
    let parts = session(&[
        (
            "00E00000 18 6216 82020101 83022000 85020010 8608 2421FFFFFFFFFFFF",
            "9000",
        ),
        ("00D00000 02 3132", "9000"),
        ("04D60002 02 3334", "9000"),
        ("04B0000004", "3132 6102"),
        ("00C0000002", "3334 9000"),
        ("00A40800 04 5011 2000 00", "6A86"),
        ("00D60000 02 3132", "9000"),
        ("00A40300 00", "9000"),
        ("00D60000 02 3132", "9000"),
    ]);
    assert_eq!(parts[1].0, "00D0000002****");
    assert_eq!(parts[2].0, "04D6000202****");
    assert_eq!(parts[3].1, "****6102");
    assert_eq!(parts[4].1, "****9000");
    assert_eq!(parts[6].0, "00D6000002****");
    assert_eq!(parts[8].0, "00D60000023132");
}

/// The commands with a passcode, by their bytes on the wire: 64 of a passcode, padded with FF.
#[test]
fn passcodes_of_authentic_are_withheld() {
    let field = format!("31323334{}", "FF".repeat(60));
    let stars = |count: usize| "**".repeat(count);
    for (command, expected) in [
        // v2: VERIFY user, SO; CHANGE; DEFINE with unblocking code; UNBLOCK.
        (format!("00200081 40 {field}"), (5, 64)),
        (format!("00200004 40 {field}"), (5, 64)),
        (format!("00240001 80 {field}{field}"), (5, 128)),
        (
            format!("00240101 54 0540 {field} 0501 {}", "30".repeat(16)),
            (5, 84),
        ),
        (format!("002C0001 50 {} {field}", "30".repeat(16)), (5, 80)),
        // v3: VERIFY, CHANGE with and without the old one, RESET to a new one; wrapped.
        ("00200001 08 31323334FFFFFFFF".to_owned(), (5, 8)),
        (
            "00240001 10 31323334FFFFFFFF 35363738FFFFFFFF".to_owned(),
            (5, 16),
        ),
        ("00240102 08 35363738FFFFFFFF".to_owned(), (5, 8)),
        ("002C0201 08 35363738FFFFFFFF".to_owned(), (5, 8)),
        (format!("04200001 10 {}", "5A".repeat(16)), (5, 16)),
        (format!("04240102 18 {}", "5A".repeat(24)), (5, 24)),
        (format!("042C0201 18 {}", "5A".repeat(24)), (5, 24)),
        // A chain, whatever it is cut into.
        ("10240001 03 313233".to_owned(), (5, 3)),
    ] {
        let bytes = command.replace(' ', "");
        let (head, length) = expected;
        assert_eq!(bytes.len(), 2 * (head + length), "{command}");
        assert_eq!(
            one(&command, "9000").0,
            format!("{}{}", &bytes[..2 * head], stars(length)),
            "{command}"
        );
    }
    // Asking for the state, resetting the counter alone, logging out carry nothing.
    for command in ["00200081", "002C0301", "802E0021"] {
        assert_eq!(one(command, "63C3").0, command);
    }
}

/// Each command of the chain repeats type and length: 256 bytes go as 32 and 224.
#[test]
fn components_of_private_keys_are_withheld_in_every_part() {
    let part = |head: &str, length: usize, fill: &str| {
        format!("{head}{length:02X}{}00", fill.repeat(length))
    };
    for component in 1..=5 {
        let first = part(&format!("90D80{component}04 23 A3"), 0x20, "C7");
        let last = part(&format!("80D80{component}04 E3 A3"), 0xE0, "C8");
        let parts = session(&[(&first, "9000"), (&last, "9000")]);
        assert_eq!(
            parts[0].0,
            format!("90D80{component}0423{}", "**".repeat(0x23))
        );
        assert_eq!(
            parts[1].0,
            format!("80D80{component}04E3{}", "**".repeat(0xE3))
        );
    }
    // A DES key, with its check bytes.
    let des = format!("80D80100 16 8010 {} 03 D1D2D3", "C7".repeat(16));
    assert_eq!(
        one(&des, "9000").0,
        format!("80D8010016{}", "**".repeat(22))
    );
    // Wrapped.
    assert_eq!(
        one("84D80104 05 A1 02 0102 00", "9000").0,
        "84D8010405**********"
    );
}

#[test]
fn components_of_public_keys_are_shown_where_nothing_else_can_be_meant() {
    let first = format!("90D8010423A120{}00", "C7".repeat(0x20));
    let last = format!("80D80104E3A1E0{}00", "C8".repeat(0xE0));
    let exponent = "80D8020406A10301000100";
    assert_eq!(
        session(&[(&first, "9000"), (&last, "9000"), (exponent, "9000")])
            .into_iter()
            .map(|(command, _)| command)
            .collect::<Vec<_>>(),
        [first.as_str(), &last, exponent]
    );
    for doubtful in [
        // Component 3, another place, another class, no end, more after it, a private part first.
        "80D8030406A10301000100",
        "80D8028106A10301000100",
        "00D8020406A10301000100",
        "80D8020405A103010001",
        "80D8020406A10301000101",
        "80D8020408A10301000100A300",
        "80D8020408A3000000000000A1",
    ] {
        let expected = format!("{}{}", &doubtful[..10], "**".repeat(doubtful.len() / 2 - 5));
        assert_eq!(one(doubtful, "9000").0, expected);
    }
    let parts = session(&[
        ("90D8010406A303C7C7C700", "9000"),
        ("80D8010406A103C7C7C700", "9000"),
    ]);
    assert_eq!(parts[1].0, "80D8010406************");
}

#[test]
fn keys_stored_by_authentic_v3_are_withheld_in_every_part() {
    // A1 { 80 mechanism, 83 key, A5 { 7F48 { 92 p, 93 q, .. }, 7F49 { 81 n, 82 e } } }
    let parts = session(&[
        ("10DB3FFF 0A A1819B 80010C 830101 A5", "9000"),
        ("10DB3FFF 09 8192 7F484C 9240 C1C2", "9000"),
        ("10DB3FFF 04 5C035FC1", "9000"),
        ("00DB3FFF 03 7E0153", "9000"),
    ]);
    assert_eq!(
        parts.into_iter().map(|(sent, _)| sent).collect::<Vec<_>>(),
        [
            format!("10DB3FFF0A{}", "**".repeat(10)),
            format!("10DB3FFF09{}", "**".repeat(9)),
            format!("10DB3FFF04{}", "**".repeat(4)),
            format!("00DB3FFF03{}", "**".repeat(3)),
        ]
    );
    // Wrapped, even where what is enciphered looks like an object of PIV.
    for command in ["04DB3FFF 07 5C035FC1025300", "14DB3FFF 07 7E05A1A1A1A1A1"] {
        let head = &command.replace(' ', "")[..10];
        assert_eq!(
            one(command, "9000").0,
            format!("{head}{}", "**".repeat(7)),
            "{command}"
        );
    }
}

#[test]
fn what_authentic_deciphers_is_withheld_in_every_part() {
    let whole = format!("002A8086 40 {} 00", "5A".repeat(64));
    assert_eq!(
        one(&whole, "C1C2C3C4 9000"),
        (whole.replace(' ', ""), "********9000".to_owned())
    );
    // 256 bytes go as 8 and 248.
    let last = format!("002A8086 F8 {} 00", "5A".repeat(248));
    let parts = session(&[
        (&format!("102A8086 08 {}", "5A".repeat(8)), "C0 9000"),
        (&last, "C1C2 6102"),
        ("00C0000002", "C3C4 9000"),
    ]);
    assert_eq!(
        parts
            .into_iter()
            .map(|(_, answer)| answer)
            .collect::<Vec<_>>(),
        ["**9000", "****6102", "****9000"]
    );
}

/// SCP01: key version and key index where SCP02 has version and protocol, then card challenge and
/// card cryptogram, 8 bytes each.
#[test]
fn the_administration_channel_of_authentic_v3_shows_no_cryptogram() {
    for index in ["00", "01", "03"] {
        let parts = session(&[
            (
                "8050000008 0102030405060708 1C",
                &format!("{} 01{index} {} 9000", "AA".repeat(10), "55".repeat(16)),
            ),
            (&format!("8482030010 {}", "66".repeat(16)), "9000"),
        ]);
        assert_eq!(
            parts[0].1,
            format!("{}01{index}{}9000", "AA".repeat(10), "**".repeat(16))
        );
        assert_eq!(parts[1].0, format!("8482030010{}", "**".repeat(16)));
        // The same answer, fetched in two.
        let parts = session(&[
            ("8050000008 0102030405060708", "611C"),
            ("00C000000C", &format!("{} 01{index} 6110", "AA".repeat(10))),
            ("00C0000010", &format!("{} 9000", "55".repeat(16))),
        ]);
        assert_eq!(parts[1].1, format!("{}01{index}6110", "AA".repeat(10)));
        assert_eq!(parts[2].1, format!("{}9000", "**".repeat(16)));
    }
}
