//! What it costs to lay a face into the images of a Matica XID, held against copying the images.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use plastic::{Raster, Separation};
use printers::matica::{Geometry, Job, Side, build};

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

fn matica(criterion: &mut Criterion) {
    let separation = Separation::of_pure_black(&picture());
    for scale in [1, 2] {
        let geometry = Geometry {
            scale,
            turned: true,
        };
        let side = Side {
            separation: &separation,
            geometry,
            peel_off: false,
        };
        let job = build(Some(&side), None, false).expect("the side has the right size");
        let frames: Vec<Vec<u8>> = job.frames.iter().map(|frame| frame.to_bytes()).collect();
        let encoded = job.encode();
        let mut group =
            criterion.benchmark_group(format!("images of one side, {} dpi", 300 * scale));
        group.throughput(Throughput::Bytes(encoded.len() as u64));
        group.bench_function("pack", |bencher| {
            bencher.iter(|| build(Some(black_box(&side)), None, false));
        });
        group.bench_function("plain memory copy", |bencher| {
            bencher.iter(|| {
                for frame in black_box(&frames) {
                    black_box(frame.clone());
                }
            });
        });
        group.bench_function("bytes to frames", |bencher| {
            bencher.iter(|| Job::decode(black_box(&encoded)).expect("encoded a moment ago"));
        });
        group.finish();
    }
}

criterion_group!(benches, matica);
criterion_main!(benches);
