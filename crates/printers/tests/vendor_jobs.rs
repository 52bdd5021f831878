//! Our codec against jobs the vendor's own driver made of known pictures and options.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may stop it as the test itself may"
)]

use std::path::{Path, PathBuf};

use plastic::{Raster, Separation};
use printers::magicard::words::{DOTS, LINES};
use printers::magicard::{
    Dots, Format, Halftone, Head, HoloKote, Inf, Ink, Job, JobOptions, Layout, Overcoat, Placement,
    Rectangle, ResinQuality, Side, Word, build, dye_only, landscape, of_channel, resin_only,
};
use serde_json::Value;

const JOBS: [&str; 6] = [
    "d1-chart-ymc",
    "d2-badge-ymck",
    "d3-text-mono",
    "d4-badge-maghole",
    "d5-backonly-rot",
    "d6-field-blackymc",
];

/// How far the vendor's driver lets colour run under the edge of black.
const FRAME: u32 = 25;

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("CARDWRIGHT_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = folder.join("magicard");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no test data at {}", folder.display());
    None
}

struct Sample {
    name: &'static str,
    bytes: Vec<u8>,
    job: Job,
    options: Value,
    inf: Inf,
    /// The picture as the driver got it, upright in landscape.
    picture: Raster,
    portrait: bool,
}

impl Sample {
    fn read(folder: &Path, name: &'static str) -> Self {
        let packed = std::fs::read(folder.join(format!("{name}.prn.zst"))).unwrap();
        let bytes = zstd::decode_all(packed.as_slice()).unwrap();
        let options = std::fs::read(folder.join(format!("{name}.opts.json"))).unwrap();
        let options: Value = serde_json::from_slice(&options).unwrap();
        let inf = hex::decode(options["inf_reply"].as_str().unwrap()).unwrap();
        let picture = Raster::read_png(&folder.join(format!("{name}.png"))).unwrap();
        Self {
            name,
            job: Job::decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}")),
            bytes,
            options,
            inf: Inf::parse(&inf).unwrap(),
            portrait: picture.width() < picture.height(),
            picture: landscape(&picture),
        }
    }

    fn page(&self, field: &str) -> &Value {
        &self.options["pages"][0][field]
    }

    fn number(&self, field: &str) -> u32 {
        u32::try_from(self.options["job"][field].as_u64().unwrap()).unwrap()
    }

    fn masks(&self, name: &str) -> bool {
        let masks = self.options["compare"]["masks"].as_array().unwrap();
        masks.iter().any(|mask| mask == name)
    }

    fn margin(&self) -> usize {
        let adjustment = self.options["job"]["head_adjust"].as_i64().unwrap();
        let adjustment = i32::try_from(adjustment).unwrap();
        Layout::Kge2.margin(self.inf.head_position.unwrap(), adjustment)
    }

    fn turned(&self) -> bool {
        // The driver turns landscape backs by itself, before what the operator asks for.
        let back = self.page("side") == "back" && !self.portrait;
        back != self.page("rotate180").as_bool().unwrap()
    }

    fn format(&self) -> Format {
        match self.page("colour").as_str().unwrap() {
            "YMC" => Format::Ymc,
            "YMCK" => Format::Ymck,
            "K" => Format::K,
            other => panic!("format {other}"),
        }
    }

    fn black_as_dye(&self) -> bool {
        self.page("all_black_as_ymc").as_bool().unwrap()
    }

    /// The job our types make of the same picture and options.
    fn ours(&self) -> Job {
        let separation = match self.format() {
            Format::Ymc => dye_only(&self.picture),
            Format::Ymck => Separation::of_pure_black(&self.picture),
            Format::K => resin_only(&self.picture, Halftone::FloydSteinberg),
        };
        let options = JobOptions {
            copies: self.number("copies"),
            resin: match self.options["job"]["resin_quality"].as_str().unwrap() {
                "default" => ResinQuality::Default,
                "high" => ResinQuality::High,
                other => panic!("resin quality {other}"),
            },
            head: Head::of_enduro(self.inf.head_type.unwrap()),
            margin: self.margin(),
            dye_power: self.number("power_ymc"),
            resin_power: self.number("power_k"),
            overcoat_power: self.number("power_overcoat"),
            image_start: self.number("image_start"),
            image_end: self.number("image_end"),
            ..JobOptions::new(format!("1.0-{}", self.inf.firmware.as_ref().unwrap()), 0)
        };
        let overcoat = Overcoat {
            laminate: false,
            holokote: self
                .page("holokote")
                .as_bool()
                .unwrap()
                .then(HoloKote::default),
            holes: match self.page("overcoat_hole").as_str().unwrap() {
                "none" => vec![],
                "mag_normal" => vec![Rectangle::MAGNETIC],
                other => panic!("hole {other}"),
            },
        };
        let side = Side {
            separation: &separation,
            format: self.format(),
            black_as_dye: self.black_as_dye(),
            turned: self.turned(),
            overcoat: self.page("overcoat").as_bool().unwrap().then_some(overcoat),
        };
        if self.page("side") == "back" {
            build(&options, None, Some(&side)).unwrap()
        } else {
            build(&options, Some(&side), None).unwrap()
        }
    }

    /// Whether the vendor's dot of this ink at this place of the picture is not the rule's.
    fn masked(&self, frame: &Frame, ink: Ink, x: u32, y: u32) -> bool {
        let border = x == 0 || x == plastic::WIDTH - 1 || y == 0 || y == plastic::HEIGHT - 1;
        (self.masks("black_frame") && ink != Ink::Black && frame.holds(&self.picture, x, y))
            || (self.masks("mono_border") && border)
    }
}

