use proptest::prelude::*;

use super::*;
use crate::template::Ink;

fn style() -> TextStyle {
    TextStyle {
        family: "Liberation Sans".to_owned(),
        weight: 700,
        italic: false,
        size: 54.0,
        wrap_size: 24.0,
        min_size: 24.0,
        lines: 3,
        line_height: 1.15,
        align: Align::Left,
        vertical: VerticalAlign::Top,
        group: 0,
        ink: Ink::Resin,
    }
}

fn area(width: u32, height: u32) -> Area {
    Area {
        x: 0,
        y: 0,
        width,
        height,
    }
}

fn fitted(style: &TextStyle, area: Area, text: &str) -> Result<Fitted, Misfit> {
    let fonts = Fonts::builtin();
    let face = fonts.find(&style.family, style.weight, false).unwrap();
    fit(&fonts, face, style, area, text)
}

/// Paints with room around the area and tells whether any of it is touched.
fn reaches_out(fitted: &Fitted) -> bool {
    const MARGIN: u32 = 200;
    let mask = fitted.paint(MARGIN).unwrap();
    let inner = Area {
        x: MARGIN,
        y: MARGIN,
        ..fitted.area
    };
    let width = mask.width();
    (0..).zip(mask.data()).any(|(index, &covered)| {
        // A trace of a few levels is what rounding leaves of an outline that ends on the edge.
        covered > 8 && !inner.contains(index % width, index / width)
    })
}

#[test]
fn a_short_name_stands_on_one_line_at_full_size() {
    let fitted = fitted(&style(), area(404, 200), "Ann Lee").unwrap();
    assert_eq!(
        (fitted.size, fitted.lines.as_slice()),
        (54.0, &["Ann Lee".to_owned()][..])
    );
}

#[test]
fn a_longer_name_shrinks_before_it_takes_a_second_line() {
    let fitted = fitted(&style(), area(404, 200), "Alexandra Robertson").unwrap();
    assert_eq!(fitted.lines, ["Alexandra Robertson"]);
    assert!((24.0..54.0).contains(&fitted.size), "{}", fitted.size);
}

#[test]
fn a_name_too_long_for_one_line_breaks_at_a_space_and_is_as_large_as_two_lines_allow() {
    let fitted = fitted(
        &style(),
        area(404, 200),
        "Bartholomew Featherstonehaugh Montgomery",
    )
    .unwrap();
    assert_eq!(
        fitted.lines,
        ["Bartholomew", "Featherstonehaugh Montgomery"]
            .map(str::to_owned)
            .to_vec()
    );
}

#[test]
fn a_name_wraps_at_the_size_the_template_would_rather_wrap_at() {
    let mut style = style();
    style.wrap_size = 40.0;
    let wrapped = fitted(&style, area(404, 200), "Alexandra Robertson").unwrap();
    assert_eq!(wrapped.lines, ["Alexandra", "Robertson"]);
    assert_eq!(wrapped.size, 54.0);
    // Where even the most lines do not do at that size, it goes down to the smallest.
    let name = "Alexandra Wilhelmina Robertson-Featherstonehaugh of Montgomery";
    let small = fitted(&style, area(404, 200), name).unwrap();
    assert!((24.0..40.0).contains(&small.size), "{}", small.size);
}

#[test]
fn lines_break_behind_hyphens_and_keep_them() {
    let mut style = style();
    (style.wrap_size, style.min_size) = (40.0, 40.0);
    let fitted = fitted(&style, area(404, 200), "Wolstenholme-Featherstone").unwrap();
    assert_eq!(fitted.lines, ["Wolstenholme-", "Featherstone"]);
}

#[test]
fn a_single_word_is_broken_only_when_nothing_else_helps_and_loses_nothing() {
    let word = "Taumatawhakatangihangakoauauotamatea";
    let broken = fitted(&style(), area(404, 200), word).unwrap();
    assert!(broken.lines.len() > 1);
    assert_eq!(broken.lines.concat(), word);
    let whole = fitted(&style(), area(800, 200), word).unwrap();
    assert_eq!(whole.lines, [word]);
}

