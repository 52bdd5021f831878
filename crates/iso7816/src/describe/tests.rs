use proptest::prelude::*;

use super::*;
use crate::StatusWord;
use crate::transcript::Exchange;

struct Piv;

impl Names for Piv {
    fn object(&self, tag: Tag) -> Option<String> {
        (tag == Tag(0x5FC102)).then(|| "CHUID".to_owned())
    }

    fn key(&self, reference: u8) -> Option<String> {
        (reference == 0x80).then(|| "PIV PIN".to_owned())
    }
}

fn words(text: &str) -> String {
    let masked: Masked = text.replace(' ', "").parse().unwrap();
    command(&Apdu::parse(&masked).unwrap(), &Piv).to_string()
}

#[test]
fn commands_are_named_and_explained() {
    for (bytes, expected) in [
        (
            "00A40400 09 A00000030800001000 00",
            "SELECT PIV (A00000030800001000)",
        ),
        ("00A40400 00", "SELECT default application"),
        (
            "00A40400 08 A000000151000000 00",
            "SELECT GlobalPlatform issuer security domain (A000000151000000)",
        ),
        ("00A40400 02 A0FF", "SELECT application A0FF"),
        ("00A40000 02 3F00", "SELECT master file"),
        ("00CB3FFF 05 5C035FC102 00", "GET DATA CHUID (5FC102)"),
        ("00CB3FFF 03 5C017E 00", "GET DATA object 7E"),
        ("80CA9F7F 00", "GET DATA object 9F7F"),
        ("80CA0042 00", "GET DATA object 42"),
        (
            "00DB3FFF 07 5C035FC1025300",
            "PUT DATA CHUID (5FC102), 7 bytes",
        ),
        (
            "10DB3FFF 08 5C035FC102538201",
            "PUT DATA CHUID (5FC102), 8 bytes, to be continued",
        ),
        ("0020008008****************", "VERIFY PIV PIN (80)"),
        ("00200080", "VERIFY PIV PIN (80), ask state"),
        ("0020FF80", "VERIFY PIV PIN (80), log out"),
        ("0C200081 02 ****", "VERIFY reference 81, secure messaging"),
        (
            "0087119A 08 7C06 8200 8102AABB 00",
            "GENERAL AUTHENTICATE key 9A, algorithm 11, gives challenge, asks for response",
        ),
        ("00B00102 10", "READ BINARY from offset 258"),
        ("002A9E9A 01 00 00", "PERFORM SECURITY OPERATION sign"),
        ("43F10203", "INS F1 P1 02, P2 03, channel 7"),
    ] {
        assert_eq!(words(bytes), expected, "{bytes}");
    }
}

