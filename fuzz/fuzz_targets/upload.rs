#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| framecat_fuzz::forms::check_fields(data));
