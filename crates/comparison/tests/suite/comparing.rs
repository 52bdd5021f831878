use card_image::{CardImage, Content};
use comparison::{Class, Comparison, Section, diff, likely_profile};
use firmware_sim::card::{Model, PivChip};
use iso7816::StatusWord;
use piv::words::{ObjectId, PinReference};
use proptest::prelude::*;
use series::{Profile, Profiles};

use crate::support::*;

fn capture() -> CardImage {
    capture_of(personalised(1), &with_passcode("123456"))
}

/// The one difference a change makes.
#[track_caller]
fn changed(change: impl FnOnce(&mut CardImage)) -> (Class, Section, String) {
    changed_on(capture(), change)
}

/// The one difference a change to this card makes.
#[track_caller]
fn changed_on(a: CardImage, change: impl FnOnce(&mut CardImage)) -> (Class, Section, String) {
    let mut b = a.clone();
    change(&mut b);
    let comparison = diff(&a, &b, None);
    let [only] = &comparison.differences[..] else {
        panic!("{}", comparison.to_text());
    };
    assert_ne!(only.a, only.b);
    (only.class, only.section, only.path.clone())
}

fn is(class: Class, section: Section, path: &str) -> (Class, Section, String) {
    (class, section, path.to_owned())
}

#[test]
fn a_card_does_not_differ_from_itself() {
    for image in [
        capture(),
        capture_of(personalised(1), &options()),
        capture_of(PivChip::blank(&Model::series9(), 1), &options()),
        CardImage::new("nothing"),
    ] {
        let comparison = diff(&image, &image, None);
        assert_eq!(comparison.differences, [], "{}", comparison.to_text());
        assert_eq!(comparison.not_compared, [""; 0]);
        assert_eq!(comparison.timings.len(), image.timings.len());
    }
}

#[test]
fn two_cards_of_one_series_differ_only_as_they_must() {
    let (a, b) = (
        capture(),
        capture_of(personalised(2), &with_passcode("123456")),
    );
    let profiles = Profiles::builtin();
    for profile in [None, Some(profiles.get("series-10").unwrap())] {
        let comparison = diff(&a, &b, profile);
        let odd: Vec<_> = comparison
            .differences
            .iter()
            .filter(|difference| !matches!(difference.class, Class::Expected | Class::Tolerated))
            .collect();
        assert!(odd.is_empty(), "{}", comparison.to_text());
        for path in [
            "object.5FC102.34",
            "object.5FC102.3E",
            "certificate.9A.public-key",
            "production.cplc",
        ] {
            let class = comparison.difference(path).map(|found| found.class);
            assert_eq!(class, Some(Class::Expected), "{path}");
        }
    }
}

#[test]
fn an_object_gone_is_a_regression_and_one_more_is_new() {
    let absent = Content::Refused(StatusWord::NOT_FOUND);
    let (tag, object) = ("object.5FC107", ObjectId::CardCapabilityContainer);
    let gone = changed(|image| {
        image.objects.insert(object, absent.clone());
    });
    assert_eq!(gone, is(Class::Regression, Section::Objects, tag));
    let empty = changed(|image| {
        image.objects.insert(object, Content::Empty);
    });
    assert_eq!(empty, is(Class::Regression, Section::Objects, tag));
    // A Security Object would have to cover it.
    let mut unhashed = capture();
    unhashed.objects.insert(ObjectId::SecurityObject, absent);
    let more = changed_on(unhashed, |image| {
        let value = Content::Present(vec![0xC1, 1, 0, 0xC2, 1, 0, 0xFE, 0]);
        image.objects.insert(ObjectId::KeyHistory, value);
    });
    assert_eq!(more, is(Class::New, Section::Objects, "object.5FC10C"));
    let nothing = changed(|image| {
        image.objects.insert(ObjectId::KeyHistory, Content::Empty);
    });
    assert_eq!(
        nothing,
        is(Class::Tolerated, Section::Objects, "object.5FC10C")
    );
}

#[test]
fn what_the_passcode_guards_must_stay_behind_it() {
    let a = capture_of(personalised(1), &options());
    let mut b = a.clone();
    let value = Content::Present(vec![0x01, 0x00, 0xFE, 0x00]);
    b.objects.insert(ObjectId::PrintedInformation, value);
    let comparison = diff(&a, &b, None);
    let found = comparison.difference("object.5FC109").unwrap();
    assert_eq!(found.class, Class::Regression);
    let back = diff(&b, &a, None);
    assert_eq!(
        back.difference("object.5FC109").unwrap().class,
        Class::Tolerated
    );

    let open = changed(|image| {
        let name = "without-passcode-5FC109";
        for probe in image.probes.iter_mut().filter(|probe| probe.name == name) {
            probe.status = StatusWord::OK;
        }
    });
    let path = "probe.without-passcode-5FC109";
    assert_eq!(open, is(Class::Regression, Section::StatusWords, path));
}

