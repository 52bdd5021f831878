//! One card of the estate, whichever application it has.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use der::{Decode, Encode};
use firmware_sim::card::authentic::{AuthenticChip, AuthenticModel};
use firmware_sim::card::{Condition, Model, PivChip};
use firmware_sim::contacts::Contacts;
use ground::{Blame, Blamed, Virtual};
use iso7816::{Channel, Reader};
use jiff::civil::{Date, date};
use piv::secrets::{AdminKey, Puk};
use piv::words::Algorithm;
use piv::{MessageDigest, PublicKey};
use series::{
    AdminSecret, Applet, Card, CardError, CardOptions, Digest, LastTry, NewPasscode,
    OfficerPasscode, Operation, Passcode, Profiles, Slot, TriesState, UnlockSecret, identify,
};
use x509_cert::Certificate;

use crate::scripted::{AUTHENTIC_V3, ScriptedCard};
use crate::token::{MemoryToken, State};

const TODAY: Date = date(2026, 6, 1);
const ADMIN_KEY: [u8; 24] = [
    1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8,
];

#[test]
fn status_tells_how_a_card_stands_and_needs_no_name() {
    let status = series_10().status().unwrap();
    assert_eq!(status.profile.as_deref(), Some("series-10"));
    assert_eq!(status.applet, Some(Applet::Piv));
    assert_eq!(status.passcode, Some(TriesState::Left { tries: 3 }));
    assert_eq!(status.unlocking, Some(TriesState::NotTold));
    assert_eq!(status.refused, []);
    assert_eq!(status.slots.len(), 2);
    for slot in &status.slots {
        assert!(
            slot.subject.is_some() && slot.not_after.is_some(),
            "{slot:?}"
        );
        assert_eq!(slot.problem, None);
    }
    let json = serde_json::to_value(&status).unwrap();
    assert_eq!(json["passcode"]["tries"], 3);
    assert_eq!(json["applet"]["application"], "piv");
}

#[test]
fn nothing_is_written_and_no_try_spent_before_the_card_is_named() {
    let mut card = series_10();
    let ambient = Virtual::new(1);
    let not_claimed = |result: Result<(), CardError>| {
        let error = result.unwrap_err();
        assert!(matches!(error, CardError::NotClaimed { .. }), "{error}");
        assert_eq!(error.blame(), Blame::OperatorMistake);
    };
    not_claimed(card.verify(&passcode("123456"), LastTry::Refuse));
    not_claimed(card.change_passcode(&passcode("123456"), &new("654321"), LastTry::Refuse));
    not_claimed(card.unlock(&puk(b"12345678"), &new("654321"), LastTry::Refuse));
    not_claimed(card.open_administration(&admin(), LastTry::Refuse, &ambient));
    not_claimed(card.generate(Slot::Signing).map(drop));
    not_claimed(card.write_certificate(Slot::Signing, &[]));
    not_claimed(card.sign(Slot::Signing, &Digest::Sha256([0; 32])).map(drop));
    not_claimed(card.clear());
    not_claimed(card.cancel(&ambient));
    // Another card's name does not help, and takes away what an earlier name gave.
    let name = card.names().unwrap().remove(0);
    card.claim(&name).unwrap();
    let error = card.claim("DEADBEEF0000").unwrap_err();
    assert!(error.to_string().contains(&name), "{error}");
    not_claimed(card.verify(&passcode("123456"), LastTry::Refuse));
    assert_eq!(card.passcode().unwrap(), TriesState::Left { tries: 3 });
}

#[test]
fn any_name_of_the_card_names_it_however_it_is_written() {
    let mut card = series_10();
    let names = card.names().unwrap();
    assert!(names.len() >= 2, "{names:?}");
    for name in names {
        card.claim(&name).unwrap();
        let spaced: String = name.to_lowercase().chars().flat_map(|c| [c, ' ']).collect();
        card.claim(&spaced).unwrap();
    }
    assert!(card.claim(" - ").is_err());
}

