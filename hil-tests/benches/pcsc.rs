//! The simulated card behind pcscd and its virtual reader, against the limit of that path: a card
//! that answers 9000 to anything, and the bare signing speed of the P-256 crate.
//!
//! `cargo bench --package hil-tests` prints criterion's figures and then the two ratios. For the
//! ratios both cards take turns in the same reader: pcscd's two virtual readers differ by more than
//! what is measured.

use std::thread;
use std::time::{Duration, Instant};

use criterion::Criterion;
use firmware_sim::card::{Model, NullChip, PivChip};
use firmware_sim::contacts::{Chip, Contacts};
use firmware_sim::vpcd::{self, Stop};
use hil_tests::{Desk, VPCD_PORT};
use p256::ecdsa::signature::hazmat::PrehashSigner;
use p256::ecdsa::{Signature, SigningKey};
use pcsc::{Card, Context, Disposition, Protocols, Scope, ShareMode};

const SELECT: [u8; 15] = [
    0x00, 0xA4, 0x04, 0x00, 0x09, 0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x00,
];

/// Turns of each card, and exchanges of a kind in a turn.
const TURNS: usize = 30;
const EXCHANGES: u32 = 400;

fn main() {
    let _desk = Desk::take().expect("pcscd and vpcd are there");
    let mut criterion = Criterion::default()
        .sample_size(50)
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let mut reader = VirtualReader::start();
    let model = Model::series10();
    let mut null: Box<dyn Chip> = Box::new(NullChip::new(model.atr.clone()));
    let mut piv: Box<dyn Chip> = Box::new(PivChip::personalised(&model, 1));
    let sign = sign_command();
    let key = SigningKey::from_slice(&[0x5A; 32]).expect("a scalar below the order");
    let sign_bare = || -> Signature { key.sign_prehash(&[0x5A; 32]).expect("32 bytes sign") };

    null = reader.with_card(null, |card| {
        criterion.bench_function("null card over PC/SC", |b| {
            b.iter(|| exchange(card, &SELECT))
        });
    });
    piv = reader.with_card(piv, |card| {
        criterion.bench_function("SELECT over PC/SC", |b| b.iter(|| exchange(card, &SELECT)));
        criterion.bench_function("P-256 signature over PC/SC", |b| {
            b.iter(|| exchange(card, &sign))
        });
    });
    criterion.bench_function("P-256 signature in the crate", |b| b.iter(sign_bare));

    if std::env::args().any(|argument| argument == "--bench") {
        let mut seconds: [Vec<f64>; 4] = Default::default();
        for _ in 0..TURNS {
            null = reader.with_card(null, |card| {
                seconds[0].push(timed(|| exchange(card, &SELECT)))
            });
            piv = reader.with_card(piv, |card| {
                seconds[1].push(timed(|| exchange(card, &SELECT)));
                seconds[2].push(timed(|| exchange(card, &sign)));
            });
            seconds[3].push(timed(|| {
                let _ = sign_bare();
            }));
        }
        report(seconds.map(undisturbed));
    }
}

/// Card Authentication (9E) signs without a PIN, so that only the signature is measured.
fn sign_command() -> Vec<u8> {
    let mut command = vec![
        0x00, 0x87, 0x11, 0x9E, 0x26, 0x7C, 0x24, 0x82, 0x00, 0x81, 0x20,
    ];
    command.extend_from_slice(&[0x5A; 32]);
    command.push(0x00);
    command
}

fn exchange(card: &Card, command: &[u8]) {
    let mut buffer = [0; 300];
    let answer = card
        .transmit(command, &mut buffer)
        .expect("the card answers");
    assert!(answer.ends_with(&[0x90, 0x00]), "the card refused");
}

/// pcscd's first virtual reader.
struct VirtualReader {
    contacts: Contacts,
    context: Context,
    stop: Stop,
}

impl VirtualReader {
    fn start() -> Self {
        let reader = Self {
            contacts: Contacts::new("bench"),
            context: Context::establish(Scope::User).expect("pcscd is there"),
            stop: Stop::new(),
        };
        let (contacts, stop) = (reader.contacts.clone(), reader.stop.clone());
        thread::spawn(move || {
            vpcd::serve(&contacts, &format!("127.0.0.1:{VPCD_PORT}"), &stop, |_| ())
                .expect("the address is one");
        });
        reader
    }

    /// Puts a card in, connects, selects PIV, does something, and takes the card out again.
    fn with_card(&mut self, chip: Box<dyn Chip>, act: impl FnOnce(&Card)) -> Box<dyn Chip> {
        self.contacts.close_on(chip);
        let card = self.connect();
        exchange(&card, &SELECT);
        act(&card);
        card.disconnect(Disposition::UnpowerCard)
            .map_err(|(_, error)| error)
            .expect("the card is still there");
        let chip = self.contacts.open().expect("the card is still there");
        // pcscd looks into its readers every 400 ms; a card that comes sooner is taken for this one.
        thread::sleep(Duration::from_millis(900));
        chip
    }

    fn connect(&self) -> Card {
        for _ in 0..100 {
            let reader = c"Virtual PCD 00 00";
            if let Ok(card) = self
                .context
                .connect(reader, ShareMode::Exclusive, Protocols::T1)
            {
                return card;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("no card appeared in the virtual reader");
    }
}

impl Drop for VirtualReader {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

/// Seconds one exchange takes.
fn timed(mut act: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..EXCHANGES {
        act();
    }
    start.elapsed().as_secs_f64() / f64::from(EXCHANGES)
}

/// The tenth percentile: what it takes when the machine does little else.
fn undisturbed(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 10]
}

fn report([null, select, sign, bare]: [f64; 4]) {
    println!("null card:        {:>8.0} exchanges/s", 1.0 / null);
    println!(
        "SELECT:           {:>8.0} exchanges/s, {:.3} of the null card",
        1.0 / select,
        null / select
    );
    println!(
        "P-256 signatures: {:>8.0} /s, {:.3} of the {:.0} /s that crate and null card allow",
        1.0 / sign,
        (bare + null) / sign,
        1.0 / (bare + null)
    );
}
