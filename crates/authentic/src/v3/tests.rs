use super::*;
use crate::scripted::{Script, done, scripted_channel};
use crate::secrets::{NewPasscode, OfficerPasscode, Passcode};
use crate::{KeyId, LastTry, Role, Token, Tries};

/// A client that has selected the application, and what is left of the script.
fn scripted(exchanges: &[(&str, &str)]) -> (Client, Script) {
    let start = [
        ("00A4040010A0000000770100700A1000F10000010000", "9000"),
        ("00A4000000", "9000"),
    ];
    let (channel, script) = scripted_channel(&[&start[..], exchanges].concat());
    (Client::select(channel).unwrap(), script)
}

const USER_POLICY: &str =
    "5F01 1A 800100 860A 0000 0002 0001 FF00 FF00 910105 A106 83010C 840104 9000";
const OFFICER_POLICY: &str =
    "5F02 1A 800100 860A 0000 FF00 0002 FF00 FF00 910105 A106 830104 840104 9000";

#[test]
fn a_passcode_is_padded_to_the_longest_of_its_policy_and_class_80_is_tried() {
    let (mut client, script) = scripted(&[
        ("00CA5F0100", "6E00"),
        ("80CA5F0100", USER_POLICY),
        ("00200001", "63C5"),
        ("00200001", "63C5"),
        ("002000010C 6162636431 FFFFFFFFFFFFFF", "9000"),
    ]);
    let passcode = Passcode::new("abcd1").unwrap();
    client.verify(&passcode, LastTry::Refuse).unwrap();
    done(&script);
}

#[test]
fn with_one_try_left_nothing_is_sent_unless_told() {
    let officer = OfficerPasscode::new(b"1234").unwrap();
    let (mut client, script) = scripted(&[
        ("00CA5F0200", OFFICER_POLICY),
        ("00200002", "63C1"),
        ("00200002", "63C1"),
    ]);
    let error = client
        .verify_officer(&officer, LastTry::Refuse)
        .unwrap_err();
    assert_eq!(
        error,
        AuthenticError::LastTryRefused {
            action: Action::Verify(Role::Officer),
            role: Role::Officer
        }
    );
    done(&script);

    let (mut client, script) = scripted(&[
        ("00CA5F0200", OFFICER_POLICY),
        ("00200002", "63C1"),
        ("00200002", "63C1"),
        ("0020000204 31323334", "63C0"),
    ]);
    let error = client.verify_officer(&officer, LastTry::Spend).unwrap_err();
    assert_eq!(
        error,
        AuthenticError::WrongPasscode {
            action: Action::Verify(Role::Officer),
            role: Role::Officer,
            tries_left: Some(0)
        }
    );
    done(&script);
}

#[test]
fn a_card_that_changes_its_mind_about_the_tries_gets_no_passcode() {
    let (mut client, script) = scripted(&[
        ("00CA5F0100", USER_POLICY),
        ("00200001", "63C5"),
        ("00200001", "63C3"),
    ]);
    let error = client
        .verify(&Passcode::new("12345678").unwrap(), LastTry::Spend)
        .unwrap_err();
    assert!(
        matches!(error, AuthenticError::ChangedItsMind { .. }),
        "{error}"
    );
    done(&script);
}

#[test]
fn a_passcode_the_policy_does_not_take_is_not_sent() {
    let (mut client, script) = scripted(&[("00CA5F0200", OFFICER_POLICY)]);
    let error = client
        .verify_officer(&OfficerPasscode::new(b"12345678").unwrap(), LastTry::Spend)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot verify the security officer's passcode: the card takes 4 to 4 characters as \
         security officer's passcode, this one has 8"
    );
    done(&script);
}

#[test]
fn unlocking_needs_the_credential_the_policy_names() {
    let only_three = USER_POLICY.replace("0000 0002", "0000 0004");
    let (mut client, script) = scripted(&[("00CA5F0100", &only_three)]);
    let error = client
        .unlock(
            &OfficerPasscode::new(b"1234").unwrap(),
            &NewPasscode::new("123456").unwrap(),
            LastTry::Spend,
        )
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot unlock the card with a new passcode: to reset the holder's passcode the card \
         needs credential 3"
    );
    done(&script);
}

