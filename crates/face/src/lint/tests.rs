use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::Limits;

const BUILTIN: &str = Template::BUILTIN;

/// The three obligatory fields and one for the organisation, clear of everything.
const FIELDS: &str = r#"<rect id="field:photo" x="700" y="150" width="260" height="328"/>
<rect id="field:name" x="300" y="176" width="380" height="120" data-size="50" data-min-size="20" data-lines="3"/>
<rect id="field:organisation" x="300" y="400" width="380" height="80" data-size="30" data-min-size="20" data-lines="2"/>
<rect id="field:uuid" x="44" y="560" width="400" height="50" data-size="40" data-group="4"/>"#;

/// A face with `body` from line 2 on, and the fields behind it.
fn face(attributes: &str, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1016 642\" {attributes}>\n{body}\n{FIELDS}\n</svg>"
    )
}

fn lint<'a>(examples: &'a [Example], fonts: &'a Fonts, base: Option<&'a Path>) -> Lint<'a> {
    Lint {
        fonts,
        limits: &Limits::builtin().template,
        side: Side::Front,
        base,
        examples,
    }
}

fn found(svg: &str) -> Vec<Finding> {
    lint(&[], &Fonts::builtin(), None).check(svg)
}

/// The one finding about a face with `body`.
fn only(body: &str) -> Finding {
    let found = found(&face("", body));
    assert_eq!(found.len(), 1, "{found:#?}");
    found.into_iter().next().unwrap()
}

fn example(field: &str, text: impl Into<String>) -> Example {
    Example {
        field: field.to_owned(),
        text: text.into(),
        origin: "request R-0001".to_owned(),
        severity: Severity::Error,
    }
}

#[test]
fn the_templates_that_come_along_have_no_errors() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/templates");
    let fonts = Fonts::builtin();
    let worst = [
        example("name", worst_text(51)),
        example("organisation", worst_text(64)),
        example("uuid", "000000000000"),
    ];
    let rules = |lint: Lint<'_>, svg: &str| {
        let found = lint.check(svg);
        found
            .iter()
            .map(|finding| (finding.severity, finding.rule))
            .collect::<Vec<_>>()
    };
    assert_eq!(rules(lint(&worst, &fonts, None), BUILTIN), []);
    let wave = Template::read(&folder.join("wave.svg")).unwrap();
    assert_eq!(
        rules(lint(&worst, &fonts, Some(&folder)), &wave),
        [(Severity::Warning, Rule::FieldUnfilled)]
    );
    let back = Template::read(&folder.join("back.svg")).unwrap();
    let as_back = Lint {
        side: Side::Back,
        ..lint(&worst, &fonts, Some(&folder))
    };
    assert_eq!(rules(as_back, &back), []);
    let as_front = rules(lint(&[], &fonts, Some(&folder)), &back);
    assert!(as_front.contains(&(Severity::Error, Rule::ChipUnprotected)));
    assert!(as_front.contains(&(Severity::Error, Rule::FieldMissing)));
}

#[test]
fn every_refusal_is_told_with_its_line_and_not_only_the_first() {
    let found = found(&face(
        "",
        "<script/>\n<rect id=\"field:Role\" width=\"9\" height=\"9\"/>\n<rect id=\"field:a\" width=\"9\" height=\"9\" data-size=\"tall\"/>",
    ));
    let told: Vec<_> = found
        .iter()
        .map(|finding| (finding.rule, finding.line, finding.element.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            (Rule::Refused, Some(2), Some("script")),
            (Rule::Refused, Some(3), Some("field:Role")),
            (Rule::Refused, Some(4), Some("field:a")),
        ]
    );
    assert!(!found[2].what.contains("line"), "{}", found[2].what);
}