#[test]
fn the_last_try_is_kept_unless_told() {
    let mut card = claimed_series_10();
    for left in [2, 1] {
        assert!(card.verify(&passcode("999999"), LastTry::Refuse).is_err());
        assert_eq!(card.passcode().unwrap(), TriesState::Left { tries: left });
    }
    for right_or_wrong in ["123456", "999999"] {
        let error = card
            .verify(&passcode(right_or_wrong), LastTry::Refuse)
            .unwrap_err();
        assert!(matches!(error, CardError::LastTry { .. }), "{error}");
    }
    let change = card.change_passcode(&passcode("123456"), &new("654321"), LastTry::Refuse);
    assert!(matches!(change, Err(CardError::LastTry { .. })));
    assert_eq!(card.passcode().unwrap(), TriesState::Left { tries: 1 });
    card.verify(&passcode("123456"), LastTry::Spend).unwrap();
    assert_eq!(card.passcode().unwrap(), TriesState::Verified);
}

#[test]
fn a_passcode_no_piv_card_can_have_costs_no_try() {
    let mut card = claimed_series_10();
    for never in ["1234", "Ab3xyz", "123456789"] {
        let error = card.verify(&passcode(never), LastTry::Refuse).unwrap_err();
        assert!(matches!(error, CardError::Passcode(_)), "{error}");
    }
    assert_eq!(card.passcode().unwrap(), TriesState::Left { tries: 3 });
}

#[test]
fn a_blocked_card_is_unlocked_with_its_puk() {
    let mut card = claimed_series_10();
    for _ in 0..3 {
        assert!(card.verify(&passcode("999999"), LastTry::Spend).is_err());
    }
    assert_eq!(card.passcode().unwrap(), TriesState::Blocked);
    let officer = UnlockSecret::Officer(OfficerPasscode::new(b"1234").unwrap());
    let error = card.unlock(&officer, &new("24681357"), LastTry::Refuse);
    assert!(matches!(error, Err(CardError::WrongSecret { .. })));
    card.unlock(&puk(b"12345678"), &new("24681357"), LastTry::Refuse)
        .unwrap();
    card.verify(&passcode("24681357"), LastTry::Refuse).unwrap();
    card.change_passcode(&passcode("24681357"), &new("135790"), LastTry::Refuse)
        .unwrap();
    card.verify(&passcode("135790"), LastTry::Refuse).unwrap();
}

#[test]
fn both_slots_sign_and_the_certificate_proves_it() {
    let mut card = claimed_series_10();
    for slot in Slot::ALL {
        let der = card.certificate(slot).unwrap().unwrap();
        let certificate = Certificate::from_der(&der).unwrap();
        let spki = certificate.tbs_certificate().subject_public_key_info();
        let key = PublicKey::from_spki(spki).unwrap();
        let MessageDigest::Sha256(hash) = MessageDigest::sha256(b"message") else {
            unreachable!()
        };
        card.verify(&passcode("123456"), LastTry::Refuse).unwrap();
        let signature = card.sign(slot, &Digest::Sha256(hash)).unwrap();
        key.verify_digest(&MessageDigest::Sha256(hash), &signature)
            .unwrap();
        // SHA-1 differs in what is padded; elliptic curves have no padding.
        card.verify(&passcode("123456"), LastTry::Refuse).unwrap();
        let digest = Digest::Sha1([7; 20]);
        let signed = card.sign(slot, &digest);
        match key {
            PublicKey::Rsa(key) => {
                let padding = rsa::Pkcs1v15Sign::new_unprefixed();
                key.verify(padding, &digest.digest_info(), &signed.unwrap())
                    .unwrap();
            }
            _ => assert!(matches!(signed, Err(CardError::NotOffered { .. }))),
        }
    }
}

