//! What it costs to lay a face into the planes of a Rio Pro 360, held against copying the planes.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use plastic::{Raster, Separation};
use printers::rio_pro_360::{Job, JobOptions, Profile, Side, build};

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

fn rio_pro_360(criterion: &mut Criterion) {
    let separation = Separation::of_pure_black(&picture());
    let side = Side {
        separation: &separation,
        black_as_dye: false,
        placement: Profile::rio_pro_360().placement(false),
        overcoat: None,
    };
    let options = JobOptions::new(0);
    let job = build(&options, Some(&side), None).expect("the side has the right size");
    let planes: Vec<Vec<u8>> = job
        .planes()
        .iter()
        .map(|plane| plane.data().to_vec())
        .collect();
    let encoded = job.encode();

    let mut group = criterion.benchmark_group("planes of one side, Rio Pro 360");
    group.throughput(Throughput::Bytes(
        planes.iter().map(Vec::len).sum::<usize>() as u64,
    ));
    group.bench_function("pack", |bencher| {
        bencher.iter(|| build(black_box(&options), Some(black_box(&side)), None));
    });
    group.bench_function("plain memory copy", |bencher| {
        bencher.iter(|| {
            for plane in black_box(&planes) {
                black_box(plane.clone());
            }
        });
    });
    group.bench_function("header, planes and checksum to bytes", |bencher| {
        bencher.iter(|| black_box(&job).encode());
    });
    group.bench_function("bytes to job", |bencher| {
        bencher.iter(|| Job::decode(black_box(&encoded)).expect("encoded a moment ago"));
    });
    group.finish();
}

criterion_group!(benches, rio_pro_360);
criterion_main!(benches);
