//! Inspecting simulated cards.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use firmware_sim::card::{Model, PivChip};
use firmware_sim::contacts::{Chip, Contacts};
use iso7816::{Channel, Reader};
use jiff::Timestamp;
use series::{
    InspectOptions, Inspection, ObjectState, Profile, Profiles, TriesState, Validity, identify,
    inspect,
};

use crate::scripted::ScriptedCard;

const NOW: &str = "2026-09-01T09:00:00Z";

#[test]
fn a_blank_card_is_reported_as_empty_and_in_order() {
    let (inspection, _) = read(PivChip::blank(&Model::series10(), 7), NOW);
    assert_eq!(inspection.judged_by.as_deref(), Some("series-10"));
    let empty =
        |o: &series::ObjectReport| matches!(o.state, ObjectState::Absent | ObjectState::Protected);
    assert!(
        inspection.objects.iter().all(empty),
        "{:?}",
        inspection.objects
    );
    assert_eq!(inspection.objects.len(), 36);
    assert!(inspection.certificates.is_empty());
    assert_eq!(inspection.tries[0].state, TriesState::Left { tries: 3 });
    assert!(inspection.serial.is_some());
    assert_snapshot("blank-series-10.txt", &inspection.to_text());
}

#[test]
fn a_personalised_card_is_reported_whole() {
    let (inspection, _) = read(PivChip::personalised(&Model::series10(), 7), NOW);
    assert_eq!(inspection.identification.candidates(), ["series-10"]);
    let keys: Vec<_> = inspection.certificates.iter().map(|c| &*c.key).collect();
    assert_eq!(keys, ["9A", "9E", "9C", "9D"]);
    assert!(
        inspection
            .certificates
            .iter()
            .all(|c| c.validity == Validity::Valid)
    );
    let printed = inspection
        .objects
        .iter()
        .find(|o| o.tag == "5FC109")
        .unwrap();
    assert_eq!(printed.state, ObjectState::Protected);
    assert_snapshot("personalised-series-10.txt", &inspection.to_text());
}

#[test]
fn an_inspection_spends_no_try_and_sends_only_reading_commands() {
    let (_, sent) = read(PivChip::personalised(&Model::series10(), 7), NOW);
    let sent = sent.lock().unwrap();
    assert!(sent.len() > 36);
    for command in sent.iter() {
        let reads = match command[..] {
            // SELECT, GET DATA, GET RESPONSE; VERIFY only without data.
            [_, 0xA4 | 0xCB | 0xCA | 0xC0, ..] => true,
            [0x00, 0x20, 0x00, _] => true,
            _ => false,
        };
        assert!(reads, "{}", hex::encode_upper(command));
    }
}

#[test]
fn certificates_are_judged_at_the_given_moment() {
    let chip = || PivChip::personalised(&Model::series10(), 7);
    for (now, expected) in [
        ("1990-01-01T00:00:00Z", Validity::NotYetValid),
        ("2099-01-01T00:00:00Z", Validity::Expired),
    ] {
        let (inspection, _) = read(chip(), now);
        assert_eq!(inspection.certificates[0].validity, expected);
        let about = "certificate for PIV Authentication";
        assert!(inspection.violations().any(|f| f.about == about), "{now}");
    }
}

#[test]
fn the_report_has_a_json_form() {
    let (inspection, _) = read(PivChip::personalised(&Model::series10(), 7), NOW);
    let json = serde_json::to_value(&inspection).unwrap();
    assert_eq!(json["schema"], 1);
    assert_eq!(json["identification"]["conclusion"]["profile"], "series-10");
    assert_eq!(json["certificates"][0]["slot"], "authentication");
    assert_eq!(json["tries"][0]["tries"], 3);
    assert_eq!(json["objects"][0]["state"], "present");
    assert_eq!(json["read-at"], NOW);
}

