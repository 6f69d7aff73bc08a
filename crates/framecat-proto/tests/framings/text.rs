//! `lsp`, `syslog` and `dot`: headers that lie, blocks that smuggle, and what their specifications
//! say by example.

use framecat_proto::Framing;
use framecat_proto::framing::Fault;
use framecat_proto::limits::{HEADER_BYTES, MESSAGE_BYTES};
use framecat_proto::message::{Context, Outbound, Outgoing, Spans};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::laws::{check, decode, pieces};

const SPLITS: [u8; 4] = [0xff, 0x00, 0x12, 0x31];

fn framing(word: &str) -> Framing {
    word.parse().unwrap_or_else(|error| panic!("{word}: {error}"))
}

type Case = (&'static str, &'static [u8], &'static [&'static [u8]]);

const MESSAGES: &[Case] = &[
    // Any field, in any case, with any white space around its value.
    ("lsp", b"content-length:\t2 \r\nX-Any_thing: it's (1)\r\n\r\n{}", &[b"{}"]),
    (
        "lsp",
        b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
        &[b"{}"],
    ),
    ("lsp", b"Content-Length: 002\r\nContent-Type: a/b; charset=\"UTF8\"; x=y\r\n\r\n{}", &[b"{}"]),
    ("lsp", b"Content-Length: 2\r\nContent-Type: application/json\r\n\r\n\xff\n", &[b"\xff\n"]),
    // RFC 6587 section 3.4.1 and 3.4.2, one after the other on one connection.
    (
        "syslog",
        b"13 <13>1 - h\n ab<34>old\n<1>\r\n5 <2>\0\n",
        &[b"<13>1 - h\n ab", b"<34>old", b"<1>\r", b"<2>\0\n"],
    ),
    ("syslog,keep", b"3 <1><13>x\n", &[b"3 <1>", b"<13>x\n"]),
    // No line, one empty line, two; lines of dots; a dot that is no end.
    ("dot", b".\r\n\r\n.\r\n\r\n\r\n.\r\n", &[b"", b"\r\n", b"\r\n\r\n"]),
    ("dot", b"..\r\n.\r\n...\r\n.\r\n", &[b".", b".."]),
    ("dot", b"a.\r\n b.c\r\n..\r\n\r\n.\r\n", &[b"a.\r\n b.c\r\n.\r\n"]),
    ("dot", b"\r\na\r\n.\r\n", &[b"\r\na"]),
];

#[test]
fn messages_are_found_however_they_arrive() {
    for (word, bytes, want) in MESSAGES {
        for split in SPLITS {
            let got = decode(&framing(word), MESSAGE_BYTES, pieces(bytes, split));
            let payloads: Vec<_> = got.messages.iter().map(|(payload, _)| &payload[..]).collect();
            assert_eq!(payloads, *want, "{word} {}", bytes.escape_ascii());
            assert_eq!((got.faults, got.cut), (vec![], None), "{word} {}", bytes.escape_ascii());
        }
    }
}

