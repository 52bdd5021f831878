//! The card's secure messaging and the host's (`piv::secure_messaging`), made apart from each
//! other, over a channel; and the card beside recordings of real cards, byte for byte.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may stop it as the test itself may"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firmware_sim::card::{Interface, KeyHook, Model, PivChip, Reference, Suite};
use firmware_sim::contacts::{Chip, Contacts};
use iso7816::ber::{self, Tag};
use iso7816::{Channel, Command, Expected, Instruction, Limits, Reader, Response, StatusWord};
use p256::ecdsa::{DerSignature, VerifyingKey};
use piv::Client;
use piv::cvc::{Cvc, Signer, Subject};
use piv::secrets::AdminKey;
use piv::secure_messaging::{CipherSuite, Established, HostEphemeral, Session};
use piv::words::{Algorithm, KeyReference, ObjectId};
use proptest::prelude::*;
use serde_json::Value;
use signature::hazmat::PrehashVerifier;
use x509_cert::Certificate;
use x509_cert::der::Decode;

const PIN: &[u8; 8] = b"123456\xFF\xFF";
const SELECT: [u8; 14] = [0, 0xA4, 4, 0, 9, 0xA0, 0, 0, 3, 8, 0, 0, 0x10, 0];

/// What a card takes and gives, in words the channel knows.
const EXTENDED: Limits = Limits {
    command_data: 1007,
    response_data: 32_767,
};

fn model(suite: Suite) -> Model {
    let mut model = Model::series10();
    model.secure_messaging.as_mut().unwrap().suite = suite;
    model
}

fn suite_of(suite: Suite) -> CipherSuite {
    match suite {
        Suite::Cs2 => CipherSuite::Cs2,
        Suite::Cs7 => CipherSuite::Cs7,
    }
}

/// A channel to a chip, PIV selected.
fn channel(chip: PivChip, limits: Limits) -> Channel {
    let mut contacts = Contacts::new("sim:secure");
    contacts.close_on(Box::new(chip));
    let link = contacts.connect(Duration::from_secs(1)).unwrap();
    let mut channel = Channel::with_limits(link, limits);
    let select = Command::parse(&SELECT).unwrap();
    assert_eq!(channel.transmit(&select).unwrap().status, StatusWord::OK);
    channel
}

fn get_data(tag: Tag) -> Command {
    Command::new(0x00, Instruction::GET_DATA, 0x3F, 0xFF)
        .with_data(ber::object(Tag(0x5C), &tag.to_bytes()))
        .with_expected(Expected::SHORT_MAX)
}

fn verify(reference: u8, value: &[u8]) -> Command {
    Command::new(0x00, Instruction::VERIFY, 0x00, reference).with_data(value)
}

fn sign(key: u8, digest: &[u8; 32]) -> Command {
    let objects = [&[0x82, 0x00, 0x81, 0x20][..], digest].concat();
    Command::new(0x00, Instruction::GENERAL_AUTHENTICATE, 0x11, key)
        .with_data(ber::object(Tag(0x7C), &objects))
        .with_expected(Expected::SHORT_MAX)
}

/// Reads in the clear.
fn read(channel: &mut Channel, object: ObjectId) -> Vec<u8> {
    let response = channel.transmit(&get_data(object.tag())).unwrap();
    assert_eq!(response.status, StatusWord::OK, "{object}");
    response.data.to_vec()
}

fn element(object: &[u8], tag: u32) -> Vec<u8> {
    ber::Reader::single_byte_tags(ber::expect(Tag(0x53), object).unwrap())
        .map(Result::unwrap)
        .find(|element| element.tag == Tag(tag))
        .unwrap()
        .value
        .to_vec()
}

/// Establishes a session after reading who signed the card's certificate.
fn establish(channel: &mut Channel, suite: CipherSuite) -> Established {
    let signer = element(&read(channel, ObjectId::SecureMessagingSigner), 0x70);
    let signer = Signer::from_certificate_der(&signer).unwrap();
    let host = HostEphemeral::generate(suite, &ground::System::shared());
    let response = channel.transmit(&host.command()).unwrap();
    host.establish(&response, Some(&signer)).unwrap()
}

/// Sends under secure messaging.
fn send(channel: &mut Channel, session: &mut Session, command: &Command) -> Response {
    let protected = session.protect(command).unwrap();
    session
        .unprotect(&channel.transmit(&protected).unwrap())
        .unwrap()
}

