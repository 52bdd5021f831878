use ground::Virtual;
use iso7816::StatusWord;
use p256::ecdsa::signature::Signer as _;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::cvc::{CvcContent, KeyIdentifier, Subject};
use crate::secure_messaging::SessionKeys;
use crate::secure_messaging::test_card::TestCard;

const CARD: Uuid = Uuid::from_bytes([0x42; 16]);
const SIGNER: KeyIdentifier = KeyIdentifier(*b"signer 1");

/// A card with a static key on the suite's curve, and its CVC.
struct Card {
    suite: CipherSuite,
    secret: HostEphemeral,
    cvc: Vec<u8>,
    nonce: Vec<u8>,
}

impl Card {
    fn new(suite: CipherSuite) -> (Self, Signer) {
        let scalar = vec![0x11; suite.coordinate_size()];
        // The same arithmetic on both sides: a key pair is a key pair.
        let secret = HostEphemeral::from_scalar(suite, &scalar).unwrap();
        let key = PublicKey::from_point(secret.point()).unwrap();
        let content = CvcContent::card(SIGNER, CARD, key).unwrap();
        let covered = content.covered();
        let (signature, key) = match suite {
            CipherSuite::Cs2 => {
                let signer = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
                let signature: p256::ecdsa::DerSignature = signer.sign(&covered);
                let key = PublicKey::P256(signer.verifying_key().into());
                (signature.as_bytes().to_vec(), key)
            }
            CipherSuite::Cs7 => {
                let signer = p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap();
                let signature: p384::ecdsa::DerSignature = signer.sign(&covered);
                let key = PublicKey::P384(signer.verifying_key().into());
                (signature.as_bytes().to_vec(), key)
            }
        };
        let card = Self {
            suite,
            secret,
            cvc: content.encode(&signature).unwrap(),
            nonce: vec![0x5A; suite.nonce_size()],
        };
        let signer = Signer {
            identifier: SIGNER,
            key,
        };
        (card, signer)
    }

    /// Answers key establishment.
    fn answer(&self, command: &Command) -> (Response, SessionKeys) {
        let host_point = &command.data[command.data.len() - 2 - self.suite.point_size()..];
        let (host_point, end) = host_point.split_at(self.suite.point_size());
        assert_eq!(end, [0x82, 0x00]);
        let agreement = Agreement {
            suite: self.suite,
            host_control: command.data[4],
            host_identifier: command.data[5..13].try_into().unwrap(),
            host_coordinates: host_point[1..].to_vec(),
            card_control: 0x00,
            card_identifier: card_identifier(&self.cvc),
            nonce: self.nonce.clone(),
        };
        let host_key = PublicKey::from_point(host_point).unwrap();
        let keys = agreement.derive(&self.secret.shared_secret(&host_key).unwrap());
        let cryptogram = agreement.cryptogram(&keys.confirmation);
        let value = [&[0x00], &self.nonce[..], &cryptogram, &self.cvc].concat();
        let template = ber::object(TEMPLATE, &ber::object(RESPONSE, &value));
        (Response::new(template, StatusWord::OK), keys)
    }
}

fn host(suite: CipherSuite) -> HostEphemeral {
    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(3));
    HostEphemeral::generate(suite, &ambient).with_identifier(*b"terminal")
}

#[test]
fn a_new_session_carries_commands_both_ways() {
    for suite in [CipherSuite::Cs2, CipherSuite::Cs7] {
        let (card, signer) = Card::new(suite);
        let host = host(suite);
        let (response, keys) = card.answer(&host.command());
        let established = host.establish(&response, Some(&signer)).unwrap();
        assert!(established.verified);
        assert_eq!(established.findings, []);
        assert!(established.cvc.conforms());
        assert_eq!(established.cvc.value.subject, Some(Subject::Card(CARD)));

        let mut session = established.session;
        let mut card = TestCard::new(keys);
        let verify =
            Command::new(0x00, Instruction::VERIFY, 0x00, 0x80).with_data(*b"123456\xFF\xFF");
        let protected = session.protect(&verify).unwrap();
        assert_eq!(card.open(&[protected]), Some((verify.data.to_vec(), false)));
        let answer = card.seal(&[], StatusWord(0x63C2));
        assert_eq!(
            session.unprotect(&answer),
            Ok(Response::status(StatusWord(0x63C2)))
        );
    }
}

