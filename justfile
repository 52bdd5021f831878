# What a developer types daily. `just` lists the recipes.

_default:
    @just --list

# Build, then issue the example cards at a simulated station.
run *ARGS:
    ./run {{ ARGS }}

# Everything continuous integration runs.
test:
    ./test

# The tests of one package: `just t piv`.
t PACKAGE *ARGS:
    cargo test --package cardwright-{{ PACKAGE }} {{ ARGS }}

# Tests that need pcscd, OpenSC and openssl.
hil *ARGS:
    cargo build --workspace
    cargo test --package hil-tests {{ ARGS }}

# Format, lints, documentation.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# The figures in the README.
bench:
    cargo bench --package cardwright-face --package cardwright-printers
    cargo bench --package cardwright-estate
    cargo bench --package hil-tests

# A simulated series 10 card behind pcscd (needs pcscd and vsmartcard-vpcd).
card *ARGS:
    cargo run --release --package firmware-sim -- card {{ ARGS }}

# Look at a card, by default the built-in simulated one.
inspect READER="sim:series10":
    cargo run --release --package cardwright-cli -- inspect --reader "{{ READER }}"
