use std::path::Path;

use plastic::Raster;
use proptest::prelude::*;

use super::*;
use crate::Limits;

/// A photo painted dot by dot.
fn photo(width: u32, height: u32, paint: impl Fn(u32, u32) -> [u8; 3]) -> Photo {
    let mut raster = Raster::white(width, height);
    for y in 0..height {
        for x in 0..width {
            raster.set(x, y, paint(x, y));
        }
    }
    Photo::from_bytes(&raster.to_png().unwrap()).unwrap()
}

/// A head with some features in the middle, on light grey.
fn person(feature: impl Fn(u32, u32) -> u8) -> Photo {
    photo(600, 750, move |x, y| {
        let (across, down) = (i64::from(x) - 300, i64::from(y) - 400);
        let inside = across * across * 4 + down * down * 2 < 160_000;
        let level = if inside { feature(x, y) } else { 200 };
        [level; 3]
    })
}

/// Broad stripes with sharp edges, as hair and eyes have them.
fn stripes(x: u32, y: u32) -> u8 {
    if (x / 24 + y / 30).is_multiple_of(2) {
        60
    } else {
        170
    }
}

fn rules(photo: &Photo) -> Vec<&'static str> {
    photo
        .hints(&Limits::builtin().photo)
        .iter()
        .map(PhotoHint::rule)
        .collect()
}

#[test]
fn a_sharp_person_in_the_middle_gives_no_hint() {
    assert_eq!(rules(&person(stripes)), [""; 0]);
}

#[test]
fn the_portraits_of_the_examples_give_no_hint() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/portraits");
    for name in ["amara", "daniel", "gareth", "noor"] {
        let photo = Photo::load(&folder.join(name).with_extension("png")).unwrap();
        let hints = photo.hints(&Limits::builtin().photo);
        assert_eq!(hints, [], "{name}");
    }
}

#[test]
fn a_person_at_the_side_is_off_centre_to_that_side() {
    for (shift, side) in [(-150, Some("left")), (20, None), (150, Some("right"))] {
        let photo = photo(600, 750, |x, y| {
            let (across, down) = (i64::from(x) - 300 - shift, i64::from(y) - 460);
            let inside = across * across * 40_000 + down * down * 16_900 < 676_000_000;
            [if inside { stripes(x, y) } else { 200 }; 3]
        });
        let hints = photo.hints(&Limits::builtin().photo);
        let told = hints.iter().map(ToString::to_string).collect::<String>();
        match side {
            Some(side) => assert!(told.contains(&format!("to the {side}")), "{told}"),
            None => assert!(!told.contains("to the"), "{told}"),
        }
    }
}

#[test]
fn soft_edges_are_blurred_and_no_edges_have_no_contrast() {
    let soft = |x: u32, y: u32| {
        let wave = (f64::from(x) / 60.0).sin() + (f64::from(y) / 70.0).sin();
        (115.0 + wave * 55.0) as u8
    };
    assert_eq!(rules(&person(soft)), ["photo-blurred"]);
    assert_eq!(rules(&person(|_, _| 140)), ["photo-low-contrast"]);
}

#[test]
fn dark_bright_and_clipped_photos_are_told() {
    let dark = rules(&person(|x, y| stripes(x, y) / 5));
    assert!(dark.contains(&"photo-dark"), "{dark:?}");
    let black = rules(&person(|x, y| if stripes(x, y) > 100 { 120 } else { 0 }));
    assert!(black.contains(&"photo-shadows-clipped"), "{black:?}");
    let white = rules(&person(|x, y| if stripes(x, y) > 100 { 255 } else { 180 }));
    assert!(white.contains(&"photo-highlights-clipped"), "{white:?}");
    assert!(white.contains(&"photo-bright"), "{white:?}");
}

#[test]
fn a_background_of_two_colours_is_uneven_and_hides_where_the_person_stands() {
    let photo = photo(600, 750, |x, y| {
        let level = match (x, y) {
            (200..400, 100..) => stripes(x, y),
            (..300, _) => 220,
            _ => 90,
        };
        [level; 3]
    });
    assert_eq!(rules(&photo), ["photo-background"]);
}

#[test]
fn size_and_shape_are_those_of_the_file() {
    let small = photo(300, 375, |x, y| [stripes(x * 2, y * 2); 3]);
    assert!(rules(&small).contains(&"photo-small"));
    let wide = photo(1600, 1000, |x, y| [stripes(x, y); 3]);
    let hint = wide.hints(&Limits::builtin().photo)[0].to_string();
    assert_eq!(
        hint,
        "the photo is 0.62 times as tall as wide, a portrait is 1.25 to 1.34 times"
    );
}

proptest! {
    #[test]
    fn a_photo_of_any_size_and_content_is_measured(
        width in 1_u32..40,
        height in 1_u32..40,
        seed in any::<u32>(),
    ) {
        let photo = photo(width, height, |x, y| {
            let mixed = (x * 7919 + y * 104_729).wrapping_mul(seed | 1);
            [mixed as u8, (mixed >> 8) as u8, (mixed >> 16) as u8]
        });
        for hint in photo.hints(&Limits::builtin().photo) {
            prop_assert!(!hint.to_string().contains("NaN"), "{}", hint);
            prop_assert!(!hint.to_string().contains("inf"), "{}", hint);
        }
    }
}
