//! What issuing does through a secure channel, against the simulated card: the issuer's numbers,
//! the administration key of the PIV application, and the session inside a channel.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use firmware_sim::card::nvm::{Cell, Fate, Write};
use firmware_sim::card::{Model, PivChip};
use firmware_sim::contacts::{Chip, Contacts};
use globalplatform::management::{
    KeyType, ManagementError, SingleKey, SingleKeyPlace, put_key, store_issuer_numbers,
};
use globalplatform::scp03::{
    AesKey, ChannelOptions, Scp03Error, SecureChannel, SecurityLevel, StaticKeys, open_channel,
};
use globalplatform::{read_production_data, select_issuer_security_domain};
use ground::{Ambient, Virtual};
use iso7816::{Channel, ChannelError, Command, Expected, Instruction, Reader, StatusWord};
use piv::Client;
use piv::secrets::AdminKey;
use piv::words::{Algorithm, KeyReference};

/// A chip the tests look into while a channel is open.
#[derive(Clone)]
struct Shared(Arc<Mutex<PivChip>>);

impl Chip for Shared {
    fn power_on(&mut self) -> Vec<u8> {
        self.0.lock().unwrap().power_on()
    }
    fn power_off(&mut self) {
        self.0.lock().unwrap().power_off();
    }
    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.0.lock().unwrap().transmit(command)
    }
}

impl Shared {
    fn new(change: impl FnOnce(&mut Model)) -> Self {
        let mut model = Model::series10();
        change(&mut model);
        Self(Arc::new(Mutex::new(PivChip::blank(&model, 7))))
    }

    fn channel(&self) -> Channel {
        let mut contacts = Contacts::new("sim:personalisation");
        contacts.close_on(Box::new(self.clone()));
        Channel::new(contacts.connect(Duration::ZERO).unwrap())
    }

    fn cell(&self, cell: Cell) -> Option<Vec<u8>> {
        self.0
            .lock()
            .unwrap()
            .memory()
            .get(cell)
            .map(<[u8]>::to_vec)
    }
}

fn delivered() -> StaticKeys {
    StaticKeys::same(&AesKey::new(b"@ABCDEFGHIJKLMNO").unwrap())
}

fn ambient() -> Virtual {
    Virtual::new(5)
}

fn open<'c>(channel: &'c mut Channel, options: &ChannelOptions<'_>) -> SecureChannel<'c> {
    open_channel(
        channel,
        &delivered(),
        SecurityLevel::Full,
        &ambient(),
        options,
    )
    .unwrap()
}

/// To the security domain of the card manager.
fn with_manager<R>(card: &Shared, act: impl FnOnce(&mut SecureChannel<'_>) -> R) -> R {
    let mut channel = card.channel();
    let domain = select_issuer_security_domain(&mut channel)
        .unwrap()
        .unwrap();
    act(&mut open(
        &mut channel,
        &ChannelOptions::for_domain(&domain),
    ))
}

/// To the security domain that serves the PIV application.
fn with_piv<R>(card: &Shared, act: impl FnOnce(&mut SecureChannel<'_>) -> R) -> R {
    let mut client = Client::select(card.channel()).unwrap();
    let options = ChannelOptions::default();
    act(&mut open(client.channel_mut(), &options))
}

fn numbers(card: &Shared) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let data = read_production_data(&mut card.channel()).unwrap();
    assert!(data.findings.is_empty());
    (data.issuer_identification_number, data.card_image_number)
}

#[test]
fn a_card_without_issuer_and_card_number_gets_them() {
    let card = Shared::new(|model| model.card_manager.numbered = false);
    assert_eq!(numbers(&card), (None, None));
    let (issuer, number) = (vec![0x4D, 0, 0, 1], vec![1, 2, 3, 4, 5, 6]);
    with_manager(&card, |session| {
        store_issuer_numbers(session, Some(&issuer), Some(&number)).unwrap();
    });
    assert_eq!(numbers(&card), (Some(issuer.clone()), Some(number.clone())));
    // One of the two alone.
    with_manager(&card, |session| {
        store_issuer_numbers(session, None, Some(&[9])).unwrap();
    });
    assert_eq!(numbers(&card), (Some(issuer), Some(vec![9])));
}

#[test]
fn a_numbered_card_shows_what_it_was_delivered_with() {
    let card = Shared::new(|_| {});
    let (issuer, number) = numbers(&card);
    assert_eq!(issuer.unwrap(), [0x4D, 0, 0, 0]);
    assert_eq!(number.unwrap(), 7_u64.to_be_bytes());
}

#[test]
fn power_lost_while_the_numbers_are_written_leaves_both_or_neither() {
    for after in [None, Some(1), Some(20), Some(usize::MAX)] {
        let card = Shared::new(|model| model.card_manager.numbered = false);
        with_manager(&card, |session| {
            let hook = move |write: &Write<'_>| {
                if !write.cells.contains(&Cell::IssuerObject(0x42)) {
                    return Fate::Commit;
                }
                match after {
                    None => Fate::Lose,
                    Some(after) => Fate::Tear { after },
                }
            };
            card.0.lock().unwrap().set_write_hook(Some(Box::new(hook)));
            let error = store_issuer_numbers(session, Some(&[1]), Some(&[2])).unwrap_err();
            assert!(
                matches!(error, ManagementError::Scp03(Scp03Error::Channel(_))),
                "{error}"
            );
            assert!(!session.is_open());
        });
        card.0.lock().unwrap().set_write_hook(None);
        let expected = (after == Some(usize::MAX)).then_some(());
        assert_eq!(
            numbers(&card),
            (expected.map(|()| vec![1]), expected.map(|()| vec![2])),
            "{after:?}"
        );
    }
}

