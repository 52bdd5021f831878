//! What a personalised card holds: keys, certificates from a simulated test authority, and the
//! identity objects. All of it follows from the card's number.

pub(super) mod authority;
mod cvc;

use ::piv::words::{AID, Algorithm, Edition, KeyReference, ObjectId};
use iso7816::ber::{self, Tag};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use sha2::{Digest, Sha256};

use self::authority::{Authority, Subject};
use super::keys::PrivateKey;
use super::nvm::{Cell, Transaction};
use super::random::seeded;
use super::{Model, Suite, fascn};

/// The certificate, in DER, of the simulated authority that vouches for the personalised card
/// with this number. Its key follows from the number: it proves nothing to anybody.
#[must_use]
pub fn test_authority(number: u64) -> Vec<u8> {
    Authority::new(number, &mut seeded(number, 0)).certificate()
}

/// Personalised cards expire with their certificates: 31 December 2035.
const EXPIRY: &[u8; 8] = b"20351231";

/// Adds keys and objects to a new card's memory.
pub(super) fn add_to(mut cells: Transaction, model: &Model, number: u64) -> Transaction {
    let random = &mut seeded(number, 0);
    let authority = Authority::new(number, random);
    let mut uuid = [0; 16];
    random.fill_bytes(&mut uuid);
    // RFC 9562, 5.4: version 4.
    uuid[6] = uuid[6] & 0x0F | 0x40;
    uuid[8] = uuid[8] & 0x3F | 0x80;
    let fasc_n = fascn::of(number);

    for (reference, object) in [
        (
            KeyReference::Authentication,
            ObjectId::AuthenticationCertificate,
        ),
        (KeyReference::Signature, ObjectId::SignatureCertificate),
        (
            KeyReference::KeyManagement,
            ObjectId::KeyManagementCertificate,
        ),
        (
            KeyReference::CardAuthentication,
            ObjectId::CardAuthenticationCertificate,
        ),
    ] {
        let key = PrivateKey::generate(Algorithm::P256, random)
            .expect("P-256 keys can always be generated");
        let value = key.to_cell().expect("P-256 keys encode as their scalar");
        let certificate = authority.certify(&Subject {
            reference,
            key: &key,
            fasc_n,
            uuid,
        });
        let mut parts: Vec<(u8, &[u8])> = vec![(0x70, &certificate), (0x71, &[0x00])];
        if model.edition < Edition::Fifth {
            parts.push((0x72, MSCUID));
        }
        parts.push((0xFE, &[]));
        cells = cells
            .set(Cell::Key(reference), value.as_slice())
            .set(Cell::Object(object.tag()), container(&parts));
    }

    cells = cells
        .set(
            Cell::Object(ObjectId::Chuid.tag()),
            chuid(&authority, model.edition, &fasc_n, &uuid),
        )
        .set(
            Cell::Object(ObjectId::CardCapabilityContainer.tag()),
            card_capability_container(model.edition, &uuid),
        )
        .set(
            Cell::Object(ObjectId::Discovery.tag()),
            discovery(model.pin_usage_policy),
        )
        .set(
            Cell::Object(ObjectId::PrintedInformation.tag()),
            printed_information(number),
        );
    // Last, so that the card is the same in all else with and without it.
    if let Some(secure_messaging) = model.secure_messaging {
        cells = add_secure_messaging(cells, secure_messaging.suite, &authority, &uuid, random);
        cells = add_pairing_code(cells, model.pin_usage_policy, random);
    }
    let hashed = security_object(&cells, &authority);
    cells.set(Cell::Object(ObjectId::SecurityObject.tag()), hashed)
}

/// SP 800-73-5 Part 1, 3.1.7: the hashes of the CHUID and of every object without a signature,
/// each over what is inside its outermost tag.
fn security_object(cells: &Transaction, authority: &Authority) -> Vec<u8> {
    // SEQUENCE { OBJECT IDENTIFIER id-sha256 }.
    const SHA_256: [u8; 13] = [
        0x30, 0x0B, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
    ];
    let (mut mapping, mut groups) = (Vec::new(), Vec::new());
    for (group, object) in (1_u8..).zip([
        ObjectId::CardCapabilityContainer,
        ObjectId::Chuid,
        ObjectId::PrintedInformation,
        ObjectId::Discovery,
        ObjectId::PairingCode,
    ]) {
        let Some(whole) = cells.get(Cell::Object(object.tag())) else {
            continue;
        };
        let value = ber::expect(object.wrapper(), whole).expect("an object was put in its wrapper");
        let [high, low] = object.container().to_be_bytes();
        mapping.extend([group, high, low]);
        let mut hashed = ber::object(Tag(0x02), &[group]);
        ber::write(&mut hashed, Tag(0x04), &Sha256::digest(value));
        ber::write(&mut groups, Tag(0x30), &hashed);
    }
    let mut hashes = ber::object(Tag(0x02), &[0]);
    hashes.extend(SHA_256);
    ber::write(&mut hashes, Tag(0x30), &groups);
    let signature = authority.sign_hashes(&ber::object(Tag(0x30), &hashes));
    container(&[(0xBA, &mapping), (0xBB, &signature), (0xFE, &[])])
}

