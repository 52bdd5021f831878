//! What the simulated card costs beyond its cryptography: each exchange in process, beside the
//! same exchange with a card that answers 9000 to anything, and the bare signature beside the
//! card's.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use firmware_sim::card::{Condition, Model, NullChip, PivChip};
use firmware_sim::contacts::Chip;
use p256::ecdsa::{DerSignature, SigningKey};
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

criterion_group!(benches, card);
criterion_main!(benches);
