//! Secure messaging: who has the keys of the card, and what needs them.

use iso7816::{Command, Instruction};

use super::{Card, OFFICER, USER, field};
use crate::card::authentic::v3::scp01::tests::Host;
use crate::card::authentic::v3::scp01::{SecureSession, StaticKeys};

#[test]
fn a_challenge_always_has_24_bytes_and_never_comes_twice() {
    let mut card = Card::blank();
    let first = card.data("0084000018", &[]).unwrap();
    let second = card.data("0084000000", &[]).unwrap();
    assert_eq!((first.len(), second.len()), (24, 24));
    assert_ne!(first, second);
    assert_eq!(card.status("0084000008", &[]), 0x6C18);
}

#[test]
fn the_channel_tells_whose_card_it_is() {
    let mut card = Card::blank();
    let answer = card.data("80500000", &[0x11; 8]).unwrap();
    assert_eq!(answer.len(), 28);
    assert_eq!(answer[6..10], [0, 0, 0, 7], "the serial number");
    assert_eq!(answer[10..12], [1, 1]);
    assert_eq!(card.status("80500000", &[0x11; 7]), 0x6700);
    assert_eq!(card.status("80500900", &[0x11; 8]), 0x6A88);
    assert_eq!(card.status("00500000", &[0x11; 8]), 0x6D00);
}

#[test]
fn failures_lock_the_channel_for_good() {
    let mut card = Card::blank();
    assert_eq!(card.status("84820300", &[0; 16]), 0x6985);
    for _ in 0..10 {
        assert!(card.data("80500000", &[0x11; 8]).is_ok());
        assert_eq!(card.status("84820300", &[0; 16]), 0x6300);
    }
    assert_eq!(card.status("80500000", &[0x11; 8]), 0x6983);
}

#[test]
fn what_needs_secure_messaging_is_not_to_be_had_without() {
    let mut card = Card::blank();
    card.verify(2, OFFICER);
    card.status("002C0201", &field(USER));
    card.verify(1, USER);
    for control in ["20", "40", "60"] {
        let template = format!("621580020008820101830250{control}8608{control}FF000000000000");
        let template = hex::decode(template).unwrap();
        assert_eq!(card.status("00E00000", &template), 0x9000);
        assert_eq!(card.status("00B0000000", &[]), 0x6982, "{control}");
        card.status("00A40000", &[]);
    }
    assert_eq!(card.status("04B00000", &[0; 8]), 0x6982, "no session");
}

/// Opens the channel of a card with the master key of the model.
fn channel(card: &mut Card) -> Host {
    let host_challenge = [0x11; 8];
    let answer = card.data("80500000", &host_challenge).unwrap();
    let master = std::array::from_fn(|at| 0x10 + u8::try_from(at).unwrap());
    let keys = StaticKeys::diversified(&master, answer[..10].try_into().unwrap());
    let card_challenge = answer[12..20].try_into().unwrap();
    let session = SecureSession::begin(&keys, host_challenge, card_challenge);
    assert_eq!(answer[20..], session.card_cryptogram());
    let mut host = Host(session);
    let command = host.external_authenticate().to_short().unwrap();
    assert_eq!(card.exchange(&command).1, 0x9000);
    host
}

#[test]
fn what_needs_secure_messaging_is_had_with_it_and_one_command_in_clear_ends_it() {
    let mut card = Card::blank();
    card.verify(2, OFFICER);
    let template = hex::decode("621580020008820101830250608608600000006000FF00").unwrap();
    assert_eq!(card.status("00E00000", &template), 0x9000);
    assert_eq!(card.status("00D60000", &[1]), 0x6982);
    let mut host = channel(&mut card);
    let mut send = |card: &mut Card, instruction, data: &[u8]| {
        let plain = Command::new(0x00, Instruction(instruction), 0, 0).with_data(data);
        let wrapped = host.wrap(&plain).to_short().unwrap();
        card.exchange(&wrapped)
    };
    assert_eq!(send(&mut card, 0xD6, &[0x5A; 8]).1, 0x9000);
    assert_eq!(send(&mut card, 0xB0, &[]), (vec![0x5A; 8], 0x9000));
    // A challenge may be asked for in clear, a file not be read.
    assert_eq!(card.status("0084000018", &[]), 0x9000);
    assert_eq!(send(&mut card, 0xB0, &[]).1, 0x9000);
    assert_eq!(card.status("00B0000000", &[]), 0x6982);
    assert_eq!(send(&mut card, 0xB0, &[]).1, 0x6982, "the session is over");
}
