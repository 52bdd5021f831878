use std::sync::{Arc, Mutex};

use ground::{Blame, Blamed, Virtual};
use iso7816::{Disposition, Link, LinkError};
use p256::elliptic_curve::sec1::ToSec1Point;

use super::*;
use crate::secrets::AdminKey;
use crate::words::{Algorithm, KeyReference, RetiredKey};
use crate::{MessageDigest, PublicKey};

type Answer = Box<dyn FnMut(&[u8]) -> Vec<u8> + Send>;

/// A link whose card is a function.
struct FakeLink {
    atr: Vec<u8>,
    answer: Answer,
}

impl Link for FakeLink {
    fn name(&self) -> &str {
        "fake"
    }
    fn atr(&self) -> &[u8] {
        &self.atr
    }
    fn protocol(&self) -> Protocol {
        Protocol::T1
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        Ok((self.answer)(command))
    }
    fn reset(&mut self, _: Reset) -> Result<(), LinkError> {
        Ok(())
    }
    fn disconnect(self: Box<Self>, _: Disposition) -> Result<(), LinkError> {
        Ok(())
    }
}

fn bytes(digits: &str) -> Vec<u8> {
    hex::decode(digits.replace(char::is_whitespace, "")).unwrap()
}

fn channel(answer: impl FnMut(&[u8]) -> Vec<u8> + Send + 'static) -> Channel {
    Channel::new(Box::new(FakeLink {
        atr: bytes("3BD6970081B1FE451F878031C152411A2B"),
        answer: Box::new(answer),
    }))
}

/// Commands expected and their answers, in order. Dropping it demands that all were sent.
struct Script(Arc<Mutex<Vec<(String, String)>>>);

impl Script {
    /// A client that has selected and will see exactly these exchanges.
    fn client(exchanges: &[(&str, &str)]) -> (Client, Self) {
        let (channel, script) = Self::channel(exchanges);
        (
            Client::from_selected(channel, ApplicationProperties::default()),
            script,
        )
    }

    fn channel(exchanges: &[(&str, &str)]) -> (Channel, Self) {
        let clean = |text: &str| text.replace(char::is_whitespace, "");
        let exchanges: Vec<_> = exchanges
            .iter()
            .rev()
            .map(|(command, answer)| (clean(command), clean(answer)))
            .collect();
        let script = Arc::new(Mutex::new(exchanges));
        let of_card = Arc::clone(&script);
        let channel = channel(move |command| {
            let sent = hex::encode_upper(command);
            let (expected, answer) = of_card
                .lock()
                .unwrap()
                .pop()
                .unwrap_or_else(|| panic!("nothing more was expected: {sent}"));
            assert_eq!(sent, expected);
            hex::decode(answer).unwrap()
        });
        (channel, Self(script))
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.0.lock().unwrap().is_empty(), "commands were not sent");
        }
    }
}

fn passcode() -> Passcode {
    Passcode::new("123456").unwrap()
}

const VERIFY: &str = "00200080 08 313233343536FFFF";
const SELECT: &str = "00A40400 0B A000000308000010000100 00";
const SELECT_TRUNCATED: &str = "00A40400 09 A00000030800001000 00";
const TEMPLATE: &str = "61164F0BA00000030800001000010079074F05A000000308";

#[test]
fn the_application_is_selected_by_its_full_identifier() {
    let (channel, _script) = Script::channel(&[(SELECT, &format!("{TEMPLATE}9000"))]);
    let client = Client::select(channel).unwrap();
    assert_eq!(client.application().version, Some([1, 0]));
    assert_eq!(client.application().findings, []);
}

#[test]
fn a_card_that_wants_the_truncated_identifier_gets_it() {
    let (channel, _script) = Script::channel(&[
        (SELECT, "6A82"),
        (SELECT_TRUNCATED, &format!("{TEMPLATE}9000")),
    ]);
    assert!(Client::select(channel).is_ok());
}