#[test]
fn store_data_is_refused_without_a_session_and_for_other_objects() {
    let card = Shared::new(|model| model.card_manager.numbered = false);
    let mut channel = card.channel();
    select_issuer_security_domain(&mut channel).unwrap();
    let command = Command::new(0x80, Instruction::STORE_DATA, 0x90, 0).with_data([0x42, 1, 9]);
    assert_eq!(
        channel.transmit(&command).unwrap().status,
        StatusWord::SECURITY_STATUS_NOT_SATISFIED
    );
    with_manager(&card, |session| {
        let mut store = |data: &[u8]| {
            let command = Command::new(0x80, Instruction::STORE_DATA, 0x90, 0).with_data(data);
            session.transmit(&command).unwrap().status
        };
        for wrong in [
            &[0x42, 2, 9][..],
            &[0x42, 0],
            &[0x66, 1, 9],
            &[0x42, 1, 9, 0x66, 1, 9],
        ] {
            assert_eq!(store(wrong), StatusWord::WRONG_DATA, "{wrong:02X?}");
        }
    });
    assert_eq!(numbers(&card), (None, None));
}

const PLACE: SingleKeyPlace = SingleKeyPlace {
    p1: 0x00,
    p2: 0x9B,
    version: 0x01,
};

fn single(key: &AdminKey) -> SingleKey<'_> {
    SingleKey {
        kind: match key.algorithm() {
            Algorithm::TripleDes => KeyType::TripleDes,
            _ => KeyType::Aes,
        },
        bytes: key.bytes(),
        check_value: key.check_value(),
    }
}

fn admin_key(algorithm: Algorithm) -> AdminKey {
    let length = algorithm.symmetric_key_size().unwrap();
    let mut bytes = vec![0; length];
    ambient().fill_random(&mut bytes);
    AdminKey::new(algorithm, &bytes).unwrap()
}

#[test]
fn the_administration_key_is_replaced_through_the_channel_of_the_application() {
    for algorithm in [
        Algorithm::TripleDes,
        Algorithm::Aes128,
        Algorithm::Aes192,
        Algorithm::Aes256,
    ] {
        let card = Shared::new(|model| {
            model.administration.put_key = true;
            model.administration.set_management_key = false;
        });
        let key = admin_key(algorithm);
        with_piv(&card, |session| {
            put_key(session, PLACE, &single(&key)).unwrap();
            assert!(session.is_open());
        });
        let mut client = Client::select(card.channel()).unwrap();
        client.authenticate_admin(&key, &ambient()).unwrap();
    }
}

#[test]
fn a_key_with_another_check_value_or_place_changes_nothing() {
    let card = Shared::new(|model| model.administration.put_key = true);
    let cell = Cell::Key(KeyReference::Administration);
    let before = card.cell(cell);
    let key = admin_key(Algorithm::Aes192);
    with_piv(&card, |session| {
        let mut wrong = single(&key);
        wrong.check_value[0] ^= 1;
        let refused = |status| {
            Err(ManagementError::Refused {
                command: "PUT KEY",
                status,
            })
        };
        assert_eq!(
            put_key(session, PLACE, &wrong),
            refused(StatusWord::WRONG_DATA)
        );
        for place in [
            SingleKeyPlace { p1: 1, ..PLACE },
            SingleKeyPlace { p2: 0x9A, ..PLACE },
        ] {
            assert_eq!(
                put_key(session, place, &single(&key)),
                refused(StatusWord::WRONG_P1P2)
            );
        }
        assert_eq!(
            put_key(
                session,
                SingleKeyPlace {
                    version: 0,
                    ..PLACE
                },
                &single(&key)
            ),
            refused(StatusWord::WRONG_DATA)
        );
    });
    assert_eq!(card.cell(cell), before);
}

