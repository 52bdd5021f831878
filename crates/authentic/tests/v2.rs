//! The host's AuthentIC v2 against the simulated card.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may stop it as the test itself may"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use authentic::secrets::{NewPasscode, OfficerPasscode, Passcode};
use authentic::v2::{Client, Condition, FileKind};
use authentic::{
    AuthenticError, Contents, Digest, FilePath, Initialisation, KeyId, KeySpec, KeyUsage, LastTry,
    Problem, Role, Token,
};
use firmware_sim::card::authentic::{AuthenticChip, AuthenticModel};
use firmware_sim::card::nvm::{Fate, Write};
use firmware_sim::contacts::Contacts;
use iso7816::ber::{Tag, object};
use iso7816::{Channel, Reader};
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::pkcs8::EncodePublicKey;
use rsa::signature::hazmat::PrehashVerifier;
use rsa::{Pkcs1v15Encrypt, RsaPrivateKey, RsaPublicKey};
use sha1::Sha1;
use sha2::Sha256;

const USER: &str = "12345678";
const OFFICER: &[u8] = b"87654321";

fn connect(chip: AuthenticChip) -> Client {
    let contacts = Contacts::new("sim:series8-v2");
    contacts.close_on(Box::new(chip));
    client_on(&contacts)
}

fn client_on(contacts: &Contacts) -> Client {
    let link = contacts.clone().connect(Duration::ZERO).unwrap();
    Client::select(Channel::new(link)).unwrap()
}

fn blank() -> Client {
    connect(AuthenticChip::blank(&AuthenticModel::series8_v2(), 1))
}

fn personalised() -> Client {
    connect(AuthenticChip::personalised(
        &AuthenticModel::series8_v2(),
        1,
    ))
}

fn officer() -> OfficerPasscode {
    OfficerPasscode::new(OFFICER).unwrap()
}

fn user() -> Passcode {
    Passcode::new(USER).unwrap()
}

fn spec(id: u8, bits: u16, usage: KeyUsage) -> KeySpec {
    KeySpec {
        id: KeyId(id),
        bits,
        usage,
        label: format!("key {id}"),
    }
}

fn plan(copy: bool) -> Initialisation {
    Initialisation {
        label: "555253521108".to_owned(),
        serial: None,
        officer: copy.then(officer),
        officer_tries: 3,
    }
}

/// Structure and passcode, holder logged in.
fn initialise(client: &mut Client, copy: bool) {
    client.verify_officer(&officer(), LastTry::Refuse).unwrap();
    client.initialise(&plan(copy)).unwrap();
    client
        .set_passcode(&NewPasscode::new(USER).unwrap(), 3)
        .unwrap();
    client.log_out().unwrap();
    client.verify(&user(), LastTry::Refuse).unwrap();
}