#[test]
fn a_key_pair_and_its_certificate_are_replaced() {
    let mut card = claimed_series_10();
    let ambient = Virtual::new(1);
    let old = card.certificate(Slot::Authentication).unwrap().unwrap();
    card.open_administration(&admin(), LastTry::Refuse, &ambient)
        .unwrap();
    let key = card.generate(Slot::Authentication).unwrap();
    assert!(matches!(key, PublicKey::Rsa(_)));
    // Only a certificate is written where one has to be.
    let error = card
        .write_certificate(Slot::Authentication, b"no certificate")
        .unwrap_err();
    assert!(matches!(error, CardError::Malformed { .. }), "{error}");
    let signing = card.certificate(Slot::Signing).unwrap().unwrap();
    assert_ne!(signing, old);
    card.write_certificate(Slot::Authentication, &signing)
        .unwrap();
    assert_eq!(
        card.certificate(Slot::Authentication).unwrap(),
        Some(signing)
    );
    let imported = card.import_key(Slot::Signing, &rsa_key());
    assert!(matches!(imported, Err(CardError::NotOffered { .. })));
}

#[test]
fn a_cleared_card_holds_nothing_of_its_holder_and_can_be_cleared_again() {
    let mut card = claimed_series_10();
    let ambient = Virtual::new(1);
    card.verify(&passcode("123456"), LastTry::Refuse).unwrap();
    card.clear().expect_err("administration is not open");
    let before = card.certificate(Slot::Signing).unwrap().unwrap();
    let certificate = Certificate::from_der(&before).unwrap();
    let spki = certificate.tbs_certificate().subject_public_key_info();
    let old_key = PublicKey::from_spki(spki).unwrap();
    card.open_administration(&admin(), LastTry::Refuse, &ambient)
        .unwrap();
    for _ in 0..2 {
        card.clear().unwrap();
        for slot in Slot::ALL {
            assert_eq!(card.certificate(slot).unwrap(), None);
        }
    }
    // The old key is gone with its certificate.
    card.verify(&passcode("123456"), LastTry::Refuse).unwrap();
    let signature = card.sign(Slot::Signing, &Digest::Sha256([3; 32])).unwrap();
    old_key
        .verify_digest(&MessageDigest::Sha256([3; 32]), &signature)
        .unwrap_err();
    // What a blank must not have it has not.
    let client = card.piv_mut().unwrap();
    let chuid = client.get_data(piv::words::ObjectId::Chuid).unwrap();
    assert!(chuid.is_none_or(|value| value.is_empty()));
}

#[test]
fn a_cancelled_card_can_be_neither_used_nor_unlocked() {
    let mut card = claimed_series_10();
    let ambient = Virtual::new(1);
    card.open_administration(&admin(), LastTry::Refuse, &ambient)
        .unwrap();
    card.cancel(&ambient).unwrap();
    assert_eq!(card.passcode().unwrap(), TriesState::Blocked);
    let error = card.unlock(&puk(b"12345678"), &new("24681357"), LastTry::Spend);
    assert!(
        matches!(error, Err(CardError::Piv(piv::PivError::Blocked { .. }))),
        "{error:?}"
    );
    assert!(card.verify(&passcode("123456"), LastTry::Spend).is_err());
}

#[test]
fn a_card_that_may_be_of_5_or_6_is_refused_each_operation_on_its_day() {
    let (channel, sent) = ScriptedCard::new("3BF91800008131FE454A434F503431563232AF").channel();
    let mut card = Card::open(channel, &Profiles::builtin(), &CardOptions::on(TODAY)).unwrap();
    let asked = sent.lock().unwrap().len();
    for (operation, day) in [
        (Operation::Issue, "2025-10-01"),
        (Operation::Renewal, "2025-10-01"),
        (Operation::Unlock, "2025-10-01"),
        (Operation::Authentication, "2026-05-07"),
    ] {
        let told = card.refusal(operation).unwrap().to_string();
        assert!(
            told.contains(&format!("no {operation} since {day}")),
            "{told}"
        );
        assert!(
            told.contains("Series 5") && told.contains("Series 6"),
            "{told}"
        );
        assert!(told.contains("cannot be told"), "{told}");
    }
    let refused = |result: Result<(), CardError>| {
        let error = result.unwrap_err();
        assert!(matches!(error, CardError::Refused(_)), "{error}");
    };
    refused(card.verify(&passcode("123456"), LastTry::Refuse));
    refused(card.change_passcode(&passcode("123456"), &new("654321"), LastTry::Refuse));
    refused(card.unlock(&puk(b"12345678"), &new("654321"), LastTry::Refuse));
    refused(card.generate(Slot::Signing).map(drop));
    refused(card.write_certificate(Slot::Signing, &[]));
    refused(card.sign(Slot::Signing, &Digest::Sha1([0; 20])).map(drop));
    assert_eq!(sent.lock().unwrap().len(), asked);
    // A day before, and there is still nothing to speak to.
    let (channel, _) = ScriptedCard::new("3B6A00FF4A434F50343156323231").channel();
    let early = CardOptions::on(date(2025, 9, 30));
    let mut card = Card::open(channel, &Profiles::builtin(), &early).unwrap();
    assert_eq!(card.refusal(Operation::Issue), None);
    assert!(card.claim("").is_err());
    assert!(matches!(card.passcode(), Err(CardError::NoEngine { .. })));
}

