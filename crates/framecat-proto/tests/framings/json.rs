//! The JSON framings: where values end, what is no JSON, and what the end of the stream closes.

use framecat_proto::Framing;
use framecat_proto::framing::{Fault, Framer};
use framecat_proto::limits::{JSON_DEPTH, MESSAGE_BYTES};
use framecat_proto::message::{Context, Outbound, Outgoing, Spans};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::laws::{check, decode, pieces};

const SPLITS: [u8; 4] = [0xff, 0x00, 0x12, 0x31];

fn framing(word: &str) -> Framing {
    word.parse().unwrap_or_else(|error| panic!("{word}: {error}"))
}

/// Rule, bytes, the messages, and how many bytes are cut or rejected.
type Case = (&'static str, &'static [u8], &'static [&'static [u8]], usize);

const VALUES: &[Case] = &[
    (
        "json",
        b"{\"a\":[1,{}]}[]\"x\"truefalse\"y\"null12{}",
        &[b"{\"a\":[1,{}]}", b"[]", b"\"x\"", b"true", b"false", b"\"y\"", b"null", b"12", b"{}"],
        0,
    ),
    ("json", b" \r\n\t1 \n-0.5E+10\t[ 1 , 2 ]\n\n", &[b"1", b"-0.5E+10", b"[ 1 , 2 ]"], 0),
    // The end of the stream ends a number, and nothing else.
    ("json", b"1 23", &[b"1", b"23"], 0),
    ("json", b"1 2.", &[b"1"], 2),
    ("json", b"1 -", &[b"1"], 1),
    ("json", b"[1] tru", &[b"[1]"], 3),
    ("json", b"{\"a\":1", &[], 6),
    ("json", b"\"\\ud800\\u00e9\\/\"", &[b"\"\\ud800\\u00e9\\/\""], 0),
    ("json", "\"é€\u{10ffff}\"".as_bytes(), &["\"é€\u{10ffff}\"".as_bytes()], 0),
    ("ndjson", b"\n\r\n{\"a\":1}\r\n  [2] \n\n12", &[b"{\"a\":1}", b"[2]", b"12"], 0),
    ("ndjson", b"{}\n{\"a\":", &[b"{}"], 5),
    (
        "json-seq",
        b"\x1e\x1e\x1e{\"a\":1}\x1e[]\n\n\x1e 12 \n\x1enull\t",
        &[b"{\"a\":1}", b"[]", b"12", b"null"],
        0,
    ),
    // RFC 7464 section 2.4: without white space behind it, it may be the beginning of 123.
    ("json-seq", b"\x1e[]\x1e12", &[b"[]"], 3),
    ("json-seq", b"\x1e[]\n\x1e", &[b"[]"], 1),
];

#[test]
fn values_end_where_they_end_however_they_arrive() {
    for (word, bytes, want, cut) in VALUES {
        for split in SPLITS {
            let got = decode(&framing(word), MESSAGE_BYTES, pieces(bytes, split));
            let payloads: Vec<_> = got.messages.iter().map(|(payload, _)| &payload[..]).collect();
            assert_eq!(payloads, *want, "{word} {}", bytes.escape_ascii());
            assert_eq!(got.faults, [], "{word} {}", bytes.escape_ascii());
            let have = got.cut.map_or(0, |fault| match fault {
                Fault::Cut { have, need: None } => have,
                fault => panic!("{fault:?}"),
            });
            assert_eq!(have, *cut, "{word} {}", bytes.escape_ascii());
        }
    }
}

#[test]
fn the_end_of_the_stream_at_every_offset_loses_no_value() {
    for (word, bytes, want, _) in VALUES {
        for upto in 0..=bytes.len() {
            let got = decode(&framing(word), MESSAGE_BYTES, [&bytes[..upto]]);
            assert_eq!(got.faults, [], "{word} {}", bytes[..upto].escape_ascii());
            let (last, whole) = match got.messages.split_last() {
                Some((last, whole)) => (Some(last), whole),
                None => (None, &[][..]),
            };
            let payloads: Vec<_> = whole.iter().map(|(payload, _)| &payload[..]).collect();
            assert_eq!(payloads, want[..whole.len()], "{word} ends after {upto}");
            // Only a number may be shorter than it was meant to be, and look whole.
            if let Some((last, _)) = last {
                let meant = want.get(whole.len());
                let number = last[0].is_ascii_digit() || last[0] == b'-';
                assert!(number || meant.is_some_and(|meant| meant == last), "{word} {upto}");
            }
        }
    }
}

