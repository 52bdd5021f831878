//! Cards whose profile has issuing use the card manager: blanks without a serial number, and keys
//! replaced through a secure channel.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use firmware_sim::card::nvm::{Cell, Fate, Write};
use firmware_sim::card::{Model, PivChip};
use firmware_sim::contacts::{Chip, Contacts};
use globalplatform::scp03::{
    AesKey, ChannelOptions, Diversification, Kdf3, Scp03Error, SecurityLevel, StaticKeys,
    open_channel,
};
use globalplatform::{read_production_data, select_issuer_security_domain};
use ground::{Blame, Blamed};
use iso7816::{Channel, Reader};
use issuance::issue::{IssueError, IssueEvent};
use issuance::store::{BlankState, CardState, Outcome, StepKind};
use series::{
    AdminKeyChange, ChannelLevel, ChannelProtocol, KeyDiversification, Known, ManagerKeys, Profile,
    PutKeyForm, SerialWriting,
};

use crate::bench::{Bench, quick_profile, request};
use crate::{ONE, TWO};

/// A chip that is fed again and again, as an operator does who puts a released blank back.
#[derive(Clone)]
pub(crate) struct Carried(Arc<Mutex<PivChip>>);

impl Chip for Carried {
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

impl Carried {
    fn new(model: &Model) -> Self {
        Self(Arc::new(Mutex::new(PivChip::blank(model, 7))))
    }

    fn channel(&self) -> Channel {
        let mut reader = Contacts::new("sim:desk");
        reader.close_on(Box::new(self.clone()));
        Channel::new(reader.connect(Duration::ZERO).unwrap())
    }

    /// Issuer and card number as the chip tells them to anybody.
    fn numbers(&self) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        let data = read_production_data(&mut self.channel()).unwrap();
        (data.issuer_identification_number, data.card_image_number)
    }

    fn opens_with(&self, keys: &StaticKeys) -> Result<(), Scp03Error> {
        let mut channel = self.channel();
        let domain = select_issuer_security_domain(&mut channel)
            .unwrap()
            .unwrap();
        let ambient = ground::System::new();
        let options = ChannelOptions::for_domain(&domain);
        open_channel(&mut channel, keys, SecurityLevel::Full, &ambient, &options).map(drop)
    }
}

fn stated<T>(value: T) -> Known<T> {
    let text = "value = 0\nsource = \"test\"\ncertainty = \"unknown\"";
    let known: Known<u8> = toml::from_str(text).unwrap();
    Known {
        value,
        source: known.source,
        certainty: known.certainty,
        conflicts: Vec::new(),
    }
}

/// Blanks arrive without issuer and card number, and issuing writes them.
pub(crate) fn numbering() -> Profile {
    let mut profile = quick_profile();
    let manager = profile.card_manager.as_mut().unwrap();
    manager.serial.value = SerialWriting::WriteIfAbsent;
    manager.iin = Some(stated("4D000001".to_owned()));
    profile
}

pub(crate) fn unnumbered() -> Model {
    let mut model = Model::series10();
    model.card_manager.numbered = false;
    model
}

/// What a blank with number 7 is numbered.
fn expected() -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    (
        Some(vec![0x4D, 0x00, 0x00, 0x01]),
        // The chip's serial number and batch, by which the blank is accounted for.
        Some(vec![0x00, 0x00, 0x00, 0x07, 0x00, 0x00]),
    )
}

fn put_key() -> Profile {
    let mut profile = quick_profile();
    let admin = &mut profile.piv.as_mut().unwrap().admin;
    admin.change.value = AdminKeyChange::Scp03PutKey;
    admin.put_key = Some(PutKeyForm {
        p1: stated(0x00),
        p2: stated(0x9B),
        version: stated(0x01),
    });
    profile
}

fn with_put_key() -> Model {
    let mut model = Model::series10();
    model.administration.put_key = true;
    model.administration.set_management_key = false;
    model
}

fn kinds(bench: &Bench, card: usize) -> Vec<StepKind> {
    bench.cards()[card]
        .steps
        .iter()
        .map(|step| step.kind)
        .collect()
}

