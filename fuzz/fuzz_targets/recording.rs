//! Recordings: any bytes are read without a panic, and turning a recording round twice gives it back.
#![no_main]

use framecat_proto::text::recording::{Recording, Side};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(read) = Recording::parse(data) else { return };
    assert!(read.conversations.iter().all(|one| !one.steps.is_empty()));
    assert!(read.conversations.is_sorted_by_key(|one| one.conn));
    let Some(side) = read.head.side else { return };
    let other = if side == Side::Listen { Side::Connect } else { Side::Listen };
    assert_eq!(read.clone().seen_from(other).seen_from(side), read);
});