#[test]
fn what_only_one_of_two_captures_has_is_told_and_not_judged() {
    let (with, without) = (capture(), capture_of(personalised(1), &options()));
    let comparison = diff(&with, &without, None);
    assert_eq!(comparison.differences, [], "{}", comparison.to_text());
    let told = comparison.not_compared.join("\n");
    assert!(
        told.contains("Printed Information (`5FC109`): B does not say"),
        "{told}"
    );
    let back = diff(&without, &with, None).not_compared.join("\n");
    assert!(
        back.contains("Printed Information (`5FC109`): A does not say"),
        "{back}"
    );
    let nothing = diff(&with, &CardImage::new("nothing"), None);
    assert_eq!(nothing.differences, []);
    assert!(nothing.not_compared.len() > 36);
}

#[test]
fn a_signature_that_does_not_verify_is_a_regression() {
    let a = capture();
    let mut b = a.clone();
    let Some(Content::Present(chuid)) = b.objects.get_mut(&ObjectId::Chuid) else {
        panic!("no CHUID");
    };
    // The last byte of the signature, before the error detection code.
    let at = chuid.len() - 3;
    chuid[at] ^= 0x01;
    let comparison = diff(&a, &b, None);
    let problem = comparison.difference("object.5FC102.problem").unwrap();
    assert_eq!(problem.class, Class::Regression);
    assert_eq!(problem.a, "-");
    let mended = diff(&b, &a, None);
    let problem = mended.difference("object.5FC102.problem").unwrap();
    assert_eq!(problem.class, Class::New, "B is as the standard has it");
}

#[test]
fn a_certificate_of_another_card_is_a_regression() {
    let other = capture_of(personalised(2), &options());
    let a = capture();
    let mut b = a.clone();
    let object = ObjectId::AuthenticationCertificate;
    b.objects.insert(object, other.objects[&object].clone());
    let comparison = diff(&a, &b, None);
    let problem = comparison.difference("object.5FC105.problem").unwrap();
    assert_eq!(problem.class, Class::Regression, "{}", comparison.to_text());
}

#[test]
fn a_status_word_against_the_standard_is_a_regression_and_the_way_back_is_not() {
    let set = |image: &mut CardImage, name: &str, status: u16| {
        for probe in image.probes.iter_mut().filter(|probe| probe.name == name) {
            probe.status = StatusWord(status);
        }
    };
    for (name, status, class) in [
        ("select-truncated", 0x6A82, Class::Regression),
        ("select-unknown", 0x9000, Class::Regression),
        ("get-unknown-object", 0x6A88, Class::Regression),
        ("unknown-instruction", 0x6E00, Class::Tolerated),
        ("get-data-without-le", 0x6700, Class::Tolerated),
        ("select-again", 0x6112, Class::Tolerated),
    ] {
        let found = changed(|image| set(image, name, status));
        let path = format!("probe.{name}");
        assert_eq!(found, is(class, Section::StatusWords, &path));
    }
    let mut a = capture();
    let b = a.clone();
    set(&mut a, "get-unknown-object", 0x6A88);
    let comparison = diff(&a, &b, None);
    assert!(!comparison.has_regressions());
    assert!(comparison.differences[0].why.contains("as the standard"));
}

#[test]
fn tries_left_are_a_state_and_a_reference_gone_is_a_loss() {
    let status = |status: u16| {
        changed(|image| {
            let word = StatusWord(status);
            image.references.insert(PinReference::Application, word);
        })
    };
    let path = "reference.80";
    for (word, class) in [
        (0x63C1, Class::Expected),
        (0x6983, Class::Expected),
        (0x6A88, Class::Regression),
        (0x6D00, Class::Regression),
    ] {
        assert_eq!(status(word), is(class, Section::StatusWords, path));
    }
    let puk = changed(|image| {
        let word = StatusWord(0x63C3);
        image.references.insert(PinReference::Unblocking, word);
    });
    assert_eq!(
        puk,
        is(Class::Tolerated, Section::StatusWords, "reference.81")
    );
}

#[test]
fn an_algorithm_or_length_no_longer_announced_is_a_regression() {
    let select = |image: &mut CardImage, from: &str, to: &str| {
        let answer = image.select.as_mut().unwrap();
        let text = hex::encode_upper(&answer.data);
        assert!(text.contains(from), "{text}");
        answer.data = hex::decode(text.replace(from, to)).unwrap();
    };
    let a = capture();
    let mut b = a.clone();
    select(&mut b, "800127", "80012E");
    let comparison = diff(&a, &b, None);
    let class = |path: &str| comparison.difference(path).unwrap().class;
    assert_eq!(class("algorithm.27"), Class::Regression);
    assert_eq!(class("algorithm.2E"), Class::New);
    let length = changed(|image| {
        // The object after the template.
        let data = &mut image.select.as_mut().unwrap().data;
        data.truncate(2 + usize::from(data[1]));
    });
    let path = "select.extended-length";
    assert_eq!(length, is(Class::Regression, Section::Card, path));
}