fn detail_of(bench: &Bench, kind: StepKind) -> String {
    let cards = bench.cards();
    let steps = cards.last().unwrap().steps.iter();
    let step = steps.into_iter().find(|step| step.kind == kind).unwrap();
    match &step.outcome {
        Some((Outcome::Done { detail }, _)) => detail.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_blank_without_a_serial_number_gets_one_as_a_step_of_its_own() {
    let card = Carried::new(&unnumbered());
    assert_eq!(card.numbers(), (None, None));
    let mut bench = Bench::of_chip(&card, numbering());
    let mut counted = Vec::new();
    let batch = bench
        .run_observed(&[request(&bench, "R1", ONE)], &mut |event: &IssueEvent<
            '_,
        >| {
            if let IssueEvent::StepBegun {
                number, of, step, ..
            } = event
            {
                counted.push((*number, *of, *step));
            }
        })
        .unwrap();
    assert!(batch.is_complete(), "{:?}", batch.failed);
    assert_eq!(card.numbers(), expected());
    assert_eq!(bench.stored(), 1);
    assert_eq!(
        detail_of(&bench, StepKind::WriteSerial),
        "serial number IIN 4D000001 CIN 000000070000"
    );
    assert_eq!(kinds(&bench, 0)[..4], StepKind::ORDER[..4]);
    let numbers: Vec<_> = counted.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, (1..=18).collect::<Vec<_>>());
    assert_eq!(counted[2], (3, 18, StepKind::WriteSerial));
    assert_eq!(counted.last().unwrap().1, 18);
}

#[test]
fn a_numbered_blank_and_a_profile_that_leaves_it_go_without_the_step() {
    for (model, profile) in [
        (Model::series10(), numbering()),
        (unnumbered(), quick_profile()),
    ] {
        let card = Carried::new(&model);
        let before = card.numbers();
        let mut bench = Bench::of_chip(&card, profile);
        let batch = bench.run(&[request(&bench, "R1", ONE)]).unwrap();
        assert!(batch.is_complete(), "{:?}", batch.failed);
        assert_eq!(card.numbers(), before);
        assert_eq!(bench.stored(), 0);
        assert!(!kinds(&bench, 0).contains(&StepKind::WriteSerial));
    }
}

/// The card is pulled before it has seen the command, or after it has carried it out: the blank is
/// nobody's still, and put in again it is numbered as it was meant to be, once.
#[test]
fn a_blank_lost_while_it_was_numbered_is_read_and_never_numbered_differently() {
    for carried_out in [false, true] {
        let card = Carried::new(&unnumbered());
        let mut bench = Bench::of_chip(&card, numbering());
        let requests = [request(&bench, "R1", ONE)];
        const STORE_DATA: u8 = 0xE2;
        if carried_out {
            bench.lose_answer_to(Some(STORE_DATA));
        } else {
            bench.yank_at(Some(STORE_DATA));
        }
        let batch = bench.run(&requests).unwrap();
        let failure = &batch.failed[0];
        assert_eq!(failure.step, Some(StepKind::WriteSerial), "{failure}");
        assert_eq!(failure.blame(), Blame::ReaderFault);
        assert!(failure.outcome.contains("is unharmed"), "{failure}");
        let written = if carried_out {
            expected()
        } else {
            (None, None)
        };
        assert_eq!(card.numbers(), written);
        assert_eq!(bench.blanks()[0].state, BlankState::Free);

        bench.lose_answer_to(None);
        bench.yank_at(None);
        let batch = bench.run(&requests).unwrap();
        assert!(batch.is_complete(), "{:?}", batch.failed);
        assert_eq!(card.numbers(), expected());
        assert_eq!(bench.stored(), 1, "carried out: {carried_out}");
        let numbered_now = kinds(&bench, 1).contains(&StepKind::WriteSerial);
        assert_eq!(numbered_now, !carried_out);
    }
}

/// The power fails inside the card, before the numbers are written, in the middle, and after: both
/// are there or neither, and the next time it is known which.
#[test]
fn a_power_failure_while_a_blank_is_numbered_leaves_nothing_half_done() {
    for after in [None, Some(1), Some(40), Some(usize::MAX)] {
        let card = Carried::new(&unnumbered());
        let mut bench = Bench::of_chip(&card, numbering());
        let requests = [request(&bench, "R1", ONE)];
        let hook = move |write: &Write<'_>| match after {
            _ if !write.cells.contains(&Cell::IssuerObject(0x45)) => Fate::Commit,
            None => Fate::Lose,
            Some(after) => Fate::Tear { after },
        };
        card.0.lock().unwrap().set_write_hook(Some(Box::new(hook)));
        let batch = bench.run(&requests).unwrap();
        let failure = &batch.failed[0];
        assert_eq!(failure.step, Some(StepKind::WriteSerial), "{failure}");
        assert!(failure.outcome.contains("is unharmed"), "{failure}");
        card.0.lock().unwrap().set_write_hook(None);
        let written = after == Some(usize::MAX);
        assert_eq!(
            card.numbers(),
            if written { expected() } else { (None, None) }
        );

        let batch = bench.run(&requests).unwrap();
        assert!(batch.is_complete(), "{:?}", batch.failed);
        assert_eq!(card.numbers(), expected());
        assert_eq!(bench.stored(), if written { 1 } else { 2 }, "{after:?}");
    }
}