/// Puts an object of this size, as the administrator.
fn put_fingerprints(chip: PivChip, size: usize) -> (Channel, Vec<u8>) {
    let mut client = administrator(channel(chip, Limits::SHORT));
    let value: Vec<u8> = (0..size).map(|place| (place % 251) as u8).collect();
    let object = ObjectId::Fingerprints;
    client.put_data(object, &value).unwrap();
    (client.into_channel(), ber::object(Tag(0x53), &value))
}

/// Authenticated with the published key of the model.
fn administrator(channel: Channel) -> Client {
    let mut client = Client::select(channel).unwrap();
    let key: Vec<u8> = (1..=8).cycle().take(24).collect();
    let key = AdminKey::as_delivered(Algorithm::Aes192, &key).unwrap();
    client
        .authenticate_admin(&key, &*ground::System::shared())
        .unwrap();
    client
}

#[test]
fn host_and_card_agree_on_everything_in_both_suites() {
    for suite in [Suite::Cs2, Suite::Cs7] {
        let (mut channel, fingerprints) =
            put_fingerprints(PivChip::personalised(&model(suite), 5), 12_288);
        let Established {
            mut session,
            cvc,
            verified,
            findings,
        } = establish(&mut channel, suite_of(suite));
        assert!(verified);
        assert_eq!((cvc.findings, findings), (vec![], vec![]));
        // The certificate is this card's: its subject is the UUID of the CHUID.
        let uuid = element(&read(&mut channel, ObjectId::Chuid), 0x34);
        assert!(
            matches!(cvc.value.subject, Some(Subject::Card(subject)) if subject.as_bytes()[..] == uuid)
        );

        for limits in [Limits::SHORT, EXTENDED] {
            channel.set_limits(limits);
            let session = &mut session;
            let tag = ObjectId::Fingerprints.tag();
            let refused = send(&mut channel, session, &get_data(tag));
            assert_eq!(refused.status, StatusWord::SECURITY_STATUS_NOT_SATISFIED);
            let verified = send(&mut channel, session, &verify(0x80, PIN));
            assert_eq!(verified, Response::status(StatusWord::OK));
            let whole = send(&mut channel, session, &get_data(tag));
            assert_eq!(whole, Response::new(fingerprints.clone(), StatusWord::OK));

            let digest = [0x5A; 32];
            let answer = send(&mut channel, session, &sign(0x9A, &digest));
            let answer = ber::expect(Tag(0x7C), &answer.data).unwrap();
            let signature = ber::expect(Tag(0x82), answer).unwrap();
            let certificate = element(
                &read(&mut channel, ObjectId::AuthenticationCertificate),
                0x70,
            );
            let certificate = Certificate::from_der(&certificate).unwrap();
            let key = certificate.tbs_certificate().subject_public_key_info();
            VerifyingKey::from_sec1_bytes(key.subject_public_key.raw_bytes())
                .unwrap()
                .verify_prehash(&digest, &DerSignature::try_from(signature).unwrap())
                .unwrap();
            let off = Command::new(0x00, Instruction::VERIFY, 0xFF, 0x80);
            assert_eq!(send(&mut channel, session, &off).status, StatusWord::OK);
        }
    }
}

/// SP 800-73-5 Part 2, A.6.
#[test]
fn a_contactless_host_comes_through_the_pairing_code_to_the_pin_and_a_signature() {
    let mut contact = channel(PivChip::personalised(&Model::series10(), 5), Limits::SHORT);
    let verified = contact.transmit(&verify(0x80, PIN)).unwrap();
    assert_eq!(verified.status, StatusWord::OK);
    let code = element(&read(&mut contact, ObjectId::PairingCode), 0x99);

    let mut chip = PivChip::personalised(&Model::series10(), 5);
    chip.set_interface(Interface::Contactless).unwrap();
    let mut channel = channel(chip, Limits::SHORT);
    let policy = read(&mut channel, ObjectId::Discovery);
    assert!(policy.ends_with(&[0x5F, 0x2F, 0x02, 0x48, 0x00]));
    let mut session = establish(&mut channel, CipherSuite::Cs2).session;
    for command in [
        verify(0x98, &code),
        verify(0x80, PIN),
        sign(0x9C, &[0x11; 32]),
        get_data(ObjectId::PrintedInformation.tag()),
    ] {
        let response = send(&mut channel, &mut session, &command);
        assert_eq!(response.status, StatusWord::OK);
    }
    let clear = channel.transmit(&sign(0x9A, &[0x11; 32])).unwrap();
    assert_eq!(clear.status, StatusWord::SECURITY_STATUS_NOT_SATISFIED);
}

