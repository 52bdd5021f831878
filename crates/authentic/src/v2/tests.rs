use super::*;
use crate::scripted::{Script, done, scripted_channel};
use crate::secrets::{NewPasscode, OfficerPasscode, Passcode};
use crate::{
    Action, AuthenticError, Digest, FilePath, KeyId, LastTry, Problem, Role, Token, Tries,
};

const CPLC: &str = "9F7F2A 40905032404100000000 0000 A1B2C3D4 \
                    00000000000000000000000000000000000000000000000000 9000";

/// A client that has selected the application and its master file.
fn scripted(exchanges: &[(&str, &str)]) -> (Client, Script) {
    let start = [
        ("00A4040007 A0000000030000 00", "9000"),
        ("80CA9F7F2D", CPLC),
        ("00A4040010 A000000077010303000000F100000002 00", "9000"),
        ("00A4000C02 3F00", "9000"),
    ];
    let (channel, script) = scripted_channel(&[&start[..], exchanges].concat());
    (Client::select(channel).unwrap(), script)
}

const DOMAIN: (&str, &str) = ("00A4000C025011", "9000");

#[test]
fn the_serial_is_bytes_15_to_18_of_the_production_data() {
    let (client, script) = scripted(&[]);
    assert_eq!(client.serial(), Some([0xA1, 0xB2, 0xC3, 0xD4]));
    done(&script);
}

#[test]
fn a_card_that_always_answers_select_is_asked_with_p2_00() {
    let (mut client, script) = scripted(&[
        ("00A4000C025011", "6A86"),
        ("00A4000002501100", "6F00 9000"),
        ("00200081", "63C3"),
        ("00200081", "63C3"),
    ]);
    assert_eq!(client.tries(Role::User).unwrap(), Tries::left(3));
    done(&script);
}

#[test]
fn a_passcode_is_padded_to_64_bytes() {
    let sent = "0020008140 61626364".to_owned() + &"FF".repeat(60);
    let (mut client, script) = scripted(&[
        DOMAIN,
        ("00200081", "63C3"),
        ("00200081", "63C3"),
        (&sent, "9000"),
    ]);
    let passcode = Passcode::new("abcd").unwrap();
    client.verify(&passcode, LastTry::Refuse).unwrap();
    done(&script);
}

#[test]
fn nothing_is_sent_to_a_blocked_passcode_or_for_the_last_try() {
    let passcode = Passcode::new("abcd").unwrap();
    for (state, blocked) in [("63C0", true), ("6983", true), ("63C1", false)] {
        let (mut client, script) = scripted(&[DOMAIN, ("00200081", state), ("00200081", state)]);
        let error = client.verify(&passcode, LastTry::Refuse).unwrap_err();
        let (action, role) = (Action::Verify(Role::User), Role::User);
        assert_eq!(
            error,
            match blocked {
                true => AuthenticError::Blocked { action, role },
                false => AuthenticError::LastTryRefused { action, role },
            }
        );
        done(&script);
    }
    let officer = OfficerPasscode::new(b"87654321").unwrap();
    let (mut client, script) = scripted(&[("00200004", "63C1"), ("00200004", "63C1")]);
    let error = client
        .change_officer(&officer, &officer, LastTry::Refuse)
        .unwrap_err();
    assert!(matches!(error, AuthenticError::LastTryRefused { .. }));
    done(&script);
}

#[test]
fn a_card_that_changes_its_mind_about_the_tries_gets_no_passcode() {
    let (mut client, script) = scripted(&[DOMAIN, ("00200081", "63C3"), ("00200081", "63C2")]);
    let passcode = Passcode::new("abcd").unwrap();
    let error = client.verify(&passcode, LastTry::Refuse).unwrap_err();
    assert!(matches!(error, AuthenticError::ChangedItsMind { .. }));
    done(&script);
}

#[test]
fn unlocking_verifies_84_reads_the_code_and_sends_it_with_the_new_passcode() {
    let officer = "0020008440 3837363534333231".to_owned() + &"FF".repeat(56);
    let code = "000102030405060708090A0B0C0D0E0F";
    let file = "6F16 82020101 83022000 80020010 8608FF2400FFFFFFFFFF 9000";
    let read = code.to_owned() + "9000";
    let unblock = "002C000150".to_owned() + code + "363534333231" + &"FF".repeat(58);
    let (mut client, script) = scripted(&[
        DOMAIN,
        ("00200081", "63C0"),
        ("00200081", "63C0"),
        ("00200084", "63C3"),
        ("00200084", "63C3"),
        (&officer, "9000"),
        ("00A4000002200000", file),
        ("00B0000010", &read),
        ("00A4000002200000", file),
        ("00B0000010", &read),
        (&unblock, "9000"),
    ]);
    let officer = OfficerPasscode::new(b"87654321").unwrap();
    let new = NewPasscode::new("654321").unwrap();
    client.unlock(&officer, &new, LastTry::Refuse).unwrap();
    done(&script);
}