/// Without response MACs a card can say anything; what it shows afterwards counts.
#[test]
fn a_card_that_does_not_keep_its_number_is_not_gone_on_with() {
    let card = Carried::new(&unnumbered());
    let mut profile = numbering();
    profile.card_manager.as_mut().unwrap().security_level.value = ChannelLevel::CMac;
    let mut bench = Bench::of_chip(&card, profile);
    bench.swallow(Some(0xE2));
    let batch = bench.run(&[request(&bench, "R1", ONE)]).unwrap();
    let failure = &batch.failed[0];
    assert_eq!(failure.step, Some(StepKind::WriteSerial));
    assert_eq!(
        failure.error.to_string(),
        "the card shows IIN none CIN none after IIN 4D000001 CIN 000000070000 was written"
    );
    assert_eq!(failure.blame(), Blame::CardMisbehaved);
    assert!(failure.outcome.contains("is unharmed"), "{failure}");
}

/// Half a serial number, as a card that does not write both at once may be left with: the half
/// that is there stays, whatever it is.
#[test]
fn what_is_there_of_a_serial_number_stays() {
    let card = Carried::new(&unnumbered());
    {
        let mut channel = card.channel();
        let domain = select_issuer_security_domain(&mut channel)
            .unwrap()
            .unwrap();
        let keys = transport_keys();
        let ambient = ground::System::new();
        let options = ChannelOptions::for_domain(&domain);
        let level = SecurityLevel::CMac;
        let mut session = open_channel(&mut channel, &keys, level, &ambient, &options).unwrap();
        let issuer = [0x12, 0x34];
        globalplatform::management::store_issuer_numbers(&mut session, Some(&issuer), None)
            .unwrap();
    }
    let mut bench = Bench::of_chip(&card, numbering());
    let batch = bench.run(&[request(&bench, "R1", ONE)]).unwrap();
    assert!(batch.is_complete(), "{:?}", batch.failed);
    assert_eq!(card.numbers(), (Some(vec![0x12, 0x34]), expected().1));
}

#[test]
fn the_administration_key_is_replaced_through_the_secure_channel() {
    let card = Carried::new(&with_put_key());
    let mut bench = Bench::of_chip(&card, put_key());
    let batch = bench.run(&[request(&bench, "R1", ONE)]).unwrap();
    assert!(batch.is_complete(), "{:?}", batch.failed);
    let transport = piv::secrets::AdminKey::as_delivered(
        piv::words::Algorithm::Aes192,
        &[1, 2, 3, 4, 5, 6, 7, 8].repeat(3),
    )
    .unwrap();
    let mut client = piv::Client::select(card.channel()).unwrap();
    assert!(
        client
            .authenticate_admin(&transport, &*bench.ambient)
            .is_err()
    );
    let own = bench.own_admin_key(&batch.issued[0].blank);
    client.authenticate_admin(&own, &*bench.ambient).unwrap();
    let text = std::fs::read_to_string(&batch.issued[0].transcript).unwrap();
    let upper = text.to_uppercase();
    assert!(!upper.contains(&hex::encode_upper(own.bytes())));
    assert!(!upper.contains("404142434445464748494A4B4C4D4E4F"));
}

