//! Our codec against jobs the vendor's own library made of known pictures.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::path::{Path, PathBuf};

use plastic::{Bitmap, Raster};
use printers::evolis::words::{DOTS, LINES};
use printers::evolis::{
    Coding, Command, Face, Item, JobOptions, Panel, Profile, Stream, build_faces, decode,
};

/// Name, sides, whether black is taken out of the colours, and the brightest sum of channels that
/// is black still.
const JOBS: [(&str, usize, bool, u32); 4] = [
    ("e1-chart-colour", 1, false, 18),
    ("e2-badge-black", 1, true, 18),
    ("e3-text-mono", 1, true, 381),
    ("e4-duplex-ko", 2, true, 381),
];

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("CARDWRIGHT_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = folder.join("evolis");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no test data at {}", folder.display());
    None
}

fn stream(folder: &Path, name: &str) -> (Vec<u8>, Stream) {
    let packed = std::fs::read(folder.join(format!("{name}.prn.zst"))).unwrap();
    let bytes = zstd::decode_all(packed.as_slice()).unwrap();
    let stream = Stream::decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    (bytes, stream)
}

/// The picture of a side, landscape; the left edge of a portrait one is above.
fn picture(folder: &Path, name: &str, side: usize) -> Raster {
    let suffix = ["", ".back"][side];
    let picture = Raster::read_png(&folder.join(format!("{name}{suffix}.png"))).unwrap();
    if picture.width() > picture.height() {
        return picture;
    }
    let mut landscape = Raster::white(picture.height(), picture.width());
    for y in 0..landscape.height() {
        for x in 0..landscape.width() {
            landscape.set(x, y, picture.get(y, picture.height() - 1 - x));
        }
    }
    landscape
}

fn sum(colour: [u8; 3]) -> u32 {
    colour.iter().map(|channel| u32::from(*channel)).sum()
}

/// The face as the library separates it, with nothing in colour under black.
fn face(picture: &Raster, extracted: bool, darkest: u32, varnish: bool) -> Face {
    let (width, height) = (picture.width(), picture.height());
    let black = Bitmap::from_fn(width, height, |x, y| {
        extracted && sum(picture.get(x, y)) <= darkest
    });
    let mut colour = picture.clone();
    for y in 0..height {
        for x in 0..width {
            // A black ribbon prints nothing of what is not black.
            if black.get(x, y) || darkest > 18 {
                colour.set(x, y, [255; 3]);
            }
        }
    }
    Face {
        colour,
        black,
        overlay: Bitmap::from_fn(width, height, |_, _| varnish),
    }
}

/// The items with the time taken out.
fn timeless(stream: &Stream) -> Vec<Item> {
    let items = stream.items.iter().map(|item| match item {
        Item::Command(command) if command.name() == b"Ppws" => {
            Item::Command(Command::new("Ppws").unwrap())
        }
        item => item.clone(),
    });
    items.collect()
}

