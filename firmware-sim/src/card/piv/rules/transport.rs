//! Chaining, GET RESPONSE, lengths, the card manager.

use super::*;

/// ISO/IEC 7816-4, 5.4.1; interoperability with hosts that probe.
#[test]
fn unknown_classes_and_instructions_get_their_own_words() {
    let mut card = Card::blank();
    assert_eq!(card.status("00FD0000"), 0x6D00);
    assert_eq!(card.status("00FD000000"), 0x6D00);
    assert_eq!(card.status("00CA7F6800"), 0x6D00);
    assert_eq!(card.status("80CA9F7F00"), 0x6E00);
    assert_eq!(card.status("A0A40000023F00"), 0x6E00);
    assert_eq!(card.status("00A40000023F00"), 0x6A82);
    assert_eq!(card.status("00B0000000"), 0x6D00);
    assert_eq!(card.status("00CB3FFE055C035FC10200"), 0x6A86);
    assert_eq!(card.status("00CB3FFF055C035FFF0000"), 0x6A82);
    assert_eq!(card.status("00CB3FFF0253 0000"), 0x6A80);
    assert_eq!(card.status("1020008008313233343536FFFF"), 0x6884);
    assert_eq!(card.status("00"), 0x6700);
    assert_eq!(card.status("00A4040005A0"), 0x6700);
}

/// ISO/IEC 7816-4, 5.3.4.
#[test]
fn no_more_is_returned_than_asked_for_and_61xx_tells_what_waits() {
    let mut card = Card::blank();
    card.authenticate();
    let content = "5A".repeat(252);
    assert_eq!(card.status("10DB3FFF075C035FC1025382"), 0x9000);
    assert_eq!(card.status(&format!("10DB3FFFFE012C{content}")), 0x9000);
    assert_eq!(
        card.status(&format!("00DB3FFF30{}", "5A".repeat(48))),
        0x9000
    );
    let (piece, status) = card.send("00CB3FFF055C035FC10208");
    assert_eq!((piece.len(), status), (8, 0x6100));
    let (piece, status) = card.send("00C0000010");
    assert_eq!((piece.len(), status), (16, 0x6100));
    let (piece, status) = card.send("00C0000000");
    assert_eq!((piece.len(), status), (256, 0x6118));
    let (piece, status) = card.send("00C0000000");
    assert_eq!((piece.len(), status), (24, 0x9000));
    assert_eq!(card.status("00C0000000"), 0x6985);
}

/// Java Card API, `APDU.setOutgoing`: no Le is taken as 00 where the model says so.
#[test]
fn a_command_without_le_gets_its_data_where_the_model_says_so() {
    let mut card = Card::blank();
    let (data, status) = card.send("00A4040005A000000308");
    assert_eq!((data[0], status), (0x61, 0x9000));
    let mut model = Model::series10();
    model.transport.data_without_le = false;
    let mut card = Card::of(PivChip::blank(&model, 7));
    assert_eq!(card.send("00A4040005A000000308"), (vec![], 0x612F));
}

/// A new command instead of GET RESPONSE executes.
#[test]
fn a_new_command_abandons_what_waits() {
    let mut card = Card::personalised();
    let (_, status) = card.send("00CB3FFF055C035FC10508");
    assert_eq!(status >> 8, 0x61);
    assert_eq!(card.pin_state(), 0x63C3);
    assert_eq!(card.status("00C0000000"), 0x6985);
}

/// ISO/IEC 7816-4, 12.7.1.
#[test]
fn extended_length_is_taken_within_the_announced_limits_only() {
    let mut card = Card::personalised();
    let (whole, status) = card.send("00CB3FFF 000005 5C035FC105 0000");
    assert_eq!(status, 0x9000);
    assert_eq!(card.get("5FC105").0, whole);
    let (piece, status) = card.send("00CB3FFF 000005 5C035FC105 0010");
    assert_eq!((piece.len(), status), (16, 0x6100));
    let long = format!("00DB3FFF00{:04X}{}", 1010, "00".repeat(1010));
    assert_eq!(card.status(&long), 0x6700);
    let mut model = Model::series10();
    model.extended_length = None;
    let mut card = Card::of(PivChip::personalised(&model, 7));
    assert_eq!(card.status("00CB3FFF 000005 5C035FC105 0000"), 0x6700);
    assert!(!hex::encode_upper(card.send(SELECT).0).contains("7F66"));
}

/// A chain cannot eat more than the card has room for.
#[test]
fn a_chain_that_grows_too_long_is_refused() {
    let mut card = Card::blank();
    card.authenticate();
    let part = format!("10DB3FFFFF{}", "00".repeat(255));
    let refused = (0..100)
        .map(|_| card.status(&part))
        .find(|&status| status != 0x9000);
    assert_eq!(refused, Some(0x6A84));
}

/// GlobalPlatform 2.3, 11.3: the card manager tells who made the chip and which it is.
#[test]
fn the_card_manager_tells_the_serial_made_of_the_number() {
    let mut card = Card::of(PivChip::blank(&Model::series10(), 0x0102_0304_0506));
    card.status("00A4040008A00000015100000000");
    let (data, status) = card.send("80CA9F7F2D");
    assert_eq!((data.len(), status), (45, 0x9000));
    assert_eq!(data[..3], [0x9F, 0x7F, 0x2A]);
    assert_eq!(data[15..19], [3, 4, 5, 6]);
    assert_eq!(card.send("00CA004500").0[..2], [0x45, 0x08]);
    assert_eq!(card.status("80CA004200"), 0x9000);
    assert_eq!(card.status("00CA7F6800"), 0x6A88);
    assert_eq!(card.status("8010000008000000000000000000"), 0x6D00);
    assert_eq!(card.status("0CCA9F7F00"), 0x6E00);
}