fn initialised() -> Client {
    let mut client = blank();
    assert!(!client.is_initialised().unwrap());
    initialise(&mut client, true);
    assert!(client.is_initialised().unwrap());
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

/// A certificate of a key, which nobody signed, with a subject of this name.
fn certificate(key: &RsaPublicKey, name: &str) -> Vec<u8> {
    let sequence = |parts: &[&[u8]]| object(Tag(0x30), &parts.concat());
    let named = |name: &str| {
        let text = object(Tag(0x0C), name.as_bytes());
        let attribute = sequence(&[&[0x06, 3, 0x55, 4, 3], &text]);
        sequence(&[&object(Tag(0x31), &attribute)])
    };
    let algorithm = hex::decode("300D06092A864886F70D01010B0500").unwrap();
    let day = |text: &str| object(Tag(0x17), text.as_bytes());
    let signed = sequence(&[
        &[0xA0, 3, 2, 1, 2],
        &[2, 1, 5],
        &algorithm,
        &named("issuer"),
        &sequence(&[&day("260101000000Z"), &day("290101000000Z")]),
        &named(name),
        key.to_public_key_der().unwrap().as_bytes(),
    ]);
    sequence(&[&signed, &algorithm, &object(Tag(3), &[0; 65])])
}

fn errors(contents: &Contents) -> Vec<String> {
    contents.findings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_blank_card_is_issued_used_and_cleared() {
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
    assert!(matches!(
        client.decipher(KeyId(2), &cryptogram),
        Err(AuthenticError::AccessDenied { .. })
    ));
    assert!(matches!(
        client.decipher(KeyId(1), &cryptogram),
        Err(AuthenticError::Impossible { .. })
    ));
    assert!(matches!(
        client.generate(&spec(2, 1024, KeyUsage::Signing)),
        Err(AuthenticError::KeyExists { .. })
    ));

    let der = certificate(&key, "authentication");
    client.write_certificate(KeyId(1), &der, "mine").unwrap();
    assert_eq!(client.certificate(KeyId(1)).unwrap().as_ref(), Some(&der));
    assert_eq!(client.certificate(KeyId(2)).unwrap(), None);

    let contents = client.contents().unwrap();
    assert_eq!(errors(&contents), Vec::<String>::new());
    assert_eq!(contents.token.label.as_deref(), Some("555253521108"));
    assert_eq!(contents.token.passcode_set, Some(true));
    assert_eq!(contents.token.serial, client.serial().map(|it| it.to_vec()));
    assert_eq!(contents.keys.len(), 2);
    assert_eq!(contents.keys[0].public.as_ref(), Some(&key));
    assert_eq!(contents.keys[0].label, "key 1");
    assert!(contents.keys[0].uses.unwrap && contents.keys[0].uses.sign);
    assert!(!contents.keys[1].uses.decrypt);
    assert_eq!(contents.keys[1].public.as_ref(), Some(&signing));
    assert_eq!(contents.keys[0].made_on_card, Some(true));
    assert_eq!(contents.certificates.len(), 1);
    assert_eq!(contents.certificates[0].id, KeyId(1));
    assert_eq!(contents.certificates[0].label, "mine");
    // Never the unblocking code.
    let secret = FilePath::below_master(&[0x5011, 0x2000]);
    assert!(contents.files.iter().all(|file| file.path != secret));

    client.delete_key(KeyId(1)).unwrap();
    client.delete_key(KeyId(1)).unwrap();
    assert!(matches!(
        client.sign(KeyId(1), Digest::Sha1([0; 20])),
        Err(AuthenticError::KeyAbsent { .. })
    ));
    verifies(&signing, &mut client, KeyId(2));
    client.clear().unwrap();
    let contents = client.contents().unwrap();
    assert_eq!(errors(&contents), Vec::<String>::new());
    assert!(contents.keys.is_empty() && contents.certificates.is_empty());
    for directory in [0x9001, 0x9002] {
        let path = FilePath::below_master(&[0x5011, directory]);
        assert_eq!(client.list(&path).unwrap(), Vec::<u16>::new());
    }
    client.generate(&spec(1, 1024, KeyUsage::Signing)).unwrap();
}

#[test]
fn files_have_the_conditions_of_the_profile() {
    let mut client = initialised();
    client.generate(&spec(2, 1024, KeyUsage::Signing)).unwrap();
    let path = FilePath::below_master(&[0x5011, 0x9002, 0x3002]);
    let info = client.file_info(&path).unwrap();
    assert_eq!((info.kind, info.size), (FileKind::PrivateKey, 1024));
    assert_eq!(info.access.at(1), Condition::Never);
    assert_eq!(info.access.at(3), Condition::UserPin);
    client.log_out().unwrap();
    let error = client.sign(KeyId(2), Digest::Sha1([0; 20])).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("it needs the holder's passcode")
    );
    let list = FilePath::below_master(&[0x5011, 0x5000]);
    let error = client.update(&list, 0, &[0]).unwrap_err();
    assert!(matches!(error, AuthenticError::AccessDenied { .. }));
}

#[test]
fn a_blank_card_without_the_officer_gets_nothing() {
    let mut client = blank();
    assert!(matches!(
        client.initialise(&plan(false)),
        Err(AuthenticError::AccessDenied { .. })
    ));
    assert!(matches!(
        client.contents(),
        Err(AuthenticError::NotInitialised { .. })
    ));
    assert!(!client.tries(Role::User).unwrap().set);
    let mut client = initialised();
    assert!(matches!(
        client.initialise(&plan(false)),
        Err(AuthenticError::AlreadyInitialised { .. })
    ));
}

#[test]
fn a_key_made_elsewhere_is_imported() {
    let mut client = initialised();
    let mut rng = ground::AmbientRng::new(Arc::new(ground::Virtual::new(3)));
    for (id, bits) in [(3, 2048), (4, 1024)] {
        let key = RsaPrivateKey::new(&mut rng, bits).unwrap();
        let spec = spec(id, bits as u16, KeyUsage::Authentication);
        client.import_key(&spec, &key).unwrap();
        verifies(&key.to_public_key(), &mut client, KeyId(id));
    }
    let contents = client.contents().unwrap();
    assert_eq!(errors(&contents), Vec::<String>::new());
    assert_eq!(contents.keys[0].made_on_card, Some(false));
    assert_eq!(contents.keys[0].id, KeyId(3));
}

#[test]
fn a_personalised_card_is_read_and_its_certificates_are_those_of_its_keys() {
    let mut client = personalised();
    let contents = client.contents().unwrap();
    assert_eq!(errors(&contents), Vec::<String>::new());
    assert_eq!((contents.keys.len(), contents.certificates.len()), (2, 2));
    client.verify(&user(), LastTry::Refuse).unwrap();
    for found in &contents.certificates {
        let key = contents.keys.iter().find(|key| key.id == found.id).unwrap();
        verifies(key.public.as_ref().unwrap(), &mut client, key.id);
        let der = client.certificate(found.id).unwrap();
        assert_eq!(der.as_ref(), Some(&found.der));
    }
}

#[test]
fn certificates_are_replaced_deleted_and_written_again() {
    let mut client = personalised();
    client.verify(&user(), LastTry::Refuse).unwrap();
    let contents = client.contents().unwrap();
    let [first, other] = &contents.certificates[..] else {
        panic!("two certificates");
    };
    for (der, is_certificate) in [(&other.der[..], true), (b"no certificate", false)] {
        let error = client.write_certificate(first.id, der, "no").unwrap_err();
        let AuthenticError::NoCertificate { detail, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(detail.contains("another key"), is_certificate);
    }
    assert!(matches!(
        client.write_certificate(KeyId(9), &first.der, "no"),
        Err(AuthenticError::KeyAbsent { .. })
    ));
    for label in ["renewed", "again"] {
        client
            .write_certificate(first.id, &first.der, label)
            .unwrap();
        let contents = client.contents().unwrap();
        assert_eq!(errors(&contents), Vec::<String>::new());
        assert_eq!(contents.certificates.len(), 2);
        assert_eq!(contents.certificates[0].label, label);
    }
    client.delete_certificate(first.id).unwrap();
    client.delete_certificate(first.id).unwrap();
    assert_eq!(client.certificate(first.id).unwrap(), None);
    assert!(client.certificate(other.id).unwrap().is_some());
    assert_eq!(errors(&client.contents().unwrap()), Vec::<String>::new());
}

#[test]
fn a_blocked_card_is_unlocked_by_the_officer() {
    for copy in [true, false] {
        let mut client = blank();
        initialise(&mut client, copy);
        client.log_out().unwrap();
        let wrong = Passcode::new("wrong").unwrap();
        for left in [2, 1] {
            let error = client.verify(&wrong, LastTry::Refuse).unwrap_err();
            let AuthenticError::WrongPasscode { tries_left, .. } = error else {
                panic!("{error}");
            };
            assert_eq!(tries_left, Some(left));
        }
        assert!(matches!(
            client.verify(&wrong, LastTry::Refuse),
            Err(AuthenticError::LastTryRefused { .. })
        ));
        assert_eq!(client.tries(Role::User).unwrap().left, Some(1));
        client.verify(&wrong, LastTry::Spend).unwrap_err();
        assert!(client.tries(Role::User).unwrap().blocked);
        assert!(matches!(
            client.verify(&user(), LastTry::Spend),
            Err(AuthenticError::Blocked { .. })
        ));

        let new = NewPasscode::new("654321").unwrap();
        client.unlock(&officer(), &new, LastTry::Refuse).unwrap();
        client.log_out().unwrap();
        assert_eq!(client.tries(Role::User).unwrap().left, Some(3));
        client.verify(new.as_passcode(), LastTry::Refuse).unwrap();
        let newer = NewPasscode::new("11223344").unwrap();
        client
            .change_passcode(new.as_passcode(), &newer, LastTry::Refuse)
            .unwrap();
        client.log_out().unwrap();
        client.verify(newer.as_passcode(), LastTry::Refuse).unwrap();
    }
}

#[test]
fn the_officers_last_try_is_never_spent_unasked() {
    let mut client = personalised();
    let wrong = OfficerPasscode::new(b"00000000").unwrap();
    let new = NewPasscode::new("654321").unwrap();
    for _ in 0..2 {
        client.verify_officer(&wrong, LastTry::Refuse).unwrap_err();
    }
    let refused = [
        client.verify_officer(&wrong, LastTry::Refuse).unwrap_err(),
        client.unlock(&wrong, &new, LastTry::Refuse).unwrap_err(),
        client
            .change_officer(&wrong, &officer(), LastTry::Refuse)
            .unwrap_err(),
    ];
    for error in refused {
        assert!(
            matches!(error, AuthenticError::LastTryRefused { .. }),
            "{error}"
        );
    }
    assert_eq!(client.tries(Role::Officer).unwrap().left, Some(1));
    client.verify_officer(&officer(), LastTry::Spend).unwrap();
}

#[test]
fn the_officers_passcode_is_changed_in_both_places() {
    for copy in [true, false] {
        let mut client = blank();
        initialise(&mut client, copy);
        let new = OfficerPasscode::new(b"11112222").unwrap();
        client
            .change_officer(&officer(), &new, LastTry::Refuse)
            .unwrap();
        client.log_out().unwrap();
        assert_eq!(client.tries(Role::Officer).unwrap().left, Some(3));
        let passcode = NewPasscode::new("654321").unwrap();
        client.unlock(&new, &passcode, LastTry::Refuse).unwrap();
        client.log_out().unwrap();
        client.verify_officer(&new, LastTry::Refuse).unwrap();
        assert!(matches!(
            client.unlock(&officer(), &passcode, LastTry::Refuse),
            Err(AuthenticError::WrongPasscode { .. })
        ));
    }
}

#[test]
fn a_damaged_card_is_read_with_findings() {
    let mut client = personalised();
    client.verify(&user(), LastTry::Refuse).unwrap();
    let at = |path: &[u16]| FilePath::below_master(path);
    // A certificate that is none, an object of no class, a public key listed but not there.
    client
        .update(&at(&[0x5011, 0x9001, 0x2001]), 0, &[0xFF; 16])
        .unwrap();
    client
        .update(&at(&[0x5011, 0x4000]), 240, &[0xFF, 0x88, 0x01, 0, 9])
        .unwrap();
    client.delete(&at(&[0x5011, 0x9001, 0x1002])).unwrap();
    // An attribute that says more than there is.
    client
        .update(&at(&[0x5011, 0x9001, 0x2102]), 2, &[0x7F, 0xFF])
        .unwrap();
    let contents = client.contents().unwrap();
    let has = |wanted: &dyn Fn(&Problem) -> bool| {
        let mut findings = contents.findings.iter();
        assert!(
            findings.any(|finding| wanted(&finding.problem)),
            "{:#?}",
            errors(&contents)
        );
    };
    has(&|problem| matches!(problem, Problem::NotACertificate { .. }));
    has(&|problem| {
        matches!(
            problem,
            Problem::Unexpected {
                element: "object",
                ..
            }
        )
    });
    has(&|problem| matches!(problem, Problem::Absent));
    has(&|problem| {
        matches!(
            problem,
            Problem::Truncated {
                element: "label",
                ..
            }
        )
    });
    assert_eq!(contents.keys.len(), 2);
    assert!(matches!(
        client.certificate(KeyId(1)),
        Err(AuthenticError::MalformedFile { .. })
    ));
}

/// A blank card whose power fails at the write with this number, counted from `armed`.
struct Failing {
    contacts: Contacts,
    written: Arc<AtomicU64>,
    fails_at: Arc<AtomicU64>,
}

impl Failing {
    fn new(fate: Fate) -> Self {
        let mut chip = AuthenticChip::blank(&AuthenticModel::series8_v2(), 1);
        let written = Arc::new(AtomicU64::new(0));
        let fails_at = Arc::new(AtomicU64::new(0));
        let (count, at) = (Arc::clone(&written), Arc::clone(&fails_at));
        chip.set_write_hook(Some(Box::new(move |_: &Write<'_>| {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            match number == at.load(Ordering::SeqCst) {
                true => fate,
                false => Fate::Commit,
            }
        })));
        let contacts = Contacts::new("sim:series8-v2");
        contacts.close_on(Box::new(chip));
        Self {
            contacts,
            written,
            fails_at,
        }
    }

    fn fail_at(&self, number: u64) {
        let at = self.written.load(Ordering::SeqCst) + number;
        self.fails_at.store(at, Ordering::SeqCst);
    }
}

