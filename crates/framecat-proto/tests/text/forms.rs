//! Bytes beside text, form by form.

use framecat_proto::framing::{EncodeError, Framing};
use framecat_proto::message::{Batch, Context, Outbound, Outgoing, Spans};
use framecat_proto::text::{Form, Look, holds_line_break};

use crate::{FILE, MAX, NOW, TERMINAL, context, read, written};

/// Payload, `quoted`, `hex`.
const TABLE: &[(&[u8], &str, &str)] = &[
    (b"", "", ""),
    (b"hello", "hello", "68656c6c6f"),
    (b"a\\b", r"a\\b", "615c62"),
    (b"\n\r\t\0", r"\n\r\t\0", "0a0d0900"),
    (b"\x01\x1b\x7f", r"\x01\x1b\x7f", "011b7f"),
    (b"\x001", r"\01", "0031"),
    (b"\"quotes'", "\"quotes'", "2271756f74657327"),
    ("你好".as_bytes(), "你好", "e4bda0e5a5bd"),
    ("é\u{80}\u{9f}\u{a0}".as_bytes(), "é\\xc2\\x80\\xc2\\x9f\u{a0}", "c3a9c280c29fc2a0"),
    (
        "\u{202e}\u{2029}\u{202f}".as_bytes(),
        "\\xe2\\x80\\xae\u{2029}\u{202f}",
        "e280aee280a9e280af",
    ),
    (
        "\u{2066}\u{2069}\u{206a}".as_bytes(),
        "\\xe2\\x81\\xa6\\xe2\\x81\\xa9\u{206a}",
        "e281a6e281a9e281aa",
    ),
    (b"\xff\xfe", r"\xff\xfe", "fffe"),
    (b"caf\xc3", r"caf\xc3", "636166c3"),
    (b"\xe4\xbd", r"\xe4\xbd", "e4bd"),
    (b"\xf0\x9f\x98 \xed\xa0\x80", r"\xf0\x9f\x98 \xed\xa0\x80", "f09f9820eda080"),
    ("😀".as_bytes(), "😀", "f09f9880"),
];

#[test]
fn quoted_and_hex_write_and_read_the_table() {
    for (payload, quoted, hex) in TABLE {
        for (form, text) in [(Form::Quoted, quoted), (Form::Hex, hex)] {
            let line = format!("{text}\n");
            let shown = written(&form, FILE, &[payload]);
            assert_eq!(String::from_utf8_lossy(&shown), line, "{form}: {payload:x?}");
            assert_eq!(read(&form, line.as_bytes()).unwrap(), [*payload], "{form}: {text}");
            let unterminated = if text.is_empty() { "\n" } else { *text };
            assert_eq!(read(&form, unterminated.as_bytes()).unwrap(), [*payload], "{form}: no LF");
            assert_eq!(form.one(text, MAX).unwrap(), *payload, "{form}: one word {text}");
        }
    }
}