#[test]
fn keys_of_the_card_manager_are_replaced_only_where_the_profile_says_so() {
    let transport = transport_keys();
    for (model, profile) in [
        (Model::series10(), quick_profile()),
        (with_put_key(), put_key()),
    ] {
        for keys in [ManagerKeys::Keep, ManagerKeys::Replace] {
            let card = Carried::new(&model);
            let mut profile = profile.clone();
            profile.card_manager.as_mut().unwrap().keys.value = keys;
            let mut bench = Bench::of_chip(&card, profile);
            let batch = bench.run(&[request(&bench, "R1", ONE)]).unwrap();
            assert!(batch.is_complete(), "{:?}", batch.failed);
            let own = bench.own_manager_keys(&batch.issued[0].blank);
            let (in_force, gone) = match keys {
                ManagerKeys::Keep => (&transport, &own),
                ManagerKeys::Replace => (&own, &transport),
            };
            card.opens_with(in_force).unwrap();
            assert!(matches!(
                card.opens_with(gone),
                Err(Scp03Error::WrongKeys { .. })
            ));
            let detail = detail_of(&bench, StepKind::ReplaceAdminKey);
            assert_eq!(
                detail.contains("card manager keys"),
                keys == ManagerKeys::Replace,
                "{detail}"
            );
        }
    }
}

/// The series 10 card with other delivered keys of its security domain.
fn delivered_with(options: u8, version: u8, keys: &StaticKeys) -> Model {
    let mut text =
        include_str!("../../../../firmware-sim/src/card/models/series10.toml").to_owned();
    let mut change = |from: &str, to: String| {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, &to);
    };
    change("options = \"70\"", format!("options = \"{options:02X}\""));
    change("key_version = 1", format!("key_version = {version}"));
    for (name, key) in [
        ("\nencryption_key", keys.encryption()),
        ("\nmac_key", keys.mac()),
        ("\ndata_encryption_key", keys.data_encryption()),
    ] {
        let published = "404142434445464748494A4B4C4D4E4F";
        let from = format!("{name} = \"{published}\"");
        change(
            &from,
            format!("{name} = \"{}\"", hex::encode_upper(key.bytes())),
        );
    }
    let mut model = Model::parse(&text).unwrap();
    model.administration.put_key = true;
    model.card_manager.numbered = false;
    model
}

/// Everything a profile can have done through the card manager, at once.
fn everything() -> Profile {
    let mut profile = put_key();
    let manager = profile.card_manager.as_mut().unwrap();
    manager.keys.value = ManagerKeys::Replace;
    manager.serial.value = SerialWriting::WriteIfAbsent;
    manager.iin = Some(stated("4D000001".to_owned()));
    profile
}

fn transport_keys() -> StaticKeys {
    StaticKeys::same(&AesKey::new(b"@ABCDEFGHIJKLMNO").unwrap())
}

#[test]
fn every_kind_of_channel_a_profile_can_name_does() {
    let levels = [
        ChannelLevel::CMac,
        ChannelLevel::CMacCEnc,
        ChannelLevel::CMacRMac,
        ChannelLevel::CMacCEncRMac,
        ChannelLevel::Full,
    ];
    let kinds = [
        (0x70, ChannelProtocol::Scp03S8),
        (0x71, ChannelProtocol::Scp03S16),
    ];
    for (options, protocol) in kinds {
        for level in levels {
            let card = Carried::new(&delivered_with(options, 1, &transport_keys()));
            let mut profile = everything();
            let manager = profile.card_manager.as_mut().unwrap();
            manager.protocol.value = protocol;
            manager.security_level.value = level;
            let mut bench = Bench::of_chip(&card, profile);
            let batch = bench.run(&[request(&bench, "R1", ONE)]).unwrap();
            assert!(batch.is_complete(), "{level:?}: {:?}", batch.failed);
            assert_eq!(card.numbers(), expected());
        }
    }
}

