//! SELECT and security status (P2 2.4.2, 3.1.1).

use super::*;

/// P2 3.1.1: rule 1.
#[test]
fn selecting_piv_again_leaves_every_status_unchanged() {
    let mut card = Card::blank();
    card.authenticate();
    card.verify(PIN);
    assert_eq!(card.status(SELECT), 0x9000);
    assert_eq!(card.status("00A4040009A0000003080000100000"), 0x9000);
    assert_eq!(card.pin_state(), 0x9000);
    assert!(card.is_administrator());
}

/// P2 3.1.1: rule 2.
#[test]
fn selecting_an_application_that_is_not_there_leaves_piv_and_status() {
    let mut card = Card::blank();
    card.authenticate();
    card.verify(PIN);
    for aid in [
        "A000000397425446590201",
        "A0000003974349445F0100",
        "A00000030800001001",
    ] {
        let command = format!("00A40400{:02X}{aid}00", aid.len() / 2);
        assert_eq!(card.status(&command), 0x6A82, "{aid}");
    }
    assert_eq!(card.pin_state(), 0x9000);
    assert!(card.is_administrator());
}

/// P2 3.1.1 and 2.4.2: rule 3.
#[test]
fn selecting_another_application_clears_application_status_and_keeps_the_global_pin() {
    let mut card = with_global_pin();
    card.verify(PIN);
    assert_eq!(card.with_data("00200000", b"111111\xFF\xFF").1, 0x9000);
    for aid in ["00A4040000", "00A4040008A00000015100000000"] {
        assert_eq!(card.status(aid), 0x9000);
        assert_eq!(card.status(SELECT), 0x9000);
        assert_eq!(card.pin_state(), 0x63C3);
        assert!(!card.is_administrator());
        assert_eq!(card.status("00200000"), 0x9000);
    }
}

/// ISO/IEC 7816-4, 12.1.1: rule 4.
#[test]
fn a_reset_clears_all_status() {
    let mut card = with_global_pin();
    card.verify(PIN);
    card.with_data("00200000", b"111111\xFF\xFF");
    let mut card = Card::of(card.0);
    assert_eq!(card.pin_state(), 0x63C3);
    assert_eq!(card.status("00200000"), 0x63C5);
    assert!(!card.is_administrator());
}

/// P2 2.3.1: which application is selected after a reset is the model's affair.
#[test]
fn the_model_says_what_is_selected_after_a_reset() {
    let mut manager = Card(PivChip::blank(&Model::series10(), 1));
    manager.0.power_on();
    assert_eq!(manager.status("80CA9F7F00"), 0x9000);
    assert_eq!(manager.pin_state(), 0x6D00);
    let mut piv = Card(PivChip::blank(&Model::series9(), 1));
    piv.0.power_on();
    assert_eq!(piv.status("80CA9F7F00"), 0x6E00);
    assert_eq!(piv.pin_state(), 0x63C3);
}

/// P2 3.1.1: the template names the whole identifier however it was asked for.
#[test]
fn the_template_names_the_whole_identifier() {
    let mut card = Card::personalised();
    let (full, _) = card.send(SELECT);
    let (truncated, _) = card.send("00A4040009A0000003080000100000");
    assert_eq!(full, truncated);
    // Byte for byte that of a real ID-One PIV card with cipher suite CS2: secure messaging in AC,
    // extended length information after the template.
    assert_eq!(
        hex::encode_upper(&full),
        "612A4F0BA00000030800001000010079074F05A000000308500A49442D4F6E6520504956\
         AC068001270601007F6608020203F802027FFF"
    );
    // No suite without the key for it.
    let series9 = Card::of(PivChip::personalised(&Model::series9(), 7));
    for mut without in [Card::blank(), series9] {
        let (template, _) = without.send(SELECT);
        assert!(!hex::encode_upper(template).contains("AC06"));
    }
}
