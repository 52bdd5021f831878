//! What it costs to make a job: one side in colour, resin and varnish, and packing alone.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use plastic::{Raster, Separation};
use printers::Job;
use printers::evolis::{Coding, Face, JobOptions, Levels, Panel, Profile, encode};

/// A photograph's worth of colour with black text over it.
fn picture() -> Raster {
    let mut picture = Raster::white(plastic::WIDTH, plastic::HEIGHT);
    for y in 0..plastic::HEIGHT {
        for x in 0..plastic::WIDTH {
            let text = y % 60 < 12 && (x / 5 + y / 3) % 3 == 0;
            let wave = |factor: u32| (((x * factor) ^ (y * 3)) & 0xFF) as u8;
            if text {
                picture.set(x, y, [0; 3]);
            } else {
                picture.set(x, y, [wave(1), wave(2), wave(5)]);
            }
        }
    }
    picture
}

fn evolis(criterion: &mut Criterion) {
    let mut separation = Separation::of_pure_black(&picture());
    separation.overcoat_holes.push(plastic::CONTACTS);
    let face = Face::of(&separation, true).expect("the side has the right size");
    let job = Job {
        front: Some(separation),
        overcoat: true,
        ..Job::default()
    };
    let profile = Profile::evolis();
    let ribbon = profile.ribbon("YMCKO").expect("the usual ribbon");
    let options = JobOptions::new(&profile, ribbon, 0);

    criterion.bench_function("evolis: one side YMCKO, to bytes", |bencher| {
        bencher.iter(|| encode(black_box(&job), black_box(&options)).expect("it fits the ribbon"));
    });

    for levels in [Levels::HundredTwentyEight, Levels::TwoHundredFiftySix] {
        let panels = Panel::ALL.map(|panel| (panel, face.dots(panel, levels, false)));
        let packed = panels
            .iter()
            .map(|(panel, dots)| dots.to_bitmap(*panel, Coding::Packed));
        let packed: Vec<_> = packed.collect();
        let bytes: usize = packed.iter().map(|bitmap| bitmap.data().len()).sum();
        let name = format!("evolis: panels of one side, {} shades", levels.number());
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function("place on the head and pack", |bencher| {
            bencher.iter(|| {
                for panel in Panel::ALL {
                    let dots = black_box(&face).dots(panel, levels, false);
                    black_box(dots.to_bitmap(panel, Coding::Packed));
                }
            });
        });
        group.bench_function("pack", |bencher| {
            bencher.iter(|| {
                for (panel, dots) in black_box(&panels) {
                    black_box(dots.to_bitmap(*panel, Coding::Packed));
                }
            });
        });
        group.bench_function("plain memory copy", |bencher| {
            bencher.iter(|| {
                for bitmap in black_box(&packed) {
                    black_box(bitmap.data().to_vec());
                }
            });
        });
        group.bench_function("unpack", |bencher| {
            bencher.iter(|| {
                for bitmap in black_box(&packed) {
                    black_box(bitmap.dots()).expect("packed a moment ago");
                }
            });
        });
        group.finish();
    }
}

criterion_group!(benches, evolis);
criterion_main!(benches);
