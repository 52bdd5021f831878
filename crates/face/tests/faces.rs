//! Whole faces: what is laid down where, and what is refused.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;

use face::{
    Batch, ColourProfile, DYE_TOLERANCE, FaceData, FaceError, Fonts, Photo, PreviewOptions,
    Rendered, Renderer, Template, Warning, check_face,
};
use ground::{Blame, Blamed};
use plastic::{Area, CONTACTS, Raster};
use proptest::prelude::*;

fn photo(colour: [u8; 3]) -> Photo {
    let mut raster = Raster::white(300, 380);
    for dot in raster.bytes_mut().chunks_exact_mut(3) {
        dot.copy_from_slice(&colour);
    }
    let png = raster.to_png().expect("a raster is a picture");
    Photo::from_bytes(&png).expect("a PNG is a photo")
}

fn data() -> FaceData {
    FaceData {
        name: "Siân O’Neill-Núñez".to_owned(),
        uuid: "555123456789".to_owned(),
        organisation: "Łódź & <Sons> \"Hospital\"".to_owned(),
        photo: Some(photo([0, 0, 0])),
        extra: BTreeMap::new(),
    }
}

fn template(body: &str) -> Template {
    let svg =
        format!(r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1016 642">{body}</svg>"#);
    Template::parse(&svg, None).expect("the test has a sound template")
}

fn render(template: &Template, data: &FaceData) -> Result<Rendered, FaceError> {
    Renderer::new(Fonts::builtin()).render(template, data)
}

/// Whether a dot of the area is printed at all.
fn has_ink(rendered: &Rendered, area: Area) -> bool {
    (area.y..area.bottom()).any(|y| {
        (area.x..area.right()).any(|x| {
            rendered.separation.black.get(x, y) || rendered.separation.colour.get(x, y) != [255; 3]
        })
    })
}

const BUILTIN: &str = include_str!("../templates/band.svg");

const NAME: &str = r#"<rect id="field:name" x="300" y="100" width="400" height="120" data-size="50" data-min-size="20" data-lines="2"/>"#;

#[test]
fn the_built_in_face_is_complete_and_without_warnings() {
    let rendered = render(&Template::builtin(), &data()).unwrap();
    assert_eq!(rendered.warnings, []);
    let names: Vec<&str> = rendered
        .fields
        .iter()
        .map(|field| field.name.as_str())
        .collect();
    assert_eq!(names, ["photo", "name", "organisation", "uuid"]);
    for field in &rendered.fields {
        assert!(has_ink(&rendered, field.area), "{}", field.name);
    }
    assert_eq!(rendered.fields[2].lines.join(" "), data().organisation);
    assert_eq!(rendered.fields[3].lines, ["5551 2345 6789"]);
}

#[test]
fn the_built_in_face_takes_names_of_200_characters_and_of_one_endless_word() {
    let name = "Maximiliana Ŵynne-Núñez ".repeat(9);
    for name in [name.chars().take(200).collect(), "Ångström".repeat(12)] {
        let length = name.chars().count();
        let rendered = render(&Template::builtin(), &FaceData { name, ..data() }).unwrap();
        let lines = &rendered.fields[1].lines;
        assert!(lines.len() > 2, "{length} characters: {lines:?}");
    }
}

#[test]
fn the_examples_render_with_every_portrait() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let renderer = Renderer::default();
    for portrait in ["amara", "daniel", "gareth", "noor"] {
        let path = examples
            .join("portraits")
            .join(portrait)
            .with_extension("png");
        let mut data = data();
        data.photo = Some(Photo::load(&path).unwrap());
        assert_eq!(data.photo.as_ref().unwrap().size(), (600, 750));
        for template in ["wave.svg", "back.svg"] {
            let template = Template::load(&examples.join("templates").join(template)).unwrap();
            let rendered = renderer.render(&template, &data).unwrap();
            assert_eq!(rendered.warnings, []);
        }
    }
}

#[test]
fn resin_is_crisp_and_no_dye_lies_under_or_beside_it() {
    let rendered = render(&template(NAME), &data()).unwrap();
    assert!(rendered.separation.black.count() > 500);
    // The name is all there is on this face, so no dot of dye may be left.
    assert!(
        rendered
            .separation
            .colour
            .bytes()
            .iter()
            .all(|&byte| byte == 255)
    );
    assert!(
        rendered
            .picture
            .bytes()
            .iter()
            .all(|&byte| byte == 0 || byte == 255)
    );
}