#[test]
fn a_card_without_the_application_is_no_piv_card() {
    let (channel, _script) = Script::channel(&[(SELECT, "6A82"), (SELECT_TRUNCATED, "6A82")]);
    let error = Client::select(channel).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the card has no PIV application: it answered 6A82 (object or application not found)"
    );
    assert_eq!(error.blame(), Blame::OperatorMistake);
}

#[test]
fn objects_are_unwrapped_and_fetched_to_their_end() {
    let (mut client, _script) = Script::client(&[
        ("00CB3FFF 05 5C035FC10C 00", "53 03 C1 6105"),
        ("00C0000005", "01 05 9000"),
        ("00CB3FFF 03 5C017E 00", "7E 02 AABB 9000"),
        ("00CB3FFF 04 5C027F61 00", "7F61 03 020100 9000"),
        ("00CB3FFF 05 5C035FC102 00", "5300 9000"),
        ("00CB3FFF 05 5C035FC109 00", "6A82"),
    ]);
    let mut read = |object| client.get_data(object).unwrap();
    assert_eq!(read(ObjectId::KeyHistory), Some(vec![0xC1, 0x01, 0x05]));
    assert_eq!(read(ObjectId::Discovery), Some(vec![0xAA, 0xBB]));
    assert_eq!(
        read(ObjectId::BiometricInformationTemplates),
        Some(vec![0x02, 0x01, 0x00])
    );
    assert_eq!(read(ObjectId::Chuid), Some(Vec::new()));
    assert_eq!(read(ObjectId::PrintedInformation), None);
}

#[test]
fn the_raw_object_keeps_its_wrapper() {
    let (mut client, _script) = Script::client(&[("00CB3FFF 05 5C035FC102 00", "53 01 AA 9000")]);
    assert_eq!(
        client.get_data_raw(ObjectId::Chuid).unwrap(),
        Some(vec![0x53, 0x01, 0xAA])
    );
}

#[test]
fn an_object_without_its_wrapper_is_malformed() {
    let (mut client, _script) = Script::client(&[("00CB3FFF 05 5C035FC102 00", "30 00 9000")]);
    let error = client.get_data(ObjectId::Chuid).unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to read CHUID (`5FC102`): the card's answer is malformed: object 30 where 53 was \
         expected at offset 0"
    );
}

#[test]
fn a_refused_object_is_an_error_not_an_absence() {
    let (mut client, _script) = Script::client(&[("00CB3FFF 05 5C035FC109 00", "6982")]);
    assert!(matches!(
        client.get_data(ObjectId::PrintedInformation),
        Err(PivError::Refused { .. })
    ));
}

#[test]
fn a_long_object_is_written_in_a_chain() {
    let value = "A5".repeat(300);
    let data = format!("5C035FC10553820 12C{value}").replace(' ', "");
    let (first, rest) = data.split_at(510);
    let (mut client, _script) = Script::client(&[
        (&format!("10DB3FFF FF {first}"), "9000"),
        (&format!("00DB3FFF {:02X} {rest}", rest.len() / 2), "9000"),
    ]);
    client
        .put_data(ObjectId::AuthenticationCertificate, &[0xA5; 300])
        .unwrap();
}

#[test]
fn writing_without_the_administration_key_says_what_to_do() {
    let (mut client, _script) = Script::client(&[("00DB3FFF 09 5C035FC107 5302 FE00", "6982")]);
    let error = client
        .put_data(ObjectId::CardCapabilityContainer, &[0xFE, 0x00])
        .unwrap_err();
    assert_eq!(
        error.hint().as_deref(),
        Some("authenticate with the administration key first")
    );
}

#[test]
fn a_right_passcode_is_verified() {
    let (mut client, _script) = Script::client(&[(VERIFY, "9000")]);
    client
        .verify(PinReference::Application, &passcode())
        .unwrap();
}

