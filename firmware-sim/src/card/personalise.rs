//! What a personalised card holds: keys, certificates from a simulated test authority, and the
//! identity objects. All of it follows from the card's number.

mod authority;

use ::piv::words::{AID, Algorithm, KeyReference, ObjectId};
use iso7816::ber::{self, Tag};
use rand_core::Rng;

use self::authority::{Authority, Subject};
use super::keys::PrivateKey;
use super::nvm::{Cell, Transaction};
use super::{fascn, seeded};

/// The certificate, in DER, of the simulated authority that vouches for the personalised card
/// with this number. Its key follows from the number: it proves nothing to anybody.
#[must_use]
pub fn test_authority(number: u64) -> Vec<u8> {
    Authority::new(number, &mut seeded(number, 0)).certificate()
}

/// Personalised cards expire with their certificates: 31 December 2035.
const EXPIRY: &[u8; 8] = b"20351231";

/// Adds keys and objects to a new card's memory.
pub(super) fn add_to(mut cells: Transaction, number: u64) -> Transaction {
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
        cells = cells.set(Cell::Key(reference), value.as_slice()).set(
            Cell::Object(object.tag()),
            container(&[(0x70, &certificate), (0x71, &[0x00]), (0xFE, &[])]),
        );
    }

    cells
        .set(
            Cell::Object(ObjectId::Chuid.tag()),
            chuid(&authority, &fasc_n, &uuid),
        )
        .set(
            Cell::Object(ObjectId::CardCapabilityContainer.tag()),
            card_capability_container(&uuid),
        )
        .set(Cell::Object(ObjectId::Discovery.tag()), discovery())
        .set(
            Cell::Object(ObjectId::PrintedInformation.tag()),
            printed_information(number),
        )
}

/// SP 800-73-5 Part 1, Appendix A. The signature covers everything before and after itself.
fn chuid(authority: &Authority, fasc_n: &[u8], uuid: &[u8]) -> Vec<u8> {
    let before: &[(u8, &[u8])] = &[(0x30, fasc_n), (0x34, uuid), (0x35, EXPIRY)];
    let covered = elements(&[before, &[(0xFE, &[])]].concat());
    let signature = authority.sign_chuid(&covered);
    container(&[before, &[(0x3E, &signature), (0xFE, &[])]].concat())
}

/// SP 800-73-5 Part 1, Appendix A: the identifier of the card and the data model, the rest empty.
fn card_capability_container(uuid: &[u8; 16]) -> Vec<u8> {
    // GSC-IS: RID, manufacturer unknown, Java Card, 14 bytes of card identifier.
    let mut identifier = vec![0xA0, 0x00, 0x00, 0x01, 0x16, 0xFF, 0x02];
    identifier.extend_from_slice(&uuid[..14]);
    container(&[
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
        (0xFE, &[]),
    ])
}

/// SP 800-73-5 Part 1, 3.3.2: the PIV PIN alone.
fn discovery() -> Vec<u8> {
    let mut value = ber::object(Tag(0x4F), &AID);
    ber::write(&mut value, Tag(0x5F2F), &[0x40, 0x00]);
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
    use crate::card::{Model, PivChip};

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
}