#[test]
fn a_code_that_reads_differently_the_second_time_is_not_used() {
    let file = "6F16 82020101 83022000 80020010 8608FF2400FFFFFFFFFF 9000";
    let officer = "0020008440 3837363534333231".to_owned() + &"FF".repeat(56);
    let (mut client, script) = scripted(&[
        DOMAIN,
        ("00200081", "63C0"),
        ("00200081", "63C0"),
        ("00200084", "63C3"),
        ("00200084", "63C3"),
        (&officer, "9000"),
        ("00A4000002200000", file),
        ("00B0000010", "000102030405060708090A0B0C0D0E0F 9000"),
        ("00A4000002200000", file),
        ("00B0000010", "FF0102030405060708090A0B0C0D0E0F 9000"),
    ]);
    let officer = OfficerPasscode::new(b"87654321").unwrap();
    let new = NewPasscode::new("654321").unwrap();
    let error = client.unlock(&officer, &new, LastTry::Refuse).unwrap_err();
    assert!(matches!(error, AuthenticError::ChangedItsMind { .. }));
    done(&script);
}

#[test]
fn a_file_shorter_than_it_says_is_told_apart_from_a_whole_one() {
    let (mut client, script) = scripted(&[
        DOMAIN,
        (
            "00A4000002100000",
            "6F16 82020101 83021000 80020024 8608242400FFFFFFFFFF 9000",
        ),
        ("00B0000024", "41424344 6282"),
    ]);
    let path = FilePath::below_master(&[0x5011, 0x1000]);
    assert_eq!(
        client.read(&path).unwrap_err(),
        AuthenticError::ShortFile {
            path,
            stated: 36,
            actual: 4
        }
    );
    done(&script);
}

#[test]
fn a_key_is_selected_set_up_and_signs() {
    let key = "6F16 82021400 83023001 85020200 86082121FF21FF21FFFF 9000";
    let info = "3021300906052B0E03021A05000414".to_owned() + &"07".repeat(20);
    let sign = "002A9E9A23".to_owned() + &info + "00";
    let signature = "5A".repeat(64) + "9000";
    let start = [
        DOMAIN,
        ("00A4000C029002", "9000"),
        ("00A4000002300100", key),
        ("002241B603800111", "9000"),
    ];
    let whole = [&start[..], &[(&sign[..], &signature[..])]].concat();
    let (mut client, script) = scripted(&whole);
    let digest = Digest::Sha1([7; 20]);
    assert_eq!(client.sign(KeyId(1), digest).unwrap(), [0x5A; 64]);
    done(&script);

    let denied = [&start[..], &[(&sign[..], "6982")]].concat();
    let (mut client, script) = scripted(&denied);
    assert_eq!(
        client.sign(KeyId(1), digest).unwrap_err().to_string(),
        "failed to sign with key 1: access denied, the card answered 6982 (security status not \
         satisfied); it needs the holder's passcode"
    );
    done(&script);

    let short = [&start[..], &[(&sign[..], "5A5A9000")]].concat();
    let (mut client, _) = scripted(&short);
    let error = client.sign(KeyId(1), digest).unwrap_err();
    assert!(matches!(error, AuthenticError::MalformedAnswer { .. }));
}

#[test]
fn an_empty_domain_is_read_with_a_finding_for_every_file() {
    let (mut client, script) = scripted(&[
        DOMAIN,
        ("00A4000002100000", "6A82"),
        ("00A4000002400000", "6A82"),
        ("00A4000002500000", "6A82"),
        ("00A4000002300000", "6A82"),
    ]);
    let contents = client.contents().unwrap();
    assert_eq!(contents.findings.len(), 3);
    let absent = |finding: &crate::Finding| finding.problem == Problem::Absent;
    assert!(contents.findings.iter().all(absent));
    assert_eq!(contents.token.serial, Some(vec![0xA1, 0xB2, 0xC3, 0xD4]));
    done(&script);
}