#[test]
fn a_withdrawn_series_with_an_engine_can_still_be_cleared() {
    let mut profile = Profiles::builtin().get("series-10").unwrap().clone();
    profile.retirement = Profiles::builtin()
        .get("series-4")
        .unwrap()
        .retirement
        .clone();
    let mut profiles = Profiles::builtin();
    profiles.put(profile);
    let ambient = Virtual::new(1);
    let mut card = Card::open(channel(), &profiles, &CardOptions::on(TODAY)).unwrap();
    let name = card.names().unwrap().remove(0);
    card.claim(&name).unwrap();
    let error = card
        .verify(&passcode("123456"), LastTry::Refuse)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("no authentication since 2026-04-01"),
        "{error}"
    );
    // Between the two days it authenticates and is not unlocked.
    let mut between = Card::open(channel(), &profiles, &CardOptions::on(date(2026, 1, 1))).unwrap();
    between.claim(&name).unwrap();
    between
        .verify(&passcode("123456"), LastTry::Refuse)
        .unwrap();
    let error = between.unlock(&puk(b"12345678"), &new("654321"), LastTry::Refuse);
    assert!(matches!(error, Err(CardError::Refused(_))), "{error:?}");
    card.open_administration(&admin(), LastTry::Refuse, &ambient)
        .unwrap();
    card.clear().unwrap();
}

#[test]
fn a_series_the_card_cannot_be_of_is_refused() {
    let options = |named: &str| CardOptions {
        profile: Some(named.to_owned()),
        today: TODAY,
    };
    let error = Card::open(channel(), &Profiles::builtin(), &options("8"))
        .err()
        .unwrap();
    assert!(matches!(error, CardError::OtherSeries { .. }), "{error}");
    assert!(Card::open(channel(), &Profiles::builtin(), &options("10")).is_ok());
}

#[test]
fn an_authentic_card_does_the_same_by_its_own_means() {
    let (mut card, state) = series_8([3, 3]);
    assert_eq!(
        card.applet(),
        Some(Applet::Authentic(authentic::Applet::V3))
    );
    assert!(matches!(
        card.verify(&passcode("Ab3x"), LastTry::Refuse),
        Err(CardError::NotClaimed { .. })
    ));
    card.claim("deadbeef 1234").unwrap();
    // A passcode from before the rule is verified and replaced by one of today's.
    card.change_passcode(&passcode("Ab3x"), &new("24681357"), LastTry::Refuse)
        .unwrap();
    assert_eq!(state.lock().unwrap().passcode, b"24681357");
    card.verify(&passcode("24681357"), LastTry::Refuse).unwrap();
    let der = some_certificate();
    for slot in Slot::ALL {
        card.generate(slot).unwrap();
        // Again, in place of the key there is.
        card.generate(slot).unwrap();
        card.write_certificate(slot, &der).unwrap();
        assert_eq!(card.certificate(slot).unwrap().as_ref(), Some(&der));
    }
    card.import_key(Slot::Signing, &rsa_key()).unwrap();
    assert_eq!(card.certificate(Slot::Signing).unwrap(), None);
    let signature = card.sign(Slot::Signing, &Digest::Sha1([1; 20])).unwrap();
    assert_eq!(signature[0], 2, "the profile's second key");
    let puk = puk(b"12345678");
    assert!(matches!(
        card.unlock(&puk, &new("654321"), LastTry::Refuse),
        Err(CardError::WrongSecret { .. })
    ));
    card.clear().unwrap();
    assert!(state.lock().unwrap().keys.is_empty());
    card.cancel(&Virtual::new(3)).unwrap();
    assert_eq!(state.lock().unwrap().left, [0, 0]);
}

