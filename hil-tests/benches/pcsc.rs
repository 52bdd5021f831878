//! The simulated card behind pcscd and its virtual reader, against the limit of that path: a card
//! that answers 9000 to anything, and the bare signing speed of the P-256 crate.
//!
//! `cargo bench --package hil-tests` prints criterion's figures and then the two ratios.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use criterion::Criterion;
use firmware_sim::card::{Model, NullChip, PivChip};
use firmware_sim::contacts::{Chip, Contacts};
use firmware_sim::vpcd::{self, Stop};
use hil_tests::{Desk, VPCD_PORT};
use p256::ecdsa::signature::hazmat::PrehashSigner;
use p256::ecdsa::{Signature, SigningKey};
use pcsc::{Card, Context, Protocols, Scope, ShareMode};

const SELECT: [u8; 15] = [
    0x00, 0xA4, 0x04, 0x00, 0x09, 0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x00,
];

/// The names of the measurements, also their folders under `target/criterion`.
const NULL: &str = "null card over PC/SC";
const SELECT_PIV: &str = "SELECT over PC/SC";
const SIGN_PIV: &str = "P-256 signature over PC/SC";
const SIGN_CRATE: &str = "P-256 signature in the crate";

fn main() {
    let _desk = Desk::take().expect("pcscd and vpcd are there");
    let mut criterion = Criterion::default()
        .sample_size(50)
        .measurement_time(Duration::from_secs(6))
        .configure_from_args();

    let stop = Stop::new();
    let model = Model::series10();
    insert(Box::new(NullChip::new(model.atr.clone())), VPCD_PORT, &stop);
    insert(
        Box::new(PivChip::personalised(&model, 1)),
        VPCD_PORT + 1,
        &stop,
    );
    let null = connect(c"Virtual PCD 00 00");
    let piv = connect(c"Virtual PCD 00 01");

    // Card Authentication (9E) signs without a PIN, so that only the signature is measured.
    let mut sign = vec![
        0x00, 0x87, 0x11, 0x9E, 0x26, 0x7C, 0x24, 0x82, 0x00, 0x81, 0x20,
    ];
    sign.extend_from_slice(&[0x5A; 32]);
    sign.push(0x00);
    let mut buffer = [0; 300];
    let mut exchange = |card: &Card, command: &[u8]| {
        let answer = card
            .transmit(command, &mut buffer)
            .expect("the card answers");
        assert!(answer.ends_with(&[0x90, 0x00]), "the card refused");
    };

    exchange(&piv, &SELECT);
    criterion.bench_function(NULL, |b| b.iter(|| exchange(&null, &SELECT)));
    criterion.bench_function(SELECT_PIV, |b| b.iter(|| exchange(&piv, &SELECT)));
    criterion.bench_function(SIGN_PIV, |b| b.iter(|| exchange(&piv, &sign)));
    let key = SigningKey::from_slice(&[0x5A; 32]).expect("a scalar below the order");
    criterion.bench_function(SIGN_CRATE, |b| {
        b.iter(|| -> Signature { key.sign_prehash(&[0x5A; 32]).expect("32 bytes sign") });
    });

    stop.stop();
    report();
}

fn insert(chip: Box<dyn Chip>, port: u16, stop: &Stop) {
    let contacts = Contacts::new("bench");
    contacts.close_on(chip);
    let stop = stop.clone();
    thread::spawn(move || {
        vpcd::serve(&contacts, &format!("127.0.0.1:{port}"), &stop, |_| ())
            .expect("the address is one");
    });
}

fn connect(reader: &std::ffi::CStr) -> Card {
    let context = Context::establish(Scope::User).expect("pcscd is there");
    for _ in 0..100 {
        if let Ok(card) = context.connect(reader, ShareMode::Exclusive, Protocols::T1) {
            return card;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("no card appeared in {reader:?}");
}

/// Prints what the two targets are about, from the means criterion has just written.
fn report() {
    let mean = |name: &str| -> Option<f64> {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or(target, Into::into);
        let folder = name.replace('/', "_");
        let text = fs::read(
            target
                .join("criterion")
                .join(folder)
                .join("new/estimates.json"),
        )
        .ok()?;
        let estimates: serde_json::Value = serde_json::from_slice(&text).ok()?;
        estimates["mean"]["point_estimate"].as_f64()
    };
    let (Some(null), Some(select), Some(sign), Some(bare)) = (
        mean(NULL),
        mean(SELECT_PIV),
        mean(SIGN_PIV),
        mean(SIGN_CRATE),
    ) else {
        return; // Listing or filtering benchmarks measures nothing.
    };
    let per_second = |nanoseconds: f64| 1e9 / nanoseconds;
    println!("null card:        {:>8.0} exchanges/s", per_second(null));
    println!(
        "SELECT:           {:>8.0} exchanges/s, ratio {:.3}",
        per_second(select),
        null / select
    );
    println!(
        "P-256 signatures: {:>8.0} /s, the limit allows {:.0} /s, ratio {:.3}",
        per_second(sign),
        per_second(bare + null),
        (bare + null) / sign
    );
}
