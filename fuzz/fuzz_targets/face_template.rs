#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    (fuzz_targets::target("face_template")
        .expect("there is a target of this name")
        .run)(bytes);
});
