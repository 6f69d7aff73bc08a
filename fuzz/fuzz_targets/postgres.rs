#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    framecat_fuzz::check_family("postgres", data);
    framecat_fuzz::check_pair("postgres", data);
});
