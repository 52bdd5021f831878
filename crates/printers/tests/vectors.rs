//! The jobs in `vectors/jobs`: the bytes our encoder sends do not change by accident.

use std::path::Path;

use plastic::{Raster, Separation};
use printers::magicard::{
    Format, Halftone, Job, JobOptions, Layout, Overcoat, Side, build, resin_only,
};
use printers::{matica, rio_pro_360};

/// A frame, a bar and three colour ramps.
fn drawing() -> Raster {
    let mut picture = Raster::white(plastic::WIDTH, plastic::HEIGHT);
    for y in 0..plastic::HEIGHT {
        for x in 0..plastic::WIDTH {
            let frame = x < 4 || y < 4 || x >= plastic::WIDTH - 4 || y >= plastic::HEIGHT - 4;
            let bar = (500..900).contains(&x) && (60..120).contains(&y);
            let ramp = u8::try_from(x / 4).unwrap_or(u8::MAX);
            let colour = match y / 100 {
                _ if frame || bar => [0; 3],
                3 => [ramp, 255, 255],
                4 => [255, ramp, 255],
                5 => [255, 255, ramp],
                _ => [255; 3],
            };
            picture.set(x, y, colour);
        }
    }
    picture
}

fn front_ymck() -> Job {
    let mut separation = Separation::of_pure_black(&drawing());
    separation.overcoat_holes.push(plastic::CONTACTS.grown(12));
    let side = Side {
        separation: &separation,
        format: Format::Ymck,
        black_as_dye: false,
        turned: false,
        overcoat: Some(Overcoat::default()),
    };
    let options = JobOptions::new("1.0-1.24", 0x6B02_7288);
    build(&options, Some(&side), None).expect("a front of the right size")
}

fn both_k() -> Job {
    let front = resin_only(&drawing(), Halftone::Threshold);
    let back = resin_only(&drawing(), Halftone::FloydSteinberg);
    let side = |separation, turned| Side {
        separation,
        format: Format::K,
        black_as_dye: false,
        turned,
        overcoat: None,
    };
    let options = JobOptions {
        margin: Layout::Kge2.margin(40, 0),
        ..JobOptions::new("1.0-1.24", 0x6B02_7288)
    };
    build(
        &options,
        Some(&side(&front, false)),
        Some(&side(&back, true)),
    )
    .expect("two sides of the right size")
}

fn compare(name: &str, job: &Job) {
    let kept = compared(name, &job.encode());
    assert_eq!(Job::decode(&kept).as_ref(), Ok(job));
}

/// Compares bytes with a vector, or writes it anew; returns what is kept.
fn compared(name: &str, bytes: &[u8]) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../vectors/jobs")
        .join(name);
    if std::env::var_os("CARDWRIGHT_WRITE_VECTORS").is_some() {
        let packed = zstd::encode_all(bytes, 19).expect("memory takes the bytes");
        std::fs::write(&path, packed).expect("the folder can be written");
    }
    let packed = std::fs::read(&path).expect("the vector is kept with the project");
    let kept = zstd::decode_all(packed.as_slice()).expect("the vector is zstd");
    assert!(kept == bytes, "{name} is not what the encoder makes now");
    kept
}

fn rio_pro_360() -> rio_pro_360::Job {
    let mut front = Separation::of_pure_black(&drawing());
    front.overcoat_holes.push(plastic::CONTACTS.grown(12));
    let back = resin_only(&drawing(), Halftone::Threshold);
    let profile = rio_pro_360::Profile::rio_pro_360();
    let front = rio_pro_360::Side {
        separation: &front,
        black_as_dye: false,
        placement: profile.placement(false),
        overcoat: Some(rio_pro_360::Overcoat::default()),
    };
    let back = rio_pro_360::Side {
        separation: &back,
        placement: profile.placement(true),
        overcoat: None,
        ..front.clone()
    };
    let options = rio_pro_360::JobOptions::new(0x6B02_7288);
    rio_pro_360::build(&options, Some(&front), Some(&back)).expect("two sides of the right size")
}

fn matica_xid(scale: u32) -> matica::Job {
    let mut front = Separation::of_pure_black(&drawing());
    front.overcoat_holes.push(plastic::CONTACTS.grown(12));
    let back = resin_only(&drawing(), Halftone::Threshold);
    let side = |separation, peel_off| matica::Side {
        separation,
        geometry: matica::Geometry {
            scale,
            turned: true,
        },
        peel_off,
    };
    matica::build(Some(&side(&front, true)), Some(&side(&back, false)), false)
        .expect("two sides of the right size")
}

#[test]
fn the_job_for_a_front_in_colour_is_the_kept_one() {
    compare("front-ymck.prn.zst", &front_ymck());
}

#[test]
fn the_job_for_both_sides_in_resin_is_the_kept_one() {
    compare("both-k.prn.zst", &both_k());
}

#[test]
fn the_job_for_a_rio_pro_360_is_the_kept_one() {
    let job = rio_pro_360();
    let kept = compared("rio-pro-360-both.prn.zst", &job.encode());
    assert_eq!(rio_pro_360::Job::decode(&kept), Ok(job));
    // The header stands beside it as text, with line feeds, to be read by eye.
    let text = rio_pro_360().header_text().replace('\r', "\n");
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/jobs/rio-pro-360-both.xml");
    if std::env::var_os("CARDWRIGHT_WRITE_VECTORS").is_some() {
        std::fs::write(&path, &text).expect("the folder can be written");
    }
    let kept = std::fs::read_to_string(&path).expect("the vector is kept with the project");
    assert_eq!(kept, text);
}

#[test]
fn the_job_for_a_matica_xid_is_the_kept_one() {
    for (scale, name) in [
        (1, "matica-xid-300.frames.zst"),
        (2, "matica-xid-600.frames.zst"),
    ] {
        let job = matica_xid(scale);
        let kept = compared(name, &job.encode());
        assert!(matica::Job::decode(&kept) == Ok(job), "{name}");
    }
}
