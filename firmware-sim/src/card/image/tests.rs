use std::path::PathBuf;

use ::piv::objects::CertificateObject;
use ::piv::words::Algorithm;
use ::piv::{MessageDigest, PublicKey};
use card_image::{Answer, Production};
use iso7816::{Command, Response};

use super::*;
use crate::contacts::Chip;

/// The published card images, or `None` with a plain word where there are none.
fn published() -> Option<PathBuf> {
    let data = std::env::var_os("CARDWRIGHT_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let folder = data.join("icam");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no test data at {}", folder.display());
    None
}

/// Sends a command in short parts and collects the whole answer.
fn send(chip: &mut PivChip, command: &Command) -> Response {
    let mut rest = command.data.to_vec();
    while rest.len() > 255 {
        let part = Command::new(
            command.class | Command::CHAINING,
            command.instruction,
            command.p1,
            command.p2,
        )
        .with_data(rest.drain(..255).collect::<Vec<u8>>());
        assert!(
            chip.transmit(&part.to_short().unwrap())
                .ends_with(&[0x90, 0x00])
        );
    }
    let mut last = command.clone();
    last.data = rest.into();
    let mut whole = Response::parse(&chip.transmit(&last.to_short().unwrap())).unwrap();
    while whole.status.waiting().is_some() {
        let next = Response::parse(&chip.transmit(&[0x00, 0xC0, 0x00, 0x00, 0x00])).unwrap();
        whole = Response::new([&whole.data[..], &next.data].concat(), next.status);
    }
    whole
}

fn selected(chip: &mut PivChip) {
    chip.power_on();
    let select = ::piv::commands::select(&::piv::words::AID);
    assert!(send(chip, &select).status.is_ok());
}

fn read(chip: &mut PivChip, object: ObjectId) -> Response {
    send(chip, &::piv::commands::get_data(object.tag()))
}

fn verify_pin(chip: &mut PivChip) {
    let verify = hex::decode("0020008008313233343536FFFF").unwrap();
    assert_eq!(chip.transmit(&verify), [0x90, 0x00]);
}

/// The card images in a folder.
fn cards(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| folder.join(name).join("8 - CHUID Object").is_file())
        .collect();
    names.sort();
    assert!(!names.is_empty(), "no card in {}", folder.display());
    names
}