/// Rule, bytes, where the fault lies, its number, its words.
const FAULTS: &[(&str, &[u8], u64, u64, &str)] = &[
    ("json", b"hello", 0, 1, "its byte 1 is `h`, where a value must be"),
    ("json", b"[1]]", 3, 2, "its byte 1 is `]`, where a value must be"),
    ("json", b"nul1", 0, 1, "its byte 4 is `1`, where the rest of true, false or null must be"),
    ("json", b"01", 0, 1, "its byte 2 is `1`, where the next value or white space must be"),
    ("json", b"1-2", 0, 1, "its byte 2 is `-`, where the next value or white space must be"),
    ("json", b"1.2.3", 0, 1, "its byte 4 is `.`, where the next value or white space must be"),
    ("json", b"+1", 0, 1, "its byte 1 is `+`, where a value must be"),
    ("json", b"-x", 0, 1, "its byte 2 is `x`, where a digit must be"),
    ("json", b"[1.]", 0, 1, "its byte 4 is `]`, where a digit must be"),
    ("json", b"1e ", 0, 1, "its byte 3 is ` `, where a digit must be"),
    ("json", b"[1 2]", 0, 1, "its byte 4 is `2`, where a comma or `]` must be"),
    ("json", b"[1}", 0, 1, "its byte 3 is `}`, where a comma or `]` must be"),
    ("json", b"[,", 0, 1, "its byte 2 is `,`, where a value or `]` must be"),
    ("json", b"[1,]", 0, 1, "its byte 4 is `]`, where a value must be"),
    ("json", b"{\"a\" 1}", 0, 1, "its byte 6 is `1`, where `:` must be"),
    ("json", b"{\"a\":1 \"b\"", 0, 1, "its byte 8 is `\\\"`, where a comma or `}` must be"),
    ("json", b"{\"a\":1,}", 0, 1, "its byte 8 is `}`, where a key in quotes must be"),
    ("json", b"{a:1}", 0, 1, "its byte 2 is `a`, where a key in quotes or `}` must be"),
    ("json", b"{1:1}", 0, 1, "its byte 2 is `1`, where a key in quotes or `}` must be"),
    ("json", b"'a'", 0, 1, "its byte 1 is `\\'`, where a value must be"),
    ("json", b"\"\\x41\"", 0, 1, "its byte 3 is `x`, where an escape of JSON must be"),
    ("json", b"\"\\u12g4\"", 0, 1, "its byte 6 is `g`, where a hex digit must be"),
    (
        "json",
        b"\"a\nb\"",
        0,
        1,
        "its byte 3 is `\\n`, where an escape (a control stands in a string) must be",
    ),
    // A surrogate in UTF-8, an overlong form, above U+10FFFF, a character cut short, Latin-1.
    (
        "json",
        b"\"\xed\xa0\x80\"",
        0,
        1,
        "its byte 3 is `\\xa0`, where the rest of a UTF-8 character must be",
    ),
    ("json", b"\"\xc0\xaf\"", 0, 1, "its byte 2 is `\\xc0`, where UTF-8 must be"),
    (
        "json",
        b"\"\xe0\x80\xaf\"",
        0,
        1,
        "its byte 3 is `\\x80`, where the rest of a UTF-8 character must be",
    ),
    (
        "json",
        b"\"\xf4\x90\x80\x80\"",
        0,
        1,
        "its byte 3 is `\\x90`, where the rest of a UTF-8 character must be",
    ),
    (
        "json",
        b"\"\xe2\x82\"",
        0,
        1,
        "its byte 4 is `\\\"`, where the rest of a UTF-8 character must be",
    ),
    ("json", b"[1]\xff", 3, 2, "its byte 1 is `\\xff`, where a value must be"),
    ("json", b"\xef\xbb\xbf{}", 0, 1, "its byte 1 is `\\xef`, where a value must be"),
    ("ndjson", b"{}\n{\"a\":1\n}\n", 3, 2, "its value has no end"),
    ("ndjson", b"{} {}\n", 0, 1, "its value ends after 2 of its 5 bytes"),
    ("ndjson", b"[1]\nhello\n", 4, 2, "its byte 1 is `h`, where a value must be"),
    ("json-seq", b"{}\n", 0, 1, "it does not begin with RS (1e)"),
    ("json-seq", b"\x1e{}x", 3, 2, "it does not begin with RS (1e)"),
    ("json-seq", b"\x1etrue\x1e", 0, 1, "no white space follows its value, so it may be cut"),
    ("json-seq", b"\x1e12[]", 0, 1, "no white space follows its value, so it may be cut"),
    (
        "json-seq",
        b"\x1e12\x1e",
        0,
        1,
        "its byte 3 is `\\x1e`, where the next value or white space must be",
    ),
    ("json-seq", b"\x1e{\"a\":\x1e", 0, 1, "its byte 6 is `\\x1e`, where a value must be"),
];