/// The keys of a recorded card, as far as the recording knows their results.
struct Recorded {
    point: Vec<u8>,
    secret: Vec<u8>,
    nonce: Vec<u8>,
    signatures: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What was asked for, so that the test knows that it was.
    used: Arc<Mutex<Vec<&'static str>>>,
}

impl Recorded {
    fn use_(&self, what: &'static str) {
        self.used.lock().unwrap().push(what);
    }
}

impl KeyHook for Recorded {
    fn nonce(&mut self, size: usize) -> Option<Vec<u8>> {
        assert_eq!(size, self.nonce.len());
        self.use_("nonce");
        Some(self.nonce.clone())
    }

    fn agree(&mut self, key: KeyReference, point: &[u8]) -> Option<Vec<u8>> {
        assert_eq!(
            (key, point),
            (KeyReference::SecureMessaging, &self.point[..])
        );
        self.use_("secret");
        Some(self.secret.clone())
    }

    fn sign(&mut self, _key: KeyReference, digest: &[u8]) -> Option<Vec<u8>> {
        self.use_("signature");
        Some(self.signatures[digest].clone())
    }
}

/// One recorded session.
struct Recording {
    card: &'static str,
    suite: Suite,
    root: Value,
}

impl Recording {
    fn opacity(&self, field: &str) -> Vec<u8> {
        bytes(&self.root["opacity"][field])
    }

    fn exchanges(&self) -> impl Iterator<Item = &Value> {
        self.root["apdu_exchanges"].as_array().unwrap().iter()
    }

    /// Plain commands with the plain data that answered them.
    fn plain(&self) -> impl Iterator<Item = (Command, Vec<u8>)> {
        self.exchanges().map(|exchange| {
            let (command, response) = if exchange["sm_state"].is_null() {
                (&exchange["command"], &exchange["response"])
            } else {
                (&exchange["plain_command"], &exchange["plain_response"])
            };
            let response = match response {
                Value::Null => Vec::new(),
                response => bytes(response),
            };
            (Command::parse(&bytes(command)).unwrap(), response)
        })
    }

    /// Results of private keys nobody has. The card's own key 04 is one of them, but what came of
    /// it follows from the host's ephemeral key, which was recorded.
    fn keys(&self, used: Arc<Mutex<Vec<&'static str>>>) -> Recorded {
        let cvc = Cvc::parse(&self.opacity("cvc_raw")).unwrap().value;
        let scalar = self.opacity("ephemeral_private_key_d");
        let host = HostEphemeral::from_scalar(suite_of(self.suite), &scalar).unwrap();
        let signatures = self
            .plain()
            .filter(|(command, _)| {
                command.instruction == Instruction::GENERAL_AUTHENTICATE && command.p2 != 0x04
            })
            .map(|(command, response)| {
                let inside = |data: &[u8], tag| {
                    let template = ber::expect(Tag(0x7C), data).unwrap();
                    ber::find(Tag(tag), template).unwrap().unwrap().to_vec()
                };
                (inside(&command.data, 0x81), inside(&response, 0x82))
            })
            .collect();
        Recorded {
            point: host.point().to_vec(),
            secret: host
                .shared_secret(&cvc.public_key.unwrap())
                .unwrap()
                .bytes()
                .to_vec(),
            nonce: self.opacity("n_ICC"),
            signatures,
            used,
        }
    }

