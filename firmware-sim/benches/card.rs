//! What the simulated card costs beyond its cryptography: each exchange in process, beside the
//! same exchange with a card that answers 9000 to anything, and the bare operation beside the
//! card's.
//!
//! `cargo bench -p firmware-sim` prints criterion's figures and then those that are held against a
//! limit: SELECT exchanges a second on one core, and each private key operation as a ratio to the
//! bare crate's with the same key. For those both sides take turns and the quickest turn counts,
//! so that what else the machine does falls out.

use std::hint::black_box;
use std::time::{Duration, Instant};

use aes::Aes192;
use aes::cipher::{Block, BlockCipherEncrypt, KeyInit};
use criterion::{Criterion, criterion_group, criterion_main};
use firmware_sim::card::nvm::Cell;
use firmware_sim::card::{Condition, Model, NullChip, PivChip};
use firmware_sim::contacts::Chip;
use p256::ecdsa::{DerSignature, SigningKey};
use piv::words::KeyReference;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, RsaPrivateKey};
use signature::hazmat::PrehashSigner;

const SELECT: [u8; 15] = [0, 0xA4, 4, 0, 9, 0xA0, 0, 0, 3, 8, 0, 0, 0x10, 0, 0];
const GET_CHUID: [u8; 11] = [0, 0xCB, 0x3F, 0xFF, 5, 0x5C, 3, 0x5F, 0xC1, 0x02, 0];
const VERIFY: [u8; 13] = *b"\x00\x20\x00\x80\x08123456\xFF\xFF";

/// Signs a digest with key 9E, which needs no PIN.
fn sign() -> Vec<u8> {
    let header = [
        0x00, 0x87, 0x11, 0x9E, 0x26, 0x7C, 0x24, 0x82, 0x00, 0x81, 0x20,
    ];
    [&header[..], &[0x5A; 32], &[0x00]].concat()
}

fn card(criterion: &mut Criterion) {
    let model = Model::series10();
    let mut chip = PivChip::personalised(&model, 1);
    chip.power_on();
    chip.transmit(&SELECT);
    let mut null = NullChip::new(model.atr.clone());

    criterion.bench_function("null card: any command", |bencher| {
        bencher.iter(|| null.transmit(black_box(&SELECT)));
    });
    for (name, command) in [
        ("SELECT", SELECT.to_vec()),
        ("GET DATA CHUID", GET_CHUID.to_vec()),
        ("VERIFY", VERIFY.to_vec()),
        ("sign P-256", sign()),
    ] {
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| chip.transmit(black_box(&command)));
        });
    }

    let key = SigningKey::from_slice(&[7; 32]).expect("any small number is a key");
    criterion.bench_function("bare P-256 signature", |bencher| {
        bencher.iter(|| -> DerSignature {
            key.sign_prehash(black_box(&[0x5A; 32]))
                .expect("a digest of the curve's size")
        });
    });

    let directory = tempfile::tempdir().expect("there is room for temporary files");
    let path = directory.path().join("card");
    let mut kept = PivChip::open(&path, &model, 1, Condition::Personalised).expect("a new file");
    kept.power_on();
    kept.transmit(&SELECT);
    criterion.bench_function("VERIFY, state in a file", |bencher| {
        bencher.iter(|| kept.transmit(black_box(&VERIFY)));
    });
}

