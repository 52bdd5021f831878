//! Command encoding and parsing and TLV reading, each against a plain copy of the same bytes; TLV
//! reading beside the crates `iso7816-tlv` and `flexiber` on the same buffers, with the ratios.

use std::hint::black_box;
use std::time::{Duration, Instant};

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
        group.bench_with_input(
            BenchmarkId::new("flexiber", name),
            &bytes,
            |bench, bytes| {
                bench.iter(|| read_with_flexiber(black_box(bytes)));
            },
        );
        group.bench_with_input(
            BenchmarkId::new("iso7816-tlv", name),
            &bytes,
            |bench, bytes| {
                bench.iter(|| iso7816_tlv::ber::Tlv::parse_all(black_box(bytes)).len());
            },
        );
    }
    group.finish();
    ratios();
}

/// The objects of one level as `flexiber` reads them: without allocating, as we do.
fn read_with_flexiber(bytes: &[u8]) -> usize {
    let mut decoder = flexiber::Decoder::new(bytes);
    let mut objects = 0;
    while !decoder.is_finished() {
        let object: flexiber::TaggedSlice<'_> = decoder.decode().expect("well formed");
        black_box(object);
        objects += 1;
    }
    objects
}

/// The readers in turns on the same buffers, so that what disturbs one disturbs the others; the
/// quickest turn of each counts.
fn ratios() {
    const TURNS: usize = 50;
    const ROUNDS: u32 = 2_000;
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    for (name, bytes) in [
        ("certificate object", certificate_object()),
        ("200 small objects", small_objects()),
    ] {
        let ours = || Reader::new(black_box(&bytes)).flatten().count();
        let theirs = || iso7816_tlv::ber::Tlv::parse_all(black_box(&bytes)).len();
        let flexible = || read_with_flexiber(black_box(&bytes));
        assert_eq!(ours(), theirs(), "both read the same objects");
        assert_eq!(ours(), flexible(), "both read the same objects");
        let mut best = [Duration::MAX; 3];
        for _ in 0..TURNS {
            best[0] = best[0].min(timed(ROUNDS, ours));
            best[1] = best[1].min(timed(ROUNDS, theirs));
            best[2] = best[2].min(timed(ROUNDS, flexible));
        }
        let [ours, theirs, flexible] =
            best.map(|time| time.as_secs_f64() / f64::from(ROUNDS) * 1e9);
        println!(
            "{name}: ours {ours:.0} ns; iso7816-tlv {theirs:.0} ns, ratio {:.3}; \
             flexiber {flexible:.0} ns, ratio {:.3}",
            ours / theirs,
            ours / flexible
        );
    }
}

fn timed(rounds: u32, run: impl Fn() -> usize) -> Duration {
    let start = Instant::now();
    for _ in 0..rounds {
        black_box(run());
    }
    start.elapsed()
}

criterion_group!(benches, commands, tlv);
criterion_main!(benches);