#[test]
fn resin_takes_the_dye_out_from_under_it() {
    let rendered = render(
        &template(r##"<rect width="1016" height="90" fill="#c02040"/><rect id="bar" data-ink="resin" x="400" y="40" width="50" height="20"/>"##),
        &data(),
    )
    .unwrap();
    assert_eq!(rendered.separation.black.count(), 50 * 20);
    assert_eq!(rendered.separation.colour.get(420, 50), [255; 3]);
    assert_eq!(rendered.picture.get(420, 50), [0; 3]);
    assert_eq!(rendered.separation.colour.get(399, 50), [0xc0, 0x20, 0x40]);
}

#[test]
fn black_in_photos_and_drawings_stays_dye() {
    let rendered = render(
        &template(r#"<rect x="700" width="90" height="90" fill="black"/><rect id="field:photo" x="400" y="100" width="150" height="190"/>"#),
        &data(),
    )
    .unwrap();
    assert_eq!(rendered.separation.black.count(), 0);
    assert_eq!(rendered.separation.colour.get(740, 40), [0; 3]);
    assert_eq!(rendered.separation.colour.get(450, 150), [0; 3]);
}

#[test]
fn a_photo_follows_the_rounded_corners_of_its_field() {
    let rendered = render(
        &template(r#"<rect id="field:photo" x="400" y="100" width="150" height="190" rx="40"/>"#),
        &data(),
    )
    .unwrap();
    let colour = &rendered.separation.colour;
    for (x, y) in [(400, 100), (549, 100), (400, 289), (549, 289)] {
        assert_eq!(colour.get(x, y), [255; 3]);
    }
    for (x, y) in [(400, 200), (475, 100), (549, 200), (475, 289)] {
        assert_eq!(colour.get(x, y), [0; 3]);
    }
}

#[test]
fn text_in_dye_has_its_colour_and_no_resin() {
    let rendered = render(
        &template(r##"<rect id="field:name" x="300" y="100" width="400" height="80" data-size="60" data-min-size="30" data-ink="dye" data-fill="#c02040"/>"##),
        &data(),
    )
    .unwrap();
    assert_eq!(rendered.separation.black.count(), 0);
    let dots = rendered.separation.colour.bytes().chunks_exact(3);
    assert!(dots.filter(|dot| *dot == [0xc0, 0x20, 0x40]).count() > 200);
}

#[test]
fn what_reaches_onto_the_chip_is_masked_with_a_warning_that_names_it() {
    let rendered = render(
        &template(
            r#"<rect id="white" width="1016" height="642" fill="white"/>
            <rect id="ground" width="1016" height="642" fill="teal"/>
            <g id="lines" data-ink="resin"><path d="M0 280 H1016 V284 H0 Z"/></g>
            <rect id="field:photo" x="200" y="200" width="150" height="190"/>"#,
        ),
        &data(),
    )
    .unwrap();
    let keep_out = CONTACTS.grown(12);
    assert!(!has_ink(&rendered, keep_out));
    assert!(has_ink(&rendered, keep_out.grown(1)));
    assert_eq!(rendered.separation.overcoat_holes, [keep_out]);
    let masked = |what: &str| Warning::ChipMasked {
        what: what.to_owned(),
    };
    assert_eq!(
        rendered.warnings,
        [masked("`ground`, `lines`"), masked("`field:photo`")]
    );
}

#[test]
fn a_face_without_chip_has_no_hole() {
    let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1016 642" data-chip="none"><rect width="1016" height="642" fill="teal"/></svg>"#;
    let rendered = render(&Template::parse(svg, None).unwrap(), &data()).unwrap();
    assert_eq!(rendered.separation.overcoat_holes, []);
    assert_eq!(rendered.warnings, []);
}

#[test]
fn a_small_photo_is_enlarged_with_a_warning() {
    let mut data = data();
    data.photo = Some(Photo::from_bytes(&Raster::white(100, 100).to_png().unwrap()).unwrap());
    let rendered = render(
        &template(r#"<rect id="field:photo" x="400" y="100" width="200" height="200"/>"#),
        &data,
    )
    .unwrap();
    assert_eq!(
        rendered.warnings,
        [Warning::PhotoTooSmall {
            width: 100,
            height: 100,
            field_width: 200,
            field_height: 200
        }]
    );
}

#[test]
fn extra_fields_are_printed_and_unknown_ones_reported() {
    let role = template(
        r#"<rect id="field:role" x="300" y="100" width="400" height="80" data-size="30"/>"#,
    );
    let mut data = data();
    data.extra.insert("role".to_owned(), "Midwife".to_owned());
    data.extra.insert("rolle".to_owned(), "Midwife".to_owned());
    data.extra.insert("name".to_owned(), "Ann Lee".to_owned());
    let rendered = render(&role, &data).unwrap();
    assert_eq!(rendered.fields[0].lines, ["Midwife"]);
    assert_eq!(
        rendered.warnings,
        ["name", "rolle"].map(|field| Warning::UnusedField {
            field: field.to_owned()
        })
    );
}

#[test]
fn missing_data_is_an_error_unless_the_template_allows_it() {
    let mut data = data();
    data.name = "  ".to_owned();
    let error = render(&template(NAME), &data).unwrap_err();
    assert!(matches!(&error, FaceError::MissingField { field } if field == "name"));
    assert_eq!(error.blame(), Blame::OperatorMistake);
    let optional = template(&NAME.replace("data-lines", "data-required=\"no\" data-lines"));
    assert_eq!(render(&optional, &data).unwrap().fields, []);
}

#[test]
fn text_that_cannot_be_printed_is_refused_with_the_reason() {
    for (name, expected) in [
        (
            "W".repeat(200),
            "the text for field `name` (200 characters) does not fit into 400 x 120 dots on 2 line(s) at 20 dots",
        ),
        (
            "Ann\tLee".to_owned(),
            "the text for field `name` has the control character U+0009",
        ),
        (
            "田中".to_owned(),
            "font `Liberation Sans regular` has no glyph for `田` (U+7530) of `name`",
        ),
        (
            "Dan דן".to_owned(),
            "the text for field `name` has the right-to-left character `ד` (U+05D3), which cannot be laid out",
        ),
    ] {
        let error = render(&template(NAME), &FaceData { name, ..data() }).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(error.hint().is_some());
    }
}

#[test]
fn a_font_that_is_not_loaded_is_an_error_and_not_replaced() {
    let of_field = template(&NAME.replace("data-lines", "data-font=\"Frutiger\" data-lines"));
    assert_eq!(
        Renderer::default()
            .prepare(&of_field)
            .unwrap_err()
            .to_string(),
        "font `Frutiger regular` for `field:name` is not loaded, loaded are Liberation Sans regular, Liberation Sans bold"
    );
    for family in ["Frutiger", "sans-serif"] {
        let of_text = template(&format!(
            r#"<text x="300" y="90" font-family="{family}">A</text>"#
        ));
        let error = Renderer::default().prepare(&of_text).unwrap_err();
        assert!(matches!(error, FaceError::FontMissing { .. }), "{error}");
    }
    let italic = template(r#"<text x="300" y="90" font-style="italic">A</text>"#);
    assert!(Renderer::default().prepare(&italic).is_err());
}

#[test]
fn a_text_of_the_template_without_glyph_is_an_error() {
    let error = Renderer::default()
        .prepare(&template(r#"<text x="300" y="90">中</text>"#))
        .unwrap_err();
    assert!(
        matches!(
            error,
            FaceError::NoGlyph {
                character: '中',
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn an_embedded_picture_is_drawn_and_a_broken_one_refused() {
    // One red dot.
    let red = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";
    let picture = |data: &str| {
        template(&format!(
            r#"<image x="400" y="100" width="50" height="50" href="data:image/png;base64,{data}"/>"#
        ))
    };
    let rendered = render(&picture(red), &data()).unwrap();
    assert_eq!(rendered.separation.colour.get(425, 125), [255, 0, 0]);
    let error = render(&picture("bm8gcGljdHVyZQ=="), &data()).unwrap_err();
    assert!(matches!(error, FaceError::Template(_)), "{error}");
}

#[test]
fn a_printed_face_is_checked_against_what_was_asked() {
    let rendered = render(&Template::builtin(), &data()).unwrap();
    // Six bits of ink for each channel, as dye printers have.
    let mut printed = rendered.separation.composed();
    for byte in printed.bytes_mut() {
        let ink = u32::from((255 - *byte) >> 2);
        *byte = 255 - u8::try_from(ink * 255 / 63).unwrap();
    }
    for (dot, &ink) in printed
        .bytes_mut()
        .chunks_exact_mut(3)
        .zip(rendered.separation.black.dots())
    {
        if ink {
            dot.fill(0);
        }
    }
    assert_eq!(
        check_face(&rendered.separation, &printed, DYE_TOLERANCE),
        Ok(())
    );
    // A resin line lost by one dead element of the head.
    let area = rendered.fields[1].area;
    let column = (area.x..area.right())
        .find(|&x| (area.y..area.bottom()).any(|y| rendered.separation.black.get(x, y)))
        .unwrap();
    for y in area.y..area.bottom() {
        printed.set(column, y, [255; 3]);
    }
    assert!(check_face(&rendered.separation, &printed, DYE_TOLERANCE).is_err());
}

#[test]
fn a_preview_shows_the_chip_and_leaves_the_face_alone() {
    let rendered = render(&Template::builtin(), &data()).unwrap();
    let bare = rendered.preview(PreviewOptions::default());
    assert_eq!(bare, rendered.picture);
    let marked = rendered.preview(PreviewOptions {
        chip: true,
        overcoat: true,
        ..PreviewOptions::default()
    });
    let hole = rendered.separation.overcoat_holes[0];
    assert_ne!(marked.get(CONTACTS.x + 5, CONTACTS.y + 5), [255; 3]);
    for y in 0..plastic::HEIGHT {
        for x in 0..plastic::WIDTH {
            if !hole.contains(x, y) {
                assert_eq!(marked.get(x, y), bare.get(x, y), "at {x}, {y}");
            }
        }
    }
}

#[test]
fn more_templates_than_are_kept_still_render_the_same() {
    let renderer = Renderer::default();
    let first = template(NAME);
    let before = renderer.render(&first, &data()).unwrap();
    for _ in 0..10 {
        renderer.render(&template(""), &data()).unwrap();
    }
    let after = renderer.render(&first, &data()).unwrap();
    assert_eq!(before.separation, after.separation);
}

#[test]
fn a_renderer_can_be_shared_between_threads() {
    let renderer = Renderer::default();
    let template = Template::builtin();
    let faces: Vec<Rendered> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| renderer.render(&template, &data()).unwrap()))
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .collect()
    });
    assert!(
        faces
            .windows(2)
            .all(|pair| pair[0].separation == pair[1].separation)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_changed_template_renders_or_gives_a_typed_error(
        at in 0_usize..BUILTIN.len(),
        with in prop_oneof![
            "[<>&\"'/=a-z0-9# .-]{0,4}".prop_map(String::from),
            Just("1e30".to_owned()),
            Just("-1".to_owned()),
            Just("NaN".to_owned()),
        ],
        cut in 0_usize..12,
    ) {
        let mut svg = BUILTIN.to_owned();
        let end = (at + cut).min(BUILTIN.len());
        if svg.is_char_boundary(at) && svg.is_char_boundary(end) {
            svg.replace_range(at..end, &with);
        }
        if let Ok(template) = Template::parse(&svg, None)
            && let Ok(rendered) = render(&template, &data())
            && let Some(keep_out) = template.keep_out()
        {
            prop_assert!(!has_ink(&rendered, keep_out));
        }
    }

    #[test]
    fn the_same_input_gives_the_same_face_and_touches_the_text_field_only(name in "[A-Za-zÀ-ž'’& <>-]{1,60}") {
        let template = template(NAME);
        let data = FaceData { name, ..data() };
        if let Ok(rendered) = render(&template, &data) {
            let again = render(&template, &data).unwrap();
            prop_assert_eq!(&rendered.separation, &again.separation);
            let area = template.fields()[0].area;
            for y in 0..plastic::HEIGHT {
                for x in 0..plastic::WIDTH {
                    prop_assert!(area.contains(x, y) || !rendered.separation.black.get(x, y));
                }
            }
        }
    }
}

#[test]
fn an_overcoat_hole_is_hatched_around_the_chip() {
    let rendered = render(&Template::builtin(), &data()).unwrap();
    let hole = rendered.separation.overcoat_holes[0];
    let shown = rendered.preview(PreviewOptions {
        chip: true,
        overcoat: true,
        ..PreviewOptions::default()
    });
    let hatched = (hole.x..hole.right())
        .filter(|&x| shown.get(x, hole.y + 5) == [0, 150, 200])
        .count();
    assert!((20..60).contains(&hatched), "{hatched} of {}", hole.width);
    // The contacts lie on top.
    assert_eq!(shown.get(CONTACTS.x + 60, CONTACTS.y + 50), [219, 184, 104]);
}

#[test]
fn a_side_that_is_a_picture_is_shown_without_chip_and_holes() {
    let mut picture = Raster::white(plastic::WIDTH, plastic::HEIGHT);
    picture.set(300, 300, [0; 3]);
    let side = Rendered::of_picture(picture.clone());
    assert_eq!(side.separation.black.count(), 1);
    let marks = PreviewOptions {
        chip: true,
        overcoat: true,
        fields: true,
        corners: false,
    };
    assert_eq!(side.preview(marks), picture);
}

/// sRGB with its light to the power of 1/1.8 in place of its own curve.
fn profile() -> ColourProfile {
    let mut profile = moxcms::ColorProfile::new_srgb();
    let gamma = || Some(moxcms::curve_from_gamma(1.8));
    (profile.red_trc, profile.green_trc, profile.blue_trc) = (gamma(), gamma(), gamma());
    profile.cicp = None;
    let bytes = profile.encode().expect("it is a sound profile");
    ColourProfile::from_named_bytes("gamma.icc", &bytes).expect("it is a sound profile")
}

#[test]
fn a_colour_profile_changes_dye_only() {
    let template = template(&format!(
        r##"{NAME}<rect x="700" width="90" height="90" fill="#808080"/><rect x="800" width="90" height="90" fill="#000000"/>"##
    ));
    let plain = render(&template, &data()).unwrap();
    let converted = Renderer::default()
        .with_colours(profile())
        .render(&template, &data())
        .unwrap();
    assert_eq!(converted.separation.black, plain.separation.black);
    assert_eq!(converted.picture, plain.picture);
    let [red, green, blue] = converted.separation.colour.get(740, 40);
    assert!(red.abs_diff(109) <= 1 && green.abs_diff(109) <= 1 && blue.abs_diff(109) <= 1);
    // Under the resin of the name and where the face is blank there is no dye still.
    let pairs = |rendered: &Rendered| {
        rendered
            .separation
            .colour
            .bytes()
            .chunks_exact(3)
            .filter(|dot| *dot == [255; 3])
            .count()
    };
    assert_eq!(pairs(&converted), pairs(&plain));
}

#[test]
fn a_batch_gives_each_item_its_own_face_and_goes_on_after_errors() {
    let renderer = Renderer::default();
    let template = template(NAME);
    let names: Vec<String> = (0..40).map(|number| format!("Person {number}")).collect();
    for threads in [1, 2, 5] {
        let batch = Batch {
            renderer: &renderer,
            template: &template,
            threads: NonZeroUsize::new(threads).unwrap(),
        };
        let faces = Mutex::new(BTreeMap::new());
        let taken = batch
            .run(
                &names,
                |name| {
                    // Every seventh has a name that cannot be printed.
                    let unprintable = if name.ends_with('7') { "\t" } else { "" };
                    Ok(FaceData {
                        name: format!("{name}{unprintable}"),
                        ..data()
                    })
                },
                |place, name, face| {
                    let printed = face.map(|face| face.fields[0].lines.join(" "));
                    faces.lock().unwrap().insert(place, (name.clone(), printed));
                    ControlFlow::Continue(())
                },
            )
            .unwrap();
        assert_eq!(taken, 40);
        let faces = faces.into_inner().unwrap();
        assert_eq!(faces.len(), 40);
        for (place, (name, printed)) in faces {
            assert_eq!(name, names[place]);
            match printed {
                Ok(printed) => assert_eq!(printed, name),
                Err(error) => {
                    assert!(name.ends_with('7'));
                    assert!(matches!(error, FaceError::ControlCharacter { .. }));
                }
            }
        }
    }
}

#[test]
fn a_batch_stops_when_it_is_told_and_does_not_begin_with_a_template_that_cannot_be_drawn() {
    let renderer = Renderer::default();
    let sound = template(NAME);
    let threads = NonZeroUsize::new(2).unwrap();
    let batch = Batch {
        renderer: &renderer,
        template: &sound,
        threads,
    };
    let taken = batch
        .run(0..1000, |_| Ok(data()), |_, _, _| ControlFlow::Break(()))
        .unwrap();
    assert!((1..=2).contains(&taken), "{taken}");
    let broken = template(&NAME.replace("data-lines", "data-font=\"Frutiger\" data-lines"));
    let batch = Batch {
        template: &broken,
        ..batch
    };
    let error = batch.run(
        0..1000,
        |_| -> Result<FaceData, FaceError> { panic!("no item is taken up") },
        |_, _, _| ControlFlow::Continue(()),
    );
    assert!(matches!(error, Err(FaceError::FontMissing { .. })));
}