#[test]
fn a_card_that_does_not_know_the_way_refuses_the_class() {
    let card = Shared::new(|_| {});
    let mut client = Client::select(card.channel()).unwrap();
    let error = open_channel(
        client.channel_mut(),
        &delivered(),
        SecurityLevel::Full,
        &ambient(),
        &ChannelOptions::default(),
    )
    .unwrap_err();
    assert_eq!(
        error,
        Scp03Error::Refused {
            command: "INITIALIZE UPDATE",
            status: StatusWord::CLASS_NOT_SUPPORTED
        }
    );
}

#[test]
fn a_command_in_clear_ends_the_session_of_the_application() {
    let card = Shared::new(|model| model.administration.put_key = true);
    let mut client = Client::select(card.channel()).unwrap();
    let session = open(client.channel_mut(), &ChannelOptions::default());
    let mut messaging = session.into_messaging();
    assert!(client.channel_mut().transmit(&status_of_pin()).is_ok());
    let key = admin_key(Algorithm::Aes192);
    let put = Command::new(0x80, Instruction::PUT_KEY, 0, 0x9B).with_data(key.bytes());
    let protected = messaging.protect(&put).unwrap();
    let response = client.channel_mut().transmit(&protected).unwrap();
    assert_eq!(response.status, StatusWord::SECURITY_STATUS_NOT_SATISFIED);
}

fn status_of_pin() -> Command {
    Command::new(0x00, Instruction::VERIFY, 0x00, 0x80)
}

#[test]
fn a_session_inside_the_channel_protects_whatever_is_sent() {
    let card = Shared::new(|_| {});
    let mut channel = card.channel();
    let domain = select_issuer_security_domain(&mut channel)
        .unwrap()
        .unwrap();
    let read = Command::new(0x80, Instruction::GET_DATA_P1P2, 0x9F, 0x7F)
        .with_expected(Expected::SHORT_MAX);
    let in_clear = channel.transmit(&read).unwrap();

    let messaging = open(&mut channel, &ChannelOptions::for_domain(&domain)).into_messaging();
    channel.begin_secure_messaging(Box::new(messaging));
    // GET STATUS is answered within a session only.
    let list = Command::new(0x80, Instruction(0xF2), 0x80, 0x02)
        .with_data([0x4F, 0x00])
        .with_expected(Expected::SHORT_MAX);
    assert!(channel.transmit(&list).unwrap().status.is_ok());
    assert_eq!(channel.transmit(&read).unwrap(), in_clear);
    // One MAC is over one APDU: nothing that would have to be chained is sent.
    let long = Command::new(0x80, Instruction::STORE_DATA, 0x90, 0).with_data(vec![0; 300]);
    let error = channel.transmit(&long).unwrap_err();
    assert!(
        matches!(
            error.secure_messaging::<Scp03Error>(),
            Some(Scp03Error::TooLong { .. })
        ),
        "{error}"
    );
    assert!(channel.is_secured());
    // SELECT goes in clear and ends the session on the card, which the next command shows.
    select_issuer_security_domain(&mut channel).unwrap();
    let refused = channel.transmit(&list).unwrap();
    assert_eq!(refused.status, StatusWord::SECURITY_STATUS_NOT_SATISFIED);
    channel.end_secure_messaging();
    assert!(!channel.is_secured());
}

#[test]
fn a_session_inside_the_channel_ends_with_a_response_that_was_changed() {
    let card = Shared::new(|_| {});
    let mut channel = card.channel();
    select_issuer_security_domain(&mut channel).unwrap();
    // A session of other keys than the card's: what it protects the card cannot verify.
    let other = Shared::new(|_| {});
    let mut elsewhere = other.channel();
    let domain = select_issuer_security_domain(&mut elsewhere)
        .unwrap()
        .unwrap();
    let foreign = open_channel(
        &mut elsewhere,
        &delivered(),
        SecurityLevel::Full,
        &Virtual::new(6),
        &ChannelOptions::for_domain(&domain),
    )
    .unwrap()
    .into_messaging();
    drop(open(&mut channel, &ChannelOptions::for_domain(&domain)));
    channel.begin_secure_messaging(Box::new(foreign));
    let read = Command::new(0x80, Instruction::GET_DATA_P1P2, 0x9F, 0x7F)
        .with_expected(Expected::SHORT_MAX);
    let error = channel.transmit(&read).unwrap_err();
    assert!(matches!(error, ChannelError::Unprotect(_)), "{error}");
    let error = channel.transmit(&read).unwrap_err();
    assert!(matches!(error, ChannelError::Protect(_)), "{error}");
}
