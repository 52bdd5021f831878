//! What the drawing of faces takes from elsewhere: photos, colour profiles, templates, limits.

use std::sync::LazyLock;

use face::{ColourProfile, FaceError, Fonts, Limits, Lint, Photo, Renderer, Rule, Side, Template};
use plastic::Raster;

pub(crate) fn photo(bytes: &[u8]) {
    match Photo::from_named_bytes("fuzz.png", bytes) {
        Ok(photo) => {
            for hint in photo.hints(&Limits::builtin().photo) {
                drop(hint.to_string());
            }
        }
        Err(error) => drop(error.to_string()),
    }
}

pub(crate) fn icc_profile(bytes: &[u8]) {
    let profile = match ColourProfile::from_named_bytes("fuzz.icc", bytes) {
        Ok(profile) => profile,
        Err(error) => {
            let _ = error.to_string();
            return;
        }
    };
    let mut raster = Raster::white(33, 1);
    for (level, dot) in (0..32_u8).zip(raster.bytes_mut().chunks_exact_mut(3)) {
        dot.copy_from_slice(&[level * 8, 255 - level * 8, level.wrapping_mul(37)]);
    }
    if profile.convert(&mut raster).is_ok() {
        assert_eq!(raster.get(32, 0), [255; 3], "what is blank stays blank");
    }
}

pub(crate) fn face_template(bytes: &[u8]) {
    static FONTS: LazyLock<Fonts> = LazyLock::new(Fonts::builtin);
    let Ok(svg) = std::str::from_utf8(bytes) else {
        return;
    };
    let lint = Lint {
        fonts: &FONTS,
        limits: &Limits::builtin().template,
        side: Side::Front,
        base: None,
        examples: &[],
    };
    let refused = lint.check(svg).iter().any(|finding| {
        matches!(
            finding.rule,
            Rule::Refused | Rule::FontMissing | Rule::GlyphMissing
        )
    });
    let drawn = Template::parse(svg, None)
        .map_err(FaceError::from)
        .and_then(|template| Renderer::new(FONTS.clone()).prepare(&template));
    assert_eq!(
        refused,
        drawn.is_err(),
        "the lint says what the renderer does: {drawn:?}"
    );
}

pub(crate) fn face_limits(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Err(error) = Limits::parse(text) {
        let _ = error.to_string();
    }
}