#[test]
fn the_command_has_the_lengths_of_the_standard() {
    for (suite, head) in [
        (CipherSuite::Cs2, "00872704507C4E814A007465726D696E616C04"),
        (CipherSuite::Cs7, "00872E04707C6E816A007465726D696E616C04"),
    ] {
        let bytes = host(suite).command().to_short().unwrap();
        assert_eq!(hex::encode_upper(&bytes[..19]), head);
        assert_eq!(bytes[bytes.len() - 3..], [0x82, 0x00, 0x00]);
    }
}

#[test]
fn two_key_pairs_differ_and_none_shows_its_secret() {
    let ambient: Arc<dyn Ambient> = Arc::new(Virtual::new(4));
    let first = HostEphemeral::generate(CipherSuite::Cs2, &ambient);
    let second = HostEphemeral::generate(CipherSuite::Cs2, &ambient);
    assert_ne!(first.point(), second.point());
    let known = HostEphemeral::from_scalar(CipherSuite::Cs2, &[0xA7; 32]).unwrap();
    assert!(!format!("{known:?}").contains("A7A7A7"));
}

#[test]
fn scalars_outside_the_curve_are_refused() {
    let suite = CipherSuite::Cs2;
    for scalar in [&[][..], &[1; 31], &[1; 33], &[0; 32], &[0xFF; 32]] {
        assert_eq!(
            HostEphemeral::from_scalar(suite, scalar).unwrap_err(),
            EstablishmentError::Scalar {
                suite,
                length: scalar.len()
            }
        );
    }
}

#[test]
fn without_a_signer_the_session_is_marked_unverified() {
    let (card, _) = Card::new(CipherSuite::Cs2);
    let host = host(CipherSuite::Cs2);
    let (response, _) = card.answer(&host.command());
    let established = host.establish(&response, None).unwrap();
    assert!(!established.verified);
    assert!(established.findings[0].message.contains("unverified"));
}

#[test]
fn a_refusal_tells_the_status_word() {
    let error = host(CipherSuite::Cs2)
        .establish(&Response::status(StatusWord::WRONG_P1P2), None)
        .unwrap_err();
    assert_eq!(
        error,
        EstablishmentError::Refused {
            status: StatusWord::WRONG_P1P2
        }
    );
}

/// Establishes with a card whose answer was changed.
fn establish_changed(
    suite: CipherSuite,
    change: impl FnOnce(&mut Vec<u8>),
    signer: Option<&Signer>,
) -> Result<Established, EstablishmentError> {
    let (card, _) = Card::new(suite);
    let host = host(suite);
    let (response, _) = card.answer(&host.command());
    let template = ber::expect(TEMPLATE, &response.data).unwrap();
    let mut value = ber::expect(RESPONSE, template).unwrap().to_vec();
    change(&mut value);
    let data = ber::object(TEMPLATE, &ber::object(RESPONSE, &value));
    host.establish(&Response::new(data, StatusWord::OK), signer)
}

#[test]
fn persistent_binding_is_refused() {
    let error = establish_changed(CipherSuite::Cs2, |value| value[0] = 0x10, None).unwrap_err();
    assert_eq!(error, EstablishmentError::ControlByte { actual: 0x10 });
}

#[test]
fn a_card_without_the_private_key_is_refused() {
    for suite in [CipherSuite::Cs2, CipherSuite::Cs7] {
        // Nonce, then cryptogram.
        for offset in [1, 1 + suite.nonce_size()] {
            let changed = establish_changed(suite, |value| value[offset] ^= 1, None);
            assert_eq!(changed.unwrap_err(), EstablishmentError::Cryptogram);
        }
    }
}

