//! Series 8: the same way through the same station, and another application on the chip.

use authentic::secrets::{OfficerPasscode, Passcode};
use authentic::{Applet, AuthenticError, Digest, KeyId, LastTry};
use der::Decode;
use firmware_sim::card::authentic::AuthenticModel;
use firmware_sim::printer::{Entry, Movement};
use ground::{Blame, Blamed};
use iso7816::Transcript;
use issuance::issue::{IssueError, IssueEvent};
use issuance::store::{BlankState, CardState, StepKind};
use series::Slot;
use x509_cert::Certificate;
use x509_cert::ext::pkix::{CertificatePolicies, KeyUsage, PrivateKeyUsagePeriod, SubjectAltName};

use super::bench::{Bench, PASSCODE, request};
use super::{ONE, TWO, printed};

/// As the simulated blanks are delivered.
const TRANSPORT_OFFICER: &str = "87654321";

fn models() -> [(Applet, AuthenticModel); 2] {
    [
        (Applet::V2, AuthenticModel::series8_v2()),
        (Applet::V3, AuthenticModel::series8_v3()),
    ]
}

#[test]
fn blanks_with_either_application_become_cards() {
    for (applet, model) in models() {
        let mut bench = Bench::authentic(&model, 1);
        let batch = bench.run(&[request(&bench, "R1", ONE)]).unwrap();
        assert!(batch.is_complete(), "{applet}: {:?}", batch.failed);
        let card = &batch.issued[0];
        assert_eq!(card.series, "series-8");
        assert_eq!(card.certificates.len(), 2);
        assert_eq!(printed(&bench), 1);

        // Neither transport value opens it any more; the card's own do.
        let mut token = authentic::open(bench.channel_to(1), applet).unwrap();
        let transport = OfficerPasscode::new(TRANSPORT_OFFICER.as_bytes()).unwrap();
        assert!(matches!(
            token.verify_officer(&transport, LastTry::Refuse),
            Err(AuthenticError::WrongPasscode { .. })
        ));
        let own = bench.own_officer(&card.blank);
        token.verify_officer(&own, LastTry::Refuse).unwrap();
        let passcode = Passcode::new(PASSCODE).unwrap();
        token.verify(&passcode, LastTry::Refuse).unwrap();
        token.sign(KeyId::SIGNING, Digest::Sha1([7; 20])).unwrap();
    }
}

#[test]
fn the_certificates_are_as_those_of_the_estate() {
    let (applet, model) = models().into_iter().next_back().unwrap();
    let mut bench = Bench::authentic(&model, 1);
    bench.run(&[request(&bench, "R1", ONE)]).unwrap();
    let mut token = authentic::open(bench.channel_to(1), applet).unwrap();
    let mut certificate = |key| {
        let der = token.certificate(key).unwrap().unwrap();
        Certificate::from_der(&der).unwrap()
    };
    let (login, signing) = (
        certificate(KeyId::AUTHENTICATION),
        certificate(KeyId::SIGNING),
    );
    let tbs = signing.tbs_certificate();
    let (critical, usage) = tbs.get_extension::<KeyUsage>().unwrap().unwrap();
    assert!(critical && usage.non_repudiation() && !usage.digital_signature());
    let (critical, policies) = tbs.get_extension::<CertificatePolicies>().unwrap().unwrap();
    assert!(critical);
    let policy = policies.0[0].policy_identifier.to_string();
    assert_eq!(policy, "1.2.826.0.1275.102.0.3.2.0");
    let (_, period) = tbs
        .get_extension::<PrivateKeyUsagePeriod>()
        .unwrap()
        .unwrap();
    let key_ends = period.not_after.unwrap().to_unix_duration();
    assert!(key_ends < tbs.validity().not_after.to_unix_duration());
    // No FASC-N and no UUID: the card has neither.
    for certificate in [&login, &signing] {
        let tbs = certificate.tbs_certificate();
        assert!(tbs.get_extension::<SubjectAltName>().unwrap().is_none());
    }
}