/// Key 04 with its certificate, and the certificate of who signed that.
fn add_secure_messaging(
    cells: Transaction,
    suite: Suite,
    authority: &Authority,
    uuid: &[u8; 16],
    random: &mut ChaCha20Rng,
) -> Transaction {
    let key =
        PrivateKey::generate(suite.curve(), random).expect("keys on a curve can be generated");
    let value = key
        .to_cell()
        .expect("keys on a curve encode as their scalar");
    let signer = authority.certificate_signer(suite, random);
    cells
        .set(Cell::Key(KeyReference::SecureMessaging), value.as_slice())
        .set(Cell::Certificate, signer.certify(&key, uuid))
        .set(
            Cell::Object(ObjectId::SecureMessagingSigner.tag()),
            container(&[(0x70, signer.certificate()), (0x71, &[0x00]), (0xFE, &[])]),
        )
}

/// SP 800-73-5 Part 1, 5.1.3: eight digits by lot, where they serve a purpose.
fn add_pairing_code(cells: Transaction, policy: [u8; 2], random: &mut ChaCha20Rng) -> Transaction {
    const VIRTUAL_CONTACT: u8 = 0x08;
    if policy[0] & VIRTUAL_CONTACT == 0 {
        return cells;
    }
    cells.set(
        Cell::Object(ObjectId::PairingCode.tag()),
        pairing_code(random),
    )
}

/// A pairing code by lot, in its container.
pub(super) fn pairing_code(random: &mut ChaCha20Rng) -> Vec<u8> {
    let code = format!("{:08}", random.next_u64() % 100_000_000);
    container(&[(0x99, code.as_bytes()), (0xFE, &[])])
}

/// SP 800-73-4 Part 1, Appendix A: what a Windows minidriver of that day called the container.
const MSCUID: &[u8] = b"simulated container";

/// SP 800-73-5 Part 1, Appendix A. The signature covers everything before and after itself, but
/// for the buffer length EE of the fourth edition, which is the length of all the rest.
fn chuid(authority: &Authority, edition: Edition, fasc_n: &[u8], uuid: &[u8]) -> Vec<u8> {
    let mut before: Vec<(u8, &[u8])> = vec![(0x30, fasc_n)];
    if edition < Edition::Fifth {
        before.extend([(0x32, &b"9999"[..]), (0x33, &[0; 9])]);
    }
    before.extend([(0x34, uuid), (0x35, EXPIRY)]);
    let covered = elements(&[&before[..], &[(0xFE, &[])]].concat());
    let signature = authority.sign_chuid(&covered);
    let rest = [&before[..], &[(0x3E, &signature), (0xFE, &[])]].concat();
    if edition >= Edition::Fifth {
        return container(&rest);
    }
    let length = u16::try_from(elements(&rest).len()).expect("a CHUID is a few kilobytes at most");
    container(&[&[(0xEE, &length.to_be_bytes()[..])], &rest[..]].concat())
}

/// SP 800-73-5 Part 1, Appendix A: the identifier of the card and the data model, the rest empty.
/// In the fourth edition two more elements, which may be empty.
fn card_capability_container(edition: Edition, uuid: &[u8; 16]) -> Vec<u8> {
    // GSC-IS: RID, manufacturer unknown, Java Card, 14 bytes of card identifier.
    let mut identifier = vec![0xA0, 0x00, 0x00, 0x01, 0x16, 0xFF, 0x02];
    identifier.extend_from_slice(&uuid[..14]);
    let mut parts: Vec<(u8, &[u8])> = vec![
        (0xF0, &identifier),
        (0xF1, &[0x21]),
        (0xF2, &[0x21]),
        (0xF3, &[]),
        (0xF4, &[0x00]),
        (0xF5, &[0x10]),
        (0xF6, &[]),
        (0xF7, &[]),
        (0xFA, &[]),
        (0xFB, &[]),
        (0xFC, &[]),
        (0xFD, &[]),
    ];
    if edition < Edition::Fifth {
        parts.extend([(0xE3, &[][..]), (0xB4, &[])]);
    }
    parts.push((0xFE, &[]));
    container(&parts)
}