#[test]
fn what_is_no_svg_is_one_refusal() {
    for text in ["", "Dear Sir", "<html/>", "<svg>"] {
        let found = found(text);
        assert!(
            found.iter().any(|finding| finding.rule == Rule::Refused),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn obligatory_fields_are_errors_and_the_organisation_a_warning() {
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1016 642\"/>";
    let missing: Vec<_> = found(svg)
        .into_iter()
        .map(|finding| (finding.severity, finding.rule))
        .collect();
    assert_eq!(
        missing,
        [
            (Severity::Error, Rule::FieldMissing),
            (Severity::Error, Rule::FieldMissing),
            (Severity::Error, Rule::FieldMissing),
            (Severity::Warning, Rule::FieldMissing),
        ]
    );
}

#[test]
fn a_field_nothing_fills_is_an_error_if_it_is_required() {
    let role = r#"<rect id="field:role" x="300" y="50" width="300" height="60" data-size="30" data-required="REQUIRED"/>"#;
    for (required, severity) in [("yes", Severity::Error), ("no", Severity::Warning)] {
        let finding = only(&role.replace("REQUIRED", required));
        assert_eq!(
            (finding.severity, finding.rule),
            (severity, Rule::FieldUnfilled)
        );
        assert_eq!(finding.line, Some(2));
    }
}

#[test]
fn an_optional_photo_on_a_front_is_a_warning() {
    let svg = face("", "").replace("height=\"328\"", "height=\"328\" data-required=\"no\"");
    let found = found(&svg);
    assert_eq!(found[0].rule, Rule::FieldOptional);
    assert_eq!(found[0].element.as_deref(), Some("field:photo"));
}

#[test]
fn texts_of_requests_that_do_not_fit_or_have_no_glyph_are_told_with_the_request() {
    let fonts = Fonts::builtin();
    let examples = [
        example("name", "W".repeat(150)),
        example("name", "田中"),
        example("name", "Ann Lee"),
        example("role", "W".repeat(400)),
    ];
    let found = lint(&examples, &fonts, None).check(&face("", ""));
    let rules: Vec<Rule> = found.iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, [Rule::TextDoesNotFit, Rule::TextUnprintable]);
    assert!(
        found[0].what.starts_with("request R-0001: "),
        "{}",
        found[0].what
    );
    assert_eq!(found[0].element.as_deref(), Some("field:name"));
    assert_eq!(found[0].line, Some(4));
}

#[test]
fn art_under_the_chip_is_told_with_its_line_even_without_an_id() {
    let finding =
        only("<g>\n<rect x=\"0\" y=\"240\" width=\"300\" height=\"20\" fill=\"teal\"/></g>");
    assert_eq!(finding.rule, Rule::ArtOnChip);
    assert_eq!(finding.line, Some(3));
    assert_eq!(finding.element.as_deref(), Some("rect"));
    let resin = only(r#"<path id="rule" data-ink="resin" d="M0 280 H1016 V284 H0 Z"/>"#);
    assert_eq!(resin.rule, Rule::ArtOnChip);
    assert_eq!(resin.element.as_deref(), Some("rule"));
    assert_eq!(
        found(&face(
            "",
            r#"<rect width="1016" height="642" fill="white"/>"#
        )),
        []
    );
    let photo = FIELDS.replace("x=\"700\" y=\"150\"", "x=\"200\" y=\"200\"");
    let svg = face("", "").replace(FIELDS, &photo);
    assert_eq!(found(&svg)[0].rule, Rule::ArtOnChip);
}

#[test]
fn a_front_without_protection_of_the_chip_is_an_error_and_a_thin_one_a_warning() {
    let none = found(&face("data-chip=\"none\"", ""));
    assert_eq!(
        (none[0].severity, none[0].rule),
        (Severity::Error, Rule::ChipUnprotected)
    );
    let thin = found(&face("data-chip-margin=\"4\"", ""));
    assert_eq!(
        (thin[0].severity, thin[0].rule),
        (Severity::Warning, Rule::ChipMargin)
    );
    let back = Lint {
        side: Side::Back,
        ..lint(&[], &Fonts::builtin(), None)
    }
    .check(&face("", ""));
    assert_eq!(back[0].rule, Rule::ChipOnBack);
}

#[test]
fn a_font_that_is_not_there_is_told_once_with_what_there_is() {
    let finding = only(
        "<text id=\"head\" x=\"300\" y=\"90\" font-size=\"30\" fill=\"teal\" font-family=\"Frutiger, Arial\" font-weight=\"bold\">A</text>",
    );
    assert_eq!(finding.rule, Rule::FontMissing);
    assert_eq!(
        (finding.line, finding.element.as_deref()),
        (Some(2), Some("head"))
    );
    assert!(finding.what.contains("Frutiger bold"), "{}", finding.what);
    assert!(
        finding.next.contains("Liberation Sans bold"),
        "{}",
        finding.next
    );
    let of_field = only(
        "<rect id=\"field:role\" data-required=\"no\" x=\"300\" y=\"50\" width=\"300\" height=\"60\" data-size=\"30\"/>",
    );
    assert_eq!(of_field.rule, Rule::FieldUnfilled);
    let svg = face("", "").replace(
        "data-size=\"50\"",
        "data-size=\"50\" data-font=\"Frutiger\"",
    );
    assert_eq!(found(&svg)[0].rule, Rule::FontMissing);
}

#[test]
fn a_character_without_glyph_is_told_where_it_stands() {
    let finding = only(
        "<g fill=\"teal\" font-size=\"30\"><text x=\"300\" y=\"90\">A<tspan>中</tspan></text></g>",
    );
    assert_eq!(finding.rule, Rule::GlyphMissing);
    assert!(finding.what.contains("U+4E2D"), "{}", finding.what);
    assert_eq!(finding.line, Some(2));
}

#[test]
fn linked_pictures_are_warned_of_and_embedded_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let picture = plastic::Raster::white(4, 4);
    picture.write_png(&folder.path().join("logo.png")).unwrap();
    let svg = face(
        "",
        r#"<image id="logo" href="logo.png" x="600" width="9" height="9"/>"#,
    );
    let fonts = Fonts::builtin();
    let linked = lint(&[], &fonts, Some(folder.path())).check(&svg);
    assert_eq!(linked[0].rule, Rule::PictureLinked);
    assert_eq!((linked.len(), linked[0].severity), (1, Severity::Warning));
    let nowhere = lint(&[], &fonts, None).check(&svg);
    assert!(nowhere.iter().any(|finding| finding.rule == Rule::Refused));
}

#[test]
fn text_over_the_edge_is_an_error_and_near_it_a_warning() {
    let over = only(r#"<text x="960" y="90" font-size="60" fill="teal">Hospital</text>"#);
    assert_eq!(
        (over.severity, over.rule),
        (Severity::Error, Rule::OutsideFace)
    );
    let near = only(r#"<text x="300" y="634" font-size="20" fill="teal">note</text>"#);
    assert_eq!(
        (near.severity, near.rule),
        (Severity::Warning, Rule::NearEdge)
    );
    let svg = face("", "").replace("x=\"44\" y=\"560\"", "x=\"4\" y=\"560\"");
    assert_eq!(found(&svg)[0].rule, Rule::NearEdge);
}

#[test]
fn text_that_looks_black_and_is_dye_is_told_and_resin_is_not() {
    for fill in ["#000000", "#1a1a1a", "black"] {
        let text = format!(r#"<text x="300" y="90" font-size="30" fill="{fill}">A</text>"#);
        assert_eq!(only(&text).rule, Rule::BlackInDye, "{fill}");
        let resin = text.replace("<text", "<text data-ink=\"resin\"");
        let found = found(&face("", &resin));
        match fill {
            "#1a1a1a" => assert_eq!(found[0].rule, Rule::ResinNotBlack),
            _ => assert_eq!(found, []),
        }
    }
    let light = only(r##"<rect data-ink="resin" x="400" width="9" height="9" fill="#c0c0c0"/>"##);
    assert!(light.what.contains("leaves no ink"), "{}", light.what);
    let svg = face("", "").replace("data-size=\"50\"", "data-size=\"50\" data-ink=\"dye\"");
    assert_eq!(found(&svg)[0].rule, Rule::BlackInDye);
}

#[test]
fn a_broken_embedded_picture_is_a_refusal() {
    let finding =
        only(r#"<image href="data:image/png;base64,AAAA" x="600" width="9" height="9"/>"#);
    assert_eq!((finding.rule, finding.line), (Rule::Refused, None));
}

#[test]
fn the_worst_text_has_its_length_and_no_space_around() {
    for characters in 1..200 {
        let text = worst_text(characters);
        assert_eq!(text.chars().count(), characters);
        assert_eq!(text.trim(), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_template_without_errors_can_be_drawn_and_one_with_refusals_cannot(
        at in 0_usize..BUILTIN.len(),
        with in "[<>&\"'/=a-z0-9# ]{0,4}",
        cut in 0_usize..40,
    ) {
        let mut svg = BUILTIN.to_owned();
        let end = (at + cut).min(BUILTIN.len());
        if svg.is_char_boundary(at) && svg.is_char_boundary(end) {
            svg.replace_range(at..end, &with);
        }
        let drawn = Template::parse(&svg, None)
            .map_err(crate::FaceError::from)
            .and_then(|template| crate::Renderer::default().prepare(&template));
        let stops = |rule: Rule| {
            matches!(rule, Rule::Refused | Rule::FontMissing | Rule::GlyphMissing)
        };
        let stopped = found(&svg).iter().any(|finding| stops(finding.rule));
        prop_assert_eq!(stopped, drawn.is_err(), "{:?}", drawn);
    }
}
