//! Keys: created, generated, chosen, used, counted, deleted.

use iso7816::ber::{self, Tag};
use rsa::{BoxedUint, Pkcs1v15Encrypt, Pkcs1v15Sign, RsaPublicKey};
use sha2::{Digest, Sha256};

use super::{Card, USER};
use crate::card::authentic::AuthenticModel;
use crate::card::authentic::certificates;
use crate::card::random::seeded;

/// A key of 1024 bits with id 05, as OpenSC's profile creates one: anybody signs with it.
pub(super) const CREATE: &str = "A114800108830105860C000100010001000000010001";
const DELETE: &str = "A106800108830105";
const GENERATE: &str = "AC06800108830105";

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

fn digest_info(message: &[u8]) -> Vec<u8> {
    let prefix = bytes("3031300D060960864801650304020105000420");
    [&prefix[..], &Sha256::digest(message)].concat()
}

fn public_key(object: &[u8]) -> RsaPublicKey {
    let parts = ber::expect(Tag(0x7F49), object).unwrap();
    let number =
        |tag| BoxedUint::from_be_slice_vartime(ber::find(Tag(tag), parts).unwrap().unwrap());
    RsaPublicKey::new(number(0x81), number(0x82)).unwrap()
}

fn assert_signs(key: &RsaPublicKey, message: &[u8], signature: &[u8]) {
    let digest = Sha256::digest(message);
    key.verify(Pkcs1v15Sign::new::<Sha256>(), &digest, signature)
        .unwrap();
}

#[test]
fn a_key_is_created_generated_used_and_deleted() {
    let mut card = Card::personalised();
    card.select("5015");
    assert_eq!(
        card.status("00470000", &bytes(GENERATE)),
        0x6A88,
        "not created"
    );
    assert_eq!(card.status("00DB3FFF", &bytes(CREATE)), 0x9000);
    assert_eq!(card.status("00DB3FFF", &bytes(CREATE)), 0x6A89);
    assert_eq!(card.status("002241B6", &bytes("800111830105")), 0x9000);
    assert_eq!(
        card.status("002A9E9A", &digest_info(b"x")),
        0x6985,
        "no value yet"
    );
    assert_eq!(card.status("00470000", &bytes(GENERATE)), 0x6982);
    card.verify(1, USER);
    let key = public_key(&card.data("00470000", &bytes(GENERATE)).unwrap());
    // Created with 0000 for its signing, it signs for anybody.
    card.log_out();
    assert_eq!(card.status("002241B6", &bytes("800111830105")), 0x9000);
    let signature = card.data("002A9E9A", &digest_info(b"hello")).unwrap();
    assert_signs(&key, b"hello", &signature);
    assert_eq!(card.status("00DB3FFF", &bytes(DELETE)), 0x6982);
    card.verify(1, USER);
    assert_eq!(card.status("00DB3FFF", &bytes(DELETE)), 0x9000);
    assert_eq!(card.status("00DB3FFF", &bytes(DELETE)), 0x6A88);
    assert_eq!(card.status("002A9E9A", &digest_info(b"x")), 0x6A88);
}

#[test]
fn the_keys_of_a_personalised_card_do_what_they_are_for() {
    let mut card = Card::personalised();
    let issued = certificates::issue(7, 1024);
    let [authentication, signing] = issued.each_ref().map(|it| it.key.public());
    for id in ["01", "02"] {
        assert_eq!(
            card.status("002241B6", &bytes(&format!("8001118301{id}"))),
            0x9000
        );
        assert_eq!(card.status("002A9E9A", &digest_info(b"x")), 0x6982, "{id}");
    }
    card.verify(1, USER);
    let signature = card.data("002A9E9A", &digest_info(b"hello")).unwrap();
    assert_signs(&signing, b"hello", &signature);
    card.status("002241A4", &bytes("800111830101"));
    let signature = card.data("00880000", &digest_info(b"who")).unwrap();
    assert_signs(&authentication, b"who", &signature);

    let mut random = seeded(1, 1);
    let cryptogram = authentication
        .encrypt(&mut random, Pkcs1v15Encrypt, b"secret")
        .unwrap();
    card.status("002241B8", &bytes("800111830101"));
    // In two parts, as a longer one must come.
    assert_eq!(card.status("102A8086", &cryptogram[..100]), 0x9000);
    assert_eq!(
        card.data("002A8086", &cryptogram[100..]),
        Ok(b"secret".to_vec())
    );
    assert_eq!(card.status("002A8086", &cryptogram[1..]), 0x6700);
    card.status("002241B8", &bytes("800111830102"));
    assert_eq!(
        card.status("002A8086", &cryptogram),
        0x6982,
        "it signs only"
    );
}

#[test]
fn a_security_environment_names_a_key_that_is_there_and_a_known_algorithm() {
    let mut card = Card::personalised();
    for (template, data, status) in [
        ("B6", "800111830103", 0x6A88),
        ("B6", "800111830181", 0x6A88),
        ("B6", "800113830101", 0x6A81),
        ("B6", "800155830101", 0x6A80),
        ("B6", "830101", 0x6A80),
        ("B7", "800111830101", 0x6A86),
        ("B8", "800112830101", 0x9000),
    ] {
        let header = format!("002241{template}");
        assert_eq!(
            card.status(&header, &bytes(data)),
            status,
            "{template} {data}"
        );
    }
    assert_eq!(card.status("002A9E9A", &[1]), 0x6985, "none was chosen");
}

#[test]
fn counted_uses_come_to_an_end() {
    let mut card = Card::personalised();
    card.verify(1, USER);
    card.select("5015");
    let create = bytes("A118800108830105860C00010001000100000001000190020002");
    assert_eq!(card.status("00DB3FFF", &create), 0x9000);
    assert!(card.data("00470000", &bytes(GENERATE)).is_ok());
    card.status("002241B6", &bytes("800111830105"));
    for status in [0x9000, 0x9000, 0x6985] {
        assert_eq!(card.status("002A9E9A", &digest_info(b"x")), status);
    }
}

#[test]
fn a_bare_digest_is_completed_where_the_model_says_so() {
    let text = AuthenticModel::series8_v3().source.0.clone();
    let key = certificates::issue(7, 1024)[1].key.public();
    for completes in [true, false] {
        let model = text
            .replace(
                "completes_digests = true",
                &format!("completes_digests = {completes}"),
            )
            .replace("personalised = 2048", "personalised = 1024");
        let model = AuthenticModel::parse(&model).unwrap();
        let mut card = Card::new(crate::card::authentic::AuthenticChip::personalised(
            &model, 7,
        ));
        card.verify(1, USER);
        card.status("002241B6", &bytes("800111830102"));
        let digest = Sha256::digest(b"hello");
        let signature = card.data("002A9E9A", &digest).unwrap();
        let scheme = match completes {
            true => Pkcs1v15Sign::new::<Sha256>(),
            false => Pkcs1v15Sign::new_unprefixed(),
        };
        key.verify(scheme, &digest, &signature).unwrap();
    }
}