/// Rule, bytes, where the fault lies, its number, its words.
const FAULTS: &[(&str, &[u8], u64, u64, &str)] = &[
    ("lsp", b"{\"jsonrpc\"", 0, 1, "`{` stands in the name of a header field"),
    ("lsp", b"Content-Length: 2\r\n\r\n{}\n", 23, 2, "`\\n` stands in the name of a header field"),
    ("lsp", b"Content-Length : 2\r\n", 0, 1, "` ` stands in the name of a header field"),
    ("lsp", b": 2\r\n", 0, 1, "`:` stands in the name of a header field"),
    ("lsp", b" folded: 2\r\n", 0, 1, "` ` stands in the name of a header field"),
    ("lsp", b"Content-Length: 2\n", 0, 1, "`\\n` stands in the value of a header field"),
    ("lsp", b"A: \xc3\xa9\r\n", 0, 1, "`\\xc3` stands in the value of a header field"),
    ("lsp", b"A: b\rc", 0, 1, "a CR without LF stands in its header"),
    ("lsp", b"\rA", 0, 1, "a CR without LF stands in its header"),
    ("lsp", b"\r\n", 0, 1, "its header has no Content-Length"),
    ("lsp", b"Content-Type: a\r\n\r\n", 0, 1, "its header has no Content-Length"),
    (
        "lsp",
        b"Content-Length: 2\r\ncontent-length: 2\r\n",
        0,
        1,
        "its header has Content-Length twice",
    ),
    ("lsp", b"Content-Length:\r\n", 0, 1, "its Content-Length is no length: ``"),
    ("lsp", b"Content-Length: -1\r\n", 0, 1, "its Content-Length is no length: `-1`"),
    ("lsp", b"Content-Length: +1\r\n", 0, 1, "its Content-Length is no length: `+1`"),
    ("lsp", b"Content-Length: 1 2\r\n", 0, 1, "its Content-Length is no length: `1 2`"),
    ("lsp", b"Content-Length: 0x10\r\n", 0, 1, "its Content-Length is no length: `0x10`"),
    (
        "lsp",
        b"Content-Length: 18446744073709551616\r\n",
        0,
        1,
        "its Content-Length is no length: `18446744073709551616`",
    ),
    (
        "lsp",
        b"Content-Length: 9223372036854775808\r\n\r\n",
        0,
        1,
        "the message has 9223372036854775808 bytes, more than 16777216 bytes",
    ),
    (
        "lsp,keep",
        b"Content-Length: 18446744073709551615\r\n\r\n",
        0,
        1,
        "the message has 18446744073709551615 bytes, more than 16777216 bytes",
    ),
    (
        "lsp",
        b"Content-Type: a/b; charset=utf-16\r\n",
        0,
        1,
        "its Content-Type is not in UTF-8: `a/b; charset=utf-16`",
    ),
    (
        "syslog",
        b"hello\n",
        0,
        1,
        "it begins with `h`, and a message of syslog with a length or `<`",
    ),
    ("syslog", b"0 ", 0, 1, "it begins with `0`, and a message of syslog with a length or `<`"),
    (
        "syslog",
        b"3 <1>\n",
        5,
        2,
        "it begins with `\\n`, and a message of syslog with a length or `<`",
    ),
    ("syslog", b"-1 <1>", 0, 1, "it begins with `-`, and a message of syslog with a length or `<`"),
    ("syslog", b"5<13>1", 0, 1, "its length is followed by `<` and not by a space"),
    ("syslog", b"12345678901", 0, 1, "its length has more than 10 digits"),
    ("syslog", b"9999999999 <", 0, 1, "the message has 9999999999 bytes, more than 16777216 bytes"),
    ("syslog", b"<html>\n", 0, 1, "it begins with `<`, and not with a priority such as `<13>`"),
    ("syslog", b"<>\n", 0, 1, "it begins with `<`, and not with a priority such as `<13>`"),
    ("syslog", b"<1234>\n", 0, 1, "it begins with `<`, and not with a priority such as `<13>`"),
    // How mail is smuggled: ends that one server sees and another does not (CVE-2023-51764 and kin).
    ("dot", b"a\n.\n", 0, 1, "an LF without CR stands in it, at its byte 2"),
    ("dot", b"a\r\n.\nMAIL FROM", 0, 1, "an LF without CR stands in it, at its byte 5"),
    ("dot", b"a\r.\r\n", 0, 1, "a CR without LF stands in it, at its byte 2"),
    ("dot", b"a\r\n.\r\r\n", 0, 1, "a CR without LF stands in it, at its byte 5"),
    ("dot", b".\r\na\r\n.b\r\n", 3, 2, "a line begins with a single dot, at its byte 4"),
];

#[test]
fn what_breaks_the_rule_is_a_fault_that_says_where() {
    for (word, bytes, offset, message, text) in FAULTS {
        for split in SPLITS {
            let got = decode(&framing(word), MESSAGE_BYTES, pieces(bytes, split));
            let [(at, number, fault)] = got.faults.as_slice() else {
                panic!("{word} {}: {got:?}", bytes.escape_ascii())
            };
            let shown = bytes.escape_ascii();
            assert_eq!((at, number), (offset, message), "{word} {shown}");
            assert_eq!(fault.to_string(), *text, "{word} {shown}");
        }
    }
}

#[test]
fn a_header_that_never_ends_is_refused_at_its_limit() {
    for line in ["A", "A: b\r\n"] {
        let header: Vec<u8> = line.bytes().cycle().take(3 * HEADER_BYTES).collect();
        for split in SPLITS {
            let got = decode(&framing("lsp"), MESSAGE_BYTES, pieces(&header, split));
            let text = "its header is longer than 4096 bytes";
            assert_eq!(got.faults, [(0, 1, Fault::Broken(text.into()))], "{line:?}");
        }
    }
    // As long as it may be.
    let filler = "X".repeat(HEADER_BYTES - "Content-Length: 1\r\n: \r\n\r\n".len());
    let bytes = format!("Content-Length: 1\r\n{filler}: \r\n\r\nx");
    assert_eq!(decode(&framing("lsp"), 1, [bytes.as_bytes()]).messages, [(b"x".to_vec(), None)]);
}