#[test]
fn a_wrong_passcode_a_blocked_one_and_an_unknown_reference_are_told_apart() {
    let error = |answer| {
        let (mut client, _script) = Script::client(&[(VERIFY, answer)]);
        client
            .verify(PinReference::Application, &passcode())
            .unwrap_err()
    };
    let wrong = |tries_left| PivError::WrongPasscode {
        action: Action::Verify(PinReference::Application),
        reference: PinReference::Application,
        tries_left,
    };
    assert_eq!(error("63C2"), wrong(Some(2)));
    assert_eq!(error("63C0"), wrong(Some(0)));
    assert_eq!(error("6300"), wrong(None));
    assert_eq!(
        error("6983"),
        PivError::Blocked {
            action: Action::Verify(PinReference::Application),
            what: PinReference::Application
        }
    );
    assert!(matches!(error("6A88"), PivError::Refused { .. }));
}

#[test]
fn tries_are_read_without_sending_a_passcode() {
    for (answer, tries) in [
        ("9000", Tries::Verified),
        ("63C3", Tries::Left(3)),
        ("63C0", Tries::Blocked),
        ("6983", Tries::Blocked),
        ("6A88", Tries::NotPresent),
    ] {
        let (mut client, _script) = Script::client(&[("00200080", answer)]);
        assert_eq!(client.tries(PinReference::Application).unwrap(), tries);
    }
    let (mut client, _script) = Script::client(&[("00200080", "6D00")]);
    assert!(client.tries(PinReference::Application).is_err());
}

#[test]
fn reference_data_is_changed_and_reset_in_sixteen_bytes() {
    let (mut client, _script) = Script::client(&[
        ("0020FF80", "9000"),
        ("00240080 10 313233343536FFFF 3635343332 31FFFF", "9000"),
        ("00240000 10 313233343536FFFF 363534333231FFFF", "9000"),
        ("00240081 10 3132333435363738 3837363534333231", "9000"),
        ("002C0080 10 3837363534333231 313233343536FFFF", "9000"),
    ]);
    let new = Passcode::new("654321").unwrap();
    let (old_puk, new_puk) = (Puk::new(*b"12345678"), Puk::new(*b"87654321"));
    client.logout(PinReference::Application).unwrap();
    client.change_passcode(&passcode(), &new).unwrap();
    client.change_global_passcode(&passcode(), &new).unwrap();
    client.change_puk(&old_puk, &new_puk).unwrap();
    client.reset_retry_counter(&new_puk, &passcode()).unwrap();
}

#[test]
fn a_wrong_puk_is_told_from_a_wrong_passcode() {
    let unblock = "002C0080 10 3132333435363738 313233343536FFFF";
    let error = |answer| {
        let (mut client, _script) = Script::client(&[(unblock, answer)]);
        client
            .reset_retry_counter(&Puk::new(*b"12345678"), &passcode())
            .unwrap_err()
    };
    assert_eq!(
        error("63C1").to_string(),
        "failed to unblock the PIV PIN (80) with the PUK: wrong PUK (81), 1 try left"
    );
    assert_eq!(
        error("6983").hint().as_deref(),
        Some("the card has to be reissued")
    );
}

/// How a card with key 9B behaves.
#[derive(Clone, Copy, PartialEq)]
enum Admin {
    Genuine,
    /// Does not know mutual authentication.
    ExternalOnly,
    /// Accepts every host and proves nothing.
    Impostor,
}

