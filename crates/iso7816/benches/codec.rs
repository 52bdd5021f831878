//! Command encoding and parsing and TLV reading, each against a plain copy of the same bytes.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use iso7816::ber::{self, Reader, Tag};
use iso7816::{Command, Expected, Instruction};

fn commands(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("command");
    for size in [8, 255, 2048] {
        let command = Command::new(0x00, Instruction::PUT_DATA, 0x3F, 0xFF)
            .with_data(vec![0x53; size])
            .with_expected(Expected::SHORT_MAX);
        let encode = |command: &Command| {
            if command.needs_extended() {
                command.to_extended()
            } else {
                command.to_short()
            }
            .expect("the data fits")
        };
        let bytes = encode(&command);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_with_input(BenchmarkId::new("copy", size), &bytes, |bench, bytes| {
            bench.iter(|| black_box(black_box(bytes).to_vec()));
        });
        group.bench_with_input(
            BenchmarkId::new("encode", size),
            &command,
            |bench, command| {
                bench.iter(|| encode(black_box(command)));
            },
        );
        group.bench_with_input(BenchmarkId::new("parse", size), &bytes, |bench, bytes| {
            bench.iter(|| Command::parse(black_box(bytes)));
        });
    }
    group.finish();
}

/// A certificate object as a card keeps it: 70, 71 and FE inside 53.
fn certificate_object() -> Vec<u8> {
    let mut inside = ber::object(Tag(0x70), &[0x30; 1500]);
    ber::write(&mut inside, Tag(0x71), &[0x00]);
    ber::write(&mut inside, Tag(0xFE), &[]);
    ber::object(Tag(0x53), &inside)
}

/// Many small objects, as in a Security Object's list or a CCC.
fn small_objects() -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 0..200_u8 {
        ber::write(&mut bytes, Tag(0x80 | u32::from(number % 16)), &[number; 6]);
    }
    bytes
}

fn tlv(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tlv");
    for (name, bytes) in [
        ("certificate object", certificate_object()),
        ("200 small objects", small_objects()),
    ] {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_with_input(BenchmarkId::new("copy", name), &bytes, |bench, bytes| {
            bench.iter(|| black_box(black_box(bytes).to_vec()));
        });
        group.bench_with_input(BenchmarkId::new("read", name), &bytes, |bench, bytes| {
            bench.iter(|| {
                Reader::new(black_box(bytes))
                    .map(|object| object.expect("well formed").value.len())
                    .sum::<usize>()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, commands, tlv);
criterion_main!(benches);
