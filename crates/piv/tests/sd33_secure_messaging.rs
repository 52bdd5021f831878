//! Secure messaging recomputed from recorded sessions with four cards of NIST Special Database
//! 33: every intermediate value of key establishment, every command and response byte for byte.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests panic as tests do, only the lint cannot tell"
)]

use std::fs;
use std::path::PathBuf;

use iso7816::ber::{self, Tag};
use iso7816::{Command, Response, StatusWord};
use piv::cvc::{Cvc, CvcError, KeyIdentifier, Role, SignatureAlgorithm, Signer, Subject};
use piv::secure_messaging::{
    CipherSuite, HostEphemeral, Session, SessionKey, SessionKeys, SmError, card_identifier, message,
};
use serde_json::Value;

/// The recordings, their suite, how many protected commands they hold, and the folder of the
/// signer of their CVC, where there is one.
const CARDS: [(&str, CipherSuite, usize, Option<&str>); 4] = [
    ("03", CipherSuite::Cs2, 9, None),
    ("04", CipherSuite::Cs2, 9, Some("card-4-direct")),
    ("05", CipherSuite::Cs7, 11, Some("card-5-direct")),
    ("12", CipherSuite::Cs2, 9, Some("card-4-direct")),
];

/// One recording.
struct Recording {
    card: &'static str,
    suite: CipherSuite,
    commands: usize,
    signer: Option<Signer>,
    root: Value,
}