#[test]
fn what_is_no_json_is_a_fault_that_says_where() {
    for (word, bytes, offset, message, text) in FAULTS {
        for split in SPLITS {
            let got = decode(&framing(word), MESSAGE_BYTES, pieces(bytes, split));
            let [(at, number, fault)] = got.faults.as_slice() else {
                panic!("{word} {}: {got:?}", bytes.escape_ascii())
            };
            let shown = bytes.escape_ascii();
            assert_eq!(
                (at, number, &*fault.to_string()),
                (offset, message, *text),
                "{word} {shown}"
            );
        }
    }
}

#[test]
fn nesting_is_bounded_and_a_bomb_is_refused_at_once() {
    for (open, close) in [("[", "]"), ("{\"\":", "}")] {
        let nested = |depth: usize| {
            let inner = if open == "[" { "" } else { "1" };
            [open.repeat(depth).as_str(), inner, &close.repeat(depth)].concat()
        };
        let fine = decode(&Framing::Json, MESSAGE_BYTES, [nested(JSON_DEPTH).as_bytes()]);
        assert_eq!((fine.messages.len(), fine.faults), (1, vec![]));
        for bomb in [nested(JSON_DEPTH + 1), open.repeat(1_000_000)] {
            for word in ["json", "ndjson", "json-seq"] {
                let bytes = [if word == "json-seq" { "\x1e" } else { "" }, &bomb, "\n"].concat();
                let got = decode(&framing(word), MESSAGE_BYTES, [bytes.as_bytes()]);
                let text = "its arrays and objects are nested deeper than 128";
                assert_eq!(got.faults, [(0, 1, Fault::Broken(text.into()))], "{word}");
            }
        }
    }
}

#[test]
fn resync_goes_on_with_the_next_value_and_counts_what_it_rejected() {
    let table: &[Case] = &[
        ("ndjson,resync", b"[1]\ngarbage\n\n{\"a\n[2]\nx\n", &[b"[1]", b"[2]"], 7 + 3 + 1),
        // What RFC 7464 was made for: a text cut short by a crash, another behind it.
        (
            "json-seq,resync",
            b"\x1e{\"a\":1\x1e[2]\njunk\x1e3\n\x1etrue\x1e4\n",
            &[b"[2]", b"3", b"4"],
            7 + 4 + 5,
        ),
    ];
    for (word, bytes, want, rejected) in table {
        for split in SPLITS {
            let got = decode(&framing(word), MESSAGE_BYTES, pieces(bytes, split));
            let payloads: Vec<_> = got.messages.iter().map(|(payload, _)| &payload[..]).collect();
            assert_eq!(payloads, *want, "{word}, split {split:02x}");
            assert_eq!((got.rejected, got.cut), (*rejected, None), "{word}, split {split:02x}");
        }
        let stopped = decode(&framing(word.trim_end_matches(",resync")), MESSAGE_BYTES, [*bytes]);
        assert_eq!(stopped.faults.len(), 1, "{word} without resync");
    }
}