#[test]
fn every_vendor_job_is_made_again_from_its_picture() {
    let Some(folder) = data() else { return };
    let ribbons = ["YMCKO", "YMCKO", "black", "KO"];
    for ((name, sides, extracted, darkest), ribbon) in JOBS.into_iter().zip(ribbons) {
        let (_, theirs) = stream(&folder, name);
        let profile = Profile::evolis();
        let options = JobOptions::new(&profile, profile.ribbon(ribbon).unwrap(), 7);
        let varnish = ribbon != "black";
        let faces: Vec<Face> = (0..sides)
            .map(|side| picture(&folder, name, side))
            .map(|picture| face(&picture, extracted, darkest, varnish))
            .collect();
        let ours = build_faces(faces.first(), faces.get(1), &options).unwrap();
        if name != "e2-badge-black" {
            assert!(timeless(&ours) == timeless(&theirs), "{name}");
            continue;
        }
        // The library fills the colour under black from its neighbours, which also moves the means
        // it sends: everything else is the same.
        let black = &faces[0].black;
        let (ours_items, theirs_items) = (timeless(&ours), timeless(&theirs));
        assert_eq!(ours_items.len(), theirs_items.len());
        let mut dyes = 0;
        for (our, their) in ours_items.iter().zip(&theirs_items) {
            match (our, their) {
                (Item::Bitmap(our), Item::Bitmap(their)) if our.panel().channel().is_some() => {
                    assert_eq!((our.panel(), our.levels()), (their.panel(), their.levels()));
                    let (our, their) = (our.dots().unwrap(), their.dots().unwrap());
                    for y in 0..DOTS {
                        for x in 0..LINES {
                            let same = our.of_place(x, y, false) == their.of_place(x, y, false);
                            assert!(same || black.get(x as u32, y as u32), "{x}, {y}");
                        }
                    }
                    dyes += 1;
                }
                (Item::Command(our), Item::Command(their)) if our.name() == b"Pida" => {
                    assert_eq!(our.to_string(), "Pida;1;45;61;57");
                    assert_eq!(their.to_string(), "Pida;1;46;62;58");
                }
                (our, their) => assert!(our == their, "{our:?} {their:?}"),
            }
        }
        assert_eq!(dyes, 3);
        // With the library's own colour under black the whole job is the library's.
        let theirs_bytes = theirs.encode();
        let filled = decode(&theirs_bytes, [false, false])
            .unwrap()
            .remove(0)
            .face;
        let ours = build_faces(Some(&filled), None, &options).unwrap();
        assert!(timeless(&ours) == theirs_items);
    }
}

#[test]
fn every_vendor_job_decodes_to_its_pictures() {
    let Some(folder) = data() else { return };
    for (name, sides, extracted, darkest) in JOBS {
        let (bytes, _) = stream(&folder, name);
        let decoded = decode(&bytes, [false, false]).unwrap();
        assert_eq!(decoded.len(), sides, "{name}");
        for (number, side) in decoded.iter().enumerate() {
            assert_eq!((side.card, side.back), (0, number == 1));
            let picture = picture(&folder, name, number);
            let expected = face(&picture, extracted, darkest, darkest == 18);
            assert!(side.face.black == expected.black, "{name}");
            assert!(
                side.face.picture() == {
                    let mut wanted = expected.colour;
                    for y in 0..wanted.height() {
                        for x in 0..wanted.width() {
                            if expected.black.get(x, y) {
                                wanted.set(x, y, [0; 3]);
                            }
                        }
                    }
                    wanted
                },
                "{name}"
            );
        }
    }
}

#[test]
fn every_vendor_job_is_written_back_byte_for_byte_and_holds_its_picture() {
    let Some(folder) = data() else { return };
    for (name, sides, extracted, darkest) in JOBS {
        let (bytes, stream) = stream(&folder, name);
        assert!(stream.encode() == bytes, "{name}");
        for (side, bitmaps) in stream.sides().into_iter().enumerate() {
            assert_eq!(bitmaps.is_empty(), side >= sides, "{name} side {side}");
            if bitmaps.is_empty() {
                continue;
            }
            let picture = picture(&folder, name, side);
            for bitmap in bitmaps {
                let dots = bitmap.dots().unwrap();
                let again = dots.to_bitmap(bitmap.panel(), Coding::Packed);
                assert!(again == *bitmap, "{name} {:?}", bitmap.panel());
                for line in 0..LINES {
                    for dot in 0..DOTS {
                        let (x, y) = (line, DOTS - 1 - dot);
                        let colour = picture.get(x as u32, y as u32);
                        let black = extracted && sum(colour) <= darkest;
                        let expected = match (bitmap.panel(), bitmap.panel().channel()) {
                            (Panel::Overlay, _) => 1,
                            (Panel::Black, _) => u8::from(black),
                            // The library fills the colour under black from its neighbours.
                            (_, Some(_)) if black => continue,
                            (_, Some(channel)) => 255 - colour[channel],
                            (_, None) => panic!("a panel without a rule"),
                        };
                        let found = dots.line(line)[dot];
                        assert_eq!(found, expected, "{name} {:?} {x}, {y}", bitmap.panel());
                    }
                }
            }
        }
    }
}