/// A card with only key 9B; the second value counts the authentications it accepted.
fn admin_card(key: &AdminKey, kind: Admin) -> (Client, Arc<Mutex<usize>>) {
    let key = key.clone();
    let size = key.block_size();
    let accepted = Arc::new(Mutex::new(0));
    let count = Arc::clone(&accepted);
    let challenge = vec![0x5A; size];
    let answer = move |command: &[u8]| -> Vec<u8> {
        let command = Command::parse(command).unwrap();
        assert_eq!(command.p1, key.algorithm().byte());
        assert_eq!(command.p2, 0x9B);
        let template = ber::expect(commands::TEMPLATE, &command.data).unwrap();
        let element = |tag| ber::find(tag, template).unwrap();
        let respond = |tag, value: &[u8]| {
            let mut bytes = ber::object(commands::TEMPLATE, &ber::object(tag, value));
            bytes.extend_from_slice(&[0x90, 0x00]);
            bytes
        };
        let mut encrypted = challenge.clone();
        key.encrypt(&mut encrypted);
        let witness = element(commands::WITNESS);
        match (
            witness,
            element(commands::CHALLENGE),
            element(commands::RESPONSE),
        ) {
            (Some([]), None, None) if kind == Admin::ExternalOnly => vec![0x6A, 0x80],
            (Some([]), None, None) => respond(commands::WITNESS, &encrypted),
            (Some(witness), Some(host), Some([])) => {
                if witness != challenge && kind != Admin::Impostor {
                    return vec![0x69, 0x82];
                }
                *count.lock().unwrap() += 1;
                let mut answer = host.to_vec();
                if kind != Admin::Impostor {
                    key.encrypt(&mut answer);
                }
                respond(commands::RESPONSE, &answer)
            }
            (None, Some([]), None) => respond(commands::CHALLENGE, &challenge),
            (None, None, Some(answer)) if answer == encrypted => {
                *count.lock().unwrap() += 1;
                vec![0x90, 0x00]
            }
            _ => vec![0x69, 0x82],
        }
    };
    let client = Client::from_selected(channel(answer), ApplicationProperties::default());
    (client, accepted)
}

const ADMIN_ALGORITHMS: [Algorithm; 4] = [
    Algorithm::TripleDes,
    Algorithm::Aes128,
    Algorithm::Aes192,
    Algorithm::Aes256,
];

#[test]
fn host_and_card_prove_the_administration_key_to_each_other() {
    let ambient = Virtual::new(1);
    for algorithm in ADMIN_ALGORITHMS {
        let key = AdminKey::random(algorithm, &ambient).unwrap();
        let (mut client, accepted) = admin_card(&key, Admin::Genuine);
        assert_eq!(
            client.authenticate_admin(&key, &ambient).unwrap(),
            AdminAuthentication::Mutual
        );
        assert_eq!(*accepted.lock().unwrap(), 1);
    }
}

#[test]
fn a_card_that_knows_only_external_authentication_gets_it() {
    let ambient = Virtual::new(2);
    for algorithm in ADMIN_ALGORITHMS {
        let key = AdminKey::random(algorithm, &ambient).unwrap();
        let (mut client, accepted) = admin_card(&key, Admin::ExternalOnly);
        assert_eq!(
            client.authenticate_admin(&key, &ambient).unwrap(),
            AdminAuthentication::External
        );
        assert_eq!(*accepted.lock().unwrap(), 1);
    }
}

#[test]
fn another_key_is_refused_by_the_card() {
    let ambient = Virtual::new(3);
    for kind in [Admin::Genuine, Admin::ExternalOnly] {
        let of_card = AdminKey::random(Algorithm::Aes256, &ambient).unwrap();
        let of_host = AdminKey::random(Algorithm::Aes256, &ambient).unwrap();
        let (mut client, accepted) = admin_card(&of_card, kind);
        assert!(matches!(
            client.authenticate_admin(&of_host, &ambient),
            Err(PivError::WrongAdminKey { .. })
        ));
        assert_eq!(*accepted.lock().unwrap(), 0);
    }
}

#[test]
fn a_card_that_accepts_everything_is_found_out() {
    let ambient = Virtual::new(4);
    let key = AdminKey::random(Algorithm::Aes128, &ambient).unwrap();
    let (mut client, _) = admin_card(&key, Admin::Impostor);
    let error = client.authenticate_admin(&key, &ambient).unwrap_err();
    assert_eq!(
        error,
        PivError::CardNotGenuine {
            action: Action::AuthenticateAdmin
        }
    );
    assert_eq!(error.blame(), Blame::CardMisbehaved);
}

