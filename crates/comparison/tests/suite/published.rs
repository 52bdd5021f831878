//! The published ICAM card images.

use card_image::CardImage;
use comparison::{Class, diff};
use firmware_sim::card::{Model, PivChip};
use piv::words::ObjectId;

use crate::support::*;

fn load(name: &str) -> Option<CardImage> {
    let folder = published()?.join(name);
    if !folder.is_dir() {
        println!("skipped: no card {name}");
        return None;
    }
    Some(CardImage::load(folder).unwrap())
}

#[test]
fn a_published_card_is_captured_from_the_simulated_card_as_its_folder_has_it() {
    for name in CARDS {
        let Some(folder) = load(name) else { continue };
        let chip = PivChip::from_image(&Model::series10(), &folder, 1).unwrap();
        let capture = capture_of(chip, &with_passcode("123456"));
        assert_eq!(capture.values(), folder.values(), "{name}");
        let comparison = diff(&folder, &capture, None);
        assert_eq!(comparison.differences, [], "{}", comparison.to_text());
        let again = PivChip::from_image(&Model::series10(), &capture, 1).unwrap();
        let second = capture_of(again, &with_passcode("123456"));
        assert_eq!(diff(&capture, &second, None).differences, []);
    }
}

/// What their publisher says of the two: the older one names its certificates by FASC-N alone, and
/// the UUID in two of them is not that of the CHUID.
#[test]
fn the_first_and_the_last_published_card_differ_as_their_description_says() {
    let (Some(first), Some(last)) = (load(CARDS[0]), load(CARDS[3])) else {
        return;
    };
    let comparison = diff(&first, &last, None);
    let class = |path: &str| {
        comparison
            .difference(path)
            .unwrap_or_else(|| panic!("no {path} in\n{}", comparison.to_text()))
            .class
    };
    assert_eq!(class("certificate.9A.name.UUID"), Class::New);
    assert_eq!(class("certificate.9A.name.UPN"), Class::New);
    assert_eq!(class("certificate.9E.name.UUID"), Class::New);
    assert_eq!(class("object.5FC10A.problem"), Class::New, "9C");
    assert_eq!(class("object.5FC10B.problem"), Class::New, "9D");
    assert_eq!(class("object.5FC102.34"), Class::Expected);
    assert_eq!(class("certificate.9A.public-key"), Class::Expected);
    assert!(comparison.difference("certificate.9A.algorithm").is_none());

    let back = diff(&last, &first, None);
    for path in ["certificate.9A.name.UUID", "object.5FC10A.problem"] {
        let found = back.difference(path).unwrap();
        assert_eq!(found.class, Class::Regression, "{path}");
    }
    assert!(back.has_regressions());
}

#[test]
fn the_card_with_more_has_new_objects() {
    let (Some(plain), Some(more)) = (load(CARDS[3]), load(CARDS[2])) else {
        return;
    };
    let comparison = diff(&plain, &more, None);
    for tag in ["5FC10C", "5FC10D", "5FC111"] {
        let found = comparison.difference(&format!("object.{tag}")).unwrap();
        assert_eq!(found.class, Class::New, "{tag}");
    }
    let covers = format!("object.5FC106.covers.{}", ObjectId::Discovery.tag());
    assert_eq!(comparison.difference(&covers).unwrap().class, Class::New);
    // 9E is a P-256 key where it was RSA: a program need not know that.
    let algorithm = comparison.difference("certificate.9E.algorithm").unwrap();
    assert_eq!(algorithm.class, Class::Regression);
}
