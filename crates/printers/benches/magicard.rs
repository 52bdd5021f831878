//! What it costs to draw a job: one side in colour, resin and overcoat, and packing alone.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use plastic::{Raster, Separation};
use printers::magicard::{
    Dots, Format, Ink, JobOptions, Layout, Overcoat, Placement, Side, build, of_channel,
};

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

fn magicard(criterion: &mut Criterion) {
    let picture = picture();
    let mut separation = Separation::of_pure_black(&picture);
    separation.overcoat_holes.push(plastic::CONTACTS);
    let side = Side {
        separation: &separation,
        format: Format::Ymck,
        black_as_dye: false,
        turned: false,
        overcoat: Some(Overcoat::default()),
    };
    let options = JobOptions::new("1.0-1.24", 0);

    criterion.bench_function("one side YMCK and overcoat, to bytes", |bencher| {
        bencher.iter(|| {
            let job = build(black_box(&options), Some(black_box(&side)), None);
            job.expect("the side has the right size").encode()
        });
    });

    // The dots of all four planes, placed on the head already.
    let placement = Placement {
        layout: Layout::Kge2,
        margin: 15,
        turned: false,
    };
    let planes = [Ink::Yellow, Ink::Magenta, Ink::Cyan, Ink::Black].map(|ink| {
        let mut dots = Dots::blank(ink);
        for y in 0..plastic::HEIGHT {
            for x in 0..plastic::WIDTH {
                let place = placement.of(x as usize, y as usize);
                let (line, dot) = place.expect("the picture fits the head");
                let value = match ink.channel() {
                    Some(channel) => of_channel(separation.colour.get(x, y)[channel]),
                    None => u8::from(separation.black.get(x, y)),
                };
                dots.set(line, dot, value);
            }
        }
        dots
    });
    let packed: Vec<Vec<u8>> = planes.iter().map(|dots| dots.pack(Layout::Kge2)).collect();
    let bytes: usize = packed.iter().map(Vec::len).sum();
    let mut group = criterion.benchmark_group("planes of one side");
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("pack", |bencher| {
        bencher.iter(|| {
            for dots in black_box(&planes) {
                black_box(dots.pack(Layout::Kge2));
            }
        });
    });
    group.bench_function("plain memory copy", |bencher| {
        bencher.iter(|| {
            for plane in black_box(&packed) {
                black_box(plane.clone());
            }
        });
    });
    group.bench_function("unpack", |bencher| {
        bencher.iter(|| {
            for (dots, plane) in planes.iter().zip(black_box(&packed)) {
                black_box(Dots::unpack(Layout::Kge2, dots.ink(), plane))
                    .expect("packed a moment ago");
            }
        });
    });
    group.finish();
}

criterion_group!(benches, magicard);
criterion_main!(benches);
