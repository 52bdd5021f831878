//! Every target over its corpus and over a counted number of mutations of it, the same on every
//! run. `CARDWRIGHT_FUZZ_ROUNDS` multiplies the number.

#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may stop it as the test itself may"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fuzz_targets::{Mutator, TARGETS, Target};

/// Mutations of each target in one round.
const MUTATIONS: usize = 4000;
/// Of those whose every run is a card or a whole inspection.
const FEW: usize = 400;
/// What one input of at most 16 KB may make a parser hold at once, in bytes. Certificates may be
/// compressed, and each simulated card has a memory of its own.
const MOST_MEMORY: u64 = 8 << 20;
/// Of those that paint whole faces or decode pictures: a face alone has 2 MB of colours, and a
/// picture may have 2048 bytes of dots for one of its own.
const MOST_MEMORY_OF_PICTURES: u64 = 160 << 20;

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let folder = folder().join(target.name);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/corpus")
}

fn rounds() -> usize {
    match std::env::var("CARDWRIGHT_FUZZ_ROUNDS") {
        Ok(rounds) => rounds.parse().unwrap(),
        Err(_) => 1,
    }
}

fn mutations(target: &Target) -> usize {
    let few = [
        "card",
        "dispenser",
        "estate_register",
        "face_template",
        "host",
        "authentic_host",
        "printer",
        "profile",
        "secure_channel",
        "serial_reader",
    ];
    let each = if few.contains(&target.name) {
        FEW
    } else {
        MUTATIONS
    };
    each * rounds()
}

/// Runs one input; says which it was if the target panics.
fn run(target: &Target, input: &[u8]) {
    let mut panicked = false;
    let held = allocation_counter::measure(|| {
        panicked = catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err();
    });
    assert!(
        !panicked,
        "target {}, input {}",
        target.name,
        hex::encode(input)
    );
    let most = match target.name {
        "face_template" | "photo" => MOST_MEMORY_OF_PICTURES,
        _ => MOST_MEMORY,
    };
    assert!(
        held.bytes_max <= most,
        "target {} held {} bytes, input {}",
        target.name,
        held.bytes_max,
        hex::encode(input)
    );
}

#[test]
fn no_target_breaks_on_its_corpus_or_on_mutations_of_it() {
    let mut total = 0;
    for (number, target) in TARGETS.iter().enumerate() {
        let corpus = corpus(target);
        for input in &corpus {
            run(target, input);
        }
        for input in [&[][..], &[0], &[0xFF; 300]] {
            run(target, input);
        }
        let mut mutator = Mutator::new(number as u64);
        let count = mutations(target);
        for _ in 0..count {
            run(target, &mutator.mutate(&corpus));
        }
        total += corpus.len() + 3 + count;
        println!("{}: {} files, {count} mutations", target.name, corpus.len());
    }
    println!("{} targets, {total} inputs", TARGETS.len());
}

/// What the search above would find, and how it tells.
#[test]
fn a_parser_that_believes_a_length_is_found() {
    let believes = |bytes: &[u8]| {
        if let [0x53, length, rest @ ..] = bytes {
            let _ = &rest[..usize::from(*length)];
        }
    };
    let hoards = |bytes: &[u8]| {
        if let [0x53, 0x82, high, _, ..] = bytes {
            drop(vec![1_u8; usize::from(*high) << 20]);
        }
    };
    let corpus = [vec![0x53, 3, 1, 2, 3], vec![0x53, 0x82, 0, 0]];
    let mut mutator = Mutator::new(1);
    let inputs: Vec<_> = (0..MUTATIONS).map(|_| mutator.mutate(&corpus)).collect();
    for run_target in [believes as fn(&[u8]), hoards] {
        let target = Target {
            name: "broken",
            run: run_target,
        };
        let found = inputs
            .iter()
            .any(|input| catch_unwind(|| run(&target, input)).is_err());
        assert!(found);
    }
}

/// A folder nobody reads, or a binary without a target, would prove nothing.
#[test]
fn every_target_has_a_corpus_and_a_binary_and_nothing_else_is_there() {
    let named = |path: PathBuf, suffix: &str| {
        let mut names: Vec<String> = std::fs::read_dir(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(suffix).map(str::to_owned))
            .filter(|name| name != "README.md")
            .collect();
        names.sort();
        names
    };
    let mut targets: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    targets.sort_unstable();
    assert_eq!(named(folder(), ""), targets);
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    assert_eq!(named(fuzz.join("fuzz_targets"), ".rs"), targets);
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for target in targets {
        assert!(
            manifest.contains(&format!("name = \"{target}\"")),
            "{target}"
        );
    }
}
