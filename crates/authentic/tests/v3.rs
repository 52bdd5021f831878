//! The host's AuthentIC v3 against the simulated card.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may stop it as the test itself may"
)]

use std::sync::Arc;
use std::time::Duration;

use authentic::secrets::{NewPasscode, OfficerPasscode, Passcode};
use authentic::v3::Client;
use authentic::{
    AuthenticError, Digest, Initialisation, KeyId, KeySpec, KeyUsage, LastTry, Problem, Role, Token,
};
use firmware_sim::card::authentic::{AuthenticChip, AuthenticModel};
use firmware_sim::contacts::Contacts;
use globalplatform::scp01::{CardKeys, TestStation, open_channel};
use iso7816::{Channel, Reader};
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::hazmat::PrehashVerifier;
use rsa::{Pkcs1v15Encrypt, RsaPrivateKey, RsaPublicKey};
use sha1::Sha1;
use sha2::Sha256;

const USER: &str = "12345678";
const OFFICER: &[u8] = b"87654321";

fn connect(chip: AuthenticChip) -> Client {
    let mut contacts = Contacts::new("sim:series8-v3");
    contacts.close_on(Box::new(chip));
    Client::select(Channel::new(contacts.connect(Duration::ZERO).unwrap())).unwrap()
}

fn blank() -> Client {
    connect(AuthenticChip::blank(&AuthenticModel::series8_v3(), 1))
}

fn personalised() -> Client {
    connect(AuthenticChip::personalised(
        &AuthenticModel::series8_v3(),
        1,
    ))
}

fn officer() -> OfficerPasscode {
    OfficerPasscode::new(OFFICER).unwrap()
}

fn spec(id: u8, bits: u16, usage: KeyUsage) -> KeySpec {
    KeySpec {
        id: KeyId(id),
        bits,
        usage,
        label: format!("key {id}"),
    }
}

/// A card with structure and passcode, holder logged in.
fn initialised() -> Client {
    let mut client = blank();
    assert!(!client.is_initialised().unwrap());
    client.verify_officer(&officer(), LastTry::Refuse).unwrap();
    client
        .initialise(&Initialisation {
            label: "555253521108".to_owned(),
            serial: Some(vec![1, 2, 3, 4]),
            officer: None,
            officer_tries: 0,
        })
        .unwrap();
    assert!(client.is_initialised().unwrap());
    client
        .set_passcode(&NewPasscode::new(USER).unwrap(), 3)
        .unwrap();
    client.log_out().unwrap();
    client
        .verify(&Passcode::new(USER).unwrap(), LastTry::Refuse)
        .unwrap();
    client
}

fn verifies(key: &RsaPublicKey, client: &mut Client, id: KeyId) {
    let digest = [0x5A; 32];
    let signature = client.sign(id, Digest::Sha256(digest)).unwrap();
    VerifyingKey::<Sha256>::new(key.clone())
        .verify_prehash(&digest, &Signature::try_from(&signature[..]).unwrap())
        .unwrap();
    let digest = [0xA5; 20];
    let signature = client.sign(id, Digest::Sha1(digest)).unwrap();
    VerifyingKey::<Sha1>::new(key.clone())
        .verify_prehash(&digest, &Signature::try_from(&signature[..]).unwrap())
        .unwrap();
}

