//! Valid published cards give no finding that is not explained here.
//!
//! What is wrong with a card stands in the notes that came with it, or is a demand the standard
//! made after the card was: each finding is listed with the reason.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where its data is not as it should be"
)]

#[path = "support/cards.rs"]
mod cards;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use card_image::CardImage;
use const_oid::ObjectIdentifier;
use firmware_sim::card::{Model, PivChip};
use firmware_sim::contacts::Contacts;
use ground::{Ambient, Virtual};
use iso7816::Reader;
use jiff::Timestamp;
use piv::secrets::Passcode;
use piv::signed::{CertificateRole, CertificateRules, oid};
use validation::{
    Check, Evidence, Outcome, Settings, TrustStore, Verdict, assertions, judge, validate,
};

use cards::{data, icam, sd33};

/// An assertion, the objects it does not hold of, and why that is known of the card.
type Explained = (&'static str, &'static [&'static str], &'static str);

const RSA_2048: &str = "issued before SP 800-78-5 ended RSA-2048 with the year 2030";
const USAGE: &str = "SP 800-85B-4 asks for nonRepudiation; no published content signer has it";
const VIEWS: &str = "the sample fingerprints of NIST number their views through";

const HOLDERS: &[&str] = &[
    "CHUID",
    "certificate for PIV Authentication",
    "certificate for Card Authentication",
    "certificate for Digital Signature",
    "certificate for Key Management",
];
const HOLDER_NAMED: &[&str] = &[
    "certificate for Digital Signature",
    "certificate for Key Management",
];
const CARD_NAMED: &[&str] = &[
    "certificate for PIV Authentication",
    "certificate for Card Authentication",
];

/// A moment all these cards are valid at.
fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

/// GSA's test policies stand where production cards have those of the Common Policy Framework.
fn gsa(role: CertificateRole, last: u32, rules: &mut CertificateRules) {
    let policy = ObjectIdentifier::new(&format!("2.16.840.1.101.3.2.1.48.{last}")).unwrap();
    rules.policies.insert(role, vec![policy]);
}

fn piv_rules() -> CertificateRules {
    let mut rules = CertificateRules::common();
    gsa(CertificateRole::Authentication, 11, &mut rules);
    gsa(CertificateRole::CardAuthentication, 13, &mut rules);
    gsa(CertificateRole::Signature, 9, &mut rules);
    gsa(CertificateRole::KeyManagement, 9, &mut rules);
    gsa(CertificateRole::ContentSigner, 86, &mut rules);
    rules
}

fn piv_i_rules() -> CertificateRules {
    let mut rules = CertificateRules::non_federal();
    gsa(CertificateRole::Authentication, 248, &mut rules);
    gsa(CertificateRole::CardAuthentication, 249, &mut rules);
    gsa(CertificateRole::Signature, 251, &mut rules);
    gsa(CertificateRole::KeyManagement, 250, &mut rules);
    gsa(CertificateRole::ContentSigner, 252, &mut rules);
    rules.content_signing = vec![oid::PIVI_CONTENT_SIGNING];
    rules
}

/// Every failure and warning is one of those explained, and every explanation is needed.
fn explained(evidence: &Evidence, explained: &[Explained]) {
    let mut found: BTreeMap<(String, String), String> = BTreeMap::new();
    let outcomes = judge(evidence);
    let held = outcomes
        .iter()
        .filter(|it| it.verdict == Verdict::Pass)
        .count();
    assert!(held > 100, "{}: only {held} hold", evidence.reader);
    for outcome in outcomes {
        if matches!(outcome.verdict, Verdict::Fail | Verdict::Warning) {
            let place = (outcome.id.to_string(), outcome.object.unwrap_or_default());
            found.insert(place, format!("{:?}", outcome.deviations));
        }
    }
    let expected: BTreeSet<(String, String)> = explained
        .iter()
        .flat_map(|(id, objects, _)| {
            objects
                .iter()
                .map(|object| ((*id).to_owned(), (*object).to_owned()))
        })
        .collect();
    for (place, deviations) in &found {
        let known = expected.contains(place);
        assert!(
            known,
            "{}: {place:?} is not explained: {deviations}",
            evidence.reader
        );
    }
    for place in expected {
        assert!(
            found.contains_key(&place),
            "{}: {place:?} holds",
            evidence.reader
        );
    }
}

#[test]
fn icam_card_01_has_no_other_findings() {
    let Some(card) = icam("01_Golden_PIV", piv_rules(), now()) else {
        return;
    };
    explained(
        &card,
        &[
            ("certificate.key", HOLDERS, RSA_2048),
            ("certificate.key-usage", &["CHUID"], USAGE),
            ("minutiae.view-number", &["fingerprints"], VIEWS),
            (
                "security.covers-unsigned-objects",
                &["Security Object"],
                "its README: the hashes cover CHUID, face, fingerprints and printed information",
            ),
            (
                "certificate.card-uuid",
                CARD_NAMED,
                "its README: FIPS 201-1 style, 9A and 9E name the FASC-N alone",
            ),
            (
                "certificate.names-this-card",
                HOLDER_NAMED,
                "its README: the UUID in 9C and 9D differs from the GUID",
            ),
        ],
    );
}

#[test]
fn icam_card_02_has_no_other_findings() {
    let Some(card) = icam("02_Golden_PIV-I", piv_i_rules(), now()) else {
        return;
    };
    explained(
        &card,
        &[
            ("certificate.key", HOLDERS, RSA_2048),
            ("certificate.key-usage", &["CHUID"], USAGE),
            ("minutiae.view-number", &["fingerprints"], VIEWS),
            (
                "chuid.guid",
                &["CHUID"],
                "its README: a GUID of version 1 with variant bits 111",
            ),
            (
                "security.covers-unsigned-objects",
                &["Security Object"],
                "made like card 01, whose README names what is covered",
            ),
        ],
    );
}

#[test]
fn icam_card_37_has_no_other_findings() {
    let name = "37_Golden_FIPS_201-2_PIV_PPS_F=512_D=64";
    let Some(card) = icam(name, piv_rules(), now()) else {
        return;
    };
    explained(
        &card,
        &[
            (
                "certificate.key",
                &[
                    "CHUID",
                    "certificate for PIV Authentication",
                    "certificate for Digital Signature",
                    "certificate for Key Management",
                ],
                RSA_2048,
            ),
            ("certificate.key-usage", &["CHUID"], USAGE),
            ("minutiae.view-number", &["fingerprints"], VIEWS),
            (
                "security.covers-unsigned-objects",
                &["Security Object"],
                "its README: CCC and Discovery Object are covered, the Key History is not",
            ),
        ],
    );
}

#[test]
fn icam_card_46_has_no_other_findings() {
    let Some(card) = icam("46_Golden_FIPS_201-2_PIV", piv_rules(), now()) else {
        return;
    };
    explained(
        &card,
        &[
            ("certificate.key", HOLDERS, RSA_2048),
            ("certificate.key-usage", &["CHUID"], USAGE),
            ("minutiae.view-number", &["fingerprints"], VIEWS),
            (
                "security.covers-unsigned-objects",
                &["Security Object"],
                "made like card 01, whose README names what is covered",
            ),
        ],
    );
}

#[test]
fn sd33_card_03_has_no_other_findings() {
    let Some(card) = sd33("03", CertificateRules::common(), now()) else {
        return;
    };
    explained(
        &card,
        &[
            (
                "certificate.key",
                &[
                    "CHUID",
                    "certificate for PIV Authentication",
                    "certificate for Card Authentication",
                ],
                RSA_2048,
            ),
            ("certificate.key-usage", &["CHUID"], USAGE),
            (
                "signature.same-signer",
                &["facial image"],
                "its face has a signer of its own, deprecated since FIPS 201-3",
            ),
        ],
    );
}

#[test]
fn sd33_card_04_has_no_other_findings() {
    let Some(card) = sd33("04", CertificateRules::common(), now()) else {
        return;
    };
    explained(&card, &[("certificate.key-usage", &["CHUID"], USAGE)]);
}

#[test]
fn sd33_card_05_has_no_other_findings() {
    let Some(card) = sd33("05", CertificateRules::common(), now()) else {
        return;
    };
    let signers = &["CHUID", "secure messaging certificate signer"];
    explained(&card, &[("certificate.key-usage", signers, USAGE)]);
}

#[test]
fn sd33_card_12_is_found_to_be_put_together_from_two() {
    let Some(card) = sd33("12", CertificateRules::common(), now()) else {
        return;
    };
    let why = "its README: the CHUID belongs to another identity than certificates and face";
    explained(
        &card,
        &[
            (
                "certificate.key",
                &[
                    "CHUID",
                    "certificate for PIV Authentication",
                    "certificate for Card Authentication",
                ],
                RSA_2048,
            ),
            ("certificate.key-usage", &["CHUID"], USAGE),
            ("biometric.fasc-n", &["facial image"], why),
            ("signature.fasc-n", &["facial image"], why),
            ("signature.card-uuid", &["facial image"], why),
            ("certificate.fasc-n", CARD_NAMED, why),
            ("certificate.card-uuid", CARD_NAMED, why),
        ],
    );
}

/// The assertions that do not hold, with their objects.
fn found(outcomes: &[Outcome]) -> BTreeSet<(String, String)> {
    outcomes
        .iter()
        .filter(|it| matches!(it.verdict, Verdict::Fail | Verdict::Warning))
        .map(|it| (it.id.to_string(), it.object.clone().unwrap_or_default()))
        .collect()
}

#[test]
fn a_card_that_holds_these_objects_is_judged_as_the_objects_are() {
    let cards = [
        ("01_Golden_PIV", piv_rules()),
        ("02_Golden_PIV-I", piv_i_rules()),
        ("37_Golden_FIPS_201-2_PIV_PPS_F=512_D=64", piv_rules()),
        ("46_Golden_FIPS_201-2_PIV", piv_rules()),
    ];
    for (name, rules) in cards {
        let Some(objects) = icam(name, rules.clone(), now()) else {
            continue;
        };
        let image = CardImage::load(data("icam").unwrap().join(name)).unwrap();
        let chip = PivChip::from_image(&Model::series10(), &image, 1).unwrap();
        let mut contacts = Contacts::new("sim:golden");
        contacts.close_on(Box::new(chip));
        let link = contacts.connect(Duration::ZERO).unwrap();
        let of_data = assertions().filter(|it| !matches!(it.check, Check::Command(_)));
        let settings = Settings {
            profile: Some("generic-piv".to_owned()),
            passcode: Some(Passcode::new("123456").unwrap()),
            rules: Some(rules),
            only: of_data.map(|it| it.id.to_owned()).collect(),
            retired: true,
            ..Settings::default()
        };
        let ambient: Arc<dyn Ambient> = Arc::new(Virtual::starting_at(1, now()));
        let report = validate(link, &settings, &ambient, &mut |_, _, _| {}).unwrap();
        let expected = found(&judge(&objects));
        assert_eq!(found(&report.outcomes), expected, "{name}");
        assert!(report.aftermath.differences.is_empty(), "{name}");
    }
}

#[test]
fn paths_lead_from_every_icam_certificate_to_the_root() {
    let Some(folder) = data("icam/ICAM_CA_and_Signer") else {
        return;
    };
    let root = folder.join("ICAM_Test_Card_PIV_Root_CA_-_gold_gen1-3.crt");
    let trust = TrustStore::load(&[&root], &[&folder]).unwrap();
    let cards = [
        ("01_Golden_PIV", piv_rules()),
        ("02_Golden_PIV-I", piv_i_rules()),
        ("37_Golden_FIPS_201-2_PIV_PPS_F=512_D=64", piv_rules()),
        ("46_Golden_FIPS_201-2_PIV", piv_rules()),
    ];
    for (name, rules) in cards {
        let Some(mut card) = icam(name, rules, now()) else {
            continue;
        };
        card.trust = trust.clone();
        let outcomes = judge(&card);
        let paths: Vec<_> = outcomes.iter().filter(|it| it.id == "trust.path").collect();
        let held = paths.iter().filter(|it| it.verdict == Verdict::Pass);
        assert_eq!(held.count(), 5, "{name}: {paths:#?}");
        assert!(paths[0].reason.contains(" → "), "{}", paths[0].reason);

        // The intermediate authorities alone lead nowhere.
        card.trust.intermediates.clear();
        let outcomes = judge(&card);
        let paths = outcomes.iter().filter(|it| it.id == "trust.path");
        assert!(
            paths.clone().all(|it| it.verdict != Verdict::Pass),
            "{name}"
        );
        assert_eq!(paths.filter(|it| it.verdict == Verdict::Fail).count(), 5);
    }
}

#[test]
fn a_content_signer_given_as_an_anchor_is_trusted() {
    let Some(folder) = data("sd33/trust-anchors/card-4-direct") else {
        return;
    };
    let anchor = folder.join("content-signing-certificate.der");
    let store = TrustStore::load(&[&anchor], &[] as &[&str]).unwrap();
    let path = store.path(&store.anchors[0], now()).unwrap();
    assert_eq!(path.certificates.len(), 1);
}
