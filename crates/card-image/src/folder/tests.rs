use std::path::PathBuf;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const CARDS: [(&str, usize, usize); 4] = [
    ("01_Golden_PIV", 11, 4),
    ("02_Golden_PIV-I", 11, 4),
    ("37_Golden_FIPS_201-2_PIV_PPS_F=512_D=64", 17, 9),
    ("46_Golden_FIPS_201-2_PIV", 11, 4),
];

/// The published card images, or `None` with a plain word where there are none.
fn published() -> Option<PathBuf> {
    let data = std::env::var_os("CARDWRIGHT_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = data.join("icam");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no test data at {}", folder.display());
    None
}

#[test]
fn the_published_cards_load_and_every_object_equals_its_file() {
    let Some(published) = published() else { return };
    for (name, objects, keys) in CARDS {
        let folder = published.join(name);
        if !folder.is_dir() {
            println!("skipped: no card {name}");
            continue;
        }
        let image = CardImage::load(&folder).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(image.source, name);
        assert_eq!(image.values().len(), objects, "{name}");
        assert_eq!(image.keys.len(), keys, "{name}");
        assert_eq!(image.objects.len(), 36, "a folder is the whole card");
        assert!(image.objects[&ObjectId::IrisImages].is_absent());
        let file = |number: &str| fs::read(folder.join(number)).unwrap();
        for (object, number) in [
            (ObjectId::SecurityObject, "2 - Security Object"),
            (ObjectId::CardCapabilityContainer, "7 - CCC"),
            (ObjectId::Chuid, "8 - CHUID Object"),
            (ObjectId::Fingerprints, "9 - Fingerprints"),
            (ObjectId::FacialImage, "10 - Face Object"),
            (ObjectId::PrintedInformation, "11 - Printed Information"),
        ] {
            assert_eq!(image.object(object).unwrap(), file(number), "{name}");
        }
        let discovery = image.object(ObjectId::Discovery).unwrap();
        assert_eq!(
            ber::object(ObjectId::Discovery.tag(), discovery),
            file("1 - Discovery Object")
        );
        // That they are the right keys is proved where something signs with them.
        for reference in image.keys.keys() {
            let certificate = image.object(reference.certificate().unwrap()).unwrap();
            assert!(certificate.ends_with(&[0x71, 0x01, 0x00, 0xFE, 0x00]));
        }
    }
}

#[test]
fn a_folder_without_a_numbered_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("CHUID_Signer.crt"), b"-").unwrap();
    let error = CardImage::load(folder.path()).unwrap_err();
    assert!(matches!(error, ImageError::NoImage { .. }), "{error}");
}

#[test]
fn what_is_wrong_with_a_file_is_told_with_its_name() {
    let long = vec![0; CardImage::MAX_OBJECT + 1];
    let huge = vec![0; MAX_FILE + 1];
    let cases: [(&str, &[u8], &str); 9] = [
        ("12 - Something", b"", "number 12"),
        ("34 - Key_Hist21", b"", "number 34"),
        ("999 - Key", b"", "number 999"),
        ("3 - Auth.crt", b"nothing", "no PEM certificate"),
        ("3 - Auth.p12", b"nothing", "no PKCS #12 key file"),
        ("1 - Discovery Object", b"nothing", "its own tag"),
        ("8 - CHUID", &long, "more than 32767"),
        ("8 - CHUID", &huge, "more than 262144"),
        (
            "4 - Dig_Sig.crt",
            b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
            "no PEM certificate",
        ),
    ];
    for (name, bytes, word) in cases {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
        let error = CardImage::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains(word), "{name}: {error}");
        assert!(error.contains(name), "{name}: {error}");
    }
}

#[test]
fn two_files_of_one_object_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("8 - CHUID"), [0x34, 0x00]).unwrap();
    fs::write(folder.path().join("8 - CHUID Object"), [0x34, 0x00]).unwrap();
    let error = CardImage::load(folder.path()).unwrap_err();
    assert!(matches!(error, ImageError::Duplicate { .. }), "{error}");
}

#[test]
fn an_empty_file_is_an_object_created_and_not_filled() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("11 - Printed Information"), []).unwrap();
    let image = CardImage::load(folder.path()).unwrap();
    assert_eq!(image.objects[&ObjectId::PrintedInformation], Content::Empty);
}

#[test]
fn a_key_file_with_a_changed_byte_never_opens_as_another_key() {
    let Some(published) = published() else { return };
    let name = "3 - ICAM_PIV_Auth_SP_800-73-4.p12";
    // One with a SHA-1 MAC, one with SHA-256.
    let there = |card: &&str| published.join(card).is_dir();
    for card in [CARDS[0].0, CARDS[3].0].into_iter().filter(there) {
        let bytes = fs::read(published.join(card).join(name)).unwrap();
        let key = pkcs12::private_key(name, &bytes).unwrap();
        for at in (0..bytes.len()).step_by(17) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            if let Ok(found) = pkcs12::private_key(name, &changed) {
                assert_eq!(found, key, "{card}, byte {at}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_key_or_a_typed_error(bytes in vec(any::<u8>(), 0..300)) {
        let _ = pkcs12::private_key("key.p12", &bytes);
        let _ = certificate_object("certificate.crt", &bytes);
    }
}