#[test]
fn every_object_of_the_published_cards_is_read_back_and_what_needs_a_pin_only_with_it() {
    let Some(published) = published() else { return };
    for name in cards(&published) {
        let image = CardImage::load(published.join(&name)).unwrap();
        let mut chip = PivChip::from_image(&Model::series10(), &image, 1).unwrap();
        selected(&mut chip);
        for with_pin in [false, true] {
            if with_pin {
                verify_pin(&mut chip);
            }
            for (&object, content) in &image.objects {
                let response = read(&mut chip, object);
                match content {
                    _ if object.needs_pin() && !with_pin => assert_eq!(
                        response.status,
                        StatusWord::SECURITY_STATUS_NOT_SATISFIED,
                        "{name} {object}"
                    ),
                    Content::Present(value) => {
                        let wrapper = if object.is_bare() {
                            object.tag()
                        } else {
                            Tag(0x53)
                        };
                        assert_eq!(response.status, StatusWord::OK, "{name} {object}");
                        assert_eq!(*response.data, ber::object(wrapper, value));
                    }
                    content => {
                        assert!(content.is_absent(), "{name} {object}: {content:?}");
                        assert_eq!(response.status, StatusWord::NOT_FOUND, "{name} {object}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_private_key_of_the_published_cards_is_its_certificates() {
    let Some(published) = published() else { return };
    let mut proved = 0;
    for name in cards(&published) {
        let image = CardImage::load(published.join(&name)).unwrap();
        let mut chip = PivChip::from_image(&Model::series10(), &image, 1).unwrap();
        selected(&mut chip);
        for &reference in image.keys.keys() {
            let object = image.object(reference.certificate().unwrap()).unwrap();
            let certificate = CertificateObject::parse(object).unwrap().value;
            let certificate = certificate.certificate().unwrap();
            let tbs = certificate.tbs_certificate();
            let public = PublicKey::from_spki(tbs.subject_public_key_info()).unwrap();
            let digest = MessageDigest::sha256(name.as_bytes());
            let algorithm = public.algorithm().unwrap();
            let input = match algorithm {
                Algorithm::Rsa2048 => digest.padded(256).unwrap(),
                _ => digest.as_bytes().to_vec(),
            };
            verify_pin(&mut chip);
            let command = ::piv::commands::private_key_operation(algorithm, reference, &input);
            let response = send(&mut chip, &command);
            assert_eq!(response.status, StatusWord::OK, "{name} {reference}");
            let template = ber::expect(Tag(0x7C), &response.data).unwrap();
            let signature = ber::find(Tag(0x82), template).unwrap().unwrap();
            public
                .verify_digest(&digest, signature)
                .unwrap_or_else(|error| panic!("{name} {reference}: {error}"));
            proved += 1;
        }
    }
    assert!(proved >= 4, "{proved} keys");
}

/// An image of a card nobody has the keys of.
fn capture() -> CardImage {
    let mut image = CardImage::new("test");
    image.atr = Some(vec![0x3B, 0x80, 0x01, 0x81]);
    image.select = Some(Answer {
        status: StatusWord::OK,
        data: vec![0x61, 0x02, 0x50, 0x00],
    });
    image.production = Production {
        cplc: Some(vec![0x11; 42]),
        issuer_identification: Some(vec![0x22; 4]),
        card_image_number: None,
    };
    image.objects = [
        (ObjectId::Chuid, Content::Present(vec![0x34, 0x00])),
        (ObjectId::KeyHistory, Content::Empty),
        (ObjectId::SecurityObject, Content::Malformed(vec![0x01])),
        (ObjectId::CardCapabilityContainer, refused(0x6982)),
        (ObjectId::PrintedInformation, refused(0x6982)),
        (ObjectId::SecureMessagingSigner, refused(0x6A82)),
        (ObjectId::PairingCode, Content::Withheld),
    ]
    .into();
    image.references = [
        (PinReference::Application, StatusWord(0x63C2)),
        (PinReference::Global, StatusWord(0x63C9)),
    ]
    .into();
    image
}

fn refused(status: u16) -> Content {
    Content::Refused(StatusWord(status))
}

#[test]
fn a_card_says_of_itself_what_the_image_says() {
    let image = capture();
    let mut chip = PivChip::from_image(&Model::series10(), &image, 7).unwrap();
    assert_eq!(Some(chip.power_on()), image.atr);
    let select = ::piv::commands::select(&::piv::words::AID);
    assert_eq!(*send(&mut chip, &select).data, image.select.unwrap().data);
    assert_eq!(chip.transmit(&[0x00, 0x20, 0x00, 0x80]), [0x63, 0xC2]);
    assert_eq!(chip.transmit(&[0x00, 0x20, 0x00, 0x00]), [0x6A, 0x88]);
    chip.transmit(&[0x00, 0xA4, 0x04, 0x00, 0x00]);
    let cplc = chip.transmit(&[0x80, 0xCA, 0x9F, 0x7F, 0x00]);
    assert_eq!(cplc[3..45], [0x11; 42]);
    let number = chip.transmit(&[0x80, 0xCA, 0x00, 0x45, 0x00]);
    assert_eq!(number[2..10], 7_u64.to_be_bytes(), "the model's");
}

#[test]
fn what_could_not_be_read_is_refused_as_it_was_even_after_the_pin() {
    let mut chip = PivChip::from_image(&Model::series10(), &capture(), 7).unwrap();
    selected(&mut chip);
    verify_pin(&mut chip);
    for (object, expected) in [
        (ObjectId::Chuid, "53023400 9000"),
        (ObjectId::KeyHistory, "5300 9000"),
        (ObjectId::SecurityObject, "01 9000"),
        (ObjectId::CardCapabilityContainer, "6982"),
        (ObjectId::PrintedInformation, "6982"),
        (ObjectId::SecureMessagingSigner, "6A82"),
        (ObjectId::Discovery, "6A82"),
    ] {
        let response = hex::encode_upper(read(&mut chip, object).to_bytes());
        assert_eq!(response, expected.replace(' ', ""), "{object}");
    }
    let code = read(&mut chip, ObjectId::PairingCode);
    assert_eq!(code.data.len(), 14, "a code made from the number");
}

#[test]
fn a_card_without_key_04_announces_no_secure_messaging() {
    let model = Model::series10();
    let mut chip = PivChip::from_image(&model, &CardImage::new("test"), 7).unwrap();
    chip.power_on();
    let select = ::piv::commands::select(&::piv::words::AID);
    let answer = ::piv::ApplicationProperties::parse(&send(&mut chip, &select).data);
    assert_eq!(answer.secure_messaging(), None);
    assert_eq!(answer.label.as_deref(), Some(&*model.label));
    assert!(answer.extended_length.is_some());
    assert_eq!(answer.findings, []);
}

#[test]
fn an_image_without_keys_answers_as_a_card_without_them() {
    let mut image = CardImage::new("test");
    let mut without = PivChip::from_image(&Model::series10(), &image, 7).unwrap();
    let mut blank = PivChip::blank(&Model::series10(), 7);
    let sign = ::piv::commands::private_key_operation(
        Algorithm::P256,
        KeyReference::CardAuthentication,
        &[1; 32],
    );
    selected(&mut without);
    selected(&mut blank);
    assert_eq!(send(&mut without, &sign), send(&mut blank, &sign));

    let secret = p256::SecretKey::from_slice(&[0x5A; 32]).unwrap();
    let der = p256::pkcs8::EncodePrivateKey::to_pkcs8_der(&secret).unwrap();
    let key = card_image::PrivateKey::from_pkcs8(der.as_bytes()).unwrap();
    image.keys.insert(KeyReference::CardAuthentication, key);
    let mut with = PivChip::from_image(&Model::series10(), &image, 7).unwrap();
    selected(&mut with);
    assert!(send(&mut with, &sign).status.is_ok());
}

#[test]
fn a_state_file_keeps_the_card_of_an_image_and_takes_no_second() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.card");
    let (model, image) = (Model::series10(), capture());
    drop(PivChip::open_image(&path, &model, &image, 7).unwrap());
    let error = PivChip::open_image(&path, &model, &image, 7).unwrap_err();
    assert!(
        error.to_string().contains("holds a card already"),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("leave the image out"));

    let mut again = PivChip::resume(&path).unwrap().unwrap();
    assert_eq!(Some(again.power_on()), image.atr);
    let mut fresh = PivChip::from_image(&model, &image, 7).unwrap();
    selected(&mut again);
    selected(&mut fresh);
    for object in ObjectId::all() {
        assert_eq!(read(&mut again, object), read(&mut fresh, object));
    }
}

#[test]
fn a_card_whose_image_has_no_answer_to_reset_is_taken_for_no_series() {
    let image = CardImage::new("nothing");
    let mut chip = PivChip::from_image(&Model::series10(), &image, 1).unwrap();
    let answer = chip.power_on();
    assert_ne!(answer, Model::series10().atr);
    assert_eq!(iso7816::Atr::parse(&answer).unwrap().findings, []);
}
