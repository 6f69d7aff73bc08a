//! Memory grows with what arrived and never with what a header claims; and in the steady state
//! nothing is allocated at all. A binary of its own, because it counts every allocation.

#![allow(unsafe_code, reason = "an allocator can be counted only by being one")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use framecat_proto::Framing;
use framecat_proto::framing::{Decoder, Fault};
use framecat_proto::limits::MESSAGE_BYTES;
use framecat_proto::message::{Batch, Context, Outgoing, Spans};

thread_local! {
    /// Allocations of this thread, and their bytes.
    static COUNTED: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

struct Counting;

// SAFETY: every call is handed to the system's allocator as it came; counting neither allocates nor
// unwinds (a `Cell` with a constant initial value, skipped while the thread ends).
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = COUNTED.try_with(|counted| {
            let (times, bytes) = counted.get();
            counted.set((times + 1, bytes + layout.size()));
        });
        // SAFETY: the caller keeps the promises of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: `at` came from `alloc` above, so from the system's allocator.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations and their bytes while `work` runs.
fn counted(work: impl FnOnce()) -> (usize, usize) {
    let before = COUNTED.get();
    work();
    let after = COUNTED.get();
    (after.0 - before.0, after.1 - before.1)
}

#[test]
fn a_header_that_lies_reserves_nothing() {
    for (word, header) in [
        ("len:u32be", b"\xff\xff\xff\xff".as_slice()),
        ("len:u32le,keep", b"\xff\xff\xff\xff"),
        ("len:u64be", b"\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("len:u64le,counts=total,tail=0a", b"\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("len:varint", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        ("len:qvarint@1,magic=01", b"\x01\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("struct", b"........\xff\xff\xff\xff"),
        // Claims that are allowed, and of which 12 bytes came.
        ("len:u32be", b"\x01\x00\x00\x00........"),
        ("len:varint", b"\x80\x80\x80\x08........"),
        ("struct", b"........\x01\x00\x00\x00"),
        ("fixed:16777216", b"............"),
        ("line", b"............"),
        ("crlf", b"............"),
        ("netstring", b"18446744073709551615:"),
        ("netstring", b"16777216:..."),
        ("lsp", b"Content-Length: 9223372036854775808\r\n\r\n"),
        ("lsp", b"Content-Length: 16777216\r\n\r\n"),
        ("syslog", b"9999999999 <"),
        ("syslog", b"16777216 <13>"),
        ("dot", b"............"),
        ("json", b"[[[[[[[[[[[["),
        // A string, an array and a map that claim 2^63 and more; an array that would just fit.
        ("resp", b"$9223372036854775808\r\n"),
        ("resp", b"*9223372036854775808\r\n"),
        ("resp", b"%18446744073709551615\r\n"),
        ("resp", b"*2\r\n$16777200\r\n"),
        ("resp", b"*5592400\r\n"),
        ("ndjson", b"............"),
        ("json-seq", b"\x1e[[[[[[[[[[["),
        ("slip", b"\xdb\xdc\xdb\xdd........"),
        ("cobs", b"\xff..........."),
        ("hdlc", b"}]}]........"),
        ("stx", b"\x02..........."),
        ("stx,dle", b"\x10\x02\x10\x10........"),
    ] {
        let rule: Framing = word.parse().unwrap();
        let mut decoder = Decoder::of(&rule, MESSAGE_BYTES, None);
        let mut spans = Spans::new();
        let (_, bytes) = counted(|| {
            let did = decoder.decode(header, &mut spans);
            match did.error {
                Some(error) => assert!(matches!(error.fault, Fault::TooLong { .. }), "{error}"),
                None => assert_eq!(did.consumed, 0, "{word}"),
            }
        });
        assert!(bytes < 512, "{word}: {bytes} bytes for a header of {}", header.len());
    }
}

#[test]
fn nothing_is_allocated_per_message() {
    for word in [
        "line",
        "crlf",
        "nul",
        "delim:ab,any",
        "delim:abcd,any",
        "delim:<>",
        "len:u8",
        "len:u24le,head=4",
        "len:u32be",
        "len:u64be,counts=total,tail=ce",
        "len:varint",
        "len:qvarint@1,magic=7e",
        "struct",
        "fixed:16",
        "netstring",
        "lsp",
        "syslog",
        "dot",
        "json",
        "ndjson",
        "json-seq",
        "slip",
        "cobs",
        "hdlc",
        "stx",
        "stx,dle",
        "resp",
    ] {
        let rule: Framing = word.parse().unwrap();
        let one: &[u8; 16] = match word {
            "resp" => b"*2\r\n:1\r\n$2\r\nab\r\n",
            _ => b"[\"01234\",345,{}]",
        };
        let payload = one.repeat(1_000);
        let mut sent = Spans::new();
        (0..1_000).for_each(|i| sent.push(i * 16, i * 16 + 16));
        let batch = Batch { input: &payload, spans: &sent };
        let (mut writer, mut decoder) = (rule.framer(64), Decoder::of(&rule, 64, None));
        let (mut out, mut spans) = (Outgoing::new(), Spans::new());
        let mut round = || {
            out.clear();
            spans.clear();
            writer.encode_batch(batch, 0, &Context::at(0), &mut out).unwrap();
            let did = decoder.decode(out.buf(), &mut spans);
            assert_eq!((did.error, spans.len()), (None, 1_000), "{word}");
        };
        round();
        assert_eq!(counted(round), (0, 0), "{word}");
    }
}