#[test]
fn a_word_is_never_broken_before_an_accent() {
    let mut style = style();
    (style.size, style.wrap_size, style.min_size) = (40.0, 40.0, 40.0);
    style.lines = 8;
    let word = "e\u{301}".repeat(60);
    let fitted = fitted(&style, area(300, 400), &word).unwrap();
    assert!(fitted.lines.len() > 1);
    assert!(fitted.lines.iter().all(|line| line.starts_with('e')));
}

#[test]
fn two_hundred_characters_fit_or_are_refused_with_their_number() {
    let name = "Maximilian ".repeat(18).trim().to_owned() + " O’Neill";
    let name: String = name.chars().cycle().take(200).collect();
    let mut style = style();
    (style.wrap_size, style.min_size, style.lines) = (12.0, 12.0, 8);
    fitted(&style, area(404, 212), &name).unwrap();
    style.lines = 2;
    assert_eq!(
        fitted(&style, area(404, 212), &name).unwrap_err(),
        Misfit::DoesNotFit { length: 200 }
    );
}

#[test]
fn the_height_of_the_area_counts_too() {
    let mut style = style();
    style.lines = 1;
    let fitted_low = fitted(&style, area(404, 40), "Ann Lee").unwrap();
    assert!(fitted_low.size < 40.0);
    (style.wrap_size, style.min_size) = (54.0, 54.0);
    assert!(fitted(&style, area(404, 40), "Ann Lee").is_err());
}

#[test]
fn a_tower_of_accents_stays_inside() {
    let text = format!("A{}Z", "\u{30a}\u{301}\u{302}".repeat(3));
    if let Ok(fitted) = fitted(&style(), area(404, 90), &text) {
        assert!(!reaches_out(&fitted));
    }
}

#[test]
fn alignment_moves_the_ink() {
    let left_edge = |align| {
        let mut style = style();
        style.align = align;
        let mask = fitted(&style, area(400, 80), "Ann")
            .unwrap()
            .coverage()
            .unwrap();
        let columns = (0..400).filter(|x| (0..80).any(|y| mask.data()[y * 400 + x] > 0));
        columns.min().unwrap()
    };
    let (left, centre, right) = (
        left_edge(Align::Left),
        left_edge(Align::Centre),
        left_edge(Align::Right),
    );
    assert!(
        left < 5 && centre > 100 && right > centre + 100,
        "{left} {centre} {right}"
    );
}

#[test]
fn a_digit_group_is_spaced() {
    let mut style = style();
    style.group = 4;
    let fitted = fitted(&style, area(600, 80), "555123456789").unwrap();
    assert_eq!(fitted.lines, ["5551 2345 6789"]);
}

fn align() -> impl Strategy<Value = (Align, VerticalAlign)> {
    (
        prop_oneof![Just(Align::Left), Just(Align::Centre), Just(Align::Right)],
        prop_oneof![
            Just(VerticalAlign::Top),
            Just(VerticalAlign::Middle),
            Just(VerticalAlign::Bottom)
        ],
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn text_never_reaches_out_of_its_area_and_loses_no_letter(
        text in "[A-Za-zÀ-žŴŵ'’ \\-\u{300}-\u{30c}]{1,80}",
        size in (12_u32..500, 12_u32..200),
        (align, vertical) in align(),
        lines in 1_u32..6,
        group in 0_u32..5,
        wrap_size in 12_u8..54,
    ) {
        let style = TextStyle {
            align,
            vertical,
            lines,
            group,
            wrap_size: f32::from(wrap_size),
            min_size: 12.0,
            ..style()
        };
        if let Ok(fitted) = fitted(&style, area(size.0, size.1), &text) {
            prop_assert!(!reaches_out(&fitted));
            prop_assert!(fitted.lines.len() <= lines as usize);
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&fitted.lines.concat()), letters(&text));
        }
    }

    #[test]
    fn any_text_fits_or_gives_a_typed_error(text in any::<String>()) {
        if let Ok(fitted) = fitted(&style(), area(404, 200), &text) {
            prop_assert!(!reaches_out(&fitted));
        }
    }
}