/// Lets the power fail at every write of `act` on a card that `before` made ready, and asks
/// `after` about the card each time. `act` has to succeed when it is done again.
fn at_every_write(
    before: impl Fn(&mut Client),
    act: impl Fn(&mut Client) -> Result<(), AuthenticError>,
    after: impl Fn(&mut Client),
    log_in: impl Fn(&mut Client),
) {
    let mut cuts = 0;
    for fate in [Fate::Lose, Fate::Tear { after: usize::MAX }] {
        for number in 1.. {
            let card = Failing::new(fate);
            let mut client = client_on(&card.contacts);
            before(&mut client);
            card.fail_at(number);
            match act(&mut client) {
                Ok(()) => break,
                Err(AuthenticError::Channel { .. }) => cuts += 1,
                Err(error) => panic!("write {number}: {error}"),
            }
            drop(client);
            let mut client = client_on(&card.contacts);
            after(&mut client);
            log_in(&mut client);
            match act(&mut client) {
                Ok(())
                | Err(
                    AuthenticError::KeyExists { .. } | AuthenticError::AlreadyInitialised { .. },
                ) => {}
                Err(error) => panic!("again, after write {number}: {error}"),
            }
            after(&mut client);
        }
    }
    assert!(cuts > 8, "{cuts} cuts");
}