#[test]
fn reading_takes_more_than_writing_gives() {
    for (form, text, payload) in [
        (Form::Quoted, &br"\x4A\x4a\xFf"[..], &b"JJ\xff"[..]),
        (Form::Quoted, b"tab\there \xff \r", b"tab\there \xff \r"),
        (Form::Quoted, br"\\n", br"\n"),
        (Form::Quoted, br"\\\n", b"\\\n"),
        (Form::Hex, b"  de AD\tbeEF  \r", b"\xde\xad\xbe\xef"),
        (Form::Hex, b"   ", b""),
        (Form::Jsonl, br#" {"text" : "h\u0069 \ud83d\ude00", "n": [1, {}]} "#, "hi 😀".as_bytes()),
        (Form::Jsonl, br#"{"base64":"/w==","text2":1,"event":"message"}"#, b"\xff"),
    ] {
        assert_eq!(read(&form, text).unwrap(), [payload], "{form}: {text:?}");
    }
}

#[test]
fn jsonl_is_the_line_of_the_reference() {
    let line = r#"{"event":"message","time":"2026-11-22T04:30:00.123456789Z","conn":1,"peer":"127.0.0.1:41327","dir":"in","n":1,"length":5,"text":"hello"}"#;
    assert_eq!(
        String::from_utf8(written(&Form::Jsonl, FILE, &["hello"])).unwrap(),
        format!("{line}\n")
    );
    let two = String::from_utf8(written(
        &Form::Jsonl,
        FILE,
        &[&b"\xff\0"[..], b"a\"\\\n\x01\x7f\xc2\x85"],
    ))
    .unwrap();
    let ends: Vec<&str> = two.lines().map(|line| line.split_once("\"n\":").unwrap().1).collect();
    assert_eq!(
        ends,
        [r#"1,"length":2,"base64":"/wA="}"#, r#"2,"length":8,"text":"a\"\\\n\u0001\u007f\u0085"}"#,]
    );
    let bidi = written(&Form::Jsonl, FILE, &["\u{202a}\u{202e}\u{2066}\u{2069}"]);
    let bidi = String::from_utf8(bidi).unwrap();
    assert!(bidi.ends_with("\"text\":\"\\u202a\\u202e\\u2066\\u2069\"}\n"), "{bidi}");
}

#[test]
fn jsonl_tells_the_cut_the_round_trip_the_own_time_and_each_origin() {
    let mut writer = Form::Jsonl.writer(MAX, FILE);
    let mut line = |message: Outbound<'_>, context: Context<'_>| {
        let mut out = Outgoing::new();
        writer.encode(message, &context, &mut out).unwrap();
        let spans = Spans::new();
        String::from_utf8(out.to_vec(Batch { input: b"", spans: &spans })).unwrap()
    };
    let plain = Outbound { payload: b"x", time_ns: None, index: 0, cut: false };
    let cut = line(Outbound { cut: true, ..plain }, Context { rtt_us: Some(1234), ..context() });
    assert!(cut.ends_with("\"length\":1,\"text\":\"x\",\"cut\":true,\"rtt_us\":1234}\n"), "{cut}");
    let timed = line(Outbound { time_ns: Some(0), ..plain }, context());
    assert!(timed.contains("\"time\":\"1970-01-01T00:00:00.000000000Z\""), "{timed}");
    let late = line(Outbound { time_ns: Some(u64::MAX), ..plain }, context());
    assert!(late.contains("\"time\":\"2554-07-21T23:34:33.709551615Z\""), "{late}");
    let other = line(plain, Context { conn: 2, peer: "@a\"\x1b", first: 7, ..context() });
    assert!(other.contains(r#""conn":2,"peer":"@a\"\u001b","dir":"in","n":7,"#), "{other}");
    let back = line(plain, context());
    assert!(back.contains(r#""conn":1,"peer":"127.0.0.1:41327","dir":"in","n":1,"#), "{back}");
}

#[test]
fn jsonl_passes_over_other_events_and_blank_lines() {
    let text = br#"{"event":"connected","conn":1}

{"text":"a"}
{"event":7,"text":"not one"}
{"event":"message","base64":""}
{"event":"closed"}"#;
    assert_eq!(read(&Form::Jsonl, text).unwrap(), [&b"a"[..], b""]);
    assert_eq!(read(&Form::Jsonl, b"").unwrap(), [b""; 0]);
}

#[test]
fn line_adds_an_ending_only_where_there_is_none() {
    let messages = ["a", "b\n", "", "\n", "c\r", "d\ne"];
    assert_eq!(written(&Form::Line, FILE, &messages), b"a\nb\n\n\nc\r\nd\ne\n");
    assert_eq!(written(&Form::Line, TERMINAL, &messages), b"a\nb\n\n\nc\nd\ne\n");
    assert_eq!(written(&Form::Raw, FILE, &messages), b"ab\n\nc\rd\ne");
    assert_eq!(read(&Form::Line, b"a\r\n\nb").unwrap(), [&b"a\r"[..], b"", b"b"]);
    assert_eq!(read(&Form::Raw, b"a\r\n\nb").unwrap(), [b"a\r\n\nb"]);
    let breaks =
        ["a\nb", "\n\n", "a\n", "\n", "", "a"].map(|text| holds_line_break(text.as_bytes()));
    assert_eq!(breaks, [true, true, false, false, false, false]);
}

#[test]
fn a_cut_message_is_printed_without_an_ending() {
    for look in [FILE, TERMINAL] {
        let mut spans = Spans::new();
        spans.push(0, 3);
        spans.mark_last_cut();
        let batch = Batch { input: b"abc", spans: &spans };
        let mut out = Outgoing::new();
        Form::Line.writer(MAX, look).encode_batch(batch, 0, &context(), &mut out).unwrap();
        assert_eq!(out.to_vec(batch), b"abc");
        out.clear();
        Form::Dump.writer(MAX, look).encode_batch(batch, 0, &context(), &mut out).unwrap();
        assert!(String::from_utf8(out.to_vec(batch)).unwrap().contains(" in 1, 3 bytes, cut\n"));
    }
}

#[test]
fn dump_looks_like_hexdump() {
    let want = "\
2026-11-22T04:30:00.123456789Z #1 127.0.0.1:41327 in 1, 18 bytes
00000000  68 65 6c 6c 6f 20 77 6f  72 6c 64 20 e4 bd a0 e5  |hello world ....|
00000010  a5 bd                                             |..|
2026-11-22T04:30:00.123456789Z #1 127.0.0.1:41327 in 2, 0 bytes
2026-11-22T04:30:00.123456789Z #1 127.0.0.1:41327 in 3, 1 byte
00000000  1b                                                |.|
";
    let shown = written(&Form::Dump, FILE, &["hello world 你好", "", "\x1b"]);
    assert_eq!(String::from_utf8(shown).unwrap(), want);
    assert!(Form::Dump.reader(MAX).is_none() && Form::Dump.decoder(MAX).is_none());
    let bare = Outbound { payload: b"", time_ns: Some(NOW), index: 0, cut: false };
    let (mut out, spans) = (Outgoing::new(), Spans::new());
    Form::Dump.writer(MAX, FILE).encode(bare, &Context::at(0), &mut out).unwrap();
    let bare = out.to_vec(Batch { input: b"", spans: &spans });
    assert_eq!(bare, b"2026-11-22T04:30:00.123456789Z out 1, 0 bytes\n", "nothing known");
}

#[test]
fn a_message_over_the_maximum_is_refused_and_nothing_is_written() {
    for form in [Form::Raw, Form::Line, Form::Quoted, Form::Hex, Form::Dump, Form::Jsonl] {
        for look in [FILE, TERMINAL] {
            let mut writer = form.writer(4, look);
            let mut out = Outgoing::new();
            let mut message = Outbound { payload: b"12345", time_ns: None, index: 0, cut: false };
            let refused = writer.encode(message, &context(), &mut out);
            assert_eq!(refused, Err(EncodeError::DoesNotFit { len: 5, max: 4 }), "{form}");
            assert!(out.is_empty(), "{form}");
            message.payload = b"1234";
            writer.encode(message, &context(), &mut out).unwrap();
        }
    }
}

#[test]
fn a_framing_is_a_form() {
    let form = Form::Framing(Framing::Eof);
    assert_eq!(read(&form, b"a\nb\n").unwrap(), [b"a\nb\n"]);
    assert_eq!(written(&form, FILE, &["a\n"]), b"a\n");
    let mut writer = form.writer(MAX, Look::default());
    let message = Outbound { payload: b"x", time_ns: None, index: 0, cut: false };
    let mut out = Outgoing::new();
    writer.encode(message, &context(), &mut out).unwrap();
    assert_eq!(writer.encode(message, &context(), &mut out), Err(EncodeError::OnlyOne));
}
