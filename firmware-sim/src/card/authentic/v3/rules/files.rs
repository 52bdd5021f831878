//! Selecting, creating, reading, writing and deleting files.

use super::{Card, OFFICER, USER};

/// A transparent file B005 of 16 bytes, as OpenSC creates one for a certificate.
pub(super) const TEMPLATE: &str = "6215800200108201018302B00586080000000000010001";

fn template() -> Vec<u8> {
    hex::decode(TEMPLATE).unwrap()
}

#[test]
fn the_application_names_itself_and_its_master_file_is_there() {
    let mut card = Card::blank();
    let aid = ::authentic::words::v3::AID;
    let answer = card.data("00A40400", &aid).unwrap();
    assert_eq!(answer[..4], [0x6F, 0x12, 0x84, 0x10]);
    let answer = card.data("00A40000", &[]).unwrap();
    assert!(answer.starts_with(&[0x6F]) && answer.windows(4).any(|it| it == [0x83, 2, 0x3F, 0]));
    assert_eq!(card.data("00A4000C", &[]), Ok(Vec::new()));
    assert_eq!(card.data("00A40004", &[]).unwrap()[0], 0x62);
    assert_eq!(card.status("00A40000", &[0x50, 0x15]), 0x6A82);
    assert_eq!(
        card.status("00A40300", &[]),
        0x6A82,
        "the master file has no parent"
    );
    assert_eq!(card.status("00A40500", &[]), 0x6A86);
    assert_eq!(card.status("00A40800", &[0x3F]), 0x6700);
}

#[test]
fn a_file_is_selected_by_identifier_path_and_name() {
    let mut card = Card::personalised();
    for path in ["3F005015", "5015", "3F0050155031", "50155031"] {
        assert_eq!(card.select(path), 0x9000, "{path}");
    }
    let name = ::authentic::words::v3::PKCS15_AID;
    assert_eq!(card.status("00A40400", &name), 0x9000);
    assert_eq!(card.status("00A40900", &[0x50, 0x32]), 0x9000);
    assert_eq!(card.status("00A40000", &[0x50, 0x31]), 0x9000);
    assert_eq!(card.status("00A40300", &[]), 0x9000);
    assert_eq!(card.status("00A40000", &[0x2F, 0x00]), 0x9000);
    // What is not there leaves what is selected.
    assert_eq!(card.status("00A40000", &[0x12, 0x34]), 0x6A82);
    assert!(card.data("00B0000000", &[]).unwrap().starts_with(&[0x61]));
}

#[test]
fn only_the_officer_makes_files_on_a_blank() {
    let mut card = Card::blank();
    assert_eq!(card.status("00E00000", &template()), 0x6982);
    assert_eq!(card.verify(2, OFFICER), 0x9000);
    assert_eq!(card.status("00E00000", &template()), 0x9000);
    assert_eq!(card.status("00E00000", &template()), 0x6A89);
    // It is selected, of zeroes, and the holder alone may write it.
    assert_eq!(card.data("00B0000000", &[]), Ok(vec![0; 16]));
    assert_eq!(card.status("00D60000", &[1]), 0x6982);
    assert_eq!(
        card.status("00E40100", &[0xB0, 0x05]),
        0x6A82,
        "it is no DF"
    );
    assert_eq!(card.status("00E40200", &[0xB0, 0x05]), 0x9000);
    assert_eq!(
        card.status("00B0000000", &[]),
        0x6986,
        "nothing is selected"
    );
    assert_eq!(card.status("00E40200", &[0xB0, 0x05]), 0x6A82);
    let df = hex::decode("620F820138830250158606000000000000").unwrap();
    assert_eq!(card.status("00E00000", &df), 0x9000);
    assert_eq!(card.status("00E00000", &template()), 0x9000);
    assert_eq!(card.status("00A40000", &[]), 0x9000);
    assert_eq!(card.status("00E40200", &[0x50, 0x15]), 0x6A82, "a DF");
    assert_eq!(card.status("00E40100", &[0x50, 0x15]), 0x6985, "not empty");
    card.select("5015");
    assert_eq!(card.status("00E40200", &[0xB0, 0x05]), 0x9000);
    assert_eq!(card.status("00A40300", &[]), 0x9000);
    assert_eq!(card.status("00E40100", &[0x50, 0x15]), 0x9000);
}

#[test]
fn reading_and_writing_stay_within_the_file() {
    let mut card = Card::personalised();
    card.verify(1, USER);
    card.select("5015");
    assert_eq!(card.status("00E00000", &template()), 0x9000);
    assert_eq!(card.status("00D60000", &[0x11; 16]), 0x9000);
    assert_eq!(card.status("00D00004", &[0x22; 2]), 0x9000);
    assert_eq!(card.status("000E000E", &[]), 0x9000);
    assert_eq!(card.status("000E0000", &[0x00, 0x01]), 0x9000);
    let mut expected = vec![0x11; 16];
    expected[4..6].fill(0x22);
    expected[14..].fill(0);
    expected[0] = 0;
    assert_eq!(card.data("00B0000000", &[]), Ok(expected.clone()));
    assert_eq!(card.data("00B0000402", &[]), Ok(vec![0x22; 2]));
    assert_eq!(card.status("00B0000C08", &[]), 0x6C04);
    assert_eq!(card.status("00B0001000", &[]), 0x6B00);
    assert_eq!(card.status("00D60010", &[1]), 0x6B00);
    assert_eq!(card.status("00D6000F", &[1, 2]), 0x6A84);
    assert_eq!(card.status("000E0000", &[0x00, 0x11]), 0x6B00);
    assert_eq!(card.status("00B0850000", &[]), 0x6A86, "a short identifier");
    assert_eq!(card.data("00B0000000", &[]), Ok(expected));
}

#[test]
fn what_nobody_may_change_stays() {
    let mut card = Card::personalised();
    card.verify(1, USER);
    card.verify(2, OFFICER);
    for file in ["50155031", "50155032", "50157001"] {
        assert_eq!(card.select(file), 0x9000);
        assert_eq!(card.status("00D60000", &[0]), 0x6982, "{file}");
    }
    assert_eq!(card.status("00E40200", &[0x50, 0x31]), 0x6982);
}

#[test]
fn the_memory_has_an_end() {
    let mut card = Card::blank();
    card.verify(2, OFFICER);
    let mut made = 0;
    loop {
        let template = format!("621580024000820101830240{made:02X}86080000000000000000");
        match card.status("00E00000", &hex::decode(template).unwrap()) {
            0x9000 => made += 1,
            status => {
                assert_eq!(status, 0x6A84);
                break;
            }
        }
        card.status("00A40000", &[]);
    }
    assert_eq!(made, 3, "of 16384 bytes each and their headers");
}