/// SP 800-73-5 Part 1, 3.3.2.
fn discovery(policy: [u8; 2]) -> Vec<u8> {
    let mut value = ber::object(Tag(0x4F), &AID);
    ber::write(&mut value, Tag(0x5F2F), &policy);
    ber::object(ObjectId::Discovery.tag(), &value)
}

/// SP 800-73-5 Part 1, Appendix A.
fn printed_information(number: u64) -> Vec<u8> {
    container(&[
        (0x01, b"SIMULATED CARD"),
        (0x02, b"NOT FOR USE"),
        (0x04, b"2035DEC31"),
        (0x05, format!("{number:010}").as_bytes()),
        (0x06, b"SIMULATED00TEST"),
        (0xFE, &[]),
    ])
}

fn container(parts: &[(u8, &[u8])]) -> Vec<u8> {
    ber::object(Tag(0x53), &elements(parts))
}

fn elements(parts: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for &(tag, value) in parts {
        ber::write(&mut out, Tag(u32::from(tag)), value);
    }
    out
}

#[cfg(test)]
mod tests {
    use cms::content_info::ContentInfo;
    use cms::signed_data::SignedData;
    use der::{Decode, Encode};
    use p256::ecdsa::signature::Verifier;
    use p256::ecdsa::{DerSignature, VerifyingKey};
    use x509_cert::Certificate;

    use super::*;
    use crate::card::{Model, PivChip};

    fn key_of(certificate: &Certificate) -> VerifyingKey {
        let point = certificate
            .tbs_certificate()
            .subject_public_key_info()
            .subject_public_key
            .raw_bytes();
        VerifyingKey::from_sec1_bytes(point).unwrap()
    }

    fn assert_issued_by(authority: &Certificate, certificate: &Certificate) {
        let signature = DerSignature::try_from(certificate.signature().raw_bytes()).unwrap();
        let signed = certificate.tbs_certificate().to_der().unwrap();
        key_of(authority).verify(&signed, &signature).unwrap();
    }

    fn element(object: &[u8], tag: u32) -> &[u8] {
        let value = ber::expect(Tag(0x53), object).unwrap();
        ber::Reader::single_byte_tags(value)
            .map(Result::unwrap)
            .find(|element| element.tag == Tag(tag))
            .unwrap()
            .value
    }

    #[test]
    fn the_same_number_makes_the_same_card_and_another_number_another() {
        let cells = |number| {
            let chip = PivChip::personalised(&Model::series10(), number);
            chip.memory()
                .cells()
                .map(|(cell, value)| (cell, value.to_vec()))
                .collect::<Vec<_>>()
        };
        assert_eq!(cells(5), cells(5));
        assert_ne!(cells(5), cells(6));
    }

    #[test]
    fn every_certificate_is_of_its_key_and_issued_by_the_test_authority() {
        let mut chip = PivChip::personalised(&Model::series10(), 5);
        let authority = Certificate::from_der(&test_authority(5)).unwrap();
        assert_issued_by(&authority, &authority);
        for reference in [0x9A, 0x9C, 0x9D, 0x9E] {
            let reference = KeyReference::from_byte(reference).unwrap();
            let tag = reference.certificate().unwrap().tag();
            let certificate =
                Certificate::from_der(element(chip.object(tag).unwrap(), 0x70)).unwrap();
            assert_issued_by(&authority, &certificate);
            let signature = chip
                .key(reference)
                .unwrap()
                .sign(&[0x5A; 32], false)
                .unwrap();
            let signature = DerSignature::try_from(signature.as_slice()).unwrap();
            signature::hazmat::PrehashVerifier::verify_prehash(
                &key_of(&certificate),
                &[0x5A; 32],
                &signature,
            )
            .unwrap();
        }
    }

    /// Secure messaging comes last: what a card with it and one without it have in common is the
    /// same.
    #[test]
    fn secure_messaging_changes_nothing_else_on_the_card() {
        let mut model = Model::series10();
        model.pin_usage_policy = [0x40, 0x00];
        let with = PivChip::personalised(&model, 5);
        model.secure_messaging = None;
        let without = PivChip::personalised(&model, 5);
        for (cell, value) in without.memory().cells() {
            assert_eq!(with.memory().get(cell), Some(value), "{cell:?}");
        }
        let more = with.memory().cells().count() - without.memory().cells().count();
        assert_eq!(more, 3, "key 04, its certificate and the signer's");
    }

