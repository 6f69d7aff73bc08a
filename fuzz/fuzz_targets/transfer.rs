//! Records of a transfer, whatever the split; and the journal of a file that has partly come.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    framecat_fuzz::transfer::check_records(data);
    framecat_fuzz::transfer::check_journal(data);
});