#[test]
fn a_blank_card_gets_a_structure_keys_and_gives_them_back() {
    let mut client = initialised();
    let key = client
        .generate(&spec(1, 2048, KeyUsage::Authentication))
        .unwrap();
    verifies(&key, &mut client, KeyId(1));
    let signing = client.generate(&spec(2, 1024, KeyUsage::Signing)).unwrap();
    verifies(&signing, &mut client, KeyId(2));

    let mut rng = ground::AmbientRng::new(Arc::new(ground::Virtual::new(7)));
    let secret = b"sixteen bytes of";
    let cryptogram = key.encrypt(&mut rng, Pkcs1v15Encrypt, secret).unwrap();
    assert_eq!(
        client.decipher(KeyId(1), &cryptogram).unwrap()[..],
        secret[..]
    );
    // A signing key deciphers nothing.
    let cryptogram = signing.encrypt(&mut rng, Pkcs1v15Encrypt, secret).unwrap();
    client.decipher(KeyId(2), &cryptogram).unwrap_err();

    assert!(matches!(
        client.generate(&spec(2, 1024, KeyUsage::Signing)),
        Err(AuthenticError::KeyExists { .. })
    ));
    let contents = client.contents().unwrap();
    assert_eq!(contents.findings, []);
    assert_eq!(contents.token.label.as_deref(), Some("555253521108"));
    assert_eq!(contents.token.serial, Some(vec![1, 2, 3, 4]));
    assert_eq!(contents.keys.len(), 2);
    assert_eq!(contents.keys[0].public.as_ref(), Some(&key));
    assert_eq!(contents.keys[1].public.as_ref(), Some(&signing));
    assert!(contents.keys[1].uses.non_repudiation && !contents.keys[1].uses.decrypt);
    assert_eq!(contents.keys[0].made_on_card, Some(true));

    client.delete_key(KeyId(1)).unwrap();
    client.delete_key(KeyId(1)).unwrap();
    let contents = client.contents().unwrap();
    assert_eq!(contents.keys.len(), 1);
    assert!(matches!(
        client.sign(KeyId(1), Digest::Sha1([0; 20])),
        Err(AuthenticError::KeyAbsent { .. })
    ));
    verifies(&signing, &mut client, KeyId(2));
    client.clear().unwrap();
    let contents = client.contents().unwrap();
    assert_eq!((contents.keys.len(), &contents.findings[..]), (0, &[][..]));
    client.generate(&spec(1, 1024, KeyUsage::Signing)).unwrap();
}

#[test]
fn a_key_made_elsewhere_is_imported() {
    let mut client = initialised();
    let mut rng = ground::AmbientRng::new(Arc::new(ground::Virtual::new(3)));
    let key = RsaPrivateKey::new(&mut rng, 2048).unwrap();
    client
        .import_key(&spec(3, 2048, KeyUsage::Authentication), &key)
        .unwrap();
    verifies(&key.to_public_key(), &mut client, KeyId(3));
    let contents = client.contents().unwrap();
    assert_eq!(contents.keys[0].made_on_card, Some(false));
    assert_eq!(contents.keys[0].id, KeyId(3));
}

#[test]
fn a_personalised_card_is_read_and_its_certificates_are_those_of_its_keys() {
    let mut client = personalised();
    let contents = client.contents().unwrap();
    assert_eq!(contents.keys.len(), 2, "{:#?}", contents.findings);
    assert_eq!(contents.certificates.len(), 2);
    let errors: Vec<_> = contents.findings.iter().map(ToString::to_string).collect();
    assert_eq!(errors, Vec::<String>::new());
    client
        .verify(&Passcode::new(USER).unwrap(), LastTry::Refuse)
        .unwrap();
    for found in &contents.certificates {
        let key = contents.keys.iter().find(|key| key.id == found.id).unwrap();
        verifies(key.public.as_ref().unwrap(), &mut client, key.id);
        assert_eq!(
            client.certificate(found.id).unwrap().as_ref(),
            Some(&found.der)
        );
        assert_eq!(client.signs_without_passcode(key.id).unwrap(), None);
        client
            .verify(&Passcode::new(USER).unwrap(), LastTry::Refuse)
            .unwrap();
    }
}

#[test]
fn certificates_are_replaced_deleted_and_written_again() {
    let mut client = personalised();
    client
        .verify(&Passcode::new(USER).unwrap(), LastTry::Refuse)
        .unwrap();
    let contents = client.contents().unwrap();
    let first = &contents.certificates[0];
    let other = &contents.certificates[1];
    assert!(matches!(
        client.write_certificate(first.id, &other.der, "wrong"),
        Err(AuthenticError::NoCertificate { .. })
    ));
    assert!(matches!(
        client.write_certificate(first.id, b"no certificate", "wrong"),
        Err(AuthenticError::NoCertificate { .. })
    ));
    let stamp = authentic::FilePath::below_master(&[0x5015, 0x9999]);
    let before = client.read(&stamp).unwrap();
    client
        .write_certificate(first.id, &first.der, "renewed")
        .unwrap();
    assert_ne!(client.read(&stamp).unwrap(), before);
    let contents = client.contents().unwrap();
    assert_eq!(contents.certificates.len(), 2);
    assert_eq!(contents.certificates[0].label, "renewed");
    client.delete_certificate(first.id).unwrap();
    client.delete_certificate(first.id).unwrap();
    assert_eq!(client.certificate(first.id).unwrap(), None);
    assert!(client.certificate(other.id).unwrap().is_some());
    client
        .write_certificate(first.id, &first.der, "again")
        .unwrap();
    assert_eq!(
        client.certificate(first.id).unwrap().as_ref(),
        Some(&first.der)
    );
}