#[test]
fn what_the_profile_lists_is_tolerated_with_its_source() {
    let text = include_str!("../../../series/profiles/series-10.toml").replace(
        "[[middleware]]",
        "[[diff.tolerated]]\npath = \"probe.*\"\nsource = \"build 7 errata, 3\"\n\
         certainty = \"public\"\n\n[[middleware]]",
    );
    let profile = Profile::parse("mine.toml", &text).unwrap();
    let a = capture();
    let mut b = a.clone();
    b.atr = Some(vec![0x3B, 0x00]);
    for probe in &mut b.probes {
        if probe.name == "select-truncated" {
            probe.status = StatusWord::NOT_FOUND;
        }
    }
    let of = |comparison: &Comparison, path| comparison.difference(path).unwrap().class;
    let plain = diff(&a, &b, None);
    assert_eq!(of(&plain, "probe.select-truncated"), Class::Regression);
    let judged = diff(&a, &b, Some(&profile));
    let tolerated = judged.difference("probe.select-truncated").unwrap();
    assert_eq!(tolerated.class, Class::Tolerated);
    assert!(
        tolerated.why.contains("build 7 errata, 3"),
        "{}",
        tolerated.why
    );
    assert_eq!(of(&judged, "atr"), Class::Regression, "not listed");
}

#[test]
fn a_command_is_slower_when_it_is_by_much() {
    let with = |microseconds: u64| {
        let mut image = CardImage::new("timed");
        image.timings.push(card_image::Timing {
            what: "read-5FC102".to_owned(),
            microseconds,
        });
        image
    };
    for (a, b, slower) in [
        (100_000, 100_000, false),
        (100_000, 299_000, false),
        (100_000, 301_000, true),
        // Three times as long, and nobody notices.
        (1_000, 40_000, false),
        (301_000, 100_000, false),
        (0, 51_000, true),
    ] {
        let comparison = diff(&with(a), &with(b), None);
        assert_eq!(comparison.has_regressions(), slower, "{a} {b}");
        assert_eq!(comparison.timings[0].ratio.is_some(), a > 0);
    }
    let unmeasured = diff(&with(1), &CardImage::new("untimed"), None);
    assert_eq!(unmeasured.timings, []);
    assert_eq!(unmeasured.not_compared, ["timing: B does not say"]);
}

#[test]
fn the_profile_follows_from_the_answer_to_reset() {
    let profiles = Profiles::builtin();
    let id = |image: &CardImage| likely_profile(image, &profiles).unwrap().id.clone();
    assert_eq!(id(&capture()), "series-10");
    let series9 = capture_of(PivChip::blank(&Model::series9(), 1), &options());
    assert_eq!(id(&series9), "series-9");
    assert_eq!(id(&CardImage::new("nothing")), Profiles::GENERIC_PIV);
}

#[test]
fn another_answer_to_reset_is_a_regression_unless_the_profile_names_it() {
    let a = capture();
    let mut b = a.clone();
    let series10 = "3BD6970081B1FE451F878031C152411A2A";
    b.atr = Some(hex::decode(series10).unwrap());
    let class = |profile| diff(&a, &b, profile).difference("atr").unwrap().class;
    assert_eq!(class(None), Class::Regression);
    let profiles = Profiles::builtin();
    let profile = profiles.get("series-10").unwrap();
    assert_eq!(class(Some(profile)), Class::Tolerated);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any bytes in any object: nothing panics, and what is the same is no difference.
    #[test]
    fn any_objects_can_be_compared(
        values in proptest::collection::btree_map(
            proptest::sample::select(ObjectId::all().collect::<Vec<_>>()),
            proptest::collection::vec(any::<u8>(), 1..60),
            0..20,
        ),
        select in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut image = CardImage::new("any");
        for (object, value) in values {
            image.objects.insert(object, Content::Present(value));
        }
        image.select = Some(card_image::Answer { status: StatusWord::OK, data: select });
        let golden = capture();
        let _ = diff(&golden, &image, None).to_text();
        let _ = diff(&image, &golden, None).to_text();
        prop_assert_eq!(diff(&image, &image, None).differences, []);
    }

    /// One changed byte of one object is a difference of that object, whatever it hits.
    #[test]
    fn a_changed_byte_never_goes_unnoticed(
        at in any::<proptest::sample::Index>(),
        which in any::<proptest::sample::Index>(),
        flip in 1..=u8::MAX,
    ) {
        let a = capture();
        let mut b = a.clone();
        let objects: Vec<ObjectId> = a.values().into_keys().collect();
        let object = objects[which.index(objects.len())];
        let Some(Content::Present(value)) = b.objects.get_mut(&object) else { unreachable!() };
        let at = at.index(value.len());
        value[at] ^= flip;
        let comparison = diff(&a, &b, None);
        let about = format!("object.{}", object.tag());
        prop_assert!(comparison.differences.iter().any(|found| found.path.starts_with(&about)));
    }
}
