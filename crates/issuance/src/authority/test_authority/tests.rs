use ground::Virtual;
use piv::PublicKey;
use piv::signed::SignedError;
use series::Slot;
use tempfile::TempDir;
use uuid::Uuid;
use x509_cert::ext::pkix::{CertificatePolicies, KeyUsage, PrivateKeyUsagePeriod, SubjectAltName};
use x509_cert::request::CertReq;

use super::*;
use crate::authority::certificate_request::UnsignedRequest;
use crate::authority::{CardNames, CertificateTerms, ChainError, subject_name};

const FASCN: [u8; 25] = [0xD4; 25];

fn ambient() -> Arc<dyn Ambient> {
    Arc::new(Virtual::new(4))
}

fn authority() -> (TempDir, TestAuthority) {
    let folder = tempfile::tempdir().unwrap();
    let authority = TestAuthority::open_or_create(folder.path(), ambient()).unwrap();
    (folder, authority)
}

fn subject() -> Name {
    subject_name("nhs", "People", "555253521108".parse().unwrap(), "Zoë Test")
}

/// A request as a card with a P-256 key signs it.
fn request(subject: Name) -> CertReq {
    let key = p256::SecretKey::generate_from_rng(&mut AmbientRng::new(ambient()));
    let unsigned = UnsignedRequest::new(subject, &PublicKey::P256(key.public_key())).unwrap();
    let signer = p256::ecdsa::SigningKey::from(key);
    let signature: p256::ecdsa::Signature =
        signature::hazmat::PrehashSigner::sign_prehash(&signer, unsigned.digest().as_bytes())
            .unwrap();
    unsigned.sign(signature.to_der().as_bytes())
}

fn submission(slot: Slot, request: &CertReq) -> Submission<'_> {
    let now = ambient().now();
    let (not_before, not_after) = (now - 30.minutes(), now + 24_000.hours());
    let profiles = series::Profiles::builtin();
    let wanted = &profiles.get("series-8").unwrap().certificate;
    Submission {
        slot,
        subject: subject(),
        card: Some(CardNames {
            uuid: Uuid::from_u128(0x1234),
            fascn: &FASCN,
        }),
        terms: CertificateTerms::of(wanted, slot, not_before, not_after).unwrap(),
        not_before,
        not_after,
        request,
    }
}

#[test]
fn the_authority_is_made_once_and_opened_again() {
    let (folder, first) = authority();
    let again = TestAuthority::open_or_create(folder.path(), Arc::new(Virtual::new(99))).unwrap();
    assert_eq!(first.chain, again.chain);
    assert_eq!(
        first.content_signer.certificate(),
        again.content_signer.certificate()
    );
    for certificate in &first.chain {
        let subject = certificate.tbs_certificate().subject().to_string();
        assert!(subject.contains("TEST"), "{subject}");
    }
}

#[test]
fn what_a_crash_left_is_continued() {
    let (folder, first) = authority();
    for name in [
        "issuing.pem",
        "content-signer.key.pem",
        "content-signer.pem",
    ] {
        std::fs::remove_file(folder.path().join(name)).unwrap();
    }
    let again = TestAuthority::open_or_create(folder.path(), ambient()).unwrap();
    assert_eq!(first.root(), again.root());
}

#[test]
fn a_certificate_that_is_not_the_keys_is_refused() {
    let (folder, _) = authority();
    std::fs::copy(
        folder.path().join("root.pem"),
        folder.path().join("issuing.pem"),
    )
    .unwrap();
    let error = TestAuthority::open_or_create(folder.path(), ambient()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("the certificate does not belong to the key beside it"),
        "{error}"
    );
}

#[test]
fn certificates_chain_to_the_root_and_are_kept() {
    let (folder, mut authority) = authority();
    let request = request(subject());
    for slot in Slot::ALL {
        let certificate = authority.submit(&submission(slot, &request)).unwrap();
        verify_chain(&certificate, authority.chain(), ambient().now()).unwrap();
        let serial = serial_text(&certificate);
        assert!(serial.len() >= 16, "64 bits at least");
        let kept = folder.path().join("issued").join(format!("{serial}.pem"));
        assert_eq!(
            Certificate::from_pem(std::fs::read(kept).unwrap()).unwrap(),
            certificate
        );
    }
}