/// The figures with a limit.
fn limits(_criterion: &mut Criterion) {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mut chip = PivChip::personalised(&Model::series10(), 1);
    chip.power_on();
    chip.transmit(&SELECT);
    let select = quickest(40, 5_000, || chip.transmit(black_box(&SELECT)));
    println!(
        "SELECT: {:.0} exchanges a second (at least 500000)",
        1.0 / select
    );

    let key = chip
        .memory()
        .get(Cell::Key(KeyReference::CardAuthentication));
    let scalar = key.expect("a personalised card has 9E").split_at(1).1;
    let bare = SigningKey::from_slice(scalar).expect("the card's own scalar");
    let command = sign();
    compare(
        "P-256 signature",
        (40, 200),
        || chip.transmit(black_box(&command)),
        || -> DerSignature {
            bare.sign_prehash(black_box(&[0x5A; 32]))
                .expect("a digest of the curve's size")
        },
    );

    authenticate(&mut chip);
    let made = chip.transmit(&[
        0x00, 0x47, 0x00, 0x9E, 0x05, 0xAC, 0x03, 0x80, 0x01, 0x07, 0x00,
    ]);
    assert!(made.len() > 200, "the card makes an RSA-2048 key");
    let key = chip
        .memory()
        .get(Cell::Key(KeyReference::CardAuthentication));
    let der = key.expect("just made").split_at(1).1;
    let bare = RsaPrivateKey::from_pkcs1_der(der).expect("the card's own key");
    let input = [&[0x00][..], &[0x5A; 255]].concat();
    let command = raw_rsa(&input);
    compare(
        "RSA-2048 operation",
        (20, 10),
        || chip.transmit(black_box(&command)),
        || {
            let input = BoxedUint::from_be_slice(black_box(&input), bare.n_bits_precision())
                .expect("as long as the modulus");
            rsa::hazmat::rsa_decrypt_and_check(&bare, None::<&mut rand_chacha::ChaCha20Rng>, &input)
                .expect("smaller than the modulus")
        },
    );
}

/// Raw RSA with key 9E, which needs no PIN, in one extended command.
fn raw_rsa(input: &[u8]) -> Vec<u8> {
    let mut template = vec![0x7C, 0x82, 0x01, 0x06, 0x82, 0x00, 0x81, 0x82, 0x01, 0x00];
    template.extend_from_slice(input);
    let length = u16::try_from(template.len()).expect("a few hundred bytes");
    let mut command = vec![0x00, 0x87, 0x07, 0x9E, 0x00];
    command.extend_from_slice(&length.to_be_bytes());
    command.extend_from_slice(&template);
    command.extend_from_slice(&[0x00, 0x00]);
    command
}

/// External authentication with the published key of the model.
fn authenticate(chip: &mut PivChip) {
    let challenge = chip.transmit(&[0x00, 0x87, 0x0A, 0x9B, 0x04, 0x7C, 0x02, 0x81, 0x00, 0x00]);
    let key: Vec<u8> = (1..=8).cycle().take(24).collect();
    let cipher = Aes192::new_from_slice(&key).expect("24 bytes");
    let mut block = Block::<Aes192>::default();
    block.copy_from_slice(&challenge[4..20]);
    cipher.encrypt_block(&mut block);
    let header = [0x00, 0x87, 0x0A, 0x9B, 0x14, 0x7C, 0x12, 0x82, 0x10];
    let answer = chip.transmit(&[&header[..], &block].concat());
    assert_eq!(answer, [0x90, 0x00], "the administrator is known");
}

fn compare<A, B>(
    name: &str,
    (turns, rounds): (u32, u32),
    mut card: impl FnMut() -> A,
    mut bare: impl FnMut() -> B,
) {
    let (mut ours, mut theirs) = (f64::MAX, f64::MAX);
    for _ in 0..turns {
        ours = ours.min(quickest(1, rounds, &mut card));
        theirs = theirs.min(quickest(1, rounds, &mut bare));
    }
    println!(
        "{name}: card {:.1} us, bare crate {:.1} us, ratio {:.3} (at most 1.05)",
        ours * 1e6,
        theirs * 1e6,
        ours / theirs
    );
}

/// Seconds for one run, in the quickest turn.
fn quickest<T>(turns: u32, rounds: u32, mut run: impl FnMut() -> T) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..turns {
        let start = Instant::now();
        for _ in 0..rounds {
            black_box(run());
        }
        best = best.min(start.elapsed());
    }
    best.as_secs_f64() / f64::from(rounds)
}

criterion_group!(benches, card, limits);
criterion_main!(benches);
