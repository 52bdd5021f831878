use std::sync::Arc;

use ground::{AmbientRng, Virtual};
use iso7816::ber::{self, Tag};
use p256::ecdsa::signature::Signer as _;
use proptest::prelude::*;
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::signature::SignatureEncoding;
use sha2::Sha256;

use super::*;
use crate::Parsed;

const CARD: Uuid = Uuid::from_bytes([0x42; 16]);

fn p256_secret() -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap()
}

fn p256_signer() -> Signer {
    Signer {
        identifier: KeyIdentifier(*b"signer 1"),
        key: PublicKey::P256(p256_secret().verifying_key().into()),
    }
}

fn p384_secret() -> p384::ecdsa::SigningKey {
    p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap()
}

fn p384_signer() -> Signer {
    Signer {
        identifier: KeyIdentifier(*b"signer 2"),
        key: PublicKey::P384(p384_secret().verifying_key().into()),
    }
}

fn card_key() -> PublicKey {
    PublicKey::P256(p256::SecretKey::from_slice(&[9; 32]).unwrap().public_key())
}

fn p256_card() -> Vec<u8> {
    let content = CvcContent::card(p256_signer().identifier, CARD, card_key()).unwrap();
    let signature: p256::ecdsa::DerSignature = p256_secret().sign(&content.covered());
    content.encode(signature.as_bytes()).unwrap()
}

fn p384_card() -> Vec<u8> {
    let key = p384::SecretKey::from_slice(&[9; 48]).unwrap().public_key();
    let signer = p384_signer().identifier;
    let content = CvcContent::card(signer, CARD, PublicKey::P384(key)).unwrap();
    let signature: p384::ecdsa::DerSignature = p384_secret().sign(&content.covered());
    content.encode(signature.as_bytes()).unwrap()
}

/// The elements of a CVC, to be changed and put together again.
fn elements(cvc: &[u8]) -> Vec<(Tag, Vec<u8>)> {
    let inner = ber::expect(CVC, cvc).unwrap();
    ber::Reader::new(inner)
        .map(|object| object.unwrap())
        .map(|object| (object.tag, object.value.to_vec()))
        .collect()
}

fn assemble(elements: &[(Tag, Vec<u8>)]) -> Vec<u8> {
    let mut inner = Vec::new();
    for (tag, value) in elements {
        ber::write(&mut inner, *tag, value);
    }
    ber::object(CVC, &inner)
}

fn messages(parsed: &Parsed<Cvc>) -> Vec<&str> {
    parsed
        .findings
        .iter()
        .map(|finding| finding.message.as_str())
        .collect()
}

#[test]
fn a_card_cvc_has_the_form_of_the_standard_and_verifies() {
    for (bytes, signer, lengths) in [
        (p256_card(), p256_signer(), 211..=213),
        (p384_card(), p384_signer(), 271..=275),
    ] {
        assert!(lengths.contains(&bytes.len()), "{} bytes", bytes.len());
        let parsed = Cvc::parse(&bytes).unwrap();
        assert_eq!(messages(&parsed), [""; 0]);
        assert!(parsed.conforms());
        assert_eq!(parsed.raw, bytes);
        let cvc = parsed.value;
        assert_eq!(cvc.profile, Some(0x80));
        assert_eq!(cvc.issuer, Some(signer.identifier));
        assert_eq!(cvc.subject, Some(Subject::Card(CARD)));
        assert_eq!(cvc.role, Some(Role::Card));
        assert_eq!(cvc.verify(&signer), Ok(()));
    }
}

#[test]
fn another_signer_is_told_from_a_wrong_signature() {
    let cvc = Cvc::parse(&p256_card()).unwrap().value;
    assert_eq!(
        cvc.verify(&p384_signer()),
        Err(CvcError::OtherSigner {
            expected: p384_signer().identifier,
            actual: p256_signer().identifier,
        })
    );
    let impostor = Signer {
        key: card_key(),
        ..p256_signer()
    };
    assert_eq!(cvc.verify(&impostor), Err(CvcError::Signature));
    let other_curve = Signer {
        key: p384_signer().key,
        ..p256_signer()
    };
    assert_eq!(
        cvc.verify(&other_curve),
        Err(CvcError::Algorithm {
            algorithm: "ecdsa-with-SHA256",
            role: Role::Card,
        })
    );
}