#[test]
fn a_card_on_another_curve_is_refused() {
    let (other, _) = Card::new(CipherSuite::Cs7);
    let changed = establish_changed(
        CipherSuite::Cs2,
        |value| {
            value.truncate(1 + 16 + 16);
            value.extend(&other.cvc);
        },
        None,
    );
    assert_eq!(
        changed.unwrap_err(),
        EstablishmentError::Curve {
            suite: CipherSuite::Cs2
        }
    );
}

#[test]
fn an_intermediate_cvc_is_no_card() {
    let key = PublicKey::P256(p256::SecretKey::from_slice(&[9; 32]).unwrap().public_key());
    let cvc = CvcContent::intermediate(SIGNER, key)
        .and_then(|content| content.encode(&[1; 256]))
        .unwrap();
    let changed = establish_changed(
        CipherSuite::Cs2,
        |value| {
            value.truncate(1 + 16 + 16);
            value.extend(&cvc);
        },
        None,
    );
    assert_eq!(
        changed.unwrap_err(),
        EstablishmentError::Cvc(CvcError::Role {
            expected: Role::Card,
            actual: Role::Intermediate
        })
    );
}

#[test]
fn a_cvc_of_somebody_else_is_refused() {
    let (_, signer) = Card::new(CipherSuite::Cs2);
    let stranger = Signer {
        identifier: KeyIdentifier([0; 8]),
        ..signer.clone()
    };
    assert_eq!(
        establish_changed(CipherSuite::Cs2, |_| (), Some(&stranger)).unwrap_err(),
        EstablishmentError::Cvc(CvcError::OtherSigner {
            expected: stranger.identifier,
            actual: SIGNER
        })
    );
    // The last bit of the signature.
    let flip_last = |value: &mut Vec<u8>| *value.last_mut().unwrap() ^= 1;
    assert_eq!(
        establish_changed(CipherSuite::Cs2, flip_last, Some(&signer)).unwrap_err(),
        EstablishmentError::Cvc(CvcError::Signature)
    );
}

#[test]
fn a_short_answer_is_refused() {
    for length in [0, 1, 16, 17, 32] {
        let changed = establish_changed(CipherSuite::Cs2, |value| value.truncate(length), None);
        assert_eq!(
            changed.unwrap_err(),
            EstablishmentError::Short { length, fixed: 33 }
        );
    }
    assert!(matches!(
        establish_changed(CipherSuite::Cs2, |value| value.truncate(33), None),
        Err(EstablishmentError::Cvc(CvcError::NotCvc(_)))
    ));
    let empty = Response::new([0x7C, 0x00], StatusWord::OK);
    assert_eq!(
        host(CipherSuite::Cs2).establish(&empty, None).unwrap_err(),
        EstablishmentError::NoResponse
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_flipped_bit_in_the_answer_is_refused(bit in any::<prop::sample::Index>()) {
        let (card, signer) = Card::new(CipherSuite::Cs2);
        let host = host(CipherSuite::Cs2);
        let (mut response, _) = card.answer(&host.command());
        let bit = bit.index(response.data.len() * 8);
        response.data[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(host.establish(&response, Some(&signer)).is_err());
    }

    #[test]
    fn any_bytes_as_an_answer_give_a_typed_error(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let suite = CipherSuite::Cs7;
        let wrapped = ber::object(TEMPLATE, &ber::object(RESPONSE, &bytes));
        let cvc = [&[0x00; 41][..], &ber::object(Tag(0x7F21), &bytes)].concat();
        let cvc = ber::object(TEMPLATE, &ber::object(RESPONSE, &cvc));
        for data in [bytes, wrapped, cvc] {
            let response = Response::new(data, StatusWord::OK);
            prop_assert!(host(suite).establish(&response, None).is_err());
        }
    }
}