#[test]
fn commands_of_authentic_are_named_and_explained() {
    for (bytes, expected) in [
        (
            "00A40400 10 A000000077010303000000F100000002",
            "SELECT AuthentIC v2 (A000000077010303000000F100000002)",
        ),
        (
            "00A40400 10 A0000000770100700A1000F100000100",
            "SELECT AuthentIC v3 (A0000000770100700A1000F100000100)",
        ),
        (
            "00A40400 0C A000000063504B43532D3135",
            "SELECT PKCS#15 (A000000063504B43532D3135)",
        ),
        ("00A40000 02 5011", "SELECT file 5011"),
        ("00A40300", "SELECT parent directory"),
        (
            "00E00000 18 6216 82020101 83022001 85020400 8608 2121002121FFFFFF",
            "CREATE FILE file 2001, 1024 bytes",
        ),
        (
            "00E00000 15 6213 80020080 820101 83022F00 8606 000000000000",
            "CREATE FILE file 2F00, 128 bytes",
        ),
        (
            "00E00000 18 6216 82021400 83023001 85020800 8608 2121FF21FF21FFFF",
            "CREATE FILE file 3001, for an RSA private key, 2048 bits",
        ),
        (
            "00E00003 18 6216 82020401 83023000 8502008D 8608 0000000000000000",
            "CREATE FILE file 3000, of records, 141 bytes",
        ),
        (
            "00E00000 18 6216 82023800 83029001 85020000 8608 0000000000000000",
            "CREATE FILE directory 9001",
        ),
        ("00E00000 02 6216", "CREATE FILE"),
        ("00E40200 02 2001", "DELETE FILE file 2001"),
        ("00E40100 02 9001", "DELETE FILE directory 9001"),
        ("00E40000", "DELETE FILE the selected file"),
        ("80E40000 04 4F02A001", "DELETE"),
        ("80340000 40", "LIST FILES"),
        ("00D60010 02 0102", "UPDATE BINARY from offset 16, 2 bytes"),
        ("00D00000 01 01", "WRITE BINARY from offset 0, 1 byte"),
        ("00B20104 00", "READ RECORD record 1"),
        ("00DC0304 02 0102", "UPDATE RECORD record 3, 2 bytes"),
        ("00E20004 02 ****", "APPEND RECORD 2 bytes"),
        ("80E28001 02 ****", "STORE DATA block 1, 2 bytes"),
        ("80320204", "DELETE RECORD record 2"),
        (
            "002241B6 03 800111",
            "MANAGE SECURITY ENVIRONMENT signature, algorithm 11",
        ),
        (
            "002241B8 06 800111 830101",
            "MANAGE SECURITY ENVIRONMENT confidentiality, algorithm 11, key 01",
        ),
        ("002A9E9A 01 00 00", "PERFORM SECURITY OPERATION sign"),
        (
            "102A8086 01 00",
            "PERFORM SECURITY OPERATION decipher, to be continued",
        ),
        ("80B40100 00", "READ COMPONENT modulus"),
        ("80B40200 00", "READ COMPONENT public exponent"),
        ("80D80304 02 ****", "WRITE COMPONENT component 3, 2 bytes"),
        ("90D80304 02 ****", "WRITE COMPONENT component 3, 2 bytes"),
        ("80D80181 02 ****", "PUT KEY key version 01"),
        (
            "00460000 04 10123001",
            "GENERATE ASYMMETRIC KEY PAIR public key in file 1012, private key in file 3001",
        ),
        (
            "00470000 08 AC06 80010C 830181 00",
            "GENERATE ASYMMETRIC KEY PAIR key 81, mechanism 0C",
        ),
        (
            "0047009A 05 AC03 800107 00",
            "GENERATE ASYMMETRIC KEY PAIR key 9A",
        ),
        ("802E0021", "LOG OUT passcode 1"),
        ("00CA5F01 00", "GET DATA policy of credential 01"),
        ("80CA5F02 00", "GET DATA policy of credential 02"),
        ("00CA5F50 00", "GET DATA object 5F50"),
        (
            "04240102 02 ****",
            "CHANGE REFERENCE DATA reference 02, without the old one, secure messaging",
        ),
        ("002C0001 02 ****", "RESET RETRY COUNTER reference 01"),
        (
            "002C0201 02 ****",
            "RESET RETRY COUNTER reference 01, new value alone",
        ),
        (
            "002C0301",
            "RESET RETRY COUNTER reference 01, counter alone",
        ),
        (
            "8050000008 0102030405060708 1C",
            "INITIALIZE UPDATE key version 00",
        ),
        (
            "84820300 02 ****",
            "EXTERNAL AUTHENTICATE security level 03, secure messaging",
        ),
    ] {
        assert_eq!(words(bytes), expected, "{bytes}");
    }
    let define = format!("0024010142{}", "**".repeat(66));
    assert_eq!(
        words(&define),
        "CHANGE REFERENCE DATA define the passcode and its tries"
    );
}

#[test]
fn what_is_no_command_is_not_described() {
    for text in ["", "00A4", "00A40400 05 00", "********", "00A40400 ** 3132"] {
        let masked: Masked = text.replace(' ', "").parse().unwrap();
        assert_eq!(Apdu::parse(&masked), None, "{text}");
    }
}

#[test]
fn data_fields_keep_what_is_withheld() {
    let parse = |text: &str| Apdu::parse(&text.parse().unwrap()).unwrap();
    assert_eq!(parse("0020008002****").data.to_string(), "****");
    let extended = parse("002000800000023132 0100".replace(' ', "").as_str());
    assert_eq!(extended.data.to_string(), "3132");
    assert_eq!(extended.expected, Some(256));
    assert_eq!(parse("00CB3FFF00").data, Masked::default());
}

fn tree(text: &str) -> Option<Vec<TlvNode>> {
    tlv_tree(&text.replace(' ', "").parse().unwrap(), &Piv)
}

#[test]
fn templates_are_descended_into() {
    let nodes = tree("61 0E 4F 02 A001 79 04 4F 02 A000 50 02 4142").unwrap();
    assert_eq!(nodes.len(), 1);
    let names: Vec<_> = nodes[0]
        .children
        .iter()
        .map(|node| (node.tag.as_str(), node.name.as_deref(), node.offset))
        .collect();
    assert_eq!(
        names,
        [
            ("4F", Some("application identifier"), 2),
            ("79", Some("allocation authority"), 6),
            ("50", Some("application label"), 12),
        ]
    );
    assert_eq!(nodes[0].children[1].children[0].value.to_string(), "A000");
}

#[test]
fn data_objects_are_read_with_single_byte_tags_and_not_further() {
    // 30 and 34 have the constructed bit but hold bytes; 5F and 7F are tags of one byte here.
    let nodes = tree("53 0C 30 03 300101 34 00 7F 01 AA FE 00").unwrap();
    let nodes = &nodes[0].children;
    let tags: Vec<&str> = nodes.iter().map(|node| node.tag.as_str()).collect();
    assert_eq!(tags, ["30", "34", "7F", "FE"]);
    assert!(nodes.iter().all(|node| node.children.is_empty()));
}

#[test]
fn what_does_not_read_cleanly_is_shown_as_bytes() {
    assert_eq!(tree(""), None);
    assert_eq!(tree("61 05 00"), None);
    let nodes = tree("61 02 4F 05").unwrap();
    assert_eq!(nodes[0].children, []);
    assert_eq!(nodes[0].value.to_string(), "4F05");
}