/// Whatever is listed is there, and works.
fn is_readable(client: &mut Client) {
    let contents = client.contents().unwrap();
    let containers = FilePath::below_master(&[0x5011, 0x3000]);
    for finding in &contents.findings {
        // A container may name a key that is not listed yet, or a certificate no longer.
        assert!(
            finding.file == containers && matches!(finding.problem, Problem::Dangling { .. }),
            "{finding}"
        );
    }
    client.verify(&user(), LastTry::Refuse).unwrap();
    for key in &contents.keys {
        if key.private {
            verifies(key.public.as_ref().unwrap(), client, key.id);
        }
    }
    for found in &contents.certificates {
        let der = client.certificate(found.id).unwrap();
        assert_eq!(der.as_ref(), Some(&found.der));
    }
}

fn log_in(client: &mut Client) {
    client.verify(&user(), LastTry::Refuse).unwrap();
}

#[test]
fn a_power_cut_while_initialising_is_made_good_by_doing_it_again() {
    let officer_in =
        |client: &mut Client| client.verify_officer(&officer(), LastTry::Refuse).unwrap();
    at_every_write(
        officer_in,
        |client| client.initialise(&plan(true)),
        |client| {
            if client.is_initialised().unwrap() {
                let contents = client.contents().unwrap();
                assert_eq!(errors(&contents), Vec::<String>::new());
            }
        },
        officer_in,
    );
}