#[test]
fn a_passcode_is_changed_reset_and_its_tries_given_back() {
    let (mut client, script) = scripted(&[
        ("00CA5F0100", USER_POLICY),
        ("00CA5F0100", USER_POLICY),
        ("00200001", "9000"),
        ("00200001", "9000"),
        (
            "0024000118 61626364FFFFFFFFFFFFFFFF 313233343536FFFFFFFFFFFF",
            "9000",
        ),
        ("00CA5F0100", USER_POLICY),
        ("002401010C 363534333231FFFFFFFFFFFF", "9000"),
        ("00CA5F0100", USER_POLICY),
        ("002C02010C 363534333231FFFFFFFFFFFF", "6982"),
        ("00CA5F0100", USER_POLICY),
        ("002C0301", "9000"),
        ("00200001", "6A88"),
        ("00200001", "6A88"),
    ]);
    let new = NewPasscode::new("123456").unwrap();
    client
        .change_passcode(&Passcode::new("abcd").unwrap(), &new, LastTry::Refuse)
        .unwrap();
    let new = NewPasscode::new("654321").unwrap();
    client.change_to(&new).unwrap();
    let error = client.set_passcode(&new, 3).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("it needs the security officer's passcode"),
        "{error}"
    );
    client.reset_tries().unwrap();
    assert_eq!(client.tries(Role::User).unwrap(), Tries::ABSENT);
    done(&script);
}

#[test]
fn a_challenge_has_24_bytes() {
    let (mut client, _) = scripted(&[
        ("0084000018", &("A5".repeat(24) + "9000")),
        ("0084000018", "A5A59000"),
    ]);
    assert_eq!(client.challenge().unwrap(), [0xA5; 24]);
    assert!(client.challenge().is_err());
}

#[test]
fn files_are_selected_in_all_ways() {
    let (mut client, script) = scripted(&[
        (
            "00A40800063F005015700500",
            "62 07 80 02 01 00 82 01 01 9000",
        ),
        ("00A4000002500000", "6A82"),
        ("00A4030000", "6F 03 82 01 38 9000"),
        ("00A40900045015700500", "9000"),
    ]);
    let path = FilePath::below_master(&[0x5015, 0x7005]);
    assert_eq!(client.file(&path).unwrap().size, 256);
    assert!(client.select_identifier(0x5000).is_err());
    assert!(client.select_parent().unwrap().is_dedicated());
    client.select_from_here(&[0x5015, 0x7005]).unwrap();
    done(&script);
}

#[test]
fn a_file_shorter_than_stated_is_an_error_and_one_in_parts_is_read_whole() {
    let path = FilePath::below_master(&[0x2F00]);
    let select = "00A40800043F002F0000";
    let (mut client, script) = scripted(&[
        (select, "6F 06 62 04 80 02 01 2C 9000"),
        ("00B0000000", &("11".repeat(256) + "9000")),
        ("00B001002C", &("22".repeat(44) + "9000")),
        (select, "6F 06 62 04 80 02 01 2C 9000"),
        ("00B0000000", "1122 6282"),
    ]);
    let bytes = client.read(&path).unwrap();
    assert_eq!(bytes, [[0x11; 256].to_vec(), vec![0x22; 44]].concat());
    assert_eq!(
        client.read(&path),
        Err(AuthenticError::ShortFile {
            path,
            stated: 300,
            actual: 2
        })
    );
    done(&script);
}

#[test]
fn a_key_that_signs_without_a_passcode_is_found() {
    let info = hex::encode_upper(crate::Digest::Sha256([0; 32]).digest_info());
    let sign = format!("002A9E9A33{info}00");
    let check = |answer: &str| {
        let (mut client, script) = scripted(&[
            ("00A4040010A0000000770100700A1000F10000010000", "9000"),
            ("00A4000000", "9000"),
            ("00A40800043F00501500", "9000"),
            ("002241B606 800111 830102", "9000"),
            (&sign, answer),
        ]);
        let found = client.signs_without_passcode(KeyId(2)).unwrap();
        done(&script);
        found
    };
    assert_eq!(check("6982"), None);
    let found = check(&("5A".repeat(256) + "9000")).unwrap();
    assert_eq!(
        found.to_string(),
        "error: file 3F00/5015: key 2 signs without a passcode: it did so when asked without one"
    );
}