#[test]
fn diversified_and_initial_delivered_keys_are_known_by_what_the_card_says() {
    // The diversification data of the simulated card: 00 00 and its number.
    let data = [0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
    for (diversification, keys) in [
        (KeyDiversification::None, transport_keys()),
        (
            KeyDiversification::Kdf3,
            Kdf3.keys_of(&transport_keys(), &data),
        ),
    ] {
        for version in [0x01, 0x7F, 0xFF] {
            let card = Carried::new(&delivered_with(0x70, version, &keys));
            let mut profile = everything();
            let manager = profile.card_manager.as_mut().unwrap();
            manager.diversification.value = diversification;
            manager.key_version.value = version;
            let mut bench = Bench::of_chip(&card, profile);
            let batch = bench.run(&[request(&bench, "R1", ONE)]).unwrap();
            assert!(batch.is_complete(), "{version:02X}: {:?}", batch.failed);
            let own = bench.own_manager_keys(&batch.issued[0].blank);
            card.opens_with(&own).unwrap();
            assert!(card.opens_with(&keys).is_err());
            let detail = detail_of(&bench, StepKind::ReplaceAdminKey);
            let now = if version == 0xFF { 0x01 } else { version };
            assert!(detail.contains(&format!("version {now:02X}")), "{detail}");
        }
    }
}

/// Of other stock, or diversified where the profile says they are not: found by reading alone.
#[test]
fn other_keys_of_the_card_manager_spoil_nothing_and_cost_no_try() {
    let card = Carried::new(&with_put_key());
    let mut profile = put_key();
    profile.card_manager.as_mut().unwrap().diversification.value = KeyDiversification::Kdf3;
    let mut bench = Bench::of_chip(&card, profile);
    for _ in 0..12 {
        let batch = bench.run(&[request(&bench, "R1", ONE)]).unwrap();
        let failure = &batch.failed[0];
        assert!(
            matches!(
                failure.error,
                IssueError::ManagerChannel {
                    source: Scp03Error::WrongKeys { .. },
                    ..
                }
            ),
            "{failure}"
        );
        assert_eq!(failure.step, Some(StepKind::Identify));
        assert_eq!(failure.blame(), Blame::OperatorMistake);
        assert_eq!(bench.blanks()[0].state, BlankState::Free);
    }
    let transport = transport_keys();
    card.opens_with(&transport).unwrap();
}

#[test]
fn a_key_ring_without_the_keys_says_which_before_anything_is_written() {
    let card = Carried::new(&unnumbered());
    let mut bench = Bench::of_chip(&card, numbering());
    let ring = bench.folder.path().join("data/keys.toml");
    let text = std::fs::read_to_string(&ring).unwrap();
    let without: String = text
        .lines()
        .filter(|line| !line.starts_with("manager-keys"))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&ring, without).unwrap();
    bench.restart();
    let batch = bench.run(&[request(&bench, "R1", ONE)]).unwrap();
    let failure = &batch.failed[0];
    assert_eq!(failure.step, Some(StepKind::Identify), "{failure}");
    assert!(
        failure.to_string().contains("lacks `manager-keys`"),
        "{failure}"
    );
    assert_eq!(card.numbers(), (None, None));
}

/// Pulled out while its keys were replaced, the blank is spoiled by number: nobody knows which it
/// has.
#[test]
fn a_blank_lost_while_its_keys_were_replaced_is_spoiled() {
    let card = Carried::new(&with_put_key());
    let mut bench = Bench::of_chip(&card, put_key());
    const PUT_KEY: u8 = 0xD8;
    bench.lose_answer_to(Some(PUT_KEY));
    let batch = bench.run(&[request(&bench, "R1", TWO)]).unwrap();
    let failure = &batch.failed[0];
    assert_eq!(failure.step, Some(StepKind::ReplaceAdminKey), "{failure}");
    assert!(failure.outcome.contains("is spoiled"), "{failure}");
    assert!(matches!(bench.cards()[0].state, CardState::Spoiled { .. }));
}