/// Where black has another colour within reach.
struct Frame {
    /// Sums of dots that are not black, up and left of each place.
    sums: Vec<u32>,
}

impl Frame {
    const STRIDE: usize = plastic::WIDTH as usize + 1;

    fn of(picture: &Raster) -> Self {
        let mut sums = vec![0; Self::STRIDE * (plastic::HEIGHT as usize + 1)];
        for y in 0..plastic::HEIGHT {
            let mut row = 0;
            for x in 0..plastic::WIDTH {
                row += u32::from(picture.get(x, y) != [0; 3]);
                let at = (y as usize + 1) * Self::STRIDE + x as usize + 1;
                sums[at] = row + sums[at - Self::STRIDE];
            }
        }
        Self { sums }
    }

    fn holds(&self, picture: &Raster, x: u32, y: u32) -> bool {
        let (left, right) = (x.saturating_sub(FRAME), (x + FRAME + 1).min(plastic::WIDTH));
        let (top, bottom) = (
            y.saturating_sub(FRAME),
            (y + FRAME + 1).min(plastic::HEIGHT),
        );
        let sum = |x: u32, y: u32| self.sums[y as usize * Self::STRIDE + x as usize];
        picture.get(x, y) == [0; 3]
            && sum(right, bottom) + sum(left, top) > sum(left, bottom) + sum(right, top)
    }
}

fn samples() -> Vec<Sample> {
    let Some(folder) = data() else {
        return Vec::new();
    };
    JOBS.iter()
        .map(|name| Sample::read(&folder, name))
        .collect()
}

#[test]
fn every_vendor_job_is_written_back_byte_for_byte() {
    for sample in samples() {
        assert_eq!(sample.job.queries.len(), 1, "{}", sample.name);
        assert_eq!(sample.job.pages.len(), 1, "{}", sample.name);
        assert!(sample.job.encode() == sample.bytes, "{}", sample.name);
        let unknown = |word: &&Word| matches!(word, Word::Other(_));
        assert_eq!(sample.job.pages[0].header().iter().find(unknown), None);
    }
}

#[test]
fn every_vendor_dot_follows_the_rules_for_ink_and_place() {
    for sample in samples() {
        let page = &sample.job.pages[0];
        let layout = Layout::of(page.head().unwrap()).unwrap();
        let placement = Placement {
            layout,
            margin: sample.margin(),
            turned: sample.turned(),
        };
        let frame = Frame::of(&sample.picture);
        let mut compared = 0_u64;
        for ink in [Ink::Yellow, Ink::Magenta, Ink::Cyan, Ink::Black] {
            // Reading refuses any bit that belongs to no dot.
            let mut theirs = page.dots(layout, ink).unwrap();
            for y in 0..plastic::HEIGHT {
                for x in 0..plastic::WIDTH {
                    let (line, dot) = placement.of(x as usize, y as usize).unwrap();
                    let found = theirs.get(line, dot);
                    theirs.set(line, dot, 0);
                    if sample.masked(&frame, ink, x, y) {
                        continue;
                    }
                    let colour = sample.picture.get(x, y);
                    let resin = colour == [0; 3]
                        && sample.format() != Format::Ymc
                        && !sample.black_as_dye();
                    let expected = match (ink.channel(), sample.format()) {
                        (None, _) => u8::from(resin),
                        (Some(_), Format::K) => 0,
                        (Some(_), _) if resin => 0,
                        (Some(channel), _) => of_channel(colour[channel]),
                    };
                    assert_eq!(found, expected, "{} {ink:?} at {x}, {y}", sample.name);
                    compared += 1;
                }
            }
            assert!(
                theirs.is_blank(),
                "{} {ink:?}: ink off the picture",
                sample.name
            );
        }
        println!("{}: {compared} dots follow the rules", sample.name);
        assert!(compared > 2_000_000);
    }
}

#[test]
fn our_encoder_makes_the_vendors_header_and_dots_of_the_same_options() {
    for sample in samples() {
        let ours = sample.ours();
        let (ours, theirs) = (&ours.pages[0], &sample.job.pages[0]);
        let words = |page: &printers::magicard::Page| -> Vec<Word> {
            let timeless = |word: &&Word| !matches!(word, Word::Time(_));
            page.header().iter().filter(timeless).cloned().collect()
        };
        assert_eq!(words(ours), words(theirs), "{}", sample.name);
        let layout = Layout::of(ours.head().unwrap()).unwrap();
        let frame = Frame::of(&sample.picture);
        let placement = Placement {
            layout,
            margin: sample.margin(),
            turned: sample.turned(),
        };
        // For each line and dot of the head, the dot of the picture.
        let mut source = vec![None; LINES * DOTS];
        for y in 0..plastic::HEIGHT {
            for x in 0..plastic::WIDTH {
                let (line, dot) = placement.of(x as usize, y as usize).unwrap();
                source[line * DOTS + dot] = Some((x, y));
            }
        }
        for ink in [Ink::Yellow, Ink::Magenta, Ink::Cyan, Ink::Black] {
            let dots =
                |page: &printers::magicard::Page| -> Dots { page.dots(layout, ink).unwrap() };
            let (ours, theirs) = (dots(ours), dots(theirs));
            for line in 0..LINES {
                for dot in 0..DOTS {
                    let masked = source[line * DOTS + dot]
                        .is_some_and(|(x, y)| sample.masked(&frame, ink, x, y));
                    assert!(
                        masked || ours.get(line, dot) == theirs.get(line, dot),
                        "{} {ink:?} line {line} dot {dot}",
                        sample.name
                    );
                }
            }
        }
    }
}
