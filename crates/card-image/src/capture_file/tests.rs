use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::*;

fn status() -> impl Strategy<Value = StatusWord> {
    any::<u16>().prop_map(StatusWord)
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        vec(any::<u8>(), 1..200).prop_map(Content::Present),
        Just(Content::Empty),
        status().prop_map(Content::Refused),
        vec(any::<u8>(), 0..50).prop_map(Content::Malformed),
        Just(Content::Withheld),
    ]
}

fn objects() -> impl Strategy<Value = BTreeMap<ObjectId, Content>> {
    let all: Vec<ObjectId> = ObjectId::all().collect();
    btree_map(proptest::sample::select(all), content(), 0..36)
}

fn references() -> impl Strategy<Value = BTreeMap<PinReference, StatusWord>> {
    let all: Vec<PinReference> = (0..=u8::MAX).filter_map(PinReference::from_byte).collect();
    btree_map(proptest::sample::select(all), status(), 0..6)
}

prop_compose! {
    fn production()(
        cplc in option::of(vec(any::<u8>(), 0..50)),
        issuer_identification in option::of(vec(any::<u8>(), 0..10)),
        card_image_number in option::of(vec(any::<u8>(), 0..10)),
    ) -> Production {
        Production { cplc, issuer_identification, card_image_number }
    }
}

prop_compose! {
    fn image()(
        source in any::<String>(),
        program in option::of(any::<String>()),
        second in option::of(0_i64..4_000_000_000),
        with_passcode in any::<bool>(),
        atr in option::of(vec(any::<u8>(), 2..=33)),
        protocol in option::of(prop_oneof![Just(Protocol::T0), Just(Protocol::T1)]),
        select in option::of((status(), vec(any::<u8>(), 0..100))),
        production in production(),
        objects in objects(),
        references in references(),
        probes in vec((any::<String>(), status(), any::<u32>()), 0..5),
        timings in vec((any::<String>(), any::<u64>()), 0..5),
    ) -> CardImage {
        CardImage {
            source,
            program,
            taken_at: second.map(|second| Timestamp::from_second(second).unwrap()),
            with_passcode,
            atr,
            protocol,
            select: select.map(|(status, data)| Answer { status, data }),
            production,
            objects,
            references,
            keys: BTreeMap::new(),
            probes: probes
                .into_iter()
                .map(|(name, status, length)| Probe { name, status, length: length as usize })
                .collect(),
            timings: timings
                .into_iter()
                .map(|(what, microseconds)| Timing { what, microseconds })
                .collect(),
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(image in image()) {
        let text = image.to_capture();
        let read = CardImage::parse_capture("card.json", text.as_bytes()).unwrap();
        prop_assert_eq!(&read, &image);
        prop_assert_eq!(read.to_capture(), text);
    }

    #[test]
    fn any_bytes_are_an_image_or_a_typed_error(bytes in vec(any::<u8>(), 0..300)) {
        let _ = CardImage::parse_capture("card.json", &bytes);
    }

    #[test]
    fn any_change_to_a_capture_is_an_image_or_a_typed_error(
        image in image(),
        at in any::<proptest::sample::Index>(),
        to in any::<u8>(),
    ) {
        let mut text = image.to_capture().into_bytes();
        let at = at.index(text.len());
        text[at] = to;
        let _ = CardImage::parse_capture("card.json", &text);
    }
}

fn problem(text: &str) -> String {
    CardImage::parse_capture("card.json", text.as_bytes())
        .unwrap_err()
        .to_string()
}

#[test]
fn another_version_is_refused_whatever_else_it_says() {
    let problem = problem(r#"{"schema": 2, "holder": "somebody"}"#);
    assert_eq!(problem, "`card.json` is a capture of schema 2, expected 1");
}

#[test]
fn what_contradicts_itself_is_refused_with_the_object() {
    let object = |line: &str| {
        problem(&format!(
            r#"{{"schema": 1, "source": "x", "objects": [{line}]}}"#
        ))
    };
    for (line, word) in [
        (r#"{"tag":"5FC102","state":"present"}"#, "object `5FC102`"),
        (
            r#"{"tag":"5FC102","state":"present","value":""}"#,
            "state `empty`",
        ),
        (
            r#"{"tag":"5FC102","state":"empty","status":"6A82"}"#,
            "`status` with `refused`",
        ),
        (r#"{"tag":"5FC1FF","state":"empty"}"#, "no PIV data object"),
        (
            r#"{"tag":"7E","state":"empty"},{"tag":"7E","state":"empty"}"#,
            "twice",
        ),
        (
            r#"{"tag":"7E","state":"refused","status":"69"}"#,
            "no status word",
        ),
        (
            r#"{"tag":"7E","state":"present","value":"0"}"#,
            "no hexadecimal",
        ),
        (
            r#"{"tag":"7E","state":"empty","key":"00"}"#,
            "unknown field",
        ),
    ] {
        let problem = object(line);
        assert!(problem.contains(word), "{line}: {problem}");
        assert!(problem.contains("`card.json`"), "{problem}");
    }
    let long = "00".repeat(CardImage::MAX_OBJECT + 1);
    let long = format!(r#"{{"tag":"7E","state":"present","value":"{long}"}}"#);
    assert!(object(&long).contains("at most 32767"));
}

#[test]
fn a_file_is_replaced_only_when_that_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.json");
    let first = CardImage::new("first");
    first.save(&path, false).unwrap();
    let second = CardImage::new("second");
    let error = second.save(&path, false).unwrap_err();
    assert!(matches!(error, ImageError::Exists { .. }), "{error}");
    assert_eq!(CardImage::load(&path).unwrap(), first);
    second.save(&path, true).unwrap();
    assert_eq!(CardImage::load(&path).unwrap(), second);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "something was left behind");
}

#[cfg(unix)]
#[test]
fn a_capture_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.json");
    // What a crash left behind does not stand in the way.
    fs::write(folder.path().join("card.json.new"), b"half a ca").unwrap();
    CardImage::new("card").save(&path, false).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_that_cannot_be_written_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no such folder").join("card.json");
    let error = CardImage::new("card").save(&path, false).unwrap_err();
    assert!(matches!(error, ImageError::Unwritable { .. }), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_private_key_is_in_no_file_and_no_debug_text() {
    use p256::pkcs8::EncodePrivateKey;
    use piv::words::KeyReference;

    let secret = p256::SecretKey::from_slice(&[0x5A; 32]).unwrap();
    let der = secret.to_pkcs8_der().unwrap();
    let key = crate::PrivateKey::from_pkcs8(der.as_bytes()).unwrap();
    let mut image = CardImage::new("card");
    image.keys.insert(KeyReference::Authentication, key);
    let secret = "5A5A5A5A";
    assert!(!image.to_capture().to_uppercase().contains(secret));
    assert!(!format!("{image:X?}").contains("5A, 5A"));
}