#[test]
fn a_power_cut_while_generating_leaves_a_card_that_reads() {
    at_every_write(
        |client| initialise(client, false),
        |client| {
            client
                .generate(&spec(1, 1024, KeyUsage::Authentication))
                .map(drop)
        },
        |client| {
            let contents = client.contents().unwrap();
            // A public half may be listed first.
            let only_public = contents.keys.iter().all(|key| !key.private);
            if !only_public {
                is_readable(client);
            }
        },
        log_in,
    );
}

#[test]
fn a_power_cut_while_a_certificate_is_replaced_leaves_one_of_both() {
    let key = |client: &mut Client| {
        let contents = client.contents().unwrap();
        contents.keys[0].public.clone().unwrap()
    };
    at_every_write(
        |client| {
            initialise(client, false);
            let key = client.generate(&spec(1, 1024, KeyUsage::Signing)).unwrap();
            let der = certificate(&key, "old");
            client.write_certificate(KeyId(1), &der, "old").unwrap();
        },
        |client| {
            let der = certificate(&key(client), "new");
            client.write_certificate(KeyId(1), &der, "new")
        },
        |client| {
            is_readable(client);
            let found = client.certificate(KeyId(1)).unwrap().unwrap();
            let key = key(client);
            assert!(
                ["old", "new"]
                    .map(|name| certificate(&key, name))
                    .contains(&found)
            );
        },
        log_in,
    );
}
