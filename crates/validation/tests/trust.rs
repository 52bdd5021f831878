//! Paths to trusted certificates, revocation, and the files they are read from.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where its data is not as it should be"
)]

#[expect(dead_code, reason = "what only the data assertions use")]
#[path = "data_assertions/certificates.rs"]
mod certificates;

use std::fs;

use const_oid::ObjectIdentifier;
use der::pem::LineEnding;
use der::{Encode, EncodePem};
use jiff::Timestamp;
use piv::signed::SigningKey;
use validation::{PathError, Revocation, TrustError, TrustStore};
use x509_cert::Certificate;
use x509_cert::crl::CertificateList;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsages};

use certificates::{Authority, SIGNER_LIFE, Wanted, content_signer, extension, raw, spki, usage};

const ROOT: &str = "CN=Root,O=Not For Use";
const ISSUING: &str = "CN=Issuing,O=Not For Use";

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

/// Both authorities have the one key there is; their names tell them apart.
fn authority(name: &'static str) -> Authority {
    Authority::of_vectors(name)
}

fn is_authority(most: Option<u8>) -> Extension {
    let constraints = BasicConstraints {
        ca: true,
        path_len_constraint: most,
    };
    extension(true, &constraints)
}

/// The certificate of the issuing authority, by the root.
fn issuing(validity: [(u16, u8, u8); 2], extensions: Vec<Extension>) -> Certificate {
    named(ISSUING, ROOT, validity, extensions)
}

fn named(
    subject: &'static str,
    issuer: &'static str,
    validity: [(u16, u8, u8); 2],
    extensions: Vec<Extension>,
) -> Certificate {
    let issuer = authority(issuer);
    let key = SigningKey::P256(issuer.key.clone());
    issuer.issue(Wanted {
        subject,
        serial: 2,
        validity,
        key: spki(&key),
        extensions,
    })
}

fn sound() -> Certificate {
    let signs = usage(KeyUsages::KeyCertSign | KeyUsages::CRLSign);
    issuing(SIGNER_LIFE, vec![is_authority(Some(0)), signs])
}

fn store(intermediates: Vec<Certificate>) -> TrustStore {
    TrustStore {
        anchors: vec![authority(ROOT).certificate(Vec::new())],
        intermediates,
        revocation_lists: Vec::new(),
    }
}

/// A certificate of the issuing authority.
fn leaf() -> Certificate {
    content_signer(&authority(ISSUING)).certificate().clone()
}

fn refused(intermediate: Certificate) -> String {
    let error = store(vec![intermediate]).path(&leaf(), now());
    error.unwrap_err().to_string()
}

#[test]
fn a_path_leads_over_an_authority_to_the_root() {
    let path = store(vec![sound()]).path(&leaf(), now()).unwrap();
    assert_eq!(path.certificates.len(), 3);
    let names: Vec<_> = path.certificates.iter().map(name).collect();
    assert_eq!(path.to_string(), format!("`{}`", names.join("` → `")));
}

fn name(certificate: &Certificate) -> String {
    certificate.tbs_certificate().subject().to_string()
}

#[test]
fn without_the_authority_between_the_missing_name_is_told() {
    let error = store(Vec::new()).path(&leaf(), now()).unwrap_err();
    let PathError::NoIssuer { issuer, .. } = &error else {
        panic!("{error}");
    };
    assert!(issuer.contains("Issuing"), "{error}");
}

#[test]
fn only_an_authority_may_stand_between() {
    let signs = || usage(KeyUsages::KeyCertSign | KeyUsages::CRLSign);
    let plain = BasicConstraints {
        ca: false,
        path_len_constraint: None,
    };
    let no_constraints = refused(issuing(SIGNER_LIFE, vec![signs()]));
    assert!(no_constraints.contains("may not issue"), "{no_constraints}");
    let no_authority = refused(issuing(SIGNER_LIFE, vec![extension(true, &plain), signs()]));
    assert!(no_authority.contains("may not issue"), "{no_authority}");
    let other_usage = usage(KeyUsages::DigitalSignature);
    let other_usage = refused(issuing(SIGNER_LIFE, vec![is_authority(None), other_usage]));
    assert!(other_usage.contains("key usage"), "{other_usage}");
}