#[test]
fn a_simulated_series_8_card_goes_the_whole_way() {
    for (model, version, officer_tries) in [
        (AuthenticModel::series8_v2(), authentic::Applet::V2, 3),
        (AuthenticModel::series8_v3(), authentic::Applet::V3, 5),
    ] {
        go_the_whole_way(&model, version, officer_tries);
    }
}

fn go_the_whole_way(model: &AuthenticModel, version: authentic::Applet, officer_tries: u8) {
    let ambient = Virtual::new(5);
    let mut card = Card::open(
        series_8_channel(model, Condition::Personalised),
        &Profiles::builtin(),
        &CardOptions::on(TODAY),
    )
    .unwrap();
    let status = card.status().unwrap();
    assert_eq!(status.applet, Some(Applet::Authentic(version)));
    assert_eq!(status.passcode, Some(TriesState::Left { tries: 3 }));
    assert_eq!(
        status.unlocking,
        Some(TriesState::Left {
            tries: officer_tries
        })
    );
    assert!(
        status.slots.iter().all(|slot| slot.subject.is_some()),
        "{status:?}"
    );
    card.claim(&status.names[0]).unwrap();
    // Locked by its holder, unlocked by an officer, used.
    for _ in 0..3 {
        assert!(card.verify(&passcode("99999999"), LastTry::Spend).is_err());
    }
    assert_eq!(card.passcode().unwrap(), TriesState::Blocked);
    let officer = OfficerPasscode::new(b"87654321").unwrap();
    let unlock = UnlockSecret::Officer(officer.clone());
    card.unlock(&unlock, &new("24681357"), LastTry::Refuse)
        .unwrap();
    card.verify(&passcode("24681357"), LastTry::Refuse).unwrap();
    for slot in Slot::ALL {
        let der = card.certificate(slot).unwrap().unwrap();
        let certificate = Certificate::from_der(&der).unwrap();
        let spki = certificate.tbs_certificate().subject_public_key_info();
        let PublicKey::Rsa(key) = PublicKey::from_spki(spki).unwrap() else {
            panic!("AuthentIC has RSA keys")
        };
        for digest in [Digest::Sha1([9; 20]), Digest::Sha256([9; 32])] {
            let signature = card.sign(slot, &digest).unwrap();
            let padding = rsa::Pkcs1v15Sign::new_unprefixed();
            key.verify(padding, &digest.digest_info(), &signature)
                .unwrap();
        }
    }
    // Renewed: another key in the place of the first, and its certificate gone with it.
    card.generate(Slot::Authentication).unwrap();
    assert_eq!(card.certificate(Slot::Authentication).unwrap(), None);
    card.clear().unwrap();
    assert_eq!(card.certificate(Slot::Signing).unwrap(), None);
    card.cancel(&ambient).unwrap();
    assert_eq!(card.passcode().unwrap(), TriesState::Blocked);
    assert_eq!(card.unlocking().unwrap(), TriesState::Blocked);
    assert!(
        card.unlock(&unlock, &new("24681357"), LastTry::Spend)
            .is_err()
    );
}