    /// SP 800-73-5 Part 2, 4.1.5, as the host's parser and verifier see it.
    #[test]
    fn the_certificate_of_key_04_is_that_keys_and_signed_by_the_content_signer() {
        use ::piv::cvc::{Cvc, Signer, Subject};
        for suite in [Suite::Cs2, Suite::Cs7] {
            let mut model = Model::series10();
            model.secure_messaging.as_mut().unwrap().suite = suite;
            let mut chip = PivChip::personalised(&model, 5);
            let cvc = Cvc::parse(chip.memory().get(Cell::Certificate).unwrap()).unwrap();
            assert_eq!(cvc.findings, []);
            let object = chip.object(ObjectId::SecureMessagingSigner.tag()).unwrap();
            let signer = element(object, 0x70);
            cvc.value
                .verify(&Signer::from_certificate_der(signer).unwrap())
                .unwrap();
            let authority = Certificate::from_der(&test_authority(5)).unwrap();
            assert_issued_by(&authority, &Certificate::from_der(signer).unwrap());
            let chuid = chip.object(ObjectId::Chuid.tag()).unwrap();
            assert!(matches!(
                cvc.value.subject,
                Some(Subject::Card(uuid)) if uuid.as_bytes() == element(chuid, 0x34)
            ));
            let key = chip.key(KeyReference::SecureMessaging).unwrap();
            assert_eq!(
                cvc.value.public_key.unwrap().point().unwrap(),
                key.point().unwrap()
            );
        }
    }

    /// As the host's parser and verifier see it.
    #[test]
    fn the_security_object_is_signed_and_its_hashes_are_those_of_the_objects() {
        use std::collections::BTreeMap;

        use ::piv::objects::SecurityObject;
        use ::piv::signed::verify_chuid_bytes;
        for model in [Model::series9(), Model::series10()] {
            let chip = PivChip::personalised(&model, 5);
            let contents: BTreeMap<ObjectId, Vec<u8>> = ObjectId::all()
                .filter_map(|object| {
                    let wrapper = match object.is_bare() {
                        true => object.tag(),
                        false => Tag(0x53),
                    };
                    let value = ber::expect(wrapper, chip.object(object.tag())?).unwrap();
                    Some((object, value.to_vec()))
                })
                .collect();
            let signer = verify_chuid_bytes(&contents[&ObjectId::Chuid]).unwrap();
            let security = SecurityObject::parse(&contents[&ObjectId::SecurityObject]).unwrap();
            assert_eq!(security.findings, []);
            security.value.verify(&signer).unwrap();
            assert_eq!(security.value.check(&contents, &signer), []);
            assert!(security.value.covers().any(|it| it == ObjectId::Discovery));
        }
    }

    #[test]
    fn a_pairing_code_is_there_where_the_policy_names_a_virtual_contact_interface() {
        let code = |policy| {
            let mut model = Model::series10();
            model.pin_usage_policy = policy;
            let chip = PivChip::personalised(&model, 5);
            let object = chip.object(ObjectId::PairingCode.tag());
            object.map(|object| element(object, 0x99).to_vec())
        };
        let found = code([0x48, 0x00]).unwrap();
        assert!(found.len() == 8 && found.iter().all(u8::is_ascii_digit));
        assert_eq!(code([0x40, 0x00]), None);
    }

    #[test]
    fn the_chuid_is_signed_by_a_content_signer_of_the_test_authority() {
        let chip = PivChip::personalised(&Model::series10(), 5);
        let object = chip.object(ObjectId::Chuid.tag()).unwrap();
        let info = ContentInfo::from_der(element(object, 0x3E)).unwrap();
        let signed: SignedData = info.content.decode_as().unwrap();
        let certificates = signed.certificates.as_ref().unwrap();
        let [cms::cert::CertificateChoices::Certificate(signer)] = certificates.0.as_slice() else {
            panic!("one certificate");
        };
        assert_issued_by(&Certificate::from_der(&test_authority(5)).unwrap(), signer);
        let [signature] = signed.signer_infos.0.as_slice() else {
            panic!("one signer");
        };
        let attributes = signature.signed_attrs.as_ref().unwrap();
        let value = DerSignature::try_from(signature.signature.as_bytes()).unwrap();
        key_of(signer)
            .verify(&attributes.to_der().unwrap(), &value)
            .unwrap();
        // All elements but the signature itself.
        let covered: Vec<u8> =
            ber::Reader::single_byte_tags(ber::expect(Tag(0x53), object).unwrap())
                .map(Result::unwrap)
                .filter(|element| element.tag != Tag(0x3E))
                .flat_map(|element| element.raw.to_vec())
                .collect();
        let digest = attributes
            .iter()
            .find(|attribute| attribute.oid.to_string() == "1.2.840.113549.1.9.4")
            .unwrap();
        assert_eq!(
            digest.values.get(0).unwrap().value(),
            Sha256::digest(covered).as_slice()
        );
    }
}
