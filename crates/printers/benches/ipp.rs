//! What it costs to write a face as a raster: drawn and packed, packed alone, and read again.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use plastic::{Raster, Separation};
use printers::ipp::raster::{Colour, Document};
use printers::ipp::{SheetBack, draw};

/// A photograph, text, and paper around them: runs and single dots as a face has them.
fn face() -> Separation {
    let mut picture = Raster::white(plastic::WIDTH, plastic::HEIGHT);
    for y in 60..plastic::HEIGHT - 60 {
        for x in 60..plastic::WIDTH - 60 {
            let wave = |factor: u32| (((x * factor) ^ (y * 3)) & 0xFF) as u8;
            if x < 420 {
                picture.set(x, y, [wave(1), wave(2), wave(5)]);
            } else if y % 60 < 12 && (x / 5 + y / 3) % 3 == 0 {
                picture.set(x, y, [0; 3]);
            }
        }
    }
    Separation::of_pure_black(&picture)
}

fn ipp(criterion: &mut Criterion) {
    let face = face();
    let media = "custom_card_53.98x85.6mm";
    for colour in [Colour::Srgb8, Colour::Black1] {
        let drawn = || {
            draw(
                black_box(&face),
                None,
                colour,
                media,
                SheetBack::Normal,
                false,
            )
        };
        let document = drawn().expect("the face has the right size");
        let lines = document.pages[0].lines().to_vec();
        let bytes = document.encode();
        let mut group = criterion.benchmark_group(format!("one side in {}", colour.name()));
        group.throughput(Throughput::Bytes(lines.len() as u64));
        group.bench_function("draw and pack", |bencher| {
            bencher.iter(|| drawn().expect("the face has the right size").encode());
        });
        group.bench_function("pack", |bencher| {
            bencher.iter(|| black_box(&document).encode());
        });
        group.bench_function("plain memory copy", |bencher| {
            bencher.iter(|| black_box(&lines).clone());
        });
        group.bench_function("unpack", |bencher| {
            bencher.iter(|| Document::decode(black_box(&bytes)).expect("packed a moment ago"));
        });
        group.finish();
    }
}

criterion_group!(benches, ipp);
criterion_main!(benches);
