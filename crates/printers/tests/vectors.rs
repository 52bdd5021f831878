//! The jobs in `vectors/jobs`: the bytes our encoder sends do not change by accident.

use std::path::Path;

use plastic::{Raster, Separation};
use printers::magicard::{
    Format, Halftone, Job, JobOptions, Layout, Overcoat, Side, build, resin_only,
};

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
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../vectors/jobs")
        .join(name);
    let bytes = job.encode();
    if std::env::var_os("CARDWRIGHT_WRITE_VECTORS").is_some() {
        let packed = zstd::encode_all(bytes.as_slice(), 19).expect("memory takes the bytes");
        std::fs::write(&path, packed).expect("the folder can be written");
    }
    let packed = std::fs::read(&path).expect("the vector is kept with the project");
    let kept = zstd::decode_all(packed.as_slice()).expect("the vector is zstd");
    assert!(kept == bytes, "{name} is not what the encoder makes now");
    assert_eq!(Job::decode(&kept).as_ref(), Ok(job));
}

#[test]
fn the_job_for_a_front_in_colour_is_the_kept_one() {
    compare("front-ymck.prn.zst", &front_ymck());
}

#[test]
fn the_job_for_both_sides_in_resin_is_the_kept_one() {
    compare("both-k.prn.zst", &both_k());
}
