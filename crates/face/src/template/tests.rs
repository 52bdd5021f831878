use proptest::prelude::*;

use super::*;

const BUILTIN: &str = Template::BUILTIN;

/// A face with `body` on it.
fn face(body: &str) -> String {
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 1016 642">
{body}
</svg>"#
    )
}

fn parse(body: &str) -> Result<Template, TemplateError> {
    Template::parse(&face(body), None)
}

fn complaint(body: &str) -> String {
    parse(body).unwrap_err().to_string()
}

fn field(attributes: &str) -> String {
    format!(r#"<rect id="field:name" x="300" y="100" width="200" height="80" {attributes}/>"#)
}

#[test]
fn the_built_in_template_has_the_fields_of_a_card() {
    let template = Template::builtin();
    let names: Vec<&str> = template
        .fields()
        .iter()
        .map(|field| field.name.as_str())
        .collect();
    assert_eq!(names, ["photo", "name", "organisation", "uuid"]);
    assert_eq!(template.keep_out(), Some(CONTACTS.grown(14)));
}

#[test]
fn the_example_templates_parse() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/templates");
    let wave = Template::load(&folder.join("wave.svg")).unwrap();
    assert!(wave.fields().iter().any(|field| field.name == "role"));
    let back = Template::load(&folder.join("back.svg")).unwrap();
    assert_eq!(back.keep_out(), None);
}

#[test]
fn a_field_has_the_attributes_it_was_given() {
    let template = parse(&field(
        r##"data-size="9pt" data-min-size="2mm" data-lines="3" data-weight="bold" data-align="centre"
            data-valign="bottom" data-ink="dye" data-fill="#102030" data-group="4" data-required="no""##,
    ))
    .unwrap();
    let field = &template.fields()[0];
    assert!(!field.required);
    let FieldKind::Text(style) = &field.kind else {
        panic!("a text field")
    };
    assert_eq!((style.size, style.lines, style.group), (37.5, 3, 4));
    assert!((style.min_size - 23.622).abs() < 0.001);
    assert_eq!((style.weight, style.italic), (700, false));
    assert_eq!(style.align, Align::Centre);
    assert_eq!(style.vertical, VerticalAlign::Bottom);
    assert_eq!(style.ink, Ink::Dye([0x10, 0x20, 0x30]));
}

#[test]
fn a_field_is_measured_through_layers_and_even_when_hidden() {
    let template = parse(
        r#"<g transform="translate(100 50)" style="display:none"><g transform="scale(2)">
        <rect id="field:photo" x="200" y="100" width="100.4" height="50" rx="5"/></g></g>"#,
    )
    .unwrap();
    let field = &template.fields()[0];
    let area = Area {
        x: 500,
        y: 250,
        width: 200,
        height: 100,
    };
    assert_eq!(field.area, area);
    assert_eq!(field.kind, FieldKind::Photo { radius: 10.0 });
}