    /// A simulated card with the recorded one's PINs, objects and certificate of key 04.
    fn card(&self, used: Arc<Mutex<Vec<&'static str>>>) -> Contacts {
        let mut model = model(self.suite);
        model.global_pin = Some(Reference::new("111111", 10));
        let mut chip = PivChip::blank(&model, 1);
        chip.set_key_hook(Some(Box::new(self.keys(used))));
        let mut contacts = Contacts::new("sim:recorded");
        contacts.close_on(Box::new(chip));
        let link = contacts.connect(Duration::from_secs(1)).unwrap();
        let mut client = administrator(Channel::new(link));
        let mut send = |instruction, p1, p2, data: Vec<u8>| {
            let command = Command::new(0x00, instruction, p1, p2).with_data(data);
            let response = client.channel_mut().transmit(&command).unwrap();
            assert_eq!(response.status, StatusWord::OK);
        };
        for (reference, mechanism) in [
            (0x04, self.suite.algorithm().byte()),
            (0x9A, 0x11),
            (0x9E, 0x11),
        ] {
            let data = vec![0xAC, 0x03, 0x80, 0x01, mechanism];
            send(
                Instruction::GENERATE_ASYMMETRIC_KEY_PAIR,
                0x00,
                reference,
                data,
            );
        }
        send(Instruction::PUT_DATA, 0x3F, 0xFF, self.opacity("cvc_raw"));
        for (command, response) in self.plain() {
            if command.instruction == Instruction::GET_DATA {
                let object = if response[0] == 0x53 {
                    [&command.data[..], &response].concat()
                } else {
                    response
                };
                send(Instruction::PUT_DATA, 0x3F, 0xFF, object);
            }
        }
        drop(client);
        contacts
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

/// All four, or none with a plain word where there is no test data.
fn recordings() -> Vec<Recording> {
    let data = std::env::var_os("CARDWRIGHT_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let folder = data.join("sd33");
    if !folder.is_dir() {
        println!("skipped: no test data at {}", folder.display());
        return Vec::new();
    }
    [
        ("03", Suite::Cs2),
        ("04", Suite::Cs2),
        ("05", Suite::Cs7),
        ("12", Suite::Cs2),
    ]
    .into_iter()
    .map(|(card, suite)| {
        let file = folder.join(format!("vci_vectors_sd33-{card}.json"));
        (card, suite, file)
    })
    .filter(|(_, _, file)| file.is_file())
    .map(|(card, suite, file)| {
        let root = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        Recording { card, suite, root }
    })
    .collect()
}

#[test]
fn the_card_answers_recorded_sessions_with_four_real_cards_byte_for_byte() {
    let recordings = recordings();
    let mut protected = 0;
    for recording in &recordings {
        let used = Arc::new(Mutex::new(Vec::new()));
        let mut contacts = recording.card(Arc::clone(&used));
        let link = contacts.connect(Duration::from_secs(1)).unwrap();
        let mut channel = Channel::new(link);
        for exchange in recording.exchanges() {
            let what = format!("card {}, {}", recording.card, exchange["description"]);
            let command = Command::parse(&bytes(&exchange["command"])).unwrap();
            let response = channel.transmit(&command).unwrap();
            let status: [u8; 2] = bytes(&exchange["sw"]).try_into().unwrap();
            assert_eq!(response.status, StatusWord::from(status), "{what}");
            assert_eq!(
                hex::encode_upper(&response.data),
                exchange["response"].as_str().unwrap(),
                "{what}"
            );
            protected += u32::from(!exchange["sm_state"].is_null());
        }
        let signatures = if recording.card == "05" { 2 } else { 0 };
        let mut expected = vec!["secret", "nonce"];
        expected.resize(2 + signatures, "signature");
        assert_eq!(*used.lock().unwrap(), expected, "card {}", recording.card);
    }
    println!("{protected} protected responses reproduced");
    // A folder with all four has 38.
    assert!(recordings.len() < 4 || protected == 38);
}

/// A contactless chip in the middle of a session, with the host's side of it.
fn in_session(suite: Suite, interface: Interface) -> (PivChip, Session) {
    let mut chip = PivChip::personalised(&model(suite), 5);
    if interface == Interface::Contactless {
        chip.set_interface(interface).unwrap();
    }
    chip.power_on();
    whole(&mut chip, &SELECT);
    let suite = suite_of(suite);
    let host = HostEphemeral::from_scalar(suite, &vec![7; suite.coordinate_size()]).unwrap();
    let response = whole(&mut chip, &host.command().to_short().unwrap());
    let session = host.establish(&response, None).unwrap().session;
    (chip, session)
}

/// Sends bytes and fetches all of the answer.
fn whole(chip: &mut PivChip, command: &[u8]) -> Response {
    let mut response = Response::parse(&chip.transmit(command)).unwrap();
    while response.status.waiting().is_some() {
        let more = Response::parse(&chip.transmit(&[0, 0xC0, 0, 0, 0])).unwrap();
        response = Response::new([&response.data[..], &more.data].concat(), more.status);
    }
    response
}

fn suites() -> impl Strategy<Value = Suite> {
    prop_oneof![Just(Suite::Cs2), Just(Suite::Cs7)]
}

fn interfaces() -> impl Strategy<Value = Interface> {
    prop_oneof![Just(Interface::Contact), Just(Interface::Contactless)]
}

fn commands() -> impl Strategy<Value = Command> {
    prop_oneof![
        Just(get_data(ObjectId::Chuid.tag())),
        Just(verify(0x80, PIN)),
        Just(verify(0x80, b"")),
        Just(sign(0x9E, &[0x5A; 32])),
        Just(verify(0x98, b"12345678")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// SP 800-73-5 Part 2, 4.2.1 and 4.3. The bit is in P1, P2 or the data field: in the others
    /// it makes another command or no command of it.
    #[test]
    fn a_flipped_bit_in_a_protected_command_gives_6988_and_ends_the_session(
        suite in suites(),
        before in proptest::collection::vec(commands(), 0..3),
        command in commands(),
        place: prop::sample::Index,
        bit in 0..8,
    ) {
        let (mut chip, mut session) = in_session(suite, Interface::Contact);
        for command in before {
            let protected = session.protect(&command).unwrap();
            let response = whole(&mut chip, &protected.to_short().unwrap());
            prop_assert!(session.unprotect(&response).is_ok());
        }
        let protected = session.protect(&command).unwrap();
        let mut bytes = protected.to_short().unwrap();
        // P1, P2; then past Lc to before Le.
        let places: Vec<usize> = [2, 3].into_iter().chain(5..bytes.len() - 1).collect();
        bytes[*place.get(&places)] ^= 1_u8 << bit;
        let refused = whole(&mut chip, &bytes);
        prop_assert_eq!(refused, Response::status(StatusWord::SM_OBJECTS_INCORRECT));
        let next = whole(&mut chip, &protected.to_short().unwrap());
        prop_assert_eq!(next, Response::status(StatusWord::SECURITY_STATUS_NOT_SATISFIED));
    }

    /// Any bytes, as a host in possession of the keys may well send: rightly protected, whatever
    /// they are, and in the data field as they are.
    #[test]
    fn any_bytes_under_secure_messaging_are_answered(
        suite in suites(),
        interface in interfaces(),
        commands in proptest::collection::vec(
            (
                prop::sample::select(vec![0xCB, 0x20, 0x24, 0x87]),
                prop::sample::select(vec![0x00, 0x3F, 0xFF, 0x11, 0x27, 0x2E]),
                prop::sample::select(vec![0x00, 0xFF, 0x04, 0x80, 0x81, 0x98, 0x9A, 0x9B, 0x9E]),
                proptest::collection::vec(any::<u8>(), 0..200),
            ),
            1..8,
        ),
        wrong in proptest::collection::vec(any::<u8>(), 0..255),
    ) {
        let (mut chip, mut session) = in_session(suite, interface);
        for (instruction, p1, p2, data) in commands {
            let command = Command::new(0x00, Instruction(instruction), p1, p2).with_data(data);
            let protected = session.protect(&command).unwrap();
            let response = whole(&mut chip, &protected.to_short().unwrap());
            prop_assert!(session.unprotect(&response).is_ok(), "{:?}", response);
        }
        let raw = Command::new(0x0C, Instruction::GET_DATA, 0x3F, 0xFF).with_data(wrong);
        let refused = whole(&mut chip, &raw.to_short().unwrap());
        prop_assert!(matches!(
            refused.status,
            StatusWord::SM_OBJECTS_INCORRECT | StatusWord::SM_OBJECTS_MISSING
        ));
        prop_assert!(refused.data.is_empty());
    }

    /// And any bytes at all, in class and instruction as well, in a session or out of it.
    #[test]
    fn any_protected_looking_commands_are_answered(
        interface in interfaces(),
        commands in proptest::collection::vec(
            (
                prop::sample::select(vec![0x0C, 0x1C]),
                any::<u8>(),
                any::<[u8; 2]>(),
                proptest::collection::vec(any::<u8>(), 0..300),
            ),
            1..8,
        ),
    ) {
        let (mut chip, _) = in_session(Suite::Cs2, interface);
        for (class, instruction, [p1, p2], rest) in commands {
            let command = [&[class, instruction, p1, p2][..], &rest].concat();
            prop_assert!(chip.transmit(&command).len() >= 2);
        }
    }
}
