//! Data objects and key generation (P2 3.1.2, 3.3).

use super::*;

/// P2 3.1.2, P1 Table 2: rule 33.
#[test]
fn what_needs_the_pin_is_refused_before_it_is_looked_for() {
    let mut card = Card::personalised();
    for tag in ["5FC103", "5FC108", "5FC109", "5FC121", "5FC123"] {
        assert_eq!(card.get(tag).1, 0x6982, "{tag}");
    }
    card.verify(PIN);
    assert_eq!(card.get("5FC103").1, 0x6A82);
    assert_eq!(card.get("5FC109").1, 0x9000);
}

/// P1 4.1.1: rule 34.
#[test]
fn an_object_without_content_is_there_and_one_never_created_is_not() {
    let mut card = Card::blank();
    assert_eq!(card.get("5FC102").1, 0x6A82);
    card.authenticate();
    assert_eq!(card.put("5C035FC1025300"), 0x9000);
    assert_eq!(card.get("5FC102"), (vec![0x53, 0x00], 0x9000));
}

/// P2 3.3.1 and 3.3.2: rule 35.
#[test]
fn writing_and_generating_need_the_administrator() {
    let mut card = Card::blank();
    card.verify(PIN);
    assert_eq!(card.put("5C035FC1025300"), 0x6982);
    assert_eq!(card.status("0047009A05AC0380011100"), 0x6982);
    assert_eq!(card.status("0047009A05AC0380010700"), 0x6982);
}

/// P2 3.3.1: the bare objects carry their own tag, all others come in 53.
#[test]
fn objects_are_replaced_whole_and_come_back_as_they_were_written() {
    let mut card = Card::blank();
    card.authenticate();
    for (tag, put, got) in [
        ("5FC102", "5C035FC1025302AABB", "5302AABB"),
        ("5FC102", "5C035FC1025301CC", "5301CC"),
        ("7E", "7E0100", "7E0100"),
        ("7F61", "7F6103020100", "7F6103020100"),
    ] {
        assert_eq!(card.put(put), 0x9000);
        assert_eq!(card.get(tag), (hex::decode(got).unwrap(), 0x9000));
    }
    for wrong in [
        "5C035FC102",
        "5302AABB",
        "5C017E530100",
        "5C035FC10253020A",
        "5C035FC102530000",
    ] {
        assert!(matches!(card.put(wrong), 0x6A80 | 0x6A81), "{wrong}");
    }
    assert_eq!(card.put("5C035FFF005300"), 0x6A81);
    assert_eq!(card.get("5FC102").0, [0x53, 0x01, 0xCC]);
}

/// P2 3.3.1: 6A84.
#[test]
fn a_full_card_says_so_and_keeps_what_it_has() {
    let mut model = Model::series10();
    model.memory.objects = 20;
    let mut card = Card::of(PivChip::blank(&model, 1));
    card.authenticate();
    assert_eq!(card.put("5C035FC102530A00000000000000000000"), 0x9000);
    assert_eq!(card.put("5C035FC105530A00000000000000000000"), 0x6A84);
    assert_eq!(
        card.put("5C035FC102531000000000000000000000000000000000"),
        0x9000
    );
    assert_eq!(card.get("5FC105").1, 0x6A82);
}

/// P2 3.3.2: mechanisms, parameters and references.
#[test]
fn generating_refuses_what_it_does_not_know() {
    let mut card = Card::blank();
    card.authenticate();
    for data in [
        "05AC03800106",
        "05AC038001FF",
        "02AC00",
        "08AC06800111810103",
        "0AAC088001078103010003",
    ] {
        assert_eq!(card.status(&format!("0047009A{data}00")), 0x6A80, "{data}");
    }
    for reference in ["9B", "82", "80"] {
        assert_eq!(
            card.status(&format!("004700{reference}05AC0380011100")),
            0x6A86
        );
    }
    assert_eq!(card.status("0047019A05AC0380011100"), 0x6A86);
    let mut without = Card::of(PivChip::blank(&Model::series9(), 7));
    without.authenticate();
    assert_eq!(without.status("0047000405AC0380012700"), 0x6A86);
    assert_eq!(card.whole("0047009A0AAC08 800107 8103010001 00").1, 0x9000);
}

/// P2 3.3.2: the new key takes the old one's place.
#[test]
fn a_generated_key_replaces_the_one_before() {
    let mut card = Card::personalised();
    card.verify(PIN);
    let (before, _) = card.sign(0x9A);
    card.authenticate();
    assert_eq!(card.status("0047009A05AC0380011100"), 0x9000);
    let (after, status) = card.sign(0x9A);
    assert_eq!(status, 0x9000);
    assert_ne!(before, after);
    // And is still there after a reset, where it is read back from memory.
    let mut card = Card::of(card.0);
    card.verify(PIN);
    assert_eq!(card.sign(0x9A).0, after);
}
