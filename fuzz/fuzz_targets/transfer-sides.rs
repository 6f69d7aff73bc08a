//! A receiver and a sender, each against a peer that says anything.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    framecat_fuzz::transfer::check_receiver(data);
    framecat_fuzz::transfer::check_sender(data);
});
