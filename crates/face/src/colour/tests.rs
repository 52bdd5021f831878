use proptest::prelude::*;

use super::*;

/// An ICC profile written by hand (ICC.1:2001-04, version 2.4): header, table of tags, tags.
fn profile(
    class: &[u8; 4],
    space: &[u8; 4],
    pcs: &[u8; 4],
    tags: &[(&[u8; 4], Vec<u8>)],
) -> Vec<u8> {
    let mut out = vec![0; 128];
    out[8..12].copy_from_slice(&[2, 0x40, 0, 0]);
    out[12..16].copy_from_slice(class);
    out[16..20].copy_from_slice(space);
    out[20..24].copy_from_slice(pcs);
    // 2026-01-01 00:00:00.
    out[24..30].copy_from_slice(&[0x07, 0xEA, 0, 1, 0, 1]);
    out[36..40].copy_from_slice(b"acsp");
    // The D50 illuminant.
    out[68..80].copy_from_slice(&[0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D]);
    out.extend((tags.len() as u32).to_be_bytes());
    let mut at = out.len() + tags.len() * 12;
    for (signature, content) in tags {
        out.extend(*signature);
        out.extend((at as u32).to_be_bytes());
        out.extend((content.len() as u32).to_be_bytes());
        at += content.len().next_multiple_of(4);
    }
    for (_, content) in tags {
        out.extend(content);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    let size = out.len() as u32;
    out[..4].copy_from_slice(&size.to_be_bytes());
    out
}

fn xyz(x: f64, y: f64, z: f64) -> Vec<u8> {
    let mut out = b"XYZ \0\0\0\0".to_vec();
    for value in [x, y, z] {
        out.extend(((value * 65536.0).round() as i32).to_be_bytes());
    }
    out
}

/// A curve of one value: a gamma of 1.8.
fn gamma() -> Vec<u8> {
    [&b"curv\0\0\0\0\0\0\0\x01"[..], &[0x01, 0xCD]].concat()
}

/// The primaries of sRGB seen under D50, with another gamma.
fn matrix_profile() -> Vec<u8> {
    profile(
        b"prtr",
        b"RGB ",
        b"XYZ ",
        &[
            (b"rXYZ", xyz(0.4361, 0.2225, 0.0139)),
            (b"gXYZ", xyz(0.3851, 0.7169, 0.0971)),
            (b"bXYZ", xyz(0.1431, 0.0606, 0.7141)),
            (b"rTRC", gamma()),
            (b"gTRC", gamma()),
            (b"bTRC", gamma()),
            (b"wtpt", xyz(0.9642, 1.0, 0.8249)),
        ],
    )
}

/// A printer that knows nothing but lightness: each device channel is L* (`lut16Type`, two points
/// of each coordinate).
fn table_profile() -> Vec<u8> {
    let mut table = b"mft2\0\0\0\0\x03\x03\x02\0".to_vec();
    for row in 0..3 {
        for column in 0..3 {
            table.extend(if row == column { [0, 1, 0, 0] } else { [0; 4] });
        }
    }
    table.extend([0, 2, 0, 2]);
    let identity = [0, 0, 0xFF, 0xFF].repeat(3);
    table.extend(&identity);
    // The last coordinate, b*, changes fastest, L* slowest.
    for lightness in [[0; 2], [0xFF; 2]] {
        table.extend(lightness.repeat(3 * 4));
    }
    table.extend(&identity);
    profile(b"prtr", b"RGB ", b"Lab ", &[(b"B2A0", table)])
}

fn converted(profile: &[u8], colour: [u8; 3]) -> [u8; 3] {
    let profile = ColourProfile::from_named_bytes("test.icc", profile).unwrap();
    let mut raster = Raster::white(9, 2);
    raster.set(4, 1, colour);
    profile.convert(&mut raster).unwrap();
    assert_eq!(raster.get(3, 1), [255; 3]);
    raster.get(4, 1)
}

fn near(actual: [u8; 3], expected: [u8; 3], tolerance: u8) {
    for (actual, expected) in actual.into_iter().zip(expected) {
        assert!(
            actual.abs_diff(expected) <= tolerance,
            "{actual:?}, expected {expected:?}"
        );
    }
}

#[test]
fn a_matrix_profile_bends_the_curve_and_keeps_the_hue() {
    let profile = matrix_profile();
    // Level 128 of sRGB is 0.2159 of the light; to the power of 1/1.8 that is 0.4268.
    near(converted(&profile, [128; 3]), [109; 3], 1);
    near(converted(&profile, [0; 3]), [0; 3], 0);
    near(converted(&profile, [255, 0, 0]), [255, 0, 0], 2);
}

#[test]
fn a_profile_with_a_table_goes_through_the_table() {
    let profile = table_profile();
    // Seen under D50, L* of sRGB grey 128 is 53.6, of pure red 54.3, of pure blue 29.6.
    near(converted(&profile, [128; 3]), [136; 3], 2);
    near(converted(&profile, [255, 0, 0]), [138; 3], 2);
    near(converted(&profile, [0, 0, 255]), [75; 3], 2);
}

#[test]
fn a_profile_of_srgb_changes_nothing() {
    let srgb = ColorProfile::new_srgb().encode().unwrap();
    for colour in [[0; 3], [1, 2, 3], [12, 200, 90], [254; 3], [255, 0, 128]] {
        near(converted(&srgb, colour), colour, 1);
    }
}

#[test]
fn blank_stays_blank_even_where_the_profile_has_paper_grey() {
    // White comes out as 254 of the table, since L* of 100 is FF00 in version 2.
    assert_eq!(converted(&table_profile(), [255; 3]), [255; 3]);
    assert_ne!(converted(&table_profile(), [254; 3]), [255; 3]);
}

#[test]
fn what_is_no_profile_of_a_printer_is_refused_with_the_reason() {
    let sound = matrix_profile();
    let with = |at: usize, word: &[u8; 4]| {
        let mut changed = sound.clone();
        changed[at..at + 4].copy_from_slice(word);
        changed
    };
    for (bytes, expected) in [
        (b"Dear Sir".to_vec(), "`p.icc` (8 bytes) is no ICC profile"),
        (sound[..sound.len() - 9].to_vec(), "cut short"),
        (
            with(16, b"CMYK"),
            "expected the colour space `RGB`, found `CMYK`",
        ),
        (with(12, b"link"), "found `link`"),
        (with(20, b"RGB "), "connection space"),
        // More tags than there are bytes.
        (with(128, &[0, 1, 0, 0]), "damaged"),
        (profile(b"prtr", b"RGB ", b"Lab ", &[]), "neither a table"),
    ] {
        let error = ColourProfile::from_named_bytes("p.icc", &bytes).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.hint().is_some());
    }
    let link = ColourProfile::from_named_bytes("p.icc", &with(12, b"link")).unwrap_err();
    assert!(link.hint().unwrap().contains("device links"));
    let missing = ColourProfile::load(Path::new("no-such.icc")).unwrap_err();
    assert!(missing.to_string().contains("no-such.icc"));
}

#[test]
fn a_profile_beyond_the_limit_is_not_parsed() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(MAX_BYTES + 1).unwrap();
    let error = ColourProfile::load(file.path()).unwrap_err();
    assert!(matches!(error, ColourError::TooLarge { .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_changed_profile_converts_or_gives_a_typed_error(
        table in any::<bool>(),
        changes in proptest::collection::vec((0_usize..600, any::<u8>()), 1..6),
        cut in 0_usize..40,
    ) {
        let mut bytes = if table { table_profile() } else { matrix_profile() };
        let length = bytes.len();
        for (at, value) in changes {
            bytes[at % length] = value;
        }
        bytes.truncate(length.saturating_sub(cut));
        if let Ok(profile) = ColourProfile::from_named_bytes("fuzz.icc", &bytes) {
            let mut raster = Raster::white(16, 1);
            raster.bytes_mut()[..6].copy_from_slice(&[0, 255, 7, 90, 91, 92]);
            let _ = profile.convert(&mut raster);
        }
    }
}
