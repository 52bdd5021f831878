//! What an inventory of ten thousand rows costs: reading, checking, counting and drawing, beside
//! the `csv` crate reading the same bytes and doing nothing with them.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use estate::{BurnDown, Inventory, Register, check_inventory, svg, to_png};
use jiff::civil::date;

const ROWS: usize = 10_000;

/// Rows of every kind, the same in each run.
fn inventory() -> String {
    let mut text = "id,site,series,client,client version,middleware,credential management,printer,\
                    windows build,tpm,camera,fingerprint reader,shared,applications,cards\n"
        .to_owned();
    let clients = [
        "Identity Agent,2.4.10.0",
        "Identity Agent,2.4.8.0",
        "Smartcard Connect,",
    ];
    let series = [4, 5, 6, 8, 9, 10];
    let middleware = [
        "Oberthur",
        "PIV minidriver",
        "PIV minidriver 9+10",
        "Gemalto",
        "none",
    ];
    let management = ["1.3.1.0", "1.4.2.0", "4.1", "none"];
    let printers = ["", "", "DoH V2", "Magicard 300"];
    let builds = ["10.0.19045", "10.0.22621", "10.0.26100"];
    for row in 0..ROWS {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "PC-{row:05},Site {},{},{},{},{},{},{},{},yes,no,no,CIS2,{}",
            row / 40,
            series[row % series.len()],
            clients[row / 3 % clients.len()],
            middleware[row / 5 % middleware.len()],
            management[row / 7 % management.len()],
            printers[row / 11 % printers.len()],
            builds[row / 13 % builds.len()],
            if row % 3 == 0 { "1.2" } else { "2.0" },
            row % 30,
        );
    }
    text
}

fn check(criterion: &mut Criterion) {
    let text = inventory();
    let register = Register::builtin();
    let day = register.on(date(2026, 2, 1));
    let mut group = criterion.benchmark_group("inventory of 10000 rows");
    group.throughput(Throughput::Elements(ROWS as u64));
    group.sample_size(20);
    group.bench_function("csv crate, reading only", |bencher| {
        bencher.iter(|| {
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let mut record = csv::ByteRecord::new();
            let mut rows = 0;
            while reader.read_byte_record(&mut record).expect("it is CSV") {
                rows += 1;
            }
            black_box(rows)
        });
    });
    group.bench_function("rows parsed", |bencher| {
        bencher.iter(|| {
            let mut inventory = Inventory::new(text.as_bytes()).expect("it is an inventory");
            while let Some(machine) = inventory.next_machine().expect("it is an inventory") {
                black_box(machine);
            }
        });
    });
    let checked = || {
        check_inventory(text.as_bytes(), day, |row| {
            black_box(row);
        })
        .expect("it is an inventory")
    };
    group.bench_function("parsed, checked, counted", |bencher| bencher.iter(checked));
    group.bench_function("parsed, checked, counted, drawn as SVG", |bencher| {
        bencher.iter(|| svg(&BurnDown::of(&checked())));
    });
    group.bench_function("parsed, checked, counted, drawn as PNG", |bencher| {
        bencher.iter(|| to_png(&BurnDown::of(&checked()), 2.0).expect("it is drawn"));
    });
    group.finish();
    criterion.bench_function("register read and checked", |bencher| {
        bencher.iter(Register::builtin)
    });
}

criterion_group!(benches, check);
criterion_main!(benches);