#[test]
fn steps_the_application_has_not_are_left_out_and_no_secret_is_recorded() {
    for (applet, model) in models() {
        let mut bench = Bench::authentic(&model, 1);
        let mut begun = Vec::new();
        let batch = bench
            .run_observed(&[request(&bench, "R1", ONE)], &mut |event: &IssueEvent<
                '_,
            >| {
                if let IssueEvent::StepBegun {
                    step, number, of, ..
                } = event
                {
                    begun.push((*step, *number, *of));
                }
            })
            .unwrap();
        assert!(batch.is_complete(), "{applet}: {:?}", batch.failed);
        assert_eq!(begun.len(), 15);
        let (last, number, of) = *begun.last().unwrap();
        assert!(matches!(last, StepKind::HandOver(_)));
        assert_eq!((number, of), (15, 15));
        let left_out = |step: &StepKind| step.is_optional() && !step.is_of_the_face();
        assert!(begun.iter().all(|(step, ..)| !left_out(step)));

        let text = std::fs::read_to_string(&batch.issued[0].transcript).unwrap();
        assert!(Transcript::read(text.as_bytes()).unwrap().complete);
        let own = bench.own_officer(&batch.issued[0].blank);
        for secret in [
            PASSCODE.as_bytes(),
            TRANSPORT_OFFICER.as_bytes(),
            own.bytes(),
        ] {
            let secret = hex::encode_upper(secret);
            assert!(!text.to_uppercase().contains(&secret), "{applet}: {secret}");
        }
    }
}

#[test]
fn a_wrong_officers_passcode_costs_one_try_and_spoils_nothing() {
    for (applet, model) in models() {
        let mut bench = Bench::authentic(&model, 2);
        let ring = bench.folder.path().join("data/keys.toml");
        let text = std::fs::read_to_string(&ring).unwrap();
        let wrong = text.replace(TRANSPORT_OFFICER, "11112222");
        assert_ne!(text, wrong);
        std::fs::write(&ring, wrong).unwrap();
        bench.restart();
        let requests = [request(&bench, "R1", ONE), request(&bench, "R2", TWO)];
        let batch = bench.run(&requests).unwrap();
        let failure = &batch.failed[0];
        assert!(
            matches!(failure.error, IssueError::TransportOfficer { .. }),
            "{applet}: {failure}"
        );
        assert_eq!(failure.blame(), Blame::OperatorMistake);
        // Not the next blank as well.
        assert_eq!(batch.not_begun, [requests[1].id.clone()]);
        assert_eq!(bench.blanks()[0].state, BlankState::Free);
    }
}

#[test]
fn a_card_pulled_out_while_it_makes_a_key_is_spoiled_by_number() {
    // GENERATE of v2 and of v3.
    for ((applet, model), generate) in models().into_iter().zip([0x46, 0x47]) {
        let mut bench = Bench::authentic(&model, 2);
        let requests = [request(&bench, "R1", ONE)];
        bench.yank_at(Some(generate));
        let batch = bench.run(&requests).unwrap();
        let failure = &batch.failed[0];
        assert_eq!(
            failure.step,
            Some(StepKind::GenerateKey(Slot::Authentication)),
            "{applet}: {failure}"
        );
        let spoiled = failure.blank.clone().unwrap();
        bench.yank_at(None);
        let batch = bench.run(&requests).unwrap();
        assert_ne!(batch.issued[0].blank, spoiled, "{applet}");
        let cards = bench.cards();
        assert!(matches!(cards[0].state, CardState::Spoiled { .. }));
        assert!(matches!(cards[1].state, CardState::Issued { .. }));
    }
}

#[test]
fn a_request_for_a_retired_series_moves_no_card_and_says_since_when() {
    let mut bench = Bench::authentic(&AuthenticModel::series8_v3(), 1);
    let today = bench.ambient.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    for number in [4, 5, 6] {
        let mut request = request(&bench, &format!("R{number}"), ONE);
        request.series = Some(number);
        let batch = bench.run(&[request]).unwrap();
        let failure = &batch.failed[0];
        let IssueError::Series(series::Refusal::Retired { since, .. }) = &failure.error else {
            panic!("{failure}");
        };
        assert!(*since <= today);
        assert_eq!(failure.card, None, "no card was opened");
    }
    let moved = |entry: &Entry| matches!(entry.movement, Movement::Moved { .. });
    assert!(!bench.sim.log().iter().any(moved));
}