#[test]
fn each_slot_has_its_own_profile() {
    let (_folder, mut authority) = authority();
    let request = request(subject());
    let mut issue = |slot| authority.submit(&submission(slot, &request)).unwrap();
    let (login, signing) = (issue(Slot::Authentication), issue(Slot::Signing));
    let usage = |certificate: &Certificate| {
        let found = certificate.tbs_certificate().get_extension::<KeyUsage>();
        let (critical, usage) = found.unwrap().unwrap();
        assert!(critical);
        (usage.digital_signature(), usage.non_repudiation())
    };
    assert_eq!(usage(&login), (true, false));
    assert_eq!(usage(&signing), (false, true));

    let names = |certificate: &Certificate| {
        let found = certificate
            .tbs_certificate()
            .get_extension::<SubjectAltName>();
        found.unwrap().map(|(_, names)| names.0)
    };
    let login_names = names(&login).unwrap();
    assert_eq!(login_names.len(), 2);
    assert!(format!("{login_names:?}").contains("urn:uuid:00000000-0000-0000-0000-000000001234"));
    assert_eq!(names(&signing), None);

    let found = signing
        .tbs_certificate()
        .get_extension::<CertificatePolicies>();
    let (critical, policies) = found.unwrap().unwrap();
    assert!(critical);
    let policy = &policies.0[0];
    assert_eq!(
        policy.policy_identifier.to_string(),
        "1.2.826.0.1275.102.0.3.2.0"
    );
    let qualifiers = policy.policy_qualifiers.as_ref().unwrap();
    let statement = qualifiers[0].qualifier.as_ref().unwrap();
    assert_eq!(
        statement
            .decode_as::<der::asn1::Ia5String>()
            .unwrap()
            .as_str(),
        "https://pki.nhs.uk/certificate_policies/content_commitment"
    );

    // The key may sign for a share of the certificate's life; logging in has no such end.
    let period = |certificate: &Certificate| {
        let found = certificate
            .tbs_certificate()
            .get_extension::<PrivateKeyUsagePeriod>();
        found.unwrap().map(|(_, period)| period)
    };
    assert!(period(&login).is_none());
    let until = period(&signing).unwrap().not_after.unwrap();
    let validity = signing.tbs_certificate().validity();
    let seconds = |time: std::time::Duration| time.as_secs();
    let from = seconds(validity.not_before.to_unix_duration());
    let life = seconds(validity.not_after.to_unix_duration()) - from;
    assert_eq!(seconds(until.to_unix_duration()) - from, life / 100 * 70);
}

#[test]
fn a_card_without_names_is_not_named() {
    let (_folder, mut authority) = authority();
    let request = request(subject());
    let submission = Submission {
        card: None,
        ..submission(Slot::Authentication, &request)
    };
    let certificate = authority.submit(&submission).unwrap();
    let names = certificate
        .tbs_certificate()
        .get_extension::<SubjectAltName>();
    assert!(names.unwrap().is_none());
}

#[test]
fn a_request_signed_with_another_key_is_refused() {
    let (_folder, mut authority) = authority();
    let mut request = request(subject());
    let mut signature = request.signature.as_bytes().unwrap().to_vec();
    let last = signature.len() - 1;
    signature[last] ^= 1;
    request.signature = der::asn1::BitString::from_bytes(&signature).unwrap();
    let error = authority
        .submit(&submission(Slot::Signing, &request))
        .unwrap_err();
    assert!(
        matches!(error, AuthorityError::NoProof(SignedError::Signature)),
        "{error}"
    );
}

#[test]
fn a_request_for_somebody_else_is_refused() {
    let (_folder, mut authority) = authority();
    let other = subject_name("nhs", "People", "555253521116".parse().unwrap(), "Zoë Test");
    let request = request(other);
    let error = authority
        .submit(&submission(Slot::Signing, &request))
        .unwrap_err();
    assert!(
        matches!(error, AuthorityError::OtherSubject { .. }),
        "{error}"
    );
}

#[test]
fn a_certificate_does_not_outlive_its_issuer() {
    let (_folder, mut authority) = authority();
    let request = request(subject());
    let mut long = submission(Slot::Signing, &request);
    long.not_after = ambient().now() + 200_000.hours();
    let error = authority.submit(&long).unwrap_err();
    assert!(matches!(error, AuthorityError::Validity { .. }), "{error}");
}

#[test]
fn faults_of_a_chain_are_named() {
    let (_folder, mut authority) = authority();
    let request = request(subject());
    let certificate = authority
        .submit(&submission(Slot::Signing, &request))
        .unwrap();
    let now = ambient().now();
    let fault = |chain: &[Certificate], at| verify_chain(&certificate, chain, at).unwrap_err();
    let [issuing, root] = authority.chain.clone();

    assert!(matches!(
        fault(std::slice::from_ref(&root), now),
        ChainError::OtherIssuer { .. }
    ));
    assert!(matches!(
        fault(std::slice::from_ref(&issuing), now),
        ChainError::NoRoot { .. }
    ));
    assert!(matches!(
        fault(&[issuing.clone(), root.clone()], now + 25_000.hours()),
        ChainError::NotValid { .. }
    ));
    // An end-entity certificate as issuer.
    assert!(matches!(
        verify_chain(&certificate, &[certificate.clone(), root], now),
        Err(ChainError::OtherIssuer { .. })
    ));
    // Another authority of the same name.
    let folder = tempfile::tempdir().unwrap();
    let other = TestAuthority::open_or_create(folder.path(), Arc::new(Virtual::new(5))).unwrap();
    assert!(matches!(
        fault(other.chain(), now),
        ChainError::OtherKey { .. }
    ));
    assert!(matches!(
        fault(&[issuing, other.root().clone()], now),
        ChainError::OtherKey { .. }
    ));
}