#[test]
fn a_witness_of_the_wrong_size_is_malformed() {
    let key = AdminKey::random(Algorithm::Aes128, &Virtual::new(5)).unwrap();
    let (mut client, _script) =
        Script::client(&[("0087089B 04 7C028000 00", "7C0A8008 0011223344556677 9000")]);
    let error = client
        .authenticate_admin(&key, &Virtual::new(6))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "failed to authenticate with the administration key (9B): the card's answer is \
         malformed: witness of 8 bytes, AES-128 has 16"
    );
}

#[test]
fn a_weak_administration_key_is_not_put_on_a_card() {
    let weak = AdminKey::as_delivered(Algorithm::Aes128, &[0x11; 16]).unwrap();
    let strong: Vec<u8> = (0..16).collect();
    let strong = AdminKey::new(Algorithm::Aes128, &strong).unwrap();
    let (mut client, _script) = Script::client(&[(
        "00FFFFFF 13 08 9B 10 000102030405060708090A0B0C0D0E0F",
        "9000",
    )]);
    assert!(matches!(
        client.set_admin_key(&weak),
        Err(PivError::Impossible { .. })
    ));
    client.set_admin_key(&strong).unwrap();
}

fn p256_key() -> p256::SecretKey {
    p256::SecretKey::from_slice(&[0x11; 32]).unwrap()
}

fn p256_point() -> String {
    hex::encode_upper(p256_key().public_key().to_sec1_point(false).as_bytes())
}

const GENERATE_P256: &str = "0047009A 05 AC03800111 00";

#[test]
fn a_generated_key_is_returned_as_a_public_key() {
    let answer = format!("7F49438641{}9000", p256_point());
    let (mut client, _script) = Script::client(&[(GENERATE_P256, &answer)]);
    let public = client
        .generate(KeyReference::Authentication, Algorithm::P256)
        .unwrap();
    assert_eq!(public, PublicKey::P256(p256_key().public_key()));
}

#[test]
fn a_generated_rsa_key_comes_in_two_pieces() {
    let modulus = format!("C3{}", "A5".repeat(255));
    let whole = format!("7F4982010981820100{modulus}8203010001");
    let (first, rest) = whole.split_at(512);
    let (mut client, _script) = Script::client(&[
        ("0047009C 05 AC03800107 00", &format!("{first}610E")),
        ("00C000000E", &format!("{rest}9000")),
    ]);
    let public = client
        .generate(KeyReference::Signature, Algorithm::Rsa2048)
        .unwrap();
    assert_eq!(public.algorithm(), Some(Algorithm::Rsa2048));
    assert_eq!(hex::encode_upper(public.to_template()), whole);
}

#[test]
fn a_key_of_another_algorithm_or_off_the_curve_is_malformed() {
    let off_curve = p256_point().replace("04", "05").replacen("05", "04", 1);
    for answer in [
        format!("7F49438641{}9000", p256_point().replacen("04", "02", 1)),
        format!("7F49820109 81820100 C3{} 8203010001 9000", "A5".repeat(255)),
        format!("7F49438641{}00 9000", &off_curve[..128]),
        "7F4900 9000".to_owned(),
    ] {
        let (mut client, _script) = Script::client(&[(GENERATE_P256, &answer)]);
        assert!(
            matches!(
                client.generate(KeyReference::Authentication, Algorithm::P256),
                Err(PivError::Malformed { .. })
            ),
            "{answer}"
        );
    }
}

#[test]
fn digests_are_fitted_to_the_curve() {
    use signature::hazmat::PrehashSigner;
    let message = b"a message";
    for (digest, input) in [
        (
            MessageDigest::sha256(message),
            hex::encode_upper(MessageDigest::sha256(message).as_bytes()),
        ),
        (
            MessageDigest::sha384(message),
            hex::encode_upper(&MessageDigest::sha384(message).as_bytes()[..32]),
        ),
    ] {
        let signing = p256::ecdsa::SigningKey::from(p256_key());
        let signature: p256::ecdsa::Signature =
            signing.sign_prehash(&hex::decode(&input).unwrap()).unwrap();
        let der = hex::encode_upper(signature.to_der().as_bytes());
        let length = der.len() / 2;
        let (mut client, _script) = Script::client(&[(
            &format!("0087119A 26 7C24 8200 8120 {input} 00"),
            &format!("7C{:02X} 82{length:02X} {der} 9000", length + 2),
        )]);
        let signed = client
            .sign_digest(KeyReference::Authentication, Algorithm::P256, &digest)
            .unwrap();
        assert_eq!(hex::encode_upper(&signed), der);
        PublicKey::P256(p256_key().public_key())
            .verify_digest(&digest, &signed)
            .unwrap();
    }
}