fn written(word: &str, payload: &[u8]) -> Result<(), String> {
    let message = Outbound { payload, time_ns: None, index: 0, cut: false };
    let mut out = Outgoing::new();
    let done = framing(word).framer(MESSAGE_BYTES).encode(message, &Context::at(0), &mut out);
    assert!(done.is_ok() || out.is_empty(), "{word}: a refused message leaves bytes");
    done.map_err(|error| error.to_string())
}

#[test]
fn a_payload_that_is_not_exactly_one_value_is_refused() {
    for (payload, why) in [
        (b"".as_slice(), "it holds no JSON value"),
        (b" ", "white space stands before its value"),
        (b" 1", "white space stands before its value"),
        (b"{}\r", "white space stands behind its value"),
        (b"1 2", "its value ends after 1 of its 3 bytes"),
        (b"{}{}", "its value ends after 2 of its 4 bytes"),
        (b"[1", "its value has no end"),
        (b"hello", "its byte 1 is `h`, where a value must be"),
    ] {
        for word in ["json", "ndjson", "json-seq"] {
            assert_eq!(written(word, payload), Err(why.into()), "{word}");
        }
    }
    assert_eq!(written("ndjson", b"[1,\n2]"), Err("its byte 3 would end it early".into()));
    assert_eq!(written("json", b"[1,\n2]"), Ok(()));
}

/// The proof that bytes arriving one by one cost linear time: what was scanned is replaced by bytes
/// that are no JSON, and it is not noticed.
#[test]
fn what_was_scanned_is_not_scanned_again() {
    for (word, head, more) in [
        ("json", "\"", "a"),
        ("json", "[", "1,"),
        ("json", "{\"\":", "  "),
        ("json-seq", "\x1e\"", "a"),
    ] {
        let mut framer: Box<dyn Framer> = framing(word).framer(MESSAGE_BYTES);
        let mut seen = head.as_bytes().to_vec();
        for _ in 0..200 {
            seen.extend_from_slice(more.as_bytes());
            let progress = framer.decode(&seen, &mut Spans::new());
            assert_eq!((progress.consumed, progress.fault), (0, None), "{word} {head}");
            let kept = usize::from(word == "json-seq");
            seen[kept..].fill(0xff);
        }
    }
}

/// Text in which the bytes that JSON is made of are frequent.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let token = proptest::sample::select(vec![
        &b"{"[..],
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\"",
        b"\"a\"",
        b"1",
        b"0",
        b"-",
        b".5",
        b"e1",
        b"true",
        b"null",
        b"fals",
        b" ",
        b"\n",
        b"\\",
        b"\\u00e9",
        b"\xc3\xa9",
        b"\xe2\x82\xac",
        b"\xff",
        b"\x1e",
        b"x",
        b"{\"k\":",
        b"[[]]",
        b"{\"a\":1}\n",
        b"\x1e{\"a\":1}\n",
        b"12 ",
    ]);
    vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_laws_hold_on_what_is_nearly_json(
        word in proptest::sample::select(vec!["json", "ndjson", "ndjson,resync", "json-seq", "json-seq,resync"]),
        max in prop_oneof![Just(MESSAGE_BYTES), 0usize..20],
        split: u8,
        bytes in nearly_json(),
    ) {
        check(word, max, split, &bytes);
    }

    /// A judge that is not ours: serde_json takes a text exactly where we do.
    #[test]
    fn serde_json_agrees_on_what_is_json(bytes in nearly_json()) {
        let trimmed = bytes.trim_ascii() == bytes;
        let theirs = std::str::from_utf8(&bytes).ok().map(serde_json::from_str::<serde_json::Value>);
        // The size of a number is no matter of the grammar, and it looks no further than that.
        if matches!(&theirs, Some(Err(error)) if error.to_string().contains("out of range")) {
            return Ok(());
        }
        let theirs = theirs.is_some_and(|read| read.is_ok());
        prop_assert_eq!(written("json", &bytes).is_ok(), theirs && trimmed);
    }
}