#[test]
fn an_authority_that_is_not_valid_now_is_refused() {
    let past = [(2020, 1, 1), (2026, 5, 31)];
    let future = [(2026, 6, 2), (2030, 1, 1)];
    for validity in [past, future] {
        let error = refused(issuing(validity, vec![is_authority(None)]));
        assert!(error.contains("is valid from"), "{error}");
    }
}

#[test]
fn a_critical_extension_nobody_understands_stops_the_path() {
    let unknown = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.1");
    let critical = raw(unknown, true, &true);
    let error = refused(issuing(SIGNER_LIFE, vec![is_authority(None), critical]));
    assert!(error.contains("1.3.6.1.4.1.99999.1"), "{error}");
    let harmless = raw(unknown, false, &true);
    let sound = issuing(SIGNER_LIFE, vec![is_authority(None), harmless]);
    assert!(store(vec![sound]).path(&leaf(), now()).is_ok());
}

#[test]
fn no_more_authorities_stand_below_one_than_its_path_length() {
    // Root over upper over issuing over the leaf: upper has one authority below it.
    const UPPER: &str = "CN=Upper,O=Not For Use";
    let lower = named(ISSUING, UPPER, SIGNER_LIFE, vec![is_authority(Some(0))]);
    let upper = |most| named(UPPER, ROOT, SIGNER_LIFE, vec![is_authority(most)]);
    for (most, fits) in [(None, true), (Some(1), true), (Some(0), false)] {
        let path = store(vec![upper(most), lower.clone()]).path(&leaf(), now());
        assert_eq!(path.is_ok(), fits, "{most:?}: {path:?}");
    }
}

#[test]
fn a_name_with_another_key_leads_nowhere() {
    // The content signer's RSA key under the authority's name.
    let wanted = Wanted {
        subject: ISSUING,
        serial: 3,
        validity: SIGNER_LIFE,
        key: spki(&certificates::key("rsa2048")),
        extensions: vec![is_authority(None)],
    };
    let stranger = authority(ROOT).issue(wanted);
    let error = store(vec![stranger.clone()])
        .path(&leaf(), now())
        .unwrap_err();
    assert!(matches!(error, PathError::Signature { .. }), "{error}");
    // It does not hide the right one.
    assert!(store(vec![stranger, sound()]).path(&leaf(), now()).is_ok());
}

#[test]
fn authorities_that_certify_each_other_do_not_go_round_for_ever() {
    let there = named(ISSUING, "CN=Other", SIGNER_LIFE, vec![is_authority(None)]);
    let back = named("CN=Other", ISSUING, SIGNER_LIFE, vec![is_authority(None)]);
    assert!(
        store(vec![there.clone(), back.clone()])
            .path(&leaf(), now())
            .is_err()
    );
    assert!(
        store(vec![there, back, sound()])
            .path(&leaf(), now())
            .is_ok()
    );
}

#[test]
fn lists_say_who_is_revoked_as_long_as_they_can_be_relied_on() {
    let month = (2026, 6, 30);
    let (root, issuing) = (authority(ROOT), authority(ISSUING));
    let states = |lists: Vec<CertificateList>| {
        let mut store = store(vec![sound()]);
        store.revocation_lists = lists;
        let path = store.path(&leaf(), now()).unwrap();
        let states = store.revocation(&path, now());
        states
            .into_iter()
            .map(|(_, state)| state)
            .collect::<Vec<_>>()
    };
    let unknown = |state: &Revocation| matches!(state, Revocation::Unknown(_));

    let good = states(vec![root.revoke(&[], month), issuing.revoke(&[8], month)]);
    assert_eq!(good, [Revocation::Good, Revocation::Good]);
    // The leaf is number 7 of the issuing authority, that one number 2 of the root.
    let leaf_revoked = states(vec![root.revoke(&[7], month), issuing.revoke(&[7], month)]);
    assert!(matches!(leaf_revoked[0], Revocation::Revoked { .. }));
    assert_eq!(leaf_revoked[1], Revocation::Good);
    let authority_revoked = states(vec![root.revoke(&[2], month), issuing.revoke(&[2], month)]);
    assert_eq!(authority_revoked[0], Revocation::Good);
    assert!(matches!(authority_revoked[1], Revocation::Revoked { .. }));
    // A list that is missing, or old.
    let some = states(vec![issuing.revoke(&[], month)]);
    assert!(some[0] == Revocation::Good && unknown(&some[1]), "{some:?}");
    let old = states(vec![issuing.revoke(&[7], (2026, 5, 31))]);
    assert!(unknown(&old[0]), "{old:?}");
    // One that somebody changed.
    let mut forged = issuing.revoke(&[7], month);
    forged.tbs_cert_list.revoked_certificates = None;
    let forged = states(vec![forged]);
    assert!(unknown(&forged[0]), "{forged:?}");
    // A later list that can be relied on settles what an old one leaves open.
    let both = states(vec![
        issuing.revoke(&[], (2026, 5, 31)),
        issuing.revoke(&[], month),
        root.revoke(&[], month),
    ]);
    assert_eq!(both, [Revocation::Good, Revocation::Good]);
}

