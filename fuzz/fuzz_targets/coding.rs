//! No bytes make a content decoder panic, hang or give more than its bound at once, and splits change
//! nothing.
#![no_main]

use framecat_proto::http::Coding;
use framecat_proto::http::coding::{DECODED_BYTES, Decoder};
use libfuzzer_sys::fuzz_target;

/// What is enough of a bomb.
const ENOUGH: usize = 4 << 20;

fn decode(coding: Coding, pieces: &[&[u8]]) -> Option<Vec<u8>> {
    let mut decoder = Decoder::new(coding);
    let mut all = Vec::new();
    for piece in pieces {
        let mut at = 0;
        loop {
            let mut out = Vec::new();
            let decoded = decoder.decode(&piece[at..], &mut out).ok()?;
            assert!(out.len() <= 2 * DECODED_BYTES);
            assert!(decoded.taken > 0 || decoded.more || at == piece.len(), "it hangs");
            all.extend_from_slice(&out);
            at += decoded.taken;
            if all.len() > ENOUGH {
                return None;
            }
            if at == piece.len() && !decoded.more {
                break;
            }
        }
    }
    decoder.end(&mut all).ok()?;
    Some(all)
}

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    let (a, b) = bytes.split_at(usize::from(cut).min(bytes.len()));
    for coding in Coding::ALL {
        assert_eq!(decode(coding, &[bytes]), decode(coding, &[a, b]), "{coding:?}");
    }
});