#[test]
fn a_short_digest_is_filled_with_zeros_on_the_left() {
    let digest = MessageDigest::Sha256([0xAB; 32]);
    let (mut client, _script) = Script::client(&[(
        &format!(
            "0087149C 36 7C34 8200 8130 {}{} 00",
            "00".repeat(16),
            "AB".repeat(32)
        ),
        "6982",
    )]);
    let error = client
        .sign_digest(KeyReference::Signature, Algorithm::P384, &digest)
        .unwrap_err();
    assert_eq!(
        error.hint().as_deref(),
        Some("verify the PIN immediately before each signature with key 9C")
    );
}

#[test]
fn an_rsa_digest_is_padded_by_the_host_and_sent_in_a_chain() {
    let digest = MessageDigest::Sha256([0xAB; 32]);
    let block = format!(
        "0001{}003031300D060960864801650304020105000420{}",
        "FF".repeat(202),
        "AB".repeat(32)
    );
    let data = format!("7C820106820081820100{block}");
    let (first, rest) = data.split_at(510);
    let signature = "5A".repeat(256);
    let answer = format!("7C82010482820100{signature}");
    let (now, later) = answer.split_at(512);
    let (mut client, _script) = Script::client(&[
        (&format!("1087079A FF {first}"), "9000"),
        (&format!("0087079A 0B {rest} 00"), &format!("{now}6108")),
        ("00C0000008", &format!("{later}9000")),
    ]);
    let signed = client
        .sign_digest(KeyReference::Authentication, Algorithm::Rsa2048, &digest)
        .unwrap();
    assert_eq!(signed, [0x5A; 256]);
}

#[test]
fn what_is_no_signature_is_malformed() {
    let digest = MessageDigest::Sha256([0xAB; 32]);
    let command = format!("0087119A 26 7C24 8200 8120 {} 00", "AB".repeat(32));
    for answer in ["7C04 8202 3000 9000", "7C02 8200 9000", "7C00 9000", "9000"] {
        let (mut client, _script) = Script::client(&[(&command, answer)]);
        assert!(
            matches!(
                client.sign_digest(KeyReference::Authentication, Algorithm::P256, &digest),
                Err(PivError::Malformed { .. })
            ),
            "{answer}"
        );
    }
}

#[test]
fn a_symmetric_algorithm_does_not_sign() {
    let (mut client, _script) = Script::client(&[]);
    assert!(matches!(
        client.sign_digest(
            KeyReference::Authentication,
            Algorithm::Aes128,
            &MessageDigest::Sha256([0; 32])
        ),
        Err(PivError::Impossible { .. })
    ));
}

#[test]
fn a_secret_is_agreed_only_with_a_point_on_the_curve() {
    let retired = KeyReference::Retired(RetiredKey::new(1).unwrap());
    let (mut client, _script) = Script::client(&[(
        &format!("00871182 47 7C45 8200 8541 {} 00", p256_point()),
        &format!("7C22 8220 {} 9000", "C4".repeat(32)),
    )]);
    let point = bytes(&p256_point());
    let secret = client.agree(retired, Algorithm::P256, &point).unwrap();
    assert_eq!(**secret, [0xC4; 32]);

    let mut off_curve = point;
    off_curve[64] ^= 1;
    assert!(matches!(
        client.agree(retired, Algorithm::P256, &off_curve),
        Err(PivError::Impossible { .. })
    ));
}