#[test]
fn a_blocked_card_is_unlocked_by_the_officer() {
    let mut client = personalised();
    let wrong = Passcode::new("wrong").unwrap();
    let limit = client.tries(Role::User).unwrap().limit.unwrap();
    for _ in 1..limit {
        client.verify(&wrong, LastTry::Refuse).unwrap_err();
    }
    assert_eq!(client.tries(Role::User).unwrap().left, Some(1));
    assert!(matches!(
        client.verify(&wrong, LastTry::Refuse),
        Err(AuthenticError::LastTryRefused { .. })
    ));
    client.verify(&wrong, LastTry::Spend).unwrap_err();
    assert!(client.tries(Role::User).unwrap().blocked);
    let new = NewPasscode::new("654321").unwrap();
    client.unlock(&officer(), &new, LastTry::Refuse).unwrap();
    client.log_out().unwrap();
    client.verify(new.as_passcode(), LastTry::Refuse).unwrap();
    let newer = NewPasscode::new("11223344").unwrap();
    client
        .change_passcode(new.as_passcode(), &newer, LastTry::Refuse)
        .unwrap();
    client.log_out().unwrap();
    client.verify(newer.as_passcode(), LastTry::Refuse).unwrap();
}

#[test]
fn everything_goes_through_the_administration_channel() {
    let mut client = initialised();
    let master: Vec<u8> = (0x10..0x20).collect();
    let keys = CardKeys::for_tests(&master, TestStation::marked_by_operator()).unwrap();
    let ambient = ground::Virtual::new(5);
    let wrong = CardKeys::new(&[7; 16]).unwrap();
    open_channel(client.channel_mut(), &wrong, &ambient).unwrap_err();
    let (messaging, info) = open_channel(client.channel_mut(), &keys, &ambient).unwrap();
    assert_eq!(info.key_version, 1);
    client
        .channel_mut()
        .begin_secure_messaging(Box::new(messaging));

    let mut rng = ground::AmbientRng::new(Arc::new(ground::Virtual::new(3)));
    let key = RsaPrivateKey::new(&mut rng, 2048).unwrap();
    client
        .import_key(&spec(1, 2048, KeyUsage::Authentication), &key)
        .unwrap();
    verifies(&key.to_public_key(), &mut client, KeyId(1));
    assert!(client.channel_mut().is_secured());
    assert_eq!(client.contents().unwrap().keys.len(), 1);
}

#[test]
fn a_key_made_as_opensc_does_with_never_signs_without_a_passcode() {
    use iso7816::{Command, Instruction};

    let mut client = initialised();
    client
        .file(&authentic::FilePath::below_master(&[0x5015]))
        .unwrap();
    let user = authentic::v3::access::AccessPair::any_of(&[1]);
    let always = authentic::v3::access::AccessPair::ALWAYS;
    let data = authentic::v3::sdo::create(0x08, 5, &[user, user, user, always, user, user]);
    let create = Command::new(0x00, Instruction::PUT_DATA, 0x3F, 0xFF).with_data(data);
    let status = client.channel_mut().transmit(&create).unwrap().status;
    assert!(status.is_ok());
    let generate = Command::new(0x00, Instruction::GENERATE_ASYMMETRIC_KEY_PAIR, 0, 0)
        .with_data(authentic::v3::sdo::generate(0x08, 5))
        .with_expected(iso7816::Expected::SHORT_MAX);
    assert!(
        client
            .channel_mut()
            .transmit(&generate)
            .unwrap()
            .status
            .is_ok()
    );
    let finding = client.signs_without_passcode(KeyId(5)).unwrap().unwrap();
    assert!(matches!(
        finding.problem,
        Problem::NoPasscodeForKey { key: KeyId(5), .. }
    ));
}