fn written(word: &str, payload: &[u8]) -> Result<Vec<u8>, String> {
    let message = Outbound { payload, time_ns: None, index: 0, cut: false };
    let mut out = Outgoing::new();
    let done = framing(word).framer(MESSAGE_BYTES).encode(message, &Context::at(0), &mut out);
    assert!(done.is_ok() || out.is_empty(), "{word}: a refused message leaves bytes");
    done.map(|()| out.buf().clone()).map_err(|error| error.to_string())
}

#[test]
fn what_is_written_is_what_the_specification_says() {
    for (word, payload, bytes) in [
        ("lsp", b"\xc3\xa9".as_slice(), b"Content-Length: 2\r\n\r\n\xc3\xa9".as_slice()),
        ("syslog", b"<13>1 - a\nb", b"11 <13>1 - a\nb"),
        ("dot", b"", b".\r\n"),
        ("dot", b"hello", b"hello\r\n.\r\n"),
        ("dot", b".", b"..\r\n.\r\n"),
        ("dot", b"a\r\n.b\r\n..c\r\n", b"a\r\n..b\r\n...c\r\n\r\n.\r\n"),
        ("dot", b"\r\n", b"\r\n.\r\n"),
    ] {
        assert_eq!(
            written(word, payload).unwrap().escape_ascii().to_string(),
            bytes.escape_ascii().to_string(),
            "{word}"
        );
    }
    for (word, payload, why) in [
        ("syslog", b"".as_slice(), "it is empty, and a length of syslog is at least 1"),
        ("syslog,keep", b"<1>a", "it brings neither its length nor its LF, as `keep` asks"),
        ("syslog,keep", b"5 <1>", "it brings neither its length nor its LF, as `keep` asks"),
        ("syslog,keep", b"<1>a\nb\n", "its byte 5 would end it early"),
        ("syslog,keep", b"3 <1>a", "its byte 5 would end it early"),
        (
            "syslog,keep",
            b"hello\n",
            "it begins with `h`, and a message of syslog with a length or `<`",
        ),
        ("lsp,keep", b"{}", "`{` stands in the name of a header field"),
        ("lsp,keep", b"Content-Length: 2", "its header has no end, as `keep` asks"),
        ("lsp,keep", b"Content-Length: 3\r\n\r\n{}", "its header speaks of 24 bytes and it has 23"),
        ("lsp,keep", b"Content-Length: 1\r\n\r\n{}", "its byte 22 would end it early"),
        ("dot", b"a\nb", "a CR or an LF stands alone at its byte 2; lines end in both"),
        ("dot", b"a\r\nb\r", "a CR or an LF stands alone at its byte 5; lines end in both"),
        ("dot,keep", b"a\r\n", "it does not end in a line of a single dot, as `keep` asks"),
        ("dot,keep", b"a\r\n.\r\nb\r\n.\r\n", "its byte 6 would end it early"),
        ("dot,keep", b"a\r\n.b\r\n.\r\n", "a line begins with a single dot, at its byte 4"),
    ] {
        assert_eq!(written(word, payload), Err(why.into()), "{word} {}", payload.escape_ascii());
    }
}

#[test]
fn what_was_scanned_is_not_scanned_again() {
    for (word, head, more) in
        [("lsp", "", "A: b\r\n"), ("syslog", "<13>", "a"), ("dot", "", "a"), ("dot", "", "..\r\n")]
    {
        let mut framer = framing(word).framer(MESSAGE_BYTES);
        let mut seen = head.as_bytes().to_vec();
        for _ in 0..200 {
            seen.extend_from_slice(more.as_bytes());
            let progress = framer.decode(&seen, &mut Spans::new());
            assert_eq!((progress.consumed, progress.fault), (0, None), "{word} {more}");
            seen[head.len()..].fill(b'\n');
        }
    }
}

/// Bytes in which what these framings look at is frequent.
fn eventful() -> impl Strategy<Value = Vec<u8>> {
    let token = proptest::sample::select(vec![
        &b"Content-Length: "[..],
        b"Content-Type: ",
        b"1",
        b"2",
        b"0",
        b"\r\n",
        b"\r\n\r\n",
        b"\r",
        b"\n",
        b".",
        b"..",
        b"\r\n.\r\n",
        b"a",
        b"{}",
        b" ",
        b":",
        b"<",
        b">",
        b"<13>",
        b"3 ",
        b"3 <1>",
        b"<1>x\n",
        b"\xff",
        b"Content-Length: 2\r\n\r\nab",
        b".a\r\n",
    ]);
    vec(token, 0..16).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_laws_hold_on_headers_priorities_and_dots(
        word in proptest::sample::select(vec!["lsp", "lsp,keep", "syslog", "syslog,keep", "dot", "dot,keep"]),
        max in prop_oneof![Just(MESSAGE_BYTES), 0usize..40],
        split: u8,
        bytes in eventful(),
    ) {
        check(word, max, split, &bytes);
    }
}
