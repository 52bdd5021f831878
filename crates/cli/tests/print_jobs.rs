//! `cardwright print encode` and `print decode` as a person or a script runs them.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use plastic::Raster;
use serde_json::Value;

fn cardwright(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cardwright"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input closes the pipe; that is its right.
    let _unread = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn succeed(arguments: &[&str]) -> Vec<u8> {
    let output = cardwright(arguments, &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    output.stdout
}

/// Fails as a mistake of the operator, and returns what it said.
fn fail(arguments: &[&str], input: &[u8]) -> String {
    let output = cardwright(arguments, input);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A picture with every shade, runs, single dots and black.
fn face(folder: &Path, name: &str, seed: u32) -> (PathBuf, Raster) {
    let mut picture = Raster::white(plastic::WIDTH, plastic::HEIGHT);
    for y in 20..plastic::HEIGHT - 20 {
        for x in 20..plastic::WIDTH - 20 {
            let wave = |factor: u32| (((x * factor) ^ (y * seed)) & 0xFF) as u8;
            if x < 500 {
                picture.set(x, y, [wave(1), wave(3), wave(5)]);
            } else if (x / 7 + y / 5) % 3 == 0 {
                picture.set(x, y, [0; 3]);
            }
        }
    }
    let path = folder.join(name);
    picture.write_png(&path).unwrap();
    (path, picture)
}

fn difference(one: &Raster, other: &Raster) -> u8 {
    assert_eq!((one.width(), one.height()), (other.width(), other.height()));
    let pairs = one.bytes().iter().zip(other.bytes());
    pairs
        .map(|(one, other)| one.abs_diff(*other))
        .max()
        .unwrap()
}

/// The part of a face that every family prints: without the columns a Rio Pro 360 cuts off, and
/// without the rows beside the card an Evolis adds.
fn printed(picture: &Raster) -> Raster {
    let above = (picture.height() - plastic::HEIGHT) / 2;
    let mut part = Raster::white(plastic::WIDTH - 6, plastic::HEIGHT);
    for y in 0..part.height() {
        let row = &picture.row(y + above)[3 * 3..][..3 * (plastic::WIDTH as usize - 6)];
        part.row_mut(y).copy_from_slice(row);
    }
    part
}

#[test]
fn a_job_decodes_to_the_pictures_it_was_encoded_from() {
    let folder = tempfile::tempdir().unwrap();
    let (front, front_picture) = face(folder.path(), "front.png", 3);
    let (back, back_picture) = face(folder.path(), "back.png", 7);
    for (family, loses) in [
        ("magicard-enduro", 3),
        ("magicard-rio-tango", 3),
        ("rio-pro-360", 0),
        ("evolis", 2),
        ("matica-xid", 0),
        ("ipp", 0),
    ] {
        let job = folder.path().join("job");
        let out = folder.path().join(family);
        let (front, back, job, shown) = (text(&front), text(&back), text(&job), text(&out));
        let encode = ["--json", "print", "encode", "--printer", family];
        let files = [
            "--front", front, "--back", back, "-o", job, "--time", "1000",
        ];
        let told: Value =
            serde_json::from_slice(&succeed(&[&encode[..], &files[..]].concat())).unwrap();
        assert_eq!(told["family"], family);
        assert_eq!(told["bytes"], std::fs::metadata(job).unwrap().len());
        assert_eq!(told["overcoat"], family != "ipp");
        let first = std::fs::read(job).unwrap();
        succeed(&[&encode[..], &files[..]].concat());
        assert!(
            std::fs::read(job).unwrap() == first,
            "{family}: not the same bytes"
        );

        let decoded = succeed(&["--json", "print", "decode", job, "-o", shown]);
        let decoded: Value = serde_json::from_slice(&decoded).unwrap();
        assert_eq!(decoded["family"], family);
        let header = std::fs::read(out.join("header.json")).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        assert_eq!(header, decoded["header"]);
        for (name, picture) in [("front", &front_picture), ("back", &back_picture)] {
            let found = Raster::read_png(&out.join(format!("{name}.png"))).unwrap();
            let lost = difference(&printed(&found), &printed(picture));
            assert!(lost <= loses, "{family} {name}: {lost}");
        }
        for side in decoded["sides"].as_array().unwrap() {
            let name = side["name"].as_str().unwrap();
            for plane in side["planes"].as_array().unwrap() {
                let path = out.join(format!("{name}-{}.png", plane.as_str().unwrap()));
                Raster::read_png(&path).unwrap();
            }
            let overcoat = out.join(format!("{name}-overcoat.png"));
            assert_eq!(overcoat.exists(), side["overcoat"].as_bool().unwrap());
        }
    }
}

#[test]
fn a_job_goes_to_standard_output_and_comes_from_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let (front, picture) = face(folder.path(), "front.png", 5);
    let encode = [
        "print",
        "encode",
        "--printer",
        "ipp",
        "--front",
        text(&front),
        "-o",
        "-",
    ];
    let job = succeed(&encode);
    assert!(job.starts_with(b"RaS2"));
    let out = folder.path().join("out");
    let decoded = cardwright(&["print", "decode", "-", "-o", text(&out)], &job);
    assert!(decoded.status.success());
    assert!(Raster::read_png(&out.join("front.png")).unwrap() == picture);
    let message = fail(&[&["--json"], &encode[..]].concat(), &[]);
    assert!(message.is_empty());
}

#[test]
fn pictures_of_another_size_are_refused_or_fitted() {
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("small.png");
    Raster::white(500, 400).write_png(&small).unwrap();
    let job = folder.path().join("job");
    let encode = [
        "print",
        "encode",
        "--printer",
        "ipp",
        "--front",
        text(&small),
        "-o",
        text(&job),
    ];
    let message = fail(&encode, &[]);
    assert!(
        message.contains("500 x 400 dots, expected 1016 x 642"),
        "{message}"
    );
    assert!(message.contains("--fit"), "{message}");
    assert!(!job.exists());
    succeed(&[&encode[..], &["--fit"]].concat());
    // A portrait picture of the face's size is turned.
    let portrait = folder.path().join("portrait.png");
    Raster::white(642, 1016).write_png(&portrait).unwrap();
    succeed(&[
        "print",
        "encode",
        "--printer",
        "ipp",
        "--front",
        text(&portrait),
        "-o",
        text(&job),
    ]);
}

#[test]
fn what_a_family_cannot_do_and_what_is_no_job_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (front, _) = face(folder.path(), "front.png", 5);
    let (front, job) = (text(&front), folder.path().join("job"));
    let encode = |more: &[&str]| {
        let start = ["print", "encode", "--front", front, "-o", text(&job)];
        fail(&[&start, more].concat(), &[])
    };
    for (more, words) in [
        (
            &["--printer", "ipp", "--resin-quality", "high"][..],
            "no `resin-quality`",
        ),
        (&["--printer", "ipp", "--copies", "2"], "one card a job"),
        (
            &["--printer", "ipp", "--front-hole", "chip"],
            "no `front-hole`",
        ),
        (
            &["--printer", "magicard-rio-tango", "--head-type", "1"],
            "no `head-type`",
        ),
        (&["--printer", "zebra"], "known families: magicard-enduro"),
        (
            &["--printer", "magicard-enduro", "--copies", "0"],
            "--copies",
        ),
    ] {
        let message = encode(more);
        assert!(message.contains(words), "{message}");
        assert!(!job.exists());
    }
    let out = folder.path().join("out");
    let decode = |bytes: &[u8]| fail(&["print", "decode", "-", "-o", text(&out)], bytes);
    for (bytes, words) in [
        (&b"%PDF-1.7"[..], "no family that is known"),
        (b"\x01,NOC1,KGE2,SZK97536\x1cabc", "ends at offset 24"),
        (b"\x1bSs\r\x1bDb;q;2;", "bitmap at offset 4"),
        (b"RaS2PwgRaster", "ends at offset 13"),
    ] {
        let message = decode(bytes);
        assert!(message.contains(words), "{message}");
        assert!(!out.exists());
    }
    let missing = fail(&["print", "decode", "no-such-file", "-o", text(&out)], &[]);
    assert!(missing.contains("no-such-file"), "{missing}");
}

fn data(family: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CARDWRIGHT_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = folder.join(family);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no test data at {}", folder.display());
    None
}

/// Decodes a recorded job with these options, and returns the folder it went to.
fn decode_sample(folder: &Path, name: &str, options: &[&str]) -> tempfile::TempDir {
    let packed = std::fs::read(folder.join(format!("{name}.prn.zst"))).unwrap();
    let job = zstd::decode_all(packed.as_slice()).unwrap();
    let out = tempfile::tempdir().unwrap();
    let command = ["print", "decode", "-", "-o", text(out.path())];
    let decoded = cardwright(&[&command, options].concat(), &job);
    let said = String::from_utf8_lossy(&decoded.stderr).into_owned();
    assert!(decoded.status.success(), "{name}: {said}");
    out
}

/// A picture upright in landscape, as the vendors' programs lay a portrait one.
fn landscape(path: &Path) -> Raster {
    printers::magicard::landscape(&Raster::read_png(path).unwrap())
}

#[test]
fn every_recorded_magicard_job_decodes_to_its_picture() {
    let Some(folder) = data("magicard") else {
        return;
    };
    for (name, options) in [
        ("d1-chart-ymc", &[][..]),
        ("d2-badge-ymck", &[]),
        ("d3-text-mono", &[]),
        ("d4-badge-maghole", &["--head-position", "40"]),
        (
            "d5-backonly-rot",
            &["--head-position", "60", "--rotated", "none"],
        ),
        ("d6-field-blackymc", &[]),
    ] {
        let told = std::fs::read(folder.join(format!("{name}.opts.json"))).unwrap();
        let told: Value = serde_json::from_slice(&told).unwrap();
        let masked = |mask: &str| {
            let masks = told["compare"]["masks"].as_array().unwrap();
            masks.iter().any(|found| found == mask)
        };
        let out = decode_sample(&folder, name, options);
        let side = told["pages"][0]["side"].as_str().unwrap();
        let found = Raster::read_png(&out.path().join(format!("{side}.png"))).unwrap();
        let picture = landscape(&folder.join(format!("{name}.png")));
        let border = |x, y| x == 0 || y == 0 || x == plastic::WIDTH - 1 || y == plastic::HEIGHT - 1;
        let mut compared = 0;
        for y in 0..plastic::HEIGHT {
            for x in 0..plastic::WIDTH {
                if masked("mono_border") && border(x, y) {
                    continue;
                }
                let (found, expected) = (found.get(x, y), picture.get(x, y));
                let worst = (0..3)
                    .map(|i| found[i].abs_diff(expected[i]))
                    .max()
                    .unwrap();
                assert!(
                    worst <= 3,
                    "{name} at {x}, {y}: {found:?}, expected {expected:?}"
                );
                compared += 1;
            }
        }
        assert!(compared > 640_000);
        let header = std::fs::read(out.path().join("header.json")).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        assert_eq!(header["pages"][0]["ink_off_the_face"], 0, "{name}");
        let hole = told["pages"][0]["overcoat_hole"] == "mag_normal";
        if hole {
            let overcoat = out.path().join(format!("{side}-overcoat.png"));
            let overcoat = Raster::read_png(&overcoat).unwrap();
            // 420 to 590 from the bottom stay free.
            assert_eq!(overcoat.get(500, 641 - 500), [255; 3]);
            assert_ne!(overcoat.get(500, 641 - 600), [255; 3]);
        }
    }
}

#[test]
fn every_recorded_evolis_job_decodes_to_its_picture() {
    let Some(folder) = data("evolis") else { return };
    // Portrait pictures lie the other way round on this family's cards.
    for (name, sides, options, brightest_black) in [
        ("e1-chart-colour", 1, &[][..], None),
        ("e2-badge-black", 1, &[], Some(18)),
        ("e3-text-mono", 1, &[], Some(381)),
        ("e4-duplex-ko", 2, &["--rotated", "both"], Some(381)),
    ] {
        let out = decode_sample(&folder, name, options);
        let mono = brightest_black == Some(381);
        for (side, suffix) in [("front", ""), ("back", ".back")].into_iter().take(sides) {
            let found = Raster::read_png(&out.path().join(format!("{side}.png"))).unwrap();
            let picture = landscape(&folder.join(format!("{name}{suffix}.png")));
            assert_eq!((found.width(), found.height()), (1016, 648));
            for y in 0..648 {
                for x in 0..1016 {
                    let expected = picture.get(x, y);
                    let sum: u32 = expected.iter().map(|channel| u32::from(*channel)).sum();
                    let black = brightest_black.is_some_and(|brightest| sum <= brightest);
                    let expected = match (black, mono) {
                        (true, _) => [0; 3],
                        (false, true) => [255; 3],
                        (false, false) => expected,
                    };
                    assert_eq!(found.get(x, y), expected, "{name} {side} at {x}, {y}");
                }
            }
        }
        let overcoat = out.path().join("front-overcoat.png");
        assert_eq!(overcoat.exists(), name != "e3-text-mono");
    }
}