#[test]
fn the_channel_comes_back_with_piv_selected() {
    let (channel, _) = connect(PivChip::personalised(&Model::series10(), 7));
    let now = NOW.parse().unwrap();
    let options = InspectOptions::default();
    let (_, channel) = inspect(channel, &Profiles::builtin(), &options, now).unwrap();
    let mut client = piv::Client::select(channel).unwrap();
    assert_eq!(
        client.tries(piv::words::PinReference::Application).unwrap(),
        piv::Tries::Left(3)
    );
}

#[test]
fn a_card_without_piv_is_reported_with_what_it_showed() {
    let (channel, _) = ScriptedCard::new("3BF91800008131FE454A434F503431563232AF").channel();
    let now = NOW.parse().unwrap();
    let options = InspectOptions::default();
    let (inspection, _) = inspect(channel, &Profiles::builtin(), &options, now).unwrap();
    assert!(inspection.application.is_none());
    assert!(
        inspection
            .refusal
            .as_ref()
            .unwrap()
            .contains("retired since 2026-05-07")
    );
    assert_snapshot("retired.txt", &inspection.to_text());
}

#[test]
fn a_profile_the_card_does_not_fit_is_a_finding() {
    let options = InspectOptions {
        profile: Some("series-9".to_owned()),
        ..InspectOptions::default()
    };
    let (channel, _) = connect(PivChip::blank(&Model::series10(), 7));
    let now = NOW.parse().unwrap();
    let (inspection, _) = inspect(channel, &Profiles::builtin(), &options, now).unwrap();
    let texts: Vec<_> = inspection
        .findings
        .iter()
        .map(|f| &*f.finding.message)
        .collect();
    let expected = "judged by profile series-9, but the card is possibly series-10";
    assert!(texts.contains(&expected), "{texts:?}");
}

#[test]
fn a_profile_learned_from_one_card_recognises_the_next() {
    let (golden, _) = read(PivChip::blank(&Model::series10(), 7), NOW);
    let builtin = Profiles::builtin();
    let learned = builtin.get("series-10").unwrap().learned_from(
        "own-stock",
        &golden.identification,
        NOW.parse().unwrap(),
    );
    let learned = Profile::parse("learned.toml", &learned.to_toml()).unwrap();
    assert_eq!(
        learned.atr[0].to_string(),
        "3BDF..008131FE4580738421E055497800008083..9000.."
    );
    let mut profiles = builtin;
    profiles.put(learned);
    let (mut channel, _) = connect(PivChip::blank(&Model::series10(), 8));
    let identification = identify(&mut channel, &profiles).unwrap();
    assert!(identification.admits("own-stock"));
    let (mut channel, _) = connect(PivChip::blank(&Model::series9(), 8));
    let identification = identify(&mut channel, &profiles).unwrap();
    assert!(!identification.admits("own-stock"));
}

fn read(chip: PivChip, now: &str) -> (Inspection, Sent) {
    let (channel, sent) = connect(chip);
    let now: Timestamp = now.parse().unwrap();
    let options = InspectOptions::default();
    let (inspection, _) = inspect(channel, &Profiles::builtin(), &options, now).unwrap();
    (inspection, sent)
}

type Sent = Arc<Mutex<Vec<Vec<u8>>>>;

/// Writes down every command on its way to the chip.
struct Listening(PivChip, Sent);

impl Chip for Listening {
    fn power_on(&mut self) -> Vec<u8> {
        self.0.power_on()
    }

    fn power_off(&mut self) {
        self.0.power_off();
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.1.lock().unwrap().push(command.to_vec());
        self.0.transmit(command)
    }
}

fn connect(chip: PivChip) -> (Channel, Sent) {
    let sent = Sent::default();
    let mut contacts = Contacts::new("sim:test");
    contacts.close_on(Box::new(Listening(chip, Arc::clone(&sent))));
    let link = contacts.connect(Duration::ZERO).unwrap();
    (Channel::new(link), sent)
}

/// Compares with a file; `UPDATE_SNAPSHOTS=1` writes the file instead.
fn assert_snapshot(name: &str, text: &str) {
    let path = format!(
        "{}/tests/suite/snapshots/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(path, text).unwrap();
        return;
    }
    assert_eq!(text, std::fs::read_to_string(path).unwrap(), "{name}");
}
