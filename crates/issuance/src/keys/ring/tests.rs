use ground::Virtual;

use super::*;

fn ring() -> (tempfile::TempDir, KeyRing) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    let ring = KeyRing::open_or_create_test(&path, &Virtual::new(1)).unwrap();
    (folder, ring)
}

#[test]
fn a_test_ring_is_created_once_and_marked() {
    let (folder, ring) = ring();
    let path = folder.path().join("keys.toml");
    assert!(
        std::fs::read_to_string(&path)
            .unwrap()
            .starts_with("# TEST KEYS.")
    );
    let again = KeyRing::open_or_create_test(&path, &Virtual::new(2)).unwrap();
    let blank = BlankNumber::new(&[1, 2, 3, 4]);
    assert_eq!(ring.name(), again.name());
    assert!(
        ring.admin_key(Algorithm::Aes192, &blank).unwrap()
            == again.admin_key(Algorithm::Aes192, &blank).unwrap()
    );
    assert!(ring.puk(&blank) == again.puk(&blank));
}

#[test]
fn simulated_blanks_have_the_published_values() {
    let (_folder, ring) = ring();
    let transport = ring.transport("series-10").unwrap();
    assert_eq!(
        transport.admin_key().bytes(),
        [1, 2, 3, 4, 5, 6, 7, 8].repeat(3)
    );
    assert_eq!(transport.admin_key().algorithm(), Algorithm::Aes192);
    assert!(*transport.passcode() == Passcode::new("123456").unwrap());
    assert!(*transport.puk() == Puk::new(*b"12345678"));
}

#[test]
fn test_keys_are_refused_for_a_station_that_is_not_for_tests() {
    let (_folder, ring) = ring();
    assert!(ring.permit("desk", Purpose::Test).is_ok());
    let error = ring.permit("desk", Purpose::Live).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the key ring is for test cards, station `desk` is for live cards"
    );
    assert_eq!(error.blame(), Blame::OperatorMistake);
}

#[test]
fn a_live_ring_names_the_series_it_lacks() {
    let text = test_ring(&Virtual::new(1))
        .replace("\"test\"", "\"live\"")
        .replace("\"*\"", "\"series-9\"");
    let ring = KeyRing::parse(&text).unwrap();
    assert_eq!(ring.purpose(), Purpose::Live);
    assert!(ring.transport("series-9").is_ok());
    assert_eq!(
        ring.transport("series-10").unwrap_err().to_string(),
        "the key ring has no transport secrets for series `series-10` (it has: `series-9`)"
    );
}

#[test]
fn the_keys_of_the_card_manager_are_one_three_or_none() {
    let text = test_ring(&Virtual::new(1));
    let key = "404142434445464748494A4B4C4D4E4F";
    let with =
        |keys: &str| KeyRing::parse(&text.replace(&format!("[\"{key}\"]"), &format!("[{keys}]")));
    let ring = KeyRing::parse(&text).unwrap();
    let keys = ring.transport("series-10").unwrap().manager_keys().unwrap();
    assert_eq!(keys.encryption().bytes(), b"@ABCDEFGHIJKLMNO");
    assert_eq!(keys.mac(), keys.data_encryption());

    let other = "00112233445566778899AABBCCDDEEFF";
    let ring = with(&format!("\"{key}\", \"{other}\", \"{key}\"")).unwrap();
    let keys = ring.transport("series-10").unwrap().manager_keys().unwrap();
    assert_ne!(keys.encryption(), keys.mac());

    let error = with("")
        .unwrap()
        .transport("x")
        .unwrap()
        .manager_keys()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the key ring lacks `manager-keys` in the transport secrets of `*`, which the profile needs"
    );
    for (wrong, expected) in [
        (
            format!("\"{key}\", \"{key}\""),
            "2 `manager-keys`, one or three were expected",
        ),
        (
            format!("\"{}\"", &key[2..]),
            "does not have 16, 24 or 32 bytes",
        ),
        (format!("\"x{}\"", &key[1..]), "is not hexadecimal"),
        (
            format!("\"{key}\", \"{key}\", \"{key}{key}\""),
            "are not of one length",
        ),
    ] {
        let message = with(&wrong).err().unwrap();
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains(&key[4..12]), "{message}");
    }
}

#[test]
fn a_ring_without_a_master_key_for_card_managers_says_so() {
    let blank = BlankNumber::new(&[1, 2, 3, 4]);
    let text = test_ring(&Virtual::new(1));
    let ring = KeyRing::parse(&text).unwrap();
    let keys = ring.manager_keys(16, &blank).unwrap();
    assert_ne!(
        keys,
        ring.manager_keys(16, &BlankNumber::new(&[5])).unwrap()
    );
    let without: String = text
        .lines()
        .filter(|line| !line.starts_with("manager-master"))
        .map(|line| format!("{line}\n"))
        .collect();
    let error = KeyRing::parse(&without)
        .unwrap()
        .manager_keys(16, &blank)
        .unwrap_err();
    assert!(matches!(error, KeyRingError::NoManagerKeys { .. }));
    assert_eq!(error.blame(), Blame::OperatorMistake);
}

#[test]
fn no_error_and_no_debug_shows_a_secret() {
    let text = test_ring(&Virtual::new(1));
    let secret = KeyRing::parse(&text).unwrap();
    let key = hex::encode(*secret.admin_master);
    for broken in [
        text.replace("admin-master = \"", "admin-master = \"zz"),
        text.replace("admin-master = ", "admin-master == "),
        text.replace("passcode = \"123456\"", "passcode = \"x23456\""),
        text.replace("admin-key = \"01", "admin-key = \"0"),
        text.replace("puk-master", "pick-master"),
    ] {
        assert_ne!(broken, text);
        let message = KeyRing::parse(&broken).unwrap_err();
        for part in [&key[..8], "x23456", "0304050607"] {
            assert!(!message.contains(part), "{message}");
        }
    }
    let shown = format!("{secret:?} {:?}", secret.transport);
    assert!(
        !shown.contains("123456") && !shown.contains(&key[..8]),
        "{shown}"
    );
}