#[test]
fn no_single_bit_of_a_cvc_can_change_unnoticed() {
    let bytes = p256_card();
    let signer = p256_signer();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(parsed) = Cvc::parse(&changed) {
            assert!(parsed.value.verify(&signer).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn an_intermediate_cvc_stands_between_an_rsa_key_and_a_card() {
    let mut rng = AmbientRng::new(Arc::new(Virtual::new(5)));
    let rsa = RsaPrivateKey::new(&mut rng, 2048).unwrap();
    let content_signer = Signer {
        identifier: KeyIdentifier(*b"rsa root"),
        key: PublicKey::Rsa(rsa.to_public_key()),
    };
    let key = p256_signer().key;
    let content = CvcContent::intermediate(content_signer.identifier, key.clone()).unwrap();
    assert_eq!(content.signature_algorithm(), SignatureAlgorithm::RsaSha256);
    let signature = SigningKey::<Sha256>::new(rsa).sign(&content.covered());
    let bytes = content.encode(&signature.to_vec()).unwrap();

    let parsed = Cvc::parse(&bytes).unwrap();
    assert_eq!(messages(&parsed), [""; 0]);
    assert_eq!(parsed.value.role, Some(Role::Intermediate));
    let signer = Signer::from_intermediate(&parsed.value, &content_signer).unwrap();
    assert_eq!(Some(signer.identifier), KeyIdentifier::of_key(&key));

    let content = CvcContent::card(signer.identifier, CARD, card_key()).unwrap();
    let signature: p256::ecdsa::DerSignature = p256_secret().sign(&content.covered());
    let card = content.encode(signature.as_bytes()).unwrap();
    let card = Cvc::parse(&card).unwrap().value;
    assert_eq!(card.verify(&signer), Ok(()));

    // A card's CVC signs nothing, and RSA does not sign cards.
    assert_eq!(
        Signer::from_intermediate(&card, &signer),
        Err(CvcError::Role {
            expected: Role::Intermediate,
            actual: Role::Card,
        })
    );
    let mut forged = elements(&bytes);
    forged[4].1 = vec![0x00];
    let forged = Cvc::parse(&assemble(&forged)).unwrap().value;
    assert_eq!(
        forged.verify(&content_signer),
        Err(CvcError::Algorithm {
            algorithm: "sha256WithRSAEncryption",
            role: Role::Card,
        })
    );
}

#[test]
fn an_rsa_key_is_not_certified() {
    let modulus = [0xC1; 128];
    let key = PublicKey::from_rsa_parts(&modulus, &[1, 0, 1]).unwrap();
    let issuer = KeyIdentifier([0; 8]);
    for refused in [
        CvcContent::card(issuer, CARD, key.clone()),
        CvcContent::intermediate(issuer, key),
    ] {
        assert_eq!(refused, Err(CvcError::NotEllipticCurve));
    }
}

#[test]
fn whatever_is_wrong_inside_is_a_finding_and_the_rest_is_read() {
    type Change = fn(&mut Vec<(Tag, Vec<u8>)>);
    let cases: [(Change, &str); 16] = [
        (
            |it| it[0].1 = vec![0x81],
            "credential profile identifier (`5F29`) is `81`, expected `80`",
        ),
        (
            |it| it[1].1 = vec![1; 7],
            "issuer identification number (`42`) has 7 bytes, expected 8",
        ),
        (
            |it| it[2].1 = vec![1; 8],
            "subject identifier (`5F20`) has 8 bytes, a card's has 16",
        ),
        (
            |it| it[2].1 = vec![1; 9],
            "subject identifier (`5F20`) has 9 bytes, expected 16 for a card or 8 for an \
             intermediate",
        ),
        (
            |it| it[3].1.truncate(12),
            "the public key (`7F49`) is cut short: value of 65 bytes cut short after 0 at offset 10",
        ),
        (
            |it| it[3].1.truncate(10),
            "the public key (`7F49`) holds `06`, expected `06 86`",
        ),
        (
            |it| it[3].1[9] = 0x08,
            "the public key (`7F49`) has a point of 65 bytes on a curve with OID \
             `2A8648CE3D030108`",
        ),
        (
            |it| it[3].1[13] ^= 1,
            "the public key (`7F49`): 65 bytes are no uncompressed point on P-256 (65) or P-384 \
             (97)",
        ),
        (
            |it| it[4].1 = vec![0x13],
            "role identifier (`5F4C`) is `13`, expected `00` or `12`",
        ),
        (
            |it| it[4].1 = vec![0x12],
            "subject identifier (`5F20`) has 16 bytes, an intermediate's has 8",
        ),
        (
            |it| it[5].1 = CvcSignature::encode(SignatureAlgorithm::RsaSha256, &[1; 256]).unwrap(),
            "signed with sha256WithRSAEncryption, expected ecdsa-with-SHA256",
        ),
        (
            // ecdsa-with-SHA1
            |it| it[5].1 = hex::decode("300E300906072A8648CE3D0401030100").unwrap(),
            "the signature (`5F37`) has algorithm `1.2.840.10045.4.1`, expected ECDSA with \
             SHA-256 or SHA-384, or RSA with SHA-256",
        ),
        (
            // ecdsa-with-SHA256 with NULL
            |it| it[5].1 = hex::decode("3011300C06082A8648CE3D0403020500030100").unwrap(),
            "the parameters of ecdsa-with-SHA256 in the signature (`5F37`) must be absent",
        ),
        (|it| it.swap(1, 2), "`42` is out of order"),
        (
            |it| it.insert(4, (Tag(0x5F25), vec![1])),
            "unexpected element `5F25`",
        ),
        (
            |it| it.insert(4, it[0].clone()),
            "`5F29` appears twice; the first counts",
        ),
    ];
    for (change, message) in cases {
        let mut elements = elements(&p256_card());
        change(&mut elements);
        let parsed = Cvc::parse(&assemble(&elements)).unwrap();
        assert!(
            messages(&parsed).contains(&message),
            "{message}: {:?}",
            messages(&parsed)
        );
        assert!(!parsed.conforms());
        assert!(parsed.value.verify(&p256_signer()).is_err(), "{message}");
    }
}

#[test]
fn each_missing_element_is_named() {
    for (place, name) in [
        "no credential profile identifier (`5F29`)",
        "no issuer identification number (`42`)",
        "no subject identifier (`5F20`)",
        "no public key (`7F49`)",
        "no role identifier (`5F4C`)",
        "no signature (`5F37`)",
    ]
    .into_iter()
    .enumerate()
    {
        let mut elements = elements(&p256_card());
        elements.remove(place);
        let parsed = Cvc::parse(&assemble(&elements)).unwrap();
        assert_eq!(messages(&parsed), [name]);
    }
}

#[test]
fn an_identifier_that_is_not_of_the_key_is_a_warning_only() {
    let content = CvcContent::intermediate(KeyIdentifier([1; 8]), card_key()).unwrap();
    let mut elements = elements(&content.encode(&[1; 256]).unwrap());
    elements[2].1 = vec![0xA5; 8];
    let parsed = Cvc::parse(&assemble(&elements)).unwrap();
    assert!(parsed.conforms());
    assert!(messages(&parsed)[0].starts_with("subject identifier (`5F20`) is `A5A5A5A5A5A5A5A5`"));
}

#[test]
fn a_length_in_a_longer_form_is_a_finding() {
    let long = [&[0x7F, 0x21, 0x82, 0x00], &p256_card()[3..]].concat();
    let parsed = Cvc::parse(&long).unwrap();
    assert_eq!(
        messages(&parsed),
        ["the length of `7F21` is not in its shortest form"]
    );
    assert_eq!(parsed.value.verify(&p256_signer()), Ok(()));
}

#[test]
fn what_is_not_one_object_7f21_is_refused() {
    let mut trailing = p256_card();
    trailing.push(0);
    for bytes in [&[][..], &[0x7F, 0x21], &[0x53, 0x00], &trailing] {
        assert!(matches!(Cvc::parse(bytes), Err(CvcError::NotCvc(_))));
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_read_back(
        issuer in any::<[u8; 8]>(),
        card in any::<[u8; 16]>(),
        scalar in 1_u64..,
        signature in proptest::collection::vec(any::<u8>(), 1..300),
        intermediate in any::<bool>(),
    ) {
        let mut bytes = [0; 32];
        bytes[24..].copy_from_slice(&scalar.to_be_bytes());
        let key = p256::SecretKey::from_slice(&bytes).unwrap().public_key();
        let key = PublicKey::P256(key);
        let issuer = KeyIdentifier(issuer);
        let content = if intermediate {
            CvcContent::intermediate(issuer, key.clone())
        } else {
            CvcContent::card(issuer, Uuid::from_bytes(card), key.clone())
        }
        .unwrap();
        let bytes = content.encode(&signature).unwrap();
        let parsed = Cvc::parse(&bytes).unwrap();
        prop_assert_eq!(messages(&parsed), [""; 0]);
        let cvc = parsed.value;
        prop_assert_eq!(cvc.issuer, Some(content.issuer()));
        prop_assert_eq!(cvc.subject, Some(content.subject()));
        prop_assert_eq!(cvc.role, Some(content.role()));
        prop_assert_eq!(cvc.public_key, Some(key));
        prop_assert_eq!(cvc.covered, content.covered());
        let read = cvc.signature.unwrap();
        prop_assert_eq!(read.algorithm, Some(content.signature_algorithm()));
        prop_assert_eq!(read.value, signature);
    }

    #[test]
    fn any_bytes_parse_or_give_a_typed_error(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        place in 0_usize..6,
    ) {
        let _ = Cvc::parse(&bytes);
        let _ = Cvc::parse(&ber::object(CVC, &bytes));
        let mut elements = elements(&p256_card());
        elements[place].1 = bytes;
        let parsed = Cvc::parse(&assemble(&elements)).unwrap();
        prop_assert!(parsed.value.verify(&p256_signer()).is_err());
    }
}
