#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (fuzz_targets::target("pairing_code")
        .expect("there is a target of this name")
        .run)(bytes);
});
