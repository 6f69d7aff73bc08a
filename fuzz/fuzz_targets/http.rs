#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    framecat_fuzz::check_family("http", data);
    framecat_fuzz::check_pair("http", data);
});
