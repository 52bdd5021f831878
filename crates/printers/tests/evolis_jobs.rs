//! Our codec against jobs the vendor's own library made of known pictures.

use std::path::{Path, PathBuf};

use plastic::Raster;
use printers::evolis::words::{DOTS, LINES};
use printers::evolis::{Coding, Panel, Stream};

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
    println!("skipped: no test data at {}", folder.display());
    None
}

#[test]
fn every_vendor_job_is_written_back_byte_for_byte_and_holds_its_picture() {
    let Some(folder) = data() else { return };
    for (name, sides, extracted, darkest) in JOBS {
        let packed = std::fs::read(folder.join(format!("{name}.prn.zst"))).unwrap();
        let bytes = zstd::decode_all(packed.as_slice()).unwrap();
        let stream = Stream::decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(stream.encode() == bytes, "{name}");
        for (side, bitmaps) in stream.sides().into_iter().enumerate() {
            assert_eq!(bitmaps.is_empty(), side >= sides, "{name} side {side}");
            if bitmaps.is_empty() {
                continue;
            }
            let suffix = ["", ".back"][side];
            let picture = Raster::read_png(&folder.join(format!("{name}{suffix}.png"))).unwrap();
            let portrait = picture.width() < picture.height();
            for bitmap in bitmaps {
                let dots = bitmap.dots().unwrap();
                let again = dots.to_bitmap(bitmap.panel(), Coding::Packed);
                assert!(again == *bitmap, "{name} {:?}", bitmap.panel());
                for line in 0..LINES {
                    for dot in 0..DOTS {
                        let (x, y) = if portrait {
                            (DOTS - 1 - dot, LINES - 1 - line)
                        } else {
                            (line, DOTS - 1 - dot)
                        };
                        let colour = picture.get(x as u32, y as u32);
                        let sum: u32 = colour.iter().map(|channel| u32::from(*channel)).sum();
                        let black = extracted && sum <= darkest;
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