#[test]
fn lengths_with_units_are_of_300_dpi() {
    let template =
        parse(r#"<rect id="field:photo" x="25.4mm" y="1in" width="1in" height="72pt"/>"#).unwrap();
    let area = Area {
        x: 300,
        y: 300,
        width: 300,
        height: 300,
    };
    assert_eq!(template.fields()[0].area, area);
}

#[test]
fn errors_name_the_element_and_the_line() {
    assert_eq!(
        complaint(&format!("\n\n{}", field(r#"data-size="tall""#))),
        "element `field:name` (line 4): attribute `data-size` is `tall`, expected 12 to 642 dots, or that in `pt` or `mm`"
    );
    assert_eq!(
        complaint(&field("")),
        "element `field:name` (line 2): a text field needs `data-size`"
    );
}

#[test]
fn unusable_fields_are_refused() {
    for (attributes, expected) in [
        (r#"data-size="30" data-lines="9""#, "data-lines"),
        (r#"data-size="30" data-min-size="31""#, "data-min-size"),
        (r#"data-size="30" data-min-size="5""#, "data-min-size"),
        (r#"data-size="30" data-wrap-size="31""#, "data-wrap-size"),
        (r#"data-size="NaN""#, "data-size"),
        (r#"data-size="30" data-align="middle""#, "data-align"),
        (r#"data-size="30" data-ink="gold""#, "data-ink"),
        (r##"data-size="30" data-fill="#ff0000""##, "data-fill"),
        (
            r#"data-size="30" data-ink="dye" data-fill="red""#,
            "data-fill",
        ),
        (r#"data-size="30" data-line-height="9""#, "data-line-height"),
        (r#"data-size="30" data-required="maybe""#, "data-required"),
        (r#"data-size="30" transform="rotate(5)""#, "turned"),
        (r#"data-size="30" transform="translate(600 0)""#, "edge"),
        (r#"data-size="30" transform="translate(-150 120)""#, "chip"),
    ] {
        let message = complaint(&field(attributes));
        assert!(
            message.contains("field:name") && message.contains(expected),
            "{attributes}: {message}"
        );
    }
    for (body, expected) in [
        (
            r#"<circle id="field:name" r="5" data-size="30"/>"#,
            "`rect`",
        ),
        (
            r#"<rect id="field:Name" width="9" height="9" data-size="30"/>"#,
            "a-z",
        ),
        (
            r#"<rect id="field:name" width="0" height="9" data-size="30"/>"#,
            "no width",
        ),
        (
            r#"<defs><rect id="field:name" width="9" height="9" data-size="30"/></defs>"#,
            "`defs`",
        ),
    ] {
        let message = complaint(body);
        assert!(message.contains(expected), "{body}: {message}");
    }
    let twice = format!("{0}{0}", field(r#"data-size="30""#));
    assert!(complaint(&twice).contains("another field"));
}

#[test]
fn only_a_landscape_card_at_300_dpi_is_a_face() {
    for svg in [
        r#"<svg xmlns="http://www.w3.org/2000/svg"/>"#,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 642 1016"/>"#,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1016 x 642"/>"#,
        r#"<svg viewBox="0 0 1016 642"/>"#,
        r#"<html/>"#,
    ] {
        let result = Template::parse(svg, None);
        assert!(
            matches!(result, Err(TemplateError::NotAFace { .. })),
            "{svg}"
        );
    }
}

#[test]
fn a_document_type_is_refused() {
    let svg = r#"<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1016 642"/>"#;
    assert!(matches!(
        Template::parse(svg, None),
        Err(TemplateError::NotXml(_))
    ));
}

#[test]
fn references_out_of_the_document_are_refused() {
    for body in [
        r#"<image id="i" href="http://example.org/a.png" width="9" height="9"/>"#,
        r#"<image id="i" href="file:///etc/hostname" width="9" height="9"/>"#,
        r#"<image id="i" href="a.png" width="9" height="9"/>"#,
        r#"<image id="i" xlink:href="data:image/svg+xml;base64,AAAA" width="9" height="9"/>"#,
        r#"<use id="i" href="other.svg#a"/>"#,
        r#"<rect id="i" width="9" height="9" fill="url(other.svg#a)"/>"#,
        r#"<rect id="i" width="9" height="9" style="fill:URL( 'http://example.org/#a')"/>"#,
        r#"<style id="i">@import "http://example.org/a.css";</style>"#,
    ] {
        let error = parse(body).unwrap_err();
        assert!(
            matches!(&error, TemplateError::Reference { element, line: 2, .. } if element == "i"),
            "{body}: {error}"
        );
    }
}

#[test]
fn pictures_come_from_the_folder_of_the_template_and_no_further() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("templates");
    std::fs::create_dir(&folder).unwrap();
    let picture = plastic::Raster::white(4, 4);
    picture
        .write_png(&outer.path().join("outside.png"))
        .unwrap();
    picture.write_png(&folder.join("inside.png")).unwrap();
    std::fs::write(folder.join("letter.png"), "Dear Sir").unwrap();
    let load = |href: &str| {
        let path = folder.join("face.svg");
        let body = format!(r#"<image id="logo" href="{href}" x="600" width="9" height="9"/>"#);
        std::fs::write(&path, face(&body)).unwrap();
        Template::load(&path)
    };
    load("inside.png").unwrap();
    load("./inside.png").unwrap();
    let outside = outer.path().join("outside.png");
    for href in [
        "../outside.png",
        outside.to_str().unwrap(),
        "letter.png",
        "none.png",
        "",
    ] {
        let error = load(href).unwrap_err();
        assert!(
            matches!(error, TemplateError::Reference { .. }),
            "{href}: {error}"
        );
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&outside, folder.join("link.png")).unwrap();
        let error = load("link.png").unwrap_err().to_string();
        assert!(error.contains("leads out"), "{error}");
    }
}

#[test]
fn drawings_that_grow_while_drawn_are_refused() {
    let mut clones = String::from(r#"<defs><rect id="a0" width="1" height="1"/>"#);
    for level in 1..30 {
        let original = level - 1;
        clones.push_str(&format!(
            r##"<g id="a{level}"><use href="#a{original}"/><use href="#a{original}"/></g>"##
        ));
    }
    clones.push_str(r##"</defs><use href="#a29"/>"##);
    assert!(matches!(
        parse(&clones),
        Err(TemplateError::TooLarge {
            unit: "elements",
            ..
        })
    ));
    assert!(complaint(r##"<g id="a"><use href="#a"/></g>"##).contains("within itself"));
    let deep = format!("{}{}", "<g>".repeat(100), "</g>".repeat(100));
    assert!(matches!(
        parse(&deep),
        Err(TemplateError::TooLarge { unit: "levels", .. })
    ));
    assert!(parse(&"<g/>".repeat(30_000)).is_err());
    let large = " ".repeat(usize::try_from(MAX_BYTES).unwrap());
    assert!(matches!(
        parse(&large),
        Err(TemplateError::TooLarge { unit: "bytes", .. })
    ));
}

#[test]
fn filters_and_scripts_are_refused() {
    for body in [
        r#"<filter id="f"><feTurbulence numOctaves="1000000"/></filter>"#,
        r#"<rect id="r" width="9" height="9" style="fill:red;filter:blur(90000px)"/>"#,
        r#"<rect id="r" width="9" height="9" filter="blur(9px)"/>"#,
        r#"<script>1</script>"#,
        r#"<foreignObject/>"#,
    ] {
        assert!(
            matches!(
                parse(body),
                Err(TemplateError::Element { .. } | TemplateError::Attribute { .. })
            ),
            "{body}"
        );
    }
}

#[test]
fn the_layers_share_nothing_but_definitions() {
    let template = parse(
        r##"<defs><rect id="mark" width="9" height="9"/></defs>
        <rect id="dye" width="9" height="9"/>
        <g class="captions resin"><text id="black">A</text></g>
        <rect id="line" data-ink="resin" width="9" height="9"/>
        <use id="clone" href="#mark"/>
        <rect id="field:name" x="300" y="9" width="90" height="40" data-size="20"/>"##,
    )
    .unwrap();
    let layers = template.layers();
    let resin = layers.resin.as_deref().unwrap();
    for (id, in_dye, in_resin) in [
        ("mark", true, true),
        ("dye", true, false),
        ("black", false, true),
        ("line", false, true),
        ("clone", true, false),
        ("field:name", false, false),
    ] {
        let id = format!("id=\"{id}\"");
        assert_eq!(layers.dye.contains(&id), in_dye, "{id} in dye");
        assert_eq!(resin.contains(&id), in_resin, "{id} in resin");
    }
}

#[test]
fn inks_that_cannot_be_parted_are_refused() {
    for body in [
        r#"<g data-ink="resin"><rect data-ink="dye" width="9" height="9"/></g>"#,
        r##"<rect id="a" data-ink="resin" width="9" height="9"/><use href="#a"/>"##,
        r##"<rect id="a" width="9" height="9"/><use data-ink="resin" href="#a"/>"##,
        r#"<defs><rect data-ink="resin" width="9" height="9"/></defs>"#,
        r#"<rect data-ink="silver" width="9" height="9"/>"#,
    ] {
        assert!(parse(body).is_err(), "{body}");
    }
}

proptest! {
    #[test]
    fn any_text_gives_a_template_or_a_typed_error(text in any::<String>()) {
        let _ = Template::parse(&text, None);
        let _ = parse(&text);
    }

    #[test]
    fn a_changed_template_gives_a_template_or_a_typed_error(
        at in 0_usize..BUILTIN.len(),
        with in "[<>&\"'/=a-z0-9# ]{0,4}",
        cut in 0_usize..40,
    ) {
        let mut svg = BUILTIN.to_owned();
        if svg.is_char_boundary(at) && svg.is_char_boundary((at + cut).min(BUILTIN.len())) {
            svg.replace_range(at..(at + cut).min(BUILTIN.len()), &with);
        }
        if let Ok(template) = Template::parse(&svg, None) {
            for field in template.fields() {
                prop_assert!(field.area.right() <= plastic::WIDTH);
                prop_assert!(field.area.bottom() <= plastic::HEIGHT);
            }
        }
    }
}