#[test]
fn certificates_and_lists_are_read_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let root = authority(ROOT).certificate(Vec::new());
    let list = authority(ISSUING).revoke(&[], (2026, 6, 30));
    fs::write(at("root.crt"), root.to_der().unwrap()).unwrap();
    let others = folder.path().join("others");
    fs::create_dir(&others).unwrap();
    let pem = [
        "Bag Attributes\n    friendlyName: issuing\n",
        &sound().to_pem(LineEnding::LF).unwrap(),
        &list.to_pem(LineEnding::LF).unwrap(),
    ]
    .concat();
    fs::write(others.join("a.pem"), pem).unwrap();
    fs::write(others.join("b.crl"), list.to_der().unwrap()).unwrap();
    fs::write(others.join("c.p7c"), bundle(vec![sound(), leaf()])).unwrap();
    fs::write(others.join("notes.txt"), "not read").unwrap();
    let store = TrustStore::load(&[at("root.crt")], &[&others]).unwrap();
    assert_eq!(store.anchors, [root]);
    assert_eq!(store.intermediates, [sound(), sound(), leaf()]);
    assert_eq!(store.revocation_lists, [list.clone(), list]);
}

/// A certs-only message.
fn bundle(certificates: Vec<Certificate>) -> Vec<u8> {
    use cms::cert::CertificateChoices;
    let mut builder = cms::builder::SignedDataBuilder::new(&EMPTY);
    for certificate in certificates {
        builder
            .add_certificate(CertificateChoices::Certificate(certificate))
            .unwrap();
    }
    builder.build().unwrap().to_der().unwrap()
}

static EMPTY: cms::signed_data::EncapsulatedContentInfo =
    cms::signed_data::EncapsulatedContentInfo {
        econtent_type: const_oid::db::rfc5911::ID_DATA,
        econtent: None,
    };

#[test]
fn files_that_hold_nothing_of_use_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let none: &[&str] = &[];
    let error = |name: &str| TrustStore::load(&[at(name)], none).unwrap_err();
    assert!(
        matches!(error("missing.crt"), TrustError::Unreadable { path, .. } if path == at("missing.crt"))
    );
    fs::write(at("note.pem"), "hello").unwrap();
    assert!(matches!(error("note.pem"), TrustError::Unknown { .. }));
    fs::write(at("cut.der"), &leaf().to_der().unwrap()[..99]).unwrap();
    assert!(matches!(error("cut.der"), TrustError::Malformed { .. }));
    let pem = leaf().to_pem(LineEnding::LF).unwrap().replace("MII", "MIJ");
    fs::write(at("broken.pem"), pem).unwrap();
    assert!(matches!(error("broken.pem"), TrustError::Malformed { .. }));
    let list = authority(ISSUING).revoke(&[], (2026, 6, 30));
    fs::write(at("list.crl"), list.to_der().unwrap()).unwrap();
    assert!(matches!(
        error("list.crl"),
        TrustError::NoAnchor { lists: 1, .. }
    ));
}