#[test]
fn withheld_values_stay_withheld_and_are_not_taken_apart() {
    let nodes = tree("7C 04 82 02 ** **").unwrap();
    assert_eq!(nodes[0].children[0].value.to_string(), "****");
    assert_eq!(tree("** ** ** **"), None);
    assert_eq!(tree("7C 02 ** **").unwrap()[0].children, []);
}

#[test]
fn objects_nested_without_end_stop_at_a_depth() {
    let mut data = Vec::new();
    for _ in 0..40 {
        data = ber::object(Tag(0x61), &data);
    }
    let mut depth = 0;
    let mut nodes = tlv_tree(&Masked::from(&data[..]), &GenericNames).unwrap();
    while let Some(node) = nodes.pop() {
        depth += 1;
        nodes = node.children;
    }
    assert_eq!(depth, 8);
}

fn exchange(seq: u64, command: &str, response: &str) -> Exchange {
    Exchange {
        seq,
        at_us: seq * 100,
        took_us: 10,
        command: command.replace(' ', "").parse().unwrap(),
        response: Some(response.replace(' ', "").parse().unwrap()),
        error: None,
        redacted: Vec::new(),
    }
}

#[test]
fn chains_and_their_answers_fold_into_one() {
    let exchanges = [
        exchange(1, "00A40400 02 A001 00", "6F00 9000"),
        exchange(2, "1087079A 02 7C08", "9000"),
        exchange(3, "1087079A 04 82008104", "9000"),
        exchange(4, "0087079A 04 01020304 00", "7C02 6102"),
        exchange(5, "00C00000 02", "8200 9000"),
        exchange(6, "80CA9F7F 00", "6C02"),
        exchange(7, "80CA9F7F 02", "AABB 9000"),
        exchange(8, "00C00000 02", "6985"),
    ];
    let folded = fold(&exchanges);
    let spans: Vec<_> = folded.iter().map(|one| (one.first, one.last)).collect();
    assert_eq!(spans, [(1, 1), (2, 5), (6, 7), (8, 8)]);
    let sign = &folded[1];
    assert_eq!(
        sign.command.as_ref().unwrap().data.to_string(),
        "7C088200810401020304"
    );
    assert_eq!(sign.command.as_ref().unwrap().header[0], 0x00);
    assert_eq!(sign.response.to_string(), "7C028200");
    assert_eq!(sign.status, Some(StatusWord::OK));
    assert_eq!((sign.at_us, sign.took_us), (200, 310));
    assert_eq!(folded[2].response.to_string(), "AABB");
}

#[test]
fn a_refused_or_interrupted_chain_stays_apart() {
    let exchanges = [
        exchange(1, "1087079A 02 7C08", "6982"),
        exchange(2, "0087079A 02 0102", "6A80"),
        exchange(3, "1087079A 02 7C08", "9000"),
        exchange(4, "00CB3FFF 03 5C017E 00", "9000"),
    ];
    assert_eq!(fold(&exchanges).len(), 4);
}

#[test]
fn the_generic_names_name_instructions() {
    assert_eq!(Instruction::SELECT.name().as_deref(), Some("SELECT"));
    assert_eq!(Instruction(0xF1).name(), None);
}

proptest! {
    #[test]
    fn any_bytes_are_described(
        bytes in proptest::collection::vec(proptest::option::weighted(0.9, any::<u8>()), 0..60),
    ) {
        let text: String = bytes
            .iter()
            .map(|byte| byte.map_or("**".to_owned(), |byte| format!("{byte:02X}")))
            .collect();
        let masked: Masked = text.parse().unwrap();
        if let Some(apdu) = Apdu::parse(&masked) {
            prop_assert!(!command(&apdu, &Piv).name.is_empty());
        }
        let _ = tlv_tree(&masked, &Piv);
    }

    #[test]
    fn a_tree_holds_every_byte_once(
        values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 1..5),
    ) {
        let mut data = Vec::new();
        for value in &values {
            ber::write(&mut data, Tag(0x80), value);
        }
        let data = ber::object(Tag(0x7C), &data);
        let nodes = tlv_tree(&Masked::from(&data[..]), &GenericNames).unwrap();
        let read: Vec<Vec<u8>> =
            nodes[0].children.iter().map(|node| node.value.filled()).collect();
        prop_assert_eq!(read, values);
    }

    #[test]
    fn folding_loses_no_exchange(
        commands in proptest::collection::vec((proptest::sample::select(vec![
            "1087079A0101", "0087079A0101", "00C0000000", "00CB3FFF", "80CA9F7F00",
        ]), proptest::sample::select(vec!["9000", "6102", "6C05", "AA9000", "6A80"])), 0..20),
    ) {
        let exchanges: Vec<Exchange> = commands
            .iter()
            .enumerate()
            .map(|(at, (command, response))| exchange(at as u64 + 1, command, response))
            .collect();
        let mut next = 1;
        for one in fold(&exchanges) {
            prop_assert_eq!(one.first, next);
            next = one.last + 1;
        }
        prop_assert_eq!(next as usize, exchanges.len() + 1);
    }
}