#[test]
fn a_blank_series_8_card_is_taken_up_and_says_that_it_has_no_passcode() {
    for model in [AuthenticModel::series8_v2(), AuthenticModel::series8_v3()] {
        let mut card = Card::open(
            series_8_channel(&model, Condition::Blank),
            &Profiles::builtin(),
            &CardOptions::on(TODAY),
        )
        .unwrap();
        let status = card.status().unwrap();
        assert_eq!(status.passcode, Some(TriesState::Absent));
        card.claim(&status.names[0]).unwrap();
        card.verify(&passcode("12345678"), LastTry::Refuse)
            .unwrap_err();
    }
}

#[test]
fn the_officers_last_try_is_kept_unless_told() {
    let (mut card, state) = series_8([0, 1]);
    card.claim("DEADBEEF1234").unwrap();
    assert_eq!(card.unlocking().unwrap(), TriesState::Left { tries: 1 });
    let officer = || UnlockSecret::Officer(OfficerPasscode::new(b"8765").unwrap());
    let error = card
        .unlock(&officer(), &new("24681357"), LastTry::Refuse)
        .unwrap_err();
    assert!(
        error.to_string().contains("only one try is left"),
        "{error}"
    );
    assert_eq!(state.lock().unwrap().tried, []);
    card.unlock(&officer(), &new("24681357"), LastTry::Spend)
        .unwrap();
    card.verify(&passcode("24681357"), LastTry::Refuse).unwrap();
}

fn series_10() -> Card {
    Card::open(channel(), &Profiles::builtin(), &CardOptions::on(TODAY)).unwrap()
}

fn claimed_series_10() -> Card {
    let mut card = series_10();
    let name = card.names().unwrap().remove(0);
    card.claim(&name).unwrap();
    card
}

fn channel() -> Channel {
    let mut contacts = Contacts::new("sim:test");
    contacts.close_on(Box::new(PivChip::personalised(&Model::series10(), 7)));
    Channel::new(contacts.connect(Duration::ZERO).unwrap())
}

fn series_8_channel(model: &AuthenticModel, condition: Condition) -> Channel {
    let mut contacts = Contacts::new("sim:test");
    let chip = AuthenticChip::new(model, 7, condition);
    contacts.close_on(Box::new(chip));
    Channel::new(contacts.connect(Duration::ZERO).unwrap())
}

fn series_8(left: [u8; 2]) -> (Card, Arc<Mutex<State>>) {
    let cplc = format!(
        "9F7F2A{}DEADBEEF1234{}9000",
        "47".repeat(12),
        "00".repeat(24)
    );
    let (mut channel, _) = ScriptedCard::new("3BDD18008131FE4580F9A0000000770100700A90008B")
        .with_application(AUTHENTIC_V3, "6F009000")
        .with_cplc(&cplc)
        .channel();
    let profiles = Profiles::builtin();
    let identification = identify(&mut channel, &profiles).unwrap();
    let state = Arc::new(Mutex::new(State {
        passcode: b"Ab3x".to_vec(),
        officer: b"8765".to_vec(),
        left,
        ..State::default()
    }));
    let token = MemoryToken {
        channel,
        state: Arc::clone(&state),
        public: rsa_key().to_public_key(),
    };
    let options = CardOptions::on(TODAY);
    let card = Card::from_token(Box::new(token), identification, &profiles, &options).unwrap();
    (card, state)
}

fn some_certificate() -> Vec<u8> {
    let der = series_10().certificate(Slot::Signing).unwrap().unwrap();
    Certificate::from_der(&der).unwrap().to_der().unwrap()
}

fn rsa_key() -> rsa::RsaPrivateKey {
    let mut rng = ground::AmbientRng::new(Arc::new(Virtual::new(8)));
    rsa::RsaPrivateKey::new(&mut rng, 1024).unwrap()
}

fn passcode(text: &str) -> Passcode {
    Passcode::new(text).unwrap()
}

fn new(digits: &str) -> NewPasscode {
    NewPasscode::new(digits).unwrap()
}

fn puk(digits: &[u8; 8]) -> UnlockSecret {
    UnlockSecret::Puk(Puk::new(*digits))
}

fn admin() -> AdminSecret {
    AdminSecret::Key(AdminKey::as_delivered(Algorithm::Aes192, &ADMIN_KEY).unwrap())
}