/// All four, or `None` with a plain word where there is no test data.
fn recordings() -> Option<Vec<Recording>> {
    let data = std::env::var_os("CARDWRIGHT_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = data.join("sd33");
    if !folder.is_dir() {
        println!("skipped: no test data at {}", folder.display());
        return None;
    }
    let file = |card: &str| folder.join(format!("vci_vectors_sd33-{card}.json"));
    let there = CARDS.into_iter().filter(|(card, ..)| file(card).is_file());
    let recordings = there.map(|(card, suite, commands, anchor)| {
        let file = file(card);
        let signer = anchor.map(|anchor| {
            let file = format!("trust-anchors/{anchor}/content-signing-certificate.der");
            Signer::from_certificate_der(&fs::read(folder.join(file)).unwrap()).unwrap()
        });
        Recording {
            card,
            suite,
            commands,
            signer,
            root: serde_json::from_slice(&fs::read(file).unwrap()).unwrap(),
        }
    });
    Some(recordings.collect())
}

impl Recording {
    fn opacity(&self, field: &str) -> Vec<u8> {
        bytes(&self.root["opacity"][field])
    }

    fn host(&self) -> HostEphemeral {
        let scalar = self.opacity("ephemeral_private_key_d");
        let identifier = self.opacity("id_sH").try_into().unwrap();
        HostEphemeral::from_scalar(self.suite, &scalar)
            .unwrap()
            .with_identifier(identifier)
    }

    fn establishment(&self) -> Response {
        Response::new(
            self.opacity("general_authenticate_response"),
            StatusWord::OK,
        )
    }

    fn session(&self) -> Session {
        let established = self.host().establish(&self.establishment(), None);
        established.unwrap().session
    }

    /// The keys as recorded.
    fn keys(&self) -> SessionKeys {
        let key = |name| SessionKey::new(&self.opacity(name)).unwrap();
        SessionKeys {
            confirmation: key("sk_cfrm"),
            command_mac: key("sk_mac"),
            encryption: key("sk_enc"),
            response_mac: key("sk_rmac"),
        }
    }

    fn protected(&self) -> Vec<Exchange> {
        let exchanges = self.root["apdu_exchanges"].as_array().unwrap();
        exchanges
            .iter()
            .filter(|exchange| !exchange["sm_state"].is_null())
            .map(Exchange::read)
            .collect()
    }
}

/// One protected command and its response.
struct Exchange {
    what: String,
    command: Command,
    response: Response,
    plain_command: Command,
    plain_response: Vec<u8>,
    counter: u128,
    /// After the command.
    command_chaining: [u8; 16],
    /// Before the response.
    response_chaining: [u8; 16],
}

impl Exchange {
    fn read(exchange: &Value) -> Self {
        let state = &exchange["sm_state"];
        let status: [u8; 2] = block(&exchange["sw"]);
        Self {
            what: exchange["description"].as_str().unwrap().to_owned(),
            command: Command::parse(&bytes(&exchange["command"])).unwrap(),
            response: Response::new(bytes(&exchange["response"]), StatusWord::from(status)),
            plain_command: Command::parse(&bytes(&exchange["plain_command"])).unwrap(),
            plain_response: match &exchange["plain_response"] {
                Value::Null => Vec::new(),
                data => bytes(data),
            },
            counter: u128::from_be_bytes(block(&state["counter"])),
            command_chaining: block(&state["cmd_mcv"]),
            response_chaining: block(&state["resp_mcv"]),
        }
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn block<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

/// The value of an object in a protected command or response.
fn object(tag: Tag, data: &[u8]) -> Option<Vec<u8>> {
    ber::find(tag, data).unwrap().map(<[u8]>::to_vec)
}

/// The bytes before the object 8E.
fn before_mac(data: &[u8]) -> &[u8] {
    let mac = ber::Reader::new(data)
        .map(|object| object.unwrap())
        .find(|object| object.tag == message::MAC)
        .unwrap();
    &data[..mac.offset]
}

#[test]
fn every_value_of_key_establishment_is_recomputed() {
    for recording in recordings().unwrap_or_default() {
        let card = recording.card;
        let host = recording.host();
        let suite_byte = recording.root["card_info"]["cipher_suite_id"].as_u64();
        assert_eq!(suite_byte, Some(recording.suite.algorithm().byte().into()));
        assert_eq!(
            host.point(),
            [
                &[0x04][..],
                &recording.opacity("ephemeral_public_key_x"),
                &recording.opacity("ephemeral_public_key_y"),
            ]
            .concat(),
            "card {card}"
        );
        assert_eq!(
            host.command().to_short().unwrap()[..],
            recording.opacity("general_authenticate_command"),
            "card {card}"
        );

        let cvc_bytes = recording.opacity("cvc_raw");
        let cvc = Cvc::parse(&cvc_bytes).unwrap().value;
        assert_eq!(
            card_identifier(&cvc_bytes)[..],
            recording.opacity("id_sICC")
        );
        let secret = host.shared_secret(&cvc.public_key.unwrap()).unwrap();
        assert_eq!(secret.bytes(), recording.opacity("shared_secret_Z"));

        let agreement = host.agreement(&recording.opacity("n_ICC"), &cvc_bytes);
        assert_eq!(
            agreement.host_coordinates[..16],
            recording.opacity("t16_q_eH")
        );
        let other_info = agreement.other_info();
        assert_eq!(other_info, recording.opacity("other_info"));

        let rounds = recording.suite.kdf_rounds();
        for round in 1..=rounds {
            let input = [&round.to_be_bytes(), secret.bytes(), &other_info].concat();
            assert_eq!(
                input,
                recording.opacity(&format!("kdf_round_{round}_input"))
            );
            assert_eq!(
                agreement.kdf_round(round, &secret)[..],
                recording.opacity(&format!("kdf_round_{round}_hash")),
                "card {card}, round {round}"
            );
        }
        let one_more = format!("kdf_round_{}_hash", rounds + 1);
        assert!(recording.root["opacity"][one_more].is_null());

        let keys = agreement.derive(&secret);
        for (name, key) in [
            ("sk_cfrm", &keys.confirmation),
            ("sk_mac", &keys.command_mac),
            ("sk_enc", &keys.encryption),
            ("sk_rmac", &keys.response_mac),
        ] {
            assert_eq!(
                key.bytes(),
                recording.opacity(name),
                "card {card}, key {name}"
            );
        }
        let material = [
            keys.confirmation.bytes(),
            keys.command_mac.bytes(),
            keys.encryption.bytes(),
            keys.response_mac.bytes(),
        ]
        .concat();
        assert_eq!(material, recording.opacity("derived_key_material"));

        let cryptogram = agreement.cryptogram(&keys.confirmation);
        assert_eq!(
            keys.confirmation
                .cmac(&[&recording.opacity("auth_cryptogram_input")]),
            cryptogram
        );
        assert_eq!(cryptogram[..], recording.opacity("auth_cryptogram"));
    }
}

#[test]
fn sessions_are_established_with_the_signer_where_there_is_one() {
    for recording in recordings().unwrap_or_default() {
        let response = recording.establishment();
        let established = recording
            .host()
            .establish(&response, recording.signer.as_ref())
            .unwrap();
        assert_eq!(established.cvc.raw, recording.opacity("cvc_raw"));
        assert_eq!(established.verified, recording.signer.is_some());
        assert_eq!(
            established.findings.len(),
            usize::from(!established.verified)
        );
        let state = established.session.state().unwrap();
        let initial = &recording.root["sm_session"]["initial_state"];
        assert_eq!(
            state.counter,
            u128::from_be_bytes(block(&initial["counter"]))
        );
        assert_eq!(state.command_chaining, block::<16>(&initial["cmd_mcv"]));
        assert_eq!(state.response_chaining, block::<16>(&initial["resp_mcv"]));
    }
}

#[test]
fn every_command_is_protected_and_every_response_opened_as_recorded() {
    let (mut total, mut expected) = (0, 0);
    for recording in recordings().unwrap_or_default() {
        expected += recording.commands;
        let mut session = recording.session();
        let exchanges = recording.protected();
        assert_eq!(
            exchanges.len(),
            recording.commands,
            "card {}",
            recording.card
        );
        for exchange in exchanges {
            let what = format!("card {}, {}", recording.card, exchange.what);
            assert_eq!(session.state().unwrap().counter, exchange.counter, "{what}");

            let protected = session.protect(&exchange.plain_command);
            assert_eq!(
                hex::encode_upper(protected.unwrap().to_short().unwrap()),
                hex::encode_upper(exchange.command.to_short().unwrap()),
                "{what}"
            );
            let state = session.state().unwrap();
            assert_eq!(state.command_chaining, exchange.command_chaining, "{what}");
            assert_eq!(
                state.response_chaining, exchange.response_chaining,
                "{what}"
            );

            let plain = session.unprotect(&exchange.response).unwrap();
            assert_eq!(plain.status, StatusWord::OK, "{what}");
            assert_eq!(plain.data[..], exchange.plain_response, "{what}");
            total += 1;
        }
    }
    println!("{total} protected commands reproduced");
    assert_eq!(total, expected);
}

/// The same once more without [`Session`]: each function on its own, from the recorded keys and
/// chaining values.
#[test]
fn every_mac_vector_and_plaintext_follows_from_the_recorded_state() {
    for recording in recordings().unwrap_or_default() {
        let SessionKeys {
            command_mac,
            encryption,
            response_mac,
            ..
        } = recording.keys();
        let mut chaining = [0; 16];
        for (number, exchange) in recording.protected().into_iter().enumerate() {
            let what = format!("card {}, {}", recording.card, exchange.what);
            assert_eq!(exchange.counter, number as u128 + 1, "{what}");
            let command = &exchange.command;

            let mut block = [0; 16];
            block[15] = exchange.counter as u8;
            let iv = message::command_iv(&encryption, exchange.counter);
            assert_eq!(iv, encryption.encrypt_block(&block), "{what}");
            block[0] = 0x80;
            let response_iv = message::response_iv(&encryption, exchange.counter);
            assert_eq!(response_iv, encryption.encrypt_block(&block), "{what}");

            let covered = before_mac(&command.data);
            let header = [command.instruction.0, command.p1, command.p2];
            let mac = message::command_mac(&command_mac, &chaining, header, covered);
            assert_eq!(mac, exchange.command_chaining, "{what}");
            let sent = object(message::MAC, &command.data).unwrap();
            assert_eq!(sent, mac[..8], "{what}");
            chaining = mac;

            let cryptogram = object(message::CRYPTOGRAM, &command.data).unwrap();
            let plain = message::decrypt(&encryption, &iv, &cryptogram).unwrap();
            assert_eq!(plain, exchange.plain_command.data, "{what}");
            assert_eq!(
                message::encrypt(&encryption, &iv, &plain),
                ber::object(message::CRYPTOGRAM, &cryptogram),
                "{what}"
            );
            let le = object(message::LE, &command.data);
            assert_eq!(le.is_some(), exchange.plain_command.expected.is_some());

            let data = &exchange.response.data;
            let mac =
                message::response_mac(&response_mac, &exchange.response_chaining, before_mac(data));
            assert_eq!(object(message::MAC, data).unwrap(), mac[..8], "{what}");
            let plain = object(message::CRYPTOGRAM, data).map_or_else(Vec::new, |cryptogram| {
                let plain = message::decrypt(&encryption, &response_iv, &cryptogram);
                plain.unwrap().to_vec()
            });
            assert_eq!(plain, exchange.plain_response, "{what}");
        }
    }
}

#[test]
fn a_changed_recording_is_refused_and_ends_the_session() {
    for recording in recordings().unwrap_or_default() {
        let exchange = recording.protected().remove(1);
        let first = recording.protected().remove(0);
        let length = exchange.response.data.len();
        // The whole of a certificate would be thousands of decryptions: the ends and a sample.
        let places = (0..40)
            .chain((40..length - 40).step_by(61))
            .chain(length - 40..length);
        for place in places {
            for bit in 0..8 {
                let mut session = Session::new(recording.suite, recording.keys());
                session.protect(&first.plain_command).unwrap();
                session.unprotect(&first.response).unwrap();
                session.protect(&exchange.plain_command).unwrap();
                let mut changed = exchange.response.clone();
                changed.data[place] ^= 1 << bit;
                let refused = session.unprotect(&changed);
                assert!(refused.is_err(), "card {}, byte {place}", recording.card);
                assert_eq!(session.protect(&first.plain_command), Err(SmError::Ended));
            }
        }
    }
}

#[test]
fn cvcs_are_read_and_their_signatures_verify_with_the_anchors() {
    for recording in recordings().unwrap_or_default() {
        let card = recording.card;
        let bytes = recording.opacity("cvc_raw");
        let parsed = Cvc::parse(&bytes).unwrap();
        assert_eq!(parsed.findings, [], "card {card}");
        let cvc = parsed.value;
        let fields = &recording.root["opacity"]["cvc"];
        let issuer = KeyIdentifier(block(&fields["iin"]));
        assert_eq!(cvc.profile, Some(0x80));
        assert_eq!(cvc.issuer, Some(issuer));
        assert_eq!(
            cvc.subject,
            Some(Subject::Card(uuid::Uuid::from_bytes(block(
                &fields["guid"]
            ))))
        );
        assert_eq!(cvc.role, Some(Role::Card));
        let key = cvc.public_key.as_ref().unwrap();
        assert_eq!(
            key.point().unwrap(),
            self::bytes(&fields["public_key_raw_hex"])
        );
        assert_eq!(key.algorithm(), Some(recording.suite.curve()));
        assert_eq!(
            cvc.signature.as_ref().unwrap().algorithm,
            Some(match recording.suite {
                CipherSuite::Cs2 => SignatureAlgorithm::EcdsaSha256,
                CipherSuite::Cs7 => SignatureAlgorithm::EcdsaSha384,
            })
        );
        match &recording.signer {
            Some(signer) => {
                assert_eq!(signer.identifier, issuer, "card {card}");
                assert_eq!(cvc.verify(signer), Ok(()), "card {card}");
                let mut changed = cvc.clone();
                changed.covered[20] ^= 1;
                assert_eq!(changed.verify(signer), Err(CvcError::Signature));
            }
            None => println!(
                "not verified: the CVC of card {card} was signed by intermediate key {issuer}, \
                 whose certificate is not among the test data"
            ),
        }
    }
}

#[test]
fn a_cvc_of_an_intermediate_signer_is_not_taken_for_an_anchors() {
    let Some(recordings) = recordings() else {
        return;
    };
    let of = |card| recordings.iter().find(|recording| recording.card == card);
    let (Some(intermediate), Some(anchored)) = (of("03"), of("04")) else {
        println!("skipped: no cards SD33 03 and 04");
        return;
    };
    let anchor = anchored.signer.as_ref().unwrap();
    let cvc = Cvc::parse(&intermediate.opacity("cvc_raw")).unwrap().value;
    assert_eq!(
        cvc.verify(anchor),
        Err(CvcError::OtherSigner {
            expected: anchor.identifier,
            actual: KeyIdentifier(*b"\x3D\xA6\x48\xB0\x1A\x85\xBB\xDD"),
        })
    );
}
