//! Inspecting simulated cards.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use der::{DecodePem, Encode};
use firmware_sim::card::authentic::{AuthenticChip, AuthenticModel};
use firmware_sim::card::{Model, PivChip};
use firmware_sim::contacts::{Chip, Contacts};
use iso7816::ber::{self, Tag};
use iso7816::{Channel, Disposition, Link, LinkError, Protocol, Reader, Reset};
use jiff::Timestamp;
use piv::Severity;
use piv::words::{Edition, ObjectId};
use proptest::prelude::*;
use series::{
    HashState, InspectOptions, Inspection, ObjectState, Profile, Profiles, SignatureState,
    TriesState, Validity, identify, inspect,
};

use crate::scripted::{ScriptedCard, bytes};

const NOW: &str = "2026-09-01T09:00:00Z";

#[test]
fn a_blank_card_is_reported_as_empty_and_in_order() {
    let (inspection, _) = read(PivChip::blank(&Model::series10(), 7), NOW);
    assert_eq!(inspection.judged_by.as_deref(), Some("series-10"));
    let empty = |o: &series::ObjectReport| {
        matches!(
            o.state,
            ObjectState::Absent | ObjectState::NotRead | ObjectState::Protected
        )
    };
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
    assert!(sent.len() > 20);
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

/// What is free to read without contact is read, what is not is reported as protected, and nothing
/// of it is an error (SP 800-73-5 Part 1, Table 2).
#[test]
fn a_contactless_card_is_reported_as_far_as_it_can_be_read() {
    for blank in [false, true] {
        let mut chip = match blank {
            true => PivChip::blank(&Model::series10(), 7),
            false => PivChip::personalised(&Model::series10(), 7),
        };
        chip.set_interface(firmware_sim::card::Interface::Contactless)
            .unwrap();
        let (inspection, _) = read(chip, NOW);
        assert!(inspection.application.is_some());
        assert!(!inspection.identification.candidates().is_empty());
        assert!(inspection.serial.is_some());
        // The PIV PIN: without contact the card does not say.
        assert_eq!(inspection.tries[0].state, TriesState::NotTold);
        let state = |tag: &str| {
            let report = inspection.objects.iter().find(|o| o.tag == tag).unwrap();
            report.state.clone()
        };
        for tag in ["5FC105", "5FC107", "5FC108", "5FC109", "5FC123"] {
            assert_eq!(state(tag), ObjectState::Protected, "{tag}");
        }
        for tag in ["5FC102", "5FC101", "7E", "5FC122"] {
            let free = state(tag);
            match blank {
                true => assert_eq!(free, ObjectState::Absent, "{tag}"),
                false => assert!(matches!(free, ObjectState::Present { .. }), "{tag}"),
            }
        }
        let keys: Vec<_> = inspection.certificates.iter().map(|c| &*c.key).collect();
        assert_eq!(keys, if blank { &[][..] } else { &["9E"] });
        let violations: Vec<_> = inspection.violations().collect();
        assert!(violations.is_empty(), "{violations:?}");
        assert!(!inspection.to_text().is_empty());
    }
}

/// A PIV card of no NHS series is judged by the standard alone, and the report says so.
#[test]
fn a_piv_card_of_another_issuer_is_handled_as_generic_piv_and_said_to_be() {
    let mut model = Model::series10();
    // An answer to reset no profile names: that of a card of another maker.
    model.atr = bytes("3BF81300008131FE15597562696B657934D4");
    let (inspection, _) = read(PivChip::personalised(&model, 7), NOW);
    assert_eq!(inspection.identification.candidates(), ["generic-piv"]);
    assert_eq!(inspection.judged_by.as_deref(), Some("generic-piv"));
    let profiles = Profiles::builtin();
    assert!(!profiles.get("generic-piv").unwrap().is_nhs());
    let text = inspection.to_text();
    assert!(text.contains("a PIV card of no known series"), "{text}");
    // It is read like any other.
    assert_eq!(inspection.certificates.len(), 4);
    // The serial number is the standard's own, not a chip number the estate keeps.
    assert_eq!(
        inspection.serial.unwrap().source,
        series::SerialSource::ChuidGuid
    );
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
    let refusal = inspection.refusal.as_ref().unwrap();
    assert!(
        refusal.contains("Series 5 (JCOP41) or Series 6 (JCOP41)"),
        "{refusal}"
    );
    assert!(refusal.contains("no issue since 2025-10-01"), "{refusal}");
    let days: Vec<String> = inspection
        .refused
        .iter()
        .map(|refused| format!("{} {}", refused.operation, refused.since.unwrap()))
        .collect();
    assert_eq!(
        days,
        [
            "issue 2025-10-01",
            "renewal 2025-10-01",
            "unlock 2025-10-01",
            "authentication 2026-05-07"
        ]
    );
    assert_snapshot("retired.txt", &inspection.to_text());
}

/// What a card is asked for, each command once.
fn asked(model: &Model, change: impl FnOnce(&mut piv::Client)) -> (Inspection, usize) {
    let (channel, _) = connect(PivChip::personalised(model, 7));
    let mut client = piv::Client::select(channel).unwrap();
    change(&mut client);
    let link = client.into_channel().into_link();
    let counted = Arc::new(Mutex::new(Vec::new()));
    let link = Counting {
        link,
        commands: Arc::clone(&counted),
        short_only: false,
    };
    let now = NOW.parse().unwrap();
    let options = InspectOptions::default();
    let channel = Channel::new(Box::new(link));
    let (inspection, _) = inspect(channel, &Profiles::builtin(), &options, now).unwrap();
    let mut reads: Vec<Vec<u8>> = counted.lock().unwrap().clone();
    let total = reads.len();
    reads.retain(|command| command[1] == 0xCB);
    let count = reads.len();
    reads.sort();
    reads.dedup();
    assert_eq!(reads.len(), count, "an object was read twice");
    (inspection, total)
}

struct Counting {
    link: Box<dyn Link>,
    commands: Arc<Mutex<Vec<Vec<u8>>>>,
    /// As a reader that knows no extended length fields.
    short_only: bool,
}

impl Link for Counting {
    fn name(&self) -> &str {
        self.link.name()
    }
    fn atr(&self) -> &[u8] {
        self.link.atr()
    }
    fn protocol(&self) -> Protocol {
        self.link.protocol()
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        self.commands.lock().unwrap().push(command.to_vec());
        if self.short_only && command.len() > 5 && command[4] == 0 {
            return Err(LinkError::Failed {
                reader: self.name().to_owned(),
                detail: "no extended length".to_owned(),
            });
        }
        self.link.transmit(command)
    }
    fn reset(&mut self, reset: Reset) -> Result<(), LinkError> {
        self.link.reset(reset)
    }
    fn disconnect(self: Box<Self>, disposition: Disposition) -> Result<(), LinkError> {
        self.link.disconnect(disposition)
    }
}

#[test]
fn every_object_is_read_once_and_in_few_exchanges() {
    let (inspection, exchanges) = asked(&Model::series10(), |_| {});
    assert_eq!(inspection.objects.len(), 36);
    // Half of the 83 that `pkcs11-tool -O` and the read of a certificate cause on the same card
    // (scripts/count-exchanges.sh).
    assert!(exchanges <= 41, "{exchanges} exchanges");
}

#[test]
fn a_reader_without_extended_length_reads_the_same() {
    let (with, _) = asked(&Model::series10(), |_| {});
    let (channel, _) = connect(PivChip::personalised(&Model::series10(), 7));
    let commands = Arc::new(Mutex::new(Vec::new()));
    let link = Counting {
        link: channel.into_link(),
        commands: Arc::clone(&commands),
        short_only: true,
    };
    let now = NOW.parse().unwrap();
    let options = InspectOptions::default();
    let channel = Channel::new(Box::new(link));
    let (without, _) = inspect(channel, &Profiles::builtin(), &options, now).unwrap();
    assert_eq!(without.objects, with.objects);
    let extended = |command: &&Vec<u8>| command.len() > 5 && command[4] == 0;
    assert_eq!(commands.lock().unwrap().iter().filter(extended).count(), 1);
}

#[test]
fn retired_certificates_without_a_key_history_are_found_at_either_end() {
    use piv::words::{Algorithm, RetiredKey};
    let key: Vec<u8> = (1..=8).cycle().take(24).collect();
    let key = piv::secrets::AdminKey::as_delivered(Algorithm::Aes192, &key).unwrap();
    for number in [1, 20] {
        let (inspection, _) = asked(&Model::series10(), |client| {
            client
                .authenticate_admin(&key, &*ground::System::shared())
                .unwrap();
            for number in [number, 10] {
                let retired = RetiredKey::new(number).unwrap();
                client
                    .put_data(
                        ObjectId::RetiredCertificate(retired),
                        &[0x70, 0x00, 0xFE, 0x00],
                    )
                    .unwrap();
            }
        });
        let present = |object: &&series::ObjectReport| {
            object.name.contains("etired") && matches!(object.state, ObjectState::Present { .. })
        };
        assert_eq!(inspection.objects.iter().filter(present).count(), 2);
    }
}

/// What is told of the elements SP 800-73-5 took away.
fn told_of_old_elements(
    card: Edition,
    profile: &str,
    edition: Option<Edition>,
) -> (Option<Edition>, Vec<Severity>) {
    let mut model = Model::series10();
    model.edition = card;
    let options = InspectOptions {
        profile: Some(profile.to_owned()),
        edition,
        ..InspectOptions::default()
    };
    let (channel, _) = connect(PivChip::personalised(&model, 7));
    let now = NOW.parse().unwrap();
    let (inspection, _) = inspect(channel, &Profiles::builtin(), &options, now).unwrap();
    let told = inspection.findings.iter().map(|found| &found.finding);
    let told = told.filter(|finding| finding.message.contains("removed in SP 800-73-5"));
    (
        inspection.edition,
        told.map(|finding| finding.severity).collect(),
    )
}

#[test]
fn the_edition_says_whether_an_old_element_is_a_violation() {
    use Edition::{Fifth, Fourth};
    // Three in the CHUID, two in the CCC, one in each of four certificates.
    for (profile, told, judged, expected) in [
        ("generic-piv", None, None, vec![Severity::Info; 9]),
        ("generic-piv", Some(Fourth), Some(Fourth), vec![]),
        (
            "generic-piv",
            Some(Fifth),
            Some(Fifth),
            vec![Severity::Violation; 9],
        ),
        ("series-10", None, None, vec![Severity::Info; 9]),
        ("series-9", None, Some(Fourth), vec![]),
        (
            "series-9",
            Some(Fifth),
            Some(Fifth),
            vec![Severity::Violation; 9],
        ),
    ] {
        let (actual, found) = told_of_old_elements(Fourth, profile, told);
        assert_eq!((actual, found), (judged, expected), "{profile}, {told:?}");
        let (_, found) = told_of_old_elements(Fifth, profile, told);
        assert_eq!(found, [], "{profile}, {told:?}");
    }
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

#[test]
fn an_expired_card_is_a_violation() {
    let value = [&[0x35, 8][..], b"20200131", &[0xFE, 0x00]].concat();
    let card = piv_card().with_object("5FC102", &wrapped(&value));
    let inspection = read_scripted(card);
    assert_eq!(
        inspection.chuid.as_ref().unwrap().expiry.as_deref(),
        Some("2020-01-31")
    );
    let expired = |f: &&series::CardFinding| f.finding.message == "the card expired on 2020-01-31";
    assert_eq!(inspection.violations().filter(expired).count(), 1);
}

#[test]
fn an_object_without_its_wrapper_is_malformed_and_the_rest_is_read() {
    let card = piv_card()
        .with_object("5FC102", &[0x30, 0x00])
        .with_object("5FC107", &[0x53, 0x00]);
    let inspection = read_scripted(card);
    let state = |tag| {
        &inspection
            .objects
            .iter()
            .find(|o| o.tag == tag)
            .unwrap()
            .state
    };
    assert!(matches!(state("5FC102"), ObjectState::Malformed { .. }));
    assert_eq!(*state("5FC107"), ObjectState::Empty);
    assert!(inspection.violations().any(|f| f.about == "CHUID"));
}

#[test]
fn production_data_of_a_wrong_length_is_a_finding() {
    let inspection = read_scripted(piv_card().with_cplc("9F7F0247909000"));
    let finding = inspection
        .findings
        .iter()
        .find(|finding| finding.about == "CPLC")
        .unwrap();
    assert!(
        finding.finding.message.contains("of 2 bytes"),
        "{finding:?}"
    );
    assert!(
        finding.finding.message.contains("9F7F024790"),
        "{finding:?}"
    );
    assert_eq!(inspection.identification.numbers.cplc, None);
}

#[test]
fn names_on_a_card_cannot_forge_lines_of_the_report() {
    let template = "61194F0BA00000030800001000010079024F0050061B5B320A4F4B9000";
    let card = piv_card().with_application("A000000308000010000100", template);
    let text = read_scripted(card).to_text();
    assert!(!text.contains('\u{1B}'));
    let label = text
        .lines()
        .find(|line| line.trim_start().starts_with("label"))
        .unwrap();
    assert!(label.ends_with("OK"), "{label}");
}

#[test]
fn official_sample_cards_are_read_whole() {
    let Some(cards) = data("icam") else { return };
    let mut seen = 0;
    for entry in std::fs::read_dir(cards).unwrap() {
        let folder = entry.unwrap().path();
        let Some(card) = sample_card(&folder) else {
            continue;
        };
        seen += 1;
        let inspection = read_scripted(card);
        let keys: Vec<_> = inspection.certificates.iter().map(|c| &*c.key).collect();
        assert_eq!(keys[..4], ["9A", "9E", "9C", "9D"], "{}", folder.display());
        assert!(
            inspection
                .certificates
                .iter()
                .all(|c| c.public_key.starts_with("RSA-2048") || c.public_key == "P-256")
        );
        let chuid = inspection.chuid.unwrap();
        assert!(
            matches!(chuid.signature, SignatureState::Good { .. }),
            "{}",
            folder.display()
        );
        let security = inspection.security.unwrap();
        assert!(matches!(security.signature, SignatureState::Good { .. }));
        let states: Vec<_> = security.hashes.iter().map(|hash| hash.state).collect();
        assert!(
            !states.contains(&HashState::Different),
            "{}",
            folder.display()
        );
    }
    assert!(seen > 0, "no card among the test data");
}

#[test]
fn a_changed_object_is_told_by_signature_and_hash() {
    let Some(cards) = data("icam") else { return };
    let folder = cards.join("46_Golden_FIPS_201-2_PIV");
    let chuid = std::fs::read(folder.join("8 - CHUID Object")).unwrap();
    // The last digit of the expiration date.
    let at = chuid
        .windows(8)
        .position(|digits| digits == b"20321202")
        .unwrap()
        + 7;
    let mut changed = chuid.clone();
    changed[at] = b'3';
    let card = sample_card(&folder)
        .unwrap()
        .with_object("5FC102", &wrapped(&changed));
    let inspection = read_scripted(card);
    let chuid = inspection.chuid.unwrap();
    assert!(matches!(chuid.signature, SignatureState::Bad { .. }));
    let security = inspection.security.unwrap();
    assert!(matches!(
        security.signature,
        SignatureState::Unchecked { .. }
    ));
    let hash = security.hashes.iter().find(|hash| hash.object == "CHUID");
    assert!(hash.is_none_or(|hash| hash.state == HashState::Different));
    assert!(
        inspection
            .findings
            .iter()
            .any(|f| f.about == "CHUID" && f.finding.severity == piv::Severity::Violation)
    );
}

#[test]
fn another_issuers_cards_of_the_same_vendor_are_never_more_than_possible() {
    let Some(folder) = data("sd33") else { return };
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        seen += 1;
        let text = std::fs::read_to_string(&path).unwrap();
        let capture: serde_json::Value = serde_json::from_str(&text).unwrap();
        let word = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let info = &capture["card_info"];
        let select = word(&info["select_response"]) + "9000";
        let mut card = ScriptedCard::new(&word(&info["atr"]))
            .with_application("A000000308000010000100", &select)
            .with_object("7E", &bytes(&word(&info["discovery_object"])));
        for object in capture["vci_objects"].as_object().unwrap().values() {
            card = card.with_object(&word(&object["tag"]), &bytes(&word(&object["data_hex"])));
        }
        let inspection = read_scripted(card);
        assert_eq!(
            inspection.identification.conclusion.to_string(),
            "possibly one of series-9, series-10"
        );
        // The CHUID of card 12 belongs to another identity; its signature is good all the same.
        let foreign = inspection
            .findings
            .iter()
            .any(|f| f.about == "card identity" && f.finding.message.contains(": UUID is "));
        assert_eq!(
            foreign,
            path.ends_with("vci_vectors_sd33-12.json"),
            "{}",
            path.display()
        );
        let security = inspection.security.as_ref().unwrap();
        assert!(matches!(security.signature, SignatureState::Good { .. }));
        assert!(
            security
                .hashes
                .iter()
                .any(|hash| hash.state == HashState::Same)
        );
        let application = inspection.application.unwrap();
        assert_eq!(application.label.as_deref(), Some("ID-One PIV"));
        assert!(!inspection.certificates.is_empty(), "{}", path.display());
        assert!(inspection.chuid.unwrap().guid.is_some());
    }
    assert!(seen > 0, "no card among the test data");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_object_contents_are_reported(
        contents in proptest::collection::vec(
            (0_usize..36, any::<bool>(), proptest::collection::vec(any::<u8>(), 0..80)),
            0..12,
        ),
    ) {
        let tags: Vec<_> = ObjectId::all().map(|object| object.tag().to_string()).collect();
        let card = contents.iter().fold(piv_card(), |card, (index, whole, content)| {
            let content = if *whole { wrapped(content) } else { content.clone() };
            card.with_object(&tags[*index], &content)
        });
        let inspection = read_scripted(card);
        prop_assert_eq!(inspection.objects.len(), 36);
        prop_assert!(serde_json::to_string(&inspection).is_ok());
        prop_assert!(inspection.to_text().starts_with("Card\n"));
    }
}

fn piv_card() -> ScriptedCard {
    ScriptedCard::new("3BD6970081B1FE451F878031C152411A2B").with_piv()
}

fn wrapped(value: &[u8]) -> Vec<u8> {
    ber::object(Tag(0x53), value)
}

fn read_scripted(card: ScriptedCard) -> Inspection {
    let (channel, _) = card.channel();
    let options = InspectOptions::default();
    inspect(
        channel,
        &Profiles::builtin(),
        &options,
        NOW.parse().unwrap(),
    )
    .unwrap()
    .0
}

/// A folder of the test data; says so and gives `None` where there is none.
fn data(folder: &str) -> Option<PathBuf> {
    let root = match std::env::var_os("CARDWRIGHT_DATA") {
        Some(root) => PathBuf::from(root),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
    };
    let path = root.join(folder);
    if !path.is_dir() {
        println!("skipped: no test data at {}", path.display());
        return None;
    }
    Some(path)
}

/// A card of the GSA ICAM set: files are named by container number, certificates are PEM.
fn sample_card(folder: &Path) -> Option<ScriptedCard> {
    const OBJECTS: [(&str, &str); 9] = [
        ("1 - ", "7E"),
        ("2 - ", "5FC106"),
        ("3 - ", "5FC105"),
        ("4 - ", "5FC10A"),
        ("5 - ", "5FC10B"),
        ("6 - ", "5FC101"),
        ("7 - ", "5FC107"),
        ("8 - ", "5FC102"),
        ("13 - ", "5FC10C"),
    ];
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .ok()?
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut card = piv_card();
    let mut has_chuid = false;
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let object = OBJECTS.iter().find(|(prefix, _)| name.starts_with(prefix));
        let Some((_, tag)) = object.filter(|_| !name.ends_with(".p12")) else {
            continue;
        };
        let content = std::fs::read(&file).unwrap();
        has_chuid |= *tag == "5FC102";
        let content = match *tag {
            "7E" => content,
            _ if name.ends_with(".crt") => {
                let text = String::from_utf8(content).unwrap();
                let pem = &text[text.find("-----BEGIN").unwrap()..];
                let certificate = x509_cert::Certificate::from_pem(pem).unwrap();
                let der = certificate.to_der().unwrap();
                let value = [
                    &ber::object(Tag(0x70), &der)[..],
                    &[0x71, 0x01, 0x00, 0xFE, 0x00],
                ]
                .concat();
                wrapped(&value)
            }
            _ => wrapped(&content),
        };
        card = card.with_object(tag, &content);
    }
    has_chuid.then_some(card)
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

#[test]
fn a_personalised_authentic_card_is_reported_whole() {
    for (model, version, snapshot) in [
        (
            AuthenticModel::series8_v2(),
            authentic::Applet::V2,
            "personalised-series-8-v2.txt",
        ),
        (
            AuthenticModel::series8_v3(),
            authentic::Applet::V3,
            "personalised-series-8.txt",
        ),
    ] {
        let inspection = inspect_authentic(AuthenticChip::personalised(&model, 7));
        let token = inspection.token.as_ref().unwrap();
        assert_eq!(token.applet, version);
        assert_eq!(token.keys.len(), 2);
        assert_eq!(inspection.certificates.len(), 2);
        assert_eq!(inspection.tries[0].state, TriesState::Left { tries: 3 });
        // The makers' answers to reset, known from public lists, may put a status where none
        // belongs.
        let mut violations = inspection.violations();
        assert!(
            violations.all(|it| it.about == "answer to reset"),
            "{:?}",
            inspection.findings
        );
        let json = serde_json::to_value(&inspection).unwrap();
        assert_eq!(json["token"]["keys"][1]["slot"], "signing");
        assert_eq!(json["certificates"][1]["slot"], "signing");
        assert_snapshot(snapshot, &inspection.to_text());
    }
}

#[test]
fn a_blank_authentic_card_is_reported_as_one() {
    for model in [AuthenticModel::series8_v2(), AuthenticModel::series8_v3()] {
        let inspection = inspect_authentic(AuthenticChip::blank(&model, 7));
        assert!(inspection.token.as_ref().unwrap().blank);
        assert_eq!(inspection.tries[0].state, TriesState::Absent);
        let text = inspection.to_text();
        assert!(text.contains("blank, without a file structure"), "{text}");
    }
}

/// Certificates that depart from the estate's profile, one departure each.
#[test]
fn what_departs_from_the_certificates_of_the_estate_is_told() {
    let builtin = Profiles::builtin();
    let text = builtin.get("series-8").unwrap().to_toml();
    for (from, to, told) in [
        (
            "1.2.826.0.1275.102.0.3.2.0",
            "1.2.826.0.1275.102.0.9.9.9",
            "the profile has 1.2.826.0.1275.102.0.9.9.9",
        ),
        (
            "content_commitment",
            "something_else",
            "does not name https",
        ),
        (
            "value = 70",
            "value = 30",
            "% of the certificate's life, the profile has 30 %",
        ),
        (
            "value = [\"non-repudiation\"]",
            "value = [\"digital-signature\"]",
            "key usage is nonRepudiation, the profile has digitalSignature",
        ),
        (
            "[certificate.signing-policy-critical]\nvalue = true",
            "[certificate.signing-policy-critical]\nvalue = false",
            "the policy is critical",
        ),
    ] {
        assert!(text.contains(from), "{from}: {text}");
        let mut profiles = Profiles::builtin();
        profiles.put(Profile::parse("own.toml", &text.replace(from, to)).unwrap());
        let chip = AuthenticChip::personalised(&AuthenticModel::series8_v3(), 7);
        let inspection = inspect_authentic_by(chip, &profiles, NOW);
        let found = inspection
            .findings
            .iter()
            .any(|it| it.about == "certificate of key 2" && it.finding.message.contains(told));
        assert!(found, "{told}: {:?}", inspection.findings);
    }
    // After the private key's time and before the certificate's end.
    let chip = AuthenticChip::personalised(&AuthenticModel::series8_v3(), 7);
    let inspection = inspect_authentic_by(chip, &builtin, "2027-11-01T00:00:00Z");
    let mut found = inspection.findings.iter();
    assert!(
        found.any(|it| it.finding.message.contains("may not sign any more since")),
        "{:?}",
        inspection.findings
    );
}

fn inspect_authentic(chip: AuthenticChip) -> Inspection {
    inspect_authentic_by(chip, &Profiles::builtin(), NOW)
}

fn inspect_authentic_by(chip: AuthenticChip, profiles: &Profiles, now: &str) -> Inspection {
    let mut contacts = Contacts::new("sim:test");
    contacts.close_on(Box::new(chip));
    let channel = Channel::new(contacts.connect(Duration::ZERO).unwrap());
    let options = InspectOptions::default();
    let (inspection, _) = inspect(channel, profiles, &options, now.parse().unwrap()).unwrap();
    inspection
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