#[test]
fn a_ciphertext_of_another_size_is_not_sent() {
    let (mut client, _script) = Script::client(&[]);
    assert!(matches!(
        client.decipher_raw(KeyReference::KeyManagement, Algorithm::Rsa2048, &[0; 255]),
        Err(PivError::Impossible { .. })
    ));
}

#[test]
fn a_challenge_is_random_data_from_the_card() {
    let (mut client, _script) =
        Script::client(&[("0087039B 04 7C028100 00", "7C0A8108 0011223344556677 9000")]);
    assert_eq!(
        client.challenge(Algorithm::TripleDes).unwrap(),
        bytes("0011223344556677")
    );
}

#[test]
fn extended_length_is_used_only_when_asked_for_and_announced() {
    let read = "00CB3FFF 05 5C035FC102 00";
    let (mut client, _script) = Script::client(&[(read, "5300 9000")]);
    assert!(!client.use_extended(true));
    client.get_data(ObjectId::Chuid).unwrap();

    let extended = "00CB3FFF 000005 5C035FC102 7FFD";
    let write = format!("00DB3FFF 000135 5C035FC1055382012C{}", "A5".repeat(300));
    let (channel, _script) = Script::channel(&[
        (SELECT, &format!("{TEMPLATE} 7F6608020203F802027FFF 9000")),
        (read, "5300 9000"),
        (extended, "5300 9000"),
        (&write, "9000"),
        (read, "5300 9000"),
    ]);
    let mut client = Client::select(channel).unwrap();
    client.get_data(ObjectId::Chuid).unwrap();
    assert!(client.use_extended(true));
    client.get_data(ObjectId::Chuid).unwrap();
    client
        .put_data(ObjectId::AuthenticationCertificate, &[0xA5; 300])
        .unwrap();
    assert!(!client.use_extended(false));
    client.get_data(ObjectId::Chuid).unwrap();
}

#[test]
fn a_reset_selects_the_application_again() {
    let (channel, _script) = Script::channel(&[
        (SELECT, &format!("{TEMPLATE}9000")),
        (SELECT, &format!("{TEMPLATE}9000")),
    ]);
    let mut client = Client::select(channel).unwrap();
    client.reset(Reset::Warm).unwrap();
}

#[test]
fn a_lost_answer_leaves_the_outcome_open() {
    let channel = channel(|_| Vec::new());
    let mut client = Client::from_selected(channel, ApplicationProperties::default());
    let error = client.put_data(ObjectId::Chuid, &[1]).unwrap_err();
    assert!(error.outcome_unknown());
    assert_eq!(error.action(), Action::Write(ObjectId::Chuid));
}

proptest::proptest! {
    #[test]
    fn any_answer_is_a_value_or_a_typed_error(
        answer in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80),
        ok in proptest::prelude::any::<bool>(),
    ) {
        let mut answer = answer;
        if ok {
            answer.extend_from_slice(&[0x90, 0x00]);
        }
        let always = move |_: &[u8]| answer.clone();
        let Ok(mut client) = Client::select(channel(always.clone())) else {
            return Ok(());
        };
        let ambient = Virtual::new(0);
        let key = AdminKey::random(Algorithm::Aes128, &ambient).unwrap();
        let digest = MessageDigest::Sha256([1; 32]);
        let point = bytes(&p256_point());
        let _ = client.get_data(ObjectId::Chuid);
        let _ = client.get_data(ObjectId::Discovery);
        let _ = client.tries(PinReference::Application);
        let _ = client.verify(PinReference::Application, &passcode());
        let _ = client.generate(KeyReference::Signature, Algorithm::P256);
        let _ = client.sign_digest(KeyReference::Signature, Algorithm::P256, &digest);
        let _ = client.agree(KeyReference::KeyManagement, Algorithm::P256, &point);
        let _ = client.challenge(Algorithm::Aes128);
        let _ = client.authenticate_admin(&key, &ambient);
    }
}
